//! Compact addresses (BEP 23, BEP 7, BEP 32): four or sixteen bytes of address, two of port, in network order.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::ends::Endpoint;

/// The addresses that a list holds.
///
/// # Invariants
/// - `peers` is sorted, each of them once, with a port other than 0 and an address that is not all zeros.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PeerList {
    /// The addresses; an IPv4 address written as an IPv6 one is the IPv4 address.
    pub peers: Vec<Endpoint>,
    /// Entries that name no endpoint: port 0, the unspecified address, a host name (which is not looked up), a part of an
    /// entry.
    pub unusable: u64,
}

impl PeerList {
    /// IPv4 addresses of 6 bytes each; what is left over at the end names nobody.
    pub fn v4(bytes: &[u8]) -> Self {
        let (entries, rest) = bytes.as_chunks::<6>();
        entries.iter().map(|entry| endpoint_v4(*entry)).chain((!rest.is_empty()).then_some(None)).collect()
    }

    /// IPv6 addresses of 18 bytes each; what is left over at the end names nobody.
    pub fn v6(bytes: &[u8]) -> Self {
        let (entries, rest) = bytes.as_chunks::<18>();
        entries.iter().map(|entry| endpoint_v6(*entry)).chain((!rest.is_empty()).then_some(None)).collect()
    }

    /// Returns true if the list has no entry, not even an unusable one.
    pub fn is_empty(&self) -> bool {
        self.peers.is_empty() && self.unusable == 0
    }

    /// Adds what another list holds.
    pub fn join(&mut self, other: Self) {
        self.peers.extend(other.peers);
        self.peers.sort_unstable();
        self.peers.dedup();
        self.unusable += other.unusable;
    }
}

impl FromIterator<Option<Endpoint>> for PeerList {
    /// `None` stands for an entry that names no endpoint.
    fn from_iter<T: IntoIterator<Item = Option<Endpoint>>>(entries: T) -> Self {
        let mut list = Self::default();
        for entry in entries {
            match entry {
                Some(peer) => list.peers.push(peer),
                None => list.unusable += 1,
            }
        }
        list.peers.sort_unstable();
        list.peers.dedup();
        list
    }
}

/// The endpoint, where address and port can be anybody's.
pub(super) fn endpoint(ip: IpAddr, port: u16) -> Option<Endpoint> {
    let ip = ip.to_canonical();
    (port != 0 && !ip.is_unspecified()).then_some(Endpoint { ip, port })
}

/// A compact IPv4 address.
pub(super) fn endpoint_v4([a, b, c, d, high, low]: [u8; 6]) -> Option<Endpoint> {
    endpoint(Ipv4Addr::new(a, b, c, d).into(), u16::from_be_bytes([high, low]))
}

/// A compact IPv6 address.
pub(super) fn endpoint_v6([address @ .., high, low]: [u8; 18]) -> Option<Endpoint> {
    endpoint(Ipv6Addr::from(address).into(), u16::from_be_bytes([high, low]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(list: &PeerList) -> Vec<String> {
        list.peers.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn whole_entries_are_read_and_a_part_of_one_names_nobody() {
        let four = [10, 0, 0, 2, 0x1a, 0xe1, 10, 0, 0, 1, 0x1a, 0xe2];
        assert_eq!(shown(&PeerList::v4(&four)), ["10.0.0.1:6882", "10.0.0.2:6881"]);
        let six: Vec<u8> = [&[0x20, 1, 0xd, 0xb8][..], &[0; 11], &[7, 0x1a, 0xe1]].concat();
        assert_eq!(shown(&PeerList::v6(&six)), ["[2001:db8::7]:6881"]);
        for end in 0..=four.len() {
            let list = PeerList::v4(&four[..end]);
            assert_eq!((list.peers.len(), list.unusable), (end / 6, u64::from(end % 6 != 0)), "{end}");
        }
        for end in 0..=six.len() {
            let list = PeerList::v6(&six[..end]);
            assert_eq!((list.peers.len(), list.unusable), (end / 18, u64::from(end % 18 != 0)), "{end}");
        }
    }

    #[test]
    fn what_names_nobody_is_counted_and_doubles_are_one() {
        let list = PeerList::v4(&[1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 9, 1, 2, 3, 4, 0, 9, 1, 2, 3, 4, 0, 9]);
        assert_eq!((shown(&list), list.unusable), (vec!["1.2.3.4:9".into()], 2));
        let mapped: Vec<u8> = [&[0; 10][..], &[0xff, 0xff, 1, 2, 3, 4, 0, 9]].concat();
        assert_eq!(shown(&PeerList::v6(&mapped)), ["1.2.3.4:9"]);
    }
}
