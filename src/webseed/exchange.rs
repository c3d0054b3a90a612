//! One HTTP connection: requests one way, responses the other.

use super::body::{Body, Step};
use super::head::{Gathered, Length, Progress, ResponseHead};
use super::requests::Requests;
use super::socket::Socket;
use super::{Flaw, Stretch, WebEvent};
use crate::Limits;
use crate::ends::{At, Direction, Endpoint};
use crate::stream::{EndReason, Missing, StreamItem};
use crate::wire::Framing;

/// Both directions of a TCP connection that carries HTTP/1.x.
///
/// # Invariants
/// - Parts come in stream order; no byte of the server's stream is in two.
/// - Memory is bounded: one header and one part at a time, and 4 MiB of outstanding requests.
#[derive(Debug)]
pub struct HttpExchange<'cap> {
    client: Direction,
    requests: Requests<'cap>,
    state: State<'cap>,
    framing: Framing,
    last: Option<At>,
    /// How the client's direction ended, and the server's.
    ends: [Option<(EndReason, At)>; 2],
    resync_bytes: u64,
    /// The WebSocket readers of the client's and of the server's direction, once the connection is a WebSocket.
    sockets: Option<Box<[Socket; 2]>>,
}

#[derive(Debug)]
enum State<'cap> {
    /// In front of a response, or within its header.
    Head(Gathered),
    Body(Box<Body<'cap>>),
    /// Out of sync: the beginning of a status line so far, and the captured bytes passed over.
    Search {
        line: Vec<u8>,
        skipped: u64,
    },
    /// Given up, or closed.
    Idle,
}

impl<'cap> HttpExchange<'cap> {
    /// A connection whose requests go in the direction `client`.
    pub fn new(client: Direction, limits: &Limits) -> Self {
        Self {
            client,
            requests: Requests::new(),
            state: State::Head(Gathered::default()),
            framing: Framing::InSync,
            last: None,
            ends: [None; 2],
            resync_bytes: limits.resync_bytes,
            sockets: None,
        }
    }

    /// A connection that is read from somewhere in its middle on: the server's direction is searched for a header,
    /// and no answer surely belongs to a request.
    pub fn joined(client: Direction, limits: &Limits) -> Self {
        let mut exchange = Self::new(client, limits);
        exchange.requests.doubt();
        exchange.framing = Framing::Resynchronised;
        exchange.state = State::Search { line: Vec::new(), skipped: 0 };
        exchange
    }

    /// Sets the address of the server.
    #[must_use]
    pub fn of_server(mut self, server: Endpoint) -> Self {
        self.requests.sent_to(server);
        self
    }

    /// Reads the next item of the stream of one direction.
    pub fn push(&mut self, direction: Direction, item: &StreamItem<'cap>, out: &mut Vec<WebEvent<'cap>>) {
        let stretch = match *item {
            StreamItem::Data { offset, bytes, at, doubtful } => {
                Stretch { offset, len: bytes.len() as u64, bytes: Some(bytes), at, doubtful }
            }
            StreamItem::Gap { offset, missing: Missing::Bytes(len), at, .. } if len <= MAX_HOLE => {
                Stretch { offset, len, bytes: None, at, doubtful: false }
            }
            StreamItem::Gap { at, .. } => return self.give_up(at, out),
            // Of two versions of a request, it is not known which one was answered.
            StreamItem::Conflict { .. } | StreamItem::Uncompared { cut: true, .. } if direction == self.client => {
                return self.requests.doubt();
            }
            StreamItem::End { reason, at } => {
                if direction == self.client {
                    self.requests.close();
                } else {
                    self.last = Some(at);
                }
                self.ends[usize::from(direction != self.client)] = Some((reason, at));
                if self.ends.iter().all(Option::is_some) {
                    self.close(out);
                }
                return;
            }
            _ => return,
        };
        if let Some([client, server]) = self.sockets.as_deref_mut() {
            let end = if direction == self.client { client } else { server };
            end.push(stretch, out);
        } else if direction == self.client {
            self.requests.push(stretch, out);
        } else {
            self.last = Some(stretch.at);
            self.respond(stretch, out);
        }
    }

    /// Returns true if the server ended an answer in its middle, as far as can be told: not the client that hung
    /// up, which then has the last word, and not the end of the captures.
    fn is_servers_end(&self) -> bool {
        match self.ends {
            [_, None] => true,
            [Some((EndReason::Finished, client)), Some((EndReason::Finished, server))] => !server.precedes(client),
            [_, Some((reason, _))] => reason == EndReason::Finished,
        }
    }

    /// Ends the connection: what is unfinished is handed on as far as it came. Calling it again does nothing.
    pub fn close(&mut self, out: &mut Vec<WebEvent<'cap>>) {
        let state = std::mem::replace(&mut self.state, State::Idle);
        let Some(at) = self.last else { return };
        let told = self.is_servers_end();
        match state {
            State::Body(body) => body.close(at, told, out),
            State::Head(head) if told && !head.bytes().is_empty() => {
                out.push(WebEvent::Bad { reason: Flaw::Truncated, bytes: 0, at });
            }
            State::Search { skipped, line } => {
                out.push(WebEvent::Bad { reason: Flaw::Skipped, bytes: skipped + line.len() as u64, at });
            }
            State::Head(_) | State::Idle => {}
        }
    }

