//! Compression around a capture, told by content: gzip, zstd, lz4, xz, bzip2, also one around another.

use crate::limits::DECOMPRESSION_WINDOW_BYTES;
use std::io::{self, BufRead, Read};

/// A compression format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compression {
    Gzip,
    Zstd,
    Lz4,
    Xz,
    Bzip2,
}

impl Compression {
    /// The format whose magic number `head` begins with; the first [`HEAD`] bytes of the input are enough.
    pub(super) fn detect(head: &[u8]) -> Option<Self> {
        match head {
            [0x1F, 0x8B, 8, ..] => Some(Self::Gzip),
            // A frame, or the skippable frame that pzstd begins with.
            [0x28, 0xB5, 0x2F, 0xFD, ..] | [0x50..=0x5F, 0x2A, 0x4D, 0x18, ..] => Some(Self::Zstd),
            [0x04, 0x22, 0x4D, 0x18, ..] => Some(Self::Lz4),
            [0xFD, b'7', b'z', b'X', b'Z', 0, ..] => Some(Self::Xz),
            [b'B', b'Z', b'h', b'1'..=b'9', 0x31 | 0x17, ..] => Some(Self::Bzip2),
            _ => None,
        }
    }

    /// The name in the report.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Lz4 => "lz4",
            Self::Xz => "xz",
            Self::Bzip2 => "bzip2",
        }
    }
}

impl Compression {
    /// Says what to do about a window that is not allocated; other errors stay as they are.
    fn explained(self, error: io::Error) -> io::Error {
        let text = error.to_string();
        let (beyond, decompress) = match self {
            Self::Zstd => (text.contains("too much memory"), "zstd -dc --long=31"),
            Self::Xz => (text.contains("memory limit"), "xz -dc"),
            Self::Gzip | Self::Lz4 | Self::Bzip2 => (false, ""),
        };
        if !beyond {
            return error;
        }
        io::Error::other(format!(
            "it was compressed with a window of more than {} MiB; decompress it first, or pipe it: {decompress} FILE | \
             peerproof ... -",
            DECOMPRESSION_WINDOW_BYTES >> 20
        ))
    }
}

/// The decompressed content of a source: all members (frames, streams) that follow one another.
///
/// Each member gets its own decoder, so that whatever stands behind the last one cannot cost the bytes before it.
pub(super) struct Members<R: Read> {
    compression: Compression,
    state: MemberState<R>,
}

enum MemberState<R: Read> {
    Between(Ahead<R>),
    Inside(Box<Decoder<R>>),
    /// After an error; nothing more can be read.
    Broken,
}

enum Decoder<R: Read> {
    Gzip(flate2::bufread::GzDecoder<Ahead<R>>),
    Zstd(zstd::stream::read::Decoder<'static, Ahead<R>>),
    Lz4(lz4_flex::frame::FrameDecoder<Ahead<R>>),
    Xz(liblzma::bufread::XzDecoder<Ahead<R>>),
    Bzip2(bzip2::bufread::BzDecoder<Ahead<R>>),
}

impl<R: Read> Members<R> {
    pub(super) fn new(compression: Compression, source: R) -> Self {
        Self { compression, state: MemberState::Between(Ahead::new(source)) }
    }

    /// Opens the member at the start of `source`; `None` at its end.
    fn open(&self, mut source: Ahead<R>) -> io::Result<Option<Decoder<R>>> {
        // Padding between members: tapes and xz fill up with zeros.
        while source.ahead(1)? == [0] {
            source.consume(1);
        }
        let head = source.ahead(HEAD)?;
        if head.is_empty() {
            return Ok(None);
        }
        if Compression::detect(head) != Some(self.compression) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "bytes follow that are no compressed data"));
        }
        Ok(Some(match self.compression {
            Compression::Gzip => Decoder::Gzip(flate2::bufread::GzDecoder::new(source)),
            Compression::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(source)?.single_frame();
                decoder.window_log_max(DECOMPRESSION_WINDOW_BYTES.ilog2())?;
                Decoder::Zstd(decoder)
            }
            Compression::Lz4 => Decoder::Lz4(lz4_flex::frame::FrameDecoder::new(source)),
            Compression::Xz => {
                let stream =
                    liblzma::stream::Stream::new_stream_decoder(DECOMPRESSION_WINDOW_BYTES + XZ_BESIDE, 0)?;
                Decoder::Xz(liblzma::bufread::XzDecoder::new_stream(source, stream))
            }
            Compression::Bzip2 => Decoder::Bzip2(bzip2::bufread::BzDecoder::new(source)),
        }))
    }
}

