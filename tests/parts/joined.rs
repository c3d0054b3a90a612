//! Parts of captures that saw one another's times and connections: what was sent stands by time whatever set it is in, and what
//! two sets hold of one connection counts once.

use serde_json::Value;

use super::many::{M, S, S2, figures};
use super::{Place, parsed, sum};
use crate::fixture::{list, number, text};
use crate::synth::content::{Random, Recipe, Torrent};
use crate::synth::run::address;
use crate::synth::swarm::{Conn, Packet, Side, World};
use crate::synth::utp::UtpConn;
use crate::synth::wire;

const MS: i64 = 1_000_000;
const S3: &str = "93.184.16.3:6881";

fn id(number: u32) -> [u8; 20] {
    wire::peer_id("-XX0001-", number)
}

/// Writes each world as a capture and a part of it; gives the names of both.
fn put(place: &Place, name: &str, worlds: &[World]) -> (Vec<String>, Vec<String>) {
    let one = |(number, world): (usize, &World)| {
        let (capture, part) = (format!("{name}/{number}.pcap"), format!("{name}/{number}.part"));
        place.world(&capture, world);
        let made = place.run(&["facts", &capture, "-o", &part]);
        assert_eq!(made.0, 0, "{}", made.2);
        (capture, part)
    };
    worlds.iter().enumerate().map(one).unzip()
}

fn report(place: &Place, names: &[String]) -> Value {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    parsed(&place.report(&[&["-t", "a.torrent"], &names[..]].concat(), false))
}

fn kept(world: &World, keep: impl Fn(usize, &Packet) -> bool) -> World {
    let mut kept = world.clone();
    let mut index = 0..;
    kept.packets.retain(|packet| keep(index.next().expect("endless"), packet));
    kept
}

/// The packets of a tap whose clock is ahead by so many nanoseconds.
fn ahead(mut world: World, ns: i64) -> World {
    world.packets.iter_mut().for_each(|packet| packet.time += ns);
    world
}

/// Everything that M fetches from S, over TCP or uTP.
fn one_seeder(torrent: &Torrent, over_utp: bool) -> World {
    let mut world = World::new();
    if over_utp {
        let mut conn = UtpConn::open(&mut world, address(M), address(S), 4_711, [100, 65_500]);
        conn.join(&mut world, torrent, [id(1), id(2)]);
        (0..torrent.pieces()).for_each(|piece| conn.fetch(&mut world, torrent, piece));
    } else {
        let conn = world.meet(address(M), address(S), torrent.info_hash, [id(1), id(2)]);
        world.send(conn, Side::B, &wire::bitfield_full(torrent.pieces()));
        world.send(conn, Side::B, &wire::unchoke());
        (0..torrent.pieces()).for_each(|piece| world.fetch(conn, Side::B, torrent, piece));
    }
    world
}

#[test]
fn a_piece_that_failed_is_its_only_senders_though_another_set_began_before() {
    let place = Place::new();
    let torrent = Recipe::single("two.bin", 32_768, 4 * 32_768, 6).v1();
    place.torrent("a.torrent", &torrent);
    let mut world = World::new();
    let honest = world.meet(address(M), address(S3), torrent.info_hash, [id(9), id(3)]);
    let corrupt = world.meet(address(M), address(S2), torrent.info_hash, [id(9), id(2)]);
    for conn in [honest, corrupt] {
        world.send(conn, Side::B, &wire::bitfield_full(torrent.pieces()));
        world.send(conn, Side::B, &wire::unchoke());
    }
    world.send(corrupt, Side::A, &[wire::request(1, 0, 16_384), wire::request(1, 16_384, 16_384)].concat());
    world.bad_piece(corrupt, Side::B, &torrent, 1, 0, 16_384);
    world.piece(corrupt, Side::B, &torrent, 1, 16_384, 16_384);
    world.pass(1_000 * MS);
    world.send(honest, Side::A, &wire::request(1, 16_384, 16_384));
    world.piece(honest, Side::B, &torrent, 1, 16_384, 16_384);
    let sets = [honest, corrupt].map(|conn| kept(&world, |_, packet| packet.conn == conn));
    let (captures, parts) = put(&place, "z", &sets);
    let (captures, parts) = (report(&place, &captures), report(&place, &parts));
    assert_eq!(figures(&parts), figures(&captures));
    assert_eq!((sum(&parts, "refuted_bytes"), sum(&parts, "disputed_bytes")), (32_768, 0));
}

