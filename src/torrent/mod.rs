//! bencode, metainfo v1, v2 and hybrid, geometry, files, Merkle trees.
//!
//! A [`Torrents`] is what a run was given; a [`Torrent`] says where every byte belongs and what it must hash to. Raw
//! numbers from the wire become a [`PieceIndex`] or [`Placed`] here, once.

mod files;
mod geometry;
mod layers;
mod magnet;
pub mod merkle;
mod metainfo;
#[cfg(test)]
pub(crate) mod sample;
mod set;

use std::ops::Range;
use std::sync::Arc;

use sha1::{Digest, Sha1};
use sha2::Sha256;

use crate::Error;
use crate::ends::InfoHash;
use crate::words::words;

pub use files::TorrentFile;
pub(crate) use files::shown_path;
pub use geometry::{Misplaced, PieceIndex, Placed};
pub use layers::OpenLayer;
pub use magnet::Magnet;
pub use set::{TorrentId, TorrentInput, Torrents, Unreadable};

use geometry::{Geometry, Layout};
use merkle::{HashProof, LEAF_BYTES, LeafHashes, ProofError};
use metainfo::Info;

/// One torrent: v1 (BEP 3), v2 (BEP 52), or both (hybrid); or only its info-hash (from a magnet link, BEP 9).
///
/// # Invariants
/// - At least one of the two info-hashes is known.
/// - Without metadata there are no files and no pieces.
#[derive(Clone, Debug)]
pub struct Torrent {
    name: String,
    source: Source,
    private: bool,
    hash_v1: Option<[u8; 20]>,
    hash_v2: Option<[u8; 32]>,
    /// Shared by copies, as are the pieces: there may be millions of files.
    geometry: Arc<Geometry>,
    pieces: Option<Arc<[[u8; 20]]>>,
    trees: LeafHashes,
    webseeds: Vec<String>,
    http_seeds: Vec<String>,
    faults: Vec<String>,
    /// The file, or of [`Source::Capture`] the info dictionary; nothing of a magnet link.
    raw: Option<Arc<[u8]>>,
}

words! {
    /// Where a torrent is known from.
    pub enum Source {
        /// A torrent file.
        File = "file",
        /// A magnet link.
        Magnet = "magnet",
        /// Metadata that peers sent one another (BEP 9), in the capture, and that hashes to the info-hash.
        Capture = "capture",
    }
}

/// The hash that a piece must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// v1: the SHA-1 of the whole piece, padding included as zeros.
    Sha1([u8; 20]),
    /// v2: the root of the piece's Merkle tree over SHA-256 of 16 KiB leaves.
    V2(PieceTree),
    /// Hybrid: both.
    Both {
        /// As in [`Expected::Sha1`].
        sha1: [u8; 20],
        /// As in [`Expected::V2`].
        v2: PieceTree,
    },
    /// v2: the SHA-256 of one leaf, without padding.
    Leaf([u8; 32]),
    /// Nothing that could verify it is known (a v2 torrent without piece layers).
    Unknown,
}

/// The Merkle tree of one piece (BEP 52).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PieceTree {
    /// Its root.
    pub root: [u8; 32],
    /// Bytes of the file in the piece; what follows is padding and not hashed. At least 1.
    pub content: u32,
    /// Leaves of the tree, a power of two. Those beyond `content` are 32 zero bytes (not a hash of zeros).
    pub width: u32,
}

impl Torrent {
    /// Reads a torrent file, or a magnet link. `name` is for messages.
    ///
    /// # Errors
    /// [`Error::Malformed`] with the byte offset of the first fault.
    pub fn parse(name: &str, bytes: &[u8]) -> Result<Self, Error> {
        let text = bytes.trim_ascii();
        if magnet::is_magnet(text) {
            let ahead = bytes.len() - bytes.trim_ascii_start().len();
            return Magnet::parse(text).map(Self::from_magnet).map_err(|flaw| flaw.behind(ahead).at(name));
        }
        metainfo::torrent_file(bytes)
            .map(|info| Self::of(info, Source::File, bytes.into()))
            .map_err(|flaw| flaw.at(name))
    }

