//! Bytes in doubt: they may be verified, and they speak against nobody.

use peerproof::Limits;
use peerproof::anomaly::Kind;
use peerproof::evidence::{Bytes, Evidence, Flag, Grade};
use peerproof::report::oddity::sentence;

use super::*;
use crate::synth::content::Random;
use crate::synth::frame::Sum;
use crate::synth::run::{Run, analyze, subject, transfer};
use crate::synth::utp::UtpConn;

/// Runs with streams that remember eight segments.
fn forgetful(world: &World, torrent: &Torrent) -> Evidence {
    let limits = Limits { stream_history_segments: 8, ..Limits::default() };
    Run::new().capture(world.pcap()).torrent(torrent).limits(limits).evidence()
}

#[test]
fn a_retransmission_too_late_to_compare_leaves_the_first_copy_in_doubt() {
    let torrent = two_block_pieces();
    for repaired in [true, false] {
        let mut world = World::new();
        let conn = join(&mut world, &torrent, M, S);
        world.bad_piece(conn, Side::B, &torrent, 0, 0, SMALL);
        let place = world.ledger[0].offset + u64::from(SMALL) / 2 - 10;
        world.piece(conn, Side::B, &torrent, 0, SMALL, SMALL);
        world.bad_piece(conn, Side::B, &torrent, 1, 0, SMALL);
        world.piece(conn, Side::B, &torrent, 1, SMALL, SMALL);
        if repaired {
            world.retransmit(conn, Side::B, place, torrent.block(0, SMALL / 2 - 10, 100));
        }
        let evidence = forgetful(&world, &torrent);
        let bytes = transfer(&evidence, S, M).bytes;
        let piece = 2 * u64::from(SMALL);
        let (refuted, unproven) = if repaired { (piece, piece) } else { (2 * piece, 0) };
        assert_eq!((bytes.refuted, bytes.unproven), (refuted, unproven), "{repaired}");
        assert_eq!(evidence.anomalies.tally(Kind::OverlapUncompared).is_some(), repaired);
    }
}

#[test]
fn a_utp_packet_sent_again_too_late_leaves_all_before_in_doubt() {
    let torrent = two_block_pieces();
    let mut world = World::new();
    let mut conn = UtpConn::open(&mut world, address(M), address(S), 4_711, [1, 500]);
    conn.send(&mut world, 0, &wire::handshake(torrent.info_hash, id(1)));
    conn.send(&mut world, 1, &wire::handshake(torrent.info_hash, id(2)));
    let first = conn.next(1);
    let mut bad = torrent.block(0, 0, SMALL).to_vec();
    bad[700] ^= 0x10;
    conn.deliver(&mut world, 1, 0, 0, &bad, false);
    conn.deliver(&mut world, 1, 0, SMALL, torrent.block(0, SMALL, SMALL), true);
    let message = wire::piece(0, 0, torrent.block(0, 0, SMALL));
    conn.again(&mut world, 1, first, &message[..conn.mtu]);
    // What comes later is not what came again.
    let mut bad = torrent.block(1, 0, SMALL).to_vec();
    bad[700] ^= 0x10;
    conn.deliver(&mut world, 1, 1, 0, &bad, false);
    conn.deliver(&mut world, 1, 1, SMALL, torrent.block(1, SMALL, SMALL), true);
    let piece = 2 * u64::from(SMALL);
    let bytes = transfer(&forgetful(&world, &torrent), S, M).bytes;
    assert_eq!((bytes.refuted, bytes.unproven), (piece, piece));
    // While more may follow, and it was not acknowledged, the end of the last block is not sure.
    let mut silent = world.clone();
    let last = silent.packets.pop().expect("an acknowledgement");
    assert_eq!(last.from, address(M));
    let bytes = transfer(&forgetful(&silent, &torrent), S, M).bytes;
    assert_eq!((bytes.refuted, bytes.unproven), (0, 2 * piece));
    conn.close(&mut world, 1, &[]);
    let bytes = transfer(&forgetful(&world, &torrent), S, M).bytes;
    assert_eq!((bytes.refuted, bytes.unproven), (piece, piece));
}

