//! Traffic beside the peer wire: look-alikes (T36), web seeds (T44), clocks that step (T46).

use peerproof::anomaly::Kind;
use peerproof::ends::Transport;
use peerproof::evidence::{Flag, Grade, OpaqueKind};
use peerproof::report::oddity::sentence;

use super::*;
use crate::synth::content::Random;
use crate::synth::run::{Run, analyze, sums, transfer};
use crate::synth::utp::UtpConn;

#[test]
fn t36_what_looks_like_utp_for_a_packet_is_no_session() {
    let torrent = four_pieces();
    let mut world = World::new();
    let mut random = Random::new(36);
    let (a, b) = (address(M), address("198.51.100.9:53"));
    // A DNS query whose identification is that of an ST_SYN, and its answer with the same bytes in front.
    let query = [&[0x41, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 7][..], b"example\x03org\0\0\x01\0\x01"].concat();
    world.datagram(a, b, &query);
    world.datagram(b, a, &[&query[..2], &[0x81, 0x80], &query[4..], &[0xc0, 12, 0, 1, 0, 1]].concat());
    // DTLS, QUIC and a game that counts in its first bytes.
    for (port, first) in [(443, [0x16, 0xfe]), (443, [0xc3, 0]), (27_015, [0x01, 0]), (27_016, [0x21, 0])] {
        let peer = format!("198.51.100.9:{port}");
        for _ in 0..20 {
            let len = 20 + random.below(900) as usize;
            let mut bytes = random.bytes(len);
            bytes[..2].copy_from_slice(&first);
            world.datagram(a, address(&peer), &bytes);
            world.datagram(address(&peer), a, &bytes[..20]);
        }
    }
    let evidence = analyze(&world, &torrent);
    assert!(evidence.transfers.is_empty() && evidence.subjects.is_empty(), "{:#?}", evidence.subjects);
    assert_eq!(evidence.quality.utp_flows, 0);
}

