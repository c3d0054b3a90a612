//! HTTP trackers (BEP 3): the announce in a request's target, and the answer in its body (BEP 7, 23, 24); scrapes (BEP 48).
//! The HTTP around them is read by others.

use std::net::{IpAddr, SocketAddr};

use super::Counts;
use super::compact::{PeerList, endpoint};
use crate::bencode::{self, Bounds, Value};
use crate::ends::Endpoint;

/// The announce of a client to a tracker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announce {
    /// The torrent.
    pub info_hash: [u8; 20],
    /// The port that it listens on; 0 names none.
    pub port: u16,
    /// The addresses that it asks to be listed under (`ip`, `ipv4`, `ipv6`).
    pub named: PeerList,
    /// The value that the tracker issued to the client in an earlier answer (`trackerid`).
    pub tracker_id: Option<Vec<u8>>,
}

impl Announce {
    /// Reads the target of a GET request: path and query, or an absolute URL. `Ok(None)` for what is no announce: a
    /// scrape, a web seed (BEP 17), a page.
    ///
    /// # Errors
    /// One plain sentence, when an announce is broken.
    pub fn parse(target: &[u8]) -> Result<Option<Self>, &'static str> {
        let mut hashes = values(target, b"info_hash");
        let (Some(hash), Some(port)) = (hashes.next(), values(target, b"port").next()) else { return Ok(None) };
        if values(target, b"piece").next().is_some() {
            return Ok(None);
        }
        if hashes.next().is_some() {
            return Err("an announce of two info-hashes");
        }
        if hash.contains(&b'+') {
            return Err("an announce whose info-hash has a plus sign, which may stand for a space");
        }
        let info_hash = unescaped(hash).and_then(|hash| hash.try_into().ok());
        let info_hash = info_hash.ok_or("an announce without an info-hash of 20 bytes")?;
        let port = unescaped(port).and_then(|port| digits(&port)).ok_or("an announce without a port")?;
        let tracker_id = values(target, b"trackerid").next().and_then(unescaped).filter(|id| !id.is_empty());
        Ok(Some(Self { info_hash, port, named: named_in(target, port), tracker_id }))
    }
}

/// The question of a client about swarms (BEP 48). It announces nobody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scrape {
    /// The torrents; none for all that the tracker has.
    pub info_hashes: Vec<[u8; 20]>,
}

impl Scrape {
    /// Reads the target of a GET request; `Ok(None)` for what is no scrape.
    ///
    /// # Errors
    /// One plain sentence, when a scrape is broken.
    pub fn parse(target: &[u8]) -> Result<Option<Self>, &'static str> {
        if !is_scrape(target) {
            return Ok(None);
        }
        let hash = |hash| unescaped(hash).filter(|_| !hash.contains(&b'+')).and_then(|hash| hash.try_into().ok());
        let info_hashes: Option<Vec<[u8; 20]>> = values(target, b"info_hash").map(hash).collect();
        info_hashes
            .map(|info_hashes| Some(Self { info_hashes }))
            .ok_or("a scrape with an info-hash that is not of 20 bytes")
    }
}

/// Returns true if the last part of a target's path is that of a scrape, by the convention of BEP 48.
fn is_scrape(target: &[u8]) -> bool {
    let path = target.split(|byte| *byte == b'?').next().unwrap_or_default();
    path.rsplit(|byte| *byte == b'/').next().is_some_and(|last| last.starts_with(b"scrape"))
}

/// The answer of a tracker to a scrape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scraped {
    /// Torrents and their figures, sorted.
    pub swarms: Vec<([u8; 20], Counts)>,
    /// Entries without an info-hash of 20 bytes.
    pub unusable: u64,
}

impl Scraped {
    /// Reads a body; `Ok(None)` for an answer that tells of no swarm, as a refusal.
    ///
    /// # Errors
    /// One plain sentence, when it is no bencoded dictionary, or its list is broken.
    pub fn parse(body: &[u8]) -> Result<Option<Self>, &'static str> {
        let (root, _) = bencode::parse_prefix(body, &Bounds::default())
            .map_err(|_| "an answer to a scrape that is not bencoded, or that holds too much")?;
        if root.dict().is_none() {
            return Err("an answer to a scrape that is no dictionary");
        }
        let Some(files) = root.find(b"files") else { return Ok(None) };
        let files = files.dict().ok_or("`files` of an answer to a scrape is no dictionary")?;
        let row = |(name, file): &(&[u8], bencode::Item<'_>)| {
            file.dict()?;
            Some(((*name).try_into().ok()?, counts(file)))
        };
        let mut swarms: Vec<([u8; 20], Counts)> = files.iter().filter_map(row).collect();
        swarms.sort_by_key(|(info_hash, _)| *info_hash);
        let unusable = (files.len() - swarms.len()) as u64;
        Ok(Some(Self { swarms, unusable }))
    }
}