    /// Reads an info dictionary alone (BEP 9). The caller compares
    /// [`Torrent::wire_hashes`] with the hash that the metadata was asked under. Piece layers are not part of it:
    /// v2 pieces of such a torrent are [`Expected::Unknown`] until [`Torrent::learn`] hears of them.
    ///
    /// # Errors
    /// [`Error::Malformed`] with the byte offset of the first fault.
    pub fn from_info(info: impl Into<Arc<[u8]>>, source: Source) -> Result<Self, Error> {
        let info = info.into();
        metainfo::info_dictionary(&info)
            .map(|read| Self::of(read, source, info.clone()))
            .map_err(|flaw| flaw.at("info dictionary"))
    }

    fn from_magnet(magnet: Magnet) -> Self {
        Self {
            name: magnet.name,
            source: Source::Magnet,
            private: false,
            hash_v1: magnet.info_hash_v1,
            hash_v2: magnet.info_hash_v2,
            geometry: Arc::default(),
            pieces: None,
            trees: LeafHashes::default(),
            webseeds: magnet.webseeds,
            http_seeds: Vec::new(),
            faults: Vec::new(),
            raw: None,
        }
    }

    fn of(info: Info, source: Source, raw: Arc<[u8]>) -> Self {
        let Info { name, private, geometry, hash_v1, hash_v2, pieces, trees, webseeds, http_seeds, faults } = info;
        let (raw, geometry, pieces) = (Some(raw), Arc::new(geometry), pieces.map(Arc::from));
        Self { name, source, private, hash_v1, hash_v2, geometry, pieces, trees, webseeds, http_seeds, faults, raw }
    }

    /// Breaches of bencode's canonical form (BEP 3) in its file, in words with their place; the first few. The
    /// info-hash is over the bytes as written, so they change nothing.
    pub fn faults(&self) -> &[String] {
        &self.faults
    }

    /// Its file: as given, or of an info dictionary rebuilt around it; `None` where only a link is known.
    pub fn file(&self) -> Option<Vec<u8>> {
        let raw = self.raw.as_ref()?;
        Some(if self.source == Source::Capture { self.metainfo(raw) } else { raw.to_vec() })
    }

    /// The hash under which the report speaks of it: v1 where it has one, else v2 in full.
    pub fn info_hash(&self) -> InfoHash {
        let v1 = self.hash_v1.map(|hash| hash.to_vec());
        InfoHash(v1.or_else(|| self.hash_v2.map(|hash| hash.to_vec())).unwrap_or_default())
    }

    /// SHA-1 of the info dictionary; `None` for a v2-only torrent.
    pub fn info_hash_v1(&self) -> Option<[u8; 20]> {
        self.hash_v1
    }

    /// SHA-256 of the info dictionary; `None` for a v1-only torrent.
    pub fn info_hash_v2(&self) -> Option<[u8; 32]> {
        self.hash_v2
    }

    /// The info-hashes by which handshakes name the torrent: the v1 hash, and the v2 hash cut to 20 bytes (BEP 52).
    pub fn wire_hashes(&self) -> impl Iterator<Item = [u8; 20]> {
        self.hash_v1.into_iter().chain(self.hash_v2.and_then(|hash| hash.first_chunk::<20>().copied()))
    }

    /// Its name, safe to print; may be empty for a magnet link.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// URLs of its webseeds, as its `url-list` (BEP 19) or the `ws` of its magnet link has them.
    pub fn webseeds(&self) -> &[String] {
        &self.webseeds
    }

    /// URLs of its HTTP seeds, as its `httpseeds` (BEP 17) has them.
    pub fn http_seeds(&self) -> &[String] {
        &self.http_seeds
    }

    /// Content in bytes, without padding.
    pub fn size(&self) -> u64 {
        self.geometry.files.iter().filter(|file| !file.pad).map(|file| file.size).sum()
    }

    /// Piece length in bytes; 0 without metadata.
    pub fn piece_length(&self) -> u32 {
        self.geometry.piece_length
    }

