//! Floods of connections: bounded, told, and without a trace in the figures of those who serve.

use peerproof::anomaly::Kind;
use peerproof::evidence::{Evidence, Grade, Transfer};
use peerproof::report::oddity::{parties, sentence};
use peerproof::report::{Document, Given, Screen, terminal};
use peerproof::{Limits, Torrents};
use std::net::SocketAddr;

use crate::synth::capture::{LINK_ETHERNET, Order, Record, Ticks, pcap};
use crate::synth::content::{Recipe, Torrent};
use crate::synth::frame::{self, Flags, Sum};
use crate::synth::run::{Run, address, check, sums, transfer};
use crate::synth::swarm::{Conn, START, Side, World};
use crate::synth::wire;

const M: &str = "81.2.69.10:50001";
const S: &str = "93.184.16.1:6881";
const LOUD: &str = "198.51.100.7:6881";

#[test]
fn a_flood_of_handshakes_beyond_the_rows_is_counted_and_changes_nothing_for_those_who_serve() {
    let torrent = four_pieces();
    let quiet = Run::new().capture(capture(served(&torrent))).torrent(&torrent).evidence();
    let mut records = served(&torrent);
    let hashes = [torrent.info_hash, [0xab; 20]];
    for flow in 0..FLOWS {
        handshakes(flow, &hashes[usize::from(flow / 3 % 3 > 0)], End::of(flow), &mut records);
    }
    let limits = Limits { rows: 1_000, ..Limits::default() };
    let run = Run::new().capture(capture(records)).torrent(&torrent).limits(limits.clone());
    let evidence = run.once(1, 1 << 20).expect("the run can go on");
    check(&evidence);

    assert_eq!(busy(&evidence), busy(&quiet), "the figures of those who serve");
    assert_eq!(busy(&evidence).len(), 2);
    assert_eq!(sums(&evidence, &torrent).bytes, sums(&quiet, &torrent).bytes);
    let silent = evidence.transfers.len() - 2;
    assert_eq!(silent, 1_000, "rows of given and of other torrents together");
    let others =
        evidence.transfers.iter().filter(|row| row.info_hash.as_ref().is_some_and(|hash| hash.0 == hashes[1]));
    assert_eq!(others.count(), 500, "other torrents take no more than half");

    let unlisted = evidence.unlisted.as_ref().expect("not all have rows");
    assert_eq!(unlisted.connections, u64::from(FLOWS) - 500);
    assert_eq!((unlisted.endpoints, unlisted.more_endpoints), (unlisted.connections + 1, false));
    assert_eq!(unlisted.bytes, 136 * unlisted.connections);
    let named: u64 = unlisted.torrents.iter().map(|torrent| torrent.connections).sum();
    assert_eq!((unlisted.torrents.len(), named, unlisted.other_torrents), (2, unlisted.connections, 0));
    let told = evidence.anomalies.tally(Kind::LimitReached).expect("a limit that is reached is told");
    assert_eq!(told.count, unlisted.connections);
    let first = sentence(&told.examples[0].oddity);
    assert!(
        first.starts_with("rows: 19500 connections of 19501 endpoints had a handshake but no piece data"),
        "{first}"
    );
    assert!(parties(&told.examples[1]).contains(LOUD), "{:?}", told.examples[1]);

    let given = Given::of(&Torrents::from_bytes(vec![("a".into(), torrent.metainfo.clone())]).expect("a torrent"));
    let document = Document::new(&evidence, &given, Default::default(), &limits);
    assert_eq!(document.options.limits["rows"], 1_000);
    let page = terminal(&document, &Screen::report_txt());
    let page = page.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(page.contains("19,500 connections of 19,501 endpoints"), "{page}");
    assert!(page.contains("A bound was reached: ") && page.contains("limit-reached: "), "{page}");

    let json = run.json(1, 64 << 20);
    for (threads, window) in [(2, 64 << 20), (8, 1 << 20)] {
        assert!(json == run.json(threads, window), "{threads} threads, windows of {window} bytes");
    }
}

#[test]
fn a_connection_that_serves_has_its_row_however_late_it_comes() {
    let torrent = four_pieces();
    let mut records = Vec::new();
    (0..100).for_each(|flow| handshakes(flow, &torrent.info_hash, End::of(flow), &mut records));
    records
        .extend(served(&torrent).into_iter().map(|record| Record { time: record.time + 60_000_000_000, ..record }));
    let limits = Limits { rows: 20, ..Limits::default() };
    let evidence = Run::new().capture(capture(records)).torrent(&torrent).limits(limits).evidence();
    assert_eq!(transfer(&evidence, S, M).grade, Grade::G9);
    assert_eq!(transfer(&evidence, S, M).bytes.verified, torrent.content.len() as u64);
    assert_eq!(evidence.transfers.len(), 22);
    assert_eq!(evidence.unlisted.map(|unlisted| unlisted.connections), Some(90));
}

