//! The answers as data: `peerproof/audit/1`. Values, no sentences.

mod build;

use std::collections::BTreeMap;

use serde::Serialize;

use super::claim::{Entry, HashKind, Precision, Refusal, Transport, ZoneBasis};
use super::decide::Judged;
use super::examined::Index;
use super::terms::{Covers, Terms};
use crate::ends::Frames;
use crate::hosts::{Host, List};
pub(super) use build::is_met;
use build::{row, seconds};

/// All answers of an audit.
#[derive(Clone, Debug, Serialize)]
pub struct Document {
    /// `peerproof/audit/1`.
    pub schema: &'static str,
    /// The program.
    pub tool: Tool,
    /// The terms of the audit.
    pub options: Options,
    /// Captures and notices, by name.
    pub inputs: Vec<Input>,
    /// The claims, sorted by notice, part and item.
    pub claims: Vec<ClaimRow>,
    /// Claims by verdict, or by status where they have none.
    pub summary: BTreeMap<String, u64>,
    /// Claims for which there was no room.
    pub claims_left_out: u64,
    /// Lists that say something of addresses; left out where none was given.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lists: Vec<List>,
}

/// The program.
#[derive(Clone, Debug, Serialize)]
pub struct Tool {
    /// `peerproof`.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
}

/// The terms of the audit, as the user gave them.
#[derive(Clone, Debug, Serialize)]
pub struct Options {
    /// Seconds that a stated time may be off.
    pub tolerance_s: f64,
    /// For times without one.
    pub zone: Option<String>,
    /// `inferred`, `none`, or the addresses and prefixes that the user states.
    pub covers: Vec<String>,
    /// `PUBLIC=INSIDE`, as given.
    pub alias: Vec<String>,
    /// The first list of relays, by name and SHA-256.
    pub relays: Option<Input>,
}

/// A file that was read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Input {
    /// `capture`, `notice`, `torrent`, `mmdb` or `relays`.
    pub kind: &'static str,
    /// As the user named it.
    pub name: String,
    /// Of its bytes as given.
    pub sha256: Option<String>,
}

/// A claim and the answer to it.
#[derive(Clone, Debug, Serialize)]
pub struct ClaimRow {
    /// The number in tables and of letters, from 1.
    pub id: u64,
    /// `judged`, `unusable`, `withdrawn` or `not-a-notice`.
    pub status: &'static str,
    /// Where it stands.
    pub notice: NoticeRow,
    /// The inside address that was looked for in place of the stated one; left out where none stood for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inside: Option<InsideRow>,
    /// The statement of the notice, as values.
    pub claim: ClaimValues,
    /// The answer for the gravest act.
    pub verdict: Option<&'static str>,
    /// Why.
    pub reasons: Vec<ReasonRow>,
    /// Properties of the notice and of the answer.
    pub flags: Vec<FlagRow>,
    /// The answer for each act.
    pub acts: Vec<ActRow>,
    /// The highest rung in the window.
    pub grade: Option<&'static str>,
    /// The standard of proof in the window: `met` or `not-met`; left out where nothing was judged.
    pub standard: Option<&'static str>,
    /// Figures of the address and torrent in the window; left out where nothing was found.
    pub evidence: Option<EvidenceRow>,
    /// Stretches of time in which the captures can have seen the address; left out where nothing was judged.
    pub coverage: Option<CoverageRow>,
    /// The stated time, and what is nearest to it.
    pub time: Option<TimeRow>,
    /// Names, operators, countries and relays of the address, from `lists` and from the captures; left out where there
    /// are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<Host>,
}

/// Where a claim stands.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs)] // As in `Origin`.
pub struct NoticeRow {
    pub input: String,
    pub part: String,
    pub item: u64,
    pub line: Option<u64>,
    pub format: super::claim::Format,
    pub case_id: Option<String>,
    pub by: Option<String>,
    pub agent: Option<String>,
    pub copies: u32,
}

