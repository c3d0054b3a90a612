//! One side of a session: its deframer, its open requests, and the facts that its messages prove.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;

use super::unplaced::Unplaced;
use super::{Advertised, Answer, Delivery, Outstanding, RequestBudget, Session};
use crate::Limits;
use crate::ends::{At, FrameId, Span};
use crate::limits::{DIRECTION_HOLES, HANDSHAKE_VERSIONS, PENDING_ANSWERS};
use crate::stream::{EndReason, GapCause, Missing};
use crate::wire::{
    Block, BlockRef, Deframer, ExtendedHandshake, Framing, Handshake, Message, Start, UnknownReason,
};

/// The facts that the messages of one side prove.
#[derive(Clone, Debug, Default)]
pub struct SideFacts {
    /// Its handshake.
    pub handshake: Option<Handshake>,
    /// A handshake of which a gap hides the info-hash, or a part of it: the first bytes of that, and its frames. None of one
    /// whose versions name several.
    pub cut_handshake: Option<(Vec<u8>, Span)>,
    /// True if there were several versions of its handshake, with other info-hashes: the hash of what was sent tells which
    /// torrent it is.
    pub handshake_twice: bool,
    /// The port it accepts connections on, as declared (BEP 10 `p`); never 0.
    pub listen_port: Option<u16>,
    /// The client that it named (BEP 10 `v`).
    pub client: Option<String>,
    /// Its extension handshake (BEP 10), later ones merged in.
    pub extensions: Option<Box<ExtendedHandshake>>,
    /// Its extension messages by name, `unknown` where the other side's handshake was not captured.
    pub extension_messages: BTreeMap<String, u64>,
    /// The pieces that it advertised.
    pub advertised: Advertised,
    /// Its first unchoke or allowed_fast.
    pub offered: Option<Span>,
    /// Its first request.
    pub requested: Option<Span>,
    /// Its requests for usual blocks: 16 KiB from a multiple of that on.
    pub asked: u64,
    /// Its extension messages (BEP 10), the handshake too, that could be read.
    pub extended: u64,
    /// Requests of the other side that it rejected.
    pub rejected: u64,
    /// Its `piece` messages whose whole body is in the capture.
    pub piece_messages: u64,
    /// Its `piece` messages of which bytes are missing from the capture.
    pub partial_messages: u64,
    /// The first whole `piece` message with payload.
    pub first_piece: Option<Span>,
    /// Blocks that answer a request seen before, cancelled ones too.
    pub answered: u64,
    /// Blocks sent after their request was cancelled.
    pub cancelled: u64,
    /// Blocks that nobody asked for, in a capture without gaps.
    pub unsolicited: u64,
    /// Captured payload bytes of blocks that the other side's transport acknowledged.
    pub acknowledged: u64,
    /// Packets in this direction.
    pub packets: u64,
    /// Stretches of this direction that the capture does not hold.
    pub gaps: u64,
    /// Bytes in those, where known.
    pub gap_bytes: u64,
    /// Packets in those, where their numbers tell (uTP).
    pub gap_packets: u64,
    /// Parts of blocks that it sent whose headers gaps hide.
    pub unplaced: Unplaced,
    /// Where the last of those stretches begins.
    pub last_hole: Option<u64>,
    /// The first 16 of those stretches, in the order in which they were given up.
    pub holes: Vec<Hole>,
    /// True if the snap length cut some of this direction.
    pub snaplen: bool,
    /// True if a packet with a wrong checksum carried some of this direction.
    pub bad_checksum: bool,
    /// True if a stretch was sent twice with different bytes.
    pub overlap_conflict: bool,
    /// How often framing was lost.
    pub lost_sync: u64,
    /// How much speaks against this being the peer wire: see [`Session::is_broken`](super::Session::is_broken).
    pub misframed: u32,
    /// True if framing held for so long that no file that happens to hold messages does the same.
    pub held_sync: bool,
    /// True if framing was lost and found again.
    pub resynchronised: bool,
    /// Bytes that came after their place in the stream had been given up.
    pub late_bytes: u64,
    /// The place before which the other side acknowledged everything; 0 where it acknowledged nothing.
    pub acked_to: u64,
    /// How it ended; `None` while it goes on, and where no frame of it was captured.
    pub end: Option<Ending>,
}

/// A stretch of a direction that the capture does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Hole {
    /// Place of the first missing byte in the stream.
    pub offset: u64,
    /// How many bytes are missing.
    pub missing: Missing,
    /// Why.
    pub cause: GapCause,
    /// The frame at which they were given up.
    pub at: At,
}

