//! `peerproof check` as a program: the fixtures, whose figures are those of the clients, and expectations that fail.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

fn check(arguments: &[&str], on_github: bool) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_peerproof"));
    command.arg("check").args(arguments).env_remove("GITHUB_ACTIONS");
    if on_github {
        command.env("GITHUB_ACTIONS", "true");
    }
    command.output().expect("the program runs")
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

fn errors(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("UTF-8")
}

/// A folder with a capture and its torrent.
fn case(name: &str, torrent: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a directory");
    let inside = folder.path().join("deep/below");
    std::fs::create_dir_all(&inside).expect("made");
    for file in ["capture.pcap", torrent] {
        std::fs::copy(fixtures().join(name).join(file), inside.join(file)).expect("copied");
    }
    folder
}

fn expect(folder: &tempfile::TempDir, text: &str) {
    std::fs::write(folder.path().join("deep/below/expect.toml"), text).expect("written");
}

#[test]
fn every_fixture_is_as_expected() {
    let done = check(&[fixtures().to_str().expect("a path")], false);
    assert_eq!(done.status.code(), Some(0), "{}{}", out(&done), errors(&done));
    let folders = std::fs::read_dir(fixtures())
        .expect("readable")
        .filter(|entry| entry.as_ref().is_ok_and(|entry| entry.path().join("capture.pcap").is_file()));
    let count = folders.count();
    assert!(out(&done).starts_with(&format!("ok: {count} of {count} cases, ")), "{}", out(&done));
}

#[test]
fn the_question_of_a_clients_ci_is_answered() {
    let folder = case("corrupt-seeder", "shared.torrent");
    let place = folder.path().to_str().expect("a path").to_owned();
    expect(
        &folder,
        "[[subject]]\nclient = \"libtorrent*\"\ngrade = \">=G8\"\nstandard = true\nrefuted_bytes = 0\n",
    );
    assert_eq!(check(&[&place], false).status.code(), Some(0));
    // Of the two seeders one sent spoilt blocks: only one can fulfil it.
    expect(&folder, "[[subject]]\nclient = \"libtorrent*\"\nserved_bytes = \">0\"\nrefuted_bytes = 0\ncount = 2\n");
    let junit = folder.path().join("check.xml");
    let done = check(&[&place, "--junit", junit.to_str().expect("a path")], true);
    let text = out(&done);
    assert_eq!(done.status.code(), Some(1), "{text}");
    assert!(text.contains("expect.toml:1  client = \"libtorrent*\""), "{text}");
    assert!(text.contains("  - count = 2\n  + count = 1\n") && text.contains("::error file="), "{text}");
    assert!(errors(&done).ends_with("exit 1: 1 of 1 case differs (to accept what was found: --bless)\n"));
    let xml = std::fs::read_to_string(junit).expect("written");
    assert!(xml.contains("tests=\"1\" failures=\"1\" errors=\"0\""), "{xml}");
}

#[test]
fn a_first_expectation_is_written_and_holds_and_is_only_replaced_where_it_differs() {
    let folder = case("corrupt-seeder", "shared.torrent");
    let place = folder.path().to_str().expect("a path").to_owned();
    let file = folder.path().join("deep/below/expect.toml");
    let nothing = check(&[&place], false);
    assert_eq!(nothing.status.code(), Some(2));
    assert!(errors(&nothing).contains("no expect.toml in or below"), "{}", errors(&nothing));
    assert_eq!(check(&[&place, "--bless"], false).status.code(), Some(0));
    let first = std::fs::read_to_string(&file).expect("written");
    assert_eq!(check(&[&place], false).status.code(), Some(0));
    let own = format!("# reviewed\n{first}");
    expect(&folder, &own);
    check(&[&place, "--bless"], false);
    assert_eq!(std::fs::read_to_string(&file).expect("there"), own);
    expect(&folder, &own.replace("refuted_bytes = 32768", "refuted_bytes = 0"));
    check(&[&place, "--bless"], false);
    assert_eq!(std::fs::read_to_string(&file).expect("there"), first);
}

#[test]
fn what_cannot_be_run_is_told_with_its_place() {
    let folder = case("corrupt-seeder", "shared.torrent");
    let place = folder.path().to_str().expect("a path").to_owned();
    for (text, words) in [
        ("[[subject]]\nport = 6881\n", "deep/below/expect.toml:2: unknown key port; expected one of"),
        ("[[subject]]\nserved_bytes = -5\n", "expect.toml:2: served_bytes is to be a number"),
        ("[options]\ncaptures = [\"gone.pcap\"]\n[[subject]]\n", "1 of 1 case could not be run"),
    ] {
        expect(&folder, text);
        let done = check(&[&place], false);
        assert_eq!(done.status.code(), Some(2), "{text}");
        assert!(errors(&done).contains(words), "{text}: {}", errors(&done));
    }
    assert_eq!(check(&["no-such-directory"], false).status.code(), Some(2));
}

#[test]
fn damage_is_exit_3_unless_it_is_expected() {
    let folder = case("corrupt-seeder", "shared.torrent");
    let place = folder.path().to_str().expect("a path").to_owned();
    let capture = folder.path().join("deep/below/capture.pcap");
    let bytes = std::fs::read(&capture).expect("readable");
    std::fs::write(&capture, &bytes[..bytes.len() - 7]).expect("written");
    expect(&folder, "[[subject]]\ncount = 3\n");
    assert_eq!(check(&[&place], false).status.code(), Some(3));
    expect(&folder, "[[subject]]\ncount = 3\n[anomalies]\ndamaged-capture = 1\n");
    assert_eq!(check(&[&place], false).status.code(), Some(0));
}
