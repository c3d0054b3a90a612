//! The report as data: `report.json`, field by field, in the order of its schema `peerproof/report/1`.
//!
//! Times are RFC 3339 text, endpoints `ip:port`, hashes lower-case hex, figures bytes. The meaning of every figure is
//! that of the field of the same name in [`crate::evidence`].

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::anomaly::Kind;
use crate::ends::{Frames, Hex, Timestamp};
use crate::evidence::{Mention, Opaque, Piece, Quality, Subject, Summed, Swarm, Torrent, Transfer, Unlisted};
use crate::hosts::{Host, List};
use crate::options::ChecksumPolicy;
use crate::report::choice::Shown;
use crate::words::words;

words! {
    /// The schemas of a report: a new number where a field is renamed, removed, or given another meaning.
    pub enum Schema {
        /// `peerproof schema` prints it.
        Report1 = "peerproof/report/1",
    }
}

/// The report of peerproof: what packet captures prove about each BitTorrent peer. Fields may be added; none is renamed or
/// removed without a new schema number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "peerproof report", extend("$id" = "peerproof/report/1"))]
pub struct Document {
    /// The version of the schema, which says what the fields mean.
    pub schema: Schema,
    /// Name and version of the program.
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
    /// Figures of whole swarms that trackers and nodes of the DHT gave, which name nobody; left out where there are
    /// none. They change no figure and no grade.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub swarms: Vec<Swarm>,
    /// Conversations that cannot be read.
    pub opaque: Vec<Opaque>,
    /// Statements of given lists, and of names in the captures, about the addresses above, sorted by address; left out
    /// where there are none. They change no figure and no grade.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<Host>,
    /// Those lists; left out where none was given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lists: Vec<List>,
    /// Oddities of the captures, counted, with their first examples.
    pub anomalies: Vec<Anomaly>,
    /// Quality of the captures: gaps, cut packets, drops.
    pub quality: Quality,
    /// Why the report, or a torrent's part of it, is empty; see [`crate::report::notes`].
    pub notes: Vec<String>,
    /// Connections that are in no row, because a bound was reached.
    pub unlisted: Option<Unlisted>,
    /// Transfers with piece data that are in no row, because a bound was reached; left out where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summed: Option<Summed>,
    /// Contributions of each unit to the figures of the transfers, sorted by transfer, then by unit: the rows of a
    /// transfer add up to its figures. Left out where `--pieces` did not ask for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pieces: Option<Vec<Piece>>,
    /// The choice that is shown of the report; left out where all of it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shown: Option<Shown>,
}

/// The program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tool {
    /// `peerproof`.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// Every option that can change a figure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Options {
    /// How checksums were used.
    pub checksums: ChecksumPolicy,
    /// Tunnels over UDP on ports that the user names, as `udp:PORT=FORMAT`; left out where there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tunnels: Vec<String>,
    /// Set if addresses, peer_ids and clients are pseudonyms, which the holder of a key can reveal; left out where they
    /// are not.
    #[serde(default, skip_serializing_if = "is_false")]
    pub pseudonyms: bool,
    /// Set if verified v1 pieces were looked at for the marks of a SHA-1 collision attack; left out where they were not.
    #[serde(default, skip_serializing_if = "is_false")]
    pub sha1_collision_check: bool,
    /// The bounds of the run, by name.
    pub limits: BTreeMap<String, u64>,
}

/// An input: a capture, or a torrent file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Input {
    /// A capture.
    Capture {
        /// File name without its directories, or `-` for standard input; not escaped.
        name: String,
        /// So it is told from a torrent.
        kind: IsCapture,
        /// `pcap` or `pcapng`, with the compression around it in front: `gzip+pcap`.
        format: String,
        /// Size as given (compressed size for a compressed file).
        bytes: u64,
        /// SHA-256 of the bytes as given; `None` when not asked for.
        sha256: Option<Hex<32>>,
        /// Set if `sha256` was taken over from a list (`--sha256-from`) and not computed; left out where it was
        /// computed.
        #[serde(default, skip_serializing_if = "is_false")]
        sha256_stated: bool,
        /// Size of the decompressed content; left out where the file is not compressed, or no digest was computed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        content_bytes: Option<u64>,
        /// SHA-256 of the decompressed content, so that the capture is known however it is compressed; left out as `content_bytes`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        content_sha256: Option<Box<Hex<32>>>,
        /// Frames read.
        frames: u64,
        /// Time of the first frame in file order.
        first_time: Option<Timestamp>,
        /// Time of the last frame in file order.
        last_time: Option<Timestamp>,
        /// Its interfaces, in order of definition.
        interfaces: Vec<Interface>,
        /// Damage of the file, in plain words with the byte offset; `None` where nothing is damaged.
        damage: Option<String>,
        /// Packets that the capturing program says it dropped; `None` when it does not say.
        dropped_by_capture: Option<u64>,
        /// Blocks of a pcapng file that were passed over as they hold no packet, by kind, with their number; left out
        /// where there is none.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        unused_blocks: BTreeMap<String, u64>,
    },
    /// A torrent file.
    Torrent {
        /// File name without its directories; not escaped.
        name: String,
        /// So it is told from a capture.
        kind: IsTorrent,
        /// Size.
        bytes: u64,
        /// SHA-256 of the file.
        sha256: Hex<32>,
    },
}

impl Input {
    /// The file name, not escaped.
    pub fn name(&self) -> &str {
        match self {
            Self::Capture { name, .. } | Self::Torrent { name, .. } => name,
        }
    }

    /// `capture` or `torrent`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Capture { kind, .. } => kind.name(),
            Self::Torrent { kind, .. } => kind.name(),
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Interface {
    /// The name of the link type in the pcap registry without `LINKTYPE_`, or its number.
    pub link_type: String,
    /// Bytes kept of each frame; 0 for all.
    pub snaplen: u32,
    /// Its name, where the file tells it.
    pub name: Option<String>,
    /// Its capture filter, where the file tells it.
    pub filter: Option<String>,
    /// Units of its times in a second, as its file states them: 1,000,000 for microseconds.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub ticks_per_second: u64,
    /// Seconds that its file states are to be added to its times, and that were added; left out where 0.
    #[serde(default, skip_serializing_if = "is_unmoved")]
    pub offset_seconds: i64,
    /// Its frames, where this tool does not read its link type; left out where it does.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unread_frames: u64,
}

/// A file that is no capture, in a directory that was given for its captures; or a `.torrent` file that is none, in one
/// that was given for its torrents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PassedOver {
    /// Its path from that directory on, not escaped.
    pub name: String,
    /// Kind of the file, in words.
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

/// A kind of oddity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Anomaly {
    /// Which.
    pub kind: Kind,
    /// Occurrences.
    pub count: u64,
    /// The first few occurrences, in capture order.
    pub examples: Vec<Example>,
    /// Sum of the occurrences' amounts; the unit is the kind's.
    pub amount: u64,
}

/// An occurrence of an oddity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Example {
    /// The frames in question, where there are any.
    pub frames: Option<Frames>,
    /// The flow as `a -> b`, or empty where there is none.
    pub flow: String,
    /// One plain sentence with the figures.
    pub detail: String,
    /// The name of the bound that was reached; left out where none was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bound: Option<String>,
}

fn is_false(truth: &bool) -> bool {
    !truth
}

fn is_unmoved(seconds: &i64) -> bool {
    *seconds == 0
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
