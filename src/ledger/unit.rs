//! One unit of one torrent, a piece or a leaf: what was sent of it, to whom, and what is known of it.

use std::borrow::Cow;
use std::net::IpAddr;
use std::ops::Range;

use super::{Content, Few, RangeSet, TransferId};
use crate::ends::{ConnectionId, Direction, Span};
use crate::prove::{Half, JobId, UnitJob, Verdict};
use crate::torrent::merkle::LEAF_BYTES;
use crate::torrent::{Expected, PieceIndex, Torrent};

/// What is verified at once: a whole piece, one 16 KiB leaf of a v2 piece whose leaf hashes are known (BEP 52), or the
/// few leaves under a node of its tree that is known while they are not.
///
/// Ordered by piece, then by leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Unit {
    /// The piece, as numbered on the wire.
    pub piece: u32,
    /// The leaf within the piece, or the first of several; `None` for the whole piece.
    pub leaf: Option<u32>,
}

impl Unit {
    /// Its bytes, or those of its first leaf, in a piece of `size` bytes; `None` when no piece has such a leaf.
    pub fn range(self, size: u32) -> Option<Range<u32>> {
        let Some(leaf) = self.leaf else { return Some(0..size) };
        let start = leaf.checked_mul(LEAF_BYTES)?.min(size);
        Some(start..start.saturating_add(LEAF_BYTES).min(size))
    }
}

impl From<Unit> for crate::oddity::Unit {
    fn from(Unit { piece, leaf }: Unit) -> Self {
        Self { piece, leaf }
    }
}

/// How a piece is cut into units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Not at all.
    Whole,
    /// Into its leaves, all of which are known.
    Leaves,
    /// Into the smallest parts of its tree that are known: leaves, or what a few leaves hash to together.
    Parts,
}

impl Cut {
    /// That of a piece of which no unit is known yet. A hybrid goes by pieces first: its halves may disagree, and either
    /// makes the bytes its own.
    pub fn first(torrent: &Torrent, piece: PieceIndex) -> Self {
        let by_leaf = torrent.info_hash_v1().is_none() && torrent.has_leaves(piece);
        if by_leaf { Self::Leaves } else { Self::Whole }
    }

    /// That of a piece that could not be verified whole.
    pub fn finest(torrent: &Torrent, piece: PieceIndex) -> Self {
        if torrent.has_parts(piece) { Self::Parts } else { Self::Whole }
    }

    /// Every unit of `piece` that has a byte in `range`.
    pub fn units<'t>(
        self,
        torrent: &'t Torrent,
        piece: PieceIndex,
        range: &Range<u32>,
    ) -> impl Iterator<Item = Unit> + use<'t> {
        let first = range.start / LEAF_BYTES;
        let leaves = if self == Self::Whole { first..first + 1 } else { first..range.end.div_ceil(LEAF_BYTES) };
        leaves.filter_map(move |leaf| {
            let begins = match self {
                Self::Whole => None,
                Self::Leaves => Some(leaf),
                Self::Parts => Some(torrent.part(piece, leaf).map_or(leaf, |(begins, _)| begins)),
            };
            // A part is named once, with the first of its leaves that is asked for.
            let named = leaf == first || begins.is_none_or(|begins| begins == leaf);
            named.then_some(Unit { piece: piece.number(), leaf: begins })
        })
    }
}

/// The place of a unit in its piece, and what it must hash to.
#[derive(Clone, Debug)]
pub struct Measure {
    /// Its bytes, in bytes of the piece.
    pub range: Range<u32>,
    /// The padding in it.
    pub pads: RangeSet,
    /// Its hash.
    pub expected: Expected,
}

impl Measure {
    /// The place and the hash of `unit`; `None` when the torrent has no such unit.
    pub fn of(torrent: &Torrent, unit: Unit) -> Option<Self> {
        Self::padded(torrent, unit, &torrent.pads(torrent.piece(unit.piece)?).collect())
    }

