//! `peerproof verify`: cases of every fixture are confirmed by the second verifier, and what was changed in them is found.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use peerproof_verify::{Fault, verify};
use sha2::{Digest, Sha256};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_peerproof")).args(arguments).output().expect("the program runs")
}

/// The captures and torrents of a fixture, as arguments; its secrets too.
fn arguments(folder: &Path) -> Vec<String> {
    let mut arguments = vec![folder.join("capture.pcap").display().to_string()];
    let mut names: Vec<PathBuf> =
        std::fs::read_dir(folder).expect("readable").map(|entry| entry.expect("an entry").path()).collect();
    names.sort();
    for path in names {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.ends_with(".torrent") {
            arguments.extend(["-t".to_owned(), path.display().to_string()]);
        } else if name == "secrets.txt" {
            arguments.extend(["--mse-secrets".to_owned(), path.display().to_string()]);
        }
    }
    arguments
}

fn made(folder: &Path, case: &Path) {
    let all = arguments(folder);
    let mut words: Vec<&str> = vec!["analyze"];
    words.extend(all.iter().map(String::as_str));
    words.extend(["-o", case.to_str().expect("a path")]);
    let done = run(&words);
    assert!(case.join("tables/pieces.csv").is_file(), "{done:?}");
}

#[test]
fn every_case_of_the_fixtures_is_confirmed() {
    let place = tempfile::tempdir().expect("a directory");
    let (mut served, mut confirmed) = (0, 0);
    for entry in std::fs::read_dir(fixtures()).expect("readable") {
        let folder = entry.expect("an entry").path();
        if !folder.join("capture.pcap").is_file() {
            continue;
        }
        let case = place.path().join(folder.file_name().unwrap_or_default());
        made(&folder, &case);
        let checked = match verify(&case, &[folder.join("capture.pcap")]) {
            Ok(checked) => checked,
            Err(fault) => panic!("{}: {fault}", folder.display()),
        };
        let report: serde_json::Value =
            serde_json::from_slice(&std::fs::read(case.join("report.json")).expect("readable")).expect("JSON");
        let rows = report["transfers"].as_array().cloned().unwrap_or_default();
        served += rows.iter().filter_map(|row| row["served_bytes"].as_u64()).sum::<u64>();
        confirmed += checked.bytes;
    }
    // The rest was decrypted, or rests on hashes that peers sent.
    assert!(confirmed * 10 > served * 8, "{confirmed} of {served} bytes");
}

#[test]
fn a_case_is_confirmed_by_the_program_and_refused_without_its_capture() {
    let place = tempfile::tempdir().expect("a directory");
    let case = place.path().join("case");
    let folder = fixtures().join("corrupt-seeder");
    made(&folder, &case);
    let case = case.to_str().expect("a path").to_owned();
    let alone = run(&["verify", &case]);
    assert_eq!(alone.status.code(), Some(2), "{alone:?}");
    assert!(String::from_utf8_lossy(&alone.stderr).contains("no file with SHA-256 "), "{alone:?}");
    let done = run(&["verify", &case, folder.to_str().expect("a path")]);
    let text = String::from_utf8_lossy(&done.stdout).into_owned();
    assert_eq!(done.status.code(), Some(0), "{done:?}");
    assert!(text.ends_with("judged again by a second program: the same classes\n"), "{text}");
}

#[test]
fn one_flipped_bit_anywhere_is_found() {
    let place = tempfile::tempdir().expect("a directory");
    let case = place.path().join("case");
    let folder = fixtures().join("corrupt-seeder");
    made(&folder, &case);
    let capture = place.path().join("capture.pcap");
    std::fs::copy(folder.join("capture.pcap"), &capture).expect("copied");
    assert!(verify(&case, std::slice::from_ref(&capture)).is_ok());
    let mut files = vec![capture.clone()];
    for directory in [case.clone(), case.join("tables"), case.join("torrents")] {
        let entries = std::fs::read_dir(directory).expect("readable").map(|entry| entry.expect("an entry").path());
        files.extend(entries.filter(|path| path.is_file()));
    }
    files.sort();
    let mut state = 1_u64;
    let mut next = |below: usize| {
        // A generator of Numerical Recipes: any spread will do.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    for round in 0..1_000 {
        let file = &files[round % files.len()];
        let mut bytes = std::fs::read(file).expect("readable");
        let (at, bit) = (next(bytes.len()), next(8));
        bytes[at] ^= 1 << bit;
        std::fs::write(file, &bytes).expect("written");
        let found = verify(&case, std::slice::from_ref(&capture));
        assert!(found.is_err(), "{}: byte {at}, bit {bit}", file.display());
        bytes[at] ^= 1 << bit;
        std::fs::write(file, &bytes).expect("written");
    }
}

#[test]
fn a_case_whose_digests_were_made_again_is_found_by_its_bytes() {
    let place = tempfile::tempdir().expect("a directory");
    let case = place.path().join("case");
    let folder = fixtures().join("corrupt-seeder");
    made(&folder, &case);
    let table = std::fs::read_to_string(case.join("tables/pieces.csv")).expect("readable");
    let manifest = std::fs::read_to_string(case.join("manifest.json")).expect("readable");
    let old = sha256(table.as_bytes());
    let at = table.find('+').expect("a run") - 1;
    let digit = if table.as_bytes()[at] == b'5' { "6" } else { "5" };
    let changes = [
        // A liar is whitewashed.
        ("classes", table.replacen(",refuted,differs-from-verified,", ",verified,equals-verified,", 1)),
        ("input", table.replacen("0:", "1:", 1)),
        ("place", format!("{}{digit}{}", &table[..at], &table[at + 1..])),
    ];
    for (what, changed) in changes {
        assert_ne!(changed, table, "{what}");
        std::fs::write(case.join("tables/pieces.csv"), &changed).expect("written");
        let stated = manifest.replace(&old, &sha256(changed.as_bytes()));
        let stated =
            stated.replace(&format!("\"bytes\": {}", table.len()), &format!("\"bytes\": {}", changed.len()));
        std::fs::write(case.join("manifest.json"), stated).expect("written");
        let found = verify(&case, &[folder.join("capture.pcap")]);
        assert!(matches!(found, Err(Fault::Differs(_))), "{what}: {found:?}");
    }
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
