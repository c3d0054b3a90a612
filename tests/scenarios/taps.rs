//! Several captures of the same packets: two taps of one link, mirror ports, rings of files, and both sides of an
//! address translation.

use peerproof::anomaly::Kind;
use peerproof::ends::Transport;
use peerproof::evidence::{Evidence, Flag, Transfer};
use peerproof::report::oddity::sentence;
use peerproof::report::{Document, Given, Screen, terminal};
use peerproof::{ChecksumPolicy, Limits};
use serde_json::Value;

mod recorded;

use super::*;
use crate::synth::capture::{self, Order, Record, Ticks};
use crate::synth::content::Random;
use crate::synth::run::{Run, analyze, transfer};
use crate::synth::swarm::Body;
use crate::synth::utp::UtpConn;

const MS: i64 = 1_000_000;

#[test]
fn two_taps_that_missed_different_packets_prove_what_one_whole_tap_proves() {
    let torrent = Recipe::single("two.bin", 2 * SMALL, 40 * SMALL as usize, 8).v1();
    // Over uTP, both taps have the opening; for without it, see the next test.
    for (name, world, sure) in [("tcp", over_tcp(&torrent), 0), ("utp", over_utp(&torrent), 2)] {
        let whole = analyze(&world, &torrent);
        let offsets = [(1, 0), (22, 40 * MS), (6, 40 * MS), (3, -40 * MS), (4, 3 * MS), (5, 700 * MS)];
        for (seed, offset) in offsets {
            let kept = split_losses(&world, seed, sure);
            let taps =
                [tap(&world, 0, |at| kept[at] != Kept::Second), tap(&world, offset, |at| kept[at] != Kept::First)];
            let run = Run::new().capture(taps[0].pcap()).capture(taps[1].pcap()).torrent(&torrent);
            let evidence = run.once(2, 1 << 20).expect("the run can go on");
            assert_same(&whole, &evidence, &format!("{name}, {} ms", offset / MS));
            let both =
                kept.iter().zip(&world.packets).filter(|(kept, packet)| **kept == Kept::Both && carries(packet));
            assert_eq!(evidence.quality.seen_at_two_taps, both.count() as u64, "{name}, {} ms", offset / MS);
            let report: Value = serde_json::from_str(&run.json(1, 1 << 20)).expect("JSON");
            assert_eq!(crate::fixture::violations(&report), Vec::<String>::new());
            for row in report["transfers"]
                .as_array()
                .expect("rows")
                .iter()
                .chain(report["subjects"].as_array().expect("rows"))
            {
                let files: Vec<_> =
                    row["seen_in"].as_array().expect("two files").iter().map(|seen| &seen["file"]).collect();
                assert_eq!(files, [0, 1], "{name}: {row}");
            }
        }
    }
}

#[test]
fn an_opening_that_only_the_slow_tap_has_costs_flags_and_no_byte() {
    let torrent = Recipe::single("two.bin", 2 * SMALL, 40 * SMALL as usize, 8).v1();
    for (name, world) in [("tcp", over_tcp(&torrent)), ("utp", over_utp(&torrent))] {
        let whole = analyze(&world, &torrent);
        for missed in [vec![0], vec![1], vec![0, 1, 2], vec![0, 3]] {
            let fast = tap(&world, 0, |at| !missed.contains(&at));
            let run =
                Run::new().capture(fast.pcap()).capture(tap(&world, 40 * MS, |_| true).pcap()).torrent(&torrent);
            let evidence = run.once(1, 1 << 20).expect("the run can go on");
            let (row, expected) = (transfer(&evidence, S, M), transfer(&whole, S, M));
            assert_eq!((row.bytes, row.connections), (expected.bytes, 1), "{name}, without {missed:?}");
            assert_eq!(row.unsolicited_messages, 0, "{name}, without {missed:?}");
        }
    }
}

