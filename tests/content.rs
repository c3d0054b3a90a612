//! `peerproof content`: the bytes that it writes are the torrents', there are as many as the report says, and they lie in one new
//! directory whatever strangers called them.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use peerproof::content::{Files, Wanted, Written};
use peerproof::ends::FrameId;
use peerproof::evidence::Evidence;
use peerproof::stages::prove;
use peerproof::stages::torrent::{Expected, Source, merkle};
use peerproof::{
    CaptureSet, OpenOptions, Options, Secrets, TakeVerified, Torrent, Torrents, Verified, analyze_content,
};
use serde_json::Value;

use crate::fixture::{self, Fixture, list, number, text};

/// The evidence of a fixture, its files at `target`, and which they are.
fn written(case: &Fixture, target: &Path, wanted: Wanted) -> (Evidence, Vec<Written>) {
    let name = case.torrent();
    let bytes = if name.starts_with("magnet:") { name.clone().into_bytes() } else { case.read(&name) };
    let mut torrents = Torrents::default();
    torrents.add(Torrent::parse(&name, &bytes).expect("a torrent"));
    let secrets = case.path("secrets.txt").exists().then(|| case.read("secrets.txt"));
    let secrets = secrets.map(|text| Secrets::parse("secrets.txt", &text).expect("secrets")).unwrap_or_default();
    let options = Options { secrets: &secrets, digest: false, ..Options::default() };
    let captures = CaptureSet::open(&[case.path("capture.pcap")], &OpenOptions::default()).expect("it opens");
    let mut files = Files::at(target, wanted).expect("a place");
    let evidence = analyze_content(&captures, &torrents, &options, &mut files).expect("the run can go on");
    let written = files.put(&evidence).expect("room");
    (evidence, written)
}

/// Whole pieces of what was written, every one of which must hash right.
fn hashed(torrent: &Torrent, written: &[Written]) -> usize {
    let mut whole = 0;
    for piece in (0..torrent.piece_count()).filter_map(|raw| torrent.piece(raw)) {
        let size = torrent.piece_size(piece);
        let (mut content, mut complete) = (vec![0; size as usize], true);
        let base = torrent.piece_offset(piece);
        for (file, range) in torrent.files_in(piece, 0..size) {
            let path = &torrent.files()[file].shown;
            let Some(of) = written.iter().find(|written| written.path == *path) else {
                complete = false;
                continue;
            };
            complete &= of.holes.iter().all(|hole| hole.end <= range.start || range.end <= hole.start);
            let bytes = std::fs::read(&of.written).expect("readable");
            let at = (torrent.file_range(file).start + range.start - base) as usize;
            if complete {
                let part = &bytes[range.start as usize..range.end as usize];
                content[at..at + part.len()].copy_from_slice(part);
            }
        }
        if !complete {
            continue;
        }
        let sha1 = |expected| prove::sha1(&[&content]) == expected;
        let right = match torrent.expected(piece) {
            Expected::Sha1(expected) => sha1(expected),
            Expected::Both { sha1: expected, .. } => sha1(expected),
            Expected::V2(tree) => {
                let leaves = prove::leaves(&[&content[..tree.content as usize]], tree.content);
                merkle::root(&leaves, tree.width) == tree.root
            }
            Expected::Leaf(_) | Expected::Unknown => continue,
        };
        assert!(right, "piece {}", piece.number());
        whole += 1;
    }
    whole
}

#[test]
fn files_of_every_fixture_hold_the_torrents_bytes_and_as_many_as_were_verified() {
    let place = tempfile::tempdir().expect("a directory");
    let (mut whole, mut complete) = (0, 0);
    for case in fixture::all() {
        let target = place.path().join(&case.name);
        let (evidence, written) = written(&case, &target, Wanted::default());
        let unique: u64 = evidence.torrents.iter().map(|torrent| torrent.unique).sum();
        assert_eq!(written.iter().map(|file| file.verified_bytes).sum::<u64>(), unique, "{}", case.name);
        assert_eq!(target.exists(), unique > 0, "{}", case.name);
        for torrent in evidence.known.iter() {
            whole += hashed(torrent, &written);
        }
        for file in &written {
            complete += u64::from(file.is_complete());
            let bytes = std::fs::read(&file.written).expect("readable");
            assert!(!file.is_complete() || bytes.len() as u64 == file.size, "{}: {file:?}", case.name);
            let zeros = |at: u64| bytes.get(at as usize).is_none_or(|byte| *byte == 0);
            let holes = file.holes.iter().flat_map(|hole| hole.start..hole.end);
            assert!(holes.into_iter().all(zeros), "{}: {file:?}", case.name);
        }
    }
    assert!(whole > 150 && complete > 25, "{whole} pieces, {complete} files");
}

