//! One row per peer, one table per torrent, peers of one address below each other and never summed.

use std::collections::BTreeMap;

use super::grid::{Column, Table, figure, word};
use super::names::{View, endpoint, graded, listed, named_cell, sent_from};
use super::page::Page;
use super::screen::{Detail, PEERS};
use super::words;
use crate::ends::{InfoHash, Transport};
use crate::evidence::{Bytes, Grade};
use crate::report::Subject;
use crate::report::text::{counted, grouped};
use crate::torrent::Source;

/// Writes a section per torrent with any peer, and one for peers of unknown torrents; then the words of the tables.
pub(super) fn write(view: &View<'_>, page: &mut Page) {
    let mut torrents: BTreeMap<(bool, Option<&InfoHash>), Vec<&Subject>> = BTreeMap::new();
    for subject in &view.peers {
        let hash = subject.info_hash.as_ref();
        torrents.entry((hash.is_none(), hash)).or_default().push(subject);
    }
    if torrents.is_empty() {
        page.heading("PEERS");
        page.line(if view.unread.hides { "None that could be read." } else { "None." });
        return;
    }
    let most = if view.screen.detail == Detail::All { usize::MAX } else { MOST_TORRENTS };
    let more = torrents.len().saturating_sub(most);
    for (at, ((_, hash), subjects)) in torrents.into_iter().take(most).enumerate() {
        heading(view, hash, page);
        table(view, &subjects, page);
        if at == 0 {
            words::write(view, page);
        }
    }
    if more > 0 {
        page.heading(&format!("PEERS of {}", counted(more as u64, "more torrent")));
        page.line(&format!("All of them: -v, or {}", words::table_of("subjects")));
    }
}

fn heading(view: &View<'_>, hash: Option<&InfoHash>, page: &mut Page) {
    let torrent = view.document.torrents.iter().find(|torrent| Some(&torrent.info_hash) == hash);
    let Some(torrent) = torrent else {
        page.heading(&format!("PEERS of {}", view.torrent(hash)));
        return;
    };
    let name = match (&torrent.name, torrent.source) {
        (Some(_), _) => view.torrent(hash),
        (None, None) => "a torrent that was not given".to_owned(),
        (None, Some(_)) => "a torrent of which only the info-hash is known".to_owned(),
    };
    page.heading(&match (torrent.size, torrent.pieces) {
        (Some(size), Some(pieces)) => format!(
            "PEERS of {name}, {} in {}, {} verified whole",
            counted(size, "byte"),
            counted(pieces, "piece"),
            match torrent.pieces_verified {
                all if all == pieces => format!("all {}", grouped(pieces)),
                some => format!("{} of {}", grouped(some), grouped(pieces)),
            }
        ),
        _ => format!("PEERS of {name}"),
    });
    page.line(&torrent.info_hash.to_string());
    if let (Some(v1), Some(v2)) = (torrent.info_hash_v1, torrent.info_hash_v2) {
        debug_assert_eq!(v1.to_string(), torrent.info_hash.to_string());
        page.line(&v2.to_string());
    }
    if torrent.size.is_none() {
        page.line(match torrent.source {
            None => "No torrent file with this info-hash was given, so nothing can be verified.",
            Some(_) => "Its description (the info dictionary) is not known, so nothing can be verified.",
        });
    }
    if torrent.source == Some(Source::Capture) {
        page.line("Its description was not given: it was rebuilt from the captures, and matches the info-hash.");
    }
}

