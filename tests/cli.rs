//! The program from outside: what it says, where it says it, and with which exit code.

use std::path::{Path, PathBuf};

use assert_cmd::Command;
use serde_json::Value;
use tempfile::TempDir;

use crate::fixture::{self, Fixture, list, number};
use crate::synth::run::address;
use crate::synth::swarm::{Side, World};

#[test]
fn what_is_no_capture_is_named_with_what_it_is() {
    let place = place();
    for (name, content, found) in [
        ("junk.pcap", vec![0xc7; 5_000], "found the bytes c7 c7"),
        ("empty.pcap", Vec::new(), "found an empty file"),
        ("page.pcap", b"<html>not found</html>".to_vec(), "found HTML or XML"),
        ("zeros.pcap", vec![0; 4_096], "found the bytes 00 00"),
    ] {
        place.put(name, &content);
        let said = place.refused(&["analyze", name, "-t", TORRENT]);
        assert!(said.contains(&format!("{name}: at byte 0: {found}")), "{said}");
        assert!(said.contains("expected a capture file (pcap or pcapng"), "{said}");
    }
}

#[test]
fn an_empty_directory_or_an_unreadable_or_missing_file_is_refused_by_name() {
    let place = place();
    std::fs::create_dir(place.path("folder")).expect("a directory");
    let said = place.refused(&["analyze", "folder", "-t", TORRENT]);
    assert!(said.contains("folder: an empty directory, without any capture"), "{said}");
    let said = place.refused(&["analyze", "missing.pcap", "-t", TORRENT]);
    assert!(said.contains("missing.pcap: cannot open: No such file"), "{said}");
    let said = place.refused(&["analyze", CAPTURE, "-t", "missing.torrent"]);
    assert!(said.contains("missing.torrent: cannot read: No such file"), "{said}");
    let said = place.refused(&["analyze", CAPTURE, "-t", "folder"]);
    assert!(said.contains("folder: a directory without any .torrent file"), "{said}");
    // Root reads everything, so it is asked for what even root cannot read.
    let said = place.refused(&["analyze", "/proc/self/mem", "-t", TORRENT]);
    assert!(said.contains("/proc/self/mem"), "{said}");
}

#[test]
fn a_file_that_may_not_be_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let place = place();
    let capture = place.path(CAPTURE);
    std::fs::set_permissions(&capture, std::fs::Permissions::from_mode(0o000)).expect("changed");
    if std::fs::File::open(&capture).is_ok() {
        // Nothing is forbidden to root.
        return;
    }
    let said = place.refused(&["analyze", CAPTURE, "-t", TORRENT]);
    assert!(said.contains("cannot open: Permission denied"), "{said}");
}

#[test]
fn a_file_header_that_is_cut_off_is_refused_with_its_offset() {
    let place = place();
    let pcap = std::fs::read(place.path(CAPTURE)).expect("readable");
    for len in [1, 3, 4, 10, 23] {
        place.put("cut.pcap", &pcap[..len]);
        let said = place.refused(&["analyze", "cut.pcap", "-t", TORRENT]);
        assert!(said.contains("cut.pcap: at byte ") && said.contains("expected a"), "{len}: {said}");
    }
    let pcapng = fixture::named("ipv6").read("capture.pcapng");
    for len in [4, 11, 27] {
        place.put("cut.pcapng", &pcapng[..len]);
        let said = place.refused(&["analyze", "cut.pcapng", "-t", TORRENT]);
        assert!(said.contains("cut.pcapng: at byte ") && said.contains("expected a"), "{len}: {said}");
    }
}

#[test]
fn a_capture_that_is_cut_off_later_is_read_up_to_there_and_the_damage_is_said() {
    let place = place();
    let pcap = std::fs::read(place.path(CAPTURE)).expect("readable");
    place.put("cut.pcap", &pcap[..100_000]);
    let (code, out, said) = place.run(&["analyze", "cut.pcap", "-t", TORRENT, "--format", "json"]);
    assert_eq!(code, 3, "{said}");
    assert!(said.contains("cut.pcap is damaged: at byte 88797") && said.contains("bytes not read"), "{said}");
    let report = json(&out);
    assert!(!report["inputs"][0]["damage"].is_null());
    assert_eq!(number(&report["torrents"][0]["unique_bytes"]), 65_536);
    let said = place.refused(&["analyze", "cut.pcap", "-t", TORRENT, "--strict"]);
    assert!(said.contains("cut.pcap: at byte 88797"), "{said}");
}