    /// The same where the padding of its piece, `pads`, is known.
    pub(crate) fn padded(torrent: &Torrent, unit: Unit, pads: &RangeSet) -> Option<Self> {
        let piece = torrent.piece(unit.piece)?;
        let size = torrent.piece_size(piece);
        let (range, expected) = match unit.leaf {
            None => (0..size, torrent.expected(piece)),
            Some(leaf) => {
                let range = unit.range(size)?;
                match torrent.part(piece, leaf).filter(|(first, _)| *first == leaf) {
                    None => (range, Expected::Unknown),
                    Some((_, tree)) if tree.width == 1 => (range, Expected::Leaf(tree.root)),
                    Some((_, tree)) => {
                        let bytes = tree.width.saturating_mul(LEAF_BYTES);
                        (range.start..range.start.saturating_add(bytes).min(size), Expected::V2(tree))
                    }
                }
            }
        };
        let pads = pads.within(&range).collect();
        Some(Self { range, pads, expected })
    }

    /// Bytes of it that are not padding.
    pub fn content(&self) -> u64 {
        u64::from(self.range.end - self.range.start) - self.pads.total()
    }

    /// The job that proves `content`; `None` where bytes are missing, or no hash is known.
    pub fn job<'cap>(&self, content: &Content<'cap>) -> Option<UnitJob<'cap>> {
        let runs = match self.expected {
            // Padding behind a file's end is no part of a leaf.
            Expected::Leaf(_) => {
                let mut range = RangeSet::from_iter([self.range.clone()]);
                self.pads.iter().for_each(|pad| range.remove(pad));
                content.whole(range.iter().next().unwrap_or(0..0), &RangeSet::default())?
            }
            Expected::Unknown => return None,
            _ => content.whole(self.range.clone(), &self.pads)?,
        };
        let padded = !matches!(self.expected, Expected::Leaf(_)) && !self.pads.is_empty();
        Some(UnitJob { runs, expected: self.expected, verified: None, start: self.range.start, padded })
    }
}

/// A block in its place, with who sent it and what came before it.
#[derive(Clone, Debug)]
pub struct Share<'cap> {
    /// Order of arrival over the whole run.
    pub seq: u64,
    /// Who sent it to whom.
    pub transfer: TransferId,
    /// Place of its first byte within the piece, as sent.
    pub begin: u32,
    /// Its captured bytes, without padding.
    pub content: Content<'cap>,
    /// What `content` covers.
    pub ranges: RangeSet,
    /// Whether the capture holds the whole block.
    pub whole: bool,
    /// Its frames.
    pub span: Span,
    /// The request that it answers.
    pub requested: Option<Span>,
    /// Where the sender advertised the piece before.
    pub advertised: Option<Span>,
    /// The connection and direction, and the block's place in that stream.
    pub stream: (ConnectionId, Direction, Range<u64>),
    /// Where it was asked for, of a webseed; see [`Facts::named_places`](super::Facts::named_places).
    pub place: u64,
    /// Whether its bytes may not be what was sent: framing was guessed, or a checksum is wrong. Such bytes can be
    /// verified, but they refute nobody.
    pub doubtful: bool,
}

impl Share<'_> {
    /// What it takes, in slices of [`Limits::open_slices`](crate::Limits::open_slices).
    pub(super) fn weight(&self) -> usize {
        self.content.len() + SHARE_WEIGHT
    }

    /// The part of it within `range` of the piece, if there is any.
    pub fn part(&self, range: &Range<u32>) -> Option<Self> {
        let ranges: RangeSet = self.ranges.within(range).collect();
        (!ranges.is_empty()).then(|| Self { content: self.content.cut(&ranges), ranges, ..self.clone() })
    }
}

/// Who receives; see [`Session::receiver`](crate::session::Session::receiver).
pub type Receiver = (IpAddr, Option<u16>);

/// One copy of the unit on its way to one receiver.
///
/// # Invariants
/// - The shares do not overlap.
#[derive(Debug)]
pub struct Attempt<'cap> {
    /// Who receives it.
    pub receiver: Receiver,
    /// The blocks so far.
    pub shares: Few<Share<'cap>>,
    /// What they cover.
    pub covered: RangeSet,
    /// The part of it that is of blocks that are not whole.
    partial: RangeSet,
    /// Bytes that they cover.
    bytes: u64,
    /// How far it got.
    pub state: State,
}

