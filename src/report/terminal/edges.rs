//! Who sent to whom: one row per directed edge.

use super::grid::{Table, figure, word};
use super::names::{View, graded};
use super::page::Page;
use super::screen::OTHERS;
use super::words::table_of;
use crate::ends::{InfoHash, Transport};
use crate::report::text::{counted, grouped};
use crate::report::{Subject, Transfer};

/// Writes the section.
pub(super) fn write(view: &View<'_>, page: &mut Page) {
    let edges: Vec<&Transfer> = view.document.transfers.iter().collect();
    write_of(view, &edges, page);
}

/// Writes the section of `transfers`.
pub(super) fn write_of(view: &View<'_>, transfers: &[&Transfer], page: &mut Page) {
    page.heading("WHO SENT TO WHOM");
    let mut edges: Vec<&Transfer> =
        transfers.iter().copied().filter(|transfer| transfer.bytes.served > 0 || transfer.bytes.lost > 0).collect();
    if edges.is_empty() {
        page.line(&nobody(view));
        return;
    }
    edges.sort_by_key(|edge| std::cmp::Reverse((edge.bytes.verified, edge.bytes.served)));
    let shown = view.screen.rows(OTHERS, edges.len());
    let mut of: Vec<(Option<&InfoHash>, Vec<&Transfer>)> = Vec::new();
    for edge in edges.iter().copied().take(shown) {
        let info_hash = edge.info_hash.as_ref();
        match of.iter_mut().find(|(known, _)| *known == info_hash) {
            Some((_, edges)) => edges.push(edge),
            None => of.push((info_hash, vec![edge])),
        }
    }
    for (info_hash, edges) in of {
        if view.mixed {
            page.line(&format!("Of {}:", view.torrent_cell(info_hash)));
        }
        table(view, &edges, page);
    }
    let mut said = answered(&edges);
    if view.document.shown.as_ref().is_none_or(|shown| shown.peer.is_none()) {
        said.push_str(" Exact frames of a row: --peer.");
    }
    page.line(&said);
    if let Some(more @ 1..) = edges.len().checked_sub(shown) {
        let rest = edges.iter().skip(shown);
        page.line(&format!(
            "{}, {} served: -v, or {}",
            counted(more as u64, "more transfer"),
            counted(rest.map(|edge| edge.bytes.served).fold(0, u64::saturating_add), "byte"),
            table_of("transfers")
        ));
    }
}

/// That no transfer is shown: of connections that could not be read nobody can say what passed in them.
fn nobody(view: &View<'_>) -> String {
    let unread = crate::evidence::encrypted(&view.document.opaque);
    let bytes = unread.iter().map(|each| each.a_to_b.saturating_add(each.b_to_a)).fold(0, u64::saturating_add);
    if view.document.shown.is_some() {
        return "No transfer is in the part that is shown.".to_owned();
    }
    if let Some(empty) = view.empty() {
        return format!("Nothing can be said: {empty}.");
    }
    match (bytes, view.unread.hides) {
        (1.., _) => format!(
            "No transfer could be read. {} of connections taken for encrypted BitTorrent could not: what passed in them is not \
             known.",
            counted(bytes, "byte")
        ),
        (0, true) => "No transfer could be read; not everything could, see UNREAD.".to_owned(),
        (0, false) => "Nobody sent piece data to anybody in these captures.".to_owned(),
    }
}

/// The rows of one torrent.
fn table(view: &View<'_>, edges: &[&Transfer], page: &mut Page) {
    let over = edges.iter().any(|edge| edge.transport != Transport::Tcp);
    let mut columns = vec![word("from"), word("to")];
    if over {
        columns.push(word("over"));
    }
    columns.extend([word("grade"), figure("served"), figure("verified"), figure("refuted"), figure("lost")]);
    columns.extend([figure("messages").from(100), figure("asked").from(120), figure("acknowledged").from(120)]);
    columns.push(figure("within"));
    let mut table = Table::new(columns, 2);
    for edge in edges {
        let mut cells = vec![edge.uploader.to_string(), edge.downloader.to_string()];
        if over {
            cells.push(edge.transport.name().to_owned());
        }
        cells.push(graded(edge.grade, edge.bytes.refuted));
        cells.extend([
            grouped(edge.bytes.served),
            grouped(edge.bytes.verified),
            grouped(edge.bytes.refuted),
            grouped(edge.bytes.lost),
            messages(edge),
            grouped(edge.bytes.solicited),
            grouped(edge.bytes.acknowledged),
            view.cite(edge.served_frames.unwrap_or(edge.frames)),
        ]);
        table.push(cells);
    }
    table.without_zeros(&["refuted", "lost"]);
    table.write(page);
}

/// Says how many of the bytes were asked for and acknowledged.
fn answered(edges: &[&Transfer]) -> String {
    let sum = |of: fn(&Transfer) -> u64| edges.iter().map(|edge| of(edge)).fold(0, u64::saturating_add);
    let served = sum(|edge| edge.bytes.served);
    let (asked, acknowledged) = (sum(|edge| edge.bytes.solicited), sum(|edge| edge.bytes.acknowledged));
    let asked = match asked {
        all if all == served => "All asked for before".to_owned(),
        some => format!("Asked for before: {} of {}", grouped(some), counted(served, "byte")),
    };
    let acknowledged = match acknowledged {
        all if all == served => "all acknowledged".to_owned(),
        some => format!("acknowledged: {}", grouped(some)),
    };
    format!("{asked}, {acknowledged}.")
}

/// Piece messages; a web server sends none.
fn messages(transfer: &Transfer) -> String {
    match transfer.transport {
        Transport::Http => "-".to_owned(),
        _ => grouped(transfer.piece_messages.saturating_add(transfer.partial_messages)),
    }
}

/// Tells the two parts of a subject in a transfer: it was the sender, it was the receiver.
pub(super) fn is_of(transfer: &Transfer, subject: &Subject) -> (bool, bool) {
    let is = |end: crate::ends::Endpoint| {
        end.ip == subject.endpoint.ip
            && (end.port == subject.endpoint.port || subject.sent_from.contains(&end.port))
    };
    let same = transfer.transport == subject.transport && transfer.info_hash == subject.info_hash;
    (same && is(transfer.uploader), same && is(transfer.downloader))
}
