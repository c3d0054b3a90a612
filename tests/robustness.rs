//! Whatever stands in a file: no panic, figures that add up, and nothing verified that was not sent. However the same
//! bytes were cut, ordered and repeated on their way: the same ledger. All chance is seeded.

use peerproof::anomaly::Kind;
use peerproof::evidence::{Bytes, Evidence};
use peerproof::{CaptureSet, Limits, Options, Torrents};
use std::net::SocketAddr;

use crate::fixture;
use crate::synth::capture::{LINK_ETHERNET, Order, Record, Ticks, pcap};
use crate::synth::content::{Random, Recipe, Torrent};
use crate::synth::frame::{self, Flags, Sum};
use crate::synth::run::{Run, address, check, transfer};
use crate::synth::swarm::{Acks, Conn, Packet, START, Side, World};
use crate::synth::wire;

const M: &str = "81.2.69.10:50001";
const S: &str = "93.184.16.1:6881";
const S2: &str = "93.184.16.2:6881";

#[test]
fn every_fixture_survives_flips_cuts_and_shuffled_chunks() {
    for (number, case) in fixture::all().into_iter().enumerate() {
        let torrent = (case.torrent(), case.read(&case.torrent()));
        for capture in case.captures() {
            let clean = case.read(capture);
            for round in 0..10_u64 {
                let seed = number as u64 * 1_000 + round;
                let damaged = damage(&clean, &mut Random::new(seed));
                if let Some(evidence) = read(damaged, std::slice::from_ref(&torrent)) {
                    check(&evidence);
                    let size = evidence.torrents.iter().map(|row| row.unique).max().unwrap_or_default();
                    assert!(size <= number_of(&case.truth()), "{} seed {seed}", case.name);
                }
            }
        }
    }
}

#[test]
fn a_flipped_torrent_is_refused_or_read_and_never_panics() {
    for case in fixture::all() {
        let clean = case.read(&case.torrent());
        for seed in 0..200 {
            let mut random = Random::new(seed);
            let mut bytes = clean.clone();
            for _ in 0..1 + random.below(4) {
                let at = random.below(bytes.len() as u64) as usize;
                bytes[at] ^= 1 << random.below(8);
            }
            if seed % 3 == 0 {
                bytes.truncate(random.below(bytes.len() as u64) as usize);
            }
            // Either answer is right.
            drop(Torrents::from_bytes(vec![("flipped.torrent".into(), bytes)]));
        }
    }
}

#[test]
fn random_bytes_behind_any_header_never_panic() {
    let torrent = four_pieces();
    let metainfo = [("four.torrent".to_owned(), torrent.metainfo.clone())];
    for seed in 0..300 {
        let mut random = Random::new(seed);
        let len = random.below(4_000) as usize;
        let junk = random.bytes(len);
        let capture = match seed % 6 {
            0 => junk,
            1 => [pcap(&[], LINK_ETHERNET, Order::Little, Ticks::Nanos), junk].concat(),
            2 => [pcap(&[], random.next() as u16, Order::Big, Ticks::Micros), junk].concat(),
            3 => [&[0x0a, 0x0d, 0x0d, 0x0a, 28, 0, 0, 0, 0x4d, 0x3c, 0x2b, 0x1a][..], &junk].concat(),
            4 => records(&mut random, |random| random.bytes(200)),
            _ => records(&mut random, |random| {
                let mut bytes = some_packet(random);
                for _ in 0..random.below(6) {
                    let at = random.below(bytes.len() as u64) as usize;
                    bytes[at] = random.next() as u8;
                }
                bytes
            }),
        };
        if let Some(evidence) = read(capture, &metainfo) {
            check(&evidence);
            assert!(evidence.transfers.iter().all(|row| row.bytes.verified == 0), "seed {seed}");
        }
    }
}

