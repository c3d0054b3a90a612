//! T44: webseeds (BEP 17, BEP 19), and HTTP that is none.

use peerproof::anomaly::Kind;
use peerproof::ends::Transport;
use peerproof::evidence::{Bytes, Grade};

use super::*;
use crate::synth::run::{analyze, transfer};

const CLIENT: &str = "81.2.69.10:50001";
const SERVER: &str = "93.184.16.80:80";

/// One HTTP connection; the client is side A.
struct Web {
    world: World,
    conn: Conn,
    /// Body bytes of the torrent that were sent.
    sent: u64,
}

impl Web {
    fn new() -> Self {
        let mut world = World::new();
        let conn = world.conn(address(CLIENT), address(SERVER));
        world.open(conn);
        Self { world, conn, sent: 0 }
    }

    fn get(&mut self, target: &str, range: Option<(usize, usize)>) {
        let range = range.map_or(String::new(), |(first, last)| format!("Range: bytes={first}-{last}\r\n"));
        let head = format!("GET {target} HTTP/1.1\r\nHost: seed.example\r\n{range}\r\n");
        self.world.send(self.conn, Side::A, head.as_bytes());
    }

    fn raw(&mut self, bytes: &[u8]) {
        self.world.send(self.conn, Side::B, bytes);
    }

    /// 206 with `body` from `first` on of a resource of `total` bytes.
    fn partial(&mut self, first: usize, total: usize, body: &[u8]) {
        let (last, len) = (first + body.len() - 1, body.len());
        let head = format!(
            "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {first}-{last}/{total}\r\nContent-Length: {len}\r\n\r\n"
        );
        self.raw(&[head.as_bytes(), body].concat());
        self.sent += len as u64;
    }

    /// 200 with all of `body`.
    fn whole(&mut self, body: &[u8]) {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
        self.raw(&[head.as_bytes(), body].concat());
        self.sent += body.len() as u64;
    }
}

/// Checks that a webseed proves all `len` bytes of the torrent.
fn good(web: &Web, torrent: &Torrent, grade: Grade) {
    let evidence = analyze(&web.world, torrent);
    let seed = transfer(&evidence, SERVER, CLIENT);
    assert_eq!((seed.bytes, seed.grade, seed.transport), (clean(web.sent), grade, Transport::Http));
    assert_eq!(evidence.transfers.len(), 1, "the client is no uploader");
    assert_eq!(seed.standard, None, "a webseed advertises nothing on the wire");
}

/// No row, or one without a refuted byte.
fn not_accused(web: &Web, torrent: &Torrent) {
    nobody_refuted(&analyze(&web.world, torrent));
}

#[test]
fn a_listed_url_names_the_file_whatever_it_is_called_there() {
    let torrent = file();
    let url = "http://seed.example/get/4711.bin";
    let list = format!("8:url-list{}:{url}e", url.len());
    let listed =
        Torrent { metainfo: [&torrent.metainfo[..torrent.metainfo.len() - 1], list.as_bytes()].concat(), ..file() };
    let mut web = Web::new();
    web.get("/get/4711.bin", None);
    web.whole(&torrent.content);
    good(&web, &listed, Grade::G9);
}

fn file() -> Torrent {
    Recipe::single("image.iso", 2 * SMALL, 5 * SMALL as usize + 1_234, 44).v1()
}

#[test]
fn t44_ranges_of_a_single_file_pipelined_and_out_of_order_are_verified() {
    let torrent = file();
    let (content, total) = (&torrent.content, torrent.content.len());
    let mut web = Web::new();
    let ranges = [(40_000, total - 1), (0, 9_999), (10_000, 39_999)];
    ranges.iter().for_each(|range| web.get("/pub/image.iso", Some(*range)));
    ranges.iter().for_each(|(first, last)| web.partial(*first, total, &content[*first..=*last]));
    good(&web, &torrent, Grade::G9);
}

