//! Units after more hashes became known: `hashes` messages (BEP 52) turn pieces into leaves.

use std::collections::BTreeSet;

use super::{Attempt, Cut, Ledger, Measure, TorrentKey, Unit};
use crate::oddity::Sink;
use crate::prove::Prover;
use crate::torrent::{PieceIndex, Torrent, Torrents};

impl<'run, 'cap> Ledger<'run, 'cap> {
    /// Goes on with torrents of which more hashes are known: what was not verified is entered again, by unit.
    pub fn teach(&mut self, torrents: &'run Torrents, prover: &Prover<'cap>, anomalies: &mut dyn Sink) {
        self.settle_all(prover, anomalies);
        // The SHA-1 of a hybrid is of whole pieces: what can be put together is, before they are cut.
        self.retry(prover, anomalies);
        self.torrents = torrents;
        self.taught = true;
        let mut again = Vec::new();
        for (torrent, book) in &mut self.books {
            let TorrentKey::Given(id) = torrent else { continue };
            let given = torrents.torrent(*id);
            if given.info_hash_v2().is_none() {
                continue;
            }
            let mut units: Vec<_> = book.iter().filter(|(_, book)| !book.verified).map(|(unit, _)| unit).collect();
            // The others stay as they are.
            let cut = |unit: &Unit| {
                unit.leaf.is_some()
                    || given.piece(unit.piece).is_some_and(|piece| Cut::finest(given, piece) == Cut::Parts)
            };
            units.retain(cut);
            units.sort_unstable();
            // What is no leaf of v2 may be of v1 where the halves of a hybrid describe other bytes, unless one sender
            // sent all of the piece and it matches neither.
            let hybrid = given.info_hash_v1().is_some();
            for unit in units {
                if let Some(mut old) = book.take(&unit) {
                    self.open_slices -= old.open_slices();
                    let failed: BTreeSet<u64> = old.attempts.iter().flat_map(Attempt::failed_alone).collect();
                    again.extend(old.take_shares().into_iter().map(|(receiver, mut share, _)| {
                        share.doubtful |= hybrid && !failed.contains(&share.seq);
                        (*torrent, unit, receiver, share)
                    }));
                }
            }
        }
        again.sort_by_key(|(_, _, _, share)| share.seq);
        for (torrent, unit, receiver, share) in again {
            let Some(given) = self.given(torrent) else { continue };
            let Some(piece) = given.piece(unit.piece) else { continue };
            let bounds = share.ranges.iter().map(|range| range.start).min()
                ..share.ranges.iter().map(|range| range.end).max();
            let (Some(start), Some(end)) = (bounds.start, bounds.end) else { continue };
            for unit in Cut::finest(given, piece).units(given, piece, &(start..end)) {
                let Some(measure) = Measure::of(given, unit) else { continue };
                if let Some(part) = share.part(&measure.range) {
                    self.enter(torrent, unit, part, receiver, Some(&measure), prover, anomalies);
                }
            }
        }
    }

    /// How a piece is cut into units: one that was verified whole stays whole when more hashes become known, or its bytes
    /// would be counted twice.
    pub(super) fn cut(&self, key: TorrentKey, torrent: &Torrent, piece: PieceIndex) -> Cut {
        if !self.taught {
            return Cut::first(torrent, piece);
        }
        let whole = Unit { piece: piece.number(), leaf: None };
        let verified = self.books.get(&key).and_then(|book| book.get(&whole)).is_some_and(|book| book.verified);
        if verified { Cut::Whole } else { Cut::finest(torrent, piece) }
    }
}
