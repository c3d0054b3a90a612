//! Connections to a proxy that carry the peer wire: SOCKS 4, 4a and 5 (RFC 1928, RFC 1929), HTTP CONNECT (RFC 9110
//! section 9.3.6). What they carry is not read: it comes from the proxy's address, and from whom the proxy has it is only
//! the client's word. But that it is there is said.

use std::net::{Ipv4Addr, Ipv6Addr};

use nom::bytes::streaming::{tag, take, take_until};
use nom::multi::length_data;
use nom::number::streaming::{be_u8, be_u16, be_u32, be_u128};
use nom::{Err, IResult, Parser};

use crate::ends::{Direction, Hex};
use crate::limits::{PROXY_DIALOG_BYTES, PROXY_ITEMS, PROXY_SILENT_BYTES};
use crate::oddity::{Relay, Said};
use crate::stream::StreamItem;
use crate::wire::HANDSHAKE;

/// The beginning of a connection that does not begin with the peer wire: it may come behind something else.
///
/// # Invariants
/// - It holds a bounded number of items, and no copy of their bytes.
#[derive(Debug)]
pub struct ProxyWatch<'cap> {
    client: Direction,
    /// Of which side the first byte is at offset 0, by [`Direction::index`].
    begun: [bool; 2],
    held: Vec<(Direction, StreamItem<'cap>)>,
    /// How far each side was read, by [`Direction::index`].
    read: [u64; 2],
    /// Where a handshake stands, and who sent it.
    found: Option<(Direction, u64)>,
}

/// The verdict on the beginning of a connection.
#[derive(Debug, PartialEq, Eq)]
pub enum ProxyOutcome {
    /// It cannot be told yet.
    More,
    /// Nothing that is known here.
    Over,
    /// A side begins with the handshake after all: something else came before that side's first bytes, or the other
    /// side's are not what was sent.
    Handshake,
    /// The peer wire behind something else.
    Proxied(Relay),
}

impl std::fmt::Display for Relay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (asked, info_hash) = match self {
            Self::Http { proxy, target } => return write!(f, "an HTTP proxy at {proxy} was asked for {target}"),
            Self::Dialog { asked, info_hash } => (asked, info_hash),
        };
        match asked {
            Some((Said(protocol), target)) => write!(f, "{protocol}, asked for a connection to {target}; ")?,
            None => f.write_str("something that was not captured or is not known stands before it; ")?,
        }
        let Some(info_hash) = info_hash else { return f.write_str("the handshake is not whole") };
        write!(f, "the handshake behind it is for info-hash {}", Hex(*info_hash))
    }
}

impl<'cap> ProxyWatch<'cap> {
    /// Of a connection that `client` opened; nothing of it was read yet. Sides that are not `begun`, by
    /// [`Direction::index`], may begin anywhere: what they say could be content.
    pub fn new(client: Direction, begun: [bool; 2]) -> Self {
        Self { client, begun, held: Vec::new(), read: [0; 2], found: None }
    }

    /// Takes the next item, and says what the connection is by now. Data must come in order for each side.
    pub fn push(&mut self, direction: Direction, item: &StreamItem<'cap>) -> ProxyOutcome {
        match *item {
            StreamItem::Data { offset, bytes, .. } => {
                self.read[direction.index()] = offset.saturating_add(bytes.len() as u64);
                if offset >= PROXY_DIALOG_BYTES {
                    return self.on();
                }
                self.held.push((direction, *item));
                if self.found.is_none() && self.begun[direction.index()] {
                    // It may begin in the segment before.
                    let (from, said) = self.behind(direction, offset.saturating_sub(HANDSHAKE.len() as u64 - 1));
                    let found = find(&said).map(|at| from + at as u64);
                    self.found = found.or(find(bytes).map(|at| offset + at as u64)).map(|at| (direction, at));
                }
            }
            // Where the first bytes have two versions, one may be the handshake.
            StreamItem::Conflict { offset: 0, bytes, .. } if bytes.starts_with(&HANDSHAKE) => {
                self.held.push((direction, *item));
                return ProxyOutcome::Handshake;
            }
            StreamItem::Gap { .. } | StreamItem::Conflict { .. } => self.held.push((direction, *item)),
            _ => return ProxyOutcome::More,
        }
        self.on()
    }