#[test]
fn what_is_no_torrent_is_named_with_what_it_is() {
    let place = place();
    let torrent = std::fs::read(place.path(TORRENT)).expect("readable");
    for (name, content, found) in [
        ("text.torrent", b"hello world\n".to_vec(), "at byte 0: found `h`, expected a torrent file"),
        ("empty.torrent", Vec::new(), "at byte 0: found an empty file, expected a torrent file"),
        ("cut.torrent", torrent[..200].to_vec(), "at byte 200: found the end of the input"),
        ("list.torrent", b"le".to_vec(), "at byte 0: found no `info`, expected an info dictionary"),
        ("bare.torrent", b"de".to_vec(), "at byte 0: "),
        ("deep.torrent", [vec![b'l'; 100_000], vec![b'e'; 100_000]].concat(), "at byte "),
    ] {
        place.put(name, &content);
        for command in [["analyze", CAPTURE, "-t", name].as_slice(), &["torrent", name]] {
            let said = place.refused(command);
            assert!(said.contains(&format!("{name}: {found}")), "{command:?}: {said}");
        }
    }
}

#[test]
fn torrent_and_capture_in_each_others_place_are_told_so() {
    let place = place();
    let said = place.refused(&["analyze", TORRENT, "-t", TORRENT]);
    assert!(said.contains(&format!("{TORRENT}: at byte 0: found a torrent")), "{said}");
    assert!(said.contains("expected a capture file"), "{said}");
    for command in [["analyze", CAPTURE, "-t", CAPTURE].as_slice(), &["torrent", CAPTURE]] {
        let said = place.refused(command);
        assert!(
            said.contains(&format!("{CAPTURE}: at byte 0: found a pcap capture, expected a torrent file")),
            "{said}"
        );
    }
    place.refused(&["analyze", TORRENT, "-t", CAPTURE]);
}

#[test]
fn a_torrent_that_nobody_speaks_of_is_said_to_be_the_wrong_one() {
    let place = place();
    let other = fixture::named("multi-file");
    place.put("other.torrent", &other.read(&other.torrent()));
    let (code, out, said) = place.run(&["analyze", CAPTURE, "-t", "other.torrent", "--format", "json"]);
    assert_eq!(code, 0, "{said}");
    let (named, given) = ("d12788006ccb6a392a38b22298902b82a69a61c4", "bdda72b7b9604b549ee67f5409a11b4cfd18652d");
    let note = format!(
        "No peer of the torrent \"collection\", {given}, is in the captures; they name {named}, which was not given."
    );
    assert_eq!(said, format!("peerproof: note: {note}\n"));
    let report = json(&out);
    assert_eq!(report["notes"][0], note);
    assert_eq!(list(&report["transfers"]).len(), 2, "what is there is reported all the same");
    assert_eq!(list(&report["transfers"])[0]["verified_bytes"], 0);
    let (code, out, _) = place.run(&["analyze", CAPTURE, "-t", "other.torrent"]);
    assert!(code == 0 && flat(&out).contains(&note), "{out}");
}

