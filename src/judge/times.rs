//! When the connections of a transfer were there, and when payload was sent on them.

use serde::{Deserialize, Serialize};

use crate::ends::Timestamp;
use crate::limits::BURSTS;

/// One connection of a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionTimes {
    /// When its first packet was seen.
    pub first: Timestamp,
    /// When its last packet was seen.
    pub last: Timestamp,
    /// Set if the opening is captured, and both directions, readable and without gap, cut or resynchronisation.
    pub is_whole: bool,
    /// Set if nothing on the connection shows that the uploader received anything, though the other end was captured.
    pub is_unconfirmed: bool,
}

/// Payload by time: blocks that follow each other within a second or so are one entry.
///
/// # Invariants
/// - Sorted, apart from one another by more than `apart`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Times {
    entries: Vec<Burst>,
    apart: i64,
}

/// Payload that came without a pause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Burst {
    /// When its first packet was seen.
    pub first: Timestamp,
    /// When its last packet was seen.
    pub last: Timestamp,
    /// Payload bytes.
    pub bytes: u64,
}

impl Default for Times {
    fn default() -> Self {
        Self { entries: Vec::new(), apart: PAUSE_NS }
    }
}

impl Times {
    /// The bursts, by time.
    pub fn iter(&self) -> impl Iterator<Item = &Burst> {
        self.entries.iter()
    }

    /// Adds payload that was sent from `first` to `last`.
    pub(crate) fn add(&mut self, first: Timestamp, last: Timestamp, bytes: u64) {
        let apart = self.apart;
        let mut added = Burst { first: first.min(last), last: first.max(last), bytes };
        // Mostly it follows what is there.
        let mut at = self.entries.partition_point(|burst| burst.last.0.saturating_add(apart) < added.first.0);
        while let Some(burst) =
            self.entries.get(at).filter(|burst| burst.first.0 <= added.last.0.saturating_add(apart))
        {
            added.first = added.first.min(burst.first);
            added.last = added.last.max(burst.last);
            added.bytes += burst.bytes;
            self.entries.remove(at);
        }
        at = at.min(self.entries.len());
        self.entries.insert(at, added);
        if self.entries.len() > BURSTS {
            self.apart = self.apart.saturating_mul(2);
            for burst in std::mem::take(&mut self.entries) {
                match self.entries.last_mut() {
                    Some(last) if burst.first.0 <= last.last.0.saturating_add(self.apart) => {
                        last.last = last.last.max(burst.last);
                        last.bytes += burst.bytes;
                    }
                    _ => self.entries.push(burst),
                }
            }
        }
    }
}

// Rationale: finer than any stated time with a tolerance.
const PAUSE_NS: i64 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn bursts(times: &Times) -> Vec<(i64, i64, u64)> {
        times.iter().map(|burst| (burst.first.0, burst.last.0, burst.bytes)).collect()
    }

    #[test]
    fn payload_that_follows_within_a_second_is_one_burst_in_any_order() {
        let second = 1_000_000_000;
        let blocks =
            [(0, 5, 10), (second, second + 3, 20), (9 * second, 9 * second, 30), (3 * second, 3 * second, 40)];
        for order in [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1]] {
            let mut times = Times::default();
            for index in order {
                let (first, last, bytes) = blocks[index];
                times.add(Timestamp(first), Timestamp(last), bytes);
            }
            assert_eq!(
                bursts(&times),
                [(0, second + 3, 30), (3 * second, 3 * second, 40), (9 * second, 9 * second, 30)]
            );
        }
    }

    #[test]
    fn bursts_are_bounded_and_no_byte_of_them_is_lost() {
        let mut times = Times::default();
        for number in 0..10_000 {
            let at = Timestamp(number * 3_000_000_000);
            times.add(at, at, 1);
        }
        assert!(bursts(&times).len() <= BURSTS);
        assert_eq!(times.iter().map(|burst| burst.bytes).sum::<u64>(), 10_000);
    }
}
