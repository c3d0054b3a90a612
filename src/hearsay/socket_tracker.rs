//! WebSocket trackers in clear, as WebTorrent has them: text messages in JSON. Peers announce themselves with offers of
//! WebRTC connections (RFC 8829), and the tracker passes offers and answers on. In them, candidates (RFC 8839) name the
//! addresses at which their maker may be reached.

use std::net::IpAddr;

use serde_json::{Map, Value};

use super::Counts;
use super::compact::{PeerList, endpoint};
use crate::ends::Endpoint;

/// A message of a peer to the tracker, or of the tracker to a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// An announce, or its answer; an offer or an answer on its way.
    Announce {
        /// The torrent.
        info_hash: [u8; 20],
        /// Addresses in offers and answers.
        named: PeerList,
        /// The size of the swarm, which the tracker says.
        counts: Counts,
    },
    /// A scrape, or its answer: the figures of each swarm that it names.
    Scrape {
        /// Torrents and their figures, sorted.
        swarms: Vec<([u8; 20], Counts)>,
    },
}

impl Message {
    /// Reads a whole text message; `Ok(None)` for what is none of a tracker's.
    ///
    /// # Errors
    /// One plain sentence, when one of a tracker's is broken.
    pub fn parse(text: &[u8]) -> Result<Option<Self>, &'static str> {
        // Others speak JSON, too: nothing is parsed for them.
        let has = |word: &[u8]| memchr::memmem::find(text, word).is_some();
        if !has(b"\"action\"") || !(has(b"\"info_hash\"") || has(b"\"files\"")) {
            return Ok(None);
        }
        let Ok(Value::Object(root)) = serde_json::from_slice(text) else {
            return Err("a message of a WebSocket tracker that is not JSON");
        };
        match root.get("action").and_then(Value::as_str) {
            Some("announce") => announce(&root).map(Some),
            Some("scrape") => scrape(&root).map(Some),
            _ => Ok(None),
        }
    }
}

fn announce(root: &Map<String, Value>) -> Result<Message, &'static str> {
    let info_hash = root.get("info_hash").and_then(hash);
    let info_hash = info_hash.ok_or("an announce to a WebSocket tracker without an info-hash of 20 bytes")?;
    let mut named = PeerList::default();
    let offers =
        root.get("offers").and_then(Value::as_array).into_iter().flatten().filter_map(|each| each.get("offer"));
    for described in offers.chain(root.get("offer")).chain(root.get("answer")) {
        if let Some(text) = described.get("sdp").and_then(Value::as_str) {
            named.join(candidates(text));
        }
    }
    let counts = counts(root);
    Ok(Message::Announce { info_hash, named, counts })
}

fn scrape(root: &Map<String, Value>) -> Result<Message, &'static str> {
    const BROKEN: &str = "a scrape of a WebSocket tracker without info-hashes of 20 bytes";
    if let Some(files) = root.get("files") {
        let files = files.as_object().ok_or(BROKEN)?;
        let row = |(name, file): (&String, &Value)| Some((bytes(name)?, counts(file.as_object()?)));
        let swarms: Option<Vec<_>> = files.iter().map(row).collect();
        let mut swarms = swarms.ok_or(BROKEN)?;
        swarms.sort_by_key(|(info_hash, _)| *info_hash);
        return Ok(Message::Scrape { swarms });
    }
    // A question: of one torrent, or of several.
    let asked = match root.get("info_hash") {
        Some(Value::Array(several)) => several.iter().map(hash).collect::<Option<Vec<_>>>(),
        Some(one) => hash(one).map(|one| vec![one]),
        None => None,
    };
    asked.map(|_| Message::Scrape { swarms: Vec::new() }).ok_or(BROKEN)
}

fn counts(of: &Map<String, Value>) -> Counts {
    let figure = |key: &str| of.get(key).and_then(Value::as_u64);
    Counts { seeders: figure("complete"), leechers: figure("incomplete"), downloads: figure("downloaded") }
}

/// An info-hash in JSON: a text of 20 characters, each of which stands for a byte.
fn hash(value: &Value) -> Option<[u8; 20]> {
    bytes(value.as_str()?)
}

fn bytes(text: &str) -> Option<[u8; 20]> {
    let bytes: Option<Vec<u8>> = text.chars().take(21).map(|letter| u8::try_from(u32::from(letter)).ok()).collect();
    bytes?.try_into().ok()
}

/// The addresses that the candidates of a session description name. Names of hosts (`.local`) and relays are none of its
/// maker's.
fn candidates(description: &str) -> PeerList {
    description.lines().take(MOST_LINES).filter_map(|line| candidate(line.trim_end())).collect()
}