/// The end of a direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Ending {
    /// How it ended.
    pub reason: EndReason,
    /// Its last frame.
    pub at: At,
}

impl SideFacts {
    /// Notes a stretch that is missing.
    pub(super) fn note_hole(&mut self, hole: Hole) {
        self.gaps += 1;
        self.last_hole = Some(hole.offset);
        match hole.missing {
            Missing::Bytes(bytes) => self.gap_bytes += bytes,
            Missing::Packets(packets) => self.gap_packets += packets,
            Missing::Unknown => {}
        }
        self.snaplen |= hole.cause == GapCause::Snaplen;
        if self.holes.len() < DIRECTION_HOLES {
            self.holes.push(hole);
        }
    }
}

#[derive(Debug)]
pub(super) struct SessionSide<'cap> {
    pub(super) facts: SideFacts,
    pub(super) deframer: Deframer<'cap>,
    pub(super) outstanding: Outstanding,
    pub(super) delivery: Delivery,
    /// The place behind what was read of it.
    pub(super) place: u64,
    /// Messages, and captured bytes of blocks, since framing was found.
    run: (u64, u64),
    /// True while framing is lost: what is read then is guessed.
    lost: bool,
    /// So many blocks to come stand where framing was found, or beside a gap.
    found: u8,
    /// Other versions of bytes that came before a handshake was read, and their places.
    versions: Vec<(u64, &'cap [u8])>,
    /// The frame of its last keep-alive.
    keep_alive: Option<FrameId>,
    /// Messages that followed the last block, but keep-alives, and those that are not understood.
    behind: u64,
    /// Bytes of whole messages that followed the last block and are not understood.
    strange: u64,
    /// True if the end of the direction was captured.
    pub(super) ended: bool,
    /// Where the last block stands in the stream, and its last frame. Where packets are numbered only, until a message
    /// behind it shows that it ends there.
    last_block: Option<(Range<u64>, FrameId)>,
    /// Frames captured before what they acknowledge of the other side, and up to which place they do.
    answers: VecDeque<(FrameId, u64)>,
}

impl<'cap> SessionSide<'cap> {
    pub(super) fn new(start: Start, limits: &Limits) -> Self {
        Self {
            facts: SideFacts::default(),
            deframer: Deframer::new(start, limits),
            outstanding: Outstanding::new(limits.outstanding_requests),
            delivery: Delivery::default(),
            place: 0,
            run: (0, 0),
            lost: false,
            found: 0,
            versions: Vec::new(),
            keep_alive: None,
            behind: 0,
            strange: 0,
            ended: false,
            last_block: None,
            answers: VecDeque::new(),
        }
    }

    /// Takes in its handshake.
    pub(super) fn greet(&mut self, handshake: Handshake) {
        self.facts.handshake.get_or_insert(handshake);
        for (offset, bytes) in std::mem::take(&mut self.versions) {
            self.dispute(offset, bytes);
        }
    }

    /// Takes in another version of bytes of it.
    pub(super) fn conflict(&mut self, offset: u64, bytes: &'cap [u8]) {
        self.facts.overlap_conflict = true;
        if self.facts.handshake.is_some() {
            self.dispute(offset, bytes);
        } else if self.versions.len() < HANDSHAKE_VERSIONS {
            self.versions.push((offset, bytes));
        }
    }

    /// A handshake of which another version names another torrent is worth as much as one whose info-hash is missing.
    fn dispute(&mut self, offset: u64, bytes: &[u8]) {
        if let Some(handshake) = self.facts.handshake.take_if(|handshake| handshake.differs_from(offset, bytes)) {
            self.facts.cut_handshake = Some((Vec::new(), handshake.span));
            self.facts.handshake_twice = true;
        }
    }

    /// Framing was lost: unless it is for a gap, what seemed to be messages were none, or what follows them is none. Then
    /// the block before it, which is given, may have been put together wrongly. So it may where packets are not `placed`,
    /// but numbered: one that was sent again with less in it, and is lost, moves all that follows, and only the next
    /// message would tell.
    pub(super) fn lose_sync(&mut self, gap: bool, placed: bool) -> Option<Range<u64>> {
        self.facts.lost_sync += 1;
        self.lost = true;
        let (messages, _) = std::mem::take(&mut self.run);
        if !gap && messages >= SURE_MESSAGES {
            self.facts.held_sync = false;
            self.misframed(BROKEN);
        } else if !gap {
            self.misframed(1);
        }
        self.last_block.take().map(|(stretch, _)| stretch).filter(|_| !gap || !placed)
    }

