//! Bodies: the framing around them (RFC 9112 section 6 and 7), and the parts that they are handed on in.

use std::sync::Arc;

use super::head::{Length, ResponseHead};
use super::multipart::Multipart;
use super::tracker::Gathering;
use super::{BodyPart, Flaw, Slice, Stretch, WebEvent, WebRequest};
use crate::ends::{At, Span};
use crate::limits::{CHUNK_LINE_BYTES, TRAILER_BYTES};
use crate::wire::Framing;

/// A response's body that is being read.
#[derive(Debug)]
pub(super) struct HttpBody<'cap> {
    frame: BodyFraming,
    content: BodyContent,
    sink: PartSink<'cap>,
    /// The body gathered whole besides, where it may be a tracker's answer.
    tracker: Option<Gathering<'cap>>,
}

/// The state of a body behind a stretch of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BodyProgress {
    /// It needs more.
    More,
    /// It is whole.
    Whole,
    /// Its framing is lost.
    Lost,
}

/// The framing around the content.
#[derive(Debug)]
enum BodyFraming {
    Length(u64),
    UntilClose,
    Chunk(ChunkState),
}

#[derive(Debug)]
enum ChunkState {
    /// Within the line that states a chunk's size.
    Size(Vec<u8>),
    /// Within a chunk, with so many bytes to come.
    Data(u64),
    /// Within the line break behind a chunk.
    Break,
    /// Within the trailer; bytes in the current line, and in all.
    Trailer { line: usize, all: usize },
}

/// The use of the content.
#[derive(Debug)]
enum BodyContent {
    /// One range of the resource.
    Plain(RangeRest),
    /// Several ranges.
    Multipart(Multipart),
    /// Nothing that can be used.
    Ignored,
}

impl<'cap> HttpBody<'cap> {
    pub fn new(head: ResponseHead, request: Option<Arc<WebRequest>>, framing: Framing) -> Self {
        let frame = match head.length {
            Length::Known(len) => BodyFraming::Length(len),
            Length::Chunked => BodyFraming::Chunk(ChunkState::Size(Vec::new())),
            Length::Unstated => BodyFraming::UntilClose,
        };
        let known = match head.length {
            Length::Known(len) => Some(len),
            _ => None,
        };
        let tracker = Gathering::new(&head, request.as_ref(), framing);
        let asked = request.as_ref().is_some_and(|request| request.asks_tracker());
        let content = match (head.status, head.range, head.boundary) {
            _ if (head.coded && !head.labelled) || asked => BodyContent::Ignored,
            (206, _, Some(boundary)) => BodyContent::Multipart(Multipart::new(boundary)),
            (206, Some(range), None) => {
                BodyContent::Plain(RangeRest { next: range.first, left: Some(range.len()), total: range.total })
            }
            (200, ..) => BodyContent::Plain(RangeRest { next: 0, left: known, total: known }),
            _ => BodyContent::Ignored,
        };
        // A server may put the label on bytes that are the file's own: the hash tells, and nothing is held against anybody.
        let framing = if head.labelled { Framing::Resynchronised } else { framing };
        let sink = PartSink { request, status: head.status, framing, part: None };
        Self { frame, content, sink, tracker }
    }

    /// A body whose bytes are of no interest.
    pub fn ignored(length: Length) -> Self {
        let head = ResponseHead {
            status: 0,
            length,
            coded: false,
            labelled: false,
            coding: None,
            range: None,
            boundary: None,
            location: None,
            socket: false,
        };
        Self::new(head, None, Framing::InSync)
    }

    /// Returns true if the body is whole before its first byte.
    pub fn is_empty(&self) -> bool {
        matches!(self.frame, BodyFraming::Length(0))
    }

