//! Other ways to put a unit together that no copy verified: blocks of all receivers, the first or the last version of each,
//! one sender alone, second versions of conflicting stretches. The hash decides, so a wrong guess proves nothing and harms
//! nobody.

use crate::limits::{MIX_WAYS, MIXES};
use std::collections::BTreeMap;

use super::ask::Ask;
use super::{Bench, Parts, Share};

/// The ways, the likeliest first, and whether these are all that are meant to be tried. `shares` in order of arrival;
/// `padding` is what was sent in place of zeros.
pub(super) fn of(
    shares: &[&Share],
    padding: Option<&Parts>,
    bench: &Bench<'_>,
    ask: &mut dyn Ask,
) -> (Vec<Parts>, bool) {
    // The part of a block that a broken connection left is written down late, when that connection is closed: it says
    // nothing of what came last, and only fills what no whole block does.
    let latest = latest_first(shares);
    let mut ways = vec![layered(shares.iter().copied()), layered(latest.iter().copied())];
    let mut by_sender: BTreeMap<u32, Vec<&Share>> = BTreeMap::new();
    shares.iter().for_each(|share| by_sender.entry(share.transfer.0).or_default().push(share));
    if by_sender.len() > 1 {
        for group in by_sender.values().take(MIX_WAYS) {
            // This sender's own blocks, the last version of each, filled up with whatever others sent.
            ways.push(layered(latest_first(group).into_iter().chain(latest.iter().copied())));
        }
    }
    let seconds: Vec<Parts> = shares.iter().filter_map(|share| bench.doubts.second_version(share)).collect();
    if !seconds.is_empty() {
        let all = || shares.iter().map(|share| &share.parts);
        ways.push(Parts::layered(seconds.iter().chain(all())));
        ways.extend(
            seconds.iter().take(MIX_WAYS).map(|second| Parts::layered(std::iter::once(second).chain(all()))),
        );
    }
    let (mixes, every_mix) = mixes(shares, ask);
    ways.extend(mixes);
    if let Some(padding) = padding.filter(|padding| !padding.is_empty()) {
        let padded: Vec<Parts> = ways.iter().map(|parts| Parts::layered([parts, padding])).collect();
        ways.extend(padded);
    }
    (ways, every_mix && by_sender.len() <= MIX_WAYS && seconds.len() <= MIX_WAYS)
}

fn layered<'s>(shares: impl Iterator<Item = &'s Share>) -> Parts {
    Parts::layered(shares.map(|share| &share.parts))
}

/// Every choice of one version for each block, of those that were sent in several; and whether these are all. Two copies
/// with a bad block each, of other senders, hold the piece between them.
fn mixes(shares: &[&Share], ask: &mut dyn Ask) -> (Vec<Parts>, bool) {
    let mut blocks: BTreeMap<(u32, u32), Vec<&Share>> = BTreeMap::new();
    let mut ways = 1;
    for share in shares {
        let extent = share.ranges.extent();
        if extent.is_empty() {
            continue;
        }
        let versions = blocks.entry((extent.start, extent.end)).or_default();
        let same = |other: &&Share| {
            other.ranges == share.ranges
                && share.ranges.iter().all(|range| ask.same(&share.parts, &other.parts, range))
        };
        if !versions.iter().any(same) {
            ways = ways / versions.len().max(1) * (versions.len() + 1);
            versions.push(share);
            if ways > MIXES {
                return (Vec::new(), false);
            }
        }
    }
    let choose = |mut way: usize| {
        let chosen: Vec<&Share> = blocks
            .values()
            .filter_map(|versions| {
                let share = versions.get(way % versions.len());
                way /= versions.len();
                share.copied()
            })
            .collect();
        layered(chosen.into_iter().chain(shares.iter().copied()))
    };
    // The first of each is tried anyway.
    ((1..ways).map(choose).collect(), true)
}

/// Whole blocks before parts, and of each the latest first; `shares` in order of arrival.
pub(super) fn latest_first<'s>(shares: &[&'s Share]) -> Vec<&'s Share> {
    let (whole, parts): (Vec<_>, Vec<_>) = shares.iter().rev().partition(|share| share.whole);
    whole.into_iter().chain(parts).collect()
}
