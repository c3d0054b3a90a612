//! What was odd in the capture: counted in full, with the first examples kept. Nothing is dropped without one.

use std::collections::{BTreeMap, BTreeSet};

use crate::ends::Span;
use crate::words::words;

words! {
    /// A kind of oddity; the report prints [`Kind::name`].
    #[non_exhaustive]
    pub enum Kind {
        /// A record of the capture file is damaged or cut off; `amount` is in bytes not read.
        DamagedCapture = "damaged-capture",
        /// A link type that this tool does not read; `amount` is in frames.
        UnknownLinkType = "unknown-link-type",
        /// A frame whose headers contradict their lengths or are cut off; nothing in it was used.
        BadHeader = "bad-header",
        /// A frame of IP that the capture marks as damaged (a wrong frame check sequence, a symbol error): left out,
        /// unless a TCP or UDP checksum matches; then it is doubtful.
        DamagedFrame = "damaged-frame",
        /// A datagram that reads as a uTP packet and as a tunnel over UDP; taken for both.
        AmbiguousTunnel = "ambiguous-tunnel",
        /// An IP datagram whose fragments were not all captured; `amount` is in bytes.
        IncompleteFragments = "incomplete-fragments",
        /// Fragments that contradict each other in content or length; their datagram is left out.
        FragmentConflict = "fragment-conflict",
        /// A TCP or UDP checksum that does not match; only checked on request.
        BadChecksum = "bad-checksum",
        /// A frame cut by the snap length, by the mirror that sent it on, or by a program that did not say so; `amount` is
        /// in bytes sent but not captured.
        Snaplen = "truncated-snaplen",
        /// The same frame more than once in the capture (a SPAN double).
        DuplicateFrame = "duplicate-frames",
        /// A stretch of a stream that the capture does not hold; `amount` is in bytes, 0 where unknown.
        Gap = "gap",
        /// Bytes that arrived after their place in the stream had been given up; `amount` is in bytes.
        LateSegment = "late-segment",
        /// A packet too far from its stream's place to belong to it; `amount` is in bytes.
        OutOfWindow = "out-of-window",
        /// The same stretch of a stream sent twice with different bytes; `amount` is in bytes.
        OverlapConflict = "overlap-conflict",
        /// A retransmission older than the history kept to compare it with, or that the snap length cut, or of which it cut
        /// the first copy; `amount` is in bytes.
        OverlapUncompared = "overlap-uncompared",
        /// Framing was lost and found again; `amount` is in bytes skipped.
        Resynchronised = "resynchronised",
        /// A connection that carries the peer wire behind something else, such as a dialog with a proxy: it is not read.
        /// `amount` is in bytes of payload on the wire, copies of frames included.
        Proxied = "proxied",
        /// A direction ended (or its capture did) inside a message header, or while framing was lost; `amount` is in bytes
        /// that belong to no message.
        Unframed = "unframed",
        /// A message with an id that no supported BEP defines; `amount` is in bytes of its body.
        UnknownMessage = "unknown-message",
        /// A message body that contradicts its id.
        BadMessage = "bad-message",
        /// A length prefix above the limit; the message was skipped by its length.
        OversizedMessage = "oversized-message",
        /// A block outside the torrent's geometry.
        BlockOutsideTorrent = "block-outside-torrent",
        /// What looks like a block in a stream that nothing confirms to be the peer wire; not counted as served. `amount`
        /// is in bytes.
        UnconfirmedBlock = "unconfirmed-block",
        /// What looks like requests or extension messages in a stream that nothing confirms to be the peer wire; `amount` is in
        /// messages.
        UnconfirmedMessage = "unconfirmed-message",
        /// Padding that is not zero; `amount` is in bytes.
        NonZeroPadding = "non-zero-padding",
        /// Metadata that does not hash to its info-hash, or differs from what does.
        WrongMetadata = "wrong-metadata",
        /// A `hashes` message (BEP 52) that does not prove itself up to the torrent's root.
        WrongHashes = "wrong-hashes",
        /// HTTP of a webseed that could not be read, or of a server that is not shown to be one; `amount` is in bytes.
        BadWebseed = "bad-webseed",
        /// A message of a tracker, the DHT or local service discovery that cannot be read, or entries of it that name no
        /// endpoint; `amount` is in entries.
        BadMention = "bad-mention",
        /// A supplied MSE secret that does not decrypt the connection that it seems to be of.
        WrongSecret = "wrong-secret",
        /// A supplied MSE secret that fits no connection.
        UnusedSecret = "unused-secret",
        /// Two contents of one unit with the same SHA-1 (T23); both SHA-256 are in the detail.
        Sha1Collision = "sha1-collision",
        /// Bytes that match one half of a hybrid torrent and not the other: the halves describe other bytes.
        HybridMismatch = "hybrid-mismatch",
        /// Two connections between different addresses that are one, on both sides of an address translation.
        SameConnection = "same-connection",
        /// A peer declared a port (BEP 10 `p`) of its address at which another client was seen.
        DeclaredPort = "declared-port",
        /// The two handshakes of one connection name different info-hashes.
        InfoHashMismatch = "info-hash-mismatch",
        /// A handshake or block for a torrent that was not given.
        TorrentNotGiven = "torrent-not-given",
        /// Packets that looked like uTP, and were let go to make room before a connection was shown; `amount` is in packets.
        PossibleUtp = "possible-utp",
        /// The clock of the capture went backwards or leapt.
        ClockStep = "clock-step",
        /// A frame without a time, or with one that 64-bit nanoseconds cannot hold; `amount` is in frames.
        BadTimestamp = "bad-timestamp",
        /// A bound of [`crate::Limits`] was reached; the detail names it, `amount` is in the bound's unit.
        LimitReached = "limit-reached",
    }
}

