//! The requests of one side that were not answered yet.

use std::cell::Cell;
use std::collections::VecDeque;
use std::rc::Rc;

use hashbrown::HashMap;

use crate::ends::Span;
use crate::limits::LEAST_REQUESTS;
use crate::wire::{BlockRef, Expectation};

/// The request that a block answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A request seen before and not cancelled.
    Solicited(Span),
    /// A request that was cancelled before the block was sent.
    Cancelled(Span),
    /// No request in the capture.
    Unasked,
}

/// The budget for the requests of all connections of a run. Within it, each direction remembers all of its own; beyond it,
/// whoever has more than a fair share forgets, so that spare requests of one connection make no other forget one. As much
/// again is there for fair shares; beyond that, each direction may remember a few.
#[derive(Clone, Debug, Default)]
pub struct RequestBudget(Rc<RequestCounts>);

#[derive(Debug, Default)]
struct RequestCounts {
    most: usize,
    requests: Cell<usize>,
    /// Directions with a request.
    directions: Cell<usize>,
}

impl RequestBudget {
    /// A budget of `requests`.
    pub fn new(requests: usize) -> Self {
        Self(Rc::new(RequestCounts { most: requests, ..RequestCounts::default() }))
    }

    /// A direction has so many requests now, where it had `before`.
    fn note(&self, before: usize, now: usize) {
        let RequestCounts { requests, directions, .. } = &*self.0;
        requests.set((requests.get() + now).saturating_sub(before));
        directions.set((directions.get() + usize::from(now > 0)).saturating_sub(usize::from(before > 0)));
    }

    /// How many a direction may have now.
    fn share(&self) -> usize {
        let RequestCounts { most, requests, directions } = &*self.0;
        match requests.get() {
            held if held <= *most => usize::MAX,
            held if held / 2 <= *most => (most / directions.get().max(1)).max(LEAST_REQUESTS),
            _ => LEAST_REQUESTS,
        }
    }
}

/// Requests by piece and begin.
///
/// # Invariants
/// - At most its share of the budget, or `most` without one; the oldest is forgotten first, and that is told once.
/// - `order` is at most twice as long as what is live, but for a few.
#[derive(Debug, Default)]
pub(super) struct Outstanding {
    requests: HashMap<(u32, u32), Request, foldhash::quality::FixedState>,
    /// In order of arrival; live while the request still has that number.
    order: VecDeque<(u64, (u32, u32))>,
    next: u64,
    chokes: u64,
    most: usize,
    budget: Option<RequestBudget>,
    /// Requests that the budget knows of.
    known: usize,
    overflow: Overflow,
    /// True if the last block answered no request that was seen.
    unasked: bool,
}

/// The requests for one block: a client may ask again before it was answered.
#[derive(Clone, Copy, Debug)]
struct Request {
    length: u32,
    /// True if the request may be for less than `length`, which was not captured.
    within: bool,
    /// The first of those that are not answered.
    span: Span,
    /// Not answered and not cancelled.
    live: u32,
    /// Not answered and not cancelled, from before the last choke, and asked for again since: most clients drop them, those with
    /// the Fast Extension answer them too (BEP 6).
    before: u32,
    /// Cancelled, and not answered all the same.
    cancelled: u32,
    /// The place behind it in the stream of those who ask.
    place: u64,
    number: u64,
    /// Chokes before it: what was asked for before one is mostly asked for again, and answered once.
    chokes: u64,
}

