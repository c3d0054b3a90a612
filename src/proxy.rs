//! Connections to a proxy that carry the peer wire: SOCKS 4, 4a and 5 (RFC 1928, RFC 1929), HTTP CONNECT (RFC 9110
//! section 9.3.6). What they carry is not read: it comes from the proxy's address, and from whom the proxy has it is only
//! the client's word. But that it is there is said.

use std::net::{Ipv4Addr, Ipv6Addr};

use nom::bytes::streaming::{tag, take, take_until};
use nom::multi::length_data;
use nom::number::streaming::{be_u8, be_u16, be_u32, be_u128};
use nom::{Err, IResult, Parser};

use crate::packet::Direction;
use crate::stream::StreamItem;
use crate::wire::{Sniff, sniff};

/// The beginning of a connection that may be to a proxy.
#[derive(Debug)]
pub struct Greeting<'cap> {
    client: Direction,
    held: Vec<(Direction, StreamItem<'cap>)>,
    /// What the client and the proxy said so far.
    said: [Vec<u8>; 2],
    broken: bool,
}

/// What a beginning turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub enum Look {
    /// It cannot be told yet.
    More,
    /// Not that of a connection to a proxy which carries the peer wire.
    No,
    /// It is.
    Peer(Proxied),
}

/// The peer wire through a proxy.
#[derive(Debug, PartialEq, Eq)]
pub struct Proxied {
    /// The protocol that the proxy speaks.
    pub protocol: &'static str,
    /// Where the client asked to be connected to: host and port.
    pub target: String,
    /// The info-hash that the client's handshake names.
    pub info_hash: [u8; 20],
}

impl std::fmt::Display for Proxied {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { protocol, target, info_hash } = self;
        write!(f, "{protocol}, asked for a connection to {target}; the handshake behind it is for info-hash ")?;
        info_hash.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Whether the first segment of a client may open a connection to a proxy.
pub fn may_be_greeting(segment: &[u8]) -> bool {
    match segment {
        [5, methods, rest @ ..] => *methods > 0 && rest.len() == usize::from(*methods),
        [4, 1, rest @ ..] => rest.len() > 6 && rest.last() == Some(&0),
        _ => segment.starts_with(b"CONNECT "),
    }
}

impl<'cap> Greeting<'cap> {
    /// Of a connection that `client` opened; nothing of it was read yet.
    pub fn new(client: Direction) -> Self {
        Self { client, held: Vec::new(), said: [Vec::new(), Vec::new()], broken: false }
    }

    /// Takes the next item, and says what the connection is by now.
    pub fn push(&mut self, direction: Direction, item: &StreamItem<'cap>) -> Look {
        self.held.push((direction, *item));
        let said = &mut self.said[usize::from(direction != self.client)];
        match *item {
            StreamItem::Data { offset, bytes, .. } => {
                self.broken |= offset != said.len() as u64;
                said.extend(bytes.iter().take(MOST_BYTES.saturating_sub(said.len())));
            }
            StreamItem::Gap { .. } | StreamItem::End { .. } => self.broken = true,
            _ => {}
        }
        let [client, proxy] = &self.said;
        match look(client, proxy) {
            Look::Peer(proxied) => Look::Peer(proxied),
            Look::More
                if !self.broken && self.held.len() < MOST_ITEMS && client.len().max(proxy.len()) < MOST_BYTES =>
            {
                Look::More
            }
            _ => Look::No,
        }
    }

