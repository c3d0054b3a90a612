//! Everything that the captures prove: per transfer, per subject, per torrent. Sorted, and identical for any
//! number of threads, window size or argument order.

mod build;
mod coverage;
mod credit;
mod ladder;
mod mentions;
mod metadata;
mod parties;
mod ports;
mod same;

use std::collections::{BTreeMap, BTreeSet};

use crate::anomaly::Anomalies;
use crate::capture::{InputFacts, PassedOver};
use crate::hearsay::{Mention, Named};
pub use crate::ledger::{Burst, SessionTimes, Times};
use crate::packet::Endpoint;
use crate::provenance::{At, Sightings, Span};
pub use crate::session::{Carrier, Encryption};
use crate::torrent::{TorrentId, Torrents};
use crate::words::words;
pub(crate) use build::{Findings, build, is_private};
pub use coverage::{Coverage, Host, Seen, UnrecognisedFlow};
pub use metadata::MetadataPart;
pub(crate) use same::SameConnection;

/// Everything that a run proves, in the order of the report.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// The captures that were read, in the order of [`FrameId::file`](crate::provenance::FrameId::file).
    pub captures: Vec<InputFacts>,
    /// Files in directories of captures that are none, sorted by name.
    pub passed_over: Vec<PassedOver>,
    /// The torrents that were verified against: those given, with the metadata found in the captures.
    pub known: Torrents,
    /// The torrents of the run, sorted by info-hash: those given, and those only named by handshakes.
    pub torrents: Vec<TorrentEvidence>,
    /// Directed edges, sorted by uploader, downloader, transport, info-hash, first time.
    pub transfers: Vec<Transfer>,
    /// Subjects, sorted by endpoint, transport, info-hash, first time.
    pub subjects: Vec<Subject>,
    /// Who named whom, and for which torrent, sorted. Hearsay: it changes no figure and no grade.
    pub mentions: Vec<(Named, Option<InfoHash>, Mention)>,
    /// Encrypted conversations that could not be read, sorted by endpoints and first frame.
    pub opaque: Vec<Opaque>,
    /// Connections for which there were no rows left; `None` when all have theirs.
    pub unlisted: Option<Unlisted>,
    /// What was odd.
    pub anomalies: Anomalies,
    /// What the capture is worth.
    pub quality: Quality,
    /// What the captures can have seen of each address.
    pub coverage: Coverage,
}

/// The info-hash under which the report speaks of a torrent: lower-case hex of 20 bytes (v1 and hybrid; also a
/// truncated v2 hash of a torrent that was not given) or 32 bytes (v2).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InfoHash(pub Vec<u8>);

impl std::fmt::Display for InfoHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Payload bytes by class (evidence.md, section 1).
///
/// # Invariants
/// - The identity: `served == pad + repeated + verified + refuted + disputed + unproven`.
/// - `sole <= verified`, `acknowledged <= served`, `solicited <= served`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bytes {
    /// Payload bytes of `piece` messages that the capture holds.
    pub served: u64,
    /// Payload bytes that the framing proves were sent but that the capture does not hold.
    pub lost: u64,
    /// Already carried by the same transfer at the same place with the same content.
    pub repeated: u64,
    /// Shown to be the torrent's own bytes.
    pub verified: u64,
    /// The part of `verified` in units that came from one subject entirely.
    pub sole: u64,
    /// Shown to differ from the torrent's bytes.
    pub refuted: u64,
    /// In failed units of several subjects, with nothing that tells whose bytes were bad.
    pub disputed: u64,
    /// In units that nothing decides.
    pub unproven: u64,
    /// In padding.
    pub pad: u64,
    /// Confirmed by the downloader's own acknowledgements.
    pub acknowledged: u64,
    /// Answering a request seen before.
    pub solicited: u64,
}

impl Bytes {
    /// Adds each figure of `other`.
    pub fn add(&mut self, other: &Self) {
        self.served += other.served;
        self.lost += other.lost;
        self.repeated += other.repeated;
        self.verified += other.verified;
        self.sole += other.sole;
        self.refuted += other.refuted;
        self.disputed += other.disputed;
        self.unproven += other.unproven;
        self.pad += other.pad;
        self.acknowledged += other.acknowledged;
        self.solicited += other.solicited;
    }

    /// Whether the identity of evidence.md holds.
    pub fn balanced(&self) -> bool {
        self.served == self.pad + self.repeated + self.verified + self.refuted + self.disputed + self.unproven
            && self.sole <= self.verified
            && self.acknowledged <= self.served
            && self.solicited <= self.served
    }
}

