//! Inputs that follow the size of a bound: what is left out is told, and what the hashes confirm is not what is left out.

use std::net::SocketAddr;
use std::ops::Range;

use peerproof::Limits;
use peerproof::anomaly::Kind;
use peerproof::evidence::{Evidence, Grade};
use peerproof::oddity::{Bound, Oddity};

use crate::synth::content::{Random, Recipe, Torrent};
use crate::synth::run::{Run, address, check, transfer};
use crate::synth::swarm::{Acks, Side, World};
use crate::synth::utp::UtpConn;
use crate::synth::wire;

const M: &str = "81.2.69.10:50001";
const S: &str = "93.184.16.1:6881";

/// Peers of their own addresses serve a byte each to `M`.
fn crumbs(world: &mut World, torrent: &Torrent, peers: Range<u32>) {
    for n in peers {
        let from = SocketAddr::from(([100, (n >> 16) as u8, (n >> 8) as u8, n as u8], 6_881));
        let ids = [wire::peer_id("-XX0001-", 1), wire::peer_id("-XX0001-", 1_000 + n)];
        let conn = world.meet(address(M), from, torrent.info_hash, ids);
        world.send(conn, Side::B, &wire::piece(0, n, &torrent.content[n as usize..][..1]));
        world.close(conn, Side::B);
    }
}

/// `M` fetches everything from `S`.
fn served(world: &mut World, torrent: &Torrent) {
    let ids = [wire::peer_id("-XX0001-", 1), wire::peer_id("-XX0001-", 2)];
    let conn = world.meet(address(M), address(S), torrent.info_hash, ids);
    world.send(conn, Side::B, &wire::bitfield_full(torrent.pieces()));
    world.send(conn, Side::B, &wire::unchoke());
    (0..torrent.pieces()).for_each(|piece| world.fetch(conn, Side::B, torrent, piece));
    world.close(conn, Side::A);
}

fn limit<'e>(evidence: &'e Evidence, bound: &str) -> Option<&'e Oddity> {
    let tally = evidence.anomalies.tally(Kind::LimitReached)?;
    tally.examples.iter().map(|example| &example.oddity).find(|oddity| oddity.bound() == Some(bound))
}

#[test]
fn a_flood_of_single_bytes_hides_nobody_before_it_or_behind_it() {
    let torrent = Recipe::single("four.bin", 16_384, 54_152, 4).v1();
    for (before, behind) in [(18, 0), (0, 18), (300, 0), (0, 300), (150, 150)] {
        let mut world = World::new();
        crumbs(&mut world, &torrent, 0..before);
        served(&mut world, &torrent);
        crumbs(&mut world, &torrent, before..before + behind);
        let limits = Limits { served_rows: 20, rows: 0, ..Limits::default() };
        let run = Run::new().capture(world.pcap()).torrent(&torrent).limits(limits);
        let evidence = run.evidence();
        assert_eq!(evidence.transfers.len(), 20, "{before} before it, {behind} behind it");
        let row = transfer(&evidence, S, M);
        assert!(row.grade == Grade::G9 && row.actionable, "{before} before it, {behind} behind it: {row:#?}");
        assert_eq!(row.bytes.verified, torrent.content.len() as u64);
        let summed = evidence.summed.as_ref().expect("it is told");
        let listed: u64 = evidence.transfers.iter().map(|row| row.bytes.served).sum();
        let all = torrent.content.len() as u64 + u64::from(before + behind);
        assert_eq!(listed + summed.served_bytes, all, "{before} before it, {behind} behind it: every byte is told");
        let (transfers, bytes) = (summed.transfers, summed.served_bytes);
        assert!(transfers >= bytes, "{before} before it, {behind} behind it: {summed:?}");
        // They are the torrent's, too, and no less told.
        assert_eq!(summed.verified_bytes, bytes);
        let told = Bound::ServedRows { transfers, served_bytes: bytes, verified_bytes: bytes };
        assert_eq!(limit(&evidence, "served_rows"), Some(&told.into()));
        assert!(evidence.subjects.iter().all(|subject| subject.bytes.refuted == 0));
        let json: serde_json::Value = serde_json::from_str(&run.json(2, 1 << 20)).expect("JSON");
        assert_eq!(json["summed"]["served_bytes"], summed.served_bytes);
        assert_eq!(json["options"]["limits"]["served_rows"], 20);
    }
}

