//! How long to wait for bytes that the receiver has, but that were not seen.

use super::StreamLimits;
use crate::ends::{At, Timestamp};

/// The wait for acknowledged holes of one direction.
///
/// Acknowledgements are batched: all that was acknowledged when a waiting period began is settled when it ends.
/// A hole is so given up one to two periods after its acknowledgement, however many holes there are.
#[derive(Debug, Default)]
pub(super) struct HoleTimer {
    settled: u64,
    period: Option<Period>,
}

#[derive(Clone, Copy, Debug)]
struct Period {
    ack: u64,
    since: Timestamp,
    packets: u32,
}

impl HoleTimer {
    /// There is no acknowledged hole.
    pub(super) fn rest(&mut self) {
        self.period = None;
    }

    /// There is one, and `ack` is acknowledged; returns what was acknowledged for a whole period.
    ///
    /// `counts`: whether this is a packet of the direction with the hole.
    pub(super) fn wait(&mut self, ack: u64, at: At, counts: bool, limits: &StreamLimits) -> u64 {
        let period = self.period.get_or_insert(Period { ack, since: at.time, packets: 0 });
        period.packets = period.packets.saturating_add(u32::from(counts));
        let waited = at.time.0.saturating_sub(period.since.0);
        if waited > limits.acked_hole_wait_ns || period.packets > PERIOD_PACKETS {
            self.settled = self.settled.max(period.ack);
            *period = Period { ack, since: at.time, packets: 0 };
        }
        self.settled
    }
}

// Rationale: what a flow of 300 Mbit/s sends in 40 ms, by which the clocks of two taps may differ; duplicate frames and
// reordering between capture queues stay far below.
const PERIOD_PACKETS: u32 = 1_024;
