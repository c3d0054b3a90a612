//! Link layers.

use super::*;
use peerproof::anomaly::Kind;

const VLAN: [u8; 4] = [0x81, 0x00, 0x00, 0x07];
const SERVICE_VLAN: [u8; 4] = [0x88, 0xa8, 0x00, 0x64];
const ADDRESSES: [u8; 12] = [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1];

/// Every recording in a link type.
#[track_caller]
fn all(what: &str, link: u16, wrap: impl Fn(&[u8]) -> Vec<u8>) {
    for name in [TCP4, TCP6, UTP4] {
        let recording = Recording::of(name);
        recording.same(what, recording.wrapped(link, |packet, _| vec![wrap(packet)]));
    }
}

fn snap(packet: &[u8]) -> Vec<u8> {
    join(&[&[0xaa, 0xaa, 3, 0, 0, 0], &ether_type(packet), packet])
}

#[test]
fn ethernet_with_padding_tags_and_lengths() {
    all("padded", 1, frame::ethernet);
    for tags in [vec![VLAN], vec![SERVICE_VLAN, VLAN], vec![SERVICE_VLAN, SERVICE_VLAN, VLAN, VLAN, VLAN]] {
        all("tags", 1, |packet| join(&[&ADDRESSES, &tags.concat(), &ether_type(packet), packet, &[0; 6]]));
    }
    // Without offload, as a length above 1,500 would be a type.
    let recording = Recording::of("mtu-transfer");
    let capture = recording.wrapped(1, |packet, _| {
        let snap = snap(packet);
        let padding = vec![0; 46_usize.saturating_sub(snap.len())];
        vec![if snap.len() <= 1_500 {
            join(&[&ADDRESSES, &(snap.len() as u16).to_be_bytes(), &snap, &padding])
        } else {
            frame::ethernet(packet)
        }]
    });
    recording.same("802.3 with SNAP", capture);
}

#[test]
fn mpls_labels_and_pseudowires() {
    let stack = |labels: u32| -> Vec<u8> {
        let label = |n: u32| ((16 + n) << 12 | u32::from(n + 1 == labels) << 8 | 64).to_be_bytes();
        (0..labels).flat_map(label).collect()
    };
    for labels in [1, 2, 5] {
        all("labels", 1, |packet| join(&[&ADDRESSES, &[0x88, 0x47], &stack(labels), packet]));
        all("pseudowire", 1, |packet| {
            join(&[&ADDRESSES, &VLAN, &[0x88, 0x47], &stack(labels), &[0; 4], &frame::ethernet(packet)])
        });
        all("pseudowire without control word", 1, |packet| {
            join(&[&ADDRESSES, &[0x88, 0x48], &stack(labels), &frame::tagged(packet, &[5])])
        });
    }
}

fn ppp(packet: &[u8]) -> Vec<u8> {
    join(&[if packet[0] >> 4 == 6 { &[0x00, 0x57] } else { &[0x00, 0x21] }, packet])
}

#[test]
fn ppp_in_all_its_framings() {
    let session = |packet: &[u8]| {
        let ppp = ppp(packet);
        join(&[&[0x11, 0, 0, 7], &(ppp.len() as u16).to_be_bytes(), &ppp])
    };
    all("PPPoE", 1, |packet| join(&[&ADDRESSES, &[0x88, 0x64], &session(packet)]));
    all("PPPoE, padded", 1, |packet| join(&[&ADDRESSES, &VLAN, &[0x88, 0x64], &session(packet), &[0; 46]]));
    all("PPPoE without Ethernet", 51, session);
    all("PPP", 9, ppp);
    all("PPP, address and control", 9, |packet| join(&[&[0xff, 3], &ppp(packet)]));
    all("PPP, compressed protocol", 9, |packet| ppp(packet)[1..].to_vec());
    all("PPP in HDLC", 50, |packet| join(&[&[0xff, 3], &ppp(packet)]));
    all("Cisco HDLC in PPP", 50, |packet| join(&[&[0x0f, 0], &ether_type(packet), packet]));
    all("Cisco HDLC", 104, |packet| join(&[&[0x0f, 0], &ether_type(packet), packet]));
    all("PPP with direction", 204, |packet| join(&[&[1], &ppp(packet)]));
    for header in [&[0xff, 3][..], &[1], &[0, 3], &[1, 0], &[0, 0xff, 3], &[]] {
        all("pppd", 166, |packet| join(&[header, &ppp(packet)]));
    }
}

