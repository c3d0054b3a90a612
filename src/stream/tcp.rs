//! TCP (RFC 9293): sequence numbers to stream offsets, acknowledgements, holes, and the life of a connection.
//!
//! - A direction whose SYN was not captured starts where the SYN-ACK says, or else at the lowest of its first three segments (or of
//!   those seen before the counterpart acknowledged them) that are near each other. Bytes before that start come out as
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
//! - A segment that acknowledges what was never sent, ahead of all that came, makes no hole: it waits until the stream, or an
//!   acknowledgement, comes to it. Where it never does, it is [`StreamItem::OutOfWindow`].
//! - A SYN with other numbers, and what its sender sends on from it, is kept apart until the other end answers it: anybody
//!   may have sent it. Where this connection goes on instead, it comes out as [`StreamItem::OutOfWindow`].
//! - Neither FIN nor RST stops a direction, as either may be forged or reordered: [`StreamItem::End`] comes
//!   with [`TcpConnection::close`].

mod ahead;
mod ended;
mod side;

use super::challenge::Challenge;
use super::path::{Ack, Number, ReturnPath};
use super::pending::{Ends, PendingPackets, PendingSide, both};
use super::unjudged::Sent;
use super::{EndReason, FilledHole, Numbers, StreamItem, StreamLimits, Unaccepted};
use crate::ends::{At, Direction};
use crate::packet::TcpSegment;
pub use ended::{Ended, Leftover};
use side::{Acknowledger, TcpSide};

/// Both directions of one TCP connection.
#[derive(Debug)]
pub struct TcpConnection<'cap> {
    sides: [TcpSide<'cap>; 2],
    /// Segments that wait for bytes of the other direction.
    pending: PendingPackets<TcpSegment<'cap>, u32>,
    limits: StreamLimits,
    opening: Opening,
    path: ReturnPath<u32>,
    /// Who sent an RST.
    reset: Option<Reset>,
    /// A SYN or SYN-ACK with other numbers, that would begin another connection.
    challenge: Option<Box<Challenge<TcpSegment<'cap>>>>,
}

/// An RST.
#[derive(Clone, Copy, Debug)]
struct Reset {
    direction: Direction,
    /// True if the RST has the number that the receiver expects: it ignores others (RFC 5961, section 3.2).
    exact: bool,
}

/// The captured part of a connection's opening: evidence that both endpoints really took part.
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
    /// By direction: whether its packets acknowledge a number that the other end used, so that whoever sent them received
    /// something of it. A reset shows nothing.
    pub confirmed: [bool; 2],
    /// By direction: whether the capture holds a packet of it.
    pub present: [bool; 2],
    /// True if both ends agreed to several paths (RFC 8684): bytes may have gone on others.
    pub multipath: bool,
}

impl<'cap> TcpConnection<'cap> {
    /// A connection of which nothing was seen yet; allocates nothing.
    pub fn new(limits: &StreamLimits) -> Self {
        Self {
            sides: [TcpSide::default(), TcpSide::default()],
            pending: PendingPackets::default(),
            limits: *limits,
            opening: Opening::default(),
            path: ReturnPath::default(),
            reset: None,
            challenge: None,
        }
    }

    /// The segments with which another connection on the same addresses begins, where `segment`, the next one, belongs to
    /// it: the caller must close this one with [`EndReason::Replaced`] and push them into a new one, then `segment`.
    ///
    /// A SYN with another initial sequence number begins one when the other end answers it, as anybody can send it in
    /// the name of an endpoint (T65); so do, after FIN in both directions or RST, bytes far from where this connection
    /// stopped. Where nothing of this connection was captured but a SYN, a new one is enough.
    pub fn replaced_by(
        &mut self,
        direction: Direction,
        segment: &TcpSegment<'cap>,
    ) -> Option<Vec<(At, Direction, TcpSegment<'cap>)>> {
        if segment.flags.rst {
            return None;
        }
        if let Some(challenge) = self.challenge.as_deref() {
            let (answered, follows) =
                (self.answers(challenge, direction, segment), self.follows(challenge, direction, segment));
            let another = segment.flags.syn && !self.side(challenge.direction.reverse()).was_seen();
            let alone = challenge.opening.flags.syn
                && !challenge.went_on
                && ((follows && challenge.is_full()) || (another && !follows && challenge.is_gone_on_from()));
            if answered || alone {
                return self.take_challenge();
            }
            if follows {
                return None;
            }
        }
        let this = self.side(direction);
        let far = || this.distance(segment.seq).is_some_and(|distance| distance.abs() > NEAR);
        let begins = if segment.flags.syn {
            let that = self.side(direction.reverse());
            let other = || segment.ack.is_none() && that.reorder.seen_end() > 0;
            self.begins_another(direction, segment).map_or_else(other, |another| another && !self.has_begun())
        } else {
            self.is_over() && segment.payload.wire_len > 0 && far()
        };
        begins.then(Vec::new)
    }

