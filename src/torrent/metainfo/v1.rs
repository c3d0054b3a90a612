//! The v1 half of an info dictionary: `pieces`, and `length` or `files` (BEP 3, 47).

use crate::bencode::Item;

use super::{
    super::files::{is_link, is_named_pad, is_pad},
    Flaw, Listed, size,
};

/// The files in order.
pub(super) fn read<'a>(info: &Item<'a>, name: &'a [u8]) -> Result<Vec<Listed<'a>>, Flaw> {
    if info.find(b"files").is_none() {
        let size = size(info, "length")?;
        return Ok(vec![Listed {
            components: vec![name],
            size,
            pad: false,
            pad_by_name: false,
            pieces_root: None,
            at: info.offset,
        }]);
    }
    let Some(list) = info.find(b"files").and_then(|files| files.list()) else {
        return Err(Flaw::entry(info, "files", "a list of files"));
    };
    let mut files = Vec::with_capacity(list.len());
    let mut end = 0_u64;
    for file in list {
        let by_attribute = is_pad(file);
        // BEP 47: a symbolic link takes no place, whatever length it states.
        let size = if is_link(file) { 0 } else { size(file, "length")? };
        let components = match components(file) {
            // Nobody ever writes it to a disk.
            Err(_) if by_attribute => vec![&b".pad"[..]],
            path => path?,
        };
        let pad_by_name = !by_attribute && is_named_pad(&components);
        let pad = by_attribute || pad_by_name;
        files.push(Listed { components, size, pad, pad_by_name, pieces_root: None, at: file.offset });
        end = end
            .checked_add(size)
            .filter(|end| *end <= i64::MAX.unsigned_abs())
            .ok_or_else(|| Flaw::new(file.offset, "sizes that overflow", "a torrent of less than 2^63 bytes"))?;
    }
    Ok(files)
}

/// The path as written, `path.utf-8` before `path`.
fn components<'a>(file: &Item<'a>) -> Result<Vec<&'a [u8]>, Flaw> {
    let path = ["path.utf-8", "path"].into_iter().find_map(|key| {
        let list = file.find(key.as_bytes())?.list()?;
        list.iter().map(|component| component.bytes()).collect::<Option<Vec<_>>>()
    });
    path.filter(|path| !path.is_empty()).ok_or_else(|| Flaw::entry(file, "path", "a list of path components"))
}

