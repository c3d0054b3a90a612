//! Packets that the snap length cut, where another input or interface may hold more of them.
//!
//! Such a packet waits for a longer copy, and with it whatever follows in its flow, so that the order of the flow stays
//! what it is. When the longer copy comes, the two change places. What decides on the order does not: times, as the clocks
//! of two inputs may differ; and, where both copies are of one file, frame numbers, too. What comes too late, or never,
//! changes nothing.

use std::collections::VecDeque;

use crate::ends::{At, FlowKey, Timestamp};
use crate::limits::{DELAYED_FLOWS, FLOW_COPY_MARKS};
use crate::packet::{Packet, Payload, TransportLayer};

/// The packets of one flow that wait, in the order in which they came.
///
/// # Invariants
/// - The first one is cut, but while they are let go.
/// - At most [`MOST`] wait.
#[derive(Debug, Default)]
pub(super) struct Delay<'cap> {
    waiting: VecDeque<DelayedPacket<'cap>>,
    /// True if the flow is among the [`Delayed`].
    listed: bool,
}

/// A packet that waits.
#[derive(Clone, Copy, Debug)]
pub(super) struct DelayedPacket<'cap> {
    /// The packet that came at this place. Copies are told by it.
    place: At,
    /// It, or a longer copy of it: of another file, with its frame number, but with the time of the place.
    pub(super) packet: Packet<'cap>,
    /// Another copy, if there is one.
    pub(super) original: Option<At>,
}

impl<'cap> Delay<'cap> {
    /// Returns true if no packet waits.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// The memory of the packets that wait, in slices.
    #[inline]
    pub(super) fn slices(&self) -> usize {
        SLICES * self.waiting.len()
    }

    /// Lets a packet wait; or a shorter copy of it, the `original`, whose place it then takes.
    #[cold]
    pub(super) fn push(&mut self, packet: &Packet<'cap>, original: Option<At>) {
        let mut new = DelayedPacket { place: packet.at, packet: *packet, original };
        let first = original.and_then(|place| self.waiting.iter_mut().find(|waiting| waiting.place == place));
        if let Some(first) = first
            && is_longer(packet, &first.packet)
        {
            std::mem::swap(&mut first.packet, &mut new.packet);
            let (at, other) = (&mut first.packet.at, &mut new.packet.at);
            std::mem::swap(&mut at.time, &mut other.time);
            if at.frame.file() == other.frame.file() {
                std::mem::swap(&mut at.frame, &mut other.frame);
            } else {
                new.original = Some(packet.at);
            }
        }
        self.waiting.push_back(new);
    }

    /// Says that the flow was taken out of the [`Delayed`].
    pub(super) fn unlist(&mut self) {
        self.listed = false;
    }

    /// Takes out the next packet that need not wait: one that is whole, one for which it `is_late`, or one too many.
    pub(super) fn pop(&mut self, is_late: impl Fn(At) -> bool) -> Option<DelayedPacket<'cap>> {
        let first = self.waiting.front()?;
        if is_cut(payload(&first.packet)) && !is_late(first.packet.at) && self.waiting.len() <= MOST {
            return None;
        }
        let first = self.waiting.pop_front();
        if self.waiting.len() < self.waiting.capacity() / 8 {
            self.waiting.shrink_to(2 * self.waiting.len());
        }
        first
    }
}

/// The flows in which packets wait, and since when at least.
///
/// # Invariants
/// - At most [`DELAYED_FLOWS`], but while one more is taken out.
#[derive(Debug, Default)]
pub(super) struct Delayed(VecDeque<(Timestamp, FlowKey)>);

impl Delayed {
    /// Packets of a flow wait in `delay` from `now` on, or still, if any do.
    pub(super) fn add(&mut self, now: Timestamp, flow: FlowKey, delay: &mut Delay<'_>) {
        if !delay.listed && !delay.is_empty() {
            delay.listed = true;
            self.0.push_back((now, flow));
        }
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes out the next flow in which packets may have waited for too long, and says before which time they came then.
    pub(super) fn next(&mut self, now: Timestamp) -> Option<(FlowKey, Timestamp)> {
        let late = Timestamp(now.0.saturating_sub(WAIT_NS));
        let crowded = self.0.len() > DELAYED_FLOWS;
        self.0.front().filter(|(since, _)| *since < late || crowded)?;
        self.0.pop_front().map(|(_, flow)| (flow, if crowded { Timestamp(i64::MAX) } else { late }))
    }
}

/// Returns true if the snap length cut a packet.
#[inline]
pub(super) fn is_cut(payload: &Payload<'_>) -> bool {
    (payload.bytes.len() as u64) < u64::from(payload.wire_len)
}

/// Returns true if `packet` is another copy of `other`, and holds more of it.
fn is_longer(packet: &Packet<'_>, other: &Packet<'_>) -> bool {
    let (long, short) = (payload(packet), payload(other));
    let same_header = match (&packet.transport, &other.transport) {
        (TransportLayer::Tcp(one), TransportLayer::Tcp(other)) => {
            (one.seq, one.ack, one.flags) == (other.seq, other.ack, other.flags)
        }
        (TransportLayer::Udp(_), TransportLayer::Udp(_)) => true,
        _ => false,
    };
    packet.direction == other.direction
        && same_header
        && long.wire_len == short.wire_len
        && long.bytes.len() > short.bytes.len()
        && long.bytes.starts_with(short.bytes)
}

fn payload<'a, 'cap>(packet: &'a Packet<'cap>) -> &'a Payload<'cap> {
    match &packet.transport {
        TransportLayer::Tcp(segment) => &segment.payload,
        TransportLayer::Udp(datagram) => &datagram.payload,
    }
}

// Rationale: clocks that are set by hand are seconds apart; whatever waits is bounded by number, too.
const WAIT_NS: i64 = 10_000_000_000;
// Rationale: as many as copies are told of, in both directions; 400 KiB.
const MOST: usize = 2 * FLOW_COPY_MARKS;
// Rationale: a packet takes as much memory.
const SLICES: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ends::{Endpoint, FrameId, PathId, Protocol};
    use crate::packet::{Checksum, UdpDatagram};

