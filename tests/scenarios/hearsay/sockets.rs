//! WebSocket trackers in clear, as WebTorrent has them.

use super::*;

const ENDS: [[&str; 2]; 2] =
    [["81.2.69.10:40000", "198.51.100.9:8000"], ["[2001:db8::10]:40000", "[2001:db8::9]:8000"]];

fn sdp(address: &str, port: u16) -> String {
    format!(
        "v=0\\r\\na=candidate:1 1 udp 2113937151 {address} {port} typ host\\r\\na=candidate:2 1 udp 1 x.local 9 typ host\\r\\n"
    )
}

fn announce(torrent: &Torrent, sdp: &str) -> String {
    let hash = say::json_bytes(torrent.info_hash);
    format!(
        r#"{{"action":"announce","info_hash":"{hash}","peer_id":"-WW0109-0123456789ab","numwant":1,"event":"started",
           "offers":[{{"offer_id":"o","offer":{{"type":"offer","sdp":"{sdp}"}}}}]}}"#
    )
}

/// A connection that is a WebSocket, and what either end says.
fn socket(ends: [&str; 2], said: &[(Side, Vec<u8>)]) -> (World, Conn) {
    let mut world = World::new().segments_of(100);
    let conn = world.conn(address(ends[0]), address(ends[1]));
    world.open(conn);
    world.send(conn, Side::A, &say::upgrade("/"));
    world.send(conn, Side::B, say::SWITCHED);
    said.iter().for_each(|(side, bytes)| world.send(conn, *side, bytes));
    world.close(conn, Side::A);
    (world, conn)
}

#[test]
fn announces_offers_and_sizes_are_read() {
    let torrent = four_pieces();
    let hash = say::json_bytes(torrent.info_hash);
    for ends in ENDS {
        let size =
            format!(r#"{{"action":"announce","interval":120,"info_hash":"{hash}","complete":2,"incomplete":1}}"#);
        let passed = format!(
            r#"{{"action":"announce","info_hash":"{hash}","offer_id":"p","peer_id":"x","offer":{{"type":"offer","sdp":"{}"}}}}"#,
            sdp("2001:db9::7", 7_000)
        );
        let scraped =
            format!(r#"{{"action":"scrape","files":{{"{hash}":{{"complete":3,"incomplete":0,"downloaded":9}}}}}}"#);
        let (mut world, conn) = socket(
            ends,
            &[
                (Side::A, say::text(true, &announce(&torrent, &sdp("93.184.16.1", 5_000)))),
                (Side::B, say::text(false, &size)),
                (Side::B, say::text(false, &passed)),
                (Side::A, say::text(true, "{\"chat\":true}")),
                (Side::B, say::text(false, &scraped)),
            ],
        );
        let (client, server) = (ends[0], ends[1]);
        let evidence = analyze(&world, &torrent);
        let mut expected = vec![
            format!("{client} by {client} ws-announce G1b x1"),
            format!("93.184.16.1:5000 by {client} ws-announce G0 x1"),
            format!("[2001:db9::7]:7000 by {server} ws-tracker G0 x1"),
        ];
        let mut found = told(&evidence);
        expected.sort();
        found.sort();
        assert_eq!(found, expected);
        assert_eq!(
            swarms(&evidence),
            [format!("{server} ws-tracker 2/1/- x1"), format!("{server} ws-scrape 3/0/9 x1")]
        );
        assert!(evidence.subjects.is_empty(), "who was only named is no subject");
        assert_eq!(odd(&evidence, Kind::BadMention), 0);
        // Each direction alone: the request to switch is not answered, or not there.
        world.only(conn, Side::B);
        assert!(told(&analyze(&world, &torrent)).iter().all(|line| line.contains("ws-tracker G0")));
    }
}

#[test]
fn damage_is_told_and_costs_only_what_it_hits() {
    let torrent = four_pieces();
    let whole = say::text(true, &announce(&torrent, &sdp("93.184.16.1", 5_000)));
    for ends in ENDS {
        let broken = r#"{"action":"announce","info_hash":"short"}"#;
        let (world, _) = socket(ends, &[(Side::A, say::text(true, broken)), (Side::A, whole.clone())]);
        let evidence = analyze(&world, &torrent);
        assert_eq!((told(&evidence).len(), odd(&evidence, Kind::BadMention)), (2, 1));
        // A hole in the second of three messages.
        let (mut world, conn) =
            socket(ends, &[(Side::A, whole.clone()), (Side::A, whole.clone()), (Side::A, whole.clone())]);
        let middle = (say::upgrade("/").len() + whole.len() + whole.len() / 2) as u64;
        assert_eq!(world.drop(|packet| packet.holds(conn, Side::A, middle)), 1);
        let evidence = analyze(&world, &torrent);
        assert!(told(&evidence)[..].iter().all(|line| line.ends_with("x2")), "{:?}", told(&evidence));
        assert_eq!(odd(&evidence, Kind::BadMention), 1);
        // No frame that a client sends.
        let (world, _) =
            socket(ends, &[(Side::A, whole.clone()), (Side::A, say::text(false, "{}")), (Side::A, whole.clone())]);
        let evidence = analyze(&world, &torrent);
        assert_eq!((told(&evidence).len(), odd(&evidence, Kind::BadMention)), (2, 1));
    }
}

#[test]
fn a_socket_of_others_is_nobodys_tracker() {
    let torrent = four_pieces();
    let chat = say::text(true, r#"{"action":"post","text":"hello"}"#);
    let (world, _) = socket(
        ENDS[0],
        &[(Side::A, chat.clone()), (Side::B, say::text(false, "hello")), (Side::A, vec![0xff; 40])],
    );
    let evidence = analyze(&world, &torrent);
    assert_eq!((told(&evidence).len(), odd(&evidence, Kind::BadMention)), (0, 0));
}
