use super::super::Standing;
use super::super::udp_tracker::tests::{announce, connect, connected, listed};
use super::*;
use crate::ends::FrameId;

const HASH: [u8; 20] = *b"mnopqrstuvwxyz123456";
const ID: [u8; 8] = *b"\x8f\x01secret";
const PEERS: [u8; 12] = [10, 0, 0, 1, 0x1a, 0xe1, 10, 0, 0, 2, 0x1a, 0xe2];

fn end(text: &str) -> Endpoint {
    let socket: std::net::SocketAddr = text.parse().expect("an endpoint");
    Endpoint { ip: socket.ip(), port: socket.port() }
}

fn client() -> Endpoint {
    end("192.0.2.1:6881")
}

fn tracker() -> Endpoint {
    end("198.51.100.1:6969")
}

/// Pushes a row of datagrams, one a millisecond, each with a fingerprint of its own; returns the remarks.
fn hear(listener: &mut Listener, datagrams: &[(Endpoint, Endpoint, Vec<u8>)]) -> Vec<Remark> {
    let mut out = Vec::new();
    for (number, (from, to, bytes)) in datagrams.iter().enumerate() {
        let number = number as u64 + 1;
        let at = At { time: Timestamp(number as i64 * 1_000_000), frame: FrameId::new(0, number) };
        let wire_len = bytes.len() as u32;
        if looks_like(bytes, wire_len) {
            let datagram =
                Datagram { from: *from, to: *to, bytes, wire_len, at, fingerprint: number as u32, doubtful: false };
            listener.push(&datagram, &mut out);
        }
    }
    out
}

/// Subject, by, via, grade and flags.
fn shown(remarks: &[Remark]) -> Vec<String> {
    let line = |remark: &Remark| match remark {
        Remark::Mention { named, .. } => {
            let flags: Vec<_> = named.doubts.names().collect();
            let hash = if named.info_hash.is_some() { "" } else { " of no torrent" };
            let (via, grade) = (named.via.name(), named.standing.name());
            format!("{} by {} {via} {grade} {}{hash}", named.subject, named.by, flags.join(",")).trim().to_owned()
        }
        Remark::Swarm { swarm, counts } => {
            let Counts { seeders, leechers, downloads } = counts;
            let figures =
                [seeders, leechers, downloads].map(|figure| figure.map_or("-".into(), |n: u64| n.to_string()));
            format!("swarm {} by {} {} {}", swarm.info_hash[0], swarm.by, swarm.via, figures.join("/"))
        }
        Remark::Odd(oddity) => format!("{oddity:?}"),
    };
    remarks.iter().map(line).collect()
}

#[test]
fn an_announce_that_echoes_its_connection_id_is_confirmed_and_its_answer_names_peers() {
    let mut listener = Listener::new(100);
    let out = hear(
        &mut listener,
        &[
            (client(), tracker(), connect(1)),
            (tracker(), client(), connected(1, ID)),
            (client(), tracker(), announce(ID, 2, HASH, [0; 4], 6881)),
            (tracker(), client(), listed(2, &PEERS)),
        ],
    );
    assert_eq!(
        shown(&out),
        [
            "192.0.2.1:6881 by 192.0.2.1:6881 udp-announce G1b",
            "swarm 109 by 198.51.100.1:6969 udp-tracker 2/3/-",
            "10.0.0.1:6881 by 198.51.100.1:6969 udp-tracker G0",
            "10.0.0.2:6882 by 198.51.100.1:6969 udp-tracker G0",
        ]
    );
    let Remark::Mention { shown, .. } = &out[0] else { panic!("{out:?}") };
    assert_eq!((shown.first.frame.number(), shown.last.frame.number()), (2, 3), "the id, and its echo");
}

