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
            Err(fault) => panic!("{}: {fault:?}", folder.display()),
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
    // Lines are wrapped to the terminal.
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.ends_with("judged again by a second program: the same classes, sums and senders"), "{text}");
}

#[test]
fn a_digest_that_a_list_states_is_computed_by_verify() {
    let place = tempfile::tempdir().expect("a directory");
    let folder = fixtures().join("plain-transfer");
    let capture = folder.join("capture.pcap");
    let bytes = std::fs::read(&capture).expect("readable");
    let right: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    for (number, stated) in [right.clone(), "ab".repeat(32)].into_iter().enumerate() {
        let (list, case) = (place.path().join("SHA256SUMS"), place.path().join(format!("case-{number}")));
        std::fs::write(&list, format!("{stated}  {}\n", capture.display())).expect("written");
        let mut words = arguments(&folder);
        let others = ["--sha256-from".to_owned(), list.display().to_string(), "-o".to_owned()];
        words.extend(others.into_iter().chain([case.display().to_string()]));
        words.insert(0, "analyze".to_owned());
        let done = run(&words.iter().map(String::as_str).collect::<Vec<_>>());
        let report = std::fs::read_to_string(case.join("report.json")).unwrap_or_else(|_| panic!("{done:?}"));
        assert!(report.contains(&stated) && report.contains("\"sha256_stated\": true"), "{report}");
        match verify(&case, std::slice::from_ref(&capture)) {
            Ok(_) => assert_eq!(number, 0, "the second one is stated wrongly"),
            Err(Fault::Differs([_, told, found])) => {
                assert!(number == 1 && told.contains(&stated) && found == right, "{told} {found}");
            }
            Err(fault) => panic!("{fault:?}"),
        }
    }
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

/// A case of `corrupt-seeder`, with its capture in a folder beside it.
fn corrupt(place: &Path) -> (PathBuf, PathBuf) {
    let (case, folder) = (place.join("case"), fixtures().join("corrupt-seeder"));
    made(&folder, &case);
    let captures = place.join("captures");
    std::fs::create_dir(&captures).expect("made");
    let capture = captures.join("capture.pcap");
    std::fs::copy(folder.join("capture.pcap"), &capture).expect("copied");
    (case, capture)
}

/// Writes `table` into a case, and states its digest and that of `capture` as if both had been made so.
fn restate(case: &Path, table: &str, capture: &[u8]) {
    let read = |name: &str| std::fs::read_to_string(case.join(name)).expect("readable");
    let (old, manifest, report) = (read("tables/pieces.csv"), read("manifest.json"), read("report.json"));
    let value: serde_json::Value = serde_json::from_str(&report).expect("JSON");
    let stated = value["inputs"][0]["sha256"].as_str().expect("a digest");
    let changed = report.replace(stated, &sha256(capture));
    let size = |text: &str| format!("\"bytes\": {}", text.len());
    let manifest =
        manifest.replace(stated, &sha256(capture)).replace(&sha256(report.as_bytes()), &sha256(changed.as_bytes()));
    let manifest =
        manifest.replace(&sha256(old.as_bytes()), &sha256(table.as_bytes())).replace(&size(&old), &size(table));
    std::fs::write(case.join("tables/pieces.csv"), table).expect("written");
    std::fs::write(case.join("report.json"), changed).expect("written");
    std::fs::write(case.join("manifest.json"), manifest).expect("written");
}

#[test]
fn a_case_whose_digests_were_made_again_is_found_by_its_bytes() {
    let place = tempfile::tempdir().expect("a directory");
    let (case, capture) = corrupt(place.path());
    let bytes = std::fs::read(&capture).expect("readable");
    let table = std::fs::read_to_string(case.join("tables/pieces.csv")).expect("readable");
    let at = table.find('+').expect("a run") - 1;
    let digit = if table.as_bytes()[at] == b'5' { "6" } else { "5" };
    let changes = [
        // A liar is whitewashed.
        ("classes", table.replacen(",refuted,differs-from-verified,", ",verified,equals-verified,", 1)),
        // An honest peer is accused.
        ("accused", table.replacen(",verified,hash,", ",refuted,differs-from-verified,", 1)),
        ("sender", table.replacen(",203.0.113.3:6881,", ",203.0.113.2:6881,", 1)),
        ("padding", table.replacen(",verified,hash,", ",pad,padding,", 1)),
        ("no class", table.replacen(",verified,hash,", ",proven,hash,", 1)),
        ("input", table.replacen("0:", "1:", 1)),
        ("place", format!("{}{digit}{}", &table[..at], &table[at + 1..])),
    ];
    for (what, changed) in changes {
        assert_ne!(changed, table, "{what}");
        restate(&case, &changed, &bytes);
        let found = verify(&case, std::slice::from_ref(&capture));
        assert!(matches!(found, Err(Fault::Differs(_))), "{what}: {found:?}");
    }
    restate(&case, &table, &bytes);
    assert!(verify(&case, std::slice::from_ref(&capture)).is_ok());
}

#[test]
fn one_flipped_bit_of_what_a_row_names_is_found_though_all_digests_are_made_again() {
    let place = tempfile::tempdir().expect("a directory");
    let (case, capture) = corrupt(place.path());
    let original = std::fs::read(&capture).expect("readable");
    let table = std::fs::read_to_string(case.join("tables/pieces.csv")).expect("readable");
    let confirmed = verify(&case, std::slice::from_ref(&capture)).expect("as stated").bytes;
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for row in
        csv::Reader::from_reader(table.as_bytes()).deserialize::<std::collections::BTreeMap<String, String>>()
    {
        let row = row.expect("a row");
        for run in row["runs"].split("; ").filter(|run| row["class"] == "verified" && !run.is_empty()) {
            let numbers: Vec<usize> =
                run.split([':', '+', '@']).map(|number| number.parse().expect("a number")).collect();
            runs.push((numbers[1], numbers[2]));
        }
    }
    for round in 0..200_usize {
        let (offset, len) = runs[round.wrapping_mul(7_919) % runs.len()];
        let mut bytes = original.clone();
        bytes[offset + round.wrapping_mul(104_729) % len] ^= 1 << (round % 8);
        std::fs::write(&capture, &bytes).expect("written");
        restate(&case, &table, &bytes);
        let found = verify(&case, std::slice::from_ref(&capture));
        assert!(matches!(found, Err(Fault::Differs(_))), "round {round}: {found:?}");
    }
    // What no row names bears on no class.
    let mut bytes = original;
    let last = bytes.len() - 1;
    assert!(runs.iter().all(|(offset, len)| offset + len <= last));
    bytes[last] ^= 1;
    std::fs::write(&capture, &bytes).expect("written");
    restate(&case, &table, &bytes);
    assert_eq!(verify(&case, std::slice::from_ref(&capture)).expect("bears on nothing").bytes, confirmed);
}

/// Replaces `old` by `new` in the files of a case that `holds` says, and states their digests as if they had been made so.
fn forged(case: &Path, holds: impl Fn(&str) -> bool, old: &str, new: &str) {
    let read = |name: &str| std::fs::read_to_string(case.join(name));
    let mut manifest: serde_json::Value =
        serde_json::from_str(&read("manifest.json").expect("readable")).expect("JSON");
    let mut changed = 0;
    for entry in manifest["outputs"].as_array_mut().expect("a list") {
        let name = entry["name"].as_str().expect("a name").to_owned();
        let Some(text) = read(&name).ok().filter(|text| holds(&name) && text.contains(old)) else { continue };
        let text = text.replace(old, new);
        entry["bytes"] = text.len().into();
        entry["sha256"] = sha256(text.as_bytes()).into();
        std::fs::write(case.join(&name), text).expect("written");
        changed += 1;
    }
    assert!(changed > 0, "{old}");
    let manifest = serde_json::to_string(&manifest).expect("JSON");
    std::fs::write(case.join("manifest.json"), manifest).expect("written");
}

#[test]
fn a_report_that_says_more_than_its_rows_is_found_though_all_digests_are_made_again() {
    let place = tempfile::tempdir().expect("a directory");
    let (case, capture) = corrupt(place.path());
    let is_row = |name: &str| name == "tables/pieces.csv";
    let forgeries: [(&str, &str, &str); 8] = [
        // Somebody who sent no packet is accused, everywhere but in the rows.
        ("", "203.0.113.3:", "203.0.113.9:"),
        ("report.json", "\"grade\": \"G7\"", "\"grade\": \"G9\""),
        ("report.json", "\"actionable\": false", "\"actionable\": true"),
        ("report.json", "\"verified_bytes\": 147456", "\"verified_bytes\": 147457"),
        ("report.json", "\"refuted_bytes\": 32768", "\"refuted_bytes\": 0"),
        ("report.txt", "180,224", "980,224"),
        ("report.html", "370,848", "870,848"),
        ("tables/subjects.csv", "147456", "147457"),
    ];
    for (file, old, new) in forgeries {
        let copy = place.path().join("forged");
        let copied = Command::new("cp").args(["-r"]).arg(&case).arg(&copy).status();
        assert!(copied.is_ok_and(|status| status.success()));
        forged(&copy, |name| !is_row(name) && (file.is_empty() || name == file), old, new);
        let done = run(&["verify", copy.to_str().expect("a path"), capture.to_str().expect("a path")]);
        assert_eq!(done.status.code(), Some(1), "{file}: {old} to {new}: {done:?}");
        std::fs::remove_dir_all(&copy).expect("removed");
    }
}

#[test]
fn what_a_bound_left_without_rows_is_counted_and_named() {
    let place = tempfile::tempdir().expect("a directory");
    let (case, capture) = corrupt(place.path());
    let is_report = |name: &str| name == "report.json";
    let checked = || verify(&case, std::slice::from_ref(&capture));
    assert!(checked().is_ok_and(|checked| !checked.unseen.keys().any(|why| why.contains("bound"))));
    // Whoever has no rows is said to have sent something.
    forged(&case, is_report, "\"served_bytes\": 0,", "\"served_bytes\": 7,");
    assert!(checked().is_err());
    forged(&case, is_report, "\"anomalies\": []", "\"anomalies\": [{\"kind\": \"limit-reached\"}]");
    let unseen = checked().expect("a bound tells why").unseen;
    assert!(unseen.get("that a bound left without rows").is_some_and(|bytes| *bytes >= 7), "{unseen:?}");
}

#[test]
fn a_case_holds_whether_a_build_with_parquet_made_it_or_one_without() {
    let place = tempfile::tempdir().expect("a directory");
    let (case, capture) = corrupt(place.path());
    let path = case.join("manifest.json");
    let text = std::fs::read_to_string(&path).expect("readable");
    let mut manifest: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let outputs = manifest["outputs"].as_array_mut().expect("a list");
    // This build makes a case of the other kind.
    if cfg!(feature = "table") {
        outputs.retain(|entry| {
            let name = entry["name"].as_str().expect("a name");
            let is_kept = !name.ends_with(".parquet");
            if !is_kept {
                std::fs::remove_file(case.join(name)).expect("removed");
            }
            is_kept
        });
    } else {
        let name = "tables/subjects.parquet";
        std::fs::write(case.join(name), "PAR1").expect("written");
        outputs.push(serde_json::json!({ "name": name, "bytes": 4, "sha256": sha256(b"PAR1") }));
    }
    std::fs::write(&path, serde_json::to_string(&manifest).expect("JSON")).expect("written");
    let done = run(&["verify", case.to_str().expect("a path"), capture.to_str().expect("a path")]);
    assert_eq!(done.status.code(), Some(0), "{done:?}");
    // What else it says is still held against report.json.
    manifest["inputs"][0]["sha256_stated"] = true.into();
    std::fs::write(&path, serde_json::to_string(&manifest).expect("JSON")).expect("written");
    let done = run(&["verify", case.to_str().expect("a path"), capture.to_str().expect("a path")]);
    assert_eq!(done.status.code(), Some(1), "{done:?}");
}

fn packed(how: &str, bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    match how {
        "gz" => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(bytes).expect("in memory");
            encoder.finish().expect("in memory")
        }
        "zst" => zstd::encode_all(bytes, 1).expect("in memory"),
        "zst.gz" => packed("gz", &packed("zst", bytes)),
        _ => bytes.to_vec(),
    }
}

