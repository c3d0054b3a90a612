//! One row per peer, one table per torrent.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::grid::{self, Column, ColumnKind, Dated, seconds};
use super::{Page, endpoint, port_basis, torrent_name};
use crate::evidence::Grade;
use crate::report::document::{Document, Subject};
use crate::report::notes::{notes, of_torrents};
use crate::report::text::{counted, escaped, grouped};

/// Writes a section per torrent with any subject, and one for subjects of unknown torrents.
pub(super) fn write(document: &Document, dated: Dated, page: &mut Page) {
    let mut torrents: BTreeMap<(bool, Option<&str>), Vec<&Subject>> = BTreeMap::new();
    for subject in &document.subjects {
        let hash = subject.info_hash.as_deref();
        torrents.entry((hash.is_none(), hash)).or_default().push(subject);
    }
    let more = torrents.len().saturating_sub(MOST_TORRENTS);
    for ((_, hash), mut subjects) in torrents.into_iter().take(MOST_TORRENTS) {
        subjects.sort_by_key(|each| Reverse((each.verified_bytes, each.served_bytes, each.grade)));
        torrent(document, hash, page);
        grid::write(&subjects, &COLUMNS, dated, "peer", "subjects", page);
    }
    if more > 0 {
        page.heading(&format!("PEERS of {}", counted(more as u64, "more torrent")));
        page.line("not shown here: `--format csv --table subjects` and report.json list all");
    }
    if document.unlisted.is_some() {
        page.heading("PEERS not listed");
        notes(document).first().into_iter().for_each(|note| page.line(note));
    }
    unseen(document, page);
}

/// The torrents of which no peer is in the captures.
fn unseen(document: &Document, page: &mut Page) {
    let notes = notes(document);
    let unseen = of_torrents(document, &notes);
    if unseen.is_empty() {
        return;
    }
    page.heading("NOT IN THE CAPTURES");
    unseen.iter().take(MOST_UNSEEN).for_each(|note| page.line(note));
    if let Some(more @ 1..) = unseen.len().checked_sub(MOST_UNSEEN) {
        page.line(&format!("and of {}, see `notes` in report.json", counted(more as u64, "more torrent")));
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
        if torrent.source == Some("capture") {
            page.line(
                "its description (the info dictionary) was not given: it was rebuilt from the captures, and matches \
                 the info-hash",
            );
        }
        page.line(&format!(
            "{} served in all; {} of the torrent verified at least once, {} of {} verified whole",
            counted(torrent.served_bytes, "byte"),
            counted(torrent.unique_bytes, "byte"),
            grouped(torrent.pieces_verified),
            counted(pieces, "piece"),
        ));
    } else {
        page.line(&format!(
            "{}, so nothing can be verified; {} served in all",
            match torrent.source {
                None => "no torrent file with this info-hash was given",
                Some(_) => "the pieces of this torrent are not known",
            },
            counted(torrent.served_bytes, "byte")
        ));
    }
}

/// The columns. The classes of the accounting identity that are usually zero stand only where they are not, so that
/// `served` is always the sum of what is shown: verified, refuted, disputed, unproven, repeated, pad.
const COLUMNS: [Column<Subject>; 15] = [
    word("peer", |s, _| peer(s)),
    word("grade", |s, _| grade(s)),
    Column { needed: |s| s.actionable, ..word("standard", |s, _| if s.actionable { "met" } else { "-" }.into()) },
    figure("served", |s, _| grouped(s.served_bytes)),
    figure("verified", |s, _| grouped(s.verified_bytes)),
    figure("sole", |s, _| grouped(s.sole_bytes)),
    figure("refuted", |s, _| grouped(s.refuted_bytes)),
    Column { needed: |s| s.disputed_bytes > 0, ..figure("disputed", |s, _| grouped(s.disputed_bytes)) },
    figure("unproven", |s, _| grouped(s.unproven_bytes)),
    Column { needed: |s| s.repeated_bytes > 0, ..figure("repeated", |s, _| grouped(s.repeated_bytes)) },
    Column { needed: |s| s.pad_bytes > 0, ..figure("pad", |s, _| grouped(s.pad_bytes)) },
    Column { needed: |s| s.lost_bytes > 0, ..figure("lost", |s, _| grouped(s.lost_bytes)) },
    figure("pieces", |s, _| grouped(s.pieces_verified)),
    word("first", |s, dated| seconds(&s.first_time, dated)),
    word("last", |s, dated| seconds(&s.last_time, dated)),
];

const fn word(name: &'static str, value: fn(&Subject, Dated) -> String) -> Column<Subject> {
    Column { name, kind: ColumnKind::Word, value, needed: |_| true }
}

const fn figure(name: &'static str, value: fn(&Subject, Dated) -> String) -> Column<Subject> {
    Column { name, kind: ColumnKind::Figure, value, needed: |_| true }
}

/// The name, and on lines of their own what its port rests on, and the client.
fn peer(subject: &Subject) -> String {
    let mut text = endpoint(subject);
    let basis = port_basis(subject);
    if !basis.is_empty() {
        text.push('\n');
        text.push_str(&basis);
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

// Rationale: room for every usual name and version; the full text is in report.json.
const CLIENT_WIDTH: usize = 24;
// Rationale: a crawler's capture names thousands of torrents; each table is a screen.
const MOST_TORRENTS: usize = 50;
// Rationale: a directory of torrents may be given whole; those that play no part are in report.json.
const MOST_UNSEEN: usize = 20;
