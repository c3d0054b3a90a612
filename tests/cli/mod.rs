//! The program from outside: what it says, where it says it, and with which exit code.

mod cases;
mod changes;
mod inputs;
mod privacy;
mod screens;
mod signals;
mod streams;
mod torrents;
mod usage;

use std::path::{Path, PathBuf};

use assert_cmd::Command;
use serde_json::Value;
use tempfile::TempDir;

use crate::fixture::{self, Fixture};

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

    /// The error of a run that cannot go on: exit code 2, one sentence, nothing on standard output.
    fn refused(&self, arguments: &[&str]) -> String {
        let (code, out, said) = self.run(arguments);
        assert_eq!((code, out.as_str()), (2, ""), "{arguments:?}: {said}");
        assert!(said.starts_with("error: ") && said.lines().count() <= 2, "{arguments:?}: {said}");
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
    if report["schema"].as_str().is_some_and(|schema| schema.starts_with("peerproof/report/")) {
        assert_eq!(crate::fixture::violations(report), Vec::<String>::new());
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