#[test]
fn two_interfaces_of_one_file_prove_what_one_tap_proves_also_with_clocks_apart() {
    let torrent = Recipe::single("two.bin", 2 * SMALL, 40 * SMALL as usize, 8).v1();
    for (name, world) in [("tcp", over_tcp(&torrent)), ("utp", over_utp(&torrent))] {
        let whole = analyze(&world, &torrent);
        for (seed, offset) in [(1, 0), (2, 40 * MS)] {
            let kept = split_losses(&world, seed, 2);
            let mut records: Vec<(u32, Record)> = Vec::new();
            for (interface, offset, missed) in [(0, 0, Kept::Second), (1, offset, Kept::First)] {
                let tap = tap(&world, offset, |at| kept[at] != missed);
                records.extend(tap.records().into_iter().map(|record| (interface, record)));
            }
            records.sort_by_key(|(_, record)| record.time);
            let file = capture::pcapng_of(2, &records, capture::LINK_ETHERNET, Order::Little, Ticks::Nanos);
            let evidence = Run::new().named("two.pcapng", file).torrent(&torrent).evidence();
            assert_same(&whole, &evidence, &format!("{name}, {} ms", offset / MS));
            let doubles = evidence.anomalies.tally(Kind::DuplicateFrame).map_or(0, |tally| tally.count);
            let both =
                kept.iter().zip(&world.packets).filter(|(kept, packet)| **kept == Kept::Both && carries(packet));
            assert_eq!(evidence.quality.seen_at_two_taps, 0, "{name}");
            // Copies that come from far behind are looked for only once one of them came.
            let all = both.count() as u64;
            assert!(
                if offset == 0 { doubles == all } else { doubles > all / 2 && doubles <= all },
                "{name}: {doubles} of {all}"
            );
        }
    }
}

#[test]
fn a_copy_that_the_snap_length_cut_costs_nothing_wherever_its_clock_is() {
    let torrent = Recipe::single("two.bin", 2 * SMALL, 20 * SMALL as usize, 8).v1();
    for (name, world) in [("tcp", over_tcp(&torrent)), ("utp", over_utp(&torrent))] {
        let whole = analyze(&world, &torrent);
        for (snaplen, offset) in
            [(96, 0), (96, -MS), (96, MS), (1_000, -40 * MS), (96, -700 * MS), (70, -5_000 * MS)]
        {
            let mut short = tap(&world, offset, |_| true);
            short.snap(snaplen);
            let name = format!("{name}, {snaplen} bytes, {} ms", offset / MS);
            let run = Run::new().capture(world.pcap()).capture(short.pcap()).torrent(&torrent);
            let evidence = run.once(2, 1 << 20).expect("the run can go on");
            assert_same(&whole, &evidence, &name);
            let other = Run::new().capture(short.pcap()).capture(world.pcap()).torrent(&torrent);
            let other = other.once(1, 64 << 20).expect("the run can go on");
            assert_eq!(format!("{:?}", other.transfers), format!("{:?}", evidence.transfers), "{name}");
            let mut records: Vec<_> = world.records().into_iter().map(|record| (0, record)).collect();
            records.extend(short.records().into_iter().map(|record| (1, record)));
            records.sort_by_key(|(_, record)| record.time);
            let file = capture::pcapng_of(2, &records, capture::LINK_ETHERNET, Order::Little, Ticks::Nanos);
            let evidence = Run::new().named("two.pcapng", file).torrent(&torrent).once(1, 64 << 20);
            assert_same(&whole, &evidence.expect("the run can go on"), &format!("{name}, one file"));
        }
    }
}

#[test]
fn of_three_copies_the_longest_one_counts_and_its_frames_are_named() {
    let torrent = four_pieces();
    for world in [over_tcp(&torrent), over_utp(&torrent)] {
        let mut run = Run::new().torrent(&torrent);
        for (snaplen, offset) in [(96, -3 * MS), (400, -2 * MS), (usize::MAX, 0)] {
            let mut copy = tap(&world, offset, |_| true);
            copy.snap(snaplen);
            run = run.capture(copy.pcap());
        }
        let evidence = run.evidence();
        assert_same(&analyze(&world, &torrent), &evidence, "three");
        let proof = transfer(&evidence, S, M).standard.expect("a whole piece");
        assert_eq!(proof.served.file, 2, "{proof:?}");
    }
}

