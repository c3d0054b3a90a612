//! Frames of every shape, whole, cut and damaged.

use etherparse::PacketBuilder;
use proptest::prelude::*;

use super::*;
use crate::anomaly::{Anomalies, Kind};
use crate::packet::testing::{Leak, at, decode, decode_with, describe, ethernet, frame, ip4, tcp4, udp4, udp6};

/// Everything that `frames` give, in words.
fn all(frames: &[Vec<u8>]) -> (Vec<String>, Anomalies, DecodeCounts) {
    all_with(ChecksumPolicy::Ignore, 1, frames)
}

/// Decodes `frames` under `policy`, with `apart` microseconds from one frame to the next.
fn all_with(policy: ChecksumPolicy, apart: u64, frames: &[Vec<u8>]) -> (Vec<String>, Anomalies, DecodeCounts) {
    let (mut decoder, mut anomalies) = (Decoder::new(policy, &Limits::default()), Anomalies::default());
    let mut packets = Vec::new();
    for (n, bytes) in frames.iter().enumerate() {
        let at = At { time: at(n as u64 * apart).time, ..at(n as u64 + 1) };
        let frame = Frame { at, ..frame(101, bytes) };
        if let Some(packet) = decoder.decode(&frame, &Leak, &mut anomalies).expect("the store cannot fail") {
            packets.push(describe(&decoder, &packet));
        }
    }
    decoder.finish(&mut anomalies);
    (packets, anomalies, decoder.counts())
}

/// `packet` (IPv4, 20-byte header) in fragments of `size` bytes.
fn fragments4(packet: &[u8], size: usize) -> Vec<Vec<u8>> {
    let (header, body) = packet.split_at(20);
    let count = body.len().div_ceil(size);
    let fragment = |(n, part): (usize, &[u8])| {
        let more = if n + 1 < count { 0x2000 } else { 0 };
        let mut header = header.to_vec();
        header[2..4].copy_from_slice(&((20 + part.len()) as u16).to_be_bytes());
        header[6..8].copy_from_slice(&(more | (n * size / 8) as u16).to_be_bytes());
        [header, part.to_vec()].concat()
    };
    body.chunks(size).enumerate().map(fragment).collect()
}

/// `packet` (IPv6, no extensions) in fragments of `size` bytes.
fn fragments6(packet: &[u8], size: usize) -> Vec<Vec<u8>> {
    let (header, body) = packet.split_at(40);
    let count = body.len().div_ceil(size);
    let fragment = |(n, part): (usize, &[u8])| {
        let more = u16::from(n + 1 < count);
        let mut header = header.to_vec();
        header[4..6].copy_from_slice(&((8 + part.len()) as u16).to_be_bytes());
        let next = std::mem::replace(&mut header[6], 44);
        let place = ((n * size) as u16 | more).to_be_bytes();
        [&header[..], &[next, 0], &place, &[0, 0, 0, 9], part].concat()
    };
    body.chunks(size).enumerate().map(fragment).collect()
}

#[test]
fn fragments_of_both_versions_become_one_packet_in_any_order() {
    let text4 = "|192.0.2.1:1111>192.0.2.2:2222 Tcp 3000/3000";
    let text6 = "|[2001:db8::1]:1111>[2001:db8::2]:2222 Udp 3000/3000";
    for (mut frames, text) in
        [(fragments4(&tcp4(&[7; 3_000]), 512), text4), (fragments6(&udp6(&[7; 3_000]), 512), text6)]
    {
        assert_eq!(all(&frames).0, [text]);
        frames.reverse();
        assert_eq!(all(&frames).0, [text]);
        let doubled: Vec<Vec<u8>> = frames.iter().flat_map(|frame| [frame.clone(), frame.clone()]).collect();
        let (packets, anomalies, counts) = all(&doubled);
        assert_eq!((packets, anomalies), (vec![text.to_owned()], Anomalies::default()));
        assert_eq!(counts.reassembled, 1);
        assert_eq!(counts.duplicate_fragments as usize, frames.len());
    }
}

#[test]
fn a_first_fragment_alone_is_no_packet() {
    let frames = fragments4(&tcp4(&[7; 3_000]), 1_480);
    let (packets, anomalies, _) = all(&frames[..1]);
    assert!(packets.is_empty());
    assert_eq!(anomalies.tally(Kind::IncompleteFragments).map(|tally| tally.amount), Some(1_480));
}

