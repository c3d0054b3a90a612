//! Extension messages: what [`Message::Extended`](super::Message::Extended) carries.
//!
//! The handshake (BEP 10) says under which id each other message travels, and it is the receiver's handshake that
//! counts for what is sent to it. Everything here is said by a peer about itself or others: hearsay.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::client::printable;
use crate::bencode::{BencodeError, Bounds, Value, parse_prefix};

/// Why an extension message was not understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExtendedError {
    /// The body does not begin with a bencoded value.
    #[error(transparent)]
    Bencode(#[from] BencodeError),
    /// The body is no dictionary.
    #[error("found {found}, expected a dictionary")]
    NotADictionary {
        /// The type that was found.
        found: &'static str,
    },
    /// A key that the BEP demands is absent, or its value is of the wrong kind or out of range.
    #[error("key {key}: absent, or not {expected}")]
    Key {
        /// The key.
        key: &'static str,
        /// The value that the key should have.
        expected: &'static str,
    },
    /// A body of a length that the BEP does not allow.
    #[error("found {found} bytes, expected {expected}")]
    Length {
        /// Bytes in the body.
        found: usize,
        /// The lengths that the BEP allows.
        expected: &'static str,
    },
    /// A field with a value that the BEP does not define.
    #[error("{field}: undefined value {found}")]
    Field {
        /// Name of the field.
        field: &'static str,
        /// Its value.
        found: u8,
    },
}

/// The extension handshake (BEP 10, extended id 0), with the keys of BEP 9 and 21 and of libtorrent.
///
/// Keys with a value of the wrong kind or range are left out and named in `faults`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExtendedHandshake {
    /// `m`: the id under which the sender wants to receive each extension message; 0 switches it off. At most
    /// 256 entries (the ids), names made printable.
    pub extensions: BTreeMap<String, u8>,
    /// `p`: the TCP port that the sender says it listens on.
    pub port: Option<u16>,
    /// `v`: the client's name and version, made printable.
    pub client: Option<String>,
    /// `yourip`: the address under which the sender sees the receiver.
    pub your_ip: Option<IpAddr>,
    /// `ipv4`: the sender's own IPv4 address, as it says.
    pub ipv4: Option<Ipv4Addr>,
    /// `ipv6`: the sender's own IPv6 address, as it says.
    pub ipv6: Option<Ipv6Addr>,
    /// `reqq`: how many outstanding requests the sender accepts.
    pub request_queue: Option<u32>,
    /// `upload_only` (BEP 21): whether the sender says that it downloads nothing.
    pub upload_only: Option<bool>,
    /// `metadata_size` (BEP 9): bytes of the info dictionary, as the sender says.
    pub metadata_size: Option<u32>,
    /// `complete_ago` (libtorrent): seconds since the sender completed the torrent; negative: it has not.
    pub complete_ago: Option<i64>,
    /// Keys whose value does not fit, in the order above.
    pub faults: Vec<&'static str>,
}

impl ExtendedHandshake {
    /// Parses the body of an extended message with id 0. Bytes behind the dictionary are ignored.
    ///
    /// # Errors
    /// When the body does not begin with a bencoded dictionary within the bounds for messages.
    pub fn parse(body: &[u8]) -> Result<Self, ExtendedError> {
        let (root, _) = dictionary(body)?;
        let mut faults = Vec::new();
        let mut extensions = BTreeMap::new();
        if let Some(names) = root.find(b"m") {
            let entries = names.dict().unwrap_or_default();
            let mut sound = names.dict().is_some();
            for (name, item) in entries {
                match item.int().and_then(|id| u8::try_from(id).ok()) {
                    Some(id) if extensions.len() < MAX_EXTENSIONS => {
                        extensions.insert(printable(name), id);
                    }
                    _ => sound = false,
                }
            }
            if !sound {
                faults.push("m");
            }
        }
        let mut read = Optional { root: &root, faults: &mut faults };
        Ok(Self {
            extensions,
            port: read.number("p"),
            client: read.value("v", |value| value.bytes().map(printable)),
            your_ip: read.value("yourip", |value| value.bytes().and_then(ip)),
            ipv4: read.value("ipv4", |value| <[u8; 4]>::try_from(value.bytes()?).ok().map(Ipv4Addr::from)),
            ipv6: read.value("ipv6", |value| <[u8; 16]>::try_from(value.bytes()?).ok().map(Ipv6Addr::from)),
            request_queue: read.number("reqq"),
            upload_only: read.number::<i64>("upload_only").map(|flag| flag != 0),
            metadata_size: read.number("metadata_size"),
            complete_ago: read.number("complete_ago"),
            faults,
        })
    }

