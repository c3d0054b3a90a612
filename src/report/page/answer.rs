//! Section 1: the answer in sentences, each beside what it does not show, and what could not be read.

use std::collections::BTreeSet;

use askama::Template;

use super::blocks;
use super::cast::{Cast, Peer};
use super::figures::{dated, plural, share};
use super::html::{self, Html, LONG, SHORT};
use super::limits::Unread;
use super::words;
use crate::evidence::Grade;
use crate::report::model::{Document, Input, Standard, SubjectFile, Torrent};
use crate::report::text::{counted, figures_grouped, grouped};
use crate::torrent::Source;

/// The section.
#[derive(Template)]
#[template(path = "answer.html", config = "src/report/page/askama.toml")]
pub(super) struct Answer {
    /// That the captures are of another torrent; empty where they are not.
    wrong: Html,
    unread: Html,
    first_unread: bool,
    rows: Vec<Row>,
    inputs: Vec<InputRow>,
    inputs_left: String,
}

struct Row {
    count: String,
    zero: bool,
    spoken: String,
    head: &'static str,
    body: Html,
    not: &'static str,
}

struct InputRow {
    name: Html,
    kind: String,
    bytes: String,
    frames: String,
    first: String,
    last: String,
    hash: Html,
    damage: Option<Html>,
}

impl Answer {
    pub(super) fn of(cast: &Cast<'_>, unread: &Unread) -> Self {
        let quality = &cast.document.quality;
        let why = match (cast.peers.is_empty(), quality.frames) {
            (true, 0) => Some("The captures hold no frame: nothing can be said either way."),
            (true, frames) if frames == quality.not_ip => Some(
                "The captures hold no frame with IP in it that this tool reads: nothing can be said either way.",
            ),
            (true, _) if cast.is_part() => {
                Some("No peer is in the part that is shown: nothing can be said of others.")
            }
            (true, _) if unread.hides_peers && cast.document.opaque.is_empty() => {
                Some("No connection that could be read is shown to be BitTorrent; nothing can be said either way.")
            }
            (true, _) if unread.hides_peers => Some("No connection can be read: nothing can be said either way."),
            _ => None,
        };
        let rows = match why {
            Some(why) => vec![nothing(why), named(cast, true)],
            None => rows(cast, unread),
        };
        let captures = cast.document.inputs.len();
        Self {
            wrong: wrong(cast.document),
            unread: unread.html(),
            first_unread: unread.hides_peers,
            rows,
            inputs: (1..=MOST_INPUTS).zip(&cast.document.inputs).map(|(at, each)| input(cast, at, each)).collect(),
            inputs_left: match captures.saturating_sub(MOST_INPUTS) {
                0 => String::new(),
                left => format!(
                    "{} more, {}: see report.json.",
                    counted(left as u64, "input"),
                    counted(cast.document.inputs.iter().skip(MOST_INPUTS).map(bytes).sum(), "byte")
                ),
            },
        }
    }
}

/// Returns true if a torrent was given, and not only found or named in the captures.
pub(super) fn is_given(torrent: &Torrent) -> bool {
    matches!(torrent.source, Some(Source::File | Source::Magnet))
}

/// Where the torrents that were given are not those of the captures: which those are.
fn wrong(document: &Document) -> Html {
    let Some((first, others)) = document.instead.split_first() else { return Html::default() };
    let mut html = Html::text("No connection that could be read shows ");
    match document.torrents.iter().filter(|torrent| is_given(torrent)).collect::<Vec<_>>().as_slice() {
        [Torrent { name: Some(name), .. }] => html.push("the info-hash of ").add(&html::quoted(name, LONG)),
        [one] => html.push(&format!("the info-hash {}", one.info_hash)),
        many => html.push(&format!("an info-hash of the {} given", counted(many.len() as u64, "torrent"))),
    };
    let more = match others.len() as u64 {
        0 => String::new(),
        more => format!(" and {}", counted(more, "other torrent")),
    };
    html.push(&format!(
        ". The captures name the torrent {first}{more}{}. The rows below are of what they name.",
        document.remedy
    ));
    html
}

