//! One TCP flow: its connection, and the BitTorrent session on it if there is one.

use std::collections::BTreeSet;

use super::Hub;
use crate::anomaly::{Example, Kind};
use crate::packet::{Decoder, Direction, FlowKey, Packet, PathId, TcpSegment};
use crate::provenance::{At, Span, Timestamp};
use crate::session::{Carrier, Session, SessionEvent};
use crate::stream::{EndReason, StreamItem, StreamLimits, TcpConnection};
use crate::wire::{Sniff, Start, sniff};

/// A TCP flow, from its first packet to the next connection on the same addresses.
#[derive(Debug)]
pub(super) struct TcpFlow<'cap> {
    flow: FlowKey,
    stream: TcpConnection<'cap>,
    content: Content<'cap>,
    recent: [Recent; 2],
    duplicates: u64,
    paths: Vec<PathId>,
}

/// What the flow carries.
#[derive(Debug)]
enum Content<'cap> {
    /// No payload yet.
    Undecided,
    /// The peer wire, or what may be it.
    Peer(Box<Session<'cap>>),
    /// Something else; only a new connection on the same addresses is of interest.
    Other,
}

/// Marks of the last packets of one direction, to tell a frame captured twice.
#[derive(Clone, Copy, Debug, Default)]
struct Recent {
    marks: [(u64, Timestamp); RECENT],
    next: usize,
}

impl<'cap> TcpFlow<'cap> {
    pub(super) fn new(flow: FlowKey, hub: &mut Hub<'_, 'cap>) -> Self {
        hub.tallies.tcp_flows += 1;
        Self {
            flow,
            stream: TcpConnection::new(&StreamLimits::from(&hub.options.limits)),
            content: Content::Undecided,
            recent: [Recent::default(); 2],
            duplicates: 0,
            paths: Vec::new(),
        }
    }

    /// Notes the tunnels that a packet crossed.
    pub(super) fn cross(&mut self, path: PathId) {
        if !self.paths.contains(&path) && self.paths.len() < MOST_PATHS {
            self.paths.push(path);
        }
    }

    pub(super) fn push(
        &mut self,
        packet: &Packet<'cap>,
        segment: &TcpSegment<'cap>,
        hub: &mut Hub<'_, 'cap>,
        decoder: &Decoder,
    ) {
        let (at, direction, flow) = (packet.at, packet.direction, packet.flow);
        self.note_duplicate(packet, segment, hub);
        let special = segment.flags.syn || segment.flags.rst || self.stream.is_over();
        if special && self.stream.is_replaced_by(direction, segment) {
            let next = Self { paths: self.paths.clone(), ..Self::new(flow, hub) };
            std::mem::replace(self, next).close(EndReason::Replaced, hub, decoder);
        }
        if matches!(self.content, Content::Other) && !segment.flags.syn {
            return;
        }
        let mut items = std::mem::take(&mut hub.scratch.items);
        self.stream.push(at, direction, segment, &mut items);
        if let Content::Peer(session) = &mut self.content {
            session.touch(direction, at);
        }
        for (direction, item) in items.drain(..) {
            self.item(direction, &item, hub);
        }
        hub.scratch.items = items;
    }

    fn item(&mut self, direction: Direction, item: &StreamItem<'cap>, hub: &mut Hub<'_, 'cap>) {
        if let Content::Undecided = self.content {
            self.decide(direction, item, hub);
        }
        let Content::Peer(session) = &mut self.content else { return };
        let mut events: Vec<SessionEvent<'cap>> = std::mem::take(&mut hub.scratch.events);
        session.push(direction, item, &mut events, &mut hub.anomalies);
        if !events.is_empty() {
            self.refresh();
            if let Content::Peer(session) = &self.content {
                hub.deliver(session, &mut events);
            }
        }
        hub.scratch.events = events;
    }

    /// Looks at the first bytes of the flow.
    fn decide(&mut self, direction: Direction, item: &StreamItem<'cap>, hub: &mut Hub<'_, 'cap>) {
        let opening = self.stream.opening();
        let (start, at) = match *item {
            StreamItem::Data { offset: 0, bytes, at, .. } if opening.initiator.is_some() => match sniff(bytes) {
                Sniff::Handshake | Sniff::NeedMore => (Start::Handshake, at),
                Sniff::Other => {
                    self.content = Content::Other;
                    return;
                }
            },
            StreamItem::Data { at, .. } | StreamItem::Gap { at, .. } => (Start::MidStream, at),
            _ => return,
        };
        let id = hub.connection();
        let mut session = Session::new(id, self.flow, Carrier::Tcp, start, &hub.options.limits);
        for at in [opening.syn, opening.syn_ack, opening.ack].into_iter().flatten() {
            session.touch(direction, at);
        }
        session.touch(direction, at);
        self.content = Content::Peer(Box::new(session));
        self.refresh();
    }

    /// Tells the session what the transport knows by now.
    fn refresh(&mut self) {
        let opening = self.stream.opening();
        if let Content::Peer(session) = &mut self.content {
            session.initiator = opening.initiator.or(session.initiator);
            session.duplicate_frames = self.duplicates > 0;
            if let (Some(syn), Some(syn_ack), Some(ack)) = (opening.syn, opening.syn_ack, opening.ack) {
                let span = Span::single(syn).join(Span::single(syn_ack));
                session.opening = Some(span.join(Span::single(ack)));
            }
        }
    }

    /// Ends the flow.
    pub(super) fn close(mut self, reason: EndReason, hub: &mut Hub<'_, 'cap>, decoder: &Decoder) {
        if let Content::Other = self.content {
            return;
        }
        let mut items = Vec::new();
        self.stream.close(reason, &mut items);
        for (direction, item) in items {
            self.item(direction, &item, hub);
        }
        self.refresh();
        let paths: BTreeSet<String> = self.paths.iter().map(|path| decoder.path_name(*path).to_owned()).collect();
        if let Content::Peer(session) = self.content {
            hub.close(*session, paths);
        }
    }

    fn note_duplicate(&mut self, packet: &Packet<'cap>, segment: &TcpSegment<'cap>, hub: &mut Hub<'_, 'cap>) {
        if segment.payload.wire_len == 0 {
            return;
        }
        let mark = u64::from(packet.fingerprint) << 32 | u64::from(segment.seq);
        let recent = &mut self.recent[packet.direction.index()];
        if recent.is_double(mark, packet.at) {
            self.duplicates += 1;
            let flow = packet.flow;
            hub.anomalies.note(Kind::DuplicateFrame, 1, || Example {
                span: Some(Span::single(packet.at)),
                flow: crate::session::arrow(flow, packet.direction),
                detail: "the same packet is in the capture more than once".to_owned(),
            });
        }
    }
}

impl Recent {
    /// Whether a packet with this mark was seen just before; remembers it.
    #[inline]
    fn is_double(&mut self, mark: u64, at: At) -> bool {
        let seen = |(other, time): &(u64, Timestamp)| {
            *other == mark && at.time.0.saturating_sub(time.0).unsigned_abs() <= DOUBLE_NS
        };
        let double = self.marks.iter().any(seen);
        self.marks[self.next] = (mark, at.time);
        self.next = (self.next + 1) % RECENT;
        double
    }
}

// Rationale: doubles of SPAN ports and of `-i any` follow within a few packets.
const RECENT: usize = 4;
// Rationale: less than the shortest retransmission timeout in use (200 ms), so that a retransmission is none.
const DOUBLE_NS: u64 = 50_000_000;
// Rationale: more tunnels than a flow crosses; the first ones are kept.
const MOST_PATHS: usize = 8;
