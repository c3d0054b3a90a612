//! Announces: the statements of trackers, peers and the DHT about addresses, in datagrams that are no uTP and in
//! the HTTP of trackers.

use std::collections::VecDeque;

use super::Shared;
use crate::ends::{At, Direction, Endpoint, FlowKey, Span};
use crate::hearsay::http_tracker::{Announce, Answer, Scrape, Scraped};
use crate::hearsay::names::{answers, source_of};
use crate::hearsay::socket_tracker::Message;
use crate::hearsay::{
    Called, Counts, Datagram, Doubts, NameSource, Named, PeerList, Remark, Swarm, Via, announce_of, looks_like,
};
use crate::limits::PENDING_ANNOUNCES;
use crate::oddity::{Bound, MentionFault, Oddity, Said, Sink};
use crate::packet::{Checksum, Packet, UdpDatagram};
use crate::stream::Opening;
use crate::webseed::{SocketMessage, TrackerAnswer, WebRequest};

/// The announces of one HTTP connection.
#[derive(Debug, Default)]
pub(super) struct Announces {
    /// Those of which nothing shows yet that the announcer received anything.
    pending: VecDeque<(Announce, Span)>,
    /// True once there was a request to a tracker, or its answer.
    any: bool,
}

impl<'cap> Shared<'_, 'cap> {
    /// Takes a datagram that is no part of a uTP connection.
    #[inline]
    pub(super) fn overhear(&mut self, packet: &Packet<'cap>, datagram: &UdpDatagram<'cap>) {
        if let Some(source) = source_of(packet.flow.source(packet.direction).port) {
            self.names_in(packet, datagram, source);
        }
        if looks_like(datagram.payload.bytes, datagram.payload.wire_len) {
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
                Remark::Swarm { swarm, counts } => self.swarm(swarm, counts, span),
                Remark::Odd(oddity) => {
                    self.anomalies.odd(oddity.within(span).sent(packet.flow, packet.direction));
                }
            }
        }
        self.scratch.remarks = remarks;
    }

    /// Notes the names in an answer of DNS. A damaged one names nobody.
    #[inline(never)]
    fn names_in(&mut self, packet: &Packet<'cap>, datagram: &UdpDatagram<'cap>, source: NameSource) {
        if datagram.checksum != Checksum::Bad {
            let by = packet.flow.source(packet.direction);
            self.called(datagram.payload.bytes, source, by, Span::single(packet.at));
        }
    }

    /// Notes the names in a message of DNS.
    pub(super) fn called(&mut self, message: &[u8], source: NameSource, by: Endpoint, span: Span) {
        for (name, address) in answers(message) {
            let called = Called { address: address.to_canonical(), name, source, by };
            if !self.mentions.names.note(called, span) {
                self.anomalies.odd(Oddity::from(Bound::HostNames { by }).within(span));
            }
        }
    }

    /// Notes what is said of a whole swarm.
    fn swarm(&mut self, swarm: Swarm, counts: Counts, span: Span) {
        if !self.mentions.swarms.note(swarm, counts, span) {
            let bound = Bound::Swarms { by: swarm.by };
            self.anomalies.odd(Oddity::from(bound).within(span));
        }
    }

    /// Remembers the id that an HTTP tracker issued.
    fn issue_id(&mut self, flow: FlowKey, server: Direction, id: &[u8], at: At) {
        let mut remarks = std::mem::take(&mut self.scratch.remarks);
        self.listener.issue_id(flow.source(server), flow.destination(server), id, at, &mut remarks);
        for remark in remarks.drain(..) {
            if let Remark::Odd(oddity) = remark {
                self.anomalies.odd(oddity.at(at).sent(flow, server));
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
    /// Returns true if the connection is one of a tracker.
    pub(super) fn any(&self) -> bool {
        self.any
    }

    /// Takes a request that asks a tracker.
    pub(super) fn ask(
        &mut self,
        flow: FlowKey,
        client: Direction,
        request: &WebRequest,
        shared: &mut Shared<'_, '_>,
    ) {
        self.any = true;
        match Announce::parse(request.target.as_bytes()) {
            Ok(None) => {
                if let Err(reason) = Scrape::parse(request.target.as_bytes()) {
                    shared.bad_tracker(flow, client, request.span, 1, MentionFault::Unreadable(Said(reason)));
                }
            }
            Err(reason) => {
                shared.bad_tracker(flow, client, request.span, 1, MentionFault::Unreadable(Said(reason)))
            }
            Ok(Some(announce)) => {
                if self.pending.len() >= PENDING_ANNOUNCES
                    && let Some((oldest, span)) = self.pending.pop_front()
                {
                    announced(flow, client, oldest, span, None, shared);
                }
                self.pending.push_back((announce, request.span));
            }
        }
    }

    /// Notes that the frames of `shown` show that the client received something.
    #[inline]
    pub(super) fn confirm(
        &mut self,
        flow: FlowKey,
        client: Direction,
        shown: Option<Span>,
        shared: &mut Shared<'_, '_>,
    ) {
        if shown.is_some() {
            for (announce, span) in self.pending.drain(..) {
                announced(flow, client, announce, span, shown, shared);
            }
        }
    }

    /// Takes an answer.
    pub(super) fn answer(
        &mut self,
        flow: FlowKey,
        server: Direction,
        answer: &TrackerAnswer,
        shared: &mut Shared<'_, '_>,
    ) {
        let target = answer.request.as_ref().map(|request| request.target.as_bytes());
        if let Some(Ok(Some(scrape))) = target.map(Scrape::parse) {
            return scraped(flow, server, answer, &scrape, shared);
        }
        let found = Answer::parse(&answer.body);
        let asked = answer.request.as_ref().map(|request| Announce::parse(request.target.as_bytes()));
        let found = match found {
            Ok(Some(found)) if asked.is_some() || found.interval.is_some() => found,
            Err(reason) if asked.is_some() => {
                return shared.bad_tracker(flow, server, answer.span, 1, MentionFault::Unreadable(Said(reason)));
            }
            // A bencoded file that somebody fetched is no tracker's answer.
            Ok(_) | Err(_) => return,
        };
        let info_hash = asked.as_ref().and_then(|asked| asked.as_ref().ok()?.as_ref()).map(|asked| asked.info_hash);
        let doubts =
            Doubts { bad_checksum: answer.doubtful, one_sided: answer.request.is_none(), ..Doubts::default() };
        let by = flow.source(server);
        if let Some(id) = &found.tracker_id {
            shared.issue_id(flow, server, id, answer.span.last);
        }
        if let Some(info_hash) = info_hash.filter(|_| !found.counts.is_empty()) {
            shared.swarm(Swarm { info_hash, by, via: Via::HttpTracker }, found.counts, answer.span);
        }
        for subject in found.peers.peers {
            let named = Named::new(subject, info_hash, by, Via::HttpTracker);
            shared.mention(Named { doubts, ..named }, answer.span, answer.span);
        }
        if found.peers.unusable > 0 {
            shared.bad_tracker(flow, server, answer.span, found.peers.unusable, MentionFault::Unusable);
        }
    }

    /// Takes a message of a WebSocket; `confirmed` are the frames that show that the client received something.
    pub(super) fn message(
        &mut self,
        (flow, client): (FlowKey, Direction),
        message: &SocketMessage,
        confirmed: Option<Span>,
        shared: &mut Shared<'_, '_>,
    ) {
        let from = if message.from_client { client } else { client.reverse() };
        let span = message.span;
        match Message::parse(&message.text) {
            Ok(None) => {}
            Err(reason) => shared.bad_tracker(flow, from, span, 1, MentionFault::Unreadable(Said(reason))),
            Ok(Some(Message::Scrape { swarms })) => {
                self.any = true;
                for (info_hash, counts) in swarms.into_iter().filter(|_| !message.from_client) {
                    shared.swarm(Swarm { info_hash, by: flow.source(from), via: Via::SocketScrape }, counts, span);
                }
            }
            Ok(Some(Message::Announce { info_hash, named, counts })) if message.from_client => {
                self.any = true;
                let _ = counts;
                let (port, tracker_id) = (flow.source(client).port, None);
                let announce = Announce { info_hash, port, named, tracker_id };
                announced_by((flow, client), announce, span, confirmed, Via::SocketAnnounce, shared);
            }
            Ok(Some(Message::Announce { info_hash, named: PeerList { peers, unusable }, counts })) => {
                self.any = true;
                let by = flow.source(from);
                if !counts.is_empty() {
                    shared.swarm(Swarm { info_hash, by, via: Via::SocketTracker }, counts, span);
                }
                let doubts = Doubts { bad_checksum: message.doubtful, ..Doubts::default() };
                for subject in peers {
                    let named = Named::new(subject, Some(info_hash), by, Via::SocketTracker);
                    shared.mention(Named { doubts, ..named }, span, span);
                }
                if unusable > 0 {
                    shared.bad_tracker(flow, from, span, unusable, MentionFault::Unusable);
                }
            }
        }
    }

    /// Ends the connection.
    pub(super) fn close(self, flow: FlowKey, client: Direction, shared: &mut Shared<'_, '_>) {
        for (announce, span) in self.pending {
            // What it echoes may show what its connection does not.
            let (by, to) = (flow.destination(client), flow.source(client));
            let id = announce.tracker_id.as_deref();
            let issued = id.and_then(|id| shared.listener.issued_id(by, to, id)).map(|issued| issued.join(span));
            announced(flow, client, announce, span, issued, shared);
        }
    }
}

/// The answer to a scrape.
fn scraped(flow: FlowKey, server: Direction, answer: &TrackerAnswer, asked: &Scrape, shared: &mut Shared<'_, '_>) {
    match Scraped::parse(&answer.body) {
        Ok(None) => {}
        // Without an info-hash it is known by its answer alone: any page may be called so.
        Err(_) if asked.info_hashes.is_empty() => {}
        Err(reason) => shared.bad_tracker(flow, server, answer.span, 1, MentionFault::Unreadable(Said(reason))),
        Ok(Some(found)) => {
            for (info_hash, counts) in found.swarms {
                shared.swarm(
                    Swarm { info_hash, by: flow.source(server), via: Via::HttpScrape },
                    counts,
                    answer.span,
                );
            }
            if found.unusable > 0 {
                shared.bad_tracker(flow, server, answer.span, found.unusable, MentionFault::Unusable);
            }
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
    shared: &mut Shared<'_, '_>,
) {
    announced_by((flow, client), announce, span, confirmed, Via::HttpAnnounce, shared);
}

fn announced_by(
    (flow, client): (FlowKey, Direction),
    announce: Announce,
    span: Span,
    confirmed: Option<Span>,
    via: Via,
    shared: &mut Shared<'_, '_>,
) {
    let Announce { info_hash, port, named, .. } = announce;
    let from = flow.source(client);
    let (mentions, unusable) = announce_of(from, info_hash, port, &named, via, confirmed.is_some());
    for named in mentions {
        // Another address is named by the announce alone.
        let own = confirmed.filter(|_| named.subject == named.by);
        shared.mention(named, span, own.map_or(span, |confirmed| confirmed.join(span)));
    }
    if unusable > 0 {
        shared.bad_tracker(flow, client, span, unusable, MentionFault::Unusable);
    }
}

/// The frames by which a connection is shown to be established: both ends answered.
pub(super) fn established(opening: &Opening) -> Option<Span> {
    let (syn_ack, ack) = (opening.syn_ack?, opening.ack?);
    let both = Span::single(syn_ack).join(Span::single(ack));
    Some(opening.syn.map_or(both, |syn| both.join(Span::single(syn))))
}
