//! The streams of the peer wire as plain TCP: each byte that a session reads, with a sequence number, whatever carried it.

mod known;

use std::fmt;

use hashbrown::HashMap;

use super::{Shared, Spine};
use crate::Error;
use crate::ends::{At, ConnectionId, Direction, FlowKey, Transport};
use crate::limits::CLEAR_HELD;
use crate::oddity::{Bound, Oddity, Sink};
use crate::session::{Encryption, Session};
use crate::stream::{Missing, Opening, StreamItem};
pub(crate) use known::Known;

/// A segment of a stream of the peer wire, as TCP would have carried it.
#[derive(Clone, Copy, Debug)]
pub struct ClearSegment<'a> {
    /// The connection; numbers are never used again.
    pub connection: u64,
    /// The flow of the connection.
    pub flow: FlowKey,
    /// Who sends.
    pub from: Direction,
    /// Who opened the connection; `None` where the captures do not tell.
    pub initiator: Option<Direction>,
    /// Place of the first byte.
    pub seq: u32,
    /// The number that the segment acknowledges; `None` in the first segment of a connection, and where nothing shows that its
    /// sender received anything.
    pub ack: Option<u32>,
    /// Set if the bytes may not be what their receiver took, or not stand where they seem to.
    pub in_doubt: bool,
    /// True for the SYN of its direction.
    pub syn: bool,
    /// The bytes; none in an opening.
    pub bytes: &'a [u8],
    /// The frame that carried them.
    pub at: At,
    /// The transport that carried the bytes.
    pub transport: Transport,
    /// How they were protected.
    pub encryption: Encryption,
}

/// Whoever takes the segments of all connections, those of each direction in the order of the stream.
pub trait TakeSegments: fmt::Debug {
    /// Takes the next segment.
    ///
    /// # Errors
    /// An error of the taker, which ends the run.
    fn take(&mut self, segment: &ClearSegment<'_>) -> Result<(), Error>;
}

/// Turns items into segments.
#[derive(Debug)]
pub(super) struct Clear<'run, 'cap> {
    taker: &'run mut dyn TakeSegments,
    known: &'run Known,
    connections: HashMap<ConnectionId, Connection<'cap>, foldhash::quality::FixedState>,
}

/// A connection.
#[derive(Debug, Default)]
struct Connection<'cap> {
    begun: bool,
    sides: [ClearSide; 2],
    /// Items that wait until the connection is the peer wire beyond doubt.
    held: Vec<(Direction, StreamItem<'cap>)>,
    /// Bytes beyond those.
    dropped: u64,
}

/// One direction.
#[derive(Clone, Copy, Debug, Default)]
struct ClearSide {
    /// The offset in the stream that stands at the first sequence number.
    base: Option<u64>,
    /// Bytes of gaps of which only the packets are counted.
    shift: u64,
    /// Offset behind the last byte, with those.
    next: u64,
    /// The longest segment so far.
    longest: u64,
    /// Behind a gap of unknown length: where the next block begins. What is before it may stand elsewhere.
    unsure_to: u64,
}

impl<'run, 'cap> Clear<'run, 'cap> {
    pub(super) fn new(taker: &'run mut dyn TakeSegments, known: &'run Known) -> Self {
        Self { taker, known, connections: HashMap::default() }
    }

    /// Takes an item that a session has read; gives the bytes of its connection that are known now to be missing.
    fn item(
        &mut self,
        session: &Session<'cap>,
        from: Direction,
        item: &StreamItem<'cap>,
        opening: &Opening,
    ) -> Result<u64, Error> {
        if !matches!(item, StreamItem::Data { .. } | StreamItem::Gap { .. }) {
            return Ok(0);
        }
        let connection = self.connections.entry(session.id).or_default();
        if !session.is_peer_wire() {
            // As many as a search for messages looks at.
            match item {
                _ if connection.held.len() < CLEAR_HELD => connection.held.push((from, *item)),
                StreamItem::Data { bytes, .. } => connection.dropped += bytes.len() as u64,
                _ => {}
            }
            return Ok(0);
        }
        let dropped = std::mem::take(&mut connection.dropped);
        if !connection.begun {
            connection.begun = true;
            connection.begin(session, opening, self.known, self.taker)?;
            for (from, item) in std::mem::take(&mut connection.held) {
                connection.take(session, (from, &item), opening, self.known, self.taker)?;
            }
        }
        connection.take(session, (from, item), opening, self.known, self.taker)?;
        Ok(dropped)
    }

    fn end(&mut self, id: ConnectionId) {
        self.connections.remove(&id);
    }
}

impl<'cap> Connection<'cap> {
    /// The opening, as far as it was captured.
    fn begin(
        &mut self,
        session: &Session<'cap>,
        opening: &Opening,
        known: &Known,
        taker: &mut dyn TakeSegments,
    ) -> Result<(), Error> {
        let Some(initiator) = opening.initiator else { return Ok(()) };
        let segment = |from, at, syn, ack: Option<u32>, seq| {
            let ack = ack.filter(|_| known.get(session.id, from).is_none_or(|known| !known.is_unconfirmed));
            ClearSegment { seq, ack, syn, ..segment_of(session, opening, from, at) }
        };
        let first = first_number(session.id);
        if let Some(at) = opening.syn {
            taker.take(&segment(initiator, at, true, None, first))?;
        }
        if let Some(at) = opening.syn_ack {
            taker.take(&segment(initiator.reverse(), at, true, Some(first.wrapping_add(1)), first))?;
        }
        if let (Some(_), Some(_), Some(at)) = (opening.syn, opening.syn_ack, opening.ack) {
            let next = first.wrapping_add(1);
            taker.take(&segment(initiator, at, false, Some(next), next))?;
        }
        Ok(())
    }

