//! The model made of a report.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Document, Running};
use crate::report::unread::Walked;

impl Document {
    /// The report as its JSON has it.
    ///
    /// # Errors
    /// Whatever `serde_json` reports; a report as built has all fields.
    pub(crate) fn of(report: &crate::report::Document) -> Result<Self, serde_json::Error> {
        let instead = crate::report::instead::Instead::of(report);
        // Row by row: as one value of JSON a large report takes ten times its own memory.
        Ok(Self {
            schema: report.schema,
            tool: report.tool.clone(),
            options: report.options.clone(),
            inputs: each(&report.inputs)?,
            passed_over: report.passed_over.clone(),
            torrents: each(&report.torrents)?,
            transfers: each(&report.transfers)?,
            subjects: each(&report.subjects)?,
            mentions: each(&report.mentions)?,
            swarms: each(&report.swarms)?,
            opaque: each(&report.opaque)?,
            hosts: report.hosts.clone(),
            lists: report.lists.clone(),
            anomalies: report.anomalies.clone(),
            quality: one(&report.quality)?,
            notes: report.notes.clone(),
            pieces: report.pieces.clone().filter(|_| report.shown.is_some()),
            unlisted: one(&report.unlisted)?,
            shown: report.shown.clone(),
            instead: instead.named.iter().map(|torrent| torrent.info_hash.to_string()).collect(),
            remedy: instead.remedy(),
            running: Running::of(&report.inputs, &[]),
            hidden: Walked::of(report).hidden(),
        })
    }
}

/// A part of the report as its JSON has it.
fn one<T: DeserializeOwned>(part: &impl Serialize) -> Result<T, serde_json::Error> {
    serde_json::from_value(serde_json::to_value(part)?)
}

fn each<T: DeserializeOwned>(rows: &[impl Serialize]) -> Result<Vec<T>, serde_json::Error> {
    rows.iter().map(one).collect()
}
