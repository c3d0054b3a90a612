//! Doubt: stretches of a stream that may not be what their receiver took, or that may not be where they seem to be.
//!
//! Bytes in doubt may verify; they refute nobody.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::{BlockId, Run};
use crate::ends::{At, ConnectionId, Direction, Timestamp};
use crate::session::Reason;

/// One doubt.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Doubt {
    /// Scope of the doubt.
    pub scope: Scope,
    /// Why.
    pub reason: Reason,
    /// The other version of the bytes, where there is one and it was captured.
    pub second: Option<Second>,
}

/// A second version of bytes of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Second {
    /// The bytes; `start` is 0.
    pub run: Run,
    /// The time of its frame.
    pub time: Timestamp,
}

impl Second {
    /// Its frame.
    pub fn at(&self) -> At {
        At { time: self.time, frame: self.run.frame }
    }
}

/// Scopes of a doubt. The walk knows the first two; the last two are made when the captures are judged.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Scope {
    /// These bytes of a direction's stream. A block is in doubt with its header of 13 bytes: see
    /// [`Block::stretch`](super::Block::stretch).
    Stretch(ConnectionId, Direction, Range<u64>),
    /// All that went this way.
    Direction(ConnectionId, Direction),
    /// One block.
    Share(BlockId),
    /// One piece of a torrent, by the info-hash on the wire: its hash speaks against nobody.
    Piece([u8; 20], u32),
}
