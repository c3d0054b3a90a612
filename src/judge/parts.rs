//! The bytes of a piece as places in the captures: cut and put together, never read.

use std::ops::Range;

use super::{RangeSet, SmallVec};
use crate::ends::FrameId;
use crate::facts::{ContentName, Place, Run};

/// Bytes of one piece, each slice with its place in the piece and in the captures.
///
/// # Invariants
/// - Ascending by `start`, without overlap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parts {
    slices: SmallVec<Slice>,
}

/// Contiguous captured bytes of a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slice {
    /// Place of the first byte within the piece.
    pub start: u32,
    /// Bytes; at least 1.
    pub len: u32,
    /// Where the first byte lies.
    pub place: Place,
    /// The frame that carried them.
    pub frame: FrameId,
}

impl Slice {
    /// The bytes of the piece that it holds.
    pub fn range(&self) -> Range<u32> {
        // The end of a run was checked when its block was placed in a torrent, or saturates for an unknown one.
        self.start..self.start.saturating_add(self.len)
    }

    fn goes_on_with(&self, next: &Self) -> bool {
        self.range().end == next.start
            && self.place.store == next.place.store
            && self.place.offset.checked_add(u64::from(self.len)) == Some(next.place.offset)
    }

    fn cut(self, range: &Range<u32>) -> Option<Self> {
        let own = self.range();
        let (from, to) = (own.start.max(range.start), own.end.min(range.end));
        let offset = self.place.offset.saturating_add(u64::from(from.saturating_sub(own.start)));
        (from < to).then_some(Self { start: from, len: to - from, place: Place { offset, ..self.place }, ..self })
    }
}

impl Parts {
    /// The runs of a block that begins at `begin` of its piece.
    pub fn of_block(begin: u32, runs: &[Run]) -> Self {
        let slices = runs.iter().map(|run| Slice {
            start: begin.saturating_add(run.start),
            len: run.len,
            place: run.place,
            frame: run.frame,
        });
        Self { slices: slices.collect() }
    }

    /// One slice.
    pub fn of_slice(slice: Slice) -> Self {
        Self { slices: SmallVec::One(slice) }
    }

    /// The slices, ascending.
    pub fn slices(&self) -> &[Slice] {
        &self.slices
    }

    /// Returns true if there is no part.
    pub fn is_empty(&self) -> bool {
        self.slices.is_empty()
    }

    /// Bytes held.
    pub fn bytes(&self) -> u64 {
        self.slices.iter().map(|slice| u64::from(slice.len)).sum()
    }

    /// Ranges that the parts cover.
    pub fn ranges(&self) -> RangeSet {
        self.slices.iter().map(Slice::range).collect()
    }

    /// The part of them within `range`.
    pub fn within(&self, range: &Range<u32>) -> impl Iterator<Item = Slice> {
        let at = self.slices.partition_point(|slice| slice.range().end <= range.start);
        let range = range.clone();
        let behind = self.slices.get(at..).unwrap_or_default().iter();
        behind
            .take_while({
                let end = range.end;
                move |slice| slice.start < end
            })
            .filter_map(move |slice| slice.cut(&range))
    }

    /// The part of them within `ranges`.
    pub fn cut(&self, ranges: &RangeSet) -> Self {
        let mut slices = SmallVec::None;
        ranges.iter().for_each(|range| slices.extend(self.within(&range)));
        Self { slices }
    }

    /// Put together from parts that do not overlap.
    pub fn joined(parts: impl IntoIterator<Item = Self>) -> Self {
        let parts: Vec<Self> = parts.into_iter().collect();
        let mut slices = Vec::with_capacity(parts.iter().map(|part| part.slices.len()).sum());
        parts.iter().for_each(|part| slices.extend_from_slice(&part.slices));
        slices.sort_by_key(|slice| slice.start);
        debug_assert!(slices.windows(2).all(|pair| pair[0].range().end <= pair[1].start), "they do not overlap");
        Self { slices: slices.into() }
    }

