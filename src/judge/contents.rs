//! Contents: which byte strings in the captures are the torrent's. That does not ask who sent them.
//!
//! The copies that each receiver got are tried first, block by block in order of arrival; where none of them hashes right,
//! other ways to put the unit together are, see [`ways`](super::ways).

use std::ops::Range;

use super::ask::{Ask, verdict};
use super::unit::are_of_one;
use super::{Bench, Doubts, Found, Parts, Share, ways};
use super::{Matched, Measure, RangeSet, Receiver};
use crate::ends::Span;
use crate::limits::PIECE_COPIES;
use crate::prove::{Half, Verdict};

/// Contents of one unit, found before anybody is judged by them.
#[derive(Debug, Default)]
pub struct Contents {
    /// Contents that hash to the unit: one, or more where SHA-1 collides (T23) or the halves of a hybrid differ.
    pub references: Vec<Parts>,
    /// Facts of the unit without credits.
    pub found: Found,
    /// The copies that were sent, in the order in which they were begun.
    pub copies: Vec<Attempt>,
    /// Set if a bound on copies or on ways to put them together was reached.
    pub crowded: bool,
    /// Set if it was, and several senders sent what was to be put together: no failed copy speaks against one of them.
    pub untried: bool,
    /// Oddities of the contents.
    pub notes: Vec<Note>,
}

/// An oddity of the contents of a unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// One matches one half of a hybrid torrent alone.
    Half {
        /// Set for the v1 half; else it is the v2 half.
        v1: bool,
        /// The frames of the copy, where it was sent as one.
        span: Option<Span>,
    },
    /// Two have one SHA-1: their SHA-256 (T23).
    Collision([[u8; 32]; 2]),
}

/// One copy of a unit on its way to one receiver.
///
/// # Invariants
/// - Its shares do not overlap.
#[derive(Debug)]
pub struct Attempt {
    receiver: Receiver,
    /// Indices of its shares, ascending.
    pub shares: Vec<usize>,
    covered: RangeSet,
    /// The part of it that is of blocks that are not whole.
    partial: RangeSet,
    /// How far it got.
    pub state: State,
}

/// How far a copy got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Bytes are missing.
    Open,
    /// Its hash is right: it is the content of this number.
    Verified(usize),
    /// Complete, and its hash failed.
    Failed,
}

/// The copies to which shares are added.
#[derive(Debug, Default)]
struct Open {
    /// Those of which bytes are missing, ascending.
    copies: Vec<usize>,
    /// How many are not verified.
    count: usize,
}

impl Contents {
    /// The contents of a unit of which these shares were sent, in order of arrival; `padding` is what was sent in place of
    /// zeros, and `has_leaves` tells whether its torrent has any (BEP 52).
    pub fn of(
        measure: &Measure,
        has_leaves: bool,
        shares: &[Share],
        padding: Option<&Parts>,
        bench: &Bench<'_>,
        ask: &mut dyn Ask,
    ) -> Self {
        let mut contents = Self::default();
        let mut open = Open::default();
        for index in 0..shares.len() {
            let Some(complete) = contents.add(index, shares, measure.content(), &mut open) else { continue };
            let Some(attempt) = contents.copies.get(complete) else { continue };
            let copy = joined(attempt.shares.iter().filter_map(|index| shares.get(*index)).collect());
            let before = contents.notes.len();
            let verdict = contents.try_copy(copy, measure, has_leaves, ask);
            contents.tell_span(before, complete, shares);
            if let Some(attempt) = contents.copies.get_mut(complete) {
                attempt.state = verdict;
            }
            if verdict != State::Open {
                open.copies.retain(|copy| *copy != complete);
            }
            // Only those that are not verified take up room.
            open.count -= usize::from(matches!(verdict, State::Verified(_)));
        }
        if !contents.found.verified && may_be_whole(shares, padding, measure) {
            let all: Vec<&Share> = shares.iter().collect();
            let (ways, every) = ways::of(&all, padding, bench, ask);
            let mut whole = false;
            for copy in ways {
                whole |= contents.try_copy(copy, measure, has_leaves, ask) != State::Open;
            }
            contents.crowded |= whole && !every;
        }
        contents.untried = contents.crowded && !contents.found.verified && !are_of_one(shares.iter(), bench);
        contents
    }

