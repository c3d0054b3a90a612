//! Sets of byte ranges within a piece.

use std::collections::BTreeMap;
use std::ops::Range;

/// Disjoint ranges. Each change and question takes time by the logarithm of how many there are, and by how many it touches: a
/// sender may choose any number of them, in any order.
///
/// # Invariants
/// - Ascending, not empty, and no two touch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RangeSet {
    ranges: Ranges,
}

/// Most sets are one range, and need no memory of their own.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Ranges {
    /// One range; `0..0` for none.
    One(Range<u32>),
    /// Two or more.
    More(Box<Many>),
}

/// Two or more ranges.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Many {
    /// The end of each, by its start.
    ends: BTreeMap<u32, u32>,
    /// Bytes in them.
    total: u64,
}

impl Default for Ranges {
    fn default() -> Self {
        Self::One(0..0)
    }
}

impl Many {
    fn of(one: &Range<u32>) -> Self {
        let mut many = Self::default();
        many.put(one.clone());
        many
    }

    fn put(&mut self, range: Range<u32>) {
        self.total += u64::from(range.end - range.start);
        self.ends.insert(range.start, range.end);
    }

    fn take(&mut self, range: &Range<u32>) {
        self.total -= u64::from(range.end - range.start);
        self.ends.remove(&range.start);
    }

    /// The last that begins before `place`.
    fn before(&self, place: u32) -> Option<Range<u32>> {
        self.ends.range(..place).next_back().map(|(start, end)| *start..*end)
    }

    /// Takes out all that have a byte in `range`, or with `touching` stand at its ends; the last one first.
    fn take_near(&mut self, range: &Range<u32>, touching: bool) -> impl Iterator<Item = Range<u32>> {
        let (start, behind) = (range.start, range.end.saturating_add(u32::from(touching)));
        std::iter::from_fn(move || {
            let near = self.before(behind).filter(|near| near.end > start || (touching && near.end == start))?;
            self.take(&near);
            Some(near)
        })
    }
}

impl RangeSet {
    /// Adds a range; what is there already stays.
    pub fn insert(&mut self, range: Range<u32>) {
        if range.is_empty() {
            return;
        }
        match &mut self.ranges {
            Ranges::One(one) if one.start == one.end => *one = range,
            Ranges::One(one) if one.start <= range.end && range.start <= one.end => {
                *one = one.start.min(range.start)..one.end.max(range.end);
            }
            Ranges::One(one) => {
                let mut many = Many::of(one);
                many.put(range);
                self.ranges = Ranges::More(Box::new(many));
            }
            Ranges::More(many) => {
                let merged = many
                    .take_near(&range, true)
                    .fold(range.clone(), |merged, near| merged.start.min(near.start)..merged.end.max(near.end));
                many.put(merged);
                self.settle();
            }
        }
        self.check();
    }

    /// Removes a range.
    pub fn remove(&mut self, range: Range<u32>) {
        if range.is_empty() {
            return;
        }
        match &mut self.ranges {
            Ranges::One(one) => {
                let one = std::mem::take(one);
                rest(&one, &range).into_iter().for_each(|rest| self.insert(rest));
            }
            Ranges::More(many) => {
                let near: Vec<Range<u32>> = many.take_near(&range, false).collect();
                let left = near.iter().flat_map(|near| rest(near, &range)).filter(|rest| !rest.is_empty());
                left.for_each(|rest| many.put(rest));
                self.settle();
            }
        }
        self.check();
    }

    /// Returns true if any byte of `range` is in the set.
    pub fn intersects(&self, range: &Range<u32>) -> bool {
        !range.is_empty()
            && match &self.ranges {
                Ranges::One(one) => one.start < range.end && range.start < one.end,
                Ranges::More(many) => many.before(range.end).is_some_and(|last| range.start < last.end),
            }
    }

    /// Returns true if all bytes of `range` are in the set.
    pub fn covers(&self, range: &Range<u32>) -> bool {
        range.is_empty()
            || match &self.ranges {
                Ranges::One(one) => one.start <= range.start && range.end <= one.end,
                Ranges::More(many) => {
                    many.before(range.start.saturating_add(1)).is_some_and(|near| range.end <= near.end)
                }
            }
    }

