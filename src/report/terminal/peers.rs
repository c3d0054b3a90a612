//! One row per peer, one table per torrent.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::grid::{self, Column, ColumnKind, Dated, seconds};
use super::{Page, endpoint, listed, port_basis, torrent_name};
use crate::ends::InfoHash;
use crate::evidence::Grade;
use crate::report::notes::{notes, of_torrents};
use crate::report::text::{counted, grouped, quoted};
use crate::report::{Document, Subject};
use crate::torrent::Source;

/// Writes a section per torrent with any subject, and one for subjects of unknown torrents.
pub(super) fn write(document: &Document, dated: Dated, page: &mut Page) {
    let mut torrents: BTreeMap<(bool, Option<&InfoHash>), Vec<&Subject>> = BTreeMap::new();
    for subject in &document.subjects {
        let hash = subject.info_hash.as_ref();
        torrents.entry((hash.is_none(), hash)).or_default().push(subject);
    }
    let more = torrents.len().saturating_sub(MOST_TORRENTS);
    for ((_, hash), mut subjects) in torrents.into_iter().take(MOST_TORRENTS) {
        subjects.sort_by_key(|each| Reverse((each.bytes.verified, each.bytes.served, each.grade)));
        torrent(document, hash, page);
        grid::write(&subjects, &COLUMNS, dated, "peer", "subjects", page);
        ports(&subjects, page);
        clients(&subjects, page);
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

fn torrent(document: &Document, hash: Option<&InfoHash>, page: &mut Page) {
    page.heading(&format!("PEERS of {}", torrent_name(document, hash)));
    let Some(torrent) = document.torrents.iter().find(|torrent| Some(&torrent.info_hash) == hash) else {
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
        if torrent.source == Some(Source::Capture) {
            page.line(
                "its description (the info dictionary) was not given: it was rebuilt from the captures, and matches \
                 the info-hash",
            );
        }
        page.line(&format!(
            "{} served in all; {} of the torrent verified at least once, {} of {} verified whole",
            counted(torrent.bytes.served, "byte"),
            counted(torrent.unique, "byte"),
            grouped(torrent.pieces_verified),
            counted(pieces, "piece"),
        ));
    } else {
        page.line(&format!(
            "info-hash {}; {}, so nothing can be verified; {} served in all",
            torrent.info_hash,
            match torrent.source {
                None => "no torrent file with this info-hash was given",
                Some(_) => "only a magnet link was given, and its description (the info dictionary) is not in the captures",
            },
            counted(torrent.bytes.served, "byte")
        ));
    }
}

/// The columns. The classes of the accounting identity that are usually zero stand only where they are not, so that
/// `served` is always the sum of what is shown: verified, refuted, disputed, unproven, repeated, pad.
const COLUMNS: [Column<Subject>; 15] = [
    word("peer", |s, _| endpoint(s)),
    word("grade", |s, _| grade(s)),
    Column { needed: |s| s.actionable, ..word("standard", |s, _| if s.actionable { "met" } else { "-" }.into()) },
    figure("served", |s, _| grouped(s.bytes.served)),
    figure("verified", |s, _| grouped(s.bytes.verified)),
    figure("sole", |s, _| grouped(s.bytes.sole)),
    figure("refuted", |s, _| grouped(s.bytes.refuted)),
    Column { needed: |s| s.bytes.disputed > 0, ..figure("disputed", |s, _| grouped(s.bytes.disputed)) },
    figure("unproven", |s, _| grouped(s.bytes.unproven)),
    Column { needed: |s| s.bytes.repeated > 0, ..figure("repeated", |s, _| grouped(s.bytes.repeated)) },
    Column { needed: |s| s.bytes.pad > 0, ..figure("pad", |s, _| grouped(s.bytes.pad)) },
    Column { needed: |s| s.bytes.lost > 0, ..figure("lost", |s, _| grouped(s.bytes.lost)) },
    figure("pieces", |s, _| grouped(s.pieces_verified)),
    word("first", |s, dated| seconds(s.first_time, dated)),
    word("last", |s, dated| seconds(s.last_time, dated)),
];

const fn word(name: &'static str, value: fn(&Subject, Dated) -> String) -> Column<Subject> {
    Column { name, kind: ColumnKind::Word, value, needed: |_| true }
}

const fn figure(name: &'static str, value: fn(&Subject, Dated) -> String) -> Column<Subject> {
    Column { name, kind: ColumnKind::Figure, value, needed: |_| true }
}

/// The clients of a table, each with its peers. They stand below it, between quotes: a client can name itself as it
/// likes, even as a row.
fn clients(subjects: &[&Subject], page: &mut Page) {
    let mut clients: BTreeMap<&BTreeSet<String>, Vec<&Subject>> = BTreeMap::new();
    for subject in subjects.iter().filter(|subject| !subject.clients.is_empty()) {
        clients.entry(&subject.clients).or_default().push(subject);
    }
    let more = clients.len().saturating_sub(MOST_CLIENTS);
    for (names, subjects) in clients.into_iter().take(MOST_CLIENTS) {
        let Some(first) = names.first() else { continue };
        page.line(&format!(
            "client {}{}: {}",
            quoted(first, CLIENT_WIDTH),
            match names.len() as u64 - 1 {
                0 => String::new(),
                others => format!(" and {} more", grouped(others)),
            },
            listed(&subjects, endpoint)
        ));
    }
    if more > 0 {
        page.line(&format!("and {}, see `clients` in report.json", counted(more as u64, "more client")));
    }
}

/// The peers of a table whose port is the one that they declared, with those that they sent from.
fn ports(subjects: &[&Subject], page: &mut Page) {
    let named = |subject: &&Subject| Some(format!("{} {}", endpoint(subject), port_basis(subject)?.0));
    let declared: Vec<_> = subjects.iter().filter_map(named).collect();
    for line in declared.iter().take(MOST_CLIENTS) {
        page.line(line);
    }
    if let Some(more @ 1..) = declared.len().checked_sub(MOST_CLIENTS) {
        page.line(&format!("and {}, see `port_basis` in report.json", counted(more as u64, "more declared port")));
    }
}

fn grade(subject: &Subject) -> String {
    let refuted = if subject.bytes.refuted > 0 && subject.grade != Grade::GX { "+GX" } else { "" };
    format!("{}{refuted}", subject.grade.name())
}

// Rationale: room for every usual name and version; the full text is in report.json.
const CLIENT_WIDTH: usize = 24;
// Rationale: a swarm has a dozen of clients in common use; a crowd of names would hide the next table.
const MOST_CLIENTS: usize = 12;
// Rationale: a crawler's capture names thousands of torrents; each table is a screen.
const MOST_TORRENTS: usize = 50;
// Rationale: a directory of torrents may be given whole; those that play no part are in report.json.
const MOST_UNSEEN: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    fn peers(document: &Document) -> String {
        let mut page = Page { text: String::new(), width: 120 };
        write(document, Dated::SameDay, &mut page);
        page.text
    }

    #[test]
    fn a_client_cannot_pose_as_a_row() {
        let mut document = fixture::document();
        document.subjects[0].clients = ["198.51.100.66:6881 G9+GX".into()].into();
        let text = peers(&document);
        assert!(
            text.lines().any(|line| line == "  client \"198.51.100.66:6881 G9+GX\": 10.77.3.10:6881"),
            "{text}"
        );
        assert!(text.lines().all(|line| !line.trim_start().starts_with("198.51.100.66")), "{text}");
    }

    #[test]
    fn a_client_that_was_escaped_when_it_was_read_is_not_escaped_again() {
        let mut document = fixture::document();
        document.subjects[0].clients = ["a\\u{202e}b".into(), "c".into()].into();
        assert!(
            peers(&document).contains("client \"a\\u{202e}b\" and 1 more: 10.77.3.10:6881"),
            "{}",
            peers(&document)
        );
    }

    #[test]
    fn a_torrent_of_a_bare_magnet_link_has_its_info_hash_said() {
        let mut document = fixture::document();
        let torrent = &mut document.torrents[0];
        (torrent.source, torrent.size, torrent.pieces) = (Some(Source::Magnet), None, None);
        let text = peers(&document);
        let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(flat.contains(&format!("info-hash {}; only a magnet link was given", "c3".repeat(20))), "{text}");
    }
}
