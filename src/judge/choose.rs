//! Of which torrent a connection without a handshake is, by its bytes (T33, T67).
//!
//! A block that matches by its hash, or is equal to a verified copy, speaks for a torrent. Other given torrents may
//! have the same bytes in the same place (cross-seeds; files of v2 begin at a piece): such rivals leave it open, until
//! a piece that they cannot have, or a block without a place in them, rules them out. A few bytes that differ rule
//! nothing out: every torrent has senders of bad blocks. All are chosen from the same contents, none by another one's
//! choice.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::ask::{Ask, verdict};
use super::attribute::{Line, Lines};
use super::contents::Contents;
use super::piece::Piece;
use super::{Bench, Parts, Share};
use super::{Cut, Measure, RangeSet, TorrentKey, Unit};
use crate::facts::{Answer, Block};
use crate::limits::COMPARED_PIECES;
use crate::prove::Verdict;
use crate::torrent::{Expected, PieceIndex, Torrent, TorrentId, Torrents};

/// Given torrents that may have the pieces that speak for another one.
type Rivals = BTreeSet<TorrentId>;

/// Signs for and against each torrent, of one connection.
#[derive(Debug, Default)]
pub(super) struct Signs {
    of: BTreeMap<TorrentId, Sign>,
}

#[derive(Debug, Default)]
struct Sign {
    /// Bytes of blocks with a place in it.
    inside: u64,
    /// Bytes of others.
    outside: u64,
    /// A block that was asked for has no place in it.
    refused: bool,
    /// A piece that the connection had a part in matches; those that may have the same pieces.
    matched: Option<Rivals>,
    /// Bytes that are equal to verified ones.
    equal: u64,
    /// Bytes of blocks that differ from verified ones.
    differing: u64,
    /// Pieces whose verified bytes others were asked for, and those that have them, too.
    compared: usize,
    doubles: Option<Rivals>,
}

impl Sign {
    fn has_room(&self) -> bool {
        !self.refused && self.inside >= self.outside.saturating_mul(LEAST_RATIO)
    }

    /// Returns true if no more bytes differ than a bad sender among good ones explains.
    fn holds(&self) -> bool {
        self.equal >= self.differing.saturating_mul(LEAST_RATIO)
    }
}

/// The torrents that fit a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    None,
    One(TorrentId),
    /// Several may be meant.
    Several,
}

