//! An HTTP connection, read as far as it may be a webseed's (BEP 17, BEP 19) or a tracker's (BEP 3).

mod noted;

use std::collections::BTreeSet;
use std::sync::Arc;

use super::announces::{Announces, established};
use super::{Shared, Transported};
use crate::ends::{ConnectionId, Direction, FlowKey, Sightings, Span, Transport};
use crate::limits::UNTOLD_ITEMS;
use crate::oddity::{Bound, GapKind, Lost, MentionFault, Oddity, Relay, Sink};
use crate::stream::{GapCause, Missing, Opening, StreamItem};
use crate::torrent::TorrentId;
use crate::webseed::{BodyPart, Candidate, Flaw, HttpExchange, WebEvent, WebRequest, identify};
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
    /// The frames that show that the client received something.
    confirmed: Option<Span>,
    /// The request that was identified last, and as what.
    latest: Option<Identified>,
    torrents: BTreeSet<TorrentId>,
    odd: Oddities<'cap>,
    noted: Box<Noted>,
    /// The first URL of a torrent's file that a proxy was asked for.
    relayed: Option<String>,
}

/// Oddities in the transport of the responses.
#[derive(Debug, Default)]
struct Oddities<'cap> {
    /// Not told yet: most HTTP in a capture is nobody's webseed.
    untold: Vec<StreamItem<'cap>>,
}

/// The candidate that the bodies which answer one request are taken for.
#[derive(Debug)]
struct Identified {
    request: Option<Arc<WebRequest>>,
    total: Option<u64>,
    candidate: Option<Candidate>,
}

impl<'cap> WebChannel<'cap> {
    /// A connection on which requests go in `client`.
    pub(super) fn new(client: Direction, flow: FlowKey, shared: &mut Shared<'_, 'cap>) -> Self {
        let exchange = HttpExchange::new(client, &shared.options.limits);
        Self::of(exchange, client, flow, shared)
    }

    /// A connection that is read from somewhere in its middle on.
    pub(super) fn joined(client: Direction, flow: FlowKey, shared: &mut Shared<'_, 'cap>) -> Self {
        let exchange = HttpExchange::joined(client, &shared.options.limits);
        Self::of(exchange, client, flow, shared)
    }

    fn of(exchange: HttpExchange<'cap>, client: Direction, flow: FlowKey, shared: &mut Shared<'_, 'cap>) -> Self {
        shared.tallies.web = true;
        Self {
            id: shared.connection(),
            flow,
            server: client.reverse(),
            exchange: exchange.of_server(flow.source(client.reverse())),
            announces: Announces::default(),
            events: Vec::new(),
            confirmed: None,
            latest: None,
            torrents: BTreeSet::new(),
            odd: Oddities::default(),
            noted: Box::default(),
            relayed: None,
        }
    }

    /// Returns true if a block of a torrent was served on the connection.
    pub(super) fn has_blocks(&self) -> bool {
        !self.torrents.is_empty()
    }

    pub(super) fn item(
        &mut self,
        direction: Direction,
        item: &StreamItem<'cap>,
        opening: &Opening,
        shared: &mut Shared<'_, 'cap>,
    ) {
        if direction == self.server {
            self.noted.item((self.id, self.server), item, shared);
            self.odd.note(item);
        }
        self.exchange.push(direction, item, &mut self.events);
        let answered = match *item {
            StreamItem::Data { at, .. } if direction == self.server => Some(Span::single(at)),
            _ => None,
        };
        let shown = established(opening).or(answered);
        self.confirmed = self.confirmed.or(shown);
        self.drain(shared);
        self.announces.confirm(self.flow, self.server.reverse(), shown, shared);
    }

