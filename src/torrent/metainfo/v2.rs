//! The v2 half of an info dictionary: `file tree`, and the `piece layers` beside it (BEP 52).

use crate::bencode::Item;

use super::{
    super::files::is_link,
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
            let size = if is_link(below) { 0 } else { size(below, "length")? };
            let root = if size == 0 { None } else { Some(pieces_root(below)?) };
            files.push(Listed {
                components: path.clone(),
                size,
                pad: false,
                pad_by_name: false,
                pieces_root: root,
                at: below.offset,
            });
        }
    }
    Ok(())
}

fn pieces_root(file: &Item<'_>) -> Result<[u8; 32], Flaw> {
    let expected = "a pieces root of 32 bytes";
    let root = file.find(b"pieces root").and_then(|root| root.bytes());
    root.and_then(|root| root.try_into().ok()).ok_or_else(|| Flaw::entry(file, "pieces root", expected))
}

/// The trees of all files, with the piece layers checked against their roots. Any may be missing, as clients load such
/// torrents: all where `outer`, the torrent file around the info dictionary, is, and in a file that was made from a magnet
/// link.
pub(super) fn trees(files: &[Listed<'_>], piece_length: u32, outer: Option<&Item<'_>>) -> Result<LeafHashes, Flaw> {
    let layers = outer.map(layers).transpose()?.flatten();
    let piece_layer = (piece_length / LEAF_BYTES).trailing_zeros();
    let mut trees = LeafHashes::default();
    for file in files {
        let Some(root) = file.pieces_root else {
            continue;
        };
        let needed = file.size > u64::from(piece_length);
        let Some(item) = layers.as_ref().filter(|_| needed).and_then(|layers| layers.get(&root[..])) else {
            trees.add(root, file.size, piece_layer, None);
            continue;
        };
        let name = file.path();
        let layer = item.bytes().map(|bytes| bytes.as_chunks::<32>());
        let fits = matches!(layer, Some((hashes, [])) if trees.add(root, file.size, piece_layer, Some(hashes)));
        if !fits {
            let expected = "hashes of its pieces that lead to its pieces root";
            return Err(Flaw::new(item.offset, format!("a wrong piece layer of `{name}`"), expected));
        }
    }
    Ok(trees)
}

/// The piece layers by root.
type Layers<'i, 'a> = std::collections::BTreeMap<&'a [u8], &'i Item<'a>>;

fn layers<'i, 'a>(outer: &'i Item<'a>) -> Result<Option<Layers<'i, 'a>>, Flaw> {
    let Some(item) = outer.find(b"piece layers") else { return Ok(None) };
    let Some(entries) = item.dict() else {
        return Err(Flaw::entry(outer, "piece layers", "a dictionary of piece layers"));
    };
    Ok(Some(entries.iter().map(|(root, layer)| (*root, layer)).collect()))
}

#[cfg(test)]
mod tests {
    use super::super::super::{
        Expected, PieceTree, Source, Torrent,
        sample::{self, content, dict, hex, int, list, node, string, torrent_v2},
    };

    fn refused(bytes: &[u8]) -> String {
        Torrent::parse("t", bytes).expect_err("refused").to_string()
    }

    fn with_tree(tree: Vec<u8>, piece_length: i64) -> Vec<u8> {
        let info = dict([
            ("file tree", tree),
            ("meta version", int(2)),
            ("name", string("n")),
            ("piece length", int(piece_length)),
        ]);
        torrent_v2(&info)
    }

    #[test]
    fn files_lie_where_libtorrent_puts_them() {
        let torrent = Torrent::parse("t", &torrent_v2(&sample::multi_v2())).expect("valid");
        let hash = "97d6334cafd1ba86defe909f7fff7d2f6bcfdd84db4dea4359dfff9dc41db379";
        assert_eq!((torrent.info_hash_v1(), torrent.info_hash_v2()), (None, Some(hex(hash))));
        assert_eq!(torrent.info_hash().to_string(), hash);
        assert_eq!((torrent.piece_count(), torrent.size()), (8, 181_926));
        let files: Vec<_> =
            torrent.files().iter().map(|file| (file.path.as_str(), file.size, file.offset)).collect();
        assert_eq!(
            files,
            [
                ("a.bin", 100_000, 0),
                ("b.txt", 5, 131_072),
                ("empty", 0, 163_840),
                ("sub/c.bin", 65_536, 163_840),
                ("sub/d.bin", 16_385, 229_376)
            ]
        );
        let root = hex("b6bf53030ba35e8f6b64c19854fc49b3134ba1f08206d0f9eba87b82f5c15dd2");
        assert_eq!((torrent.files()[4].pieces_root, torrent.files()[2].pieces_root), (Some(root), None));
        let last = torrent.piece(7).expect("exists");
        assert_eq!(torrent.piece_size(last), 32_768);
        assert_eq!(torrent.pads(last).collect::<Vec<_>>(), vec![16_385..32_768]);
        assert_eq!(torrent.expected(last), Expected::V2(PieceTree { root, content: 16_385, width: 2 }));
        let fourth = torrent.piece(3).expect("exists");
        let (_, layer) = sample::tree(&content(100_000, 1));
        assert_eq!(torrent.expected(fourth), Expected::V2(PieceTree { root: layer[3], content: 1_696, width: 2 }));
        let small = torrent.piece(4).expect("exists");
        assert_eq!(torrent.leaf(small, 0), Some(crate::torrent::sha256(&content(5, 2))));
        assert_eq!(
            (torrent.leaf(small, 1), torrent.leaf(last, 0), torrent.leaf(last, u32::MAX)),
            (None, None, None)
        );
        assert!(torrent.verifiable());
    }

    #[test]
    fn a_single_file_has_the_info_hash_that_libtorrent_gives_it() {
        let content = content(50_000, 6);
        let info = |piece_length| {
            dict([
                ("file tree", dict([("single.bin", node(&content))])),
                ("meta version", int(2)),
                ("name", string("single.bin")),
                ("piece length", int(piece_length)),
            ])
        };
        let root = sample::tree(&content).0;
        let leaves: Vec<_> = content.chunks(16_384).map(crate::torrent::sha256).collect();
        let file = dict([("info", info(16_384)), ("piece layers", dict([(root, string(leaves.concat()))]))]);
        let torrent = Torrent::parse("t", &file).expect("valid");
        let hash = "26c552276f17e7c86b3c02d072d0fb1f60bd0b4c7e46a3354f2fe11e186716c8";
        assert_eq!(torrent.info_hash().to_string(), hash);
        assert_eq!((torrent.piece_count(), torrent.files()[0].path.as_str()), (4, "single.bin"));
        for (raw, leaf) in (0..).zip(&leaves) {
            assert_eq!(torrent.leaf(torrent.piece(raw).expect("exists"), 0), Some(*leaf));
        }
        let found = Torrent::from_info(info(32_768), Source::Capture).expect("valid");
        let hash = "571128176db8dae4f43665aa95abc5f07b96f9dc7e8313ae3d12cf95674fc186";
        assert_eq!(found.info_hash().to_string(), hash);
        assert_eq!(found.expected(found.piece(0).expect("exists")), Expected::Unknown);
        assert!(!found.verifiable());
    }

    #[test]
    fn wrong_piece_layers_are_refused_by_file_and_missing_ones_are_not_known() {
        let info = sample::multi_v2();
        let empty = dict([("info", info.clone()), ("piece layers", b"de".to_vec())]);
        let some = Torrent::parse("t", &empty).expect("as clients load it");
        assert_eq!(some.without_layer().collect::<Vec<_>>(), [0, 3]);
        let bare = Torrent::parse("t", &dict([("info", info.clone())])).expect("as a magnet link has it");
        assert!(!bare.verifiable() && bare.leaf(bare.piece(4).expect("exists"), 0).is_some());
        let mut file = torrent_v2(&info);
        let end = file.len();
        file[end - 10] ^= 1;
        let message = refused(&file);
        assert!(message.contains("a wrong piece layer of"), "{message}");
        let whole = list([]);
        assert!(refused(&dict([("info", info), ("piece layers", whole)])).contains("a list under `piece layers`"));
    }

    #[test]
    fn trees_that_contradict_themselves_are_refused() {
        let five = node(&content(5, 2));
        assert!(Torrent::parse("t", &with_tree(dict([("a", five.clone())]), 16_384)).is_ok());
        assert!(refused(&with_tree(dict([("a", five.clone())]), 16_385)).contains("a power of two"));
        assert!(refused(&with_tree(dict([("a", five.clone())]), 8_192)).contains("a power of two"));
        assert!(refused(&with_tree(five.clone(), 16_384)).contains("a directory"));
        assert!(refused(&with_tree(int(1), 16_384)).contains("an integer under `file tree`"));
        let both = dict([("", dict([("length", int(0))])), ("b", five)]);
        assert!(refused(&with_tree(dict([("a", both)]), 16_384)).contains("a directory"));
        let rootless = dict([("", dict([("length", int(5))]))]);
        assert!(refused(&with_tree(dict([("a", rootless)]), 16_384)).contains("no `pieces root`"));
        let huge = || dict([("", dict([("length", int(i64::MAX)), ("pieces root", string([0; 32]))]))]);
        assert!(refused(&with_tree(dict([("a", huge()), ("b", huge())]), 16_384)).contains("overflow"));
    }
}
