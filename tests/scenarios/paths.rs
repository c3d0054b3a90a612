//! T35: whatever path the packets took, the same ledger.

use super::*;
use crate::synth::capture::{LINK_ETHERNET, Order, Record, Ticks, pcap};
use crate::synth::frame::{self, Sum};
use crate::synth::run::{Run, transfer};

#[test]
fn t35_vlan_tags_are_read_through() {
    for tags in [&[7][..], &[100, 7], &[1, 2, 3]] {
        same_ledger(M, S, None, |ip| vec![frame::tagged(ip, tags)]);
    }
}

#[test]
fn t35_gre_and_ip_in_ip_are_read_through_and_told() {
    let outer = |protocol: u8, body: &[u8]| {
        frame::ethernet(&frame::ip(address(OUTER).ip(), address(INNER).ip(), protocol, 9, body))
    };
    same_ledger(M, S, Some("198.51.100.1"), |ip| vec![outer(47, &[&[0, 0, 8, 0], ip].concat())]);
    same_ledger(M, S, Some("198.51.100.1"), |ip| vec![outer(4, ip)]);
}

#[test]
fn t35_vxlan_and_teredo_are_read_through_and_told() {
    let outer = |from: &str, to: &str, body: &[u8]| {
        let (from, to) = (address(from), address(to));
        let udp = frame::udp(from, to, body, Sum::Right);
        frame::ethernet(&frame::ip(from.ip(), to.ip(), 17, 9, &udp))
    };
    same_ledger(M, S, Some("198.51.100.1"), |ip| {
        let body = [&[8, 0, 0, 0, 0, 0, 42, 0], frame::ethernet(ip).as_slice()].concat();
        vec![outer("198.51.100.1:51000", "198.51.100.2:4789", &body)]
    });
    let (a, b) = ("[2001:0:c633:6401::1]:50001", "[2001:db8::2]:6881");
    same_ledger(a, b, Some("198.51.100.1"), |ip| vec![outer("198.51.100.1:51000", "198.51.100.2:3544", ip)]);
}

#[test]
fn t35_fragments_in_any_order_are_put_together() {
    let whole = |parts: Vec<Vec<u8>>| parts.iter().map(|part| frame::ethernet(part)).collect::<Vec<_>>();
    same_ledger(M, S, None, |ip| whole(frame::fragments(ip, 400)));
    same_ledger(M, S, None, |ip| whole(frame::fragments(ip, 400).into_iter().rev().collect()));
    same_ledger(M, S, None, |ip| {
        let parts = frame::fragments(ip, 256);
        whole(parts.iter().chain(&parts[..1]).cloned().collect())
    });
}

#[test]
fn t35_a_fragment_that_is_missing_costs_its_datagram_only() {
    let torrent = four_pieces();
    let (world, conn) = one_seeder(&torrent);
    let hurt = world.packets.iter().position(|packet| packet.holds(conn, Side::B, 20_000)).expect("sent");
    let mut records = Vec::new();
    for (index, packet) in world.packets.iter().enumerate() {
        let mut parts = frame::fragments(&packet.ip(), 512);
        if index == hurt {
            parts.remove(1);
        }
        records.extend(parts.iter().map(|part| record(packet.time, frame::ethernet(part))));
    }
    let evidence = Run::new().capture(pcap(&records, LINK_ETHERNET, Order::Little, Ticks::Nanos)).torrent(&torrent);
    let evidence = evidence.evidence();
    let bytes = transfer(&evidence, S, M).bytes;
    assert!(evidence.anomalies.tally(peerproof::anomaly::Kind::IncompleteFragments).is_some());
    assert_eq!(bytes.served + bytes.lost, sent(&world));
    assert_eq!((bytes.lost, bytes.refuted), (world.packets[hurt].payload().len() as u64, 0));
    assert_eq!(bytes.verified, sent(&world) - u64::from(SMALL), "one piece is hurt");
}

/// `b` serves everything to `a`; each IP packet goes the way that `frames` makes of it.
fn same_ledger(a: &str, b: &str, outer: Option<&str>, frames: impl Fn(&[u8]) -> Vec<Vec<u8>>) {
    let torrent = two_block_pieces();
    let mut world = World::new().segments_of(1_200);
    let conn = join(&mut world, &torrent, a, b);
    fetch_all(&mut world, conn, &torrent);
    let records: Vec<Record> = world
        .packets
        .iter()
        .flat_map(|packet| frames(&packet.ip()).into_iter().map(|bytes| record(packet.time, bytes)))
        .collect();
    let run = Run::new().capture(pcap(&records, LINK_ETHERNET, Order::Little, Ticks::Nanos)).torrent(&torrent);
    let evidence = run.evidence();
    let row = transfer(&evidence, b, a);
    assert_eq!(row.bytes, clean(sent(&world)));
    match outer {
        Some(outer) => assert!(row.paths.iter().any(|path| path.contains(outer)), "{:?}", row.paths),
        None => assert!(row.paths.len() <= 1, "{:?}", row.paths),
    }
}

fn record(time: i64, bytes: Vec<u8>) -> Record {
    let wire_len = bytes.len() as u32;
    Record { time, bytes, wire_len }
}

const OUTER: &str = "198.51.100.1:0";
const INNER: &str = "198.51.100.2:0";
