//! The rows of a report: typed values, serialised as `report.json` has them, and read back into equal ones.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Bytes, Flag, Grade, Initiator, PortBasis, Timeline};
use crate::ends::{
    At, Endpoint, FrameId, Frames, HashBeginning, Hex, InfoHash, Sightings, Span, Timestamp, Transport,
};
use crate::hearsay::{NameSource, Standing, Via};
use crate::session::Encryption;
use crate::torrent::{self, Source};
use crate::words::words;

/// The frames in each input, where there are several; else empty.
pub(super) fn seen_in(seen: &Sightings) -> Vec<Frames> {
    let each = seen.iter().filter(|_| seen.iter().len() > 1);
    each.map(|(first, last)| Frames {
        file: first.file(),
        first: first.number(),
        last: last.number(),
        last_file: None,
    })
    .collect()
}

/// Two endpoints, in the direction of an edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Edge {
    /// Who sent.
    pub uploader: Endpoint,
    /// Who received.
    pub downloader: Endpoint,
}

/// One step of the ladder that was reached, with the frames that show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Rung {
    /// Which step.
    pub grade: Grade,
    /// When it was first shown.
    pub time: Timestamp,
    /// The frames that first show it.
    pub frames: Frames,
    /// Of [`Grade::G9`]: the path of the file that is complete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
}

/// The unit that shows best that the standard of proof is met: advertised, requested, then served alone and verified. It is one
/// of which nobody else sent the same receiver anything and nobody bytes that differ, where there is one; of those, the one that
/// was complete first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Standard {
    /// The piece.
    pub piece: u32,
    /// The leaf of the piece, where leaves are the unit (v2); left out elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leaf: Option<u32>,
    /// The frames in which the uploader advertised it.
    pub advertised: Frames,
    /// The frames in which it was requested.
    pub requested: Frames,
    /// The frames in which it was served.
    pub served: Frames,
    /// The SHA-1 of a v1 piece, which its bytes match; left out elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha1: Option<Hex<20>>,
    /// The SHA-256 of a v2 leaf, which its bytes match; left out elsewhere, and where only the tree above it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Hex<32>>,
}

/// Verified bytes in one file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FileBytes {
    /// Its path in the torrent.
    pub path: String,
    /// How many.
    pub verified_bytes: u64,
}

/// The part of an info dictionary that somebody sent, of one that hashes to its info-hash; all of it is the rung G3m.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Metadata {
    /// Index of each piece of 16 KiB, ascending; never empty.
    pub pieces: Vec<u32>,
    /// How many pieces there are.
    pub of: u64,
    /// The frames that carried them.
    pub frames: Frames,
}

/// Everything that one endpoint sent to another for one torrent over one transport.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Transfer {
    /// Who sent, as observed.
    pub uploader: Endpoint,
    /// Who received, as observed.
    pub downloader: Endpoint,
    /// How.
    pub transport: Transport,
    /// The torrent; `None` where it is unknown.
    pub info_hash: Option<InfoHash>,
    /// How the info-hash begins, where it is unknown since the captures hold no more of its handshakes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub info_hash_begins: Option<HashBeginning>,
    /// Connections that carried it; at least 1.
    pub connections: u32,
    /// Who opened them; `None` where no opening is in the capture.
    pub initiator: Option<Initiator>,
    /// Encryption of the connections.
    pub encryption: Encryption,
    /// The peer_ids that the uploader used.
    pub uploader_peer_ids: BTreeSet<Hex<20>>,
    /// The clients that the uploader named or that its peer_ids stand for.
    pub uploader_clients: BTreeSet<String>,
    /// The highest rung.
    pub grade: Grade,
    /// Meets the standard of proof: G8 or G9, and [`Standard`].
    pub actionable: bool,
    /// Properties.
    pub flags: BTreeSet<Flag>,
    /// `piece` messages whose whole body is in the capture.
    pub piece_messages: u64,
    /// `piece` messages of which bytes are missing from the capture.
    pub partial_messages: u64,
    /// The figures.
    #[serde(flatten)]
    pub bytes: Bytes,
    /// Pieces with a verified byte of this transfer.
    pub pieces_verified: u64,
    /// Pieces that this subject sent whole, and that match.
    pub pieces_sole: u64,
    /// Pieces with a refuted byte of this transfer.
    pub pieces_refuted: u64,
    /// Pieces that the uploader claimed to have.
    pub pieces_advertised: u64,
    /// The first packet of the connections.
    pub first_time: Timestamp,
    /// The last packet of the connections.
    pub last_time: Timestamp,
    /// Verified bytes per file, for files with any.
    pub files: Vec<FileBytes>,
    /// The rungs reached, in order of the ladder.
    pub rungs: Vec<Rung>,
    /// Why the next rung was not reached; `None` at the top.
    pub next_rung: Option<String>,
    /// The unit that shows best that the standard is met, when one does.
    pub standard: Option<Standard>,
    /// The first and last packet of the connections.
    pub frames: Frames,
    /// The frames of served payload, when there is any.
    pub served_frames: Option<Frames>,
    /// The tunnels crossed, outermost first, as plain text; empty for none, `(no tunnel)` among others where some
    /// packets crossed none.
    pub paths: BTreeSet<String>,
    /// Blocks sent although their request was cancelled before; not solicited.
    pub cancelled_messages: u64,
    /// Blocks that nobody asked for, in a capture without gaps.
    pub unsolicited_messages: u64,
    /// Extension messages (BEP 10) of the uploader by name; `unknown` where the other side's ids were not captured.
    pub extension_messages: BTreeMap<String, u64>,
    /// The part of the torrent's info dictionary that the uploader sent; left out where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
    /// Where its packets stand in several inputs: of each, the first and the last frame. Left out for one input, of
    /// which `frames` says it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seen_in: Vec<Frames>,
    /// The edges that carry the same bytes on the other side of an address translation: no figure may be added to
    /// theirs. Left out where there is none.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub same_connection_as: BTreeSet<Edge>,
    /// Index of the sender in the report's subjects.
    #[serde(default)]
    pub uploader_subject: Option<u64>,
    /// Index of the receiver there; `None` where nothing that it sent is known.
    #[serde(default)]
    pub downloader_subject: Option<u64>,
}

