//! Packets that a selective ACK names before they are delivered.

use std::collections::BTreeMap;

use crate::ends::At;

/// Numbers of packets that are confirmed and not delivered yet, 64 to a word: one acknowledgement may name 2,040.
///
/// # Invariants
/// - A number is in one of the three sets of its word at most; no word is empty. `len` counts the numbers.
#[derive(Debug, Default)]
pub(super) struct Sacked {
    words: BTreeMap<u64, Word>,
    len: usize,
}

/// When a number was confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Confirmed {
    /// While its packet waited for its turn.
    Waiting,
    /// At this frame, before its packet came.
    Early(At),
}

#[derive(Clone, Copy, Debug)]
struct Word {
    waiting: u64,
    /// Named before they came, at `since`.
    early: u64,
    since: At,
    /// Not named again with those. At `older_since` or later, so that none counts which came too long after it was named.
    older: u64,
    older_since: At,
}

impl Sacked {
    /// Numbers in it.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Words, of 80 bytes each.
    pub(super) fn words(&self) -> usize {
        self.words.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Adds the numbers from `first` on that have a bit in `bits`; `waits` tells the packets that wait, of those from a
    /// multiple of 64 on.
    pub(super) fn add(&mut self, first: u64, bits: u64, at: At, waits: impl Fn(u64) -> u64) {
        let shift = first % 64;
        let upper = bits.checked_shr(64 - shift as u32).unwrap_or(0);
        for (word, bits) in [(first / 64, bits << shift), (first / 64 + 1, upper)] {
            if bits == 0 {
                continue;
            }
            let new = Word { waiting: 0, early: 0, since: at, older: 0, older_since: at };
            let kept = self.words.entry(word).or_insert(new);
            let before = kept.all().count_ones() as usize;
            kept.add(bits, at, waits(64 * word));
            self.len += kept.all().count_ones() as usize - before;
        }
    }

    pub(super) fn contains(&self, seq: u64) -> bool {
        self.words.get(&(seq / 64)).is_some_and(|word| word.all() & bit(seq) != 0)
    }

    /// Takes a number out.
    pub(super) fn take(&mut self, seq: u64) -> Option<Confirmed> {
        let word = self.words.get_mut(&(seq / 64))?;
        let bit = bit(seq);
        let confirmed = match () {
            () if word.waiting & bit != 0 => Confirmed::Waiting,
            () if word.early & bit != 0 => Confirmed::Early(word.since),
            () if word.older & bit != 0 => Confirmed::Early(word.older_since),
            () => return None,
        };
        self.keep(seq / 64, !bit);
        Some(confirmed)
    }

    /// Forgets the numbers before `next`.
    pub(super) fn forget_before(&mut self, next: u64) {
        while let Some(first) = self.words.first_key_value().map(|(word, _)| *word).filter(|word| *word < next / 64)
        {
            self.keep(first, 0);
        }
        self.keep(next / 64, u64::MAX << (next % 64));
    }

    /// Keeps of a word those numbers alone that have a bit in `bits`.
    fn keep(&mut self, word: u64, bits: u64) {
        let Some(kept) = self.words.get_mut(&word) else { return };
        let before = kept.all().count_ones() as usize;
        kept.waiting &= bits;
        kept.early &= bits;
        kept.older &= bits;
        let after = kept.all().count_ones() as usize;
        self.len -= before - after;
        if after == 0 {
            self.words.remove(&word);
        }
    }
}

impl Word {
    fn all(&self) -> u64 {
        self.waiting | self.early | self.older
    }

    fn add(&mut self, bits: u64, at: At, waits: u64) {
        self.waiting = self.waiting & !bits | bits & waits;
        self.older &= !bits;
        self.early &= !bits;
        if self.since != at && self.early != 0 {
            let earlier = self.older != 0 && self.older_since.time < self.since.time;
            self.older_since = if earlier { self.older_since } else { self.since };
            self.older |= std::mem::take(&mut self.early);
        }
        self.since = at;
        self.early |= bits & !waits;
    }
}

fn bit(seq: u64) -> u64 {
    1 << (seq % 64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ends::{FrameId, Timestamp};

    proptest! {
        #[test]
        fn it_is_a_map_from_number_to_confirmation(
            steps in prop::collection::vec((0..4_u8, 0..300_u64, any::<u64>(), any::<u64>()), 0..60),
        ) {
            let (mut sacked, mut model) = (Sacked::default(), BTreeMap::new());
            for (clock, (step, place, bits, waits)) in (1..).zip(steps) {
                let at = At { time: Timestamp(clock / 2), frame: FrameId::new(0, clock as u64) };
                match step {
                    0 | 1 => {
                        // A packet waits or not, whichever word its number is in.
                        sacked.add(place, bits, at, |_| waits);
                        for seq in (place..place + 64).filter(|seq| bits & (1 << (seq - place)) != 0) {
                            model.insert(seq, Some(at).filter(|_| waits & bit(seq) == 0));
                        }
                    }
                    2 => {
                        let (found, known) = (sacked.take(place), model.remove(&place));
                        match (found, known) {
                            (Some(Confirmed::Early(found)), Some(Some(known))) => {
                                prop_assert!(found.time <= known.time);
                            }
                            (Some(Confirmed::Waiting), Some(None)) | (None, None) => {}
                            other => prop_assert!(false, "{other:?}"),
                        }
                    }
                    _ => {
                        sacked.forget_before(place);
                        model = model.split_off(&place);
                    }
                }
                prop_assert_eq!((sacked.len(), sacked.is_empty()), (model.len(), model.is_empty()));
                prop_assert!((0..400).all(|seq| sacked.contains(seq) == model.contains_key(&seq)));
                prop_assert!(sacked.words.values().all(|word| word.all() != 0));
            }
        }
    }
}
