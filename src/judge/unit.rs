//! Classes: these shares, these doubts, this class, this reason.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::ask::Ask;
use super::contents::{Attempt, Contents, State};
use super::doubt::{Against, Bench, PieceDoubt};
use super::{Credit, RangeSet, Record, SmallVec, TransferId};
use super::{Parts, Share};
use crate::ends::{ConnectionId, Span, Transport};
use crate::facts::Reason;
use crate::limits::UNIT_VERSIONS;
use crate::words::words;

words! {
    /// The class of served bytes (evidence.md, section 1): each is in exactly one.
    pub enum Class {
        /// In padding: nobody's content.
        Pad = "pad",
        /// Sent before in this transfer.
        Repeated = "repeated",
        /// Shown to be the torrent's own bytes.
        Verified = "verified",
        /// In blocks that differ from the torrent's bytes.
        Refuted = "refuted",
        /// In a copy that failed, of several senders.
        Disputed = "disputed",
        /// Decided by nothing.
        Unproven = "unproven",
    }
}

/// Why bytes are of their class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Why {
    /// They lie in padding.
    Padding,
    /// An earlier block of the transfer has the same bytes at the same place.
    SentBefore,
    /// The copy that they are of hashes right.
    Hash,
    /// They equal a verified copy of the unit, byte for byte.
    EqualsVerified,
    /// Of two versions that were sent of some of them, the second equals a verified copy, as do the others.
    SecondVersion,
    /// They differ from every verified copy of the unit.
    DiffersFromVerified,
    /// The hash of the copy that they are of failed, and one client sent all of it.
    FailedAlone,
    /// The hash of the copy that they are of failed, and several sent it.
    FailedTogether,
    /// They would be refuted, but are in doubt.
    InDoubt(Reason),
    /// Of the unit bytes are missing, and no copy of it was verified.
    Incomplete,
    /// The torrent has no such place.
    Outside,
    /// The torrent, or the hash of the unit, is not known.
    NotKnown,
}

words! {
    /// The reason for a class, in one word.
    pub enum Ground {
        /// The bytes lie in padding.
        Padding = "padding",
        /// An earlier block of the transfer has the same bytes at the same place.
        SentBefore = "sent-before",
        /// The copy that the bytes are of hashes right.
        Hash = "hash",
        /// The bytes equal a verified copy of the unit.
        EqualsVerified = "equals-verified",
        /// Of two versions that were sent of some of the bytes, the second equals a verified copy of the unit, as do the others.
        SecondVersion = "second-version",
        /// The bytes differ from every verified copy of the unit.
        DiffersFromVerified = "differs-from-verified",
        /// The hash of the copy that the bytes are of failed, and one client sent all of it.
        FailedAlone = "failed-alone",
        /// The hash of the copy that the bytes are of failed, and several clients sent it.
        FailedTogether = "failed-together",
        /// The bytes would be refuted, but are in doubt.
        InDoubt = "in-doubt",
        /// Bytes of the unit are missing, and no copy of it was verified.
        Incomplete = "incomplete",
        /// The torrent has no such place.
        Outside = "outside",
        /// The torrent, or the hash of the unit, is not known.
        NotKnown = "not-known",
        /// The captures do not show in which block the bytes are.
        Unplaced = "unplaced",
    }
}

impl Why {
    /// The reason in one word.
    pub fn ground(self) -> Ground {
        match self {
            Self::Padding => Ground::Padding,
            Self::SentBefore => Ground::SentBefore,
            Self::Hash => Ground::Hash,
            Self::EqualsVerified => Ground::EqualsVerified,
            Self::SecondVersion => Ground::SecondVersion,
            Self::DiffersFromVerified => Ground::DiffersFromVerified,
            Self::FailedAlone => Ground::FailedAlone,
            Self::FailedTogether => Ground::FailedTogether,
            Self::InDoubt(_) => Ground::InDoubt,
            Self::Incomplete => Ground::Incomplete,
            Self::Outside => Ground::Outside,
            Self::NotKnown => Ground::NotKnown,
        }
    }

    /// Why bytes in doubt are.
    pub fn doubt(self) -> Option<Reason> {
        match self {
            Self::InDoubt(reason) => Some(reason),
            _ => None,
        }
    }
}

/// The class of a part of a share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ruling {
    /// Index of the share.
    pub share: usize,
    /// Which bytes of the piece; not empty.
    pub ranges: RangeSet,
    /// Their class.
    pub class: Class,
    /// Why.
    pub why: Why,
    /// The number of the verified content that they are of.
    pub version: Option<usize>,
}