impl Transfer {
    /// The first and last packet of the connections.
    pub(super) fn span(&self) -> Span {
        let at = |time, file, number| At { time, frame: FrameId::new(file, number) };
        let frames = self.frames;
        Span {
            first: at(self.first_time, frames.file, frames.first),
            last: at(self.last_time, frames.last_file.unwrap_or(frames.file), frames.last),
        }
    }
}

/// One (IP, port, transport, torrent, time window).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Subject {
    /// The address, and the listen port if the peer declared it and nothing speaks against that, else the observed
    /// port.
    pub endpoint: Endpoint,
    /// How it spoke.
    pub transport: Transport,
    /// The torrent; `None` where it is unknown.
    pub info_hash: Option<InfoHash>,
    /// On what the port rests.
    pub port_basis: PortBasis,
    /// The ports that its packets came from; left out where that is only the endpoint's own.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub sent_from: BTreeSet<u16>,
    /// The port that it accepts connections on, where known: seen accepting one, or else declared, unless another
    /// client was seen at the declared one.
    pub listen_port: Option<u16>,
    /// The peer_ids that it used.
    pub peer_ids: BTreeSet<Hex<20>>,
    /// Its clients, as named or as its peer_ids stand for.
    pub clients: BTreeSet<String>,
    /// The highest rung.
    pub grade: Grade,
    /// Meets the standard of proof: G8 or G9, and [`Standard`].
    pub actionable: bool,
    /// Properties.
    pub flags: BTreeSet<Flag>,
    /// The figures of everything that it sent.
    #[serde(flatten)]
    pub bytes: Bytes,
    /// Payload bytes that the capture shows sent to it (not a claim that they arrived).
    pub received_bytes: u64,
    /// The first packet.
    pub first_time: Timestamp,
    /// The last packet.
    pub last_time: Timestamp,
    /// The rungs reached, in order of the ladder.
    pub rungs: Vec<Rung>,
    /// Why the next rung was not reached; `None` at the top.
    pub next_rung: Option<String>,
    /// Pieces with a verified byte of this subject.
    pub pieces_verified: u64,
    /// Pieces that it sent whole, and that match.
    pub pieces_sole: u64,
    /// Pieces with a refuted byte of this subject.
    pub pieces_refuted: u64,
    /// Pieces that it claimed to have.
    pub pieces_advertised: u64,
    /// The unit that shows best that the standard is met, when one does.
    pub standard: Option<Standard>,
    /// The first and last packet.
    pub frames: Frames,
    /// The frames of served payload, when there is any.
    pub served_frames: Option<Frames>,
    /// As in [`Transfer`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seen_in: Vec<Frames>,
    /// Files of the torrent with verified bytes of it; left out where there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<SubjectFile>,
    /// The pieces behind `pieces_refuted`; left out where there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refuted_pieces: Vec<PieceRange>,
    /// When it served bytes; left out where it served none, and beyond the first
    /// [`TIMELINES`](crate::evidence::TIMELINES) subjects by standard, grade and verified bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeline: Option<Timeline>,
}

/// How much of a file a subject sent, whoever received it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SubjectFile {
    /// Its path in the torrent.
    pub path: String,
    /// Its size.
    pub size: u64,
    /// Different verified bytes of it.
    pub verified_bytes: u64,
    /// Set if one client of the subject sent all of the file, in one version.
    pub complete: bool,
}

