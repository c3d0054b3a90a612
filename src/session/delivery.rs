//! Which captured payload the receiver's transport confirmed.

use crate::limits::UNACKNOWLEDGED_BLOCKS;
use std::collections::BTreeMap;

/// Payload of one direction on its way.
///
/// # Invariants
/// - The waiting ranges do not overlap and are not empty; none begins before what is confirmed. There are at
///   most [`UNACKNOWLEDGED_BLOCKS`], but for parts of one.
/// - Nor do the confirmed ranges overlap or touch, and of them there are no more either.
#[derive(Clone, Debug, Default)]
pub(crate) struct Delivery {
    /// Stream ranges of captured payload that was not confirmed yet: where each begins and ends.
    waiting: BTreeMap<u64, u64>,
    /// Stretches that were confirmed before it was known which payload they hold, if any: behind `end`.
    confirmed: BTreeMap<u64, u64>,
    /// Where the payload ends that is known.
    end: u64,
    upto: u64,
    acknowledged: u64,
    /// Where the payload ends that was given up as never confirmed.
    given_up: u64,
    /// Notes that some payload was confirmed after it was given up.
    understated: Understated,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Understated {
    #[default]
    Never,
    Untold,
    Told,
}

impl Delivery {
    /// Captured payload stands at `from..to` of the stream, behind all that was told before.
    pub(crate) fn payload(&mut self, mut from: u64, to: u64) {
        self.end = self.end.max(to);
        // A block is told when it ends: by then some of it may be confirmed.
        while let Some(first) = self.confirmed.first_entry().filter(|first| *first.key() < to) {
            let (start, end) = first.remove_entry();
            if end > to {
                self.confirmed.insert(to, end);
            }
            let (start, end) = (start.clamp(from, to), end.clamp(from, to));
            self.wait(from, start);
            self.acknowledged += end - start;
            from = end;
        }
        self.wait(from, to);
    }

    fn wait(&mut self, from: u64, to: u64) {
        if from >= to {
            return;
        }
        match self.waiting.last_entry() {
            Some(mut last) if *last.get() == from => _ = last.insert(to),
            _ => _ = self.waiting.insert(from, to),
        }
        if self.waiting.len() > UNACKNOWLEDGED_BLOCKS {
            self.settle();
        }
        if self.waiting.len() > UNACKNOWLEDGED_BLOCKS
            && let Some((_, end)) = self.waiting.pop_first()
        {
            self.given_up = end;
        }
    }

    /// Returns true, once, if `acknowledged` leaves out bytes because too much waited to be confirmed.
    pub(crate) fn take_understated(&mut self) -> bool {
        let untold = self.understated == Understated::Untold;
        if untold {
            self.understated = Understated::Told;
        }
        untold
    }

    /// Notes that bytes from `from` on were confirmed.
    fn note(&mut self, from: u64) {
        if from < self.given_up && self.understated == Understated::Never {
            self.understated = Understated::Untold;
        }
    }

    /// All bytes before `upto` arrived.
    pub(crate) fn acknowledge(&mut self, upto: u64) {
        if upto > self.upto {
            self.note(self.upto);
            self.upto = upto;
            while self
                .confirmed
                .first_entry()
                .filter(|first| *first.get() <= upto)
                .map(|first| first.remove())
                .is_some()
            {}
        }
        self.settle();
    }

    /// The bytes `from..to` arrived, though some before them did not (selective acknowledgement).
    pub(crate) fn acknowledge_range(&mut self, from: u64, to: u64) {
        self.note(from.max(self.upto));
        // The last one that begins before its end, and on from there: each is cut, or goes.
        while let Some((&start, &end)) = self.waiting.range(..to).next_back().filter(|(_, end)| **end > from) {
            self.acknowledged += end.min(to) - start.max(from);
            self.waiting.remove(&start);
            for (start, end) in [(start, end.min(from)), (start.max(to), end)] {
                if start < end {
                    self.waiting.insert(start, end);
                }
            }
        }
        self.confirm(from.max(self.end).max(self.upto), to);
    }