#[test]
fn without_a_row_to_spare_the_report_still_says_who_was_there() {
    let torrent = four_pieces();
    let mut records = Vec::new();
    (0..10).for_each(|flow| handshakes(flow, &torrent.info_hash, End::of(flow), &mut records));
    let limits = Limits { rows: 0, ..Limits::default() };
    let run = Run::new().capture(capture(records)).torrent(&torrent).limits(limits);
    assert!(run.evidence().transfers.is_empty());
    let json: serde_json::Value = serde_json::from_str(&run.json(1, 1 << 20)).expect("JSON");
    assert_eq!(json["unlisted"]["torrents"][0]["connections"], 10);
    let notes: Vec<_> = json["notes"].as_array().expect("notes").iter().filter_map(|note| note.as_str()).collect();
    assert!(matches!(notes[..], [note] if note.starts_with("Not listed one by one: 10 connections")), "{notes:?}");
}

#[test]
fn a_have_of_the_last_piece_that_can_be_costs_nobody_memory() {
    let torrent = four_pieces();
    let mut records = Vec::new();
    let have = [wire::have(u32::MAX), wire::have((1 << 27) - 1), wire::have(2)].concat();
    for flow in 0..2_000 {
        talk(flow, &torrent.info_hash, &have, End::Open, &mut records);
    }
    let evidence =
        Run::new().capture(capture(records)).torrent(&torrent).once(1, 1 << 20).expect("the run can go on");
    let from = |row: &&Transfer| row.downloader.to_string() == LOUD;
    assert!(evidence.transfers.iter().filter(from).all(|row| (row.grade, row.pieces_advertised) == (Grade::G4, 1)));
    assert_eq!(evidence.transfers.iter().filter(from).count(), 2_000);
}

#[test]
fn what_is_sent_again_long_after_a_connection_ended_is_told_and_opens_nothing() {
    let torrent = four_pieces();
    let records = served(&torrent);
    let last = records.last().expect("packets").time;
    let mut late = Vec::new();
    handshakes(0, &torrent.info_hash, End::Fin, &mut late);
    late.iter_mut().for_each(|record| record.time = last + 100_000_000_000);
    // The longest packets are blocks.
    let blocks = records.iter().filter(|record| record.bytes.len() > 1_000).cloned();
    late.extend(blocks.map(|record| Record { time: last + 200_000_000_000, ..record }));
    let repeated = late.len() as u64 - 8;
    let quiet = Run::new().capture(capture(records.clone())).torrent(&torrent).evidence();
    let run = Run::new().capture(capture([records, late].concat())).torrent(&torrent);
    let evidence = run.evidence();
    assert_eq!(busy(&evidence), busy(&quiet));
    assert_eq!((evidence.quality.tcp_flows, evidence.transfers.len()), (2, 4));
    let told = evidence.anomalies.tally(Kind::OverlapUncompared).expect("it is told");
    assert_eq!((told.count, repeated > 30), (repeated, true));
    assert!(evidence.anomalies.tally(Kind::LimitReached).is_none());
}

#[test]
fn connections_that_are_over_make_room_before_one_that_goes_on() {
    let torrent = four_pieces();
    let mut records = served(&torrent);
    // A long pause in the middle of it, in which others come and go.
    let half = records.len() / 2;
    records.iter_mut().skip(half).for_each(|record| record.time += 600_000_000_000);
    let pause = records[half - 1].time + 1_000_000_000;
    for flow in 0..500 {
        let mut one = Vec::new();
        handshakes(flow, &torrent.info_hash, End::Fin, &mut one);
        one.iter_mut().for_each(|record| record.time = pause + i64::from(flow) * 1_000_000_000);
        records.extend(one);
    }
    let limits = Limits { flows: 100, ..Limits::default() };
    let evidence = Run::new().capture(capture(records)).torrent(&torrent).limits(limits).evidence();
    assert_eq!(transfer(&evidence, S, M).bytes.verified, torrent.content.len() as u64);
    assert_eq!((transfer(&evidence, S, M).connections, transfer(&evidence, S, M).grade), (1, Grade::G9));
    assert!(evidence.anomalies.tally(Kind::LimitReached).is_none(), "nothing that may go on was closed");
}

#[test]
fn streams_full_of_holes_share_what_may_wait_and_are_told() {
    let torrent = four_pieces();
    let quiet = Run::new().capture(capture(served(&torrent))).torrent(&torrent).evidence();
    let mut records = served(&torrent);
    for flow in 0..300 {
        handshakes(flow, &torrent.info_hash, End::Open, &mut records);
        let (from, to) = (SocketAddr::from(([100, 0, (flow >> 8) as u8, flow as u8], 40_000)), address(LOUD));
        for step in 0..40 {
            // Every second byte is missing.
            let segment = frame::tcp(from, to, 1_100 + 2 * step, 2_068, Flags::ACK, &[7], Sum::Right);
            let bytes = frame::ethernet(&frame::ip(from.ip(), to.ip(), 6, step as u16, &segment));
            let time = START + i64::from(step) * 1_000_000 + i64::from(flow);
            records.push(Record { time, wire_len: bytes.len() as u32, bytes });
        }
    }
    for (waiting_slices, told) in [(1_000, true), (20_000, false)] {
        let limits = Limits { waiting_slices, ..Limits::default() };
        let evidence = Run::new().capture(capture(records.clone())).torrent(&torrent).limits(limits).evidence();
        assert_eq!(busy(&evidence), busy(&quiet), "{waiting_slices}: the figures of those who serve");
        assert_eq!(evidence.anomalies.tally(Kind::LimitReached).is_some(), told, "{waiting_slices}");
    }
}