    /// The verdict, as far as the connection was read.
    fn on(&self) -> ProxyOutcome {
        if let Some((side, at)) = self.found {
            if at == 0 {
                return ProxyOutcome::Handshake;
            }
            let proxied = self.proxied(side, at);
            let whole = matches!(proxied, Relay::Dialog { info_hash: Some(_), .. });
            let full = self.held.len() >= PROXY_ITEMS;
            if whole || full || self.read[side.index()] >= at + INFO_HASH.end as u64 {
                return ProxyOutcome::Proxied(proxied);
            }
        }
        let [low, high] = self.read;
        let read = low.min(high) >= PROXY_DIALOG_BYTES || low.max(high) >= PROXY_SILENT_BYTES;
        if read || self.held.len() >= PROXY_ITEMS { ProxyOutcome::Over } else { ProxyOutcome::More }
    }

    /// The relay of a connection on which nothing follows.
    pub fn end(&self) -> Option<Relay> {
        let (side, at) = self.found.filter(|(_, at)| *at > 0)?;
        Some(self.proxied(side, at))
    }

    /// The relay of a connection on which the handshake of `side` stands at `at`.
    fn proxied(&self, side: Direction, at: u64) -> Relay {
        let info_hash = self.behind(side, at).1.get(INFO_HASH).and_then(|hash| hash.try_into().ok());
        Relay::Dialog {
            asked: dialog(&self.beginning(self.client), &self.beginning(self.client.reverse())),
            info_hash,
        }
    }

    /// Returns true if the first bytes of a side are those of a dialog with a proxy: where some are missing, those
    /// of MSE are not.
    pub fn is_dialog(&self) -> bool {
        let client = match &*self.beginning(self.client) {
            [5, 1..=MOST_METHODS, rest @ ..] => rest.len() < MOST_GREETING,
            [4, 1 | 2, rest @ ..] => rest.len() < MOST_GREETING,
            said => said.starts_with(b"CONNECT ") || said.starts_with(b"PROXY "),
        };
        let proxy = match &*self.beginning(self.client.reverse()) {
            [5, 0..=2] | [5, 0, 5, 0, ..] | [5, 2, 1 | 5, 0, ..] | [0, 0x5a, _, _, _, _, _, _, ..] => true,
            said => said.starts_with(b"HTTP/1."),
        };
        client || proxy
    }

    /// Everything that is held.
    pub fn into_held(self) -> Vec<(Direction, StreamItem<'cap>)> {
        self.held
    }

    /// The bytes that a side sent from its first one on; nothing where that was not captured.
    fn beginning(&self, side: Direction) -> Vec<u8> {
        let (from, said) = self.behind(side, 0);
        if from == 0 { said } else { Vec::new() }
    }

    /// The bytes of one side from `from` on, or from the first that are there, up to a gap; with where they begin.
    fn behind(&self, side: Direction, from: u64) -> (u64, Vec<u8>) {
        let (mut start, mut said) = (from, Vec::new());
        for (direction, item) in &self.held {
            let StreamItem::Data { offset, bytes, .. } = item else { continue };
            let end = offset.saturating_add(bytes.len() as u64);
            if *direction != side || end <= from {
                continue;
            }
            let known = start.saturating_add(said.len() as u64);
            if said.is_empty() {
                start = from.max(*offset);
            } else if *offset != known {
                break;
            }
            said.extend_from_slice(bytes.get((start.max(*offset) - offset) as usize..).unwrap_or_default());
        }
        (start, said)
    }
}

/// Where the handshake begins.
fn find(said: &[u8]) -> Option<usize> {
    memchr::memmem::find(said, &HANDSHAKE)
}

/// The protocol of the dialog with a proxy, and where the client asked to be connected to, by what both said, each from
/// its first byte on.
fn dialog(client: &[u8], proxy: &[u8]) -> Option<(Said, String)> {
    let (protocol, dialog) = match client.first()? {
        5 => ("SOCKS 5", socks5(client, proxy)),
        4 => ("SOCKS 4", socks4(client, proxy)),
        _ => ("HTTP CONNECT", connect(client, proxy)),
    };
    dialog.ok().map(|(_, target)| (Said(protocol), target))
}

/// The client's bytes behind the dialog, and the target that it asked to be connected to.
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

/// An error in the proxy's answers, or for want of them, as one of the client's bytes.
fn of_proxy<'a>(error: Err<nom::error::Error<&[u8]>>) -> Err<nom::error::Error<&'a [u8]>> {
    error.map(|error| nom::error::Error::new(&[][..], error.code))
}

