//! The Azureus messaging protocol, which Azureus, Vuze and BiglyBT speak to one another behind the handshake of BEP 3: a
//! message has a name where BEP 3 has an id.
//!
//! Its length prefix counts what follows: the length of the name (4 bytes), the name, a byte of version (low half) and flags
//! (high half), with flag 1 from version 2 on a length (2 bytes) and as much padding, and a body. That of a `BT_` message is
//! the body of the message of BEP 3, 5, 6, 10 or 52; those of `AZ_` messages are dictionaries. A message of BEP 3 with the id
//! 0 has no body, so the two are told apart by each message itself.
//!
//! Source: `core/peermanager/messaging/azureus` of BiglyBT.

use super::client::printable;
use super::extended::{ExtendedError, dictionary};
use crate::bencode::Item;

/// The kinds of an `AZ_` message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Azureus {
    /// `AZ_HANDSHAKE`: the client, and where it listens.
    Handshake,
    /// `AZ_HAVE`: pieces that the sender has.
    Have,
    /// `AZ_METADATA`: as `ut_metadata` (BEP 9).
    Metadata,
    /// `AZ_PEER_EXCHANGE`.
    PeerExchange,
    /// One that says nothing of pieces, peers or the torrent.
    Other,
}

/// `AZ_HANDSHAKE`. Keys with a value of the wrong kind or range count as absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AzureusHandshake {
    /// `client` and `version`, made printable.
    pub client: Option<String>,
    /// `tcp_port`: the port that the sender says it listens on.
    pub port: Option<u16>,
}

impl Azureus {
    /// The name that the message has on the wire; `AZ_` where it may be one of several.
    pub fn name(self) -> &'static str {
        let named = NAMES.iter().find(|(_, named)| self != Self::Other && *named == Named::Azureus(self));
        named.map_or("AZ_", |(name, _)| name)
    }
}

impl AzureusHandshake {
    /// Parses the body.
    ///
    /// # Errors
    /// When it does not begin with a dictionary.
    pub fn parse(body: &[u8]) -> Result<Self, ExtendedError> {
        let (root, _) = dictionary(body)?;
        let text = |key: &[u8]| root.find(key).and_then(|item| item.bytes()).map(printable);
        let client = text(b"client").map(|client| match text(b"version") {
            Some(version) => format!("{client} {version}"),
            None => client,
        });
        let port = root.find(b"tcp_port").and_then(|item| item.int());
        Ok(Self { client, port: port.and_then(|port| u16::try_from(port).ok()).filter(|port| *port != 0) })
    }
}

/// The pieces that the body of an `AZ_HAVE` names, in its order.
///
/// # Errors
/// When it does not begin with a dictionary, or that has no list of piece indexes.
pub fn azureus_have(body: &[u8]) -> Result<Vec<u32>, ExtendedError> {
    let (root, _) = dictionary(body)?;
    let index = |item: &Item<'_>| item.int().and_then(|index| u32::try_from(index).ok());
    let pieces = root.find(b"pieces").and_then(|item| item.list());
    let pieces = pieces.and_then(|list| list.iter().map(index).collect());
    pieces.ok_or(ExtendedError::Key { key: "pieces", expected: "a list of piece indexes" })
}

/// The kind of a message as its name states it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// The message of this id.
    Id(u8),
    /// Keep-alive, which has no id.
    KeepAlive,
    Azureus(Azureus),
}

/// The reading of the bytes behind a length prefix: a name, or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sniff {
    /// No name of this protocol.
    No,
    /// Perhaps: more bytes tell.
    More,
    /// `BT_PIECE`, with so many bytes before its body.
    Piece(usize),
    /// Another name.
    Name,
}

/// Tells by the bytes behind a length prefix of `len` whether they are a message of this protocol.
pub(super) fn sniff(bytes: &[u8], len: u32) -> Sniff {
    let shape = [0, 0, 0];
    let Some((&size, name)) = bytes.get(shape.len()..).and_then(|rest| rest.split_first()) else {
        return if len > LEAST && shape.starts_with(bytes) { Sniff::More } else { Sniff::No };
    };
    let size = usize::from(size);
    if !bytes.starts_with(&shape) || !NAME_LENGTHS.contains(&size) || len < LEAST + size as u32 {
        return Sniff::No;
    }
    let begins =
        |prefix: &[u8]| if prefix.len() > name.len() { prefix.starts_with(name) } else { name.starts_with(prefix) };
    if !begins(b"BT_") && !begins(b"AZ_") {
        return Sniff::No;
    }
    match name.get(..size) {
        None => Sniff::More,
        Some(name) if name != PIECE => Sniff::Name,
        Some(_) => match head(bytes, 4 + size) {
            None => Sniff::More,
            Some(head) if head > MAX_HEAD || head as u32 + PLACE > len => Sniff::Name,
            Some(head) => Sniff::Piece(head),
        },
    }
}

/// The name of a message, and how many bytes stand before its body, all behind the first byte of the length of the name;
/// `None` when they are none of this protocol, or too few.
pub(super) fn parts(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let ([0, 0, size], rest) = bytes.split_first_chunk()? else { return None };
    let head = head(bytes, 3 + usize::from(*size)).filter(|head| *head <= bytes.len())?;
    Some((rest.get(..usize::from(*size))?, head))
}

/// Bytes before the body, once those are there that tell: `version` is the place of the version.
fn head(bytes: &[u8], version: usize) -> Option<usize> {
    let (flags, rest) = bytes.get(version..)?.split_first()?;
    if flags & 0x0f < PADDED || flags & 0x10 == 0 {
        return Some(version + 1);
    }
    let padding = rest.first_chunk().map(|bytes| u16::from_be_bytes(*bytes))?;
    Some(version + 3 + usize::from(padding))
}