#[test]
fn where_all_copies_are_cut_they_say_what_one_of_them_says() {
    let torrent = two_block_pieces();
    for (name, mut world) in [("tcp", over_tcp(&torrent)), ("utp", over_utp(&torrent))] {
        for snaplen in [400, 200, 96] {
            world.snap(snaplen);
            let alone = analyze(&world, &torrent);
            let count = world.packets.len();
            let copies = [tap(&world, 0, |_| true), tap(&world, 3 * MS, |_| true)];
            let ring = [tap(&world, 0, |at| at < count / 2), tap(&world, 0, |at| at >= count / 2)];
            for parts in [copies, ring] {
                let run = Run::new().capture(parts[0].pcap()).capture(parts[1].pcap()).torrent(&torrent);
                assert_same(
                    &alone,
                    &run.once(1, 64 << 20).expect("the run can go on"),
                    &format!("{name}, {snaplen}"),
                );
            }
        }
    }
}

#[test]
fn the_two_sightings_of_a_packet_are_cited_and_a_sentence_says_that_it_counts_once() {
    let torrent = four_pieces();
    let world = over_tcp(&torrent);
    let run = Run::new().capture(world.pcap()).capture(tap(&world, 2 * MS, |_| true).pcap()).torrent(&torrent);
    let evidence = run.evidence();
    let tally = evidence.anomalies.tally(Kind::DuplicateFrame).expect("seen twice");
    let first = &tally.examples[0];
    let span = first.span.expect("frames");
    let number = world.packets.iter().position(carries).expect("data") as u64 + 1;
    assert_eq!((span.first.frame.file(), span.first.frame.number()), (0, number));
    assert_eq!((span.last.frame.file(), span.last.frame.number()), (1, number));
    assert_eq!(
        sentence(&first.oddity),
        format!("the packet of frame {number} of input 0 is there again as frame {number} of input 1")
    );
    let all = world.packets.iter().filter(|packet| carries(packet)).count();
    assert_eq!((tally.count, evidence.quality.seen_at_two_taps), (all as u64, all as u64));
    assert!(said(&evidence).contains(&format!("{all} packets with payload were seen at more than one tap")));
}

#[test]
fn a_mirror_port_doubles_packets_and_a_sender_repeats_them_and_both_are_told_apart() {
    let torrent = four_pieces();
    for (name, mut world) in [("tcp", over_tcp(&torrent)), ("utp", over_utp(&torrent))] {
        let once = analyze(&world, &torrent);
        assert!(once.anomalies.tally(Kind::DuplicateFrame).is_none());
        let all = world.packets.iter().filter(|packet| carries(packet)).count() as u64;
        world.double();
        let twice = analyze(&world, &torrent);
        assert_same(&once, &twice, name);
        assert_eq!(twice.anomalies.tally(Kind::DuplicateFrame).map(|tally| tally.count), Some(all), "{name}");
        assert!(twice.transfers.iter().any(|row| row.flags.contains(&Flag::DuplicateFrames)), "{name}");
        assert!(said(&twice).contains(&format!("{all} packets with payload stand more than once in one capture")));
    }
    let mut world = World::new();
    let mut conn = UtpConn::open(&mut world, address(M), address(S), 4_711, [100, 500]);
    conn.send(&mut world, 0, &wire::handshake(torrent.info_hash, id(1)));
    conn.send(&mut world, 1, &wire::handshake(torrent.info_hash, id(2)));
    let number = conn.next(1);
    conn.send(&mut world, 1, &wire::bitfield_full(4));
    conn.again(&mut world, 1, number, &wire::bitfield_full(4));
    assert!(analyze(&world, &torrent).anomalies.tally(Kind::DuplicateFrame).is_none());
}

#[test]
fn a_ring_of_files_proves_what_one_file_proves_wherever_it_is_cut_and_where_its_files_overlap() {
    let torrent = two_block_pieces();
    for (name, world) in [("tcp", over_tcp(&torrent)), ("utp", over_utp(&torrent))] {
        let whole = analyze(&world, &torrent);
        let (count, mut random) = (world.packets.len(), Random::new(11));
        for overlap in [0, 1, 60] {
            for _ in 0..6 {
                let mut cuts: Vec<usize> = (0..3).map(|_| random.below(count as u64) as usize).collect();
                cuts.extend([0, count]);
                cuts.sort_unstable();
                let parts = cuts.windows(2).filter(|cut| cut[0] < cut[1]);
                let run = parts.fold(Run::new().torrent(&torrent), |run, cut| {
                    run.capture(tap(&world, 0, |at| (cut[0].saturating_sub(overlap)..cut[1]).contains(&at)).pcap())
                });
                let evidence = run.once(1, 1 << 20).expect("the run can go on");
                assert_same(&whole, &evidence, &format!("{name}, {cuts:?}, {overlap}"));
                let several = evidence.captures.len() > 1;
                assert!(evidence.quality.seen_at_two_taps == 0 || overlap > 0);
                assert!(evidence.quality.seen_at_two_taps > 0 || overlap < 2 || !several);
            }
        }
    }
}

