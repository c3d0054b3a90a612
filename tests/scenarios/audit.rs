//! Attempts of the other side's expert: who may not be accused, and which bytes may not be lost.

use peerproof::Limits;
use peerproof::anomaly::Kind;
use peerproof::evidence::{Flag, Grade};

use super::*;
use crate::synth::run::{Run, analyze, subject, subjects, sums, transfer};

const HALF: u64 = SMALL as u64;

fn seeder(world: &mut World, torrent: &Torrent, from: &str, to: &str, peer: u32, port: Option<u16>) -> Conn {
    let conn = join_as(world, torrent, from, to, [id(1), id(peer)]);
    if port.is_some() {
        world.send(conn, Side::B, &wire::extended_handshake(port, "Synth"));
    }
    conn
}

fn ask(world: &mut World, torrent: &Torrent, conn: Conn, begin: u32, good: bool) {
    world.send(conn, Side::A, &wire::request(0, begin, SMALL));
    match good {
        true => world.piece(conn, Side::B, torrent, 0, begin, SMALL),
        false => world.bad_piece(conn, Side::B, torrent, 0, begin, SMALL),
    }
}

/// A seeder that opens the connection itself, declares port 6881 and is asked for one block.
fn caller(world: &mut World, torrent: &Torrent, from: &str, peer: u32, begin: u32) {
    let conn = world.meet(address(from), address(M), torrent.info_hash, [id(peer), id(1)]);
    world.send(conn, Side::A, &wire::extended_handshake(Some(6_881), "Synth"));
    world.send(conn, Side::A, &wire::bitfield_full(torrent.pieces()));
    world.send(conn, Side::A, &wire::unchoke());
    world.send(conn, Side::B, &wire::request(0, begin, SMALL));
    world.piece(conn, Side::A, torrent, 0, begin, SMALL);
}

#[test]
fn two_clients_behind_one_address_that_declare_one_port_do_not_answer_for_one_another() {
    let torrent = two_block_pieces();
    let mut world = World::new();
    let ends = ["93.184.16.1:40001", "93.184.16.1:40002"];
    let conns: Vec<_> =
        (2..).zip(ends).map(|(peer, end)| seeder(&mut world, &torrent, M, end, peer, Some(6_881))).collect();
    ask(&mut world, &torrent, conns[0], 0, true);
    ask(&mut world, &torrent, conns[1], SMALL, false);
    let evidence = analyze(&world, &torrent);
    for end in ends {
        let bytes = transfer(&evidence, end, M).bytes;
        assert_eq!((bytes.disputed, bytes.refuted), (HALF, 0), "{end}");
    }
}

#[test]
fn two_clients_behind_one_address_that_declare_one_port_sent_no_piece_alone() {
    let torrent = two_block_pieces();
    let mut world = World::new();
    let ends = ["93.184.16.1:40001", "93.184.16.1:40002"];
    for ((peer, end), begin) in (2..).zip(ends).zip([0, SMALL]) {
        caller(&mut world, &torrent, end, peer, begin);
    }
    let evidence = analyze(&world, &torrent);
    let both = subject(&evidence, "93.184.16.1:6881");
    assert_eq!((both.bytes.verified, both.bytes.sole, both.grade), (2 * HALF, 0, Grade::G7));
    assert!(both.standard.is_none());
}

#[test]
fn one_client_on_two_connections_sent_its_piece_alone() {
    let torrent = two_block_pieces();
    let mut world = World::new();
    for (end, begin) in [("93.184.16.1:40001", 0), ("93.184.16.1:40002", SMALL)] {
        caller(&mut world, &torrent, end, 2, begin);
    }
    let evidence = analyze(&world, &torrent);
    assert_eq!(subject(&evidence, "93.184.16.1:6881").bytes.verified, 2 * HALF);
}

#[test]
fn another_client_at_the_same_endpoint_hours_later_does_not_answer_for_the_first() {
    let torrent = two_block_pieces();
    let mut world = World::new();
    for (peer, begin, good) in [(2, 0, true), (3, SMALL, false)] {
        let conn = seeder(&mut world, &torrent, M, S, peer, None);
        ask(&mut world, &torrent, conn, begin, good);
        world.close(conn, Side::A);
        world.pass(10_800_000_000_000);
    }
    let evidence = analyze(&world, &torrent);
    for window in subjects(&evidence, S) {
        assert_eq!((window.bytes.disputed, window.bytes.refuted), (HALF, 0));
    }
}