    /// Number of pieces; 0 without metadata.
    pub fn piece_count(&self) -> u32 {
        self.geometry.pieces
    }

    /// Returns true if the torrent asks clients to use trackers only (BEP 27).
    pub fn private(&self) -> bool {
        self.private
    }

    /// Where it is known from.
    pub fn source(&self) -> Source {
        self.source
    }

    /// Returns true if more than the info-hash is known.
    pub fn has_metadata(&self) -> bool {
        self.geometry.layout != Layout::Unknown
    }

    /// Its files in the order of the byte space, pad files included.
    pub fn files(&self) -> &[TorrentFile] {
        &self.geometry.files
    }

    /// The piece with this index, if there is one.
    pub fn piece(&self, raw: u32) -> Option<PieceIndex> {
        self.geometry.piece(raw)
    }

    /// Size of the piece in bytes. In a v1 or hybrid torrent the last one may be short; in a v2-only torrent every
    /// piece counts in full, since clients may fill it up with padding, see [`Torrent::pads`].
    pub fn piece_size(&self, piece: PieceIndex) -> u32 {
        self.geometry.piece_size(piece)
    }

    /// Place of its first byte in the torrent's byte space.
    pub fn piece_offset(&self, piece: PieceIndex) -> u64 {
        self.geometry.piece_offset(piece)
    }

    /// Checks a block against the torrent.
    ///
    /// # Errors
    /// Why it does not lie inside.
    pub fn place(&self, piece: u32, begin: u32, len: u32) -> Result<Placed, Misplaced> {
        self.geometry.place(piece, begin, len)
    }

    /// The padding inside the piece, in ascending order: pad files (BEP 47); in a v2-only torrent the part beyond the
    /// file's end. For a SHA-1 it counts as zeros.
    pub fn pads(&self, piece: PieceIndex) -> impl Iterator<Item = Range<u32>> {
        self.geometry.pads(piece)
    }

    /// Returns true if some padding of the piece is known by its name only, so that it may not be zeros.
    pub fn guesses_pads(&self, piece: PieceIndex) -> bool {
        self.geometry.guesses_pads(piece)
    }

    /// The content under `range` of the piece: each file's index in [`Torrent::files`] with the range within the
    /// file. Padding is left out.
    pub fn files_in(&self, piece: PieceIndex, range: Range<u32>) -> impl Iterator<Item = (usize, Range<u64>)> {
        self.geometry.files_in(piece, range)
    }

    /// The file's place in the byte space; empty for an index that there is not.
    pub fn file_range(&self, file: usize) -> Range<u64> {
        self.geometry.files.get(file).map_or(0..0, |file| file.offset..file.end())
    }

    /// The hash that the piece must have.
    pub fn expected(&self, piece: PieceIndex) -> Expected {
        let sha1 = self.pieces.as_ref().and_then(|pieces| pieces.get(piece.number() as usize)).copied();
        match (sha1, self.piece_tree(piece)) {
            (Some(sha1), Some(v2)) => Expected::Both { sha1, v2 },
            (Some(sha1), None) => Expected::Sha1(sha1),
            (None, Some(v2)) => Expected::V2(v2),
            (None, None) => Expected::Unknown,
        }
    }

    /// The hash that the leaf (16 KiB, BEP 52) of the piece must have, where that is known: from the piece layer
    /// when a piece is one leaf, from the root when the file is one leaf, or from proofs, see [`Torrent::learn`].
    /// `None` also for a leaf beyond the file's end and in a v1 torrent.
    pub fn leaf(&self, piece: PieceIndex, leaf: u32) -> Option<[u8; 32]> {
        let (root, file, within) = self.file_of(piece)?;
        let leaf_start = u64::from(leaf).checked_mul(u64::from(LEAF_BYTES))?;
        if leaf_start >= u64::from(self.piece_length()) || within + leaf_start >= file.size {
            return None;
        }
        self.trees.node(root, file.size, 0, (within + leaf_start) / u64::from(LEAF_BYTES))
    }

