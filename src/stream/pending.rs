//! Packets that are ahead of what they answer.
//!
//! A packet that acknowledges a byte was sent after that byte had arrived. Where the capture holds it before that
//! byte (it missed the first copy; or the clocks of two taps differ, and only the slow one has it), the packet waits
//! here until the byte comes, so that what a request asked for is never read before the request.

use std::collections::VecDeque;

use super::path::Number;
use super::{StreamItem, StreamLimits};
use crate::ends::{At, Direction};
use crate::limits::PENDING_BEHIND;

/// The packets of one direction that wait for bytes which they acknowledge, in order of arrival.
#[derive(Debug)]
pub(super) struct PendingPackets<P> {
    held: VecDeque<PendingPacket<P>>,
}

/// A packet that waits.
#[derive(Clone, Copy, Debug)]
pub(super) struct PendingPacket<P> {
    /// How far the other direction has to come; in the unit in which its packets count.
    pub(super) need: u64,
    /// Its frame.
    pub(super) at: At,
    /// The packet.
    pub(super) packet: P,
}

// Not derived: that would ask for `P: Default`.
impl<P> Default for PendingPackets<P> {
    fn default() -> Self {
        Self { held: VecDeque::new() }
    }
}

impl<P> PendingPackets<P> {
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.held.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// The packet that came first.
    pub(super) fn first(&self) -> Option<&P> {
        self.held.front().map(|waiting| &waiting.packet)
    }

    /// All that wait, the one that came first in front.
    pub(super) fn iter(&self) -> impl Iterator<Item = &P> {
        self.held.iter().map(|waiting| &waiting.packet)
    }

    /// Lets a packet wait until the other direction has come to `need`.
    pub(super) fn hold(&mut self, need: u64, at: At, packet: P) {
        self.held.push_back(PendingPacket { need, at, packet });
    }

    /// Returns true if the first packet need not wait any longer, as the other direction `came` as far as it needs.
    fn is_free(&self, came: u64) -> bool {
        self.held.front().is_some_and(|first| first.need <= came)
    }

    /// When the first packet came, where it has waited at frame `now` as long as holes do, or too many packets wait for it
    /// or with it; at the end (`now` is `None`) in any case.
    fn overdue(&self, now: Option<At>, other: &Self, limits: &StreamLimits) -> Option<At> {
        let first = self.held.front()?;
        let waited = |now: At| now.time.0.saturating_sub(first.at.time.0) > limits.acked_hole_wait_ns;
        let crowded = || self.held.len() > limits.pending_segments as usize || other.held.len() > PENDING_BEHIND;
        (now.is_none_or(waited) || crowded()).then_some(first.at)
    }
}

/// The lowest number of the packets that wait in one queue: one that was sent again waits behind later ones.
///
/// # Invariants
/// - Ascends: each is the lowest of those that came with it or after it.
#[derive(Debug)]
pub(super) struct Lowest<N>(VecDeque<N>);

impl<N> Default for Lowest<N> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<N: Number> Lowest<N> {
    /// A packet of this number begins to wait, behind all others.
    pub(super) fn hold(&mut self, number: N) {
        while self.0.pop_back_if(|last| last.away(number) > 0).is_some() {}
        self.0.push_back(number);
    }

    /// The packet of this number, which came first, waits no longer.
    pub(super) fn release(&mut self, number: N) {
        _ = self.0.pop_front_if(|first| first.away(number) == 0);
    }

    /// The number; `None` where none waits.
    pub(super) fn get(&self) -> Option<N> {
        self.0.front().copied()
    }
}

/// Takes the next packet that need not wait any longer out of the queues of the two directions, `came` being how far
/// each direction has; else one that waited for too long, the oldest first.
pub(super) fn release<P>(
    queues: &mut [PendingPackets<P>; 2],
    came: [u64; 2],
    now: Option<At>,
    limits: &StreamLimits,
) -> Option<(Direction, PendingPacket<P>)> {
    let [low, high] = queues;
    let direction = if low.is_free(came[1]) {
        Direction::LowToHigh
    } else if high.is_free(came[0]) {
        Direction::HighToLow
    } else {
        match (low.overdue(now, high, limits), high.overdue(now, low, limits)) {
            (Some(one), Some(other)) if one <= other => Direction::LowToHigh,
            (Some(_), None) => Direction::LowToHigh,
            (_, other) => other.map(|_| Direction::HighToLow)?,
        }
    };
    let queue = if direction == Direction::LowToHigh { low } else { high };
    queue.held.pop_front().map(|waiting| (direction, waiting))
}

