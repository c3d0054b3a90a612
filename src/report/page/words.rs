//! The words of evidence.md as the page says them: rungs, classes, flags, terms.

use crate::evidence::Grade;
use crate::report::model::Figures;

/// A rung of the ladder.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    /// `G4`.
    pub(super) name: &'static str,
    /// Two or three words.
    pub(super) short: &'static str,
    /// A clause about "it".
    pub(super) clause: &'static str,
    /// Limits of the meaning.
    pub(super) not: &'static str,
}

/// The whole ladder of the table in the last section, hearsay and GX included.
pub(super) const LADDER: [Step; 13] = [
    step("G0", "named", "a third party listed this address", "that it exists or ever spoke"),
    step(
        "G1a",
        "announced",
        "a packet with this source address announced the torrent",
        "content; the source may be forged",
    ),
    step(
        "G1b",
        "announced, address confirmed",
        "it announced the torrent with a secret that only a reply could give, or over an established connection",
        "content",
    ),
    step("G2", "reachable", "something answered at this address and port", "that it speaks BitTorrent"),
    step(
        "G3",
        "in the swarm",
        "it completed a BitTorrent handshake for this torrent",
        "that it has any data: an indexer does this too",
    ),
    step("G3m", "metadata served", "it sent the torrent’s description", "content: this is no served byte"),
    step("G4", "advertised", "it claimed to have pieces", "that the claim is true"),
    step("G5", "offered", "it agreed to send", "that it sent a byte"),
    step("G6", "served, unverified", "it sent bytes labelled as a piece", "that they belong to the torrent"),
    step(
        "G7",
        "verified as a part",
        "its bytes are the torrent’s, in pieces completed together with others",
        "that it alone held a piece",
    ),
    step(
        "G8",
        "served a verified unit alone",
        "it alone sent a whole piece or leaf, and the hash matches",
        "who used the address; intent",
    ),
    step(
        "G9",
        "whole file",
        "every byte of a file is from it, and every piece of it matches",
        "who used the address; intent",
    ),
    step(
        "GX",
        "refuted",
        "it sent bytes that lie in blocks that differ from the torrent’s",
        "intent: a failing disk or a damaged capture does the same",
    ),
];

const fn step(name: &'static str, short: &'static str, clause: &'static str, not: &'static str) -> Step {
    Step { name, short, clause, not }
}

/// The words of a rung; those of "no rung" where a grade has none.
pub(super) fn of(grade: Grade) -> Step {
    LADDER.iter().copied().find(|step| step.name == grade.name()).unwrap_or(step(
        "–",
        "no rung",
        "no rung is whole in the captures",
        "anything but that packets of it are there",
    ))
}

/// Order of the ladder: the rung above `grade`, side branches left out.
pub(super) fn above(grade: Grade) -> Option<Grade> {
    let order =
        [Grade::None, Grade::G2, Grade::G3, Grade::G4, Grade::G5, Grade::G6, Grade::G7, Grade::G8, Grade::G9];
    let at = order.iter().position(|each| *each == grade)?;
    order.get(at + 1).copied()
}

/// A class of served bytes, in the order of the bars.
#[derive(Clone, Copy, Debug)]
pub(super) struct Class {
    /// Its name.
    pub(super) name: &'static str,
    /// Its style: colour and pattern.
    pub(super) style: &'static str,
    /// Meaning of the class, in a peer's section.
    pub(super) meaning: &'static str,
    /// Its bytes.
    pub(super) bytes: fn(&Figures) -> u64,
}

/// The classes: every served byte is in exactly one.
pub(super) const CLASSES: [Class; 7] = [
    Class {
        name: "verified: sole",
        style: "v1",
        meaning: "in pieces or leaves that came from this peer entirely, and match their hash",
        bytes: |of| of.sole_bytes,
    },
    Class {
        name: "verified: as a part",
        style: "v2",
        meaning: "the torrent’s bytes, in pieces that did not come from this peer alone",
        bytes: |of| of.verified_bytes.saturating_sub(of.sole_bytes),
    },
    Class {
        name: "refuted",
        style: "v3",
        meaning: "in blocks shown to differ from the torrent’s bytes",
        bytes: |of| of.refuted_bytes,
    },
    Class {
        name: "disputed",
        style: "v4",
        meaning: "in failed pieces of several senders: nobody is accused of them",
        bytes: |of| of.disputed_bytes,
    },
    Class {
        name: "unproven",
        style: "v5",
        meaning: "in pieces that nothing in the captures decides, or in doubt",
        bytes: |of| of.unproven_bytes,
    },
    Class {
        name: "repeated",
        style: "v6",
        meaning: "the same bytes for the same place, sent again to the same receiver; never counted twice",
        bytes: |of| of.repeated_bytes,
    },
    Class {
        name: "pad",
        style: "v7",
        meaning: "padding between files: nobody’s content",
        bytes: |of| of.pad_bytes,
    },
];

