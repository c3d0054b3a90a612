//! Where the judge and the ledger differ.

use std::fmt::Debug;

use peerproof::capture::CaptureSet;
use peerproof::torrent::Torrents;
use peerproof::{Options, Told};

/// Where the two differ; empty where they agree.
pub fn differences(captures: &CaptureSet, torrents: &Torrents, options: &Options<'_>) -> Vec<String> {
    let [ledger, judge] = peerproof::both(captures, torrents, options, &|_| true).expect("the run can go on");
    let mut found = Vec::new();
    let Told { evidence: one, credits, .. } = ledger;
    let Told { evidence: other, credits: others, .. } = judge;
    lines("transfer", &one.transfers, &other.transfers, &mut found);
    lines("course", &one.courses, &other.courses, &mut found);
    lines("subject", &one.subjects, &other.subjects, &mut found);
    lines("torrent", &one.torrents, &other.torrents, &mut found);
    lines("credit", &credits.iter().collect::<Vec<_>>(), &others.iter().collect::<Vec<_>>(), &mut found);
    found
}

/// The lines of rows that only one has.
fn lines<T: Debug>(kind: &str, ledger: &[T], judge: &[T], found: &mut Vec<String>) {
    if ledger.len() != judge.len() {
        found.push(format!("{kind}s: {} by the ledger, {} by the judge", ledger.len(), judge.len()));
    }
    for (place, (one, other)) in ledger.iter().zip(judge).enumerate() {
        let (one, other) = (format!("{one:#?}"), format!("{other:#?}"));
        if one != other {
            let head = one.lines().skip(1).take(4).map(str::trim).collect::<Vec<_>>().join(" ");
            found.push(format!("{kind} {place}: {head}"));
            let (own, theirs): (Vec<&str>, Vec<&str>) = (one.lines().collect(), other.lines().collect());
            found.extend(
                own.iter().filter(|line| !theirs.contains(line)).take(12).map(|line| format!("  - {line}")),
            );
            found.extend(
                theirs.iter().filter(|line| !own.contains(line)).take(12).map(|line| format!("  + {line}")),
            );
        }
    }
}
