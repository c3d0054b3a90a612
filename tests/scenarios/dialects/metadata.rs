//! Metadata from the capture's own `ut_metadata` messages (BEP 9), and magnet links.

use peerproof::Torrents;
use peerproof::anomaly::Kind;
use peerproof::ends::InfoHash;
use peerproof::evidence::Grade;
use peerproof::report::oddity::parties;
use peerproof::stages::torrent::Source;

use super::*;
use crate::synth::run::{Run, subject, transfer};

/// An info dictionary of three metadata pieces: 2,000 pieces of content.
fn large() -> Torrent {
    Recipe::single("large.bin", SMALL, 2_000 * SMALL as usize - 5, 9).v1()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn base32(bytes: &[u8]) -> String {
    let bits: String = bytes.iter().map(|byte| format!("{byte:08b}")).collect();
    let digit = |bits: &[u8]| {
        let value = u8::from_str_radix(std::str::from_utf8(bits).expect("digits"), 2).expect("five bits");
        char::from(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[usize::from(value)])
    };
    bits.as_bytes().chunks(5).map(digit).collect()
}

/// M opens to `from`; both want `ut_metadata` as 2.
fn hello(world: &mut World, torrent: &Torrent, from: &str) -> Conn {
    let conn = world.meet(address(M), address(from), torrent.info_hash, [id(1), id(from.len() as u32 + 2)]);
    let size = format!("13:metadata_sizei{}e", torrent.info.len());
    world.send(conn, Side::A, &wire::extended_hello(&[("ut_metadata", 2)], ""));
    world.send(conn, Side::B, &wire::extended_hello(&[("ut_metadata", 2)], &size));
    conn
}

fn ask(world: &mut World, conn: Conn, torrent: &Torrent, pieces: impl IntoIterator<Item = u32>) {
    for piece in pieces {
        world.send(conn, Side::A, &wire::metadata_request(2, piece));
        world.send(conn, Side::B, &wire::metadata(2, piece, &torrent.info));
    }
}

fn seed(world: &mut World, conn: Conn, torrent: &Torrent, pieces: impl IntoIterator<Item = u32>) {
    world.send(conn, Side::B, &wire::have_all());
    world.send(conn, Side::A, &wire::interested());
    world.send(conn, Side::B, &wire::unchoke());
    pieces.into_iter().for_each(|piece| world.fetch(conn, Side::B, torrent, piece));
}

/// The leaves of the only file of a v2 torrent, which are its pieces too: a magnet link has no piece layers.
fn layers(world: &mut World, conn: Conn, torrent: &Torrent) {
    if torrent.info_hash_v2.is_some() {
        world.send(conn, Side::B, &wire::hashes(torrent.root(0), 0, 0, &torrent.layer(0, 0), &[]));
    }
}

fn metadata_pieces(torrent: &Torrent) -> u32 {
    torrent.info.len().div_ceil(16_384) as u32
}

#[test]
fn t05_and_t06_an_indexer_and_its_metadata_server_serve_nothing() {
    let torrent = large();
    assert_eq!(metadata_pieces(&torrent), 3);
    let mut world = World::new();
    let conn = hello(&mut world, &torrent, S);
    ask(&mut world, conn, &torrent, 0..3);
    world.close(conn, Side::A);
    for run in [Run::new(), Run::new().torrent(&torrent)] {
        let evidence = run.capture(world.pcap()).evidence();
        let (server, indexer) = (subject(&evidence, S), subject(&evidence, M));
        assert_eq!((server.grade, indexer.grade), (Grade::G3, Grade::G3));
        assert!(rung_reached(&server.rungs, Grade::G3m) && !rung_reached(&indexer.rungs, Grade::G3m));
        assert_eq!((server.bytes, indexer.bytes), (clean(0), clean(0)));
        assert_eq!((server.received_bytes, indexer.received_bytes), (0, 0));
    }
}

#[test]
fn every_form_of_magnet_verifies_with_the_metadata_of_the_capture() {
    let recipe = || Recipe::single("m.bin", SMALL, 3 * SMALL as usize + 9, 21);
    let v2 = |torrent: &Torrent| format!("urn:btmh:1220{}", hex(&torrent.info_hash_v2.expect("v2")));
    let (one, two, both) = (recipe().v1(), recipe().v2(), recipe().hybrid());
    let cases = [
        (&one, format!("magnet:?xt=urn:btih:{}&dn=m&tr=http%3A%2F%2Ft%2Fannounce", hex(&one.info_hash))),
        (&one, format!("magnet:?dn=x&xt=urn:btih:{}", base32(&one.info_hash).to_lowercase())),
        (&one, format!("MAGNET:?xt.1=urn:btih:{}", hex(&one.info_hash).to_uppercase())),
        (&two, format!("magnet:?xt={}", v2(&two))),
        (&both, format!("magnet:?xt=urn:btih:{}&xt={}", hex(&both.info_hash), v2(&both))),
        (&both, format!("magnet:?xt={}", v2(&both))),
        (&both, format!("magnet:?xt=urn:btih:{}", hex(&both.info_hash))),
    ];
    for (torrent, magnet) in cases {
        let mut world = World::new();
        let conn = hello(&mut world, torrent, S);
        ask(&mut world, conn, torrent, 0..1);
        layers(&mut world, conn, torrent);
        seed(&mut world, conn, torrent, 0..torrent.pieces());
        let without = Run::new().capture(world.pcap()).metainfo(magnet.as_str());
        let evidence = without.evidence();
        let seeder = transfer(&evidence, S, M);
        assert_eq!((seeder.bytes, seeder.grade), (clean(sent(&world)), Grade::G9), "{magnet}");
        assert!(rung_reached(&seeder.rungs, Grade::G3m) && seeder.standard.is_some());
        assert_eq!(evidence.torrents.len(), 1, "{magnet}");
        assert_eq!(evidence.known.iter().next().map(|torrent| torrent.source()), Some(Source::Capture));
    }
}

#[test]
fn a_magnet_without_metadata_verifies_nothing_and_says_so() {
    let torrent = four_pieces();
    let (world, _) = one_seeder(&torrent);
    let magnet = format!("magnet:?xt=urn:btih:{}", hex(&torrent.info_hash));
    let evidence = Run::new().capture(world.pcap()).metainfo(magnet.as_str()).evidence();
    let seeder = transfer(&evidence, S, M);
    assert_eq!((seeder.grade, seeder.bytes.verified, seeder.bytes.unproven), (Grade::G6, 0, sent(&world)));
    assert!(seeder.next_rung.as_ref().is_some_and(|why| why.starts_with("G7 not reached")));
    assert_eq!(evidence.torrents.len(), 1);
}

#[test]
fn metadata_in_parts_from_two_connections_is_one_dictionary() {
    let torrent = large();
    let mut world = World::new();
    let one = hello(&mut world, &torrent, S);
    ask(&mut world, one, &torrent, [0, 2]);
    let other = hello(&mut world, &torrent, S2);
    ask(&mut world, other, &torrent, [1]);
    seed(&mut world, one, &torrent, [0, 1_999]);
    let evidence = Run::new().capture(world.pcap()).evidence();
    let seeder = transfer(&evidence, S, M);
    assert_eq!((seeder.bytes, seeder.grade), (clean(2 * u64::from(SMALL) - 5), Grade::G8));
    for part in [S, S2] {
        assert!(!rung_reached(&subject(&evidence, part).rungs, Grade::G3m), "{part} sent a part only");
    }
    let sent = |from| transfer(&evidence, from, M).metadata.as_ref().map(|part| (part.pieces.clone(), part.of));
    assert_eq!((sent(S), sent(S2)), (Some((vec![0, 2], 3)), Some((vec![1], 3))));
    assert_eq!(transfer(&evidence, M, S).metadata, None);
    let found = Run::new().capture(world.pcap()).found();
    assert_eq!(found.metadata.rebuilt.len(), 1);
    assert_eq!((found.metadata.rebuilt[0].contributors.len(), found.metadata.rebuilt[0].whole_from.len()), (2, 0));
}

#[test]
fn poisoned_metadata_is_named_and_stops_nothing() {
    let torrent = large();
    for poison_first in [true, false] {
        let mut world = World::new();
        let conns = if poison_first { [S2, S] } else { [S, S2] };
        for from in conns {
            let conn = hello(&mut world, &torrent, from);
            ask(&mut world, conn, &torrent, [0, 2]);
            world.send(conn, Side::A, &wire::metadata_request(2, 1));
            let mut bytes = torrent.info[16_384..32_768].to_vec();
            bytes[9] ^= u8::from(from == S2);
            world.send(conn, Side::B, &wire::metadata_of(2, 1, torrent.info.len(), &bytes));
            if from == S {
                seed(&mut world, conn, &torrent, [5]);
            }
        }
        let evidence = Run::new().capture(world.pcap()).evidence();
        assert_eq!(transfer(&evidence, S, M).bytes, clean(u64::from(SMALL)), "{poison_first}");
        let wrong = evidence.anomalies.tally(Kind::WrongMetadata).expect("it was poisoned");
        let named: Vec<_> = wrong.examples.iter().map(parties).collect();
        let has = |peer: &str| named.iter().any(|name| name == peer);
        assert!(has(S2) && !has(S), "{named:?}");
        assert!(rung_reached(&subject(&evidence, S).rungs, Grade::G3m));
        assert!(!rung_reached(&subject(&evidence, S2).rungs, Grade::G3m));
        nobody_refuted(&evidence);
    }
}

#[test]
fn without_a_torrent_those_with_metadata_are_analysed_and_others_listed() {
    let (known, named) = (four_pieces(), two_block_pieces());
    let mut world = World::new();
    let conn = hello(&mut world, &known, S);
    ask(&mut world, conn, &known, 0..1);
    seed(&mut world, conn, &known, 0..4);
    let other = hello(&mut world, &named, S3);
    seed(&mut world, other, &named, 0..1);
    let evidence = Run::new().capture(world.pcap()).evidence();
    let row = |torrent: &Torrent| {
        let row = evidence.torrents.iter().find(|row| row.info_hash == InfoHash(torrent.info_hash.to_vec()));
        row.map(|row| (row.source.is_some(), row.bytes.verified, row.bytes.unproven)).expect("a row")
    };
    assert_eq!(row(&known), (true, known.content.len() as u64, 0));
    assert_eq!(row(&named), (false, 0, 2 * u64::from(SMALL)));
    assert_eq!((subject(&evidence, S).grade, subject(&evidence, S3).grade), (Grade::G9, Grade::G6));
    assert_eq!(odd(&evidence, Kind::TorrentNotGiven), 1);
}

#[test]
fn metadata_that_never_completes_verifies_nothing_and_credits_nobody() {
    let torrent = large();
    let mut world = World::new();
    let conn = hello(&mut world, &torrent, S);
    ask(&mut world, conn, &torrent, [0, 1]);
    seed(&mut world, conn, &torrent, [0]);
    let run = Run::new().capture(world.pcap());
    let evidence = run.evidence();
    let server = subject(&evidence, S);
    assert_eq!((server.grade, server.bytes.unproven), (Grade::G6, u64::from(SMALL)));
    assert!(!rung_reached(&server.rungs, Grade::G3m));
    let found = run.found();
    assert!(found.torrents.is_empty() && found.metadata.rebuilt.is_empty());
    assert_eq!(found.metadata.unfinished, [torrent.info_hash]);
}

#[test]
fn a_torrent_found_in_the_capture_can_be_written_and_given_again() {
    for torrent in [four_pieces(), Recipe::single("h.bin", SMALL, 3 * SMALL as usize, 5).hybrid()] {
        let mut world = World::new();
        let conn = hello(&mut world, &torrent, S);
        ask(&mut world, conn, &torrent, 0..1);
        layers(&mut world, conn, &torrent);
        seed(&mut world, conn, &torrent, 0..torrent.pieces());
        let found = Run::new().capture(world.pcap()).found();
        let info = &found.metadata.rebuilt[0].info;
        let rebuilt: Vec<_> = found.torrents.iter().map(|torrent| torrent.metainfo(info)).collect();
        let [bytes] = &rebuilt[..] else { panic!("{rebuilt:?}") };
        let parsed = Torrents::from_bytes(vec![("again".to_owned(), bytes.clone())]).expect("a torrent");
        assert_eq!(parsed.find(&torrent.info_hash).map(|_| parsed.len()), Some(1));
        let evidence = Run::new().capture(world.pcap()).metainfo(bytes.clone()).evidence();
        assert_eq!(transfer(&evidence, S, M).bytes, clean(sent(&world)));
    }
}

#[test]
fn a_dictionary_that_went_to_two_receivers_in_halves_is_served_whole_by_the_subject_alone() {
    let torrent = large();
    let mut world = World::new();
    for (to, pieces) in [("81.2.69.10:50001", vec![0]), ("81.2.69.11:50001", vec![1, 2])] {
        let conn = world.meet(address(to), address(S), torrent.info_hash, [id(to.len() as u32), id(9)]);
        world.send(conn, Side::A, &wire::extended_hello(&[("ut_metadata", 2)], ""));
        ask(&mut world, conn, &torrent, pieces);
    }
    let evidence = Run::new().capture(world.pcap()).evidence();
    assert!(rung_reached(&subject(&evidence, S).rungs, Grade::G3m));
    for transfer in &evidence.transfers {
        assert!(!rung_reached(&transfer.rungs, Grade::G3m), "{transfer:#?}");
    }
}

#[test]
fn metadata_over_one_transport_is_no_rung_over_the_other() {
    use crate::synth::utp::UtpConn;
    let torrent = four_pieces();
    let mut world = World::new();
    let conn = hello(&mut world, &torrent, S);
    ask(&mut world, conn, &torrent, 0..1);
    let mut utp = UtpConn::open(&mut world, address(M), address(S), 7, [1, 1]);
    utp.join(&mut world, &torrent, [id(1), id(2)]);
    let evidence = Run::new().capture(world.pcap()).evidence();
    for row in evidence.subjects.iter().filter(|subject| subject.endpoint.to_string() == S) {
        let tcp = row.transport == peerproof::ends::Transport::Tcp;
        assert_eq!(rung_reached(&row.rungs, Grade::G3m), tcp, "{row:#?}");
    }
}
