//! The serial spine: every frame of the captures, in order, through every stage up to the facts.

mod acquit;
mod announces;
mod apart;
mod budget;
mod channel;
mod clear;
mod clock;
mod coverage;
mod delay;
mod dns;
mod duplicates;
mod ended;
mod findings;
mod hosts;
mod late;
mod paths;
mod sample;
mod second;
mod spilled;
mod superseded;
mod tcp;
mod tls;
mod traffic;
mod translations;
mod transported;
mod udp;
mod web;
mod webrtc;
mod written;

use std::collections::BTreeSet;

use crate::Error;
use crate::anomaly::Anomalies;
use crate::capture::{CaptureSet, Frame, Spill};
use crate::ends::{At, ConnectionId, Direction, FlowKey, Span, Timestamp, Transport};
use crate::facts::{Connection, Facts};
use crate::flow::{FlowTable, Life};
use crate::hearsay::{Listener, Mentions, Named, Remark, Via};
use crate::metadata::{MetadataStore, Way};
use crate::mse::{Candidates, Pool};
use crate::oddity::{Bound, Occurrence, Oddity, Parties, Relay, Sink};
use crate::options::Options;
use crate::packet::{Decoder, Packet, TransportLayer};
use crate::session::{Naming, RequestBudget, Session, SessionEvent};
use crate::stream::utp::UtpId;
use crate::stream::{EndReason, StreamItem};
use crate::torrent::Torrents;
use crate::webseed::Redirects;
pub(crate) use acquit::damaged;
use budget::StreamBudget;
use clear::Clear;
pub(crate) use clear::{ClearSegment, Known, TakeSegments};
use clock::{Clock, Taps};
pub use clock::{ClockPause, ClockQuality, ClockSteps, TapClocks};
pub use coverage::{Coverage, Hiding, Host, Seen, UnrecognisedFlow};
use delay::Delayed;
use ended::{EndedFlow, Lingering};
pub(crate) use findings::{Findings, SameConnection, encrypted};
pub use findings::{Opaque, OpaqueKind, Quality, UnreadProtocol};
pub(crate) use late::Latecomers;
use paths::Paths;
pub(crate) use second::{Contested, Readings, SecondLook};
pub(crate) use spilled::Spilled;
use tcp::TcpFlow;
pub(crate) use traffic::{CarriedProtocol, FlowKind, Flows, Traffic};
use translations::Translations;
use transported::Transported;
use udp::UdpFlow;
use written::Written;

/// The stages from frame to fact, and what flows between them.
#[derive(Debug)]
pub(crate) struct Spine<'run, 'cap> {
    flows: FlowTable<Flow<'cap>>,
    lingering: Lingering,
    shared: Shared<'run, 'cap>,
    clock: Clock,
    frames: u64,
}

/// The stages and stores that all flows share.
#[derive(Debug)]
pub(crate) struct Shared<'run, 'cap> {
    options: &'run Options<'run>,
    decoder: Decoder,
    spill: Spilled<'cap>,
    /// Keys that may open MSE connections: the secrets, with the torrents as SKEY.
    candidates: Candidates<'run>,
    /// The keystream that decryption may spend on missing bytes.
    keystream: Pool,
    used_secrets: BTreeSet<usize>,
    opaque: Vec<Opaque>,
    /// The first failure of the operating system; ends the run after the current frame.
    failure: Option<Error>,
    /// Only for what was odd about web servers: facts know none.
    torrents: &'run Torrents,
    anomalies: Anomalies,
    mentions: Mentions,
    listener: Listener,
    metadata: MetadataStore,
    translations: Translations,
    /// Where webseeds sent their clients.
    redirects: Redirects,
    /// True if there are several inputs or interfaces, so that packets may be there twice.
    several_taps: bool,
    tallies: Tallies,
    traffic: Traffic,
    written: Box<Written<'run, 'cap>>,
    /// Whoever wants the streams themselves.
    clear: Option<Clear<'run, 'cap>>,
    second: SecondLook,
    late: Latecomers<'cap>,
    next_connection: u64,
    /// Live uTP connections: a flow may have many.
    utp_open: usize,
    /// The budget of slices that the streams share.
    budget: StreamBudget,
    requests: RequestBudget,
    delayed: Delayed,
    scratch: Scratch<'cap>,
}

