//! The answer: how many peers did what, the strongest first, and what they did not; and the same again in the last line.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::names::{FEW, View, goes_by, graded, listed, rows_of};
use super::page::{Page, bold};
use super::reasons::missing;
use crate::anomaly::Kind;
use crate::ends::{Endpoint, Frames};
use crate::evidence::{Flag, Grade, Standing, encrypted};
use crate::report::notes::{not_listed, notes};
use crate::report::text::{counted, grouped, visible};
use crate::report::{Document, Edge, Input, Mention, Standard, Subject, Walked};

/// Writes the section.
pub(super) fn write(view: &View<'_>, page: &mut Page) {
    page.heading("ANSWER  (a peer is an address and port, for one torrent: never a person)");
    if let Some(line) = other_torrent(view) {
        page.row(&line, 2, 2);
    }
    let rows = if view.peers.is_empty() { nobody(view) } else { rows(view) };
    let digits = rows.iter().map(|row| row.count.len()).max().unwrap_or(1);
    let hang = 4 + digits.max(1);
    for row in &rows {
        page.row(&format!("{:>digits$}  {}", row.count, row.head), 2, hang);
        for line in &row.below {
            page.row(line, hang + 2, hang + 4);
        }
    }
    for line in beside(view) {
        page.row(&line, hang, hang);
    }
}

/// Where the torrent that was given is not the one that the captures show: which one that is.
fn other_torrent(view: &View<'_>) -> Option<String> {
    let (first, others) = view.instead.named.split_first()?;
    let more = match others.len() as u64 {
        0 => String::new(),
        more => format!(" and {}", counted(more, "other torrent")),
    };
    Some(format!(
        "No connection that could be read shows {}. The captures name torrent {}{more}{}.",
        view.asked(),
        first.info_hash,
        view.instead.remedy()
    ))
}

/// The answer in one line.
pub(super) fn last_line(view: &View<'_>, page: &mut Page) {
    let met = view.peers.iter().filter(|subject| subject.actionable).count() as u64;
    let differ = view.peers.iter().filter(|subject| subject.bytes.refuted > 0).count() as u64;
    let mut line = match (view.peers.len() as u64, met) {
        (0, _) if view.document.shown.is_none() && view.empty().is_some() => {
            format!("Nothing can be said: {}.", view.empty().unwrap_or_default())
        }
        (0, _) if view.unread.hides => {
            "No connection can be read for the answer: nothing can be said either way.".to_owned()
        }
        (0, _) if view.document.shown.is_some() => "No peer in the part that is shown.".to_owned(),
        (0, _) => "No peer, on what these captures hold.".to_owned(),
        (1, 0) => "The 1 peer did not meet the standard of proof".to_owned(),
        (1, _) => "The 1 peer met the standard of proof".to_owned(),
        (all, 0) => format!("None of {} peers met the standard of proof", grouped(all)),
        (all, met) => format!("{} of {} peers met the standard of proof", grouped(met), grouped(all)),
    };
    if !view.instead.named.is_empty() {
        line = format!(
            "No connection that could be read shows {}; {} shown to be of it.",
            view.asked(),
            match view.peers.len() {
                1 => "the 1 peer is not".to_owned(),
                many => format!("none of the {} peers is", grouped(many as u64)),
            }
        );
    } else if !view.peers.is_empty() {
        line.push_str(&match differ {
            0 => ".".to_owned(),
            differ => format!("; {} sent blocks that differ.", grouped(differ)),
        });
    }
    let damaged = (0..view.document.inputs.len())
        .filter(|at| matches!(view.document.inputs.get(*at), Some(Input::Capture { damage: Some(_), .. })));
    for at in damaged.take(FEW) {
        let Some(Input::Capture { frames, .. }) = view.document.inputs.get(at) else { continue };
        line.push_str(&format!(" {} was read only to frame {}.", view.input(at), grouped(*frames)));
    }
    if view.unread.hides && !view.peers.is_empty() && !line.contains("was read only") {
        line.push_str(" Not everything could be read.");
    }
    page.row(&bold(&line), 0, 2);
}

/// A line of the answer: how many, what of them, and the first of them.
struct Row {
    count: String,
    head: String,
    below: Vec<String>,
}

