//! The vocabulary of all rooms: who talks to whom, over what, about which torrent; and where in the captures something
//! was seen.
//!
//! These are names and places, not findings: nothing here knows a packet, a stream or a torrent.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use data_encoding::HEXLOWER;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::words::{Compact, texts, words};

/// An IP address and a port. Ordered by address (IPv4 before IPv6), then by port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint {
    /// The address in the innermost IP header.
    pub ip: IpAddr,
    /// The TCP or UDP port.
    pub port: u16,
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.ip {
            IpAddr::V4(ip) => write!(f, "{ip}:{}", self.port),
            IpAddr::V6(ip) => write!(f, "[{ip}]:{}", self.port),
        }
    }
}

impl FromStr for Endpoint {
    type Err = NotWritten;

    fn from_str(text: &str) -> Result<Self, NotWritten> {
        let parsed: Result<SocketAddr, _> = text.parse();
        match parsed {
            // One text for each: no zone, and digits as they are written.
            Ok(address) if Self { ip: address.ip(), port: address.port() }.to_string() == text => {
                Ok(Self { ip: address.ip(), port: address.port() })
            }
            _ => Err(NotWritten { text: text.to_owned(), expected: "an address and a port" }),
        }
    }
}

/// Two endpoints and a protocol; both directions of a conversation give the same key.
///
/// # Invariants
/// - `low <= high`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FlowKey {
    /// The lesser endpoint.
    pub low: Endpoint,
    /// The greater endpoint.
    pub high: Endpoint,
    /// TCP or UDP.
    pub protocol: Protocol,
}

impl FlowKey {
    /// The key of a packet from `source` to `destination`, and the direction in which it went.
    pub fn new(source: Endpoint, destination: Endpoint, protocol: Protocol) -> (Self, Direction) {
        if source <= destination {
            (Self { low: source, high: destination, protocol }, Direction::LowToHigh)
        } else {
            (Self { low: destination, high: source, protocol }, Direction::HighToLow)
        }
    }

    /// Who sends in `direction`.
    pub fn source(&self, direction: Direction) -> Endpoint {
        match direction {
            Direction::LowToHigh => self.low,
            Direction::HighToLow => self.high,
        }
    }

    /// Who receives in `direction`.
    pub fn destination(&self, direction: Direction) -> Endpoint {
        self.source(direction.reverse())
    }
}

/// The transport protocol of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Protocol {
    /// RFC 9293.
    Tcp,
    /// RFC 768.
    Udp,
}

/// One of the two directions of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Direction {
    /// Sent by the lesser endpoint of the [`FlowKey`].
    LowToHigh,
    /// Sent by the greater endpoint of the [`FlowKey`].
    HighToLow,
}

impl Direction {
    /// The other direction.
    pub fn reverse(self) -> Self {
        match self {
            Self::LowToHigh => Self::HighToLow,
            Self::HighToLow => Self::LowToHigh,
        }
    }

    /// 0 or 1, to index an array of both directions.
    pub fn index(self) -> usize {
        match self {
            Self::LowToHigh => 0,
            Self::HighToLow => 1,
        }
    }
}

/// An interned list of tunnels, see [`Packet::path`](crate::packet::Packet::path).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PathId(pub u32);

impl PathId {
    /// No tunnel: the addresses are those of the outermost IP header.
    pub const NONE: Self = Self(0);
}

/// Numbers the connections of a run in capture order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ConnectionId(pub u64);

words! {
    /// How payload was carried.
    pub enum Transport {
        /// Peer wire over TCP (BEP 3).
        Tcp = "tcp",
        /// Peer wire over uTP (BEP 29).
        Utp = "utp",
        /// An HTTP webseed (BEP 17, BEP 19).
        Http = "http",
        /// UDP that is no uTP: of a conversation that cannot be read, and of no transfer.
        Udp = "udp",
    }
}

/// The info-hash under which the report speaks of a torrent: lower-case hex of 20 bytes (v1 and hybrid; also a
/// truncated v2 hash of a torrent that was not given) or 32 bytes (v2).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InfoHash(pub Vec<u8>);

impl fmt::Display for InfoHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(&self.0, f)
    }
}

impl FromStr for InfoHash {
    type Err = NotWritten;

    fn from_str(text: &str) -> Result<Self, NotWritten> {
        let fault = NotWritten { text: text.to_owned(), expected: "40 or 64 hex digits" };
        Some(text).filter(|text| matches!(text.len(), 40 | 64)).and_then(read_hex).map(Self).ok_or(fault)
    }
}