#[test]
fn a_request_that_the_capture_missed_does_not_make_its_block_unsolicited() {
    let torrent = four_pieces();
    for (name, mut world) in [("tcp", over_tcp(&torrent)), ("utp", over_utp(&torrent))] {
        let requests: Vec<usize> = (0..world.packets.len())
            .filter(|at| world.packets[*at].payload().ends_with(&wire::request(1, 0, SMALL)))
            .collect();
        assert_eq!(requests.len(), 1, "{name}");
        world.packets.remove(requests[0]);
        let evidence = analyze(&world, &torrent);
        let row = transfer(&evidence, S, M);
        assert!(!row.flags.contains(&Flag::Unsolicited) && row.unsolicited_messages == 0, "{name}: {row:#?}");
        assert_eq!(row.bytes.verified, sent(&world), "{name}");
        assert_eq!(row.bytes.solicited, sent(&world) - u64::from(SMALL), "{name}");
        assert!(row.standard.is_some(), "{name}");
    }
}

#[test]
fn a_request_that_comes_after_its_block_and_was_sent_after_it_is_none() {
    // The same bytes as two taps with clocks apart would show, but the block does not acknowledge the request.
    let torrent = four_pieces();
    let mut world = World::new();
    let conn = join(&mut world, &torrent, M, S);
    world.piece(conn, Side::B, &torrent, 0, 0, SMALL);
    world.send(conn, Side::A, &wire::request(0, 0, SMALL));
    let evidence = analyze(&world, &torrent);
    let row = transfer(&evidence, S, M);
    assert_eq!((row.bytes.solicited, row.standard), (0, None));
    assert!(row.flags.contains(&Flag::Unsolicited));
}

#[test]
fn both_sides_of_an_address_translation_are_said_to_be_one_connection() {
    let torrent = four_pieces();
    for (world, numbers) in [
        (one_seeder(&torrent).0, "the same initial sequence numbers in both directions"),
        (over_utp(&torrent), "the same connection ids, numbers and clocks"),
    ] {
        assert_translated(&world, &torrent, numbers);
    }
}

#[test]
fn both_sides_of_a_translation_of_a_webseed_are_said_to_be_one_connection() {
    let torrent = four_pieces();
    let mut world = World::new();
    let conn = world.conn(address(M), address(S));
    world.open(conn);
    world.send(conn, Side::A, b"GET /four.bin HTTP/1.1\r\nHost: seed.example\r\n\r\n");
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", torrent.content.len());
    world.send(conn, Side::B, &[head.as_bytes(), &torrent.content].concat());
    let outer = "203.0.113.77:61001";
    for (shifted, same) in [(0, true), (77, false)] {
        let outside = translated(&world, outer, shifted);
        let evidence = Run::new().capture(world.pcap()).capture(outside.pcap()).torrent(&torrent).evidence();
        for (to, other) in [(M, outer), (outer, M)] {
            let row = transfer(&evidence, S, to);
            assert_eq!((row.transport, row.bytes.verified), (Transport::Http, torrent.content.len() as u64));
            let found: Vec<_> = row.same_connection_as.iter().map(|edge| edge.downloader.to_string()).collect();
            assert_eq!(found, if same { vec![other.to_owned()] } else { Vec::new() }, "{shifted}: {to}");
        }
        assert_eq!(evidence.anomalies.tally(Kind::SameConnection).is_some(), same);
    }
}

