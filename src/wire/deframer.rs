//! Frames one direction of a peer connection: bytes with gaps in, messages and blocks out.
//!
//! Payload is handed on as the slices it came in. A gap of known length inside a message leaves the framing intact;
//! any other gap, and any impossible header, ends it and starts a search ([`super::resync`]).

mod explain;
mod lost;

use std::borrow::Cow;
use std::collections::VecDeque;

use super::body::{self, OpenBody};
use super::contest::{About, Chosen, Contest};
use super::handshake::{self, HANDSHAKE, HANDSHAKE_LEN, HandshakeSniff, sniff};
use super::header::{Header, MAX_HEADER, PIECE, PIECE_FIXED, PIECE_HEADER};
use super::resync::{AtEnd, Expectation, Nothing, Search};
use super::rivals::Rivals;
use super::stretch::Stretch;
use super::window::{Chunk, Window};
use super::{Block, BlockRef, Framing, Message, PeerEvent, UnknownReason};
use crate::Limits;
use crate::ends::{At, Span};
use crate::stream::{GapCause, Missing, StreamItem};

/// Where in its life a direction is first seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// Its first byte is in the capture: a handshake is due.
    Handshake,
    /// Its beginning is not in the capture: the first message must be searched for.
    MidStream,
}

/// The framing of one direction.
///
/// # Invariants
/// - Every captured byte of the stream belongs to exactly one event, in stream order, once [`close`](Self::close)
///   was called.
/// - Memory is bounded by [`Limits::scratch_bytes`] and the slices of one unfinished block.
#[derive(Debug)]
pub struct Deframer<'cap> {
    state: WireState<'cap>,
    framing: Framing,
    /// The last frame seen, once there was one.
    last: Option<At>,
    /// The length of segments, in bytes: the last one's, or half of what it was before that.
    segment: usize,
    /// Payload bytes, captured or not, of the last packet, and of the largest one so far.
    packet: (u64, u64),
    /// An unfinished header, or what a search has not decided yet.
    window: Window<'cap>,
    /// The bytes that the search passed over, while they may still be explained: framing was lost at a gap.
    stretch: Option<Box<Stretch<'cap>>>,
    /// Other framings of what searches found, while they are looked for.
    rivals: Option<Box<Rivals<'cap>>>,
    /// Where searches have to end, and which headers are none.
    chosen: Vec<Chosen>,
    /// Where the last two messages begin, but keep-alives, the last one first.
    heads: [Option<u64>; 2],
    /// True once a `piece` message began.
    has_served: bool,
    /// Items to be read again after a search; empty between calls, but for those that ask to go on.
    queue: VecDeque<StreamItem<'cap>>,
    /// True once nothing follows.
    ending: bool,
    message_bytes: u32,
    scratch_bytes: usize,
    resync_bytes: u64,
}

#[derive(Debug)]
enum WireState<'cap> {
    /// In front of the handshake, or within it: the window holds its beginning.
    Handshake,
    /// In front of a message, or within its header: the window holds its beginning.
    Header,
    /// Within a `piece` message's payload.
    Piece(Block<'cap>),
    /// Within any other message's body.
    Body(OpenBody),
    /// Out of sync.
    Search(Search),
    /// Given up, so many bytes ago.
    Idle(u64),
    Closed,
}

impl<'cap> Deframer<'cap> {
    /// A direction of which nothing was read yet.
    pub fn new(start: Start, limits: &Limits) -> Self {
        let (state, framing) = match start {
            Start::Handshake => (WireState::Handshake, Framing::InSync),
            Start::MidStream => (WireState::Search(Search::new(0, limits.message_bytes)), Framing::Resynchronised),
        };
        Self {
            state,
            framing,
            last: None,
            segment: 0,
            packet: (0, 0),
            window: Window::default(),
            stretch: None,
            rivals: None,
            chosen: Vec::new(),
            heads: [None; 2],
            has_served: false,
            queue: VecDeque::new(),
            ending: false,
            message_bytes: limits.message_bytes,
            scratch_bytes: limits.scratch_bytes,
            resync_bytes: limits.resync_bytes,
        }
    }

