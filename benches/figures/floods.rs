//! Floods of BitTorrent connections without piece data: a new endpoint each, which is two rows each.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use super::captures::{Case, Tiny, tiny};

/// How the connections of a flood end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// A FIN of each side, confirmed.
    Fin,
    /// An RST.
    Reset,
    /// Not at all.
    Open,
}

/// Every way to end, with its name.
pub const ENDS: [(&str, End); 3] = [("closed", End::Fin), ("reset", End::Reset), ("left open", End::Open)];

/// `count` connections of one host to as many others, 50,000 at a time: SYN to handshakes, each with another peer_id.
pub fn handshakes(dir: &Path, count: u32, end: End) -> io::Result<Case> {
    // The torrent is one that nobody speaks of.
    let none = tiny(dir, "none", 0, 1, Tiny::Udp)?;
    let capture = dir.join("handshakes.pcap");
    let mut pcap = Pcap { out: BufWriter::with_capacity(4 << 20, File::create(&capture)?), frames: 0, bytes: 24 };
    pcap.out.write_all(&[0xD4, 0xC3, 0xB2, 0xA1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0])?;
    let hello = |id: u32| {
        let id = format!("-XX0001-{id:012}");
        [b"\x13BitTorrent protocol\0\0\0\0\0\0\0\0", &[7; 20][..], id.as_bytes()].concat()
    };
    let own = hello(u32::MAX);
    let (asked, told) = (1_000 + own.len() as u32, 2_000 + own.len() as u32);
    let steps = match end {
        End::Fin => 8,
        End::Reset => 6,
        End::Open => 5,
    };
    for group in (0..count).step_by(AT_ONCE as usize) {
        for step in 0..steps {
            for peer in group..count.min(group + AT_ONCE) {
                match (step, end) {
                    (0, _) => pcap.tcp(Way::ToPeer, peer, 999, 0, SYN, &[])?,
                    (1, _) => pcap.tcp(Way::FromPeer, peer, 1_999, 1_000, SYN | ACK, &[])?,
                    (2, _) => pcap.tcp(Way::ToPeer, peer, 1_000, 2_000, ACK, &[])?,
                    (3, _) => pcap.tcp(Way::ToPeer, peer, 1_000, 2_000, ACK, &own)?,
                    (4, _) => pcap.tcp(Way::FromPeer, peer, 2_000, asked, ACK, &hello(peer))?,
                    (_, End::Reset) => pcap.tcp(Way::FromPeer, peer, told, asked, RST | ACK, &[])?,
                    (5, _) => pcap.tcp(Way::ToPeer, peer, asked, told, FIN | ACK, &[])?,
                    (6, _) => pcap.tcp(Way::FromPeer, peer, told, asked + 1, FIN | ACK, &[])?,
                    (_, _) => pcap.tcp(Way::ToPeer, peer, asked + 1, told + 1, ACK, &[])?,
                }
            }
        }
    }
    pcap.out.flush()?;
    Ok(Case { capture, frames: pcap.frames, bytes: pcap.bytes, ..none })
}

