//! One TCP flow: a connection and what it carries, until the next connection on the same addresses.

use std::net::IpAddr;

use super::channel::{Channel, Transported};
use super::delay::{self, Delay};
use super::doubles::{self, Doubles, Mark};
use super::ended::EndedFlow;
use super::late::Late;
use super::traffic::Volume;
use super::{Hub, Paths};
use crate::ends::{At, Direction, FlowKey, PathId, Timestamp, Transport};
use crate::packet::{Packet, TcpSegment, TransportLayer};
use crate::stream::{EndReason, FilledHole, Opening, StreamItem, TcpConnection};

/// A TCP flow.
#[derive(Debug)]
pub(super) struct TcpFlow<'cap> {
    flow: FlowKey,
    /// Packets that wait for longer copies.
    delay: Delay<'cap>,
    stream: TcpConnection<'cap>,
    /// Slices that wait in both, as they are counted.
    waiting: usize,
    channel: Channel<'cap>,
    recent: [Doubles; 2],
    duplicates: bool,
    volume: Volume,
    paths: Paths,
    /// When the last packet came, while it is over and waits to be closed.
    lingers: Option<Timestamp>,
    /// True if the flow's key is in a queue of those that wait. The next connection on the same addresses takes its
    /// place there: one pair of ports may carry any number.
    queued: bool,
    /// True if the flow's bytes are of interest.
    read: bool,
    /// The late packets of the flow.
    late: Late<'cap>,
    /// True if a late packet of the flow is read before its frame comes.
    expects_late: bool,
    /// How many connections were on its ends before.
    number: u32,
    /// Who sent the first SYN, and what tells it from another one with the same number.
    syn: Option<(Direction, u32)>,
}

impl<'cap> TcpFlow<'cap> {
    pub(super) fn new(flow: FlowKey, number: u32, hub: &mut Hub<'_, 'cap>) -> Self {
        hub.tallies.tcp_flows += 1;
        hub.room.begin();
        Self {
            flow,
            delay: Delay::default(),
            stream: TcpConnection::new(hub.room.now()),
            waiting: 0,
            channel: Channel::new(flow, Transport::Tcp, number),
            recent: [Doubles::new(hub.several_taps), Doubles::new(hub.several_taps)],
            duplicates: false,
            volume: Volume::default(),
            paths: Paths::default(),
            lingers: None,
            queued: false,
            read: true,
            late: Late::default(),
            expects_late: hub.late.expects(flow),
            number,
            syn: None,
        }
    }

    /// Its ends.
    pub(super) fn key(&self) -> FlowKey {
        self.flow
    }

    /// Notes the tunnels that a packet crossed.
    pub(super) fn cross(&mut self, path: PathId) {
        self.paths.add(path);
    }

    pub(super) fn push(&mut self, packet: &Packet<'cap>, segment: &TcpSegment<'cap>, hub: &mut Hub<'_, 'cap>) {
        let original = self.note_duplicate(packet, segment, hub);
        if self.delay.is_empty() && !self.is_delayed(segment, hub) {
            self.take(packet, segment, original, hub);
        } else {
            self.wait(packet, original, hub);
        }
    }

    /// Returns true if a longer copy of a segment is worth waiting for.
    #[inline]
    fn is_delayed(&self, segment: &TcpSegment<'_>, hub: &Hub<'_, '_>) -> bool {
        delay::is_cut(&segment.payload) && hub.room.awaits_longer_copies() && !self.channel.is_other()
    }

    #[cold]
    fn wait(&mut self, packet: &Packet<'cap>, original: Option<At>, hub: &mut Hub<'_, 'cap>) {
        self.delay.push(packet, original);
        let gives_up = !hub.room.awaits_longer_copies();
        self.release(|_| gives_up, hub);
        hub.delayed.add(packet.at.time, self.flow, &mut self.delay);
    }

    /// Takes what waited and need not any longer.
    fn release(&mut self, is_late: impl Fn(At) -> bool, hub: &mut Hub<'_, 'cap>) {
        // With a new connection on the same addresses `self` becomes another one.
        let mut delay = std::mem::take(&mut self.delay);
        while let Some(waiting) = delay.pop(&is_late) {
            if let TransportLayer::Tcp(segment) = &waiting.packet.transport {
                self.take(&waiting.packet, segment, waiting.original, hub);
            }
        }
        self.delay = delay;
        let waiting = self.stream.waiting() + self.delay.slices();
        hub.room.wait(&mut self.waiting, waiting);
    }

