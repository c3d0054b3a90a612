//! HTTP webseeds (BEP 19 and BEP 17): the requests and response bodies of one TCP connection, and their place in a
//! torrent. Framing is RFC 9112, ranges are RFC 9110 section 14.
//!
//! An [`HttpExchange`] turns the items of both directions into [`BodyPart`]s; [`identify`] says which torrents a
//! resource may be of, and [`Candidate::blocks`] cuts a part into blocks with a place in it. A name and a
//! size prove nothing: only the hash decides.
//!
//! Requests that ask a tracker (BEP 3) and their answers are handed on whole, and so are the messages of WebSockets, for
//! [`crate::hearsay`] to read.

mod body;
mod exchange;
mod head;
mod mapping;
mod multipart;
mod redirects;
mod requests;
mod socket;
mod tracker;

use std::net::IpAddr;
use std::sync::Arc;

use crate::ends::{At, Span};
pub use crate::oddity::Flaw;
use crate::wire::Framing;

pub use exchange::HttpExchange;
pub use head::{Sniff, is_request, sniff};
pub use mapping::{Basis, Candidate, Cell, Extent, identify};
pub use redirects::Redirects;
pub use socket::SocketMessage;
pub use tracker::TrackerAnswer;

/// One thing that an HTTP connection carried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WebEvent<'cap> {
    /// A stretch of a response's body.
    Body(BodyPart<'cap>),
    /// A request that may ask a tracker.
    Asked(Arc<WebRequest>),
    /// The whole body that answers such a request, or that may do so.
    Answer(TrackerAnswer),
    /// A text message of a WebSocket that may be of a tracker.
    Message(SocketMessage),
    /// A redirect: the resource of a request is elsewhere, see [`Redirects`].
    Moved {
        /// The request.
        request: Arc<WebRequest>,
        /// The `Location` of the answer, as sent.
        location: String,
    },
    /// Bytes that could not be used, or framing that was lost.
    Bad {
        /// Why.
        reason: Flaw,
        /// Bytes in question; 0 where that is unknown.
        bytes: u64,
        /// The frame at which it showed.
        at: At,
    },
    /// A body in a coding that is not read, see [`Flaw::Encoding`].
    Coded {
        /// The request that it answers; `None` if the capture does not hold it.
        request: Option<Arc<WebRequest>>,
        /// Its length in bytes if stated, else 0.
        bytes: u64,
        /// The frame at which it showed.
        at: At,
    },
}

/// A request (RFC 9112 section 3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebRequest {
    /// The method as sent.
    pub method: String,
    /// The request target as sent: path and query, or an absolute URL (to a proxy).
    pub target: String,
    /// The `Host` header; lossy UTF-8. With the port of the connection where it has none, and its address where there is no
    /// header, as far as that is known.
    pub host: Option<String>,
    /// The `Range` header in bytes; empty without a usable one.
    pub ranges: Vec<ByteRange>,
    /// The frames that carried its header.
    pub span: Span,
}

impl WebRequest {
    /// Returns true if the request asks the server at `ip` and `port` for a resource of another one (RFC 9112
    /// section 3.2.2): a proxy.
    pub fn is_relayed(&self, ip: IpAddr, port: u16) -> bool {
        let scheme =
            |name: &str| self.target.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
        let Some(rest) = ["http://", "https://"].into_iter().find(|name| scheme(name)).map(str::len) else {
            return false;
        };
        let rest = self.target.get(rest..).unwrap_or_default();
        let authority = rest.split(['/', '?']).next().unwrap_or_default();
        let (host, named) = match authority.rsplit_once(':') {
            Some((host, named)) if !named.ends_with(']') => (host, named.parse().ok()),
            _ => (authority, None),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        host.parse::<IpAddr>() != Ok(ip) || named.unwrap_or(80) != port
    }

    /// Returns true if the request may be to a tracker: it names an info-hash, and no piece (as BEP 17 does), or it
    /// is a scrape (BEP 48).
    pub fn asks_tracker(&self) -> bool {
        let (path, query) = self.target.split_once('?').unwrap_or((&self.target, ""));
        let has = |key: &str| query.split('&').any(|pair| pair.split('=').next() == Some(key));
        let scrapes = path.rsplit('/').next().is_some_and(|last| last.starts_with("scrape"));
        self.method == "GET" && !has("piece") && (scrapes || (has("info_hash") && has("port")))
    }
}

/// One range of a `Range` header (RFC 9110 section 14.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByteRange {
    /// From the first byte to the last one, both included; `first <= last`.
    FromTo {
        /// Offset of the first byte.
        first: u64,
        /// Offset of the last byte.
        last: u64,
    },
    /// From this byte to the end.
    From(u64),
    /// So many bytes at the end.
    Last(u64),
}

/// A stretch of a response's body, contiguous in the resource and in the stream.
///
/// # Invariants
/// - `1 <= len <= 65_536`; slices ascend, do not overlap and lie in `0..len`. What they leave out is not in the
///   capture.
/// - `first_byte + len` does not overflow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BodyPart<'cap> {
    /// The request that it answers; `None` if the capture does not hold it.
    pub request: Option<Arc<WebRequest>>,
    /// 200 or 206.
    pub status: u16,
    /// Place of the first byte in the resource.
    pub first_byte: u64,
    /// Size of the whole resource in bytes, if the response says.
    pub total: Option<u64>,
    /// The captured bytes in order.
    pub slices: Vec<Slice<'cap>>,
    /// Bytes of the resource, holes included.
    pub len: u32,
    /// Place of the first byte in the server's stream.
    pub offset: u64,
    /// The frames that carried it; where all of it is missing, the frame at which that showed.
    pub span: Span,
    /// [`Framing::Resynchronised`] also if it is not certain which request it answers: then a hash that does not
    /// match says nothing about the server.
    pub framing: Framing,
}

/// Captured bytes of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slice<'cap> {
    /// Offset of the first byte within the part.
    pub start: u32,
    /// The bytes; never empty.
    pub bytes: &'cap [u8],
    /// The frame that carried them.
    pub at: At,
    /// True if that frame had a wrong checksum.
    pub doubtful: bool,
}

/// Bytes of a stream, or a hole in it.
#[derive(Clone, Copy, Debug)]
struct Stretch<'cap> {
    offset: u64,
    len: u64,
    /// `None` for a hole; else `len` bytes.
    bytes: Option<&'cap [u8]>,
    at: At,
    doubtful: bool,
}

impl Stretch<'_> {
    /// Removes and returns the first `len` bytes, or all if there are fewer.
    fn take(&mut self, len: u64) -> Self {
        let len = len.min(self.len);
        let mut head = Self { len, ..*self };
        if let Some(bytes) = self.bytes {
            let (front, back) = bytes.split_at(usize::try_from(len).unwrap_or(usize::MAX).min(bytes.len()));
            head.bytes = Some(front);
            self.bytes = Some(back);
        }
        self.offset = self.offset.saturating_add(len);
        self.len -= len;
        head
    }

    /// Removes and returns the first byte; `None` at the end and in a hole.
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.bytes?.split_first()?;
        self.bytes = Some(rest);
        self.offset = self.offset.saturating_add(1);
        self.len -= 1;
        Some(*first)
    }
}

#[cfg(test)]
mod tests;