/// M fetches two pieces from S; one byte of the second is wrong in the packet that holds it, and the checksums of the
/// packets of S that `wrong` names among those with data are.
fn damaged(torrent: &Torrent, ends: [&str; 2], utp: bool, wrong: impl Fn(bool) -> bool) -> World {
    let mut world = World::new();
    let mut block = torrent.block(1, SMALL, SMALL).to_vec();
    block[9_000] ^= 0x04;
    if utp {
        let mut conn = UtpConn::open(&mut world, address(ends[0]), address(ends[1]), 4_711, [1, 500]);
        conn.join(&mut world, torrent, [id(1), id(2)]);
        conn.fetch(&mut world, torrent, 0);
        conn.send(&mut world, 0, &wire::request(1, 0, SMALL));
        conn.deliver(&mut world, 1, 1, 0, torrent.block(1, 0, SMALL), true);
        conn.send(&mut world, 0, &wire::request(1, SMALL, SMALL));
        conn.deliver(&mut world, 1, 1, SMALL, &block, false);
        conn.close(&mut world, 1, &[]);
    } else {
        let conn = join(&mut world, torrent, ends[0], ends[1]);
        world.fetch(conn, Side::B, torrent, 0);
        world.send(conn, Side::A, &wire::request(1, 0, SMALL));
        world.piece(conn, Side::B, torrent, 1, 0, SMALL);
        world.send(conn, Side::A, &wire::request(1, SMALL, SMALL));
        world.deliver(conn, Side::B, 1, SMALL, &block, false);
    }
    let (sender, flipped) = (address(ends[1]), &block[8_990..9_010]);
    for packet in world.packets.iter_mut().filter(|packet| packet.from == sender) {
        let holds = packet.payload().windows(flipped.len()).any(|bytes| bytes == flipped);
        if wrong(holds) {
            packet.sum = Sum::Wrong;
        }
    }
    world
}

#[test]
fn t64_one_damaged_frame_among_right_ones_refutes_nobody() {
    let recipe = || Recipe::single("c.bin", 2 * SMALL, 8 * SMALL as usize, 64);
    let piece = 2 * u64::from(SMALL);
    let six = ["[2001:db8::20]:50001", "[2001:db8::7]:6881"];
    for (torrent, by_leaf) in [(recipe().v1(), false), (recipe().v2(), true), (recipe().hybrid(), true)] {
        for (ends, utp) in [([M, S], false), ([M, S], true), (six, false), (six, true)] {
            // One frame is damaged; none is; all are, as offloading or a change of addresses leaves them.
            let world = damaged(&torrent, ends, utp, |holds| holds);
            let one = analyze(&world, &torrent);
            let row = transfer(&one, ends[1], ends[0]);
            assert_eq!((row.bytes.refuted, row.bytes.disputed), (0, 0), "{utp}");
            assert!(
                row.bytes.verified >= piece && row.bytes.unproven > 0 && row.flags.contains(&Flag::BadChecksum)
            );
            assert_eq!(one.anomalies.tally(Kind::BadChecksum).map(|tally| tally.count), Some(1));
            // A second tap sees all others a little before, or a little after the first one.
            for apart in [-1_000_000, -1_000, 1_000_000] {
                let mut second = world.clone();
                second.packets.retain(|packet| packet.sum != Sum::Wrong);
                second.packets.iter_mut().for_each(|packet| packet.time += apart);
                let both = Run::new().capture(world.pcap()).capture(second.pcap()).torrent(&torrent).evidence();
                let bytes = transfer(&both, ends[1], ends[0]).bytes;
                assert_eq!((bytes.refuted, bytes.disputed), (0, 0), "{utp} {apart}: {bytes:?}");
                assert!(bytes.verified >= piece, "{utp} {apart}: {bytes:?}");
            }
            for all in [false, true] {
                let evidence = analyze(&damaged(&torrent, ends, utp, |_| all), &torrent);
                let row = transfer(&evidence, ends[1], ends[0]);
                assert!(
                    row.bytes.refuted > 0 && (row.bytes.unproven == 0 || by_leaf),
                    "{utp} {all} {:?}",
                    row.bytes
                );
                assert!(!row.flags.contains(&Flag::BadChecksum));
            }
        }
    }
}

