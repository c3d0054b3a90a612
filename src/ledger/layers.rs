//! Piece layers (BEP 52) from the data itself. A magnet link brings none; but where the captures hold every byte under a
//! known node of a file's tree, what the pieces hash to shows whether they are the torrent's.

use std::collections::BTreeSet;

use super::decide::latest_first;
use super::{Content, Ledger, Measure, RangeSet, Share, TorrentKey, TransferId, Unit};
use crate::prove::piece_root;
use crate::torrent::merkle::{HashProof, padding};
use crate::torrent::{OpenLayer, PieceIndex, Torrent, TorrentId, Torrents};

/// Which of several contents of one place is tried.
#[derive(Clone, Copy, Debug)]
enum Version {
    First,
    Latest,
    /// That of one sender, filled up with the latest of others.
    Of(TransferId),
}

impl Ledger<'_, '_> {
    /// The torrents with the piece layers that blocks prove; `None` where they prove nothing.
    pub fn learn_layers(&self, torrents: &Torrents) -> Option<Torrents> {
        let mut taught = None;
        for (key, _) in self.books() {
            let TorrentKey::Given(id) = key else { continue };
            for open in torrents.torrent(id).open_layers() {
                if let Some(hashes) = self.prove_layer(id, torrents.torrent(id), &open) {
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

    /// The nodes of an open layer, where the blocks make up all of its pieces and hash to the node above.
    fn prove_layer(&self, id: TorrentId, torrent: &Torrent, open: &OpenLayer) -> Option<Vec<u8>> {
        let shares: Vec<Vec<&Share<'_>>> =
            open.pieces.iter().map(|piece| self.whole_piece(id, torrent, *piece)).collect::<Option<_>>()?;
        let senders: BTreeSet<TransferId> = shares.iter().flatten().map(|share| share.transfer).collect();
        let mut versions = vec![Version::First, Version::Latest];
        if senders.len() > 1 {
            versions.extend(senders.into_iter().take(MOST_SENDERS).map(Version::Of));
        }
        // A piece of which everything came once has one version.
        let mut known: Vec<Option<[u8; 32]>> = vec![None; shares.len()];
        for version in versions {
            let mut nodes = Vec::with_capacity(open.width as usize);
            for ((piece, shares), known) in open.pieces.iter().zip(&shares).zip(&mut known) {
                let root = match *known {
                    Some(root) => root,
                    None => root_of(torrent, *piece, &content(shares, version))?,
                };
                if !overlap(shares) {
                    *known = Some(root);
                }
                nodes.push(root);
            }
            nodes.resize(open.width as usize, padding(open.layer));
            let hashes = nodes.concat();
            if torrent.proves(open, &hashes) {
                return Some(hashes);
            }
            if known.iter().all(Option::is_some) {
                break;
            }
        }
        None
    }

    /// The shares of a piece in order of arrival, where together they hold all of it.
    fn whole_piece(&self, id: TorrentId, torrent: &Torrent, piece: PieceIndex) -> Option<Vec<&Share<'_>>> {
        let unit = Unit { piece: piece.number(), leaf: None };
        let book = self.books.get(&TorrentKey::Given(id))?.get(&unit)?;
        let mut shares: Vec<&Share<'_>> = book.shares().map(|(_, share)| share).collect();
        let covered: RangeSet = shares.iter().flat_map(|share| share.ranges.iter()).collect();
        shares.sort_by_key(|share| share.seq);
        (covered.total() == Measure::of(torrent, unit)?.content()).then_some(shares)
    }
}

fn content<'cap>(shares: &[&Share<'cap>], version: Version) -> Content<'cap> {
    match version {
        Version::First => Content::layered(shares.iter().map(|share| &share.content)),
        Version::Latest => Content::layered(latest_first(shares).into_iter().map(|share| &share.content)),
        Version::Of(sender) => {
            let (own, others): (Vec<_>, Vec<_>) =
                latest_first(shares).into_iter().partition(|share| share.transfer == sender);
            Content::layered(own.into_iter().chain(others).map(|share| &share.content))
        }
    }
}

/// Whether some place came more than once.
fn overlap(shares: &[&Share<'_>]) -> bool {
    let sum: u64 = shares.iter().map(|share| share.ranges.total()).sum();
    sum > shares.iter().flat_map(|share| share.ranges.iter()).collect::<RangeSet>().total()
}

/// What the content of a piece hashes to.
fn root_of(torrent: &Torrent, piece: PieceIndex, content: &Content<'_>) -> Option<[u8; 32]> {
    let pads: RangeSet = torrent.pads(piece).collect();
    let runs = content.whole(0..torrent.piece_size(piece), &pads)?;
    let bytes = torrent.piece_size(piece) - u32::try_from(pads.total()).ok()?;
    Some(piece_root(&runs, bytes, torrent.piece_length()))
}

// Rationale: each costs one hash of the file; the first, the latest and one of its own per sender find a lone liar.
const MOST_SENDERS: usize = 8;