    /// The id under which the sender wants to receive `name` (such as `ut_pex`); `None` when it is switched off.
    pub fn id_of(&self, name: &str) -> Option<u8> {
        self.extensions.get(name).copied().filter(|id| *id != 0)
    }

    /// The extension that messages with `id` to the sender of this handshake carry.
    pub fn name_of(&self, id: u8) -> Option<&str> {
        self.extensions.iter().find(|(_, known)| id != 0 && **known == id).map(|(name, _)| name.as_str())
    }
}

/// A `ut_metadata` message (BEP 9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetadataMessage<'a> {
    /// Asks for a 16 KiB piece of the info dictionary.
    Request {
        /// Index of the metadata piece.
        piece: u32,
    },
    /// Carries one.
    Data {
        /// Index of the metadata piece.
        piece: u32,
        /// Bytes of the whole info dictionary, as the sender says; absent from some clients' messages.
        total_size: Option<u32>,
        /// The piece's bytes; at most 16,384.
        payload: &'a [u8],
    },
    /// Refuses one.
    Reject {
        /// Index of the metadata piece.
        piece: u32,
    },
}

impl<'a> MetadataMessage<'a> {
    /// Parses the body behind the extended id.
    ///
    /// # Errors
    /// When the body does not begin with a dictionary, `msg_type` or `piece` is absent or out of range, or a data
    /// message carries more than 16,384 bytes.
    pub fn parse(body: &'a [u8]) -> Result<Self, ExtendedError> {
        let (root, payload) = dictionary(body)?;
        let number = |key: &'static str| {
            let value = root.find(key.as_bytes()).and_then(|item| item.int());
            value.and_then(|value| u32::try_from(value).ok())
        };
        let demand = |key| number(key).ok_or(ExtendedError::Key { key, expected: "an unsigned 32-bit number" });
        let piece = demand("piece")?;
        match demand("msg_type")? {
            0 => Ok(Self::Request { piece }),
            1 if payload.len() > METADATA_PIECE => {
                Err(ExtendedError::Length { found: payload.len(), expected: "at most 16384 behind the dictionary" })
            }
            1 => Ok(Self::Data { piece, total_size: number("total_size"), payload }),
            2 => Ok(Self::Reject { piece }),
            _ => Err(ExtendedError::Key { key: "msg_type", expected: "0, 1 or 2" }),
        }
    }
}

/// `lt_donthave` (BEP 54): the sender lost a piece that it had advertised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LtDontHave {
    /// Piece index as sent.
    pub piece: u32,
}

impl LtDontHave {
    /// Parses the body behind the extended id.
    ///
    /// # Errors
    /// When the body is not 4 bytes long.
    pub fn parse(body: &[u8]) -> Result<Self, ExtendedError> {
        let bytes = body.try_into().map_err(|_| ExtendedError::Length { found: body.len(), expected: "4" })?;
        Ok(Self { piece: u32::from_be_bytes(bytes) })
    }
}

/// `ut_holepunch` (BEP 55).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holepunch {
    /// The kind of the message.
    pub kind: HolepunchKind,
    /// The peer to connect to.
    pub address: SocketAddr,
}

/// The kinds of [`Holepunch`] message (BEP 55).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HolepunchKind {
    /// Asks the relay to introduce the sender to the address.
    Rendezvous,
    /// Tells the receiver to connect to the address.
    Connect,
    /// Tells why a rendezvous failed: 1 no such peer, 2 not connected, 3 no support, 4 no self.
    Failed(u32),
}