/// The end of the header fields of HTTP.
const END: &[u8] = b"\r\n\r\n";
/// Where the handshake (BEP 3) names the torrent.
const INFO_HASH: std::ops::Range<usize> = 28..48;
// Rationale: RFC 1928 knows three methods, and a first byte 5 of MSE is mostly followed by a larger one.
const MOST_METHODS: u8 = 8;
// Rationale: a greeting with the request sent along, less than the 96 bytes of an MSE key where there is no name.
const MOST_GREETING: usize = 90;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ends::{At, FrameId, Timestamp};

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

    fn at() -> At {
        At { frame: FrameId::new(0, 1), time: Timestamp(0) }
    }

    /// Pushes both dialogs, in segments of `size`, the client's first or last; up to the first answer but `More`.
    fn watched(client: &'static [u8], proxy: &'static [u8], size: usize, client_first: bool) -> ProxyOutcome {
        let mut watch = ProxyWatch::new(Direction::LowToHigh, [true; 2]);
        let segments = |direction, said: &'static [u8]| {
            said.chunks(size).enumerate().map(move |(n, bytes)| {
                let offset = (n * size) as u64;
                (direction, StreamItem::Data { offset, bytes, at: at(), doubtful: false })
            })
        };
        let [from, to] = [segments(Direction::LowToHigh, client), segments(Direction::HighToLow, proxy)];
        let items: Vec<_> = if client_first { from.chain(to).collect() } else { to.chain(from).collect() };
        let mut looks = items.iter().map(|(direction, item)| watch.push(*direction, item));
        looks.find(|look| *look != ProxyOutcome::More).unwrap_or(ProxyOutcome::More)
    }

    #[test]
    fn the_peer_wire_is_told_behind_every_kind_of_proxy() {
        for (protocol, target, client, proxy) in dialogs() {
            let dialog = Some((Said(protocol), target.to_owned()));
            assert_eq!(dialog, super::dialog(&client, &proxy));
            let [client, proxy] = [client, proxy].map(|said| &*said.leak());
            for size in [13, 64, 1_400] {
                let peer = ProxyOutcome::Proxied(Relay::Dialog {
                    asked: dialog.clone(),
                    info_hash: Some(*b"aaaaaaaaaaaaaaaaaaaa"),
                });
                assert_eq!(watched(client, proxy, size, false), peer, "{protocol} {size}");
                // Without its answer, the proxy may not have been one.
                let unknown =
                    ProxyOutcome::Proxied(Relay::Dialog { asked: None, info_hash: Some(*b"aaaaaaaaaaaaaaaaaaaa") });
                assert_eq!(watched(client, proxy, size, true), unknown, "{protocol} {size}");
            }
            for len in 0..proxy.len() {
                assert_eq!(super::dialog(client, &proxy[..len]), None, "{protocol} {len}");
            }
        }
    }

    #[test]
    fn a_proxy_that_refuses_has_no_dialog() {
        for (_, _, client, mut proxy) in dialogs() {
            // Of SOCKS 5 the method, of the others the answer.
            let at = if proxy[0] == b'H' { 9 } else { 1 };
            proxy[at] = 0xff;
            assert_eq!(super::dialog(&client, &proxy), None);
        }
    }

    #[test]
    fn a_handshake_at_the_beginning_is_that_of_the_peer_wire_and_nothing_else_is() {
        assert_eq!(watched(b"junk", HANDSHAKE, 70, true), ProxyOutcome::Handshake);
        assert_eq!(watched(b"junk", HANDSHAKE, 7, true), ProxyOutcome::Handshake);
        assert_eq!(watched(b"junk", b"more junk", 7, true), ProxyOutcome::More);
        assert_eq!(watched(&[7; 5_000], &[8; 5_000], 1_000, true), ProxyOutcome::Over);
        assert_eq!(watched(&[7; 70_000], b"", 1_000, true), ProxyOutcome::Over);
        assert_eq!(watched(&[7; 65], b"", 1, true), ProxyOutcome::Over);
    }

    #[test]
    fn a_handshake_that_is_cut_is_told_at_the_end_or_behind_the_gap() {
        let mut watch = ProxyWatch::new(Direction::LowToHigh, [true; 2]);
        let data = |offset, bytes| StreamItem::Data { offset, bytes, at: at(), doubtful: false };
        assert_eq!(watch.push(Direction::LowToHigh, &data(0, &[5, 1, 0])), ProxyOutcome::More);
        assert!(watch.is_dialog() && watch.end().is_none());
        assert_eq!(watch.push(Direction::LowToHigh, &data(13, &HANDSHAKE[..30])), ProxyOutcome::More);
        let cut = Relay::Dialog { asked: None, info_hash: None };
        assert_eq!(watch.end().as_ref(), Some(&cut));
        assert_eq!(watch.push(Direction::LowToHigh, &data(60, b"later")), ProxyOutcome::Proxied(cut));
    }
}
