//! Link layers down to the first IP header: a bounded loop over headers, no recursion.
//!
//! Link types are those of the pcap registry (<https://www.tcpdump.org/linktypes.html>).

use super::cut::Cut;
use super::unread::Unread;
use super::{tags, wireless};
use crate::capture::LinkType;

/// A header that is not IP yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layer {
    /// A `LINKTYPE_` value.
    Link(u16),
    /// IEEE 802.3 with addresses.
    Ethernet,
    /// The protocol that an EtherType announces.
    EtherType(u16),
    /// IEEE 802.2 with or without SNAP.
    Llc,
    /// RFC 1661, with or without the HDLC address and control bytes.
    Ppp,
    /// RFC 3032 label stack.
    Mpls,
    /// IPv4 or IPv6, told by the version.
    Ip,
    /// A `LINKTYPE_` value, of a frame that is marked as damaged.
    DamagedLink(u16),
    /// IEEE 802.11 whose header the radio aligned to 4 bytes.
    PaddedWireless,
}

/// The content under the link layers.
#[derive(Clone, Copy, Debug)]
pub(super) enum Network<'a> {
    /// An IP header of either version.
    Ip(Cut<'a>),
    /// Several frames in one, of IEEE 802.11.
    Aggregate(Cut<'a>),
    /// A complete frame of something else: ARP, management, encrypted.
    Other(Unread),
    /// This `LINKTYPE_` value is not known.
    UnknownLink(u16),
    /// The headers contradict themselves or are cut off.
    Bad(&'static str),
}

/// Statements of the headers on the way down about the frame itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Marks {
    /// It is damaged.
    pub damaged: bool,
    /// It ends with a frame check sequence of so many bytes. Drivers set the flag wrongly, so that a length which IP
    /// states is believed first.
    pub trailer: usize,
}

/// One step down, or the end of the way.
pub(super) enum Step<'a> {
    Down(Layer, Cut<'a>),
    /// One down, in a frame of which the header says more.
    Marked(Layer, Cut<'a>, Marks),
    End(Network<'a>),
}

impl LinkType {
    /// Frames of this link type are read.
    pub fn is_read(self) -> bool {
        // What a link type is not known by is the type alone, never the frame.
        let nothing = Cut::default();
        !matches!(link_header(self.0, nothing), Some(Step::End(Network::UnknownLink(_))))
    }
}

/// Walks from `layer` to IP; also what the headers on the way say of the frame.
#[inline]
pub(super) fn descend(mut layer: Layer, mut cut: Cut<'_>) -> (Network<'_>, Marks) {
    let mut marks = Marks::default();
    // Rationale: nearly all frames are this one; the loop below finds the same, in four turns.
    if let (Layer::Link(LINK_ETHERNET), Some(0x0800 | 0x86dd)) = (layer, cut.u16(12))
        && let Some(packet) = cut.skip(14)
    {
        return (Network::Ip(packet), marks);
    }
    for _ in 0..MAX_HEADERS {
        match step(layer, cut) {
            Some(Step::Down(next, rest)) => (layer, cut) = (next, rest),
            Some(Step::Marked(next, rest, more)) => {
                (layer, cut) = (next, rest);
                marks = Marks { damaged: marks.damaged | more.damaged, trailer: marks.trailer + more.trailer };
            }
            Some(Step::End(network)) => return (network, marks),
            None => return (Network::Bad("a link header is cut off"), marks),
        }
        if layer == Layer::Ip {
            return (Network::Ip(cut), marks);
        }
    }
    (Network::Bad("more link headers than the limit"), marks)
}

/// `None`: the header is not completely captured.
#[inline]
fn step(layer: Layer, cut: Cut<'_>) -> Option<Step<'_>> {
    match layer {
        Layer::Link(link) => link_header(link, cut),
        Layer::Ethernet => down(Layer::EtherType(cut.u16(12)?), cut.skip(14)?),
        Layer::EtherType(ether_type) => ether_type_header(ether_type, cut),
        Layer::Llc => llc(cut),
        Layer::Ppp => ppp(cut),
        Layer::Mpls => mpls(cut),
        Layer::Ip => end(Network::Ip(cut)),
        Layer::DamagedLink(link) => Some(Step::Marked(Layer::Link(link), cut, Marks { damaged: true, trailer: 0 })),
        Layer::PaddedWireless => wireless::data_frame(cut, true),
    }
}

#[inline]
pub(super) fn down(layer: Layer, cut: Cut<'_>) -> Option<Step<'_>> {
    Some(Step::Down(layer, cut))
}

#[inline]
pub(super) fn end(network: Network<'_>) -> Option<Step<'_>> {
    Some(Step::End(network))
}

#[inline]
fn link_header(link: u16, cut: Cut<'_>) -> Option<Step<'_>> {
    match link {
        LINK_ETHERNET => down(Layer::Ethernet, cut),
        LINK_RAW_A | LINK_RAW_B | LINK_RAW | LINK_IPV4 | LINK_IPV6 => down(Layer::Ip, cut),
        LINK_NULL | LINK_LOOP => null(cut),
        LINK_PPP_PPPD => down(Layer::Ppp, behind_direction(cut)),
        LINK_PPP | LINK_PPP_HDLC => match cut.u8(0)? {
            // Cisco HDLC address bytes: unicast, multicast.
            0x0f | 0x8f => down(Layer::EtherType(cut.u16(2)?), cut.skip(4)?),
            _ => down(Layer::Ppp, cut),
        },
        LINK_C_HDLC => down(Layer::EtherType(cut.u16(2)?), cut.skip(4)?),
        LINK_PPP_WITH_DIR => down(Layer::Ppp, cut.skip(1)?),
        LINK_PPP_ETHER => pppoe(cut),
        LINK_ATM_RFC1483 => down(Layer::Llc, cut),
        LINK_SLL => cooked(cut.u16(2)?, cut.u16(14)?, cut.skip(16)?),
        LINK_SLL2 => cooked(cut.u16(8)?, cut.u16(0)?, cut.skip(20)?),
        LINK_IEEE802_11 => wireless::data_frame(cut, false),
        LINK_RADIOTAP => wireless::radiotap(cut),
        LINK_PRISM => wireless::prism(cut),
        LINK_AVS => wireless::avs(cut),
        LINK_PPI => ppi(cut),
        LINK_PKTAP => pktap(cut),
        LINK_NFLOG => nflog(cut),
        _ => end(Network::UnknownLink(link)),
    }
}

#[inline]
fn ether_type_header(ether_type: u16, cut: Cut<'_>) -> Option<Step<'_>> {
    match ether_type {
        0x0800 | 0x86dd => down(Layer::Ip, cut),
        // 802.1Q, 802.1ad, and the tags used before it.
        0x8100 | 0x88a8 | 0x9100 | 0x9200 => down(Layer::EtherType(cut.u16(2)?), cut.skip(4)?),
        // 802.1ah: a service tag of 4 bytes, then the customer's frame.
        0x88e7 => down(Layer::Ethernet, cut.skip(4)?),
        0x8847 | 0x8848 => down(Layer::Mpls, cut),
        0x8864 => pppoe(cut),
        0x880b => down(Layer::Ppp, cut),
        // Cisco's VN-Tag, 802.1BR's E-Tag, IEC 62439-3's HSR tag, Cisco's timestamp.
        0x8926 | 0x892f => tags::fixed(cut, 6),
        0x893f | 0x8988 => tags::fixed(cut, 8),
        0x8909 => tags::cisco_metadata(cut),
        tags::NSH => tags::service_header(cut),
        tags::MACSEC => tags::macsec(cut),
        // Transparent Ethernet bridging.
        0x6558 => down(Layer::Ethernet, cut),
        // Jumbo frames with LLC.
        0x8870 => down(Layer::Llc, cut),
        // 802.3: a length, not a type.
        length @ 0..=1500 => down(Layer::Llc, cut.trim(usize::from(length))),
        _ => end(Network::Other(Unread::EtherType(ether_type))),
    }
}

fn llc(cut: Cut<'_>) -> Option<Step<'_>> {
    match cut.array(0)? {
        [0xaa, 0xaa, 0x03] => {
            let oui: [u8; 3] = cut.array(3)?;
            // RFC 1042 and the bridge tunnel encapsulation of 802.1H.
            if oui == [0, 0, 0] || oui == [0, 0, 0xf8] {
                return down(Layer::EtherType(cut.u16(6)?), cut.skip(8)?);
            }
            // RFC 2684: bridged Ethernet with and without FCS, two bytes of padding.
            match (oui, cut.u16(6)?) {
                ([0, 0x80, 0xc2], 1 | 7) => down(Layer::Ethernet, cut.skip(10)?),
                (oui, protocol) => end(Network::Other(Unread::Snap(oui, protocol))),
            }
        }
        [0x06, 0x06, 0x03] => down(Layer::Ip, cut.skip(3)?),
        [sap, ..] => end(Network::Other(Unread::Llc(sap))),
    }
}

fn ppp(cut: Cut<'_>) -> Option<Step<'_>> {
    let cut = match cut.array(0)? {
        [0xff, 0x03] => cut.skip(2)?,
        _ => cut,
    };
    // RFC 1661, section 6.5: an odd first byte is a protocol field compressed to one byte.
    let first = cut.u8(0)?;
    let (protocol, rest) =
        if first & 1 == 1 { (u16::from(first), cut.skip(1)?) } else { (cut.u16(0)?, cut.skip(2)?) };
    match protocol {
        0x0021 | 0x0057 => down(Layer::Ip, rest),
        0x0281 | 0x0283 => down(Layer::Mpls, rest),
        0x0031 => down(Layer::Ethernet, rest.skip(2)?),
        _ => end(Network::Other(Unread::Ppp(protocol))),
    }
}

/// Linux's pppd puts a direction, 0 or 1, in place of the address byte, of address and control, or in front.
fn behind_direction(cut: Cut<'_>) -> Cut<'_> {
    let is_ip = |protocol: u16| matches!(protocol, 0x0021 | 0x0057 | 0xff03);
    let skipped = [1, 2].into_iter().find(|at| cut.u8(0) <= Some(1) && cut.u16(*at).is_some_and(is_ip));
    skipped.and_then(|length| cut.skip(length)).unwrap_or(cut)
}

/// RFC 2516, session stage.
fn pppoe(cut: Cut<'_>) -> Option<Step<'_>> {
    let [version_type, code] = cut.array(0)?;
    if version_type != 0x11 {
        return end(Network::Bad("PPPoE of an unknown version"));
    }
    if code != 0 {
        return end(Network::Other(Unread::EtherType(0x8863)));
    }
    let length = usize::from(cut.u16(4)?);
    let rest = cut.skip(6)?;
    // Offload leaves the length at that of the last segment; a giant is told by its size.
    let rest = if rest.wire > 1 << 14 { rest } else { rest.trim(length) };
    down(Layer::Ppp, rest)
}

fn mpls(cut: Cut<'_>) -> Option<Step<'_>> {
    let mut rest = cut;
    for _ in 0..MAX_HEADERS {
        let label = rest.u32(0)?;
        rest = rest.skip(4)?;
        if label & BOTTOM_OF_STACK != 0 {
            return match rest.u8(0)? >> 4 {
                4 | 6 if super::ip::is_plausible(rest) => down(Layer::Ip, rest),
                // RFC 4385 control word, then the frame of a pseudowire.
                0 if ethernet_holds_ip(rest.skip(4)?) => down(Layer::Ethernet, rest.skip(4)?),
                _ if ethernet_holds_ip(rest) => down(Layer::Ethernet, rest),
                4 | 6 => down(Layer::Ip, rest),
                _ => end(Network::Other(Unread::Named("MPLS around something else"))),
            };
        }
    }
    end(Network::Bad("an MPLS stack deeper than the limit"))
}

/// Tests `cut` for a label stack above a consistent IP header, with or without Ethernet between.
pub(super) fn mpls_holds_ip(cut: Cut<'_>) -> bool {
    let holds = |rest: Cut<'_>| super::ip::is_plausible(rest) || ethernet_holds_ip(rest);
    let mut rest = cut;
    for _ in 0..MAX_HEADERS {
        let (Some(label), Some(below)) = (rest.u32(0), rest.skip(4)) else { return false };
        if label & BOTTOM_OF_STACK != 0 {
            return holds(below) || below.skip(4).is_some_and(ethernet_holds_ip);
        }
        rest = below;
    }
    false
}

/// Tests `cut` for an Ethernet frame, with or without VLAN tags, around a consistent IP header, whole or cut.
pub(super) fn ethernet_holds_ip(cut: Cut<'_>) -> bool {
    let mut at = 12;
    for _ in 0..MAX_TAGS {
        match cut.u16(at) {
            Some(0x8100 | 0x88a8 | 0x9100 | 0x9200) => at += 4,
            Some(0x0800 | 0x86dd) => return cut.skip(at + 2).is_some_and(super::ip::is_plausible_in_frame),
            _ => return false,
        }
    }
    false
}

/// BSD loopback: an address family in the byte order of the host, or in network order.
fn null(cut: Cut<'_>) -> Option<Step<'_>> {
    let family = cut.array::<4>(0)?;
    let rest = cut.skip(4)?;
    match u32::from_be_bytes(family).min(u32::from_le_bytes(family)) {
        // AF_INET, then AF_INET6 of Linux, Windows, NetBSD and OpenBSD, FreeBSD, macOS.
        2 | 10 | 23 | 24 | 28 | 30 => down(Layer::Ip, rest),
        family => end(Network::Other(Unread::Family(family))),
    }
}

/// Linux cooked: `hardware` is an `ARPHRD_` value, `protocol` an EtherType or one of Linux's own numbers.
fn cooked(hardware: u16, protocol: u16, rest: Cut<'_>) -> Option<Step<'_>> {
    match (hardware, protocol) {
        (ARPHRD_RADIOTAP, _) => down(Layer::Link(LINK_RADIOTAP), rest),
        (ARPHRD_NETLINK, _) => end(Network::Other(Unread::Named("Netlink"))),
        (_, 0x0004) => down(Layer::Llc, rest),
        (_, 0..=1500) => end(Network::Other(Unread::Cooked(protocol))),
        (_, ether_type) => down(Layer::EtherType(ether_type), rest),
    }
}

/// Apple's packet tap: its own length and the link type behind it, little-endian.
fn pktap(cut: Cut<'_>) -> Option<Step<'_>> {
    let length = u32::from_le_bytes(cut.array(0)?);
    let kind = u32::from_le_bytes(cut.array(4)?);
    let link = u32::from_le_bytes(cut.array(8)?);
    // 1 is PTH_TYPE_PACKET; the fixed part has 12 bytes up to here.
    if kind != 1 {
        return end(Network::Other(Unread::Named("a PKTAP record without a packet")));
    }
    match (usize::try_from(length), u16::try_from(link)) {
        (Ok(length), Ok(link)) if length >= 12 => match cut.skip(length) {
            Some(rest) => down(Layer::Link(link), rest),
            None => end(Network::Bad("a PKTAP header longer than its frame")),
        },
        _ => end(Network::Bad("a PKTAP header of impossible length")),
    }
}

/// Per-packet information: its own length and the link type behind it, little-endian.
fn ppi(cut: Cut<'_>) -> Option<Step<'_>> {
    let length = usize::from(u16::from_le_bytes(cut.array(2)?));
    match u16::try_from(u32::from_le_bytes(cut.array(4)?)) {
        Ok(link) if length >= 8 && length <= cut.wire => {
            let (layer, rest) = (Layer::Link(link), cut.skip(length)?);
            let damaged = link == LINK_IEEE802_11 && wireless::is_damaged_by_ppi(cut.trim(length));
            Some(Step::Marked(layer, rest, Marks { damaged, trailer: 0 }))
        }
        _ => end(Network::Bad("a PPI header of impossible length")),
    }
}

/// Netfilter log: attributes in the byte order of the host, one of them the packet.
fn nflog(cut: Cut<'_>) -> Option<Step<'_>> {
    let family = cut.u8(0)?;
    if family != 2 && family != 10 {
        return end(Network::Other(Unread::Family(u32::from(family))));
    }
    let attributes = cut.skip(4)?;
    match nflog_payload(attributes, u16::from_le_bytes).or_else(|| nflog_payload(attributes, u16::from_be_bytes)) {
        Some(packet) => down(Layer::Ip, packet),
        None => end(Network::Bad("an NFLOG record without its packet")),
    }
}

fn nflog_payload(mut rest: Cut<'_>, number: fn([u8; 2]) -> u16) -> Option<Cut<'_>> {
    for _ in 0..MAX_ATTRIBUTES {
        let length = usize::from(number(rest.array(0)?));
        let kind = number(rest.array(2)?);
        let value = length.checked_sub(4)?;
        if kind == NFULA_PAYLOAD {
            return Some(rest.skip(4)?.trim(value));
        }
        rest = rest.skip(length.next_multiple_of(4))?;
    }
    None
}

// Rationale: eight VLAN tags, a label stack, PPPoE and two wrappers fit; nothing real comes near.
const MAX_HEADERS: usize = 16;
const MAX_TAGS: usize = 8;
const BOTTOM_OF_STACK: u32 = 0x100;
// Rationale: NFLOG defines fewer than 32 attributes.
const MAX_ATTRIBUTES: usize = 64;
const NFULA_PAYLOAD: u16 = 9;
const ARPHRD_RADIOTAP: u16 = 803;
const ARPHRD_NETLINK: u16 = 824;

const LINK_NULL: u16 = 0;
pub(super) const LINK_ETHERNET: u16 = 1;
const LINK_PPP: u16 = 9;
const LINK_RAW_A: u16 = 12;
const LINK_RAW_B: u16 = 14;
const LINK_PPP_HDLC: u16 = 50;
const LINK_PPP_ETHER: u16 = 51;
const LINK_ATM_RFC1483: u16 = 100;
const LINK_RAW: u16 = 101;
const LINK_C_HDLC: u16 = 104;
pub(super) const LINK_IEEE802_11: u16 = 105;
const LINK_LOOP: u16 = 108;
const LINK_SLL: u16 = 113;
pub(super) const LINK_PRISM: u16 = 119;
const LINK_RADIOTAP: u16 = 127;
pub(super) const LINK_AVS: u16 = 163;
const LINK_PPP_PPPD: u16 = 166;
const LINK_PPI: u16 = 192;
const LINK_PPP_WITH_DIR: u16 = 204;
const LINK_IPV4: u16 = 228;
const LINK_IPV6: u16 = 229;
const LINK_NFLOG: u16 = 239;
const LINK_PKTAP: u16 = 258;
const LINK_SLL2: u16 = 276;

#[cfg(test)]
mod tests {
    use crate::anomaly::Kind;
    use crate::capture::LinkType;
    use crate::packet::testing::{decode, ethernet, frame, tcp4, udp6};

    const TCP: &str = "|192.0.2.1:1111>192.0.2.2:2222 Tcp 5/5";
    const UDP: &str = "|[2001:db8::1]:1111>[2001:db8::2]:2222 Udp 5/5";

    fn behind(header: &[u8], packet: &[u8]) -> Vec<u8> {
        [header, packet].concat()
    }

    /// Both versions behind the headers given for each.
    fn expect_both(link: u16, v4: &[u8], v6: &[u8]) {
        assert_eq!(decode(&frame(link, &behind(v4, &tcp4(b"hello")))).text(), TCP, "IPv4 in link type {link}");
        assert_eq!(decode(&frame(link, &behind(v6, &udp6(b"hello")))).text(), UDP, "IPv6 in link type {link}");
    }

    #[test]
    fn every_supported_link_type_leads_to_ip() {
        for link in [12, 14, 101, 228, 229] {
            expect_both(link, &[], &[]);
        }
        expect_both(1, &ethernet(0x0800, &[]), &ethernet(0x86dd, &[]));
        for family in [10, 23, 24, 28, 30] {
            expect_both(0, &[2, 0, 0, 0], &[family, 0, 0, 0]);
            expect_both(0, &[0, 0, 0, 2], &[0, 0, 0, family]);
            expect_both(108, &[0, 0, 0, 2], &[0, 0, 0, family]);
        }
        expect_both(9, &[0xff, 3, 0, 0x21], &[0, 0x57]);
        expect_both(50, &[0xff, 3, 0x21], &[0x0f, 0, 0x86, 0xdd]);
        expect_both(104, &[0x0f, 0, 8, 0], &[0x8f, 0, 0x86, 0xdd]);
        let cooked = |protocol: [u8; 2]| [&[0, 0, 0, 1, 0, 6, 1, 1, 1, 1, 1, 1, 0, 0][..], &protocol].concat();
        expect_both(113, &cooked([8, 0]), &cooked([0x86, 0xdd]));
        let cooked2 = |protocol: [u8; 2]| [&protocol[..], &[0; 6], &[0, 1, 0, 6], &[1; 8]].concat();
        expect_both(276, &cooked2([8, 0]), &cooked2([0x86, 0xdd]));
        let pktap = |link: u8| [&[16, 0, 0, 0, 1, 0, 0, 0, link, 0, 0, 0][..], &[0; 4]].concat();
        expect_both(258, &pktap(12), &pktap(101));
        expect_both(192, &[0, 0, 8, 0, 101, 0, 0, 0], &[0, 0, 12, 0, 12, 0, 0, 0, 1, 1, 1, 1]);
    }

    #[test]
    fn tags_labels_and_sessions_are_stripped_in_any_combination() {
        let tags = [0x88a8_u16, 0x8100, 0x9100, 0x8100, 0x8100, 0x8100, 0x8100, 0x8100];
        let mut header = vec![2; 12];
        for tag in tags {
            header.extend(tag.to_be_bytes());
            header.extend([0, 5]);
        }
        expect_both(1, &behind(&header, &[8, 0]), &behind(&header, &[0x86, 0xdd]));
        let mpls = ethernet(0x8847, &[0, 1, 0, 64, 0, 2, 1, 64]);
        expect_both(1, &mpls, &mpls);
        let pseudowire = behind(&mpls, &[0; 4]);
        expect_both(1, &behind(&pseudowire, &ethernet(0x0800, &[])), &behind(&mpls, &ethernet(0x86dd, &[])));
        let pppoe = |length: u8, protocol: u8| ethernet(0x8864, &[0x11, 0, 0, 7, 0, length, 0, protocol]);
        expect_both(1, &pppoe(47, 0x21), &pppoe(55, 0x57));
        let snap = |length: u16, kind: [u8; 2]| ethernet(length, &[&[0xaa, 0xaa, 3, 0, 0, 0][..], &kind].concat());
        expect_both(1, &snap(53, [8, 0]), &snap(61, [0x86, 0xdd]));
    }

    #[test]
    fn wireless_data_frames_are_read_behind_every_capture_header() {
        let llc = |kind: [u8; 2]| [&[0xaa, 0xaa, 3, 0, 0, 0][..], &kind].concat();
        let plain = |kind| [&[0x08, 0x01][..], &[0; 22], &llc(kind)].concat();
        let qos = |kind| [&[0x88, 0x02][..], &[0; 22], &[0, 0], &llc(kind)].concat();
        let four = |kind| [&[0x88, 0x83][..], &[0; 22], &[0; 6], &[0; 2], &[0; 4], &llc(kind)].concat();
        expect_both(105, &plain([8, 0]), &qos([0x86, 0xdd]));
        expect_both(105, &four([8, 0]), &four([0x86, 0xdd]));
        let radiotap = [0, 0, 18, 0, 3, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 0x20, 0];
        let padded = |kind| [&[0x88, 0x02][..], &[0; 22], &[0, 0], &[0; 2], &llc(kind)].concat();
        expect_both(127, &behind(&radiotap, &padded([8, 0])), &behind(&radiotap, &padded([0x86, 0xdd])));
        let prism = [&[0x44, 0, 0, 0, 144, 0, 0, 0][..], &[0; 136]].concat();
        expect_both(119, &behind(&prism, &plain([8, 0])), &behind(&prism, &qos([0x86, 0xdd])));
        let avs = [&[0x80, 0x21, 0x10, 1, 0, 0, 0, 64][..], &[0; 56]].concat();
        expect_both(163, &behind(&avs, &plain([8, 0])), &behind(&avs, &qos([0x86, 0xdd])));
        expect_both(119, &behind(&avs, &plain([8, 0])), &behind(&avs, &qos([0x86, 0xdd])));
        let encrypted = [&[0x08, 0x41][..], &[0; 40]].concat();
        assert_eq!(decode(&frame(105, &encrypted)).counts.not_ip, 1);
        let aggregate = [&[0x88, 0x02][..], &[0; 22], &[0x80, 0], &[0; 40]].concat();
        assert_eq!(decode(&frame(105, &aggregate)).count(Kind::BadHeader), 1);
    }

    #[test]
    fn netfilter_records_are_read_in_both_byte_orders() {
        let packet = tcp4(b"hello");
        let length = (packet.len() + 4) as u16;
        let little = [&[2, 0, 0, 0, 8, 0, 1, 0, 8, 0, 1, 0][..], &length.to_le_bytes(), &[9, 0], &packet].concat();
        let big = [&[2, 0, 0, 0, 0, 5, 0, 10, 0, 0, 0, 0][..], &length.to_be_bytes(), &[0, 9], &packet].concat();
        assert_eq!(decode(&frame(239, &little)).text(), TCP);
        assert_eq!(decode(&frame(239, &big)).text(), TCP);
    }

    #[test]
    fn an_unknown_link_type_is_counted_per_frame() {
        assert_eq!(decode(&frame(147, b"anything")).count(Kind::UnknownLinkType), 1);
        assert!(!LinkType(147).is_read() && LinkType(1).is_read() && LinkType(258).is_read());
    }

    #[test]
    fn ethernet_padding_and_fcs_are_not_payload() {
        let mut bytes = ethernet(0x0800, &tcp4(b"hello"));
        bytes.extend([0; 10]);
        assert_eq!(decode(&frame(1, &bytes)).text(), TCP);
        let mut bytes = ethernet(0x0800, &tcp4(b"hello"));
        bytes[16..18].copy_from_slice(&[0, 0]);
        bytes.extend([7; 4]);
        let fcs = crate::capture::Frame { fcs_len: 4, ..frame(1, &bytes) };
        assert_eq!(decode(&fcs).text(), TCP, "a total length of zero goes by the frame's, less its FCS");
        let bytes = ethernet(0x0800, &tcp4(b"hello"));
        let none = crate::capture::Frame { fcs_len: 4, ..frame(1, &bytes) };
        assert_eq!(decode(&none).text(), TCP, "the interface states an FCS that is not there");
    }
}
