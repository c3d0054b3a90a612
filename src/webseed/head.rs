//! Headers: recognising, gathering and reading them.

use super::{ByteRange, WebRequest};
use crate::ends::{At, Span};
use crate::limits::{WEB_HEADER_BYTES, WEB_HEADER_PASSED_BYTES};

/// The protocol that the first bytes of a direction show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpSniff {
    /// An HTTP/1.x request.
    Request,
    /// An HTTP/1.x response.
    Response,
    /// Too few bytes to tell.
    Undecided,
    /// Not HTTP.
    Other,
}

/// Tests if a stream that begins with `prefix` is HTTP/1.x (RFC 9112 sections 3 and 4). A request is known by its
/// method: GET, HEAD, POST, PUT or OPTIONS.
pub fn sniff(prefix: &[u8]) -> HttpSniff {
    let agrees = |word: &[u8]| word.iter().zip(prefix).all(|(a, b)| a == b);
    let mut undecided = false;
    for (word, found) in
        METHODS.iter().map(|word| (*word, HttpSniff::Request)).chain([(VERSION, HttpSniff::Response)])
    {
        if agrees(word) {
            if prefix.len() >= word.len() {
                return found;
            }
            undecided = true;
        }
    }
    if undecided { HttpSniff::Undecided } else { HttpSniff::Other }
}

/// Returns true for a segment that is one whole request: in mid-stream, a method alone could be anything.
pub fn is_request(segment: &[u8]) -> bool {
    let mut headers = room(segment);
    let mut parsed = httparse::Request::new(&mut headers);
    sniff(segment) == HttpSniff::Request
        && segment.ends_with(b"\r\n\r\n")
        && parsed.parse(segment).is_ok_and(|status| status.is_complete())
}

/// A header block that is being gathered: the first line, and the fields that matter. Others are passed over as they come,
/// so that no number and no length of them hides a message.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    bytes: Vec<u8>,
    /// Where the current line begins in `bytes`.
    line: usize,
    /// True while the current line is passed over.
    passing: bool,
    /// True once the name of the field in the current line is there.
    named: bool,
    /// Bytes of the current line, its end apart.
    line_len: u64,
    /// Bytes of the header until now.
    len: u64,
    span: Option<Span>,
}

/// The state of a header block behind a byte of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeadProgress {
    More,
    Whole,
    TooLong,
}

impl Gathered {
    pub fn push(&mut self, byte: u8, at: At) -> HeadProgress {
        if self.len == 0 && matches!(byte, b'\r' | b'\n') {
            return HeadProgress::More;
        }
        match &mut self.span {
            Some(span) => span.cover(at),
            None => self.span = Some(Span::single(at)),
        }
        self.add(byte)
    }

    /// The header of a part, which may have no field at all.
    pub fn push_field(&mut self, byte: u8) -> HeadProgress {
        // What a first line would be.
        if self.len == 0 {
            (self.line, self.bytes) = (FIRST_LINE.len(), FIRST_LINE.to_vec());
        }
        self.add(byte)
    }

    fn add(&mut self, byte: u8) -> HeadProgress {
        self.len += 1;
        match byte {
            b'\n' => {
                let is_blank = self.line_len == 0;
                // A field that goes on in the next line (obsolete folding) is passed over with it.
                if !self.passing || is_blank {
                    self.bytes.push(byte);
                }
                (self.line, self.line_len, self.named) = (self.bytes.len(), 0, false);
                if is_blank {
                    return HeadProgress::Whole;
                }
            }
            _ => {
                self.passing &= self.line_len > 0 || matches!(byte, b' ' | b'\t');
                self.line_len += u64::from(byte != b'\r');
                if !self.passing {
                    self.bytes.push(byte);
                    self.pass_over(byte);
                }
            }
        }
        if self.bytes.len() >= WEB_HEADER_BYTES || self.len >= WEB_HEADER_PASSED_BYTES {
            HeadProgress::TooLong
        } else {
            HeadProgress::More
        }
    }

    /// Passes the current line over, once its name is there and does not matter.
    fn pass_over(&mut self, byte: u8) {
        // The first line has none.
        if byte != b':' || self.line == 0 || std::mem::replace(&mut self.named, true) {
            return;
        }
        let name = self.bytes.get(self.line..).and_then(|line| line.strip_suffix(b":")).unwrap_or_default();
        if !FIELDS.iter().any(|field| name.trim_ascii().eq_ignore_ascii_case(field.as_bytes())) {
            self.passing = true;
            self.bytes.truncate(self.line);
        }
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub fn span(&self) -> Option<Span> {
        self.span
    }
}

/// Room for the fields of a header: one a line at most.
fn room(head: &[u8]) -> Vec<httparse::Header<'_>> {
    vec![httparse::EMPTY_HEADER; head.iter().filter(|byte| **byte == b'\n').count()]
}