/// The claim model of notices.md, section 1.
#[derive(Clone, Debug, Default, Serialize)]
#[allow(missing_docs)] // As in `Claim`.
pub struct ClaimValues {
    pub who: WhoRow,
    pub when: Option<WhenRow>,
    pub what: Option<WhatRow>,
    pub act: &'static str,
    pub act_basis: Option<super::claim::ActBasis>,
    pub words: String,
    pub found: Option<String>,
    /// Bytes that the notice says were uploaded; left out where it states none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount: Option<u64>,
}

/// An inside address that stood for a stated one.
#[derive(Clone, Debug, Serialize)]
pub struct InsideRow {
    /// The address.
    pub address: String,
    /// The port that was looked for; `null` where none is stated.
    pub port: Option<u16>,
    /// On whose word: `option` (`--alias`) or `notice` (its own mapping).
    pub by: &'static str,
}

/// An address and port.
#[derive(Clone, Debug, Default, Serialize)]
#[allow(missing_docs)] // As in `Who`.
pub struct WhoRow {
    pub address: Option<String>,
    pub port: Option<u16>,
    pub transport: Option<Transport>,
    pub mapped: Option<String>,
}

/// A stated time.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs)] // As in `When`.
pub struct WhenRow {
    pub text: String,
    pub from: Option<String>,
    pub to: Option<String>,
    pub precision: Precision,
    pub zone: ZoneBasis,
    pub readings: usize,
    /// The readings but the first; left out where there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub other_readings: Vec<RangeRow>,
    pub also: Vec<RangeRow>,
}

/// A range of time.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs)] // Two plain fields.
pub struct RangeRow {
    pub from: String,
    pub to: String,
}

/// A work.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs)] // As in `Work`.
pub struct WhatRow {
    pub hashes: Vec<HashRow>,
    pub title: Option<String>,
    pub file: Option<String>,
    pub size: Option<u64>,
}

/// A hash.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs)] // As in `Hash`.
pub struct HashRow {
    pub kind: HashKind,
    pub value: String,
}

/// A reason with its values.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs)] // Two plain fields.
pub struct ReasonRow {
    pub id: &'static str,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub values: BTreeMap<&'static str, String>,
}

/// A flag with its values.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs)] // Two plain fields.
pub struct FlagRow {
    pub id: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<&'static str>,
}

/// The answer for one act.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs)] // As in `Judgement`.
pub struct ActRow {
    pub act: &'static str,
    pub verdict: &'static str,
    pub reasons: Vec<ReasonRow>,
}

/// Figures of an address and torrent in a window.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs)] // As in `Finding`.
pub struct EvidenceRow {
    pub torrent: Option<String>,
    pub subjects: Vec<String>,
    pub ports_seen: Vec<u16>,
    pub served_bytes: u64,
    pub verified_bytes: u64,
    pub sole_bytes: u64,
    pub refuted: bool,
    /// Bytes that differ from the torrent, of the transfers in which the first of them was seen then.
    pub refuted_bytes: u64,
    /// The frames of the first of them.
    pub refuted_frames: Option<Frames>,
    pub received_bytes: u64,
    /// Bytes labelled as pieces that were sent to it, verified or not.
    pub sent_to_bytes: u64,
    pub units: u64,
    pub first_time: Option<String>,
    pub last_time: Option<String>,
    /// The first time of payload in it, which is from `first_time` to `last_time`; `null` where there is none.
    pub payload_first_time: Option<String>,
    /// The last time of payload.
    pub payload_last_time: Option<String>,
    pub frames: Option<Frames>,
    pub piece: Option<u32>,
    pub advertised: Option<Place>,
    pub requested: Option<Place>,
    pub served: Option<Place>,
    /// The first element of the standard of proof that is missing.
    pub missing: Option<&'static str>,
    pub mentions: Vec<MentionRow>,
    pub elsewhere: Option<Box<EvidenceRow>>,
    /// Of the address, at every port and time; left out of `elsewhere`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address_served: Option<AddressServed>,
    /// Bytes that were sent to the address, likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address_received: Option<AddressServed>,
}

