//! What a direction of a connection sent twice, so that it is not sure which bytes its receiver took.

use std::ops::Range;

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
}

impl Conflict<'_> {
    pub(super) fn end(&self) -> u64 {
        self.offset.saturating_add(self.bytes.len() as u64)
    }
}

impl<'cap> Doubts<'cap> {
    /// Adds a second version; `false` where it is the first one too many.
    pub(super) fn conflict(&mut self, offset: u64, bytes: &'cap [u8]) -> bool {
        if self.conflicts.len() < MOST_CONFLICTS {
            self.conflicts.push(Conflict { offset, bytes });
            return true;
        }
        std::mem::replace(&mut self.everywhere, true)
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

// Rationale: a connection with more conflicting stretches is not evidence of anything.
pub(super) const MOST_CONFLICTS: usize = 1_024;
// Rationale: as many blocks of one connection as a lossy capture cuts; 256 KiB.
const MOST_STRETCHES: usize = if cfg!(test) { 256 } else { 1 << 14 };

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

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
        assert!((0..MOST_CONFLICTS as u64).all(|offset| doubts.conflict(offset, b"a")));
        assert!(!doubts.holds(&(90_000..90_001)));
        assert!(!doubts.conflict(0, b"a") && doubts.conflict(0, b"a"));
        assert!(doubts.holds(&(90_000..90_001)));
    }
}
