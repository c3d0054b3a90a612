//! Of which torrent a connection without a handshake is, by more than one piece (T33).
//!
//! What matches by its hash, or is equal to a verified copy, speaks for a torrent. Other given torrents may have the same
//! bytes in the same place (cross-seeds; files of v2 begin at a piece): such rivals leave it open, until a piece that they
//! cannot have, or a block without a place in them, rules them out. A few bytes that differ rule nothing out: every
//! torrent has senders of bad blocks.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::bind::{Held, LEAST_AGREEMENT};
use super::conversation::Connection;
use super::{Content, Cut, Ledger, Measure, RangeSet, Share, TorrentKey, Unit};
use crate::ends::ConnectionId;
use crate::oddity::{Bound, Oddity, Open, Sink};
use crate::prove::{Prover, Verdict};
use crate::session::Answer;
use crate::torrent::{Expected, PieceIndex, Placed, Torrent, TorrentId};

/// Given torrents that may have the pieces that speak for another one.
pub(super) type Rivals = BTreeSet<TorrentId>;

/// The given torrents that fit a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    None,
    One(TorrentId),
    /// Several may be meant.
    Several,
}

/// What held blocks have in common with verified copies.
#[derive(Debug, Default)]
struct Agreement {
    /// Equal bytes of each piece.
    equal: BTreeMap<PieceIndex, RangeSet>,
    /// Bytes of blocks that differ.
    differing: u64,
}

impl Agreement {
    /// Equal bytes.
    fn bytes(&self) -> u64 {
        self.equal.values().map(RangeSet::total).sum()
    }

    /// Whether no more differs than a bad sender among good ones explains.
    fn holds(&self) -> bool {
        self.bytes() >= self.differing.saturating_mul(LEAST_RATIO)
    }
}

