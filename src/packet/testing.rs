//! Frames built by hand, and a store that leaks, for the tests of this module.

use etherparse::{IpNumber, Ipv4Header, PacketBuilder};

use super::{ChecksumPolicy, DecodeCounts, Decoder, Packet, Store};
use crate::anomaly::{Anomalies, Kind};
use crate::capture::{Frame, LinkType};
use crate::ends::{At, FrameId, Timestamp};
use crate::oddity::Oddity;
use crate::{Error, Limits};

/// Keeps what it is given until the test process ends.
pub(super) struct Leak;

impl<'cap> Store<'cap> for Leak {
    fn store(&self, parts: &[&[u8]]) -> Result<&'cap [u8], Error> {
        Ok(parts.concat().leak())
    }
}

/// Frame `n` of the first file, `n` microseconds into the capture.
pub(super) fn at(n: u64) -> At {
    At { time: Timestamp(n as i64 * 1_000), frame: FrameId::new(0, n.max(1)) }
}

/// A frame whose wire length is its captured length.
pub(super) fn frame<'a>(link: u16, bytes: &'a [u8]) -> Frame<'a> {
    Frame {
        at: at(1),
        link: LinkType(link),
        bytes,
        wire_len: bytes.len() as u32,
        fcs_len: 0,
        interface: 0,
        damaged: false,
    }
}

/// Decodes one frame with a fresh decoder.
pub(super) fn decode(frame: &Frame<'_>) -> Decoded {
    decode_with(ChecksumPolicy::Ignore, frame)
}

/// Decodes one frame with a fresh decoder under `policy`.
pub(super) fn decode_with(policy: ChecksumPolicy, frame: &Frame<'_>) -> Decoded {
    let mut decoder = Decoder::new(policy, &Limits::default());
    let mut anomalies = Anomalies::default();
    let packet = decoder.decode(frame, &Leak, &mut anomalies).expect("the store cannot fail");
    let packet = packet.map(|packet| describe(&decoder, &packet));
    decoder.finish(&mut anomalies);
    Decoded {
        packet,
        anomalies,
        counts: decoder.counts(),
        unread: decoder.unread().into_iter().map(|(name, frames, _)| (name, frames)).collect(),
    }
}

/// `path|source>destination protocol captured/wire`.
pub(super) fn describe(decoder: &Decoder, packet: &Packet<'_>) -> String {
    let payload = packet.transport.payload();
    assert!(payload.bytes.len() <= payload.wire_len as usize);
    format!(
        "{}|{}>{} {:?} {}/{}",
        decoder.path_name(packet.path),
        packet.flow.source(packet.direction),
        packet.flow.destination(packet.direction),
        packet.flow.protocol,
        payload.bytes.len(),
        payload.wire_len
    )
}

/// The outcome of [`decode`].
#[derive(Debug)]
pub(super) struct Decoded {
    pub packet: Option<String>,
    pub anomalies: Anomalies,
    pub counts: DecodeCounts,
    pub unread: Vec<(String, u64)>,
}

impl Decoded {
    /// How often `kind` was noted.
    pub fn count(&self, kind: Kind) -> u64 {
        self.anomalies.tally(kind).map_or(0, |tally| tally.count)
    }

    /// The packet in words, or the reason why there is none.
    pub fn text(&self) -> String {
        self.packet.clone().unwrap_or_else(|| match self.anomalies.iter().next() {
            Some((_, tally)) => match tally.examples[0].oddity {
                Oddity::BadHeader { reason } => reason.0.to_owned(),
                ref other => format!("{other:?}"),
            },
            None => "none".to_owned(),
        })
    }
}

/// An IPv4 packet with a TCP segment from 192.0.2.1:1111 to 192.0.2.2:2222 around `payload`.
pub(super) fn tcp4(payload: &[u8]) -> Vec<u8> {
    let builder = PacketBuilder::ipv4([192, 0, 2, 1], [192, 0, 2, 2], 64).tcp(1111, 2222, 5, 1000).ack(9);
    let mut bytes = Vec::new();
    builder.write(&mut bytes, payload).expect("writing to memory");
    bytes
}

/// An IPv6 packet with a UDP datagram from 2001:db8::1 port 1111 to 2001:db8::2 port 2222 around `payload`.
pub(super) fn udp6(payload: &[u8]) -> Vec<u8> {
    let (mut a, mut b) = ([0; 16], [0; 16]);
    a[..4].copy_from_slice(&[0x20, 1, 0x0d, 0xb8]);
    b[..4].copy_from_slice(&[0x20, 1, 0x0d, 0xb8]);
    (a[15], b[15]) = (1, 2);
    let mut bytes = Vec::new();
    PacketBuilder::ipv6(a, b, 64).udp(1111, 2222).write(&mut bytes, payload).expect("writing to memory");
    bytes
}

/// An IPv4 header from 198.51.100.1 to 198.51.100.2 for `protocol` around `payload`.
pub(super) fn ip4(protocol: u8, payload: &[u8]) -> Vec<u8> {
    let header =
        Ipv4Header::new(payload.len() as u16, 64, IpNumber(protocol), [198, 51, 100, 1], [198, 51, 100, 2]);
    let mut header = header.expect("short");
    header.header_checksum = header.calc_header_checksum();
    let mut bytes = header.to_bytes().to_vec();
    bytes.extend_from_slice(payload);
    bytes
}

/// A UDP datagram in IPv4 from 198.51.100.1 to 198.51.100.2.
pub(super) fn udp4(source: u16, destination: u16, payload: &[u8]) -> Vec<u8> {
    let builder = PacketBuilder::ipv4([198, 51, 100, 1], [198, 51, 100, 2], 64).udp(source, destination);
    let mut bytes = Vec::new();
    builder.write(&mut bytes, payload).expect("writing to memory");
    bytes
}

/// An Ethernet header with `ether_type`, then `payload`.
pub(super) fn ethernet(ether_type: u16, payload: &[u8]) -> Vec<u8> {
    [&[2; 12][..], &ether_type.to_be_bytes(), payload].concat()
}
