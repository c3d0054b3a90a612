//! WebSockets in clear (RFC 6455), one direction: text messages, gathered whole. A peer of WebTorrent speaks to its tracker
//! through one.

use super::{Flaw, Stretch, WebEvent};
use crate::ends::{At, Span};
use crate::limits::SOCKET_MESSAGE_BYTES;

/// A text message of a WebSocket that begins as JSON does.
///
/// # Invariants
/// - `text` is at most 1 MiB long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SocketMessage {
    /// True if the client sent the message.
    pub from_client: bool,
    /// The message, without masks and compression.
    pub text: Vec<u8>,
    /// The frames of the capture that carried it.
    pub span: Span,
    /// True if one of those frames had a wrong checksum.
    pub doubtful: bool,
}

/// The reader of one end's direction.
#[derive(Debug)]
pub(super) struct Socket {
    from_client: bool,
    state: SocketState,
    message: Option<TextMessage>,
}

#[derive(Debug)]
enum SocketState {
    /// In front of a frame, or within its header.
    Header(Vec<u8>),
    /// Within its payload.
    Payload(FramePayload),
    /// Given up.
    Idle,
}

/// The rest of a frame's payload.
#[derive(Debug)]
struct FramePayload {
    left: u64,
    mask: [u8; 4],
    /// Bytes of it so far.
    at: usize,
    /// True for a part of a message of text.
    text: bool,
    last: bool,
}

/// A message of text that is not whole yet.
#[derive(Debug)]
struct TextMessage {
    /// `None` once it is not read: too long, with a hole in it, or no JSON.
    text: Option<Vec<u8>>,
    /// True if the message was given up although it may have been a tracker's.
    lost: bool,
    compressed: bool,
    span: Span,
    doubtful: bool,
}

impl Socket {
    pub fn new(from_client: bool) -> Self {
        Self { from_client, state: SocketState::Header(Vec::new()), message: None }
    }

    /// Reads the next bytes, or a hole.
    pub fn push(&mut self, mut rest: Stretch<'_>, out: &mut Vec<WebEvent<'_>>) {
        while rest.len > 0 {
            let at = rest.at;
            match &mut self.state {
                SocketState::Idle => return,
                SocketState::Header(header) => {
                    let Some(byte) = rest.byte() else { return self.give_up(at, out) };
                    header.push(byte);
                    self.header(at, rest.doubtful, out);
                }
                SocketState::Payload(payload) => {
                    let part = rest.take(payload.left);
                    payload.left -= part.len;
                    if payload.text
                        && let Some(message) = &mut self.message
                    {
                        message.add(payload, &part);
                    }
                    payload.at = payload.at.wrapping_add(part.len as usize);
                    if payload.left == 0 {
                        self.finish_frame(at, out);
                    }
                }
            }
        }
    }

    /// Reads the header, once it is whole.
    fn header(&mut self, at: At, doubtful: bool, out: &mut Vec<WebEvent<'_>>) {
        let SocketState::Header(header) = &self.state else { return };
        let Some((kind, payload)) = frame(header) else { return };
        let SocketFrame { opcode, last, compressed, sound } = kind;
        let begins = matches!(opcode, 1 | 2);
        // A client masks what it sends, and a server does not.
        if !sound || payload.1 != self.from_client || (begins && self.message.is_some()) {
            return self.give_up(at, out);
        }
        if opcode == 1 {
            let span = Span::single(at);
            self.message = Some(TextMessage { text: Some(Vec::new()), lost: false, compressed, span, doubtful });
        }
        let text = matches!(opcode, 0 | 1) && self.message.is_some();
        let (left, _, mask) = payload;
        self.state = SocketState::Payload(FramePayload { left, mask, at: 0, text, last });
        if left == 0 {
            self.finish_frame(at, out);
        }
    }

    fn finish_frame(&mut self, at: At, out: &mut Vec<WebEvent<'_>>) {
        let SocketState::Payload(payload) = std::mem::replace(&mut self.state, SocketState::Header(Vec::new()))
        else {
            return;
        };
        if !payload.text || !payload.last {
            return;
        }
        let Some(message) = self.message.take() else { return };
        let (span, doubtful, lost) = (message.span, message.doubtful, message.lost);
        match message.finish() {
            Ok(Some(text)) => {
                let from_client = self.from_client;
                out.push(WebEvent::Message(SocketMessage { from_client, text, span, doubtful }));
            }
            Ok(None) if !lost => {}
            Ok(None) | Err(()) => out.push(WebEvent::Bad { reason: Flaw::Socket, bytes: 0, at }),
        }
    }

