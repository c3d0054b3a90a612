//! Where the judge and the ledger differ.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use peerproof::anomaly::Kind;
use peerproof::capture::CaptureSet;
use peerproof::ends::Transport;
use peerproof::evidence::Evidence;
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
    oddities(&one, &other, &mut found);
    found
}

/// Where they tell of other oddities. Which of several is told of first may differ: the judge goes by time, the ledger by the
/// moment at which it knew. Two versions of what a web server sent only the judge weighs.
fn oddities(ledger: &Evidence, judge: &Evidence, found: &mut Vec<String>) {
    let web = judge.transfers.iter().any(|transfer| transfer.transport == Transport::Http);
    let of = |evidence: &Evidence| -> BTreeMap<Kind, (u64, u64, Vec<String>)> {
        let told = evidence.anomalies.iter().filter(|(kind, _)| !web || *kind != Kind::OverlapConflict);
        let told = told.map(|(kind, tally)| {
            let mut examples: Vec<String> = tally.examples.iter().map(|example| format!("{example:?}")).collect();
            examples.sort_unstable();
            // One example stands for each torrent: of which of its transfers is nothing to agree on.
            examples.retain(|_| kind != Kind::TorrentNotGiven);
            (kind, (tally.count, tally.amount, examples))
        });
        told.collect()
    };
    let (own, theirs) = (of(ledger), of(judge));
    for kind in own.keys().chain(theirs.keys()).collect::<BTreeSet<_>>() {
        if own.get(kind) != theirs.get(kind) {
            found.push(format!("oddity {kind:?}:\n  - {:?}\n  + {:?}", own.get(kind), theirs.get(kind)));
        }
    }
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
