//! What the report says of the torrents that were given: plain data, so that the report needs no parser.

use crate::evidence::InfoHash;
use crate::torrent::{Source, Torrent, Torrents};

/// A torrent that was given, as the report states it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TorrentFacts {
    /// SHA-1 of the info dictionary; `None` for a v2-only torrent.
    pub info_hash_v1: Option<[u8; 20]>,
    /// SHA-256 of the info dictionary; `None` for a v1-only torrent.
    pub info_hash_v2: Option<[u8; 32]>,
    /// The name that the torrent gives itself; not escaped.
    pub name: String,
    /// Bytes of content, padding included.
    pub size: u64,
    /// Bytes per piece.
    pub piece_length: u64,
    /// Number of pieces.
    pub pieces: u64,
    /// Whether the info dictionary is known; without it size, pieces and files are not.
    pub has_metadata: bool,
    /// Whether it asks to be announced to its own trackers only (BEP 27).
    pub private: bool,
    /// Where it is known from.
    pub source: Source,
    /// Its files, in the torrent's order.
    pub files: Vec<FileFacts>,
}

/// A file of a torrent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileFacts {
    /// Path inside the torrent, joined by `/`; of files of different paths always different.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// Whether it is padding (BEP 47).
    pub pad: bool,
}

/// A torrent file that was read.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct TorrentInput {
    /// File name without its directories.
    pub name: String,
    /// SHA-256 of the file.
    pub sha256: [u8; 32],
    /// Size in bytes.
    pub bytes: u64,
}

/// Everything that the report says of the torrents of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Given {
    /// The torrents, in any order: they are found by info-hash.
    pub torrents: Vec<TorrentFacts>,
    /// The files they came from, sorted by name.
    pub inputs: Vec<TorrentInput>,
    /// Files in directories that were passed over as no torrents, and why; sorted by name.
    pub passed_over: Vec<(String, String)>,
}

impl TorrentFacts {
    /// The facts of one torrent.
    pub fn of(torrent: &Torrent) -> Self {
        Self {
            info_hash_v1: torrent.info_hash_v1(),
            info_hash_v2: torrent.info_hash_v2(),
            name: torrent.name().to_owned(),
            size: torrent.size(),
            piece_length: u64::from(torrent.piece_length()),
            pieces: u64::from(torrent.piece_count()),
            has_metadata: torrent.has_metadata(),
            private: torrent.private(),
            source: torrent.source(),
            files: torrent
                .files()
                .iter()
                .map(|file| FileFacts { path: file.shown.clone(), size: file.size, pad: file.pad })
                .collect(),
        }
    }

    /// The hash under which the report speaks of it: the v1 one where there is one, else the v2 one in full.
    pub fn info_hash(&self) -> InfoHash {
        let v1 = self.info_hash_v1.map(|hash| hash.to_vec());
        InfoHash(v1.or(self.info_hash_v2.map(|hash| hash.to_vec())).unwrap_or_default())
    }
}

impl Given {
    /// The facts of every torrent of a run.
    pub fn of(torrents: &Torrents) -> Self {
        Self {
            torrents: torrents.iter().map(TorrentFacts::of).collect(),
            inputs: torrents
                .inputs()
                .iter()
                .map(|input| TorrentInput { name: input.name.clone(), sha256: input.sha256, bytes: input.bytes })
                .collect(),
            passed_over: torrents
                .passed_over()
                .iter()
                .map(|other| (other.name.clone(), other.why.clone()))
                .collect(),
        }
    }

    /// The torrent of which the report speaks under `info_hash`.
    pub fn torrent(&self, info_hash: &InfoHash) -> Option<&TorrentFacts> {
        self.torrents.iter().find(|torrent| torrent.info_hash() == *info_hash)
    }
}
