//! Doubt: bytes in doubt may verify, and they refute nobody. [`Bench::refutes`] is the one place that asks.

use std::collections::BTreeMap;
use std::ops::Range;

use super::{Contents, Parts, Record, Share, Slice};
use crate::ends::{At, ConnectionId, Direction, Span};
use crate::facts::{BlockId, Doubt, Place, Reason, Scope, Second};
use crate::limits::{DOUBT_VERSIONS, DOUBTS};
use crate::oddity::{Bound, Oddity, Sink};
use crate::wire::Framing;

/// All that is in doubt.
#[derive(Debug, Default)]
pub struct Doubts {
    directions: BTreeMap<(ConnectionId, Direction), OfDirection>,
    /// By the first of blocks that follow one another by number: the number behind the last one, and the reason. There may be
    /// as many as blocks in parts whose captures are not at hand.
    shares: BTreeMap<u64, (u64, Reason)>,
    /// Stretches, of all directions together.
    stretches: usize,
}

/// Doubts about one direction of a connection.
#[derive(Debug, Default)]
struct OfDirection {
    /// All of it.
    everywhere: Option<Reason>,
    /// Stretches, in order once all are known, with the greatest end so far.
    stretches: Vec<(Range<u64>, Reason, u64)>,
    /// Second versions that were captured.
    seconds: Vec<Version>,
    /// How many versions there were.
    versions: usize,
    /// Where framing was found, in order once all are known.
    found: Vec<u64>,
    /// By those, the first block of it that is shown to be the torrent's: a false framing gives none.
    framed: BTreeMap<u64, u64>,
}

/// A second version of bytes of a stream.
#[derive(Debug)]
struct Version {
    offset: u64,
    second: Second,
    /// How many were captured before it.
    number: usize,
    /// Behind the last byte of it and of all that begin before it.
    reach: u64,
}

impl Version {
    fn end(&self) -> u64 {
        self.offset.saturating_add(u64::from(self.second.run.len))
    }

    /// The bytes of it that are of the block of a share, with their place in the piece.
    fn placed(&self, share: &Share) -> Option<Parts> {
        let (range, run) = (&share.stream.2, &self.second.run);
        let (start, end) = (self.offset.max(range.start), self.end().min(range.end));
        let len = u32::try_from(end.checked_sub(start)?).ok().filter(|len| *len > 0)?;
        let place = Place { offset: run.place.offset.saturating_add(start - self.offset), ..run.place };
        let start = share.begin.saturating_add(u32::try_from(start - range.start).ok()?);
        Some(Parts::of_slice(Slice { start, len, place, frame: run.frame }))
    }
}

impl OfDirection {
    /// Where the framing was found by which a block at `start` is read.
    fn found_before(&self, start: u64) -> Option<u64> {
        let behind = self.found.partition_point(|found| *found <= start);
        self.found.get(behind.checked_sub(1)?).copied()
    }

    /// The second versions with a byte in `range` of the stream, by their beginnings.
    fn seconds_in(&self, range: &Range<u64>) -> impl Iterator<Item = &Version> {
        let start = range.start;
        let behind = self.seconds.partition_point(|version| version.offset < range.end);
        let first = self.seconds.partition_point(|version| version.reach <= start);
        let near = self.seconds.get(first..behind).unwrap_or_default().iter();
        near.filter(move |version| version.end() > start)
    }
}

/// Grounds on which a share may speak against its sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Against {
    /// It differs from every verified copy of its unit.
    Differs,
    /// The hash of the copy that it is in failed.
    Failed,
}

/// Whoever decides: what is in doubt, and who the senders are.
#[derive(Clone, Copy, Debug)]
pub struct Bench<'a> {
    /// Doubts about the facts that are judged.
    pub doubts: &'a Doubts,
    /// The transfers.
    pub records: &'a [Record],
}

