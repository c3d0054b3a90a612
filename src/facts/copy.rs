//! Digests of copies of pieces: what bytes hash to, not what that means.

use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Journal, Receiver, Run};
use crate::Error;

/// A hashed byte string. It decides nothing: with it, a hash is not computed a second time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Copy {
    /// The number of its piece on the wire.
    pub piece: u32,
    /// Which bytes they are.
    pub content: ContentName,
    /// Another content that was seen to have the same bytes.
    pub same_as: Option<ContentName>,
    /// The unit that was hashed: offset of its first byte within the piece, and of the byte behind the last one. Bytes that
    /// the content does not have are zeros.
    pub range: CopyRange,
    /// Bytes of the unit that were cut into leaves (BEP 52); 0 where none were.
    pub in_leaves: u32,
    /// Digests of the bytes.
    pub digests: Digests,
}

/// A name for bytes by where they lie: half of the SHA-256 over the places of their slices. Two with one name are the same
/// bytes of the same captures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ContentName(pub [u8; 16]);

impl ContentName {
    /// The name of bytes by the places of their slices, as text in any encoding that tells them apart.
    pub fn of_places(text: &[u8]) -> Self {
        // Rationale: one short text; an engine for many messages at once is slower.
        Self(Sha256::digest(text).first_chunk().copied().unwrap_or_default())
    }

    /// The name of these bytes of one set among several, by the number of that set.
    pub fn in_set(self, number: usize) -> Self {
        if number == 0 {
            return self;
        }
        let hashed = Sha256::new().chain_update((number as u64).to_le_bytes()).chain_update(self.0).finalize();
        Self(hashed.first_chunk().copied().unwrap_or_default())
    }
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

/// Digests of a byte string.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Digests {
    /// SHA-1 of all of it, padding included as zeros; `None` where it was not computed.
    pub sha1: Option<[u8; 20]>,
    /// SHA-256 of each leaf of 16 KiB (BEP 52), in order; empty where they were not computed.
    pub leaves: Vec<[u8; 32]>,
    /// Set if all bytes have one value.
    pub trivial: bool,
    /// The leaves whose bytes have one value, as ranges of leaf numbers within the piece: ascending, apart.
    pub trivial_leaves: Vec<CopyRange>,
}

/// Hashes copies while the walk goes on and their bytes are warm. What it leaves out is hashed later: it costs time, and no
/// figure.
pub trait Eager: fmt::Debug {
    /// Takes a block that was written down.
    ///
    /// # Errors
    /// [`Error::Io`] when there is no room to write down what was hashed.
    fn block(&mut self, block: &Heard<'_>) -> Result<(), Error>;

    /// Ends, and gives all that was hashed.
    ///
    /// # Errors
    /// As [`Self::block`].
    fn finish(&mut self) -> Result<Journal<Copy>, Error>;
}

/// A block as far as whoever hashes needs it.
#[derive(Clone, Copy, Debug)]
pub struct Heard<'r> {
    /// Of which torrent its connection speaks.
    pub info_hash: [u8; 20],
    /// Piece index as sent.
    pub piece: u32,
    /// Offset within the piece as sent, in bytes.
    pub begin: u32,
    /// Payload length as stated, in bytes.
    pub len: u32,
    /// Who receives it.
    pub receiver: Receiver,
    /// The captured bytes, in order.
    pub runs: &'r [Run],
}