    /// The smallest part of the piece's tree that is known and holds the leaf: its first leaf within the piece, and
    /// its tree. `None` where nothing of it is known up to the piece, beyond the file's end, and in a v1 torrent.
    pub fn part(&self, piece: PieceIndex, leaf: u32) -> Option<(u32, PieceTree)> {
        let (root, file, within) = self.file_of(piece)?;
        let at = u64::from(leaf).checked_mul(u64::from(LEAF_BYTES))?;
        if at >= u64::from(self.piece_length()) || within + at >= file.size {
            return None;
        }
        let index = (within + at) / u64::from(LEAF_BYTES);
        (0..=(self.piece_length() / LEAF_BYTES).trailing_zeros()).find_map(|layer| {
            let root = self.trees.node(root, file.size, layer, index >> layer)?;
            let first = index >> layer << layer;
            let width = 1_u32 << layer;
            let left = u32::try_from(file.size - first * u64::from(LEAF_BYTES)).unwrap_or(u32::MAX);
            let content = left.min(width.saturating_mul(LEAF_BYTES));
            let first = u32::try_from(first - within / u64::from(LEAF_BYTES)).ok()?;
            Some((first, PieceTree { root, content, width }))
        })
    }

    /// Returns true if every leaf of the piece that has content is known, see [`Torrent::leaf`].
    pub fn has_leaves(&self, piece: PieceIndex) -> bool {
        let Some((root, file, within)) = self.file_of(piece) else { return false };
        let end = file.size.min(within.saturating_add(u64::from(self.piece_length())));
        let leaf = u64::from(LEAF_BYTES);
        self.trees.has_leaves(root, file.size, within / leaf..end.div_ceil(leaf))
    }

    /// Returns true if a part of the piece's tree is known that is smaller than the piece, or the piece is one leaf
    /// that is known; see [`Torrent::part`].
    pub fn has_parts(&self, piece: PieceIndex) -> bool {
        let Some((root, file, within)) = self.file_of(piece) else { return false };
        let end = file.size.min(within.saturating_add(u64::from(self.piece_length())));
        let leaf = u64::from(LEAF_BYTES);
        self.trees.has_parts(root, file.size, within / leaf..end.div_ceil(leaf))
    }

    /// Checks a `hashes` message against what is known, and keeps what it proves: then [`Torrent::leaf`] and
    /// [`Torrent::expected`] know more. Returns how many hashes of its base layer are new.
    ///
    /// # Errors
    /// Why nothing was learned; only [`ProofError::Wrong`] shows that the sender's hashes are false.
    pub fn learn(&mut self, proof: &HashProof<'_>) -> Result<u32, ProofError> {
        self.trees.learn(proof)
    }

    /// Returns true if every piece of every file has a hash to be verified with.
    pub fn verifiable(&self) -> bool {
        let mut pieces = (0..self.piece_count()).filter_map(|raw| self.piece(raw));
        self.has_metadata() && (self.pieces.is_some() || pieces.all(|piece| self.piece_tree(piece).is_some()))
    }

    fn piece_tree(&self, piece: PieceIndex) -> Option<PieceTree> {
        let (root, file, within) = self.file_of(piece)?;
        let content = u32::try_from(file.size - within).unwrap_or(u32::MAX).min(self.piece_length());
        if file.size <= u64::from(self.piece_length()) {
            return Some(PieceTree { root, content, width: content.div_ceil(LEAF_BYTES).next_power_of_two() });
        }
        let width = self.piece_length() / LEAF_BYTES;
        let index = within / u64::from(self.piece_length());
        let root = self.trees.node(root, file.size, width.trailing_zeros(), index)?;
        Some(PieceTree { root, content, width })
    }

    /// The one file with a Merkle tree in the piece: its root, the file, and where in it the piece begins.
    fn file_of(&self, piece: PieceIndex) -> Option<([u8; 32], &TorrentFile, u64)> {
        let (index, range) = self.files_in(piece, 0..self.piece_size(piece)).next()?;
        let file = self.geometry.files.get(index)?;
        Some((file.pieces_root?, file, range.start))
    }

