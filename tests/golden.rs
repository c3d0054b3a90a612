//! Every recording of real clients: first against the truth of its clients, then byte for byte against the report
//! that was read by eye. `PEERPROOF_BLESS=1 cargo test --test tests golden` writes the reports again; only what the
//! truth confirms is written.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::fixture::{self, Fixture, list, number, text};

/// Cases that nobody can read, of which the truth tells what was inside.
const UNREADABLE: &[&str] = &["mse-rc4"];

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
    if UNREADABLE.contains(&case.name.as_str()) {
        return unreadable_differences(&truth, report);
    }
    let mut faults = Vec::new();
    let rows = list(&report["transfers"]);
    let sent = list(&truth["transfers"]);
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
    faults.extend(web_differences(&truth, rows, &mut met));
    faults.extend(pex_differences(&truth, report));
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
    let whole = |row: &Value| list(&row["rungs"]).iter().any(|rung| rung["grade"] == "G3m");
    for row in rows.iter().filter(|row| whole(row)) {
        let told = truth.get("metadata").map(list).unwrap_or_default();
        if !told.iter().any(|told| told["server"] == row["uploader"]) {
            faults.push(format!("{:?} has G3m, but did not send the whole info dictionary", edge(row)));
        }
    }
    let known = &truth["torrents"][0];
    let torrent = list(&report["torrents"]);
    if torrent.len() != 1 || torrent[0]["size"] != known["length"] || torrent[0]["name"] != known["name"] {
        faults.push(format!("not the torrent {known}: {torrent:?}"));
    }
    faults
}

/// An encrypted conversation for each transfer, which is all that may be said of it.
fn unreadable_differences(truth: &Value, report: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    for told in list(&truth["transfers"]) {
        let ends = [&told["uploader"], &told["downloader"]];
        let found = list(&report["opaque"]).iter().find(|row| ends == [&row["a"], &row["b"]]);
        let least = number(&told["payload_bytes"]);
        if !found.is_some_and(|row| row["kind"] == "mse-rc4" && number(&row["bytes_a_to_b"]) > least) {
            faults.push(format!("{ends:?} is not among the unreadable conversations"));
        }
    }
    let graded = list(&report["transfers"]).iter().filter(|row| text(&row["grade"]) > "G2");
    faults.extend(graded.map(|row| format!("{:?} has {}", edge(row), row["grade"])));
    faults
}

/// What each web seed wrote to its socket, by connection. Notes the rows that it explains.
fn web_differences(truth: &Value, rows: &[Value], met: &mut BTreeSet<usize>) -> Vec<String> {
    let mut told: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for answer in truth.get("http").map(list).unwrap_or_default() {
        let ends = (text(&answer["server"]), text(&answer["client"]));
        *told.entry(ends).or_default() += number(&answer["written_to_socket"]);
    }
    let mut faults = Vec::new();
    for ((server, client), written) in told {
        let found = rows.iter().position(|row| {
            row["transport"] == "http" && row["uploader"] == server && row["downloader"] == client
        });
        let Some(at) = found else {
            faults.push(format!("no http row for {server} -> {client}"));
            continue;
        };
        met.insert(at);
        // Every answer was of other bytes, and the client kept them all: its file is the torrent's.
        for field in ["served_bytes", "verified_bytes", "acknowledged_bytes"] {
            if rows[at][field] != written {
                faults.push(format!("{server} -> {client}: {field} is {}, not {written}", rows[at][field]));
            }
        }
    }
    faults
}

