//! The DHT (BEP 5, BEP 32): who announces a torrent, and whom nodes list. Nodes are no peers: `nodes`, `nodes6`, pings
//! and searches name nobody. The filters of BEP 33 and the samples of BEP 51 are of whole swarms.

use super::Counts;
use super::compact::{PeerList, endpoint_v4, endpoint_v6};
use super::swarms::estimate;
use crate::bencode::{self, Bounds, Value};

/// A message (KRPC) that bears on a mention.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Asks for peers.
    GetPeers {
        /// Names the query in its answer.
        transaction: Box<[u8]>,
        /// The torrent.
        info_hash: [u8; 20],
    },
    /// Announces its sender.
    AnnouncePeer {
        /// The torrent.
        info_hash: [u8; 20],
        /// The port; `None` for the port that the packet came from (`implied_port`). 0 names none.
        port: Option<u16>,
        /// The secret that the node issued to the sender's address.
        token: Box<[u8]>,
    },
    /// Answers a query for peers.
    Answer {
        /// As in the query.
        transaction: Box<[u8]>,
        /// Issued to the address that the answer goes to.
        token: Option<Box<[u8]>>,
        /// The peers that it lists.
        values: PeerList,
        /// The size of the swarm by its filters (BEP 33), which list nobody.
        counts: Counts,
    },
    /// Answers a query for torrents (BEP 51).
    Sample {
        /// Torrents of which the node says that it stores peers, sorted, each once.
        info_hashes: Vec<[u8; 20]>,
    },
}

impl Message {
    /// Reads a whole datagram; `Ok(None)` for what bears on no mention, other protocols included.
    ///
    /// # Errors
    /// One plain sentence, when a query or an answer for peers is broken.
    pub fn parse(datagram: &[u8]) -> Result<Option<Self>, &'static str> {
        // Most of the DHT is pings and searches for nodes; this leaves them before they are parsed.
        if !KEYS.iter().any(|key| memchr::memmem::find(datagram, key).is_some()) {
            return Ok(None);
        }
        // Some clients send more than the value; it says nothing against the value.
        let Ok((root, _)) = bencode::parse_prefix(datagram, &Bounds::default()) else {
            return if KINDS.iter().any(|kind| memchr::memmem::find(datagram, kind).is_some()) {
                Err("a DHT message that is not bencoded")
            } else {
                Ok(None)
            };
        };
        let word = |key: &[u8]| root.find(key).and_then(|item| item.bytes());
        match (word(b"y"), word(b"q")) {
            (Some(b"q"), Some(b"get_peers")) => get_peers(&root).map(Some),
            (Some(b"q"), Some(b"announce_peer")) => announce_peer(&root).map(Some),
            (Some(b"r"), _) => answer(&root),
            _ => Ok(None),
        }
    }
}

