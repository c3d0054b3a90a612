//! The answers as data: `peerproof/audit/1`. Values, no sentences.

use std::collections::BTreeMap;

use serde::Serialize;

use super::claim::{Claim, Entry, HashKind, Precision, Refusal, Transport, Window, ZoneBasis};
use super::decide::Judged;
use super::examined::Examined;
use super::terms::{Covers, Terms};
use super::verdict::{Coverage, Found, Judgement, Standard};
use crate::provenance::{Span, Timestamp};
use crate::report::{hex, rfc3339};

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
    /// The list of relays, by name and SHA-256.
    pub relays: Option<Input>,
}

/// A file that was read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Input {
    /// `capture`, `notice`, `torrent` or `relays`.
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
    /// What it says.
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
    /// Whether the standard of proof is met in the window.
    pub standard: Option<&'static str>,
    /// What was found.
    pub evidence: Option<EvidenceRow>,
    /// What the captures can have seen.
    pub coverage: Option<CoverageRow>,
    /// The stated time, and what is nearest to it.
    pub time: Option<TimeRow>,
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

/// What was found of an address and torrent.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs)] // As in `Found`.
pub struct EvidenceRow {
    pub torrent: Option<String>,
    pub subjects: Vec<String>,
    pub ports_seen: Vec<u16>,
    pub served_bytes: u64,
    pub verified_bytes: u64,
    pub sole_bytes: u64,
    pub refuted: bool,
    pub received_bytes: u64,
    pub units: u64,
    pub first_time: Option<String>,
    pub last_time: Option<String>,
    pub frames: Option<Frames>,
    pub piece: Option<u32>,
    pub advertised: Option<Place>,
    pub requested: Option<Place>,
    pub served: Option<Place>,
    pub mentions: Vec<MentionRow>,
    pub elsewhere: Option<Box<EvidenceRow>>,
}

/// A time and its frames.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs)] // Two plain fields.
pub struct Place {
    pub time: String,
    pub frames: Frames,
}

