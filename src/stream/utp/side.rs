//! One direction of a uTP connection: packets in the order of their numbers, bytes in stream offsets.

mod acked;
mod delivered;
mod marks;
mod sacked;
mod stray;
mod waiting;

use std::collections::VecDeque;

use super::packet::{Packet, PacketKind};
use crate::ends::At;
use crate::packet::Payload;
use crate::stream::blind::Blind;
use crate::stream::hole_timer::HoleTimer;
use crate::stream::holes::Holes;
use crate::stream::reorder::compare;
use crate::stream::{EndReason, GapCause, Missing, Numbers, StreamItem, StreamLimits, Unaccepted};
use acked::{AHEAD, Suspects};
use delivered::{Begin, Delivered, SENT_AGAIN_NS};
use marks::Marks;
use sacked::Sacked;
use stray::Stray;
use waiting::{Waiting, cut_over};

/// One direction.
///
/// # Invariants
/// - Packet numbers are unwrapped to `u64`; `pending` ascends and starts above `next` once `started`.
/// - `history` holds consecutive packets and ends with `next - 1`.
#[derive(Debug, Default)]
pub(super) struct UtpSide<'cap> {
    /// The number of the next packet to deliver; before `started`, a number to unwrap others by.
    pub(super) next: Option<u64>,
    started: bool,
    /// The first number that the other end acknowledged, while nothing of this one tells its numbers.
    pub(super) hint: Option<u16>,
    /// How many packets behind that one it acknowledged since.
    pub(super) hinted: u64,
    /// Unwrapped number of the first packet of the stream.
    pub(super) origin: u64,
    numbering: Numbering,
    /// Where the next byte goes.
    offset: u64,
    pending: VecDeque<Waiting<'cap>>,
    /// Packets that were given up.
    pub(super) holes: Holes,
    history: VecDeque<Delivered<'cap>>,
    /// The frame of the packet that was delivered last.
    delivered: Option<At>,
    /// A row of packets from far away.
    strays: Vec<Stray<'cap>>,
    /// Packets that are not the sender's, until those of their numbers are delivered.
    rejected: Vec<(u64, Payload<'cap>, At)>,
    /// Highest cumulative acknowledgement: the number of a packet.
    ack: Option<(u64, At)>,
    /// The highest one of a packet that had come by then.
    sure: Option<(u64, At)>,
    /// The clock of the other end in the packet of `ack`, and its own number there.
    ack_clock: u32,
    ack_number: u16,
    /// When the packet came that `ack` names although it had not been there.
    met: Option<At>,
    acked: u64,
    /// Packets confirmed by a selective ACK that were not delivered yet.
    sacked: Sacked,
    /// Those of them that came shortly afterwards: confirmed if nothing contradicts.
    early: Vec<u64>,
    /// The clock of the other end when it confirmed one of them.
    sack_clock: u32,
    /// The highest number that had come when the other end sent its last packet.
    heard: Option<u64>,
    /// Packets that the receiver would not take, and that were not delivered yet.
    suspects: Suspects,
    /// Packets of anybody, ahead of all that came; true where their receiver would not take them.
    blind: Blind<(Waiting<'cap>, bool)>,
    /// Numbers whose places in the stream are asked for at the end.
    marks: Marks,
    hole_timer: HoleTimer,
    /// The lowest number of its packets that wait elsewhere: what seems to be missing may be there.
    expected: Option<u16>,
    fin: Option<u64>,
    /// The number of a FIN without data.
    bare_fin: Option<u64>,
    last: Option<At>,
    /// When the other end acknowledged something of it, while none of its packets was seen.
    heard_at: Option<At>,
}

/// Knowledge of BEP 29's rule that the answer to a SYN uses up a number, which libutp and libtorrent do not follow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Numbering {
    /// Known, or nothing that was seen so far depends on it.
    #[default]
    Settled,
    /// The counterpart's first acknowledgement will tell.
    Open,
    /// It did: the first packet is the one behind `next`.
    UsedUp,
}

impl<'cap> UtpSide<'cap> {
    /// The last packet of the direction that was seen.
    pub(super) fn last(&self) -> Option<At> {
        self.last
    }

    /// Packets that wait, and marks of packets that were acknowledged before they came.
    pub(super) fn waiting(&self) -> usize {
        self.pending.len() + self.sacked.words()
    }