#[test]
fn a_map_says_from_whom_and_one_peer_alone_leaves_the_others_as_holes() {
    let place = tempfile::tempdir().expect("a directory");
    let case = fixture::named("three-peers");
    let (_, all) = written(&case, &place.path().join("all"), Wanted::default());
    let map = |file: &Written| -> Value {
        let name = format!("{}.map.json", file.written.display());
        serde_json::from_slice(&std::fs::read(name).expect("a map")).expect("JSON")
    };
    let stretches = map(&all[0])["verified"].as_array().expect("an array").clone();
    let senders: std::collections::BTreeSet<_> =
        stretches.iter().map(|stretch| text(&stretch["uploader"]).to_owned()).collect();
    assert!(senders.len() > 1, "{senders:?}");
    for sender in &senders {
        let wanted = Wanted { peer: Some(sender.parse().expect("an endpoint")), torrents: Vec::new() };
        let target = place.path().join(sender.replace([':', '.'], "-"));
        let (_, own) = written(&case, &target, wanted);
        let whole = std::fs::read(&all[0].written).expect("readable");
        let part = std::fs::read(&own[0].written).expect("readable");
        let map = map(&own[0]);
        let mut covered = 0;
        for stretch in list(&map["verified"]) {
            let (start, end) = (number(&stretch["start"]) as usize, number(&stretch["end"]) as usize);
            assert_eq!(part[start..end], whole[start..end], "{sender}");
            // A peer is meant by the port that it declares, too.
            let ip = |end: &str| end.rsplit_once(':').map(|(ip, _)| ip.to_owned());
            assert_eq!(ip(text(&stretch["uploader"])), ip(sender));
            assert!(!list(&stretch["frames"]).is_empty());
            covered += end - start;
        }
        assert!(covered as u64 >= own[0].verified_bytes && own[0].verified_bytes < own[0].size, "{sender}");
        let text = std::fs::read_to_string(format!("{}.map.txt", own[0].written.display())).expect("a map");
        assert!(text.contains("holes\n") && text.contains(sender.as_str()), "{text}");
    }
}

fn bencoded(names: &[&[&[u8]]]) -> Vec<u8> {
    let string = |bytes: &[u8]| [format!("{}:", bytes.len()).as_bytes(), bytes].concat();
    let file = |path: &[&[u8]]| {
        let path: Vec<u8> = path.iter().flat_map(|part| string(part)).collect();
        [b"d6:lengthi4e4:pathl", path.as_slice(), b"ee"].concat()
    };
    let files: Vec<u8> = names.iter().flat_map(|path| file(path)).collect();
    let length = names.len() * 4;
    let pieces = string(&vec![7; length.div_ceil(16_384) * 20]);
    [
        b"d5:filesl",
        files.as_slice(),
        b"e4:name",
        &string(b"../top"),
        b"12:piece lengthi16384e6:pieces",
        &pieces,
        b"e",
    ]
    .concat()
}

