//! Who sent to whom: one row per directed edge, where there is more than one.

use super::Page;
use super::grid::{self, Column, ColumnKind, Dated};
use crate::evidence::Grade;
use crate::report::document::{Document, Frames, Transfer};
use crate::report::text::grouped;

/// Writes the section, unless the table of peers says it all: with one edge there is nothing to tell apart.
pub(super) fn write(document: &Document, dated: Dated, page: &mut Page) {
    let mut edges: Vec<_> = document
        .transfers
        .iter()
        .filter(|transfer| transfer.bytes.served_bytes > 0 || transfer.bytes.lost_bytes > 0)
        .collect();
    if edges.len() < 2 {
        return;
    }
    edges.sort_by_key(|edge| std::cmp::Reverse((edge.bytes.verified_bytes, edge.bytes.served_bytes)));
    page.heading("WHO SENT TO WHOM");
    let files =
        document.inputs.iter().filter(|input| matches!(input, crate::report::Input::Capture { .. })).count();
    let torrents = document.torrents.iter().filter(|torrent| torrent.served_bytes > 0).count();
    let columns: Vec<_> = COLUMNS
        .into_iter()
        .filter(|column| (files < 2 || column.name != "frames") && (torrents > 1 || column.name != "info-hash"))
        .collect();
    grid::write(&edges, &columns, dated, "transfer", "transfers", page);
}

const COLUMNS: [Column<Transfer>; 13] = [
    word("from", |t, _| t.uploader.clone()),
    word("to", |t, _| t.downloader.clone()),
    Column { needed: |t| t.transport != "tcp", ..word("over", |t, _| t.transport.into()) },
    word("info-hash", |t, _| t.info_hash.as_deref().map_or("unknown", |hash| hash.get(..8).unwrap_or(hash)).into()),
    word("grade", |t, _| grade(t)),
    figure("messages", |t, _| messages(t)),
    figure("served", |t, _| grouped(t.bytes.served_bytes)),
    figure("verified", |t, _| grouped(t.bytes.verified_bytes)),
    Column { needed: |t| t.bytes.refuted_bytes > 0, ..figure("refuted", |t, _| grouped(t.bytes.refuted_bytes)) },
    Column { needed: |t| t.bytes.lost_bytes > 0, ..figure("lost", |t, _| grouped(t.bytes.lost_bytes)) },
    figure("acknowledged", |t, _| grouped(t.bytes.acknowledged_bytes)),
    figure("asked for", |t, _| grouped(t.bytes.solicited_bytes)),
    figure("frames", |t, _| frames(t.served_frames.unwrap_or(t.frames))),
];

const fn word(name: &'static str, value: fn(&Transfer, Dated) -> String) -> Column<Transfer> {
    Column { name, kind: ColumnKind::Word, value, needed: |_| true }
}

const fn figure(name: &'static str, value: fn(&Transfer, Dated) -> String) -> Column<Transfer> {
    Column { name, kind: ColumnKind::Figure, value, needed: |_| true }
}

fn grade(transfer: &Transfer) -> String {
    let refuted = if transfer.bytes.refuted_bytes > 0 && transfer.grade != Grade::GX { "+GX" } else { "" };
    format!("{}{refuted}", transfer.grade.name())
}

/// Piece messages; a web server sends none.
fn messages(transfer: &Transfer) -> String {
    match transfer.transport {
        "http" => "-".to_owned(),
        _ => grouped(transfer.piece_messages.saturating_add(transfer.partial_messages)),
    }
}

fn frames(frames: Frames) -> String {
    format!("{}-{}", frames.first, frames.last)
}