#[test]
fn cooked_loopback_and_raw() {
    all("cooked", 113, |packet| join(&[&[0, 4, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0], &ether_type(packet), packet]));
    all("cooked, tagged", 113, |packet| {
        join(&[&[0, 4, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0], &VLAN, &ether_type(packet), packet])
    });
    all("cooked 2", 276, |packet| {
        join(&[&ether_type(packet), &[0, 0, 0, 0, 0, 3, 0, 1, 4, 6, 2, 0, 0, 0, 0, 1, 0, 0], packet])
    });
    for family6 in [10_u8, 23, 24, 28, 30] {
        let family = |packet: &[u8]| if packet[0] >> 4 == 6 { family6 } else { 2 };
        all("null, little-endian", 0, |packet| join(&[&[family(packet), 0, 0, 0], packet]));
        all("null, big-endian", 0, |packet| join(&[&[0, 0, 0, family(packet)], packet]));
        all("loop", 108, |packet| join(&[&[0, 0, 0, family(packet)], packet]));
    }
    for link in [12, 14, 101] {
        all("raw", link, <[u8]>::to_vec);
    }
    for (name, link) in [(TCP4, 228), (UTP4, 228), (TCP6, 229)] {
        let recording = Recording::of(name);
        recording.same("raw, of one version", recording.wrapped(link, |packet, _| vec![packet.to_vec()]));
    }
}

/// An 802.11 data frame: frame control, duration, three or four addresses, sequence number, then QoS.
fn wireless(control: [u8; 2], more: &[u8], packet: &[u8]) -> Vec<u8> {
    join(&[&control, &[0x30, 0], &[2; 18], &[0x10, 0x27], more, &snap(packet)])
}

/// An aggregate (A-MSDU) of packets: two addresses, a length, the frame, and padding to four bytes but for the last one.
fn aggregate(packets: &[&[u8]]) -> Vec<u8> {
    let mut frame = join(&[&[0x88, 0x02, 0x30, 0], &[2; 18], &[0x10, 0x27], &[0x80, 0]]);
    for (packet, last) in packets.iter().zip((0..packets.len()).rev().map(|left| left == 0)) {
        let msdu = snap(packet);
        frame.extend(join(&[&[4; 12], &(msdu.len() as u16).to_be_bytes(), &msdu]));
        let padding = if last { 0 } else { (14 + msdu.len()).next_multiple_of(4) - 14 - msdu.len() };
        frame.extend(vec![0; padding]);
    }
    frame
}

#[test]
fn every_packet_of_a_wireless_aggregate_is_read() {
    for name in [TCP4, TCP6, UTP4] {
        let recording = Recording::of(name);
        for at_once in [1, 2, 7] {
            let all: Vec<&[u8]> = recording.packets.iter().map(|(_, packet)| packet.as_slice()).collect();
            let capture = recording.wrapped(105, |_, number| {
                let first = number.is_multiple_of(at_once);
                first.then(|| aggregate(&all[number..all.len().min(number + at_once)])).into_iter().collect()
            });
            recording.same(&format!("A-MSDU of {at_once}"), capture);
        }
        // What is no IP between them costs nothing.
        let capture =
            recording.wrapped(105, |packet, _| vec![aggregate(&[b"no packet at all", packet, b"nor here"])]);
        recording.told("A-MSDU with something else", capture);
    }
}

#[test]
fn an_aggregate_that_lies_about_its_parts_is_told() {
    let recording = Recording::of(TCP4);
    let capture = recording.wrapped(105, |packet, _| {
        let mut frame = aggregate(&[packet, packet]);
        let second = 26 + (14 + 8 + packet.len()).next_multiple_of(4) + 12;
        frame[second] = 0xff;
        vec![frame]
    });
    let evidence = recording.told("A-MSDU of a wrong length", capture);
    let told = evidence.anomalies.tally(Kind::BadHeader).expect("it is told");
    assert_eq!(told.count, recording.packets.len() as u64);
}