impl<R: Read> Read for Members<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match std::mem::replace(&mut self.state, MemberState::Broken) {
                MemberState::Broken => return Ok(0),
                MemberState::Between(source) => match self.open(source)? {
                    Some(decoder) => self.state = MemberState::Inside(Box::new(decoder)),
                    None => return Ok(0),
                },
                MemberState::Inside(mut decoder) => {
                    let n = decoder.read(buffer).map_err(|error| self.compression.explained(error))?;
                    if n > 0 {
                        self.state = MemberState::Inside(decoder);
                        return Ok(n);
                    }
                    let source = decoder.into_source();
                    // Only the lz4 decoder uses `read`, and it takes the end of the source for the end of the frame.
                    if source.starved {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                    self.state = MemberState::Between(source);
                }
            }
        }
    }
}

impl<R: Read> Decoder<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Gzip(decoder) => decoder.read(buffer),
            Self::Zstd(decoder) => decoder.read(buffer),
            Self::Lz4(decoder) => decoder.read(buffer),
            Self::Xz(decoder) => decoder.read(buffer),
            Self::Bzip2(decoder) => decoder.read(buffer),
        }
    }

    fn into_source(self) -> Ahead<R> {
        match self {
            Self::Gzip(decoder) => decoder.into_inner(),
            Self::Zstd(decoder) => decoder.finish(),
            Self::Lz4(decoder) => decoder.into_inner(),
            Self::Xz(decoder) => decoder.into_inner(),
            Self::Bzip2(decoder) => decoder.into_inner(),
        }
    }
}

/// A buffered reader that can look further ahead than one read of the source gave.
///
/// An error of the source is told only after everything that was read before it, and then whenever it is asked.
///
/// # Invariants
/// - `start <= end <= buffer.len()`.
pub(super) struct Ahead<R> {
    source: R,
    /// Room; what was read and not consumed is `start..end`.
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    failed: Option<io::Error>,
    ended: bool,
    /// True once [`Read::read`] was asked for bytes that the source does not have.
    starved: bool,
}

impl<R: Read> Ahead<R> {
    pub(super) fn new(source: R) -> Self {
        Self { source, buffer: Vec::new(), start: 0, end: 0, failed: None, ended: false, starved: false }
    }

    /// The next `len` bytes, fewer only before the end of the source or an error.
    pub(super) fn ahead(&mut self, len: usize) -> io::Result<&[u8]> {
        while self.end - self.start < len && !self.ended {
            self.fill();
        }
        let rest = self.buffer.get(self.start..self.end).unwrap_or_default();
        match &self.failed {
            Some(error) if rest.is_empty() => Err(again(error)),
            _ => Ok(rest.get(..len).unwrap_or(rest)),
        }
    }

    /// One read of the source behind what is there.
    fn fill(&mut self) {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        if self.buffer.len() < self.end + BUFFER {
            self.buffer.resize(self.end + BUFFER, 0);
        }
        let read = match self.buffer.get_mut(self.end..) {
            Some(room) => self.source.read(room),
            None => Ok(0),
        };
        match read {
            Ok(n) => (self.ended, self.end) = (n == 0, self.end + n),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => (self.ended, self.failed) = (true, Some(error)),
        }
    }
}

impl<R: Read> BufRead for Ahead<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.ahead(1)?;
        Ok(self.buffer.get(self.start..self.end).unwrap_or_default())
    }

    fn consume(&mut self, len: usize) {
        self.start = self.start.saturating_add(len).min(self.end);
    }
}

impl<R: Read> Read for Ahead<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.start == self.end && buffer.len() >= BUFFER && !self.ended {
            // Large reads go past the buffer: what is decompressed is not copied once more.
            let read = self.source.read(buffer);
            match &read {
                Ok(n) => self.ended = *n == 0,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => return read,
                Err(error) => (self.ended, self.failed) = (true, Some(again(error))),
            }
            self.starved |= matches!(read, Ok(0));
            return read;
        }
        let n = self.fill_buf()?.read(buffer)?;
        self.starved |= n == 0 && !buffer.is_empty();
        self.consume(n);
        Ok(n)
    }
}

/// A copy of `error`, of its kind and words: [`io::Error`] is not `Clone`.
fn again(error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), error.to_string())
}

/// Bytes that [`Compression::detect`] needs.
pub(super) const HEAD: usize = 8;
// Rationale: large enough to make reads rare, small enough to stay in cache.
const BUFFER: usize = 64 << 10;
// Rationale: the decoder's tables beside the window, as `xz --list --verbose` counts them.
const XZ_BESIDE: u64 = 1 << 20;
