//! HTTP trackers: codings, connections that stay open, answers that are broken, and web seeds beside them.

use std::io::Write;

use super::*;

const CLIENT: &str = "81.2.69.10:40000";

/// One announce, and the bytes that answer it.
fn exchange(torrent: &Torrent, answer: &[u8]) -> Evidence {
    let mut world = World::new().segments_of(7);
    let conn = world.conn(address(CLIENT), address(TRACKER));
    world.open(conn);
    world.send(conn, Side::A, &say::get(&say::target(torrent.info_hash, 6_881, "")));
    world.send(conn, Side::B, answer);
    world.close(conn, Side::B);
    analyze(&world, torrent)
}

fn listed() -> Vec<String> {
    vec![
        format!("{A} by {A} http-announce G1b x1"),
        format!("{S} by {TRACKER} http-tracker G0 x1"),
        format!("[2001:db9::7]:6881 by {TRACKER} http-tracker G0 x1"),
    ]
}

#[test]
fn answers_are_read_in_every_framing_and_coding() {
    let torrent = four_pieces();
    let body = say::answer(&all(&[S, "[2001:db9::7]:6881"]));
    let chunks: Vec<u8> = body
        .chunks(5)
        .flat_map(|part| [format!("{:x}\r\n", part.len()).as_bytes(), part, b"\r\n"].concat())
        .collect();
    let chunked = |headers: &str, chunks: &[u8]| {
        [format!("HTTP/1.1 200 OK\r\n{headers}Transfer-Encoding: chunked\r\n\r\n").as_bytes(), chunks, b"0\r\n\r\n"]
            .concat()
    };
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(&body).expect("memory");
    let gzip = gzip.finish().expect("memory");
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    zlib.write_all(&body).expect("memory");
    let whole = [format!("{:x}\r\n", gzip.len()).as_bytes(), &gzip, b"\r\n"].concat();
    for answer in [
        say::ok("", &body),
        chunked("", &chunks),
        say::ok("Content-Encoding: gzip\r\n", &gzip),
        chunked("Content-Encoding: gzip\r\n", &whole),
        say::ok("Content-Encoding: deflate\r\n", &zlib.finish().expect("memory")),
        [b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n", &body[..]].concat(),
    ] {
        let evidence = exchange(&torrent, &answer);
        assert_eq!(told(&evidence), listed(), "{}", String::from_utf8_lossy(&answer));
        assert_eq!(odd(&evidence, Kind::BadMention), 0);
    }
}

#[test]
fn a_list_of_dictionaries_names_its_addresses() {
    let torrent = four_pieces();
    let body = b"d8:intervali1800e5:peersld2:ip11:93.184.16.17:peer id20:aaaaaaaaaaaaaaaaaaaa4:porti6881eed2:ip11:2001:db9::74:porti6881eeee";
    assert_eq!(told(&exchange(&torrent, &say::ok("", body))), listed());
}

#[test]
fn a_broken_answer_names_nobody_and_is_named() {
    let torrent = four_pieces();
    let body = say::answer(&all(&[S]));
    let cut = [b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n", &body[..]].concat();
    for answer in [
        say::ok("", &body[..body.len() - 1]),
        say::ok("", b"<html>gone</html>"),
        say::ok("", b"d8:intervali1800e5:peers5:\x01\x02\x03\x04\x05e"),
        say::ok("Content-Encoding: gzip\r\n", &body),
        say::ok("Content-Encoding: br\r\n", &body),
        cut,
    ] {
        let evidence = exchange(&torrent, &answer);
        assert_eq!(told(&evidence), listed()[..1], "{}", String::from_utf8_lossy(&answer));
        assert!(odd(&evidence, Kind::BadMention) > 0, "{}", String::from_utf8_lossy(&answer));
    }
    let refusal = exchange(&torrent, &say::ok("", b"d14:failure reason4:nopee"));
    assert_eq!((told(&refusal).len(), odd(&refusal, Kind::BadMention)), (1, 0));
}

#[test]
fn entries_without_a_port_are_dropped_and_counted() {
    let torrent = four_pieces();
    let evidence = exchange(&torrent, &say::ok("", &say::answer(&all(&[S, "93.184.16.2:0", "0.0.0.0:6881"]))));
    assert_eq!((told(&evidence)[1..].len(), odd(&evidence, Kind::BadMention)), (1, 2));
}

#[test]
fn one_connection_carries_many_announces_and_their_answers_are_told_apart() {
    let (torrent, other) = (four_pieces(), two_block_pieces());
    let mut world = World::new();
    let conn = world.conn(address(CLIENT), address(TRACKER));
    world.open(conn);
    // Pipelined: both requests before both answers.
    let asks = [&torrent, &other].map(|torrent| say::get(&say::target(torrent.info_hash, 6_881, ""))).concat();
    world.send(conn, Side::A, &asks);
    let answers = [S, S2].map(|peer| say::ok("", &say::answer(&all(&[peer])))).concat();
    world.send(conn, Side::B, &answers);
    let evidence = Run::new().capture(world.pcap()).torrent(&torrent).torrent(&other).evidence();
    let of = |subject: &str| {
        let found = evidence.mentions.iter().find(|mention| mention.subject.to_string() == subject);
        found.and_then(|mention| mention.info_hash.as_ref().map(|hash| hash.0.clone()))
    };
    assert_eq!(of(S), Some(torrent.info_hash.to_vec()));
    assert_eq!(of(S2), Some(other.info_hash.to_vec()));
    assert_eq!(evidence.mentions.len(), 4);
}

#[test]
fn an_announce_without_an_answer_is_confirmed_by_the_opening_alone() {
    let torrent = four_pieces();
    let mut world = World::new();
    let conn = world.conn(address(CLIENT), address(TRACKER));
    world.open(conn);
    world.send(conn, Side::A, &say::get(&say::target(torrent.info_hash, 6_881, "")));
    assert_eq!(told(&analyze(&world, &torrent)), listed()[..1]);
    // Without the answer to its SYN nothing shows that it received anything.
    world.only(conn, Side::A);
    let flagged = [format!("{A} by {A} http-announce G1a return-path-unconfirmed x1")];
    assert_eq!(told(&analyze(&world, &torrent)), flagged);
}

#[test]
fn a_web_seed_that_is_asked_by_info_hash_is_no_tracker() {
    let torrent = four_pieces();
    let mut world = World::new();
    let conn = world.conn(address(CLIENT), address("198.51.100.9:80"));
    world.open(conn);
    let target = say::target(torrent.info_hash, 6_881, "&piece=0").replace("/announce", "/seed");
    world.send(conn, Side::A, &say::get(&target));
    world.send(conn, Side::B, &say::ok("", torrent.piece(0)));
    let evidence = analyze(&world, &torrent);
    assert_eq!(told(&evidence), Vec::<String>::new());
    assert_eq!(transfer(&evidence, "198.51.100.9:80", CLIENT).bytes.verified, u64::from(SMALL));
}

#[test]
fn a_bencoded_file_over_http_is_no_answer_of_a_tracker() {
    let torrent = four_pieces();
    let mut world = World::new();
    let conn = world.conn(address(CLIENT), address("198.51.100.9:80"));
    world.open(conn);
    world.send(conn, Side::A, &say::get("/four.torrent"));
    world.send(conn, Side::B, &say::ok("", &torrent.metainfo));
    world.send(conn, Side::A, &say::get("/peers?of=all"));
    world.send(conn, Side::B, &say::ok("", &say::answer(&all(&[S]))));
    assert_eq!(told(&analyze(&world, &torrent)), Vec::<String>::new());
}
