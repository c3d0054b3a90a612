//! The files of torrents that have several: each complete one by name.

use std::cmp::Reverse;

use super::grid::{Table, figure, word};
use super::names::{View, endpoint, listed, named_cell};
use super::page::Page;
use super::screen::OTHERS;
use crate::report::text::{counted, grouped};
use crate::report::{File, Torrent};

/// Writes a section per torrent of several files of which anything is verified.
pub(super) fn write(view: &View<'_>, page: &mut Page) {
    for torrent in &view.document.torrents {
        let files: Vec<&File> = torrent.files.iter().filter(|file| !file.pad).collect();
        if files.len() > 1 && files.iter().any(|file| file.verified_bytes.is_some_and(|bytes| bytes > 0)) {
            of(view, torrent, files, page);
        }
    }
}

fn of(view: &View<'_>, torrent: &Torrent, mut files: Vec<&File>, page: &mut Page) {
    let verified = |file: &File| file.verified_bytes.unwrap_or(0);
    let complete = |file: &File| file.size > 0 && verified(file) == file.size;
    let whole = files.iter().filter(|file| complete(file)).count() as u64;
    page.heading(&format!(
        "FILES of {}, {}, {} verified whole",
        view.torrent(Some(&torrent.info_hash)),
        grouped(files.len() as u64),
        grouped(whole)
    ));
    files.sort_by_key(|file| (Reverse(complete(file)), Reverse(verified(file)), &file.path));
    let shown = view.screen.rows(OTHERS, files.len());
    let mut table = Table::new(vec![word("file"), figure("size"), figure("verified"), word("all of it from")], 1);
    for file in files.iter().take(shown) {
        let from = view.peers.iter().filter(|subject| {
            subject.info_hash.as_ref() == Some(&torrent.info_hash)
                && subject.files.iter().any(|own| own.complete && own.path == file.path)
        });
        let from: Vec<String> = from.map(|subject| endpoint(subject)).collect();
        let each = if from.len() > 1 { ", each alone" } else { "" };
        let from = format!("{}{each}", listed(from, 1));
        table.push(vec![
            named_cell(&file.path),
            grouped(file.size),
            grouped(verified(file)),
            match (from.is_empty(), complete(file)) {
                (false, _) => from,
                (true, true) => "several together".to_owned(),
                (true, false) => "-".to_owned(),
            },
        ]);
    }
    if !table.is_empty() {
        table.write(page);
    }
    if let Some(more @ 1..) = files.len().checked_sub(shown) {
        let rest = files.iter().skip(shown);
        let bytes = rest.clone().map(|file| verified(file)).fold(0, u64::saturating_add);
        page.line(&format!(
            "{}, {} verified, {} of them whole: --top 0, or `files` in report.json",
            counted(more as u64, "more file"),
            counted(bytes, "byte"),
            grouped(rest.filter(|file| complete(file)).count() as u64)
        ));
    }
}
