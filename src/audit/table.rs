//! The answers as a table for the terminal: the sum of them first and last, each claim in one line, and below it what the page has no column for.

use super::captures::Captures;
use super::document::{ClaimRow, Document};
use super::letter::{beside, place as place_of};
use super::words::meaning;
use crate::report::grid::{Column, Table, figure, word};
use crate::report::{Detail, Page, Screen, bold, counted, grouped, visible};

/// The answers of `document` on a page: the sum of them first and last, and each claim in between.
pub fn table(document: &Document, screen: &Screen) -> String {
    let captures = Captures::of(document);
    let mut page = Page::new(screen.width);
    page.row(&bold(&summary(document)), 0, 2);
    let judged = document.claims.iter().filter(|claim| claim.status == "judged");
    let others = document.claims.iter().filter(|claim| claim.status != "judged");
    let claims: Vec<(&ClaimRow, [String; COLUMNS.len()])> =
        judged.chain(others).map(|claim| (claim, cells(claim, &captures))).collect();
    let rows = |below: &dyn Fn(&ClaimRow, &[String]) -> String| {
        let mut table = Table::new(COLUMNS.to_vec(), LEAD);
        claims.iter().for_each(|(claim, cells)| table.explained(cells.to_vec(), below(claim, cells)));
        table
    };
    if !claims.is_empty() {
        page.blank();
        // What no column has room for stands below.
        let left_out = rows(&|_, _| String::new()).write(&mut Page::new(screen.width));
        let is_left_out = |at: &usize| COLUMNS.get(*at).is_some_and(|column| left_out.contains(column));
        let below = |claim: &ClaimRow, cells: &[String]| match screen.detail {
            Detail::Answer => String::new(),
            Detail::Page | Detail::All => {
                let cell = |at| Some(at).filter(is_left_out).and_then(|at| labelled(at, cells.get(at)?));
                let place = place(claim).filter(|_| is_left_out(&NOTICE));
                place.into_iter().chain(BELOW.into_iter().filter_map(cell)).collect::<Vec<_>>().join(", ")
            }
        };
        rows(&below).write(&mut page);
    }
    covered(document, &mut page);
    if screen.detail != Detail::Answer {
        words(document, &mut page);
        next(document, &mut page);
    }
    if !claims.is_empty() {
        // The answer is the last line, where a shell shows it.
        page.blank();
        page.row(&bold(&summary(document)), 0, 2);
    }
    page.finish(screen.colour)
}

/// The columns of the table, left to right; those of wide pages give way first, the last of them before the others.
const COLUMNS: [Column; 10] = [
    figure("#"),
    word("address"),
    word("notice").from(WIDE),
    word("stated (UTC)").from(NARROW),
    word("torrent").from(WIDE),
    word("act").from(WIDE),
    word("verdict"),
    word("grade"),
    word("standard"),
    word("why").from(WIDE),
];
/// Those that say whose row it is.
const LEAD: usize = 2;
const NOTICE: usize = 2;
const STATED: usize = 3;
const ACT: usize = 5;
/// Those that stand below a row where they have no place in it, in this order.
const BELOW: [usize; 4] = [STATED, ACT, 4, 9];

/// A cell as it stands below a row; nothing of one that is empty.
fn labelled(at: usize, cell: &str) -> Option<String> {
    let text = match at {
        STATED => format!("stated for {cell} UTC"),
        ACT => format!("act {cell}"),
        _ => cell.to_owned(),
    };
    (!matches!(cell, "" | "-")).then_some(text)
}

fn cells(claim: &ClaimRow, captures: &Captures<'_>) -> [String; COLUMNS.len()] {
    let who = &claim.claim.who;
    let address = match (&who.address, who.port) {
        (Some(address), Some(port)) if address.contains(':') => format!("[{address}]:{port}"),
        (Some(address), Some(port)) => format!("{address}:{port}"),
        (Some(address), None) => address.clone(),
        (None, _) => "-".to_owned(),
    };
    let from = claim.claim.when.as_ref().and_then(|when| when.from.as_deref());
    let stated = from.map_or("-".to_owned(), |from| from.chars().take(19).collect::<String>().replace('T', " "));
    let is_judged = claim.status == "judged";
    let hash = claim.claim.what.as_ref().and_then(|what| what.hashes.first()).filter(|_| is_judged);
    [
        if is_judged { claim.id.to_string() } else { "-".to_owned() },
        address,
        place(claim).unwrap_or_default(),
        stated,
        hash.map_or("-".to_owned(), |hash| format!("{}...", hash.value.chars().take(8).collect::<String>())),
        if is_judged { claim.claim.act.to_owned() } else { "-".to_owned() },
        said(claim).to_owned(),
        graded(claim),
        match claim.standard {
            Some("not-applicable") | None => "-".to_owned(),
            Some(standard) => standard.replace('-', " "),
        },
        why(claim, captures),
    ]
}

/// Where the claim stands: the notice, and its part and line.
fn place(claim: &ClaimRow) -> Option<String> {
    let notice = &claim.notice;
    let mut words = vec![visible(&notice.input)];
    words.extend((!notice.part.is_empty()).then(|| format!("part {}", visible(&notice.part))));
    words.extend(notice.line.map(|line| format!("line {line}")));
    Some(words.join(", ")).filter(|place| !place.is_empty())
}

