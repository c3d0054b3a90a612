//! Captures: where each frame's bytes lie, and who sent a frame. pcap and pcapng, as far as a place in them needs it.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use crate::{Fault, cannot};

/// A capture that was found by its digest.
#[derive(Debug)]
pub struct Capture {
    /// Where it lies.
    pub path: PathBuf,
    content: Content,
    window: (u64, Vec<u8>),
    records: Vec<Record>,
    /// Whether its last record was reached without damage.
    pub is_whole: bool,
}

#[derive(Debug)]
enum Content {
    File(File, u64),
    Memory(Vec<u8>),
}

/// A frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Record {
    offset: u64,
    len: u32,
    link: u32,
}

/// The ends of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ends {
    /// Who sent.
    pub from: SocketAddr,
    /// To whom.
    pub to: SocketAddr,
    /// Whether it is TCP; else UDP.
    pub is_tcp: bool,
}

impl Capture {
    /// Opens a capture, decompressed where it is compressed, and finds its frames.
    pub(crate) fn open(path: &Path) -> Result<Self, Fault> {
        let failed = |why: io::Error| cannot(path, why);
        let mut file = File::open(path).map_err(failed)?;
        let mut head = [0; 6];
        let read = file.read(&mut head).map_err(failed)?;
        file.seek(SeekFrom::Start(0)).map_err(failed)?;
        let unpacked = |reader: &mut dyn Read| -> io::Result<Content> {
            let mut bytes = Vec::new();
            reader.take(MOST_UNPACKED + 1).read_to_end(&mut bytes)?;
            if bytes.len() as u64 > MOST_UNPACKED {
                return Err(io::Error::other("more than 8 GiB when decompressed; decompress it first"));
            }
            Ok(Content::Memory(bytes))
        };
        let content = match head.get(..read).unwrap_or_default() {
            [0x1f, 0x8b, ..] => unpacked(&mut flate2::read::MultiGzDecoder::new(file)),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => zstd::Decoder::new(file).and_then(|mut reader| unpacked(&mut reader)),
            [0x04, 0x22, 0x4d, 0x18, ..] => unpacked(&mut lz4_flex::frame::FrameDecoder::new(file)),
            [0xfd, b'7', b'z', b'X', b'Z', 0] => unpacked(&mut liblzma::read::XzDecoder::new_multi_decoder(file)),
            [b'B', b'Z', b'h', ..] => unpacked(&mut bzip2::read::MultiBzDecoder::new(file)),
            _ => file.metadata().map(|found| found.len()).map(|len| Content::File(file, len)),
        };
        let content = content.map_err(failed)?;
        let (records, window) = (Vec::new(), (0, Vec::new()));
        let mut capture = Self { path: path.to_owned(), content, window, records, is_whole: false };
        capture.is_whole = capture.index().is_some();
        Ok(capture)
    }

    fn len(&self) -> u64 {
        match &self.content {
            Content::File(_, len) => *len,
            Content::Memory(bytes) => bytes.len() as u64,
        }
    }

    /// The bytes from `offset` on; `None` where the content ends before.
    pub(crate) fn bytes(&mut self, offset: u64, len: usize) -> Option<&[u8]> {
        let end = offset.checked_add(len as u64)?;
        match &mut self.content {
            Content::Memory(bytes) => bytes.get(usize::try_from(offset).ok()?..usize::try_from(end).ok()?),
            Content::File(file, all) => {
                let (start, held) = &mut self.window;
                if offset < *start || end > *start + held.len() as u64 {
                    let want = (len as u64).max(WINDOW).min(all.checked_sub(offset)?);
                    held.resize(usize::try_from(want).ok()?, 0);
                    file.seek(SeekFrom::Start(offset)).ok()?;
                    file.read_exact(held).ok()?;
                    *start = offset;
                }
                let from = usize::try_from(offset - *start).ok()?;
                held.get(from..from.checked_add(len)?)
            }
        }
    }

    /// Finds every frame; `None` where the file is damaged before its end.
    fn index(&mut self) -> Option<()> {
        let magic: [u8; 4] = self.bytes(0, 4)?.try_into().ok()?;
        match magic {
            [0x0a, 0x0d, 0x0d, 0x0a] => self.pcapng(),
            [0xd4, 0xc3, 0xb2, 0xa1] | [0x4d, 0x3c, 0xb2, 0xa1] => self.pcap(false, 16),
            [0xa1, 0xb2, 0xc3, 0xd4] | [0xa1, 0xb2, 0x3c, 0x4d] => self.pcap(true, 16),
            [0x34, 0xcd, 0xb2, 0xa1] => self.pcap(false, 24),
            [0xa1, 0xb2, 0xcd, 0x34] => self.pcap(true, 24),
            _ => None,
        }
    }

