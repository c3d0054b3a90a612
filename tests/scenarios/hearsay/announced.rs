//! Announces: what shows that their sender received something, and what does not.

use super::*;

/// A packet of which nothing shows that its sender received anything.
fn unconfirmed(subject: &str, via: &str) -> String {
    format!("{subject} by {subject} {via} G1a return-path-unconfirmed x1")
}

#[test]
fn t02_an_announce_of_a_with_the_address_of_s_names_s_and_announces_a() {
    let torrent = four_pieces();
    let hash = torrent.info_hash;
    let s = address(S).ip();
    let std::net::IpAddr::V4(four) = s else { panic!("IPv4") };
    let mut udp = World::new();
    udp.datagram(address(A), address(TRACKER), &say::connect(1));
    udp.datagram(address(TRACKER), address(A), &say::connected(1, SECRET));
    udp.datagram(address(A), address(TRACKER), &say::announce(SECRET, 2, hash, four.octets(), 6_881));
    let mut http = World::new();
    let target = say::target(hash, 6_881, &format!("&ip={s}"));
    say::http_tracker(&mut http, address("81.2.69.10:40000"), address(TRACKER), &target, &say::answer(&[]));
    for (world, via) in [(udp, "udp-announce"), (http, "http-announce")] {
        let evidence = analyze(&world, &torrent);
        assert_eq!(told(&evidence), [format!("{A} by {A} {via} G1b x1"), format!("{S} by {A} {via} G0 x1")]);
        assert!(evidence.subjects.is_empty());
        let json = Run::new().capture(world.pcap()).torrent(&torrent).json(1, 1 << 20);
        let report: serde_json::Value = serde_json::from_str(&json).expect("a report");
        assert_eq!(crate::fixture::violations(&report), Vec::<String>::new());
        let grades: Vec<_> = report["mentions"].as_array().expect("a list").iter().map(|m| &m["grade"]).collect();
        assert_eq!(grades, ["G1b", "G0"]);
    }
}

#[test]
fn t02_the_parameters_of_bep_7_name_both_families() {
    let torrent = four_pieces();
    let mut world = World::new();
    let target = say::target(
        torrent.info_hash,
        6_881,
        "&ipv4=93.184.16.1&ipv6=%5B2001%3Adb9%3A%3A7%5D%3A7000&ip=host.example",
    );
    say::http_tracker(&mut world, address("81.2.69.10:40000"), address(TRACKER), &target, &say::answer(&[]));
    let evidence = analyze(&world, &torrent);
    assert_eq!(
        told(&evidence)[1..],
        [format!("{S} by {A} http-announce G0 x1"), format!("[2001:db9::7]:7000 by {A} http-announce G0 x1")]
    );
    assert_eq!(odd(&evidence, Kind::BadMention), 1, "a host name is not looked up");
}

#[test]
fn t03_a_forged_announce_is_g1a_and_its_return_path_is_unconfirmed() {
    let torrent = four_pieces();
    let mut world = World::new();
    // The forger's own address gets a connection id and a token; the subject's never does.
    let forger = address("203.0.113.66:6881");
    world.datagram(forger, address(TRACKER), &say::connect(1));
    world.datagram(address(TRACKER), forger, &say::connected(1, SECRET));
    world.datagram(address(S), address(TRACKER), &say::announce(SECRET, 2, torrent.info_hash, [0; 4], 6_881));
    world.datagram(forger, address(NODE), &say::get_peers(b"gp", torrent.info_hash));
    world.datagram(address(NODE), forger, &say::values(b"gp", b"tokn", &[]));
    world.datagram(address(S2), address(NODE), &say::announce_peer(torrent.info_hash, 6_881, b"tokn"));
    let evidence = analyze(&world, &torrent);
    assert_eq!(told(&evidence), [unconfirmed(S, "udp-announce"), unconfirmed(S2, "dht-announce")]);
    assert!(evidence.subjects.is_empty());
    let json = Run::new().capture(world.pcap()).torrent(&torrent).json(1, 1 << 20);
    assert!(json.contains("\"G1a\"") && json.contains("\"return-path-unconfirmed\""));
}

#[test]
fn t03_an_echoed_secret_confirms_the_announce_and_cites_both_frames() {
    let torrent = four_pieces();
    let mut world = World::new();
    world.datagram(address(A), address(NODE), &say::get_peers(b"gp", torrent.info_hash));
    world.datagram(address(NODE), address(A), &say::values(b"gp", b"tokn", &[]));
    world.datagram(address(A), address(NODE), &say::announce_peer(torrent.info_hash, 7_000, b"tokn"));
    world.datagram(address(A), address(NODE), &say::announce_peer(torrent.info_hash, 7_000, b"tokn"));
    let evidence = analyze(&world, &torrent);
    let by = "81.2.69.10:7000";
    assert_eq!(told(&evidence), [format!("{by} by {by} dht-announce G1b x2")]);
    let mention = &evidence.mentions[0];
    assert_eq!((mention.frames.first, mention.frames.last), (2, 3));
    assert!(mention.first_time < mention.last_time, "the announces alone: {mention:?}");
}

