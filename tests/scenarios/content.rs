//! Bytes that are not what they seem: T13 to T24.

use peerproof::anomaly::Kind;
use peerproof::evidence::{Bytes, Flag, Grade};

use super::*;
use crate::synth::run::{Run, analyze, by_file, subject, sums, transfer};
use crate::synth::utp::UtpConn;

#[test]
fn t13_a_piece_of_one_sender_that_fails_is_refuted() {
    let torrent = two_block_pieces();
    let mut world = World::new();
    let conn = join(&mut world, &torrent, M, S);
    for (begin, len) in torrent.blocks(1) {
        world.send(conn, Side::A, &wire::request(1, begin, len));
        world.bad_piece(conn, Side::B, &torrent, 1, begin, len);
    }
    let evidence = analyze(&world, &torrent);
    let seeder = transfer(&evidence, S, M);
    let len = sent(&world);
    let expected = Bytes { served: len, refuted: len, acknowledged: len, solicited: len, ..Bytes::default() };
    assert_eq!((seeder.bytes, seeder.pieces_refuted, seeder.grade), (expected, 1, Grade::G6));
    assert!(seeder.standard.is_none());
    assert!(seeder.rungs.iter().any(|rung| rung.grade == Grade::GX));
}

#[test]
fn t14_a_later_copy_tells_whose_block_was_bad() {
    let torrent = two_block_pieces();
    let (mut world, conns) = mixed_piece(&torrent);
    world.fetch(conns[2], Side::B, &torrent, 0);
    let evidence = analyze(&world, &torrent);
    let block = u64::from(SMALL);
    let good = transfer(&evidence, S, M);
    assert_eq!((good.bytes, good.grade), (Bytes { sole: 0, ..clean(block) }, Grade::G7));
    let bad = transfer(&evidence, S2, M);
    assert_eq!(bad.bytes, Bytes { sole: 0, verified: 0, refuted: block, ..clean(block) });
    assert_eq!((bad.grade, bad.pieces_refuted), (Grade::G6, 1));
    let last = transfer(&evidence, S3, M);
    assert_eq!((last.bytes, last.grade), (clean(2 * block), Grade::G8));
}

#[test]
fn t15_a_mixed_piece_that_fails_accuses_nobody() {
    let torrent = two_block_pieces();
    let (world, _) = mixed_piece(&torrent);
    let evidence = analyze(&world, &torrent);
    let block = u64::from(SMALL);
    for seeder in [S, S2] {
        let transfer = transfer(&evidence, seeder, M);
        assert_eq!(transfer.bytes, Bytes { sole: 0, verified: 0, disputed: block, ..clean(block) });
        assert_eq!((transfer.grade, transfer.pieces_refuted), (Grade::G6, 0));
    }
}

/// Piece 0 in two halves: S good, S2 bad; S3 has joined.
fn mixed_piece(torrent: &Torrent) -> (World, [Conn; 3]) {
    let mut world = World::new();
    let conns = [S, S2, S3].map(|seeder| join(&mut world, torrent, M, seeder));
    world.send(conns[0], Side::A, &wire::request(0, 0, SMALL));
    world.send(conns[1], Side::A, &wire::request(0, SMALL, SMALL));
    world.piece(conns[0], Side::B, torrent, 0, 0, SMALL);
    world.bad_piece(conns[1], Side::B, torrent, 0, SMALL, SMALL);
    (world, conns)
}

#[test]
fn two_honest_halves_are_verified_as_parts() {
    let torrent = two_block_pieces();
    let mut world = World::new();
    for (seeder, begin) in [(S, 0), (S2, SMALL)] {
        let conn = join(&mut world, &torrent, M, seeder);
        world.send(conn, Side::A, &wire::request(3, begin, SMALL));
        world.piece(conn, Side::B, &torrent, 3, begin, SMALL);
    }
    let evidence = analyze(&world, &torrent);
    for seeder in [S, S2] {
        let transfer = transfer(&evidence, seeder, M);
        assert_eq!(transfer.bytes, Bytes { sole: 0, ..clean(u64::from(SMALL)) });
        assert_eq!((transfer.grade, transfer.pieces_verified, transfer.pieces_sole), (Grade::G7, 1, 0));
    }
    assert_eq!((sums(&evidence, &torrent).unique, sums(&evidence, &torrent).pieces_verified), (32_768, 1));
}

