//! From judged claims to the rows of the document.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::{
    ActRow, AddressServed, Answer, ClaimRow, ClaimValues, CoverageRow, EvidenceRow, FlagRow, HashRow, InsideRow,
    MentionRow, NoticeRow, Place, RangeRow, ReasonRow, TimeRow, WhatRow, WhenRow, WhoRow,
};
use crate::audit::claim::{Claim, NoticeFlag, Who, Window};
use crate::audit::decide::Judged;
use crate::audit::examined::{Index, Transfer};
use crate::audit::terms::Terms;
use crate::audit::verdict::{Coverage, Finding, Judgement, Lack, Reason, Standard, Vantage};
use crate::ends::Endpoint;
use crate::ends::{Frames, Span, Timestamp};
use crate::limits::CLAIM_MENTIONS;
use crate::report::{counted, hex};

pub(super) fn row(id: u64, answer: &Answer, index: &Index<'_>, terms: &Terms) -> ClaimRow {
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
            let id = match flag {
                NoticeFlag::Signed => "signed",
                NoticeFlag::GuessedEncoding => "guessed-encoding",
                NoticeFlag::CopiesDiffer => "copies-differ",
                NoticeFlag::ZoneAssumed => "zone-assumed",
                NoticeFlag::ZoneAmbiguous => "zone-ambiguous",
            };
            FlagRow {
                id,
                fields: if *flag == NoticeFlag::CopiesDiffer { entry.differing.clone() } else { Vec::new() },
            }
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
        inside: None,
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
        host: None,
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
        inside: judged.inside.map(|(address, port, is_stated)| InsideRow {
            address: address.to_string(),
            port,
            by: if is_stated { "option" } else { "notice" },
        }),
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
        evidence: Some(evidence(first, judged, index)),
        coverage: Some(coverage(&judged.coverage, index)),
        time: Some(time(stated, first, terms)),
        host: terms.lists.with_names(stated.who.address, index.names(stated.who.address).to_vec()),
    }
}

fn reasons(judged: &Judgement) -> Vec<ReasonRow> {
    let row = |reason: &Reason| {
        let mut values = BTreeMap::new();
        if let Some((_, off)) = judged.nearest.filter(|_| matches!(reason, Reason::OtherTimeInSession)) {
            values.insert("off_s", format!("{:.3}", seconds(off)));
        }
        ReasonRow { id: reason.id(), values }
    };
    judged.reasons.iter().map(row).collect()
}

