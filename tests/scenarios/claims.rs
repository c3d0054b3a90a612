//! Claims without bytes: T09 to T12.

use peerproof::anomaly::Kind;
use peerproof::evidence::{Bytes, Flag, Grade};

use super::*;
use crate::synth::run::{analyze, subject, transfer};

#[test]
fn t09_an_offer_that_is_never_kept_is_an_offer() {
    let torrent = four_pieces();
    let mut world = World::new();
    let conn = world.meet(address(M), address(S), torrent.info_hash, [id(1), id(2)]);
    world.send(conn, Side::B, &wire::have_all());
    world.send(conn, Side::A, &wire::have_none());
    world.send(conn, Side::A, &wire::interested());
    world.send(conn, Side::B, &wire::unchoke());
    for piece in 0..torrent.pieces() {
        for (begin, len) in torrent.blocks(piece) {
            world.send(conn, Side::A, &wire::request(piece, begin, len));
            world.send(conn, Side::B, &wire::reject(piece, begin, len));
        }
    }
    let evidence = analyze(&world, &torrent);
    let seeder = subject(&evidence, S);
    assert_eq!((seeder.grade, seeder.bytes), (Grade::G5, Bytes::default()));
    assert_eq!(seeder.pieces_advertised, 4);
    assert_eq!(subject(&evidence, M).grade, Grade::G3);
}

#[test]
fn t10_a_downloader_of_everything_served_nothing() {
    let torrent = four_pieces();
    let (world, _) = one_seeder(&torrent);
    let evidence = analyze(&world, &torrent);
    let downloader = subject(&evidence, M);
    assert_eq!((downloader.grade, downloader.bytes), (Grade::G3, Bytes::default()));
    assert_eq!(downloader.received_bytes, sent(&world));
    let seeder = transfer(&evidence, S, M);
    assert_eq!((seeder.grade, seeder.bytes), (Grade::G9, clean(sent(&world))));
    assert_eq!((seeder.piece_messages, seeder.pieces_sole), (4, 4));
    assert_eq!(seeder.standard.map(|standard| standard.piece), Some(0));
    assert!(seeder.flags.is_empty(), "{:?}", seeder.flags);
}

#[test]
fn t11_a_partial_bitfield_and_haves_add_up() {
    let torrent = four_pieces();
    let mut world = World::new();
    let conn = world.meet(address(M), address(S), torrent.info_hash, [id(1), id(2)]);
    world.send(conn, Side::B, &wire::bitfield(4, &[0, 2]));
    world.send(conn, Side::B, &wire::have(1));
    world.send(conn, Side::B, &wire::have(2));
    let evidence = analyze(&world, &torrent);
    let seeder = subject(&evidence, S);
    assert_eq!((seeder.grade, seeder.pieces_advertised), (Grade::G4, 3));
}

#[test]
fn t11_peers_that_have_more_at_each_connection_reach_no_bound() {
    let torrent = Recipe::single("many.bin", SMALL, 300 * SMALL as usize, 5).v1();
    let mut world = World::new();
    // One after another: the sets become full, and take less room than before.
    for has in [150, 280, 300] {
        for peer in 0..3 {
            let at = format!("81.2.69.{}:6881", 30 + peer);
            let conn = world.meet(address(M), address(&at), torrent.info_hash, [id(1), id(10 + peer)]);
            world.send(conn, Side::B, &wire::bitfield(300, &(0..has).collect::<Vec<_>>()));
            world.close(conn, Side::A);
        }
    }
    let evidence = analyze(&world, &torrent);
    assert!(evidence.anomalies.tally(Kind::LimitReached).is_none());
    for peer in 0..3 {
        assert_eq!(subject(&evidence, &format!("81.2.69.{}:6881", 30 + peer)).pieces_advertised, 300);
    }
}

#[test]
fn t12_two_info_hashes_on_one_connection_are_no_common_swarm() {
    let torrent = four_pieces();
    let mut world = World::new();
    let conn = world.conn(address(M), address(S));
    world.open(conn);
    world.send(conn, Side::A, &wire::handshake(torrent.info_hash, id(1)));
    world.send(conn, Side::B, &wire::handshake([0x5a; 20], id(2)));
    // What is said on it counts for neither, and bad bytes are held against nobody.
    for side in [Side::A, Side::B] {
        world.send(conn, side, &wire::bitfield_full(torrent.pieces()));
        world.send(conn, side, &wire::unchoke());
        world.bad_piece(conn, side, &torrent, 0, 0, SMALL);
    }
    let evidence = analyze(&world, &torrent);
    assert!(evidence.subjects.iter().all(|subject| subject.flags.contains(&Flag::InfoHashMismatch)));
    assert!(evidence.subjects.iter().all(|subject| subject.bytes.refuted == 0 && subject.standard.is_none()));
    assert!(evidence.subjects.iter().all(|subject| subject.grade < Grade::G3), "{:#?}", evidence.subjects);
    assert_eq!(evidence.anomalies.tally(Kind::InfoHashMismatch).map(|tally| tally.count), Some(1));
}

#[test]
fn a_handshake_that_was_never_sent_is_not_said_to_be_missing_from_the_capture() {
    let torrent = four_pieces();
    let (mut world, _) = one_seeder(&torrent);
    // A second connection, as clients open them when both connect at once: given up before it was answered.
    let conn = world.conn(address("198.51.100.9:50001"), address(S));
    world.open(conn);
    world.send(conn, Side::A, &wire::handshake(torrent.info_hash, id(3)));
    let evidence = analyze(&world, &torrent);
    let flags: Vec<_> = evidence.transfers.iter().flat_map(|transfer| &transfer.flags).collect();
    assert!(!flags.contains(&&Flag::OneSided) && !flags.contains(&&Flag::HandshakeNotCaptured), "{flags:?}");
    assert_eq!(subject(&evidence, "198.51.100.9:50001").grade, Grade::G2);
}
