//! The answers of HTTP trackers: small bodies, gathered whole and in clear.

use std::io::Read;
use std::sync::Arc;

use super::head::{Coding, ResponseHead};
use super::{Stretch, WebRequest};
use crate::ends::Span;
use crate::limits::{TRACKER_ANSWER_BYTES, TRACKER_ANSWER_SLICES};
use crate::wire::Framing;

/// A body that answers a tracker request, or that may do so.
///
/// # Invariants
/// - `body` is at most 1 MiB long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrackerAnswer {
    /// The request; `None` if the capture does not hold it, or if it is not certain which one it is.
    pub request: Option<Arc<WebRequest>>,
    /// The body without its codings; empty where it was too long, not whole or its coding cannot be read.
    pub body: Vec<u8>,
    /// The frames that carried it.
    pub span: Span,
    /// True if one of those frames had a wrong checksum.
    pub doubtful: bool,
}

/// A body that is being gathered.
///
/// # Invariants
/// - At most [`TRACKER_ANSWER_BYTES`] bytes in [`TRACKER_ANSWER_SLICES`] slices of the capture; nothing is copied before it is whole.
#[derive(Debug)]
pub(super) struct Gathering<'cap> {
    request: Option<Arc<WebRequest>>,
    coding: Option<Coding>,
    /// `None` once it is known to be unusable.
    body: Option<Vec<&'cap [u8]>>,
    bytes: usize,
    span: Option<Span>,
    doubtful: bool,
}

impl<'cap> Gathering<'cap> {
    /// For a body that answers a tracker request; without the request, one that may do so.
    pub fn new(head: &ResponseHead, request: Option<&Arc<WebRequest>>, framing: Framing) -> Option<Self> {
        if head.status != 200 || request.is_some_and(|request| !request.asks_tracker()) {
            return None;
        }
        let request = request.filter(|_| framing == Framing::InSync).cloned();
        let body = Some(Vec::new());
        Some(Self { request, coding: head.coding, body, bytes: 0, span: None, doubtful: false })
    }

    /// Adds the next bytes, or a hole.
    pub fn push(&mut self, stretch: &Stretch<'cap>) {
        let Some(body) = &mut self.body else { return };
        // A page that nobody asked a tracker for is told by its first byte, and not kept.
        let other = self.request.is_none() && self.coding == Some(Coding::Identity) && self.bytes == 0;
        match stretch.bytes {
            Some(bytes) if other && bytes.first() != Some(&b'd') => self.body = None,
            Some(bytes)
                if self.bytes + bytes.len() <= TRACKER_ANSWER_BYTES && body.len() < TRACKER_ANSWER_SLICES =>
            {
                body.push(bytes);
                self.bytes += bytes.len();
            }
            _ => self.body = None,
        }
        self.doubtful |= stretch.doubtful;
        match &mut self.span {
            Some(span) => span.cover(stretch.at),
            None => self.span = Some(Span::single(stretch.at)),
        }
    }

    /// Ends a body that is whole. `None` for what is certainly no answer.
    pub fn finish(self) -> Option<TrackerAnswer> {
        let clear = self.body.and_then(|body| decoded(self.coding?, body.concat()));
        if self.request.is_none() && clear.as_ref().is_none_or(|body| !body.starts_with(b"d")) {
            return None;
        }
        let body = clear.unwrap_or_default();
        Some(TrackerAnswer { request: self.request, body, span: self.span?, doubtful: self.doubtful })
    }
}

/// The body without its coding; `None` where that is broken, or where it would be too long.
fn decoded(coding: Coding, body: Vec<u8>) -> Option<Vec<u8>> {
    let read = |source: &mut dyn Read| {
        let mut clear = Vec::new();
        let len = source.take(TRACKER_ANSWER_BYTES as u64 + 1).read_to_end(&mut clear).ok()?;
        (len <= TRACKER_ANSWER_BYTES).then_some(clear)
    };
    match coding {
        Coding::Identity => Some(body),
        Coding::Gzip => read(&mut flate2::read::MultiGzDecoder::new(&body[..])),
        // RFC 9110 section 8.4.1.2: zlib by the standard, and without its header from servers that mistake it.
        Coding::Deflate => read(&mut flate2::read::ZlibDecoder::new(&body[..]))
            .or_else(|| read(&mut flate2::read::DeflateDecoder::new(&body[..]))),
    }
}