/// How far an attempt got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Bytes are missing.
    Open,
    /// Complete, and being hashed.
    Hashing(JobId),
    /// Complete, and its hash failed.
    Failed,
}

/// By which hashes the contents of a unit were verified.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Matched {
    /// By all that the torrent has.
    whole: bool,
    /// By the SHA-1 of a hybrid torrent alone.
    v1: bool,
    /// By the tree of a hybrid torrent alone.
    v2: bool,
}

impl Matched {
    /// Adds a verdict; whether it is a new one.
    pub(crate) fn note(&mut self, verdict: Verdict) -> bool {
        let flag = match verdict {
            Verdict::Match => &mut self.whole,
            Verdict::Half(Half::V1) => &mut self.v1,
            Verdict::Half(Half::V2) => &mut self.v2,
            Verdict::Mismatch => return false,
        };
        !std::mem::replace(flag, true)
    }

    /// Whether every content was verified by all that the torrent has.
    pub(super) fn is_whole(self) -> bool {
        self == Self { whole: true, v1: false, v2: false }
    }

    pub(crate) fn has_sha1(self) -> bool {
        self.whole || self.v1
    }

    /// Whether all of it is what the SHA-1 says, and whether it is what the tree says, as far as the torrent has these.
    /// Where different contents matched one each, neither.
    pub fn halves(self) -> [bool; 2] {
        let both = self.v1 && self.v2;
        [!both && (self.whole || self.v1), !both && (self.whole || self.v2)]
    }

    /// Whether every content was verified by its tree, so that each of its leaves is too.
    pub fn by_tree(self) -> bool {
        !self.v1
    }

    /// Whether one half of a hybrid torrent is known and the other is not: bytes that differ from what is known may be
    /// of the other.
    pub fn half_open(self) -> bool {
        !self.whole && self.v1 != self.v2
    }
}

/// Verified bytes of one transfer and one content in the unit, each counted once.
#[derive(Clone, Debug)]
pub struct Credit {
    /// Whose.
    pub transfer: TransferId,
    /// Which of the contents that hash to the unit they are of, by its number in [`UnitBook::references`]: 0, unless SHA-1
    /// collides (T23).
    pub version: usize,
    /// To whom.
    pub receiver: Receiver,
    /// Which bytes.
    pub ranges: RangeSet,
    /// The frames of them.
    pub span: Span,
    /// Where the piece was advertised before, while that holds for all of them.
    pub advertised: Option<Span>,
    /// Where they were requested before, while that holds for all of them.
    pub requested: Option<Span>,
}

/// All that is known of one unit.
#[derive(Debug, Default)]
pub struct UnitBook<'cap> {
    /// Contents that hash to the unit: one, or more if SHA-1 collides (T23).
    pub references: Few<Content<'cap>>,
    /// Whether a copy was verified.
    pub verified: bool,
    /// By which hashes.
    pub matched: Matched,
    /// Whether references were dropped to stay within the limit.
    pub references_dropped: bool,
    /// Whether a bound on attempts, versions or ways to put it together was reached.
    pub crowded: bool,
    /// Whether the verified content is of one byte value only.
    pub trivial: bool,
    /// The leaves of the verified content that are, by number.
    pub(crate) trivial_leaves: Option<Box<RangeSet>>,
    /// Where it is not sure that the padding of the piece is zeros: what was sent of it instead, which may be nothing.
    /// Then a hash that fails speaks against nobody.
    pub(super) padding: Option<Box<Content<'cap>>>,
    /// Copies that are open, being hashed, or failed.
    pub attempts: Vec<Attempt<'cap>>,
    /// Blocks that belong to no attempt: superseded, or too many.
    pub loose: Vec<(Receiver, Share<'cap>)>,
    /// What was verified.
    pub credits: Few<Credit>,
}

