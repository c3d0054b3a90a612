//! Packets that acknowledge others which did not come yet: what they wait for.

use super::HeldPacket;
use crate::ends::At;
use crate::stream::pending::PendingSide;
use crate::stream::utp::packet::PacketKind;
use crate::stream::utp::side::UtpSide;
use crate::stream::{StreamItem, StreamLimits};

/// Places are numbers, unwrapped.
impl<'cap> PendingSide<'cap> for UtpSide<'cap> {
    type Packet = HeldPacket<'cap>;
    type Number = u16;

    fn number(held: &HeldPacket<'cap>) -> u16 {
        held.packet.seq_nr
    }

    fn judged(held: &HeldPacket<'cap>) -> Option<Option<u16>> {
        (held.packet.kind == PacketKind::Data).then_some(Some(held.packet.ack_nr))
    }

    #[inline]
    fn carries(held: &HeldPacket<'cap>) -> bool {
        matches!(held.packet.kind, PacketKind::Data | PacketKind::Fin)
    }

    fn has_begun(&self) -> bool {
        self.has_begun()
    }

    #[inline]
    fn lacked_by(&self, held: &HeldPacket<'cap>) -> Option<u64> {
        let carries = Self::carries(held) && held.packet.payload.wire_len > 0;
        if carries { self.lacks(held.packet.ack_nr) } else { None }
    }

    fn came(&self) -> u64 {
        self.next().unwrap_or(u64::MAX)
    }

    fn place(&self, seq_nr: u16) -> Option<u64> {
        self.number(seq_nr)
    }

    fn offset_of(&self, place: u64) -> Option<u64> {
        self.end_of(place)
    }

    fn answered_upto(&self, place: u64) -> Option<u64> {
        self.answered_upto(place)
    }

    fn expect(&mut self, lowest: Option<u16>) {
        self.expect(lowest);
    }

    fn suspect(&mut self, at: At, held: &HeldPacket<'cap>, emit: &mut impl FnMut(StreamItem<'cap>)) {
        if held.packet.payload.wire_len > 0 {
            emit(StreamItem::Suspect { at });
        }
        self.suspect(held.packet.seq_nr);
    }

    #[cold]
    fn is_kept_apart(&mut self, at: At, held: &HeldPacket<'cap>, emit: &mut impl FnMut(StreamItem<'cap>)) -> bool {
        let apart = self.is_kept_apart(at, &held.packet, held.doubtful);
        if !apart {
            PendingSide::suspect(self, at, held, emit);
        }
        apart
    }

    #[inline]
    fn receive(
        &mut self,
        at: At,
        held: &HeldPacket<'cap>,
        limits: &StreamLimits,
        emit: &mut impl FnMut(StreamItem<'cap>),
    ) {
        self.receive(at, &held.packet, held.doubtful, limits, emit);
    }

    fn pass_over(&mut self, need: u64, at: At, limits: &StreamLimits) {
        self.pass_over(need, at, limits);
    }

    fn give_up_before(
        &mut self,
        need: u64,
        lowest: Option<u64>,
        at: At,
        limits: &StreamLimits,
        emit: &mut impl FnMut(StreamItem<'cap>),
    ) {
        self.give_up_before(need, lowest, at, limits, emit);
    }
}