#[test]
fn t64_what_lies_in_a_cut_frame_refutes_nobody() {
    let recipe = || Recipe::single("c.bin", 2 * SMALL, 8 * SMALL as usize, 64);
    for torrent in [recipe().v1(), recipe().v2(), recipe().hybrid()] {
        for (cut, refutes) in [(false, true), (true, false)] {
            let mut world = World::new();
            let good = join(&mut world, &torrent, M, S2);
            fetch_all(&mut world, good, &torrent);
            let conn = join(&mut world, &torrent, M, S);
            let mut block = torrent.block(1, 0, SMALL).to_vec();
            block[100] ^= 0x04;
            world.send(conn, Side::A, &wire::request(1, 0, SMALL));
            world.deliver(conn, Side::B, 1, 0, &block, false);
            world.fetch(conn, Side::B, &torrent, 2);
            if cut {
                let of_s = world.packets.iter_mut().filter(|packet| packet.from == address(S));
                of_s.for_each(|packet| packet.snaplen = 1_000);
            }
            let bytes = transfer(&analyze(&world, &torrent), S, M).bytes;
            assert_eq!(bytes.refuted > 0, refutes, "{cut}: {bytes:?}");
            assert!(bytes.verified > 0 && (cut == (bytes.unproven > 0)), "{cut}: {bytes:?}");
        }
    }
}

#[test]
fn padding_that_is_not_zero_is_tried_as_it_was_sent() {
    let odd = Random::new(3).bytes(6_384);
    let by_attribute = Recipe::folder("f", SMALL, 2).file("a", 10_000).pad_of(odd.clone()).file("b", 20_000).v1();
    let by_name = Recipe::folder("f", SMALL, 2).file("a", 10_000).file_of("_____padding_file_0", odd);
    for torrent in [by_attribute, by_name.file("b", 20_000).v1()] {
        let (world, _) = one_seeder(&torrent);
        let bytes = transfer(&analyze(&world, &torrent), S, M).bytes;
        assert_eq!(bytes, Bytes { pad: 6_384, verified: 30_000, sole: 30_000, ..clean(sent(&world)) });
    }
}

#[test]
fn a_piece_with_padding_that_is_not_sure_to_be_zeros_refutes_nobody() {
    let odd = Random::new(3).bytes(6_384);
    let zeros = Recipe::folder("f", SMALL, 2).file("a", 10_000).pad(6_384).file("b", 20_000).v1();
    let named = Recipe::folder("f", SMALL, 2).file("a", 10_000).file_of("_____padding_file_0", odd.clone());
    let named = named.file("b", 20_000).v1();
    // Bad bytes with zeros behind them, with others, with none; what is known by name only may be anything.
    for (torrent, padding, good, refuted) in [
        (&zeros, vec![0; 6_384], false, 10_000),
        (&zeros, odd, false, 0),
        (&zeros, Vec::new(), false, 10_000),
        (&named, Vec::new(), true, 0),
    ] {
        let mut world = World::new();
        let conn = join(&mut world, torrent, M, S);
        let mut block = torrent.block(0, 0, 10_000).to_vec();
        block[77] ^= u8::from(!good);
        block.extend(padding);
        world.deliver(conn, Side::B, 0, 0, &block, good);
        let bytes = transfer(&analyze(&world, torrent), S, M).bytes;
        assert_eq!((bytes.refuted, bytes.unproven), (refuted, 10_000 - refuted));
    }
}

/// The evidence of a connection whose opening was not captured, with the torrents in either order.
fn mid_stream(torrents: [&Torrent; 2], sent: &Torrent) -> Evidence {
    let (mut world, conn) = one_seeder(sent);
    let start = world.ledger[0].offset - 13;
    world.begin_at(conn, Side::B, start);
    let run = |[one, other]: [&Torrent; 2]| Run::new().capture(world.pcap()).torrent(one).torrent(other);
    let [one, other] = torrents;
    let reports = [[one, other], [other, one]].map(|torrents| run(torrents).json(1, 64 << 20));
    let rows = |report: &str| report.split("\"transfers\"").nth(1).map(str::to_owned);
    assert_eq!(rows(&reports[0]), rows(&reports[1]), "the order of the torrents changes nothing");
    run(torrents).evidence()
}