words! {
    /// The ladder of evidence.md, section 2. `GX` stands beside it: see [`Bytes::refuted`].
    pub enum Grade {
        /// The packets of no rung are all in the capture.
        None = "none",
        /// Something answered at this address and port.
        G2 = "G2",
        /// It completed a BitTorrent handshake for this info-hash.
        G3 = "G3",
        /// It sent the torrent's info dictionary (a side branch: never promotes).
        G3m = "G3m",
        /// It claimed to have pieces.
        G4 = "G4",
        /// It agreed to send.
        G5 = "G5",
        /// It sent payload bytes labelled as a piece.
        G6 = "G6",
        /// Its bytes are exactly the torrent's at that place.
        G7 = "G7",
        /// It alone sent a whole unit, and the unit matches.
        G8 = "G8",
        /// Every byte of a file.
        G9 = "G9",
        /// It sent bytes that do not match. Not on the ladder.
        GX = "GX",
    }
}

impl Grade {
    /// What may be said of a subject at this grade, as a short phrase.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::None => "no rung is whole in the capture",
            Self::G2 => "reachable",
            Self::G3 => "in the swarm",
            Self::G3m => "metadata served",
            Self::G4 => "advertised",
            Self::G5 => "offered",
            Self::G6 => "served, unverified",
            Self::G7 => "verified as a part",
            Self::G8 => "served a verified unit alone",
            Self::G9 => "whole file",
            Self::GX => "refuted",
        }
    }
}

words! {
    /// A property of the evidence that never raises a grade (evidence.md, section 2); in the order of their words.
    #[non_exhaustive]
    pub enum Flag {
        /// A wrong checksum within what it sent.
        BadChecksum = "bad-checksum",
        /// The downloader had uploaded the same piece to it before.
        Boomerang = "boomerang",
        /// The capture's clock stepped while it was active.
        ClockStep = "clock-step",
        /// Readable only with a supplied secret.
        DecryptedWithSecret = "decrypted-with-secret",
        /// Frames of its connections are in the capture more than once.
        DuplicateFrames = "duplicate-frames",
        /// Bytes are missing from the capture within what it sent.
        GapInRange = "gap-in-range",
        /// No handshake of the connection is in the capture.
        HandshakeNotCaptured = "handshake-not-captured",
        /// Only one side's handshake or direction is in the capture.
        OneSided = "one-sided",
        /// The same stretch was sent twice with different bytes.
        OverlapConflict = "overlap-conflict",
        /// What it sent is padding or of one byte value only.
        PadOrTrivial = "pad-or-trivial",
        /// The address is private: no claim about a public one.
        PrivateAddress = "private-address",
        /// Framing was lost and found again within what it sent.
        Resynchronised = "resynchronised",
        /// No packet shows that the subject received anything.
        ReturnPathUnconfirmed = "return-path-unconfirmed",
        /// The snap length cut what it sent.
        TruncatedSnaplen = "truncated-snaplen",
        /// A piece was sent that nobody asked for in a gap-free capture.
        Unsolicited = "unsolicited",
    }
}

/// What was verified of one piece in one transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifiedPiece {
    /// The piece.
    pub piece: u32,
    /// Verified bytes of it.
    pub bytes: u64,
    /// The frames of the verified units.
    pub span: Span,
    /// The frames of the first unit of it that came from this transfer alone.
    pub sole: Option<Span>,
    /// Of such a unit: the frames of advertisement, request and payload, where they came in that order.
    pub standard: Option<Standard>,
}

words! {
    /// Which end opened the connection.
    pub enum Initiator {
        /// The end that served.
        Uploader = "uploader",
        /// The end that received.
        Downloader = "downloader",
        /// Several connections, opened from both ends.
        Both = "both",
    }
}

/// One step of the ladder that was reached, with the frames that show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rung {
    /// Which step.
    pub grade: Grade,
    /// The frames that first show it.
    pub span: Span,
    /// Of [`Grade::G9`]: which file of the torrent is complete.
    pub file: Option<usize>,
}

/// The first unit that meets the standard: advertised, requested, then served alone and verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standard {
    /// The piece.
    pub piece: u32,
    /// The leaf of the piece, where leaves are the unit (v2).
    pub leaf: Option<u32>,
    /// The frames in which the uploader advertised it.
    pub advertised: Span,
    /// The frames in which it was requested.
    pub requested: Span,
    /// The frames in which it was served.
    pub served: Span,
}

