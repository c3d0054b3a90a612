//! Lists: whoever is in one is at G0, and stays there.

use super::*;
use crate::synth::content::Random;
use crate::synth::frame;

#[test]
fn t01_an_address_that_a_tracker_lists_is_at_g0_and_no_subject() {
    let torrent = four_pieces();
    let tracker = address(TRACKER);
    let mut udp = World::new();
    say::udp_tracker(&mut udp, address(A), tracker, torrent.info_hash, &all(&[S]));
    let mut http = World::new();
    let target = say::target(torrent.info_hash, 6_881, "");
    say::http_tracker(&mut http, address(A), tracker, &target, &say::answer(&all(&[S])));
    for (world, via) in [(udp, "udp"), (http, "http")] {
        let evidence = analyze(&world, &torrent);
        assert_eq!(
            told(&evidence),
            [format!("{A} by {A} {via}-announce G1b x1"), format!("{S} by {TRACKER} {via}-tracker G0 x1"),]
        );
        assert!(
            evidence
                .mentions
                .iter()
                .all(|told| told.info_hash.as_ref().is_some_and(|hash| hash.0 == torrent.info_hash))
        );
        assert!(evidence.subjects.is_empty() && evidence.transfers.is_empty(), "{:#?}", evidence.subjects);
        assert_eq!(odd(&evidence, Kind::BadMention), 0);
    }
}

#[test]
fn t01_an_answer_of_the_dht_names_peers_and_its_nodes_are_none() {
    let torrent = four_pieces();
    let mut world = World::new();
    world.datagram(address(A), address(NODE), &say::get_peers(b"gp", torrent.info_hash));
    world.datagram(address(NODE), address(A), &say::values(b"gp", b"tokn", &all(&[S, "[2001:db9::7]:6883"])));
    let evidence = analyze(&world, &torrent);
    assert_eq!(
        told(&evidence),
        [format!("{S} by {NODE} dht G0 x1"), format!("[2001:db9::7]:6883 by {NODE} dht G0 x1")]
    );
    assert!(evidence.subjects.is_empty());
}

#[test]
fn t01_a_tracker_of_ipv6_lists_addresses_of_18_bytes() {
    let torrent = four_pieces();
    let (a, tracker) = ("[2001:db8::10]:6881", "[2001:db8::9]:6969");
    let mut world = World::new();
    let peers = all(&["[2001:db9::7]:6881", "[2001:db9::8]:6882", "[2001:db9::9]:6883"]);
    say::udp_tracker(&mut world, address(a), address(tracker), torrent.info_hash, &peers);
    let evidence = analyze(&world, &torrent);
    let expected: Vec<_> = peers.iter().map(|peer| format!("{peer} by {tracker} udp-tracker G0 x1")).collect();
    assert_eq!(told(&evidence)[1..], expected);
}

#[test]
fn a_capture_of_one_direction_still_names_whom_the_packets_list_and_says_so() {
    let torrent = four_pieces();
    let tracker = address(TRACKER);
    let mut world = World::new();
    say::udp_tracker(&mut world, address(A), tracker, torrent.info_hash, &all(&[S]));
    world.datagram(address(A), address(NODE), &say::get_peers(b"gp", torrent.info_hash));
    world.datagram(address(NODE), address(A), &say::values(b"gp", b"tokn", &all(&[S2])));
    let target = say::target(torrent.info_hash, 6_881, "");
    let body = say::answer(&all(&[S3]));
    say::http_tracker(&mut world, address("81.2.69.10:40000"), tracker, &target, &body);
    let mut answers = world.clone();
    answers.packets.retain(|packet| packet.to.ip() == address(A).ip());
    let one_sided =
        |subject: &str, by: &str, via: &str| format!("{subject} by {by} {via} G0 one-sided x1 of no torrent");
    assert_eq!(
        told(&analyze(&answers, &torrent)),
        [one_sided(S, TRACKER, "udp-tracker"), one_sided(S2, NODE, "dht"), one_sided(S3, TRACKER, "http-tracker")]
    );
    let mut asks = world;
    asks.packets.retain(|packet| packet.from.ip() == address(A).ip());
    let flagged = |via: &str| format!("{A} by {A} {via}-announce G1a return-path-unconfirmed x1");
    assert_eq!(told(&analyze(&asks, &torrent)), [flagged("http"), flagged("udp")]);
}