fn rows(cast: &Cast<'_>, unread: &Unread) -> Vec<Row> {
    let met = cast.peers.iter().filter(|peer| peer.subject.actionable).collect::<Vec<_>>();
    let verified = |peer: &&Peer<'_>| !peer.subject.actionable && peer.figures.verified_bytes > 0;
    let verified = cast.peers.iter().filter(verified).collect::<Vec<_>>();
    let unproven =
        |peer: &&Peer<'_>| peer.sent_any() && peer.figures.verified_bytes == 0 && peer.figures.refuted_bytes == 0;
    let (loose, unproven): (Vec<_>, Vec<_>) =
        cast.peers.iter().filter(unproven).partition(|peer| peer.subject.grade < Grade::G3);
    let differing = cast.peers.iter().filter(|peer| peer.figures.refuted_bytes > 0).collect::<Vec<_>>();
    let silent = cast.peers.iter().filter(|peer| !peer.sent_any()).collect::<Vec<_>>();
    // Where nothing was hashed, nobody is shown to have sent the torrent's bytes, nor that nobody did.
    let unhashed = unhashed(cast);
    let (unread, hashed) = (unread.hides_peers, unread.hides_peers || unhashed);
    let none = cast.none(unread, unhashed);
    let further =
        cast.absence("No further peer in the part that is shown.", "No further peer, on what these captures hold.");
    let mut rows = vec![
        {
            let mut body = paragraph(&Html::text(
                "Said that it had a piece, was asked for it, then sent it alone, and the piece matches its hash.",
            ));
            if met.is_empty() {
                body = paragraph(&Html::text(none));
            }
            body.add(&each(cast, &met, |peer| met_sentence(cast, peer)));
            row(met.len(), hashed, "Standard of proof met", body, "who used the address, or intent.")
        },
        {
            let mut body = each(cast, &verified, |peer| verified_sentence(cast, peer));
            if verified.is_empty() {
                body = paragraph(&Html::text(if met.is_empty() { none } else { further }));
            }
            let not = "that any of them alone held a piece, unless its grade is G8 or G9.";
            row(verified.len(), hashed, "Sent verified bytes, standard not met", body, not)
        },
    ];
    if !unproven.is_empty() {
        let body = each(cast, &unproven, unproven_sentence);
        rows.push(row(
            unproven.len(),
            unread,
            "Sent bytes labelled as pieces, none of them verified",
            body,
            "that the bytes belong to the torrent.",
        ));
    }
    if !loose.is_empty() {
        let body = each(cast, &loose, loose_sentence);
        rows.push(row(
            loose.len(),
            unread,
            "Only packets with its address hold what looks like piece data",
            body,
            "that the address took part in a torrent, nor that it sent them.",
        ));
    }
    rows.push({
        let mut body = each(cast, &differing, differing_sentence);
        if differing.is_empty() {
            body = paragraph(&Html::text(cast.absence(
                "No peer in the part that is shown, as far as the bytes could be compared.",
                "No peer, as far as the bytes could be compared.",
            )));
        }
        body.add(&disputed(cast));
        let not = "intent: a failing disk or a damaged capture does the same.";
        row(differing.len(), hashed, "Sent bytes that differ from the torrent (GX)", body, not)
    });
    rows.push({
        let body = if silent.is_empty() {
            paragraph(&Html::text(cast.absence("Every peer that is shown sent some.", "Every peer with a row sent some.")))
        } else {
            silent_list(cast, &silent)
        };
        let not = "that they sent none at other times, or over connections that these captures do not hold or that could \
                   not be read.";
        row(silent.len(), unread, "Sent no piece data in these captures", body, not)
    });
    rows.push(named(cast, unread));
    rows
}

