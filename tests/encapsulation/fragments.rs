//! IP fragments of both versions, outside and inside of tunnels.

use super::*;
use peerproof::anomaly::Kind;

/// A packet of either version in fragments of at most `size` bytes of payload; small ones stay whole.
fn cut(packet: &[u8], size: usize, id: u32) -> Vec<Vec<u8>> {
    if packet[0] >> 4 == 4 {
        return if packet.len() <= size + 20 { vec![packet.to_vec()] } else { frame::fragments(packet, size) };
    }
    let (header, body) = packet.split_at(40);
    if body.len() <= size {
        return vec![packet.to_vec()];
    }
    let last = body.len().div_ceil(size) - 1;
    let fragment = |(index, part): (usize, &[u8])| {
        let mut header = header.to_vec();
        header[4..6].copy_from_slice(&(part.len() as u16 + 8).to_be_bytes());
        header[6] = 44;
        let place = (index * size) as u16 | u16::from(index != last);
        join(&[&header, &[packet[6], 0], &place.to_be_bytes(), &id.to_be_bytes(), part])
    };
    body.chunks(size).enumerate().map(fragment).collect()
}

#[track_caller]
fn all(what: &str, wrap: impl Fn(&[u8], usize) -> Vec<Vec<u8>>) {
    for name in [TCP4, TCP6, UTP4] {
        let recording = Recording::of(name);
        recording.same(what, recording.wrapped(1, |packet, number| wrap(packet, number)));
    }
}

fn framed(parts: impl IntoIterator<Item = Vec<u8>>) -> Vec<Vec<u8>> {
    parts.into_iter().map(|part| frame::ethernet(&part)).collect()
}

#[test]
fn fragments_in_any_order_and_twice() {
    for size in [48, 256, 1_184] {
        all("in order", |packet, number| framed(cut(packet, size, number as u32)));
    }
    all("in reverse", |packet, number| framed(cut(packet, 248, number as u32).into_iter().rev()));
    // Of what was not cut, a copy is a double of the whole packet, which is told as such elsewhere.
    all("each twice", |packet, number| match cut(packet, 512, number as u32) {
        parts if parts.len() == 1 => framed(parts),
        parts => framed(parts.into_iter().flat_map(|part| [part.clone(), part])),
    });
    all("all twice", |packet, number| match cut(packet, 512, number as u32) {
        parts if parts.len() == 1 => framed(parts),
        parts => framed([parts.clone(), parts].concat()),
    });
}

#[test]
fn fragments_that_overlap_and_agree() {
    all("overlapping", |packet, number| {
        let body = packet.len() - if packet[0] >> 4 == 4 { 20 } else { 40 };
        if body <= 512 {
            return framed([packet.to_vec()]);
        }
        // The same datagram cut in two ways: no fragment of one has the place of one of the other.
        let (small, large) = (cut(packet, 248, number as u32), cut(packet, 400, number as u32));
        framed([&large[..1], &small[..small.len() - 1], &large[1..]].concat())
    });
}

#[test]
fn fragments_of_a_tunnel_and_fragments_inside_one() {
    let vxlan = |packet: &[u8]| {
        let body = join(&[&[8, 0, 0, 0, 0, 0, 42, 0], &frame::ethernet(packet)]);
        let (from, to) = (([198, 51, 100, 1], 51_000).into(), ([198, 51, 100, 2], 4789).into());
        frame::udp(from, to, &body, frame::Sum::Right)
    };
    let outer = |number: usize, protocol: u8, body: &[u8]| {
        frame::ip([198, 51, 100, 1].into(), [198, 51, 100, 2].into(), protocol, number as u16, body)
    };
    all("VXLAN, cut", |packet, number| framed(cut(&outer(number, 17, &vxlan(packet)), 1_000, 0)));
    all("VXLAN of fragments", |packet, number| {
        framed(cut(packet, 1_000, number as u32).iter().map(|part| outer(number, 17, &vxlan(part))))
    });
    all("both", |packet, number| {
        let parts = cut(packet, 1_000, number as u32);
        let parts = parts.iter().enumerate();
        framed(parts.flat_map(|(index, part)| cut(&outer(number * 8 + index, 4, part), 400, 0)))
    });
}

