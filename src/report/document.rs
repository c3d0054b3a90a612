//! The report as data: `report.json`, field by field, in the order of its schema `peerproof/report/1`.
//!
//! Times are RFC 3339 text, endpoints `ip:port`, hashes lower-case hex, figures bytes. The meaning of every figure is
//! that of the field of the same name in [`crate::evidence`].

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::anomaly::Kind;
use crate::evidence::{Bytes, Carrier, Encryption, Flag, Grade, Initiator, OpaqueKind, PortBasis};
use crate::hearsay::{Standing, Via};
use crate::packet::ChecksumPolicy;
use crate::torrent::Source;
use crate::words::words;

words! {
    /// The schemas of a report: a new number where a field is renamed, removed, or given another meaning.
    pub enum Schema {
        /// `peerproof schema` prints it.
        Report1 = "peerproof/report/1",
    }
}

/// The whole report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// What its fields mean.
    pub schema: Schema,
    /// What made it.
    pub tool: Tool,
    /// Every option that can change a figure.
    pub options: Options,
    /// The captures, in the order that [`Frames::file`] counts, then the torrents.
    pub inputs: Vec<Input>,
    /// Files in directories of captures that are none, sorted by name; left out where there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub passed_over: Vec<PassedOver>,
    /// The torrents of the run.
    pub torrents: Vec<Torrent>,
    /// Directed edges.
    pub transfers: Vec<Transfer>,
    /// Subjects.
    pub subjects: Vec<Subject>,
    /// Who named whom. No mention changes a figure or a grade.
    pub mentions: Vec<Mention>,
    /// Conversations that cannot be read.
    pub opaque: Vec<Opaque>,
    /// What was odd.
    pub anomalies: Vec<Anomaly>,
    /// What the capture is worth.
    pub quality: Quality,
    /// Why the report, or a torrent's part of it, is empty; see [`crate::report::notes`].
    pub notes: Vec<String>,
    /// Connections that are in no row, because a bound was reached.
    pub unlisted: Option<Unlisted>,
}

/// The program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tool {
    /// `peerproof`.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// Every option that can change a figure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Options {
    /// How checksums were used.
    pub checksums: ChecksumPolicy,
    /// Tunnels over UDP on ports that the user names, as `udp:PORT=FORMAT`; left out where there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tunnels: Vec<String>,
    /// The bounds of the run, by name.
    pub limits: BTreeMap<String, u64>,
}

/// An input: a capture, or a torrent file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
#[allow(missing_docs)] // The fields are those of `capture::InputFacts` and `TorrentInput`.
pub enum Input {
    /// A capture.
    Capture {
        name: String,
        kind: IsCapture,
        format: String,
        bytes: u64,
        sha256: Option<String>,
        frames: u64,
        first_time: Option<String>,
        last_time: Option<String>,
        interfaces: Vec<Interface>,
        damage: Option<String>,
        dropped_by_capture: Option<u64>,
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        unused_blocks: BTreeMap<String, u64>,
    },
    /// A torrent file.
    Torrent { name: String, kind: IsTorrent, bytes: u64, sha256: String },
}

impl Input {
    /// The file name, not escaped.
    pub fn name(&self) -> &str {
        match self {
            Self::Capture { name, .. } | Self::Torrent { name, .. } => name,
        }
    }
}

words! {
    /// An input of packets.
    pub enum IsCapture {
        /// So it is.
        Yes = "capture",
    }
}

words! {
    /// An input that is a torrent file.
    pub enum IsTorrent {
        /// So it is.
        Yes = "torrent",
    }
}

/// An interface of a capture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interface {
    /// The name of the link type in the pcap registry without `LINKTYPE_`, or its number.
    pub link_type: String,
    /// Bytes kept of each frame; 0 for all.
    pub snaplen: u32,
    /// Its name, where the file tells it.
    pub name: Option<String>,
    /// Its capture filter, where the file tells it.
    pub filter: Option<String>,
    /// Its frames, where this tool does not read its link type; left out where it does.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unread_frames: u64,
}

