//! How a run over captures ended, once for every command that makes one.

use std::collections::BTreeSet;

use peerproof::anomaly::{Anomalies, Kind};
use peerproof::evidence::{Evidence, InputFacts};
use peerproof::oddity::Occurrence;
use peerproof::report::oddity::sentence;
use peerproof::report::{counted, damaged, escaped};

use super::{Ending, say};

/// Says on standard error what makes the run less than complete, and how it ended.
pub fn ending(evidence: &Evidence) -> Ending {
    ending_of(&evidence.captures, &evidence.anomalies, evidence.known.passed_over().len() as u64)
}

/// The ending of a run by its inputs, by their oddities, and by torrent files that were passed over.
pub fn ending_of(captures: &[InputFacts], anomalies: &Anomalies, passed_over: u64) -> Ending {
    let mut causes = Vec::new();
    for capture in captures {
        if let Some(damage) = &capture.damage {
            let said = damaged(&capture.name, damage);
            // The place is cause enough; what is there stands in the warning.
            causes.push(said.split(": ").next().unwrap_or(&said).to_owned());
            say::warning(&format!("{} is damaged: {}", escaped(&capture.name), escaped(damage)));
        }
    }
    for kind in [Kind::DamagedCapture, Kind::LimitReached] {
        let Some(tally) = anomalies.tally(kind) else { continue };
        if kind == Kind::DamagedCapture && !causes.is_empty() {
            continue;
        }
        let first = tally.examples.first().map(said).unwrap_or_default();
        say::warning(&format!("{}, {}: {first}", kind.name(), counted(tally.count, "time")));
        // Each further bound once.
        let bound = |example: &Occurrence| example.oddity.bound();
        let mut seen: BTreeSet<&str> = tally.examples.first().and_then(bound).into_iter().collect();
        for other in tally.examples.iter().filter(|other| bound(other).is_some_and(|bound| seen.insert(bound))) {
            say::warning(&format!("{}: {}", kind.name(), said(other)));
        }
        causes.push(match kind {
            Kind::LimitReached => {
                format!("a bound was reached ({})", seen.into_iter().collect::<Vec<_>>().join(", "))
            }
            _ => "an input is damaged".to_owned(),
        });
    }
    match passed_over {
        0 => {}
        1 => causes.push("a torrent file was passed over".to_owned()),
        count => causes.push(format!("{} were passed over", counted(count, "torrent file"))),
    }
    Ending::limited_by(&causes)
}

fn said(example: &Occurrence) -> String {
    escaped(&sentence(&example.oddity))
}
