//! Section 6: what the captures are worth, and what that limits. Every question is always asked.

use askama::Template;

use super::figures::times;
use super::html::{self, Html, LONG, SHORT};
use crate::report::clocks;
use crate::report::model::{Document, Input};
use crate::report::text::{self, counted, gaps, grouped, visible};

/// The section.
#[derive(Template)]
#[template(path = "quality.html", config = "src/report/page/askama.toml")]
pub(super) struct Quality {
    questions: Vec<Question>,
    oddities: Vec<Question>,
}

struct Question {
    asked: Html,
    answer: Html,
    limits: String,
}

impl Quality {
    pub(super) fn of(document: &Document) -> Self {
        let quality = &document.quality;
        let mut questions = vec![dropped(document)];
        let mut ask = |asked: &str, answer: String, limits: &str| {
            questions.push(Question {
                asked: Html::text(asked),
                answer: Html::text(&answer),
                limits: limits.to_owned(),
            });
        };
        ask(
            "Are bytes missing within connections?",
            match quality.gaps {
                0 => "No gap in the connections that carry BitTorrent.".to_owned(),
                count => gaps(count, quality.gap_bytes, quality.gap_packets),
            },
            match quality.gaps {
                0 => "Nothing within these connections; others may not have been captured.",
                _ => "Pieces with missing bytes cannot be hashed. What is known to be missing is lost, not served.",
            },
        );
        let cut = document.anomalies.iter().find(|anomaly| anomaly.kind.name() == "truncated-snaplen");
        ask(
            "Were packets cut?",
            cut.map_or_else(|| "No.".to_owned(), |cut| format!("Yes, {} of them.", counted(cut.count, "frame"))),
            match cut {
                None => "Whole packets were kept.",
                Some(_) => {
                    "Sizes are known from the headers; cut bytes are lost, and a piece with a cut byte is not verified."
                }
            },
        );
        ask(
            "Were checksums tested?",
            match (quality.bad_checksums, quality.untested_checksums) {
                (None, _) => "No (--checksums flag does).".to_owned(),
                (Some(0), 0) => "Yes; none is wrong.".to_owned(),
                (Some(wrong), 0) => format!("Yes; {} with a wrong one.", counted(wrong, "packet")),
                (Some(wrong), untested) => format!(
                    "{} with a wrong one; {} could not be tested: cut, or left to the network card (Wireshark shows such \
                     a one as bad).",
                    counted(wrong, "packet"),
                    counted(untested, "other")
                ),
            },
            "A packet damaged on the way would be read as sent. A matching hash excludes that for verified bytes; for \
             refuted bytes it is one possible cause.",
        );
        let caveats = clocks::caveats(&quality.clock, |file| {
            document
                .inputs
                .get(usize::from(file))
                .map(|input| visible(&text::cut(input.name())))
                .unwrap_or_default()
        });
        ask(
            "Does the clock of the captures step?",
            if caveats.is_empty() { "No.".to_owned() } else { caveats.join(" ") },
            &clocks::source(&quality.clock),
        );
        ask(
            "Were packets captured twice?",
            match quality.seen_at_two_taps {
                Some(count) => format!("{} stand in several captures.", counted(count, "packet")),
                None if document.anomalies.iter().any(|anomaly| anomaly.kind.name() == "duplicate-frames") => {
                    "Yes, within one capture.".to_owned()
                }
                None => "No.".to_owned(),
            },
            "They count once.",
        );
        ask(
            "Frames that are not IP",
            grouped(quality.not_ip),
            "They were not read. Usually they are ARP and the like; what else they may hold is not said here.",
        );
        ask(
            "Flows",
            format!(
                "{} TCP, {} UDP, {} of these uTP.",
                grouped(quality.tcp_flows),
                grouped(quality.udp_flows),
                grouped(quality.utp_flows)
            ),
            "All were looked at; which of them carry BitTorrent is decided by their content.",
        );
        let oddities = document.anomalies.iter().map(|anomaly| {
            let mut answer = Html::text(&times(anomaly.count));
            if let Some(first) = anomaly.examples.first() {
                if let Some(frames) = first.frames {
                    answer.push(&format!("; first in {}", super::figures::Numbering::of(document).frames(frames)));
                }
                if !first.detail.is_empty() {
                    answer.push(": ").add(&html::name(&first.detail, LONG));
                }
            }
            answer.push(".");
            Question {
                asked: Html::ours(format!("Oddity: {}", Html::text(anomaly.kind.name()))),
                answer,
                limits: "Counted, never dropped in silence; examples are in report.json, and the peers concerned carry a \
                         flag where it bears on them."
                    .to_owned(),
            }
        });
        Self { questions, oddities: oddities.collect() }
    }
}

fn dropped(document: &Document) -> Question {
    let mut html = Html::default();
    let mut counts = document.inputs.iter().filter_map(|input| match input {
        Input::Capture { name, dropped_by_capture, .. } => Some((name, dropped_by_capture)),
        Input::Torrent { .. } => None,
    });
    let known: Vec<_> = counts.by_ref().collect();
    let unknown = known.iter().filter(|(_, dropped)| dropped.is_none()).count() as u64;
    for (name, dropped) in
        known.iter().filter(|(_, dropped)| dropped.is_some_and(|count| count > 0)).take(MOST_INPUTS)
    {
        html.add(&html::quoted(name, SHORT));
        html.push(&format!(": {} dropped. ", counted(dropped.unwrap_or(0), "packet")));
    }
    match (unknown, known.len()) {
        (0, _) if html.is_empty() => drop(html.push("No, by its own count.")),
        (0, _) => {}
        (1, 1) => drop(html.push("The file does not say.")),
        (some, all) => drop(html.push(&format!("{some} of {all} files do not say."))),
    }
    Question {
        asked: Html::text("Did the capturing program drop packets?"),
        answer: html,
        limits: "What was dropped is in no figure: each is a lower bound.".to_owned(),
    }
}

// Rationale: the others are in the table of inputs.
const MOST_INPUTS: usize = 10;