#[test]
fn a_connection_id_that_was_never_issued_or_to_another_host_confirms_nothing() {
    let other = end("192.0.2.9:6881");
    let forged = (client(), tracker(), announce(ID, 2, HASH, [0; 4], 6881));
    let expected = ["192.0.2.1:6881 by 192.0.2.1:6881 udp-announce G1a return-path-unconfirmed"];
    let to = |who: Endpoint, from: Endpoint| {
        vec![(who, from, connect(1)), (from, who, connected(1, ID)), forged.clone()]
    };
    for datagrams in [
        vec![forged.clone()],
        to(other, tracker()),
        to(client(), end("198.51.100.2:6969")),
        // Without its request, 16 bytes need not be an answer.
        vec![(tracker(), client(), connected(1, ID)), forged.clone()],
        vec![(client(), tracker(), connect(3)), (tracker(), client(), connected(1, ID)), forged.clone()],
        // Issued afterwards.
        vec![forged.clone(), (client(), tracker(), connect(1)), (tracker(), client(), connected(1, ID))],
    ] {
        assert_eq!(shown(&hear(&mut Listener::new(100), &datagrams)), expected);
    }
}

#[test]
fn an_address_in_an_announce_is_named_by_the_announcer() {
    let url = b"\x02\x20/announce?ipv6=2001%3adb8%3a%3a7";
    for (ip, tail, expected) in [
        ([203, 0, 113, 7], &b""[..], "203.0.113.7:6881 by 192.0.2.1:6881 udp-announce G0"),
        ([0; 4], url, "[2001:db8::7]:6881 by 192.0.2.1:6881 udp-announce G0"),
    ] {
        let bytes = [announce(ID, 2, HASH, ip, 6881), tail.to_vec()].concat();
        let out = hear(&mut Listener::new(100), &[(client(), tracker(), bytes)]);
        assert_eq!(shown(&out)[1..], [expected]);
    }
    let port = b"\x02\x16/announce?ip=192.0.2.1";
    let colon = [announce(ID, 2, HASH, [0; 4], 6881), b"\x02\x1b/announce?ipv4=192.0.2.1:99".to_vec()].concat();
    let out = hear(&mut Listener::new(100), &[(client(), tracker(), colon)]);
    assert_eq!(
        shown(&out)[1..],
        ["192.0.2.1:99 by 192.0.2.1:6881 udp-announce G0"],
        "another port is another endpoint"
    );
    let itself = [announce(ID, 2, HASH, [192, 0, 2, 1], 6881), port.to_vec()].concat();
    assert_eq!(hear(&mut Listener::new(100), &[(client(), tracker(), itself)]).len(), 1);
    let six = (end("[2001:db8::1]:6881"), end("[2001:db8::2]:6969"), announce(ID, 2, HASH, [10, 0, 0, 7], 6881));
    let out = hear(&mut Listener::new(100), &[six]);
    assert!(matches!(out[..], [Remark::Odd(_), Remark::Mention { .. }]), "{out:?}");
}

#[test]
fn a_port_of_0_announces_nobody_and_is_counted() {
    let announce = || (client(), tracker(), announce(ID, 2, HASH, [10, 0, 0, 7], 0));
    let out = hear(
        &mut Listener::new(100),
        &[(client(), tracker(), connect(1)), (tracker(), client(), connected(1, ID)), announce()],
    );
    assert_eq!(out, [odd(MentionFault::Unusable, 2)]);
    // Where nothing else shows an announce, it may as well be a query of DNS.
    assert_eq!(hear(&mut Listener::new(100), &[announce()]), []);
}

#[test]
fn a_listing_without_its_request_needs_a_tracker_that_answered_before() {
    let answer = (tracker(), client(), listed(2, &PEERS));
    assert_eq!(hear(&mut Listener::new(100), std::slice::from_ref(&answer)), []);
    let out = hear(&mut Listener::new(100), &[(tracker(), client(), connected(1, ID)), answer.clone()]);
    assert_eq!(
        shown(&out),
        [
            "10.0.0.1:6881 by 198.51.100.1:6969 udp-tracker G0 one-sided of no torrent",
            "10.0.0.2:6882 by 198.51.100.1:6969 udp-tracker G0 one-sided of no torrent",
        ]
    );
    let elsewhere = (tracker(), end("192.0.2.2:6881"), listed(2, &PEERS));
    assert_eq!(hear(&mut Listener::new(100), &[(tracker(), client(), connected(1, ID)), elsewhere]), []);
}