    /// Takes from `other`, which shares an info-hash, what this one lacks. Metadata settles which hashes there are:
    /// a link may claim that two torrents are one.
    fn absorb(&mut self, other: Self) {
        let metadata = other.has_metadata() && !self.has_metadata();
        let layers = other.verifiable() && !self.verifiable();
        for (known, more) in [(&mut self.webseeds, &other.webseeds), (&mut self.http_seeds, &other.http_seeds)] {
            known.extend_from_slice(more);
            known.sort_unstable();
            known.dedup();
        }
        if metadata || layers {
            let (webseeds, http_seeds) = (std::mem::take(&mut self.webseeds), std::mem::take(&mut self.http_seeds));
            *self = Self { webseeds, http_seeds, ..other };
        } else if !self.has_metadata() {
            self.hash_v1 = self.hash_v1.or(other.hash_v1);
            self.hash_v2 = self.hash_v2.or(other.hash_v2);
        }
    }
}

fn sha1(bytes: &[u8]) -> [u8; 20] {
    Sha1::digest(bytes).into()
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Asks a torrent everything, so that a contradiction in it shows.
    fn interrogate(torrent: &Torrent) {
        let mut sum = 0;
        for raw in 0..torrent.piece_count().min(100) {
            let piece = torrent.piece(raw).expect("below the count");
            let size = torrent.piece_size(piece);
            assert!(size > 0 && size <= torrent.piece_length());
            assert!(torrent.place(raw, 0, size).is_ok() && torrent.place(raw, 1, size).is_err());
            let content: u64 = torrent.files_in(piece, 0..size).map(|(_, range)| range.end - range.start).sum();
            let pads: u32 = torrent.pads(piece).map(|pad| pad.end - pad.start).sum();
            assert_eq!(content + u64::from(pads), u64::from(size));
            sum += content;
            let _ = (torrent.expected(piece), torrent.leaf(piece, 0), torrent.leaf(piece, u32::MAX));
        }
        if torrent.piece_count() <= 100 {
            assert_eq!(sum, torrent.size());
        }
        assert!(torrent.wire_hashes().count() >= 1);
    }

    #[test]
    fn every_sample_answers_every_question() {
        for bytes in samples() {
            interrogate(&Torrent::parse("t", &bytes).expect("valid"));
        }
    }

    #[test]
    fn a_sample_cut_anywhere_is_refused() {
        for bytes in samples() {
            for cut in 0..bytes.len() {
                assert!(Torrent::parse("t", &bytes[..cut]).is_err());
            }
        }
    }

    fn samples() -> [Vec<u8>; 4] {
        [
            sample::torrent(&sample::single_v1()),
            sample::torrent(&sample::multi_v1()),
            sample::torrent_v2(&sample::multi_v2()),
            sample::torrent_v2(&sample::multi_hybrid()),
        ]
    }

    proptest! {
        #[test]
        fn mutated_torrents_are_read_or_refused(
            which in 0..4_usize,
            edits in proptest::collection::vec((any::<prop::sample::Index>(), prop_oneof![
                proptest::sample::select(&b"0123456789deil:-"[..]),
                any::<u8>(),
            ], 0..3_u8), 1..6),
        ) {
            let samples = SAMPLES.get_or_init(samples);
            let mut bytes = samples[which].clone();
            for (place, byte, edit) in edits {
                let place = place.index(bytes.len());
                match edit {
                    0 => bytes[place] = byte,
                    1 => bytes.insert(place, byte),
                    _ => {
                        bytes.remove(place);
                    }
                }
            }
            if let Ok(torrent) = Torrent::parse("t", &bytes) {
                interrogate(&torrent);
            }
            if let Ok(torrent) = Torrent::from_info(bytes.as_slice(), Source::Capture) {
                interrogate(&torrent);
            }
        }
    }

    static SAMPLES: std::sync::OnceLock<[Vec<u8>; 4]> = std::sync::OnceLock::new();
}
