//! Tunnels over UDP on ports that no standard names.

use assert_cmd::Command;
use peerproof::anomaly::Kind;

use super::tunnels::told;
use super::*;
use crate::synth::content::Recipe;
use crate::synth::frame::{Flags, Sum};
use crate::synth::run::{address, transfer};
use crate::synth::swarm::{START, World};
use crate::synth::utp::UtpConn;
use crate::synth::wire;

#[test]
fn any_format_is_read_on_a_port_that_the_user_names() {
    for name in [TCP4, TCP6, UTP4] {
        let recording = Recording::of(name);
        let expect = |option: &str, path: &str, wrap: &dyn Fn(&[u8]) -> Vec<u8>| {
            let capture = recording.wrapped(1, |packet, _| vec![outer_udp(5_000, &wrap(packet))]);
            let evidence = recording.ran(option, &recording.run(capture.clone()).tunnel(option));
            assert_eq!(evidence.anomalies.iter().count(), 0, "{option}: {:#?}", evidence.anomalies);
            told(&evidence, path);
            let without = recording.run(capture).once(1, 64 << 20).expect("it is read");
            assert!(without.transfers.is_empty(), "{option}: {:#?}", without.transfers);
        };
        let protocol = if name == TCP6 { 0x57 } else { 0x21 };
        expect("udp:5000=vxlan", "VXLAN 42 over UDP", &|packet| {
            join(&[&[8, 0, 0, 0, 0, 0, 42, 0], &frame::ethernet(packet)])
        });
        expect("udp:5000=vxlan", "VXLAN 42 over UDP", &|packet| {
            join(&[&[0x0c, 0, 0, if packet[0] >> 4 == 6 { 2 } else { 1 }, 0, 0, 42, 0], packet])
        });
        expect("udp:5000=geneve", "Geneve 42 over UDP", &|packet| {
            join(&[&[1, 0, 0x65, 0x58, 0, 0, 42, 0, 1, 2, 3, 0], &frame::ethernet(packet)])
        });
        expect("udp:5000=gtp-u", "GTP-U over UDP", &|packet| {
            join(&[&[0x30, 255], &(packet.len() as u16).to_be_bytes(), &[0, 0, 0, 9], packet])
        });
        expect("udp:5000=l2tp", "L2TP over UDP", &|packet| {
            join(&[&[0, 2, 0, 7, 0, 1, 0xff, 3, 0, protocol], packet])
        });
        expect("udp:5000=gre", "GRE over UDP", &|packet| join(&[&[0, 0], &ether_type(packet), packet]));
        expect("udp:5000=mpls", "MPLS over UDP", &|packet| join(&[&[0, 1, 1, 64], packet]));
        expect("udp:5000=ip", "IP over UDP", &<[u8]>::to_vec);
        if name == TCP6 {
            expect("udp:5000=teredo", "Teredo over UDP", &|packet| {
                join(&[&[0, 0, 0x40, 0x1f, 0x39, 0x9b, 0x9b, 0xfe], packet])
            });
        }
    }
}

#[test]
fn a_utp_peer_on_the_port_of_a_tunnel_keeps_its_bytes() {
    let recording = Recording::of(UTP4);
    for port in [1701_u16, 2152, 3544, 4754, 4789, 4790, 6081, 6635, 8472] {
        let moved = recording.wrapped(1, |packet, _| vec![frame::ethernet(&on_port(packet, port))]);
        let evidence = recording.run(moved).once(1, 64 << 20).expect("it is read");
        check(&evidence);
        let served = |evidence: &Evidence| -> Vec<_> { evidence.transfers.iter().map(|row| row.bytes).collect() };
        let plain = recording.wrapped(101, |packet, _| vec![packet.to_vec()]);
        let plain = recording.run(plain).once(1, 64 << 20).expect("it is read");
        assert_eq!(served(&evidence), served(&plain), "port {port}");
        assert!(evidence.transfers.iter().all(|row| row.paths.is_empty()));
        assert_eq!(evidence.anomalies.iter().count(), 0, "port {port}: {:#?}", evidence.anomalies);
    }
}