/// `N` bytes of a hash or an identity, such as a peer_id (BEP 3); written as lower-case hex.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hex<const N: usize>(pub [u8; N]);

impl<const N: usize> fmt::Display for Hex<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(&self.0, f)
    }
}

impl<const N: usize> fmt::Debug for Hex<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(&self.0, f)
    }
}

impl<const N: usize> FromStr for Hex<N> {
    type Err = NotWritten;

    fn from_str(text: &str) -> Result<Self, NotWritten> {
        let bytes = read_hex(text).and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or_else(|| NotWritten { text: text.to_owned(), expected: "a hash or a peer_id in hex" })
    }
}

/// The first bytes of an info-hash, at least one and fewer than all; written as lower-case hex.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HashBeginning(pub Vec<u8>);

impl fmt::Display for HashBeginning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(&self.0, f)
    }
}

impl FromStr for HashBeginning {
    type Err = NotWritten;

    fn from_str(text: &str) -> Result<Self, NotWritten> {
        let bytes = read_hex(text).filter(|bytes| !bytes.is_empty());
        bytes
            .map(Self)
            .ok_or_else(|| NotWritten { text: text.to_owned(), expected: "the beginning of a hash in hex" })
    }
}

fn write_hex(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "{}", HEXLOWER.encode_display(bytes))
}

/// The bytes of lower-case hex digits, and of nothing else: a value has one text.
fn read_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let pairs = text.as_bytes().chunks(2);
    pairs
        .map(|pair| match *pair {
            [high, low] => Some(digit(high)? << 4 | digit(low)?),
            _ => None,
        })
        .collect()
}

/// A text that is not how a report writes such a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not {expected}")]
pub struct NotWritten {
    text: String,
    expected: &'static str,
}

texts! {
    /// An address and a port: 192.0.2.7:6881 or [2001:db8::7]:6881.
    Endpoint as "Endpoint": r"^([0-9]+(\.[0-9]+){3}|\[[0-9a-f:.]+\]):[0-9]+$",
    /// Lower-case hex of 20 bytes (v1 and hybrid; also a truncated v2 hash of a torrent that was not given) or 32 (v2).
    InfoHash as "InfoHash": "^([0-9a-f]{40}|[0-9a-f]{64})$",
    /// 20 bytes in lower-case hex.
    Hex<20> as "Hex20": "^[0-9a-f]{40}$",
    /// The first bytes of an info-hash, fewer than 20, in lower-case hex.
    HashBeginning as "HashBeginning": "^([0-9a-f]{2}){1,19}$",
    /// 32 bytes in lower-case hex.
    Hex<32> as "Hex32": "^[0-9a-f]{64}$",
    /// RFC 3339 in UTC with nine decimals.
    Timestamp as "Timestamp": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{9}Z$",
}

impl Compact for Endpoint {
    type Form = (IpAddr, u16);

    fn form(&self) -> (IpAddr, u16) {
        (self.ip, self.port)
    }

    fn of((ip, port): (IpAddr, u16)) -> Self {
        Self { ip, port }
    }
}

impl Compact for InfoHash {
    type Form = Vec<u8>;

    fn form(&self) -> Vec<u8> {
        self.0.clone()
    }

