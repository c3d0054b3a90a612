//! An HTTP connection, read as far as it may be a webseed's (BEP 17, BEP 19) or a tracker's (BEP 3).

mod noted;

use std::collections::BTreeSet;
use std::sync::Arc;

use super::announces::{Announces, established};
use super::channel::{Transported, opened};
use super::{Hub, Purpose};
use crate::ends::{ConnectionId, Direction, FlowKey, Sightings, Span, Transport};
use crate::ledger::WebConnection;
use crate::oddity::{Bound, GapKind, Lost, MentionFault, Oddity, Relay, Sink};
use crate::session::{Answer, Delivery, Served};
use crate::stream::{GapCause, Missing, Opening, StreamItem};
use crate::torrent::TorrentId;
use crate::webseed::{BodyPart, Candidate, Flaw, HttpExchange, WebEvent, WebRequest, identify};
use crate::wire::Framing;
use noted::Noted;

/// One HTTP connection.
#[derive(Debug)]
pub(super) struct WebChannel<'cap> {
    id: ConnectionId,
    flow: FlowKey,
    /// The direction of the responses.
    server: Direction,
    exchange: HttpExchange<'cap>,
    announces: Announces,
    events: Vec<WebEvent<'cap>>,
    /// The request that was identified last, and as what.
    latest: Option<Identified>,
    torrents: BTreeSet<TorrentId>,
    first_block: Option<Span>,
    delivery: Delivery,
    odd: Oddities<'cap>,
    /// The facts, where they are written down.
    noted: Option<Box<Noted>>,
    /// The first URL of a torrent's file that a proxy was asked for.
    relayed: Option<String>,
}

/// What was odd about the transport of the responses.
#[derive(Debug, Default)]
struct Oddities<'cap> {
    gaps: u64,
    gap_bytes: u64,
    snaplen: bool,
    bad_checksum: bool,
    /// Whether a stretch of the stream was sent in two versions.
    conflict: bool,
    /// Stretches that were sent in two versions, or twice and not compared.
    twice: Vec<(u64, u64)>,
    /// Stretches that were served.
    served: Vec<(u64, u64)>,
    /// Not told yet: most HTTP in a capture is nobody's webseed.
    untold: Vec<StreamItem<'cap>>,
    /// Whether a stretch that was sent twice will never be told.
    unsaid: bool,
}

/// What the bodies that answer one request are taken for.
#[derive(Debug)]
struct Identified {
    request: Option<Arc<WebRequest>>,
    total: Option<u64>,
    candidate: Option<Candidate>,
    /// Whether other files fit as well.
    ambiguous: bool,
}

impl<'cap> WebChannel<'cap> {
    /// A connection on which requests go in `client`.
    pub(super) fn new(client: Direction, flow: FlowKey, hub: &mut Hub<'_, 'cap>) -> Self {
        let exchange = HttpExchange::new(client, &hub.options.limits);
        Self::of(exchange, client, flow, hub)
    }

    /// The same, from somewhere in its middle on.
    pub(super) fn joined(client: Direction, flow: FlowKey, hub: &mut Hub<'_, 'cap>) -> Self {
        let exchange = HttpExchange::joined(client, &hub.options.limits);
        Self::of(exchange, client, flow, hub)
    }

    fn of(exchange: HttpExchange<'cap>, client: Direction, flow: FlowKey, hub: &mut Hub<'_, 'cap>) -> Self {
        Self {
            id: hub.connection(),
            flow,
            server: client.reverse(),
            exchange,
            announces: Announces::default(),
            events: Vec::new(),
            latest: None,
            torrents: BTreeSet::new(),
            first_block: None,
            delivery: Delivery::default(),
            odd: Oddities::default(),
            noted: hub.written.as_ref().map(|_| Box::default()),
            relayed: None,
        }
    }

    /// Whether a block of a torrent was served on it.
    pub(super) fn has_blocks(&self) -> bool {
        !self.torrents.is_empty()
    }

