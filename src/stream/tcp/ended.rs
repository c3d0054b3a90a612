//! The memory of a connection that is over: enough to tell packets that still belong to it.

use super::side::{JUST_BEFORE, TcpSide};
use super::{NEAR, signed};
use crate::ends::Direction;
use crate::packet::TcpSegment;
use crate::stream::FilledHole;
use crate::stream::holes::Holes;

/// The place at which each direction of a connection stopped.
#[derive(Clone, Debug, Default)]
pub struct Ended {
    sides: [Stop; 2],
    /// The places that were given up; `None` without any.
    holes: Option<Box<[Holes; 2]>>,
}

/// The kind of a segment that comes after the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leftover {
    /// Nothing with payload: a last acknowledgement, an RST, a FIN or SYN sent again.
    Nothing,
    /// The SYN that opened it once more: sent again, or that of a connection that begins with the same number.
    Again,
    /// Payload for a place before the end: sent again, or late. So many bytes.
    Repeated(u64),
    /// The beginning or a part of another connection, or more of this one, which then was not over.
    Beyond,
}

#[derive(Clone, Copy, Debug, Default)]
struct Stop {
    isn: Option<u32>,
    origin: Option<u32>,
    next: u64,
}

impl Ended {
    pub(super) fn of(sides: &[TcpSide<'_>; 2]) -> Self {
        let torn = sides.iter().any(|side| !side.reorder.holes.is_empty());
        Self {
            sides: sides.each_ref().map(TcpSide::stop).map(|(isn, origin, next)| Stop { isn, origin, next }),
            holes: torn.then(|| Box::new(sides.each_ref().map(|side| side.reorder.holes.clone()))),
        }
    }

    /// As [`TcpConnection::late`](super::TcpConnection::late).
    pub fn late(&mut self, direction: Direction, segment: &TcpSegment<'_>) -> FilledHole {
        let start = self.sides[direction.index()].relative(segment.seq);
        let (Some(start), Some(holes)) = (start, &mut self.holes) else { return FilledHole::Nothing };
        let len = segment.payload.bytes.len() as i64;
        holes[direction.index()].fill(start..start.saturating_add(len), JUST_BEFORE, NEAR)
    }

    /// Classifies `segment`, sent in `direction`, by the rules of
    /// [`TcpConnection::replaced_by`](super::TcpConnection::replaced_by).
    pub fn judge(&self, direction: Direction, segment: &TcpSegment<'_>) -> Leftover {
        let [low, high] = &self.sides;
        let (this, that) = match direction {
            Direction::LowToHigh => (low, high),
            Direction::HighToLow => (high, low),
        };
        if segment.flags.rst {
            return Leftover::Nothing;
        }
        if segment.flags.syn {
            if this.isn == Some(segment.seq) && segment.ack.is_none() {
                return Leftover::Again;
            }
            let begins = match (this.isn, this.relative(segment.seq.wrapping_add(1))) {
                (Some(isn), _) => isn != segment.seq,
                (None, Some(start)) => !(-NEAR..=0).contains(&start),
                (None, None) => segment.ack.is_none() && that.next > 0,
            };
            return if begins { Leftover::Beyond } else { Leftover::Nothing };
        }
        let len = i64::from(segment.payload.wire_len);
        match this.distance(segment.seq) {
            _ if len == 0 => Leftover::Nothing,
            // One byte just before the end asks whether the other side is there (RFC 9293, section 3.8.4).
            Some(-1) if len == 1 => Leftover::Nothing,
            // Before its own SYN it sent nothing.
            Some(_) if this.isn.is_some() && this.relative(segment.seq).is_some_and(|place| place < -1) => {
                Leftover::Beyond
            }
            Some(distance) if (-NEAR..=0).contains(&distance) && distance + len <= 0 => {
                Leftover::Repeated(len.unsigned_abs())
            }
            _ => Leftover::Beyond,
        }
    }
}

impl Stop {
    fn distance(&self, seq: u32) -> Option<i64> {
        self.origin.map(|origin| signed(seq, origin.wrapping_add(self.next as u32)))
    }

    fn relative(&self, seq: u32) -> Option<i64> {
        self.distance(seq).map(|distance| (self.next as i64).saturating_add(distance))
    }
}
