//! Equal bytes of output for equal inputs: for any number of threads, any window and any order of arguments (T48).

use peerproof::report::{Document, Given};
use peerproof::{CaptureSet, ChecksumPolicy, OpenOptions, Options, Torrents};
use std::path::{Path, PathBuf};

use crate::fixture;
use crate::synth::content::{Random, Recipe, Torrent};
use crate::synth::run::{Run, address, transfer};
use crate::synth::swarm::{Acks, Conn, Side, World};
use crate::synth::wire;

const MIB: u64 = 1 << 20;

#[test]
fn threads_and_windows_leave_no_trace_in_the_reports_of_the_fixtures() {
    for case in fixture::all() {
        let capture = [case.path("capture.pcap")];
        let torrent = [case.path(&case.torrent())];
        let report = report(&capture, &torrent, 1, 64 * MIB);
        for (threads, window) in [(1, MIB), (2, 64 * MIB), (2, 1), (8, MIB)] {
            let other = self::report(&capture, &torrent, threads, window);
            assert!(report == other, "{}: {threads} threads, windows of {window} bytes", case.name);
        }
    }
}

#[test]
fn every_hash_engine_of_the_machine_gives_the_same_reports() {
    for case in fixture::all() {
        let chosen = case.report("capture.pcap");
        for engine in peerproof_hash::engines() {
            let other = case.report_by(engine.name(), "capture.pcap", &[]);
            assert!(other == chosen, "{}: {}", case.name, engine.name());
        }
    }
}

