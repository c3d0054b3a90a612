//! Frames that hold no packet to read, by the protocol that stands in its place.
//!
//! Nothing is left out without its name: a capture of ESP alone must not look like a capture without traffic.

use crate::limits::UNREAD_PROTOCOLS;
use std::collections::BTreeMap;
use std::fmt;

/// The protocol at which the way down to TCP and UDP ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unread {
    /// An EtherType (IEEE 802 numbers of IANA).
    EtherType(u16),
    /// An IEEE 802.2 destination service access point.
    Llc(u8),
    /// A SNAP header: organization and protocol.
    Snap([u8; 3], u16),
    /// A protocol field of PPP (RFC 1661).
    Ppp(u16),
    /// A protocol field of Linux's cooked header that is no EtherType.
    Cooked(u16),
    /// An address family of a BSD loopback header, as the capturing host numbers them.
    Family(u32),
    /// A `LINKTYPE_` value.
    Link(u16),
    /// A protocol number of IP.
    Ip(u8),
    /// A protocol without a number, in words.
    Named(&'static str),
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::EtherType(number) => {
                write!(f, "EtherType {number:#06x}")?;
                name(ETHER_TYPES, number)
            }
            Self::Llc(sap) => {
                write!(f, "LLC {sap:#04x}")?;
                name(LLC, sap)
            }
            Self::Snap([a, b, c], protocol) => {
                return write!(f, "SNAP {a:02x}-{b:02x}-{c:02x} {protocol:#06x}");
            }
            Self::Ppp(number) => {
                write!(f, "PPP {number:#06x}")?;
                name(PPP, number)
            }
            Self::Cooked(number) => return write!(f, "Linux cooked protocol {number:#06x}"),
            Self::Family(number) => return write!(f, "address family {number}"),
            Self::Link(number) => {
                write!(f, "link type {number}")?;
                name(LINKS, number)
            }
            Self::Ip(number) => {
                write!(f, "IP protocol {number}")?;
                name(IP, number)
            }
            Self::Named(name) => return f.write_str(name),
        };
        name.map_or(Ok(()), |name| write!(f, " ({name})"))
    }
}

impl Unread {
    /// Returns true if packets of any kind may be inside: a tunnel, a tag, a link that is not read, an encrypted or
    /// compressed protocol, one without a name.
    pub fn may_carry(&self) -> bool {
        let named = |known: Option<&str>, carriers: bool| known.is_none() || carriers;
        match self {
            Self::EtherType(number) => named(name(ETHER_TYPES, number), ETHER_CARRIERS.contains(number)),
            Self::Ip(number) => named(name(IP, number), IP_CARRIERS.contains(number)),
            Self::Ppp(number) => named(name(PPP, number), PPP_CARRIERS.contains(number)),
            Self::Family(_) | Self::Link(_) => true,
            Self::Llc(_) | Self::Snap(..) | Self::Cooked(_) => false,
            Self::Named(name) => ["encrypted", "MPLS", "beyond"].iter().any(|word| name.contains(word)),
        }
    }
}

