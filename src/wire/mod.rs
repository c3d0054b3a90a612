//! One direction of a peer connection: the deframer, the messages of BEP 3, 6, 10 and 52, extension messages.

mod azureus;
mod body;
mod client;
mod contest;
mod deframer;
mod extended;
mod handshake;
mod header;
mod message;
mod pex;
mod resync;
mod rivals;
mod stretch;
mod window;

use std::borrow::Cow;

use crate::ends::{At, FrameId, Span};
pub use crate::oddity::UnknownReason;

pub use azureus::{Azureus, AzureusHandshake, azureus_have};
pub use client::{client_name, printable};
pub use contest::{About, Chosen, Contest};
pub use deframer::{Deframer, Start};
pub use extended::{ExtendedError, ExtendedHandshake, Holepunch, HolepunchKind, LtDontHave, MetadataMessage};
pub use handshake::{HANDSHAKE, HandshakeSniff, sniff};
pub use pex::{AzureusPex, PexFlags, PexMessage, PexPeer};
pub use resync::Expectation;

/// One thing that a peer sent.
///
/// # Invariants
/// - In stream order; every stream byte belongs to exactly one event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PeerEvent<'cap> {
    /// The 68-byte handshake (BEP 3), with its info-hash.
    Handshake(Handshake),
    /// A handshake of which a gap hides the info-hash, or a part of it.
    CutHandshake {
        /// The first bytes of the info-hash that were captured, fewer than 20.
        begins: Vec<u8>,
        /// The frames that carried it.
        span: Span,
    },
    /// A `piece` message of which a gap hides the index or begin, or a part of them.
    CutBlock {
        /// Bytes of the message, id included, as its length prefix states; if it was cut off, only those up to the cut.
        len: u32,
        /// Bytes of its payload that are in the capture, at most `len - 9`.
        captured: u32,
        /// The frames that carried it.
        span: Span,
    },
    /// A `request` of which a gap hides the length of the block, or a part of it.
    CutRequest {
        /// Piece index as sent.
        piece: u32,
        /// Offset within the piece, in bytes.
        begin: u32,
        /// The frames that carried it.
        span: Span,
    },
    /// Any message but `piece`, whole.
    Message {
        /// The parsed message.
        message: Message<'cap>,
        /// The frames that carried it.
        span: Span,
    },
    /// A `piece` message (BEP 3, id 7), whole or in part.
    Block(Block<'cap>),
    /// Framing was lost at a gap or an impossible header; `skipped` is counted when sync is found again.
    LostSync {
        /// The frame at which sync was lost.
        at: At,
        /// True if a gap hides where the next message begins; else the bytes there are no message.
        gap: bool,
    },
    /// Framing was found again after `skipped` bytes that could not be read.
    Resynchronised {
        /// Bytes in the capture that belong to no message.
        skipped: u64,
        /// Bytes captured or hidden by gaps: all between the last known end of a message and this one. No more than
        /// `skipped` where that end is not known.
        passed: u64,
        /// The frame in which the next message begins.
        at: At,
    },
    /// A stretch that may be framed otherwise.
    Contest(Contest),
    /// Bytes in which no message was found: the search reached [`crate::Limits::resync_bytes`], and nothing after it is
    /// read.
    GaveUp {
        /// Bytes in the capture that belong to no message, since the last event.
        skipped: u64,
        /// The last frame of those bytes.
        at: At,
    },
    /// The direction ended inside a header or during a search: bytes that belong to no message.
    Unframed {
        /// Bytes in the capture that belong to no message, since the last event.
        skipped: u64,
        /// Bytes captured or hidden by gaps, as for [`Resynchronised`](Self::Resynchronised); at least 1 with
        /// `skipped`.
        passed: u64,
        /// The last frame of those bytes.
        at: At,
    },
    /// A message with an id that no supported BEP defines, or a body that contradicts its id or is not whole.
    Unknown {
        /// The message id.
        id: u8,
        /// Bytes of the message, id included, as its length prefix states; for a message that was cut off
        /// ([`UnknownReason::Incomplete`]) only those up to the cut. A length above
        /// [`crate::Limits::message_bytes`] is not believed: [`LostSync`](Self::LostSync) follows, and the bytes
        /// belong to what is skipped.
        len: u32,
        /// Why it was not understood.
        reason: UnknownReason,
        /// The frames that carried it.
        span: Span,
    },
}

/// A handshake (BEP 3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handshake {
    /// The eight reserved bytes; zeros where a gap hides one of them.
    pub reserved: [u8; 8],
    /// The info-hash it asks for; for a v2 torrent the SHA-256 cut to 20 bytes (BEP 52).
    pub info_hash: [u8; 20],
    /// The peer_id it goes by on this connection; `None` where a gap hides a part of it.
    pub peer_id: Option<[u8; 20]>,
    /// Where it begins in the stream.
    pub start: u64,
    /// The frames that carried it.
    pub span: Span,
}

