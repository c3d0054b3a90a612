//! What a direction of a connection sent twice, so that it is not sure which bytes its receiver took.

use std::ops::Range;

use super::{Content, Ledger, Measure, TransferId, Unit};
use crate::ends::At;
use crate::oddity::{Oddity, Sink};

/// The second versions of one direction.
#[derive(Debug, Default)]
pub(super) struct Doubts<'cap> {
    /// The versions that are tried.
    pub(super) conflicts: Vec<Conflict<'cap>>,
    /// Stretches of which a second copy came that could not be compared, or whose place is not sure: in order, and apart.
    /// What is between the last two may be among them, where there are many.
    stretches: Vec<Range<u64>>,
    /// It is not known what is in doubt: all of the direction is.
    pub(super) everywhere: bool,
}

/// A second version of a stretch of a stream.
#[derive(Debug)]
pub(super) struct Conflict<'cap> {
    pub(super) offset: u64,
    pub(super) bytes: &'cap [u8],
    /// The frame of it.
    pub(super) at: At,
    /// The block in which it begins, once that was served.
    pub(super) of: Option<OfBlock>,
}

/// A block, and its place in the stream.
#[derive(Clone, Copy, Debug)]
pub(super) struct OfBlock {
    pub(super) transfer: TransferId,
    pub(super) piece: u32,
    pub(super) begin: u32,
    pub(super) len: u32,
    pub(super) offset: u64,
}

impl OfBlock {
    /// Whether the byte at the stream offset `place` is of it.
    pub(super) fn holds(&self, place: u64) -> bool {
        place.checked_sub(self.offset).is_some_and(|within| within < u64::from(self.len))
    }
}

impl Conflict<'_> {
    pub(super) fn end(&self) -> u64 {
        self.offset.saturating_add(self.bytes.len() as u64)
    }
}

impl<'cap> Doubts<'cap> {
    /// Adds a second version; `false` where it is the first one too many.
    pub(super) fn conflict(&mut self, conflict: Conflict<'cap>) -> bool {
        if self.conflicts.len() < MOST_CONFLICTS {
            self.conflicts.push(conflict);
            return true;
        }
        std::mem::replace(&mut self.everywhere, true)
    }

    /// Says which bytes a block holds.
    pub(super) fn tell(&mut self, block: OfBlock) {
        let untold = self.conflicts.iter_mut().filter(|conflict| conflict.of.is_none());
        untold.filter(|conflict| block.holds(conflict.offset)).for_each(|conflict| conflict.of = Some(block));
    }

    /// Adds a stretch whose second copy was not compared.
    pub(super) fn doubt(&mut self, stretch: Range<u64>) {
        let first = self.stretches.partition_point(|known| known.end < stretch.start);
        let behind = self.stretches.partition_point(|known| known.start <= stretch.end);
        let mut joined = stretch;
        for known in self.stretches.drain(first..behind.max(first)) {
            joined = joined.start.min(known.start)..joined.end.max(known.end);
        }
        self.stretches.insert(first, joined);
        if self.stretches.len() > MOST_STRETCHES
            && let Some(last) = self.stretches.pop()
            && let Some(before) = self.stretches.last_mut()
        {
            before.end = before.end.max(last.end);
        }
    }

    /// Whether a byte of `range` may be another one than was read.
    pub(super) fn holds(&self, range: &Range<u64>) -> bool {
        self.everywhere
            || self.conflicts.iter().any(|conflict| conflict.offset < range.end && conflict.end() > range.start)
            || self
                .stretches
                .get(self.stretches.partition_point(|stretch| stretch.end <= range.start))
                .is_some_and(|stretch| stretch.start < range.end)
    }
}

