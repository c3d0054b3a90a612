//! The serial spine: every frame of the captures, in order, through every stage up to the ledger.

mod acquit;
mod announces;
mod channel;
mod clock;
mod coverage;
mod delay;
mod doubles;
mod ended;
mod findings;
mod hashes;
mod hosts;
mod legs;
mod paths;
mod room;
mod sample;
mod second;
mod spilled;
mod tcp;
mod traffic;
mod udp;
mod web;
mod written;

use std::cell::OnceCell;
use std::collections::BTreeSet;

use crate::Error;
use crate::anomaly::Anomalies;
use crate::capture::{CaptureSet, Frame, Spill};
use crate::ends::{At, ConnectionId, Direction, FlowKey, Span, Timestamp};
use crate::flow::{FlowTable, Life};
use crate::hearsay::{Listener, Mentions, Named, Remark, Via};
use crate::ledger::Ledger;
use crate::metadata::{Harvest, MetadataStore, Way};
use crate::mse::{Candidates, Pool};
use crate::oddity::{Bound, Occurrence, Oddity, Parties, Sink};
use crate::options::Options;
use crate::packet::{Decoder, Packet, TransportLayer};
use crate::prove::Prover;
use crate::session::{RequestRoom, Served, Session, SessionEvent};
use crate::stream::StreamItem;
use crate::stream::utp::UtpId;
use crate::torrent::{TorrentId, Torrents};
use crate::webseed::Redirects;
pub(crate) use acquit::damaged;
use clock::{Clock, Taps};
pub use clock::{ClockPause, ClockQuality, ClockSteps, TapClocks};
pub use coverage::{Coverage, Host, Seen, UnrecognisedFlow};
use delay::Delayed;
use ended::{EndedFlow, Lingering};
pub(crate) use findings::{Findings, SameConnection, encrypted};
pub use findings::{Opaque, OpaqueKind, Quality, UnreadProtocol};
pub(crate) use hashes::Hashes;
use legs::Legs;
use paths::Paths;
use room::Room;
use second::Contested;
pub(crate) use second::{Readings, SecondLook};
pub(crate) use spilled::Spilled;
use tcp::TcpFlow;
pub(crate) use traffic::{Content, FlowKind, Flows, Traffic};
use udp::UdpFlow;
use written::Written;

/// The stages from frame to ledger, and what flows between them.
#[derive(Debug)]
pub(crate) struct Spine<'run, 'cap> {
    flows: FlowTable<Flow<'cap>>,
    lingering: Lingering,
    hub: Hub<'run, 'cap>,
    clock: Clock,
    frames: u64,
}

/// What every flow hands its events to.
#[derive(Debug)]
pub(crate) struct Hub<'run, 'cap> {
    options: &'run Options<'run>,
    decoder: Decoder,
    spill: Spilled<'cap>,
    /// What may open MSE connections: the secrets, with the torrents as SKEY.
    candidates: Candidates<'run>,
    /// What decryption may spend on missing bytes.
    keystream: Pool,
    used_secrets: BTreeSet<usize>,
    opaque: Vec<Opaque>,
    /// The first failure of the operating system; ends the run after the current frame.
    failure: Option<Error>,
    prover: &'run Prover<'cap>,
    ledger: Ledger<'run, 'cap>,
    anomalies: Anomalies,
    /// What the ledger finds odd.
    of_ledger: Anomalies,
    mentions: Mentions,
    listener: Listener,
    metadata: MetadataStore,
    hashes: Hashes,
    legs: Legs,
    /// Where webseeds sent their clients.
    redirects: Redirects,
    /// Whether there are several inputs or interfaces, so that packets may be there twice.
    several_taps: bool,
    purpose: Purpose,
    tallies: Tallies,
    traffic: Traffic,
    /// The facts, where they are written down.
    written: Option<Box<Written<'run, 'cap>>>,
    second: SecondLook,
    next_connection: u64,
    /// Live uTP connections: a flow may have many.
    utp_open: usize,
    /// What each stream may hold.
    room: Room,
    requests: RequestRoom,
    delayed: Delayed,
    scratch: Scratch<'cap>,
}

/// What a walk is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To find info dictionaries only: payload is not kept.
    Survey,
    /// To say what the captures hold: payload is counted and not kept, and nothing is hashed.
    Inspect,
    /// To prove.
    Proof,
}

