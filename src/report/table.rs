//! The report as flat tables with fixed columns, before any table library: the same for CSV and Parquet.
//!
//! Figures are never missing, so no unknown is hidden as an empty cell in them; lists are joined by `; `. Text that
//! strangers chose is escaped, and cannot start a spreadsheet formula. Times are given as RFC 3339 text.

use crate::evidence::{Flag, Initiator};
use crate::report::document::{Document, Frames, Input};
use crate::report::text::{cell, visible_cell};
use crate::torrent::Source;

/// A table: columns of equal height.
#[derive(Clone, Debug)]
pub struct Table {
    /// `transfers`, `subjects`, `torrents`, `inputs`, `anomalies`, `opaque` or `mentions`.
    pub name: &'static str,
    /// Its columns, left to right.
    pub columns: Vec<Column>,
}

/// A named column.
#[derive(Clone, Debug)]
pub struct Column {
    /// The field of the same name in `report.json`.
    pub name: &'static str,
    /// Its cells, top to bottom.
    pub values: Values,
}

/// The cells of a column.
#[derive(Clone, Debug)]
pub enum Values {
    /// Figures.
    Figures(Vec<u64>),
    /// Properties that may be unknown, such as a size of a torrent that was not given; never a figure of evidence.
    Numbers(Vec<Option<u64>>),
    /// Text; empty where there is none.
    Text(Vec<String>),
    /// Yes or no.
    Bools(Vec<bool>),
}

/// Every table of the report, always all of them, also when empty.
pub fn tables(document: &Document) -> Vec<Table> {
    vec![
        transfers(document),
        subjects(document),
        torrents(document),
        inputs(document),
        anomalies(document),
        opaque(document),
        mentions(document),
    ]
}

/// Columns from rows: `column name => kind, expression of a row`.
macro_rules! table {
    ($name:literal, $rows:expr, |$row:ident| { $($column:literal: $kind:ident = $value:expr,)+ }) => {
        Table {
            name: $name,
            columns: vec![$(Column {
                name: $column,
                values: Values::$kind($rows.iter().map(|$row| $value).collect()),
            },)+],
        }
    };
}

fn transfers(document: &Document) -> Table {
    table!("transfers", document.transfers, |t| {
        "uploader": Text = t.uploader.clone(),
        "downloader": Text = t.downloader.clone(),
        "transport": Text = t.transport.name().to_owned(),
        "info_hash": Text = t.info_hash.clone().unwrap_or_default(),
        "connections": Figures = u64::from(t.connections),
        "initiator": Text = t.initiator.map_or("unknown", Initiator::name).to_owned(),
        "encryption": Text = t.encryption.name().to_owned(),
        "uploader_peer_ids": Text = t.uploader_peer_ids.join("; "),
        "uploader_clients": Text = clients(&t.uploader_clients),
        "grade": Text = t.grade.name().to_owned(),
        "actionable": Bools = t.actionable,
        "flags": Text = flags(&t.flags),
        "piece_messages": Figures = t.piece_messages,
        "partial_messages": Figures = t.partial_messages,
        "served_bytes": Figures = t.bytes.served_bytes,
        "lost_bytes": Figures = t.bytes.lost_bytes,
        "repeated_bytes": Figures = t.bytes.repeated_bytes,
        "verified_bytes": Figures = t.bytes.verified_bytes,
        "sole_bytes": Figures = t.bytes.sole_bytes,
        "refuted_bytes": Figures = t.bytes.refuted_bytes,
        "disputed_bytes": Figures = t.bytes.disputed_bytes,
        "unproven_bytes": Figures = t.bytes.unproven_bytes,
        "pad_bytes": Figures = t.bytes.pad_bytes,
        "acknowledged_bytes": Figures = t.bytes.acknowledged_bytes,
        "solicited_bytes": Figures = t.bytes.solicited_bytes,
        "pieces_verified": Figures = t.pieces_verified,
        "pieces_sole": Figures = t.pieces_sole,
        "pieces_refuted": Figures = t.pieces_refuted,
        "pieces_advertised": Figures = t.pieces_advertised,
        "first_time": Text = t.first_time.clone(),
        "last_time": Text = t.last_time.clone(),
        "frames": Text = frames_text(document, t.frames),
        "served_frames": Text = t.served_frames.map(|frames| frames_text(document, frames)).unwrap_or_default(),
        "next_rung": Text = visible_cell(t.next_rung.as_deref().unwrap_or_default()),
        "paths": Text = cells(&t.paths),
        "seen_in": Text = seen_in(document, &t.seen_in),
        "same_connection_as": Text = t
            .same_connection_as
            .iter()
            .map(|edge| format!("{} -> {}", edge.uploader, edge.downloader))
            .collect::<Vec<_>>()
            .join("; "),
    })
}

