//! The section of one peer: sentence, ladder, bytes by class, files, times, chain of proof, filters, flags.

use askama::Template;

use super::answer::{missing, reason_of, unit, whole_files};
use super::cast::{Cast, Peer};
use super::figures::{plural, share};
use super::html::{self, Html, SHORT};
use super::words::{self, CLASSES};
use super::{blocks, peers, svg, times};
use crate::ends::Endpoint;
use crate::evidence::Grade;
use crate::report::filters::{Messages, Way, display_filter};
use crate::report::hosts;
use crate::report::model::Transfer;
use crate::report::text::{counted, grouped};

/// The section.
#[derive(Template)]
#[template(path = "peer.html", config = "src/report/page/askama.toml")]
pub(super) struct Section {
    id: String,
    find: String,
    folded: bool,
    endpoint: Html,
    transport: &'static str,
    grade: String,
    met: bool,
    brief: String,
    sentence: Html,
    torrent: Html,
    rungs: Vec<Rung>,
    not: Html,
    bar: Html,
    classes: Vec<Class>,
    served: String,
    answers: String,
    zero: String,
    lost: String,
    blocks: blocks::Rows,
    blocks_how: String,
    files: Vec<File>,
    files_left: String,
    when: times::Plot,
    chain_head: &'static str,
    chain: Vec<Link>,
    /// Set if the last request came behind the first block.
    overlap: bool,
    filters: Vec<Filter>,
    filter_note: String,
    not_seen: Html,
    flags: Vec<(&'static str, &'static str)>,
    /// Statements of lists about its address.
    hosts: Vec<String>,
}

struct Rung {
    style: &'static str,
    name: &'static str,
    text: Html,
    missed: bool,
    frames: String,
    why: Html,
}

struct Class {
    swatch: Html,
    name: &'static str,
    bytes: String,
    share: String,
    meaning: &'static str,
}

struct File {
    path: Html,
    verified: String,
    size: String,
    share: String,
    bar: Html,
}

struct Link {
    open: bool,
    head: &'static str,
    text: String,
    frames: String,
    code: Html,
}

struct Filter {
    what: &'static str,
    text: String,
}

impl Section {
    pub(super) fn of(cast: &Cast<'_>, peer: &Peer<'_>, open: bool) -> Self {
        let subject = peer.subject;
        let figures = &peer.figures;
        let served = figures.served_bytes;
        let (chain_head, chain, mut filters, filter_note) = proof(cast, peer);
        let own = blocks::of(cast, peer);
        let exact = own.as_deref().map(blocks::filters).unwrap_or_default();
        filters.extend(exact.into_iter().map(|(what, text)| Filter { what, text }));
        filters.extend(
            blocks::differing(cast, peer).into_iter().map(|text| Filter { what: "piece that differs", text }),
        );
        let zero: Vec<&str> = CLASSES.iter().filter(|class| (class.bytes)(figures) == 0).map(|c| c.name).collect();
        let label = CLASSES
            .iter()
            .filter(|class| (class.bytes)(figures) > 0)
            .map(|class| format!("{} {}", class.name, grouped((class.bytes)(figures))))
            .collect::<Vec<_>>()
            .join("; ");
        let files: Vec<_> = subject.files.iter().filter(|file| file.verified_bytes > 0).collect();
        Self {
            id: peer.id.clone(),
            find: peers::find(peer),
            folded: !open || !peer.sent_any(),
            endpoint: html::endpoint(&subject.endpoint),
            transport: match subject.transport.name() {
                "tcp" => "",
                "utp" => "uTP",
                other => other,
            },
            grade: peer.label(),
            met: subject.actionable,
            brief: brief(peer),
            sentence: sentence(cast, peer),
            torrent: of_torrent(cast, peer),
            rungs: rungs(cast, peer),
            not: not(peer),
            bar: svg::bar(figures, served, 600, 24, Some(&format!("Bar of served bytes: {label}"))),
            classes: if served == 0 { Vec::new() } else { classes(peer) },
            served: grouped(served),
            answers: format!(
                "{} asked for, {} acknowledged",
                grouped(figures.solicited_bytes),
                grouped(figures.acknowledged_bytes)
            ),
            zero: zero.join("; "),
            lost: match figures.lost_bytes {
                0 => String::new(),
                lost => format!(
                    "{} that it sent as pieces {} missing from the captures: served is a lower bound.",
                    counted(lost, "byte"),
                    plural(lost, "is", "are")
                ),
            },
            blocks_how: match (served, own.is_some()) {
                (0, _) | (_, true) => String::new(),
                _ => format!("--peer {}", subject.endpoint),
            },
            blocks: blocks::Rows::of(cast, own.as_deref().unwrap_or_default()),
            files_left: match files.len().saturating_sub(MOST_FILES) {
                0 => String::new(),
                more => format!(
                    "{}, {} verified: report.json lists them.",
                    counted(more as u64, "more file"),
                    counted(files.iter().skip(MOST_FILES).map(|file| file.verified_bytes).sum(), "byte")
                ),
            },
            files: files
                .iter()
                .take(MOST_FILES)
                .map(|file| File {
                    path: html::name(&file.path, SHORT),
                    verified: grouped(file.verified_bytes),
                    size: grouped(file.size),
                    share: share(file.verified_bytes, file.size),
                    bar: svg::share_bar(file.verified_bytes, file.size),
                })
                .collect(),
            when: times::Plot::of(cast, peer),
            chain_head,
            chain,
            overlap: overlap(peer),
            filters,
            filter_note,
            not_seen: not_seen(cast, peer),
            flags: subject.flags.iter().map(|flag| (words::flag(flag.name()), flag.name())).collect(),
            hosts: said_of(cast, &subject.endpoint),
        }
    }
}

