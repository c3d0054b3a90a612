//! The finding of a letter: one sentence for a verdict and its first reason, by the act that the notice claims.

use super::{QUOTED, acts, instant, lack, length, moment, name};
use crate::audit::captures::Captures;
use crate::audit::document::{ClaimRow, is_met};
use crate::report::{counted, quoted};

pub(super) fn finding(claim: &ClaimRow, captures: &Captures<'_>) -> String {
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
    let tolerance = claim.time.as_ref().map_or(30.0, |time| time.tolerance_s);
    match (verdict, first) {
        ("supported", _) if is_met(claim) && serves => met(claim, &who, captures),
        ("supported", _) => match claim.claim.act {
            "uploaded" | "unknown" => {
                format!("The capture supports the notice in that this address sent bytes of the torrent. {}", lack::short(claim))
            }
            "offered" => format!("The capture supports this notice: {}. {}", offer(claim), lack::short(claim)),
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
        ("contradicted", _) => format!(
            "The capture contradicts this notice. It holds everything that {} sent and received around the stated time, give \
             or take {}, and no connection for this torrent is among it.",
            super::looked_at(claim),
            length(tolerance)
        ),
        ("not-at-stated-time", _) => {
            let off = claim.time.as_ref().and_then(|time| time.off_s).map_or(String::new(), |off| {
                let nearest = claim.time.as_ref().and_then(|time| time.nearest.as_deref()).map(instant).unwrap_or_default();
                let what = if acts::of(claim).receives { "pieces sent to this address" } else { "this address in the torrent" };
                match off {
                    0.0 => format!(" It shows {what} then as well, at {nearest} UTC, and not what the notice states of it."),
                    off => format!(" It shows {what} {} away, at {nearest} UTC.", length(off)),
                }
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
         it, alone; the unit matches its hash{}.",
        moment::stated(claim),
        frames.unwrap_or_default()
    )
}

fn in_part(claim: &ClaimRow, reason: &str, who: &str) -> String {
    let has = |id: &str| claim.reasons.iter().any(|reason| reason.id == id);
    let words = acts::of(claim);
    // What was at another port was not at that of the notice.
    let who = if has("other-port") { super::looked_at(claim) } else { who };
    let text = match reason {
        "only-advertised" => format!(
            "{} The capture supports a part of this notice and no more: the address said that it had pieces.",
            acts::sent_none(claim)
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
        "unverified" if words.receives => {
            "The capture supports a part of this notice. Bytes labelled as pieces were sent to the address; \
                                                            nothing shows that it received bytes of the torrent."
                .to_owned()
        }
        "unverified" => "The capture supports a part of this notice. The address sent bytes labelled as pieces; the captures do \
                         not show that they are the torrent's."
            .to_owned(),
        "other-port" => format!("The capture supports a part of this notice. {}", at_ports(claim)),
        "other-protocol" if words.receives => format!(
            "The capture supports a part of this notice. Bytes of the torrent were sent to {who} over HTTP, by a web server \
             that is no peer."
        ),
        "other-protocol" => format!(
            "The capture supports a part of this notice. {who} sent bytes of the torrent as a web server, over HTTP; it was \
             no peer and advertised nothing."
        ),
        "other-time-in-session" => format!(
            "The capture supports a part of this notice. A connection lasted over the stated time, and {} in it, but earlier \
             or later than stated.",
            words.shown
        ),
        "other-stated-time" => format!(
            "The capture supports a part of this notice: at another of the times that it states {}.",
            words.shown
        ),
        "return-path-unconfirmed" => format!(
            "The capture supports a part of this notice. By packets with this address {}, but none of them shows that the \
             address received an answer: anybody can send such packets.",
            words.shown
        ),
        "several-clients" => "The capture supports a part of this notice. Not all connections of this address state the same \
                              listen port: one program or several may be behind it. The notice states no port, so it does not \
                              say which one it means."
            .to_owned(),
        "title-only" if has("title-only") => "The capture supports a part of this notice. The notice names a title and a size and \
                                              no hash. A torrent of this name and size was sent; another work can bear the same \
                                              name."
            .to_owned(),
        _ => "The capture supports a part of this notice.".to_owned(),
    };
    if reason != "other-port" && has("other-port") { format!("{text} {}", at_ports(claim)) } else { text }
}

/// Words for what was seen at which ports, none of them that of the notice.
fn at_ports(claim: &ClaimRow) -> String {
    let ports = claim.evidence.as_ref().map(|found| found.ports_seen.clone()).unwrap_or_default();
    let several = if claim.flags.iter().any(|flag| flag.id == "several-clients") {
        " Not all connections of this address state the same listen port: one program or several may be behind it, and the \
         notice does not say which one it means."
    } else {
        ""
    };
    let what = match claim.reasons.first().map(|reason| reason.id) {
        Some("other-port") => format!("It shows that {}", acts::of(claim).shown),
        _ => "This was".to_owned(),
    };
    format!("{what} at {}, and not at the port in the notice.{several}", super::in_words("port", &ports))
}

/// Grounds of an offer: words, or pieces that were sent without any captured.
fn offer(claim: &ClaimRow) -> &'static str {
    let found = claim.evidence.as_ref();
    let is_said = found.is_some_and(|found| found.missing != Some("advertised"));
    match found.map_or(0, |found| found.served_bytes) {
        _ if is_said => "the address said that it had pieces, and agreed to send",
        0 => "the address agreed to send",
        _ => "the address sent bytes of the torrent, which is more than to offer them",
    }
}

/// Contents of the whole connection at the stated time holds.
fn session(claim: &ClaimRow) -> &'static str {
    match claim.grade {
        Some("G3m") if matches!(claim.claim.act, "uploaded" | "unknown") => {
            "it sent the description of the torrent and no piece"
        }
        _ => acts::of(claim).not_in_session,
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
        "no-hash" => "No hash by which the torrent could be told was found in the notice, so the capture cannot answer it.".to_owned(),
        "hash-kind-ambiguous" => "The hash in the notice may be that of a file, which BitTorrent does not carry, so the capture \
                                  cannot answer it."
            .to_owned(),
        "window-partly-covered" => {
            format!("The capture ran for a part of the stated time only. {}", acts::none(claim))
        }
        "vantage-unknown" => format!(
            "{} {}, so this neither supports nor contradicts the notice.",
            acts::none(claim),
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
