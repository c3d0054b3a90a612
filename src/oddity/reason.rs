//! Reasons and places: what the fields of oddities say. Some are of one stage, which gives them on under its own name.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use super::Bound;
use crate::ends::{Endpoint, Span, Transport};

/// Words of this program. Those that are read, of facts that were written, are kept for good: there are a few of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Said(pub &'static str);

impl<'de> serde::Deserialize<'de> for Said {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        static KNOWN: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
        let words = String::deserialize(deserializer)?;
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(words) = known.get(words.as_str()) {
            return Ok(Self(words));
        }
        let words: &'static str = words.leak();
        known.insert(words);
        Ok(Self(words))
    }
}

/// A unit that a hash decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Unit {
    /// Its piece.
    pub piece: u32,
    /// Its leaf within the piece.
    pub leaf: Option<u32>,
}

/// One side of an address translation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Leg {
    /// Who opened the connection, and to whom.
    pub ends: [Endpoint; 2],
    /// The packets of this side.
    pub span: Span,
}

/// A connection on both sides of an address translation.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SameConnection {
    /// Both sides.
    pub legs: [Leg; 2],
    /// Its transport, which says by which numbers it was recognised.
    pub transport: Transport,
    /// Set if the handshakes are equal; else, of a webseed, the torrent is.
    pub handshakes: bool,
}

/// Faults of a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum BadTime {
    /// It is zero.
    Zero,
    /// It is outside of what 64-bit nanoseconds hold.
    OutOfRange,
    /// A simple packet block of pcapng has none.
    Absent,
}

/// The size of a stretch of a stream that is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Lost {
    /// Bytes.
    Bytes(u64),
    /// The payload of so many packets (uTP numbers packets).
    Packets(u64),
    /// Not known.
    Unknown,
}

impl Lost {
    /// Bytes, 0 where their number is not known.
    pub fn bytes(self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Packets(_) | Self::Unknown => 0,
        }
    }
}

/// Known causes of bytes that the capture does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum GapKind {
    /// The receiver acknowledged them.
    Acknowledged,
    /// Nothing.
    Unseen,
    /// They were given up because a bound was reached.
    Limit,
    /// They are of a webseed's answers.
    Web,
}

/// Why a message was not understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum UnknownReason {
    /// No supported BEP defines its id.
    Id,
    /// Its body does not fit its id.
    Body,
    /// Its length is above [`crate::Limits::message_bytes`] or [`crate::Limits::scratch_bytes`].
    Length,
    /// A gap hides part of it, or the stream ended inside it.
    Incomplete,
}

/// Why a block has no place in its torrent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Misplaced {
    /// The torrent has no such piece.
    NoSuchPiece {
        /// The piece named.
        piece: u32,
        /// Pieces that there are.
        pieces: u32,
    },
    /// The block ends beyond its piece.
    BeyondPiece {
        /// The piece named.
        piece: u32,
        /// Offset behind the block's last byte within the piece.
        end: u64,
        /// Size of the piece in bytes.
        size: u32,
    },
    /// Only the info-hash of the torrent is known.
    NoMetadata,
}

/// Why a `hashes` message (BEP 52) proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum ProofError {
    /// The torrent has no file with this root.
    NoSuchFile,
    /// The range is not in the tree, or its length is no power of two.
    BadRange,
    /// Fewer hashes than the range has, more uncles than layers, or half a hash.
    BadLength,
    /// It ends at a node of which nothing is known; it may be true.
    Unconnected,
    /// It contradicts a node that is known.
    Wrong,
}

/// Why a part of an HTTP connection could not be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub enum Flaw {
    /// A request or response header that is malformed or contradicts itself.
    Head,
    /// A request or response header of which more than 64 KiB matter, or that does not end.
    TooLong,
    /// A body in a content or transfer coding other than identity and chunked.
    Encoding,
    /// Chunk framing that is malformed.
    Chunk,
    /// A part of a resource, alone or in a multipart body, without a usable `Content-Range`.
    Part,
    /// A body with more bytes than its `Content-Range` says; they were left out.
    Surplus,
    /// The stream ended inside a body.
    Truncated,
    /// A gap over framing. The next header is searched for.
    LostSync,
    /// Captured bytes between the loss of sync and the next header, or the end.
    Skipped,
    /// More requests without a response than are remembered; the oldest was forgotten.
    Outstanding,
    /// A message of a WebSocket that has a hole, is too long, or compressed with what came before it; or framing of one that
    /// no client or server sends, so that nothing more of it is read.
    Socket,
    /// A gap of unknown length, a change of protocol, or a search that found nothing: the rest is not read.
    GaveUp,
}

/// Why a message that names peers was not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum MentionFault {
    /// Entries of it name no endpoint.
    Unusable,
    /// An announce over IPv6 names an IPv4 address.
    OtherFamily,
    /// It could not be read; the words of its parser.
    Unreadable(Said),
    /// The HTTP of a tracker could not be read.
    Web(Flaw),
}

/// The relay that a connection goes through.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Relay {
    /// The dialog with a proxy, or whatever else stands before the peer wire.
    Dialog {
        /// The protocol of the dialog and the target that the client named; `None` where they are not in the capture, or not
        /// known.
        asked: Option<(Said, String)>,
        /// The info-hash of the handshake behind it, where the capture holds it.
        info_hash: Option<[u8; 20]>,
    },
    /// An HTTP proxy that was asked for a URL.
    Http {
        /// The proxy.
        proxy: Endpoint,
        /// The URL.
        target: String,
    },
}

impl Flaw {
    /// The bound that was reached, if that is why.
    pub fn bound(self, bytes: u64) -> Option<Bound> {
        match self {
            Self::TooLong => Some(Bound::WebHeader { bytes }),
            Self::Outstanding => Some(Bound::WebRequests { bytes }),
            _ => None,
        }
    }
}