#[test]
fn the_option_is_checked_stands_in_the_report_and_in_the_next_command() {
    let recording = Recording::of(TCP4);
    let folder = tempfile::tempdir().expect("a directory");
    let capture = recording.wrapped(1, |packet, _| vec![outer_udp(5_000, packet)]);
    std::fs::write(folder.path().join("tunnel.pcap"), capture).expect("room");
    std::fs::write(folder.path().join("a.torrent"), recording.case.read(&recording.case.torrent())).expect("room");
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_peerproof"));
        let output = command.current_dir(folder.path()).args(arguments).output().expect("the program starts");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        (output.status.code().expect("no signal"), text(output.stdout), text(output.stderr))
    };
    for (options, said) in [
        (vec!["--tunnel", "5000=ip"], "udp:PORT=FORMAT"),
        (vec!["--tunnel", "udp:70000=ip"], "from 1 to 65535"),
        (vec!["--tunnel", "udp:5000=wireguard"], "one of vxlan, geneve, gtp-u"),
        (vec!["--tunnel", "udp:5000=ip", "--tunnel", "udp:5000=gre"], "port 5000 two formats"),
    ] {
        for command in ["analyze", "inspect"] {
            let (code, out, errors) = run(&[&[command, "tunnel.pcap"], &options[..]].concat());
            assert_eq!((code, out.as_str()), (2, ""), "{options:?}: {errors}");
            assert!(errors.contains(said), "{options:?}: {errors}");
        }
    }
    let line =
        ["analyze", "tunnel.pcap", "--tunnel", "udp:9000=gre", "--tunnel", "udp:5000=ip", "--format", "json"];
    let (code, out, errors) = run(&[&line[..], &["-t", "a.torrent"]].concat());
    assert_eq!(code, 0, "{errors}");
    let report: serde_json::Value = serde_json::from_str(&out).expect("a report is JSON");
    assert_eq!(crate::fixture::violations(&report), Vec::<String>::new());
    assert_eq!(report["options"]["tunnels"], serde_json::json!(["udp:5000=ip", "udp:9000=gre"]));
    assert_eq!(report["transfers"][0]["paths"][0], "IP over UDP 198.51.100.1 -> 198.51.100.2");
    let (_, out, _) = run(&["analyze", "tunnel.pcap", "--format", "json"]);
    let report: serde_json::Value = serde_json::from_str(&out).expect("a report is JSON");
    assert!(report["options"].get("tunnels").is_none());
    let (code, out, errors) = run(&["inspect", "tunnel.pcap", "--tunnel", "udp:5000=ip"]);
    assert_eq!(code, 0, "{errors}");
    assert!(out.contains("peerproof analyze tunnel.pcap --tunnel udp:5000=ip -t a.torrent"), "{out}");
}

/// The packet with the seeder's UDP port changed.
fn on_port(packet: &[u8], port: u16) -> Vec<u8> {
    let mut packet = packet.to_vec();
    let seeder = [packet[20], packet[21]].min([packet[22], packet[23]]);
    for at in [20, 22] {
        if packet[at..at + 2] == seeder {
            packet[at..at + 2].copy_from_slice(&port.to_be_bytes());
        }
    }
    packet
}

#[test]
fn a_utp_peer_that_shapes_its_packets_as_tunnels_loses_no_byte_and_its_forgery_is_told() {
    // A torrent and a connection made so that packets of the seeder read as Geneve around a packet of somebody else.
    let (leecher, seeder) = (address("81.2.69.10:6081"), address("93.184.16.1:6881"));
    let (victim, other) = (address("203.0.113.66:6881"), address("203.0.113.77:50001"));
    let forged = |seq: u32, payload: &[u8]| {
        let segment = frame::tcp(victim, other, seq, 1, Flags::ACK, payload, Sum::Right);
        join(&[&[0, 0, 0, 0, 8, 0], &frame::ip(victim.ip(), other.ip(), 6, 1, &segment)])
    };
    let mut content = vec![0x55; 40_000];
    // Where the packets of each block begin, behind the header of its message.
    for place in (0..40_000 / 16_384).flat_map(|block| (1..11).map(move |n| block * 16_384 + n * 1_382 - 13)) {
        let packet = forged(place as u32, &[0x77; 900]);
        content[place..place + packet.len()].copy_from_slice(&packet);
    }
    let torrent = Recipe::folder("forged", 16_384, 1).file_of("a", content).v1();
    // The clock's microseconds end in a zero byte, where Geneve has a reserved one.
    let mut world = World::new().starting(START - START % 256_000);
    world.step = 256_000;
    let mut conn = UtpConn::open(&mut world, leecher, seeder, 0x6558, [100, 200]);
    conn.join(&mut world, &torrent, [wire::peer_id("-XX0001-", 1), wire::peer_id("-XX0001-", 2)]);
    (0..torrent.pieces()).for_each(|piece| conn.fetch(&mut world, &torrent, piece));
    let run = Run::new().capture(world.pcap()).torrent(&torrent);
    let evidence = run.evidence();
    let row = transfer(&evidence, "93.184.16.1:6881", "81.2.69.10:6081");
    assert_eq!((row.bytes.served, row.bytes.verified, row.grade.name()), (40_000, 40_000, "G9"));
    let told = evidence.anomalies.tally(Kind::AmbiguousTunnel).map_or(0, |tally| tally.count);
    assert!(told > 10, "{told} packets read as both");
    assert!(evidence.transfers.iter().all(|row| row.uploader.ip != victim.ip()), "the victim served nothing");
    // Who says that the port is no tunnel is not troubled with it.
    let plain = run.tunnel("udp:6081=none").evidence();
    assert!(plain.anomalies.tally(Kind::AmbiguousTunnel).is_none());
    assert_eq!(transfer(&plain, "93.184.16.1:6881", "81.2.69.10:6081").bytes, row.bytes);
}
