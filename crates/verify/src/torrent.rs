//! Torrents: which bytes a piece has, and what they hash to (BEP 3, BEP 47, BEP 52).

use std::collections::BTreeMap;

use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::hex;

/// A torrent file.
#[derive(Default)]
pub(crate) struct Torrent {
    /// SHA-1 and SHA-256 of its info dictionary, in hex, as far as it has v1 and v2.
    pub(crate) info_hashes: Vec<String>,
    piece_length: u64,
    /// v1: all bytes, and the hashes one after another; and which bytes are padding.
    v1: Option<(u64, Vec<u8>)>,
    pads: Vec<(u64, u64)>,
    /// v2: files with their first piece, size, and root; and the layers by root.
    v2: Vec<(u64, u64, Vec<u8>)>,
    layers: BTreeMap<Vec<u8>, Vec<u8>>,
}

/// Hashes of one piece, as far as the torrent has them.
#[derive(Default)]
pub(crate) struct Expected {
    /// Its bytes, for v1 with padding.
    pub(crate) len: u64,
    /// Of them, padding: zeros that need not be sent.
    pub(crate) pads: Vec<(u64, u64)>,
    /// The SHA-1.
    v1: Option<Vec<u8>>,
    /// Content bytes, leaves of its tree, and the root over these.
    v2: Option<(u64, u64, Vec<u8>)>,
}

impl Torrent {
    /// Reads a torrent file; else says what is wrong, as a clause.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, &'static str> {
        let root = Item::read(bytes, 0).ok_or("no bencode")?;
        let info = root.get(b"info").ok_or("no info dictionary")?;
        let piece_length =
            Some(info.number(b"piece length")).filter(|length| *length > 0).ok_or("no piece length")?;
        let mut torrent = Self { piece_length, ..Self::default() };
        if let Some(hashes) = info.get(b"pieces") {
            torrent.info_hashes.push(hex(&Sha1::digest(info.raw)));
            let mut end = 0_u64;
            for file in info.get(b"files").map_or(std::slice::from_ref(info), |files| &files.items) {
                let start = end;
                end = end.saturating_add(file.number(b"length"));
                torrent.pads.extend(file.text(b"attr").contains(&b'p').then_some((start, end)));
            }
            torrent.v1 = Some((end, hashes.text.to_vec()));
        }
        if let Some(tree) = info.get(b"file tree") {
            torrent.info_hashes.push(hex(&Sha256::digest(info.raw)));
            torrent.add(tree, &mut 0);
            for (root, layer) in root.get(b"piece layers").into_iter().flat_map(Item::entries) {
                torrent.layers.insert(root.text.to_vec(), layer.text.to_vec());
            }
        }
        Ok(torrent)
    }

    /// Adds the files below a node of the file tree; `next` is the first piece that is free.
    fn add(&mut self, node: &Item<'_>, next: &mut u64) {
        for (name, below) in node.entries() {
            if name.text.is_empty() {
                let size = below.number(b"length");
                self.v2.push((*next, size, below.text(b"pieces root").to_vec()));
                *next = next.saturating_add(size.div_ceil(self.piece_length));
            } else {
                self.add(below, next);
            }
        }
    }

    /// Hashes that `piece` has to match; `None` where there is no such piece.
    pub(crate) fn piece(&self, piece: u32) -> Option<Expected> {
        let (mut expected, from) = (Expected::default(), u64::from(piece).checked_mul(self.piece_length)?);
        if let Some((all, hashes)) = &self.v1 {
            let to = from.checked_add(self.piece_length)?.min(*all);
            expected.len = to.checked_sub(from).filter(|len| (1..=MOST_PIECE).contains(len))?;
            expected.v1 = hashes.chunks_exact(20).nth(piece as usize).map(<[u8]>::to_vec);
            let near = self.pads.iter().filter(|(first, end)| *first < to && from < *end);
            expected.pads.extend(near.map(|(first, end)| (first.max(&from) - from, end.min(&to) - from)));
        }
        let index_in = |(first, size, _): &(u64, u64, Vec<u8>)| {
            let index = u64::from(piece).checked_sub(*first)?;
            (index < size.div_ceil(self.piece_length)).then_some(index)
        };
        let file = self.v2.iter().find_map(|file| index_in(file).map(|index| (index, file)));
        if let Some((index, (_, size, root))) = file {
            let len = (size - index * self.piece_length).min(self.piece_length.min(MOST_PIECE));
            let (leaves, root) = if *size <= self.piece_length {
                (size.div_ceil(LEAF).next_power_of_two(), Some(root.as_slice()))
            } else {
                let layer = self.layers.get(root);
                (self.piece_length / LEAF, layer.and_then(|layer| layer.chunks_exact(32).nth(index as usize)))
            };
            expected.v2 = root.map(|root| (len, leaves.min(MOST_PIECE / LEAF), root.to_vec()));
            expected.len = expected.len.max(len);
        }
        (expected.len > 0).then_some(expected)
    }
}

