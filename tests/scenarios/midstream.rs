//! Connections whose opening was not captured, beside torrents and peers that look alike (T33): nobody is credited in a
//! torrent that others of the given ones fit as well.

use peerproof::anomaly::Kind;
use peerproof::evidence::{Evidence, Grade, Transfer};

use super::*;
use crate::synth::run::{Run, transfer};

const M2: &str = "81.2.69.11:50001";
const M3: &str = "81.2.69.12:50001";

/// M asks S for these blocks of `torrent`; the one of number `bad` is wrong. The capture begins behind the opening.
fn middle(torrent: &Torrent, blocks: &[(u32, u32, u32)], bad: Option<usize>) -> World {
    let mut world = World::new();
    serve(&mut world, M, S, torrent, blocks, bad);
    let start = world.ledger[0].offset - 13;
    let conn = world.packets[0].conn;
    // With the first request, which is the last thing before it.
    let at = world.packets.iter().position(|packet| packet.holds(conn, Side::B, start)).expect("it was sent");
    let asked = (0..at).rev().find(|at| !world.packets[*at].payload().is_empty()).expect("it was asked for");
    world.packets.drain(..asked);
    world
}

fn serve(
    world: &mut World,
    to: &str,
    from: &str,
    torrent: &Torrent,
    blocks: &[(u32, u32, u32)],
    bad: Option<usize>,
) -> Conn {
    let conn = join(world, torrent, to, from);
    for (number, (piece, begin, len)) in blocks.iter().enumerate() {
        world.send(conn, Side::A, &wire::request(*piece, *begin, *len));
        match bad == Some(number) {
            true => world.bad_piece(conn, Side::B, torrent, *piece, *begin, *len),
            false => world.piece(conn, Side::B, torrent, *piece, *begin, *len),
        }
    }
    conn
}

fn all_blocks(torrent: &Torrent) -> Vec<(u32, u32, u32)> {
    let blocks = |piece| torrent.blocks(piece).into_iter().map(move |(begin, len)| (piece, begin, len));
    (0..torrent.pieces()).flat_map(blocks).collect()
}

/// The evidence of the world, equal for the torrents in either order.
fn of_both(world: &World, [one, other]: [&Torrent; 2]) -> Evidence {
    let run = |one, other| Run::new().capture(world.pcap()).torrent(one).torrent(other).evidence();
    let (first, second) = (run(one, other), run(other, one));
    let rows = |evidence: &Evidence| {
        let row = |row: &Transfer| (row.info_hash.clone(), row.bytes, row.grade);
        evidence.transfers.iter().map(row).collect::<Vec<_>>()
    };
    assert_eq!(rows(&first), rows(&second), "the order of the torrents changes nothing");
    first
}

fn named(row: &Transfer, torrent: &Torrent) -> bool {
    let hash = torrent.info_hash_v2.map_or(torrent.info_hash.to_vec(), |hash| hash.to_vec());
    row.info_hash.as_ref().is_some_and(|named| named.0 == hash)
}

#[test]
fn files_that_begin_at_the_same_piece_of_torrents_with_other_piece_lengths_are_no_proof() {
    // A small file first: the large one begins at piece 1 in both.
    let files =
        |piece_length| Recipe::folder("f", piece_length, 41).file("a", 1_000).file("b", 16 * SMALL as usize);
    let (one, other) = (files(2 * SMALL).v2(), files(4 * SMALL).v2());
    let evidence = of_both(&middle(&other, &all_blocks(&other)[1..], None), [&one, &other]);
    let row = transfer(&evidence, S, M);
    assert!(named(row, &other), "{row:#?}");
    assert_eq!((row.bytes.verified, row.grade), (16 * u64::from(SMALL), Grade::G9));
}

#[test]
fn a_bad_block_does_not_move_a_connection_to_the_torrent_that_nobody_else_sends() {
    let one = two_block_pieces();
    let other = Recipe::single("two.bin", 2 * SMALL, 8 * SMALL as usize, 8).private().v1();
    for bad in [None, Some(0), Some(5)] {
        let mut world = middle(&one, &all_blocks(&one), bad);
        serve(&mut world, M2, S2, &one, &all_blocks(&one), None);
        let row = transfer(&of_both(&world, [&one, &other]), S, M).clone();
        assert_eq!((row.info_hash, row.bytes.unproven), (None, row.bytes.served), "{bad:?}");
    }
}

