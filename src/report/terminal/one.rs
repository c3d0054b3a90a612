//! One address: rung by rung, byte class by byte class, with frames, and what these captures do not hold of it.

use super::edges;
use super::grid::{Table, figure, word};
use super::hearsay;
use super::hosts;
use super::names::{FEW, View, endpoint, graded, listed, named, named_cell, sent_from};
use super::next;
use super::page::{Page, bold};
use super::reasons::{flag_words, missing, not_reached};
use super::screen::{Detail, OTHERS, PEERS};
use super::unread;
use super::words::{short, table_of};
use crate::evidence::{Class, Flag, Grade};
use crate::report::blocks as block;
use crate::report::filters::Way;
use crate::report::text::{counted, grouped};
use crate::report::{Subject, Transfer};

/// Writes the address that was chosen: each of its rows, then what is said of it.
pub(super) fn write(view: &View<'_>, page: &mut Page) {
    let shown = view.screen.rows(PEERS, view.peers.len());
    for subject in view.peers.iter().take(shown) {
        peer(view, subject, page);
    }
    if let Some(more @ 1..) = view.peers.len().checked_sub(shown) {
        page.blank();
        page.row(
            &format!("{} of this address: --top 0, or --peer ADDR:PORT", counted(more as u64, "more row")),
            0,
            2,
        );
    }
    if view.peers.is_empty() {
        let whom = view.document.shown.as_ref().and_then(|shown| shown.peer.clone()).unwrap_or_default();
        page.row(&bold(&format!("{whom} has no row in this report.")), 0, 2);
        page.line(&unseen(view));
    }
    if view.screen.detail != Detail::Answer {
        hosts::write(view, page);
        said(view, page);
    }
    if view.unread.hides {
        unread::write(view, page);
    }
    if view.screen.detail != Detail::Answer && !view.peers.is_empty() {
        page.heading(match &view.screen.case {
            Some(_) => "NEXT  the whole report; the page of the case",
            None => "NEXT  the whole report; keep it",
        });
        page.command(&next::again(view, ""));
        next::keep(view, page);
    }
    page.blank();
    for subject in view.peers.iter().take(shown) {
        page.row(&bold(&last(view, subject)), 0, 2);
    }
    if view.peers.is_empty() {
        page.row(&bold("Nothing is said of it but what stands here."), 0, 2);
    }
}

/// Sentences on an address without a row: the captures do not show it, and cover so much.
fn unseen(view: &View<'_>) -> String {
    let of = match view.unread.hides {
        true => {
            "No connection of it that could be read is one of a peer; not everything could be read, see UNREAD."
        }
        false => "No connection of it in these captures is one of a peer.",
    };
    let ran = match (view.document.quality.first_time, view.document.quality.duration_ns) {
        (Some(first), Some(_)) => format!(" They ran {} from {}.", view.captured(), view.clock.title(first)),
        (Some(first), None) => format!(" They ran from {} on, over a step of a clock.", view.clock.title(first)),
        _ => String::new(),
    };
    format!("{of}{ran} Other connections, times and places were not captured.")
}

fn peer(view: &View<'_>, subject: &Subject, page: &mut Page) {
    page.blank();
    let clock = view.clock;
    page.row(
        &bold(&format!(
            "{}, {}, {}, {} - {} UTC",
            subject.endpoint,
            match subject.transport.name() {
                "tcp" => "TCP",
                "utp" => "uTP",
                _ => "a web server",
            },
            match &subject.info_hash {
                Some(hash) => {
                    let name = view.torrent(Some(hash));
                    if name.starts_with('"') { format!("torrent {name}") } else { name }
                }
                None => "an unknown torrent".to_owned(),
            },
            clock.title(subject.first_time).replacen(" UTC", "", 1),
            clock.seconds(subject.last_time)
        )),
        0,
        2,
    );
    page.line(&sentence(view, subject));
    if view.screen.detail == Detail::Answer {
        return;
    }
    ladder(view, subject, page);
    bytes(subject, page);
    blocks(view, subject, page);
    files(view, subject, page);
    sessions(view, subject, page);
    not_seen(view, subject, page);
    flags(view, subject, page);
    wireshark(view, subject, page);
}