    /// A message follows the last block; once there are two, it ends there: one may be what bytes of it look like.
    pub(super) fn confirmed(&mut self, placed: bool) {
        self.behind += 1;
        // Where packets have their place, what seemed to be messages may still turn out to be none.
        if !placed && self.behind > 1 {
            self.last_block = None;
        }
    }

    /// Returns true if a message followed the last block.
    pub(super) fn is_followed(&self) -> bool {
        self.behind > 0
    }

    /// Returns true if the block in `stretch` is the last that was sent, but for whole messages that are not understood,
    /// nothing is missing from its header on, and all of it was acknowledged: then its bytes have their place though no
    /// message follows.
    pub(super) fn has_arrived(&self, stretch: &Range<u64>) -> bool {
        let whole = self.facts.last_hole.is_none_or(|hole| hole.saturating_add(HEADER) <= stretch.start);
        let last = stretch.end.saturating_add(self.strange) >= self.place;
        whole && last && self.facts.acked_to >= self.place
    }

    /// The stretch of the last block, if it is in doubt: no message that is understood follows it, and packets are
    /// numbered only.
    pub(super) fn unconfirmed(&mut self, placed: bool) -> Option<Range<u64>> {
        if placed { None } else { self.last_block.take().map(|(stretch, _)| stretch) }
    }

    /// A keep-alive in `span`. In the packet that ends a block, or two in one packet, it is what zeros look like that
    /// belong to the block.
    fn keep_alive(&mut self, span: Span, placed: bool) -> Option<Range<u64>> {
        let frame = span.last.frame;
        let again = self.keep_alive.replace(frame) == Some(frame);
        let behind = self.last_block.as_ref().is_some_and(|(_, end)| *end == span.first.frame);
        if again || behind { self.unconfirmed(placed) } else { None }
    }

    /// Framing was found behind bytes that could not be read.
    pub(super) fn find_sync(&mut self, skipped: u64) {
        self.facts.resynchronised = true;
        (self.run, self.lost) = ((0, 0), false);
        self.found = self.found.max(1);
        if skipped > LONGEST_BLOCK {
            self.misframed(1);
        }
    }

    /// A gap: the block that it is in, and the one behind it, may be framed wrongly.
    pub(super) fn tear(&mut self) {
        self.found = 2;
    }

    /// A block was read: returns true if its framing was found for itself, and not with that of the block before it.
    pub(super) fn take_found(&mut self, framing: Framing) -> bool {
        let alone = self.lost || self.found > 0;
        self.found = self.found.saturating_sub(1);
        alone && framing == Framing::Resynchronised
    }

    /// Counts against it, unless framing held for long: such a side has gaps behind which false headers are found now
    /// and then.
    fn misframed(&mut self, weight: u32) {
        if !self.facts.held_sync {
            self.facts.misframed = self.facts.misframed.saturating_add(weight);
        }
    }

    /// A request of which a gap hides the length of the block: the usual one, or less at the end of a piece.
    pub(super) fn cut_request(&mut self, piece: u32, begin: u32, span: Span, placed: bool) {
        self.run.0 += 1;
        self.confirmed(placed);
        self.facts.requested.get_or_insert(span);
        self.outstanding.request_within(BlockRef { piece, begin, length: BLOCK }, span, self.place);
    }

    /// A `piece` message of `len` bytes that is known by no piece; of its payload so much is in the capture.
    pub(super) fn cut_block(&mut self, len: u32, captured: u32) {
        self.run.0 += 1;
        self.facts.partial_messages += 1;
        self.facts.unplaced.add_block(u64::from(captured), u64::from(len.saturating_sub(9)));
    }

    /// A message that is not understood. Of a request even the header says that something was asked for. Where it is not whole,
    /// it gives the block before it, as [`Self::unconfirmed`] does; else what follows it tells.
    pub(super) fn unknown(
        &mut self,
        (id, len): (u8, u32),
        reason: UnknownReason,
        span: Span,
        placed: bool,
    ) -> Option<Range<u64>> {
        self.run.0 += 1;
        if (id, len) == REQUEST {
            self.facts.requested.get_or_insert(span);
        }
        if reason == UnknownReason::Incomplete {
            return self.unconfirmed(placed);
        }
        self.strange = self.strange.saturating_add(LENGTH + u64::from(len));
        None
    }