    /// Tries a byte string; it stays open where it does not hold all of the unit, or nothing is known to compare it with.
    pub fn try_copy(&mut self, copy: Parts, measure: &Measure, has_leaves: bool, ask: &mut dyn Ask) -> State {
        if measure.expected == crate::torrent::Expected::Unknown || !copy.cover(&measure.range, &measure.pads) {
            return State::Open;
        }
        let digests = ask.digests(&copy, measure);
        let verdict = verdict(&measure.expected, &digests);
        let before = self.found.matched;
        if self.found.matched.note(verdict)
            && let Verdict::Half(half) = verdict
        {
            self.notes.push(Note::Half { v1: half == Half::V1, span: None });
        }
        if verdict == Verdict::Mismatch {
            return State::Failed;
        }
        self.found.verified = true;
        let mut ranges = copy.ranges();
        measure.pads.iter().for_each(|pad| ranges.remove(pad));
        let content = if measure.pads.is_empty() { copy } else { copy.cut(&ranges) };
        if let Some(version) = self.version_of(&content, &ranges, ask) {
            return State::Verified(version);
        }
        if let Some(reference) = self.references.first() {
            let mut now = Matched::default();
            now.note(verdict);
            if before.has_sha1()
                && now.has_sha1()
                && let Some((one, other)) = ask.sums(reference, measure).zip(ask.sums(&content, measure))
            {
                self.notes.push(Note::Collision([one.1, other.1]));
            }
        } else {
            self.found.trivial = digests.trivial;
            if has_leaves && !digests.trivial && !digests.trivial_leaves.is_empty() {
                let leaves = digests.trivial_leaves.iter().map(|leaves| leaves.start..leaves.end);
                self.found.trivial_leaves = Some(Box::new(leaves.collect()));
            }
        }
        self.references.push(content);
        State::Verified(self.references.len() - 1)
    }

    /// Completes the notes from `before` on with the frames of a copy.
    fn tell_span(&mut self, before: usize, copy: usize, shares: &[Share]) {
        let of = self.copies.get(copy).map(|copy| copy.shares.as_slice()).unwrap_or_default();
        let frames = of.iter().filter_map(|index| shares.get(*index)).map(|share| share.span).reduce(Span::join);
        for note in self.notes.iter_mut().skip(before) {
            if let Note::Half { span, .. } = note {
                *span = frames;
            }
        }
    }

    /// Adds a share to the copies of a unit with `content` bytes without padding; gives the index of the one that it
    /// completed.
    fn add(&mut self, index: usize, shares: &[Share], content: u64, open: &mut Open) -> Option<usize> {
        let share = shares.get(index)?;
        let room = open.copies.iter().copied().find(|copy| {
            let attempt = self.copies.get(*copy);
            attempt.is_some_and(|attempt| attempt.receiver == share.receiver && attempt.makes_room(share, shares))
        });
        let at = match room {
            Some(at) => at,
            None if open.count >= PIECE_COPIES => {
                self.crowded = true;
                return None;
            }
            None => {
                open.count += 1;
                open.copies.push(self.copies.len());
                self.copies.push(Attempt {
                    receiver: share.receiver,
                    shares: Vec::new(),
                    covered: RangeSet::default(),
                    partial: RangeSet::default(),
                    state: State::Open,
                });
                self.copies.len() - 1
            }
        };
        let attempt = self.copies.get_mut(at)?;
        attempt.supersede(share, shares);
        attempt.take(index, share);
        (attempt.covered.total() == content).then_some(at)
    }

    /// The number of the verified content that `parts` agree with in all of `ranges`.
    pub fn version_of(&self, parts: &Parts, ranges: &RangeSet, ask: &mut dyn Ask) -> Option<usize> {
        self.references.iter().position(|reference| ranges.iter().all(|range| ask.same(parts, reference, range)))
    }