fn sentence(view: &View<'_>, subject: &Subject) -> String {
    let bytes = &subject.bytes;
    let mut parts = Vec::new();
    if let Some(ports) = sent_from(subject) {
        parts.push(format!("Its port is the one that it declared; {ports}."));
    }
    if bytes.served == 0 && bytes.lost == 0 {
        parts.push(format!(
            "Sent no piece data in these captures. Highest rung: {} ({}).",
            graded(subject.grade, 0),
            short(subject.grade)
        ));
    } else if bytes.served == 0 {
        parts.push(format!(
            "{} went as pieces, and the captures hold nothing of that.",
            counted(bytes.lost, "byte")
        ));
    }
    if bytes.verified > 0 {
        parts.push(format!("{} are the torrent's by hash ({}).", counted(bytes.verified, "byte"), subject.grade));
    }
    for (count, what) in [
        (bytes.refuted, "lie in blocks that differ (GX), which does not show intent"),
        (bytes.disputed, "are in failed pieces of several senders, and nobody is accused of them"),
        (bytes.unproven, "are neither verified nor refuted"),
        (bytes.repeated, "are repeats of what it had sent before"),
        (bytes.pad, "are padding"),
    ] {
        if count > 0 {
            parts.push(format!("{} {what}.", grouped(count)));
        }
    }
    if subject.received_bytes > 0 {
        parts.push(format!("{} of piece data were sent to it.", counted(subject.received_bytes, "byte")));
    }
    parts.push(if subject.actionable {
        "Standard met.".to_owned()
    } else {
        match subject.grade {
            Grade::G8 | Grade::G9 => format!("Standard not met. {}", missing(view.document, subject)),
            _ if bytes.verified > 0 => "Standard not met: missing is a whole piece from it alone.".to_owned(),
            _ => "Standard not met.".to_owned(),
        }
    });
    let clients: Vec<String> = subject.clients.iter().map(|client| named(client)).collect();
    if !clients.is_empty() {
        parts.push(format!("It called itself {}, which anyone may claim.", listed(clients, FEW)));
    }
    parts.push("One address is shown; the figures are those of the whole run.".to_owned());
    parts.join(" ")
}

fn ladder(view: &View<'_>, subject: &Subject, page: &mut Page) {
    page.heading("LADDER");
    let mut columns = vec![word("rung"), word("what"), word("first in frames"), word("UTC")];
    if view.screen.zone.is_some() {
        columns.push(word("local"));
    }
    let mut table = Table::new(columns, 2);
    for rung in &subject.rungs {
        let text = match (rung.grade, &rung.file) {
            (_, Some(file)) => format!("sent every byte of {}", named_cell(file)),
            (Grade::G2, _) => "opened or answered a connection".to_owned(),
            (Grade::G3, _) => "completed a handshake".to_owned(),
            (Grade::G4, _) => {
                format!("said that it had pieces, {} in all", grouped(subject.pieces_advertised))
            }
            (Grade::G6, _) => format!("sent {} as pieces", counted(subject.bytes.served, "byte")),
            (Grade::G7, _) => format!("{} are the torrent's", grouped(subject.bytes.verified)),
            (Grade::G8, _) => format!("{} in units from it alone", grouped(subject.bytes.sole)),
            (Grade::GX, _) => format!("{} lie in blocks that differ", grouped(subject.bytes.refuted)),
            (grade, _) => short(grade).to_owned(),
        };
        let mut cells =
            vec![rung.grade.name().to_owned(), text, view.cite(rung.frames), view.clock.exact(rung.time)];
        if view.screen.zone.is_some() {
            cells.push(view.clock.local(rung.time).unwrap_or_default());
        }
        table.push(cells);
    }
    if table.is_empty() {
        page.line("No rung: the packets of none are all in the captures.");
    } else {
        table.write(page);
    }
    if let Some(next) = &subject.next_rung {
        page.row(&not_reached(next), 2, 4);
    }
    if let Some(proof) = subject.standard.as_ref().filter(|_| subject.actionable) {
        page.row(&format!("Standard: piece {}; {}", proof.piece, super::answer::proven(view, proof)), 2, 4);
    }
}