impl<'cap> UnitBook<'cap> {
    /// Adds a share of a unit with `content` bytes without padding; gives the index of the attempt that it completed.
    pub fn add(&mut self, share: Share<'cap>, receiver: Receiver, content: u64) -> Option<usize> {
        let room = self.attempts.iter_mut().position(|attempt| {
            attempt.receiver == receiver && attempt.state == State::Open && attempt.makes_room(&share)
        });
        let index = match room {
            Some(index) => index,
            None if self.waiting() >= MOST_ATTEMPTS => {
                self.crowded = true;
                self.loose.push((receiver, share));
                return None;
            }
            None => {
                if self.attempts.is_empty() {
                    // Most units are sent once.
                    self.attempts.reserve_exact(1);
                }
                self.attempts.push(Attempt {
                    receiver,
                    shares: Few::None,
                    covered: RangeSet::default(),
                    partial: RangeSet::default(),
                    bytes: 0,
                    state: State::Open,
                });
                self.attempts.len() - 1
            }
        };
        let attempt = self.attempts.get_mut(index)?;
        self.loose.extend(attempt.supersede(&share).into_iter().map(|share| (receiver, share)));
        attempt.take(share);
        (attempt.bytes == content).then_some(index)
    }

    /// Copies that are not just being hashed: how many of those there are is a matter of moments.
    fn waiting(&self) -> usize {
        // Rationale: counted only where there may be too many.
        if self.attempts.len() < MOST_ATTEMPTS {
            return self.attempts.len();
        }
        self.attempts.iter().filter(|attempt| !matches!(attempt.state, State::Hashing(_))).count()
    }

    /// Every share still held, with its receiver and, for one of a failed attempt, the attempt's number.
    pub fn take_shares(&mut self) -> Vec<(Receiver, Share<'cap>, Option<usize>)> {
        let mut shares = Vec::new();
        let mut kept = Vec::new();
        for attempt in self.attempts.drain(..) {
            match attempt.state {
                State::Hashing(_) => kept.push(attempt),
                State::Open | State::Failed => {
                    let failed = (attempt.state == State::Failed).then_some(shares.len());
                    shares.extend(
                        attempt.shares.into_vec().into_iter().map(|share| (attempt.receiver, share, failed)),
                    );
                }
            }
        }
        self.attempts = kept;
        shares.extend(self.loose.drain(..).map(|(receiver, share)| (receiver, share, None)));
        shares.sort_by_key(|(_, share, _)| share.seq);
        shares
    }

    /// Every share still held, in no particular order.
    pub fn shares(&self) -> impl Iterator<Item = (Receiver, &Share<'cap>)> {
        let attempts =
            self.attempts.iter().flat_map(|attempt| attempt.shares.iter().map(|share| (attempt.receiver, share)));
        attempts.chain(self.loose.iter().map(|(receiver, share)| (*receiver, share)))
    }

    /// Notes verified bytes of the content of this number that were not counted before.
    pub fn credit(
        &mut self,
        share: &Share<'_>,
        receiver: Receiver,
        version: usize,
        mut ranges: impl Iterator<Item = Range<u32>>,
    ) -> u64 {
        // What adds nothing takes nothing away: not the request that the first copy answered, nor its frames.
        let Some(first) = ranges.next() else { return 0 };
        let same = |credit: &Credit| (credit.transfer, credit.version) == (share.transfer, version);
        let index = match self.credits.iter().position(same) {
            Some(index) => index,
            None => {
                self.credits.push(Credit {
                    transfer: share.transfer,
                    version,
                    receiver,
                    ranges: RangeSet::default(),
                    span: share.span,
                    advertised: share.advertised,
                    requested: share.requested,
                });
                self.credits.len() - 1
            }
        };
        let Some(credit) = self.credits.get_mut(index) else { return 0 };
        let before = credit.ranges.total();
        std::iter::once(first).chain(ranges).for_each(|range| credit.ranges.insert(range));
        credit.span = credit.span.join(share.span);
        credit.advertised = credit.advertised.zip(share.advertised).map(|(one, other)| one.join(other));
        credit.requested = credit.requested.zip(share.requested).map(|(one, other)| one.join(other));
        credit.ranges.total() - before
    }

