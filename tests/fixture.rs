//! The recordings of real clients in `fixtures/`, and what is known of them from elsewhere.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use serde_json::Value;

/// One folder of `fixtures/`.
#[derive(Clone, Debug)]
pub struct Fixture {
    pub name: String,
    pub folder: PathBuf,
}

/// Every case, sorted by name.
pub fn all() -> Vec<Fixture> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let entries = std::fs::read_dir(root).expect("fixtures can be listed");
    let folders = entries.map(|entry| entry.expect("readable").path()).filter(|path| path.is_dir());
    let mut cases: Vec<Fixture> = folders
        .map(|folder| Fixture { name: folder.file_name().expect("a name").to_string_lossy().into_owned(), folder })
        .collect();
    cases.sort_by(|one, other| one.name.cmp(&other.name));
    assert!(cases.len() >= 8, "{} cases", cases.len());
    cases
}

/// The case of that name.
pub fn named(name: &str) -> Fixture {
    all().into_iter().find(|case| case.name == name).expect("a case of that name")
}

impl Fixture {
    pub fn path(&self, file: &str) -> PathBuf {
        self.folder.join(file)
    }

    pub fn read(&self, file: &str) -> Vec<u8> {
        std::fs::read(self.path(file)).unwrap_or_else(|error| panic!("{}/{file}: {error}", self.name))
    }

    /// The record of the clients and the generator.
    pub fn truth(&self) -> Value {
        serde_json::from_slice(&self.read("truth.json")).expect("truth.json is JSON")
    }

    /// The file name of the only torrent.
    pub fn torrent(&self) -> String {
        text(&self.truth()["torrents"][0]["metainfo"]).to_owned()
    }

    /// File names of the captures: the same packets, in one format or two.
    pub fn captures(&self) -> Vec<&'static str> {
        ["capture.pcap", "capture.pcapng"].into_iter().filter(|name| self.path(name).exists()).collect()
    }

    /// The report of the program on one capture with the torrent, as it stands on standard output.
    pub fn report(&self, capture: &str) -> String {
        self.report_with(capture, &[])
    }

    /// The report of `capture` with more arguments; in another form, where `-f` is among them.
    pub fn report_with(&self, capture: &str, more: &[&str]) -> String {
        self.report_by("", capture, more)
    }

    /// The report of `capture` by a hash engine; by the one that the program chooses where none is named.
    pub fn report_by(&self, engine: &str, capture: &str, more: &[&str]) -> String {
        let torrent = self.torrent();
        let secrets: &[&str] =
            if self.path("secrets.txt").exists() { &["--mse-secrets", "secrets.txt"] } else { &[] };
        let mut command = Command::new(env!("CARGO_BIN_EXE_peerproof"));
        command
            .current_dir(&self.folder)
            .env(peerproof_hash::VARIABLE, engine)
            .args(["analyze", capture, "-t", &torrent])
            .args(if more.contains(&"-f") { &[] as &[&str] } else { &["-f", "json"] })
            .args(secrets)
            .args(more);
        let output = command.output().expect("the program starts");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(matches!(output.status.code(), Some(0 | 3)), "{}: {}: {errors}", self.name, output.status);
        String::from_utf8(output.stdout).expect("a report is text")
    }
}

/// A number that must be there.
#[track_caller]
pub fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("a number, not {value}"))
}

/// A text that must be there.
#[track_caller]
pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("a text, not {value}"))
}

/// A list that must be there.
#[track_caller]
pub fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap_or_else(|| panic!("a list, not {value}"))
}

/// Where a report departs from the schema that `peerproof schema` prints; empty when it conforms.
pub fn violations(report: &Value) -> Vec<String> {
    static VALIDATOR: LazyLock<jsonschema::Validator> = LazyLock::new(|| {
        let schema = peerproof::report::schema().expect("a schema");
        jsonschema::validator_for(&serde_json::from_str(&schema).expect("JSON")).expect("a schema")
    });
    VALIDATOR.iter_errors(report).map(|fault| format!("{}: {fault}", fault.instance_path)).collect()
}

/// Where `value` departs from `schema`.
pub fn violations_of(schema: &str, value: &Value) -> Vec<String> {
    let validator = jsonschema::validator_for(&serde_json::from_str(schema).expect("JSON")).expect("a schema");
    validator.iter_errors(value).map(|fault| format!("{}: {fault}", fault.instance_path)).collect()
}
