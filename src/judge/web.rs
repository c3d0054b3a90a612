//! Web seeds (BEP 17, BEP 19): where the bodies of HTTP answers belong in the torrents. What comes of it are blocks, as peers
//! send them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::attribute::{Line, Lines, number_of};
use crate::ends::{At, ConnectionId, Span};
use crate::facts::{
    Answer, Block, BlockId, Body, ByteRange, Connection, Facts, Place, Receiver, Redirect, Request, Run,
};
use crate::torrent::{TorrentId, Torrents};
use crate::webseed::{self, Candidate, Redirects, WebRequest};
use crate::wire::Framing;

/// What web servers sent of torrents.
#[derive(Debug, Default)]
pub(super) struct Served {
    /// The blocks, in the order of the walk.
    pub(super) blocks: Vec<Block>,
    /// The first whole block on each connection.
    pub(super) first: BTreeMap<ConnectionId, Span>,
}

/// What bodies that answer one request are taken for.
struct Identified {
    request: Option<u32>,
    total: Option<u64>,
    candidate: Option<Candidate>,
    /// Whether other files fit as well.
    ambiguous: bool,
}

struct Server {
    connection: Connection,
    requests: Vec<Arc<WebRequest>>,
    latest: Option<Identified>,
}

/// Places bodies in torrents; what is sent of one torrent from one place on one connection is a line of its own.
pub(super) fn serve(facts: &Facts, torrents: &Torrents, lines: &mut Lines) -> Served {
    let mut servers: BTreeMap<ConnectionId, Server> = BTreeMap::new();
    let mut moved: Vec<(u64, ConnectionId, Redirect)> = Vec::new();
    for connection in std::mem::take(&mut lines.webs) {
        let Some(web) = connection.web() else { continue };
        moved.extend(web.redirects.iter().map(|redirect| (redirect.order, connection.id, redirect.clone())));
        let requests = web.requests.iter().map(|request| Arc::new(WebRequest::from(request))).collect();
        servers.insert(connection.id, Server { connection, requests, latest: None });
    }
    moved.sort_by_key(|(order, id, redirect)| (*order, *id, redirect.request));
    let mut moved = moved.into_iter().peekable();
    let (mut served, mut redirects) = (Served::default(), Redirects::default());
    let mut named: BTreeMap<(ConnectionId, TorrentId, u64, bool), ConnectionId> = BTreeMap::new();
    let mut next = lines.unused;
    for body in &facts.bodies {
        // A redirect is followed by what comes after it.
        while let Some((_, id, redirect)) = moved.next_if(|(order, ..)| *order <= body.order) {
            let request = servers.get(&id).and_then(|server| server.requests.get(redirect.request as usize));
            if let Some(request) = request {
                // One that was forgotten before it was followed is told by the walk.
                redirects.note(request, &redirect.location, torrents);
            }
        }
        let Some(server) = servers.get_mut(&body.connection) else { continue };
        let request = body.request.and_then(|request| server.requests.get(request as usize)).cloned();
        let key = (body.request, body.total);
        if server.latest.as_ref().is_none_or(|latest| (latest.request, latest.total) != key) {
            let mut candidates = redirects.identify(request.as_deref(), body.total, torrents);
            candidates.sort_by_key(|candidate| candidate.basis);
            let ambiguous = candidates.len() > 1;
            let candidate = candidates.into_iter().next();
            server.latest = Some(Identified { request: body.request, total: body.total, candidate, ambiguous });
        }
        let Some(Identified { candidate: Some(candidate), ambiguous, .. }) = &server.latest else { continue };
        let from = server.connection.web().map_or(crate::ends::Direction::LowToHigh, |web| web.server);
        let endpoint = server.connection.source(from);
        if request.as_ref().is_some_and(|request| request.is_relayed(endpoint.ip, endpoint.port)) {
            continue;
        }
        // Words of regret have another length than what was asked for.
        let is_named = candidate.named && body.total.is_some();
        let place = (number_of(&candidate.place), is_named);
        let guessed = body.framing == Framing::Resynchronised || candidate.is_guess() || *ambiguous;
        for cell in candidate.cells(torrents.torrent(candidate.torrent), body.first_byte, body.len) {
            let key = (body.connection, candidate.torrent, place.0, place.1);
            let line = *named.entry(key).or_insert_with(|| {
                let id = ConnectionId(next);
                next += 1;
                lines.add(id, Line::of_web(&server.connection, candidate.torrent, place));
                id
            });
            let (runs, span) = runs(&body, cell.start, cell.len);
            let receiver = Receiver { ip: server.connection.flow.destination(from).ip, port: None };
            let block = Block {
                id: BlockId(facts.blocks.len() + served.blocks.len() as u64),
                order: body.order,
                connection: line,
                reading: 0,
                from,
                piece: cell.piece,
                begin: cell.begin,
                len: cell.len,
                captured_to: cell.len,
                offset: body.offset.saturating_add(u64::from(cell.start)),
                runs,
                span,
                framing: if guessed { Framing::Resynchronised } else { Framing::InSync },
                answers: match &request {
                    Some(request) => Answer::Request { span: request.span, acknowledged: false },
                    None => Answer::Unasked,
                },
                advertised: None,
                receiver,
            };
            if !block.runs.is_empty() {
                served.first.entry(body.connection).or_insert(block.span);
            }
            served.blocks.push(block);
        }
    }
    served
}

/// The runs of `len` bytes of a body from `start` on, and the frames that carried them.
fn runs(body: &Body, start: u32, len: u32) -> (Vec<Run>, Span) {
    let (mut runs, mut span, end) = (Vec::new(), None::<Span>, start.saturating_add(len));
    for (run, time) in body.runs.iter().zip(&body.times) {
        let (from, to) = (run.start.max(start), run.end().min(end));
        if from >= to {
            continue;
        }
        let at = At { time: *time, frame: run.frame };
        span = Some(span.map_or(Span::single(at), |span| span.join(Span::single(at))));
        let offset = run.place.offset + u64::from(from - run.start);
        runs.push(Run {
            start: from - start,
            len: to - from,
            stream: body.offset.saturating_add(u64::from(from)),
            place: Place { offset, ..run.place },
            ..*run
        });
    }
    (runs, span.unwrap_or(body.span))
}

impl From<&Request> for WebRequest {
    fn from(request: &Request) -> Self {
        let range = |range: &ByteRange| match *range {
            ByteRange::FromTo { first, last } => webseed::ByteRange::FromTo { first, last },
            ByteRange::From(first) => webseed::ByteRange::From(first),
            ByteRange::Last(count) => webseed::ByteRange::Last(count),
        };
        Self {
            method: request.method.clone(),
            target: request.target.clone(),
            host: request.host.clone(),
            ranges: request.ranges.iter().map(range).collect(),
            span: request.span,
        }
    }
}
