//! Tunnels: the inner addresses are the peers', and the report tells the outer ones too.

use peerproof::anomaly::Kind;

use super::*;

/// Every recording in a tunnel from 198.51.100.1 to 198.51.100.2, which the report names as `name`.
#[track_caller]
fn all(name: &str, wrap: impl Fn(&[u8]) -> Vec<u8>) {
    for recording in [TCP4, TCP6, UTP4] {
        through(recording, name, &wrap);
    }
}

#[track_caller]
fn through(recording: &str, name: &str, wrap: impl Fn(&[u8]) -> Vec<u8>) {
    let recording = Recording::of(recording);
    let evidence = recording.same(name, recording.wrapped(1, |packet, _| vec![wrap(packet)]));
    told(&evidence, name);
}

/// The path of each transfer is this one alone.
#[track_caller]
pub fn told(evidence: &Evidence, name: &str) {
    let path = format!("{name} 198.51.100.1 -> 198.51.100.2");
    for row in &evidence.transfers {
        assert_eq!(row.paths.iter().collect::<Vec<_>>(), [&path]);
    }
}

#[test]
fn ip_in_ip_of_any_two_versions() {
    for name in [TCP4, UTP4] {
        through(name, "IP-in-IP", |packet| outer4(4, packet));
    }
    through(TCP6, "6in4", |packet| outer4(41, packet));
    for name in [TCP4, TCP6] {
        let recording = Recording::of(name);
        let protocol = if name == TCP6 { 41 } else { 4 };
        let (from, to) = ("2001:db8::1".parse().expect("one"), "2001:db8::2".parse().expect("one"));
        let capture =
            recording.wrapped(1, |packet, _| vec![frame::ethernet(&frame::ip(from, to, protocol, 0, packet))]);
        let evidence = recording.same("in IPv6", capture);
        assert_eq!(evidence.transfers[0].paths.iter().collect::<Vec<_>>(), ["IP-in-IP 2001:db8::1 -> 2001:db8::2"]);
    }
}

#[test]
fn gre_with_any_of_its_options() {
    let gre = |flags: u8, more: &'static [u8]| {
        move |packet: &[u8]| outer4(47, &join(&[&[flags, 0], &ether_type(packet), more, packet]))
    };
    all("GRE", gre(0, &[]));
    all("GRE", gre(0x20, &[0, 0, 0, 7]));
    all("GRE", gre(0x10, &[0, 0, 0, 7]));
    all("GRE", gre(0xb0, &[0x12, 0x34, 0, 0, 0, 0, 0, 7, 0, 0, 0, 8]));
    all("GRE", |packet| outer4(47, &join(&[&[0, 0, 0x65, 0x58], &frame::tagged(packet, &[5])])));
    all("GRE", |packet| outer4(47, &join(&[&[0, 0, 0x88, 0x47, 0, 1, 1, 64], packet])));
}

#[test]
fn mirrored_frames_in_all_three_versions_of_erspan() {
    all("ERSPAN", |packet| outer4(47, &join(&[&[0, 0, 0x88, 0xbe], &frame::ethernet(packet)])));
    all("ERSPAN", |packet| {
        outer4(
            47,
            &join(&[&[0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0x10, 0x64, 0x10, 1, 0, 0, 0, 1], &frame::ethernet(packet)]),
        )
    });
    for (subheader, bit) in [(&[][..], 0_u8), (&[1; 8], 1)] {
        all("ERSPAN", |packet| {
            let header = [0x20, 0x64, 0, 1, 0, 0, 0, 9, 0, 0, 0, bit];
            outer4(47, &join(&[&[0x10, 0, 0x22, 0xeb, 0, 0, 0, 1], &header, subheader, &frame::ethernet(packet)]))
        });
    }
}

#[test]
fn frames_that_a_mirror_cut_prove_what_a_snap_length_leaves() {
    let recording = Recording::of(MTU);
    let cut = |packet: &[u8]| frame::ethernet(packet).into_iter().take(1_400).collect::<Vec<u8>>();
    let short = |(time, packet): &(i64, Vec<u8>)| Record {
        time: *time,
        bytes: cut(packet),
        wire_len: frame::ethernet(packet).len() as u32,
    };
    let records: Vec<Record> = recording.packets.iter().map(short).collect();
    let plain =
        recording.run(pcap(&records, 1, Order::Little, Ticks::Nanos)).once(1, 64 << 20).expect("it is read");
    let told = |evidence: &Evidence| {
        evidence.anomalies.tally(Kind::Snaplen).map(|tally| (tally.count, tally.amount)).expect("it is told")
    };
    type Wrap = fn(&[u8]) -> Vec<u8>;
    let wraps: [(&str, Wrap); 4] = [
        ("ERSPAN", |cut| {
            outer4(47, &join(&[&[0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0x10, 0x64, 0x14, 1, 0, 0, 0, 1], cut]))
        }),
        ("VXLAN", |cut| outer_udp(4_789, &join(&[&[8, 0, 0, 0, 0, 0, 42, 0], cut]))),
        ("Geneve", |cut| outer_udp(6_081, &join(&[&[0, 0, 0x65, 0x58, 0, 0, 42, 0], cut]))),
        ("TZSP", |cut| outer_udp(37_008, &join(&[&[1, 0, 0, 1, 1], cut]))),
    ];
    for (name, wrap) in wraps {
        let mirrored = recording.wrapped(1, |packet, _| vec![wrap(&cut(packet))]);
        let evidence = recording.run(mirrored).once(1, 64 << 20).expect("it is read");
        check(&evidence);
        assert_eq!((ledger(&evidence), told(&evidence)), (ledger(&plain), told(&plain)), "{name}");
    }
}