    /// Everything that was read of the connection.
    pub fn into_held(self) -> Vec<(Direction, StreamItem<'cap>)> {
        self.held
    }
}

/// What both said, each from its first byte on.
fn look(client: &[u8], proxy: &[u8]) -> Look {
    let (protocol, dialog) = match client.first() {
        Some(5) => ("SOCKS 5", socks5(client, proxy)),
        Some(4) => ("SOCKS 4", socks4(client, proxy)),
        _ => ("HTTP CONNECT", connect(client, proxy)),
    };
    match dialog {
        Ok((rest, target)) => match (sniff(rest), rest.get(INFO_HASH).and_then(|hash| hash.try_into().ok())) {
            (Sniff::Handshake, Some(info_hash)) => Look::Peer(Proxied { protocol, target, info_hash }),
            (Sniff::Handshake | Sniff::NeedMore, _) => Look::More,
            (Sniff::Other, _) => Look::No,
        },
        Err(Err::Incomplete(_)) => Look::More,
        Err(_) => Look::No,
    }
}

/// What the client said behind the dialog, and where it asked to be connected to.
type Dialog<'a> = IResult<&'a [u8], String>;

/// RFC 1928, with a name and a password (RFC 1929) or without.
fn socks5<'a>(client: &'a [u8], proxy: &[u8]) -> Dialog<'a> {
    let (client, _) = (tag(&[5][..]), length_data(be_u8)).parse(client)?;
    let (proxy, (_, method)) = (tag(&[5][..]), be_u8).parse(proxy).map_err(of_proxy)?;
    let (client, proxy) = match method {
        0 => (client, proxy),
        2 => {
            let (client, _) = (tag(&[1][..]), length_data(be_u8), length_data(be_u8)).parse(client)?;
            let (proxy, _) = tag::<_, _, nom::error::Error<&[u8]>>(&[1, 0][..]).parse(proxy).map_err(of_proxy)?;
            (client, proxy)
        }
        _ => return no(client),
    };
    let (client, (_, target)) = (tag(&[5, 1, 0][..]), socks_address).parse(client)?;
    (tag(&[5, 0, 0][..]), socks_address).parse(proxy).map_err(of_proxy)?;
    Ok((client, target))
}

fn socks_address(input: &[u8]) -> IResult<&[u8], String> {
    let (input, kind) = be_u8(input)?;
    let (input, host) = match kind {
        1 => be_u32.map(|bits| Ipv4Addr::from_bits(bits).to_string()).parse(input)?,
        3 => length_data(be_u8).map(text).parse(input)?,
        4 => be_u128.map(|bits| format!("[{}]", Ipv6Addr::from_bits(bits))).parse(input)?,
        _ => return no(input),
    };
    be_u16.map(|port| format!("{host}:{port}")).parse(input)
}

/// As its inventors described it: port, address, a user's name, and in 4a a host's name for an address 0.0.0.x.
fn socks4<'a>(client: &'a [u8], proxy: &[u8]) -> Dialog<'a> {
    let (client, (_, port, address, _, _)) =
        (tag(&[4, 1][..]), be_u16, be_u32, take_until(&[0][..]), take(1_usize)).parse(client)?;
    let (client, host) = if (1..256).contains(&address) {
        let (client, (host, _)) = (take_until(&[0][..]), take(1_usize)).parse(client)?;
        (client, text(host))
    } else {
        (client, Ipv4Addr::from_bits(address).to_string())
    };
    (tag(&[0, 0x5a][..]), take(6_usize)).parse(proxy).map_err(of_proxy)?;
    Ok((client, format!("{host}:{port}")))
}

/// RFC 9110 section 9.3.6: a request with a host and port, and any answer of class 2xx.
fn connect<'a>(client: &'a [u8], proxy: &[u8]) -> Dialog<'a> {
    let (client, (_, target, _, _)) =
        (tag(&b"CONNECT "[..]), take_until(&b" HTTP/1."[..]), take_until(END), take(4_usize)).parse(client)?;
    (tag(&b"HTTP/1."[..]), take(1_usize), tag(&b" 2"[..]), take_until(END)).parse(proxy).map_err(of_proxy)?;
    Ok((client, text(target)))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn no<T>(input: &[u8]) -> IResult<&[u8], T> {
    Result::Err(Err::Error(nom::error::Error::new(input, nom::error::ErrorKind::Verify)))
}

/// What is wrong with the proxy's answers, or missing of them, said of the client's part.
fn of_proxy<'a>(error: Err<nom::error::Error<&[u8]>>) -> Err<nom::error::Error<&'a [u8]>> {
    error.map(|error| nom::error::Error::new(&[][..], error.code))
}

