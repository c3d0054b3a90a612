//! Webseeds on which nothing is certain: conflicting segments, other resources of one server, connections in mid-way.

use peerproof::evidence::{Bytes, Flag, Grade};

use super::*;
use crate::synth::content::Random;
use crate::synth::run::{analyze, transfer};

const CLIENT: &str = "81.2.69.10:50001";
const SERVER: &str = "93.184.16.80:80";

fn file() -> Torrent {
    Recipe::single("image.iso", 2 * SMALL, 5 * SMALL as usize + 1_234, 44).v1()
}

fn other(torrent: &Torrent) -> Vec<u8> {
    Recipe::single("image.iso", 2 * SMALL, torrent.content.len(), 4_450).v1().content
}

fn opened() -> (World, Conn) {
    let mut world = World::new();
    let conn = world.conn(address(CLIENT), address(SERVER));
    world.open(conn);
    (world, conn)
}

fn get(world: &mut World, conn: Conn, target: &str, fields: &str) {
    world.send(conn, Side::A, format!("GET {target} HTTP/1.1\r\nHost: h\r\n{fields}\r\n").as_bytes());
}

fn answer(world: &mut World, conn: Conn, fields: &str, body: &[u8]) {
    let head = format!("HTTP/1.1 200 OK\r\n{fields}Content-Length: {}\r\n\r\n", body.len());
    world.send(conn, Side::B, &[head.as_bytes(), body].concat());
}

fn hash(torrent: &Torrent) -> String {
    torrent.info_hash.iter().map(|byte| format!("%{byte:02x}")).collect()
}

#[test]
fn a_segment_with_two_contents_speaks_against_no_webseed() {
    let torrent = file();
    for bep17 in [false, true] {
        let (mut world, conn) = opened();
        for piece in 0..torrent.pieces() {
            if bep17 {
                get(&mut world, conn, &format!("/seed?info_hash={}&piece={piece}", hash(&torrent)), "");
            } else {
                let (from, len) = (u64::from(piece) * u64::from(2 * SMALL), torrent.piece_len(piece));
                let last = from + u64::from(len) - 1;
                get(&mut world, conn, "/image.iso", &format!("Range: bytes={from}-{last}\r\n"));
            }
            let at = world.sent(conn, Side::B);
            let mut body = torrent.piece(piece).to_vec();
            body[5_000] ^= u8::from(piece == 1);
            if bep17 {
                answer(&mut world, conn, "", &body);
            } else {
                let (from, total) = (piece as usize * 2 * SMALL as usize, torrent.content.len());
                let head = format!(
                    "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {from}-{}/{total}\r\nContent-Length: {}\r\n\r\n",
                    from + body.len() - 1,
                    body.len()
                );
                world.send(conn, Side::B, &[head.as_bytes(), &body].concat());
            }
            if piece == 1 {
                // The true bytes, sent again.
                let head = world.sent(conn, Side::B) - at - body.len() as u64;
                world.retransmit(conn, Side::B, at + head + 4_500, &torrent.piece(1)[4_500..5_500]);
            }
        }
        let evidence = analyze(&world, &torrent);
        nobody_refuted(&evidence);
        let seed = transfer(&evidence, SERVER, CLIENT);
        assert!(seed.flags.contains(&Flag::OverlapConflict), "{:?}", seed.flags);
        assert!(odd(&evidence, Kind::OverlapConflict) > 0);
        // Only one version makes the piece, so it counts.
        assert_eq!(seed.bytes, clean(torrent.content.len() as u64), "{bep17}");
    }
}