#[test]
fn wireless_data_frames_behind_every_radio_header() {
    type Data = fn(&[u8]) -> Vec<u8>;
    let shapes: [(&str, Data); 5] = [
        ("to the access point", |packet| wireless([0x08, 0x01], &[], packet)),
        ("from the access point", |packet| wireless([0x08, 0x02], &[], packet)),
        ("with QoS", |packet| wireless([0x88, 0x02], &[0, 0], packet)),
        ("between access points", |packet| wireless([0x88, 0x03], &[2, 2, 2, 2, 2, 2, 0, 0], packet)),
        ("with HT control", |packet| wireless([0x88, 0x82], &[0, 0, 1, 2, 3, 4], packet)),
    ];
    for (name, data) in shapes {
        all(name, 105, data);
        all(&format!("radiotap, {name}"), 127, |packet| {
            // Version, length 13, flags and rate and channel: the flags say that there is no FCS.
            join(&[&[0, 0, 14, 0, 0x0e, 0, 0, 0, 0x00, 12, 0x6c, 0x09, 0x80, 0x04], &data(packet)])
        });
        all(&format!("radiotap with FCS, {name}"), 127, |packet| {
            // Timestamp of 8 bytes on a boundary of 8, then the flags: FCS at the end.
            let header = [0, 0, 25, 0, 3, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0x10];
            join(&[&header, &data(packet), &[0xde, 0xad, 0xbe, 0xef]])
        });
        all(&format!("AVS, {name}"), 163, |packet| {
            join(&[&[0x80, 0x21, 0x10, 0x01, 0, 0, 0, 64], &[0; 56], &data(packet)])
        });
        all(&format!("Prism, {name}"), 119, |packet| {
            join(&[&[0x44, 0, 0, 0, 144, 0, 0, 0], b"wlan0\0\0\0\0\0\0\0\0\0\0\0", &[0; 120], &data(packet)])
        });
        all(&format!("PPI, {name}"), 192, |packet| join(&[&[0, 0, 8, 0, 105, 0, 0, 0], &data(packet)]));
    }
}

#[test]
fn a_frame_that_the_radio_marks_as_damaged_is_held_against_nobody() {
    let recording = Recording::of(MTU);
    let long: Vec<usize> =
        (0..recording.packets.len()).filter(|at| recording.packets[*at].1.len() == 1_500).collect();
    let hurt = long[30];
    let heard = |packet: &[u8], bad: bool| {
        let mut data = wireless([0x08, 0x01], &[], &frame::summed(packet));
        if bad {
            data[700] ^= 1;
        }
        let flags = if bad { 0x50 } else { 0x10 };
        join(&[&[0, 0, 9, 0, 2, 0, 0, 0, flags], &data, &[0xde, 0xad, 0xbe, 0xef]])
    };
    let alone = recording.wrapped(127, |packet, number| vec![heard(packet, number == hurt)]);
    let evidence = recording.run(alone).once(1, 64 << 20).expect("it is read");
    check(&evidence);
    let told = |evidence: &Evidence| evidence.anomalies.tally(Kind::DamagedFrame).map(|tally| tally.count);
    assert_eq!(told(&evidence), Some(1));
    let sum = |bytes: fn(&peerproof::evidence::Transfer) -> u64| evidence.transfers.iter().map(bytes).sum::<u64>();
    assert_eq!((sum(|row| row.bytes.refuted), sum(|row| row.bytes.lost)), (0, 1_448));
    // The radio sends it again, and that is what counts.
    let again = recording.wrapped(127, |packet, number| match number {
        number if number == hurt => vec![heard(packet, true), heard(packet, false)],
        _ => vec![heard(packet, false)],
    });
    assert_eq!(told(&recording.told("damaged, then sent again", again)), Some(1));
}

