//! Arguments, help and schemas.

use super::{CAPTURE, json, place};

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
        &["analyze", CAPTURE, "--table", "subjects"],
        &["analyze", CAPTURE, "-f", "json", "--table", "subjects"],
        &["torrent"],
    ] {
        let (code, out, said) = place.run_raw(arguments);
        assert_eq!((code, out.as_str()), (2, ""), "{arguments:?}");
        assert!(!said.is_empty(), "{arguments:?}");
    }
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