#[test]
fn a_capture_without_bittorrent_is_not_an_empty_report() {
    let place = place();
    let mut world = World::new();
    let conn = world.conn(address("192.0.2.1:50000"), address("192.0.2.2:80"));
    world.open(conn);
    world.send(conn, Side::A, b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n");
    world.send(conn, Side::B, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
    world.close(conn, Side::A);
    place.put("web.pcap", &world.pcap());
    place.put("header.pcap", &world.pcap()[..24]);
    for (name, why) in [
        (
            "web.pcap",
            "There is no BitTorrent peer connection in the 10 frames that were read (1 TCP and 0 UDP flows).",
        ),
        ("header.pcap", "No frame could be read, so nothing is shown and nothing is ruled out."),
    ] {
        let (code, out, said) = place.run(&["analyze", name, "-t", TORRENT, "--format", "json"]);
        assert_eq!(code, 0, "{said}");
        assert!(said.contains(why), "{said}");
        let report = json(&out);
        assert_eq!((&report["notes"][0], list(&report["transfers"]).len()), (&Value::from(why), 0));
        for arguments in [["analyze", name, "-t", TORRENT].as_slice(), &["analyze", name]] {
            let (code, out, _) = place.run(arguments);
            assert!(code == 0 && flat(&out).contains(why), "{out}");
        }
    }
}

#[test]
fn without_a_torrent_the_sessions_are_reported_and_nothing_is_verified() {
    let place = place();
    let (code, out, _) = place.run(&["analyze", CAPTURE, "--format", "json"]);
    let report = json(&out);
    assert_eq!((code, number(&report["transfers"][0]["served_bytes"])), (0, 300_001));
    assert_eq!(report["transfers"][0]["grade"], "G6");
    let (_, out, _) = place.run(&["analyze", CAPTURE]);
    assert!(
        flat(&out).contains("no torrent file with this info-hash was given, so nothing can be verified"),
        "{out}"
    );
}

#[test]
fn a_case_appears_whole_and_is_replaced_only_by_force() {
    let place = place();
    let (code, _, said) = place.run(&["analyze", CAPTURE, "-t", TORRENT, "-o", "case"]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("wrote ") && said.contains("case"), "{said}");
    let report = std::fs::read_to_string(place.path("case/report.json")).expect("a report");
    let (_, printed, _) = place.run(&["analyze", CAPTURE, "-t", TORRENT, "--format", "json"]);
    assert_eq!(report, printed, "the case holds what is printed");
    let mut names = names(&place.path("case"));
    assert!(names.contains(&"report.json".to_owned()));
    if cfg!(feature = "table") {
        for table in ["transfers", "subjects", "torrents", "inputs", "anomalies"] {
            assert!(
                names.contains(&format!("{table}.csv")) && names.contains(&format!("{table}.parquet")),
                "{names:?}"
            );
        }
    }
    let said = place.refused(&["analyze", CAPTURE, "-t", TORRENT, "-o", "case"]);
    assert!(said.contains("case exists already; --force replaces a case"), "{said}");
    let (code, ..) = place.run(&["analyze", CAPTURE, "-o", "case", "--force"]);
    assert_eq!(code, 0);
    let replaced = std::fs::read_to_string(place.path("case/report.json")).expect("a report");
    assert_ne!(replaced, report);
    names.sort();
    assert_eq!(names, self::names(&place.path("case")));
    let beside: Vec<String> = self::names(place.0.path());
    assert!(beside.iter().all(|name| !name.starts_with('.')), "nothing is left beside it: {beside:?}");
}

#[test]
fn a_case_never_replaces_what_is_none() {
    let place = place();
    std::fs::create_dir(place.path("thesis")).expect("a directory");
    place.put("thesis/chapter.tex", b"years of work");
    for (target, why) in [
        ("thesis", "thesis is not a case of this tool (chapter.tex is in it)"),
        (TORRENT, "is not a case of this tool (it is no directory)"),
        ("no/such/parent", "cannot find the parent directory of no/such/parent"),
    ] {
        let said = place.refused(&["analyze", CAPTURE, "-t", TORRENT, "-o", target, "--force"]);
        assert!(said.contains(why), "{said}");
    }
    assert_eq!(std::fs::read(place.path("thesis/chapter.tex")).expect("still there"), b"years of work");
    let said = place.refused(&["analyze", "missing.pcap", "-o", "case"]);
    assert!(said.contains("missing.pcap") && !place.path("case").exists(), "{said}");
}

#[test]
fn connections_without_a_row_are_said_everywhere_and_more_rows_list_them() {
    let case = fixture::named("metadata-only");
    let place = place();
    place.put("silent.pcap", &case.read("capture.pcap"));
    let (code, said, warned) = place.run(&["analyze", "silent.pcap", "--max-rows", "0"]);
    assert_eq!(code, 3, "{warned}");
    let note = "Not listed one by one: 1 connection of 2 endpoints with a handshake but no piece data";
    assert_eq!(flat(&said).matches(note).count(), 2, "{said}");
    assert!(warned.contains("warning: limit-reached, 1 time: rows: 1 connection of 2 endpoints"), "{warned}");
    let (code, said, _) = place.run(&["inspect", "silent.pcap", "--max-rows", "0"]);
    assert!(code == 3 && flat(&said).contains(note) && !said.contains("There is no BitTorrent"), "{said}");
    let (_, said, _) = place.run(&["analyze", "silent.pcap", "--max-rows", "0", "--format", "json"]);
    let report = json(&said);
    assert_eq!((&report["options"]["limits"]["rows"], &report["unlisted"]["endpoints"]), (&0.into(), &2.into()));
    let (code, said, _) = place.run(&["analyze", "silent.pcap", "--max-rows", "2", "--format", "json"]);
    assert_eq!((code, list(&json(&said)["transfers"]).len()), (0, 2));
}

#[test]
fn usage_errors_print_nothing_on_standard_output() {
    let place = place();
    for arguments in [
        [].as_slice(),
        &["analyze"],
        &["analyse", CAPTURE],
        &["analyze", CAPTURE, "--format", "xml"],
        &["analyze", CAPTURE, "--threads", "0"],
        &["analyze", CAPTURE, "--force"],
        &["analyze", CAPTURE, "--checksums", "maybe"],
        &["torrent"],
    ] {
        let (code, out, said) = place.run_raw(arguments);
        assert_eq!((code, out.as_str()), (2, ""), "{arguments:?}");
        assert!(!said.is_empty(), "{arguments:?}");
    }
}

#[test]
fn a_directory_a_pattern_and_a_name_that_reach_one_capture_say_what_the_name_says() {
    let place = place();
    std::fs::create_dir(place.path("ring")).expect("a directory");
    std::fs::rename(place.path(CAPTURE), place.path("ring/0001")).expect("moved");
    let json = |captures: &[&str]| {
        let (code, out, said) = place.run(&[&["analyze"], captures, &["-t", TORRENT, "--format", "json"]].concat());
        assert_eq!((code, said.as_str()), (0, ""), "{captures:?}");
        out
    };
    let alone = json(&["ring/0001"]);
    for captures in [&["ring"] as &[&str], &["ri*/00*"], &["ring", "ring/0001", "./ring/../ring/0001", "ring/[0]*"]]
    {
        assert!(json(captures) == alone, "{captures:?}");
    }
    for arguments in [["inspect", "ring"].as_slice(), &["torrent", "--from", "r?ng"]] {
        let (code, _, said) = place.run(arguments);
        assert_eq!((code, said.as_str()), (0, ""), "{arguments:?}");
    }
    let said = place.refused(&["analyze", "ring-*.pcapng", "-t", TORRENT]);
    assert!(said.contains("ring-*.pcapng: no such file, and as a pattern it fits none"), "{said}");
}

#[test]
fn what_is_no_capture_in_a_directory_is_named_and_does_not_stop_the_run() {
    let place = place();
    let (code, out, _) = place.run(&["analyze", ".", "-t", TORRENT]);
    let named = format!("passed over as no capture: {TORRENT} (a torrent (a bencoded dictionary))");
    assert!(code == 0 && out.contains(&named), "{out}");
    let (code, out, said) = place.run(&["analyze", ".", "-t", TORRENT, "--format", "json"]);
    assert_eq!((code, said), (0, format!("peerproof: note: {named}\n")));
    let report = json(&out);
    assert_eq!(report["passed_over"][0]["name"], TORRENT);
    assert_eq!(peerproof::report::violations(&report), Vec::<String>::new());
    let (_, out, _) = place.run(&["inspect", "."]);
    assert!(out.contains(&named), "{out}");
    let (_, _, said) = place.run(&["torrent", "--from", "."]);
    assert!(said.contains(&named), "{said}");
    // Named, it has to be one.
    place.refused(&["analyze", ".", TORRENT, "-t", TORRENT]);
}

#[test]
fn help_mentions_everything() {
    let place = place();
    let (code, out, _) = place.run(&["--help"]);
    assert_eq!(code, 0);
    for word in [
        "analyze",
        "torrent",
        "schema",
        "Exit codes:",
        "G0",
        "G1a",
        "G1b",
        "G2",
        "G3m",
        "G9",
        "GX",
        "Examples:",
        "offline",
    ] {
        assert!(out.contains(word), "{word} is not in:\n{out}");
    }
    let (_, out, _) = place.run(&["analyze", "--help"]);
    for word in [
        "<CAPTURE>",
        "--torrent",
        "--format",
        "table",
        "json",
        "csv",
        "--table",
        "--output",
        "--force",
        "--checksums",
        "--threads",
        "--strict",
        "--spool-dir",
        "--no-digest",
        "gzip",
        "pcapng",
        "standard",
    ] {
        assert!(out.contains(word), "{word} is not in:\n{out}");
    }
    for command in ["torrent", "schema"] {
        assert_eq!(place.run(&[command, "--help"]).0, 0);
    }
    assert!(place.run(&["--version"]).1.starts_with("peerproof "));
}

#[test]
fn the_schema_that_is_printed_is_the_one_that_reports_follow() {
    let place = place();
    let (code, out, _) = place.run(&["schema"]);
    assert_eq!((code, out.as_str()), (0, peerproof::report::SCHEMA));
    assert_eq!(json(&out)["properties"]["schema"]["const"], "peerproof/report/1");
}

#[test]
fn a_capture_is_read_from_standard_input_too() {
    let place = place();
    let bytes = std::fs::read(place.path(CAPTURE)).expect("readable");
    let mut command = place.command(&["analyze", "-", "-t", TORRENT, "--format", "json"]);
    let output = command.write_stdin(bytes).output().expect("the program starts");
    let report = json(&String::from_utf8_lossy(&output.stdout));
    assert_eq!(
        (&report["inputs"][0]["name"], number(&report["torrents"][0]["unique_bytes"])),
        (&"-".into(), 300_001)
    );
}

#[test]
fn no_path_of_this_machine_is_in_a_report() {
    let place = place();
    let capture = place.path(CAPTURE);
    let capture = capture.to_str().expect("text");
    let (_, out, _) = place.run(&["analyze", capture, "-t", TORRENT, "--format", "json"]);
    assert!(!out.contains(place.0.path().to_str().expect("text")), "{out}");
}

#[test]
fn every_report_to_read_fits_its_width_and_says_what_it_read() {
    for case in fixture::all() {
        let (code, out, _) = run(&case.folder, &["analyze", "capture.pcap", "-t", &case.torrent()]);
        assert!(code == 0 || code == 3, "{}", case.name);
        for part in ["IN SHORT", "READ", "QUALITY OF THE CAPTURE"] {
            assert!(out.contains(part), "{}: {part}\n{out}", case.name);
        }
        assert!(out.lines().all(|line| line.chars().count() <= 120), "{}:\n{out}", case.name);
    }
}

#[test]
fn the_readme_shows_what_its_first_command_prints() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = std::fs::read_to_string(root.join("README.md")).expect("readable");
    let sample = readme.split("```text\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a sample");
    let command = readme.lines().find_map(|line| line.strip_prefix("cargo run -- ")).expect("a command");
    let (code, out, said) = run(root, &command.split(' ').collect::<Vec<_>>());
    assert_eq!((code, said.as_str()), (0, ""));
    assert!(out == sample, "put into README.md:\n{out}");
}

#[test]
fn nothing_in_a_name_acts_on_the_terminal_that_shows_an_error() {
    let place = place();
    let name = "a\x1b[2J\u{202e}b.pcap";
    place.put(name, b"no capture");
    place.put("a\x1b]0;x\x07.torrent", b"no torrent");
    let case = format!("case{name}");
    for arguments in [
        ["analyze", name].as_slice(),
        &["analyze", "none\x1b[2J.pcap"],
        &["analyze", CAPTURE, "-t", "a\x1b]0;x\x07.torrent"],
        &["analyze", CAPTURE, "-t", "none\x1b[2J"],
        &["analyze", CAPTURE, "--format", "x\x1b[2Jml"],
        &["an\x1b[2Jalyze", CAPTURE],
        &["inspect", "none\x1b[2J"],
        &["torrent", "--from", name],
        &["analyze", CAPTURE, "-t", TORRENT, "-o", &case],
        &["analyze", CAPTURE, "-t", TORRENT, "-o", name],
    ] {
        let (_, out, said) = place.run(arguments);
        let acts = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
        assert!(!said.contains(acts) && !out.contains(acts), "{arguments:?}: {said:?}");
        // What clap says of arguments is without what it takes for colours.
        assert!(said.contains("\\u{1b}") || said.starts_with("error: "), "{arguments:?}: {said:?}");
    }
}

#[test]
fn rebuilt_torrents_are_written_all_or_none() {
    let place = place();
    for name in ["magnet", "v2-magnet"] {
        place.put(&format!("{name}.pcap"), &fixture::named(name).read("capture.pcap"));
    }
    let rebuild = ["torrent", "--from", "magnet.pcap", "v2-magnet.pcap", "-o", "out"];
    let (code, _, said) = place.run(&rebuild);
    let all = names(&place.path("out"));
    assert_eq!((code, all.len()), (0, 2), "{said}");
    for kept in &all {
        let other = all.iter().find(|name| *name != kept).expect("two");
        std::fs::remove_file(place.path(&format!("out/{other}"))).expect("removed");
        let said = place.refused(&rebuild);
        assert!(said.contains(kept.as_str()) && said.contains("no torrent was written"), "{said}");
        assert_eq!(names(&place.path("out")), std::slice::from_ref(kept));
        std::fs::remove_file(place.path(&format!("out/{kept}"))).expect("removed");
        assert_eq!(place.run(&rebuild).0, 0);
    }
}

const CAPTURE: &str = "capture.pcap";
const TORRENT: &str = "plain.torrent";

/// A directory with a capture and its torrent.
struct Place(TempDir);

fn place() -> Place {
    let case: Fixture = fixture::named("plain-transfer");
    let place = Place(tempfile::tempdir().expect("a directory"));
    place.put(CAPTURE, &case.read("capture.pcap"));
    place.put(TORRENT, &case.read(TORRENT));
    place
}

impl Place {
    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn put(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.path(name), bytes).expect("written");
    }

    fn command(&self, arguments: &[&str]) -> Command {
        command(self.0.path(), arguments)
    }

    /// Exit code, standard output, standard error; nothing may panic.
    fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        run(self.0.path(), arguments)
    }

    fn run_raw(&self, arguments: &[&str]) -> (i32, String, String) {
        run(self.0.path(), arguments)
    }

    /// What is said where the program cannot run: exit code 2, one sentence, nothing on standard output.
    fn refused(&self, arguments: &[&str]) -> String {
        let (code, out, said) = self.run(arguments);
        assert_eq!((code, out.as_str()), (2, ""), "{arguments:?}: {said}");
        assert!(said.starts_with("peerproof: error: ") && said.lines().count() <= 2, "{arguments:?}: {said}");
        said
    }
}

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_peerproof"));
    command.current_dir(folder).args(arguments);
    command
}

fn run(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let output = command(folder, arguments).output().expect("the program starts");
    let said = String::from_utf8(output.stderr).expect("text");
    assert!(!said.contains("panicked"), "{arguments:?}: {said}");
    let code = output.status.code().expect("no signal");
    (code, String::from_utf8(output.stdout).expect("text"), said)
}

fn json(text: &str) -> Value {
    let value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}:\n{text}"));
    let report: &Value = &value;
    if report["schema"].is_string() {
        assert_eq!(peerproof::report::violations(report), Vec::<String>::new());
    }
    value
}

/// Text without its line breaks.
fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("listed");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}
