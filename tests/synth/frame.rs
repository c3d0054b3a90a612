//! Ethernet, IPv4, IPv6, TCP and UDP headers (RFC 791, 8200, 9293, 768) with real checksums.

use std::net::{IpAddr, SocketAddr};

/// The flags of a TCP header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(pub u8);

impl Flags {
    pub const FIN: Self = Self(0x01);
    pub const SYN: Self = Self(0x02);
    pub const RST: Self = Self(0x04);
    pub const PSH: Self = Self(0x08);
    pub const ACK: Self = Self(0x10);

    pub fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl std::ops::BitOr for Flags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// The transport checksum of a frame: right or wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sum {
    Right,
    Wrong,
}

/// A TCP segment with its header.
pub fn tcp(
    from: SocketAddr,
    to: SocketAddr,
    seq: u32,
    ack: u32,
    flags: Flags,
    payload: &[u8],
    sum: Sum,
) -> Vec<u8> {
    // MSS 1,460 and window scale 10, so that no dissector speaks of a full window.
    let options: &[u8] = if flags.has(Flags::SYN) { &[2, 4, 5, 0xb4, 1, 3, 3, 10] } else { &[] };
    let header = 20 + options.len();
    let mut out = Vec::with_capacity(header + payload.len());
    out.extend_from_slice(&from.port().to_be_bytes());
    out.extend_from_slice(&to.port().to_be_bytes());
    out.extend_from_slice(&seq.to_be_bytes());
    out.extend_from_slice(&(if flags.has(Flags::ACK) { ack } else { 0 }).to_be_bytes());
    out.extend_from_slice(&[(header as u8 / 4) << 4, flags.0]);
    out.extend_from_slice(&65_535_u16.to_be_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(options);
    out.extend_from_slice(payload);
    let check = transport_sum(from.ip(), to.ip(), 6, &out);
    set_sum(&mut out, 16, check, sum);
    out
}

/// A UDP datagram with its header.
pub fn udp(from: SocketAddr, to: SocketAddr, payload: &[u8], sum: Sum) -> Vec<u8> {
    let mut out = Vec::with_capacity(8 + payload.len());
    out.extend_from_slice(&from.port().to_be_bytes());
    out.extend_from_slice(&to.port().to_be_bytes());
    out.extend_from_slice(&(8 + payload.len() as u16).to_be_bytes());
    out.extend_from_slice(&[0; 2]);
    out.extend_from_slice(payload);
    let check = match transport_sum(from.ip(), to.ip(), 17, &out) {
        0 => 0xffff,
        check => check,
    };
    set_sum(&mut out, 6, check, sum);
    out
}

/// An IP packet around `body`; `id` is used by IPv4 only. `protocol` is 6 (TCP), 17 (UDP) or any other.
///
/// Above 65,535 bytes `total_length` is 0, as offload leaves it.
pub fn ip(from: IpAddr, to: IpAddr, protocol: u8, id: u16, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(40 + body.len());
    match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            let total = u16::try_from(20 + body.len()).unwrap_or(0);
            out.extend_from_slice(&[0x45, 0]);
            out.extend_from_slice(&total.to_be_bytes());
            out.extend_from_slice(&id.to_be_bytes());
            out.extend_from_slice(&[0x40, 0, 64, protocol, 0, 0]);
            out.extend_from_slice(&from.octets());
            out.extend_from_slice(&to.octets());
            let check = !fold(words(&out));
            out[10..12].copy_from_slice(&check.to_be_bytes());
        }
        (IpAddr::V6(from), IpAddr::V6(to)) => {
            out.extend_from_slice(&[0x60, 0, 0, 0]);
            out.extend_from_slice(&u16::try_from(body.len()).unwrap_or(0).to_be_bytes());
            out.extend_from_slice(&[protocol, 64]);
            out.extend_from_slice(&from.octets());
            out.extend_from_slice(&to.octets());
        }
        _ => panic!("both addresses are of one family"),
    }
    out.extend_from_slice(body);
    out
}

/// An Ethernet frame around an IP packet, padded to 60 bytes as a sender does.
pub fn ethernet(packet: &[u8]) -> Vec<u8> {
    let kind: u16 = if packet[0] >> 4 == 6 { 0x86dd } else { 0x0800 };
    let mut out = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1];
    out.extend_from_slice(&kind.to_be_bytes());
    out.extend_from_slice(packet);
    if out.len() < 60 {
        out.resize(60, 0);
    }
    out
}

fn set_sum(out: &mut [u8], at: usize, check: u16, sum: Sum) {
    let check = match sum {
        Sum::Right => check,
        Sum::Wrong => check ^ 0x5555,
    };
    out[at..at + 2].copy_from_slice(&check.to_be_bytes());
}

/// A whole IPv4 packet without options, with the right checksum of TCP or UDP in place of what offload left.
pub fn summed(packet: &[u8]) -> Vec<u8> {
    let mut out = packet.to_vec();
    let (header, segment) = out.split_at_mut(20);
    let address = |at: usize| IpAddr::from([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    let at = if header[9] == 6 { 16 } else { 6 };
    segment[at..at + 2].copy_from_slice(&[0; 2]);
    let check = transport_sum(address(12), address(16), header[9], segment);
    set_sum(segment, at, check, Sum::Right);
    out
}

fn transport_sum(from: IpAddr, to: IpAddr, protocol: u8, segment: &[u8]) -> u16 {
    let addresses = match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => words(&from.octets()) + words(&to.octets()),
        (IpAddr::V6(from), IpAddr::V6(to)) => words(&from.octets()) + words(&to.octets()),
        _ => panic!("both addresses are of one family"),
    };
    !fold(addresses + u64::from(protocol) + segment.len() as u64 + words(segment))
}

fn words(bytes: &[u8]) -> u64 {
    bytes.chunks(2).map(|pair| u64::from(u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)]))).sum()
}

fn fold(mut sum: u64) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

/// An Ethernet frame with VLAN tags (802.1ad outside, 802.1Q inside), outermost first.
pub fn tagged(packet: &[u8], tags: &[u16]) -> Vec<u8> {
    let plain = ethernet(packet);
    let mut out = plain[..12].to_vec();
    for (index, tag) in tags.iter().enumerate() {
        let kind: u16 = if index + 1 == tags.len() { 0x8100 } else { 0x88a8 };
        out.extend_from_slice(&kind.to_be_bytes());
        out.extend_from_slice(&tag.to_be_bytes());
    }
    out.extend_from_slice(&plain[12..]);
    out
}

/// An IPv4 packet in fragments of at most `size` payload bytes, a multiple of 8 (RFC 791).
pub fn fragments(packet: &[u8], size: usize) -> Vec<Vec<u8>> {
    let (header, body) = packet.split_at(20);
    let last = body.chunks(size).count() - 1;
    body.chunks(size)
        .enumerate()
        .map(|(index, chunk)| {
            let mut out = header.to_vec();
            out[2..4].copy_from_slice(&(20 + chunk.len() as u16).to_be_bytes());
            let more: u16 = if index == last { 0 } else { 0x2000 };
            out[6..8].copy_from_slice(&(more | (index * size / 8) as u16).to_be_bytes());
            out[10..12].copy_from_slice(&[0; 2]);
            let check = !fold(words(&out));
            out[10..12].copy_from_slice(&check.to_be_bytes());
            out.extend_from_slice(chunk);
            out
        })
        .collect()
}