fn table(view: &View<'_>, subjects: &[&Subject], page: &mut Page) {
    let over = subjects.iter().any(|subject| subject.transport != Transport::Tcp);
    let mut columns = vec![word("peer")];
    if over {
        columns.push(word("over"));
    }
    columns.extend([word("grade"), word("met?")]);
    columns.extend(FIGURES.iter().map(|(name, _)| figure(name)));
    columns.extend([word("first").from(100), word("last").from(100)]);
    if view.screen.zone.is_some() {
        columns.push(word("first, local").from(120));
    }
    columns.push(figure("pieces").from(120));
    columns.push(word("client").from(120));
    let mut table = Table::new(columns, 1);
    let shown = view.screen.rows(PEERS, subjects.len());
    let groups = view.screen.sort.is_none();
    let (mut same, mut others) = (false, false);
    for (at, subject) in subjects.iter().take(shown).enumerate() {
        let above = at.checked_sub(1).and_then(|at| subjects.get(at));
        let is_same = groups && above.is_some_and(|above| above.endpoint.ip == subject.endpoint.ip);
        same |= is_same;
        others |= is_same && above.is_some_and(|above| are_others(above, subject));
        let mut cells = vec![subject.endpoint.to_string()];
        if over {
            cells.push(subject.transport.name().to_owned());
        }
        cells.push(graded(subject.grade, subject.bytes.refuted));
        cells.push(met(subject.transport, subject.actionable).to_owned());
        cells.extend(FIGURES.iter().map(|(_, of)| grouped(of(&subject.bytes))));
        cells.extend([view.clock.seconds(subject.first_time), view.clock.seconds(subject.last_time)]);
        if view.screen.zone.is_some() {
            cells.push(view.clock.local(subject.first_time).unwrap_or_default());
        }
        cells.push(grouped(subject.pieces_verified));
        cells.push(client(subject));
        table.marked(if is_same { '+' } else { ' ' }, cells);
    }
    let summed = |what: String, grade: String, met: &str, rows: &[&&Subject]| {
        let mut cells = vec![what];
        if over {
            cells.push(String::new());
        }
        cells.extend([grade, met.to_owned()]);
        let sum = |of: fn(&Bytes) -> u64| {
            let figures = rows.iter().map(|subject| of(&subject.bytes));
            grouped(figures.fold(0, u64::saturating_add))
        };
        cells.extend(FIGURES.iter().map(|(_, of)| sum(*of)));
        cells.extend([String::new(), String::new()]);
        if view.screen.zone.is_some() {
            cells.push(String::new());
        }
        cells.extend([String::new(), String::new()]);
        cells
    };
    let mut rest: BTreeMap<std::cmp::Reverse<(bool, Grade, bool)>, Vec<&&Subject>> = BTreeMap::new();
    for subject in subjects.iter().skip(shown) {
        let key = (subject.actionable, subject.grade, subject.bytes.refuted > 0);
        rest.entry(std::cmp::Reverse(key)).or_default().push(subject);
    }
    for (std::cmp::Reverse((actionable, grade, refuted)), rows) in &rest {
        let what = format!("{} more", grouped(rows.len() as u64));
        table.push(summed(what, graded(*grade, u64::from(*refuted)), met(Transport::Tcp, *actionable), rows));
    }
    if subjects.len() > 1 {
        let all: Vec<&&Subject> = subjects.iter().collect();
        table.push(summed(counted(subjects.len() as u64, "peer"), String::new(), "", &all));
    }
    let zeros = table.without_zeros(&MAY_BE_ZERO);
    let left_out = table.write(page);
    notes(view, subjects, &zeros, &left_out, page);
    doubled(view, subjects, page);
    if same {
        page.line(match others {
            true => "+ is at the address above it, and may be another client: an address has no sum.",
            false => "+ is at the address above it: an address has no sum.",
        });
    }
    if let Some(sort) = view.screen.sort {
        page.line(&format!("Sorted by {sort}, so peers of one address stand apart."));
    }
    if !rest.is_empty() {
        page.line(&format!(
            "All {} rows: --top 0, or {}. One address: --peer.",
            grouped(subjects.len() as u64),
            words::table_of("subjects")
        ));
    }
}

/// Returns true if two rows of an address show several clients: peer_ids that differ or, where a row has none, names
/// that differ.
fn are_others(one: &Subject, other: &Subject) -> bool {
    if one.peer_ids.is_empty() || other.peer_ids.is_empty() {
        let told = !one.clients.is_empty() && !other.clients.is_empty();
        return told && one.clients.is_disjoint(&other.clients);
    }
    one.peer_ids != other.peer_ids
}

