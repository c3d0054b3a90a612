//! `peerproof clear`: the blocks of every fixture are in it as they were, and tshark reads them as we do.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use peerproof::clear::{Cleared, clear};
use peerproof::ends::Transport;
use peerproof::stages::output::NewFile;
use peerproof::stages::record::Format;
use peerproof::{CaptureSet, OpenOptions, Options, Secrets, Torrent, Torrents, analyze, facts};

use crate::fixture::{self, Fixture};
use crate::synth::content::{Random, Recipe};
use crate::synth::run::address;
use crate::synth::swarm::World;
use crate::synth::utp::UtpConn;
use crate::synth::wire;

/// Whole blocks by who sent them to whom: piece, begin, length; sorted.
type Blocks = BTreeMap<(String, String), Vec<(u32, u32, u32)>>;

fn torrents(case: &Fixture) -> Torrents {
    let name = case.torrent();
    let bytes = if name.starts_with("magnet:") { name.clone().into_bytes() } else { case.read(&name) };
    let mut torrents = Torrents::default();
    torrents.add(Torrent::parse(&name, &bytes).expect("a torrent"));
    torrents
}

fn secrets(case: &Fixture) -> Secrets {
    let secrets = case.path("secrets.txt").exists().then(|| case.read("secrets.txt"));
    secrets.map(|text| Secrets::parse("secrets.txt", &text).expect("secrets")).unwrap_or_default()
}

fn opened(path: &Path) -> CaptureSet {
    CaptureSet::open(&[path.to_owned()], &OpenOptions::default()).expect("it opens")
}

fn blocks(captures: &CaptureSet, torrents: &Torrents, secrets: &Secrets) -> Blocks {
    let options = Options { secrets, digest: false, ..Options::default() };
    let facts = facts(captures, torrents, &options).expect("the run can go on");
    let connections: BTreeMap<_, _> = facts
        .connections
        .iter()
        .filter(|connection| connection.transport != Transport::Http)
        .map(|connection| (connection.id, connection.flow))
        .collect();
    let mut all = Blocks::new();
    for block in facts.blocks.iter() {
        let Some(flow) = connections.get(&block.connection) else { continue };
        let held: u64 = block.runs.iter().map(|run| u64::from(run.len)).sum();
        if held == u64::from(block.len) {
            let ends = (flow.source(block.from).to_string(), flow.destination(block.from).to_string());
            all.entry(ends).or_default().push((block.piece, block.begin, block.len));
        }
    }
    all.values_mut().for_each(|blocks| blocks.sort_unstable());
    all
}

fn cleared(case: &Fixture, place: &Path, format: Format) -> Cleared {
    let (torrents, secrets) = (torrents(case), secrets(case));
    let options = Options { secrets: &secrets, digest: false, ..Options::default() };
    let mut file = NewFile::empty_beside(place).expect("a place");
    let done =
        clear(&opened(&case.path("capture.pcap")), &torrents, &options, &mut file, format).expect("it goes on");
    file.put().expect("room");
    done
}

#[test]
fn the_blocks_of_every_fixture_are_in_clear_tcp_as_they_were() {
    let place = tempfile::tempdir().expect("a directory");
    let mut compared = 0;
    for case in fixture::all() {
        let path = place.path().join(format!("{}.pcapng", case.name));
        cleared(&case, &path, Format::PcapNg);
        let before = blocks(&opened(&case.path("capture.pcap")), &torrents(&case), &secrets(&case));
        let after = blocks(&opened(&path), &torrents(&case), &Secrets::default());
        assert_eq!(after, before, "{}", case.name);
        compared += after.values().map(Vec::len).sum::<usize>();
    }
    assert!(compared > 300, "{compared} blocks");
}

/// Piece messages as tshark lists them: who sent them to whom, piece, begin, length.
fn listed(path: &Path) -> Option<Blocks> {
    let fields = [
        "ip.src",
        "ipv6.src",
        "tcp.srcport",
        "ip.dst",
        "ipv6.dst",
        "tcp.dstport",
        "bittorrent.piece.index",
        "bittorrent.piece.begin",
        "bittorrent.msg.type",
        "bittorrent.msg.length",
    ];
    let mut command = Command::new("tshark");
    command.args([
        "-n",
        "-o",
        "tcp.desegment_tcp_streams:TRUE",
        "-Y",
        "bittorrent.msg.type == 7",
        "-T",
        "fields",
        "-r",
    ]);
    command.arg(path).args(fields.iter().flat_map(|field| ["-e", field]));
    let done = command.output().ok()?;
    assert!(done.status.success(), "{done:?}");
    let number = |text: &str| match text.strip_prefix("0x") {
        Some(hex) => u32::from_str_radix(hex, 16).expect("a number"),
        None => text.parse().expect("a number"),
    };
    let mut all = Blocks::new();
    for line in String::from_utf8_lossy(&done.stdout).lines() {
        let columns: Vec<&str> = line.split('\t').collect();
        let [src, src6, sport, dst, dst6, dport, index, begin, kinds, lengths] = columns.as_slice() else {
            panic!("{line}")
        };
        let end = |ip: &str, ip6: &str, port: &str| {
            if ip6.is_empty() { format!("{ip}:{port}") } else { format!("[{ip6}]:{port}") }
        };
        let mut lengths = lengths.split(',').map(number).filter(|length| *length > 0);
        let (mut index, mut begin) = (index.split(',').map(number), begin.split(',').map(number));
        let mut blocks = Vec::new();
        for kind in kinds.split(',').map(number) {
            let length = lengths.next();
            // have, request, piece, cancel, suggest, reject, allowed fast
            let piece = matches!(kind, 4 | 6 | 7 | 8 | 13 | 16 | 17).then(|| index.next()).flatten();
            let place = matches!(kind, 6 | 7 | 8 | 16).then(|| begin.next()).flatten();
            if let (7, Some(piece), Some(place), Some(length)) = (kind, piece, place, length) {
                blocks.push((piece, place, length - 9));
            }
        }
        all.entry((end(src, src6, sport), end(dst, dst6, dport))).or_default().extend(blocks);
    }
    all.values_mut().for_each(|blocks| blocks.sort_unstable());
    Some(all)
}

