//! Oddities: whatever was odd in the captures, as values with typed fields.
//!
//! A stage gives an [`Occurrence`] on its own `out`; one collector ([`Anomalies`](crate::anomaly::Anomalies)) counts them
//! and keeps the first examples; the report alone makes sentences. No address stands in a text here: each is a field, so
//! that a report can give every one another name. The words of a parser's or the system's own error are carried as they are.

mod bound;
mod kind;
mod reason;

use std::net::IpAddr;

pub use bound::{Bound, Forgotten};
pub use kind::Kind;
pub use reason::{
    BadTime, Flaw, GapKind, Leg, Lost, MentionFault, Misplaced, ProofError, Relay, Said, SameConnection, Unit,
    UnknownReason,
};

use crate::ends::{At, ConnectionId, Direction, Endpoint, FlowKey, FrameId, InfoHash, Span, Transport};

/// Takes the oddities that a stage meets.
pub trait Sink {
    /// Takes one.
    fn odd(&mut self, occurrence: Occurrence);
}

impl Sink for Vec<Occurrence> {
    fn odd(&mut self, occurrence: Occurrence) {
        self.push(occurrence);
    }
}

/// An oddity, and where it was met.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Occurrence {
    /// The oddity itself.
    pub oddity: Oddity,
    /// The frames in question, where there are any.
    pub span: Option<Span>,
    /// Between whom.
    pub parties: Parties,
    /// The connection, where it is one of BitTorrent.
    pub connection: Option<ConnectionId>,
}

impl Occurrence {
    /// Of what `from` sent in a flow.
    pub fn sent(self, flow: FlowKey, from: Direction) -> Self {
        Self { parties: Parties::Sent(flow.source(from), flow.destination(from)), ..self }
    }

    /// Of what one endpoint sent to another.
    pub fn towards(self, from: Endpoint, to: Endpoint) -> Self {
        Self { parties: Parties::Sent(from, to), ..self }
    }

    /// Of both directions of a flow.
    pub fn between(self, flow: FlowKey) -> Self {
        Self { parties: Parties::Both(flow.low, flow.high), ..self }
    }

    /// Of datagrams between two hosts.
    pub fn hosts(self, from: IpAddr, to: IpAddr) -> Self {
        Self { parties: Parties::Hosts(from, to), ..self }
    }

    /// Of what one endpoint sent to whomever.
    pub fn from(self, endpoint: Endpoint) -> Self {
        Self { parties: Parties::One(endpoint), ..self }
    }

    /// Of a connection.
    pub fn of(self, connection: ConnectionId) -> Self {
        Self { connection: Some(connection), ..self }
    }
}

/// Between whom an oddity was met.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Parties {
    /// Nobody in particular.
    #[default]
    Nobody,
    /// Traffic of one endpoint.
    One(Endpoint),
    /// Traffic from the first host to the second one.
    Hosts(IpAddr, IpAddr),
    /// Traffic from the first endpoint to the second one.
    Sent(Endpoint, Endpoint),
    /// Both directions between two endpoints.
    Both(Endpoint, Endpoint),
}

