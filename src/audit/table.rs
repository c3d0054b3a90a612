//! The answers as a table for the terminal, each claim in one line and its reasons below.

use super::captures::Captures;
use super::document::{ClaimRow, Document};
use super::letter::beside;
use super::words::meaning;
use crate::report::{counted, grouped, visible, wrapped};

/// The table of `document`, lines of at most `width` characters.
pub fn table(document: &Document, width: usize) -> String {
    let width = width.max(NARROWEST);
    let captures = Captures::of(document);
    let judged = document.claims.iter().filter(|claim| claim.status == "judged");
    let others = document.claims.iter().filter(|claim| claim.status != "judged");
    let header = ["#", "address", "stated (UTC)", "verdict", "grade", "standard"].map(str::to_owned);
    let mut rows: Vec<[String; 6]> = vec![header];
    let mut below: Vec<String> = vec![String::new()];
    for claim in judged.chain(others) {
        rows.push(cells(claim));
        below.push(details(claim, &captures));
    }
    let mut widths = [0; 6];
    for row in &rows {
        for (known, cell) in widths.iter_mut().zip(row) {
            *known = (*known).max(cell.chars().count());
        }
    }
    let mut out = String::new();
    for (row, below) in rows.iter().zip(&below) {
        let cells: Vec<String> = row
            .iter()
            .zip(widths)
            .enumerate()
            .map(
                |(index, (cell, width))| {
                    if index == 0 { format!("{cell:>width$}") } else { format!("{cell:<width$}") }
                },
            )
            .collect();
        let line = format!("  {}", cells.join("  "));
        out.push_str(&wrapped(line.trim_end(), width, 5));
        out.push('\n');
        if !below.is_empty() {
            out.push_str(&wrapped(&format!("     {below}"), width, 5));
            out.push('\n');
        }
    }
    out.push_str(&covered(document, width));
    for section in [words(document, width), next(document, width)].into_iter().filter(|text| !text.is_empty()) {
        out.push('\n');
        out.push_str(&section);
    }
    // The answer is the last line, where a shell shows it.
    out.push('\n');
    out.push_str(&wrapped(&summary(document), width, 2));
    out.push('\n');
    out
}

fn cells(claim: &ClaimRow) -> [String; 6] {
    let who = &claim.claim.who;
    let address = match (&who.address, who.port) {
        (Some(address), Some(port)) if address.contains(':') => format!("[{address}]:{port}"),
        (Some(address), Some(port)) => format!("{address}:{port}"),
        (Some(address), None) => address.clone(),
        (None, _) => "-".to_owned(),
    };
    let from = claim.claim.when.as_ref().and_then(|when| when.from.as_deref());
    let stated = from.map_or("-".to_owned(), |from| from.chars().take(19).collect::<String>().replace('T', " "));
    let number = if claim.status == "judged" { claim.id.to_string() } else { "-".to_owned() };
    [
        number,
        address,
        stated,
        said(claim).to_owned(),
        graded(claim),
        match claim.standard {
            Some("not-applicable") | None => "-".to_owned(),
            Some(standard) => standard.replace('-', " "),
        },
    ]
}

/// `G7+GX`: the grade, and what stands beside it.
fn graded(claim: &ClaimRow) -> String {
    let differs = claim.flags.iter().any(|flag| flag.id == "refuted-bytes");
    match claim.grade {
        Some(grade) if differs && grade != "GX" => format!("{grade}+GX"),
        grade => grade.unwrap_or("-").to_owned(),
    }
}

/// Where the claim stands, what it claims, and why the answer is what it is.
fn details(claim: &ClaimRow, captures: &Captures<'_>) -> String {
    let notice = &claim.notice;
    let mut words = vec![visible(&notice.input)];
    words.extend((!notice.part.is_empty()).then(|| format!("part {}", notice.part)));
    words.extend(notice.line.map(|line| format!("line {line}")));
    if claim.status == "judged" {
        words.push(format!("act {}", claim.claim.act));
        let hash = claim.claim.what.as_ref().and_then(|what| what.hashes.first());
        words.extend(hash.map(|hash| format!("{}...", hash.value.chars().take(8).collect::<String>())));
    }
    words.extend(claim.reasons.iter().map(|reason| reason.id.to_owned()));
    words.extend(claim.flags.iter().map(|flag| flag.id.to_owned()));
    if let Some(time) = claim.time.as_ref().filter(|time| !time.hints.is_empty()) {
        let hints: Vec<&str> = time.hints.iter().take(3).map(String::as_str).collect();
        words.push(format!("would fit at {}", hints.join(", ")));
    }
    if matches!(claim.verdict, Some("supported" | "supported-in-part")) {
        words.extend(beside(claim));
    }
    let frames = claim.evidence.as_ref().and_then(|found| found.frames.as_ref());
    words.extend(frames.map(|frames| captures.frames(frames)));
    words.extend(claim.claim.found.as_deref().map(visible));
    words.join(", ")
}

/// When the captures ran.
fn covered(document: &Document, width: usize) -> String {
    let Some(coverage) = document.claims.iter().find_map(|claim| claim.coverage.as_ref()) else {
        return String::new();
    };
    let cut = |time: &str| time.chars().take(19).collect::<String>().replace('T', " ");
    let runs: Vec<String> =
        coverage.time.iter().take(3).map(|run| format!("{} to {}", cut(&run.from), cut(&run.to))).collect();
    let more = coverage.time.len().saturating_sub(3);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let text =
        format!("  Captured, UTC: {}{more}.", if runs.is_empty() { "nothing".to_owned() } else { runs.join("; ") });
    format!("{}\n", wrapped(&text, width, 2))
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
fn words(document: &Document, width: usize) -> String {
    let mut codes: Vec<&str> = Vec::new();
    for claim in &document.claims {
        let reasons = claim.reasons.iter().map(|reason| reason.id);
        for code in [said(claim)].into_iter().chain(reasons).chain(claim.flags.iter().map(|flag| flag.id)) {
            if !codes.contains(&code) {
                codes.push(code);
            }
        }
    }
    let lines = codes.iter().filter_map(|code| {
        meaning(code).map(|meaning| format!("{}\n", wrapped(&format!("  {code}: {meaning}."), width, 4)))
    });
    let lines: String = lines.collect();
    if lines.is_empty() { lines } else { format!("WORDS\n{lines}") }
}

/// Where the letters are.
fn next(document: &Document, width: usize) -> String {
    let letters = match document.claims.len() {
        0 => return String::new(),
        1 => "letters/1.txt".to_owned(),
        many => format!("letters/1.txt to letters/{many}.txt"),
    };
    let text = format!("NEXT  -o DIR writes a letter for each claim, in sentences: {letters} in DIR.");
    format!("{}\n", wrapped(&text, width, 2))
}

// Rationale: an address, a time and a verdict side by side.
const NARROWEST: usize = 60;