    /// Takes what waited since before `late`; it is `now`.
    pub(super) fn release_late(&mut self, late: Timestamp, now: Timestamp, hub: &mut Hub<'_, 'cap>) {
        self.delay.unlist();
        self.release(|at| at.time < late, hub);
        hub.delayed.add(now, self.flow, &mut self.delay);
    }

    /// Takes a segment whose turn it is.
    #[inline]
    fn take(
        &mut self,
        packet: &Packet<'cap>,
        segment: &TcpSegment<'cap>,
        original: Option<At>,
        hub: &mut Hub<'_, 'cap>,
    ) {
        let (at, direction) = (packet.at, packet.direction);
        if self.expects_late {
            self.read_late(at, hub);
        }
        let special =
            segment.flags.syn || segment.flags.rst || self.stream.is_over() || self.stream.is_challenged();
        let mut replaced = if special { self.stream.replaced_by(direction, segment) } else { None };
        if segment.flags.syn {
            let is_copy = hub.several_taps && self.syn.is_none_or(|syn| syn == (direction, packet.fingerprint));
            if !is_copy && self.stream.may_be_reopened_by(at, direction, segment) {
                replaced.get_or_insert_default();
            }
            if segment.ack.is_none() && (replaced.is_some() || self.syn.is_none()) {
                self.syn = Some((direction, packet.fingerprint));
            }
        }
        if let Some(first) = replaced {
            let (paths, syn, queued) = (self.paths.clone(), self.syn, self.queued);
            let next = Self { paths, syn, queued, ..Self::new(self.flow, self.number + 1, hub) };
            std::mem::replace(self, next).close(EndReason::Replaced, hub);
            for (at, direction, segment) in first {
                self.receive(at, direction, &segment, false, hub);
            }
        }
        if segment.flags.syn {
            self.volume.begin();
        }
        self.volume.count(
            self.flow,
            direction,
            at.time,
            segment.ack.is_some() && !segment.flags.syn,
            &segment.payload,
        );
        if self.expects_late && hub.late.was_read(at.frame) {
            return;
        }
        if self.channel.is_other() && !segment.flags.syn && !self.stream.is_challenged() {
            return self.note_late(packet, segment, hub);
        }
        self.receive(at, direction, segment, original.is_some() && mark(packet, segment).sure, hub);
        self.note_late(packet, segment, hub);
        if self.channel.is_other() && self.read {
            self.read = false;
            self.stream.give_back();
            hub.room.wait(&mut self.waiting, 0);
            hub.room.end();
        }
    }

    /// Notes a segment whose place was given up.
    #[inline]
    fn note_late(&mut self, packet: &Packet<'cap>, segment: &TcpSegment<'cap>, hub: &mut Hub<'_, 'cap>) {
        let found = self.stream.late(packet.direction, segment);
        if found != FilledHole::Nothing {
            self.late.note(found, packet, hub);
        }
    }

    /// Reads a segment that is of interest; `is_copy` when it is certainly one that was read before.
    #[inline]
    fn receive(
        &mut self,
        at: At,
        direction: Direction,
        segment: &TcpSegment<'cap>,
        is_copy: bool,
        hub: &mut Hub<'_, 'cap>,
    ) {
        let mut items = std::mem::take(&mut hub.scratch.items);
        self.stream.limit(hub.room.now());
        let taken = self.stream.push(at, direction, segment, &mut items);
        hub.room.wait(&mut self.waiting, self.stream.waiting());
        if taken {
            self.channel.touch(direction, at);
        }
        if is_copy {
            items.retain(|(_, item)| !doubles::is_doubt_of(item, at));
        }
        let opening = self.stream.opening();
        if self.expects_late
            && !segment.payload.bytes.is_empty()
            && let Some(upto) = self.stream.sent_behind(direction, segment)
        {
            // What it acknowledges may stand behind it.
            self.channel.item(direction, &StreamItem::Answers { at, upto }, &opening, hub);
        }
        for (direction, item) in items.drain(..) {
            self.item(direction, &item, &opening, hub);
        }
        hub.scratch.items = items;
    }

    #[inline]
    fn item(&mut self, direction: Direction, item: &StreamItem<'cap>, opening: &Opening, hub: &mut Hub<'_, 'cap>) {
        if self.expects_late
            && let Some(doubt) = hub.late.doubt(item)
        {
            self.channel.item(direction, &doubt, opening, hub);
        }
        self.channel.item(direction, item, opening, hub);
    }

