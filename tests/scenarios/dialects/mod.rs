//! Every way peers speak: uTP, extension messages, metadata, v2, MSE, webseeds (T05, T06, T16 to T18, T36 to T39,
//! T44), through the whole pipeline.

mod azureus;
mod commands;
mod extensions;
mod honest_web;
mod hybrid;
mod layers;
mod leaves;
mod lookalikes;
mod metadata;
mod mse;
mod mse_parts;
mod utp;
mod utp_again;
mod web;
mod webseeds;

use peerproof::anomaly::Kind;
use peerproof::evidence::{Evidence, Grade, Subject, Transfer};
use peerproof::report::oddity::sentence;

use super::*;
use crate::synth::run::Run;

/// How often an oddity was seen.
fn odd(evidence: &Evidence, kind: Kind) -> u64 {
    evidence.anomalies.tally(kind).map_or(0, |tally| tally.count)
}

/// The details of an oddity's examples.
fn details(evidence: &Evidence, kind: Kind) -> Vec<String> {
    let examples = evidence.anomalies.tally(kind).map_or(&[][..], |tally| &tally.examples);
    examples.iter().map(|example| sentence(&example.oddity)).collect()
}

fn rung_reached(rungs: &[peerproof::evidence::Rung], grade: Grade) -> bool {
    rungs.iter().any(|rung| rung.grade == grade)
}

/// The transfers of one torrent.
fn of_torrent<'e>(evidence: &'e Evidence, torrent: &Torrent) -> Vec<&'e Transfer> {
    let known = |transfer: &&Transfer| {
        transfer.info_hash.as_ref().is_some_and(|hash| hash.0.starts_with(&torrent.info_hash))
    };
    evidence.transfers.iter().filter(known).collect()
}

/// Nobody is accused.
fn nobody_refuted(evidence: &Evidence) {
    for transfer in &evidence.transfers {
        assert_eq!((transfer.bytes.refuted, transfer.bytes.disputed), (0, 0), "{transfer:#?}");
    }
    let accused = |subject: &&Subject| rung_reached(&subject.rungs, Grade::GX);
    assert_eq!(evidence.subjects.iter().filter(accused).count(), 0);
}