#[track_caller]
fn assert_translated(world: &World, torrent: &Torrent, numbers: &str) {
    let inside = analyze(world, torrent);
    let outer = "203.0.113.77:61001";
    let outside = translated(world, outer, 0);
    let mut together = world.clone();
    together.packets =
        world.packets.iter().zip(&outside.packets).flat_map(|(a, b)| [a.clone(), b.clone()]).collect();
    let one = Run::new().capture(together.pcap()).torrent(torrent);
    let two = Run::new().capture(world.pcap()).capture(tap(&outside, 40 * MS, |_| true).pcap()).torrent(torrent);
    for run in [one, two] {
        let evidence = run.evidence();
        for (from, to, other) in [(S, M, (S, outer)), (M, S, (outer, S)), (S, outer, (S, M)), (outer, S, (M, S))] {
            let row = transfer(&evidence, from, to);
            let same: Vec<_> = row
                .same_connection_as
                .iter()
                .map(|edge| (edge.uploader.to_string(), edge.downloader.to_string()))
                .collect();
            assert_eq!(same, [(other.0.to_owned(), other.1.to_owned())], "{from} -> {to}");
        }
        // No figure changes.
        assert_eq!(transfer(&evidence, S, M).bytes, transfer(&inside, S, M).bytes);
        assert_eq!(transfer(&evidence, S, outer).bytes, transfer(&inside, S, M).bytes);
        let tally = evidence.anomalies.tally(Kind::SameConnection).expect("noted");
        assert_eq!(tally.count, 1);
        let detail = sentence(&tally.examples[0].oddity);
        assert!(detail.contains(&format!("{M} -> {S} (frame 1 of input 0")), "{detail}");
        assert!(detail.contains(&format!("{outer} -> {S} (frame ")) && detail.contains(numbers), "{detail}");
        assert!(said(&evidence).contains("is one connection seen on both sides of an address translation"));
        let report: Value = serde_json::from_str(&run.json(1, 1 << 20)).expect("JSON");
        assert_eq!(crate::fixture::violations(&report), Vec::<String>::new());
    }
}

#[test]
fn other_sequence_numbers_other_handshakes_or_another_day_are_another_connection() {
    let torrent = four_pieces();
    let (world, _) = one_seeder(&torrent);
    let day = 86_400_000 * MS;
    let rewritten = translated(&world, "203.0.113.77:61001", 77);
    let mut elsewhere = World::new();
    elsewhere.pass(10 * MS);
    let conn = join_as(&mut elsewhere, &torrent, "203.0.113.77:61001", S, [id(9), id(2)]);
    fetch_all(&mut elsewhere, conn, &torrent);
    // The same numbers over uTP, but opened at another time: the clocks differ.
    let mut later = World::new();
    later.pass(10 * MS);
    let utp = [over_utp(&torrent), translated(&carry_utp(later, &torrent), "203.0.113.77:61001", 0)];
    let evidence = Run::new().capture(utp[0].pcap()).capture(utp[1].pcap()).torrent(&torrent).evidence();
    assert!(evidence.anomalies.tally(Kind::SameConnection).is_none());
    for other in [rewritten, elsewhere, tap(&translated(&world, "203.0.113.77:61001", 0), day, |_| true)] {
        let evidence = Run::new().capture(world.pcap()).capture(other.pcap()).torrent(&torrent).evidence();
        assert!(evidence.anomalies.tally(Kind::SameConnection).is_none());
        assert!(evidence.transfers.iter().all(|row| row.same_connection_as.is_empty()));
    }
}

/// M fetches everything from S, a few requests ahead.
fn over_tcp(torrent: &Torrent) -> World {
    let mut world = World::new();
    let conn = join(&mut world, torrent, M, S);
    for (piece, begin, len, asked) in pipelined(torrent) {
        if asked {
            world.send(conn, Side::A, &wire::request(piece, begin, len));
        } else {
            world.piece(conn, Side::B, torrent, piece, begin, len);
        }
    }
    world
}

fn over_utp(torrent: &Torrent) -> World {
    carry_utp(World::new(), torrent)
}

fn carry_utp(mut world: World, torrent: &Torrent) -> World {
    let mut conn = UtpConn::open(&mut world, address(M), address(S), 4_711, [100, 65_300]);
    conn.send(&mut world, 0, &wire::handshake(torrent.info_hash, id(1)));
    conn.send(&mut world, 1, &wire::handshake(torrent.info_hash, id(2)));
    conn.send(&mut world, 1, &wire::bitfield_full(torrent.pieces()));
    conn.send(&mut world, 0, &wire::interested());
    conn.send(&mut world, 1, &wire::unchoke());
    for (piece, begin, len, asked) in pipelined(torrent) {
        if asked {
            conn.send(&mut world, 0, &wire::request(piece, begin, len));
        } else {
            conn.deliver(&mut world, 1, piece, begin, torrent.block(piece, begin, len), true);
        }
    }
    world
}

