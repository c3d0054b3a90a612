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
    /// Entries that name no endpoint: port 0, the unspecified address, or a host name (which is not looked up).
    pub unusable: u64,
}

impl PeerList {
    /// IPv4 addresses of 6 bytes each; `None` for a string that is not a whole number of them.
    pub fn v4(bytes: &[u8]) -> Option<Self> {
        let (entries, []) = bytes.as_chunks::<6>() else { return None };
        Some(entries.iter().map(|entry| endpoint_v4(*entry)).collect())
    }

    /// IPv6 addresses of 18 bytes each; `None` for a string that is not a whole number of them.
    pub fn v6(bytes: &[u8]) -> Option<Self> {
        let (entries, []) = bytes.as_chunks::<18>() else { return None };
        Some(entries.iter().map(|entry| endpoint_v6(*entry)).collect())
    }

    /// Whether nothing is in it, not even an unusable entry.
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
    fn whole_entries_are_read_and_no_other_length() {
        let four = [10, 0, 0, 2, 0x1a, 0xe1, 10, 0, 0, 1, 0x1a, 0xe2];
        assert_eq!(
            PeerList::v4(&four).as_ref().map(shown),
            Some(vec!["10.0.0.1:6882".into(), "10.0.0.2:6881".into()])
        );
        let six: Vec<u8> = [&[0x20, 1, 0xd, 0xb8][..], &[0; 11], &[7, 0x1a, 0xe1]].concat();
        assert_eq!(PeerList::v6(&six).as_ref().map(shown), Some(vec!["[2001:db8::7]:6881".into()]));
        for end in 0..=four.len() {
            assert_eq!(PeerList::v4(&four[..end]).is_some(), end % 6 == 0, "{end}");
        }
        for end in 0..=six.len() {
            assert_eq!(PeerList::v6(&six[..end]).is_some(), end % 18 == 0, "{end}");
        }
    }

    #[test]
    fn what_names_nobody_is_counted_and_doubles_are_one() {
        let list = PeerList::v4(&[1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 9, 1, 2, 3, 4, 0, 9, 1, 2, 3, 4, 0, 9]);
        assert_eq!(list.as_ref().map(|list| (shown(list), list.unusable)), Some((vec!["1.2.3.4:9".into()], 2)));
        let mapped: Vec<u8> = [&[0; 10][..], &[0xff, 0xff, 1, 2, 3, 4, 0, 9]].concat();
        assert_eq!(PeerList::v6(&mapped).as_ref().map(shown), Some(vec!["1.2.3.4:9".into()]));
    }
}
