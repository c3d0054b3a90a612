//! Bodies, requests and redirects of an HTTP connection, written down as facts. No torrent is asked for.

use std::sync::Arc;

use super::Transported;
use crate::ends::{At, ConnectionId, Direction, FlowKey, Sightings, Span, Transport};
use crate::facts::{Application, Body, ByteRange, Connection, Fault, Reason, Redirect, Request, Stream, Web};
use crate::limits::{WEB_FAULTS, WEB_HOLES, WEB_VERSIONS};
use crate::session::{Delivery, Encryption, Hole};
use crate::spine::Shared;
use crate::spine::channel::opened;
use crate::stream::{GapCause, Missing, StreamItem};
use crate::webseed::{BodyPart, Flaw, WebRequest};

/// The facts of one connection so far.
#[derive(Debug, Default)]
pub(super) struct Noted {
    /// Those that bodies or redirects answer, in order.
    requests: Vec<Arc<WebRequest>>,
    redirects: Vec<Redirect>,
    faults: Vec<Fault>,
    bodies: u64,
    stream: Stream,
    delivery: Delivery,
    /// Stretches that were, or may have been, sent in two versions; one more than are compared where there are more.
    twice: Vec<(u64, u64)>,
    /// Stretches that are bodies.
    told: Vec<(u64, u64)>,
}