    /// Returns true if `segment` is the SYN that opened this connection once more, after its end or a long silence:
    /// it opens another one, unless it is a copy of the first.
    pub fn may_be_reopened_by(&self, at: At, direction: Direction, segment: &TcpSegment<'cap>) -> bool {
        let last = self.sides.iter().filter_map(|side| side.last).map(|at| at.time.0).max();
        let is_silent = || last.is_some_and(|last| at.time.0.saturating_sub(last) > SILENCE_NS);
        segment.flags.syn
            && !segment.flags.rst
            && segment.ack.is_none()
            && self.side(direction).isn == Some(segment.seq)
            && self.has_begun()
            && (self.is_over() || is_silent())
    }

    /// Returns true while a SYN that was pushed waits for an answer.
    #[inline]
    pub fn is_challenged(&self) -> bool {
        self.challenge.is_some()
    }

    /// A SYN with other numbers that was not answered, and what its sender sent on from it, where this connection did not
    /// go on: for the caller that ends this one, another connection.
    pub fn take_challenger(&mut self) -> Vec<(At, Direction, TcpSegment<'cap>)> {
        if self.challenge.as_ref().is_some_and(|challenge| challenge.went_on || !challenge.opening.flags.syn) {
            return Vec::new();
        }
        self.take_challenge().unwrap_or_default()
    }

    fn take_challenge(&mut self) -> Option<Vec<(At, Direction, TcpSegment<'cap>)>> {
        self.challenge.take().map(|challenge| challenge.into_packets())
    }

    /// Returns true if `segment` answers the challenge: it is of the other end, and acknowledges the SYN or a
    /// segment behind it.
    fn answers(
        &self,
        challenge: &Challenge<TcpSegment<'cap>>,
        direction: Direction,
        segment: &TcpSegment<'cap>,
    ) -> bool {
        let (syn, start) = (&challenge.opening, end_of(&challenge.opening));
        if direction == challenge.direction {
            return false;
        }
        if segment.flags.syn {
            let answers = segment.ack == Some(start) && syn.ack.is_none();
            let is_answered = segment.ack.is_none() && syn.ack == Some(segment.seq.wrapping_add(1));
            return answers || is_answered;
        }
        let (own, other) = (self.side(challenge.direction), self.side(direction));
        let acknowledges =
            |ack: u32| goes_on(ack, start, own) || challenge.held().any(|segment| end(segment) == ack);
        if !syn.flags.syn {
            return other.is_beyond_end(segment.seq) && segment.ack.is_some_and(acknowledges);
        }
        match syn.ack {
            // Its SYN-ACK is not in the captures.
            None => {
                let stays = other.distance(segment.seq).is_some_and(|distance| distance.abs() <= NEAR);
                !stays && segment.ack.is_some_and(acknowledges)
            }
            // Two answers to one SYN: the other end tells by what it acknowledges which of them is genuine.
            Some(begins) if other.isn.map(|isn| isn.wrapping_add(1)) == Some(begins) => {
                segment.ack.is_some_and(|ack| goes_on(ack, start, own))
            }
            Some(begins) => goes_on(segment.seq, begins, other) && segment.ack.is_none_or(acknowledges),
        }
    }