#[test]
fn names_of_strangers_stay_in_the_directory_and_apart() {
    let long = [b'x'; 400];
    let names: [&[&[u8]]; 13] = [
        &[b"..", b"..", b"escaped"],
        &[b"/etc/passwd"],
        &[b"a\\..\\..\\b"],
        &[b"CON"],
        &[b"aux.txt"],
        &[b"same"],
        &[b"same"],
        &[b"same", b"below"],
        &[b"not \xff utf"],
        &[b"not \xfe utf"],
        &[b"same.map.json"],
        &[&long],
        &[b"C:", b"drive"],
    ];
    let torrent = Torrent::from_info(bencoded(&names), Source::File).expect("a torrent");
    let place = tempfile::tempdir().expect("a directory");
    // Any run does: only its files are asked for.
    let case = fixture::named("hearsay");
    let (evidence, _) = written(&case, &place.path().join("none"), Wanted::default());
    let target = place.path().join("out");
    let mut files = Files::at(&target, Wanted::default()).expect("a place");
    let content: Vec<u8> = (0..names.len() as u32).flat_map(u32::to_be_bytes).collect();
    let end = "192.0.2.1:1".parse().expect("an endpoint");
    let verified = Verified {
        torrent: &torrent,
        piece: torrent.piece(0).expect("a piece"),
        start: 0,
        bytes: &content,
        uploader: end,
        downloader: end,
        transport: peerproof::ends::Transport::Tcp,
        frame: FrameId::new(0, 1),
    };
    files.take(&evidence, &verified).expect("written");
    let written = files.put(&evidence).expect("room");
    let mut places: Vec<PathBuf> = written.iter().map(|file| file.written.clone()).collect();
    places.sort();
    places.dedup();
    assert_eq!(places.len(), names.len());
    for (number, file) in (0_u32..).zip(&written) {
        assert_eq!(std::fs::read(&file.written).expect("readable"), number.to_be_bytes(), "{file:?}");
        assert!(file.written.starts_with(&target) && file.is_complete(), "{file:?}");
        let inside = file.written.strip_prefix(&target).expect("inside");
        assert!(inside.components().all(|part| matches!(part, std::path::Component::Normal(_))), "{inside:?}");
    }
    let beside: Vec<_> =
        std::fs::read_dir(place.path()).expect("listed").map(|entry| entry.expect("one").file_name()).collect();
    assert_eq!(beside, ["out"]);
}

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_peerproof")).args(arguments).output().expect("the program runs")
}

#[test]
fn a_case_finds_its_captures_and_what_is_there_is_never_replaced() {
    let place = tempfile::tempdir().expect("a directory");
    let case = fixture::named("multi-file");
    let path = |path: &Path| path.display().to_string();
    let moved = place.path().join("renamed.bin");
    std::fs::copy(case.path("capture.pcap"), &moved).expect("copied");
    let (at, out) = (path(&place.path().join("case")), path(&place.path().join("out")));
    let torrent = path(&case.path(&case.torrent()));
    let made = run(&["analyze", &path(&moved), "-t", &torrent, "-o", &at]);
    assert!(made.status.success(), "{made:?}");
    let done = run(&["content", &at, "-o", &out]);
    let text = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(
        done.status.success() && text.contains("complete\n") && text.contains("ok: 5 complete files"),
        "{done:?}"
    );
    let direct = path(&place.path().join("direct"));
    let again = run(&["content", &path(&moved), "-t", &torrent, "-o", &direct]);
    assert!(again.status.success(), "{again:?}");
    for entry in std::fs::read_dir(place.path().join("direct/collection")).expect("listed") {
        let entry = entry.expect("one").path();
        if entry.is_file() {
            let twin = place.path().join("out/collection").join(entry.file_name().expect("a name"));
            assert_eq!(
                std::fs::read(&entry).expect("readable"),
                std::fs::read(twin).expect("readable"),
                "{entry:?}"
            );
        }
    }
    let taken = run(&["content", &at, "-o", &out]);
    assert_eq!(taken.status.code(), Some(2), "{taken:?}");
    assert!(String::from_utf8_lossy(&taken.stderr).contains("exists, nothing was done"), "{taken:?}");
    std::fs::remove_file(&moved).expect("removed");
    let gone = run(&["content", &at, "-o", &path(&place.path().join("more"))]);
    assert_eq!(gone.status.code(), Some(2), "{gone:?}");
    assert!(
        String::from_utf8_lossy(&gone.stderr).contains(") is needed and was not found; try: peerproof content "),
        "{gone:?}"
    );
    let nothing = fixture::named("metadata-only");
    let none = run(&["content", &path(&nothing.path("capture.pcap")), "-o", &path(&place.path().join("none"))]);
    assert_eq!((none.status.code(), place.path().join("none").exists()), (Some(1), false), "{none:?}");
}
