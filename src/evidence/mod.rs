//! Everything that the captures prove: per transfer, per subject, per torrent. Sorted, and identical for any
//! number of threads, window size or argument order.

mod apart;
mod build;
mod bytes;
mod columns;
mod course;
mod credit;
mod ladder;
mod mentions;
mod metadata;
mod parties;
mod pieces;
mod ports;
mod private;
mod rows;
mod same;
mod timeline;

use crate::anomaly::Anomalies;
pub use crate::capture::{InputFacts, Interface, LinkType, PassedOver};
pub use crate::facts::Reason;
pub use crate::hearsay::{NameSource, Standing, Via};
pub use crate::judge::{Burst, SessionTimes, Times};
pub use crate::judge::{Class, Ground};
pub use crate::limits::{MAP_ROWS, PIECE_RUNS, TIMELINES};
pub use crate::session::Encryption;
pub(crate) use crate::spine::encrypted;
pub use crate::spine::{ClockPause, ClockQuality, ClockSteps, TapClocks};
pub use crate::spine::{Coverage, Hiding, Host, Seen, UnrecognisedFlow};
pub use crate::spine::{Opaque, OpaqueKind, Quality, UnreadProtocol};
use crate::torrent::Torrents;
use crate::words::words;
pub(crate) use build::build;
pub use bytes::{Bytes, Figure, Place};
pub use course::{Course, VerifiedPiece};
pub(crate) use pieces::pieces;
pub use pieces::{InputRun, Piece, Pieces};
pub(crate) use private::is_private;
pub use rows::{
    Edge, File, FileBytes, HostName, Map, MapRow, Mention, Metadata, PieceRange, PieceState, Rung, Standard,
    Subject, SubjectFile, Summed, Swarm, Torrent, Transfer, Units, Unlisted, UnlistedTorrent,
};

pub use timeline::{Bin, Timeline};

/// Everything that a run proves. Its rows are those of the report.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// The captures that were read, in the order of [`FrameId::file`](crate::ends::FrameId::file).
    pub captures: Vec<InputFacts>,
    /// Files in directories of captures that are none, sorted by name.
    pub passed_over: Vec<PassedOver>,
    /// The torrents that were verified against: those given, with the metadata found in the captures.
    pub known: Torrents,
    /// The torrents of the run, sorted by info-hash: those given, and those only named by handshakes.
    pub torrents: Vec<Torrent>,
    /// Directed edges, sorted by uploader, downloader, transport, info-hash, first time.
    pub transfers: Vec<Transfer>,
    /// Subjects, sorted by endpoint, transport, info-hash, first time.
    pub subjects: Vec<Subject>,
    /// Who named whom, and for which torrent, sorted. Hearsay: it changes no figure and no grade.
    pub mentions: Vec<Mention>,
    /// Names that the captures give for addresses, sorted by address.
    pub names: Vec<(std::net::IpAddr, HostName)>,
    /// Counts of whole swarms, sorted by torrent. Hearsay, too.
    pub swarms: Vec<Swarm>,
    /// Encrypted conversations that could not be read, sorted by endpoints and first frame.
    pub opaque: Vec<Opaque>,
    /// Connections for which there were no rows left; `None` when all have theirs.
    pub unlisted: Option<Unlisted>,
    /// Transfers with piece data for which there were no rows left; `None` when all have theirs.
    pub summed: Option<Summed>,
    /// Oddities of the captures.
    pub anomalies: Anomalies,
    /// Quality of the captures.
    pub quality: Quality,
    /// How each of `transfers` went, in their order.
    pub courses: Vec<Course>,
    /// Stretches in which the captures can have seen each address.
    pub coverage: Coverage,
    /// Contributions of each unit to the figures of `transfers`, sorted by transfer and unit, where
    /// [`Options::pieces`](crate::Options::pieces) asked for it.
    pub pieces: Option<Pieces>,
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
    /// The claim that may be made of a subject at this grade, as a short phrase.
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
        /// The row rests on a declared listen port and holds connections with different peer_ids.
        DeclaredPort = "declared-port",
        /// Readable only with a supplied secret.
        DecryptedWithSecret = "decrypted-with-secret",
        /// Frames of its connections are in the capture more than once.
        DuplicateFrames = "duplicate-frames",
        /// Bytes are missing from the capture within what it sent.
        GapInRange = "gap-in-range",
        /// No handshake of the connection is in the capture.
        HandshakeNotCaptured = "handshake-not-captured",
        /// The two handshakes of a connection name different torrents: nothing above G2 rests on it.
        InfoHashMismatch = "info-hash-mismatch",
        /// Only one side's handshake or direction is in the capture.
        OneSided = "one-sided",
        /// A stretch was sent twice with different bytes.
        OverlapConflict = "overlap-conflict",
        /// Its payload is padding or of one byte value only.
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

words! {
    /// On what the port of a subject rests.
    pub enum PortBasis {
        /// The port of the packets.
        Observed = "observed",
        /// The peer declared it on that connection (BEP 10 `p`), and no other client was seen there.
        Declared = "declared",
    }
}

#[cfg(test)]
mod tests;
