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

#[test]
fn completions_of_every_shell_know_every_command() {
    let place = place();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let (code, out, said) = place.run(&["completions", shell]);
        assert_eq!((code, said.as_str()), (0, ""), "{shell}");
        for word in ["analyze", "inspect", "torrent", "--torrents-here", "--mse-secrets"] {
            assert!(out.contains(word.trim_start_matches("--")), "{shell}: {word}");
        }
    }
    let (_, bash, _) = place.run(&["completions", "bash"]);
    place.put("completions", bash.as_bytes());
    let output = std::process::Command::new("bash").arg("-n").arg(place.path("completions")).output();
    assert!(output.is_ok_and(|output| output.status.success() && output.stderr.is_empty()), "bash reads it");
}

#[test]
fn manual_pages_are_printed_and_written_one_for_each_command() {
    let place = place();
    let (code, out, said) = place.run(&["man"]);
    assert_eq!((code, said.as_str()), (0, ""));
    assert!(out.contains(".TH peerproof 1") && out.contains("peerproof\\-analyze(1)"), "{out}");
    let (code, out, said) = place.run(&["man", "-o", "man1"]);
    assert_eq!((code, out.as_str(), said.as_str()), (0, "", ""));
    let pages = super::names(&place.path("man1"));
    for page in ["peerproof.1", "peerproof-analyze.1", "peerproof-inspect.1", "peerproof-torrent.1"] {
        assert!(pages.iter().any(|name| name == page), "{page}: {pages:?}");
    }
    let analyze = std::fs::read_to_string(place.path("man1/peerproof-analyze.1")).expect("a page");
    assert!(analyze.contains("\\-\\-torrents\\-here") && analyze.contains(".SH SYNOPSIS"), "{analyze}");
    let said = place.refused(&["man", "-o", "man1"]);
    assert!(said.contains("exists already; try: -o elsewhere"), "{said}");
    assert_eq!(super::names(&place.path("man1")), pages);
}