fn dht(query: bool, inner: &[u8], tail: &[u8]) -> Vec<u8> {
    let kind: &[u8] = if query { b"1:a" } else { b"1:r" };
    [b"d", kind, b"d2:id20:abcdefghij0123456789", inner, b"e", tail, b"e"].concat()
}

fn get_peers() -> Vec<u8> {
    dht(true, &[b"9:info_hash20:", &HASH[..]].concat(), b"1:q9:get_peers1:t2:aa1:y1:q")
}

fn answer() -> Vec<u8> {
    dht(false, b"5:token4:tokn6:valuesl6:\x0a\0\0\x01\x1a\xe1e", b"1:t2:aa1:y1:r")
}

fn announce_peer(token: &[u8; 4], implied: u8) -> Vec<u8> {
    let implied = format!("12:implied_porti{implied}e9:info_hash20:");
    let inner = [implied.as_bytes(), &HASH, b"4:porti7000e5:token4:", token].concat();
    dht(true, &inner, b"1:q13:announce_peer1:t2:ab1:y1:q")
}

#[test]
fn the_dht_names_whom_it_lists_and_confirms_who_echoes_a_token() {
    let node = end("203.0.113.5:6881");
    let out = hear(
        &mut Listener::new(100),
        &[
            (client(), node, get_peers()),
            (node, client(), answer()),
            (client(), node, announce_peer(b"tokn", 0)),
            (client(), node, announce_peer(b"tokn", 1)),
            (client(), node, announce_peer(b"else", 1)),
            (end("192.0.2.9:6881"), node, announce_peer(b"tokn", 1)),
        ],
    );
    assert_eq!(
        shown(&out),
        [
            "10.0.0.1:6881 by 203.0.113.5:6881 dht G0",
            "192.0.2.1:7000 by 192.0.2.1:7000 dht-announce G1b",
            "192.0.2.1:6881 by 192.0.2.1:6881 dht-announce G1b",
            "192.0.2.1:6881 by 192.0.2.1:6881 dht-announce G1a return-path-unconfirmed",
            "192.0.2.9:6881 by 192.0.2.9:6881 dht-announce G1a return-path-unconfirmed",
        ]
    );
    let one_sided = hear(&mut Listener::new(100), &[(node, client(), answer())]);
    assert_eq!(shown(&one_sided), ["10.0.0.1:6881 by 203.0.113.5:6881 dht G0 one-sided of no torrent"]);
}

#[test]
fn a_token_that_others_got_too_or_that_can_be_guessed_confirms_nobody() {
    let (node, other) = (end("203.0.113.5:6881"), end("192.0.2.9:6881"));
    let announce = (client(), node, announce_peer(b"tokn", 1));
    let flagged = ["192.0.2.1:6881 by 192.0.2.1:6881 dht-announce G1a return-path-unconfirmed"];
    let token = |token: &str| dht(false, token.as_bytes(), b"1:t2:aa1:y1:r");
    let mine = (node, client(), token("5:token4:tokn"));
    let both = [mine.clone(), (node, other, token("5:token4:tokn")), mine.clone(), announce.clone()];
    assert_eq!(shown(&hear(&mut Listener::new(100), &both)), flagged);
    // The same word of another node is another secret.
    let elsewhere = [mine, (end("203.0.113.6:6881"), other, token("5:token4:tokn")), announce];
    assert!(shown(&hear(&mut Listener::new(100), &elsewhere))[0].ends_with("G1b"));
    let inner = [b"12:implied_porti1e9:info_hash20:", &HASH[..], b"4:porti1e5:token3:tok"].concat();
    let short = dht(true, &inner, b"1:q13:announce_peer1:t2:ab1:y1:q");
    let short = [(node, client(), token("5:token3:tok")), (client(), node, short)];
    assert_eq!(shown(&hear(&mut Listener::new(100), &short)), flagged);
}

