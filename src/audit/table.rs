//! The answers as a table for the terminal, each claim in one line and its reasons below.

use super::document::{ClaimRow, Document};
use crate::report::{counted, visible, wrapped};

/// The table of `document`, lines of at most `width` characters.
pub fn table(document: &Document, width: usize) -> String {
    let width = width.max(NARROWEST);
    let judged = document.claims.iter().filter(|claim| claim.status == "judged");
    let others = document.claims.iter().filter(|claim| claim.status != "judged");
    let header = ["#", "address", "stated (UTC)", "verdict", "grade", "standard"].map(str::to_owned);
    let mut rows: Vec<[String; 6]> = vec![header];
    let mut below: Vec<String> = vec![String::new()];
    for claim in judged.chain(others) {
        rows.push(cells(claim));
        below.push(details(claim));
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
        let line = cells.join("  ");
        out.push_str(&wrapped(line.trim_end(), width, 5));
        out.push('\n');
        if !below.is_empty() {
            out.push_str(&wrapped(&format!("     {below}"), width, 5));
            out.push('\n');
        }
    }
    out.push_str(&covered(document, width));
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
        claim.verdict.unwrap_or(claim.status).to_owned(),
        claim.grade.unwrap_or("-").to_owned(),
        claim.standard.unwrap_or("-").to_owned(),
    ]
}

/// Where the claim stands, what it claims, and why the answer is what it is.
fn details(claim: &ClaimRow) -> String {
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
    if let Some(frames) = claim.evidence.as_ref().and_then(|found| found.frames) {
        words.push(if frames.first == frames.last {
            format!("frame {}", frames.first)
        } else {
            format!("frames {}-{}", frames.first, frames.last)
        });
    }
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
        format!("Captured, UTC: {}{more}.", if runs.is_empty() { "nothing".to_owned() } else { runs.join("; ") });
    format!("{}\n", wrapped(&text, width, 2))
}

fn summary(document: &Document) -> String {
    let judged = document.claims.iter().filter(|claim| claim.verdict.is_some()).count();
    let met = document.claims.iter().filter(|claim| super::document::is_met(claim)).count();
    let parts: Vec<String> = document.summary.iter().map(|(word, count)| format!("{count} {word}")).collect();
    let left_out = match document.claims_left_out {
        0 => String::new(),
        more => format!(" {} were not read: a bound was reached.", counted(more, "further claim")),
    };
    format!(
        "{} judged: {}; {met} with the standard of proof met.{left_out}",
        counted(judged as u64, "claim"),
        if parts.is_empty() { "none".to_owned() } else { parts.join(", ") }
    )
}

// Rationale: an address, a time and a verdict side by side.
const NARROWEST: usize = 60;
