//! Segments that acknowledge bytes which were not seen yet: what they wait for.

use super::NEAR;
use super::side::{TcpSide, without_probes};
use crate::ends::At;
use crate::packet::TcpSegment;
use crate::stream::pending::PendingSide;
use crate::stream::{GapCause, StreamItem, StreamLimits, Unaccepted};

/// Places are offsets.
impl<'cap> PendingSide<'cap> for TcpSide<'cap> {
    type Packet = TcpSegment<'cap>;
    type Number = u32;

    fn number(segment: &TcpSegment<'cap>) -> u32 {
        segment.seq
    }

    fn judged(segment: &TcpSegment<'cap>) -> Option<Option<u32>> {
        (!segment.flags.syn).then_some(segment.ack)
    }

    fn carries(segment: &TcpSegment<'cap>) -> bool {
        segment.payload.wire_len > 0 || segment.flags.fin
    }

    fn has_begun(&self) -> bool {
        self.has_begun()
    }

    #[inline]
    fn lacked_by(&self, segment: &TcpSegment<'cap>) -> Option<u64> {
        if segment.payload.wire_len > 0 { segment.ack.and_then(|ack| self.lacks(ack)) } else { None }
    }

    fn came(&self) -> u64 {
        self.reorder.next()
    }

    fn place(&self, seq: u32) -> Option<u64> {
        self.relative(seq).map(|place| u64::try_from(place).unwrap_or(0))
    }

    fn offset_of(&self, place: u64) -> Option<u64> {
        Some(place)
    }

    fn answered_upto(&self, place: u64) -> Option<u64> {
        Some(place)
    }

    fn expect(&mut self, lowest: Option<u32>) {
        self.expected = lowest;
    }

    fn suspect(&mut self, at: At, segment: &TcpSegment<'cap>, emit: &mut impl FnMut(StreamItem<'cap>)) {
        if segment.payload.wire_len > 0 {
            emit(StreamItem::Suspect { at });
        }
        self.doubt(segment.seq, segment.payload.wire_len, Unaccepted::Impossible, emit);
    }

    #[cold]
    fn is_kept_apart(
        &mut self,
        at: At,
        segment: &TcpSegment<'cap>,
        emit: &mut impl FnMut(StreamItem<'cap>),
    ) -> bool {
        let ahead = self.relative(segment.seq).map(|start| start.saturating_sub(self.reorder.seen_end() as i64));
        // Some tools write segments that acknowledge nothing.
        let least = if segment.ack.is_some() { 0 } else { NEAR };
        if self.blind.are_few() && ahead.is_some_and(|ahead| ahead > least) {
            self.blind.keep((at, *segment));
            return true;
        }
        self.suspect(at, segment, emit);
        false
    }

    fn receive(
        &mut self,
        at: At,
        segment: &TcpSegment<'cap>,
        limits: &StreamLimits,
        emit: &mut impl FnMut(StreamItem<'cap>),
    ) {
        _ = self.receive(at, segment, limits, emit);
    }

    fn pass_over(&mut self, need: u64, at: At, limits: &StreamLimits) {
        self.reorder.holes.give_up(self.reorder.next()..need, at.frame, limits);
    }

    fn give_up_before(
        &mut self,
        need: u64,
        lowest: Option<u64>,
        at: At,
        limits: &StreamLimits,
        emit: &mut impl FnMut(StreamItem<'cap>),
    ) {
        let upto = lowest.map_or(need, |lowest| need.min(lowest));
        while self.reorder.is_waiting() && self.reorder.next() < upto {
            self.reorder.give_up(upto, GapCause::Unseen, at, limits, &mut without_probes(upto, emit));
        }
        if lowest.is_some() {
            let missing = upto.saturating_sub(self.reorder.next());
            self.reorder.skip(missing, GapCause::Acknowledged, at, limits, emit);
        }
        self.settle(at, false, limits, emit);
    }
}
