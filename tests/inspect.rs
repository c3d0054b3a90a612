//! `peerproof inspect`: the same figures as `analyze` without a torrent, and an answer to every capture.

use std::collections::BTreeSet;

use assert_cmd::Command;
use peerproof::report::{Detail, Screen};
use peerproof::{CaptureSet, Inspection, Options, Torrents};
use serde_json::Value;

use crate::fixture::{self, Fixture, list, number, text};
use crate::synth::run::address;
use crate::synth::swarm::{Side, World};
use crate::synth::wire;

#[test]
fn nothing_disagrees_with_analyze() {
    for case in fixture::all() {
        let report: Value = serde_json::from_str(&peerproof(&case, &["analyze", CAPTURE, "--format", "json"]))
            .expect("a report is JSON");
        let found = json(&of_fixture(&case));
        let fields =
            ["endpoint", "transport", "info_hash", "clients", "served_bytes", "lost_bytes", "received_bytes"];
        let known: BTreeSet<&str> = list(&found["torrents"]).iter().map(|row| text(&row["info_hash"])).collect();
        let (rows, told) = (list(&found["peers"]), list(&report["subjects"]));
        // Only analyze finds by hash which torrent a connection without a handshake is about.
        assert_eq!(rows.len(), told.len(), "{}", case.name);
        for (row, told) in rows.iter().zip(told) {
            for field in fields {
                assert_eq!(row[field], told[field], "{}: {field}", case.name);
            }
        }
        for row in list(&report["torrents"]) {
            assert!(known.contains(text(&row["info_hash"])), "{}", case.name);
        }
        for part in ["opaque", "quality"] {
            assert_eq!(found[part], report[part], "{}: {part}", case.name);
        }
        let frames: u64 = list(&found["traffic"]).iter().map(|row| number(&row["frames"])).sum();
        let others = ["not_ip_frames", "other_ip_frames", "unused_frames"].map(|field| number(&found[field]));
        let all = frames + others.iter().sum::<u64>();
        assert_eq!((all, others[2]), (number(&found["quality"]["frames"]), 0), "{}", case.name);
    }
}

#[test]
fn served_bytes_are_those_that_the_clients_sent() {
    for name in ["plain-transfer", "three-peers", "multi-file", "utp-clean", "ipv6", "magnet"] {
        let case = fixture::named(name);
        let truth = case.truth();
        let sent = list(&truth["transfers"]).iter().flat_map(|edge| list(&edge["blocks"]));
        let sent: u64 = sent.map(|block| number(&block[2])).sum();
        let found = json(&of_fixture(&case));
        assert_eq!(number(&found["readable"]["served_bytes"]), sent, "{name}");
        assert_eq!(found["torrents"][0]["info_hash"], truth["torrents"][0]["info_hash_v1"], "{name}");
        assert_eq!(list(&found["warnings"]).len(), 0, "{name}");
    }
}

#[test]
fn metadata_in_the_capture_gives_name_and_size_and_needs_no_torrent() {
    for name in ["magnet", "metadata-only", "v2-magnet"] {
        let case = fixture::named(name);
        let (truth, found) = (case.truth(), of_fixture(&case));
        let torrent = &json(&found)["torrents"][0];
        assert_eq!(torrent["name"], truth["torrents"][0]["name"], "{name}");
        assert_eq!(torrent["metadata"], "whole", "{name}");
        assert_eq!(found.next.len(), 1, "{name}");
        assert_eq!(found.next[0].command, "peerproof analyze capture.pcap", "{name}");
    }
}

#[test]
fn the_next_command_is_one_that_verifies() {
    let case = fixture::named("three-peers");
    let step = &of_fixture(&case).next[0];
    assert_eq!(step.command, "peerproof analyze capture.pcap -t TORRENT");
    assert_eq!(step.needs, [text(&case.truth()["torrents"][0]["info_hash_v1"])]);
    let command = step.command.replace("TORRENT", &case.torrent());
    let arguments: Vec<&str> = command.split(' ').skip(1).chain(["--format", "json"]).collect();
    let report: Value = serde_json::from_str(&peerproof(&case, &arguments)).expect("a report is JSON");
    assert!(number(&report["transfers"][0]["verified_bytes"]) > 0);
}

#[test]
fn encrypted_conversations_are_a_classification_and_need_secrets() {
    let found = of_fixture(&fixture::named("mse-rc4"));
    let kind = found.traffic.iter().find(|kind| kind.basis == "classification").expect("MSE");
    assert_eq!((kind.content, kind.flows), ("BitTorrent encrypted with MSE", 1));
    assert_eq!((found.peers.len(), found.torrents.len(), found.readable.clear_bytes), (0, 0, 0));
    assert!(found.readable.opaque_bytes > 100_000);
    assert_eq!(found.next[0].command, "peerproof analyze capture.pcap -t TORRENT --mse-secrets FILE");
}