/// Returns true if bytes were sent as pieces of a torrent whose hashes are not known, so that none of them was hashed.
fn unhashed(cast: &Cast<'_>) -> bool {
    let torrents = cast.document.torrents.iter();
    let known: BTreeSet<&str> = torrents
        .filter(|torrent| torrent.source.is_some() && torrent.size.is_some())
        .map(|torrent| torrent.info_hash.as_str())
        .collect();
    let is_known = |peer: &Peer<'_>| peer.subject.info_hash.as_deref().is_some_and(|hash| known.contains(hash));
    cast.peers.iter().any(|peer| peer.sent_any() && !is_known(peer))
}

/// The only answer where nothing can be read.
fn nothing(why: &str) -> Row {
    Row {
        count: "?".to_owned(),
        zero: true,
        spoken: "Cannot be told: ".to_owned(),
        head: "What any peer sent",
        body: paragraph(&Html::text(why)),
        not: "that anybody sent something, nor that nobody did.",
    }
}

fn row(count: usize, unread: bool, head: &'static str, body: Html, not: &'static str) -> Row {
    let unknown = count == 0 && unread;
    let noun = plural(count as u64, "peer", "peers");
    Row {
        count: if unknown { "?".to_owned() } else { grouped(count as u64) },
        zero: count == 0,
        spoken: if unknown { "Cannot be told: ".to_owned() } else { format!("{} {noun}: ", grouped(count as u64)) },
        head,
        body,
        not,
    }
}

fn paragraph(html: &Html) -> Html {
    Html::ours(format!("<p>{html}</p>"))
}

/// A sentence for each of a few, or the first names of many.
fn each(cast: &Cast<'_>, peers: &[&Peer<'_>], sentence: impl Fn(&Peer<'_>) -> Html) -> Html {
    let mut out = Html::default();
    if peers.len() <= FEW {
        for peer in peers {
            let mut html = cast.link(peer);
            html.push(&peer.declared()).push(": ").add(&sentence(peer));
            out.add(&paragraph(&html));
        }
    } else {
        out.add(&paragraph(&names(cast, peers)));
    }
    out
}

/// The first names, and where the others are.
fn names(cast: &Cast<'_>, peers: &[&Peer<'_>]) -> Html {
    let mut parts: Vec<Html> = peers.iter().take(MOST_NAMES).map(|peer| cast.link(peer)).collect();
    let left = peers.len().saturating_sub(MOST_NAMES);
    if left > 0 {
        parts.push(Html::ours(format!(
            "<a href=\"#peers\">{} more in the table of peers</a>",
            grouped(left as u64)
        )));
    }
    html::listed(&parts)
}

fn met_sentence(cast: &Cast<'_>, peer: &Peer<'_>) -> Html {
    let mut html = Html::default();
    let figures = &peer.figures;
    match peer.subject.pieces_sole {
        0 => html.push(&format!("{} in whole leaves alone", counted(figures.sole_bytes, "byte"))),
        pieces => html.push(&format!(
            "{} whole {} alone, {}",
            grouped(pieces),
            plural(pieces, "piece", "pieces"),
            counted(figures.sole_bytes, "byte")
        )),
    };
    if figures.verified_bytes != figures.sole_bytes {
        html.push(&format!("; in all {} are verified", counted(figures.verified_bytes, "byte")));
    }
    html.add(&whole_files(peer));
    html.push(".");
    if let Some(standard) = &peer.subject.standard {
        html.push(&format!(" First proof: {}, {}.", unit(standard), cast.numbering.frames(standard.served)));
    }
    html
}

/// `piece 3`, `piece 3, leaf 2`.
pub(super) fn unit(standard: &Standard) -> String {
    match standard.leaf {
        Some(leaf) => format!("piece {}, leaf {}", grouped(standard.piece.into()), grouped(leaf.into())),
        None => format!("piece {}", grouped(standard.piece.into())),
    }
}

