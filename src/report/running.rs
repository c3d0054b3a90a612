//! When the captures ran: time between two of them is captured by none, and is no part of how long they ran.

use super::Input;
use crate::ends::Timestamp;

/// The stretches in which at least one capture ran.
///
/// # Invariants
/// - Ascending, and apart from one another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Running(Vec<(Timestamp, Timestamp)>);

impl Running {
    /// Each capture from its first to its last frame, apart at `clock_steps` (sorted); files of a ring follow one another.
    pub(crate) fn of(inputs: &[Input], clock_steps: &[Timestamp]) -> Self {
        let mut all: Vec<(Timestamp, Timestamp)> = Vec::new();
        for input in inputs {
            let Input::Capture { first_time: Some(first), last_time: Some(last), .. } = input else { continue };
            let (first, last) = (*first.min(last), *first.max(last));
            let mut from = first;
            for step in clock_steps.iter().filter(|step| first < **step && **step < last) {
                all.push((from, Timestamp(step.0 - 1)));
                from = *step;
            }
            all.push((from, last));
        }
        all.sort_unstable();
        let mut merged: Vec<(Timestamp, Timestamp)> = Vec::new();
        for (from, to) in all {
            match merged.last_mut() {
                Some((_, last))
                    if from.0 <= last.0.saturating_add(BETWEEN_RING_FILES) && !clock_steps.contains(&from) =>
                {
                    *last = (*last).max(to);
                }
                _ => merged.push((from, to)),
            }
        }
        Self(merged)
    }

    /// The stretches, first and last frame of each.
    pub(crate) fn stretches(&self) -> &[(Timestamp, Timestamp)] {
        &self.0
    }

    /// Nanoseconds that they take together.
    pub(crate) fn length(&self) -> u64 {
        self.0.iter().map(|(from, to)| to.0.abs_diff(from.0)).fold(0, u64::saturating_add)
    }

    /// `02:48:53 to 02:49:00 and 02:59:57 to 03:00:05`, as `clock` writes a time; of many the first, and how many more until
    /// when.
    pub(crate) fn told(&self, clock: impl Fn(Timestamp) -> String) -> String {
        let shown = if self.0.len() > MOST_TOLD + 1 { MOST_TOLD } else { self.0.len() };
        let mut told: Vec<String> =
            self.0.iter().take(shown).map(|(from, to)| format!("{} to {}", clock(*from), clock(*to))).collect();
        if let (more @ 1.., Some((_, last))) = (self.0.len() - shown, self.0.last()) {
            told.push(format!("{} more until {}", super::grouped(more as u64), clock(*last)));
        }
        match told.split_last() {
            Some((last, others)) if !others.is_empty() => format!("{} and {last}", others.join(", ")),
            _ => told.concat(),
        }
    }
}

// Rationale: a ring goes on with the next packet, which on a quiet line takes a moment.
const BETWEEN_RING_FILES: i64 = 1_000_000_000;
// Rationale: as many as a sentence can carry; the table of inputs has them all.
const MOST_TOLD: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    fn inputs(times: &[(i64, i64)]) -> Vec<Input> {
        let capture = fixture::document().inputs.into_iter().next().expect("a capture");
        let each = times.iter().map(|(first, last)| {
            let mut input = capture.clone();
            if let Input::Capture { first_time, last_time, .. } = &mut input {
                (*first_time, *last_time) = (Some(Timestamp(*first)), Some(Timestamp(*last)));
            }
            input
        });
        each.collect()
    }

    fn of(times: &[(i64, i64)], steps: &[i64]) -> Vec<(i64, i64)> {
        let steps: Vec<Timestamp> = steps.iter().map(|step| Timestamp(*step)).collect();
        Running::of(&inputs(times), &steps).0.iter().map(|(from, to)| (from.0, to.0)).collect()
    }

    #[test]
    fn files_of_a_ring_are_one_stretch_and_captures_apart_are_two() {
        let second = 1_000_000_000;
        let ring = [(10 * second, 20 * second), (0, 9 * second), (20 * second, 30 * second)];
        assert_eq!(of(&ring, &[]), [(0, 30 * second)]);
        let apart = [(0, 5 * second), (600 * second, 607 * second), (2 * second, 4 * second)];
        assert_eq!(of(&apart, &[]), [(0, 5 * second), (600 * second, 607 * second)]);
        assert_eq!(Running::of(&inputs(&apart), &[]).length(), 12_000_000_000);
        assert_eq!(of(&[(0, 9)], &[4]), [(0, 3), (4, 9)]);
        assert_eq!(of(&[], &[]), []);
    }

    #[test]
    fn a_few_stretches_are_named_and_of_many_the_first() {
        let second = 1_000_000_000;
        let many: Vec<(i64, i64)> = (0..9).map(|n| (n * 10 * second, (n * 10 + 1) * second)).collect();
        let told = |times| Running::of(&inputs(times), &[]).told(|at| (at.0 / second).to_string());
        assert_eq!(told(&many[..1]), "0 to 1");
        assert_eq!(told(&many[..2]), "0 to 1 and 10 to 11");
        assert_eq!(told(&many[..4]), "0 to 1, 10 to 11, 20 to 21 and 30 to 31");
        assert_eq!(told(&many), "0 to 1, 10 to 11, 20 to 21 and 6 more until 81");
    }
}
