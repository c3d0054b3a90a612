//! Tests if a connection looks like MSE, without any key: a classification, not a proof.
//!
//! Conservative: MSE is nothing but random-looking bytes, and so are other protocols. What distinguishes it is who
//! may speak when, and how much: each side's first flight is 96 to 608 bytes, and neither can go on without the other's.

use super::{FIXED_LEN, KEY_LEN, MAX_FIRST, MIN_SECOND};

/// Who sent how much before whom, in bytes of the stream.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Flights {
    /// By the initiator.
    pub initiator: u64,
    /// By the responder.
    pub responder: u64,
    /// By the initiator before the responder's first byte.
    first: u64,
    /// By the responder before the initiator went on.
    answer: Option<u64>,
    /// By the initiator before the responder went on: the peer wire in clear cannot begin before it.
    pub second: Option<u64>,
    /// True if the responder's first byte was captured before the initiator's.
    pub responder_first: bool,
}

impl Flights {
    pub fn initiator_sent(&mut self, len: u64) {
        self.initiator += len;
        if self.responder == 0 {
            self.first = self.initiator;
        } else if self.answer.is_none() {
            self.answer = Some(self.responder);
        }
    }

    pub fn responder_sent(&mut self, len: u64) {
        self.responder_first |= self.initiator == 0;
        self.responder += len;
        if self.answer.is_some() && self.second.is_none() {
            self.second = Some(self.initiator);
        }
    }

    /// Bytes that the responder sent before the initiator went on, once it did.
    pub fn answer(&self) -> Option<u64> {
        self.answer
    }
}

/// The classification of the first bytes of both sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing speaks against MSE; too little was seen to say that it is.
    NotYet,
    /// It is not MSE, unless bytes of the silent side are missing in front of those that it may be.
    Unordered,
    /// It is not MSE, or does not look like it.
    No,
    /// Everything that can be tested fits.
    Likely,
}

/// Judges the beginnings of both streams.
pub(super) fn classify(initiator: &[u8], responder: &[u8], flights: &Flights) -> Verdict {
    let windows = KEY_LEN as u64..=MAX_FIRST as u64;
    if !may_be_key(initiator) || !may_be_key(responder) {
        return Verdict::No;
    }
    if flights.responder_first || flights.first > *windows.end() {
        return if flights.initiator.min(flights.responder) == 0 { Verdict::Unordered } else { Verdict::No };
    }
    if flights.responder == 0 {
        return Verdict::NotYet;
    }
    if !windows.contains(&flights.first) || !unframed(initiator, flights.first) {
        return Verdict::No;
    }
    let Some(answer) = flights.answer else {
        return if flights.responder > *windows.end() { Verdict::Unordered } else { Verdict::NotYet };
    };
    if !windows.contains(&answer) || !unframed(responder, answer) {
        return Verdict::No;
    }
    match flights.second {
        Some(second) if second.saturating_sub(flights.first) < MIN_SECOND as u64 => Verdict::No,
        Some(_) if flights.responder >= answer + FIXED_LEN as u64 => Verdict::Likely,
        _ => Verdict::NotYet,
    }
}

/// The reasons for [`Verdict::Likely`], in plain words.
pub(super) fn basis(flights: &Flights) -> String {
    format!(
        "a classification, not a proof: both sides begin with 96 random-looking bytes below the prime of MSE, without \
         the structure of another protocol; the initiator sent {} bytes before the first answer and the responder {} \
         before the initiator went on (MSE: 96 to 608 each), then {} (MSE: at least {MIN_SECOND}); no BitTorrent \
         handshake follows in clear",
        flights.first,
        flights.answer.unwrap_or(flights.responder),
        flights.second.unwrap_or(flights.initiator).saturating_sub(flights.first),
    )
}

/// Returns true if a stream that begins with `head` may begin with a public key: of no known protocol, random, and
/// in 2..P.
pub(super) fn may_be_key(head: &[u8]) -> bool {
    if is_known(head) {
        return false;
    }
    let Some(key) = head.first_chunk::<KEY_LEN>() else { return true };
    let small = key.iter().rev().skip(1).all(|byte| *byte == 0) && key.last().is_some_and(|byte| *byte < 2);
    !small && *key < PRIME && is_random(key)
}

