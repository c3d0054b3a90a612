//! A torrent file or an info dictionary -> what it says, checked (BEP 3, 47, 52).

mod v1;

use crate::{
    Error,
    bencode::{BencodeError, Bounds, Document, Item},
};

use super::{files::display_component, geometry::Geometry};

/// Everything that an info dictionary says.
#[derive(Clone, Debug)]
pub(super) struct Info {
    pub name: String,
    pub private: bool,
    pub geometry: Geometry,
    pub hash_v1: Option<[u8; 20]>,
    pub hash_v2: Option<[u8; 32]>,
    /// SHA-1 of every piece; `None` in a v2-only torrent.
    pub pieces: Option<Vec<[u8; 20]>>,
}

/// What is wrong with a torrent, and where.
#[derive(Debug)]
pub(super) struct Flaw {
    offset: usize,
    found: String,
    expected: String,
}

impl Flaw {
    pub fn new(offset: usize, found: impl Into<String>, expected: impl Into<String>) -> Self {
        Self { offset, found: found.into(), expected: expected.into() }
    }

    /// `key` of `dict` is missing, or is not `expected`.
    fn entry(dict: &Item<'_>, key: &str, expected: &str) -> Self {
        match dict.find(key.as_bytes()) {
            None => Self::new(dict.offset, format!("no `{key}`"), expected),
            Some(item) => Self::new(item.offset, format!("{} under `{key}`", item.kind()), expected),
        }
    }

    pub fn at(self, name: &str) -> Error {
        let Self { offset, found, expected } = self;
        Error::Malformed { name: name.to_owned(), offset: offset as u64, found, expected }
    }
}

impl From<BencodeError> for Flaw {
    fn from(error: BencodeError) -> Self {
        Self::new(error.offset, error.found, error.expected)
    }
}

/// Reads a torrent file.
pub(super) fn torrent_file(bytes: &[u8]) -> Result<Info, Flaw> {
    if let Some(found) = something_else(bytes) {
        return Err(Flaw::new(0, found, "a torrent file (a bencoded dictionary)"));
    }
    let document = Document::parse(bytes, &BOUNDS)?;
    document.whole(bytes)?;
    let root = &document.root;
    match root.find(b"info") {
        Some(info) if info.dict().is_some() => read_info(info, Some(root)),
        _ => Err(Flaw::entry(root, "info", "an info dictionary")),
    }
}

/// Reads an info dictionary alone, as `ut_metadata` (BEP 9) carries it.
pub(super) fn info_dictionary(bytes: &[u8]) -> Result<Info, Flaw> {
    let document = Document::parse(bytes, &BOUNDS)?;
    document.whole(bytes)?;
    if document.root.dict().is_none() {
        return Err(Flaw::new(0, document.root.kind(), "an info dictionary"));
    }
    read_info(&document.root, None)
}

fn read_info(info: &Item<'_>, _outer: Option<&Item<'_>>) -> Result<Info, Flaw> {
    let piece_length = piece_length(info)?;
    let private = info.find(b"private").and_then(|private| private.int()) == Some(1);
    let name = [&b"name.utf-8"[..], b"name"].iter().find_map(|key| info.find(key)?.bytes()).unwrap_or_default();
    let (geometry, pieces) = v1::read(info, piece_length, name)?;
    Ok(Info {
        name: display_component(name),
        private,
        geometry,
        hash_v1: Some(super::sha1(info.raw)),
        hash_v2: None,
        pieces: Some(pieces),
    })
}

fn piece_length(info: &Item<'_>) -> Result<u32, Flaw> {
    let expected = "a piece length from 1 to 2^31 bytes";
    let Some(item) = info.find(b"piece length") else {
        return Err(Flaw::entry(info, "piece length", expected));
    };
    match item.int() {
        Some(length @ 1..=MAX_PIECE_LENGTH) => Ok(u32::try_from(length).unwrap_or(u32::MAX)),
        Some(length) => Err(Flaw::new(item.offset, format!("a piece length of {length}"), expected)),
        None => Err(Flaw::entry(info, "piece length", expected)),
    }
}

/// A size in bytes under `key`.
fn size(file: &Item<'_>, key: &str) -> Result<u64, Flaw> {
    let expected = "a size of 0 or more bytes";
    let Some(item) = file.find(key.as_bytes()) else {
        return Err(Flaw::entry(file, key, expected));
    };
    let Some(number) = item.int() else {
        return Err(Flaw::entry(file, key, expected));
    };
    u64::try_from(number).map_err(|_| Flaw::new(item.offset, format!("a size of {number}"), expected))
}

/// Pieces that `bytes` fill; `at` is where to point when they are too many.
fn piece_count(bytes: u64, piece_length: u32, at: usize) -> Result<u32, Flaw> {
    u32::try_from(bytes.div_ceil(u64::from(piece_length)))
        .map_err(|_| Flaw::new(at, format!("{bytes} bytes in pieces of {piece_length}"), "fewer than 2^32 pieces"))
}

/// What a file that users mistake for a torrent is.
fn something_else(bytes: &[u8]) -> Option<&'static str> {
    let text = bytes.trim_ascii_start();
    Some(match bytes {
        [] => "an empty file",
        [0xd4, 0xc3, 0xb2, 0xa1, ..]
        | [0xa1, 0xb2, 0xc3, 0xd4, ..]
        | [0x4d, 0x3c, 0xb2, 0xa1, ..]
        | [0xa1, 0xb2, 0x3c, 0x4d, ..] => "a pcap capture",
        [0x0a, 0x0d, 0x0d, 0x0a, ..] => "a pcapng capture",
        [0x1f, 0x8b, ..] => "gzip data",
        [b'P', b'K', 3, 4, ..] => "a zip archive",
        _ if text.starts_with(b"<") => "HTML or XML",
        _ => return None,
    })
}

// Rationale: BEP 3 sets no maximum; libtorrent accepts up to 2^29, and begin is a u32 on the wire.
const MAX_PIECE_LENGTH: i64 = 1 << 31;

// Rationale: directories nest in a v2 file tree, libtorrent stops at 100; ten million values are a torrent of over two
// million files.
const BOUNDS: Bounds = Bounds { depth: 100, values: 10_000_000 };
