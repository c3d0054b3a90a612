//! Packets whose numbers are far from the place of their direction.

use super::waiting::Waiting;
use super::{FIRST, JUST_BEFORE, UtpSide};
use crate::ends::At;
use crate::packet::Payload;
use crate::stream::{GapCause, Missing, StreamItem, StreamLimits};

/// A packet whose number is too far away to be unwrapped.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stray<'cap> {
    pub(super) seq_nr: u16,
    pub(super) payload: Payload<'cap>,
    pub(super) at: At,
    pub(super) doubtful: bool,
}

impl<'cap> UtpSide<'cap> {
    /// Takes a packet from far away: alone it is garbage, but a row of them shows that the capture missed so many
    /// that the stream is elsewhere by now.
    #[cold]
    pub(super) fn stray(
        &mut self,
        stray: Stray<'cap>,
        limits: &StreamLimits,
        emit: &mut impl FnMut(StreamItem<'cap>),
    ) {
        let at = stray.at;
        let step = self.strays.last().map(|last| stray.seq_nr.wrapping_sub(last.seq_nr));
        if step == Some(0) {
            return; // A duplicate frame does not break the row.
        }
        if step != Some(1) {
            self.discard_strays(emit);
        }
        self.strays.push(stray);
        if !self.started && self.strays.len() > self.pending.len() {
            return self.begin_elsewhere(limits, emit);
        }
        if self.strays.len() < STRAY_PACKETS {
            return;
        }
        self.begin(None, limits, emit);
        while !self.pending.is_empty() {
            self.give_up(GapCause::Unseen, u64::MAX, at, limits, emit);
        }
        emit(StreamItem::Gap { offset: self.offset, missing: Missing::Unknown, cause: GapCause::Unseen, at });
        // What came before cannot be told by its numbers any more.
        self.history.clear();
        self.holes.clear();
        self.sacked.clear();
        self.early.clear();
        (self.ack, self.sure, self.heard, self.fin) = (None, None, None, None);
        let strays = std::mem::take(&mut self.strays);
        let first = strays.first().map_or(0, |first| first.seq_nr);
        let next = self.next.unwrap_or(FIRST);
        let from = next + u64::from(first.wrapping_sub(next as u16));
        (self.next, self.started) = (Some(from), true);
        for (seq, Stray { payload, at, doubtful, .. }) in (from..).zip(strays) {
            self.place(Waiting::new(seq, payload, at, doubtful), limits, emit);
        }
    }

    /// Decides that the direction starts with the lowest of those packets held that are near each other: near the number `about`,
    /// or the most.
    pub(super) fn begin(
        &mut self,
        about: Option<u64>,
        limits: &StreamLimits,
        emit: &mut impl FnMut(StreamItem<'cap>),
    ) {
        let Some((from, to)) = self.neighbours(about).filter(|_| !self.started) else { return };
        let ahead: Vec<Waiting<'cap>> = self.pending.drain(to..).collect();
        let before: Vec<Waiting<'cap>> = self.pending.drain(..from).collect();
        let Some(first) = self.pending.front().map(|first| first.seq) else { return };
        (self.next, self.origin, self.started) = (Some(first), first, true);
        let at = self.pending.iter().map(|waiting| waiting.at).min();
        at.into_iter().for_each(|at| self.holes.begin(at.frame));
        self.drain(limits, emit);
        before.iter().for_each(|waiting| self.again(waiting, emit));
        for waiting in ahead {
            // One from anywhere makes no hole.
            if self.blind.are_few() {
                self.blind.keep((waiting, false));
            } else {
                self.insert(waiting, emit);
            }
        }
    }

    /// Where in the packets that wait those begin and end that are near each other.
    fn neighbours(&self, about: Option<u64>) -> Option<(usize, usize)> {
        let (mut best, mut from) = (None, 0);
        for (index, waiting) in self.pending.iter().enumerate() {
            let next = self.pending.get(index + 1);
            if next.is_some_and(|next| next.seq - waiting.seq <= JUST_BEFORE as u64) {
                continue;
            }
            let is_meant = about.is_some_and(|about| {
                about.checked_sub(waiting.seq).is_some_and(|behind| behind <= JUST_BEFORE as u64)
            });
            let worth = (is_meant, index + 1 - from);
            if best.is_none_or(|(most, _)| worth > most) {
                best = Some((worth, (from, index + 1)));
            }
            from = index + 1;
        }
        best.map(|(_, place)| place)
    }

    /// The direction begins with the row from far away: what came before it is of anybody.
    #[cold]
    pub(super) fn begin_elsewhere(&mut self, limits: &StreamLimits, emit: &mut impl FnMut(StreamItem<'cap>)) {
        for waiting in self.pending.drain(..) {
            emit(StreamItem::OutOfWindow { len: u64::from(waiting.payload.wire_len), at: waiting.at });
        }
        let strays = std::mem::take(&mut self.strays);
        let from = strays.first().map_or(FIRST, |first| FIRST + u64::from(first.seq_nr));
        (self.next, self.ack, self.sure, self.heard, self.fin) = (Some(from), None, None, None, None);
        for (seq, Stray { payload, at, doubtful, .. }) in (from..).zip(strays) {
            self.place(Waiting::new(seq, payload, at, doubtful), limits, emit);
        }
    }

    pub(super) fn discard_strays(&mut self, emit: &mut impl FnMut(StreamItem<'cap>)) {
        for Stray { payload, at, .. } in self.strays.drain(..) {
            emit(StreamItem::OutOfWindow { len: u64::from(payload.wire_len), at });
        }
    }
}

// Rationale: as in TCP; four consecutive numbers by chance: 2^-48.
const STRAY_PACKETS: usize = 4;
