//! `peerproof audit` as a program: the sample notices of `tests/notices`, whose answers were written before the program
//! was, from what the generators of the captures know.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/notices")
}

struct Run {
    code: Option<i32>,
    out: Vec<u8>,
}

fn audit(arguments: &[String]) -> Run {
    let done = Command::new(env!("CARGO_BIN_EXE_peerproof"))
        .arg("audit")
        .args(arguments)
        .output()
        .expect("the program runs");
    Run { code: done.status.code(), out: done.stdout }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

/// Captures and torrents of a sample.
fn inputs(notice: &Value) -> Vec<String> {
    let folder = fixtures().join(text(&notice["case"]));
    let mut out = vec![samples().join(text(&notice["file"])).display().to_string()];
    for capture in list(&notice["capture"]) {
        out.extend(["--capture".to_owned(), folder.join(text(&capture)).display().to_string()]);
    }
    for torrent in list(&notice["torrent"]) {
        out.extend(["-t".to_owned(), folder.join(text(&torrent)).display().to_string()]);
    }
    out
}

const GRADES: [&str; 13] = ["none", "G0", "G1a", "G1b", "G2", "G3", "G3m", "G4", "G5", "G6", "G7", "G8", "G9"];

fn rank(grade: &str) -> usize {
    GRADES.iter().position(|known| *known == grade).unwrap_or_else(|| panic!("a grade: {grade:?}"))
}

#[test]
fn the_sample_notices_get_the_answers_that_their_captures_give() {
    let expected: Value =
        serde_json::from_slice(&std::fs::read(samples().join("expected.json")).expect("readable")).expect("JSON");
    let mut claims = 0;
    for notice in list(&expected["notices"]) {
        for run in list(&notice["runs"]) {
            let mut arguments = inputs(&notice);
            arguments.extend(["-f".to_owned(), "json".to_owned()]);
            arguments.extend(list(&run["options"]).iter().map(|option| text(option).to_owned()));
            let name = arguments.join(" ");
            let done = audit(&arguments);
            assert_eq!(done.code.map(i64::from), run["exit"].as_i64(), "{name}");
            let strict = audit(&[arguments.clone(), vec!["--strict".to_owned()]].concat());
            assert_eq!(strict.code.map(i64::from), run["exit_strict"].as_i64(), "{name} --strict");
            let document: Value = serde_json::from_slice(&done.out).expect("JSON");
            let found = list(&document["claims"]);
            let wanted = list(&run["claims"]);
            assert_eq!(found.len(), wanted.len(), "{name}");
            for (want, got) in wanted.iter().zip(&found) {
                claims += 1;
                let what = format!("{name}: claim {}: {}", want["n"], got);
                for key in ["status", "verdict", "standard"] {
                    assert!(want.get(key).is_none() || want[key] == got[key], "{what}: {key}");
                }
                if text(&got["status"]) == "judged" {
                    assert_eq!(want["act"], got["claim"]["act"], "{what}");
                    let grade = rank(got["grade"].as_str().unwrap_or("none"));
                    assert!(want.get("grade_at_least").is_none_or(|least| grade >= rank(text(least))), "{what}");
                    assert!(want.get("grade_at_most").is_none_or(|most| grade <= rank(text(most))), "{what}");
                }
                for key in ["reasons", "flags"] {
                    let ids: Vec<Value> = list(&got[key]).iter().map(|each| each["id"].clone()).collect();
                    assert!(list(&want[key]).iter().all(|id| ids.contains(id)), "{what}: {key}");
                }
                if let Some(copies) = want.get("copies") {
                    assert_eq!(&got["notice"]["copies"], copies, "{what}");
                }
                if let Some(hint) = want.get("time_hint") {
                    assert!(list(&got["time"]["hints"]).contains(hint), "{what}: {hint}");
                }
            }
        }
    }
    assert_eq!(claims, 41);
}

#[test]
fn letters_fit_a_page_judge_nobody_and_are_the_same_each_time() {
    let expected: Value =
        serde_json::from_slice(&std::fs::read(samples().join("expected.json")).expect("readable")).expect("JSON");
    let folder = tempfile::tempdir().expect("a directory");
    for (number, notice) in list(&expected["notices"]).iter().enumerate() {
        let mut written = Vec::new();
        for again in 0..2 {
            let place = folder.path().join(format!("{number}-{again}"));
            let mut arguments = inputs(notice);
            arguments.extend(["-o".to_owned(), place.display().to_string()]);
            audit(&arguments);
            let mut texts = vec![std::fs::read_to_string(place.join("audit.json")).expect("audit.json")];
            let letters = std::fs::read_dir(place.join("letters")).expect("letters");
            let mut names: Vec<PathBuf> = letters.map(|entry| entry.expect("an entry").path()).collect();
            names.sort();
            for name in names {
                let letter = std::fs::read_to_string(name).expect("a letter");
                assert!(letter.lines().count() <= 55, "{letter}");
                assert!(letter.lines().all(|line| line.chars().count() <= 90), "{letter}");
                for part in
                    ["THE NOTICE", "WHAT WAS EXAMINED", "FINDING", "WHY", "WHAT THIS DOES NOT SHOW", "TO CHECK"]
                {
                    assert!(letter.contains(part), "{part}: {letter}");
                }
                let own = letter.split("its words:").next().unwrap_or_default().to_lowercase();
                for word in ["innocent", "guilty", "infringer", "pirate", " he ", "the user"] {
                    assert!(!own.contains(word), "{word}: {letter}");
                }
                texts.push(letter);
            }
            written.push(texts);
        }
        assert_eq!(written[0], written[1]);
    }
}

#[test]
fn a_case_gives_the_answers_of_its_captures_and_is_refused_when_it_was_changed() {
    let expected: Value =
        serde_json::from_slice(&std::fs::read(samples().join("expected.json")).expect("readable")).expect("JSON");
    let folder = tempfile::tempdir().expect("a directory");
    let program = || Command::new(env!("CARGO_BIN_EXE_peerproof"));
    for notice in list(&expected["notices"]) {
        let case = folder.path().join(text(&notice["case"]));
        let arguments = inputs(&notice);
        if !case.is_dir() {
            let given = arguments.iter().skip(1).filter(|argument| *argument != "--capture");
            let done =
                program().arg("analyze").args(given).arg("-o").arg(&case).output().expect("the program runs");
            assert!(case.join("coverage.json").is_file(), "{done:?}");
        }
        let of_captures = audit(&[arguments.clone(), vec!["-f".to_owned(), "json".to_owned()]].concat());
        let by_case = [&arguments[0], "--case", case.to_str().expect("a path"), "-f", "json"].map(str::to_owned);
        let of_case = audit(&by_case);
        assert_eq!((of_case.code, of_case.out), (of_captures.code, of_captures.out), "{by_case:?}");
    }
    let case = folder.path().join("hearsay");
    let notice = samples().join("14-list-acts.csv").display().to_string();
    let again = || audit(&[notice.clone(), "--case".to_owned(), case.display().to_string()]).code;
    assert_eq!(again(), Some(0));
    let covered = std::fs::read_to_string(case.join("coverage.json")).expect("readable");
    std::fs::write(case.join("coverage.json"), covered.replacen(':', ": ", 1)).expect("written");
    assert_eq!(again(), Some(2));
    std::fs::remove_file(case.join("coverage.json")).expect("removed");
    assert_eq!(again(), Some(2));
}

#[test]
fn an_audit_replaces_nothing_that_is_not_one() {
    let folder = tempfile::tempdir().expect("a directory");
    let place = folder.path().join("audit");
    let notice = serde_json::json!({
        "file": "01-acns12-honest-seeder.xml", "case": "corrupt-seeder",
        "capture": ["capture.pcap"], "torrent": ["shared.torrent"]
    });
    let with = |options: &[&str]| {
        let mut arguments = inputs(&notice);
        arguments.extend(["-o".to_owned(), place.display().to_string()]);
        arguments.extend(options.iter().map(|option| (*option).to_owned()));
        audit(&arguments).code
    };
    assert_eq!(with(&[]), Some(0));
    assert_eq!(with(&[]), Some(2));
    assert_eq!(with(&["--force"]), Some(0));
    std::fs::write(place.join("letters/notes.txt"), "mine").expect("written");
    assert_eq!(with(&["--force"]), Some(2));
    assert_eq!(std::fs::read_to_string(place.join("letters/notes.txt")).expect("still there"), "mine");
}