/// Bytes of pieces that the address sent, or was sent, in all of the captures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct AddressServed {
    /// Of the torrent of the claim.
    pub this_torrent_bytes: u64,
    /// Of torrents that are others.
    pub other_torrents_bytes: u64,
    /// Of torrents of which nobody can tell: without a handshake, or without a description on either side, as the
    /// info-hashes of a hybrid are two.
    pub unknown_torrent_bytes: u64,
}

/// A time and its frames.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs)] // Plain fields.
pub struct Place {
    /// That of the first frame.
    pub first_time: String,
    /// That of the last frame.
    pub time: String,
    pub frames: Frames,
}

/// Who named the address.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs)] // As in `examined::Mention`.
pub struct MentionRow {
    pub by: String,
    pub via: &'static str,
    pub grade: &'static str,
    pub count: u64,
    pub first_time: String,
    pub last_time: String,
    pub frames: Frames,
}

/// Stretches of time in which the captures can have seen an address.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs)] // As in `verdict::Coverage` and `Examined`.
pub struct CoverageRow {
    pub time: Vec<RangeRow>,
    pub stated_time_covered: bool,
    /// Thousandths of the window, rounded down.
    pub window_share: f64,
    pub address: &'static str,
    pub basis: Option<&'static str>,
    pub packets_from: u64,
    pub packets_to: u64,
    pub others: u64,
    pub drops: Option<u64>,
    pub opaque: u64,
    /// Frames of protocols that are not read, of whomever: `130 frames of ESP`; left out where there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<String>,
    pub bounds: Vec<String>,
}

/// The stated time, the tolerance, and what is nearest.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs)] // notices.md, section 3.
pub struct TimeRow {
    pub from: Option<String>,
    pub to: Option<String>,
    pub tolerance_s: f64,
    pub nearest: Option<String>,
    pub off_s: Option<f64>,
    pub hints: Vec<String>,
}

/// A claim with its judgement, or without one.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The claim as read.
    pub entry: Entry,
    /// The judgement, where the claim could be used.
    pub judged: Option<Judged>,
}

impl Answer {
    /// `judged`, `unusable`, `withdrawn` or `not-a-notice`.
    pub fn status(&self) -> &'static str {
        match &self.entry.content {
            Ok(_) => "judged",
            Err(refused) => match refused.why {
                Refusal::Retraction => "withdrawn",
                Refusal::NotANotice => "not-a-notice",
                _ => "unusable",
            },
        }
    }
}

impl Document {
    /// The document of `answers`, which are sorted.
    pub fn new(
        answers: &[Answer],
        index: &Index<'_>,
        terms: &Terms,
        zone: Option<&str>,
        inputs: Vec<Input>,
        left_out: u64,
    ) -> Self {
        let claims: Vec<ClaimRow> =
            answers.iter().enumerate().map(|(at, answer)| row(at as u64 + 1, answer, index, terms)).collect();
        let mut summary = BTreeMap::new();
        for claim in &claims {
            *summary.entry(claim.verdict.unwrap_or(claim.status).to_owned()).or_default() += 1;
        }
        Self {
            schema: "peerproof/audit/1",
            tool: Tool { name: "peerproof", version: env!("CARGO_PKG_VERSION") },
            options: Options {
                tolerance_s: seconds(terms.tolerance),
                zone: zone.map(str::to_owned),
                covers: match &terms.covers {
                    Covers::Inferred => vec!["inferred".to_owned()],
                    Covers::Nobody => vec!["none".to_owned()],
                    Covers::Stated(prefixes) => prefixes.iter().map(ToString::to_string).collect(),
                },
                alias: terms.aliases.iter().map(ToString::to_string).collect(),
                relays: inputs.iter().find(|input| input.kind == "relays").cloned(),
            },
            inputs,
            claims,
            summary,
            claims_left_out: left_out,
            lists: terms.lists.lists().to_vec(),
        }
    }

    /// The text of `audit.json`: indented, with a newline at the end; what a terminal would act on is escaped.
    ///
    /// # Errors
    /// As [`crate::report::Document::json`].
    pub fn json(&self) -> Result<String, serde_json::Error> {
        crate::report::stable_json(self)
    }
}
