//! One UDP flow: the uTP connections on it, if there are any.

use std::collections::BTreeSet;

use super::channel::Channel;
use super::delay::{self, Delay};
use super::duplicates::{self, Duplicates, Mark};
use super::late::Late;
use super::traffic::{CarriedProtocol, Extent, FlowKind, Volume};
use super::webrtc::WebRtc;
use super::{Paths, Shared, Transported};
use crate::ends::{At, Direction, FlowKey, PathId, Timestamp, Transport};
use crate::oddity::{Oddity, Sink};
use crate::packet::{self, Checksum, Packet, Payload, UdpDatagram};
use crate::stream::utp::{self, UtpFlow, UtpId, UtpVerdict};
use crate::stream::{EndReason, FilledHole, StreamItem};

/// A UDP flow; small while nothing on it looks like uTP.
#[derive(Debug)]
pub(super) struct UdpFlow<'cap> {
    flow: FlowKey,
    utp: Option<Box<Utp<'cap>>>,
    /// The datagrams that are no uTP.
    rest: Volume,
    webrtc: WebRtc,
    paths: Paths,
}

/// The content of the connections of a flow, by number; mostly one.
#[derive(Debug, Default)]
struct Channels<'cap>(Vec<(UtpId, Box<(Channel<'cap>, Volume)>)>);

impl<'cap> Channels<'cap> {
    fn get_mut(&mut self, id: UtpId) -> Option<&mut (Channel<'cap>, Volume)> {
        self.0.iter_mut().find(|(known, _)| *known == id).map(|(_, channel)| &mut **channel)
    }

    fn open(&mut self, id: UtpId, channel: Channel<'cap>) {
        if self.0.capacity() == 0 {
            self.0.reserve_exact(1);
        }
        self.0.push((id, Box::new((channel, Volume::default()))));
    }

    fn remove(&mut self, id: UtpId) -> Option<(Channel<'cap>, Volume)> {
        let at = self.0.iter().position(|(known, _)| *known == id)?;
        Some(*self.0.remove(at).1)
    }
}

/// The uTP connections of a flow.
#[derive(Debug)]
struct Utp<'cap> {
    /// Packets that wait for longer copies.
    delay: Delay<'cap>,
    streams: UtpFlow<'cap>,
    /// Packets that wait in them and there, as they are counted.
    waiting: usize,
    channels: Channels<'cap>,
    /// Packets that may be uTP; the next connection that is established takes them.
    pending: Volume,
    recent: [Duplicates; 2],
    /// The connections of which packets were captured more than once.
    doubled: BTreeSet<UtpId>,
    /// The late packets of the connections.
    late: Late<'cap>,
    /// True if a late packet of the connections is read before its frame comes.
    expects_late: bool,
}

impl<'cap> UdpFlow<'cap> {
    pub(super) fn new(flow: FlowKey, shared: &mut Shared<'_, 'cap>) -> Self {
        shared.tallies.udp_flows += 1;
        Self { flow, utp: None, rest: Volume::default(), webrtc: WebRtc::default(), paths: Paths::default() }
    }

    /// Notes the tunnels that a packet crossed.
    pub(super) fn cross(&mut self, path: PathId) {
        self.paths.add(path);
    }

    pub(super) fn push(
        &mut self,
        packet: &Packet<'cap>,
        datagram: &UdpDatagram<'cap>,
        shared: &mut Shared<'_, 'cap>,
    ) {
        if self.utp.is_none() {
            if utp::Packet::parse(&datagram.payload).is_err() {
                self.rest.count(self.flow, packet.direction, packet.at.time, false, &datagram.payload);
                self.webrtc.look(packet, &datagram.payload);
                shared.overhear(packet, datagram);
                return;
            }
            let mut streams = UtpFlow::new(shared.budget.now());
            streams.reject(shared.second.rejected(self.flow));
            self.utp = Some(Box::new(Utp {
                delay: Delay::default(),
                streams,
                waiting: 0,
                channels: Channels::default(),
                pending: Volume::default(),
                recent: [Duplicates::new(shared.several_taps), Duplicates::new(shared.several_taps)],
                doubled: BTreeSet::new(),
                late: Late::default(),
                expects_late: shared.late.expects(self.flow),
            }));
        }
        let Some(utp) = &mut self.utp else { return };
        let original = mark(packet, &datagram.payload).and_then(|mark| {
            utp.recent[packet.direction.index()].original(mark, packet.at, shared.budget.copies())
        });
        let waits =
            !utp.delay.is_empty() || (delay::is_cut(&datagram.payload) && shared.budget.awaits_longer_copies());
        if waits && utp::Packet::parse(&datagram.payload).is_ok() {
            self.wait(packet, original, shared);
        } else {
            self.take(packet, datagram, original, shared);
        }
    }

