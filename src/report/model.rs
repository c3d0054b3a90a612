//! The contract of `report.json` as texts and numbers, for views that print values as the report writes them, and need them.

#![allow(missing_docs, dead_code)] // The fields are those of the report; each view reads some.

mod made;

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::ends::{Frames, Transport};
use crate::evidence::{
    ClockQuality, Encryption, Flag, Grade, Initiator, OpaqueKind, PieceState, PortBasis, Standing, Timeline, Via,
};
use crate::hosts::{Host, List};
use crate::report::choice::Shown;
pub(crate) use crate::report::document::{Anomaly, Interface, Options, PassedOver, Tool};
use crate::report::document::{IsCapture, IsTorrent};
use crate::report::running::Running;
use crate::torrent::Source;

/// The whole report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Document {
    pub(crate) schema: crate::report::document::Schema,
    pub(crate) tool: Tool,
    pub(crate) options: Options,
    /// The captures, in the order that [`Frames::file`] counts, then the torrents.
    pub(crate) inputs: Vec<Input>,
    pub(crate) passed_over: Vec<PassedOver>,
    pub(crate) torrents: Vec<Torrent>,
    pub(crate) transfers: Vec<Transfer>,
    pub(crate) subjects: Vec<Subject>,
    pub(crate) mentions: Vec<Mention>,
    pub(crate) swarms: Vec<Swarm>,
    pub(crate) opaque: Vec<Opaque>,
    pub(crate) hosts: Vec<Host>,
    pub(crate) lists: Vec<List>,
    pub(crate) anomalies: Vec<Anomaly>,
    pub(crate) quality: Quality,
    pub(crate) notes: Vec<String>,
    pub(crate) unlisted: Option<Unlisted>,
    pub(crate) pieces: Option<Vec<crate::evidence::Piece>>,
    /// The choice that is shown of the report; left out where all of it is.
    pub(crate) shown: Option<Shown>,
    /// Info-hashes of the torrents that the captures name instead of those that were given; else empty.
    pub(crate) instead: Vec<String>,
    /// A remedy for that, to stand behind a colon.
    pub(crate) remedy: &'static str,
    /// When the captures ran.
    pub(crate) running: Running,
    /// Flows and datagrams that could be BitTorrent's, and could not be read: [`Walked::hidden`](crate::report::unread::Walked::hidden).
    pub(crate) hidden: u64,
}

/// An input: a capture, or a torrent file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub(crate) enum Input {
    /// A capture.
    Capture {
        name: String,
        kind: IsCapture,
        format: String,
        bytes: u64,
        sha256: Option<String>,
        #[serde(default)]
        sha256_stated: bool,
        frames: u64,
        first_time: Option<String>,
        last_time: Option<String>,
        interfaces: Vec<Interface>,
        damage: Option<String>,
        dropped_by_capture: Option<u64>,
        #[serde(default)]
        unused_blocks: BTreeMap<String, u64>,
    },
    /// A torrent file.
    Torrent { name: String, kind: IsTorrent, bytes: u64, sha256: String },
}

impl Input {
    /// The file name, not escaped.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Capture { name, .. } | Self::Torrent { name, .. } => name,
        }
    }
}

/// Two endpoints, in the direction of an edge.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Edge {
    /// Who sent.
    pub(crate) uploader: String,
    /// Who received.
    pub(crate) downloader: String,
}

/// Verified bytes in one file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct FileBytes {
    pub(crate) path: String,
    pub(crate) verified_bytes: u64,
}

/// The byte classes, as in [`Bytes`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct Figures {
    pub(crate) served_bytes: u64,
    pub(crate) lost_bytes: u64,
    pub(crate) repeated_bytes: u64,
    pub(crate) verified_bytes: u64,
    pub(crate) sole_bytes: u64,
    pub(crate) refuted_bytes: u64,
    pub(crate) disputed_bytes: u64,
    pub(crate) unproven_bytes: u64,
    pub(crate) pad_bytes: u64,
    pub(crate) acknowledged_bytes: u64,
    pub(crate) solicited_bytes: u64,
}

impl Figures {
    pub(crate) fn add(&mut self, other: &Self) {
        self.served_bytes += other.served_bytes;
        self.lost_bytes += other.lost_bytes;
        self.repeated_bytes += other.repeated_bytes;
        self.verified_bytes += other.verified_bytes;
        self.sole_bytes += other.sole_bytes;
        self.refuted_bytes += other.refuted_bytes;
        self.disputed_bytes += other.disputed_bytes;
        self.unproven_bytes += other.unproven_bytes;
        self.pad_bytes += other.pad_bytes;
        self.acknowledged_bytes += other.acknowledged_bytes;
        self.solicited_bytes += other.solicited_bytes;
    }
}

