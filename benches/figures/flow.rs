//! One long connection: a seeder's stream in segments of one size, and the leecher's answers.

use std::io;

use rc4::{Rc4, StreamCipher};

use super::pcap::{ACK, FIN, Pcap, SYN, Way};

/// Encapsulation of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    Tcp,
    /// BEP 29.
    Utp,
}

/// The ends of the connection; the leecher opened it.
pub const LEECHER: usize = 0;
pub const SEEDER: usize = 1;

/// The connection as it is written.
pub struct Flow {
    pub pcap: Pcap,
    link: Link,
    segment: usize,
    unsent: Vec<u8>,
    /// Of each end: the next byte of TCP, the next packet of uTP.
    next: [u32; 2],
    unacked: u32,
    ciphers: Option<[Rc4; 2]>,
}

impl Flow {
    /// A connection whose seeder sends `segment` bytes of its stream in a packet.
    pub fn new(pcap: Pcap, link: Link, segment: usize) -> Self {
        Self { pcap, link, segment, unsent: Vec::new(), next: [1_000, 2_000], unacked: 0, ciphers: None }
    }

    pub fn open(&mut self) -> io::Result<()> {
        match self.link {
            Link::Tcp => {
                self.tcp(LEECHER, SYN, &[])?;
                self.next[LEECHER] += 1;
                self.tcp(SEEDER, SYN | ACK, &[])?;
                self.next[SEEDER] += 1;
                self.tcp(LEECHER, ACK, &[])
            }
            Link::Utp => {
                self.utp(LEECHER, Kind::Syn, &[])?;
                self.utp(SEEDER, Kind::State, &[])
            }
        }
    }

    /// From here on both ends send RC4.
    pub fn seal(&mut self, ciphers: [Rc4; 2]) {
        self.ciphers = Some(ciphers);
    }

    /// Sends bytes of the leecher, in a packet of its own.
    pub fn ask(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.ciphers {
            Some(ciphers) => {
                let mut sealed = bytes.to_vec();
                ciphers[LEECHER].apply_keystream(&mut sealed);
                self.packet(LEECHER, &sealed)
            }
            None => self.packet(LEECHER, bytes),
        }
    }

    /// The next bytes of the seeder's stream.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let before = self.unsent.len();
        self.unsent.extend_from_slice(bytes);
        if let Some(ciphers) = &mut self.ciphers {
            ciphers[SEEDER].apply_keystream(&mut self.unsent[before..]);
        }
        let unsent = std::mem::take(&mut self.unsent);
        let mut whole = unsent.chunks_exact(self.segment);
        for segment in &mut whole {
            self.data(segment)?;
        }
        self.unsent = whole.remainder().to_vec();
        Ok(())
    }

    /// Sends what is left of the seeder's stream so far, though it fills no packet.
    pub fn flush(&mut self) -> io::Result<()> {
        let unsent = std::mem::take(&mut self.unsent);
        self.data(&unsent)
    }

    fn data(&mut self, segment: &[u8]) -> io::Result<()> {
        self.packet(SEEDER, segment)?;
        self.unacked += 1;
        if self.unacked == 2 {
            self.unacked = 0;
            self.acknowledge()?;
        }
        Ok(())
    }

    fn acknowledge(&mut self) -> io::Result<()> {
        match self.link {
            Link::Tcp => self.tcp(LEECHER, ACK, &[]),
            Link::Utp => self.utp(LEECHER, Kind::State, &[]),
        }
    }

    fn packet(&mut self, end: usize, payload: &[u8]) -> io::Result<()> {
        match self.link {
            Link::Tcp => self.tcp(end, ACK, payload),
            Link::Utp => self.utp(end, Kind::Data, payload),
        }
    }

    pub fn close(&mut self) -> io::Result<()> {
        match self.link {
            Link::Tcp => {
                self.tcp(SEEDER, FIN | ACK, &[])?;
                self.next[SEEDER] = self.next[SEEDER].wrapping_add(1);
                self.tcp(LEECHER, FIN | ACK, &[])
            }
            Link::Utp => {
                self.utp(SEEDER, Kind::Fin, &[])?;
                self.utp(LEECHER, Kind::State, &[])
            }
        }
    }

    /// Frames and bytes of the capture.
    pub fn finish(self) -> io::Result<(u64, u64)> {
        self.pcap.finish()
    }

    fn tcp(&mut self, end: usize, flags: u8, payload: &[u8]) -> io::Result<()> {
        self.pcap.tcp(WAYS[end], self.next[end], self.next[1 - end], flags, payload)?;
        self.next[end] = self.next[end].wrapping_add(payload.len() as u32);
        Ok(())
    }

    /// A packet with the header of BEP 29.
    fn utp(&mut self, end: usize, kind: Kind, payload: &[u8]) -> io::Result<()> {
        // The leecher's SYN names the id that it listens for; everything else that it sends goes to the next one.
        let id = if end == LEECHER && kind != Kind::Syn { UTP_ID + 1 } else { UTP_ID };
        let ack = if kind == Kind::Syn { 0 } else { self.next[1 - end].wrapping_sub(1) as u16 };
        let mut packet = Vec::with_capacity(UTP_HEADER + payload.len());
        packet.extend_from_slice(&[(kind as u8) << 4 | 1, 0]);
        packet.extend_from_slice(&id.to_be_bytes());
        packet.extend_from_slice(&[0, 0, 0, 1, 0, 0, 0, 100, 0, 16, 0, 0]);
        packet.extend_from_slice(&(self.next[end] as u16).to_be_bytes());
        packet.extend_from_slice(&ack.to_be_bytes());
        packet.extend_from_slice(payload);
        self.pcap.udp(WAYS[end], &packet)?;
        if kind != Kind::State {
            self.next[end] = self.next[end].wrapping_add(1);
        }
        Ok(())
    }
}

/// Types of BEP 29.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Data = 0,
    Fin = 1,
    State = 2,
    Syn = 4,
}

const WAYS: [Way; 2] =
    [([10, 0, 0, 1], 51_413, [10, 0, 0, 2], 6_881), ([10, 0, 0, 2], 6_881, [10, 0, 0, 1], 51_413)];
/// Bytes of a block of the peer wire.
pub const BLOCK: u64 = 16 << 10;
/// Payload of a full TCP segment in a frame of 1,514 bytes.
pub const SEGMENT: usize = 1_448;
/// Payload of an offload segment: the largest multiple of a full one that fits an IP packet.
pub const OFFLOAD: usize = 45 * 1_448;
/// Payload of a uTP packet in a datagram of 1,400 bytes, as clients send them.
pub const UTP_SEGMENT: usize = 1_400 - UTP_HEADER;
const UTP_HEADER: usize = 20;
const UTP_ID: u16 = 4_711;