    /// Keeps what was confirmed before its payload is known.
    fn confirm(&mut self, mut from: u64, mut to: u64) {
        if from >= to {
            return;
        }
        while let Some((&start, &end)) = self.confirmed.range(..=to).next_back().filter(|(_, end)| **end >= from) {
            self.confirmed.remove(&start);
            (from, to) = (from.min(start), to.max(end));
        }
        self.confirmed.insert(from, to);
        if self.confirmed.len() > UNACKNOWLEDGED_BLOCKS {
            self.confirmed.pop_first();
            if self.understated == Understated::Never {
                self.understated = Understated::Untold;
            }
        }
    }

    /// Captured payload bytes that were confirmed so far.
    pub(crate) fn acknowledged(&mut self) -> u64 {
        self.settle();
        self.acknowledged
    }

    fn settle(&mut self) {
        while let Some(first) = self.waiting.first_entry().filter(|first| *first.key() < self.upto) {
            let (from, to) = first.remove_entry();
            self.acknowledged += self.upto.min(to) - from;
            if self.upto < to {
                self.waiting.insert(self.upto, to);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_confirmed_is_a_bitmap(
            steps in prop::collection::vec((0..3_u8, 0..100_u64, 1..20_u64), 0..60),
        ) {
            let mut delivery = Delivery::default();
            let (mut sent, mut confirmed, mut end) = ([false; 1_600], [false; 1_600], 0_usize);
            for (kind, place, len) in steps {
                match kind {
                    0 => {
                        let from = end + (place % 3) as usize;
                        end = from + len as usize;
                        sent[from..end].fill(true);
                        delivery.payload(from as u64, end as u64);
                    }
                    1 => {
                        confirmed[..place as usize].fill(true);
                        delivery.acknowledge(place);
                    }
                    // A selective acknowledgement confirms what was sent, though it may not be told yet.
                    _ => {
                        let place = if len % 2 == 0 { place } else { end as u64 + place % 5 };
                        confirmed[place as usize..(place + len) as usize].fill(true);
                        delivery.acknowledge_range(place, place + len);
                    }
                }
                let expected = sent.iter().zip(&confirmed).filter(|(sent, confirmed)| **sent && **confirmed).count();
                prop_assert_eq!(delivery.acknowledged(), expected as u64);
            }
            prop_assert!(!delivery.take_understated());
        }
    }

    #[test]
    fn many_blocks_and_as_many_selective_acknowledgements_are_counted() {
        let mut delivery = Delivery::default();
        (0..60_000).for_each(|n| delivery.payload(100 * n, 100 * n + 50));
        (0..60_000).rev().for_each(|n| delivery.acknowledge_range(100 * n + 10, 100 * n + 20));
        assert_eq!(delivery.acknowledged(), 600_000);
    }

    #[test]
    fn payload_that_nobody_confirms_is_bounded_and_told_when_somebody_does() {
        let mut delivery = Delivery::default();
        (0..100_000).for_each(|n| delivery.payload(100 * n, 100 * n + 50));
        assert!(delivery.waiting.len() <= UNACKNOWLEDGED_BLOCKS && !delivery.take_understated());
        delivery.acknowledge(10_000_000);
        assert!(delivery.take_understated() && !delivery.take_understated());
        assert_eq!(delivery.acknowledged(), 50 * UNACKNOWLEDGED_BLOCKS as u64);
    }

    #[test]
    fn payload_is_confirmed_in_any_order_of_payload_and_acknowledgement() {
        let mut delivery = Delivery::default();
        delivery.acknowledge(50);
        delivery.payload(0, 100);
        delivery.payload(120, 140);
        assert_eq!(delivery.acknowledged(), 50);
        delivery.acknowledge_range(90, 130);
        assert_eq!(delivery.acknowledged(), 70);
        delivery.acknowledge(1_000);
        assert_eq!(delivery.acknowledged(), 120);
    }
}