impl Signs {
    /// The torrent that they speak for.
    pub(super) fn fit(&self) -> Fit {
        let room = |id: &TorrentId| self.of.get(id).is_some_and(Sign::has_room);
        let alone = |(id, sign): (&TorrentId, &Sign)| {
            sign.matched.as_ref().is_some_and(BTreeSet::is_empty).then_some(*id).filter(room)
        };
        if let [torrent] = self.of.iter().filter_map(alone).collect::<Vec<_>>()[..] {
            return Fit::One(torrent);
        }
        let roomy: Rivals = self.of.keys().copied().filter(room).collect();
        let (mut named, mut others) = (Vec::new(), 0);
        for (torrent, sign) in self.of.iter().filter(|(torrent, _)| roomy.contains(torrent)) {
            let agrees = sign.holds() && sign.equal >= LEAST_AGREEMENT;
            let mut rivals = match &sign.matched {
                Some(rivals) => rivals.clone(),
                None if agrees => roomy.iter().copied().filter(|other| other != torrent).collect(),
                None => continue,
            };
            rivals.retain(|rival| roomy.contains(rival));
            if let (true, Some(doubles)) = (agrees, &sign.doubles) {
                rivals.retain(|rival| doubles.contains(rival));
            }
            // Whatever else fits, no other torrent has all of what speaks for this one.
            if sign.holds() && rivals.is_empty() {
                named.push(*torrent);
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
}

/// Matches the blocks of one piece number, of all connections, with what the torrents have there, in order of arrival.
pub(super) struct Matcher<'a> {
    pub(super) lines: &'a Lines,
    /// Before the captures told anything of their trees, and afterwards.
    pub(super) given: &'a Torrents,
    pub(super) torrents: &'a Torrents,
    pub(super) bench: Bench<'a>,
}

impl Matcher<'_> {
    pub(super) fn piece(&self, blocks: &[Block], signs: &mut BTreeMap<usize, Signs>, ask: &mut dyn Ask) {
        let open: Vec<(usize, &Line, &Block)> = blocks
            .iter()
            .filter_map(|block| {
                let (index, line) = self.lines.get(block.connection)?;
                line.is_open().then_some((index, line, block))
            })
            .collect();
        if open.is_empty() {
            return;
        }
        for id in self.torrents.ids() {
            let torrent = self.torrents.torrent(id);
            ask.turn(open.first().map_or(0, |(_, _, block)| block.piece), Some(torrent));
            let mut candidates: Vec<(usize, Share)> = Vec::new();
            let mut place: Option<PieceIndex> = None;
            for (index, line, block) in &open {
                if !line.may_be_of(torrent) {
                    continue;
                }
                let sign = signs.entry(*index).or_default().of.entry(id).or_default();
                let share = Share::of(block, &line.carrier(block.from, *index));
                let placed = torrent.place(block.piece, block.begin, block.len).ok();
                match placed.filter(|placed| !is_odd_padding(torrent, placed.piece, &share, ask)) {
                    Some(_) => sign.inside += block.captured(),
                    None if block.captured() > 0 && matches!(block.answers, Answer::Request { .. }) => {
                        sign.refused = true;
                    }
                    None => sign.outside += block.captured(),
                }
                if let Some(placed) = placed
                    && block.captured() > 0
                {
                    place = Some(placed.piece);
                    candidates.push((*index, share));
                }
            }
            if let Some(piece) = place {
                self.torrent(id, piece, blocks, &candidates, signs, ask);
            }
        }
    }

    /// Weighs the candidates of a piece for one torrent: by hashes, and against verified copies.
    fn torrent(
        &self,
        id: TorrentId,
        piece: PieceIndex,
        blocks: &[Block],
        candidates: &[(usize, Share)],
        signs: &mut BTreeMap<usize, Signs>,
        ask: &mut dyn Ask,
    ) {
        let torrent = self.torrents.torrent(id);
        let named: Vec<Share> = blocks
            .iter()
            .filter_map(|block| {
                let (index, line) = self.lines.get(block.connection)?;
                let own = line.named && line.torrent(block.from) == TorrentKey::Given(id);
                let placed = own && torrent.place(block.piece, block.begin, block.len).is_ok();
                placed.then(|| Share::of(block, &line.carrier(block.from, index)))
            })
            .collect();
        let begun = !named.is_empty();
        let known = Piece::of(self.given.torrent(id), torrent, piece, named, &self.bench, ask);
        let unit = Unit { piece: piece.number(), leaf: None };
        let Some(measure) = Measure::of(torrent, unit) else { return };
        let mut whole: Option<Parts> = None;
        // Pieces put together from candidates, by receiver.
        for parts in copies(candidates, &measure) {
            let copy =
                Parts::layered(parts.iter().filter_map(|at| candidates.get(*at)).map(|(_, share)| &share.parts));
            if let Some(content) = self.matching(&copy, &measure, ask) {
                let of: Vec<&(usize, Share)> = parts.iter().filter_map(|at| candidates.get(*at)).collect();
                self.note_matched(id, piece, &content, &of, signs, ask);
                whole.get_or_insert(content);
            }
        }
        // A piece of which one part was sent on connections whose torrent is known, and another on these.
        let stays_whole = Cut::finest(torrent, piece) == Cut::Whole;
        let unverified = known.units.iter().find(|of| of.unit == unit && !of.contents.found.verified);
        if let Some(unverified) = unverified.filter(|_| begun && stays_whole) {
            let entered = || unverified.shares.iter().map(|share| &share.parts);
            let held = || candidates.iter().map(|(_, share)| &share.parts);
            let ways = [Parts::layered(entered().chain(held())), Parts::layered(held().chain(entered()))];
            if let Some(content) = ways.iter().find_map(|way| self.matching(way, &measure, ask)) {
                let mut right =
                    |share: &Share| share.ranges.iter().all(|range| ask.same(&share.parts, &content, range));
                let of: Vec<&(usize, Share)> = candidates.iter().filter(|(_, share)| right(share)).collect();
                self.note_matched(id, piece, &content, &of, signs, ask);
                whole.get_or_insert(content);
            }
        }
        let mut contents: Vec<(Measure, &Contents)> = Vec::new();
        let mut of_whole = Contents::default();
        match whole {
            Some(content) => {
                of_whole.found.trivial = ask.is_trivial(&content);
                of_whole.references.push(content);
                contents.push((measure, &of_whole));
            }
            None => contents.extend(known.units.iter().filter_map(|of| Some((of.measure.clone()?, &of.contents)))),
        }
        self.compare(id, piece, &contents, candidates, signs, ask);
    }

    /// A copy, where it is the torrent's piece and tells it.
    fn matching(&self, copy: &Parts, measure: &Measure, ask: &mut dyn Ask) -> Option<Parts> {
        if measure.expected == Expected::Unknown
            || !copy.cover(&measure.range, &measure.pads)
            || ask.is_trivial(copy)
        {
            return None;
        }
        let digests = ask.digests(copy, measure);
        (verdict(&measure.expected, &digests) != Verdict::Mismatch).then(|| copy.clone())
    }

    /// Notes that a piece matches of which these shares are parts; zeros that fit prove nothing about their sender.
    fn note_matched(
        &self,
        id: TorrentId,
        piece: PieceIndex,
        content: &Parts,
        of: &[&(usize, Share)],
        signs: &mut BTreeMap<usize, Signs>,
        ask: &mut dyn Ask,
    ) {
        let mut sums: BTreeMap<usize, (u64, RangeSet)> = BTreeMap::new();
        for (index, share) in of {
            let (sum, own) = sums.entry(*index).or_default();
            *sum += if ask.is_trivial(&share.parts) { 0 } else { share.parts.bytes() };
            share.ranges.iter().for_each(|range| own.insert(range));
        }
        for (index, (_, own)) in sums.into_iter().filter(|(_, (bytes, _))| *bytes >= LEAST_AGREEMENT) {
            let rivals = self.rivals(id, piece, content, &own, ask);
            let sign = signs.entry(index).or_default().of.entry(id).or_default();
            match &mut sign.matched {
                Some(known) => known.retain(|rival| rivals.contains(rival)),
                None => sign.matched = Some(rivals),
            }
        }
    }

    /// Counts the bytes in which blocks agree with verified bytes of a piece, and in which they differ.
    fn compare(
        &self,
        id: TorrentId,
        piece: PieceIndex,
        contents: &[(Measure, &Contents)],
        candidates: &[(usize, Share)],
        signs: &mut BTreeMap<usize, Signs>,
        ask: &mut dyn Ask,
    ) {
        let mut equal: BTreeMap<usize, RangeSet> = BTreeMap::new();
        for (index, share) in candidates {
            for (measure, known) in contents.iter().filter(|(_, known)| !known.found.trivial) {
                let mut ranges: RangeSet = share.ranges.within(&measure.range).collect();
                measure.pads.iter().for_each(|pad| ranges.remove(pad));
                if ranges.is_empty() || known.references.is_empty() || ask.is_trivial(&share.parts.cut(&ranges)) {
                    continue;
                }
                if known.version_of(&share.parts, &ranges, ask).is_some() {
                    let equal = equal.entry(*index).or_default();
                    ranges.iter().for_each(|range| equal.insert(range));
                } else {
                    signs.entry(*index).or_default().of.entry(id).or_default().differing += ranges.total();
                }
            }
        }
        let joined = Parts::layered(contents.iter().filter_map(|(_, known)| known.references.first()));
        for (index, own) in equal {
            let sign = signs.entry(index).or_default().of.entry(id).or_default();
            sign.equal += own.total();
            if sign.compared < COMPARED_PIECES && sign.doubles.as_ref().is_none_or(|doubles| !doubles.is_empty()) {
                sign.compared += 1;
                let found = self.rivals(id, piece, &joined, &own, ask);
                let sign = signs.entry(index).or_default().of.entry(id).or_default();
                match &mut sign.doubles {
                    Some(known) => known.retain(|rival| found.contains(rival)),
                    None => sign.doubles = Some(found),
                }
            }
        }
    }

    /// The other given torrents that have what a connection sent of a verified piece of `torrent`, or may have it, in the
    /// same place. `content` is that piece, and `own` is where the connection's part of it stands.
    fn rivals(
        &self,
        torrent: TorrentId,
        piece: PieceIndex,
        content: &Parts,
        own: &RangeSet,
        ask: &mut dyn Ask,
    ) -> Rivals {
        let (given, unit) = (self.torrents.torrent(torrent), Unit { piece: piece.number(), leaf: None });
        let Some(measure) = Measure::of(given, unit) else { return Rivals::new() };
        let mut has_it = |other: &TorrentId| {
            let other = self.torrents.torrent(*other);
            let Some(theirs) = Measure::of(other, unit) else { return false };
            let fits = |range: Range<u32>| other.place(unit.piece, range.start, range.end - range.start).is_ok();
            if !own.iter().all(fits) {
                return false;
            }
            match (measure.expected, theirs.expected) {
                (Expected::Sha1(one), Expected::Sha1(other)) if measure.range == theirs.range => one == other,
                _ if theirs.expected != Expected::Unknown && content.cover(&theirs.range, &theirs.pads) => {
                    let digests = ask.digests(content, &theirs);
                    verdict(&theirs.expected, &digests) != Verdict::Mismatch
                }
                // Only what begins at the same place of a file may have the same bytes.
                _ => start(given, unit).zip(start(other, unit)).is_none_or(|(one, other)| one == other),
            }
        };
        self.torrents.ids().filter(|other| *other != torrent && has_it(other)).collect()
    }
}

/// Copies of a whole piece, put together for each receiver from blocks that do not overlap; as indices.
fn copies(candidates: &[(usize, Share)], measure: &Measure) -> Vec<Vec<usize>> {
    let mut open: BTreeMap<_, (RangeSet, Vec<usize>)> = BTreeMap::new();
    let mut complete = Vec::new();
    for (at, (_, share)) in candidates.iter().enumerate() {
        let (covered, parts) = open.entry(share.receiver).or_default();
        if share.ranges.iter().any(|range| covered.intersects(&range)) {
            continue;
        }
        share.ranges.iter().for_each(|range| covered.insert(range));
        parts.push(at);
        let mut all = covered.clone();
        measure.pads.iter().for_each(|pad| all.insert(pad));
        if all.covers(&measure.range) {
            complete.push(std::mem::take(parts));
            *covered = RangeSet::default();
        }
    }
    complete
}

/// Returns true if a block has bytes in the padding of its piece that are not zero.
fn is_odd_padding(torrent: &Torrent, piece: PieceIndex, share: &Share, ask: &mut dyn Ask) -> bool {
    let pads: RangeSet = torrent.pads(piece).collect();
    if pads.is_empty() || torrent.guesses_pads(piece) {
        return false;
    }
    let padding = share.parts.cut(&pads);
    !padding.is_empty() && ask.non_zero(&padding) > 0
}

/// Where in its file a piece begins; `None` where that is padding.
fn start(torrent: &Torrent, unit: Unit) -> Option<u64> {
    torrent.files_in(torrent.piece(unit.piece)?, 0..1).next().map(|(_, range)| range.start)
}

// Rationale: one block that is equal, byte for byte, and not of one value.
const LEAST_AGREEMENT: u64 = 1_024;
// Rationale: a stream of another torrent that shares a piece or two differs in most of its bytes.
const LEAST_RATIO: u64 = 4;

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: TorrentId = TorrentId(1);
    const TWO: TorrentId = TorrentId(2);

