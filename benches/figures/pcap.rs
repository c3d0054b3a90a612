//! A classic pcap file, written packet by packet.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// Source address and port, destination address and port.
pub type Way = ([u8; 4], u16, [u8; 4], u16);

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

    pub fn tcp(&mut self, way: Way, seq: u32, ack: u32, flags: u8, payload: &[u8]) -> io::Result<()> {
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

    pub fn udp(&mut self, way: Way, payload: &[u8]) -> io::Result<()> {
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

    pub fn finish(mut self) -> io::Result<(u64, u64)> {
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

pub const FIN: u8 = 1;
pub const SYN: u8 = 2;
pub const ACK: u8 = 16;