fn subjects(document: &Document) -> Table {
    table!("subjects", document.subjects, |s| {
        "endpoint": Text = s.endpoint.clone(),
        "transport": Text = s.transport.name().to_owned(),
        "info_hash": Text = s.info_hash.clone().unwrap_or_default(),
        "port_basis": Text = s.port_basis.name().to_owned(),
        "listen_port": Numbers = s.listen_port.map(u64::from),
        "peer_ids": Text = s.peer_ids.join("; "),
        "clients": Text = clients(&s.clients),
        "grade": Text = s.grade.name().to_owned(),
        "actionable": Bools = s.actionable,
        "flags": Text = flags(&s.flags),
        "served_bytes": Figures = s.served_bytes,
        "verified_bytes": Figures = s.verified_bytes,
        "sole_bytes": Figures = s.sole_bytes,
        "refuted_bytes": Figures = s.refuted_bytes,
        "disputed_bytes": Figures = s.disputed_bytes,
        "unproven_bytes": Figures = s.unproven_bytes,
        "repeated_bytes": Figures = s.repeated_bytes,
        "pad_bytes": Figures = s.pad_bytes,
        "lost_bytes": Figures = s.lost_bytes,
        "received_bytes": Figures = s.received_bytes,
        "acknowledged_bytes": Figures = s.acknowledged_bytes,
        "solicited_bytes": Figures = s.solicited_bytes,
        "pieces_verified": Figures = s.pieces_verified,
        "pieces_sole": Figures = s.pieces_sole,
        "pieces_refuted": Figures = s.pieces_refuted,
        "pieces_advertised": Figures = s.pieces_advertised,
        "first_time": Text = s.first_time.clone(),
        "last_time": Text = s.last_time.clone(),
        "frames": Text = frames_text(document, s.frames),
        "served_frames": Text = s.served_frames.map(|frames| frames_text(document, frames)).unwrap_or_default(),
        "next_rung": Text = visible_cell(s.next_rung.as_deref().unwrap_or_default()),
        "seen_in": Text = seen_in(document, &s.seen_in),
    })
}

fn torrents(document: &Document) -> Table {
    table!("torrents", document.torrents, |t| {
        "info_hash": Text = t.info_hash.clone(),
        "info_hash_v1": Text = t.info_hash_v1.clone().unwrap_or_default(),
        "info_hash_v2": Text = t.info_hash_v2.clone().unwrap_or_default(),
        "name": Text = cell(t.name.as_deref().unwrap_or_default()),
        "source": Text = t.source.map_or("not given", Source::name).to_owned(),
        "size": Numbers = t.size,
        "piece_length": Numbers = t.piece_length,
        "pieces": Numbers = t.pieces,
        "served_bytes": Figures = t.served_bytes,
        "lost_bytes": Figures = t.classes.lost_bytes,
        "repeated_bytes": Figures = t.classes.repeated_bytes,
        "verified_bytes": Figures = t.classes.verified_bytes,
        "sole_bytes": Figures = t.classes.sole_bytes,
        "refuted_bytes": Figures = t.classes.refuted_bytes,
        "disputed_bytes": Figures = t.classes.disputed_bytes,
        "unproven_bytes": Figures = t.classes.unproven_bytes,
        "pad_bytes": Figures = t.classes.pad_bytes,
        "unique_bytes": Figures = t.unique_bytes,
        "pieces_verified": Figures = t.pieces_verified,
    })
}

