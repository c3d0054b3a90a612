//! uTP (BEP 29): the connections of one UDP 4-tuple, told from all else that goes over it.
//!
//! One datagram in fifty looks like uTP. A connection is established, and its items delivered, only when
//! 1. an ST_STATE answers an ST_SYN with its connection id and its number, or
//! 2. two packets of each direction acknowledge what the other direction sent, and one packet carried data, or
//! 3. four packets of one direction have consecutive numbers, fitting clocks, and data.
//!
//! Until then up to 64 packets per candidate are held, and delivered once it is established; of a longer
//! candidate the oldest packets are forgotten, and so is the oldest candidate when there are 17.
//!
//! Packets are ordered by number; offsets are sums of payload lengths, so a lost packet is a gap of unknown length
//! behind which the offsets go on. Holes are waited for as in [TCP](super::TcpConnection), and so are packets that are
//! acknowledged by one that was captured before them. The first copy of a
//! packet is kept; of a longer second copy the rest is delivered while nothing followed, else it is
//! [`Late`](StreamItem::Late). Packets more than 8,192 numbers away are [`OutOfWindow`](StreamItem::OutOfWindow), unless
//! four in a row are consecutive: then the stream goes on with them behind a gap. A conflict in a packet that still
//! waits is reported when that is delivered. A packet that acknowledges what was never sent makes no hole, as in TCP.

mod connection;
mod late;
mod packet;
mod side;

pub use packet::{NotUtp, Packet, PacketKind};

use super::{EndReason, Numbers, Opening, StreamItem, StreamLimits};
use std::collections::BTreeSet;

use crate::ends::{At, Direction, FrameId};
use crate::limits::{UTP_CANDIDATE_PACKETS, UTP_CANDIDATES, UTP_CONNECTIONS};
use crate::packet::Payload;
use connection::{Connection, HeldPacket};

/// A uTP connection among those of one flow: 0 for the first that was established, and so on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UtpId(pub u32);

/// The kind of a datagram on a flow that may carry uTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UtpVerdict {
    /// Something else.
    NotUtp(NotUtp),
    /// Perhaps uTP: it is held until more is known.
    Pending,
    /// A packet of this connection.
    Part(UtpId),
}

/// All uTP connections between two endpoints.
///
/// # Invariants
/// - At most 16 candidates and 64 connections; candidates hold no [`UtpId`].
#[derive(Debug)]
pub struct UtpFlow<'cap> {
    limits: StreamLimits,
    /// The least recently active first.
    #[expect(clippy::vec_box, reason = "each packet moves the one that it belongs to behind the others")]
    connections: Vec<Box<Connection<'cap>>>,
    established: u32,
    closed: Vec<Closed>,
    /// Packets of candidates that were forgotten, since the caller asked last.
    forgotten: u64,
    /// Frames of packets that are not the sender's.
    rejected: BTreeSet<FrameId>,
}

/// The memory of a connection that is over.
#[derive(Clone, Copy, Debug)]
struct Closed {
    id: UtpId,
    opening: Opening,
    initial: Option<[u64; 2]>,
    numbers: [Option<Numbers>; 2],
}

impl<'cap> UtpFlow<'cap> {
    /// A flow of which nothing was seen yet; allocates nothing.
    pub fn new(limits: &StreamLimits) -> Self {
        Self {
            limits: *limits,
            connections: Vec::new(),
            established: 0,
            closed: Vec::new(),
            forgotten: 0,
            rejected: BTreeSet::new(),
        }
    }

    /// Says before the first packet which frames carry what is not the sender's (see [`StreamItem::OtherLength`]).
    pub fn reject(&mut self, frames: BTreeSet<FrameId>) {
        self.rejected = frames;
    }