/// A request and how its own body is framed.
pub(super) struct RequestHead {
    pub request: WebRequest,
    pub body: Length,
}

/// How long a body is, as far as the header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Length {
    Known(u64),
    Chunked,
    Unstated,
}

impl RequestHead {
    pub fn read(head: &Gathered) -> Option<Self> {
        let mut headers = room(head.bytes());
        let mut parsed = httparse::Request::new(&mut headers);
        if !parsed.parse(head.bytes()).ok()?.is_complete() {
            return None;
        }
        let fields = Fields::read(parsed.headers)?;
        let request = WebRequest {
            method: parsed.method?.to_owned(),
            target: parsed.path?.to_owned(),
            host: fields.host,
            ranges: fields.ranges,
            span: head.span()?,
        };
        let body = if fields.length == Length::Unstated { Length::Known(0) } else { fields.length };
        Some(Self { request, body })
    }
}

/// The fields of a response's header that concern its body.
#[derive(Debug)]
pub(super) struct ResponseHead {
    pub status: u16,
    pub length: Length,
    /// True if the body is in a coding that is not read.
    pub coded: bool,
    /// True if only the label of a content coding says that the body is coded, and the body's length is stated:
    /// where that is the resource's, the label is wrong.
    pub labelled: bool,
    /// The one coding that it is in; `None` for several, and for others than these.
    pub coding: Option<Coding>,
    pub range: Option<ContentRange>,
    /// The boundary of a `multipart/byteranges` body.
    pub boundary: Option<Vec<u8>>,
    /// Where the resource is instead (RFC 9110 section 10.2.2).
    pub location: Option<String>,
    /// True if the connection goes on as a WebSocket (RFC 6455 section 4.1).
    pub socket: bool,
}

impl ResponseHead {
    pub fn read(head: &Gathered) -> Option<Self> {
        let mut headers = room(head.bytes());
        let mut parsed = httparse::Response::new(&mut headers);
        if !parsed.parse(head.bytes()).ok()?.is_complete() {
            return None;
        }
        let Fields { length, coded, recoded, coding, range, boundary, location, socket, .. } =
            Fields::read(parsed.headers)?;
        let labelled = coded && !recoded && matches!(length, Length::Known(_));
        Some(Self { status: parsed.code?, length, coded, labelled, coding, range, boundary, location, socket })
    }
}

/// A content coding (RFC 9110 section 8.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    Identity,
    Gzip,
    Deflate,
}

impl Coding {
    /// The coding after `self` that a header's value names.
    fn then(self, value: &[u8]) -> Option<Self> {
        let is = |name: &[u8]| value.eq_ignore_ascii_case(name);
        match self {
            _ if is(b"identity") || value.is_empty() => Some(self),
            Self::Identity if is(b"gzip") || is(b"x-gzip") => Some(Self::Gzip),
            Self::Identity if is(b"deflate") => Some(Self::Deflate),
            _ => None,
        }
    }
}

/// A `Content-Range` in bytes (RFC 9110 section 14.4).
///
/// # Invariants
/// - `first <= last < u64::MAX`, and `last < total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ContentRange {
    pub first: u64,
    pub last: u64,
    pub total: Option<u64>,
}

impl ContentRange {
    pub fn read(value: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(value).ok()?.trim();
        let (unit, rest) = text.split_at_checked(5)?;
        let (range, total) = rest.trim_start_matches([' ', '=']).split_once('/')?;
        let (first, last) = range.trim().split_once('-')?;
        let (first, last) = (number(first)?, number(last)?);
        let total = if total.trim() == "*" { None } else { Some(number(total)?) };
        let fits = first <= last && last < u64::MAX && total.is_none_or(|total| last < total);
        (unit.eq_ignore_ascii_case("bytes") && fits).then_some(Self { first, last, total })
    }

    pub fn len(&self) -> u64 {
        self.last - self.first + 1
    }
}

/// The `Content-Range` of a part of a multipart body.
pub(super) fn part_range(head: &Gathered) -> Option<ContentRange> {
    let head = head.bytes().strip_prefix(FIRST_LINE)?;
    let mut headers = room(head);
    let (_, headers) = match httparse::parse_headers(head, &mut headers).ok()? {
        httparse::Status::Complete(parsed) => parsed,
        httparse::Status::Partial => return None,
    };
    headers
        .iter()
        .find(|header| header.name.eq_ignore_ascii_case("content-range"))
        .and_then(|header| ContentRange::read(header.value))
}