    /// A message. What may be zeros of the block before it gives that block, as [`Self::unconfirmed`] does.
    pub(super) fn message(&mut self, message: Message<'_>, span: Span, placed: bool) -> Option<Range<u64>> {
        self.run.0 += 1;
        if message == Message::KeepAlive {
            return self.keep_alive(span, placed);
        }
        self.confirmed(placed);
        let facts = &mut self.facts;
        match message {
            Message::Bitfield(bits) => facts.advertised.bitfield(&bits, span),
            Message::Have { piece } => facts.advertised.have(piece, span),
            Message::HaveAll => facts.advertised.have_all(span),
            Message::Unchoke | Message::AllowedFast { .. } => {
                facts.offered.get_or_insert(span);
            }
            Message::Request(block) => {
                facts.requested.get_or_insert(span);
                facts.asked += u64::from(block.length == BLOCK && block.begin.is_multiple_of(BLOCK));
                self.outstanding.request(block, span, self.place);
            }
            Message::Cancel(block) => self.outstanding.cancel(block),
            Message::RejectRequest(_) => facts.rejected += 1,
            _ => {}
        }
        None
    }

    /// A block. Where it may be what bytes of the block before it look like, behind messages that are not understood, it gives
    /// that block, as [`Self::unconfirmed`] does.
    pub(super) fn block(&mut self, block: &Block<'cap>, answer: &Answer, placed: bool) -> Option<Range<u64>> {
        let is_sure = self.strange == 0 || block.len == BLOCK || *answer != Answer::Unasked;
        let unsure = if is_sure { None } else { self.unconfirmed(placed) };
        let facts = &mut self.facts;
        let captured: u64 = block.runs.iter().map(|run| run.bytes.len() as u64).sum();
        (self.run.0, self.run.1) = (self.run.0 + 1, self.run.1 + captured);
        self.last_block = Some((block.stretch(), block.span.last.frame));
        (self.behind, self.strange) = (0, 0);
        if self.run.1 >= SURE_BYTES && !facts.held_sync {
            // What was misframed before was content of this side.
            (facts.held_sync, facts.misframed) = (true, 0);
        }
        // Whole means the whole body in the capture: a hole in it makes a partial message (T26).
        if captured == u64::from(block.len) {
            facts.piece_messages += 1;
            if captured > 0 {
                facts.first_piece.get_or_insert(block.span);
            }
        } else {
            facts.partial_messages += 1;
        }
        facts.resynchronised |= block.framing == Framing::Resynchronised;
        match answer {
            Answer::Solicited(_) => facts.answered += 1,
            Answer::Cancelled(_) => {
                facts.answered += 1;
                facts.cancelled += 1;
            }
            Answer::Unasked => {}
        }
        for run in &block.runs {
            self.delivery.payload(run.stream, run.stream + run.bytes.len() as u64);
        }
        unsure
    }

    /// The frame was sent after the bytes of the other side before `upto`, whatever the times say.
    pub(super) fn answers(&mut self, frame: FrameId, upto: u64) {
        if self.answers.len() >= PENDING_ANSWERS {
            self.answers.pop_front();
        }
        self.answers.push_back((frame, upto));
    }

    /// How far the frame acknowledges the other side, where it was captured before that.
    pub(super) fn answered(&self, frame: FrameId) -> Option<u64> {
        self.answers.iter().rev().find(|(answer, _)| *answer == frame).map(|(_, upto)| *upto)
    }

    /// Takes over what was acknowledged by now.
    pub(super) fn settle(&mut self) {
        self.facts.acknowledged = self.delivery.acknowledged();
    }
}

impl Session<'_> {
    /// Lets the session remember more requests, as long as `budget` allows.
    #[must_use]
    pub fn sharing(mut self, budget: &RequestBudget) -> Self {
        self.sides.iter_mut().for_each(|side| side.outstanding.share(budget));
        self
    }
}

// Rationale: a header in the midst of payload that is taken for one is followed by two others at most.
const SURE_MESSAGES: u64 = 4;
// Rationale: captures hold segments that offloading made as long as 64 KiB: a capture that is sent as a file then has
// the frames' own headers between messages that often.
const SURE_BYTES: u64 = 256 << 10;
// Rationale: the longest block that clients send, 128 KiB, with its header: the first message begins behind one.
const LONGEST_BLOCK: u64 = (128 << 10) + 13;
/// Id and length prefix of `request` (BEP 3).
const REQUEST: (u8, u32) = (6, 13);
/// The usual block length in bytes.
const BLOCK: u32 = 16_384;
// Rationale: BEP 3: length, id, index and begin stand before the payload.
const HEADER: u64 = 13;
// Rationale: BEP 3: of these it is the first four bytes.
const LENGTH: u64 = 4;
/// So much misframed is no peer wire: a false header found in payload is one.
pub(super) const BROKEN: u32 = 2;