    /// A torrent that has room for all, and of which so many bytes are equal and differ.
    fn sign(equal: u64, differing: u64) -> Sign {
        Sign { inside: 1 << 16, equal, differing, ..Sign::default() }
    }

    fn matched(rivals: &[TorrentId]) -> Sign {
        Sign { matched: Some(rivals.iter().copied().collect()), ..sign(1 << 14, 0) }
    }

    fn fit(signs: Vec<(TorrentId, Sign)>) -> Fit {
        Signs { of: signs.into_iter().collect() }.fit()
    }

    #[test]
    fn a_piece_that_no_other_torrent_can_have_names_the_torrent() {
        assert_eq!(fit(vec![(ONE, matched(&[])), (TWO, sign(0, 0))]), Fit::One(ONE));
        // Whatever else it carried: every torrent has senders of bad blocks.
        let spoilt = Sign { differing: 1 << 20, ..matched(&[]) };
        assert_eq!(fit(vec![(ONE, spoilt), (TWO, sign(0, 0))]), Fit::One(ONE));
    }

    #[test]
    fn a_piece_that_two_torrents_share_names_none_until_one_has_no_room() {
        // Nothing of the other one matched, which may have the piece all the same: its hash need not be known.
        assert_eq!(fit(vec![(ONE, matched(&[TWO])), (TWO, sign(0, 0))]), Fit::Several);
        let both = |room: Sign| vec![(ONE, matched(&[TWO])), (TWO, Sign { matched: Some([ONE].into()), ..room })];
        assert_eq!(fit(both(sign(1 << 14, 0))), Fit::Several);
        // A block that was asked for has no place in the other one.
        let refused = Sign { refused: true, ..sign(1 << 14, 0) };
        assert_eq!(fit(both(refused)), Fit::One(ONE));
        // Most of what was sent has none.
        let crowded = Sign { outside: 1 << 16, ..sign(1 << 14, 0) };
        assert_eq!(fit(both(crowded)), Fit::One(ONE));
    }

