//! The v2 half of an info dictionary: `file tree`, and the `piece layers` beside it (BEP 52).

use crate::bencode::Item;

use super::{
    super::merkle::{LEAF_BYTES, LeafHashes},
    Flaw, Listed, size,
};

/// The files in the order of the tree.
pub(super) fn read<'a>(info: &Item<'a>, piece_length: u32) -> Result<Vec<Listed<'a>>, Flaw> {
    if !piece_length.is_power_of_two() || piece_length < LEAF_BYTES {
        let at = info.find(b"piece length").map_or(info.offset, |item| item.offset);
        let found = format!("a piece length of {piece_length}");
        return Err(Flaw::new(at, found, "a power of two of at least 16384 (v2)"));
    }
    let Some(tree) = info.find(b"file tree").filter(|tree| tree.dict().is_some()) else {
        return Err(Flaw::entry(info, "file tree", "a file tree"));
    };
    let mut files = Vec::new();
    walk(tree, &mut Vec::new(), &mut files)?;
    let mut end = 0_u64;
    for file in &files {
        end = file
            .size
            .checked_next_multiple_of(u64::from(piece_length))
            .and_then(|size| end.checked_add(size))
            .filter(|end| *end <= i64::MAX.unsigned_abs())
            .ok_or_else(|| Flaw::new(file.at, "sizes that overflow", "a torrent of less than 2^63 bytes"))?;
    }
    Ok(files)
}

// Recursion is bounded by the depth that the parser lets through.
fn walk<'a>(node: &Item<'a>, path: &mut Vec<&'a [u8]>, files: &mut Vec<Listed<'a>>) -> Result<(), Flaw> {
    let Some(entries) = node.dict() else {
        return Err(Flaw::new(node.offset, node.kind(), "a directory or a file of the tree"));
    };
    for (name, below) in entries {
        if !name.is_empty() {
            path.push(name);
            walk(below, path, files)?;
            path.pop();
        } else if path.is_empty() || entries.len() > 1 {
            return Err(Flaw::new(below.offset, "a file", "a directory, as its place in the file tree says"));
        } else {
            let size = size(below, "length")?;
            let root = if size == 0 { None } else { Some(pieces_root(below)?) };
            files.push(Listed { components: path.clone(), size, pad: false, pieces_root: root, at: below.offset });
        }
    }
    Ok(())
}

fn pieces_root(file: &Item<'_>) -> Result<[u8; 32], Flaw> {
    let expected = "a pieces root of 32 bytes";
    let root = file.find(b"pieces root").and_then(|root| root.bytes());
    root.and_then(|root| root.try_into().ok()).ok_or_else(|| Flaw::entry(file, "pieces root", expected))
}

/// The trees of all files, with the piece layers checked against their roots. Layers may be missing where `outer`,
/// the torrent file around the info dictionary, is.
pub(super) fn trees(files: &[Listed<'_>], piece_length: u32, outer: Option<&Item<'_>>) -> Result<LeafHashes, Flaw> {
    let layers = outer.map(layers).transpose()?;
    let piece_layer = (piece_length / LEAF_BYTES).trailing_zeros();
    let mut trees = LeafHashes::default();
    for file in files {
        let Some(root) = file.pieces_root else {
            continue;
        };
        let needed = file.size > u64::from(piece_length);
        let Some((outer, layers)) = outer.zip(layers.as_ref()).filter(|_| needed) else {
            trees.add(root, file.size, piece_layer, None);
            continue;
        };
        let name = file.path();
        let Some(item) = layers.get(&root[..]) else {
            return Err(Flaw::new(outer.offset, format!("no piece layer of `{name}`"), "one for its pieces root"));
        };
        let layer = item.bytes().map(|bytes| bytes.as_chunks::<32>());
        let fits = matches!(layer, Some((hashes, [])) if trees.add(root, file.size, piece_layer, Some(hashes)));
        if !fits {
            let expected = "hashes of its pieces that lead to its pieces root";
            return Err(Flaw::new(item.offset, format!("a wrong piece layer of `{name}`"), expected));
        }
    }
    Ok(trees)
}

fn layers<'i, 'a>(outer: &'i Item<'a>) -> Result<std::collections::BTreeMap<&'a [u8], &'i Item<'a>>, Flaw> {
    let Some(item) = outer.find(b"piece layers") else {
        return Ok(std::collections::BTreeMap::new());
    };
    let Some(entries) = item.dict() else {
        return Err(Flaw::entry(outer, "piece layers", "a dictionary of piece layers"));
    };
    Ok(entries.iter().map(|(root, layer)| (*root, layer)).collect())
}
