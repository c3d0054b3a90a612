//! Many parts: their order and grouping change nothing, pieces are put together from all of them, and one connection in two
//! of them counts once.

use serde_json::Value;

use super::{Place, Ran, parsed, sum};
use crate::fixture::{self, list, number, text};
use crate::synth::content::{Random, Recipe, Torrent};
use crate::synth::run::address;
use crate::synth::swarm::{Conn, Side, World};
use crate::synth::wire;

pub const M: &str = "81.2.69.10:50001";
pub const S: &str = "93.184.16.1:6881";
pub const S2: &str = "93.184.16.2:6881";
const SIZE: usize = 6 * 65_536 + 20_000;

fn torrent() -> Torrent {
    Recipe::single("spread.bin", 65_536, SIZE, 6).v1()
}

/// A seed and a peer that speaks with it, each block of the torrent from one of two seeds by chance.
fn spread(torrent: &Torrent, seed: u64) -> World {
    let mut world = World::new();
    let mut random = Random::new(seed);
    let id = |number: u32| wire::peer_id("-XX0001-", number);
    let conns: Vec<Conn> = [S, S2]
        .iter()
        .zip(1..)
        .map(|(seed, number)| {
            let conn = world.meet(address(M), address(seed), torrent.info_hash, [id(9), id(number)]);
            world.send(conn, Side::B, &wire::bitfield_full(torrent.pieces()));
            world.send(conn, Side::B, &wire::unchoke());
            conn
        })
        .collect();
    for piece in 0..torrent.pieces() {
        for (begin, len) in torrent.blocks(piece) {
            let conn = conns[random.below(2) as usize];
            world.send(conn, Side::A, &wire::request(piece, begin, len));
            world.piece(conn, Side::B, torrent, piece, begin, len);
        }
    }
    world
}

/// Figures of transfers and torrents in one report, without places in the inputs.
pub fn figures(report: &Value) -> Vec<(String, Vec<u64>)> {
    let names = [
        "served_bytes",
        "verified_bytes",
        "sole_bytes",
        "refuted_bytes",
        "disputed_bytes",
        "unproven_bytes",
        "repeated_bytes",
        "lost_bytes",
        "acknowledged_bytes",
        "solicited_bytes",
        "pieces_verified",
    ];
    let row = |row: &Value| {
        let key = format!("{} {} {}", text(&row["uploader"]), text(&row["downloader"]), text(&row["grade"]));
        (key, names.iter().map(|name| number(&row[*name])).collect())
    };
    list(&report["transfers"]).iter().map(row).collect()
}

#[test]
fn a_piece_whose_blocks_are_spread_over_sets_is_verified_as_in_one_set() {
    let place = Place::new();
    let torrent = torrent();
    place.torrent("a.torrent", &torrent);
    for seed in 1..8 {
        let world = spread(&torrent, seed);
        let (mut one, mut other) = (world.clone(), world.clone());
        one.drop(|packet| packet.conn == Conn(1));
        other.drop(|packet| packet.conn == Conn(0));
        place.world(&format!("{seed}/one.pcap"), &one);
        place.world(&format!("{seed}/other.pcap"), &other);
        let [a, b] = ["one", "other"].map(|name| (format!("{seed}/{name}.pcap"), format!("{seed}/{name}.part")));
        let whole = parsed(&place.report(&["-t", "a.torrent", &a.0, &b.0], false));
        for (capture, part) in [&a, &b] {
            assert_eq!(place.run(&["facts", capture, "-o", part]).0, 0);
        }
        let parts = place.report(&["-t", "a.torrent", &a.1, &b.1], false);
        let other_order = place.report(&["-t", "a.torrent", &b.1, &a.1], false);
        assert!(parts == other_order, "{seed}: another order");
        assert_eq!(figures(&parsed(&parts)), figures(&whole), "{seed}");
        assert_eq!(sum(&whole, "verified_bytes"), SIZE as u64);
        // One of them read now, the other one before.
        let mixed = place.report(&["-t", "a.torrent", &a.1, &b.0], false);
        assert!(mixed == parts, "{seed}: read now");
    }
}