    /// Reads what stands later in the captures and is due before a packet.
    #[cold]
    fn read_late(&mut self, next: At, hub: &mut Hub<'_, 'cap>) {
        for packet in hub.late.before(self.flow, next, hub.options.limits.acked_hole_wait_ns) {
            if let TransportLayer::Tcp(segment) = &packet.transport {
                self.receive(packet.at, packet.direction, segment, false, hub);
            }
        }
    }

    /// Returns true if the connection is over since this packet and is to be queued, as it waits to be closed from
    /// now on.
    #[inline]
    pub(super) fn begins_to_linger(&mut self, now: Timestamp) -> bool {
        let settled = self.is_settled() && !self.channel.is_other();
        if settled || self.lingers.is_some() {
            self.lingers = Some(now);
        }
        let begins = settled && !self.queued;
        self.queued |= begins;
        begins
    }

    /// When its last packet came, if it still waits to be closed; it no longer does if it goes on, nor is it queued then.
    pub(super) fn linger_on(&mut self) -> Option<Timestamp> {
        self.lingers = self.lingers.filter(|_| self.is_settled());
        self.queued = self.lingers.is_some();
        self.lingers
    }

    fn is_settled(&self) -> bool {
        self.stream.is_settled() && self.delay.is_empty()
    }

    /// Returns true if a block, or a part of one, was served on the connection.
    pub(super) fn has_blocks(&self) -> bool {
        self.channel.has_blocks()
    }

    /// Ends the flow.
    pub(super) fn close(self, reason: EndReason, hub: &mut Hub<'_, 'cap>) {
        self.end(reason, hub).close(hub);
    }

    /// Writes down what it carried; the volume is not counted yet.
    pub(super) fn end(mut self, reason: EndReason, hub: &mut Hub<'_, 'cap>) -> EndedFlow {
        self.release(|_| true, hub);
        let challenger = self.stream.take_challenger();
        if !challenger.is_empty() {
            let next = Self { paths: self.paths.clone(), ..Self::new(self.flow, self.number + 1, hub) };
            std::mem::replace(&mut self, next).close(EndReason::Replaced, hub);
            for (at, direction, segment) in challenger {
                self.receive(at, direction, &segment, false, hub);
            }
        }
        let opening = self.stream.opening();
        if !self.channel.is_other() {
            let mut items = Vec::new();
            self.stream.close(reason, &mut items);
            for (direction, item) in items {
                self.item(direction, &item, &opening, hub);
            }
        }
        let stop = self.stream.ended();
        hub.room.wait(&mut self.waiting, 0);
        if self.read {
            hub.room.end();
        }
        let paths = self.paths.names(&hub.decoder);
        let (duplicates, bytes, initial) = (self.duplicates, self.volume.bytes(), self.stream.initial_numbers());
        let initial = initial.map(|numbers| numbers.map(u64::from));
        let is_other = self.channel.is_other();
        let carried = self.channel.close(Transported { opening, duplicates, initial, paths, bytes }, hub);
        // A beginning that came late hides what the rest is.
        let wanted = !is_other || self.late.has_beginning();
        self.late.end(self.flow, wanted, hub);
        EndedFlow { flow: self.flow, number: self.number, stop, carried, volume: self.volume, syn: self.syn }
    }

    /// The packet of which this one is a copy.
    fn note_duplicate(
        &mut self,
        packet: &Packet<'cap>,
        segment: &TcpSegment<'cap>,
        hub: &mut Hub<'_, 'cap>,
    ) -> Option<At> {
        if segment.payload.wire_len == 0 {
            return None;
        }
        let mark = mark(packet, segment);
        let original = self.recent[packet.direction.index()].original(mark, packet.at, hub.room.copies())?;
        self.duplicates = true;
        doubles::note(original, packet.at, packet.flow, packet.direction, hub);
        Some(original)
    }
}

/// The mark by which a segment is told from its retransmission. The identification of IPv4 does it alone, as
/// senders count it up; and the checksum is another one where the sending host captures what its network card is
/// still to complete. Without it, the checksum covers TCP's timestamps, where they are used.
fn mark(packet: &Packet<'_>, segment: &TcpSegment<'_>) -> Mark {
    let identification = packet.fingerprint >> 16;
    let sure = identification > 0 && matches!(packet.flow.low.ip, IpAddr::V4(_));
    let told = if sure {
        // An offloaded segment shares its identification with the first packet that the card makes of it.
        identification << 16 | (segment.payload.wire_len & 0xffff)
    } else {
        packet.fingerprint
    };
    Mark { value: u64::from(told) << 32 | u64::from(segment.seq), sure, number: segment.seq }
}
