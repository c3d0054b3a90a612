//! Sets of byte ranges within a piece.

use std::ops::Range;

/// Disjoint ranges.
///
/// # Invariants
/// - Ascending, not empty, and no two touch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RangeSet {
    ranges: Vec<Range<u32>>,
}

impl RangeSet {
    /// Adds a range; what is there already stays.
    pub fn insert(&mut self, range: Range<u32>) {
        if range.is_empty() {
            return;
        }
        // Rationale: blocks of a piece mostly arrive in order.
        match self.ranges.last_mut() {
            Some(last) if last.end == range.start => {
                last.end = range.end;
                return;
            }
            Some(last) if last.end < range.start => {
                self.ranges.push(range);
                return;
            }
            None => {
                self.ranges.push(range);
                return;
            }
            _ => {}
        }
        let from = self.ranges.partition_point(|other| other.end < range.start);
        let to = self.ranges.partition_point(|other| other.start <= range.end);
        let merged = self.ranges[from..to]
            .iter()
            .fold(range, |merged, other| merged.start.min(other.start)..merged.end.max(other.end));
        self.ranges.splice(from..to, [merged]);
        self.check();
    }

    /// Removes a range.
    pub fn remove(&mut self, range: Range<u32>) {
        if range.is_empty() || !self.intersects(&range) {
            return;
        }
        let kept = std::mem::take(&mut self.ranges)
            .into_iter()
            .flat_map(|other| [other.start..other.end.min(range.start), other.start.max(range.end)..other.end]);
        self.ranges = kept.filter(|range| !range.is_empty()).collect();
        self.check();
    }

    /// Whether any byte of `range` is in the set.
    pub fn intersects(&self, range: &Range<u32>) -> bool {
        let at = self.ranges.partition_point(|other| other.end <= range.start);
        self.ranges.get(at).is_some_and(|other| other.start < range.end && !range.is_empty())
    }

    /// Whether all bytes of `range` are in the set.
    pub fn covers(&self, range: &Range<u32>) -> bool {
        let at = self.ranges.partition_point(|other| other.end < range.end);
        range.is_empty() || self.ranges.get(at).is_some_and(|other| other.start <= range.start)
    }

    /// The part of the set within `range`.
    pub fn within(&self, range: &Range<u32>) -> impl Iterator<Item = Range<u32>> {
        let at = self.ranges.partition_point(|other| other.end <= range.start);
        let range = range.clone();
        self.ranges[at..]
            .iter()
            .take_while({
                let end = range.end;
                move |other| other.start < end
            })
            .map(move |other| other.start.max(range.start)..other.end.min(range.end))
            .filter(|range| !range.is_empty())
    }

    /// The ranges, ascending.
    pub fn iter(&self) -> impl Iterator<Item = Range<u32>> {
        self.ranges.iter().cloned()
    }

    /// Bytes in the set.
    pub fn total(&self) -> u64 {
        self.ranges.iter().map(|range| u64::from(range.end - range.start)).sum()
    }

    /// Whether the set is empty.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    fn check(&self) {
        debug_assert!(
            self.ranges.iter().all(|range| !range.is_empty())
                && self.ranges.windows(2).all(|pair| pair[0].end < pair[1].start),
            "ranges ascend, are not empty, and do not touch"
        );
    }
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