#[test]
fn t17_another_torrent_of_the_same_name_and_size_proves_nothing() {
    let given = four_pieces();
    let other = Recipe::single("four.bin", SMALL, given.content.len(), 5).v1();
    let (world, _) = one_seeder(&other);
    let evidence = analyze(&world, &given);
    let seeder = transfer(&evidence, S, M);
    let len = sent(&world);
    assert_eq!(seeder.bytes, Bytes { sole: 0, verified: 0, unproven: len, ..clean(len) });
    assert_eq!(seeder.grade, Grade::G6);
    assert_eq!(seeder.info_hash.as_ref().map(|hash| hash.0.as_slice()), Some(other.info_hash.as_slice()));
    assert_eq!(sums(&evidence, &other).source, None);
    assert!(evidence.anomalies.tally(Kind::TorrentNotGiven).is_some());
}

#[test]
fn t19_padding_is_nobodys_content() {
    let torrent = Recipe::folder("f", SMALL, 2).file("a", 10_000).pad(6_384).file("b", 20_000).v1();
    let (world, _) = one_seeder(&torrent);
    let evidence = analyze(&world, &torrent);
    let seeder = transfer(&evidence, S, M);
    let len = sent(&world);
    assert_eq!(seeder.bytes, Bytes { pad: 6_384, verified: 30_000, sole: 30_000, ..clean(len) });
    assert_eq!((by_file(&evidence, seeder), seeder.grade), (vec![(0, 10_000), (2, 20_000)], Grade::G9));
    assert_eq!(sums(&evidence, &torrent).unique, 30_000);
}

#[test]
fn t19_a_piece_of_zeros_is_verified_and_flagged() {
    let zeros = vec![0; SMALL as usize];
    let torrent = Recipe::folder("f", SMALL, 2).file_of("zeros", zeros).file("b", 20_000).v1();
    let mut world = World::new();
    let conn = join(&mut world, &torrent, M, S);
    world.fetch(conn, Side::B, &torrent, 0);
    let evidence = analyze(&world, &torrent);
    let seeder = transfer(&evidence, S, M);
    assert_eq!(seeder.bytes, clean(u64::from(SMALL)));
    assert!(seeder.flags.contains(&Flag::PadOrTrivial));
}

#[test]
fn t20_a_piece_that_nobody_asked_for_is_not_the_standard() {
    let torrent = four_pieces();
    let mut world = World::new();
    let conn = join(&mut world, &torrent, M, S);
    world.piece(conn, Side::B, &torrent, 0, 0, SMALL);
    let evidence = analyze(&world, &torrent);
    let seeder = transfer(&evidence, S, M);
    assert_eq!(seeder.bytes, Bytes { solicited: 0, ..clean(u64::from(SMALL)) });
    assert!(seeder.flags.contains(&Flag::Unsolicited));
    assert_eq!((seeder.grade, seeder.standard), (Grade::G8, None));
}

#[test]
fn a_piece_that_was_never_advertised_is_not_the_standard() {
    let torrent = four_pieces();
    let mut world = World::new();
    let conn = world.meet(address(M), address(S), torrent.info_hash, [id(1), id(2)]);
    world.send(conn, Side::B, &wire::bitfield(4, &[3]));
    world.send(conn, Side::B, &wire::unchoke());
    world.fetch(conn, Side::B, &torrent, 0);
    let evidence = analyze(&world, &torrent);
    let seeder = transfer(&evidence, S, M);
    assert_eq!(seeder.bytes, clean(u64::from(SMALL)));
    assert_eq!((seeder.pieces_advertised, seeder.standard), (1, None));
}

