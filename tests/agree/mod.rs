//! The judge beside the ledger: both read the same captures, one while they are read and one from the facts, and must say the
//! same of every transfer, subject and torrent, to the last frame.

mod swarms;

use peerproof::Options;
use peerproof::capture::{CaptureSet, OpenOptions};
use peerproof::mse::Secrets;
use peerproof::torrent::{Torrent, Torrents};

use crate::fixture;
use crate::synth::agree::differences;

#[test]
fn judge_and_ledger_agree_on_every_recording() {
    let mut found = Vec::new();
    for case in fixture::all() {
        let name = case.torrent();
        let mut torrents = Torrents::default();
        let bytes = if name.starts_with("magnet:") { name.clone().into_bytes() } else { case.read(&name) };
        torrents.add(Torrent::parse(&name, &bytes).expect("a torrent"));
        let secrets = case.path("secrets.txt").exists().then(|| case.read("secrets.txt"));
        let secrets =
            secrets.map(|text| Secrets::parse("secrets.txt", &text).expect("secrets")).unwrap_or_default();
        let options = Options { secrets: &secrets, digest: false, ..Options::default() };
        for capture in case.captures() {
            let captures = CaptureSet::open(&[case.path(capture)], &OpenOptions::default()).expect("it opens");
            let of = differences(&captures, &torrents, &options);
            if !of.is_empty() {
                found.push(format!("{}/{capture}:\n{}", case.name, of.join("\n")));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n\n"));
}