/// Lists that are empty between packets, kept for their room.
#[derive(Debug, Default)]
struct Scratch<'cap> {
    items: Vec<(Direction, StreamItem<'cap>)>,
    utp_items: Vec<(UtpId, Direction, StreamItem<'cap>)>,
    clear: Vec<(Direction, StreamItem<'cap>)>,
    events: Vec<SessionEvent<'cap>>,
    remarks: Vec<Remark>,
}

/// What the flows count for the quality section of the report.
#[derive(Clone, Debug, Default)]
struct Tallies {
    tcp_flows: u64,
    udp_flows: u64,
    utp_flows: u64,
    gaps: u64,
    gap_bytes: u64,
    taps: Taps,
}

/// A flow of either transport.
#[derive(Debug)]
enum Flow<'cap> {
    Tcp(Box<TcpFlow<'cap>>),
    Udp(UdpFlow<'cap>),
    /// A TCP connection that is over.
    Ended(EndedFlow),
}

impl<'run, 'cap> Spine<'run, 'cap> {
    pub(crate) fn new(
        options: &'run Options<'run>,
        ledger: Ledger<'run, 'cap>,
        prover: &'run Prover<'cap>,
        spill: &'cap Spill,
        purpose: Purpose,
    ) -> Self {
        Self {
            flows: FlowTable::new(options.limits.flows),
            lingering: Lingering::default(),
            hub: Hub {
                options,
                decoder: Decoder::new(options.checksums, &options.limits).with_tunnels(options.tunnels),
                spill: Spilled(spill),
                candidates: Candidates::new(options.secrets, ledger.torrents().wire_hashes().collect()),
                keystream: Pool::default(),
                used_secrets: BTreeSet::new(),
                opaque: Vec::new(),
                failure: None,
                prover,
                ledger,
                anomalies: Anomalies::default(),
                of_ledger: Anomalies::default(),
                mentions: Mentions::new(options.limits.mentions),
                listener: Listener::new(options.limits.transactions),
                metadata: MetadataStore::default(),
                hashes: Hashes::default(),
                legs: Legs::default(),
                redirects: Redirects::default(),
                several_taps: false,
                purpose,
                tallies: Tallies::default(),
                traffic: Traffic::default(),
                written: None,
                second: SecondLook::default(),
                next_connection: 0,
                utp_open: 0,
                room: Room::new(&options.limits),
                requests: RequestRoom::new(options.limits.requests),
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
            self.hub.listener.expect_copies(self.hub.options.limits.transactions);
        }
        self.hub.several_taps = inputs.max(interfaces) > 1;
        if self.hub.several_taps {
            self.hub.room.expect_longer_copies();
        }
    }

    /// Takes the next frame.
    pub(crate) fn push(&mut self, frame: &Frame<'cap>) -> Result<(), Error> {
        self.frames += 1;
        self.hub.written.iter_mut().for_each(|written| written.tick());
        self.clock.tick(frame.at, &mut self.hub);
        let decoded = self.hub.decoder.decode(frame, &self.hub.spill, &mut self.hub.anomalies);
        self.decoded(&decoded)?;
        decoded?;
        while self.hub.decoder.has_more() {
            let decoded = self.hub.decoder.decode_more(frame, &self.hub.spill, &mut self.hub.anomalies);
            self.decoded(&decoded)?;
            decoded?;
        }
        if self.hub.failure.is_none() {
            return Ok(());
        }
        self.hub.failure.take().map_or(Ok(()), Err)
    }

    /// By reference: a packet is long, and this is done for each.
    #[inline]
    fn decoded(&mut self, decoded: &Result<Option<Packet<'cap>>, Error>) -> Result<(), Error> {
        if let Ok(None) = decoded
            && let Some((one, other)) = self.hub.decoder.take_other_ends()
        {
            self.hub.traffic.hosts.ends(one, other);
        }
        if let Ok(Some(packet)) = decoded {
            self.packet(packet);
            if packet.also_tunnel
                && let Some(inner) = self.hub.decoder.inside(packet, &self.hub.spill, &mut self.hub.anomalies)?
            {
                self.packet(&inner);
            }
        }
        Ok(())
    }

    fn packet(&mut self, packet: &Packet<'cap>) {
        if !self.hub.delayed.is_empty() {
            self.release_late(packet.at.time);
        }
        let hub = &mut self.hub;
        let new = || {
            let flow = match &packet.transport {
                _ if hub.decoder.is_damaged(packet, &mut hub.anomalies) => return None,
                TransportLayer::Tcp(_) => Flow::Tcp(Box::new(TcpFlow::new(packet.flow, 0, hub))),
                TransportLayer::Udp(_) => Flow::Udp(UdpFlow::new(packet.flow, hub)),
            };
            Some(flow)
        };
        let Some((flow, evicted)) = self.flows.touch(packet.flow, new) else { return };
        let hub = &mut self.hub;
        match flow {
            Flow::Tcp(flow) => flow.cross(packet.path),
            Flow::Udp(flow) => flow.cross(packet.path),
            // Another connection is told of it when it begins.
            Flow::Ended(_) => {}
        }
        match &packet.transport {
            TransportLayer::Udp(datagram) => {
                if let Flow::Udp(flow) = flow {
                    flow.push(packet, datagram, hub);
                }
            }
            TransportLayer::Tcp(segment) => {
                if let Flow::Ended(ended) = flow
                    && !ended.take(packet, segment, hub)
                {
                    let number = ended.number + 1;
                    ended.close(hub);
                    let mut next = Box::new(TcpFlow::new(packet.flow, number, hub));
                    next.cross(packet.path);
                    *flow = Flow::Tcp(next);
                }
                if let Flow::Tcp(flow) = flow {
                    flow.push(packet, segment, hub);
                    if flow.begins_to_linger(packet.at.time) {
                        self.lingering.add(packet.at.time, packet.flow, flow.has_blocks());
                    }
                    self.flows.set_life(Life::Live);
                }
                self.lingering.settle(packet.at.time, &mut self.flows, hub);
            }
        }
        let hub = &mut self.hub;
        if hub.utp_open > hub.options.limits.flows {
            // Together with the flows that have none they are then twice as many at most.
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
        let hub = &mut self.hub;
        while let Some((key, late)) = hub.delayed.next(now) {
            match self.flows.recall(key) {
                Some(Flow::Tcp(flow)) => {
                    flow.release_late(late, now, hub);
                    if flow.begins_to_linger(now) {
                        self.lingering.add(now, key, flow.has_blocks());
                    }
                }
                Some(Flow::Udp(flow)) => flow.release_late(late, now, hub),
                Some(Flow::Ended(_)) | None => {}
            }
        }
    }

    /// Closes a flow that was taken out of the table.
    #[cold]
    fn make_room(&mut self, at: At, evicted: Option<(FlowKey, Flow<'cap>)>) {
        let hub = &mut self.hub;
        match evicted {
            // What it carried is in the books, so nothing is lost.
            Some((_, Flow::Ended(ended))) => ended.close(hub),
            Some((key, flow)) => {
                hub.anomalies.odd(Oddity::from(Bound::Flows).at(at).between(key));
                flow.close(hub);
            }
            None => {}
        }
    }

    /// Ends every flow, and gives the info dictionaries and the hashes that peers sent one another.
    pub(crate) fn survey(mut self) -> (Harvest, Hashes) {
        self.close_flows();
        (self.hub.metadata.finish(), self.hub.hashes)
    }

    fn close_flows(&mut self) {
        while let Some((_, flow)) = self.flows.evict() {
            flow.close(&mut self.hub);
        }
        self.hub.decoder.finish(&mut self.hub.anomalies);
        self.hub.note_unused_secrets();
    }

    /// Ends every flow, and gives the books and what was found beside them. `taught` takes the torrents with what
    /// `hashes` messages add to them (BEP 52); `captures` are read again for what would be refuted. All traffic comes third.
    pub(crate) fn finish(
        mut self,
        taught: &'run OnceCell<Torrents>,
        captures: &CaptureSet,
    ) -> Result<(Ledger<'run, 'cap>, Findings, Traffic), Error> {
        self.close_flows();
        let Hub {
            options,
            decoder,
            prover,
            mut ledger,
            mut anomalies,
            mut of_ledger,
            mentions,
            metadata,
            hashes,
            legs,
            tallies,
            mut traffic,
            opaque,
            failure,
            second,
            ..
        } = self.hub;
        if let Some(failure) = failure {
            return Err(failure);
        }
        let known = hashes.teach(ledger.torrents(), &mut of_ledger);
        // What `hashes` messages leave open, the data may prove by itself.
        let proven = ledger.learn_layers(known.as_ref().unwrap_or(ledger.torrents()));
        if let Some(torrents) = proven.or(known) {
            ledger.teach(taught.get_or_init(|| torrents), prover, &mut of_ledger);
        }
        ledger.finish(prover, &mut of_ledger);
        // What is compared now lies anywhere, and is not needed again.
        let (mut touched, room) = (0, captures.room(options.window));
        let mut read = |bytes: u64| {
            touched += bytes;
            if touched >= room {
                touched = 0;
                captures.release();
            }
        };
        acquit::acquit(&mut ledger, &mut read, captures, options, &mut of_ledger)?;
        ledger.decide(&mut read, &mut of_ledger);
        let metadata = metadata.finish();
        findings::note_metadata(&metadata, &mut anomalies);
        let counts = decoder.counts();
        (traffic.not_ip, traffic.other_ip) = (counts.not_ip, counts.other_ip);
        let quality = Quality {
            frames: self.frames,
            not_ip: counts.not_ip,
            unread: traffic.unread(decoder.unread()),
            unrecognised: traffic.unrecognised,
            unrecognised_cut: traffic.unrecognised_cut,
            tcp_flows: tallies.tcp_flows,
            utp_flows: tallies.utp_flows,
            udp_flows: tallies.udp_flows,
            gaps: tallies.gaps,
            gap_bytes: tallies.gap_bytes,
            bad_checksums: counts.bad_checksums,
            clock_steps: self.clock.count,
            seen_at_two_taps: tallies.taps.packets,
            clock: self.clock.quality(tallies.taps),
            first_time: self.clock.span.map(|span| span.first.time),
            last_time: self.clock.span.map(|span| span.last.time),
            duration_ns: self.clock.length(),
        };
        let steps = self.clock.steps;
        let coverage = std::mem::take(&mut traffic.hosts).finish(steps.iter().map(|at| at.time).collect());
        let (clock_steps, same) = (steps.iter().map(|at| at.frame).collect(), legs.finish(&mut anomalies));
        let contests = second.contested(&ledger.contests);
        let findings = Findings {
            anomalies,
            of_ledger,
            mentions,
            metadata,
            opaque,
            quality,
            clock_steps,
            coverage,
            same,
            contests,
        };
        Ok((ledger, findings, traffic))
    }
}

impl Sink for Spine<'_, '_> {
    fn odd(&mut self, occurrence: Occurrence) {
        self.hub.anomalies.odd(occurrence);
    }
}

impl<'cap> Hub<'_, 'cap> {
    fn connection(&mut self) -> ConnectionId {
        self.next_connection += 1;
        ConnectionId(self.next_connection)
    }

    /// Hands what a session made known to the ledger.
    fn deliver(&mut self, session: &Session<'cap>, events: &mut Vec<SessionEvent<'cap>>) {
        for event in events.drain(..) {
            self.write(session, &event);
            match event {
                SessionEvent::Served(_) if self.purpose == Purpose::Survey => {}
                SessionEvent::Served(served) if self.purpose == Purpose::Inspect => {
                    self.ledger.count(session, &served);
                }
                SessionEvent::Served(served) => {
                    self.ledger.serve(session, served, self.prover, &mut self.of_ledger);
                }
                SessionEvent::Conflict { from, offset, bytes, at } => {
                    self.ledger.conflict(session.id, from, offset, bytes, at, &mut self.of_ledger);
                }
                SessionEvent::Odd(occurrence) => self.anomalies.odd(occurrence),
                SessionEvent::Contest { from, contest } => self.contest(session, from, contest),
                SessionEvent::Doubt { from, stretch, .. } => self.ledger.doubt(session.id, from, stretch),
                SessionEvent::Pex { from, info_hash, subject, span } => {
                    let by = session.flow.source(from);
                    let named = Named::new(subject, info_hash, by, Via::Pex);
                    self.mention(named, span, span);
                }
                SessionEvent::Holepunch { from, info_hash, subject, span } => {
                    let by = session.flow.source(from);
                    let named = Named::new(subject, info_hash, by, Via::Holepunch);
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
                SessionEvent::Hashes { info_hash, range, hashes, span, .. } => {
                    if let Some(info_hash) = info_hash {
                        self.hashes.push(info_hash, range, hashes, span, &mut self.anomalies);
                    }
                }
            }
        }
    }

    /// A block of a webseed.
    fn serve_web(
        &mut self,
        id: ConnectionId,
        flow: FlowKey,
        torrent: TorrentId,
        served: Served<'cap>,
        place: u64,
        named: bool,
    ) {
        self.hear(flow, torrent, &served);
        match self.purpose {
            Purpose::Survey => {}
            Purpose::Inspect => self.ledger.count_web(id, flow, torrent, &served),
            Purpose::Proof => {
                let (prover, anomalies) = (self.prover, &mut self.of_ledger);
                self.ledger.serve_web(id, flow, torrent, served, place, named, prover, anomalies);
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
            self.written.iter_mut().for_each(|written| written.unread(&opaque, span));
            self.opaque.push(opaque);
            return;
        }
        let bound = Bound::Opaque { bytes: opaque.a_to_b + opaque.b_to_a };
        let parties = Parties::Both(opaque.a, opaque.b);
        self.anomalies.odd(Occurrence { parties, ..Oddity::from(bound).within(span) });
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
        let is_peer_wire = session.is_peer_wire();
        if is_peer_wire {
            for side in [Direction::LowToHigh, Direction::HighToLow].map(|from| session.side(from)) {
                self.tallies.gaps += side.gaps;
                self.tallies.gap_bytes += side.gap_bytes;
            }
        }
        if !is_peer_wire && !session.is_broken() {
            self.note_unconfirmed(&session);
        }
        self.write_connection(&session, &paths);
        self.ledger.close(session, paths, self.prover, &mut self.of_ledger);
        is_peer_wire
    }
}