#[test]
fn a_capture_without_bittorrent_is_described_all_the_same() {
    let mut world = World::new();
    let conn = world.conn(address("192.0.2.1:50000"), address("192.0.2.2:80"));
    world.open(conn);
    world.send(conn, Side::A, b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n");
    world.send(conn, Side::B, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
    world.close(conn, Side::A);
    let found = of_bytes(vec![("web.pcap".to_owned(), world.pcap())]);
    assert!(found.next.is_empty() && found.peers.is_empty());
    let kinds: Vec<_> = found.traffic.iter().map(|kind| (kind.transport, kind.content, kind.frames)).collect();
    assert_eq!(kinds, [("TCP", "HTTP", 10)]);
    let page = found.terminal(&whole(120));
    for part in ["There is no BitTorrent peer connection in the 10 frames", "Nothing: `peerproof analyze` would"] {
        assert!(page.contains(part), "{page}");
    }
}

#[test]
fn messages_in_the_middle_of_short_connections_are_named_and_unconfirmed() {
    let mut world = World::new();
    let mut said = Vec::new();
    let block = wire::piece(619, 3 * 16_384, &[0x5a; 16_384]);
    let extension = [&[0, 0, 0, 40, 20, 0][..], b"d1:md11:ut_metadatai2eee", &[b'x'; 14]].concat();
    let messages: [(&[u8], &[u8]); 4] = [
        (&[0x33; 700], &block),
        (b"", &block[..9_000]),
        (b"", &wire::request(7, 16_384, 16_384)),
        (b"", &extension),
    ];
    for (number, (before, message)) in messages.into_iter().enumerate() {
        for v6 in [false, true] {
            let host = if v6 { format!("[2001:db8::{}]", number + 1) } else { format!("192.0.2.{}", number + 1) };
            let conn = world.conn(address(&format!("{host}:50000")), address(&format!("{host}:6881")));
            world.open(conn);
            let from = world.packets.len();
            world.packets.drain(from - 3..);
            world.send(conn, Side::B, before);
            world.send(conn, Side::B, message);
            said.push(format!("{host}:6881"));
        }
    }
    let found = of_bytes(vec![("middle.pcap".to_owned(), world.pcap())]);
    assert!(found.peers.is_empty());
    let page = found.terminal(&whole(400));
    assert!(!page.contains("There is no BitTorrent peer connection") && !page.contains("Nothing: "), "{page}");
    assert!(found.in_short()[0].contains("unconfirmed"), "{page}");
    for host in said {
        assert!(page.contains(&format!("{host} ->")), "{host}: {page}");
    }
    assert_eq!(found.next[0].command, "peerproof analyze middle.pcap -t TORRENT");
}

#[test]
fn what_only_looks_like_a_block_makes_no_peer() {
    // Three in a row are chained and confirm one another; one or two do not.
    for (blocks, peers) in [(1, 0), (2, 0), (4, 2)] {
        let mut world = World::new();
        let conn = world.conn(address("192.0.2.1:50000"), address("192.0.2.2:6881"));
        world.open(conn);
        world.send(conn, Side::B, &[0x55; 900]);
        for block in 0..blocks {
            world.send(conn, Side::B, &wire::piece(3, block * 16_384, &[0x5a; 16_384]));
        }
        world.begin_at(conn, Side::B, 900);
        let inputs = vec![("late.pcap".to_owned(), world.pcap())];
        let captures = CaptureSet::from_bytes(inputs.clone()).expect("captures");
        let evidence =
            peerproof::analyze(&captures, &Torrents::default(), &Options::default()).expect("it can go on");
        let found = of_bytes(inputs);
        assert_eq!((evidence.subjects.len(), found.peers.len()), (peers, peers), "{blocks} blocks");
        let served: u64 = evidence.transfers.iter().map(|transfer| transfer.bytes.served).sum();
        assert_eq!(found.readable.served_bytes, served, "{blocks} blocks");
    }
}

#[test]
fn a_capture_without_frames_rules_nothing_out() {
    let found = of_bytes(vec![("header.pcap".to_owned(), World::new().pcap()[..24].to_vec())]);
    assert_eq!(found.in_short(), ["No frame could be read, so nothing is shown and nothing is ruled out."]);
    assert_eq!(found.warnings, ["header.pcap holds no frame that can be read."]);
}

#[test]
fn what_hides_bytes_is_warned_of() {
    for (name, part) in [
        ("snaplen-200", "keep no more than 200 bytes of each frame"),
        ("snaplen-200", "The snap length cut 226 frames"),
        ("loss-1pct", "of piece data were sent and are not in the captures"),
        ("mid-stream", "2 peers spoke on connections whose handshake is not in the captures"),
        ("dup-reorder", "duplicate-frames: 26 frames"),
    ] {
        let found = of_fixture(&fixture::named(name));
        assert!(found.warnings.iter().any(|warning| warning.contains(part)), "{name}: {:?}", found.warnings);
    }
}

#[test]
fn one_direction_is_warned_of() {
    let case = fixture::named("plain-transfer");
    let records = one_direction(&case.read(CAPTURE), [203, 0, 113, 2]);
    let found = of_bytes(vec![("half.pcap".to_owned(), records)]);
    assert!(found.warnings[0].starts_with("One direction only: of 1 of 1 peer connection"), "{:?}", found.warnings);
    assert_eq!(found.readable.served_bytes, 300_001);
}

#[test]
fn several_captures_are_one_whatever_their_order() {
    let file = |name: &str| (format!("{name}.pcap"), fixture::named(name).read(CAPTURE));
    let names = ["magnet", "three-peers", "mse-rc4", "utp-loss"];
    let one = of_bytes(names.map(file).to_vec());
    let other = of_bytes(names.into_iter().rev().map(file).collect());
    assert_eq!(one.json().expect("JSON"), other.json().expect("JSON"));
    assert_eq!((one.inputs.len(), one.torrents.len(), one.opaque.len()), (4, 3, 1));
    let commands: Vec<_> = one.next.iter().map(|step| step.command.as_str()).collect();
    assert!(commands[0].starts_with("peerproof torrent --from three-peers.pcap mse-rc4.pcap"), "{commands:?}");
    assert!(commands[1].ends_with("-t torrents") && one.next[1].needs.len() == 2, "{commands:?}");
    let words: Vec<String> = one.terminal(&whole(120)).split_whitespace().map(str::to_lowercase).collect();
    for word in ["downloader", "uploader", "sharer", "infringer", "pirate"] {
        assert!(!words.iter().any(|said| said.contains(word)), "{word}");
    }
}

#[test]
fn pages_fit_the_terminal() {
    for case in fixture::all() {
        let mut found = of_fixture(&case);
        found.propose(&["some/where/capture.pcap".to_owned()], &[]);
        for width in [60, 80, 120, 200] {
            for page in [found.terminal(&whole(width)), found.terminal(&Screen::new(width))] {
                let widest = page.lines().map(|line| line.chars().count()).max();
                assert!(widest <= Some(width), "{}: {widest:?}\n{page}", case.name);
            }
        }
    }
}

#[test]
fn broken_and_foreign_files_get_their_exit_codes() {
    let place = tempfile::tempdir().expect("a directory");
    let capture = fixture::named("three-peers").read(CAPTURE);
    for (name, bytes, code, part) in [
        ("cut.pcap", &capture[..60_000], 3, "cut.pcap is damaged: at byte 56137"),
        ("whole.pcap", &capture[..], 0, "-t TORRENT"),
        ("text.pcap", b"hello", 2, "expected a capture file"),
        ("empty.pcap", b"", 2, "found an empty file"),
    ] {
        std::fs::write(place.path().join(name), bytes).expect("room");
        let output = Command::cargo_bin("peerproof")
            .expect("built")
            .current_dir(place.path())
            .args(["inspect", name])
            .output()
            .expect("it runs");
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8(said).expect("UTF-8").split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(output.status.code(), Some(code), "{name}: {said}");
        assert!(said.contains(part), "{name}: {said}");
    }
}

#[test]
fn what_only_trackers_the_dht_and_neighbours_name_is_told_apart() {
    let case = fixture::named("hearsay");
    let all = of_fixture(&case);
    // Four clients announced themselves and spoke to one another; nobody heard of the fifth address but by an announce.
    assert_eq!((all.only_announced, all.only_named, all.only_named_torrents.len()), (0, 1, 0));
    let udp = records_where(&case.read(CAPTURE), |frame| frame.get(23) == Some(&17));
    let datagrams = of_bytes(vec![(CAPTURE.to_owned(), udp)]);
    assert_eq!((datagrams.only_announced, datagrams.only_named), (4, 1));
    let named: Vec<_> = datagrams.only_named_torrents.iter().map(ToString::to_string).collect();
    assert_eq!(named, ["a95fd15705baa3078861623ceafd5d801438609e"]);
    let text = datagrams.terminal(&whole(160)).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("NAMED BY OTHERS") && text.contains("no handshake names it"), "{text}");
}

#[test]
fn who_never_answered_is_not_counted_as_a_peer_that_speaks() {
    let mut world = World::new();
    let conn = world.conn(address("192.0.2.1:50000"), address("192.0.2.2:6881"));
    world.open(conn);
    world.send(conn, Side::A, &wire::handshake([7; 20], wire::peer_id("-LT2080-", 1)));
    world.only(conn, Side::A);
    let found = of_bytes(vec![(CAPTURE.to_owned(), world.pcap())]);
    let said = found.terminal(&whole(120));
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        said.contains("1 torrent, 1 peer in the clear (and 1 without a completed handshake), no piece data"),
        "{said}"
    );
}