/// A directed edge.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Transfer {
    pub(crate) uploader: String,
    pub(crate) downloader: String,
    pub(crate) transport: Transport,
    pub(crate) info_hash: Option<String>,
    pub(crate) connections: u32,
    pub(crate) initiator: Option<Initiator>,
    pub(crate) encryption: Encryption,
    pub(crate) uploader_peer_ids: Vec<String>,
    pub(crate) uploader_clients: Vec<String>,
    pub(crate) grade: Grade,
    pub(crate) actionable: bool,
    pub(crate) flags: Vec<Flag>,
    pub(crate) piece_messages: u64,
    pub(crate) partial_messages: u64,
    #[serde(flatten)]
    pub(crate) bytes: Figures,
    pub(crate) pieces_verified: u64,
    pub(crate) pieces_sole: u64,
    pub(crate) pieces_refuted: u64,
    pub(crate) pieces_advertised: u64,
    pub(crate) first_time: String,
    pub(crate) last_time: String,
    pub(crate) files: Vec<FileBytes>,
    pub(crate) rungs: Vec<Rung>,
    pub(crate) next_rung: Option<String>,
    pub(crate) standard: Option<Standard>,
    pub(crate) frames: Frames,
    pub(crate) served_frames: Option<Frames>,
    pub(crate) paths: Vec<String>,
    pub(crate) cancelled_messages: u64,
    pub(crate) unsolicited_messages: u64,
    pub(crate) extension_messages: BTreeMap<String, u64>,
    #[serde(default)]
    pub(crate) metadata: Option<Metadata>,
    /// Where its packets stand in several inputs: of each, the first and the last frame. Left out for one input, of
    /// which `frames` says it.
    #[serde(default)]
    pub(crate) seen_in: Vec<Frames>,
    /// The edges that carry the same bytes on the other side of an address translation: no figure may be added to
    /// theirs. Left out where there is none.
    #[serde(default)]
    pub(crate) same_connection_as: Vec<Edge>,
    /// Index of the sender in [`Document::subjects`].
    #[serde(default)]
    pub(crate) uploader_subject: Option<u64>,
    /// Index of the receiver there; `None` where nothing that it sent is known.
    #[serde(default)]
    pub(crate) downloader_subject: Option<u64>,
}

/// Pieces of the torrent's info dictionary that went over; all of them are the rung G3m.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Metadata {
    /// Index of each piece of 16 KiB.
    pub(crate) pieces: Vec<u32>,
    /// How many pieces there are.
    pub(crate) of: u64,
    /// The frames that carried them.
    pub(crate) frames: Frames,
}

/// An address and port, and what it did for one torrent over one transport.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Subject {
    pub(crate) endpoint: String,
    pub(crate) transport: Transport,
    pub(crate) info_hash: Option<String>,
    pub(crate) port_basis: PortBasis,
    /// The ports that its packets came from; left out where that is only the endpoint's own.
    #[serde(default)]
    pub(crate) sent_from: Vec<u16>,
    pub(crate) listen_port: Option<u16>,
    pub(crate) peer_ids: Vec<String>,
    pub(crate) clients: Vec<String>,
    pub(crate) grade: Grade,
    pub(crate) actionable: bool,
    pub(crate) flags: Vec<Flag>,
    pub(crate) served_bytes: u64,
    pub(crate) verified_bytes: u64,
    pub(crate) sole_bytes: u64,
    pub(crate) refuted_bytes: u64,
    pub(crate) disputed_bytes: u64,
    pub(crate) unproven_bytes: u64,
    pub(crate) repeated_bytes: u64,
    pub(crate) lost_bytes: u64,
    pub(crate) received_bytes: u64,
    pub(crate) first_time: String,
    pub(crate) last_time: String,
    pub(crate) rungs: Vec<Rung>,
    pub(crate) next_rung: Option<String>,
    pub(crate) pad_bytes: u64,
    pub(crate) acknowledged_bytes: u64,
    pub(crate) solicited_bytes: u64,
    pub(crate) pieces_verified: u64,
    pub(crate) pieces_sole: u64,
    pub(crate) pieces_refuted: u64,
    pub(crate) pieces_advertised: u64,
    pub(crate) standard: Option<Standard>,
    pub(crate) frames: Frames,
    pub(crate) served_frames: Option<Frames>,
    #[serde(default)]
    pub(crate) seen_in: Vec<Frames>,
    /// Files of the torrent with verified bytes of it; left out where there is none.
    #[serde(default)]
    pub(crate) files: Vec<SubjectFile>,
    /// The pieces behind `pieces_refuted`; left out where there is none.
    #[serde(default)]
    pub(crate) refuted_pieces: Vec<PieceRange>,
    /// When it served bytes; left out where it served none.
    #[serde(default)]
    pub(crate) timeline: Option<Timeline>,
}

