//! Doubt: stretches of a stream that may not be what their receiver took, or that may not be where they seem to be.
//!
//! Bytes in doubt may verify; they refute nobody.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::{BlockId, Run};
use crate::ends::{ConnectionId, Direction};

/// One doubt.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Doubt {
    /// What is in doubt.
    pub scope: Scope,
    /// Why.
    pub reason: Reason,
    /// The other version of the bytes, where there is one and it was captured; `start` is 0.
    pub second: Option<Run>,
}

/// What a doubt covers. The walk knows the first two; the last two are made when the captures are judged.
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

/// Why something is in doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Reason {
    /// A frame that carried it has a checksum that was tested and is wrong, or is damaged, or fragments of its datagram
    /// disagree.
    Damaged,
    /// It was sent again with other bytes.
    OtherVersion,
    /// It was sent again, too late to be compared.
    NotCompared,
    /// It was sent again, and the snap length cut one of the copies.
    Cut,
    /// uTP numbers packets, not bytes: where the bytes belong is not sure.
    PlaceUnsure,
    /// Framing was lost before it and found again by a search.
    FramingFound,
    /// No handshake was captured: its torrent is only likely.
    TorrentLikely,
    /// An HTTP header that says what the bytes are was, or may have been, sent in two versions.
    HeaderTwice,
    /// Where in a torrent an HTTP answer belongs is a guess.
    PlaceGuessed,
    /// Nothing shows that a web server has the torrent at the place where it was asked.
    PlaceNotShown,
    /// More doubts than are kept one by one.
    Bound,
    /// The padding that a SHA-1 covers may not be zeros.
    PaddingNotZero,
    /// One half of a hybrid torrent is known, and the bytes may be of the other.
    HalfUnknown,
    /// The sender never acknowledged anything that the receiver, who was captured, sent.
    NotConfirmed,
    /// The receiver, captured and going on, never acknowledged it.
    NeverAcknowledged,
    /// Its segment acknowledges what was never sent.
    ImpossibleAck,
    /// Its checksum was not tested, as the captures are not at hand.
    NotTested,
}
