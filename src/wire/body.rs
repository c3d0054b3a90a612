//! Bodies behind a header: payload that is handed on in runs, and other bodies, gathered to be parsed whole.

use std::borrow::Cow;
use std::ops::Range;

use super::header::{self, PIECE, PIECE_FIXED, REQUEST, REQUEST_LEN};
use super::window::Chunk;
use super::{Block, Message, PeerEvent, Run, UnknownReason};
use crate::ends::Span;

/// A message body that is not whole yet.
#[derive(Debug)]
pub(super) struct Body {
    /// The message id.
    pub id: u8,
    /// The length prefix.
    pub len: u32,
    /// Bytes still to come; less than `len`.
    pub remaining: u32,
    /// Why the body is passed over, when it is.
    pub skipped: Option<UnknownReason>,
    /// The bytes of the body that came so far.
    pub gathered: Vec<u8>,
    /// How much of it is in the capture, in bytes.
    pub captured: u32,
    /// The frames that carried it.
    pub span: Span,
}

impl Body {
    /// Moves as much of the chunk as belongs to the body into it.
    pub fn append(&mut self, chunk: &mut Chunk<'_>) {
        self.span.cover(chunk.at);
        let bytes = chunk.take(self.remaining as usize);
        self.remaining -= bytes.len() as u32;
        self.captured += bytes.len() as u32;
        if self.skipped.is_none() {
            self.gathered.extend_from_slice(bytes);
        }
    }

    /// The message as far as it came.
    pub fn cut<'cap>(mut self) -> PeerEvent<'cap> {
        self.len -= self.remaining;
        self.passed_over(UnknownReason::Incomplete)
    }

    /// The message, when it is not read.
    pub fn passed_over<'cap>(self, reason: UnknownReason) -> PeerEvent<'cap> {
        let Self { id, len, captured, span, .. } = self;
        if id == PIECE && reason == UnknownReason::Incomplete && len >= PIECE_FIXED {
            return PeerEvent::CutBlock { len, captured: captured.saturating_sub(PIECE_FIXED - 1), span };
        }
        PeerEvent::Unknown { id, len, reason, span }
    }
}

impl<'cap> Block<'cap> {
    /// Moves as much of the chunk as belongs to the block into it.
    pub(super) fn append(&mut self, chunk: &mut Chunk<'cap>) {
        let (stream, frame) = (chunk.offset, chunk.at.frame);
        let bytes = chunk.take((self.len - self.captured_to) as usize);
        self.runs.push(Run { start: self.captured_to, bytes, stream, frame });
        self.captured_to += bytes.len() as u32;
        self.span.cover(chunk.at);
        self.doubtful |= chunk.doubtful;
    }

    /// The place of its payload in the stream; with a hole of unknown length at its end, perhaps more.
    pub fn stretch(&self) -> Range<u64> {
        let end = self.runs.last().map_or(self.offset.saturating_add(u64::from(self.len)), |run| {
            run.stream.saturating_add(u64::from(self.len.saturating_sub(run.start)))
        });
        self.offset..end.max(self.offset)
    }

    /// Asserts the type's invariants.
    pub(super) fn check(&self) {
        debug_assert!(self.captured_to <= self.len, "no more payload than the prefix states");
        debug_assert!(
            self.runs.windows(2).all(|pair| matches!(pair, [a, b]
                if u64::from(a.start) + a.bytes.len() as u64 <= u64::from(b.start))),
            "runs are in order and do not overlap"
        );
    }
}

/// The event for a message that is whole.
pub(super) fn parsed(id: u8, len: u32, body: Cow<'_, [u8]>, span: Span) -> PeerEvent<'_> {
    match Message::parse(id, body) {
        Ok(message) => PeerEvent::Message { message, span },
        Err(reason) => PeerEvent::Unknown { id, len, reason, span },
    }
}

/// A `request` of which a gap hides the last bytes; `None` where it hides more, or the message is none.
pub(super) fn cut_request<'cap>(id: u8, len: u32, gathered: &[u8], span: Span) -> Option<PeerEvent<'cap>> {
    let (piece, begin) = (header::word(gathered, 0)?, header::word(gathered, 4)?);
    (id == REQUEST && len as usize + 4 == REQUEST_LEN).then_some(PeerEvent::CutRequest { piece, begin, span })
}

/// An empty list with room for a payload that comes in segments like the one of `segment` bytes.
pub(super) fn runs<'cap>(payload: u32, segment: usize) -> Vec<Run<'cap>> {
    match payload as usize {
        0 => Vec::new(),
        payload => Vec::with_capacity((payload / segment.max(MIN_SEGMENT) + 2).min(MAX_RUNS)),
    }
}

// Rationale: the smallest segment size a path must carry (RFC 9293 3.7.1), so that one allocation is the rule.
const MIN_SEGMENT: usize = 536;
// Rationale: room for a 128 KiB block of the smallest segments; a hostile length prefix gets no more in advance.
const MAX_RUNS: usize = 256;
