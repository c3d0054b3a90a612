//! The Merkle trees of BEP 52: SHA-256 over 16 KiB leaves, one tree per file.
//!
//! Layer 0 is the leaves. Leaves behind the file's end are 32 zero bytes, so that every tree is balanced.

use std::{collections::BTreeMap, ops::Range};

use sha2::{Digest, Sha256};

pub use crate::oddity::ProofError;

/// Bytes under one leaf (BEP 52).
pub const LEAF_BYTES: u32 = 16_384;

/// The hash of a leaf: at most [`LEAF_BYTES`] of a file's content, without padding.
pub fn leaf_hash(content: &[u8]) -> [u8; 32] {
    super::sha256(content)
}

/// The root of a tree of `width` leaves, a power of two, of which the first are given; the others are padding.
pub fn root(leaves: &[[u8; 32]], width: u32) -> [u8; 32] {
    root_over(leaves, 0, u64::from(width))
}

/// The root of `width` nodes of a layer, a power of two; missing ones are padding.
fn root_over(nodes: &[[u8; 32]], mut layer: u32, width: u64) -> [u8; 32] {
    debug_assert!(width.is_power_of_two() && nodes.len() as u64 <= width);
    let mut nodes = nodes.to_vec();
    let mut padding = padding(layer);
    let top = layer + width.trailing_zeros();
    while layer < top {
        let (pairs, odd) = nodes.as_chunks::<2>();
        let pairs = pairs.iter().map(|[left, right]| parent(left, right));
        nodes = pairs.chain(odd.first().map(|left| parent(left, &padding))).collect();
        padding = parent(&padding, &padding);
        layer += 1;
    }
    nodes.first().copied().unwrap_or(padding)
}

/// A node of `layer` that is above padding alone.
pub fn padding(layer: u32) -> [u8; 32] {
    (0..layer).fold([0; 32], |below, _| parent(&below, &below))
}

fn parent(left: &[u8; 32], right: &[u8; 32]) -> [u8; 32] {
    Sha256::new().chain_update(left).chain_update(right).finalize().into()
}

/// A range of hashes of one file with its proof: a `hashes` message (BEP 52, id 22).
#[derive(Clone, Copy, Debug)]
pub struct HashProof<'a> {
    /// Which file, by its root.
    pub pieces_root: [u8; 32],
    /// The layer of the hashes; 0 is the leaves.
    pub base_layer: u32,
    /// The first hash within the layer; a multiple of `length`.
    pub index: u32,
    /// How many hashes: a power of two.
    pub length: u32,
    /// The hashes, then the uncle hashes from the lowest layer up, 32 bytes each.
    pub hashes: &'a [u8],
}

/// The known hashes of the trees of one torrent: roots, piece layers, and the nodes that proofs add at run time.
///
/// # Invariants
/// - Every node kept is proven up to its tree's root.
#[derive(Clone, Debug, Default)]
pub(super) struct LeafHashes {
    /// By root and file size in bytes: files of equal content share a tree.
    trees: BTreeMap<([u8; 32], u64), Tree>,
}

impl LeafHashes {
    /// Adds the tree of a file of `size > 0` bytes. `layer`, when given, is its piece layer; false when that does not
    /// fit the root.
    pub fn add(&mut self, root: [u8; 32], size: u64, piece_layer: u32, layer: Option<&[[u8; 32]]>) -> bool {
        let tree = self.trees.entry((root, size)).or_insert_with(|| Tree::new(root, size, piece_layer));
        let Some(layer) = layer else {
            return true;
        };
        let width = tree.width(piece_layer);
        if layer.len() as u64 != tree.content(piece_layer) || root_over(layer, piece_layer, width) != root {
            return false;
        }
        layer.clone_into(&mut tree.layer);
        true
    }

    /// The node of a file's tree, where known.
    pub fn node(&self, root: [u8; 32], size: u64, layer: u32, index: u64) -> Option<[u8; 32]> {
        self.trees.get(&(root, size))?.node(layer, index)
    }

    /// Returns true if all these leaves of a file's tree are known.
    pub fn has_leaves(&self, root: [u8; 32], size: u64, leaves: std::ops::Range<u64>) -> bool {
        self.trees.get(&(root, size)).is_some_and(|tree| tree.has_leaves(leaves))
    }

    /// Returns true if a part of a piece of a file's tree is known that is smaller than the piece, or the piece is
    /// one leaf that is known. `leaves` are those of the piece, at least one.
    pub fn has_parts(&self, root: [u8; 32], size: u64, leaves: std::ops::Range<u64>) -> bool {
        self.trees.get(&(root, size)).is_some_and(|tree| tree.has_parts(leaves))
    }

