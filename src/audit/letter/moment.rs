//! When what supports a claim was seen, beside the time that the notice states.

use super::{instant, length};
use crate::audit::document::{ClaimRow, EvidenceRow, RangeRow, TimeRow};

/// Of the evidence of a claim, that which supports it: in the window of the stated time, or elsewhere.
pub(in crate::audit) fn place<'a>(claim: &ClaimRow, found: &'a EvidenceRow) -> &'a EvidenceRow {
    let is_other = |id: &str| matches!(id, "other-time-in-session" | "other-stated-time");
    let elsewhere = found.elsewhere.as_deref().filter(|_| claim.reasons.iter().any(|reason| is_other(reason.id)));
    elsewhere.unwrap_or(found)
}

/// `At the stated time`, or how far from it that may be: of the unit that meets the standard.
pub(super) fn stated(claim: &ClaimRow) -> String {
    let served = claim.evidence.as_ref().and_then(|found| found.served.as_ref());
    match served.and_then(|served| off(claim, &served.time, &served.time)) {
        Some(Off::None) => "At the stated time".to_owned(),
        _ => format!("Within {} of the stated time", length(tolerance(claim))),
    }
}

/// From when to when what supports the claim was seen, and how far from the stated time.
pub(super) fn seen(claim: &ClaimRow) -> Option<String> {
    let (first, last) = times(claim)?;
    let off = beside(claim).map(|off| format!(", {off}")).unwrap_or_default();
    let give = match tolerance(claim) {
        0.0 => String::new(),
        tolerance => format!(" A stated time counts give or take {}.", length(tolerance)),
    };
    Some(format!("What shows it was seen from {} to {} UTC{off}.{give}", instant(&first), instant(&last)))
}

/// `28 seconds before the stated time`, where what supports a claim lies apart from it.
pub(in crate::audit) fn beside(claim: &ClaimRow) -> Option<String> {
    let (first, last) = payload(claim).or_else(|| times(claim))?;
    match off(claim, &first, &last)? {
        Off::None => None,
        Off::Before(seconds) => Some(format!("{} before the stated time", apart(seconds))),
        Off::After(seconds) => Some(format!("{} after the stated time", apart(seconds))),
    }
}

/// That the captures did not run over the stated time.
pub(super) fn not_running(claim: &ClaimRow, they: &str) -> Option<String> {
    let (coverage, time) = (claim.coverage.as_ref()?, claim.time.as_ref()?);
    let (from, to) = (time.from.as_deref()?, time.to.as_deref()?);
    outside(coverage.time.first()?, coverage.time.last()?, from, to, they).or_else(|| {
        (!coverage.stated_time_covered).then(|| format!("{they} did not run over all of the stated time."))
    })
}

fn outside(first: &RangeRow, last: &RangeRow, from: &str, to: &str, they: &str) -> Option<String> {
    // All are RFC 3339 in UTC and of one length, so they sort as texts.
    if last.to.as_str() < from {
        return Some(format!("{they} had ended before the stated time."));
    }
    (to <= first.from.as_str()).then(|| format!("{they} began after the stated time."))
}

enum Off {
    None,
    Before(f64),
    After(f64),
}

/// How far from the stated time something of `first` to `last` was.
fn off(claim: &ClaimRow, first: &str, last: &str) -> Option<Off> {
    let time = claim.time.as_ref()?;
    let (from, to) = (nanos(time.from.as_deref()?)?, nanos(time.to.as_deref()?)?);
    let (first, last) = (nanos(first)?, nanos(last)?);
    let seconds = |nanos: i128| (nanos / 1_000_000) as f64 / 1_000.0;
    Some(match (last < from, first >= to) {
        (true, _) => Off::Before(seconds(from - last)),
        (_, true) => Off::After(seconds(first - to)),
        _ => Off::None,
    })
}

fn apart(seconds: f64) -> String {
    if seconds < 0.1 { "less than 0.1 seconds".to_owned() } else { length(seconds) }
}

fn nanos(time: &str) -> Option<i128> {
    time.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_nanosecond)
}

/// Returns true if the stated time is no longer than an hour.
pub(super) fn is_moment(time: &TimeRow) -> bool {
    let ends = time.from.as_deref().and_then(nanos).zip(time.to.as_deref().and_then(nanos));
    ends.is_some_and(|(from, to)| to - from <= AN_HOUR)
}

/// The first and the last time of the payload that supports a claim of sending or receiving: what was said and asked before
/// is not the act.
fn payload(claim: &ClaimRow) -> Option<(String, String)> {
    let own = place(claim, claim.evidence.as_ref()?);
    if !matches!(claim.claim.act, "uploaded" | "unknown" | "downloaded") {
        return None;
    }
    match &own.served {
        Some(sent) => Some((sent.first_time.clone(), sent.time.clone())),
        None => Some((own.payload_first_time.clone()?, own.payload_last_time.clone()?)),
    }
}

/// The first and the last time of what supports the claim.
fn times(claim: &ClaimRow) -> Option<(String, String)> {
    let found = claim.evidence.as_ref()?;
    match claim.claim.act {
        "named" => {
            let first = found.mentions.iter().map(|mention| &mention.first_time).min()?;
            let last = found.mentions.iter().map(|mention| &mention.last_time).max()?;
            Some((first.clone(), last.clone()))
        }
        _ => {
            let own = place(claim, found);
            // Of a unit that meets the standard its own times, not those of other connections then.
            if let (Some(said), Some(asked), Some(sent)) = (&own.advertised, &own.requested, &own.served) {
                let first = said.time.as_str().min(asked.time.as_str());
                return Some((first.to_owned(), sent.time.clone()));
            }
            Some((own.first_time.clone()?, own.last_time.clone()?))
        }
    }
}

fn tolerance(claim: &ClaimRow) -> f64 {
    claim.time.as_ref().map_or(0.0, |time| time.tolerance_s)
}

// Rationale: of a range that is longer, far more than one in fifteen fits some offset.
const AN_HOUR: i128 = 3_600_000_000_000;
