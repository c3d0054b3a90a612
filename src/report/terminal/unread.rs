//! Traffic that could not be read, and the limits that it sets: above the answer where peers may be hidden in it.

use super::names::{FEW, View, listed};
use super::page::Page;
use super::screen::Detail;
use super::words::table_of;
use crate::anomaly::Kind;
use crate::evidence::{OpaqueKind, encrypted};
use crate::report::clocks;
use crate::report::notes::unread_protocols;
use crate::report::text::{counted, damaged, escaped, gaps, grouped, plural, visible};
use crate::report::{Document, Input, Opaque, Walked, named_in, passed_over};

/// Sentences about traffic that could not be read.
pub(super) struct Unread {
    /// Set if peers may be hidden in that traffic, so that a zero is no zero.
    pub(super) hides: bool,
    /// Set if bytes of connections that were read are missing.
    pub(super) gaps: bool,
}

impl Unread {
    pub(super) fn of(document: &Document) -> Self {
        let captures = document.inputs.iter().any(|input| match input {
            Input::Capture { damage, interfaces, .. } => {
                damage.is_some() || interfaces.iter().any(|interface| interface.unread_frames > 0)
            }
            Input::Torrent { .. } => false,
        });
        let odd = document.anomalies.iter().any(|anomaly| HIDING.contains(&anomaly.kind));
        // Beside peers that were read, a connection that nothing is known of is no word against them.
        let could = document.subjects.is_empty() && Walked::of(document).hidden() > 0;
        Self {
            hides: captures || odd || could || !document.opaque.is_empty() || document.unlisted.is_some(),
            gaps: document.quality.gaps > 0 || lost(document) > 0,
        }
    }
}

/// Writes the section.
pub(super) fn write(view: &View<'_>, page: &mut Page) {
    let document = view.document;
    if view.screen.detail == Detail::Answer && !view.unread.hides {
        return;
    }
    page.heading("UNREAD, AND WHAT THAT LIMITS");
    opaque(view, page);
    for input in &document.inputs {
        let Input::Capture { damage: Some(damage), .. } = input else { continue };
        page.line(&format!("{}. More may have been sent than the figures say.", damaged(input.name(), damage)));
    }
    oddities(view, page);
    holes(view, page);
    // Why nobody is in the report stands in the answer.
    let from = usize::from(document.subjects.is_empty() && document.shown.is_none() && document.unlisted.is_none());
    let shown = if view.screen.detail == Detail::All { usize::MAX } else { MOST_NOTES };
    let notes: Vec<&String> =
        document.notes.iter().skip(from).filter(|note| !note.starts_with("The captures hold ")).collect();
    notes.iter().take(shown).for_each(|note| page.line(&visible(note)));
    if let Some(more @ 1..) = notes.len().checked_sub(shown) {
        page.line(&format!("{} more of these: -v, or `notes` in report.json", grouped(more as u64)));
    }
    passed_over(&document.passed_over).iter().for_each(|sentence| page.line(&format!("{sentence}.")));
    always(view, page);
}