/// Where in `out`, from `start` on, the items of a packet that goes in `direction` belong: behind all of its own
/// direction, and before the first data of the other one at an offset that is not `before` it.
pub(super) fn place<'cap>(
    out: &[(Direction, StreamItem<'cap>)],
    start: usize,
    direction: Direction,
    before: impl Fn(u64) -> bool,
) -> usize {
    let fresh = out.get(start..).unwrap_or_default();
    let carried = |item: &StreamItem<'_>| match item {
        StreamItem::Data { offset, .. } | StreamItem::Gap { offset, .. } => Some(*offset),
        _ => None,
    };
    let own = fresh.iter().rposition(|(way, _)| *way == direction);
    let later = |(way, item): &(Direction, StreamItem<'_>)| {
        *way != direction && carried(item).is_some_and(|offset| !before(offset))
    };
    let later = fresh.iter().position(later).unwrap_or(fresh.len());
    start + later.max(own.map_or(0, |last| last + 1))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::checked::{at, bytes, check};
    use super::super::{EndReason, TcpConnection};
    use super::*;
    use crate::Limits;
    use crate::packet::{Checksum, Payload, TcpFlags, TcpSegment};

    const A: Direction = Direction::LowToHigh;
    const B: Direction = Direction::HighToLow;

    fn segment(seq: u32, ack: u32, bytes: &[u8], syn: bool) -> TcpSegment<'_> {
        TcpSegment {
            seq,
            ack: Some(ack).filter(|ack| *ack > 0),
            flags: TcpFlags { syn, ..TcpFlags::default() },
            payload: Payload { bytes, wire_len: bytes.len() as u32 },
            checksum: Checksum::Unchecked,
        }
    }

    /// A connection whose directions begin with 100 and 500, and what it gave out.
    struct Run<'cap> {
        connection: TcpConnection<'cap>,
        out: Vec<(Direction, StreamItem<'cap>)>,
    }

    impl<'cap> Run<'cap> {
        fn opened() -> Self {
            let mut run =
                Self { connection: TcpConnection::new(&StreamLimits::from(&Limits::default())), out: Vec::new() };
            run.push(1, A, segment(99, 0, b"", true)).push(2, B, segment(499, 100, b"", true));
            run
        }

        fn push(&mut self, frame: u64, direction: Direction, segment: TcpSegment<'cap>) -> &mut Self {
            self.connection.push(at(frame), direction, &segment, &mut self.out);
            self
        }

        /// The data of both directions in the order in which it came out.
        fn order(&self) -> String {
            let text = self.out.iter().map(|(_, item)| match item {
                StreamItem::Data { bytes, .. } => String::from_utf8_lossy(bytes).into_owned(),
                _ => String::new(),
            });
            text.collect()
        }
    }

    #[test]
    fn the_lowest_of_those_that_wait_is_known_in_any_order_and_across_the_wrap() {
        let mut lowest = Lowest::default();
        let numbers = [65_530_u16, 65_533, 2, 65_531, 65_531, 7, 4];
        let mut seen = Vec::new();
        numbers.iter().for_each(|number| lowest.hold(*number));
        for number in numbers {
            seen.push(lowest.get());
            lowest.release(number);
        }
        assert_eq!(seen, [65_530, 65_531, 65_531, 65_531, 65_531, 4, 4].map(Some));
        assert_eq!(lowest.get(), None);
    }

    #[test]
    fn what_answers_is_delivered_behind_what_it_acknowledges_though_it_was_captured_before() {
        let mut run = Run::opened();
        run.push(3, A, segment(100, 504, b"PIECE", false)).push(4, B, segment(500, 100, b"ask.", false));
        assert_eq!(run.order(), "ask.PIECE");
        assert!(run.out.contains(&(A, StreamItem::Answers { at: at(3), upto: 4 })), "{:?}", run.out);
    }

    #[test]
    fn what_answers_comes_before_what_it_does_not_acknowledge() {
        let mut run = Run::opened();
        run.push(3, A, segment(100, 504, b"PIECE", false));
        run.push(4, B, segment(504, 105, b"next", false)).push(5, B, segment(500, 100, b"ask.", false));
        assert_eq!(run.order(), "ask.PIECEnext");
    }

    #[test]
    fn it_waits_no_longer_than_holes_do() {
        let mut run = Run::opened();
        run.push(3, A, segment(100, 504, b"PIECE", false)).push(1_900, A, segment(105, 504, b"MORE", false));
        assert_eq!(run.order(), "");
        run.push(2_100, A, segment(109, 504, b"LAST", false));
        assert_eq!(run.order(), "PIECE");
        run.connection.close(EndReason::Open, &mut run.out);
        assert_eq!(run.order(), "PIECEMORELAST");
    }

    #[test]
    fn the_hole_that_it_waits_for_is_given_up_with_it() {
        let mut run = Run::opened();
        run.push(3, B, segment(504, 100, b"then", false)).push(4, A, segment(100, 508, b"PIECE", false));
        run.push(2_100, A, segment(105, 508, b"MORE", false));
        assert_eq!(run.order(), "thenPIECEMORE");
    }

    #[test]
    fn what_waits_for_a_hole_comes_between_that_and_what_answers_it() {
        let mut run = Run::opened();
        // A's first bytes are missing; B acknowledges them, and A's next bytes acknowledge B.
        run.push(3, B, segment(500, 104, b"ask.", false));
        assert_eq!(run.order(), "");
        run.push(4, A, segment(104, 504, b"PIECE", false)).push(5, A, segment(100, 500, b"have", false));
        assert_eq!(run.order(), "haveask.PIECE");
    }

    #[test]
    fn a_direction_that_the_capture_lacks_is_not_waited_for() {
        let mut connection = TcpConnection::new(&StreamLimits::from(&Limits::default()));
        let mut out = Vec::new();
        connection.push(at(1), A, &segment(99, 0, b"", true), &mut out);
        connection.push(at(2), A, &segment(100, 900, b"PIECE", false), &mut out);
        assert!(matches!(out.as_slice(), [(_, StreamItem::Data { .. })]), "{out:?}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        #[test]
        fn whatever_the_order_of_capture_every_byte_comes_out_once(
            // Not 1: a lone byte behind a hole is taken for a keep-alive.
            sends in prop::collection::vec((any::<bool>(), 2..20_usize), 1..60),
            moves in prop::collection::vec(0..12_usize, 60),
            missed in prop::collection::vec(0..8_u8, 60),
        ) {
            let data: Vec<u8> = (0..1_200).map(|n| n as u8).collect();
            let (mut sent, mut wire) = ([0_usize; 2], Vec::new());
            for (number, (low, len)) in sends.iter().enumerate() {
                let (own, other) = if *low { (0, 1) } else { (1, 0) };
                let (seq, ack) = ([100, 500][own] + sent[own] as u32, [100, 500][other] + sent[other] as u32);
                let payload = &data[sent[own]..sent[own] + len];
                sent[own] += len;
                wire.push((number + moves[number], [A, B][own], segment(seq, ack, payload, false), missed[number] == 0));
            }
            wire.sort_by_key(|(place, ..)| *place);
            for lossy in [false, true] {
                let mut run = Run::opened();
                for (frame, (_, direction, segment, missed)) in wire.iter().enumerate() {
                    if !lossy || !missed {
                        run.push(frame as u64 + 3, *direction, *segment);
                    }
                }
                run.connection.close(EndReason::Open, &mut run.out);
                for (direction, sent) in [(A, sent[0]), (B, sent[1])] {
                    let items: Vec<_> =
                        run.out.iter().filter(|(way, _)| *way == direction).map(|(_, item)| *item).collect();
                    check(items.iter().copied());
                    let expected: usize = wire
                        .iter()
                        .filter(|(_, way, _, missed)| *way == direction && !(lossy && *missed))
                        .map(|(_, _, segment, _)| segment.payload.bytes.len())
                        .sum();
                    prop_assert_eq!(bytes(items.iter().copied()).len(), expected);
                    if !lossy {
                        prop_assert_eq!(bytes(items), data[..sent].to_vec());
                    }
                }
            }
        }
    }
}
