//! Pseudonyms: nothing clear is left, and the holder of the key has everything back.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{Place, json, place, run};
use crate::fixture::{self, Fixture, list, text};

const KEY: &str = "0123456789abcdeffedcba98765432101032547698badcfeefcdab8967452301";

#[test]
fn no_file_of_a_case_with_pseudonyms_holds_a_clear_address_peer_id_or_client() {
    for name in [
        "corrupt-seeder",
        "hearsay",
        "pex",
        "ipv6",
        "utp-ipv6",
        "hybrid",
        "webseed",
        "mse-rc4",
        "nat",
        "magnet",
        "three-peers",
        "multi-file",
        "v2-corrupt",
        "routed-any",
        "webseed-aria2",
    ] {
        let case = fixture::named(name);
        let (place, clear) = (with_key(), clear(&case));
        let target = place.path("case");
        let arguments = [
            "analyze",
            "capture.pcap",
            "-t",
            &case.torrent(),
            "--pseudonymize",
            &path(&place, "key"),
            "-o",
            target.to_str().expect("text"),
        ];
        let (code, out, said) = run(&case.folder, &arguments);
        assert!(code == 0 || code == 3, "{name}: {said}");
        assert!(out.contains("are pseudonyms"), "{name}: {out}");
        let mut files =
            vec![("standard output".into(), out.into_bytes()), ("standard error".into(), said.into_bytes())];
        walk(&target, &mut files);
        assert!(files.len() > 4, "{name}");
        for (file, bytes) in &files {
            for needle in clear.needles() {
                let found = bytes.windows(needle.len()).any(|window| window == needle);
                assert!(!found, "{name}: {}: {:?}", file.display(), String::from_utf8_lossy(&needle));
            }
        }
        // The rows are those of the clear report, whoever they are called.
        let told = json(&std::fs::read_to_string(target.join("report.json")).expect("a report"));
        let sum = |report: &Value| {
            list(&report["subjects"]).iter().map(|row| row["served_bytes"].as_u64()).sum::<Option<u64>>()
        };
        assert_eq!(
            (sum(&told), list(&told["subjects"]).len()),
            (sum(&clear.report), list(&clear.report["subjects"]).len()),
            "{name}"
        );
        assert!(!target.join("coverage.json").exists(), "{name}");
    }
}

#[test]
fn the_holder_of_the_key_has_back_what_a_pseudonym_stands_for() {
    let case = fixture::named("corrupt-seeder");
    let (place, clear) = (with_key(), clear(&case));
    let key = path(&place, "key");
    let arguments = ["analyze", "capture.pcap", "-t", &case.torrent(), "--pseudonymize", &key, "-f", "json"];
    let report = json(&run(&case.folder, &arguments).1);
    assert_eq!(report, json(&run(&case.folder, &arguments).1), "the same key, the same pseudonyms");
    let mut revealed = BTreeSet::new();
    let values = |row: &Value| {
        let names = ["peer_ids", "clients"].into_iter().flat_map(|field| list(&row[field]).to_vec());
        std::iter::once(row["endpoint"].clone())
            .chain(names)
            .map(|value| text(&value).to_owned())
            .collect::<Vec<_>>()
    };
    for row in list(&report["subjects"]) {
        let pseudonyms = values(row);
        let mut arguments = vec!["reveal", key.as_str()];
        arguments.extend(pseudonyms.iter().map(String::as_str));
        let (code, out, said) = place.run(&arguments);
        assert!(code == 0 && said.contains("every address is the pseudonym of some address"), "{said}");
        revealed.extend(out.lines().map(str::to_owned));
    }
    for row in list(&clear.report["subjects"]) {
        for value in values(row) {
            assert!(revealed.contains(&value), "{value}: {revealed:?}");
        }
    }
    for wrong in [
        vec!["reveal", &key, "no pseudonym"],
        vec!["reveal", "missing", "192.0.2.1"],
        vec!["reveal", "short", "192.0.2.1"],
    ] {
        place.put("short", b"0123");
        assert!(place.refused(&wrong).contains("; try: "), "{wrong:?}");
    }
}