    pub(super) fn item(
        &mut self,
        direction: Direction,
        item: &StreamItem<'cap>,
        opening: &Opening,
        hub: &mut Hub<'_, 'cap>,
    ) {
        if direction == self.server {
            if let Some(noted) = &mut self.noted {
                noted.item((self.id, self.server), item, hub);
            }
            match *item {
                StreamItem::Acked { upto, .. } => self.delivery.acknowledge(upto),
                StreamItem::Unaccepted { offset, len, .. } if self.has_blocks() => {
                    hub.ledger.doubt(self.id, self.server, offset..offset.saturating_add(len));
                }
                _ => {}
            }
            self.odd.note(item);
        }
        self.exchange.push(direction, item, &mut self.events);
        self.drain(hub);
        let client = self.server.reverse();
        let answered = match *item {
            StreamItem::Data { at, .. } if direction == self.server => Some(Span::single(at)),
            _ => None,
        };
        self.announces.confirm(self.flow, client, established(opening).or(answered), hub);
    }

    fn drain(&mut self, hub: &mut Hub<'_, 'cap>) {
        let mut events = std::mem::take(&mut self.events);
        for event in events.drain(..) {
            self.note(&event);
            match event {
                WebEvent::Body(part) => self.body(&part, hub),
                WebEvent::Asked(request) => {
                    self.announces.ask(self.flow, self.server.reverse(), &request, hub);
                }
                WebEvent::Moved { request, location } => {
                    if let Some(noted) = &mut self.noted {
                        noted.moved(&request, &location, hub);
                    }
                    if !hub.redirects.note(&request, &location, hub.ledger.torrents()) {
                        let occurrence = Oddity::from(Bound::Redirects).within(request.span);
                        hub.anomalies.odd(occurrence.sent(self.flow, self.server.reverse()).of(self.id));
                    }
                }
                WebEvent::Answer(answer) => self.announces.answer(self.flow, self.server, &answer, hub),
                WebEvent::Bad { reason, bytes, at } => {
                    let oddity = match reason.bound(bytes) {
                        // Whose it is, what was not read would have told.
                        Some(bound) => bound.into(),
                        // Most HTTP in a capture is nobody's webseed: only what a webseed sent is worth a word.
                        None if !self.torrents.is_empty() => Oddity::Web { flaw: reason, bytes },
                        None if self.announces.any() => {
                            Oddity::Mention { fault: MentionFault::Web(reason), entries: 1 }
                        }
                        None => continue,
                    };
                    hub.anomalies.odd(oddity.at(at).sent(self.flow, self.server).of(self.id));
                }
                WebEvent::Coded { request, bytes, at } => {
                    let of = |total| identify(request.as_deref(), total, hub.ledger.torrents());
                    let named = || !of(None).is_empty();
                    // Of a file's own length, the label is wrong, and the body is read as it is.
                    if !of(Some(bytes)).is_empty() {
                        continue;
                    }
                    if !self.torrents.is_empty() || (request.is_some() && named()) {
                        let oddity = Oddity::Web { flaw: Flaw::Encoding, bytes };
                        hub.anomalies.odd(oddity.at(at).sent(self.flow, self.server).of(self.id));
                    }
                }
            }
        }
        self.events = events;
        if !self.torrents.is_empty() {
            self.tell(hub);
        }
    }

    /// Writes down what was odd, where that is asked for.
    fn note(&mut self, event: &WebEvent<'cap>) {
        let Some(noted) = &mut self.noted else { return };
        match event {
            WebEvent::Bad { reason, bytes, at } => noted.fault(*reason, None, *bytes, *at),
            WebEvent::Coded { request, bytes, at } => noted.fault(Flaw::Encoding, request.as_ref(), *bytes, *at),
            WebEvent::Body(_) | WebEvent::Asked(_) | WebEvent::Moved { .. } | WebEvent::Answer(_) => {}
        }
    }

