//! Captures of any size, written frame by frame, and the torrents they are about.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use sha1::{Digest, Sha1};

/// A capture on disk and its torrent.
#[derive(Clone, Debug)]
pub struct Case {
    pub capture: PathBuf,
    pub torrent: PathBuf,
    /// Payload bytes in `piece` messages.
    pub payload: u64,
    pub piece: u64,
    /// Frames in the capture.
    pub frames: u64,
    /// Bytes of the capture.
    pub bytes: u64,
}

/// One long transfer: handshakes, bitfield, 64 requests ahead, blocks of 16 KiB, an ACK for every second segment.
pub fn transfer(dir: &Path, name: &str, payload: u64, piece: u64, segment: usize) -> io::Result<Case> {
    let pieces = payload / piece;
    let mut noise = Noise(0x9E37_79B9_7F4A_7C15);
    let mut buffer = vec![0; piece as usize];
    let mut hashes = Vec::with_capacity(pieces as usize * 20);
    for _ in 0..pieces {
        noise.fill(&mut buffer);
        hashes.extend_from_slice(&Sha1::digest(&buffer));
    }
    let info = [
        format!("d6:lengthi{payload}e4:name5:noise12:piece lengthi{piece}e6:pieces{}:", hashes.len()).into_bytes(),
        hashes,
        b"e".to_vec(),
    ]
    .concat();
    let torrent = dir.join(format!("{name}.torrent"));
    std::fs::write(&torrent, [&b"d4:info"[..], &info, b"e"].concat())?;

    let info_hash = Sha1::digest(&info);
    let hello = |id: &[u8; 20]| [b"\x13BitTorrent protocol\0\0\0\0\0\0\0\0", &info_hash[..], id].concat();
    let capture = dir.join(format!("{name}.pcap"));
    let mut flow = Flow::new(Pcap::create(&capture)?, segment, [10, 0, 0, 1], [10, 0, 0, 2]);
    flow.open()?;
    flow.ask(&hello(b"-XX0001-leechleech00"))?;
    flow.send(&hello(b"-XX0001-seedseedsee0"))?;
    flow.send(&[&(pieces.div_ceil(8) as u32 + 1).to_be_bytes()[..], &[5]].concat())?;
    let mut bits = vec![0xFF; pieces.div_ceil(8) as usize];
    if !pieces.is_multiple_of(8) {
        *bits.last_mut().expect("there are pieces") = 0xFF << (8 - pieces % 8);
    }
    flow.send(&bits)?;
    flow.flush()?;
    flow.ask(&[0, 0, 0, 1, 2])?;
    flow.send(&[0, 0, 0, 1, 1])?;
    flow.flush()?;

    let blocks = payload / BLOCK;
    let request = |block: u64| {
        let (index, begin) = ((block * BLOCK / piece) as u32, (block * BLOCK % piece) as u32);
        [&[0, 0, 0, 13, 6][..], &index.to_be_bytes(), &begin.to_be_bytes(), &(BLOCK as u32).to_be_bytes()].concat()
    };
    for block in 0..blocks.min(AHEAD) {
        flow.ask(&request(block))?;
    }
    let mut noise = Noise(0x9E37_79B9_7F4A_7C15);
    for block in 0..blocks {
        let place = block * BLOCK;
        if place.is_multiple_of(piece) {
            noise.fill(&mut buffer);
        }
        let (index, begin) = ((place / piece) as u32, (place % piece) as u32);
        flow.send(
            &[&(BLOCK as u32 + 9).to_be_bytes()[..], &[7], &index.to_be_bytes(), &begin.to_be_bytes()].concat(),
        )?;
        flow.send(&buffer[begin as usize..(begin as u64 + BLOCK) as usize])?;
        if block + AHEAD < blocks {
            flow.ask(&request(block + AHEAD))?;
        }
    }
    flow.flush()?;
    flow.close()?;
    let (frames, bytes) = flow.pcap.finish()?;
    Ok(Case { capture, torrent, payload, piece, frames, bytes })
}

/// What short flows carry.
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
    let mut flow = Flow::new(Pcap::create(&capture)?, SEGMENT, [10, 0, 0, 1], [10, 0, 0, 2]);
    let header = [0, 0, 0x40, 9, 7, 0, 0, 0, 5, 0, 0, 0x40, 0, 1, 2, 3];
    let chunk = header.repeat(1_024);
    for _ in 0..bytes / chunk.len() as u64 {
        flow.send(&chunk)?;
    }
    flow.flush()?;
    let (frames, bytes) = flow.pcap.finish()?;
    Ok(Case { capture, torrent: no_torrent(dir)?, payload: 0, piece: BLOCK, frames, bytes })
}

