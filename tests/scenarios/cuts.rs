//! Packets that were sent again, and cut by the snap length: what the receiver read is not known, so nobody is accused of
//! it. What was captured twice was sent once, and leaves no doubt.

use peerproof::anomaly::Kind;
use peerproof::evidence::{Evidence, Grade};

use super::*;
use crate::synth::capture::{self, Order, Ticks};
use crate::synth::run::{Run, analyze, transfer};
use crate::synth::swarm::Body;
use crate::synth::utp::UtpConn;

/// Bytes that the snap length leaves of a packet that it cuts: not the one that differs.
const CUT: usize = 700;

/// A seeder whose first block is captured with a wrong byte in a packet that the receiver dropped. When the seeder sends
/// that packet `again`, the capture has only the beginning of it.
fn over_tcp(torrent: &Torrent, again: bool) -> World {
    let mut world = World::new();
    let conn = join(&mut world, torrent, M, S);
    let first = world.packets.len();
    world.bad_piece(conn, Side::B, torrent, 0, 0, SMALL);
    if again {
        let place = world.ledger[0].offset + u64::from(SMALL) / 2 - 1_000;
        world.retransmit(conn, Side::B, place, torrent.block(0, SMALL / 2 - 1_000, 1_300));
        cut_last(&mut world, first);
    }
    world.piece(conn, Side::B, torrent, 0, SMALL, SMALL);
    (1..torrent.pieces()).for_each(|piece| world.fetch(conn, Side::B, torrent, piece));
    world
}

fn over_utp(torrent: &Torrent, again: bool) -> World {
    let mut world = World::new();
    let mut conn = UtpConn::open(&mut world, address(M), address(S), 4_711, [1, 500]);
    conn.join(&mut world, torrent, [id(1), id(2)]);
    let (first, number) = (world.packets.len(), conn.next(1));
    let mut bad = torrent.block(0, 0, SMALL).to_vec();
    bad[SMALL as usize / 2] ^= 0x10;
    conn.deliver(&mut world, 1, 0, 0, &bad, false);
    if again {
        let message = wire::piece(0, 0, torrent.block(0, 0, SMALL));
        let packets: Vec<&[u8]> = message.chunks(conn.mtu).collect();
        let damaged = (SMALL as usize / 2 + 13) / conn.mtu;
        conn.again(&mut world, 1, number.wrapping_add(damaged as u16), packets[damaged]);
        cut_last(&mut world, first);
    }
    conn.deliver(&mut world, 1, 0, SMALL, torrent.block(0, SMALL, SMALL), true);
    (1..torrent.pieces()).for_each(|piece| conn.fetch(&mut world, torrent, piece));
    world
}

/// Cuts the last packet, and notes where the damaged block begins.
fn cut_last(world: &mut World, first: usize) {
    let last = world.packets.last_mut().expect("it was sent again");
    last.snaplen = CUT;
    assert!(world.packets[first].payload().len() > CUT);
}

/// Captured by a tap that keeps `snaplen` bytes of each frame.
fn short(world: &World, snaplen: usize, later: i64) -> World {
    let mut short = world.clone();
    short.snap(snaplen);
    short.packets.iter_mut().for_each(|packet| packet.time += later);
    short
}

#[track_caller]
fn assert_refuted(evidence: &Evidence, refuted: bool, name: &str) {
    let row = transfer(evidence, S, M);
    let piece = 2 * u64::from(SMALL);
    assert_eq!((row.bytes.refuted, row.bytes.unproven), if refuted { (piece, 0) } else { (0, piece) }, "{name}");
    assert_eq!(row.bytes.verified, 3 * piece, "{name}");
    assert_eq!(row.rungs.iter().any(|rung| rung.grade == Grade::GX), refuted, "{name}");
    assert_eq!(evidence.anomalies.tally(Kind::OverlapUncompared).is_none(), refuted, "{name}");
}

#[test]
fn a_damaged_packet_that_was_sent_again_and_cut_refutes_nobody() {
    let torrent = two_block_pieces();
    for (name, build) in [("tcp", over_tcp as fn(&Torrent, bool) -> World), ("utp", over_utp)] {
        for again in [false, true] {
            let world = build(&torrent, again);
            assert_refuted(&analyze(&world, &torrent), !again, name);
            // The same while all of it waits for the first packet of the block, which comes last.
            let first = world.packets.iter().position(|packet| packet.payload().len() > 1_000).expect("a block");
            let last = world.packets.iter().position(|packet| packet.snaplen == CUT).unwrap_or(first + 30);
            let mut late = world.clone();
            late.shift(first, last + 1);
            assert_refuted(&analyze(&late, &torrent), !again, &format!("{name}, waiting"));
        }
    }
}

