//! Findings beside the facts: everything that a walk knows when the last frame is read, and that is no figure of a transfer.

use std::ops::RangeInclusive;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ClockQuality, Contested, Coverage, Shared};
use crate::anomaly::Anomalies;
use crate::ends::{Direction, Endpoint, FlowKey, FrameId, Frames, InfoHash, Span, Timestamp, Transport};
use crate::hearsay::Mentions;
use crate::metadata::Harvest;
use crate::oddity::{Bound, Oddity, Sink};
use crate::session::Session;
use crate::words::words;

/// Findings of a walk besides the facts.
#[derive(Clone, Debug)]
pub(crate) struct Findings {
    pub(crate) anomalies: Anomalies,
    pub(crate) mentions: Mentions,
    pub(crate) metadata: Harvest,
    pub(crate) opaque: Vec<Opaque>,
    pub(crate) quality: Quality,
    /// Frames at which a clock stepped.
    pub(crate) clock_steps: Vec<FrameId>,
    /// The coverage of each address.
    pub(crate) coverage: Coverage,
    /// Connections seen on both sides of an address translation.
    pub(crate) same: Vec<SameConnection>,
    /// Stretches that may be framed otherwise.
    pub(crate) contests: Vec<Contested>,
    /// True if a protocol was read of which the torrents that the walk knows tell more: HTTP, which may be a
    /// webseed's.
    pub(crate) torrents_tell: bool,
}

words! {
    /// The protocol that an [`Opaque`] conversation is taken for.
    pub enum OpaqueKind {
        /// Message Stream Encryption with RC4, without its secret.
        MseRc4 = "mse-rc4",
        /// Bytes that look random from the first one on, on a port of other services: it may be anything.
        Unrecognised = "unrecognised",
        /// BitTorrent through a SOCKS or HTTP proxy, or behind something else: the end that answers is the relay, and who
        /// is behind it is only its client's word.
        Relay = "relay",
        /// A WebRTC connection: STUN and DTLS between the same ends. It could carry WebTorrent, or a call, and cannot be
        /// read.
        WebRtc = "webrtc",
        /// TLS whose Client Hello names an info-hash as the server name, as peers of an SSL torrent do: the peer wire of
        /// that torrent by their claim. What passed in it cannot be read.
        Tls = "tls",
    }
}

/// Those that are taken for encrypted BitTorrent.
pub(crate) fn encrypted(opaque: &[Opaque]) -> Vec<&Opaque> {
    opaque.iter().filter(|each| each.kind == OpaqueKind::MseRc4).collect()
}

/// A conversation whose content cannot be read, or is nobody's in these captures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Opaque {
    /// The lesser endpoint.
    pub a: Endpoint,
    /// The greater endpoint.
    pub b: Endpoint,
    /// How.
    pub transport: Transport,
    /// The protocol that the conversation is taken for.
    pub kind: OpaqueKind,
    /// Opaque payload bytes from `a` to `b`.
    #[serde(rename = "bytes_a_to_b")]
    pub a_to_b: u64,
    /// Opaque payload bytes from `b` to `a`.
    #[serde(rename = "bytes_b_to_a")]
    pub b_to_a: u64,
    /// Its frames.
    pub frames: Frames,
    /// Its first packet.
    pub first_time: Timestamp,
    /// Its last packet.
    pub last_time: Timestamp,
    /// On what it rests that it is taken for that, in plain words.
    pub basis: String,
    /// The torrent that its ends claim, where they name one in the clear; left out elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub info_hash: Option<InfoHash>,
}

impl Opaque {
    /// A conversation of these frames; so many `bytes` went from the lesser to the greater endpoint, and back. It claims no torrent.
    pub(super) fn of(
        flow: FlowKey,
        transport: Transport,
        kind: OpaqueKind,
        [a_to_b, b_to_a]: [u64; 2],
        span: Span,
        basis: String,
    ) -> Self {
        Self {
            a: flow.low,
            b: flow.high,
            transport,
            kind,
            a_to_b,
            b_to_a,
            frames: span.into(),
            first_time: span.first.time,
            last_time: span.last.time,
            basis,
            info_hash: None,
        }
    }
}

/// A protocol at which reading ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UnreadProtocol {
    /// Its number and name, as in `IP protocol 50 (ESP, encrypted)`.
    pub protocol: String,
    /// Frames of the captures that hold it.
    pub frames: u64,
    /// True if packets of any kind may be inside: a tunnel, an encrypted protocol, or one that is not known. Left
    /// out where not.
    #[serde(default, skip_serializing_if = "is_false")]
    pub may_carry: bool,
}

