//! Pseudonyms: nothing clear is left, and the holder of the key has everything back.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{Place, json, place, run};
use crate::fixture::{self, Fixture, list, text};
use crate::synth::content::Recipe;
use crate::synth::run::address;
use crate::synth::swarm::{Side, World};
use crate::synth::wire;

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

/// A seeder and a leecher of whom captures, lists and a torrent say much: names by DNS, mDNS and a name record, the capture filter, an
/// operator and a relay, a web seed.
fn told_of() -> (Vec<u8>, Vec<u8>) {
    let torrent = Recipe::single("told.bin", 16_384, 40_000, 3).v1();
    let (seeder, leecher) = (address("203.0.113.3:6881"), address("203.0.113.4:50001"));
    let mut world = World::new();
    for (server, name) in
        [("198.51.100.53:53", "seeder-laptop.example"), ("203.0.113.3:5353", "annas-telefon.local")]
    {
        let to = if server.ends_with(":53") { leecher } else { address("224.0.0.251:5353") };
        let labels = name.split('.').flat_map(|label| [&[label.len() as u8][..], label.as_bytes()].concat());
        let record = [&[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4][..], &[203, 0, 113, 3]].concat();
        let question = [labels.collect::<Vec<u8>>(), vec![0, 0, 1, 0, 1]].concat();
        world.datagram(
            address(server),
            to,
            &[&[0x12, 0x34, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0][..], &question, &record].concat(),
        );
    }
    let conn = world.meet(
        seeder,
        leecher,
        torrent.info_hash,
        [wire::peer_id("-XX0001-", 1), wire::peer_id("-XX0001-", 2)],
    );
    world.send(conn, Side::A, &wire::bitfield_full(torrent.pieces()));
    world.send(conn, Side::A, &wire::unchoke());
    (0..torrent.pieces()).for_each(|piece| world.fetch(conn, Side::A, &torrent, piece));
    world.close(conn, Side::A);
    let block = |kind: u32, body: &[u8]| {
        let len = (12 + body.len() as u32).to_le_bytes();
        [&kind.to_le_bytes()[..], &len, body, &len].concat()
    };
    let option = |code: u16, value: &[u8]| {
        let mut padded = value.to_vec();
        padded.resize(value.len().next_multiple_of(4), 0);
        [&code.to_le_bytes()[..], &(value.len() as u16).to_le_bytes(), &padded].concat()
    };
    let record = [&[203, 0, 113, 3][..], b"built-by-anna.example\0\0\0"].concat();
    let names = [&1_u16.to_le_bytes()[..], &26_u16.to_le_bytes(), &record, &[0; 4]].concat();
    let filter = b"\0host seeder-laptop.example and tcp port 6881 and not ether host 00:11:22:33:44:55 and net 203.0.113.0/24";
    let interface =
        [&[1, 0, 0, 0, 0, 0, 4, 0][..], &option(2, b"annas-wlan"), &option(11, filter), &[0; 4]].concat();
    let file = [world.pcapng(), block(4, &names), block(1, &interface)].concat();
    let metainfo = torrent.metainfo.strip_suffix(b"e").expect("a dictionary");
    (file, [metainfo, b"8:url-list33:http://built-by-anna.example/dir/e"].concat())
}

#[test]
fn nothing_that_names_a_host_its_network_or_its_owner_is_left() {
    let place = with_key();
    let (capture, torrent) = told_of();
    place.put("of-anna.pcapng", &capture);
    place.put("told.torrent", &torrent);
    let list =
        |name: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lists").join(name).display().to_string();
    let lists = [list("asn.mmdb"), list("country.mmdb"), list("relays.csv")];
    let lists = ["--mmdb", &lists[0], "--mmdb", &lists[1], "--relays", &lists[2]];
    let told = ["-t", "told.torrent"];
    let needles = [
        "203.0.113.",
        "198.51.100.53",
        "seeder-laptop",
        "annas-telefon",
        "built-by-anna",
        "Example Net",
        "64500",
        "Tor exit",
        "00:11:22:33:44:55",
        "annas-wlan",
        // Begins every peer_id.
        "2d5858303030312d",
    ];
    let bytes: [&[u8]; 2] = [&[203, 0, 113, 3], &[203, 0, 113, 4]];
    // A part, a cut with its comments, and a case are read as the capture is.
    assert_eq!(place.run(&["facts", "of-anna.pcapng", "-o", "part"]).0, 0);
    let (code, _, said) = place
        .run(&[&["cut", "of-anna.pcapng", "--peer", "203.0.113.3:6881", "-o", "cut.pcapng"][..], &told].concat());
    assert_eq!(code, 0, "{said}");
    let cut = std::fs::read(place.path("cut.pcapng")).expect("readable");
    assert!(memchr::memmem::find(&cut, b"of-anna.pcapng").is_some(), "its comment names the capture");
    let clear = [&["analyze", "of-anna.pcapng", "-o", "clear"][..], &told, &lists].concat();
    let (code, out, said) = place.run(&clear);
    assert_eq!(code, 0, "{said}");
    let report = std::fs::read_to_string(place.path("clear/report.json")).expect("a report");
    for needle in needles {
        assert!(report.contains(needle), "{needle} is not in the clear report: {report}");
    }
    assert!(out.contains("AS64500"), "{out}");
    let key = path(&place, "key");
    for (from, case) in [("of-anna.pcapng", "1"), ("part", "2"), ("cut.pcapng", "3"), ("clear", "4")] {
        let words = match from {
            "clear" => vec!["report", "clear"],
            from => [&["analyze", from][..], &told, &lists].concat(),
        };
        let (code, out, said) = place.run(&[&words[..], &["--pseudonymize", &key, "-o", case]].concat());
        assert_eq!(code, 0, "{from}: {said}");
        let mut files =
            vec![("standard output".into(), out.into_bytes()), ("standard error".into(), said.into_bytes())];
        walk(&place.path(case), &mut files);
        assert!(files.len() > 4 && files.iter().any(|(file, _)| file.ends_with("report.html")), "{from}");
        for (file, content) in &files {
            for needle in needles.iter().map(|needle| needle.as_bytes()).chain(bytes) {
                let found = memchr::memmem::find(content, needle);
                assert!(found.is_none(), "{from}: {}: {}", file.display(), String::from_utf8_lossy(needle));
            }
        }
        // The name of the capture is told, as every input's; what a comment of the cut says of another one is not.
        let told = json(&std::fs::read_to_string(place.path(case).join("report.json")).expect("a report"));
        let names: Vec<&str> = list_names(&told);
        assert_eq!(names[0], if from == "cut.pcapng" { "cut.pcapng" } else { "of-anna.pcapng" });
        if from == "cut.pcapng" {
            assert!(files.iter().all(|(_, content)| memchr::memmem::find(content, b"of-anna").is_none()));
        }
        // A filter is told as far as it names nobody.
        if from == "of-anna.pcapng" {
            let filter = text(&told["inputs"][0]["interfaces"][1]["filter"]);
            assert!(filter.starts_with("host NAME and tcp port 6881 and not ether host NAME and net "), "{filter}");
        }
        assert!(!place.path(case).join("torrents").exists(), "its torrent names a web seed");
    }
}

fn list_names(report: &Value) -> Vec<&str> {
    list(&report["inputs"]).iter().map(|input| text(&input["name"])).collect()
}

/// Names that must not be left in an output.
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
