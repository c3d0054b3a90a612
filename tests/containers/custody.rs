//! Captures inside of captures: what somebody downloads is content, and credits nobody.

use super::*;
use crate::synth::content::Recipe;
use crate::synth::run::{Run, address, check, transfer};
use crate::synth::swarm::{Side, World};
use crate::synth::wire;

const M: &str = "81.2.69.10:50001";
const S: &str = "93.184.16.1:6881";

#[test]
fn a_capture_served_as_the_content_of_a_torrent_credits_only_who_served_it() {
    let case = plain();
    let inner = case.read("capture.pcap");
    for compressed in [false, true] {
        let content =
            if compressed { zstd::encode_all(inner.as_slice(), 1).expect("in memory") } else { inner.clone() };
        let len = content.len() as u64;
        let torrent = Recipe::folder("evidence", 32_768, 1).file_of("capture.pcap", content).v1();
        let mut world = World::new();
        let ids = [wire::peer_id("-XX0001-", 1), wire::peer_id("-XX0001-", 2)];
        let conn = world.meet(address(M), address(S), torrent.info_hash, ids);
        world.send(conn, Side::B, &wire::bitfield_full(torrent.pieces()));
        world.send(conn, Side::A, &wire::interested());
        world.send(conn, Side::B, &wire::unchoke());
        (0..torrent.pieces()).for_each(|piece| world.fetch(conn, Side::B, &torrent, piece));
        // The torrent of the inner capture is given too.
        let run = Run::new().capture(world.pcap()).torrent(&torrent).metainfo(case.read(&case.torrent()));
        let evidence = run.evidence();
        assert_eq!(transfer(&evidence, S, M).bytes.verified, len);
        assert_eq!(evidence.transfers.len(), 2, "{:#?}", evidence.transfers);
        let of_inner = evidence.torrents.iter().find(|row| row.info_hash.0 != torrent.info_hash);
        assert_eq!(of_inner.map(|row| (row.bytes.served, row.unique)), Some((0, 0)));
    }
}

#[test]
fn a_capture_over_http_credits_nobody_however_the_outer_one_is_damaged() {
    let case = plain();
    let inner = case.read("capture.pcap");
    let mut world = World::new();
    let conn = world.conn(address(M), address("93.184.16.9:80"));
    world.open(conn);
    world.send(conn, Side::A, b"GET /capture.pcap HTTP/1.1\r\nHost: example.org\r\n\r\n");
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", inner.len());
    world.send(conn, Side::B, &[head.as_bytes(), &inner].concat());
    let clean = world.pcap();
    let torrent = case.read(&case.torrent());
    for hurt in [None, Some(2_000), Some(50_000), Some(clean.len() / 2), Some(clean.len() - 40_000)] {
        let mut capture = clean.clone();
        if let Some(at) = hurt {
            capture[at..at + 600].fill(0xff);
        }
        let evidence = Run::new().capture(capture).metainfo(torrent.clone()).once(1, 64 << 20).expect("it is read");
        check(&evidence);
        assert!(evidence.transfers.is_empty(), "damage at {hurt:?}: {:#?}", evidence.transfers);
        assert!(evidence.subjects.is_empty(), "damage at {hurt:?}");
    }
}

#[test]
fn a_capture_in_a_last_frame_that_is_damaged_and_cut_off_credits_nobody() {
    let case = plain();
    let inner = case.read("capture.pcap");
    let mut world = World::new();
    let conn = world.conn(address(M), address("93.184.16.9:80"));
    world.open(conn);
    world.send(conn, Side::A, b"GET /capture.pcap HTTP/1.1\r\nHost: example.org\r\n\r\n");
    let clean = world.pcap();
    let torrent = case.read(&case.torrent());
    let data = &inner[24..64_024];
    for wire in [data.len() as u32, u32::MAX] {
        for cut in [0, 1, 3_000] {
            let lengths = [0x7fff_ffff_u32.to_le_bytes(), wire.to_le_bytes()].concat();
            let last = [&clean[24..32], &lengths, data].concat();
            let capture = [&clean, &last[..last.len() - cut]].concat();
            let run = Run::new().capture(capture).metainfo(torrent.clone());
            let evidence = run.once(1, 64 << 20).expect("it is read");
            check(&evidence);
            assert!(evidence.captures[0].damage.is_some());
            assert!(evidence.transfers.is_empty(), "{wire}, cut by {cut}: {:#?}", evidence.transfers);
            assert!(evidence.subjects.is_empty(), "{wire}, cut by {cut}");
        }
    }
}