#[test]
fn records_of_other_systems() {
    let header = |link: u8, packet: &[u8]| {
        let mut header = vec![0; 108];
        (header[0], header[4], header[8]) = (108, 1, link);
        join(&[&header, packet])
    };
    all("PKTAP, raw", 258, |packet| header(12, packet));
    all("PKTAP, Ethernet", 258, |packet| header(1, &frame::ethernet(packet)));
    all("PKTAP, loopback", 258, |packet| {
        header(0, &join(&[&[if packet[0] >> 4 == 6 { 30 } else { 2 }, 0, 0, 0], packet]))
    });
    let family = |packet: &[u8]| if packet[0] >> 4 == 6 { 10 } else { 2 };
    let padded = |packet: &[u8]| vec![0; packet.len().next_multiple_of(4) - packet.len()];
    all("NFLOG, little-endian", 239, |packet| {
        let length = (packet.len() as u16 + 4).to_le_bytes();
        let before = [8, 0, 1, 0, 8, 0, 3, 0, 5, 0, 10, 0, 0, 0, 0, 0];
        join(&[
            &[family(packet), 0, 0, 5],
            &before,
            &length,
            &[9, 0],
            packet,
            &padded(packet),
            &[8, 0, 5, 0, 1, 1, 1, 1],
        ])
    });
    all("NFLOG, big-endian", 239, |packet| {
        let length = (packet.len() as u16 + 4).to_be_bytes();
        let before = [0, 8, 0, 1, 8, 0, 3, 0, 0, 5, 0, 10, 0, 0, 0, 0];
        join(&[&[family(packet), 0, 0, 5], &before, &length, &[0, 9], packet, &padded(packet)])
    });
}

#[test]
fn a_frame_check_sequence_is_no_payload() {
    for name in [TCP4, TCP6, UTP4] {
        let recording = Recording::of(name);
        let mut capture =
            recording.wrapped(1, |packet, _| vec![join(&[&frame::ethernet(packet), &[0xde, 0xad, 0xbe, 0xef]])]);
        recording.same("FCS unsaid", capture.clone());
        // Bit 26: the length is stated; the top four bits: two words of 16 bits.
        capture[23] |= 0x24;
        recording.same("FCS stated", capture);
    }
}

#[test]
fn an_unknown_link_type_costs_its_own_frames_only() {
    let recording = Recording::of(TCP4);
    let blocks = |link: u16, name: &[u8]| {
        let name = join(&[&[2, 0, name.len() as u8, 0], name]);
        block(1, &join(&[&link.to_le_bytes(), &[0; 6], &name, &[9, 0, 1, 0, 9, 0, 0, 0]]))
    };
    let packet = |interface: u32, time: i64, bytes: &[u8]| {
        let (time, len) = (time as u64, (bytes.len() as u32).to_le_bytes());
        let time = [((time >> 32) as u32).to_le_bytes(), (time as u32).to_le_bytes()].concat();
        block(6, &join(&[&interface.to_le_bytes(), &time, &len, &len, bytes]))
    };
    let mut capture =
        block(0x0a0d_0d0a, &[0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255]);
    capture.extend(join(&[&blocks(220, b"usbmon1\0"), &blocks(1, b"eth0"), &blocks(147, b"odd0")]));
    for (time, ip) in &recording.packets {
        capture.extend(packet(0, *time, &[7; 64]));
        capture.extend(packet(1, *time, &frame::ethernet(ip)));
        // A frame that would be the same packet again, were its link type read as Ethernet.
        capture.extend(packet(2, *time, &frame::ethernet(ip)));
    }
    let evidence = recording.told("unknown link types", capture.clone());
    let (count, frames) = (evidence.anomalies.iter().count(), recording.packets.len() as u64);
    let tally = evidence.anomalies.tally(Kind::UnknownLinkType).expect("it is told");
    assert_eq!((count, tally.count), (1, 2 * frames), "{:#?}", evidence.anomalies);
    let interfaces = &evidence.captures[0].interfaces;
    let seen: Vec<_> = interfaces.iter().map(|each| (each.name.as_deref().unwrap_or(""), each.frames)).collect();
    assert_eq!(seen, [("usbmon1", frames), ("eth0", frames), ("odd0", frames)]);
    let report: serde_json::Value =
        serde_json::from_str(&recording.run(capture).json(1, 64 << 20)).expect("a report is JSON");
    let interfaces = &report["inputs"][0]["interfaces"];
    assert_eq!(interfaces[0]["unread_frames"], frames, "{interfaces:#}");
    assert!(interfaces[1].get("unread_frames").is_none(), "{interfaces:#}");
    let notes = report["notes"].to_string();
    assert!(notes.contains("usbmon1") && notes.contains("odd0") && !notes.contains("eth0"), "{notes}");
}

/// A little-endian pcapng block.
fn block(kind: u32, body: &[u8]) -> Vec<u8> {
    let padding = vec![0; body.len().next_multiple_of(4) - body.len()];
    let len = (body.len() + padding.len() + 12) as u32;
    join(&[&kind.to_le_bytes(), &len.to_le_bytes(), body, &padding, &len.to_le_bytes()])
}
