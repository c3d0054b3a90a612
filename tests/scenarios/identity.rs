//! Who is who: T40 to T45, T48.

use std::collections::BTreeSet;

use peerproof::anomaly::Kind;
use peerproof::ends::Hex;
use peerproof::evidence::{Bytes, Evidence, Flag, PortBasis};

use super::*;
use crate::synth::capture::{LINK_ETHERNET, Order, Ticks, pcap, pcapng};
use crate::synth::run::{Run, analyze, subject, subjects, transfer};
use crate::synth::utp::UtpConn;

const HOUR: i64 = 3_600_000_000_000;

#[test]
fn t40_two_clients_behind_one_address_are_two_subjects() {
    let torrent = four_pieces();
    let mut world = World::new();
    let ends = ["93.184.16.1:6881", "93.184.16.1:6999"];
    for (number, seeder) in (1..).zip(ends) {
        let conn = join_as(&mut world, &torrent, M, seeder, [id(9), id(number)]);
        world.fetch(conn, Side::B, &torrent, number);
    }
    let evidence = analyze(&world, &torrent);
    for seeder in ends {
        assert_eq!(subject(&evidence, seeder).bytes, clean(u64::from(SMALL)));
    }
}

#[test]
fn t41_another_client_after_hours_of_silence_is_another_subject() {
    let torrent = four_pieces();
    let mut world = World::new();
    for number in 1..3 {
        let conn = join_as(&mut world, &torrent, M, S, [id(9), id(number)]);
        world.fetch(conn, Side::B, &torrent, number);
        world.close(conn, Side::A);
        world.pass(3 * HOUR);
    }
    let evidence = analyze(&world, &torrent);
    let windows = subjects(&evidence, S);
    assert_eq!(windows.len(), 2, "{windows:#?}");
    for (number, window) in (1..).zip(windows) {
        assert_eq!(window.bytes, clean(u64::from(SMALL)));
        assert_eq!(window.peer_ids.iter().copied().collect::<Vec<_>>(), [Hex(id(number))]);
    }
}

/// Two clients at one uTP address, one after the other, each sends what `serve` says; no flow ends between them.
fn one_utp_flow(torrent: &Torrent, finished: bool, serve: impl Fn(&mut World, &mut UtpConn, u32)) -> Evidence {
    let mut world = World::new();
    for number in 1..3 {
        let mut conn = UtpConn::open(&mut world, address(M), address(S), 1_000 * number as u16, [1, 500]);
        conn.join(&mut world, torrent, [id(9), id(number)]);
        serve(&mut world, &mut conn, number);
        if finished {
            (0..2).for_each(|end| conn.close(&mut world, end, b""));
        }
        world.pass(5 * HOUR);
    }
    analyze(&world, torrent)
}

#[test]
fn t41_another_client_on_the_same_utp_flow_after_hours_is_another_subject() {
    let torrent = four_pieces();
    for finished in [false, true] {
        let evidence = one_utp_flow(&torrent, finished, |world, conn, number| conn.fetch(world, &torrent, number));
        let windows = subjects(&evidence, S);
        assert_eq!(windows.len(), 2, "{windows:#?}");
        for (number, window) in (1..).zip(windows) {
            assert_eq!(window.bytes, Bytes { acknowledged: window.bytes.acknowledged, ..clean(u64::from(SMALL)) });
            assert_eq!(window.peer_ids.iter().copied().collect::<Vec<_>>(), [Hex(id(number))]);
        }
        assert_eq!(subjects(&evidence, M).len(), 1);
    }
}

#[test]
fn t41_a_client_that_served_nothing_is_not_taken_for_the_next_one_on_its_utp_flow() {
    let torrent = four_pieces();
    let evidence = one_utp_flow(&torrent, false, |world, conn, number| {
        if number == 2 {
            conn.fetch(world, &torrent, 1);
        }
    });
    let windows: Vec<_> =
        subjects(&evidence, S).iter().map(|one| (one.peer_ids.clone(), one.bytes.served)).collect();
    assert_eq!(windows, [(BTreeSet::from([Hex(id(1))]), 0), (BTreeSet::from([Hex(id(2))]), u64::from(SMALL))]);
}