    /// Reads what belongs to the body off the stretch.
    pub fn push(&mut self, stretch: &mut Stretch<'cap>, out: &mut Vec<WebEvent<'cap>>) -> BodyProgress {
        loop {
            match &mut self.frame {
                BodyFraming::Length(0) => {
                    self.sink.flush(out);
                    self.answer(out);
                    return BodyProgress::Whole;
                }
                _ if stretch.len == 0 => return BodyProgress::More,
                BodyFraming::Length(left) => {
                    let taken = stretch.take(*left);
                    *left -= taken.len;
                    self.take(taken, out);
                }
                BodyFraming::UntilClose => {
                    let taken = stretch.take(u64::MAX);
                    self.take(taken, out);
                }
                BodyFraming::Chunk(ChunkState::Data(left)) => {
                    let taken = stretch.take(*left);
                    *left -= taken.len;
                    let whole = *left == 0;
                    self.take(taken, out);
                    if whole {
                        // The next byte of the resource is not the next one of the stream.
                        self.sink.flush(out);
                        self.frame = BodyFraming::Chunk(ChunkState::Break);
                    }
                }
                BodyFraming::Chunk(chunk) => {
                    let at = stretch.at;
                    let Some(byte) = stretch.byte() else {
                        self.sink.flush(out);
                        return BodyProgress::Lost;
                    };
                    match chunk.read(byte) {
                        BodyProgress::More => {}
                        BodyProgress::Whole => {
                            self.sink.flush(out);
                            self.answer(out);
                            return BodyProgress::Whole;
                        }
                        BodyProgress::Lost => {
                            self.sink.flush(out);
                            out.push(WebEvent::Bad { reason: Flaw::Chunk, bytes: 0, at });
                            return BodyProgress::Lost;
                        }
                    }
                }
            }
        }
    }

    fn take(&mut self, taken: Stretch<'cap>, out: &mut Vec<WebEvent<'cap>>) {
        if let Some(gathering) = &mut self.tracker {
            gathering.push(&taken);
        }
        self.content.push(&mut self.sink, taken, out);
    }

    /// Hands on what was gathered of a body that is whole.
    fn answer(&mut self, out: &mut Vec<WebEvent<'cap>>) {
        out.extend(self.tracker.take().and_then(Gathering::finish).map(WebEvent::Answer));
    }

    /// Ends the body where the stream ends; `told` where it is said that this is too early.
    pub fn close(mut self, at: At, told: bool, out: &mut Vec<WebEvent<'cap>>) {
        self.sink.flush(out);
        let (bytes, whole) = match self.frame {
            BodyFraming::Length(left) => (left, left == 0),
            BodyFraming::UntilClose => match self.content {
                BodyContent::Plain(RangeRest { left: Some(left), .. }) => (left, left == 0),
                _ => (0, true),
            },
            BodyFraming::Chunk(ChunkState::Data(left)) => (left, false),
            BodyFraming::Chunk(_) => (0, false),
        };
        if !whole {
            out.extend(told.then_some(WebEvent::Bad { reason: Flaw::Truncated, bytes, at }));
        } else if let Some(answer) = self.tracker.and_then(Gathering::finish) {
            out.push(WebEvent::Answer(answer));
        }
    }
}

impl ChunkState {
    /// Reads a byte of the framing.
    fn read(&mut self, byte: u8) -> BodyProgress {
        match self {
            Self::Size(line) => {
                if byte != b'\n' {
                    // Of a chunk's extensions no more is held than that they begin.
                    if line.last() != Some(&b';') {
                        line.push(byte);
                    }
                    return if line.len() > CHUNK_LINE_BYTES { BodyProgress::Lost } else { BodyProgress::More };
                }
                let Some(size) = chunk_size(line) else { return BodyProgress::Lost };
                *self = if size == 0 { Self::Trailer { line: 0, all: 0 } } else { Self::Data(size) };
                BodyProgress::More
            }
            Self::Break => match byte {
                b'\r' => BodyProgress::More,
                b'\n' => {
                    *self = Self::Size(Vec::new());
                    BodyProgress::More
                }
                _ => BodyProgress::Lost,
            },
            Self::Trailer { line, all } => {
                *all += 1;
                match byte {
                    b'\n' if *line == 0 => return BodyProgress::Whole,
                    b'\n' => *line = 0,
                    b'\r' => {}
                    _ => *line += 1,
                }
                if *all > TRAILER_BYTES { BodyProgress::Lost } else { BodyProgress::More }
            }
            Self::Data(_) => BodyProgress::More,
        }
    }
}

