//! The rows of `pieces`: rulings of one unit and one transfer together.

use std::collections::BTreeMap;

use super::ask::Ask;
use super::piece::{OfUnit, Piece};
use super::unit::{Class, Outcome, Ruling, Why};
use super::{Doubts, Share, Slice, SmallVec};
use super::{TransferId, Unit};
use crate::ends::Span;
use crate::facts::Block;

/// Bytes of one unit in one transfer, of one class for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The transfer.
    pub transfer: TransferId,
    /// The unit.
    pub unit: Unit,
    /// The class.
    pub class: Class,
    /// Why.
    pub why: Why,
    /// How many bytes.
    pub bytes: u64,
    /// The frames in which they were requested before, while that holds for all of them.
    pub requested: Option<Span>,
    /// The frames of each of those requests, where they are not all the same ones.
    pub requests: Vec<Span>,
    /// The frames in which their sender had advertised the piece before, while that holds for all of them.
    pub advertised: Option<Span>,
    /// Where they lie, in order of arrival.
    pub slices: SmallVec<Slice>,
    /// The number of the SHA-1 and SHA-256 of the verified content of the unit: see [`Ask::note_sums`].
    pub sums: Option<u32>,
}

impl Row {
    fn of(unit: Unit, share: &Share, class: Class, why: Why) -> Self {
        Self {
            transfer: share.transfer,
            unit,
            class,
            why,
            bytes: 0,
            requested: share.requested,
            requests: Vec::new(),
            advertised: share.advertised,
            slices: SmallVec::None,
            sums: None,
        }
    }

    fn add(&mut self, share: &Share, slices: &[Slice]) {
        let join = |one: Option<Span>, other: Option<Span>| one.zip(other).map(|(one, other)| one.join(other));
        self.bytes += slices.iter().map(|slice| u64::from(slice.len)).sum::<u64>();
        self.slices.extend(slices.iter().copied());
        if share.requested.is_some() && share.requested.as_ref() != self.requests.last().or(self.requested.as_ref())
        {
            // Most have one request, and there may be millions.
            let first = self.requested.filter(|_| self.requests.is_empty());
            self.requests.extend(first.into_iter().chain(share.requested));
        }
        self.requested = join(self.requested, share.requested);
        self.advertised = join(self.advertised, share.advertised);
    }

    /// A block that has no place in its torrent, or in any.
    pub(super) fn outside(block: &Block, share: &Share) -> Self {
        let unit = Unit { piece: block.piece, leaf: None };
        let mut row = Self::of(unit, share, Class::Unproven, Why::Outside);
        row.add(share, share.parts.slices());
        row
    }
}

/// The rows of the padding of a piece.
pub(super) fn of_padding(piece: &Piece, rows: &mut Vec<Row>) {
    let mut all: BTreeMap<TransferId, Row> = BTreeMap::new();
    for (share, padding) in &piece.pads {
        let unit = Unit { piece: piece.number, leaf: None };
        let row = all.entry(share.transfer).or_insert_with(|| Row::of(unit, share, Class::Pad, Why::Padding));
        row.add(share, padding.slices());
    }
    rows.extend(all.into_values());
}

/// The rows of a unit.
pub(super) fn of_unit(of: &OfUnit, outcome: &Outcome, doubts: &Doubts, rows: &mut Vec<Row>, ask: &mut dyn Ask) {
    let shared = outcome.rulings.iter().filter_map(|ruling| Some((of.shares.get(ruling.share)?, ruling)));
    let key = |(share, ruling): &(&Share, &Ruling)| (share.transfer, ruling.class, ruling.why, ruling.version);
    let mut all: Vec<(&Share, &Ruling)> = shared.collect();
    all.sort_by_key(key);
    let sums: Vec<Option<u32>> = match &of.measure {
        Some(measure) => of.contents.references.iter().map(|content| ask.note_sums(content, measure)).collect(),
        None => Vec::new(),
    };
    for rulings in all.chunk_by(|one, other| key(one) == key(other)) {
        let Some((share, Ruling { class, why, version, .. })) = rulings.first() else { continue };
        let mut row = Row::of(of.unit, share, *class, *why);
        for (share, ruling) in rulings {
            // The bytes that are of the class: not the first version, where the second one is verified.
            let seconds = ruling.version.filter(|_| ruling.why == Why::SecondVersion);
            let right = seconds.and_then(|version| of.contents.right(version, share, doubts, &ruling.ranges, ask));
            row.add(share, right.unwrap_or_else(|| share.parts.cut(&ruling.ranges)).slices());
        }
        row.slices.shrink_to_fit();
        row.requests.shrink_to_fit();
        row.sums = version.and_then(|version| sums.get(version).copied().flatten());
        rows.push(row);
    }
}