#[test]
fn t36_a_capture_inside_a_download_credits_nobody() {
    let torrent = four_pieces();
    let (inner, _) = one_seeder(&torrent);
    let file = inner.pcap();
    let mut world = World::new();
    let conn = world.conn(address(M), address("198.51.100.9:80"));
    world.open(conn);
    world.send(conn, Side::A, b"GET /evidence.pcap HTTP/1.1\r\nHost: example.org\r\n\r\n");
    world.send(conn, Side::B, format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", file.len()).as_bytes());
    world.send(conn, Side::B, &file);
    world.close(conn, Side::A);
    let evidence = analyze(&world, &torrent);
    assert!(evidence.transfers.iter().all(|row| row.bytes == Bytes::default()), "{:#?}", evidence.transfers);
    assert_eq!(sums(&evidence, &torrent).bytes, Bytes::default());
}

#[test]
fn t36_a_download_that_is_captured_in_its_middle_credits_nobody_whatever_the_file_holds() {
    let torrent = Recipe::single("eight.bin", 2 * SMALL, 16 * SMALL as usize, 36).v1();
    let mut random = Random::new(37);
    let blocks = |piece: u32| -> Vec<u8> {
        let parts = torrent.blocks(piece).into_iter();
        parts.flat_map(|(begin, len)| wire::piece(piece, begin, torrent.block(piece, begin, len))).collect()
    };
    let head = [wire::handshake(torrent.info_hash, id(2)), wire::have_all(), wire::unchoke()].concat();
    let stream = [head.clone(), (0..8).flat_map(blocks).collect()].concat();
    // As offloading leaves them, frames hold whole messages: the header of a record and of a packet stand between two.
    let mut frames = head;
    for piece in 0..8 {
        frames.extend(random.bytes(82));
        frames.extend(blocks(piece));
    }
    let bare = [(0..8).flat_map(blocks).collect(), random.bytes(70_000)].concat();
    for (name, file) in [("a stream", stream), ("a capture", frames), ("messages", bare)] {
        for junk in [20_000, 300_000] {
            let mut world = World::new();
            let server = "198.51.100.9:80";
            let conn = world.conn(address(M), address(server));
            world.open(conn);
            world.send(conn, Side::A, b"GET /file HTTP/1.1\r\nHost: example.org\r\n\r\n");
            let captured = world.packets.len();
            world.send(conn, Side::B, &[random.bytes(junk), file.clone(), random.bytes(100_000)].concat());
            world.packets.drain(..captured);
            for given in [true, false] {
                let run = Run::new().capture(world.pcap());
                let evidence = if given { run.torrent(&torrent) } else { run }.evidence();
                assert!(evidence.transfers.is_empty(), "{name} {junk}: {:#?}", evidence.transfers);
                assert!(evidence.subjects.is_empty(), "{name} {junk}");
            }
        }
    }
}

/// A whole connection on which S sends the recording of a peer's stream, and M says `said`; closed by S.
fn carried(torrent: &Torrent, utp: bool, good: bool, said: &[u8]) -> World {
    let blocks =
        (0..torrent.pieces()).flat_map(|piece| torrent.blocks(piece).into_iter().map(move |at| (piece, at)));
    let mut file = [wire::handshake(torrent.info_hash, id(2)), wire::have_all(), wire::unchoke()].concat();
    for (piece, (begin, len)) in blocks {
        let mut block = torrent.block(piece, begin, len).to_vec();
        block[99] ^= u8::from(!good);
        file.extend(wire::piece(piece, begin, &block));
    }
    let mut world = World::new();
    if utp {
        let mut conn = UtpConn::open(&mut world, address(M), address(S), 700, [1, 500]);
        conn.send(&mut world, 0, said);
        conn.send(&mut world, 1, &file);
        (0..2).for_each(|end| conn.close(&mut world, end, b""));
        return world;
    }
    let conn = world.conn(address(M), address(S));
    world.open(conn);
    world.send(conn, Side::A, said);
    world.send(conn, Side::B, &file);
    world.close(conn, Side::B);
    world
}

#[test]
fn t66_a_recorded_stream_that_is_fetched_as_a_file_gives_a_row_to_neither_end() {
    let recipe = || Recipe::single("f.bin", 2 * SMALL, 8 * SMALL as usize, 66);
    for (torrent, utp, good, said) in [
        (recipe().v1(), false, false, &b""[..]),
        (recipe().v2(), false, true, b""),
        (recipe().hybrid(), false, false, b"RETR a.bin\r\n"),
        (recipe().v1(), false, false, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
        (recipe().v2(), true, false, b""),
        (recipe().v1(), true, true, b"SSH-2.0-OpenSSH_9.2\r\n"),
    ] {
        let evidence = analyze(&carried(&torrent, utp, good, said), &torrent);
        assert!(evidence.transfers.is_empty() && evidence.subjects.is_empty(), "{utp}: {:#?}", evidence.subjects);
        let told = evidence.anomalies.tally(Kind::UnconfirmedBlock).map(|tally| tally.count);
        assert_eq!(told, Some(8), "{utp}");
        // Whoever greets, or whose packets are not all in the capture, may be a peer.
        let hello = wire::handshake(torrent.info_hash, id(1));
        let evidence = analyze(&carried(&torrent, utp, good, &hello), &torrent);
        assert_eq!(transfer(&evidence, S, M).bytes.served, 8 * u64::from(SMALL), "{utp}");
        let mut world = carried(&torrent, utp, good, &hello);
        let greets = |packet: &Packet| packet.payload().ends_with(&hello);
        assert_eq!(world.drop(greets), 1);
        let row = transfer(&analyze(&world, &torrent), S, M).bytes;
        assert_eq!((row.served, row.refuted > 0), (8 * u64::from(SMALL), !good), "{utp}");
    }
}

#[test]
fn t66_who_sends_back_what_it_gets_is_no_peer() {
    let torrent = two_block_pieces();
    for good in [true, false] {
        let mut world = World::new();
        let conn = world.conn(address(M), address(S));
        world.open(conn);
        let mut stream = [wire::handshake(torrent.info_hash, id(1)), wire::have_all(), wire::unchoke()].concat();
        for (begin, len) in torrent.blocks(0) {
            let mut block = torrent.block(0, begin, len).to_vec();
            block[99] ^= u8::from(!good);
            stream.extend([wire::request(0, begin, len), wire::piece(0, begin, &block)].concat());
        }
        for part in stream.chunks(5_000) {
            world.send(conn, Side::A, part);
            world.send(conn, Side::B, part);
        }
        let evidence = analyze(&world, &torrent);
        assert!(evidence.transfers.is_empty() && evidence.subjects.is_empty(), "{:#?}", evidence.subjects);
    }
}

#[test]
fn content_that_holds_another_torrents_stream_is_served_as_what_it_is() {
    // The first block of what S serves holds a handshake and pieces of another torrent; S's own handshake is lost.
    let other = four_pieces();
    let blocks: Vec<u8> = other
        .blocks(0)
        .into_iter()
        .flat_map(|(begin, len)| wire::piece(0, begin, other.block(0, begin, len)))
        .collect();
    let inside = [wire::handshake(other.info_hash, id(9)), wire::have_all(), blocks].concat();
    let mut bytes = Random::new(38).bytes(8 * SMALL as usize);
    bytes[3_000..3_000 + inside.len()].copy_from_slice(&inside);
    let torrent = Recipe::folder("own", 4 * SMALL, 38).file_of("own.bin", bytes).v1();
    let (mut world, _) = one_seeder(&torrent);
    let hello = world.packets.iter().position(|packet| packet.side == Side::B && packet.payload().len() >= 68);
    world.packets.remove(hello.expect("it was sent"));
    let run = Run::new().capture(world.pcap()).torrent(&other).torrent(&torrent);
    let evidence = run.evidence();
    let row = transfer(&evidence, S, M);
    assert_eq!(row.bytes.refuted, 0);
    assert!(row.bytes.verified > 0 && row.grade >= Grade::G8, "{row:#?}");
    assert_eq!(sums(&evidence, &other).bytes, Bytes::default());
}

#[test]
fn t36_a_protocol_with_another_name_is_no_handshake() {
    let torrent = four_pieces();
    let mut world = World::new();
    let conn = world.conn(address(M), address(S));
    world.open(conn);
    let mut hello = wire::handshake(torrent.info_hash, id(1));
    hello[1..4].copy_from_slice(b"Not");
    world.send(conn, Side::A, &hello);
    world.send(conn, Side::B, &hello);
    let evidence = analyze(&world, &torrent);
    assert!(evidence.subjects.iter().all(|subject| subject.grade <= Grade::G2), "{:#?}", evidence.subjects);
}

#[test]
fn t44_a_web_seed_has_a_row_of_its_own_kind() {
    let torrent = four_pieces();
    let mut world = World::new();
    let server = "198.51.100.9:80";
    let conn = world.conn(address(M), address(server));
    world.open(conn);
    let size = torrent.content.len();
    for (first, end) in [(0, 2 * SMALL as usize), (3 * SMALL as usize, size)] {
        let last = end - 1;
        let request =
            format!("GET /files/four.bin HTTP/1.1\r\nHost: example.org\r\nRange: bytes={first}-{last}\r\n\r\n");
        world.send(conn, Side::A, request.as_bytes());
        let head = format!(
            "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {first}-{last}/{size}\r\nContent-Length: {}\r\n\r\n",
            end - first
        );
        world.send(conn, Side::B, head.as_bytes());
        world.send(conn, Side::B, &torrent.content[first..end]);
    }
    world.close(conn, Side::A);
    let peer = join(&mut world, &torrent, M, S);
    world.fetch(peer, Side::B, &torrent, 2);
    let evidence = analyze(&world, &torrent);
    let row = transfer(&evidence, server, M);
    let served = 2 * u64::from(SMALL) + size as u64 - 3 * u64::from(SMALL);
    assert_eq!((row.transport.name(), row.bytes.served), ("http", served));
    assert_eq!((row.bytes.verified, row.bytes.sole, row.piece_messages), (served, served, 0));
    assert_eq!(row.standard.map(|_| ()), None, "nobody advertises over HTTP");
    let seeder = transfer(&evidence, S, M);
    assert_eq!((seeder.transport, seeder.bytes), (Transport::Tcp, clean(u64::from(SMALL))));
    assert_eq!(sums(&evidence, &torrent).unique, size as u64);
}

#[test]
fn t44_a_web_seed_with_other_bytes_is_not_verified_and_refuted_where_the_torrent_lists_it() {
    let torrent = four_pieces();
    let mut world = World::new();
    let server = "198.51.100.9:80";
    let conn = world.conn(address(M), address(server));
    world.open(conn);
    let mut bytes = torrent.content.clone();
    bytes[100] ^= 1;
    world.send(conn, Side::A, b"GET /four.bin HTTP/1.1\r\nHost: example.org\r\n\r\n");
    world.send(conn, Side::B, format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", bytes.len()).as_bytes());
    world.send(conn, Side::B, &bytes);
    world.close(conn, Side::A);
    let list: &[u8] = b"8:url-list19:http://example.org/e";
    let listed =
        Torrent { metainfo: [&torrent.metainfo[..torrent.metainfo.len() - 1], list].concat(), ..torrent.clone() };
    let (good, bad) = (torrent.content.len() as u64 - u64::from(SMALL), u64::from(SMALL));
    let row = transfer(&analyze(&world, &listed), server, M).bytes;
    assert_eq!((row.verified, row.refuted, row.unproven), (good, bad, 0));
    // A file of the right name and size anywhere else may be another build.
    let row = transfer(&analyze(&world, &torrent), server, M).bytes;
    assert_eq!((row.verified, row.refuted, row.unproven), (good, 0, bad));
}

#[test]
fn t44_a_listed_server_is_refuted_where_the_host_header_leaves_its_port_or_itself_out() {
    let torrent = four_pieces();
    let with_list = |url: &str| {
        let list = format!("8:url-list{}:{url}e", url.len());
        let metainfo = [&torrent.metainfo[..torrent.metainfo.len() - 1], list.as_bytes()].concat();
        Torrent { metainfo, ..torrent.clone() }
    };
    let (good, bad) = (torrent.content.len() as u64 - u64::from(SMALL), u64::from(SMALL));
    for (client, server, host, url, listed) in [
        (M, "198.51.100.9:8080", "Host: example.org\r\n", "http://example.org:8080/", true),
        (M, "198.51.100.9:8080", "Host: example.org:8080\r\n", "http://example.org:8080/", true),
        (M, "198.51.100.9:8080", "Host: 198.51.100.9\r\n", "http://198.51.100.9:8080/", true),
        (M, "198.51.100.9:8080", "", "http://198.51.100.9:8080/", true),
        (M, "198.51.100.9:80", "Host: example.org\r\n", "http://example.org/", true),
        ("[2001:db8::5]:4000", "[2001:db8::9]:8080", "Host: [2001:db8::9]\r\n", "http://[2001:db8::9]:8080/", true),
        (M, "198.51.100.9:8080", "Host: example.org\r\n", "http://example.org:8081/", false),
        (M, "198.51.100.9:8080", "Host: example.org\r\n", "http://example.org/", false),
    ] {
        let mut world = World::new();
        let conn = world.conn(address(client), address(server));
        world.open(conn);
        let mut bytes = torrent.content.clone();
        bytes[100] ^= 1;
        world.send(conn, Side::A, format!("GET /four.bin HTTP/1.1\r\n{host}\r\n").as_bytes());
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", bytes.len());
        world.send(conn, Side::B, head.as_bytes());
        world.send(conn, Side::B, &bytes);
        world.close(conn, Side::A);
        let row = transfer(&analyze(&world, &with_list(url)), server, client).bytes;
        let (refuted, unproven) = if listed { (bad, 0) } else { (0, bad) };
        assert_eq!((row.verified, row.refuted, row.unproven), (good, refuted, unproven), "{server} {host} {url}");
    }
}

#[test]
fn t44_a_client_that_hangs_up_in_an_answer_is_no_fault_of_the_server() {
    let torrent = four_pieces();
    let server = "198.51.100.9:80";
    for (end, told) in [("client", 0), ("reset", 0), ("capture", 0), ("server", 1)] {
        let mut world = World::new();
        let conn = world.conn(address(M), address(server));
        world.open(conn);
        world.send(conn, Side::A, b"GET /four.bin HTTP/1.1\r\nHost: example.org\r\n\r\n");
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", torrent.content.len());
        world.send(conn, Side::B, head.as_bytes());
        world.send(conn, Side::B, &torrent.content[..2 * SMALL as usize]);
        match end {
            "client" => {
                world.close(conn, Side::A);
                world.ack(conn, Side::A);
            }
            "reset" => world.reset(conn, Side::A),
            "server" => {
                world.close(conn, Side::B);
                world.ack(conn, Side::B);
            }
            _ => {}
        }
        let evidence = analyze(&world, &torrent);
        assert_eq!(transfer(&evidence, server, M).bytes.verified, 2 * u64::from(SMALL), "{end}");
        let found = evidence.anomalies.tally(Kind::BadWebseed).map_or(0, |tally| tally.count);
        assert_eq!(found, told, "{end}");
    }
}

#[test]
fn t46_a_clock_that_steps_is_reported_and_changes_no_figure() {
    const YEAR: i64 = 365 * 86_400 * 1_000_000_000;
    for step in [-5_000_000_000, 3 * YEAR, -2 * YEAR] {
        let torrent = four_pieces();
        let mut world = World::new();
        let conn = join(&mut world, &torrent, M, S);
        world.fetch(conn, Side::B, &torrent, 0);
        world.pass(step);
        (1..4).for_each(|piece| world.fetch(conn, Side::B, &torrent, piece));
        let evidence = analyze(&world, &torrent);
        let row = transfer(&evidence, S, M);
        assert_eq!(row.bytes, clean(sent(&world)), "{step}");
        assert!(row.flags.contains(&Flag::ClockStep), "{step}: {:?}", row.flags);
        assert_eq!(evidence.quality.clock_steps, 1);
        assert!(Run::new().capture(world.pcap()).torrent(&torrent).json(1, 0).contains("\"duration_ns\": null"));
        assert_eq!(evidence.anomalies.tally(Kind::ClockStep).map(|tally| tally.count), Some(1));
    }
}

#[test]
fn t46_captures_years_apart_are_two_windows_and_the_gap_is_told() {
    let torrent = four_pieces();
    let capture = |start: i64, number: u32, piece: u32| {
        let mut world = World::new().starting(start);
        // Another number of connections before it: other sequence numbers.
        (0..number).for_each(|_| {
            world.conn(address(M), address(S));
        });
        let conn = join_as(&mut world, &torrent, M, S, [id(9), id(number)]);
        world.fetch(conn, Side::B, &torrent, piece);
        world.close(conn, Side::A);
        world.pcap()
    };
    let (early, late) = (1_500_000_000_000_000_000, 1_700_000_000_000_000_000);
    let (first, second) = (capture(early, 1, 0), capture(late, 2, 1));
    let evidence = Run::new().named("b.pcap", second).named("a.pcap", first).torrent(&torrent).evidence();
    let windows: Vec<_> = evidence.transfers.iter().filter(|row| row.uploader.port == 6_881).collect();
    assert_eq!(windows.len(), 2, "{windows:#?}");
    assert!(windows.iter().all(|row| row.bytes == clean(u64::from(SMALL))));
}

#[test]
fn the_peer_wire_through_a_proxy_is_named_and_counted_for_nobody() {
    let torrent = four_pieces();
    let proxy = "93.184.16.9:1080";
    let asked = |world: &mut World, conn, dialog: &[(Side, &[u8])]| {
        dialog.iter().for_each(|(side, bytes)| world.send(conn, *side, bytes));
    };
    let socks: [(Side, &[u8]); 4] = [
        (Side::A, &[5, 1, 0]),
        (Side::B, &[5, 0]),
        (Side::A, &[5, 1, 0, 1, 203, 0, 113, 9, 0x1a, 0xe1]),
        (Side::B, &[5, 0, 0, 1, 10, 0, 0, 1, 0, 80]),
    ];
    let refused: [(Side, &[u8]); 2] = [(Side::A, &[5, 1, 0]), (Side::B, &[5, 0xff])];
    for (dialog, named) in [(&socks[..], true), (&refused[..], false)] {
        let mut world = World::new();
        let conn = world.conn(address(M), address(proxy));
        world.open(conn);
        asked(&mut world, conn, dialog);
        if named {
            world.send(conn, Side::A, &wire::handshake(torrent.info_hash, id(1)));
            world.send(conn, Side::B, &wire::handshake(torrent.info_hash, id(2)));
            world.send(conn, Side::B, &wire::have_all());
            fetch_all(&mut world, conn, &torrent);
        }
        world.close(conn, Side::A);
        let evidence = analyze(&world, &torrent);
        assert!(evidence.transfers.is_empty() && evidence.subjects.is_empty(), "{:#?}", evidence.transfers);
        let told =
            evidence.anomalies.tally(Kind::Proxied).map(|tally| (tally.count, sentence(&tally.examples[0].oddity)));
        let Some((count, detail)) = told else {
            assert!(!named);
            continue;
        };
        assert!(
            named && count == 1 && detail.starts_with("SOCKS 5, asked for a connection to 203.0.113.9:6881;"),
            "{detail}"
        );
        assert!(evidence.anomalies.tally(Kind::Proxied).is_some_and(|tally| tally.amount > sent(&world)));
        let relays: Vec<_> =
            evidence.opaque.iter().map(|row| (row.kind, row.a_to_b.max(row.b_to_a) > sent(&world))).collect();
        assert_eq!(relays, [(OpaqueKind::Relay, true)]);
        let report = Run::new().capture(world.pcap()).torrent(&torrent).json(1, 64 << 20);
        assert!(report.contains("All BitTorrent in the captures goes through a proxy"), "{report}");
    }
}

#[test]
fn what_a_proxy_answers_to_an_absolute_url_is_relayed_and_nobodys() {
    let torrent = Recipe::single("relayed.bin", SMALL, 3 * SMALL as usize, 70).v1();
    for (target, relayed) in [
        ("http://203.0.113.80/data/relayed.bin", true),
        ("HTTP://mirror.example:8080/relayed.bin", true),
        ("http://93.184.16.1:3128/relayed.bin", false),
        ("/relayed.bin", false),
    ] {
        let mut world = World::new();
        let conn = world.conn(address(M), address("93.184.16.1:3128"));
        world.open(conn);
        world.send(conn, Side::A, format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes());
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", torrent.content.len());
        world.send(conn, Side::B, &[head.as_bytes(), &torrent.content].concat());
        world.close(conn, Side::A);
        let evidence = analyze(&world, &torrent);
        assert_eq!(evidence.subjects.is_empty() && evidence.transfers.is_empty(), relayed, "{target}");
        let kinds: Vec<_> = evidence.opaque.iter().map(|row| row.kind).collect();
        assert_eq!(kinds, if relayed { vec![OpaqueKind::Relay] } else { vec![] }, "{target}");
    }
}

#[test]
fn a_stray_packet_before_the_handshake_does_not_hide_the_connection() {
    // As tools against traffic shaping send it, with too few hops to live.
    let torrent = four_pieces();
    let long = vec![0x16; 300];
    for (side, junk) in [(Side::A, &b"GET / HTTP/1.1\r\n\r\n"[..]), (Side::A, &long), (Side::B, b"xxxxx")] {
        let mut world = World::new();
        let conn = world.conn(address(M), address(S));
        world.open(conn);
        world.retransmit(conn, side, 0, junk);
        world.send(conn, Side::A, &wire::handshake(torrent.info_hash, id(1)));
        world.send(conn, Side::B, &wire::handshake(torrent.info_hash, id(2)));
        world.send(conn, Side::B, &wire::have_all());
        world.send(conn, Side::B, &wire::unchoke());
        fetch_all(&mut world, conn, &torrent);
        let seeder = transfer(&analyze(&world, &torrent), S, M).bytes;
        assert_eq!(seeder.verified, sent(&world), "{side:?} {}", junk.len());
    }
}

#[test]
fn the_peer_wire_behind_a_dialog_is_credited_to_nobody_whatever_is_missing_of_it() {
    let torrent = four_pieces();
    let dialog: [(Side, &[u8]); 6] = [
        (Side::A, b"CONNECT 203.0.113.9:6881 HTTP/1.1\r\n\r\n"),
        (Side::B, b"HTTP/1.1 200 OK\r\n\r\n"),
        (Side::A, &[5, 1, 0]),
        (Side::B, &[5, 0]),
        (Side::A, &[5, 1, 0, 1, 203, 0, 113, 9, 0x1a, 0xe1]),
        (Side::B, &[5, 0, 0, 1, 10, 0, 0, 1, 0, 80]),
    ];
    for dialog in [&dialog[..2], &dialog[2..]] {
        for lost in 0..dialog.len() + 3 {
            let mut world = World::new();
            let conn = world.conn(address(M), address("93.184.16.9:1080"));
            world.open(conn);
            dialog.iter().for_each(|(side, bytes)| world.send(conn, *side, bytes));
            world.send(conn, Side::A, &wire::handshake(torrent.info_hash, id(1)));
            world.send(conn, Side::B, &wire::handshake(torrent.info_hash, id(2)));
            world.send(conn, Side::B, &wire::have_all());
            fetch_all(&mut world, conn, &torrent);
            let data = |packet: &crate::synth::swarm::Packet| !packet.payload().is_empty();
            let at =
                (0..world.packets.len()).filter(|at| data(&world.packets[*at])).nth(lost).expect("it was sent");
            world.packets.remove(at);
            let evidence = analyze(&world, &torrent);
            assert!(evidence.transfers.is_empty(), "{lost} {:#?}", evidence.transfers);
            assert!(evidence.anomalies.tally(Kind::Proxied).is_some(), "{lost}");
        }
    }
}
