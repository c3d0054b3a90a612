//! Parts: one gives the report of its captures, many give that of all together, and what is wrong with one is told.

mod joined;
mod many;
mod refused;

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::fixture::{self, Fixture, list, number, text};
use crate::synth::content::Torrent;
use crate::synth::swarm::World;

/// A directory for parts and captures.
pub struct Place(TempDir);

/// Exit code, standard output, standard error.
pub struct Ran(pub i32, pub String, pub String);

impl Place {
    pub fn new() -> Self {
        Self(tempfile::tempdir().expect("a directory"))
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn put(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("a directory")).expect("made");
        std::fs::write(&path, bytes).expect("written");
        path
    }

    pub fn world(&self, name: &str, world: &World) -> PathBuf {
        self.put(name, &world.pcap())
    }

    pub fn torrent(&self, name: &str, torrent: &Torrent) -> PathBuf {
        self.put(name, &torrent.metainfo)
    }

    /// Runs the program in this directory; nothing may panic.
    pub fn run(&self, arguments: &[&str]) -> Ran {
        run(self.0.path(), arguments)
    }

    /// report.json of a run that is complete, or limited where `limited`.
    pub fn report(&self, arguments: &[&str], limited: bool) -> String {
        let Ran(code, out, said) = self.run(&[&["analyze", "-f", "json"], arguments].concat());
        assert_eq!(code, if limited { 3 } else { 0 }, "{arguments:?}: {said}");
        out
    }
}

fn run(folder: &Path, arguments: &[&str]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_peerproof"));
    let output = command.current_dir(folder).args(arguments).output().expect("the program starts");
    let said = String::from_utf8(output.stderr).expect("text");
    assert!(!said.contains("panicked"), "{arguments:?}: {said}");
    Ran(output.status.code().expect("no signal"), String::from_utf8(output.stdout).expect("text"), said)
}

pub fn parsed(report: &str) -> Value {
    let report: Value = serde_json::from_str(report).expect("JSON");
    assert_eq!(fixture::violations(&report), Vec::<String>::new());
    report
}

/// The sum of a figure over all transfers.
pub fn sum(report: &Value, figure: &str) -> u64 {
    list(&report["transfers"]).iter().map(|row| number(&row[figure])).sum()
}

/// How a fixture is read: its secrets, where it has some.
fn secrets(case: &Fixture) -> &'static [&'static str] {
    if case.path("secrets.txt").exists() { &["--mse-secrets", "secrets.txt"] } else { &[] }
}

fn made(case: &Fixture, part: &Path, more: &[&str]) {
    let part = part.display().to_string();
    let arguments = [&["facts", "capture.pcap", "-o", &part], secrets(case), more].concat();
    let Ran(code, _, said) = run(&case.folder, &arguments);
    assert!(matches!(code, 0 | 3), "{}: {said}", case.name);
}

fn judged(case: &Fixture, part: &Path, captures: &str, more: &[&str]) -> (i32, String) {
    let part = part.display().to_string();
    let torrent = case.torrent();
    let arguments: &[&str] = &["analyze", &part, "-t", &torrent, "--captures", captures, "-f", "json"];
    let Ran(code, out, said) = run(&case.folder, &[arguments, secrets(case), more].concat());
    assert!(matches!(code, 0 | 3), "{}: {said}", case.name);
    (code, out)
}

fn differing<'a>(one: &'a str, other: &'a str) -> Option<(&'a str, &'a str)> {
    one.lines().zip(other.lines()).find(|(one, other)| one != other)
}