impl Bench<'_> {
    /// Returns `Ok` if a share of a piece with these doubts speaks against its sender; else the reason why it does not.
    ///
    /// # Errors
    /// The reason for which it is in doubt.
    pub fn refutes(&self, share: &Share, against: Against, piece: &PieceDoubt) -> Result<(), Reason> {
        let of_piece = match against {
            Against::Differs => piece.half_open.then_some(Reason::HalfUnknown),
            Against::Failed if piece.unjudged => Some(Reason::Bound),
            Against::Failed => piece.padding.then_some(Reason::PaddingNotZero),
        };
        let placed =
            self.records.get(share.transfer.0 as usize).is_some_and(|record| record.is_answerable(share.place));
        let of_share = || {
            let found = match share.framing {
                Framing::Resynchronised if share.place > 0 => Some(Reason::PlaceGuessed),
                Framing::Resynchronised if self.doubts.frames(share) => None,
                Framing::Resynchronised => Some(Reason::FramingFound),
                Framing::InSync => None,
            };
            let likely = (!share.named).then_some(Reason::TorrentLikely);
            let half = share.half_unknown.then_some(Reason::HalfUnknown);
            likely.or(found).or(half).or_else(|| (!placed).then_some(Reason::PlaceNotShown))
        };
        let doubt = of_share().or_else(|| self.doubts.about(share)).or(of_piece);
        doubt.map_or(Ok(()), Err)
    }
}

/// Doubts about a whole piece.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PieceDoubt {
    /// The padding that its SHA-1 covers may not be zeros.
    pub padding: bool,
    /// One half of a hybrid torrent is known of it, and the other is not.
    pub half_open: bool,
    /// Blocks of it were sent on connections that are not judged: a copy may have been whole, and right, with those.
    pub unjudged: bool,
}

impl PieceDoubt {
    /// The same doubts, and those that the contents of a unit of it show.
    pub(super) fn within(self, contents: &Contents) -> Self {
        Self { half_open: contents.found.matched.half_open(), ..self }
    }
}

impl Doubts {
    /// Takes in what the walk wrote down. `is_asked` tells whether blocks of a connection are judged: of others a doubt says
    /// nothing.
    pub fn of(
        doubts: impl IntoIterator<Item = Doubt>,
        is_asked: impl Fn(ConnectionId) -> bool,
        out: &mut dyn Sink,
    ) -> Self {
        let mut all = Self::default();
        for doubt in doubts {
            let asked = match &doubt.scope {
                // Too many of them are told wherever they are.
                Scope::Stretch(..) if doubt.reason == Reason::OtherVersion => true,
                Scope::Stretch(id, ..) | Scope::Direction(id, _) => is_asked(*id),
                Scope::Share(_) | Scope::Piece(..) => true,
            };
            if asked {
                all.add(doubt, DOUBTS, out);
            }
        }
        all.settle();
        all
    }

    fn add(&mut self, Doubt { scope, reason, second }: Doubt, most: usize, out: &mut dyn Sink) {
        match scope {
            Scope::Stretch(id, from, stretch) => {
                let of = self.directions.entry((id, from)).or_default();
                if reason == Reason::OtherVersion {
                    of.versions += 1;
                    if of.versions > DOUBT_VERSIONS {
                        if of.versions == DOUBT_VERSIONS + 1 {
                            let bytes = stretch.end.saturating_sub(stretch.start);
                            let bound = Bound::ConflictingVersions { bytes, most: DOUBT_VERSIONS };
                            let at = second.map(|second| Span::single(second.at()));
                            out.odd(Oddity::from(bound).within(at).of(id));
                        }
                        of.everywhere.get_or_insert(Reason::Bound);
                        return;
                    }
                    let (offset, number) = (stretch.start, of.versions);
                    of.seconds.extend(second.map(|second| Version { offset, second, number, reach: 0 }));
                }
                // Rationale: what is in doubt for one reason mostly follows one another, frame by frame.
                match of.stretches.last_mut().filter(|(_, known, _)| *known == reason) {
                    Some((last, ..)) if last.start <= stretch.start && stretch.start <= last.end => {
                        last.end = last.end.max(stretch.end);
                    }
                    _ if stretch.is_empty() => {}
                    _ if self.stretches >= most => {
                        if of.everywhere != Some(Reason::Bound) {
                            let bytes = stretch.end.saturating_sub(stretch.start);
                            out.odd(Oddity::from(Bound::Doubts { bytes, most }).seen().of(id));
                        }
                        of.everywhere = Some(Reason::Bound);
                    }
                    _ => {
                        self.stretches += 1;
                        of.stretches.push((stretch, reason, 0));
                    }
                }
            }
            Scope::Direction(id, from) => self.of_direction(id, from, reason),
            Scope::Share(id) => self.of_share(id, reason),
            // A piece's doubts are found with its contents.
            Scope::Piece(..) => {}
        }
    }

