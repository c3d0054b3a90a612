//! Content of the transfers: bytes that look random, and the torrents around them.

use std::path::{Path, PathBuf};

use sha1::{Digest, Sha1};
use sha2::Sha256;

/// Bytes that look random, several GB of them in a second (xorshift).
pub struct Noise(u64);

impl Default for Noise {
    fn default() -> Self {
        Self(0x9E37_79B9_7F4A_7C15)
    }
}

impl Noise {
    pub fn fill(&mut self, bytes: &mut [u8]) {
        let (words, _) = bytes.as_chunks_mut::<8>();
        for word in words {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            *word = self.0.to_le_bytes();
        }
    }
}

/// Which torrent is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// BEP 3: pieces with a SHA-1 each.
    V1,
    /// BEP 52 alone: a tree of SHA-256 over leaves of 16 KiB.
    V2,
}

/// A torrent of one file of noise.
pub struct Torrent {
    pub file: PathBuf,
    /// As handshakes name it.
    pub info_hash: [u8; 20],
}

impl Torrent {
    /// Writes the torrent of `size` bytes in pieces of `piece`, a multiple of 16 KiB that divides them.
    pub fn make(dir: &Path, name: &str, size: u64, piece: u64, version: Version) -> std::io::Result<Self> {
        let (info, layers) = match version {
            Version::V1 => (info_v1(size, piece), Vec::new()),
            Version::V2 => info_v2(size, piece),
        };
        let file = dir.join(format!("{name}.torrent"));
        std::fs::write(&file, [&b"d4:info"[..], &info, &layers, b"e"].concat())?;
        let digest = match version {
            Version::V1 => Sha1::digest(&info).to_vec(),
            Version::V2 => Sha256::digest(&info).to_vec(),
        };
        Ok(Self { file, info_hash: *digest.first_chunk().expect("20 bytes of it") })
    }
}

fn info_v1(size: u64, piece: u64) -> Vec<u8> {
    let hashes = hashes(size, piece, |bytes| Sha1::digest(bytes).to_vec()).concat();
    [
        format!("d6:lengthi{size}e4:name5:noise12:piece lengthi{piece}e6:pieces{}:", hashes.len()).into_bytes(),
        hashes,
        b"e".to_vec(),
    ]
    .concat()
}

/// The info dictionary, and the piece layers that stand beside it.
fn info_v2(size: u64, piece: u64) -> (Vec<u8>, Vec<u8>) {
    let mut layer = hashes(size, LEAF, |bytes| Sha256::digest(bytes).to_vec());
    let mut pieces = Vec::new();
    let (mut missing, mut width) = (vec![0; 32], LEAF);
    while layer.len() > 1 || width <= piece {
        if width == piece {
            pieces = layer.concat();
        }
        let pairs = layer.chunks(2).map(|pair| [&pair[0], pair.get(1).unwrap_or(&missing)].map(Vec::as_slice));
        layer = pairs.map(|pair| Sha256::digest(pair.concat()).to_vec()).collect();
        missing = Sha256::digest(missing.repeat(2)).to_vec();
        width *= 2;
    }
    let root = layer.concat();
    let tree = [format!("d5:noised0:d6:lengthi{size}e11:pieces root32:").as_bytes(), &root, b"eee"].concat();
    let rest = format!("12:meta versioni2e4:name5:noise12:piece lengthi{piece}ee");
    let layers =
        [b"12:piece layersd32:".as_slice(), &root, format!("{}:", pieces.len()).as_bytes(), &pieces, b"e"].concat();
    ([b"d9:file tree".as_slice(), &tree, rest.as_bytes()].concat(), layers)
}

/// The hash of every `unit` of `size` bytes of noise.
fn hashes(size: u64, unit: u64, hash: fn(&[u8]) -> Vec<u8>) -> Vec<Vec<u8>> {
    let (mut noise, mut bytes) = (Noise::default(), vec![0; unit as usize]);
    let units = (0..size / unit).map(|_| {
        noise.fill(&mut bytes);
        hash(&bytes)
    });
    units.collect()
}

/// Bytes under a leaf (BEP 52).
const LEAF: u64 = 16 << 10;
