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
    let options = segment.bytes.get(TCP_HEADER..length.min(segment.bytes.len())).unwrap_or_default();
    let multipath = header.syn() && asks_for_paths(options);
    let segment = TcpSegment {
        seq: header.sequence_number(),
        ack: header.ack().then(|| header.acknowledgment_number()),
        flags: TcpFlags { syn: header.syn(), fin: header.fin(), rst: header.rst(), multipath },
        payload: payload(rest),
        checksum: Checksum::Unchecked,
    };
    Ok((head, segment))
}

/// Returns true if there is an option of Multipath TCP (RFC 8684) among these.
#[cold]
fn asks_for_paths(mut options: &[u8]) -> bool {
    while let [kind, rest @ ..] = options {
        options = match (*kind, rest) {
            (END_OF_OPTIONS, _) => return false,
            (NO_OPERATION, _) => rest,
            (MULTIPATH, _) => return true,
            (_, [len, ..]) => options.get(usize::from(*len).max(2)..).unwrap_or_default(),
            (_, []) => return false,
        };
    }
    false
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
/// RFC 9293, section 3.1.
const END_OF_OPTIONS: u8 = 0;
/// RFC 9293, section 3.1.
const NO_OPERATION: u8 = 1;
/// RFC 8684, section 3.
const MULTIPATH: u8 = 30;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_for_several_paths_is_found_among_others() {
        let capable = [30, 12, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0];
        let usual = [2, 4, 5, 180, 1, 3, 3, 7, 4, 2];
        assert!(asks_for_paths(&capable));
        assert!(asks_for_paths(&[&usual[..], &capable].concat()));
        assert!(!asks_for_paths(&usual));
        assert!(!asks_for_paths(&[&[0][..], &capable].concat()), "behind the end there is nothing");
        // A length that is none, or that reaches over the end.
        for odd in [&[8, 0, 8][..], &[8, 99], &[8], &[]] {
            assert!(!asks_for_paths(odd));
        }
    }
}
