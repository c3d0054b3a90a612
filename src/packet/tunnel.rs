//! Tunnel headers: what they carry, and whether they really are tunnels.
//!
//! A protocol number of IP is certain. A UDP port is a guess: any uTP peer may use it, see [`udp`].

pub(super) mod ports;
pub(super) mod udp;

use std::fmt;

use super::cut::Cut;
use super::ip::{Within, is_plausible};
use super::link::{LINK_ETHERNET, LINK_IEEE802_11, Layer, ethernet_holds_ip};

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
    /// One over UDP.
    Udp(UdpKind),
}

/// A kind of tunnel over UDP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum UdpKind {
    /// RFC 2661.
    L2tpV2,
    /// RFC 3931.
    L2tpV3,
    /// RFC 4380.
    Teredo,
    /// RFC 7348 and the extension of draft-ietf-nvo3-vxlan-gpe, with its network identifier.
    Vxlan(u32),
    /// RFC 8926, with its network identifier.
    Geneve(u32),
    /// 3GPP TS 29.281.
    GtpU,
    /// RFC 8086.
    Gre,
    /// RFC 7510.
    Mpls,
    /// draft-ietf-intarea-gue.
    Gue,
    /// TaZmen Sniffer Protocol: frames that a sniffer saw, as MikroTik and access points send them.
    Tzsp,
    /// RFC 5415.
    Capwap,
    /// RFC 9300.
    Lisp,
    /// An IP packet and nothing else; no port is known for it.
    Ip,
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
            Self::Udp(kind) => write!(f, "{kind} over UDP"),
        }
    }
}

impl fmt::Display for UdpKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::L2tpV2 => f.write_str("L2TP"),
            Self::L2tpV3 => f.write_str("L2TPv3"),
            Self::Teredo => f.write_str("Teredo"),
            Self::Vxlan(vni) => write!(f, "VXLAN {vni}"),
            Self::Geneve(vni) => write!(f, "Geneve {vni}"),
            Self::GtpU => f.write_str("GTP-U"),
            Self::Gre => f.write_str("GRE"),
            Self::Mpls => f.write_str("MPLS"),
            Self::Gue => f.write_str("GUE"),
            Self::Tzsp => f.write_str("TZSP"),
            Self::Capwap => f.write_str("CAPWAP"),
            Self::Lisp => f.write_str("LISP"),
            Self::Ip => f.write_str("IP"),
        }
    }
}

/// The tunnel, the first header in it, and what it carries.
pub(super) type Inner<'a> = (Tunnel, Layer, Cut<'a>);