impl Request {
    /// Returns true if all requests for the block were answered or rejected.
    fn is_settled(&self) -> bool {
        self.live == 0 && self.before == 0 && self.cancelled == 0
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

    /// Remembers as many as `budget` allows from now on.
    pub(super) fn share(&mut self, budget: &RequestBudget) {
        self.budget = Some(budget.clone());
        self.tell_room();
    }

    fn tell_room(&mut self) {
        let now = self.requests.len();
        if let Some(budget) = &self.budget {
            budget.note(std::mem::replace(&mut self.known, now), now);
        }
    }

    fn may_have(&self) -> usize {
        self.budget.as_ref().map_or(self.most, RequestBudget::share)
    }

    /// Takes a request that ends at or before `place` in the stream.
    pub(super) fn request(&mut self, block: BlockRef, span: Span, place: u64) {
        self.add(block, false, span, place);
    }

    /// Takes a request for a block of at most this length, ending at or before `place`.
    pub(super) fn request_within(&mut self, block: BlockRef, span: Span, place: u64) {
        self.add(block, true, span, place);
    }

    fn add(&mut self, block: BlockRef, within: bool, span: Span, place: u64) {
        let key = (block.piece, block.begin);
        self.next += 1;
        let (number, chokes) = (self.next, self.chokes);
        let length = block.length;
        let fresh = Request { length, within, span, live: 1, before: 0, cancelled: 0, place, number, chokes };
        match self.requests.get_mut(&key) {
            Some(known) if known.length == block.length && known.chokes == self.chokes => {
                if known.live == 0 {
                    (known.span, known.place) = (span, place);
                }
                (known.live, known.number) = (known.live.saturating_add(1), self.next);
            }
            Some(known) if known.length == block.length => {
                *known = Request { before: known.before.saturating_add(known.live), ..fresh };
            }
            Some(known) => *known = fresh,
            None => {
                self.requests.insert(key, fresh);
            }
        }
        self.order.push_back((self.next, key));
        self.tell_room();
        while self.requests.len() > self.may_have() {
            let Some((number, oldest)) = self.order.pop_front() else { break };
            if self.is_live(number, oldest) {
                self.requests.remove(&oldest);
                self.tell_room();
                self.overflow = if self.overflow == Overflow::Never { Overflow::Untold } else { self.overflow };
            }
        }
        self.sweep();
    }

    /// Answered requests leave their place behind; they are swept when they outnumber the live ones.
    fn sweep(&mut self) {
        let live = self.requests.len();
        if self.order.len() > 2 * (live + SPARE) {
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
            request.cancelled = request.cancelled.saturating_add(request.live).saturating_add(request.before);
            (request.live, request.before) = (0, 0);
        }
    }

    /// The other side will not answer one request for this block: rather one that was cancelled (BEP 6).
    pub(super) fn reject(&mut self, block: BlockRef) {
        let key = (block.piece, block.begin);
        let Some(request) = self.requests.get_mut(&key) else { return };
        if request.cancelled > 0 {
            request.cancelled -= 1;
        } else {
            // A choke of BEP 6 rejects what was asked for before it, one by one.
            let from = if request.before > 0 { &mut request.before } else { &mut request.live };
            *from = from.saturating_sub(1);
        }
        if request.is_settled() {
            self.forget(key);
        }
    }

    fn forget(&mut self, key: (u32, u32)) {
        self.requests.remove(&key);
        self.tell_room();
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
        } else if request.before > 0 {
            request.before -= 1;
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

    /// Returns true, once, after requests were forgotten because the bound was reached.
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
        if let Some(budget) = &self.budget {
            budget.note(self.known, 0);
        }
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
    fn a_block_asked_for_before_and_behind_a_choke_may_be_answered_twice() {
        let mut outstanding = Outstanding::new(8);
        outstanding.request(block(1), span(1), 0);
        outstanding.choke();
        outstanding.request(block(1), span(2), 0);
        assert_eq!(outstanding.oldest(9), [block(1)]);
        assert_eq!(outstanding.answer(1, 0, 16_384), Answer::Solicited(span(2)));
        assert_eq!(outstanding.oldest(9), [], "most clients answer once");
        assert_eq!(outstanding.answer(1, 0, 16_384), Answer::Solicited(span(2)));
        assert_eq!(outstanding.answer(1, 0, 16_384), Answer::Unasked);
        // BEP 6: a choke rejects each of them.
        outstanding.request(block(2), span(3), 0);
        outstanding.choke();
        outstanding.reject(block(2));
        outstanding.request(block(2), span(4), 0);
        assert_eq!(outstanding.answer(2, 0, 16_384), Answer::Solicited(span(4)));
        assert_eq!(outstanding.answer(2, 0, 16_384), Answer::Unasked);
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
    fn with_room_nobody_forgets_a_request_and_without_it_whoever_has_more_than_others_does() {
        let budget = RequestBudget::new(40);
        let [mut greedy, mut modest, mut late] = [(); 3].map(|()| Outstanding::new(4));
        [&mut greedy, &mut modest, &mut late].into_iter().for_each(|one| one.share(&budget));
        let asked = |one: &mut Outstanding, pieces: std::ops::Range<u32>| {
            pieces.for_each(|piece| one.request(block(piece), span(1), 0));
        };
        asked(&mut greedy, 0..30);
        asked(&mut modest, 0..10);
        assert!(!greedy.overflowed() && !modest.overflowed());
        assert_eq!(greedy.answer(0, 0, 16_384), Answer::Solicited(span(1)));
        // The budget is spent now, and each may have a third of it.
        asked(&mut late, 0..13);
        assert!(!late.overflowed() && late.answer(0, 0, 16_384) == Answer::Solicited(span(1)));
        asked(&mut modest, 10..13);
        assert!(!modest.overflowed() && modest.answer(0, 0, 16_384) == Answer::Solicited(span(1)));
        asked(&mut greedy, 30..31);
        assert!(greedy.take_overflow() && greedy.answer(14, 0, 16_384) == Answer::Unasked);
        assert_eq!(greedy.answer(15, 0, 16_384), Answer::Solicited(span(1)));
        assert_eq!((budget.0.requests.get(), budget.0.directions.get()), (39, 3));
        drop((greedy, modest, late));
        assert_eq!((budget.0.requests.get(), budget.0.directions.get()), (0, 0));
    }

    #[test]
    fn any_number_of_connections_with_spare_requests_hold_no_more_than_their_room() {
        let budget = RequestBudget::new(1_000);
        let mut all: Vec<Outstanding> = (0..100).map(|_| Outstanding::new(16_384)).collect();
        for one in &mut all {
            one.share(&budget);
            (0..17_000).for_each(|piece| one.request(block(piece), span(1), 0));
        }
        let held: usize = all.iter().map(|one| one.requests.len()).sum();
        assert!(held <= 2 * 1_000 + 100 * LEAST_REQUESTS, "{held} requests");
        assert!(all.iter().all(|one| one.requests.len() >= LEAST_REQUESTS && one.overflowed()));
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
        assert!(outstanding.order.len() <= 2 * (SPARE + 1) && !outstanding.overflowed());
    }
}
