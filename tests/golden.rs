//! Every recording of real clients: first against the truth of its clients, then byte for byte against the report
//! that was read by eye. `PEERPROOF_BLESS=1 cargo test --test tests golden` writes the reports again; only what the
//! truth confirms is written.

mod truth;

use std::collections::{BTreeMap, BTreeSet};

use peerproof::report::Document;
use serde_json::Value;

use crate::fixture::{self, Fixture, list, number, text};
use truth::{content_len, expected};

#[test]
fn every_report_follows_its_schema_and_adds_up() {
    for case in fixture::all() {
        for capture in case.captures() {
            let report = parsed(&case, &case.report(capture));
            let faults = crate::fixture::violations(&report);
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
fn every_report_reads_back_into_equal_values_and_equal_bytes() {
    for case in fixture::all() {
        let text = std::fs::read_to_string(case.path(GOLDEN)).expect("the report can be read");
        let read = Document::read(&text).unwrap_or_else(|error| panic!("{}: {error}", case.name));
        let again = read.json().expect("JSON");
        assert_eq!(first_difference(&text, &again), first_difference(&text, &text), "{}", case.name);
        assert!(text == again && Document::read(&again).is_ok_and(|again| again == read), "{}", case.name);
    }
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
            // Of blocks that only their place in the stream tells of, the headers are counted by the usual block length.
            let counted = ["served_bytes", "lost_bytes", "unproven_bytes"].contains(&field);
            let slack = if counted && truth::is_cut(&truth) { 2 * truth::HEADER } else { 0 };
            let near = slack > 0 && number(value).abs_diff(number(&expected)) <= slack;
            if *value != expected && !near {
                faults.push(format!("{} -> {}: {field} is {value}, but the truth is {expected}", edge.0, edge.1));
            }
        }
    }
    faults.extend(pex_differences(&truth, report));
    faults.extend(mention_differences(&truth, report));
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
            .map(|answer| {
                // Bytes are counted in the file that was asked for.
                let file = answer.get("file_offset").map_or(0, number);
                (file + number(&answer["first_byte"]), file + number(&answer["last_byte"]) + 1)
            })
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

/// Who was named or announced itself outside of peer connections: as often as trackers and clients say, and nobody else.
fn mention_differences(truth: &Value, report: &Value) -> Vec<String> {
    let Some(told) = truth.get("mentions") else { return Vec::new() };
    let counts = |rows: &Value| -> BTreeMap<String, u64> {
        let of_peers = |row: &&Value| row["via"] != "pex" && row["via"] != "holepunch";
        let key = |row: &Value| ["subject", "by", "via", "grade"].map(|field| text(&row[field])).join(" ");
        list(rows).iter().filter(of_peers).map(|row| (key(row), number(&row["count"]))).collect()
    };
    let (told, found) = (counts(told), counts(&report["mentions"]));
    let keys: BTreeSet<_> = told.keys().chain(found.keys()).collect();
    let differ = keys.into_iter().filter(|key| told.get(*key) != found.get(*key));
    differ.map(|key| format!("{key}: {:?}, but the logs say {:?}", found.get(key), told.get(key))).collect()
}

/// Who sent to whom, how, and the info-hash as a handshake says it.
fn edge(row: &Value) -> (&str, &str, &str, &str) {
    let hash = text(&row["info_hash"]);
    let said = hash.get(..40).unwrap_or(hash);
    (text(&row["uploader"]), text(&row["downloader"]), text(&row["transport"]), said)
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
const CLASSES: [&str; 6] =
    ["pad_bytes", "repeated_bytes", "verified_bytes", "refuted_bytes", "disputed_bytes", "unproven_bytes"];