/// `G7+GX`: the grade, and what stands beside it.
fn graded(claim: &ClaimRow) -> String {
    let differs = claim.flags.iter().any(|flag| flag.id == "refuted-bytes");
    match claim.grade {
        Some(grade) if differs && grade != "GX" => format!("{grade}+GX"),
        grade => grade.unwrap_or("-").to_owned(),
    }
}

/// Why the answer is what it is: its reasons and flags, and the frames that show it.
fn why(claim: &ClaimRow, captures: &Captures<'_>) -> String {
    let mut words: Vec<String> = claim.reasons.iter().map(|reason| reason.id.to_owned()).collect();
    let flags = claim.flags.iter().map(|flag| flag.id.to_owned()).filter(|flag| !words.contains(flag));
    words.extend(flags.collect::<Vec<_>>());
    if let Some(time) = claim.time.as_ref().filter(|time| !time.hints.is_empty()) {
        let hints: Vec<&str> = time.hints.iter().take(3).map(String::as_str).collect();
        words.push(format!("would fit at {}", hints.join(", ")));
    }
    if matches!(claim.verdict, Some("supported" | "supported-in-part")) {
        words.extend(beside(claim));
    }
    let found = claim.evidence.as_ref();
    let chain = found
        .filter(|_| super::document::is_met(claim))
        .and_then(|found| Some([found.advertised.as_ref()?, found.requested.as_ref()?, found.served.as_ref()?]))
        .map(|chain| chain.map(|place| captures.cite(&place.frames)));
    words.extend(match chain {
        Some([said, asked, sent]) => Some(format!("said {said}; asked {asked}; sent {sent}")),
        None => {
            found.and_then(|found| place_of(claim, found).frames.as_ref()).map(|frames| captures.frames(frames))
        }
    });
    words.extend(claim.claim.found.as_deref().map(visible));
    words.join(", ")
}

/// When the captures ran.
fn covered(document: &Document, page: &mut Page) {
    let Some(coverage) = document.claims.iter().find_map(|claim| claim.coverage.as_ref()) else { return };
    let cut = |time: &str| time.chars().take(19).collect::<String>().replace('T', " ");
    let runs: Vec<String> =
        coverage.time.iter().take(3).map(|run| format!("{} to {}", cut(&run.from), cut(&run.to))).collect();
    let more = coverage.time.len().saturating_sub(3);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let runs = if runs.is_empty() { "nothing".to_owned() } else { runs.join("; ") };
    page.line(&format!("Captured, UTC: {runs}{more}."));
}

fn summary(document: &Document) -> String {
    let judged = document.claims.iter().filter(|claim| claim.verdict.is_some()).count();
    let met = document.claims.iter().filter(|claim| super::document::is_met(claim)).count();
    let of = |is_judged: bool| {
        let own = |word: &&String| {
            document.claims.iter().any(|claim| claim.verdict.is_some() == is_judged && said(claim) == word.as_str())
        };
        let words = document.summary.iter().filter(|(word, _)| own(word));
        words.map(|(word, count)| format!("{} {word}", grouped(*count))).collect::<Vec<_>>().join(", ")
    };
    let mut out = match judged {
        0 => "No claim judged.".to_owned(),
        _ => format!(
            "{} judged: {}; {met} {} the standard of proof.",
            counted(judged as u64, "claim"),
            of(true),
            if met == 1 { "meets" } else { "meet" }
        ),
    };
    let others = document.claims.len().saturating_sub(judged);
    if others > 0 {
        out.push_str(&format!(" {} not judged: {}.", grouped(others as u64), of(false)));
    }
    if document.claims_left_out > 0 {
        let more = counted(document.claims_left_out, "further claim");
        let were = if document.claims_left_out == 1 { "was" } else { "were" };
        out.push_str(&format!(" {more} {were} not read: a bound was reached."));
    }
    out
}

/// The verdict, or the status where there is none.
fn said(claim: &ClaimRow) -> &'static str {
    claim.verdict.unwrap_or(claim.status)
}

/// The codes of the table in words, each once, in their order.
fn words(document: &Document, page: &mut Page) {
    let mut codes: Vec<&str> = Vec::new();
    for claim in &document.claims {
        let reasons = claim.reasons.iter().map(|reason| reason.id);
        for code in [said(claim)].into_iter().chain(reasons).chain(claim.flags.iter().map(|flag| flag.id)) {
            if !codes.contains(&code) {
                codes.push(code);
            }
        }
    }
    let lines: Vec<String> =
        codes.iter().filter_map(|code| meaning(code).map(|meaning| format!("{code}: {meaning}."))).collect();
    if !lines.is_empty() {
        page.heading("WORDS");
        lines.iter().for_each(|line| page.row(line, 2, 4));
    }
}

/// Where the letters are.
fn next(document: &Document, page: &mut Page) {
    let letters = match document.claims.len() {
        0 => return,
        1 => "letters/1.txt".to_owned(),
        many => format!("letters/1.txt to letters/{many}.txt"),
    };
    page.blank();
    page.row(&format!("NEXT  -o DIR writes a letter for each claim, in sentences: {letters} in DIR."), 0, 2);
}

// Rationale: an address, a time and a verdict side by side.
const NARROW: usize = 80;
// Rationale: from there on a claim is one line, as notices.md has it.
const WIDE: usize = 140;
