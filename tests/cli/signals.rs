//! Signals that end a run, at any moment of it.

use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::{CAPTURE, Place, TORRENT, names, place};

#[test]
fn a_signal_ends_a_run_with_its_code_and_leaves_nothing() {
    for (signal, code) in [("INT", 130), ("TERM", 143), ("HUP", 129)] {
        if is_ignored(signal) {
            // As in the background of a shell: it stays ignored, see below.
            eprintln!("SIG{signal} is ignored by whoever runs the tests: not tried");
            continue;
        }
        let place = place();
        let before = names(&place.path(""));
        std::fs::create_dir(place.path("spool")).expect("a directory");
        let mut child = start(&place, &["analyze", "-", "-t", TORRENT, "-o", "case", "--spool-dir", "spool"]);
        let capture = std::fs::read(place.path(CAPTURE)).expect("readable");
        // More than a pipe holds: when all of it is taken, the program is at work. The pipe stays open.
        let mut pipe = child.stdin.take().expect("piped");
        pipe.write_all(&capture).expect("read");
        kill(&child, signal);
        assert_eq!(child.wait().expect("it ends").code(), Some(code), "{signal}");
        let mut said = String::new();
        child.stderr.take().expect("piped").read_to_string(&mut said).expect("text");
        assert_eq!(said, format!("peerproof: exit {code}: stopped by a signal, nothing was written\n"));
        assert!(names(&place.path("spool")).is_empty());
        std::fs::remove_dir(place.path("spool")).expect("empty");
        assert_eq!(names(&place.path("")), before, "{signal}");
    }
}

/// The case is there as a whole, or nothing of it, whenever the signal came; and so is one that is replaced.
#[test]
fn a_signal_at_any_moment_leaves_a_whole_case_or_none() {
    let place = place();
    assert_eq!(place.run(&["analyze", CAPTURE, "-t", TORRENT, "-o", "whole"]).0, 0);
    let whole = names(&place.path("whole"));
    let mut ended = [0, 0];
    for moment in 0..24 {
        let forced = moment % 2 == 1;
        let more: &[&str] = if forced { &["-o", "case", "--force"] } else { &["-o", "case"] };
        if !forced && place.path("case").exists() {
            std::fs::remove_dir_all(place.path("case")).expect("removed");
        }
        let stood = place.path("case").exists();
        let mut child = start(&place, &[&["analyze", CAPTURE, "-t", TORRENT], more].concat());
        std::thread::sleep(Duration::from_millis(10 * moment));
        kill(&child, "TERM");
        let code = child.wait().expect("it ends").code();
        let mut said = String::new();
        child.stderr.take().expect("piped").read_to_string(&mut said).expect("text");
        // Before it listens, the signal ends it as any program.
        assert!(matches!(code, Some(0 | 143) | None), "{code:?}");
        ended[usize::from(code == Some(0))] += 1;
        let hidden: Vec<String> = names(&place.path("")).into_iter().filter(|name| name.starts_with('.')).collect();
        assert!(hidden.is_empty(), "{moment}: {hidden:?}");
        assert!(place.path("case").exists() || (!stood && code != Some(0)), "{moment}: {code:?}");
        if place.path("case").exists() {
            assert_eq!(names(&place.path("case")), whole, "{moment}");
        }
        if code == Some(143) && !stood {
            let is_there = place.path("case").exists();
            assert_eq!(said.contains("nothing was written"), !is_there, "{moment}: {said}");
        }
    }
    assert!(ended[0] > 0, "no run was stopped");
}

#[test]
fn a_signal_that_the_caller_ignores_stays_ignored() {
    let place = place();
    let line = format!(
        "trap '' INT; '{}' analyze - -t {TORRENT} -f json < in > out & wait",
        env!("CARGO_BIN_EXE_peerproof")
    );
    assert!(Command::new("mkfifo").arg(place.path("in")).status().expect("mkfifo").success());
    let mut shell = Command::new("sh").current_dir(place.path("")).args(["-c", &line]).spawn().expect("a shell");
    let mut pipe = std::fs::File::options().write(true).open(place.path("in")).expect("opened");
    pipe.write_all(&std::fs::read(place.path(CAPTURE)).expect("readable")).expect("read");
    let children = format!("/proc/{0}/task/{0}/children", shell.id());
    if let Ok(children) = std::fs::read_to_string(children) {
        for child in children.split_whitespace() {
            assert!(Command::new("kill").args(["-s", "INT", child]).status().expect("kill").success());
        }
    }
    drop(pipe);
    assert!(shell.wait().expect("it ends").success());
    assert!(std::fs::read_to_string(place.path("out")).expect("a report").contains("\"peerproof/report/"));
}

/// Returns true if this process, and so its children, ignore a signal.
fn is_ignored(signal: &str) -> bool {
    let number = match signal {
        "HUP" => 1,
        "INT" => 2,
        _ => 15,
    };
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .is_some_and(|mask| mask >> (number - 1) & 1 == 1)
}

fn start(place: &Place, arguments: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_peerproof"));
    command.current_dir(place.path("")).args(arguments).stdin(Stdio::piped()).stdout(Stdio::null());
    command.stderr(Stdio::piped()).spawn().expect("it starts")
}

fn kill(child: &Child, signal: &str) {
    // A process that has ended and is not waited for takes signals, too.
    let status = Command::new("kill").args(["-s", signal, &child.id().to_string()]).status();
    assert!(status.expect("kill is everywhere").success());
}