    /// Returns true if `segment` goes on from the challenge's own SYN.
    fn follows(
        &self,
        challenge: &Challenge<TcpSegment<'cap>>,
        direction: Direction,
        segment: &TcpSegment<'cap>,
    ) -> bool {
        let (start, own) = (end_of(&challenge.opening), self.side(direction));
        let behind = || challenge.held().last().is_some_and(|last| end(last) == segment.seq);
        direction == challenge.direction
            && !segment.flags.syn
            && (goes_on(segment.seq, start, own) || (own.distance(segment.seq) != Some(0) && behind()))
    }

    /// Returns true if more of the connection was captured than a SYN that nobody answered.
    fn has_begun(&self) -> bool {
        self.opening.syn_ack.is_some()
            || self.sides.iter().any(|side| side.reorder.seen_end() > 0 || !side.held.is_empty())
    }

    /// Returns true if a SYN or SYN-ACK has other numbers than this connection; `None` where its numbers are not
    /// known.
    fn begins_another(&self, direction: Direction, segment: &TcpSegment<'cap>) -> Option<bool> {
        let this = self.side(direction);
        let start = segment.seq.wrapping_add(1);
        if !this.was_seen() && self.answers_syn(direction, segment) {
            // Of its connection, whatever was acknowledged of it before.
            return Some(false);
        }
        match (this.isn, this.relative(start), this.hint) {
            (Some(isn), ..) => Some(isn != segment.seq),
            // Its own SYN, captured late, stands just before what was taken for the start.
            (None, Some(start), _) => Some(!(-NEAR..=0).contains(&start)),
            (None, None, _) if !this.held.is_empty() => Some(false),
            (None, None, Some(acknowledged)) => Some(!(0..=NEAR).contains(&signed(acknowledged, start))),
            (None, None, None) => None,
        }
    }

    /// Returns true if a SYN-ACK acknowledges the SYN of the other end.
    fn answers_syn(&self, direction: Direction, segment: &TcpSegment<'cap>) -> bool {
        let expected = self.side(direction.reverse()).isn.map(|isn| isn.wrapping_add(1));
        segment.ack.is_some() && segment.ack == expected
    }

    /// Returns true if both ends have finished, and a segment has other numbers: with bytes it is of another connection, whose SYN
    /// was not captured, if the other end is at other numbers too.
    #[inline]
    fn is_beyond_end(&self, direction: Direction, segment: &TcpSegment<'cap>) -> bool {
        self.sides.iter().all(TcpSide::is_confirmed_end)
            && !segment.flags.rst
            && !segment.flags.syn
            && self.side(direction).is_beyond_end(segment.seq)
    }

    /// Keeps a SYN of another connection, and what follows it, apart; whether it is that.
    #[cold]
    fn is_kept_apart(
        &mut self,
        at: At,
        direction: Direction,
        segment: &TcpSegment<'cap>,
        out: &mut Vec<(Direction, StreamItem<'cap>)>,
    ) -> bool {
        let mut emit = |direction, item| out.push((direction, item));
        if segment.flags.rst {
            return false;
        }
        if self.challenge.is_none() && !segment.flags.syn {
            if segment.payload.wire_len == 0 {
                return false;
            }
            self.challenge = Some(Box::new(Challenge::new(at, direction, *segment)));
            return true;
        }
        if segment.flags.syn {
            if !self.has_begun() || self.begins_another(direction, segment) != Some(true) {
                return false;
            }
            let is_again = |before: &Challenge<TcpSegment<'cap>>| {
                (before.direction, before.opening.seq) == (direction, segment.seq)
            };
            if !self.challenge.as_deref().is_some_and(is_again) {
                let before = self.challenge.replace(Box::new(Challenge::new(at, direction, *segment)));
                before.into_iter().for_each(|before| before.discard(payload_len, &mut emit));
            }
            return true;
        }
        let follows =
            self.challenge.as_deref().is_some_and(|challenge| self.follows(challenge, direction, segment));
        let len = i64::from(segment.payload.wire_len);
        let is_new = self
            .side(direction)
            .distance(segment.seq)
            .is_some_and(|distance| len > 0 && distance.abs() <= NEAR && distance + len > 0);
        if let Some(challenge) = &mut self.challenge {
            if follows {
                challenge.hold((at, direction, *segment), payload_len(segment), &mut emit);
            } else {
                challenge.went_on |= is_new;
            }
        }
        follows
    }