#[test]
fn each_time_window_received_what_was_sent_in_it() {
    let torrent = four_pieces();
    let mut world = World::new();
    for peer in [2, 3] {
        let conn = join_as(&mut world, &torrent, M, S, [id(1), id(peer)]);
        world.send(conn, Side::A, &wire::have_all());
        world.send(conn, Side::A, &wire::unchoke());
        world.fetch(conn, Side::A, &torrent, peer % 2);
        world.close(conn, Side::A);
        world.pass(10_800_000_000_000);
    }
    let evidence = analyze(&world, &torrent);
    let received: u64 = subjects(&evidence, S).iter().map(|window| window.received_bytes).sum();
    assert_eq!(received, sent(&world));
}

#[test]
fn a_request_captured_behind_the_block_is_not_a_request_before_it() {
    let torrent = four_pieces();
    let mut world = World::new();
    let conn = join(&mut world, &torrent, M, S);
    let offset = world.sent(conn, Side::B);
    world.piece(conn, Side::B, &torrent, 0, 0, SMALL);
    world.send(conn, Side::A, &wire::request(0, 0, SMALL));
    // The first frame of the block is captured last: the block is read behind the request.
    let first = world.packets.iter().position(|packet| packet.holds(conn, Side::B, offset)).expect("sent");
    let last = world.packets.len() - 1;
    world.shift(first, last);
    let evidence = analyze(&world, &torrent);
    let seeder = transfer(&evidence, S, M);
    assert_eq!((seeder.bytes.verified, seeder.bytes.solicited), (HALF, 0));
    assert!(seeder.standard.is_none(), "{seeder:#?}");
}

#[test]
fn a_block_that_is_sent_twice_because_it_was_asked_for_twice_is_not_unsolicited() {
    let torrent = four_pieces();
    let mut world = World::new();
    let conn = join(&mut world, &torrent, M, S);
    (0..2).for_each(|_| world.send(conn, Side::A, &wire::request(1, 0, SMALL)));
    (0..2).for_each(|_| world.piece(conn, Side::B, &torrent, 1, 0, SMALL));
    let evidence = analyze(&world, &torrent);
    let seeder = transfer(&evidence, S, M);
    let expected = Bytes { verified: HALF, sole: HALF, repeated: HALF, ..clean(2 * HALF) };
    assert_eq!(seeder.bytes, expected);
    assert!(!seeder.flags.contains(&Flag::Unsolicited) && seeder.standard.is_some());
}

#[test]
fn a_double_that_nobody_asked_for_does_not_take_the_standard_away() {
    let torrent = four_pieces();
    let mut world = World::new();
    let conn = join(&mut world, &torrent, M, S);
    world.fetch(conn, Side::B, &torrent, 1);
    world.piece(conn, Side::B, &torrent, 1, 0, SMALL);
    let evidence = analyze(&world, &torrent);
    let seeder = transfer(&evidence, S, M);
    assert_eq!(seeder.bytes.repeated, HALF);
    assert!(seeder.standard.is_some());
}

#[test]
fn a_block_at_the_end_of_32_bits_in_an_unknown_torrent_does_not_stop_the_report() {
    let given = four_pieces();
    let other = Recipe::single("other.bin", SMALL, 100_000, 5).v1();
    let mut world = World::new();
    let bad = join(&mut world, &other, M, S2);
    world.deliver(bad, Side::B, 3, u32::MAX - 10, &[7; 1_000], false);
    let good = join(&mut world, &given, M, S);
    world.fetch(good, Side::B, &given, 0);
    let evidence = analyze(&world, &given);
    assert_eq!(transfer(&evidence, S, M).bytes, clean(HALF));
    let bytes = transfer(&evidence, S2, M).bytes;
    assert_eq!(bytes.served, bytes.unproven);
}

#[test]
fn a_conflicting_second_version_of_what_was_verified_before_does_not_stop_the_report() {
    let torrent = four_pieces();
    let mut world = World::new();
    let conn = join(&mut world, &torrent, M, S);
    world.fetch(conn, Side::B, &torrent, 0);
    world.bad_piece(conn, Side::B, &torrent, 0, 0, SMALL);
    let offset = world.ledger[1].offset;
    world.retransmit(conn, Side::B, offset + 8_000, torrent.block(0, 8_000, 400));
    let evidence = analyze(&world, &torrent);
    let bytes = transfer(&evidence, S, M).bytes;
    assert_eq!((bytes.served, bytes.verified, bytes.repeated, bytes.refuted), (2 * HALF, HALF, HALF, 0));
}

#[test]
fn two_versions_of_a_header_leave_its_block_doubtful() {
    let torrent = four_pieces();
    let mut world = World::new();
    let conn = join(&mut world, &torrent, M, S);
    world.fetch(conn, Side::B, &torrent, 0);
    // Piece 2's bytes, but the header that was captured first says piece 1.
    let offset = world.sent(conn, Side::B);
    let bytes = torrent.block(2, 0, SMALL).to_vec();
    world.deliver(conn, Side::B, 1, 0, &bytes, false);
    world.retransmit(conn, Side::B, offset, &wire::piece(2, 0, &bytes)[..13]);
    let evidence = analyze(&world, &torrent);
    assert_eq!(transfer(&evidence, S, M).bytes.refuted, 0);
}

