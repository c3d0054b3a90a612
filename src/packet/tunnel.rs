//! Tunnel headers: what they carry, and whether they really are tunnels.
//!
//! A protocol number of IP is certain. A UDP port is a guess: any uTP peer may use it, so a UDP tunnel counts only
//! when a complete inner IP header fits in it.

use std::fmt;
use std::net::Ipv6Addr;

use super::cut::Cut;
use super::ip::is_plausible;
use super::link::{Layer, ethernet_holds_ip};

/// A kind of tunnel, with the number that separates networks in it where there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Tunnel {
    /// RFC 2003, RFC 2473.
    IpInIp,
    /// RFC 4213; 6to4 (RFC 3056) looks the same.
    SixIn4,
    /// RFC 2784, 2890; version 1 (RFC 2637) is PPTP.
    Gre,
    /// Encapsulated remote switched port analyser over GRE.
    Erspan,
    /// RFC 3378.
    EtherIp,
    /// RFC 4023.
    MplsInIp,
    /// RFC 3931 over IP.
    L2tpV3,
    /// RFC 2661 over UDP.
    L2tpV2,
    /// RFC 4380.
    Teredo,
    /// RFC 7348, with its network identifier.
    Vxlan(u32),
    /// RFC 8926, with its network identifier.
    Geneve(u32),
    /// 3GPP TS 29.281.
    GtpU,
}

impl fmt::Display for Tunnel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::IpInIp => f.write_str("IP-in-IP"),
            Self::SixIn4 => f.write_str("6in4"),
            Self::Gre => f.write_str("GRE"),
            Self::Erspan => f.write_str("ERSPAN"),
            Self::EtherIp => f.write_str("EtherIP"),
            Self::MplsInIp => f.write_str("MPLS-in-IP"),
            Self::L2tpV3 => f.write_str("L2TPv3"),
            Self::L2tpV2 => f.write_str("L2TP"),
            Self::Teredo => f.write_str("Teredo"),
            Self::Vxlan(vni) => write!(f, "VXLAN {vni}"),
            Self::Geneve(vni) => write!(f, "Geneve {vni}"),
            Self::GtpU => f.write_str("GTP-U"),
        }
    }
}

/// The tunnel, the first header in it, and what it carries.
pub(super) type Inner<'a> = (Tunnel, Layer, Cut<'a>);

/// The tunnel of an IP protocol number; `Ok(None)` when the protocol is none, or carries no packets here.
pub(super) fn over_ip(protocol: u8, cut: Cut<'_>, ipv4: bool) -> Result<Option<Inner<'_>>, &'static str> {
    match protocol {
        4 => Ok(Some((Tunnel::IpInIp, Layer::Ip, cut))),
        41 => Ok(Some((if ipv4 { Tunnel::SixIn4 } else { Tunnel::IpInIp }, Layer::Ip, cut))),
        47 => gre(cut).ok_or("a GRE header is cut off or malformed"),
        // Version 3 in the first of two bytes.
        97 if cut.u8(0).is_some_and(|byte| byte >> 4 == 3) => {
            Ok(cut.skip(2).map(|rest| (Tunnel::EtherIp, Layer::Ethernet, rest)))
        }
        115 => Ok(l2tp_v3(cut)),
        137 => Ok(Some((Tunnel::MplsInIp, Layer::Mpls, cut))),
        _ => Ok(None),
    }
}

