//! Piece layers (BEP 52): which are known, what would prove the others, and torrent files with them.

use super::merkle::{HashProof, LEAF_BYTES};
use super::{PieceIndex, Torrent, TorrentFile};

/// A part of a file's piece layer (BEP 52) that is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenLayer {
    /// The root of the file's tree.
    pub pieces_root: [u8; 32],
    /// The layer of the pieces.
    pub layer: u32,
    /// Index of its first node within the layer; a multiple of `width`.
    pub first: u32,
    /// Its nodes, a power of two, those behind the file's end included.
    pub width: u32,
    /// The pieces under its nodes, as the torrent numbers them.
    pub pieces: Vec<PieceIndex>,
}

impl Torrent {
    /// Files whose piece layer (BEP 52) is needed and not known in full, by index. None in a v1 or hybrid torrent,
    /// whose pieces have their SHA-1.
    pub fn without_layer(&self) -> impl Iterator<Item = usize> {
        let files = if self.pieces.is_some() { &[] } else { self.files() };
        let open = |file: &TorrentFile| {
            let root = file.pieces_root.filter(|_| file.size > u64::from(self.piece_length()));
            root.is_some_and(|root| self.trees.open_layer(root, file.size).next().is_some())
        };
        files.iter().enumerate().filter(move |(_, file)| open(file)).map(|(index, _)| index)
    }

    /// The parts of piece layers that are not known, each under a node that is: what the pieces there hash to tells,
    /// through [`Torrent::learn`], whether they are the torrent's.
    pub fn open_layers(&self) -> Vec<OpenLayer> {
        let mut open = Vec::new();
        for index in self.without_layer() {
            let Some((file, pieces_root)) =
                self.files().get(index).and_then(|file| Some((file, file.pieces_root?)))
            else {
                continue;
            };
            let first = file.offset / u64::from(self.piece_length().max(1));
            for (nodes, content) in self.trees.open_layer(pieces_root, file.size) {
                let pieces = (content.start + first)..(content.end + first);
                let pieces: Option<Vec<PieceIndex>> =
                    pieces.map(|raw| self.piece(u32::try_from(raw).ok()?)).collect();
                let (Some(pieces), Ok(first), Ok(width)) =
                    (pieces, u32::try_from(nodes.start), u32::try_from(nodes.end - nodes.start))
                else {
                    continue;
                };
                let layer = (self.piece_length() / LEAF_BYTES).trailing_zeros();
                open.push(OpenLayer { pieces_root, layer, first, width, pieces });
            }
        }
        open
    }

    /// A torrent file around `info`, its own info dictionary as it stands: with the piece layers of a v2 torrent
    /// (BEP 52) where all of them are known, and without any else.
    pub fn metainfo(&self, info: &[u8]) -> Vec<u8> {
        let mut layers = std::collections::BTreeMap::new();
        let mut whole = true;
        for (index, file) in self.files().iter().enumerate() {
            let (Some(root), true) = (file.pieces_root, file.size > u64::from(self.piece_length())) else {
                continue;
            };
            let range = self.file_range(index);
            let length = u64::from(self.piece_length().max(1));
            let pieces = range.start / length..range.end.div_ceil(length);
            let hash = |raw: u64| Some(self.piece_tree(self.piece(u32::try_from(raw).ok()?)?)?.root);
            match pieces.map(hash).collect::<Option<Vec<_>>>() {
                Some(hashes) => _ = layers.insert(root, hashes.concat()),
                None => whole = false,
            }
        }
        let mut file = [b"d4:info", info].concat();
        if self.hash_v2.is_some() && whole {
            file.extend(b"12:piece layersd");
            for (root, hashes) in layers {
                file.extend(b"32:");
                file.extend(root);
                file.extend(format!("{}:", hashes.len()).as_bytes());
                file.extend(hashes);
            }
            file.push(b'e');
        }
        file.push(b'e');
        file
    }

    /// Returns true if `nodes` of an open layer, 32 bytes each, hash to the node above them.
    pub fn proves(&self, open: &OpenLayer, nodes: &[u8]) -> bool {
        let OpenLayer { pieces_root, layer, first, width, .. } = *open;
        let proof = HashProof { pieces_root, base_layer: layer, index: first, length: width, hashes: nodes };
        self.trees.proves(&proof)
    }
}