/// A file that is no capture, in a directory that was given for its captures; or a `.torrent` file that is none, in one
/// that was given for its torrents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassedOver {
    /// Its path from that directory on, not escaped.
    pub name: String,
    /// What it is instead.
    pub found: String,
    /// For what its directory was given; left out where that is captures.
    #[serde(default, skip_serializing_if = "Purpose::is_capture")]
    pub given_as: Purpose,
}

words! {
    /// For what an input is given.
    #[derive(Default)]
    pub enum Purpose {
        /// To be read as a capture.
        #[default]
        Capture = "capture",
        /// To be read as a torrent.
        Torrent = "torrent",
    }
}

impl Purpose {
    fn is_capture(&self) -> bool {
        *self == Self::Capture
    }
}

/// Two endpoints, in the direction of an edge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edge {
    /// Who sent.
    pub uploader: String,
    /// Who received.
    pub downloader: String,
}

/// Frames from `first` of input `file` to `last` of the same input, or of `last_file` where that is there: then
/// nothing is said of where in either input the frames between them stand, but for a row's `seen_in`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frames {
    /// Index into `inputs`.
    pub file: u16,
    /// Wireshark's `frame.number`, from 1.
    pub first: u64,
    /// The same, in `last_file` where there is one.
    pub last: u64,
    /// Index into `inputs`, where the span ends in another file than it begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_file: Option<u16>,
}

/// A torrent, and the sums over its transfers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // The fields are those of `TorrentFacts` and `evidence::TorrentEvidence`.
pub struct Torrent {
    pub info_hash: String,
    pub info_hash_v1: Option<String>,
    pub info_hash_v2: Option<String>,
    pub name: Option<String>,
    pub size: Option<u64>,
    pub piece_length: Option<u64>,
    pub pieces: Option<u64>,
    pub files: Vec<File>,
    /// Where it is known from; `None` when a handshake named it and nobody gave it.
    pub source: Option<Source>,
    pub served_bytes: u64,
    pub unique_bytes: u64,
    pub pieces_verified: u64,
    pub private: Option<bool>,
    #[serde(flatten)]
    pub classes: TorrentClasses,
}

/// The six classes over a whole torrent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // As in `evidence::Bytes`.
pub struct TorrentClasses {
    pub lost_bytes: u64,
    pub repeated_bytes: u64,
    pub verified_bytes: u64,
    pub sole_bytes: u64,
    pub refuted_bytes: u64,
    pub disputed_bytes: u64,
    pub unproven_bytes: u64,
    pub pad_bytes: u64,
}

/// A file of a torrent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // As in `FileFacts`.
pub struct File {
    pub path: String,
    pub size: u64,
    pub pad: bool,
}

/// Verified bytes in one file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // Two plain fields.
pub struct FileBytes {
    pub path: String,
    pub verified_bytes: u64,
}

/// The byte classes, as in [`Bytes`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // As in `evidence::Bytes`.
pub struct Figures {
    pub served_bytes: u64,
    pub lost_bytes: u64,
    pub repeated_bytes: u64,
    pub verified_bytes: u64,
    pub sole_bytes: u64,
    pub refuted_bytes: u64,
    pub disputed_bytes: u64,
    pub unproven_bytes: u64,
    pub pad_bytes: u64,
    pub acknowledged_bytes: u64,
    pub solicited_bytes: u64,
}

impl From<&Bytes> for Figures {
    fn from(bytes: &Bytes) -> Self {
        Self {
            served_bytes: bytes.served,
            lost_bytes: bytes.lost,
            repeated_bytes: bytes.repeated,
            verified_bytes: bytes.verified,
            sole_bytes: bytes.sole,
            refuted_bytes: bytes.refuted,
            disputed_bytes: bytes.disputed,
            unproven_bytes: bytes.unproven,
            pad_bytes: bytes.pad,
            acknowledged_bytes: bytes.acknowledged,
            solicited_bytes: bytes.solicited,
        }
    }
}