    /// Says what was odd about the responses, now that they are a webseed's.
    fn tell(&mut self, hub: &mut Hub<'_, 'cap>) {
        for item in std::mem::take(&mut self.odd.untold) {
            let (oddity, at) = match item {
                StreamItem::Conflict { offset, bytes, at } => {
                    hub.ledger.conflict(self.id, self.server, offset, bytes, at, &mut hub.of_ledger);
                    (Oddity::OtherContent { offset, len: bytes.len() as u64 }, at)
                }
                StreamItem::Gap { offset, missing, at, .. } => {
                    let lost = match missing {
                        Missing::Bytes(bytes) => Lost::Bytes(bytes),
                        Missing::Packets(_) | Missing::Unknown => Lost::Unknown,
                    };
                    (Oddity::Gap { offset, lost, cause: GapKind::Web }, at)
                }
                StreamItem::Late { offset, bytes, at } => (Oddity::Late { offset, len: bytes.len() as u64 }, at),
                StreamItem::Uncompared { offset, len, at, cut } => {
                    hub.ledger.doubt(self.id, self.server, offset..offset.saturating_add(len));
                    (Oddity::Uncompared { offset, len, placed: true, cut }, at)
                }
                StreamItem::OutOfWindow { len, at } => (Oddity::OutOfWindow { len }, at),
                _ => continue,
            };
            hub.anomalies.odd(oddity.at(at).sent(self.flow, self.server).of(self.id));
        }
    }

    fn body(&mut self, part: &BodyPart<'cap>, hub: &mut Hub<'_, 'cap>) {
        if let Some(noted) = &mut self.noted {
            noted.body(self.id, part, hub);
        }
        if hub.purpose == Purpose::Survey {
            return;
        }
        let same = |latest: &Identified| {
            latest.total == part.total
                && match (&latest.request, &part.request) {
                    (Some(one), Some(other)) => Arc::ptr_eq(one, other),
                    (None, None) => true,
                    _ => false,
                }
        };
        if !self.latest.as_ref().is_some_and(same) {
            let mut candidates = hub.redirects.identify(part.request.as_deref(), part.total, hub.ledger.torrents());
            candidates.sort_by_key(|candidate| candidate.basis);
            let ambiguous = candidates.len() > 1;
            let candidate = candidates.into_iter().next();
            self.latest =
                Some(Identified { request: part.request.clone(), total: part.total, candidate, ambiguous });
        }
        let Some(Identified { candidate: Some(candidate), ambiguous, .. }) = &self.latest else { return };
        let server = self.flow.source(self.server);
        if let Some(request) = part.request.as_deref().filter(|request| request.is_relayed(server.ip, server.port))
        {
            self.relayed.get_or_insert_with(|| request.target.clone());
            return;
        }
        // Words of regret have another length than what was asked for.
        let named = candidate.named && part.total.is_some();
        let (torrent, ambiguous) = (candidate.torrent, *ambiguous);
        let digest = crate::prove::sha256(&[candidate.place.as_bytes()]);
        // 0 is for peers, which have none.
        let place = digest.first_chunk().map_or(1, |bytes| u64::from_le_bytes(*bytes)).max(1);
        let mut blocks = candidate.blocks(hub.ledger.torrents().torrent(torrent), part);
        if ambiguous {
            // Its place is a guess: it may verify, but it refutes nobody.
            blocks.iter_mut().for_each(|block| block.framing = Framing::Resynchronised);
        }
        for block in blocks {
            self.torrents.insert(torrent);
            if block.captured_to == block.len && !block.runs.is_empty() {
                self.first_block.get_or_insert(block.span);
            }
            for run in &block.runs {
                let from = block.offset + u64::from(run.start);
                self.delivery.payload(from, from + run.bytes.len() as u64);
                self.odd.serve(from, from + run.bytes.len() as u64);
            }
            let answer = part.request.as_ref().map_or(Answer::Unasked, |request| Answer::Solicited(request.span));
            let served = Served { from: self.server, block, answer, advertised: None, acknowledges: false };
            hub.serve_web(self.id, self.flow, torrent, served, place, named);
        }
    }

