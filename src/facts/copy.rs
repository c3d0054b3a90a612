//! Digests of copies of pieces: what bytes hash to, not what that means.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::BlockId;

/// A hashed byte string, made of blocks. It decides nothing: with it, a hash is not computed a second time.
///
/// # Invariants
/// - `parts` are the blocks in the order of their bytes, each once; together they cover `range` but for padding.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Copy {
    /// The blocks that it consists of.
    pub parts: Vec<BlockId>,
    /// Offset of its first byte within the piece, and of the byte behind the last one.
    pub range: CopyRange,
    /// What it hashes to.
    pub digests: Digests,
}

/// A range within a piece, in bytes; ordered by its beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CopyRange {
    /// The first byte.
    pub start: u32,
    /// Behind the last byte.
    pub end: u32,
}

impl From<Range<u32>> for CopyRange {
    fn from(range: Range<u32>) -> Self {
        Self { start: range.start, end: range.end }
    }
}

/// What a byte string hashes to.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Digests {
    /// SHA-1 of all of it, padding included as zeros; `None` where it was not computed.
    pub sha1: Option<[u8; 20]>,
    /// SHA-256 of each leaf of 16 KiB (BEP 52), in order; empty where they were not computed.
    pub leaves: Vec<[u8; 32]>,
    /// Whether all bytes have one value.
    pub trivial: bool,
    /// The leaves whose bytes have one value, as ranges of leaf numbers within the copy: ascending, apart.
    pub trivial_leaves: Vec<CopyRange>,
}