    /// Says before the first byte where searches have to end, and which headers are none.
    pub fn choose(&mut self, chosen: Vec<Chosen>) {
        self.chosen = chosen;
        if let WireState::Search(search) = &mut self.state {
            lost::begin(search, &self.chosen);
        }
    }

    /// Reads the next item of the stream. `expected` is only asked while framing is lost.
    pub fn push(&mut self, item: &StreamItem<'cap>, expected: &dyn Expectation, out: &mut Vec<PeerEvent<'cap>>) {
        let mut more = self.read(item, expected, out);
        while more {
            more = self.go_on(expected, out);
        }
    }

    /// As [`push`](Self::push), but stops before a search that asks `expected`, as the events in `out` may answer
    /// requests: `true` if it stopped, and [`go_on`](Self::go_on) reads the rest.
    pub fn read(
        &mut self,
        item: &StreamItem<'cap>,
        expected: &dyn Expectation,
        out: &mut Vec<PeerEvent<'cap>>,
    ) -> bool {
        let known = out.len();
        self.step(*item, expected, out);
        (self.ending || !self.queue.is_empty()) && self.rest(known, expected, out)
    }

    /// Reads what [`read`](Self::read) or [`end`](Self::end) left; the answer is the same.
    pub fn go_on(&mut self, expected: &dyn Expectation, out: &mut Vec<PeerEvent<'cap>>) -> bool {
        self.rest(out.len(), expected, out)
    }

    /// The other side answers `request`: where the search holds it, waiting for what follows, it is one. `true`: its events
    /// are in `out`, and [`go_on`](Self::go_on) reads the rest.
    pub fn confirm(&mut self, request: BlockRef, out: &mut Vec<PeerEvent<'cap>>) -> bool {
        let WireState::Search(search) = &mut self.state else { return false };
        search.confirm(request, &self.window) && self.search(false, &Nothing, out)
    }

    /// Nothing follows: [`go_on`](Self::go_on) emits what is unfinished as far as it came.
    pub fn end(&mut self) {
        self.ending = true;
    }

    /// Returns true if the stream stands within a message that has begun.
    pub fn is_within(&self) -> bool {
        let open = || self.stretch.as_ref().is_some_and(|stretch| stretch.open().is_some());
        matches!(self.state, WireState::Piece(_) | WireState::Body(_)) || !self.window.is_empty() || open()
    }

    /// Ends the direction: what is unfinished is emitted as far as it came. Calling it again does nothing.
    pub fn close(&mut self, out: &mut Vec<PeerEvent<'cap>>) {
        self.end();
        while self.go_on(&Nothing, out) {}
    }

    /// Reads what is queued, and ends if nothing follows, until `expected` has to know of the events behind `known`.
    fn rest(&mut self, known: usize, expected: &dyn Expectation, out: &mut Vec<PeerEvent<'cap>>) -> bool {
        let at_end = AtEnd(expected);
        let expected = if self.ending { &at_end } else { expected };
        loop {
            let lost = matches!(self.state, WireState::Search(_));
            let asks = match self.queue.front() {
                Some(item) => lost || matches!(item, StreamItem::Gap { .. }),
                None => lost && self.ending,
            };
            if asks && out.len() > known {
                return true;
            }
            if let Some(item) = self.queue.pop_front() {
                self.step(item, expected, out);
            } else if !self.ending {
                return false;
            } else if !lost || !(self.search(true, expected, out) || self.explain_the_end(expected, out)) {
                self.conclude(out);
                return false;
            }
        }
    }

