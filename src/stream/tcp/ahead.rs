//! Segments that acknowledge bytes which were not seen yet: they wait for them, and those of their own direction wait behind
//! them.

use super::{TcpConnection, signed};
use crate::ends::{At, Direction};
use crate::packet::TcpSegment;
use crate::stream::StreamItem;
use crate::stream::path::Ack;
use crate::stream::pending::{self, place};

impl<'cap> TcpConnection<'cap> {
    /// Takes a segment while one of them waits, or it has to.
    #[cold]
    pub(super) fn push_ahead(
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
        // Nor does one pass those of its own direction that wait: their bytes would seem to be missing.
        let waits = || {
            let first = self.pending[direction.index()].first()?;
            let carries = segment.payload.wire_len > 0 || segment.flags.fin;
            (carries && signed(segment.seq, first.seq) >= 0).then_some(0)
        };
        match need.filter(|_| self.side(direction).has_begun()).or_else(waits) {
            Some(need) => self.pending[direction.index()].hold(need, at, *segment),
            None => {
                let side = &mut self.sides[direction.index()];
                side.receive(at, segment, &limits, &mut |item| out.push((direction, item)));
            }
        }
        self.tell_sides();
        self.open(Some(at), start, out);
    }

    /// Tells each side which segment of it waits.
    fn tell_sides(&mut self) {
        for (side, queue) in self.sides.iter_mut().zip(&self.pending) {
            side.expected = queue.first().map(|first| first.seq);
        }
    }

    /// Lets the segments pass that need not wait, each at its place in the items from `start` on.
    pub(super) fn open(&mut self, now: Option<At>, start: usize, out: &mut Vec<(Direction, StreamItem<'cap>)>) {
        loop {
            let came = [self.sides[0].reorder.next(), self.sides[1].reorder.next()];
            let Some((direction, waiting)) = pending::release(&mut self.pending, came, now, &self.limits) else {
                return;
            };
            self.tell_sides();
            let reverse = direction.reverse();
            // It waited for what it acknowledges as long as anything is waited for.
            let suspect = self.is_suspect(direction, &waiting.packet, Ack::Ahead);
            let [low, high] = &mut self.sides;
            let (this, that) = match direction {
                Direction::LowToHigh => (low, high),
                Direction::HighToLow => (high, low),
            };
            let mut items = Vec::new();
            if waiting.need > 0 {
                // What waits there may be what fills the hole, where there is one.
                let lowest =
                    || self.pending[reverse.index()].iter().filter_map(|segment| that.relative(segment.seq)).min();
                let lowest = if that.reorder.next() < waiting.need { lowest() } else { None };
                let at = now.unwrap_or(waiting.at);
                if lowest.is_some() {
                    // What fills the hole later belongs before this segment.
                    that.pass_over(waiting.need, waiting.at, &self.limits);
                }
                // Where its beginning is missing, what answers that says what the connection is.
                if lowest.is_none() || that.reorder.next() > 0 {
                    that.give_up_before(waiting.need, lowest, at, &self.limits, &mut |item| {
                        out.push((reverse, item))
                    });
                }
                items.push((direction, StreamItem::Answers { at: waiting.at, upto: waiting.need }));
            }
            let mut emit = |item| items.push((direction, item));
            if suspect {
                this.suspect(waiting.packet.seq, waiting.packet.payload.wire_len, &mut emit);
            }
            this.receive(waiting.at, &waiting.packet, &self.limits, &mut emit);
            let place = place(out, start, direction, |offset| offset < waiting.need);
            out.splice(place..place, items);
        }
    }
}