fn overlap(peer: &Peer<'_>) -> bool {
    let standard = peer.subject.standard.as_ref().filter(|_| peer.subject.actionable);
    let place = |file: Option<u16>, first: u16, number: u64| (file.unwrap_or(first), number);
    standard.is_some_and(|standard| {
        let (requested, served) = (standard.requested, standard.served);
        place(requested.last_file, requested.file, requested.last) > (served.file, served.first)
    })
}

fn said_of(cast: &Cast<'_>, endpoint: &str) -> Vec<String> {
    let host = endpoint.parse::<Endpoint>().ok().and_then(|end| hosts::host(&cast.document.hosts, end.ip));
    host.map(|host| hosts::sentences(host, &cast.document.lists)).unwrap_or_default()
}

/// Words beside the name of a peer whose section is folded.
fn brief(peer: &Peer<'_>) -> String {
    let figures = &peer.figures;
    if peer.sent_any() {
        return format!(
            "{} served, {} verified",
            counted(figures.served_bytes, "byte"),
            grouped(figures.verified_bytes)
        );
    }
    let mut brief = "sent no piece data in these captures".to_owned();
    if peer.subject.received_bytes > 0 {
        brief
            .push_str(&format!("; {} of piece data were sent to it", counted(peer.subject.received_bytes, "byte")));
    }
    brief
}

/// Which torrent, where the report has several.
fn of_torrent(cast: &Cast<'_>, peer: &Peer<'_>) -> Html {
    let mut html = Html::default();
    let torrent = cast.torrent(peer.subject.info_hash.as_deref());
    match (&peer.subject.info_hash, torrent) {
        (None, _) => drop(html.push("For an unknown torrent: no handshake of it is in the captures.")),
        (Some(hash), Some(torrent)) if cast.document.torrents.len() > 1 => {
            html.push("For the torrent ");
            match &torrent.name {
                Some(name) => html.add(&html::quoted(name, SHORT)),
                None => html.push(hash),
            };
            html.push(".");
        }
        _ => {}
    }
    html
}