    fn drain(&mut self, shared: &mut Shared<'_, 'cap>) {
        let mut events = std::mem::take(&mut self.events);
        for event in events.drain(..) {
            self.note(&event);
            match event {
                WebEvent::Body(part) => self.body(&part, shared),
                WebEvent::Asked(request) => {
                    self.announces.ask(self.flow, self.server.reverse(), &request, shared);
                }
                WebEvent::Moved { request, location } => {
                    self.noted.moved(&request, &location, shared);
                    if !shared.redirects.note(&request, &location, shared.torrents) {
                        let occurrence = Oddity::from(Bound::Redirects).within(request.span);
                        shared.anomalies.odd(occurrence.sent(self.flow, self.server.reverse()).of(self.id));
                    }
                }
                WebEvent::Message(message) => {
                    self.announces.message((self.flow, self.server.reverse()), &message, self.confirmed, shared);
                }
                WebEvent::Answer(answer) => self.announces.answer(self.flow, self.server, &answer, shared),
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
                    shared.anomalies.odd(oddity.at(at).sent(self.flow, self.server).of(self.id));
                }
                WebEvent::Coded { request, bytes, at } => {
                    let of = |total| identify(request.as_deref(), total, shared.torrents);
                    let named = || !of(None).is_empty();
                    // Of a file's own length, the label is wrong, and the body is read as it is.
                    if !of(Some(bytes)).is_empty() {
                        continue;
                    }
                    if !self.torrents.is_empty() || (request.is_some() && named()) {
                        let oddity = Oddity::Web { flaw: Flaw::Encoding, bytes };
                        shared.anomalies.odd(oddity.at(at).sent(self.flow, self.server).of(self.id));
                    }
                }
            }
        }
        self.events = events;
        if !self.torrents.is_empty() {
            self.tell(shared);
        }
    }

    /// Writes down what was odd.
    fn note(&mut self, event: &WebEvent<'cap>) {
        let noted = &mut self.noted;
        match event {
            WebEvent::Bad { reason, bytes, at } => noted.fault(*reason, None, *bytes, *at),
            WebEvent::Coded { request, bytes, at } => noted.fault(Flaw::Encoding, request.as_ref(), *bytes, *at),
            WebEvent::Body(_)
            | WebEvent::Asked(_)
            | WebEvent::Moved { .. }
            | WebEvent::Answer(_)
            | WebEvent::Message(_) => {}
        }
    }

    /// Says what was odd about the responses, now that they are a webseed's.
    fn tell(&mut self, shared: &mut Shared<'_, 'cap>) {
        for item in std::mem::take(&mut self.odd.untold) {
            let (oddity, at) = match item {
                StreamItem::Conflict { offset, bytes, at } => {
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
                    (Oddity::Uncompared { offset, len, placed: true, cut }, at)
                }
                StreamItem::OutOfWindow { len, at } => (Oddity::OutOfWindow { len }, at),
                _ => continue,
            };
            shared.anomalies.odd(oddity.at(at).sent(self.flow, self.server).of(self.id));
        }
    }

    fn body(&mut self, part: &BodyPart<'cap>, shared: &mut Shared<'_, 'cap>) {
        self.noted.body(self.id, part, shared);
        let same = |latest: &Identified| {
            latest.total == part.total
                && match (&latest.request, &part.request) {
                    (Some(one), Some(other)) => Arc::ptr_eq(one, other),
                    (None, None) => true,
                    _ => false,
                }
        };
        if !self.latest.as_ref().is_some_and(same) {
            let candidates = shared.redirects.identify(part.request.as_deref(), part.total, shared.torrents);
            let candidate = candidates.into_iter().min_by_key(|candidate| candidate.basis);
            self.latest = Some(Identified { request: part.request.clone(), total: part.total, candidate });
        }
        let Some(Identified { candidate: Some(candidate), .. }) = &self.latest else { return };
        let server = self.flow.source(self.server);
        if let Some(request) = part.request.as_deref().filter(|request| request.is_relayed(server.ip, server.port))
        {
            self.relayed.get_or_insert_with(|| request.target.clone());
            return;
        }
        let torrent = candidate.torrent;
        for block in candidate.blocks(shared.torrents.torrent(torrent), part) {
            self.torrents.insert(torrent);
            shared.hear(self.flow, self.server, torrent, &block);
        }
    }

    /// Ends the connection.
    pub(super) fn close(
        mut self,
        transported: Transported,
        span: Option<Span>,
        seen: Sightings,
        shared: &mut Shared<'_, 'cap>,
    ) {
        self.exchange.close(&mut self.events);
        self.drain(shared);
        self.announces.close(self.flow, self.server.reverse(), shared);
        if let Some(target) = self.relayed.take() {
            let relay = Relay::Http { proxy: self.flow.source(self.server), target };
            shared.relay(self.flow, Transport::Tcp, transported.bytes, span, relay);
        }
        let Some(span) = span else { return };
        self.noted.close(self.id, self.flow, self.server, (&transported, span, &seen), shared);
        if let Some(initial) = transported.initial {
            let client = self.server.reverse();
            shared.translations.note_web(self.flow, client, span, &self.torrents, initial, &mut shared.anomalies);
        }
    }
}

impl<'cap> Oddities<'cap> {
    fn note(&mut self, item: &StreamItem<'cap>) {
        let told = match *item {
            // The cut frames themselves were counted when they were decoded.
            StreamItem::Gap { cause, .. } => cause != GapCause::Snaplen,
            StreamItem::Data { .. }
            | StreamItem::Acked { .. }
            | StreamItem::AckedRange { .. }
            | StreamItem::Unaccepted { .. }
            | StreamItem::OtherLength { .. }
            | StreamItem::Suspect { .. }
            | StreamItem::End { .. } => false,
            _ => true,
        };
        if told && self.untold.len() < UNTOLD_ITEMS {
            self.untold.push(*item);
        }
    }
}
