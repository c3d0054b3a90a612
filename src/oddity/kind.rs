//! Kinds of oddities: their words in the report, and what is summed up of each.

use super::{Oddity, UnknownReason};
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
        /// A frame more than once in the capture (a SPAN double).
        DuplicateFrame = "duplicate-frames",
        /// A stretch of a stream that the capture does not hold; `amount` is in bytes, 0 where unknown.
        Gap = "gap",
        /// Bytes that arrived after their place in the stream had been given up; `amount` is in bytes.
        LateSegment = "late-segment",
        /// A packet too far from its stream's place to belong to it; `amount` is in bytes.
        OutOfWindow = "out-of-window",
        /// A stretch of a stream sent twice with different bytes; `amount` is in bytes.
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
        /// Bytes that look like a block, in a stream that nothing confirms to be the peer wire; not counted as served.
        /// `amount` is in bytes.
        UnconfirmedBlock = "unconfirmed-block",
        /// Bytes that look like requests or extension messages in a stream that nothing confirms to be the peer wire;
        /// `amount` is in messages.
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
        /// Two connections between different addresses that are one, on both sides of an address translation; or one
        /// connection in several capture sets, of which each direction counts once.
        SameConnection = "same-connection",
        /// A peer declared a port (BEP 10 `p`) of its address at which another client was seen.
        DeclaredPort = "declared-port",
        /// The two handshakes of one connection name different info-hashes.
        InfoHashMismatch = "info-hash-mismatch",
        /// Both ends of a connection agreed to Multipath TCP (RFC 8684): bytes may have gone on other paths.
        Multipath = "multipath",
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

impl Oddity {
    /// The kind that it is counted under.
    pub fn kind(&self) -> Kind {
        self.tally().0
    }

    /// Its kind, and by how much it adds to the sum of that kind.
    pub fn tally(&self) -> (Kind, u64) {
        match self {
            Self::Damage { skipped, .. } => (Kind::DamagedCapture, *skipped),
            Self::DamagedStream { .. } | Self::PassedOver { .. } => (Kind::DamagedCapture, 0),
            Self::BadTime { .. } => (Kind::BadTimestamp, 1),
            Self::UnknownLink { .. } => (Kind::UnknownLinkType, 1),
            Self::CutFrame { held, wire } => (Kind::Snaplen, wire.saturating_sub(*held)),
            Self::CutPacket { beyond, .. } => (Kind::Snaplen, *beyond),
            Self::BadHeader { .. } | Self::BadFragment { .. } => (Kind::BadHeader, 1),
            Self::FragmentConflict { .. } | Self::Mismatched { .. } => (Kind::FragmentConflict, 1),
            Self::Incomplete { covered, .. } => (Kind::IncompleteFragments, *covered),
            Self::DamagedFrame { .. } | Self::DamagedHeader { .. } | Self::DamagedPacket => (Kind::DamagedFrame, 1),
            Self::BadChecksum { .. } | Self::Acquitted => (Kind::BadChecksum, 1),
            Self::AmbiguousTunnel { .. } => (Kind::AmbiguousTunnel, 1),
            Self::DoubleFrame { .. } | Self::DoubleDatagram => (Kind::DuplicateFrame, 1),
            Self::ClockStep { ns } => (Kind::ClockStep, ns.unsigned_abs()),
            Self::Gap { lost, .. } => (Kind::Gap, lost.bytes()),
            Self::Late { len, .. } => (Kind::LateSegment, *len),
            Self::Uncompared { len, .. } | Self::RepeatedAfterEnd { len } => (Kind::OverlapUncompared, *len),
            Self::OutOfWindow { len } | Self::Superseded { len } => (Kind::OutOfWindow, *len),
            Self::OtherContent { len, .. } => (Kind::OverlapConflict, *len),
            Self::RightVersion { .. } => (Kind::OverlapConflict, 0),
            Self::Resynchronised { skipped } => (Kind::Resynchronised, *skipped),
            Self::Unframed { skipped } => (Kind::Unframed, *skipped),
            Self::UnshownBlocks { bytes } => (Kind::Unframed, *bytes),
            Self::Message { len, reason, .. } => (
                match reason {
                    UnknownReason::Id => Kind::UnknownMessage,
                    UnknownReason::Length => Kind::OversizedMessage,
                    UnknownReason::Body | UnknownReason::Incomplete => Kind::BadMessage,
                },
                u64::from(*len),
            ),
            Self::Extension { len, .. } => (Kind::BadMessage, *len),
            Self::BlockOutside { captured, .. } | Self::BlockTooLong { captured, .. } => {
                (Kind::BlockOutsideTorrent, *captured)
            }
            Self::UnconfirmedBlock { len, .. } => (Kind::UnconfirmedBlock, u64::from(*len)),
            Self::UnconfirmedMessages { requests, extended } => (Kind::UnconfirmedMessage, requests + extended),
            Self::Padding { bytes } => (Kind::NonZeroPadding, *bytes),
            Self::WrongMetadata { .. } => (Kind::WrongMetadata, 1),
            Self::MetadataMismatch { count } => (Kind::WrongMetadata, *count),
            Self::BadMetadata { count } => (Kind::BadMessage, *count),
            Self::WrongHashes(_) => (Kind::WrongHashes, 1),
            Self::Web { bytes, .. } | Self::UnshownWebseed { bytes } => (Kind::BadWebseed, *bytes),
            Self::Mention { entries, .. } => (Kind::BadMention, *entries),
            Self::Proxied { bytes, .. } => (Kind::Proxied, *bytes),
            Self::WrongSecret { .. } => (Kind::WrongSecret, 1),
            Self::UnusedSecret { .. } => (Kind::UnusedSecret, 1),
            Self::Collision { .. } | Self::CollisionAttack { .. } => (Kind::Sha1Collision, 1),
            Self::HalfMatch { .. } => (Kind::HybridMismatch, 1),
            Self::SameConnection(_) | Self::SeenTwice { .. } => (Kind::SameConnection, 1),
            Self::DeclaredPort { .. } => (Kind::DeclaredPort, 1),
            Self::InfoHashMismatch => (Kind::InfoHashMismatch, 1),
            Self::Multipath => (Kind::Multipath, 1),
            Self::NotGiven { .. } | Self::NoTorrent { .. } => (Kind::TorrentNotGiven, 1),
            Self::PossibleUtp { packets } => (Kind::PossibleUtp, *packets),
            Self::Reached(bound) => (Kind::LimitReached, bound.amount()),
        }
    }
}