fn sentence(cast: &Cast<'_>, peer: &Peer<'_>) -> Html {
    let (subject, figures) = (peer.subject, &peer.figures);
    let mut html = Html::text(&format!(
        "From {} to {} UTC this peer{} ",
        cast.clock.exact(&subject.first_time),
        cast.clock.exact(&subject.last_time),
        peer.declared()
    ));
    if figures.served_bytes > 0 {
        html.push(&format!("sent {} of piece data.", counted(figures.served_bytes, "byte")));
        if figures.verified_bytes > 0 {
            let all = if figures.verified_bytes == figures.served_bytes {
                "All"
            } else {
                &grouped(figures.verified_bytes)
            };
            html.push(&format!(" {all} are the torrent’s own by hash")).add(&whole_files(peer)).push(".");
        }
        let further: [(u64, &str); 5] = [
            (figures.refuted_bytes, "lie in blocks that differ from it, which shows no intent"),
            (figures.disputed_bytes, "are in failed pieces of several senders, and nobody is accused of them"),
            (figures.unproven_bytes, "are neither verified nor refuted"),
            (figures.repeated_bytes, "are repeats of what it had sent before"),
            (figures.pad_bytes, "are padding"),
        ];
        for (bytes, what) in further.iter().filter(|(bytes, _)| *bytes > 0) {
            html.push(&format!(" {} {what}.", grouped(*bytes)));
        }
    } else if figures.lost_bytes > 0 {
        html.push(&format!(
            "sent {} as pieces, of which the captures hold none.",
            counted(figures.lost_bytes, "byte")
        ));
    } else {
        let step = words::of(subject.grade);
        html.push(&format!("sent no piece data in these captures. Highest rung: {}, {}.", step.name, step.clause));
    }
    if subject.received_bytes > 0 {
        html.push(&format!(" {} of piece data were sent to it.", counted(subject.received_bytes, "byte")));
    }
    if peer.rung(Grade::G3m).is_some() {
        html.push(" It sent the torrent’s description (G3m), which is no piece.");
    }
    let clients: Vec<Html> = subject.clients.iter().take(3).map(|client| html::quoted(client, SHORT)).collect();
    if !clients.is_empty() {
        html.push(" It called itself ").add(&html::listed(&clients));
        let more = subject.clients.len().saturating_sub(clients.len()) as u64;
        if more > 0 {
            html.push(&format!(" and {}", counted(more, "other name")));
        }
        html.push(", which anyone may claim.");
    }
    html
}

fn rungs(cast: &Cast<'_>, peer: &Peer<'_>) -> Vec<Rung> {
    let subject = peer.subject;
    let mut out = Vec::new();
    for rung in subject.rungs.iter().filter(|rung| rung.grade != Grade::GX) {
        let step = words::of(rung.grade);
        let mut text = Html::text(step.clause);
        if let Some(file) = &rung.file {
            text.push(" (").add(&html::quoted(file, SHORT)).push(")");
        }
        out.push(Rung {
            style: match rung.grade {
                Grade::G3m => "side",
                grade if grade == subject.grade && grade < Grade::G9 => "top",
                _ => "",
            },
            name: step.name,
            text,
            missed: false,
            frames: cast.cited(rung.frames, &rung.time),
            why: Html::default(),
        });
    }
    if let Some(next) = next(peer) {
        let step = words::of(next);
        out.push(Rung {
            style: "miss",
            name: step.name,
            text: Html::text(&format!("{}: ", step.short)),
            missed: true,
            frames: String::new(),
            why: subject.next_rung.as_deref().map(reason_of).unwrap_or_default(),
        });
        if next < Grade::G8 {
            out.push(over("", "nor anything above it, up to G9"));
        } else if next == Grade::G8 {
            out.push(over("G9", "whole file: not reached"));
        }
    }
    if peer.figures.refuted_bytes > 0 {
        let mut text = Html::text(&format!(
            "it sent bytes that lie in blocks that differ from the torrent’s: {} in {}",
            counted(peer.figures.refuted_bytes, "byte"),
            counted(subject.pieces_refuted, "piece")
        ));
        if let Some(rung) = peer.rung(Grade::GX) {
            text.push(&format!(" ({})", cast.cited(rung.frames, &rung.time)));
        }
        out.push(Rung {
            style: "gx",
            name: "GX",
            text,
            missed: false,
            frames:
                "stands beside the ladder and shows no intent: a failing disk or a damaged capture does the same"
                    .to_owned(),
            why: Html::default(),
        });
    }
    out
}

/// The first missing rung: the one of which the reason speaks.
fn next(peer: &Peer<'_>) -> Option<Grade> {
    let reason = peer.subject.next_rung.as_deref()?;
    let name = reason.split_once(" not reached").map(|(name, _)| name);
    let grades = [Grade::G2, Grade::G3, Grade::G4, Grade::G5, Grade::G6, Grade::G7, Grade::G8, Grade::G9];
    grades.into_iter().find(|grade| Some(grade.name()) == name).or_else(|| words::above(peer.subject.grade))
}

fn over(name: &'static str, text: &str) -> Rung {
    Rung { style: "over", name, text: Html::text(text), missed: false, frames: String::new(), why: Html::default() }
}

fn not(peer: &Peer<'_>) -> Html {
    let step = words::of(peer.subject.grade);
    if peer.sent_any() && peer.subject.grade < Grade::G6 {
        return Html::ours(format!(
            "<b>Why {}, if it sent bytes?</b> A grade needs all its packets in the captures. Of its piece messages they \
             hold only parts.",
            step.name
        ));
    }
    Html::ours(format!("<b>{} does not show</b> {}.", step.name, Html::text(step.not)))
}

