//! `peerproof cut`: what is claimed of a peer is proven by the cut alone, which is small and says what it shows.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use peerproof::cut::{Asked, Outcome, Proven, cut};
use peerproof::ends::Transport;
use peerproof::evidence::Evidence;
use peerproof::stages::output::NewFile;
use peerproof::stages::record::Format;
use peerproof::{CaptureSet, OpenOptions, Options, Secrets, Torrent, Torrents, analyze};

use crate::fixture::{self, Fixture};

struct Ready {
    captures: CaptureSet,
    torrents: Torrents,
    secrets: Secrets,
}

fn ready(case: &Fixture) -> Ready {
    let name = case.torrent();
    let bytes = if name.starts_with("magnet:") { name.clone().into_bytes() } else { case.read(&name) };
    let mut torrents = Torrents::default();
    torrents.add(Torrent::parse(&name, &bytes).expect("a torrent"));
    let secrets = case.path("secrets.txt").exists().then(|| case.read("secrets.txt"));
    let secrets = secrets.map(|text| Secrets::parse("secrets.txt", &text).expect("secrets")).unwrap_or_default();
    let captures = CaptureSet::open(&[case.path("capture.pcap")], &OpenOptions::default()).expect("it opens");
    Ready { captures, torrents, secrets }
}

impl Ready {
    fn options(&self) -> Options<'_> {
        Options { secrets: &self.secrets, digest: false, ..Options::default() }
    }

    fn cut(&self, asked: &Asked, place: &Path, format: Format) -> Outcome {
        let mut file = NewFile::empty_beside(place).expect("a place");
        let outcome = cut(&self.captures, &self.torrents, &self.options(), asked, &mut file, format);
        let outcome = outcome.expect("the run can go on");
        file.put().expect("room");
        outcome
    }

    fn again(&self, place: &Path) -> Evidence {
        let captures = CaptureSet::open(&[place.to_owned()], &OpenOptions::default()).expect("it opens");
        analyze(&captures, &self.torrents, &self.options()).expect("the run can go on")
    }
}

fn of(peer: &str) -> Asked {
    Asked { peer: peer.parse().expect("an endpoint"), piece: None, info_hash: None }
}