/// A flag as a sentence.
pub(super) fn flag(name: &str) -> &'static str {
    match name {
        "one-sided" => {
            "Only one side of a connection, or one side’s handshake, is in the captures: what the other end said or \
             confirmed cannot be told."
        }
        "return-path-unconfirmed" => {
            "No packet of it confirms anything that the other end sent. Anybody can send packets with this source address, \
             so nothing is held against it."
        }
        "unsolicited" => "It sent pieces that nobody asked for in the captures.",
        "gap-in-range" => "Bytes are missing from the captures within what it sent.",
        "overlap-conflict" => {
            "The same stretch was sent twice with different bytes. Both versions are kept; what rests on one of them is \
             in doubt."
        }
        "bad-checksum" => "A packet with a wrong checksum is within what it sent.",
        "truncated-snaplen" => "The capture kept only the beginning of frames within what it sent.",
        "duplicate-frames" => "Frames of its connections are in the captures more than once. They count once.",
        "decrypted-with-secret" => "It could be read only with a secret that was supplied.",
        "resynchronised" => "The framing of what it sent was lost and found again.",
        "handshake-not-captured" => "No handshake of a connection is in the captures.",
        "pad-or-trivial" => "Some of what it sent is padding or one repeated byte value, which anybody could send.",
        "boomerang" => "It had received a piece from the same address before it sent the piece back there.",
        "private-address" => {
            "A private address. The captures do not show which public address, if any, stood for it."
        }
        "clock-step" => {
            "The capture’s clock stepped while it was active: no duration across the step means anything."
        }
        "info-hash-mismatch" => "The two handshakes of a connection name different torrents: nothing rests on it.",
        "declared-port" => {
            "The row rests on a port that it declared, and holds connections whose peer_ids differ: some clients make one \
             for each connection, and several behind one address may declare one port."
        }
        _ => "A property of the evidence; see the documentation of this version.",
    }
}

/// A word with its meaning.
pub(super) type Word = (&'static str, &'static str);

/// Every word of the page.
pub(super) const WORDS: [Word; 17] = [
    (
        "peer",
        "An address and port, for one torrent, over one transport, while the captures ran. Never a person, never an \
         address alone. In report.json: a subject.",
    ),
    (
        "served",
        "Payload bytes of piece messages that the captures hold, each counted once per transmission; a retransmitted \
         packet is not a second serving. served = verified + refuted + disputed + unproven + repeated + pad, in every \
         row.",
    ),
    ("verified", "Served bytes shown by hash to be the torrent’s own."),
    (
        "sole",
        "The part of verified in units (pieces in v1, 16 KiB leaves in v2) that came from this one peer entirely.",
    ),
    (
        "refuted",
        "Served bytes that lie in blocks shown to differ from the torrent’s. All bytes of such a block count, though a \
         few may be wrong. It shows no intent.",
    ),
    (
        "disputed",
        "Bytes in a failed piece of several senders, with nothing that tells whose were bad. Nobody is accused of them.",
    ),
    (
        "unproven",
        "Bytes in pieces that nothing in the captures decides, or that would be refuted but are in doubt. They are \
         neither verified nor refuted.",
    ),
    ("repeated", "Bytes that the same peer had already sent to the same receiver for the same place."),
    ("pad", "Padding: nobody’s content."),
    (
        "lost",
        "Bytes that were sent, as the framing or the sequence numbers show, and that the captures do not hold. Not part \
         of served.",
    ),
    ("acknowledged", "Served bytes that the receiver’s own packets confirm."),
    ("asked for", "Served bytes that answer a request seen earlier."),
    ("unit", "What one hash covers: a whole piece in a v1 torrent, a 16 KiB leaf in a v2 torrent."),
    (
        "standard met",
        "G8 or G9, and the unit was advertised before, and it was requested before, all three in the captures with \
         their frames.",
    ),
    (
        "hearsay",
        "What a tracker, the DHT or another peer said about an address. It changes no figure and no grade.",
    ),
    ("frame", "A packet as numbered by Wireshark (frame.number), from 1 in each capture."),
    (
        "port declared",
        "The port that the peer itself told another to call it on; its packets came from the other ports named, or where it says also \
         sent from, from both.",
    ),
];

/// Where a word is explained: `w-standard_met`.
pub(super) fn anchor(word: &str) -> String {
    format!("w-{}", word.replace(' ', "_"))
}

/// The meaning of some of [`WORDS`], in the order asked for.
pub(super) fn meanings(words: &[&str]) -> Vec<Word> {
    words.iter().filter_map(|word| WORDS.iter().find(|(name, _)| name == word).copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_classes_of_a_row_are_all_of_what_it_served() {
        let of = Figures {
            served_bytes: 127,
            verified_bytes: 3,
            sole_bytes: 1,
            refuted_bytes: 4,
            disputed_bytes: 8,
            unproven_bytes: 16,
            repeated_bytes: 32,
            pad_bytes: 64,
            ..Figures::default()
        };
        assert_eq!(CLASSES.iter().map(|class| (class.bytes)(&of)).sum::<u64>(), of.served_bytes);
    }

    #[test]
    fn no_word_of_the_page_accuses_a_person() {
        let all =
            LADDER.iter().flat_map(|step| [step.short, step.clause, step.not]).chain(WORDS.iter().map(|w| w.1));
        for text in all {
            for never in ["downloader", "sharer", "infring", "innocent", "guilty", "clean", "did not"] {
                assert!(!text.contains(never), "{text}");
            }
        }
    }
}