    fn settle(&mut self) {
        for of in self.directions.values_mut() {
            of.stretches.sort_by_key(|(stretch, reason, _)| (stretch.start, stretch.end, *reason));
            let mut end = 0;
            for (stretch, _, so_far) in &mut of.stretches {
                end = stretch.end.max(end);
                *so_far = end;
            }
            let found = of.stretches.iter().filter(|(_, reason, _)| *reason == Reason::FramingFound);
            of.found = found.map(|(stretch, ..)| stretch.start).collect();
            of.seconds.sort_by_key(|version| (version.offset, version.number));
            let mut reach = 0;
            for version in &mut of.seconds {
                reach = version.end().max(reach);
                version.reach = reach;
            }
        }
    }

    /// Takes in that all of a direction is in doubt.
    pub fn of_direction(&mut self, id: ConnectionId, from: Direction, reason: Reason) {
        self.directions.entry((id, from)).or_default().everywhere.get_or_insert(reason);
    }

    /// Takes in that a share is the torrent's: then the framing is right by which it was read. Only of one that was asked for:
    /// what imitates messages may hold bytes of the torrent, but answers nobody.
    pub fn confirm_framing(&mut self, share: &Share) {
        let (id, from, range) = &share.stream;
        if share.requested.is_none() {
            return;
        }
        if let Some(of) = self.directions.get_mut(&(*id, *from))
            && let Some(found) = of.found_before(range.start)
        {
            let first = of.framed.entry(found).or_insert(range.start);
            *first = range.start.min(*first);
        }
    }

    /// Returns true if a share, which was asked for, stands behind one that confirms their framing.
    fn frames(&self, share: &Share) -> bool {
        let (id, from, range) = &share.stream;
        let of = self.directions.get(&(*id, *from)).filter(|_| share.requested.is_some());
        of.is_some_and(|of| {
            let first = of.found_before(range.start).and_then(|found| of.framed.get(&found));
            first.is_some_and(|first| *first < range.start)
        })
    }

    /// Takes in that a share is in doubt.
    pub fn of_share(&mut self, id: BlockId, reason: Reason) {
        if self.reason_of(id).is_some() {
            return;
        }
        let behind = id.0.saturating_add(1);
        let next = self.shares.get(&behind).copied().filter(|(_, known)| *known == reason);
        let end = next.map_or(behind, |(end, _)| end);
        next.iter().for_each(|_| _ = self.shares.remove(&behind));
        match self.shares.range_mut(..id.0).next_back().filter(|(_, last)| **last == (id.0, reason)) {
            Some((_, last)) => last.0 = end,
            None => _ = self.shares.insert(id.0, (end, reason)),
        }
    }

    /// The reason for which a share itself is in doubt.
    fn reason_of(&self, id: BlockId) -> Option<Reason> {
        let (_, (end, reason)) = self.shares.range(..=id.0).next_back()?;
        (id.0 < *end).then_some(*reason)
    }

    /// Why a share is in doubt: it, its direction, or a byte of it or of the header that says where it belongs.
    pub fn about(&self, share: &Share) -> Option<Reason> {
        let (id, from, range) = &share.stream;
        self.reason_of(share.id).or_else(|| {
            let of = self.directions.get(&(*id, *from))?;
            // A web server's blocks have no headers of their own.
            let header = if share.place > 0 { 0 } else { BLOCK_HEADER };
            let range = range.start.saturating_sub(header)..range.end;
            // Those that begin before its end; none of them before the first whose greatest end is behind its start.
            let behind = of.stretches.partition_point(|(stretch, ..)| stretch.start < range.end);
            let first = of.stretches.partition_point(|(.., end)| *end <= range.start);
            let mut near = of.stretches.get(first..behind).unwrap_or_default().iter();
            let stretch = near.find(|(stretch, ..)| stretch.end > range.start).map(|(_, reason, _)| *reason);
            of.everywhere.or(stretch)
        })
    }

