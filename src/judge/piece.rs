//! One piece: cut into the units that its hashes decide, each with its shares and its contents.

use std::collections::{BTreeMap, BTreeSet};

use super::ask::Ask;
use super::contents::{Contents, State};
use super::doubt::{Against, Bench, PieceDoubt};
use super::unit::{Outcome, classes};
use super::{Cut, Measure, RangeSet, Unit};
use super::{Parts, Share};
use crate::ends::Span;
use crate::facts::{BlockId, Reason};
use crate::torrent::{PieceIndex, Torrent};
use crate::wire::Framing;

/// A piece of which something was sent, with what its bytes are.
#[derive(Debug)]
pub struct Piece {
    /// Its number on the wire.
    pub number: u32,
    /// Its units with a share.
    pub units: Vec<OfUnit>,
    /// Shares with the parts of them that lie in padding.
    pub pads: Vec<(Share, Parts)>,
    /// Where padding is not zero, and in how many bytes.
    pub odd_padding: Vec<(Span, u64)>,
    /// The padding that its SHA-1 covers may not be zeros.
    padding_doubt: bool,
    /// See [`PieceDoubt::unjudged`].
    pub unjudged: bool,
}

/// A unit with its shares.
#[derive(Debug)]
pub struct OfUnit {
    /// Which.
    pub unit: Unit,
    /// Its place and hash; `None` where the torrent is not known.
    pub measure: Option<Measure>,
    /// Shares of the unit, in order of arrival.
    pub shares: Vec<Share>,
    /// Contents of the unit.
    pub contents: Contents,
}

impl OfUnit {
    /// Of two versions of bytes of a share, whether the second one is the torrent's; `None` where neither is known to be.
    pub(super) fn right_version(
        &self,
        second: &Parts,
        share: &Share,
        outcome: &Outcome,
        ask: &mut dyn Ask,
    ) -> Option<bool> {
        let unit = &self.measure.as_ref()?.range;
        let extent = second.extent();
        let range = extent.start.max(unit.start)..extent.end.min(unit.end);
        if range.is_empty() || self.contents.references.is_empty() {
            return None;
        }
        let is_second = self.contents.references.iter().any(|reference| ask.same(reference, second, range.clone()));
        let mut credits = outcome.credits.iter().filter(|credit| credit.transfer == share.transfer);
        (is_second || credits.any(|credit| credit.ranges.covers(&range))).then_some(is_second)
    }
}

impl Piece {
    /// The piece of which these shares were sent, in order of arrival, each within it. `given` is the torrent before the
    /// captures told anything of its trees, `torrent` afterwards.
    pub fn of(
        given: &Torrent,
        torrent: &Torrent,
        piece: PieceIndex,
        shares: Vec<Share>,
        bench: &Bench<'_>,
        ask: &mut dyn Ask,
    ) -> Self {
        let all_pads: RangeSet = torrent.pads(piece).collect();
        let mut found = Self {
            number: piece.number(),
            units: Vec::new(),
            pads: Vec::new(),
            odd_padding: Vec::new(),
            padding_doubt: false,
            unjudged: false,
        };
        let (mut odd, has_leaves) = (Parts::default(), torrent.info_hash_v2().is_some());
        let mut shares = shares;
        if !all_pads.is_empty() {
            for share in &mut shares {
                found.take_padding(share, &all_pads, torrent, piece, &mut odd, ask);
            }
        }
        shares.retain(|share| !share.ranges.is_empty());
        let (whole, mut cut_up) = match Cut::first(given, piece) {
            Cut::Whole => (shares, Vec::new()),
            Cut::Leaves | Cut::Parts => (Vec::new(), shares),
        };
        if !whole.is_empty()
            && let Some(measure) = Measure::padded(torrent, Unit { piece: piece.number(), leaf: None }, &all_pads)
        {
            let unit = Unit { piece: piece.number(), leaf: None };
            let contents = Contents::of(&measure, has_leaves, &whole, Some(&odd), bench, ask);
            // One that was verified whole stays whole, or its bytes would be counted twice.
            if !contents.found.verified && Cut::finest(torrent, piece) == Cut::Parts {
                cut_up = again(whole, &contents, torrent);
            } else {
                found.units.push(OfUnit { unit, measure: Some(measure), shares: whole, contents });
            }
        }
        let mut units: BTreeMap<Unit, (Measure, Vec<Share>)> = BTreeMap::new();
        for share in cut_up {
            let range = share.ranges.extent();
            for unit in Cut::finest(torrent, piece).units(torrent, piece, &range) {
                let Some(measure) = Measure::padded(torrent, unit, &all_pads) else { continue };
                // Rationale: a block is mostly within one unit, and then moves whole.
                if measure.range.start <= range.start && range.end <= measure.range.end {
                    units.entry(unit).or_insert_with(|| (measure, Vec::new())).1.push(share);
                    break;
                }
                if let Some(part) = share.part(&measure.range) {
                    units.entry(unit).or_insert_with(|| (measure, Vec::new())).1.push(part);
                }
            }
        }
        for (unit, (measure, shares)) in units {
            let contents = Contents::of(&measure, has_leaves, &shares, None, bench, ask);
            found.units.push(OfUnit { unit, measure: Some(measure), shares, contents });
        }
        found
    }

