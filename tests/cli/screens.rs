//! What is printed, and what is safe to print.

use std::path::Path;

use serde_json::Value;

use super::{CAPTURE, TORRENT, flat, json, place, run};
use crate::fixture::{self, list};
use crate::synth::run::address;
use crate::synth::swarm::{Side, World};

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