    /// Takes a datagram sent in `direction`; appends what it makes known to `out`.
    ///
    /// `doubtful`: whether its checksum was tested and is wrong.
    pub fn push(
        &mut self,
        at: At,
        direction: Direction,
        payload: &Payload<'cap>,
        doubtful: bool,
        out: &mut Vec<(UtpId, Direction, StreamItem<'cap>)>,
    ) -> UtpVerdict {
        let mut packet = match Packet::parse(payload) {
            Ok(packet) => packet,
            Err(reason) => return UtpVerdict::NotUtp(reason),
        };
        packet.rejected = !self.rejected.is_empty() && self.rejected.contains(&at.frame);
        let owner = self
            .connections
            .iter()
            .enumerate()
            .rev()
            .filter(|(_, connection)| connection.owns(direction, &packet))
            .max_by_key(|(_, connection)| connection.id.is_some())
            .map(|(index, _)| index);
        let (held, mut first) = (HeldPacket { at, direction, packet, doubtful }, Vec::new());
        let mut connection = match owner.map(|index| self.connections.remove(index)) {
            Some(mut old) => match old.replaced_by(&held) {
                Some(packets) => {
                    self.finish(old, EndReason::Replaced, out);
                    first = packets;
                    Box::new(Connection::new(first.first().unwrap_or(&held)))
                }
                None => old,
            },
            None if packet.kind == PacketKind::Reset => return UtpVerdict::Pending,
            None => Box::new(Connection::new(&held)),
        };
        for held in first {
            self.take(&mut connection, held, out);
        }
        let taken = self.take(&mut connection, held, out);
        let verdict = connection.id.filter(|_| taken).map_or(UtpVerdict::Pending, UtpVerdict::Part);
        if self.connections.capacity() == 0 {
            // Rationale: most flows have one.
            self.connections.reserve_exact(1);
        }
        self.connections.push(connection);
        self.make_room(out);
        verdict
    }

    /// Hands a packet to the connection that it is of; whether it was taken, and not kept apart.
    fn take(
        &mut self,
        connection: &mut Connection<'cap>,
        held: HeldPacket<'cap>,
        out: &mut Vec<(UtpId, Direction, StreamItem<'cap>)>,
    ) -> bool {
        let (id, limits) = (connection.id.unwrap_or(UtpId(self.established)), self.limits);
        let mut emit = |direction, item| out.push((id, direction, item));
        if connection.is_kept_apart(&held, &mut emit) {
            return false;
        }
        self.forgotten += connection.push(held, &limits, &mut emit);
        if connection.id.is_none() && connection.is_proven() {
            connection.establish(id, &limits, &mut emit);
            self.established = self.established.saturating_add(1);
        }
        true
    }

    /// Sets what each direction may hold from now on.
    pub fn limit(&mut self, limits: &StreamLimits) {
        self.limits = *limits;
    }

    /// The memory of packets that wait behind holes, for packets that they answer, or until their connection is
    /// established; in slices.
    pub fn waiting(&self) -> usize {
        self.connections.iter().map(|connection| connection.waiting()).sum()
    }

    /// Ends all connections, as [`super::TcpConnection::close`] does. Candidates leave nothing.
    pub fn close(&mut self, reason: EndReason, out: &mut Vec<(UtpId, Direction, StreamItem<'cap>)>) {
        let mut connections = std::mem::take(&mut self.connections);
        connections.sort_by_key(|connection| connection.id);
        for connection in connections {
            self.finish(connection, reason, out);
        }
    }

    /// Packets that may have been uTP and were let go to make room, before a connection was established; since the last
    /// call.
    pub fn take_forgotten(&mut self) -> u64 {
        std::mem::take(&mut self.forgotten)
    }

    /// Who opened connection `id`, and the frames that prove it; kept for live connections and the last 64 closed.
    pub fn opening(&self, id: UtpId) -> Option<Opening> {
        let live = self.connections.iter().find(|connection| connection.id == Some(id));
        let closed = || self.closed.iter().find(|closed| closed.id == id).map(|closed| closed.opening);
        live.map(|connection| connection.opening()).or_else(closed)
    }

    /// Numbers that tell connection `id` from others, whatever its addresses: ids, numbers and clocks of the
    /// ST_SYN, and of the ST_STATE that answers it; `None` unless both were captured. Kept as long as
    /// [`opening`](Self::opening).
    pub fn initial(&self, id: UtpId) -> Option<[u64; 2]> {
        let live = self.connections.iter().find(|connection| connection.id == Some(id));
        let closed = || self.closed.iter().find(|closed| closed.id == id).and_then(|closed| closed.initial);
        live.map_or_else(closed, |connection| connection.initial())
    }

    /// The numbers of each direction of connection `id`, by [`Direction::index`]; `None` of one of which none is known. Kept as
    /// long as [`opening`](Self::opening).
    pub fn numbers(&self, id: UtpId) -> [Option<Numbers>; 2] {
        let live = self.connections.iter().find(|connection| connection.id == Some(id));
        let closed = || self.closed.iter().find(|closed| closed.id == id).map(|closed| closed.numbers);
        live.map(|connection| connection.numbers()).or_else(closed).unwrap_or_default()
    }

    fn finish(
        &mut self,
        mut connection: Box<Connection<'cap>>,
        reason: EndReason,
        out: &mut Vec<(UtpId, Direction, StreamItem<'cap>)>,
    ) {
        let Some(id) = connection.id else { return };
        let challenger = connection.take_challenger();
        connection.close(reason, &self.limits, &mut |direction, item| out.push((id, direction, item)));
        if self.closed.len() >= UTP_CONNECTIONS {
            self.closed.remove(0);
        }
        let (opening, initial, numbers) = (connection.opening(), connection.initial(), connection.numbers());
        self.closed.push(Closed { id, opening, initial, numbers });
        if let Some(syn) = challenger.first() {
            let mut next = Box::new(Connection::new(syn));
            for held in challenger {
                self.take(&mut next, held, out);
            }
            self.finish(next, reason, out);
        }
    }

    fn make_room(&mut self, out: &mut Vec<(UtpId, Direction, StreamItem<'cap>)>) {
        let is_candidate = |connection: &Connection<'_>| connection.id.is_none();
        let mut candidates = self.connections.iter().filter(|connection| is_candidate(connection)).count();
        // Where little may wait, few candidates may.
        let most = UTP_CANDIDATES.min(self.limits.pending_segments as usize / UTP_CANDIDATE_PACKETS).max(1);
        while candidates > most
            && let Some(oldest) = self.connections.iter().position(|one| is_candidate(one))
        {
            self.forgotten += self.connections.remove(oldest).held();
            candidates -= 1;
        }
        if self.connections.len() - candidates > UTP_CONNECTIONS {
            let established = |connection: &Connection<'_>| connection.id.is_some();
            let over = self.connections.iter().position(|one| established(one) && one.is_over());
            if let Some(index) = over.or_else(|| self.connections.iter().position(|one| established(one))) {
                let connection = self.connections.remove(index);
                if let Some(id) = connection.id.filter(|_| !connection.is_over()) {
                    connection.cut_off(&mut |direction, item| out.push((id, direction, item)));
                }
                self.finish(connection, EndReason::Open, out);
            }
        }
    }
}

#[cfg(test)]
mod tests;