/// The figures of a swarm: those of a scrape, and what the answer to an announce has of them.
fn counts(of: &Value<'_>) -> Counts {
    let figure =
        |key: &[u8]| of.find(key).and_then(|item| item.int()).and_then(|figure| u64::try_from(figure).ok());
    Counts { seeders: figure(b"complete"), leechers: figure(b"incomplete"), downloads: figure(b"downloaded") }
}

/// The answer of a tracker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Seconds until the next announce, which every answer with peers says.
    pub interval: Option<i64>,
    /// The addresses that it lists.
    pub peers: PeerList,
    /// The client's own address, as the tracker sees it (BEP 24): it lists nobody.
    pub external_ip: Option<IpAddr>,
    /// The size of the swarm.
    pub counts: Counts,
    /// The value that the client is to send with its next announce (`tracker id`).
    pub tracker_id: Option<Vec<u8>>,
}

impl Answer {
    /// Reads a body; `Ok(None)` for an answer that lists nobody, as a refusal.
    ///
    /// # Errors
    /// One plain sentence, when it is no bencoded dictionary, or a list in it is broken.
    pub fn parse(body: &[u8]) -> Result<Option<Self>, &'static str> {
        // Scripts of trackers print more than the value, a line end above all.
        let (root, _) = bencode::parse_prefix(body, &Bounds::default())
            .map_err(|_| "an HTTP tracker's answer that is not bencoded, or that holds too much")?;
        if root.dict().is_none() {
            return Err("an HTTP tracker's answer that is no dictionary");
        }
        let (four, six) = (root.find(b"peers"), root.find(b"peers6"));
        if four.is_none() && six.is_none() {
            return Ok(None);
        }
        let mut peers = match four.map(|item| &item.value) {
            Some(Value::Bytes(compact)) => PeerList::v4(compact),
            Some(Value::List(entries)) => entries.iter().map(|entry| dictionary(entry)).collect(),
            Some(_) => return Err("`peers` is neither a string nor a list"),
            None => PeerList::default(),
        };
        if let Some(six) = six {
            let compact = six.bytes().ok_or("`peers6` is not a string")?;
            peers.join(PeerList::v6(compact));
        }
        let external = root.find(b"external ip").and_then(|item| item.bytes());
        Ok(Some(Self {
            interval: root.find(b"interval").and_then(|item| item.int()),
            peers,
            external_ip: external.and_then(address_bytes),
            counts: counts(&root),
            tracker_id: root.find(b"tracker id").and_then(|item| item.bytes()).map(<[u8]>::to_vec),
        }))
    }
}

/// The addresses that the query of an announce's URL names, those without a port with `port`.
pub(super) fn named_in(target: &[u8], port: u16) -> PeerList {
    let all = ADDRESS_KEYS.iter().flat_map(|key| values(target, key)).filter(|value| !value.is_empty());
    all.map(|value| address(&unescaped(value)?, port)).collect()
}

/// The entry of a list as BEP 3 has it.
fn dictionary(entry: &Value<'_>) -> Option<Endpoint> {
    let ip = std::str::from_utf8(entry.find(b"ip")?.bytes()?).ok()?.parse::<IpAddr>().ok()?;
    endpoint(ip, u16::try_from(entry.find(b"port")?.int()?).ok()?)
}

/// An address as parameters have it: with a port of its own or without; `None` for a host name.
fn address(text: &[u8], port: u16) -> Option<Endpoint> {
    let text = std::str::from_utf8(text).ok()?;
    if let Ok(socket) = text.parse::<SocketAddr>() {
        return endpoint(socket.ip(), socket.port());
    }
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    endpoint(bare.parse().ok()?, port)
}

fn address_bytes(bytes: &[u8]) -> Option<IpAddr> {
    match (<[u8; 4]>::try_from(bytes), <[u8; 16]>::try_from(bytes)) {
        (Ok(four), _) => Some(four.into()),
        (_, Ok(six)) => Some(six.into()),
        _ => None,
    }
}

