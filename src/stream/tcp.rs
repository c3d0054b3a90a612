//! TCP (RFC 9293): sequence numbers to stream offsets, acknowledgements, holes, and the life of a connection.
//!
//! - A direction whose SYN was not captured starts where the SYN-ACK says, or else at the lowest of its first three segments (or of
//!   those seen before the counterpart acknowledged them). Bytes before that start come out as
//!   [`StreamItem::Late`] with offset 0.
//! - A hole is waited for. It becomes a gap when the bound on waiting segments is reached, when the receiver has
//!   acknowledged it and between one and two waiting periods have passed since (a period is
//!   `acked_hole_wait_ns` of capture time or 1,024 segments), or when the connection is closed.
//! - SYN and FIN occupy a sequence number each but no stream offset. Bytes sent at or behind a FIN disprove it,
//!   whichever was captured first.
//! - Segments more than 1 GiB ahead or 16 MiB behind are [`StreamItem::OutOfWindow`], unless four in a row continue
//!   each other: then the stream goes on with them behind a gap of unknown length.
//! - A segment that acknowledges bytes which were not seen yet waits for them as long as holes are waited for, and then
//!   comes behind them, with [`StreamItem::Answers`].
//! - Neither FIN nor RST stops a direction, as either may be forged or reordered: [`StreamItem::End`] comes
//!   with [`TcpConnection::close`].

mod ended;
mod side;

use super::gate::{self, Gate, place};
use super::{EndReason, StreamItem, StreamLimits};
use crate::ends::{At, Direction};
use crate::packet::TcpSegment;
pub use ended::{Ended, Leftover};
use side::Side;

/// Both directions of one TCP connection.
#[derive(Debug)]
pub struct TcpConnection<'cap> {
    sides: [Side<'cap>; 2],
    /// Segments that wait for bytes of the other direction.
    gates: [Gate<TcpSegment<'cap>>; 2],
    limits: StreamLimits,
    opening: Opening,
    /// Who sent an RST.
    reset: Option<Direction>,
    /// A SYN or SYN-ACK with other numbers, that would begin another connection.
    challenge: Option<Box<Challenge<'cap>>>,
}

/// A SYN (or SYN-ACK) with other numbers than those of the connection: whoever knows the addresses can forge one, so it
/// has to be answered, or gone on with, before it counts.
#[derive(Clone, Copy, Debug)]
struct Challenge<'cap> {
    at: At,
    direction: Direction,
    segment: TcpSegment<'cap>,
    /// Whether it was told that the connection went on.
    told: bool,
}

/// What was captured of a connection's opening: evidence that both endpoints really took part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Opening {
    /// The direction of the first SYN (of ST_SYN in uTP); `None` when neither it nor its answer was captured.
    pub initiator: Option<Direction>,
    /// The SYN (ST_SYN).
    pub syn: Option<At>,
    /// The SYN-ACK that answers it (uTP: the ST_STATE).
    pub syn_ack: Option<At>,
    /// The initiator's first segment that acknowledges the SYN-ACK (uTP: its first packet after the ST_STATE).
    pub ack: Option<At>,
}

impl<'cap> TcpConnection<'cap> {
    /// A connection of which nothing was seen yet; allocates nothing.
    pub fn new(limits: &StreamLimits) -> Self {
        Self {
            sides: [Side::default(), Side::default()],
            gates: Default::default(),
            limits: *limits,
            opening: Opening::default(),
            reset: None,
            challenge: None,
        }
    }

    /// Whether `segment` belongs to another connection on the same addresses, so that the caller must close this
    /// one with [`EndReason::Replaced`] and begin a new one: a SYN with another initial sequence number, or, after
    /// FIN in both directions or RST, bytes far from where this connection stopped. While both directions of it send,
    /// the SYN alone is not enough: a segment that fits it has to follow, see [`opened_by`](Self::opened_by).
    pub fn is_replaced_by(&self, direction: Direction, segment: &TcpSegment<'cap>) -> bool {
        let this = self.side(direction);
        if segment.flags.rst {
            return false;
        }
        if self.opened_by(direction, segment).is_some() {
            return true;
        }
        if segment.flags.syn {
            return !self.sends_both_ways() && self.begins_another(direction, segment);
        }
        self.is_over()
            && segment.payload.wire_len > 0
            && this.distance(segment.seq).is_some_and(|distance| distance.abs() > NEAR)
    }