/// How many addresses each peer named by ut_pex, by its own log. What it names them from is the connection.
fn pex_differences(truth: &Value, report: &Value) -> Vec<String> {
    let mut told: BTreeMap<String, u64> = BTreeMap::new();
    for line in truth.get("pex").map(list).unwrap_or_default() {
        let said = text(&line["text"]);
        if let Some((_, added)) = said.split_once("==> PEX_FULL [ added: ") {
            let added = added.split(' ').next().and_then(|count| count.parse::<u64>().ok()).expect("a count");
            *told.entry(text(&line["of"]).to_owned()).or_default() += added;
        }
    }
    let mut found: BTreeMap<String, u64> = BTreeMap::new();
    for mention in list(&report["mentions"]).iter().filter(|mention| mention["via"] == "pex") {
        let (ip, _) = text(&mention["by"]).rsplit_once(':').expect("an endpoint");
        *found.entry(ip.to_owned()).or_default() += number(&mention["count"]);
    }
    let named = truth.get("pex").is_some() && told != found;
    named.then(|| format!("ut_pex named {found:?}, but the clients say {told:?}")).into_iter().collect()
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
    let held = truth.get("held").map(list).into_iter().flatten();
    let held = held
        .into_iter()
        .find(|held| held["uploader"] == told["uploader"] && held["downloader"] == told["downloader"]);
    let damaged: BTreeMap<(u64, u64), Held> = held.map(Held::of).unwrap_or_default();
    let bad: BTreeSet<(u64, u64)> =
        told.get("bad_blocks_sent").map(list).unwrap_or_default().iter().map(place).collect();

    // What the capture holds of each block, in the order sent.
    let mut sums = BTreeMap::from([("served_bytes", 0), ("lost_bytes", 0), ("refuted_bytes", 0)]);
    let mut messages = 0;
    if told.get("blocks").is_none() {
        return expected_of_a_sole_seeder(torrent, told);
    }
    let mut whole = BTreeMap::new();
    let mut other = BTreeMap::new();
    let mut spoilt = BTreeSet::new();
    let (mut repeated, mut pad) = (0_u64, 0_u64);
    for block in list(&told["blocks"]) {
        let (at, len) = (place(block), number(&block[2]));
        let kept = damaged.get(&at).copied().unwrap_or(Held { payload: len, header: HEADER });
        if kept.header < HEADER {
            // Nothing says any more what these bytes are.
            continue;
        }
        messages += 1;
        *sums.entry("served_bytes").or_default() += kept.payload;
        *sums.entry("lost_bytes").or_default() += len - kept.payload;
        // Padding comes first: a repeated or refuted block counts without it.
        let outside = padding(torrent, &BTreeMap::from([(at, len)]));
        pad += outside;
        if bad.contains(&at) {
            // The spoilt blocks are always the same: a second copy repeats the first.
            let class = if spoilt.insert(at) { "refuted_bytes" } else { "repeated_bytes" };
            *sums.entry(class).or_default() += len - outside;
        } else if kept.payload < len {
            other.insert(at, kept.payload);
        } else if whole.insert(at, len).is_some() {
            repeated += len - outside;
        }
    }
    // A last message that the end of the connection cut, which both clients leave out of their accounts.
    let mut cut = 0_u64;
    for wire in truth.get("on_the_wire").map(list).unwrap_or_default().iter().filter(|_| held.is_none()) {
        let same = wire["uploader"] == told["uploader"] && wire["downloader"] == told["downloader"];
        for block in list(&wire["cut_piece_messages"]).iter().filter(|_| same) {
            let at = place(block);
            assert!(whole.contains_key(&at) || spoilt.contains(&at), "a cut block that repeats nothing: {block}");
            let outside = padding(torrent, &BTreeMap::from([(at, number(&block[3]))]));
            pad += outside;
            repeated += number(&block[3]) - outside;
            cut += number(&block[3]);
        }
    }
    *sums.entry("repeated_bytes").or_default() += repeated;
    let pieces: BTreeSet<u64> = whole.keys().map(|(piece, _)| *piece).collect();
    let complete: BTreeSet<u64> = match held {
        Some(held) => list(&held["whole_pieces"]).iter().map(number).collect(),
        None => pieces.clone(),
    };
    let proven = |of: &BTreeSet<u64>| {
        let of = whole.iter().filter(|((piece, _), _)| of.contains(piece));
        of.map(|(at, len)| len - padding(torrent, &BTreeMap::from([(*at, *len)]))).sum::<u64>()
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
    sums.insert("verified_bytes", proven(&complete));
    // A whole v2 piece proves each of its leaves, and here every block is one leaf.
    let leaves = torrent.get("info_hash_v2").is_some_and(Value::is_string);
    sums.insert("sole_bytes", proven(if leaves { &complete } else { &alone }));
    sums.insert("disputed_bytes", 0);
    let left: u64 = other.values().sum::<u64>() + proven(&pieces.difference(&complete).copied().collect());
    sums.insert("unproven_bytes", left);
    if held.is_none() {
        // The client itself says how much it sent, and the other one how much arrived.
        assert_eq!(sums["served_bytes"], number(&told["payload_bytes"]), "truth.json contradicts itself");
        *sums.entry("served_bytes").or_default() += cut;
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
            ("pad", "pad_bytes"),
        ];
        for (name, field) in named.into_iter().filter(|(name, _)| figures.get(name).is_some()) {
            let cut = if matches!(name, "served" | "repeated") { cut } else { 0 };
            assert_eq!(number(&figures[name]) + cut, sums[field], "truth.json contradicts itself: {name}");
        }
    }
    let bad_pieces: BTreeSet<u64> = bad.iter().map(|(piece, _)| *piece).collect();
    sums.insert("piece_messages", messages);
    sums.insert("partial_messages", u64::from(cut > 0));
    sums.insert("pieces_verified", complete.iter().filter(|piece| pieces.contains(piece)).count() as u64);
    sums.insert("pieces_sole", alone.len() as u64);
    sums.insert("pieces_refuted", bad_pieces.len() as u64);
    let sole = sums["sole_bytes"] > 0;
    let mut expected: BTreeMap<&str, Value> = sums.into_iter().map(|(field, sum)| (field, sum.into())).collect();
    let all = alone.len() as u64 == number(&torrent["pieces"]);
    let grade = match (all, !sole, complete.is_empty()) {
        (true, ..) => "G9",
        (false, false, _) => "G8",
        (false, true, false) => "G7",
        (false, true, true) => "G6",
    };
    // Files of which every piece came from here are a rung more; only files at the borders need a closer look.
    if list(&torrent["files"]).len() == 1 || all {
        expected.insert("grade", grade.into());
    }
    if all {
        let files = list(&torrent["files"]).iter().filter(|file| number(&file["length"]) > 0);
        let file = |file: &Value| serde_json::json!({"path": file["path"], "verified_bytes": file["length"]});
        expected.insert("files", files.map(file).collect());
    }
    expected
}

/// The same where no client names its blocks, but one seeder sent every byte of the torrent once.
fn expected_of_a_sole_seeder(torrent: &Value, told: &Value) -> BTreeMap<&'static str, Value> {
    let (bytes, pieces) = (&torrent["length"], &torrent["pieces"]);
    assert_eq!(*bytes, told["payload_bytes"], "truth.json contradicts itself");
    let all = ["served_bytes", "verified_bytes", "sole_bytes", "acknowledged_bytes", "solicited_bytes"];
    let mut expected: BTreeMap<&str, Value> = all.into_iter().map(|field| (field, bytes.clone())).collect();
    expected.extend([("pieces_verified", pieces.clone()), ("pieces_sole", pieces.clone())]);
    expected.extend([("piece_messages", told["piece_messages"].clone()), ("grade", "G9".into())]);
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

const GOLDEN: &str = "report.json";
/// Length prefix, id, piece, begin.
const HEADER: u64 = 13;
const CLASSES: [&str; 6] =
    ["pad_bytes", "repeated_bytes", "verified_bytes", "refuted_bytes", "disputed_bytes", "unproven_bytes"];
