//! The clocks of the inputs: when frames were captured, where a clock stepped, and how far the clocks of two taps are apart.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Shared;
use crate::capture::InputFacts;
use crate::ends::{At, Span, Timestamp};
use crate::limits::{CLOCK_PAIRS, CLOCK_STEPS};
use crate::oddity::{Oddity, Sink};

/// Where the times of a report come from, and what is known to be wrong with them. Every time is the capturing machine's own: a
/// constant error of it is in no file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ClockQuality {
    /// Units in a second of the coarsest interface that has frames: no time of the report is finer. `None` without frames.
    pub ticks_per_second: Option<u64>,
    /// Seconds, other than 0, that interfaces state are to be added to their times (`if_tsoffset` of pcapng), and that were
    /// added; sorted. Left out where there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub offsets_seconds: Vec<i64>,
    /// The captures whose clock stepped, in their order; left out where there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<ClockSteps>,
    /// Pairs of captures that hold the same packets: how far their clocks are apart. Left out where there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub taps: Vec<TapClocks>,
    /// Stretches of more than a day between captures, in which none has a frame; left out where there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pauses: Vec<ClockPause>,
}

/// The steps of one clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ClockSteps {
    /// Index of the capture in `inputs`.
    pub file: u16,
    /// How many.
    pub count: u64,
    /// The smallest: nanoseconds from one frame to the next, negative for a clock that was set back.
    pub least_ns: i64,
    /// The largest.
    pub most_ns: i64,
}

/// Packets that two captures hold. The way from one tap to the other is in the difference, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TapClocks {
    /// Index of one capture in `inputs`.
    pub a: u16,
    /// Index of the other.
    pub b: u16,
    /// Packets of TCP and uTP with payload that are in both.
    pub packets: u64,
    /// The least of the times of `b` less those of `a`, in nanoseconds.
    pub least_ns: i64,
    /// The most.
    pub most_ns: i64,
}

/// A stretch without any frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ClockPause {
    /// Index in `inputs` of the capture that begins after it.
    pub before: u16,
    /// Nanoseconds.
    pub ns: u64,
}

impl ClockQuality {
    /// Nothing is known of the clocks: there are no frames, or the report was made before this was told.
    pub(super) fn is_unknown(&self) -> bool {
        *self == Self::default()
    }

    /// Adds what the inputs say of their own clocks.
    pub(crate) fn with_inputs(mut self, inputs: &[InputFacts]) -> Self {
        let used = || inputs.iter().flat_map(|input| &input.interfaces).filter(|interface| interface.frames > 0);
        self.ticks_per_second = used().map(|interface| interface.ticks_per_second).min();
        self.offsets_seconds =
            used().map(|interface| interface.offset_seconds).filter(|offset| *offset != 0).collect();
        self.offsets_seconds.sort_unstable();
        self.offsets_seconds.dedup();
        let mut spans: Vec<(Timestamp, Timestamp, u16)> = (0..)
            .zip(inputs)
            .filter_map(|(file, input)| {
                let (first, last) = (input.first_time?, input.last_time?);
                Some((first.min(last), first.max(last), file))
            })
            .collect();
        spans.sort_unstable();
        let mut until = spans.first().map(|span| span.1);
        for (first, last, before) in spans {
            let ns = until.map_or(0, |until| first.0.saturating_sub(until.0));
            if ns > FORWARD_NS {
                self.pauses.push(ClockPause { before, ns: ns.unsigned_abs() });
            }
            until = until.max(Some(last));
        }
        self
    }
}

/// Packets that several inputs hold.
#[derive(Clone, Debug, Default)]
pub(super) struct Taps {
    /// All of them.
    pub(super) packets: u64,
    pairs: BTreeMap<(u16, u16), TapClocks>,
}

impl Taps {
    /// Notes one packet that is in two inputs.
    pub(super) fn note(&mut self, original: At, again: At) {
        self.packets += 1;
        let [a, b] = if original.frame.file() < again.frame.file() { [original, again] } else { [again, original] };
        let key = (a.frame.file(), b.frame.file());
        let ns = b.time.0.saturating_sub(a.time.0);
        if self.pairs.len() >= CLOCK_PAIRS && !self.pairs.contains_key(&key) {
            return;
        }
        let new = TapClocks { a: key.0, b: key.1, packets: 0, least_ns: ns, most_ns: ns };
        let pair = self.pairs.entry(key).or_insert(new);
        pair.packets += 1;
        (pair.least_ns, pair.most_ns) = (pair.least_ns.min(ns), pair.most_ns.max(ns));
    }
}

/// Watches the clock of each input.
#[derive(Debug, Default)]
pub(super) struct Clock {
    last: Vec<Option<Timestamp>>,
    by_input: BTreeMap<u16, ClockSteps>,
    pub(super) steps: Vec<At>,
    pub(super) count: u64,
    pub(super) span: Option<Span>,
}

