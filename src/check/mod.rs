//! Does a capture show what its makers expect? Expectations as text, held against a report: for the CI of BitTorrent
//! clients, and for the fixtures of this tool.
//!
//! An expectation names no port, time or frame, so that it fits every recording of one experiment.

mod bless;
mod condition;
mod expectation;
mod junit;
mod matching;

use crate::report::{Document, Subject};
pub use bless::first;
pub use expectation::{Expectation, Fault, Settings};
pub use junit::{Outcome, junit};
pub use matching::Difference;

/// The files of its torrent that a subject served whole, by path, and how many there are that are neither empty nor padding.
fn files_of<'r>(report: &'r Document, subject: &'r Subject) -> (Vec<&'r str>, usize) {
    let torrent = report.torrents.iter().find(|torrent| Some(&torrent.info_hash) == subject.info_hash.as_ref());
    let files = torrent.into_iter().flat_map(|torrent| &torrent.files);
    let complete = subject.files.iter().filter(|file| file.complete).map(|file| file.path.as_str()).collect();
    (complete, files.filter(|file| !file.pad && file.size > 0).count())
}
