//! A letter a claim, for a reader without training: six parts, none left out, one page (notices.md, section 3).

mod acts;
mod finding;
mod lack;
mod moment;
mod named;
mod render;
mod why;

use std::net::{IpAddr, SocketAddr};

use super::captures::Captures;
use super::document::{ClaimRow, Document, EvidenceRow, WhenRow};
use crate::ends::Frames;
use crate::report::{counted, grouped, quoted, visible};
pub(super) use moment::{beside, place};
pub use render::page;

/// The letter of a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// Title and sentences of each part, in their order.
    parts: Vec<(&'static str, Vec<String>)>,
}

/// The title of the part that is set in bold.
const FINDING: &str = "FINDING";

impl Letter {
    /// The letter of `claim`, a claim of `document` that was judged or not.
    pub fn of(document: &Document, claim: &ClaimRow) -> Self {
        let captures = Captures::of(document);
        let finding = finding::finding(claim, &captures);
        let why = why::why(claim, document, &captures);
        let parts = vec![
            ("THE NOTICE", vec![notice(claim)]),
            ("WHAT WAS EXAMINED", examined(&captures, claim)),
            (FINDING, vec![finding]),
            ("WHY", why.into_iter().take(MOST_REASONS).collect()),
            ("WHAT THIS DOES NOT SHOW", not_shown(claim)),
            ("TO CHECK", check(document, claim, &captures)),
        ];
        Self { parts }
    }
}

fn notice(claim: &ClaimRow) -> String {
    let notice = &claim.notice;
    let mut words = vec![quoted(&notice.input, QUOTED)];
    words.extend((!notice.part.is_empty()).then(|| format!("part {}", visible(&notice.part))));
    words.extend(notice.line.map(|line| format!("line {line}")));
    words.extend(notice.case_id.as_deref().map(|id| format!("number {}", quoted(id, QUOTED))));
    words.extend(notice.by.as_deref().map(|by| format!("on behalf of {}", quoted(by, QUOTED))));
    words.extend(notice.agent.as_deref().map(|agent| format!("sent by {}", quoted(agent, QUOTED))));
    let mut text = words.join(", ");
    let stated = &claim.claim;
    if let Some(address) = &stated.who.address {
        text.push_str(&format!(". It names the address {address}"));
        text.push_str(&stated.who.port.map_or(", no port".to_owned(), |port| format!(", port {port}")));
    }
    if let Some(when) = &stated.when {
        text.push_str(&format!(", at {}", quoted(&when.text, QUOTED)));
        if let Some(from) = &when.from {
            let others = when.other_readings.iter().map(|other| format!(", or {}", instant(&other.from)));
            text.push_str(&format!(" (in UTC: {}{}{})", instant(from), until(when), others.collect::<String>()));
        }
    }
    if let Some(also) = stated.when.as_ref().map(|when| when.also.as_slice()).filter(|also| !also.is_empty()) {
        let shown = also.iter().take(MOST_STRETCHES);
        let times = shown.map(|range| format!("from {} to {}", instant(&range.from), instant(&range.to)));
        let more = also.len().saturating_sub(MOST_STRETCHES);
        let more = if more > 0 { format!(", and {more} more") } else { String::new() };
        text.push_str(&format!("; also {} UTC{more}", times.collect::<Vec<_>>().join(", ")));
    }
    if let Some(what) = &stated.what {
        let name = what.title.as_ref().or(what.file.as_ref());
        text.push_str(&name.map(|name| format!(", for {}", quoted(name, QUOTED))).unwrap_or_default());
        text.push_str(&what.hashes.first().map(|hash| format!(", hash {}", hash.value)).unwrap_or_default());
    }
    if !stated.words.is_empty() {
        text.push_str(&format!("; its words: {}", quoted(&stated.words, QUOTED)));
    } else if let (Some(amount), "uploaded") = (stated.amount.filter(|amount| *amount > 0), stated.act) {
        text.push_str(&format!("; it states {} as uploaded", counted(amount, "byte")));
    }
    text.push_str(match claim.flags.iter().any(|flag| flag.id == "signed") {
        true => ". The signature on the notice was not checked.",
        false => ". No signature was found on the notice, and none is checked.",
    });
    if claim.notice.copies > 1 {
        text.push_str(&format!(" It was sent {} times.", claim.notice.copies));
    }
    text
}