#[test]
fn whatever_connections_a_set_holds_the_parts_say_what_the_captures_say() {
    let place = Place::new();
    let torrent = Recipe::single("mixed.bin", 49_152, 5 * 49_152 + 20_000, 6).v1();
    place.torrent("a.torrent", &torrent);
    for seed in 1..7 {
        let (mut world, mut random) = (World::new(), Random::new(seed));
        let conns: Vec<Conn> = [S, S2, S3]
            .iter()
            .zip(2..)
            .map(|(seed, number)| {
                let conn = world.meet(address(M), address(seed), torrent.info_hash, [id(1), id(number)]);
                world.send(conn, Side::B, &wire::bitfield_full(torrent.pieces()));
                world.send(conn, Side::B, &wire::unchoke());
                conn
            })
            .collect();
        // Twice all blocks, each of anybody, some bad: failed pieces, later copies, copies of several.
        for _ in 0..2 {
            for (piece, (begin, len)) in (0..torrent.pieces())
                .flat_map(|piece| torrent.blocks(piece).into_iter().map(move |block| (piece, block)))
            {
                let conn = conns[random.below(3) as usize];
                world.send(conn, Side::A, &wire::request(piece, begin, len));
                match random.below(6) {
                    0 => world.bad_piece(conn, Side::B, &torrent, piece, begin, len),
                    _ => world.piece(conn, Side::B, &torrent, piece, begin, len),
                }
            }
        }
        let sets = [0, 1, 2].map(|number| kept(&world, |_, packet| packet.conn == conns[number]));
        let (captures, parts) = put(&place, &seed.to_string(), &sets);
        let whole = report(&place, &captures);
        let first = report(&place, &parts);
        assert_eq!(figures(&first), figures(&whole), "{seed}");
        // Two captures as one set.
        let pair = format!("{seed}/pair.part");
        assert_eq!(place.run(&["facts", &captures[2], &captures[0], "-o", &pair]).0, 0);
        assert_eq!(figures(&report(&place, &[pair, parts[1].clone()])), figures(&whole), "{seed}, grouped");
        let turned: Vec<String> = parts.iter().rev().cloned().collect();
        assert!(report(&place, &turned) == first, "{seed}, turned");
    }
}

#[test]
fn two_taps_count_once_though_their_clocks_differ_and_one_lacks_packets_of_the_opening() {
    let place = Place::new();
    let torrent = Recipe::single("taps.bin", 32_768, 200_000, 6).v1();
    place.torrent("a.torrent", &torrent);
    for over_utp in [false, true] {
        let world = one_seeder(&torrent, over_utp);
        for (ms, missed) in [(5, 9..9), (1_200, 1..2), (-400, 0..1), (900, 0..2), (300, 0..5), (1_500, 0..40)] {
            let tap = ahead(kept(&world, |at, _| !missed.contains(&at)), ms * MS);
            let name = format!("{over_utp}, {ms} ms, without {missed:?}");
            let (_, parts) = put(&place, &name, &[world.clone(), tap]);
            let report = report(&place, &parts);
            assert_eq!(sum(&report, "served_bytes"), 200_000, "{name}");
            assert_eq!(sum(&report, "verified_bytes"), 200_000, "{name}");
            let told = list(&report["anomalies"]).iter().any(|row| text(&row["kind"]) == "same-connection");
            assert!(told, "{name}");
        }
    }
}

