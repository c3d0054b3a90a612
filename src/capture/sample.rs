//! Captures written byte by byte, for the tests of this module.

use super::{CaptureSet, Frame, InputFacts, OpenOptions};
use crate::Error;
use crate::anomaly::{Anomalies, Kind};

/// Writes integers in one byte order.
#[derive(Clone, Copy, Debug)]
pub(super) struct Order {
    pub(super) big: bool,
}

pub(super) const LE: Order = Order { big: false };
pub(super) const BE: Order = Order { big: true };

impl Order {
    pub(super) fn u16(self, n: u16) -> Vec<u8> {
        if self.big { n.to_be_bytes().to_vec() } else { n.to_le_bytes().to_vec() }
    }

    pub(super) fn u32(self, n: u32) -> Vec<u8> {
        if self.big { n.to_be_bytes().to_vec() } else { n.to_le_bytes().to_vec() }
    }

    pub(super) fn u64(self, n: u64) -> Vec<u8> {
        if self.big { n.to_be_bytes().to_vec() } else { n.to_le_bytes().to_vec() }
    }

    /// A pcap file header, version 2.4, snap length 65,535.
    pub(super) fn pcap(self, magic: u32, link: u32) -> Vec<u8> {
        [self.u32(magic), self.u16(2), self.u16(4), vec![0; 8], self.u32(65_535), self.u32(link)].concat()
    }

    /// A pcap record header and its data.
    pub(super) fn record(self, seconds: u32, fraction: u32, wire: u32, data: &[u8]) -> Vec<u8> {
        let lengths = [self.u32(data.len() as u32), self.u32(wire)].concat();
        [self.u32(seconds), self.u32(fraction), lengths, data.to_vec()].concat()
    }

    /// A pcapng block around `body`.
    pub(super) fn block(self, kind: u32, body: &[u8]) -> Vec<u8> {
        let padding = vec![0; body.len().next_multiple_of(4) - body.len()];
        let len = self.u32((12 + body.len() + padding.len()) as u32);
        [self.u32(kind), len.clone(), body.to_vec(), padding, len].concat()
    }

    pub(super) fn option(self, code: u16, value: &[u8]) -> Vec<u8> {
        let padding = vec![0; value.len().next_multiple_of(4) - value.len()];
        [self.u16(code), self.u16(value.len() as u16), value.to_vec(), padding].concat()
    }

    pub(super) fn section(self) -> Vec<u8> {
        self.block(0x0A0D_0D0A, &[self.u32(0x1A2B_3C4D), self.u16(1), self.u16(0), self.u64(u64::MAX)].concat())
    }

    pub(super) fn interface(self, link: u16, snaplen: u32, options: &[u8]) -> Vec<u8> {
        self.block(1, &[self.u16(link), self.u16(0), self.u32(snaplen), options.to_vec()].concat())
    }

    pub(super) fn enhanced(self, interface: u32, ticks: u64, wire: u32, data: &[u8], options: &[u8]) -> Vec<u8> {
        let fixed = [interface, (ticks >> 32) as u32, ticks as u32, data.len() as u32, wire];
        let fixed: Vec<u8> = fixed.into_iter().flat_map(|word| self.u32(word)).collect();
        let padding = vec![0; data.len().next_multiple_of(4) - data.len()];
        self.block(6, &[fixed, data.to_vec(), padding, options.to_vec()].concat())
    }
}

/// A frame as read: number, ns, data, length on the wire, link type, FCS length.
pub(super) type Seen = (u64, i64, Vec<u8>, u32, u16, u8);

fn seen(frame: &Frame<'_>) -> Seen {
    let number = frame.at.frame.number();
    (number, frame.at.time.0, frame.bytes.to_vec(), frame.wire_len, frame.link.0, frame.fcs_len)
}

/// All frames of a set, its facts and what was odd.
pub(super) fn read(set: &CaptureSet) -> Result<(Vec<Seen>, Vec<InputFacts>, Anomalies), Error> {
    let mut anomalies = Anomalies::default();
    let mut frames = set.frames();
    let mut all = Vec::new();
    while let Some(frame) = frames.next(&mut anomalies)? {
        assert!(frame.bytes.len() <= frame.wire_len as usize);
        all.push(seen(&frame));
    }
    assert_eq!(Some(frames.position()), set.total_bytes());
    assert!(frames.next(&mut anomalies)?.is_none());
    Ok((all, frames.finish()?, anomalies))
}

/// The frames of one capture in memory, its facts, and how many places are damaged.
pub(super) fn read_one(bytes: &[u8]) -> Result<(Vec<Seen>, InputFacts, u64), Error> {
    let set = CaptureSet::from_bytes(vec![("sample".to_owned(), bytes.to_vec())])?;
    let (frames, mut facts, anomalies) = read(&set)?;
    let damages = anomalies.tally(Kind::DamagedCapture).map_or(0, |tally| tally.count);
    assert_eq!(facts[0].damage.is_some(), damages > 0);
    Ok((frames, facts.remove(0), damages))
}

/// The error of a strict run over one capture; it is written to a file for that.
pub(super) fn strict_error(bytes: &[u8]) -> Option<Error> {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(file.path(), bytes).expect("room for it");
    let options = OpenOptions { strict: true, ..OpenOptions::default() };
    CaptureSet::open(&[file.path().to_path_buf()], &options).and_then(|set| read(&set)).err()
}
