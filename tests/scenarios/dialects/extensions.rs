//! Extension messages (BEP 10, 11, 54, 55): what they say, and that it proves nothing.

use peerproof::anomaly::Kind;
use peerproof::evidence::{Flag, Grade, PortBasis};
use peerproof::stages::hearsay::Via;

use super::*;
use crate::synth::run::{analyze, subject, subjects, transfer};

/// A dictionary of strings.
fn strings(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let entry =
        |(key, value): &(&str, &[u8])| [format!("{}:{key}{}:", key.len(), value.len()).as_bytes(), value].concat();
    [b"d".to_vec(), entries.iter().flat_map(entry).collect(), b"e".to_vec()].concat()
}

/// A connection on which both sides have shaken hands twice: M wants `ut_pex` as 11, S as 22, and so on.
fn extended(world: &mut World, torrent: &Torrent) -> Conn {
    let conn = join(world, torrent, M, S);
    let names = ["lt_donthave", "ut_holepunch", "ut_metadata", "ut_pex"];
    let ids = |base: u8| -> Vec<(&str, u8)> { names.into_iter().zip(base..).collect() };
    world.send(conn, Side::A, &wire::extended_hello(&ids(11), ""));
    world.send(conn, Side::B, &wire::extended_hello(&ids(21), ""));
    conn
}

#[test]
fn a_listen_port_joins_the_ports_that_a_peer_connects_from() {
    let torrent = four_pieces();
    let mut world = World::new();
    for (number, port) in [50_001, 50_777, 61_000].into_iter().enumerate() {
        // The seeder opens each connection.
        let conn = world.meet(
            address(&format!("93.184.16.1:{port}")),
            address(M),
            torrent.info_hash,
            [wire::peer_id("-qB4500-", number as u32), id(2)],
        );
        world.send(conn, Side::A, &wire::extended_hello(&[], "1:pi6881e1:v17:qBittorrent/4.5.0"));
        world.send(conn, Side::A, &wire::bitfield_full(torrent.pieces()));
        world.send(conn, Side::A, &wire::unchoke());
        world.fetch(conn, Side::A, &torrent, number as u32);
    }
    let evidence = analyze(&world, &torrent);
    assert_eq!(evidence.transfers.iter().filter(|transfer| transfer.bytes.served > 0).count(), 3);
    let seeder = subject(&evidence, S);
    assert_eq!((seeder.bytes, seeder.grade), (clean(3 * u64::from(SMALL)), Grade::G8));
    assert_eq!((seeder.port_basis, seeder.listen_port), (PortBasis::Declared, Some(6881)));
    assert_eq!(seeder.peer_ids.len(), 3);
    assert_eq!(seeder.clients.iter().collect::<Vec<_>>(), ["qBittorrent/4.5.0"]);
    assert!(subjects(&evidence, "93.184.16.1:50001").is_empty());
    let leecher = subject(&evidence, M);
    assert_eq!((leecher.port_basis, leecher.listen_port), (PortBasis::Observed, Some(50_001)));
}

#[test]
fn a_client_is_named_by_its_handshake_or_its_peer_id() {
    let torrent = four_pieces();
    let mut world = World::new();
    let conn = join_as(&mut world, &torrent, M, S, [wire::peer_id("-TR3000-", 1), wire::peer_id("-lt0D80-", 2)]);
    world.send(conn, Side::A, &wire::extended_hello(&[], "1:v12:\x1b[31mevil\n\0!"));
    world.fetch(conn, Side::B, &torrent, 0);
    let evidence = analyze(&world, &torrent);
    let named = |at| subject(&evidence, at).clients.iter().cloned().collect::<Vec<_>>();
    assert_eq!(named(S), ["rTorrent 0.9.8"]);
    let [client] = &named(M)[..] else { panic!("{:?}", named(M)) };
    assert!(client.chars().all(|char| !char.is_control()), "{client:?}");
}

