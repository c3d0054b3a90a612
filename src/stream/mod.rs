//! Ordered bytes with typed gaps: the reorder buffer, TCP and uTP. A stream does not know BitTorrent.

use crate::provenance::At;

/// One step of one direction of a stream.
///
/// # Invariants
/// - Per direction: [`Data`](Self::Data) and [`Gap`](Self::Gap) are contiguous and ascending, without overlap;
///   no byte twice. Offset 0 is the first byte after the SYN, or the first byte captured.
/// - Nothing but [`Acked`](Self::Acked) and [`Conflict`](Self::Conflict) follows [`End`](Self::End).
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
        /// Whether the frame had a checksum that was tested and is wrong.
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
    /// The direction is over.
    End {
        /// How it ended.
        reason: EndReason,
        /// The last frame of the direction.
        at: At,
    },
}

/// How much a gap hides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// Exactly this many bytes (1 or more): TCP numbers bytes.
    Bytes(u64),
    /// Unknown: uTP numbers packets. Offsets go on behind the gap as if it were empty.
    Unknown,
}

/// Why bytes are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GapCause {
    /// The receiver acknowledged them: delivered, though not captured.
    Acknowledged,
    /// The frame is in the capture, but the snap length cut it.
    Snaplen,
    /// Nothing is known of them but that later bytes were seen.
    Unseen,
    /// The stream gave up waiting because a bound was reached.
    Limit,
}

/// How a direction ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