fn proven(outcome: Outcome) -> Proven {
    match outcome {
        Outcome::Proven(proven) => proven,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_cut_of_every_peer_of_the_fixtures_proves_the_same_of_it() {
    let place = tempfile::tempdir().expect("a directory");
    let (mut cuts, mut whole, mut small) = (0, 0, 0);
    for case in fixture::all() {
        let ready = ready(&case);
        let evidence = analyze(&ready.captures, &ready.torrents, &ready.options()).expect("the run can go on");
        for subject in &evidence.subjects {
            if subject.bytes.verified + subject.bytes.refuted == 0 {
                continue;
            }
            cuts += 1;
            let at = place.path().join(format!("{cuts}.pcapng"));
            let done = proven(ready.cut(&of(&subject.endpoint.to_string()), &at, Format::PcapNg));
            whole += u64::from(done.more.is_some());
            // Headers and comments of segments, and of what stands between blocks.
            small += u64::from(done.bytes * 10 <= done.cited * 11);
            let name = format!("{}: {}", case.name, subject.endpoint);
            let beside = done.beside;
            assert_eq!(done.cited + beside.around + beside.bytes + beside.file, done.bytes, "{name}: {done:?}");
            // What was asked for stands in frames with blocks of others here.
            assert!(done.bytes * 10 <= done.cited * 22, "{name}: {done:?}");
            let again = ready.again(&at);
            let key = |other: &&peerproof::evidence::Subject| {
                (other.endpoint, other.transport, &other.info_hash)
                    == (subject.endpoint, subject.transport, &subject.info_hash)
            };
            let found = again.subjects.iter().find(key).unwrap_or_else(|| panic!("{name}: gone"));
            let what = |subject: &peerproof::evidence::Subject| {
                (
                    subject.grade,
                    subject.actionable,
                    subject.bytes.verified,
                    subject.bytes.sole,
                    subject.bytes.refuted,
                )
            };
            assert_eq!(what(found), what(subject), "{name}");
            let bytes = std::fs::read(&at).expect("readable");
            assert!(
                memchr::memmem::find(&bytes, b" in capture.pcap\nand says what it shows").is_some(),
                "{name}: no comment"
            );
            // Frames are kept whole: what else stands in them than cited blocks and the headers of each is of others. Where peers serve one
            // another, requests stand in frames with blocks, too.
            let others = beside.around.saturating_sub((done.packets - beside.packets) * 80);
            if subject.transport == Transport::Tcp && !["three-peers", "pex"].contains(&case.name.as_str()) {
                // Of segments that came out of order each names its bytes.
                let most = if case.name == "dup-reorder" { 1_103 } else { 1_100 };
                assert!((done.bytes - others) * 1_000 <= done.cited * most, "{name}: {done:?}");
            }
            println!("RATIO {name} {:.3} {done:?}", done.bytes as f64 / done.cited as f64);
        }
    }
    assert!(cuts > 30 && whole < 3 && small > 15, "{cuts} cuts, {whole} of whole connections, {small} small");
}

#[test]
fn a_cut_of_one_piece_holds_that_piece_and_its_comments_name_its_bytes() {
    let place = tempfile::tempdir().expect("a directory");
    let ready = ready(&fixture::named("mtu-transfer"));
    let whole = place.path().join("whole.pcapng");
    let all = proven(ready.cut(&of("203.0.113.2:6881"), &whole, Format::PcapNg));
    let at = place.path().join("piece.pcapng");
    let asked = Asked { piece: Some(5), ..of("203.0.113.2:6881") };
    let one = proven(ready.cut(&asked, &at, Format::PcapNg));
    assert!(one.more.is_none() && one.bytes * 5 < all.bytes, "{one:?} of {all:?}");
    let text = String::from_utf8_lossy(&std::fs::read(&at).expect("readable")).into_owned();
    assert!(text.contains(" piece 5, 0-") && text.contains(", verified"), "no comment on piece 5");
    assert!(!text.contains(" piece 6, 0-"));
    let again = ready.again(&at);
    let subject = again.subjects.iter().find(|subject| subject.bytes.verified > 0).expect("a subject");
    assert!(subject.actionable && subject.bytes.verified >= 32_768 && subject.bytes.refuted == 0, "{subject:?}");
}

#[test]
fn pcap_holds_the_same_packets_without_comments() {
    let place = tempfile::tempdir().expect("a directory");
    let ready = ready(&fixture::named("plain-transfer"));
    let (one, other) = (place.path().join("a.pcapng"), place.path().join("a.pcap"));
    let with = proven(ready.cut(&of("203.0.113.2:6881"), &one, Format::PcapNg));
    let without = proven(ready.cut(&of("203.0.113.2:6881"), &other, Format::Pcap));
    assert_eq!((with.packets, &with.claims), (without.packets, &without.claims));
    assert!(without.bytes < with.bytes && with.bytes * 10 <= with.cited * 11, "{with:?} {without:?}");
}

#[test]
fn of_a_cut_above_its_goal_is_told_what_it_consists_of() {
    let place = tempfile::tempdir().expect("a directory");
    let case = fixture::named("magnet");
    let out = place.path().join("cut.pcapng").display().to_string();
    let (capture, report) = (case.path("capture.pcap").display().to_string(), case.report("capture.pcap"));
    let report: serde_json::Value = serde_json::from_str(&report).expect("JSON");
    let seeder = report["subjects"].as_array().expect("rows").iter().find(|row| row["verified_bytes"] != 0);
    let peer = seeder.and_then(|row| row["endpoint"].as_str()).expect("a seeder");
    let torrent = case.path(&case.torrent()).display().to_string();
    let done = run(&["cut", &capture, "-t", &torrent, "--peer", peer, "-o", &out, "--piece", "0"]);
    let told = String::from_utf8_lossy(&done.stdout).split_whitespace().collect::<Vec<_>>().join(" ");
    let size = std::fs::metadata(&out).unwrap_or_else(|_| panic!("{done:?}")).len();
    let number = |text: &str| text.replace(',', "").parse::<u64>().expect("a number");
    let between = |from: &str, to: &str| {
        let (_, rest) = told.split_once(from).unwrap_or_else(|| panic!("{from}: {told}"));
        number(rest.split_once(to).expect("told").0)
    };
    let cited = between(" x the ", " bytes of payload");
    assert!(size * 10 > cited * 11, "{told}");
    let beside = between("acknowledgements) with ", " bytes;") + between(" bytes; ", " bytes of headers");
    assert_eq!(cited + beside + between("packets with it; ", " of heads"), size, "{told}");
}

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_peerproof")).args(arguments).output().expect("the program runs")
}

#[test]
fn whoever_proves_nothing_gets_no_cut_and_nothing_is_replaced() {
    let place = tempfile::tempdir().expect("a directory");
    let case = fixture::named("plain-transfer");
    let path = |path: PathBuf| path.display().to_string();
    let (capture, torrent) = (path(case.path("capture.pcap")), path(case.path(&case.torrent())));
    let out = path(place.path().join("cut.pcapng"));
    let cut = |peer: &str| run(&["cut", &capture, "-t", &torrent, "--peer", peer, "-o", &out]);
    let nobody = cut("198.51.100.99:1");
    assert_eq!(nobody.status.code(), Some(2), "{nobody:?}");
    assert!(String::from_utf8_lossy(&nobody.stderr).contains("has no row in"), "{nobody:?}");
    let other = run(&[
        "cut",
        &capture,
        "-t",
        &torrent,
        "--peer",
        "203.0.113.2:6881",
        "--info-hash",
        &"0".repeat(40),
        "-o",
        &out,
    ]);
    assert_eq!(other.status.code(), Some(2), "{other:?}");
    assert!(String::from_utf8_lossy(&other.stderr).contains("has no row of 0000"), "{other:?}");
    let leecher = cut("203.0.113.3");
    assert_eq!((leecher.status.code(), Path::new(&out).exists()), (Some(1), false), "{leecher:?}");
    assert!(String::from_utf8_lossy(&leecher.stderr).contains("no byte that 203.0.113.3 sent"), "{leecher:?}");
    let seeder = cut("203.0.113.2:6881");
    assert!(seeder.status.success(), "{seeder:?}");
    let told = String::from_utf8_lossy(&seeder.stdout).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(told.contains("meets the standard") && told.contains("it proves the same"), "{told}");
    assert!(
        told.contains(" x the 300,001 bytes of payload that it cites") && !told.contains("more than 1.1 x"),
        "{told}"
    );
    let taken = cut("203.0.113.2:6881");
    assert_eq!(taken.status.code(), Some(2), "{taken:?}");
    assert!(String::from_utf8_lossy(&taken.stderr).contains("exists, nothing was done"), "{taken:?}");
}