    #[cold]
    fn wait(&mut self, packet: &Packet<'cap>, original: Option<At>, shared: &mut Shared<'_, 'cap>) {
        let Some(utp) = &mut self.utp else { return };
        utp.delay.push(packet, original);
        let gives_up = !shared.budget.awaits_longer_copies();
        self.release(packet.at.time, |_| gives_up, shared);
    }

    /// Takes what waited and need not any longer; it is `now`.
    fn release(&mut self, now: Timestamp, is_late: impl Fn(At) -> bool, shared: &mut Shared<'_, 'cap>) {
        while let Some(waiting) = self.utp.as_mut().and_then(|utp| utp.delay.pop(&is_late)) {
            if let packet::TransportLayer::Udp(datagram) = &waiting.packet.transport {
                self.take(&waiting.packet, datagram, waiting.original, shared);
            }
        }
        let Some(utp) = &mut self.utp else { return };
        let waiting = utp.waits();
        shared.budget.wait(&mut utp.waiting, waiting);
        shared.delayed.add(now, self.flow, &mut utp.delay);
    }

    /// Takes what waited since before `late`; it is `now`.
    pub(super) fn release_late(&mut self, late: Timestamp, now: Timestamp, shared: &mut Shared<'_, 'cap>) {
        if let Some(utp) = &mut self.utp {
            utp.delay.unlist();
        }
        self.release(now, |at| at.time < late, shared);
    }

    /// Takes a datagram whose turn it is.
    fn take(
        &mut self,
        packet: &Packet<'cap>,
        datagram: &UdpDatagram<'cap>,
        original: Option<At>,
        shared: &mut Shared<'_, 'cap>,
    ) {
        let Some(utp) = &mut self.utp else { return };
        if utp.expects_late {
            for late in shared.late.before(self.flow, packet.at, shared.options.limits.acked_hole_wait_ns) {
                utp.read_late(&late, self.flow, shared, &self.paths);
            }
            if shared.late.was_read(packet.at.frame) {
                return utp.pending.count(self.flow, packet.direction, packet.at.time, false, &datagram.payload);
            }
        }
        // What it acknowledges may stand behind it, or have a later time on another clock.
        let answers = if utp.expects_late || shared.several_taps {
            utp.streams.sent_behind(packet.direction, &datagram.payload)
        } else {
            None
        };
        let mut items = std::mem::take(&mut shared.scratch.utp_items);
        let doubtful = datagram.checksum == Checksum::Bad;
        utp.streams.limit(shared.budget.now());
        let verdict = utp.streams.push(packet.at, packet.direction, &datagram.payload, doubtful, &mut items);
        if let UtpVerdict::Part(_) = verdict {
            let found = utp.streams.late(packet.direction, &datagram.payload);
            if found != FilledHole::Nothing {
                utp.late.note(found, packet, shared);
            }
        }
        let waiting = utp.waits();
        shared.budget.wait(&mut utp.waiting, waiting);
        // Counted before a connection that ends with this packet is closed.
        let volume = match verdict {
            UtpVerdict::NotUtp(_) => &mut self.rest,
            UtpVerdict::Pending => &mut utp.pending,
            UtpVerdict::Part(id) => utp.channels.get_mut(id).map_or(&mut utp.pending, |(_, volume)| volume),
        };
        volume.count(self.flow, packet.direction, packet.at.time, false, &datagram.payload);
        if !matches!(verdict, UtpVerdict::Part(_)) {
            self.webrtc.look(packet, &datagram.payload);
            shared.overhear(packet, datagram);
        }
        let forgotten = utp.streams.take_forgotten();
        if forgotten > 0 {
            let oddity = Oddity::PossibleUtp { packets: forgotten };
            shared.anomalies.odd(oddity.at(packet.at).sent(self.flow, packet.direction));
        }
        if let (Some(original), UtpVerdict::Part(id)) = (original, verdict) {
            utp.doubled.insert(id);
            duplicates::note(original, packet.at, packet.flow, packet.direction, shared);
            items.retain(|(.., item)| !duplicates::is_doubt_of(item, packet.at));
        }
        let answers = answers.map(|(id, upto)| (id, packet.direction, StreamItem::Answers { at: packet.at, upto }));
        items.splice(0..0, answers);
        utp.deliver(self.flow, &mut items, shared, &self.paths);
        if let UtpVerdict::Part(id) = verdict
            && let Some((channel, volume)) = utp.channels.get_mut(id)
        {
            volume.take(&mut utp.pending);
            channel.touch(packet.direction, packet.at);
        }
        shared.scratch.utp_items = items;
    }