    /// Emits what is unfinished.
    fn conclude(&mut self, out: &mut Vec<PeerEvent<'cap>>) {
        let Some(at) = self.last.or(self.stretch.as_ref().map(|stretch| stretch.at())) else {
            self.state = WireState::Closed;
            return;
        };
        let state = std::mem::replace(&mut self.state, WireState::Closed);
        let passed = self.stretch.as_ref().map_or(0, |stretch| stretch.total(stretch.reached(), false));
        let limited = matches!(state, WireState::Idle(_));
        let skipped = match state {
            WireState::Piece(block) => {
                self.doubt_long(block.len.saturating_add(PIECE_FIXED), out);
                out.push(PeerEvent::Block(block));
                0
            }
            WireState::Body(body) => {
                self.doubt_long(body.len, out);
                out.push(body.cut());
                0
            }
            WireState::Handshake | WireState::Header => self.window.bytes(),
            WireState::Search(search) => search.skipped + self.window.bytes(),
            WireState::Idle(skipped) => skipped,
            WireState::Closed => 0,
        };
        self.window.clear();
        self.look_for_rivals(true, &Nothing, out);
        self.abandon(out);
        let passed = passed.max(skipped);
        if limited && skipped > 0 {
            out.push(PeerEvent::GaveUp { skipped, at });
        } else if passed > 0 {
            out.push(PeerEvent::Unframed { skipped, passed, at });
        }
    }

    fn step(&mut self, item: StreamItem<'cap>, expected: &dyn Expectation, out: &mut Vec<PeerEvent<'cap>>) {
        match item {
            StreamItem::Data { offset, bytes, at, doubtful } => {
                self.data(Chunk { offset, bytes, at, doubtful }, expected, out);
            }
            StreamItem::Gap { offset, missing: Missing::Bytes(missing), at, cause } => {
                if cause == GapCause::Snaplen {
                    self.note_packet(self.packet.0.saturating_add(missing));
                }
                self.hole(offset, missing, (cause, at), expected, out);
            }
            StreamItem::Gap { .. } => self.rift(item, expected, out),
            StreamItem::End { .. } => self.end(),
            _ => {}
        }
    }

    fn data(&mut self, chunk: Chunk<'cap>, expected: &dyn Expectation, out: &mut Vec<PeerEvent<'cap>>) {
        if self.last.replace(chunk.at).is_none()
            && let WireState::Search(search) = &mut self.state
        {
            // A handshake is the first thing that a side says: anywhere else it is content.
            search.handshake = Some(chunk.offset);
        }
        self.segment = chunk.bytes.len().max(self.segment / 2);
        self.note_packet(chunk.bytes.len() as u64);
        self.rivals.iter_mut().for_each(|rivals| rivals.push(chunk));
        self.frame(chunk, expected, out);
        if self.queue.is_empty() {
            self.look_for_rivals(false, expected, out);
        }
    }

    fn frame(&mut self, mut chunk: Chunk<'cap>, expected: &dyn Expectation, out: &mut Vec<PeerEvent<'cap>>) {
        while !chunk.bytes.is_empty() {
            match &mut self.state {
                WireState::Piece(block) => {
                    block.append(&mut chunk);
                    if block.captured_to == block.len {
                        self.finish_block(out);
                    }
                }
                WireState::Header => self.header(&mut chunk, out),
                WireState::Body(body) => {
                    body.append(&mut chunk);
                    if body.remaining == 0 {
                        self.finish_body(out);
                    }
                }
                WireState::Handshake => self.handshake(&mut chunk, out),
                WireState::Search(_) => {
                    self.window.push(chunk);
                    self.search(false, expected, out);
                    return;
                }
                WireState::Idle(skipped) => {
                    *skipped += chunk.bytes.len() as u64;
                    return;
                }
                WireState::Closed => return,
            }
            if matches!(self.state, WireState::Search(_)) && !self.window.is_empty() {
                // The header was impossible, and the window holds all that is left of the chunk: it is searched once
                // `expected` knows what came before.
                self.window.replay(&mut self.queue);
                return;
            }
        }
    }

