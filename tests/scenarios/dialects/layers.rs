//! v2 torrents without piece layers (BEP 9 carries none): proven by data and `hashes` messages, or said to be open.

use peerproof::Torrents;
use peerproof::evidence::{Bytes, Evidence, Grade};

use super::*;
use crate::synth::run::transfer;

const LEAF: u64 = SMALL as u64;

/// `pieces` pieces of four leaves, the last piece short.
fn torrent(pieces: usize) -> Torrent {
    Recipe::single("layers.bin", 4 * SMALL, pieces * 4 * SMALL as usize - 20_000, 70).v2()
}

fn magnet(torrent: &Torrent) -> String {
    let hash: String = torrent.info_hash_v2.expect("v2").iter().map(|byte| format!("{byte:02x}")).collect();
    format!("magnet:?xt=urn:btmh:1220{hash}")
}

/// A connection to `from` on which the info dictionary goes over.
fn told(world: &mut World, torrent: &Torrent, from: &str) -> Conn {
    let conn = join(world, torrent, M, from);
    world.send(conn, Side::A, &wire::extended_hello(&[("ut_metadata", 2)], ""));
    world.send(conn, Side::B, &wire::metadata(2, 0, &torrent.info));
    conn
}

fn ask(world: &mut World, conn: Conn, torrent: &Torrent, piece: u32, begin: u32, good: bool) {
    let len = SMALL.min(torrent.piece_len(piece) - begin);
    world.send(conn, Side::A, &wire::request(piece, begin, len));
    if good {
        world.piece(conn, Side::B, torrent, piece, begin, len);
    } else {
        world.bad_piece(conn, Side::B, torrent, piece, begin, len);
    }
}

fn linked(world: &World, torrent: &Torrent) -> Evidence {
    Run::new().capture(world.pcap()).metainfo(magnet(torrent).as_str()).evidence()
}

/// The torrent file without its piece layers.
fn bare(torrent: &Torrent) -> Vec<u8> {
    [&b"d4:info"[..], &torrent.info, b"e"].concat()
}

#[test]
fn every_leaf_of_a_file_in_the_capture_proves_the_file() {
    for pieces in [2, 3, 5] {
        let torrent = torrent(pieces);
        let mut world = World::new();
        let conn = told(&mut world, &torrent, S);
        fetch_all(&mut world, conn, &torrent);
        for evidence in
            [linked(&world, &torrent), Run::new().capture(world.pcap()).metainfo(bare(&torrent)).evidence()]
        {
            let seeder = transfer(&evidence, S, M);
            assert_eq!((seeder.bytes, seeder.grade), (clean(torrent.content.len() as u64), Grade::G9), "{pieces}");
            assert!(seeder.standard.is_some());
        }
    }
}

#[test]
fn leaves_of_several_peers_prove_the_file_and_each_its_own() {
    let torrent = torrent(3);
    let mut world = World::new();
    let ends = [told(&mut world, &torrent, S), join(&mut world, &torrent, M, S2)];
    for piece in 0..torrent.pieces() {
        for (index, (begin, _)) in torrent.blocks(piece).into_iter().enumerate() {
            ask(&mut world, ends[index % 2], &torrent, piece, begin, true);
        }
    }
    let evidence = linked(&world, &torrent);
    let (one, other) = (transfer(&evidence, S, M), transfer(&evidence, S2, M));
    let all = torrent.content.len() as u64;
    assert_eq!((one.bytes.verified + other.bytes.verified, one.bytes.sole + other.bytes.sole), (all, all));
    assert_eq!((one.grade, other.grade), (Grade::G8, Grade::G8));
}

