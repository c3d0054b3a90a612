//! Section 7: how it was done, how to do it again, what it does not prove, every word.

use askama::Template;

use super::html::{self, Html, LONG};
use super::words::{self, LADDER, Step, WORDS};
use crate::anomaly::Kind;
use crate::evidence::Flag;
use crate::report::model::{Document, Input};
use crate::report::text::shell_word;

/// The section.
#[derive(Template)]
#[template(path = "method.html", config = "src/report/page/askama.toml")]
pub(super) struct Method {
    command: Html,
    ladder: [Step; 13],
    words: Vec<(String, &'static str, &'static str)>,
}

impl Method {
    pub(super) fn of(document: &Document) -> Self {
        Self {
            command: html::name(&command(document), LONG * 40),
            ladder: LADDER,
            words: WORDS.iter().map(|(word, meaning)| (words::anchor(word), *word, *meaning)).collect(),
        }
    }
}

/// The command that makes the report again: its inputs and every option that can change a figure.
fn command(document: &Document) -> String {
    let mut command = "peerproof analyze".to_owned();
    let mut torrents = String::new();
    for input in &document.inputs {
        let name = shell_word(input.name());
        match input {
            Input::Capture { .. } => command.push_str(&format!(" {name}")),
            Input::Torrent { .. } => torrents.push_str(&format!(" -t {name}")),
        }
    }
    command.push_str(&torrents);
    let checksums = document.options.checksums.name();
    if checksums != "ignore" {
        command.push_str(&format!(" --checksums {checksums}"));
    }
    document
        .options
        .tunnels
        .iter()
        .for_each(|tunnel| command.push_str(&format!(" --tunnel {}", shell_word(tunnel))));
    let rows = document.options.limits.get("rows");
    if let Some(rows) = rows.filter(|rows| **rows != crate::Limits::default().rows as u64) {
        command.push_str(&format!(" --max-rows {rows}"));
    }
    let opened = document.transfers.iter().any(|transfer| transfer.flags.contains(&Flag::DecryptedWithSecret));
    let tried =
        document.anomalies.iter().any(|anomaly| matches!(anomaly.kind, Kind::WrongSecret | Kind::UnusedSecret));
    if opened || tried {
        command.push_str(" --mse-secrets FILE");
    }
    let digests = document.inputs.iter().filter_map(|input| match input {
        Input::Capture { sha256, sha256_stated, .. } => Some((sha256.is_none(), *sha256_stated)),
        Input::Torrent { .. } => None,
    });
    let (none, stated) = digests.fold((false, false), |all, one| (all.0 || one.0, all.1 || one.1));
    for (is_given, option) in [(none, " --no-digest"), (stated, " --sha256-from FILE")] {
        command.push_str(if is_given { option } else { "" });
    }
    if document.options.sha1_collision_check {
        command.push_str(" --sha1-collision-check");
    }
    for list in &document.lists {
        command.push_str(&format!(" --{} {}", list.kind.name(), shell_word(&list.name)));
    }
    if document.options.pseudonyms {
        command.push_str(" --pseudonymize KEYFILE");
    }
    command
}