#[test]
fn tshark_lists_the_piece_messages_of_every_fixture_from_the_clear_streams() {
    let place = tempfile::tempdir().expect("a directory");
    let (mut same, mut explained) = (0, Vec::new());
    for case in fixture::all() {
        let path = place.path().join(format!("{}.pcapng", case.name));
        if cleared(&case, &path, Format::PcapNg).packets == 0 {
            continue;
        }
        let Some(theirs) = listed(&path) else {
            eprintln!("SKIPPED: tshark is not installed, so nothing was compared with it");
            return;
        };
        let ours = blocks(&opened(&path), &torrents(&case), &Secrets::default());
        if ours == theirs {
            same += 1;
            continue;
        }
        let why = match case.name.as_str() {
            "loss-1pct" => "bytes are missing from the capture, and tshark loses the framing there",
            "v2-corrupt" => "a block shares its segment with a hash message, which tshark does not know",
            _ => panic!("{}: {theirs:?} and not {ours:?}", case.name),
        };
        explained.push(format!("{}: {why}", case.name));
    }
    assert!(same > 25 && explained.len() <= 2, "{same} the same; {explained:?}");
}

#[test]
fn the_program_writes_both_formats_and_nothing_where_no_stream_is_read() {
    let place = tempfile::tempdir().expect("a directory");
    let run = |name: &str, out: &Path| {
        let case = fixture::named(name);
        let capture = case.path("capture.pcap").display().to_string();
        let mut command = Command::new(env!("CARGO_BIN_EXE_peerproof"));
        command.args(["clear", &capture, "-o", &out.display().to_string()]).output().expect("the program runs")
    };
    let (one, other) = (place.path().join("a.pcapng"), place.path().join("a.pcap"));
    let done = run("utp-clean", &one);
    let text = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(done.status.success() && text.contains("over uTP") && text.contains("ok: "), "{done:?}");
    assert!(run("utp-clean", &other).status.success());
    assert_eq!(run("utp-clean", &other).status.code(), Some(2));
    let none = place.path().join("none.pcapng");
    let nothing = run("mse-rc4", &none);
    assert_eq!((nothing.status.code(), none.exists()), (Some(1), false), "{nothing:?}");
}

/// The streams of `world` as TCP, in a file; and what the program says of them.
fn written(place: &Path, name: &str, world: &World) -> (std::path::PathBuf, Cleared) {
    let (capture, out) = (place.join(format!("{name}.pcap")), place.join(format!("{name}-clear.pcapng")));
    std::fs::write(&capture, world.pcap()).expect("written");
    let mut file = NewFile::empty_beside(&out).expect("a place");
    let options = Options { digest: false, ..Options::default() };
    let done =
        clear(&opened(&capture), &Torrents::default(), &options, &mut file, Format::PcapNg).expect("it goes on");
    file.put().expect("room");
    (out, done)
}

