//! TCP (RFC 9293) and UDP (RFC 768) headers and their checksums.

use std::net::IpAddr;

use etherparse::checksum::Sum16BitWords;
use etherparse::{TcpHeaderSlice, UdpHeaderSlice};

use super::cut::Cut;
use super::{Checksum, Payload, TcpFlags, TcpSegment, UdpDatagram};

/// Ports and the header's own checksum field.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    pub source_port: u16,
    pub destination_port: u16,
    pub checksum: u16,
}

/// Reads a segment; options that the snap length cut off are not missed.
#[inline]
pub(super) fn tcp(segment: Cut<'_>) -> Result<(Head, TcpSegment<'_>), &'static str> {
    let mut fixed: [u8; TCP_HEADER] = segment.array(0).ok_or("a TCP header is cut off")?;
    let [.., offset, _, _, _, _, _, _, _] = &mut fixed;
    let length = usize::from(*offset >> 4) * 4;
    if length < TCP_HEADER {
        return Err("a TCP data offset below the header's length");
    }
    let rest = segment.skip(length).ok_or("a TCP data offset beyond the segment")?;
    // Only the fixed part is read, so that etherparse does not ask for options that were not captured.
    *offset = 5 << 4 | (*offset & 0x0f);
    let header = TcpHeaderSlice::from_slice(&fixed).map_err(|_| "a malformed TCP header")?;
    let head = Head {
        source_port: header.source_port(),
        destination_port: header.destination_port(),
        checksum: header.checksum(),
    };
    let segment = TcpSegment {
        seq: header.sequence_number(),
        ack: header.ack().then(|| header.acknowledgment_number()),
        flags: TcpFlags { syn: header.syn(), fin: header.fin(), rst: header.rst() },
        payload: payload(rest),
        checksum: Checksum::Unchecked,
    };
    Ok((head, segment))
}

/// Reads a datagram; gives the part of `cut` that its own length covers, too.
#[inline]
pub(super) fn udp(cut: Cut<'_>) -> Result<(Head, Cut<'_>, UdpDatagram<'_>), &'static str> {
    let header = UdpHeaderSlice::from_slice(cut.bytes).map_err(|_| "a UDP header is cut off")?;
    let datagram = match usize::from(header.length()) {
        // RFC 2675, section 4, and offload: the IP header's length counts.
        0 => cut,
        length if length < UDP_HEADER => return Err("a UDP length below its header's"),
        length if length > cut.wire => return Err("a UDP length beyond the IP packet's"),
        length => cut.trim(length),
    };
    let head = Head {
        source_port: header.source_port(),
        destination_port: header.destination_port(),
        checksum: header.checksum(),
    };
    let rest = datagram.skip(UDP_HEADER).ok_or("a UDP header longer than its packet")?;
    Ok((head, datagram, UdpDatagram { payload: payload(rest), checksum: Checksum::Unchecked }))
}

#[inline]
fn payload(cut: Cut<'_>) -> Payload<'_> {
    // A length on the wire is below 2^32: it comes from a 32-bit frame length or a 16-bit header field.
    Payload { bytes: cut.bytes, wire_len: u32::try_from(cut.wire).unwrap_or(u32::MAX) }
}

/// Tests the checksum of `segment`, whose header holds `stated`.
///
/// [`Checksum::Unchecked`] when it was not completely captured, or when UDP does without.
pub(super) fn checksum(
    source: IpAddr,
    destination: IpAddr,
    protocol: u8,
    segment: Cut<'_>,
    stated: u16,
) -> Checksum {
    let Ok(length) = u16::try_from(segment.wire) else { return Checksum::Unchecked };
    if segment.bytes.len() != segment.wire || (protocol == UDP && stated == 0) {
        return Checksum::Unchecked;
    }
    let addresses = match (source, destination) {
        (IpAddr::V4(a), IpAddr::V4(b)) => Sum16BitWords::new().add_4bytes(a.octets()).add_4bytes(b.octets()),
        (IpAddr::V6(a), IpAddr::V6(b)) => Sum16BitWords::new().add_16bytes(a.octets()).add_16bytes(b.octets()),
        _ => return Checksum::Unchecked,
    };
    let without_length = addresses.add_2bytes([0, protocol]);
    let pseudo = without_length.clone().add_2bytes(length.to_be_bytes());
    if pseudo.clone().add_slice(segment.bytes).ones_complement() == 0 {
        return Checksum::Good;
    }
    let partial = |sum: Sum16BitWords| !sum.ones_complement().to_be() == stated;
    if partial(pseudo) || partial(without_length) { Checksum::Partial } else { Checksum::Bad }
}

pub(super) const TCP: u8 = 6;
pub(super) const UDP: u8 = 17;
const TCP_HEADER: usize = 20;
const UDP_HEADER: usize = 8;
