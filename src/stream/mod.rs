//! Ordered bytes with typed gaps: the reorder buffer, TCP and uTP. A stream does not know BitTorrent.

mod blind;
mod challenge;
mod hole_timer;
mod holes;
mod numbers;
mod path;
mod pending;
mod reorder;
mod stands;
mod tcp;
mod unjudged;
pub mod utp;

pub use holes::{Due, FilledHole};
pub use numbers::Numbers;
pub use tcp::{Ended, Leftover, Opening, TcpConnection};

use crate::Limits;
use crate::ends::{At, FrameId};

/// One step of one direction of a stream.
///
/// # Invariants
/// - Per direction: [`Data`](Self::Data) and [`Gap`](Self::Gap) are contiguous and ascending, without overlap;
///   no byte twice. Offset 0 is the first byte after the SYN, or the first byte captured.
/// - [`Acked`](Self::Acked) and [`AckedRange`](Self::AckedRange) never point past what was already delivered.
/// - Each direction of which a frame was seen gets one [`End`](Self::End), when it is closed; nothing follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamItem<'cap> {
    /// The next bytes of the stream.
    Data {
        /// Place of the first byte in the stream.
        offset: u64,
        /// The bytes; never empty.
        bytes: &'cap [u8],
        /// The frame that carried them.
        at: At,
        /// True if the frame had a checksum that was tested and is wrong.
        doubtful: bool,
    },
    /// Bytes that were sent but are not in the capture.
    Gap {
        /// Place of the first missing byte.
        offset: u64,
        /// How many are missing.
        missing: Missing,
        /// Why.
        cause: GapCause,
        /// The frame at which the gap was given up as one.
        at: At,
    },
    /// The counterpart confirmed all bytes before `upto`.
    Acked {
        /// Place of the first byte not yet confirmed; ascending within a direction.
        upto: u64,
        /// The frame of the acknowledgement.
        at: At,
    },
    /// Bytes already delivered (or pending) were sent again with other content; the first copy was kept.
    Conflict {
        /// Place of the first byte of `bytes`.
        offset: u64,
        /// The second version, where it differs: from the first differing byte to the last one.
        bytes: &'cap [u8],
        /// The frame of the second version.
        at: At,
    },
    /// The counterpart confirmed these bytes out of order (uTP's selective ACK).
    AckedRange {
        /// Place of the first confirmed byte.
        from: u64,
        /// Place behind the last confirmed byte; above `from`.
        to: u64,
        /// The frame of the acknowledgement.
        at: At,
    },
    /// Bytes for a place that had already been given up as a gap. A second late copy is reported again.
    Late {
        /// Place of the first byte; 0 also for bytes before the first captured one, which have no place.
        offset: u64,
        /// The bytes; never empty.
        bytes: &'cap [u8],
        /// The frame that carried them.
        at: At,
    },
    /// Bytes sent again of which it is not known whether they equal the first copy, delivered or pending: they have left
    /// the history, or the snap length cut one of the two copies.
    Uncompared {
        /// Place of the first byte.
        offset: u64,
        /// Bytes, at least 1.
        len: u64,
        /// The frame of the second copy.
        at: At,
        /// True if one of the copies was cut; else they have left the history, or, encrypted, cannot be read.
        cut: bool,
    },
    /// Two uTP packets of one number carry other bytes in another length: which one is the sender's decides where everything
    /// behind it stands.
    OtherLength {
        /// Place of the first byte of both.
        offset: u64,
        /// The frames, in the order of the captures.
        frames: [FrameId; 2],
    },
    /// The frame `at` acknowledges bytes of the other direction that were not there when it came: it was sent after
    /// them, whatever the times say. Told before the frame's own bytes.
    Answers {
        /// The frame.
        at: At,
        /// The place behind the last byte of the other direction that it acknowledges.
        upto: u64,
    },
    /// Bytes that the receiver perhaps never took, or that are perhaps not of who seems to have sent them.
    Unaccepted {
        /// Place of the first byte.
        offset: u64,
        /// Bytes, at least 1.
        len: u64,
        /// Why.
        why: Unaccepted,
    },
    /// A packet that its receiver would not take, as it acknowledges what that never sent: anybody may have sent it. Told before
    /// its own bytes, where these are used.
    Suspect {
        /// The frame.
        at: At,
    },
    /// A packet too far from the stream's position to belong to it; nothing in it was used.
    OutOfWindow {
        /// Payload bytes on the wire; 0 for a lone RST or FIN.
        len: u64,
        /// The frame.
        at: At,
    },
    /// The direction is over.
    End {
        /// How it ended.
        reason: EndReason,
        /// The last frame of the direction.
        at: At,
    },
}

/// Grounds on which bytes of a stream are in doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unaccepted {
    /// The packet that carried them acknowledges what the receiver never sent.
    Impossible,
    /// The receiver went on, and acknowledged none of them to the end.
    Never,
    /// Their sender's later packets, to the last one, still stand before them.
    Contradicted,
}

/// How much a gap hides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum Missing {
    /// Exactly this many bytes (1 or more): TCP numbers bytes.
    Bytes(u64),
    /// The payload of this many packets (1 or more): uTP numbers packets. Offsets go on behind the gap as if it were empty.
    Packets(u64),
    /// Unknown: where uTP packets were cut anew, or TCP missed more than 1 GiB. Offsets go on as if it were empty.
    Unknown,
}

/// Why bytes are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum GapCause {
    /// The receiver acknowledged them: delivered, though not captured.
    Acknowledged,
    /// The receiver acknowledged one packet more than was captured: mostly the FIN, which carries nothing. Only told at the
    /// end of a direction.
    LastNumber,
    /// The frame is in the capture, but the snap length cut it.
    Snaplen,
    /// Nothing is known of them but that later bytes were seen.
    Unseen,
    /// The stream gave up waiting, or was given up itself, because a bound was reached.
    Limit,
}

/// How a direction ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum EndReason {
    /// FIN (TCP) or ST_FIN (uTP).
    Finished,
    /// RST (TCP) or ST_RESET (uTP).
    Reset,
    /// A new connection took its place on the same addresses.
    Replaced,
    /// The capture ended first, or the flow was closed to make room.
    Open,
}

/// The part of [`Limits`] that a stream needs, small enough for each to hold its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamLimits {
    /// See [`Limits::stream_pending_segments`].
    pub pending_segments: u32,
    /// See [`Limits::stream_history_segments`].
    pub history_segments: u32,
    /// See [`Limits::acked_hole_wait_ns`].
    pub acked_hole_wait_ns: i64,
    /// Holes that one direction remembers, to know what comes late.
    pub holes: u32,
}

impl From<&Limits> for StreamLimits {
    fn from(limits: &Limits) -> Self {
        Self {
            pending_segments: u32::try_from(limits.stream_pending_segments).unwrap_or(u32::MAX),
            history_segments: u32::try_from(limits.stream_history_segments).unwrap_or(u32::MAX),
            acked_hole_wait_ns: limits.acked_hole_wait_ns,
            holes: u32::try_from(limits.late_segments).unwrap_or(u32::MAX),
        }
    }
}

#[cfg(test)]
mod checked;
