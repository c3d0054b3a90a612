//! Content that anyone can make again, and torrents of it: v1 (BEP 3, 47), v2 and hybrid (BEP 52).

use sha1::{Digest, Sha1};
use sha2::Sha256;

/// Leaves of BEP 52, and the usual block.
pub const BLOCK: u32 = 16_384;

/// xorshift64*, seeded: the only source of chance in the tests.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub fn bytes(&mut self, len: usize) -> Vec<u8> {
        let mut out = Vec::with_capacity(len + 8);
        while out.len() < len {
            out.extend_from_slice(&self.next().to_le_bytes());
        }
        out.truncate(len);
        out
    }
}

/// Which metainfo a torrent has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    V1,
    V2,
    Hybrid,
}

/// One file in the order of the torrent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    pub name: String,
    pub bytes: Vec<u8>,
    /// A BEP 47 pad file.
    pub pad: bool,
}

/// The recipe of a torrent.
#[derive(Clone, Debug)]
pub struct Recipe {
    name: String,
    piece_length: u32,
    files: Vec<File>,
    single: bool,
    private: bool,
    random: Random,
}

impl Recipe {
    /// A torrent of one file of `len` bytes.
    pub fn single(name: &str, piece_length: u32, len: usize, seed: u64) -> Self {
        let mut recipe = Self::folder(name, piece_length, seed).file(name, len);
        recipe.single = true;
        recipe
    }

    /// A torrent of several files, to be added with [`file`](Self::file).
    pub fn folder(name: &str, piece_length: u32, seed: u64) -> Self {
        Self {
            name: name.into(),
            piece_length,
            files: Vec::new(),
            single: false,
            private: false,
            random: Random::new(seed),
        }
    }

    pub fn file(mut self, name: &str, len: usize) -> Self {
        let bytes = self.random.bytes(len);
        self.files.push(File { name: name.into(), bytes, pad: false });
        self
    }

    pub fn file_of(mut self, name: &str, bytes: Vec<u8>) -> Self {
        self.files.push(File { name: name.into(), bytes, pad: false });
        self
    }

    /// A pad file (BEP 47) of `len` zeros.
    pub fn pad(mut self, len: usize) -> Self {
        self.files.push(File { name: format!("{len}"), bytes: vec![0; len], pad: true });
        self
    }

    /// A pad file with other bytes than the zeros that BEP 47 asks for.
    pub fn pad_of(mut self, bytes: Vec<u8>) -> Self {
        self.files.push(File { name: format!("{}", bytes.len()), bytes, pad: true });
        self
    }

    pub fn private(mut self) -> Self {
        self.private = true;
        self
    }

    pub fn v1(self) -> Torrent {
        self.build(Version::V1)
    }

    pub fn v2(self) -> Torrent {
        self.build(Version::V2)
    }

    /// Pad files are put between the files.
    pub fn hybrid(mut self) -> Torrent {
        let mut aligned = Vec::new();
        let last = self.files.len() - 1;
        for (index, file) in std::mem::take(&mut self.files).into_iter().enumerate() {
            let len = file.bytes.len();
            aligned.push(file);
            let pad = len.next_multiple_of(self.piece_length as usize) - len;
            if pad > 0 && index != last {
                aligned.push(File { name: format!("{pad}"), bytes: vec![0; pad], pad: true });
            }
        }
        self.files = aligned;
        self.build(Version::Hybrid)
    }

