//! TCP (RFC 9293): sequence numbers to stream offsets, acknowledgements, holes, and the life of a connection.
//!
//! - A direction whose SYN was not captured starts at the lowest of its first three segments (or of
//!   those seen before the counterpart acknowledged them). Bytes before that start come out as
//!   [`StreamItem::Late`] with offset 0.
//! - A hole is waited for. It becomes a gap when the bound on waiting segments is reached, when the receiver has
//!   acknowledged it and between one and two waiting periods have passed since (a period is
//!   `acked_hole_wait_ns` of capture time or 64 segments), or when the connection is closed.
//! - SYN and FIN occupy a sequence number each but no stream offset. Bytes sent at or behind a FIN disprove it.
//! - Segments more than 1 GiB ahead or 16 MiB behind are [`StreamItem::OutOfWindow`], unless four in a row continue
//!   each other: then the stream goes on with them behind a gap of unknown length.
//! - Neither FIN nor RST stops a direction, as either may be forged or reordered: [`StreamItem::End`] comes
//!   with [`TcpConnection::close`].

use super::patience::Patience;
use super::reorder::Reorder;
use super::{EndReason, GapCause, Missing, StreamItem, StreamLimits};
use crate::packet::{Checksum, Direction, Payload, TcpSegment};
use crate::provenance::At;