#[test]
fn t41_the_bad_block_of_a_later_client_is_not_laid_upon_the_one_before() {
    let torrent = two_block_pieces();
    let evidence = one_utp_flow(&torrent, true, |world, conn, number| {
        let (begin, len) = torrent.blocks(0)[number as usize - 1];
        conn.send(world, 0, &wire::request(0, begin, len));
        let good = torrent.block(0, begin, len);
        let bytes: Vec<u8> = if number == 1 { good.to_vec() } else { good.iter().map(|byte| !byte).collect() };
        conn.deliver(world, 1, 0, begin, &bytes, number == 1);
    });
    let row = subjects(&evidence, S).iter().fold(Bytes::default(), |mut sum, one| {
        sum.add(&one.bytes);
        sum
    });
    assert_eq!((row.refuted, row.disputed), (0, row.served));
}

/// A client that opens a connection to M, declares port 6881 and sends pieces 0 and 1 of four.
fn neighbour(world: &mut World, torrent: &Torrent, peer_id: [u8; 20]) {
    let ends = [address("93.184.16.1:55555"), address(M)];
    let conn = world.meet(ends[0], ends[1], torrent.info_hash, [peer_id, id(9)]);
    world.send(conn, Side::A, &wire::extended_handshake(Some(6_881), "Synth"));
    world.send(conn, Side::A, &wire::bitfield_full(torrent.pieces()));
    world.send(conn, Side::A, &wire::unchoke());
    (0..2).for_each(|piece| world.fetch(conn, Side::A, torrent, piece));
}

#[test]
fn a_declared_port_lays_nothing_upon_another_client_that_was_seen_there() {
    let torrent = four_pieces();
    let mut world = World::new();
    join_as(&mut world, &torrent, M, S, [id(9), wire::peer_id("-AA0001-", 1)]);
    neighbour(&mut world, &torrent, wire::peer_id("-BB0001-", 2));
    let evidence = analyze(&world, &torrent);
    assert_eq!(subject(&evidence, S).bytes.served, 0);
    let neighbour = subject(&evidence, "93.184.16.1:55555");
    assert_eq!((neighbour.bytes, neighbour.port_basis), (clean(2 * u64::from(SMALL)), PortBasis::Observed));
    assert_eq!(neighbour.listen_port, None);
    assert_eq!(evidence.anomalies.tally(Kind::DeclaredPort).map(|tally| tally.count), Some(1));
}

#[test]
fn a_declared_port_joins_what_one_client_sent_from_several_ports() {
    let torrent = four_pieces();
    // libtorrent has another peer_id for each connection.
    for peer in [1, 2] {
        let mut world = World::new();
        let conn = join_as(&mut world, &torrent, M, S, [id(9), wire::peer_id("-LT2080-", 1)]);
        world.fetch(conn, Side::B, &torrent, 2);
        neighbour(&mut world, &torrent, wire::peer_id("-LT2080-", peer));
        let evidence = analyze(&world, &torrent);
        let both = subject(&evidence, S);
        assert_eq!((both.bytes, both.port_basis), (clean(3 * u64::from(SMALL)), PortBasis::Declared));
        assert_eq!(both.sent_from.iter().copied().collect::<Vec<_>>(), [6_881, 55_555]);
    }
}

/// Two clients behind one address connect out, from two ports, and declare the same one; each sends a piece.
fn both_declare(torrent: &Torrent, utp: bool, clients: [(&str, &str); 2], good: [bool; 2]) -> Evidence {
    let mut world = World::new();
    let ends = ["93.184.16.1:55555", "93.184.16.1:44444"];
    for (number, ((tag, client), (from, good))) in (1..).zip(clients.into_iter().zip(ends.into_iter().zip(good))) {
        let peer_id = wire::peer_id(tag, number);
        let mut block = torrent.block(number, 0, SMALL).to_vec();
        block[5] ^= u8::from(!good);
        if utp {
            let mut conn = UtpConn::open(&mut world, address(from), address(M), 7_000 * number as u16, [1, 300]);
            conn.join(&mut world, torrent, [peer_id, id(9)]);
            conn.send(&mut world, 0, &wire::extended_handshake(Some(6_881), client));
            conn.send(&mut world, 1, &wire::request(number, 0, SMALL));
            conn.deliver(&mut world, 0, number, 0, &block, good);
            conn.close(&mut world, 0, &[]);
        } else {
            let conn = world.meet(address(from), address(M), torrent.info_hash, [peer_id, id(9)]);
            world.send(conn, Side::A, &wire::extended_handshake(Some(6_881), client));
            world.send(conn, Side::B, &wire::request(number, 0, SMALL));
            world.deliver(conn, Side::A, number, 0, &block, good);
        }
    }
    analyze(&world, torrent)
}

