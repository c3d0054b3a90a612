//! Captures of any size, written frame by frame, in which nothing is to be verified.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::flow::{BLOCK, Flow, Link, SEGMENT};
use super::pcap::{ACK, FIN, Pcap, SYN, ipv4};

/// A capture on disk and its torrent.
#[derive(Clone, Debug)]
pub struct Case {
    pub capture: PathBuf,
    pub torrent: PathBuf,
    /// The Diffie-Hellman secrets of its connections, where they are encrypted.
    pub secrets: Option<PathBuf>,
    /// Payload bytes in `piece` messages.
    pub payload: u64,
    pub piece: u64,
    /// Frames in the capture.
    pub frames: u64,
    /// Bytes of the capture.
    pub bytes: u64,
}

/// Content of short flows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tiny {
    /// An HTTP request and its answer.
    Http,
    /// Two BitTorrent handshakes.
    Peer,
    /// A datagram each way.
    Udp,
    /// Data of unknown kind without a SYN.
    MidStream,
}

/// Many short flows, `alive` of them at a time.
pub fn tiny(dir: &Path, name: &str, flows: u32, alive: u32, kind: Tiny) -> io::Result<Case> {
    let capture = dir.join(format!("{name}.pcap"));
    let mut pcap = Pcap::create(&capture)?;
    let hello = [b"\x13BitTorrent protocol\0\0\0\0\0\0\0\0", &[7; 20][..], b"-XX0001-somebody0000"].concat();
    let (ask, tell): (&[u8], &[u8]) = match kind {
        Tiny::Peer => (&hello, &hello),
        Tiny::Http => (b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n", b"HTTP/1.1 204 No Content\r\n\r\n"),
        Tiny::MidStream => (&[0x5A; 64], &[0xA5; 64]),
        Tiny::Udp => (
            b"d1:ad2:id20:aaaaaaaaaaaaaaaaaaaae1:q4:ping1:t2:aa1:y1:qe",
            b"d1:rd2:id20:bbbbbbbbbbbbbbbbbbbbe1:t2:aa1:y1:re",
        ),
    };
    let steps = match kind {
        Tiny::Udp | Tiny::MidStream => 2,
        Tiny::Http | Tiny::Peer => 8,
    };
    for group in (0..flows).step_by(alive as usize) {
        for step in 0..steps {
            for flow in group..flows.min(group + alive) {
                let [_, a, b, c] = flow.to_be_bytes();
                let (client, server) = ([10, a, b, c], [192, 0, 2, 1]);
                let (to, back) = ((client, 40_000, server, 6_881), (server, 6_881, client, 40_000));
                let (asked, told) = (ask.len() as u32, tell.len() as u32);
                match (kind, step) {
                    (Tiny::Udp, 0) => pcap.udp(to, ask)?,
                    (Tiny::Udp, _) => pcap.udp(back, tell)?,
                    (Tiny::MidStream, 0) => pcap.tcp(to, 1_000, 2_000, ACK, ask)?,
                    (Tiny::MidStream, _) => pcap.tcp(back, 2_000, 1_000 + asked, ACK, tell)?,
                    (_, 0) => pcap.tcp(to, 999, 0, SYN, &[])?,
                    (_, 1) => pcap.tcp(back, 1_999, 1_000, SYN | ACK, &[])?,
                    (_, 2) => pcap.tcp(to, 1_000, 2_000, ACK, &[])?,
                    (_, 3) => pcap.tcp(to, 1_000, 2_000, ACK, ask)?,
                    (_, 4) => pcap.tcp(back, 2_000, 1_000 + asked, ACK, tell)?,
                    (_, 5) => pcap.tcp(to, 1_000 + asked, 2_000 + told, FIN | ACK, &[])?,
                    (_, 6) => pcap.tcp(back, 2_000 + told, 1_001 + asked, FIN | ACK, &[])?,
                    (_, _) => pcap.tcp(to, 1_001 + asked, 2_001 + told, ACK, &[])?,
                }
            }
        }
    }
    finish(pcap, dir, capture)
}

/// First fragments of datagrams that never complete.
pub fn fragments(dir: &Path, count: u32) -> io::Result<Case> {
    let capture = dir.join("fragments.pcap");
    let mut pcap = Pcap::create(&capture)?;
    for n in 0..count {
        let [a, b, c, d] = n.to_be_bytes();
        let mut packet = ipv4(17, 64, [10, a, b, 1], [192, 0, 2, 1]);
        packet[4..6].copy_from_slice(&[c, d]);
        packet[6] = 0x20;
        packet.extend_from_slice(&[0x11; 64]);
        pcap.frame(&[&packet])?;
    }
    finish(pcap, dir, capture)
}

/// Endless bytes that nearly look like messages: each 13th byte begins a plausible header that leads nowhere.
pub fn junk(dir: &Path, bytes: u64) -> io::Result<Case> {
    let capture = dir.join("junk.pcap");
    let mut flow = Flow::new(Pcap::create(&capture)?, Link::Tcp, SEGMENT);
    let header = [0, 0, 0x40, 9, 7, 0, 0, 0, 5, 0, 0, 0x40, 0, 1, 2, 3];
    let chunk = header.repeat(1_024);
    for _ in 0..bytes / chunk.len() as u64 {
        flow.send(&chunk)?;
    }
    flow.flush()?;
    let (frames, bytes) = flow.finish()?;
    Ok(Case { capture, torrent: no_torrent(dir)?, secrets: None, payload: 0, piece: BLOCK, frames, bytes })
}

/// After a handshake, length prefixes of 4 GiB without end.
pub fn prefixes(dir: &Path, bytes: u64) -> io::Result<Case> {
    let capture = dir.join("prefixes.pcap");
    let mut flow = Flow::new(Pcap::create(&capture)?, Link::Tcp, SEGMENT);
    flow.open()?;
    let hello = [b"\x13BitTorrent protocol\0\0\0\0\0\0\0\0", &[7; 20][..], b"-XX0001-somebody0000"].concat();
    flow.ask(&hello)?;
    flow.send(&hello)?;
    let chunk = [0xFF, 0xFF, 0xFF, 0xFF, 7].repeat(4_096);
    for _ in 0..bytes / chunk.len() as u64 {
        flow.send(&chunk)?;
    }
    flow.flush()?;
    let (frames, bytes) = flow.finish()?;
    Ok(Case { capture, torrent: no_torrent(dir)?, secrets: None, payload: 0, piece: BLOCK, frames, bytes })
}

/// How the interfaces of a capture compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interfaces {
    /// All the same, with their packets in order.
    Alike,
    /// No two neighbours alike, and their packets not in order, so that each is looked for.
    Different,
}

