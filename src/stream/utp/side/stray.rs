//! Packets whose numbers are far from the place of their direction.

use super::waiting::Waiting;
use super::{FIRST, UtpSide};
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
        if self.strays.len() < STRAY_PACKETS {
            return;
        }
        self.begin(limits, emit);
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

    pub(super) fn discard_strays(&mut self, emit: &mut impl FnMut(StreamItem<'cap>)) {
        for Stray { payload, at, .. } in self.strays.drain(..) {
            emit(StreamItem::OutOfWindow { len: u64::from(payload.wire_len), at });
        }
    }
}

// Rationale: as in TCP; four consecutive numbers by chance: 2^-48.
const STRAY_PACKETS: usize = 4;