/// Pieces from `first` to `last`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PieceRange {
    /// The first piece.
    pub first: u32,
    /// The last one.
    pub last: u32,
}

words! {
    /// Verified share of a piece, from anyone.
    pub enum PieceState {
        /// All of it.
        Verified = "verified",
        /// Some of it.
        Part = "part",
        /// Nothing.
        Unseen = "unseen",
    }
}

/// Pieces from `first` to `last`, of which the same is verified, from anyone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Units {
    /// The first piece.
    pub first: u32,
    /// The last one.
    pub last: u32,
    /// State of each of them.
    pub state: PieceState,
}

/// Verified bytes in equal columns of a torrent's byte space.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Map {
    /// The length of that space: the content with its padding.
    pub bytes: u64,
    /// Bytes verified at least once, each counted once, by column.
    pub anyone: Vec<u64>,
    /// Columns of the [`MAP_ROWS`](crate::evidence::MAP_ROWS) subjects with the most verified bytes.
    pub by: Vec<MapRow>,
}

/// A subject's part of a map.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MapRow {
    /// Index into the report's subjects.
    pub subject: u64,
    /// Its different verified bytes, by column.
    pub verified: Vec<u64>,
}

impl Subject {
    /// Returns true if the subject's own packets show that it is in the swarm: G3 or higher, or piece data, or a claim
    /// to have pieces. Whoever was only called, or whose handshake nobody answered, is not.
    pub fn spoke(&self) -> bool {
        self.grade >= Grade::G3 || self.bytes.served > 0 || self.bytes.lost > 0 || self.pieces_advertised > 0
    }
}

/// A file of a torrent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct File {
    /// Path inside the torrent, joined by `/`, not escaped; of files of different paths always different.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// Set for padding (BEP 47).
    pub pad: bool,
    /// Bytes of it that were verified at least once, each counted once; left out of padding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified_bytes: Option<u64>,
}

/// A torrent of the run, and the sums over its transfers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Torrent {
    /// The hash under which the report speaks of it: the v1 one where there is one, else the v2 one in full.
    pub info_hash: InfoHash,
    /// SHA-1 of the info dictionary; `None` for a v2-only torrent, and where only a handshake named it: that does not
    /// say whether its 20 bytes are a v1 hash or a truncated v2 one.
    pub info_hash_v1: Option<Hex<20>>,
    /// SHA-256 of the info dictionary; `None` for a v1-only torrent, and where only a handshake named it.
    pub info_hash_v2: Option<Hex<32>>,
    /// The name that the torrent gives itself, not escaped.
    pub name: Option<String>,
    /// Bytes of content, padding included; `None` without the info dictionary.
    pub size: Option<u64>,
    /// Bytes per piece; `None` without the info dictionary.
    pub piece_length: Option<u64>,
    /// Number of pieces; `None` without the info dictionary.
    pub pieces: Option<u64>,
    /// Its files, in the torrent's order.
    pub files: Vec<File>,
    /// Where it is known from; `None` when a handshake named it and nobody gave it.
    pub source: Option<Source>,
    /// Bytes of the torrent that were verified at least once, each counted once.
    #[serde(rename = "unique_bytes")]
    pub unique: u64,
    /// Pieces verified whole at least once.
    pub pieces_verified: u64,
    /// Set if the torrent asks to be announced to its own trackers only (BEP 27); `None` without the info dictionary.
    pub private: Option<bool>,
    /// The figures of all its transfers.
    #[serde(flatten)]
    pub bytes: Bytes,
    /// All pieces in runs of one state, ascending, the first [`PIECE_RUNS`](crate::evidence::PIECE_RUNS) of them; left out
    /// where the description is not known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub units: Vec<Units>,
    /// Further runs; left out where there are none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub units_left_out: u64,
    /// Where the verified bytes are; left out where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub map: Option<Map>,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Torrent {
    /// A torrent that was given, or rebuilt from the captures; without figures.
    pub(super) fn of(torrent: &torrent::Torrent) -> Self {
        let known = torrent.has_metadata();
        let files = torrent.files().iter();
        Self {
            info_hash_v1: torrent.info_hash_v1().map(Hex),
            info_hash_v2: torrent.info_hash_v2().map(Hex),
            // A bare info-hash has none.
            name: Some(torrent.name().to_owned()).filter(|name| known || !name.is_empty()),
            size: known.then(|| torrent.size()),
            piece_length: known.then(|| u64::from(torrent.piece_length())),
            pieces: known.then(|| u64::from(torrent.piece_count())),
            files: files
                .map(|file| File {
                    path: file.shown.clone(),
                    size: file.size,
                    pad: file.pad,
                    verified_bytes: (known && !file.pad).then_some(0),
                })
                .collect(),
            source: Some(torrent.source()),
            private: known.then(|| torrent.private()),
            ..Self::named(torrent.info_hash())
        }
    }

    /// A torrent of which only the info-hash is known; without figures.
    pub(super) fn named(info_hash: InfoHash) -> Self {
        Self {
            info_hash,
            info_hash_v1: None,
            info_hash_v2: None,
            name: None,
            size: None,
            piece_length: None,
            pieces: None,
            files: Vec::new(),
            source: None,
            unique: 0,
            pieces_verified: 0,
            private: None,
            bytes: Bytes::default(),
            units: Vec::new(),
            units_left_out: 0,
            map: None,
        }
    }
}

