//! A torrent file or an info dictionary -> what it says, checked (BEP 3, 47, 52).

mod hybrid;
mod v1;
mod v2;

use crate::limits::{METAINFO_DEPTH, METAINFO_VALUES};
use crate::{
    Error,
    bencode::{BencodeError, Bounds, Document, Item},
};

use super::{
    files::{TorrentFile, display_component, display_path, shown_path},
    geometry::{Geometry, Layout},
    merkle::LeafHashes,
};

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
    /// The Merkle trees of the files; without any in a v1-only torrent.
    pub trees: LeafHashes,
    /// URLs of webseeds (BEP 19).
    pub webseeds: Vec<String>,
    /// URLs of HTTP seeds (BEP 17).
    pub http_seeds: Vec<String>,
    /// Breaches of bencode's canonical form.
    pub faults: Vec<String>,
}

/// A file as an info dictionary lists it.
#[derive(Clone, Debug)]
struct Listed<'a> {
    /// The path as written; never empty.
    components: Vec<&'a [u8]>,
    size: u64,
    pad: bool,
    pad_by_name: bool,
    pieces_root: Option<[u8; 32]>,
    /// Where it is listed, in bytes from the start of the input.
    at: usize,
}

impl Listed<'_> {
    fn path(&self) -> String {
        display_path(self.components.iter().copied())
    }
}

/// A defect of a torrent, and where it stands.
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

    /// Moves the flaw into an input that begins `bytes` earlier.
    pub fn behind(mut self, bytes: usize) -> Self {
        self.offset += bytes;
        self
    }

    /// The error of the input `name`.
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
    if let Some(first) = bytes.first().filter(|first| !matches!(first, b'd' | b'l' | b'i' | b'0'..=b'9')) {
        let found = format!("`{}`", first.escape_ascii());
        return Err(Flaw::new(0, found, "a torrent file (a bencoded dictionary, which begins with `d`)"));
    }
    let document = Document::parse(bytes, &BOUNDS)?;
    let root = &document.root;
    match root.find(b"info") {
        Some(info) if info.dict().is_some() => {
            let mut faults = faults(&document);
            // Editors and downloads add a line end; the info-hash does not depend on it, and clients load the torrent.
            if let Err(more) = document.whole(bytes) {
                faults.push(format!("{} after the end of the torrent at byte {}", more.found, more.offset));
            }
            read_info(info, Some(root)).map(|info| Info { faults, ..info })
        }
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
    read_info(&document.root, None).map(|info| Info { faults: faults(&document), ..info })
}

/// Breaches of the canonical form, in words.
fn faults(document: &Document<'_>) -> Vec<String> {
    document.faults.iter().map(|fault| format!("{} at byte {}", fault.kind, fault.offset)).collect()
}

/// `outer` is the torrent file around `info`; without one, piece layers may be missing.
fn read_info(info: &Item<'_>, outer: Option<&Item<'_>>) -> Result<Info, Flaw> {
    let piece_length = piece_length(info)?;
    let private = info.find(b"private").and_then(|private| private.int()) == Some(1);
    let name = [&b"name.utf-8"[..], b"name"].iter().find_map(|key| info.find(key)?.bytes());
    let version = version(info)?;
    let v1 = match version {
        Version::V2 => None,
        Version::V1 | Version::Hybrid => Some(v1::read(info, name.unwrap_or_default())?),
    };
    let v2 = match version {
        Version::V1 => None,
        Version::V2 | Version::Hybrid => Some(v2::read(info, piece_length)?),
    };
    let trees = v2.as_deref().map(|files| v2::trees(files, piece_length, outer)).transpose()?.unwrap_or_default();
    let geometry = match (v1, v2) {
        (Some(v1), None) => lay_out(&v1, piece_length, Layout::V1)?,
        (None, Some(v2)) => lay_out(&v2, piece_length, Layout::V2)?,
        (Some(v1), Some(v2)) => hybrid::lay_out(v1, &v2, piece_length)?,
        (None, None) => Geometry::default(),
    };
    let pieces = match version {
        Version::V2 => None,
        Version::V1 | Version::Hybrid => Some(v1::hashes(info, geometry.pieces)?),
    };
    let hash_v1 = pieces.is_some().then(|| super::sha1(info.raw));
    let hash_v2 = (version != Version::V1).then(|| super::sha256(info.raw));
    let name = name.filter(|name| !name.is_empty()).map_or_else(|| "unnamed".to_owned(), display_component);
    let listed = |key: &[u8]| outer.map(|outer| urls(outer, key)).unwrap_or_default();
    let (webseeds, http_seeds) = (listed(b"url-list"), listed(b"httpseeds"));
    Ok(Info { name, private, geometry, hash_v1, hash_v2, pieces, trees, webseeds, http_seeds, faults: Vec::new() })
}

/// The `url-list` or `httpseeds` of a torrent file: one URL, or a list of them. What is neither is left out.
fn urls(outer: &Item<'_>, key: &[u8]) -> Vec<String> {
    let Some(item) = outer.find(key) else { return Vec::new() };
    let urls = item.list().map_or_else(|| vec![item.bytes()], |list| list.iter().map(|url| url.bytes()).collect());
    urls.into_iter().flatten().map(|url| String::from_utf8_lossy(url).into_owned()).collect()
}

/// Which halves an info dictionary has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    V1,
    V2,
    Hybrid,
}

fn version(info: &Item<'_>) -> Result<Version, Flaw> {
    match info.find(b"meta version").map(|item| (item.offset, item.int())) {
        None | Some((_, Some(1))) => Ok(Version::V1),
        Some((_, Some(2))) if info.find(b"pieces").is_some() => Ok(Version::Hybrid),
        Some((_, Some(2))) => Ok(Version::V2),
        Some((at, Some(number))) => Err(Flaw::new(at, format!("meta version {number}"), "meta version 2")),
        Some(_) => Err(Flaw::entry(info, "meta version", "meta version 2")),
    }
}

/// Places the files one behind the other, or each on a piece boundary. The sizes were checked not to overflow.
fn lay_out(listed: &[Listed<'_>], piece_length: u32, layout: Layout) -> Result<Geometry, Flaw> {
    let unit = u64::from(piece_length);
    let mut end = 0_u64;
    let mut files = Vec::with_capacity(listed.len());
    for file in listed {
        let offset = end;
        end = end.saturating_add(match layout {
            Layout::V2 => file.size.next_multiple_of(unit),
            Layout::V1 | Layout::Unknown => file.size,
        });
        let Listed { size, pad, pad_by_name, pieces_root, .. } = *file;
        let shown = shown_path(file.components.iter().copied());
        files.push(TorrentFile { path: file.path(), shown, size, pad, pad_by_name, offset, pieces_root });
    }
    let pieces = u32::try_from(end.div_ceil(unit)).map_err(|_| {
        let at = listed.first().map_or(0, |file| file.at);
        Flaw::new(at, format!("{end} bytes in pieces of {piece_length}"), "fewer than 2^32 pieces")
    })?;
    Ok(Geometry { piece_length, pieces, files, layout })
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

/// Names the format of a file that users mistake for a torrent.
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

const BOUNDS: Bounds = Bounds { depth: METAINFO_DEPTH, values: METAINFO_VALUES };