#[test]
fn messages_of_chance_never_panic_and_add_up() {
    let torrent = four_pieces();
    for seed in 0..60 {
        let mut random = Random::new(seed);
        let mut world = World::new();
        let conn = world.meet(address(M), address(S), torrent.info_hash, [id(1), id(2)]);
        for _ in 0..60 {
            let side = if random.below(2) == 0 { Side::A } else { Side::B };
            let message = some_message(&mut random, &torrent);
            let random_mss = 1 + random.below(1_460) as usize;
            world.mss = random_mss;
            world.send(conn, side, &message);
        }
        if seed % 2 == 0 {
            world.drop(|packet| packet.payload().first().is_some_and(|first| first % 7 == 3));
        }
        check(&Run::new().capture(world.pcap()).torrent(&torrent).once(1, 1 << 20).expect("the run can go on"));
    }
}

#[test]
fn however_the_same_bytes_travel_the_ledger_is_the_same() {
    let torrent = Recipe::folder("many", 32_768, 6).file("a", 100_000).file("b", 70_001).file("c", 1).v1();
    let plain = ledger(&played(&torrent, &mut Random::new(0), 1_460), &torrent);
    assert_eq!(plain[0].bytes.served, 170_002 + 16_384, "everything, and one block twice");
    assert_eq!(plain[0].bytes.repeated, 16_384);
    assert_eq!((plain[1].bytes.verified, plain[1].bytes.refuted), (32_768, 16_384));
    for seed in 1..40 {
        let mut random = Random::new(seed);
        let mss = [100, 536, 1_460, 16_000, 30_000][random.below(5) as usize];
        let mut world = played(&torrent, &mut random, mss);
        travel(&mut world, &mut random);
        assert_eq!(ledger(&world, &torrent), plain, "seed {seed}");
    }
}

#[test]
fn a_bomb_in_an_extension_handshake_costs_its_message_only() {
    let torrent = four_pieces();
    let deep = [vec![b'l'; 200_000], vec![b'e'; 200_000]].concat();
    let wide = [b"d1:m".as_slice(), b"d".repeat(70_000).as_slice()].concat();
    let long = b"d1:md999999999999999999999:".to_vec();
    for body in [deep, wide, long, b"i-0e".to_vec(), Vec::new()] {
        let mut world = World::new();
        let conn = world.meet(address(M), address(S), torrent.info_hash, [id(1), id(2)]);
        world.send(conn, Side::B, &wire::extended(0, &body));
        world.send(conn, Side::A, &wire::extended(0, &body));
        serve_all(&mut world, conn, &torrent);
        let evidence = Run::new().capture(world.pcap()).torrent(&torrent).evidence();
        assert_eq!(transfer(&evidence, S, M).bytes.verified, torrent.content.len() as u64);
    }
}

#[test]
fn a_length_of_4_gib_asks_for_no_memory_and_is_told() {
    let torrent = four_pieces();
    for id_byte in [7, 20, 5, 99] {
        let mut world = World::new();
        let conn = world.meet(address(M), address(S2), torrent.info_hash, [id(1), id(3)]);
        world.send(conn, Side::B, &[0xff, 0xff, 0xff, 0xff, id_byte]);
        world.send(conn, Side::B, &vec![0x55; 100_000]);
        let good = world.meet(address(M), address(S), torrent.info_hash, [id(1), id(2)]);
        serve_all(&mut world, good, &torrent);
        let evidence = Run::new().capture(world.pcap()).torrent(&torrent).evidence();
        assert_eq!(transfer(&evidence, S, M).bytes.verified, torrent.content.len() as u64);
        assert_eq!(transfer(&evidence, S2, M).bytes, Bytes::default());
        let told =
            [Kind::OversizedMessage, Kind::Resynchronised, Kind::Unframed, Kind::LimitReached, Kind::BadMessage];
        assert!(
            told.iter().any(|kind| evidence.anomalies.tally(*kind).is_some()),
            "id {id_byte}: {:?}",
            evidence.anomalies
        );
    }
}