fn name<T: PartialEq>(names: &[(T, &'static str)], wanted: &T) -> Option<&'static str> {
    names.iter().find(|(number, _)| number == wanted).map(|(_, name)| *name)
}

/// How many frames hold which unread protocol; inside a tunnel they are told apart.
#[derive(Clone, Debug, Default)]
pub(super) struct UnreadFrames {
    frames: BTreeMap<(Unread, bool), u64>,
}

impl UnreadFrames {
    /// Counts a frame; `tunnelled` where the protocol stands inside a tunnel.
    #[cold]
    pub fn count(&mut self, unread: Unread, tunnelled: bool) {
        let key = (unread, tunnelled);
        let room = self.frames.len() < UNREAD_PROTOCOLS || self.frames.contains_key(&key);
        *self.frames.entry(if room { key } else { (OTHERS, false) }).or_default() += 1;
    }

    /// Every protocol in words with its frames and [`Unread::may_carry`], most frames first.
    pub fn named(&self) -> Vec<(String, u64, bool)> {
        let inside = |tunnelled| if tunnelled { " in a tunnel" } else { "" };
        let named = self.frames.iter().map(|((unread, tunnelled), frames)| {
            (format!("{unread}{}", inside(*tunnelled)), *frames, unread.may_carry())
        });
        let mut named: Vec<(String, u64, bool)> = named.collect();
        named.sort_by(|(a, many, _), (b, few, _)| few.cmp(many).then_with(|| a.cmp(b)));
        named
    }
}

const OTHERS: Unread = Unread::Named("protocols beyond the first 256");

// Rationale: the numbers below are those of the IANA registries and of the makers' own documents, for what captures of
// offices, homes, data centres, plants and radios hold; every other number is shown as it is.
const ETHER_TYPES: &[(u16, &str)] = &[
    (0x0806, "ARP"),
    (0x0842, "Wake-on-LAN"),
    (0x22ea, "stream reservation"),
    (0x22f0, "audio/video transport"),
    (0x22f3, "TRILL"),
    (0x22f4, "IS-IS"),
    (0x4305, "batman-adv"),
    (0x6002, "DEC MOP"),
    (0x6003, "DECnet"),
    (0x8035, "RARP"),
    (0x809b, "AppleTalk"),
    (0x80f3, "AppleTalk ARP"),
    (0x8100, "VLAN"),
    (0x8137, "IPX"),
    (0x8808, "Ethernet flow control"),
    (0x8809, "slow protocols, LACP"),
    (0x8842, "Broadcom switch tag"),
    (0x8863, "PPPoE discovery"),
    (0x886c, "HomePNA"),
    (0x8874, "Broadcom switch tag"),
    (0x887b, "HomePlug"),
    (0x888e, "EAPOL"),
    (0x8892, "PROFINET"),
    (0x8899, "Realtek switch tag"),
    (0x88a2, "ATA over Ethernet"),
    (0x88a4, "EtherCAT"),
    (0x88b5, "local experimental"),
    (0x88b6, "local experimental"),
    (0x88b7, "OUI extended"),
    (0x88b8, "GOOSE"),
    (0x88ba, "sampled values"),
    (0x88c7, "802.11 pre-authentication"),
    (0x88ca, "TIPC"),
    (0x88cc, "LLDP"),
    (0x88cd, "SERCOS"),
    (0x88e1, "HomePlug AV"),
    (0x88e3, "MRP"),
    (0x88e5, "MACsec, encrypted"),
    (0x88e7, "provider backbone bridge"),
    (0x88f5, "MVRP"),
    (0x88f6, "MMRP"),
    (0x88f7, "PTP"),
    (0x88f8, "NC-SI"),
    (0x88fb, "PRP supervision"),
    (0x8902, "CFM"),
    (0x8903, "Cisco FabricPath"),
    (0x8906, "FCoE"),
    (0x8909, "Cisco MetaData"),
    (0x890d, "802.11 management, TDLS"),
    (0x8914, "FCoE initialization"),
    (0x8915, "RoCE"),
    (0x8917, "MIS"),
    (0x8926, "Cisco VN-Tag"),
    (0x8929, "MIRP"),
    (0x892d, "bump-in-the-wire"),
    (0x892f, "HSR"),
    (0x893a, "1905.1"),
    (0x893f, "E-Tag"),
    (0x8940, "edge control"),
    (0x8946, "TRILL RBridge channel"),
    (0x8947, "GeoNetworking"),
    (0x894f, "NSH"),
    (0x8988, "Cisco timestamp tag"),
    (0x8999, "TSN"),
    (0x9000, "loopback test"),
    (0x99fe, "TRDP"),
    (0xdada, "Marvell EDSA switch tag"),
    (0xf1c1, "frame replication"),
];

const ETHER_CARRIERS: &[u16] = &[
    0x22f3, 0x4305, 0x8100, 0x8842, 0x8874, 0x8899, 0x88b5, 0x88b6, 0x88b7, 0x88e5, 0x88e7, 0x8903, 0x8909, 0x890d,
    0x8926, 0x892d, 0x892f, 0x893f, 0x8947, 0x894f, 0x8988, 0xdada, 0xf1c1,
];
const IP_CARRIERS: &[u8] = &[4, 41, 47, 50, 51, 53, 55, 57, 94, 97, 98, 99, 108, 115, 137, 142, 143, 144, 253, 254];
const PPP_CARRIERS: &[u16] = &[0x002d, 0x002f, 0x003d, 0x0053, 0x00fb, 0x00fd];

const LLC: &[(u8, &str)] = &[
    (0x00, "null"),
    (0x42, "spanning tree"),
    (0x80, "3Com"),
    (0xaa, "SNAP"),
    (0xe0, "IPX"),
    (0xf0, "NetBIOS"),
    (0xfe, "ISO, IS-IS"),
    (0xff, "IPX"),
];

const PPP: &[(u16, &str)] = &[
    (0x0029, "AppleTalk"),
    (0x002b, "IPX"),
    (0x002d, "compressed TCP"),
    (0x002f, "uncompressed TCP"),
    (0x003d, "multilink"),
    (0x0053, "encrypted"),
    (0x00fb, "link compression"),
    (0x00fd, "compressed or MPPE"),
    (0x8021, "IPCP"),
    (0x8053, "ECP"),
    (0x8057, "IPv6CP"),
    (0x80fd, "CCP"),
    (0xc021, "LCP"),
    (0xc023, "PAP"),
    (0xc025, "link quality"),
    (0xc223, "CHAP"),
    (0xc227, "EAP"),
];

const IP: &[(u8, &str)] = &[
    (0, "hop-by-hop options"),
    (1, "ICMP"),
    (2, "IGMP"),
    (4, "IP-in-IP"),
    (8, "EGP"),
    (9, "IGRP"),
    (33, "DCCP"),
    (41, "6in4"),
    (46, "RSVP"),
    (47, "GRE without a packet"),
    (50, "ESP, encrypted"),
    (51, "AH"),
    (53, "SwIPe"),
    (55, "minimal encapsulation"),
    (57, "SKIP"),
    (58, "ICMPv6"),
    (59, "no next header"),
    (88, "EIGRP"),
    (89, "OSPF"),
    (94, "IPIP"),
    (97, "EtherIP without a packet"),
    (98, "encapsulation header"),
    (99, "private encryption"),
    (103, "PIM"),
    (108, "IPComp, compressed"),
    (112, "VRRP"),
    (115, "L2TPv3 without a packet"),
    (124, "IS-IS"),
    (132, "SCTP"),
    (133, "Fibre Channel"),
    (136, "UDP-Lite"),
    (137, "MPLS"),
    (138, "MANET"),
    (142, "ROHC"),
    (143, "Ethernet"),
    (144, "AGGFRAG"),
    (253, "experimental"),
    (254, "experimental"),
];

const LINKS: &[(u16, &str)] = &[
    (3, "AX25"),
    (6, "IEEE802_5"),
    (7, "ARCNET_BSD"),
    (8, "SLIP"),
    (10, "FDDI"),
    (107, "FRELAY"),
    (117, "PFLOG"),
    (122, "IP_OVER_FC"),
    (123, "SUNATM"),
    (129, "ARCNET_LINUX"),
    (138, "APPLE_IP_OVER_IEEE1394"),
    (143, "DOCSIS"),
    (147, "USER0"),
    (165, "BACNET_MS_TP"),
    (177, "LINUX_LAPD"),
    (187, "BLUETOOTH_HCI_H4"),
    (189, "USB_LINUX"),
    (195, "IEEE802_15_4_WITHFCS"),
    (201, "BLUETOOTH_HCI_H4_WITH_PHDR"),
    (220, "USB_LINUX_MMAPPED"),
    (224, "FC_2"),
    (227, "CAN_SOCKETCAN"),
    (230, "IEEE802_15_4_NOFCS"),
    (243, "MPEG_2_TS"),
    (247, "INFINIBAND"),
    (248, "SCTP"),
    (249, "USBPCAP"),
    (251, "BLUETOOTH_LE_LL"),
    (252, "WIRESHARK_UPPER_PDU"),
    (253, "NETLINK"),
    (254, "BLUETOOTH_LINUX_MONITOR"),
    (256, "BLUETOOTH_LE_LL_WITH_PHDR"),
    (266, "USB_DARWIN"),
    (271, "VSOCK"),
    (274, "ETHERNET_MPACKET"),
    (283, "IEEE802_15_4_TAP"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_protocol_is_named_with_its_number_and_without_a_name_too() {
        for (unread, text) in [
            (Unread::EtherType(0xdada), "EtherType 0xdada (Marvell EDSA switch tag)"),
            (Unread::EtherType(0x1234), "EtherType 0x1234"),
            (Unread::Llc(0x42), "LLC 0x42 (spanning tree)"),
            (Unread::Snap([0, 0, 0x0c], 0x2000), "SNAP 00-00-0c 0x2000"),
            (Unread::Ppp(0xc021), "PPP 0xc021 (LCP)"),
            (Unread::Ip(50), "IP protocol 50 (ESP, encrypted)"),
            (Unread::Ip(200), "IP protocol 200"),
            (Unread::Link(189), "link type 189 (USB_LINUX)"),
        ] {
            assert_eq!(unread.to_string(), text);
        }
    }

    #[test]
    fn what_carries_packets_is_told_from_what_does_not() {
        for unread in [
            Unread::EtherType(0x88e5),
            Unread::EtherType(0x1234),
            Unread::Ip(50),
            Unread::Ip(200),
            Unread::Ppp(0x0053),
            Unread::Link(189),
            Unread::Named("an encrypted 802.11 frame"),
        ] {
            assert!(unread.may_carry(), "{unread}");
        }
        for unread in [
            Unread::EtherType(0x0806),
            Unread::EtherType(0x88cc),
            Unread::Ip(1),
            Unread::Ip(58),
            Unread::Ppp(0xc021),
            Unread::Llc(0x42),
            Unread::Snap([0, 0, 0x0c], 0x2000),
        ] {
            assert!(!unread.may_carry(), "{unread}");
        }
        assert!(ETHER_CARRIERS.is_sorted() && IP_CARRIERS.is_sorted() && PPP_CARRIERS.is_sorted());
    }

    #[test]
    fn the_most_frequent_comes_first_and_noise_takes_bounded_room() {
        let mut frames = UnreadFrames::default();
        (0..5).for_each(|_| frames.count(Unread::Ip(50), false));
        frames.count(Unread::Ip(50), true);
        (0..2_000).for_each(|number| frames.count(Unread::EtherType(0x9100 + number), false));
        let named = frames.named();
        assert_eq!(named.iter().map(|(_, frames, _)| frames).sum::<u64>(), 2_006);
        assert_eq!(named.first().map(|(name, ..)| name.as_str()), Some("protocols beyond the first 256"));
        assert_eq!(named.get(1), Some(&("IP protocol 50 (ESP, encrypted)".to_owned(), 5, true)));
        assert!(
            named
                .iter()
                .any(|(name, frames, _)| name == "IP protocol 50 (ESP, encrypted) in a tunnel" && *frames == 1)
        );
        assert_eq!(named.len(), UNREAD_PROTOCOLS + 1);
    }
}