#[test]
fn t44_no_number_and_no_length_of_headers_hides_what_a_webseed_sent() {
    let torrent = file();
    let total = torrent.content.len();
    let many: String = (0..2_000).map(|n| format!("X-Filler-{n}: {n}\r\n")).collect();
    let long = format!("X-Filler: {}\r\n folded {}\r\n", "x".repeat(100_000), "y".repeat(50_000));
    for filler in [many, long] {
        let mut web = Web::new();
        let head = format!("GET /t.bin HTTP/1.1\r\n{filler}Host: seed.example\r\n\r\n");
        web.world.send(web.conn, Side::A, head.as_bytes());
        let head = format!("HTTP/1.1 200 OK\r\n{filler}Content-Length: {total}\r\n{filler}\r\n");
        web.raw(&[head.as_bytes(), &torrent.content].concat());
        web.sent = total as u64;
        good(&web, &torrent, Grade::G9);
    }
}

#[test]
fn t44_a_thousand_pipelined_requests_are_answered_in_order() {
    let torrent = file();
    let total = torrent.content.len();
    let mut web = Web::new();
    let ranges: Vec<_> = (0..1_000).map(|n| (n * total / 1_000, (n + 1) * total / 1_000 - 1)).collect();
    ranges.iter().for_each(|range| web.get("/t.bin", Some(*range)));
    ranges.iter().for_each(|(first, last)| web.partial(*first, total, &torrent.content[*first..=*last]));
    good(&web, &torrent, Grade::G9);
}

#[test]
fn a_chunk_with_long_extensions_hides_nothing() {
    let torrent = file();
    let mut web = Web::new();
    web.get("/image.iso", None);
    let len = torrent.content.len();
    let head = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{len:x};a={}\r\n", "b".repeat(9_000));
    web.raw(&[head.as_bytes(), &torrent.content, b"\r\n0\r\n\r\n"].concat());
    web.sent = len as u64;
    good(&web, &torrent, Grade::G9);
}

#[test]
fn t44_files_of_a_folder_are_verified_across_their_borders() {
    let torrent =
        Recipe::folder("album", SMALL, 45).file("a b.mp3", 30_000).file("two.mp3", 20_001).file("x.nfo", 99).v1();
    let mut web = Web::new();
    for (name, file) in [("a%20b.mp3", 0), ("two.mp3", 1), ("x.nfo", 2)] {
        web.get(&format!("/d/album/{name}"), None);
        web.whole(&torrent.files[file].bytes);
    }
    good(&web, &torrent, Grade::G9);
}

