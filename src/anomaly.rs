//! The collector of oddities: counts all of them, and keeps the first examples of each kind.

use std::collections::{BTreeMap, BTreeSet};

use crate::ends::{FrameId, Timestamp};
use crate::limits::ODDITY_EXAMPLES;
use crate::oddity::{Occurrence, Said, Sink};

pub use crate::oddity::Kind;

/// How often a kind was seen, and its first examples in capture order.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Tally {
    /// Occurrences.
    pub count: u64,
    /// Sum of the occurrences' amounts; the unit is the kind's.
    pub amount: u64,
    /// The first few occurrences.
    pub examples: Vec<Occurrence>,
}

/// All oddities of a run by kind.
///
/// Every stage on the serial spine gives its own here, so the order of the examples is the capture's.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Anomalies {
    tallies: BTreeMap<Kind, Tally>,
    /// The bounds that were reached.
    bounds: BTreeSet<Said>,
}

impl Anomalies {
    /// Puts what a bound came to over the whole run before all other examples of [`Kind::LimitReached`]; counts
    /// nothing.
    pub fn conclude(&mut self, occurrence: Occurrence) {
        self.tallies.entry(Kind::LimitReached).or_default().examples.insert(0, occurrence);
    }

    /// The tally of `kind`, if it was ever seen.
    pub fn tally(&self, kind: Kind) -> Option<&Tally> {
        self.tallies.get(&kind)
    }

    /// All tallies, ordered by kind.
    pub fn iter(&self) -> impl Iterator<Item = (Kind, &Tally)> {
        self.tallies.iter().map(|(kind, tally)| (*kind, tally))
    }
}

impl Anomalies {
    /// Changes each example with `change`.
    pub(crate) fn map(mut self, mut change: impl FnMut(Occurrence) -> Occurrence) -> Self {
        for tally in self.tallies.values_mut() {
            tally.examples = std::mem::take(&mut tally.examples).into_iter().map(&mut change).collect();
        }
        self
    }

    /// Adds what was found apart from these: of each kind the examples of the first frames are kept.
    pub fn join(&mut self, others: Self) {
        for (kind, other) in others.tallies {
            let tally = self.tallies.entry(kind).or_default();
            tally.count += other.count;
            tally.amount = tally.amount.saturating_add(other.amount);
            let both = !tally.examples.is_empty() && !other.examples.is_empty();
            if kind == Kind::LimitReached {
                for example in other.examples {
                    let first = example.oddity.bound().is_some_and(|bound| self.bounds.insert(Said(bound)));
                    if first || tally.examples.len() < ODDITY_EXAMPLES {
                        tally.examples.push(example);
                    }
                }
                continue;
            }
            tally.examples.extend(other.examples);
            if both {
                tally.examples.sort_by_key(frame);
                tally.examples.truncate(ODDITY_EXAMPLES);
            }
        }
    }
}

/// Where in the captures an occurrence stands; behind all others where it is of no frame.
fn frame(occurrence: &Occurrence) -> (bool, Option<(Timestamp, FrameId)>) {
    let first = occurrence.span.map(|span| (span.first.time, span.first.frame));
    (first.is_none(), first)
}

/// Collects oddities that are not met in capture order, and keeps those of the first frames.
#[derive(Clone, Debug, Default)]
pub struct ByFrame(Anomalies);

impl ByFrame {
    /// The anomalies that were collected.
    pub fn into_inner(self) -> Anomalies {
        self.0
    }
}

impl Sink for ByFrame {
    fn odd(&mut self, occurrence: Occurrence) {
        let (kind, _) = occurrence.oddity.tally();
        if kind == Kind::LimitReached {
            return self.0.odd(occurrence);
        }
        let known = self.0.tallies.get_mut(&kind);
        let examples = known.map(|tally| std::mem::take(&mut tally.examples)).unwrap_or_default();
        self.0.odd(occurrence);
        let Some(tally) = self.0.tallies.get_mut(&kind) else { return };
        let mut all = examples;
        for new in std::mem::take(&mut tally.examples) {
            let at = all.partition_point(|known| frame(known) <= frame(&new));
            all.insert(at, new);
        }
        all.truncate(ODDITY_EXAMPLES);
        tally.examples = all;
    }
}

impl Sink for Anomalies {
    /// Counts one. The first that reaches a bound is an example however many there are of others: none hides another.
    fn odd(&mut self, occurrence: Occurrence) {
        let (kind, amount) = occurrence.oddity.tally();
        let first = occurrence.oddity.bound().is_some_and(|bound| self.bounds.insert(Said(bound)));
        let tally = self.tallies.entry(kind).or_default();
        tally.count += 1;
        tally.amount = tally.amount.saturating_add(amount);
        if first || tally.examples.len() < ODDITY_EXAMPLES {
            tally.examples.push(occurrence);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ends::At;
    use crate::oddity::{Bound, Oddity};

    #[test]
    fn every_occurrence_counts_but_only_the_first_are_kept() {
        let mut anomalies = Anomalies::default();
        for len in 0..100_u64 {
            anomalies.odd(Oddity::OutOfWindow { len }.seen());
        }
        let tally = anomalies.tally(Kind::OutOfWindow).expect("just noted");
        assert_eq!((tally.count, tally.amount, tally.examples.len()), (100, 4950, ODDITY_EXAMPLES));
        assert_eq!(tally.examples[0].oddity, Oddity::OutOfWindow { len: 0 });
    }

    fn at(frame: u64) -> Occurrence {
        let at = At { time: Timestamp(frame as i64), frame: FrameId::new(0, frame) };
        Oddity::OutOfWindow { len: frame }.at(at)
    }

    #[test]
    fn of_what_is_met_in_another_order_the_first_frames_are_kept_and_all_is_counted() {
        let mut late = ByFrame::default();
        (1..=100).rev().filter(|frame| frame % 2 == 0).for_each(|frame| late.odd(at(frame)));
        let mut all = Anomalies::default();
        (1..=3).for_each(|number| all.odd(at(2 * number - 1)));
        all.join(late.into_inner());
        let tally = all.tally(Kind::OutOfWindow).expect("just noted");
        assert_eq!((tally.count, tally.amount), (53, 2_550 + 9));
        let frames: Vec<_> = tally.examples.iter().map(|example| example.oddity.clone()).collect();
        assert_eq!(frames, [1, 2, 3, 4, 5, 6, 8, 10].map(|len| Oddity::OutOfWindow { len }));
    }

    #[test]
    fn no_bound_is_hidden_by_another_one_that_was_reached_more_often() {
        let mut anomalies = Anomalies::default();
        let all = Bound::RowsInAll { connections: 100, endpoints: 2, more_endpoints: false, bytes: 9 };
        (0..100).for_each(|_| anomalies.odd(Oddity::from(Bound::Flows).seen()));
        (0..100).for_each(|_| anomalies.odd(Oddity::from(Bound::Rows).seen()));
        anomalies.conclude(Oddity::from(all).seen());
        let tally = anomalies.tally(Kind::LimitReached).expect("just noted");
        let kept: Vec<_> = tally.examples.iter().map(|example| example.oddity.clone()).collect();
        assert_eq!((tally.count, kept.first(), kept.last()), (200, Some(&all.into()), Some(&Bound::Rows.into())));
        assert_eq!(kept.len(), ODDITY_EXAMPLES + 2);
    }
}