/// One oddity, kept as an example of its kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    /// The frames in question, where there are any.
    pub span: Option<Span>,
    /// The flow as `a -> b`, or empty where there is none.
    pub flow: String,
    /// One plain sentence with the figures.
    pub detail: String,
}

/// How often a kind was seen, and its first examples in capture order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Occurrences.
    pub count: u64,
    /// Sum of the occurrences' amounts; the unit is the kind's.
    pub amount: u64,
    /// The first few occurrences.
    pub examples: Vec<Example>,
}

/// All oddities of a run by kind.
///
/// Every stage on the serial spine reports here, so the order of the examples is the capture's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Anomalies {
    tallies: BTreeMap<Kind, Tally>,
    /// The bounds that were reached.
    limits: BTreeSet<&'static str>,
}

impl Anomalies {
    /// Counts one occurrence; `example` is called only while examples of the kind are still wanted.
    pub fn note(&mut self, kind: Kind, amount: u64, example: impl FnOnce() -> Example) {
        let tally = self.tallies.entry(kind).or_default();
        tally.count += 1;
        tally.amount = tally.amount.saturating_add(amount);
        if tally.examples.len() < EXAMPLES {
            tally.examples.push(example());
        }
    }

    /// Counts that `bound` was reached, as [`Kind::LimitReached`]. The first time for each bound is an example however
    /// many there are of others: none hides another. The detail begins with the bound's name and a colon.
    pub fn limit(&mut self, bound: &'static str, amount: u64, example: impl FnOnce() -> Example) {
        let first = self.limits.insert(bound);
        let tally = self.tallies.entry(Kind::LimitReached).or_default();
        tally.count += 1;
        tally.amount = tally.amount.saturating_add(amount);
        if first || tally.examples.len() < EXAMPLES {
            tally.examples.push(example());
        }
    }

    /// Puts what a bound came to over the whole run before all other examples of [`Kind::LimitReached`]; counts
    /// nothing.
    pub fn conclude(&mut self, example: Example) {
        self.tallies.entry(Kind::LimitReached).or_default().examples.insert(0, example);
    }

    /// The tally of `kind`, if it was ever seen.
    pub fn tally(&self, kind: Kind) -> Option<&Tally> {
        self.tallies.get(&kind)
    }

    /// All tallies, ordered by kind.
    pub fn iter(&self) -> impl Iterator<Item = (Kind, &Tally)> {
        self.tallies.iter().map(|(kind, tally)| (*kind, tally))
    }
}

// Rationale: enough to look at by hand in Wireshark, few enough to stay out of the way.
const EXAMPLES: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_occurrence_counts_but_only_the_first_are_kept() {
        let mut anomalies = Anomalies::default();
        for n in 0..100_u64 {
            anomalies.note(Kind::Gap, n, || Example { span: None, flow: String::new(), detail: n.to_string() });
        }
        let tally = anomalies.tally(Kind::Gap).expect("just noted");
        assert_eq!((tally.count, tally.amount, tally.examples.len()), (100, 4950, EXAMPLES));
        assert_eq!(tally.examples[0].detail, "0");
    }

    #[test]
    fn no_bound_is_hidden_by_another_one_that_was_reached_more_often() {
        let mut anomalies = Anomalies::default();
        let example = |detail: &str| Example { span: None, flow: String::new(), detail: detail.to_owned() };
        (0..100).for_each(|_| anomalies.limit("flows", 1, || example("flows: full")));
        (0..100).for_each(|_| anomalies.limit("rows", 1, || example("rows: full")));
        anomalies.conclude(example("rows: 100 in all"));
        let tally = anomalies.tally(Kind::LimitReached).expect("just noted");
        let details: Vec<_> = tally.examples.iter().map(|example| example.detail.as_str()).collect();
        assert_eq!(
            (tally.count, details.first(), details.last()),
            (200, Some(&"rows: 100 in all"), Some(&"rows: full"))
        );
        assert_eq!(details.len(), EXAMPLES + 2);
    }
}