/// A pcapng file of interface descriptions with a name each, and behind them a packet for each.
pub fn interfaces(dir: &Path, count: u32, kind: Interfaces) -> io::Result<Case> {
    let capture = dir.join("interfaces.pcapng");
    let mut out = BufWriter::with_capacity(1 << 20, File::create(&capture)?);
    let mut bytes = 28_u64;
    out.write_all(&[0x0A, 0x0D, 0x0D, 0x0A, 28, 0, 0, 0, 0x4D, 0x3C, 0x2B, 0x1A, 1, 0, 0, 0])?;
    out.write_all(&[0xFF; 8])?;
    out.write_all(&[28, 0, 0, 0])?;
    for n in 0..count {
        let snaplen = if kind == Interfaces::Alike { 1 << 18 } else { 65_536 + n };
        out.write_all(&[1, 0, 0, 0, 32, 0, 0, 0, 1, 0, 0, 0])?;
        out.write_all(&snaplen.to_le_bytes())?;
        out.write_all(&[2, 0, 4, 0])?;
        out.write_all(&n.to_le_bytes())?;
        out.write_all(&[0, 0, 0, 0, 32, 0, 0, 0])?;
        bytes += 32;
    }
    for n in 0..count {
        let id = if kind == Interfaces::Alike { n } else { n.wrapping_mul(2_654_435_761) % count };
        out.write_all(&[6, 0, 0, 0, 64, 0, 0, 0])?;
        out.write_all(&id.to_le_bytes())?;
        out.write_all(&[1, 0, 0, 0, 1, 0, 0, 0, 32, 0, 0, 0, 32, 0, 0, 0])?;
        out.write_all(&[0; 32])?;
        out.write_all(&[64, 0, 0, 0])?;
        bytes += 64;
    }
    out.flush()?;
    Ok(Case {
        capture,
        torrent: no_torrent(dir)?,
        secrets: None,
        payload: 0,
        piece: BLOCK,
        frames: u64::from(count),
        bytes,
    })
}

pub fn finish(pcap: Pcap, dir: &Path, capture: PathBuf) -> io::Result<Case> {
    let (frames, bytes) = pcap.finish()?;
    Ok(Case { capture, torrent: no_torrent(dir)?, secrets: None, payload: 0, piece: BLOCK, frames, bytes })
}

/// A torrent that no capture here is about.
pub fn no_torrent(dir: &Path) -> io::Result<PathBuf> {
    let path = dir.join("other.torrent");
    std::fs::write(&path, [&b"d4:info"[..], &no_info(), b"e"].concat())?;
    Ok(path)
}

/// Its info dictionary.
pub fn no_info() -> Vec<u8> {
    [&b"d6:lengthi16384e4:name5:other12:piece lengthi16384e6:pieces20:"[..], &[1; 20], b"e"].concat()
}
