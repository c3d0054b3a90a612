//! Recordings of real clients, as two taps saw them.

use serde_json::Value;

use crate::fixture;
use crate::synth::content::Random;

#[test]
fn recordings_of_real_clients_split_over_two_taps_prove_what_they_prove_whole() {
    for case in fixture::all() {
        let whole = rows(&case.report("capture.pcap"));
        let (head, records) = records(&case.read("capture.pcap"));
        for offset in [0, 40_000] {
            let taps: [Tap<'_>; 2] = [&|at| (at % 7 != 3).then_some(0), &|at| (at % 7 != 5).then_some(offset)];
            assert_eq!(whole, written(&case, &head, &records, taps), "{}, {offset} us", case.name);
        }
    }
}

#[test]
fn a_second_tap_of_a_recording_that_began_later_changes_nothing_wherever_its_clock_is() {
    for case in fixture::all() {
        let whole = rows(&case.report("capture.pcap"));
        let (head, records) = records(&case.read("capture.pcap"));
        for offset in [-1_000_000, -300_000, -100_000, -20_000, 100_000, 1_000_000] {
            let later = |at: usize| (at >= records.len() * 35 / 100).then_some(offset);
            let both = written(&case, &head, &records, [&|_| Some(0), &later]);
            assert_eq!(whole, both, "{}, {offset} us", case.name);
        }
    }
}

#[test]
fn recordings_whose_packets_are_spread_over_two_taps_prove_the_same_with_clocks_apart() {
    for case in fixture::all() {
        let proven = |rows: &[Vec<String>]| {
            let of_tcp = rows.iter().filter(|row| row.contains(&"transport \"tcp\"".to_owned()));
            of_tcp.map(|row| [0, 1, 12].map(|at| row[at].clone())).collect::<Vec<_>>()
        };
        let whole = proven(&rows(&case.report("capture.pcap")));
        let (head, records) = records(&case.read("capture.pcap"));
        for offset in [20_000, 300_000] {
            let mut random = Random::new(5);
            let second: Vec<bool> = records.iter().map(|_| random.below(2) == 1).collect();
            let taps: [Tap<'_>; 2] = [&|at| (!second[at]).then_some(0), &|at| second[at].then_some(offset)];
            let spread = proven(&written(&case, &head, &records, taps));
            assert_eq!(whole, spread, "{}, {offset} us", case.name);
        }
    }
}

#[test]
fn recordings_whose_directions_are_at_a_tap_each_prove_the_same_with_clocks_apart() {
    for case in fixture::all() {
        let whole = rows(&case.report("capture.pcap"));
        let (head, records) = records(&case.read("capture.pcap"));
        // Ethernet: to whom, from whom.
        let first: Vec<bool> = records.iter().map(|record| record[22..28] < record[16..22]).collect();
        for offset in [-1_400_000, -300_000, 0, 700_000, 1_400_000] {
            let taps: [Tap<'_>; 2] = [&|at| first[at].then_some(offset), &|at| (!first[at]).then_some(0)];
            assert_eq!(whole, written(&case, &head, &records, taps), "{}, {offset} us", case.name);
        }
    }
}

/// How much later, in microseconds, a tap saw the packet of that index; `None` if it did not.
type Tap<'a> = &'a dyn Fn(usize) -> Option<i64>;

/// The transfers of a recording, as two taps saw it.
fn written(case: &fixture::Fixture, head: &[u8], records: &[Vec<u8>], taps: [Tap<'_>; 2]) -> Vec<Vec<String>> {
    let place = tempfile::tempdir().expect("a directory");
    for (name, tap) in ["one.pcap", "other.pcap"].into_iter().zip(taps) {
        let seen = records.iter().enumerate().filter_map(|(at, record)| Some(later(record, tap(at)?)));
        let bytes: Vec<u8> = seen.flatten().collect();
        std::fs::write(place.path().join(name), [head, &bytes].concat()).expect("written");
    }
    rows(&case.report(place.path().to_str().expect("a path of text")))
}

/// Figures of the transfers in a report that two taps may not change.
fn rows(report: &str) -> Vec<Vec<String>> {
    let report: Value = serde_json::from_str(report).expect("JSON");
    let row = |row: &Value| FIELDS.map(|field| format!("{field} {}", row[field])).to_vec();
    report["transfers"].as_array().expect("rows").iter().map(row).collect()
}

/// The file header of a little-endian pcap, and its records.
fn records(bytes: &[u8]) -> (Vec<u8>, Vec<Vec<u8>>) {
    let (head, mut rest) = bytes.split_at(24);
    let mut records = Vec::new();
    while rest.len() >= 16 {
        let len = u32::from_le_bytes([rest[8], rest[9], rest[10], rest[11]]) as usize;
        let (record, next) = rest.split_at(16 + len);
        records.push(record.to_vec());
        rest = next;
    }
    (head.to_vec(), records)
}

/// A record with a later time; microseconds.
fn later(record: &[u8], offset: i64) -> Vec<u8> {
    let word = |at: usize| u32::from_le_bytes([record[at], record[at + 1], record[at + 2], record[at + 3]]);
    let micros = i64::from(word(0)) * 1_000_000 + i64::from(word(4)) + offset;
    let [seconds, micros] = [micros / 1_000_000, micros % 1_000_000].map(|part| part as u32);
    [seconds.to_le_bytes().as_slice(), &micros.to_le_bytes(), &record[8..]].concat()
}

const FIELDS: [&str; 18] = [
    "uploader",
    "downloader",
    "transport",
    "info_hash",
    "connections",
    "encryption",
    "grade",
    "actionable",
    "piece_messages",
    "served_bytes",
    "lost_bytes",
    "repeated_bytes",
    "verified_bytes",
    "sole_bytes",
    "refuted_bytes",
    "unproven_bytes",
    "solicited_bytes",
    "unsolicited_messages",
];
