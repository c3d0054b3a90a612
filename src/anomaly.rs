//! The collector of oddities: counts all of them, and keeps the first examples of each kind.

use std::collections::{BTreeMap, BTreeSet};

use crate::oddity::{Occurrence, Sink};

pub use crate::oddity::Kind;

/// How often a kind was seen, and its first examples in capture order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Anomalies {
    tallies: BTreeMap<Kind, Tally>,
    /// The bounds that were reached.
    bounds: BTreeSet<&'static str>,
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

impl Sink for Anomalies {
    /// Counts one. The first that reaches a bound is an example however many there are of others: none hides another.
    fn odd(&mut self, occurrence: Occurrence) {
        let (kind, amount) = occurrence.oddity.tally();
        let first = occurrence.oddity.bound().is_some_and(|bound| self.bounds.insert(bound));
        let tally = self.tallies.entry(kind).or_default();
        tally.count += 1;
        tally.amount = tally.amount.saturating_add(amount);
        if first || tally.examples.len() < EXAMPLES {
            tally.examples.push(occurrence);
        }
    }
}

// Rationale: enough to look at by hand in Wireshark, few enough to stay out of the way.
const EXAMPLES: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oddity::{Bound, Oddity};

    #[test]
    fn every_occurrence_counts_but_only_the_first_are_kept() {
        let mut anomalies = Anomalies::default();
        for len in 0..100_u64 {
            anomalies.odd(Oddity::OutOfWindow { len }.seen());
        }
        let tally = anomalies.tally(Kind::OutOfWindow).expect("just noted");
        assert_eq!((tally.count, tally.amount, tally.examples.len()), (100, 4950, EXAMPLES));
        assert_eq!(tally.examples[0].oddity, Oddity::OutOfWindow { len: 0 });
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
        assert_eq!(kept.len(), EXAMPLES + 2);
    }
}