#[test]
fn t21_a_piece_after_its_cancel_was_sent_all_the_same() {
    let torrent = four_pieces();
    let mut world = World::new();
    let conn = join(&mut world, &torrent, M, S);
    world.send(conn, Side::A, &wire::request(2, 0, SMALL));
    world.send(conn, Side::A, &wire::cancel(2, 0, SMALL));
    world.piece(conn, Side::B, &torrent, 2, 0, SMALL);
    let evidence = analyze(&world, &torrent);
    assert_eq!(transfer(&evidence, S, M).bytes, Bytes { solicited: 0, ..clean(u64::from(SMALL)) });
}

#[test]
fn t21_an_end_game_double_counts_for_each_sender_and_once_for_the_torrent() {
    let torrent = four_pieces();
    let mut world = World::new();
    let conns = [S, S2].map(|seeder| join(&mut world, &torrent, M, seeder));
    conns.iter().for_each(|conn| world.send(*conn, Side::A, &wire::request(1, 0, SMALL)));
    conns.iter().for_each(|conn| world.piece(*conn, Side::B, &torrent, 1, 0, SMALL));
    let evidence = analyze(&world, &torrent);
    for seeder in [S, S2] {
        let bytes = transfer(&evidence, seeder, M).bytes;
        assert_eq!((bytes.served, bytes.verified, bytes.repeated), (16_384, 16_384, 0));
    }
    let row = sums(&evidence, &torrent);
    assert_eq!((row.bytes.verified, row.unique, row.pieces_verified), (32_768, 16_384, 1));
}

#[test]
fn a_block_sent_twice_by_one_sender_is_repeated() {
    let torrent = four_pieces();
    let mut world = World::new();
    let conn = join(&mut world, &torrent, M, S);
    world.fetch(conn, Side::B, &torrent, 1);
    world.fetch(conn, Side::B, &torrent, 1);
    let evidence = analyze(&world, &torrent);
    let block = u64::from(SMALL);
    let expected = Bytes { verified: block, sole: block, repeated: block, ..clean(2 * block) };
    assert_eq!(transfer(&evidence, S, M).bytes, expected);
}

#[test]
fn t22_a_short_last_piece_over_two_files_gives_exact_ranges() {
    let torrent = Recipe::folder("f", SMALL, 2).file("a", 20_000).file("b", 5_000).v1();
    let mut world = World::new();
    let conn = join(&mut world, &torrent, M, S);
    world.fetch(conn, Side::B, &torrent, 1);
    let evidence = analyze(&world, &torrent);
    let seeder = transfer(&evidence, S, M);
    assert_eq!((seeder.bytes, by_file(&evidence, seeder)), (clean(8_616), vec![(0, 3_616), (1, 5_000)]));
    assert_eq!((by_file(&evidence, seeder), seeder.grade), (torrent.files_of(1), Grade::G9));
}

#[test]
fn t24_a_piece_that_comes_back_is_a_boomerang() {
    let torrent = four_pieces();
    let mut world = World::new();
    let conn = join(&mut world, &torrent, M, S);
    world.send(conn, Side::A, &wire::have(0));
    world.send(conn, Side::A, &wire::unchoke());
    world.fetch(conn, Side::A, &torrent, 0);
    world.pass(1_000_000);
    world.fetch(conn, Side::B, &torrent, 0);
    let evidence = analyze(&world, &torrent);
    let back = transfer(&evidence, S, M);
    assert_eq!((back.bytes.served, back.bytes.verified), (16_384, 16_384));
    assert!(back.flags.contains(&Flag::Boomerang));
    assert!(!transfer(&evidence, M, S).flags.contains(&Flag::Boomerang));
    assert_eq!(subject(&evidence, M).bytes.verified, 16_384);
}