#[test]
fn a_file_with_a_leaf_missing_stays_open_and_the_report_says_why() {
    let torrent = torrent(3);
    let mut world = World::new();
    let conn = told(&mut world, &torrent, S);
    for piece in 0..torrent.pieces() {
        for (begin, _) in torrent.blocks(piece) {
            if (piece, begin) != (1, SMALL) {
                ask(&mut world, conn, &torrent, piece, begin, true);
            }
        }
    }
    let evidence = linked(&world, &torrent);
    let seeder = transfer(&evidence, S, M);
    assert_eq!((seeder.bytes.verified, seeder.bytes.unproven), (0, torrent.content.len() as u64 - LEAF));
    let why = seeder.next_rung.clone().unwrap_or_default();
    assert!(why.contains("piece layers"), "{why}");
}

#[test]
fn a_bad_first_copy_of_a_leaf_does_not_keep_the_file_from_being_proven() {
    let torrent = torrent(3);
    let mut world = World::new();
    let conn = told(&mut world, &torrent, S);
    let liar = join(&mut world, &torrent, M, S2);
    for piece in 0..torrent.pieces() {
        for (begin, _) in torrent.blocks(piece) {
            if (piece, begin) == (1, SMALL) {
                ask(&mut world, liar, &torrent, piece, begin, false);
            }
            ask(&mut world, conn, &torrent, piece, begin, true);
        }
    }
    let evidence = linked(&world, &torrent);
    assert_eq!(transfer(&evidence, S, M).bytes, clean(torrent.content.len() as u64));
    let bad = Bytes { verified: 0, sole: 0, refuted: LEAF, ..clean(LEAF) };
    assert_eq!(transfer(&evidence, S2, M).bytes, bad);
}

#[test]
fn hashes_above_the_pieces_let_a_part_of_the_file_be_proven() {
    let torrent = torrent(8);
    // Layer 2 is the pieces; layer 4 holds the two halves of the file.
    let halves = wire::hashes(torrent.root(0), 4, 0, &torrent.layer(0, 4), &[]);
    let mut world = World::new();
    let conn = told(&mut world, &torrent, S);
    world.send(conn, Side::B, &halves);
    (0..5).for_each(|piece| world.fetch(conn, Side::B, &torrent, piece));
    let evidence = linked(&world, &torrent);
    let expected = Bytes { verified: 16 * LEAF, sole: 16 * LEAF, unproven: 4 * LEAF, ..clean(20 * LEAF) };
    assert_eq!((transfer(&evidence, S, M).bytes, transfer(&evidence, S, M).grade), (expected, Grade::G8));
}

#[test]
fn a_rebuilt_torrent_can_be_read_with_or_without_its_layers() {
    let torrent = torrent(3);
    let leaves = wire::hashes(torrent.root(0), 2, 0, &torrent.layer(0, 2), &[]);
    for with in [true, false] {
        let mut world = World::new();
        let conn = told(&mut world, &torrent, S);
        if with {
            world.send(conn, Side::B, &leaves);
        }
        world.fetch(conn, Side::B, &torrent, 1);
        let found = Run::new().capture(world.pcap()).found();
        let id = found.torrents.find(&torrent.info_hash).expect("found");
        let file = found.torrents.torrent(id).metainfo(&found.metadata.rebuilt[0].info);
        let again = Torrents::from_bytes(vec![("again".to_owned(), file.clone())]).expect("a torrent");
        let again = again.torrent(again.find(&torrent.info_hash).expect("the same"));
        assert_eq!(again.verifiable(), with);
        let evidence = Run::new().capture(world.pcap()).metainfo(file).evidence();
        assert_eq!(transfer(&evidence, S, M).bytes.verified, if with { 4 * LEAF } else { 0 });
    }
}

#[test]
fn what_the_run_learned_of_a_torrent_is_kept_with_the_evidence() {
    let torrent = torrent(3);
    let mut world = World::new();
    let conn = told(&mut world, &torrent, S);
    fetch_all(&mut world, conn, &torrent);
    let evidence = linked(&world, &torrent);
    let known = evidence.known.torrent(evidence.known.find(&torrent.info_hash).expect("known"));
    assert!(known.verifiable());
    assert_eq!(known.metainfo(&torrent.info), torrent.metainfo);
}