/// The values of `key` in the query of a URL, as written.
fn values<'t>(target: &'t [u8], key: &'t [u8]) -> impl Iterator<Item = &'t [u8]> {
    let query =
        target.iter().position(|byte| *byte == b'?').and_then(|at| target.get(at + 1..)).unwrap_or_default();
    query.split(|byte| *byte == b'&').filter_map(move |pair| pair.strip_prefix(key)?.strip_prefix(b"="))
}

/// The bytes that percent-encoded text stands for (RFC 3986 section 2.1); `None` where an escape is broken.
fn unescaped(text: &[u8]) -> Option<Vec<u8>> {
    let mut escapes = text.split(|byte| *byte == b'%').skip(1);
    let sound = escapes.all(|behind| {
        behind.split_first_chunk::<2>().is_some_and(|(digits, _)| digits.iter().all(u8::is_ascii_hexdigit))
    });
    sound.then(|| percent_encoding::percent_decode(text).collect())
}

fn digits(text: &[u8]) -> Option<u16> {
    let text = std::str::from_utf8(text).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
    text.parse().ok()
}

const ADDRESS_KEYS: [&[u8]; 3] = [b"ip", b"ipv4", b"ipv6"];

#[cfg(test)]
mod tests {
    use super::*;

    const SOUND: &str = "/x/announce?info_hash=%124Vx%9a%BC%DE%F1%23%45%67%89%AB%CD%EF%124Vx%9a&peer_id=-XX0001-abcdefghijkl\
        &port=6881&uploaded=0&downloaded=0&left=5&compact=1&event=started";

