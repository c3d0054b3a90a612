//! What becomes of each served byte: repeated, verified, refuted, disputed or unproven.

use std::collections::{BTreeMap, BTreeSet};

use super::doubt::Doubts;
use super::{
    Content, Contests, Ledger, Measure, RangeSet, Receiver, Record, Share, State, TorrentKey, TransferId, Unit,
    UnitBook,
};
use crate::ends::{ConnectionId, Direction, Transport};
use crate::oddity::Sink;
use crate::prove::{Prover, UnitJob, Verdict};

/// What each direction sent twice.
pub(super) type Conflicts<'cap> = BTreeMap<(ConnectionId, Direction), Doubts<'cap>>;

/// Counts the shares of an attempt whose hash matched, in order of arrival; `content` is all of it, and the verified content
/// of the number `version`.
pub(super) fn verify<'cap>(
    book: &mut UnitBook<'cap>,
    version: usize,
    shares: &[Share<'cap>],
    content: &Content<'cap>,
    receiver: Receiver,
    records: &mut [Record],
) {
    let mut before = right_before(book, shares, content).into_iter().peekable();
    let mut known: BTreeMap<TransferId, RangeSet> = BTreeMap::new();
    for share in shares {
        while let Some((_, transfer, ranges)) = before.next_if(|(seq, ..)| *seq < share.seq) {
            let known = known.entry(transfer).or_default();
            ranges.iter().for_each(|range| known.insert(range));
        }
        let mut fresh = share.ranges.clone();
        let same = (share.transfer, version);
        let credited = book.credits.iter().filter(|credit| (credit.transfer, credit.version) == same);
        for known in credited.map(|credit| &credit.ranges).chain(known.get(&share.transfer)) {
            share.ranges.iter().for_each(|range| known.within(&range).for_each(|known| fresh.remove(known)));
        }
        let total = share.ranges.total();
        let verified = book.credit(share, receiver, version, fresh.iter());
        if let Some(record) = records.get_mut(share.transfer.0 as usize) {
            record.counts.repeated += total - verified;
            record.note_proven(share);
        }
    }
}

/// What the senders of `shares` sent that is still undecided, and as verified in all its bytes: it will count, and what
/// came later repeats it. A block that is wrong in part will not.
fn right_before<'cap>(
    book: &UnitBook<'cap>,
    shares: &[Share<'cap>],
    content: &Content<'cap>,
) -> Vec<(u64, TransferId, RangeSet)> {
    if book.shares().next().is_none() {
        return Vec::new();
    }
    let senders: BTreeSet<TransferId> = shares.iter().map(|share| share.transfer).collect();
    let held = book.shares().map(|(_, share)| share).filter(|share| senders.contains(&share.transfer));
    let right = held.filter(|share| share.ranges.iter().all(|range| share.content.agrees(content, range)));
    let mut right: Vec<_> = right.map(|share| (share.seq, share.transfer, share.ranges.clone())).collect();
    right.sort_by_key(|(seq, ..)| *seq);
    right
}

/// Decides every share that is still held, except those being hashed; gives the bytes left unproven or disputed.
pub(super) fn decide<'cap>(
    book: &mut UnitBook<'cap>,
    unit: Unit,
    records: &mut [Record],
    conflicts: &Conflicts<'cap>,
    contests: &mut Contests,
) -> u64 {
    let failed = Failed::of(book, records, conflicts);
    let mut versions: BTreeMap<TransferId, Vec<Version<'cap>>> = BTreeMap::new();
    let mut undecided = 0;
    for (receiver, share, attempt) in book.take_shares() {
        let mut fresh = share.ranges.clone();
        for credit in book.credits.iter().filter(|credit| credit.transfer == share.transfer) {
            if let Some(reference) = book.references.get(credit.version) {
                remove_equal(&mut fresh, &share, reference, &credit.ranges);
            }
        }
        let earlier = versions.entry(share.transfer).or_default();
        for (content, ranges) in earlier.iter() {
            remove_equal(&mut fresh, &share, content, ranges);
        }
        let Some(record) = records.get_mut(share.transfer.0 as usize) else { continue };
        record.counts.repeated += share.ranges.total() - fresh.total();
        if fresh.is_empty() {
            continue;
        }
        let doubtful = share.doubtful || !record.is_answerable(share.place) || conflicted(&share, conflicts);
        let version = |content: &Content<'cap>| {
            let same = |reference: &Content<'cap>| fresh.iter().all(|range| content.agrees(reference, range));
            book.references.iter().position(same)
        };
        let bytes = fresh.total();
        let second = || second_version(&share, conflicts).and_then(|second| version(&second));
        let verdict = if let Some(version) = version(&share.content).or_else(second) {
            Class::Verified(version)
        } else if !book.references.is_empty() && !book.matched.half_open() {
            if doubtful { Class::Unproven } else { Class::Refuted }
        } else {
            match attempt {
                // The padding is hashed, too.
                Some(_) if doubtful || book.padding.is_some() => Class::Unproven,
                Some(number) => failed.class(number),
                None => Class::Unproven,
            }
        };
        match verdict {
            Class::Verified(version) => {
                // A second version may be what the same transfer was credited with before.
                let counted = book.credit(&share, receiver, version, fresh.iter());
                contests.note(&share);
                record.counts.repeated += bytes - counted;
                record.note_proven(&share);
            }
            Class::Refuted => {
                record.counts.refuted += bytes;
                record.refuted_pieces.insert(unit.piece);
                record.refuted_span = Some(record.refuted_span.map_or(share.span, |span| span.join(share.span)));
            }
            Class::Disputed => {
                record.counts.disputed += bytes;
                undecided += bytes;
            }
            Class::Unproven => {
                record.counts.unproven += bytes;
                undecided += bytes;
            }
        }
        book.crowded |= !keep_version(earlier, &share.content, fresh);
    }
    undecided
}

