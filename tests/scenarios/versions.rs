//! v2 and hybrid torrents (BEP 52): T16, T18.

use peerproof::evidence::{Bytes, Grade};

use super::*;
use crate::synth::run::{analyze, subject, transfer};

#[test]
fn t16_a_good_and_a_bad_leaf_are_told_apart() {
    let torrent = Recipe::single("v2.bin", SMALL, 4 * SMALL as usize, 16).v2();
    let mut world = World::new();
    let conn = join(&mut world, &torrent, M, S);
    world.fetch(conn, Side::B, &torrent, 0);
    world.send(conn, Side::A, &wire::request(1, 0, SMALL));
    world.bad_piece(conn, Side::B, &torrent, 1, 0, SMALL);
    let evidence = analyze(&world, &torrent);
    let seeder = transfer(&evidence, S, M);
    let leaf = u64::from(SMALL);
    assert_eq!(seeder.bytes, Bytes { verified: leaf, sole: leaf, refuted: leaf, ..clean(2 * leaf) });
    assert_eq!(seeder.grade, Grade::G8);
    assert!(seeder.rungs.iter().any(|rung| rung.grade == Grade::GX));
}

#[test]
fn a_verified_v2_piece_proves_each_leaf_to_its_own_sender() {
    let torrent = Recipe::single("v2.bin", 4 * SMALL, 4 * SMALL as usize, 16).v2();
    let other = "81.2.69.30:6881";
    let mut world = World::new();
    let bad = join(&mut world, &torrent, M, S);
    for leaf in [0, 1] {
        world.send(bad, Side::A, &wire::request(0, leaf * SMALL, SMALL));
    }
    world.piece(bad, Side::B, &torrent, 0, 0, SMALL);
    world.bad_piece(bad, Side::B, &torrent, 0, SMALL, SMALL);
    let good = join(&mut world, &torrent, M, other);
    for leaf in [2, 3, 1] {
        world.send(good, Side::A, &wire::request(0, leaf * SMALL, SMALL));
        world.piece(good, Side::B, &torrent, 0, leaf * SMALL, SMALL);
    }
    let evidence = analyze(&world, &torrent);
    let (one, two) = (transfer(&evidence, S, M), transfer(&evidence, other, M));
    let leaf = u64::from(SMALL);
    assert_eq!(one.bytes, Bytes { verified: leaf, sole: leaf, refuted: leaf, ..clean(2 * leaf) });
    assert_eq!(two.bytes, clean(3 * leaf));
    assert_eq!([one.grade, two.grade], [Grade::G8; 2]);
    assert_eq!([one.pieces_sole, two.pieces_sole], [0; 2]);
}

#[test]
fn a_v2_torrent_with_a_short_last_leaf_is_verified_whole() {
    let torrent = Recipe::single("v2.bin", 2 * SMALL, 7 * SMALL as usize + 123, 16).v2();
    let (world, _) = one_seeder(&torrent);
    let evidence = analyze(&world, &torrent);
    let seeder = transfer(&evidence, S, M);
    assert_eq!((seeder.bytes, seeder.grade), (clean(sent(&world)), Grade::G9));
    let hash = torrent.info_hash_v2.expect("v2");
    assert_eq!(seeder.info_hash.as_ref().map(|hash| hash.0.as_slice()), Some(hash.as_slice()));
}

#[test]
fn t18_both_hashes_of_a_hybrid_are_one_torrent() {
    let torrent = Recipe::single("both.bin", SMALL, 4 * SMALL as usize, 18).hybrid();
    let v2 = torrent.info_hash_v2.expect("hybrid")[..20].try_into().expect("20 bytes");
    let mut world = World::new();
    for (leecher, hash, piece) in [(M, torrent.info_hash, 0), ("81.2.69.10:50002", v2, 1)] {
        let conn = world.meet(address(leecher), address(S), hash, [id(1), id(2)]);
        world.send(conn, Side::B, &wire::have_all());
        world.send(conn, Side::B, &wire::unchoke());
        world.fetch(conn, Side::B, &torrent, piece);
        assert_eq!(world.ledger.len() as u32, piece + 1);
    }
    let evidence = analyze(&world, &torrent);
    assert_eq!(evidence.torrents.len(), 1, "{:#?}", evidence.torrents);
    let seeder = subject(&evidence, S);
    assert_eq!(seeder.bytes, clean(2 * u64::from(SMALL)));
    assert_eq!(seeder.info_hash.as_ref().map(|hash| hash.0.as_slice()), Some(torrent.info_hash.as_slice()));
}