#[test]
fn each_utp_connection_of_one_pair_of_ports_is_a_tcp_connection_of_its_own() {
    let place = tempfile::tempdir().expect("a directory");
    let made: Vec<_> =
        (1..4).map(|seed| Recipe::single(&format!("{seed}.bin"), 32_768, 90_000, seed).v1()).collect();
    let mut torrents = Torrents::default();
    made.iter().for_each(|torrent| _ = torrents.add(Torrent::parse("a", &torrent.metainfo).expect("a torrent")));
    let id = |number: u32| wire::peer_id("-XX0001-", number);
    for (ends, at_once) in [
        (["81.2.69.10:6881", "93.184.16.1:6881"], true),
        (["81.2.69.10:6881", "93.184.16.1:6881"], false),
        (["[2606:2800::1]:6881", "[2606:2800::2]:51413"], true),
        (["[2606:2800::1]:6881", "[2606:2800::2]:51413"], false),
    ] {
        let [a, b] = ends.map(address);
        let mut world = World::new();
        let begin = |world: &mut World, number: u16| {
            let mut conn = UtpConn::open(world, a, b, 1_000 * number, [number, 9 * number]);
            conn.join(world, &made[usize::from(number) - 1], [id(1), id(2)]);
            conn
        };
        if at_once {
            let mut conns: Vec<UtpConn> = (1..4).map(|number| begin(&mut world, number)).collect();
            for piece in 0..made[0].pieces() {
                conns.iter_mut().zip(&made).for_each(|(conn, torrent)| conn.fetch(&mut world, torrent, piece));
            }
        } else {
            for number in 1..4 {
                let (mut conn, torrent) = (begin(&mut world, number), &made[usize::from(number) - 1]);
                (0..torrent.pieces()).for_each(|piece| conn.fetch(&mut world, torrent, piece));
            }
        }
        let (path, done) = written(place.path(), &format!("{}-{at_once}", a.is_ipv4()), &world);
        assert_eq!((done.moved, done.in_doubt), (2, 0), "{ends:?}, {at_once}");
        let evidence = analyze(&opened(&path), &torrents, &Options::default()).expect("it goes on");
        let served = evidence.transfers.iter().filter(|row| row.bytes.served > 0);
        let rows: Vec<_> =
            served.map(|row| (row.uploader.to_string(), row.bytes.verified, row.bytes.lost)).collect();
        assert_eq!(rows, vec![(ends[1].to_owned(), 90_000, 0); 3], "{ends:?}, {at_once}");
        if let Some(theirs) = listed(&path) {
            let pieces: usize = theirs.values().map(Vec::len).sum();
            assert_eq!(pieces, world.ledger.len(), "tshark, {ends:?}, {at_once}");
            // Who opened a connection has a port of its own, but for the first one.
            let ports: std::collections::BTreeSet<&str> = theirs.keys().map(|(_, to)| to.as_str()).collect();
            assert_eq!(ports.len(), 3, "{ports:?}");
        }
    }
}

/// Changes a classic pcap, little-endian: some frames get another bit, some are lost. `None` for other files.
fn damaged(capture: &[u8], random: &mut Random, flips: u64, losses: u64) -> Option<Vec<u8>> {
    let word = |at: usize| Some(u32::from_le_bytes(capture.get(at..at + 4)?.try_into().ok()?));
    let (magic, mut at) = (word(0)?, 24);
    let mut out = capture.get(..24)?.to_vec();
    if magic != 0xa1b2_c3d4 && magic != 0xa1b2_3c4d {
        return None;
    }
    while let Some(len) = word(at + 8) {
        let end = at + 16 + len as usize;
        let mut record = capture.get(at..end)?.to_vec();
        // Payload, whatever the headers are.
        if len > 300 && random.below(100) < flips {
            let place = 16 + 120 + random.below(u64::from(len) - 130) as usize;
            record[place] ^= 1 << random.below(8);
        }
        if random.below(100) >= losses {
            out.extend(record);
        }
        at = end;
    }
    Some(out)
}

#[test]
fn whoever_is_not_refuted_by_damaged_captures_is_not_refuted_by_the_streams_made_of_them() {
    let place = tempfile::tempdir().expect("a directory");
    let (mut random, mut compared, mut doubtful, mut worse) = (Random::new(77), 0, 0, Vec::new());
    for case in fixture::all() {
        let bytes = case.read("capture.pcap");
        for (round, (flips, losses)) in [(2, 0), (0, 2), (3, 3), (40, 0)].into_iter().enumerate() {
            let Some(bytes) = damaged(&bytes, &mut random, flips, losses) else { continue };
            let capture = place.path().join("in.pcap");
            std::fs::write(&capture, bytes).expect("written");
            let (torrents, secrets) = (torrents(&case), secrets(&case));
            let options = Options { secrets: &secrets, digest: false, ..Options::default() };
            let refuted = |path: &Path| {
                let evidence = analyze(&opened(path), &torrents, &options).expect("it goes on");
                let mut refuted: BTreeMap<std::net::IpAddr, u64> = BTreeMap::new();
                for row in &evidence.transfers {
                    *refuted.entry(row.uploader.ip).or_default() += row.bytes.refuted;
                }
                refuted
            };
            let before = refuted(&capture);
            for format in [Format::PcapNg, Format::Pcap] {
                let path = place.path().join(format!("{}-{round}-{format:?}", case.name));
                let mut file = NewFile::empty_beside(&path).expect("a place");
                let done = clear(&opened(&capture), &torrents, &options, &mut file, format).expect("it goes on");
                file.put().expect("room");
                doubtful += done.in_doubt;
                if done.packets == 0 {
                    continue;
                }
                for (ip, bytes) in refuted(&path) {
                    let known = before.get(&ip).copied().unwrap_or(0);
                    if bytes > known {
                        worse
                            .push(format!("{}, {flips}, {losses}, {format:?}: {ip} {bytes} of {known}", case.name));
                    }
                }
                compared += 1;
            }
        }
    }
    assert_eq!(worse, Vec::<String>::new());
    assert!(compared > 160 && doubtful > 100, "{compared} captures, {doubtful} packets in doubt");
}