/// Hearsay: somebody named an address, or a packet from it announced itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Mention {
    /// The address that was named.
    pub subject: Endpoint,
    /// The torrent in whose swarm; `None` where what names it was not captured.
    pub info_hash: Option<InfoHash>,
    /// Who named it; an announcer itself.
    pub by: Endpoint,
    /// How.
    pub via: Via,
    /// How far its packets reach.
    pub grade: Standing,
    /// Flags of the subject, and that of a private address.
    pub flags: BTreeSet<Flag>,
    /// Messages.
    pub count: u64,
    /// The first of them.
    pub first_time: Timestamp,
    /// The last of them.
    pub last_time: Timestamp,
    /// The frames that show the first, those that confirm it included.
    pub frames: Frames,
}

/// A name that something in the captures gives for an address. Nothing was looked up, and a name is no person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HostName {
    /// The name; a byte of it that is no printable ASCII is `\\` and three digits in answers of DNS. Not escaped otherwise.
    pub name: String,
    /// Where it stands.
    pub source: NameSource,
    /// Who answered so; `None` for name records.
    pub by: Option<Endpoint>,
    /// The input that has the name records; `None` for answers.
    pub input: Option<u16>,
    /// Answers that say so; 0 for name records.
    pub count: u64,
    /// The first of them.
    pub first_time: Option<Timestamp>,
    /// The last of them.
    pub last_time: Option<Timestamp>,
    /// The frames of the first.
    pub frames: Option<Frames>,
}

/// Hearsay of a whole swarm: what a tracker or a node of the DHT says of its size, or that it has peers of it. It names
/// nobody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Swarm {
    /// The torrent.
    pub info_hash: Option<InfoHash>,
    /// Who said it.
    pub by: Endpoint,
    /// How. By `dht-scrape` the figures are estimates, by `dht-sample` there are none.
    pub via: Via,
    /// Peers that have everything, the greatest figure said; `None` where none was.
    pub seeders: Option<u64>,
    /// Peers that do not have everything, the greatest figure said; `None` where none was.
    pub leechers: Option<u64>,
    /// Downloads that were completed, the greatest figure said; `None` where none was.
    pub downloads: Option<u64>,
    /// Messages.
    pub count: u64,
    /// The first of them.
    pub first_time: Timestamp,
    /// The last of them.
    pub last_time: Timestamp,
    /// The frames of the first.
    pub frames: Frames,
}

/// Connections with a handshake but no piece data beyond [`Limits::rows`](crate::Limits::rows): in no transfer and no
/// subject, so that nothing but this is said of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Unlisted {
    /// How many; at least 1.
    pub connections: u64,
    /// Different endpoints on either end of them.
    pub endpoints: u64,
    /// Set if there were more endpoints than `endpoints`.
    pub more_endpoints: bool,
    /// Payload bytes in them on the wire, those sent again included; none of it piece data.
    pub bytes: u64,
    /// The first packet.
    pub first_time: Timestamp,
    /// The last packet.
    pub last_time: Timestamp,
    /// The first and last packet.
    pub frames: Frames,
    /// How many there were of each torrent, for a bounded number of torrents.
    pub torrents: Vec<UnlistedTorrent>,
    /// Connections of further torrents.
    pub other_torrents: u64,
}

/// Transfers with piece data beyond [`Limits::served_rows`](crate::Limits::served_rows): in no row, and in no sum of a
/// torrent. Rows were left to those with the most proven bytes, then to those that served most.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Summed {
    /// How many; at least 1.
    pub transfers: u64,
    /// Captured payload bytes that they served.
    pub served_bytes: u64,
    /// Those of them that are verified.
    pub verified_bytes: u64,
    /// Payload bytes of theirs that were not captured.
    pub lost_bytes: u64,
    /// The first packet.
    pub first_time: Timestamp,
    /// The last packet.
    pub last_time: Timestamp,
    /// The first and last packet.
    pub frames: Frames,
}

/// How many connections without a row there were of one torrent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UnlistedTorrent {
    /// The torrent; `None` where it is unknown.
    pub info_hash: Option<InfoHash>,
    /// Connections.
    pub connections: u64,
}
