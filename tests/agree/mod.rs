//! The judge beside the ledger: both read the same captures, one while they are read and one from the facts, and must say the
//! same of every transfer, subject and torrent, to the last frame.

mod swarms;

use peerproof::Options;
use peerproof::capture::{CaptureSet, OpenOptions};
use peerproof::mse::Secrets;
use peerproof::torrent::{Torrent, Torrents};

use crate::fixture::{self, Fixture};
use crate::synth::agree::differences;

fn torrents(case: &Fixture) -> Torrents {
    let name = case.torrent();
    let mut torrents = Torrents::default();
    let bytes = if name.starts_with("magnet:") { name.clone().into_bytes() } else { case.read(&name) };
    torrents.add(Torrent::parse(&name, &bytes).expect("a torrent"));
    torrents
}

fn secrets(case: &Fixture) -> Secrets {
    let secrets = case.path("secrets.txt").exists().then(|| case.read("secrets.txt"));
    secrets.map(|text| Secrets::parse("secrets.txt", &text).expect("secrets")).unwrap_or_default()
}

#[test]
fn judge_and_ledger_agree_on_every_recording() {
    let mut found = Vec::new();
    for case in fixture::all() {
        let (torrents, secrets) = (torrents(&case), secrets(&case));
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

#[test]
fn what_was_hashed_while_captures_were_read_decides_nothing() {
    // All of the log, half of it, and nothing.
    let parts: [&dyn Fn(usize) -> bool; 3] = [&|_| true, &|number| number % 2 == 0, &|_| false];
    let mut hashed = [0; 3];
    for case in fixture::all() {
        let (torrents, secrets) = (torrents(&case), secrets(&case));
        let options = Options { secrets: &secrets, digest: false, ..Options::default() };
        for capture in case.captures() {
            let captures = CaptureSet::open(&[case.path(capture)], &OpenOptions::default()).expect("it opens");
            let told = parts.map(|keep| {
                let [_, judge] = peerproof::both(&captures, &torrents, &options, keep).expect("the run can go on");
                (format!("{:?} {:?}", judge.evidence, judge.credits), judge.hashed)
            });
            let place = || format!("{}/{capture}", case.name);
            assert_eq!(told[0].0, told[1].0, "{}: with half of the log", place());
            assert_eq!(told[0].0, told[2].0, "{}: without the log", place());
            told.iter().zip(&mut hashed).for_each(|((_, own), all)| *all += own);
        }
    }
    let [with, half, without] = hashed;
    assert!(10 * with < without && with < half && half < without, "{hashed:?} copies were hashed by the judge");
}
