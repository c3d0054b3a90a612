//! The v1 half of an info dictionary: `pieces`, and `length` or `files` (BEP 3, 47).

use crate::bencode::Item;

use super::{
    super::{
        files::{TorrentFile, display_component, display_path, is_pad},
        geometry::{Geometry, Layout},
    },
    Flaw, piece_count, size,
};

/// The files in order, and the SHA-1 of every piece.
pub(super) fn read(info: &Item<'_>, piece_length: u32, name: &[u8]) -> Result<(Geometry, Vec<[u8; 20]>), Flaw> {
    let files = match info.find(b"files") {
        Some(_) => several(info)?,
        None => vec![TorrentFile {
            path: display_component(name),
            size: size(info, "length")?,
            pad: false,
            offset: 0,
            pieces_root: None,
        }],
    };
    let end = files.last().map_or(0, TorrentFile::end);
    let pieces = piece_count(end, piece_length, info.offset)?;
    let hashes = hashes(info, pieces)?;
    Ok((Geometry { piece_length, pieces, files, layout: Layout::V1 }, hashes))
}

fn several(info: &Item<'_>) -> Result<Vec<TorrentFile>, Flaw> {
    let Some(list) = info.find(b"files").and_then(|files| files.list()) else {
        return Err(Flaw::entry(info, "files", "a list of files"));
    };
    let mut files = Vec::with_capacity(list.len());
    let mut offset = 0_u64;
    for file in list {
        let size = size(file, "length")?;
        let components = components(file)?;
        let path = display_path(components.iter().copied());
        files.push(TorrentFile { path, size, pad: is_pad(file, &components), offset, pieces_root: None });
        offset = offset
            .checked_add(size)
            .filter(|end| *end <= i64::MAX.unsigned_abs())
            .ok_or_else(|| Flaw::new(file.offset, "sizes that overflow", "a torrent of less than 2^63 bytes"))?;
    }
    Ok(files)
}

/// The path as written, `path.utf-8` before `path`.
pub(super) fn components<'a>(file: &Item<'a>) -> Result<Vec<&'a [u8]>, Flaw> {
    let path = ["path.utf-8", "path"].into_iter().find_map(|key| {
        let list = file.find(key.as_bytes())?.list()?;
        list.iter().map(|component| component.bytes()).collect::<Option<Vec<_>>>()
    });
    path.filter(|path| !path.is_empty()).ok_or_else(|| Flaw::entry(file, "path", "a list of path components"))
}

fn hashes(info: &Item<'_>, pieces: u32) -> Result<Vec<[u8; 20]>, Flaw> {
    let Some((item, bytes)) = info.find(b"pieces").and_then(|item| Some((item, item.bytes()?))) else {
        return Err(Flaw::entry(info, "pieces", "the SHA-1 of every piece"));
    };
    let (hashes, rest) = bytes.as_chunks::<20>();
    if !rest.is_empty() {
        let found = format!("`pieces` of {} bytes", bytes.len());
        return Err(Flaw::new(item.offset, found, "a multiple of 20 bytes"));
    }
    if hashes.len() as u64 != u64::from(pieces) {
        let found = format!("{} piece hashes", hashes.len());
        return Err(Flaw::new(item.offset, found, format!("{pieces}, to fit the files' sizes")));
    }
    Ok(hashes.to_vec())
}