impl<'cap> Ledger<'_, 'cap> {
    /// The other given torrents that have what a connection sent of a verified piece of `torrent`, or may have it, in the
    /// same place. `content` is that piece, and `own` is where the connection's part of it stands.
    pub(super) fn rivals(
        &self,
        torrent: TorrentId,
        piece: PieceIndex,
        content: &Content<'cap>,
        own: &RangeSet,
    ) -> Rivals {
        let (given, unit) = (self.torrents.torrent(torrent), Unit { piece: piece.number(), leaf: None });
        let Some(measure) = Measure::of(given, unit) else { return Rivals::new() };
        let has_it = |other: &TorrentId| {
            let other = self.torrents.torrent(*other);
            let Some(theirs) = Measure::of(other, unit) else { return false };
            let fits = |range: Range<u32>| other.place(unit.piece, range.start, range.end - range.start).is_ok();
            if !own.iter().all(fits) {
                return false;
            }
            match (measure.expected, theirs.expected) {
                (Expected::Sha1(one), Expected::Sha1(other)) if measure.range == theirs.range => one == other,
                _ => match theirs.job(content) {
                    Some(job) => job.prove() != Verdict::Mismatch,
                    // Only what begins at the same place of a file may have the same bytes.
                    None => start(given, unit).zip(start(other, unit)).is_none_or(|(one, other)| one == other),
                },
            }
        };
        self.torrents.ids().filter(|other| *other != torrent).filter(has_it).collect()
    }

    /// Whether the blocks that a connection holds have a place in `torrent`, and not one in padding that is not zero: those
    /// that were asked for, and most of the others, among which framing may have found one that is none.
    pub(super) fn has_room_for(&self, torrent: TorrentId, id: ConnectionId) -> bool {
        let given = self.torrents.torrent(torrent);
        let Some(connection) = self.connections.get(&id) else { return false };
        let (mut inside, mut outside) = (0_u64, 0_u64);
        for held in &connection.held {
            let block = &held.served.block;
            let captured: u64 = block.runs.iter().map(|run| run.bytes.len() as u64).sum();
            let placed = given.place(block.piece, block.begin, block.len);
            if placed.is_ok_and(|placed| !is_odd_padding(given, &placed, held)) {
                inside += captured;
            } else if captured > 0 && matches!(held.served.answer, Answer::Solicited(_)) {
                return false;
            } else {
                outside += captured;
            }
        }
        inside >= outside.saturating_mul(LEAST_RATIO)
    }

    /// The torrents that a piece of this connection speaks for, or a verified copy that its held blocks agree with.
    pub(super) fn compare(&self, id: ConnectionId) -> Fit {
        let Some(connection) = self.connections.get(&id) else { return Fit::None };
        let (mut named, mut others) = (Vec::new(), 0);
        let roomy: Rivals = self.torrents.ids().filter(|torrent| self.has_room_for(*torrent, id)).collect();
        for &torrent in &roomy {
            let agreement = self.agreement(torrent, connection);
            let (matched, holds) = (connection.matched.get(&torrent), agreement.holds());
            let agrees = holds && agreement.bytes() >= LEAST_AGREEMENT;
            let mut rivals = match matched {
                Some(rivals) => rivals.clone(),
                None if agrees => roomy.iter().copied().filter(|other| *other != torrent).collect(),
                None => continue,
            };
            rivals.retain(|rival| roomy.contains(rival));
            if agrees {
                self.keep_doubles(torrent, &agreement.equal, &mut rivals);
            }
            // Whatever else fits, no other torrent has all of what speaks for this one.
            if holds && rivals.is_empty() {
                named.push(torrent);
            } else {
                others += 1;
            }
        }
        match named[..] {
            [torrent] => Fit::One(torrent),
            [] if others == 0 => Fit::None,
            _ => Fit::Several,
        }
    }

    /// What the held blocks of a connection have in common with what is verified of `torrent`.
    fn agreement(&self, torrent: TorrentId, connection: &Connection<'cap>) -> Agreement {
        let mut agreement = Agreement::default();
        let key = TorrentKey::Given(torrent);
        let (Some(book), given) = (self.books.get(&key), self.torrents.torrent(torrent)) else { return agreement };
        for held in &connection.held {
            let (block, content) = (&held.served.block, held.content());
            let Ok(placed) = given.place(block.piece, block.begin, block.len) else { continue };
            for unit in self.cut(key, given, placed.piece).units(given, placed.piece, &placed.range()) {
                let Some(known) = book.get(&unit).filter(|known| !known.trivial) else { continue };
                let Some(measure) = Measure::of(given, unit) else { continue };
                let mut ranges: RangeSet = content.ranges().within(&measure.range).collect();
                measure.pads.iter().for_each(|pad| ranges.remove(pad));
                if known.references.is_empty() || content.cut(&ranges).is_trivial() {
                    continue;
                }
                let same = |reference: &Content<'_>| ranges.iter().all(|range| content.agrees(reference, range));
                if known.references.iter().any(same) {
                    let equal = agreement.equal.entry(placed.piece).or_default();
                    ranges.iter().for_each(|range| equal.insert(range));
                } else {
                    agreement.differing += ranges.total();
                }
            }
        }
        agreement
    }

    /// Keeps of `rivals` those that may have all of these parts of verified pieces of `torrent`.
    fn keep_doubles(&self, torrent: TorrentId, equal: &BTreeMap<PieceIndex, RangeSet>, rivals: &mut Rivals) {
        let key = TorrentKey::Given(torrent);
        let (Some(book), given) = (self.books.get(&key), self.torrents.torrent(torrent)) else { return };
        for (&piece, own) in equal.iter().take(MOST_COMPARED) {
            if rivals.is_empty() {
                return;
            }
            let units = self.cut(key, given, piece).units(given, piece, &(0..given.piece_size(piece)));
            let references: Vec<_> =
                units.filter_map(|unit| book.get(&unit).and_then(|known| known.references.first())).collect();
            let doubles = self.rivals(torrent, piece, &Content::joined(references.into_iter()), own);
            rivals.retain(|rival| doubles.contains(rival));
        }
    }

    /// At the end: pieces of which one part was sent on connections whose torrent is known, and another on connections
    /// without a handshake. `true` where that told the torrent of some.
    pub(super) fn bind_by_completion(&mut self, prover: &Prover<'cap>, anomalies: &mut dyn Sink) -> bool {
        let mut pieces: BTreeMap<(TorrentId, u32), Vec<(ConnectionId, usize)>> = BTreeMap::new();
        let (mut room, mut left_out) = (self.limits.open_slices, 0);
        let mut ids: Vec<_> = self.connections.keys().copied().collect();
        ids.sort_unstable();
        for id in ids {
            let Some(connection) = self.connections.get(&id) else { continue };
            for (number, held) in connection.numbered() {
                let block = &held.served.block;
                for (torrent, placed) in self.candidates(block.piece, block.begin, block.len) {
                    if !self.is_open(torrent, placed.piece) {
                        continue;
                    }
                    if room == 0 {
                        left_out += u64::from(block.len);
                        continue;
                    }
                    room -= 1;
                    pieces.entry((torrent, block.piece)).or_default().push((id, number));
                }
            }
        }
        if left_out > 0 {
            anomalies.odd(Oddity::from(Bound::OpenSlices(Open::NotJoined { bytes: left_out })).seen());
        }
        let mut told = false;
        for ((torrent, piece), parts) in pieces {
            let Some(content) = self.completed(torrent, piece, &parts) else { continue };
            let Some(index) = self.torrents.torrent(torrent).piece(piece) else { continue };
            let right = |(id, number): &(ConnectionId, usize)| {
                let held = self.connections.get(id).and_then(|connection| connection.held(*number));
                held.map(Held::content)
                    .is_some_and(|own| own.ranges().iter().all(|range| own.agrees(&content, range)))
            };
            let parts: Vec<_> = parts.into_iter().filter(right).collect();
            for (id, own) in self.telling(&parts) {
                let rivals = self.rivals(torrent, index, &content, &own);
                self.note_match(id, torrent, &rivals, prover, anomalies);
                told = true;
            }
        }
        told
    }

    /// Whether a whole piece was begun and not verified.
    fn is_open(&self, torrent: TorrentId, piece: PieceIndex) -> bool {
        let key = TorrentKey::Given(torrent);
        let unit = Unit { piece: piece.number(), leaf: None };
        self.cut(key, self.torrents.torrent(torrent), piece) == Cut::Whole
            && self
                .books
                .get(&key)
                .and_then(|book| book.get(&unit))
                .is_some_and(|book| !book.verified && book.shares().next().is_some())
    }

    /// A piece of what was entered of it and of held blocks, if that matches.
    fn completed(&self, torrent: TorrentId, piece: u32, parts: &[(ConnectionId, usize)]) -> Option<Content<'cap>> {
        let unit = Unit { piece, leaf: None };
        let measure = Measure::of(self.torrents.torrent(torrent), unit)?;
        let mut shares: Vec<&Share<'cap>> =
            self.books.get(&TorrentKey::Given(torrent))?.get(&unit)?.shares().map(|(_, share)| share).collect();
        shares.sort_by_key(|share| share.seq);
        let held: Vec<Content<'cap>> = parts
            .iter()
            .filter_map(|(id, number)| self.connections.get(id)?.held(*number))
            .map(Held::content)
            .collect();
        let entered = || shares.iter().map(|share| &share.content);
        let ways = [Content::layered(entered().chain(&held)), Content::layered(held.iter().chain(entered()))];
        ways.into_iter().find(|content| {
            !content.is_trivial() && measure.job(content).is_some_and(|job| job.prove() != Verdict::Mismatch)
        })
    }
}

/// Whether a block has bytes in the padding of its piece that are not zero.
fn is_odd_padding(torrent: &Torrent, placed: &Placed, held: &Held<'_>) -> bool {
    let pads: RangeSet = torrent.pads(placed.piece).collect();
    if pads.is_empty() || torrent.guesses_pads(placed.piece) {
        return false;
    }
    let content = held.content();
    let odd = |range| content.within(range).any(|(_, bytes)| bytes.iter().any(|byte| *byte != 0));
    pads.iter().any(odd)
}

/// Where in its file a piece begins; `None` where that is padding.
fn start(torrent: &Torrent, unit: Unit) -> Option<u64> {
    torrent.files_in(torrent.piece(unit.piece)?, 0..1).next().map(|(_, range)| range.start)
}

// Rationale: torrents that begin alike mostly differ sooner; each costs a hash for each of them.
const MOST_COMPARED: usize = 16;
// Rationale: a stream of another torrent that shares a piece or two differs in most of its bytes.
const LEAST_RATIO: u64 = 4;
