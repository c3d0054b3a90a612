//! One row per peer, one table per torrent.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

use super::{Page, clock, torrent_name};
use crate::report::document::{Document, Subject};
use crate::report::text::{counted, escaped, grouped};

/// Writes a section per torrent with any subject, and one for subjects of unknown torrents.
pub(super) fn write(document: &Document, page: &mut Page) {
    let mut hashes: Vec<Option<&str>> =
        document.subjects.iter().map(|subject| subject.info_hash.as_deref()).collect();
    hashes.extend(document.torrents.iter().map(|torrent| Some(torrent.info_hash.as_str())));
    hashes.sort_unstable_by_key(|hash| (hash.is_none(), *hash));
    hashes.dedup();
    for hash in hashes {
        let mut subjects: Vec<_> =
            document.subjects.iter().filter(|each| each.info_hash.as_deref() == hash).collect();
        subjects.sort_by_key(|each| std::cmp::Reverse((each.verified_bytes, each.served_bytes, each.grade)));
        torrent(document, hash, page);
        if subjects.is_empty() {
            page.line("no peer of this torrent is in the captures");
        } else if page.width >= TABLE_WIDTH {
            table(document, &subjects, page);
        } else {
            list(document, &subjects, page);
        }
    }
}

fn torrent(document: &Document, hash: Option<&str>, page: &mut Page) {
    page.heading(&format!("PEERS of {}", torrent_name(document, hash)));
    let Some(torrent) = document.torrents.iter().find(|torrent| Some(torrent.info_hash.as_str()) == hash) else {
        return;
    };
    if let (Some(size), Some(pieces), Some(length)) = (torrent.size, torrent.pieces, torrent.piece_length) {
        page.line(&format!(
            "info-hash {}, {} in {} of {}",
            torrent.info_hash,
            counted(size, "byte"),
            counted(pieces, "piece"),
            counted(length, "byte")
        ));
        page.line(&format!(
            "{} served in all; {} of the torrent verified at least once, {} of {} verified whole",
            counted(torrent.served_bytes, "byte"),
            counted(torrent.unique_bytes, "byte"),
            grouped(torrent.pieces_verified),
            counted(pieces, "piece"),
        ));
    } else {
        page.line(&format!(
            "no torrent file with this info-hash was given, so nothing can be verified; {} served in all",
            counted(torrent.served_bytes, "byte")
        ));
    }
}

fn table(document: &Document, subjects: &[&Subject], page: &mut Page) {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    // Two columns of the page are its indentation.
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(u16::try_from(page.width.saturating_sub(2)).unwrap_or(u16::MAX));
    table.set_header(HEADER);
    let dated = spans_days(document);
    for subject in subjects {
        table.add_row(row(subject, dated));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
        if FIGURES.contains(&column.index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        if column.index != CLIENT && column.index < TIMES {
            column.set_constraint(comfy_table::ColumnConstraint::ContentWidth);
        }
    }
    page.block(&table.to_string());
}

fn list(document: &Document, subjects: &[&Subject], page: &mut Page) {
    let dated = spans_days(document);
    for subject in subjects {
        let row = row(subject, dated);
        let [endpoint, client, rest @ ..] = &row;
        page.line(&format!("{endpoint} {client}"));
        let pairs: Vec<_> =
            HEADER.iter().skip(2).zip(rest).map(|(name, value)| format!("{name} {value}")).collect();
        page.line(&format!("  {}", pairs.join(", ")));
    }
}

fn row(subject: &Subject, dated: bool) -> [String; 11] {
    let refuted = if subject.refuted_bytes > 0 && subject.grade.name() != "GX" { "+GX" } else { "" };
    [
        if subject.transport == "tcp" {
            subject.endpoint.clone()
        } else {
            format!("{} {}", subject.endpoint, subject.transport)
        },
        escaped(&subject.clients.join(", ")),
        format!("{}{refuted}", subject.grade.name()),
        grouped(subject.served_bytes),
        grouped(subject.verified_bytes),
        grouped(subject.sole_bytes),
        grouped(subject.refuted_bytes),
        grouped(subject.unproven_bytes.saturating_add(subject.disputed_bytes)),
        grouped(subject.pieces_verified),
        clock(&subject.first_time, dated),
        clock(&subject.last_time, dated),
    ]
}

/// Whether the captures reach over midnight UTC, so that a time of day alone would be ambiguous.
fn spans_days(document: &Document) -> bool {
    let day = |time: &Option<String>| time.as_deref().and_then(|time| time.get(..10)).map(str::to_owned);
    day(&document.quality.first_time) != day(&document.quality.last_time)
}

const HEADER: [&str; 11] =
    ["peer", "client", "grade", "served", "verified", "sole", "refuted", "undecided", "pieces", "first", "last"];
const CLIENT: usize = 1;
const FIGURES: std::ops::Range<usize> = 3..9;
const TIMES: usize = 9;
// Rationale: the table's narrowest useful form; below it figures would break over lines.
const TABLE_WIDTH: usize = 116;