impl Holepunch {
    /// Parses the body behind the extended id. Some clients leave the error code out where it says nothing.
    ///
    /// # Errors
    /// When the length is not that of the address type, or a type is not defined.
    pub fn parse(body: &[u8]) -> Result<Self, ExtendedError> {
        let wrong = || ExtendedError::Length { found: body.len(), expected: "8 or 12 (IPv4), 20 or 24 (IPv6)" };
        let [kind, family, rest @ ..] = body else {
            return Err(wrong());
        };
        let (address, rest) = match family {
            0 => rest.split_first_chunk::<6>().map(|(bytes, rest)| (socket_v4(bytes), rest)).ok_or_else(wrong)?,
            1 => rest.split_first_chunk::<18>().map(|(bytes, rest)| (socket_v6(bytes), rest)).ok_or_else(wrong)?,
            _ => return Err(ExtendedError::Field { field: "addr_type", found: *family }),
        };
        let code = match rest {
            [] => None,
            [a, b, c, d] => Some(u32::from_be_bytes([*a, *b, *c, *d])),
            _ => return Err(wrong()),
        };
        let kind = match kind {
            0 => HolepunchKind::Rendezvous,
            1 => HolepunchKind::Connect,
            2 => HolepunchKind::Failed(code.ok_or_else(wrong)?),
            _ => return Err(ExtendedError::Field { field: "msg_type", found: *kind }),
        };
        Ok(Self { kind, address })
    }
}

/// Reads optional keys, and keeps the names of those that do not fit.
struct Optional<'v, 'a> {
    root: &'v Value<'a>,
    faults: &'v mut Vec<&'static str>,
}

impl<'a> Optional<'_, 'a> {
    fn value<T>(&mut self, key: &'static str, fits: impl FnOnce(&Value<'a>) -> Option<T>) -> Option<T> {
        let value = fits(&self.root.find(key.as_bytes())?.value);
        if value.is_none() {
            self.faults.push(key);
        }
        value
    }

    fn number<T: TryFrom<i64>>(&mut self, key: &'static str) -> Option<T> {
        self.value(key, |value| value.int().and_then(|number| T::try_from(number).ok()))
    }
}

/// The dictionary at the start of the body, and what follows it.
pub(super) fn dictionary(body: &[u8]) -> Result<(Value<'_>, &[u8]), ExtendedError> {
    let (root, len) = parse_prefix(body, &Bounds::default())?;
    if root.dict().is_none() {
        return Err(ExtendedError::NotADictionary { found: root.kind() });
    }
    Ok((root, body.get(len..).unwrap_or_default()))
}

fn ip(bytes: &[u8]) -> Option<IpAddr> {
    let four = || <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from);
    four().or_else(|| <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from))
}

/// Four bytes of address, two of port, in network order.
pub(super) fn socket_v4(bytes: &[u8; 6]) -> SocketAddr {
    let [a, b, c, d, high, low] = *bytes;
    SocketAddr::from(([a, b, c, d], u16::from_be_bytes([high, low])))
}

/// Sixteen bytes of address, two of port, in network order.
pub(super) fn socket_v6(bytes: &[u8; 18]) -> SocketAddr {
    let [address @ .., high, low] = *bytes;
    SocketAddr::from((address, u16::from_be_bytes([high, low])))
}