#[test]
fn t07_of_a_thousand_addresses_in_a_list_only_those_that_speak_are_above_g0() {
    let torrent = four_pieces();
    let mut random = Random::new(7);
    let mut peers: Vec<SocketAddr> = Vec::new();
    while peers.len() < 1_000 {
        let [a, b, c, high, low, ..] = random.next().to_be_bytes();
        let port = u16::from_be_bytes([high, low]).max(1);
        let peer: SocketAddr = ([11 + a % 80, b, c, 7], port).into();
        if !peers.iter().any(|other| other.ip() == peer.ip()) {
            peers.push(peer);
        }
    }
    let tracker = address(TRACKER);
    let mut world = World::new();
    for (number, some) in (20..).zip(peers.chunks(200)) {
        let transaction = number * 2;
        world.datagram(address(A), tracker, &say::connect(transaction));
        world.datagram(tracker, address(A), &say::connected(transaction, SECRET));
        let announce = say::announce(SECRET, transaction + 1, torrent.info_hash, [0; 4], 6_881);
        world.datagram(address(A), tracker, &announce);
        world.datagram(tracker, address(A), &say::listed(transaction + 1, some));
    }
    let real: Vec<SocketAddr> = peers.iter().copied().step_by(97).take(10).collect();
    for (number, peer) in (2..).zip(&real) {
        let from = SocketAddr::new(address(A).ip(), 40_000 + number as u16);
        let conn = world.meet(from, *peer, torrent.info_hash, [id(1), id(number)]);
        world.close(conn, Side::A);
    }
    let evidence = analyze(&world, &torrent);
    let named = |evidence: &Evidence| told(evidence).iter().filter(|line| line.contains("udp-tracker G0")).count();
    assert_eq!((real.len(), named(&evidence)), (10, 1_000));
    let spoke: std::collections::BTreeSet<String> =
        evidence.subjects.iter().map(|subject| subject.endpoint.to_string()).collect();
    let listed = peers.iter().filter(|peer| spoke.contains(&peer.to_string()));
    assert_eq!(listed.copied().collect::<Vec<_>>().len(), 10);
    assert!(real.iter().all(|peer| subject(&evidence, &peer.to_string()).grade == Grade::G3));
    let others = evidence.subjects.iter().filter(|subject| subject.endpoint.ip != address(A).ip());
    assert_eq!(others.count(), 10, "nobody but them");
}

#[test]
fn t08_an_icmp_error_that_quotes_a_packet_credits_nobody() {
    let torrent = four_pieces();
    let (router, s) = (address("198.51.100.1:0"), address(S));
    let mut quoted = World::new();
    quoted.datagram(s, address(TRACKER), &say::announce(SECRET, 5, torrent.info_hash, [0; 4], 6_881));
    quoted.datagram(s, address(NODE), &say::announce_peer(torrent.info_hash, 6_881, b"tokn"));
    quoted.datagram(s, address(NODE), &say::values(b"gp", b"tokn", &all(&[S2])));
    let conn = join(&mut quoted, &torrent, M, S);
    quoted.fetch(conn, Side::B, &torrent, 0);
    let mut records = quoted.records();
    for (record, packet) in records.iter_mut().zip(&quoted.packets) {
        // Destination unreachable, port (RFC 792): header, then the packet in question.
        let icmp = [&[3, 3, 0, 0, 0, 0, 0, 0][..], &packet.ip()].concat();
        record.bytes = frame::ethernet(&frame::ip(router.ip(), s.ip(), 1, 7, &icmp));
        record.wire_len = record.bytes.len() as u32;
    }
    use crate::synth::capture::{LINK_ETHERNET, Order, Ticks, pcap};
    let file = pcap(&records, LINK_ETHERNET, Order::Little, Ticks::Nanos);
    let evidence = Run::new().capture(file).torrent(&torrent).evidence();
    assert!(evidence.subjects.is_empty() && evidence.transfers.is_empty(), "{:#?}", evidence.subjects);
    assert_eq!(told(&evidence), Vec::<String>::new());
}

#[test]
fn no_mention_changes_a_figure_or_a_grade() {
    let torrent = four_pieces();
    let (plain, _) = one_seeder(&torrent);
    let mut world = World::new();
    let target = say::target(torrent.info_hash, 6_881, &format!("&ip={}", address(S).ip()));
    let body = say::answer(&all(&[S, S2]));
    say::http_tracker(&mut world, address("93.184.16.1:40000"), address(TRACKER), &target, &body);
    world.datagram(address(S), address(NODE), &say::announce_peer(torrent.info_hash, 6_881, b"tokn"));
    let conn = join(&mut world, &torrent, M, S);
    fetch_all(&mut world, conn, &torrent);
    let (with, without) = (analyze(&world, &torrent), analyze(&plain, &torrent));
    let (one, other) = (transfer(&with, S, M), transfer(&without, S, M));
    assert_eq!((one.bytes, one.grade, &one.flags), (other.bytes, other.grade, &other.flags));
    assert_eq!(with.subjects.len(), without.subjects.len());
    assert_eq!(with.mentions.len(), 4, "{:?}", told(&with));
}

#[test]
fn look_alikes_name_nobody() {
    let torrent = four_pieces();
    let mut world = World::new();
    let mut random = Random::new(3);
    let (a, b) = (address(M), address("198.51.100.9:27015"));
    for len in 0..400 {
        // A game that counts, and what begins like an answer of a tracker.
        for start in [[0, 0, 0, 1], [0, 0, 0, 0], [0, 0, 0, 3], *b"d1:r"] {
            let bytes = [&start[..], &random.bytes(len)].concat();
            world.datagram(b, a, &bytes);
        }
        world.datagram(a, b, &vec![0; len]);
        world.datagram(a, b, &vec![1; len]);
    }
    let evidence = analyze(&world, &torrent);
    assert_eq!(told(&evidence), Vec::<String>::new());
    assert_eq!(odd(&evidence, Kind::BadMention), 0);
}

#[test]
fn a_full_table_is_said() {
    let torrent = four_pieces();
    let mut world = World::new();
    say::udp_tracker(&mut world, address(A), address(TRACKER), torrent.info_hash, &all(&[S, S2, S3]));
    let limits = peerproof::Limits { mentions: 2, ..peerproof::Limits::default() };
    let evidence = Run::new().capture(world.pcap()).torrent(&torrent).limits(limits).evidence();
    assert_eq!((evidence.mentions.len(), odd(&evidence, Kind::LimitReached)), (2, 2));
}