/// The size in the line in front of a chunk, extensions left out (RFC 9112 section 7.1).
fn chunk_size(line: &[u8]) -> Option<u64> {
    let digits = line.split(|byte| *byte == b';').next()?.trim_ascii();
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

impl BodyContent {
    fn push<'cap>(&mut self, sink: &mut PartSink<'cap>, mut stretch: Stretch<'cap>, out: &mut Vec<WebEvent<'cap>>) {
        match self {
            Self::Plain(run) => {
                run.push(sink, &mut stretch, out);
                if stretch.len > 0 {
                    sink.flush(out);
                    out.push(WebEvent::Bad { reason: Flaw::Surplus, bytes: stretch.len, at: stretch.at });
                }
            }
            Self::Multipart(multipart) => multipart.push(sink, stretch, out),
            Self::Ignored => {}
        }
    }
}

/// The rest of one range of the resource.
#[derive(Clone, Copy, Debug)]
pub(super) struct RangeRest {
    /// Place of the next byte in the resource.
    pub next: u64,
    /// Bytes to come; `None` if only the framing says.
    pub left: Option<u64>,
    /// Size of the resource.
    pub total: Option<u64>,
}

impl RangeRest {
    /// Hands on what belongs to the range.
    pub fn push<'cap>(
        &mut self,
        sink: &mut PartSink<'cap>,
        stretch: &mut Stretch<'cap>,
        out: &mut Vec<WebEvent<'cap>>,
    ) {
        let room = self.left.unwrap_or(u64::MAX).min(u64::MAX - self.next);
        let mut taken = stretch.take(room);
        self.left = self.left.map(|left| left - taken.len);
        while taken.len > 0 {
            let part = taken.take(sink.room());
            sink.append(self.next, self.total, part);
            self.next += part.len;
            if sink.room() == 0 {
                sink.flush(out);
            }
        }
    }
}

/// Collects bytes until they make up a part.
#[derive(Debug)]
pub(super) struct PartSink<'cap> {
    request: Option<Arc<WebRequest>>,
    status: u16,
    framing: Framing,
    part: Option<BodyPart<'cap>>,
}

impl<'cap> PartSink<'cap> {
    /// Bytes that the current part can still take.
    fn room(&self) -> u64 {
        u64::from(PART_BYTES - self.part.as_ref().map_or(0, |part| part.len.min(PART_BYTES)))
    }

    /// Adds at most [`room`](Self::room) bytes.
    fn append(&mut self, first_byte: u64, total: Option<u64>, stretch: Stretch<'cap>) {
        let part = self.part.get_or_insert_with(|| BodyPart {
            request: self.request.clone(),
            status: self.status,
            first_byte,
            total,
            slices: Vec::new(),
            len: 0,
            offset: stretch.offset,
            span: Span::single(stretch.at),
            framing: self.framing,
        });
        debug_assert_eq!(part.first_byte + u64::from(part.len), first_byte, "a part is contiguous in the resource");
        debug_assert_eq!(part.offset + u64::from(part.len), stretch.offset, "a part is contiguous in the stream");
        if let Some(bytes) = stretch.bytes {
            if part.slices.is_empty() {
                part.span = Span::single(stretch.at);
            }
            part.span.cover(stretch.at);
            part.slices.push(Slice { start: part.len, bytes, at: stretch.at, doubtful: stretch.doubtful });
        }
        part.len += stretch.len as u32;
    }

    /// From here on it is not certain which range the bytes are of.
    pub fn doubt(&mut self) {
        self.framing = Framing::Resynchronised;
    }

    /// Hands on the current part.
    pub fn flush(&mut self, out: &mut Vec<WebEvent<'cap>>) {
        out.extend(self.part.take().map(WebEvent::Body));
    }
}

// Rationale: four leaves (BEP 52); a body of any length holds no more than that at once.
const PART_BYTES: u32 = 64 << 10;
