//! Payload of blocks whose headers the capture does not hold: how much it is follows from the places in the stream.

use serde::{Deserialize, Serialize};

/// Bytes of blocks that are not known by piece.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Unplaced {
    /// Payload bytes in the capture.
    pub served: u64,
    /// Payload bytes that it does not hold.
    pub lost: u64,
}

impl Unplaced {
    /// Adds a stretch of a direction: `passed` bytes between two known ends of messages, of which `captured` are in the
    /// capture. Short ones are other messages, and so may be what was captured whole, unless framing was `guessed` before: then
    /// it was content that framing was found in. `cut`: the snap length cuts the packets, so that most headers are hidden.
    /// `serves`: blocks were asked for, or sent, before.
    pub(super) fn add(&mut self, captured: u64, passed: u64, (cut, serves, guessed): (bool, bool, bool)) {
        if passed < (if cut && serves { LEAST_CUT } else { LEAST }) || (passed <= captured && !guessed) {
            return;
        }
        let blocks = passed.saturating_sub(CHATTER).div_ceil(BLOCK + HEADER).max(1);
        let payload = passed.saturating_sub(blocks * HEADER);
        let held =
            u64::try_from(u128::from(captured) * u128::from(payload) / u128::from(passed)).unwrap_or(captured);
        self.served = self.served.saturating_add(held);
        self.lost = self.lost.saturating_add(payload - held);
    }

    /// Adds a block of `payload` bytes, of which `captured` are in the capture.
    pub(super) fn add_block(&mut self, captured: u64, payload: u64) {
        self.served = self.served.saturating_add(captured);
        self.lost = self.lost.saturating_add(payload.saturating_sub(captured));
    }

    /// All of it.
    pub fn bytes(&self) -> u64 {
        self.served.saturating_add(self.lost)
    }
}

// Rationale: a bitfield, a list of peers, hashes; what is longer is mostly payload.
const LEAST: u64 = 4_096;
// Rationale: the last block of a file may be that short.
const LEAST_CUT: u64 = 512;
// Rationale: a few other messages between blocks.
const CHATTER: u64 = 256;
/// The usual block length in bytes.
const BLOCK: u64 = 16_384;
/// Bytes of length, id, index and begin before the payload (BEP 3).
const HEADER: u64 = 13;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stretch_counts_without_the_headers_of_its_blocks_and_each_byte_once() {
        for (captured, passed, blocks) in
            [(0, 16_397, 1), (900, 16_402, 1), (41, 5_013, 1), (2_000, 10 * 16_397, 10)]
        {
            let mut unplaced = Unplaced::default();
            unplaced.add(captured, passed, (true, true, false));
            assert_eq!(unplaced.bytes(), passed - 13 * blocks);
            assert!(unplaced.served <= captured && unplaced.served + 13 * blocks >= captured);
            let mut other = Unplaced::default();
            other.add(captured, passed, (false, true, false));
            assert_eq!(other, unplaced);
        }
    }

    #[test]
    fn what_is_short_or_captured_whole_is_no_payload_unless_framing_was_guessed() {
        let mut unplaced = Unplaced::default();
        unplaced.add(0, 300, (true, true, true));
        unplaced.add(0, 3_000, (false, true, true));
        unplaced.add(0, 3_000, (true, false, true));
        unplaced.add(20_000, 20_000, (true, true, false));
        assert_eq!(unplaced, Unplaced::default());
        unplaced.add(16_397, 16_397, (false, true, true));
        assert_eq!((unplaced.served, unplaced.lost), (16_384, 0));
    }
}