    /// A name for these bytes: where they lie.
    pub fn name(&self) -> ContentName {
        let mut text = Vec::with_capacity(self.slices.len() * NAME_BYTES);
        let mut open: Option<Slice> = None;
        let mut put = |slice: Slice| {
            text.extend_from_slice(&slice.start.to_le_bytes());
            text.extend_from_slice(&slice.len.to_le_bytes());
            text.extend_from_slice(&slice.place.store.to_le_bytes());
            text.extend_from_slice(&slice.place.offset.to_le_bytes());
        };
        for slice in self.slices.iter() {
            match &mut open {
                // However they are cut.
                Some(last) if last.goes_on_with(slice) => last.len = last.len.saturating_add(slice.len),
                _ => open.replace(*slice).into_iter().for_each(&mut put),
            }
        }
        open.into_iter().for_each(put);
        ContentName::of_places(&text)
    }

    /// The name of the content in facts of several sets, whose first inputs are `bases`: bytes of one set go by the
    /// name that they have there.
    pub fn name_among(&self, bases: &[u16]) -> ContentName {
        let Some(first) = self.slices.first().filter(|_| bases.len() > 1) else { return self.name() };
        let (number, _) = first.place.of_set(bases);
        let within = |slice: &Slice| {
            let (other, place) = slice.place.of_set(bases);
            (other == number).then_some(Slice { place, ..*slice })
        };
        let within: Option<SmallVec<Slice>> = self.slices.iter().map(within).collect();
        within.map_or_else(|| self.name(), |slices| Self { slices }.name().in_set(number))
    }

    /// The range from its first byte to its last one.
    pub fn extent(&self) -> Range<u32> {
        let [first, last] = [self.slices.first(), self.slices.last()].map(|slice| slice.map(Slice::range));
        first.map_or(0, |first| first.start)..last.map_or(0, |last| last.end)
    }

    /// Put together from `layers`, where earlier layers win.
    pub fn layered<'l>(layers: impl IntoIterator<Item = &'l Self>) -> Self {
        let (mut filled, mut slices) = (RangeSet::default(), SmallVec::None);
        for layer in layers {
            for slice in layer.slices.iter() {
                let mut open = RangeSet::from_iter([slice.range()]);
                filled.within(&slice.range()).for_each(|range| open.remove(range));
                for range in open.iter() {
                    slices.extend(slice.cut(&range));
                    filled.insert(range);
                }
            }
        }
        slices.sort_by_key(|slice| slice.start);
        Self { slices }
    }

    /// Returns true if the parts hold all of `range` but `pads`.
    pub fn cover(&self, range: &Range<u32>, pads: &RangeSet) -> bool {
        let mut covered = self.ranges();
        pads.iter().for_each(|pad| covered.insert(pad));
        covered.covers(range)
    }
}

// Rationale: start, length, store and offset.
const NAME_BYTES: usize = 18;

#[cfg(test)]
mod tests {
    use super::*;

    fn slice(start: u32, len: u32, offset: u64) -> Slice {
        Slice { start, len, place: Place { store: 0, offset }, frame: FrameId::new(0, 1) }
    }

    #[test]
    fn earlier_layers_win_and_what_is_cut_keeps_its_place() {
        let good = Parts::of_slice(slice(2, 2, 100));
        let rest = Parts::of_slice(slice(0, 6, 200));
        let layered = Parts::layered([&good, &rest]);
        assert_eq!(layered.slices(), [slice(0, 2, 200), slice(2, 2, 100), slice(4, 2, 204)]);
        assert_eq!(layered.cut(&std::iter::once(1..3).collect()).slices(), [slice(1, 1, 201), slice(2, 1, 100)]);
        assert!(layered.cover(&(0..6), &RangeSet::default()) && !layered.cover(&(0..7), &RangeSet::default()));
        assert!(layered.cover(&(0..8), &std::iter::once(6..8).collect()));
        assert_eq!(layered.bytes(), 6);
    }

    #[test]
    fn a_name_is_that_of_places_however_they_are_cut() {
        let whole = Parts::of_slice(slice(2, 6, 100));
        let halves = Parts::joined([Parts::of_slice(slice(5, 3, 103)), Parts::of_slice(slice(2, 3, 100))]);
        assert_eq!(whole.name(), halves.name());
        for other in [slice(2, 6, 101), slice(3, 6, 100), slice(2, 5, 100)] {
            assert_ne!(whole.name(), Parts::of_slice(other).name());
        }
        let apart = Parts::joined([Parts::of_slice(slice(2, 3, 100)), Parts::of_slice(slice(5, 3, 104))]);
        assert_ne!(whole.name(), apart.name());
    }
}