#[test]
fn a_fragmented_tunnel_and_fragments_in_a_tunnel_are_read() {
    let gre = |inner: &[u8]| ip4(47, &[&[0, 0, 8, 0], inner].concat());
    let text = "GRE 198.51.100.1 -> 198.51.100.2|192.0.2.1:1111>192.0.2.2:2222 Tcp 2000/2000";
    assert_eq!(all(&fragments4(&gre(&tcp4(&[7; 2_000])), 800)).0, [text]);
    let inside: Vec<Vec<u8>> = fragments4(&tcp4(&[7; 2_000]), 800).iter().map(|part| gre(part)).collect();
    assert_eq!(all(&inside).0, [text]);
}

const POLICIES: [ChecksumPolicy; 3] = [ChecksumPolicy::Ignore, ChecksumPolicy::Flag, ChecksumPolicy::Drop];

/// Asserts that `frames` give no packet under any policy, and are told once as a conflict.
#[track_caller]
fn left_out(apart: u64, frames: &[Vec<u8>]) {
    for policy in POLICIES {
        let (packets, anomalies, _) = all_with(policy, apart, frames);
        assert!(packets.is_empty(), "{policy:?}: {packets:?}");
        let told = anomalies.tally(Kind::FragmentConflict).expect("it is told");
        assert_eq!(
            (
                told.count,
                matches!(told.examples[0].parties, crate::oddity::Parties::Sent(_, to) if to.port == 2_222)
            ),
            (1, true),
            "{policy:?}: {told:?}"
        );
    }
}

/// The tail of one datagram, then the head of the next one with the same identification.
fn crossed(one: &[u8], other: &[u8]) -> Vec<Vec<u8>> {
    vec![fragments4(one, 800).remove(1), fragments4(other, 800).remove(0)]
}

#[test]
fn fragments_that_never_belonged_together_are_left_out_under_every_policy() {
    let (one, other) = (tcp4(&[7; 1_400]), tcp4(&[8; 1_400]));
    left_out(1, &crossed(&one, &other));
    let gre = |inner: &[u8]| ip4(47, &[&[0, 0, 8, 0], inner].concat());
    left_out(1, &crossed(&gre(&one), &gre(&other)));
    let vxlan = |inner: &[u8]| {
        let mut datagram = udp4(9_999, 4_789, &[&[8, 0, 0, 0, 0, 0, 5, 0], &ethernet(0x0800, inner)[..]].concat());
        datagram[26..28].copy_from_slice(&[0, 0]);
        datagram
    };
    left_out(1, &crossed(&vxlan(&one), &vxlan(&other)));
    // A tail of the tunnel's own, which its checksum tells of before the packet inside is looked at.
    let mut tunnel = fragments4(&udp4(9_999, 4_789, &[&vxlan(&one)[28..], &[1, 2]].concat()), 800);
    assert_eq!(all(&tunnel).0.len(), 1);
    *tunnel[1].last_mut().expect("a tail") ^= 1;
    let (packets, anomalies, _) = all(&tunnel);
    assert!(packets.is_empty() && anomalies.tally(Kind::FragmentConflict).is_some(), "{packets:?}");
}

#[test]
fn one_wrong_byte_in_a_fragment_leaves_the_datagram_out_and_is_counted() {
    let mut bytes = udp6(&[7; 1_400]);
    bytes[1_000] ^= 1;
    let frames = fragments6(&bytes, 800);
    left_out(1, &frames);
    let counts = POLICIES.map(|policy| all_with(policy, 1, &frames).2.bad_checksums);
    assert_eq!(counts, [None, Some(1), Some(1)]);
}

#[test]
fn fragments_that_no_checksum_vouches_for_are_joined_only_when_they_come_together() {
    let mut bytes = udp4(1_111, 2_222, &[7; 1_400]);
    bytes[26..28].copy_from_slice(&[0, 0]);
    let frames = fragments4(&bytes, 800);
    assert_eq!(all_with(ChecksumPolicy::Drop, 999_000, &frames).0.len(), 1);
    left_out(1_001_000, &frames);
    // With one they may come from two taps with clocks apart.
    let frames = fragments4(&tcp4(&[7; 1_400]), 800);
    assert_eq!(all_with(ChecksumPolicy::Drop, 20_000_000, &frames).0.len(), 1);
}