/// `, among them every byte of 2 files: "a" and "b"; and parts of "c" (40 %)`, the largest first.
pub(super) fn whole_files(peer: &Peer<'_>) -> Html {
    let sent = peer.subject.files.iter().filter(|file| file.verified_bytes > 0);
    let (mut whole, mut parts): (Vec<_>, Vec<_>) = sent.partition(|file| file.complete);
    whole.sort_by_key(|file| (std::cmp::Reverse(file.size), &file.path));
    parts.sort_by_key(|file| (std::cmp::Reverse(file.verified_bytes), &file.path));
    let mut html = Html::default();
    let named = |files: &[&SubjectFile], one: &dyn Fn(&SubjectFile) -> Html| {
        let mut named: Vec<Html> = files.iter().take(FEW).map(|file| one(file)).collect();
        if files.len() > FEW {
            named.push(Html::text(&counted((files.len() - FEW) as u64, "more file")));
        }
        html::listed(&named)
    };
    if !whole.is_empty() {
        html.push(", among them every byte of ");
        if whole.len() > 1 {
            html.push(&format!("{}: ", counted(whole.len() as u64, "file")));
        }
        html.add(&named(&whole, &|file| html::quoted(&file.path, SHORT)));
    }
    if !parts.is_empty() {
        html.push(if whole.is_empty() { ", parts of " } else { "; and parts of " });
        html.add(&named(&parts, &|file| {
            let mut one = html::quoted(&file.path, SHORT);
            one.push(&format!(" ({})", share(file.verified_bytes, file.size)));
            one
        }));
    }
    html
}

fn verified_sentence(cast: &Cast<'_>, peer: &Peer<'_>) -> Html {
    let step = words::of(peer.subject.grade);
    let mut html = Html::text(&format!(
        "{} are the torrent’s by hash ({}, {}). ",
        counted(peer.figures.verified_bytes, "byte"),
        step.name,
        step.short
    ));
    match peer.subject.grade {
        Grade::G8 | Grade::G9 => html.push(&missing(cast, peer)),
        _ => match &peer.subject.next_rung {
            Some(reason) => html.push("Why not higher: ").add(&reason_of(reason)).push("."),
            None => html.push(""),
        },
    };
    html
}

/// Why a verified unit alone is not the standard.
pub(super) fn missing(cast: &Cast<'_>, peer: &Peer<'_>) -> String {
    let has = |name: &str| peer.subject.flags.iter().any(|flag| flag.name() == name);
    if has("return-path-unconfirmed") {
        return "Missing: any packet that confirms what the other end sent, so the address may be forged."
            .to_owned();
    }
    let advertised = peer.subject.pieces_advertised > 0;
    let requested = cast.sent(peer).any(|transfer| transfer.bytes.solicited_bytes > 0);
    match (advertised, requested) {
        (false, _) => "Missing: that it had advertised the piece, in these captures.".to_owned(),
        (_, false) => "Missing: that it was asked for the piece, in these captures.".to_owned(),
        _ => crate::report::missing_together(has("pad-or-trivial")).to_owned(),
    }
}

/// The reason without the rung before the colon, and in the words of the page.
pub(super) fn reason_of(reason: &str) -> Html {
    let reason = reason.split_once(" not reached: ").map_or(reason, |(_, reason)| reason);
    html::name(&figures_grouped(&reason.replace("other subjects", "other peers")), LONG * 2)
}

fn loose_sentence(peer: &Peer<'_>) -> Html {
    let figures = &peer.figures;
    let bytes = figures.served_bytes.saturating_add(figures.lost_bytes);
    let mut html = Html::text(&format!("{}. ", counted(bytes, "byte")));
    if let Some(reason) = &peer.subject.next_rung {
        html.push("Why not higher: ").add(&reason_of(reason)).push(".");
    }
    html
}

