//! What is said to trackers, of peers and by peers: datagrams that are no uTP, and the HTTP of trackers.

use std::collections::VecDeque;

use super::{Hub, Purpose};
use crate::ends::{Direction, FlowKey, Span};
use crate::hearsay::http_tracker::{Announce, Answer};
use crate::hearsay::{Datagram, Doubts, Named, Remark, Via, announce_of, looks_like};
use crate::oddity::{MentionFault, Oddity, Said, Sink};
use crate::packet::{Checksum, Packet, UdpDatagram};
use crate::stream::Opening;
use crate::webseed::{TrackerAnswer, WebRequest};

/// The announces of one HTTP connection.
#[derive(Debug, Default)]
pub(super) struct Announces {
    /// Those of which nothing shows yet that the announcer received anything.
    pending: VecDeque<(Announce, Span)>,
    /// Whether there was one.
    any: bool,
}

impl<'cap> Hub<'_, 'cap> {
    /// Takes a datagram that is no part of a uTP connection.
    #[inline]
    pub(super) fn overhear(&mut self, packet: &Packet<'cap>, datagram: &UdpDatagram<'cap>) {
        if looks_like(datagram.payload.bytes, datagram.payload.wire_len) && self.purpose != Purpose::Survey {
            self.listen(packet, datagram);
        }
    }

    // Not inlined: almost no datagram of a flood comes here.
    #[inline(never)]
    fn listen(&mut self, packet: &Packet<'cap>, datagram: &UdpDatagram<'cap>) {
        let mut remarks = std::mem::take(&mut self.scratch.remarks);
        let heard = Datagram {
            from: packet.flow.source(packet.direction),
            to: packet.flow.destination(packet.direction),
            bytes: datagram.payload.bytes,
            wire_len: datagram.payload.wire_len,
            at: packet.at,
            fingerprint: packet.fingerprint,
            doubtful: datagram.checksum == Checksum::Bad,
        };
        self.listener.push(&heard, &mut remarks);
        let span = Span::single(packet.at);
        for remark in remarks.drain(..) {
            match remark {
                Remark::Mention { named, shown } => self.mention(named, span, shown),
                Remark::Odd(oddity) => {
                    self.anomalies.odd(oddity.within(span).sent(packet.flow, packet.direction));
                }
            }
        }
        self.scratch.remarks = remarks;
    }

    /// Notes what cannot be read in the HTTP of a tracker.
    pub(super) fn bad_tracker(
        &mut self,
        flow: FlowKey,
        from: Direction,
        span: Span,
        entries: u64,
        fault: MentionFault,
    ) {
        self.anomalies.odd(Oddity::Mention { fault, entries }.within(span).sent(flow, from));
    }
}

impl Announces {
    /// Whether the connection is one of a tracker.
    pub(super) fn any(&self) -> bool {
        self.any
    }

    /// Takes a request that asks a tracker.
    pub(super) fn ask(&mut self, flow: FlowKey, client: Direction, request: &WebRequest, hub: &mut Hub<'_, '_>) {
        self.any = true;
        match Announce::parse(request.target.as_bytes()) {
            Ok(None) => {}
            Err(reason) => hub.bad_tracker(flow, client, request.span, 1, MentionFault::Unreadable(Said(reason))),
            Ok(Some(announce)) => {
                if self.pending.len() >= MOST_PENDING
                    && let Some((oldest, span)) = self.pending.pop_front()
                {
                    announced(flow, client, oldest, span, None, hub);
                }
                self.pending.push_back((announce, request.span));
            }
        }
    }

    /// Notes that the frames of `shown` show that the client received something.
    #[inline]
    pub(super) fn confirm(&mut self, flow: FlowKey, client: Direction, shown: Option<Span>, hub: &mut Hub<'_, '_>) {
        if shown.is_some() {
            for (announce, span) in self.pending.drain(..) {
                announced(flow, client, announce, span, shown, hub);
            }
        }
    }

    /// Takes an answer.
    pub(super) fn answer(
        &mut self,
        flow: FlowKey,
        server: Direction,
        answer: &TrackerAnswer,
        hub: &mut Hub<'_, '_>,
    ) {
        let found = Answer::parse(&answer.body);
        let asked = answer.request.as_ref().map(|request| Announce::parse(request.target.as_bytes()));
        let found = match found {
            Ok(Some(found)) if asked.is_some() || found.interval.is_some() => found,
            Err(reason) if asked.is_some() => {
                return hub.bad_tracker(flow, server, answer.span, 1, MentionFault::Unreadable(Said(reason)));
            }
            // A bencoded file that somebody fetched is no tracker's answer.
            Ok(_) | Err(_) => return,
        };
        let info_hash = asked.as_ref().and_then(|asked| asked.as_ref().ok()?.as_ref()).map(|asked| asked.info_hash);
        let doubts =
            Doubts { bad_checksum: answer.doubtful, one_sided: answer.request.is_none(), ..Doubts::default() };
        for subject in found.peers.peers {
            let named = Named::new(subject, info_hash, flow.source(server), Via::HttpTracker);
            hub.mention(Named { doubts, ..named }, answer.span, answer.span);
        }
        if found.peers.unusable > 0 {
            hub.bad_tracker(flow, server, answer.span, found.peers.unusable, MentionFault::Unusable);
        }
    }

    /// Ends the connection.
    pub(super) fn close(self, flow: FlowKey, client: Direction, hub: &mut Hub<'_, '_>) {
        for (announce, span) in self.pending {
            announced(flow, client, announce, span, None, hub);
        }
    }
}

/// An announce in the frames of `span`; those of `confirmed` show that the announcer received something.
fn announced(
    flow: FlowKey,
    client: Direction,
    announce: Announce,
    span: Span,
    confirmed: Option<Span>,
    hub: &mut Hub<'_, '_>,
) {
    let Announce { info_hash, port, named } = announce;
    let from = flow.source(client);
    let (mentions, unusable) = announce_of(from, info_hash, port, &named, Via::HttpAnnounce, confirmed.is_some());
    for named in mentions {
        // Another address is named by the announce alone.
        let own = confirmed.filter(|_| named.subject == named.by);
        hub.mention(named, span, own.map_or(span, |confirmed| confirmed.join(span)));
    }
    if unusable > 0 {
        hub.bad_tracker(flow, client, span, unusable, MentionFault::Unusable);
    }
}

/// The frames by which a connection is shown to be established: both ends answered.
pub(super) fn established(opening: &Opening) -> Option<Span> {
    let (syn_ack, ack) = (opening.syn_ack?, opening.ack?);
    let both = Span::single(syn_ack).join(Span::single(ack));
    Some(opening.syn.map_or(both, |syn| both.join(Span::single(syn))))
}

// Rationale: clients do not announce again before the answer; as many as requests are remembered.
const MOST_PENDING: usize = 256;