/// `a=candidate:1 1 udp 2113937151 192.0.2.7 54321 typ host ...`; `None` for another line, and for what is not its maker's.
fn candidate(line: &str) -> Option<Option<Endpoint>> {
    let line = line.strip_prefix("a=").unwrap_or(line).strip_prefix("candidate:")?;
    let mut words = line.split_ascii_whitespace().skip(2);
    let transport = words.next()?;
    let (address, port) = (words.nth(1)?, words.next()?);
    let kind = words.find(|word| *word == "typ").and_then(|_| words.next())?;
    if kind == "relay" || address.ends_with(".local") || !transport.eq_ignore_ascii_case("udp") {
        return None;
    }
    let named = address.parse::<IpAddr>().ok().zip(port.parse().ok());
    Some(named.and_then(|(ip, port)| endpoint(ip, port)))
}

// Rationale: a description has some 30 lines, of which at most a dozen are candidates.
const MOST_LINES: usize = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    const OFFER: &str = r#"{"action":"announce","info_hash":"mnopqrstuvwxyz123456","peer_id":"-WW0109-abcdefghijkl",
        "numwant":1,"offers":[{"offer_id":"x","offer":{"type":"offer","sdp":"v=0\r\nc=IN IP4 0.0.0.0\r\n
a=candidate:1 1 UDP 2113937151 192.0.2.7 54321 typ host generation 0\r\na=candidate:2 1 udp 1 2001:db8::7 54322 typ srflx raddr :: rport 0\r\n
a=candidate:3 1 udp 1 6d1.local 5 typ host\r\na=candidate:4 1 udp 1 203.0.113.9 5 typ relay raddr 192.0.2.7 rport 1\r\n
a=candidate:5 1 tcp 1 192.0.2.7 9 typ host tcptype active\r\na=candidate:6 1 udp 1 192.0.2.8 0 typ host\r\n"}}]}"#;

    fn parse(text: &str) -> Result<Option<Message>, &'static str> {
        Message::parse(text.as_bytes())
    }

    /// On one line, as it is sent.
    fn offer() -> String {
        OFFER.replace('\n', "")
    }

    #[test]
    fn offers_name_the_addresses_of_their_maker_and_no_relay() {
        let Ok(Some(Message::Announce { info_hash, named, counts })) = parse(&offer()) else {
            panic!("an announce")
        };
        assert_eq!((&info_hash, counts), (b"mnopqrstuvwxyz123456", Counts::default()));
        let shown: Vec<_> = named.peers.iter().map(ToString::to_string).collect();
        assert_eq!((shown, named.unusable), (vec!["192.0.2.7:54321".into(), "[2001:db8::7]:54322".into()], 1));
    }

    #[test]
    fn answers_tell_the_size_of_a_swarm_and_bytes_are_characters() {
        let text = r#"{"action":"announce","interval":120,"info_hash":"\u00ff\u0000cdefghijklmnopqrsþ","complete":3,"incomplete":1}"#;
        let Ok(Some(Message::Announce { info_hash, counts, .. })) = parse(text) else { panic!("an answer") };
        assert_eq!((info_hash[0], info_hash[1], info_hash[19]), (0xff, 0, 0xfe));
        assert_eq!(counts, Counts { seeders: Some(3), leechers: Some(1), downloads: None });
        let text =
            r#"{"action":"scrape","files":{"mnopqrstuvwxyz123456":{"complete":1,"incomplete":2,"downloaded":3}}}"#;
        let counts = Counts { seeders: Some(1), leechers: Some(2), downloads: Some(3) };
        assert_eq!(parse(text), Ok(Some(Message::Scrape { swarms: vec![(*b"mnopqrstuvwxyz123456", counts)] })));
        let asked = r#"{"action":"scrape","info_hash":["mnopqrstuvwxyz123456"]}"#;
        assert_eq!(parse(asked), Ok(Some(Message::Scrape { swarms: Vec::new() })));
    }

    #[test]
    fn what_is_no_trackers_is_told_from_what_is_broken() {
        for other in
            ["", "{}", "hello", r#"{"action":"chat","text":"info_hash"}"#, r#"{"action":"x","info_hash":"y"}"#]
        {
            assert_eq!(parse(other), Ok(None), "{other}");
        }
        for broken in [
            r#"{"action":"announce","info_hash":"short"}"#,
            r#"{"action":"announce","info_hash":"mnopqrstuvwxyz12345Ā"}"#,
            r#"{"action":"scrape","files":{"x":{}}}"#,
            r#"{"action":"scrape","info_hash":7}"#,
            r#"{"action":"announce","info_hash":"mnopqrstuvwxyz123456""#,
        ] {
            assert!(parse(broken).is_err(), "{broken}");
        }
        let whole = offer();
        for end in 0..whole.len() {
            assert!(!matches!(parse(&whole[..end]), Ok(Some(_))), "{end}");
        }
        let deep =
            format!(r#"{{"action":"announce","info_hash":{}1{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
        assert!(parse(&deep).is_err());
    }
}