#[test]
fn endless_junk_in_search_of_a_message_is_bounded_and_told() {
    let torrent = four_pieces();
    let mut world = World::new().segments_of(16_000).acking(Acks::EverySend);
    let conn = world.meet(address(M), address(S), torrent.info_hash, [id(1), id(2)]);
    world.send(conn, Side::B, &[0x7f; 64]);
    let mut random = Random::new(51);
    // What looks like a header every few bytes is worse than noise.
    let bait: Vec<u8> = (0..20_000).flat_map(|n: u32| [0, 0, 0x40, 9, 7, 0, 0, 0, (n % 5) as u8]).collect();
    for _ in 0..20 {
        let noise = random.bytes(200_000);
        world.send(conn, Side::B, &noise);
        world.send(conn, Side::B, &bait);
    }
    let limits = Limits { resync_bytes: 1 << 20, ..Limits::default() };
    let capture = world.pcap();
    let evidence =
        Run::new().capture(capture).torrent(&torrent).limits(limits).once(1, 1 << 20).expect("it can go on");
    check(&evidence);
    assert_eq!(transfer(&evidence, S, M).bytes.verified, 0);
}

#[test]
fn a_flood_of_tiny_flows_is_bounded_and_hides_nobody() {
    let torrent = four_pieces();
    let mut world = World::new();
    let conn = world.meet(address(M), address(S), torrent.info_hash, [id(1), id(2)]);
    serve_all(&mut world, conn, &torrent);
    world.close(conn, Side::A);
    let mut records = world.records();
    let handshake = wire::handshake(torrent.info_hash, id(9));
    for flow in 0..FLOWS {
        let time = START + 10_000_000_000 + i64::from(flow) * 1_000;
        let from = SocketAddr::from(([100, (flow >> 16) as u8, (flow >> 8) as u8, flow as u8], 40_000));
        let to = address("198.51.100.7:6881");
        for (seq, flags, payload) in [(7, Flags::SYN, &[][..]), (8, Flags::ACK, handshake.as_slice())] {
            let segment = frame::tcp(from, to, seq, 1, flags, payload, Sum::Right);
            let bytes = frame::ethernet(&frame::ip(from.ip(), to.ip(), 6, flow as u16, &segment));
            let wire_len = bytes.len() as u32;
            records.push(Record { time, bytes, wire_len });
        }
    }
    let capture = pcap(&records, LINK_ETHERNET, Order::Little, Ticks::Nanos);
    drop(records);
    let limits = Limits { flows: 10_000, rows: 200_000, ..Limits::default() };
    let evidence =
        Run::new().capture(capture).torrent(&torrent).limits(limits).once(1, 1 << 20).expect("it can go on");
    check(&evidence);
    assert_eq!(transfer(&evidence, S, M).bytes.verified, torrent.content.len() as u64);
    assert_eq!(evidence.quality.tcp_flows, u64::from(FLOWS) + 1);
    let reached = evidence.anomalies.tally(Kind::LimitReached).expect("a limit that is reached is told");
    assert_eq!(reached.count, u64::from(FLOWS) + 1 - 10_000);
}

// Rationale: six times the limit that the test sets; the benches go on to a million.
const FLOWS: u32 = 60_000;

fn id(number: u32) -> [u8; 20] {
    wire::peer_id("-XX0001-", number)
}

fn four_pieces() -> Torrent {
    Recipe::single("four.bin", 16_384, 54_152, 4).v1()
}

/// Bytes of content, padding included, that the torrent of a truth has.
fn number_of(truth: &serde_json::Value) -> u64 {
    fixture::number(&truth["torrents"][0]["length"])
}

fn read(capture: Vec<u8>, torrents: &[(String, Vec<u8>)]) -> Option<Evidence> {
    let captures = CaptureSet::from_bytes(vec![("any.pcap".into(), capture)]).ok()?;
    let torrents = Torrents::from_bytes(torrents.to_vec()).expect("torrents");
    let options = Options { threads: 1, digest: false, ..Options::default() };
    peerproof::analyze(&captures, &torrents, &options).ok()
}