#[test]
fn a_case_is_shown_with_pseudonyms_once_and_never_twice() {
    let case = fixture::named("ipv6");
    let place = with_key();
    let (key, one, other) = (path(&place, "key"), path(&place, "one"), path(&place, "other"));
    assert_eq!(run(&case.folder, &["analyze", "capture.pcap", "-t", &case.torrent(), "-o", &one, "-q"]).0, 0);
    let (code, out, said) = place.run(&["report", &one, "--pseudonymize", &key, "-o", &other, "-f", "html"]);
    assert_eq!(code, 0, "{said}");
    let clear = clear(&case);
    assert!(
        clear.needles().iter().all(|needle| !out.as_bytes().windows(needle.len()).any(|window| window == *needle))
    );
    assert!(out.contains("are pseudonyms"));
    let said = place.refused(&["report", &other, "--pseudonymize", &key]);
    assert!(said.contains("has pseudonyms already"), "{said}");
}

/// What must not be left.
struct Clear {
    report: Value,
    addresses: BTreeSet<IpAddr>,
    peer_ids: BTreeSet<String>,
    clients: BTreeSet<String>,
}

impl Clear {
    fn needles(&self) -> Vec<Vec<u8>> {
        let mut out = Vec::new();
        for ip in &self.addresses {
            out.push(ip.to_string().into_bytes());
            match ip {
                IpAddr::V4(ip) => out.push(ip.octets().to_vec()),
                IpAddr::V6(ip) => {
                    out.push(ip.octets().to_vec());
                    out.push(ip.segments().map(|part| format!("{part:04x}")).join(":").into_bytes());
                }
            }
        }
        for peer_id in &self.peer_ids {
            let bytes = (0..20).map(|at| u8::from_str_radix(&peer_id[2 * at..2 * at + 2], 16).expect("hex"));
            out.push(bytes.collect());
            out.push(peer_id.clone().into_bytes());
        }
        out.extend(self.clients.iter().map(|client| client.clone().into_bytes()));
        out
    }
}

fn clear(case: &Fixture) -> Clear {
    let report = json(&case.report("capture.pcap"));
    let mut clear =
        Clear { report, addresses: BTreeSet::new(), peer_ids: BTreeSet::new(), clients: BTreeSet::new() };
    let report = clear.report.clone();
    collect(&report, "", &mut clear);
    assert!(!clear.addresses.is_empty(), "{}", case.name);
    clear
}

fn collect(value: &Value, field: &str, clear: &mut Clear) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(field, value)| collect(value, field, clear)),
        Value::Array(items) => items.iter().for_each(|item| collect(item, field, clear)),
        Value::String(text) => match field {
            "peer_ids" | "uploader_peer_ids" => drop(clear.peer_ids.insert(text.clone())),
            "clients" | "uploader_clients" => drop(clear.clients.insert(text.clone())),
            _ => {
                let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || "[]:.".contains(c)));
                clear.addresses.extend(words.filter_map(|word| {
                    let endpoint = word.parse::<std::net::SocketAddr>().map(|end| end.ip());
                    endpoint.or_else(|_| word.parse::<IpAddr>()).ok()
                }));
            }
        },
        _ => {}
    }
}

fn with_key() -> Place {
    let place = place();
    place.put("key", format!("{KEY}\n").as_bytes());
    place
}

fn path(place: &Place, name: &str) -> String {
    place.path(name).to_str().expect("text").to_owned()
}

fn walk(folder: &Path, files: &mut Vec<(PathBuf, Vec<u8>)>) {
    for entry in std::fs::read_dir(folder).expect("listed") {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            walk(&path, files);
        } else {
            let bytes = std::fs::read(&path).expect("readable");
            files.push((path, bytes));
        }
    }
}
