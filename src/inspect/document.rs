//! The overview as data: the schema `peerproof/inspect/1`, field by field.
//!
//! Times are RFC 3339 text, endpoints `ip:port`, hashes lower-case hex, figures bytes. Fields that report.json has
//! too mean the same.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Serialize;

use crate::anomaly;
use crate::ends::{Endpoint, Hex, InfoHash, Timestamp, Transport};
use crate::evidence::{Encryption, Flag};
use crate::report::{Anomaly, Input, Opaque, PassedOver, Quality, Summed, Tool, Unlisted, stable_json};

/// An overview of captures: formats, traffic, torrents, peers, and commands to run next.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(title = "peerproof inspection", extend("$id" = "peerproof/inspect/1"))]
pub struct Inspection {
    /// `peerproof/inspect/1`.
    #[schemars(extend("const" = "peerproof/inspect/1"))]
    pub schema: &'static str,
    /// Name and version of the program.
    pub tool: Tool,
    /// Tunnels over UDP on ports that the user names, as in report.json; left out where there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tunnels: Vec<String>,
    /// The captures, as in report.json; their `sha256` is not computed.
    pub inputs: Vec<Input>,
    /// As in report.json.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub passed_over: Vec<PassedOver>,
    /// Frames, flows, times and gaps, as in report.json.
    pub quality: Quality,
    /// Protocols of the flows, BitTorrent or not; sorted by transport and content.
    pub traffic: Vec<Kind>,
    /// Frames that hold something other than IP, or IP that holds neither TCP nor UDP nor a tunnel, ICMP among them.
    pub not_ip_frames: u64,
    /// IP packets that are neither TCP nor UDP nor a tunnel.
    pub other_ip_frames: u64,
    /// Frames that are in no row: fragments that only together make a packet, and damaged headers.
    pub unused_frames: u64,
    /// The torrents that the captures name, sorted by info-hash.
    pub torrents: Vec<Swarm>,
    /// The subjects of report.json, sorted by endpoint, as far as they can be told without a torrent.
    pub peers: Vec<Peer>,
    /// Conversations that cannot be read, as in report.json.
    pub opaque: Vec<Opaque>,
    /// Addresses that were only named by others: hearsay.
    pub only_named: u64,
    /// Addresses that are only shown by announces of their own: to trackers, the DHT or neighbours.
    pub only_announced: u64,
    /// Info-hashes that no handshake names, but trackers, the DHT, local discovery or other peers; sorted.
    pub only_named_torrents: BTreeSet<InfoHash>,
    /// How much of the BitTorrent in the captures can be read.
    pub readable: Readable,
    /// Reasons why bytes could be hidden, in sentences.
    pub warnings: Vec<String>,
    /// Oddities of the captures, as in report.json.
    pub anomalies: Vec<Anomaly>,
    /// Commands to run next, in this order; empty where nothing can be analyzed.
    pub next: Vec<NextCommand>,
    /// Connections that are in no row, because a bound was reached; as in report.json.
    pub unlisted: Option<Unlisted>,
    /// Transfers with piece data that are in no row, because a bound was reached; as in report.json.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summed: Option<Summed>,
}

impl Inspection {
    /// As JSON: indented by two spaces, with a newline at the end. Equal captures give equal bytes.
    ///
    /// # Errors
    /// Whatever `serde_json` reports; an inspection as built holds nothing that it refuses.
    pub fn json(&self) -> Result<String, serde_json::Error> {
        stable_json(self)
    }

    /// Returns true if no input was damaged and no bound was reached.
    pub fn complete(&self) -> bool {
        let whole = |input: &Input| !matches!(input, Input::Capture { damage: Some(_), .. });
        let odd = [anomaly::Kind::DamagedCapture, anomaly::Kind::LimitReached];
        self.inputs.iter().all(whole) && !self.anomalies.iter().any(|anomaly| odd.contains(&anomaly.kind))
    }

    /// Returns true if BitTorrent peers speak in the captures, or may do so encrypted.
    pub fn has_peers(&self) -> bool {
        !self.peers.is_empty() || !self.opaque.is_empty() || self.unlisted.is_some() || self.summed.is_some()
    }
}

