//! Packets that are ahead of what they answer.
//!
//! A packet that acknowledges a byte was sent after that byte had arrived. Where the capture holds it before that
//! byte (it missed the first copy; or the clocks of two taps differ, and only the slow one has it), the packet waits
//! here until the byte comes, so that what a request asked for is never read before the request.

use std::collections::VecDeque;

use super::path::{Ack, Number, Place, ReturnPath};
use super::{StreamItem, StreamLimits};
use crate::ends::{At, Direction};
use crate::limits::PENDING_BEHIND;

/// One direction of a connection, for which packets of the other one wait. A place is told in the unit in which its
/// packets count.
pub(super) trait PendingSide<'cap> {
    /// A packet of either direction.
    type Packet: Copy;
    /// The number of a packet.
    type Number: Number;

    /// The number of a packet.
    fn number(packet: &Self::Packet) -> Self::Number;
    /// The acknowledgement of a packet, where it tells of its sender.
    fn judged(packet: &Self::Packet) -> Option<Option<Self::Number>>;
    /// Returns true if a packet takes a place: it passes none of its own direction that wait.
    fn carries(packet: &Self::Packet) -> bool;
    /// Returns true once the start of the direction is decided.
    fn has_begun(&self) -> bool;
    /// The place behind all that `packet`, of the other direction, acknowledges, where not all of it is there yet.
    fn lacked_by(&self, packet: &Self::Packet) -> Option<u64>;
    /// The place behind all that was delivered or given up.
    fn came(&self) -> u64;
    /// The place of a number.
    fn place(&self, number: Self::Number) -> Option<u64>;
    /// The offset of a place up to which all was delivered or given up, while it is remembered.
    fn offset_of(&self, place: u64) -> Option<u64>;
    /// The offset of a place up to which a packet of the other direction acknowledges.
    fn answered_upto(&self, place: u64) -> Option<u64>;
    /// Says which packet of it waits elsewhere, the lowest one: no acknowledged hole that it may fill is given up.
    fn expect(&mut self, lowest: Option<Self::Number>);
    /// Says of a packet that its receiver would not take it.
    fn suspect(&mut self, at: At, packet: &Self::Packet, emit: &mut impl FnMut(StreamItem<'cap>));
    /// As [`Self::suspect`], where its acknowledgement is impossible: returns true if it is kept apart, as it stands ahead.
    fn is_kept_apart(&mut self, at: At, packet: &Self::Packet, emit: &mut impl FnMut(StreamItem<'cap>)) -> bool;
    /// Takes a packet.
    fn receive(
        &mut self,
        at: At,
        packet: &Self::Packet,
        limits: &StreamLimits,
        emit: &mut impl FnMut(StreamItem<'cap>),
    );
    /// Notes that a packet is read without what it acknowledges, the places before `need`.
    fn pass_over(&mut self, need: u64, at: At, limits: &StreamLimits);
    /// Gives up the holes before `need`, as far as packets are there behind them, or wait elsewhere from `lowest` on.
    fn give_up_before(
        &mut self,
        need: u64,
        lowest: Option<u64>,
        at: At,
        limits: &StreamLimits,
        emit: &mut impl FnMut(StreamItem<'cap>),
    );
}

/// The two ends that the waiting packets go between.
pub(super) struct Ends<'a, S, N, P = N> {
    pub(super) sides: &'a mut [S; 2],
    pub(super) path: &'a ReturnPath<N, P>,
    pub(super) limits: StreamLimits,
}

/// The packets of both directions that wait for what they acknowledge; small while none ever did.
#[derive(Debug)]
pub(super) struct PendingPackets<P, N>(Option<Box<[Queue<P, N>; 2]>>);

/// The packets of one direction that wait.
#[derive(Debug)]
struct Queue<P, N> {
    /// In order of arrival.
    held: VecDeque<PendingPacket<P, N>>,
    lowest: Lowest<N>,
}

/// A packet that waits.
#[derive(Clone, Copy, Debug)]
struct PendingPacket<P, N> {
    /// How far the other direction has to come.
    need: u64,
    at: At,
    number: N,
    packet: P,
}

// Not derived: that would ask for `P: Default`.
impl<P, N> Default for PendingPackets<P, N> {
    fn default() -> Self {
        Self(None)
    }
}

impl<P, N> Default for Queue<P, N> {
    fn default() -> Self {
        Self { held: VecDeque::new(), lowest: Lowest(VecDeque::new()) }
    }
}

impl<P: Copy, N: Number> PendingPackets<P, N> {
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many packets wait.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.0.as_deref().map_or(0, |[low, high]| low.held.len() + high.held.len())
    }

    /// The lowest number of those of `direction`.
    fn lowest(&self, direction: Direction) -> Option<N> {
        self.0.as_deref().and_then(|queues| queues[direction.index()].lowest.get())
    }

    /// Takes a packet while one of them waits, or it has to.
    #[cold]
    pub(super) fn push<'cap, S, Q>(
        &mut self,
        (at, direction, packet): (At, Direction, P),
        ends: &mut Ends<'_, S, N, Q>,
        start: usize,
        out: &mut Vec<(Direction, StreamItem<'cap>)>,
    ) where
        S: PendingSide<'cap, Packet = P, Number = N>,
        Q: Place,
    {
        let (this, that) = both(ends.sides, direction);
        let number = S::number(&packet);
        // Nor does one pass those of its own direction that wait: they would seem to be missing.
        let passes = || self.lowest(direction).is_some_and(|lowest| number.away(lowest) >= 0);
        let need = that.lacked_by(&packet).filter(|_| this.has_begun());
        match need.or_else(|| (S::carries(&packet) && passes()).then_some(0)) {
            Some(need) => {
                let queue = &mut self.0.get_or_insert_default()[direction.index()];
                queue.held.push_back(PendingPacket { need, at, number, packet });
                queue.lowest.hold(number);
            }
            None => this.receive(at, &packet, &ends.limits, &mut |item| out.push((direction, item))),
        }
        self.open(Some(at), ends, start, out);
    }

    /// Lets the packets pass that need not wait, each at its place in the items from `start` on; at the end (`now` is
    /// `None`) all of them.
    pub(super) fn open<'cap, S, Q>(
        &mut self,
        now: Option<At>,
        ends: &mut Ends<'_, S, N, Q>,
        start: usize,
        out: &mut Vec<(Direction, StreamItem<'cap>)>,
    ) where
        S: PendingSide<'cap, Packet = P, Number = N>,
        Q: Place,
    {
        let limits = ends.limits;
        loop {
            for direction in [Direction::LowToHigh, Direction::HighToLow] {
                ends.sides[direction.index()].expect(self.lowest(direction));
            }
            let came = [ends.sides[0].came(), ends.sides[1].came()];
            let Some((direction, PendingPacket { need, at, packet, .. })) = self.release(came, now, &limits) else {
                return;
            };
            let reverse = direction.reverse();
            let (this, that) = both(ends.sides, direction);
            this.expect(self.lowest(direction));
            let mut items = Vec::new();
            if need > 0 {
                // What waits there may be what fills the hole.
                let lowest = self.lowest(reverse).and_then(|number| that.place(number));
                if lowest.is_some() {
                    // What fills the hole later belongs before this packet.
                    that.pass_over(need, at, &limits);
                }
                let now = now.unwrap_or(at);
                that.give_up_before(need, lowest, now, &limits, &mut |item| out.push((reverse, item)));
                let upto = that.answered_upto(need);
                items.extend(upto.map(|upto| (direction, StreamItem::Answers { at, upto })));
            }
            let mut emit = |item| items.push((direction, item));
            // It waited for what it acknowledges as long as anything is waited for.
            let judged = S::judged(&packet).map(|ack| ends.path.judge(direction, ack));
            let apart = match judged {
                Some(Ack::Impossible) => this.is_kept_apart(at, &packet, &mut emit),
                Some(Ack::Ahead) => {
                    this.suspect(at, &packet, &mut emit);
                    false
                }
                _ => false,
            };
            let last = that.offset_of(need);
            if !apart {
                this.receive(at, &packet, &limits, &mut emit);
            }
            let place = place(out, start, direction, |offset| last.is_none_or(|last| offset < last));
            out.splice(place..place, items);
        }
    }

    /// Takes the next packet that need not wait any longer, `came` being how far each direction has; else one that waited
    /// for too long, the oldest first.
    fn release(
        &mut self,
        came: [u64; 2],
        now: Option<At>,
        limits: &StreamLimits,
    ) -> Option<(Direction, PendingPacket<P, N>)> {
        let [low, high] = self.0.as_deref_mut()?;
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
        let packet = queue.held.pop_front()?;
        queue.lowest.release(packet.number);
        Some((direction, packet))
    }
}

impl<P, N> Queue<P, N> {
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
struct Lowest<N>(VecDeque<N>);

impl<N: Number> Lowest<N> {
    /// A packet of this number begins to wait, behind all others.
    fn hold(&mut self, number: N) {
        while self.0.pop_back_if(|last| last.away(number) > 0).is_some() {}
        self.0.push_back(number);
    }

    /// The packet of this number, which came first, waits no longer.
    fn release(&mut self, number: N) {
        _ = self.0.pop_front_if(|first| first.away(number) == 0);
    }

    /// The number; `None` where none waits.
    fn get(&self) -> Option<N> {
        self.0.front().copied()
    }
}

/// The side of `direction`, and the other one.
pub(super) fn both<S>([low, high]: &mut [S; 2], direction: Direction) -> (&mut S, &mut S) {
    match direction {
        Direction::LowToHigh => (low, high),
        Direction::HighToLow => (high, low),
    }
}

/// Where in `out`, from `start` on, the items of a packet that goes in `direction` belong: behind all of its own
/// direction, and before the first data of the other one at an offset that is not `before` it.
fn place<'cap>(
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
        let mut lowest = Lowest(VecDeque::new());
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