#[test]
fn more_conflicts_than_are_kept_still_accuse_nobody() {
    let torrent = Recipe::single("one.bin", 2 * 65_536, 2 * 65_536, 8).v1();
    let mut world = World::new();
    let conn = join(&mut world, &torrent, M, S);
    for (begin, len) in torrent.blocks(0) {
        let offset = world.sent(conn, Side::B) + 13;
        world.bad_piece(conn, Side::B, &torrent, 0, begin, len);
        for at in 0..150 {
            let place = u64::from(len) - 1_000 + at;
            let right = torrent.block(0, begin + place as u32, 1)[0];
            world.retransmit(conn, Side::B, offset + place, &[right ^ 0xff; 2]);
        }
    }
    let good = join(&mut world, &torrent, "81.2.69.11:50009", S2);
    world.fetch(good, Side::B, &torrent, 0);
    let bytes = transfer(&analyze(&world, &torrent), S, M).bytes;
    assert_eq!((bytes.refuted, bytes.unproven), (0, 2 * 65_536));
}

#[test]
fn repeats_are_known_in_a_piece_of_many_blocks_that_never_completes() {
    let torrent = Recipe::single("big.bin", 1 << 20, 2 << 20, 8).v1();
    let mut world = World::new().segments_of(8_000);
    let conn = join(&mut world, &torrent, M, S);
    let blocks = torrent.blocks_of(0, 1_024);
    for _ in 0..2 {
        for (begin, len) in &blocks[..200] {
            world.send(conn, Side::A, &wire::request(0, *begin, *len));
            world.piece(conn, Side::B, &torrent, 0, *begin, *len);
        }
    }
    let bytes = transfer(&analyze(&world, &torrent), S, M).bytes;
    assert_eq!((bytes.unproven, bytes.repeated), (200 * 1_024, 200 * 1_024));
}

#[test]
fn a_stream_without_handshake_that_shares_a_piece_with_the_torrent_is_not_refuted() {
    let torrent = four_pieces();
    let mut other = Recipe::single("other.bin", SMALL, torrent.content.len(), 99).v1();
    other.content[..SMALL as usize].copy_from_slice(torrent.piece(0));
    let mut world = World::new();
    let conn = world.meet(address(M), address(S), [9; 20], [id(1), id(2)]);
    world.send(conn, Side::B, &wire::unchoke());
    let start = world.sent(conn, Side::B);
    fetch_all(&mut world, conn, &other);
    world.begin_at(conn, Side::B, start);
    // Somebody else shows what the pieces are.
    let good = join(&mut world, &torrent, "81.2.69.11:50009", S2);
    fetch_all(&mut world, good, &torrent);
    let evidence = analyze(&world, &torrent);
    let seeder = transfer(&evidence, S, M);
    // The first piece binds it; the others may be another torrent's.
    assert_eq!((seeder.bytes.verified, seeder.bytes.refuted, seeder.bytes.disputed), (HALF, 0, 0), "{seeder:#?}");
}

#[test]
fn zeros_bind_nobody_to_a_torrent() {
    let mut bytes = vec![0; 2 * SMALL as usize];
    bytes[SMALL as usize..].copy_from_slice(&Recipe::single("x", SMALL, SMALL as usize, 3).v1().content);
    let torrent = Recipe::folder("f", 2 * SMALL, 2).file_of("a", bytes).file("b", 40_000).v1();
    let mut world = World::new();
    let mut starts = Vec::new();
    for (end, begin) in [(S, 0), (S2, SMALL)] {
        let conn = world.meet(address(M), address(end), [9; 20], [id(1), id(2)]);
        starts.push((conn, world.sent(conn, Side::B)));
        for _ in 0..1 {
            world.send(conn, Side::A, &wire::request(0, begin, SMALL));
            world.piece(conn, Side::B, &torrent, 0, begin, SMALL);
        }
    }
    let kept = |packet: &Packet| {
        starts.iter().any(|(conn, start)| {
            packet.conn == *conn
                && (packet.payload().len() == 17
                    || packet
                        .offset()
                        .is_some_and(|at| at >= *start && packet.side == Side::B && !packet.payload().is_empty()))
        })
    };
    world.packets.retain(kept);
    let evidence = analyze(&world, &torrent);
    let zeros = transfer(&evidence, S, M);
    assert_eq!((zeros.info_hash.clone(), zeros.bytes.verified), (None, 0), "{zeros:#?}");
    assert_eq!(transfer(&evidence, S2, M).info_hash.as_ref().map(|hash| hash.0.len()), Some(20));
}

