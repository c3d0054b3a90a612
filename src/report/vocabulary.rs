//! The words of a report, in plain words: what `peerproof words` prints.

use crate::report::text::wrapped;

/// A word of the reports.
#[derive(Clone, Copy, Debug)]
pub struct Word {
    /// As reports write it.
    pub word: &'static str,
    /// Meaning of the word, in sentences.
    pub meaning: &'static str,
    /// Limits of that meaning, as a clause; empty where nothing has to be said.
    pub not: &'static str,
}

/// A heading, and the words below it.
#[derive(Clone, Copy, Debug)]
pub struct Group {
    /// The heading.
    pub title: &'static str,
    /// Its words, in the order in which they build upon one another.
    pub words: &'static [Word],
}

/// Every word, as text of at most `width` columns with a newline at the end.
pub fn vocabulary(width: usize) -> String {
    let groups = GROUPS.iter().map(|group| {
        let words = group.words.iter().map(|word| explained(word.word, &word.sentences(), width));
        let words: String = words.collect();
        format!("{}\n{words}", wrapped(group.title, width, 4))
    });
    groups.collect::<Vec<_>>().join("\n")
}

/// One word in the same form, whatever the case of its letters; `None` where it is none.
pub fn meaning(word: &str, width: usize) -> Option<String> {
    let mut all = GROUPS.iter().flat_map(|group| group.words);
    all.find(|known| known.word.eq_ignore_ascii_case(word))
        .map(|known| explained(known.word, &known.sentences(), width))
}

impl Word {
    /// The meaning and its limits, as sentences.
    fn sentences(&self) -> String {
        let not = if self.not.is_empty() { String::new() } else { format!(" Does not show: {}.", self.not) };
        format!("{}{not}", self.meaning)
    }
}

/// A word with the sentences that explain it, as text with a newline at the end.
pub(crate) fn explained(word: &str, sentences: &str, width: usize) -> String {
    let width = width.clamp(LEAST_WIDTH, MOST_WIDTH);
    format!("  {word}\n{}\n", wrapped(&format!("      {sentences}"), width, 6))
}

const fn word(word: &'static str, meaning: &'static str) -> Word {
    Word { word, meaning, not: "" }
}

const fn rung(word: &'static str, meaning: &'static str, not: &'static str) -> Word {
    Word { word, meaning, not }
}