/// A directed edge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // As in `evidence::Transfer`.
pub struct Transfer {
    pub uploader: String,
    pub downloader: String,
    pub transport: Carrier,
    pub info_hash: Option<String>,
    pub connections: u32,
    pub initiator: Option<Initiator>,
    pub encryption: Encryption,
    pub uploader_peer_ids: Vec<String>,
    pub uploader_clients: Vec<String>,
    pub grade: Grade,
    pub actionable: bool,
    pub flags: Vec<Flag>,
    pub piece_messages: u64,
    pub partial_messages: u64,
    #[serde(flatten)]
    pub bytes: Figures,
    pub pieces_verified: u64,
    pub pieces_sole: u64,
    pub pieces_refuted: u64,
    pub pieces_advertised: u64,
    pub first_time: String,
    pub last_time: String,
    pub files: Vec<FileBytes>,
    pub rungs: Vec<Rung>,
    pub next_rung: Option<String>,
    pub standard: Option<Standard>,
    pub frames: Frames,
    pub served_frames: Option<Frames>,
    pub paths: Vec<String>,
    pub cancelled_messages: u64,
    pub unsolicited_messages: u64,
    pub extension_messages: BTreeMap<String, u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
    /// Where its packets stand in several inputs: of each, the first and the last frame. Left out for one input, of
    /// which `frames` says it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seen_in: Vec<Frames>,
    /// The edges that carry the same bytes on the other side of an address translation: no figure may be added to
    /// theirs. Left out where there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub same_connection_as: Vec<Edge>,
}

/// What of the torrent's info dictionary went over; all of it is the rung G3m.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    /// Index of each piece of 16 KiB.
    pub pieces: Vec<u32>,
    /// How many pieces there are.
    pub of: u64,
    /// The frames that carried them.
    pub frames: Frames,
}

/// An address and port, and what it did for one torrent over one transport.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // As in `evidence::Subject`.
pub struct Subject {
    pub endpoint: String,
    pub transport: Carrier,
    pub info_hash: Option<String>,
    pub port_basis: PortBasis,
    /// The ports that its packets came from; left out where that is only the endpoint's own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sent_from: Vec<u16>,
    pub listen_port: Option<u16>,
    pub peer_ids: Vec<String>,
    pub clients: Vec<String>,
    pub grade: Grade,
    pub actionable: bool,
    pub flags: Vec<Flag>,
    pub served_bytes: u64,
    pub verified_bytes: u64,
    pub sole_bytes: u64,
    pub refuted_bytes: u64,
    pub disputed_bytes: u64,
    pub unproven_bytes: u64,
    pub repeated_bytes: u64,
    pub lost_bytes: u64,
    pub received_bytes: u64,
    pub first_time: String,
    pub last_time: String,
    pub rungs: Vec<Rung>,
    pub next_rung: Option<String>,
    pub pad_bytes: u64,
    pub acknowledged_bytes: u64,
    pub solicited_bytes: u64,
    pub pieces_verified: u64,
    pub pieces_sole: u64,
    pub pieces_refuted: u64,
    pub pieces_advertised: u64,
    pub standard: Option<Standard>,
    pub frames: Frames,
    pub served_frames: Option<Frames>,
    /// As in [`Transfer`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seen_in: Vec<Frames>,
}

impl Subject {
    /// Whether its own packets show that it is in the swarm: G3 or higher, or piece data, or a claim to have pieces.
    /// Whoever was only called, or whose handshake nobody answered, is not.
    pub fn spoke(&self) -> bool {
        self.grade >= Grade::G3 || self.served_bytes > 0 || self.lost_bytes > 0 || self.pieces_advertised > 0
    }
}

/// A step of the ladder that was reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // As in `evidence::Rung`.
pub struct Rung {
    pub grade: Grade,
    pub time: String,
    pub frames: Frames,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
}

/// The first piece that was advertised, requested, then served alone and verified; in v2 a leaf of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // As in `evidence::Standard`.
pub struct Standard {
    pub piece: u32,
    /// Left out where the piece is the unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leaf: Option<u32>,
    pub advertised: Frames,
    pub requested: Frames,
    pub served: Frames,
}

/// Hearsay: somebody named an address, or a packet from it announced itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // As in the schema.
pub struct Mention {
    pub subject: String,
    pub info_hash: Option<String>,
    pub by: String,
    pub via: Via,
    pub grade: Standing,
    pub flags: Vec<Flag>,
    pub count: u64,
    pub first_time: String,
    pub last_time: String,
    pub frames: Frames,
}

