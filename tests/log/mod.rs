//! Digests of copies that were hashed while the captures were read: with them, half of them or without them there is one report.

mod swarms;

use peerproof::{CaptureSet, OpenOptions, Options, Secrets, Torrent, Torrents};

use crate::fixture;
use crate::synth::log::decides_nothing;

#[test]
fn what_was_hashed_while_recordings_were_read_decides_nothing_and_saves_most_hashing() {
    let mut all = [0; 3];
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
            let hashed = decides_nothing(&captures, &torrents, &options, &format!("{}/{capture}", case.name));
            all.iter_mut().zip(hashed).for_each(|(all, hashed)| *all += hashed);
        }
    }
    let [with, half, without] = all;
    assert!(10 * with < without && with < half && half < without, "{all:?} copies were hashed by the judge");
}