/// The vocabulary.
pub const GROUPS: &[Group] = &[
    Group {
        title: "WORDS",
        words: &[
            word(
                "peer",
                "An address and port, for one torrent, over one transport, while the captures ran (in JSON: a subject). \
                 Never a person, and never an address alone.",
            ),
            word("transfer", "All that one peer sent to another for one torrent over one transport."),
            word(
                "served",
                "Bytes of piece messages that the captures hold. What a network sends twice, or a capture holds twice, \
                 counts once. served = verified + refuted + disputed + unproven + repeated + pad, in every row.",
            ),
            word(
                "lost",
                "Bytes of piece messages that were sent, as framing, sequence numbers or acknowledgements show, and that \
                 the captures do not hold. Not part of served.",
            ),
            word("unit", "What one hash decides: a piece of a v1 torrent, a leaf of 16 KiB of a v2 torrent."),
            word("acknowledged", "Served bytes whose arrival the receiver's own packets confirm."),
            word("asked for", "Served bytes that answer a request that is in the captures and was not cancelled."),
            word(
                "standard met",
                "G8 or G9, and the unit was advertised before, and it was requested before, all three with frames. In \
                 JSON and tables: actionable.",
            ),
            word(
                "hearsay",
                "What a tracker, the DHT, a neighbour or another peer says of an address. It may be forged, and changes \
                 no figure and no grade.",
            ),
            word("frame", "A packet by the number that Wireshark gives it (frame.number), from 1 in each capture."),
        ],
    },
    Group {
        title: "CLASSES  (every served byte is in exactly one; sole is a part of verified)",
        words: &[
            word("verified", "The torrent's own bytes, by hash."),
            word("sole", "The part of verified in units that came from this one peer entirely."),
            rung(
                "refuted",
                "In a block, leaf or failed piece of one sender that differs from the torrent: all of its bytes count, \
                 though a few may be wrong.",
                "intent: a failing disk or a damaged capture does the same",
            ),
            word("disputed", "In a failed piece of several senders: nobody is accused of them."),
            word(
                "unproven",
                "In units that the captures never complete, or that would be refuted but are in doubt.",
            ),
            word("repeated", "Sent again to the same peer for the same place, with the same content."),
            word("pad", "Padding between or behind files: nobody's content."),
        ],
    },
    Group {
        title: "LADDER  (a grade is the highest rung whose packets are all in the captures)",
        words: &[
            rung(
                "G0",
                "Named: somebody else listed this address (hearsay).",
                "that the address exists or ever spoke",
            ),
            rung(
                "G1a",
                "Announced: a packet with this source address announced the torrent (hearsay).",
                "who sent it: the source may be forged",
            ),
            rung(
                "G1b",
                "Announced, address confirmed: the same, with a secret that only a reply could give, or over an \
                 established connection (hearsay).",
                "any content",
            ),
            rung("G2", "Reachable: something answered at this address and port.", "that it speaks BitTorrent"),
            rung(
                "G3",
                "In the swarm: it completed a BitTorrent handshake for this torrent.",
                "that it has any data: an indexer does the same",
            ),
            rung("G3m", "Metadata served: it sent the torrent's description.", "content: it never counts as such"),
            rung("G4", "Advertised: it claimed to have pieces.", "that the claim is true"),
            rung("G5", "Offered: it agreed to send.", "any byte"),
            rung("G6", "Served, unverified: it sent bytes labelled as a piece.", "that they belong to the torrent"),
            rung(
                "G7",
                "Verified as a part: its bytes are the torrent's, in pieces completed together with others.",
                "that it alone held the piece",
            ),
            rung(
                "G8",
                "Served a verified unit alone: a whole unit from it alone matches its hash.",
                "who used the address, or intent",
            ),
            rung(
                "G9",
                "Whole file: every byte of a file came from it, and is verified.",
                "who used the address, or intent",
            ),
            rung(
                "GX",
                "Refuted, beside the grade: it sent bytes that lie in blocks that differ from the torrent.",
                "intent: a failing disk or a damaged capture does the same",
            ),
        ],
    },
    Group {
        title: "FLAGS  (properties of the evidence; none raises a grade)",
        words: &[
            word("bad-checksum", "A packet within it has a wrong checksum."),
            word("boomerang", "It had received a piece from the same address before it sent the piece back there."),
            word(
                "clock-step",
                "The capture's clock stepped meanwhile: no duration across the step means anything.",
            ),
            word(
                "declared-port",
                "It goes by a declared listen port, and its connections have several peer_ids, as some \
                 clients make for each connection: it may be one client or several.",
            ),
            word("decrypted-with-secret", "It could be read only with a secret that was supplied."),
            word("duplicate-frames", "Frames of it are in the captures more than once; they count once."),
            word("gap-in-range", "Bytes are missing from the captures within it."),
            word("handshake-not-captured", "No handshake of a connection is in the captures."),
            word(
                "info-hash-mismatch",
                "The two handshakes of a connection name different torrents: nothing above G2 rests on it, and nobody is \
                 refuted there.",
            ),
            word(
                "one-sided",
                "One direction, or one side's handshake, is not in the captures: what the other end said or confirmed \
                 cannot be told.",
            ),
            word(
                "overlap-conflict",
                "The same stretch was sent twice with different bytes: what rests on one version is in doubt.",
            ),
            word("pad-or-trivial", "Some of it is padding or one repeated byte value, which anybody could send."),
            word(
                "private-address",
                "A private address: the captures do not show which public address, if any, stood for it.",
            ),
            word("resynchronised", "The framing was lost and found again."),
            word(
                "return-path-unconfirmed",
                "No packet of it confirms anything that the other end sent. Anybody can send packets with this source \
                 address, so nothing is held against it.",
            ),
            word("truncated-snaplen", "The capture kept only the beginning of frames within it."),
            word("unsolicited", "It sent pieces that nobody asked for in the captures."),
        ],
    },
];

// Rationale: narrower, hardly two words stand on a line; wider, prose is hard to read.
const LEAST_WIDTH: usize = 40;
const MOST_WIDTH: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::{Flag, Grade};

    #[test]
    fn every_grade_and_every_flag_has_its_word_once() {
        let all: Vec<&str> = GROUPS.iter().flat_map(|group| group.words).map(|word| word.word).collect();
        let grades = Grade::ALL.iter().filter(|grade| **grade != Grade::None).map(|grade| grade.name());
        for name in grades.chain(Flag::ALL.iter().map(|flag| flag.name())) {
            assert_eq!(all.iter().filter(|word| **word == name).count(), 1, "{name}");
        }
        let flags = GROUPS.last().expect("groups").words;
        assert_eq!(flags.len(), Flag::ALL.len());
    }

    #[test]
    fn words_are_plain_and_accuse_nobody() {
        let text = vocabulary(80);
        assert!(text.is_ascii() && text.lines().all(|line| line.len() <= 80), "{text}");
        for word in ["downloader", "infringer", "pirate", "guilty"] {
            assert!(!text.contains(word), "{word}");
        }
        assert!(meaning("g8", 80).expect("a word").contains("who used the address"));
        assert!(meaning("G10", 80).is_none());
    }
}