#[test]
fn l2tp_of_both_versions() {
    for (cookie, sublayer) in [(0, 0), (4, 0), (8, 0), (0, 4), (4, 4), (8, 4)] {
        let header = [vec![0, 0, 0, 77], vec![0xc5; cookie], [0x40, 0, 0, 1][..sublayer].to_vec()].concat();
        all("L2TPv3", |packet| outer4(115, &join(&[&header, &frame::ethernet(packet)])));
        all("L2TPv3 over UDP", |packet| {
            outer_udp(1701, &join(&[&[0, 3, 0, 0], &header, &frame::ethernet(packet)]))
        });
    }
    let protocol = |packet: &[u8]| if packet[0] >> 4 == 6 { 0x57 } else { 0x21 };
    all("L2TP over UDP", |packet| {
        outer_udp(1701, &join(&[&[0, 2, 0, 7, 0, 1, 0xff, 3, 0, protocol(packet)], packet]))
    });
    all("L2TP over UDP", |packet| {
        // Length, sequence numbers, no address and control bytes.
        let length = (packet.len() as u16 + 14).to_be_bytes();
        outer_udp(1701, &join(&[&[0x48, 2], &length, &[0, 7, 0, 1, 0, 5, 0, 4, 0, protocol(packet)], packet]))
    });
}

#[test]
fn teredo_with_and_without_its_indications() {
    let authentication = [0, 1, 0, 0, 9, 9, 9, 9, 9, 9, 9, 9, 0];
    let origin = [0, 0, 0x40, 0x1f, 0x39, 0x9b, 0x9b, 0xfe];
    for header in [&[][..], &origin, &authentication, &[&authentication[..], &origin].concat()] {
        through(TCP6, "Teredo over UDP", |packet| outer_udp(3544, &join(&[header, packet])));
    }
}

#[test]
fn vxlan_and_geneve_of_ethernet_and_geneve_of_ip() {
    for port in [4789, 8472] {
        all("VXLAN 42 over UDP", |packet| {
            outer_udp(port, &join(&[&[8, 0, 0, 0, 0, 0, 42, 0], &frame::ethernet(packet)]))
        });
    }
    for options in [0_u8, 2, 3, 18] {
        let words = vec![0x5a; usize::from(options) * 4];
        all("Geneve 42 over UDP", |packet| {
            outer_udp(6081, &join(&[&[options, 0, 0x65, 0x58, 0, 0, 42, 0], &words, &frame::ethernet(packet)]))
        });
        all("Geneve 42 over UDP", |packet| {
            outer_udp(6081, &join(&[&[options, 0], &ether_type(packet), &[0, 0, 42, 0], &words, packet]))
        });
    }
}

#[test]
fn geneve_that_reads_as_utp_is_still_read() {
    for name in [TCP4, TCP6, UTP4] {
        let recording = Recording::of(name);
        let capture = recording.wrapped(1, |packet, _| {
            vec![outer_udp(6081, &join(&[&[1, 0, 0x65, 0x58, 0, 0, 42, 0, 1, 2, 3, 0], &frame::ethernet(packet)]))]
        });
        let evidence = recording.told("Geneve with one word of options", capture);
        // Of what reads as uTP too, not all is kept until a connection is shown, and that is told.
        let mut kinds: Vec<_> = evidence.anomalies.iter().map(|(kind, tally)| (kind, tally.count)).collect();
        kinds.retain(|(kind, _)| *kind != Kind::PossibleUtp);
        assert_eq!(kinds, [(Kind::AmbiguousTunnel, recording.packets.len() as u64)]);
        told(&evidence, "Geneve 42 over UDP");
    }
}

#[test]
fn gue_of_ip_and_of_ethernet() {
    all("GUE over UDP", |packet| outer_udp(6080, packet));
    let protocol = |packet: &[u8]| if packet[0] >> 4 == 4 { 4 } else { 41 };
    all("GUE over UDP", |packet| {
        outer_udp(6080, &join(&[&[2, protocol(packet), 0, 0, 9, 9, 9, 9, 9, 9, 9, 9], packet]))
    });
    all("GUE over UDP", |packet| outer_udp(6080, &join(&[&[0, 143, 0, 0], &frame::ethernet(packet)])));
}