#[test]
fn without_a_handshake_no_torrent_is_named_where_two_have_the_pieces() {
    let one = two_block_pieces();
    let other = Recipe::single("two.bin", 2 * SMALL, 8 * SMALL as usize, 8).private().v1();
    assert_ne!(one.info_hash, other.info_hash);
    let evidence = mid_stream([&one, &other], &one);
    let seeder = transfer(&evidence, S, M);
    assert_eq!((seeder.info_hash.clone(), seeder.bytes.unproven), (None, seeder.bytes.served));
    assert!(evidence.anomalies.tally(Kind::TorrentNotGiven).is_some());
}

#[test]
fn without_a_handshake_the_pieces_that_differ_name_the_torrent() {
    let one = two_block_pieces();
    let mut bytes = one.content.clone();
    bytes[2 * SMALL as usize..].reverse();
    let other = Recipe::folder("other", 2 * SMALL, 9).file_of("two.bin", bytes).v1();
    for torrent in [&one, &other] {
        let evidence = mid_stream([&one, &other], torrent);
        let seeder = transfer(&evidence, S, M);
        assert_eq!(seeder.info_hash.as_ref().map(|hash| hash.0.as_slice()), Some(torrent.info_hash.as_slice()));
        assert_eq!(seeder.bytes.verified, seeder.bytes.served);
    }
}

#[test]
fn without_a_handshake_a_torrent_of_other_pieces_names_none_that_is_not_sent() {
    let one = two_block_pieces();
    let longer = Recipe::folder("longer", 4 * SMALL, 9).file_of("two.bin", one.content.clone()).v1();
    for torrent in [&one, &longer] {
        let evidence = mid_stream([&one, &longer], torrent);
        let seeder = transfer(&evidence, S, M);
        assert_eq!(seeder.info_hash.as_ref().map(|hash| hash.0.as_slice()), Some(torrent.info_hash.as_slice()));
        assert_eq!(seeder.bytes.verified, seeder.bytes.served);
    }
}

#[test]
fn without_a_handshake_a_part_of_a_piece_that_two_torrents_have_names_none() {
    let one = two_block_pieces();
    let other = Recipe::single("two.bin", 2 * SMALL, 8 * SMALL as usize, 8).private().v1();
    let mut world = World::new();
    let known = join(&mut world, &one, M, S);
    fetch_all(&mut world, known, &one);
    let conn = world.conn(address(M), address(S2));
    for piece in [0, 1] {
        world.send(conn, Side::A, &wire::request(piece, 0, SMALL));
        world.piece(conn, Side::B, &one, piece, 0, SMALL);
    }
    let alone = analyze(&world, &one);
    assert_eq!(transfer(&alone, S2, M).bytes.verified, 2 * u64::from(SMALL));
    let both = Run::new().capture(world.pcap()).torrent(&one).torrent(&other).evidence();
    assert_eq!(transfer(&both, S2, M).info_hash, None);
    assert_eq!(transfer(&both, S, M).grade, Grade::G9);
}

#[test]
fn a_block_that_is_bad_in_part_takes_nothing_from_those_that_repair_it() {
    let torrent = Recipe::single("big", 4 * SMALL, 4 * SMALL as usize, 34).v1();
    let mut world = World::new();
    let conn = join(&mut world, &torrent, M, S);
    let mut bad = torrent.block(0, 0, 2 * SMALL).to_vec();
    bad[SMALL as usize + 100] ^= 1;
    world.deliver(conn, Side::B, 0, 0, &bad, false);
    world.piece(conn, Side::B, &torrent, 0, 2 * SMALL, 2 * SMALL);
    world.fetch(conn, Side::B, &torrent, 0);
    let evidence = analyze(&world, &torrent);
    let seeder = transfer(&evidence, S, M);
    let block = u64::from(SMALL);
    assert_eq!((seeder.bytes.verified, seeder.grade), (4 * block, Grade::G9));
    assert_eq!((seeder.bytes.refuted, seeder.bytes.repeated), (2 * block, 2 * block));
}

