//! Padding: nobody's content, but hashed with it by SHA-1. BEP 47 says that it is zeros; what was sent may tell otherwise.

use super::{Content, RangeSet, UnitBook};
use crate::ends::Span;
use crate::oddity::{Oddity, Sink};

/// Padding of a block.
pub(super) struct Padding<'cap> {
    pub(super) bytes: u64,
    /// All of it, where not all of it is zeros.
    pub(super) odd: Option<Content<'cap>>,
}

/// Takes padding out of a block.
pub(super) fn take<'cap>(
    content: &mut Content<'cap>,
    ranges: &mut RangeSet,
    pads: &RangeSet,
    span: Span,
    anomalies: &mut dyn Sink,
) -> Padding<'cap> {
    let mut padding = RangeSet::default();
    pads.iter().for_each(|pad| ranges.within(&pad).for_each(|range| padding.insert(range)));
    let non_zero: u64 = padding
        .iter()
        .flat_map(|range| content.within(range))
        .map(|(_, bytes)| bytes.iter().filter(|byte| **byte != 0).count() as u64)
        .sum();
    if non_zero > 0 {
        anomalies.odd(Oddity::Padding { bytes: non_zero }.within(span));
    }
    let odd = (non_zero > 0).then(|| content.cut(&padding));
    padding.iter().for_each(|range| ranges.remove(range));
    if !padding.is_empty() {
        *content = content.cut(ranges);
    }
    Padding { bytes: padding.total(), odd }
}

impl<'cap> UnitBook<'cap> {
    /// Notes that its padding may not be zeros, but `odd`; gives the slices kept of that, at most `room`.
    pub(super) fn doubt_padding(&mut self, odd: Content<'cap>, room: usize) -> usize {
        let known = self.padding.get_or_insert_default();
        let there = known.ranges();
        // The first version is tried.
        if odd.len() > room || odd.ranges().iter().any(|range| there.intersects(&range)) {
            return 0;
        }
        known.absorb(&odd);
        odd.len()
    }
}