    /// A piece of a torrent that is not known.
    pub fn unknown(number: u32, shares: Vec<Share>) -> Self {
        let unit = Unit { piece: number, leaf: None };
        let shares: Vec<Share> = shares.into_iter().filter(|share| !share.ranges.is_empty()).collect();
        let units = vec![OfUnit { unit, measure: None, shares, contents: Contents::default() }];
        Self { number, units, pads: Vec::new(), odd_padding: Vec::new(), padding_doubt: false, unjudged: false }
    }

    fn take_padding(
        &mut self,
        share: &mut Share,
        pads: &RangeSet,
        torrent: &Torrent,
        piece: PieceIndex,
        odd: &mut Parts,
        ask: &mut dyn Ask,
    ) {
        let padding = share.without(pads);
        let non_zero = if padding.is_empty() { 0 } else { ask.non_zero(&padding) };
        if non_zero > 0 {
            self.odd_padding.push((share.span, non_zero));
        }
        // Only a SHA-1 is of the padding, too.
        if torrent.info_hash_v1().is_some() && (non_zero > 0 || torrent.guesses_pads(piece)) {
            self.padding_doubt = true;
            // The first version is tried.
            let there = odd.ranges();
            if non_zero > 0 && !padding.ranges().iter().any(|range| there.intersects(&range)) {
                *odd = Parts::layered([&*odd, &padding]);
            }
        }
        if !padding.is_empty() {
            self.pads.push((share.clone(), padding));
        }
    }

    /// Doubts about the piece as a whole.
    fn doubt(&self, unit: &Unit) -> PieceDoubt {
        // The hash of a leaf is of no padding.
        let padding = self.padding_doubt && unit.leaf.is_none();
        PieceDoubt { padding, unjudged: self.unjudged, ..PieceDoubt::default() }
    }

    /// The shares that may be held against their senders, as far as what rests on them alone goes.
    pub fn accused(&self, bench: &Bench<'_>, ask: &mut dyn Ask) -> Vec<Share> {
        let mut accused = Vec::new();
        for of in self.units.iter().filter(|of| of.measure.is_some()) {
            let doubt = self.doubt(&of.unit).within(&of.contents);
            let verified: BTreeSet<usize> = of
                .contents
                .copies
                .iter()
                .filter(|copy| matches!(copy.state, State::Verified(_)))
                .flat_map(|copy| copy.shares.iter().copied())
                .collect();
            let failed = of.contents.copies.iter().filter(|copy| copy.state == State::Failed);
            let failed: BTreeSet<usize> = failed.flat_map(|copy| copy.shares.iter().copied()).collect();
            for (index, share) in of.shares.iter().enumerate().filter(|(index, _)| !verified.contains(index)) {
                let against = if of.contents.references.is_empty() {
                    failed.contains(&index).then_some(Against::Failed)
                } else {
                    let right = of.contents.version_of(&share.parts, &share.ranges, ask).is_some();
                    (!right).then_some(Against::Differs)
                };
                let speaks = |against| match bench.refutes(share, against, &doubt) {
                    Ok(()) => true,
                    // Others may yet be shown to be none, such as how it is framed.
                    Err(reason) => !matches!(
                        reason,
                        Reason::PlaceGuessed | Reason::TorrentLikely | Reason::HalfUnknown | Reason::Damaged
                    ),
                };
                if against.is_some_and(speaks) {
                    accused.push(share.clone());
                }
            }
        }
        accused
    }

    /// Shares of web servers, and of peers whose framing was found by a search, that are shown to be the torrent's: long enough,
    /// and not of one value.
    pub fn shown(&self, ask: &mut dyn Ask) -> Vec<Share> {
        let mut shown = Vec::new();
        for of in &self.units {
            let open = |share: &&Share| share.place > 0 || share.framing == Framing::Resynchronised;
            for share in of.shares.iter().filter(open).filter(|share| share.ranges.total() >= LEAST_PROOF) {
                let right = of.contents.version_of(&share.parts, &share.ranges, ask).is_some();
                if right && !ask.is_trivial(&share.parts) {
                    shown.push(share.clone());
                }
            }
        }
        shown
    }

    /// Gives every captured byte of a unit its class.
    pub fn classes(&self, of: &OfUnit, bench: &Bench<'_>, ask: &mut dyn Ask) -> Outcome {
        let known =
            of.measure.as_ref().is_some_and(|measure| measure.expected != crate::torrent::Expected::Unknown);
        classes(&of.contents, &of.shares, known, self.doubt(&of.unit), bench, ask)
    }
}

/// The shares of a piece that could not be verified whole, to be judged by leaves. What is no leaf of v2 may be of v1 where
/// the halves of a hybrid describe other bytes, unless one sender sent all of the piece and it matches neither.
fn again(mut shares: Vec<Share>, contents: &Contents, torrent: &Torrent) -> Vec<Share> {
    if torrent.info_hash_v1().is_some() {
        let alone = |copy: &&super::contents::Attempt| {
            let mut senders = copy.shares.iter().filter_map(|index| shares.get(*index)).map(|share| share.transfer);
            let first = senders.next();
            copy.state == State::Failed && senders.all(|sender| Some(sender) == first)
        };
        let failed = contents.copies.iter().filter(alone).flat_map(|copy| copy.shares.iter());
        let failed: BTreeSet<BlockId> =
            failed.filter_map(|index| shares.get(*index)).map(|share| share.id).collect();
        shares.iter_mut().for_each(|share| share.half_unknown |= !failed.contains(&share.id));
    }
    shares
}

// Rationale: of a given page of 64 bytes, no torrent of any size has a copy by chance; of "OK" each has.
const LEAST_PROOF: u64 = 64;