impl Subject {
    pub(crate) fn figures(&self) -> Figures {
        Figures {
            served_bytes: self.served_bytes,
            lost_bytes: self.lost_bytes,
            repeated_bytes: self.repeated_bytes,
            verified_bytes: self.verified_bytes,
            sole_bytes: self.sole_bytes,
            refuted_bytes: self.refuted_bytes,
            disputed_bytes: self.disputed_bytes,
            unproven_bytes: self.unproven_bytes,
            pad_bytes: self.pad_bytes,
            acknowledged_bytes: self.acknowledged_bytes,
            solicited_bytes: self.solicited_bytes,
        }
    }

    /// Returns true if the subject's own packets show that it is in the swarm: G3 or higher, or piece data, or a claim
    /// to have pieces. Whoever was only called, or whose handshake nobody answered, is not.
    pub(crate) fn spoke(&self) -> bool {
        self.grade >= Grade::G3 || self.served_bytes > 0 || self.lost_bytes > 0 || self.pieces_advertised > 0
    }
}

/// A step of the ladder that was reached.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Rung {
    pub(crate) grade: Grade,
    pub(crate) time: String,
    pub(crate) frames: Frames,
    #[serde(default)]
    pub(crate) file: Option<String>,
    /// The time of the last of its frames, with which it is complete; left out where it is `time`.
    #[serde(default)]
    pub(crate) reached: Option<String>,
}

/// The first piece that was advertised, requested, then served alone and verified; in v2 a leaf of it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Standard {
    pub(crate) piece: u32,
    /// Left out where the piece is the unit.
    #[serde(default)]
    pub(crate) leaf: Option<u32>,
    pub(crate) advertised: Frames,
    pub(crate) requested: Frames,
    pub(crate) served: Frames,
    /// The hash of the unit, which its bytes match; left out where only a tree above it is known.
    #[serde(default)]
    pub(crate) sha1: Option<String>,
    #[serde(default)]
    pub(crate) sha256: Option<String>,
}

/// Hearsay: somebody named an address, or a packet from it announced itself.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Mention {
    pub(crate) subject: String,
    pub(crate) info_hash: Option<String>,
    pub(crate) by: String,
    pub(crate) via: Via,
    pub(crate) grade: Standing,
    pub(crate) flags: Vec<Flag>,
    pub(crate) count: u64,
    pub(crate) first_time: String,
    pub(crate) last_time: String,
    pub(crate) frames: Frames,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Swarm {
    pub(crate) info_hash: Option<String>,
    pub(crate) by: String,
    pub(crate) via: Via,
    pub(crate) seeders: Option<u64>,
    pub(crate) leechers: Option<u64>,
    pub(crate) downloads: Option<u64>,
    pub(crate) count: u64,
    pub(crate) frames: Frames,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Opaque {
    pub(crate) a: String,
    pub(crate) b: String,
    pub(crate) transport: Transport,
    pub(crate) kind: OpaqueKind,
    pub(crate) bytes_a_to_b: u64,
    pub(crate) bytes_b_to_a: u64,
    pub(crate) frames: Frames,
    pub(crate) basis: String,
    /// The torrent that its ends claim.
    #[serde(default)]
    pub(crate) info_hash: Option<String>,
}

/// Connections with a handshake but no piece data that are not listed one by one.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Unlisted {
    pub(crate) connections: u64,
    pub(crate) endpoints: u64,
    pub(crate) more_endpoints: bool,
    pub(crate) bytes: u64,
    pub(crate) first_time: String,
    pub(crate) last_time: String,
    pub(crate) frames: Frames,
    pub(crate) torrents: Vec<UnlistedTorrent>,
    pub(crate) other_torrents: u64,
}

/// How many of them there were of one torrent.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct UnlistedTorrent {
    pub(crate) info_hash: Option<String>,
    pub(crate) connections: u64,
}