#[test]
fn pieces_that_are_hashed_in_groups_elsewhere_give_the_same_bytes() {
    let place = Place::new();
    let torrent = torrent();
    place.torrent("a.torrent", &torrent);
    let world = spread(&torrent, 5);
    let (mut one, mut other) = (world.clone(), world.clone());
    one.drop(|packet| packet.conn == Conn(1));
    other.drop(|packet| packet.conn == Conn(0));
    place.world("one.pcap", &one);
    place.world("other.pcap", &other);
    for name in ["one", "other"] {
        let (capture, part) = (format!("{name}.pcap"), format!("{name}.part"));
        assert_eq!(place.run(&["facts", &capture, "--carry-open", "-o", &part]).0, 0);
    }
    let parts = ["-t", "a.torrent", "one.part", "other.part", "--captures", "nowhere"];
    std::fs::create_dir(place.path("nowhere")).expect("made");
    let alone = place.report(&parts, false);
    let mut hashed = 0;
    for group in 1..=3 {
        let (units, name) = (format!("{group}/3"), format!("units-{group}"));
        let Ran(code, out, said) = place.run(&[&["facts"], &parts[..], &["--units", &units, "-o", &name]].concat());
        assert_eq!(code, 0, "{said}");
        let said = out.split(", ").nth(1).and_then(|said| said.split(' ').next()?.parse::<u64>().ok());
        hashed += said.expect("a number of byte strings");
    }
    assert_eq!(hashed, u64::from(torrent.pieces()), "each piece in one group");
    for units in [&["units-1", "units-2", "units-3"][..], &["units-2"]] {
        assert!(place.report(&[&parts[..], units].concat(), false) == alone, "{units:?}");
    }
    // Of other parts they say nothing, and that is told.
    let Ran(code, _, said) =
        place.run(&["analyze", "-t", "a.torrent", "one.part", "units-1", "--captures", "nowhere"]);
    assert!(code == 3 && said.contains("units-1"), "{code}: {said}");
}

#[test]
fn open_pieces_that_are_carried_are_put_together_without_any_capture() {
    let place = Place::new();
    let torrent = torrent();
    place.torrent("a.torrent", &torrent);
    let world = spread(&torrent, 77);
    let (mut one, mut other) = (world.clone(), world.clone());
    one.drop(|packet| packet.conn == Conn(1));
    other.drop(|packet| packet.conn == Conn(0));
    place.world("one.pcap", &one);
    place.world("other.pcap", &other);
    let whole = parsed(&place.report(&["-t", "a.torrent", "one.pcap", "other.pcap"], false));
    for name in ["one", "other"] {
        let (capture, part) = (format!("{name}.pcap"), format!("parts/{name}"));
        std::fs::create_dir_all(place.path("parts")).expect("made");
        assert_eq!(place.run(&["facts", &capture, "-t", "a.torrent", "--carry-open", "-o", &part]).0, 0);
    }
    std::fs::create_dir(place.path("nowhere")).expect("made");
    let parts = place.report(&["-t", "a.torrent", "parts/one", "parts/other", "--captures", "nowhere"], false);
    assert_eq!(figures(&parsed(&parts)), figures(&whole));
}

#[test]
fn what_is_carried_tells_all_that_captures_tell_whatever_torrents_are_given_later() {
    let place = Place::new();
    let (torrent, other) = (torrent(), Recipe::single("other.bin", 65_536, 70_000, 8).v1());
    place.torrent("own.torrent", &torrent);
    place.torrent("other.torrent", &other);
    let mut world = World::new();
    let id = |number: u32| wire::peer_id("-XX0001-", number);
    let conn = world.meet(address(M), address(S), torrent.info_hash, [id(1), id(2)]);
    // The capture itself describes the torrent, and a piece of it is sent twice.
    let size = format!("13:metadata_sizei{}e", torrent.info.len());
    world.send(conn, Side::A, &wire::extended_hello(&[("ut_metadata", 2)], ""));
    world.send(conn, Side::B, &wire::extended_hello(&[("ut_metadata", 2)], &size));
    world.send(conn, Side::A, &wire::metadata_request(2, 0));
    world.send(conn, Side::B, &wire::metadata(2, 0, &torrent.info));
    world.send(conn, Side::B, &wire::bitfield_full(torrent.pieces()));
    world.send(conn, Side::B, &wire::unchoke());
    [0, 0, 1].into_iter().for_each(|piece| world.fetch(conn, Side::B, &torrent, piece));
    place.world("one.pcap", &world);
    std::fs::create_dir(place.path("nowhere")).expect("made");
    let givens = [&[][..], &["-t", "other.torrent"], &["-t", "own.torrent"]];
    for (number, before) in givens.iter().enumerate() {
        let part = format!("{number}.part");
        let made = place.run(&[&["facts", "one.pcap", "--carry-open", "-o", &part], *before].concat());
        assert_eq!(made.0, 0, "{}", made.2);
        for later in givens {
            let captures = parsed(&place.report(&[&["one.pcap"], later].concat(), false));
            let Ran(_, alone, _) =
                place.run(&[&["analyze", "-f", "json", &part, "--captures", "nowhere"], later].concat());
            assert_eq!(figures(&parsed(&alone)), figures(&captures), "{before:?}, then {later:?}");
            assert!(sum(&captures, "repeated_bytes") > 0);
        }
    }
}