#[test]
fn what_only_one_of_two_taps_holds_of_a_connection_counts() {
    let place = Place::new();
    let torrent = Recipe::single("taps.bin", 32_768, 20 * 32_768, 6).v1();
    place.torrent("a.torrent", &torrent);
    for over_utp in [false, true] {
        let world = one_seeder(&torrent, over_utp);
        let third = world.packets.len() / 3;
        // Each lacks a third of the packets; all are in one of them.
        let taps = [
            kept(&world, |at, _| !(third..2 * third).contains(&at)),
            ahead(kept(&world, |at, _| at < 2 * third), 700 * MS),
        ];
        let (_, parts) = put(&place, &format!("{over_utp}"), &taps);
        let report = report(&place, &parts);
        let served = sum(&report, "served_bytes");
        // But for the blocks that begin in one and end in the other one, and what is before the framing is found again.
        assert!((20 * 32_768 - 4 * 16_384..=20 * 32_768).contains(&served), "{over_utp}: {served}");
        assert_eq!((sum(&report, "refuted_bytes"), sum(&report, "repeated_bytes")), (0, 0), "{over_utp}");
    }
}

#[test]
fn a_ring_whose_files_are_sets_of_their_own_is_one_connection_wherever_it_is_cut() {
    let place = Place::new();
    let torrent = Recipe::single("ring.bin", 32_768, 12 * 32_768, 6).v1();
    place.torrent("a.torrent", &torrent);
    for over_utp in [false, true] {
        let world = one_seeder(&torrent, over_utp);
        let (count, mut random) = (world.packets.len(), Random::new(3));
        for _ in 0..5 {
            let cut = 12 + random.below(count as u64 - 60) as usize;
            let name = format!("{over_utp}, {cut} of {count}");
            let halves = [kept(&world, |at, _| at < cut), kept(&world, |at, _| at >= cut)];
            let (_, parts) = put(&place, &name, &halves);
            let report = report(&place, &parts);
            let rows: Vec<&Value> =
                list(&report["transfers"]).iter().filter(|row| number(&row["served_bytes"]) > 0).collect();
            assert_eq!(rows.len(), 1, "{name}: one transfer");
            assert_eq!(number(&rows[0]["connections"]), 1, "{name}: one connection");
            let (served, all) = (sum(&report, "served_bytes"), 12 * 32_768);
            // The block that is cut is whole in neither.
            assert!((all - 2 * 16_384..=all).contains(&served), "{name}: {served}");
            let whole = sum(&report, "verified_bytes");
            assert!((all - 2 * 32_768..=all).contains(&whole), "{name}: {whole} verified");
            assert_eq!((sum(&report, "refuted_bytes"), sum(&report, "disputed_bytes")), (0, 0), "{name}");
        }
    }
}

#[test]
fn connections_of_several_torrents_between_the_same_ports_stay_apart_where_sets_cut_them() {
    let place = Place::new();
    let torrents: Vec<Torrent> =
        (1..4).map(|seed| Recipe::single(&format!("{seed}.bin"), 32_768, 4 * 32_768, seed).v1()).collect();
    let mut world = World::new();
    let mut given = Vec::new();
    let mut conns: Vec<UtpConn> = torrents
        .iter()
        .zip(1..)
        .map(|(torrent, number)| {
            place.torrent(&format!("{number}.torrent"), torrent);
            given.extend(["-t".to_owned(), format!("{number}.torrent")]);
            let mut conn = UtpConn::open(&mut world, address(M), address(S), 1_000 * number, [number, 9 * number]);
            conn.join(&mut world, torrent, [id(1), id(2)]);
            conn
        })
        .collect();
    for piece in 0..4 {
        conns.iter_mut().zip(&torrents).for_each(|(conn, torrent)| conn.fetch(&mut world, torrent, piece));
    }
    let count = world.packets.len();
    for cut in [count / 4, count / 2, count * 3 / 4] {
        let halves = [kept(&world, |at, _| at < cut), ahead(kept(&world, |at, _| at >= cut - 9), 200 * MS)];
        let (_, parts) = put(&place, &cut.to_string(), &halves);
        let arguments: Vec<&str> = given.iter().chain(&parts).map(String::as_str).collect();
        let report = parsed(&place.report(&arguments, false));
        assert_eq!((sum(&report, "refuted_bytes"), sum(&report, "disputed_bytes")), (0, 0), "{cut}");
        let served = sum(&report, "served_bytes");
        let all = 3 * 4 * 32_768;
        assert!(served <= all && served >= all - 3 * 32_768, "{cut}: {served}");
        let rows = list(&report["transfers"]).iter().filter(|row| number(&row["served_bytes"]) > 0);
        assert_eq!(rows.count(), 3, "{cut}");
    }
}