/// Decodes `frame`: the checksum result of its packet, and the oddity that is told of damage.
fn damaged(policy: ChecksumPolicy, frame: &Frame<'_>) -> (Option<Checksum>, Option<Oddity>) {
    let tunnels = ["udp:37008=tzsp".parse().expect("an option")];
    let mut decoder = Decoder::new(policy, &Limits::default()).with_tunnels(&tunnels);
    let mut anomalies = Anomalies::default();
    let packet = decoder.decode(frame, &Leak, &mut anomalies).expect("the store cannot fail");
    let checksum = packet.map(|packet| packet.transport.checksum());
    (checksum, anomalies.tally(Kind::DamagedFrame).map(|tally| tally.examples[0].oddity.clone()))
}

#[test]
fn of_a_damaged_frame_only_what_a_checksum_vouches_for_is_used_and_stays_in_doubt() {
    let good = tcp4(b"hello");
    let mut bad = good.clone();
    bad[42] ^= 1;
    let mut without = udp4(1_111, 2_222, b"hello");
    without[26..28].copy_from_slice(&[0, 0]);
    let part = fragments4(&tcp4(&[7; 1_400]), 800).remove(0);
    for policy in POLICIES {
        let outcome = |bytes: &[u8]| damaged(policy, &Frame { damaged: true, ..frame(101, bytes) });
        let used = (policy != ChecksumPolicy::Drop).then_some(Checksum::Bad);
        for bytes in [good.clone(), ip4(4, &good)] {
            let (checksum, told) = outcome(&bytes);
            assert_eq!((checksum, told), (used, Some(Oddity::DamagedFrame { matches: Some(true) })), "{policy:?}");
        }
        for bytes in [&bad, &without, &part, &ip4(4, &bad)] {
            let (checksum, told) = outcome(bytes);
            let left_out = matches!(told, Some(Oddity::DamagedFrame { matches: Some(false) | None }));
            assert_eq!((checksum, left_out), (None, true), "{policy:?}");
        }
    }
    let outcome = decode(&Frame { damaged: true, ..frame(1, &ethernet(0x0806, &[0; 28])) });
    assert_eq!((outcome.counts.not_ip, outcome.count(Kind::DamagedFrame)), (1, 0));
}

#[test]
fn damage_that_a_radio_header_tells_of_is_damage() {
    let llc = [0xaa, 0xaa, 3, 0, 0, 0, 8, 0];
    let data = [&[0x08, 0x01][..], &[0; 22], &llc, &tcp4(b"hello")].concat();
    let trailed = [&data[..], &[9; 4]].concat();
    let padded = [&[0x88, 0x02][..], &[0; 22], &[0, 0], &[0; 2], &llc, &tcp4(b"hello")].concat();
    let radiotap = |flags: u8, data: &[u8]| [&[0, 0, 9, 0, 2, 0, 0, 0, flags][..], data].concat();
    let ppi = |flags: u8| {
        let field = [&[2, 0, 20, 0][..], &[0; 8], &[flags, 0], &[0; 10]].concat();
        [&[0, 0, 38, 0, 105, 0, 0, 0, 7, 0, 2, 0, 9, 9][..], &field, &data].concat()
    };
    let aggregate = {
        let msdu = [&llc[..], &tcp4(b"hello")].concat();
        let part = [&[4; 12][..], &(msdu.len() as u16).to_be_bytes(), &msdu].concat();
        [&[0x88, 0x02][..], &[0; 22], &[0x80, 0], &part].concat()
    };
    let bridged = ethernet(0x0800, &tcp4(b"hello"));
    let erspan = |bits: u8| {
        let header = [&[0x10, 0, 0x22, 0xeb, 0, 0, 0, 1, 0x20, 0x64, bits, 1][..], &[0; 8]].concat();
        ip4(47, &[&header[..], &bridged].concat())
    };
    let tzsp =
        |error: u8| udp4(9_999, 37_008, &[&[1, 0, 0, 1, 10, 1, 0xc5, 17, 1, error, 1][..], &bridged].concat());
    let frames = [
        (127, radiotap(0x50, &trailed), radiotap(0x10, &trailed)),
        (127, radiotap(0x60, &padded), radiotap(0x20, &padded)),
        (127, radiotap(0x40, &aggregate), radiotap(0, &aggregate)),
        (192, ppi(4), ppi(3)),
        (192, ppi(8), ppi(0)),
        (101, erspan(0x18), erspan(0x10)),
        (101, erspan(0x1c), erspan(0x08)),
        (101, tzsp(1), tzsp(0)),
    ];
    for (link, marked, sound) in frames {
        let outcome = |bytes: &[u8]| {
            let (checksum, told) = damaged(ChecksumPolicy::Ignore, &frame(link, bytes));
            (checksum, told.is_some())
        };
        assert_eq!(outcome(&marked), (Some(Checksum::Bad), true), "link type {link}");
        assert_eq!(outcome(&sound), (Some(Checksum::Unchecked), false), "link type {link}");
    }
}