#[test]
fn t04_pex_names_a_seed_and_that_is_hearsay() {
    let torrent = four_pieces();
    let mut world = World::new();
    let conn = extended(&mut world, &torrent);
    let added = [93, 184, 16, 3, 0x1a, 0xe1, 8, 8, 8, 8, 0x1a, 0xe2];
    let six: Vec<u8> = [&[0x20, 0x01, 0x0d, 0xb9][..], &[0; 11], &[7, 0x1a, 0xe3]].concat();
    let body = strings(&[("added", &added), ("added.f", &[0x02, 0x12]), ("added6", &six), ("added6.f", &[2])]);
    world.send(conn, Side::B, &wire::extended(14, &body));
    world.send(conn, Side::B, &wire::extended(14, &body));
    world.fetch(conn, Side::B, &torrent, 0);
    let evidence = analyze(&world, &torrent);
    let named: Vec<_> = evidence
        .mentions
        .iter()
        .map(|mention| (mention.subject.to_string(), mention.by.to_string(), mention.via, mention.count))
        .collect();
    let by = |subject: &str| (subject.to_owned(), S.to_owned(), Via::Pex, 2);
    assert_eq!(named, [by("8.8.8.8:6882"), by("93.184.16.3:6881"), by("[2001:db9::7]:6883")]);
    assert!(
        evidence
            .mentions
            .iter()
            .all(|told| told.info_hash.as_ref().is_some_and(|hash| hash.0 == torrent.info_hash))
    );
    assert_eq!(evidence.subjects.len(), 2, "who was only named is no subject");
    assert_eq!(transfer(&evidence, S, M).bytes, clean(u64::from(SMALL)));
}

#[test]
fn a_seed_named_by_pex_keeps_the_grade_that_its_own_packets_give() {
    let torrent = four_pieces();
    let mut world = World::new();
    let conn = extended(&mut world, &torrent);
    let body = strings(&[("added", &[93, 184, 16, 3, 0x1a, 0xe1]), ("added.f", &[0x02])]);
    world.send(conn, Side::B, &wire::extended(14, &body));
    let quiet = world.meet(address(M), address(S3), torrent.info_hash, [id(1), id(3)]);
    world.close(quiet, Side::A);
    let evidence = analyze(&world, &torrent);
    assert_eq!(evidence.mentions.len(), 1);
    assert_eq!((subject(&evidence, S3).grade, subject(&evidence, S3).pieces_advertised), (Grade::G3, 0));
}

#[test]
fn a_broken_peer_list_is_named_and_costs_nothing_else() {
    let torrent = four_pieces();
    let broken: [Vec<u8>; 4] = [b"d5:addedi5ee".to_vec(), b"d5:added99:x".to_vec(), b"le".to_vec(), Vec::new()];
    for body in broken {
        let mut world = World::new();
        let conn = extended(&mut world, &torrent);
        world.send(conn, Side::B, &wire::extended(14, &body));
        let good = strings(&[("added", &[93, 184, 16, 3, 0x1a, 0xe1])]);
        world.send(conn, Side::B, &wire::extended(14, &good));
        fetch_all(&mut world, conn, &torrent);
        let evidence = analyze(&world, &torrent);
        assert_eq!((odd(&evidence, Kind::BadMessage), evidence.mentions.len()), (1, 1), "{body:?}");
        assert!(details(&evidence, Kind::BadMessage)[0].contains("ut_pex"));
        let seeder = transfer(&evidence, S, M);
        assert_eq!((seeder.bytes, seeder.grade), (clean(sent(&world)), Grade::G9));
    }
}

#[test]
fn a_part_of_an_entry_and_too_few_flags_lose_no_peer_of_a_list() {
    let torrent = four_pieces();
    let peer = [93, 184, 16, 3, 0x1a, 0xe1];
    for (body, peers) in [
        (strings(&[("added", &[&peer[..], &[1]].concat())]), 1),
        (strings(&[("added", &[&peer[..], &[1, 2, 3, 4, 0, 9]].concat()), ("added.f", &[1])]), 2),
    ] {
        let mut world = World::new();
        let conn = extended(&mut world, &torrent);
        world.send(conn, Side::B, &wire::extended(14, &body));
        let evidence = analyze(&world, &torrent);
        assert_eq!((odd(&evidence, Kind::BadMessage), evidence.mentions.len()), (0, peers), "{body:?}");
    }
}

#[test]
fn a_piece_sent_after_it_was_withdrawn_is_not_the_standard() {
    let torrent = four_pieces();
    let mut world = World::new();
    let conn = extended(&mut world, &torrent);
    world.send(conn, Side::B, &wire::extended(11, &2_u32.to_be_bytes()));
    world.fetch(conn, Side::B, &torrent, 2);
    let evidence = analyze(&world, &torrent);
    let seeder = transfer(&evidence, S, M);
    assert_eq!((seeder.bytes, seeder.grade, seeder.standard), (clean(u64::from(SMALL)), Grade::G8, None));
    // Claimed again, it is.
    world.send(conn, Side::B, &wire::extended(11, &1_u32.to_be_bytes()));
    world.send(conn, Side::B, &wire::have(1));
    world.fetch(conn, Side::B, &torrent, 1);
    let evidence = analyze(&world, &torrent);
    assert_eq!(transfer(&evidence, S, M).standard.map(|standard| standard.piece), Some(1));
}