#[test]
fn a_leaf_of_zeros_in_a_piece_of_other_bytes_is_trivial() {
    let mut bytes = Random::new(4).bytes(4 * SMALL as usize);
    bytes[SMALL as usize..2 * SMALL as usize].fill(0);
    let torrent = Recipe::folder("v", 2 * SMALL, 4).file_of("v", bytes).v2();
    let mut world = World::new();
    for (end, begin) in [(S, 0), (S2, SMALL)] {
        let conn = join(&mut world, &torrent, M, end);
        world.send(conn, Side::A, &wire::request(0, begin, SMALL));
        world.piece(conn, Side::B, &torrent, 0, begin, SMALL);
    }
    let evidence = analyze(&world, &torrent);
    let (content, zeros) = (transfer(&evidence, S, M), transfer(&evidence, S2, M));
    assert_eq!([content.grade, zeros.grade], [Grade::G8; 2]);
    assert!(content.standard.is_some() && !content.flags.contains(&Flag::PadOrTrivial));
    assert!(zeros.standard.is_none() && zeros.flags.contains(&Flag::PadOrTrivial));
}

#[test]
fn a_declared_port_and_a_peer_id_in_common_are_not_one_sender_beyond_doubt() {
    let torrent = two_block_pieces();
    // Of one endpoint it is one client; of two, one may have borrowed the other's names.
    for (ends, refuted) in [([S, S], true), (["93.184.16.1:40001", "93.184.16.1:40002"], false)] {
        let mut world = World::new();
        for (end, begin) in ends.into_iter().zip([0, SMALL]) {
            let receiver = if begin == 0 { M } else { "81.2.69.10:50002" };
            // The seeder opens it: a port that accepts is better known than a declared one.
            let conn = world.meet(address(end), address(receiver), torrent.info_hash, [id(2), id(1)]);
            world.send(conn, Side::A, &wire::extended_handshake(Some(6_881), "Synth"));
            world.send(conn, Side::B, &wire::extended_handshake(Some(7_000), "Synth"));
            match begin {
                0 => world.piece(conn, Side::A, &torrent, 0, 0, SMALL),
                _ => world.bad_piece(conn, Side::A, &torrent, 0, begin, SMALL),
            }
        }
        let evidence = analyze(&world, &torrent);
        let bytes = subject(&evidence, S).bytes;
        let both = 2 * u64::from(SMALL);
        assert_eq!((bytes.refuted, bytes.disputed), if refuted { (both, 0) } else { (0, both) });
    }
}

#[test]
fn a_file_of_two_clients_behind_one_address_is_whole_from_neither() {
    let torrent = four_pieces();
    let apart = ["93.184.16.1:40001", "93.184.16.1:40002"];
    // Some clients take another peer_id for each connection: what one endpoint sends, one client does.
    for (ends, peers, grade) in
        [(apart, [2, 2], Grade::G9), (apart, [2, 3], Grade::G8), ([S; 2], [2, 3], Grade::G9)]
    {
        let mut world = World::new();
        for (turn, (end, peer)) in ends.into_iter().zip(peers).enumerate() {
            let receiver = ["81.2.69.10:50001", "81.2.69.11:50001"][turn];
            let conn = world.meet(address(end), address(receiver), torrent.info_hash, [id(peer), id(1)]);
            world.send(conn, Side::A, &wire::extended_handshake(Some(6_881), "Synth"));
            let pieces = [0..2, 2..4][turn].clone();
            pieces.for_each(|piece| world.fetch(conn, Side::A, &torrent, piece));
        }
        let evidence = analyze(&world, &torrent);
        let both = subject(&evidence, S);
        assert_eq!((both.bytes.verified, both.grade), (sent(&world), grade));
    }
}

