//! Tags between an Ethernet header and IP that switches and service chains add.

use super::cut::Cut;
use super::link::{Descent, Layer, Network, down, end};
use super::unread::Unread;

/// A tag of `length` bytes whose last two are the EtherType of what follows.
pub(super) fn fixed(cut: Cut<'_>, length: usize) -> Option<Descent<'_>> {
    down(Layer::EtherType(cut.u16(length.checked_sub(2)?)?), cut.skip(length)?)
}

/// Cisco MetaData: version, number of options of four bytes, those, and the EtherType.
pub(super) fn cisco_metadata(cut: Cut<'_>) -> Option<Descent<'_>> {
    let options = usize::from(cut.u8(1)?.max(1));
    fixed(cut, 4 + options * 4)
}

/// RFC 8300: a base header that states its length in words of four bytes, and the number of what follows.
pub(super) fn service_header(cut: Cut<'_>) -> Option<Descent<'_>> {
    let [first, second, _, next] = cut.array(0)?;
    let words = usize::from(second & 0x3f);
    if first >> 6 != 0 || words < 2 {
        return end(Network::Bad("a network service header of an unknown version or impossible length"));
    }
    let rest = cut.skip(words * 4)?;
    match next {
        // Section 2.2: a packet of operations and maintenance is addressed to the chain itself.
        _ if first & NSH_OAM != 0 => end(Network::Other(Unread::EtherType(NSH))),
        1 | 2 => down(Layer::Ip, rest),
        3 => down(Layer::Ethernet, rest),
        4 => down(Layer::EtherType(NSH), rest),
        5 => down(Layer::Mpls, rest),
        _ => end(Network::Other(Unread::EtherType(NSH))),
    }
}

/// IEEE 802.1AE: integrity without encryption leaves the frame as it was, its EtherType behind the tag.
pub(super) fn macsec(cut: Cut<'_>) -> Option<Descent<'_>> {
    let control = cut.u8(0)?;
    if control & (MACSEC_VERSION | MACSEC_ENCRYPTED | MACSEC_CHANGED) != 0 {
        return end(Network::Other(Unread::EtherType(MACSEC)));
    }
    fixed(cut, if control & MACSEC_CHANNEL != 0 { 16 } else { 8 })
}

pub(super) const MACSEC: u16 = 0x88e5;
pub(super) const NSH: u16 = 0x894f;
const NSH_OAM: u8 = 0x20;
const MACSEC_VERSION: u8 = 0x80;
const MACSEC_CHANNEL: u8 = 0x20;
const MACSEC_ENCRYPTED: u8 = 0x08;
const MACSEC_CHANGED: u8 = 0x04;

#[cfg(test)]
mod tests {
    use crate::packet::testing::{decode, ethernet, frame, tcp4, udp6};

    const TCP: &str = "|192.0.2.1:1111>192.0.2.2:2222 Tcp 5/5";
    const UDP: &str = "|[2001:db8::1]:1111>[2001:db8::2]:2222 Udp 5/5";

    /// `tag` behind the EtherType `number`, then IPv4, with bytes behind it that an integrity check may be.
    fn tagged(number: u16, tag: &[u8]) -> Vec<u8> {
        [&ethernet(number, tag)[..], &[8, 0], &tcp4(b"hello"), &[9; 16]].concat()
    }

    #[test]
    fn the_packet_behind_a_tag_is_read() {
        let secure = |control: u8, rest: usize| [&[control, 0][..], &vec![0; rest]].concat();
        for (number, tag) in [
            (0x8926, vec![0, 0, 0, 0x14]),
            (0x8988, vec![0, 0, 0, 0, 0, 1]),
            (0x8909, vec![1, 1, 0, 1, 0, 1]),
            (0x8909, vec![1, 2, 0, 1, 0, 1, 0, 2, 0, 2]),
            (0x893f, vec![0, 1, 0, 2, 0, 0]),
            (0x892f, vec![0x10, 0x40, 0, 7]),
            (0x88e5, secure(0, 4)),
            (0x88e5, secure(0x20, 12)),
            (0x88e5, secure(0x41, 4)),
        ] {
            assert_eq!(decode(&frame(1, &tagged(number, &tag))).text(), TCP, "{number:#06x} {tag:?}");
            let both = [&[2; 12][..], &[0x81, 0, 0, 5], &tagged(number, &tag)[12..]].concat();
            assert_eq!(decode(&frame(1, &both)).text(), TCP, "{number:#06x} {tag:?} behind a VLAN tag");
        }
    }

    #[test]
    fn a_service_header_leads_to_ip_of_both_versions_ethernet_and_another_one() {
        let chain = |next: u8| [0x0f, 0xc2, 2, next, 0, 0, 1, 255];
        let read = |parts: &[&[u8]]| decode(&frame(1, &ethernet(0x894f, &parts.concat()))).text().to_owned();
        assert_eq!(read(&[&chain(1), &tcp4(b"hello")]), TCP);
        assert_eq!(read(&[&chain(2), &udp6(b"hello")]), UDP);
        assert_eq!(read(&[&chain(3), &ethernet(0x0800, &tcp4(b"hello"))]), TCP);
        assert_eq!(read(&[&chain(4), &chain(1), &tcp4(b"hello")]), TCP);
        let long = [&[0x0f, 0xc6, 1, 1, 0, 0, 1, 255][..], &[0; 16]].concat();
        assert_eq!(read(&[&long, &tcp4(b"hello")]), TCP);
    }

    #[test]
    fn what_a_tag_hides_is_named() {
        let encrypted = tagged(0x88e5, &[0x0c, 0, 0, 0, 0, 1]);
        assert_eq!(decode(&frame(1, &encrypted)).unread, [("EtherType 0x88e5 (MACsec, encrypted)".to_owned(), 1)]);
        let maintenance = ethernet(0x894f, &[0x2f, 0xc2, 2, 1, 0, 0, 1, 255]);
        assert_eq!(decode(&frame(1, &maintenance)).unread, [("EtherType 0x894f (NSH)".to_owned(), 1)]);
    }
}
