//! Hybrid torrents whose halves may describe other bytes: what matches one half alone is told, and accuses nobody.

use peerproof::evidence::{Bytes, Evidence, Grade};

use super::*;
use crate::synth::run::{analyze, subject, transfer};

const LEAF: u64 = SMALL as u64;
const M2: &str = "81.2.69.11:50001";

/// Two pieces of two leaves.
fn recipe(seed: u64) -> Torrent {
    Recipe::single("h.bin", 2 * SMALL, 4 * SMALL as usize, seed).hybrid()
}

/// The v1 half of one torrent with the v2 half of the other; its content is what v1 says.
fn two_faced(v1: &Torrent, v2: &Torrent) -> Torrent {
    use sha1::Digest;
    let hashes = |torrent: &Torrent| -> Vec<u8> {
        (0..torrent.pieces()).flat_map(|piece| sha1::Sha1::digest(torrent.piece(piece)).to_vec()).collect()
    };
    let swap = |bytes: &[u8]| {
        let (from, to) = (hashes(v2), hashes(v1));
        let at = bytes.windows(from.len()).position(|window| window == from).expect("it is there");
        [&bytes[..at], &to, &bytes[at + from.len()..]].concat()
    };
    let (info, metainfo) = (swap(&v2.info), swap(&v2.metainfo));
    let info_hash_v2 = Some(sha2::Sha256::digest(&info).into());
    Torrent { info_hash: sha1::Sha1::digest(&info).into(), info_hash_v2, info, metainfo, ..v1.clone() }
}

fn mismatches(evidence: &Evidence) -> u64 {
    evidence
        .anomalies
        .iter()
        .filter(|(kind, _)| kind.name() == "hybrid-mismatch")
        .map(|(_, tally)| tally.count)
        .sum()
}

#[test]
fn bytes_of_one_half_alone_are_verified_and_said_to_be() {
    let (one, other) = (recipe(61), recipe(62));
    let torrent = two_faced(&one, &other);
    for content in [&one, &other] {
        let mut world = World::new();
        let conn = join(&mut world, &torrent, M, S);
        fetch_all(&mut world, conn, content);
        let evidence = analyze(&world, &torrent);
        let seeder = transfer(&evidence, S, M);
        assert_eq!((seeder.bytes, seeder.grade), (clean(4 * LEAF), Grade::G9));
        assert_eq!(mismatches(&evidence), 2);
        nobody_refuted(&evidence);
    }
    // Halves that agree are worth no word.
    let mut world = World::new();
    let conn = join(&mut world, &one, M, S);
    fetch_all(&mut world, conn, &one);
    assert_eq!(mismatches(&analyze(&world, &one)), 0);
}

#[test]
fn no_file_is_made_of_both_halves() {
    let (one, other) = (recipe(61), recipe(62));
    let torrent = two_faced(&one, &other);
    let mut world = World::new();
    let conn = join(&mut world, &torrent, M, S);
    world.fetch(conn, Side::B, &one, 0);
    world.fetch(conn, Side::B, &other, 1);
    let evidence = analyze(&world, &torrent);
    for (bytes, grade, next) in [
        (transfer(&evidence, S, M).bytes, transfer(&evidence, S, M).grade, &transfer(&evidence, S, M).next_rung),
        (subject(&evidence, S).bytes, subject(&evidence, S).grade, &subject(&evidence, S).next_rung),
    ] {
        assert_eq!((bytes, grade), (clean(4 * LEAF), Grade::G8));
        assert!(next.as_ref().is_some_and(|next| next.contains("no version of h.bin is complete")), "{next:?}");
    }
    // Both versions of a piece, each from somebody else: nothing says which of them is whose.
    let again = join(&mut world, &torrent, M2, S2);
    world.fetch(again, Side::B, &other, 0);
    world.fetch(again, Side::B, &other, 1);
    let evidence = analyze(&world, &torrent);
    assert_eq!(transfer(&evidence, S2, M2).bytes, clean(4 * LEAF));
    assert_eq!(transfer(&evidence, S, M).grade, Grade::G8);
}