#[test]
fn local_discovery_announces_its_sender_for_every_info_hash() {
    let search = b"BT-SEARCH * HTTP/1.1\r\nHost: 239.192.152.143:6771\r\nPort: 7000\r\n\
        Infohash: 00112233445566778899aabbccddeeff00112233\r\n\
        Infohash: ff112233445566778899aabbccddeeff00112233\r\n\r\n\r\n";
    let from = end("192.0.2.1:6771");
    for group in ["239.192.152.143:6771", "[ff15::efc0:988f]:6771"] {
        let out = hear(&mut Listener::new(100), &[(from, end(group), search.to_vec())]);
        assert_eq!(shown(&out), ["192.0.2.1:7000 by 192.0.2.1:7000 lsd G1a return-path-unconfirmed"; 2]);
    }
    let out = hear(&mut Listener::new(100), &[(from, tracker(), search.to_vec())]);
    assert!(matches!(out[..], [Remark::Odd(_)]), "to one host alone: {out:?}");
}

#[test]
fn the_same_packet_twice_counts_once_and_the_same_announce_again_counts_again() {
    let mut listener = Listener::new(100);
    let bytes = announce(ID, 2, HASH, [0; 4], 6881);
    let mut out = Vec::new();
    for (fingerprint, number) in [(1, 1), (1, 2), (2, 3)] {
        let at = At { time: Timestamp(number * 1_000), frame: FrameId::new(0, number as u64) };
        let wire_len = bytes.len() as u32;
        let (from, to, bytes) = (client(), tracker(), &bytes[..]);
        listener.push(&Datagram { from, to, bytes, wire_len, at, fingerprint, doubtful: true }, &mut out);
    }
    let lines = shown(&out);
    assert_eq!((lines[1].as_str(), lines.len()), ("DoubleDatagram", 3));
    assert!(lines[0].ends_with("G1a bad-checksum,return-path-unconfirmed"), "{lines:?}");
}

#[test]
fn of_two_inputs_one_packet_counts_once_and_the_same_bytes_sent_again_count_again() {
    let bytes = announce(ID, 2, HASH, [0; 4], 6881);
    let doubles = |fingerprint: u32, seconds: i64, file: u16| {
        let (mut listener, mut out) = (Listener::new(100), Vec::new());
        listener.expect_copies(100);
        for (file, time) in [(0, 0), (file, seconds * 1_000_000_000)] {
            let at = At { time: Timestamp(time), frame: FrameId::new(file, 7) };
            let (wire_len, from, to, bytes) = (bytes.len() as u32, client(), tracker(), &bytes[..]);
            listener.push(&Datagram { from, to, bytes, wire_len, at, fingerprint, doubtful: false }, &mut out);
        }
        shown(&out)[1] == "DoubleDatagram"
    };
    // With an identification, whatever the clocks say; without, only sooner than it is sent again.
    assert_eq!([1, 40, 3_600, -3_600].map(|seconds| doubles(5 << 16, seconds, 1)), [true; 4]);
    assert_eq!([1, 9, -9, 15, 60].map(|seconds| doubles(5, seconds, 1)), [true, true, true, false, false]);
    assert_eq!([1, 9].map(|seconds| doubles(5 << 16, seconds, 0)), [false; 2]);
}

#[test]
fn what_is_forgotten_too_early_is_said_and_what_is_old_is_not() {
    let asks = |step: i64| {
        let (mut listener, mut out) = (Listener::new(4), Vec::new());
        for number in 1..=10_u32 {
            let at = At { time: Timestamp(i64::from(number) * step), frame: FrameId::new(0, u64::from(number)) };
            let bytes = connect(number);
            let (from, to, bytes) = (client(), tracker(), &bytes[..]);
            let datagram = Datagram { from, to, bytes, wire_len: 16, at, fingerprint: number, doubtful: false };
            listener.push(&datagram, &mut out);
        }
        out
    };
    assert_eq!(asks(1_000_000_000).len(), 6);
    assert_eq!(asks(30_000_000_000), []);
}

#[test]
fn a_confirmed_mention_stands_above_one_that_is_not() {
    assert!(Standing::Named < Standing::Announced && Standing::Announced < Standing::Confirmed);
}
