//! The report as flat tables with fixed columns, before any table library: the same for CSV and Parquet.
//!
//! Columns are typed. Figures are never missing, so no unknown is hidden as an empty cell in them. Text that strangers
//! chose is escaped, and cannot start a spreadsheet formula.

use std::fmt::{Display, Write};
use std::ops::Range;

use crate::ends::Timestamp;
use crate::evidence::{Bytes, Initiator, Piece, Subject, SubjectFile};
use crate::report::document::{Document, Input};
use crate::report::text::{cell, visible_cell};
use crate::report::{Edge, Frames};
use crate::torrent::Source;

/// A table: columns of equal height.
#[derive(Clone, Debug)]
pub struct Table {
    /// `transfers`, `subjects`, `torrents`, `inputs`, `anomalies`, `opaque`, `mentions`, `swarms`, `files`, `hosts`, `operators` or `pieces`.
    pub name: &'static str,
    /// Its columns, left to right.
    pub columns: Vec<Column>,
}

/// A named column.
#[derive(Clone, Debug)]
pub struct Column {
    /// The field of the same name in `report.json`; of frames, with `_file`, `_first`, `_last_file` or `_last` behind it.
    pub name: String,
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
    /// Text, one a row; empty where there is none.
    Text(Texts),
    /// Several texts: a list in Parquet, joined by `; ` in CSV.
    Texts(Texts),
    /// Times in UTC, in nanoseconds.
    Times(Vec<Option<Timestamp>>),
    /// Yes or no.
    Bools(Vec<bool>),
}

impl Values {
    /// How many cells there are.
    pub(crate) fn height(&self) -> usize {
        match self {
            Self::Figures(values) => values.len(),
            Self::Numbers(values) => values.len(),
            Self::Text(values) | Self::Texts(values) => values.rows.len(),
            Self::Times(values) => values.len(),
            Self::Bools(values) => values.len(),
        }
    }
}

/// Lists of texts, one a row, as they stand in CSV: in one buffer, for there may be millions of texts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Texts {
    /// Every text; those of one row with [`Texts::BETWEEN`] between them.
    pub(crate) buffer: String,
    /// The place of each text in it.
    pub(crate) places: Vec<Range<usize>>,
    /// How many texts there are up to the end of each row.
    pub(crate) rows: Vec<usize>,
}

impl Texts {
    /// Stands between two texts of one row.
    const BETWEEN: &'static str = "; ";

    /// Rows, of which `add` adds the texts.
    pub(crate) fn of<T>(rows: impl IntoIterator<Item = T>, add: impl Fn(T, &mut Self)) -> Self {
        let mut texts = Self::default();
        for row in rows {
            add(row, &mut texts);
            texts.rows.push(texts.places.len());
        }
        texts
    }

    /// Adds a row of one text.
    pub(crate) fn push(&mut self, value: impl Display) {
        self.add(|text| push(text, &value));
        self.rows.push(self.places.len());
    }

    /// Adds a text to the row that is being made; `write` appends it.
    pub(crate) fn add(&mut self, write: impl FnOnce(&mut String)) {
        if self.places.len() > self.rows.last().copied().unwrap_or(0) {
            self.buffer.push_str(Self::BETWEEN);
        }
        let start = self.buffer.len();
        write(&mut self.buffer);
        self.places.push(start..self.buffer.len());
    }

    /// The texts of a row, joined by `; `; empty for a row without texts, or one that is not there.
    pub(crate) fn joined(&self, row: usize) -> &str {
        let first = row.checked_sub(1).and_then(|before| self.rows.get(before)).copied().unwrap_or(0);
        let texts = self.rows.get(row).and_then(|&end| self.places.get(first..end)).unwrap_or_default();
        let place = texts.first().zip(texts.last()).map(|(first, last)| first.start..last.end);
        place.and_then(|place| self.buffer.get(place)).unwrap_or_default()
    }
}

/// Appends a value of ours.
fn push(text: &mut String, value: &impl Display) {
    let _ = write!(text, "{value}");
}

/// Every table of the report, always all of them, also when empty; that of the pieces where the report has them.
pub fn tables(document: &Document) -> Vec<Table> {
    TABLES.iter().filter_map(|table| (table.make)(document)).collect()
}

/// A table that is not made yet: of large ones no two are in memory.
#[derive(Clone, Copy, Debug)]
pub struct TableKind {
    /// See [`Table::name`].
    pub name: &'static str,
    /// Makes it; `None` where the report has nothing of the kind.
    pub make: fn(&Document) -> Option<Table>,
}