    /// The parts of the piece layer of a file's tree that are not known, each under a node that is: its nodes within
    /// the layer, and those of them that are above content.
    pub fn open_layer(&self, root: [u8; 32], size: u64) -> impl Iterator<Item = (Range<u64>, Range<u64>)> {
        let tree = self.trees.get(&(root, size));
        let mut at = 0;
        std::iter::from_fn(move || {
            let tree = tree?;
            let (layer, content) = (tree.piece_layer, tree.content(tree.piece_layer));
            while at < content && tree.node(layer, at).is_some() {
                at += 1;
            }
            if at >= content {
                return None;
            }
            let above =
                (0..=tree.height.saturating_sub(layer)).find(|up| tree.node(layer + up, at >> up).is_some())?;
            let nodes = at >> above << above..((at >> above) + 1) << above;
            at = nodes.end;
            Some((nodes.clone(), nodes.start..nodes.end.min(content)))
        })
    }

    /// Returns true if a proof holds, without keeping anything.
    pub fn proves(&self, proof: &HashProof<'_>) -> bool {
        let range = (proof.pieces_root, 0)..=(proof.pieces_root, u64::MAX);
        self.trees.range(range).any(|(_, tree)| tree.check(proof).is_ok())
    }

    /// Checks a proof and keeps what it proves; returns how many nodes of its range were not known before.
    pub fn learn(&mut self, proof: &HashProof<'_>) -> Result<u32, ProofError> {
        let range = (proof.pieces_root, 0)..=(proof.pieces_root, u64::MAX);
        let mut outcome = Err(ProofError::NoSuchFile);
        for (_, tree) in self.trees.range_mut(range) {
            outcome = outcome.or(tree.learn(proof));
        }
        outcome
    }
}

/// The known hashes of one tree.
#[derive(Clone, Debug)]
struct Tree {
    root: [u8; 32],
    /// Leaves with content; at least 1.
    leaves: u64,
    /// Layer of the root.
    height: u32,
    /// The layer whose nodes are pieces, where the file has more than one.
    piece_layer: u32,
    /// Its nodes from the first on; empty while unknown.
    layer: Vec<[u8; 32]>,
    /// Nodes proven at run time, by layer and index.
    learned: BTreeMap<(u32, u64), [u8; 32]>,
}

impl Tree {
    fn new(root: [u8; 32], size: u64, piece_layer: u32) -> Self {
        let leaves = size.div_ceil(u64::from(LEAF_BYTES)).max(1);
        let height = leaves.next_power_of_two().trailing_zeros();
        Self { root, leaves, height, piece_layer, layer: Vec::new(), learned: BTreeMap::new() }
    }

    /// Nodes of a layer, padding included; 0 above the root.
    fn width(&self, layer: u32) -> u64 {
        if layer > self.height { 0 } else { 1 << (self.height - layer) }
    }

    /// Nodes of a layer that are above content.
    fn content(&self, layer: u32) -> u64 {
        if layer > self.height { 0 } else { self.leaves.div_ceil(1 << layer) }
    }

    fn node(&self, layer: u32, index: u64) -> Option<[u8; 32]> {
        if index >= self.width(layer) {
            return None;
        }
        if layer == self.height {
            return Some(self.root);
        }
        if index >= self.content(layer) {
            return Some(padding(layer));
        }
        let piece = usize::try_from(index).ok().filter(|_| layer == self.piece_layer);
        let piece = piece.and_then(|index| self.layer.get(index));
        piece.or_else(|| self.learned.get(&(layer, index))).copied()
    }

    fn has_leaves(&self, leaves: std::ops::Range<u64>) -> bool {
        let known = match self.piece_layer {
            _ if self.height == 0 => 1,
            0 if !self.layer.is_empty() => self.layer.len() as u64,
            // What was learned is counted, not looked up: this is asked for every block.
            _ => {
                return self.learned.range((0, leaves.start)..(0, leaves.end)).count() as u64
                    == leaves.end - leaves.start;
            }
        };
        leaves.end <= known
    }

    fn has_parts(&self, leaves: std::ops::Range<u64>) -> bool {
        let whole = self.piece_layer.min(self.height);
        if whole == 0 {
            return self.node(0, leaves.start).is_some();
        }
        // What is known below the pieces was learned.
        (0..whole).any(|layer| {
            let end = (leaves.end.saturating_sub(1) >> layer) + 1;
            self.learned.range((layer, leaves.start >> layer)..(layer, end)).next().is_some()
        })
    }