fn unproven_sentence(peer: &Peer<'_>) -> Html {
    let figures = &peer.figures;
    let mut html = Html::default();
    if figures.served_bytes > 0 {
        html.push(&format!("{} labelled as pieces. ", counted(figures.served_bytes, "byte")));
    } else {
        html.push(&format!(
            "the captures hold none of the {} that it sent as pieces. ",
            counted(figures.lost_bytes, "byte")
        ));
    }
    if let Some(reason) = &peer.subject.next_rung {
        html.push("Why not higher: ").add(&reason_of(reason)).push(".");
    }
    html
}

fn differing_sentence(peer: &Peer<'_>) -> Html {
    let (figures, pieces) = (&peer.figures, peer.subject.pieces_refuted);
    let (refuted, served) = (figures.refuted_bytes, figures.served_bytes);
    Html::text(&format!(
        "{} of {} served bytes ({}) lie in blocks that differ from the torrent, in {} {}{}.",
        grouped(refuted),
        grouped(served),
        share(refuted, served),
        grouped(pieces),
        plural(pieces, "piece", "pieces"),
        blocks::which_differ(peer)
    ))
}

fn disputed(cast: &Cast<'_>) -> Html {
    let of: Vec<u64> =
        cast.peers.iter().map(|peer| peer.figures.disputed_bytes).filter(|bytes| *bytes > 0).collect();
    if of.is_empty() {
        return Html::default();
    }
    paragraph(&Html::text(&format!(
        "{} of {} {} in failed pieces of several senders: nobody is accused of them.",
        counted(of.iter().sum(), "byte"),
        counted(of.len() as u64, "peer"),
        plural(of.iter().sum(), "is", "are")
    )))
}

/// Who sent nothing, by grade.
fn silent_list(cast: &Cast<'_>, silent: &[&Peer<'_>]) -> Html {
    let mut out = String::from("<ul class=\"pl\">");
    for group in
        silent.chunk_by(|one, other| one.subject.grade == other.subject.grade && metadata(one) == metadata(other))
    {
        let Some(first) = group.first() else { continue };
        let step = words::of(first.subject.grade);
        let also = if metadata(first) { "; sent the torrent’s description (G3m), which is no piece" } else { "" };
        out.push_str(&format!(
            "<li>{}: {} ({}){also}</li>",
            names(cast, group),
            Html::text(step.short),
            Html::text(step.name)
        ));
    }
    out.push_str("</ul>");
    Html::ours(out)
}

fn metadata(peer: &Peer<'_>) -> bool {
    peer.rung(Grade::G3m).is_some()
}