/// What one transfer sent, each place once.
type Version<'cap> = (Content<'cap>, RangeSet);

/// Keeps what a transfer sent for the first time, to tell what it repeats: in the first version that has its place
/// free, so that there are as many versions as it sent different contents for one place. `false` when there is no room.
fn keep_version<'cap>(versions: &mut Vec<Version<'cap>>, content: &Content<'cap>, fresh: RangeSet) -> bool {
    let free = |(_, ranges): &Version<'cap>| !fresh.iter().any(|range| ranges.intersects(&range));
    let content = content.cut(&fresh);
    match versions.iter().position(free) {
        Some(index) => {
            if let Some((known, ranges)) = versions.get_mut(index) {
                known.absorb(&content);
                fresh.iter().for_each(|range| ranges.insert(range));
            }
        }
        None if versions.len() < MOST_VERSIONS => versions.push((content, fresh)),
        None => return false,
    }
    true
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    /// As the verified content of this number.
    Verified(usize),
    Refuted,
    Disputed,
    Unproven,
}

/// Who sent the attempts whose hash failed.
struct Failed {
    /// By the number that [`UnitBook::take_shares`] gives.
    classes: BTreeMap<usize, Class>,
}

impl Failed {
    fn of(book: &UnitBook<'_>, records: &[Record], conflicts: &Conflicts<'_>) -> Self {
        let mut classes = BTreeMap::new();
        let mut number = 0;
        for attempt in book.attempts.iter().filter(|attempt| !matches!(attempt.state, State::Hashing(_))) {
            if attempt.state == State::Failed {
                let transfers: BTreeSet<TransferId> = attempt.shares.iter().map(|share| share.transfer).collect();
                let connections: BTreeSet<ConnectionId> =
                    attempt.shares.iter().map(|share| share.stream.0).collect();
                let senders = transfers.iter().filter_map(|id| records.get(id.0 as usize));
                let one = connections.len() == 1 || are_one(senders);
                let doubtful = attempt.shares.iter().any(|share| {
                    let record = records.get(share.transfer.0 as usize);
                    share.doubtful
                        || !record.is_some_and(|record| record.is_answerable(share.place))
                        || conflicted(share, conflicts)
                });
                let class = match one {
                    // A share that was perhaps read wrongly makes the failure of the whole one too.
                    _ if doubtful => Class::Unproven,
                    true => Class::Refuted,
                    false => Class::Disputed,
                };
                classes.insert(number, class);
            }
            number += attempt.shares.len();
        }
        Self { classes }
    }

    fn class(&self, number: usize) -> Class {
        self.classes.get(&number).copied().unwrap_or(Class::Unproven)
    }
}

/// Whether what was sent on several connections came from one client beyond doubt: from one observed endpoint, with one
/// peer_id. A port that a client declares is its word, and others may declare the same; a webseed has no peer_id.
fn are_one<'r>(mut senders: impl Iterator<Item = &'r Record>) -> bool {
    let Some(first) = senders.next() else { return true };
    let web = first.key.transport == Transport::Http;
    let named = first.facts.peer_ids.len() == 1 || (web && first.facts.peer_ids.is_empty());
    named
        && senders.all(|other| {
            (other.key.uploader, other.key.transport) == (first.key.uploader, first.key.transport)
                && other.facts.peer_ids == first.facts.peer_ids
        })
}