    fn build(self, version: Version) -> Torrent {
        let length = self.piece_length as usize;
        // The place that v2 gives a file: each begins a piece of its own.
        let mut content: Vec<u8> = Vec::new();
        let mut starts = Vec::new();
        for file in &self.files {
            if version == Version::V2 {
                content.resize(content.len().next_multiple_of(length), 0);
            }
            starts.push(content.len() as u64);
            content.extend_from_slice(&file.bytes);
        }

        let mut info: Vec<(&str, Vec<u8>)> =
            vec![("name", string(self.name.as_bytes())), ("piece length", integer(u64::from(self.piece_length)))];
        if self.private {
            info.push(("private", integer(1)));
        }
        if version != Version::V2 {
            if self.single {
                info.push(("length", integer(content.len() as u64)));
            } else {
                info.push(("files", list(self.files.iter().map(v1_file).collect())));
            }
            let hashes: Vec<u8> = content.chunks(length).flat_map(|piece| Sha1::digest(piece).to_vec()).collect();
            info.push(("pieces", string(&hashes)));
        }
        let mut layers = Vec::new();
        if version != Version::V1 {
            info.push(("meta version", integer(2)));
            let mut tree = Vec::new();
            for file in self.files.iter().filter(|file| !file.pad) {
                let mut entry = vec![("length", integer(file.bytes.len() as u64))];
                if !file.bytes.is_empty() {
                    let (root, layer) = merkle(&file.bytes, self.piece_length);
                    entry.push(("pieces root", string(&root)));
                    if file.bytes.len() > length {
                        layers.push((root, layer));
                    }
                }
                tree.push((file.name.as_bytes().to_vec(), dictionary(vec![("", dictionary(entry))])));
            }
            info.push(("file tree", raw_dictionary(tree)));
        }
        let info = dictionary(info);

        let mut root = vec![("info", info.clone())];
        if version != Version::V1 {
            let layers = layers
                .into_iter()
                .map(|(root, layer)| (root.to_vec(), string(&layer.concat())))
                .collect::<Vec<_>>();
            root.push(("piece layers", raw_dictionary(layers)));
        }
        let sha256: [u8; 32] = Sha256::digest(&info).into();
        let info_hash = match version {
            Version::V2 => sha256[..20].try_into().expect("20 of 32"),
            Version::V1 | Version::Hybrid => Sha1::digest(&info).into(),
        };
        Torrent {
            metainfo: dictionary(root),
            info,
            info_hash,
            info_hash_v2: (version != Version::V1).then_some(sha256),
            version,
            piece_length: self.piece_length,
            content,
            files: self.files,
            starts,
        }
    }
}

/// A torrent with everything that it describes.
#[derive(Clone, Debug)]
pub struct Torrent {
    /// The `.torrent` file.
    pub metainfo: Vec<u8>,
    /// The info dictionary.
    pub info: Vec<u8>,
    /// The hash of handshakes: SHA-1, or for v2 the SHA-256 cut to 20 bytes.
    pub info_hash: [u8; 20],
    /// The full v2 hash, for v2 and hybrid.
    pub info_hash_v2: Option<[u8; 32]>,
    pub version: Version,
    pub piece_length: u32,
    /// The files in one row, as pieces number them.
    pub content: Vec<u8>,
    pub files: Vec<File>,
    /// Where each file begins in `content`.
    pub starts: Vec<u64>,
}

impl Torrent {
    pub fn pieces(&self) -> u32 {
        self.content.len().div_ceil(self.piece_length as usize) as u32
    }

    pub fn piece(&self, piece: u32) -> &[u8] {
        let start = piece as usize * self.piece_length as usize;
        &self.content[start..self.content.len().min(start + self.piece_length as usize)]
    }

    pub fn piece_len(&self, piece: u32) -> u32 {
        self.piece(piece).len() as u32
    }

    pub fn block(&self, piece: u32, begin: u32, len: u32) -> &[u8] {
        &self.piece(piece)[begin as usize..(begin + len) as usize]
    }

    /// The usual blocks of a piece: 16 KiB, the last one what is left.
    pub fn blocks(&self, piece: u32) -> Vec<(u32, u32)> {
        self.blocks_of(piece, BLOCK)
    }

    pub fn blocks_of(&self, piece: u32, size: u32) -> Vec<(u32, u32)> {
        let len = self.piece_len(piece);
        (0..len.div_ceil(size)).map(|n| (n * size, size.min(len - n * size))).collect()
    }