#[test]
fn t24_a_boomerang_comes_back_to_any_port_and_over_any_transport() {
    let torrent = four_pieces();
    for utp in [false, true] {
        let mut world = World::new();
        let conn = join(&mut world, &torrent, M, S);
        world.send(conn, Side::A, &wire::have(0));
        world.send(conn, Side::A, &wire::unchoke());
        world.fetch(conn, Side::A, &torrent, 0);
        let other = "81.2.69.10:50999";
        if utp {
            let mut back = UtpConn::open(&mut world, address(other), address(S), 77, [1, 500]);
            back.join(&mut world, &torrent, [id(1), id(2)]);
            back.fetch(&mut world, &torrent, 0);
        } else {
            let back = join(&mut world, &torrent, other, S);
            world.fetch(back, Side::B, &torrent, 0);
        }
        let evidence = analyze(&world, &torrent);
        assert!(transfer(&evidence, S, other).flags.contains(&Flag::Boomerang));
        assert!(!transfer(&evidence, M, S).flags.contains(&Flag::Boomerang));
    }
}

#[test]
fn between_peers_of_one_address_only_the_same_two_make_a_boomerang() {
    let torrent = four_pieces();
    let ends = ["127.0.0.1:6881", "127.0.0.1:6882", "127.0.0.1:6883"];
    let mut world = World::new();
    for pair in ends.windows(2) {
        let conn = join(&mut world, &torrent, pair[1], pair[0]);
        world.fetch(conn, Side::B, &torrent, 0);
    }
    let evidence = analyze(&world, &torrent);
    assert!(evidence.transfers.iter().all(|row| !row.flags.contains(&Flag::Boomerang)));
}

#[test]
fn a_file_that_two_clients_behind_one_declared_port_sent_is_nobodys_whole_file() {
    let torrent = Recipe::single("one.bin", SMALL, 2 * SMALL as usize, 9).v1();
    for (ids, grade) in [([2, 3], Grade::G8), ([2, 2], Grade::G9)] {
        let mut world = World::new();
        for (piece, (from, peer)) in (0..).zip(["93.184.16.1:40001", "93.184.16.1:40002"].into_iter().zip(ids)) {
            let conn = world.meet(address(from), address(M), torrent.info_hash, [id(peer), id(1)]);
            world.send(conn, Side::A, &wire::extended_handshake(Some(6_881), "Synth"));
            world.send(conn, Side::A, &wire::have(piece));
            world.send(conn, Side::A, &wire::unchoke());
            world.fetch(conn, Side::A, &torrent, piece);
        }
        let evidence = analyze(&world, &torrent);
        let both = subject(&evidence, "93.184.16.1:6881");
        assert_eq!((both.grade, both.pieces_advertised), (grade, 2));
    }
}

#[test]
fn a_whole_file_is_shown_by_the_frames_of_its_own_units() {
    let torrent = Recipe::folder("two", SMALL, 9).file("a", SMALL as usize).file("b", 3 * SMALL as usize).v1();
    let mut world = World::new();
    let conn = join(&mut world, &torrent, M, S);
    world.fetch(conn, Side::B, &torrent, 0);
    let after = world.packets.len() as u64;
    world.fetch(conn, Side::B, &torrent, 1);
    let evidence = analyze(&world, &torrent);
    for rungs in [&transfer(&evidence, S, M).rungs, &subject(&evidence, S).rungs] {
        let file = rungs.iter().find(|rung| rung.grade == Grade::G9).expect("the whole of a");
        assert!(file.frames.last <= after, "{file:?}");
    }
}

#[test]
fn a_block_outside_the_torrent_is_served_and_unproven() {
    let torrent = four_pieces();
    let mut world = World::new();
    let conn = join(&mut world, &torrent, M, S);
    world.deliver(conn, Side::B, 9, 0, &[7; 1_000], false);
    world.fetch(conn, Side::B, &torrent, 0);
    let evidence = Run::new().capture(world.pcap()).torrent(&torrent).evidence();
    let bytes = transfer(&evidence, S, M).bytes;
    assert_eq!((bytes.served, bytes.verified, bytes.unproven), (17_384, 16_384, 1_000));
    assert_eq!(evidence.anomalies.tally(Kind::BlockOutsideTorrent).map(|tally| tally.count), Some(1));
}
