//! Plots: drawn here, from integers, with one decimal. No text stands in a stretched plot, and a nonzero amount is
//! never drawn too small to be seen.

use std::fmt::Write;

use super::html::Html;
use super::words::CLASSES;
use crate::report::model::Figures;

/// A number with one decimal, of a fraction `part / whole` of `scale`; cut, so that it is the same on each machine.
pub(super) fn scaled(part: u64, whole: u64, scale: u64) -> u64 {
    if whole == 0 {
        0
    } else {
        u64::try_from(u128::from(part) * u128::from(scale) * 10 / u128::from(whole)).unwrap_or(0)
    }
}

/// Tenths as `12.3`.
pub(super) fn tenths(value: u64) -> String {
    format!("{}.{}", value / 10, value % 10)
}

/// The classes of `figures` side by side; a bar of `most` bytes would be `width` wide.
pub(super) fn bar(figures: &Figures, most: u64, width: u64, height: u64, label: Option<&str>) -> Html {
    let role = match label {
        Some(label) => format!("role=\"img\" aria-label=\"{}\"", Html::text(label)),
        None => "aria-hidden=\"true\"".to_owned(),
    };
    let mut out = format!(
        "<svg class=\"bar\" {role} viewBox=\"0 0 {width} {height}\" preserveAspectRatio=\"none\" \
         style=\"height:{height}px\">"
    );
    let mut x = 0;
    for class in CLASSES {
        let bytes = (class.bytes)(figures);
        if bytes > 0 {
            let wide = scaled(bytes, most, width).max(LEAST);
            // A line of the ground between two segments.
            let _ = write!(
                out,
                "<rect class=\"{}\" x=\"{}\" width=\"{}\" height=\"{height}\"/>",
                class.style,
                tenths(x),
                tenths(wide.saturating_sub(GAP).max(GAP))
            );
            x += wide;
        }
    }
    let _ = write!(
        out,
        "<rect x=\"0\" y=\"{}.5\" width=\"{width}\" height=\".5\" style=\"fill:var(--line)\"/></svg>",
        height.saturating_sub(1)
    );
    Html::ours(out)
}

/// A swatch of a class for a legend.
pub(super) fn swatch(style: &str) -> Html {
    Html::ours(format!(
        "<svg class=\"sw\" aria-hidden=\"true\" viewBox=\"0 0 18 12\"><rect class=\"{style}\" width=\"18\" height=\"12\"/>\
         <rect x=\".5\" y=\".5\" width=\"17\" height=\"11\" style=\"fill:none;stroke:var(--mute)\"/></svg>"
    ))
}

/// The legend of the classes that occur in `figures`.
pub(super) fn legend(figures: &Figures) -> Html {
    let mut html = Html::default();
    for class in CLASSES.iter().filter(|class| (class.bytes)(figures) > 0) {
        html.add(&Html::ours(format!(
            "<span class=\"key\">{}{}</span> ",
            swatch(class.style),
            Html::text(class.name)
        )));
    }
    html
}

/// How much of a file: a filled frame.
pub(super) fn share_bar(part: u64, whole: u64) -> Html {
    let wide = if part == 0 { 0 } else { scaled(part.min(whole), whole, 100).max(LEAST) };
    Html::ours(format!(
        "<svg aria-hidden=\"true\" class=\"share\" viewBox=\"0 0 100 10\" preserveAspectRatio=\"none\"><rect class=\"box\" \
         x=\".5\" y=\".5\" width=\"99\" height=\"9\" vector-effect=\"non-scaling-stroke\"/><rect class=\"v1\" \
         width=\"{}\" height=\"10\"/></svg>",
        tenths(wide)
    ))
}

// Rationale: two pixels can be seen in a bar of any length; one parts two segments.
const LEAST: u64 = 20;
const GAP: u64 = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_byte_among_many_is_still_drawn() {
        let figures = Figures {
            served_bytes: 1_000_001,
            verified_bytes: 1_000_000,
            sole_bytes: 1_000_000,
            refuted_bytes: 1,
            ..Figures::default()
        };
        let svg = bar(&figures, 1_000_001, 600, 24, None).to_string();
        assert!(svg.contains("class=\"v3\" x=\"599.9\" width=\"1.0\""), "{svg}");
    }
}
