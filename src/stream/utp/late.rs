//! Packets that stand in the captures behind their place.

use super::connection::Connection;
use super::side::{JUST_BEFORE, NEAR, UtpSide};
use super::{Packet, PacketKind, UtpFlow, UtpId};
use crate::ends::{At, Direction};
use crate::packet::Payload;
use crate::stream::{FilledHole, StreamLimits};

impl<'cap> UtpFlow<'cap> {
    /// Where the packet in `payload`, which was pushed, would have been in time, if its place was given up.
    pub fn late(&mut self, direction: Direction, payload: &Payload<'cap>) -> FilledHole {
        if self.connections.iter().all(|one| one.sides.iter().all(|side| side.holes.is_empty())) {
            return FilledHole::Nothing;
        }
        let Ok(packet) = Packet::parse(payload) else { return FilledHole::Nothing };
        if packet.kind != PacketKind::Data || packet.payload.bytes.is_empty() {
            return FilledHole::Nothing;
        }
        let of_it = |connection: &&mut Box<Connection<'cap>>| is_of(connection, direction, &packet);
        let connection = self.connections.iter_mut().rev().find(of_it);
        connection.map_or(FilledHole::Nothing, |connection| connection.sides[direction.index()].late(packet.seq_nr))
    }

    /// The connection of the packet in `payload`, and behind which byte of the other direction, of those that were delivered,
    /// it was sent.
    pub fn sent_behind(&self, direction: Direction, payload: &Payload<'cap>) -> Option<(UtpId, u64)> {
        let packet = Packet::parse(payload).ok().filter(|packet| packet.kind == PacketKind::Data)?;
        let connection = self.connections.iter().rev().find(|connection| is_of(connection, direction, &packet))?;
        connection.id.zip(connection.sides[direction.reverse().index()].upto(packet.ack_nr))
    }
}

fn is_of<'cap>(connection: &Connection<'cap>, direction: Direction, packet: &Packet<'cap>) -> bool {
    connection.id.is_some() && connection.owns(direction, packet)
}

impl UtpSide<'_> {
    /// Fills a hole that was given up with a packet of this number; returns the hole.
    fn late(&mut self, seq_nr: u16) -> FilledHole {
        let place = self.next.zip(self.away(seq_nr)).and_then(|(next, away)| next.checked_add_signed(away));
        let Some(seq) = place.filter(|_| !self.holes.is_empty()) else { return FilledHole::Nothing };
        if seq < self.origin {
            let before = (seq as i64).saturating_sub(self.origin as i64);
            self.holes.fill(before..before + 1, JUST_BEFORE, NEAR)
        } else {
            self.holes.fill(seq as i64..seq as i64 + 1, 0, 0)
        }
    }

    /// Notes that a packet is read without those that it acknowledges, before `need`.
    pub(super) fn pass_over(&mut self, need: u64, at: At, limits: &StreamLimits) {
        let next = self.next.unwrap_or(need);
        self.holes.give_up(next..need, at.frame, limits);
    }

    /// The offset behind what was delivered and is acknowledged by `ack_nr`.
    fn upto(&self, ack_nr: u16) -> Option<u64> {
        let next = self.next.filter(|_| self.has_begun())?;
        let behind = next.saturating_add_signed(self.away(ack_nr)?.saturating_add(1));
        if behind >= next { Some(self.offset()) } else { self.end_of(behind) }
    }
}