#[test]
fn a_utp_packet_sent_again_within_one_tick_of_its_senders_clock_is_no_copy() {
    let torrent = two_block_pieces();
    let mut world = over_utp(&torrent, true);
    let again = world.packets.iter().position(|packet| packet.snaplen == CUT).expect("it was sent again");
    let number = world.packets[again].payload()[16..18].to_vec();
    let same = |packet: &Packet| packet.payload().len() > 1_000 && packet.payload()[16..18] == number;
    let first = world.packets.iter().find(|packet| same(packet)).expect("it was sent").payload().to_vec();
    let Body::Udp { payload } = &mut world.packets[again].body else { panic!("a datagram") };
    payload[4..8].copy_from_slice(&first[4..8]);
    assert_refuted(&analyze(&world, &torrent), false, "one clock");
}

#[test]
fn what_another_tap_cut_speaks_for_nobody() {
    let torrent = two_block_pieces();
    for (name, world) in [("tcp", over_tcp(&torrent, false)), ("utp", over_utp(&torrent, false))] {
        for (snaplen, later) in [(100, 0), (700, 3_000_000), (700, 40_000_000)] {
            let short = short(&world, snaplen, later);
            for pair in [[&world, &short], [&short, &world]] {
                let run = Run::new().capture(pair[0].pcap()).capture(pair[1].pcap()).torrent(&torrent);
                let evidence = run.once(1, 64 << 20).expect("the run can go on");
                assert_refuted(&evidence, true, &format!("{name}, {snaplen} bytes, {later} ns later"));
            }
            let mut records: Vec<_> = world.records().into_iter().map(|record| (0, record)).collect();
            records.extend(short.records().into_iter().map(|record| (1, record)));
            records.sort_by_key(|(_, record)| record.time);
            let file = capture::pcapng_of(2, &records, capture::LINK_ETHERNET, Order::Little, Ticks::Nanos);
            let evidence = Run::new().named("two.pcapng", file).torrent(&torrent).once(1, 64 << 20);
            assert_refuted(&evidence.expect("the run can go on"), true, &format!("{name}, one file"));
        }
    }
}

#[test]
fn a_mirror_that_doubles_and_cuts_every_packet_leaves_nothing_uncompared() {
    let torrent = two_block_pieces();
    for mut world in [over_tcp(&torrent, false), over_utp(&torrent, false)] {
        world.double();
        for snaplen in [96, 400, 1_000] {
            world.snap(snaplen);
            let evidence = analyze(&world, &torrent);
            assert!(evidence.anomalies.tally(Kind::OverlapUncompared).is_none(), "{snaplen}");
        }
    }
}

#[test]
fn a_webseed_whose_answer_or_request_was_sent_again_and_cut_is_not_accused() {
    // Two files of one length: of a damaged request, the answer is that to another one.
    let mut torrent = Recipe::folder("pair", SMALL, 77).file("one", 40_000).file("two", 40_000).v1();
    torrent.metainfo.pop();
    torrent.metainfo.extend_from_slice(b"8:url-list25:http://seed.example:6881/e");
    for (damaged, again) in [("answer", false), ("answer", true), ("request", false), ("request", true)] {
        let mut world = World::new();
        let conn = world.conn(address(M), address(S));
        world.open(conn);
        let get = |name: &str| format!("GET /pair/{name} HTTP/1.1\r\nHost: seed.example\r\n\r\n").into_bytes();
        let sent_again = |world: &mut World, side: Side, place: u64, bytes: &[u8]| {
            if again {
                world.retransmit(conn, side, place, bytes);
                world.packets.last_mut().expect("a packet").snaplen = 60;
            }
        };
        let is_request = damaged == "request";
        world.send(conn, Side::A, &get(if is_request { "two" } else { "one" }));
        if is_request {
            sent_again(&mut world, Side::A, 0, &get("one"));
        }
        let mut content = torrent.content[..40_000].to_vec();
        let good = content.clone();
        content[20_000] ^= u8::from(!is_request);
        let head = b"HTTP/1.1 200 OK\r\nContent-Length: 40000\r\n\r\n";
        world.send(conn, Side::B, &[&head[..], &content].concat());
        if !is_request {
            sent_again(&mut world, Side::B, (head.len() + 19_500) as u64, &good[19_500..20_500]);
        }
        world.send(conn, Side::A, &get("two"));
        world.send(conn, Side::B, &[&head[..], &torrent.content[40_000..]].concat());
        let evidence = analyze(&world, &torrent);
        assert_eq!(transfer(&evidence, S, M).bytes.refuted > 0, !again, "{damaged}, {again}");
    }
}
