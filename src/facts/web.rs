//! The HTTP of one connection: requests, bodies that answer them, redirects. Where the bytes belong in a torrent is judged
//! later.

use serde::{Deserialize, Serialize};

use super::Run;
use crate::ends::{At, ConnectionId, Direction, Span, Timestamp};
use crate::webseed::Flaw;
use crate::wire::Framing;

/// The content of a connection that carries HTTP/1.1 (RFC 9112).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Web {
    /// The direction of the answers.
    pub server: Direction,
    /// The requests that bodies or redirects of this connection answer, in order; [`Body::request`] and
    /// [`Redirect::request`] are indices into these.
    pub requests: Vec<Request>,
    /// Where the server sent its clients (RFC 9110 section 15.4).
    pub redirects: Vec<Redirect>,
    /// Oddities of the answers, in order.
    pub faults: Vec<Fault>,
    /// Stretches of the answers that are not bodies of [`Body`]s and were, or may have been, sent in two versions: headers,
    /// which say what the bytes behind them are.
    pub header_twice: bool,
}

/// A request (RFC 9112 section 3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// The method as sent.
    pub method: String,
    /// The request target as sent.
    pub target: String,
    /// The `Host` header; lossy UTF-8.
    pub host: Option<String>,
    /// The ranges that it asks for (RFC 9110 section 14.1.2); empty without a usable `Range`.
    pub ranges: Vec<ByteRange>,
    /// The frames that carried its header.
    pub span: Span,
}

/// One range of a `Range` header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ByteRange {
    /// From the first byte to the last one, both included.
    FromTo {
        /// Offset of the first byte.
        first: u64,
        /// Offset of the last byte; `first <= last`.
        last: u64,
    },
    /// From this byte to the end.
    From(u64),
    /// So many bytes at the end.
    Last(u64),
}

/// An answer that sends its client elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redirect {
    /// Index of the request.
    pub request: u32,
    /// `Location` as sent.
    pub location: String,
    /// The ordinal of its frame in the walk: a redirect is followed by what comes after it.
    pub order: u64,
}

/// A stretch of an answer's body, contiguous in the resource and in the stream. Kept beside the connections, in the order
/// of the walk.
///
/// # Invariants
/// - `1 <= len <= 65_536`; runs lie in `0..len`. What they leave out is not captured.
/// - There are as many times as runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Body {
    /// The connection that carried it.
    pub connection: ConnectionId,
    /// The ordinal of the frame at which it was handed over, in the walk.
    pub order: u64,
    /// Index of the request that it answers in [`Web::requests`]; `None` if the captures do not hold it.
    pub request: Option<u32>,
    /// 200 or 206.
    pub status: u16,
    /// Place of its first byte in the resource.
    pub first_byte: u64,
    /// Size of the whole resource in bytes, if the answer says.
    pub total: Option<u64>,
    /// The captured bytes, in order.
    pub runs: Vec<Run>,
    /// When the frame of each run was captured.
    pub times: Vec<Timestamp>,
    /// Bytes of the resource, holes included.
    pub len: u32,
    /// Place of its first byte in the server's stream.
    pub offset: u64,
    /// The frames that carried it; where all of it is missing, the frame at which that showed.
    pub span: Span,
    /// [`Framing::Resynchronised`] also where it is not certain which request it answers.
    pub framing: Framing,
}

/// Something odd about the answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// Reason of the fault.
    pub reason: Flaw,
    /// Index of the request that the answer belongs to, where that is known.
    pub request: Option<u32>,
    /// Bytes in question; 0 where that is not known.
    pub bytes: u64,
    /// The frame at which it showed.
    pub at: At,
}
