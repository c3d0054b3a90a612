//! A connection that may have been opened on the addresses of another one.
//!
//! Whoever knows the addresses can send an opening in somebody's name, and go on from it. Only what the other end sends
//! shows that it took part: until it answers, what fits the new opening is kept apart, and the old connection goes on.

use super::StreamItem;
use crate::ends::{At, Direction};
use crate::limits::CHALLENGED_PACKETS;

/// A packet, with its frame and the way it went.
pub(super) type Sent<P> = (At, Direction, P);

/// An opening with other numbers than those of the connection, and what came of it until now.
#[derive(Debug)]
pub(super) struct Challenge<P> {
    /// The frame of the opening.
    pub(super) at: At,
    /// Who sent it.
    pub(super) direction: Direction,
    /// The opening.
    pub(super) opening: P,
    /// The packets of the opening's sender that fit it, kept apart.
    held: Vec<Sent<P>>,
    /// True if the old connection went on since.
    pub(super) went_on: bool,
}

impl<P: Copy> Challenge<P> {
    pub(super) fn new(at: At, direction: Direction, opening: P) -> Self {
        Self { at, direction, opening, held: Vec::new(), went_on: false }
    }

    /// Returns true if as many packets as may be kept followed the opening: unless the old connection went on, the
    /// new one has taken its place.
    pub(super) fn is_full(&self) -> bool {
        self.held.len() >= CHALLENGED_PACKETS
    }

    /// Returns true if any packet followed the opening.
    pub(super) fn is_gone_on_from(&self) -> bool {
        !self.held.is_empty()
    }

    /// The packets that were kept apart, in order of arrival.
    pub(super) fn held(&self) -> impl DoubleEndedIterator<Item = &P> {
        self.held.iter().map(|(.., packet)| packet)
    }

    /// Keeps a packet apart that fits the opening; one too many is told at once.
    pub(super) fn hold<'cap>(
        &mut self,
        sent: Sent<P>,
        len: u64,
        out: &mut impl FnMut(Direction, StreamItem<'cap>),
    ) {
        let (at, direction, _) = sent;
        if self.is_full() {
            out(direction, StreamItem::OutOfWindow { len, at });
        } else {
            self.held.push(sent);
        }
    }

    /// The opening and what followed it: the beginning of the new connection.
    pub(super) fn into_packets(self) -> Vec<Sent<P>> {
        [(self.at, self.direction, self.opening)].into_iter().chain(self.held).collect()
    }

    /// Tells of an opening that came to nothing, and of what followed it; `len` is the payload of a packet.
    pub(super) fn discard<'cap>(self, len: impl Fn(&P) -> u64, out: &mut impl FnMut(Direction, StreamItem<'cap>)) {
        for (at, direction, packet) in self.into_packets() {
            out(direction, StreamItem::OutOfWindow { len: len(&packet), at });
        }
    }
}