    /// The `pieces root` of a file.
    pub fn root(&self, file: usize) -> [u8; 32] {
        merkle(&self.files[file].bytes, self.piece_length).0
    }

    /// A whole layer of a file's tree, from 0 for the leaves; those beyond the file's end are zeros (BEP 52).
    pub fn layer(&self, file: usize, layer: u32) -> Vec<[u8; 32]> {
        let leaves = self.files[file].bytes.chunks(BLOCK as usize).map(|leaf| Sha256::digest(leaf).into());
        let mut nodes: Vec<[u8; 32]> = leaves.collect();
        nodes.resize(nodes.len().next_power_of_two(), [0; 32]);
        for _ in 0..layer {
            nodes = nodes.chunks(2).map(|pair| Sha256::digest(pair.concat()).into()).collect();
        }
        nodes
    }

    /// Bytes of piece `piece` per file, pad files left out.
    pub fn files_of(&self, piece: u32) -> Vec<(usize, u64)> {
        let from = u64::from(piece) * u64::from(self.piece_length);
        let to = from + u64::from(self.piece_len(piece));
        let ranges = self.starts.iter().zip(&self.files).enumerate();
        ranges
            .filter(|(_, (_, file))| !file.pad)
            .filter_map(|(index, (start, file))| {
                let end = (start + file.bytes.len() as u64).min(to);
                end.checked_sub(from.max(*start)).filter(|len| *len > 0).map(|len| (index, len))
            })
            .collect()
    }
}

/// The `pieces root` and the piece layer (BEP 52).
fn merkle(bytes: &[u8], piece_length: u32) -> ([u8; 32], Vec<[u8; 32]>) {
    let mut leaves: Vec<[u8; 32]> = bytes.chunks(BLOCK as usize).map(|leaf| Sha256::digest(leaf).into()).collect();
    leaves.resize(leaves.len().next_power_of_two(), [0; 32]);
    let per_piece = (piece_length / BLOCK) as usize;
    let mut layer = leaves;
    let mut width = 1;
    let mut piece_layer = Vec::new();
    loop {
        if width == per_piece {
            piece_layer = layer[..bytes.len().div_ceil(piece_length as usize).min(layer.len())].to_vec();
        }
        if layer.len() == 1 {
            return (layer[0], piece_layer);
        }
        layer = layer.chunks(2).map(|pair| Sha256::digest(pair.concat()).into()).collect();
        width *= 2;
    }
}

fn v1_file(file: &File) -> Vec<u8> {
    let path = if file.pad {
        list(vec![string(b".pad"), string(file.name.as_bytes())])
    } else {
        list(vec![string(file.name.as_bytes())])
    };
    let mut entry = vec![("length", integer(file.bytes.len() as u64)), ("path", path)];
    if file.pad {
        entry.push(("attr", string(b"p")));
    }
    dictionary(entry)
}

fn string(bytes: &[u8]) -> Vec<u8> {
    [format!("{}:", bytes.len()).as_bytes(), bytes].concat()
}

fn integer(value: u64) -> Vec<u8> {
    format!("i{value}e").into_bytes()
}

fn list(items: Vec<Vec<u8>>) -> Vec<u8> {
    [b"l".as_slice(), &items.concat(), b"e"].concat()
}

fn dictionary(entries: Vec<(&str, Vec<u8>)>) -> Vec<u8> {
    raw_dictionary(entries.into_iter().map(|(key, value)| (key.as_bytes().to_vec(), value)).collect())
}

fn raw_dictionary(mut entries: Vec<(Vec<u8>, Vec<u8>)>) -> Vec<u8> {
    entries.sort();
    let body: Vec<u8> = entries.into_iter().flat_map(|(key, value)| [string(&key), value].concat()).collect();
    [b"d".as_slice(), &body, b"e"].concat()
}