#[test]
fn any_number_of_senders_is_tried_and_more_versions_than_are_tried_are_told() {
    let torrent = Recipe::single("ten.bin", 10 * 4_096, 10 * 4_096, 8).v1();
    for twice in [false, true] {
        let mut world = World::new();
        let blocks: Vec<_> = torrent.blocks_of(0, 4_096).into_iter().enumerate().collect();
        for (number, (block, (begin, len))) in blocks.iter().chain(blocks.iter().filter(|_| twice)).enumerate() {
            let (begin, len) = (*begin, *len);
            let conn = join(&mut world, &torrent, M, &format!("93.184.16.{}:6881", 1 + number));
            world.send(conn, Side::A, &wire::request(0, begin, len));
            match number {
                // Nobody sends this one as it is in the torrent.
                _ if *block == 3 => {
                    world.deliver(conn, Side::B, 0, begin, &vec![number as u8; len as usize], false)
                }
                0..10 => world.piece(conn, Side::B, &torrent, 0, begin, len),
                _ => world.bad_piece(conn, Side::B, &torrent, 0, begin, len),
            }
        }
        let evidence = analyze(&world, &torrent);
        let row = sums(&evidence, &torrent).bytes;
        let expected = if twice { (81_920, 0, 0) } else { (40_960, 0, 0) };
        assert_eq!((row.disputed, row.refuted, row.unproven), expected);
        assert_eq!(evidence.anomalies.tally(Kind::LimitReached).is_some(), twice);
    }
}

#[test]
fn pieces_wait_for_their_other_half_however_little_is_held() {
    let torrent = two_block_pieces();
    let (mut world, conns) = (World::new(), [S, S2]);
    let conns = conns.map(|end| join(&mut world, &torrent, M, end));
    for piece in 0..4 {
        world.send(conns[0], Side::A, &wire::request(piece, 0, SMALL));
        world.piece(conns[0], Side::B, &torrent, piece, 0, SMALL);
    }
    for piece in 0..4 {
        world.send(conns[1], Side::A, &wire::request(piece, SMALL, SMALL));
        world.piece(conns[1], Side::B, &torrent, piece, SMALL, SMALL);
    }
    let limits = Limits { open_slices: 20, ..Limits::default() };
    let evidence = Run::new().capture(world.pcap()).torrent(&torrent).limits(limits).evidence();
    let row = sums(&evidence, &torrent).bytes;
    assert_eq!((row.served, row.verified, row.refuted), (8 * HALF, 8 * HALF, 0));
    assert!(evidence.anomalies.tally(Kind::LimitReached).is_none());
}

#[test]
fn two_copies_with_a_bad_block_each_hold_the_piece_between_them() {
    let torrent = Recipe::single("three.bin", 3 * SMALL, 3 * SMALL as usize, 14).v1();
    let mut world = World::new();
    let ends: Vec<String> = (1..7).map(|n| format!("93.184.16.{n}:6881")).collect();
    for (peer, end) in (2..).zip(&ends) {
        let block = (peer - 2) % 3;
        let conn = seeder(&mut world, &torrent, M, end, peer, None);
        // Bad: the second block of the first copy, the first and the last of the second one.
        ask(&mut world, &torrent, conn, block * SMALL, ![3, 5, 7].contains(&peer));
    }
    let evidence = analyze(&world, &torrent);
    for (peer, end) in (2..).zip(&ends) {
        let bytes = transfer(&evidence, end, M).bytes;
        let expected = if [3, 5, 7].contains(&peer) { (0, HALF, 0) } else { (HALF, 0, 0) };
        assert_eq!((bytes.verified, bytes.refuted, bytes.disputed), expected, "{end}");
    }
}

#[test]
fn a_port_that_is_declared_in_the_middle_of_a_piece_makes_nobody_else_of_the_receiver() {
    let torrent = two_block_pieces();
    for good in [true, false] {
        let mut world = World::new();
        let conn = join_as(&mut world, &torrent, M, S, [id(1), id(2)]);
        ask(&mut world, &torrent, conn, 0, good);
        world.send(conn, Side::A, &wire::extended_handshake(Some(7_000), "Synth"));
        ask(&mut world, &torrent, conn, SMALL, good);
        let row = transfer(&analyze(&world, &torrent), S, M).clone();
        let expected = if good { (2 * HALF, 2 * HALF, 0) } else { (0, 0, 2 * HALF) };
        assert_eq!((row.bytes.verified, row.bytes.sole, row.bytes.refuted), expected);
    }
}
