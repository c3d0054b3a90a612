//! The blocks of the one peer that is shown: what it sent of each piece, and the filters of exactly those frames.

use super::cast::{Cast, Peer};
use crate::evidence::{Class, Grade};
use crate::report::blocks::{self, Block, Proof};
use crate::report::filters::{Messages, Way, display_filter};
use crate::report::model::Standard;
use crate::report::text::{counted, grouped};

/// The table.
#[derive(Default)]
pub(super) struct Rows {
    pub(super) rows: Vec<Row>,
    pub(super) left: String,
}

/// Bytes of a piece, of one class.
pub(super) struct Row {
    pub(super) piece: String,
    pub(super) place: String,
    pub(super) bytes: String,
    pub(super) class: &'static str,
    pub(super) asked: String,
    pub(super) sent: String,
}

/// The blocks of a peer; `None` where the report does not list them.
pub(super) fn of(cast: &Cast<'_>, peer: &Peer<'_>) -> Option<Vec<Block>> {
    let pieces = cast.document.pieces.as_deref()?;
    Some(blocks::blocks(pieces, |number| cast.is_sent(peer, number)))
}

/// The pieces of which a peer that sent something sent nothing.
pub(super) fn without(cast: &Cast<'_>, peer: &Peer<'_>) -> Option<String> {
    let pieces = cast.document.pieces.as_deref().filter(|_| peer.sent_any())?;
    let count = cast.torrent(peer.subject.info_hash.as_deref())?.pieces?;
    let without = blocks::without(pieces, |number| cast.is_sent(peer, number), count);
    (!without.is_empty()).then(|| blocks::stretches(&without))
}

/// Filters that select exactly the frames of a proof; none where the report does not list them.
pub(super) fn of_proof(cast: &Cast<'_>, peer: &Peer<'_>, standard: &Standard) -> Vec<(&'static str, String)> {
    let Some(pieces) = cast.document.pieces.as_deref() else { return Vec::new() };
    let Standard { piece, leaf, advertised, served, .. } = *standard;
    let proof = Proof { piece, leaf, advertised, served };
    let sets = blocks::proof(pieces, |number| cast.is_sent(peer, number), &proof);
    if sets.iter().any(Vec::is_empty) {
        return Vec::new();
    }
    let named = ["advertised", "requested", "served"].into_iter().zip(&sets);
    named
        .flat_map(|(what, sets)| {
            sets.iter().flat_map(|(_, set)| blocks::filters(set)).map(move |text| (what, text))
        })
        .collect()
}

/// Filters that select exactly the frames of what differs, and of all that was sent.
pub(super) fn filters(all: &[Block]) -> Vec<(&'static str, String)> {
    let exact = |what, keep: &dyn Fn(&&Block) -> bool| {
        let sets = blocks::sets(all.iter().filter(keep));
        let filters: Vec<String> =
            sets.iter().flat_map(|(_, set)| blocks::filters(set)).take(MOST_FILTERS).collect();
        filters.into_iter().map(move |text| (what, text))
    };
    let differ = exact("what differs", &|block| block.class == Class::Refuted);
    differ.chain(exact("sent, exactly", &|_| true)).collect()
}

/// Filters of the piece messages of each piece with blocks that differ; none where the report lists the blocks themselves.
pub(super) fn differing(cast: &Cast<'_>, peer: &Peer<'_>) -> Vec<String> {
    if cast.document.pieces.is_some() {
        return Vec::new();
    }
    let of = cast.sent(peer).filter_map(|transfer| {
        let rung = transfer.rungs.iter().find(|rung| rung.grade == Grade::GX)?;
        Some((rung.frames, Way::read(transfer)?))
    });
    let pieces = peer.subject.refuted_pieces.iter().flat_map(|range| range.first..=range.last);
    let pieces: Vec<u32> = pieces.take(MOST_FILTERS).collect();
    let filters = of.flat_map(|(frames, way)| {
        let filter = |piece: &u32| display_filter(frames, Some(&way), Messages::Pieces(*piece));
        pieces.iter().filter_map(filter).collect::<Vec<_>>()
    });
    filters.take(MOST_FILTERS).collect()
}

/// `: 1 and 4`, the first pieces with blocks that differ; empty where the report does not name them.
pub(super) fn which_differ(peer: &Peer<'_>) -> String {
    let ranges = peer.subject.refuted_pieces.iter().map(|range| (range.first.into(), range.last.into()));
    let ranges: Vec<(u64, u64)> = ranges.collect();
    if ranges.is_empty() { String::new() } else { format!(": {}", blocks::stretches(&ranges)) }
}

impl Rows {
    pub(super) fn of(cast: &Cast<'_>, all: &[Block]) -> Self {
        let cell = |frames| cast.numbering.cell(frames);
        let row = |block: &Block| Row {
            piece: block.piece.clone(),
            place: block.place(),
            bytes: grouped(block.bytes),
            class: block.class.name(),
            asked: blocks::cited(&block.asked, "–", cell),
            sent: blocks::cited(&block.frames, "–", cell),
        };
        let left = match all.get(MOST_ROWS..) {
            None | Some([]) => String::new(),
            Some(rest) => format!(
                "{} more, with {}: peerproof analyze --pieces -f json has all.",
                grouped(rest.len() as u64),
                counted(rest.iter().map(|block| block.bytes).fold(0, u64::saturating_add), "byte")
            ),
        };
        Self { rows: all.iter().take(MOST_ROWS).map(row).collect(), left }
    }
}

const MOST_FILTERS: usize = 10;
// Rationale: one peer is shown; 5,000 rows are half a megabyte.
const MOST_ROWS: usize = 5_000;
