//! UDP trackers (BEP 15), with the options of BEP 41.
//!
//! A datagram does not say which way it goes: a request begins with a connection id, a response with its action. Who
//! knows what was asked tells them apart; see [`super::Listener`].

use std::net::{IpAddr, Ipv4Addr};

use nom::bytes::complete::{tag, take};
use nom::combinator::{all_consuming, verify};
use nom::number::complete::{be_i32, be_u8, be_u16, be_u32};
use nom::{IResult, Parser};

use super::Counts;
use super::compact::{self, PeerList};

/// A request of a client to a UDP tracker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request<'a> {
    /// Asks for a connection id.
    Connect {
        /// Names the request in its answer.
        transaction: u32,
    },
    /// Announces the client.
    Announce(Announce<'a>),
    /// Asks for the figures of swarms.
    Scrape {
        /// As in an announce.
        connection_id: [u8; 8],
        /// Names the request in its answer.
        transaction: u32,
        /// The torrents, in the order in which they are answered; at least one.
        info_hashes: Vec<[u8; 20]>,
    },
}

/// An announce.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announce<'a> {
    /// The secret that the tracker issued to the client's address.
    pub connection_id: [u8; 8],
    /// Names the request in its answer.
    pub transaction: u32,
    /// The torrent.
    pub info_hash: [u8; 20],
    /// The client's name for itself.
    pub peer_id: [u8; 20],
    /// An address that the client asks to be listed under instead of its own.
    pub ip: Option<Ipv4Addr>,
    /// The port that it listens on; 0 names none.
    pub port: u16,
    /// Path and query of the tracker's URL (BEP 41), in the parts sent.
    pub url: Vec<&'a [u8]>,
    /// True if nothing but options follows, as far as is captured.
    pub exact: bool,
}

impl Announce<'_> {
    /// Returns true if a datagram of which nothing else shows that it is an announce may be one: DNS, DHCP and
    /// others have the action of one at its place, too.
    pub fn plausible(&self) -> bool {
        self.port != 0 && self.exact
    }
}

/// The answer of a UDP tracker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Response {
    /// Issues a connection id to the address that the answer goes to.
    Connect {
        /// As in the request.
        transaction: u32,
        /// The secret.
        connection_id: [u8; 8],
    },
    /// Lists peers.
    Announce(Listing),
    /// The figures of swarms, in the order of the request.
    Scrape {
        /// As in the request.
        transaction: u32,
        /// Those of each swarm, as far as they are captured.
        counts: Vec<Counts>,
        /// True if nothing else is in the datagram on the wire.
        exact: bool,
    },
    /// Refuses.
    Error {
        /// As in the request.
        transaction: u32,
    },
}

/// The answer to an announce.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// As in the request.
    pub transaction: u32,
    /// Seconds that the client should wait until its next announce.
    pub interval: u32,
    /// Peers that do not have everything.
    pub leechers: u32,
    /// Peers that have everything.
    pub seeders: u32,
    /// The addresses, as far as they are captured.
    pub peers: PeerList,
    /// Addresses in the datagram on the wire, captured or not.
    pub entries: u32,
}

impl Listing {
    /// Returns true if the figures agree with one another, as those of a tracker do: for a datagram of which
    /// nothing else shows that it is an answer.
    pub fn plausible(&self) -> bool {
        let swarm = u64::from(self.leechers) + u64::from(self.seeders);
        (MIN_INTERVAL..=MAX_INTERVAL).contains(&self.interval)
            && (u64::from(self.entries)..=MAX_SWARM).contains(&swarm)
            && self.entries > 0
            && self.peers.unusable == 0
    }
}