impl Ledger<'_, '_> {
    /// Says of bytes that were sent in two versions which one is the torrent's, where a verified copy tells.
    pub(super) fn tell_versions(&self, anomalies: &mut dyn Sink) {
        let conflicts = self.conflicts.values().flat_map(|doubts| &doubts.conflicts);
        for (conflict, block) in conflicts.filter_map(|conflict| Some((conflict, conflict.of?))) {
            for (unit, second) in self.version_that_hashes(conflict, block) {
                let oddity = Oddity::RightVersion { unit: unit.into(), second };
                anomalies.odd(oddity.at(conflict.at));
            }
        }
    }

    fn version_that_hashes(&self, conflict: &Conflict<'_>, block: OfBlock) -> Vec<(Unit, bool)> {
        let Some(torrent) = self.records.get(block.transfer.0 as usize).map(|record| record.key.torrent) else {
            return Vec::new();
        };
        let given = self.given(torrent);
        let Some((given, piece)) = given.and_then(|given| Some((given, given.piece(block.piece)?))) else {
            return Vec::new();
        };
        let within = u32::try_from(conflict.offset.saturating_sub(block.offset)).unwrap_or(u32::MAX);
        let start = block.begin.saturating_add(within);
        let len = u32::try_from(conflict.bytes.len()).unwrap_or(u32::MAX).min(block.len.saturating_sub(within));
        let range = start..start.saturating_add(len);
        let second = Content::of_slice(start, conflict.bytes);
        let told = |unit: Unit| {
            let book = self.books.get(&torrent)?.get(&unit).filter(|book| book.verified)?;
            let unit_range = Measure::of(given, unit)?.range;
            let range = range.start.max(unit_range.start)..range.end.min(unit_range.end);
            if range.is_empty() || book.references.is_empty() {
                return None;
            }
            let is_second = book.references.iter().any(|reference| reference.agrees(&second, range.clone()));
            let credits = book.credits.iter().filter(|credit| credit.transfer == block.transfer);
            let is_first = || credits.clone().any(|credit| credit.ranges.covers(&range));
            (is_second || is_first()).then_some((unit, is_second))
        };
        self.cut(torrent, given, piece).units(given, piece, &range).filter_map(told).collect()
    }
}

// Rationale: a connection with more conflicting stretches is not evidence of anything.
pub(super) const MOST_CONFLICTS: usize = 1_024;
// Rationale: as many blocks of one connection as a lossy capture cuts; 256 KiB.
const MOST_STRETCHES: usize = if cfg!(test) { 256 } else { 1 << 14 };

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ends::{FrameId, Timestamp};

    proptest! {
        #[test]
        fn every_stretch_stays_in_doubt(stretches in prop::collection::vec((0_u64..10_000, 1_u64..9), 1..600)) {
            let mut doubts = Doubts::default();
            stretches.iter().for_each(|(start, len)| doubts.doubt(*start..start + len));
            prop_assert!(doubts.stretches.len() <= MOST_STRETCHES);
            for (start, len) in stretches {
                prop_assert!((start..start + len).all(|byte| doubts.holds(&(byte..byte + 1))));
            }
        }
    }

    #[test]
    fn what_lies_between_two_stretches_is_not_in_doubt() {
        let mut doubts = Doubts::default();
        [5..8, 20..30, 8..10, 29..40].into_iter().for_each(|stretch| doubts.doubt(stretch));
        assert!(doubts.holds(&(0..6)) && doubts.holds(&(39..50)));
        assert!(!doubts.holds(&(0..5)) && !doubts.holds(&(10..20)) && !doubts.holds(&(40..50)));
    }

    #[test]
    fn one_conflict_too_many_is_told_once() {
        let mut doubts = Doubts::default();
        let at = At { time: Timestamp(0), frame: FrameId::new(0, 1) };
        let conflict = |offset| Conflict { offset, bytes: b"a", at, of: None };
        assert!((0..MOST_CONFLICTS as u64).all(|offset| doubts.conflict(conflict(offset))));
        assert!(!doubts.holds(&(90_000..90_001)));
        assert!(!doubts.conflict(conflict(0)) && doubts.conflict(conflict(0)));
        assert!(doubts.holds(&(90_000..90_001)));
    }
}