/// Classes of the shares of a unit, and the credits that follow.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Each captured byte of the shares once.
    pub rulings: Vec<Ruling>,
    /// The verified bytes of each transfer.
    pub credits: SmallVec<Credit>,
    /// Set if more versions were sent than are kept.
    pub crowded: bool,
}

/// Gives every byte of `shares`, in order of arrival, its class. `known` tells whether the unit has a hash.
pub fn classes(
    contents: &Contents,
    shares: &[Share],
    known: bool,
    piece: PieceDoubt,
    bench: &Bench<'_>,
    ask: &mut dyn Ask,
) -> Outcome {
    let (mut outcome, mut credited) = (Outcome::default(), Credited::default());
    let mut versions: BTreeMap<TransferId, Vec<Version>> = BTreeMap::new();
    let piece = piece.within(contents);
    let verdicts: Vec<Option<(Class, Why)>> =
        contents.copies.iter().map(|copy| of_failed(copy, shares, &piece, bench)).collect();
    // Of each share, which copy it is of: there may be as many as a sender likes.
    let mut of_copy: Vec<Option<u32>> = vec![None; shares.len()];
    for (number, copy) in (0..).zip(&contents.copies) {
        for share in &copy.shares {
            of_copy.get_mut(*share).into_iter().for_each(|of| *of = Some(number));
        }
    }
    let of_copy = |index: usize| {
        let number = of_copy.get(index).copied().flatten()? as usize;
        Some((contents.copies.get(number)?.state, verdicts.get(number).copied().flatten()))
    };
    // Nothing is compared with what was sent before where every copy is right.
    let any_wrong = !(0..shares.len()).all(|index| matches!(of_copy(index), Some((State::Verified(_), _))));
    let several = several(shares);
    let sent = |share: usize| shares.get(share).map(|share| &share.parts);
    for (index, share) in shares.iter().enumerate() {
        let mut fresh = share.ranges.clone();
        for index in credited.get(&share.transfer).into_iter().flatten() {
            let Some(credit) = outcome.credits.get(*index) else { continue };
            if let Some(reference) = contents.references.get(credit.version) {
                remove_equal(&mut fresh, share, reference, &credit.ranges, ask);
            }
        }
        let (state, failed) = of_copy(index).unwrap_or((State::Open, None));
        let right = match state {
            State::Verified(version) => Some(version),
            State::Open | State::Failed => None,
        };
        let earlier = versions.get(&share.transfer).map_or(&[][..], Vec::as_slice);
        // A block that is wrong in part takes nothing from those of a copy that is right.
        for version in earlier.iter().filter(|_| right.is_none()) {
            let common = common(&fresh, &version.ranges);
            for range in common {
                if ask.same(&share.parts, &version.within(&range, sent), range.clone()) {
                    fresh.remove(range);
                }
            }
        }
        let mut repeated = share.ranges.clone();
        fresh.iter().for_each(|range| repeated.remove(range));
        outcome.rule(index, repeated, Class::Repeated, Why::SentBefore, None);
        if fresh.is_empty() {
            continue;
        }
        let own = right.or_else(|| contents.version_of(&share.parts, &fresh, ask));
        let version = own.or_else(|| contents.version_among(share, bench.doubts, &fresh, ask));
        let (class, why) = if version.is_some() {
            let why = match (state, own) {
                (State::Verified(_), _) => Why::Hash,
                (_, Some(_)) => Why::EqualsVerified,
                (_, None) => Why::SecondVersion,
            };
            (Class::Verified, why)
        } else if !contents.references.is_empty() && !piece.half_open {
            match bench.refutes(share, Against::Differs, &piece) {
                Ok(()) => (Class::Refuted, Why::DiffersFromVerified),
                Err(reason) => (Class::Unproven, Why::InDoubt(reason)),
            }
        } else if let Some(failed) = failed {
            failed
        } else if !contents.references.is_empty() {
            (Class::Unproven, Why::InDoubt(Reason::HalfUnknown))
        } else if contents.untried {
            (Class::Unproven, Why::InDoubt(Reason::Bound))
        } else {
            (Class::Unproven, if known { Why::Incomplete } else { Why::NotKnown })
        };
        if let Some(version) = version {
            // A second version may be what the same transfer was credited with before.
            let of = credited.entry(share.transfer).or_default();
            let before = credit(&mut outcome.credits, of, share, version, &fresh);
            outcome.rule(index, before.clone(), Class::Repeated, Why::SentBefore, None);
            let mut counted = fresh.clone();
            before.iter().for_each(|range| counted.remove(range));
            outcome.rule(index, counted, class, why, Some(version));
        } else {
            outcome.rule(index, fresh.clone(), class, why, None);
        }
        if any_wrong && several.contains(&share.transfer) {
            let earlier = versions.entry(share.transfer).or_default();
            outcome.crowded |= !keep_version(earlier, index, &fresh);
        }
    }
    outcome
}