    #[test]
    fn a_torrent_without_a_place_for_its_blocks_is_never_chosen() {
        assert_eq!(fit(vec![(ONE, Sign { refused: true, ..matched(&[]) })]), Fit::None);
        assert_eq!(fit(vec![(ONE, Sign { outside: 1 << 15, ..matched(&[]) })]), Fit::None);
        assert_eq!(fit(vec![(ONE, Sign { outside: 1 << 14, ..matched(&[]) })]), Fit::One(ONE));
    }

    #[test]
    fn pieces_that_only_two_different_torrents_can_have_name_none() {
        assert_eq!(fit(vec![(ONE, matched(&[])), (TWO, matched(&[]))]), Fit::Several);
    }

    #[test]
    fn bytes_equal_to_verified_ones_name_a_torrent_where_no_other_has_them() {
        let of = |equal, differing, doubles: &[TorrentId]| Sign {
            doubles: Some(doubles.iter().copied().collect()),
            ..sign(equal, differing)
        };
        let other = || (TWO, sign(0, 0));
        assert_eq!(fit(vec![(ONE, of(LEAST_AGREEMENT, 0, &[])), other()]), Fit::One(ONE));
        assert_eq!(fit(vec![(ONE, of(LEAST_AGREEMENT, 0, &[TWO])), other()]), Fit::Several);
        // Too few, or among too many that differ.
        assert_eq!(fit(vec![(ONE, of(LEAST_AGREEMENT - 1, 0, &[])), other()]), Fit::None);
        assert_eq!(fit(vec![(ONE, of(4_096, 1_024, &[])), other()]), Fit::One(ONE));
        assert_eq!(fit(vec![(ONE, of(4_096, 1_025, &[])), other()]), Fit::None);
    }

    #[test]
    fn of_what_speaks_for_nothing_nothing_is_known() {
        assert_eq!(fit(Vec::new()), Fit::None);
        assert_eq!(fit(vec![(ONE, sign(0, 0)), (TWO, sign(0, 0))]), Fit::None);
    }
}