    /// Where the next byte goes.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    pub(super) fn is_finished(&self) -> bool {
        self.fin.is_some()
    }

    pub(super) fn saw(&mut self, at: At) {
        self.last = Some(at);
    }

    /// The number of the first packet with data is known: from the SYN, or (`soft`) from its answer.
    pub(super) fn start(&mut self, seq_nr: u16, soft: bool) {
        if self.next.is_none() {
            self.next = Some(FIRST + u64::from(seq_nr));
            self.started = true;
            self.origin = FIRST + u64::from(seq_nr);
            self.numbering = if soft { Numbering::Open } else { Numbering::Settled };
        }
    }

    /// Another answer to the SYN than the one of [`Self::start`] is the one of the sender. Only while untouched.
    pub(super) fn restart(&mut self, seq_nr: u16) {
        let last = self.last;
        *self = Self { last, ..Self::default() };
        self.start(seq_nr, true);
    }

    /// Returns true if no packet with data came of it.
    pub(super) fn is_untouched(&self) -> bool {
        self.history.is_empty() && self.pending.is_empty()
    }

    /// Returns true if `ack_nr` may confirm packets of this direction: near those that were seen of it, if any
    /// were.
    pub(super) fn is_plausible_ack(&self, ack_nr: u16) -> bool {
        self.next.is_none_or(|next| distance(ack_nr, next).abs() <= NEAR)
    }

    /// Returns true if a packet with the number `seq_nr` may be one of the direction: who does not know the numbers of its own
    /// end is not that end.
    pub(super) fn may_be_of_it(&self, seq_nr: u16) -> bool {
        self.away(seq_nr).is_none_or(|away| away.unsigned_abs() <= AHEAD)
    }

    /// How far `seq_nr` is from the next packet to deliver; `None` while nothing tells the numbers of the direction.
    pub(super) fn away(&self, seq_nr: u16) -> Option<i64> {
        self.next.map(|next| distance(seq_nr, next))
    }

    /// The number of a packet, unwrapped.
    pub(super) fn number(&self, seq_nr: u16) -> Option<u64> {
        self.next.and_then(|next| next.checked_add_signed(distance(seq_nr, next)))
    }

    /// The number of a packet, unwrapped, also before any of the direction is known.
    pub(super) fn unwrapped(&self, seq_nr: u16) -> u64 {
        self.number(seq_nr).unwrap_or(FIRST + u64::from(seq_nr))
    }

    /// The numbers of its packets on the wire, with the connection id that they carry.
    pub(super) fn numbers(&self, id: u16) -> Option<Numbers> {
        let next = self.next.filter(|_| self.started)?;
        let first = u32::from(self.origin as u16) << 16;
        Some(Numbers { id, first, len: next.saturating_sub(self.origin) << 16 })
    }

    /// The number of the next packet to deliver.
    pub(super) fn next(&self) -> Option<u64> {
        self.next
    }

    /// The number behind `ack_nr`, where a packet before it is not there yet.
    pub(super) fn lacks(&self, ack_nr: u16) -> Option<u64> {
        // A direction of which the capture has nothing is not waited for.
        let next = self.next.filter(|_| self.started && self.last.is_some())?;
        let away = distance(ack_nr, next);
        // Before any packet, it may be the answer to the SYN that is acknowledged.
        let first = i64::from(self.history.is_empty());
        (first..=NEAR).contains(&away).then(|| next.saturating_add_signed(away + 1))
    }

    /// The offset behind the packet before `seq`, while it is remembered.
    pub(super) fn end_of(&self, seq: u64) -> Option<u64> {
        self.delivered(seq.checked_sub(1)?).map(Delivered::end)
    }

    fn delivered(&self, seq: u64) -> Option<&Delivered<'cap>> {
        let index = seq.checked_sub(self.history.front()?.seq).and_then(|index| usize::try_from(index).ok())?;
        self.history.get(index)
    }

    /// Returns true once the start of the direction is decided.
    pub(super) fn has_begun(&self) -> bool {
        self.started
    }

    /// Says which packet of it waits elsewhere, the lowest one: no acknowledged hole that it may fill is given up.
    pub(super) fn expect(&mut self, seq_nr: Option<u16>) {
        self.expected = seq_nr;
    }

    fn expects_what_is_missing(&self) -> bool {
        let (Some(seq_nr), Some(next), Some(first)) = (self.expected, self.next, self.pending.front()) else {
            return false;
        };
        next.saturating_add_signed(distance(seq_nr, next)) < first.seq
    }

    /// Returns true if the direction begins just behind a SYN of this number, by its own packets or by what the other end
    /// acknowledges.
    pub(super) fn may_follow(&self, syn: u16) -> bool {
        let begins = if self.started { Some(self.origin) } else { self.pending.front().map(|first| first.seq) };
        let behind_hint = || self.hint.map(|ack| u64::from(ack) + 1);
        begins
            .or_else(behind_hint)
            .is_some_and(|first| (first as u16).wrapping_sub(syn.wrapping_add(1)) < MISSED_AFTER_SYN)
    }

    /// Takes DATA or FIN.
    pub(super) fn receive(
        &mut self,
        at: At,
        packet: &Packet<'cap>,
        doubtful: bool,
        limits: &StreamLimits,
        emit: &mut impl FnMut(StreamItem<'cap>),
    ) {
        let mut next = *self.next.get_or_insert(FIRST + u64::from(packet.seq_nr));
        if self.numbering == Numbering::UsedUp {
            self.numbering = Numbering::Settled;
            if distance(packet.seq_nr, next) > 0 {
                next += 1;
                (self.next, self.origin) = (Some(next), next);
                self.holes.begin(at.frame);
            }
        }
        let away = distance(packet.seq_nr, next);
        let Some(seq) = next.checked_add_signed(away).filter(|_| away.abs() <= NEAR) else {
            self.stray(Stray { seq_nr: packet.seq_nr, payload: packet.payload, at, doubtful }, limits, emit);
            return;
        };
        let is_fin = packet.kind == PacketKind::Fin && packet.payload.wire_len == 0;
        if is_fin {
            self.bare_fin.get_or_insert(seq);
        }
        if is_fin || self.bare_fin == Some(seq) {
            self.doubt_beside_fin(seq, packet.payload.wire_len, emit);
        }
        if packet.rejected {
            return self.reject(seq, packet.payload, at, emit);
        }
        if packet.kind == PacketKind::Fin && self.fin.is_none() {
            self.fin = Some(seq);
        }
        self.place(Waiting::new(seq, packet.payload, at, doubtful), limits, emit);
    }

    fn place(&mut self, waiting: Waiting<'cap>, limits: &StreamLimits, emit: &mut impl FnMut(StreamItem<'cap>)) {
        let Waiting { seq, at, .. } = waiting;
        let next = self.next.unwrap_or(seq);
        if !self.started || seq > next {
            self.insert(waiting, emit);
            if !self.started && self.pending.len() >= HELD_PACKETS {
                self.begin(None, limits, emit);
            }
        } else if seq == next {
            self.deliver(waiting, limits, emit);
        } else {
            self.again(&waiting, emit);
        }
        self.meet(at);
        if self.started {
            self.drain(limits, emit);
            while self.pending.len() > limits.pending_segments as usize {
                self.give_up(GapCause::Limit, u64::MAX, at, limits, emit);
            }
        }
        self.settle(at, true, limits, emit);
    }

    /// Delivers what waits, holes as gaps, and ends the direction. Of packets with the numbers in `suspects`, first and
    /// last, it says that the receiver would not take them.
    pub(super) fn close(
        &mut self,
        reason: EndReason,
        suspects: &[((u64, u64), Unaccepted)],
        limits: &StreamLimits,
        emit: &mut impl FnMut(StreamItem<'cap>),
    ) {
        self.discard_strays(emit);
        self.begin(None, limits, emit);
        let last = self.last.take();
        // Of a direction of which nothing was captured, the other end tells how much went.
        let Some(at) = last.or(self.heard_at) else { return };
        self.conclude_ack(limits);
        self.get_to(limits, emit);
        for (waiting, suspect) in self.blind.take() {
            if suspect || self.ack.is_some() {
                emit(StreamItem::OutOfWindow { len: u64::from(waiting.payload.wire_len), at: waiting.at });
            } else {
                self.place(waiting, limits, emit);
            }
        }
        while !self.pending.is_empty() {
            self.give_up(GapCause::Unseen, u64::MAX, at, limits, emit);
        }
        // A lone number behind the end is mostly that of a FIN that was not captured: who reads the stream may know better.
        let unseen = self.ack.zip(self.next).map_or(self.hinted, |((ack, _), next)| (ack + 1).saturating_sub(next));
        if (self.started || last.is_none()) && unseen > 0 {
            let cause = if unseen == 1 { GapCause::LastNumber } else { GapCause::Acknowledged };
            let missing = Missing::Packets(unseen);
            emit(StreamItem::Gap { offset: self.offset, missing, cause, at });
        }
        self.settle(at, false, limits, emit);
        self.conclude(at, emit);
        suspects.iter().for_each(|((first, last), why)| self.doubt(*first, *last, *why, emit));
        let reason = if self.fin.is_some() { EndReason::Finished } else { reason };
        if last.is_some() {
            emit(StreamItem::End { reason, at });
        }
    }

    fn insert(&mut self, mut new: Waiting<'cap>, emit: &mut impl FnMut(StreamItem<'cap>)) {
        let index = self.pending.partition_point(|waiting| waiting.seq < new.seq);
        match self.pending.get_mut(index).filter(|waiting| waiting.seq == new.seq) {
            None => self.pending.insert(index, new),
            Some(first) => {
                first.doubt(&mut new);
                let common = first.payload.bytes.len().min(new.payload.bytes.len());
                if first.payload.bytes.get(..common) != new.payload.bytes.get(..common) {
                    // Its place in the stream is not known yet; of more than two contents, this is the nearest.
                    match first.rival {
                        None => first.rival = Some((new.payload, new.at)),
                        Some(_) => compare(self.offset, first.payload.bytes, new.payload.bytes, new.at, emit),
                    }
                } else {
                    let wire_len = first.payload.wire_len.max(new.payload.wire_len);
                    let shortest = first.shortest.min(new.shortest);
                    if new.payload.bytes.len() > first.payload.bytes.len() {
                        *first = Waiting { rival: first.rival, ..new };
                    }
                    (first.payload.wire_len, first.shortest) = (wire_len, shortest);
                }
            }
        }
    }

    /// Delivers the packet whose turn it is.
    fn deliver(&mut self, packet: Waiting<'cap>, limits: &StreamLimits, emit: &mut impl FnMut(StreamItem<'cap>)) {
        let Waiting { seq, payload, at, doubtful, rival, shortest, .. } = packet;
        let (mut offset, mut bytes) = (self.offset, payload.bytes);
        let at_once = self.delivered.is_some_and(|before| at.time.0.abs_diff(before.time.0) < SENT_AGAIN_NS);
        self.delivered = Some(at);
        match self.history.back().map_or(Begin::Behind, |last| last.next_begins(self.offset, &payload, at_once)) {
            Begin::Behind => {}
            Begin::Within(from, known) => {
                offset = from;
                cut_over(from, known.len(), &payload, at).into_iter().for_each(&mut *emit);
                if known.len() > bytes.len() {
                    bytes = known;
                }
            }
            Begin::Unclear => self.lose_place(at, emit),
        }
        let before = self.offset - offset;
        let repeated = usize::try_from(before).map_or(payload.bytes.len(), |len| len.min(payload.bytes.len()));
        let (_, new) = payload.bytes.split_at(repeated);
        self.data(new, at, doubtful, emit);
        self.cut(u64::from(payload.wire_len).saturating_sub(before), new.len(), at, emit);
        packet.uncompared(offset, bytes.len()).into_iter().for_each(&mut *emit);
        let sacked = self.take_sacked(seq, at, limits);
        let len = payload.wire_len.max(u32::try_from(payload.bytes.len()).unwrap_or(u32::MAX));
        let delivered = Delivered { seq, offset, bytes, len, shortest, frame: at.frame, captured: true, sacked };
        self.remember(delivered, limits);
        if sacked && len > 0 {
            emit(StreamItem::AckedRange { from: offset, to: delivered.end(), at });
        }
        if self.suspects.take(seq) && len > 0 {
            emit(StreamItem::Unaccepted { offset, len: u64::from(len), why: Unaccepted::Impossible });
        }
        if let Some((rival, at)) = rival {
            compare(offset, bytes, rival.bytes, at, emit);
            if rival.wire_len != payload.wire_len {
                // As of a packet that was delivered, see `again`.
                emit(delivered.other_length(at));
                self.lose_place(at, emit);
            }
        }
        if !self.rejected.is_empty() {
            let of_it = self.rejected.extract_if(.., |(of, ..)| *of == seq);
            of_it.for_each(|(_, payload, at)| delivered.differs(&payload, at, emit));
        }
    }

    /// Takes a packet that is not the sender's: it is compared, and changes nothing.
    #[cold]
    fn reject(&mut self, seq: u64, payload: Payload<'cap>, at: At, emit: &mut impl FnMut(StreamItem<'cap>)) {
        if self.started && self.next.is_some_and(|next| seq < next) {
            self.delivered(seq).into_iter().for_each(|delivered| delivered.differs(&payload, at, emit));
        } else {
            self.rejected.push((seq, payload, at));
        }
    }

    /// Tells a gap of unknown length: the bytes behind it have no certain place.
    fn lose_place(&self, at: At, emit: &mut impl FnMut(StreamItem<'cap>)) {
        emit(StreamItem::Gap { offset: self.offset, missing: Missing::Unknown, cause: GapCause::Unseen, at });
    }

    fn data(&mut self, bytes: &'cap [u8], at: At, doubtful: bool, emit: &mut impl FnMut(StreamItem<'cap>)) {
        if !bytes.is_empty() {
            emit(StreamItem::Data { offset: self.offset, bytes, at, doubtful });
            self.offset += bytes.len() as u64;
        }
    }

    fn cut(&mut self, wire_len: u64, captured: usize, at: At, emit: &mut impl FnMut(StreamItem<'cap>)) {
        let missing = wire_len.saturating_sub(captured as u64);
        if missing > 0 {
            let missing_bytes = Missing::Bytes(missing);
            emit(StreamItem::Gap { offset: self.offset, missing: missing_bytes, cause: GapCause::Snaplen, at });
            self.offset += missing;
        }
    }

    fn remember(&mut self, delivered: Delivered<'cap>, limits: &StreamLimits) {
        self.marks.place(delivered.seq, delivered.offset);
        self.next = Some(delivered.seq + 1);
        while self.history.len() >= limits.history_segments.max(1) as usize {
            self.history.pop_front();
        }
        self.history.push_back(delivered);
    }

    fn drain(&mut self, limits: &StreamLimits, emit: &mut impl FnMut(StreamItem<'cap>)) {
        while let Some(&first) = self.pending.front().filter(|first| Some(first.seq) == self.next) {
            self.pending.pop_front();
            self.deliver(first, limits, emit);
        }
    }

    /// Gives up the packets missing before `upto` and before the first that waits.
    fn give_up(
        &mut self,
        otherwise: GapCause,
        upto: u64,
        at: At,
        limits: &StreamLimits,
        emit: &mut impl FnMut(StreamItem<'cap>),
    ) {
        let Some(next) = self.next else { return };
        let first = self.pending.front().map_or(upto, |first| first.seq);
        let confirmed = |seq: u64| self.ack.is_some_and(|(ack, _)| seq <= ack) || self.sacked.contains(seq);
        let cause = if confirmed(next) { GapCause::Acknowledged } else { otherwise };
        let same = |seq: &u64| confirmed(*seq) == confirmed(next);
        let end = (next..first.min(upto)).take_while(same).last().map_or(next, |last| last + 1);
        if end > next {
            emit(StreamItem::Gap { offset: self.offset, missing: Missing::Packets(end - next), cause, at });
            let behind = self.pending.front().map_or(at, |first| first.at);
            self.holes.give_up(next..end, behind.frame, limits);
            for seq in next..end {
                let sacked = self.sacked.take(seq).is_some();
                let offset = self.offset;
                let frame = at.frame;
                let lost =
                    Delivered { seq, offset, bytes: &[], len: 0, shortest: 0, frame, captured: false, sacked };
                self.remember(lost, limits);
            }
        }
        self.drain(limits, emit);
    }

    /// Gives up the packets before number `need`, as far as later ones are there, or wait elsewhere from `lowest` on.
    pub(super) fn give_up_before(
        &mut self,
        need: u64,
        lowest: Option<u64>,
        at: At,
        limits: &StreamLimits,
        emit: &mut impl FnMut(StreamItem<'cap>),
    ) {
        let upto = lowest.map_or(need, |lowest| need.min(lowest));
        while (!self.pending.is_empty() || lowest.is_some()) && self.next.is_some_and(|next| next < upto) {
            self.give_up(GapCause::Unseen, upto, at, limits, emit);
        }
        self.settle(at, false, limits, emit);
    }

    /// Compares a packet that was delivered or given up with its new copy.
    fn again(&mut self, new: &Waiting<'cap>, emit: &mut impl FnMut(StreamItem<'cap>)) {
        let Waiting { seq, payload, at, doubtful, .. } = *new;
        let oldest = self.history.front().map(|first| first.seq);
        let index = oldest.and_then(|oldest| usize::try_from(seq.checked_sub(oldest)?).ok());
        let is_last = self.next == Some(seq + 1);
        let Some(first) = index.and_then(|index| self.history.get_mut(index)) else {
            let captured = payload.bytes.len() as u64;
            // Its place is only known to be before the oldest one kept.
            let oldest = self.history.front().map_or(self.offset, |first| first.offset);
            let len = u64::from(payload.wire_len).min(oldest).max(captured);
            if seq < self.origin {
                if captured > 0 {
                    emit(StreamItem::Late { offset: 0, bytes: payload.bytes, at });
                }
            } else if len > 0 {
                emit(StreamItem::Uncompared { offset: oldest.saturating_sub(len), len, at, cut: false });
            }
            return;
        };
        if !first.captured {
            if !payload.bytes.is_empty() {
                emit(StreamItem::Late { offset: first.offset, bytes: payload.bytes, at });
            }
            return;
        }
        if payload.wire_len == 0 {
            // A FIN takes a number of its own: under one of data it is not the sender's, and says nothing of lengths (T65).
            return;
        }
        let common = first.bytes.len().min(payload.bytes.len());
        let (repeated, extension) = payload.bytes.split_at(common);
        let same = first.bytes.get(..common) == Some(repeated);
        compare(first.offset, first.bytes, repeated, at, emit);
        cut_over(first.offset, first.bytes.len(), &payload, at).into_iter().for_each(&mut *emit);
        if !same {
            if payload.wire_len != first.len {
                // Other bytes of another length: the sender numbers its packets anew from here on or before, or one is forged.
                emit(first.other_length(at));
                self.lose_place(at, emit);
            }
            return;
        }
        let shorter = payload.wire_len < first.shortest;
        first.shortest = first.shortest.min(payload.wire_len);
        if shorter && !is_last {
            // What came behind it began within it.
            self.lose_place(at, emit);
            return;
        }
        // A longer copy: legal after re-packetising, and usual after a snap length cut.
        let is_whole = first.bytes.len() as u64 == u64::from(first.len) && first.end() == self.offset;
        if is_last && is_whole && payload.wire_len > first.len {
            if !extension.is_empty() {
                first.bytes = payload.bytes;
            }
            let more = u64::from(payload.wire_len - first.len);
            first.len = payload.wire_len;
            self.data(extension, at, doubtful, emit);
            self.cut(more, extension.len(), at, emit);
            return;
        }
        if !extension.is_empty() {
            emit(StreamItem::Late { offset: first.offset + common as u64, bytes: extension, at });
        }
        if is_last && first.offset + u64::from(payload.wire_len) > self.offset {
            self.lose_place(at, emit);
        }
    }
}

/// `seq_nr - next` in the 16-bit space: from -32,768 to 32,767.
fn distance(seq_nr: u16, next: u64) -> i64 {
    i64::from(seq_nr.wrapping_sub(next as u16) as i16)
}

/// Unwrapped numbers start here, so that those of packets before the first one are positive.
const FIRST: u64 = 1 << 16;

// Rationale: a window of 8,192 full packets is 11 MiB, more than uTP implementations allow; garbage passes once in 4.
pub(super) const NEAR: i64 = 8_192;

// Rationale: as in TCP; reordering at the start of a capture is a matter of neighbours.
const HELD_PACKETS: usize = 3;

/// How many packets before the first one may be of its beginning.
pub(super) const JUST_BEFORE: i64 = MISSED_AFTER_SYN as i64;

// Rationale: what a tap may miss at the beginning; another connection begins there by chance once in 1,024.
const MISSED_AFTER_SYN: u16 = 64;
