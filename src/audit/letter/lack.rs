//! Sentences about pieces that are missing: of the standard of proof, and of an address.

use crate::audit::document::ClaimRow;

/// How a claim that is supported falls short of the standard of proof: what is missing first.
pub(super) fn short(claim: &ClaimRow) -> String {
    short_by(missing(claim))
}

fn short_by(missing: &str) -> String {
    let what = match missing {
        "advertised" => ": nothing in the capture shows that it had said that it had pieces.",
        "requested" => ": nothing in the capture shows that it was asked for what it sent.",
        "one-sided" => {
            ". Only packets in one direction were captured, so nobody can tell from it whether the pieces were asked for."
        }
        "sole-unit" => ": no whole piece came from this address alone.",
        "trivial" => {
            ": pieces of one repeated byte value do not count, as anybody could send them, and for no other piece that came from \
              this address alone does the capture prove that it was advertised and asked for before."
        }
        _ => {
            ": for no piece that came from this address alone does the capture prove that it was advertised and asked for \
              before."
        }
    };
    format!("It does not reach the standard of proof{what}")
}

/// Names, for a letter, what the captures do not show of a claim that is supported below the standard of proof; else
/// `None`.
pub(super) fn not_shown(claim: &ClaimRow) -> Option<String> {
    if claim.verdict != Some("supported") || claim.standard != Some("not-met") {
        return None;
    }
    Some(not_shown_by(missing(claim)))
}

fn not_shown_by(missing: &str) -> String {
    let what = match missing {
        "advertised" => "that the address had said that it had the pieces",
        "requested" | "one-sided" => "that the pieces were asked for",
        "sole-unit" => "that a whole piece came from this address alone",
        "trivial" => {
            "that a piece of more than one byte value was advertised, asked for and sent by this address alone"
        }
        _ => "that a piece that came from this address alone was advertised and asked for before",
    };
    format!("It does not show {what}, as the standard of proof wants.")
}

fn missing(claim: &ClaimRow) -> &'static str {
    claim.evidence.as_ref().and_then(|found| found.missing).unwrap_or_default()
}

/// Why captures without a piece of the address leave a claim open.
pub(super) fn open(claim: &ClaimRow) -> &'static str {
    match &claim.coverage {
        Some(coverage) if coverage.address != "whole" => "But it may have had connections that did not pass here",
        Some(coverage) if coverage.packets_from == 0 => {
            "But no packet from this address that could be read is in it either: nothing shows that it was in use and would have been \
             seen"
        }
        Some(coverage) if coverage.drops.is_some_and(|drops| drops > 0) => {
            "But the capturing program dropped packets, and some of it may have been among them"
        }
        _ => {
            "But it does not hold readable packets of this address both before and after the stated time, as a contradiction \
             would need"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::verdict::{Finding, Lack};

    #[test]
    fn the_sentence_is_of_what_is_missing() {
        let none = Finding { served: 16, ..Finding::default() };
        let advertised = Finding { advertised: true, ..none.clone() };
        let asked = Finding { requested: true, ..advertised.clone() };
        for (found, lack, short, not_shown) in [
            (none, Lack::Advertised, "had said that it had pieces", "had said that it had the pieces"),
            (advertised.clone(), Lack::Requested, "asked for what it sent", "the pieces were asked for"),
            (
                Finding { one_sided: true, ..advertised.clone() },
                Lack::OneSided,
                "so nobody can tell from it whether the pieces were asked for",
                "the pieces were asked for",
            ),
            (
                Finding { served: 0, ..advertised },
                Lack::SoleUnit,
                "no whole piece came from this address alone",
                "that a whole piece came from this address alone",
            ),
            (
                asked.clone(),
                Lack::SoleUnit,
                "no whole piece came from this address alone",
                "that a whole piece came from this address alone",
            ),
            (
                Finding { sole: 16, trivial: true, ..asked.clone() },
                Lack::Trivial,
                "pieces of one repeated byte value do not count",
                "a piece of more than one byte value",
            ),
            (
                Finding { sole: 16, ..asked },
                Lack::Together,
                "prove that it was advertised and asked for before",
                "was advertised and asked for before",
            ),
        ] {
            assert_eq!(found.lack(), Some(lack));
            let said = (short_by(lack.name()), not_shown_by(lack.name()));
            assert!(said.0.contains(short) && said.1.contains(not_shown), "{said:?}");
        }
    }
}
