//! Tunnels over UDP.
//!
//! A port is a guess, as any uTP peer may use it. So a datagram is a tunnel only where a complete inner IP header
//! fits in it, or is sound where a mirror may have cut the frame around it; and where the datagram reads as uTP
//! too, it is both, unless the user names the port: a peer that shapes its payload as a tunnel must not hide what
//! it sends. The addresses inside a tunnel are those that the sender of the datagram wrote there, which the path
//! says.

use std::net::Ipv6Addr;

use super::ports::{Ports, TunnelFormat};
use super::{Inner, Tunnel, UdpKind, gre, l2tp_v3};
use crate::packet::cut::Cut;
use crate::packet::ip::{is_plausible, is_plausible_in_frame};
use crate::packet::link::{
    LINK_AVS, LINK_ETHERNET, LINK_IEEE802_11, LINK_PRISM, Layer, Network, descend, ethernet_holds_ip, mpls_holds_ip,
};

/// How a datagram reads.
#[derive(Clone, Copy, Debug)]
pub(in crate::packet) enum Reading<'a> {
    /// As no tunnel.
    Datagram,
    /// As a tunnel.
    Tunnel(Inner<'a>),
    /// As a uTP packet, and as a tunnel on the port of that tunnel.
    Either(Inner<'a>),
}

/// Reads the payload of a datagram between two ports.
#[inline]
pub(in crate::packet) fn read<'a>(ports: &Ports, source: u16, destination: u16, cut: Cut<'a>) -> Reading<'a> {
    match ports.format(source, destination) {
        Some((format, named)) => known(format, named, cut),
        // Teredo clients speak to each other from any port: told by an address in 2001::/32.
        None if cut.u8(0).is_some_and(|byte| byte >> 4 == 6) => {
            teredo_between_clients(cut).map_or(Reading::Datagram, Reading::Tunnel)
        }
        None => Reading::Datagram,
    }
}