fn examined(captures: &Captures<'_>, claim: &ClaimRow) -> Vec<String> {
    let mut out = Vec::new();
    let listed = captures.listed(MOST_INPUTS, &mentioned(claim));
    for (number, input) in &listed {
        let digest = input.sha256.as_ref().map(|digest| format!(", SHA-256 {digest}")).unwrap_or_default();
        out.push(format!("{number}{}{digest}.", quoted(&input.name, QUOTED)));
    }
    let more = captures.count().saturating_sub(listed.len());
    if more > 0 {
        out.push(format!("And {} more, in audit.json.", counted(more as u64, "capture")));
    }
    let [they, them, held, taken] = match captures.are_several() {
        true => ["They", "them", "They hold", "they are taken"],
        false => ["It", "it", "It holds", "it is taken"],
    };
    let Some(coverage) = &claim.coverage else { return out };
    let stretches = coverage.time.iter().take(MOST_STRETCHES);
    let times: Vec<String> =
        stretches.map(|run| format!("{} to {}", instant(&run.from), instant(&run.to))).collect();
    if !times.is_empty() {
        let more = coverage.time.len().saturating_sub(MOST_STRETCHES);
        let more = if more > 0 { format!(" and {more} further stretches") } else { String::new() };
        out.push(format!("{they} ran from {}{more}, all times UTC.", times.join(", and from ")));
    }
    out.extend(moment::not_running(claim, they));
    out.extend(claim.inside.as_ref().map(|inside| {
        format!(
            "That {} stood for {} is the word of {}: what follows is of packets of {}.",
            looked_for(claim),
            claim.claim.who.address.as_deref().unwrap_or("the stated address"),
            if inside.by == "option" { "the person who ran this audit" } else { "the notice" },
            inside.address
        )
    }));
    let address = looked_at(claim);
    out.push(match (coverage.address, coverage.basis) {
        ("whole", Some("stated")) => format!(
            "{held} {} from {address} and {} to it that could be read: everything that it sent and received then passed here, \
             as the person who ran this audit states.",
            counted(coverage.packets_from, "packet"),
            grouped(coverage.packets_to)
        ),
        ("whole", _) => format!(
            "{address} is one end of every packet in {them}, with {}: {taken} for everything that it sent and received.",
            if coverage.others >= 3 { "three others or more".to_owned() } else { format!("{} others", coverage.others) }
        ),
        ("sessions", _) => format!(
            "{held} {} from {address} and {} to it, and may hold only a part of that address's traffic.",
            counted(coverage.packets_from, "packet"),
            grouped(coverage.packets_to)
        ),
        ("toward", _) => format!("{held} {} to {address} and none from it.", counted(coverage.packets_to, "packet")),
        _ => format!("{held} no packet from {address}."),
    });
    if !coverage.unread.is_empty() {
        let kinds: Vec<&str> = coverage.unread.iter().take(MOST_STRETCHES).map(String::as_str).collect();
        let more = coverage.unread.len().saturating_sub(MOST_STRETCHES);
        let more =
            if more > 0 { format!(" and of {}", counted(more as u64, "other protocol")) } else { String::new() };
        out.push(format!("Not read, and not counted above, whoever sent them: {}{more}.", kinds.join(", ")));
    }
    out.push(match coverage.drops {
        Some(0) => "The capturing program counted no dropped packet.".to_owned(),
        Some(drops) => format!("The capturing program dropped {}.", counted(drops, "packet")),
        None => "Whether packets were dropped is not recorded.".to_owned(),
    });
    if coverage.opaque > 0 {
        out.push(format!("{} of the address could not be read.", counted(coverage.opaque, "conversation")));
    }
    out
}

fn not_shown(claim: &ClaimRow) -> Vec<String> {
    let mut out = vec!["An address is not a person; several people or devices may share it.".to_owned()];
    out.extend(lack::not_shown(claim));
    out.push("This letter speaks only of the packets in the captures named above.".to_owned());
    out
}

fn check(document: &Document, claim: &ClaimRow, captures: &Captures<'_>) -> Vec<String> {
    let names = |kind: &str, option: &str| -> String {
        let inputs = document.inputs.iter().filter(|input| input.kind == kind);
        inputs.take(MOST_INPUTS).map(|input| format!(" {option}{}", quoted_name(&input.name))).collect()
    };
    let mut out = vec![format!(
        "peerproof {}: peerproof audit {}{}{}",
        document.tool.version,
        quoted_name(&claim.notice.input),
        names("capture", "--capture "),
        names("torrent", "-t ")
    )];
    let options = &document.options;
    let mut said = String::new();
    if options.tolerance_s != 30.0 {
        said.push_str(&format!(" --tolerance {}s", options.tolerance_s));
    }
    if let Some(zone) = &options.zone {
        said.push_str(&format!(" --zone {}", quoted_name(zone)));
    }
    for covers in options.covers.iter().filter(|covers| *covers != "inferred") {
        said.push_str(&format!(" --covers {covers}"));
    }
    for alias in &options.alias {
        said.push_str(&format!(" --alias {alias}"));
    }
    if let Some(last) = out.last_mut() {
        last.push_str(&said);
        last.push('.');
    }
    if captures.count() > MOST_INPUTS {
        let more = captures.count() - MOST_INPUTS;
        out.push(format!("It takes {} more, in audit.json.", counted(more as u64, "capture")));
    }
    out.extend(captures.filter(&cited(claim), address(claim)));
    out
}

/// All frames that a letter names.
fn mentioned(claim: &ClaimRow) -> Vec<&Frames> {
    let Some(found) = &claim.evidence else { return Vec::new() };
    let elsewhere = found.elsewhere.as_ref().and_then(|other| other.frames.as_ref());
    let mention = found.mentions.first().map(|mention| &mention.frames);
    cited(claim).into_iter().chain(elsewhere).chain(mention).collect()
}