fn rows(view: &View<'_>) -> Vec<Row> {
    let of = |wanted: &dyn Fn(&Subject) -> bool| -> Vec<&Subject> {
        view.peers.iter().copied().filter(|subject| wanted(subject)).collect()
    };
    let row = |peers: &[&Subject], head: String, line: &dyn Fn(&Subject) -> String| Row {
        count: count(view, peers.len()),
        head,
        below: first(view, peers, &|subject| graded(subject.grade, 0), line),
    };
    // Where nothing was hashed, nobody is shown to have sent the torrent's bytes, nor that nobody did.
    let unhashed = view.unhashed();
    let hashed = |row: Row| match row.count.as_str() {
        "0" if unhashed => Row { count: "?".to_owned(), ..row },
        _ => row,
    };
    let met = of(&|subject| subject.actionable);
    let mut rows = vec![hashed(row(&met, standard(view, &met), &|subject| {
        let what = whole(subject);
        match &subject.standard {
            Some(proof) => format!("{what}; {}", proven(view, proof)),
            None => what,
        }
    }))];
    let verified = of(&|subject| !subject.actionable && subject.bytes.verified > 0);
    rows.push(hashed(row(
        &verified,
        "Sent bytes that are the torrent's by hash, without meeting the standard.".to_owned(),
        &|subject| {
            let frames =
                subject.served_frames.map(|frames| format!("; {}", view.frames(frames))).unwrap_or_default();
            let missing = match subject.grade {
                Grade::G8 | Grade::G9 => format!(". {}", missing(view.document, subject)),
                _ => String::new(),
            };
            format!("{}{frames}{missing}", counted(subject.bytes.verified, "byte"))
        },
    )));
    let unproven = of(&|subject| sent_any(subject) && subject.bytes.verified == 0 && subject.bytes.refuted == 0);
    if !unproven.is_empty() {
        rows.push(row(&unproven, "Sent bytes labelled as pieces, none of them verified.".to_owned(), &|subject| {
            unverified(view, subject)
        }));
    }
    let disputed = of(&|subject| subject.bytes.disputed > 0);
    if !disputed.is_empty() {
        let bytes = disputed.iter().map(|subject| subject.bytes.disputed).fold(0, u64::saturating_add);
        rows.push(Row {
            count: count(view, disputed.len()),
            head: format!(
                "Sent bytes in a failed piece of several senders: {}. Nobody is accused of them (disputed).",
                counted(bytes, "byte")
            ),
            below: Vec::new(),
        });
    }
    let differ = of(&|subject| subject.bytes.refuted > 0);
    let head = match differ.len() {
        0 => "Sent blocks that differ from the torrent.".to_owned(),
        _ => "Sent blocks that differ from the torrent. That does not show intent: a failing disk or a damaged capture does \
              the same."
            .to_owned(),
    };
    rows.push(hashed(Row {
        count: count(view, differ.len()),
        head,
        below: first(view, &differ, &|_| Grade::GX.name().to_owned(), &|subject| differing(view, subject)),
    }));
    let silent = of(&|subject| !sent_any(subject));
    rows.push(row(&silent, "Sent no piece data in these captures.".to_owned(), &|subject| quiet(subject)));
    rows.push(named(view));
    rows
}

/// Where nobody has a row.
fn nobody(view: &View<'_>) -> Vec<Row> {
    let document = view.document;
    if document.shown.is_some() {
        return vec![Row {
            count: "0".to_owned(),
            head: "No peer is in the part that is shown.".to_owned(),
            below: Vec::new(),
        }];
    }
    if let Some(empty) = view.empty() {
        return vec![
            Row {
                count: "?".to_owned(),
                head: format!("Nothing can be said: {empty}."),
                below: vec![
                    notes(document).first().map(|note| visible(note)).unwrap_or_default(),
                    format!("What there is: {}", super::next::inspect(view).join(" ")),
                ],
            },
            Row { count: "?".to_owned(), ..named(view) },
        ];
    }
    if view.unread.hides {
        let mut below: Vec<String> = notes(document).first().map(|note| visible(note)).into_iter().collect();
        below.retain(|note| !note.starts_with("The captures hold "));
        let head = if document.opaque.is_empty() && Walked::of(document).hidden() > 0 {
            "No connection that could be read is shown to be BitTorrent, and others could be, so nothing can be said either way."
        } else {
            "No connection can be read, so nothing can be said either way."
        };
        let head = head.to_owned();
        return vec![Row { count: "?".to_owned(), head, below }, named(view)];
    }
    let head = match document.torrents.iter().filter(|torrent| torrent.source.is_some()).count() {
        0 => "No connection in these captures is shown to be BitTorrent.".to_owned(),
        1 => format!("No connection in these captures shows the info-hash of {}.", view.torrents_named()),
        _ => format!("No connection in these captures shows an info-hash of the {}.", view.torrents_named()),
    };
    let elsewhere = "Other connections, times and places were not captured.";
    let note = notes(document).first().map(|note| visible(note)).unwrap_or_default();
    vec![
        Row {
            count: "0".to_owned(),
            head: format!("{head} {elsewhere}"),
            below: vec![note, format!("What the captures hold: {}", super::next::inspect(view).join(" "))],
        },
        named(view),
    ]
}