#[test]
fn a_holepunch_connect_names_its_target() {
    let torrent = four_pieces();
    let mut world = World::new();
    let conn = extended(&mut world, &torrent);
    let target = [0, 93, 184, 16, 9, 0x1a, 0xe1];
    let message = |kind: u8, tail: &[u8]| [&[kind][..], &target, tail].concat();
    world.send(conn, Side::A, &wire::extended(22, &message(0, &[])));
    world.send(conn, Side::B, &wire::extended(12, &message(1, &[0; 4])));
    world.send(conn, Side::B, &wire::extended(12, &message(2, &[0, 0, 0, 1])));
    let evidence = analyze(&world, &torrent);
    let named: Vec<_> =
        evidence.mentions.iter().map(|mention| (mention.subject.to_string(), mention.via, mention.count)).collect();
    assert_eq!(named, [("93.184.16.9:6881".to_owned(), Via::Holepunch, 1)]);
    assert_eq!(odd(&evidence, Kind::BadMessage), 0);
}

#[test]
fn the_ids_of_each_direction_are_the_receivers() {
    let torrent = Recipe::single("meta.bin", SMALL, 3 * SMALL as usize, 77).v1();
    let mut world = World::new();
    let conn = join(&mut world, &torrent, M, S);
    let size = format!("13:metadata_sizei{}e", torrent.info.len());
    // The same numbers, crossed: 3 is ut_metadata to M and ut_pex to S.
    world.send(conn, Side::A, &wire::extended_hello(&[("ut_metadata", 3), ("ut_pex", 8)], ""));
    world.send(conn, Side::B, &wire::extended_hello(&[("ut_metadata", 8), ("ut_pex", 3)], &size));
    world.send(conn, Side::A, &wire::metadata_request(8, 0));
    world.send(conn, Side::B, &wire::metadata(3, 0, &torrent.info));
    let pex = strings(&[("added", &[93, 184, 16, 3, 0x1a, 0xe1])]);
    world.send(conn, Side::A, &wire::extended(3, &pex));
    world.send(conn, Side::B, &wire::extended(8, &pex));
    world.fetch(conn, Side::B, &torrent, 0);
    let evidence = Run::new().capture(world.pcap()).evidence();
    let mut by: Vec<_> = evidence.mentions.iter().map(|mention| mention.by.to_string()).collect();
    by.sort();
    assert_eq!(by, [M, S]);
    let seeder = transfer(&evidence, S, M);
    assert_eq!((seeder.bytes, seeder.grade), (clean(u64::from(SMALL)), Grade::G8));
    assert!(rung_reached(&seeder.rungs, Grade::G3m));
    assert_eq!(odd(&evidence, Kind::BadMessage), 0);
}

#[test]
fn bencode_bombs_in_extension_handshakes_are_named_and_cost_nothing_else() {
    let torrent = four_pieces();
    let deep = [b"d1:m".to_vec(), vec![b'l'; 400_000], vec![b'e'; 400_000], b"e".to_vec()].concat();
    let wide = [
        b"d1:md".to_vec(),
        (0..30_000).flat_map(|n| format!("5:{n:05}i1e").into_bytes()).collect(),
        b"ee".to_vec(),
    ];
    let bombs: [(Vec<u8>, u64); 6] = [
        (deep, 1),
        (b"d1:m".repeat(50_000), 1),
        (b"d1:v999999999999:x".to_vec(), 1),
        (b"d1:pi99999999999999999999999999999999e".to_vec(), 1),
        (b"d1:v-5:abce".to_vec(), 1),
        (wide.concat(), 0),
    ];
    for (body, most) in bombs {
        let mut world = World::new();
        let conn = join(&mut world, &torrent, M, S);
        world.send(conn, Side::B, &wire::extended(0, &body));
        fetch_all(&mut world, conn, &torrent);
        let evidence = analyze(&world, &torrent);
        let seeder = transfer(&evidence, S, M);
        assert_eq!((seeder.bytes, seeder.grade), (clean(sent(&world)), Grade::G9));
        assert!(odd(&evidence, Kind::BadMessage) >= most, "{:?}", &body[..8]);
        assert!(!seeder.flags.contains(&Flag::Resynchronised));
    }
}