    /// Ends the connection.
    pub(super) fn close(
        mut self,
        transported: Transported,
        span: Option<Span>,
        seen: Sightings,
        hub: &mut Hub<'_, 'cap>,
    ) {
        self.exchange.close(&mut self.events);
        self.drain(hub);
        self.announces.close(self.flow, self.server.reverse(), hub);
        if !self.torrents.is_empty() && self.odd.is_ambiguous() {
            hub.ledger.distrust(self.id, self.server);
        }
        let [low, high] = transported.opening.confirmed;
        let confirmed = if self.server == Direction::LowToHigh { low } else { high };
        let unconfirmed = transported.opening.present == [true; 2] && !confirmed;
        if !self.torrents.is_empty() && unconfirmed {
            hub.ledger.distrust(self.id, self.server);
        }
        if let Some(target) = self.relayed.take() {
            let relay = Relay::Http { proxy: self.flow.source(self.server), target };
            hub.relay(self.flow, Transport::Tcp, transported.bytes, span, relay);
        }
        let Some(span) = span else { return };
        if let Some(noted) = self.noted.take() {
            noted.close(self.id, self.flow, self.server, (&transported, span, &seen), hub);
        }
        if let Some(initial) = transported.initial {
            let client = self.server.reverse();
            hub.legs.note_web(self.flow, client, span, &self.torrents, initial, &mut hub.anomalies);
        }
        let web = WebConnection {
            id: self.id,
            flow: self.flow,
            server: self.server,
            torrents: self.torrents,
            opening: opened(&transported.opening),
            unconfirmed,
            span,
            seen,
            first_block: self.first_block,
            overlap_conflict: self.odd.conflict,
            bad_checksum: self.odd.bad_checksum,
            snaplen: self.odd.snaplen,
            gaps: self.odd.gaps,
            gap_bytes: self.odd.gap_bytes,
            duplicate_frames: transported.duplicates,
            acknowledged: self.delivery.acknowledged(),
            paths: transported.paths,
        };
        hub.ledger.close_web(web);
    }
}

impl<'cap> Oddities<'cap> {
    fn note(&mut self, item: &StreamItem<'cap>) {
        match *item {
            StreamItem::Data { doubtful, .. } => {
                self.bad_checksum |= doubtful;
                return;
            }
            StreamItem::Gap { missing, cause, .. } => {
                self.gaps += 1;
                if let Missing::Bytes(bytes) = missing {
                    self.gap_bytes += bytes;
                }
                if cause == GapCause::Snaplen {
                    // The cut frames themselves were counted when they were decoded.
                    self.snaplen = true;
                    return;
                }
            }
            StreamItem::Conflict { offset, bytes, .. } => {
                self.conflict = true;
                self.send_twice(offset, bytes.len() as u64);
            }
            StreamItem::Uncompared { offset, len, .. } => self.send_twice(offset, len),
            StreamItem::Acked { .. }
            | StreamItem::AckedRange { .. }
            | StreamItem::Unaccepted { .. }
            | StreamItem::End { .. } => return,
            _ => {}
        }
        if self.untold.len() < MOST_UNTOLD {
            self.untold.push(*item);
        }
    }

    fn send_twice(&mut self, offset: u64, len: u64) {
        if self.twice.len() <= MOST_UNTOLD {
            self.twice.push((offset, offset.saturating_add(len)));
        }
        self.unsaid |= self.untold.len() >= MOST_UNTOLD;
    }

    fn serve(&mut self, from: u64, to: u64) {
        match self.served.last_mut() {
            Some(last) if last.1 == from => last.1 = to,
            _ => self.served.push((from, to)),
        }
    }

    /// Whether something else than served bytes was sent in two versions, or may have been: a header, which says what the
    /// bytes behind it are.
    fn is_ambiguous(&self) -> bool {
        let within = |(from, to): &(u64, u64)| {
            let before = self.served.partition_point(|served| served.0 <= *from);
            before.checked_sub(1).and_then(|at| self.served.get(at)).is_some_and(|served| *to <= served.1)
        };
        self.unsaid || self.twice.len() > MOST_UNTOLD || !self.twice.iter().all(within)
    }
}

// Rationale: as many conflicts as the ledger tries; of a connection that is no webseed nothing more is kept.
const MOST_UNTOLD: usize = 1_024;