/// The layer around the packets in a tunnel whose first header is `layer`.
pub(super) fn within(tunnel: Tunnel, layer: Layer) -> Within {
    match (tunnel, layer) {
        (Tunnel::Erspan, _)
        | (_, Layer::Ethernet | Layer::EtherType(BRIDGED) | Layer::Link(_) | Layer::DamagedLink(_)) => {
            Within::Mirror
        }
        _ => Within::Tunnel,
    }
}

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
                    let layer = match options >> 10 & 0x1f {
                        2 => Layer::Ip,
                        // draft-foschiano-erspan, section 4.3: a frame with a CRC or alignment error.
                        _ if rest.u16(2)? & ERSPAN_BAD == ERSPAN_BAD => Layer::DamagedLink(LINK_ETHERNET),
                        _ => Layer::Ethernet,
                    };
                    Some(Some((Tunnel::Erspan, layer, rest.skip(12 + subheader)?)))
                }
                // Aruba's access points, one number for each queue: a frame of 802.11 without its check sequence.
                0x8200..=0x83ff if protocol & 0x0f == 0 => {
                    Some(Some((Tunnel::Gre, Layer::Link(LINK_IEEE802_11), rest)))
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

const GRE_CHECKSUM: u16 = 0x8000;
const GRE_ROUTING: u16 = 0x4000;
const GRE_KEY: u16 = 0x2000;
const GRE_SEQUENCE: u16 = 0x1000;
const GRE_ACKNOWLEDGEMENT: u16 = 0x0080;
const GRE_VERSION: u16 = 0x0007;
const ERSPAN_I_II: u16 = 0x88be;
const ERSPAN_III: u16 = 0x22eb;
const ERSPAN_BAD: u16 = 0x1800;
const PPP: u16 = 0x880b;
const BRIDGED: u16 = 0x6558;

#[cfg(test)]
mod tests {
    use crate::anomaly::Kind;
    use crate::packet::testing::{decode, ethernet, frame, ip4, tcp4, udp4, udp6};

    const TCP: &str = " 198.51.100.1 -> 198.51.100.2|192.0.2.1:1111>192.0.2.2:2222 Tcp 5/5";
    const UDP: &str = " 198.51.100.1 -> 198.51.100.2|[2001:db8::1]:1111>[2001:db8::2]:2222 Udp 5/5";

    fn over_ip(protocol: u8, header: &[u8], inner: &[u8]) -> String {
        decode(&frame(101, &ip4(protocol, &[header, inner].concat()))).text().to_owned()
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
    fn gre_of_arubas_access_points_holds_frames_of_the_air_from_every_queue() {
        let air = [&[0x08, 0x02][..], &[0; 22], &[0xaa, 0xaa, 3, 0, 0, 0, 8, 0], &tcp()].concat();
        for queue in [0x00, 0x10, 0xf0] {
            assert_eq!(over_ip(47, &[0, 0, 0x82, queue], &air), format!("GRE{TCP}"));
            assert_eq!(over_ip(47, &[0, 0, 0x83, queue], &air), format!("GRE{TCP}"));
        }
    }

    #[test]
    fn a_frame_without_a_packet_to_read_is_named_with_its_number_inside_a_tunnel_too() {
        let unread = |protocol: u8, payload: &[u8]| {
            let outcome = decode(&frame(101, &ip4(protocol, payload)));
            assert_eq!((outcome.counts.other_ip, outcome.counts.not_ip), (1, 0));
            outcome.unread
        };
        for (protocol, name) in [
            (1, "IP protocol 1 (ICMP)"),
            (50, "IP protocol 50 (ESP, encrypted)"),
            (108, "IP protocol 108 (IPComp, compressed)"),
            (132, "IP protocol 132 (SCTP)"),
            (199, "IP protocol 199"),
        ] {
            assert_eq!(unread(protocol, &[7; 40]), [(name.to_owned(), 1)]);
        }
        assert_eq!(unread(47, &[0, 0, 0x88, 0xcc, 1, 2]), [("EtherType 0x88cc (LLDP) in a tunnel".to_owned(), 1)]);
        assert_eq!(unread(47, &[0, 0, 0, 0]), [("IP protocol 47 (GRE without a packet)".to_owned(), 1)]);
        let behind = ip4(51, &[&[50, 4][..], &[0; 22], &[7; 40]].concat());
        let named = decode(&frame(101, &behind)).unread;
        assert_eq!(named, [("IP protocol 50 (ESP, encrypted)".to_owned(), 1)], "behind an authentication header");
        for (number, name) in
            [(0xdada, " (Marvell EDSA switch tag)"), (0x8899, " (Realtek switch tag)"), (0x7777, "")]
        {
            let outcome = decode(&frame(1, &ethernet(number, &[1; 50])));
            assert_eq!(outcome.unread, [(format!("EtherType {number:#06x}{name}"), 1)]);
            assert_eq!((outcome.counts.other_ip, outcome.counts.not_ip), (0, 1));
        }
        assert_eq!(decode(&frame(189, &[1; 50])).unread, [("link type 189 (USB_LINUX)".to_owned(), 1)]);
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
    fn frames_that_a_mirror_cut_are_cut_frames() {
        let whole = [ethernet(0x0800, &tcp4(&[7; 1_400])), ethernet(0x86dd, &udp6(&[7; 1_400]))];
        let expected =
            ["192.0.2.1:1111>192.0.2.2:2222 Tcp 100/1400", "[2001:db8::1]:1111>[2001:db8::2]:2222 Udp 92/1400"];
        for (whole, expected) in whole.iter().zip(expected) {
            let cut = &whole[..154];
            let missing = whole.len() as u64 - 154;
            let check = |bytes: &[u8]| {
                let outcome = decode(&frame(101, bytes));
                assert!(outcome.text().ends_with(&format!("198.51.100.2|{expected}")), "{}", outcome.text());
                let told = outcome.anomalies.tally(Kind::Snaplen).expect("it is told");
                assert_eq!((told.count, told.amount), (1, missing));
            };
            for header in [&[0, 0, 0x88, 0xbe][..], &[0, 0, 0x65, 0x58]] {
                check(&ip4(47, &[header, cut].concat()));
            }
            check(&ip4(97, &[&[0x30, 0], cut].concat()));
            check(&udp4(9_999, 4_789, &[&[8, 0, 0, 0, 0, 0, 5, 0], cut].concat()));
            check(&udp4(9_999, 6_081, &[&[0, 0, 0x65, 0x58, 0, 0, 6, 0], cut].concat()));
            check(&udp4(9_999, 6_080, &[&[0, 143, 0, 0], cut].concat()));
        }
        // A header that is not sound shows nothing of what was there.
        let mut cut = whole[0][..154].to_vec();
        cut[14 + 8] ^= 1;
        assert_eq!(
            decode(&frame(101, &ip4(47, &[&[0, 0, 0x88, 0xbe], &cut[..]].concat()))).text(),
            "an IPv4 total length beyond the tunnel's"
        );
        let vxlan = udp4(9_999, 4_789, &[&[8, 0, 0, 0, 0, 0, 5, 0], &cut[..]].concat());
        assert_eq!(decode(&frame(101, &vxlan)).text(), "|198.51.100.1:9999>198.51.100.2:4789 Udp 162/162");
    }

    #[test]
    fn an_inner_length_beyond_the_outer_one_is_a_bad_header() {
        let mut inner = tcp();
        inner[3] += 1;
        assert_eq!(over_ip(4, &[], &inner), "an IPv4 total length beyond the tunnel's");
    }
}