fn classes(peer: &Peer<'_>) -> Vec<Class> {
    let kept = CLASSES.iter().filter(|class| (class.bytes)(&peer.figures) > 0);
    kept.map(|class| Class {
        swatch: svg::swatch(class.style),
        name: class.name,
        bytes: grouped((class.bytes)(&peer.figures)),
        share: share((class.bytes)(&peer.figures), peer.figures.served_bytes),
        meaning: class.meaning,
    })
    .collect()
}

type Proof = (&'static str, Vec<Link>, Vec<Filter>, String);

/// The chain that the standard asks for, whole or as far as it goes, and the filters of its frames.
fn proof(cast: &Cast<'_>, peer: &Peer<'_>) -> Proof {
    let subject = peer.subject;
    let sent: Vec<&Transfer> = cast.sent(peer).collect();
    if let (Some(standard), true) = (&subject.standard, subject.actionable) {
        let transfer = sent.iter().copied().find(|transfer| transfer.standard.as_ref() == Some(standard));
        let unit = unit(standard);
        let at = |frames| cast.numbering.frames(frames);
        let link =
            |head, text: String, frames: String| Link { open: false, head, text, frames, code: Html::default() };
        let (digest, algorithm) = match (&standard.sha1, &standard.sha256) {
            (Some(sha1), _) => (Some(sha1), ", SHA-1"),
            (None, Some(sha256)) => (Some(sha256), ", SHA-256"),
            (None, None) => (None, ""),
        };
        let mut hash = link("Hash matches", format!("{unit}{algorithm}"), String::new());
        hash.code = digest.map(|digest| html::hash(digest)).unwrap_or_default();
        let chain = vec![
            link("Advertised", format!("said that it had {unit}"), at(standard.advertised)),
            link("Requested", "was asked for its blocks".to_owned(), at(standard.requested)),
            link("Served", "sent all of it, alone".to_owned(), at(standard.served)),
            hash,
        ];
        let exact = blocks::of_proof(cast, peer, standard);
        let ranges = [
            ("advertised", standard.advertised, Messages::Any),
            ("requested", standard.requested, Messages::Requests(standard.piece)),
            ("served", standard.served, Messages::Pieces(standard.piece)),
        ];
        let ranges = ranges.into_iter().filter(|_| exact.is_empty()).filter_map(|(what, frames, messages)| {
            // Several advertisements have frames of others between them, of either direction.
            Some(Filter { what, text: display_filter(frames, transfer.and_then(Way::read).as_ref(), messages)? })
        });
        let filters = exact.iter().map(|(what, text)| Filter { what, text: text.clone() }).chain(ranges).collect();
        let head = "First proof: the chain that the standard asks for";
        return (head, chain, filters, note(cast, transfer));
    }
    if !peer.sent_any() || sent.is_empty() {
        return ("", Vec::new(), Vec::new(), String::new());
    }
    let figures = &peer.figures;
    let advertised = peer.rung(Grade::G4);
    let chain = vec![
        Link {
            open: advertised.is_none(),
            head: "Advertised",
            text: match advertised {
                Some(_) => "claimed to have pieces".to_owned(),
                None => "no claim to have pieces is in the captures".to_owned(),
            },
            frames: advertised.map_or_else(String::new, |rung| cast.numbering.frames(rung.frames)),
            code: Html::default(),
        },
        Link {
            open: figures.solicited_bytes == 0,
            head: "Requested",
            text: format!(
                "{} of {} served bytes answer a request",
                grouped(figures.solicited_bytes),
                grouped(figures.served_bytes)
            ),
            frames: String::new(),
            code: Html::default(),
        },
        Link {
            open: figures.served_bytes == 0,
            head: "Served",
            text: format!("{} labelled as pieces", counted(figures.served_bytes, "byte")),
            frames: subject.served_frames.map_or_else(String::new, |frames| cast.numbering.frames(frames)),
            code: Html::default(),
        },
        match (figures.sole_bytes, figures.verified_bytes) {
            (0, 0) => Link {
                open: true,
                head: "Hash",
                text: "no piece with bytes of it is shown to match".to_owned(),
                frames: String::new(),
                code: Html::default(),
            },
            (0, verified) => Link {
                open: true,
                head: "Hash",
                text: format!("matches only together with others’ bytes ({})", grouped(verified)),
                frames: "no piece from it alone".to_owned(),
                code: Html::default(),
            },
            (sole, _) => Link {
                open: true,
                head: "Hash matches",
                text: format!("{} alone. {}", counted(sole, "byte"), missing(cast, peer)),
                frames: String::new(),
                code: Html::default(),
            },
        },
    ];
    let with_frames = sent.iter().filter(|transfer| transfer.served_frames.is_some()).take(MOST_FILTERS);
    let filters = with_frames.filter_map(|transfer| {
        Some(Filter {
            what: "served",
            text: display_filter(transfer.served_frames?, Way::read(transfer).as_ref(), Messages::AnyPieces)?,
        })
    });
    (
        "The chain that the standard asks for, as far as it goes",
        chain,
        filters.collect(),
        note(cast, sent.first().copied()),
    )
}

/// Notes on the filters that a reader must know.
fn note(cast: &Cast<'_>, transfer: Option<&Transfer>) -> String {
    let mut note = String::new();
    if cast.numbering.several() {
        note.push_str("Frames are those of the capture that is named with them: open that one. ");
    }
    if transfer.is_some_and(|transfer| transfer.transport.name() == "utp") {
        note.push_str("Wireshark does not rebuild uTP, so these select packets and not messages. ");
    }
    if transfer.is_some_and(|transfer| transfer.encryption.name() == "mse-rc4") {
        note.push_str(
            "The connection is encrypted: Wireshark shows the packets, and needs them in clear to show messages. ",
        );
    }
    if transfer.is_some_and(|transfer| !transfer.paths.is_empty()) {
        note.push_str(
            "Packets crossed a tunnel, whose outer addresses Wireshark shows too: the frames alone are selected. ",
        );
    }
    note.trim_end().to_owned()
}

/// Kinds of evidence that the captures do not hold of the peer, with the times that they cover.
fn not_seen(cast: &Cast<'_>, peer: &Peer<'_>) -> Html {
    let mut parts: Vec<Html> = Vec::new();
    let receivers: Vec<&str> = cast
        .sent(peer)
        .filter(|transfer| transfer.bytes.served_bytes > 0)
        .map(|transfer| transfer.downloader.as_str())
        .collect();
    match receivers.as_slice() {
        [] => parts.push(Html::text("piece data from it to anyone")),
        receivers => {
            let shown: Vec<Html> = receivers
                .iter()
                .take(3)
                .map(|endpoint| Html::ours(format!("<span class=\"ep\">{}</span>", html::endpoint(endpoint))))
                .collect();
            let mut html = Html::text("piece data from it to anyone but ");
            html.add(&html::listed(&shown));
            if receivers.len() > 3 {
                html.push(&format!(" and {}", counted((receivers.len() - 3) as u64, "other receiver")));
            }
            parts.push(html);
        }
    }
    if peer.subject.received_bytes == 0 {
        parts.push(Html::text("piece data to it"));
    }
    if peer.rung(Grade::G4).is_none() && peer.subject.transport.name() != "http" {
        parts.push(Html::text("a claim of it to have pieces"));
    }
    let pieces = blocks::without(cast, peer);
    parts.extend(pieces.map(|pieces| Html::text(&format!("bytes from it of the pieces {pieces}"))));
    let mut html = Html::text("Not in these captures: ");
    for (at, part) in parts.iter().enumerate() {
        html.push(if at > 0 { "; " } else { "" }).add(part);
    }
    let quality = &cast.document.quality;
    if let (Some(first), Some(last)) = (&quality.first_time, &quality.last_time) {
        // Over a step of a clock nobody knows when they ran.
        let cover = match quality.duration_ns {
            Some(_) => cast.document.running.told(|at| cast.clock.seconds(&at.to_string())),
            None => format!("{} to {}", cast.clock.seconds(first), cast.clock.seconds(last)),
        };
        html.push(&format!(
            ". They cover {cover} UTC, with its packets from {} to {}",
            cast.clock.seconds(&peer.subject.first_time),
            cast.clock.seconds(&peer.subject.last_time)
        ));
    }
    let has = |name: &str| peer.subject.flags.iter().any(|flag| flag.name() == name);
    html.push(match (has("one-sided"), has("gap-in-range")) {
        (true, true) => ", one direction of them only, and with gaps",
        (true, false) => ", one direction of them only",
        (false, true) => ", with gaps",
        (false, false) => "",
    });
    html.push(". Other connections, times and places were not captured.");
    html
}

// Rationale: the first screen of a peer; more would push its chain out of sight.
const MOST_FILES: usize = 10;
const MOST_FILTERS: usize = 5;
