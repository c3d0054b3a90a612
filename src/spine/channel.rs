//! What one connection carries: the peer wire, or something that is not read further.

use std::collections::BTreeSet;

use super::Hub;
use crate::packet::{Direction, FlowKey};
use crate::provenance::{At, Span};
use crate::session::{Carrier, Session};
use crate::stream::{Opening, StreamItem};
use crate::wire::{Sniff, Start, sniff};

/// The content of one connection, over either transport.
#[derive(Debug)]
pub(super) struct Channel<'cap> {
    flow: FlowKey,
    carrier: Carrier,
    content: Content<'cap>,
}

#[derive(Debug)]
enum Content<'cap> {
    /// No payload yet.
    Undecided,
    /// The peer wire, or what may be it.
    Peer(Box<Session<'cap>>),
    /// Something else.
    Other,
}

/// What the transport knows of a connection.
#[derive(Clone, Debug, Default)]
pub(super) struct Transported {
    /// How it was opened.
    pub(super) opening: Opening,
    /// Whether frames of it are in the capture more than once.
    pub(super) duplicates: bool,
    /// The tunnels that it crossed.
    pub(super) paths: BTreeSet<String>,
}

impl<'cap> Channel<'cap> {
    pub(super) fn new(flow: FlowKey, carrier: Carrier) -> Self {
        Self { flow, carrier, content: Content::Undecided }
    }

    /// Whether the connection carries something that is not read further.
    pub(super) fn is_other(&self) -> bool {
        matches!(self.content, Content::Other)
    }

    /// Notes that a packet went in `direction`.
    #[inline]
    pub(super) fn touch(&mut self, direction: Direction, at: At) {
        if let Content::Peer(session) = &mut self.content {
            session.touch(direction, at);
        }
    }

    /// Takes the next item of one direction.
    pub(super) fn item(
        &mut self,
        direction: Direction,
        item: &StreamItem<'cap>,
        opening: &Opening,
        hub: &mut Hub<'_, 'cap>,
    ) {
        if let Content::Undecided = self.content {
            self.decide(direction, item, opening, hub);
        }
        let Content::Peer(session) = &mut self.content else { return };
        let mut events = std::mem::take(&mut hub.scratch.events);
        session.push(direction, item, &mut events, &mut hub.anomalies);
        if !events.is_empty() {
            note_opening(session, opening);
            hub.deliver(session, &mut events);
        }
        hub.scratch.events = events;
    }

    /// Looks at the first bytes.
    fn decide(
        &mut self,
        direction: Direction,
        item: &StreamItem<'cap>,
        opening: &Opening,
        hub: &mut Hub<'_, 'cap>,
    ) {
        let (start, at) = match *item {
            StreamItem::Data { offset: 0, bytes, at, .. } if opening.initiator.is_some() => match sniff(bytes) {
                Sniff::Handshake | Sniff::NeedMore => (Start::Handshake, at),
                Sniff::Other => {
                    self.content = Content::Other;
                    return;
                }
            },
            StreamItem::Data { at, .. } | StreamItem::Gap { at, .. } => (Start::MidStream, at),
            _ => return,
        };
        let mut session = Session::new(hub.connection(), self.flow, self.carrier, start, &hub.options.limits);
        for at in [opening.syn, opening.syn_ack, opening.ack].into_iter().flatten() {
            session.touch(direction, at);
        }
        session.touch(direction, at);
        note_opening(&mut session, opening);
        self.content = Content::Peer(Box::new(session));
    }

    /// Ends the connection.
    pub(super) fn close(self, transported: Transported, hub: &mut Hub<'_, 'cap>) {
        if let Content::Peer(mut session) = self.content {
            note_opening(&mut session, &transported.opening);
            session.duplicate_frames = transported.duplicates;
            hub.close(*session, transported.paths);
        }
    }
}

/// Tells the session what the transport knows of its opening.
fn note_opening(session: &mut Session<'_>, opening: &Opening) {
    session.initiator = opening.initiator.or(session.initiator);
    if let (Some(syn), Some(syn_ack), Some(ack)) = (opening.syn, opening.syn_ack, opening.ack) {
        let span = Span::single(syn).join(Span::single(syn_ack));
        session.opening = Some(span.join(Span::single(ack)));
    }
}