/// A conversation that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // As in `evidence::Opaque`.
pub struct Opaque {
    pub a: String,
    pub b: String,
    pub transport: Carrier,
    pub kind: OpaqueKind,
    pub bytes_a_to_b: u64,
    pub bytes_b_to_a: u64,
    pub frames: Frames,
    pub basis: String,
}

/// Connections with a handshake but no piece data that are not listed one by one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // As in `evidence::Unlisted`.
pub struct Unlisted {
    pub connections: u64,
    pub endpoints: u64,
    pub more_endpoints: bool,
    pub bytes: u64,
    pub first_time: String,
    pub last_time: String,
    pub frames: Frames,
    pub torrents: Vec<UnlistedTorrent>,
    pub other_torrents: u64,
}

/// How many of them there were of one torrent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // Two plain fields.
pub struct UnlistedTorrent {
    pub info_hash: Option<String>,
    pub connections: u64,
}

/// A kind of oddity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // As in `anomaly::Tally`.
pub struct Anomaly {
    pub kind: Kind,
    pub count: u64,
    pub examples: Vec<Example>,
    pub amount: u64,
}

/// An occurrence of an oddity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // As in `anomaly::Example`.
pub struct Example {
    pub frames: Option<Frames>,
    pub flow: String,
    pub detail: String,
}

/// What the capture is worth.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // As in `evidence::Quality`.
pub struct Quality {
    pub frames: u64,
    pub not_ip: u64,
    pub tcp_flows: u64,
    pub utp_flows: u64,
    pub gaps: u64,
    pub gap_bytes: u64,
    pub bad_checksums: Option<u64>,
    pub clock_steps: u64,
    pub udp_flows: u64,
    pub first_time: Option<String>,
    pub last_time: Option<String>,
    /// Nanoseconds between the first and the last packet; `None` where a clock stepped between them.
    pub duration_ns: Option<u64>,
    /// Left out where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen_at_two_taps: Option<u64>,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests {
    use crate::report::fixture;

    /// The keys of the object that begins at `start`, in order, by their indentation.
    fn keys(json: &str, start: &str, indent: usize) -> Vec<String> {
        let body = json.split_once(start).map(|(_, body)| body).unwrap_or_default();
        let depth = " ".repeat(indent);
        body.lines()
            .skip(1)
            .take_while(|line| !line.starts_with(&format!("{}}}", " ".repeat(indent - 2))))
            .filter_map(|line| line.strip_prefix(&depth)?.strip_prefix('"')?.split_once('"'))
            .map(|(key, _)| key.to_owned())
            .collect()
    }

    #[test]
    fn fields_stand_in_the_order_of_the_contract() {
        let json = fixture::document().json().expect("JSON");
        let transfer = keys(&json, "\"transfers\": [", 6);
        let contract = "uploader downloader transport info_hash connections initiator encryption uploader_peer_ids \
                        uploader_clients grade actionable flags piece_messages partial_messages served_bytes lost_bytes \
                        repeated_bytes verified_bytes sole_bytes refuted_bytes disputed_bytes unproven_bytes pad_bytes \
                        acknowledged_bytes solicited_bytes pieces_verified pieces_sole pieces_refuted \
                        pieces_advertised first_time last_time files rungs next_rung";
        let contract: Vec<_> = contract.split_whitespace().collect();
        assert_eq!(transfer.get(..contract.len()).unwrap_or_default(), contract);
        let top = "schema tool options inputs torrents transfers subjects mentions opaque anomalies quality notes unlisted";
        assert_eq!(keys(&format!("#{json}"), "#", 2), top.split_whitespace().collect::<Vec<_>>());
    }

    #[test]
    fn only_a_verified_unit_that_was_advertised_and_requested_is_actionable() {
        let document = fixture::document();
        let actionable: Vec<_> = document.transfers.iter().map(|transfer| transfer.actionable).collect();
        assert_eq!(actionable, [true, false]);
    }
}