    fn of(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl Compact for HashBeginning {
    type Form = Vec<u8>;

    fn form(&self) -> Vec<u8> {
        self.0.clone()
    }

    fn of(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl Compact for Hex<20> {
    type Form = [u8; 20];

    fn form(&self) -> [u8; 20] {
        self.0
    }

    fn of(bytes: [u8; 20]) -> Self {
        Self(bytes)
    }
}

impl Compact for Hex<32> {
    type Form = [u8; 32];

    fn form(&self) -> [u8; 32] {
        self.0
    }

    fn of(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl Compact for Timestamp {
    type Form = i64;

    fn form(&self) -> i64 {
        self.0
    }

    fn of(ns: i64) -> Self {
        Self(ns)
    }
}

/// One captured frame: the input's index and Wireshark's `frame.number` in it.
///
/// # Invariants
/// - Numbers count from 1, as Wireshark does, and fit 48 bits.
/// - Ordered by input, then by number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FrameId(u64);

impl FrameId {
    /// The frame `number` (from 1) of the input with index `file`.
    pub fn new(file: u16, number: u64) -> Self {
        debug_assert!((1..1 << NUMBER_BITS).contains(&number), "frame numbers start at 1 and fit 48 bits");
        Self(u64::from(file) << NUMBER_BITS | (number & NUMBER_MASK))
    }

    /// Index into the report's `inputs`.
    pub fn file(self) -> u16 {
        (self.0 >> NUMBER_BITS) as u16
    }

    /// Numbers a frame as where `inputs` others stand before its own.
    pub fn behind(self, inputs: u16) -> Self {
        Self(self.0.wrapping_add(u64::from(inputs) << NUMBER_BITS))
    }

    /// Numbers a frame as where `inputs` others stand no longer before its own.
    pub fn ahead(self, inputs: u16) -> Self {
        Self(self.0.wrapping_sub(u64::from(inputs) << NUMBER_BITS))
    }

    /// Wireshark's `frame.number` in that file, from 1.
    pub fn number(self) -> u64 {
        self.0 & NUMBER_MASK
    }
}

impl fmt::Debug for FrameId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file(), self.number())
    }
}

/// Nanoseconds since 1970-01-01T00:00:00Z, as the capture states them; not assumed monotonic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

/// RFC 3339 in UTC with nine decimals. Every `i64` of nanoseconds (years 1677 to 2262) has such a form.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_nanosecond(i128::from(self.0)) {
            Ok(time) => write!(f, "{time:.9}"),
            Err(_) => write!(f, "{} ns", self.0),
        }
    }
}

impl FromStr for Timestamp {
    type Err = NotWritten;

    fn from_str(text: &str) -> Result<Self, NotWritten> {
        let parsed = text.parse::<jiff::Timestamp>().ok().and_then(|time| time.as_nanosecond().try_into().ok());
        let fault =
            || NotWritten { text: text.to_owned(), expected: "a time of RFC 3339, in UTC with nine decimals" };
        parsed.map(Self).filter(|time| time.to_string() == text).ok_or_else(fault)
    }
}

/// One frame and its time.
///
/// Ordered by time, then by frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct At {
    /// When the capture says it was seen.
    pub time: Timestamp,
    /// Which frame it was.
    pub frame: FrameId,
}

impl At {
    /// Returns true if this frame comes before `other` in the capture: by number within one file, as its clock may
    /// step, and by time between files.
    pub fn precedes(self, other: Self) -> bool {
        if self.frame.file() == other.frame.file() { self.frame < other.frame } else { self < other }
    }
}

/// The frames from `first` to `last` in which something was seen, both included, in capture order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Span {
    /// The first frame in capture order.
    pub first: At,
    /// The last frame in capture order; equal to `first` for a single frame.
    pub last: At,
}

impl Span {
    /// A span of one frame.
    pub fn single(at: At) -> Self {
        Self { first: at, last: at }
    }

    /// Widens the span so that it covers `at` too.
    pub fn cover(&mut self, at: At) {
        if at.precedes(self.first) {
            self.first = at;
        }
        if self.last.precedes(at) {
            self.last = at;
        }
    }

    /// The smallest span that covers both.
    pub fn join(mut self, other: Self) -> Self {
        self.cover(other.first);
        self.cover(other.last);
        self
    }

    /// The capture time between the two, in nanoseconds; below zero where they overlap.
    pub fn apart(self, other: Self) -> i64 {
        let from_to = |first: Self, then: Self| then.first.time.0.saturating_sub(first.last.time.0);
        from_to(self, other).max(from_to(other, self))
    }
}

/// Frames from `first` of input `file` to `last` of the same input, or of `last_file` where that is there: then
/// nothing is said of where in either input the frames between them stand, but for a row's `seen_in`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Frames {
    /// Index into `inputs`.
    pub file: u16,
    /// Wireshark's `frame.number`, from 1.
    pub first: u64,
    /// Likewise, in `last_file` where there is one.
    pub last: u64,
    /// Index into `inputs`, where the span ends in another file than it begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_file: Option<u16>,
}

impl From<Span> for Frames {
    fn from(span: Span) -> Self {
        let (first, last) = (span.first.frame, span.last.frame);
        Self {
            file: first.file(),
            first: first.number(),
            last: last.number(),
            last_file: (last.file() != first.file()).then_some(last.file()),
        }
    }
}

/// In which inputs something was seen: of each, the first and the last frame.
///
/// # Invariants
/// - Sorted by input, each once; both frames are of that input, and `first <= last`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sightings(Vec<(FrameId, FrameId)>);