#[test]
fn a_segment_behind_thousands_that_were_sent_after_it_leaves_its_piece_proven() {
    let torrent = Recipe::single("one.bin", 600_000, 599_000, 4).v1();
    let ids = [wire::peer_id("-XX0001-", 1), wire::peer_id("-XX0001-", 2)];
    for utp in [false, true] {
        let mut world = World::new().segments_of(100).acking(Acks::Never);
        let first = if utp {
            let mut conn = UtpConn::open(&mut world, address(M), address(S), 500, [1, 100]);
            conn.join(&mut world, &torrent, ids);
            conn.send(&mut world, 1, &[wire::bitfield_full(torrent.pieces()), wire::unchoke()].concat());
            let asked: Vec<_> =
                torrent.blocks(0).iter().map(|(begin, len)| wire::request(0, *begin, *len)).collect();
            conn.send(&mut world, 0, &asked.concat());
            (conn.mtu, conn.acks) = (100, false);
            let first = world.packets.len();
            for (begin, len) in torrent.blocks(0) {
                conn.deliver(&mut world, 1, 0, begin, torrent.block(0, begin, len), true);
            }
            first
        } else {
            let conn = world.meet(address(M), address(S), torrent.info_hash, ids);
            world.send(conn, Side::B, &[wire::bitfield_full(torrent.pieces()), wire::unchoke()].concat());
            let asked: Vec<_> =
                torrent.blocks(0).iter().map(|(begin, len)| wire::request(0, *begin, *len)).collect();
            world.send(conn, Side::A, &asked.concat());
            let first = world.packets.len();
            for (begin, len) in torrent.blocks(0) {
                world.piece(conn, Side::B, &torrent, 0, begin, len);
            }
            first
        };
        let last = world.packets.len() - 1;
        assert!(last - first > 5_900);
        world.shift(first, last);
        let evidence = Run::new().capture(world.pcap()).torrent(&torrent).once(1, 64 << 20).expect("it is read");
        check(&evidence);
        let row = transfer(&evidence, S, M);
        assert_eq!((row.bytes.verified, row.bytes.unproven), (599_000, 0), "uTP {utp}: {row:#?}");
        assert_eq!(limit(&evidence, "streams"), None);
        // With less room, and none for a second reading, the hole is given up, and told.
        let limits = Limits { stream_pending_segments: 1_000, late_segments: 0, ..Limits::default() };
        let run = Run::new().capture(world.pcap()).torrent(&torrent).limits(limits);
        let evidence = run.once(1, 64 << 20).expect("it is read");
        assert!(transfer(&evidence, S, M).bytes.verified < 599_000 && limit(&evidence, "streams").is_some());
    }
}

#[test]
fn spare_requests_do_not_take_the_standard_from_who_meets_it() {
    let torrent = Recipe::single("four.bin", 16_384, 54_152, 4).v1();
    for utp in [false, true] {
        let mut world = World::new();
        let ids = [wire::peer_id("-XX0001-", 1), wire::peer_id("-XX0001-", 2)];
        let asked = torrent.blocks(0).iter().map(|(begin, len)| wire::request(0, *begin, *len)).collect::<Vec<_>>();
        let spare: Vec<u8> = (0..17_000).flat_map(|n| wire::request(1 + n % 2, n * 16, 16_384)).collect();
        if utp {
            let mut conn = UtpConn::open(&mut world, address(M), address(S), 500, [1, 100]);
            conn.join(&mut world, &torrent, ids);
            conn.send(&mut world, 1, &[wire::bitfield_full(torrent.pieces()), wire::unchoke()].concat());
            conn.send(&mut world, 0, &[asked.concat(), spare].concat());
            for (begin, len) in torrent.blocks(0) {
                conn.deliver(&mut world, 1, 0, begin, torrent.block(0, begin, len), true);
            }
            conn.state(&mut world, 0);
        } else {
            let conn = world.meet(address(M), address(S), torrent.info_hash, ids);
            world.send(conn, Side::B, &[wire::bitfield_full(torrent.pieces()), wire::unchoke()].concat());
            world.send(conn, Side::A, &[asked.concat(), spare].concat());
            for (begin, len) in torrent.blocks(0) {
                world.piece(conn, Side::B, &torrent, 0, begin, len);
            }
            world.close(conn, Side::A);
        }
        let run = Run::new().capture(world.pcap()).torrent(&torrent);
        let evidence = run.once(1, 64 << 20).expect("the run can go on");
        check(&evidence);
        let row = transfer(&evidence, S, M);
        assert!(row.actionable && row.bytes.solicited == row.bytes.served, "uTP {utp}: {row:#?}");
        assert_eq!(limit(&evidence, "outstanding_requests"), None);

        // Without room for them it is told.
        let limits = Limits { requests: 100, ..Limits::default() };
        let evidence = run.limits(limits).once(1, 64 << 20).expect("the run can go on");
        assert!(!transfer(&evidence, S, M).actionable && limit(&evidence, "outstanding_requests").is_some());
    }
}