#[test]
fn a_capture_is_found_by_its_content_however_it_is_called_and_compressed() {
    let place = tempfile::tempdir().expect("a directory");
    let folder = fixtures().join("corrupt-seeder");
    let plain = std::fs::read(folder.join("capture.pcap")).expect("readable");
    let torrent = folder.join("shared.torrent").display().to_string();
    for was in ["", "gz", "zst"] {
        let first = place.path().join(format!("first.{was}"));
        std::fs::write(&first, packed(was, &plain)).expect("written");
        let case = place.path().join(format!("case-{was}"));
        let words =
            ["analyze", first.to_str().expect("a path"), "-t", &torrent, "-o", case.to_str().expect("a path")];
        assert!(run(&words).status.code() == Some(0), "{was}");
        std::fs::remove_file(&first).expect("there");
        assert!(matches!(verify(&case, &[]), Err(Fault::Missing(_))), "{was}: nothing is there");
        for is in ["", "gz", "zst", "zst.gz"] {
            let other = place.path().join("other name");
            std::fs::write(&other, packed(is, &plain)).expect("written");
            let checked = verify(&case, std::slice::from_ref(&other));
            let checked = checked.unwrap_or_else(|fault| panic!("{was} to {is}: {fault:?}"));
            assert_eq!((checked.captures[0].is_as_given, checked.bytes > 0), (was == is, true), "{was} to {is}");
            // Another content, in any form, is not it.
            let mut changed = plain.clone();
            changed[40_000] ^= 1;
            std::fs::write(&other, packed(is, &changed)).expect("written");
            assert!(matches!(verify(&case, std::slice::from_ref(&other)), Err(Fault::Missing(_))), "{was} to {is}");
            std::fs::remove_file(&other).expect("there");
        }
    }
}