/// From the sum to its classes.
fn bytes(subject: &Subject, page: &mut Page) {
    let bytes = &subject.bytes;
    let parts = [
        ("verified", bytes.verified),
        ("refuted", bytes.refuted),
        ("disputed", bytes.disputed),
        ("unproven", bytes.unproven),
        ("repeated", bytes.repeated),
        ("pad", bytes.pad),
    ];
    let sum: Vec<String> = parts
        .iter()
        .filter(|(_, bytes)| *bytes > 0)
        .map(|(name, bytes)| format!("{name} {}", grouped(*bytes)))
        .collect();
    let sum = if sum.is_empty() { String::new() } else { format!(" = {}", sum.join(" + ")) };
    page.heading(&format!("BYTES  served {}{sum}", grouped(bytes.served)));
    page.line(&format!(
        "{} asked for, {} acknowledged, {} lost. {} with verified bytes, {} from it alone.",
        grouped(bytes.solicited),
        grouped(bytes.acknowledged),
        grouped(bytes.lost),
        counted(subject.pieces_verified, "piece"),
        grouped(subject.pieces_sole)
    ));
    if !subject.refuted_pieces.is_empty() {
        let pieces = subject.refuted_pieces.iter().map(|range| match range.first == range.last {
            true => range.first.to_string(),
            false => format!("{}-{}", range.first, range.last),
        });
        page.line(&format!("Pieces with blocks that differ: {}", listed(pieces, MOST_RANGES)));
    }
}

/// Makes the test for the numbers of transfers in which the subject sent.
fn is_sent<'v>(view: &'v View<'_>, subject: &'v Subject) -> impl Fn(u64) -> bool + 'v {
    move |number| {
        let transfer = usize::try_from(number).ok().and_then(|at| view.document.transfers.get(at));
        transfer.is_some_and(|transfer| edges::is_of(transfer, subject).0)
    }
}

/// From the classes to what makes them up: which bytes of which piece, asked for and sent in which frames.
fn blocks(view: &View<'_>, subject: &Subject, page: &mut Page) {
    if subject.bytes.served == 0 {
        return;
    }
    let Some(pieces) = &view.document.pieces else {
        page.line(&format!("Which bytes of which piece, and in which frames: {}", table_of("pieces")));
        return;
    };
    let all = block::blocks(pieces, is_sent(view, subject));
    page.heading(&format!(
        "BLOCKS  {}",
        match all.len() {
            1 => "1 stretch of a piece".to_owned(),
            count => format!("{} stretches of pieces", grouped(count as u64)),
        }
    ));
    let columns = vec![
        figure("piece"),
        word("bytes of the piece"),
        figure("served"),
        word("class"),
        word("asked"),
        word("sent in frames"),
    ];
    let mut table = Table::new(columns, 1);
    let shown = view.screen.rows(PEERS, all.len());
    for each in all.iter().take(shown) {
        let cited = |frames: &[crate::report::Frames]| block::cited(frames, "-", |frames| view.cite(frames));
        table.push(vec![
            each.piece.clone(),
            each.place(),
            grouped(each.bytes),
            each.class.name().to_owned(),
            cited(&each.asked),
            cited(&each.frames),
        ]);
    }
    table.write(page);
    if let Some(rest) = all.get(shown..).filter(|rest| !rest.is_empty()) {
        let bytes = rest.iter().map(|each| each.bytes).fold(0, u64::saturating_add);
        page.line(&format!("and {} more with {}: --top 0", grouped(rest.len() as u64), counted(bytes, "byte")));
    }
}

