//! IPv4 (RFC 791) and IPv6 (RFC 8200) headers with their extension headers.
//!
//! Header by header with etherparse's header slices rather than its lax whole-packet slices: those forget how many
//! bytes were on the wire when the snap length cut the payload, which is a figure of the report.

use std::net::IpAddr;

use etherparse::{
    IpAuthHeaderSlice, Ipv4HeaderSlice, Ipv6FragmentHeaderSlice, Ipv6HeaderSlice, Ipv6RawExtHeaderSlice,
};

use super::Checksum;
use super::cut::Cut;

/// An IP packet without its headers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Datagram<'a> {
    pub source: IpAddr,
    pub destination: IpAddr,
    /// IPv4 identification, or the low bits of the IPv6 flow label.
    pub ident: u16,
    /// The protocol of [`Upper::payload`], and its place if it is a fragment.
    pub upper: Upper<'a>,
    /// The header states the length; `false` for offload giants, whose length and checksum are not final.
    pub exact: bool,
    /// Bytes that its header states beyond the end of what it lies in.
    pub beyond: usize,
    /// The outcome of the test of the checksum of its header (IPv4).
    pub header: Checksum,
}

/// The layer around an IP packet, which decides what a stated length beyond its end means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Within {
    /// A frame of the capture, of which some programs keep the start and forget the length: a cut. Where the header
    /// states no length, the frame check sequence of `trailer` bytes at its end is left out; where it does, that is
    /// believed rather than an interface which states a frame check sequence that is not there.
    Frame { trailer: usize },
    /// A tunnel of frames, which a mirror may have cut before it sent them on: a cut, if the header is sound.
    Mirror,
    /// A tunnel of packets, whose own header vouches for the length: an error.
    Tunnel,
}

/// The packet behind the IP header and its extensions.
#[derive(Clone, Copy, Debug)]
pub(super) struct Upper<'a> {
    /// IANA protocol number of `payload`.
    pub protocol: u8,
    pub payload: Cut<'a>,
    /// Set for a fragment; `payload` is then a part of the datagram.
    pub fragment: Option<Place>,
    /// A routing header is in force: the destination in the checksum is another one.
    pub routed: bool,
}

/// The place of a fragment in its datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub id: u32,
    /// In bytes, a multiple of 8.
    pub offset: usize,
    /// True if further fragments follow (the flag MF).
    pub more: bool,
}

/// Reads an IP packet of either version; what lies behind its stated length is left out.
#[inline]
pub(super) fn datagram(cut: Cut<'_>, within: Within) -> Result<Datagram<'_>, &'static str> {
    match cut.u8(0).map(|byte| byte >> 4) {
        Some(4) => ipv4(cut, within),
        Some(6) => ipv6(cut, within),
        Some(_) => Err("neither IPv4 nor IPv6"),
        None => Err("an IP header is cut off"),
    }
}

#[inline]
fn ipv4(cut: Cut<'_>, within: Within) -> Result<Datagram<'_>, &'static str> {
    let header = Ipv4HeaderSlice::from_slice(cut.bytes).map_err(|_| "an IPv4 header is cut off or malformed")?;
    let header_len = header.slice().len();
    let total = usize::from(header.total_len());
    let exact = total != 0;
    let body = cut.skip(header_len).ok_or("an IPv4 header longer than its frame")?;
    let (body, beyond) = if exact {
        let length = total.checked_sub(header_len).ok_or("an IPv4 total length below its header's")?;
        stated(body, length, within, || is_sound(&header)).ok_or("an IPv4 total length beyond the tunnel's")?
    } else {
        (unstated(body, within), 0)
    };
    let protocol = header.protocol().0;
    let upper = if header.is_fragmenting_payload() {
        let offset = usize::from(header.fragments_offset().value()) * 8;
        let place = Place { id: u32::from(header.identification()), offset, more: header.more_fragments() };
        Upper { protocol, payload: body, fragment: Some(place), routed: false }
    } else if protocol != AUTHENTICATION {
        Upper { protocol, payload: body, fragment: None, routed: false }
    } else {
        extensions(protocol, body, false)?
    };
    Ok(Datagram {
        source: IpAddr::V4(header.source_addr()),
        destination: IpAddr::V4(header.destination_addr()),
        ident: header.identification(),
        upper,
        exact,
        beyond,
        header: tested(&header),
    })
}

#[inline]
fn ipv6(cut: Cut<'_>, within: Within) -> Result<Datagram<'_>, &'static str> {
    let header = Ipv6HeaderSlice::from_slice(cut.bytes).map_err(|_| "an IPv6 header is cut off or malformed")?;
    let length = usize::from(header.payload_length());
    let body = cut.skip(IPV6_HEADER).ok_or("an IPv6 header longer than its frame")?;
    // RFC 2675 and offload: zero means a length that does not fit.
    let exact = length != 0;
    let (body, beyond) = if exact {
        stated(body, length, within, || true).ok_or("an IPv6 payload length beyond the tunnel's")?
    } else {
        (unstated(body, within), 0)
    };
    Ok(Datagram {
        source: IpAddr::V6(header.source_addr()),
        destination: IpAddr::V6(header.destination_addr()),
        ident: (header.flow_label().value() & 0xffff) as u16,
        upper: extensions(header.next_header().0, body, true)?,
        exact,
        beyond,
        header: Checksum::Unchecked,
    })
}