/// One thing that was odd. Equal oddities are equal values.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub enum Oddity {
    /// A stretch of a capture file that could not be read.
    Damage {
        /// Index of the input.
        input: u16,
        /// Offset of its first byte in the file, decompressed.
        offset: u64,
        /// Its content, as an error would name it.
        found: String,
        /// The content that would have been sound.
        expected: String,
        /// Bytes of it.
        skipped: u64,
    },
    /// A compressed input that is damaged or cut off.
    DamagedStream {
        /// Index of the input.
        input: u16,
        /// The words of its decoder.
        error: String,
    },
    /// A file of a folder that should be a capture, and could not be opened as one.
    PassedOver {
        /// The file's name.
        name: String,
        /// Its content instead.
        found: String,
    },
    /// A frame without a usable time.
    BadTime {
        /// Index of the input.
        input: u16,
        /// The fault of the time.
        time: BadTime,
    },
    /// A link type that is not read.
    UnknownLink {
        /// Its number.
        link: u32,
    },
    /// A frame that was not captured whole; both figures in bytes.
    CutFrame {
        /// Captured.
        held: u64,
        /// On the wire.
        wire: u64,
    },
    /// An IP packet whose length goes beyond what is around it.
    CutPacket {
        /// By how many bytes.
        beyond: u64,
        /// Set if a tunnel is around the packet; else it stands in the frame itself.
        tunnelled: bool,
    },
    /// Headers that cannot be used.
    BadHeader {
        /// The words of the parser that refused them.
        reason: Said,
    },
    /// A fragment that no datagram can have.
    BadFragment {
        /// Its bytes.
        len: u64,
        /// Its place in the datagram.
        offset: u64,
    },
    /// A fragment that contradicts an earlier one.
    FragmentConflict {
        /// Its place in the datagram.
        offset: u64,
    },
    /// Fragments that cannot be shown to belong together.
    Mismatched {
        /// Nanoseconds between them, where no checksum can be tested; `None` where it does not match.
        untested_ns: Option<u64>,
    },
    /// A datagram of which fragments are missing.
    Incomplete {
        /// Captured bytes.
        covered: u64,
        /// Bytes in all, where known.
        total: Option<u64>,
    },
    /// A frame that the capture marks as damaged.
    DamagedFrame {
        /// Set if a checksum of the frame's content matches; `None` where none can be tested.
        matches: Option<bool>,
    },
    /// A frame with an IPv4 header whose checksum is wrong, where those of others are right.
    DamagedHeader {
        /// Set if a checksum of the frame's content matches; `None` where none can be tested.
        matches: Option<bool>,
    },
    /// A packet whose checksum or length is wrong, where nearly all others of its interface are right.
    DamagedPacket,
    /// A wrong TCP or UDP checksum.
    BadChecksum {
        /// The checksum in the packet.
        checksum: u16,
    },
    /// A wrong checksum of a packet that would have been held against its sender; those around it are right.
    Acquitted,
    /// A datagram that reads as a uTP packet and as a tunnel.
    AmbiguousTunnel {
        /// The tunnel's protocol.
        tunnel: String,
    },
    /// A packet that the captures hold twice.
    DoubleFrame {
        /// The first copy.
        first: FrameId,
        /// The second copy.
        again: FrameId,
    },
    /// A datagram that the captures hold twice.
    DoubleDatagram,
    /// A step of the clock.
    ClockStep {
        /// From the frame before to this one, in nanoseconds.
        ns: i64,
    },
    /// A stretch of a stream that the capture does not hold.
    Gap {
        /// Its first byte in the stream.
        offset: u64,
        /// Its size.
        lost: Lost,
        /// The known cause of the gap.
        cause: GapKind,
    },
    /// Bytes that came after their place was given up.
    Late {
        /// Their place in the stream.
        offset: u64,
        /// Bytes.
        len: u64,
    },
    /// Bytes that were sent again, and could not be compared.
    Uncompared {
        /// Their place in the stream; where it is not `placed`, they stand somewhere before their end.
        offset: u64,
        /// Bytes.
        len: u64,
        /// Set if the place of the bytes is known.
        placed: bool,
        /// Set if the snap length cut the bytes; else they came too late.
        cut: bool,
    },
    /// Bytes that were sent again after their connection had ended.
    RepeatedAfterEnd {
        /// Bytes.
        len: u64,
    },
    /// A packet far from its place in the stream.
    OutOfWindow {
        /// Its bytes.
        len: u64,
    },
    /// A packet in doubt that was left out: all of its bytes came in packets without doubt.
    Superseded {
        /// Its bytes.
        len: u64,
    },
    /// Bytes that were sent again with other content.
    OtherContent {
        /// Their place in the stream.
        offset: u64,
        /// Bytes.
        len: u64,
    },
    /// Two versions of bytes, one of which is the torrent's.
    RightVersion {
        /// The unit.
        unit: Unit,
        /// Set for the second of the two; else it is the first.
        second: bool,
    },
    /// Framing that was lost and found again.
    Resynchronised {
        /// Bytes skipped.
        skipped: u64,
    },
    /// Bytes at the end of a direction that belong to no message.
    Unframed {
        /// Bytes.
        skipped: u64,
    },
    /// Bytes that look like blocks in a stream that nothing shows to be BitTorrent.
    UnshownBlocks {
        /// Bytes.
        bytes: u64,
    },
    /// A message that was not understood.
    Message {
        /// Its id.
        id: u8,
        /// Bytes of its body.
        len: u32,
        /// Why.
        reason: UnknownReason,
    },
    /// An extension message (BEP 10) that cannot be read.
    Extension {
        /// Its name in the peer's table.
        name: String,
        /// The words of its parser.
        error: String,
        /// Bytes of its body.
        len: u64,
    },
    /// A block outside its torrent.
    BlockOutside {
        /// Why it has no place there.
        place: Misplaced,
        /// Captured bytes of it.
        captured: u64,
    },
    /// A block of an unknown torrent that no piece is long enough for.
    BlockTooLong {
        /// Its piece.
        piece: u32,
        /// Its place in the piece.
        begin: u32,
        /// Its bytes.
        len: u32,
        /// Captured bytes of it.
        captured: u64,
    },
    /// A block in a stream of which nothing confirms that it is the peer wire.
    UnconfirmedBlock {
        /// Its piece.
        piece: u32,
        /// Its bytes.
        len: u32,
    },
    /// Messages of a stream of which nothing confirms that it is the peer wire.
    UnconfirmedMessages {
        /// Requests.
        requests: u64,
        /// Extension messages.
        extended: u64,
    },
    /// Padding that is not zero.
    Padding {
        /// Bytes of it that are not zero.
        bytes: u64,
    },
    /// A piece of metadata that differs from the info dictionary.
    WrongMetadata {
        /// Its index.
        piece: u32,
    },
    /// Whole info dictionaries with another info-hash.
    MetadataMismatch {
        /// So many.
        count: u64,
    },
    /// Pieces of metadata that no dictionary has.
    BadMetadata {
        /// So many.
        count: u64,
    },
    /// A `hashes` message (BEP 52) that does not prove itself.
    WrongHashes(ProofError),
    /// HTTP of a webseed that could not be read.
    Web {
        /// Why.
        flaw: Flaw,
        /// Bytes.
        bytes: u64,
    },
    /// Bytes of a URL that no torrent lists, of which no piece is proven.
    UnshownWebseed {
        /// Bytes.
        bytes: u64,
    },
    /// A message of a tracker, the DHT or local service discovery that cannot be read.
    Mention {
        /// Why.
        fault: MentionFault,
        /// Entries.
        entries: u64,
    },
    /// The peer wire behind something else.
    Proxied {
        /// The relay.
        relay: Relay,
        /// Bytes of both directions.
        bytes: u64,
    },
    /// A secret that does not decrypt its connection.
    WrongSecret {
        /// Its line in the file of secrets.
        line: u64,
        /// The part that did not fit, in the words of the decoder.
        basis: String,
    },
    /// A secret that fits no connection.
    UnusedSecret {
        /// Its line in the file of secrets.
        line: u64,
    },
    /// Two contents of one unit with the same SHA-1.
    Collision {
        /// The unit.
        unit: Unit,
        /// Their SHA-256.
        sha256: Box<[[u8; 32]; 2]>,
    },
    /// Verified bytes with the marks of a SHA-1 collision attack.
    CollisionAttack {
        /// Their SHA-256.
        sha256: Box<[u8; 32]>,
    },
    /// Bytes that match one half of a hybrid torrent alone.
    HalfMatch {
        /// The unit.
        unit: Unit,
        /// Set if the bytes match the v1 half; else they match the v2 half.
        v1: bool,
    },
    /// One connection on both sides of an address translation.
    SameConnection(Box<SameConnection>),
    /// One connection in several capture sets: what it sent in a direction counts once.
    SeenTwice {
        /// Its transport.
        transport: Transport,
        /// Its packets in one set and in the other.
        spans: [Span; 2],
    },
    /// A declared port at which another client was seen.
    DeclaredPort {
        /// The port.
        port: u16,
    },
    /// Two handshakes of a connection for different info-hashes.
    InfoHashMismatch,
    /// A connection of several paths (RFC 8684), of which one is read.
    Multipath,
    /// A torrent that was not given.
    NotGiven {
        /// Its info-hash.
        info_hash: InfoHash,
    },
    /// Blocks without a handshake that are of no torrent that was given.
    NoTorrent {
        /// Set if several given torrents have the pieces that the bytes match; else none has.
        ambiguous: bool,
    },
    /// Packets that looked like uTP, and were let go.
    PossibleUtp {
        /// So many.
        packets: u64,
    },
    /// A bound that was reached.
    Reached(Bound),
}

impl Oddity {
    /// The name of the bound that was reached, if one was.
    pub fn bound(&self) -> Option<&'static str> {
        match self {
            Self::Reached(bound) => Some(bound.name()),
            _ => None,
        }
    }

    /// Met in no frame in particular.
    pub fn seen(self) -> Occurrence {
        self.within(None)
    }

    /// Met in one frame.
    pub fn at(self, at: At) -> Occurrence {
        self.within(Some(Span::single(at)))
    }

    /// Met in some frames.
    pub fn within(self, span: impl Into<Option<Span>>) -> Occurrence {
        Occurrence { oddity: self, span: span.into(), parties: Parties::Nobody, connection: None }
    }
}

impl From<Bound> for Oddity {
    fn from(bound: Bound) -> Self {
        Self::Reached(bound)
    }
}