    fn take(
        &mut self,
        session: &Session<'cap>,
        (from, item): (Direction, &StreamItem<'cap>),
        opening: &Opening,
        known: &Known,
        taker: &mut dyn TakeSegments,
    ) -> Result<(), Error> {
        let (first, known) = (first_number(session.id), known.get(session.id, from));
        let number = |side: &ClearSide, offset: u64| {
            first.wrapping_add(1).wrapping_add(offset.wrapping_sub(side.base.unwrap_or(0)) as u32)
        };
        let other = self.sides.get(from.reverse().index()).copied().unwrap_or_default();
        let Some(side) = self.sides.get_mut(from.index()) else { return Ok(()) };
        // What stands behind keys that were exchanged, or in the middle of a stream, is all that there is.
        let opened = opening.initiator.is_some() && session.encryption == Encryption::None;
        let base = |offset: u64| Some(if opened { 0 } else { offset });
        match *item {
            StreamItem::Data { offset, bytes, at, .. } => {
                side.base = side.base.or_else(|| base(offset));
                let stretch = offset..offset.saturating_add(bytes.len() as u64);
                let in_doubt = offset < side.unsure_to || known.is_some_and(|known| known.doubts(&stretch));
                let is_confirmed = known.is_none_or(|known| !known.is_unconfirmed);
                for (place, bytes) in (offset + side.shift..).step_by(LONGEST).zip(bytes.chunks(LONGEST)) {
                    let seq = number(side, place);
                    let ack = Some(number(&other, other.base.unwrap_or(0).max(other.next)));
                    let ack = ack.filter(|_| is_confirmed);
                    taker.take(&ClearSegment {
                        seq,
                        ack,
                        bytes,
                        in_doubt,
                        ..segment_of(session, opening, from, at)
                    })?;
                    side.next = place + bytes.len() as u64;
                    side.longest = side.longest.max(bytes.len() as u64);
                }
            }
            StreamItem::Gap { offset, missing, .. } => {
                side.base = side.base.or_else(|| base(offset));
                let told = known.and_then(|known| known.missing(offset));
                match (missing, told) {
                    (Missing::Bytes(_), _) => {}
                    (_, Some(missing)) => side.shift += missing,
                    // Most packets are as long as the longest.
                    (Missing::Packets(count), None) => {
                        side.shift += count.saturating_mul(side.longest.max(1)).min(FAR);
                    }
                    (Missing::Unknown, None) => side.shift += FAR,
                }
                if !matches!(missing, Missing::Bytes(_)) && told.is_none() {
                    side.unsure_to = known.and_then(|known| known.next_block(offset)).unwrap_or(u64::MAX);
                }
            }
            _ => {}
        }
        Ok(())
    }
}

impl<'run> Spine<'run, '_> {
    /// Says before the first frame who wants the streams of the peer wire themselves, and what is known of them.
    pub(crate) fn clear_to(&mut self, taker: &'run mut dyn TakeSegments, known: &'run Known) {
        self.shared.clear = Some(Clear::new(taker, known));
    }
}

impl<'cap> Shared<'_, 'cap> {
    /// Hands on what a session has read, where that is asked for.
    pub(super) fn clear_item(
        &mut self,
        session: &Session<'cap>,
        from: Direction,
        item: &StreamItem<'cap>,
        opening: &Opening,
    ) {
        if let Some(clear) = &mut self.clear {
            match clear.item(session, from, item, opening) {
                Ok(0) => {}
                Ok(bytes) => {
                    let occurrence = Oddity::from(Bound::ClearHeld { bytes }).within(session.span());
                    self.anomalies.odd(occurrence.between(session.flow).of(session.id));
                }
                Err(failure) => self.fail(Err(failure)),
            }
        }
    }

    /// Forgets a session.
    pub(super) fn clear_end(&mut self, id: ConnectionId) {
        self.clear.iter_mut().for_each(|clear| clear.end(id));
    }
}

fn segment_of<'a>(session: &Session<'_>, opening: &Opening, from: Direction, at: At) -> ClearSegment<'a> {
    ClearSegment {
        connection: session.id.0,
        flow: session.flow,
        from,
        initiator: opening.initiator,
        seq: 0,
        ack: None,
        in_doubt: false,
        syn: false,
        bytes: &[],
        at,
        transport: session.transport,
        encryption: session.encryption,
    }
}

/// The first sequence number of both directions: far from those of other connections between the same ends.
fn first_number(id: ConnectionId) -> u32 {
    (id.0 as u32).wrapping_mul(0x9e37_79b1)
}

// Rationale: with its headers an IP packet has 65,535 bytes.
const LONGEST: usize = 65_000;
// Rationale: farther than any message is long, and far from half of all sequence numbers.
const FAR: u64 = 1 << 24;