/// Every block of the torrent, asked for (`true`) two blocks before it is sent.
fn pipelined(torrent: &Torrent) -> Vec<(u32, u32, u32, bool)> {
    let blocks: Vec<_> = (0..torrent.pieces())
        .flat_map(|piece| torrent.blocks(piece).into_iter().map(move |(begin, len)| (piece, begin, len)))
        .collect();
    let mut out = Vec::new();
    for at in 0..blocks.len() + 2 {
        out.extend(blocks.get(at).map(|(piece, begin, len)| (*piece, *begin, *len, true)));
        out.extend(
            at.checked_sub(2)
                .and_then(|at| blocks.get(at))
                .map(|(piece, begin, len)| (*piece, *begin, *len, false)),
        );
    }
    out
}

/// At which tap a packet was captured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kept {
    First,
    Second,
    Both,
}

/// Each tap misses a tenth of the packets behind the first `sure` ones, but none that the other one missed.
fn split_losses(world: &World, seed: u64, sure: usize) -> Vec<Kept> {
    let mut random = Random::new(seed);
    let fate = |at: usize, random: &mut Random| match random.below(10) {
        0 if at >= sure => Kept::First,
        1 if at >= sure => Kept::Second,
        _ => Kept::Both,
    };
    (0..world.packets.len()).map(|at| fate(at, &mut random)).collect()
}

/// The packets that `keep` names by index, as a tap with another clock has them.
fn tap(world: &World, offset: i64, keep: impl Fn(usize) -> bool) -> World {
    let mut tap = world.clone();
    let mut index = 0..;
    tap.packets.retain(|_| keep(index.next().expect("endless")));
    tap.packets.iter_mut().for_each(|packet| packet.time += offset);
    tap
}

/// The packets of a world where M is known by another address, with sequence numbers that are `shifted`.
fn translated(world: &World, outer: &str, shifted: u32) -> World {
    let mut other = world.clone();
    for packet in &mut other.packets {
        for end in [&mut packet.from, &mut packet.to] {
            if *end == address(M) {
                *end = address(outer);
            }
        }
        if let Body::Tcp { seq, ack, .. } = &mut packet.body {
            (*seq, *ack) = (seq.wrapping_add(shifted), ack.wrapping_add(shifted));
        }
    }
    other
}

/// Returns true for a packet that counts when it is captured twice: TCP payload, or uTP data.
fn carries(packet: &Packet) -> bool {
    match &packet.body {
        Body::Tcp { payload, .. } => !payload.is_empty(),
        Body::Udp { payload } => payload.len() > 20 && payload[0] >> 4 <= 1,
    }
}

/// Checks the evidence that several taps may not change: everything but frames, times and the flag that says so.
#[track_caller]
fn assert_same(whole: &Evidence, parts: &Evidence, name: &str) {
    let row = |row: &Transfer| {
        let mut flags = row.flags.clone();
        flags.remove(&Flag::DuplicateFrames);
        let counts = (row.piece_messages, row.partial_messages, row.unsolicited_messages, row.connections);
        let pieces = (row.pieces_verified, row.pieces_sole, row.pieces_refuted, row.pieces_advertised);
        let grades: Vec<_> = row.rungs.iter().map(|rung| rung.grade).collect();
        let standard = row.standard.map(|standard| standard.piece).is_some();
        (row.uploader, row.downloader, row.grade, row.bytes, flags, counts, pieces, grades, standard)
    };
    let rows = |evidence: &Evidence| evidence.transfers.iter().map(row).collect::<Vec<_>>();
    assert_eq!(rows(whole), rows(parts), "{name}");
    assert_eq!(whole.quality.gaps, parts.quality.gaps, "{name}");
    for kind in [Kind::LateSegment, Kind::OverlapConflict, Kind::OutOfWindow] {
        assert!(parts.anomalies.tally(kind).is_none(), "{name}: {:?}", parts.anomalies.tally(kind));
    }
}

/// The terminal report on one line.
fn said(evidence: &Evidence) -> String {
    let given = Given::of(&evidence.known);
    let document = Document::new(evidence, &given, ChecksumPolicy::default(), &Limits::default());
    terminal(&document, &Screen::report_txt()).split_whitespace().collect::<Vec<_>>().join(" ")
}