    /// The number of the verified content with which all of `ranges` agree in one of the versions that were sent of the bytes
    /// of a share.
    pub(super) fn version_among(
        &self,
        share: &Share,
        doubts: &Doubts,
        ranges: &RangeSet,
        ask: &mut dyn Ask,
    ) -> Option<usize> {
        (0..self.references.len()).find(|version| self.right(*version, share, doubts, ranges, ask).is_some())
    }

    /// The bytes of a share in `ranges` as the verified content `version` has them, each of the first version that was sent
    /// so; `None` where another one was not sent, or one of the bytes was not sent so.
    pub(super) fn right(
        &self,
        version: usize,
        share: &Share,
        doubts: &Doubts,
        ranges: &RangeSet,
        ask: &mut dyn Ask,
    ) -> Option<Parts> {
        let (reference, seconds) = (self.references.get(version)?, doubts.seconds(share));
        if seconds.is_empty() {
            return None;
        }
        let sent: Vec<Parts> = std::iter::once(&share.parts).chain(&seconds).map(|sent| sent.cut(ranges)).collect();
        let sent: Vec<&Parts> = sent.iter().collect();
        let mut right = Vec::new();
        for (range, there) in ways::segments(&sent) {
            let mut there = there.into_iter().filter_map(|number| sent.get(number));
            let found = there.find(|sent| ask.same(sent, reference, range.clone()))?;
            right.push(found.cut(&std::iter::once(range).collect()));
        }
        Some(Parts::joined(right))
    }
}

/// Returns true if all bytes of a unit were sent, by whomever: else there is no way to put it together.
fn may_be_whole(shares: &[Share], padding: Option<&Parts>, measure: &Measure) -> bool {
    let padded = measure.pads.total() + padding.map_or(0, Parts::bytes);
    if shares.iter().map(|share| share.ranges.total()).sum::<u64>() + padded < measure.range.len() as u64 {
        return false;
    }
    let mut sent: RangeSet = measure.pads.clone();
    shares.iter().flat_map(|share| share.ranges.iter()).for_each(|range| sent.insert(range));
    padding.into_iter().flat_map(|padding| padding.slices()).for_each(|slice| sent.insert(slice.range()));
    !shares.is_empty() && sent.covers(&measure.range)
}

/// Puts shares together that do not overlap.
fn joined(shares: Vec<&Share>) -> Parts {
    if let [share] = shares.as_slice() {
        return share.parts.clone();
    }
    Parts::joined(shares.into_iter().map(|share| share.parts.clone()))
}

impl Attempt {
    fn take(&mut self, index: usize, share: &Share) {
        share.ranges.iter().for_each(|range| self.covered.insert(range));
        if !share.whole {
            share.ranges.iter().for_each(|range| self.partial.insert(range));
        }
        self.shares.push(index);
    }

    /// Returns true if `share` fits without overlap, or is the whole of blocks that are here only in part.
    fn makes_room(&self, share: &Share, shares: &[Share]) -> bool {
        if !share.ranges.iter().any(|range| self.covered.intersects(&range)) {
            return true;
        }
        // Rationale: a repetition is told without a look at every share; each look takes a part out.
        let parts_only = |range: Range<u32>| self.covered.within(&range).all(|part| self.partial.covers(&part));
        let mut own = self.shares.iter().filter_map(|index| shares.get(*index));
        share.whole
            && share.ranges.iter().all(parts_only)
            && own.all(|other| !overlap(other, share) || (!other.whole && inside(other, share)))
    }

    /// Takes out the parts that `share` replaces: they belong to no copy any more.
    fn supersede(&mut self, share: &Share, shares: &[Share]) {
        if !share.ranges.iter().any(|range| self.covered.intersects(&range)) {
            return;
        }
        let of = |index: &usize| shares.get(*index).filter(|other| overlap(other, share));
        for other in self.shares.iter().filter_map(of) {
            for range in other.ranges.iter() {
                self.covered.remove(range.clone());
                self.partial.remove(range);
            }
        }
        self.shares.retain(|index| of(index).is_none());
    }
}

fn overlap(one: &Share, other: &Share) -> bool {
    other.ranges.iter().any(|range| one.ranges.intersects(&range))
}

fn inside(part: &Share, whole: &Share) -> bool {
    part.ranges.iter().all(|range| whole.ranges.covers(&range))
}