/// Removes from `fresh` what `share` has in common with `other` within `ranges`, byte for byte.
fn remove_equal(fresh: &mut RangeSet, share: &Share<'_>, other: &Content<'_>, ranges: &RangeSet) {
    let common: Vec<_> = fresh.iter().flat_map(|range| ranges.within(&range).collect::<Vec<_>>()).collect();
    for range in common {
        if share.content.agrees(other, range.clone()) {
            fresh.remove(range);
        }
    }
}

/// Whether another version of some of its bytes, or of the header that says where they belong, was or may have been sent.
fn conflicted(share: &Share<'_>, conflicts: &Conflicts<'_>) -> bool {
    let (id, from, range) = &share.stream;
    let start = range.start.saturating_sub(BLOCK_HEADER);
    conflicts.get(&(*id, *from)).is_some_and(|doubts| doubts.holds(&(start..range.end)))
}

impl<'cap> Ledger<'_, 'cap> {
    /// Tries other ways to put pieces together that no attempt verified: blocks of all receivers and attempts, the
    /// first or the last version of each, one sender alone, second versions of conflicting stretches. The hash
    /// decides, so a wrong guess proves nothing and harms nobody.
    pub(super) fn retry(&mut self, prover: &Prover<'cap>, anomalies: &mut dyn Sink) {
        let mut open = Vec::new();
        for (torrent, book) in &self.books {
            if self.given(*torrent).is_some() {
                let pieces = book.iter().filter(|(_, piece)| !piece.verified && piece.shares().next().is_some());
                let mut pieces: Vec<_> = pieces.map(|(unit, _)| (*torrent, unit)).collect();
                pieces.sort_unstable();
                open.extend(pieces);
            }
        }
        for batch in open.chunks(PIECES_AT_ONCE) {
            let mut jobs = Vec::new();
            for (torrent, unit) in batch {
                let (ways, all) = self.candidates_of(*torrent, *unit);
                let mut whole = false;
                for content in ways {
                    if let Some(job) = self.job(*torrent, *unit, &content) {
                        jobs.push((*torrent, *unit, content, prover.submit(job)));
                        whole = true;
                    }
                }
                if let Some(book) = self.books.get_mut(torrent).and_then(|book| book.get_mut(unit)) {
                    book.crowded |= whole && !all;
                }
            }
            for (torrent, unit, content, job) in jobs {
                let by_leaf = super::has_leaves(self.torrents, torrent);
                let proof = prover.proof(job);
                if proof.verdict != Verdict::Mismatch
                    && let Some(book) = self.books.get_mut(&torrent).and_then(|book| book.get_mut(&unit))
                {
                    let kept = content.len();
                    let learned = book.learn(content, proof, unit, by_leaf, None, anomalies);
                    self.reference_slices += kept - learned.dropped;
                }
            }
        }
    }

    fn job(&self, torrent: TorrentKey, unit: Unit, content: &Content<'cap>) -> Option<UnitJob<'cap>> {
        Measure::of(self.given(torrent)?, unit)?.job(content)
    }

    /// Ways to put a piece together, the likeliest first, and whether these are all that are meant to be tried.
    fn candidates_of(&self, torrent: TorrentKey, unit: Unit) -> (Vec<Content<'cap>>, bool) {
        let Some(book) = self.books.get(&torrent).and_then(|book| book.get(&unit)) else {
            return (Vec::new(), true);
        };
        let mut shares: Vec<&Share<'cap>> = book.shares().map(|(_, share)| share).collect();
        shares.sort_by_key(|share| share.seq);
        // The part of a block that a broken connection left is entered late, when that connection is closed: it says
        // nothing of what came last, and only fills what no whole block does.
        let latest = latest_first(&shares);
        let mut ways = vec![
            Content::layered(shares.iter().map(|share| &share.content)),
            Content::layered(latest.iter().map(|share| &share.content)),
        ];
        let groups = |key: &dyn Fn(&Share<'cap>) -> u64| {
            let mut groups: BTreeMap<u64, Vec<&Share<'cap>>> = BTreeMap::new();
            shares.iter().for_each(|share| groups.entry(key(share)).or_default().push(share));
            groups
        };
        let by_sender = groups(&|share| u64::from(share.transfer.0));
        if by_sender.len() > 1 {
            for group in by_sender.values().take(MOST_WAYS) {
                // This sender's own blocks, the last version of each, filled up with whatever others sent.
                ways.push(Content::layered(
                    latest_first(group).into_iter().chain(latest.iter().copied()).map(|share| &share.content),
                ));
            }
        }
        let seconds: Vec<Content<'cap>> =
            shares.iter().filter_map(|share| second_version(share, &self.conflicts)).collect();
        if !seconds.is_empty() {
            let layers = seconds.iter().chain(shares.iter().map(|share| &share.content));
            ways.push(Content::layered(layers));
            for second in seconds.iter().take(MOST_WAYS) {
                ways.push(Content::layered(
                    std::iter::once(second).chain(shares.iter().map(|share| &share.content)),
                ));
            }
        }
        let (mixes, every_mix) = mixes(&shares);
        ways.extend(mixes);
        if let Some(padding) = book.padding.as_deref().filter(|padding| padding.len() > 0) {
            let padded: Vec<_> = ways.iter().map(|content| Content::layered([content, padding])).collect();
            ways.extend(padded);
        }
        (ways, every_mix && by_sender.len() <= MOST_WAYS && seconds.len() <= MOST_WAYS)
    }
}

