//! Everything odd in the captures, in words: what a reader who doubts a figure looks through.

use std::collections::BTreeSet;

use super::names::View;
use super::page::Page;
use crate::anomaly::Kind;
use crate::report::text::{counted, escaped, grouped, plural};
use crate::report::{Anomaly, Document, Input};

/// Writes the section.
pub(super) fn write(view: &View<'_>, page: &mut Page) {
    let document = view.document;
    page.heading("QUALITY OF THE CAPTURES");
    for (index, input) in document.inputs.iter().enumerate() {
        let Input::Capture { interfaces, .. } = input else { continue };
        let short =
            interfaces.iter().map(|interface| interface.snaplen).filter(|snaplen| (1..1_600).contains(snaplen));
        if let Some(snaplen) = short.min() {
            page.line(&format!(
                "{} keeps only the first {} of each frame",
                view.input(index),
                counted(u64::from(snaplen), "byte")
            ));
        }
    }
    page.line(&format!(
        "Flows: {} TCP, {} uTP, {} UDP of any kind",
        grouped(document.quality.tcp_flows),
        grouped(document.quality.utp_flows),
        grouped(document.quality.udp_flows)
    ));
    taps(document, page);
    for anomaly in &document.anomalies {
        let mut line = format!("{}: {}", anomaly.kind, counted_words(anomaly));
        if let Some(example) = anomaly.examples.first() {
            line.push_str("; first");
            if let Some(frames) = example.frames {
                line.push_str(&format!(" in {}", view.frames(frames)));
            }
            if !example.flow.is_empty() {
                line.push_str(&format!(", {}", escaped(&example.flow)));
            }
            if !example.detail.is_empty() {
                line.push_str(&format!(": {}", escaped(&example.detail)));
            }
        }
        page.row(&line, 2, 4);
        other_limits(anomaly).into_iter().for_each(|detail| page.row(&escaped(detail), 4, 6));
    }
}

/// An oddity in words with its count.
pub(super) fn counted_words(anomaly: &Anomaly) -> String {
    let amount = match (anomaly.amount, amount_is_bytes(anomaly.kind)) {
        (amount @ 1.., true) => format!(" ({})", counted(amount, "byte")),
        _ => String::new(),
    };
    format!("{} {}{amount}", words(anomaly.kind), times(anomaly.count))
}

/// The first sentence on each further bound that was reached.
fn other_limits(anomaly: &Anomaly) -> Vec<&str> {
    if anomaly.kind != Kind::LimitReached {
        return Vec::new();
    }
    let mut seen = BTreeSet::new();
    let first = anomaly.examples.iter().filter(|example| seen.insert(&example.bound));
    first.map(|example| example.detail.as_str()).skip(1).collect()
}

/// Writes the packets that were captured more than once, and count once.
fn taps(document: &Document, page: &mut Page) {
    let doubles = document.anomalies.iter().find(|anomaly| anomaly.kind == Kind::DuplicateFrame);
    let between = document.quality.seen_at_two_taps;
    let within = doubles.map_or(0, |anomaly| anomaly.count).saturating_sub(between);
    if between > 0 {
        page.line(&format!(
            "{} with payload {} seen at more than one tap: in several captures, and counted once",
            counted(between, "packet"),
            plural(between, "was", "were")
        ));
    }
    if within > 0 {
        page.line(&format!(
            "{} with payload stand more than once in one capture (a mirror port, or several interfaces), and were \
             counted once",
            counted(within, "packet")
        ));
    }
}

fn times(count: u64) -> String {
    if count == 1 { "once".to_owned() } else { format!("{} times", grouped(count)) }
}

