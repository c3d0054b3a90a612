//! One connection by its content: the peer wire, in clear or behind MSE; a webseed; or another protocol, not read
//! further.

mod close;

use super::dns::DnsStream;
use super::tls::TlsWatch;
use super::traffic::Extent;
use super::web::WebChannel;
use super::{Shared, Transported};
use crate::ends::{At, Direction, FlowKey, Sightings, Span, Transport};
use crate::mse::{MseFilter, MseOutcome};
use crate::oddity::{Bound, Oddity, Relay, Sink};
use crate::proxy::{ProxyOutcome, ProxyWatch};
use crate::session::{Encryption, Session};
use crate::stream::{GapCause, Opening, StreamItem};
use crate::webseed;
use crate::wire::{HandshakeSniff, Start, sniff};

/// The content of one connection, over either transport.
#[derive(Debug)]
pub(super) struct Channel<'cap> {
    flow: FlowKey,
    transport: Transport,
    /// See [`Session::number`].
    number: u32,
    span: Option<Span>,
    seen: Sightings,
    /// Which direction sent anything while it was not decided whether it can be read.
    unread: [bool; 2],
    /// Packets by direction, before there is a session.
    packets: [u64; 2],
    content: ChannelContent<'cap>,
    /// The peer wire may come behind what it began with.
    watch: Option<Box<ProxyWatch<'cap>>>,
    /// The names of hosts that may be in it.
    dns: Option<Box<DnsStream<'cap>>>,
    /// How much of it was captured.
    extent: Extent,
    /// TLS that names a torrent.
    tls: TlsWatch,
}

