//! The clocks of the inputs: when frames were captured, and where a clock stepped.

use super::Hub;
use crate::ends::{At, Span, Timestamp};
use crate::oddity::{Oddity, Sink};

/// Watches the clock of each input.
#[derive(Debug, Default)]
pub(super) struct Clock {
    last: Vec<Option<Timestamp>>,
    pub(super) steps: Vec<At>,
    pub(super) count: u64,
    pub(super) span: Option<Span>,
}

impl Clock {
    #[inline]
    pub(super) fn tick(&mut self, at: At, hub: &mut Hub<'_, '_>) {
        match &mut self.span {
            Some(span) => span.cover(at),
            None => self.span = Some(Span::single(at)),
        }
        let file = usize::from(at.frame.file());
        if self.last.len() <= file {
            self.last.resize(file + 1, None);
        }
        if let Some(last) = self.last[file].replace(at.time) {
            let step = at.time.0.saturating_sub(last.0);
            if !(-BACKWARD_NS..FORWARD_NS).contains(&step) {
                self.step(at, step, hub);
            }
        }
    }

    /// Nanoseconds from the first frame to the last one; `None` over a step, and without frames.
    pub(super) fn length(&self) -> Option<u64> {
        self.span.filter(|_| self.count == 0).map(|span| span.last.time.0.abs_diff(span.first.time.0))
    }

    #[cold]
    fn step(&mut self, at: At, step: i64, hub: &mut Hub<'_, '_>) {
        self.count += 1;
        if self.steps.len() < MOST_STEPS {
            self.steps.push(at);
        }
        hub.anomalies.odd(Oddity::ClockStep { ns: step }.at(at));
    }
}

// Rationale: capture threads reorder frames by milliseconds; a second backwards is a clock that was set.
const BACKWARD_NS: i64 = 1_000_000_000;
// Rationale: a day without one frame is rather a merged capture than a quiet network.
const FORWARD_NS: i64 = 86_400_000_000_000;
// Rationale: each step flags the transfers around it; more are only counted.
const MOST_STEPS: usize = 10_000;
