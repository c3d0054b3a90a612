//! Why a letter finds what it finds: figures with their frames, hearsay, flags.

use super::{acts, in_frames, moment, named};
use crate::audit::captures::Captures;
use crate::audit::claim::Transport;
use crate::audit::document::{ClaimRow, Document};
use crate::report::{counted, grouped, host_sentences, visible};

pub(super) fn why(claim: &ClaimRow, document: &Document, captures: &Captures<'_>) -> Vec<String> {
    let mut out = Vec::new();
    let Some(found) = &claim.evidence else {
        out.push("Nothing in it was compared with the capture.".to_owned());
        return out;
    };
    let has = |id: &str| claim.reasons.iter().any(|reason| reason.id == id);
    let place = moment::place(claim, found);
    let by = if has("return-path-unconfirmed") { "in packets with its address" } else { "that it sent" };
    let rung = place.frames.as_ref().zip(claim.grade.filter(|grade| *grade != "none"));
    if acts::of(claim).receives {
        if place.received_bytes > 0 {
            out.push(format!(
                "{} that were sent to it are the torrent's by hash, and it acknowledged what it received{}.",
                counted(place.received_bytes, "byte"),
                in_frames(place, captures)
            ));
        } else if place.sent_to_bytes > 0 {
            let frames = in_frames(place, captures);
            out.push(format!(
                "{} labelled as pieces were sent to it{frames}.",
                counted(place.sent_to_bytes, "byte")
            ));
        }
    } else if place.verified_bytes > 0 {
        out.push(format!(
            "{} {by} are the torrent's by hash, {} of them in units from it alone{}.",
            counted(place.verified_bytes, "byte"),
            if place.sole_bytes == 0 { "none".to_owned() } else { grouped(place.sole_bytes) },
            in_frames(place, captures)
        ));
    } else if place.served_bytes > 0 {
        out.push(format!(
            "{} {by} are labelled as pieces{}.",
            counted(place.served_bytes, "byte"),
            in_frames(place, captures)
        ));
    } else if let Some((frames, grade)) = rung {
        out.push(format!("The highest rung that it reached is {grade} ({}).", captures.frames(frames)));
    }
    if claim.flags.iter().any(|flag| flag.id == "refuted-bytes") {
        let frames = place.refuted_frames.as_ref();
        let frames =
            frames.map(|frames| format!(" (the first in {})", captures.frames(frames))).unwrap_or_default();
        out.push(format!(
            "{} {by} differ from the torrent{frames}. A disk error or a damaged capture does the same; it shows no intent.",
            counted(place.refuted_bytes, "byte"),
        ));
    }
    if has("whole-session-without-piece") {
        let way = if acts::of(claim).receives { "to" } else { "from" };
        out.push(format!(
            "A whole connection of it for this torrent then is in the capture, without a piece {way} it."
        ));
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
            "It would fit if the time {}. That is a possibility and no finding{}.",
            hints.join(", or "),
            // Of a long range many offsets fit.
            if moment::is_moment(time) { ": about one stray time in fifteen fits some offset" } else { "" }
        ));
    }
    for flag in &claim.flags {
        let sentence = match flag.id {
            "copies-differ" => format!("Copies of the notice differ in: {}.", flag.fields.join(", ")),
            "amount-differs" => {
                let elsewhere = found.elsewhere.as_ref().map_or(0, |other| other.served_bytes);
                format!(
                    "The notice states that {} were uploaded; the capture holds {} from it.",
                    counted(claim.claim.amount.unwrap_or_default(), "byte"),
                    grouped(found.served_bytes + elsewhere)
                )
            }
            "other-transport" => format!(
                "The notice states {}; in the capture it was over the other transport.",
                match claim.claim.who.transport {
                    Some(Transport::Udp) => "UDP",
                    _ => "TCP",
                }
            ),
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
            _ => continue,
        };
        out.push(sentence);
    }
    if let Some(host) = &claim.host {
        out.extend(host_sentences(host, &document.lists));
    }
    if out.is_empty() {
        let unread = claim.reasons.iter().any(|reason| UNREAD.contains(&reason.id));
        let hashes = claim.claim.what.as_ref().map(|what| what.hashes.as_slice()).unwrap_or_default();
        let is_hash = hashes.iter().any(|hash| hash.kind.may_be_info());
        out.push(match (unread, &found.torrent) {
            (true, _) => {
                "No connection of this address at that time is shown to be of this torrent; one that could not be read whole \
                 may be."
            }
            (false, Some(_)) => "No connection of a peer at this address for this torrent is in the capture at that time.",
            (false, None) if is_hash => "No torrent in the capture is known to have the hash in the notice.",
            (false, None) => "Which torrent the notice means cannot be told, so nothing of the address was compared with it.",
        }
        .to_owned());
    }
    out
}

/// Reasons for which what is there was not read whole (notices.md, section 2.4, row 6).
const UNREAD: [&str; 6] =
    ["encrypted", "one-sided", "gap-in-range", "truncated-snaplen", "overlap-conflict", "bound-reached"];