#[test]
fn t61_the_honest_one_of_two_that_declare_one_port_has_a_row_of_its_own() {
    let block = u64::from(SMALL);
    let recipe = || Recipe::single("d.bin", SMALL, 4 * SMALL as usize, 61);
    for torrent in [recipe().v1(), recipe().v2(), recipe().hybrid()] {
        for utp in [false, true] {
            for clients in [
                [("-LT2080-", "libtorrent/2.0.8"), ("-TR3000-", "Transmission 3.00")],
                [("-XX0001-", "One 1.0"), ("-XX0001-", "Other 1.0")],
                // Of one make, or even of one version: one of them lies.
                [("-LT2080-", "libtorrent/2.0.8"), ("-LT2081-", "libtorrent/2.0.9")],
                [("-XX0001-", "One 1.0"), ("-XX0001-", "One 1.0")],
            ] {
                let evidence = both_declare(&torrent, utp, clients, [true, false]);
                let honest = subject(&evidence, "93.184.16.1:55555");
                assert_eq!((honest.bytes, honest.port_basis), (clean(block), PortBasis::Observed), "{utp}");
                assert_eq!(subject(&evidence, "93.184.16.1:44444").bytes.refuted, block);
                assert!(!honest.flags.contains(&Flag::DeclaredPort) && subjects(&evidence, S).is_empty());
            }
        }
    }
}

#[test]
fn t61_one_make_with_two_peer_ids_at_one_declared_port_is_flagged() {
    let torrent = four_pieces();
    for utp in [false, true] {
        let clients = [("-LT2080-", "libtorrent/2.0.8"), ("-LT2081-", "libtorrent/2.0.9")];
        let evidence = both_declare(&torrent, utp, clients, [true; 2]);
        let row = subject(&evidence, S);
        assert_eq!((row.port_basis, row.bytes), (PortBasis::Declared, clean(2 * u64::from(SMALL))));
        assert!(row.flags.contains(&Flag::DeclaredPort), "{row:#?}");
        assert_eq!(transfer(&evidence, "93.184.16.1:55555", M).bytes, clean(u64::from(SMALL)));
    }
}

#[test]
fn bytes_that_differ_are_not_laid_upon_an_endpoint_by_word_alone() {
    let torrent = four_pieces();
    let mut world = World::new();
    let conn = join_as(&mut world, &torrent, M, S, [id(9), id(1)]);
    world.fetch(conn, Side::B, &torrent, 2);
    let ends = [address("93.184.16.1:55555"), address(M)];
    let conn = world.meet(ends[0], ends[1], torrent.info_hash, [id(2), id(9)]);
    world.send(conn, Side::A, &wire::extended_handshake(Some(6_881), "Synth"));
    world.send(conn, Side::B, &wire::request(0, 0, SMALL));
    world.bad_piece(conn, Side::A, &torrent, 0, 0, SMALL);
    let evidence = analyze(&world, &torrent);
    assert_eq!(subject(&evidence, S).bytes, clean(u64::from(SMALL)));
    assert_eq!(subject(&evidence, "93.184.16.1:55555").bytes.refuted, u64::from(SMALL));
}