    /// Takes a segment sent in `direction`; appends what it makes known to `out`.
    ///
    /// Acknowledgements come out under the direction of the bytes that they confirm. The answer is whether the segment was
    /// taken for one of this connection; else it is kept apart until it is known of which it is.
    #[inline]
    pub fn push(
        &mut self,
        at: At,
        direction: Direction,
        segment: &TcpSegment<'cap>,
        out: &mut Vec<(Direction, StreamItem<'cap>)>,
    ) -> bool {
        let is_beyond = self.is_beyond_end(direction, segment);
        let is_apart = segment.flags.syn || is_beyond || self.is_challenged();
        if is_apart && (self.is_kept_apart(at, direction, segment, out) || is_beyond) {
            return false;
        }
        if segment.flags.syn || (self.opening.ack.is_none() && self.opening.initiator == Some(direction)) {
            self.note_opening(at, direction, segment);
        }
        let (limits, start) = (self.limits, out.len());
        self.note_path(at, direction, segment);
        let suspect = TcpSide::carries(segment)
            && !segment.flags.syn
            && self.path.judge(direction, segment.ack) == Ack::Impossible;
        if !segment.flags.rst && (segment.ack.is_some() || segment.payload.wire_len > 0) {
            _ = self.path.carries(direction, &sent(segment));
        }
        let (this, that) = both(&mut self.sides, direction);
        if let Some(ack) = segment.ack {
            if segment.flags.syn {
                that.begin(ack);
            } else if !segment.flags.rst && this.is_behind_syn(segment.seq) && !that.was_seen() {
                that.expect_from(ack);
            }
        }
        // The acknowledgement of an RST is often made up, and who does not know the numbers of its own end is not that end.
        let is_of_it = this.distance(segment.seq).is_none_or(|distance| distance.abs() <= NEAR);
        if let Some(ack) = segment.ack.filter(|_| !segment.flags.rst && is_of_it) {
            let by = Acknowledger { at, end: end_of(segment) };
            that.acknowledge(ack, by, &limits, &mut |item| out.push((direction.reverse(), item)));
        }
        let mut emit = |item| out.push((direction, item));
        this.last = Some(at);
        if segment.flags.rst {
            if this.distance(segment.seq).is_none_or(|distance| distance.abs() <= NEAR) {
                let exact = this.is_expected(segment.seq);
                self.reset =
                    self.reset.filter(|before| before.exact && !exact).or(Some(Reset { direction, exact }));
            } else {
                emit(StreamItem::OutOfWindow { len: payload_len(segment), at });
            }
            // The payload of an RST is a diagnostic text, not stream data (RFC 9293, section 3.5.3).
            return true;
        }
        if suspect && this.is_kept_apart(at, segment, &mut emit) {
            return true;
        }
        let mut taken = true;
        if !self.pending.is_empty() || that.lacked_by(segment).is_some() {
            let mut ends = Ends { sides: &mut self.sides, path: &self.path, limits };
            self.pending.push((at, direction, *segment), &mut ends, start, out);
        } else {
            taken = this.receive(at, segment, &limits, &mut emit);
        }
        if taken && self.reset.is_some_and(|reset| reset.direction == direction) {
            // Who goes on has not reset the connection: the RST was forged.
            self.reset = None;
        }
        true
    }

    /// Ends both directions: waiting bytes are delivered, holes become gaps, and so do bytes that were
    /// acknowledged, or stand before a FIN, but were not captured.
    ///
    /// A direction with a FIN ends as [`EndReason::Finished`]; else, after an RST, as [`EndReason::Reset`]; else
    /// as `reason` says.
    pub fn close(&mut self, reason: EndReason, out: &mut Vec<(Direction, StreamItem<'cap>)>) {
        if let Some(challenge) = self.challenge.take() {
            challenge.discard(payload_len, &mut |direction, item| out.push((direction, item)));
        }
        let reason = if self.reset.is_some() { EndReason::Reset } else { reason };
        let mut ends = Ends { sides: &mut self.sides, path: &self.path, limits: self.limits };
        self.pending.open(None, &mut ends, out.len(), out);
        for direction in [Direction::LowToHigh, Direction::HighToLow] {
            let limits = self.limits;
            let suspects = self.path.suspects(direction).into_iter().map(|places| (places, Unaccepted::Impossible));
            let contradicted = self.path.contradicted(direction).map(|places| (places, Unaccepted::Contradicted));
            let [low, high] = &mut self.sides;
            let side = if direction == Direction::LowToHigh { low } else { high };
            for ((first, behind), why) in suspects.chain(contradicted) {
                side.doubt(first, behind.wrapping_sub(first), why, &mut |item| out.push((direction, item)));
            }
            side.close(reason, &limits, &mut |item| out.push((direction, item)));
        }
    }

    /// Who opened the connection, and the frames that prove it.
    #[inline]
    pub fn opening(&self) -> Opening {
        let initiator = self.opening.initiator.map(|initiator| self.side(initiator));
        if self.opening.syn.is_some() && initiator.is_some_and(|side| side.isn.is_none()) {
            // What was sent since is not of that SYN.
            return Opening { confirmed: self.path.confirmed, present: self.path.present, ..Opening::default() };
        }
        Opening { confirmed: self.path.confirmed, present: self.path.present, ..self.opening }
    }

    /// The initial sequence numbers, the initiator's first; `None` unless the SYN and its answer were captured.
    pub fn initial_numbers(&self) -> Option<[u32; 2]> {
        let initiator = self.opening.initiator.filter(|_| self.opening.syn_ack.is_some())?;
        Some([self.side(initiator).isn?, self.side(initiator.reverse()).isn?])
    }

    /// The sequence numbers of each direction, by [`Direction::index`]; `None` of one of which none is known.
    pub fn numbers(&self) -> [Option<Numbers>; 2] {
        [&self.sides[0], &self.sides[1]].map(|side| {
            let (_, origin, len) = side.stop();
            origin.map(|first| Numbers { id: 0, first, len })
        })
    }

    /// Returns true once an RST that its receiver takes, or a FIN in both directions, was seen: the connection may
    /// be closed early to save memory.
    pub fn is_over(&self) -> bool {
        self.is_reset() || self.sides.iter().all(|side| side.fin.is_some())
    }

    /// Returns true if the connection is over and nothing of it is open: an RST, or a FIN of each direction that
    /// the other one confirmed, and no byte waits for another one.
    pub fn is_settled(&self) -> bool {
        let confirmed = |side: &TcpSide<'cap>| {
            side.fin.is_some_and(|fin| fin == side.reorder.next() && side.ack.is_some_and(|(ack, _)| ack > fin))
        };
        (self.is_reset() || self.sides.iter().all(confirmed))
            && !self.is_challenged()
            && self.sides.iter().all(|side| side.held.is_empty() && !side.reorder.is_waiting())
    }

    fn is_reset(&self) -> bool {
        self.reset.is_some_and(|reset| reset.exact)
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
        low.reorder.waiting() + high.reorder.waiting() + 2 * self.pending.len()
    }

    /// Returns true if the numbers of a direction moved on by more than a SYN and a FIN take: payload went, whether or not
    /// it was captured.
    pub fn moved(&self) -> bool {
        self.path.moved() > 2
    }

    /// The memory to keep of the connection once it is over, by which its late packets are told.
    pub fn ended(&self) -> Ended {
        Ended::of(&self.sides)
    }

    /// Gives back what it holds to compare later segments with, and what waits; for a connection of which no more is
    /// read. [`replaced_by`](Self::replaced_by) goes on to tell.
    pub fn give_back(&mut self) {
        self.sides.iter_mut().for_each(TcpSide::give_back);
        self.path.give_back();
        self.pending = PendingPackets::default();
    }

    /// Behind which byte of the other direction, of those that were delivered, `segment` was sent.
    pub fn sent_behind(&self, direction: Direction, segment: &TcpSegment<'cap>) -> Option<u64> {
        let that = self.side(direction.reverse());
        let acknowledged = u64::try_from(that.relative(segment.ack?)?).ok()?;
        Some(acknowledged.min(that.reorder.next()))
    }

    /// Where `segment`, which was pushed, would have been in time, if its place was given up.
    #[inline]
    pub fn late(&mut self, direction: Direction, segment: &TcpSegment<'cap>) -> FilledHole {
        let side = &mut self.sides[direction.index()];
        if side.reorder.holes.is_empty() || segment.payload.bytes.is_empty() || segment.flags.rst {
            return FilledHole::Nothing;
        }
        side.late(segment)
    }

    fn side(&self, direction: Direction) -> &TcpSide<'cap> {
        let [low, high] = &self.sides;
        match direction {
            Direction::LowToHigh => low,
            Direction::HighToLow => high,
        }
    }

