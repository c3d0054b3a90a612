//! Framing is lost, and found again.

use super::{About, Chosen, Contest, Deframer, WireState};
use crate::ends::At;
use crate::stream::{Missing, StreamItem};
use crate::wire::header::{Header, PIECE_FIXED};
use crate::wire::resync::{Candidate, Expectation, Search};
use crate::wire::stretch::Stretch;
use crate::wire::{Framing, PeerEvent};

impl<'cap> Deframer<'cap> {
    /// A gap of unknown length: nothing before it says where the next message begins, but the next header that is found
    /// says where the message before that ends.
    pub(super) fn rift(
        &mut self,
        gap: StreamItem<'cap>,
        expected: &dyn Expectation,
        out: &mut Vec<PeerEvent<'cap>>,
    ) {
        let StreamItem::Gap { offset, missing, cause, at } = gap else { return };
        let packets = if let Missing::Packets(packets) = missing { Some(packets) } else { None };
        match std::mem::replace(&mut self.state, WireState::Closed) {
            WireState::Piece(block) if packets.is_some() => {
                let rest = u64::from(block.len.saturating_sub(block.captured_to));
                self.search_from(offset, out);
                self.stretch = Some(Box::new(Stretch::within(Some(block), rest, offset, at)));
            }
            WireState::Piece(block) => {
                out.push(PeerEvent::Block(block));
                self.lose(offset, at, true, out);
            }
            WireState::Body(body) => {
                let rest = u64::from(body.remaining);
                out.push(body.cut());
                self.lose(offset, at, true, out);
                self.stretch = Some(Box::new(Stretch::within(None, rest, offset, at)));
            }
            state @ (WireState::Handshake | WireState::Header) => {
                let from = self.window.first().map_or(offset, |first| first.offset);
                let begins = offset == 0 && self.window.is_empty();
                self.lose(from, at, true, out);
                if matches!(state, WireState::Header) || begins {
                    self.stretch = Some(Box::new(Stretch::new(from, at)));
                }
            }
            WireState::Search(search) => {
                self.state = WireState::Search(search);
                self.queue.push_front(gap);
                if self.search(true, expected, out) {
                    return;
                }
                self.queue.pop_front();
            }
            state @ (WireState::Idle(_) | WireState::Closed) => {
                self.state = state;
                return;
            }
        }
        // What is not decided by now has no header in it.
        self.pass_over(u64::MAX);
        self.look_for_rivals(true, expected, out);
        if let WireState::Search(search) = &mut self.state {
            search.restart(offset);
            begin(search, &self.chosen);
        }
        match (self.stretch.as_mut(), packets) {
            (Some(stretch), Some(packets)) => stretch.tear(offset, packets, cause, self.packet.0),
            _ => self.abandon(out),
        }
    }

    /// Starts a search at the stream offset `from`; the window is part of it.
    pub(super) fn lose(&mut self, from: u64, at: At, gap: bool, out: &mut Vec<PeerEvent<'cap>>) {
        out.push(PeerEvent::LostSync { at, gap });
        self.search_from(from, out);
    }

    /// A header at the stream offset `from` is none, for it is impossible, or `denied`. What follows is explained as behind a
    /// gap over the header: a damaged one costs no more than a missing one.
    pub(super) fn lose_header(&mut self, from: u64, at: At, denied: bool, out: &mut Vec<PeerEvent<'cap>>) {
        if !denied {
            self.doubt_headers(out);
        }
        self.lose(from.saturating_add(1), at, denied, out);
        self.stretch = Some(Box::new(Stretch::behind_header(from, at)));
    }

    /// Notes that a message begins. Where framing was found by a search, rivals are looked for, which begin within a usual block.
    pub(super) fn note_head(&mut self, header: Header, offset: u64) {
        if header != Header::KeepAlive && (self.framing == Framing::InSync || header.len() > USUAL_BLOCK) {
            self.heads = [Some(offset), self.heads[0]];
        }
    }

    /// Tells of the last headers where the message of `len` bytes that the stream ends in is longer than usual.
    pub(super) fn doubt_long(&mut self, len: u32, out: &mut Vec<PeerEvent<'cap>>) {
        if len > USUAL_BLOCK {
            self.doubt_headers(out);
        }
    }

    /// Tells of the last headers where that of a long message is one that is not sent: a block may have lost its id.
    pub(super) fn doubt_odd(&mut self, header: Header, out: &mut Vec<PeerEvent<'cap>>) {
        // What somebody has is said before anything is sent of it.
        let is_late = self.has_served && matches!(header, Header::Other { id: BITFIELD, .. });
        if header.len() >= LONG_MESSAGE && (is_late || !header.is_plausible(self.message_bytes)) {
            self.doubt_headers(out);
        }
    }