impl Expected {
    /// Returns true if `content`, with zeros where padding is, is the torrent's: by every hash that there is. `None`
    /// without any.
    pub(crate) fn matches(&self, content: &[u8]) -> Option<bool> {
        let v1 = self.v1.as_ref().map(|hash| Sha1::digest(content)[..] == hash[..]);
        let v2 = self.v2.as_ref().map(|(len, leaves, root)| {
            let own = content.get(..*len as usize).unwrap_or(content);
            let mut layer: Vec<_> = own.chunks(LEAF as usize).map(Sha256::digest).collect();
            layer.resize(*leaves as usize, Default::default());
            while layer.len() > 1 {
                layer = layer.chunks(2).map(|pair| Sha256::digest(pair.concat())).collect();
            }
            layer.first().is_some_and(|found| found[..] == root[..])
        });
        v1.map_or(v2, |one| Some(one && v2.unwrap_or(true)))
    }

    /// Bytes without padding of a unit: of a leaf of the piece, or of all of it.
    pub(crate) fn content(&self, leaf: Option<u32>) -> u64 {
        let pads = self.pads.iter().map(|(first, end)| end - first).sum();
        let below = |leaf: u32| self.len.saturating_sub(u64::from(leaf) * LEAF).min(LEAF);
        // Of v2 each leaf is a unit; the last one may be the shortest.
        let whole =
            self.v2.as_ref().map_or(self.len.saturating_sub(pads), |(len, ..)| (len.max(&1) - 1) % LEAF + 1);
        leaf.map_or(whole, below)
    }

    /// Returns true if a byte of the piece is padding, or lies behind the end of its file.
    pub(crate) fn is_pad(&self, at: u64) -> bool {
        let is_behind = self.v2.as_ref().is_some_and(|(content, ..)| at >= *content);
        at >= self.len || is_behind || self.pads.iter().any(|(first, end)| *first <= at && at < *end)
    }
}

/// A bencoded value as it stands, its text or digits, and its items; those of a dictionary are keys and values in turn.
struct Item<'t> {
    raw: &'t [u8],
    text: &'t [u8],
    items: Vec<Self>,
}

impl<'t> Item<'t> {
    /// Reads the value that `bytes` begin with.
    fn read(bytes: &'t [u8], depth: usize) -> Option<Self> {
        let (mut item, mut at) = (Self { raw: bytes, text: &[], items: Vec::new() }, 1);
        let end = |mark: u8| bytes.iter().position(|byte| *byte == mark);
        match bytes.first()? {
            b'i' => {
                item.text = bytes.get(1..end(b'e')?)?;
                at += item.text.len() + 1;
            }
            b'0'..=b'9' => {
                let colon = end(b':')?;
                let len: usize = std::str::from_utf8(bytes.get(..colon)?).ok()?.parse().ok()?;
                at = colon.checked_add(1)?.checked_add(len)?;
                item.text = bytes.get(colon + 1..at)?;
            }
            b'l' | b'd' if depth < MOST_DEPTH => {
                while *bytes.get(at)? != b'e' {
                    let below = Self::read(bytes.get(at..)?, depth + 1)?;
                    at += below.raw.len();
                    item.items.push(below);
                }
                at += 1;
            }
            _ => return None,
        }
        item.raw = bytes.get(..at)?;
        Some(item)
    }

    fn entries(&self) -> impl Iterator<Item = (&Self, &Self)> {
        self.items.chunks_exact(2).filter_map(|pair| pair.first().zip(pair.last()))
    }

    fn get(&self, key: &[u8]) -> Option<&Self> {
        self.entries().find(|(own, _)| own.text == key).map(|(_, value)| value)
    }

    fn text(&self, key: &[u8]) -> &'t [u8] {
        self.get(key).map_or(&[], |value| value.text)
    }

    fn number(&self, key: &[u8]) -> u64 {
        std::str::from_utf8(self.text(key)).ok().and_then(|digits| digits.parse().ok()).unwrap_or(0)
    }
}

/// Bytes of a leaf (BEP 52).
pub(crate) const LEAF: u64 = 16_384;
// Rationale: more than any client takes; less than what a claim without bytes could cost in memory.
const MOST_PIECE: u64 = 1 << 30;
const MOST_DEPTH: usize = 100;
