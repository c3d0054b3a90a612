//! The generator, checked against itself and by eye in Wireshark: `PEERPROOF_SYNTH_DIR=/tmp/x cargo test --test
//! tests synth::checks` writes the captures there.

use std::net::SocketAddr;

use super::capture::{LINK_ETHERNET, Order, Ticks, pcap, pcapng};
use super::content::{Recipe, Torrent};
use super::swarm::{Conn, Side, World};
use super::utp::UtpConn;
use super::wire;

#[test]
fn a_stream_is_the_concatenation_of_its_segments() {
    let torrent = Recipe::single("a.bin", 32_768, 100_000, 1).v1();
    let (mut world, conn) = seeder_and_leecher("10.0.0.1:50000", "10.0.0.2:6881", &torrent);
    world.fetch(conn, Side::B, &torrent, 3);
    let mut stream = Vec::new();
    for packet in world.packets.iter().filter(|packet| packet.is_data(conn, Side::B)) {
        assert_eq!(packet.offset(), Some(stream.len() as u64));
        stream.extend_from_slice(packet.payload());
    }
    assert_eq!(stream.len() as u64, world.sent(conn, Side::B));
    let sent = &world.ledger[0];
    let at = sent.offset as usize;
    assert_eq!(&stream[at..at + sent.len as usize], torrent.block(3, 0, sent.len));
    assert_eq!(stream[at - 13..at - 8], [0, 0, 6, 0xa9, 7], "100,000 - 3 x 32,768 = 1,696 bytes, and 9");
}

#[test]
fn the_ranges_of_a_piece_leave_pads_out() {
    let torrent = Recipe::folder("f", 16_384, 2).file("a", 10_000).pad(6_384).file("b", 20_000).v1();
    assert_eq!((torrent.pieces(), torrent.piece_len(2)), (3, 3_616));
    assert_eq!(torrent.files_of(0), [(0, 10_000)]);
    assert_eq!(torrent.files_of(1), [(2, 16_384)]);
    assert_eq!(torrent.files_of(2), [(2, 3_616)]);
}

#[test]
fn captures_for_the_eye_are_written_on_request() {
    let Ok(folder) = std::env::var("PEERPROOF_SYNTH_DIR") else { return };
    let folder = std::path::Path::new(&folder);
    std::fs::create_dir_all(folder).expect("the folder can be made");
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.join(name), bytes).expect("writable");
    let torrent = Recipe::folder("many", 32_768, 3).file("a", 50_000).file("b", 33_333).v1();
    write("v1.torrent", &torrent.metainfo);
    write("v2.torrent", &Recipe::folder("many", 32_768, 3).file("a", 200_000).file("b", 33).v2().metainfo);
    write("hybrid.torrent", &Recipe::folder("many", 32_768, 3).file("a", 200_000).file("b", 33).hybrid().metainfo);
    for (name, a, b) in
        [("v4", "10.0.0.1:50000", "10.0.0.2:6881"), ("v6", "[2001:db8::1]:50000", "[2001:db8::2]:6881")]
    {
        let (mut world, conn) = seeder_and_leecher(a, b, &torrent);
        (0..torrent.pieces()).for_each(|piece| world.fetch(conn, Side::B, &torrent, piece));
        every_message(&mut world, conn);
        world.close(conn, Side::A);
        for (order, ticks) in [(Order::Little, Ticks::Micros), (Order::Big, Ticks::Nanos)] {
            let tag = format!("{name}-{order:?}-{ticks:?}").to_lowercase();
            write(&format!("{tag}.pcap"), &pcap(&world.records(), LINK_ETHERNET, order, ticks));
            write(&format!("{tag}.pcapng"), &pcapng(&world.records(), LINK_ETHERNET, order, ticks));
        }
    }
    let mut world = World::new();
    let conn =
        world.conn_at(address("10.0.0.1:50000"), address("10.0.0.2:6881"), [u32::MAX - 500, u32::MAX - 20_000]);
    world.open(conn);
    world.send(conn, Side::A, &wire::handshake(torrent.info_hash, wire::peer_id("-XX0001-", 1)));
    world.send(conn, Side::B, &wire::handshake(torrent.info_hash, wire::peer_id("-XX0001-", 2)));
    (0..torrent.pieces()).for_each(|piece| world.fetch(conn, Side::B, &torrent, piece));
    world.reset(conn, Side::B);
    write("wrap.pcap", &world.pcap());
}

#[test]
fn a_utp_capture_for_the_eye_is_written_on_request() {
    let torrent = Recipe::single("a.bin", 32_768, 100_000, 1).v1();
    let mut world = World::new();
    let ends = [address("10.0.0.1:50000"), address("10.0.0.2:6881")];
    let mut conn = UtpConn::open(&mut world, ends[0], ends[1], 65_535, [65_534, 65_530]);
    conn.send(&mut world, 0, &wire::handshake(torrent.info_hash, wire::peer_id("-XX0001-", 1)));
    conn.send(&mut world, 1, &wire::handshake(torrent.info_hash, wire::peer_id("-XX0001-", 2)));
    conn.send(&mut world, 0, &wire::request(0, 0, 16_384));
    conn.deliver(&mut world, 1, 0, 0, torrent.block(0, 0, 16_384), true);
    let next = conn.next(1);
    conn.sack(&mut world, 0, next.wrapping_sub(3), &[1, 0, 0, 0]);
    conn.close(&mut world, 0, &[]);
    let sent = &world.ledger[0];
    assert_eq!((sent.offset, sent.downloader), (68 + 13, ends[0]));
    assert!(next < 100, "the numbers of the acceptor have wrapped");
    if let Ok(folder) = std::env::var("PEERPROOF_SYNTH_DIR") {
        std::fs::create_dir_all(&folder).expect("the folder can be made");
        std::fs::write(format!("{folder}/utp.pcap"), world.pcap()).expect("writable");
    }
}

fn every_message(world: &mut World, conn: Conn) {
    let all = [
        wire::keepalive(),
        wire::choke(),
        wire::not_interested(),
        wire::have(1),
        wire::cancel(0, 0, 16_384),
        wire::port(6_881),
        wire::suggest(1),
        wire::have_none(),
        wire::reject(0, 0, 16_384),
        wire::allowed_fast(2),
        wire::extended_handshake(Some(6_881), "Synth 1.0"),
    ];
    for message in all {
        world.send(conn, Side::A, &message);
    }
}

fn seeder_and_leecher(a: &str, b: &str, torrent: &Torrent) -> (World, Conn) {
    let mut world = World::new();
    let ids = [wire::peer_id("-XX0001-", 1), wire::peer_id("-XX0001-", 2)];
    let conn = world.meet(address(a), address(b), torrent.info_hash, ids);
    world.send(conn, Side::B, &wire::bitfield_full(torrent.pieces()));
    world.send(conn, Side::A, &wire::interested());
    world.send(conn, Side::B, &wire::unchoke());
    (world, conn)
}

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address of a test")
}