fn files(view: &View<'_>, subject: &Subject, page: &mut Page) {
    let files: Vec<_> = subject.files.iter().filter(|file| file.verified_bytes > 0).collect();
    if files.is_empty() {
        return;
    }
    page.heading("FILES");
    let mut files = files;
    files.sort_by_key(|file| (!file.complete, std::cmp::Reverse(file.verified_bytes), &file.path));
    let shown = view.screen.rows(OTHERS, files.len());
    let mut table = Table::new(vec![word("file"), figure("verified"), figure("size"), word("whole")], 1);
    for file in files.iter().take(shown) {
        table.push(vec![
            named_cell(&file.path),
            grouped(file.verified_bytes),
            grouped(file.size),
            if file.complete { "all of it" } else { "-" }.to_owned(),
        ]);
    }
    table.write(page);
    if let Some(more @ 1..) = files.len().checked_sub(shown) {
        page.line(&format!("and {}: --top 0", counted(more as u64, "more file")));
    }
}

/// Its transfers, in both directions.
fn sessions(view: &View<'_>, subject: &Subject, page: &mut Page) {
    let of: Vec<&Transfer> = view
        .document
        .transfers
        .iter()
        .filter(|transfer| {
            let (from, to) = edges::is_of(transfer, subject);
            from || to
        })
        .collect();
    edges::write_of(view, &of, page);
    let silent = of.iter().filter(|transfer| transfer.bytes.served == 0 && transfer.bytes.lost == 0).count() as u64;
    if silent > 0 {
        page.line(&format!(
            "{} without piece data: {}",
            counted(silent, "further direction"),
            table_of("transfers")
        ));
    }
}

/// Writes the kinds of evidence that the captures do not hold of the subject, with the times that they cover.
fn not_seen(view: &View<'_>, subject: &Subject, page: &mut Page) {
    let quality = &view.document.quality;
    let length = match quality.duration_ns {
        Some(_) => view.captured(),
        None => "the time of the captures".to_owned(),
    };
    let directions = if subject.flags.contains(&Flag::OneSided) { "one direction only" } else { "both directions" };
    let gaps =
        if subject.flags.contains(&Flag::GapInRange) || subject.bytes.lost > 0 { "with gaps" } else { "no gap" };
    page.heading(&format!("NOT SEEN of {}, in {length}, {directions}, {gaps}", endpoint(subject)));
    let receivers: Vec<String> = view
        .document
        .transfers
        .iter()
        .filter(|transfer| edges::is_of(transfer, subject).0 && transfer.bytes.served > 0)
        .map(|transfer| transfer.downloader.to_string())
        .collect();
    let mut parts = vec![match receivers.is_empty() {
        true => "piece data from it to anyone".to_owned(),
        false => format!("piece data to anyone but {}", listed(receivers, FEW)),
    }];
    if subject.received_bytes == 0 {
        parts.push("piece data to it".to_owned());
    }
    let torrent =
        view.document.torrents.iter().find(|torrent| Some(&torrent.info_hash) == subject.info_hash.as_ref());
    if let (Some(pieces), Some(count)) = (&view.document.pieces, torrent.and_then(|torrent| torrent.pieces))
        && subject.bytes.served > 0
    {
        let without = block::without(pieces, is_sent(view, subject), count);
        if !without.is_empty() {
            parts.push(format!("bytes from it of the pieces {}", block::stretches(&without)));
        }
    }
    if subject.pieces_advertised == 0 && subject.transport.name() != "http" {
        parts.push("a claim of it to have pieces".to_owned());
    }
    let hidden = if view.unread.hides { " Not everything could be read, see UNREAD." } else { "" };
    page.line(&format!("{}. Other connections, times and places were not captured.{hidden}", parts.join("; ")));
}

fn flags(view: &View<'_>, subject: &Subject, page: &mut Page) {
    if subject.flags.is_empty() {
        return;
    }
    page.heading("FLAGS");
    for flag in &subject.flags {
        page.row(&format!("{flag}  {}", flag_words(*flag, view.is_loopback(subject))), 2, 4);
    }
}