/// One client accepts at S and sends piece 2, another behind the same address connects out, declares the port of S and
/// sends piece 0; both over uTP or TCP, each to its own receiver.
fn one_accepts_the_other_declares(torrent: &Torrent, utp: bool, ids: [[u8; 20]; 2], good: [bool; 2]) -> Evidence {
    let mut world = World::new();
    let opened = [[M, S], ["93.184.16.1:55555", "81.2.69.11:50001"]];
    for (number, ((ends, own), good)) in (0_u16..).zip(opened.into_iter().zip(ids).zip(good)) {
        let server = usize::from(number == 0);
        let (piece, mut peer_ids) = ([2, 0][usize::from(number)], [id(9); 2]);
        peer_ids[server] = own;
        let mut block = torrent.block(piece, 0, SMALL).to_vec();
        block[5] ^= u8::from(!good);
        let ends = ends.map(address);
        let hello = wire::extended_handshake(Some(6_881), "libtorrent/2.0.8");
        let asks = wire::request(piece, 0, SMALL);
        if utp {
            let mut conn = UtpConn::open(&mut world, ends[0], ends[1], 7_000 + number * 100, [1, 300]);
            conn.join(&mut world, torrent, peer_ids);
            conn.send(&mut world, server, &hello);
            conn.send(&mut world, 1 - server, &asks);
            conn.deliver(&mut world, server, piece, 0, &block, good);
            conn.close(&mut world, 0, &[]);
        } else {
            let sides = [Side::A, Side::B];
            let conn = world.meet(ends[0], ends[1], torrent.info_hash, peer_ids);
            world.send(conn, sides[server], &hello);
            world.send(conn, sides[1 - server], &asks);
            world.deliver(conn, sides[server], piece, 0, &block, good);
        }
    }
    analyze(&world, torrent)
}

#[test]
fn t61_who_declares_the_port_of_a_neighbour_shares_no_row_with_it_where_one_of_both_lies() {
    let block = u64::from(SMALL);
    let recipe = || Recipe::single("d.bin", SMALL, 4 * SMALL as usize, 61);
    for torrent in [recipe().v1(), recipe().v2(), recipe().hybrid()] {
        for utp in [false, true] {
            // The second takes the peer_id of the first one, too: anybody learns it who meets its owner.
            for second in [2, 1] {
                let ids = [wire::peer_id("-LT2080-", 1), wire::peer_id("-LT2080-", second)];
                for good in [[true, false], [false, true]] {
                    let evidence = one_accepts_the_other_declares(&torrent, utp, ids, good);
                    let rows = [S, "93.184.16.1:55555"].map(|end| subject(&evidence, end));
                    for (row, good) in rows.into_iter().zip(good) {
                        assert_eq!((row.bytes.served, row.port_basis), (block, PortBasis::Observed), "{utp}");
                        assert_eq!(row.bytes.refuted, if good { 0 } else { block }, "{utp} {second}");
                        assert_eq!(row.bytes.verified, if good { block } else { 0 }, "{utp} {second}");
                    }
                }
                let evidence = one_accepts_the_other_declares(&torrent, utp, ids, [true; 2]);
                assert_eq!(subject(&evidence, S).bytes, clean(2 * block), "nothing speaks against it");
            }
        }
    }
}

#[test]
fn hours_later_the_declared_port_may_be_anothers() {
    let torrent = four_pieces();
    let mut world = World::new();
    join_as(&mut world, &torrent, M, S, [id(9), wire::peer_id("-AA0001-", 1)]);
    world.pass(5 * HOUR);
    neighbour(&mut world, &torrent, wire::peer_id("-BB0001-", 2));
    let windows: Vec<_> = subjects(&analyze(&world, &torrent), S).iter().map(|one| one.bytes.served).collect();
    assert_eq!(windows, [0, 2 * u64::from(SMALL)]);
}

#[test]
fn a_port_that_was_seen_accepting_is_better_known_than_a_declared_one() {
    let torrent = four_pieces();
    let mut world = World::new();
    let conn = join(&mut world, &torrent, M, S);
    world.send(conn, Side::B, &wire::extended_handshake(Some(1), "Synth"));
    world.fetch(conn, Side::B, &torrent, 0);
    let evidence = analyze(&world, &torrent);
    let seeder = subject(&evidence, S);
    assert_eq!((seeder.port_basis, seeder.listen_port), (PortBasis::Observed, Some(6_881)));
}