/// The SHA-1 of each of the `pieces` pieces.
pub(super) fn hashes(info: &Item<'_>, pieces: u32) -> Result<Vec<[u8; 20]>, Flaw> {
    let Some((item, bytes)) = info.find(b"pieces").and_then(|item| Some((item, item.bytes()?))) else {
        if let Some(root) = info.find(b"root hash") {
            let found = "a Merkle torrent (BEP 30: `root hash` in place of `pieces`)";
            return Err(Flaw::new(root.offset, found, "the SHA-1 of every piece; BEP 30 is not read"));
        }
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

#[cfg(test)]
mod tests {
    use super::super::super::{
        Expected, Source, Torrent,
        sample::{self, content, dict, file, hex, int, list, path, string, torrent},
        sha1,
    };
    use crate::Error;

    fn parse(info: &[u8]) -> Torrent {
        Torrent::parse("t", &torrent(info)).expect("valid")
    }

    fn refused(bytes: &[u8]) -> (u64, String) {
        match Torrent::parse("t", bytes) {
            Err(Error::Malformed { offset, found, expected, .. }) => (offset, format!("{found} / {expected}")),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_single_file_has_the_info_hash_that_libtorrent_gives_it() {
        let torrent = parse(&sample::single_v1());
        assert_eq!(torrent.info_hash_v1(), Some(hex("7fce5c9ef1ace676e657f5a729823f4300b26adc")));
        assert_eq!(torrent.info_hash().to_string(), "7fce5c9ef1ace676e657f5a729823f4300b26adc");
        assert_eq!((torrent.name(), torrent.size(), torrent.piece_count()), ("single.bin", 50_000, 2));
        let last = torrent.piece(1).expect("exists");
        assert_eq!(torrent.piece_size(last), 17_232);
        assert_eq!(torrent.expected(last), Expected::Sha1(sha1(&content(50_000, 6)[32_768..])));
        assert_eq!(torrent.info_hash_v2(), None);
    }

    #[test]
    fn several_files_lie_where_libtorrent_puts_them() {
        let torrent = parse(&sample::multi_v1());
        assert_eq!(torrent.info_hash_v1(), Some(hex("286c5c2991d434fe4378f4fb9a7aea181868dc17")));
        let files: Vec<_> =
            torrent.files().iter().map(|file| (file.path.as_str(), file.size, file.offset)).collect();
        assert_eq!(
            files,
            [
                ("a.bin", 100_000, 0),
                ("b.txt", 5, 100_000),
                ("empty", 0, 100_005),
                ("sub/d.bin", 16_385, 100_005),
                ("sub/c.bin", 65_536, 116_390)
            ]
        );
        assert_eq!((torrent.piece_count(), torrent.size()), (6, 181_926));
        let spanning = torrent.piece(3).expect("exists");
        let found: Vec<_> = torrent.files_in(spanning, 0..32_768).collect();
        assert_eq!(found, [(0, 98_304..100_000), (1, 0..5), (3, 0..16_385), (4, 0..14_682)]);
    }

    #[test]
    fn the_info_hash_is_over_the_bytes_as_written() {
        let unsorted = dict([
            ("piece length", int(4)),
            ("pieces", string([7; 20])),
            ("zzz", int(1)),
            ("name", string("n")),
            ("length", string("ignored").split_off(9)),
        ]);
        assert!(Torrent::parse("t", &torrent(&unsorted)).is_err());
        let unsorted = dict([
            ("piece length", b"i004e".to_vec()),
            ("pieces", string([7; 20])),
            ("name", string("n")),
            ("length", int(3)),
            ("length", int(9)),
        ]);
        let found = parse(&unsorted);
        assert_eq!(found.info_hash_v1(), Some(sha1(&unsorted)));
        assert_eq!((found.size(), found.piece_length()), (3, 4));
        let faults: Vec<_> =
            found.faults().iter().map(|fault| fault.split(" at byte ").next().unwrap_or("")).collect();
        assert!(faults.contains(&"a number with leading zeros"), "{faults:?}");
        assert!(faults.contains(&"a key for the second time"), "{faults:?}");
        assert!(faults.contains(&"a key out of order"), "{faults:?}");
        let rebuilt = Torrent::from_info(unsorted.as_slice(), Source::Capture).expect("valid");
        assert_eq!((rebuilt.info_hash_v1(), rebuilt.source()), (found.info_hash_v1(), Source::Capture));
    }

    #[test]
    fn padding_counts_as_no_content_and_names_are_safe() {
        let pad = dict([("attr", string("p")), ("length", int(6)), ("path", path(&["x"]))]);
        let utf8 = dict([
            ("length", int(8)),
            ("path", list([string(b"\xff")])),
            ("path.utf-8", path(&["..", "\u{e9}", "a\nb"])),
        ]);
        let info = dict([
            ("files", list([file(10, &["one"]), pad, utf8])),
            ("name", string(b"\xfe")),
            ("name.utf-8", string("\u{e8}")),
            ("piece length", int(16)),
            ("pieces", string([1; 40])),
            ("private", int(1)),
        ]);
        let torrent = parse(&info);
        assert_eq!((torrent.size(), torrent.name(), torrent.private()), (18, "\u{e8}", true));
        assert_eq!(torrent.files()[2].path, "__/\u{e9}/a_b");
        assert!(torrent.files()[1].pad);
        let first = torrent.piece(0).expect("exists");
        assert_eq!(torrent.pads(first).collect::<Vec<_>>(), vec![10..16]);
        assert_eq!(torrent.file_range(2), 16..24);
    }

    #[test]
    fn a_pad_file_needs_no_path_and_a_link_no_length() {
        let pad = dict([("attr", string("p")), ("length", int(6))]);
        let odd = dict([("attr", string("xp")), ("length", int(16)), ("path", string("no list"))]);
        let link = |entries: &[(&'static str, Vec<u8>)]| {
            let own = [("attr", string("l")), ("path", path(&["to"])), ("symlink path", path(&["one"]))];
            dict(own.into_iter().chain(entries.iter().cloned()))
        };
        let info = dict([
            (
                "files",
                list([file(10, &["one"]), pad, odd, link(&[]), link(&[("length", int(7))]), file(8, &["two"])]),
            ),
            ("name", string("n")),
            ("piece length", int(16)),
            ("pieces", string([1; 60])),
        ]);
        let found = parse(&info);
        let files: Vec<_> = found.files().iter().map(|file| (file.path.as_str(), file.size, file.pad)).collect();
        let pad = |size| (".pad", size, true);
        assert_eq!(
            files,
            [("one", 10, false), pad(6), pad(16), ("to", 0, false), ("to", 0, false), ("two", 8, false)]
        );
        let nameless = dict([("length", int(6))]);
        let info = dict([("files", list([nameless])), ("piece length", int(16)), ("pieces", string([1; 20]))]);
        assert!(refused(&torrent(&info)).1.contains("path"));
    }

    #[test]
    fn a_merkle_torrent_is_named() {
        let info = dict([
            ("length", int(6)),
            ("name", string("n")),
            ("piece length", int(16)),
            ("root hash", string([1; 20])),
        ]);
        assert!(refused(&torrent(&info)).1.contains("a Merkle torrent (BEP 30"));
    }

    fn single(length: i64, piece_length: i64, pieces: usize) -> Vec<u8> {
        torrent(&dict([
            ("length", int(length)),
            ("name", string("n")),
            ("piece length", int(piece_length)),
            ("pieces", string(vec![0; pieces])),
        ]))
    }

    #[test]
    fn contradictions_are_refused_at_their_place() {
        assert!(Torrent::parse("t", &single(32, 16, 40)).is_ok());
        assert_eq!(refused(&single(32, 16, 39)).0, 56);
        assert_eq!(refused(&single(33, 16, 40)), (56, "2 piece hashes / 3, to fit the files' sizes".to_owned()));
        assert_eq!(refused(&single(-1, 16, 40)), (16, "a size of -1 / a size of 0 or more bytes".to_owned()));
        for piece_length in [0, -1, (1 << 31) + 1] {
            assert_eq!(refused(&single(32, piece_length, 40)).0, 44);
        }
        assert_eq!(refused(&single(i64::MAX, 1, 40)).0, 7);
        let huge = list([file(i64::MAX, &["a"]), file(1, &["b"])]);
        let info = dict([("files", huge), ("piece length", int(1 << 30)), ("pieces", string(""))]);
        assert!(refused(&torrent(&info)).1.contains("overflow"));
        let info = dict([("files", list([file(1, &[])])), ("piece length", int(1)), ("pieces", string([0; 20]))]);
        assert!(refused(&torrent(&info)).1.contains("path components"));
    }

    #[test]
    fn bytes_after_the_torrent_are_told_and_change_nothing() {
        let alone = torrent(&sample::single_v1());
        let expected = Torrent::parse("t", &alone).expect("valid");
        for more in [&b"\n"[..], b"\r\n", b"\0\0", b"<html>", b"de"] {
            let found = Torrent::parse("t", &[&alone[..], more].concat()).expect("valid");
            assert!(found.wire_hashes().eq(expected.wire_hashes()));
            assert!(found.faults()[0].ends_with(&format!("at byte {}", alone.len())), "{:?}", found.faults());
        }
    }

    #[test]
    fn what_is_no_torrent_is_called_by_its_name() {
        let cases: [(&[u8], &str); 8] = [
            (b"", "an empty file"),
            (b"\xd4\xc3\xb2\xa1\x02\0\x04\0", "a pcap capture"),
            (b"\x0a\x0d\x0d\x0a....", "a pcapng capture"),
            (b"\n<!DOCTYPE html><html>", "HTML"),
            (b"de", "no `info`"),
            (b"d4:infoi1ee", "an integer under `info`"),
            (b"le", "no `info`"),
            (b"hello", "`h`"),
        ];
        for (bytes, found) in cases {
            let (_, message) = refused(bytes);
            assert!(message.contains(found), "{message}");
        }
    }
}