#[test]
fn relayed_conversations_beyond_the_listed_ones_are_counted() {
    let mut world = World::new();
    let dialog: [(Side, &[u8]); 4] = [
        (Side::A, &[5, 1, 0]),
        (Side::B, &[5, 0]),
        (Side::A, &[5, 1, 0, 1, 203, 0, 113, 9, 0x1a, 0xe1]),
        (Side::B, &[5, 0, 0, 1, 10, 0, 0, 1, 0, 80]),
    ];
    for port in 50_000..50_013 {
        let conn = world.conn(address(&format!("192.0.2.1:{port}")), address("192.0.2.2:1080"));
        world.open(conn);
        dialog.iter().for_each(|(side, bytes)| world.send(conn, *side, bytes));
        world.send(conn, Side::A, &wire::handshake([7; 20], wire::peer_id("-LT2080-", 1)));
        world.send(conn, Side::B, &wire::handshake([7; 20], wire::peer_id("-LT2080-", 2)));
        world.close(conn, Side::A);
    }
    let text = of_bytes(vec![(CAPTURE.to_owned(), world.pcap())]).terminal(&whole(160));
    assert_eq!(text.matches(": relayed, ").count(), 10, "{text}");
    assert!(text.contains("and 3 more relayed conversations, listed by --format json"), "{text}");
}

