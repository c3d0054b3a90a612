//! An HTTP connection, read as far as it may be a webseed's (BEP 17, BEP 19).

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Hub;
use super::channel::{Transported, opened};
use crate::anomaly::{Example, Kind};
use crate::ledger::WebConnection;
use crate::packet::{Direction, FlowKey};
use crate::provenance::{Sightings, Span};
use crate::session::{Answer, ConnectionId, Delivery, Served, arrow};
use crate::stream::StreamItem;
use crate::torrent::TorrentId;
use crate::webseed::{Basis, BodyPart, Candidate, HttpExchange, WebEvent, WebRequest, identify};
use crate::wire::Framing;

/// One HTTP connection.
#[derive(Debug)]
pub(super) struct WebChannel<'cap> {
    id: ConnectionId,
    flow: FlowKey,
    /// The direction of the responses.
    server: Direction,
    exchange: HttpExchange<'cap>,
    events: Vec<WebEvent<'cap>>,
    /// The request that was identified last, and as what.
    latest: Option<Identified>,
    torrents: BTreeSet<TorrentId>,
    first_block: Option<Span>,
    delivery: Delivery,
    gaps: (u64, u64),
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
        Self {
            id: hub.connection(),
            flow,
            server: client.reverse(),
            exchange: HttpExchange::new(client, &hub.options.limits),
            events: Vec::new(),
            latest: None,
            torrents: BTreeSet::new(),
            first_block: None,
            delivery: Delivery::default(),
            gaps: (0, 0),
        }
    }

    pub(super) fn item(&mut self, direction: Direction, item: &StreamItem<'cap>, hub: &mut Hub<'_, 'cap>) {
        if direction == self.server {
            match *item {
                StreamItem::Acked { upto, .. } => self.delivery.acknowledge(upto),
                StreamItem::Gap { missing, .. } => {
                    self.gaps.0 += 1;
                    if let crate::stream::Missing::Bytes(bytes) = missing {
                        self.gaps.1 += bytes;
                    }
                }
                _ => {}
            }
        }
        self.exchange.push(direction, item, &mut self.events);
        self.drain(hub);
    }

    fn drain(&mut self, hub: &mut Hub<'_, 'cap>) {
        let mut events = std::mem::take(&mut self.events);
        for event in events.drain(..) {
            match event {
                WebEvent::Body(part) => self.body(&part, hub),
                // Most HTTP in a capture is nobody's webseed: only what a webseed sent is worth a word.
                WebEvent::Bad { reason, bytes, at } if !self.torrents.is_empty() => {
                    hub.anomalies.note(Kind::BadWebseed, bytes, || Example {
                        span: Some(Span::single(at)),
                        flow: arrow(self.flow, self.server),
                        detail: reason.detail().to_owned(),
                    });
                }
                WebEvent::Bad { .. } => {}
            }
        }
        self.events = events;
    }

    fn body(&mut self, part: &BodyPart<'cap>, hub: &mut Hub<'_, 'cap>) {
        let same = |latest: &Identified| {
            latest.total == part.total
                && match (&latest.request, &part.request) {
                    (Some(one), Some(other)) => Arc::ptr_eq(one, other),
                    (None, None) => true,
                    _ => false,
                }
        };
        if !self.latest.as_ref().is_some_and(same) {
            let mut candidates = identify(part.request.as_deref(), part.total, hub.ledger.torrents());
            candidates.sort_by_key(|candidate| candidate.basis);
            let ambiguous = candidates.len() > 1;
            let candidate = candidates.into_iter().next();
            self.latest =
                Some(Identified { request: part.request.clone(), total: part.total, candidate, ambiguous });
        }
        let Some(Identified { candidate: Some(candidate), ambiguous, .. }) = &self.latest else { return };
        let certain = candidate.basis == Basis::InfoHash && part.total.is_some();
        let (torrent, ambiguous) = (candidate.torrent, *ambiguous);
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
            }
            let answer = part.request.as_ref().map_or(Answer::Unasked, |request| Answer::Solicited(request.span));
            let served = Served { from: self.server, block, answer, advertised: None, acknowledges: false };
            hub.serve_web(self.id, self.flow, torrent, served, certain);
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
        let Some(span) = span else { return };
        let web = WebConnection {
            id: self.id,
            flow: self.flow,
            server: self.server,
            torrents: self.torrents,
            opening: opened(&transported.opening),
            span,
            seen,
            first_block: self.first_block,
            gaps: self.gaps.0,
            gap_bytes: self.gaps.1,
            duplicate_frames: transported.duplicates,
            acknowledged: self.delivery.acknowledged(),
            paths: transported.paths,
        };
        hub.ledger.close_web(web);
    }
}