    /// Whether a SYN that was pushed waits for segments that fit it.
    #[inline]
    pub fn is_challenged(&self) -> bool {
        self.challenge.is_some()
    }

    /// The SYN that `segment` answers or goes on from, if it belongs to the connection that a SYN pushed before opened:
    /// it is the first segment of the new one.
    pub fn opened_by(
        &self,
        direction: Direction,
        segment: &TcpSegment<'cap>,
    ) -> Option<(At, Direction, TcpSegment<'cap>)> {
        let challenge = self.challenge.as_deref()?;
        let syn = &challenge.segment;
        let begins = Some(syn.seq.wrapping_add(1));
        let (own, other) = if direction == challenge.direction { (begins, syn.ack) } else { (syn.ack, begins) };
        let fits = if segment.flags.rst {
            false
        } else if segment.flags.syn {
            let answers = segment.ack.is_some() && segment.ack == other && syn.ack.is_none();
            let is_answered = segment.ack.is_none() && Some(segment.seq.wrapping_add(1)) == own;
            direction != challenge.direction && (answers || is_answered)
        } else {
            let goes_on = |number: u32, start: Option<u32>, side: &Side<'cap>| {
                let (Some(start), Some(distance)) = (start, side.distance(number)) else { return false };
                let is_near = distance.abs() <= NEAR;
                (number == start && distance != 0) || (!is_near && (0..=NEAR).contains(&signed(number, start)))
            };
            goes_on(segment.seq, own, self.side(direction))
                || segment
                    .ack
                    .is_some_and(|ack| own.is_none() && goes_on(ack, other, self.side(direction.reverse())))
        };
        fits.then_some((challenge.at, challenge.direction, challenge.segment))
    }

    /// Whether bytes of both directions were captured, and neither ended both nor reset the connection.
    fn sends_both_ways(&self) -> bool {
        !self.is_over() && self.sides.iter().all(|side| side.reorder.seen_end() > 0)
    }

    /// Whether a SYN or SYN-ACK has other numbers than this connection.
    fn begins_another(&self, direction: Direction, segment: &TcpSegment<'cap>) -> bool {
        let (this, that) = (self.side(direction), self.side(direction.reverse()));
        match (this.isn, this.relative(segment.seq.wrapping_add(1))) {
            (Some(isn), _) => isn != segment.seq,
            // Its own SYN, captured late, stands just before what was taken for the start.
            (None, Some(start)) => !(-NEAR..=0).contains(&start),
            (None, None) if !this.held.is_empty() => false,
            (None, None) => segment.ack.is_none() && that.reorder.seen_end() > 0,
        }
    }

    /// Keeps a SYN of another connection apart; whether it is one.
    #[cold]
    fn is_challenge(&mut self, at: At, direction: Direction, segment: &TcpSegment<'cap>) -> bool {
        if segment.flags.rst || !self.sends_both_ways() || !self.begins_another(direction, segment) {
            return false;
        }
        let told = self.challenge.as_ref().is_some_and(|before| before.told && before.segment.seq == segment.seq);
        self.challenge = Some(Box::new(Challenge { at, direction, segment: *segment, told }));
        true
    }

    /// Tells of a SYN that the connection went on as if there were none.
    #[cold]
    fn tell_challenge(
        &mut self,
        direction: Direction,
        segment: &TcpSegment<'cap>,
        out: &mut Vec<(Direction, StreamItem<'cap>)>,
    ) {
        let len = i64::from(segment.payload.wire_len);
        let is_new = self
            .side(direction)
            .distance(segment.seq)
            .is_some_and(|distance| len > 0 && distance.abs() <= NEAR && distance + len > 0);
        if let Some(challenge) = self.challenge.as_deref_mut().filter(|challenge| is_new && !challenge.told) {
            challenge.told = true;
            out.push((challenge.direction, StreamItem::OutOfWindow { len: 0, at: challenge.at }));
        }
    }

    /// Takes a segment sent in `direction`; appends what it makes known to `out`.
    ///
    /// Acknowledgements come out under the direction of the bytes that they confirm.
    #[inline]
    pub fn push(
        &mut self,
        at: At,
        direction: Direction,
        segment: &TcpSegment<'cap>,
        out: &mut Vec<(Direction, StreamItem<'cap>)>,
    ) {
        if segment.flags.syn && self.is_challenge(at, direction, segment) {
            return;
        }
        if self.is_challenged() {
            self.tell_challenge(direction, segment, out);
        }
        if segment.flags.syn || (self.opening.ack.is_none() && self.opening.initiator == Some(direction)) {
            self.note_opening(at, direction, segment);
        }
        let (limits, start) = (self.limits, out.len());
        let [low, high] = &mut self.sides;
        let (this, that) = match direction {
            Direction::LowToHigh => (low, high),
            Direction::HighToLow => (high, low),
        };
        if let (true, Some(ack)) = (segment.flags.syn, segment.ack) {
            that.begin(ack);
        }
        // The acknowledgement of an RST is often made up.
        if let Some(ack) = segment.ack.filter(|_| !segment.flags.rst) {
            that.acknowledge(ack, at, &limits, &mut |item| out.push((direction.reverse(), item)));
        }
        let mut emit = |item| out.push((direction, item));
        this.last = Some(at);
        if segment.flags.rst {
            if this.distance(segment.seq).is_none_or(|distance| distance.abs() <= NEAR) {
                self.reset = Some(direction);
            } else {
                emit(StreamItem::OutOfWindow { len: u64::from(segment.payload.wire_len), at });
            }
            // The payload of an RST is a diagnostic text, not stream data (RFC 9293, section 3.5.3).
            return;
        }
        let ahead = if segment.payload.wire_len > 0 { segment.ack.and_then(|ack| that.lacks(ack)) } else { None };
        let mut taken = true;
        if ahead.is_some() || self.gates.iter().any(|gate| !gate.is_empty()) {
            self.push_ahead(at, direction, segment, start, out);
        } else {
            taken = this.receive(at, segment, &limits, &mut emit);
        }
        if taken && self.reset == Some(direction) && segment.payload.wire_len > 0 {
            // Who goes on sending has not reset the connection: the RST was forged.
            self.reset = None;
        }
    }

    /// Ends both directions: waiting bytes are delivered, holes become gaps, and so do bytes that were
    /// acknowledged, or stand before a FIN, but were not captured.
    ///
    /// A direction with a FIN ends as [`EndReason::Finished`]; else, after an RST, as [`EndReason::Reset`]; else
    /// as `reason` says.
    pub fn close(&mut self, reason: EndReason, out: &mut Vec<(Direction, StreamItem<'cap>)>) {
        let reason = if self.reset.is_some() { EndReason::Reset } else { reason };
        self.open(None, out.len(), out);
        for direction in [Direction::LowToHigh, Direction::HighToLow] {
            let limits = self.limits;
            let [low, high] = &mut self.sides;
            let side = if direction == Direction::LowToHigh { low } else { high };
            side.close(reason, &limits, &mut |item| out.push((direction, item)));
        }
    }

    /// Takes a segment while one of them waits, or it has to.
    #[cold]
    fn push_ahead(
        &mut self,
        at: At,
        direction: Direction,
        segment: &TcpSegment<'cap>,
        start: usize,
        out: &mut Vec<(Direction, StreamItem<'cap>)>,
    ) {
        let limits = self.limits;
        let reverse = direction.reverse();
        let ack = segment.ack.filter(|_| segment.payload.wire_len > 0);
        let need = ack.and_then(|ack| self.side(reverse).lacks(ack));
        match need.filter(|_| self.side(direction).has_begun()) {
            Some(need) => self.gates[direction.index()].hold(need, at, *segment),
            None => {
                let side = &mut self.sides[direction.index()];
                side.receive(at, segment, &limits, &mut |item| out.push((direction, item)));
            }
        }
        self.open(Some(at), start, out);
    }

    /// Lets the segments pass that need not wait, each at its place in the items from `start` on.
    fn open(&mut self, now: Option<At>, start: usize, out: &mut Vec<(Direction, StreamItem<'cap>)>) {
        loop {
            let came = [self.sides[0].reorder.next(), self.sides[1].reorder.next()];
            let Some((direction, waiting)) = gate::open(&mut self.gates, came, now, &self.limits) else { return };
            let reverse = direction.reverse();
            let [low, high] = &mut self.sides;
            let (this, that) = match direction {
                Direction::LowToHigh => (low, high),
                Direction::HighToLow => (high, low),
            };
            // What waits there may be what fills the hole.
            if self.gates[reverse.index()].is_empty() {
                let at = now.unwrap_or(waiting.at);
                that.give_up_before(waiting.need, at, &self.limits, &mut |item| out.push((reverse, item)));
            }
            let mut items = vec![(direction, StreamItem::Answers { at: waiting.at, upto: waiting.need })];
            let mut emit = |item| items.push((direction, item));
            this.receive(waiting.at, &waiting.packet, &self.limits, &mut emit);
            let place = place(out, start, direction, |offset| offset < waiting.need);
            out.splice(place..place, items);
        }
    }

    /// Who opened the connection, and the frames that prove it.
    pub fn opening(&self) -> Opening {
        self.opening
    }

    /// The initial sequence numbers, the initiator's first; `None` unless the SYN and its answer were captured.
    pub fn initial_numbers(&self) -> Option<[u32; 2]> {
        let initiator = self.opening.initiator.filter(|_| self.opening.syn_ack.is_some())?;
        Some([self.side(initiator).isn?, self.side(initiator.reverse()).isn?])
    }

    /// Whether an RST, or a FIN in both directions, was seen: the connection may be closed early to make room.
    pub fn is_over(&self) -> bool {
        self.reset.is_some() || self.sides.iter().all(|side| side.fin.is_some())
    }

    /// Whether it is over and nothing of it is open: an RST, or a FIN of each direction that the other one confirmed, and
    /// no byte waits for another one.
    pub fn is_settled(&self) -> bool {
        let confirmed = |side: &Side<'cap>| {
            side.fin.is_some_and(|fin| fin == side.reorder.next() && side.ack.is_some_and(|(ack, _)| ack > fin))
        };
        (self.reset.is_some() || self.sides.iter().all(confirmed))
            && self.sides.iter().all(|side| side.held.is_empty() && !side.reorder.is_waiting())
    }

    /// Sets what each direction may hold from now on.
    #[inline]
    pub fn limit(&mut self, limits: &StreamLimits) {
        self.limits = *limits;
    }

    /// How many slices wait behind holes; a segment that waits for what it answers counts as two.
    #[inline]
    pub fn waiting(&self) -> usize {
        let [low, high] = &self.sides;
        let [one, other] = &self.gates;
        low.reorder.waiting() + high.reorder.waiting() + 2 * (one.len() + other.len())
    }

    /// What must be remembered of it once it is over, to know what belongs to it.
    pub fn ended(&self) -> Ended {
        Ended::of(&self.sides)
    }

    /// Gives back what it holds to compare later segments with, and what waits; for a connection of which no more is
    /// read. [`is_replaced_by`](Self::is_replaced_by) goes on to tell.
    pub fn give_back(&mut self) {
        self.sides.iter_mut().for_each(Side::give_back);
        self.gates = Default::default();
    }

    fn side(&self, direction: Direction) -> &Side<'cap> {
        let [low, high] = &self.sides;
        match direction {
            Direction::LowToHigh => low,
            Direction::HighToLow => high,
        }
    }

    #[cold]
    fn note_opening(&mut self, at: At, direction: Direction, segment: &TcpSegment<'cap>) {
        let answered = self.side(direction.reverse()).isn.map(|isn| isn.wrapping_add(1));
        let opening = &mut self.opening;
        match (segment.flags.syn, segment.ack) {
            (true, None) if opening.initiator.is_none_or(|initiator| initiator == direction) => {
                opening.initiator = Some(direction);
                opening.syn.get_or_insert(at);
            }
            (true, Some(ack)) if answered.is_none_or(|answered| answered == ack) => {
                opening.initiator.get_or_insert(direction.reverse());
                if opening.initiator != Some(direction) {
                    opening.syn_ack.get_or_insert(at);
                }
            }
            // At or above: the bare ACK may be missing, and later segments prove as much.
            (false, Some(ack))
                if opening.syn_ack.is_some()
                    && !segment.flags.rst
                    && answered.is_some_and(|answered| (0..=NEAR).contains(&signed(ack, answered))) =>
            {
                opening.ack = Some(at);
            }
            _ => {}
        }
    }
}

/// `a - b` in sequence space: from -2^31 to 2^31 - 1.
fn signed(a: u32, b: u32) -> i64 {
    i64::from(a.wrapping_sub(b) as i32)
}

// Rationale: more than the windows that BitTorrent clients use; a random number falls within it once in 128.
const NEAR: i64 = 16 << 20;

#[cfg(test)]
mod tests;