/// `body` where its header states no length: all but a trailer.
fn unstated(body: Cut<'_>, within: Within) -> Cut<'_> {
    match within {
        Within::Frame { trailer } => body.trim(body.wire.saturating_sub(trailer)),
        Within::Mirror | Within::Tunnel => body,
    }
}

/// `body` with the length that its header states, and how much of that lies beyond what it stands in.
#[inline]
fn stated(
    body: Cut<'_>,
    length: usize,
    within: Within,
    is_sound: impl FnOnce() -> bool,
) -> Option<(Cut<'_>, usize)> {
    if length <= body.wire {
        return Some((body.trim(length), 0));
    }
    let is_cut = matches!(within, Within::Frame { .. }) || (within == Within::Mirror && is_sound());
    is_cut.then(|| (Cut { bytes: body.bytes, wire: length }, length - body.wire))
}

/// Returns true if the checksum of the header itself matches.
fn is_sound(header: &Ipv4HeaderSlice<'_>) -> bool {
    etherparse::checksum::Sum16BitWords::new().add_slice(header.slice()).ones_complement() == 0
}

/// The result of the header's checksum; [`Checksum::Unchecked`] where offload left zero.
#[inline]
fn tested(header: &Ipv4HeaderSlice<'_>) -> Checksum {
    match is_sound(header) {
        true => Checksum::Good,
        false if header.header_checksum() == 0 => Checksum::Unchecked,
        false => Checksum::Bad,
    }
}

/// Walks extension headers from protocol number `next` on; IPv4 knows only the authentication header.
#[inline]
pub(super) fn extensions(next: u8, body: Cut<'_>, ipv6: bool) -> Result<Upper<'_>, &'static str> {
    let mut upper = Upper { protocol: next, payload: body, fragment: None, routed: false };
    // Each is at least 8 bytes long, so that the packet bounds their number.
    loop {
        let bytes = upper.payload.bytes;
        let (next, length) = match (upper.protocol, ipv6) {
            (HOP_BY_HOP | ROUTING | DESTINATION | MOBILITY | HIP | SHIM6, true) => {
                let header = Ipv6RawExtHeaderSlice::from_slice(bytes).map_err(|_| CUT_EXTENSION)?;
                if upper.protocol == ROUTING {
                    upper.routed |= header.slice().get(3).is_some_and(|&segments_left| segments_left != 0);
                }
                (header.next_header().0, header.slice().len())
            }
            (AUTHENTICATION, _) => {
                let header = IpAuthHeaderSlice::from_slice(bytes).map_err(|_| CUT_EXTENSION)?;
                (header.next_header().0, header.slice().len())
            }
            (FRAGMENT, true) => {
                let header = Ipv6FragmentHeaderSlice::from_slice(bytes).map_err(|_| CUT_EXTENSION)?;
                let offset = usize::from(header.fragment_offset().value()) * 8;
                let place = Place { id: header.identification(), offset, more: header.more_fragments() };
                let payload = upper.payload.skip(FRAGMENT_HEADER).ok_or(LONG_EXTENSION)?;
                // RFC 6946: an atomic fragment is a whole datagram.
                if header.is_fragmenting_payload() {
                    let protocol = header.next_header().0;
                    return Ok(Upper { protocol, payload, fragment: Some(place), ..upper });
                }
                (header.next_header().0, FRAGMENT_HEADER)
            }
            _ => return Ok(upper),
        };
        upper.protocol = next;
        upper.payload = upper.payload.skip(length).ok_or(LONG_EXTENSION)?;
    }
}

/// Tests `cut` for a complete IP header that fits what was sent: asked where a tunnel is a guess.
pub(super) fn is_plausible(cut: Cut<'_>) -> bool {
    is_plausible_within(cut, Within::Tunnel)
}

/// As [`is_plausible`], in a tunnel of frames, which a mirror may have cut: a header that is sound may state more.
pub(super) fn is_plausible_in_frame(cut: Cut<'_>) -> bool {
    is_plausible_within(cut, Within::Mirror)
}

fn is_plausible_within(cut: Cut<'_>, within: Within) -> bool {
    let may_be_cut = within == Within::Mirror;
    match cut.u8(0).map(|byte| byte >> 4) {
        Some(4) => Ipv4HeaderSlice::from_slice(cut.bytes).is_ok_and(|header| {
            let (header_len, total) = (header.slice().len(), usize::from(header.total_len()));
            let sound = is_sound(&header);
            // Offload may leave the checksum zero.
            let fits = total <= cut.wire && (sound || header.header_checksum() == 0);
            total >= header_len && (fits || (may_be_cut && sound))
        }),
        Some(6) => Ipv6HeaderSlice::from_slice(cut.bytes).is_ok_and(|header| {
            let length = usize::from(header.payload_length());
            (length != 0 || header.next_header().0 == NO_NEXT_HEADER)
                && (IPV6_HEADER + length <= cut.wire || may_be_cut)
                && is_known(header.next_header().0)
        }),
        _ => false,
    }
}

fn is_known(next: u8) -> bool {
    matches!(
        next,
        HOP_BY_HOP | 4 | 6 | 17 | 41 | ROUTING | FRAGMENT | 47 | 50 | AUTHENTICATION | 58 | 59 | DESTINATION
    )
}

const IPV6_HEADER: usize = 40;
const FRAGMENT_HEADER: usize = 8;
const CUT_EXTENSION: &str = "an IP extension header is cut off or malformed";
const LONG_EXTENSION: &str = "an IP extension header longer than its packet";

const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const AUTHENTICATION: u8 = 51;
const NO_NEXT_HEADER: u8 = 59;
const DESTINATION: u8 = 60;
const MOBILITY: u8 = 135;
const HIP: u8 = 139;
const SHIM6: u8 = 140;

#[cfg(test)]
mod tests {
    use crate::anomaly::Kind;
    use crate::capture::Frame;
    use crate::packet::testing::{decode, frame, ip4, tcp4, udp6};

    const UDP: &str = "|[2001:db8::1]:1111>[2001:db8::2]:2222 Udp 5/5";

    /// `udp6` with `headers` between IPv6 and UDP, of which the first has number `first`.
    fn extended(first: u8, headers: &[u8]) -> Vec<u8> {
        let mut bytes = udp6(b"hello");
        let udp = bytes.split_off(40);
        bytes[6] = first;
        bytes[4..6].copy_from_slice(&((headers.len() + udp.len()) as u16).to_be_bytes());
        [&bytes, headers, &udp].concat()
    }

    #[test]
    fn extension_headers_are_walked() {
        let hop = [60, 0, 0, 0, 0, 0, 0, 0];
        let destination = [43, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let routing = [51, 0, 4, 0, 0, 0, 0, 0];
        let authentication = [44, 4, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let atomic_fragment = [17, 0, 0, 0, 0, 0, 0, 1];
        let headers = [&hop[..], &destination, &routing, &authentication, &atomic_fragment].concat();
        assert_eq!(decode(&frame(101, &extended(0, &headers))).text(), UDP);
        let mut many = [60, 0, 0, 0, 0, 0, 0, 0].repeat(100);
        assert_eq!(decode(&frame(101, &extended(60, &many))).count(Kind::BadHeader), 1, "it does not end");
        let last = many.len() - 8;
        many[last] = 17;
        assert_eq!(decode(&frame(101, &extended(60, &many))).text(), UDP);
    }

    #[test]
    fn an_authentication_header_is_walked_in_ipv4_too() {
        let tcp = tcp4(b"hello").split_off(20);
        let header = [6, 4, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let text = decode(&frame(101, &ip4(51, &[&header[..], &tcp].concat()))).text().to_owned();
        assert_eq!(text, "|198.51.100.1:1111>198.51.100.2:2222 Tcp 5/5");
    }

    #[test]
    fn offload_giants_go_by_the_length_of_the_frame() {
        let mut giant = tcp4(&vec![7; 60_000]);
        giant[2..4].copy_from_slice(&[0, 0]);
        giant.extend(vec![7; 10_000]);
        assert_eq!(decode(&frame(101, &giant)).text(), "|192.0.2.1:1111>192.0.2.2:2222 Tcp 70000/70000");
        let mut giant = udp6(b"hello");
        giant[4..6].copy_from_slice(&[0, 0]);
        assert_eq!(decode(&frame(101, &giant)).text(), UDP);
    }

    #[test]
    fn the_length_on_the_wire_survives_the_snap_length() {
        let whole = tcp4(&[7; 1_400]);
        let cut = Frame { wire_len: whole.len() as u32, ..frame(101, &whole[..96]) };
        let outcome = decode(&cut);
        assert_eq!(outcome.text(), "|192.0.2.1:1111>192.0.2.2:2222 Tcp 56/1400");
        assert_eq!(outcome.anomalies.tally(Kind::Snaplen).map(|tally| tally.amount), Some(1_344));
    }

    #[test]
    fn lengths_that_contradict_each_other_are_bad_headers() {
        let faults: [fn(&mut Vec<u8>); 5] = [
            |bytes| bytes[0] = 0x44,
            |bytes| bytes[0] = 0x54,
            |bytes| bytes[3] = 19,
            |bytes| bytes[32] = 0x40,
            |bytes| bytes[32] = 0xf0,
        ];
        for fault in faults {
            let mut bytes = tcp4(b"hello");
            fault(&mut bytes);
            let outcome = decode(&frame(101, &bytes));
            assert!(outcome.packet.is_none() && outcome.count(Kind::BadHeader) == 1, "{}", outcome.text());
        }
    }
}
