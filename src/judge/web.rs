//! Web seeds (BEP 17, BEP 19): where the bodies of HTTP answers belong in the torrents. What comes of it are blocks, as peers
//! send them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::ask::Ask;
use super::attribute::{Line, Lines, number_of};
use super::files::Contested;
use crate::ends::{At, ConnectionId, Span};
use crate::facts::{
    Answer, Block, BlockId, Body, ByteRange, Connection, Facts, Place, Receiver, Redirect, Request, Run,
};
use crate::oddity::Sink;
use crate::torrent::{TorrentId, Torrents};
use crate::webseed::{self, Candidate, Redirects, WebRequest};
use crate::wire::Framing;

/// Blocks of torrents that web servers sent.
#[derive(Debug, Default)]
pub(super) struct Served {
    /// The blocks, in the order of the walk.
    pub(super) blocks: Vec<Block>,
    /// The first whole block on each connection.
    pub(super) first: BTreeMap<ConnectionId, Span>,
}

/// A resource as one connection asked for it: host, target and the size of the whole. Without a request, each row of
/// bodies is of its own.
pub(super) type Resource = (ConnectionId, Result<(String, String), usize>, Option<u64>);

/// Files that bodies for one request may be.
struct Identified {
    resource: Resource,
    candidates: Vec<Candidate>,
}

struct Server {
    connection: Connection,
    requests: Vec<Arc<WebRequest>>,
    /// The request of the last body, the size of its resource, and what it was taken for.
    latest: Option<(Option<u32>, Option<u64>, usize)>,
}

/// The identified resource of each body, as an index.
struct Taken {
    servers: BTreeMap<ConnectionId, Server>,
    identified: Vec<Identified>,
    of: Vec<Option<usize>>,
}

/// Takes bodies for files of torrents, by what was asked for.
fn take(facts: &Facts, torrents: &Torrents, webs: Vec<Connection>) -> Taken {
    let mut servers: BTreeMap<ConnectionId, Server> = BTreeMap::new();
    let mut moved: Vec<(u64, ConnectionId, Redirect)> = Vec::new();
    for connection in webs {
        let Some(web) = connection.web() else { continue };
        moved.extend(web.redirects.iter().map(|redirect| (redirect.order, connection.id, redirect.clone())));
        let requests = web.requests.iter().map(|request| Arc::new(WebRequest::from(request))).collect();
        servers.insert(connection.id, Server { connection, requests, latest: None });
    }
    moved.sort_by_key(|(order, id, redirect)| (*order, *id, redirect.request));
    let (mut moved, mut redirects) = (moved.into_iter().peekable(), Redirects::default());
    let (mut identified, mut of) = (Vec::new(), Vec::new());
    for body in &facts.bodies {
        // A redirect is followed by what comes after it.
        while let Some((_, id, redirect)) = moved.next_if(|(order, ..)| *order <= body.order) {
            let request = servers.get(&id).and_then(|server| server.requests.get(redirect.request as usize));
            if let Some(request) = request {
                // One that was forgotten before it was followed is told by the walk.
                redirects.note(request, &redirect.location, torrents);
            }
        }
        let index = servers.get_mut(&body.connection).map(|server| {
            let known =
                server.latest.filter(|(request, total, _)| (*request, *total) == (body.request, body.total));
            if let Some((.., index)) = known {
                return index;
            }
            let index = identified.len();
            let request = body.request.and_then(|request| server.requests.get(request as usize));
            let mut candidates = redirects.identify(request.map(Arc::as_ref), body.total, torrents);
            candidates.sort_by_key(|candidate| candidate.basis);
            let asked = request.map(|request| (request.host.clone().unwrap_or_default(), request.target.clone()));
            let resource = (body.connection, asked.ok_or(index), body.total);
            identified.push(Identified { resource, candidates });
            server.latest = Some((body.request, body.total, index));
            index
        });
        of.push(index);
    }
    Taken { servers, identified, of }
}

/// Places bodies in torrents; what is sent of one torrent from one place on one connection is a line of its own. Without
/// `ask`, nothing is hashed to choose between files.
pub(super) fn serve(
    facts: &Facts,
    torrents: &Torrents,
    lines: &mut Lines,
    ask: Option<&mut dyn Ask>,
    out: &mut dyn Sink,
) -> Served {
    let Taken { servers, identified, of } = take(facts, torrents, std::mem::take(&mut lines.webs));
    let mut contested = Contested::default();
    if identified.iter().any(|identified| identified.candidates.len() > 1) {
        for (body, index) in facts.bodies.iter().zip(&of) {
            let identified = index.and_then(|index| identified.get(index));
            if let Some(identified) = identified.filter(|identified| identified.candidates.len() > 1) {
                contested.note(&identified.resource, &identified.candidates, body);
            }
        }
    }
    let decided = ask.map(|ask| contested.decide(facts, torrents, lines, ask, out)).unwrap_or_default();
    let mut served = Served::default();
    let mut named: BTreeMap<(ConnectionId, TorrentId, u64, bool), ConnectionId> = BTreeMap::new();
    let mut next = lines.unused;
    for (body, index) in facts.bodies.iter().zip(of) {
        let Some(Identified { resource, candidates }) = index.and_then(|index| identified.get(index)) else {
            continue;
        };
        let Some(server) = servers.get(&body.connection) else { continue };
        let request = body.request.and_then(|request| server.requests.get(request as usize));
        let chosen = decided.get(resource).copied();
        let Some(candidate) = candidates.get(chosen.unwrap_or(0)) else { continue };
        let from = server.connection.web().map_or(crate::ends::Direction::LowToHigh, |web| web.server);
        let endpoint = server.connection.source(from);
        if request.is_some_and(|request| request.is_relayed(endpoint.ip, endpoint.port)) {
            continue;
        }
        // Words of regret have another length than what was asked for.
        let is_named = candidate.named && body.total.is_some();
        let place = (number_of(&candidate.place), is_named);
        let ambiguous = candidates.len() > 1 && chosen.is_none();
        let guessed = body.framing == Framing::Resynchronised || candidate.is_guess() || ambiguous;
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
                answers: match request {
                    // Answers come in the order of the requests; times of two captures do not tell it.
                    Some(request) => Answer::Request {
                        span: request.span,
                        acknowledged: request.span.last.frame.file() != span.first.frame.file(),
                    },
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
pub(super) fn runs(body: &Body, start: u32, len: u32) -> (Vec<Run>, Span) {
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