    fn learn(&mut self, proof: &HashProof<'_>) -> Result<u32, ProofError> {
        let nodes = self.check(proof)?;
        let mut new = 0;
        for (layer, index, hash) in nodes {
            if self.node(layer, index).is_none() {
                self.learned.insert((layer, index), hash);
                new += u32::from(layer == proof.base_layer);
            }
        }
        Ok(new)
    }

    /// The nodes that a proof proves.
    fn check(&self, proof: &HashProof<'_>) -> Result<Vec<(u32, u64, [u8; 32])>, ProofError> {
        let first = u64::from(proof.index);
        let length = u64::from(proof.length);
        let fits = proof.length.is_power_of_two()
            && first.is_multiple_of(length)
            && first + length <= self.width(proof.base_layer);
        if !fits {
            return Err(ProofError::BadRange);
        }
        let (hashes, rest) = proof.hashes.as_chunks::<32>();
        let Some((base, uncles)) = hashes.split_at_checked(proof.length as usize).filter(|_| rest.is_empty())
        else {
            return Err(ProofError::BadLength);
        };
        self.climb(proof.base_layer, first, base, uncles)
    }

    /// All nodes from `base` to the highest known node above it that the uncles lead to; an error unless there is one.
    fn climb(
        &self,
        base_layer: u32,
        first: u64,
        base: &[[u8; 32]],
        uncles: &[[u8; 32]],
    ) -> Result<Vec<(u32, u64, [u8; 32])>, ProofError> {
        let mut layer = base_layer;
        let mut index = first;
        let mut row = base.to_vec();
        let mut nodes = Vec::new();
        let mut proven = None;
        let mut uncles = uncles.iter();
        loop {
            for (hash, at) in row.iter().zip(index..) {
                match self.node(layer, at) {
                    Some(known) if known != *hash => return Err(ProofError::Wrong),
                    _ => nodes.push((layer, at, *hash)),
                }
            }
            if let [top] = row.as_slice() {
                if self.node(layer, index).is_some() {
                    proven = Some(nodes.len());
                }
                let Some(uncle) = uncles.next() else {
                    break;
                };
                if layer >= self.height {
                    return Err(ProofError::BadLength);
                }
                let sibling = index ^ 1;
                if self.node(layer, sibling).is_some_and(|known| known != *uncle) {
                    return Err(ProofError::Wrong);
                }
                nodes.push((layer, sibling, *uncle));
                row = vec![if index & 1 == 0 { parent(top, uncle) } else { parent(uncle, top) }];
            } else {
                row = row.as_chunks::<2>().0.iter().map(|[left, right]| parent(left, right)).collect();
            }
            layer += 1;
            index /= 2;
        }
        nodes.truncate(proven.ok_or(ProofError::Unconnected)?);
        Ok(nodes)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Source, Torrent, sample};
    use super::*;

    const SIZE: usize = 5 * 16_384 + 100;

    /// All layers of the tree over the sample content, from the leaves up.
    fn layers() -> Vec<Vec<[u8; 32]>> {
        let mut row: Vec<_> = sample::content(SIZE, 9).chunks(LEAF_BYTES as usize).map(leaf_hash).collect();
        row.resize(8, [0; 32]);
        let mut layers = vec![row];
        while layers[layers.len() - 1].len() > 1 {
            let above = layers[layers.len() - 1].chunks(2).map(|pair| parent(&pair[0], &pair[1])).collect();
            layers.push(above);
        }
        layers
    }

    /// A torrent of one file, known from its info dictionary alone.
    fn torrent() -> Torrent {
        let content = sample::content(SIZE, 9);
        let info = sample::dict([
            ("file tree", sample::dict([("f", sample::node(&content))])),
            ("meta version", sample::int(2)),
            ("name", sample::string("f")),
            ("piece length", sample::int(32_768)),
        ]);
        Torrent::from_info(info.as_slice(), Source::Capture).expect("valid")
    }

    /// The hashes of a range, and the uncles that lead from it to the root.
    fn hashes(layer: usize, index: usize, length: usize, uncles: usize) -> Vec<u8> {
        let layers = layers();
        let mut bytes = layers[layer][index..index + length].concat();
        let subtree = length.trailing_zeros() as usize;
        for n in 0..uncles {
            bytes.extend(layers[layer + subtree + n][(index >> (subtree + n)) ^ 1]);
        }
        bytes
    }

