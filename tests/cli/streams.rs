//! Standard output and standard error that are closed, full, or read by nobody.

use std::fs::File;
use std::process::{Command, Output, Stdio};

use super::{CAPTURE, Place, TORRENT, place};

fn program(place: &Place, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_peerproof"));
    command.current_dir(place.path("")).args(arguments).stdin(Stdio::null());
    command
}

fn full() -> Stdio {
    File::options().write(true).open("/dev/full").expect("a device that is full").into()
}

/// A capture that ends within a record: exit code 3, a warning, and a last line.
fn damaged(place: &Place) -> [&'static str; 4] {
    let pcap = std::fs::read(place.path(CAPTURE)).expect("readable");
    place.put("cut.pcap", &pcap[..100_000]);
    ["analyze", "cut.pcap", "-t", TORRENT]
}

fn code(output: &Output) -> Option<i32> {
    assert!(!String::from_utf8_lossy(&output.stderr).contains("panicked"));
    output.status.code()
}

#[test]
fn words_that_nobody_can_read_change_no_exit_code() {
    let place = place();
    let arguments = damaged(&place);
    let told = program(&place, &arguments).output().expect("it starts");
    assert_eq!(code(&told), Some(3));
    let untold = program(&place, &arguments).stderr(full()).output().expect("it starts");
    assert_eq!((code(&untold), &untold.stdout), (Some(3), &told.stdout));
    for refused in [["analyze", "missing.pcap"], ["analyse", CAPTURE], ["inspect", TORRENT]] {
        let refused = program(&place, &refused).stderr(full()).output().expect("it starts");
        assert_eq!(code(&refused), Some(2));
    }
}

#[test]
fn a_result_that_the_disk_has_no_room_for_is_a_failure_that_is_told() {
    let place = place();
    for arguments in [
        &["analyze", CAPTURE, "-t", TORRENT] as &[&str],
        &["analyze", CAPTURE, "-f", "json"],
        &["inspect", CAPTURE],
        &["torrent", TORRENT],
        &["schema"],
        &["--help"],
        &["-V"],
        &["analyze", "--help"],
        &["analyze", "-h"],
    ] {
        let output = program(&place, arguments).stdout(full()).output().expect("it starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(
            (code(&output), said.as_ref()),
            (Some(2), "error: standard output: disk full\n"),
            "{arguments:?}"
        );
    }
}

#[test]
fn a_reader_that_goes_away_changes_no_exit_code() {
    let place = place();
    let damaged = damaged(&place);
    for (arguments, expected) in [(&damaged as &[&str], 3), (&["inspect", "cut.pcap"], 3), (&["schema"], 0)] {
        let mut child =
            program(&place, arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        drop(child.stdout.take());
        let output = child.wait_with_output().expect("it ends");
        assert_eq!(code(&output), Some(expected), "{arguments:?}");
        assert!(!String::from_utf8_lossy(&output.stderr).contains("error: "), "{arguments:?}");
    }
}

#[test]
fn streams_that_are_closed_from_the_start_are_no_failure() {
    let place = place();
    let arguments = damaged(&place).join(" ");
    for closed in [">&-", "2>&-", ">&- 2>&- <&-"] {
        let line = format!("exec '{}' {arguments} -o case {closed}", env!("CARGO_BIN_EXE_peerproof"));
        let output = Command::new("sh").current_dir(place.path("")).args(["-c", &line]).output();
        assert_eq!(code(&output.expect("a shell")), Some(3), "{closed}");
        std::fs::remove_dir_all(place.path("case")).expect("the case is there");
    }
}

#[test]
fn each_exit_code_but_0_ends_with_one_line_that_tells_the_cause() {
    let place = place();
    let output = program(&place, &damaged(&place)).output().expect("it starts");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let last = said.lines().last().unwrap_or_default();
    assert!(last.starts_with("peerproof: exit 3: complete, but cut.pcap is damaged at byte "), "{said}");
    let quiet = program(&place, &[&damaged(&place)[..], &["-q"]].concat()).output().expect("it starts");
    assert_eq!(String::from_utf8_lossy(&quiet.stderr).lines().last(), Some(last), "also with -q");
    let output = program(&place, &["inspect", "cut.pcap"]).output().expect("it starts");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.starts_with("peerproof: exit 3: complete, but ") && said.lines().count() == 1, "{said}");
}
