//! [`Frame`](crate::capture::Frame) to [`Packet`]: link layers, tunnels, IP reassembly, TCP and UDP headers.

mod cut;
mod decoder;
mod doubt;
mod fragments;
mod ip;
mod link;
mod paths;
mod pieces;
#[cfg(test)]
mod testing;
mod transport;
mod tunnel;
mod wireless;

use std::fmt;
use std::net::IpAddr;

pub use self::decoder::{DecodeCounts, Decoder, Store};
pub use self::link::is_read;
pub use self::tunnel::ports::{TunnelFormat, UdpTunnel};
use crate::provenance::At;
use crate::words::words;

/// A TCP segment or UDP datagram with complete, length-consistent headers; never a non-first fragment.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'cap> {
    /// The frame that completed it.
    pub at: At,
    /// Who talks to whom; the same for both directions.
    pub flow: FlowKey,
    /// Which of the two endpoints sent it.
    pub direction: Direction,
    /// The tunnels crossed, outermost first; [`PathId::NONE`] for none.
    pub path: PathId,
    /// The transport header and payload.
    pub transport: Transport<'cap>,
    /// IPv4 identification (or the low 16 bits of the IPv6 flow label, or of a fragment's identification) above the
    /// transport checksum: equal for two captures of one frame, whose TTL may differ, and different for most
    /// retransmissions. A hint, never an identity.
    pub fingerprint: u32,
    /// It is a datagram on the port of a tunnel, and reads as uTP and as that tunnel:
    /// [`Decoder::inside`] gives what the tunnel carries.
    pub also_tunnel: bool,
}

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

/// Two endpoints and a protocol; both directions of a conversation give the same key.
///
/// # Invariants
/// - `low <= high`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// RFC 9293.
    Tcp,
    /// RFC 768.
    Udp,
}

/// One of the two directions of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
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

/// An interned list of tunnels, see [`Packet::path`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PathId(pub u32);

impl PathId {
    /// No tunnel: the addresses are those of the outermost IP header.
    pub const NONE: Self = Self(0);
}

/// A transport header with its payload.
#[derive(Clone, Copy, Debug)]
pub enum Transport<'cap> {
    /// A TCP segment.
    Tcp(TcpSegment<'cap>),
    /// A UDP datagram.
    Udp(UdpDatagram<'cap>),
}

/// A TCP segment (RFC 9293, section 3.1).
#[derive(Clone, Copy, Debug)]
pub struct TcpSegment<'cap> {
    /// Sequence number of the first payload byte, or of the SYN when [`TcpFlags::syn`] is set.
    pub seq: u32,
    /// Acknowledgement number; `None` unless the ACK flag is set.
    pub ack: Option<u32>,
    /// SYN, FIN and RST.
    pub flags: TcpFlags,
    /// The captured prefix of the payload.
    pub payload: Payload<'cap>,
    /// Whether the checksum matched; [`Checksum::Unchecked`] unless checking was asked for or the packet was put
    /// together from fragments.
    pub checksum: Checksum,
}

/// The flags of a TCP header that change a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpFlags {
    /// Synchronize: occupies one sequence number before the payload.
    pub syn: bool,
    /// Finish: occupies one sequence number after the payload.
    pub fin: bool,
    /// Reset.
    pub rst: bool,
}

/// A UDP datagram (RFC 768).
#[derive(Clone, Copy, Debug)]
pub struct UdpDatagram<'cap> {
    /// The captured prefix of the payload.
    pub payload: Payload<'cap>,
    /// Whether the checksum matched; [`Checksum::Unchecked`] unless checking was asked for or the packet was put
    /// together from fragments.
    pub checksum: Checksum,
}

/// The captured prefix of what was sent: a snap length cut is visible, never hidden.
///
/// # Invariants
/// - `bytes.len() <= wire_len`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Payload<'cap> {
    /// What the capture holds.
    pub bytes: &'cap [u8],
    /// Payload bytes on the wire; `bytes.len() <= wire_len`.
    pub wire_len: u32,
}

/// The outcome of a checksum test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checksum {
    /// Not tested: by policy, or because the capture does not hold the whole packet.
    Unchecked,
    /// It matches.
    Good,
    /// It does not match.
    Bad,
}

words! {
    /// How TCP and UDP checksums are used.
    #[derive(Default)]
    pub enum ChecksumPolicy {
        /// Do not test: captures at the sending host hold wrong ones.
        #[default]
        Ignore = "ignore",
        /// Test, use the packet, and flag what it carried.
        Flag = "flag",
        /// Test, and leave packets with a wrong one out; they are listed as anomalies.
        Drop = "drop",
    }
}