fn inputs(document: &Document) -> Table {
    table!("inputs", document.inputs, |i| {
        "name": Text = cell(i.name()),
        "kind": Text = match i { Input::Capture { kind, .. } => kind.name(), Input::Torrent { kind, .. } => kind.name() }.to_owned(),
        "format": Text = match i { Input::Capture { format, .. } => format.clone(), Input::Torrent { .. } => String::new() },
        "bytes": Figures = match i { Input::Capture { bytes, .. } | Input::Torrent { bytes, .. } => *bytes },
        "sha256": Text = match i {
            Input::Capture { sha256, .. } => sha256.clone().unwrap_or_default(),
            Input::Torrent { sha256, .. } => sha256.clone(),
        },
        "frames": Numbers = match i { Input::Capture { frames, .. } => Some(*frames), Input::Torrent { .. } => None },
        "first_time": Text = match i {
            Input::Capture { first_time, .. } => first_time.clone().unwrap_or_default(),
            Input::Torrent { .. } => String::new(),
        },
        "last_time": Text = match i {
            Input::Capture { last_time, .. } => last_time.clone().unwrap_or_default(),
            Input::Torrent { .. } => String::new(),
        },
        "damage": Text = match i {
            Input::Capture { damage, .. } => cell(damage.as_deref().unwrap_or_default()),
            Input::Torrent { .. } => String::new(),
        },
        "dropped_by_capture": Numbers = match i {
            Input::Capture { dropped_by_capture, .. } => *dropped_by_capture,
            Input::Torrent { .. } => None,
        },
    })
}

fn anomalies(document: &Document) -> Table {
    let rows: Vec<_> = document.anomalies.iter().map(|anomaly| (anomaly, anomaly.examples.first())).collect();
    table!("anomalies", rows, |r| {
        "kind": Text = r.0.kind.name().to_owned(),
        "count": Figures = r.0.count,
        "amount": Figures = r.0.amount,
        "first_frames": Text = r.1
            .and_then(|example| example.frames)
            .map(|frames| frames_text(document, frames))
            .unwrap_or_default(),
        "first_flow": Text = r.1.map(|example| cell(&example.flow)).unwrap_or_default(),
        "first_detail": Text = r.1.map(|example| cell(&example.detail)).unwrap_or_default(),
    })
}

fn opaque(document: &Document) -> Table {
    table!("opaque", document.opaque, |o| {
        "a": Text = o.a.clone(),
        "b": Text = o.b.clone(),
        "transport": Text = o.transport.name().to_owned(),
        "kind": Text = o.kind.name().to_owned(),
        "bytes_a_to_b": Figures = o.bytes_a_to_b,
        "bytes_b_to_a": Figures = o.bytes_b_to_a,
        "frames": Text = frames_text(document, o.frames),
        "basis": Text = cell(&o.basis),
    })
}

fn mentions(document: &Document) -> Table {
    table!("mentions", document.mentions, |m| {
        "subject": Text = m.subject.clone(),
        "info_hash": Text = m.info_hash.clone().unwrap_or_default(),
        "by": Text = m.by.clone(),
        "via": Text = m.via.name().to_owned(),
        "grade": Text = m.grade.name().to_owned(),
        "flags": Text = flags(&m.flags),
        "count": Figures = m.count,
        "first_time": Text = m.first_time.clone(),
        "last_time": Text = m.last_time.clone(),
        "frames": Text = frames_text(document, m.frames),
    })
}

/// `12-31`, `12`, and with several captures `0:12-31` or `0:12-1:31`, by the index of the input.
fn frames_text(document: &Document, frames: Frames) -> String {
    let several = document.inputs.iter().filter(|input| matches!(input, Input::Capture { .. })).count() > 1;
    let file = if several { format!("{}:", frames.file) } else { String::new() };
    match frames.last_file {
        Some(last_file) => format!("{file}{}-{last_file}:{}", frames.first, frames.last),
        None if frames.first == frames.last => format!("{file}{}", frames.first),
        None => format!("{file}{}-{}", frames.first, frames.last),
    }
}

/// The frames in each input, one after the other.
fn seen_in(document: &Document, seen: &[Frames]) -> String {
    seen.iter().map(|frames| frames_text(document, *frames)).collect::<Vec<_>>().join("; ")
}

fn flags(flags: &[Flag]) -> String {
    flags.iter().map(|flag| flag.name()).collect::<Vec<_>>().join("; ")
}

fn cells(names: &[String]) -> String {
    cell(&names.join("; "))
}

/// Names of clients, which are escaped where they are read.
fn clients(names: &[String]) -> String {
    visible_cell(&names.join("; "))
}
