//! Evidence against a packet, from checksums and marks of damage, and what a packet counts as in spite of it.

use std::net::IpAddr;

use super::Decoder;
use crate::ends::{At, Endpoint, PathId, Span};
use crate::oddity::{Oddity, Sink};
use crate::packet::cut::Cut;
use crate::packet::doubt::Doubt;
use crate::packet::ip::Datagram;
use crate::packet::sums::Origin;
use crate::packet::transport::{self, Head, TCP, UDP};
use crate::packet::{Checksum, Packet, Payload, TransportLayer};

impl Decoder {
    /// Returns true if `packet`, of the frame decoded last and of no known flow, is damaged: its checksum is wrong,
    /// where nearly all others are right.
    pub fn is_damaged(&mut self, packet: &Packet<'_>, out: &mut dyn Sink) -> bool {
        if packet.untested.is_empty() || self.reads_damage {
            return false;
        }
        let (source, destination) =
            (packet.flow.source(packet.direction), packet.flow.destination(packet.direction));
        let protocol = match packet.transport {
            TransportLayer::Tcp(_) => TCP,
            TransportLayer::Udp(_) => UDP,
        };
        let segment = Cut { bytes: packet.untested, wire: packet.untested.len() };
        let stated = (packet.fingerprint & 0xffff) as u16;
        let outcome = transport::checksum(source.ip, destination.ip, protocol, segment, stated);
        let origin = self.origin(packet.at, packet.path, source.ip);
        let damaged = self.transports.note(origin, outcome);
        if damaged {
            out.odd(Oddity::DamagedPacket.at(packet.at).towards(source, destination));
        }
        damaged
    }

    pub(super) fn origin(&self, at: At, path: PathId, source: IpAddr) -> Origin {
        Origin::new(at.frame.file(), self.interface, path != PathId::NONE, source)
    }

    /// Returns true if the length that an IP header states, which no checksum covers, is damaged: it goes further
    /// beyond the frame than a packet is long, where nearly none of the others does.
    #[inline]
    pub(super) fn is_overlong(
        &mut self,
        datagram: &Datagram<'_>,
        origin: Origin,
        at: At,
        out: &mut dyn Sink,
    ) -> bool {
        let outcome = if datagram.beyond > MTU { Checksum::Bad } else { Checksum::Good };
        let damaged = self.lengths.note(origin, outcome) && !self.reads_damage;
        if damaged {
            out.odd(Oddity::DamagedPacket.at(at).hosts(datagram.source, datagram.destination));
        }
        damaged
    }

    /// Returns true if a fragment may be put together with others, in spite of its doubt.
    #[cold]
    pub(super) fn may_be_joined(&self, doubt: Doubt, datagram: &Datagram<'_>, at: At, out: &mut dyn Sink) -> bool {
        // No checksum covers a fragment alone.
        let verdict = doubt.verdict(Checksum::Unchecked, false);
        if let Some(oddity) = verdict.told {
            out.odd(oddity.at(at).hosts(datagram.source, datagram.destination));
        }
        verdict.checksum.is_some()
    }

    /// The checksum result under which a packet is used; `None` when the packet is left out, as something speaks
    /// against it.
    #[inline(always)]
    #[expect(clippy::too_many_arguments, reason = "what is tested, and where its outcome goes")]
    pub(super) fn judge(
        &mut self,
        doubt: &Doubt,
        datagram: &Datagram<'_>,
        segment: Cut<'_>,
        head: &Head,
        asked: Asked,
        at: At,
        out: &mut dyn Sink,
    ) -> Option<Checksum> {
        let outcome = self.test(datagram, segment, head, at, out);
        if !doubt.is_none() {
            return self.weigh(doubt, datagram, segment, head, asked, at, out);
        }
        // Offload may leave it zero.
        if asked.steers && head.checksum != 0 {
            let tested =
                if self.counts.bad_checksums.is_some() { outcome } else { tested(datagram, segment, head) };
            if self.transports.note(asked.origin, tested) && !self.reads_damage {
                let (source, destination) = ends(datagram, head);
                out.odd(Oddity::DamagedPacket.at(at).towards(source, destination));
                return None;
            }
        }
        Some(outcome)
    }