impl<'a> Request<'a> {
    /// Reads a connect, announce or scrape request of `wire_len` bytes, of which `bytes` were captured. `None` for all else.
    pub fn parse(bytes: &'a [u8], wire_len: u32) -> Option<Self> {
        if wire_len as usize == CONNECT
            && let Ok((_, transaction)) = all_consuming(connect_request).parse(bytes)
        {
            return Some(Self::Connect { transaction });
        }
        if let Ok((rest, (connection_id, transaction))) = scrape_request(bytes) {
            let (hashes, cut) = rest.as_chunks::<20>();
            let exact = cut.is_empty() && bytes.len() == wire_len as usize && !hashes.is_empty();
            return exact.then(|| Self::Scrape { connection_id, transaction, info_hashes: hashes.to_vec() });
        }
        let (rest, announce) = announce_request(bytes).ok()?;
        let (url, exact) = options(rest);
        let exact = exact || bytes.len() < wire_len as usize;
        Some(Self::Announce(Announce { url, exact, ..announce }))
    }
}

impl Response {
    /// Reads a response of `wire_len` bytes, of which `bytes` were captured, to a client whose address is of the family
    /// of `client` (BEP 15: addresses are listed in the family of the packet). `None` for all else.
    pub fn parse(bytes: &[u8], wire_len: u32, client: IpAddr) -> Option<Self> {
        let (rest, (action, transaction)) = head(bytes).ok()?;
        match action {
            0 => {
                let connection_id: [u8; 8] = rest.try_into().ok()?;
                (wire_len as usize == CONNECT).then_some(Self::Connect { transaction, connection_id })
            }
            1 => listing(rest, transaction, wire_len, client).map(Self::Announce),
            2 => {
                let (figures, _) = rest.as_chunks::<12>();
                let counts = figures.iter().map(scraped).collect();
                Some(Self::Scrape {
                    transaction,
                    counts,
                    exact: (wire_len as usize).saturating_sub(8).is_multiple_of(12),
                })
            }
            3 => Some(Self::Error { transaction }),
            _ => None,
        }
    }
}

/// Returns true if a datagram of `wire_len` bytes may be of a UDP tracker; costs a few comparisons.
#[inline]
pub(super) fn looks_like(bytes: &[u8], wire_len: u32) -> bool {
    let Some(start) = bytes.first_chunk::<12>() else { return false };
    let len = wire_len as usize;
    match start {
        [_, _, _, _, _, _, _, _, 0, 0, 0, 1] if len >= ANNOUNCE => true,
        [_, _, _, _, _, _, _, _, 0, 0, 0, 2] if len > CONNECT && (len - CONNECT).is_multiple_of(20) => true,
        [0, 0, 0, 2, ..] => len >= SCRAPED,
        [0, 0, 0, 0, ..] => len == CONNECT,
        [0, 0, 0, 1, ..] => wire_len >= LISTING,
        _ => *start == PROTOCOL && len == CONNECT,
    }
}

/// Action and transaction id of a response.
fn head(input: &[u8]) -> IResult<&[u8], (u32, u32)> {
    (be_u32, be_u32).parse(input)
}

fn connect_request(input: &[u8]) -> IResult<&[u8], u32> {
    let (rest, _) = tag(&PROTOCOL[..]).parse(input)?;
    be_u32(rest)
}

fn scrape_request(input: &[u8]) -> IResult<&[u8], ([u8; 8], u32)> {
    let (rest, connection_id) = array(input)?;
    let (rest, _) = tag(&2_u32.to_be_bytes()[..]).parse(rest)?;
    let (rest, transaction) = be_u32(rest)?;
    Ok((rest, (connection_id, transaction)))
}

/// Seeders, completed downloads, leechers.
fn scraped(figures: &[u8; 12]) -> Counts {
    let [a, b, c, d, e, f, g, h, i, j, k, l] = *figures;
    let figure = |bytes| Some(u64::from(u32::from_be_bytes(bytes)));
    Counts { seeders: figure([a, b, c, d]), downloads: figure([e, f, g, h]), leechers: figure([i, j, k, l]) }
}