    fn give_up(&mut self, at: At, out: &mut Vec<WebEvent<'_>>) {
        (self.state, self.message) = (SocketState::Idle, None);
        out.push(WebEvent::Bad { reason: Flaw::Socket, bytes: 0, at });
    }
}

impl TextMessage {
    fn add(&mut self, payload: &FramePayload, part: &Stretch<'_>) {
        self.span.cover(part.at);
        self.doubtful |= part.doubtful;
        let Some(text) = &mut self.text else { return };
        let Some(bytes) = part.bytes.filter(|bytes| text.len() + bytes.len() <= SOCKET_MESSAGE_BYTES) else {
            (self.text, self.lost) = (None, true);
            return;
        };
        let mask = payload.mask.iter().cycle().skip(payload.at % 4);
        text.extend(bytes.iter().zip(mask).map(|(byte, mask)| byte ^ mask));
        // What is no JSON is not kept.
        if !self.compressed
            && text.iter().find(|byte| !byte.is_ascii_whitespace()).is_some_and(|byte| *byte != b'{')
        {
            self.text = None;
        }
    }

    /// The text; `Ok(None)` for what is not of interest, or was lost before; an error for what cannot be read.
    fn finish(self) -> Result<Option<Vec<u8>>, ()> {
        match self.text {
            Some(text) if self.compressed => {
                let text = inflated(text).ok_or(())?;
                Ok(text.trim_ascii_start().starts_with(b"{").then_some(text))
            }
            text => Ok(text.filter(|text| !text.is_empty())),
        }
    }
}

/// A message without its compression (RFC 7692); `None` where it refers to an earlier one, is broken, or too long: of no
/// connection what was compressed before is kept.
fn inflated(mut message: Vec<u8>) -> Option<Vec<u8>> {
    // The end of the last block, which is left out.
    message.extend([0, 0, 0xff, 0xff]);
    let mut inflate = flate2::Decompress::new(false);
    let mut text = Vec::with_capacity(message.len().saturating_mul(4).clamp(1_024, SOCKET_MESSAGE_BYTES));
    loop {
        let (read, had) = (inflate.total_in() as usize, text.len());
        let rest = message.get(read..)?;
        inflate.decompress_vec(rest, &mut text, flate2::FlushDecompress::Sync).ok()?;
        if inflate.total_in() as usize == message.len() && text.len() < text.capacity() {
            return Some(text);
        }
        if text.len() == text.capacity() {
            if text.len() >= SOCKET_MESSAGE_BYTES {
                return None;
            }
            text.reserve_exact(text.len().min(SOCKET_MESSAGE_BYTES - text.len()));
        } else if inflate.total_in() as usize == read && text.len() == had {
            return None;
        }
    }
}

/// The first byte of a frame's header.
struct SocketFrame {
    opcode: u8,
    last: bool,
    compressed: bool,
    /// True if RFC 6455 and RFC 7692 allow the byte.
    sound: bool,
}

/// The length of a payload, whether it is masked, and with what.
type Length = (u64, bool, [u8; 4]);

/// Reads a whole header; `None` if it is not whole.
fn frame(header: &[u8]) -> Option<(SocketFrame, Length)> {
    let [first, second, rest @ ..] = header else { return None };
    let masked = second & 0x80 != 0;
    let (length, rest) = match second & 0x7f {
        126 => rest.split_first_chunk().map(|(length, rest)| (u64::from(u16::from_be_bytes(*length)), rest))?,
        127 => rest.split_first_chunk().map(|(length, rest)| (u64::from_be_bytes(*length), rest))?,
        length => (u64::from(length), rest),
    };
    let mask = if masked { *rest.first_chunk()? } else { [0; 4] };
    let (opcode, last, compressed) = (first & 15, first & 0x80 != 0, first & 0x40 != 0);
    let control = opcode >= 8;
    let sound = first & 0x30 == 0
        && matches!(opcode, 0..=2 | 8..=10)
        && !(compressed && (control || opcode == 0))
        && !(control && (!last || length > 125))
        && length < 1 << 63;
    Some((SocketFrame { opcode, last, compressed, sound }, (length, masked, mask)))
}

#[cfg(test)]
pub(super) mod tests {
    use std::io::Write;

    use super::*;
    use crate::ends::{FrameId, Timestamp};

    /// A frame as a client (masked) or a server sends it.
    pub fn framed(first: u8, mask: Option<[u8; 4]>, payload: &[u8]) -> Vec<u8> {
        let mut out = vec![first];
        let flag = if mask.is_some() { 0x80 } else { 0 };
        match payload.len() {
            len @ 0..126 => out.push(flag | len as u8),
            len @ 126..65_536 => {
                out.push(flag | 126);
                out.extend((len as u16).to_be_bytes());
            }
            len => {
                out.push(flag | 127);
                out.extend((len as u64).to_be_bytes());
            }
        }
        out.extend(mask.iter().flatten());
        let mask = mask.unwrap_or_default();
        out.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        out
    }