impl Sightings {
    /// Notes that it was seen in `frame`.
    #[inline]
    pub fn note(&mut self, frame: FrameId) {
        // Rationale: mostly there is one input, and its frames come in order.
        if let [(_, last)] = self.0.as_mut_slice()
            && last.file() == frame.file()
            && *last <= frame
        {
            *last = frame;
            return;
        }
        match self.0.binary_search_by_key(&frame.file(), |(first, _)| first.file()) {
            Ok(index) => {
                if let Some((first, last)) = self.0.get_mut(index) {
                    (*first, *last) = ((*first).min(frame), (*last).max(frame));
                }
            }
            Err(index) => self.0.insert(index, (frame, frame)),
        }
    }

    /// Adds everything that `other` holds.
    pub fn join(&mut self, other: &Self) {
        for (first, last) in &other.0 {
            self.note(*first);
            self.note(*last);
        }
    }

    /// Numbers the frames of a span as where `inputs` others stand before theirs.
    pub fn behind(&self, inputs: u16) -> Self {
        Self(self.0.iter().map(|(first, last)| (first.behind(inputs), last.behind(inputs))).collect())
    }

    /// The first and the last frame of each input, by input.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (FrameId, FrameId)> {
        self.0.iter().copied()
    }
}

// Rationale: 65,536 inputs of 2^48 frames each outlast any capture, in one machine word.
const NUMBER_BITS: u32 = 48;
const NUMBER_MASK: u64 = (1 << NUMBER_BITS) - 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_id_keeps_file_and_number() {
        let id = FrameId::new(u16::MAX, (1 << 48) - 1);
        assert_eq!((id.file(), id.number()), (u16::MAX, (1 << 48) - 1));
        assert!(FrameId::new(0, 9) < FrameId::new(1, 1));
    }

    #[test]
    fn sightings_keep_the_first_and_the_last_frame_of_each_input() {
        let (mut one, mut other) = (Sightings::default(), Sightings::default());
        [(1, 5), (0, 9), (1, 3), (1, 4)]
            .into_iter()
            .for_each(|(file, number)| one.note(FrameId::new(file, number)));
        [(0, 2), (2, 1)].into_iter().for_each(|(file, number)| other.note(FrameId::new(file, number)));
        one.join(&other);
        let seen: Vec<_> = one.iter().map(|(first, last)| (first.file(), first.number(), last.number())).collect();
        assert_eq!(seen, [(0, 2, 9), (1, 3, 5), (2, 1, 1)]);
    }

    #[test]
    fn a_span_covers_what_it_is_given_in_any_order() {
        let at = |n| At { time: Timestamp(n as i64), frame: FrameId::new(0, n) };
        let span = Span::single(at(5)).join(Span { first: at(2), last: at(3) });
        assert_eq!(span, Span { first: at(2), last: at(5) });
    }

    #[test]
    fn times_have_nine_decimals_at_both_ends_of_the_range_and_read_back() {
        for (time, text) in [
            (0, "1970-01-01T00:00:00.000000000Z"),
            (-1, "1969-12-31T23:59:59.999999999Z"),
            (i64::MAX, "2262-04-11T23:47:16.854775807Z"),
            (i64::MIN, "1677-09-21T00:12:43.145224192Z"),
        ] {
            assert_eq!((Timestamp(time).to_string().as_str(), text.parse()), (text, Ok(Timestamp(time))));
        }
    }

    #[test]
    fn what_is_written_otherwise_is_refused() {
        for text in ["192.0.2.1:80", "[2001:db8::1]:65535", "[::ffff:192.0.2.1]:1"] {
            assert_eq!(text.parse::<Endpoint>().map(|end| end.to_string()).as_deref(), Ok(text));
        }
        for text in ["192.0.2.1", "192.0.2.1:080", "2001:db8::1:1", "[fe80::1%1]:1", "host:1"] {
            assert!(text.parse::<Endpoint>().is_err(), "{text}");
        }
        for text in
            ["1970-01-01T00:00:00Z", "1970-01-01T01:00:00.000000000+01:00", "3000-01-01T00:00:00.000000000Z"]
        {
            assert!(text.parse::<Timestamp>().is_err(), "{text}");
        }
        assert!("ab".repeat(32).parse::<InfoHash>().is_ok() && "ab".parse::<InfoHash>().is_err());
        assert!("AB".repeat(20).parse::<Hex<20>>().is_err() && "ab".repeat(20).parse::<Hex<20>>().is_ok());
    }
}