    const PAYLOAD: [u8; 8] = *b"one.two.";

    /// The first `captured` bytes of the same datagram, as frame `frame` of input `file`.
    fn packet(file: u16, frame: u64, captured: usize) -> Packet<'static> {
        let [low, high] =
            [1, 2].map(|last| Endpoint { ip: std::net::Ipv4Addr::new(192, 0, 2, last).into(), port: 6_881 });
        let (flow, direction) = FlowKey::new(low, high, Protocol::Udp);
        let payload = Payload { bytes: PAYLOAD.get(..captured).unwrap_or_default(), wire_len: 8 };
        Packet {
            at: At { time: Timestamp(frame as i64), frame: FrameId::new(file, frame) },
            flow,
            direction,
            path: PathId::NONE,
            transport: TransportLayer::Udp(UdpDatagram { payload, checksum: Checksum::Unchecked }),
            fingerprint: 0,
            untested: &[],
            also_tunnel: false,
        }
    }

    /// File, frame, time and captured bytes of what comes out.
    fn out(delay: &mut Delay<'_>, late: bool) -> Vec<(u16, u64, i64, usize)> {
        let all = std::iter::from_fn(|| delay.pop(|_| late));
        all.map(|DelayedPacket { packet, .. }| {
            let At { time, frame } = packet.at;
            (frame.file(), frame.number(), time.0, payload(&packet).bytes.len())
        })
        .collect()
    }

    #[test]
    fn the_longest_copy_takes_the_place_of_the_first_one_and_what_waited_behind_it_follows() {
        let mut delay = Delay::default();
        let first = packet(0, 1, 3);
        delay.push(&first, None);
        delay.push(&packet(0, 2, 8), None);
        delay.push(&packet(1, 5, 4), Some(first.at));
        assert_eq!(out(&mut delay, false), []);
        delay.push(&packet(2, 9, 8), Some(first.at));
        assert_eq!(out(&mut delay, false), [(2, 9, 1, 8), (0, 2, 2, 8)]);
        assert_eq!(out(&mut delay, true), [(0, 1, 5, 3), (1, 5, 9, 4)]);
    }

    #[test]
    fn of_one_file_the_first_frame_is_named() {
        let mut delay = Delay::default();
        let first = packet(0, 1, 3);
        delay.push(&first, None);
        delay.push(&packet(0, 2, 8), Some(first.at));
        assert_eq!(out(&mut delay, true), [(0, 1, 1, 8), (0, 2, 2, 3)]);
    }

    #[test]
    fn no_more_wait_than_the_bound() {
        let mut delay = Delay::default();
        for frame in 1..=MOST as u64 {
            delay.push(&packet(0, frame, 3), None);
            assert_eq!(out(&mut delay, false), []);
        }
        delay.push(&packet(0, 9_999, 3), None);
        assert_eq!(out(&mut delay, false), [(0, 1, 1, 3)]);
        assert_eq!(delay.slices(), SLICES * MOST);
    }

    #[test]
    fn a_packet_is_late_once_it_waited_for_ten_seconds() {
        let mut delayed = Delayed::default();
        let mut delay = Delay::default();
        let first = packet(0, 1, 3);
        delay.push(&first, None);
        for _ in 0..2 {
            delayed.add(Timestamp(5), first.flow, &mut delay);
        }
        assert_eq!(delayed.next(Timestamp(5 + WAIT_NS)), None);
        assert_eq!(delayed.next(Timestamp(6 + WAIT_NS)), Some((first.flow, Timestamp(6))));
        assert!(delayed.is_empty());
    }

    #[test]
    fn where_too_many_flows_wait_the_first_one_waits_no_longer() {
        let mut delayed = Delayed::default();
        let first = packet(0, 1, 3);
        for _ in 0..=DELAYED_FLOWS {
            assert_eq!(delayed.next(Timestamp(5)), None);
            let mut delay = Delay::default();
            delay.push(&first, None);
            delayed.add(Timestamp(5), first.flow, &mut delay);
        }
        assert_eq!(delayed.next(Timestamp(5)), Some((first.flow, Timestamp(i64::MAX))));
        assert_eq!(delayed.next(Timestamp(5)), None);
    }

    #[test]
    fn memory_is_given_back() {
        let mut delay = Delay::default();
        (1..=MOST as u64).for_each(|frame| delay.push(&packet(0, frame, 3), None));
        assert_eq!(out(&mut delay, true).len(), MOST);
        assert!(delay.waiting.capacity() < 16, "{}", delay.waiting.capacity());
    }
}
