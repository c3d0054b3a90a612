//! `peerproof audit` as a program: the sample notices of `tests/notices`, whose answers were written before the program
//! was, from what the generators of the captures know.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

mod acts;

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

/// The first letter, on one line, of a notice against captures and torrents of the fixtures.
fn letter(notice: &Path, captures: &[&str], torrents: &[&str], options: &[&str]) -> String {
    let folder = tempfile::tempdir().expect("a directory");
    let place = folder.path().join("audit");
    let mut arguments = vec![notice.display().to_string(), "--capture".to_owned()];
    arguments.extend(captures.iter().map(|name| fixtures().join(name).display().to_string()));
    for name in torrents {
        arguments.extend(["-t".to_owned(), fixtures().join(name).display().to_string()]);
    }
    arguments.extend(options.iter().map(|option| (*option).to_owned()));
    arguments.extend(["-o".to_owned(), place.display().to_string()]);
    audit(&arguments);
    let text = std::fs::read_to_string(place.join("letters/1.txt")).expect("a letter");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A notice on a hash at one moment.
fn claiming(folder: &Path, address: &str, time: &str, hash: &str) -> PathBuf {
    let path = folder.join("notice.csv");
    let text = format!("address,port,time,infohash,claim\n{address},6881,{time},{hash},uploaded\n");
    std::fs::write(&path, text).expect("written");
    path
}

#[test]
fn that_an_address_sent_no_piece_is_said_of_the_torrent_where_it_sent_another() {
    let folder = tempfile::tempdir().expect("a directory");
    let foreign = "00112233445566778899aabbccddeeff00112233";
    let not_given = "The torrent file of this torrent was not given.";
    for (case, torrent) in [
        ("three-peers", "halves.torrent"),
        ("ipv6", "six.torrent"),
        ("utp-clean", "utp.torrent"),
        ("hybrid", "parts.torrent"),
    ] {
        let (capture, torrent) = (format!("{case}/capture.pcap"), format!("{case}/{torrent}"));
        let (address, time) = serving(&fixtures().join(&capture), &fixtures().join(&torrent));
        let notice = claiming(folder.path(), &address, &time, foreign);
        let text = letter(&notice, &[&capture], &[&torrent], &["--covers", "none"]);
        let of_another = "No piece of this torrent from this address is in the capture; it holds pieces of another torrent \
                          from it.";
        assert!(text.contains(of_another) && text.contains(not_given), "{case}: {text}");
        assert!(!text.contains("No piece from this address"), "{case}: {text}");
        // Neither is described: they may be two hashes of one hybrid torrent.
        let text = letter(&notice, &[&capture], &[], &["--covers", "none"]);
        let perhaps = "No piece of this torrent from this address is known to be in the capture;";
        assert!(text.contains(perhaps) && text.contains(not_given), "{case}: {text}");
    }
    let own = samples().join("03-mail-pgp-twice.eml");
    let text =
        letter(&own, &["metadata-only/capture.pcap"], &["metadata-only/meta.torrent"], &["--covers", "none"]);
    assert!(text.contains("No piece from this address is in the capture. But it may have had"), "{text}");
    assert!(!text.contains(not_given), "{text}");
}

/// The hash of `fixtures/corrupt-seeder`, which ran from 02:59:57.463 to 03:00:05.081.
const SHARED: &str = "33c3105a3c68063147606691f968863e17ec7955";

fn of_shared(folder: &Path, address: &str, time: &str, options: &[&str]) -> String {
    let notice = claiming(folder, address, time, SHARED);
    letter(&notice, &["corrupt-seeder/capture.pcap"], &["corrupt-seeder/shared.torrent"], options)
}

#[test]
fn a_letter_says_when_the_act_was_and_that_the_capture_had_ended() {
    let folder = tempfile::tempdir().expect("a directory");
    let late = of_shared(folder.path(), "203.0.113.2", "2026-11-21T03:00:20Z", &[]);
    for sentence in [
        "Within 30 seconds of the stated time 203.0.113.2, port 6881, had said that it had piece",
        // By tshark frame 78 is of 02:59:58.461729, and frame 192, the last of that unit, of 03:00:00.966151.
        "(frames 78, 183 to 187, 190 to 192)",
        "What shows it was seen from 2026-11-21 02:59:58.461729 to 2026-11-21 03:00:00.966151 UTC, 19 seconds before the stated \
         time. A stated time counts give or take 30 seconds.",
        "It had ended before the stated time.",
    ] {
        assert!(late.contains(sentence), "{sentence}: {late}");
    }
    assert!(!late.contains("At the stated time"), "{late}");
    let early = of_shared(folder.path(), "203.0.113.2", "2026-11-21T02:59:40Z", &[]);
    assert!(
        early.contains("after the stated time.") && early.contains("It began after the stated time."),
        "{early}"
    );
    let then = of_shared(folder.path(), "203.0.113.2", "2026-11-21T03:00:00Z", &["--tolerance", "5s"]);
    assert!(!then.contains("before the stated time") && !then.contains("had ended"), "{then}");
}

#[test]
fn of_an_address_that_sent_nothing_that_is_said_first() {
    let folder = tempfile::tempdir().expect("a directory");
    let text = of_shared(folder.path(), "203.0.113.4", "2026-11-21T03:00:00Z", &[]);
    assert!(
        text.contains("FINDING In the capture this address sent no piece. The capture supports a part"),
        "{text}"
    );
}

#[test]
fn a_stated_coverage_is_not_contradicted_by_the_finding() {
    let folder = tempfile::tempdir().expect("a directory");
    let text = of_shared(folder.path(), "203.0.113.77", "2026-11-21T03:00:00Z", &["--covers", "203.0.113.0/24"]);
    assert!(
        text.contains(
            "It holds 0 packets from 203.0.113.77 and 0 to it that could be read: everything that it sent"
        ),
        "{text}"
    );
    assert!(text.contains("But no packet from this address that could be read is in it either"), "{text}");
    assert!(!text.contains("connections that did not pass here"), "{text}");
}

#[test]
fn a_signature_is_spoken_of_as_it_is() {
    let folder = tempfile::tempdir().expect("a directory");
    let none = of_shared(folder.path(), "203.0.113.2", "2026-11-21T03:00:00Z", &[]);
    assert!(none.contains("No signature was found on the notice, and none is checked."), "{none}");
    let signed = samples().join("03-mail-pgp-twice.eml");
    let text = letter(&signed, &["metadata-only/capture.pcap"], &["metadata-only/meta.torrent"], &[]);
    assert!(text.contains("The signature on the notice was not checked."), "{text}");
}

#[test]
fn a_demand_in_sentences_is_unusable_and_fails_strict() {
    let folder = tempfile::tempdir().expect("a directory");
    let path = folder.path().join("demand.txt");
    let demand =
        "Your address 203.0.113.2 shared our film \"shared\" on 21 November 2026 at 03:59 CET. Pay 900 euro.\n";
    std::fs::write(&path, demand).expect("written");
    let case = fixtures().join("corrupt-seeder");
    let mut arguments = vec![
        path.display().to_string(),
        "--capture".to_owned(),
        case.join("capture.pcap").display().to_string(),
        "-t".to_owned(),
        case.join("shared.torrent").display().to_string(),
    ];
    let done = audit(&arguments);
    let shown = String::from_utf8(done.out).expect("text");
    let shown = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(done.code, Some(3));
    assert!(
        shown.contains("unusable") && shown.contains("no-fields: no field of a notice was found in it"),
        "{shown}"
    );
    arguments.push("--strict".to_owned());
    assert_eq!(audit(&arguments).code, Some(1));
}

/// The address that served most in a capture, and when it began.
fn serving(capture: &Path, torrent: &Path) -> (String, String) {
    let done = Command::new(env!("CARGO_BIN_EXE_peerproof"))
        .arg("analyze")
        .arg(capture)
        .arg("-t")
        .arg(torrent)
        .args(["-f", "json"])
        .output()
        .expect("the program runs");
    let report: Value = serde_json::from_slice(&done.stdout).expect("JSON");
    let subjects = list(&report["subjects"]);
    let most = subjects.iter().max_by_key(|subject| subject["served_bytes"].as_u64()).expect("a subject");
    let (address, _) = text(&most["endpoint"]).rsplit_once(':').expect("a port");
    (address.trim_matches(['[', ']']).to_owned(), text(&most["first_time"]).to_owned())
}

#[test]
fn a_letter_names_what_is_missing_of_the_standard() {
    let notice = samples().join("02-acns12-corrupt-seeder.xml");
    let text = letter(&notice, &["corrupt-seeder/capture.pcap"], &["corrupt-seeder/shared.torrent"], &[]);
    for sentence in [
        "It does not reach the standard of proof: no whole piece came from this address alone.",
        "It does not show that a whole piece came from this address alone, as the standard of proof wants.",
        "It holds 56 packets",
        "(frames 83 to 176)",
        "In Wireshark: frame.number in {83..176} && ip.addr == 203.0.113.3.",
    ] {
        assert!(text.contains(sentence), "{sentence}: {text}");
    }
    assert!(!text.contains("advertised and asked for"), "{text}");
    let done = audit(&[
        samples().join("14-list-acts.csv").display().to_string(),
        "--capture".to_owned(),
        fixtures().join("hearsay/capture.pcap").display().to_string(),
        "-t".to_owned(),
        fixtures().join("hearsay/hearsay.torrent").display().to_string(),
        "-f".to_owned(),
        "json".to_owned(),
    ]);
    let document: Value = serde_json::from_slice(&done.out).expect("JSON");
    let missing: Vec<Value> =
        list(&document["claims"]).iter().map(|claim| claim["evidence"]["missing"].clone()).collect();
    assert_eq!(missing[0], "sole-unit");
    assert!(missing[2].is_null() && missing[3].is_null(), "to be named or to join has no standard: {missing:?}");
}

#[test]
fn frames_of_several_captures_name_theirs() {
    let captures = ["three-peers/capture.pcap", "corrupt-seeder/capture.pcap"];
    let notice = samples().join("01-acns12-honest-seeder.xml");
    let text = letter(&notice, &captures, &["corrupt-seeder/shared.torrent"], &[]);
    for sentence in [
        "#1 \"capture.pcap\", SHA-256",
        "#2 \"capture.pcap\", SHA-256",
        "They ran from",
        "They hold 153 packets from 203.0.113.2",
        "(frames 78 of #2, 183 to 187 of #2, 190 to 192 of #2)",
        "(frame 24 of #2): that is hearsay",
        "In Wireshark, in #2: frame.number in {78,",
    ] {
        assert!(text.contains(sentence), "{sentence}: {text}");
    }
    let alone = letter(&notice, &captures[1..], &["corrupt-seeder/shared.torrent"], &[]);
    assert!(alone.contains("(frames 78, 183 to 187, 190 to 192)") && !alone.contains('#'), "{alone}");
}

#[test]
fn the_screen_tells_judged_and_not_judged_apart_and_explains_its_codes() {
    let arguments = |notice: &str, case: &str, torrent: &str| {
        [
            samples().join(notice).display().to_string(),
            "--capture".to_owned(),
            fixtures().join(case).join("capture.pcap").display().to_string(),
            "-t".to_owned(),
            fixtures().join(case).join(torrent).display().to_string(),
        ]
    };
    let screen = |arguments: &[String]| {
        let shown = String::from_utf8(audit(arguments).out).expect("text");
        shown.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let shown = screen(&arguments("05-list-german-latin1.csv", "three-peers", "halves.torrent"));
    for sentence in [
        "5 claims judged: 1 not-at-stated-time, 1 outside-capture, 3 supported; 3 meet the standard of proof. 1 not \
         judged: 1 unusable.",
        "outside-capture: the captures cannot have seen it, and say nothing about it.",
        "address-never-seen: the captures hold no packet from the address.",
        "bad-hash: its hash has a length or a letter that no hash has.",
        "NEXT -o DIR writes a letter for each claim, in sentences: letters/1.txt to letters/6.txt in DIR.",
    ] {
        assert!(shown.contains(sentence), "{sentence}: {shown}");
    }
    let shown = screen(&arguments("15-hostile-entities.xml", "corrupt-seeder", "shared.torrent"));
    assert!(shown.contains("No claim judged. 1 not judged: 1 unusable."), "{shown}");
    let shown = screen(&arguments("02-acns12-corrupt-seeder.xml", "corrupt-seeder", "shared.torrent"));
    assert!(shown.contains("refuted-bytes: blocks that it sent differ from the torrent;"), "{shown}");
}

/// An audit as a terminal of that width has it.
fn screen(width: usize, arguments: &[String]) -> Vec<String> {
    let done = Command::new(env!("CARGO_BIN_EXE_peerproof"))
        .arg("audit")
        .args(arguments)
        .env("COLUMNS", width.to_string())
        .output()
        .expect("the program runs");
    String::from_utf8(done.stdout).expect("text").lines().map(str::to_owned).collect()
}

fn flat<S: AsRef<str>>(lines: &[S]) -> String {
    lines.iter().flat_map(|line| line.as_ref().split_whitespace()).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_screen_of_any_width_begins_and_ends_with_the_answer_and_no_line_is_wider() {
    let expected: Value =
        serde_json::from_slice(&std::fs::read(samples().join("expected.json")).expect("readable")).expect("JSON");
    let mut claims = 0;
    for notice in list(&expected["notices"]) {
        let arguments = inputs(&notice);
        let document = audit(&[arguments.clone(), vec!["-f".to_owned(), "json".to_owned()]].concat());
        let document: Value = serde_json::from_slice(&document.out).expect("JSON");
        for width in [60, 80, 120, 140, 200] {
            let lines = screen(width, &arguments);
            let what = format!("{}, {width}:\n{}", text(&notice["file"]), lines.join("\n"));
            assert!(lines.iter().all(|line| line.chars().count() <= width), "{what}");
            assert!(lines.iter().all(|line| !line.ends_with(' ')), "{what}");
            // The sum, in a few lines at each end.
            let end = lines.iter().rposition(String::is_empty).map_or(0, |blank| blank + 1);
            let answer = flat(&lines[end..]);
            assert!(answer.contains("judged"), "{what}");
            assert!(flat(&lines[..lines.len().min(15)]).starts_with(&answer), "{what}");
            assert_eq!(
                flat(&screen(width, &[arguments.clone(), vec!["-q".to_owned()]].concat())).find(&answer),
                Some(0)
            );
            let whole = flat(&lines);
            for claim in list(&document["claims"]) {
                claims += 1;
                let verdict = claim["verdict"].as_str().unwrap_or_else(|| text(&claim["status"]));
                let address = claim["claim"]["who"]["address"].as_str().unwrap_or("-");
                assert!(lines.iter().any(|line| line.contains(verdict)) && whole.contains(address), "{what}");
                for key in ["reasons", "flags"] {
                    for each in list(&claim[key]) {
                        assert!(whole.contains(text(&each["id"])), "{}: {what}", each["id"]);
                    }
                }
                let stated = claim["claim"]["when"]["from"]
                    .as_str()
                    .unwrap_or("-")
                    .get(..19)
                    .unwrap_or("-")
                    .replace('T', " ");
                assert!(whole.contains(&stated), "{stated}: {what}");
            }
        }
    }
    assert!(claims > 100, "{claims}");
}

#[test]
fn a_wide_screen_has_a_claim_in_a_line_and_a_narrow_one_names_the_notice_below_it() {
    let case = fixtures().join("corrupt-seeder");
    let path = |name: &str| case.join(name).display().to_string();
    let notices = ["01-acns12-honest-seeder.xml", "02-acns12-corrupt-seeder.xml"];
    let mut arguments: Vec<String> =
        notices.iter().map(|name| samples().join(name).display().to_string()).collect();
    arguments.extend(["--capture".to_owned(), path("capture.pcap"), "-t".to_owned(), path("shared.torrent")]);
    let row =
        |lines: &[String], address: &str| lines.iter().position(|line| line.contains(address)).expect("a row");
    for (width, notice, act) in [(80, false, false), (200, true, true)] {
        let lines = screen(width, &arguments);
        let own = &lines[row(&lines, "203.0.113.2:6881")];
        assert_eq!((own.contains(notices[0]), own.contains("unknown")), (notice, act), "{own}");
        assert!(own.contains("2026-11-21 02:59:59") && own.contains("supported") && own.contains("met"), "{own}");
        let whole = flat(&lines);
        assert!(whole.contains("said 78; asked ") && whole.contains("refuted-bytes, frames 83 to 176"), "{whole}");
    }
    let narrow = screen(60, &arguments);
    assert!(flat(&narrow).contains("seeder.xml, stated for 2026-11-21 02:59:59 UTC, act unknown"), "{narrow:?}");
}

#[test]
fn a_long_address_stands_on_a_line_of_its_own() {
    let place = tempfile::tempdir().expect("a directory");
    let notice = place.path().join("n.csv");
    let long = "2001:db8:1111:2222:3333:4444:5555:6666";
    std::fs::write(
        &notice,
        format!("ip,port,timestamp,infohash\n{long},65535,2026-11-21T02:59:59Z,33c3105a3c68063147606691f968863e17ec7955\n"),
    )
    .expect("written");
    let capture = fixtures().join("corrupt-seeder/capture.pcap").display().to_string();
    let arguments = [notice.display().to_string(), "--capture".to_owned(), capture];
    for width in [60, 80, 120, 200] {
        let lines = screen(width, &arguments);
        let own: Vec<&String> = lines.iter().filter(|line| line.contains(&format!("[{long}]:65535"))).collect();
        assert!(!own.is_empty() && lines.iter().all(|line| line.chars().count() <= width), "{lines:#?}");
    }
}