/// Display filters: its messages, and the frames that are cited.
fn wireshark(view: &View<'_>, subject: &Subject, page: &mut Page) {
    let of: Vec<&Transfer> = view
        .document
        .transfers
        .iter()
        .filter(|transfer| edges::is_of(transfer, subject).0 && transfer.served_frames.is_some())
        .collect();
    let frames: Vec<crate::report::Frames> = match subject.standard.as_ref().filter(|_| subject.actionable) {
        Some(proof) => vec![proof.advertised, proof.requested, proof.served],
        None => Vec::new(),
    };
    let differing = subject.rungs.iter().find(|rung| rung.grade == Grade::GX).map(|rung| rung.frames);
    if of.is_empty() && frames.is_empty() {
        return;
    }
    let mut what = Vec::new();
    if !of.is_empty() {
        what.push("its piece messages");
    }
    if !frames.is_empty() {
        what.push("the first proof");
    }
    if differing.is_some() {
        what.push("what differs");
    }
    let own = view.document.pieces.as_deref().map(|pieces| block::blocks(pieces, is_sent(view, subject)));
    let exact = |keep: &dyn Fn(&block::Block) -> bool| {
        let sets = block::sets(own.iter().flatten().filter(|each| keep(each)));
        let few = sets.iter().map(|(_, set)| set.len()).sum::<usize>() <= MOST_EXACT;
        sets.into_iter().filter(|_| few).collect::<Vec<_>>()
    };
    // Without the others' frames that lie between.
    let proof = subject.standard.as_ref().filter(|_| subject.actionable).zip(view.document.pieces.as_deref());
    let proved = proof
        .map(|(proof, pieces)| block::proof(pieces, is_sent(view, subject), &proof.into()))
        .unwrap_or_default();
    let proved = block::joined(&proved);
    let sent = exact(&|_| true);
    if !sent.is_empty() {
        what.push("exactly the frames that it sent");
    }
    page.heading(&format!("IN WIRESHARK  {}", what.join("; ")));
    let messages: std::collections::BTreeSet<String> =
        of.iter().filter_map(|transfer| Way::of(transfer).piece_messages()).collect();
    for filter in messages.iter().take(MOST_FILTERS) {
        page.row(filter, 2, 4);
    }
    if let Some(more @ 1..) = messages.len().checked_sub(MOST_FILTERS) {
        page.line(&format!("and from {}", counted(more as u64, "more port")));
    }
    // What its dissector does not tell: the packets from the first to the last.
    let served = of.iter().filter(|transfer| Way::of(transfer).piece_messages().is_none());
    let served: Vec<crate::report::Frames> = served.filter_map(|transfer| transfer.served_frames).collect();
    next::filters(&served, view, page);
    match proved.is_empty() {
        true => next::filters(&frames, view, page),
        false => next::sets(&proved, view, page),
    }
    let differ = exact(&|each| each.class == Class::Refuted);
    if !differ.is_empty() {
        next::sets(&differ, view, page);
    } else if let Some(frames) = differing {
        next::filters(&[frames], view, page);
    }
    next::sets(&sent, view, page);
    if of.iter().any(|transfer| transfer.transport == crate::ends::Transport::Utp) {
        page.line(
            "Wireshark does not rebuild uTP: these select packets and not messages, and others' between them.",
        );
    }
}

/// Writes the mentions of the subject.
fn said(view: &View<'_>, page: &mut Page) {
    page.heading("NAMED  (hearsay: it may be forged, and changes no figure above)");
    let mentions = &view.document.mentions;
    if mentions.is_empty() {
        page.line("Nobody named it, and it named nobody.");
        return;
    }
    let shown = view.screen.rows(OTHERS, mentions.len());
    for mention in mentions.iter().take(shown) {
        page.row(&hearsay::sentence(view, mention), 2, 4);
    }
    if let Some(more @ 1..) = mentions.len().checked_sub(shown) {
        page.line(&format!("and {}: -v, or {}", counted(more as u64, "more mention"), table_of("mentions")));
    }
}

fn last(view: &View<'_>, subject: &Subject) -> String {
    let differ = if subject.bytes.refuted > 0 { "; it also sent blocks that differ" } else { "" };
    format!(
        "{}: {}, standard {}{differ}.",
        view.peer(subject),
        graded(subject.grade, 0),
        if subject.actionable { "met" } else { "not met" }
    )
}

// Rationale: as much as a screen carries beside the rest.
const MOST_FILTERS: usize = 5;
const MOST_EXACT: usize = 60;
const MOST_RANGES: usize = 20;