/// Flipped bits, a cut, a hole, a chunk twice, or a chunk overwritten by another.
fn damage(clean: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = clean.to_vec();
    let below = |random: &mut Random, bound: usize| random.below(bound.max(1) as u64) as usize;
    for _ in 0..1 + random.below(3) {
        let at = below(random, bytes.len());
        let len = below(random, 3_000.min(bytes.len() - at));
        match random.below(6) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at..at + len)),
            2 => {
                let chunk = bytes[at..at + len].to_vec();
                let to = below(random, bytes.len());
                bytes.splice(to..to, chunk);
            }
            3 => {
                let chunk = random.bytes(len);
                bytes[at..at + len].copy_from_slice(&chunk);
            }
            _ => {
                for _ in 0..1 + random.below(64) {
                    let at = below(random, bytes.len());
                    bytes[at] ^= 1 << random.below(8);
                }
            }
        }
        if bytes.is_empty() {
            break;
        }
    }
    bytes
}

/// A capture of records with good headers.
fn records(random: &mut Random, bytes: impl Fn(&mut Random) -> Vec<u8>) -> Vec<u8> {
    let mut out = Vec::new();
    for number in 0..40 {
        let bytes = bytes(random);
        let wire_len = bytes.len() as u32 + random.below(3) as u32;
        out.push(Record { time: START + number * 1_000_000, bytes, wire_len });
    }
    pcap(&out, LINK_ETHERNET, Order::Little, Ticks::Nanos)
}

/// A TCP or UDP packet with a body of chance.
fn some_packet(random: &mut Random) -> Vec<u8> {
    let (from, to) = if random.below(2) == 0 { (address(M), address(S)) } else { (address(S), address(M)) };
    let len = random.below(300) as usize;
    let body = random.bytes(len);
    let (protocol, segment) = if random.below(2) == 0 {
        let flags = Flags(random.next() as u8);
        (6, frame::tcp(from, to, random.below(2_000) as u32, random.below(2_000) as u32, flags, &body, Sum::Right))
    } else {
        (17, frame::udp(from, to, &body, Sum::Right))
    };
    frame::ethernet(&frame::ip(from.ip(), to.ip(), protocol, 1, &segment))
}

/// A message, right or not.
fn some_message(random: &mut Random, torrent: &Torrent) -> Vec<u8> {
    let (piece, begin, len) = (random.below(6) as u32, random.below(3) as u32 * 8_192, random.below(20_000) as u32);
    match random.below(14) {
        0 => wire::request(piece, begin, len),
        1 => wire::cancel(piece, begin, len),
        2 => wire::reject(piece, begin, len),
        3 => wire::have(random.next() as u32),
        4 => wire::bitfield(torrent.pieces() + 8 * random.below(3) as u32, &[0, 2]),
        5 => wire::allowed_fast(piece),
        6 => wire::extended(random.next() as u8, &random.clone().bytes(len as usize % 400)),
        7 => wire::message(random.next() as u8, &random.clone().bytes(len as usize % 90)),
        8 => random.clone().bytes(len as usize % 50),
        9 => wire::handshake(torrent.info_hash, id(5)),
        10 => wire::keepalive(),
        11 => wire::piece(piece, begin, &random.clone().bytes(len as usize)),
        _ => wire::piece(piece % 3, 0, torrent.piece(piece % 3)),
    }
}