#[test]
fn invented_info_hashes_leave_room_for_the_torrent_that_is_whole() {
    let torrent = Recipe::single("four.bin", 16_384, 54_152, 4).v1();
    let mut world = World::new();
    let mut random = Random::new(7);
    let describe = |world: &mut World, n: u32, hash: [u8; 20], info: &[u8]| {
        let from = SocketAddr::from(([100, 0, (n >> 8) as u8, n as u8], 6_881));
        let ids = [wire::peer_id("-XX0001-", 1), wire::peer_id("-XX0001-", 1_000 + n)];
        let conn = world.meet(address(M), from, hash, ids);
        for side in [Side::A, Side::B] {
            world.send(conn, side, &wire::extended_hello(&[("ut_metadata", 2)], ""));
        }
        world.send(conn, Side::A, &wire::metadata_request(2, 0));
        world.send(conn, Side::B, &wire::metadata(2, 0, info));
        world.close(conn, Side::A);
    };
    for n in 0..1_100 {
        let hash = random.bytes(20);
        describe(&mut world, n, hash.try_into().expect("20 bytes"), b"d4:name3:fooe");
    }
    describe(&mut world, 5_000, torrent.info_hash, &torrent.info);
    served(&mut world, &torrent);
    let run = Run::new().capture(world.pcap());
    let found = run.found();
    assert_eq!((found.torrents.len(), found.metadata.unfinished.len(), found.is_limited()), (1, 1_100, false));
    let evidence = run.once(1, 64 << 20).expect("the run can go on");
    assert_eq!(transfer(&evidence, S, M).bytes.verified, torrent.content.len() as u64);
    assert_eq!(limit(&evidence, "metadata"), None);
}

#[test]
fn pieces_of_connections_that_begin_in_the_middle_are_hashed_by_many_and_not_by_the_judge() {
    for torrent in [
        Recipe::single("four.bin", 65_536, 262_144, 4).v1(),
        Recipe::single("four.bin", 65_536, 262_144, 4).v2(),
        Recipe::single("four.bin", 65_536, 262_144, 4).hybrid(),
    ] {
        let mut world = World::new();
        served(&mut world, &torrent);
        // Its handshakes were not captured.
        let blocks = world.packets.iter().position(|packet| packet.payload().len() > 1_000).expect("blocks");
        world.packets.drain(..blocks);
        let run = Run::new().capture(world.pcap()).torrent(&torrent);
        let [all, _, none] = run.hashed_by_the_judge();
        assert_eq!((all, none > 3), (0, true), "{none} without it");
        let evidence = run.evidence();
        assert!(transfer(&evidence, S, M).bytes.verified > 190_000, "{:#?}", evidence.transfers);
        let json = run.json(1, 64 << 20);
        for (threads, window) in [(2, 64 << 20), (8, 1 << 20)] {
            assert!(json == run.json(threads, window), "{threads} threads, windows of {window} bytes");
        }
    }
}

#[test]
fn a_piece_in_single_bytes_of_every_second_place_in_no_order_is_judged_as_any_other() {
    let torrent = Recipe::single("one.bin", 1 << 16, 40_000, 4).v1();
    let mut world = World::new();
    let ids = [wire::peer_id("-XX0001-", 1), wire::peer_id("-XX0001-", 2)];
    let conn = world.meet(address(M), address(S), torrent.info_hash, ids);
    let begins = |first: u32| (0..20_000_u32).map(move |n| n * 7_919 % 20_000 * 2 + first);
    for first in [0, 1] {
        let blocks: Vec<u8> =
            begins(first).flat_map(|at| wire::piece(0, at, &torrent.content[at as usize..][..1])).collect();
        world.send(conn, Side::B, &blocks);
    }
    // Once more, with one byte that is another.
    let again: Vec<u8> = begins(0)
        .flat_map(|at| wire::piece(0, at, &[torrent.content[at as usize] ^ u8::from(at == 4_000)]))
        .collect();
    world.send(conn, Side::B, &again);
    let run = Run::new().capture(world.pcap()).torrent(&torrent);
    let evidence = run.once(1, 64 << 20).expect("it is read");
    check(&evidence);
    let bytes = transfer(&evidence, S, M).bytes;
    assert_eq!((bytes.served, bytes.verified, bytes.repeated, bytes.refuted), (60_000, 40_000, 19_999, 1));
}
