//! The torrents of a report: their sums, their pieces, their files, and where their verified bytes are.

use serde::{Deserialize, Serialize};

use super::is_zero;
use crate::evidence::PieceState;
use crate::torrent::Source;

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
    /// All pieces in runs of one state, ascending, the first [`MOST_RUNS`](crate::report::MOST_RUNS) of them; left out
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

/// Pieces from `first` to `last`, of which the same is verified, from anyone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // Three plain fields.
pub struct Units {
    pub first: u32,
    pub last: u32,
    pub state: PieceState,
}

/// Verified bytes in equal columns of a torrent's byte space.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Map {
    /// The length of that space: the content with its padding.
    pub bytes: u64,
    /// Bytes verified at least once, each counted once, by column.
    pub anyone: Vec<u64>,
    /// The same of the [`MOST_ROWS`](crate::report::MOST_ROWS) subjects with the most verified bytes.
    pub by: Vec<MapRow>,
}

/// A subject's part of a map.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MapRow {
    /// Index into [`Document::subjects`].
    pub subject: u64,
    /// Its different verified bytes, by column.
    pub verified: Vec<u64>,
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
    /// Bytes of it that were verified at least once, each counted once; left out of padding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified_bytes: Option<u64>,
}

/// How much of a file a subject sent, whoever received it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubjectFile {
    /// Its path in the torrent.
    pub path: String,
    /// Its size.
    pub size: u64,
    /// Different verified bytes of it.
    pub verified_bytes: u64,
    /// Whether one client of the subject sent all of it, in one version.
    pub complete: bool,
}

/// Pieces from `first` to `last`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // Two plain fields.
pub struct PieceRange {
    pub first: u32,
    pub last: u32,
}