#[cold]
fn known(format: TunnelFormat, named: bool, cut: Cut<'_>) -> Reading<'_> {
    let found = match format {
        TunnelFormat::Vxlan => vxlan(cut),
        TunnelFormat::Geneve => geneve(cut),
        TunnelFormat::GtpU => gtp_u(cut),
        TunnelFormat::Teredo => teredo(cut),
        TunnelFormat::L2tp => l2tp(cut),
        TunnelFormat::Gre => gre_over_udp(cut),
        TunnelFormat::Mpls => mpls_holds_ip(cut).then_some((UdpKind::Mpls, Layer::Mpls, cut)),
        TunnelFormat::Gue => gue(cut),
        TunnelFormat::Tzsp => tzsp(cut),
        TunnelFormat::Capwap => capwap(cut),
        TunnelFormat::Lisp => lisp(cut),
        TunnelFormat::Ip => is_plausible(cut).then_some((UdpKind::Ip, Layer::Ip, cut)),
        TunnelFormat::None => return Reading::Datagram,
    };
    match found.map(over_udp).or_else(|| teredo_between_clients(cut)) {
        Some(inner) if !named && reads_as_utp(cut) => Reading::Either(inner),
        Some(inner) => Reading::Tunnel(inner),
        None => Reading::Datagram,
    }
}

fn over_udp((kind, layer, cut): (UdpKind, Layer, Cut<'_>)) -> Inner<'_> {
    (Tunnel::Udp(kind), layer, cut)
}

/// BEP 29: version 1, a known type, and a chain of extensions that the datagram holds.
fn reads_as_utp(cut: Cut<'_>) -> bool {
    let Some([first, mut extension]) = cut.array(0) else { return false };
    if first & 0x0f != 1 || first >> 4 > UTP_SYN || cut.wire < UTP_HEADER {
        return false;
    }
    let mut rest = cut.skip(UTP_HEADER);
    while extension != 0 {
        let head = rest.map(|rest| (rest, rest.array::<2>(0)));
        // Not captured, so nothing speaks against it.
        let Some((here, Some([next, length]))) = head else { return rest.is_some_and(|rest| rest.wire >= 2) };
        (extension, rest) = (next, here.skip(2 + usize::from(length)));
    }
    rest.is_some()
}

type Found<'a> = Option<(UdpKind, Layer, Cut<'a>)>;

fn teredo_between_clients(cut: Cut<'_>) -> Option<Inner<'_>> {
    let length = usize::from(cut.u16(4)?);
    let is_teredo = |at| cut.array(at).is_some_and(|bytes: [u8; 16]| in_teredo(Ipv6Addr::from(bytes)));
    (cut.u8(0)? >> 4 == 6 && length + 40 == cut.wire && is_plausible(cut) && (is_teredo(8) || is_teredo(24)))
        .then_some((Tunnel::Udp(UdpKind::Teredo), Layer::Ip, cut))
}

fn in_teredo(address: Ipv6Addr) -> bool {
    matches!(address.segments(), [0x2001, 0, ..])
}

/// RFC 4380, section 5.1.1: an authentication and an origin indication may come first, in this order.
fn teredo(cut: Cut<'_>) -> Found<'_> {
    let mut rest = cut;
    if rest.u16(0)? == 1 {
        let [id_len, auth_len] = rest.array(2)?;
        rest = rest.skip(4 + usize::from(id_len) + usize::from(auth_len) + 9)?;
    }
    if rest.u16(0)? == 0 {
        rest = rest.skip(8)?;
    }
    (rest.u8(0)? >> 4 == 6 && is_plausible(rest)).then_some((UdpKind::Teredo, Layer::Ip, rest))
}

fn vxlan(cut: Cut<'_>) -> Found<'_> {
    let (flags, vni) = (cut.u8(0)?, cut.u32(4)?);
    let rest = cut.skip(8)?;
    if flags & VXLAN_HAS_VNI == 0 || vni & 0xff != 0 {
        return None;
    }
    let layer = match (flags & VXLAN_HAS_NEXT != 0, cut.u8(3)?) {
        (true, 1 | 2) if is_plausible(rest) => Layer::Ip,
        (true, 3) | (false, _) if ethernet_holds_ip(rest) => Layer::Ethernet,
        _ => return None,
    };
    Some((UdpKind::Vxlan(vni >> 8), layer, rest))
}

fn geneve(cut: Cut<'_>) -> Found<'_> {
    let (first, protocol, vni) = (cut.u8(0)?, cut.u16(2)?, cut.u32(4)?);
    if first >> 6 != 0 || vni & 0xff != 0 {
        return None;
    }
    let rest = cut.skip(8 + usize::from(first & 0x3f) * 4)?;
    let layer = match protocol {
        0x6558 if ethernet_holds_ip(rest) => Layer::Ethernet,
        0x0800 | 0x86dd if is_plausible(rest) => Layer::Ip,
        _ => return None,
    };
    Some((UdpKind::Geneve(vni >> 8), layer, rest))
}

/// 3GPP TS 29.281, section 5: version 1, G-PDU, optional fields and extension headers.
fn gtp_u(cut: Cut<'_>) -> Found<'_> {
    let [flags, kind] = cut.array(0)?;
    let length = usize::from(cut.u16(2)?);
    if flags & 0xf0 != 0x30 || kind != GTP_G_PDU || length + 8 > cut.wire {
        return None;
    }
    let mut rest = cut.skip(8)?.trim(length);
    if flags & 0x07 != 0 {
        let mut next = if flags & 0x04 != 0 { rest.u8(3)? } else { 0 };
        rest = rest.skip(4)?;
        for _ in 0..MAX_EXTENSIONS {
            if next == 0 {
                break;
            }
            let size = usize::from(rest.u8(0)?) * 4;
            next = rest.u8(size.checked_sub(1)?)?;
            rest = rest.skip(size)?;
        }
    }
    is_plausible(rest).then_some((UdpKind::GtpU, Layer::Ip, rest))
}

/// Both versions share a port; the low four bits of the second byte tell them apart.
fn l2tp(cut: Cut<'_>) -> Found<'_> {
    let flags = cut.u16(0)?;
    match flags & (L2TP_CONTROL | L2TP_VERSION) {
        2 => l2tp_v2(flags, cut),
        // RFC 3931, section 4.1.2.1: the rest of the first four bytes is reserved.
        3 => l2tp_v3(cut.skip(4)?).map(|(_, layer, rest)| (UdpKind::L2tpV3, layer, rest)),
        _ => None,
    }
}

/// RFC 2661, section 3.1: a data message with any of its optional fields around PPP.
fn l2tp_v2(flags: u16, cut: Cut<'_>) -> Found<'_> {
    let mut length = 6;
    if flags & L2TP_LENGTH != 0 {
        length += 2;
    }
    if flags & L2TP_SEQUENCE != 0 {
        length += 4;
    }
    if flags & L2TP_OFFSET != 0 {
        length += 2 + usize::from(cut.u16(length)?);
    }
    let ppp = cut.skip(length)?;
    let address = if ppp.u16(0)? == 0xff03 { 2 } else { 0 };
    let protocol = if ppp.u8(address)? & 1 == 1 { 1 } else { 2 };
    let fits = is_plausible(ppp.skip(address + protocol)?);
    fits.then_some((UdpKind::L2tpV2, Layer::Ppp, ppp))
}

/// RFC 8086: version 0 without reserved bits, around IP or Ethernet.
fn gre_over_udp(cut: Cut<'_>) -> Found<'_> {
    if cut.u16(0)? & GRE_RESERVED != 0 {
        return None;
    }
    let (_, layer, rest) = gre(cut)??;
    let fits = match layer {
        Layer::EtherType(0x0800 | 0x86dd) => is_plausible(rest),
        Layer::EtherType(0x6558) | Layer::Ethernet => ethernet_holds_ip(rest),
        Layer::EtherType(0x8847 | 0x8848) => mpls_holds_ip(rest),
        _ => false,
    };
    fits.then_some((UdpKind::Gre, layer, rest))
}

/// Version 0 is a data message with optional fields; version 1 is an IP header, whose version begins with these bits.
fn gue(cut: Cut<'_>) -> Found<'_> {
    let first = cut.u8(0)?;
    if first >> 6 == 1 {
        return is_plausible(cut).then_some((UdpKind::Gue, Layer::Ip, cut));
    }
    if first & GUE_NO_DATA != 0 {
        return None;
    }
    let rest = cut.skip(4 + usize::from(first & 0x1f) * 4)?;
    let layer = match cut.u8(1)? {
        4 | 41 if is_plausible(rest) => Layer::Ip,
        137 if mpls_holds_ip(rest) => Layer::Mpls,
        143 if ethernet_holds_ip(rest) => Layer::Ethernet,
        _ => return None,
    };
    Some((UdpKind::Gue, layer, rest))
}

/// A packet that was received, behind tagged fields; <https://www.wireshark.org/docs/dfref/t/tzsp.html>.
fn tzsp(cut: Cut<'_>) -> Found<'_> {
    let [version, kind] = cut.array(0)?;
    if version != 1 || kind != TZSP_RECEIVED {
        return None;
    }
    let mut rest = cut.skip(4)?;
    let mut damaged = false;
    for _ in 0..MAX_TAGS {
        match rest.u8(0)? {
            TZSP_END => {
                let (link, rest) = (tzsp_link(cut.u16(2)?)?, rest.skip(1)?);
                let layer = if damaged { Layer::DamagedLink(link) } else { Layer::Link(link) };
                let holds_ip =
                    matches!(descend(layer, rest).0, Network::Ip(packet) if is_plausible_in_frame(packet));
                return holds_ip.then_some((UdpKind::Tzsp, layer, rest));
            }
            TZSP_PADDING => rest = rest.skip(1)?,
            tag => {
                let [length, value] = rest.array(1)?;
                damaged |= tag == TZSP_FCS_ERROR && length > 0 && value != 0;
                rest = rest.skip(2 + usize::from(length))?;
            }
        }
    }
    None
}

/// RFC 5415, section 4.3: version 0, not encrypted, no fragment, around a frame of 802.3 or of its radio.
fn capwap(cut: Cut<'_>) -> Found<'_> {
    let header = cut.u32(0)?;
    let length = (header >> 19 & 0x1f) as usize * 4;
    if header >> 24 != 0 || header & (CAPWAP_FRAGMENT | CAPWAP_KEEP_ALIVE) != 0 || length < 8 {
        return None;
    }
    let native = header & CAPWAP_NATIVE != 0;
    let layer = Layer::Link(if native { LINK_IEEE802_11 } else { LINK_ETHERNET });
    let rest = cut.skip(length)?;
    let holds_ip = matches!(descend(layer, rest).0, Network::Ip(packet) if is_plausible_in_frame(packet));
    holds_ip.then_some((UdpKind::Capwap, layer, rest))
}

/// RFC 9300, section 5.3: eight bytes, then a packet.
fn lisp(cut: Cut<'_>) -> Found<'_> {
    let rest = cut.skip(8)?;
    is_plausible(rest).then_some((UdpKind::Lisp, Layer::Ip, rest))
}

/// The link type of a protocol number of TZSP.
fn tzsp_link(protocol: u16) -> Option<u16> {
    Some(match protocol {
        1 => LINK_ETHERNET,
        18 => LINK_IEEE802_11,
        119 => LINK_PRISM,
        127 => LINK_AVS,
        _ => return None,
    })
}

const CAPWAP_NATIVE: u32 = 0x100;
const CAPWAP_FRAGMENT: u32 = 0x80;
const CAPWAP_KEEP_ALIVE: u32 = 0x08;
const GUE_NO_DATA: u8 = 0xa0;
const TZSP_RECEIVED: u8 = 0;
const TZSP_PADDING: u8 = 0;
const TZSP_END: u8 = 1;
const TZSP_FCS_ERROR: u8 = 17;
// Rationale: a dozen tags are defined, and each is sent once.
const MAX_TAGS: usize = 64;
const UTP_SYN: u8 = 4;
const UTP_HEADER: usize = 20;
const L2TP_CONTROL: u16 = 0x8000;
const L2TP_LENGTH: u16 = 0x4000;
const L2TP_SEQUENCE: u16 = 0x0800;
const L2TP_OFFSET: u16 = 0x0200;
const L2TP_VERSION: u16 = 0x000f;
const GTP_G_PDU: u8 = 255;
const GRE_RESERVED: u16 = 0x4fff;
const VXLAN_HAS_VNI: u8 = 0x08;
const VXLAN_HAS_NEXT: u8 = 0x04;
// Rationale: 3GPP defines a handful of GTP-U extension headers.
const MAX_EXTENSIONS: usize = 8;

#[cfg(test)]
mod tests {
    use crate::Limits;
    use crate::anomaly::{Anomalies, Kind};
    use crate::oddity::Oddity;
    use crate::packet::testing::{Leak, decode, describe, ethernet, frame, tcp4, udp4, udp6};
    use crate::packet::{ChecksumPolicy, Decoder, UdpTunnel};

    const TCP: &str = " 198.51.100.1 -> 198.51.100.2|192.0.2.1:1111>192.0.2.2:2222 Tcp 5/5";
    const UDP: &str = " 198.51.100.1 -> 198.51.100.2|[2001:db8::1]:1111>[2001:db8::2]:2222 Udp 5/5";

    fn over_udp(port: u16, header: &[u8], inner: &[u8]) -> String {
        decode(&frame(101, &udp4(9999, port, &[header, inner].concat()))).text().to_owned()
    }

    /// Decodes `inner` behind `header` in a datagram to `port`, with `tunnels` that the user names.
    fn named(tunnels: &[&str], port: u16, header: &[u8], inner: &[u8]) -> String {
        let tunnels: Vec<UdpTunnel> = tunnels.iter().map(|text| text.parse().expect("an option")).collect();
        let mut decoder = Decoder::new(ChecksumPolicy::Ignore, &Limits::default()).with_tunnels(&tunnels);
        let datagram = udp4(9999, port, &[header, inner].concat());
        let packet = decoder.decode(&frame(101, &datagram), &Leak, &mut Anomalies::default());
        describe(&decoder, &packet.expect("the store cannot fail").expect("a packet"))
    }

    fn tcp() -> Vec<u8> {
        tcp4(b"hello")
    }

    fn bridged() -> Vec<u8> {
        ethernet(0x0800, &tcp())
    }

    #[test]
    fn udp_tunnels_are_read_where_a_whole_packet_fits() {
        let vxlan = [8, 0, 0, 0, 0, 0, 5, 0];
        assert_eq!(over_udp(4789, &vxlan, &bridged()), format!("VXLAN 5 over UDP{TCP}"));
        assert_eq!(over_udp(8472, &vxlan, &ethernet(0x86dd, &udp6(b"hello"))), format!("VXLAN 5 over UDP{UDP}"));
        let geneve = [2, 0, 0x65, 0x58, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(over_udp(6081, &geneve, &bridged()), format!("Geneve 6 over UDP{TCP}"));
        let gtp = |flags: u8, extra: &[u8]| {
            let length = (tcp().len() + extra.len()) as u8;
            [&[flags, 255, 0, length, 0, 0, 0, 9][..], extra].concat()
        };
        assert_eq!(over_udp(2152, &gtp(0x30, &[]), &tcp()), format!("GTP-U over UDP{TCP}"));
        assert_eq!(
            over_udp(2152, &gtp(0x34, &[0, 0, 0, 0x85, 1, 0, 0, 0]), &tcp()),
            format!("GTP-U over UDP{TCP}")
        );
    }

    #[test]
    fn l2tp_sessions_are_read_with_any_of_their_options() {
        assert_eq!(over_udp(1701, &[0, 2, 0, 1, 0, 1, 0xff, 3, 0, 0x21], &tcp()), format!("L2TP over UDP{TCP}"));
        let all = [0x4a, 2, 0, 0, 0, 1, 0, 1, 0, 1, 0, 1, 0, 2, 9, 9, 0, 0x57];
        assert_eq!(over_udp(1701, &all, &udp6(b"hello")), format!("L2TP over UDP{UDP}"));
    }

    #[test]
    fn capwap_and_lisp_are_read_around_whole_packets_and_nothing_else_is() {
        let air = [&[0x08, 0x02][..], &[0; 22], &[0xaa, 0xaa, 3, 0, 0, 0, 8, 0], &tcp()].concat();
        assert_eq!(over_udp(5247, &[0, 0x10, 3, 0, 0, 0, 0, 0], &air), format!("CAPWAP over UDP{TCP}"));
        assert_eq!(over_udp(5247, &[0, 0x10, 2, 0, 0, 0, 0, 0], &bridged()), format!("CAPWAP over UDP{TCP}"));
        let radio = [0, 0x20, 3, 0x10, 0, 0, 0, 0, 6, 2, 0, 0, 0, 0, 0, 1];
        assert_eq!(over_udp(5247, &radio, &air), format!("CAPWAP over UDP{TCP}"));
        for header in [[1, 0, 0, 0, 0, 0, 0, 0], [0, 0x10, 2, 0x80, 0, 0, 0, 0], [0, 0x08, 2, 0, 0, 0, 0, 0]] {
            assert!(over_udp(5247, &header, &bridged()).starts_with("|198.51.100.1:9999>"), "{header:?}");
        }
        assert_eq!(over_udp(4341, &[0xc0, 1, 2, 3, 0, 0, 0, 1], &tcp()), format!("LISP over UDP{TCP}"));
        assert_eq!(over_udp(4341, &[0, 0, 0, 0, 0, 0, 0, 0], &udp6(b"hello")), format!("LISP over UDP{UDP}"));
        assert!(over_udp(4341, &[0x80, 1, 2, 3, 0, 0, 0, 1], b"no packet").starts_with("|198.51.100.1:9999>"));
    }

    #[test]
    fn teredo_is_read_with_its_indications_and_between_clients() {
        let origin = [0, 0, 1, 2, 3, 4, 5, 6];
        let authentication = [0, 1, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 0];
        assert_eq!(over_udp(3544, &[], &udp6(b"hello")), format!("Teredo over UDP{UDP}"));
        assert_eq!(over_udp(3544, &origin, &udp6(b"hello")), format!("Teredo over UDP{UDP}"));
        assert_eq!(
            over_udp(3544, &[&authentication[..], &origin].concat(), &udp6(b"hello")),
            format!("Teredo over UDP{UDP}")
        );
        let mut inner = udp6(b"hello");
        inner[10..12].copy_from_slice(&[0, 0]);
        assert!(over_udp(50_000, &[], &inner).starts_with("Teredo over UDP "));
        assert_eq!(over_udp(50_000, &[], &udp6(b"hello")), "|198.51.100.1:9999>198.51.100.2:50000 Udp 53/53");
    }

    #[test]
    fn gue_is_read_in_both_versions_and_control_messages_are_none() {
        assert_eq!(over_udp(6080, &[], &tcp()), format!("GUE over UDP{TCP}"));
        assert_eq!(over_udp(6080, &[], &udp6(b"hello")), format!("GUE over UDP{UDP}"));
        assert_eq!(over_udp(6080, &[0, 4, 0, 0], &tcp()), format!("GUE over UDP{TCP}"));
        assert_eq!(
            over_udp(6080, &[2, 41, 0, 0, 9, 9, 9, 9, 9, 9, 9, 9], &udp6(b"hello")),
            format!("GUE over UDP{UDP}")
        );
        assert_eq!(over_udp(6080, &[0, 143, 0, 0], &bridged()), format!("GUE over UDP{TCP}"));
        for header in [[0x20, 4, 0, 0], [0x80, 4, 0, 0], [0, 17, 0, 0], [1, 4, 0, 0]] {
            assert!(over_udp(6080, &header, &tcp()).starts_with("|198.51.100.1:9999>"), "{header:?}");
        }
    }

    #[test]
    fn tzsp_is_read_behind_its_tags_and_only_around_whole_packets() {
        let as_said = |header: &[u8], inner: &[u8]| named(&["udp:37008=tzsp"], 37_008, header, inner);
        let tags = [0, 0, 10, 1, 0xc5, 11, 4, 1, 2, 3, 4, 1];
        assert_eq!(as_said(&[1, 0, 0, 1, 1], &bridged()), format!("TZSP over UDP{TCP}"));
        assert_eq!(as_said(&[&[1, 0, 0, 1][..], &tags].concat(), &bridged()), format!("TZSP over UDP{TCP}"));
        let wireless = [&[0x08, 0x02][..], &[0; 22], &[0xaa, 0xaa, 3, 0, 0, 0, 8, 0], &tcp()].concat();
        assert_eq!(as_said(&[1, 0, 0, 18, 1], &wireless), format!("TZSP over UDP{TCP}"));
        // A keep-alive, another version, an unknown protocol, tags without an end, and no packet inside.
        for header in [[1, 4, 0, 1, 1], [2, 0, 0, 1, 1], [1, 0, 0, 7, 1], [1, 0, 0, 1, 9]] {
            assert!(as_said(&header, &bridged()).starts_with("|198.51.100.1:9999>"), "{header:?}");
        }
        assert!(as_said(&[1, 0, 0, 1, 1], b"no packet").starts_with("|198.51.100.1:9999>"));
        // Its first two bytes are also those of uTP data.
        let outcome = decode(&frame(101, &udp4(9999, 37_008, &[&[1, 0, 0, 1, 1][..], &bridged()].concat())));
        assert!(outcome.anomalies.tally(Kind::AmbiguousTunnel).is_some(), "{}", outcome.text());
    }

    #[test]
    fn a_utp_peer_on_the_port_of_a_tunnel_stays_a_utp_peer() {
        for port in [3544, 4341, 4754, 4789, 4790, 5247, 8472, 6080, 6081, 6635, 2152, 1701, 37_008] {
            for first in [0x01, 0x11, 0x21, 0x31, 0x41, 0x08, 0x60] {
                let text = over_udp(port, &[first; 20], b"hello");
                assert_eq!(text, format!("|198.51.100.1:9999>198.51.100.2:{port} Udp 25/25"));
            }
        }
    }

    #[test]
    fn a_port_that_the_user_names_is_read_as_said_and_one_that_is_none_is_not() {
        let vxlan = [8, 0, 0, 0, 0, 0, 5, 0];
        assert_eq!(named(&["udp:5000=vxlan"], 5000, &vxlan, &bridged()), format!("VXLAN 5 over UDP{TCP}"));
        assert_eq!(named(&["udp:9999=vxlan"], 5000, &vxlan, &bridged()), format!("VXLAN 5 over UDP{TCP}"));
        assert_eq!(named(&["udp:5000=ip"], 5000, &[], &tcp()), format!("IP over UDP{TCP}"));
        assert_eq!(named(&["udp:5000=gre"], 5000, &[0, 0, 8, 0], &tcp()), format!("GRE over UDP{TCP}"));
        let plain = "|198.51.100.1:9999>198.51.100.2:";
        assert!(named(&["udp:5000=vxlan"], 5000, &[], b"something else").starts_with(plain));
        assert!(named(&["udp:4789=none"], 4789, &vxlan, &bridged()).starts_with(plain));
        assert!(named(&["udp:5000=ip"], 5001, &[], &tcp()).starts_with(plain));
    }

    #[test]
    fn what_reads_as_utp_too_is_both_and_said_unless_the_user_names_the_port() {
        // Geneve with one word of options, and a uTP data packet of connection 0x6558.
        let both = [1, 0, 0x65, 0x58, 0, 0, 6, 0, 0, 0, 0, 0];
        let outcome = decode(&frame(101, &udp4(9999, 6081, &[&both[..], &bridged()].concat())));
        assert!(outcome.text().starts_with("|198.51.100.1:9999>198.51.100.2:6081"), "{}", outcome.text());
        let tally = outcome.anomalies.tally(Kind::AmbiguousTunnel).expect("it is said");
        let tunnel = "Geneve 6 over UDP".to_owned();
        assert_eq!(tally.examples[0].oddity, Oddity::AmbiguousTunnel { tunnel });
        let datagram = udp4(9999, 6081, &[&both[..], &bridged()].concat());
        let (mut decoder, mut anomalies) =
            (Decoder::new(ChecksumPolicy::Ignore, &Limits::default()), Anomalies::default());
        let outer =
            decoder.decode(&frame(101, &datagram), &Leak, &mut anomalies).expect("no failure").expect("one");
        assert!(outer.also_tunnel);
        let inner = decoder.inside(&outer, &Leak, &mut anomalies).expect("no failure").expect("one more");
        assert_eq!(describe(&decoder, &inner), format!("Geneve 6 over UDP{TCP}"));
        assert_eq!(named(&["udp:6081=geneve"], 6081, &both, &bridged()), format!("Geneve 6 over UDP{TCP}"));
    }

    #[test]
    fn no_header_of_gre_over_udp_with_reserved_bits_is_one() {
        for first in [0x01, 0x40, 0x08] {
            let text = over_udp(4754, &[first, 0, 8, 0], &tcp());
            assert!(text.starts_with("|198.51.100.1:9999>"), "{first:#x}: {text}");
        }
    }
}
