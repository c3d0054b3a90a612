//! Recordings of real clients, wrapped again in every link layer and tunnel that is read: the same ledger each time.
//!
//! The headers are written here from their standards, and not with the tool's parsers. `PEERPROOF_KEEP=DIR` keeps the
//! captures, to be looked at with another program.

mod fragments;
mod links;
mod options;
mod tunnels;

use peerproof::evidence::Evidence;

use crate::fixture::{self, Fixture};
use crate::synth::capture::{Order, Record, Ticks, pcap};
use crate::synth::frame;
use crate::synth::run::{Run, check};

/// TCP over IPv4, TCP over IPv6, uTP over IPv4.
const TCP4: &str = "plain-transfer";
const TCP6: &str = "ipv6";
const UTP4: &str = "utp-clean";
/// TCP over IPv4 without offload.
const MTU: &str = "mtu-transfer";

/// The IP packets of a recording, and what is proven from them without any wrapping.
struct Recording {
    case: Fixture,
    packets: Vec<(i64, Vec<u8>)>,
    ledger: Vec<String>,
}

impl Recording {
    fn of(name: &str) -> Self {
        let case = fixture::named(name);
        let packets = packets(&case.read("capture.pcap"));
        assert!(packets.len() > 50, "{name}: {} packets", packets.len());
        let mut recording = Self { case, packets, ledger: Vec::new() };
        let raw = recording.wrapped(101, |packet, _| vec![packet.to_vec()]);
        recording.ledger = ledger(&recording.run(raw).once(1, 64 << 20).expect("it is read"));
        assert!(recording.ledger.iter().any(|row| row.contains("G9")), "{name}: {:?}", recording.ledger);
        recording
    }

    fn run(&self, capture: Vec<u8>) -> Run {
        Run::new().capture(capture).metainfo(self.case.read(&self.case.torrent()))
    }

    /// A pcap file in which each packet stands as the frames that `wrap` makes of it and its number.
    fn wrapped(&self, link: u16, wrap: impl Fn(&[u8], usize) -> Vec<Vec<u8>>) -> Vec<u8> {
        let wrap = |(number, (time, packet)): (usize, &(i64, Vec<u8>))| {
            let frames = wrap(packet, number).into_iter();
            let record = |bytes: Vec<u8>| Record { time: *time, wire_len: bytes.len() as u32, bytes };
            frames.map(record).collect::<Vec<_>>()
        };
        let records: Vec<Record> = self.packets.iter().enumerate().flat_map(wrap).collect();
        pcap(&records, link, Order::Little, Ticks::Nanos)
    }

    /// The evidence of a capture that must prove the same as the packets alone, and say nothing odd.
    #[track_caller]
    fn same(&self, what: &str, capture: Vec<u8>) -> Evidence {
        let evidence = self.told(what, capture);
        let odd: Vec<_> = evidence.anomalies.iter().collect();
        assert!(odd.is_empty(), "{what}: {odd:#?}");
        evidence
    }

    /// The evidence of a capture in which something odd may be told.
    #[track_caller]
    fn told(&self, what: &str, capture: Vec<u8>) -> Evidence {
        if let Some(folder) = std::env::var_os("PEERPROOF_KEEP") {
            let name = format!("{} {what}.pcap", self.case.name).replace([' ', '/', ','], "_");
            std::fs::write(std::path::Path::new(&folder).join(name), &capture).expect("room");
        }
        self.ran(what, &self.run(capture))
    }

    #[track_caller]
    fn ran(&self, what: &str, run: &Run) -> Evidence {
        let evidence = run.once(1, 64 << 20).unwrap_or_else(|error| panic!("{what}: {error}"));
        check(&evidence);
        let (seen, anomalies) = (ledger(&evidence), &evidence.anomalies);
        assert_eq!(seen, self.ledger, "{}, {what}: {anomalies:#?}", self.case.name);
        evidence
    }
}

/// Figures of each edge: everything but frame numbers and paths.
fn ledger(evidence: &Evidence) -> Vec<String> {
    let row = |row: &peerproof::evidence::Transfer| {
        format!(
            "{} {} {:?} {:?} {} {:?} {:?} {} {:?} {} {} {:?} {:?}",
            row.uploader,
            row.downloader,
            row.transport,
            row.info_hash,
            row.connections,
            row.initiator,
            row.uploader_peer_ids,
            row.grade.name(),
            row.flags,
            row.piece_messages,
            row.pieces_sole,
            row.bytes,
            row.rungs.iter().map(|rung| rung.grade.name()).collect::<Vec<_>>(),
        )
    };
    evidence.transfers.iter().map(row).collect()
}

/// Time and IP packet of each frame of a little-endian microsecond pcap file of Ethernet, without padding.
fn packets(file: &[u8]) -> Vec<(i64, Vec<u8>)> {
    assert_eq!(file[..4], [0xd4, 0xc3, 0xb2, 0xa1]);
    let word = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().expect("four bytes"));
    let (mut packets, mut at) = (Vec::new(), 24);
    while at < file.len() {
        let (seconds, micros, captured) = (word(at), word(at + 4), word(at + 8) as usize);
        let frame = &file[at + 16..at + 16 + captured];
        let length = match frame[12..14] {
            [0x08, 0x00] => usize::from(u16::from_be_bytes([frame[16], frame[17]])),
            [0x86, 0xdd] => 40 + usize::from(u16::from_be_bytes([frame[18], frame[19]])),
            _ => 0,
        };
        if length > 0 {
            let time = i64::from(seconds) * 1_000_000_000 + i64::from(micros) * 1_000;
            packets.push((time, frame[14..14 + length].to_vec()));
        }
        at += 16 + captured;
    }
    packets
}

/// The EtherType of an IP packet.
fn ether_type(packet: &[u8]) -> [u8; 2] {
    if packet[0] >> 4 == 6 { [0x86, 0xdd] } else { [0x08, 0x00] }
}

/// A header, then what follows it.
fn join(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

/// `body` behind an outer IPv4 header between two routers, in Ethernet.
fn outer4(protocol: u8, body: &[u8]) -> Vec<u8> {
    frame::ethernet(&outer4_packet(protocol, body))
}

fn outer4_packet(protocol: u8, body: &[u8]) -> Vec<u8> {
    frame::ip([198, 51, 100, 1].into(), [198, 51, 100, 2].into(), protocol, 9, body)
}

/// `body` in a UDP datagram between two routers, to `port`, in Ethernet.
fn outer_udp(port: u16, body: &[u8]) -> Vec<u8> {
    let (from, to) = (([198, 51, 100, 1], 51_000).into(), ([198, 51, 100, 2], port).into());
    outer4(17, &frame::udp(from, to, body, frame::Sum::Right))
}
