//! Stretches of a stream that may be framed otherwise: how many of their bytes are verified.

use std::collections::BTreeMap;

use crate::ends::{ConnectionId, Direction};

/// Verified bytes by stretch: from where its search began to the next one.
#[derive(Clone, Debug, Default)]
pub struct Contests(BTreeMap<(ConnectionId, Direction), BTreeMap<u64, u64>>);

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
        self.0.get(&(id, from)).and_then(|stretches| stretches.get(&begun)).copied().unwrap_or(0)
    }

    /// Verified bytes of a stretch and of all behind it in its direction.
    pub fn verified_behind(&self, id: ConnectionId, from: Direction, begun: u64) -> u64 {
        self.0.get(&(id, from)).map_or(0, |stretches| stretches.range(begun..).map(|(_, verified)| verified).sum())
    }

    /// So many bytes of a block that begins at `start` are verified.
    pub fn count(&mut self, id: ConnectionId, from: Direction, start: u64, bytes: u64) {
        let stretch = self.0.get_mut(&(id, from)).and_then(|stretches| stretches.range_mut(..=start).next_back());
        if let Some((_, verified)) = stretch {
            *verified += bytes;
        }
    }
}
