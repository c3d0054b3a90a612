//! Torrents: which bytes a piece has, and what they hash to (BEP 3, BEP 47, BEP 52).

use std::collections::BTreeMap;

use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::hex;

/// A torrent file.
#[derive(Clone, Debug, Default)]
pub struct Torrent {
    /// SHA-1 and SHA-256 of its info dictionary, in hex, as far as it has v1 and v2.
    pub info_hashes: Vec<String>,
    /// Its name.
    pub name: String,
    piece_length: u64,
    v1: Option<V1>,
    /// v2: files with their first piece, size, and root; and the layers by root.
    v2: Vec<(u64, u64, Vec<u8>)>,
    layers: BTreeMap<Vec<u8>, Vec<u8>>,
}

/// All bytes, the hashes one after another, and what is padding.
#[derive(Clone, Debug, Default)]
struct V1 {
    bytes: u64,
    hashes: Vec<u8>,
    pads: Vec<(u64, u64)>,
}

/// What is known of one piece.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    /// Its bytes, for v1 with padding.
    pub len: u32,
    /// Of them, padding: zeros that need not be sent.
    pub pads: Vec<(u32, u32)>,
    /// The SHA-1.
    pub v1: Option<Vec<u8>>,
    /// Content bytes, leaves of its tree, and the root over these.
    pub v2: Option<(u32, usize, Vec<u8>)>,
}

impl Torrent {
    /// Reads a torrent file.
    ///
    /// # Errors
    /// What is wrong, as a clause.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let (root, _) = Item::read(bytes, 0, 0).ok_or("no bencode")?;
        let info = root.get(b"info").ok_or("no info dictionary")?;
        let raw = bytes.get(info.from..info.to).unwrap_or_default();
        let mut torrent = Self {
            name: info
                .get(b"name")
                .map(|name| String::from_utf8_lossy(name.text()).into_owned())
                .unwrap_or_default(),
            piece_length: info.get(b"piece length").map_or(0, Item::number),
            ..Self::default()
        };
        if torrent.piece_length == 0 {
            return Err("no piece length".to_owned());
        }
        if let Some(hashes) = info.get(b"pieces") {
            torrent.info_hashes.push(hex(&Sha1::digest(raw)));
            let (mut end, mut pads) = (0, Vec::new());
            let single = [info.clone()];
            let files = info.get(b"files").map_or(&single[..], |files| files.list());
            for file in files {
                let size = file.get(b"length").map_or(0, Item::number);
                if file.get(b"attr").is_some_and(|attr| attr.text().contains(&b'p')) {
                    pads.push((end, end + size));
                }
                end += size;
            }
            torrent.v1 = Some(V1 { bytes: end, hashes: hashes.text().to_vec(), pads });
        }
        if let Some(tree) = info.get(b"file tree") {
            torrent.info_hashes.push(hex(&Sha256::digest(raw)));
            let mut first = 0;
            torrent.tree(tree, &mut first);
            for (root, layer) in root.get(b"piece layers").into_iter().flat_map(Item::entries) {
                torrent.layers.insert(root.clone(), layer.text().to_vec());
            }
        }
        Ok(torrent)
    }

    fn tree(&mut self, node: &Item<'_>, first: &mut u64) {
        for (name, below) in node.entries() {
            if !name.is_empty() {
                self.tree(below, first);
                continue;
            }
            let size = below.get(b"length").map_or(0, Item::number);
            let root = below.get(b"pieces root").map(|root| root.text().to_vec()).unwrap_or_default();
            self.v2.push((*first, size, root));
            *first += size.div_ceil(self.piece_length);
        }
    }

    /// What `piece` has to be; `None` where there is no such piece.
    pub fn piece(&self, piece: u32) -> Option<Expected> {
        let (mut expected, from) = (Expected::default(), u64::from(piece).checked_mul(self.piece_length)?);
        let small = |bytes: u64| u32::try_from(bytes).ok();
        if let Some(V1 { bytes: all, hashes, pads }) = &self.v1 {
            let to = (from + self.piece_length).min(*all);
            expected.len = small(to.checked_sub(from).filter(|len| *len > 0)?)?;
            let at = usize::try_from(piece).ok()?.checked_mul(20)?;
            expected.v1 = hashes.get(at..at + 20).map(<[u8]>::to_vec);
            for (first, end) in pads.iter().filter(|(first, end)| *first < to && from < *end) {
                expected.pads.push((small(first.max(&from) - from)?, small(end.min(&to) - from)?));
            }
        }
        let holds = |file: &&(u64, u64, Vec<u8>)| {
            file.0 <= u64::from(piece) && u64::from(piece) < file.0 + file.1.div_ceil(self.piece_length)
        };
        if let Some((first, size, root)) = self.v2.iter().find(holds) {
            let index = u64::from(piece) - first;
            let len = small((size - index * self.piece_length).min(self.piece_length))?;
            let leaf = u64::from(LEAF);
            let (leaves, root) = if *size <= self.piece_length {
                (size.div_ceil(leaf).next_power_of_two(), Some(root.clone()))
            } else {
                let at = usize::try_from(index).ok()?.checked_mul(32)?;
                let layer = self.layers.get(root).and_then(|layer| layer.get(at..at + 32));
                (self.piece_length / leaf, layer.map(<[u8]>::to_vec))
            };
            expected.v2 = root.map(|root| (len, leaves as usize, root));
            expected.len = expected.len.max(len);
        }
        (expected.len > 0).then_some(expected)
    }
}