fn announce_request(input: &[u8]) -> IResult<&[u8], Announce<'_>> {
    let (rest, connection_id) = array(input)?;
    let (rest, _) = tag(&1_u32.to_be_bytes()[..]).parse(rest)?;
    let (rest, transaction) = be_u32(rest)?;
    let (rest, info_hash) = verify(array, |hash: &[u8; 20]| *hash != [0; 20]).parse(rest)?;
    let (rest, peer_id) = verify(array, |id: &[u8; 20]| *id != [0; 20]).parse(rest)?;
    // Bytes downloaded, left and uploaded: any number.
    let (rest, _) = take(24_usize).parse(rest)?;
    let (rest, _event) = verify(be_u32, |event| *event <= LAST_EVENT).parse(rest)?;
    let (rest, ip) = be_u32(rest)?;
    let (rest, _key) = be_u32(rest)?;
    let (rest, _wanted) = verify(be_i32, |wanted| (-1..=MAX_WANTED).contains(wanted)).parse(rest)?;
    let (rest, port) = be_u16(rest)?;
    let ip = (ip != 0).then_some(Ipv4Addr::from_bits(ip));
    let (url, exact) = (Vec::new(), true);
    Ok((rest, Announce { connection_id, transaction, info_hash, peer_id, ip, port, url, exact }))
}

/// The parts of the URL among the options (BEP 41), and whether the rest is options only. What is none (older clients send
/// two more bytes) has no URL.
fn options(mut rest: &[u8]) -> (Vec<&[u8]>, bool) {
    let (mut url, mut exact) = (Vec::new(), true);
    if rest.len() <= 2 {
        return (url, true);
    }
    while let Ok((after, kind)) = option_kind(rest) {
        rest = after;
        match kind {
            0 => return (url, exact && rest.iter().all(|byte| *byte == 0)),
            1 => continue,
            _ => exact &= kind == 2,
        }
        let Ok((after, data)) = option_data(rest) else { return (url, false) };
        if kind == 2 {
            url.push(data);
        }
        rest = after;
    }
    (url, exact)
}

fn option_kind(input: &[u8]) -> IResult<&[u8], u8> {
    be_u8(input)
}

fn option_data(input: &[u8]) -> IResult<&[u8], &[u8]> {
    let (rest, len) = be_u8(input)?;
    take(len).parse(rest)
}

fn listing(input: &[u8], transaction: u32, wire_len: u32, client: IpAddr) -> Option<Listing> {
    let figures: IResult<&[u8], (u32, u32, u32)> = (be_u32, be_u32, be_u32).parse(input);
    let (rest, (interval, leechers, seeders)) = figures.ok()?;
    let size = if client.is_ipv4() { 6 } else { 18 };
    let bytes = wire_len.checked_sub(LISTING)?;
    // What the snap length cut off is no part of an entry.
    let whole = rest.get(..rest.len() - rest.len() % size as usize)?;
    let mut peers = if client.is_ipv4() { PeerList::v4(whole) } else { PeerList::v6(whole) };
    peers.unusable += u64::from(bytes % size != 0);
    Some(Listing { transaction, interval, leechers, seeders, peers, entries: bytes / size })
}

fn array<const N: usize>(input: &[u8]) -> IResult<&[u8], [u8; N]> {
    let (rest, bytes) = take(N).parse(input)?;
    let mut array = [0; N];
    array.copy_from_slice(bytes);
    Ok((rest, array))
}

/// The announcer's other name for itself, as an endpoint: `ip` with the port of the announce.
pub(super) fn other_name(announce: &Announce<'_>) -> Option<crate::ends::Endpoint> {
    compact::endpoint(announce.ip?.into(), announce.port)
}