#[test]
fn one_part_gives_the_report_of_its_captures() {
    let place = Place::new();
    let mut faults = Vec::new();
    for case in fixture::all() {
        let golden = case.report("capture.pcap");
        let torrent = case.torrent();
        for (with, keys) in [("keys", &["-t", &torrent][..]), ("none", &[])] {
            let part = place.path(&format!("{}-{with}", case.name));
            made(&case, &part, keys);
            let (_, report) = judged(&case, &part, ".", &[]);
            if report != golden {
                faults.push(format!("{}, {with}: {:?}", case.name, differing(&golden, &report)));
            }
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn one_part_without_any_torrent_gives_the_report_of_its_captures_without_any() {
    let place = Place::new();
    for name in ["magnet", "metadata-only", "v2-magnet", "magnet-two-sources", "plain-transfer", "hearsay", "pex"] {
        let case = fixture::named(name);
        let part = place.path(name);
        made(&case, &part, &[]);
        let Ran(_, direct, _) = run(&case.folder, &["analyze", "capture.pcap", "-f", "json"]);
        let Ran(_, report, _) = run(&case.folder, &["analyze", &part.display().to_string(), "-f", "json"]);
        assert_eq!(differing(&direct, &report), None, "{name}");
        assert!(direct == report, "{name}");
    }
}

#[test]
fn a_part_does_not_depend_on_threads_and_is_small() {
    let place = Place::new();
    for name in ["plain-transfer", "three-peers", "hybrid", "utp-loss"] {
        let case = fixture::named(name);
        let torrent = case.torrent();
        let (one, other) = (place.path(&format!("{name}-1")), place.path(&format!("{name}-4")));
        made(&case, &one, &["-t", &torrent, "--threads", "1"]);
        made(&case, &other, &["-t", &torrent, "--threads", "4"]);
        for file in ["part.json", "facts.bin", "beside.bin"] {
            let [one, other] = [&one, &other].map(|part| std::fs::read(part.join(file)).expect("written"));
            assert!(one == other, "{name}: {file}");
        }
        let bytes: u64 =
            ["facts.bin", "beside.bin"].map(|file| one.join(file).metadata().expect("there").len()).iter().sum();
        let capture = case.path("capture.pcap").metadata().expect("there").len();
        assert!(bytes * 50 <= capture + 50 * 8_192, "{name}: {bytes} bytes of {capture}");
    }
}

#[test]
fn without_its_captures_nothing_is_refuted_and_what_was_hashed_stays_verified() {
    let place = Place::new();
    let nowhere = place.path("nowhere");
    std::fs::create_dir(&nowhere).expect("made");
    for case in fixture::all() {
        let golden = parsed(&case.report("capture.pcap"));
        let torrent = case.torrent();
        for (with, keys) in
            [("keys", &["-t", &torrent][..]), ("carried", &["-t", &torrent, "--carry-open"]), ("none", &[])]
        {
            let part = place.path(&format!("{}-{with}", case.name));
            made(&case, &part, keys);
            let (code, report) = judged(&case, &part, &nowhere.display().to_string(), &[]);
            let report = parsed(&report);
            let figures = |figure: &str| (sum(&report, figure), sum(&golden, figure));
            let (refuted, _) = figures("refuted_bytes");
            assert_eq!(refuted, 0, "{}, {with}: whom nobody could look at is accused", case.name);
            if with == "none"
                && !["mse-rc4-secrets", "mse-utp-secrets", "hybrid", "v2-only"].contains(&case.name.as_str())
            {
                let (served, all) = figures("served_bytes");
                assert!(served == all || case.name.starts_with("webseed"), "{}: {served} of {all}", case.name);
            }
            if with == "carried" {
                for figure in ["served_bytes", "verified_bytes", "sole_bytes", "repeated_bytes", "pad_bytes"] {
                    let (told, all) = figures(figure);
                    assert_eq!(told, all, "{}: {figure}", case.name);
                }
            } else {
                let (verified, all) = figures("verified_bytes");
                assert!(verified <= all, "{}, {with}: {verified} of {all}", case.name);
            }
            let limited = list(&report["anomalies"]).iter().any(|row| text(&row["kind"]) == "limit-reached");
            let lost = figures("verified_bytes").0 < figures("verified_bytes").1;
            assert!(!lost || (limited && code == 3), "{}, {with}: {code}, and nothing is said of it", case.name);
        }
    }
}

#[test]
fn a_part_is_never_put_over_something_else() {
    let place = Place::new();
    let case = fixture::named("plain-transfer");
    place.put("capture.pcap", &case.read("capture.pcap"));
    place.put("kept/letter.txt", b"dear all");
    place.put("file", b"a file");
    for target in ["kept", "file"] {
        for force in [&["-o", target][..], &["-o", target, "--force"]] {
            let Ran(code, _, said) = place.run(&[&["facts", "capture.pcap"], force].concat());
            assert!(code == 2 && said.contains("is no part"), "{said}");
        }
    }
    let Ran(code, out, _) = place.run(&["facts", "capture.pcap", "-o", "part"]);
    assert!(code == 0 && out.starts_with("ok: part, "), "{out}");
    let Ran(code, _, said) = place.run(&["facts", "capture.pcap", "-o", "part"]);
    assert!(code == 2 && said.contains("exists"), "{said}");
    assert_eq!(place.run(&["facts", "capture.pcap", "-o", "part", "--force"]).0, 0);
    let Ran(code, _, said) = place.run(&["facts", "capture.pcap", "-o", "other", "--no-digest"]);
    assert!(code == 2 && said.contains("--no-digest makes no part") && !place.path("other").exists(), "{said}");
    assert_eq!(std::fs::read(place.path("kept/letter.txt")).expect("kept"), b"dear all");
}