impl Noted {
    /// Takes the next item of the answers.
    pub(super) fn item<'cap>(
        &mut self,
        (id, from): (ConnectionId, Direction),
        item: &StreamItem<'cap>,
        shared: &mut Shared<'_, 'cap>,
    ) {
        let written = &mut shared.written;
        let stream = &mut self.stream;
        let result = match *item {
            StreamItem::Data { offset, bytes, doubtful, .. } => {
                stream.bad_checksum |= doubtful;
                if doubtful {
                    written.doubt(id, from, offset..offset.saturating_add(bytes.len() as u64), Reason::Damaged)
                } else {
                    Ok(())
                }
            }
            StreamItem::Gap { offset, missing, cause, at } => {
                stream.gaps += 1;
                if let Missing::Bytes(bytes) = missing {
                    stream.gap_bytes += bytes;
                }
                stream.snaplen |= cause == GapCause::Snaplen;
                if stream.holes.len() < WEB_HOLES {
                    stream.holes.push(Hole { offset, missing, cause, at });
                }
                Ok(())
            }
            StreamItem::Late { bytes, .. } => {
                stream.late_bytes += bytes.len() as u64;
                Ok(())
            }
            StreamItem::Acked { upto, .. } => {
                stream.acked_to = stream.acked_to.max(upto);
                self.delivery.acknowledge(upto);
                Ok(())
            }
            StreamItem::Conflict { offset, bytes, at } => {
                stream.overlap_conflict = true;
                send_twice(&mut self.twice, offset, offset.saturating_add(bytes.len() as u64));
                written.version(id, from, offset, bytes, at)
            }
            StreamItem::Uncompared { offset, len, cut, .. } => {
                let end = offset.saturating_add(len);
                send_twice(&mut self.twice, offset, end);
                written.doubt(id, from, offset..end, if cut { Reason::Cut } else { Reason::NotCompared })
            }
            StreamItem::Unaccepted { offset, len, why } => {
                written.doubt(id, from, offset..offset.saturating_add(len), why.into())
            }
            _ => Ok(()),
        };
        shared.fail(result);
    }

    /// A stretch of a body.
    pub(super) fn body<'cap>(&mut self, id: ConnectionId, part: &BodyPart<'cap>, shared: &mut Shared<'_, 'cap>) {
        let request = part.request.as_ref().map(|request| self.number(request));
        let written = &mut shared.written;
        self.bodies += 1;
        let runs: Vec<_> = part
            .slices
            .iter()
            .map(|slice| {
                let stream = part.offset.saturating_add(u64::from(slice.start));
                written.run(&crate::wire::Run {
                    start: slice.start,
                    bytes: slice.bytes,
                    stream,
                    frame: slice.at.frame,
                })
            })
            .collect();
        for slice in &part.slices {
            let from = part.offset.saturating_add(u64::from(slice.start));
            let to = from.saturating_add(slice.bytes.len() as u64);
            self.delivery.payload(from, to);
            match self.told.last_mut() {
                Some(last) if last.1 == from => last.1 = to,
                _ => self.told.push((from, to)),
            }
        }
        let body = Body {
            connection: id,
            order: written.order(),
            request,
            status: part.status,
            first_byte: part.first_byte,
            total: part.total,
            runs,
            times: part.slices.iter().map(|slice| slice.at.time).collect(),
            len: part.len,
            offset: part.offset,
            span: part.span,
            framing: part.framing,
        };
        let result = written.body(&body);
        shared.fail(result);
    }

    /// An answer sends its client elsewhere.
    pub(super) fn moved(&mut self, request: &Arc<WebRequest>, location: &str, shared: &mut Shared<'_, '_>) {
        let number = self.number(request);
        let order = shared.written.order();
        self.redirects.push(Redirect { request: number, location: location.to_owned(), order });
    }

    /// Something was odd about an answer.
    pub(super) fn fault(&mut self, reason: Flaw, request: Option<&Arc<WebRequest>>, bytes: u64, at: At) {
        if self.faults.len() < WEB_FAULTS {
            let request = request.map(|request| self.number(request));
            self.faults.push(Fault { reason, request, bytes, at });
        }
    }

    /// The number of a request; most are the last one.
    fn number(&mut self, request: &Arc<WebRequest>) -> u32 {
        if self.requests.last().is_none_or(|known| !Arc::ptr_eq(known, request)) {
            self.requests.push(request.clone());
        }
        self.requests.len().saturating_sub(1) as u32
    }

    /// The connection is over; only those with an answer to a request are facts.
    pub(super) fn close(
        mut self,
        id: ConnectionId,
        flow: FlowKey,
        server: Direction,
        (transported, span, seen): (&Transported, Span, &Sightings),
        shared: &mut Shared<'_, '_>,
    ) {
        if self.bodies == 0 && self.redirects.is_empty() {
            return;
        }
        let written = &mut shared.written;
        self.stream.acknowledged = self.delivery.acknowledged();
        let opening = &transported.opening;
        let confirmed = opening.confirmed.get(server.index()).copied().filter(|_| opening.present == [true; 2]);
        self.stream.confirmed = confirmed;
        let header_twice = self.is_header_twice();
        let requests = self.requests.iter().map(|request| Request {
            method: request.method.clone(),
            target: request.target.clone(),
            host: request.host.clone(),
            ranges: request.ranges.iter().copied().map(ByteRange::from).collect(),
            span: request.span,
        });
        let web = Web {
            server,
            requests: requests.collect(),
            redirects: self.redirects,
            faults: self.faults,
            header_twice,
        };
        let mut streams = [Stream::default(), Stream::default()];
        if let Some(stream) = streams.get_mut(server.index()) {
            *stream = self.stream;
        }
        let connection = Connection {
            id,
            flow,
            transport: Transport::Http,
            encryption: Encryption::None,
            decrypted: false,
            initiator: Some(server.reverse()),
            opening: opened(opening),
            span,
            seen: seen.clone(),
            paths: transported.paths.clone(),
            duplicate_frames: transported.duplicates,
            from_start: opening.syn.is_some(),
            bytes: transported.bytes.iter().sum(),
            initial: transported.initial,
            numbers: transported.numbers,
            streams,
            content: Application::Web(Box::new(web)),
        };
        let mut result = written.connection_of(&connection);
        for (is, reason) in [(header_twice, Reason::HeaderTwice), (confirmed == Some(false), Reason::NotConfirmed)]
        {
            if is && result.is_ok() {
                result = written.distrust(id, server, reason);
            }
        }
        shared.fail(result);
    }

    /// Returns true if bytes other than bodies were sent in two versions, or may have been: a header, which says
    /// what the bytes behind it are.
    fn is_header_twice(&self) -> bool {
        let within = |(from, to): &(u64, u64)| {
            let before = self.told.partition_point(|told| told.0 <= *from);
            before.checked_sub(1).and_then(|at| self.told.get(at)).is_some_and(|told| *to <= told.1)
        };
        self.twice.len() > WEB_VERSIONS || !self.twice.iter().all(within)
    }
}

fn send_twice(twice: &mut Vec<(u64, u64)>, from: u64, to: u64) {
    if twice.len() <= WEB_VERSIONS {
        twice.push((from, to));
    }
}

impl From<crate::webseed::ByteRange> for ByteRange {
    fn from(range: crate::webseed::ByteRange) -> Self {
        match range {
            crate::webseed::ByteRange::FromTo { first, last } => Self::FromTo { first, last },
            crate::webseed::ByteRange::From(first) => Self::From(first),
            crate::webseed::ByteRange::Last(count) => Self::Last(count),
        }
    }
}
