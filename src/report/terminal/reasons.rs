//! Why no peer stands higher, and what else its evidence has: only what the packets show, of addresses and ports.

use std::collections::BTreeMap;

use super::answer::same_connections;
use super::names::{FEW, View, listed};
use super::page::Page;
use super::screen::Detail;
use crate::evidence::{Flag, Grade};
use crate::report::text::{counted, figures_grouped, grouped, visible};
use crate::report::{Document, Subject, Transfer};

/// Writes the sections.
pub(super) fn write(view: &View<'_>, page: &mut Page) {
    why_not_higher(view, page);
    flags(view, page);
}

/// Why each peer below the standard is not higher, together for those of one reason.
fn why_not_higher(view: &View<'_>, page: &mut Page) {
    page.heading("WHY NOT HIGHER");
    let mut reasons: Vec<(String, Vec<String>)> = Vec::new();
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    for subject in &view.peers {
        let Some(reason) = reason(view.document, subject) else { continue };
        let place = *places.entry(reason.clone()).or_insert(reasons.len());
        match reasons.get_mut(place) {
            Some((_, peers)) => peers.push(view.peer(subject)),
            None => reasons.push((reason, vec![view.peer(subject)])),
        }
    }
    if reasons.is_empty() {
        page.line(if view.peers.is_empty() {
            match (view.document.shown.is_some(), view.unread.hides) {
                (true, _) => "No row is in the part that is shown.",
                (false, true) => "Nobody has a row: not everything could be read.",
                (false, false) => "Nobody has a row.",
            }
        } else {
            "Every peer with a row met the standard."
        });
        return;
    }
    let most = if view.screen.detail == Detail::All { MOST_ROWS } else { MOST_REASONS };
    let named = if view.screen.detail == Detail::All { MOST_ROWS } else { FEW };
    let left = reasons.len().saturating_sub(most);
    for (reason, peers) in reasons.into_iter().take(most) {
        match peers.as_slice() {
            [one] => page.row(&format!("{one}  {reason}"), 2, hang(one, page)),
            _ => {
                page.line(&listed(peers, named));
                page.row(&reason, 4, 4);
            }
        }
    }
    if left > 0 {
        page.line(&format!("and {}: -v, or `next_rung` in report.json", counted(left as u64, "more reason")));
    }
}

/// The column behind a name, where that leaves room for a sentence.
fn hang(name: &str, page: &Page) -> usize {
    let behind = crate::report::text::columns(name) + 4;
    if behind * 2 <= page.prose() { behind } else { 4 }
}

/// Why a peer is not higher, without the peer; `None` for one that met the standard.
pub(super) fn reason(document: &Document, subject: &Subject) -> Option<String> {
    if subject.actionable {
        return None;
    }
    if matches!(subject.grade, Grade::G8 | Grade::G9) {
        return Some(format!("standard not met. {}", missing(document, subject)));
    }
    subject.next_rung.as_deref().map(not_reached)
}

/// `not G8: every verified piece also has bytes of other peers`.
pub(super) fn not_reached(reason: &str) -> String {
    let reason = figures_grouped(&visible(reason).replace("other subjects", "other peers"));
    match reason.split_once(" not reached: ") {
        Some((rung, why)) => format!("not {rung}: {why}"),
        None => reason,
    }
}

/// Why a verified unit alone is not the standard.
pub(super) fn missing(document: &Document, subject: &Subject) -> String {
    if subject.transport == crate::ends::Transport::Http {
        return "It is a web server, which advertises nothing: the standard is for peers.".to_owned();
    }
    if subject.flags.contains(&Flag::ReturnPathUnconfirmed) {
        return "Missing: any packet that confirms what the other end sent, so the address may be forged."
            .to_owned();
    }
    let asked = |transfer: &Transfer| super::edges::is_of(transfer, subject).0 && transfer.bytes.solicited > 0;
    let requested = document.transfers.iter().any(asked);
    match (subject.pieces_advertised > 0, requested) {
        (false, _) => "Missing: that it had advertised the piece, in these captures.".to_owned(),
        (_, false) => "Missing: that it was asked for the piece, in these captures.".to_owned(),
        _ => missing_together(subject.flags.contains(&Flag::PadOrTrivial)).to_owned(),
    }
}