    /// Notes the numbers of a segment: those that it uses, and the one that it acknowledges.
    #[inline]
    fn note_path(&mut self, at: At, direction: Direction, segment: &TcpSegment<'cap>) {
        // The numbers of an RST are those of the segment that it answers.
        let first = segment.seq.wrapping_add(u32::from(segment.flags.syn));
        let used = (!segment.flags.rst).then_some((first, end_of(segment), segment.flags.syn));
        let ack = segment.ack.filter(|_| !segment.flags.rst);
        self.path.packet(direction, at, used, ack, self.limits.acked_hole_wait_ns);
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
                opening.multipath |= segment.flags.multipath;
                if opening.initiator != Some(direction) {
                    opening.syn_ack.get_or_insert(at);
                }
            }
            // At or above: the bare ACK may be missing, and later segments prove as much.
            (false, Some(ack))
                if opening.syn_ack.is_some()
                    && !segment.flags.rst
                    && answered.is_some_and(|answered| (0..=NEAR).contains(&signed(ack, answered)))
                    && self.path.used(direction.reverse(), ack) =>
            {
                opening.ack = Some(at);
            }
            _ => {}
        }
    }
}

/// The sequence number behind a segment.
fn end_of(segment: &TcpSegment<'_>) -> u32 {
    let flags = u32::from(segment.flags.syn) + u32::from(segment.flags.fin);
    segment.seq.wrapping_add(segment.payload.wire_len).wrapping_add(flags)
}