#[test]
fn local_discovery_announces_its_sender_in_both_families() {
    let torrent = four_pieces();
    let mut world = World::new();
    for (from, group) in [(A, "239.192.152.143:6771"), ("[2001:db9::10]:6771", "[ff15::efc0:988f]:6771")] {
        let mut from = address(from);
        from.set_port(6_771);
        world.datagram(from, address(group), &say::search(address(group), 6_881, torrent.info_hash));
    }
    let evidence = analyze(&world, &torrent);
    assert_eq!(told(&evidence), [unconfirmed(A, "lsd"), unconfirmed("[2001:db9::10]:6881", "lsd")]);
    assert!(evidence.subjects.is_empty());
}

#[test]
fn a_private_address_is_flagged() {
    let torrent = four_pieces();
    let mut world = World::new();
    let group = address("239.192.152.143:6771");
    world.datagram(address("192.168.7.9:6771"), group, &say::search(group, 6_881, torrent.info_hash));
    let json = Run::new().capture(world.pcap()).torrent(&torrent).json(1, 1 << 20);
    let report: serde_json::Value = serde_json::from_str(&json).expect("a report");
    assert_eq!(report["mentions"][0]["flags"], serde_json::json!(["private-address", "return-path-unconfirmed"]));
}

#[test]
fn every_frame_twice_counts_once() {
    let torrent = four_pieces();
    let mut world = World::new();
    say::udp_tracker(&mut world, address(A), address(TRACKER), torrent.info_hash, &all(&[S]));
    world.datagram(address(A), address(NODE), &say::get_peers(b"gp", torrent.info_hash));
    world.datagram(address(NODE), address(A), &say::values(b"gp", b"tokn", &all(&[S2])));
    let target = say::target(torrent.info_hash, 6_881, "");
    let body = say::answer(&all(&[S3]));
    say::http_tracker(&mut world, address("81.2.69.10:40000"), address(TRACKER), &target, &body);
    let plain = told(&analyze(&world, &torrent));
    world.double();
    let doubled = analyze(&world, &torrent);
    assert_eq!(told(&doubled), plain);
    assert!(odd(&doubled, Kind::DuplicateFrame) > 0);
}

#[test]
fn at_two_taps_every_packet_counts_once_wherever_their_clocks_are() {
    let torrent = four_pieces();
    let mut world = World::new();
    let group = address("239.192.152.143:6771");
    say::udp_tracker(&mut world, address(A), address(TRACKER), torrent.info_hash, &all(&[S]));
    for id in 0..40_u8 {
        world.datagram(address(A), address(NODE), &say::get_peers(&[b'g', id], torrent.info_hash));
        world.datagram(address(NODE), address(A), &say::values(&[b'g', id], b"tokn", &all(&[S2])));
        world.datagram(address("81.2.69.10:6771"), group, &say::search(group, 6_881, torrent.info_hash));
    }
    let once = analyze(&world, &torrent);
    for ms in [0, 1, 300, -300, 5_000, 3_600_000] {
        let mut other = world.clone();
        other.packets.iter_mut().for_each(|packet| packet.time += ms * 1_000_000);
        let evidence = Run::new().capture(world.pcap()).capture(other.pcap()).torrent(&torrent).evidence();
        assert_eq!(told(&evidence), told(&once), "{ms} ms");
    }
    // A ring of files holds no packet twice.
    let (mut first, mut second) = (world.clone(), world.clone());
    second.packets.drain(..first.packets.len() / 2);
    first.packets.truncate(world.packets.len() / 2);
    let ring = Run::new().capture(first.pcap()).capture(second.pcap()).torrent(&torrent).evidence();
    assert_eq!(told(&ring), told(&once));
}

#[test]
fn a_peer_that_also_speaks_utp_on_the_same_flow_is_heard() {
    let torrent = four_pieces();
    let mut world = World::new();
    let (a, node) = (address(A), address(NODE));
    // What may be the SYN of uTP comes first.
    let syn = [&[0x41, 0, 0, 7][..], &[0; 8], &[0, 0x10, 0, 0, 0, 1, 0, 0]].concat();
    world.datagram(a, node, &syn);
    world.datagram(a, node, &say::get_peers(b"gp", torrent.info_hash));
    world.datagram(node, a, &say::values(b"gp", b"tokn", &all(&[S])));
    // A connection id may begin as a uTP packet does.
    let id = 0x2100_0000_1234_5678;
    world.datagram(a, node, &say::connect(1));
    world.datagram(node, a, &say::connected(1, id));
    world.datagram(a, node, &say::announce(id, 2, torrent.info_hash, [0; 4], 6_881));
    assert_eq!(
        told(&analyze(&world, &torrent)),
        [format!("{A} by {A} udp-announce G1b x1"), format!("{S} by {NODE} dht G0 x1")]
    );
}

#[test]
fn a_wrong_checksum_is_flagged_or_leaves_the_packet_out() {
    use peerproof::ChecksumPolicy;
    let torrent = four_pieces();
    let mut world = World::new();
    let group = address("239.192.152.143:6771");
    world.datagram(address(A), group, &say::search(group, 6_881, torrent.info_hash));
    world.change(|_| true, |packet| packet.sum = crate::synth::frame::Sum::Wrong);
    let run = |policy| Run::new().capture(world.pcap()).torrent(&torrent).checksums(policy).evidence();
    let flagged = [format!("{A} by {A} lsd G1a bad-checksum,return-path-unconfirmed x1")];
    assert_eq!(told(&run(ChecksumPolicy::Flag)), flagged);
    assert_eq!(told(&run(ChecksumPolicy::Drop)), Vec::<String>::new());
    assert_eq!(told(&run(ChecksumPolicy::Ignore)), [unconfirmed(A, "lsd")]);
}
