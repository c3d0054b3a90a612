//! Captures on the command line: what is taken for one, what is not, and what is said of it.

use serde_json::Value;

use super::{CAPTURE, TORRENT, json, place};
use crate::fixture::{self, list, number};

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
    assert!(said.contains("error: missing.pcap: no such file; try: peerproof inspect ."), "{said}");
    let said = place.refused(&["analyze", CAPTURE, "-t", "missing.torrent"]);
    assert!(said.contains("error: missing.torrent: no such file; try: peerproof torrent ."), "{said}");
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
    assert!(said.contains("capture.pcap: permission denied"), "{said}");
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
    assert_eq!((code, said), (0, format!("note: {named}\n")));
    let report = json(&out);
    assert_eq!(report["passed_over"][0]["name"], TORRENT);
    assert_eq!(crate::fixture::violations(&report), Vec::<String>::new());
    let (_, out, _) = place.run(&["inspect", "."]);
    assert!(out.contains(&named), "{out}");
    let (_, _, said) = place.run(&["torrent", "--from", "."]);
    assert!(said.contains(&named), "{said}");
    // Named, it has to be one.
    place.refused(&["analyze", ".", TORRENT, "-t", TORRENT]);
}

#[test]
fn a_digest_that_a_list_states_is_taken_over_and_marked_as_stated() {
    let place = place();
    place.put("other.pcap", &fixture::named("tcp-loss").read("capture.pcap"));
    let stated = "ab".repeat(32);
    place.put("SHA256SUMS", format!("{stated} *./{CAPTURE}\n{}  unrelated.bin\n", "00".repeat(32)).as_bytes());
    let analyze = ["analyze", CAPTURE, "other.pcap", "-t", TORRENT, "-f", "json"];
    let (code, plain, said) = place.run(&analyze);
    assert_eq!((code, said.as_str()), (0, ""));
    let (code, out, said) = place.run(&[&analyze[..], &["--sha256-from", "SHA256SUMS"]].concat());
    let note = format!("The SHA-256 of {CAPTURE} was taken over from a list (--sha256-from) and not computed.");
    assert_eq!((code, said), (0, format!("note: {note}\n")));
    let (report, mut expected) = (json(&out), json(&plain));
    assert_eq!(crate::fixture::violations(&report), Vec::<String>::new());
    let capture = list(&expected["inputs"]).iter().position(|input| input["name"] == CAPTURE).expect("there");
    expected["inputs"][capture]["sha256"] = stated.as_str().into();
    expected["inputs"][capture]["sha256_stated"] = true.into();
    assert!(list(&report["notes"]).iter().any(|said| *said == note.as_str()), "{}", report["notes"]);
    expected["notes"] = report["notes"].clone();
    assert_eq!(report, expected, "all else is computed as before");
    // On paper too, a digest that nobody computed is told from one that was.
    let given = ["analyze", CAPTURE, "other.pcap", "-t", TORRENT, "--sha256-from", "SHA256SUMS"];
    for (format, words) in [
        ("text", "(stated by the list that was given, not computed)"),
        ("html", "(stated by a list, not computed)"),
        ("html", "--sha256-from FILE"),
    ] {
        let (_, out, _) = place.run(&[&given[..], &["-f", format, "-v"]].concat());
        assert!(out.contains(words), "{format}: {out}");
    }
    // Computing none does not take away what is stated.
    let (_, out, _) = place.run(&[&analyze[..], &["--no-digest", "--sha256-from", "SHA256SUMS"]].concat());
    let inputs = &json(&out)["inputs"];
    assert_eq!(
        (&inputs[capture]["sha256"], &inputs[1 - capture]["sha256"]),
        (&stated.as_str().into(), &Value::Null)
    );

    place.put("wrong", format!("{stated}  {CAPTURE}\n{stated} {CAPTURE}\n").as_bytes());
    let said = place.refused(&["analyze", CAPTURE, "-t", TORRENT, "--sha256-from", "wrong"]);
    assert!(
        said.contains("wrong: at byte 79: found \"ab") && said.contains("on line 2, expected 64 hex"),
        "{said}"
    );
    place.put("others", format!("{stated}  unrelated.bin\n").as_bytes());
    let said = place.refused(&["analyze", CAPTURE, "-t", TORRENT, "--sha256-from", "others"]);
    assert!(said.contains("others states a digest of none of the captures"), "{said}");
    let said = place.refused(&["analyze", CAPTURE, "-t", TORRENT, "--sha256-from", "missing"]);
    assert!(said.contains("missing: "), "{said}");
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
