//! Captures: where each frame's bytes lie, and who sent a frame. pcap and pcapng, as far as a place in them needs it.

use std::io::{self, BufReader, Cursor, Read, Seek};
use std::{fs::File, net::IpAddr, net::SocketAddr, path::Path};

/// A capture.
pub(crate) struct Capture {
    content: BufReader<Box<dyn Source>>,
    /// Bytes of the content, and the next one that the reader gives.
    len: u64,
    at: u64,
    /// Of each frame the offset, the length, and the link type.
    frames: Vec<(u64, u32, u32)>,
    /// Set if the last frame was reached without damage.
    pub(crate) is_whole: bool,
}

trait Source: Read + Seek {}
impl<T: Read + Seek> Source for T {}

/// The content of a file, decompressed as often as it was compressed; and whether it was.
pub(crate) fn content(path: &Path) -> io::Result<(Box<dyn Read>, bool)> {
    let mut reader: Box<dyn Read> = Box::new(BufReader::new(File::open(path)?));
    for layer in 0..MOST_LAYERS {
        let mut head = Vec::new();
        reader.by_ref().take(6).read_to_end(&mut head)?;
        let whole = Cursor::new(head.clone()).chain(reader);
        reader = match head[..] {
            [0x1f, 0x8b, ..] => Box::new(flate2::read::MultiGzDecoder::new(whole)),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Box::new(zstd::Decoder::new(whole)?),
            [0x04, 0x22, 0x4d, 0x18, ..] => Box::new(lz4_flex::frame::FrameDecoder::new(whole)),
            [0xfd, b'7', b'z', b'X', b'Z', 0] => Box::new(liblzma::read::XzDecoder::new_multi_decoder(whole)),
            [b'B', b'Z', b'h', ..] => Box::new(bzip2::read::MultiBzDecoder::new(whole)),
            _ => return Ok((Box::new(whole), layer > 0)),
        };
    }
    Ok((reader, true))
}