#[test]
fn a_length_beyond_the_frame_is_a_cut_and_told() {
    let mut bytes = tcp4(b"hello");
    bytes[3] += 100;
    let outcome = decode(&frame(101, &bytes));
    assert_eq!(outcome.text(), "|192.0.2.1:1111>192.0.2.2:2222 Tcp 5/105");
    assert_eq!(outcome.anomalies.tally(Kind::Snaplen).map(|tally| (tally.count, tally.amount)), Some((1, 100)));
}

#[test]
fn icmp_quotes_credit_nobody() {
    for (protocol, quote) in [(1, tcp4(b"hello")), (58, udp6(b"hello"))] {
        let outcome = decode(&frame(101, &ip4(protocol, &[&[3, 3, 0, 0, 0, 0, 0, 0], &quote[..]].concat())));
        assert!(outcome.packet.is_none());
        assert_eq!((outcome.counts.other_ip, outcome.anomalies), (1, Anomalies::default()));
    }
}

#[test]
fn a_cut_inside_the_tcp_options_keeps_the_segment() {
    let mut bytes = Vec::new();
    PacketBuilder::ipv4([192, 0, 2, 1], [192, 0, 2, 2], 64)
        .tcp(1111, 2222, 5, 1000)
        .options(&[etherparse::TcpOptionElement::Timestamp(1, 2)])
        .expect("fits")
        .write(&mut bytes, b"hello")
        .expect("writing to memory");
    let cut = Frame { wire_len: bytes.len() as u32, ..frame(101, &bytes[..42]) };
    assert_eq!(decode(&cut).text(), "|192.0.2.1:1111>192.0.2.2:2222 Tcp 0/5");
}

#[test]
fn checksums_are_tested_flagged_or_enforced() {
    let good = tcp4(b"hello");
    let mut bad = good.clone();
    bad[44] ^= 1;
    let outcome = decode_with(ChecksumPolicy::Flag, &frame(101, &good));
    assert_eq!((outcome.counts.bad_checksums, outcome.packet.is_some()), (Some(0), true));
    let outcome = decode_with(ChecksumPolicy::Flag, &frame(101, &bad));
    assert_eq!((outcome.counts.bad_checksums, outcome.packet.is_some()), (Some(1), true));
    let outcome = decode_with(ChecksumPolicy::Drop, &frame(101, &bad));
    assert_eq!((outcome.count(Kind::BadChecksum), outcome.packet.is_none()), (1, true));
    let outcome = decode_with(ChecksumPolicy::Ignore, &frame(101, &bad));
    assert_eq!((outcome.counts.bad_checksums, outcome.packet.is_some()), (None, true));
    let mut udp = udp6(b"hello");
    assert!(decode_with(ChecksumPolicy::Drop, &frame(101, &udp)).packet.is_some());
    udp[50] ^= 1;
    assert!(decode_with(ChecksumPolicy::Drop, &frame(101, &udp)).packet.is_none());
}

#[test]
fn a_checksum_left_to_the_network_card_is_not_bad() {
    let mut bytes = tcp4(b"hello");
    // 192.0.2.1 + 192.0.2.2 + protocol 6 + length 25, folded, not complemented.
    let sum: u32 = 0xc000 + 0x0201 + 0xc000 + 0x0202 + 6 + 25;
    let partial = ((sum & 0xffff) + (sum >> 16)) as u16;
    bytes[36..38].copy_from_slice(&partial.to_be_bytes());
    let outcome = decode_with(ChecksumPolicy::Drop, &frame(101, &bytes));
    assert_eq!((outcome.counts.bad_checksums, outcome.packet.is_some()), (Some(0), true));
}

#[test]
fn the_fingerprint_survives_a_router_but_not_a_retransmission() {
    let print = |bytes: &[u8]| {
        let mut decoder = Decoder::new(ChecksumPolicy::Ignore, &Limits::default());
        let packet = decoder.decode(&frame(101, bytes), &Leak, &mut Anomalies::default());
        packet.expect("the store cannot fail").expect("a packet").fingerprint
    };
    let first = tcp4(b"hello");
    let (mut routed, mut again) = (first.clone(), first.clone());
    routed[8] -= 1;
    again[5] += 1;
    assert_eq!(print(&first), print(&routed));
    assert_ne!(print(&first), print(&again));
}

