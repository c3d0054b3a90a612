//! More of the hashes of v2 trees (BEP 52): from `hashes` messages, and from whole files whose pieces prove their layer.

use std::collections::{BTreeMap, BTreeSet};

use super::ask::Ask;
use super::ways::latest_first;
use super::{Measure, RangeSet, TransferId};
use super::{Parts, Share};
use crate::facts::Facts;
use crate::limits::LAYER_SENDERS;
use crate::oddity::{Bound, Oddity, Sink};
use crate::torrent::merkle::{HashProof, LEAF_BYTES, ProofError, padding, root};
use crate::torrent::{Expected, OpenLayer, PieceIndex, PieceTree, Torrent, TorrentId, Torrents};

/// The torrents with what `hashes` messages prove; `None` where they prove nothing. A message may hang on a node that a
/// later one proves, so they are read until none teaches anything.
pub fn teach(facts: &Facts, given: &Torrents, out: &mut dyn Sink) -> Option<Torrents> {
    if facts.hashes.is_empty() {
        return None;
    }
    let (mut taught, mut proven) = (given.clone(), false);
    let mut open: Vec<_> = facts.hashes.iter().collect();
    loop {
        let mut learned = 0;
        open.retain(|message| {
            let range = message.range;
            let proof = HashProof {
                pieces_root: range.pieces_root,
                base_layer: range.base_layer,
                index: range.index,
                length: range.length,
                hashes: &message.hashes,
            };
            let Some(id) = message.info_hash.and_then(|hash| taught.find(&hash)) else { return false };
            match taught.torrent_mut(id).learn(&proof) {
                Ok(nodes) => {
                    learned += u64::from(nodes);
                    proven = true;
                    false
                }
                Err(ProofError::Unconnected) => true,
                Err(fault) => {
                    out.odd(Oddity::WrongHashes(fault).within(message.span));
                    false
                }
            }
        });
        if learned == 0 {
            break;
        }
    }
    for message in open {
        out.odd(Oddity::WrongHashes(ProofError::Unconnected).within(message.span));
    }
    proven.then_some(taught)
}

/// Which of several contents of one place is tried.
#[derive(Clone, Copy, Debug)]
enum Version {
    First,
    Latest,
    /// That of one sender, filled up with the latest of others.
    Of(TransferId),
}

/// The pieces of layers that are not known.
pub(super) fn open_pieces(torrents: &Torrents) -> BTreeSet<(TorrentId, u32)> {
    let of = |id| {
        let layers = torrents.torrent(id).open_layers().into_iter();
        layers.flat_map(move |open| open.pieces.into_iter().map(move |piece| (id, piece.number())))
    };
    torrents.ids().flat_map(of).collect()
}

/// The torrents with the piece layers that blocks prove; `None` where they prove nothing. `shares` are those of the pieces of
/// open layers, in order of arrival, without padding. Layers that other senders than those that are tried may prove are told.
pub(super) fn learn_layers(
    torrents: &Torrents,
    shares: &BTreeMap<(TorrentId, u32), Vec<Share>>,
    ask: &mut dyn Ask,
    out: &mut dyn Sink,
) -> Option<Torrents> {
    let mut taught = None;
    for id in torrents.ids() {
        for open in torrents.torrent(id).open_layers() {
            let of: Option<Vec<&Vec<Share>>> =
                open.pieces.iter().map(|piece| shares.get(&(id, piece.number()))).collect();
            let Some(of) = of else { continue };
            let (hashes, every) = prove_layer(torrents.torrent(id), &open, &of, ask);
            if let (None, false, Some(first)) = (&hashes, every, open.pieces.first()) {
                let unit = crate::oddity::Unit { piece: first.number(), leaf: None };
                let bytes = of.iter().flat_map(|shares| shares.iter()).map(|share| share.ranges.total()).sum();
                out.odd(Oddity::from(Bound::Copies { unit, bytes }).seen());
            }
            if let Some(hashes) = hashes {
                let OpenLayer { pieces_root, layer, first, width, .. } = open;
                let proof =
                    HashProof { pieces_root, base_layer: layer, index: first, length: width, hashes: &hashes };
                let known = taught.get_or_insert_with(|| torrents.clone());
                // It was just seen to hash to a node that is known.
                let learned = known.torrent_mut(id).learn(&proof);
                debug_assert!(learned.is_ok(), "{learned:?}");
            }
        }
    }
    taught
}