impl Outcome {
    /// The shares that are verified in all of their bytes.
    pub fn right(&self, contents: &Contents) -> BTreeSet<usize> {
        let verified = contents.copies.iter().filter(|copy| matches!(copy.state, State::Verified(_)));
        let equal = self.rulings.iter().filter(|ruling| ruling.class == Class::Verified).map(|ruling| ruling.share);
        verified.flat_map(|copy| copy.shares.iter().copied()).chain(equal).collect()
    }

    fn rule(&mut self, share: usize, ranges: RangeSet, class: Class, why: Why, version: Option<usize>) {
        if !ranges.is_empty() {
            self.rulings.push(Ruling { share, ranges, class, why, version });
        }
    }
}

/// The transfers of more than one share: only they may repeat something.
fn several(shares: &[Share]) -> BTreeSet<TransferId> {
    let mut all: Vec<TransferId> = shares.iter().map(|share| share.transfer).collect();
    all.sort_unstable();
    all.windows(2).filter(|pair| pair.first() == pair.last()).filter_map(|pair| pair.first().copied()).collect()
}

/// The class of the senders of a copy whose hash failed, and the reason.
fn of_failed(copy: &Attempt, shares: &[Share], piece: &PieceDoubt, bench: &Bench<'_>) -> Option<(Class, Why)> {
    if copy.state != State::Failed {
        return None;
    }
    let own = || copy.shares.iter().filter_map(|index| shares.get(*index));
    // A share that was perhaps read wrongly makes the failure of the whole one too.
    let doubt = own().find_map(|share| bench.refutes(share, Against::Failed, piece).err());
    Some(match doubt {
        Some(reason) => (Class::Unproven, Why::InDoubt(reason)),
        None if are_of_one(own(), bench) => (Class::Refuted, Why::FailedAlone),
        None => (Class::Disputed, Why::FailedTogether),
    })
}

/// Returns true if shares came on one connection, or from one client beyond doubt.
pub(super) fn are_of_one<'s>(shares: impl Iterator<Item = &'s Share>, bench: &Bench<'_>) -> bool {
    let senders: BTreeSet<(ConnectionId, TransferId)> =
        shares.map(|share| (share.stream.0, share.transfer)).collect();
    let connections: BTreeSet<ConnectionId> = senders.iter().map(|(connection, _)| *connection).collect();
    let transfers: BTreeSet<TransferId> = senders.iter().map(|(_, transfer)| *transfer).collect();
    connections.len() == 1 || are_one(transfers.iter().filter_map(|id| bench.records.get(id.0 as usize)))
}

/// Returns true if the shares of several connections came from one client beyond doubt: from one observed endpoint,
/// with one peer_id. A port that a client declares is its word, and others may declare the same; a webseed has no
/// peer_id.
fn are_one<'r>(mut senders: impl Iterator<Item = &'r Record>) -> bool {
    let Some(first) = senders.next() else { return true };
    let web = first.key.transport == Transport::Http;
    let named = first.peer_ids.len() == 1 || (web && first.peer_ids.is_empty());
    named
        && senders.all(|other| {
            (other.key.uploader, other.key.transport) == (first.key.uploader, first.key.transport)
                && other.peer_ids == first.peer_ids
        })
}