/// One connection of `count` small messages each way, in the worst order: pieces claimed all over, requests for each, and
/// blocks of one byte of pieces of a torrent that is not given.
pub fn scattered(dir: &Path, count: u32) -> io::Result<Case> {
    let none = tiny(dir, "none", 0, 1, Tiny::Udp)?;
    let capture = dir.join("scattered.pcap");
    let mut pcap = Pcap { out: BufWriter::with_capacity(4 << 20, File::create(&capture)?), frames: 0, bytes: 24 };
    pcap.out.write_all(&[0xD4, 0xC3, 0xB2, 0xA1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0])?;
    let hello = [b"\x13BitTorrent protocol\0\0\0\0\0\0\0\0", &[7; 40][..]].concat();
    let message = |id: u8, fields: &[u32], data: &[u8]| {
        let fields: Vec<u8> = fields.iter().flat_map(|field| field.to_be_bytes()).collect();
        let len = (1 + fields.len() + data.len()) as u32;
        [&len.to_be_bytes(), &[id][..], &fields, data].concat()
    };
    let piece = |n: u32| n.wrapping_mul(0x9E37_79B9);
    let claims: Vec<u8> = (0..count).flat_map(|n| message(4, &[piece(n)], &[])).collect();
    let requests: Vec<u8> = (0..count).flat_map(|n| message(6, &[piece(n), 0, 1], &[])).collect();
    let blocks: Vec<u8> = (0..count).rev().flat_map(|n| message(7, &[piece(n), 0], &[1])).collect();
    let (mut asked, mut told) = (1_000_u32, 2_000_u32);
    pcap.tcp(Way::ToPeer, 1, 999, 0, SYN, &[])?;
    pcap.tcp(Way::FromPeer, 1, 1_999, 1_000, SYN | ACK, &[])?;
    for (way, bytes) in [
        (Way::ToPeer, &hello),
        (Way::FromPeer, &hello),
        (Way::FromPeer, &claims),
        (Way::ToPeer, &requests),
        (Way::FromPeer, &blocks),
    ] {
        for segment in bytes.chunks(16_000) {
            let (seq, ack) = if way == Way::ToPeer { (&mut asked, told) } else { (&mut told, asked) };
            pcap.tcp(way, 1, *seq, ack, ACK, segment)?;
            *seq += segment.len() as u32;
        }
    }
    pcap.out.flush()?;
    Ok(Case { capture, frames: pcap.frames, bytes: pcap.bytes, ..none })
}

/// Which side sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    ToPeer,
    FromPeer,
}

/// A classic pcap file, microseconds, little-endian, Ethernet.
struct Pcap {
    out: BufWriter<File>,
    frames: u64,
    bytes: u64,
}

impl Pcap {
    fn tcp(&mut self, way: Way, peer: u32, seq: u32, ack: u32, flags: u8, payload: &[u8]) -> io::Result<()> {
        let [_, a, b, c] = peer.to_be_bytes();
        let (own, other) = (([192, 0, 2, 1], 40_000_u16), ([20, a, b, c], 6_881_u16));
        let ((from, source), (to, destination)) = if way == Way::ToPeer { (own, other) } else { (other, own) };
        let len = 66 + payload.len() as u32;
        let mut head = Vec::with_capacity(82);
        head.extend_from_slice(&(1_700_000_000 + (self.frames / 1_000_000) as u32).to_le_bytes());
        head.extend_from_slice(&((self.frames % 1_000_000) as u32).to_le_bytes());
        head.extend_from_slice(&len.to_le_bytes());
        head.extend_from_slice(&len.to_le_bytes());
        head.extend_from_slice(&[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0]);
        head.extend_from_slice(&(len as u16 - 14).to_be_bytes());
        head.extend_from_slice(&(self.frames as u16).to_be_bytes());
        head.extend_from_slice(&[0, 0, 64, 6, 0, 0]);
        head.extend_from_slice(&from);
        head.extend_from_slice(&to);
        head.extend_from_slice(&source.to_be_bytes());
        head.extend_from_slice(&destination.to_be_bytes());
        head.extend_from_slice(&seq.to_be_bytes());
        head.extend_from_slice(&ack.to_be_bytes());
        // Eight words: the options hold timestamps, as nearly all segments do.
        head.extend_from_slice(&[0x80, flags, 0x20, 0]);
        head.extend_from_slice(&(seq as u16 ^ self.frames as u16).to_be_bytes());
        head.extend_from_slice(&[0, 0, 1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2]);
        self.out.write_all(&head)?;
        self.out.write_all(payload)?;
        self.frames += 1;
        self.bytes += 16 + u64::from(len);
        Ok(())
    }
}

const AT_ONCE: u32 = 50_000;
const FIN: u8 = 1;
const SYN: u8 = 2;
const RST: u8 = 4;
const ACK: u8 = 16;