    /// The attempt that `job` proves; it is no longer held.
    pub(super) fn take_attempt(&mut self, job: JobId) -> Option<Attempt<'cap>> {
        let index = self.attempts.iter().position(|attempt| attempt.state == State::Hashing(job))?;
        let attempt = self.attempts.remove(index);
        if self.attempts.is_empty() {
            // Most units are never sent again: no memory is kept for it.
            self.attempts = Vec::new();
        }
        Some(attempt)
    }

    /// Bytes of every share still held.
    pub(super) fn held(&self) -> u64 {
        self.shares().map(|(_, share)| share.ranges.total()).sum()
    }

    /// What the shares take, in slices.
    pub fn open_slices(&self) -> usize {
        self.shares().map(|(_, share)| share.weight()).sum()
    }

    /// Whether nothing is known of the unit that another book would not say as well.
    pub(super) fn is_bare(&self) -> bool {
        !(self.verified || self.references_dropped || self.crowded)
            && self.attempts.is_empty()
            && self.loose.is_empty()
            && self.credits.is_empty()
            && self.padding.is_none()
    }
}

impl<'cap> Attempt<'cap> {
    /// The numbers of its shares, where it failed and all of them are of one transfer.
    pub(super) fn failed_alone(&self) -> Vec<u64> {
        let first = self.shares.first().map(|share| share.transfer);
        let alone = self.shares.iter().all(|share| Some(share.transfer) == first);
        let shares = self.shares.iter().filter(|_| alone && self.state == State::Failed);
        shares.map(|share| share.seq).collect()
    }

    fn take(&mut self, share: Share<'cap>) {
        share.ranges.iter().for_each(|range| self.covered.insert(range));
        if !share.whole {
            share.ranges.iter().for_each(|range| self.partial.insert(range));
        }
        self.bytes += share.ranges.total();
        self.shares.push(share);
    }

    /// Whether `share` fits without overlap, or is the whole of blocks that are here only in part.
    fn makes_room(&self, share: &Share<'cap>) -> bool {
        if !share.ranges.iter().any(|range| self.covered.intersects(&range)) {
            return true;
        }
        // Rationale: a repetition is told without a look at every share; each look takes a part out.
        let parts_only = |range: Range<u32>| self.covered.within(&range).all(|part| self.partial.covers(&part));
        share.whole
            && share.ranges.iter().all(parts_only)
            && self.shares.iter().all(|other| !overlap(other, share) || (!other.whole && inside(other, share)))
    }

    /// Takes out the parts that `share` replaces.
    fn supersede(&mut self, share: &Share<'cap>) -> Vec<Share<'cap>> {
        if !share.ranges.iter().any(|range| self.covered.intersects(&range)) {
            return Vec::new();
        }
        let all = std::mem::take(&mut self.shares).into_vec().into_iter();
        let (replaced, kept): (Vec<_>, Vec<_>) = all.partition(|other| overlap(other, share));
        self.shares = Few::More(kept);
        for other in &replaced {
            for range in other.ranges.iter() {
                self.covered.remove(range.clone());
                self.partial.remove(range);
            }
            self.bytes -= other.ranges.total();
        }
        replaced
    }

    /// The bytes of all shares.
    pub fn content(&self) -> Cow<'_, Content<'cap>> {
        if let [share] = &*self.shares {
            return Cow::Borrowed(&share.content);
        }
        let mut shares: Vec<_> = self.shares.iter().collect();
        shares.sort_by_key(|share| share.ranges.iter().next().map(|range| range.start));
        Cow::Owned(Content::joined(shares.iter().map(|share| &share.content)))
    }

    /// The same when the attempt is over.
    pub(super) fn into_content(self) -> Content<'cap> {
        match self.shares {
            Few::One(share) => share.content,
            _ => self.content().into_owned(),
        }
    }
}

fn overlap(one: &Share<'_>, other: &Share<'_>) -> bool {
    other.ranges.iter().any(|range| one.ranges.intersects(&range))
}

fn inside(part: &Share<'_>, whole: &Share<'_>) -> bool {
    part.ranges.iter().all(|range| whole.ranges.covers(&range))
}

// Rationale: more than any client asks again for one piece; beyond it blocks are still compared, one by one.
const MOST_ATTEMPTS: usize = 64;
// Rationale: a share and its ranges, in slices of 24 bytes.
const SHARE_WEIGHT: usize = 10;