impl Expected {
    /// Whether `content`, with zeros where padding is, is the torrent's: by every hash that there is. `None` without any.
    pub fn matches(&self, content: &[u8]) -> Option<bool> {
        let v1 = self.v1.as_ref().map(|hash| Sha1::digest(content).as_slice() == hash.as_slice());
        let v2 = self.v2.as_ref().map(|(len, leaves, root)| {
            let own = content.get(..*len as usize).unwrap_or(content);
            let mut layer: Vec<[u8; 32]> =
                own.chunks(LEAF as usize).map(|leaf| Sha256::digest(leaf).into()).collect();
            layer.resize(*leaves, [0; 32]);
            while layer.len() > 1 {
                layer = layer.chunks(2).map(|pair| Sha256::digest(pair.concat()).into()).collect();
            }
            layer.first().is_some_and(|found| found.as_slice() == root.as_slice())
        });
        match (v1, v2) {
            (Some(one), Some(other)) => Some(one && other),
            (one, other) => one.or(other),
        }
    }
}

/// Bytes of a leaf (BEP 52).
pub const LEAF: u32 = 16_384;

/// A bencoded value, with where it stands.
#[derive(Clone, Debug)]
struct Item<'t> {
    from: usize,
    to: usize,
    bytes: &'t [u8],
    list: Vec<Item<'t>>,
    entries: Vec<(Vec<u8>, Item<'t>)>,
}

impl<'t> Item<'t> {
    fn read(all: &'t [u8], from: usize, depth: usize) -> Option<(Self, usize)> {
        let mut item = Self { from, to: from, bytes: &[], list: Vec::new(), entries: Vec::new() };
        let mut at = from + 1;
        match all.get(from)? {
            b'i' => {
                let end = at + all.get(at..)?.iter().position(|byte| *byte == b'e')?;
                item.bytes = all.get(at..end)?;
                at = end + 1;
            }
            kind @ (b'l' | b'd') if depth < MOST_DEPTH => {
                while *all.get(at)? != b'e' {
                    let (value, end) = Self::read(all, at, depth + 1)?;
                    at = end;
                    if *kind == b'd' {
                        let (below, end) = Self::read(all, at, depth + 1)?;
                        at = end;
                        item.entries.push((value.bytes.to_vec(), below));
                    } else {
                        item.list.push(value);
                    }
                }
                at += 1;
            }
            b'0'..=b'9' => {
                let colon = from + all.get(from..)?.iter().position(|byte| *byte == b':')?;
                let len: usize = std::str::from_utf8(all.get(from..colon)?).ok()?.parse().ok()?;
                at = colon.checked_add(1)?.checked_add(len)?;
                item.bytes = all.get(colon + 1..at)?;
            }
            _ => return None,
        }
        item.to = at;
        Some((item, at))
    }

    fn get(&self, key: &[u8]) -> Option<&Self> {
        self.entries.iter().find(|(own, _)| own == key).map(|(_, item)| item)
    }

    fn text(&self) -> &'t [u8] {
        self.bytes
    }

    fn number(&self) -> u64 {
        std::str::from_utf8(self.bytes).ok().and_then(|digits| digits.parse().ok()).unwrap_or(0)
    }

    fn list(&self) -> &[Self] {
        &self.list
    }

    fn entries(&self) -> &[(Vec<u8>, Self)] {
        &self.entries
    }
}

const MOST_DEPTH: usize = 100;