#[test]
fn what_cannot_be_checked_is_told_apart_from_what_differs() {
    let place = tempfile::tempdir().expect("a directory");
    let (case, capture) = corrupt(place.path());
    let (case, capture) = (case.to_str().expect("a path").to_owned(), capture.to_str().expect("a path").to_owned());
    let said = |words: &[&str]| {
        let done = run(words);
        let text = [done.stdout, done.stderr].concat();
        // Lines are wrapped to the terminal.
        let words = String::from_utf8_lossy(&text).split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        (done.status.code(), words.join(" "))
    };
    let manifest = Path::new(&case).join("manifest.json");
    let stated = std::fs::read_to_string(&manifest).expect("readable");
    // Of a later version.
    std::fs::write(&manifest, stated.replace("peerproof/case/1", "peerproof/case/9")).expect("written");
    let (code, text) = said(&["verify", &case, &capture]);
    assert!(
        code == Some(2) && text.contains("\"peerproof/case/9\", this version checks \"peerproof/case/1\""),
        "{text}"
    );
    std::fs::write(&manifest, &stated).expect("written");
    // A capture that was changed under its name.
    let original = std::fs::read(&capture).expect("readable");
    std::fs::write(&capture, &original[..original.len() - 1]).expect("written");
    let (code, text) = said(&["verify", &case, &capture]);
    assert!(code == Some(1) && text.contains("differs: ") && text.contains("of capture.pcap"), "{text}");
    std::fs::write(&capture, &original).expect("written");
    // A changed copy is not passed over because the right one lies nearby.
    let other = place.path().join("captures/other.pcap");
    std::fs::write(&other, &original[..original.len() - 1]).expect("written");
    let (code, text) = said(&["verify", &case, &capture, other.to_str().expect("a path")]);
    assert!(code == Some(1) && text.contains("other.pcap") && text.contains("no capture of the case"), "{text}");
    // A file that the manifest does not know, and one that is gone.
    let foreign = Path::new(&case).join("torrents/more.torrent");
    std::fs::write(&foreign, "de").expect("written");
    let (code, text) = said(&["verify", &case, &capture]);
    assert!(code == Some(1) && text.contains("not in the manifest"), "{text}");
    std::fs::remove_file(&foreign).expect("there");
    std::fs::remove_file(Path::new(&case).join("report.txt")).expect("there");
    let (code, text) = said(&["verify", &case, &capture]);
    assert!(code == Some(1) && text.contains("report.txt") && text.contains("it is not there"), "{text}");
}

