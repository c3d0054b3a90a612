//! Connections: what lies below their content, and the content.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{CutHandshake, Handshake, Peer, Run, Side, Web};
use crate::ends::{ConnectionId, Direction, Endpoint, FlowKey, Sightings, Span, Timestamp, Transport};
use crate::session::{Encryption, Ending, Hole, Session, SideFacts};
use crate::stream::Numbers;

/// A TCP or uTP connection that carries the peer wire, what may be it, or HTTP. Whether it is shown in a report is decided
/// when the facts are judged: connections of which nothing is known but their packets are not written down.
///
/// # Invariants
/// - The first four fields are written first: [`Head`](super::Head) reads them alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connection {
    /// Its number, from 1, in the order in which connections began to show what they carry.
    pub id: ConnectionId,
    /// Its two ends; [`Direction`] is relative to these.
    pub flow: FlowKey,
    /// How it was carried.
    pub transport: Transport,
    /// The initial sequence numbers of TCP, or what stands for them in uTP, the initiator's first, where both were
    /// captured. One connection on both sides of an address translation, or in two capture sets, has the same.
    pub initial: Option<[u64; 2]>,
    /// The numbers that the packets of each direction have on the wire, by [`Direction::index`]: by these a connection is known
    /// in another capture set, where its opening was not captured. `None` where none was.
    pub numbers: [Option<Numbers>; 2],
    /// Its protection.
    pub encryption: Encryption,
    /// Set if a key decrypted some of the connection: all, or a handshake in front of selected plaintext.
    pub decrypted: bool,
    /// Who opened it; `None` where the captures do not tell.
    pub initiator: Option<Direction>,
    /// The frames in which both ends answered, where all of them are in the captures: SYN, SYN-ACK and ACK (grade G2).
    pub opening: Option<Span>,
    /// First and last packet.
    pub span: Span,
    /// In which inputs it was seen.
    pub seen: Sightings,
    /// The tunnels that its packets crossed, by name.
    pub paths: BTreeSet<String>,
    /// Set if frames of the connection are in the captures more than once.
    pub duplicate_frames: bool,
    /// Set if the captures hold the connection from its first byte on.
    pub from_start: bool,
    /// Payload bytes on the wire in both directions, those sent again included.
    pub bytes: u64,
    /// The two directions below the content, by [`Direction::index`].
    pub streams: [Stream; 2],
    /// The protocol of the connection, with its facts.
    pub content: Application,
}

impl Connection {
    /// A session that is over, with the tunnels that it crossed; `None` where no packet of it is known.
    pub fn of(session: &Session<'_>, paths: &BTreeSet<String>) -> Option<Self> {
        let directions = [Direction::LowToHigh, Direction::HighToLow];
        let both = session.present == [true; 2];
        Some(Self {
            id: session.id,
            flow: session.flow,
            transport: session.transport,
            initial: session.initial,
            numbers: session.numbers,
            encryption: session.encryption,
            decrypted: session.decrypted,
            initiator: session.initiator,
            opening: session.opening,
            span: session.span()?,
            seen: session.seen.clone(),
            paths: paths.clone(),
            duplicate_frames: session.duplicate_frames,
            from_start: session.from_start,
            bytes: session.bytes,
            streams: directions.map(|from| {
                let confirmed = session.confirmed.get(from.index()).copied().filter(|_| both);
                Stream { confirmed, ..Stream::of(session.side(from)) }
            }),
            content: Application::Peer(Box::new(Peer {
                sides: directions
                    .map(|from| Side { unplaced: session.unplaced(from), ..Side::of(session.side(from)) }),
            })),
        })
    }

    /// Returns true if nothing shows that who sent in `from` received anything, though the other end was captured: then
    /// anybody may have sent it.
    pub fn is_unconfirmed(&self, from: Direction) -> bool {
        self.stream(from).confirmed == Some(false)
    }

    /// Returns true if who sends in `from` sent no handshake: the captures hold the connection from its start, and all that
    /// went in that direction.
    pub fn greeted_never(&self, from: Direction) -> bool {
        let stream = self.stream(from);
        let silent = |peer: &Peer| {
            let side = peer.side(from);
            side.handshake.is_none() && side.cut_handshake.is_none()
        };
        self.from_start && stream.packets > 0 && stream.gaps == 0 && self.peer().is_some_and(silent)
    }

