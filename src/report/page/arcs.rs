//! The picture of who sent to whom: names in the middle, arcs at both sides, drawn from integers.

use std::fmt::Write;

use super::html::Html;
use super::svg::tenths;

/// A name in the middle.
pub(super) struct Saying {
    pub(super) endpoint: Html,
    pub(super) note: String,
    /// Set for an end that has no row.
    pub(super) far: bool,
}

/// Bytes from one to another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) served: u64,
    pub(super) verified: u64,
    pub(super) sole: u64,
    pub(super) refuted: u64,
}

/// An arc at the right.
#[derive(Clone, Copy, Debug)]
pub(super) struct Edge {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) sent: Sent,
}

/// The picture.
pub(super) struct Picture {
    pub(super) label: String,
    pub(super) names: Vec<Saying>,
    pub(super) said: Html,
    pub(super) seen: Html,
    /// The kinds of line that occur: a sample, and its meaning.
    pub(super) legend: Vec<(Html, &'static str)>,
}

impl Picture {
    pub(super) fn draw(
        names: Vec<Saying>,
        mut edges: Vec<Edge>,
        opaque: Vec<(usize, usize)>,
        said: Vec<(usize, usize)>,
    ) -> Self {
        let count = names.len();
        let height = ROW * count as u64 / 10;
        edges.sort_by_key(|edge| (std::cmp::Reverse(edge.sent.served), edge.from, edge.to));
        let most = edges.first().map_or(0, |edge| edge.sent.served);
        let mut legend = Vec::new();
        let mut keep = |style: &str, meaning: &'static str| {
            if !legend.iter().any(|(_, known)| *known == meaning) {
                legend.push((sample(style), meaning));
            }
        };
        let mut seen = opening(RIGHT, height);
        for edge in edges.iter().filter(|edge| edge.sent.served == 0) {
            let d = arc(edge.from, edge.to, count, RIGHT, 0, false);
            let _ = write!(seen, "<path d=\"{d}\" style=\"fill:none;stroke:var(--mute);stroke-width:1\"/>");
        }
        for (a, b) in &opaque {
            let d = arc(*a, *b, count, RIGHT, 0, false);
            let _ = write!(
                seen,
                "<path d=\"{d}\" style=\"fill:none;stroke:var(--mute);stroke-width:4\"/>\
                 <path d=\"{d}\" style=\"fill:none;stroke:var(--bg);stroke-width:2\"/>"
            );
        }
        for edge in edges.iter().filter(|edge| edge.sent.served > 0) {
            let d = arc(edge.from, edge.to, count, RIGHT, 60, true);
            let sent = &edge.sent;
            // Tenths: 1.5 to 9 pixels.
            let wide = 15 + part(sent.served, most, 75);
            let mut line = |colour: &str, width: u64, more: &str| {
                let _ = write!(
                    seen,
                    "<path d=\"{d}\" style=\"fill:none;stroke:var(--{colour});stroke-width:{}{more}\"/>",
                    tenths(width)
                );
            };
            line("cut", wide + 25, "");
            if sent.verified == 0 {
                line("unp", wide, "");
                line("cut", wide.saturating_sub(20).max(5), "");
                keep("stroke:var(--unp);stroke-width:8|stroke:var(--bg);stroke-width:5", "served, not verified");
            } else if sent.sole == sent.verified {
                line("sole", wide, "");
                keep("stroke:var(--sole);stroke-width:8", "served, verified, all of it sole");
            } else {
                line("part", wide, "");
                keep("stroke:var(--part);stroke-width:8", "served, verified, some as a part");
            }
            if sent.refuted > 0 {
                line("ref", part(sent.refuted, sent.served, wide).max(20), ";stroke-dasharray:5 4");
                keep("stroke:var(--ref);stroke-width:4;stroke-dasharray:5 4", "part of it refuted");
            }
            let tip = y(edge.to) + 60;
            let _ = write!(seen, "<path d=\"M0 {}l10 -5.5v11z\" style=\"fill:var(--ink)\"/>", tenths(tip));
        }
        seen.push_str("</svg>");
        if edges.iter().any(|edge| edge.sent.served == 0) {
            keep("stroke:var(--mute);stroke-width:1", "contacted or advertised, nothing served");
        }
        if !opaque.is_empty() {
            keep(
                "stroke:var(--mute);stroke-width:4|stroke:var(--bg);stroke-width:2",
                "a conversation that cannot be read",
            );
        }
        let mut left = opening(LEFT, height);
        for (from, to) in &said {
            let bend = bend(*from, *to, count, LEFT);
            let (a, b) = (tenths(y(*from)), tenths(y(*to)));
            let x = signed(i64::try_from(LEFT * 10).unwrap_or(0) - i64::try_from(bend).unwrap_or(0));
            let _ = write!(
                left,
                "<path d=\"M108 {a}C{x} {a} {x} {b} 101 {b}\" class=\"said\"/><circle cx=\"104\" cy=\"{b}\" r=\"2.8\" \
                 style=\"fill:var(--bg);stroke:var(--mute)\"/>"
            );
        }
        left.push_str("</svg>");
        if !said.is_empty() {
            keep(
                "stroke:var(--mute);stroke-width:1.5;stroke-dasharray:1.5 3.5;stroke-linecap:round",
                "named: hearsay",
            );
        }
        let transfers = edges.iter().filter(|edge| edge.sent.served > 0).count();
        Self {
            label: format!(
                "Who sent to whom. Right: {transfers} directions with piece data, {} other contacts, {} conversations that \
                 cannot be read. Left: {} hearsay mentions. The tables of this section and of the hearsay hold the same.",
                edges.len() - transfers,
                opaque.len(),
                said.len()
            ),
            names,
            said: Html::ours(left),
            seen: Html::ours(seen),
            legend,
        }
    }
}