    fn note_packet(&mut self, len: u64) {
        self.packet = (len, len.max(self.packet.1));
    }

    /// Reads a handshake, or its beginning, off the chunk.
    fn handshake(&mut self, chunk: &mut Chunk<'cap>, out: &mut Vec<PeerEvent<'cap>>) {
        let start = self.window.first().map_or(chunk.offset, |first| first.offset);
        let room = start.saturating_add(HANDSHAKE_LEN as u64).saturating_sub(chunk.offset);
        let (at, offset, doubtful) = (chunk.at, chunk.offset, chunk.doubtful);
        let bytes = chunk.take(room as usize);
        self.window.push(Chunk { offset, bytes, at, doubtful });
        let mut prefix = [0; HANDSHAKE.len()];
        let (filled, _) = self.window.peek(start, &mut prefix);
        if sniff(prefix.get(..filled).unwrap_or_default()) == HandshakeSniff::Other {
            self.window.push(*chunk);
            self.lose(start, at, false, out);
        } else if bytes.len() as u64 == room {
            self.finish_handshake(start, out);
        }
    }

    /// A gap of `missing` bytes at `offset` in a handshake; gives how much of it belongs to that, where the beginning is
    /// long enough to tell.
    fn pass_over_handshake(&mut self, offset: u64, missing: u64, out: &mut Vec<PeerEvent<'cap>>) -> u64 {
        let Some(start) = self.window.first().map(|first| first.offset) else { return 0 };
        let (filled, _) = self.window.peek(start, &mut [0; LEAST_PREFIX]);
        if filled < LEAST_PREFIX {
            return 0;
        }
        let rest = start.saturating_add(HANDSHAKE_LEN as u64).saturating_sub(offset);
        if missing >= rest {
            self.finish_handshake(start, out);
        }
        missing.min(rest)
    }

    fn finish_handshake(&mut self, start: u64, out: &mut Vec<PeerEvent<'cap>>) {
        let (first, last) = (self.window.first(), self.window.chunks().last());
        if let (Some(first), Some(last)) = (first, last) {
            let span = Span::single(first.at).join(Span::single(last.at));
            out.push(handshake::read(&self.window, start, span));
        }
        self.window.clear();
        self.framing = Framing::InSync;
        self.state = WireState::Header;
    }

    /// Reads a header, or its beginning, off the chunk.
    fn header(&mut self, chunk: &mut Chunk<'cap>, out: &mut Vec<PeerEvent<'cap>>) {
        let place = PieceStart {
            offset: self.window.first().map_or(chunk.offset, |first| first.offset),
            span: Span::single(self.window.first().map_or(chunk.at, |first| first.at)).join(Span::single(chunk.at)),
            doubtful: chunk.doubtful || self.window.doubtful(),
        };
        let before = self.window.bytes() as usize;
        let mut bytes = [0; MAX_HEADER];
        let header = if before == 0 {
            Header::read(chunk.bytes)
        } else {
            self.window.push(*chunk);
            let (filled, _) = self.window.peek(place.offset, &mut bytes);
            bytes.get(..filled).and_then(Header::read)
        };
        let Some(header) = header else {
            if before == 0 {
                self.window.push(*chunk);
            }
            chunk.bytes = &[];
            return;
        };
        let long = header.len() > self.message_bytes;
        let doubted = self.framing == Framing::Resynchronised && !header.is_plausible(self.message_bytes);
        let denied = self.is_denied(place.offset, out);
        if long || doubted || denied {
            if before == 0 {
                self.window.push(*chunk);
            }
            if long && !denied {
                let (id, len, reason) = (header.id(), header.len(), UnknownReason::Length);
                out.push(PeerEvent::Unknown { id, len, reason, span: place.span });
            }
            self.lose_header(place.offset, chunk.at, denied, out);
            return;
        }
        self.note_head(header, place.offset);
        self.window.clear();
        self.rivals.iter_mut().for_each(|rivals| rivals.note(place.offset));
        chunk.take(header.size().saturating_sub(before));
        // A name that was read to tell what it is belongs to the body.
        let early = bytes.get(header.size()..before).unwrap_or_default();
        self.begin(header, place, early, chunk, out);
    }