/// The outer `None`: cut off. The inner one: a payload that is no packet.
fn gre(cut: Cut<'_>) -> Option<Option<Inner<'_>>> {
    let (flags, protocol) = (cut.u16(0)?, cut.u16(2)?);
    if flags & GRE_ROUTING != 0 {
        return Some(None);
    }
    let sequence = if flags & GRE_SEQUENCE != 0 { 4 } else { 0 };
    match flags & GRE_VERSION {
        0 => {
            let checksum = if flags & GRE_CHECKSUM != 0 { 4 } else { 0 };
            let key = if flags & GRE_KEY != 0 { 4 } else { 0 };
            let rest = cut.skip(4 + checksum + key + sequence)?;
            match protocol {
                ERSPAN_I_II if sequence == 0 => Some(Some((Tunnel::Erspan, Layer::Ethernet, rest))),
                ERSPAN_I_II => Some(Some((Tunnel::Erspan, Layer::Ethernet, rest.skip(8)?))),
                ERSPAN_III => {
                    let options = rest.u16(10)?;
                    let subheader = if options & 1 != 0 { 8 } else { 0 };
                    let layer = if options >> 10 & 0x1f == 2 { Layer::Ip } else { Layer::Ethernet };
                    Some(Some((Tunnel::Erspan, layer, rest.skip(12 + subheader)?)))
                }
                // Keepalives have protocol 0.
                0..=0x5ff => Some(None),
                _ => Some(Some((Tunnel::Gre, Layer::EtherType(protocol), rest))),
            }
        }
        1 if protocol == PPP => {
            let acknowledgement = if flags & GRE_ACKNOWLEDGEMENT != 0 { 4 } else { 0 };
            let length = usize::from(cut.u16(4)?);
            if length == 0 {
                return Some(None);
            }
            let rest = cut.skip(8 + sequence + acknowledgement)?.trim(length);
            Some(Some((Tunnel::Gre, Layer::Ppp, rest)))
        }
        _ => Some(None),
    }
}

/// The lengths of the cookie (0, 4, 8) and of the sublayer (0, 4) were agreed elsewhere: the first that fits counts.
fn l2tp_v3(cut: Cut<'_>) -> Option<Inner<'_>> {
    // Session 0 is the control channel.
    if cut.u32(0)? == 0 {
        return None;
    }
    [4, 8, 12, 16].into_iter().find_map(|length| {
        let rest = cut.skip(length)?;
        if ethernet_holds_ip(rest) {
            Some((Tunnel::L2tpV3, Layer::Ethernet, rest))
        } else if is_plausible(rest) {
            Some((Tunnel::L2tpV3, Layer::Ip, rest))
        } else {
            None
        }
    })
}

/// The tunnel in a UDP payload, if a whole IP header fits in it.
#[inline]
pub(super) fn over_udp(source: u16, destination: u16, cut: Cut<'_>) -> Option<Inner<'_>> {
    let known = match (source, destination) {
        (TEREDO, _) | (_, TEREDO) => teredo(cut),
        (_, VXLAN | VXLAN_LINUX) => vxlan(cut),
        (_, GENEVE) => geneve(cut),
        (GTP_U, _) | (_, GTP_U) => gtp_u(cut),
        (L2TP, _) | (_, L2TP) => l2tp_v2(cut),
        _ => None,
    };
    // Teredo clients speak to each other from any port: told by an address in 2001::/32.
    known.or_else(|| if cut.u8(0)? >> 4 == 6 { teredo_between_clients(cut) } else { None })
}

#[cold]
fn teredo_between_clients(cut: Cut<'_>) -> Option<Inner<'_>> {
    let length = usize::from(cut.u16(4)?);
    let is_teredo = |at| cut.array(at).is_some_and(|bytes: [u8; 16]| in_teredo(Ipv6Addr::from(bytes)));
    (length + 40 == cut.wire && is_plausible(cut) && (is_teredo(8) || is_teredo(24))).then_some((
        Tunnel::Teredo,
        Layer::Ip,
        cut,
    ))
}

fn in_teredo(address: Ipv6Addr) -> bool {
    matches!(address.segments(), [0x2001, 0, ..])
}

/// RFC 4380, section 5.1.1: an authentication and an origin indication may come first, in this order.
fn teredo(cut: Cut<'_>) -> Option<Inner<'_>> {
    let mut rest = cut;
    if rest.u16(0)? == 1 {
        let [id_len, auth_len] = rest.array(2)?;
        rest = rest.skip(4 + usize::from(id_len) + usize::from(auth_len) + 9)?;
    }
    if rest.u16(0)? == 0 {
        rest = rest.skip(8)?;
    }
    (rest.u8(0)? >> 4 == 6 && is_plausible(rest)).then_some((Tunnel::Teredo, Layer::Ip, rest))
}

fn vxlan(cut: Cut<'_>) -> Option<Inner<'_>> {
    let (flags, vni) = (cut.u8(0)?, cut.u32(4)?);
    let rest = cut.skip(8)?;
    (flags & VXLAN_HAS_VNI != 0 && vni & 0xff == 0 && ethernet_holds_ip(rest)).then_some((
        Tunnel::Vxlan(vni >> 8),
        Layer::Ethernet,
        rest,
    ))
}

fn geneve(cut: Cut<'_>) -> Option<Inner<'_>> {
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
    Some((Tunnel::Geneve(vni >> 8), layer, rest))
}

/// 3GPP TS 29.281, section 5: version 1, G-PDU, optional fields and extension headers.
fn gtp_u(cut: Cut<'_>) -> Option<Inner<'_>> {
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
    is_plausible(rest).then_some((Tunnel::GtpU, Layer::Ip, rest))
}

/// RFC 2661, section 3.1: a data message with any of its optional fields around PPP.
fn l2tp_v2(cut: Cut<'_>) -> Option<Inner<'_>> {
    let flags = cut.u16(0)?;
    if flags & (L2TP_CONTROL | L2TP_VERSION) != 2 {
        return None;
    }
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
    fits.then_some((Tunnel::L2tpV2, Layer::Ppp, ppp))
}

const TEREDO: u16 = 3544;
const L2TP: u16 = 1701;
const L2TP_CONTROL: u16 = 0x8000;
const L2TP_LENGTH: u16 = 0x4000;
const L2TP_SEQUENCE: u16 = 0x0800;
const L2TP_OFFSET: u16 = 0x0200;
const L2TP_VERSION: u16 = 0x000f;
const VXLAN: u16 = 4789;
const VXLAN_LINUX: u16 = 8472;
const GENEVE: u16 = 6081;
const GTP_U: u16 = 2152;
const GTP_G_PDU: u8 = 255;
const VXLAN_HAS_VNI: u8 = 0x08;
const GRE_CHECKSUM: u16 = 0x8000;
const GRE_ROUTING: u16 = 0x4000;
const GRE_KEY: u16 = 0x2000;
const GRE_SEQUENCE: u16 = 0x1000;
const GRE_ACKNOWLEDGEMENT: u16 = 0x0080;
const GRE_VERSION: u16 = 0x0007;
const ERSPAN_I_II: u16 = 0x88be;
const ERSPAN_III: u16 = 0x22eb;
const PPP: u16 = 0x880b;
// Rationale: 3GPP defines a handful of GTP-U extension headers.
const MAX_EXTENSIONS: usize = 8;

#[cfg(test)]
mod tests {
    use crate::anomaly::Kind;
    use crate::packet::testing::{decode, ethernet, frame, ip4, tcp4, udp4, udp6};

    const TCP: &str = " 198.51.100.1 -> 198.51.100.2|192.0.2.1:1111>192.0.2.2:2222 Tcp 5/5";
    const UDP: &str = " 198.51.100.1 -> 198.51.100.2|[2001:db8::1]:1111>[2001:db8::2]:2222 Udp 5/5";

    fn over_ip(protocol: u8, header: &[u8], inner: &[u8]) -> String {
        decode(&frame(101, &ip4(protocol, &[header, inner].concat()))).text().to_owned()
    }

    fn over_udp(port: u16, header: &[u8], inner: &[u8]) -> String {
        decode(&frame(101, &udp4(9999, port, &[header, inner].concat()))).text().to_owned()
    }

    fn tcp() -> Vec<u8> {
        tcp4(b"hello")
    }

    fn bridged() -> Vec<u8> {
        ethernet(0x0800, &tcp())
    }

    #[test]
    fn ip_protocols_that_are_tunnels_give_the_inner_addresses() {
        assert_eq!(over_ip(4, &[], &tcp()), format!("IP-in-IP{TCP}"));
        assert_eq!(over_ip(41, &[], &udp6(b"hello")), format!("6in4{UDP}"));
        assert_eq!(over_ip(97, &[0x30, 0], &bridged()), format!("EtherIP{TCP}"));
        assert_eq!(over_ip(137, &[0, 1, 1, 64], &tcp()), format!("MPLS-in-IP{TCP}"));
        for header in [4, 8, 12, 16] {
            assert_eq!(over_ip(115, &vec![1; header], &bridged()), format!("L2TPv3{TCP}"), "{header} bytes");
        }
    }

    #[test]
    fn gre_is_read_with_any_of_its_options() {
        assert_eq!(over_ip(47, &[0, 0, 8, 0], &tcp()), format!("GRE{TCP}"));
        assert_eq!(over_ip(47, &[0, 0, 0x86, 0xdd], &udp6(b"hello")), format!("GRE{UDP}"));
        let all = [&[0xb0, 0, 8, 0][..], &[1; 12]].concat();
        assert_eq!(over_ip(47, &all, &tcp()), format!("GRE{TCP}"));
        assert_eq!(over_ip(47, &[0, 0, 0x65, 0x58], &bridged()), format!("GRE{TCP}"));
        let pptp = [0x30, 0x81, 0x88, 0x0b, 0, 49, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0xff, 3, 0, 0x21];
        assert_eq!(over_ip(47, &pptp, &tcp()), format!("GRE{TCP}"));
    }

    #[test]
    fn mirrored_frames_are_read_in_all_three_versions() {
        assert_eq!(over_ip(47, &[0, 0, 0x88, 0xbe], &bridged()), format!("ERSPAN{TCP}"));
        let two = [&[0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0x10][..], &[0; 7]].concat();
        assert_eq!(over_ip(47, &two, &bridged()), format!("ERSPAN{TCP}"));
        let three = [&[0x10, 0, 0x22, 0xeb, 0, 0, 0, 1, 0x20][..], &[0; 10], &[1], &[0; 8]].concat();
        assert_eq!(over_ip(47, &three, &bridged()), format!("ERSPAN{TCP}"));
    }

    #[test]
    fn udp_tunnels_are_read_where_a_whole_packet_fits() {
        let vxlan = [8, 0, 0, 0, 0, 0, 5, 0];
        assert_eq!(over_udp(4789, &vxlan, &bridged()), format!("VXLAN 5{TCP}"));
        assert_eq!(over_udp(8472, &vxlan, &ethernet(0x86dd, &udp6(b"hello"))), format!("VXLAN 5{UDP}"));
        let geneve = [1, 0, 0x65, 0x58, 0, 0, 6, 0, 0, 0, 0, 0];
        assert_eq!(over_udp(6081, &geneve, &bridged()), format!("Geneve 6{TCP}"));
        let gtp = |flags: u8, extra: &[u8]| {
            let length = (tcp().len() + extra.len()) as u8;
            [&[flags, 255, 0, length, 0, 0, 0, 9][..], extra].concat()
        };
        assert_eq!(over_udp(2152, &gtp(0x30, &[]), &tcp()), format!("GTP-U{TCP}"));
        assert_eq!(over_udp(2152, &gtp(0x34, &[0, 0, 0, 0x85, 1, 0, 0, 0]), &tcp()), format!("GTP-U{TCP}"));
    }

    #[test]
    fn l2tp_sessions_are_read_with_any_of_their_options() {
        assert_eq!(over_udp(1701, &[0, 2, 0, 1, 0, 1, 0xff, 3, 0, 0x21], &tcp()), format!("L2TP{TCP}"));
        let all = [0x4a, 2, 0, 0, 0, 1, 0, 1, 0, 1, 0, 1, 0, 2, 9, 9, 0, 0x57];
        assert_eq!(over_udp(1701, &all, &udp6(b"hello")), format!("L2TP{UDP}"));
    }

    #[test]
    fn teredo_is_read_with_its_indications_and_between_clients() {
        let origin = [0, 0, 1, 2, 3, 4, 5, 6];
        let authentication = [0, 1, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 0];
        assert_eq!(over_udp(3544, &[], &udp6(b"hello")), format!("Teredo{UDP}"));
        assert_eq!(over_udp(3544, &origin, &udp6(b"hello")), format!("Teredo{UDP}"));
        assert_eq!(
            over_udp(3544, &[&authentication[..], &origin].concat(), &udp6(b"hello")),
            format!("Teredo{UDP}")
        );
        let mut inner = udp6(b"hello");
        inner[10..12].copy_from_slice(&[0, 0]);
        assert!(over_udp(50_000, &[], &inner).starts_with("Teredo "));
        assert_eq!(over_udp(50_000, &[], &udp6(b"hello")), "|198.51.100.1:9999>198.51.100.2:50000 Udp 53/53");
    }

    #[test]
    fn a_utp_peer_on_the_port_of_a_tunnel_stays_a_utp_peer() {
        for port in [3544, 4789, 8472, 6081, 2152, 1701] {
            for first in [0x01, 0x11, 0x21, 0x31, 0x41, 0x08, 0x60] {
                let text = over_udp(port, &[first; 20], b"hello");
                assert_eq!(text, format!("|198.51.100.1:9999>198.51.100.2:{port} Udp 25/25"));
            }
        }
    }

    #[test]
    fn tunnels_in_tunnels_are_bounded() {
        let mut bytes = tcp();
        for _ in 0..8 {
            bytes = ip4(4, &bytes);
        }
        assert!(decode(&frame(101, &bytes)).packet.is_some());
        let outcome = decode(&frame(101, &ip4(4, &bytes)));
        assert_eq!((outcome.packet.is_none(), outcome.count(Kind::LimitReached)), (true, 1));
    }

    #[test]
    fn an_inner_length_beyond_the_outer_one_is_a_bad_header() {
        let mut inner = tcp();
        inner[3] += 1;
        assert_eq!(over_ip(4, &[], &inner), "an IPv4 total length beyond the tunnel's");
    }
}
