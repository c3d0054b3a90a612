//! The bytes of a piece as slices of the capture: cut, compared, put together.

use std::ops::Range;

use super::RangeSet;
use crate::torrent::merkle::LEAF_BYTES;
use crate::wire::Run;

/// Bytes of one piece, each slice with its place.
///
/// # Invariants
/// - Ascending by place, without overlap.
#[derive(Clone, Debug, Default)]
pub struct Content<'cap> {
    slices: Vec<Slice<'cap>>,
}

/// A slice and its place within the piece.
#[derive(Clone, Copy, Debug)]
struct Slice<'cap> {
    start: u32,
    bytes: &'cap [u8],
}

impl Slice<'_> {
    fn range(&self) -> Range<u32> {
        // A run's end was checked when its block was placed in the torrent, or saturates for an unknown one.
        self.start..self.start.saturating_add(self.bytes.len() as u32)
    }
}

impl<'cap> Content<'cap> {
    /// The runs of a block that begins at `begin` of its piece.
    pub fn of_block(begin: u32, runs: Vec<Run<'cap>>) -> Self {
        let slices = runs.into_iter().map(|run| Slice { start: begin.saturating_add(run.start), bytes: run.bytes });
        Self { slices: slices.collect() }
    }

    /// Empty content, with room for `slices` slices.
    pub fn with_room(slices: usize) -> Self {
        Self { slices: Vec::with_capacity(slices) }
    }

    /// One slice, from `start` on.
    pub fn of_slice(start: u32, bytes: &'cap [u8]) -> Self {
        Self { slices: vec![Slice { start, bytes }] }
    }

    /// Adds bytes at `start`, behind all that is there.
    pub fn push(&mut self, start: u32, bytes: &'cap [u8]) {
        debug_assert!(self.slices.last().is_none_or(|last| last.range().end <= start), "slices ascend");
        self.slices.push(Slice { start, bytes });
    }

    /// The part of it that lies in `ranges`.
    pub fn cut(&self, ranges: &RangeSet) -> Self {
        let slices = ranges.iter().flat_map(|range| self.within(range));
        Self { slices: slices.map(|(start, bytes)| Slice { start, bytes }).collect() }
    }

    /// Bytes held.
    pub fn bytes(&self) -> u64 {
        self.slices.iter().map(|slice| slice.bytes.len() as u64).sum()
    }

    /// The ranges that it covers, joined where they touch.
    pub fn ranges(&self) -> RangeSet {
        // Rationale: most slices touch the one before.
        let touching = self.slices.chunk_by(|one, other| one.range().end == other.start);
        let joined = touching.filter_map(|slices| Some(slices.first()?.start..slices.last()?.range().end));
        joined.collect()
    }

    /// The bytes in `range`, as far as they are there.
    pub fn within(&self, range: Range<u32>) -> impl Iterator<Item = (u32, &'cap [u8])> {
        let at = self.slices.partition_point(|slice| slice.range().end <= range.start);
        let end = range.end;
        self.slices[at..].iter().take_while(move |slice| slice.start < end).map(move |slice| {
            let place = slice.range();
            let (from, to) = (place.start.max(range.start), place.end.min(range.end));
            (from, &slice.bytes[(from - place.start) as usize..(to - place.start) as usize])
        })
    }

    /// Returns true if both contents hold all of `range`, with equal bytes.
    pub fn agrees(&self, other: &Content<'_>, range: Range<u32>) -> bool {
        let mut at = range.start;
        for (start, mine) in self.within(range.clone()) {
            if start != at {
                return false;
            }
            at += mine.len() as u32;
            let mut place = start;
            for (start, theirs) in other.within(start..at) {
                let from = (place - (at - mine.len() as u32)) as usize;
                if start != place || mine[from..from + theirs.len()] != *theirs {
                    return false;
                }
                place += theirs.len() as u32;
            }
            if place != at {
                return false;
            }
        }
        at == range.end
    }

    /// Returns true if all bytes have one value.
    pub fn is_trivial(&self) -> bool {
        let Some(first) = self.slices.iter().find_map(|slice| slice.bytes.first()) else { return true };
        self.slices.iter().all(|slice| slice.bytes.iter().all(|byte| byte == first))
    }

    /// The 16 KiB leaves of which all bytes here have one value, by number.
    pub(crate) fn trivial_leaves(&self) -> RangeSet {
        let start = self.slices.first().map_or(0, |first| first.start);
        let end = self.slices.last().map_or(0, |last| last.range().end);
        let leaves = start / LEAF_BYTES..end.div_ceil(LEAF_BYTES);
        let trivial = leaves.filter(|leaf| {
            let from = leaf.saturating_mul(LEAF_BYTES);
            let mut bytes = self.within(from..from.saturating_add(LEAF_BYTES)).flat_map(|(_, bytes)| bytes);
            let first = bytes.next();
            first.is_some() && bytes.all(|byte| Some(byte) == first)
        });
        trivial.map(|leaf| leaf..leaf.saturating_add(1)).collect()
    }