    /// Ends the flow.
    pub(super) fn close(mut self, reason: EndReason, shared: &mut Shared<'_, 'cap>) {
        self.release(Timestamp::default(), |_| true, shared);
        let mut rest = self.rest;
        let content =
            if self.webrtc.close(self.flow, shared) { CarriedProtocol::WebRtc } else { CarriedProtocol::Other };
        rest.note_unread(Extent::Beginning, false);
        let Some(mut utp) = self.utp else {
            return shared.traffic.add(self.flow, FlowKind::Udp, content, &rest);
        };
        let mut items = Vec::new();
        utp.streams.close(reason, &mut items);
        shared.budget.wait(&mut utp.waiting, 0);
        utp.deliver(self.flow, &mut items, shared, &self.paths);
        let mut ids: Vec<_> = utp.channels.0.iter().map(|(id, _)| *id).collect();
        ids.sort_unstable();
        for id in ids {
            utp.end(self.flow, id, shared, &self.paths);
        }
        utp.late.end(self.flow, true, shared);
        if rest.packets() == 0 && utp.pending.packets() >= POSSIBLE_PACKETS {
            rest.note_possible();
        }
        rest.take(&mut utp.pending);
        shared.traffic.add(self.flow, FlowKind::Udp, content, &rest);
    }
}

impl<'cap> Utp<'cap> {
    /// The memory of the packets that wait in the flow, in slices.
    fn waits(&self) -> usize {
        self.streams.waiting() + self.delay.slices()
    }

    /// Reads a packet that stands later in the captures.
    #[cold]
    fn read_late(&mut self, packet: &Packet<'cap>, flow: FlowKey, shared: &mut Shared<'_, 'cap>, paths: &Paths) {
        let packet::TransportLayer::Udp(datagram) = &packet.transport else { return };
        let mut items = Vec::new();
        let doubtful = datagram.checksum == Checksum::Bad;
        self.streams.push(packet.at, packet.direction, &datagram.payload, doubtful, &mut items);
        self.deliver(flow, &mut items, shared, paths);
    }

    fn deliver(
        &mut self,
        flow: FlowKey,
        items: &mut Vec<(UtpId, Direction, StreamItem<'cap>)>,
        shared: &mut Shared<'_, 'cap>,
        paths: &Paths,
    ) {
        let mut ended = Vec::new();
        for (id, direction, item) in items.drain(..) {
            let opening = self.streams.opening(id).unwrap_or_default();
            if self.channels.get_mut(id).is_none() {
                shared.tallies.utp_flows += 1;
                shared.utp_open += 1;
                shared.budget.begin();
                self.channels.open(id, Channel::new(flow, Transport::Utp, id.0));
            }
            let Some((channel, _)) = self.channels.get_mut(id) else { continue };
            let frame = match item {
                StreamItem::Data { at, .. } | StreamItem::Gap { at, .. } => Some(at),
                _ => None,
            };
            if self.expects_late
                && let Some(doubt) = shared.late.doubt(&item)
            {
                channel.item(direction, &doubt, &opening, shared);
            }
            channel.item(direction, &item, &opening, shared);
            if let Some(at) = frame {
                channel.touch(direction, at);
            }
            if let StreamItem::End { .. } = item {
                ended.push(id);
            }
        }
        // Both directions of a connection end in one batch of items.
        ended.dedup();
        for id in ended {
            self.end(flow, id, shared, paths);
        }
    }

    fn end(&mut self, flow: FlowKey, id: UtpId, shared: &mut Shared<'_, 'cap>, paths: &Paths) {
        if let Some((channel, mut volume)) = self.channels.remove(id) {
            shared.utp_open -= 1;
            shared.budget.end();
            let opening = self.streams.opening(id).unwrap_or_default();
            let (duplicates, bytes, initial) = (self.doubled.remove(&id), volume.bytes(), self.streams.initial(id));
            if opening.syn.or(opening.syn_ack).is_some() {
                volume.begin();
            }
            let (numbers, paths) = (self.streams.numbers(id), paths.names(&shared.decoder));
            let transported = Transported { opening, duplicates, initial, numbers, paths, bytes };
            let carried = channel.close(transported, false, &mut volume, shared);
            shared.traffic.add(flow, FlowKind::Utp, carried, &volume);
        }
    }
}

// Rationale: one datagram in fifty looks like uTP.
const POSSIBLE_PACKETS: u64 = 3;

/// The mark by which a uTP packet with data is told from its retransmission: the sender's clock at the time of
/// sending, and, as that may stand still for a while, the identification of IPv4.
pub(super) fn mark(packet: &packet::Packet<'_>, payload: &Payload<'_>) -> Option<Mark> {
    let identification = if packet.flow.low.ip.is_ipv4() { u64::from(packet.fingerprint >> 16) } else { 0 };
    let packet = utp::Packet::parse(payload).ok()?;
    let carries =
        matches!(packet.kind, utp::PacketKind::Data | utp::PacketKind::Fin) && packet.payload.wire_len > 0;
    let told = u64::from(packet.seq_nr) << 16 | (u64::from(packet.payload.wire_len & 0xffff) ^ identification);
    let mark = Mark {
        value: u64::from(packet.timestamp_us) << 32 | told,
        sure: true,
        number: u32::from(packet.seq_nr) << 16,
    };
    carries.then_some(mark)
}
