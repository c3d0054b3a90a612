//! Peer exchange, `ut_pex` (BEP 11) and `AZ_PEER_EXCHANGE` of Azureus: whom a peer says it is connected to. Hearsay, never
//! evidence.

use std::net::SocketAddr;

use super::extended::{ExtendedError, dictionary, socket_v4, socket_v6};
use crate::bencode::Value;

/// A `ut_pex` message (BEP 11).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PexMessage {
    /// Peers that the sender says it is connected to: IPv4 first, each family in the order sent.
    pub added: Vec<PexPeer>,
    /// Peers that it says it is no longer connected to, in the same order.
    pub dropped: Vec<SocketAddr>,
}

/// A peer that another one named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PexPeer {
    /// Its address and listen port, as named.
    pub address: SocketAddr,
    /// Statements about the peer; `None` when the message has no flags.
    pub flags: Option<PexFlags>,
}

/// Flags by which a peer describes another one (BEP 11).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PexFlags(pub u8);

impl PexFlags {
    /// 0x01: it prefers encryption.
    pub fn prefers_encryption(self) -> bool {
        self.0 & 0x01 != 0
    }

    /// 0x02: it is a seed, or downloads nothing.
    pub fn seed(self) -> bool {
        self.0 & 0x02 != 0
    }

    /// 0x04: it speaks uTP.
    pub fn utp(self) -> bool {
        self.0 & 0x04 != 0
    }

    /// 0x08: it takes part in hole punching (BEP 55).
    pub fn holepunch(self) -> bool {
        self.0 & 0x08 != 0
    }

    /// 0x10: the sender reached it by an outgoing connection.
    pub fn reachable(self) -> bool {
        self.0 & 0x10 != 0
    }
}

impl PexMessage {
    /// Parses the body behind the extended id. Keys may be absent.
    ///
    /// # Errors
    /// When the body does not begin with a dictionary, or a list is no string. A part of an entry at the end of one is
    /// left out, and a peer beyond the flags has none, as clients read it.
    pub fn parse(body: &[u8]) -> Result<Self, ExtendedError> {
        let (root, _) = dictionary(body)?;
        let mut message = Self::default();
        message.added.extend(with_flags(&root, addresses(&root, "added", socket_v4)?, "added.f")?);
        message.added.extend(with_flags(&root, addresses(&root, "added6", socket_v6)?, "added6.f")?);
        message.dropped.extend(addresses(&root, "dropped", socket_v4)?);
        message.dropped.extend(addresses(&root, "dropped6", socket_v6)?);
        Ok(message)
    }
}

/// An `AZ_PEER_EXCHANGE` message, as Azureus, Vuze and BiglyBT send it to one another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AzureusPex {
    /// The torrent; `None` where the message does not name it.
    pub info_hash: Option<[u8; 20]>,
    /// Peers that the sender says it is connected to: IPv4 first, each family in the order sent.
    pub added: Vec<SocketAddr>,
}

impl AzureusPex {
    /// Parses the body: a dictionary whose lists have a string for each address.
    ///
    /// # Errors
    /// When the body does not begin with a dictionary, or a list is none of addresses.
    pub fn parse(body: &[u8]) -> Result<Self, ExtendedError> {
        let (root, _) = dictionary(body)?;
        let info_hash = root.find(b"infohash").and_then(|item| item.bytes()).and_then(|hash| hash.try_into().ok());
        let mut added = listed(&root, "added", socket_v4)?;
        added.extend(listed(&root, "added6", socket_v6)?);
        Ok(Self { info_hash, added })
    }
}

/// Addresses as strings of a list, or as one string.
fn listed<const N: usize>(
    root: &Value<'_>,
    key: &'static str,
    address: fn(&[u8; N]) -> SocketAddr,
) -> Result<Vec<SocketAddr>, ExtendedError> {
    let Some(list) = root.find(key.as_bytes()).and_then(|item| item.list()) else {
        return addresses(root, key, address);
    };
    let expected = "a list of addresses";
    list.iter()
        .map(|item| item.bytes().and_then(|bytes| bytes.try_into().ok()).map(address))
        .collect::<Option<_>>()
        .ok_or(ExtendedError::Key { key, expected })
}