/// M fetches everything from S, one block of it twice, and a spoilt piece from S2, in segments of up to `mss` bytes.
fn played(torrent: &Torrent, random: &mut Random, mss: usize) -> World {
    let mut world = World::new().segments_of(mss);
    let first = world.meet(address(M), address(S), torrent.info_hash, [id(1), id(2)]);
    let second = world.meet(address(M), address(S2), torrent.info_hash, [id(1), id(3)]);
    for conn in [first, second] {
        world.send(conn, Side::B, &wire::bitfield_full(torrent.pieces()));
        world.send(conn, Side::B, &wire::unchoke());
    }
    let mut resize = |world: &mut World| world.mss = 1 + random.below(2 * mss as u64) as usize;
    for piece in 0..torrent.pieces() {
        for (begin, len) in torrent.blocks(piece) {
            resize(&mut world);
            world.send(first, Side::A, &wire::request(piece, begin, len));
            world.piece(first, Side::B, torrent, piece, begin, len);
            if (piece, begin) == (1, 0) {
                world.piece(first, Side::B, torrent, piece, begin, len);
            }
        }
    }
    for (piece, begin, good) in [(0, 0, true), (0, 16_384, false), (2, 0, true)] {
        resize(&mut world);
        world.send(second, Side::A, &wire::request(piece, begin, 16_384));
        match good {
            true => world.piece(second, Side::B, torrent, piece, begin, 16_384),
            false => world.bad_piece(second, Side::B, torrent, piece, begin, 16_384),
        }
    }
    world
}

/// Retransmissions of any stretch, doubles and reordering; nothing is lost.
fn travel(world: &mut World, random: &mut Random) {
    for _ in 0..20 {
        let conn = Conn(random.below(2) as usize);
        let sent: Vec<Packet> =
            world.packets.iter().filter(|packet| packet.is_data(conn, Side::B)).cloned().collect();
        let at = random.below(sent.len() as u64) as usize;
        let some = &sent[at..sent.len().min(at + 1 + random.below(3) as usize)];
        let consecutive = some
            .windows(2)
            .all(|pair| pair[0].offset().map(|offset| offset + pair[0].payload().len() as u64) == pair[1].offset());
        let bytes = some.iter().flat_map(Packet::payload).copied().collect::<Vec<u8>>();
        if !consecutive || bytes.len() > 60_000 {
            continue;
        }
        let from = random.below(bytes.len() as u64) as usize;
        let to = from + 1 + random.below((bytes.len() - from) as u64) as usize;
        let offset = some[0].offset().expect("TCP") + from as u64;
        world.retransmit(conn, Side::B, offset, &bytes[from..to]);
        let last = world.packets.len() - 1;
        let original = world.packets.iter().position(|packet| packet.holds(conn, Side::B, offset)).expect("sent");
        world.shift(last, original + 1 + random.below((last - original) as u64) as usize);
    }
    if random.below(3) == 0 {
        world.double();
    }
    // Up to twelve packets late, behind both openings: where a direction begins must be known.
    let openings =
        1 + world.packets.iter().rposition(|packet| packet.payload().starts_with(b"\x13Bit")).expect("sent");
    for _ in 0..100 {
        let at = openings + random.below((world.packets.len() - openings) as u64) as usize;
        let to = (at + random.below(12) as usize).min(world.packets.len() - 1);
        world.shift(at, to);
    }
}

fn serve_all(world: &mut World, conn: Conn, torrent: &Torrent) {
    (0..torrent.pieces()).for_each(|piece| world.fetch(conn, Side::B, torrent, piece));
}

/// Figures of a row that must not depend on the way.
#[derive(Debug, PartialEq, Eq)]
struct Row {
    bytes: Bytes,
    messages: u64,
    pieces: [u64; 3],
    grade: peerproof::evidence::Grade,
}

fn ledger(world: &World, torrent: &Torrent) -> Vec<Row> {
    let run = Run::new().capture(world.pcap()).torrent(torrent);
    let evidence = run.once(1, 1 << 20).expect("the run can go on");
    check(&evidence);
    [S, S2]
        .map(|seeder| {
            let row = transfer(&evidence, seeder, M);
            Row {
                // Whether the request came first is a matter of the order in the capture.
                bytes: Bytes { solicited: 0, ..row.bytes },
                messages: row.piece_messages,
                pieces: [row.pieces_verified, row.pieces_sole, row.pieces_refuted],
                grade: row.grade,
            }
        })
        .into()
}
