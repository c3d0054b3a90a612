//! Stretches of a stream that may be framed otherwise: how many of their bytes are verified, and how many were asked for.

use std::collections::BTreeMap;

use crate::ends::{ConnectionId, Direction};

/// Bytes by stretch: from where its search began to the next one.
#[derive(Clone, Debug, Default)]
pub struct Contests(BTreeMap<(ConnectionId, Direction), BTreeMap<u64, Tally>>);

/// Bytes of blocks in a stretch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tally {
    /// Those that are verified.
    pub verified: u64,
    /// Those that were asked for before.
    pub asked: u64,
}

impl Contests {
    /// Counts for a stretch from now on.
    pub fn begin(&mut self, id: ConnectionId, from: Direction, begun: u64) {
        self.0.entry((id, from)).or_default().entry(begun).or_default();
    }

    /// Returns true if bytes are counted for no stretch.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Verified bytes of a stretch.
    pub fn verified(&self, id: ConnectionId, from: Direction, begun: u64) -> u64 {
        self.0.get(&(id, from)).and_then(|stretches| stretches.get(&begun)).map_or(0, |tally| tally.verified)
    }

    /// The bytes of a stretch and of all behind it in its direction.
    pub fn behind(&self, id: ConnectionId, from: Direction, begun: u64) -> Tally {
        let stretches = self.0.get(&(id, from)).into_iter().flat_map(|stretches| stretches.range(begun..));
        stretches.fold(Tally::default(), |sum, (_, tally)| Tally {
            verified: sum.verified + tally.verified,
            asked: sum.asked + tally.asked,
        })
    }

    /// The bytes of a block that begins at `start`.
    pub fn count(&mut self, id: ConnectionId, from: Direction, start: u64, bytes: Tally) {
        let stretch = self.0.get_mut(&(id, from)).and_then(|stretches| stretches.range_mut(..=start).next_back());
        if let Some((_, tally)) = stretch {
            tally.verified += bytes.verified;
            tally.asked += bytes.asked;
        }
    }
}
