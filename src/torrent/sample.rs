//! Tiny torrents for tests, and the encoder that makes them. libtorrent 2.0.8 made the same ones from the same
//! content; the hashes in the tests are its.

use super::{sha1, sha256};

/// The content that every byte of the samples comes from: `len` bytes that `seed` determines.
pub fn content(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed;
    let mut bytes = Vec::with_capacity(len);
    for _ in 0..len {
        state = (state * 1_103_515_245 + 12_345) & 0x7fff_ffff;
        bytes.push(state.to_le_bytes()[2]);
    }
    bytes
}

pub fn int(number: i64) -> Vec<u8> {
    format!("i{number}e").into_bytes()
}

pub fn string(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let bytes = bytes.as_ref();
    [format!("{}:", bytes.len()).as_bytes(), bytes].concat()
}

pub fn list(items: impl IntoIterator<Item = Vec<u8>>) -> Vec<u8> {
    let mut out = vec![b'l'];
    items.into_iter().for_each(|item| out.extend(item));
    out.push(b'e');
    out
}

/// Entries in the order given.
pub fn dict<K: AsRef<[u8]>>(entries: impl IntoIterator<Item = (K, Vec<u8>)>) -> Vec<u8> {
    let mut out = vec![b'd'];
    for (key, value) in entries {
        out.extend(string(key));
        out.extend(value);
    }
    out.push(b'e');
    out
}

pub fn path(components: &[&str]) -> Vec<u8> {
    list(components.iter().map(string))
}

pub fn sha1_pieces(content: &[u8], piece_length: usize) -> Vec<u8> {
    string(content.chunks(piece_length).flat_map(sha1).collect::<Vec<_>>())
}

/// A file of a v1 torrent.
pub fn file(size: i64, components: &[&str]) -> Vec<u8> {
    dict([("length", int(size)), ("path", path(components))])
}

pub fn torrent(info: &[u8]) -> Vec<u8> {
    dict([("info", info.to_vec())])
}

pub const PIECE_LENGTH: usize = 32_768;

/// Path, size and seed of the files of the multi-file samples, in the order of a v2 file tree.
pub const FILES: [(&[&str], usize, u64); 5] = [
    (&["a.bin"], 100_000, 1),
    (&["b.txt"], 5, 2),
    (&["empty"], 0, 3),
    (&["sub", "c.bin"], 65_536, 4),
    (&["sub", "d.bin"], 16_385, 5),
];

/// The info dictionary of libtorrent's `multi-v1.torrent`: it swapped the last two files.
pub fn multi_v1() -> Vec<u8> {
    let order = [0, 1, 2, 4, 3].map(|index| FILES[index]);
    let bytes: Vec<u8> = order.iter().flat_map(|(_, size, seed)| content(*size, *seed)).collect();
    dict([
        ("files", list(order.map(|(path, size, _)| file(i64::try_from(size).expect("small"), path)))),
        ("name", string("multi")),
        ("piece length", int(32_768)),
        ("pieces", sha1_pieces(&bytes, PIECE_LENGTH)),
    ])
}

/// The info dictionary of libtorrent's `single-v1.torrent`.
pub fn single_v1() -> Vec<u8> {
    dict([
        ("length", int(50_000)),
        ("name", string("single.bin")),
        ("piece length", int(32_768)),
        ("pieces", sha1_pieces(&content(50_000, 6), PIECE_LENGTH)),
    ])
}

/// Bytes of an upper or lower case hex string.
pub fn hex<const N: usize>(text: &str) -> [u8; N] {
    let digits = text.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).expect("ASCII"));
    let bytes: Vec<u8> = digits.map(|pair| u8::from_str_radix(pair, 16).expect("hex")).collect();
    bytes.try_into().expect("of that length")
}

/// The root of a file's Merkle tree, and its piece layer, by the slow definition of BEP 52.
pub fn tree(content: &[u8]) -> ([u8; 32], Vec<[u8; 32]>) {
    let mut row: Vec<[u8; 32]> = content.chunks(16_384).map(sha256).collect();
    row.resize(row.len().next_power_of_two(), [0; 32]);
    let mut layer = Vec::new();
    let mut below = 1;
    while row.len() > 1 {
        row = row.chunks(2).map(|pair| sha256(&pair.concat())).collect();
        below *= 2;
        if below * 16_384 == PIECE_LENGTH {
            layer = row.iter().take(content.len().div_ceil(PIECE_LENGTH)).copied().collect();
        }
    }
    (row[0], layer)
}

/// A file of a v2 file tree.
pub fn node(content: &[u8]) -> Vec<u8> {
    let mut entries = vec![("length", int(i64::try_from(content.len()).expect("small")))];
    if !content.is_empty() {
        entries.push(("pieces root", string(tree(content).0)));
    }
    dict([("", dict(entries))])
}

fn multi_tree() -> Vec<u8> {
    let [a, b, empty, c, d] = FILES.map(|(_, size, seed)| node(&content(size, seed)));
    dict([("a.bin", a), ("b.txt", b), ("empty", empty), ("sub", dict([("c.bin", c), ("d.bin", d)]))])
}

/// The piece layers of the multi-file samples.
pub fn multi_layers() -> Vec<u8> {
    let mut layers: Vec<_> = FILES.iter().map(|(_, size, seed)| content(*size, *seed)).collect();
    layers.retain(|content| content.len() > PIECE_LENGTH);
    let mut layers: Vec<_> = layers.iter().map(|content| tree(content)).collect();
    layers.sort();
    dict(layers.into_iter().map(|(root, layer)| (root, string(layer.concat()))))
}

/// The info dictionary of libtorrent's `multi-v2.torrent`.
pub fn multi_v2() -> Vec<u8> {
    dict([
        ("file tree", multi_tree()),
        ("meta version", int(2)),
        ("name", string("multi")),
        ("piece length", int(32_768)),
    ])
}

/// The info dictionary of libtorrent's `multi-hybrid.torrent`.
pub fn multi_hybrid() -> Vec<u8> {
    let mut files = Vec::new();
    let mut bytes = Vec::new();
    for (path, size, seed) in FILES {
        files.push(file(i64::try_from(size).expect("small"), path));
        bytes.extend(content(size, seed));
        let pad = bytes.len().next_multiple_of(PIECE_LENGTH) - bytes.len();
        if pad > 0 {
            let size = int(i64::try_from(pad).expect("small"));
            let path = self::path(&[".pad", &pad.to_string()]);
            files.push(dict([("attr", string("p")), ("length", size), ("path", path)]));
            bytes.resize(bytes.len() + pad, 0);
        }
    }
    dict([
        ("file tree", multi_tree()),
        ("files", list(files)),
        ("meta version", int(2)),
        ("name", string("multi")),
        ("piece length", int(32_768)),
        ("pieces", sha1_pieces(&bytes, PIECE_LENGTH)),
    ])
}

/// A v2 or hybrid torrent file with the piece layers of the multi-file samples.
pub fn torrent_v2(info: &[u8]) -> Vec<u8> {
    dict([("info", info.to_vec()), ("piece layers", multi_layers())])
}