#[test]
fn two_inspections_are_the_ones_that_were_read() {
    let bless = std::env::var_os("PEERPROOF_BLESS").is_some();
    for name in ["three-peers", "mse-rc4"] {
        let case = fixture::named(name);
        for (golden, arguments) in [("inspect.txt", &["inspect", CAPTURE][..]), ("inspect.json", JSON)] {
            let said = peerproof(&case, arguments);
            if bless {
                std::fs::write(case.path(golden), &said).expect("it can be written");
            }
            let read = std::fs::read_to_string(case.path(golden)).expect("a golden file");
            assert_eq!(said, read, "{name}: {golden}; PEERPROOF_BLESS=1 writes it again");
        }
    }
}

fn of_fixture(case: &Fixture) -> Inspection {
    of_bytes(vec![(CAPTURE.to_owned(), case.read(CAPTURE))])
}

fn of_bytes(inputs: Vec<(String, Vec<u8>)>) -> Inspection {
    let captures = CaptureSet::from_bytes(inputs).expect("captures");
    peerproof::inspect(&captures, &Options::default()).expect("the run can go on")
}

fn whole(width: usize) -> Screen {
    Screen { detail: Detail::All, ..Screen::new(width) }
}

fn json(inspection: &Inspection) -> Value {
    serde_json::from_str(&inspection.json().expect("it can be written")).expect("JSON")
}

/// Standard output of a run inside the case's folder.
fn peerproof(case: &Fixture, arguments: &[&str]) -> String {
    let mut command = Command::cargo_bin("peerproof").expect("built");
    let output = command.current_dir(&case.folder).args(arguments).output().expect("it runs");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// The packets of a little-endian pcap of Ethernet and IPv4 that `source` sent.
fn one_direction(pcap: &[u8], source: [u8; 4]) -> Vec<u8> {
    records_where(pcap, |frame| frame.get(26..30) == Some(&source[..]))
}

/// A little-endian pcap with the frames that `keep` names.
fn records_where(pcap: &[u8], keep: impl Fn(&[u8]) -> bool) -> Vec<u8> {
    let (mut out, mut at) = (pcap[..24].to_vec(), 24);
    while at + 16 <= pcap.len() {
        let len = u32::from_le_bytes(pcap[at + 8..at + 12].try_into().expect("four bytes")) as usize;
        let record = &pcap[at..at + 16 + len];
        if keep(&record[16..]) {
            out.extend_from_slice(record);
        }
        at += 16 + len;
    }
    out
}

const CAPTURE: &str = "capture.pcap";
const JSON: &[&str] = &["inspect", CAPTURE, "--format", "json"];