/// With the public tools, where they are installed; what their signatures look like is tested beside src/signature.rs.
#[test]
fn a_signature_by_the_public_tools_is_checked_and_told() {
    let place = tempfile::tempdir().expect("a directory");
    let (case, capture) = corrupt(place.path());
    let (case, capture) = (case.to_str().expect("a path").to_owned(), capture.to_str().expect("a path").to_owned());
    let key = place.path().join("key");
    let key = key.to_str().expect("a path");
    let keygen = |words: &[&str]| Command::new("ssh-keygen").args(words).output();
    if !keygen(&["-q", "-t", "ed25519", "-N", "", "-C", "lab", "-f", key]).is_ok_and(|done| done.status.success()) {
        eprintln!("SKIPPED: ssh-keygen is not installed");
        return;
    }
    let public = format!("{key}.pub");
    let manifest = format!("{case}/manifest.json");
    let none = run(&["verify", &case, &capture, "--public-key", &public]);
    assert_eq!(none.status.code(), Some(2), "{none:?}");
    assert!(
        keygen(&["-q", "-Y", "sign", "-n", "file", "-f", key, &manifest]).is_ok_and(|done| done.status.success())
    );
    let told = |done: &Output| {
        let text = String::from_utf8_lossy(&done.stdout).into_owned();
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let signed = run(&["verify", &case, &capture, "--public-key", &public]);
    assert!(signed.status.success() && told(&signed).contains("of the manifest, by SHA256:"), "{signed:?}");
    let unasked = run(&["verify", &case, &capture]);
    assert!(unasked.status.success() && told(&unasked).contains("is not checked (no --public-key)"), "{unasked:?}");
    let bytes = std::fs::read(&manifest).expect("readable");
    std::fs::write(&manifest, [&bytes[..], b"\n"].concat()).expect("written");
    let changed = run(&["verify", &case, &capture, "--public-key", &public]);
    assert!(changed.status.code() == Some(1) && told(&changed).contains("differs: manifest.json"), "{changed:?}");
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn an_opposing_expert_reads_the_verifier_in_an_hour() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/verify");
    let mut lines = 0;
    for entry in std::fs::read_dir(folder.join("src")).expect("readable") {
        let text = std::fs::read_to_string(entry.expect("an entry").path()).expect("readable");
        assert!(!text.contains("peerproof::"), "it shares no code with the first program");
        let code = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//"));
        lines += code.count();
    }
    assert!(lines <= 900, "{lines} lines of code");
    let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).expect("readable");
    let (_, dependencies) = manifest.split_once("[dependencies]\n").expect("dependencies");
    let mut names: Vec<&str> = dependencies.lines().filter_map(|line| line.split(" = ").next()).collect();
    names.retain(|name| !name.is_empty());
    // Hashes, JSON, the table, and what captures are compressed with.
    assert_eq!(names, ["bzip2", "csv", "flate2", "liblzma", "lz4_flex", "serde_json", "sha1", "sha2", "zstd"]);
}