/// That sums hold what passed more than once each time.
fn doubled(view: &View<'_>, subjects: &[&Subject], page: &mut Page) {
    let hash = subjects.first().and_then(|subject| subject.info_hash.as_ref());
    let Some(torrent) = view.document.torrents.iter().find(|torrent| Some(&torrent.info_hash) == hash) else {
        return;
    };
    let sum = subjects.iter().map(|subject| subject.bytes.verified).fold(0, u64::saturating_add);
    if sum > torrent.unique && torrent.unique > 0 {
        page.line(&format!(
            "Bytes that passed more than once are in sums each time: {} different ones of the torrent are verified.",
            grouped(torrent.unique)
        ));
    }
}

/// Which columns are not there, and which ports are only declared.
fn notes(view: &View<'_>, subjects: &[&Subject], zeros: &[&'static str], left_out: &[Column], page: &mut Page) {
    let mut words = vec!["Bytes.".to_owned()];
    if !zeros.is_empty() {
        words.push(format!("0 for all: {}.", zeros.join(", ")));
    }
    let mut by_width: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
    for column in left_out {
        by_width.entry(column.from.max(page.width + 1)).or_default().push(column.name);
    }
    for (width, names) in by_width {
        words.push(format!("At {width} columns: {}.", names.join(", ")));
    }
    page.line(&words.join(" "));
    let declared: Vec<String> = subjects
        .iter()
        .filter_map(|subject| Some(format!("{} ({})", endpoint(subject), sent_from(subject)?)))
        .collect();
    if !declared.is_empty() {
        let most = if view.screen.detail == Detail::All { usize::MAX } else { MOST_PORTS };
        let more = declared.len().saturating_sub(most);
        let more = if more > 0 { format!("; {} more: -v", grouped(more as u64)) } else { String::new() };
        let named: Vec<String> = declared.into_iter().take(most).collect();
        page.line(&format!("Port declared: {}{more}", named.join("; ")));
    }
    if view.screen.detail == Detail::All {
        clients(subjects, page);
    }
}

/// The clients of a table, each with its peers, between quotes: a client can name itself as it likes, even as a row.
fn clients(subjects: &[&Subject], page: &mut Page) {
    let mut clients: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for subject in subjects {
        for client in &subject.clients {
            clients.entry(client).or_default().push(endpoint(subject));
        }
    }
    let more = clients.len().saturating_sub(MOST_CLIENTS);
    for (client, peers) in clients.into_iter().take(MOST_CLIENTS) {
        page.line(&format!("Client {}: {}", named_cell(client), listed(peers, MOST_PORTS)));
    }
    if more > 0 {
        page.line(&format!("and {}, see `clients` in report.json", counted(more as u64, "more client")));
    }
}

fn client(subject: &Subject) -> String {
    match (subject.clients.first(), subject.clients.len() as u64) {
        (None, _) => "-".to_owned(),
        (Some(first), 1) => named_cell(first),
        (Some(first), count) => format!("{} and {} more", named_cell(first), grouped(count - 1)),
    }
}

fn met(transport: Transport, actionable: bool) -> &'static str {
    match (transport, actionable) {
        (_, true) => "met",
        // A web server advertises nothing: the standard is for peers.
        (Transport::Http, false) => "-",
        _ => "not",
    }
}

type Figure = (&'static str, fn(&Bytes) -> u64);

/// The figures: `served` is always the sum of those of its classes that are shown.
const FIGURES: [Figure; 9] = [
    ("served", |bytes| bytes.served),
    ("verified", |bytes| bytes.verified),
    ("sole", |bytes| bytes.sole),
    ("refuted", |bytes| bytes.refuted),
    ("disputed", |bytes| bytes.disputed),
    ("unproven", |bytes| bytes.unproven),
    ("repeated", |bytes| bytes.repeated),
    ("pad", |bytes| bytes.pad),
    ("lost", |bytes| bytes.lost),
];
const MAY_BE_ZERO: [&str; 7] = ["sole", "refuted", "disputed", "unproven", "repeated", "lost", "pad"];
// Rationale: a swarm has a dozen of clients in common use; a crowd of names would hide the next table.
const MOST_CLIENTS: usize = 50;
// Rationale: as many as two lines hold.
const MOST_PORTS: usize = 3;
// Rationale: a crawler's capture names thousands of torrents; each table is a screen.
const MOST_TORRENTS: usize = 20;
