//! The requests of one side that were not answered yet.

use std::cell::Cell;
use std::collections::VecDeque;
use std::rc::Rc;

use hashbrown::HashMap;

use crate::ends::Span;
use crate::wire::{BlockRef, Expectation};

/// What a block answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A request seen before and not cancelled.
    Solicited(Span),
    /// A request that was cancelled before the block was sent.
    Cancelled(Span),
    /// No request in the capture.
    Unasked,
}

/// Room for requests beyond those that each direction may remember in any case, over all connections of a run: spare
/// requests of one connection make it forget none while others need little.
#[derive(Clone, Debug, Default)]
pub struct RequestRoom(Rc<Cell<usize>>);

impl RequestRoom {
    /// Room for `requests`.
    pub fn new(requests: usize) -> Self {
        Self(Rc::new(Cell::new(requests)))
    }

    fn take(&self) -> bool {
        let left = self.0.get().checked_sub(1);
        left.inspect(|left| self.0.set(*left)).is_some()
    }

    fn give_back(&self, requests: usize) {
        self.0.set(self.0.get() + requests);
    }
}

/// Requests by piece and begin.
///
/// # Invariants
/// - At most `most` requests and those `drawn` from the room; the oldest is forgotten first, and that is told once.
/// - `order` is at most twice as long as what is live, but for a few.
#[derive(Debug, Default)]
pub(super) struct Outstanding {
    requests: HashMap<(u32, u32), Request, foldhash::quality::FixedState>,
    /// In order of arrival; live while the request still has that number.
    order: VecDeque<(u64, (u32, u32))>,
    next: u64,
    chokes: u64,
    most: usize,
    room: RequestRoom,
    /// Requests beyond `most`.
    drawn: usize,
    overflow: Overflow,
    /// Whether the last block answered no request that was seen.
    unasked: bool,
}

/// The requests for one block: a client may ask again before it was answered.
#[derive(Clone, Copy, Debug)]
struct Request {
    length: u32,
    /// Whether it may be for less: its length was not captured.
    within: bool,
    /// The first of those that are not answered.
    span: Span,
    /// Not answered and not cancelled.
    live: u32,
    /// Cancelled, and not answered all the same.
    cancelled: u32,
    /// The place behind it in the stream of those who ask.
    place: u64,
    number: u64,
    /// Chokes before it: what was asked for before one is mostly asked for again, and answered once.
    chokes: u64,
}