/// The frames of the claim's own evidence.
fn cited(claim: &ClaimRow) -> Vec<&Frames> {
    let Some(found) = claim.evidence.as_ref().map(|found| moment::place(claim, found)) else { return Vec::new() };
    let is_within = |frames: &Frames| {
        let all = found.frames.as_ref().filter(|all| all.file == frames.file && all.last_file.is_none());
        all.is_some_and(|all| all.first <= frames.first && frames.last <= all.last && frames.last_file.is_none())
    };
    let is_told = claim.flags.iter().any(|flag| flag.id == "refuted-bytes");
    let refuted = found.refuted_frames.as_ref().filter(|frames| is_told && !is_within(frames));
    let places = [&found.advertised, &found.requested, &found.served];
    places.into_iter().flatten().map(|place| &place.frames).chain(&found.frames).chain(refuted).collect()
}

fn in_frames(found: &EvidenceRow, captures: &Captures<'_>) -> String {
    found.frames.as_ref().map(|frames| format!(" ({})", captures.frames(frames))).unwrap_or_default()
}

/// The address of the rows that a claim was held against: an inside one may stand for the stated one.
fn address(claim: &ClaimRow) -> Option<IpAddr> {
    let subject = claim.evidence.as_ref().and_then(|found| found.subjects.first());
    let own = subject.and_then(|subject| subject.parse::<SocketAddr>().ok()).map(|endpoint| endpoint.ip());
    own.or_else(|| claim.claim.who.address.as_deref()?.parse().ok())
}

/// The address whose packets were looked for: the stated one, or the one that stood for it.
fn looked_at(claim: &ClaimRow) -> &str {
    let stated = claim.claim.who.address.as_deref().unwrap_or("the address");
    claim.inside.as_ref().map_or(stated, |inside| inside.address.as_str())
}

/// Its address and port; of a notice without a port, that at which it was seen.
fn name(claim: &ClaimRow) -> String {
    let seen =
        claim.evidence.as_ref().map(|found| moment::place(claim, found).ports_seen.as_slice()).unwrap_or_default();
    let port = claim.inside.as_ref().map_or(claim.claim.who.port, |inside| inside.port);
    match (port, seen) {
        (Some(port), _) => format!("{}, port {port},", looked_at(claim)),
        (None, []) => looked_at(claim).to_owned(),
        (None, seen) => format!("{}, seen at {},", looked_at(claim), in_words("port", seen)),
    }
}

/// [`name`] in the middle of a sentence, without the ports at which it was seen.
fn looked_for(claim: &ClaimRow) -> String {
    let port = claim.inside.as_ref().map_or(claim.claim.who.port, |inside| inside.port);
    port.map_or(looked_at(claim).to_owned(), |port| format!("{}, port {port},", looked_at(claim)))
}

/// `port 6881`, `ports 6881 and 6882`.
fn in_words(noun: &str, numbers: &[u16]) -> String {
    let numbers: Vec<String> = numbers.iter().map(u16::to_string).collect();
    match numbers.split_last() {
        Some((last, [])) => format!("{noun} {last}"),
        Some((last, rest)) => format!("{noun}s {} and {last}", rest.join(", ")),
        None => format!("no {noun}"),
    }
}

/// ` to 04:00`, of a range of times; nothing of a moment.
fn until(when: &WhenRow) -> String {
    match (&when.to, when.text.contains(" to ")) {
        (Some(to), true) => format!(" to {}", instant(to)),
        _ => String::new(),
    }
}

/// `2026-11-21T02:59:59.250000000Z` as `2026-11-21 02:59:59.25`.
fn instant(time: &str) -> String {
    let time = time.trim_end_matches('Z').replacen('T', " ", 1);
    let short = time.trim_end_matches('0');
    if time.contains('.') { short.trim_end_matches('.').to_owned() } else { time }
}

/// Seconds in words.
fn length(seconds: f64) -> String {
    match seconds {
        1.0 => "1 second".to_owned(),
        s if s < 120.0 => format!("{} seconds", (s * 10.0).round() / 10.0),
        s if s < 7_200.0 => format!("{} minutes", (s / 60.0).round()),
        s if s < 172_800.0 => format!("{} hours", (s / 3_600.0).round()),
        s => format!("{} days", (s / 86_400.0).round()),
    }
}

fn quoted_name(name: &str) -> String {
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || "-_./+:".contains(c)) && !name.is_empty();
    if plain { name.to_owned() } else { format!("'{}'", visible(name).replace('\'', "'\\''")) }
}

// Rationale: notices.md, section 3.
const WIDTH: usize = 90;
const LINES: usize = 55;
const MOST_REASONS: usize = 5;
const QUOTED: usize = 80;
// Rationale: a page; audit.json has all.
const MOST_INPUTS: usize = 4;
const MOST_STRETCHES: usize = 3;