/// A peer-wire message other than `piece`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message<'cap> {
    /// BEP 3, length 0.
    KeepAlive,
    /// BEP 3, id 0.
    Choke,
    /// BEP 3, id 1.
    Unchoke,
    /// BEP 3, id 2.
    Interested,
    /// BEP 3, id 3.
    NotInterested,
    /// BEP 3, id 4.
    Have {
        /// Piece index as sent.
        piece: u32,
    },
    /// BEP 3, id 5: one bit per piece, most significant first.
    Bitfield(Cow<'cap, [u8]>),
    /// BEP 3, id 6.
    Request(BlockRef),
    /// BEP 3, id 8.
    Cancel(BlockRef),
    /// BEP 5, id 9.
    Port(u16),
    /// BEP 6, id 13.
    SuggestPiece {
        /// Piece index as sent.
        piece: u32,
    },
    /// BEP 6, id 14.
    HaveAll,
    /// BEP 6, id 15.
    HaveNone,
    /// BEP 6, id 16.
    RejectRequest(BlockRef),
    /// BEP 6, id 17.
    AllowedFast {
        /// Piece index as sent.
        piece: u32,
    },
    /// BEP 10, id 20.
    Extended {
        /// Extended message id: 0 is the handshake.
        id: u8,
        /// The bytes behind the id.
        body: Cow<'cap, [u8]>,
    },
    /// An `AZ_` message of the Azureus messaging protocol.
    Azureus {
        /// The kind that its name states.
        kind: Azureus,
        /// The bytes behind its name, version and padding.
        body: Cow<'cap, [u8]>,
    },
    /// BEP 52, ids 21 and 23: hash request and hash reject.
    HashRequest {
        /// 21 asks, 23 refuses.
        rejected: HashReply,
        /// The range of hashes in question.
        range: HashRange,
    },
    /// BEP 52, id 22.
    Hashes {
        /// The range of hashes.
        range: HashRange,
        /// The hashes, then the uncle hashes, 32 bytes each.
        hashes: Cow<'cap, [u8]>,
    },
}

/// The sense of a message about a hash request (BEP 52).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashReply {
    /// `hash request`, id 21.
    Asked,
    /// `hash reject`, id 23.
    Rejected,
}

/// A range of hashes of one layer of a file's Merkle tree (BEP 52).
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct HashRange {
    /// The file's `pieces root`.
    pub pieces_root: [u8; 32],
    /// The lowest layer asked for: 0 is the leaves.
    pub base_layer: u32,
    /// The first hash within the layer.
    pub index: u32,
    /// How many hashes.
    pub length: u32,
    /// How many layers of uncle hashes.
    pub proof_layers: u32,
}

/// A range within a piece, as `request`, `cancel` and `reject request` name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlockRef {
    /// Piece index as sent.
    pub piece: u32,
    /// Offset within the piece, in bytes.
    pub begin: u32,
    /// Length in bytes.
    pub length: u32,
}

impl BlockRef {
    /// The first bytes of the `piece` message that answers a request for it: all before the payload.
    pub fn answer(self) -> [u8; header::PIECE_HEADER] {
        let [a, b, c, d] = self.length.saturating_add(header::PIECE_FIXED).to_be_bytes();
        let [e, f, g, h] = self.piece.to_be_bytes();
        let [i, j, k, l] = self.begin.to_be_bytes();
        [a, b, c, d, header::PIECE, e, f, g, h, i, j, k, l]
    }
}

/// The payload of a `piece` message, as far as the capture holds it.
///
/// # Invariants
/// - The runs and holes tile `0..captured_to` without overlap, in order; `captured_to <= len`.
/// - `captured_to < len` only when the stream ended, or lost sync, inside the message.
/// - Not yet checked against a torrent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block<'cap> {
    /// Piece index as sent.
    pub piece: u32,
    /// Offset within the piece as sent, in bytes.
    pub begin: u32,
    /// Payload length that the length prefix states, in bytes.
    pub len: u32,
    /// The captured bytes in order, each with its offset within the payload.
    pub runs: Vec<Run<'cap>>,
    /// Bytes of payload accounted for by `runs` and by holes of known length.
    pub captured_to: u32,
    /// Offset of the first payload byte in the stream.
    pub offset: u64,
    /// The frames that carried it, header included.
    pub span: Span,
    /// How its header was found.
    pub framing: Framing,
    /// True if a frame with a wrong checksum carried part of the block.
    pub doubtful: bool,
}

/// A contiguous piece of payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run<'cap> {
    /// Offset of the first byte within the payload.
    pub start: u32,
    /// The bytes; never empty.
    pub bytes: &'cap [u8],
    /// Place of the first byte in the stream. Behind a uTP hole of a length that became known later it is not the block's
    /// offset plus `start`.
    pub stream: u64,
    /// The frame that carried them.
    pub frame: FrameId,
}

/// How a message's header was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum Framing {
    /// The stream was in sync from its handshake on.
    InSync,
    /// Sync was lost, or never had, and found by search.
    Resynchronised,
}