    /// Begins the message whose header was just read; `early` and then `chunk` hold what follows.
    fn begin(
        &mut self,
        header: Header,
        place: PieceStart,
        early: &[u8],
        chunk: &mut Chunk<'cap>,
        out: &mut Vec<PeerEvent<'cap>>,
    ) {
        let (id, len, span) = match header {
            Header::KeepAlive => {
                out.push(PeerEvent::Message { message: Message::KeepAlive, span: place.span });
                return;
            }
            Header::Piece { size, piece, begin, payload } => {
                self.has_served = true;
                self.state = WireState::Piece(Block {
                    piece,
                    begin,
                    len: payload,
                    runs: body::runs(payload, self.segment),
                    captured_to: 0,
                    offset: place.offset.saturating_add(u64::from(size)),
                    span: place.span,
                    framing: self.framing,
                    doubtful: place.doubtful,
                });
                if payload == 0 {
                    self.finish_block(out);
                }
                return;
            }
            Header::Named { len } => (0, len, place.span),
            Header::Other { id, len } => (id, len, place.span),
        };
        self.doubt_odd(header, out);
        let remaining = len.saturating_sub(1);
        let skipped = if !Message::defines(id) {
            Some(UnknownReason::Id)
        } else if remaining as usize > self.scratch_bytes {
            Some(UnknownReason::Length)
        } else {
            None
        };
        if skipped.is_none() && early.is_empty() && remaining as usize <= chunk.bytes.len() {
            let body = Cow::Borrowed(chunk.take(remaining as usize));
            out.push(body::parsed(id, len, body, span));
            return;
        }
        let (gathered, captured) = (early.to_vec(), early.len() as u32);
        let remaining = remaining.saturating_sub(captured);
        self.state = WireState::Body(OpenBody { id, len, remaining, skipped, gathered, captured, span });
        if remaining == 0 {
            self.finish_body(out);
        }
    }

    /// A gap of known length: sync survives it unless it hides a length prefix.
    fn hole(
        &mut self,
        mut offset: u64,
        mut missing: u64,
        (cause, at): (GapCause, At),
        expected: &dyn Expectation,
        out: &mut Vec<PeerEvent<'cap>>,
    ) {
        if matches!(self.state, WireState::Header) {
            let step = self.pass_over_header(missing, expected, out);
            offset = offset.saturating_add(step);
            missing -= step;
        }
        let mut handshake = true;
        while missing > 0 {
            let step;
            match &mut self.state {
                WireState::Piece(block) => {
                    step = missing.min(u64::from(block.len.saturating_sub(block.captured_to)));
                    block.captured_to += step as u32;
                    if block.captured_to == block.len {
                        self.finish_block(out);
                    }
                }
                WireState::Body(body) => {
                    step = missing.min(u64::from(body.remaining));
                    body.remaining -= step as u32;
                    body.skipped.get_or_insert(UnknownReason::Incomplete);
                    if body.remaining == 0 {
                        self.finish_body(out);
                    }
                }
                WireState::Handshake if offset == 0 && missing >= HANDSHAKE_LEN as u64 => {
                    // Whoever begins with anything else is no peer.
                    (step, self.state) = (HANDSHAKE_LEN as u64, WireState::Header);
                    self.framing = Framing::Resynchronised;
                }
                WireState::Handshake if handshake => {
                    step = self.pass_over_handshake(offset, missing, out);
                    handshake = step > 0;
                }
                WireState::Handshake | WireState::Header => {
                    let from = self.window.first().map_or(offset, |first| first.offset);
                    let mut stretch =
                        matches!(self.state, WireState::Header).then(|| Box::new(Stretch::new(from, at)));
                    self.lose(from, at, true, out);
                    stretch.iter_mut().for_each(|stretch| stretch.skip(offset.saturating_add(missing), cause));
                    self.stretch = stretch;
                    return;
                }
                WireState::Search(_) => {
                    self.window.skip(offset.saturating_add(missing), cause, at);
                    self.stretch.iter_mut().for_each(|stretch| stretch.skip(offset.saturating_add(missing), cause));
                    return;
                }
                WireState::Idle(_) | WireState::Closed => return,
            }
            offset = offset.saturating_add(step);
            missing -= step;
        }
    }