impl Request {
    /// Whether all were answered or rejected.
    fn is_settled(&self) -> bool {
        self.live == 0 && self.cancelled == 0
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Overflow {
    #[default]
    Never,
    Untold,
    Told,
}

impl Outstanding {
    pub(super) fn new(most: usize) -> Self {
        // A type that gives back when it is dropped is not taken apart.
        let mut outstanding = Self::default();
        outstanding.most = most;
        outstanding
    }

    /// From now on more are remembered while there is room.
    pub(super) fn share(&mut self, room: &RequestRoom) {
        self.room = room.clone();
    }

    /// Gives back what was drawn for requests that are not remembered any more.
    fn give_back(&mut self) {
        let needed = self.requests.len().saturating_sub(self.most);
        if self.drawn > needed {
            self.room.give_back(self.drawn - needed);
            self.drawn = needed;
        }
    }

    /// Takes a request that ends at or before `place` in the stream.
    pub(super) fn request(&mut self, block: BlockRef, span: Span, place: u64) {
        self.add(block, false, span, place);
    }

    /// The same of one for a block of at most this length.
    pub(super) fn request_within(&mut self, block: BlockRef, span: Span, place: u64) {
        self.add(block, true, span, place);
    }

    fn add(&mut self, block: BlockRef, within: bool, span: Span, place: u64) {
        let key = (block.piece, block.begin);
        self.next += 1;
        let (number, chokes) = (self.next, self.chokes);
        let fresh = Request { length: block.length, within, span, live: 1, cancelled: 0, place, number, chokes };
        match self.requests.get_mut(&key) {
            Some(known) if known.length == block.length && known.chokes == self.chokes => {
                if known.live == 0 {
                    (known.span, known.place) = (span, place);
                }
                (known.live, known.number) = (known.live.saturating_add(1), self.next);
            }
            Some(known) => *known = fresh,
            None => {
                self.requests.insert(key, fresh);
            }
        }
        self.order.push_back((self.next, key));
        if self.requests.len() > self.most + self.drawn && self.room.take() {
            self.drawn += 1;
        }
        if self.requests.len() > self.most + self.drawn {
            while let Some((number, oldest)) = self.order.pop_front() {
                if self.is_live(number, oldest) {
                    self.requests.remove(&oldest);
                    self.overflow = if self.overflow == Overflow::Never { Overflow::Untold } else { self.overflow };
                    break;
                }
            }
        }
        self.sweep();
    }

    /// Answered requests leave their place behind; they are swept when they outnumber the live ones.
    fn sweep(&mut self) {
        let live = self.requests.len();
        if self.order.len() > 2 * self.most.min(live + SPARE).max(live) {
            let requests = &self.requests;
            self.order.retain(|(number, key)| requests.get(key).is_some_and(|request| request.number == *number));
        }
    }

    /// At most `most` requests that still wait for an answer, the oldest first. None where the last block answered no
    /// request that was seen: then others were not seen either, and the order of those that were tells nothing.
    pub(super) fn oldest(&self, most: usize) -> Vec<BlockRef> {
        if self.unasked {
            return Vec::new();
        }
        let waiting = |(number, key): &(u64, (u32, u32))| {
            let request = self.requests.get(key).filter(|request| request.number == *number)?;
            // A choke may have dropped what was asked for before it.
            let waits = request.live > 0 && request.chokes == self.chokes;
            waits.then_some(BlockRef { piece: key.0, begin: key.1, length: request.length })
        };
        self.order.iter().filter_map(waiting).take(most).collect()
    }

    fn is_live(&self, number: u64, key: (u32, u32)) -> bool {
        self.requests.get(&key).is_some_and(|request| request.number == number)
    }

    /// The other side choked.
    pub(super) fn choke(&mut self) {
        self.chokes += 1;
    }

    pub(super) fn cancel(&mut self, block: BlockRef) {
        if let Some(request) = self.requests.get_mut(&(block.piece, block.begin)) {
            request.cancelled = request.cancelled.saturating_add(request.live);
            request.live = 0;
        }
    }

    /// The other side will not answer one request for this block: rather one that was cancelled (BEP 6).
    pub(super) fn reject(&mut self, block: BlockRef) {
        let key = (block.piece, block.begin);
        let Some(request) = self.requests.get_mut(&key) else { return };
        if request.cancelled > 0 {
            request.cancelled -= 1;
        } else {
            request.live = request.live.saturating_sub(1);
        }
        if request.is_settled() {
            self.forget(key);
        }
    }

    fn forget(&mut self, key: (u32, u32)) {
        self.requests.remove(&key);
        self.give_back();
        self.sweep();
    }

    /// The place in the stream behind the request that a block there would answer.
    pub(super) fn place(&self, piece: u32, begin: u32) -> Option<u64> {
        self.requests.get(&(piece, begin)).map(|request| request.place)
    }

    /// Takes the request that a block of `len` bytes answers.
    pub(super) fn answer(&mut self, piece: u32, begin: u32, len: u32) -> Answer {
        let Some(request) = self.requests.get_mut(&(piece, begin)).filter(|request| len <= request.length) else {
            self.unasked = true;
            return Answer::Unasked;
        };
        self.unasked = false;
        let answer = if request.live > 0 {
            request.live -= 1;
            Answer::Solicited(request.span)
        } else {
            request.cancelled = request.cancelled.saturating_sub(1);
            Answer::Cancelled(request.span)
        };
        if request.is_settled() {
            self.forget((piece, begin));
        }
        answer
    }

    pub(super) fn contains(&self, block: BlockRef) -> bool {
        self.requests.get(&(block.piece, block.begin)).is_some_and(|request| {
            request.length == block.length || (request.within && block.length < request.length)
        })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }

    pub(super) fn overflowed(&self) -> bool {
        self.overflow != Overflow::Never
    }

    /// Whether requests were forgotten and nobody was told yet.
    pub(super) fn take_overflow(&mut self) -> bool {
        let untold = self.overflow == Overflow::Untold;
        if untold {
            self.overflow = Overflow::Told;
        }
        untold
    }
}

impl Expectation for Outstanding {
    fn awaits(&self, block: BlockRef) -> bool {
        self.contains(block)
    }

    fn any(&self) -> bool {
        !self.is_empty()
    }

    fn answered_by(&self, begins: &[u8]) -> Option<BlockRef> {
        let waiting = self.requests.iter().filter(|(_, request)| request.live > 0 && !request.within);
        let blocks = waiting.map(|(key, request)| BlockRef { piece: key.0, begin: key.1, length: request.length });
        let mut fitting = blocks.filter(|block| block.answer().starts_with(begins));
        fitting.next().filter(|_| fitting.next().is_none())
    }

    fn in_order(&self, most: usize) -> Vec<BlockRef> {
        self.oldest(most)
    }
}

impl Drop for Outstanding {
    fn drop(&mut self) {
        self.room.give_back(self.drawn);
    }
}

// Rationale: a sweep is worth its cost only when it finds a few dozen.
const SPARE: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ends::{At, FrameId, Timestamp};

    fn span(n: u64) -> Span {
        Span::single(At { time: Timestamp(0), frame: FrameId::new(0, n) })
    }

    fn block(piece: u32) -> BlockRef {
        BlockRef { piece, begin: 0, length: 16_384 }
    }

    #[test]
    fn a_request_is_answered_once() {
        let mut outstanding = Outstanding::new(8);
        outstanding.request(block(1), span(1), 0);
        assert_eq!(outstanding.answer(1, 0, 16_384), Answer::Solicited(span(1)));
        assert_eq!(outstanding.answer(1, 0, 16_384), Answer::Unasked);
    }

    #[test]
    fn a_cancelled_request_is_told_apart_from_none() {
        let mut outstanding = Outstanding::new(8);
        outstanding.request(block(1), span(1), 0);
        outstanding.cancel(block(1));
        assert_eq!(outstanding.answer(1, 0, 16_384), Answer::Cancelled(span(1)));
    }

    #[test]
    fn a_block_asked_for_twice_may_be_answered_twice() {
        let mut outstanding = Outstanding::new(8);
        outstanding.request(block(1), span(1), 0);
        outstanding.request(block(1), span(2), 0);
        assert_eq!(
            [0; 3].map(|_| outstanding.answer(1, 0, 16_384)),
            [Answer::Solicited(span(1)), Answer::Solicited(span(1)), Answer::Unasked]
        );
    }

    #[test]
    fn a_block_asked_for_again_after_its_cancel_is_solicited_and_the_cancelled_one_told_apart() {
        let mut outstanding = Outstanding::new(8);
        outstanding.request(block(1), span(1), 0);
        outstanding.cancel(block(1));
        outstanding.request(block(1), span(3), 0);
        assert_eq!(outstanding.answer(1, 0, 16_384), Answer::Solicited(span(3)));
        assert_eq!(outstanding.answer(1, 0, 16_384), Answer::Cancelled(span(3)));
        assert_eq!(outstanding.answer(1, 0, 16_384), Answer::Unasked);
    }

    #[test]
    fn a_reject_answers_the_cancelled_request_before_the_one_that_was_made_again() {
        let mut outstanding = Outstanding::new(8);
        outstanding.request(block(1), span(1), 0);
        outstanding.cancel(block(1));
        outstanding.request(block(1), span(3), 0);
        outstanding.reject(block(1));
        assert_eq!(outstanding.answer(1, 0, 16_384), Answer::Solicited(span(3)));
        outstanding.request(block(1), span(4), 0);
        outstanding.reject(block(1));
        assert_eq!(outstanding.answer(1, 0, 16_384), Answer::Unasked);
    }

    #[test]
    fn a_longer_block_than_asked_for_is_no_answer() {
        let mut outstanding = Outstanding::new(8);
        outstanding.request(block(1), span(1), 0);
        assert_eq!(outstanding.answer(1, 0, 32_768), Answer::Unasked);
    }

    #[test]
    fn the_oldest_request_is_forgotten_first_and_told_once() {
        let mut outstanding = Outstanding::new(4);
        (0..5).for_each(|piece| outstanding.request(block(piece), span(u64::from(piece) + 1), 0));
        assert!(outstanding.take_overflow() && !outstanding.take_overflow() && outstanding.overflowed());
        assert_eq!(outstanding.answer(0, 0, 16_384), Answer::Unasked);
        assert_eq!(outstanding.answer(4, 0, 16_384), Answer::Solicited(span(5)));
    }

    #[test]
    fn with_room_spare_requests_make_nobody_forget_one_and_the_room_is_given_back() {
        let room = RequestRoom::new(10);
        let [mut one, mut other] = [(); 2].map(|()| Outstanding::new(4));
        one.share(&room);
        other.share(&room);
        (0..14).for_each(|piece| one.request(block(piece), span(1), 0));
        assert!(!one.overflowed());
        assert_eq!(one.answer(0, 0, 16_384), Answer::Solicited(span(1)));
        (0..6).for_each(|piece| other.request(block(piece), span(1), 0));
        assert!(other.overflowed() && other.answer(0, 0, 16_384) == Answer::Unasked);
        assert_eq!(other.answer(1, 0, 16_384), Answer::Solicited(span(1)));
        one.request(block(20), span(1), 0);
        assert!(!one.overflowed());
        drop((one, other));
        assert_eq!(room.0.get(), 10);
    }

    #[test]
    fn what_waits_is_told_oldest_first_without_what_was_answered_cancelled_or_rejected() {
        let mut outstanding = Outstanding::new(1_000);
        (0..500).for_each(|piece| outstanding.request(block(piece), span(1), 0));
        let answered = (0..490).filter(|piece| outstanding.answer(*piece, 0, 16_384) != Answer::Unasked);
        assert_eq!(answered.count(), 490);
        assert!(outstanding.order.len() <= 2 * (10 + SPARE));
        outstanding.cancel(block(491));
        outstanding.reject(block(492));
        outstanding.request(block(490), span(2), 0);
        let pieces: Vec<_> = outstanding.oldest(9).iter().map(|block| block.piece).collect();
        assert_eq!(pieces, [493, 494, 495, 496, 497, 498, 499, 490]);
        assert_eq!(outstanding.oldest(2), [block(493), block(494)]);
        assert_eq!(outstanding.answer(700, 0, 16_384), Answer::Unasked);
        assert!(outstanding.oldest(9).is_empty());
        outstanding.answer(493, 0, 16_384);
        assert_eq!(outstanding.oldest(1), [block(494)]);
    }

    #[test]
    fn a_million_answered_requests_leave_nothing_behind() {
        let mut outstanding = Outstanding::new(4);
        for piece in 0..1_000_000 {
            outstanding.request(block(piece), span(1), 0);
            outstanding.answer(piece, 0, 16_384);
        }
        assert!(outstanding.order.len() <= 8 && !outstanding.overflowed());
    }
}