    /// As [`judge`](Self::judge), for a packet that something speaks against.
    #[cold]
    #[expect(clippy::too_many_arguments, reason = "what is tested, and where its outcome goes")]
    pub(super) fn weigh(
        &self,
        doubt: &Doubt,
        datagram: &Datagram<'_>,
        segment: Cut<'_>,
        head: &Head,
        asked: Asked,
        at: At,
        out: &mut dyn Sink,
    ) -> Option<Checksum> {
        let silent = self.transports.is_silent(asked.origin);
        let verdict = doubt.verdict(tested(datagram, segment, head), silent);
        if let Some(oddity) = verdict.told {
            let (source, destination) = ends(datagram, head);
            let span = doubt.joined.unwrap_or(Span::single(at));
            out.odd(oddity.within(span).towards(source, destination));
        }
        verdict.checksum
    }

    #[inline]
    pub(super) fn test(
        &mut self,
        datagram: &Datagram<'_>,
        segment: Cut<'_>,
        head: &Head,
        at: At,
        out: &mut dyn Sink,
    ) -> Checksum {
        let Some(bad) = &mut self.counts.bad_checksums else { return Checksum::Unchecked };
        let outcome = tested(datagram, segment, head);
        self.counts.untested_checksums += u64::from(matches!(outcome, Checksum::Unchecked | Checksum::Partial));
        if outcome == Checksum::Bad {
            *bad += 1;
            let (source, destination) = ends(datagram, head);
            out.odd(Oddity::BadChecksum { checksum: head.checksum }.at(at).towards(source, destination));
        }
        outcome
    }
}

/// Reasons to test the checksum of a packet besides the user's policy.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    pub(super) origin: Origin,
    /// It may open, end or name something, or hide a connection: it is tested.
    pub(super) steers: bool,
}

/// Returns true if a payload of `len` bytes is worth a test: not empty, and not bulk data.
#[inline]
pub(super) fn is_small(len: u32) -> bool {
    len.wrapping_sub(1) < MOST_SMALL
}

/// Returns true if a datagram steers: it is small, or names peers, or is a uTP packet of another kind than plain
/// data.
#[inline]
pub(super) fn steers(payload: &Payload<'_>) -> bool {
    is_small(payload.wire_len)
        || match payload.bytes {
            // BEP 29: type and version, extension.
            [first, extension, ..] if first & 0x0f == 1 && first >> 4 <= 4 => *first != 1 || *extension != 0,
            // BEP 5 and BEP 15.
            [b'd', ..] | [0, 0, 0, 0..=3, ..] => true,
            _ => false,
        }
}

/// The segment, where its checksum may be tested later.
#[inline]
pub(super) fn untested<'cap>(doubt: &Doubt, datagram: &Datagram<'_>, segment: Cut<'cap>) -> &'cap [u8] {
    let whole = segment.bytes.len() == segment.wire && datagram.exact && !datagram.upper.routed;
    if whole && doubt.is_none() { segment.bytes } else { &[] }
}

/// The outcome of the test of a checksum under any policy.
#[inline]
fn tested(datagram: &Datagram<'_>, segment: Cut<'_>, head: &Head) -> Checksum {
    if !datagram.exact || datagram.upper.routed {
        return Checksum::Unchecked;
    }
    transport::checksum(datagram.source, datagram.destination, datagram.upper.protocol, segment, head.checksum)
}

/// Who sends, and to whom.
#[inline]
pub(super) fn ends(datagram: &Datagram<'_>, head: &Head) -> (Endpoint, Endpoint) {
    let source = Endpoint { ip: datagram.source, port: head.source_port };
    (source, Endpoint { ip: datagram.destination, port: head.destination_port })
}

// Rationale: handshakes, messages and announces are shorter; segments full of pieces are longer.
const MOST_SMALL: u32 = 512;
// Rationale: of a frame whose end was cut off without a word no more is missing.
const MTU: usize = 1_500;
