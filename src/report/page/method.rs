//! Section 7: how it was done, how to do it again, what it does not prove, every word.

use askama::Template;

use super::html::{self, Html, LONG};
use super::words::{self, LADDER, Step, WORDS};
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
    command
}
