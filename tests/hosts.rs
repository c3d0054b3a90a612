//! Statements of lists about addresses: in every view, with the list and its date, and without a changed figure.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use crate::fixture;

fn list(name: &str) -> String {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lists").join(name);
    path.to_str().expect("text").to_owned()
}

fn run(place: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_peerproof"));
    command.current_dir(place).args(arguments).output().expect("it starts")
}

/// Operators, countries and relays beside the addresses of a recording.
fn report(forms: &[&str]) -> String {
    let (asn, country, relays) = (list("asn.mmdb"), list("country.mmdb"), list("relays.csv"));
    let lists = ["--mmdb", &asn, "--mmdb", &country, "--relays", &relays];
    fixture::named("corrupt-seeder").report_with("capture.pcap", &[&lists[..], forms].concat())
}

#[test]
fn lists_name_operators_countries_and_relays_and_change_no_figure() {
    let with: Value = serde_json::from_str(&report(&[])).expect("JSON");
    let mut without = with.clone();
    let fields = without.as_object_mut().expect("an object");
    let (hosts, lists) = (fields.remove("hosts").expect("hosts"), fields.remove("lists").expect("lists"));
    let plain: Value =
        serde_json::from_str(&fixture::named("corrupt-seeder").report("capture.pcap")).expect("JSON");
    assert_eq!(without, plain);
    let dated = |at: usize| lists[at]["made"].as_str().unwrap_or_default().get(..10).unwrap_or_default().to_owned();
    assert_eq!([dated(0), dated(1), dated(2)], ["2026-11-01", "2026-11-01", "2026-11-20"]);
    assert_eq!(lists[2]["unread_lines"], 1);
    let of = |address: &str| {
        let rows = hosts.as_array().expect("rows");
        rows.iter().find(|row| row["address"] == address).unwrap_or_else(|| panic!("{address}: {rows:?}")).clone()
    };
    let seeder = of("203.0.113.3");
    assert_eq!(
        (&seeder["asn"], &seeder["operator"], &seeder["country"]),
        (&64_500.into(), &"Example Net".into(), &"DE".into())
    );
    assert_eq!((&seeder["by"], &seeder["relays"][0]["kind"]), (&serde_json::json!([0, 1]), &"Tor exit".into()));
    assert_eq!(of("203.0.113.4")["country"], "FR");
    assert!(of("203.0.113.2").get("relays").is_none());
}

#[test]
fn the_first_of_two_lists_counts_and_other_shapes_are_read() {
    let (asn, lite) = (list("asn.mmdb"), list("lite.mmdb"));
    let of = |order: [&str; 2]| -> Value {
        let text =
            fixture::named("corrupt-seeder").report_with("capture.pcap", &["--mmdb", order[0], "--mmdb", order[1]]);
        let document: Value = serde_json::from_str(&text).expect("JSON");
        document["hosts"]
            .as_array()
            .expect("rows")
            .iter()
            .find(|row| row["address"] == "203.0.113.2")
            .cloned()
            .expect("a row")
    };
    let first = of([&asn, &lite]);
    assert_eq!(
        (&first["asn"], &first["operator"], &first["country"]),
        (&64_500.into(), &"Example Net".into(), &"NL".into())
    );
    let other = of([&lite, &asn]);
    assert_eq!(
        (&other["asn"], &other["operator"], &other["by"]),
        (&64_502.into(), &"Lite Net".into(), &serde_json::json!([0]))
    );
}

#[test]
fn every_view_names_the_list_its_date_and_what_a_relay_is() {
    let text = report(&["-f", "text"]);
    let joined = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for said in [
        "In the network of AS64500 Example Net, DE, as asn.mmdb of 2026-11-01 and country.mmdb of 2026-11-01 says: that names no person.",
        "Listed as Tor exit in relays.csv of 2026-11-20, for 2026-11-01 to 2026-11-20: what it sends may come from others.",
        "147,456 bytes; frames 83-176; on a list of relays, so what it sends may come from others",
        "AS64500 Example Net: 2 peers sent 551,072 bytes",
        "Passed over, without an address: 1 line of relays.csv.",
    ] {
        assert!(joined.contains(said), "{said}\n{text}");
    }
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    let page = report(&["-f", "html"]);
    assert!(
        page.contains("What lists and names in the captures say of its address")
            && page.contains("Listed as Tor exit in relays.csv")
    );
    // Sums are over what was served: who was only named, and who sent nothing, adds nothing.
    assert!(page.contains("By operator") && page.contains("AS64500 Example Net"), "{page}");
    let one = report(&["-f", "text", "--peer", "203.0.113.4"]);
    assert!(one.contains("FR, as country.mmdb") || one.contains("AS64500 Example Net, FR"), "{one}");
    assert!(!one.contains("Tor exit"), "{one}");
}

#[test]
fn with_pseudonyms_nothing_is_said_of_hosts_by_which_their_addresses_could_be_found() {
    let place = tempfile::tempdir().expect("a directory");
    let key = place.path().join("key");
    std::fs::write(&key, "00112233445566778899aabbccddeeff0123456789abcdef0123456789abcdef").expect("written");
    let text = report(&["--pseudonymize", key.to_str().expect("text")]);
    for clear in ["203.0.113.", "Example Net", "64500", "Tor exit", "relays.csv"] {
        assert!(!text.contains(clear), "{clear}: {text}");
    }
}

#[test]
fn an_audit_names_operator_and_relay_beside_the_claim() {
    let place = tempfile::tempdir().expect("a directory");
    let case = fixture::named("corrupt-seeder");
    let (capture, torrent) = (case.path("capture.pcap"), case.path(&case.torrent()));
    let (capture, torrent) = (capture.to_str().expect("text"), torrent.to_str().expect("text"));
    let notice = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/notices/02-acns12-corrupt-seeder.xml");
    let (asn, relays) = (list("asn.mmdb"), list("relays.csv"));
    let output = run(
        place.path(),
        &[
            "audit",
            notice.to_str().expect("text"),
            "--capture",
            capture,
            "-t",
            torrent,
            "--mmdb",
            &asn,
            "--relays",
            &relays,
            "-f",
            "json",
        ],
    );
    let document: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let claim = &document["claims"][0];
    assert_eq!(
        (&claim["host"]["asn"], &claim["host"]["relays"][0]["kind"]),
        (&64_500.into(), &"Tor exit".into()),
        "{claim}"
    );
    assert!(claim["flags"].as_array().expect("flags").iter().any(|flag| flag["id"] == "relay"), "{claim}");
    assert_eq!(document["options"]["relays"]["name"], "relays.csv");
}

#[test]
fn what_is_no_list_is_refused_by_its_name() {
    let place = tempfile::tempdir().expect("a directory");
    let case = fixture::named("corrupt-seeder");
    let capture = case.path("capture.pcap");
    let capture = capture.to_str().expect("text");
    std::fs::write(place.path().join("other"), "neither of them").expect("written");
    for (option, path, expected) in [
        ("--mmdb", "other", "a MaxMind DB file (.mmdb)"),
        ("--relays", "other", "an address or prefix a line"),
        ("--mmdb", "missing", "cannot read"),
    ] {
        let refused = run(place.path(), &["analyze", capture, option, path]);
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(refused.status.code() == Some(2) && said.contains(path) && said.contains(expected), "{said}");
    }
}