    /// Returns true if what looks like the peer wire is content of something else (T66): it is [broken](Peer::is_broken);
    /// blocks went to an end that neither greeted nor asked for anything, as a recorded stream does that is fetched as a file,
    /// and no other version of what that end said hides a handshake, nor did anybody forge the blocks without hearing it;
    /// or both ends sent blocks under one handshake, as where one sends back what it gets: a client hangs up on its own peer_id.
    pub fn is_content(&self) -> bool {
        let Some(peer) = self.peer() else { return false };
        let serves = |from: Direction| {
            let side = peer.side(from);
            side.piece_messages + side.partial_messages + side.unplaced.bytes() > 0
        };
        let unheard = |from: Direction| {
            let other = from.reverse();
            serves(from)
                && !self.is_unconfirmed(from)
                && self.encryption == Encryption::None
                && peer.side(from).answered == 0
                && peer.side(other).requested.is_none()
                && self.greeted_never(other)
                && !self.stream(other).overlap_conflict
                && !self.stream(other).bad_checksum
        };
        let both = [Direction::LowToHigh, Direction::HighToLow];
        peer.is_broken() || both.into_iter().any(unheard) || (peer.is_echo() && both.into_iter().all(serves))
    }

    /// Facts of the bytes that go in `direction`.
    pub fn stream(&self, direction: Direction) -> &Stream {
        &self.streams[direction.index()]
    }

    /// Who sends in `direction`.
    pub fn source(&self, direction: Direction) -> Endpoint {
        self.flow.source(direction)
    }

    /// The peer wire that it carries, if it does.
    pub fn peer(&self) -> Option<&Peer> {
        match &self.content {
            Application::Peer(peer) => Some(peer),
            Application::Web(_) => None,
        }
    }

    /// The HTTP exchange that it carries, if it does.
    pub fn web(&self) -> Option<&Web> {
        match &self.content {
            Application::Web(web) => Some(web),
            Application::Peer(_) => None,
        }
    }
}

/// Protocols of a connection, with their facts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Application {
    /// The peer wire (BEP 3), or what may be it: see [`Peer::is_peer_wire`].
    Peer(Box<Peer>),
    /// HTTP/1.1, with bodies that answer requests.
    Web(Box<Web>),
}

/// One direction below its content. All figures are of the stream that was rebuilt from the sender's packets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stream {
    /// Packets.
    pub packets: u64,
    /// Stretches that the captures do not hold.
    pub gaps: u64,
    /// Bytes in those, where the number is known.
    pub gap_bytes: u64,
    /// Those stretches, the first 16 of them, in the order in which they were given up.
    pub holes: Vec<Hole>,
    /// Set if the snap length cut some of the direction.
    pub snaplen: bool,
    /// Set if a frame with a wrong checksum carried some of the direction.
    pub bad_checksum: bool,
    /// Set if a stretch was sent again with other bytes.
    pub overlap_conflict: bool,
    /// Bytes that came after their place had been given up.
    pub late_bytes: u64,
    /// Captured payload bytes of blocks that the receiver's transport acknowledged.
    pub acknowledged: u64,
    /// The place before which the receiver acknowledged everything; 0 where it acknowledged nothing.
    pub acked_to: u64,
    /// Set if a packet of this direction acknowledges a number that the other end really used, as far as captured (the
    /// return path): a sequence number of it (TCP), a seq_nr that it sent (uTP). A RST or RESET confirms nothing.
    /// `None` where packets of one end alone were captured.
    pub confirmed: Option<bool>,
    /// How it ended; `None` where no frame of it was captured.
    pub end: Option<Ending>,
    /// The first bytes of one that is captured from its middle on, 16,384 at most, each run with its time: what another capture
    /// set has the beginning of. [`Run::start`] is the place in the stream.
    pub front: Vec<(Run, Timestamp)>,
}

impl Stream {
    fn of(side: &SideFacts) -> Self {
        Self {
            packets: side.packets,
            gaps: side.gaps,
            gap_bytes: side.gap_bytes,
            holes: side.holes.clone(),
            snaplen: side.snaplen,
            bad_checksum: side.bad_checksum,
            overlap_conflict: side.overlap_conflict,
            late_bytes: side.late_bytes,
            acknowledged: side.acknowledged,
            acked_to: side.acked_to,
            confirmed: None,
            end: side.end,
            front: Vec::new(),
        }
    }
}

impl Side {
    fn of(side: &SideFacts) -> Self {
        Self {
            handshake: side.handshake.as_ref().map(|handshake| Handshake {
                reserved: handshake.reserved,
                info_hash: handshake.info_hash,
                peer_id: handshake.peer_id,
                span: handshake.span,
            }),
            cut_handshake: side.cut_handshake.clone().map(|(begins, span)| CutHandshake { begins, span }),
            unplaced: side.unplaced,
            listen_port: side.listen_port,
            client: side.client.clone(),
            extension_messages: side.extension_messages.clone(),
            claims: side.advertised.claims(),
            offered: side.offered,
            requested: side.requested,
            rejected: side.rejected,
            piece_messages: side.piece_messages,
            partial_messages: side.partial_messages,
            first_piece: side.first_piece,
            answered: side.answered,
            cancelled: side.cancelled,
            unsolicited: side.unsolicited,
            lost_sync: side.lost_sync,
            misframed: side.misframed,
            held_sync: side.held_sync,
            resynchronised: side.resynchronised,
        }
    }
}
