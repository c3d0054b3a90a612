//! Counts of whole swarms from trackers and nodes: scrapes over HTTP (BEP 48) and UDP (BEP 15), filters (BEP 33) and
//! samples (BEP 51) of the DHT. They name nobody.

use super::*;

const SIX: [&str; 2] = ["[2001:db8::10]:6881", "[2001:db8::9]:6969"];

fn hex(hash: [u8; 20]) -> String {
    hash.iter().map(|byte| format!("%{byte:02X}")).collect()
}

#[test]
fn a_scrape_of_an_http_tracker_tells_of_swarms_and_names_nobody() {
    let (torrent, other) = (four_pieces(), two_block_pieces());
    let entry = |hash: [u8; 20], figures: [u32; 3]| {
        let [seeds, done, leeches] = figures;
        let inner = format!("d8:completei{seeds}e10:downloadedi{done}e10:incompletei{leeches}ee");
        [b"20:", &hash[..], inner.as_bytes()].concat()
    };
    let mut entries = [entry(torrent.info_hash, [5, 50, 2]), entry(other.info_hash, [1, 0, 0])];
    entries.sort();
    let body = [&b"d5:filesd"[..], &entries.concat(), b"ee"].concat();
    for [client, tracker] in [["81.2.69.10:40000", TRACKER], SIX] {
        let mut world = World::new().segments_of(11);
        let target = format!("/scrape?info_hash={}&info_hash={}", hex(torrent.info_hash), hex(other.info_hash));
        say::http_tracker(&mut world, address(client), address(tracker), &target, &body);
        let evidence = analyze(&world, &torrent);
        assert_eq!(told(&evidence), Vec::<String>::new(), "asking names nobody");
        let mut expected = [
            (torrent.info_hash, format!("{tracker} http-scrape 5/2/50 x1")),
            (other.info_hash, format!("{tracker} http-scrape 1/0/0 x1")),
        ];
        expected.sort();
        assert_eq!(swarms(&evidence), expected.map(|(_, line)| line));
        assert!(evidence.subjects.is_empty() && odd(&evidence, Kind::BadMention) == 0);
    }
}

#[test]
fn a_broken_scrape_or_answer_is_told_and_a_page_of_that_name_is_none() {
    let torrent = four_pieces();
    let exchange = |target: &str, body: &[u8]| {
        let mut world = World::new();
        say::http_tracker(&mut world, address("81.2.69.10:40000"), address(TRACKER), target, body);
        let evidence = analyze(&world, &torrent);
        (swarms(&evidence).len(), odd(&evidence, Kind::BadMention))
    };
    let sound = format!("/scrape?info_hash={}", hex(torrent.info_hash));
    assert_eq!(exchange(&sound, b"<html>"), (0, 1));
    assert_eq!(exchange(&sound, b"d5:filesd3:abcdeee"), (0, 1));
    assert_eq!(exchange(&sound, b"d14:failure reason4:nopee"), (0, 0));
    assert_eq!(exchange("/scrape?info_hash=abc", b"de"), (0, 1));
    assert_eq!(exchange("/scrapers.html", b"<html>"), (0, 0));
    let all = [&b"d5:filesd20:"[..], &torrent.info_hash, b"d8:completei3eeee"].concat();
    assert_eq!(exchange("/scrape", &all), (1, 0), "of all that the tracker has");
}

#[test]
fn a_scrape_of_a_udp_tracker_is_believed_with_a_connection_id_that_was_issued() {
    let torrent = four_pieces();
    let hashes = [torrent.info_hash, [7; 20]];
    for [client, tracker] in [[A, TRACKER], SIX] {
        let (a, t) = (address(client), address(tracker));
        let ask = |id: u64, answer: Vec<u8>| {
            let mut world = World::new();
            world.datagram(a, t, &say::connect(1));
            world.datagram(t, a, &say::connected(1, SECRET));
            world.datagram(a, t, &say::scrape(id, 2, &hashes));
            world.datagram(t, a, &answer);
            analyze(&world, &torrent)
        };
        let sound = say::scraped(2, &[[5, 50, 2], [1, 2, 3]]);
        let mut expected = [
            (torrent.info_hash, format!("{tracker} udp-scrape 5/2/50 x1")),
            ([7; 20], format!("{tracker} udp-scrape 1/3/2 x1")),
        ];
        expected.sort();
        let evidence = ask(SECRET, sound.clone());
        assert_eq!(swarms(&evidence), expected.map(|(_, line)| line));
        assert_eq!((told(&evidence).len(), odd(&evidence, Kind::BadMention)), (0, 0));
        assert!(swarms(&ask(9, sound.clone())).is_empty(), "no id of this tracker");
        assert!(swarms(&ask(SECRET, say::scraped(3, &[[5, 50, 2]]))).is_empty(), "no answer to this");
        let fewer = ask(SECRET, say::scraped(2, &[[5, 50, 2]]));
        assert_eq!((swarms(&fewer).len(), odd(&fewer, Kind::BadMention)), (1, 0), "it may know one of them only");
        let damaged = ask(SECRET, [&sound[..], b"x"].concat());
        assert_eq!((swarms(&damaged).len(), odd(&damaged, Kind::BadMention)), (2, 1));
        let more = ask(SECRET, say::scraped(2, &[[5, 50, 2], [1, 2, 3], [0, 0, 9]]));
        assert_eq!((swarms(&more).len(), odd(&more, Kind::BadMention)), (2, 1));
    }
}

