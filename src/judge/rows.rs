//! The rows of `pieces`: rulings of one unit and one transfer together.

use std::collections::BTreeMap;

use super::ask::Ask;
use super::piece::{OfUnit, Piece};
use super::unit::{Class, Outcome, Why};
use super::{Doubts, Share, Slice};
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
    /// The frames of each of those requests.
    pub requests: Vec<Span>,
    /// The frames in which their sender had advertised the piece before, while that holds for all of them.
    pub advertised: Option<Span>,
    /// Where they lie, in order of arrival.
    pub slices: Vec<Slice>,
    /// SHA-1 and SHA-256 of the verified content of the unit.
    pub sums: Option<([u8; 20], [u8; 32])>,
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
            slices: Vec::new(),
            sums: None,
        }
    }

    fn add(&mut self, share: &Share, slices: &[Slice]) {
        let join = |one: Option<Span>, other: Option<Span>| one.zip(other).map(|(one, other)| one.join(other));
        self.bytes += slices.iter().map(|slice| u64::from(slice.len)).sum::<u64>();
        self.slices.extend_from_slice(slices);
        self.requests.extend(share.requested.filter(|span| self.requests.last() != Some(span)));
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
    let mut all: BTreeMap<(TransferId, Class, Why, Option<usize>), Row> = BTreeMap::new();
    for ruling in &outcome.rulings {
        let Some(share) = of.shares.get(ruling.share) else { continue };
        let key = (share.transfer, ruling.class, ruling.why, ruling.version);
        let row = all.entry(key).or_insert_with(|| Row::of(of.unit, share, ruling.class, ruling.why));
        // The bytes that are of the class: not the first version, where the second one is verified.
        let seconds = ruling.version.filter(|_| ruling.why == Why::SecondVersion);
        let right = seconds.and_then(|version| of.contents.right(version, share, doubts, &ruling.ranges, ask));
        row.add(share, right.unwrap_or_else(|| share.parts.cut(&ruling.ranges)).slices());
    }
    let sums: Vec<Option<([u8; 20], [u8; 32])>> = match &of.measure {
        Some(measure) => of.contents.references.iter().map(|content| ask.sums(content, measure)).collect(),
        None => Vec::new(),
    };
    rows.extend(all.into_iter().map(|((.., version), mut row)| {
        // Most have one of each, and there may be millions.
        row.slices.shrink_to_fit();
        row.requests.shrink_to_fit();
        let sums = version.and_then(|version| sums.get(version).copied().flatten());
        Row { sums, ..row }
    }));
}