/// Lists that are empty between packets, kept for their memory.
#[derive(Debug, Default)]
struct Scratch<'cap> {
    items: Vec<(Direction, StreamItem<'cap>)>,
    utp_items: Vec<(UtpId, Direction, StreamItem<'cap>)>,
    clear: Vec<(Direction, StreamItem<'cap>)>,
    events: Vec<SessionEvent<'cap>>,
    remarks: Vec<Remark>,
}

/// Counts of the flows for the quality section of the report.
#[derive(Clone, Debug, Default)]
struct Tallies {
    tcp_flows: u64,
    udp_flows: u64,
    utp_flows: u64,
    gaps: u64,
    gap_bytes: u64,
    gap_packets: u64,
    taps: Taps,
    /// True once HTTP was read.
    web: bool,
}

/// A flow of either transport.
#[derive(Debug)]
enum Flow<'cap> {
    Tcp(Box<TcpFlow<'cap>>),
    Udp(UdpFlow<'cap>),
    /// A TCP connection that is over.
    Ended(EndedFlow<'cap>),
}

impl<'run, 'cap> Spine<'run, 'cap> {
    pub(crate) fn new(
        options: &'run Options<'run>,
        torrents: &'run Torrents,
        captures: &'cap CaptureSet,
        spill: &'cap Spill,
    ) -> Self {
        Self {
            flows: FlowTable::new(options.limits.flows),
            lingering: Lingering::default(),
            shared: Shared {
                options,
                decoder: Decoder::new(options.checksums, &options.limits).with_tunnels(options.tunnels),
                spill: Spilled(spill),
                candidates: Candidates::new(options.secrets, torrents.wire_hashes().collect()),
                keystream: Pool::default(),
                used_secrets: BTreeSet::new(),
                opaque: Vec::new(),
                failure: None,
                torrents,
                anomalies: Anomalies::default(),
                mentions: Mentions::new(options.limits.mentions),
                listener: Listener::new(options.limits.transactions),
                metadata: MetadataStore::default(),
                translations: Translations::default(),
                redirects: Redirects::default(),
                several_taps: false,
                tallies: Tallies::default(),
                traffic: Traffic::default(),
                written: Box::new(Written::new(captures, spill, options)),
                clear: None,
                second: SecondLook::default(),
                late: Latecomers::default(),
                next_connection: 0,
                utp_open: 0,
                budget: StreamBudget::new(&options.limits),
                requests: RequestBudget::new(options.limits.requests),
                delayed: Delayed::default(),
                scratch: Scratch::default(),
            },
            clock: Clock::default(),
            frames: 0,
        }
    }

    /// Says before the first frame how many inputs there are, and how many interfaces they have together.
    pub(crate) fn expect_inputs(&mut self, inputs: usize, interfaces: usize) {
        if inputs > 1 {
            self.shared.listener.expect_copies(self.shared.options.limits.transactions);
        }
        self.shared.several_taps = inputs.max(interfaces) > 1;
        if self.shared.several_taps {
            self.shared.budget.expect_longer_copies();
        }
    }

    /// Takes the next frame.
    pub(crate) fn push(&mut self, frame: &Frame<'cap>) -> Result<(), Error> {
        self.frames += 1;
        self.shared.written.tick();
        self.clock.tick(frame.at, &mut self.shared);
        let decoded = self.shared.decoder.decode(frame, &self.shared.spill, &mut self.shared.anomalies);
        self.decoded(&decoded)?;
        decoded?;
        while self.shared.decoder.has_more() {
            let decoded = self.shared.decoder.decode_more(frame, &self.shared.spill, &mut self.shared.anomalies);
            self.decoded(&decoded)?;
            decoded?;
        }
        self.shared.failure.take().map_or(Ok(()), Err)
    }

    /// By reference: a packet is long, and this is done for each.
    #[inline]
    fn decoded(&mut self, decoded: &Result<Option<Packet<'cap>>, Error>) -> Result<(), Error> {
        if let Ok(None) = decoded
            && let Some((one, other)) = self.shared.decoder.take_other_ends()
        {
            self.shared.traffic.hosts.ends(one, other);
        }
        if let Ok(Some(packet)) = decoded {
            self.packet(packet);
            if packet.also_tunnel
                && let Some(inner) =
                    self.shared.decoder.inside(packet, &self.shared.spill, &mut self.shared.anomalies)?
            {
                self.packet(&inner);
            }
        }
        Ok(())
    }

    fn packet(&mut self, packet: &Packet<'cap>) {
        if let Some(why) = self.shared.late.superseded(packet) {
            self.shared.anomalies.odd(why.at(packet.at).sent(packet.flow, packet.direction));
            return;
        }
        if !self.shared.delayed.is_empty() {
            self.release_late(packet.at.time);
        }
        let shared = &mut self.shared;
        let new = || {
            let flow = match &packet.transport {
                _ if shared.decoder.is_damaged(packet, &mut shared.anomalies) => return None,
                TransportLayer::Tcp(_) => Flow::Tcp(Box::new(TcpFlow::new(packet.flow, 0, shared))),
                TransportLayer::Udp(_) => Flow::Udp(UdpFlow::new(packet.flow, shared)),
            };
            Some(flow)
        };
        let Some((flow, evicted)) = self.flows.touch(packet.flow, new) else { return };
        let shared = &mut self.shared;
        match flow {
            Flow::Tcp(flow) => flow.cross(packet.path),
            Flow::Udp(flow) => flow.cross(packet.path),
            // Another connection is told of it when it begins.
            Flow::Ended(_) => {}
        }
        match &packet.transport {
            TransportLayer::Udp(datagram) => {
                if let Flow::Udp(flow) = flow {
                    flow.push(packet, datagram, shared);
                }
            }
            TransportLayer::Tcp(segment) => {
                if let Flow::Ended(ended) = flow
                    && !ended.take(packet, segment, shared)
                {
                    let number = ended.number + 1;
                    ended.close(shared);
                    let mut next = Box::new(TcpFlow::new(packet.flow, number, shared));
                    next.cross(packet.path);
                    *flow = Flow::Tcp(next);
                }
                if let Flow::Tcp(flow) = flow {
                    flow.push(packet, segment, shared);
                    if flow.begins_to_linger(packet.at.time) {
                        self.lingering.add(packet.at.time, packet.flow, flow.has_blocks());
                    }
                    self.flows.set_life(Life::Live);
                }
                self.lingering.settle(packet.at.time, &mut self.flows, shared);
            }
        }
        let shared = &mut self.shared;
        if shared.utp_open > shared.options.limits.utp_connections() {
            // One flow may hold many, and one takes 6 KB with what was read of it.
            let evicted = self.flows.evict();
            self.make_room(packet.at, evicted);
        }
        if let Some(evicted) = evicted {
            self.make_room(packet.at, Some(*evicted));
        }
    }

    /// Takes what waited for longer copies, and long enough at `now`.
    #[cold]
    fn release_late(&mut self, now: Timestamp) {
        let shared = &mut self.shared;
        while let Some((key, late)) = shared.delayed.next(now) {
            match self.flows.recall(key) {
                Some(Flow::Tcp(flow)) => {
                    flow.release_late(late, now, shared);
                    if flow.begins_to_linger(now) {
                        self.lingering.add(now, key, flow.has_blocks());
                    }
                }
                Some(Flow::Udp(flow)) => flow.release_late(late, now, shared),
                Some(Flow::Ended(_)) | None => {}
            }
        }
    }

    /// Closes a flow that was taken out of the table.
    #[cold]
    fn make_room(&mut self, at: At, evicted: Option<(FlowKey, Flow<'cap>)>) {
        let shared = &mut self.shared;
        match evicted {
            // What it carried is written down, so nothing is lost.
            Some((_, Flow::Ended(mut ended))) => ended.close(shared),
            Some((key, flow)) => {
                shared.anomalies.odd(Oddity::from(Bound::Flows).at(at).between(key));
                flow.close(shared);
            }
            None => {}
        }
    }

    fn close_flows(&mut self) {
        self.end_flows();
        self.shared.decoder.finish(&mut self.shared.anomalies);
        self.shared.note_unused_secrets();
    }

    /// Ends every flow, and gives the facts and what was found beside them. All traffic comes third.
    ///
    /// # Errors
    /// The first failure of the operating system.
    pub(crate) fn finish(mut self) -> Result<(Facts, Findings, Traffic), Error> {
        self.close_flows();
        let Shared {
            decoder,
            mut anomalies,
            mentions,
            metadata,
            translations,
            tallies,
            mut traffic,
            opaque,
            failure,
            second,
            written,
            ..
        } = self.shared;
        if let Some(failure) = failure {
            return Err(failure);
        }
        let facts = written.into_facts()?;
        let metadata = metadata.finish();
        findings::note_metadata(&metadata, &mut anomalies);
        let counts = decoder.counts();
        (traffic.not_ip, traffic.other_ip) = (counts.not_ip, counts.other_ip);
        let quality = Quality {
            frames: self.frames,
            not_ip: counts.not_ip,
            unread: traffic.unread(decoder.unread()),
            unrecognised: traffic.hidden(Hiding::Begun),
            unrecognised_cut: traffic.hidden(Hiding::Cut),
            unrecognised_gaps: traffic.hidden(Hiding::Gap),
            unrecognised_unseen: traffic.hidden(Hiding::Unseen),
            tcp_flows: tallies.tcp_flows,
            utp_flows: tallies.utp_flows,
            udp_flows: tallies.udp_flows,
            gaps: tallies.gaps,
            gap_bytes: tallies.gap_bytes,
            gap_packets: tallies.gap_packets,
            bad_checksums: counts.bad_checksums,
            untested_checksums: counts.untested_checksums,
            clock_steps: self.clock.count,
            seen_at_two_taps: tallies.taps.packets,
            clock: self.clock.quality(tallies.taps),
            first_time: self.clock.span.map(|span| span.first.time),
            last_time: self.clock.span.map(|span| span.last.time),
            duration_ns: self.clock.length(),
        };
        let steps = self.clock.steps;
        let coverage = std::mem::take(&mut traffic.hosts).finish(steps.iter().map(|at| at.time).collect());
        let (clock_steps, same) = (steps.iter().map(|at| at.frame).collect(), translations.finish(&mut anomalies));
        let contests = second.contests;
        let findings = Findings {
            anomalies,
            mentions,
            metadata,
            opaque,
            quality,
            clock_steps,
            coverage,
            same,
            contests,
            torrents_tell: tallies.web,
        };
        Ok((facts, findings, traffic))
    }
}

impl Sink for Spine<'_, '_> {
    fn odd(&mut self, occurrence: Occurrence) {
        self.shared.anomalies.odd(occurrence);
    }
}

impl<'cap> Shared<'_, 'cap> {
    fn connection(&mut self) -> ConnectionId {
        self.next_connection += 1;
        ConnectionId(self.next_connection)
    }

    /// Writes down what a session made known.
    fn deliver(&mut self, session: &Session<'cap>, events: &mut Vec<SessionEvent<'cap>>) {
        for event in events.drain(..) {
            self.write(session, &event);
            match event {
                // These are facts, and nothing else.
                SessionEvent::Served(_)
                | SessionEvent::Conflict { .. }
                | SessionEvent::Doubt { .. }
                | SessionEvent::Hashes { .. } => {}
                SessionEvent::Odd(occurrence) => self.anomalies.odd(occurrence),
                SessionEvent::Contest { from, contest } => self.contest(session, from, contest),
                SessionEvent::OtherLength { from, offset, frames } => {
                    self.other_length(session, from, offset, frames);
                }
                SessionEvent::Named { from, naming, info_hash, subject, span } => {
                    let via = match naming {
                        Naming::Pex => Via::Pex,
                        Naming::AzPex => Via::AzPex,
                        Naming::Holepunch => Via::Holepunch,
                    };
                    let named = Named::new(subject, info_hash, session.flow.source(from), via);
                    self.mention(named, span, span);
                }
                SessionEvent::Metadata { from, info_hash, piece, total_size, payload, span } => {
                    if let Some(info_hash) = info_hash {
                        let (flow, size) = (session.flow, total_size.map(u64::from));
                        let way = Way {
                            from: flow.source(from),
                            to: flow.destination(from),
                            transport: session.transport,
                        };
                        self.metadata.push(info_hash, piece, size, &payload, way, span);
                    }
                }
            }
        }
    }

    /// Keeps the first failure; the run ends with it.
    fn fail(&mut self, result: Result<(), Error>) {
        if let Err(failure) = result {
            self.failure.get_or_insert(failure);
        }
    }

    /// A conversation that could not be read.
    fn opaque(&mut self, opaque: Opaque, span: Span) {
        if self.opaque.len() < self.options.limits.opaque {
            self.written.unread(&opaque, span);
            self.opaque.push(opaque);
            return;
        }
        let bound = Bound::Opaque { bytes: opaque.a_to_b + opaque.b_to_a };
        let parties = Parties::Both(opaque.a, opaque.b);
        self.anomalies.odd(Occurrence { parties, ..Oddity::from(bound).within(span) });
    }

    /// A conversation with a relay, whose own content is another's: `bytes` went in each direction.
    fn relay(&mut self, flow: FlowKey, transport: Transport, bytes: [u64; 2], span: Option<Span>, relay: Relay) {
        let basis = relay.to_string();
        let oddity = Oddity::Proxied { relay, bytes: bytes.iter().sum() };
        self.anomalies.odd(oddity.within(span).between(flow));
        if let Some(span) = span {
            let opaque = Opaque::of(flow, transport, OpaqueKind::Relay, bytes, span, basis);
            self.opaque(opaque, span);
        }
    }

    fn note_wrong_secret(&mut self, secret: usize, basis: &str, flow: FlowKey, span: Option<Span>) {
        let line = self.candidates.secrets().line(secret).unwrap_or_default() as u64;
        let oddity = Oddity::WrongSecret { line, basis: basis.to_owned() };
        self.anomalies.odd(oddity.within(span).between(flow));
    }

    /// Names the secrets that fitted no connection.
    fn note_unused_secrets(&mut self) {
        for secret in self.candidates.secrets().unused(&self.used_secrets) {
            let line = self.candidates.secrets().line(secret).unwrap_or_default() as u64;
            self.anomalies.odd(Oddity::UnusedSecret { line }.seen());
        }
    }

    fn mention(&mut self, named: Named, span: Span, shown: Span) {
        if !self.mentions.note(named, span, shown) {
            let bound = Bound::Mentions { subject: named.subject, by: named.by };
            self.anomalies.odd(Oddity::from(bound).within(span));
        }
    }

    /// Ends a session; whether it was one of the peer wire.
    fn close(&mut self, mut session: Session<'cap>, paths: BTreeSet<String>) -> bool {
        let mut events = Vec::new();
        session.close(&mut events);
        self.deliver(&session, &mut events);
        let connection = Connection::of(&session, &paths);
        let is_content = connection.as_ref().is_some_and(Connection::is_content);
        let is_peer_wire = !is_content && session.is_peer_wire();
        if is_peer_wire {
            for side in [Direction::LowToHigh, Direction::HighToLow].map(|from| session.side(from)) {
                self.tallies.gaps += side.gaps;
                self.tallies.gap_bytes += side.gap_bytes;
                self.tallies.gap_packets += side.gap_packets;
            }
        }
        if is_peer_wire && session.multipath {
            self.anomalies.odd(Oddity::Multipath.within(session.span()).between(session.flow));
        }
        if !is_peer_wire && !session.is_broken() {
            self.note_unconfirmed(&session);
        }
        self.write_connection(&session, connection);
        is_peer_wire
    }
}

impl<'cap> Flow<'cap> {
    fn close(self, shared: &mut Shared<'_, 'cap>) {
        match self {
            Self::Tcp(flow) => flow.close(EndReason::Open, shared),
            Self::Udp(flow) => flow.close(EndReason::Open, shared),
            Self::Ended(mut flow) => flow.close(shared),
        }
    }

    /// Writes down what a TCP connection carried, and remembers only that it was there.
    fn end(&mut self, shared: &mut Shared<'_, 'cap>) {
        let Self::Tcp(flow) = self else { return };
        let nothing = EndedFlow::nothing_of(flow.key());
        *self = match std::mem::replace(self, Self::Ended(nothing)) {
            Self::Tcp(flow) => Self::Ended(flow.end(EndReason::Open, shared)),
            other => other,
        };
    }
}
