//! When served bytes came, by class: on one axis for all transfers, from the first to the last frame of the captures.

use std::collections::BTreeMap;

use super::Class;
use crate::ends::Timestamp;
use crate::facts::Input;

/// The axis, in bins of equal length.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Axis {
    /// Where the first bin begins.
    pub start: Timestamp,
    /// Nanoseconds of a bin; at least 1.
    pub bin_ns: u64,
}

impl Axis {
    /// That of captures; of those without frames it begins in 1970.
    pub(super) fn of(inputs: &[Input]) -> Self {
        let times = || inputs.iter().flat_map(|input| [input.first_time, input.last_time]).flatten();
        let (start, end) = (times().min().unwrap_or_default(), times().max().unwrap_or_default());
        Self { start, bin_ns: (end.0.abs_diff(start.0) + 1).div_ceil(u64::from(BINS)) }
    }

    /// The bin of a time; what is before the axis is in the first one, and what is behind it in the last.
    fn bin(self, time: Timestamp) -> u8 {
        let ns = u64::try_from(time.0.saturating_sub(self.start.0)).unwrap_or(0);
        u8::try_from(ns / self.bin_ns.max(1)).unwrap_or(BINS).min(BINS - 1)
    }
}

/// Served bytes by bin and class; what has no time is in none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Timeline(BTreeMap<(u8, Class), u64>);

impl Timeline {
    /// Adds bytes of a block whose last one came at `time`.
    pub(super) fn add(&mut self, axis: Axis, time: Timestamp, class: Class, bytes: u64) {
        if bytes > 0 {
            *self.0.entry((axis.bin(time), class)).or_default() += bytes;
        }
    }

    /// Adds those of another one.
    pub fn join(&mut self, other: &Self) {
        other.0.iter().for_each(|(key, bytes)| *self.0.entry(*key).or_default() += bytes);
    }

    /// Bin, class and bytes, ascending.
    pub fn iter(&self) -> impl Iterator<Item = (u8, Class, u64)> {
        self.0.iter().map(|((bin, class), bytes)| (*bin, *class, *bytes))
    }
}

// Rationale: a plot of 600 units has room for as many bars that can be told apart.
const BINS: u8 = 96;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_in_the_bin_of_their_time_and_none_is_lost() {
        let input = |first, last| Input {
            name: String::new(),
            bytes: 0,
            sha256: None,
            frames: 2,
            first_time: Some(Timestamp(first)),
            last_time: Some(Timestamp(last)),
        };
        let axis = Axis::of(&[input(1_000, 1_500), input(1_200, 1_959)]);
        assert_eq!(axis, Axis { start: Timestamp(1_000), bin_ns: 10 });
        let mut timeline = Timeline::default();
        for (time, bytes) in [(1_000, 1), (1_009, 2), (1_010, 4), (1_959, 8), (9_999, 16), (0, 32)] {
            timeline.add(axis, Timestamp(time), Class::Verified, bytes);
        }
        timeline.add(axis, Timestamp(1_011), Class::Refuted, 64);
        let mut twice = timeline.clone();
        twice.join(&timeline);
        let expected =
            [(0, Class::Verified, 35), (1, Class::Verified, 4), (1, Class::Refuted, 64), (95, Class::Verified, 24)];
        assert_eq!(timeline.iter().collect::<Vec<_>>(), expected);
        assert_eq!(twice.iter().map(|(.., bytes)| bytes).sum::<u64>(), 254);
        assert_eq!(Axis::of(&[]).bin_ns, 1);
    }
}