/// The header fields that matter here.
struct Fields {
    host: Option<String>,
    ranges: Vec<ByteRange>,
    length: Length,
    coded: bool,
    /// By a transfer coding.
    recoded: bool,
    coding: Option<Coding>,
    range: Option<ContentRange>,
    boundary: Option<Vec<u8>>,
    location: Option<String>,
    socket: bool,
}

impl Fields {
    /// `None` for fields that contradict one another.
    fn read(headers: &[httparse::Header<'_>]) -> Option<Self> {
        let mut fields = Self {
            host: None,
            ranges: Vec::new(),
            length: Length::Unstated,
            coded: false,
            recoded: false,
            coding: Some(Coding::Identity),
            range: None,
            boundary: None,
            location: None,
            socket: false,
        };
        for header in headers {
            let value = header.value.trim_ascii();
            match header.name.to_ascii_lowercase().as_str() {
                "host" => fields.host = Some(String::from_utf8_lossy(value).into_owned()),
                "range" => fields.ranges = byte_ranges(value).unwrap_or_default(),
                "content-range" => {
                    let range = ContentRange::read(value);
                    if fields.range.is_some() && fields.range != range {
                        return None;
                    }
                    fields.range = range;
                }
                "content-encoding" => {
                    fields.coded |= !value.eq_ignore_ascii_case(b"identity") && !value.is_empty();
                    fields.coding = fields.coding.and_then(|coding| coding.then(value));
                }
                "location" => fields.location = std::str::from_utf8(value).ok().map(str::to_owned),
                "upgrade" => fields.socket |= value.eq_ignore_ascii_case(b"websocket"),
                "content-type" => fields.boundary = boundary(value),
                "content-length" => {
                    // Rationale: RFC 9112 section 6.3 lets equal values repeat, joined by commas too.
                    for one in std::str::from_utf8(value).ok()?.split(',') {
                        let length = Length::Known(number(one)?);
                        match fields.length {
                            Length::Known(_) if fields.length != length => return None,
                            Length::Chunked => {}
                            _ => fields.length = length,
                        }
                    }
                }
                "transfer-encoding" => {
                    let codings: Vec<_> = value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).collect();
                    let is = |coding: &&[u8], name: &[u8]| coding.eq_ignore_ascii_case(name);
                    if codings.iter().any(|coding| !is(coding, b"chunked") && !is(coding, b"identity")) {
                        (fields.coded, fields.recoded) = (true, true);
                        fields.coding = None;
                    }
                    if codings.last().is_some_and(|coding| is(coding, b"chunked")) {
                        fields.length = Length::Chunked;
                    } else if !codings.iter().all(|coding| is(coding, b"identity")) {
                        fields.length = Length::Unstated;
                    }
                }
                _ => {}
            }
        }
        Some(fields)
    }
}

fn byte_ranges(value: &[u8]) -> Option<Vec<ByteRange>> {
    let (unit, set) = std::str::from_utf8(value).ok()?.split_once('=')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    let range = |text: &str| {
        let (first, last) = text.trim().split_once('-')?;
        match (first.trim(), last.trim()) {
            ("", count) => Some(ByteRange::Last(number(count)?)),
            (first, "") => Some(ByteRange::From(number(first)?)),
            (first, last) => {
                let (first, last) = (number(first)?, number(last)?);
                (first <= last).then_some(ByteRange::FromTo { first, last })
            }
        }
    };
    set.split(',').map(range).collect()
}

/// The boundary of a `multipart/byteranges` content type (RFC 9110 section 14.6).
fn boundary(value: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(value).ok()?;
    let mut parts = text.split(';');
    if !parts.next()?.trim().eq_ignore_ascii_case("multipart/byteranges") {
        return None;
    }
    let boundary = parts.find_map(|part| {
        let (name, value) = part.split_once('=')?;
        name.trim().eq_ignore_ascii_case("boundary").then(|| value.trim().trim_matches('"'))
    })?;
    (!boundary.is_empty()).then(|| boundary.as_bytes().to_vec())
}

/// A decimal number without sign.
pub(super) fn number(text: &str) -> Option<u64> {
    let text = text.trim();
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

const METHODS: [&[u8]; 5] = [b"GET ", b"HEAD ", b"POST ", b"PUT ", b"OPTIONS "];
const VERSION: &[u8] = b"HTTP/1.";
/// The fields that matter; [`Fields::read`] reads them.
const FIELDS: [&str; 9] = [
    "upgrade",
    "host",
    "range",
    "content-range",
    "content-encoding",
    "location",
    "content-type",
    "content-length",
    "transfer-encoding",
];
/// The name that stands for the first line of a header, which has none.
const FIRST_LINE: &[u8] = b"\n";
