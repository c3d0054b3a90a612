//! When a peer was seen: one axis for all peers, from the first to the last frame of the inputs.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::cast::{Cast, Peer};
use super::figures::nanoseconds;
use super::html::Html;
use super::svg::{scaled, tenths};
use crate::evidence::{Bin, Timeline};
use crate::report::text::{counted, duration};

/// The plot of one peer.
pub(super) struct Plot {
    /// Set where a time axis is drawn: not over a step of the clock, across which no time means anything.
    pub(super) drawn: bool,
    /// Per cent from the left, and the rungs reached there.
    pub(super) marks: Vec<(String, String)>,
    pub(super) svg: Html,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) note: String,
}

impl Plot {
    pub(super) fn of(cast: &Cast<'_>, peer: &Peer<'_>) -> Self {
        let mut plot = Self {
            drawn: false,
            marks: Vec::new(),
            svg: Html::default(),
            from: String::new(),
            to: String::new(),
            note: String::new(),
        };
        let quality = &cast.document.quality;
        let (Some(from), Some(to)) = (&quality.first_time, &quality.last_time) else { return plot };
        let (Some(t0), Some(t1)) = (nanoseconds(from), nanoseconds(to)) else { return plot };
        if quality.duration_ns.is_none() || t1 <= t0 {
            return plot;
        }
        let axis = Axis { t0, t1 };
        let rungs: Vec<(u64, &str)> =
            peer.subject.rungs.iter().map(|rung| (axis.at(&rung.time), rung.grade.name())).collect();
        plot.marks = marks(&rungs);
        let told: Vec<String> = peer
            .subject
            .rungs
            .iter()
            .map(|rung| format!("{} at {}", rung.grade.name(), cast.clock.exact(&rung.time)))
            .collect();
        let bars = peer.subject.timeline.as_ref().map(|timeline| Bars::of(&axis, timeline, peer));
        let (drawn, note) = match &bars {
            Some(bars) => (bars.svg.clone(), bars.note.clone()),
            None => {
                let (first, last) = (axis.at(&peer.subject.first_time), axis.at(&peer.subject.last_time));
                let line = format!(
                    "<rect x=\"{}\" y=\"38\" width=\"{}\" height=\"7\" style=\"fill:var(--mute)\"/>",
                    tenths(first),
                    tenths((last - first.min(last)).max(LEAST))
                );
                (line, "The line spans its first to its last frame.".to_owned())
            }
        };
        let mut svg = format!(
            "<svg role=\"img\" aria-label=\"Times of {}, on an axis from {} to {}: seen from {} to {}. {}. {note}\" \
             viewBox=\"0 0 600 56\" preserveAspectRatio=\"none\" class=\"when\">{drawn}",
            Html::text(&peer.subject.endpoint),
            cast.clock.seconds(from),
            cast.clock.seconds(to),
            cast.clock.exact(&peer.subject.first_time),
            cast.clock.exact(&peer.subject.last_time),
            told.join(". ")
        );
        let mut drawn: Vec<u64> = rungs.iter().map(|(at, _)| *at).collect();
        drawn.sort_unstable();
        drawn.dedup();
        for at in drawn {
            let _ = write!(
                svg,
                "<path d=\"M{} 2V54\" class=\"dash\" vector-effect=\"non-scaling-stroke\"/>",
                tenths(at)
            );
        }
        let running = cast.document.running.stretches();
        for (first, last) in running.iter().take(MOST_STRETCHES) {
            let (first, last) = (axis.of(first.0.into()), axis.of(last.0.into()));
            let wide = (last - first.min(last)).max(LEAST);
            let _ =
                write!(svg, "<path d=\"M{} 54.5h{}\" style=\"stroke:var(--ink)\"/>", tenths(first), tenths(wide));
        }
        svg.push_str("</svg>");
        plot.svg = Html::ours(svg);
        plot.from = cast.clock.seconds(from);
        plot.to = cast.clock.seconds(to);
        let apart = if running.len() > 1 { " The axis is drawn where captures ran." } else { "" };
        plot.note = format!("{note} Dashed lines: where rungs begin.{apart}");
        plot.drawn = true;
        plot
    }
}

/// From the first to the last frame of the captures.
struct Axis {
    t0: i128,
    t1: i128,
}

impl Axis {
    /// The place of a time, in tenths of a unit.
    fn at(&self, rfc3339: &str) -> u64 {
        self.of(nanoseconds(rfc3339).unwrap_or(self.t0))
    }

    fn of(&self, ns: i128) -> u64 {
        let at = ns.clamp(self.t0, self.t1) - self.t0;
        u64::try_from(at * i128::from(WIDTH) / (self.t1 - self.t0)).unwrap_or(0)
    }
}

/// Served bytes by time, the classes of a bin on one another.
struct Bars {
    svg: String,
    note: String,
}

impl Bars {
    fn of(axis: &Axis, timeline: &Timeline, peer: &Peer<'_>) -> Self {
        let sole = peer.figures.sole_bytes == peer.figures.verified_bytes;
        let verified = if sole { "v1" } else { "v2" };
        let classes = |bin: &Bin| {
            [
                (verified, bin.verified),
                ("v3", bin.refuted),
                ("v4", bin.disputed),
                ("v5", bin.unproven),
                ("v6", bin.repeated),
                ("v7", bin.pad),
            ]
        };
        let sum = |bin: &Bin| {
            classes(bin).iter().map(|(_, bytes)| bytes).fold(0_u64, |sum, more| sum.saturating_add(*more))
        };
        let most = timeline.bins.iter().map(sum).max().unwrap_or(0);
        let start = i128::from(timeline.start.0);
        let edge = |bin: u64| axis.of(start + i128::from(bin) * i128::from(timeline.bin_ns));
        let mut paths: BTreeMap<&str, String> = BTreeMap::new();
        for bin in &timeline.bins {
            let left = edge(bin.bin.into());
            let wide = edge(u64::from(bin.bin) + 1).saturating_sub(left).saturating_sub(GAP).max(LEAST);
            let mut top = BASE;
            for (style, bytes) in classes(bin).into_iter().filter(|(_, bytes)| *bytes > 0) {
                let high = scaled(bytes, most, HEIGHT).clamp(LEAST_HIGH, HEIGHT * 10).min(top);
                top -= high;
                // Writing to a String cannot fail.
                let _ = write!(
                    paths.entry(style).or_default(),
                    "M{} {}h{}v{}h-{}z",
                    tenths(left),
                    tenths(top),
                    tenths(wide),
                    tenths(high),
                    tenths(wide)
                );
            }
        }
        let svg = paths.iter().map(|(style, path)| format!("<path class=\"{style}\" d=\"{path}\"/>"));
        let length = match timeline.bin_ns {
            ns @ 10_000_000.. => duration(ns),
            ns => format!("{}.{:03} ms", ns / 1_000_000, ns / 1_000 % 1_000),
        };
        Self { svg: svg.collect(), note: format!("Tallest bar: {} in {length}.", counted(most, "byte")) }
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
const LEAST_HIGH: u64 = 15;
const GAP: u64 = 10;
/// Where bars stand, and how high the tallest one is, in tenths and in units.
const BASE: u64 = 540;
const HEIGHT: u64 = 50;
const MOST_LEFT: u64 = 900;
// Rationale: more cannot be told apart.
const MOST_STRETCHES: usize = 300;

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