impl Clock {
    #[inline]
    pub(super) fn tick(&mut self, at: At, shared: &mut Shared<'_, '_>) {
        match &mut self.span {
            Some(span) => span.cover(at),
            None => self.span = Some(Span::single(at)),
        }
        let file = usize::from(at.frame.file());
        if self.last.len() <= file {
            self.last.resize(file + 1, None);
        }
        if let Some(last) = self.last.get_mut(file).and_then(|last| last.replace(at.time)) {
            let step = at.time.0.saturating_sub(last.0);
            if !(-BACKWARD_NS..FORWARD_NS).contains(&step) {
                self.step(at, step, shared);
            }
        }
    }

    /// Nanoseconds from the first frame to the last one; `None` over a step, and without frames.
    pub(super) fn length(&self) -> Option<u64> {
        self.span.filter(|_| self.count == 0).map(|span| span.last.time.0.abs_diff(span.first.time.0))
    }

    /// The steps by input, and the pairs of `taps`.
    pub(super) fn quality(&self, taps: Taps) -> ClockQuality {
        let steps = self.by_input.values().copied().collect();
        ClockQuality { steps, taps: taps.pairs.into_values().collect(), ..ClockQuality::default() }
    }

    #[cold]
    fn step(&mut self, at: At, step: i64, shared: &mut Shared<'_, '_>) {
        self.count += 1;
        let file = at.frame.file();
        let new = ClockSteps { file, count: 0, least_ns: step, most_ns: step };
        let of = self.by_input.entry(file).or_insert(new);
        of.count += 1;
        (of.least_ns, of.most_ns) = (of.least_ns.min(step), of.most_ns.max(step));
        if self.steps.len() < CLOCK_STEPS {
            self.steps.push(at);
        }
        shared.anomalies.odd(Oddity::ClockStep { ns: step }.at(at));
    }
}

// Rationale: capture threads reorder frames by milliseconds; a second backwards is a clock that was set.
const BACKWARD_NS: i64 = 1_000_000_000;
// Rationale: a day without one frame is rather a merged capture than a quiet network.
const FORWARD_NS: i64 = 86_400_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::{Interface, LinkType};
    use crate::ends::FrameId;

    fn at(file: u16, frame: u64, ns: i64) -> At {
        At { frame: FrameId::new(file, frame), time: Timestamp(ns) }
    }

    fn input(first: i64, last: i64, ticks_per_second: u64, offset_seconds: i64, frames: u64) -> InputFacts {
        InputFacts {
            name: "capture".to_owned(),
            format: "pcapng".to_owned(),
            bytes: 0,
            sha256: None,
            stated: false,
            content: None,
            frames,
            first_time: (frames > 0).then_some(Timestamp(first)),
            last_time: (frames > 0).then_some(Timestamp(last)),
            interfaces: vec![Interface {
                link_type: LinkType(1),
                snaplen: 0,
                name: None,
                filter: None,
                frames,
                ticks_per_second,
                offset_seconds,
            }],
            damage: None,
            dropped_by_capture: None,
            unused_blocks: Default::default(),
            names: Vec::new(),
        }
    }

    #[test]
    fn two_taps_differ_by_the_least_and_the_most_of_their_common_packets() {
        let mut taps = Taps::default();
        taps.note(at(0, 1, 1_000), at(1, 1, 4_000));
        taps.note(at(1, 2, 9_000), at(0, 2, 10_000));
        taps.note(at(1, 3, 9_000), at(2, 1, 9_500));
        assert_eq!(taps.packets, 3);
        let clock = Clock::default().quality(taps);
        assert_eq!(
            clock.taps,
            [
                TapClocks { a: 0, b: 1, packets: 2, least_ns: -1_000, most_ns: 3_000 },
                TapClocks { a: 1, b: 2, packets: 1, least_ns: 500, most_ns: 500 },
            ]
        );
    }

    #[test]
    fn the_coarsest_interface_with_frames_offsets_and_long_pauses_are_told() {
        const DAY: i64 = 86_400_000_000_000;
        let inputs = [
            input(400 * DAY, 401 * DAY, 1_000_000_000, -3_600, 5),
            input(0, DAY, 1_000_000, 0, 7),
            input(5 * DAY, 6 * DAY, 1, 7, 0),
            // Within a day of what is before it.
            input(2 * DAY, 3 * DAY, 1_000_000, -3_600, 1),
        ];
        let clock = ClockQuality::default().with_inputs(&inputs);
        assert_eq!((clock.ticks_per_second, clock.offsets_seconds), (Some(1_000_000), vec![-3_600]));
        assert_eq!(clock.pauses, [ClockPause { before: 0, ns: 397 * DAY.unsigned_abs() }]);
        assert_eq!(ClockQuality::default().with_inputs(&[]), ClockQuality::default());
    }
}