#[test]
fn a_block_behind_which_there_is_no_message_may_be_misread_and_refutes_nobody() {
    let torrent = Recipe::single("four.bin", SMALL, 4 * SMALL as usize, 9).v1();
    let (mut world, conn) = one_seeder(&torrent);
    let mut short = wire::piece(1, 0, torrent.block(1, 0, SMALL));
    // Two bytes of it are not there, and no gap says so: what follows is read two bytes too late.
    short.drain(5_000..5_002);
    world.send(conn, Side::B, &short);
    world.send(conn, Side::B, &wire::piece(2, 0, torrent.block(2, 0, SMALL)));
    world.send(conn, Side::B, &wire::piece(3, 0, torrent.block(3, 0, SMALL)));
    let evidence = Run::new().capture(world.pcap()).torrent(&torrent).evidence();
    let row = transfer(&evidence, S, M);
    assert_eq!(row.bytes.refuted, 0, "{row:#?}");
    assert!(!row.rungs.iter().any(|rung| rung.grade == Grade::GX), "{row:#?}");
    assert!(evidence.anomalies.tally(Kind::Resynchronised).is_some());
}

#[test]
fn t28_the_report_says_which_of_two_versions_hashes() {
    let [v1, v2] = [two_block_pieces(), Recipe::single("two.bin", 2 * SMALL, 8 * SMALL as usize, 8).v2()];
    for (torrent, utp, good_first, at_once) in [
        (&v1, false, true, false),
        (&v1, false, false, false),
        (&v2, false, true, true),
        (&v1, true, true, false),
        (&v2, true, false, true),
    ] {
        let mut world = World::new();
        let good = torrent.block(0, 0, SMALL).to_vec();
        let mut bad = good.clone();
        bad[100] ^= 0x08;
        let (first, second) = if good_first { (&good, &bad) } else { (&bad, &good) };
        let rest = |piece| if piece == 0 { vec![SMALL] } else { vec![0, SMALL] };
        if utp {
            let mut conn = UtpConn::open(&mut world, address(M6), address(S6), 4_711, [1, 500]);
            conn.join(&mut world, torrent, [id(1), id(2)]);
            conn.send(&mut world, 0, &wire::request(0, 0, SMALL));
            let number = conn.next(1);
            conn.deliver(&mut world, 1, 0, 0, first, good_first);
            let again = wire::piece(0, 0, second)[..conn.mtu].to_vec();
            if at_once {
                conn.again(&mut world, 1, number, &again);
            }
            for (piece, begin) in (0..4).flat_map(|piece| rest(piece).into_iter().map(move |begin| (piece, begin)))
            {
                conn.send(&mut world, 0, &wire::request(piece, begin, SMALL));
                conn.deliver(&mut world, 1, piece, begin, torrent.block(piece, begin, SMALL), true);
            }
            if !at_once {
                conn.again(&mut world, 1, number, &again);
            }
            conn.close(&mut world, 1, &[]);
        } else {
            let conn = join(&mut world, torrent, M6, S6);
            world.send(conn, Side::A, &wire::request(0, 0, SMALL));
            world.deliver(conn, Side::B, 0, 0, first, good_first);
            let place = world.ledger[0].offset;
            if at_once {
                world.retransmit(conn, Side::B, place, &second[..500]);
            }
            for (piece, begin) in (0..4).flat_map(|piece| rest(piece).into_iter().map(move |begin| (piece, begin)))
            {
                world.send(conn, Side::A, &wire::request(piece, begin, SMALL));
                world.piece(conn, Side::B, torrent, piece, begin, SMALL);
            }
            if !at_once {
                world.retransmit(conn, Side::B, place, &second[..500]);
            }
        }
        let evidence = analyze(&world, torrent);
        let seeder = transfer(&evidence, S6, M6);
        assert_eq!((seeder.bytes.verified, seeder.bytes.refuted), (sent(&world), 0), "{utp} {good_first}");
        let told = evidence.anomalies.tally(Kind::OverlapConflict).expect("two versions");
        let version = if good_first { "the first is the torrent's" } else { "the second is the torrent's" };
        let details: Vec<_> = told.examples.iter().map(|example| sentence(&example.oddity)).collect();
        assert_eq!(details.iter().filter(|detail| detail.ends_with(version)).count(), 1, "{details:?}");
        assert_eq!(details.len(), 2, "{details:?}");
    }
}

const M6: &str = "[2001:db8::10]:50001";
const S6: &str = "[2001:db8::1]:6881";
