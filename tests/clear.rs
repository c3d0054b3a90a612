//! `peerproof clear`: the blocks of every fixture are in it as they were, and tshark reads them as we do.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use peerproof::clear::{Cleared, clear};
use peerproof::ends::Transport;
use peerproof::stages::output::NewFile;
use peerproof::stages::record::Format;
use peerproof::{CaptureSet, OpenOptions, Options, Secrets, Torrent, Torrents, facts};

use crate::fixture::{self, Fixture};

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