/// Every table that there may be.
pub const TABLES: [TableKind; 12] = [
    TableKind { name: "transfers", make: |document| Some(transfers(document)) },
    TableKind { name: "subjects", make: |document| Some(subjects(document)) },
    TableKind { name: "torrents", make: |document| Some(torrents(document)) },
    TableKind { name: "inputs", make: |document| Some(inputs(document)) },
    TableKind { name: "anomalies", make: |document| Some(anomalies(document)) },
    TableKind { name: "opaque", make: |document| Some(opaque(document)) },
    TableKind { name: "mentions", make: |document| Some(mentions(document)) },
    TableKind { name: "swarms", make: |document| Some(swarms(document)) },
    TableKind { name: "files", make: |document| Some(files(document)) },
    TableKind { name: "hosts", make: |document| Some(hosts(document)) },
    TableKind { name: "operators", make: |document| Some(operators(document)) },
    TableKind { name: "pieces", make: |document| document.pieces.as_deref().map(pieces_table) },
];

/// A table that grows by columns.
struct Columns<'a, T> {
    rows: &'a [T],
    columns: Vec<Column>,
}

impl<'a, T> Columns<'a, T> {
    fn of(rows: &'a [T]) -> Self {
        Self { rows, columns: Vec::new() }
    }

    fn named(self, name: &'static str) -> Table {
        Table { name, columns: self.columns }
    }