#[test]
fn any_order_of_all_recordings_as_parts_gives_the_same_bytes() {
    let place = Place::new();
    std::fs::create_dir(place.path("parts")).expect("made");
    let mut parts = Vec::new();
    let mut torrents = Vec::new();
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").display().to_string();
    for case in fixture::all() {
        let (capture, part) = (case.path("capture.pcap").display().to_string(), format!("parts/{}", case.name));
        let Ran(code, _, said) = place.run(&["facts", &capture, "-o", &part]);
        assert!(matches!(code, 0 | 3), "{said}");
        parts.push(part);
        if !case.torrent().starts_with("magnet:") {
            torrents.extend(["-t".to_owned(), case.path(&case.torrent()).display().to_string()]);
        }
    }
    let mut random = Random::new(5);
    let mut first: Option<String> = None;
    for _ in 0..3 {
        let mut arguments: Vec<&str> = parts.iter().chain(&torrents).map(String::as_str).collect();
        arguments.extend(["--captures", &root, "-f", "json"]);
        let Ran(code, report, said) = place.run(&[&["analyze"], &arguments[..]].concat());
        assert!(matches!(code, 0 | 3), "{said}");
        match &first {
            None => first = Some(report),
            Some(first) => assert!(*first == report, "another order"),
        }
        for at in (1..parts.len()).rev() {
            parts.swap(at, random.below(at as u64 + 1) as usize);
        }
    }
    let report = parsed(&first.expect("a report"));
    // The same packets, in captures that were made of one another, count once.
    for row in list(&report["torrents"]) {
        let served = number(&row["served_bytes"]);
        assert!(served > 0 || number(&row["unique_bytes"]) == 0);
    }
}

#[test]
fn one_connection_in_two_sets_counts_once_as_the_set_with_more_of_it_shows_it() {
    let place = Place::new();
    let torrent = torrent();
    place.torrent("a.torrent", &torrent);
    let world = spread(&torrent, 3);
    let packets = world.packets.len();
    let whole = world.clone();
    // The first part of the same packets, from its very first one on; and the last part.
    let (mut begun, mut ended) = (world.clone(), world);
    begun.packets.truncate(packets * 2 / 3);
    ended.packets.drain(..packets / 3);
    for (name, world) in [("whole", &whole), ("begun", &begun), ("ended", &ended)] {
        let capture = format!("{name}.pcap");
        place.world(&capture, world);
        assert_eq!(place.run(&["facts", &capture, "-o", &format!("{name}.part")]).0, 0);
    }
    let alone = parsed(&place.report(&["-t", "a.torrent", "whole.part"], false));
    assert_eq!(sum(&alone, "served_bytes"), SIZE as u64);
    for parts in [
        &["whole.part", "begun.part"][..],
        &["ended.part", "whole.part"],
        &["begun.part", "ended.part", "whole.part"],
    ] {
        let report = parsed(&place.report(&[&["-t", "a.torrent"], parts].concat(), false));
        assert_eq!(figures(&report), figures(&alone), "{parts:?}");
        let told = list(&report["anomalies"]).iter().find(|row| text(&row["kind"]) == "same-connection");
        let told = told.expect("that they are one is told");
        assert_eq!(number(&told["count"]), 2 * (parts.len() as u64 - 1), "two connections, in each other set");
    }
    // Neither holds all of it: what is in both is not summed twice.
    let report = parsed(&place.report(&["-t", "a.torrent", "begun.part", "ended.part"], false));
    assert!(sum(&report, "served_bytes") <= SIZE as u64 && sum(&report, "verified_bytes") > 0);
}