/// Both directions of one TCP connection.
#[derive(Debug)]
pub struct TcpConnection<'cap> {
    sides: [Side<'cap>; 2],
    limits: StreamLimits,
    opening: Opening,
    /// Who sent an RST.
    reset: Option<Direction>,
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
            limits: *limits,
            opening: Opening::default(),
            reset: None,
        }
    }

    /// Whether `segment` belongs to another connection on the same addresses, so that the caller must close this
    /// one with [`EndReason::Replaced`] and begin a new one: a SYN with another initial sequence number, or, after
    /// FIN in both directions or RST, bytes far from where this connection stopped.
    pub fn is_replaced_by(&self, direction: Direction, segment: &TcpSegment<'cap>) -> bool {
        let (this, that) = (self.side(direction), self.side(direction.reverse()));
        if segment.flags.rst {
            return false;
        }
        if !segment.flags.syn {
            return self.is_over()
                && segment.payload.wire_len > 0
                && this.distance(segment.seq).is_some_and(|distance| distance.abs() > NEAR);
        }
        match (this.isn, this.relative(segment.seq.wrapping_add(1))) {
            (Some(isn), _) => isn != segment.seq,
            // Its own SYN, captured late, stands just before what was taken for the start.
            (None, Some(start)) => !(-NEAR..=0).contains(&start),
            (None, None) if !this.held.is_empty() => false,
            (None, None) => segment.ack.is_none() && that.reorder.seen_end() > 0,
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
        if segment.flags.syn || (self.opening.ack.is_none() && self.opening.initiator == Some(direction)) {
            self.note_opening(at, direction, segment);
        }
        let limits = self.limits;
        let [low, high] = &mut self.sides;
        let (this, that) = match direction {
            Direction::LowToHigh => (low, high),
            Direction::HighToLow => (high, low),
        };
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
        let taken = this.receive(at, segment, &limits, &mut emit);
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
        for direction in [Direction::LowToHigh, Direction::HighToLow] {
            let limits = self.limits;
            let [low, high] = &mut self.sides;
            let side = if direction == Direction::LowToHigh { low } else { high };
            side.close(reason, &limits, &mut |item| out.push((direction, item)));
        }
    }

    /// Who opened the connection, and the frames that prove it.
    pub fn opening(&self) -> Opening {
        self.opening
    }

    /// Whether an RST, or a FIN in both directions, was seen: the connection may be closed early to make room.
    pub fn is_over(&self) -> bool {
        self.reset.is_some() || self.sides.iter().all(|side| side.fin.is_some())
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

/// One direction.
#[derive(Debug, Default)]
struct Side<'cap> {
    /// The sequence number of offset 0, once that is decided.
    origin: Option<u32>,
    /// The sequence number of the SYN, if captured.
    isn: Option<u32>,
    /// The first segments of a direction without a SYN, until `origin` is decided; afterwards a row of segments
    /// from far away.
    held: Vec<(At, TcpSegment<'cap>)>,
    reorder: Reorder<'cap>,
    /// The highest acknowledgement and its frame; may exceed what was seen, and count a FIN.
    ack: Option<(u64, At)>,
    /// What was last given out as acknowledged.
    acked: u64,
    patience: Patience,
    /// The offset of the FIN.
    fin: Option<u64>,
    last: Option<At>,
}

impl<'cap> Side<'cap> {
    /// How far `seq` is from the next byte expected; `None` before the start is decided.
    fn distance(&self, seq: u32) -> Option<i64> {
        self.origin.map(|origin| signed(seq, origin.wrapping_add(self.reorder.next() as u32)))
    }

    /// The offset of `seq`, negative for before the start; `None` before the start is decided.
    fn relative(&self, seq: u32) -> Option<i64> {
        self.distance(seq).map(|distance| (self.reorder.next() as i64).saturating_add(distance))
    }

    /// Takes a segment; whether it belonged to the stream.
    #[inline]
    fn receive(
        &mut self,
        at: At,
        segment: &TcpSegment<'cap>,
        limits: &StreamLimits,
        emit: &mut impl FnMut(StreamItem<'cap>),
    ) -> bool {
        if segment.flags.syn && self.reorder.seen_end() == 0 && self.fin.is_none() {
            self.isn = Some(segment.seq);
            self.origin = Some(segment.seq.wrapping_add(1));
            self.release(limits, emit);
        }
        let carries = segment.payload.wire_len > 0 || segment.flags.fin;
        if !carries {
            self.settle(at, false, limits, emit);
            return true;
        }
        if self.origin.is_none() {
            self.held.push((at, *segment));
            if self.held.len() >= HELD_SEGMENTS {
                self.release(limits, emit);
            }
            return true;
        }
        self.place(at, segment, limits, emit)
    }

    /// Decides the start, if a SYN has not, and delivers the segments held for that.
    #[cold]
    fn release(&mut self, limits: &StreamLimits, emit: &mut impl FnMut(StreamItem<'cap>)) {
        let held = std::mem::take(&mut self.held);
        if let (None, Some((_, first))) = (self.origin, held.first()) {
            let lowest = held
                .iter()
                .map(|(_, segment)| signed(segment.seq, first.seq))
                .filter(|distance| (-NEAR..=0).contains(distance))
                .min()
                .unwrap_or(0);
            self.origin = Some(first.seq.wrapping_add(lowest as u32));
        }
        for (at, segment) in &held {
            self.place(*at, segment, limits, emit);
        }
    }

    #[inline]
    fn place(
        &mut self,
        at: At,
        segment: &TcpSegment<'cap>,
        limits: &StreamLimits,
        emit: &mut impl FnMut(StreamItem<'cap>),
    ) -> bool {
        let seq = segment.seq.wrapping_add(u32::from(segment.flags.syn));
        let (mut payload, len) = (segment.payload, i64::from(segment.payload.wire_len));
        let (Some(distance), Some(mut start)) = (self.distance(seq), self.relative(seq)) else { return false };
        if !(-NEAR..=SANE).contains(&distance) {
            if self.reorder.seen_end() > 0 || self.fin.is_some() {
                return self.stray(at, segment, limits, emit);
            }
            // The SYN was not of this stream: what it says of the start is worth less than bytes.
            (self.isn, self.origin, self.ack, start) = (None, Some(seq), None, 0);
        }
        if self.is_keep_alive(start, len) {
            self.settle(at, true, limits, emit);
            return true;
        }
        let end = start.saturating_add(len);
        if end < 0 || start < 0 {
            let before = usize::try_from(start.saturating_neg()).unwrap_or(usize::MAX);
            let (early, rest) = payload.bytes.split_at(before.min(payload.bytes.len()));
            if !early.is_empty() {
                emit(if self.isn.is_some() {
                    StreamItem::OutOfWindow { len: early.len() as u64, at }
                } else {
                    StreamItem::Late { offset: 0, bytes: early, at }
                });
            }
            payload = Payload { bytes: rest, wire_len: u32::try_from(end.max(0)).unwrap_or(0) };
            // When the snap length cut even that, the rest begins in the cut part, at offset 0.
            start = 0;
        }
        let (start, end) = (start as u64, end.max(0) as u64);
        if self.fin.is_some_and(|fin| fin < end) {
            self.fin = None;
        }
        if segment.flags.fin && self.fin.is_none() {
            self.fin = Some(end);
        }
        if payload.wire_len > 0 {
            self.reorder.push(start, payload, at, segment.checksum == Checksum::Bad, limits, emit);
            self.reorder.bound(self.ack.map_or(0, |(ack, _)| ack), at, limits, emit);
        }
        self.settle(at, true, limits, emit);
        true
    }

    /// Takes a segment from far away: alone it is garbage, but a row of them shows that the capture missed so
    /// much that the stream is elsewhere by now. Whether they are delivered.
    #[cold]
    fn stray(
        &mut self,
        at: At,
        segment: &TcpSegment<'cap>,
        limits: &StreamLimits,
        emit: &mut impl FnMut(StreamItem<'cap>),
    ) -> bool {
        if self.held.last().is_some_and(|(_, last)| last.seq == segment.seq) {
            return false; // A duplicate frame does not break the row.
        }
        let follows = |(_, last): &(At, TcpSegment<'cap>)| {
            last.payload.wire_len > 0 && last.seq.wrapping_add(last.payload.wire_len) == segment.seq
        };
        if !self.held.last().is_some_and(follows) {
            self.discard_strays(emit);
        }
        self.held.push((at, *segment));
        if self.held.len() < STRAY_SEGMENTS {
            return false;
        }
        self.flush(at, limits, emit);
        let (offset, missing) = (self.reorder.next(), Missing::Unknown);
        emit(StreamItem::Gap { offset, missing, cause: GapCause::Unseen, at });
        let first = self.held.first().map_or(segment.seq, |(_, first)| first.seq);
        self.origin = Some(first.wrapping_sub(offset as u32));
        (self.ack, self.fin) = (None, None);
        self.release(limits, emit);
        true
    }

    fn discard_strays(&mut self, emit: &mut impl FnMut(StreamItem<'cap>)) {
        for (at, segment) in self.held.drain(..) {
            emit(StreamItem::OutOfWindow { len: u64::from(segment.payload.wire_len), at });
        }
    }

    /// Delivers what waits, and the holes between as gaps.
    fn flush(&mut self, at: At, limits: &StreamLimits, emit: &mut impl FnMut(StreamItem<'cap>)) {
        let ack = self.ack.map_or(0, |(ack, _)| ack);
        while self.reorder.is_waiting() {
            self.reorder.give_up(ack, GapCause::Unseen, at, limits, emit);
        }
    }

    /// One byte just before the next one to send asks whether the other side is there; its content is arbitrary
    /// (RFC 9293, section 3.8.4).
    fn is_keep_alive(&self, start: i64, len: i64) -> bool {
        len == 1 && (start + 1 == self.reorder.seen_end() as i64 || self.fin.is_some_and(|fin| fin as i64 == start))
    }

    fn acknowledge(&mut self, ack: u32, at: At, limits: &StreamLimits, emit: &mut impl FnMut(StreamItem<'cap>)) {
        if self.origin.is_none() {
            let covers = |(_, held): &(At, TcpSegment<'cap>)| {
                (0..=SANE).contains(&signed(ack, held.seq.wrapping_add(held.payload.wire_len)))
            };
            if self.held.is_empty() || !self.held.iter().all(covers) {
                return;
            }
            self.release(limits, emit);
        }
        let (Some(distance), Some(offset)) = (self.distance(ack), self.relative(ack)) else { return };
        let Ok(offset) = u64::try_from(offset) else { return };
        if distance.abs() <= SANE && self.ack.is_none_or(|(highest, _)| offset > highest) {
            self.ack = Some((offset, at));
        }
        self.settle(at, false, limits, emit);
    }

    /// Gives up holes that were acknowledged for long enough, and gives out what is acknowledged of the rest.
    #[inline]
    fn settle(&mut self, at: At, counts: bool, limits: &StreamLimits, emit: &mut impl FnMut(StreamItem<'cap>)) {
        let Some((ack, ack_at)) = self.ack else { return };
        if ack > self.reorder.next() && self.reorder.is_waiting() {
            self.wait(ack, at, counts, limits, emit);
        } else {
            self.patience.rest();
        }
        let upto = ack.min(self.reorder.next());
        if upto > self.acked {
            self.acked = upto;
            emit(StreamItem::Acked { upto, at: ack_at });
        }
    }

    #[cold]
    fn wait(
        &mut self,
        ack: u64,
        at: At,
        counts: bool,
        limits: &StreamLimits,
        emit: &mut impl FnMut(StreamItem<'cap>),
    ) {
        let settled = self.patience.wait(ack, at, counts, limits);
        while self.reorder.is_waiting() && settled > self.reorder.next() {
            self.reorder.give_up(settled, GapCause::Unseen, at, limits, emit);
        }
    }

    fn close(&mut self, reason: EndReason, limits: &StreamLimits, emit: &mut impl FnMut(StreamItem<'cap>)) {
        if self.origin.is_some() {
            self.discard_strays(emit);
        }
        self.release(limits, emit);
        let Some(at) = self.last else { return };
        let ack = self.ack.map_or(0, |(ack, _)| ack);
        self.flush(at, limits, emit);
        let unseen = |upto: u64, next: u64| upto.saturating_sub(next);
        match (self.fin, unseen(ack, self.reorder.next())) {
            (Some(fin), _) => {
                let missing = unseen(ack.min(fin), self.reorder.next());
                self.reorder.skip(missing, GapCause::Acknowledged, at, limits, emit);
                self.reorder.skip(unseen(fin, self.reorder.next()), GapCause::Unseen, at, limits, emit);
            }
            // A lone sequence number behind the end is far more often a FIN that was not captured than a byte.
            (None, 1) => {}
            (None, missing) => self.reorder.skip(missing, GapCause::Acknowledged, at, limits, emit),
        }
        self.settle(at, false, limits, emit);
        let reason = if self.fin.is_some() { EndReason::Finished } else { reason };
        emit(StreamItem::End { reason, at });
        self.last = None;
    }
}

/// `a - b` in sequence space: from -2^31 to 2^31 - 1.
fn signed(a: u32, b: u32) -> i64 {
    i64::from(a.wrapping_sub(b) as i32)
}

// Rationale: reordering at the start of a capture is a matter of neighbours; more would delay every direction.
const HELD_SEGMENTS: usize = 3;

// Rationale: four segments that continue each other by chance: 2^-96.
const STRAY_SEGMENTS: usize = 4;

// Rationale: RFC 7323, section 2.3: no window exceeds 2^30 bytes.
const SANE: i64 = 1 << 30;

// Rationale: more than the windows that BitTorrent clients use; a random number falls within it once in 128.
const NEAR: i64 = 16 << 20;

#[cfg(test)]
mod tests;