#[test]
fn answers_to_announces_tell_the_size_of_the_swarm() {
    let torrent = four_pieces();
    let mut world = World::new();
    say::udp_tracker(&mut world, address(A), address(TRACKER), torrent.info_hash, &all(&[S]));
    let body = b"d8:completei9e10:incompletei4e8:intervali1800e5:peers0:e";
    let target = say::target(torrent.info_hash, 6_881, "");
    say::http_tracker(&mut world, address("81.2.69.10:40000"), address(TRACKER), &target, body);
    assert_eq!(
        swarms(&analyze(&world, &torrent)),
        [format!("{TRACKER} http-tracker 9/4/- x1"), format!("{TRACKER} udp-tracker 1/0/- x1")]
    );
}

#[test]
fn filters_of_the_dht_are_estimates_and_samples_name_torrents() {
    let torrent = four_pieces();
    for [client, node] in [[A, NODE], SIX] {
        let (a, n) = (address(client), address(node));
        let mut world = World::new();
        world.datagram(a, n, &say::get_peers(b"gp", torrent.info_hash));
        world.datagram(n, a, &say::filters(b"gp", 20, 200));
        world.datagram(n, a, &say::samples(b"sa", &[torrent.info_hash, [3; 20]]));
        // Of what torrent this is, is not in the captures.
        world.datagram(n, a, &say::filters(b"zz", 20, 200));
        let evidence = analyze(&world, &torrent);
        let of = |hash: [u8; 20]| {
            let rows = evidence.swarms.iter().filter(|row| row.info_hash.as_ref().is_some_and(|own| own.0 == hash));
            rows.map(|row| (row.via.name(), row.seeders, row.leechers)).collect::<Vec<_>>()
        };
        assert_eq!(of(torrent.info_hash), [("dht-scrape", Some(10), Some(105)), ("dht-sample", None, None)]);
        assert_eq!(of([3; 20]), [("dht-sample", None, None)]);
        assert!(told(&evidence).is_empty() && evidence.subjects.is_empty());
        assert_eq!(odd(&evidence, Kind::BadMention), 0);
        let damaged = say::samples(b"sa", &[[3; 20]]);
        let damaged = String::from_utf8(damaged).expect("ASCII").replacen("7:samples20:", "7:samples19:", 1);
        let mut world = World::new();
        world.datagram(n, a, damaged.replacen('\u{3}', "", 1).as_bytes());
        let evidence = analyze(&world, &torrent);
        assert_eq!((evidence.swarms.len(), odd(&evidence, Kind::BadMention)), (0, 1));
    }
}

#[test]
fn an_id_that_a_tracker_issued_confirms_an_announce_whose_own_connection_shows_nothing() {
    let torrent = four_pieces();
    for [client, tracker] in [["81.2.69.10:40000", TRACKER], SIX] {
        let (a, t) = (address(client), address(tracker));
        let announce = |to: &str, more: &str| {
            let mut world = World::new();
            let target = say::target(torrent.info_hash, 6_881, "");
            let body = b"d8:intervali1800e5:peers0:10:tracker id8:tr4ck3rXe";
            say::http_tracker(&mut world, a, t, &target, body);
            let second = world.conn(address(to), t);
            world.open(second);
            world.send(second, Side::A, &say::get(&say::target(torrent.info_hash, 7_000, more)));
            world.only(second, Side::A);
            let lines = told(&analyze(&world, &torrent));
            lines.into_iter().find(|line| line.contains(":7000")).expect("the second announce")
        };
        let same = std::net::SocketAddr::new(a.ip(), 40_001).to_string();
        assert!(announce(&same, "&trackerid=tr4ck3rX").contains("G1b x1"));
        assert!(announce(&same, "&trackerid=other000").contains("G1a return-path-unconfirmed"));
        assert!(announce(&same, "").contains("G1a return-path-unconfirmed"));
        let stranger = if a.is_ipv4() { "203.0.113.66:40001" } else { "[2001:db8::66]:40001" };
        assert!(announce(stranger, "&trackerid=tr4ck3rX").contains("G1a return-path-unconfirmed"));
    }
}

#[test]
fn the_url_in_the_options_of_an_announce_is_read_and_damage_to_them_is_told() {
    let torrent = four_pieces();
    let with = |options: &[u8]| {
        let mut world = World::new();
        world.datagram(address(A), address(TRACKER), &say::connect(1));
        world.datagram(address(TRACKER), address(A), &say::connected(1, SECRET));
        let announce = say::announce(SECRET, 2, torrent.info_hash, [0; 4], 6_881);
        world.datagram(address(A), address(TRACKER), &[&announce[..], options].concat());
        let evidence = analyze(&world, &torrent);
        (told(&evidence).len(), odd(&evidence, Kind::BadMention))
    };
    let parts = [&b"\x02\x0e/an?ip=93.184."[..], b"\x01\x02\x0416.1\x00"].concat();
    assert_eq!(with(&parts), (2, 0), "the announcer, and whom its URL names");
    assert_eq!(with(&[]), (1, 0));
    assert_eq!(with(b"\x02\x40/announce"), (1, 1), "an option beyond the end");
    assert_eq!(with(b"\x09\x02xx\x00"), (1, 1), "an option that BEP 41 does not know");
}