// Rationale: twenty times the rows that the test allows; the benches go on to a million.
const FLOWS: u32 = 20_000;

/// How a connection of a flood ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Fin,
    Reset,
    Open,
}

impl End {
    fn of(flow: u32) -> Self {
        [Self::Fin, Self::Reset, Self::Open][(flow % 3) as usize]
    }
}

/// A connection of a new endpoint with two handshakes.
fn handshakes(flow: u32, info_hash: &[u8; 20], end: End, records: &mut Vec<Record>) {
    talk(flow, info_hash, &[], end, records);
}

/// A connection of a new endpoint with two handshakes, after which it says `more`.
fn talk(flow: u32, info_hash: &[u8; 20], more: &[u8], end: End, records: &mut Vec<Record>) {
    let from = SocketAddr::from(([100, (flow >> 16) as u8, (flow >> 8) as u8, flow as u8], 40_000));
    let to = address(LOUD);
    let [ask, tell] = [flow, u32::MAX].map(|number| wire::handshake(*info_hash, wire::peer_id("-XX0001-", number)));
    let (ask, tell) = ([ask, more.to_vec()].concat(), tell);
    let (asked, told) = (1_000 + ask.len() as u32, 2_000 + tell.len() as u32);
    let mut packets = vec![
        (from, to, 999, 0, Flags::SYN, Vec::new()),
        (to, from, 1_999, 1_000, Flags::SYN | Flags::ACK, Vec::new()),
        (from, to, 1_000, 2_000, Flags::ACK, Vec::new()),
        (from, to, 1_000, 2_000, Flags::ACK, ask),
        (to, from, 2_000, asked, Flags::ACK, tell),
    ];
    match end {
        End::Fin => packets.extend([
            (from, to, asked, told, Flags::FIN | Flags::ACK, Vec::new()),
            (to, from, told, asked + 1, Flags::FIN | Flags::ACK, Vec::new()),
            (from, to, asked + 1, told + 1, Flags::ACK, Vec::new()),
        ]),
        End::Reset => packets.push((to, from, told, asked, Flags::RST | Flags::ACK, Vec::new())),
        End::Open => {}
    }
    for (step, (from, to, seq, ack, flags, payload)) in packets.into_iter().enumerate() {
        let segment = frame::tcp(from, to, seq, ack, flags, &payload, Sum::Right);
        let bytes = frame::ethernet(&frame::ip(from.ip(), to.ip(), 6, flow as u16, &segment));
        let wire_len = bytes.len() as u32;
        // Fifty at a time, from before the others' transfer until after it.
        let time = START - 50_000_000 + i64::from(flow) * 20_000 + step as i64 * 1_000_000;
        records.push(Record { time, bytes, wire_len });
    }
}

/// M fetches everything from S.
fn served(torrent: &Torrent) -> Vec<Record> {
    let mut world = World::new();
    let ids = [wire::peer_id("-XX0001-", 1), wire::peer_id("-XX0001-", 2)];
    let conn: Conn = world.meet(address(M), address(S), torrent.info_hash, ids);
    world.send(conn, Side::B, &wire::bitfield_full(torrent.pieces()));
    world.send(conn, Side::B, &wire::unchoke());
    (0..torrent.pieces()).for_each(|piece| world.fetch(conn, Side::B, torrent, piece));
    world.close(conn, Side::A);
    world.records()
}

fn capture(mut records: Vec<Record>) -> Vec<u8> {
    records.sort_by_key(|record| record.time);
    pcap(&records, LINK_ETHERNET, Order::Little, Ticks::Nanos)
}

/// The rows with bytes and those of their receivers, without the numbers of frames.
fn busy(evidence: &Evidence) -> Vec<String> {
    let ends = [address(M), address(S)].map(|end| end.to_string());
    let rows = evidence.transfers.iter().filter(|row| ends.contains(&row.uploader.to_string()));
    rows.map(|row| {
        format!(
            "{} {} {:?} {:?} {:?} {}",
            row.uploader,
            row.grade.name(),
            row.bytes,
            row.files,
            row.flags,
            row.connections
        )
    })
    .collect()
}

fn four_pieces() -> Torrent {
    Recipe::single("four.bin", 16_384, 54_152, 4).v1()
}