    fn proof(base_layer: u32, index: u32, length: u32, hashes: &[u8]) -> HashProof<'_> {
        let pieces_root = layers()[3][0];
        HashProof { pieces_root, base_layer, index, length, hashes }
    }

    #[test]
    fn missing_leaves_are_zero_in_every_layer() {
        let layers = layers();
        assert_eq!(root(&layers[0][..6], 8), layers[3][0]);
        assert_eq!(root(&layers[0][4..6], 2), layers[1][2]);
        assert_eq!(root_over(&layers[1][..3], 1, 4), layers[3][0]);
        assert_eq!(root(&[], 4), padding(2));
        assert_eq!(root(&layers[0][..1], 1), layers[0][0]);
    }

    #[test]
    fn a_proof_that_reaches_the_root_teaches_its_leaves() {
        let mut torrent = torrent();
        let piece = torrent.piece(1).expect("exists");
        assert_eq!(torrent.leaf(piece, 0), None);
        assert_eq!(torrent.learn(&proof(0, 2, 2, &hashes(0, 2, 2, 2))), Ok(2));
        assert_eq!(torrent.leaf(piece, 0), Some(layers()[0][2]));
        assert_eq!(torrent.leaf(piece, 1), Some(layers()[0][3]));
        assert_eq!(torrent.leaf(piece, 2), None, "a piece has two leaves");
        assert!(matches!(torrent.expected(piece), super::super::Expected::V2(tree) if tree.root == layers()[1][1]));
        assert_eq!(torrent.learn(&proof(0, 2, 2, &hashes(0, 2, 2, 2))), Ok(0));
    }

    #[test]
    fn a_short_proof_may_end_at_a_node_that_is_known() {
        let mut torrent = torrent();
        assert_eq!(torrent.learn(&proof(0, 4, 2, &hashes(0, 4, 2, 0))), Err(ProofError::Unconnected));
        assert_eq!(torrent.learn(&proof(1, 0, 4, &hashes(1, 0, 4, 0))), Ok(3), "the fourth is padding");
        assert!(torrent.verifiable());
        assert_eq!(torrent.learn(&proof(0, 4, 2, &hashes(0, 4, 2, 0))), Ok(2));
        assert_eq!(torrent.leaf(torrent.piece(2).expect("exists"), 1), Some(layers()[0][5]));
    }

    #[test]
    fn a_piece_has_parts_once_anything_below_it_is_known() {
        let mut torrent = torrent();
        let has = |torrent: &Torrent| [0, 1, 2].map(|n| torrent.has_parts(torrent.piece(n).expect("exists")));
        // By every leaf: a part that is one leaf, or less than the piece.
        let by_leaf = |torrent: &Torrent| {
            [0, 1, 2].map(|n| {
                let piece = torrent.piece(n).expect("exists");
                (0..2).any(|leaf| torrent.part(piece, leaf).is_some_and(|(_, part)| part.width == 1))
            })
        };
        assert_eq!(has(&torrent), [false; 3]);
        for (base, index, length, uncles, expected) in [
            (1, 0, 4, 0, [false; 3]),
            (0, 4, 1, 1, [false, false, true]),
            (0, 1, 1, 3, [true, false, true]),
            (0, 2, 2, 0, [true; 3]),
        ] {
            let hashes = hashes(base as usize, index as usize, length as usize, uncles);
            assert!(torrent.learn(&proof(base, index, length, &hashes)).is_ok());
            assert_eq!((has(&torrent), by_leaf(&torrent)), (expected, expected), "{base} {index}");
        }
    }

    #[test]
    fn false_or_misshapen_proofs_teach_nothing() {
        let good = hashes(0, 2, 2, 2);
        for byte in 0..good.len() {
            let mut torrent = torrent();
            let mut bad = good.clone();
            bad[byte] ^= 0x80;
            assert_eq!(torrent.learn(&proof(0, 2, 2, &bad)), Err(ProofError::Wrong));
            assert_eq!(torrent.leaf(torrent.piece(1).expect("exists"), 0), None);
        }
        let mut torrent = torrent();
        let mut learn = |base, index, length, hashes: &[u8]| torrent.learn(&proof(base, index, length, hashes));
        assert_eq!(learn(0, 2, 2, &good[..good.len() - 1]), Err(ProofError::BadLength));
        assert_eq!(learn(0, 2, 2, &good[..32]), Err(ProofError::BadLength));
        assert_eq!(learn(0, 2, 2, &[&good[..], &[0; 32]].concat()), Err(ProofError::BadLength));
        for (base, index, length) in [(0, 1, 2), (0, 8, 2), (0, 0, 3), (0, 0, 0), (4, 0, 1), (u32::MAX, 0, 1)] {
            assert_eq!(learn(base, index, length, &good), Err(ProofError::BadRange));
        }
        assert_eq!(learn(0, u32::MAX, u32::MAX, &good), Err(ProofError::BadRange));
        let stranger = HashProof { pieces_root: [1; 32], ..proof(0, 2, 2, &good) };
        assert_eq!(torrent.learn(&stranger), Err(ProofError::NoSuchFile));
    }
}