#[test]
fn a_piece_that_is_half_of_another_torrents_piece_names_neither() {
    let one = two_block_pieces();
    let other = Recipe::folder("longer", 4 * SMALL, 9).file_of("two.bin", one.content.clone()).v1();
    for seeded in [false, true] {
        let mut world = middle(&other, &all_blocks(&other)[..2], None);
        if seeded {
            serve(&mut world, M2, S2, &one, &all_blocks(&one), None);
        }
        let evidence = of_both(&world, [&one, &other]);
        let row = transfer(&evidence, S, M);
        assert_eq!((row.info_hash.clone(), row.bytes.unproven), (None, 2 * u64::from(SMALL)));
        assert!(evidence.anomalies.tally(Kind::TorrentNotGiven).is_some());
    }
    // A piece that the other one cannot have there tells.
    let row = transfer(&of_both(&middle(&one, &all_blocks(&one)[..4], None), [&one, &other]), S, M).clone();
    assert!(named(&row, &one), "{row:#?}");
}

#[test]
fn one_bad_block_among_many_leaves_the_others_verified() {
    let torrent = two_block_pieces();
    // No piece of it is whole, so only the comparison tells.
    let halves: Vec<_> =
        (0..8).map(|n| (n / 2, (n % 2) * (SMALL / 2), SMALL / 2)).chain((0..4).map(|n| (n, SMALL, 99))).collect();
    for (bad, verified) in [(None, halves.len()), (Some(2), halves.len() - 1)] {
        let mut world = middle(&torrent, &halves, bad);
        serve(&mut world, M2, S2, &torrent, &all_blocks(&torrent), None);
        let row = transfer(&Run::new().capture(world.pcap()).torrent(&torrent).evidence(), S, M).clone();
        let wrong = if verified < halves.len() { u64::from(SMALL) / 2 } else { 0 };
        assert_eq!((row.bytes.verified, row.bytes.unproven), (row.bytes.served - wrong, wrong), "{bad:?}");
        assert!(named(&row, &torrent));
    }
}

#[test]
fn pieces_from_a_peer_that_was_there_before_and_one_that_came_later_are_verified() {
    let torrent = two_block_pieces();
    let part = |half| (0..4).map(|piece| (piece, half * SMALL, SMALL)).collect::<Vec<_>>();
    for to in [M, M3] {
        let mut world = middle(&torrent, &part(0), None);
        serve(&mut world, to, S2, &torrent, &part(1), None);
        let evidence = Run::new().capture(world.pcap()).torrent(&torrent).evidence();
        for row in [transfer(&evidence, S, M), transfer(&evidence, S2, to)] {
            assert_eq!((row.bytes.verified, row.grade), (4 * u64::from(SMALL), Grade::G7), "{row:#?}");
            assert!(named(row, &torrent));
        }
    }
}

#[test]
fn a_block_that_is_a_leaf_of_one_torrent_and_a_piece_of_the_other_names_neither() {
    let content = Recipe::single("b", SMALL, 4 * SMALL as usize, 77).v1().content;
    let files = |piece_length| Recipe::folder("f", piece_length, 9).file_of("b", content.clone());
    let (one, other) = (files(4 * SMALL).v2(), files(SMALL).hybrid());
    let mut world = middle(&other, &all_blocks(&other)[..1], None);
    for (to, from, torrent) in [(M2, S2, &one), (M3, S3, &other)] {
        serve(&mut world, to, from, torrent, &all_blocks(torrent), None);
    }
    let row = transfer(&of_both(&world, [&one, &other]), S, M).clone();
    assert_eq!((row.info_hash, row.bytes.unproven), (None, u64::from(SMALL)));
}

#[test]
fn content_where_a_torrent_has_padding_is_not_of_that_torrent() {
    // The second block is content in one, and padding behind the end of the first file in the other.
    let (large, small) = (2 * SMALL as usize, SMALL as usize);
    let content = Recipe::single("b", SMALL, large, 78).v1().content;
    let one = Recipe::folder("f", 2 * SMALL, 9).file_of("b", content[..small].to_vec()).file("c", large).v2();
    let other = Recipe::folder("g", 2 * SMALL, 9).file_of("b", content).file("d", large).v2();
    let mut world = middle(&other, &all_blocks(&other)[..2], None);
    serve(&mut world, M2, S2, &one, &all_blocks(&one), None);
    let row = transfer(&of_both(&world, [&one, &other]), S, M).clone();
    assert!(named(&row, &other), "{row:#?}");
    assert_eq!(row.bytes.verified, large as u64);
}