/// The evidence that a segment gives of the numbers of the other end. A SYN alone says nothing of them.
fn sent(segment: &TcpSegment<'_>) -> Sent<u32, u32> {
    Sent {
        places: (segment.seq, end(segment)),
        data: segment.payload.wire_len > 0,
        opens: segment.flags.syn,
        ack: segment.ack,
    }
}

/// Returns true if a sequence number is that of a connection whose first byte is `start`, and not of the one whose
/// side is given.
fn goes_on(number: u32, start: u32, side: &TcpSide<'_>) -> bool {
    let distance = side.distance(number);
    let is_near = distance.is_some_and(|distance| distance.abs() <= NEAR);
    (number == start && distance != Some(0)) || (!is_near && (0..=NEAR).contains(&signed(number, start)))
}

/// The sequence number behind a segment's payload.
fn end(segment: &TcpSegment<'_>) -> u32 {
    segment.seq.wrapping_add(segment.payload.wire_len)
}

fn payload_len(segment: &TcpSegment<'_>) -> u64 {
    u64::from(segment.payload.wire_len)
}

/// `a - b` in sequence space: from -2^31 to 2^31 - 1.
fn signed(a: u32, b: u32) -> i64 {
    i64::from(a.wrapping_sub(b) as i32)
}

/// A number that is further from a direction's place is not of that direction.
const NEAR: i64 = <u32 as Number>::NEAR;

// Rationale: a SYN that nobody answers is sent again for two minutes, but not once its answer has come.
const SILENCE_NS: i64 = 60_000_000_000;

#[cfg(test)]
mod tests;
