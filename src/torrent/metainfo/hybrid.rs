//! A hybrid torrent: both halves must describe the same files (BEP 52).

use super::{
    super::geometry::{Geometry, Layout},
    Flaw, Listed,
};

/// The layout of v1 with the roots of v2.
///
/// # Errors
/// The first file in which the halves differ in path or size, or that v1 does not put on a piece boundary.
pub(super) fn lay_out(mut v1: Vec<Listed<'_>>, v2: &[Listed<'_>], piece_length: u32) -> Result<Geometry, Flaw> {
    let mut tree = v2.iter();
    for file in v1.iter_mut().filter(|file| !file.pad) {
        let Some(twin) = tree.next() else {
            return Err(disagreement(file, "only in the v1 half"));
        };
        if file.components != twin.components {
            return Err(disagreement(file, &format!("where the v2 half has `{}`", twin.path())));
        }
        if file.size != twin.size {
            return Err(disagreement(file, &format!("of {} bytes in v1 and {} in v2", file.size, twin.size)));
        }
        file.pieces_root = twin.pieces_root;
    }
    if let Some(file) = tree.next() {
        return Err(disagreement(file, "only in the v2 half"));
    }
    let geometry = super::lay_out(&v1, piece_length, Layout::V1)?;
    let unit = u64::from(piece_length);
    for (file, listed) in geometry.files.iter().zip(&v1) {
        if file.pieces_root.is_some() && !file.offset.is_multiple_of(unit) {
            return Err(disagreement(listed, "not padded to a piece boundary in the v1 half"));
        }
    }
    let pieces: u64 = v2.iter().map(|file| file.size.div_ceil(unit)).sum();
    if pieces != u64::from(geometry.pieces) {
        let at = v1.first().map_or(0, |file| file.at);
        let found = format!("{} pieces in the v1 half", geometry.pieces);
        return Err(Flaw::new(at, found, format!("{pieces} as in the v2 half")));
    }
    Ok(geometry)
}

fn disagreement(file: &Listed<'_>, what: &str) -> Flaw {
    Flaw::new(file.at, format!("`{}` {what}", file.path()), "the same files in both halves of a hybrid torrent")
}

#[cfg(test)]
mod tests {
    use super::super::super::{Expected, Torrent, sample};

    fn replaced(from: &[u8], to: &[u8]) -> Vec<u8> {
        let info = sample::multi_hybrid();
        let place = info.windows(from.len()).position(|window| window == from).expect("present");
        let info = [&info[..place], to, &info[place + from.len()..]].concat();
        sample::torrent_v2(&info)
    }

    fn refused(bytes: &[u8]) -> String {
        Torrent::parse("t", bytes).expect_err("refused").to_string()
    }

    #[test]
    fn a_hybrid_has_both_hashes_that_libtorrent_gives_it() {
        let torrent = Torrent::parse("t", &sample::torrent_v2(&sample::multi_hybrid())).expect("valid");
        assert_eq!(torrent.info_hash().to_string(), "95f651a5f5b824da51e3358b5d8b6a4aa6785759");
        let v2 = "d8ecea66042b4d115d276751690e7a0c4a785f4c7527400bdc875f010ee8e8df";
        assert_eq!(torrent.info_hash_v2(), Some(sample::hex(v2)));
        assert_eq!((torrent.size(), torrent.piece_count(), torrent.files().len()), (181_926, 8, 8));
        let v2_only = Torrent::parse("t", &sample::torrent_v2(&sample::multi_v2())).expect("valid");
        for raw in 0..8 {
            let piece = torrent.piece(raw).expect("exists");
            let (Expected::Both { v2, .. }, Expected::V2(alone)) =
                (torrent.expected(piece), v2_only.expected(piece))
            else {
                panic!("piece {raw}");
            };
            assert_eq!(v2, alone);
            assert_eq!(torrent.pads(piece).collect::<Vec<_>>(), v2_only.pads(piece).collect::<Vec<_>>());
        }
    }

    #[test]
    fn halves_that_disagree_are_refused() {
        let cases: [(&[u8], &[u8], &str); 5] = [
            (b"pathl5:a.bin", b"pathl5:A.bin", "`A.bin` where the v2 half has `a.bin`"),
            (b"lengthi5e4:path", b"lengthi6e4:path", "`b.txt` of 6 bytes in v1 and 5 in v2"),
            (b"d4:attr1:p6:lengthi32763e", b"d4:attr1:p6:lengthi32762e", "not padded to a piece boundary"),
            (b"d4:attr1:p6:lengthi16383e", b"d4:attr1:p6:lengthi65536e", "10 pieces in the v1 half"),
            (b"d6:lengthi0e4:pathl5:emptyee", b"", "`sub/c.bin` where the v2 half has `empty`"),
        ];
        for (from, to, expected) in cases {
            let message = refused(&replaced(from, to));
            assert!(message.contains(expected), "{message}");
        }
        assert!(refused(&replaced(b"12:meta versioni2e", b"12:meta versioni3e")).contains("meta version 3"));
    }
}