#[test]
fn another_resource_of_the_same_name_and_server_is_not_accused() {
    let torrent = file();
    for (good, bad) in [("/v1/image.iso", "/v2/image.iso"), ("/image.iso?build=1", "/image.iso?build=2")] {
        for first in [true, false] {
            let (mut world, conn) = opened();
            let answers = [(good, torrent.content.clone()), (bad, other(&torrent))];
            let order: [usize; 2] = if first { [0, 1] } else { [1, 0] };
            for (target, body) in order.map(|at| &answers[at]) {
                get(&mut world, conn, target, "");
                answer(&mut world, conn, "", body);
            }
            let evidence = analyze(&world, &torrent);
            nobody_refuted(&evidence);
            let all = torrent.content.len() as u64;
            let expected = Bytes { verified: all, sole: all, unproven: all, ..clean(2 * all) };
            assert_eq!(transfer(&evidence, SERVER, CLIENT).bytes, expected, "{good} {first}");
        }
    }
}

#[test]
fn the_same_name_under_two_hosts_is_not_one_resource() {
    let torrent = file();
    let (mut world, conn) = opened();
    for (host, body) in [("one.example", torrent.content.clone()), ("two.example", other(&torrent))] {
        world.send(conn, Side::A, format!("GET /image.iso HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes());
        answer(&mut world, conn, "", &body);
    }
    nobody_refuted(&analyze(&world, &torrent));
}

#[test]
fn a_seed_of_a_folder_that_the_torrent_lists_answers_for_its_files() {
    let torrent =
        Recipe::folder("album", SMALL, 45).file("a.mp3", 3 * SMALL as usize).file("b.mp3", 2 * SMALL as usize).v1();
    let mut bad = torrent.files[1].bytes.clone();
    bad[3] ^= 1;
    for listed in [true, false] {
        let list: &[u8] = if listed { b"8:url-list12:http://h/pub" } else { b"" };
        let metainfo = [&torrent.metainfo[..torrent.metainfo.len() - 1], list, b"e"].concat();
        let (mut world, conn) = opened();
        for (name, body) in [("a.mp3", &torrent.files[0].bytes), ("b.mp3", &bad)] {
            get(&mut world, conn, &format!("/pub/album/{name}"), "");
            answer(&mut world, conn, "", body);
        }
        let evidence = Run::new().capture(world.pcap()).metainfo(metainfo).evidence();
        let seed = transfer(&evidence, SERVER, CLIENT);
        let refuted = if listed { u64::from(SMALL) } else { 0 };
        assert_eq!((seed.bytes.refuted, seed.bytes.verified), (refuted, 4 * u64::from(SMALL)));
    }
}

/// A connection to another server, on which `target` is asked for and answered in chunks.
fn elsewhere(world: &mut World, host: &str, target: &str, body: &[u8]) {
    let conn = world.conn(address("81.2.69.10:50009"), address("93.184.16.99:80"));
    world.open(conn);
    world.send(conn, Side::A, format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes());
    let head = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n", body.len());
    world.send(conn, Side::B, &[head.as_bytes(), body, b"\r\n0\r\n\r\n"].concat());
}

#[test]
fn a_redirect_to_another_server_and_name_is_followed_and_speaks_against_nobody() {
    let torrent = file();
    let list: &[u8] = b"8:url-list18:http://h/image.isoe";
    let metainfo = [&torrent.metainfo[..torrent.metainfo.len() - 1], list].concat();
    let mut part = torrent.content.clone();
    part[70_000] ^= 1;
    let (all, bad) = (torrent.content.len() as u64, torrent.content.len() as u64 - u64::from(4 * SMALL));
    for (location, host, target) in [
        ("http://cdn.example/blob/7?sig=1#x", "cdn.example", "/blob/7?sig=1"),
        ("HTTP://CDN.example:80/blob/7?sig=1", "cdn.example", "/blob/7?sig=1"),
        ("//cdn.example/7", "cdn.example", "/7"),
        ("blob", "h", "/blob"),
    ] {
        let (mut world, conn) = opened();
        get(&mut world, conn, "/image.iso", "");
        let head = format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n");
        world.send(conn, Side::B, head.as_bytes());
        elsewhere(&mut world, host, target, &part);
        let evidence = Run::new().capture(world.pcap()).metainfo(metainfo.clone()).evidence();
        let seed = transfer(&evidence, "93.184.16.99:80", "81.2.69.10:50009");
        let expected = Bytes { verified: all - bad, sole: all - bad, unproven: bad, ..clean(all) };
        assert_eq!(seed.bytes, expected, "{location}");
    }
    // Where nobody was sent, no name tells what it is.
    let (mut world, conn) = opened();
    get(&mut world, conn, "/image.iso", "");
    world.send(conn, Side::B, b"HTTP/1.1 302 Found\r\nLocation: https://h/blob\r\nContent-Length: 0\r\n\r\n");
    elsewhere(&mut world, "h", "/blob", &part);
    assert!(analyze(&world, &torrent).transfers.is_empty());
}

#[test]
fn a_file_of_the_torrent_in_a_coding_that_is_not_read_is_said() {
    let torrent = file();
    let (mut world, conn) = opened();
    get(&mut world, conn, "/image.iso", "");
    answer(&mut world, conn, "Content-Encoding: gzip\r\n", &[7; 9_000]);
    get(&mut world, conn, "/elsewhere.html", "");
    answer(&mut world, conn, "Content-Encoding: gzip\r\n", &[7; 9_000]);
    let evidence = analyze(&world, &torrent);
    assert_eq!(odd(&evidence, Kind::BadWebseed), 1, "{:?}", evidence.anomalies);
    assert!(evidence.transfers.is_empty());
}

#[test]
fn headers_that_contradict_themselves_place_nothing() {
    let torrent = file();
    let total = torrent.content.len();
    let (mut world, conn) = opened();
    get(&mut world, conn, "/image.iso", "");
    answer(&mut world, conn, "", &torrent.content);
    get(&mut world, conn, "/image.iso", &format!("Range: bytes=0-{}\r\n", 2 * SMALL - 1));
    let head = format!(
        "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-{0}/{total}\r\n\
         Content-Range: bytes {1}-{2}/{total}\r\nContent-Length: {1}\r\n\r\n",
        2 * SMALL - 1,
        2 * SMALL,
        4 * SMALL - 1
    );
    world.send(conn, Side::B, &[head.as_bytes(), &torrent.content[..2 * SMALL as usize]].concat());
    nobody_refuted(&analyze(&world, &torrent));
}

#[test]
fn a_wrong_content_range_is_not_taken_for_an_answer() {
    let torrent = file();
    let total = torrent.content.len();
    let (mut world, conn) = opened();
    get(&mut world, conn, "/image.iso", "Range: bytes=0-32767\r\n");
    let part = |world: &mut World, from: usize, body: &[u8]| {
        let head = format!(
            "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {from}-{}/{total}\r\nContent-Length: {}\r\n\r\n",
            from + body.len() - 1,
            body.len()
        );
        world.send(conn, Side::B, &[head.as_bytes(), body].concat());
    };
    part(&mut world, 0, &torrent.content[..32_768]);
    // Asked for the second piece, it sends that, but says that it is the first one.
    get(&mut world, conn, "/image.iso", "Range: bytes=32768-65535\r\n");
    part(&mut world, 0, &torrent.content[32_768..65_536]);
    nobody_refuted(&analyze(&world, &torrent));
}

#[test]
fn chunks_with_trailers_and_a_second_answer_behind_them_are_read() {
    let torrent = file();
    let (mut world, conn) = opened();
    for _ in 0..2 {
        get(&mut world, conn, "/image.iso", "");
    }
    for round in 0..2 {
        let mut bytes = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n".to_vec();
        for chunk in torrent.content.chunks(9_000) {
            bytes.extend([format!("{:X}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat());
        }
        bytes.extend(format!("0\r\nX-Sum: {round}\r\nHTTP/1.1 200 OK: no header\r\n\r\n").as_bytes());
        world.send(conn, Side::B, &bytes);
    }
    let evidence = analyze(&world, &torrent);
    let all = torrent.content.len() as u64;
    let expected = Bytes { verified: all, sole: all, repeated: all, ..clean(2 * all) };
    assert_eq!(
        (transfer(&evidence, SERVER, CLIENT).bytes, transfer(&evidence, SERVER, CLIENT).grade),
        (expected, Grade::G9)
    );
}

#[test]
fn a_webseed_whose_opening_is_not_in_the_capture_is_read_from_its_next_request_on() {
    let torrent = file();
    let total = torrent.content.len();
    let (mut world, conn) = opened();
    get(&mut world, conn, "/image.iso", "");
    answer(&mut world, conn, "", &torrent.content);
    let middle = world.packets.len() - 9;
    for from in [0, 32_768] {
        get(&mut world, conn, "/image.iso", &format!("Range: bytes={from}-{}\r\n", from + 32_767));
        let head = format!(
            "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {from}-{}/{total}\r\nContent-Length: 32768\r\n\r\n",
            from + 32_767
        );
        world.send(conn, Side::B, &[head.as_bytes(), &torrent.content[from..from + 32_768]].concat());
    }
    world.packets.drain(..middle);
    let evidence = analyze(&world, &torrent);
    nobody_refuted(&evidence);
    assert_eq!(transfer(&evidence, SERVER, CLIENT).bytes.verified, 65_536);
}

#[test]
fn another_build_that_begins_with_the_same_pieces_is_not_accused() {
    let torrent = file();
    let (start, all) = (2 * SMALL as usize, torrent.content.len());
    let build = [&torrent.content[..start], &other(&torrent)[start..]].concat();
    let (mut world, conn) = opened();
    get(&mut world, conn, "/image.iso", "");
    answer(&mut world, conn, "", &build);
    let evidence = analyze(&world, &torrent);
    nobody_refuted(&evidence);
    let (same, rest) = (start as u64, (all - start) as u64);
    let expected = Bytes { verified: same, sole: same, unproven: rest, ..clean(all as u64) };
    assert_eq!(transfer(&evidence, SERVER, CLIENT).bytes, expected);
}

#[test]
fn a_request_in_segments_of_two_bytes_is_one() {
    let torrent = file();
    let (mut world, conn) = opened();
    world.mss = 2;
    get(&mut world, conn, "/image.iso", "");
    world.mss = 1_460;
    answer(&mut world, conn, "", &torrent.content);
    let evidence = analyze(&world, &torrent);
    assert_eq!(transfer(&evidence, SERVER, CLIENT).bytes, clean(torrent.content.len() as u64));
}

#[test]
fn of_several_files_at_one_path_the_hash_tells_which_was_sent() {
    let piece = SMALL as usize;
    for (size, in_parts) in [(2 * piece, false), (2 * piece, true), (3 * piece + 700, false), (3 * piece, true)] {
        let torrent = Recipe::folder("set", SMALL, 91)
            .file_of("a.txt", Random::new(1).bytes(size))
            .file_of("a.txt", Random::new(2).bytes(size))
            .file_of("a.txt", Random::new(3).bytes(size))
            .v1();
        for sent in 0..3 {
            let (mut world, conn) = opened();
            let body = &torrent.files[sent].bytes;
            let step = if in_parts { piece } else { size };
            for from in (0..size).step_by(step) {
                let to = (from + step).min(size);
                get(&mut world, conn, "/set/a.txt", &format!("Range: bytes={from}-{}\r\n", to - 1));
                let head = format!(
                    "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {from}-{}/{size}\r\nContent-Length: {}\r\n\r\n",
                    to - 1,
                    to - from
                );
                world.send(conn, Side::B, &[head.as_bytes(), &body[from..to]].concat());
            }
            let evidence = analyze(&world, &torrent);
            nobody_refuted(&evidence);
            let bytes = transfer(&evidence, SERVER, CLIENT).bytes;
            // Of a file that begins within a piece, what no piece holds whole stays unproven.
            let (begins, ends) = (sent * size, (sent + 1) * size);
            let whole_to = if sent == 2 { ends } else { ends / piece * piece };
            let expected = (size as u64, (whole_to - begins.next_multiple_of(piece)) as u64);
            assert_eq!((bytes.served, bytes.verified), expected, "{sent} of {size}, {in_parts}");
        }
    }
}