impl Capture {
    /// Opens a capture and finds its frames. What is compressed is held in memory.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let (reader, is_compressed) = content(path)?;
        let (source, len): (Box<dyn Source>, u64) = if is_compressed {
            let mut bytes = Vec::new();
            // Of a stream that breaks off, what comes before.
            let _ = reader.take(MOST_UNPACKED + 1).read_to_end(&mut bytes);
            let len = bytes.len() as u64;
            if len > MOST_UNPACKED {
                return Err(io::Error::other("more than 8 GiB when decompressed; decompress it first"));
            }
            (Box::new(Cursor::new(bytes)), len)
        } else {
            let file = File::open(path)?;
            let len = file.metadata()?.len();
            (Box::new(file), len)
        };
        let content = BufReader::with_capacity(WINDOW, source);
        let mut capture = Self { content, len, at: 0, frames: Vec::new(), is_whole: false };
        capture.is_whole = capture.index().is_some();
        Ok(capture)
    }

    /// The bytes from `offset` on; `None` where the content ends before.
    pub(crate) fn bytes(&mut self, offset: u64, len: u64) -> Option<Vec<u8>> {
        let end = offset.checked_add(len).filter(|end| *end <= self.len)?;
        self.content.seek_relative(i64::try_from(offset).ok()? - i64::try_from(self.at).ok()?).ok()?;
        let mut bytes = vec![0; len as usize];
        self.content.read_exact(&mut bytes).ok()?;
        self.at = end;
        Some(bytes)
    }

    /// Finds every frame; `None` where the file is damaged before its end.
    fn index(&mut self) -> Option<()> {
        match self.bytes(0, 4)?[..] {
            [0x0a, 0x0d, 0x0d, 0x0a] => self.pcapng(),
            [0xd4, 0xc3, 0xb2, 0xa1] | [0x4d, 0x3c, 0xb2, 0xa1] => self.pcap(false, 16),
            [0xa1, 0xb2, 0xc3, 0xd4] | [0xa1, 0xb2, 0x3c, 0x4d] => self.pcap(true, 16),
            [0x34, 0xcd, 0xb2, 0xa1] => self.pcap(false, 24),
            [0xa1, 0xb2, 0xcd, 0x34] => self.pcap(true, 24),
            _ => None,
        }
    }

    fn pcap(&mut self, big: bool, head: u64) -> Option<()> {
        let link = word(&self.bytes(20, 4)?, 0, big)? & 0x0fff_ffff;
        let mut at = 24;
        while at < self.len {
            let len = word(&self.bytes(at, head)?, 8, big)?;
            self.frame(at + head, len, link)?;
            at += head + u64::from(len);
        }
        Some(())
    }

    fn pcapng(&mut self) -> Option<()> {
        let (mut at, mut big, mut links) = (0, false, Vec::<(u32, u32)>::new());
        while at < self.len {
            let head = self.bytes(at, 12)?;
            if head.starts_with(&[0x0a, 0x0d, 0x0d, 0x0a]) {
                big = head.ends_with(&[0x1a, 0x2b, 0x3c, 0x4d]);
                links.clear();
            }
            let (kind, total) = (word(&head, 0, big)?, word(&head, 4, big)?);
            if total < 12 || total % 4 != 0 {
                return None;
            }
            let body = self.bytes(at, u64::from(total.min(36)))?;
            // Two bytes, in the order of the section, as the upper or lower half of four.
            let half = word(&body, 8, big).map(|four| if big { four >> 16 } else { four & 0xffff });
            let link = |interface: u32| links.get(interface as usize).map(|(link, _)| *link);
            match kind {
                1 => links.push((half?, word(&body, 12, big)?)),
                6 => self.frame(at + 28, word(&body, 20, big)?, link(word(&body, 8, big)?)?)?,
                2 => self.frame(at + 28, word(&body, 20, big)?, link(half?)?)?,
                3 => {
                    let ((link, snap), whole) = (*links.first()?, word(&body, 8, big)?);
                    self.frame(at + 12, if snap == 0 { whole } else { whole.min(snap) }, link)?;
                }
                _ => {}
            }
            at += u64::from(total);
        }
        Some(())
    }

    fn frame(&mut self, offset: u64, len: u32, link: u32) -> Option<()> {
        (offset + u64::from(len) <= self.len).then(|| self.frames.push((offset, len, link)))
    }

    /// The frame that a byte lies in: its number, counted from 1, and how many of its bytes come from there on.
    pub(crate) fn at(&self, offset: u64) -> Option<(u64, u64)> {
        let at = self.frames.partition_point(|(start, len, _)| start + u64::from(*len) <= offset);
        let (start, len, _) = self.frames.get(at).filter(|(start, ..)| *start <= offset)?;
        Some((at as u64 + 1, start + u64::from(*len) - offset))
    }

    /// The ends of the outermost TCP or UDP packet of a frame, and whether it is TCP; `None` for link layers and packets that are not
    /// looked into.
    pub(crate) fn ends(&mut self, frame: u64) -> Option<(SocketAddr, SocketAddr, bool)> {
        let (offset, len, link) = *self.frames.get(usize::try_from(frame.checked_sub(1)?).ok()?)?;
        let bytes = self.bytes(offset, u64::from(len.min(256)))?;
        let two = |at: usize| Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?));
        let is_ip = |at: usize| two(at).is_some_and(|kind| matches!(kind, 0x0800 | 0x86dd));
        let mut at = match link {
            1 => {
                let tags = (0..4).take_while(|tag| matches!(two(12 + 4 * tag), Some(0x8100 | 0x88a8))).count();
                is_ip(12 + 4 * tags).then_some(14 + 4 * tags)?
            }
            113 => is_ip(14).then_some(16)?,
            276 => is_ip(0).then_some(20)?,
            101 | 228 | 229 => 0,
            0 | 108 => 4,
            _ => return None,
        };
        let is_v4 = bytes.get(at)? >> 4 == 4;
        let address = |from: usize| {
            let bytes = bytes.get(from..from + if is_v4 { 4 } else { 16 })?;
            let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
            v4.ok().or_else(|| <[u8; 16]>::try_from(bytes).map(IpAddr::from).ok())
        };
        let (protocol, from, to) = if is_v4 {
            let is_first = two(at + 6)? & 0x3fff == 0;
            let ends = (*bytes.get(at + 9)?, address(at + 12)?, address(at + 16)?);
            at += usize::from(bytes.get(at)? & 15) * 4;
            is_first.then_some(ends)?
        } else {
            let ends = (*bytes.get(at + 6)?, address(at + 8)?, address(at + 24)?);
            at += 40;
            ends
        };
        let ends = (SocketAddr::new(from, two(at)?), SocketAddr::new(to, two(at + 2)?), protocol == 6);
        matches!(protocol, 6 | 17).then_some(ends)
    }
}

fn word(bytes: &[u8], at: usize, big: bool) -> Option<u32> {
    let four: [u8; 4] = bytes.get(at..at + 4)?.try_into().ok()?;
    Some(if big { u32::from_be_bytes(four) } else { u32::from_le_bytes(four) })
}

// Rationale: about what lies between two frames of one connection among some others.
const WINDOW: usize = 32 << 10;
const MOST_LAYERS: u32 = 4;
const MOST_UNPACKED: u64 = 8 << 30;