/// Returns true if the amount of a kind is in bytes; that of the others repeats the count, or is said in the example.
fn amount_is_bytes(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::DamagedCapture
            | Kind::IncompleteFragments
            | Kind::Snaplen
            | Kind::Gap
            | Kind::LateSegment
            | Kind::OutOfWindow
            | Kind::OverlapConflict
            | Kind::OverlapUncompared
            | Kind::Resynchronised
            | Kind::Unframed
            | Kind::UnknownMessage
            | Kind::BadMessage
            | Kind::OversizedMessage
            | Kind::BlockOutsideTorrent
            | Kind::NonZeroPadding
            | Kind::UnconfirmedBlock
            | Kind::BadWebseed
    )
}

/// A kind of anomaly as the start of "... 3 times".
fn words(kind: Kind) -> &'static str {
    match kind {
        Kind::DamagedCapture => "a record of the file is damaged or cut off",
        Kind::UnknownLinkType => "a link type that this tool does not read",
        Kind::BadHeader => "headers that contradict their lengths or are cut off",
        Kind::DamagedFrame => "a damaged frame: the capture marks it, or a checksum shows it",
        Kind::AmbiguousTunnel => "a datagram was read as uTP and as a tunnel",
        Kind::IncompleteFragments => "an IP datagram whose fragments were not all captured",
        Kind::FragmentConflict => "IP fragments that contradict each other; their datagram was left out",
        Kind::BadChecksum => "a wrong checksum",
        Kind::Snaplen => "a frame cut by the snap length",
        Kind::DuplicateFrame => "a frame that the capture holds more than once; it counts once",
        Kind::Gap => "a stretch of a stream is not in the capture",
        Kind::OutOfWindow => "a segment far outside of its stream was left out",
        Kind::BadTimestamp => "a time that does not fit its clock",
        Kind::LateSegment => "bytes came after their place had been given up",
        Kind::OverlapConflict => "the same stretch was sent with different bytes",
        Kind::OverlapUncompared => "a retransmission too old, or cut too short, to be compared",
        Kind::Resynchronised => "framing was lost and found again",
        Kind::Proxied => "a connection that carries BitTorrent through a proxy or behind something else, not read,",
        Kind::Unframed => "the last bytes of a direction belong to no whole message",
        Kind::UnconfirmedBlock => {
            "what looks like a block in a stream that nothing confirms to be BitTorrent, not counted as served,"
        }
        Kind::UnconfirmedMessage => {
            "what looks like requests or extension messages in a stream that nothing confirms to be BitTorrent"
        }
        Kind::WrongMetadata => "metadata that does not match its info-hash, or differs from what does",
        Kind::WrongHashes => "a hashes message (BEP 52) that does not match the torrent's root",
        Kind::BadWebseed => "HTTP of a webseed that could not be read",
        Kind::BadMention => {
            "a message of a tracker, the DHT or local discovery that cannot be read, or entries that name no endpoint,"
        }
        Kind::WrongSecret => "an MSE secret does not decrypt the connection that it seems to be of",
        Kind::UnusedSecret => "an MSE secret fits no connection",
        Kind::HybridMismatch => "bytes match one half of a hybrid torrent and not the other",
        Kind::UnknownMessage => "a message with an id that no supported BEP defines",
        Kind::BadMessage => "a message body that contradicts its id",
        Kind::OversizedMessage => "a message longer than the limit was skipped",
        Kind::BlockOutsideTorrent => "a block outside the torrent",
        Kind::NonZeroPadding => "padding that is not zero",
        Kind::Sha1Collision => "two different contents with one SHA-1",
        Kind::SameConnection => "one connection was seen on both sides of an address translation",
        Kind::DeclaredPort => "a port was declared at which another client may have been seen",
        Kind::Multipath => "a connection of Multipath TCP, of which bytes may have gone on other paths,",
        Kind::InfoHashMismatch => "two handshakes of one connection name different info-hashes",
        Kind::TorrentNotGiven => "a handshake or block of a torrent that was not given",
        Kind::PossibleUtp => "packets looked like uTP, and were let go before a connection was shown,",
        Kind::ClockStep => "the clock stepped",
        Kind::LimitReached => "a bound of this tool was reached, bytes beyond it are not decided",
    }
}
