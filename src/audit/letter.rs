//! A letter a claim, for a reader without training: six parts, none left out, one page (notices.md, section 3).

mod lack;
mod moment;
mod named;
mod render;

use std::net::{IpAddr, SocketAddr};

use super::captures::Captures;
use super::document::{ClaimRow, Document, EvidenceRow, is_met};
use crate::ends::Frames;
use crate::report::{counted, grouped, host_sentences, quoted, visible};
pub(super) use moment::beside;
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
        let finding = finding(claim, &captures);
        let why = why(claim, document, &captures);
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
            text.push_str(&format!(" (in UTC: {})", instant(from)));
        }
    }
    if let Some(what) = &stated.what {
        let name = what.title.as_ref().or(what.file.as_ref());
        text.push_str(&name.map(|name| format!(", for {}", quoted(name, QUOTED))).unwrap_or_default());
        text.push_str(&what.hashes.first().map(|hash| format!(", hash {}", hash.value)).unwrap_or_default());
    }
    if !stated.words.is_empty() {
        text.push_str(&format!("; its words: {}", quoted(&stated.words, QUOTED)));
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
    let address = claim.claim.who.address.as_deref().unwrap_or("the address");
    out.push(match (coverage.address, coverage.basis) {
        ("whole", Some("stated")) => format!(
            "{held} {} from {address} and {} to it: everything that it sent and received then, as the person who ran this \
             audit states.",
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

fn finding(claim: &ClaimRow, captures: &Captures<'_>) -> String {
    let first = claim.reasons.first().map_or("", |reason| reason.id);
    let Some(verdict) = claim.verdict else {
        return match claim.status {
            "withdrawn" => "This notice was withdrawn by its sender, and was not examined.".to_owned(),
            "not-a-notice" => "This is no notice of infringement that can be examined.".to_owned(),
            _ => format!("This notice was not examined: {}.", unusable(first, claim.claim.found.as_deref())),
        };
    };
    let shown = shown(claim, captures, verdict, first);
    let seen = matches!(verdict, "supported" | "supported-in-part").then(|| moment::seen(claim)).flatten();
    [Some(shown), seen].into_iter().flatten().collect::<Vec<_>>().join(" ")
}

fn shown(claim: &ClaimRow, captures: &Captures<'_>, verdict: &str, first: &str) -> String {
    let who = name(claim);
    let serves = matches!(claim.claim.act, "uploaded" | "unknown" | "offered");
    match (verdict, first) {
        ("supported", _) if is_met(claim) && serves => met(claim, &who, captures),
        ("supported", _) => match claim.claim.act {
            "uploaded" | "unknown" => {
                format!("The capture supports the notice in that this address sent bytes of the torrent. {}", lack::short(claim))
            }
            "offered" => format!(
                "The capture supports this notice: the address said that it had pieces, and agreed to send. {}",
                lack::short(claim)
            ),
            "joined" => "The capture supports this notice: the address took part in the swarm of this torrent. That shows no \
                         piece sent."
                .to_owned(),
            "named" => "The capture supports this notice: the address was named. Others named it; a list may be wrong or \
                        forged."
                .to_owned(),
            _ => "The capture supports this notice: bytes of the torrent were sent to this address, which acknowledged them."
                .to_owned(),
        },
        ("supported-in-part", reason) => in_part(claim, reason, &who),
        ("contradicted", "session-shows-otherwise") => format!(
            "The capture contradicts this notice. It holds the whole connection that the address had for this torrent at the \
             stated time: {}.",
            session(claim)
        ),
        ("contradicted", _) => "The capture contradicts this notice. It holds everything that the address sent and received \
                                around the stated time, and no connection for this torrent is among it."
            .to_owned(),
        ("not-at-stated-time", _) => {
            let tolerance = claim.time.as_ref().map_or(30.0, |time| time.tolerance_s);
            let off = claim.time.as_ref().and_then(|time| time.off_s).map_or(String::new(), |off| {
                let nearest = claim.time.as_ref().and_then(|time| time.nearest.as_deref()).map(instant).unwrap_or_default();
                format!(" It shows this address in the torrent {} away, at {nearest} UTC.", length(off))
            });
            format!(
                "The capture does not support the notice at the stated time, give or take {}.{off}",
                length(tolerance)
            )
        }
        ("outside-capture", "time-not-covered") => {
            "The capture cannot answer this notice: it did not run at the stated time, and says nothing about it.".to_owned()
        }
        ("outside-capture", "only-named") => {
            let times: u64 = claim.evidence.as_ref().map_or(0, |found| found.mentions.iter().map(|each| each.count).sum());
            format!(
                "The capture cannot answer this notice: it holds no packet of this address. Another address named it{}; a list \
                 may be wrong or forged.",
                if times > 0 { format!(" {}", counted(times, "time")) } else { String::new() }
            )
        }
        ("outside-capture", "behind-translation") => {
            "The capture cannot answer this notice: it holds the traffic of an inside address, and without a port nobody can \
             tell which inside address stood for the stated one."
                .to_owned()
        }
        ("outside-capture", _) => "The capture cannot answer this notice: it holds no packet of this address.".to_owned(),
        (_, reason) => undecided(reason, claim),
    }
}

fn met(claim: &ClaimRow, who: &str, captures: &Captures<'_>) -> String {
    let found = claim.evidence.as_ref();
    let piece = found.and_then(|found| found.piece).map_or("a piece".to_owned(), |piece| format!("piece {piece}"));
    let places = found
        .and_then(|found| Some([found.advertised.as_ref()?, found.requested.as_ref()?, found.served.as_ref()?]));
    let frames = places.map(|[said, asked, sent]| {
        let [said, asked, sent] = [said, asked, sent].map(|place| captures.cite(&place.frames));
        format!(" (frames {said}, {asked}, {sent})")
    });
    format!(
        "The capture supports this notice. {} {who} had said that it had {piece}, was asked for it, and sent all of a unit of \
         it alone; the unit matches its hash{}.",
        moment::stated(claim),
        frames.unwrap_or_default()
    )
}

fn in_part(claim: &ClaimRow, reason: &str, who: &str) -> String {
    let has = |id: &str| claim.reasons.iter().any(|reason| reason.id == id);
    match reason {
        "only-advertised" => format!(
            "{} The capture supports a part of this notice and no more: the address said that it had pieces.",
            lack::sent_none(claim)
        ),
        "only-announced" => {
            "The capture supports a part of this notice. The address announced itself for this torrent; that shows no \
                             connection with a peer."
                .to_owned()
        }
        "only-reachable" => "The capture supports a part of this notice. Something answered at the address; that does not show \
                             that it took part in this torrent."
            .to_owned(),
        "only-metadata" => "The capture supports a part of this notice. The address sent the description of the torrent and no \
                            piece: the description is not the content."
            .to_owned(),
        "only-refuted" => "The capture supports a part of this notice. The address sent bytes labelled as pieces; they differ \
                           from the torrent."
            .to_owned(),
        "unverified" if claim.claim.act == "downloaded" => {
            "The capture supports a part of this notice. Bytes labelled as pieces were sent to the address; \
                                                            nothing shows that it received bytes of the torrent."
                .to_owned()
        }
        "unverified" => "The capture supports a part of this notice. The address sent bytes labelled as pieces; the captures do \
                         not show that they are the torrent's."
            .to_owned(),
        "other-port" => {
            let ports = claim.evidence.as_ref().map(|found| found.ports_seen.clone()).unwrap_or_default();
            let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
            let several = if claim.flags.iter().any(|flag| flag.id == "several-clients") {
                " Not all connections of this address state the same listen port: one program or several may be behind it, \
                 and the notice does not say which one it means."
            } else {
                ""
            };
            format!(
                "The capture supports a part of this notice. It shows this of the address at port {}, and not at the port in \
                 the notice.{several}",
                ports.join(", ")
            )
        }
        "other-protocol" => format!(
            "The capture supports a part of this notice. {who} sent bytes of the torrent as a web server, over HTTP; it was \
             no peer and advertised nothing."
        ),
        "other-time-in-session" => "The capture supports a part of this notice. The connection lasted over the stated time; what \
                                    it shows of the claim was earlier or later in it."
            .to_owned(),
        "other-stated-time" => {
            "The capture supports a part of this notice, at another of the times that it states.".to_owned()
        }
        "return-path-unconfirmed" => "The capture supports a part of this notice. Packets with this address show it, but none of them \
                                      shows that the address received an answer: anybody can send such packets."
            .to_owned(),
        "several-clients" => "The capture supports a part of this notice. Not all connections of this address state the same \
                              listen port: one program or several may be behind it. The notice states no port, so it does not \
                              say which one it means."
            .to_owned(),
        "title-only" if has("title-only") => "The capture supports a part of this notice. The notice names a title and a size and \
                                              no hash. A torrent of this name and size was sent; another work can bear the same \
                                              name."
            .to_owned(),
        _ => "The capture supports a part of this notice.".to_owned(),
    }
}

fn undecided(reason: &str, claim: &ClaimRow) -> String {
    match reason {
        "encrypted" => "The capture cannot answer this notice: connections of this address at that time are encrypted. Nobody can \
                        read from the capture what they were."
            .to_owned(),
        "one-sided" => "The capture cannot answer this notice: only packets in one direction were captured.".to_owned(),
        "gap-in-range" => {
            "The capture cannot answer this notice: parts of the connections of this address at that time are missing from \
                           it."
                .to_owned()
        }
        "truncated-snaplen" => "The capture cannot answer this notice: it kept only the beginning of the packets.".to_owned(),
        "overlap-conflict" => "The capture cannot answer this notice: it holds two versions of what the address sent.".to_owned(),
        "clock-step" => "The capture cannot answer this notice: its clock was set at that time.".to_owned(),
        "bound-reached" => "The capture cannot answer this notice: a bound of this program was reached, so not everything in it \
                            was read."
            .to_owned(),
        "no-zone" => "The notice gives a time without a time zone, so the capture cannot answer it. Read in one zone it may fit; \
                      read otherwise it would not."
            .to_owned(),
        "ambiguous-time" => "The time in the notice has two readings, and the answers for them differ.".to_owned(),
        "no-hash" => "The notice names no hash by which the torrent could be told, so the capture cannot answer it.".to_owned(),
        "hash-kind-ambiguous" => "The hash in the notice may be that of a file, which BitTorrent does not carry, so the capture \
                                  cannot answer it."
            .to_owned(),
        "window-partly-covered" => {
            format!("The capture ran for a part of the stated time only. {}", lack::no_piece(claim))
        }
        "vantage-unknown" => format!(
            "{} {}, so this neither supports nor contradicts the notice.",
            lack::no_piece(claim),
            lack::open(claim)
        ),
        _ => "The capture cannot answer this notice.".to_owned(),
    }
}

fn unusable(reason: &str, found: Option<&str>) -> String {
    let found = found.map(|found| format!(" ({})", quoted(found, QUOTED))).unwrap_or_default();
    let why = match reason {
        "no-address" => "it states no address",
        "no-time" => "it states no time",
        "bad-address" => "its address is none of one host",
        "bad-port" => "its port does not exist",
        "bad-hash" => "its hash is none",
        "impossible-time" => "its time does not exist or cannot be read",
        "xml-doctype" => "it has a DOCTYPE, and nothing of it was read",
        "too-large" => "it is longer than a notice may be",
        "packed" => "it is packed; unpack it first",
        "duplicate-key" => "it states one field twice",
        "bad-row" => "a row does not fit its header",
        "no-fields" => {
            "no field of a notice was found in it. It takes an address, a port, a time with its zone and a hash, each under its \
             name, as in a line `IP Address: 192.0.2.1` or a column `ip`; a sentence is not searched for them"
        }
        _ => "it cannot be read",
    };
    format!("{why}{found}")
}

fn session(claim: &ClaimRow) -> &'static str {
    match claim.grade {
        Some("G3m") => "it sent the description of the torrent and no piece",
        _ => "it sent no piece in it",
    }
}

fn why(claim: &ClaimRow, document: &Document, captures: &Captures<'_>) -> Vec<String> {
    let mut out = Vec::new();
    let Some(found) = &claim.evidence else {
        out.push("Nothing in it was compared with the capture.".to_owned());
        return out;
    };
    let place = moment::place(claim, found);
    if place.verified_bytes > 0 {
        out.push(format!(
            "{} that it sent are the torrent's by hash, {} of them in units from it alone{}.",
            counted(place.verified_bytes, "byte"),
            if place.sole_bytes == 0 { "none".to_owned() } else { grouped(place.sole_bytes) },
            in_frames(place, captures)
        ));
    } else if place.served_bytes > 0 {
        out.push(format!(
            "{} labelled as pieces were sent from it{}.",
            counted(place.served_bytes, "byte"),
            in_frames(place, captures)
        ));
    } else if place.received_bytes > 0 {
        out.push(format!("{} of the torrent were sent to it.", counted(place.received_bytes, "byte")));
    } else if let (Some(frames), Some(grade)) = (&place.frames, claim.grade) {
        out.push(format!("The highest rung that it reached is {grade} ({}).", captures.frames(frames)));
    }
    if claim.flags.iter().any(|flag| flag.id == "refuted-bytes") {
        out.push(
            "Blocks that it sent differ from the torrent. A disk error or a damaged capture does the same; it shows no intent."
                .to_owned(),
        );
    }
    let has = |id: &str| claim.reasons.iter().any(|reason| reason.id == id);
    if has("whole-session-without-piece") {
        out.push(
            "A whole connection of it for this torrent is in the capture, without a piece from it.".to_owned(),
        );
    }
    if has("torrent-not-given") {
        out.push(
            "The description of the torrent is not known: with it (-t FILE) the bytes could be verified."
                .to_owned(),
        );
    }
    if let Some(mention) = found.mentions.first() {
        out.push(format!(
            "{} by {}, {} ({}): that is hearsay.",
            named::who(mention, claim.claim.who.address.as_deref()),
            mention.via,
            counted(mention.count, "time"),
            captures.frames(&mention.frames)
        ));
    }
    if let Some(time) = claim.time.as_ref().filter(|time| !time.hints.is_empty()) {
        let hints: Vec<String> = time
            .hints
            .iter()
            .take(3)
            .map(|hint| match hint.as_str() {
                "12-hour" => "were of a 12-hour clock".to_owned(),
                "day-month" => "had day and month exchanged".to_owned(),
                offset => format!("were local time at {offset}"),
            })
            .collect();
        out.push(format!(
            "It would fit if the time {}. That is a possibility and no finding: about one stray time in fifteen fits some \
             offset.",
            hints.join(", or ")
        ));
    }
    for flag in &claim.flags {
        let sentence = match flag.id {
            "copies-differ" => format!("Copies of the notice differ in: {}.", flag.fields.join(", ")),
            "amount-differs" => "The notice states another number of bytes than the capture holds.".to_owned(),
            "zone-assumed" => format!(
                "The notice states no zone; {} was assumed.",
                visible(document.options.zone.as_deref().unwrap_or("one"))
            ),
            "several-clients" if !has("several-clients") && !has("other-port") => {
                "Not all connections of this address state the same listen port: one program or several may be behind it."
                    .to_owned()
            }
            "return-path-unconfirmed" if claim.reasons.first().is_some_and(|first| first.id != "return-path-unconfirmed") => {
                "None of the packets that show it tells that the address received an answer: anybody can send such packets."
                    .to_owned()
            }
            "carrier-nat" => {
                "The address is one that many lines share: without a port nobody can be found.".to_owned()
            }
            "alias" => {
                "That an inside address stood for the stated one is the word of the person who ran this audit."
                    .to_owned()
            }
            _ => continue,
        };
        out.push(sentence);
    }
    if let Some(host) = &claim.host {
        out.extend(host_sentences(host, &document.lists));
    }
    if out.is_empty() {
        let unread = claim.reasons.iter().any(|reason| UNREAD.contains(&reason.id));
        out.push(if unread {
            "No connection of this address at that time is shown to be of this torrent; one that could not be read whole may be."
                .to_owned()
        } else {
            "Nothing of this address and torrent is in the capture at that time.".to_owned()
        });
    }
    out
}

/// Reasons for which what is there was not read whole (notices.md, section 2.4, row 6).
const UNREAD: [&str; 6] =
    ["encrypted", "one-sided", "gap-in-range", "truncated-snaplen", "overlap-conflict", "bound-reached"];

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
    let Some(found) = &claim.evidence else { return Vec::new() };
    let places = [&found.advertised, &found.requested, &found.served];
    places.into_iter().flatten().map(|place| &place.frames).chain(&found.frames).collect()
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

fn name(claim: &ClaimRow) -> String {
    let address = claim.claim.who.address.as_deref().unwrap_or("the address");
    claim.claim.who.port.map_or(address.to_owned(), |port| format!("{address}, port {port},"))
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
