//! bencode, metainfo v1, v2 and hybrid, geometry, files, Merkle trees.

/// The torrents of a run.
#[derive(Clone, Debug, Default)]
pub struct Torrents;
