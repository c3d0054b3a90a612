//! Digests that were made while captures were read: they decide nothing.

use peerproof::{CaptureSet, Options, Torrents};

/// Judges with all of the log, with half of it and without it, and gives how many copies the judge had to hash each time; what
/// is told must be the same.
pub fn decides_nothing(captures: &CaptureSet, torrents: &Torrents, options: &Options<'_>, place: &str) -> [u64; 3] {
    let parts: [&dyn Fn(usize) -> bool; 3] = [&|_| true, &|number| number % 2 == 0, &|_| false];
    let told = parts.map(|keep| {
        let (evidence, hashed) =
            peerproof::stages::with_log(captures, torrents, options, keep).expect("the run can go on");
        (format!("{evidence:#?}"), hashed)
    });
    let [with, half, without] = &told;
    same(&with.0, &half.0, &format!("{place}: with half of the log"));
    same(&with.0, &without.0, &format!("{place}: without the log"));
    told.map(|(_, hashed)| hashed)
}

fn same(one: &str, other: &str, place: &str) {
    let differ = one.lines().zip(other.lines()).find(|(one, other)| one != other);
    assert!(one == other, "{place}: {differ:?}");
}