    /// The part of the set within `range`.
    pub fn within(&self, range: &Range<u32>) -> impl Iterator<Item = Range<u32>> {
        // Rationale: most questions are about what is not there, and then one look is enough.
        let range = if !self.intersects(range) { 0..0 } else { range.clone() };
        let (one, many) = match &self.ranges {
            Ranges::One(one) => (Some(one.clone()), None),
            Ranges::More(_) if range.is_empty() => (None, None),
            Ranges::More(many) => (many.before(range.start), Some(many.ends.range(range.clone()))),
        };
        let many = many.into_iter().flatten().map(|(start, end)| *start..*end);
        one.into_iter()
            .chain(many)
            .map(move |other| other.start.max(range.start)..other.end.min(range.end))
            .filter(|range| !range.is_empty())
    }

    /// The ranges, ascending.
    pub fn iter(&self) -> impl Iterator<Item = Range<u32>> {
        let (one, many) = match &self.ranges {
            Ranges::One(one) => (Some(one.clone()).filter(|one| !one.is_empty()), None),
            Ranges::More(many) => (None, Some(&many.ends)),
        };
        one.into_iter().chain(many.into_iter().flatten().map(|(start, end)| *start..*end))
    }

    /// Bytes in the set.
    pub fn total(&self) -> u64 {
        match &self.ranges {
            Ranges::One(one) => u64::from(one.end - one.start),
            Ranges::More(many) => many.total,
        }
    }

    /// Returns true if the set is empty.
    pub fn is_empty(&self) -> bool {
        matches!(&self.ranges, Ranges::One(one) if one.is_empty())
    }

    /// The first byte and the one behind the last; `0..0` of none.
    pub fn extent(&self) -> Range<u32> {
        match &self.ranges {
            Ranges::One(one) => one.clone(),
            Ranges::More(many) => {
                let start = many.ends.first_key_value().map_or(0, |(start, _)| *start);
                start..many.ends.last_key_value().map_or(0, |(_, end)| *end)
            }
        }
    }

    /// One range, or none, needs no list.
    fn settle(&mut self) {
        if let Ranges::More(many) = &self.ranges
            && many.ends.len() < 2
        {
            self.ranges = Ranges::One(many.before(u32::MAX).unwrap_or(0..0));
        }
    }

    fn check(&self) {
        #[cfg(debug_assertions)]
        if let Ranges::More(many) = &self.ranges
            && many.ends.len() < 1_000
        {
            let ranges: Vec<Range<u32>> = self.iter().collect();
            debug_assert!(
                ranges.len() > 1
                    && ranges.iter().all(|range| !range.is_empty())
                    && ranges.windows(2).all(|pair| pair[0].end < pair[1].start)
                    && ranges.iter().map(|range| u64::from(range.end - range.start)).sum::<u64>() == many.total,
                "ranges ascend, are not empty, and do not touch"
            );
        }
    }
}

/// The parts of a range before another one and behind it.
fn rest(of: &Range<u32>, other: &Range<u32>) -> [Range<u32>; 2] {
    [of.start..of.end.min(other.start), of.start.max(other.end)..of.end]
}

impl FromIterator<Range<u32>> for RangeSet {
    fn from_iter<I: IntoIterator<Item = Range<u32>>>(ranges: I) -> Self {
        let mut set = Self::default();
        ranges.into_iter().for_each(|range| set.insert(range));
        set
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_range_set_is_a_bitmap(steps in prop::collection::vec((any::<bool>(), 0..64_u32, 0..16_u32), 0..60)) {
            let mut set = RangeSet::default();
            let mut model = [false; 96];
            for (insert, start, len) in steps {
                let range = start..start + len;
                if insert { set.insert(range.clone()) } else { set.remove(range.clone()) }
                range.for_each(|n| model[n as usize] = insert);
                let listed: Vec<u32> = set.iter().flatten().collect();
                let expected: Vec<u32> = (0..96).filter(|n| model[*n as usize]).collect();
                prop_assert_eq!(&listed, &expected);
                prop_assert_eq!(set.total(), expected.len() as u64);
                for probe in [0..10, 5..40, 20..21, 30..30, 50..80] {
                    let inside = probe.clone().filter(|n| model[*n as usize]).count();
                    prop_assert_eq!(set.intersects(&probe), inside > 0);
                    prop_assert_eq!(set.covers(&probe), inside == probe.len());
                    prop_assert_eq!(set.within(&probe).flatten().count(), inside);
                }
            }
        }
    }
}
