//! The counterpart's acknowledgements of one direction, and the packets that it never took.

use std::collections::BTreeSet;

use super::delivered::Delivered;
use super::sacked::Confirmed;
use super::waiting::Waiting;
use super::{JUST_BEFORE, NEAR, Numbering, UtpSide, distance};
use crate::ends::At;
use crate::limits::UTP_SUSPECTS;
use crate::stream::path::Place;
use crate::stream::utp::packet::Packet;
use crate::stream::{StreamItem, StreamLimits, Unaccepted};

/// Numbers of packets that the receiver would not take, as their acknowledgement names what it never sent.
#[derive(Debug, Default)]
pub(super) struct Suspects {
    waiting: BTreeSet<u64>,
    /// There were more than are kept: every packet is one from then on.
    all: bool,
}

impl Suspects {
    pub(super) fn add(&mut self, seq: u64) {
        if self.waiting.len() < UTP_SUSPECTS {
            self.waiting.insert(seq);
        } else {
            self.all = true;
        }
    }

    /// Returns true if the packet `seq`, delivered now, is a suspect, and forgets it.
    pub(super) fn take(&mut self, seq: u64) -> bool {
        self.all || (!self.waiting.is_empty() && self.waiting.remove(&seq))
    }
}

impl<'cap> UtpSide<'cap> {
    /// Takes what the counterpart acknowledges.
    pub(in super::super) fn acknowledge(
        &mut self,
        at: At,
        packet: &Packet<'cap>,
        limits: &StreamLimits,
        emit: &mut impl FnMut(StreamItem<'cap>),
    ) {
        if self.last.is_none() {
            self.heard_at = Some(at);
        }
        if !self.started && !self.is_plausible_ack(packet.ack_nr) {
            let behind = self.strays.last().map(|last| packet.ack_nr.wrapping_sub(last.seq_nr));
            if behind.is_some_and(|behind| i64::from(behind) <= NEAR) {
                self.begin_elsewhere(limits, emit);
            }
        }
        let Some(next) = self.next.filter(|_| self.is_plausible_ack(packet.ack_nr)) else {
            let first = *self.hint.get_or_insert(packet.ack_nr);
            let behind = u64::from(packet.ack_nr.wrapping_sub(first.wrapping_add(self.hinted as u16)));
            // What was sent is acknowledged step by step.
            self.hinted += if behind <= AHEAD { behind } else { 0 };
            return;
        };
        let Some(ack) = next.checked_add_signed(distance(packet.ack_nr, next)) else { return };
        if self.numbering == Numbering::Open {
            let used_up = ack == next && self.history.is_empty() && self.pending.is_empty();
            self.numbering = if used_up { Numbering::UsedUp } else { Numbering::Settled };
        }
        let is_within =
            |from: u64| move |one: &Waiting<'cap>| (from..=from + JUST_BEFORE as u64).contains(&one.seq);
        let about = |from: u64| self.pending.iter().any(is_within(from));
        if !self.started && about(ack.saturating_sub(JUST_BEFORE as u64)) && !about(ack + 1) {
            self.begin(Some(ack), limits, emit);
        }
        self.heard = self.highest();
        if ack > self.reach() {
            // What was sent is acknowledged step by step: a number further on was never sent.
            return self.settle(at, false, limits, emit);
        }
        self.note_ack(ack, at, packet, limits);
        self.settle(at, false, limits, emit);
        if is_later(packet.timestamp_us, self.sack_clock) {
            // What it does not name again it does not have.
            self.early.clear();
        }
        for (index, bytes) in packet.selective_ack.unwrap_or_default().chunks(8).enumerate() {
            let mut word = [0; 8];
            word.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
            let bits = u64::from_le_bytes(word);
            if bits != 0 {
                self.sack_clock = packet.timestamp_us;
                self.confirm(ack + 2 + index as u64 * 64, bits, at, limits, emit);
            }
        }
    }

    /// The highest number that came.
    fn highest(&self) -> Option<u64> {
        let delivered = self.next.filter(|_| self.started).and_then(|next| next.checked_sub(1));
        self.pending.back().map(|last| last.seq).or(delivered)
    }

    /// As far as packets of the direction may have been sent, by what is known.
    fn reach(&self) -> u64 {
        let acknowledged = self.ack.map(|(ack, _)| ack);
        self.highest().max(acknowledged).map_or(u64::MAX, |highest| highest.saturating_add(AHEAD))
    }

    /// Keeps the highest acknowledgement. One of packets that were not there yet is as good as a later one leaves it: the
    /// receiver never takes back what it acknowledged.
    fn note_ack(&mut self, ack: u64, at: At, by: &Packet<'cap>, limits: &StreamLimits) {
        let (clock, number) = (by.timestamp_us, by.seq_nr);
        let is_early = self.is_early();
        // A lone number is taken for a FIN.
        let known = self.highest().is_none_or(|highest| ack <= highest + 1);
        if known && self.sure.is_none_or(|(highest, _)| ack > highest) {
            self.sure = Some((ack, at));
        }
        match self.ack {
            Some((highest, since)) if highest > ack => {
                // Captures hold packets out of order, and twice: an own number from before says that it was captured late.
                let (newer, as_new) = (number.away(self.ack_number) > 0, number == self.ack_number);
                let later = is_later(clock, self.ack_clock) || newer || (as_new && is_late(since, at, limits));
                if is_early && later {
                    (self.ack, self.met) = (if known { self.sure } else { Some((ack, at)) }, None);
                    (self.ack_clock, self.ack_number) = (clock, number);
                }
            }
            Some((highest, _)) if highest == ack => {}
            _ => {
                (self.ack, self.met) = (Some((ack, at)), None);
                (self.ack_clock, self.ack_number) = (clock, number);
            }
        }
    }

    /// Returns true if the highest acknowledgement names packets that had not come.
    fn is_early(&self) -> bool {
        self.ack.map(|(ack, _)| ack) > self.sure.map(|(ack, _)| ack)
    }

    /// A packet came at `at`: perhaps the one that the highest acknowledgement names.
    pub(super) fn meet(&mut self, at: At) {
        if self.is_early()
            && self.met.is_none()
            && self.ack.zip(self.highest()).is_some_and(|((ack, _), highest)| highest >= ack)
        {
            self.met = Some(at);
        }
    }

    /// Where to the acknowledgements reach, now that no other follows: one that stands before its packet counts when that
    /// came within the tolerance, or never.
    pub(super) fn conclude_ack(&mut self, limits: &StreamLimits) {
        let late = self.ack.zip(self.met).is_some_and(|((_, since), met)| is_late(since, met, limits));
        if late {
            self.ack = self.sure;
        } else if self.is_early() {
            self.sure = self.ack;
        }
    }

    /// Ends the direction: packets that were confirmed shortly before they came, and not taken back, are confirmed;
    /// packets that the receiver never acknowledged, though it went on, are told as unaccepted.
    pub(super) fn conclude(&mut self, at: At, emit: &mut impl FnMut(StreamItem<'cap>)) {
        for seq in std::mem::take(&mut self.early) {
            self.confirm_delivered(seq, at, emit);
        }
        let Some(heard) = self.heard.filter(|_| self.started) else { return };
        let all = self.next.is_some_and(|next| heard >= next).then_some(self.offset);
        let upto = self.end_of(heard + 1).or(all).unwrap_or(0);
        if let Some(len) = upto.checked_sub(self.acked).filter(|len| *len > 0) {
            emit(StreamItem::Unaccepted { offset: self.acked, len, why: Unaccepted::Never });
        }
    }

    /// The receiver would not take the packet that comes next, which has this number.
    #[cold]
    pub(in super::super) fn suspect(&mut self, seq_nr: u16) {
        let next = self.next.unwrap_or(super::FIRST + u64::from(seq_nr));
        let away = distance(seq_nr, next);
        if let Some(seq) = next.checked_add_signed(away).filter(|_| (0..=NEAR).contains(&away)) {
            self.suspects.add(seq);
        }
    }

    /// Takes a packet whose acknowledgement is impossible: returns true if it is kept apart, as it stands ahead of all that
    /// came.
    #[cold]
    pub(in super::super) fn is_kept_apart(&mut self, at: At, packet: &Packet<'cap>, doubtful: bool) -> bool {
        let seq = self.unwrapped(packet.seq_nr);
        let is_few = self.blind.are_few();
        let is_ahead = self.highest().is_some_and(|highest| seq > highest + 1);
        if is_few && is_ahead && !packet.rejected {
            self.blind.keep((Waiting::new(seq, packet.payload, at, doubtful), true));
            return true;
        }
        false
    }

    /// Takes packets that were kept apart where the stream, or what the receiver has, goes as far by now: those that are missing.
    /// Where the sender's own came, they are left out.
    #[cold]
    pub(super) fn get_to(&mut self, limits: &StreamLimits, emit: &mut impl FnMut(StreamItem<'cap>)) {
        let upto = self.highest().max(self.ack.map(|(ack, _)| ack));
        let mut blind = std::mem::take(&mut self.blind);
        let reached = blind.reached(|(waiting, _)| upto.is_some_and(|upto| waiting.seq <= upto));
        self.blind = blind;
        for (waiting, suspect) in reached {
            let Waiting { seq, at, payload, .. } = waiting;
            if self.next.is_some_and(|next| seq < next) || self.pending.iter().any(|other| other.seq == seq) {
                emit(StreamItem::OutOfWindow { len: u64::from(payload.wire_len), at });
                continue;
            }
            if suspect {
                self.suspects.add(seq);
            }
            self.place(waiting, limits, emit);
        }
    }

    /// A FIN and data have the number `seq`: the receiver took one of the two. `len`: payload bytes of the one that comes now.
    #[cold]
    pub(super) fn doubt_beside_fin(&mut self, seq: u64, len: u32, emit: &mut impl FnMut(StreamItem<'cap>)) {
        if !self.has_begun() || self.next.is_none_or(|next| seq >= next) {
            self.suspects.add(seq);
        } else if let Some(first) = self.delivered(seq).filter(|first| first.len.max(len) > 0) {
            let len = u64::from(first.len.max(len));
            emit(StreamItem::Unaccepted { offset: first.offset, len, why: Unaccepted::Impossible });
        }
    }

    /// Returns true if a packet that is delivered now was confirmed since it came. If it was before, that may count
    /// later.
    pub(super) fn take_sacked(&mut self, seq: u64, at: At, limits: &StreamLimits) -> bool {
        match if self.sacked.is_empty() { None } else { self.sacked.take(seq) } {
            Some(Confirmed::Early(since)) => {
                if !is_late(since, at, limits) && self.early.len() < MAX_SACKED {
                    self.early.push(seq);
                }
                false
            }
            Some(Confirmed::Waiting) => true,
            None => false,
        }
    }

    /// Notes 64 packets of a selective ACK, from `first` on.
    fn confirm(
        &mut self,
        first: u64,
        mut bits: u64,
        at: At,
        limits: &StreamLimits,
        emit: &mut impl FnMut(StreamItem<'cap>),
    ) {
        let Some(next) = self.next.filter(|_| self.started) else { return };
        let delivered = u64::MAX.checked_shr(64 - next.saturating_sub(first).min(64) as u32).unwrap_or(0);
        let mut known = bits & delivered;
        while known != 0 {
            self.confirm_delivered(first + u64::from(known.trailing_zeros()), at, emit);
            known &= known - 1;
        }
        bits &= !delivered;
        if bits != 0 && self.sacked.len() < MAX_SACKED.min(limits.pending_segments as usize) {
            let pending = &self.pending;
            let waits = |from: u64| {
                let start = pending.partition_point(|waiting| waiting.seq < from);
                let here = pending.range(start..).map(|waiting| waiting.seq - from).take_while(|place| *place < 64);
                here.fold(0, |bits, place| bits | 1 << place)
            };
            self.sacked.add(first, bits, at, waits);
        }
    }

    fn confirm_delivered(&mut self, seq: u64, at: At, emit: &mut impl FnMut(StreamItem<'cap>)) {
        let oldest = self.history.front().map_or(0, |first| first.seq);
        let index = seq.checked_sub(oldest).and_then(|index| usize::try_from(index).ok());
        if let Some(packet) = index.and_then(|index| self.history.get_mut(index)).filter(|packet| !packet.sacked) {
            packet.sacked = true;
            if packet.len > 0 && packet.end() > self.acked {
                emit(StreamItem::AckedRange { from: packet.offset, to: packet.end(), at });
            }
        }
    }

    /// Gives up holes that were acknowledged for long enough, and gives out what is acknowledged of the rest.
    pub(super) fn settle(
        &mut self,
        at: At,
        counts: bool,
        limits: &StreamLimits,
        emit: &mut impl FnMut(StreamItem<'cap>),
    ) {
        if !self.blind.is_empty() {
            self.get_to(limits, emit);
        }
        let Some((ack, _)) = self.ack.filter(|_| self.started) else { return };
        if self.next.is_some_and(|next| ack >= next) && !self.pending.is_empty() && !self.expects_what_is_missing()
        {
            let settled = self.hole_timer.wait(ack + 1, at, counts, limits);
            while !self.pending.is_empty() && self.next.is_some_and(|next| settled > next) {
                self.give_up(super::GapCause::Unseen, settled, at, limits, emit);
            }
        } else {
            self.hole_timer.rest();
        }
        let (Some(first), Some(last)) = (self.history.front(), self.history.back()) else { return };
        if let Some((sure, at)) = self.sure {
            let index = sure.min(last.seq).checked_sub(first.seq).and_then(|index| usize::try_from(index).ok());
            let upto = index.and_then(|index| self.history.get(index)).map_or(0, Delivered::end);
            if upto > self.acked {
                self.acked = upto;
                emit(StreamItem::Acked { upto, at });
            }
        }
        if let Some(next) = self.next.filter(|_| !self.sacked.is_empty()) {
            self.sacked.forget_before(next);
        }
    }
}

// Rationale: 1.4 MB in packets of the usual size; a random number is as near once in 64.
pub(super) const AHEAD: u64 = 1_024;

/// Returns true if `clock` stands behind `before` on the sender's wrapping clock.
fn is_later(clock: u32, before: u32) -> bool {
    clock.wrapping_sub(before) as i32 > 0
}

/// Returns true if an acknowledgement at `since` came too long before its packet, at `came`, to count.
fn is_late(since: At, came: At, limits: &StreamLimits) -> bool {
    came.time.0.saturating_sub(since.time.0) > limits.acked_hole_wait_ns
}

// Rationale: a selective ACK covers at most 255 * 8 packets; the last of them may go beyond by less than 64.
const MAX_SACKED: usize = 2_048;
