//! Sentences on the clocks of the captures: where the times of a report come from, and what that means for a stated time.

use crate::evidence::ClockQuality;

use super::text::{counted, duration, grouped};

/// Where the times come from, and how fine they are.
pub(super) fn source(clock: &ClockQuality) -> String {
    let steps = match clock.ticks_per_second {
        Some(ticks) => format!(", in steps of {}", step(ticks)),
        None => String::new(),
    };
    format!(
        "Times are those of the clock of the capturing machine, in UTC{steps}. Whether that clock was right is in no capture: hold \
         a stated time against another record before you rest on seconds."
    )
}

/// A sentence on each thing that is known to be wrong or unusual with the clocks. `name` names an input by its index.
pub(crate) fn caveats(clock: &ClockQuality, name: impl Fn(u16) -> String) -> Vec<String> {
    let mut sentences = Vec::new();
    for steps in &clock.steps {
        let times = if steps.count == 1 { "once".to_owned() } else { format!("{} times", grouped(steps.count)) };
        let by = if steps.least_ns == steps.most_ns {
            seconds(steps.least_ns)
        } else {
            format!("{} to {}", seconds(steps.least_ns), seconds(steps.most_ns))
        };
        sentences.push(format!(
            "The clock of {} stepped {times}, by {by}: no duration across a step means anything.",
            name(steps.file)
        ));
    }
    if !clock.offsets_seconds.is_empty() {
        let offsets: Vec<String> =
            clock.offsets_seconds.iter().map(|offset| format!("{} s", signed(*offset))).collect();
        sentences.push(format!(
            "Interfaces state that an offset is to be added to their times; that was done: {}.",
            offsets.join(", ")
        ));
    }
    for taps in clock.taps.iter().take(MOST_TAPS) {
        sentences.push(format!(
            "Times of {} are {} to {} later than those of {} (negative: earlier), by {} that both hold: a stated time is that \
             of the capture whose frame is cited.",
            name(taps.b),
            seconds(taps.least_ns),
            seconds(taps.most_ns),
            name(taps.a),
            counted(taps.packets, "packet"),
        ));
    }
    if let Some(more) = clock.taps.len().checked_sub(MOST_TAPS).filter(|more| *more > 0) {
        sentences.push(format!(
            "{} of captures more hold common packets: quality.clock.taps.",
            counted(more as u64, "pair")
        ));
    }
    for pause in clock.pauses.iter().take(MOST_TAPS) {
        sentences.push(format!(
            "{} begins {} after the last frame of any capture before it: they were merged, and nothing was seen between.",
            name(pause.before),
            duration(pause.ns)
        ));
    }
    if let Some(more) = clock.pauses.len().checked_sub(MOST_TAPS).filter(|more| *more > 0) {
        sentences.push(format!("{} of that kind more: quality.clock.pauses.", counted(more as u64, "pause")));
    }
    sentences
}

/// One unit of a clock, as in `1 µs`.
fn step(ticks: u64) -> String {
    for (unit, name) in [(1, "s"), (1_000, "ms"), (1_000_000, "µs"), (1_000_000_000, "ns")] {
        if unit % ticks.max(1) == 0 && (ticks > unit / 1_000 || unit == 1) {
            return format!("{} {name}", unit / ticks.max(1));
        }
    }
    format!("1/{} s", grouped(ticks))
}

fn seconds(ns: i64) -> String {
    let size = ns.unsigned_abs();
    let (whole, rest) = (size / 1_000_000_000, size % 1_000_000_000);
    let sign = if ns < 0 { "-" } else { "" };
    let digits = format!("{rest:09}");
    let digits = match digits.trim_end_matches('0').len() {
        0..=3 => digits.get(..3),
        4..=6 => digits.get(..6),
        _ => None,
    }
    .unwrap_or(&digits);
    format!("{sign}{}.{digits} s", grouped(whole))
}

fn signed(number: i64) -> String {
    let sign = if number < 0 { "-" } else { "+" };
    format!("{sign}{}", grouped(number.unsigned_abs()))
}

// Rationale: a ring of files has a pair for each border; the rest are in report.json.
const MOST_TAPS: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::{ClockPause, ClockSteps, TapClocks};

    #[test]
    fn a_unit_of_a_clock_is_said_as_people_say_it() {
        let cases = [
            (1, "1 s"),
            (100, "10 ms"),
            (1_000, "1 ms"),
            (1_000_000, "1 µs"),
            (10_000_000, "100 ns"),
            (1 << 20, "1/1,048,576 s"),
        ];
        for (ticks, said) in cases {
            assert_eq!(step(ticks), said);
        }
        assert_eq!(step(1_000_000_000), "1 ns");
        assert_eq!(step(0), "1 s");
    }

    #[test]
    fn every_caveat_names_its_captures_and_its_size() {
        let clock = ClockQuality {
            ticks_per_second: Some(1_000_000),
            offsets_seconds: vec![-3_600],
            steps: vec![ClockSteps { file: 1, count: 2, least_ns: -5_000_000_000, most_ns: 90_000_000_000_000 }],
            taps: vec![TapClocks { a: 0, b: 1, packets: 120, least_ns: -12_500_000, most_ns: 1_000 }],
            pauses: vec![ClockPause { before: 2, ns: 34_300_800_000_000_000 }],
        };
        let said = caveats(&clock, |file| format!("#{}", file + 1));
        assert_eq!(said.len(), 4, "{said:?}");
        assert!(said[0].starts_with("The clock of #2 stepped 2 times, by -5.000 s to 90,000.000 s"), "{}", said[0]);
        assert!(said[1].contains("-3,600 s"), "{}", said[1]);
        assert!(
            said[2].contains("Times of #2 are -0.012500 s to 0.000001 s later than those of #1"),
            "{}",
            said[2]
        );
        assert!(said[2].contains("120 packets"), "{}", said[2]);
        assert!(said[3].contains("#3 begins") && said[3].contains("397 d"), "{}", said[3]);
        assert!(source(&clock).contains("in steps of 1 µs"));
        assert_eq!(caveats(&ClockQuality::default(), |_| String::new()), Vec::<String>::new());
    }
}