/// One frame of every shape, to be cut and damaged.
fn samples() -> Vec<(u16, Vec<u8>)> {
    let (tcp, udp) = (tcp4(b"some payload"), udp6(b"some payload"));
    let bridged = ethernet(0x8100, &[&[0, 5, 8, 0], &tcp[..]].concat());
    let gre = ip4(47, &[&[0xb0, 0, 0x65, 0x58][..], &[0; 12], &bridged].concat());
    vec![
        (1, ethernet(0x0800, &tcp)),
        (1, ethernet(0x86dd, &udp)),
        (1, ethernet(0x8847, &[&[0, 1, 1, 64, 0, 0, 0, 0], &bridged[..]].concat())),
        (1, ethernet(0x8864, &[&[0x11, 0, 0, 7, 0, 54, 0, 0x21], &tcp[..]].concat())),
        (101, gre),
        (101, udp4(1, 4789, &[&[8, 0, 0, 0, 0, 0, 5, 0], &bridged[..]].concat())),
        (101, udp4(1, 6081, &[&[1, 0, 0x65, 0x58, 0, 0, 6, 0, 0, 0, 0, 0], &bridged[..]].concat())),
        (101, udp4(1, 2152, &[&[0x34, 255, 0, 60, 0, 0, 0, 9, 0, 0, 0, 0x85, 1, 0, 0, 0], &tcp[..]].concat())),
        (101, udp4(1, 3544, &[&[0, 0, 1, 2, 3, 4, 5, 6], &udp[..]].concat())),
        (101, ip4(115, &[&[1; 12], &bridged[..]].concat())),
        (
            127,
            [&[0, 0, 9, 0, 2, 0, 0, 0, 0x10, 8, 1][..], &[0; 22], &[0xaa, 0xaa, 3, 0, 0, 0, 8, 0], &tcp].concat(),
        ),
        (239, [&[2, 0, 0, 0, 56, 0, 9, 0][..], &tcp].concat()),
        (258, [&[12, 0, 0, 0, 1, 0, 0, 0, 12, 0, 0, 0][..], &tcp].concat()),
    ]
}

#[test]
fn frames_cut_anywhere_never_panic_and_never_give_more_than_was_captured() {
    for (link, bytes) in samples() {
        for policy in [ChecksumPolicy::Ignore, ChecksumPolicy::Flag, ChecksumPolicy::Drop] {
            let whole = decode_with(policy, &frame(link, &bytes));
            assert!(whole.packet.is_some(), "link type {link}: {}", whole.text());
            for length in 0..bytes.len() {
                for wire_len in [length as u32, bytes.len() as u32] {
                    decode_with(policy, &Frame { wire_len, ..frame(link, &bytes[..length]) });
                }
            }
        }
    }
}

proptest! {
    #[test]
    fn random_bytes_never_panic(
        link in prop::sample::select(vec![
            0_u16, 1, 9, 12, 50, 51, 100, 101, 104, 105, 108, 113, 119, 127, 163, 166, 192, 204, 228, 229, 239, 258, 276,
        ]),
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        more in 0_u32..2_000,
        fcs_len in 0_u8..16,
    ) {
        let frame = Frame { wire_len: bytes.len() as u32 + more, fcs_len, ..frame(link, &bytes) };
        decode_with(ChecksumPolicy::Flag, &frame);
    }

    #[test]
    fn damaged_samples_never_panic_and_the_payload_lies_in_the_frame(
        which in any::<prop::sample::Index>(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..5),
    ) {
        let (link, mut bytes) = which.get(&samples()).clone();
        for (at, value) in damage {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        let mut decoder = Decoder::new(ChecksumPolicy::Flag, &Limits::default());
        let frame = frame(link, &bytes);
        let packet = decoder.decode(&frame, &Leak, &mut Anomalies::default()).expect("the store cannot fail");
        if let Some(packet) = packet {
            let payload = packet.transport.payload();
            prop_assert!(payload.bytes.len() <= payload.wire_len as usize);
            prop_assert!(payload.bytes.is_empty() || bytes.as_ptr_range().contains(&payload.bytes.as_ptr()));
        }
    }
}