#[test]
fn a_datagram_that_is_never_completed_is_lost_and_told() {
    for name in [TCP4, TCP6] {
        let recording = Recording::of(name);
        let hurt = recording.packets.iter().position(|(_, packet)| packet.len() > 1_400).expect("a long one");
        let capture = recording.wrapped(1, |packet, number| {
            let mut parts = cut(packet, 512, number as u32);
            if number == hurt {
                parts.remove(1);
            }
            framed(parts)
        });
        let evidence = recording.run(capture).once(1, 64 << 20).expect("it is read");
        check(&evidence);
        let tally = evidence.anomalies.tally(Kind::IncompleteFragments).expect("it is told");
        assert_eq!(tally.count, 1, "{name}");
        let lost: u64 = evidence.transfers.iter().map(|row| row.bytes.lost).sum();
        assert!(lost > 0 && lost < 65_536, "{name}: {lost}");
        assert!(evidence.transfers.iter().all(|row| row.bytes.refuted == 0));
    }
}

#[test]
fn fragments_that_contradict_each_other_accuse_nobody() {
    let recording = Recording::of(TCP4);
    let long: Vec<usize> =
        (0..recording.packets.len()).filter(|at| recording.packets[*at].1.len() > 1_400).collect();
    let hurt = long[long.len() / 2];
    let capture = recording.wrapped(1, |packet, number| {
        let mut parts = cut(packet, 512, number as u32);
        if number == hurt {
            // Somebody's other version of the second fragment comes first.
            let mut forged = parts[1].clone();
            forged[30] ^= 0xff;
            parts.insert(0, forged);
        }
        framed(parts)
    });
    let evidence = recording.run(capture).once(1, 64 << 20).expect("it is read");
    check(&evidence);
    assert_eq!(evidence.anomalies.tally(Kind::FragmentConflict).map(|tally| tally.count), Some(1));
    for row in &evidence.transfers {
        assert_eq!(row.bytes.refuted, 0, "{row:#?}");
    }
}

/// Nobody is accused, something is lost, and the datagram is told of as a conflict.
#[track_caller]
fn left_out(evidence: &Evidence) {
    check(evidence);
    assert_eq!(evidence.anomalies.tally(Kind::FragmentConflict).map(|tally| tally.count), Some(1));
    for row in &evidence.transfers {
        assert_eq!(row.bytes.refuted, 0, "{row:#?}");
    }
    let verified: u64 = evidence.transfers.iter().map(|row| row.bytes.verified).sum();
    assert!(verified > 100_000, "{verified}");
}

#[test]
fn an_identification_that_returns_makes_no_datagram_and_accuses_nobody() {
    let recording = Recording::of(MTU);
    let full = |(_, packet): &(i64, Vec<u8>)| packet.len() == 1_500;
    let long: Vec<usize> = (0..recording.packets.len()).filter(|at| full(&recording.packets[*at])).collect();
    // The head of the earlier one was not captured.
    let (early, later) = (long[20], long[120]);
    let capture = recording.wrapped(1, |packet, number| {
        let gre = join(&[&[0, 0, 8, 0], &frame::summed(packet)]);
        let id = if number == later { early } else { number };
        let outer = frame::ip([198, 51, 100, 1].into(), [198, 51, 100, 2].into(), 47, id as u16, &gre);
        let mut parts = cut(&outer, 1_000, 0);
        if number == early {
            parts.remove(0);
        }
        framed(parts)
    });
    left_out(&recording.run(capture).once(1, 64 << 20).expect("it is read"));
}

#[test]
fn a_wrong_checksum_shows_in_fragments_whatever_the_policy() {
    use peerproof::ChecksumPolicy;
    let recording = Recording::of(UTP4);
    let long: Vec<usize> =
        (0..recording.packets.len()).filter(|at| recording.packets[*at].1.len() > 1_000).collect();
    let hurt = long[long.len() / 2];
    let capture = recording.wrapped(1, |packet, number| {
        let mut packet = frame::summed(packet);
        if number == hurt {
            *packet.last_mut().expect("a payload") ^= 1;
        }
        framed(cut(&packet, 512, number as u32))
    });
    for policy in [ChecksumPolicy::Ignore, ChecksumPolicy::Flag, ChecksumPolicy::Drop] {
        let evidence = recording.run(capture.clone()).checksums(policy).once(1, 64 << 20).expect("it is read");
        left_out(&evidence);
        assert_eq!(evidence.quality.bad_checksums, (policy != ChecksumPolicy::Ignore).then_some(1));
    }
}
