//! Torrent files, info dictionaries and magnet links, and the geometry that they give.

#![no_main]

use libfuzzer_sys::fuzz_target;
use peerproof::stages::torrent::Source;
use peerproof::stages::torrent::merkle::HashProof;
use peerproof::{Torrent, Torrents};

fuzz_target!(|data: &[u8]| {
    if let Ok(torrent) = Torrent::from_info(data, Source::Capture) {
        check(&torrent);
        let file = torrent.metainfo(data);
        let again = Torrent::parse("again", &file).expect("a torrent file around a good info dictionary");
        assert_eq!(again.info_hash(), torrent.info_hash());
    }
    let Ok(torrent) = Torrent::parse("input", data) else { return };
    check(&torrent);
    let mut set = Torrents::from_bytes(vec![("input".into(), data.to_vec())]).expect("as alone");
    let id = set.add(torrent.clone());
    for hash in torrent.wire_hashes() {
        assert_eq!(set.find(&hash), Some(id));
    }
    // A proof of nothing must not be believed.
    for file in torrent.files().iter().filter_map(|file| file.pieces_root).take(2) {
        for length in [1, 2, 512] {
            let hashes = vec![0x5a; 32 * length as usize];
            let proof = HashProof { pieces_root: file, base_layer: 0, index: 0, length, hashes: &hashes };
            assert!(set.torrent_mut(id).learn(&proof).is_err() || file == [0x5a; 32]);
        }
    }
});

/// The files and the padding tile the pieces, and the pieces tile the torrent.
fn check(torrent: &Torrent) {
    let _ = (torrent.verifiable(), torrent.private(), torrent.name().len());
    let count = torrent.piece_count();
    assert!(torrent.piece(count).is_none());
    let ends = (0..count.min(20)).chain(count.saturating_sub(3)..count);
    for piece in ends.filter_map(|raw| torrent.piece(raw)) {
        let size = torrent.piece_size(piece);
        assert!(size > 0 && size <= torrent.piece_length());
        let content: u64 = torrent.files_in(piece, 0..size).map(|(_, range)| range.end - range.start).sum();
        let pads: u64 = torrent.pads(piece).map(|range| u64::from(range.end - range.start)).sum();
        assert_eq!(content + pads, u64::from(size), "piece {piece:?}");
        let _ = (torrent.expected(piece), torrent.leaf(piece, 0), torrent.leaf(piece, u32::MAX));
        assert!(torrent.place(piece.number(), 0, size).is_ok());
        assert!(torrent.place(piece.number(), size, 1).is_err());
        assert!(torrent.place(piece.number(), u32::MAX, u32::MAX).is_err());
    }
    assert!(torrent.place(count, 0, 1).is_err());
}