#[test]
fn both_sides_of_an_address_translation_in_two_sets_are_said_to_be_one_connection() {
    let place = Place::new();
    let torrent = torrent();
    place.torrent("a.torrent", &torrent);
    let ids = [wire::peer_id("-XX0001-", 1), wire::peer_id("-XX0001-", 2)];
    // The same connection, before and behind a router that puts its own address in the place of the client's.
    for (name, client) in [("inside", "10.0.0.9:50001"), ("outside", M)] {
        let mut world = World::new();
        let conn = world.meet(address(client), address(S), torrent.info_hash, ids);
        world.send(conn, Side::B, &wire::bitfield_full(torrent.pieces()));
        world.fetch(conn, Side::B, &torrent, 0);
        place.world(&format!("{name}.pcap"), &world);
        assert_eq!(place.run(&["facts", &format!("{name}.pcap"), "-o", name]).0, 0);
    }
    let report = parsed(&place.report(&["-t", "a.torrent", "inside", "outside"], false));
    let named = list(&report["transfers"]).iter().filter(|row| row.get("same_connection_as").is_some()).count();
    assert_eq!(named, 4, "each direction names the other side");
    assert!(list(&report["anomalies"]).iter().any(|row| text(&row["kind"]) == "same-connection"));
}

#[test]
fn a_capture_that_is_there_compressed_too_counts_once_and_so_do_the_mentions_in_it() {
    let place = Place::new();
    let case = fixture::named("pex");
    let capture = case.read("capture.pcap");
    place.put("plain/capture.pcap", &capture);
    place.put("zipped/capture.pcap.gz", &gzipped(&capture));
    for (capture, part) in [("plain/capture.pcap", "plain.part"), ("zipped/capture.pcap.gz", "zipped.part")] {
        assert_eq!(place.run(&["facts", capture, "-o", part]).0, 0);
    }
    let counts = |report: &Value| -> Vec<(String, u64)> {
        let row = |row: &Value| (format!("{} {}", row["subject"], row["by"]), number(&row["count"]));
        list(&report["mentions"]).iter().map(row).collect()
    };
    let alone = parsed(&place.report(&["plain.part"], false));
    let both = parsed(&place.report(&["plain.part", "zipped.part"], false));
    assert!(!counts(&alone).is_empty());
    assert_eq!(counts(&both), counts(&alone));
    assert_eq!(list(&both["inputs"]).len(), 1, "one of them is read");
    assert_eq!(figures(&both), figures(&alone));
    // The same packets as another capture, which begins a second later, are another tap's: it named them, too.
    let mut later = capture.clone();
    shift(&mut later, 1);
    place.put("later/capture.pcap", &later);
    assert_eq!(place.run(&["facts", "later/capture.pcap", "-o", "later.part"]).0, 0);
    let added = parsed(&place.report(&["plain.part", "later.part"], false));
    let twice: Vec<(String, u64)> = counts(&alone).into_iter().map(|(name, count)| (name, 2 * count)).collect();
    assert_eq!(counts(&added), twice);
}

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut encoder, bytes).expect("memory");
    encoder.finish().expect("memory")
}

/// Moves all frames of a pcap by some seconds.
fn shift(capture: &mut [u8], seconds: u32) {
    let word = |bytes: &[u8], at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
    let mut at = 24;
    while at + 16 <= capture.len() {
        let time = word(capture, at) + seconds;
        capture[at..at + 4].copy_from_slice(&time.to_le_bytes());
        at += 16 + word(capture, at + 8) as usize;
    }
}

#[test]
fn a_set_twice_is_one_and_a_set_within_another_one_is_left_out() {
    let place = Place::new();
    let torrent = torrent();
    place.torrent("a.torrent", &torrent);
    let world = spread(&torrent, 4);
    let (mut one, mut other) = (world.clone(), world);
    one.drop(|packet| packet.conn == Conn(1));
    other.drop(|packet| packet.conn == Conn(0));
    place.world("one.pcap", &one);
    place.world("other.pcap", &other);
    for (captures, part) in
        [(&["one.pcap"][..], "a"), (&["one.pcap"], "again"), (&["one.pcap", "other.pcap"], "both")]
    {
        assert_eq!(place.run(&[&["facts", "-o", part], captures].concat()).0, 0);
    }
    let alone = place.report(&["-t", "a.torrent", "a"], false);
    assert!(place.report(&["-t", "a.torrent", "a", "again"], false) == alone);
    let both = place.report(&["-t", "a.torrent", "both"], false);
    assert!(place.report(&["-t", "a.torrent", "again", "both", "a"], false) == both);
}
