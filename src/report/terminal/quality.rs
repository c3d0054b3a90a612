//! What the capture is worth: everything that could have hidden bytes, in words.

use std::collections::BTreeSet;

use super::{Page, capture_name, frames_text};
use crate::report::document::{Anomaly, Document, Input};
use crate::report::text::{counted, escaped, grouped};

/// Writes the section.
pub(super) fn write(document: &Document, page: &mut Page) {
    page.heading("QUALITY OF THE CAPTURE");
    let quality = &document.quality;
    for (index, input) in document.inputs.iter().enumerate() {
        let Input::Capture { damage, dropped_by_capture, interfaces, .. } = input else { continue };
        let name = capture_name(document, index);
        if let Some(damage) = damage {
            page.line(&format!("{name} is damaged: {}", escaped(damage)));
        }
        match dropped_by_capture {
            Some(0) => page.line(&format!("{name}: the capturing program says that it dropped nothing")),
            Some(count) => {
                page.line(&format!("{name}: the capturing program dropped {}", counted(*count, "packet")))
            }
            None => page.line(&format!("{name} does not say whether the capturing program dropped packets")),
        }
        let short =
            interfaces.iter().map(|interface| interface.snaplen).filter(|snaplen| (1..1_600).contains(snaplen));
        if let Some(snaplen) = short.min() {
            page.line(&format!(
                "{name} keeps only the first {} of each frame",
                counted(u64::from(snaplen), "byte")
            ));
        }
    }
    taps(document, page);
    page.line(&match quality.gaps {
        0 if document.subjects.is_empty() && document.unlisted.is_none() => {
            "no connection carries BitTorrent, so none was searched for gaps".to_owned()
        }
        0 => "no gap in the connections that carry BitTorrent".to_owned(),
        gaps => format!(
            "{} in connections that carry BitTorrent, {} missing where the number is known",
            counted(gaps, "gap"),
            counted(quality.gap_bytes, "byte")
        ),
    });
    page.line(&match quality.bad_checksums {
        None => "checksums were not tested (--checksums flag does)".to_owned(),
        Some(count) => format!("{} with a wrong checksum", counted(count, "packet")),
    });
    if quality.not_ip > 0 {
        page.line(&format!("{} without an IP header that this tool reads", counted(quality.not_ip, "frame")));
    }
    if quality.clock_steps > 0 {
        page.line(&format!(
            "the clock stepped {}: no duration across a step is meaningful",
            times(quality.clock_steps)
        ));
    }
    for anomaly in &document.anomalies {
        let amount = match (anomaly.amount, amount_is_bytes(anomaly.kind)) {
            (amount @ 1.., true) => format!(" ({})", counted(amount, "byte")),
            _ => String::new(),
        };
        let mut line = format!("{}: {} {}{amount}", anomaly.kind, words(anomaly.kind), times(anomaly.count));
        if let Some(example) = anomaly.examples.first() {
            line.push_str("; first");
            if let Some(frames) = example.frames {
                line.push_str(&format!(" in {}", frames_text(document, frames)));
            }
            if !example.flow.is_empty() {
                line.push_str(&format!(", {}", escaped(&example.flow)));
            }
            if !example.detail.is_empty() {
                line.push_str(&format!(": {}", escaped(&example.detail)));
            }
        }
        page.line(&line);
        other_limits(anomaly).into_iter().for_each(|detail| page.line(&format!("  {}", escaped(detail))));
    }
}

/// The first word on each further bound that was reached: its name stands before the colon.
fn other_limits(anomaly: &Anomaly) -> Vec<&str> {
    if anomaly.kind != "limit-reached" {
        return Vec::new();
    }
    let mut seen = BTreeSet::new();
    let details = anomaly.examples.iter().map(|example| example.detail.as_str());
    details.filter(|detail| seen.insert(detail.split(':').next())).skip(1).collect()
}