/// All flows of one transport that carried the same.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Kind {
    /// `TCP`, `uTP` or `UDP`.
    pub transport: &'static str,
    /// Protocol that the flows carried.
    pub content: &'static str,
    /// On what that rests: `messages`, `classification`, `first bytes`, `port` or `none`.
    pub basis: &'static str,
    /// Flows, or connections for TCP and uTP.
    pub flows: u64,
    /// Those of which the captures hold one direction only.
    pub one_way_flows: u64,
    /// Frames.
    pub frames: u64,
    /// Payload bytes behind the TCP or UDP header on the wire, those sent again included.
    pub bytes: u64,
    /// The part of `bytes` that the captures hold.
    pub captured_bytes: u64,
}

/// A torrent that handshakes name.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Swarm {
    /// As in report.json.
    pub info_hash: InfoHash,
    /// `None` where the metadata is not in the captures.
    pub info_hash_v1: Option<Hex<20>>,
    /// `None` where the metadata is not in the captures.
    pub info_hash_v2: Option<Hex<32>>,
    /// Its name for itself; not escaped.
    pub name: Option<String>,
    /// Bytes.
    pub size: Option<u64>,
    /// Pieces.
    pub pieces: Option<u64>,
    /// Files, padding not counted.
    pub files: Option<u64>,
    /// How much of its description (BEP 9) the captures hold.
    pub metadata: Metadata,
    /// Subjects that spoke of it.
    pub peers: u64,
    /// Payload bytes of `piece` messages that the captures hold.
    pub served_bytes: u64,
    /// Those that they do not hold.
    pub lost_bytes: u64,
}

/// How much of a torrent's description is in the captures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Metadata {
    /// All that is needed to verify it.
    Whole,
    /// The info dictionary, but not all piece layers (BEP 52).
    WithoutLayers,
    /// Parts of the info dictionary.
    Partial,
    /// Nothing.
    None,
}

/// A subject, as far as it can be told without a torrent.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[allow(missing_docs)] // As in `evidence::Subject`.
pub struct Peer {
    pub endpoint: Endpoint,
    pub transport: Transport,
    pub info_hash: Option<InfoHash>,
    pub clients: BTreeSet<String>,
    /// One or more.
    pub encryption: BTreeSet<Encryption>,
    pub served_bytes: u64,
    pub lost_bytes: u64,
    pub received_bytes: u64,
    pub pieces_advertised: u64,
    pub flags: BTreeSet<Flag>,
    pub first_time: Timestamp,
    pub last_time: Timestamp,
    /// Set if the peer's own packets show that it is in the swarm; for the overview to read only.
    #[serde(skip)]
    pub spoke: bool,
}

/// How much of the BitTorrent can be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Readable {
    /// Captured payload of peer connections in clear or decrypted: protocol, pieces, and what was sent again.
    pub clear_bytes: u64,
    /// Payload bytes of `piece` messages that the captures hold.
    pub served_bytes: u64,
    /// Payload bytes of `piece` messages that were sent and that the captures do not hold.
    pub lost_bytes: u64,
    /// Payload of conversations that cannot be read.
    pub opaque_bytes: u64,
    /// Frames of any kind that the snap length cut.
    pub snaplen_frames: u64,
    /// Bytes that it cut off.
    pub snaplen_bytes: u64,
}

/// A command to run next.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "Step")]
pub struct NextCommand {
    /// Purpose of the command, and the inputs that have to be supplied.
    pub why: String,
    /// The command, for a shell; captures as the user named them, where [`Inspection::propose`] was told, else by their
    /// names without directories. Upper-case words stand for what is to be supplied.
    pub command: String,
    /// The info-hashes of the torrents to be supplied; empty where none is, or where none is known.
    pub needs: Vec<String>,
    /// The parts of the command that stay together on a line.
    #[serde(skip)]
    pub(super) words: Vec<String>,
}

/// A torrent file that lies beside captures.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TorrentBeside {
    /// Its path as a command has to name it.
    pub path: String,
    /// The info-hashes that peers call it by (20 bytes; of v2 the first 20).
    pub wire_hashes: Vec<[u8; 20]>,
}