/// Everything that one endpoint sent to another for one torrent over one transport.
#[derive(Clone, Debug)]
pub struct Transfer {
    /// Who sent, as observed.
    pub uploader: Endpoint,
    /// Who received, as observed.
    pub downloader: Endpoint,
    /// How.
    pub carrier: Carrier,
    /// The torrent; `None` where it is unknown.
    pub info_hash: Option<InfoHash>,
    /// Connections that carried it; at least 1.
    pub connections: u32,
    /// Who opened them; `None` where no opening is in the capture.
    pub initiator: Option<Initiator>,
    /// What protected them.
    pub encryption: Encryption,
    /// The peer_ids that the uploader used.
    pub uploader_peer_ids: BTreeSet<[u8; 20]>,
    /// The clients that the uploader named or that its peer_ids stand for.
    pub uploader_clients: BTreeSet<String>,
    /// The highest rung.
    pub grade: Grade,
    /// The first unit that meets the standard, when one does.
    pub standard: Option<Standard>,
    /// Properties.
    pub flags: BTreeSet<Flag>,
    /// `piece` messages whose whole body is in the capture.
    pub piece_messages: u64,
    /// `piece` messages of which bytes are missing from the capture.
    pub partial_messages: u64,
    /// The figures.
    pub bytes: Bytes,
    /// Pieces with a verified byte of this transfer.
    pub pieces_verified: u64,
    /// Pieces that this subject sent whole, and that match.
    pub pieces_sole: u64,
    /// Pieces with a refuted byte of this transfer.
    pub pieces_refuted: u64,
    /// Pieces that the uploader claimed to have.
    pub pieces_advertised: u64,
    /// The first and last packet of the connections.
    pub span: Span,
    /// The frames of served payload, when there is any.
    pub served_span: Option<Span>,
    /// The inputs that hold packets of its connections, with the first and the last frame in each.
    pub seen: Sightings,
    /// Its connections, as far as they are listed one by one.
    pub sessions: Vec<SessionTimes>,
    /// Its payload by time.
    pub times: Times,
    /// Its verified pieces, by number.
    pub verified_pieces: Vec<VerifiedPiece>,
    /// The port that the uploader declared (BEP 10 `p`).
    pub declared_port: Option<u16>,
    /// Verified bytes per file, for files with any; indices into the torrent's files.
    pub files: Vec<(usize, u64)>,
    /// The rungs reached, in order of the ladder.
    pub rungs: Vec<Rung>,
    /// Why the next rung was not reached; `None` at the top.
    pub next_rung: Option<String>,
    /// The tunnels crossed, outermost first, as plain text; empty for none, `(no tunnel)` among others where some
    /// packets crossed none.
    pub paths: BTreeSet<String>,
    /// Blocks sent although their request was cancelled before; not solicited.
    pub cancelled_messages: u64,
    /// Blocks that nobody asked for, in a capture without gaps.
    pub unsolicited_messages: u64,
    /// Extension messages (BEP 10) of the uploader by name; `unknown` where the other side's ids were not captured.
    pub extension_messages: BTreeMap<String, u64>,
    /// What the uploader sent of the torrent's info dictionary; a part of it is no rung.
    pub metadata: Option<MetadataPart>,
    /// Edges (from, to) that carry bytes of this one once more, on the other side of an address translation.
    pub same_connection_as: BTreeSet<(Endpoint, Endpoint)>,
}

words! {
    /// On what the port of a subject rests.
    pub enum PortBasis {
        /// The port of the packets.
        Observed = "observed",
        /// The peer declared it on that connection (BEP 10 `p`), and no other client was seen there.
        Declared = "declared",
    }
}