/// Frames of an input, as in report.json.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[allow(missing_docs)] // As in `report::Frames`.
pub struct Frames {
    pub file: u16,
    pub first: u64,
    pub last: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_file: Option<u16>,
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

/// What the captures can have seen.
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
        examined: &Examined,
        terms: &Terms,
        zone: Option<&str>,
        inputs: Vec<Input>,
        left_out: u64,
    ) -> Self {
        let claims: Vec<ClaimRow> = answers
            .iter()
            .enumerate()
            .map(|(index, answer)| row(index as u64 + 1, answer, examined, terms))
            .collect();
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

fn row(id: u64, answer: &Answer, examined: &Examined, terms: &Terms) -> ClaimRow {
    let entry = &answer.entry;
    let origin = &entry.origin;
    let notice = NoticeRow {
        input: origin.input.clone(),
        part: origin.part.iter().map(u32::to_string).collect::<Vec<_>>().join("."),
        item: origin.item,
        line: origin.line,
        format: origin.format,
        case_id: origin.case_id.clone(),
        by: origin.by.clone(),
        agent: origin.agent.clone(),
        copies: entry.copies,
    };
    let mut flags: Vec<FlagRow> = entry
        .flags
        .iter()
        .map(|flag| {
            use super::claim::NoticeFlag as N;
            let id = match flag {
                N::GuessedEncoding => "guessed-encoding",
                N::CopiesDiffer => "copies-differ",
                N::ZoneAssumed => "zone-assumed",
                N::ZoneAmbiguous => "zone-ambiguous",
            };
            FlagRow { id, fields: if *flag == N::CopiesDiffer { entry.differing.clone() } else { Vec::new() } }
        })
        .collect();
    let claim = match &entry.content {
        Ok(claim) => values(claim),
        Err(refused) => ClaimValues {
            who: refused.who.map(who).unwrap_or_default(),
            act: "unknown",
            found: Some(refused.found.clone()).filter(|found| !found.is_empty()),
            ..ClaimValues::default()
        },
    };
    let blank = |reasons| ClaimRow {
        id,
        status: answer.status(),
        notice: notice.clone(),
        claim: claim.clone(),
        verdict: None,
        reasons,
        flags: flags.clone(),
        acts: Vec::new(),
        grade: None,
        standard: None,
        evidence: None,
        coverage: None,
        time: None,
    };
    let (Ok(stated), Some(judged)) = (&entry.content, &answer.judged) else {
        let why = entry.content.as_ref().err().map(|refused| refused.why.id());
        return blank(why.into_iter().map(|id| ReasonRow { id, values: BTreeMap::new() }).collect());
    };
    let Some(first) = judged.claim() else { return blank(Vec::new()) };
    flags.extend(judged.flags.iter().map(|flag| FlagRow { id: flag.name(), fields: Vec::new() }));
    flags.sort_by_key(|flag| flag.id);
    ClaimRow {
        id,
        status: answer.status(),
        notice,
        claim,
        verdict: Some(first.verdict.name()),
        reasons: reasons(first),
        flags,
        acts: judged
            .acts
            .iter()
            .map(|each| ActRow { act: each.act.name(), verdict: each.verdict.name(), reasons: reasons(each) })
            .collect(),
        grade: Some(first.grade.name()),
        standard: Some(first.standard.name()),
        evidence: Some(evidence(first, judged, examined)),
        coverage: Some(coverage(&judged.coverage, examined)),
        time: Some(time(stated, first, terms)),
    }
}

fn reasons(judged: &Judgement) -> Vec<ReasonRow> {
    let row = |reason: &super::verdict::Reason| {
        let mut values = BTreeMap::new();
        if let Some((_, off)) =
            judged.nearest.filter(|_| matches!(reason, super::verdict::Reason::OtherTimeInSession))
        {
            values.insert("off_s", format!("{:.3}", seconds(off)));
        }
        ReasonRow { id: reason.id(), values }
    };
    judged.reasons.iter().map(row).collect()
}

fn who(who: super::claim::Who) -> WhoRow {
    WhoRow {
        address: Some(who.address.to_string()),
        port: who.port,
        transport: who.transport,
        mapped: who.mapped.map(|(address, port)| match port {
            Some(port) => crate::packet::Endpoint { ip: address, port }.to_string(),
            None => address.to_string(),
        }),
    }
}

fn values(claim: &Claim) -> ClaimValues {
    let range = |window: Window| RangeRow { from: at(window.from), to: at(window.to) };
    let first = claim.when.readings.first();
    ClaimValues {
        who: who(claim.who),
        when: Some(WhenRow {
            text: claim.when.text.clone(),
            from: first.map(|window| at(window.from)),
            to: first.map(|window| at(window.to)),
            precision: claim.when.precision,
            zone: claim.when.zone,
            readings: claim.when.readings.len(),
            also: claim.also.iter().flat_map(|when| when.readings.iter().copied()).map(range).collect(),
        }),
        what: Some(WhatRow {
            hashes: claim
                .what
                .hashes
                .iter()
                .map(|hash| HashRow { kind: hash.kind, value: hex(&hash.value) })
                .collect(),
            title: claim.what.title.clone(),
            file: claim.what.file.clone(),
            size: claim.what.size,
        }),
        act: claim.acts.first().map_or("unknown", |act| act.name()),
        act_basis: Some(claim.act_basis),
        words: claim.words.clone(),
        found: None,
    }
}

fn evidence(first: &Judgement, judged: &Judged, examined: &Examined) -> EvidenceRow {
    let torrent = judged.torrents.first().and_then(|index| examined.torrents.get(*index));
    let hash =
        torrent.and_then(|torrent| torrent.hashes.iter().min_by_key(|hash| hash.len())).map(|hash| hex(hash));
    let mut row = found(&first.within);
    row.torrent = hash;
    row.elsewhere = Some(Box::new(found(&first.elsewhere)));
    let address = judged.coverage.address;
    row.mentions = examined
        .mentions
        .iter()
        .filter(|mention| {
            mention.subject.ip == address
                && mention.torrent.is_some_and(|torrent| judged.torrents.contains(&torrent))
        })
        .take(MOST_MENTIONS)
        .map(|mention| MentionRow {
            by: mention.by.to_string(),
            via: mention.via,
            grade: mention.grade,
            count: mention.count,
            first_time: at(mention.window.from),
            last_time: at(mention.window.to),
            frames: frames(mention.span),
        })
        .collect();
    row
}

fn found(found: &Found) -> EvidenceRow {
    let place = |span: Span| Place { time: at(span.last.time.0), frames: frames(span) };
    EvidenceRow {
        torrent: None,
        subjects: found.endpoints.iter().map(ToString::to_string).collect(),
        ports_seen: found.ports.clone(),
        served_bytes: found.served,
        verified_bytes: found.verified.0,
        sole_bytes: found.sole,
        refuted: found.refuted,
        received_bytes: found.received,
        units: found.verified.1,
        first_time: found.window.map(|window| at(window.from)),
        last_time: found.window.map(|window| at(window.to)),
        frames: found.frames.map(frames),
        piece: found.standard.map(|(piece, _)| piece),
        advertised: found.standard.map(|(_, [advertised, ..])| place(advertised)),
        requested: found.standard.map(|(_, [_, requested, _])| place(requested)),
        served: found.standard.map(|(_, [.., served])| place(served)),
        mentions: Vec::new(),
        elsewhere: None,
    }
}

pub(super) fn frames(span: Span) -> Frames {
    let (first, last) = (span.first.frame, span.last.frame);
    Frames {
        file: first.file(),
        first: first.number(),
        last: last.number(),
        last_file: (last.file() != first.file()).then(|| last.file()),
    }
}

fn coverage(coverage: &Coverage, examined: &Examined) -> CoverageRow {
    let hosts = &examined.hosts;
    let host = hosts.binary_search_by_key(&coverage.address, |host| host.address).ok().and_then(|at| hosts.get(at));
    let packets = |seen: Option<(u64, Window)>| seen.map_or(0, |(packets, _)| packets);
    let own = |unread: &&super::examined::Unread| {
        unread.encrypted && [unread.a.ip, unread.b.ip].contains(&coverage.address)
    };
    CoverageRow {
        time: examined.stretches.iter().map(|run| RangeRow { from: at(run.from), to: at(run.to) }).collect(),
        stated_time_covered: coverage.stated_time,
        window_share: f64::from(coverage.window_share) / 1_000.0,
        address: coverage.vantage.name(),
        basis: (coverage.vantage == super::verdict::Vantage::Whole).then_some(if coverage.is_stated {
            "stated"
        } else {
            "inferred"
        }),
        packets_from: host.map_or(0, |host| packets(host.from)),
        packets_to: host.map_or(0, |host| packets(host.to)),
        others: host.map_or(0, |host| host.others),
        drops: examined.drops,
        opaque: examined.unread.iter().filter(own).count() as u64,
        bounds: examined.bounds.clone(),
    }
}

fn time(claim: &Claim, judged: &Judgement, terms: &Terms) -> TimeRow {
    let first = claim.when.readings.first();
    TimeRow {
        from: first.map(|window| at(window.from)),
        to: first.map(|window| at(window.to)),
        tolerance_s: seconds(terms.tolerance),
        nearest: judged.nearest.map(|(time, _)| at(time)),
        off_s: judged.nearest.map(|(_, off)| seconds(off)),
        hints: judged.hints.iter().map(ToString::to_string).collect(),
    }
}

/// Nanoseconds since 1970 as RFC 3339.
pub(super) fn at(time: i64) -> String {
    rfc3339(Timestamp(time))
}

pub(super) fn seconds(nanos: i64) -> f64 {
    (nanos / 1_000_000) as f64 / 1_000.0
}

/// Whether an answer says that the standard is met.
pub(super) fn is_met(row: &ClaimRow) -> bool {
    row.standard == Some(Standard::Met.name())
}

// Rationale: one address on many lists; the count of the others is in report.json.
const MOST_MENTIONS: usize = 100;
