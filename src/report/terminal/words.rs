//! The words of this screen, once, under the first table.

use std::collections::BTreeSet;

use super::names::View;
use super::page::{Page, faint};
use crate::evidence::{Bytes, Grade};
use crate::report::text::columns;

/// Writes the section: only words that the screen has.
pub(super) fn write(view: &View<'_>, page: &mut Page) {
    page.heading("WORDS  (all of them: peerproof words)");
    let any = |of: fn(&Bytes) -> u64| view.peers.iter().any(|subject| of(&subject.bytes) > 0);
    let classes: Vec<&str> = CLASSES.iter().filter(|(_, _, of)| any(*of)).map(|(name, ..)| *name).collect();
    let sum: Vec<&str> = classes.iter().copied().filter(|name| !matches!(*name, "sole" | "lost")).collect();
    let served = match sum.as_slice() {
        [] | ["verified"] => "bytes of piece messages that the captures hold".to_owned(),
        some => format!("bytes of piece messages; here {}", some.join(" + ")),
    };
    let mut words = vec![("served", served)];
    words.extend(
        CLASSES
            .iter()
            .filter(|(name, ..)| classes.contains(name))
            .map(|(name, text, _)| (*name, (*text).to_owned())),
    );
    let mut line = String::new();
    for (word, text) in words {
        let joined = format!("{line}; {word}: {text}");
        // The first word is a head of its own: whoever looks for it finds it.
        if word != "verified" && line.len() > 2 && columns(&joined) <= page.prose() && !line.contains("here ") {
            line = joined;
            continue;
        }
        flush(&line, page);
        line = format!("{word:<10}{text}");
    }
    flush(&line, page);
    let grades: BTreeSet<Grade> = view.peers.iter().map(|subject| subject.grade).collect();
    let grades: Vec<String> = grades
        .into_iter()
        .filter(|grade| *grade != Grade::None)
        .map(|grade| format!("{} {}", grade.name(), short(grade)))
        .collect();
    if !grades.is_empty() {
        page.row(&faint(&grades.join("; ")), 2, 5);
    }
}

fn flush(line: &str, page: &mut Page) {
    if !line.is_empty() {
        page.row(&faint(line), 2, 12);
    }
}

/// A rung in a few words.
pub(super) fn short(grade: Grade) -> &'static str {
    match grade {
        Grade::None => "no rung",
        Grade::G2 => "answered at this address",
        Grade::G3 => "completed a handshake for the torrent",
        Grade::G3m => "sent the torrent's description",
        Grade::G4 => "said that it had pieces",
        Grade::G5 => "agreed to send",
        Grade::G6 => "sent bytes labelled as pieces",
        Grade::G7 => "verified as a part",
        Grade::G8 => "a whole unit alone",
        Grade::G9 => "a whole file",
        Grade::GX => "bytes that differ",
    }
}

/// The command that prints a table of the report, whole.
pub(super) fn table_of(name: &str) -> String {
    format!("-f csv --table {name}")
}

type Class = (&'static str, &'static str, fn(&Bytes) -> u64);

const CLASSES: [Class; 8] = [
    ("verified", "the torrent's own bytes, by hash", |bytes| bytes.verified),
    ("sole", "in pieces from it alone", |bytes| bytes.sole),
    ("refuted", "in a block or piece that differs", |bytes| bytes.refuted),
    ("disputed", "in a failed piece of several senders", |bytes| bytes.disputed),
    ("unproven", "neither verified nor refuted", |bytes| bytes.unproven),
    ("repeated", "sent again to the same", |bytes| bytes.repeated),
    ("pad", "padding", |bytes| bytes.pad),
    ("lost", "sent, and not in the captures", |bytes| bytes.lost),
];
