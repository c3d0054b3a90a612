//! [`Frame`](crate::capture::Frame) to [`Packet`]: link layers, tunnels, IP reassembly, TCP and UDP headers.

mod cut;
mod decoder;
mod doubt;
mod fragments;
mod ip;
mod link;
mod paths;
mod pieces;
mod tags;
mod tallies;
#[cfg(test)]
mod testing;
mod transport;
mod tunnel;
mod unread;
mod wireless;

pub use self::decoder::{DecodeCounts, Decoder, Store};
pub use self::tunnel::ports::{TunnelFormat, UdpTunnel};
pub use self::unread::Unread;
use crate::ends::{At, Direction, FlowKey, PathId};
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
    pub transport: TransportLayer<'cap>,
    /// IPv4 identification (or the low 16 bits of the IPv6 flow label, or of a fragment's identification) above the
    /// transport checksum: equal for two captures of one frame, whose TTL may differ, and different for most
    /// retransmissions. A hint, never an identity.
    pub fingerprint: u32,
    /// The whole segment or datagram with its header, where the checksum of it can be tested and was not yet; else empty.
    pub untested: &'cap [u8],
    /// It is a datagram on the port of a tunnel, and reads as uTP and as that tunnel:
    /// [`Decoder::inside`] gives what the tunnel carries.
    pub also_tunnel: bool,
}

/// A transport header with its payload.
#[derive(Clone, Copy, Debug)]
pub enum TransportLayer<'cap> {
    /// A TCP segment.
    Tcp(TcpSegment<'cap>),
    /// A UDP datagram.
    Udp(UdpDatagram<'cap>),
}

impl<'cap> TransportLayer<'cap> {
    /// The payload of either.
    #[inline]
    pub fn payload(&self) -> Payload<'cap> {
        match self {
            Self::Tcp(segment) => segment.payload,
            Self::Udp(datagram) => datagram.payload,
        }
    }

    /// The outcome of the checksum test of either.
    #[inline]
    pub fn checksum(&self) -> Checksum {
        match self {
            Self::Tcp(segment) => segment.checksum,
            Self::Udp(datagram) => datagram.checksum,
        }
    }
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
    /// Result of the checksum test; [`Checksum::Unchecked`] unless checking was asked for or the packet was put
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
    /// Set in a SYN that asks for several paths, or agrees to them (RFC 8684).
    pub multipath: bool,
}

/// A UDP datagram (RFC 768).
#[derive(Clone, Copy, Debug)]
pub struct UdpDatagram<'cap> {
    /// The captured prefix of the payload.
    pub payload: Payload<'cap>,
    /// Result of the checksum test; [`Checksum::Unchecked`] unless checking was asked for or the packet was put
    /// together from fragments.
    pub checksum: Checksum,
}

/// The captured prefix of what was sent: a snap length cut is visible, never hidden.
///
/// # Invariants
/// - `bytes.len() <= wire_len`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Payload<'cap> {
    /// The bytes that the capture holds.
    pub bytes: &'cap [u8],
    /// Payload bytes on the wire; `bytes.len() <= wire_len`.
    pub wire_len: u32,
}

/// The outcome of a checksum test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checksum {
    /// Not tested: by policy, or because the capture does not hold the whole packet.
    Unchecked,
    /// Its field holds only the sum of the pseudo header: the sender's network card was to complete it. Among others of a
    /// direction that match, it is as good as wrong.
    Partial,
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