/// Adds verified bytes of the content `version` to what a transfer is credited with, `of` by their place; gives those that it was credited with before.
fn credit(
    credits: &mut SmallVec<Credit>,
    of: &mut Vec<usize>,
    share: &Share,
    version: usize,
    fresh: &RangeSet,
) -> RangeSet {
    let same = |index: &usize| credits.get(*index).is_some_and(|credit| credit.version == version);
    let index = match of.iter().copied().find(same) {
        Some(index) => index,
        None => {
            of.push(credits.len());
            credits.push(Credit {
                transfer: share.transfer,
                version,
                receiver: share.receiver,
                ranges: RangeSet::default(),
                span: share.span,
                advertised: share.advertised,
                requested: share.requested,
            });
            credits.len() - 1
        }
    };
    let Some(credit) = credits.get_mut(index) else { return RangeSet::default() };
    let before: RangeSet =
        fresh.iter().flat_map(|range| credit.ranges.within(&range).collect::<Vec<_>>()).collect();
    fresh.iter().for_each(|range| credit.ranges.insert(range));
    let join = |one: Option<Span>, other: Option<Span>| one.zip(other).map(|(one, other)| one.join(other));
    credit.span = credit.span.join(share.span);
    credit.advertised = join(credit.advertised, share.advertised);
    credit.requested = join(credit.requested, share.requested);
    before
}

/// The credits of each transfer.
type Credited = BTreeMap<TransferId, Vec<usize>>;

/// Bytes of one transfer, each place once: there may be any number of parts, in any order.
#[derive(Debug, Default)]
struct Version {
    ranges: RangeSet,
    /// By the first byte: the place behind the last one, and the share that has them.
    parts: BTreeMap<u32, (u32, u32)>,
}

impl Version {
    fn put(&mut self, share: usize, fresh: &RangeSet) {
        for range in fresh.iter() {
            self.parts.insert(range.start, (range.end, share as u32));
            self.ranges.insert(range);
        }
    }

    /// Its bytes in `range`.
    fn within<'s>(&self, range: &Range<u32>, parts: impl Fn(usize) -> Option<&'s Parts>) -> Parts {
        let before = self.parts.range(..range.start).next_back();
        let near = before.into_iter().chain(self.parts.range(range.clone()));
        let near = near.filter_map(|(start, (end, share))| {
            let own = range.start.max(*start)..range.end.min(*end);
            let parts = parts(*share as usize).filter(|_| !own.is_empty())?;
            Some(parts.cut(&std::iter::once(own).collect()))
        });
        Parts::joined(near)
    }
}

/// Keeps what a transfer sent for the first time, to tell what it repeats: in the first version that has its place
/// free, so that there are as many versions as it sent different contents for one place. `false` when there is no room.
fn keep_version(versions: &mut Vec<Version>, share: usize, fresh: &RangeSet) -> bool {
    let free = |version: &&mut Version| !fresh.iter().any(|range| version.ranges.intersects(&range));
    if let Some(version) = versions.iter_mut().find(free) {
        version.put(share, fresh);
    } else if versions.len() < UNIT_VERSIONS {
        versions.push(Version::default());
        versions.iter_mut().last().into_iter().for_each(|version| version.put(share, fresh));
    } else {
        return false;
    }
    true
}

/// Ranges that are in both sets.
fn common(one: &RangeSet, other: &RangeSet) -> Vec<Range<u32>> {
    one.iter().flat_map(|range| other.within(&range).collect::<Vec<_>>()).collect()
}

/// Removes from `fresh` what `share` has in common with `other` within `ranges`, byte for byte.
fn remove_equal(fresh: &mut RangeSet, share: &Share, other: &Parts, ranges: &RangeSet, ask: &mut dyn Ask) {
    for range in common(fresh, ranges) {
        if ask.same(&share.parts, other, range.clone()) {
            fresh.remove(range);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ends::FrameId;
    use crate::facts::Place;
    use crate::judge::Slice;

    fn sent(range: Range<u32>) -> Parts {
        let place = Place { store: 0, offset: 1_000 + u64::from(range.start) };
        Parts::of_slice(Slice { start: range.start, len: range.len() as u32, place, frame: FrameId::new(0, 1) })
    }

    proptest! {
        #[test]
        fn a_version_has_each_byte_that_was_put_into_it(
            blocks in prop::collection::vec((0..200_u32, 1..20_u32), 0..40), probe in (0..200_u32, 1..60_u32),
        ) {
            let (mut version, mut all) = (Version::default(), Vec::new());
            for (start, len) in blocks {
                let mut fresh: RangeSet = std::iter::once(start..start + len).collect();
                version.ranges.clone().iter().for_each(|known| fresh.remove(known));
                version.put(all.len(), &fresh);
                all.push(sent(start..start + len));
            }
            let probe = probe.0..probe.0 + probe.1;
            let found = version.within(&probe, |share| all.get(share));
            prop_assert!(found.ranges().iter().eq(version.ranges.within(&probe)));
            prop_assert!(found.slices().iter().all(|slice| slice.place.offset == 1_000 + u64::from(slice.start)));
        }
    }
}
