//! The client's direction: requests, and which of them a response answers.

use std::collections::VecDeque;
use std::sync::Arc;

use super::body::{BodyProgress, HttpBody};
use super::head::{ContentRange, Gathered, HeadProgress, HttpSniff, RequestHead, ResponseHead, sniff};
use super::{ByteRange, Flaw, Stretch, WebEvent, WebRequest};
use crate::ends::{At, Endpoint};
use crate::limits::WEB_REQUESTS_BYTES;
use crate::wire::Framing;

/// The requests of one connection.
#[derive(Debug)]
pub(super) struct Requests<'cap> {
    state: RequestState<'cap>,
    outstanding: VecDeque<Arc<WebRequest>>,
    /// Bytes that they take.
    bytes: usize,
    /// The server, where its address is known.
    server: Option<Endpoint>,
    /// True if a request may be missing from the queue.
    uncertain: bool,
}

#[derive(Debug)]
enum RequestState<'cap> {
    Head(Gathered),
    /// Within a request's own body.
    Body(Box<HttpBody<'cap>>),
    /// Out of sync: the next segment that begins like a request is one.
    Search,
    /// Nothing more is read.
    Idle,
}

impl<'cap> Requests<'cap> {
    pub fn new() -> Self {
        Self {
            state: RequestState::Head(Gathered::default()),
            outstanding: VecDeque::new(),
            bytes: 0,
            server: None,
            uncertain: false,
        }
    }

    /// Says whom the requests are sent to.
    pub fn sent_to(&mut self, server: Endpoint) {
        self.server = Some(server);
    }

    /// Reads the next bytes, or a hole.
    pub fn push(&mut self, mut rest: Stretch<'cap>, out: &mut Vec<WebEvent<'cap>>) {
        if matches!(self.state, RequestState::Search)
            && rest.bytes.is_some_and(|bytes| sniff(bytes) == HttpSniff::Request)
        {
            self.state = RequestState::Head(Gathered::default());
        }
        while rest.len > 0 {
            match &mut self.state {
                RequestState::Head(head) => {
                    let at = rest.at;
                    let Some(byte) = rest.byte() else { return self.lose(Flaw::LostSync, at, out) };
                    match head.push(byte, at) {
                        HeadProgress::More => {}
                        HeadProgress::Whole => self.finish_head(at, out),
                        HeadProgress::TooLong => self.lose(Flaw::TooLong, at, out),
                    }
                }
                RequestState::Body(body) => match body.push(&mut rest, out) {
                    BodyProgress::More => return,
                    BodyProgress::Whole => self.state = RequestState::Head(Gathered::default()),
                    BodyProgress::Lost => return self.lose(Flaw::LostSync, rest.at, out),
                },
                RequestState::Search | RequestState::Idle => return,
            }
        }
    }

    /// Reads no more. A request that is not whole leaves the queue in doubt.
    pub fn close(&mut self) {
        let between = matches!(&self.state, RequestState::Head(head) if head.bytes().is_empty());
        self.uncertain |= !between;
        self.state = RequestState::Idle;
    }

    /// The request that a final response answers, and how sure that is.
    pub fn answered(&mut self, response: &ResponseHead) -> (Option<Arc<WebRequest>>, Framing) {
        let fits = |request: &WebRequest| match (response.status, response.range) {
            (206, Some(range)) => asks(request, range),
            _ => true,
        };
        let place = self.outstanding.iter().position(|request| fits(request));
        if place.is_some_and(|place| place > 0) {
            // Responses come in the order of the requests (RFC 9112 section 9.3.2): one was not captured.
            self.uncertain = true;
        }
        let sure = place == Some(0) && !self.uncertain;
        let request = match place {
            Some(place) => {
                (0..place).for_each(|_| _ = self.forget());
                self.forget()
            }
            None if self.uncertain => None,
            None => self.forget(),
        };
        if request.is_none() {
            self.uncertain = true;
        }
        (request, if sure { Framing::InSync } else { Framing::Resynchronised })
    }

    /// Notes that responses may be missing, so that the queue may be ahead.
    pub fn doubt(&mut self) {
        self.uncertain = true;
    }

    fn finish_head(&mut self, at: At, out: &mut Vec<WebEvent<'cap>>) {
        let RequestState::Head(head) = &self.state else { return };
        let Some(head) = RequestHead::read(head) else { return self.lose(Flaw::Head, at, out) };
        let host = head.request.host.as_deref();
        let host = self.server.map_or(host.map(str::to_owned), |server| Some(with_port(host, server)));
        let request = Arc::new(WebRequest { host, ..head.request });
        self.bytes += size(&request);
        while self.bytes > WEB_REQUESTS_BYTES && self.forget().is_some() {
            self.uncertain = true;
            out.push(WebEvent::Bad { reason: Flaw::Outstanding, bytes: 0, at });
        }
        if request.asks_tracker() {
            out.push(WebEvent::Asked(request.clone()));
        }
        self.outstanding.push_back(request);
        self.state = RequestState::Body(Box::new(HttpBody::ignored(head.body)));
        if let RequestState::Body(body) = &mut self.state
            && body.is_empty()
        {
            self.state = RequestState::Head(Gathered::default());
        }
    }

    /// Takes the oldest request off the queue.
    fn forget(&mut self) -> Option<Arc<WebRequest>> {
        let oldest = self.outstanding.pop_front()?;
        self.bytes = self.bytes.saturating_sub(size(&oldest));
        Some(oldest)
    }

    fn lose(&mut self, reason: Flaw, at: At, out: &mut Vec<WebEvent<'cap>>) {
        self.state = RequestState::Search;
        self.uncertain = true;
        out.push(WebEvent::Bad { reason, bytes: 0, at });
    }
}

/// Returns true if the request asks for bytes that begin where the response does.
fn asks(request: &WebRequest, range: ContentRange) -> bool {
    request.ranges.iter().any(|asked| match *asked {
        ByteRange::FromTo { first, last } => first == range.first && range.last <= last,
        ByteRange::From(first) => first == range.first,
        ByteRange::Last(count) => range.total.is_none_or(|total| total.saturating_sub(count) == range.first),
    })
}

/// Whom a request to `server` asks: clients leave out the port of the `Host` header, though it is not the usual one, and HTTP/1.0
/// has no such header.
fn with_port(host: Option<&str>, server: Endpoint) -> String {
    let Some(host) = host.map(str::trim).filter(|host| !host.is_empty()) else { return server.to_string() };
    let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
    if has_port || server.port == 80 { host.to_owned() } else { format!("{host}:{}", server.port) }
}

/// Bytes that a request takes, about.
fn size(request: &WebRequest) -> usize {
    let text = request.method.len() + request.target.len() + request.host.as_ref().map_or(0, String::len);
    size_of::<WebRequest>() + text + request.ranges.len() * size_of::<ByteRange>()
}