#[test]
fn t42_many_peer_ids_at_one_endpoint_are_one_subject() {
    let torrent = four_pieces();
    let mut world = World::new();
    for number in 0..24 {
        let leecher = format!("81.2.69.10:{}", 50_001 + number);
        let conn = join_as(&mut world, &torrent, &leecher, S, [id(100 + number), id(number)]);
        world.fetch(conn, Side::B, &torrent, number % 4);
    }
    let evidence = analyze(&world, &torrent);
    let seeder = subject(&evidence, S);
    assert_eq!((seeder.peer_ids.len(), seeder.bytes.served), (24, sent(&world)));
}

#[test]
fn t43_one_peer_id_at_two_addresses_is_two_subjects() {
    let torrent = four_pieces();
    let mut world = World::new();
    for seeder in [S, S2] {
        let conn = join_as(&mut world, &torrent, M, seeder, [id(9), id(1)]);
        world.fetch(conn, Side::B, &torrent, 0);
    }
    let evidence = analyze(&world, &torrent);
    for seeder in [S, S2] {
        assert_eq!(subject(&evidence, seeder).bytes.verified, u64::from(SMALL));
    }
}

#[test]
fn t45_a_private_address_is_flagged() {
    let torrent = four_pieces();
    let mut world = World::new();
    let conn = join(&mut world, &torrent, M, "192.168.1.7:6881");
    world.fetch(conn, Side::B, &torrent, 0);
    let evidence = analyze(&world, &torrent);
    assert!(subject(&evidence, "192.168.1.7:6881").flags.contains(&Flag::PrivateAddress));
    assert!(!subject(&evidence, M).flags.contains(&Flag::PrivateAddress));
}

#[test]
fn t48_the_order_of_the_arguments_does_not_matter() {
    let torrent = four_pieces();
    let other = Recipe::single("other", SMALL, 50_000, 48).v1();
    let (first, _) = one_seeder(&torrent);
    let mut second = World::new().starting(first.now + HOUR);
    let conn = join(&mut second, &other, M, S2);
    fetch_all(&mut second, conn, &other);
    let captures = [("a.pcap", first.pcap()), ("b.pcap", second.pcap())];
    let [one, two] = [[0, 1], [1, 0]].map(|order| {
        let run = order.iter().fold(Run::new(), |run, at| run.named(captures[*at].0, captures[*at].1.clone()));
        let torrents = [&torrent, &other];
        order.iter().fold(run, |run, at| run.torrent(torrents[*at])).evidence()
    });
    assert_eq!(transfer(&one, S, M).bytes, clean(sent(&first)));
    assert_eq!(transfer(&one, S2, M).bytes, clean(sent(&second)));
    assert_eq!(format!("{:?}", one.transfers), format!("{:?}", two.transfers));
    assert_eq!(format!("{:?}", one.subjects), format!("{:?}", two.subjects));
}

#[test]
fn a_stream_across_two_captures_is_one_stream() {
    let torrent = two_block_pieces();
    let (world, _) = one_seeder(&torrent);
    let records = world.records();
    let (first, second) = records.split_at(records.len() / 2);
    let write = |part| pcap(part, LINK_ETHERNET, Order::Little, Ticks::Nanos);
    let evidence = Run::new().capture(write(first)).capture(write(second)).torrent(&torrent).evidence();
    assert_eq!(transfer(&evidence, S, M).bytes, clean(sent(&world)));
}

#[test]
fn every_file_format_gives_the_same_evidence() {
    let torrent = two_block_pieces();
    let (world, _) = one_seeder(&torrent);
    let mut texts = Vec::new();
    for order in [Order::Little, Order::Big] {
        for ticks in [Ticks::Micros, Ticks::Nanos] {
            for write in [pcap, pcapng] {
                let bytes = write(&world.records(), LINK_ETHERNET, order, ticks);
                let evidence = Run::new().named("any.pcap", bytes).torrent(&torrent).evidence();
                texts.push(format!("{:?}{:?}", evidence.transfers, evidence.subjects));
            }
        }
    }
    assert!(texts.windows(2).all(|pair| pair[0] == pair[1]), "{texts:#?}");
}
