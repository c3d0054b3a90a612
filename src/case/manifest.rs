//! `manifest.json`: size and SHA-256 of every input and output, and what made them. No clock, host, user or path.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::report::{Document, Input, Options, Schema, Tool, hex, stable_json};

/// The manifest of a case.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Manifest {
    pub(super) schema: String,
    /// That of `report.json` beside it.
    report_schema: Schema,
    tool: Tool,
    options: Options,
    inputs: Vec<Entry>,
    /// Every other file of the case, sorted by name.
    pub(super) outputs: Vec<Entry>,
}

/// A file.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) name: String,
    bytes: u64,
    /// `None` where the run was told not to compute it.
    pub(super) sha256: Option<String>,
    /// Set if the digest was taken over from a list and not computed; left out where it was computed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sha256_stated: Option<bool>,
}

impl Entry {
    /// An output.
    pub(super) fn of(name: &str, bytes: u64, sha256: &[u8]) -> Self {
        Self { name: name.to_owned(), bytes, sha256: Some(hex(sha256)), sha256_stated: None }
    }
}

/// The text of the manifest of these files, sorted by name.
pub(super) fn manifest(document: &Document, outputs: Vec<Entry>) -> Result<String, serde_json::Error> {
    let inputs = document.inputs.iter().map(|input| match input {
        Input::Capture { name, bytes, sha256, sha256_stated, .. } => Entry {
            name: name.clone(),
            bytes: *bytes,
            sha256: sha256.map(|hash| hash.to_string()),
            sha256_stated: sha256_stated.then_some(true),
        },
        Input::Torrent { name, bytes, sha256, .. } => {
            let sha256 = Some(sha256.to_string());
            Entry { name: name.clone(), bytes: *bytes, sha256, sha256_stated: None }
        }
    });
    stable_json(&Manifest {
        schema: SCHEMA.to_owned(),
        report_schema: document.schema,
        tool: document.tool.clone(),
        options: document.options.clone(),
        inputs: inputs.collect(),
        outputs,
    })
}

/// SHA-256 in hex.
pub(super) fn digest(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Meaning of a manifest's fields: a new number where one is renamed, removed, or given another meaning.
pub(super) const SCHEMA: &str = "peerproof/case/1";