#[derive(Debug)]
enum ChannelContent<'cap> {
    /// No payload yet; holes before the first of it, at the beginning of a direction.
    Undecided(Vec<(Direction, StreamItem<'cap>)>),
    /// The peer wire, or what may be it.
    Peer(Box<Session<'cap>>),
    /// The peer wire behind MSE, or what may be that; the session is there once its content can be read.
    Mse(Box<MseFilter<'cap>>, Option<Box<Session<'cap>>>),
    /// HTTP, perhaps from a webseed.
    Web(Box<WebChannel<'cap>>),
    /// The peer wire behind something else, such as a dialog with a proxy: it is named, and not read.
    Proxied(Box<Relay>),
    /// Something else.
    Other,
}

impl<'cap> Channel<'cap> {
    pub(super) fn new(flow: FlowKey, transport: Transport, number: u32) -> Self {
        Self {
            flow,
            transport,
            number,
            span: None,
            seen: Sightings::default(),
            unread: [false; 2],
            packets: [0; 2],
            content: ChannelContent::Undecided(Vec::new()),
            watch: None,
            dns: DnsStream::of(flow),
            extent: Extent::Nothing,
            tls: TlsWatch::default(),
        }
    }

    /// Returns true if the connection carries a protocol that is not read further.
    pub(super) fn is_other(&self) -> bool {
        matches!(self.content, ChannelContent::Other | ChannelContent::Proxied(_))
            && self.watch.is_none()
            && self.dns.is_none()
            && !self.tls.is_of_interest()
    }

    /// Returns true if a block, or a part of one, was served on the connection: a webseed's too.
    pub(super) fn has_blocks(&self) -> bool {
        match &self.content {
            ChannelContent::Peer(session) | ChannelContent::Mse(_, Some(session)) => session.has_blocks(),
            ChannelContent::Web(web) => web.has_blocks(),
            ChannelContent::Undecided(_)
            | ChannelContent::Mse(_, None)
            | ChannelContent::Proxied(_)
            | ChannelContent::Other => false,
        }
    }

    /// Notes that a packet went in `direction`.
    #[inline]
    pub(super) fn touch(&mut self, direction: Direction, at: At) {
        match &mut self.span {
            Some(span) => span.cover(at),
            None => self.span = Some(Span::single(at)),
        }
        self.seen.note(at.frame);
        let packets = &mut self.packets[direction.index()];
        match &mut self.content {
            ChannelContent::Peer(session) | ChannelContent::Mse(_, Some(session)) => session.touch(direction, at),
            ChannelContent::Mse(_, None) => (self.unread[direction.index()], *packets) = (true, *packets + 1),
            _ => *packets += 1,
        }
    }

    /// Takes the next item of one direction.
    pub(super) fn item(
        &mut self,
        direction: Direction,
        item: &StreamItem<'cap>,
        opening: &Opening,
        shared: &mut Shared<'_, 'cap>,
    ) {
        if is_strange(item) && !self.is_other() {
            shared.late.strange.note(self.flow, item);
        }
        if self.dns.as_mut().is_some_and(|dns| !dns.push(direction, item, shared)) {
            self.dns = None;
        }
        if let StreamItem::Data { offset, .. } = item
            && self.extent != Extent::Beginning
        {
            let is_first = *offset == 0 && begins(opening, direction);
            self.extent = if is_first { Extent::Beginning } else { Extent::Rest };
            self.tls.look(direction, item, is_first);
        } else if self.tls.is_open() {
            self.tls.look(direction, item, false);
        }
        if self.watch.is_some() && self.look(direction, item, opening, shared) {
            return;
        }
        let mut holes = Vec::new();
        if let ChannelContent::Undecided(before) = &mut self.content {
            match item {
                StreamItem::Gap { .. } if begins(opening, direction) && before.len() < MOST_HOLES => {
                    // What the other side says may still tell what this is.
                    return before.push((direction, *item));
                }
                StreamItem::Data { .. } | StreamItem::Gap { .. } => {}
                _ => return,
            }
            holes = std::mem::take(before);
            self.decide(direction, item, opening, shared);
            for (_, hole) in holes.extract_if(.., |(way, _)| *way == direction) {
                self.hand(direction, &hole, opening, shared);
            }
        }
        match &self.content {
            ChannelContent::Web(web)
                if !web.has_blocks() && begins_with_handshake(item) && begins(opening, direction) =>
            {
                // No server of HTTP answers so: the request was not what the client sent.
                self.content = self.peer(Start::Handshake, direction, opening, shared);
            }
            ChannelContent::Peer(session) if !session.from_start && !session.is_peer_wire() => {
                self.reconsider(direction, item, shared);
            }
            _ => {}
        }
        self.hand(direction, item, opening, shared);
        for (direction, hole) in holes {
            self.watch.iter_mut().for_each(|watch| _ = watch.push(direction, &hole));
            self.hand(direction, &hole, opening, shared);
        }
    }

    /// Hands an item to what reads the connection.
    fn hand(
        &mut self,
        direction: Direction,
        item: &StreamItem<'cap>,
        opening: &Opening,
        shared: &mut Shared<'_, 'cap>,
    ) {
        match &mut self.content {
            ChannelContent::Peer(session) => read(session, direction, item, opening, shared),
            ChannelContent::Web(web) => web.item(direction, item, opening, shared),
            ChannelContent::Mse(..) => self.filter(Some((direction, item)), opening, shared),
            ChannelContent::Undecided(_) | ChannelContent::Proxied(_) | ChannelContent::Other => {}
        }
    }

    /// Looks at the first bytes.
    fn decide(
        &mut self,
        direction: Direction,
        item: &StreamItem<'cap>,
        opening: &Opening,
        shared: &mut Shared<'_, 'cap>,
    ) {
        self.content = match *item {
            StreamItem::Data { offset: 0, bytes, .. } if opening.initiator.is_some() => match sniff(bytes) {
                HandshakeSniff::Handshake | HandshakeSniff::NeedMore => {
                    self.peer(Start::Handshake, direction, opening, shared)
                }
                // Its own SYN is missing, so these need not be its first bytes.
                HandshakeSniff::Other if !begins(opening, direction) => {
                    self.mid_stream(direction, item, opening, shared)
                }
                HandshakeSniff::Other => match webseed::sniff(bytes) {
                    webseed::HttpSniff::Request => {
                        ChannelContent::Web(Box::new(WebChannel::new(direction, self.flow, shared)))
                    }
                    webseed::HttpSniff::Response => {
                        // What it answers may have been a request to be connected.
                        self.watch = watch(opening).map(Box::new);
                        self.watch.iter_mut().for_each(|watch| _ = watch.push(direction, item));
                        ChannelContent::Web(Box::new(WebChannel::new(direction.reverse(), self.flow, shared)))
                    }
                    webseed::HttpSniff::Undecided | webseed::HttpSniff::Other => {
                        ChannelContent::Mse(Box::new(MseFilter::new(opening.initiator, &shared.keystream)), None)
                    }
                },
            },
            StreamItem::Data { .. } | StreamItem::Gap { .. } => self.mid_stream(direction, item, opening, shared),
            _ => return,
        };
        self.unread[direction.index()] = true;
    }

    /// Goes on with what began in mid-stream and shows by a whole request that it is HTTP.
    fn reconsider(&mut self, direction: Direction, item: &StreamItem<'cap>, shared: &mut Shared<'_, 'cap>) {
        if let StreamItem::Data { bytes, .. } = item
            && webseed::is_request(bytes)
        {
            let web = ChannelContent::Web(Box::new(WebChannel::joined(direction, self.flow, shared)));
            if let ChannelContent::Peer(session) = std::mem::replace(&mut self.content, web) {
                close::end(session, Transported::default(), self.seen.clone(), shared);
            }
        }
    }

    /// Without the opening, MSE can be told only by a secret.
    fn mid_stream(
        &self,
        direction: Direction,
        item: &StreamItem<'cap>,
        opening: &Opening,
        shared: &mut Shared<'_, 'cap>,
    ) -> ChannelContent<'cap> {
        if let StreamItem::Data { bytes, .. } = item
            && webseed::is_request(bytes)
        {
            ChannelContent::Web(Box::new(WebChannel::joined(direction, self.flow, shared)))
        } else if shared.candidates.secrets().is_empty() {
            self.peer(Start::MidStream, direction, opening, shared)
        } else {
            ChannelContent::Mse(Box::new(MseFilter::new(opening.initiator, &shared.keystream)), None)
        }
    }

    fn peer(
        &self,
        start: Start,
        direction: Direction,
        opening: &Opening,
        shared: &mut Shared<'_, 'cap>,
    ) -> ChannelContent<'cap> {
        ChannelContent::Peer(Box::new(self.session(start, direction, opening, shared)))
    }

    fn session(
        &self,
        start: Start,
        direction: Direction,
        opening: &Opening,
        shared: &mut Shared<'_, 'cap>,
    ) -> Session<'cap> {
        let session = Session::new(shared.connection(), self.flow, self.transport, start, &shared.options.limits);
        let mut session = session.sharing(&shared.requests);
        session.number = self.number;
        for from in [Direction::LowToHigh, Direction::HighToLow] {
            session.count(from, self.packets[from.index()]);
            let chosen = shared.second.chosen(self.flow, self.number, from);
            if !chosen.is_empty() {
                session.choose(from, chosen);
            }
        }
        for at in [opening.syn, opening.syn_ack, opening.ack].into_iter().flatten() {
            session.touch(direction, at);
        }
        if let Some(span) = self.span {
            session.touch(direction, span.first);
            session.touch(direction, span.last);
        }
        note_opening(&mut session, opening);
        session
    }

    /// Takes an item, or the end, through the MSE filter.
    fn filter(
        &mut self,
        item: Option<(Direction, &StreamItem<'cap>)>,
        opening: &Opening,
        shared: &mut Shared<'_, 'cap>,
    ) {
        let ChannelContent::Mse(filter, session) = &mut self.content else { return };
        let mut out = std::mem::take(&mut shared.scratch.clear);
        let result = match item {
            Some((direction, item)) => filter.push(direction, item, &shared.candidates, &shared.spill, &mut out),
            None => filter.close(&shared.candidates, &shared.spill, &mut out),
        };
        shared.fail(result);
        let (whole, decrypted) = (filter.is_whole(), filter.secret().is_some());
        let readable = match filter.outcome() {
            MseOutcome::Plaintext => Some(Encryption::MsePlaintext),
            MseOutcome::Rc4 { .. } => Some(Encryption::MseRc4),
            MseOutcome::NotMse => {
                let held = filter.take_held();
                if filter.has_untried() {
                    note_untried(self.flow, self.span, shared);
                }
                if filter.was_cut_short() {
                    let bound = Bound::Mse { held: held.len() as u64 };
                    shared.anomalies.odd(Oddity::from(bound).within(self.span).between(self.flow));
                }
                return self.not_mse(held, out, opening, shared);
            }
            MseOutcome::Undecided | MseOutcome::Opaque { .. } | MseOutcome::WrongSecret { .. } => None,
        };
        if let Some(encryption) = readable {
            let mut known = match session.take() {
                Some(known) => known,
                None => {
                    let sent =
                        [Direction::LowToHigh, Direction::HighToLow].map(|way| (way, self.unread[way.index()]));
                    let mut senders = sent.into_iter().filter(|(_, sent)| *sent).map(|(way, _)| way);
                    let first = senders.next().unwrap_or(Direction::LowToHigh);
                    let mut new = self.session(Start::Handshake, first, opening, shared);
                    if let (Some(second), Some(span)) = (senders.next(), self.span) {
                        new.touch(second, span.last);
                    }
                    new.encryption = encryption;
                    // Without a known secret, or of one direction alone, the start of the peer wire may be hidden.
                    new.from_start = whole;
                    new.decrypted = decrypted;
                    Box::new(new)
                }
            };
            for (direction, item) in out.drain(..) {
                read(&mut known, direction, &item, opening, shared);
            }
            if let ChannelContent::Mse(_, session) = &mut self.content {
                *session = Some(known);
            }
        }
        out.clear();
        shared.scratch.clear = out;
    }

    /// Goes on with a connection that is no MSE.
    fn not_mse(
        &mut self,
        held: Vec<(Direction, StreamItem<'cap>)>,
        mut out: Vec<(Direction, StreamItem<'cap>)>,
        opening: &Opening,
        shared: &mut Shared<'_, 'cap>,
    ) {
        let clear = matches!(&self.content, ChannelContent::Mse(filter, _) if filter.may_be_clear());
        out.extend(held);
        // The first segment may have been too short to tell.
        let client = [Direction::LowToHigh, Direction::HighToLow].into_iter().find(|client| {
            let data = out.iter().filter_map(|(direction, item)| match item {
                StreamItem::Data { bytes, .. } if direction == client => Some(*bytes),
                _ => None,
            });
            opening.initiator.is_some()
                && webseed::sniff(&data.flatten().copied().take(LONGEST_METHOD).collect::<Vec<_>>())
                    == webseed::HttpSniff::Request
        });
        if let Some(client) = client {
            let mut web = WebChannel::new(client, self.flow, shared);
            out.iter().for_each(|(direction, item)| web.item(*direction, item, opening, shared));
            self.content = ChannelContent::Web(Box::new(web));
        } else if let Some(look) = self.behind(&out, clear, opening) {
            match look {
                ProxyOutcome::Proxied(proxied) => self.content = ChannelContent::Proxied(Box::new(proxied)),
                ProxyOutcome::Handshake => self.begin(Start::Handshake, out.drain(..), opening, shared),
                ProxyOutcome::More | ProxyOutcome::Over => self.content = ChannelContent::Other,
            }
        } else {
            // It was only tried for a secret's sake, or what is missing may be why it does not look like MSE.
            self.begin(Start::MidStream, out.drain(..), opening, shared);
        }
        out.clear();
        shared.scratch.clear = out;
    }

    /// Looks for a proxy's dialog at the beginning of a connection that is no MSE, where that was captured; `None`
    /// for one that may be the peer wire because a part of the beginning is missing. It is watched on where it
    /// cannot be told yet.
    fn behind(
        &mut self,
        held: &[(Direction, StreamItem<'cap>)],
        clear: bool,
        opening: &Opening,
    ) -> Option<ProxyOutcome> {
        let mut watch = watch(opening)?;
        let mut looks = held.iter().map(|(direction, item)| watch.push(*direction, item));
        let look = looks.find(|look| *look != ProxyOutcome::More).unwrap_or(ProxyOutcome::More);
        // MSE that selected plaintext has a handshake behind its keys, too.
        let told = !clear || look == ProxyOutcome::Handshake || watch.is_dialog();
        if look == ProxyOutcome::More && told {
            self.watch = Some(Box::new(watch));
        }
        told.then_some(look).filter(|look| !clear || !matches!(look, ProxyOutcome::More | ProxyOutcome::Over))
    }

    /// Looks for the peer wire behind what the connection began with; whether the item was taken for that.
    fn look(
        &mut self,
        direction: Direction,
        item: &StreamItem<'cap>,
        opening: &Opening,
        shared: &mut Shared<'_, 'cap>,
    ) -> bool {
        let Some(mut watch) = self.watch.take() else { return false };
        match watch.push(direction, item) {
            ProxyOutcome::More => self.watch = Some(watch),
            ProxyOutcome::Handshake if matches!(self.content, ChannelContent::Other) => {
                self.begin(Start::Handshake, watch.into_held().into_iter(), opening, shared);
                return true;
            }
            ProxyOutcome::Proxied(proxied) if !self.has_blocks() => {
                self.content = ChannelContent::Proxied(Box::new(proxied))
            }
            ProxyOutcome::Handshake | ProxyOutcome::Proxied(_) | ProxyOutcome::Over => {}
        }
        false
    }

    /// Reads a connection as the peer wire, from what was held of it on.
    fn begin(
        &mut self,
        start: Start,
        held: impl Iterator<Item = (Direction, StreamItem<'cap>)>,
        opening: &Opening,
        shared: &mut Shared<'_, 'cap>,
    ) {
        let mut held = held.peekable();
        let direction = held.peek().map_or(Direction::LowToHigh, |(direction, _)| *direction);
        let mut session = self.session(start, direction, opening, shared);
        for (direction, item) in held {
            read(&mut session, direction, &item, opening, shared);
        }
        self.content = ChannelContent::Peer(Box::new(session));
    }
}

/// Says that a connection may be one that the secrets open.
fn note_untried(flow: FlowKey, span: Option<Span>, shared: &mut Shared<'_, '_>) {
    shared.anomalies.odd(Oddity::from(Bound::Secrets).within(span).between(flow));
}

/// Looks for the peer wire behind something else, on sides of which the beginning is known.
fn watch<'cap>(opening: &Opening) -> Option<ProxyWatch<'cap>> {
    let begun = [Direction::LowToHigh, Direction::HighToLow].map(|direction| begins(opening, direction));
    Some(ProxyWatch::new(opening.initiator?, begun))
}

fn begins_with_handshake(item: &StreamItem<'_>) -> bool {
    matches!(item, StreamItem::Data { offset: 0, bytes, .. } if sniff(bytes) == HandshakeSniff::Handshake)
}

/// Returns true if the segment that opens a direction was seen, or the answer to it, so that its offsets count from
/// its first byte.
fn begins(opening: &Opening, direction: Direction) -> bool {
    let syn = opening.syn.filter(|_| opening.initiator == Some(direction));
    syn.or(opening.syn_ack).is_some()
}

/// Hands an item to a session, and what it makes known to the shared.
fn read<'cap>(
    session: &mut Session<'cap>,
    direction: Direction,
    item: &StreamItem<'cap>,
    opening: &Opening,
    shared: &mut Shared<'_, 'cap>,
) {
    let mut events = std::mem::take(&mut shared.scratch.events);
    session.push(direction, item, &mut events);
    shared.clear_item(session, direction, item, opening);
    shared.note_front(session, direction, item);
    if !events.is_empty() {
        note_opening(session, opening);
        shared.deliver(session, &mut events);
    }
    shared.scratch.events = events;
}

/// Tells the session what the transport knows of its opening.
fn note_opening(session: &mut Session<'_>, opening: &Opening) {
    session.initiator = opening.initiator.or(session.initiator);
    session.opening = opened(opening).or(session.opening);
    (session.confirmed, session.present) = (opening.confirmed, opening.present);
    session.multipath |= opening.multipath;
}

// Rationale: a hole in each direction, some in parts: what was acknowledged of it, and what was not.
const MOST_HOLES: usize = 8;

/// Bytes that tell a request: `OPTIONS` and a space.
const LONGEST_METHOD: usize = 8;

/// The frames that show both ends answering (grade G2), where all of them are in the capture.
pub(super) fn opened(opening: &Opening) -> Option<Span> {
    let (syn, syn_ack, ack) = (opening.syn?, opening.syn_ack?, opening.ack?);
    Some(Span::single(syn).join(Span::single(syn_ack)).join(Span::single(ack)))
}

/// Returns true if a damaged frame may be why an item came.
#[inline]
fn is_strange(item: &StreamItem<'_>) -> bool {
    !matches!(
        item,
        StreamItem::Data { doubtful: false, .. }
            | StreamItem::Acked { .. }
            | StreamItem::AckedRange { .. }
            | StreamItem::Answers { .. }
            | StreamItem::End { .. }
            | StreamItem::Gap { cause: GapCause::Snaplen, .. }
            | StreamItem::Uncompared { cut: true, .. }
    )
}