    fn push(mut self, name: &str, values: impl FnOnce(std::slice::Iter<'a, T>) -> Values) -> Self {
        self.columns.push(Column { name: name.to_owned(), values: values(self.rows.iter()) });
        self
    }

    fn text(self, name: &str, of: impl Fn(&T) -> String) -> Self {
        self.value(name, |row| Some(of(row)))
    }

    /// A value of ours, or none.
    fn value<V: Display>(self, name: &str, of: impl Fn(&T) -> Option<V>) -> Self {
        let value =
            |row: &'a T, texts: &mut Texts| of(row).iter().for_each(|value| texts.add(|text| push(text, value)));
        self.push(name, |rows| Values::Text(Texts::of(rows, value)))
    }

    /// Values of ours.
    fn values<V: Display, I: IntoIterator<Item = V>>(self, name: &str, of: impl Fn(&'a T) -> I) -> Self {
        self.lists(name, |row, texts| of(row).into_iter().for_each(|value| texts.add(|text| push(text, &value))))
    }

    /// Lists of texts, of which `add` adds those of a row.
    fn lists(self, name: &str, add: impl Fn(&'a T, &mut Texts)) -> Self {
        self.push(name, |rows| Values::Texts(Texts::of(rows, add)))
    }

    fn ranges(self, name: &str, of: impl Fn(&'a T) -> &'a [Frames]) -> Self {
        self.lists(name, |row, texts| {
            for frames in of(row) {
                texts
                    .add(|text| figures(text, [("", frames.file.into()), (":", frames.first), ("-", frames.last)]));
            }
        })
    }

    fn figure(self, name: &str, of: impl Fn(&T) -> u64) -> Self {
        self.push(name, |rows| Values::Figures(rows.map(of).collect()))
    }

    fn number(self, name: &str, of: impl Fn(&T) -> Option<u64>) -> Self {
        self.push(name, |rows| Values::Numbers(rows.map(of).collect()))
    }

    fn time(self, name: &str, of: impl Fn(&T) -> Option<Timestamp>) -> Self {
        self.push(name, |rows| Values::Times(rows.map(of).collect()))
    }

    fn truth(self, name: &str, of: impl Fn(&T) -> bool) -> Self {
        self.push(name, |rows| Values::Bools(rows.map(of).collect()))
    }

    /// The figures of a row, each a column.
    fn bytes(self, of: impl Fn(&T) -> &Bytes) -> Self {
        Bytes::FIGURES.iter().fold(self, |columns, figure| columns.figure(figure.name, |row| (figure.of)(of(row))))
    }

    /// Frames as four numbers: input and `frame.number` of the first, and of the last.
    fn frames(self, name: &str, of: impl Fn(&T) -> Option<Frames>) -> Self {
        let last_file = |frames: Frames| frames.last_file.unwrap_or(frames.file);
        self.number(&format!("{name}_file"), |row| of(row).map(|frames| u64::from(frames.file)))
            .number(&format!("{name}_first"), |row| of(row).map(|frames| frames.first))
            .number(&format!("{name}_last_file"), |row| of(row).map(|frames| u64::from(last_file(frames))))
            .number(&format!("{name}_last"), |row| of(row).map(|frames| frames.last))
    }
}

fn hosts(document: &Document) -> Table {
    let list = |index: u16| document.lists.get(usize::from(index)).map(|list| cell(&list.name)).unwrap_or_default();
    Columns::of(&document.hosts)
        .value("address", |host| Some(host.address))
        .number("asn", |host| host.asn.map(u64::from))
        .text("operator", |host| visible_cell(host.operator.as_deref().unwrap_or_default()))
        .text("country", |host| visible_cell(host.country.as_deref().unwrap_or_default()))
        .values("by", |host| host.by.iter().map(|index| list(*index)))
        .values("relays", |host| {
            host.relays.iter().map(|relay| {
                format!("{} ({})", visible_cell(relay.kind.as_deref().unwrap_or("relay")), list(relay.list))
            })
        })
        .values("names", |host| {
            host.names.iter().map(|name| format!("{} ({})", visible_cell(&name.name), name.source))
        })
        .named("hosts")
}

fn operators(document: &Document) -> Table {
    let rows = super::hosts::operators(document);
    Columns::of(&rows)
        .number("asn", |row| row.asn.map(u64::from))
        .text("operator", |row| visible_cell(&row.operator))
        .text("country", |row| visible_cell(&row.country))
        .figure("addresses", |row| row.addresses)
        .figure("uploaders", |row| row.uploaders)
        .figure("standard_met", |row| row.standard_met)
        .figure("served_bytes", |row| row.served_bytes)
        .figure("verified_bytes", |row| row.verified_bytes)
        .figure("sole_bytes", |row| row.sole_bytes)
        .figure("refuted_bytes", |row| row.refuted_bytes)
        .figure("translated_bytes", |row| row.translated_bytes)
        .named("operators")
}

fn transfers(document: &Document) -> Table {
    Columns::of(&document.transfers)
        .value("uploader", |t| Some(t.uploader))
        .value("downloader", |t| Some(t.downloader))
        .value("transport", |t| Some(t.transport))
        .value("info_hash", |t| t.info_hash.clone())
        .figure("connections", |t| u64::from(t.connections))
        .text("initiator", |t| t.initiator.map_or("unknown", Initiator::name).to_owned())
        .value("encryption", |t| Some(t.encryption))
        .values("uploader_peer_ids", |t| &t.uploader_peer_ids)
        .values("uploader_clients", |t| t.uploader_clients.iter().map(|name| visible_cell(name)))
        .value("grade", |t| Some(t.grade))
        .truth("actionable", |t| t.actionable)
        .values("flags", |t| &t.flags)
        .figure("piece_messages", |t| t.piece_messages)
        .figure("partial_messages", |t| t.partial_messages)
        .bytes(|t| &t.bytes)
        .figure("pieces_verified", |t| t.pieces_verified)
        .figure("pieces_sole", |t| t.pieces_sole)
        .figure("pieces_refuted", |t| t.pieces_refuted)
        .figure("pieces_advertised", |t| t.pieces_advertised)
        .time("first_time", |t| Some(t.first_time))
        .time("last_time", |t| Some(t.last_time))
        .frames("frames", |t| Some(t.frames))
        .frames("served_frames", |t| t.served_frames)
        .text("next_rung", |t| visible_cell(t.next_rung.as_deref().unwrap_or_default()))
        .values("paths", |t| t.paths.iter().map(|path| cell(path)))
        .ranges("seen_in", |t| &t.seen_in)
        .values("same_connection_as", |t| t.same_connection_as.iter().map(edge))
        .named("transfers")
}

fn subjects(document: &Document) -> Table {
    Columns::of(&document.subjects)
        .value("endpoint", |s| Some(s.endpoint))
        .value("transport", |s| Some(s.transport))
        .value("info_hash", |s| s.info_hash.clone())
        .value("port_basis", |s| Some(s.port_basis))
        .values("sent_from", |s| &s.sent_from)
        .number("listen_port", |s| s.listen_port.map(u64::from))
        .values("peer_ids", |s| &s.peer_ids)
        .values("clients", |s| s.clients.iter().map(|name| visible_cell(name)))
        .value("grade", |s| Some(s.grade))
        .truth("actionable", |s| s.actionable)
        .values("flags", |s| &s.flags)
        .bytes(|s| &s.bytes)
        .figure("received_bytes", |s| s.received_bytes)
        .figure("pieces_verified", |s| s.pieces_verified)
        .figure("pieces_sole", |s| s.pieces_sole)
        .figure("pieces_refuted", |s| s.pieces_refuted)
        .figure("pieces_advertised", |s| s.pieces_advertised)
        .time("first_time", |s| Some(s.first_time))
        .time("last_time", |s| Some(s.last_time))
        .frames("frames", |s| Some(s.frames))
        .frames("served_frames", |s| s.served_frames)
        .text("next_rung", |s| visible_cell(s.next_rung.as_deref().unwrap_or_default()))
        .ranges("seen_in", |s| &s.seen_in)
        .named("subjects")
}

fn torrents(document: &Document) -> Table {
    Columns::of(&document.torrents)
        .value("info_hash", |t| Some(t.info_hash.clone()))
        .value("info_hash_v1", |t| t.info_hash_v1)
        .value("info_hash_v2", |t| t.info_hash_v2)
        .text("name", |t| cell(t.name.as_deref().unwrap_or_default()))
        .text("source", |t| t.source.map_or("not given", Source::name).to_owned())
        .number("size", |t| t.size)
        .number("piece_length", |t| t.piece_length)
        .number("pieces", |t| t.pieces)
        .bytes(|t| &t.bytes)
        .figure("unique_bytes", |t| t.unique)
        .figure("pieces_verified", |t| t.pieces_verified)
        .named("torrents")
}

fn inputs(document: &Document) -> Table {
    Columns::of(&document.inputs)
        .text("name", |i| cell(i.name()))
        .text("kind", |i| i.kind().to_owned())
        .text("format", |i| match i {
            Input::Capture { format, .. } => format.clone(),
            Input::Torrent { .. } => String::new(),
        })
        .figure("bytes", |i| match i {
            Input::Capture { bytes, .. } | Input::Torrent { bytes, .. } => *bytes,
        })
        .value("sha256", |i| match i {
            Input::Capture { sha256, .. } => *sha256,
            Input::Torrent { sha256, .. } => Some(*sha256),
        })
        .truth("sha256_stated", |i| matches!(i, Input::Capture { sha256_stated: true, .. }))
        .number("frames", |i| match i {
            Input::Capture { frames, .. } => Some(*frames),
            Input::Torrent { .. } => None,
        })
        .time("first_time", |i| match i {
            Input::Capture { first_time, .. } => *first_time,
            Input::Torrent { .. } => None,
        })
        .time("last_time", |i| match i {
            Input::Capture { last_time, .. } => *last_time,
            Input::Torrent { .. } => None,
        })
        .text("damage", |i| match i {
            Input::Capture { damage, .. } => cell(damage.as_deref().unwrap_or_default()),
            Input::Torrent { .. } => String::new(),
        })
        .number("dropped_by_capture", |i| match i {
            Input::Capture { dropped_by_capture, .. } => *dropped_by_capture,
            Input::Torrent { .. } => None,
        })
        .named("inputs")
}

fn anomalies(document: &Document) -> Table {
    Columns::of(&document.anomalies)
        .value("kind", |a| Some(a.kind))
        .figure("count", |a| a.count)
        .figure("amount", |a| a.amount)
        .frames("first_frames", |a| a.examples.first().and_then(|example| example.frames))
        .text("first_flow", |a| a.examples.first().map(|example| cell(&example.flow)).unwrap_or_default())
        .text("first_detail", |a| a.examples.first().map(|example| cell(&example.detail)).unwrap_or_default())
        .named("anomalies")
}

fn opaque(document: &Document) -> Table {
    Columns::of(&document.opaque)
        .value("a", |o| Some(o.a))
        .value("b", |o| Some(o.b))
        .value("transport", |o| Some(o.transport))
        .value("kind", |o| Some(o.kind))
        .figure("bytes_a_to_b", |o| o.a_to_b)
        .figure("bytes_b_to_a", |o| o.b_to_a)
        .frames("frames", |o| Some(o.frames))
        .text("basis", |o| cell(&o.basis))
        .named("opaque")
}

fn mentions(document: &Document) -> Table {
    Columns::of(&document.mentions)
        .value("subject", |m| Some(m.subject))
        .value("info_hash", |m| m.info_hash.clone())
        .value("by", |m| Some(m.by))
        .value("via", |m| Some(m.via))
        .value("grade", |m| Some(m.grade))
        .values("flags", |m| &m.flags)
        .figure("count", |m| m.count)
        .time("first_time", |m| Some(m.first_time))
        .time("last_time", |m| Some(m.last_time))
        .frames("frames", |m| Some(m.frames))
        .named("mentions")
}

fn swarms(document: &Document) -> Table {
    Columns::of(&document.swarms)
        .value("info_hash", |s| s.info_hash.clone())
        .value("by", |s| Some(s.by))
        .value("via", |s| Some(s.via))
        .number("seeders", |s| s.seeders)
        .number("leechers", |s| s.leechers)
        .number("downloads", |s| s.downloads)
        .figure("count", |s| s.count)
        .time("first_time", |s| Some(s.first_time))
        .time("last_time", |s| Some(s.last_time))
        .frames("frames", |s| Some(s.frames))
        .named("swarms")
}

/// A row for each file of which a subject sent verified bytes.
fn files(document: &Document) -> Table {
    let rows: Vec<(&Subject, &SubjectFile)> = document
        .subjects
        .iter()
        .flat_map(|subject| subject.files.iter().map(move |file| (subject, file)))
        .collect();
    Columns::of(&rows)
        .value("info_hash", |(subject, _)| subject.info_hash.clone())
        .text("path", |(_, file)| visible_cell(&file.path))
        .value("endpoint", |(subject, _)| Some(subject.endpoint))
        .value("transport", |(subject, _)| Some(subject.transport))
        .figure("verified_bytes", |(_, file)| file.verified_bytes)
        .figure("size", |(_, file)| file.size)
        .truth("complete", |(_, file)| file.complete)
        .time("subject_first_time", |(subject, _)| Some(subject.first_time))
        .named("files")
}

/// The table of the pieces in parts, of which each is made when it is asked for: there may be millions of rows. At least one part.
pub fn pieces_parts(pieces: impl IntoIterator<Item = Piece>) -> impl Iterator<Item = Table> {
    let (mut rows, mut is_first) = (pieces.into_iter(), true);
    std::iter::from_fn(move || {
        let part: Vec<Piece> = rows.by_ref().take(PART_ROWS).collect();
        (std::mem::take(&mut is_first) || !part.is_empty()).then(|| pieces_table(&part))
    })
}

/// A row for each unit, transfer, class and reason: what the figures are sums of.
fn pieces_table(pieces: &[Piece]) -> Table {
    Columns::of(pieces)
        .value("info_hash", |p| p.info_hash.clone())
        .number("piece", |p| p.piece.map(u64::from))
        .number("leaf", |p| p.leaf.map(u64::from))
        .value("uploader", |p| Some(p.uploader))
        .value("downloader", |p| Some(p.downloader))
        .value("transport", |p| Some(p.transport))
        .figure("transfer", |p| p.transfer)
        .value("class", |p| Some(p.class))
        .value("reason", |p| Some(p.reason))
        .value("doubt", |p| p.doubt)
        .figure("bytes", |p| p.bytes)
        .ranges("frames", |p| &p.frames)
        .frames("requested", |p| p.requested)
        .ranges("requested_frames", |p| &p.requested_frames)
        .frames("advertised", |p| p.advertised)
        .lists("runs", |p, texts| {
            for run in &p.runs {
                let (input, start) = (run.input.into(), run.start.into());
                texts.add(|text| figures(text, [("", input), (":", run.offset), ("+", run.len), ("@", start)]));
            }
        })
        .figure("derived_bytes", |p| p.derived_bytes)
        .value("sha1", |p| p.sha1)
        .value("sha256", |p| p.sha256)
        .named("pieces")
}

/// Appends figures, each behind its sign: `0:12-31` for frames of an input. A report may have tens of millions.
fn figures<const N: usize>(text: &mut String, all: [(&str, u64); N]) {
    let mut digits = itoa::Buffer::new();
    for (sign, figure) in all {
        text.push_str(sign);
        text.push_str(digits.format(figure));
    }
}

// Rationale: some 100 MB of rows and cells.
const PART_ROWS: usize = 1 << 16;

fn edge(edge: &Edge) -> String {
    format!("{} -> {}", edge.uploader, edge.downloader)
}