    /// Reads the server's bytes, or a hole in them.
    fn respond(&mut self, mut stretch: Stretch<'cap>, out: &mut Vec<WebEvent<'cap>>) {
        while stretch.len > 0 && self.sockets.is_none() {
            let at = stretch.at;
            match &mut self.state {
                State::Body(body) => match body.push(&mut stretch, out) {
                    Step::More => return,
                    Step::Whole => self.state = State::Head(Gathered::default()),
                    Step::Lost => self.lose(Vec::new(), at, out),
                },
                State::Head(head) => {
                    let Some(byte) = stretch.byte() else {
                        self.lose(Vec::new(), at, out);
                        return;
                    };
                    let progress = head.push(byte, at);
                    let begun = head.bytes().len();
                    if begun > 0 && begun <= STATUS_LINE.len() && !continues(begun - 1, byte) {
                        let line = if byte == b'H' { vec![byte] } else { Vec::new() };
                        self.lose(line, at, out);
                    } else if progress == Progress::Whole {
                        self.finish_head(at, out);
                    } else if progress == Progress::TooLong {
                        out.push(WebEvent::Bad { reason: Flaw::TooLong, bytes: begun as u64, at });
                        self.lose(Vec::new(), at, out);
                    }
                }
                State::Search { line, skipped } => {
                    let Some(byte) = stretch.byte() else {
                        *skipped += line.len() as u64;
                        line.clear();
                        return;
                    };
                    if continues(line.len(), byte) {
                        line.push(byte);
                    } else {
                        *skipped += line.len() as u64;
                        line.clear();
                        // No other byte of a status line's beginning is an H.
                        if byte == b'H' { line.push(byte) } else { *skipped += 1 }
                    }
                    if line.len() == STATUS_LINE.len() {
                        let mut head = Gathered::default();
                        line.iter().for_each(|byte| {
                            head.push(*byte, at);
                        });
                        out.push(WebEvent::Bad { reason: Flaw::Skipped, bytes: *skipped, at });
                        self.state = State::Head(head);
                    } else if *skipped > self.resync_bytes {
                        self.give_up(at, out);
                    }
                }
                State::Idle => return,
            }
        }
        if let Some([_, server]) = self.sockets.as_deref_mut() {
            return server.push(stretch, out);
        }
        // A body of no length is whole without another byte.
        if let State::Body(body) = &self.state
            && body.is_empty()
        {
            self.state = State::Head(Gathered::default());
        }
    }

    fn finish_head(&mut self, at: At, out: &mut Vec<WebEvent<'cap>>) {
        let State::Head(gathered) = &self.state else { return };
        let Some(head) = ResponseHead::read(gathered) else {
            out.push(WebEvent::Bad { reason: Flaw::Head, bytes: gathered.bytes().len() as u64, at });
            return self.lose(Vec::new(), at, out);
        };
        if head.status == 101 && head.socket {
            self.sockets = Some(Box::new([Socket::new(true), Socket::new(false)]));
            self.state = State::Idle;
            return self.requests.close();
        }
        if head.status == 101 {
            return self.give_up(at, out);
        }
        if head.status < 200 {
            self.state = State::Head(Gathered::default());
            return;
        }
        let (request, sure) = self.requests.answered(&head);
        if let (301 | 302 | 303 | 307 | 308, Some(request), Some(location)) =
            (head.status, &request, &head.location)
        {
            out.push(WebEvent::Moved { request: request.clone(), location: location.clone() });
        }
        let bodiless =
            matches!(head.status, 204 | 304) || request.as_ref().is_some_and(|asked| asked.method == "HEAD");
        if bodiless {
            self.state = State::Head(Gathered::default());
            return;
        }
        if request.as_ref().is_some_and(|asked| asked.method == "CONNECT") && head.status < 300 {
            return self.give_up(at, out);
        }
        let asked = request.as_ref().is_some_and(|request| request.asks_tracker());
        let read = asked && head.coding.is_some();
        if head.coded && !read && matches!(head.status, 200 | 206) {
            let bytes = match (head.range.as_ref().and_then(|range| range.total), head.length) {
                (Some(total), _) | (None, Length::Known(total)) => total,
                _ => 0,
            };
            out.push(WebEvent::Coded { request: request.clone(), bytes, at });
        } else if head.status == 206 && head.range.is_none() && head.boundary.is_none() {
            out.push(WebEvent::Bad { reason: Flaw::Part, bytes: 0, at });
        }
        let framing = if self.framing == Framing::InSync { sure } else { self.framing };
        self.state = State::Body(Box::new(Body::new(head, request, framing)));
    }

    fn lose(&mut self, line: Vec<u8>, at: At, out: &mut Vec<WebEvent<'cap>>) {
        out.push(WebEvent::Bad { reason: Flaw::LostSync, bytes: 0, at });
        self.framing = Framing::Resynchronised;
        self.requests.doubt();
        self.state = State::Search { line, skipped: 0 };
    }

    fn give_up(&mut self, at: At, out: &mut Vec<WebEvent<'cap>>) {
        if matches!(self.state, State::Idle) {
            return;
        }
        self.last.get_or_insert(at);
        self.close(out);
        self.requests.close();
        out.push(WebEvent::Bad { reason: Flaw::GaveUp, bytes: 0, at });
    }
}

/// Returns true if `byte` may follow `place` bytes of a status line.
fn continues(place: usize, byte: u8) -> bool {
    match STATUS_LINE.get(place) {
        Some(b'#') => byte.is_ascii_digit(),
        Some(expected) => byte == *expected,
        None => true,
    }
}

/// How a status line begins (RFC 9112 section 4); `#` is a digit.
const STATUS_LINE: &[u8] = b"HTTP/1.# ###";
// Rationale: as for TCP, which calls a gap above 1 GiB one of unknown length.
const MAX_HOLE: u64 = 1 << 30;