/// The end of the header fields of HTTP.
const END: &[u8] = b"\r\n\r\n";
/// Where the handshake (BEP 3) names the torrent.
const INFO_HASH: std::ops::Range<usize> = 28..48;
// Rationale: the longest SOCKS dialog with a name and a password is 1,043 bytes; a request for CONNECT may carry a token.
const MOST_BYTES: usize = 4_096;
// Rationale: each side says three things, and each may come in a few segments.
const MOST_ITEMS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    const HANDSHAKE: &[u8] = b"\x13BitTorrent protocol\0\0\0\0\0\0\0\0aaaaaaaaaaaaaaaaaaaa-XX0000-bbbbbbbbbbbb";

    fn dialogs() -> Vec<(&'static str, &'static str, Vec<u8>, Vec<u8>)> {
        let join = |parts: &[&[u8]]| parts.concat();
        vec![
            (
                "SOCKS 5",
                "203.0.113.9:6881",
                join(&[&[5, 1, 0], &[5, 1, 0, 1, 203, 0, 113, 9, 0x1a, 0xe1], HANDSHAKE]),
                vec![5, 0, 5, 0, 0, 1, 10, 0, 0, 1, 0, 80],
            ),
            (
                "SOCKS 5",
                "peer.example:6881",
                join(&[
                    &[5, 2, 0, 2],
                    &[1, 2],
                    b"me",
                    &[3],
                    b"key",
                    &[5, 1, 0, 3, 12],
                    b"peer.example",
                    &[0x1a, 0xe1],
                    HANDSHAKE,
                ]),
                [&[5, 2, 1, 0, 5, 0, 0, 4][..], &[0; 18]].concat(),
            ),
            (
                "SOCKS 5",
                "[2001:db8::7]:6881",
                join(&[
                    &[5, 1, 0, 5, 1, 0, 4, 0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0x1a, 0xe1],
                    HANDSHAKE,
                ]),
                vec![5, 0, 5, 0, 0, 1, 10, 0, 0, 1, 0, 80],
            ),
            (
                "SOCKS 4",
                "203.0.113.9:6881",
                join(&[&[4, 1, 0x1a, 0xe1, 203, 0, 113, 9], b"me\0", HANDSHAKE]),
                vec![0, 0x5a, 0, 0, 0, 0, 0, 0],
            ),
            (
                "SOCKS 4",
                "peer.example:6881",
                join(&[&[4, 1, 0x1a, 0xe1, 0, 0, 0, 1, 0], b"peer.example\0", HANDSHAKE]),
                vec![0, 0x5a, 0, 0, 0, 0, 0, 0],
            ),
            (
                "HTTP CONNECT",
                "203.0.113.9:6881",
                join(&[b"CONNECT 203.0.113.9:6881 HTTP/1.1\r\nHost: x\r\n\r\n", HANDSHAKE]),
                b"HTTP/1.1 200 Connection established\r\n\r\n".to_vec(),
            ),
        ]
    }

    #[test]
    fn the_peer_wire_is_told_behind_every_kind_of_proxy_and_not_before() {
        for (protocol, target, client, proxy) in dialogs() {
            let peer =
                Look::Peer(Proxied { protocol, target: target.to_owned(), info_hash: *b"aaaaaaaaaaaaaaaaaaaa" });
            assert_eq!(look(&client, &proxy), peer);
            let enough = client.len() - 20;
            for len in 1..client.len() {
                let expected = if len < enough { &Look::More } else { &peer };
                assert_eq!(&look(&client[..len], &proxy), expected, "{protocol} {len}");
            }
            (0..proxy.len())
                .for_each(|len| assert_eq!(look(&client, &proxy[..len]), Look::More, "{protocol} {len}"));
        }
    }

    #[test]
    fn a_proxy_that_refuses_and_other_protocols_behind_it_are_no_peer_wire() {
        for (_, _, client, mut proxy) in dialogs() {
            let mut other = client.clone();
            let at = other.len() - HANDSHAKE.len();
            other[at] = b'G';
            assert_eq!(look(&other, &proxy), Look::No);
            // Of SOCKS 5 the method, of the others the answer.
            let at = if proxy[0] == b'H' { 9 } else { 1 };
            proxy[at] = 0xff;
            assert_eq!(look(&client, &proxy), Look::No);
        }
        assert_eq!(look(b"GET / HTTP/1.1", b""), Look::No);
    }

    #[test]
    fn only_whole_greetings_open_one() {
        for segment in [&[5, 1, 0][..], &[5, 2, 0, 2], &[4, 1, 0, 80, 1, 2, 3, 4, 0], b"CONNECT a:1 HTTP/1.1"] {
            assert!(may_be_greeting(segment), "{segment:?}");
        }
        for segment in
            [&[5][..], &[5, 0], &[5, 1, 0, 0], &[4, 1, 0, 80, 0], &[4, 2, 0, 80, 1, 2, 3, 4, 0], b"GET /", b""]
        {
            assert!(!may_be_greeting(segment), "{segment:?}");
        }
    }
}