/// Every choice of one version for each block, of those that were sent in several; and whether these are all. Two copies
/// with a bad block each, of other senders, hold the piece between them. `shares` in order of arrival.
fn mixes<'cap>(shares: &[&Share<'cap>]) -> (Vec<Content<'cap>>, bool) {
    let mut blocks: BTreeMap<(u32, u32), Vec<&Share<'cap>>> = BTreeMap::new();
    let mut ways = 1;
    for share in shares {
        let (Some(first), Some(last)) = (share.ranges.iter().next(), share.ranges.iter().last()) else { continue };
        let versions = blocks.entry((first.start, last.end)).or_default();
        let same = |other: &&Share<'cap>| {
            other.ranges == share.ranges
                && share.ranges.iter().all(|range| share.content.agrees(&other.content, range))
        };
        if !versions.iter().any(same) {
            ways = ways / versions.len().max(1) * (versions.len() + 1);
            versions.push(share);
            if ways > MOST_MIXES {
                return (Vec::new(), false);
            }
        }
    }
    let choose = |mut way: usize| {
        let chosen: Vec<_> = blocks
            .values()
            .filter_map(|versions| {
                let share = versions.get(way % versions.len());
                way /= versions.len();
                share
            })
            .collect();
        Content::layered(chosen.into_iter().chain(shares.iter()).map(|share| &share.content))
    };
    // The first of each is tried anyway.
    ((1..ways).map(choose).collect(), true)
}

/// Whole blocks before parts, and of each the latest first; `shares` in order of arrival.
pub(super) fn latest_first<'s, 'cap>(shares: &[&'s Share<'cap>]) -> Vec<&'s Share<'cap>> {
    let (whole, parts): (Vec<_>, Vec<_>) = shares.iter().rev().partition(|share| share.whole);
    whole.into_iter().chain(parts).collect()
}

/// A share with the second version of its bytes where one was sent.
fn second_version<'cap>(share: &Share<'cap>, conflicts: &Conflicts<'cap>) -> Option<Content<'cap>> {
    let (id, from, range) = &share.stream;
    let mut content = Content::default();
    for conflict in &conflicts.get(&(*id, *from))?.conflicts {
        let (start, end) = (conflict.offset.max(range.start), conflict.end().min(range.end));
        if start < end {
            let bytes = conflict.bytes.get((start - conflict.offset) as usize..(end - conflict.offset) as usize)?;
            let place = share.begin.saturating_add(u32::try_from(start - range.start).ok()?);
            content = Content::layered([&Content::of_slice(place, bytes), &content]);
        }
    }
    (content.len() > 0).then(|| Content::layered([&content.cut(&share.ranges), &share.content]))
}

// Rationale: BEP 3: length, id, index and begin stand before the payload.
const BLOCK_HEADER: u64 = 13;
// Rationale: a sender that sends this many different contents for one place is refuted long before.
const MOST_VERSIONS: usize = 64;
// Rationale: each way costs one hash of the piece.
const MOST_WAYS: usize = 8;
// Rationale: four blocks in two versions each; each costs one hash of the piece.
const MOST_MIXES: usize = 16;
// Rationale: bounds the slices that wait in the prover's queue.
const PIECES_AT_ONCE: usize = 64;
