//! One direction of a TCP connection: sequence numbers to offsets, holes, acknowledgements.

mod assumed;

use super::{NEAR, end_of, signed};
use crate::ends::At;
use crate::packet::{Checksum, Payload, TcpSegment};
use crate::stream::blind::Blind;
use crate::stream::hole_timer::HoleTimer;
use crate::stream::pending::PendingSide;
use crate::stream::reorder::Reorder;
use crate::stream::{EndReason, FilledHole, GapCause, Missing, StreamItem, StreamLimits, Unaccepted};

/// The segment that carries an acknowledgement.
#[derive(Clone, Copy, Debug)]
pub(super) struct Acknowledger {
    pub(super) at: At,
    /// The sequence number behind it, in its own direction.
    pub(super) end: u32,
}

/// One direction.
#[derive(Debug, Default)]
pub(super) struct TcpSide<'cap> {
    /// The sequence number of offset 0, once that is decided.
    origin: Option<u32>,
    /// True while that is only the first number that the other end acknowledged, and no byte of the direction came.
    assumed: bool,
    /// True if that stands in the first segment behind the other end's SYN: it is where the direction begins.
    opened: bool,
    /// The sequence number of the SYN, if captured.
    pub(super) isn: Option<u32>,
    /// The number that the other direction acknowledges, while nothing of this one tells its numbers.
    pub(super) hint: Option<u32>,
    /// The first segments of a direction without a SYN, until `origin` is decided; afterwards a row of segments
    /// from far away.
    pub(super) held: Vec<(At, TcpSegment<'cap>)>,
    /// Segments of anybody, ahead of all that came.
    pub(super) blind: Blind<(At, TcpSegment<'cap>)>,
    pub(super) reorder: Reorder<'cap>,
    /// The highest acknowledgement and its frame; may exceed what was seen, and count a FIN.
    pub(super) ack: Option<(u64, At)>,
    /// The highest acknowledgement of what had been seen by then, and its frame.
    sure: Option<(u64, At)>,
    /// The sequence number behind the segment of `ack`.
    ack_end: u32,
    /// When bytes came that `ack` names although they had not been there.
    met: Option<At>,
    /// True if the receiver fell behind `ack` since.
    behind: bool,
    /// The offset up to which bytes were last given out as acknowledged.
    acked: u64,
    /// How much of it had been seen when the other end sent its last packet.
    heard: u64,
    hole_timer: HoleTimer,
    /// The lowest sequence number of its segments that wait elsewhere: what seems to be missing may be there.
    pub(super) expected: Option<u32>,
    /// The offset of the FIN.
    pub(super) fin: Option<u64>,
    pub(super) last: Option<At>,
}

impl<'cap> TcpSide<'cap> {
    /// The sequence number of its SYN, that of its first byte, and the offset at which it stands.
    pub(super) fn stop(&self) -> (Option<u32>, Option<u32>, u64) {
        (self.isn, self.decided(), self.reorder.next())
    }

    /// See [`super::TcpConnection::give_back`].
    pub(super) fn give_back(&mut self) {
        self.held = Vec::new();
        self.blind = Blind::default();
        self.reorder.give_back();
    }

    /// How far `seq` is from the next byte expected; `None` before the start is decided.
    pub(super) fn distance(&self, seq: u32) -> Option<i64> {
        self.decided().map(|origin| signed(seq, origin.wrapping_add(self.reorder.next() as u32)))
    }

    /// The offset of `seq`, negative for before the start; `None` before the start is decided.
    pub(super) fn relative(&self, seq: u32) -> Option<i64> {
        self.distance(seq).map(|distance| (self.reorder.next() as i64).saturating_add(distance))
    }

    /// Returns true if the receiver of the direction expects `seq` next, as far as is known: the next byte, or the
    /// next one to be acknowledged.
    pub(super) fn is_expected(&self, seq: u32) -> bool {
        let acked = |seq: u32| self.ack.is_some_and(|(ack, _)| self.relative(seq) == i64::try_from(ack).ok());
        self.distance(seq).is_none_or(|distance| distance == 0) || acked(seq)
    }

    /// Fills holes that were given up with a segment; returns the hole.
    #[cold]
    pub(super) fn late(&mut self, segment: &TcpSegment<'cap>) -> FilledHole {
        let start = self.relative(segment.seq.wrapping_add(u32::from(segment.flags.syn)));
        let len = segment.payload.bytes.len() as i64;
        start.map_or(FilledHole::Nothing, |start| {
            self.reorder.holes.fill(start..start.saturating_add(len), JUST_BEFORE, NEAR)
        })
    }

    /// Returns true if any packet of the direction was captured.
    pub(super) fn was_seen(&self) -> bool {
        self.last.is_some()
    }

    /// Returns true once the start of the direction is decided.
    pub(super) fn has_begun(&self) -> bool {
        self.decided().is_some()
    }

    /// The answer to a SYN that was not captured says where the direction begins.
    pub(super) fn begin(&mut self, first: u32) {
        if self.decided().is_none() && self.held.is_empty() {
            self.forget_assumed();
            (self.isn, self.origin) = (Some(first.wrapping_sub(1)), Some(first));
        }
    }

    /// The offset of `ack`, where bytes before it are not there yet. A lone number is far more often a FIN.
    #[inline]
    pub(super) fn lacks(&self, ack: u32) -> Option<u64> {
        // A direction of which the capture has nothing is not waited for.
        self.last?;
        let distance = self.distance(ack).filter(|distance| (2..=NEAR).contains(distance))?;
        self.reorder.next().checked_add_signed(distance)
    }

    /// Takes a segment; whether it belonged to the stream.
    #[inline]
    pub(super) fn receive(
        &mut self,
        at: At,
        segment: &TcpSegment<'cap>,
        limits: &StreamLimits,
        emit: &mut impl FnMut(StreamItem<'cap>),
    ) -> bool {
        if segment.flags.syn && self.reorder.seen_end() == 0 && self.fin.is_none() {
            self.assumed |= self.decided().is_some_and(|origin| origin != segment.seq.wrapping_add(1));
            self.forget_assumed();
            self.isn = Some(segment.seq);
            self.origin = Some(segment.seq.wrapping_add(1));
            self.release(limits, emit);
        }
        let carries = segment.payload.wire_len > 0 || segment.flags.fin;
        if !carries {
            self.settle(at, false, limits, emit);
            return true;
        }
        if self.assumed {
            self.decide_by(segment.seq);
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

    /// Decides the start, if a SYN has not, and delivers the segments held for that: it is the lowest of those that are near
    /// each other, and near what the other end acknowledges. Others are from anywhere, whichever came first.
    #[cold]
    fn release(&mut self, limits: &StreamLimits, emit: &mut impl FnMut(StreamItem<'cap>)) {
        let mut held = std::mem::take(&mut self.held);
        if self.origin.is_none() {
            let is_near = |one: u32, other: u32| signed(one, other).abs() <= NEAR;
            let near = |of: &TcpSegment<'cap>| {
                let near = held.iter().filter(|(_, segment)| is_near(segment.seq, of.seq)).count();
                (near, self.hint.is_some_and(|ack| is_near(ack, of.seq)))
            };
            // Of several the first one.
            if let Some(of) = held.iter().rev().map(|(_, segment)| *segment).max_by_key(near) {
                held.sort_by_key(|(_, segment)| !is_near(segment.seq, of.seq));
                let of_it = held.iter().filter(|(_, segment)| is_near(segment.seq, of.seq));
                let lowest = of_it.map(|(_, segment)| signed(segment.seq, of.seq)).min().unwrap_or(0);
                self.origin = Some(of.seq.wrapping_add(lowest as u32));
            }
        }
        if let (None, 0, Some((at, _))) = (self.isn, self.reorder.seen_end(), held.first()) {
            self.reorder.holes.begin(at.frame);
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
        // What nobody has acknowledged may be no beginning at all.
        let is_sure = self.isn.is_none() || self.ack.is_some() || self.reorder.seen_end() > 0;
        if !(-NEAR..=if is_sure { SANE } else { NEAR }).contains(&distance) {
            if self.reorder.seen_end() > 0 || self.fin.is_some() {
                return self.stray(at, segment, limits, emit);
            }
            // The SYN was not of this stream: what it says of the start is worth less than bytes.
            (self.isn, self.origin, self.ack, start) = (None, Some(seq), None, 0);
            self.sure = None;
        }
        if self.is_keep_alive(start, len) && !segment.flags.fin {
            self.settle(at, true, limits, emit);
            return true;
        }
        if len == 1 && !segment.flags.fin && self.is_long_acknowledged(start, at, limits) {
            // A keep-alive of which the byte was not captured: too late for what was sent there.
            self.reorder.skip(1, GapCause::Acknowledged, at, limits, emit);
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
        if let Some(fin) = self.fin.filter(|fin| *fin < end) {
            if self.ack.is_some_and(|(ack, _)| ack == fin + 1) {
                // Whose FIN was acknowledged has sent all, until more than that is acknowledged. Another FIN sends nothing.
                let offset = start.max(fin);
                if offset < end {
                    emit(StreamItem::Unaccepted { offset, len: end - offset, why: Unaccepted::Impossible });
                }
            } else {
                self.fin = None;
            }
        }
        // Bytes behind it disprove it, whichever came first.
        if segment.flags.fin && self.fin.is_none() && (self.reorder.seen_end()..=self.reach()).contains(&end) {
            self.fin = Some(end);
        }
        if payload.wire_len > 0 {
            self.reorder.push(start, payload, at, segment.checksum == Checksum::Bad, limits, emit);
            let ack = self.ack.map_or(0, |(ack, _)| ack);
            self.reorder.bound(ack, at, limits, &mut without_probes(ack, emit));
            if self.is_early() && self.met.is_none() && self.reorder.seen_end().saturating_add(1) >= ack {
                self.met = Some(at);
            }
        }
        self.settle(at, true, limits, emit);
        true
    }

    /// Takes a segment from far away: alone it is garbage, but a row of them shows that the capture missed so
    /// much that the stream is elsewhere by now. Whether they are delivered.
    #[cold]
    pub(super) fn stray(
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
        self.reorder.holes.clear();
        emit(StreamItem::Gap { offset, missing, cause: GapCause::Unseen, at });
        let first = self.held.first().map_or(segment.seq, |(_, first)| first.seq);
        self.origin = Some(first.wrapping_sub(offset as u32));
        (self.ack, self.sure, self.fin) = (None, None, None);
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
            self.reorder.give_up(ack, GapCause::Unseen, at, limits, &mut without_probes(ack, emit));
        }
    }

    /// One byte just before the next one to send asks whether the other side is there; its content is arbitrary
    /// (RFC 9293, section 3.8.4). With a FIN it is the last byte, sent again.
    fn is_keep_alive(&self, start: i64, len: i64) -> bool {
        len == 1 && (start + 1 == self.reorder.seen_end() as i64 || self.fin.is_some_and(|fin| fin as i64 == start))
    }

    /// Returns true if `start` is where the captured bytes end, and was acknowledged longer ago than holes are
    /// waited for.
    fn is_long_acknowledged(&self, start: i64, at: At, limits: &StreamLimits) -> bool {
        let waited = |since: At| at.time.0.saturating_sub(since.time.0) > limits.acked_hole_wait_ns;
        u64::try_from(start).is_ok_and(|start| {
            start == self.reorder.next()
                && start == self.reorder.seen_end()
                && self.ack.is_some_and(|(ack, since)| ack > start && waited(since))
        })
    }

    pub(super) fn acknowledge(
        &mut self,
        ack: u32,
        by: Acknowledger,
        limits: &StreamLimits,
        emit: &mut impl FnMut(StreamItem<'cap>),
    ) {
        let at = by.at;
        if self.decided().is_none() {
            self.hint = Some(ack);
            let ends = self.held.iter().map(|(_, held)| signed(ack, held.seq.wrapping_add(held.payload.wire_len)));
            let lowest = ends.filter(|ahead| ahead.abs() <= NEAR).min();
            if lowest.is_none_or(|ahead| ahead < 0) {
                self.assume(ack, by, limits);
                return;
            }
            let far = |(_, held): &mut (At, TcpSegment<'cap>)| signed(ack, held.seq).abs() > NEAR;
            for (at, held) in self.held.extract_if(.., far) {
                emit(StreamItem::OutOfWindow { len: u64::from(held.payload.wire_len), at });
            }
            self.release(limits, emit);
        }
        let Some(offset) = self.relative(ack) else { return };
        let Ok(offset) = u64::try_from(offset) else { return };
        self.heard = self.reorder.seen_end();
        // What was sent is acknowledged step by step: a number further on was never sent.
        if offset <= self.reach() {
            self.note_ack(offset, by, limits);
        }
        self.settle(at, false, limits, emit);
    }

    /// As far as bytes of the direction may have been sent, by what is known.
    fn reach(&self) -> u64 {
        let acknowledged = self.ack.map_or(0, |(ack, _)| ack);
        self.reorder.seen_end().max(acknowledged).saturating_add(NEAR as u64)
    }

    /// Keeps the highest acknowledgement. One of bytes that were not there yet is as good as a later one leaves it: the
    /// receiver never takes back what it acknowledged. Later is what carries more of the receiver's own bytes, or comes when
    /// nothing is on its way any more: captures hold packets out of order, and twice.
    #[inline]
    fn note_ack(&mut self, offset: u64, by: Acknowledger, limits: &StreamLimits) {
        let Acknowledger { at, end } = by;
        let is_early = self.is_early();
        // A lone number is far more often a FIN.
        let known = offset <= self.reorder.seen_end().saturating_add(1);
        if known && self.sure.is_none_or(|(highest, _)| offset > highest) {
            self.sure = Some((offset, at));
        }
        match self.ack {
            Some((highest, since)) if highest > offset => {
                let waited = at.time.0.saturating_sub(since.time.0);
                let (newer, as_new) = (signed(end, self.ack_end) > 0, end == self.ack_end);
                // Own bytes from before say that it was captured late, or carries what is sent again.
                if is_early && (newer || (as_new && waited > limits.acked_hole_wait_ns)) {
                    (self.ack, self.met) = (if known { self.sure } else { Some((offset, at)) }, None);
                    (self.ack_end, self.behind) = (end, false);
                } else if newer || as_new {
                    self.behind = true;
                }
            }
            Some((highest, _)) if highest == offset => {}
            _ => {
                (self.ack, self.met) = (Some((offset, at)), None);
                (self.ack_end, self.behind) = (end, false);
            }
        }
    }

    /// Returns true if the highest acknowledgement names bytes that had not been seen.
    #[inline]
    fn is_early(&self) -> bool {
        self.ack.map(|(ack, _)| ack) > self.sure.map(|(ack, _)| ack)
    }

    /// Where to the acknowledgements reach, now that no other follows: one that stands before its bytes counts when these
    /// came within the tolerance, or never, and the receiver did not fall behind it since.
    fn conclude_ack(&mut self, limits: &StreamLimits) {
        let late = self
            .ack
            .zip(self.met)
            .is_some_and(|((_, since), met)| met.time.0.saturating_sub(since.time.0) > limits.acked_hole_wait_ns);
        if late || (self.behind && self.met.is_none() && self.is_early()) {
            self.ack = self.sure;
        } else if self.is_early() {
            self.sure = self.ack;
        }
    }

    /// Says what speaks against these bytes.
    #[cold]
    pub(super) fn doubt(&self, seq: u32, len: u32, why: Unaccepted, emit: &mut impl FnMut(StreamItem<'cap>)) {
        let offset = self.relative(seq).and_then(|start| u64::try_from(start).ok());
        if let Some(offset) = offset.filter(|_| len > 0) {
            let len = u64::from(len);
            emit(StreamItem::Unaccepted { offset, len, why });
        }
    }

    /// Gives up holes that were acknowledged for long enough, and gives out what is acknowledged of the rest.
    #[inline]
    pub(super) fn settle(
        &mut self,
        at: At,
        counts: bool,
        limits: &StreamLimits,
        emit: &mut impl FnMut(StreamItem<'cap>),
    ) {
        if !self.blind.is_empty() {
            self.get_to(limits, emit);
        }
        let Some((ack, _)) = self.ack else { return };
        if ack > self.reorder.next() && self.reorder.is_waiting() && !self.expects_what_is_missing() {
            self.wait(ack, at, counts, limits, emit);
        } else {
            self.hole_timer.rest();
        }
        let Some((sure, at)) = self.sure else { return };
        let upto = sure.min(self.reorder.next());
        if upto > self.acked {
            self.acked = upto;
            emit(StreamItem::Acked { upto, at });
        }
    }

    /// Takes segments that were kept apart where the stream, or what the receiver has, goes as far by now: for places that are
    /// missing. Where the sender's own bytes came, they are left out.
    #[cold]
    fn get_to(&mut self, limits: &StreamLimits, emit: &mut impl FnMut(StreamItem<'cap>)) {
        let upto = self.ack.map_or(0, |(ack, _)| ack).max(self.reorder.seen_end()) as i64;
        let end = |of: &Self, segment: &TcpSegment<'cap>| of.relative(end_of(segment)).unwrap_or(0);
        let mut blind = std::mem::take(&mut self.blind);
        let reached = blind.reached(|(_, segment)| end(self, segment) <= upto);
        self.blind = blind;
        for (at, segment) in reached {
            if end(self, &segment) <= self.reorder.next() as i64 {
                emit(StreamItem::OutOfWindow { len: u64::from(segment.payload.wire_len), at });
            } else {
                self.suspect(at, &segment, emit);
                _ = self.receive(at, &segment, limits, emit);
            }
        }
    }

    fn expects_what_is_missing(&self) -> bool {
        let expected = self.expected.and_then(|seq| self.relative(seq));
        expected.is_some_and(|expected| self.reorder.first_waiting().is_some_and(|first| expected < first as i64))
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
        let settled = self.hole_timer.wait(ack, at, counts, limits);
        while self.reorder.is_waiting() && settled > self.reorder.next() {
            self.reorder.give_up(settled, GapCause::Unseen, at, limits, &mut without_probes(settled, emit));
        }
    }

    pub(super) fn close(
        &mut self,
        reason: EndReason,
        limits: &StreamLimits,
        emit: &mut impl FnMut(StreamItem<'cap>),
    ) {
        if self.has_begun() {
            self.discard_strays(emit);
        }
        self.release(limits, emit);
        // Of a direction of which nothing was captured, the other end tells how much went.
        let Some(at) = self.last.or(self.ack.map(|(_, at)| at)) else { return };
        self.conclude_ack(limits);
        self.get_to(limits, emit);
        for (at, segment) in self.blind.take() {
            emit(StreamItem::OutOfWindow { len: u64::from(segment.payload.wire_len), at });
        }
        let ack = self.ack.map_or(0, |(ack, _)| ack);
        if let Some(len) = self.heard.checked_sub(ack).filter(|len| *len > 0) {
            emit(StreamItem::Unaccepted { offset: ack, len, why: Unaccepted::Never });
        }
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
        if self.last.take().is_some() {
            emit(StreamItem::End { reason, at });
        }
    }
}

/// Gives `emit` what comes out of given up holes, with a lone byte directly behind one as a part of it: it may be a
/// keep-alive, whose content is arbitrary, and whose place was in what the capture missed.
pub(super) fn without_probes<'cap>(
    ack: u64,
    emit: &mut impl FnMut(StreamItem<'cap>),
) -> impl FnMut(StreamItem<'cap>) {
    let mut hole = None;
    move |item| {
        let item = match (item, hole.take()) {
            (StreamItem::Data { offset, bytes: [_], .. }, Some((otherwise, at))) => {
                let cause = if offset < ack { GapCause::Acknowledged } else { otherwise };
                StreamItem::Gap { offset, missing: Missing::Bytes(1), cause, at }
            }
            (item, _) => {
                if let StreamItem::Gap { cause, at, .. } = item
                    && cause != GapCause::Snaplen
                {
                    hole = Some((if cause == GapCause::Limit { cause } else { GapCause::Unseen }, at));
                }
                item
            }
        };
        emit(item);
    }
}

// Rationale: reordering at the start of a capture is a matter of neighbours; more would delay every direction.
const HELD_SEGMENTS: usize = 3;

// Rationale: four segments that continue each other by chance: 2^-96.
const STRAY_SEGMENTS: usize = 4;

// Rationale: neighbours of the first segment that came late; what is sent again from long before is no beginning.
pub(super) const JUST_BEFORE: i64 = 64 << 10;

// Rationale: RFC 7323, section 2.3: no window exceeds 2^30 bytes.
const SANE: i64 = 1 << 30;