/// What was captured more than once, and counts once.
fn taps(document: &Document, page: &mut Page) {
    let doubles = document.anomalies.iter().find(|anomaly| anomaly.kind == "duplicate-frames");
    let between = document.quality.seen_at_two_taps.unwrap_or(0);
    let within = doubles.map_or(0, |anomaly| anomaly.count).saturating_sub(between);
    if between > 0 {
        page.line(&format!(
            "{} with payload were seen at more than one tap: they stand in several captures, and were counted once",
            counted(between, "packet")
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

/// Whether the amount of a kind is bytes; that of the others repeats the count, or is said in the example.
fn amount_is_bytes(kind: &str) -> bool {
    matches!(
        kind,
        "damaged-capture"
            | "incomplete-fragments"
            | "truncated-snaplen"
            | "gap"
            | "late-segment"
            | "out-of-window"
            | "overlap-conflict"
            | "overlap-uncompared"
            | "resynchronised"
            | "unframed"
            | "unknown-message"
            | "bad-message"
            | "oversized-message"
            | "block-outside-torrent"
            | "non-zero-padding"
            | "unconfirmed-block"
            | "bad-webseed"
    )
}

/// What a kind of anomaly means, as the start of "... 3 times".
fn words(kind: &str) -> &'static str {
    match kind {
        "damaged-capture" => "a record of the file is damaged or cut off",
        "unknown-link-type" => "a link type that this tool does not read",
        "bad-header" => "headers that contradict their lengths or are cut off",
        "damaged-frame" => "a frame that the capture marks as damaged",
        "ambiguous-tunnel" => "a datagram was read as uTP and as a tunnel",
        "incomplete-fragments" => "an IP datagram whose fragments were not all captured",
        "fragment-conflict" => "IP fragments that contradict each other; their datagram was left out",
        "bad-checksum" => "a wrong checksum",
        "truncated-snaplen" => "a frame cut by the snap length",
        "duplicate-frames" => "a frame that the capture holds more than once; it counts once",
        "gap" => "a stretch of a stream is not in the capture",
        "out-of-window" => "a segment far outside of its stream was left out",
        "bad-timestamp" => "a time that does not fit its clock",
        "late-segment" => "bytes came after their place had been given up",
        "overlap-conflict" => "the same stretch was sent with different bytes",
        "overlap-uncompared" => "a retransmission too old, or cut too short, to be compared",
        "resynchronised" => "framing was lost and found again",
        "proxied" => "a connection that carries BitTorrent through a proxy or behind something else, not read,",
        "unframed" => "the last bytes of a direction belong to no whole message",
        "unconfirmed-block" => {
            "what looks like a block in a stream that nothing confirms to be BitTorrent, not counted as served,"
        }
        "wrong-metadata" => "metadata that does not match its info-hash, or differs from what does",
        "wrong-hashes" => "a hashes message (BEP 52) that does not match the torrent's root",
        "bad-webseed" => "HTTP of a webseed that could not be read",
        "bad-mention" => {
            "a message of a tracker, the DHT or local discovery that cannot be read, or entries that name no endpoint,"
        }
        "wrong-secret" => "an MSE secret does not decrypt the connection that it seems to be of",
        "unused-secret" => "an MSE secret fits no connection",
        "hybrid-mismatch" => "bytes match one half of a hybrid torrent and not the other",
        "unknown-message" => "a message with an id that no supported BEP defines",
        "bad-message" => "a message body that contradicts its id",
        "oversized-message" => "a message longer than the limit was skipped",
        "block-outside-torrent" => "a block outside the torrent",
        "non-zero-padding" => "padding that is not zero",
        "sha1-collision" => "two different contents with one SHA-1",
        "same-connection" => "one connection was seen on both sides of an address translation",
        "declared-port" => "a port was declared at which another client may have been seen",
        "info-hash-mismatch" => "two handshakes of one connection name different info-hashes",
        "torrent-not-given" => "a handshake or block of a torrent that was not given",
        "possible-utp" => "packets looked like uTP, and were let go before a connection was shown,",
        "clock-step" => "the clock stepped",
        "limit-reached" => "a bound of this tool was reached, bytes beyond it are not decided",
        _ => "seen",
    }
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn every_kind_has_words_of_its_own() {
        let source = include_str!("../../anomaly.rs");
        let names: Vec<_> =
            source.lines().filter_map(|line| line.trim().strip_prefix("Self::")?.split('"').nth(1)).collect();
        assert!(names.len() > 30 && names.contains(&"limit-reached"), "{names:?}");
        for name in names {
            assert_ne!(words(name), "seen", "{name}");
        }
    }
}