/// One (IP, port, transport, torrent, time window).
#[derive(Clone, Debug)]
pub struct Subject {
    /// The address, and the listen port if the peer declared it and nothing speaks against that, else the observed
    /// port.
    pub endpoint: Endpoint,
    /// How it spoke.
    pub carrier: Carrier,
    /// The torrent; `None` where it is unknown.
    pub info_hash: Option<InfoHash>,
    /// On what the port rests.
    pub port_basis: PortBasis,
    /// The ports that its packets came from.
    pub sent_from: BTreeSet<u16>,
    /// The port that it accepts connections on, where known: seen accepting one, or else declared, unless another
    /// client was seen at the declared one.
    pub listen_port: Option<u16>,
    /// The peer_ids that it used.
    pub peer_ids: BTreeSet<[u8; 20]>,
    /// Its clients, as named or as its peer_ids stand for.
    pub clients: BTreeSet<String>,
    /// The highest rung.
    pub grade: Grade,
    /// The first unit that meets the standard, when one does.
    pub standard: Option<Standard>,
    /// Properties.
    pub flags: BTreeSet<Flag>,
    /// The figures of everything that it sent.
    pub bytes: Bytes,
    /// Payload bytes that the capture shows sent to it (not a claim that they arrived).
    pub received: u64,
    /// Pieces with a verified byte of this subject.
    pub pieces_verified: u64,
    /// Pieces that it sent whole, and that match.
    pub pieces_sole: u64,
    /// Pieces with a refuted byte of this subject.
    pub pieces_refuted: u64,
    /// Pieces that it claimed to have.
    pub pieces_advertised: u64,
    /// The first and last packet.
    pub span: Span,
    /// The frames of served payload, when there is any.
    pub served_span: Option<Span>,
    /// The inputs that hold packets of its connections, with the first and the last frame in each.
    pub seen: Sightings,
    /// The rungs reached, in order of the ladder.
    pub rungs: Vec<Rung>,
    /// Why the next rung was not reached; `None` at the top.
    pub next_rung: Option<String>,
}

/// A torrent of the run, and the sums over it.
#[derive(Clone, Debug)]
pub struct TorrentEvidence {
    /// Under which hash the report speaks of it.
    pub info_hash: InfoHash,
    /// Which of the [`Torrents`] of the run; `None` when it was only named.
    pub torrent: Option<TorrentId>,
    /// The figures of all its transfers.
    pub bytes: Bytes,
    /// Bytes of the torrent that were verified at least once, each counted once.
    pub unique: u64,
    /// Pieces verified whole at least once.
    pub pieces_verified: u64,
}

/// Connections with a handshake but no piece data beyond [`Limits::rows`](crate::Limits::rows): in no transfer and no
/// subject, so that nothing but this is said of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unlisted {
    /// How many; at least 1.
    pub connections: u64,
    /// Different endpoints on either end of them.
    pub endpoints: u64,
    /// Whether there were more endpoints than `endpoints`.
    pub more_endpoints: bool,
    /// Payload bytes in them on the wire, those sent again included; none of it piece data.
    pub bytes: u64,
    /// The first and last packet.
    pub span: Span,
    /// How many there were of each torrent, for a bounded number of torrents; `None` where it is unknown.
    pub torrents: Vec<(Option<InfoHash>, u64)>,
    /// Connections of further torrents.
    pub other_torrents: u64,
}

words! {
    /// What an [`Opaque`] conversation is taken for.
    pub enum OpaqueKind {
        /// Message Stream Encryption with RC4, without its secret.
        MseRc4 = "mse-rc4",
    }
}

/// A conversation whose content cannot be read.
#[derive(Clone, Debug)]
pub struct Opaque {
    /// The lesser endpoint.
    pub a: Endpoint,
    /// The greater endpoint.
    pub b: Endpoint,
    /// How.
    pub carrier: Carrier,
    /// What it is taken for.
    pub kind: OpaqueKind,
    /// On what that rests, in plain words.
    pub basis: String,
    /// Opaque payload bytes from `a` to `b`.
    pub a_to_b: u64,
    /// Opaque payload bytes from `b` to `a`.
    pub b_to_a: u64,
    /// Its frames.
    pub span: Span,
}

/// What the capture is worth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quality {
    /// Frames read.
    pub frames: u64,
    /// Frames without an IP header that this tool reads.
    pub not_ip: u64,
    /// TCP connections.
    pub tcp_flows: u64,
    /// uTP connections.
    pub utp_flows: u64,
    /// UDP flows of any kind.
    pub udp_flows: u64,
    /// Stretches of streams that are not in the capture, in connections that carry BitTorrent.
    pub gaps: u64,
    /// Bytes in those, where the number is known.
    pub gap_bytes: u64,
    /// Packets with a wrong checksum; `None` when they were not tested.
    pub bad_checksums: Option<u64>,
    /// Backward or implausible steps of the clock.
    pub clock_steps: u64,
    /// Packets with payload that were seen again in another capture, and count once.
    pub seen_at_two_taps: u64,
    /// The first and last packet of the whole run.
    pub span: Option<(At, At)>,
}

#[cfg(test)]
mod tests {
    use super::Flag;

    #[test]
    fn flags_stand_in_the_order_of_their_words() {
        assert!(Flag::ALL.is_sorted_by_key(|flag| flag.name()) && Flag::ALL.is_sorted());
    }
}