fn who(who: Who) -> WhoRow {
    WhoRow {
        address: Some(who.address.to_string()),
        port: who.port,
        transport: who.transport,
        mapped: who.mapped.map(|(address, port)| match port {
            Some(port) => Endpoint { ip: address, port }.to_string(),
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
            other_readings: claim.when.readings.iter().skip(1).copied().map(range).collect(),
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
        amount: claim.amount,
    }
}

fn evidence(first: &Judgement, judged: &Judged, index: &Index<'_>) -> EvidenceRow {
    let torrent = judged.torrents.first().and_then(|at| index.examined.torrents.get(*at));
    let hash =
        torrent.and_then(|torrent| torrent.hashes.iter().min_by_key(|hash| hash.len())).map(|hash| hex(hash));
    let mut row = found(&first.within);
    row.torrent = hash;
    row.elsewhere = Some(Box::new(found(&first.elsewhere)));
    row.missing = first.within.lack().filter(|_| first.standard == Standard::NotMet).map(Lack::name);
    row.address_served = Some(address_moved(judged, index, |transfer| transfer.uploader.ip));
    row.address_received = Some(address_moved(judged, index, |transfer| transfer.downloader.ip));
    let rows = index.rows(judged.coverage.address);
    row.mentions = rows
        .into_iter()
        .flat_map(|rows| &rows.mentions)
        .filter(|mention| mention.torrent.is_some_and(|torrent| judged.torrents.contains(&torrent)))
        .take(CLAIM_MENTIONS)
        .map(|mention| MentionRow {
            by: mention.by.to_string(),
            via: mention.via,
            grade: mention.grade,
            count: mention.count,
            first_time: at(mention.window.from),
            last_time: at(mention.window.to),
            frames: mention.frames,
        })
        .collect();
    row
}

/// Bytes of pieces of the transfers that have the address at the end that `end` gives.
fn address_moved(judged: &Judged, index: &Index<'_>, end: fn(&Transfer) -> IpAddr) -> AddressServed {
    let address = judged.coverage.address;
    let is_known = |torrent: &usize| index.examined.torrents.get(*torrent).is_some_and(|known| known.has_metadata);
    let is_described = judged.torrents.iter().any(is_known);
    let mut sums = AddressServed::default();
    let rows = index.rows(address).into_iter().flat_map(|rows| &rows.transfers);
    for transfer in rows.filter(|transfer| end(transfer) == address) {
        let sum = match transfer.torrent {
            Some(torrent) if judged.torrents.contains(&torrent) => &mut sums.this_torrent_bytes,
            Some(torrent) if is_described || is_known(&torrent) => &mut sums.other_torrents_bytes,
            _ => &mut sums.unknown_torrent_bytes,
        };
        *sum += transfer.served.iter().map(|(_, bytes)| bytes).sum::<u64>();
    }
    sums
}

fn found(found: &Finding) -> EvidenceRow {
    let place =
        |span: Span| Place { first_time: at(span.first.time.0), time: at(span.last.time.0), frames: span.into() };
    EvidenceRow {
        torrent: None,
        subjects: found.endpoints.iter().map(ToString::to_string).collect(),
        ports_seen: found.ports.clone(),
        served_bytes: found.served,
        verified_bytes: found.verified.0,
        sole_bytes: found.sole,
        refuted: found.refuted,
        refuted_bytes: found.refuted_bytes.0,
        refuted_frames: found.refuted_bytes.1.map(Frames::from),
        received_bytes: found.received,
        sent_to_bytes: found.sent_to,
        units: found.verified.1,
        first_time: found.window.map(|window| at(window.from)),
        last_time: found.window.map(|window| at(window.to)),
        payload_first_time: found.act.map(|window| at(window.from)),
        payload_last_time: found.act.map(|window| at(window.to)),
        frames: found.frames.map(Frames::from),
        piece: found.standard.map(|(piece, _)| piece),
        advertised: found.standard.map(|(_, [advertised, ..])| place(advertised)),
        requested: found.standard.map(|(_, [_, requested, _])| place(requested)),
        served: found.standard.map(|(_, [.., served])| place(served)),
        missing: None,
        mentions: Vec::new(),
        elsewhere: None,
        address_served: None,
        address_received: None,
    }
}

fn coverage(coverage: &Coverage, index: &Index<'_>) -> CoverageRow {
    let (examined, rows) = (index.examined, index.rows(coverage.address));
    let host = rows.and_then(|rows| rows.host);
    let packets = |seen: Option<(u64, Window)>| seen.map_or(0, |(packets, _)| packets);
    CoverageRow {
        time: examined.stretches.iter().map(|run| RangeRow { from: at(run.from), to: at(run.to) }).collect(),
        stated_time_covered: coverage.stated_time,
        window_share: f64::from(coverage.window_share) / 1_000.0,
        address: coverage.vantage.name(),
        basis: (coverage.vantage == Vantage::Whole).then_some(if coverage.is_stated {
            "stated"
        } else {
            "inferred"
        }),
        packets_from: host.map_or(0, |host| packets(host.from)),
        packets_to: host.map_or(0, |host| packets(host.to)),
        others: host.map_or(0, |host| host.others),
        drops: examined.drops,
        opaque: rows.map_or(0, |rows| rows.unread.iter().filter(|unread| unread.encrypted).count() as u64),
        unread: examined
            .unread_frames
            .iter()
            .map(|(frames, what)| format!("{} of {what}", counted(*frames, "frame")))
            .collect(),
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
fn at(time: i64) -> String {
    Timestamp(time).to_string()
}

pub(in crate::audit) fn seconds(nanos: i64) -> f64 {
    (nanos / 1_000_000) as f64 / 1_000.0
}

/// Returns true for an answer that says that the standard is met.
pub(in crate::audit) fn is_met(row: &ClaimRow) -> bool {
    row.standard == Some(Standard::Met.name())
}
