//! Sets of byte ranges within a piece.

use std::ops::Range;

/// Disjoint ranges.
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
    More(Vec<Range<u32>>),
}

impl Default for Ranges {
    fn default() -> Self {
        Self::One(0..0)
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
            Ranges::One(one) if one.end < range.start => self.ranges = Ranges::More(vec![one.clone(), range]),
            Ranges::One(one) => self.ranges = Ranges::More(vec![range, one.clone()]),
            Ranges::More(list) => {
                merge(list, range);
                if let [one] = list.as_slice() {
                    self.ranges = Ranges::One(one.clone());
                }
            }
        }
        self.check();
    }

    /// Removes a range.
    pub fn remove(&mut self, range: Range<u32>) {
        if !self.intersects(&range) {
            return;
        }
        for other in std::mem::take(self).slice() {
            self.insert(other.start..other.end.min(range.start));
            self.insert(other.start.max(range.end)..other.end);
        }
    }

    /// Whether any byte of `range` is in the set.
    pub fn intersects(&self, range: &Range<u32>) -> bool {
        let at = self.slice().partition_point(|other| other.end <= range.start);
        self.slice().get(at).is_some_and(|other| other.start < range.end && !range.is_empty())
    }

    /// Whether all bytes of `range` are in the set.
    pub fn covers(&self, range: &Range<u32>) -> bool {
        let at = self.slice().partition_point(|other| other.end < range.end);
        range.is_empty() || self.slice().get(at).is_some_and(|other| other.start <= range.start)
    }

    /// The part of the set within `range`.
    pub fn within(&self, range: &Range<u32>) -> impl Iterator<Item = Range<u32>> {
        let at = self.slice().partition_point(|other| other.end <= range.start);
        let range = range.clone();
        self.slice()[at..]
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
        self.slice().iter().cloned()
    }

    /// Bytes in the set.
    pub fn total(&self) -> u64 {
        self.slice().iter().map(|range| u64::from(range.end - range.start)).sum()
    }

    /// Whether the set is empty.
    pub fn is_empty(&self) -> bool {
        self.slice().is_empty()
    }

    fn slice(&self) -> &[Range<u32>] {
        match &self.ranges {
            Ranges::One(one) if one.is_empty() => &[],
            Ranges::One(one) => std::slice::from_ref(one),
            Ranges::More(list) => list,
        }
    }

    fn check(&self) {
        debug_assert!(
            self.slice().iter().all(|range| !range.is_empty())
                && self.slice().windows(2).all(|pair| pair[0].end < pair[1].start),
            "ranges ascend, are not empty, and do not touch"
        );
    }
}

/// Adds a range, not empty, to an ascending list.
fn merge(list: &mut Vec<Range<u32>>, range: Range<u32>) {
    // Rationale: blocks of a piece mostly arrive in order.
    match list.last_mut() {
        Some(last) if last.end == range.start => {
            last.end = range.end;
            return;
        }
        Some(last) if last.end < range.start => {
            list.push(range);
            return;
        }
        _ => {}
    }
    let from = list.partition_point(|other| other.end < range.start);
    let to = list.partition_point(|other| other.start <= range.end);
    let merged =
        list[from..to].iter().fold(range, |merged, other| merged.start.min(other.start)..merged.end.max(other.end));
    list.splice(from..to, [merged]);
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