#[test]
fn t44_chunked_and_multi_range_answers_are_verified() {
    let torrent = file();
    let (content, total) = (&torrent.content, torrent.content.len());
    let mut web = Web::new();
    web.get("/image.iso", None);
    web.raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    for chunk in content[..].chunks(7_001) {
        web.raw(format!("{:x};x=y\r\n", chunk.len()).as_bytes());
        web.raw(chunk);
        web.raw(b"\r\n");
    }
    web.raw(b"0\r\n\r\n");
    web.sent += total as u64;
    good(&web, &torrent, Grade::G9);

    let mut web = Web::new();
    let request = "GET /image.iso HTTP/1.1\r\nHost: h\r\nRange: bytes=0-32767,65536-83153\r\n\r\n";
    web.world.send(web.conn, Side::A, request.as_bytes());
    let mut body = Vec::new();
    for (first, last) in [(0, 32_767), (65_536, total - 1)] {
        body.extend_from_slice(
            format!("--SEP\r\nContent-Type: x/y\r\nContent-Range: bytes {first}-{last}/{total}\r\n\r\n").as_bytes(),
        );
        body.extend_from_slice(&content[first..=last]);
        body.extend_from_slice(b"\r\n");
        web.sent += (last - first + 1) as u64;
    }
    body.extend_from_slice(b"--SEP--\r\n");
    let head = format!(
        "HTTP/1.1 206 Partial Content\r\nContent-Type: multipart/byteranges; boundary=SEP\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    web.raw(&[head.as_bytes(), &body].concat());
    good(&web, &torrent, Grade::G8);
}

#[test]
fn t44_a_bep_17_seed_answers_by_piece() {
    let torrent = file();
    let escaped: String = torrent.info_hash.iter().map(|byte| format!("%{byte:02X}")).collect();
    let mut web = Web::new();
    for piece in 0..torrent.pieces() {
        web.get(&format!("/seed.php?info_hash={escaped}&piece={piece}"), None);
        web.whole(torrent.piece(piece));
    }
    good(&web, &torrent, Grade::G9);
}

#[test]
fn t44_a_bep_17_seed_that_sends_other_bytes_is_refuted_in_that_piece_alone() {
    let torrent = file();
    let escaped: String = torrent.info_hash.iter().map(|byte| format!("%{byte:02X}")).collect();
    let mut web = Web::new();
    for piece in 0..torrent.pieces() {
        web.get(&format!("/seed.php?info_hash={escaped}&piece={piece}"), None);
        let mut body = torrent.piece(piece).to_vec();
        body[77] ^= u8::from(piece == 1);
        web.whole(&body);
    }
    for (url, is_listed) in [
        ("http://seed.example/seed.php", true),
        ("http://other.example/seed.php", false),
        ("http://seed.example/other.php", false),
    ] {
        let evidence = analyze(&web.world, &listing(&torrent, "httpseeds", url));
        let seed = transfer(&evidence, SERVER, CLIENT);
        let (bad, all) = (u64::from(2 * SMALL), torrent.content.len() as u64);
        let (refuted, unproven) = if is_listed { (bad, 0) } else { (0, bad) };
        let expected = Bytes { verified: all - bad, sole: all - bad, refuted, unproven, ..clean(all) };
        assert_eq!((seed.bytes, seed.pieces_refuted), (expected, u64::from(is_listed)), "{url}");
        assert_eq!(rung_reached(&seed.rungs, Grade::GX), is_listed);
    }
}

/// The torrent with a URL in one of its lists.
fn listing(torrent: &Torrent, key: &str, url: &str) -> Torrent {
    let list = format!("{}:{key}l{}:{url}ee", key.len(), url.len());
    let front = &torrent.metainfo[..torrent.metainfo.len() - 1];
    // Keys ascend: `httpseeds` stands before `info`.
    let metainfo = match key {
        "httpseeds" => [b"d", &list.as_bytes()[..list.len() - 1], &front[1..], b"e"].concat(),
        _ => [front, list.as_bytes()].concat(),
    };
    Torrent { metainfo, ..torrent.clone() }
}

#[test]
fn a_server_that_does_not_know_what_it_is_asked_for_is_no_webseed() {
    let torrent = file();
    let escaped: String = torrent.info_hash.iter().map(|byte| format!("%{byte:02x}")).collect();
    let page = Recipe::single("x", SMALL, 2 * SMALL as usize, 5).v1().content;
    let chunked =
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5dc\r\n", &page[..1_500], b"\r\n0\r\n\r\n"];
    let whole = |len: usize| {
        [format!("HTTP/1.1 200 OK\r\nContent-Length: {len}\r\n\r\n").as_bytes(), &page[..len]].concat()
    };
    let named = format!("/logo.png?info_hash={escaped}&piece=0");
    for (target, answer) in [
        (named.clone(), whole(2 * SMALL as usize)),
        (format!("{named}&ranges=0-4321"), whole(4_322)),
        (format!("{named}&ranges=0-16383,20000-20099"), whole(16_484)),
        (named, chunked.concat()),
        ("/image.iso".to_owned(), chunked.concat()),
    ] {
        let mut web = Web::new();
        web.get(&target, None);
        web.raw(&answer);
        let peer = join(&mut web.world, &torrent, "81.2.69.10:50002", S);
        fetch_all(&mut web.world, peer, &torrent);
        for given in [torrent.clone(), listing(&torrent, "url-list", "http://elsewhere.example/")] {
            let evidence = analyze(&web.world, &given);
            nobody_refuted(&evidence);
            assert!(evidence.transfers.iter().all(|row| row.transport != Transport::Http), "{target}");
            assert_eq!(transfer(&evidence, S, "81.2.69.10:50002").bytes, clean(torrent.content.len() as u64));
            assert_eq!(odd(&evidence, Kind::BadWebseed), 1, "{target}");
        }
        // Whose name a client gives a server shows nothing either.
        let url = format!("http://seed.example{}", if target.contains('?') { "/logo.png" } else { "/image.iso" });
        let key = if target.contains('?') { "httpseeds" } else { "url-list" };
        nobody_refuted(&analyze(&web.world, &listing(&torrent, key, &url)));
    }
}

#[test]
fn what_any_server_answers_proves_no_webseed() {
    let mut recipe = file().content;
    recipe[200..400].fill(0);
    let torrent = Recipe::folder("x", 2 * SMALL, 1).file_of("image.iso", recipe).v1();
    let escaped: String = torrent.info_hash.iter().map(|byte| format!("%{byte:02x}")).collect();
    // The client picks the place at which the torrent is like the answer.
    for (first, last) in [(100, 101), (200, 399)] {
        let mut web = Web::new();
        let peer = join(&mut web.world, &torrent, "81.2.69.10:50002", S);
        fetch_all(&mut web.world, peer, &torrent);
        web.get(&format!("/ok?info_hash={escaped}&piece=0&ranges={first}-{last}"), None);
        web.whole(&torrent.content[first..=last]);
        let evidence = analyze(&web.world, &torrent);
        assert!(evidence.transfers.iter().all(|row| row.transport != Transport::Http), "{first}");
    }
}

#[test]
fn a_file_that_a_redirect_gave_another_name_is_verified_by_its_size_and_accuses_nobody() {
    let torrent = file();
    let total = torrent.content.len();
    for same in [true, false] {
        let mut web = Web::new();
        web.get("/image.iso", None);
        web.raw(b"HTTP/1.1 302 Found\r\nLocation: /blob/abc?sig=1\r\nContent-Length: 0\r\n\r\n");
        let other = Recipe::single("image.iso", 2 * SMALL, total, 4_451).v1().content;
        let body = if same { &torrent.content } else { &other };
        for first in [0, 40_000] {
            let last = if first == 0 { 39_999 } else { total - 1 };
            web.get("/blob/abc?sig=1", Some((first, last)));
            web.partial(first, total, &body[first..=last]);
        }
        let listed = listing(&torrent, "url-list", "http://seed.example/image.iso");
        if same {
            good(&web, &listed, Grade::G9);
        } else {
            let evidence = analyze(&web.world, &listed);
            assert!(evidence.transfers.is_empty(), "{:#?}", evidence.transfers);
            assert_eq!(odd(&evidence, Kind::BadWebseed), 1);
        }
    }
}

#[test]
fn a_bep_17_seed_that_answers_with_words_is_not_accused() {
    let torrent = file();
    let escaped: String = torrent.info_hash.iter().map(|byte| format!("%{byte:02x}")).collect();
    for chunked in [false, true] {
        let mut web = Web::new();
        for _ in 0..2 {
            web.get(&format!("/seed.php?info_hash={escaped}&piece=0&ranges=0-16383"), None);
            let words = "<html>Busy: come back in a minute.</html>";
            if chunked {
                let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
                web.raw(format!("{head}{:x}\r\n{words}\r\n0\r\n\r\n", words.len()).as_bytes());
            } else {
                web.raw(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{words}", words.len()).as_bytes());
            }
        }
        let peer = join(&mut web.world, &torrent, M, S);
        web.world.fetch(peer, Side::B, &torrent, 0);
        not_accused(&web, &torrent);
    }
}

#[test]
fn t44_a_seed_that_the_torrent_lists_is_refuted_where_it_differs_and_another_is_not() {
    let torrent = file();
    let total = torrent.content.len();
    let mut body = torrent.content.clone();
    body[40_000] ^= 1;
    let bad = u64::from(2 * SMALL);
    let rest = total as u64 - bad;
    let listed = |url: &str| listing(&torrent, "url-list", url);
    for (url, is_listed) in [
        ("http://seed.example/image.iso", true),
        ("http://SEED.example:80/", true),
        ("http://seed.example", true),
        ("http://seed.example:8080/", false),
        ("http://other.example/", false),
        ("http://seed.example/pub/", false),
        ("ftp://seed.example/", false),
    ] {
        let mut web = Web::new();
        web.get("/image.iso", None);
        web.whole(&body);
        let evidence = analyze(&web.world, &listed(url));
        let seed = transfer(&evidence, SERVER, CLIENT);
        let (refuted, unproven) = if is_listed { (bad, 0) } else { (0, bad) };
        let expected = Bytes { verified: rest, sole: rest, refuted, unproven, ..clean(total as u64) };
        assert_eq!((seed.bytes, seed.grade), (expected, Grade::G8), "{url}");
    }
}

#[test]
fn another_file_of_the_same_size_is_no_webseed() {
    let torrent = file();
    let other = Recipe::single("image.iso", 2 * SMALL, torrent.content.len(), 4_444).v1().content;
    for target in ["/pub/image.iso.bak", "/image.img", "/", "/get?file=image.iso", "/image.iso/download"] {
        let mut web = Web::new();
        web.get(target, None);
        web.whole(&other);
        let evidence = analyze(&web.world, &torrent);
        assert_eq!(evidence.transfers.len(), 0, "{target}: {:#?}", evidence.transfers);
    }
}

#[test]
fn another_file_of_the_same_name_and_size_is_not_accused() {
    // A mirror of another release under the same name: nothing on the wire says that it means this torrent.
    let torrent = file();
    let other = Recipe::single("image.iso", 2 * SMALL, torrent.content.len(), 4_445).v1().content;
    let mut web = Web::new();
    web.get("/nightly/image.iso", None);
    web.whole(&other);
    not_accused(&web, &torrent);
    let evidence = analyze(&web.world, &torrent);
    for row in &evidence.transfers {
        assert_eq!((row.bytes.unproven, row.bytes.verified), (other.len() as u64, 0));
        assert!(row.next_rung.as_ref().is_some_and(|why| why.contains("may be another file")));
    }
}

#[test]
fn answers_whose_request_is_missing_are_not_accused() {
    let torrent = file();
    let other = Recipe::single("image.iso", 2 * SMALL, torrent.content.len(), 4_446).v1().content;
    let mut web = Web::new();
    web.get("/pub/other.bin", None);
    web.whole(&other);
    web.world.drop(|packet| packet.from == address(CLIENT) && !packet.payload().is_empty());
    not_accused(&web, &torrent);
}

#[test]
fn errors_encodings_heads_and_uploads_are_not_accused() {
    let torrent = file();
    let total = torrent.content.len();
    let other = Recipe::single("image.iso", 2 * SMALL, total, 4_447).v1().content;
    let replies: [(&str, String); 6] = [
        ("GET", format!("HTTP/1.1 404 Not Found\r\nContent-Length: {total}\r\n\r\n")),
        ("GET", format!("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {total}\r\n\r\n")),
        ("GET", format!("HTTP/1.1 206 Partial Content\r\nContent-Length: {total}\r\n\r\n")),
        ("GET", format!("HTTP/1.1 301 Moved\r\nLocation: /x\r\nContent-Length: {total}\r\n\r\n")),
        ("POST", format!("HTTP/1.1 200 OK\r\nContent-Length: {total}\r\n\r\n")),
        ("PROPFIND", format!("HTTP/1.1 207 Multi-Status\r\nContent-Length: {total}\r\n\r\n")),
    ];
    for (method, reply) in replies {
        let mut web = Web::new();
        let request = format!("{method} /image.iso HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n");
        web.world.send(web.conn, Side::A, request.as_bytes());
        web.raw(&[reply.as_bytes(), &other].concat());
        not_accused(&web, &torrent);
    }
    // A HEAD answer states a length and has no body: what follows answers the next request.
    let mut web = Web::new();
    web.world.send(web.conn, Side::A, b"HEAD /image.iso HTTP/1.1\r\nHost: h\r\n\r\n");
    web.get("/image.iso", None);
    web.raw(format!("HTTP/1.1 200 OK\r\nContent-Length: {total}\r\n\r\n").as_bytes());
    web.whole(&torrent.content);
    good(&web, &torrent, Grade::G9);
}

#[test]
fn a_part_that_is_missing_from_the_capture_is_lost_and_refutes_nothing() {
    let torrent = file();
    let total = torrent.content.len();
    let mut web = Web::new();
    web.get("/image.iso", None);
    web.whole(&torrent.content);
    let segment: Vec<usize> =
        (0..web.world.packets.len()).filter(|at| web.world.packets[*at].payload().len() == web.world.mss).collect();
    web.world.packets.remove(segment[10]);
    let evidence = analyze(&web.world, &torrent);
    let seed = transfer(&evidence, SERVER, CLIENT);
    let (lost, all, piece) = (1_460, total as u64, u64::from(2 * SMALL));
    assert_eq!((seed.bytes.served, seed.bytes.lost), (all - lost, lost));
    assert_eq!((seed.bytes.verified, seed.bytes.unproven), (all - piece, piece - lost));
    nobody_refuted(&evidence);
}

#[test]
fn a_capture_file_downloaded_over_http_credits_nobody() {
    let torrent = file();
    let (inner, _) = one_seeder(&torrent);
    let mut web = Web::new();
    web.get("/captures/image.iso", None);
    web.whole(&inner.pcap());
    web.get("/captures/dump.pcap", None);
    web.whole(&inner.pcapng());
    let evidence = analyze(&web.world, &torrent);
    assert_eq!(evidence.transfers.len(), 0, "{:#?}", evidence.transfers);
    assert_eq!(evidence.subjects.len(), 0, "{:#?}", evidence.subjects);
}

#[test]
fn a_webseed_known_by_name_alone_shares_a_piece_and_spoils_no_peer() {
    let torrent = Recipe::single("mix.bin", 4 * SMALL, 4 * SMALL as usize, 46).v1();
    let total = torrent.content.len();
    let mut web = Web::new();
    let peer = join(&mut web.world, &torrent, "81.2.69.10:50002", S);
    let half = 2 * SMALL as usize;
    let mut bad = torrent.content[..half].to_vec();
    bad[5] ^= 1;
    web.get("/mix.bin", Some((0, half - 1)));
    web.partial(0, total, &bad);
    for begin in [2 * SMALL, 3 * SMALL] {
        web.world.send(peer, Side::A, &wire::request(0, begin, SMALL));
        web.world.piece(peer, Side::B, &torrent, 0, begin, SMALL);
    }
    for begin in [0, SMALL] {
        web.world.send(peer, Side::A, &wire::request(0, begin, SMALL));
        web.world.piece(peer, Side::B, &torrent, 0, begin, SMALL);
    }
    let evidence = analyze(&web.world, &torrent);
    let all = total as u64;
    let honest = transfer(&evidence, S, "81.2.69.10:50002");
    assert_eq!((honest.bytes.verified, honest.bytes.refuted), (all, 0));
    let seed = transfer(&evidence, SERVER, CLIENT);
    // No whole unit with bytes of it matched, so its bad block speaks against nobody.
    let block = u64::from(SMALL);
    let expected = Bytes { verified: block, sole: 0, unproven: block, ..clean(half as u64) };
    assert_eq!((seed.bytes, seed.pieces_sole), (expected, 0));
}

#[test]
fn a_mirror_that_shares_its_first_pieces_with_the_torrent_is_told_by_them() {
    // Zeros at the front of two images say nothing; only the torrent's own content does.
    let mut content = vec![0; 4 * SMALL as usize];
    content.extend_from_slice(&file().content[..2 * SMALL as usize]);
    let torrent = Recipe::folder("x", 2 * SMALL, 1).file_of("disk.img", content.clone()).v1();
    let mut other = content;
    other[5 * SMALL as usize] ^= 1;
    let mut web = Web::new();
    web.get("/x/disk.img", None);
    web.whole(&other);
    not_accused(&web, &torrent);
}

#[test]
fn garbage_downloaded_by_the_same_host_does_not_spoil_a_peer() {
    let torrent = file();
    let total = torrent.content.len();
    let other = Recipe::single("image.iso", 2 * SMALL, total, 4_448).v1().content;
    let mut web = Web::new();
    let peer = join(&mut web.world, &torrent, "81.2.69.10:50002", S);
    web.get("/image.iso", Some((0, SMALL as usize - 1)));
    web.partial(0, total, &other[..SMALL as usize]);
    fetch_all(&mut web.world, peer, &torrent);
    let evidence = analyze(&web.world, &torrent);
    nobody_refuted(&evidence);
    let honest = transfer(&evidence, S, "81.2.69.10:50002");
    assert_eq!((honest.bytes, honest.grade), (clean(total as u64), Grade::G9));
}