/// Bytes of a metadata piece (BEP 9).
const METADATA_PIECE: usize = 16_384;
// Rationale: the id is one byte, so more names than ids cannot all be used.
const MAX_EXTENSIONS: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    const HELLO: &[u8] = b"d12:complete_agoi-1e1:md11:lt_donthavei7e6:ut_pexi1e11:ut_metadatai0ee13:metadata_size\
        i31235e1:pi6881e4:reqqi250e11:upload_onlyi1e1:v18:libtorrent/2.0.8.06:yourip4\x3a\x0a\x00\x00\x01e";

    #[test]
    fn a_handshake_tells_ids_and_what_the_peer_says_of_itself() {
        let hello = ExtendedHandshake::parse(HELLO).expect("sound");
        assert_eq!((hello.id_of("ut_pex"), hello.id_of("ut_metadata"), hello.id_of("x")), (Some(1), None, None));
        assert_eq!((hello.name_of(7), hello.name_of(0)), (Some("lt_donthave"), None));
        assert_eq!(hello.client.as_deref(), Some("libtorrent/2.0.8.0"));
        assert_eq!(hello.your_ip, Some(IpAddr::from([10, 0, 0, 1])));
        assert_eq!((hello.port, hello.request_queue), (Some(6881), Some(250)));
        assert_eq!((hello.upload_only, hello.metadata_size), (Some(true), Some(31_235)));
        assert_eq!((hello.complete_ago, hello.faults.len()), (Some(-1), 0));
    }

    #[test]
    fn a_cut_handshake_is_an_error_at_every_point() {
        for end in 0..HELLO.len() {
            assert!(ExtendedHandshake::parse(&HELLO[..end]).is_err(), "cut to {end}");
        }
        assert!(matches!(ExtendedHandshake::parse(b"le"), Err(ExtendedError::NotADictionary { .. })));
    }

    #[test]
    fn values_that_do_not_fit_are_named_and_left_out() {
        let hello =
            ExtendedHandshake::parse(b"d1:md1:ai256e1:bi2ee1:pi70000e6:yourip3:abce").expect("a dictionary");
        assert_eq!(hello.faults, ["m", "p", "yourip"]);
        assert_eq!((hello.id_of("a"), hello.id_of("b"), hello.port), (None, Some(2), None));
    }

    #[test]
    fn metadata_follows_its_dictionary() {
        let data = b"d8:msg_typei1e5:piecei2e10:total_sizei34256eexyz";
        let expected = MetadataMessage::Data { piece: 2, total_size: Some(34_256), payload: b"xyz" };
        assert_eq!(MetadataMessage::parse(data), Ok(expected));
        let request = MetadataMessage::parse(b"d8:msg_typei0e5:piecei0ee");
        assert_eq!(request, Ok(MetadataMessage::Request { piece: 0 }));
        assert_eq!(MetadataMessage::parse(b"d8:msg_typei2e5:piecei1ee"), Ok(MetadataMessage::Reject { piece: 1 }));
        assert!(MetadataMessage::parse(b"d8:msg_typei3e5:piecei1ee").is_err());
        assert!(MetadataMessage::parse(b"d8:msg_typei0e5:piecei-1ee").is_err());
        let long = [&b"d8:msg_typei1e5:piecei0ee"[..], &[0; 16_385]].concat();
        assert!(matches!(MetadataMessage::parse(&long), Err(ExtendedError::Length { found: 16_385, .. })));
    }

    #[test]
    fn a_lost_piece_is_four_bytes() {
        assert_eq!(LtDontHave::parse(&[0, 0, 1, 0]), Ok(LtDontHave { piece: 256 }));
        assert!(LtDontHave::parse(&[0, 0, 1]).is_err() && LtDontHave::parse(&[0; 5]).is_err());
    }

    #[test]
    fn a_holepunch_names_an_address_of_either_family() {
        let v4 = [1, 0, 10, 0, 0, 1, 0x1a, 0xe1, 0, 0, 0, 0];
        let address = SocketAddr::from(([10, 0, 0, 1], 6881));
        assert_eq!(Holepunch::parse(&v4), Ok(Holepunch { kind: HolepunchKind::Connect, address }));
        assert!(Holepunch::parse(&v4[..8]).is_ok());
        for end in (0..12).filter(|end| *end != 8) {
            assert!(Holepunch::parse(&v4[..end]).is_err(), "cut to {end}");
        }
        let v6 = [&[2, 1][..], &[0xfe; 16], &[0, 80, 0, 0, 0, 4]].concat();
        let punch = Holepunch::parse(&v6).expect("whole");
        assert_eq!((punch.kind, punch.address.port()), (HolepunchKind::Failed(4), 80));
        assert!(Holepunch::parse(&[3, 0, 0, 0, 0, 0, 0, 0]).is_err());
    }
}