    fn parse(target: &str) -> Result<Option<Announce>, &'static str> {
        Announce::parse(target.as_bytes())
    }

    fn shown(list: &PeerList) -> Vec<String> {
        list.peers.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_announce_is_read_with_the_addresses_that_it_names() {
        let found = parse(SOUND).expect("sound").expect("an announce");
        assert_eq!((&found.info_hash[..5], found.port), (&[0x12, 0x34, 0x56, 0x78, 0x9a][..], 6881));
        assert!(found.named.is_empty());
        let named = |tail: &str| {
            let found = parse(&format!("http://192.0.2.1{SOUND}{tail}")).expect("sound").expect("an announce");
            (shown(&found.named), found.named.unusable)
        };
        assert_eq!(named("&ip=10.0.0.7"), (vec!["10.0.0.7:6881".into()], 0));
        assert_eq!(named("&ip=&ipv4=10.0.0.7%3A1234"), (vec!["10.0.0.7:1234".into()], 0));
        let six = "&ipv6=2001%3adb8::7&ipv6=%5B2001:db8::8%5D:99&ipv6=[2001:db8::9]";
        assert_eq!(
            named(six).0,
            ["[2001:db8::7]:6881", "[2001:db8::8]:99", "[2001:db8::9]:6881"].map(String::from).to_vec()
        );
        assert_eq!(named("&ip=peer.example.org"), (vec![], 1), "a name is not looked up");
    }

    #[test]
    fn scrapes_and_their_answers_are_read() {
        let one = "%6dnopqrstuvwxyz123456";
        let scrape = |target: &str| Scrape::parse(target.as_bytes());
        let hash = *b"mnopqrstuvwxyz123456";
        let two = Scrape { info_hashes: vec![hash, [b'b'; 20]] };
        assert_eq!(scrape(&format!("/x/scrape.php?info_hash={one}&info_hash={}", "b".repeat(20))), Ok(Some(two)));
        assert_eq!(scrape("http://192.0.2.1/scrape"), Ok(Some(Scrape { info_hashes: Vec::new() })));
        for other in ["/announce?info_hash=x", "/scrape/x?info_hash=y", "/x?scrape=1", "/"] {
            assert_eq!(scrape(other), Ok(None), "{other}");
        }
        for broken in ["/scrape?info_hash=x", "/scrape?info_hash=%1", "/scrape?info_hash="] {
            assert!(scrape(broken).is_err(), "{broken}");
        }
        let body = [
            &b"d5:filesd20:aaaaaaaaaaaaaaaaaaaad8:completei5e10:downloadedi50e10:incompletei10ee3:abcde20:"[..],
            &[0xff; 20],
            b"d8:completei-1eee5:flagsd20:min_request_intervali60eee",
        ]
        .concat();
        let found = Scraped::parse(&body).expect("sound").expect("figures");
        let counts = Counts { seeders: Some(5), leechers: Some(10), downloads: Some(50) };
        assert_eq!(found.swarms, [([b'a'; 20], counts), ([0xff; 20], Counts::default())]);
        assert_eq!(found.unusable, 1);
        for end in 0..body.len() {
            assert!(Scraped::parse(&body[..end]).is_err(), "{end}");
        }
        assert_eq!(Scraped::parse(b"d14:failure reason4:nopee"), Ok(None));
        assert!(Scraped::parse(b"d5:filesi1ee").is_err() && Scraped::parse(b"le").is_err());
    }

    #[test]
    fn an_announce_may_echo_what_its_tracker_issued() {
        let found = parse(&format!("{SOUND}&trackerid=a%20b")).expect("sound").expect("an announce");
        assert_eq!(found.tracker_id.as_deref(), Some(&b"a b"[..]));
        let body = b"d8:completei7e8:intervali60e5:peers0:10:tracker id3:a be";
        let found = Answer::parse(body).expect("sound").expect("peers");
        assert_eq!((found.tracker_id.as_deref(), found.counts.seeders), (Some(&b"a b"[..]), Some(7)));
    }

    #[test]
    fn what_is_no_announce_is_told_from_a_broken_one() {
        for other in [
            "/",
            "/scrape?info_hash=%12",
            "/seed?info_hash=aaaaaaaaaaaaaaaaaaaa&piece=3&ranges=0-5&port=1",
            "/find?my_info_hash=1&port=2",
        ] {
            assert_eq!(parse(other), Ok(None), "{other}");
        }
        for (from, to) in [
            ("%124", "4"),
            ("%124", "%1g4"),
            ("%124", "+4"),
            ("port=6881", "port=x"),
            ("port=6881", "port=70000"),
            ("&compact=1", "&info_hash=aaaaaaaaaaaaaaaaaaaa"),
        ] {
            assert!(parse(&SOUND.replacen(from, to, 1)).is_err(), "{from} as {to}");
        }
        for end in 0..SOUND.len() {
            let _ = parse(&SOUND[..end]);
        }
    }

    #[test]
    fn compact_lists_and_lists_of_dictionaries_are_read() {
        let answer = |body: &[u8]| Answer::parse(body).expect("sound").expect("peers");
        let both = [
            &b"d8:completei1e11:external ip4:\x01\x02\x03\x048:intervali1800e5:peers12:"[..],
            &[10, 0, 0, 1, 0x1a, 0xe1, 10, 0, 0, 2, 0, 0],
            b"6:peers618:\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07\x1a\xe1e",
        ]
        .concat();
        let found = answer(&both);
        assert_eq!(
            (shown(&found.peers), found.peers.unusable, found.interval),
            (vec!["10.0.0.1:6881".into(), "[2001:db8::7]:6881".into()], 1, Some(1_800))
        );
        assert_eq!(found.external_ip, "1.2.3.4".parse().ok());
        for end in 0..both.len() {
            assert!(Answer::parse(&both[..end]).is_err(), "{end}");
        }
        let old = b"d8:intervali60e5:peersld2:ip8:10.0.0.17:peer id20:aaaaaaaaaaaaaaaaaaaa4:porti6881eed2:ip11:2001:db8::74:porti1ee\
            d2:ip3:a.b4:porti1eed2:ip8:10.0.0.14:porti70000eeee";
        let found = answer(old);
        assert_eq!((shown(&found.peers).len(), found.peers.unusable), (2, 2));
    }

    #[test]
    fn an_odd_entry_and_bytes_after_the_answer_cost_nothing_else() {
        for odd in ["i1e", "d2:ip8:10.0.0.1e", "d2:ip8:10.0.0.24:port4:6881e", "de", "le"] {
            let list = format!("d5:peersld2:ip8:10.0.0.14:porti6881ee{odd}d2:ip8:10.0.0.34:porti6881eeee");
            for more in ["", "\n", "<!-- 0.1 s -->"] {
                let found = Answer::parse(format!("{list}{more}").as_bytes()).expect("sound").expect("peers");
                assert_eq!(
                    (shown(&found.peers), found.peers.unusable),
                    (vec!["10.0.0.1:6881".into(), "10.0.0.3:6881".into()], 1)
                );
            }
        }
    }

    #[test]
    fn a_refusal_lists_nobody_and_a_broken_list_is_an_error() {
        assert_eq!(Answer::parse(b"d14:failure reason4:nopee"), Ok(None));
        for broken in [&b""[..], b"<html></html>", b"i1e", b"d5:peersi1ee", b"d6:peers6lee"] {
            assert!(Answer::parse(broken).is_err(), "{}", String::from_utf8_lossy(broken));
        }
    }
}
