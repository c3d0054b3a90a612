//! Where captured bytes lie.

use serde::{Deserialize, Serialize};

use crate::ends::FrameId;

/// The place of one byte: a store and an offset in its content, decompressed.
///
/// # Invariants
/// - `store` is an index into [`Facts::inputs`](super::Facts::inputs), or [`SPILL`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// The input, or [`SPILL`].
    pub store: u16,
    /// Offset in bytes from the beginning of that content.
    pub offset: u64,
}

impl Place {
    /// This place of one set among several, `number` of which the first input is `base`.
    pub fn in_set(self, number: u16, base: u16) -> Self {
        match self.store {
            SPILL => Self { offset: self.offset | u64::from(number) << SET_SHIFT, ..self },
            store => Self { store: store.saturating_add(base), ..self },
        }
    }

    /// The number of the set that this place is of, among several whose first inputs are `bases`, and the place within it.
    pub fn of_set(self, bases: &[u16]) -> (usize, Self) {
        match self.store {
            SPILL => {
                let number = self.offset >> SET_SHIFT;
                (number as usize, Self { offset: self.offset & ((1 << SET_SHIFT) - 1), ..self })
            }
            store => {
                let number = bases.partition_point(|base| *base <= store).saturating_sub(1);
                let base = bases.get(number).copied().unwrap_or(0);
                (number, Self { store: store.saturating_sub(base), ..self })
            }
        }
    }
}

// Rationale: no store of derived bytes holds 256 TiB.
const SET_SHIFT: u32 = 48;

/// The store of derived bytes: reassembled from fragments, or decrypted. They are in no input in one piece.
pub const SPILL: u16 = u16::MAX;

/// Contiguous captured bytes of a body: a part of a `piece` message's payload, or of an HTTP answer.
///
/// # Invariants
/// - `len > 0`. The runs of one body ascend by `start` and do not overlap.
/// - The bytes are `place.offset..place.offset + len` of `place.store`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Run {
    /// Offset of the first byte within the body.
    pub start: u32,
    /// Bytes, at least 1.
    pub len: u32,
    /// Place of the first byte in its direction's stream; offset 0 is the first byte behind the SYN, or the first one
    /// captured. Behind a uTP hole of a length that became known later it is not the body's offset plus `start`.
    pub stream: u64,
    /// Where the first byte lies.
    pub place: Place,
    /// The frame that carried the bytes: of a datagram in fragments, the one that completed it.
    pub frame: FrameId,
    /// Bytes from the IP header to the first payload byte of the packet; 0 where that is not known.
    pub head: u8,
}

impl Run {
    /// The place behind the last byte, within the body.
    pub fn end(&self) -> u32 {
        self.start.saturating_add(self.len)
    }
}