/// Quality of the captures: gaps, cut packets, drops.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Quality {
    pub(crate) frames: u64,
    pub(crate) not_ip: u64,
    #[serde(default)]
    pub(crate) unrecognised: u64,
    #[serde(default)]
    pub(crate) unrecognised_cut: u64,
    #[serde(default)]
    pub(crate) unrecognised_gaps: u64,
    #[serde(default)]
    pub(crate) unrecognised_unseen: u64,
    pub(crate) tcp_flows: u64,
    pub(crate) utp_flows: u64,
    pub(crate) gaps: u64,
    pub(crate) gap_bytes: u64,
    #[serde(default)]
    pub(crate) gap_packets: u64,
    pub(crate) bad_checksums: Option<u64>,
    #[serde(default)]
    pub(crate) untested_checksums: u64,
    pub(crate) clock_steps: u64,
    pub(crate) udp_flows: u64,
    pub(crate) first_time: Option<String>,
    pub(crate) last_time: Option<String>,
    pub(crate) duration_ns: Option<u64>,
    #[serde(default)]
    pub(crate) seen_at_two_taps: Option<u64>,
    #[serde(default)]
    pub(crate) clock: ClockQuality,
}

/// A torrent, and the sums over its transfers.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Torrent {
    pub(crate) info_hash: String,
    pub(crate) info_hash_v1: Option<String>,
    pub(crate) info_hash_v2: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) size: Option<u64>,
    pub(crate) piece_length: Option<u64>,
    pub(crate) pieces: Option<u64>,
    pub(crate) files: Vec<File>,
    /// Where it is known from; `None` when a handshake named it and nobody gave it.
    pub(crate) source: Option<Source>,
    pub(crate) served_bytes: u64,
    pub(crate) unique_bytes: u64,
    pub(crate) pieces_verified: u64,
    pub(crate) private: Option<bool>,
    #[serde(flatten)]
    pub(crate) classes: TorrentClasses,
    /// All pieces in runs of one state, ascending, the first [`PIECE_RUNS`](crate::evidence::PIECE_RUNS) of them; left out
    /// where the description is not known.
    #[serde(default)]
    pub(crate) units: Vec<Units>,
    /// Further runs; left out where there are none.
    #[serde(default)]
    pub(crate) units_left_out: u64,
    /// Where the verified bytes are; left out where there are none.
    #[serde(default)]
    pub(crate) map: Option<Map>,
}

/// Pieces from `first` to `last`, of which the same is verified, from anyone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Units {
    pub(crate) first: u32,
    pub(crate) last: u32,
    pub(crate) state: PieceState,
}

/// Verified bytes in equal columns of a torrent's byte space.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Map {
    /// The length of that space: the content with its padding.
    pub(crate) bytes: u64,
    /// Bytes verified at least once, each counted once, by column.
    pub(crate) anyone: Vec<u64>,
    /// Columns of the [`MAP_ROWS`](crate::evidence::MAP_ROWS) subjects with the most verified bytes.
    pub(crate) by: Vec<MapRow>,
}

/// A subject's part of a map.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct MapRow {
    /// Index into [`Document::subjects`].
    pub(crate) subject: u64,
    /// Its different verified bytes, by column.
    pub(crate) verified: Vec<u64>,
}

/// The six classes over a whole torrent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct TorrentClasses {
    pub(crate) lost_bytes: u64,
    pub(crate) repeated_bytes: u64,
    pub(crate) verified_bytes: u64,
    pub(crate) sole_bytes: u64,
    pub(crate) refuted_bytes: u64,
    pub(crate) disputed_bytes: u64,
    pub(crate) unproven_bytes: u64,
    pub(crate) pad_bytes: u64,
}

/// A file of a torrent.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct File {
    pub(crate) path: String,
    pub(crate) size: u64,
    pub(crate) pad: bool,
    /// Bytes of it that were verified at least once, each counted once; left out of padding.
    #[serde(default)]
    pub(crate) verified_bytes: Option<u64>,
}

/// How much of a file a subject sent, whoever received it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct SubjectFile {
    /// Its path in the torrent.
    pub(crate) path: String,
    /// Its size.
    pub(crate) size: u64,
    /// Different verified bytes of it.
    pub(crate) verified_bytes: u64,
    /// Set if one client of the subject sent all of the piece, in one version.
    pub(crate) complete: bool,
}

/// Pieces from `first` to `last`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct PieceRange {
    pub(crate) first: u32,
    pub(crate) last: u32,
}