/// Figures on how much of the traffic the capture holds and how it was read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Quality {
    /// Frames read.
    pub frames: u64,
    /// Frames without an IP header that this tool reads.
    pub not_ip: u64,
    /// The protocols that are not read, most frames first; left out where there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<UnreadProtocol>,
    /// Connections whose beginning is not in the captures, and in whose payload nothing was recognised; left out where there
    /// is none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unrecognised: u64,
    /// Flows in which nothing was recognised, and of whose payload the snap length cut something; left out where there is
    /// none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unrecognised_cut: u64,
    /// Connections in which nothing was recognised, and of whose beginning a part is missing; left out where there is none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unrecognised_gaps: u64,
    /// Connections of whose payload the captures hold nothing, though their numbers show that some passed; left out where
    /// there is none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unrecognised_unseen: u64,
    /// TCP connections.
    pub tcp_flows: u64,
    /// uTP connections.
    pub utp_flows: u64,
    /// Stretches of streams that are not in the capture, in connections that carry BitTorrent.
    pub gaps: u64,
    /// Bytes in those, where the number is known.
    pub gap_bytes: u64,
    /// Packets in those, where their numbers tell: uTP numbers packets and not bytes. Left out where there are none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub gap_packets: u64,
    /// Packets with a wrong checksum; `None` when they were not tested.
    pub bad_checksums: Option<u64>,
    /// Packets whose checksum was to be tested and could not be: they are cut, or it was left to the network card; left out
    /// where there are none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub untested_checksums: u64,
    /// Backward or implausible steps of the clock.
    pub clock_steps: u64,
    /// UDP flows of any kind.
    pub udp_flows: u64,
    /// The first packet of the whole run.
    pub first_time: Option<Timestamp>,
    /// The last packet of the whole run.
    pub last_time: Option<Timestamp>,
    /// Nanoseconds between the first and the last packet; `None` where a clock stepped between them: over a step the
    /// times say nothing of how long it took (T46).
    pub duration_ns: Option<u64>,
    /// Packets with payload that were seen again in another capture, and count once; left out where there is none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub seen_at_two_taps: u64,
    /// Where the times come from, and what is known to be wrong with them.
    #[serde(default, skip_serializing_if = "ClockQuality::is_unknown")]
    pub clock: ClockQuality,
}

/// Two flows that carry the same connection under different addresses.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct SameConnection {
    pub(crate) transport: Transport,
    /// Who opened it, and to whom, on either side.
    pub(crate) legs: [[Endpoint; 2]; 2],
    /// The packets of either side.
    pub(crate) spans: [Span; 2],
}

impl SameConnection {
    /// The edge that carries the bytes that `ends` exchange in `time`, if one of the two sides is a connection of theirs.
    pub(crate) fn other_side(
        &self,
        ends: [Endpoint; 2],
        time: &RangeInclusive<Timestamp>,
    ) -> Option<(Endpoint, Endpoint)> {
        (0..2).find_map(|side| {
            let ([one, other], begins) = (self.legs[side], self.spans[side].first.time);
            let [opener, opened] = self.legs[1 - side];
            match time.contains(&begins) {
                true if ends == [one, other] => Some((opener, opened)),
                true if ends == [other, one] => Some((opened, opener)),
                _ => None,
            }
        })
    }
}

impl Shared<'_, '_> {
    /// Notes the messages of a connection that nothing confirms to be the peer wire. Where it has blocks, their torrent may
    /// yet be found: they are told when that is judged.
    pub(super) fn note_unconfirmed(&mut self, session: &Session<'_>) {
        for from in [Direction::LowToHigh, Direction::HighToLow].into_iter().filter(|_| !session.has_blocks()) {
            let side = session.side(from);
            let span = side.requested.or(session.span());
            if side.asked + side.extended > 0 {
                let oddity = Oddity::UnconfirmedMessages { requests: side.asked, extended: side.extended };
                self.anomalies.odd(oddity.within(span).sent(session.flow, from).of(session.id));
            }
        }
    }
}

fn is_false(value: &bool) -> bool {
    !value
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// Says which info dictionaries were wrong or could not be completed.
pub(super) fn note_metadata(metadata: &Harvest, anomalies: &mut dyn Sink) {
    for wrong in &metadata.wrong {
        anomalies.odd(Oddity::WrongMetadata { piece: wrong.piece }.within(wrong.span).from(wrong.from));
    }
    let counts = metadata.counts;
    let all = [
        (counts.mismatches, Oddity::MetadataMismatch { count: counts.mismatches }),
        (counts.malformed, Oddity::BadMetadata { count: counts.malformed }),
        (counts.limited, Bound::Metadata { count: counts.limited }.into()),
    ];
    all.into_iter().filter(|(count, _)| *count > 0).for_each(|(_, oddity)| anomalies.odd(oddity.seen()));
}