/// After a handshake, length prefixes of 4 GiB without end.
pub fn prefixes(dir: &Path, bytes: u64) -> io::Result<Case> {
    let capture = dir.join("prefixes.pcap");
    let mut flow = Flow::new(Pcap::create(&capture)?, SEGMENT, [10, 0, 0, 1], [10, 0, 0, 2]);
    flow.open()?;
    let hello = [b"\x13BitTorrent protocol\0\0\0\0\0\0\0\0", &[7; 20][..], b"-XX0001-somebody0000"].concat();
    flow.ask(&hello)?;
    flow.send(&hello)?;
    let chunk = [0xFF, 0xFF, 0xFF, 0xFF, 7].repeat(4_096);
    for _ in 0..bytes / chunk.len() as u64 {
        flow.send(&chunk)?;
    }
    flow.flush()?;
    let (frames, bytes) = flow.pcap.finish()?;
    Ok(Case { capture, torrent: no_torrent(dir)?, payload: 0, piece: BLOCK, frames, bytes })
}

/// A pcapng file of interface descriptions, each followed by one packet if `packets`.
pub fn interfaces(dir: &Path, count: u32) -> io::Result<Case> {
    let capture = dir.join("interfaces.pcapng");
    let mut out = BufWriter::with_capacity(1 << 20, File::create(&capture)?);
    let mut bytes = 28_u64;
    out.write_all(&[0x0A, 0x0D, 0x0D, 0x0A, 28, 0, 0, 0, 0x4D, 0x3C, 0x2B, 0x1A, 1, 0, 0, 0])?;
    out.write_all(&[0xFF; 8])?;
    out.write_all(&[28, 0, 0, 0])?;
    for n in 0..count {
        out.write_all(&[1, 0, 0, 0, 32, 0, 0, 0, 1, 0, 0, 0, 0, 0, 4, 0, 2, 0, 4, 0])?;
        out.write_all(&n.to_le_bytes())?;
        out.write_all(&[0, 0, 0, 0, 32, 0, 0, 0])?;
        bytes += 32;
    }
    for n in 0..count {
        out.write_all(&[6, 0, 0, 0, 64, 0, 0, 0])?;
        out.write_all(&n.to_le_bytes())?;
        out.write_all(&[1, 0, 0, 0, 1, 0, 0, 0, 32, 0, 0, 0, 32, 0, 0, 0])?;
        out.write_all(&[0; 32])?;
        out.write_all(&[64, 0, 0, 0])?;
        bytes += 64;
    }
    out.flush()?;
    Ok(Case { capture, torrent: no_torrent(dir)?, payload: 0, piece: BLOCK, frames: u64::from(count), bytes })
}

pub fn finish(pcap: Pcap, dir: &Path, capture: PathBuf) -> io::Result<Case> {
    let (frames, bytes) = pcap.finish()?;
    Ok(Case { capture, torrent: no_torrent(dir)?, payload: 0, piece: BLOCK, frames, bytes })
}

/// A torrent that no capture here is about.
pub fn no_torrent(dir: &Path) -> io::Result<PathBuf> {
    let path = dir.join("other.torrent");
    let head = b"d4:infod6:lengthi16384e4:name5:other12:piece lengthi16384e6:pieces20:";
    std::fs::write(&path, [&head[..], &[1; 20], b"ee"].concat())?;
    Ok(path)
}

/// A seeder's stream in segments of one size, and the leecher's answers.
pub struct Flow {
    pub pcap: Pcap,
    segment: usize,
    leecher: [u8; 4],
    seeder: [u8; 4],
    unsent: Vec<u8>,
    sent: u32,
    asked: u32,
    unacked: u32,
}

impl Flow {
    pub fn new(pcap: Pcap, segment: usize, leecher: [u8; 4], seeder: [u8; 4]) -> Self {
        Self { pcap, segment, leecher, seeder, unsent: Vec::new(), sent: 2_000, asked: 1_000, unacked: 0 }
    }

    fn send_to_seeder(&mut self, flags: u8, payload: &[u8]) -> io::Result<()> {
        self.pcap.tcp((self.leecher, 51_413, self.seeder, 6_881), self.asked, self.sent, flags, payload)?;
        self.asked = self.asked.wrapping_add(payload.len() as u32);
        Ok(())
    }

    fn send_to_leecher(&mut self, flags: u8, payload: &[u8]) -> io::Result<()> {
        self.pcap.tcp((self.seeder, 6_881, self.leecher, 51_413), self.sent, self.asked, flags, payload)?;
        self.sent = self.sent.wrapping_add(payload.len() as u32);
        Ok(())
    }

    pub fn open(&mut self) -> io::Result<()> {
        self.send_to_seeder(SYN, &[])?;
        self.asked += 1;
        self.send_to_leecher(SYN | ACK, &[])?;
        self.sent += 1;
        self.send_to_seeder(ACK, &[])
    }

    pub fn ask(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.send_to_seeder(ACK, bytes)
    }

    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.unsent.extend_from_slice(bytes);
        let unsent = std::mem::take(&mut self.unsent);
        let mut whole = unsent.chunks_exact(self.segment);
        for segment in &mut whole {
            self.data(segment)?;
        }
        self.unsent = whole.remainder().to_vec();
        Ok(())
    }

    pub fn flush(&mut self) -> io::Result<()> {
        let unsent = std::mem::take(&mut self.unsent);
        self.data(&unsent)
    }

    fn data(&mut self, segment: &[u8]) -> io::Result<()> {
        self.send_to_leecher(ACK, segment)?;
        self.unacked += 1;
        if self.unacked == 2 {
            self.unacked = 0;
            self.send_to_seeder(ACK, &[])?;
        }
        Ok(())
    }

    fn close(&mut self) -> io::Result<()> {
        self.send_to_leecher(FIN | ACK, &[])?;
        self.sent = self.sent.wrapping_add(1);
        self.send_to_seeder(FIN | ACK, &[])
    }
}