/// Returns true if `head` begins as a protocol that is known by its first bytes.
fn is_known(head: &[u8]) -> bool {
    let tls = matches!(head, [0x14..=0x17, 0x03, 0x00..=0x04, ..]);
    let smb = head.get(5..8) == Some(b"SMB");
    let text = head.first_chunk::<TEXT_LEN>().is_some_and(|bytes| bytes.iter().all(|byte| is_text(*byte)));
    tls || smb || text || KNOWN.iter().any(|known| head.starts_with(known))
}

/// Returns true if the first flight of `len` bytes does not begin with its own length, as a framed protocol's does.
fn unframed(head: &[u8], len: u64) -> bool {
    let Some([a, b, c, d]) = head.first_chunk::<4>().copied() else { return true };
    let short = [u16::from_be_bytes([a, b]), u16::from_le_bytes([a, b]), u16::from_be_bytes([c, d])].map(u64::from);
    let long = [u32::from_be_bytes([a, b, c, d]), u32::from_le_bytes([a, b, c, d])].map(u64::from);
    !short.iter().any(|prefix| *prefix == len || prefix + 2 == len)
        && !long.iter().any(|prefix| *prefix == len || prefix + 4 == len)
}

/// Returns true if 96 bytes look as if drawn at random.
fn is_random(bytes: &[u8; KEY_LEN]) -> bool {
    let ones: u32 = bytes.iter().map(|byte| byte.count_ones()).sum();
    let texts = bytes.iter().filter(|byte| is_text(**byte)).count();
    let steps = bytes.iter().zip(bytes.iter().skip(1)).map(|(a, b)| b.wrapping_sub(*a));
    ONES.contains(&ones)
        && texts <= MAX_TEXT
        && distinct(bytes.iter().copied()) >= MIN_DISTINCT
        && distinct(steps) >= MIN_DISTINCT
}

fn is_text(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\n' | b'\r' | b' '..=b'~')
}

/// How many different values there are.
fn distinct(bytes: impl Iterator<Item = u8>) -> u32 {
    let mut seen = [0_u64; 4];
    for byte in bytes {
        if let Some(word) = seen.get_mut(usize::from(byte >> 6)) {
            *word |= 1 << (byte & 63);
        }
    }
    seen.iter().map(|word| word.count_ones()).sum()
}

/// The prime P of the key exchange, most significant byte first.
const PRIME: [u8; KEY_LEN] = [
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xc9, 0x0f, 0xda, 0xa2, 0x21, 0x68, 0xc2, 0x34, 0xc4, 0xc6,
    0x62, 0x8b, 0x80, 0xdc, 0x1c, 0xd1, 0x29, 0x02, 0x4e, 0x08, 0x8a, 0x67, 0xcc, 0x74, 0x02, 0x0b, 0xbe, 0xa6,
    0x3b, 0x13, 0x9b, 0x22, 0x51, 0x4a, 0x08, 0x79, 0x8e, 0x34, 0x04, 0xdd, 0xef, 0x95, 0x19, 0xb3, 0xcd, 0x3a,
    0x43, 0x1b, 0x30, 0x2b, 0x0a, 0x6d, 0xf2, 0x5f, 0x14, 0x37, 0x4f, 0xe1, 0x35, 0x6d, 0x6d, 0x51, 0xc2, 0x45,
    0xe4, 0x85, 0xb5, 0x76, 0x62, 0x5e, 0x7e, 0xc6, 0xf4, 0x4c, 0x42, 0xe9, 0xa6, 0x3a, 0x36, 0x21, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x09, 0x05, 0x63,
];

// Rationale: how other protocols begin that may send 96 bytes at once; a random key begins so once in 2^24 or less.
const KNOWN: [&[u8]; 9] =
    [b"\x13BitTorrent", b"SSH-", b"GET ", b"POST", b"HEAD", b"PUT ", b"CONNECT ", b"HTTP", b"RTSP"];

// Rationale: 16 bytes of text in a row begin one random key in 5 million.
const TEXT_LEN: usize = 16;
// Rationale: 768 random bits have 384 ones, deviation 14; six deviations either way, so one key in 10^8 is missed.
const ONES: std::ops::RangeInclusive<u32> = 300..=468;
// Rationale: of 96 random bytes 36 are text, deviation 4.8; six deviations above.
const MAX_TEXT: usize = 65;
// Rationale: 96 random bytes have 80 different values, deviation 3.2; five deviations below.
const MIN_DISTINCT: u32 = 64;