/// What is missing where there are pieces that were advertised, asked for and sent alone, but none that was all of it; `trivial`:
/// some were of one byte value.
pub(crate) fn missing_together(trivial: bool) -> &'static str {
    if trivial {
        return "Missing: a piece of more than one byte value that it had advertised, was asked for and then sent alone, in these \
                captures. Pieces of one repeated byte value do not count: anybody could send them.";
    }
    "Missing: for a piece that it sent alone, both that it had advertised it before and that it was asked for it before, in \
     these captures."
}

/// The flags, each with the peers that have it; and connections that stand there twice.
fn flags(view: &View<'_>, page: &mut Page) {
    let mut flags: BTreeMap<(Flag, &str), Vec<String>> = BTreeMap::new();
    for subject in &view.peers {
        for flag in &subject.flags {
            let words = flag_words(*flag, view.is_loopback(subject));
            flags.entry((*flag, words)).or_default().push(view.peer(subject));
        }
    }
    let pairs = same_connections(view.document);
    if flags.is_empty() && pairs.is_empty() {
        return;
    }
    page.heading("FLAGS  (properties of the evidence; none raises a grade)");
    let named = if view.screen.detail == Detail::All { MOST_ROWS } else { FEW };
    for ((flag, words), peers) in flags {
        let all = peers.len() == view.peers.len() && peers.len() > FEW;
        let whose = if all { format!("all {} peers", grouped(peers.len() as u64)) } else { listed(peers, named) };
        page.row(&format!("{flag}  {words}: {whose}"), 2, 4);
    }
    let most = if view.screen.detail == Detail::All { MOST_ROWS } else { FEW };
    for (one, other) in pairs.iter().take(most) {
        page.row(
            &format!(
                "What passed between {one}, and between {other}, is one connection seen on both sides of an address \
                 translation: do not add their figures up. Sums over a torrent hold both."
            ),
            2,
            4,
        );
    }
    if let Some(more @ 1..) = pairs.len().checked_sub(most) {
        page.line(&format!(
            "And so it is with {}: -v, or `same_connection_as` in report.json.",
            counted(more as u64, "more connection")
        ));
    }
}

/// The meaning of a flag as a clause; of an address that `is_loopback`, too.
pub(super) fn flag_words(flag: Flag, is_loopback: bool) -> &'static str {
    match flag {
        Flag::PrivateAddress if is_loopback => {
            "its address is one by which a machine speaks to itself (loopback): both ends are on the machine of the capture"
        }
        Flag::OneSided => "only one direction of a connection, or one of its two handshakes, is in the captures",
        Flag::ReturnPathUnconfirmed => {
            "nothing shows that what the other end sent reached it, so its packets may be forged"
        }
        Flag::Unsolicited => "it sent a piece that nobody asked for in these captures",
        Flag::GapInRange => "bytes within what it sent are not in the captures",
        Flag::OverlapConflict => "a stretch was sent twice with different bytes",
        Flag::BadChecksum => "packets within what it sent have a wrong checksum",
        Flag::TruncatedSnaplen => "the snap length cut what it sent",
        Flag::DuplicateFrames => "frames are in the captures more than once, and count once",
        Flag::DeclaredPort => {
            "its connections have different peer_ids and only declare the same listen port. Some clients make a new peer_id for \
             each connection, and several behind one address may declare one port: it may be one or several"
        }
        Flag::DecryptedWithSecret => "readable only with the secret that was given",
        Flag::Resynchronised => "framing was lost and found again",
        Flag::InfoHashMismatch => "the two handshakes of a connection name different torrents",
        Flag::HandshakeNotCaptured => "its handshake of a connection is not in the captures",
        Flag::PadOrTrivial => "some of what it sent is padding or of one byte value, which anybody could send",
        Flag::Boomerang => "the receiver itself had sent it the same piece before",
        Flag::ClockStep => "the clock of the capture stepped meanwhile",
        Flag::PrivateAddress => {
            "its address is a private one: the captures do not show which public address, if any, stood for it"
        }
    }
}

// Rationale: nobody reads more reasons on a screen; -v and report.json hold everything.
const MOST_REASONS: usize = 10;
const MOST_ROWS: usize = 5_000;
