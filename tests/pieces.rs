//! `pieces`: the rows of a transfer add up to its figures, and the bytes that a row names are those that it speaks of.

use std::collections::BTreeMap;

use peerproof::evidence::{Class, Evidence, Ground, Piece};
use peerproof::stages::prove;
use peerproof::{CaptureSet, OpenOptions, Options, Secrets, Torrent, Torrents};
use serde_json::Value;

use crate::fixture::{self, Fixture, list, number, text};

fn told(case: &Fixture, captures: &CaptureSet) -> Evidence {
    let name = case.torrent();
    let bytes = if name.starts_with("magnet:") { name.clone().into_bytes() } else { case.read(&name) };
    let mut torrents = Torrents::default();
    torrents.add(Torrent::parse(&name, &bytes).expect("a torrent"));
    let secrets = case.path("secrets.txt").exists().then(|| case.read("secrets.txt"));
    let secrets = secrets.map(|text| Secrets::parse("secrets.txt", &text).expect("secrets")).unwrap_or_default();
    let options = Options { secrets: &secrets, digest: false, pieces: true, ..Options::default() };
    peerproof::analyze(captures, &torrents, &options).expect("the run can go on")
}

fn sums(pieces: impl Iterator<Item = Piece>) -> BTreeMap<Class, u64> {
    let mut sums: BTreeMap<Class, u64> = Class::ALL.iter().map(|class| (*class, 0)).collect();
    pieces.for_each(|piece| *sums.entry(piece.class).or_default() += piece.bytes);
    sums
}

#[test]
fn rows_of_a_transfer_add_up_to_its_figures_and_name_bytes_that_hash_to_what_they_say() {
    let mut hashed = 0;
    for case in fixture::all() {
        let captures = CaptureSet::open(&[case.path("capture.pcap")], &OpenOptions::default()).expect("it opens");
        let evidence = told(&case, &captures);
        let pieces = evidence.pieces.as_ref().expect("they were asked for");
        for (place, transfer) in (0..).zip(&evidence.transfers) {
            let rows = || pieces.iter().filter(|piece| piece.transfer == place);
            let bytes = transfer.bytes;
            let figures: BTreeMap<Class, u64> = [
                (Class::Pad, bytes.pad),
                (Class::Repeated, bytes.repeated),
                (Class::Verified, bytes.verified),
                (Class::Refuted, bytes.refuted),
                (Class::Disputed, bytes.disputed),
                (Class::Unproven, bytes.unproven),
            ]
            .into();
            assert_eq!(sums(rows()), figures, "{}: {} -> {}", case.name, transfer.uploader, transfer.downloader);
            // Of payload without a place nothing but its amount is known.
            for row in rows().filter(|row| row.reason != Ground::Unplaced) {
                let named: u64 = row.runs.iter().map(|run| run.len).sum();
                assert_eq!(named + row.derived_bytes, row.bytes, "{}: {row:?}", case.name);
                let (first, last) = (transfer.frames.first, transfer.frames.last);
                let within = |(from, to): &(u64, u64)| first <= *from && *to <= last;
                let ranges: Vec<_> = row.frames.iter().map(|frames| (frames.first, frames.last)).collect();
                assert!(!ranges.is_empty() && ranges.iter().all(within), "{}: {row:?}", case.name);
                hashed += u64::from(hashes_right(&captures, &row));
            }
        }
    }
    assert!(hashed > 150, "only {hashed} units were read back from one transfer");
}

/// Hashes the bytes where a row says that they stand: true if a whole unit of one transfer was read there and is right.
fn hashes_right(captures: &CaptureSet, row: &Piece) -> bool {
    let (Some(sha1), Some(sha256)) = (row.sha1, row.sha256) else { return false };
    assert_eq!(row.class, Class::Verified, "{row:?}");
    let runs: Vec<&[u8]> = row
        .runs
        .iter()
        .map(|run| captures.bytes_at(run.input, run.offset, run.len as u32).expect("it lies in the capture"))
        .collect();
    // Parts of units, and units with padding, hash to something else.
    let right = prove::sha1(&runs) == sha1.0;
    assert_eq!(right, prove::sha256(&runs) == sha256.0, "{row:?}");
    right && matches!(row.reason, Ground::Hash | Ground::EqualsVerified)
}

#[test]
fn report_lists_pieces_only_when_asked_and_conforms_to_its_schema_then_too() {
    let case = fixture::named("plain-transfer");
    let plain: Value = serde_json::from_str(&case.report("capture.pcap")).expect("JSON");
    assert!(plain.get("pieces").is_none());
    let asked: Value = serde_json::from_str(&case.report_with("capture.pcap", &["--pieces"])).expect("JSON");
    assert_eq!(fixture::violations(&asked), Vec::<String>::new());
    let verified: u64 = list(&asked["pieces"])
        .iter()
        .filter(|piece| text(&piece["class"]) == "verified")
        .map(|piece| number(&piece["bytes"]))
        .sum();
    let told: u64 = list(&asked["transfers"]).iter().map(|row| number(&row["verified_bytes"])).sum();
    assert!(verified > 0 && verified == told, "{verified} of {told}");
    // What is chosen of a report names its own transfers.
    let peer = text(&list(&asked["transfers"])[0]["uploader"]).to_owned();
    let chosen = case.report_with("capture.pcap", &["--pieces", "--peer", &peer]);
    let chosen: Value = serde_json::from_str(&chosen).expect("JSON");
    for piece in list(&chosen["pieces"]) {
        let transfer = &list(&chosen["transfers"])[number(&piece["transfer"]) as usize];
        assert_eq!(transfer["uploader"], piece["uploader"], "{piece}");
        assert_eq!(transfer["downloader"], piece["downloader"], "{piece}");
    }
}