    fn read(from_client: bool, parts: &[Option<&[u8]>]) -> (Vec<String>, usize) {
        let mut socket = Socket::new(from_client);
        let mut out = Vec::new();
        for (number, part) in (1..).zip(parts) {
            let at = At { time: Timestamp(0), frame: FrameId::new(0, number) };
            let len = part.map_or(5, <[u8]>::len) as u64;
            socket.push(Stretch { offset: 0, len, bytes: *part, at, doubtful: false }, &mut out);
        }
        let mut bad = 0;
        let text = |event| match event {
            WebEvent::Message(message) => Some(String::from_utf8(message.text).expect("text")),
            WebEvent::Bad { .. } => {
                bad += 1;
                None
            }
            other => panic!("{other:?}"),
        };
        (out.into_iter().filter_map(text).collect(), bad)
    }

    #[test]
    fn messages_are_put_together_from_frames_of_any_length_wherever_segments_end() {
        let long = format!("{{\"a\":\"{}\"}}", "x".repeat(70_000));
        let middle = format!("{{\"b\":\"{}\"}}", "y".repeat(200));
        for mask in [None, Some([1, 2, 3, 4])] {
            let bytes = [
                framed(0x81, mask, b"{\"c\":1}"),
                framed(0x82, mask, b"binary"),
                framed(0x01, mask, &middle.as_bytes()[..7]),
                framed(0x89, mask, b"ping"),
                framed(0x80, mask, &middle.as_bytes()[7..]),
                framed(0x81, mask, b"no JSON"),
                framed(0x81, mask, long.as_bytes()),
            ]
            .concat();
            let expected = (vec!["{\"c\":1}".to_owned(), middle.clone(), long.clone()], 0);
            for size in [1, 3, 1_460, bytes.len()] {
                let parts: Vec<_> = bytes.chunks(size).map(Some).collect();
                assert_eq!(read(mask.is_some(), &parts), expected, "{size}");
            }
        }
    }

    #[test]
    fn a_hole_costs_its_message_and_over_a_header_the_rest() {
        let frame = framed(0x81, None, b"{\"a\":\"hidden\"}");
        let (hidden, next) = (&frame[..7], framed(0x81, None, b"{\"b\":2}"));
        let parts = [Some(hidden), None, Some(&frame[12..]), Some(&next[..]), None, Some(&next[..])];
        assert_eq!(read(false, &parts), (vec!["{\"b\":2}".to_owned()], 2));
    }

    #[test]
    fn what_no_socket_sends_is_not_read_on() {
        let sound = framed(0x81, None, b"{\"b\":2}");
        for (first, mask) in [(0x91, None), (0x83, None), (0x09, None), (0x81, Some([1; 4]))] {
            let bytes = [framed(first, mask, b"{}"), sound.clone()].concat();
            assert_eq!(read(false, &[Some(&bytes)]), (Vec::new(), 1), "{first:x}");
        }
        let huge = [&[0x81, 127][..], &[0xff; 8]].concat();
        assert_eq!(read(false, &[Some(&huge)]), (Vec::new(), 1));
    }

    #[test]
    fn compressed_messages_are_read_where_they_stand_alone() {
        let text = format!("{{\"a\":\"{}\"}}", "z".repeat(5_000));
        let mut deflate = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
        deflate.write_all(text.as_bytes()).expect("memory");
        deflate.flush().expect("memory");
        let whole = deflate.get_ref().clone();
        let message = whole.strip_suffix(&[0, 0, 0xff, 0xff]).expect("flushed");
        assert_eq!(read(false, &[Some(&framed(0xc1, None, message))]), (vec![text.clone()], 0));
        // The same again refers to what came before.
        deflate.write_all(text.as_bytes()).expect("memory");
        deflate.flush().expect("memory");
        let more = deflate.get_ref()[whole.len()..].to_vec();
        let (found, bad) =
            read(false, &[Some(&framed(0xc1, None, more.strip_suffix(&[0, 0, 0xff, 0xff]).expect("flushed")))]);
        assert!(found.is_empty() && bad == 1);
        let mut bomb = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
        bomb.write_all(&vec![b'{'; 4 << 20]).expect("memory");
        bomb.flush().expect("memory");
        assert_eq!(read(false, &[Some(&framed(0xc1, None, bomb.get_ref()))]), (Vec::new(), 1));
    }
}