    /// The second versions that begin in the block of a share, each with its place in the piece.
    pub(super) fn second_versions(&self, share: &Share) -> Vec<(At, Parts)> {
        let begins = |version: &&Version| share.stream.2.contains(&version.offset);
        let placed = |version: &Version| Some((version.second.at(), version.placed(share)?));
        self.seconds_of(share).filter(begins).filter_map(placed).collect()
    }

    /// The second versions of bytes of a share, each with its place in the piece, in the order in which they were captured.
    pub(super) fn seconds(&self, share: &Share) -> Vec<Parts> {
        let mut seconds: Vec<&Version> = self.seconds_of(share).collect();
        seconds.sort_by_key(|version| version.number);
        let placed = seconds.into_iter().filter_map(|version| Some(version.placed(share)?.cut(&share.ranges)));
        placed.filter(|parts| !parts.is_empty()).collect()
    }

    fn seconds_of(&self, share: &Share) -> impl Iterator<Item = &Version> {
        let (id, from, range) = &share.stream;
        self.directions.get(&(*id, *from)).into_iter().flat_map(|of| of.seconds_in(range))
    }
}

// Rationale: BEP 3: length, id, index and begin stand before the payload.
const BLOCK_HEADER: u64 = 13;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::oddity::Occurrence;

    const FROM: Direction = Direction::LowToHigh;

    fn stretch(id: u64, start: u64, reason: Reason) -> Doubt {
        Doubt { scope: Scope::Stretch(ConnectionId(id), FROM, start..start + 10), reason, second: None }
    }

    #[test]
    fn beyond_the_bound_a_direction_is_in_doubt_as_a_whole_and_that_is_told_once() {
        let (mut doubts, mut odd) = (Doubts::default(), Vec::<Occurrence>::new());
        for doubt in
            [stretch(1, 0, Reason::Damaged), stretch(1, 20, Reason::Damaged), stretch(2, 0, Reason::Damaged)]
        {
            doubts.add(doubt, 2, &mut odd);
        }
        doubts.add(stretch(2, 50, Reason::NotCompared), 2, &mut odd);
        // What goes on with the one before takes no room.
        doubts.add(stretch(1, 25, Reason::Damaged), 2, &mut odd);
        let everywhere = |id: u64| doubts.directions.get(&(ConnectionId(id), FROM)).and_then(|of| of.everywhere);
        assert_eq!((everywhere(1), everywhere(2)), (None, Some(Reason::Bound)));
        assert_eq!(odd.len(), 1);
        assert_eq!(odd[0].oddity, Oddity::from(Bound::Doubts { bytes: 10, most: 2 }));
    }

    proptest! {
        #[test]
        fn shares_that_follow_one_another_are_in_doubt_as_if_each_were_kept_alone(
            all in prop::collection::vec((0..24_u64, 0..2_u8), 0..40),
        ) {
            let (mut doubts, mut slow) = (Doubts::default(), BTreeMap::new());
            for (id, reason) in all {
                let reason = if reason == 0 { Reason::NotTested } else { Reason::Damaged };
                doubts.of_share(BlockId(id), reason);
                slow.entry(id).or_insert(reason);
            }
            prop_assert!((0..30).all(|id| doubts.reason_of(BlockId(id)) == slow.get(&id).copied()));
            let stretches = doubts.shares.iter().zip(doubts.shares.iter().skip(1));
            prop_assert!(stretches.into_iter().all(|((_, one), (start, next))| one.0 < *start || one.1 != next.1));
        }
    }

    #[test]
    fn what_is_in_doubt_of_a_connection_that_is_not_judged_takes_no_room() {
        let whole = |id: u64| Doubt {
            scope: Scope::Direction(ConnectionId(id), FROM),
            reason: Reason::NotConfirmed,
            second: None,
        };
        let all = [whole(1), stretch(1, 0, Reason::Damaged), whole(2), stretch(2, 0, Reason::Damaged)];
        let doubts = Doubts::of(all, |id| id == ConnectionId(2), &mut Vec::<Occurrence>::new());
        assert_eq!(doubts.directions.keys().map(|(id, _)| id.0).collect::<Vec<_>>(), [2]);
    }
}