    /// Tells of the last headers: framing was lost behind them, and one of them may be damaged.
    pub(super) fn doubt_headers(&mut self, out: &mut Vec<PeerEvent<'cap>>) {
        let heads: Vec<u64> = self.heads.into_iter().flatten().collect();
        if let Some(begun) = heads.last() {
            let places = std::iter::once(None).chain(heads.iter().copied().map(Some)).collect();
            out.push(PeerEvent::Contest(Contest { about: About::Header, begun: *begun, places }));
        }
    }

    /// Returns true if the choice for a contest is that the header at this stream offset is none; then that contest is told
    /// again.
    pub(super) fn is_denied(&self, header: u64, out: &mut Vec<PeerEvent<'cap>>) -> bool {
        let of = |chosen: &&Chosen| chosen.about == About::Header && chosen.place == Some(header);
        let denied = self.chosen.iter().find(of);
        out.extend(denied.map(|Chosen { about, begun, .. }| {
            PeerEvent::Contest(Contest { about: *about, begun: *begun, places: Vec::new() })
        }));
        denied.is_some()
    }

    /// Looks on for other framings of what was found, and tells of them.
    pub(super) fn look_for_rivals(
        &mut self,
        last: bool,
        expected: &dyn Expectation,
        out: &mut Vec<PeerEvent<'cap>>,
    ) {
        let Self { rivals, chosen, .. } = self;
        let Some(rivals) = rivals else { return };
        rivals.look(last, expected, |contest| {
            let is_chosen = |chosen: &Chosen| (chosen.about, chosen.begun) == (contest.about, contest.begun);
            if contest.places.len() > 1 || chosen.iter().any(is_chosen) {
                out.push(PeerEvent::Contest(contest));
            }
        });
    }

    fn search_from(&mut self, from: u64, out: &mut Vec<PeerEvent<'cap>>) {
        self.abandon(out);
        self.heads = [None; 2];
        let mut search = Search::new(from, self.message_bytes);
        begin(&mut search, &self.chosen);
        self.state = WireState::Search(search);
    }

    /// Leaves the bytes that were passed over unexplained: the block that went on in them ends where it was lost.
    pub(super) fn abandon(&mut self, out: &mut Vec<PeerEvent<'cap>>) {
        if let Some((at, Some(block))) = self.stretch.take().map(|stretch| stretch.into_open()) {
            out.push(PeerEvent::Block(block));
            out.push(PeerEvent::LostSync { at, gap: true });
        }
    }

    /// Passes over what the window holds before `offset`.
    pub(super) fn pass_over(&mut self, offset: u64) {
        let stretch = &mut self.stretch;
        let passed = self.window.drop_before(offset, |chunk| {
            if let Some(stretch) = stretch {
                stretch.push(chunk);
            }
        });
        if let WireState::Search(search) = &mut self.state {
            search.skipped += passed;
        }
    }

    /// Searches the window; on success its rest is queued to be read again, and the answer is true.
    pub(super) fn search(
        &mut self,
        last: bool,
        expected: &dyn Expectation,
        out: &mut Vec<PeerEvent<'cap>>,
    ) -> bool {
        let WireState::Search(search) = &mut self.state else {
            return false;
        };
        let found = search.find(&self.window, last, expected);
        let keep_from = found.map_or(search.keep_from(), |found| found.offset);
        self.pass_over(keep_from);
        let WireState::Search(search) = &self.state else {
            return false;
        };
        let skipped = search.skipped;
        match found {
            Some(found) if !found.handshake => {
                let rivals = self.rivals.get_or_insert_default();
                rivals.begin(search.begun(), &found, &self.window, self.message_bytes);
            }
            Some(_) => self.rivals.iter_mut().for_each(|rivals| rivals.pass()),
            None => {}
        }
        let Some(Candidate { offset, handshake, .. }) = found else {
            if skipped > self.resync_bytes && !search.waits() {
                self.abandon(out);
                let rest = self.window.bytes();
                self.window.clear();
                self.state = WireState::Idle(rest);
                out.extend(self.last.map(|at| PeerEvent::GaveUp { skipped, at }));
            }
            return false;
        };
        self.found(offset, skipped, handshake, expected, out);
        true
    }
}

/// Passes over what stands before the place that was chosen for a search.
pub(super) fn begin(search: &mut Search, chosen: &[Chosen]) {
    let of = |chosen: &&Chosen| chosen.about == About::Search && chosen.begun == search.begun();
    if let Some(Chosen { place: Some(start), .. }) = chosen.iter().find(of) {
        search.begin_at(*start);
    }
}

/// The id of `bitfield` (BEP 3).
const BITFIELD: u8 = 5;
// Rationale: nearly all blocks have 16 KiB, and hardly any other message has more.
const USUAL_BLOCK: u32 = (16 << 10) + PIECE_FIXED;
// Rationale: what is not understood is mostly short; a block whose id is damaged is not.
const LONG_MESSAGE: u32 = 1_024;