/// The nodes of an open layer, where the blocks make up all of its pieces and hash to the node above; and whether what every
/// sender sent was tried.
fn prove_layer(
    torrent: &Torrent,
    open: &OpenLayer,
    of: &[&Vec<Share>],
    ask: &mut dyn Ask,
) -> (Option<Vec<u8>>, bool) {
    let shares: Vec<Vec<&Share>> = of.iter().map(|shares| shares.iter().collect()).collect();
    let senders: BTreeSet<TransferId> = shares.iter().flatten().map(|share| share.transfer).collect();
    let mut versions = vec![Version::First, Version::Latest];
    let few = senders.len() <= LAYER_SENDERS;
    if senders.len() > 1 {
        versions.extend(senders.into_iter().take(LAYER_SENDERS).map(Version::Of));
    }
    // A piece of which everything came once has one version.
    let mut known: Vec<Option<[u8; 32]>> = vec![None; shares.len()];
    for version in versions {
        let mut nodes = Vec::with_capacity(open.width as usize);
        for ((piece, shares), known) in open.pieces.iter().zip(&shares).zip(&mut known) {
            let node = match *known {
                Some(node) => node,
                None => match node_of(torrent, *piece, &content(shares, version), ask) {
                    Some(node) => node,
                    // Nobody sent some of it, whatever is tried.
                    None => return (None, true),
                },
            };
            if !overlap(shares) {
                *known = Some(node);
            }
            nodes.push(node);
        }
        nodes.resize(open.width as usize, padding(open.layer));
        let hashes = nodes.concat();
        if torrent.proves(open, &hashes) {
            return (Some(hashes), true);
        }
        if known.iter().all(Option::is_some) {
            return (None, true);
        }
    }
    (None, few)
}

fn content(shares: &[&Share], version: Version) -> Parts {
    match version {
        Version::First => Parts::layered(shares.iter().map(|share| &share.parts)),
        Version::Latest => Parts::layered(latest_first(shares).into_iter().map(|share| &share.parts)),
        Version::Of(sender) => {
            let (own, others): (Vec<_>, Vec<_>) =
                latest_first(shares).into_iter().partition(|share| share.transfer == sender);
            Parts::layered(own.into_iter().chain(others).map(|share| &share.parts))
        }
    }
}

/// Returns true if some place came more than once.
fn overlap(shares: &[&Share]) -> bool {
    let sum: u64 = shares.iter().map(|share| share.ranges.total()).sum();
    sum > shares.iter().flat_map(|share| share.ranges.iter()).collect::<RangeSet>().total()
}

/// The node of a piece's content in the tree of its file, where the content is whole.
fn node_of(torrent: &Torrent, piece: PieceIndex, content: &Parts, ask: &mut dyn Ask) -> Option<[u8; 32]> {
    ask.turn(piece.number(), Some(torrent));
    let pads: RangeSet = torrent.pads(piece).collect();
    let size = torrent.piece_size(piece);
    let bytes = size - u32::try_from(pads.total()).ok()?;
    let width = torrent.piece_length() / LEAF_BYTES;
    let expected = Expected::V2(PieceTree { root: [0; 32], content: bytes, width });
    let measure = Measure { range: 0..size, pads, expected };
    content.cover(&measure.range, &measure.pads).then(|| root(&ask.digests(content, &measure).leaves, width))
}
