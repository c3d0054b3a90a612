//! Frames of any link type: tunnels, fragments, headers that lie.
//!
//! Script: checksum policy and limits; then frames: link type, wire length beyond the captured, FCS, bytes.

#![no_main]

use libfuzzer_sys::fuzz_target;
use peerproof::Limits;
use peerproof::anomaly::Anomalies;
use peerproof::stages::capture::{Frame, LinkType};
use peerproof::stages::packet::{Decoder, Packet, TransportLayer};
use shared::{Arena, Cursor, at, run};

fuzz_target!(|data: &[u8]| {
    let mut input = Cursor(data);
    let options = input.u8();
    let limits = if options & 4 == 0 { Limits::default() } else { run::tight() };
    let arena = Arena::new(256);
    let (mut decoder, mut anomalies) = (Decoder::new(run::policy(options), &limits), Anomalies::default());
    let (mut number, mut given, mut parts) = (0, 0, 0);
    while !input.is_empty() {
        number += 1;
        let link = LINKS.get(usize::from(input.u8())).copied();
        let link = LinkType(link.unwrap_or_else(|| input.u16()));
        let before = parts;
        let (beyond, trailer) = (u32::from(input.u8()), input.u8());
        let (fcs_len, damaged) = (trailer & 15, trailer & 16 != 0);
        let bytes = input.block();
        let wire_len = bytes.len() as u32 + if beyond > 127 { 0 } else { beyond };
        let frame = Frame { at: at(number), link, bytes, wire_len, fcs_len, interface: 0, damaged };
        let Ok(mut packet) = decoder.decode(&frame, &&arena, &mut anomalies) else { return };
        loop {
            parts += 1;
            if let Some(packet) = &packet {
                given += 1;
                check(&decoder, packet, number);
            }
            if !decoder.has_more() {
                break;
            }
            let Ok(more) = decoder.decode_more(&frame, &&arena, &mut anomalies) else { return };
            packet = more;
        }
        // Each part of an aggregate has a header.
        assert!((parts - before) * 14 <= 14 + bytes.len());
    }
    decoder.finish(&mut anomalies);
    let counts = decoder.counts();
    assert!(counts.reassembled <= counts.fragments && counts.tunnelled <= given && given <= parts as u64);
});

fn check(decoder: &Decoder, packet: &Packet<'_>, number: u64) {
    assert!(packet.flow.low <= packet.flow.high);
    assert_eq!(packet.at, at(number));
    decoder.path_name(packet.path);
    let payload = match packet.transport {
        TransportLayer::Tcp(segment) => segment.payload,
        TransportLayer::Udp(datagram) => datagram.payload,
    };
    assert!(payload.bytes.len() as u64 <= u64::from(payload.wire_len));
}

/// The link types that are read, and a few that are not.
const LINKS: [u16; 24] =
    [1, 101, 0, 108, 113, 276, 12, 228, 229, 9, 50, 51, 105, 119, 127, 163, 239, 149, 258, 104, 112, 192, 147, 195];