#[test]
fn what_a_sniffer_sends_on_with_tzsp_is_read() {
    for name in [TCP4, TCP6, UTP4] {
        let recording = Recording::of(name);
        let capture = recording.wrapped(1, |packet, _| {
            vec![outer_udp(37_008, &join(&[&[1, 0, 0, 1, 10, 1, 0xc5, 1], &frame::ethernet(packet)]))]
        });
        told(&recording.told("TZSP", capture), "TZSP over UDP");
    }
}

#[test]
fn gtp_u_with_and_without_extension_headers() {
    let length = |packet: &[u8], more: usize| ((packet.len() + more) as u16).to_be_bytes();
    all("GTP-U over UDP", |packet| {
        outer_udp(2152, &join(&[&[0x30, 255], &length(packet, 0), &[0, 0, 0, 9], packet]))
    });
    all("GTP-U over UDP", |packet| {
        outer_udp(2152, &join(&[&[0x32, 255], &length(packet, 4), &[0, 0, 0, 9, 0, 1, 0, 0], packet]))
    });
    all("GTP-U over UDP", |packet| {
        // A PDU session container, as between a 5G base station and its core.
        let more = [0, 0, 0, 0x85, 1, 0x10, 9, 0];
        outer_udp(2152, &join(&[&[0x34, 255], &length(packet, 8), &[0, 0, 0, 9], &more, packet]))
    });
}

#[test]
fn gre_and_mpls_over_udp() {
    all("GRE over UDP", |packet| outer_udp(4754, &join(&[&[0x20, 0], &ether_type(packet), &[0, 0, 0, 7], packet])));
    all("GRE over UDP", |packet| outer_udp(4754, &join(&[&[0, 0, 0x65, 0x58], &frame::ethernet(packet)])));
    all("MPLS over UDP", |packet| outer_udp(6635, &join(&[&[0, 1, 1, 64], packet])));
}

#[test]
fn tunnels_inside_one_another() {
    let recording = Recording::of(UTP4);
    let capture = recording.wrapped(1, |packet, _| {
        let vxlan = outer_udp(4789, &join(&[&[8, 0, 0, 0, 0, 0, 42, 0], &frame::tagged(packet, &[9])]));
        let gre = join(&[&[0, 0, 0x65, 0x58], &vxlan]);
        vec![outer4(47, &gre)]
    });
    let evidence = recording.same("VXLAN in GRE", capture);
    let path = "GRE 198.51.100.1 -> 198.51.100.2, VXLAN 42 over UDP 198.51.100.1 -> 198.51.100.2";
    assert!(evidence.transfers.iter().all(|row| row.paths.iter().collect::<Vec<_>>() == [path]));
}

#[test]
fn what_only_a_datagram_vouches_for_is_said_in_words() {
    let notes = |wrap: &dyn Fn(&[u8], usize) -> Vec<u8>| {
        let recording = Recording::of(TCP4);
        let capture = recording.wrapped(1, |packet, number| vec![wrap(packet, number)]);
        recording.same("noted", capture.clone());
        let report: serde_json::Value =
            serde_json::from_str(&recording.run(capture).json(1, 64 << 20)).expect("a report is JSON");
        report["notes"].to_string()
    };
    let vxlan = |packet: &[u8]| outer_udp(4789, &join(&[&[8, 0, 0, 0, 0, 0, 42, 0], &frame::ethernet(packet)]));
    let only = notes(&|packet, _| vxlan(packet));
    assert!(only.contains("Inside tunnels over UDP only: 2 transfers"), "{only}");
    assert!(only.contains("Anyone who can send a datagram"), "{only}");
    let partly = notes(&|packet, number| if number % 3 == 0 { vxlan(packet) } else { frame::ethernet(packet) });
    assert!(partly.contains("Both inside a tunnel over UDP and outside of one: 2 transfers"), "{partly}");
    assert_eq!(notes(&|packet, _| outer4(4, packet)), "[]");
}

#[test]
fn packets_with_and_without_a_tunnel_are_one_connection_and_both_ways_are_told() {
    let recording = Recording::of(TCP4);
    let vxlan = |packet: &[u8]| outer_udp(4789, &join(&[&[8, 0, 0, 0, 0, 0, 42, 0], &frame::ethernet(packet)]));
    // As `-i any` on the host of the tunnel sees it: each packet on the tunnel's interface and in its datagram.
    let capture = recording.wrapped(1, |packet, _| vec![frame::ethernet(packet), vxlan(packet)]);
    let evidence = recording.run(capture).once(1, 64 << 20).expect("it is read");
    check(&evidence);
    let bytes: Vec<_> = evidence.transfers.iter().map(|row| row.bytes).collect();
    let plain = recording.wrapped(101, |packet, _| vec![packet.to_vec()]);
    let plain = recording.run(plain).once(1, 64 << 20).expect("it is read");
    assert_eq!(bytes, plain.transfers.iter().map(|row| row.bytes).collect::<Vec<_>>());
    for row in &evidence.transfers {
        let paths: Vec<&str> = row.paths.iter().map(String::as_str).collect();
        assert_eq!(paths, ["(no tunnel)", "VXLAN 42 over UDP 198.51.100.1 -> 198.51.100.2"]);
    }
}