fn opening(width: u64, height: u64) -> String {
    format!(
        "<svg viewBox=\"0 0 {width} {height}\" preserveAspectRatio=\"none\" aria-hidden=\"true\" \
         style=\"width:100%;height:{height}px\">"
    )
}

/// Tenths of a pixel.
fn y(at: usize) -> u64 {
    ROW / 2 + ROW * at as u64
}

/// How far an arc goes out, in tenths: further between names that stand further apart.
fn bend(a: usize, b: usize, count: usize, width: u64) -> u64 {
    let apart = a.abs_diff(b) as u64 * 1_000_000 / (count.saturating_sub(1).max(1) as u64);
    // 1.25 (26 + (W - 40) sqrt d), in tenths; the root is that of millionths, so it is in thousandths.
    (260 + (width - 40) * apart.isqrt() / 100) * 125 / 100
}

fn arc(a: usize, b: usize, count: usize, width: u64, apart: u64, directed: bool) -> String {
    let mut x = bend(a, b, count, width);
    if directed && b < a {
        x = x * 78 / 100;
    }
    let (from, to, x) = (tenths(y(a) - apart), tenths(y(b) + apart), tenths(x));
    format!("M2 {from}C{x} {from} {x} {to} 9 {to}")
}

fn part(of: u64, whole: u64, scale: u64) -> u64 {
    if whole == 0 { 0 } else { u64::try_from(u128::from(of) * u128::from(scale) / u128::from(whole)).unwrap_or(0) }
}

fn signed(tenth: i64) -> String {
    format!("{}{}", if tenth < 0 { "-" } else { "" }, tenths(tenth.unsigned_abs()))
}

/// A short piece of a line for the legend; several strokes are parted by `|`.
fn sample(style: &str) -> Html {
    let lines: String = style.split('|').map(|style| format!("<path d=\"M0 6H36\" style=\"{style}\"/>")).collect();
    Html::ours(format!("<svg class=\"sw line\" viewBox=\"0 0 36 12\" aria-hidden=\"true\">{lines}</svg>"))
}

// Rationale: 34 pixels a row hold two lines of text; tenths.
const ROW: u64 = 340;
const RIGHT: u64 = 190;
const LEFT: u64 = 110;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rumour_has_no_arrowhead_and_a_transfer_has_one() {
        let name = |far| Saying { endpoint: Html::text("192.0.2.1:1"), note: String::new(), far };
        let sent = Sent { served: 10, verified: 10, sole: 10, refuted: 0 };
        let picture = Picture::draw(
            vec![name(false), name(true)],
            vec![Edge { from: 0, to: 1, sent }],
            Vec::new(),
            vec![(1, 0)],
        );
        assert!(picture.seen.as_str().contains("l10 -5.5v11z"));
        assert!(!picture.said.as_str().contains("v11z") && picture.said.as_str().contains("<circle"));
        assert_eq!(picture.legend.len(), 2);
    }

    #[test]
    fn arcs_are_those_of_the_design() {
        assert_eq!(bend(0, 2, 6, RIGHT), 1_510);
        assert_eq!(arc(0, 2, 6, RIGHT, 60, true), "M2 11.0C151.0 11.0 151.0 91.0 9 91.0");
    }
}