#[test]
fn a_sha1_alone_proves_no_leaf() {
    let torrent = two_faced(&recipe(61), &recipe(62));
    let mut world = World::new();
    let ends = [S, S2].map(|end| join(&mut world, &torrent, M, end));
    for (conn, begin) in [(ends[0], 0), (ends[1], SMALL)] {
        world.send(conn, Side::A, &wire::request(0, begin, SMALL));
        world.piece(conn, Side::B, &torrent, 0, begin, SMALL);
    }
    let evidence = analyze(&world, &torrent);
    for end in [S, S2] {
        let row = transfer(&evidence, end, M);
        assert_eq!((row.bytes, row.grade), (Bytes { sole: 0, ..clean(LEAF) }, Grade::G7));
        assert_eq!(row.standard, None);
    }
}

#[test]
fn a_block_of_the_other_half_is_not_refuted() {
    let (one, other) = (recipe(61), recipe(62));
    let torrent = two_faced(&one, &other);
    for (whole, part) in [(&one, &other), (&other, &one)] {
        for leaves in [false, true] {
            let mut world = World::new();
            let conn = join(&mut world, &torrent, M, S);
            fetch_all(&mut world, conn, whole);
            // Only a part of what another peer sent is there.
            let conn = join(&mut world, &torrent, M2, S2);
            if leaves {
                world.send(conn, Side::B, &wire::hashes(other.root(0), 0, 0, &other.layer(0, 0), &[]));
            }
            world.send(conn, Side::A, &wire::request(0, 0, SMALL));
            world.piece(conn, Side::B, part, 0, 0, SMALL);
            let evidence = analyze(&world, &torrent);
            nobody_refuted(&evidence);
            assert_eq!(transfer(&evidence, S, M).bytes, clean(4 * LEAF));
        }
    }
}

#[test]
fn a_lone_block_that_is_no_leaf_of_v2_may_still_be_of_v1() {
    let (one, other) = (recipe(61), recipe(62));
    let torrent = two_faced(&one, &other);
    for two in [false, true] {
        let mut world = World::new();
        let conn = join(&mut world, &torrent, M, S);
        world.send(conn, Side::B, &wire::hashes(other.root(0), 0, 0, &other.layer(0, 0), &[]));
        world.send(conn, Side::A, &wire::request(0, 0, SMALL));
        world.piece(conn, Side::B, &one, 0, 0, SMALL);
        if two {
            // With a block of the other half from somebody else, the piece fails both.
            let conn = join(&mut world, &torrent, M, S2);
            world.send(conn, Side::A, &wire::request(0, SMALL, SMALL));
            world.piece(conn, Side::B, &other, 0, SMALL, SMALL);
        }
        let evidence = analyze(&world, &torrent);
        for transfer in &evidence.transfers {
            assert_eq!(transfer.bytes.refuted, 0, "{two} {transfer:#?}");
        }
        assert_eq!(transfer(&evidence, S, M).bytes.unproven, LEAF);
    }
}

#[test]
fn bytes_of_neither_half_are_refuted() {
    let (one, other) = (recipe(61), recipe(62));
    for torrent in [two_faced(&one, &other), one.clone()] {
        for leaves in [false, true] {
            let mut world = World::new();
            let conn = join(&mut world, &torrent, M, S);
            if leaves {
                let of = if torrent.info == one.info { &one } else { &other };
                world.send(conn, Side::B, &wire::hashes(of.root(0), 0, 0, &of.layer(0, 0), &[]));
            }
            for begin in [0, SMALL] {
                world.send(conn, Side::A, &wire::request(0, begin, SMALL));
                world.bad_piece(conn, Side::B, &torrent, 0, begin, SMALL);
            }
            let evidence = analyze(&world, &torrent);
            assert_eq!(transfer(&evidence, S, M).bytes.refuted, 2 * LEAF, "{leaves}");
        }
    }
}

#[test]
fn two_contents_that_match_a_half_each_are_no_collision() {
    let (one, other) = (recipe(61), recipe(62));
    let torrent = two_faced(&one, &other);
    let mut world = World::new();
    for (from, to, content) in [(S, M, &one), (S2, M2, &other)] {
        let conn = join(&mut world, &torrent, to, from);
        fetch_all(&mut world, conn, content);
    }
    let evidence = analyze(&world, &torrent);
    assert_eq!(
        (transfer(&evidence, S, M).bytes, transfer(&evidence, S2, M2).bytes),
        (clean(4 * LEAF), clean(4 * LEAF))
    );
    assert_eq!((odd(&evidence, Kind::Sha1Collision), mismatches(&evidence)), (0, 4));
}