type Way = ([u8; 4], u16, [u8; 4], u16);

/// A classic pcap file, microseconds, little-endian, Ethernet.
pub struct Pcap {
    out: BufWriter<File>,
    frames: u64,
    pub bytes: u64,
    ident: u16,
}

impl Pcap {
    pub fn create(path: &Path) -> io::Result<Self> {
        let mut out = BufWriter::with_capacity(4 << 20, File::create(path)?);
        out.write_all(&[0xD4, 0xC3, 0xB2, 0xA1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0])?;
        Ok(Self { out, frames: 0, bytes: 24, ident: 0 })
    }

    fn tcp(&mut self, way: Way, seq: u32, ack: u32, flags: u8, payload: &[u8]) -> io::Result<()> {
        let (from, source, to, destination) = way;
        let mut head = self.packet(6, 32 + payload.len(), from, to);
        head.extend_from_slice(&source.to_be_bytes());
        head.extend_from_slice(&destination.to_be_bytes());
        head.extend_from_slice(&seq.to_be_bytes());
        head.extend_from_slice(&ack.to_be_bytes());
        // Eight words: the options hold timestamps, as nearly all segments do.
        head.extend_from_slice(&[0x80, flags, 0x20, 0]);
        head.extend_from_slice(&(seq as u16 ^ self.ident).to_be_bytes());
        head.extend_from_slice(&[0, 0, 1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2]);
        self.frame(&[&head, payload])
    }

    fn udp(&mut self, way: Way, payload: &[u8]) -> io::Result<()> {
        let (from, source, to, destination) = way;
        let mut head = self.packet(17, 8 + payload.len(), from, to);
        head.extend_from_slice(&source.to_be_bytes());
        head.extend_from_slice(&destination.to_be_bytes());
        head.extend_from_slice(&(8 + payload.len() as u16).to_be_bytes());
        head.extend_from_slice(&[0, 0]);
        self.frame(&[&head, payload])
    }

    fn packet(&mut self, protocol: u8, len: usize, from: [u8; 4], to: [u8; 4]) -> Vec<u8> {
        self.ident = self.ident.wrapping_add(1);
        let mut packet = ipv4(protocol, len, from, to);
        packet[4..6].copy_from_slice(&self.ident.to_be_bytes());
        packet
    }

    pub fn frame(&mut self, parts: &[&[u8]]) -> io::Result<()> {
        let len = 14 + parts.iter().map(|part| part.len()).sum::<usize>() as u32;
        // A packet each microsecond.
        let micros = self.frames;
        self.out.write_all(&(1_700_000_000 + (micros / 1_000_000) as u32).to_le_bytes())?;
        self.out.write_all(&((micros % 1_000_000) as u32).to_le_bytes())?;
        self.out.write_all(&len.to_le_bytes())?;
        self.out.write_all(&len.to_le_bytes())?;
        self.out.write_all(&[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0])?;
        for part in parts {
            self.out.write_all(part)?;
        }
        self.frames += 1;
        self.bytes += 16 + u64::from(len);
        Ok(())
    }

    /// Bytes that are no record.
    pub fn raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.bytes += bytes.len() as u64;
        self.out.write_all(bytes)
    }

    fn finish(mut self) -> io::Result<(u64, u64)> {
        self.out.flush()?;
        Ok((self.frames, self.bytes))
    }
}

pub fn ipv4(protocol: u8, len: usize, from: [u8; 4], to: [u8; 4]) -> Vec<u8> {
    let total = (20 + len) as u16;
    let mut packet = vec![0x45, 0];
    packet.extend_from_slice(&total.to_be_bytes());
    packet.extend_from_slice(&[0, 0, 0, 0, 64, protocol, 0, 0]);
    packet.extend_from_slice(&from);
    packet.extend_from_slice(&to);
    packet
}

/// Bytes that look random, several GB of them in a second (xorshift).
pub struct Noise(pub u64);

impl Noise {
    pub fn fill(&mut self, bytes: &mut [u8]) {
        let (words, _) = bytes.as_chunks_mut::<8>();
        for word in words {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            *word = self.0.to_le_bytes();
        }
    }
}

pub const BLOCK: u64 = 16 << 10;
/// Payload of a full segment in a frame of 1,514 bytes.
pub const SEGMENT: usize = 1_448;
/// Payload of an offload segment: the largest multiple of a full one that fits an IP packet.
pub const OFFLOAD: usize = 45 * 1_448;
const AHEAD: u64 = 64;
const FIN: u8 = 1;
const SYN: u8 = 2;
const ACK: u8 = 16;
