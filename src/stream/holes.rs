//! Places of a direction that were given up, and what came behind them: what comes for them after that stands late in the captures.

use std::collections::VecDeque;
use std::ops::Range;

use super::StreamLimits;
use crate::ends::FrameId;

/// Where in the captures a late packet would have been in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// The frame before which it has to be read: that of the packet behind it, or the one at which its place was given up.
    pub before: FrameId,
    /// Its place: packets that are due before one frame are read in the order of it. Below 0 before the beginning.
    pub place: i64,
    /// The place behind it.
    pub behind: i64,
    /// Places that may be missing between it and the beginning, or another packet that belongs there.
    pub near: i64,
}

/// Places that were given up, in the unit in which the direction's packets count. Small while there are none.
#[derive(Clone, Debug, Default)]
pub(super) struct Holes(Option<Box<GivenUp>>);

/// # Invariants
/// - `given_up` ascends, without overlap.
#[derive(Clone, Debug, Default)]
struct GivenUp {
    given_up: VecDeque<Hole>,
    /// The frame of the packet that was taken for the first one, where no opening tells.
    begin: Option<FrameId>,
    /// True if some places were let go, as too many were given up.
    forgot: bool,
}

#[derive(Clone, Debug)]
struct Hole {
    places: Range<u64>,
    at: FrameId,
}

impl Holes {
    /// Notes that nothing more is waited for at these places, before `at`.
    #[cold]
    pub(super) fn give_up(&mut self, mut places: Range<u64>, at: FrameId, limits: &StreamLimits) {
        let last = self.0.as_ref().and_then(|known| known.given_up.back());
        places.start = places.start.max(last.map_or(0, |last| last.places.end));
        if places.is_empty() {
            return;
        }
        let known = self.0.get_or_insert_default();
        if known.given_up.len() >= limits.holes as usize {
            known.given_up.pop_front();
            known.forgot = true;
        }
        known.given_up.push_back(Hole { places, at });
    }

    /// Notes that the direction begins with what this frame, and those behind it, hold.
    #[cold]
    pub(super) fn begin(&mut self, at: FrameId) {
        self.0.get_or_insert_default().begin = Some(at);
    }

    /// Forgets all: places are counted anew.
    #[cold]
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Returns true if no place was given up.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Takes out what a packet for these places fills, if it fills anything; `near` and `far` are how far before the beginning it
    /// may stand on its own, and with others between.
    pub(super) fn fill(&mut self, places: Range<i64>, near: i64, far: i64) -> FilledHole {
        let (Some(known), place, behind) = (&mut self.0, places.start, places.end) else {
            return FilledHole::Nothing;
        };
        let due = |before| FilledHole::Due(Due { before, place, behind, near });
        if place < 0 {
            let before = known.begin.filter(|_| place >= -far && !places.is_empty());
            return before.map_or(FilledHole::Nothing, due);
        }
        let (start, end) = (place as u64, places.end.max(0) as u64);
        let first = known.given_up.partition_point(|hole| hole.places.end <= start);
        let Some(hole) = known.given_up.get(first).filter(|hole| hole.places.start < end) else {
            let before_all = known.given_up.front().is_none_or(|oldest| end <= oldest.places.start);
            return if known.forgot && before_all && start < end {
                FilledHole::Forgotten
            } else {
                FilledHole::Nothing
            };
        };
        let before = hole.at;
        let last = known.given_up.partition_point(|hole| hole.places.start < end);
        let touched: Vec<Hole> = known.given_up.drain(first..last).collect();
        let mut index = first;
        for Hole { places, at } in touched {
            for rest in [
                places.start..start.clamp(places.start, places.end),
                end.clamp(places.start, places.end)..places.end,
            ] {
                if !rest.is_empty() {
                    known.given_up.insert(index, Hole { places: rest, at });
                    index += 1;
                }
            }
        }
        due(before)
    }
}

/// The hole that a packet fills which stands behind its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FilledHole {
    /// No hole.
    Nothing,
    /// A hole, or a part of one; or it stands before the beginning.
    Due(Due),
    /// Perhaps one that was let go.
    Forgotten,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Limits;

    fn frame(number: u64) -> FrameId {
        FrameId::new(0, number)
    }

    #[test]
    fn a_packet_fills_its_part_of_a_hole_once_and_is_due_where_the_first_hole_was_given_up() {
        let limits = StreamLimits::from(&Limits::default());
        let mut holes = Holes::default();
        holes.give_up(100..200, frame(7), &limits);
        holes.give_up(300..310, frame(9), &limits);
        assert_eq!(holes.fill(0..100, 50, 500), FilledHole::Nothing);
        let due = |before, places: Range<i64>| {
            FilledHole::Due(Due { before: frame(before), place: places.start, behind: places.end, near: 50 })
        };
        assert_eq!(holes.fill(120..140, 50, 500), due(7, 120..140));
        assert_eq!(holes.fill(120..140, 50, 500), FilledHole::Nothing);
        assert_eq!(holes.fill(130..305, 50, 500), due(7, 130..305));
        assert_eq!(holes.fill(100..120, 50, 500), due(7, 100..120));
        assert_eq!(holes.fill(300..305, 50, 500), FilledHole::Nothing);
        assert_eq!(holes.fill(305..900, 50, 500), due(9, 305..900));
        assert_eq!(holes.fill(0..900, 50, 500), FilledHole::Nothing);
    }

    #[test]
    fn what_comes_before_the_beginning_is_due_there_and_what_was_let_go_is_told() {
        let limits = StreamLimits { holes: 2, ..StreamLimits::from(&Limits::default()) };
        let mut holes = Holes::default();
        assert_eq!(holes.fill(-10..0, 50, 500), FilledHole::Nothing);
        holes.begin(frame(3));
        let due = |place, behind| FilledHole::Due(Due { before: frame(3), place, behind, near: 50 });
        assert_eq!(holes.fill(-10..0, 50, 500), due(-10, 0));
        assert_eq!(holes.fill(-500..-40, 50, 500), due(-500, -40));
        assert_eq!(holes.fill(-501..-40, 50, 500), FilledHole::Nothing);
        (1..4).for_each(|number| holes.give_up(10 * number..10 * number + 5, frame(number), &limits));
        assert_eq!(holes.fill(10..15, 50, 500), FilledHole::Forgotten);
        assert_eq!(holes.fill(25..30, 50, 500), FilledHole::Nothing);
    }
}