/// The string under `key`; empty when the key is absent.
fn string<'a>(root: &Value<'a>, key: &'static str) -> Result<&'a [u8], ExtendedError> {
    let Some(item) = root.find(key.as_bytes()) else {
        return Ok(&[]);
    };
    item.bytes().ok_or(ExtendedError::Key { key, expected: "a string" })
}

fn addresses<const N: usize>(
    root: &Value<'_>,
    key: &'static str,
    address: fn(&[u8; N]) -> SocketAddr,
) -> Result<Vec<SocketAddr>, ExtendedError> {
    let (entries, _) = string(root, key)?.as_chunks::<N>();
    Ok(entries.iter().map(address).collect())
}

fn with_flags(
    root: &Value<'_>,
    addresses: Vec<SocketAddr>,
    key: &'static str,
) -> Result<Vec<PexPeer>, ExtendedError> {
    let flags = string(root, key)?;
    let peer = |(n, address)| PexPeer { address, flags: flags.get(n).copied().map(PexFlags) };
    Ok(addresses.into_iter().enumerate().map(peer).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A dictionary of strings.
    fn body(entries: &[(&str, &[u8])]) -> Vec<u8> {
        let entry = |(key, value): &(&str, &[u8])| {
            [format!("{}:{key}{}:", key.len(), value.len()).as_bytes(), value].concat()
        };
        [b"d".to_vec(), entries.iter().flat_map(entry).collect(), b"e".to_vec()].concat()
    }

    #[test]
    fn both_families_are_read_with_their_flags() {
        let six = [&[0xfe; 16][..], &[0, 80]].concat();
        let added = [10, 0, 0, 1, 0x1a, 0xe1, 10, 0, 0, 2, 0, 1];
        let body = body(&[
            ("added", &added),
            ("added.f", &[0x02, 0x15]),
            ("added6", &six),
            ("dropped", &added[..6]),
            ("dropped6", &six),
        ]);
        let message = PexMessage::parse(&body).expect("sound");
        assert_eq!(message.added.len(), 3);
        assert_eq!(message.added[0].address, SocketAddr::from(([10, 0, 0, 1], 6881)));
        let flags = message.added[1].flags.expect("given");
        assert!(flags.prefers_encryption() && flags.utp() && flags.reachable());
        assert!(!flags.seed() && !flags.holepunch());
        assert_eq!((message.added[2].flags, message.added[2].address.port()), (None, 80));
        assert_eq!(message.dropped.len(), 2);
        for end in 0..body.len() {
            assert!(PexMessage::parse(&body[..end]).is_err(), "cut to {end}");
        }
    }

    #[test]
    fn addresses_of_azureus_are_strings_of_a_list() {
        let list = b"d5:addedl6:\x0a\0\0\x01\x1a\xe16:\x0a\0\0\x02\0\x01e6:added6l18:\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07\0\x50e\
            8:infohash20:mnopqrstuvwxyz123456e";
        let found = AzureusPex::parse(list).expect("sound");
        let shown: Vec<_> = found.added.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["10.0.0.1:6881", "10.0.0.2:1", "[2001:db8::7]:80"]);
        assert_eq!(found.info_hash, Some(*b"mnopqrstuvwxyz123456"));
        for end in 0..list.len() {
            assert!(AzureusPex::parse(&list[..end]).is_err(), "cut to {end}");
        }
        let error = ExtendedError::Key { key: "added", expected: "a list of addresses" };
        assert_eq!(AzureusPex::parse(b"d5:addedl5:aaaaaee"), Err(error));
        assert_eq!(AzureusPex::parse(b"d5:added6:\x0a\0\0\x01\x1a\xe1e").map(|found| found.added.len()), Ok(1));
    }

    #[test]
    fn what_is_no_list_is_an_error_that_names_it_and_a_part_of_an_entry_loses_no_other() {
        let broken = |key, expected| Err(ExtendedError::Key { key, expected });
        let added =
            |entries: &[(&str, &[u8])]| PexMessage::parse(&body(entries)).map(|message| message.added.len());
        assert_eq!(added(&[("added", &[1; 7])]), Ok(1));
        assert_eq!(added(&[("added", &[1; 12]), ("added.f", &[1])]), Ok(2));
        assert_eq!(PexMessage::parse(b"d7:droppedi1ee"), broken("dropped", "a string"));
        assert_eq!(PexMessage::parse(b"de"), Ok(PexMessage::default()));
    }
}