fn get_peers(root: &Value<'_>) -> Result<Message, &'static str> {
    let arguments = arguments(root, b"a").ok_or("a DHT query without its arguments")?;
    let info_hash = hash(arguments, b"info_hash").ok_or("a DHT query without an info-hash of 20 bytes")?;
    Ok(Message::GetPeers { transaction: transaction(root)?, info_hash })
}

fn announce_peer(root: &Value<'_>) -> Result<Message, &'static str> {
    let arguments = arguments(root, b"a").ok_or("a DHT announce without its arguments")?;
    let info_hash = hash(arguments, b"info_hash").ok_or("a DHT announce without an info-hash of 20 bytes")?;
    let number = |key: &[u8]| arguments.find(key).and_then(|item| item.int());
    let port = if number(b"implied_port").is_some_and(|implied| implied != 0) {
        None
    } else {
        Some(number(b"port").and_then(|port| u16::try_from(port).ok()).ok_or("a DHT announce without a port")?)
    };
    let token = arguments.find(b"token").and_then(|item| item.bytes()).ok_or("a DHT announce without a token")?;
    Ok(Message::AnnouncePeer { info_hash, port, token: token.into() })
}

fn answer(root: &Value<'_>) -> Result<Option<Message>, &'static str> {
    let Some(body) = arguments(root, b"r") else { return Ok(None) };
    if let Some(samples) = body.find(b"samples") {
        let samples = samples.bytes().ok_or("`samples` of a DHT answer is not a string")?;
        let (hashes, rest) = samples.as_chunks::<20>();
        if !rest.is_empty() {
            return Err("`samples` of a DHT answer is not made of info-hashes of 20 bytes");
        }
        let info_hashes: std::collections::BTreeSet<_> = hashes.iter().copied().collect();
        return Ok(
            (!info_hashes.is_empty()).then(|| Message::Sample { info_hashes: info_hashes.into_iter().collect() })
        );
    }
    let counts = Counts { seeders: filter(body, b"BFsd")?, leechers: filter(body, b"BFpe")?, downloads: None };
    let token = body.find(b"token").and_then(|item| item.bytes()).map(Box::from);
    let values = match body.find(b"values") {
        Some(values) => values.list().ok_or("`values` of a DHT answer is not a list")?,
        None => &[],
    };
    // A lone string of 18 bytes is one IPv6 address (BEP 32); nobody is listed three times as of old, in one string.
    let entry = |item: &bencode::Item<'_>| match item.bytes() {
        Some(bytes) => match (bytes.try_into(), bytes.try_into()) {
            (Ok(four), _) => Ok(endpoint_v4(four)),
            (_, Ok(six)) => Ok(endpoint_v6(six)),
            _ => Err(()),
        },
        None => Err(()),
    };
    // One odd entry does not speak against the others.
    let values: PeerList = values.iter().map(|value| entry(value).ok().flatten()).collect();
    if token.is_none() && values.is_empty() && counts.is_empty() {
        return Ok(None);
    }
    Ok(Some(Message::Answer { transaction: transaction(root)?, token, values, counts }))
}

/// How many peers the filter under `key` stands for, about.
fn filter(body: &Value<'_>, key: &[u8]) -> Result<Option<u64>, &'static str> {
    let Some(filter) = body.find(key) else { return Ok(None) };
    let filter = filter.bytes().and_then(|filter| filter.try_into().ok());
    filter.map(|filter| Some(estimate(filter))).ok_or("a filter of a DHT answer does not have 256 bytes")
}

/// The dictionary under `key`, of a node that says its id.
fn arguments<'v, 'a>(root: &'v Value<'a>, key: &[u8]) -> Option<&'v Value<'a>> {
    let arguments = root.find(key)?;
    hash(arguments, b"id").map(|_| &**arguments)
}

fn hash(from: &Value<'_>, key: &[u8]) -> Option<[u8; 20]> {
    from.find(key)?.bytes()?.try_into().ok()
}

fn transaction(root: &Value<'_>) -> Result<Box<[u8]>, &'static str> {
    root.find(b"t").and_then(|item| item.bytes()).map(Box::from).ok_or("a DHT message without a transaction id")
}

/// Returns true if a datagram may be a DHT message; costs a comparison.
#[inline]
pub(super) fn looks_like(bytes: &[u8]) -> bool {
    matches!(bytes, [b'd', b'1'..=b'9', ..]) && bytes.ends_with(b"e")
}

// Each message of interest has one of these keys.
const KEYS: [&[u8]; 6] = [b"9:info_hash", b"5:token", b"6:values", b"4:BFsd", b"4:BFpe", b"7:samples"];
// What no other protocol would have beside them.
const KINDS: [&[u8]; 2] = [b"1:y1:q", b"1:y1:r"];

#[cfg(test)]
mod tests {
    use super::*;

    const QUERY: &[u8] =
        b"d1:ad2:id20:abcdefghij01234567899:info_hash20:mnopqrstuvwxyz123456e1:q9:get_peers1:t2:aa1:y1:qe";
    const ANNOUNCE: &[u8] =
        b"d1:ad2:id20:abcdefghij012345678912:implied_porti0e9:info_hash20:mnopqrstuvwxyz1234564:porti6881e\
        5:token8:aoeusnthe1:q13:announce_peer1:t2:aa1:y1:qe";
    const ANSWER: &[u8] = b"d2:ip6:\x01\x02\x03\x04\x1a\xe11:rd2:id20:abcdefghij01234567895:token8:aoeusnth6:valuesl\
        6:\x0a\0\0\x01\x1a\xe16:\x0a\0\0\x02\x1a\xe118:\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07\x1a\xe1ee1:t2:aa1:y1:re";

    fn parse(bytes: &[u8]) -> Result<Option<Message>, &'static str> {
        Message::parse(bytes)
    }

    fn replaced(whole: &[u8], from: &str, to: &str) -> Vec<u8> {
        let at = memchr::memmem::find(whole, from.as_bytes()).expect("there");
        [&whole[..at], to.as_bytes(), &whole[at + from.len()..]].concat()
    }

    #[test]
    fn queries_announces_and_answers_are_read() {
        let info_hash = *b"mnopqrstuvwxyz123456";
        assert_eq!(parse(QUERY), Ok(Some(Message::GetPeers { transaction: b"aa"[..].into(), info_hash })));
        let token: Box<[u8]> = b"aoeusnth"[..].into();
        let announce = |port| Ok(Some(Message::AnnouncePeer { info_hash, port, token: token.clone() }));
        assert_eq!(parse(ANNOUNCE), announce(Some(6881)));
        assert_eq!(parse(&replaced(ANNOUNCE, "implied_porti0e", "implied_porti1e")), announce(None));
        let Ok(Some(Message::Answer { transaction, token: issued, values, counts })) = parse(ANSWER) else {
            panic!("an answer")
        };
        assert_eq!((&*transaction, issued), (&b"aa"[..], Some(token)));
        let shown: Vec<_> = values.peers.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["10.0.0.1:6881", "10.0.0.2:6881", "[2001:db8::7]:6881"]);
        assert!(counts.is_empty());
    }

    #[test]
    fn filters_and_samples_tell_of_swarms_and_what_is_none_is_an_error() {
        let answer = |inner: &[u8]| [b"d1:rd", inner, b"2:id20:abcdefghij0123456789e1:t2:aa1:y1:re"].concat();
        let mut two = [0; 256];
        (two[0], two[9]) = (1, 4);
        let filters = [b"4:BFpe256:", &two[..], b"4:BFsd256:", &[0; 256]].concat();
        let Ok(Some(Message::Answer { counts, values, .. })) = parse(&answer(&filters)) else {
            panic!("an answer")
        };
        assert_eq!(counts, Counts { seeders: Some(0), leechers: Some(1), downloads: None });
        assert!(values.is_empty());
        let samples = [b"7:samples60:", &[7; 20][..], &[3; 20], &[7; 20]].concat();
        assert_eq!(parse(&answer(&samples)), Ok(Some(Message::Sample { info_hashes: vec![[3; 20], [7; 20]] })));
        for broken in [&b"4:BFsd2:xx"[..], b"4:BFpei1e", b"7:samples19:aaaaaaaaaaaaaaaaaaa", b"7:samplesle"] {
            assert!(parse(&answer(broken)).is_err(), "{}", String::from_utf8_lossy(broken));
        }
        assert_eq!(parse(&answer(b"7:samples0:")), Ok(None));
    }

    #[test]
    fn no_prefix_is_taken_for_a_whole() {
        for whole in [QUERY, ANNOUNCE, ANSWER] {
            assert!(looks_like(whole));
            for end in 0..whole.len() {
                assert!(!matches!(parse(&whole[..end]), Ok(Some(_))), "{end}");
            }
        }
    }

    #[test]
    fn pings_nodes_and_errors_bear_on_no_mention() {
        for other in [
            &b"d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe"[..],
            b"d1:ad2:id20:abcdefghij01234567896:target20:mnopqrstuvwxyz123456e1:q9:find_node1:t2:aa1:y1:qe",
            b"d1:rd2:id20:abcdefghij01234567895:nodes26:abcdefghij0123456789\x01\x02\x03\x04\x1a\xe1e1:t2:aa1:y1:re",
            b"d1:eli201e5:tokene1:t2:aa1:y1:ee",
            b"d1:q9:info_hashe",
            b"d9:info_hash3:abc",
        ] {
            assert_eq!(parse(other), Ok(None), "{}", String::from_utf8_lossy(other));
        }
    }

    #[test]
    fn an_odd_value_and_bytes_after_the_message_cost_nothing_else() {
        let counts = |message: &[u8]| match parse(message) {
            Ok(Some(Message::Answer { values, .. })) => (values.peers.len(), values.unusable),
            other => panic!("{other:?}"),
        };
        let (peers, unusable) = counts(ANSWER);
        for odd in ["6:valuesli7e", "6:valuesl3:abc", "6:valueslle"] {
            assert_eq!(counts(&replaced(ANSWER, "6:valuesl", odd)), (peers, unusable + 1), "{odd}");
        }
        assert_eq!(counts(&[ANSWER, b"\n"].concat()), (peers, unusable));
    }

    #[test]
    fn a_broken_message_is_an_error_that_names_it() {
        for (whole, from, to) in [
            (QUERY, "20:mnopqrstuvwxyz123456", "19:mnopqrstuvwxyz12345"),
            (QUERY, "2:id20:abcdefghij0123456789", ""),
            (QUERY, "1:t2:aa", ""),
            (ANNOUNCE, "4:porti6881e", ""),
            (ANNOUNCE, "4:porti6881e", "4:porti70000e"),
            (ANNOUNCE, "5:token8:aoeusnth", ""),
            (ANSWER, "1:t2:aa", ""),
        ] {
            assert!(parse(&replaced(whole, from, to)).is_err(), "{from} as {to}");
        }
        assert_eq!(parse(&ANSWER[..ANSWER.len() - 1]), Err("a DHT message that is not bencoded"));
        let zero = replaced(ANNOUNCE, "4:porti6881e", "4:porti0e");
        assert!(matches!(parse(&zero), Ok(Some(Message::AnnouncePeer { port: Some(0), .. }))));
    }
}