    /// Copies the slices of `other` in; both must not overlap.
    pub fn absorb(&mut self, other: &Content<'cap>) {
        let in_order = match (self.slices.last(), other.slices.first()) {
            (Some(last), Some(first)) => last.range().end <= first.start,
            _ => true,
        };
        if in_order {
            self.slices.extend_from_slice(&other.slices);
            return;
        }
        let start = other.slices.first().map_or(0, |first| first.start);
        let end = other.slices.last().map_or(0, |last| last.range().end);
        let at = self.slices.partition_point(|slice| slice.start < start);
        let fits = self.slices.get(at).is_none_or(|next| end <= next.start);
        // Rationale: blocks that come out of order mostly go between two others.
        let to = if fits { at } else { self.slices.len() };
        self.slices.splice(to..to, other.slices.iter().copied());
        if !fits {
            self.slices.sort_by_key(|slice| slice.start);
        }
        debug_assert!(
            fits || self.slices.windows(2).all(|pair| pair[0].range().end <= pair[1].start),
            "content ascends without overlap"
        );
    }

    /// Puts content together from `layers`, where earlier layers win.
    pub fn layered<'l>(layers: impl IntoIterator<Item = &'l Content<'cap>>) -> Self
    where
        'cap: 'l,
    {
        let mut filled = RangeSet::default();
        let mut slices: Vec<Slice<'cap>> = Vec::new();
        for layer in layers {
            for slice in &layer.slices {
                let mut open = RangeSet::from_iter([slice.range()]);
                filled.within(&slice.range()).for_each(|range| open.remove(range));
                for range in open.iter() {
                    slices.extend(layer.within(range.clone()).map(|(start, bytes)| Slice { start, bytes }));
                    filled.insert(range);
                }
            }
        }
        slices.sort_by_key(|slice| slice.start);
        Self { slices }
    }

    /// All bytes of `range` as runs, zeros in `pads`; `None` where bytes are missing.
    pub fn whole(&self, range: Range<u32>, pads: &RangeSet) -> Option<Vec<&'cap [u8]>> {
        let mut runs = Vec::with_capacity(self.slices.len() + 1);
        let mut at = range.start;
        for (start, bytes) in self.within(range.clone()) {
            fill(&mut runs, &mut at, start, pads)?;
            runs.push(bytes);
            at = start.saturating_add(bytes.len() as u32);
        }
        fill(&mut runs, &mut at, range.end, pads)?;
        Some(runs)
    }
}

/// Fills `at..to` with zeros if all of it is padding.
fn fill(runs: &mut Vec<&[u8]>, at: &mut u32, to: u32, pads: &RangeSet) -> Option<()> {
    if *at == to {
        return Some(());
    }
    if !pads.covers(&(*at..to)) {
        return None;
    }
    while *at < to {
        let zeros = ((to - *at) as usize).min(ZEROS.len());
        runs.push(ZEROS.get(..zeros)?);
        *at += zeros as u32;
    }
    Some(())
}

// Rationale: one page of the padding that is repeated until it fills.
static ZEROS: [u8; 16_384] = [0; 16_384];

#[cfg(test)]
mod tests {
    use super::*;

    fn content(slices: &[(u32, &'static [u8])]) -> Content<'static> {
        let mut content = Content::default();
        slices.iter().for_each(|(start, bytes)| {
            content.absorb(&Content::of_slice(*start, bytes));
        });
        content
    }

    #[test]
    fn contents_cut_differently_agree() {
        let one = content(&[(0, b"abc"), (3, b"defgh")]);
        let two = content(&[(0, b"a"), (1, b"bcde"), (5, b"fgX")]);
        assert!(one.agrees(&two, 0..7));
        assert!(one.agrees(&two, 2..6));
        assert!(!one.agrees(&two, 2..8));
        assert!(!one.agrees(&content(&[(0, b"ab"), (3, b"d")]), 0..4), "a hole does not agree");
        assert!(!one.agrees(&two, 6..9), "nothing beyond the end agrees");
    }

    #[test]
    fn earlier_layers_win() {
        let good = content(&[(2, b"CD")]);
        let rest = content(&[(0, b"abcdef")]);
        let layered = Content::layered([&good, &rest]);
        assert!(layered.agrees(&content(&[(0, b"abCDef")]), 0..6));
    }

    #[test]
    fn padding_is_filled_with_zeros_and_nothing_else_is() {
        let pads = RangeSet::from_iter([3..5, 7..8]);
        let runs = content(&[(0, b"abc"), (5, b"fg")]).whole(0..8, &pads).expect("whole");
        assert_eq!(runs.concat(), b"abc\0\0fg\0");
        assert_eq!(
            content(&[(0, b"abc"), (5, b"fg")]).whole(1..6, &pads).map(|runs| runs.concat()),
            Some(b"bc\0\0f".to_vec())
        );
        assert_eq!(content(&[(0, b"ab"), (5, b"fg")]).whole(0..8, &pads), None);
    }

    #[test]
    fn a_leaf_of_one_byte_value_is_trivial() {
        static LEAF: [u8; 16_384] = [7; 16_384];
        let mixed = content(&[(0, b"ab"), (2, &LEAF), (16_386, &LEAF), (32_770, b"c")]);
        assert_eq!(mixed.trivial_leaves(), std::iter::once(1..2).collect());
        assert_eq!(content(&[(16_384, &LEAF), (32_768, b"z")]).trivial_leaves(), std::iter::once(1..3).collect());
        assert!(content(&[]).trivial_leaves().is_empty());
    }

    #[test]
    fn one_byte_value_is_trivial() {
        assert!(content(&[(0, b"zzz"), (3, b"z")]).is_trivial());
        assert!(!content(&[(0, b"zzz"), (3, b"y")]).is_trivial());
    }
}
