//! Capture files as files: formats, compression, damage, and what is passed over in them.

mod custody;
mod damage;
mod formats;

use std::process::{Command, Stdio};

use serde_json::Value;

use crate::fixture::{self, Fixture};

/// The program over one file of content `capture`, and the torrent of `plain-transfer`.
struct Given {
    folder: tempfile::TempDir,
}

/// Output of the program.
#[derive(Debug)]
struct Said {
    code: i32,
    out: String,
    errors: String,
}

impl Given {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a directory");
        let case = plain();
        std::fs::write(folder.path().join("a.torrent"), case.read(&case.torrent())).expect("room");
        Self { folder }
    }

    fn put(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.folder.path().join(name), bytes).expect("room");
    }

    /// `analyze NAME -t a.torrent --format json` with more options.
    fn analyze(&self, name: &str, options: &[&str]) -> Said {
        self.run(&[&["analyze", name, "-t", "a.torrent", "--format", "json"], options].concat(), None)
    }

    fn run(&self, arguments: &[&str], input: Option<&[u8]>) -> Said {
        let mut command = Command::new(env!("CARGO_BIN_EXE_peerproof"));
        command.current_dir(self.folder.path()).args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        if let (Some(mut pipe), Some(bytes)) = (child.stdin.take(), input) {
            std::io::Write::write_all(&mut pipe, bytes).expect("the program reads");
        }
        let output = child.wait_with_output().expect("the program ends");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        let (out, errors) = (text(output.stdout), text(output.stderr));
        assert!(!errors.contains("panicked"), "{arguments:?}: {errors}");
        Said { code: output.status.code().expect("no signal"), out, errors }
    }
}

impl Said {
    #[track_caller]
    fn report(&self, code: i32) -> Value {
        assert_eq!(self.code, code, "{}", self.errors);
        let report: Value = serde_json::from_str(&self.out).expect("a report is JSON");
        assert_eq!(crate::fixture::violations(&report), Vec::<String>::new());
        report
    }
}

/// TCP over IPv4, Ethernet, a little-endian microsecond pcap file.
fn plain() -> Fixture {
    fixture::named("plain-transfer")
}

/// The report of the plain file, without its inputs.
fn golden() -> Value {
    let case = plain();
    serde_json::from_slice(&case.read("report.json")).expect("a report is JSON")
}

/// That two reports say the same of everything but their inputs.
#[track_caller]
fn same_but_inputs(what: &str, one: &Value, other: &Value) {
    for part in ["torrents", "transfers", "subjects", "mentions", "opaque", "anomalies", "quality", "notes"] {
        assert_eq!(one[part], other[part], "{what}: {part}");
    }
}

/// Records of a pcap file: seconds, microseconds, captured bytes, length on the wire.
fn records(file: &[u8]) -> Vec<(u32, u32, Vec<u8>, u32)> {
    let word = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().expect("four bytes"));
    let (mut records, mut at) = (Vec::new(), 24);
    while at < file.len() {
        let end = at + 16 + word(at + 8) as usize;
        records.push((word(at), word(at + 4), file[at + 16..end].to_vec(), word(at + 12)));
        at = end;
    }
    records
}
