//! An ST_SYN that would begin another connection with the ids of this one.

use super::{Connection, HeldPacket, payload_len};
use crate::ends::{At, Direction};
use crate::stream::StreamItem;
use crate::stream::challenge::Challenge;
use crate::stream::utp::packet::PacketKind;
use crate::stream::utp::side::UtpSide;

impl<'cap> Connection<'cap> {
    /// The packets with which another connection with these ids begins, where `held`, the next one, belongs to it.
    ///
    /// Anybody can send an ST_SYN in the name of an endpoint, so that it begins one only when the other end answers it
    /// (T65); while this connection is a candidate, the ST_SYN alone is enough.
    pub(in super::super) fn replaced_by(&mut self, held: &HeldPacket<'cap>) -> Option<Vec<HeldPacket<'cap>>> {
        if let Some(challenge) = self.challenge.as_deref() {
            let (answers, follows) = (self.answers(challenge, held), self.follows(challenge, held));
            let one_sided = self.side(challenge.direction.reverse()).last().is_none();
            let another = held.packet.kind == PacketKind::Syn && one_sided;
            let alone = !challenge.went_on
                && ((follows && challenge.is_full()) || (another && challenge.is_gone_on_from()));
            if answers || alone {
                return Some(self.take_challenge());
            }
        }
        (self.id.is_none() && self.begins_another(held)).then(Vec::new)
    }

    /// An ST_SYN that was not answered, and what its sender sent on from it, where this connection did not go on.
    pub(in super::super) fn take_challenger(&mut self) -> Vec<HeldPacket<'cap>> {
        if self.challenge.as_ref().is_some_and(|challenge| challenge.went_on) {
            return Vec::new();
        }
        self.take_challenge()
    }

    fn take_challenge(&mut self) -> Vec<HeldPacket<'cap>> {
        let challenge = self.challenge.take();
        challenge.into_iter().flat_map(|challenge| challenge.into_packets()).map(|(.., held)| held).collect()
    }

    /// Returns true if an ST_SYN, which has this connection's ids, opens another one. BEP 29 numbers every SYN 1,
    /// so that the number alone does not tell a new one from one that was sent again.
    fn begins_another(&self, held: &HeldPacket<'cap>) -> bool {
        let HeldPacket { at, direction, packet, .. } = held;
        packet.kind == PacketKind::Syn
            && match self.syn {
                Some(syn) if syn == (*direction, packet.seq_nr) => {
                    packet.timestamp_us != self.syn_clock && (self.is_over() || self.is_silent(*at))
                }
                Some(_) => true,
                // Its own SYN, captured late, stands just before what was taken for the start.
                None => self.id.is_some() && !self.side(*direction).may_follow(packet.seq_nr),
            }
    }

    /// Returns true if `held` answers the challenge: the other end acknowledges the ST_SYN, or a packet just behind
    /// it, and it does not read as a packet of this connection.
    fn answers(&self, challenge: &Challenge<HeldPacket<'cap>>, held: &HeldPacket<'cap>) -> bool {
        let packet = &held.packet;
        let is_copy =
            self.answer.is_some_and(|(seq_nr, clock)| (packet.seq_nr, packet.timestamp_us) == (seq_nr, clock));
        held.direction != challenge.direction
            && matches!(packet.kind, PacketKind::State | PacketKind::Data | PacketKind::Fin)
            && packet.ack_nr.wrapping_sub(challenge.opening.packet.seq_nr) < BEHIND_SYN
            && !is_copy
            && !self.reads_as_own(held)
    }

    /// Returns true if `held` goes on from the challenge's own ST_SYN, and does not read as a packet of this
    /// connection.
    fn follows(&self, challenge: &Challenge<HeldPacket<'cap>>, held: &HeldPacket<'cap>) -> bool {
        let packet = &held.packet;
        held.direction == challenge.direction
            && matches!(packet.kind, PacketKind::State | PacketKind::Data | PacketKind::Fin)
            && packet.seq_nr.wrapping_sub(challenge.opening.packet.seq_nr).wrapping_sub(1) < BEHIND_SYN
            && !self.reads_as_own(held)
    }

    /// Returns true if both numbers of a packet are about those at which this connection stands, and it was not
    /// over: after an ST_RESET, which may be forged, earlier packets are not expected again.
    fn reads_as_own(&self, held: &HeldPacket<'cap>) -> bool {
        let about = if self.reset.is_some() { -JUST_BEFORE..=ABOUT } else { -ABOUT..=ABOUT };
        let fits = |side: &UtpSide<'cap>, number| side.away(number).is_none_or(|away| about.contains(&away));
        let (own, other) = (self.side(held.direction), self.side(held.direction.reverse()));
        !self.quiet && fits(own, held.packet.seq_nr) && fits(other, held.packet.ack_nr)
    }

    /// Keeps an ST_SYN of another connection, and what follows it, apart; whether it is that.
    pub(in super::super) fn is_kept_apart(
        &mut self,
        held: &HeldPacket<'cap>,
        emit: &mut impl FnMut(Direction, StreamItem<'cap>),
    ) -> bool {
        let HeldPacket { at, direction, packet, .. } = held;
        if packet.kind == PacketKind::Syn && self.id.is_some() && self.begins_another(held) {
            let number = |held: &HeldPacket<'cap>| (held.direction, held.packet.seq_nr);
            if self.challenge.as_deref().is_none_or(|before| number(&before.opening) != number(held)) {
                self.quiet = self.sides.iter().all(UtpSide::is_finished) || self.is_silent(*at);
                let before = self.challenge.replace(Box::new(Challenge::new(*at, *direction, *held)));
                before.into_iter().for_each(|before| before.discard(payload_len, emit));
            }
            return true;
        }
        if self.challenge.is_none() {
            return false;
        }
        let follows = self.challenge.as_deref().is_some_and(|challenge| self.follows(challenge, held));
        let carries = packet.kind == PacketKind::Data && packet.payload.wire_len > 0;
        let is_new =
            carries && self.side(*direction).away(packet.seq_nr).is_some_and(|away| (0..=ABOUT).contains(&away));
        if let Some(challenge) = &mut self.challenge {
            if follows {
                challenge.hold((*at, *direction, *held), payload_len(held), emit);
            } else {
                challenge.went_on |= is_new;
            }
        }
        follows
    }

    /// Returns true if both ends went on after the opening, and nothing came for longer than a SYN is sent again.
    fn is_silent(&self, at: At) -> bool {
        let last = self.sides.iter().filter_map(UtpSide::last).map(|at| at.time.0).max();
        self.opening.ack.is_some() && last.is_some_and(|last| at.time.0.saturating_sub(last) > SILENCE_NS)
    }
}

// Rationale: as many packets as are kept apart; a number is among them by chance once in 1,024.
const BEHIND_SYN: u16 = 64;
// Rationale: some hundred packets are under way; the two numbers of another connection are both so near once in 16,384.
const ABOUT: i64 = 256;
// Rationale: reordering is a matter of neighbours.
const JUST_BEFORE: i64 = 4;
// Rationale: SYNs are sent again within half a minute; keep-alives go every 30 s.
const SILENCE_NS: i64 = 60_000_000_000;
