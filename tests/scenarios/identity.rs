//! Who is who: T40 to T45, T48.

use std::collections::BTreeSet;

use peerproof::evidence::{Bytes, Evidence, Flag};

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
        assert_eq!(window.peer_ids.iter().copied().collect::<Vec<_>>(), [id(number)]);
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
            assert_eq!(window.peer_ids.iter().copied().collect::<Vec<_>>(), [id(number)]);
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
    assert_eq!(windows, [(BTreeSet::from([id(1)]), 0), (BTreeSet::from([id(2)]), u64::from(SMALL))]);
}

#[test]
fn t41_the_bad_block_of_a_later_client_is_not_laid_upon_the_one_before() {
    let torrent = two_block_pieces();
    let evidence = one_utp_flow(&torrent, false, |world, conn, number| {
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