/// `protocol_id` 0x41727101980 and action 0.
const PROTOCOL: [u8; 12] = [0, 0, 4, 0x17, 0x27, 0x10, 0x19, 0x80, 0, 0, 0, 0];
/// Bytes of a connect request, and of its answer.
const CONNECT: usize = 16;
/// Bytes of an announce without options.
const ANNOUNCE: usize = 98;
/// Bytes of an answer without addresses.
const LISTING: u32 = 20;
/// Bytes of an answer to a scrape of one swarm.
const SCRAPED: usize = 20;
// Rationale: none, completed, started, stopped; 4 is "paused" (BEP 21), which HTTP has by name.
const LAST_EVENT: u32 = 4;
// Rationale: a datagram lists at most 10,911 addresses; clients ask for -1 (as many as the tracker likes) to a few thousand.
const MAX_WANTED: i32 = 100_000;
// Rationale: trackers ask clients to wait from half a minute to a day.
const MIN_INTERVAL: u32 = 30;
const MAX_INTERVAL: u32 = 86_400;
// Rationale: ten times the largest swarms known.
const MAX_SWARM: u64 = 10_000_000;

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

    pub fn connect(transaction: u32) -> Vec<u8> {
        [&PROTOCOL[..], &transaction.to_be_bytes()].concat()
    }

    pub fn connected(transaction: u32, id: [u8; 8]) -> Vec<u8> {
        [&[0; 4][..], &transaction.to_be_bytes(), &id].concat()
    }

    pub fn announce(id: [u8; 8], transaction: u32, hash: [u8; 20], ip: [u8; 4], port: u16) -> Vec<u8> {
        let mut out = [&id[..], &[0, 0, 0, 1], &transaction.to_be_bytes(), &hash, b"-XX0001-abcdefghijkl"].concat();
        out.extend([0; 24]);
        out.extend([0, 0, 0, 2]);
        out.extend(ip);
        out.extend([9, 9, 9, 9, 0xff, 0xff, 0xff, 0xff]);
        out.extend(port.to_be_bytes());
        out
    }

    pub fn listed(transaction: u32, peers: &[u8]) -> Vec<u8> {
        let figures = [1, transaction, 1_800, 3, 2].map(u32::to_be_bytes).concat();
        [&figures, peers].concat()
    }

    fn request(bytes: &[u8]) -> Option<Request<'_>> {
        Request::parse(bytes, bytes.len() as u32)
    }

    fn response(bytes: &[u8], client: IpAddr) -> Option<Response> {
        Response::parse(bytes, bytes.len() as u32, client)
    }

    #[test]
    fn requests_are_read_and_no_prefix_is_taken_for_a_whole() {
        assert_eq!(request(&connect(7)), Some(Request::Connect { transaction: 7 }));
        let bytes = announce([5; 8], 9, [3; 20], [10, 0, 0, 7], 6881);
        let Some(Request::Announce(found)) = request(&bytes) else { panic!("an announce") };
        assert_eq!((found.connection_id, found.transaction, found.info_hash), ([5; 8], 9, [3; 20]));
        assert_eq!((found.ip, found.port), (Some(Ipv4Addr::new(10, 0, 0, 7)), 6881));
        assert_eq!(other_name(&found).map(|named| named.to_string()), Some("10.0.0.7:6881".into()));
        let small = announce([0; 8], 9, [3; 20], [0; 4], 6881);
        for whole in [connect(7), bytes, small] {
            assert!(looks_like(&whole, whole.len() as u32));
            for end in 0..whole.len() {
                assert_eq!(request(&whole[..end]), None, "{end}");
                assert_eq!(Request::parse(&whole[..end], whole.len() as u32), None, "cut to {end}");
            }
        }
    }

    #[test]
    fn what_no_client_sends_is_no_announce() {
        let sound = announce([5; 8], 9, [3; 20], [0; 4], 6881);
        for (place, value) in [(11, 2), (80, 1), (83, 5), (92, 0x7f)] {
            let mut bytes = sound.clone();
            bytes[place] = value;
            assert_eq!(request(&bytes), None, "byte {place}");
        }
        assert_eq!(request(&announce([5; 8], 9, [0; 20], [0; 4], 6881)), None);
    }

    #[test]
    fn the_url_of_an_announce_is_put_together_from_its_options() {
        let plain = announce([5; 8], 9, [3; 20], [0; 4], 6881);
        let url = |tail: &[u8]| match request(&[&plain, tail].concat()) {
            Some(Request::Announce(found)) => found.url.concat(),
            other => panic!("{other:?}"),
        };
        assert_eq!(url(&[]), b"");
        assert_eq!(url(&[0, 3]), b"", "the extension bytes of older clients");
        assert_eq!(url(b"\x01\x02\x03/an\x07\x01x\x01\x02\x04n?k=\x00\x02\x01z"), b"/ann?k=");
        assert_eq!(url(b"\x02\x03/an\x02\x09n"), b"/an", "an option beyond the end");
    }

    #[test]
    fn responses_are_read_in_the_family_of_the_packet() {
        assert_eq!(
            response(&connected(7, [4; 8]), CLIENT),
            Some(Response::Connect { transaction: 7, connection_id: [4; 8] })
        );
        let four = [[10, 0, 0, 1, 0x1a, 0xe1], [10, 0, 0, 2, 0x1a, 0xe1], [10, 0, 0, 3, 0, 0]].concat();
        let Some(Response::Announce(list)) = response(&listed(9, &four), CLIENT) else { panic!("a listing") };
        assert_eq!((list.transaction, list.interval, list.leechers, list.seeders), (9, 1_800, 3, 2));
        assert_eq!((list.peers.peers.len(), list.peers.unusable, list.entries), (2, 1, 3));
        let six: IpAddr = "2001:db8::1".parse().expect("an address");
        let Some(Response::Announce(list)) = response(&listed(9, &[9; 18]), six) else { panic!("a listing") };
        assert_eq!((list.peers.peers.len(), list.entries), (1, 1), "18 bytes are one IPv6 address");
        assert_eq!(response(b"\0\0\0\x03\0\0\0\x09nope", CLIENT), Some(Response::Error { transaction: 9 }));
        let counts = vec![Counts { seeders: Some(1), downloads: Some(0), leechers: Some(2) }];
        assert_eq!(
            response(b"\0\0\0\x02\0\0\0\x09\0\0\0\x01\0\0\0\0\0\0\0\x02", CLIENT),
            Some(Response::Scrape { transaction: 9, counts, exact: true }),
        );
    }

    #[test]
    fn only_whole_addresses_make_a_listing_and_a_cut_one_keeps_what_it_has() {
        let whole = listed(9, &[[10, 0, 0, 1, 0x1a, 0xe1], [10, 0, 0, 2, 0x1a, 0xe1]].concat());
        for end in 0..whole.len() {
            let found = response(&whole[..end], CLIENT);
            assert_eq!(found.is_some(), end >= 20, "{end}");
            let Some(Response::Announce(list)) = Response::parse(&whole[..end], whole.len() as u32, CLIENT) else {
                assert!(end < 20, "{end}");
                continue;
            };
            assert_eq!((list.peers.peers.len(), list.entries), ((end - 20) / 6, 2));
        }
    }

    #[test]
    fn figures_of_no_tracker_are_not_plausible() {
        let peers = [10, 0, 0, 1, 0x1a, 0xe1];
        let plausible = |change: fn(&mut [u8])| {
            let mut bytes = listed(9, &peers);
            change(&mut bytes);
            match response(&bytes, CLIENT) {
                Some(Response::Announce(list)) => list.plausible(),
                other => panic!("{other:?}"),
            }
        };
        assert!(plausible(|_| ()));
        assert!(!plausible(|bytes| bytes[8] = 1), "an interval of months");
        assert!(!plausible(|bytes| bytes[8..12].fill(0)), "no interval");
        assert!(!plausible(|bytes| bytes[12..20].fill(0)), "an address of an empty swarm");
        assert!(!plausible(|bytes| bytes[12] = 0x7f), "two thousand million peers");
        assert!(!plausible(|bytes| bytes[24..26].fill(0)), "a port of 0");
    }

    #[test]
    fn floods_of_one_byte_value_do_not_look_like_a_tracker() {
        for len in (0..16).chain(17..200) {
            assert!(!looks_like(&vec![0; len], len as u32), "{len}");
            assert!(!looks_like(&vec![1; len], len as u32), "{len}");
        }
    }
}