impl Named {
    /// Looks `name` up; `None` for one that is not known.
    pub(super) fn of(name: &[u8]) -> Option<Self> {
        let known = NAMES.iter().find(|(known, _)| known.as_bytes() == name);
        known.map(|(_, named)| *named)
    }
}

/// All that clients send.
const NAMES: [(&str, Named); 29] = [
    ("BT_CHOKE", Named::Id(0)),
    ("BT_UNCHOKE", Named::Id(1)),
    ("BT_INTERESTED", Named::Id(2)),
    ("BT_UNINTERESTED", Named::Id(3)),
    ("BT_HAVE", Named::Id(4)),
    ("BT_BITFIELD", Named::Id(5)),
    ("BT_REQUEST", Named::Id(6)),
    ("BT_PIECE", Named::Id(7)),
    ("BT_CANCEL", Named::Id(8)),
    ("BT_DHT_PORT", Named::Id(9)),
    ("BT_KEEP_ALIVE", Named::KeepAlive),
    ("BT_SUGGEST_PIECE", Named::Id(13)),
    ("BT_HAVE_ALL", Named::Id(14)),
    ("BT_HAVE_NONE", Named::Id(15)),
    ("BT_REJECT_REQUEST", Named::Id(16)),
    ("BT_ALLOWED_FAST", Named::Id(17)),
    ("BT_LT_EXT_MESSAGE", Named::Id(20)),
    ("BT_HASH_REQUEST", Named::Id(21)),
    ("BT_HASHES", Named::Id(22)),
    ("BT_HASH_REJECT", Named::Id(23)),
    ("AZ_HANDSHAKE", Named::Azureus(Azureus::Handshake)),
    ("AZ_HAVE", Named::Azureus(Azureus::Have)),
    ("AZ_METADATA", Named::Azureus(Azureus::Metadata)),
    ("AZ_PEER_EXCHANGE", Named::Azureus(Azureus::PeerExchange)),
    ("AZ_GENERIC_MAP", Named::Azureus(Azureus::Other)),
    ("AZ_REQUEST_HINT", Named::Azureus(Azureus::Other)),
    ("AZ_BAD_PIECE", Named::Azureus(Azureus::Other)),
    ("AZ_STAT_REQ", Named::Azureus(Azureus::Other)),
    ("AZ_STAT_REP", Named::Azureus(Azureus::Other)),
];
const PIECE: &[u8] = b"BT_PIECE";
/// Lengths of the names above, in bytes.
const NAME_LENGTHS: std::ops::RangeInclusive<usize> = 7..=17;
/// Bytes of a message besides its name: that name's length, and the version.
const LEAST: u32 = 5;
/// Piece index and offset, the first of the body of a `piece`.
const PLACE: u32 = 8;
/// The version from which on there may be padding.
const PADDED: u8 = 2;
/// The most bytes between the length prefix of a `BT_PIECE` and its body.
// Rationale: clients pad by less than 20 bytes.
const MAX_HEAD: usize = 4 + PIECE.len() + 3 + 64;
/// The longest header of a `piece` message of this protocol, in bytes.
pub(super) const MAX_HEADER: usize = 4 + MAX_HEAD + PLACE as usize;

/// Builds messages for tests.
#[cfg(test)]
pub(super) mod encode {
    /// The whole message on the wire, with `padding` bytes of padding where that is not 0.
    pub fn message(name: &str, padding: u16, body: &[u8]) -> Vec<u8> {
        let mut bytes = [&(name.len() as u32).to_be_bytes()[..], name.as_bytes()].concat();
        if padding == 0 {
            bytes.push(2);
        } else {
            bytes.push(0x12);
            bytes.extend_from_slice(&padding.to_be_bytes());
            bytes.extend(std::iter::repeat_n(0, usize::from(padding)));
        }
        bytes.extend_from_slice(body);
        [&(bytes.len() as u32).to_be_bytes()[..], &bytes].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_told_from_an_id_as_soon_as_the_bytes_are_there() {
        for (name, padding, expected) in [
            ("AZ_HANDSHAKE", 0, Sniff::Name),
            ("BT_REQUEST", 7, Sniff::Name),
            ("BT_PIECE", 0, Sniff::Piece(13)),
            ("BT_PIECE", 19, Sniff::Piece(34)),
            ("BT_PIECE", 999, Sniff::Name),
        ] {
            let message = encode::message(name, padding, &[0; 12]);
            let (len, bytes) = (message.len() as u32 - 4, &message[4..]);
            let told = (0..bytes.len()).find(|end| sniff(&bytes[..*end], len) != Sniff::More).expect("told");
            assert_eq!(sniff(&bytes[..told], len), expected, "{name} {padding}");
            assert_eq!(sniff(bytes, len), expected, "{name} {padding}");
            let (found, head) = parts(&bytes[1..]).expect("whole");
            assert_eq!((found, &bytes[1 + head..]), (name.as_bytes(), &[0; 12][..]));
        }
    }

    #[test]
    fn what_is_no_name_is_no_message_of_this_protocol() {
        for bytes in [
            &b"\0\0\0\x07AB_HAVE\x02"[..],
            b"\0\0\0\x03BT_\x02",
            b"\0\0\x01\x07BT_HAVE\x02",
            b"\x01",
            b"\0\0\0\xffBT_",
        ] {
            assert_eq!(sniff(bytes, 200), Sniff::No, "{bytes:?}");
        }
        assert_eq!(sniff(b"\0\0\0\x07BT_HAVE\x02", 11), Sniff::No, "shorter than its name");
        assert_eq!(sniff(b"", 1), Sniff::No, "choke");
        assert!(NAMES.iter().all(|(name, _)| NAME_LENGTHS.contains(&name.len())));
    }
}
