//! One TCP flow: a connection and what it carries, until the next connection on the same addresses.

use std::net::IpAddr;

use super::channel::Channel;
use super::delay::{self, Delay};
use super::duplicates::{self, Duplicates, Mark};
use super::ended::EndedFlow;
use super::late::Late;
use super::traffic::Volume;
use super::{Paths, Shared, Transported};
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
    recent: [Duplicates; 2],
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
    pub(super) fn new(flow: FlowKey, number: u32, shared: &mut Shared<'_, 'cap>) -> Self {
        shared.tallies.tcp_flows += 1;
        shared.budget.begin();
        Self {
            flow,
            delay: Delay::default(),
            stream: TcpConnection::new(shared.budget.now()),
            waiting: 0,
            channel: Channel::new(flow, Transport::Tcp, number),
            recent: [Duplicates::new(shared.several_taps), Duplicates::new(shared.several_taps)],
            duplicates: false,
            volume: Volume::default(),
            paths: Paths::default(),
            lingers: None,
            queued: false,
            read: true,
            late: Late::default(),
            expects_late: shared.late.expects(flow),
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

    pub(super) fn push(
        &mut self,
        packet: &Packet<'cap>,
        segment: &TcpSegment<'cap>,
        shared: &mut Shared<'_, 'cap>,
    ) {
        let original = self.note_duplicate(packet, segment, shared);
        if self.delay.is_empty() && !self.is_delayed(segment, shared) {
            self.take(packet, segment, original, shared);
        } else {
            self.wait(packet, original, shared);
        }
    }

    /// Returns true if a longer copy of a segment is worth waiting for.
    #[inline]
    fn is_delayed(&self, segment: &TcpSegment<'_>, shared: &Shared<'_, '_>) -> bool {
        delay::is_cut(&segment.payload) && shared.budget.awaits_longer_copies() && !self.channel.is_other()
    }

    #[cold]
    fn wait(&mut self, packet: &Packet<'cap>, original: Option<At>, shared: &mut Shared<'_, 'cap>) {
        self.delay.push(packet, original);
        let gives_up = !shared.budget.awaits_longer_copies();
        self.release(|_| gives_up, shared);
        shared.delayed.add(packet.at.time, self.flow, &mut self.delay);
    }

    /// Takes what waited and need not any longer.
    fn release(&mut self, is_late: impl Fn(At) -> bool, shared: &mut Shared<'_, 'cap>) {
        // With a new connection on the same addresses `self` becomes another one.
        let mut delay = std::mem::take(&mut self.delay);
        while let Some(waiting) = delay.pop(&is_late) {
            if let TransportLayer::Tcp(segment) = &waiting.packet.transport {
                self.take(&waiting.packet, segment, waiting.original, shared);
            }
        }
        self.delay = delay;
        let waiting = self.stream.waiting() + self.delay.slices();
        shared.budget.wait(&mut self.waiting, waiting);
    }

    /// Takes what waited since before `late`; it is `now`.
    pub(super) fn release_late(&mut self, late: Timestamp, now: Timestamp, shared: &mut Shared<'_, 'cap>) {
        self.delay.unlist();
        self.release(|at| at.time < late, shared);
        shared.delayed.add(now, self.flow, &mut self.delay);
    }

    /// Takes a segment whose turn it is.
    #[inline]
    fn take(
        &mut self,
        packet: &Packet<'cap>,
        segment: &TcpSegment<'cap>,
        original: Option<At>,
        shared: &mut Shared<'_, 'cap>,
    ) {
        let (at, direction) = (packet.at, packet.direction);
        if self.expects_late {
            self.read_late(at, shared);
        }
        let special =
            segment.flags.syn || segment.flags.rst || self.stream.is_over() || self.stream.is_challenged();
        let mut replaced = if special { self.stream.replaced_by(direction, segment) } else { None };
        if segment.flags.syn {
            let is_copy = shared.several_taps && self.syn.is_none_or(|syn| syn == (direction, packet.fingerprint));
            if !is_copy && self.stream.may_be_reopened_by(at, direction, segment) {
                replaced.get_or_insert_default();
            }
            if segment.ack.is_none() && (replaced.is_some() || self.syn.is_none()) {
                self.syn = Some((direction, packet.fingerprint));
            }
        }
        if let Some(first) = replaced {
            let (paths, syn, queued) = (self.paths.clone(), self.syn, self.queued);
            let next = Self { paths, syn, queued, ..Self::new(self.flow, self.number + 1, shared) };
            std::mem::replace(self, next).close(EndReason::Replaced, shared);
            for (at, direction, segment) in first {
                self.receive(at, direction, &segment, false, shared);
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
        if self.expects_late && shared.late.was_read(at.frame) {
            return;
        }
        if self.channel.is_other() && !segment.flags.syn && !self.stream.is_challenged() {
            return self.note_late(packet, segment, shared);
        }
        self.receive(at, direction, segment, original.is_some() && mark(packet, segment).sure, shared);
        self.note_late(packet, segment, shared);
        if self.channel.is_other() && self.read {
            self.read = false;
            self.stream.give_back();
            shared.budget.wait(&mut self.waiting, 0);
            shared.budget.end();
        }
    }

    /// Notes a segment whose place was given up.
    #[inline]
    fn note_late(&mut self, packet: &Packet<'cap>, segment: &TcpSegment<'cap>, shared: &mut Shared<'_, 'cap>) {
        let found = self.stream.late(packet.direction, segment);
        if found != FilledHole::Nothing {
            self.late.note(found, packet, shared);
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
        shared: &mut Shared<'_, 'cap>,
    ) {
        let mut items = std::mem::take(&mut shared.scratch.items);
        self.stream.limit(shared.budget.now());
        let taken = self.stream.push(at, direction, segment, &mut items);
        shared.budget.wait(&mut self.waiting, self.stream.waiting());
        if taken {
            self.channel.touch(direction, at);
        }
        if is_copy {
            items.retain(|(_, item)| !duplicates::is_doubt_of(item, at));
        }
        let opening = self.stream.opening();
        if (self.expects_late || shared.several_taps)
            && !segment.payload.bytes.is_empty()
            && let Some(upto) = self.stream.sent_behind(direction, segment)
        {
            // What it acknowledges may stand behind it, or have a later time on another clock.
            self.channel.item(direction, &StreamItem::Answers { at, upto }, &opening, shared);
        }
        for (direction, item) in items.drain(..) {
            self.item(direction, &item, &opening, shared);
        }
        shared.scratch.items = items;
    }

    #[inline]
    fn item(
        &mut self,
        direction: Direction,
        item: &StreamItem<'cap>,
        opening: &Opening,
        shared: &mut Shared<'_, 'cap>,
    ) {
        if self.expects_late
            && let Some(doubt) = shared.late.doubt(item)
        {
            self.channel.item(direction, &doubt, opening, shared);
        }
        self.channel.item(direction, item, opening, shared);
    }

    /// Reads what stands later in the captures and is due before a packet.
    #[cold]
    fn read_late(&mut self, next: At, shared: &mut Shared<'_, 'cap>) {
        for packet in shared.late.before(self.flow, next, shared.options.limits.acked_hole_wait_ns) {
            if let TransportLayer::Tcp(segment) = &packet.transport {
                self.receive(packet.at, packet.direction, segment, false, shared);
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
    pub(super) fn close(self, reason: EndReason, shared: &mut Shared<'_, 'cap>) {
        self.end(reason, shared).close(shared);
    }

    /// Writes down what it carried; the volume is not counted yet.
    pub(super) fn end(mut self, reason: EndReason, shared: &mut Shared<'_, 'cap>) -> EndedFlow<'cap> {
        self.release(|_| true, shared);
        let challenger = self.stream.take_challenger();
        if !challenger.is_empty() {
            let next = Self { paths: self.paths.clone(), ..Self::new(self.flow, self.number + 1, shared) };
            std::mem::replace(&mut self, next).close(EndReason::Replaced, shared);
            for (at, direction, segment) in challenger {
                self.receive(at, direction, &segment, false, shared);
            }
        }
        let opening = self.stream.opening();
        if !self.channel.is_other() {
            let mut items = Vec::new();
            self.stream.close(reason, &mut items);
            for (direction, item) in items {
                self.item(direction, &item, &opening, shared);
            }
        }
        let stop = self.stream.ended();
        shared.budget.wait(&mut self.waiting, 0);
        if self.read {
            shared.budget.end();
        }
        let paths = self.paths.names(&shared.decoder);
        let (duplicates, bytes, initial) = (self.duplicates, self.volume.bytes(), self.stream.initial_numbers());
        let initial = initial.map(|numbers| numbers.map(u64::from));
        let (numbers, is_other) = (self.stream.numbers(), self.channel.is_other());
        let moved = self.stream.moved();
        let transported = Transported { opening, duplicates, initial, numbers, paths, bytes };
        let carried = self.channel.close(transported, moved, &mut self.volume, shared);
        // A beginning that came late hides what the rest is.
        let wanted = !is_other || self.late.has_beginning();
        let Self { flow, number, volume, syn, mut late, .. } = self;
        if !wanted {
            std::mem::take(&mut late).end(flow, false, shared);
        }
        EndedFlow { flow, number, stop, carried, volume, syn, late }
    }

    /// The packet of which this one is a copy.
    fn note_duplicate(
        &mut self,
        packet: &Packet<'cap>,
        segment: &TcpSegment<'cap>,
        shared: &mut Shared<'_, 'cap>,
    ) -> Option<At> {
        if segment.payload.wire_len == 0 {
            return None;
        }
        let mark = mark(packet, segment);
        let original = self.recent[packet.direction.index()].original(mark, packet.at, shared.budget.copies())?;
        self.duplicates = true;
        duplicates::note(original, packet.at, packet.flow, packet.direction, shared);
        Some(original)
    }
}

/// The mark by which a segment is told from its retransmission. The identification of IPv4 does it alone, as
/// senders count it up; and the checksum is another one where the sending host captures what its network card is
/// still to complete. Without it, the checksum covers TCP's timestamps, where they are used.
pub(super) fn mark(packet: &Packet<'_>, segment: &TcpSegment<'_>) -> Mark {
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