    /// A gap behind length and id still leaves the end of the message known; gives how much of the gap belongs to
    /// the header, where a request says what stood there.
    fn pass_over_header(
        &mut self,
        missing: u64,
        expected: &dyn Expectation,
        out: &mut Vec<PeerEvent<'cap>>,
    ) -> u64 {
        let Some((offset, at)) = self.window.first().map(|first| (first.offset, first.at)) else {
            return 0;
        };
        let mut bytes = [0; MAX_HEADER];
        let (filled, _) = self.window.peek(offset, &mut bytes);
        let seen = bytes.get(..filled).unwrap_or_default();
        let Some(([a, b, c, d, id], rest)) = seen.split_first_chunk() else {
            return 0;
        };
        let len = u32::from_be_bytes([*a, *b, *c, *d]);
        let Some(remaining) = len.checked_sub(1 + rest.len() as u32).filter(|_| len <= self.message_bytes) else {
            return 0;
        };
        let mut span = Span::single(at);
        span.cover(self.last.unwrap_or(at));
        let hidden = PIECE_HEADER.saturating_sub(filled) as u64;
        if *id == PIECE && hidden <= missing {
            let requests = self.unanswered(expected, out);
            let next = requests.into_iter().find(|request| request.answer().starts_with(seen));
            if let Some(request) = next.or_else(|| expected.answered_by(seen)) {
                self.state = WireState::Piece(Block {
                    piece: request.piece,
                    begin: request.begin,
                    len: request.length,
                    runs: Vec::new(),
                    captured_to: 0,
                    offset: offset.saturating_add(PIECE_HEADER as u64),
                    span,
                    framing: Framing::Resynchronised,
                    doubtful: self.window.doubtful(),
                });
                self.window.clear();
                return hidden;
            }
        }
        let skipped = Some(UnknownReason::Incomplete);
        let captured = rest.len() as u32;
        self.state =
            WireState::Body(OpenBody { id: *id, len, remaining, skipped, gathered: rest.to_vec(), captured, span });
        self.window.clear();
        0
    }

    fn finish_block(&mut self, out: &mut Vec<PeerEvent<'cap>>) {
        if let WireState::Piece(block) = std::mem::replace(&mut self.state, WireState::Header) {
            block.check();
            out.push(PeerEvent::Block(block));
        }
    }

    fn finish_body(&mut self, out: &mut Vec<PeerEvent<'cap>>) {
        if let WireState::Body(body) = std::mem::replace(&mut self.state, WireState::Header) {
            out.push(match body.skipped {
                Some(reason) => body::cut_request(body.id, body.len, &body.gathered, body.span)
                    .unwrap_or_else(|| body.passed_over(reason)),
                None => body::parsed(body.id, body.len, Cow::Owned(body.gathered), body.span),
            });
        }
    }
}

/// Where a header was read.
struct PieceStart {
    offset: u64,
    span: Span,
    doubtful: bool,
}

// Rationale: 64 bits of it; a snap length of 96 leaves 14 bytes of a handshake over uTP and IPv6.
const LEAST_PREFIX: usize = 8;
#[cfg(test)]
mod tests;
