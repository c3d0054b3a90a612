//! One row per peer, one table per torrent.

use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Table, presets};

use super::{Page, torrent_name};
use crate::evidence::Grade;
use crate::report::document::{Document, Subject};
use crate::report::text::{counted, escaped, grouped};

/// Writes a section per torrent with any subject, and one for subjects of unknown torrents.
pub(super) fn write(document: &Document, page: &mut Page) {
    let dated = spans_days(document);
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
            continue;
        }
        let columns = columns(&subjects);
        let rows: Vec<Vec<String>> = subjects
            .iter()
            .map(|subject| columns.iter().map(|column| (column.value)(subject, dated)).collect())
            .collect();
        let room = page.width.saturating_sub(INDENT);
        let fits = |padding| table(&columns, &rows, room, padding);
        match fits(2).or_else(|| fits(1)) {
            Some(table) => page.block(&table),
            None => list(&columns, &rows, page),
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

/// The rows as a table with `padding` blanks between columns, or `None` when the figures are too wide for the page.
fn table(columns: &[Column], rows: &[Vec<String>], width: usize, padding: u16) -> Option<String> {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    // The padding behind the last column is blank and may leave the page.
    table.set_width(u16::try_from(width).unwrap_or(u16::MAX).saturating_add(padding));
    table.set_header(columns.iter().map(|column| column.name));
    table.add_rows(rows);
    for (drawn, column) in table.column_iter_mut().zip(columns) {
        drawn.set_padding((0, padding));
        match column.kind {
            ColumnKind::Word => drop(drawn.set_constraint(ColumnConstraint::ContentWidth)),
            ColumnKind::Figure => {
                drawn.set_constraint(ColumnConstraint::ContentWidth).set_cell_alignment(CellAlignment::Right);
            }
        }
    }
    let lines = table.to_string();
    lines.lines().all(|line| line.trim_end().chars().count() <= width).then_some(lines)
}

/// The rows one below the other, for narrow pages.
fn list(columns: &[Column], rows: &[Vec<String>], page: &mut Page) {
    for row in rows {
        let [peer, rest @ ..] = row.as_slice() else { continue };
        page.line(&peer.replace('\n', "  "));
        let pairs: Vec<_> =
            columns.iter().skip(1).zip(rest).map(|(column, value)| format!("{} {value}", column.name)).collect();
        page.line(&format!("  {}", pairs.join(", ")));
    }
}

/// A column of the table of peers.
#[derive(Clone, Copy)]
struct Column {
    name: &'static str,
    kind: ColumnKind,
    value: fn(&Subject, bool) -> String,
}

/// How a column is laid out.
#[derive(Clone, Copy)]
enum ColumnKind {
    /// Never broken.
    Word,
    /// Never broken, to the right.
    Figure,
}

/// The columns; `disputed` only where there is something in dispute.
fn columns(subjects: &[&Subject]) -> Vec<Column> {
    let disputed = subjects.iter().any(|subject| subject.disputed_bytes > 0);
    COLUMNS.iter().copied().filter(|column| disputed || column.name != "disputed").collect()
}

const COLUMNS: [Column; 11] = [
    Column { name: "peer", kind: ColumnKind::Word, value: |s, _| peer(s) },
    Column { name: "grade", kind: ColumnKind::Word, value: |s, _| grade(s) },
    Column { name: "served", kind: ColumnKind::Figure, value: |s, _| grouped(s.served_bytes) },
    Column { name: "verified", kind: ColumnKind::Figure, value: |s, _| grouped(s.verified_bytes) },
    Column { name: "sole", kind: ColumnKind::Figure, value: |s, _| grouped(s.sole_bytes) },
    Column { name: "refuted", kind: ColumnKind::Figure, value: |s, _| grouped(s.refuted_bytes) },
    Column { name: "disputed", kind: ColumnKind::Figure, value: |s, _| grouped(s.disputed_bytes) },
    Column { name: "unproven", kind: ColumnKind::Figure, value: |s, _| grouped(s.unproven_bytes) },
    Column { name: "pieces", kind: ColumnKind::Figure, value: |s, _| grouped(s.pieces_verified) },
    Column { name: "first", kind: ColumnKind::Word, value: |s, dated| seconds(&s.first_time, dated) },
    Column { name: "last", kind: ColumnKind::Word, value: |s, dated| seconds(&s.last_time, dated) },
];

/// The endpoint, the transport unless it is TCP, and on a second line the client.
fn peer(subject: &Subject) -> String {
    let mut text = subject.endpoint.clone();
    if subject.transport != "tcp" {
        text.push(' ');
        text.push_str(subject.transport);
    }
    let client = escaped(&subject.clients.join(", "));
    if !client.is_empty() {
        text.push('\n');
        text.extend(client.chars().take(CLIENT_WIDTH));
        if client.chars().count() > CLIENT_WIDTH {
            text.push_str("...");
        }
    }
    text
}

fn grade(subject: &Subject) -> String {
    let refuted = if subject.refuted_bytes > 0 && subject.grade != Grade::GX { "+GX" } else { "" };
    format!("{}{refuted}", subject.grade.name())
}

/// The time of day without fractions; with `dated`, month and day in front.
fn seconds(time: &str, dated: bool) -> String {
    let from = if dated { 5 } else { 11 };
    time.get(from..19).unwrap_or(time).replace('T', " ")
}

/// Whether the captures reach over midnight UTC, so that a time of day alone would be ambiguous.
fn spans_days(document: &Document) -> bool {
    let day = |time: &Option<String>| time.as_deref().and_then(|time| time.get(..10)).map(str::to_owned);
    day(&document.quality.first_time) != day(&document.quality.last_time)
}

/// Columns of the page before a table.
const INDENT: usize = 2;
// Rationale: room for every usual name and version; the full text is in report.json.
const CLIENT_WIDTH: usize = 24;