fn opaque(view: &View<'_>, page: &mut Page) {
    let encrypted = encrypted(&view.document.opaque);
    let relayed: Vec<&Opaque> = view.document.opaque.iter().filter(|each| each.kind == OpaqueKind::Relay).collect();
    let bytes = |rows: &[&Opaque]| {
        counted(rows.iter().map(|row| row.a_to_b.saturating_add(row.b_to_a)).fold(0, u64::saturating_add), "byte")
    };
    let one = encrypted.len() == 1;
    if !encrypted.is_empty() {
        page.line(&format!(
            "{} taken for encrypted BitTorrent could not be read ({}). {} could be of {}, or of another. Nothing is said of \
             {} content. {}",
            counted(encrypted.len() as u64, "conversation"),
            bytes(&encrypted),
            if one { "It" } else { "Any of them" },
            if view.document.torrents.len() > 1 { "these torrents" } else { "this torrent" },
            if one { "its" } else { "their" },
            conversations(view, &encrypted)
        ));
    }
    if !relayed.is_empty() {
        let is_one = relayed.len() == 1;
        page.line(&format!(
            "{} {} through a proxy ({}): credited to nobody, for the proxy's address is not that of the peers. {}",
            counted(relayed.len() as u64, "conversation"),
            if is_one { "goes" } else { "go" },
            bytes(&relayed),
            conversations(view, &relayed)
        ));
    }
    let random: Vec<&Opaque> =
        view.document.opaque.iter().filter(|each| each.kind == OpaqueKind::Unrecognised).collect();
    if !random.is_empty() {
        page.line(&format!(
            "{} with bytes that look random from the first one on, on ports of other services ({}): not recognised, and may \
             be anything. {}",
            counted(random.len() as u64, "conversation"),
            bytes(&random),
            conversations(view, &random)
        ));
    }
    let webrtc: Vec<&Opaque> = view.document.opaque.iter().filter(|each| each.kind == OpaqueKind::WebRtc).collect();
    if !webrtc.is_empty() {
        page.line(&format!(
            "{} of WebRTC ({}), encrypted: WebTorrent goes through such, and so do calls and whatever else browsers do. Nothing \
             is said of {} content. {}",
            counted(webrtc.len() as u64, "conversation"),
            bytes(&webrtc),
            if webrtc.len() == 1 { "its" } else { "their" },
            conversations(view, &webrtc)
        ));
    }
    let tls: Vec<&Opaque> = view.document.opaque.iter().filter(|each| each.kind == OpaqueKind::Tls).collect();
    if let Some(named) = named_in(&view.document.opaque) {
        let its = if tls.len() == 1 { "its" } else { "their" };
        page.line(&format!(
            "{named}, as peers of an SSL torrent do: nothing is said of {its} content. {}",
            conversations(view, &tls)
        ));
    }
    if view.screen.detail == Detail::All {
        for each in view.document.opaque.iter().take(MOST_ROWS) {
            page.row(
                &format!(
                    "{} - {} ({}, {}): {} there, {} back, {}; {}",
                    each.a,
                    each.b,
                    each.transport.name(),
                    each.kind,
                    counted(each.a_to_b, "byte"),
                    counted(each.b_to_a, "byte"),
                    view.frames(each.frames),
                    escaped(&each.basis)
                ),
                4,
                6,
            );
        }
    }
}

/// The first few with their frames.
fn conversations(view: &View<'_>, rows: &[&Opaque]) -> String {
    if rows.len() > FEW {
        return format!("All of them: {}", table_of("opaque"));
    }
    listed(rows.iter().map(|row| format!("{} - {}, {}", row.a, row.b, view.frames(row.frames))), FEW)
}

fn oddities(view: &View<'_>, page: &mut Page) {
    let document = view.document;
    for anomaly in document.anomalies.iter().filter(|anomaly| is_told(anomaly.kind)) {
        let first = anomaly.examples.first();
        let at =
            first.and_then(|example| example.frames).map(|frames| format!(" The first: {}.", view.frames(frames)));
        let at = at.unwrap_or_default();
        match anomaly.kind {
            // Said of each capture above.
            Kind::DamagedCapture => {}
            Kind::LimitReached => {
                let shown = if view.screen.detail == Detail::All { MOST_ROWS } else { MOST_NOTES };
                for example in anomaly.examples.iter().take(shown) {
                    page.line(&format!("A bound was reached: {}.", visible(&example.detail).trim_end_matches('.')));
                }
                let more = anomaly.count.saturating_sub(anomaly.examples.len().min(shown) as u64);
                if more > 0 {
                    page.line(&format!("Bounds were reached {} more.", counted(more, "time")));
                }
            }
            Kind::Snaplen => page.line(&format!(
                "The captures kept only the beginning of {} ({} cut off).{at}",
                counted(anomaly.count, "frame"),
                counted(anomaly.amount, "byte")
            )),
            Kind::Proxied => page.line(&format!(
                "{} BitTorrent through a proxy or behind something else, which is not read: what was sent there is in none of \
                 the figures.{at}",
                match anomaly.count {
                    1 => "1 connection carries".to_owned(),
                    count => format!("{} connections carry", grouped(count)),
                }
            )),
            _ => {
                let detail = first.map(|example| visible(&example.detail)).unwrap_or_default();
                let detail = if detail.is_empty() { String::new() } else { format!(": {}", detail.trim_end_matches('.')) };
                page.line(&format!("{}: {}{detail}.{at}", anomaly.kind, super::quality::counted_words(anomaly)));
            }
        }
    }
    let others: Vec<String> = document
        .anomalies
        .iter()
        .filter(|anomaly| !is_told(anomaly.kind))
        .map(|anomaly| format!("{} ({})", anomaly.kind, grouped(anomaly.count)))
        .collect();
    if !others.is_empty() && view.screen.detail == Detail::Page {
        page.line(&format!("Odd in these captures: {}. Each with its first frames: -v", others.join(", ")));
    }
}