fn named(cast: &Cast<'_>, unread: bool) -> Row {
    let mut only = cast.only_named();
    let all = only.len();
    only.retain(|_, mentions| {
        mentions.retain(|mention| cast.of_report(mention));
        !mentions.is_empty()
    });
    let others = all.saturating_sub(only.len()) as u64;
    let listed: Vec<&str> = only
        .iter()
        .filter(|(_, mentions)| mentions.iter().all(|mention| mention.grade.name() == "G0"))
        .map(|(address, _)| *address)
        .collect();
    let is_listed: BTreeSet<&str> = listed.iter().copied().collect();
    let announced: Vec<&str> = only.keys().copied().filter(|address| !is_listed.contains(address)).collect();
    let count = only.len() as u64;
    let mut body = Html::default();
    let some = |addresses: &[&str]| {
        let shown = addresses.iter().take(MOST_NAMES);
        let mut parts: Vec<Html> = shown
            .map(|address| Html::ours(format!("<span class=\"ep\">{}</span>", html::endpoint(address))))
            .collect();
        let left = addresses.len().saturating_sub(MOST_NAMES);
        if left > 0 {
            parts.push(Html::ours(format!("<a href=\"#hearsay\">{} more</a>", grouped(left as u64))));
        }
        html::listed(&parts)
    };
    if !listed.is_empty() {
        let mut html = some(&listed);
        html.push(": only listed by others.");
        body.add(&paragraph(&html));
    }
    if !announced.is_empty() {
        let mut html = some(&announced);
        html.push(": announced themselves to trackers, the DHT or neighbours, which shows no content.");
        body.add(&paragraph(&html));
    }
    let unreadable: BTreeSet<&str> =
        cast.document.opaque.iter().flat_map(|opaque| [&*opaque.a, &*opaque.b]).collect();
    let opaque = only.keys().filter(|address| unreadable.contains(**address));
    match opaque.count() as u64 {
        0 => {}
        1 => drop(body.add(&paragraph(&Html::text(
            "1 of these addresses also took part in conversations that could not be read.",
        )))),
        some => drop(body.add(&paragraph(&Html::text(&format!(
            "{} of these addresses also took part in conversations that could not be read.",
            grouped(some)
        ))))),
    }
    if others > 0 {
        body.add(&paragraph(&Html::ours(format!(
            "Not counted: {} of other torrents or of an unknown one, under <a href=\"#hearsay\">hearsay</a>.",
            match others {
                1 => "1 more address".to_owned(),
                count => format!("{} more addresses", grouped(count)),
            }
        ))));
    }
    if count == 0 && others == 0 {
        let mentioned: BTreeSet<&str> =
            cast.document.mentions.iter().map(|mention| mention.subject.as_str()).collect();
        body = paragraph(&match mentioned.len() {
            0 => Html::text(cast.nobody_named()),
            many => Html::ours(format!(
                "None. {} that others named also {} a row of direct evidence; what was said of {} is under <a \
                 href=\"#hearsay\">hearsay</a> and counts for nothing here.",
                match many {
                    1 => "The address".to_owned(),
                    2 => "Both addresses".to_owned(),
                    _ => format!("All {} addresses", grouped(many as u64)),
                },
                plural(many as u64, "has", "have"),
                plural(many as u64, "it", "them")
            )),
        });
    }
    let unknown = count == 0 && unread;
    Row {
        count: if unknown { "?".to_owned() } else { grouped(count) },
        zero: count == 0,
        spoken: if unknown {
            "Cannot be told: ".to_owned()
        } else {
            format!("{} {}: ", grouped(count), plural(count, "address", "addresses"))
        },
        head: "Only named or announced: hearsay",
        body,
        not: "any content, or any connection between peers. Entries may be forged.",
    }
}

fn bytes(input: &Input) -> u64 {
    match input {
        Input::Capture { bytes, .. } | Input::Torrent { bytes, .. } => *bytes,
    }
}

fn input(cast: &Cast<'_>, number: usize, input: &Input) -> InputRow {
    let none = || "–".to_owned();
    match input {
        Input::Capture {
            name,
            format,
            bytes,
            sha256,
            sha256_stated,
            frames,
            first_time,
            last_time,
            damage,
            ..
        } => InputRow {
            name: html::name(name, LONG),
            kind: cast.numbering.capture(number, format),
            bytes: grouped(*bytes),
            frames: grouped(*frames),
            first: first_time.as_deref().map_or_else(none, dated),
            last: last_time.as_deref().map_or_else(none, dated),
            hash: sha256.as_deref().map_or_else(
                || Html::text("not computed"),
                |hash| {
                    let mut hash = html::hash(hash);
                    if *sha256_stated {
                        hash.push(" (stated by a list, not computed)");
                    }
                    hash
                },
            ),
            damage: damage.as_deref().map(|damage| html::name(damage, LONG)),
        },
        Input::Torrent { name, bytes, sha256, .. } => InputRow {
            name: html::name(name, LONG),
            kind: "torrent".to_owned(),
            bytes: grouped(*bytes),
            frames: none(),
            first: none(),
            last: String::new(),
            hash: html::hash(sha256),
            damage: None,
        },
    }
}

// Rationale: what a reader takes in as sentences; beyond it names, and beyond those a table.
const FEW: usize = 3;
const MOST_NAMES: usize = 8;
// Rationale: a day of a ring of captures; the rest is in the table.
const MOST_INPUTS: usize = 60;
