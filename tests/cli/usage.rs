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
        "Look ", "Answer ", "analyze", "torrent", "schema", "Exit ", "G0", "G9", "words", "130, 143", "Examples",
        "offline",
    ] {
        assert!(out.contains(word), "{word} is not in:\n{out}");
    }
    assert_eq!(place.run(&["-h"]).1, out, "one screen");
    assert!(out.lines().count() <= 30 && out.lines().all(|line| line.len() <= 80), "{out}");
    let (code, out, _) = place.run(&["analyze", "-h"]);
    assert!(
        code == 0
            && out.starts_with("Usage: peerproof analyze CAPTURE... [-t FILE]...")
            && out.lines().count() < 20,
        "{out}"
    );
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
    assert_eq!((code, out.as_str()), (0, peerproof::report::schema().expect("a schema").as_str()));
    assert_eq!(json(&out)["$id"], "peerproof/report/1");
}

#[test]
fn an_error_is_one_line_that_says_where_and_what_and_what_to_try() {
    let place = place();
    std::fs::create_dir(place.path("ring")).expect("a directory");
    for (arguments, expected) in [
        (&["analyse", CAPTURE] as &[&str], "no command analyse; try: peerproof analyze"),
        (&["missing.pcap"], "missing.pcap: no such file; try: peerproof inspect ."),
        (&[], "no capture named; try: peerproof CAPTURE, or peerproof --help"),
        (&["analyze", "missing.pcap"], "missing.pcap: no such file; try: peerproof inspect ."),
        (&["analyze", CAPTURE, "--formt", "json"], "unexpected argument '--formt' found; try: --format"),
        (&["analyze", CAPTURE, "-f", "jsn"], "invalid value 'jsn' for '--format <FORMAT>' [possible values: text"),
        (&["analyze", CAPTURE, "--table", "inputs"], "--table is for CSV alone; try: -f csv --table inputs"),
        (
            &["analyze"],
            "the following required arguments were not provided: <CAPTURE>...; try: peerproof analyze --help",
        ),
        (&["analyze", "ring"], "ring: an empty directory, without any capture"),
        (&["analyze", CAPTURE, "-t", "ring"], "ring: a directory without any .torrent file"),
        (&["schema", "sums"], "invalid value 'sums' for '[OF]' [possible values: report, inspect]; try: "),
    ] {
        let (code, out, said) = place.run(arguments);
        assert_eq!((code, out.as_str(), said.lines().count()), (2, "", 1), "{arguments:?}: {said}");
        assert!(said.starts_with(&format!("error: {expected}")) && !said.contains("os error"), "{said}");
    }
}

#[test]
fn a_value_that_is_none_of_an_option_leads_to_the_help_of_the_command() {
    let place = place();
    for (option, value) in [("--peer", "foo"), ("--tz", "Europe/Berlim"), ("--sort", "foo"), ("--from", "02:59:58")]
    {
        let said = place.refused(&["analyze", CAPTURE, option, value]);
        assert!(said.ends_with("; try: peerproof analyze --help\n"), "{said}");
    }
    let said = place.refused(&["report", "case", "--sort", "foo"]);
    assert!(said.contains("possible values: peer, grade, served") && said.contains("report --help"), "{said}");
}

#[test]
fn the_words_of_the_reports_are_explained_all_or_one() {
    let place = place();
    let (code, all, said) = place.run(&["words"]);
    assert_eq!((code, said.as_str()), (0, ""));
    for word in ["G0", "G1a", "G1b", "G2", "G3m", "G9", "GX", "standard met", "disputed", "resynchronised"] {
        let (code, one, _) = place.run(&["words", word]);
        assert!(code == 0 && one.starts_with(&format!("  {word}\n")) && all.contains(&one), "{word}: {one}");
    }
    for (word, start) in [("no-zone", "  no-zone, of audit\n"), ("overlap-conflict", "  overlap-conflict\n")] {
        let (code, one, _) = place.run(&["words", word]);
        assert!(code == 0 && one.starts_with(start) && all.contains(&format!("  {word}\n")), "{one}");
    }
    assert!(place.run(&["words", "overlap-conflict"]).1.contains("  overlap-conflict, of audit\n"));
    assert_eq!(place.run(&["words", "standard", "met"]).1, place.run(&["words", "Standard met"]).1);
    let said = place.refused(&["words", "seeder"]);
    assert!(
        said.starts_with("error: seeder is no word of the reports") && said.ends_with("; try: peerproof words\n"),
        "{said}"
    );
}

#[test]
fn the_schema_of_inspect_is_the_one_that_inspections_follow() {
    use crate::fixture::{self, list};
    let (code, schema, _) = place().run(&["schema", "inspect"]);
    assert_eq!((code, &json(&schema)["$id"]), (0, &"peerproof/inspect/1".into()));
    let required = list(&json(&schema)["required"]).len();
    for case in fixture::all() {
        let (_, out, _) = super::run(&case.folder, &["inspect", "capture.pcap", "-f", "json"]);
        let value: serde_json::Value = serde_json::from_str(&out).expect("JSON");
        assert_eq!(crate::fixture::violations_of(&schema, &value), Vec::<String>::new(), "{}", case.name);
        assert_eq!(value.as_object().map(serde_json::Map::len), Some(required), "{}", case.name);
    }
    // And departs from it where something is missing.
    let faults = crate::fixture::violations_of(&schema, &serde_json::json!({"schema": "peerproof/inspect/1"}));
    assert_eq!(faults.len(), required - 1, "{faults:?}");
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
    assert_eq!((code, said.as_str()), (0, ""));
    assert!(out.starts_with("ok: 17 pages in man1; "), "{out}");
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
