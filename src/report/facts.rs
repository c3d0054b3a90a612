//! The torrent files that were given: plain data, so that the report needs no parser.

use crate::torrent::Torrents;

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

/// The inputs of a run besides its captures.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Given {
    /// Torrent files, sorted by name.
    pub inputs: Vec<TorrentInput>,
    /// Files in directories that were passed over as no torrents, and why; sorted by name.
    pub passed_over: Vec<(String, String)>,
}

impl Given {
    /// The files that the torrents of a run came from.
    pub fn of(torrents: &Torrents) -> Self {
        Self {
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
}