/// How many, or that it cannot be told.
fn count(view: &View<'_>, count: usize) -> String {
    if count == 0 && view.unread.hides { "?".to_owned() } else { grouped(count as u64) }
}

/// A line for each of the first peers, and how many more there are.
fn first(
    view: &View<'_>,
    peers: &[&Subject],
    grade: &dyn Fn(&Subject) -> String,
    line: &dyn Fn(&Subject) -> String,
) -> Vec<String> {
    // Up to two too many are shown rather than counted.
    let shown = if peers.len() <= FEW + 2 { peers.len() } else { FEW };
    let mut lines: Vec<String> = peers
        .iter()
        .take(shown)
        .map(|subject| {
            let (peer, grade) = (view.peer(subject), grade(subject));
            format!("{peer}  {}  {}{}", bold(&grade), line(subject), relay(view, subject))
        })
        .collect();
    if let Some(more @ 1..) = peers.len().checked_sub(shown) {
        lines.push(format!("and {} more, in PEERS", grouped(more as u64)));
    }
    lines
}

/// That the address is on a list of relays, of a peer that sent anything.
fn relay(view: &View<'_>, subject: &Subject) -> &'static str {
    let listed = view.document.host(subject.endpoint.ip).is_some_and(|host| !host.relays.is_empty());
    if listed && sent_any(subject) { "; on a list of relays, so what it sends may come from others" } else { "" }
}

fn standard(view: &View<'_>, met: &[&Subject]) -> String {
    if met.is_empty() && view.document.shown.is_some() {
        return "Standard of proof met. No peer in the part that is shown.".to_owned();
    }
    if met.is_empty() {
        let doubt = if view.unread.hides {
            " Not everything could be read, so this is no finding that nobody did."
        } else if view.unhashed() {
            " Not everything could be hashed, so this is no finding that nobody did."
        } else {
            ""
        };
        return match doubt {
            "" => "Standard of proof met. No peer, on what these captures hold.".to_owned(),
            doubt => format!("Standard of proof: cannot be told. No peer is shown to have met it.{doubt}"),
        };
    }
    let leaves =
        met.iter().filter(|subject| subject.standard.as_ref().is_some_and(|proof| proof.leaf.is_some())).count();
    let said = match leaves {
        0 => "it said that it had a piece, was asked for it, sent all of it alone, and the piece matches its hash.",
        all if all == met.len() => {
            "it said that it had a piece, was asked for a leaf of it (16 KiB), sent that alone, and the leaf matches its hash."
        }
        _ => {
            "it said that it had a piece, was asked for it or for a leaf of it (16 KiB), sent that alone, and it matches its \
             hash."
        }
    };
    format!("Standard of proof met: {said} Frames of the first:")
}

/// `5 pieces`, or what there is below a whole piece; and the files that it sent whole.
pub(super) fn whole(subject: &Subject) -> String {
    let mut what = match subject.pieces_sole {
        0 => format!("{} in whole leaves", counted(subject.bytes.sole, "byte")),
        pieces => counted(pieces, "piece"),
    };
    let files = subject.files.iter().filter(|file| file.complete).count() as u64;
    if files > 0 {
        what.push_str(&format!(
            ", among them {}",
            if files == 1 { "a whole file".to_owned() } else { format!("{} whole files", grouped(files)) }
        ));
    }
    what
}

/// `piece 6: said 78; asked 99; sent within 148-198`: between the first and the last frame there may be others' frames.
pub(super) fn proven(view: &View<'_>, proof: &Standard) -> String {
    let leaf = proof.leaf.map(|leaf| format!("leaf {leaf} of ")).unwrap_or_default();
    let within = |frames: Frames| match frames.first == frames.last && frames.last_file.is_none() {
        true => view.cite(frames),
        false => format!("within {}", view.cite(frames)),
    };
    format!(
        "{leaf}piece {}: said {}; asked {}; sent {}",
        proof.piece,
        within(proof.advertised),
        within(proof.requested),
        within(proof.served)
    )
}

fn unverified(view: &View<'_>, subject: &Subject) -> String {
    let bytes = &subject.bytes;
    let mut what = match bytes.served {
        0 => format!("{} were sent, and the captures hold none of them", counted(bytes.lost, "byte")),
        served => counted(served, "byte"),
    };
    if let Some(frames) = subject.served_frames {
        what.push_str(&format!("; {}", view.frames(frames)));
    }
    if !subject.spoke() || subject.grade < Grade::G3 {
        what.push_str("; not shown to be in the swarm");
    }
    what
}

fn differing(view: &View<'_>, subject: &Subject) -> String {
    let frames = subject.rungs.iter().find(|rung| rung.grade == Grade::GX).map(|rung| view.frames(rung.frames));
    format!(
        "{} of {}{}",
        grouped(subject.bytes.refuted),
        counted(subject.bytes.served, "byte"),
        frames.map(|frames| format!("; within {frames}")).unwrap_or_default()
    )
}

fn quiet(subject: &Subject) -> String {
    let mut parts = Vec::new();
    if !subject.spoke() {
        parts.push("no handshake of its own is complete in the captures".to_owned());
    }
    if subject.rungs.iter().any(|rung| rung.grade == Grade::G3m) {
        parts.push("it sent the torrent's description (G3m), which is no piece".to_owned());
    }
    if subject.received_bytes > 0 {
        parts.push(format!("{} of piece data were sent to it", counted(subject.received_bytes, "byte")));
    }
    if parts.is_empty() { subject.grade.meaning().to_owned() } else { parts.join("; ") }
}

/// Addresses that have no row, and are only named: who listed them, or that they announced themselves.
pub(super) fn only_named(document: &Document) -> BTreeMap<Endpoint, Vec<&Mention>> {
    let rows = rows_of(document);
    let mut named: BTreeMap<Endpoint, Vec<&Mention>> = BTreeMap::new();
    let elsewhere = |end| document.shown.as_ref().is_some_and(|shown| shown.hides(end));
    let without = |mention: &&Mention| !rows.contains(&mention.subject) && !elsewhere(mention.subject);
    for mention in document.mentions.iter().filter(without) {
        named.entry(mention.subject).or_default().push(mention);
    }
    named
}

/// Returns true for a mention of a torrent of the report: by v1 hash, v2 hash or cut v2 hash; of any, where no torrent
/// was given.
fn of_report(document: &Document, mention: &Mention) -> bool {
    let given = document.torrents.iter().any(|torrent| torrent.source.is_some());
    !given
        || mention
            .info_hash
            .as_ref()
            .is_some_and(|hash| document.torrents.iter().any(|torrent| goes_by(torrent, hash)))
}

fn named(view: &View<'_>) -> Row {
    let (named, others): (BTreeMap<_, _>, BTreeMap<_, _>) = only_named(view.document)
        .into_iter()
        .map(|(address, mut mentions)| {
            mentions.retain(|mention| of_report(view.document, mention));
            (address, mentions)
        })
        .partition(|(_, mentions)| !mentions.is_empty());
    let (announced, listed_only): (Vec<_>, Vec<_>) =
        named.iter().partition(|(_, mentions)| mentions.iter().any(|mention| mention.grade != Standing::Named));
    let mut below = Vec::new();
    if !announced.is_empty() {
        let best = announced.iter().flat_map(|(_, mentions)| mentions.iter().map(|mention| mention.grade)).max();
        below.push(format!(
            "{} announced {} ({}), which shows no content: {}",
            match announced.len() {
                1 => "1 address".to_owned(),
                count => format!("{} addresses", grouped(count as u64)),
            },
            if announced.len() == 1 { "itself" } else { "themselves" },
            best.map_or("G1a", |best| best.name()),
            listed(announced.iter().map(|(address, _)| address.to_string()), FEW)
        ));
    }
    if !listed_only.is_empty() {
        below.push(format!(
            "{}: only listed by others",
            listed(listed_only.iter().map(|(address, _)| address.to_string()), FEW)
        ));
    }
    if !others.is_empty() {
        below.push(format!(
            "Not counted: {} of other torrents or of an unknown one, see NAMED BY OTHERS.",
            match others.len() {
                1 => "1 more address".to_owned(),
                count => format!("{} more addresses", grouped(count as u64)),
            }
        ));
    }
    // From whatever port: a client calls others from ports that nobody names.
    let ends: BTreeSet<IpAddr> = view.document.opaque.iter().flat_map(|each| [each.a.ip, each.b.ip]).collect();
    let also = named.keys().filter(|address| ends.contains(&address.ip)).count() as u64;
    if also > 0 {
        below.push(format!("{} of these also took part in what could not be read.", grouped(also)));
    }
    Row {
        count: count(view, named.len()),
        head: "Only named by others or by their own announces.".to_owned(),
        below,
    }
}

/// Reservations that bear on every count of the answer.
fn beside(view: &View<'_>) -> Vec<String> {
    let document = view.document;
    let mut out = Vec::new();
    if !view.peers.is_empty() && !view.unread.hides && !view.unread.gaps {
        let has = |flag: Flag| document.transfers.iter().any(|transfer| transfer.flags.contains(&flag));
        let read = read_whole(&has);
        out.push(if read.ends_with(WHOLE) { read } else { format!("{}, see FLAGS.", read.trim_end_matches('.')) });
    } else if view.unread.gaps && !view.unread.hides {
        out.push("Bytes of these connections are missing: figures are lower bounds, see UNREAD.".to_owned());
    }
    out.extend(document.unlisted.as_ref().map(not_listed));
    let pairs = same_connections(document).len() as u64;
    if pairs > 0 {
        out.push(format!(
            "{} seen on both sides of an address translation: one host stands there under two addresses, as two peers. Add \
             nothing up before you have looked at FLAGS.",
            match pairs {
                1 => "1 connection was".to_owned(),
                pairs => format!("{} connections were", grouped(pairs)),
            }
        ));
    }
    let (foreign, given): (Vec<_>, Vec<_>) = document.torrents.iter().partition(|torrent| torrent.source.is_none());
    // Of the wrong torrent that is the first that is said.
    if let Some(first) = foreign.first().filter(|_| view.instead.named.is_empty()) {
        out.push(format!(
            "Nothing can be verified of {}: give the torrent file with -t.",
            match foreign.len() {
                1 => format!("torrent {}, which was not given", first.info_hash),
                count => format!("{} torrents that were not given", grouped(count as u64)),
            }
        ));
    }
    let bare: Vec<_> = given.iter().filter(|torrent| torrent.size.is_none()).collect();
    if let Some(first) = bare.first() {
        out.push(format!(
            "Nothing can be verified of {} without the description (the info dictionary), which is not in the captures either: \
             give the torrent file with -t.",
            match bare.len() {
                1 => format!("torrent {}", first.info_hash),
                count => format!("{} torrents", grouped(count as u64)),
            }
        ));
    }
    let opaque = encrypted(&document.opaque).len() as u64;
    let limited = document.anomalies.iter().any(|anomaly| anomaly.kind == Kind::LimitReached);
    if !view.peers.is_empty() && (opaque > 0 || limited) {
        out.push("More may have been sent than the figures say, see UNREAD.".to_owned());
    }
    out
}

/// How far connections of which no byte is known to be missing were read: one begun before the capture, or captured in one
/// direction, may lack what nobody can count.
pub(crate) fn read_whole(has: &dyn Fn(Flag) -> bool) -> String {
    let mut but = Vec::new();
    if has(Flag::OneSided) {
        but.push("of some connections only one direction, or one handshake, is in the captures");
    }
    if has(Flag::HandshakeNotCaptured) {
        but.push("some had begun before the captures, and were read from there on");
    }
    if has(Flag::Resynchronised) {
        but.push("in some the framing was lost and found again");
    }
    if but.is_empty() {
        return WHOLE.to_owned();
    }
    format!("No byte is known to be missing between those that were captured, but {}.", but.join("; "))
}

const WHOLE: &str = "Every connection that carries BitTorrent was read without a gap.";

/// Connections that stand in the report twice: the pairs of addresses, each with the pair that it is too.
pub(super) fn same_connections(document: &Document) -> BTreeSet<(String, String)> {
    let mut pairs = BTreeSet::new();
    for transfer in &document.transfers {
        let ends = |edge: &Edge| {
            let (one, other) = (edge.uploader.to_string(), edge.downloader.to_string());
            if one <= other { format!("{one} and {other}") } else { format!("{other} and {one}") }
        };
        let own = ends(&Edge { uploader: transfer.uploader, downloader: transfer.downloader });
        for edge in &transfer.same_connection_as {
            let other = ends(edge);
            pairs.insert(if own <= other { (own.clone(), other) } else { (other, own.clone()) });
        }
    }
    pairs
}

fn sent_any(subject: &Subject) -> bool {
    subject.bytes.served > 0 || subject.bytes.lost > 0
}