fn holes(view: &View<'_>, page: &mut Page) {
    let document = view.document;
    let (quality, lost) = (&document.quality, lost(document));
    if lost > 0 {
        page.line(&format!(
            "{} that peers sent as pieces {} missing from the captures: every figure is a lower bound.",
            counted(lost, "byte"),
            plural(lost, "is", "are")
        ));
    }
    if quality.gaps > 0 {
        page.line(&gaps(quality.gaps, quality.gap_bytes, quality.gap_packets));
    }
    if view.screen.detail == Detail::All {
        page.line(&clocks::source(&quality.clock));
    }
    for caveat in clocks::caveats(&quality.clock, |file| view.input(usize::from(file))) {
        page.line(&caveat);
    }
}

/// Writes the limits of the captures as a whole, whatever they hold.
fn always(view: &View<'_>, page: &mut Page) {
    let document = view.document;
    let quality = &document.quality;
    let drops: Vec<Option<u64>> = document
        .inputs
        .iter()
        .filter_map(|input| match input {
            Input::Capture { dropped_by_capture, .. } => Some(*dropped_by_capture),
            Input::Torrent { .. } => None,
        })
        .collect();
    let known: u64 = drops.iter().flatten().fold(0, |sum, count| sum.saturating_add(*count));
    let mut words = Vec::new();
    if known > 0 {
        words.push(format!(
            "The capturing program dropped {}, by its own count, so every figure is a lower bound.",
            counted(known, "packet")
        ));
    }
    let silent = drops.iter().filter(|count| count.is_none()).count();
    if silent > 0 {
        let places = if drops.len() == 1 {
            "the file".to_owned()
        } else if silent == drops.len() {
            "the files".to_owned()
        } else {
            format!("{} of {} files", grouped(silent as u64), grouped(drops.len() as u64))
        };
        words.push(format!(
            "Whether the capturing program dropped packets is not recorded in {places}{}",
            if known > 0 { "." } else { ", so every figure is a lower bound." }
        ));
    } else if known == 0 && !drops.is_empty() {
        words.push("The capturing program says that it dropped no packet.".to_owned());
    }
    words.push(match quality.bad_checksums {
        None => "Checksums: not tested.".to_owned(),
        Some(count) => format!("Checksums: tested, wrong in {}.", counted(count, "packet")),
    });
    if quality.untested_checksums > 0 {
        words.push(format!(
            "{} could not be tested: cut, or left to the network card (Wireshark shows such a one as bad).",
            counted(quality.untested_checksums, "checksum")
        ));
    }
    if quality.not_ip > 0 {
        words.push(format!("{} not IP: unread.", counted(quality.not_ip, "frame")));
    }
    if !quality.unread.is_empty() && view.screen.detail == Detail::All {
        words.push(format!("Frames that are not read: {}.", unread_protocols(&quality.unread)));
    }
    page.line(&words.join(" "));
}

fn lost(document: &Document) -> u64 {
    document.transfers.iter().map(|transfer| transfer.bytes.lost).fold(0, u64::saturating_add)
}

/// Returns true for an oddity that has a sentence of its own on a page.
fn is_told(kind: Kind) -> bool {
    HIDING.contains(&kind) || kind == Kind::UnusedSecret
}

/// Oddities that may hide a peer or its bytes as a whole.
const HIDING: &[Kind] = &[
    Kind::DamagedCapture,
    Kind::LimitReached,
    Kind::Snaplen,
    Kind::Proxied,
    Kind::UnknownLinkType,
    Kind::UnconfirmedBlock,
    Kind::UnconfirmedMessage,
    Kind::WrongSecret,
];
// Rationale: a screen has the answer as well; -v has them all.
const MOST_NOTES: usize = 8;
const MOST_ROWS: usize = 5_000;