#[test]
fn an_engine_that_the_machine_does_not_have_is_refused_by_its_name() {
    let case = fixture::named("plain-transfer");
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_peerproof"));
    command.env(peerproof_hash::VARIABLE, "abacus").arg("analyze").arg(case.path("capture.pcap"));
    let output = command.arg("-t").arg(case.path(&case.torrent())).output().expect("the program starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(2), &b""[..]), "{said}");
    assert!(
        said.starts_with("error: PEERPROOF_HASH names the hash engine \"abacus\"; this processor has"),
        "{said}"
    );
    assert!(said.contains("portable"), "{said}");
}

#[test]
fn a_capture_of_many_windows_gives_one_report() {
    let (world, torrent) = busy_swarm();
    let capture = world.pcap();
    assert!(capture.len() as u64 > 70 * MIB, "{} bytes are not enough", capture.len());
    let run = Run::new().capture(capture).torrent(&torrent);
    let first = run.json(1, 64 * MIB);
    for (threads, window) in [(1, MIB), (2, 3 * MIB), (8, MIB), (8, 64 * MIB)] {
        assert!(first == run.json(threads, window), "{threads} threads, windows of {window} bytes");
    }
}

#[test]
fn the_busy_swarm_is_counted_to_the_byte() {
    let (world, torrent) = busy_swarm();
    let evidence = Run::new().capture(world.pcap()).torrent(&torrent).once(2, MIB).expect("the run can go on");
    for (uploader, downloader) in EDGES {
        let row = transfer(&evidence, uploader, downloader);
        let mine = |sent: &&crate::synth::swarm::Sent| {
            (sent.uploader, sent.downloader) == (address(uploader), address(downloader))
        };
        let sent: Vec<_> = world.ledger.iter().filter(mine).collect();
        assert_eq!(row.bytes.served, sent.iter().map(|sent| u64::from(sent.len)).sum::<u64>());
        assert_eq!(row.piece_messages, sent.len() as u64);
        let mut seen = std::collections::BTreeSet::new();
        let mut fresh = |sent: &&&crate::synth::swarm::Sent| seen.insert((sent.piece, sent.begin, sent.good));
        let good: u64 =
            sent.iter().filter(&mut fresh).filter(|sent| sent.good).map(|sent| u64::from(sent.len)).sum();
        assert_eq!(row.bytes.verified, good, "{uploader} -> {downloader}: {:?}", row.bytes);
        let mut seen = std::collections::BTreeSet::new();
        let bad = sent.iter().filter(|sent| seen.insert((sent.piece, sent.begin, sent.good)) && !sent.good);
        assert_eq!(row.bytes.refuted, bad.map(|sent| u64::from(sent.len)).sum::<u64>());
        assert_eq!(row.bytes.disputed + row.bytes.unproven, 0);
    }
}

#[test]
fn the_order_of_arguments_changes_nothing() {
    let place = tempfile::tempdir().expect("a directory");
    let mut captures = split(&fixture::named("three-peers").path("capture.pcap"), place.path(), 3);
    captures.push(fixture::named("corrupt-seeder").path("capture.pcap"));
    let mut torrents: Vec<PathBuf> = ["three-peers", "corrupt-seeder", "plain-transfer"]
        .iter()
        .map(|name| fixture::named(name))
        .map(|case| case.path(&case.torrent()))
        .collect();
    // Equal names would hide which is which.
    let renamed = place.path().join("corrupt.pcap");
    std::fs::copy(captures.pop().expect("four captures"), &renamed).expect("copied");
    captures.push(renamed);
    let first = report(&captures, &torrents, 2, MIB);
    let mut random = Random::new(48);
    for round in 0..8 {
        for list in [&mut captures, &mut torrents] {
            for at in (1..list.len()).rev() {
                list.swap(at, random.below(at as u64 + 1) as usize);
            }
        }
        assert!(first == report(&captures, &torrents, 1 + round % 3, MIB), "{captures:?} {torrents:?}");
    }
}

#[test]
fn a_capture_in_several_files_proves_what_it_proves_in_one() {
    let place = tempfile::tempdir().expect("a directory");
    for name in ["plain-transfer", "three-peers", "corrupt-seeder", "loss-1pct", "tcp-loss"] {
        let case = fixture::named(name);
        let torrent = [case.path(&case.torrent())];
        let folder = place.path().join(name);
        std::fs::create_dir(&folder).expect("a directory");
        let pieces = split(&case.path("capture.pcap"), &folder, 5);
        let one: serde_json::Value = parse(&report(&[case.path("capture.pcap")], &torrent, 1, MIB));
        let many: serde_json::Value = parse(&report(&pieces, &torrent, 1, MIB));
        for part in ["transfers", "subjects", "torrents"] {
            assert_eq!(without_frames(&one[part]), without_frames(&many[part]), "{name}: {part}");
        }
    }
}

/// Everything but frame numbers, which count per file.
fn without_frames(value: &serde_json::Value) -> serde_json::Value {
    match value {
        serde_json::Value::Array(items) => items.iter().map(without_frames).collect(),
        serde_json::Value::Object(fields) => {
            let fields = fields
                .iter()
                .filter(|(name, _)| !name.ends_with("frames") && !["standard", "seen_in"].contains(&name.as_str()));
            fields.map(|(name, value)| (name.clone(), without_frames(value))).collect()
        }
        other => other.clone(),
    }
}

fn parse(report: &str) -> serde_json::Value {
    serde_json::from_str(report).expect("a report is JSON")
}

/// report.json as the program writes it.
fn report(captures: &[PathBuf], torrents: &[PathBuf], threads: usize, window: u64) -> String {
    let captures = CaptureSet::open(captures, &OpenOptions::default()).expect("readable");
    let torrents = Torrents::open(torrents).expect("torrents");
    let options = Options { threads, window, ..Options::default() };
    let evidence = peerproof::analyze(&captures, &torrents, &options).expect("the run can go on");
    let document = Document::new(&evidence, &Given::of(&torrents), ChecksumPolicy::default(), &options.limits);
    document.json().expect("a report can be written")
}

/// Cuts a pcap file into `parts` files of about as many records.
fn split(capture: &Path, folder: &Path, parts: usize) -> Vec<PathBuf> {
    let bytes = std::fs::read(capture).expect("readable");
    let mut records = Vec::new();
    let mut at = 24;
    while at < bytes.len() {
        let len = u32::from_le_bytes(bytes[at + 8..at + 12].try_into().expect("four bytes")) as usize;
        records.push(&bytes[at..at + 16 + len]);
        at += 16 + len;
    }
    let each = records.len().div_ceil(parts);
    let mut paths = Vec::new();
    for (index, part) in records.chunks(each).enumerate() {
        let path = folder.join(format!("part-{index}.pcap"));
        std::fs::write(&path, [&bytes[..24], &part.concat()].concat()).expect("written");
        paths.push(path);
    }
    paths
}

const GOOD: &str = "93.184.16.1:6881";
const BAD: &str = "93.184.16.2:6881";
const FIRST: &str = "81.2.69.10:50001";
const SECOND: &str = "81.2.69.11:50002";
const EDGES: [(&str, &str); 4] = [(GOOD, FIRST), (BAD, FIRST), (GOOD, SECOND), (FIRST, SECOND)];

/// Two seeders, one of which spoils blocks, and two leechers that trade: failed pieces, mixed pieces, blocks sent
/// twice, and reordering: more than 64 MiB to hash, so that results are taken while the spine still reads.
fn busy_swarm() -> (World, Torrent) {
    let torrent = Recipe::folder("busy", 262_144, 20).file("a", 14_000_000).file("b", 1).file("c", 12_500_000).v1();
    let mut world = World::new().acking(Acks::EverySend).segments_of(4_000);
    let conns = EDGES.map(|(uploader, downloader)| {
        let ids = [wire::peer_id("-XX0001-", 7), wire::peer_id("-XX0001-", 8)];
        let conn = world.meet(address(downloader), address(uploader), torrent.info_hash, ids);
        world.send(conn, Side::B, &wire::bitfield_full(torrent.pieces()));
        world.send(conn, Side::B, &wire::unchoke());
        conn
    });
    let mut random = Random::new(5);
    for piece in 0..torrent.pieces() {
        // First leecher: now and then a spoilt attempt of two senders, then a clean one.
        if piece % 5 == 1 {
            for (index, (begin, len)) in torrent.blocks(piece).into_iter().enumerate() {
                let spoilt = index % 3 == 0;
                let conn = if spoilt { conns[1] } else { conns[0] };
                give(&mut world, conn, &torrent, piece, begin, len, !spoilt);
            }
        }
        for (begin, len) in torrent.blocks(piece) {
            give(&mut world, conns[0], &torrent, piece, begin, len, true);
        }
        // Second leecher: blocks of both, some twice.
        for (begin, len) in torrent.blocks(piece) {
            let conn = conns[2 + random.below(2) as usize];
            give(&mut world, conn, &torrent, piece, begin, len, true);
            if random.below(16) == 0 {
                give(&mut world, conn, &torrent, piece, begin, len, true);
            }
        }
        // And the whole piece once more from one of them.
        if piece % 2 == 0 {
            world.fetch(conns[2], Side::B, &torrent, piece);
        }
    }
    conns.into_iter().for_each(|conn| world.close(conn, Side::A));
    world.swap(|_| random.below(12) == 0);
    (world, torrent)
}

/// A request and its answer.
fn give(world: &mut World, conn: Conn, torrent: &Torrent, piece: u32, begin: u32, len: u32, good: bool) {
    world.send(conn, Side::A, &wire::request(piece, begin, len));
    if good {
        world.piece(conn, Side::B, torrent, piece, begin, len);
    } else {
        world.bad_piece(conn, Side::B, torrent, piece, begin, len);
    }
}
