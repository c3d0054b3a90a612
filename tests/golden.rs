//! Every recording of real clients: first against the truth of its clients, then byte for byte against the report
//! that was read by eye. `PEERPROOF_BLESS=1 cargo test --test tests golden` writes the reports again; only what the
//! truth confirms is written.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::fixture::{self, Fixture, list, number, text};

#[test]
fn every_report_follows_its_schema_and_adds_up() {
    for case in fixture::all() {
        for capture in case.captures() {
            let report = parsed(&case, &case.report(capture));
            let faults = peerproof::report::violations(&report);
            assert!(faults.is_empty(), "{}: {faults:#?}", case.name);
            add_up(&case, &report);
        }
    }
}

#[test]
fn every_figure_is_that_of_the_clients() {
    let mut faults = Vec::new();
    for case in fixture::all() {
        for capture in case.captures() {
            let report = parsed(&case, &case.report(capture));
            faults.extend(differences(&case, &report).into_iter().map(|fault| format!("{}: {fault}", case.name)));
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn every_report_is_the_one_that_was_read() {
    let bless = std::env::var_os("PEERPROOF_BLESS").is_some();
    let mut faults = Vec::new();
    for case in fixture::all() {
        let report = case.report("capture.pcap");
        let right = differences(&case, &parsed(&case, &report)).is_empty();
        if bless && right {
            std::fs::write(case.path(GOLDEN), &report).expect("the report can be written");
        }
        match std::fs::read_to_string(case.path(GOLDEN)) {
            Ok(golden) if golden == report => {}
            Ok(golden) => faults.push(format!("{}: {}", case.name, first_difference(&golden, &report))),
            Err(error) => faults.push(format!("{}: {GOLDEN}: {error}", case.name)),
        }
    }
    assert!(faults.is_empty(), "\n{}\nPEERPROOF_BLESS=1 writes them again", faults.join("\n"));
}

#[test]
fn pcap_and_pcapng_of_the_same_packets_give_the_same_transfers() {
    let case = fixture::named("ipv6");
    let reports: Vec<Value> = case.captures().iter().map(|name| parsed(&case, &case.report(name))).collect();
    assert_eq!(reports.len(), 2);
    for part in ["transfers", "subjects", "torrents", "anomalies", "quality"] {
        assert_eq!(reports[0][part], reports[1][part], "{part}");
    }
}

fn parsed(case: &Fixture, report: &str) -> Value {
    serde_json::from_str(report).unwrap_or_else(|error| panic!("{}: {error}", case.name))
}

/// The accounting identity in every row, and rows that add up to each other.
fn add_up(case: &Fixture, report: &Value) {
    let sum = |part: &str, field: &str| list(&report[part]).iter().map(|row| number(&row[field])).sum::<u64>();
    for part in ["transfers", "subjects", "torrents"] {
        for row in list(&report[part]) {
            // A torrent's row may keep its classes apart.
            let row = row.get("classes").map_or_else(|| row.clone(), |classes| merged(row, classes));
            let classes: u64 = CLASSES.iter().map(|class| number(&row[*class])).sum();
            assert_eq!(number(&row["served_bytes"]), classes, "{}: {part}: {row:#}", case.name);
            assert!(number(&row["sole_bytes"]) <= number(&row["verified_bytes"]), "{}: {row:#}", case.name);
        }
    }
    assert_eq!(sum("transfers", "served_bytes"), sum("subjects", "served_bytes"), "{}", case.name);
    for row in list(&report["torrents"]) {
        let unique = number(&row["unique_bytes"]);
        assert!(row["size"].as_u64().is_none_or(|size| unique <= size), "{}: {row:#}", case.name);
    }
}

fn merged(row: &Value, classes: &Value) -> Value {
    let mut row = row.clone();
    let fields = classes.as_object().into_iter().flatten();
    fields.for_each(|(name, value)| row[name] = value.clone());
    row
}

/// Where the report departs from the truth.
fn differences(case: &Fixture, report: &Value) -> Vec<String> {
    let truth = case.truth();
    let mut faults = Vec::new();
    let rows = list(&report["transfers"]);
    let sent = if case.name == UNREADABLE { &[] } else { list(&truth["transfers"]) };
    if case.name == UNREADABLE {
        faults.extend(unread(&truth, report));
    }
    let mut met = BTreeSet::new();
    for told in sent {
        let edge = edge(told);
        let found: Vec<usize> = (0..rows.len()).filter(|at| self::edge(&rows[*at]) == edge).collect();
        let [at] = found[..] else {
            faults.push(format!("{} rows for {edge:?}", found.len()));
            continue;
        };
        met.insert(at);
        for (field, expected) in expected(&truth, told) {
            let value = &rows[at][field];
            if *value != expected {
                faults.push(format!("{} -> {}: {field} is {value}, but the truth is {expected}", edge.0, edge.1));
            }
        }
    }
    if let Some(answers) = truth.get("http") {
        let from = |row: &Value| row["transport"] == "http" && row["uploader"] == list(answers)[0]["server"];
        met.extend((0..rows.len()).filter(|at| from(&rows[*at])));
        faults.extend(web_seed(&truth["torrents"][0], list(answers), rows));
    }
    for (at, row) in rows.iter().enumerate() {
        if !met.contains(&at) && (number(&row["served_bytes"]) > 0 || number(&row["lost_bytes"]) > 0) {
            faults.push(format!("{:?} served, but nobody knows of it", edge(row)));
        }
        if !met.contains(&at) && text(&row["grade"]) > "G5" {
            faults.push(format!("{:?} sent nothing, but has {}", edge(row), row["grade"]));
        }
    }
    for told in truth.get("metadata").map(list).unwrap_or_default() {
        let from = |row: &&Value| {
            row["uploader"] == told["server"] && text(&row["downloader"]).starts_with(text(&told["client"]))
        };
        let served = |row: &Value| list(&row["rungs"]).iter().any(|rung| rung["grade"] == "G3m");
        if !rows.iter().find(from).is_some_and(served) {
            faults.push(format!("no G3m for {told}"));
        }
    }
    let known = &truth["torrents"][0];
    let torrent = list(&report["torrents"]);
    if torrent.len() != 1 || torrent[0]["size"] != known["length"] || torrent[0]["name"] != known["name"] {
        faults.push(format!("not the torrent {known}: {torrent:?}"));
    }
    faults
}

/// A conversation that cannot be read: nothing is said of its content, and its size is that of all it carried.
fn unread(truth: &Value, report: &Value) -> Option<String> {
    let (told, opaque) = (&truth["transfers"][0], list(&report["opaque"]));
    let [row] = opaque else { return Some(format!("{} opaque conversations", opaque.len())) };
    let sent = number(&row["bytes_a_to_b"]);
    let right = row["a"] == told["uploader"]
        && row["b"] == told["downloader"]
        && sent > number(&told["payload_bytes"])
        && sent < number(&told["payload_bytes"]) + 4_096;
    (!right).then(|| format!("not the conversation of {told}: {row}"))
}

/// The bytes of all answers of a web seed, and which pieces they fill.
fn web_seed(torrent: &Value, answers: &[Value], rows: &[Value]) -> Vec<String> {
    let pairs: BTreeSet<(&str, &str)> =
        answers.iter().map(|answer| (text(&answer["server"]), text(&answer["client"]))).collect();
    let mut faults = Vec::new();
    for (server, client) in pairs {
        let length = number(&torrent["piece_length"]);
        let of_pair = |answer: &&Value| answer["server"] == server && answer["client"] == client;
        let ranges: Vec<(u64, u64)> = answers
            .iter()
            .filter(of_pair)
            .map(|answer| (number(&answer["first_byte"]), number(&answer["last_byte"]) + 1))
            .collect();
        let share = |piece: u64| -> u64 {
            let (from, to) = (piece * length, (piece + 1) * length);
            ranges.iter().map(|(first, end)| to.min(*end).saturating_sub(from.max(*first))).sum()
        };
        let pieces = 0..number(&torrent["pieces"]);
        let alone: Vec<u64> =
            pieces.clone().filter(|piece| share(*piece) == content_len(torrent, *piece)).map(share).collect();
        let served: u64 = ranges.iter().map(|(first, end)| end - first).sum();
        let expected = [
            ("served_bytes", served),
            ("verified_bytes", served),
            ("sole_bytes", alone.iter().sum()),
            ("pieces_sole", alone.len() as u64),
            ("pieces_verified", pieces.filter(|piece| share(*piece) > 0).count() as u64),
            ("acknowledged_bytes", served),
            ("solicited_bytes", served),
        ];
        let edge = |row: &&Value| row["uploader"] == server && row["downloader"] == client;
        let Some(row) = rows.iter().find(edge) else {
            faults.push(format!("no row for {server} -> {client}"));
            continue;
        };
        let wrong = expected.into_iter().filter(|(field, sum)| row[*field] != *sum);
        faults.extend(wrong.map(|(field, sum)| format!("{server}: {field} is {}, not {sum}", row[field])));
    }
    faults
}

/// Who sent to whom, how, and the info-hash as a handshake says it.
fn edge(row: &Value) -> (&str, &str, &str, &str) {
    let hash = text(&row["info_hash"]);
    let said = hash.get(..40).unwrap_or(hash);
    (text(&row["uploader"]), text(&row["downloader"]), text(&row["transport"]), said)
}

/// What a row must say, worked out from the blocks that the client says it sent.
fn expected(truth: &Value, told: &Value) -> BTreeMap<&'static str, Value> {
    let torrent = &truth["torrents"][0];
    if told.get("blocks").is_none() {
        // Its client tells no more than this.
        let sums = ["served_bytes", "verified_bytes", "sole_bytes", "acknowledged_bytes", "solicited_bytes"];
        let mut expected: BTreeMap<_, _> = sums.map(|field| (field, told["payload_bytes"].clone())).into();
        expected.insert("piece_messages", told["piece_messages"].clone());
        return expected;
    }
    let held = truth.get("held").map(list).into_iter().flatten();
    let held = held
        .into_iter()
        .find(|held| held["uploader"] == told["uploader"] && held["downloader"] == told["downloader"]);
    let damaged: BTreeMap<(u64, u64), Held> = held.map(Held::of).unwrap_or_default();
    let bad: BTreeSet<(u64, u64)> =
        told.get("bad_blocks_sent").map(list).unwrap_or_default().iter().map(place).collect();

    // What the capture holds of each block, in the order sent.
    let mut sums = BTreeMap::from([("served_bytes", 0), ("lost_bytes", 0), ("refuted_bytes", 0)]);
    let (mut messages, mut partial) = (0, 0);
    let mut whole = BTreeMap::new();
    let mut other = BTreeMap::new();
    let mut repeated = 0;
    for block in list(&told["blocks"]) {
        let (at, len) = (place(block), number(&block[2]));
        let kept = damaged.get(&at).copied().unwrap_or(Held { payload: len, header: HEADER });
        if kept.header < HEADER {
            // Nothing says any more what these bytes are.
            continue;
        }
        // Only a whole body is a whole message.
        *(if kept.payload == len { &mut messages } else { &mut partial }) += 1;
        *sums.entry("served_bytes").or_default() += kept.payload;
        *sums.entry("lost_bytes").or_default() += len - kept.payload;
        if bad.contains(&at) {
            *sums.entry("refuted_bytes").or_default() += len;
        } else if kept.payload < len {
            other.insert(at, kept.payload);
        } else if whole.insert(at, len).is_some() {
            repeated += len;
        }
    }
    sums.insert("repeated_bytes", repeated);
    let pieces: BTreeSet<u64> = whole.keys().map(|(piece, _)| *piece).collect();
    let complete: BTreeSet<u64> = match held {
        Some(held) => list(&held["whole_pieces"]).iter().map(number).collect(),
        None => pieces.clone(),
    };
    let pad = padding(torrent, &whole);
    let proven = |of: &BTreeSet<u64>| {
        whole.iter().filter(|((piece, _), _)| of.contains(piece)).map(|(_, len)| len).sum::<u64>()
    };
    let alone: BTreeSet<u64> = complete
        .iter()
        .copied()
        .filter(|piece| {
            let own = whole.iter().filter(|((other, _), _)| other == piece);
            let own: BTreeMap<(u64, u64), u64> = own.map(|(at, len)| (*at, *len)).collect();
            own.values().sum::<u64>() - padding(torrent, &own) == content_len(torrent, *piece)
        })
        .collect();
    sums.insert("pad_bytes", pad);
    sums.insert("verified_bytes", proven(&complete) - pad);
    sums.insert("sole_bytes", proven(&alone) - pad);
    sums.insert("disputed_bytes", 0);
    let left: u64 = other.values().sum::<u64>() + proven(&pieces.difference(&complete).copied().collect());
    sums.insert("unproven_bytes", left);
    if held.is_none() {
        // The client itself says how much it sent, and the other one how much arrived.
        assert_eq!(sums["served_bytes"], number(&told["payload_bytes"]), "truth.json contradicts itself");
        if let Some(received) = told.get("downloader_received_bytes") {
            sums.insert("acknowledged_bytes", number(received));
        }
        sums.insert("solicited_bytes", sums["served_bytes"]);
    }
    if let Some(figures) = told.get("expected") {
        let named = [
            ("served", "served_bytes"),
            ("repeated", "repeated_bytes"),
            ("verified", "verified_bytes"),
            ("refuted", "refuted_bytes"),
        ];
        for (name, field) in named {
            assert_eq!(number(&figures[name]), sums[field], "truth.json contradicts itself: {name}");
        }
    }
    let bad_pieces: BTreeSet<u64> = bad.iter().map(|(piece, _)| *piece).collect();
    sums.insert("piece_messages", messages);
    sums.insert("partial_messages", partial);
    sums.insert("pieces_verified", complete.iter().filter(|piece| pieces.contains(piece)).count() as u64);
    sums.insert("pieces_sole", alone.len() as u64);
    sums.insert("pieces_refuted", bad_pieces.len() as u64);
    let mut expected: BTreeMap<&str, Value> = sums.into_iter().map(|(field, sum)| (field, sum.into())).collect();
    let all = alone.len() as u64 == number(&torrent["pieces"]);
    let grade = match (all, alone.is_empty(), complete.is_empty()) {
        (true, ..) => "G9",
        (false, false, _) => "G8",
        (false, true, false) => "G7",
        (false, true, true) => "G6",
    };
    // Files of which every piece came from here are a rung more; only files at the borders need a closer look.
    if messages > 0 && (list(&torrent["files"]).len() == 1 || all) {
        expected.insert("grade", grade.into());
    }
    if all {
        let files = list(&torrent["files"]).iter().filter(|file| number(&file["length"]) > 0);
        let file = |file: &Value| serde_json::json!({"path": file["path"], "verified_bytes": file["length"]});
        expected.insert("files", files.map(file).collect());
    }
    expected
}

/// What a damaged capture holds of one block.
#[derive(Clone, Copy, Debug)]
struct Held {
    payload: u64,
    header: u64,
}

impl Held {
    fn of(held: &Value) -> BTreeMap<(u64, u64), Self> {
        let blocks = list(&held["damaged_blocks"]).iter();
        blocks.map(|block| (place(block), Self { payload: number(&block[3]), header: number(&block[4]) })).collect()
    }
}

/// Piece and begin of a block of the truth.
fn place(block: &Value) -> (u64, u64) {
    (number(&block[0]), number(&block[1]))
}

/// Bytes of a piece that belong to files.
fn content_len(torrent: &Value, piece: u64) -> u64 {
    let length = number(&torrent["piece_length"]);
    content(torrent, piece * length, (piece + 1) * length)
}

/// Bytes of whole blocks outside all files.
fn padding(torrent: &Value, whole: &BTreeMap<(u64, u64), u64>) -> u64 {
    let length = number(&torrent["piece_length"]);
    let outside = |((piece, begin), len): (&(u64, u64), &u64)| {
        let from = piece * length + begin;
        len - content(torrent, from, from + len)
    };
    whole.iter().map(outside).sum()
}

/// Bytes of files between two places of the torrent.
fn content(torrent: &Value, from: u64, to: u64) -> u64 {
    let within = |start: u64, end: u64| to.min(end).saturating_sub(from.max(start));
    let Some(layout) = torrent.get("layout_in_libtorrent") else { return within(0, number(&torrent["length"])) };
    let files = list(layout).iter().filter(|file| file["pad"] == false);
    files.map(|file| within(number(&file["offset"]), number(&file["offset"]) + number(&file["length"]))).sum()
}

fn first_difference(golden: &str, report: &str) -> String {
    let pairs = golden.lines().zip(report.lines()).enumerate();
    let mut other = pairs.filter(|(_, (one, other))| one != other);
    match other.next() {
        Some((line, (one, other))) => format!("line {}: {} became {}", line + 1, one.trim(), other.trim()),
        None => format!("{} lines became {}", golden.lines().count(), report.lines().count()),
    }
}

/// RC4 without its secret.
const UNREADABLE: &str = "mse-rc4";
const GOLDEN: &str = "report.json";
/// Length prefix, id, piece, begin.
const HEADER: u64 = 13;
const CLASSES: [&str; 6] =
    ["pad_bytes", "repeated_bytes", "verified_bytes", "refuted_bytes", "disputed_bytes", "unproven_bytes"];