    fn pcap(&mut self, big: bool, head: usize) -> Option<()> {
        let link = word(self.bytes(20, 4)?, 0, big)? & 0x0fff_ffff;
        let mut at = 24;
        while at < self.len() {
            let len = word(self.bytes(at, head)?, 8, big)?;
            self.record(at + head as u64, len, link)?;
            at += head as u64 + u64::from(len);
        }
        Some(())
    }

    fn pcapng(&mut self) -> Option<()> {
        let (mut at, mut big, mut links) = (0, false, Vec::<(u32, u32)>::new());
        while at < self.len() {
            let head: [u8; 12] = self.bytes(at, 12)?.try_into().ok()?;
            if head.starts_with(&[0x0a, 0x0d, 0x0d, 0x0a]) {
                big = head.get(8..12)? == [0x1a, 0x2b, 0x3c, 0x4d];
                links.clear();
            }
            let (kind, total) = (word(&head, 0, big)?, word(&head, 4, big)?);
            if total < 12 || total % 4 != 0 {
                return None;
            }
            let body = self.bytes(at, (total as usize).min(36))?.to_vec();
            let half = |from: usize| -> Option<u32> {
                let pair: [u8; 2] = body.get(from..from + 2)?.try_into().ok()?;
                Some(u32::from(if big { u16::from_be_bytes(pair) } else { u16::from_le_bytes(pair) }))
            };
            let link = |interface: u32| links.get(interface as usize).map(|(link, _)| *link);
            match kind {
                1 => links.push((half(8)?, word(&body, 12, big)?)),
                6 => self.record(at + 28, word(&body, 20, big)?, link(word(&body, 8, big)?)?)?,
                2 => self.record(at + 28, word(&body, 20, big)?, link(half(8)?)?)?,
                3 => {
                    let (link, snap) = *links.first()?;
                    let whole = word(&body, 8, big)?;
                    self.record(at + 12, if snap == 0 { whole } else { whole.min(snap) }, link)?;
                }
                _ => {}
            }
            at += u64::from(total);
        }
        Some(())
    }

    fn record(&mut self, offset: u64, len: u32, link: u32) -> Option<()> {
        (offset + u64::from(len) <= self.len()).then(|| self.records.push(Record { offset, len, link }))
    }

    /// The number of the frame that holds all of these bytes, counted from 1.
    pub(crate) fn frame(&self, offset: u64, len: u64) -> Option<u64> {
        let at = self.records.partition_point(|record| record.offset + u64::from(record.len) <= offset);
        let record = self.records.get(at)?;
        (record.offset <= offset && offset + len <= record.offset + u64::from(record.len)).then_some(at as u64 + 1)
    }

    /// The ends of the outermost TCP or UDP packet of a frame; `None` for link layers and packets that are not looked into.
    pub(crate) fn ends(&mut self, frame: u64) -> Option<Ends> {
        let record = *self.records.get(usize::try_from(frame.checked_sub(1)?).ok()?)?;
        let bytes = self.bytes(record.offset, record.len.min(256) as usize)?;
        let kind = |at: usize| Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?));
        let mut at = match record.link {
            1 => {
                let mut at = 12;
                while matches!(kind(at)?, 0x8100 | 0x88a8) {
                    at += 4;
                }
                matches!(kind(at)?, 0x0800 | 0x86dd).then_some(at + 2)?
            }
            113 => matches!(kind(14)?, 0x0800 | 0x86dd).then_some(16)?,
            276 => matches!(kind(0)?, 0x0800 | 0x86dd).then_some(20)?,
            101 | 228 | 229 => 0,
            0 | 108 => 4,
            _ => return None,
        };
        let first = *bytes.get(at)?;
        let (protocol, from, to) = if first >> 4 == 4 {
            let address =
                |from: usize| Some(IpAddr::from(<[u8; 4]>::try_from(bytes.get(at + from..at + from + 4)?).ok()?));
            let fragment = kind(at + 6)? & 0x3fff;
            let ends = (*bytes.get(at + 9)?, address(12)?, address(16)?);
            at += usize::from(first & 15) * 4;
            (fragment == 0).then_some(ends)?
        } else {
            let address =
                |from: usize| Some(IpAddr::from(<[u8; 16]>::try_from(bytes.get(at + from..at + from + 16)?).ok()?));
            let ends = (*bytes.get(at + 6)?, address(8)?, address(24)?);
            at += 40;
            ends
        };
        let is_tcp = match protocol {
            6 => true,
            17 => false,
            _ => return None,
        };
        Some(Ends { from: SocketAddr::new(from, kind(at)?), to: SocketAddr::new(to, kind(at + 2)?), is_tcp })
    }
}

fn word(bytes: &[u8], at: usize, big: bool) -> Option<u32> {
    let four: [u8; 4] = bytes.get(at..at + 4)?.try_into().ok()?;
    Some(if big { u32::from_be_bytes(four) } else { u32::from_le_bytes(four) })
}

const WINDOW: u64 = 1 << 20;
// Rationale: what is compressed is held in memory.
const MOST_UNPACKED: u64 = 8 << 30;
