//! Other ways to put a unit together that no copy verified: blocks of all receivers, the first or the last version of each,
//! one sender alone, then every mix of versions. The hash decides, so a wrong guess proves nothing and harms nobody.
//!
//! Versions need not be of whole blocks: half a block may have been sent again, and a packet that is not the sender's may
//! reach over two of its own. So a unit is cut wherever one of them begins or ends.

use std::collections::BTreeMap;
use std::ops::Range;

use super::ask::Ask;
use super::{Bench, Parts, RangeSet, Share};
use crate::limits::{MIX_WAYS, MIXES, UNIT_VERSIONS};

/// The ways, the likeliest first, and whether these are all that there are. `shares` in order of arrival; `padding` is what
/// was sent in place of zeros.
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
    let seconds: Vec<Parts> = shares.iter().flat_map(|share| bench.doubts.seconds(share)).collect();
    let versions: Vec<&Parts> = shares.iter().map(|share| &share.parts).chain(&seconds).collect();
    if !seconds.is_empty() {
        ways.push(Parts::layered(versions.iter().rev().copied()));
    }
    let (mixes, every) = mixes(&versions, ask);
    ways.extend(mixes);
    if let Some(padding) = padding.filter(|padding| !padding.is_empty()) {
        let padded: Vec<Parts> = ways.iter().map(|parts| Parts::layered([parts, padding])).collect();
        ways.extend(padded);
    }
    (ways, every)
}

fn layered<'s>(shares: impl Iterator<Item = &'s Share>) -> Parts {
    Parts::layered(shares.map(|share| &share.parts))
}

/// Choices of one version for each place of which there are several, those first that choose another one than the first at
/// the fewest places; and whether these are all. Two copies with a bad block each, of other senders, hold the piece between
/// them.
fn mixes(versions: &[&Parts], ask: &mut dyn Ask) -> (Vec<Parts>, bool) {
    let mut every = true;
    // By the versions that are equal there: what one choice decides.
    let mut places: BTreeMap<Vec<Vec<usize>>, RangeSet> = BTreeMap::new();
    let (mut others, mut ways) = (0, 1_usize);
    for (range, there) in segments(versions) {
        if there.len() < 2 {
            continue;
        }
        // Each choice of another version is one way at least.
        every &= there.len() <= UNIT_VERSIONS && others < MIXES;
        if others >= MIXES {
            break;
        }
        let contents = told_apart(versions, there.into_iter().take(UNIT_VERSIONS), &range, ask);
        if contents.len() < 2 {
            continue;
        }
        let place = places.entry(contents).or_insert_with_key(|contents| {
            others += contents.len() - 1;
            ways = ways.saturating_mul(contents.len());
            RangeSet::default()
        });
        place.insert(range);
    }
    let counts: Vec<usize> = places.keys().map(Vec::len).collect();
    let mut chosen = Vec::new();
    (1..=counts.len()).for_each(|changes| choices(&counts, changes, &mut Vec::new(), &mut chosen));
    let mix = |choice: &Vec<usize>| {
        let of = places.iter().zip(choice).filter(|(_, choice)| **choice > 0);
        let of = of.filter_map(|((contents, ranges), choice)| {
            let version = versions.get(*contents.get(*choice)?.first()?)?;
            Some(version.cut(ranges))
        });
        let changed = Parts::joined(of);
        Parts::layered(std::iter::once(&changed).chain(versions.iter().copied()))
    };
    // The first of each is tried anyway.
    (chosen.iter().map(mix).collect(), every && ways <= chosen.len() + 1)
}

/// Appends the choices that take another version than the first at so many places; `counts` says how many versions there
/// are of each place, and `begun` holds the choice for those before.
fn choices(counts: &[usize], changes: usize, begun: &mut Vec<usize>, all: &mut Vec<Vec<usize>>) {
    let Some((count, rest)) = counts.split_first() else {
        return all.push(begun.clone());
    };
    let can_wait = if changes <= rest.len() { 0..1 } else { 0..0 };
    let changed = if changes > 0 { 1..*count } else { 0..0 };
    for choice in can_wait.chain(changed) {
        if all.len() < MIXES {
            begun.push(choice);
            choices(rest, changes - usize::from(choice > 0), begun, all);
            begun.pop();
        }
    }
}

/// The versions `there` that have `range`, those with equal bytes together, in order.
fn told_apart(
    versions: &[&Parts],
    there: impl Iterator<Item = usize>,
    range: &Range<u32>,
    ask: &mut dyn Ask,
) -> Vec<Vec<usize>> {
    let mut contents: Vec<Vec<usize>> = Vec::new();
    for number in there {
        let mut is_same = |content: &&mut Vec<usize>| {
            let first = content.first().and_then(|first| versions.get(*first));
            let pair = first.zip(versions.get(number));
            pair.is_some_and(|(first, version)| ask.same(first, version, range.clone()))
        };
        match contents.iter_mut().find(|content| is_same(content)) {
            Some(content) => content.push(number),
            None => contents.push(vec![number]),
        }
    }
    contents
}

/// The ranges into which the beginnings and ends of `versions` cut what they hold, each with those that have it, ascending.
pub(super) fn segments(versions: &[&Parts]) -> impl Iterator<Item = (Range<u32>, Vec<usize>)> {
    let ranges = versions.iter().map(|version| version.ranges()).enumerate();
    let ranges = ranges.flat_map(|(number, ranges)| ranges.iter().map(|range| (range, number)).collect::<Vec<_>>());
    let mut ranges: Vec<(Range<u32>, usize)> = ranges.collect();
    ranges.sort_unstable_by_key(|(range, number)| (range.start, *number));
    let mut cuts: Vec<u32> = ranges.iter().flat_map(|(range, _)| [range.start, range.end]).collect();
    cuts.sort_unstable();
    cuts.dedup();
    let mut begins = ranges.into_iter().peekable();
    let mut open: Vec<(usize, u32)> = Vec::new();
    let ends: Vec<u32> = cuts.iter().skip(1).copied().collect();
    cuts.into_iter().zip(ends).filter_map(move |(start, end)| {
        open.retain(|(_, until)| *until > start);
        while let Some((range, number)) = begins.next_if(|(range, _)| range.start <= start) {
            open.push((number, range.end));
        }
        open.sort_unstable();
        (!open.is_empty()).then(|| (start..end, open.iter().map(|(number, _)| *number).collect()))
    })
}

/// Whole blocks before parts, and of each the latest first; `shares` in order of arrival.
pub(super) fn latest_first<'s>(shares: &[&'s Share]) -> Vec<&'s Share> {
    let (whole, parts): (Vec<_>, Vec<_>) = shares.iter().rev().partition(|share| share.whole);
    whole.into_iter().chain(parts).collect()
}
