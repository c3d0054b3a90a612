//! When a peer was seen: one axis for all peers, from the first to the last frame of the inputs.

use std::fmt::Write;

use super::cast::{Cast, Peer};
use super::figures::nanoseconds;
use super::html::Html;
use super::svg::tenths;

/// The plot of one peer.
pub(super) struct Plot {
    /// Whether there is one: not over a step of the clock, across which no time means anything.
    pub(super) drawn: bool,
    /// Per cent from the left, and the rungs reached there.
    pub(super) marks: Vec<(String, String)>,
    pub(super) svg: Html,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) note: &'static str,
}

impl Plot {
    pub(super) fn of(cast: &Cast<'_>, peer: &Peer<'_>) -> Self {
        let mut plot = Self {
            drawn: false,
            marks: Vec::new(),
            svg: Html::default(),
            from: String::new(),
            to: String::new(),
            note: "The line spans its first to its last frame. Dashed lines: where rungs begin.",
        };
        let quality = &cast.document.quality;
        let (Some(from), Some(to)) = (&quality.first_time, &quality.last_time) else { return plot };
        let (Some(t0), Some(t1)) = (nanoseconds(from), nanoseconds(to)) else { return plot };
        if quality.duration_ns.is_none() || t1 <= t0 {
            return plot;
        }
        let x = |time: &str| {
            let at = nanoseconds(time).unwrap_or(t0).clamp(t0, t1) - t0;
            u64::try_from(at * i128::from(WIDTH) / (t1 - t0)).unwrap_or(0)
        };
        let (first, last) = (x(&peer.subject.first_time), x(&peer.subject.last_time));
        let rungs: Vec<(u64, &str)> =
            peer.subject.rungs.iter().map(|rung| (x(&rung.time), rung.grade.name())).collect();
        plot.marks = marks(&rungs);
        let told: Vec<String> = peer
            .subject
            .rungs
            .iter()
            .map(|rung| format!("{} at {}", rung.grade.name(), cast.clock.exact(&rung.time)))
            .collect();
        let mut svg = format!(
            "<svg role=\"img\" aria-label=\"Times of {}, on an axis from {} to {}: seen from {} to {}. {}\" \
             viewBox=\"0 0 600 34\" preserveAspectRatio=\"none\" class=\"when\"><rect x=\"{}\" y=\"20\" width=\"{}\" \
             height=\"7\" style=\"fill:var(--mute)\"/>",
            Html::text(&peer.subject.endpoint),
            cast.clock.seconds(from),
            cast.clock.seconds(to),
            cast.clock.exact(&peer.subject.first_time),
            cast.clock.exact(&peer.subject.last_time),
            told.join(". "),
            tenths(first),
            tenths((last - first.min(last)).max(LEAST))
        );
        let mut drawn: Vec<u64> = rungs.iter().map(|(at, _)| *at).collect();
        drawn.sort_unstable();
        drawn.dedup();
        for at in drawn {
            let _ = write!(
                svg,
                "<path d=\"M{} 2V34\" class=\"dash\" vector-effect=\"non-scaling-stroke\"/>",
                tenths(at)
            );
        }
        svg.push_str("<path d=\"M0 33.5H600\" style=\"stroke:var(--ink)\"/></svg>");
        plot.svg = Html::ours(svg);
        plot.from = cast.clock.seconds(from);
        plot.to = cast.clock.seconds(to);
        plot.drawn = true;
        plot
    }
}

/// Labels that would cover one another become one: `G2–G5`.
fn marks(rungs: &[(u64, &str)]) -> Vec<(String, String)> {
    let mut rungs = rungs.to_vec();
    rungs.sort_by_key(|(at, _)| *at);
    let mut groups: Vec<(u64, Vec<&str>)> = Vec::new();
    for (at, name) in rungs {
        match groups.last_mut() {
            Some((start, names)) if at - *start < APART => names.push(name),
            _ => groups.push((at, vec![name])),
        }
    }
    groups
        .into_iter()
        .map(|(at, mut names)| {
            names.sort_unstable();
            let text = match (names.first(), names.last()) {
                (Some(first), Some(last)) if first != last => format!("{first}–{last}"),
                (Some(only), _) => (*only).to_owned(),
                _ => String::new(),
            };
            // The last labels would leave the page.
            (tenths((at * 100 / (WIDTH / 10)).min(MOST_LEFT)), text)
        })
        .collect()
}

// Rationale: tenths of the 600 units of the plot; 7 % of it is as wide as a label.
const WIDTH: u64 = 6_000;
const APART: u64 = WIDTH * 7 / 100;
const LEAST: u64 = 20;
const MOST_LEFT: u64 = 900;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_that_stand_close_are_merged() {
        let marks = marks(&[(0, "G2"), (100, "G3"), (3_000, "G6"), (5_990, "G8")]);
        let expected = [("0.0", "G2–G3"), ("50.0", "G6"), ("90.0", "G8")];
        assert_eq!(marks, expected.map(|(at, text)| (at.to_owned(), text.to_owned())));
    }
}
