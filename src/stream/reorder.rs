//! One direction's bytes in `u64` offsets: in comes what was captured, in any order; out go data and gaps in order.

use std::collections::VecDeque;

use super::holes::Holes;
use super::{GapCause, Missing, StreamItem, StreamLimits};
use crate::ends::At;
use crate::packet::Payload;

/// The reorder buffer of one direction.
///
/// # Invariants
/// - Everything before `next` was delivered as data or gap; `next <= seen_end`.
/// - `pending` is ascending, without overlap, and starts above `next`: at `next` it would have been delivered.
/// - `history` is ascending and contiguous, and ends at `next` unless it is empty.
#[derive(Debug, Default)]
pub(super) struct Reorder<'cap> {
    /// Offset of the next byte to deliver.
    next: u64,
    /// Offset behind the last byte seen or known to be sent.
    seen_end: u64,
    pending: VecDeque<Piece<'cap>>,
    history: VecDeque<Delivered<'cap>>,
    /// The places that were given up, but for those that the snap length cut.
    pub(super) holes: Holes,
}

impl<'cap> Reorder<'cap> {
    /// Forgets what was delivered and what waits.
    pub(super) fn give_back(&mut self) {
        (self.pending, self.history) = (VecDeque::new(), VecDeque::new());
    }

    /// Offset of the next byte to deliver.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// Offset behind the last byte seen; `>= next()`.
    pub(super) fn seen_end(&self) -> u64 {
        self.seen_end
    }

    /// How many pieces wait behind a hole.
    #[inline]
    pub(super) fn waiting(&self) -> usize {
        self.pending.len()
    }

    /// Returns true if bytes wait behind a hole.
    pub(super) fn is_waiting(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Takes bytes at `offset`; what the snap length cut is a gap unless another copy of it waits already.
    ///
    /// Bytes seen before are compared with their first copy, which stays; where the snap length cut one of the two,
    /// they come out as [`StreamItem::Uncompared`]. Call [`Self::bound`] afterwards.
    #[inline]
    pub(super) fn push(
        &mut self,
        offset: u64,
        payload: Payload<'cap>,
        at: At,
        doubtful: bool,
        limits: &StreamLimits,
        out: &mut impl FnMut(StreamItem<'cap>),
    ) {
        let len = payload.bytes.len() as u64;
        let cut = u64::from(payload.wire_len).saturating_sub(len);
        if offset == self.next && self.pending.is_empty() {
            self.deliver(payload.bytes, at, doubtful, limits, out);
            self.skip(cut, GapCause::Snaplen, at, limits, out);
        } else {
            self.push_out_of_order(offset, payload.bytes, cut, at, doubtful, limits, out);
        }
        self.check();
    }

    /// Gives up the first hole, if there is one, and delivers what follows: the part before `acked` as
    /// [`GapCause::Acknowledged`], or else all of it as `otherwise`.
    pub(super) fn give_up(
        &mut self,
        acked: u64,
        otherwise: GapCause,
        at: At,
        limits: &StreamLimits,
        out: &mut impl FnMut(StreamItem<'cap>),
    ) {
        let Some(end) = self.pending.front().map(|piece| piece.offset) else { return };
        let (end, cause) =
            if acked > self.next { (end.min(acked), GapCause::Acknowledged) } else { (end, otherwise) };
        self.skip(end - self.next, cause, at, limits, out);
        self.drain(limits, out);
        self.check();
    }

    /// Gives up holes until no more pieces wait than the bound allows.
    #[inline]
    pub(super) fn bound(
        &mut self,
        acked: u64,
        at: At,
        limits: &StreamLimits,
        out: &mut impl FnMut(StreamItem<'cap>),
    ) {
        while self.pending.len() > limits.pending_segments as usize {
            self.give_up(acked, GapCause::Limit, at, limits, out);
        }
    }

    /// Moves on over `len` bytes as a gap. Only while nothing waits closer than `len`.
    pub(super) fn skip(
        &mut self,
        len: u64,
        cause: GapCause,
        at: At,
        limits: &StreamLimits,
        out: &mut impl FnMut(StreamItem<'cap>),
    ) {
        if len > 0 {
            out(StreamItem::Gap { offset: self.next, missing: Missing::Bytes(len), cause, at });
            if cause != GapCause::Snaplen {
                // What waits behind it came first.
                let behind = self.pending.front().map_or(at, |piece| piece.at);
                self.holes.give_up(self.next..self.next.saturating_add(len), behind.frame, limits);
            }
            self.remember(Delivered { offset: self.next, bytes: &[], missing: len }, limits);
        }
    }

    fn deliver(
        &mut self,
        bytes: &'cap [u8],
        at: At,
        doubtful: bool,
        limits: &StreamLimits,
        out: &mut impl FnMut(StreamItem<'cap>),
    ) {
        if !bytes.is_empty() {
            out(StreamItem::Data { offset: self.next, bytes, at, doubtful });
            self.remember(Delivered { offset: self.next, bytes, missing: 0 }, limits);
        }
    }

    fn remember(&mut self, delivered: Delivered<'cap>, limits: &StreamLimits) {
        self.next = delivered.end();
        self.seen_end = self.seen_end.max(self.next);
        while self.history.len() >= (limits.history_segments as usize).max(1) {
            self.history.pop_front();
        }
        if limits.history_segments > 0 {
            self.history.push_back(delivered);
        }
    }

    #[cold]
    #[expect(clippy::too_many_arguments, reason = "one private step of push")]
    fn push_out_of_order(
        &mut self,
        offset: u64,
        bytes: &'cap [u8],
        cut: u64,
        at: At,
        doubtful: bool,
        limits: &StreamLimits,
        out: &mut impl FnMut(StreamItem<'cap>),
    ) {
        let (old, new) = bytes.split_at(clamp(self.next.saturating_sub(offset), bytes.len()));
        self.compare_delivered(offset, old, at, out);
        let end = offset.saturating_add(bytes.len() as u64);
        let cut_end = end.saturating_add(cut);
        self.doubt_delivered(end, cut_end.min(self.next), at, out);
        if !new.is_empty() {
            let piece = Piece { offset: end - new.len() as u64, bytes: new, cut: 0, at, doubtful };
            self.insert(piece, out);
        }
        let cut_from = end.max(self.next);
        if cut_end > cut_from {
            self.insert(Piece { offset: cut_from, bytes: &[], cut: cut_end - cut_from, at, doubtful }, out);
        }
        self.drain(limits, out);
    }

    /// Puts `piece` among the waiting ones: captured bytes win over cut ones, and earlier ones over later ones.
    fn insert(&mut self, mut piece: Piece<'cap>, out: &mut impl FnMut(StreamItem<'cap>)) {
        self.seen_end = self.seen_end.max(piece.end());
        let mut index = self.pending.partition_point(|waiting| waiting.end() <= piece.offset);
        while piece.len() > 0 {
            let Some(&waiting) = self.pending.get(index).filter(|waiting| waiting.offset < piece.end()) else {
                self.pending.insert(index, piece);
                return;
            };
            if piece.offset < waiting.offset {
                let (before, rest) = piece.split_at(waiting.offset);
                self.pending.insert(index, before);
                index += 1;
                piece = rest;
            } else if waiting.cut > 0 && piece.cut == 0 {
                // What is left of the cut piece on either side stays; the captured bytes replace the middle.
                self.pending.remove(index);
                let (before, rest) = waiting.split_at(piece.offset);
                let (overlap, after) = rest.split_at(piece.end());
                let (filling, rest) = piece.split_at(overlap.end());
                // The receiver may have read the copy that was cut.
                uncompared(overlap.offset, overlap.end(), piece.at, out);
                for part in [before, filling, after] {
                    if part.len() > 0 {
                        self.pending.insert(index, part);
                        index += 1;
                    }
                }
                // `rest` is empty when there was an `after`, so `index` may point behind that.
                piece = rest;
            } else {
                let (overlap, rest) = piece.split_at(waiting.end());
                if overlap.cut > 0 && waiting.cut == 0 {
                    uncompared(overlap.offset, overlap.end(), overlap.at, out);
                } else if overlap.cut == 0 {
                    let (_, first) = waiting.split_at(overlap.offset);
                    compare(overlap.offset, first.bytes, overlap.bytes, overlap.at, out);
                }
                piece = rest;
                index += 1;
            }
        }
    }

    fn drain(&mut self, limits: &StreamLimits, out: &mut impl FnMut(StreamItem<'cap>)) {
        while let Some(&piece) = self.pending.front().filter(|piece| piece.offset == self.next) {
            self.pending.pop_front();
            self.deliver(piece.bytes, piece.at, piece.doubtful, limits, out);
            self.skip(piece.cut, GapCause::Snaplen, piece.at, limits, out);
        }
    }

    /// Compares `bytes`, all before `next`, with what was delivered there.
    fn compare_delivered(
        &self,
        mut offset: u64,
        mut bytes: &'cap [u8],
        at: At,
        out: &mut impl FnMut(StreamItem<'cap>),
    ) {
        let kept_from = self.history.front().map_or(self.next, |first| first.offset);
        let (older, rest) = bytes.split_at(clamp(kept_from.saturating_sub(offset), bytes.len()));
        if !older.is_empty() {
            out(StreamItem::Uncompared { offset, len: older.len() as u64, at, cut: false });
            offset += older.len() as u64;
            bytes = rest;
        }
        let start = self.history.partition_point(|delivered| delivered.end() <= offset);
        for delivered in self.history.iter().skip(start) {
            if bytes.is_empty() {
                break;
            }
            let (here, rest) = bytes.split_at(clamp(delivered.end().saturating_sub(offset), bytes.len()));
            if delivered.missing > 0 {
                out(StreamItem::Late { offset, bytes: here, at });
            } else {
                let skipped = clamp(offset.saturating_sub(delivered.offset), delivered.bytes.len());
                let (_, first) = delivered.bytes.split_at(skipped);
                compare(offset, first, here, at, out);
            }
            offset += here.len() as u64;
            bytes = rest;
        }
    }

    /// Tells which bytes in `from..to`, all before `next`, were sent again in a copy that the snap length cut there.
    fn doubt_delivered(&self, from: u64, to: u64, at: At, out: &mut impl FnMut(StreamItem<'cap>)) {
        if from >= to {
            return;
        }
        // Of what was forgotten it is not known whether it was captured.
        let kept_from = self.history.front().map_or(self.next, |first| first.offset);
        let (mut start, mut end) = (from, kept_from.clamp(from, to));
        let index = self.history.partition_point(|delivered| delivered.end() <= from);
        let captured = self.history.iter().skip(index).take_while(|delivered| delivered.offset < to);
        for delivered in captured.filter(|delivered| delivered.missing == 0) {
            if delivered.offset.max(from) > end {
                uncompared(start, end, at, out);
                start = delivered.offset;
            }
            end = delivered.end().min(to);
        }
        uncompared(start, end, at, out);
    }

    fn check(&self) {
        debug_assert!(self.next <= self.seen_end);
        debug_assert!(self.pending.front().is_none_or(|first| first.offset > self.next));
        debug_assert!(self.pending.iter().all(|piece| piece.len() > 0));
        debug_assert!(self.history.back().is_none_or(|last| last.end() == self.next));
    }
}

/// Bytes that wait behind a hole: captured ones, or (`cut > 0`, `bytes` empty) ones that the snap length cut.
#[derive(Clone, Copy, Debug)]
struct Piece<'cap> {
    offset: u64,
    bytes: &'cap [u8],
    cut: u64,
    at: At,
    doubtful: bool,
}

impl Piece<'_> {
    fn len(&self) -> u64 {
        self.bytes.len() as u64 + self.cut
    }

    fn end(&self) -> u64 {
        self.offset.saturating_add(self.len())
    }

    /// The parts before and from `offset` on; either may be empty.
    fn split_at(self, offset: u64) -> (Self, Self) {
        let first = offset.saturating_sub(self.offset).min(self.len());
        let (left, right) = self.bytes.split_at(clamp(first, self.bytes.len()));
        let left_cut = first - left.len() as u64;
        (
            Self { bytes: left, cut: left_cut, ..self },
            Self { offset: self.offset + first, bytes: right, cut: self.cut - left_cut, ..self },
        )
    }
}

/// A delivered run at `offset`: `bytes`, or (`bytes` empty) a gap of `missing` bytes.
#[derive(Clone, Copy, Debug)]
struct Delivered<'cap> {
    offset: u64,
    bytes: &'cap [u8],
    missing: u64,
}

impl Delivered<'_> {
    fn end(&self) -> u64 {
        self.offset.saturating_add(self.bytes.len() as u64).saturating_add(self.missing)
    }
}

/// Reports where `second` differs from as many bytes of `first`.
pub(super) fn compare<'cap>(
    offset: u64,
    first: &[u8],
    second: &'cap [u8],
    at: At,
    out: &mut impl FnMut(StreamItem<'cap>),
) {
    let len = first.len().min(second.len());
    let (first, second) = (first.split_at(len).0, second.split_at(len).0);
    if first == second {
        return;
    }
    let differs = |(a, b): (&u8, &u8)| a != b;
    let from = first.iter().zip(second).position(differs).unwrap_or(0);
    let to = first.iter().zip(second).rposition(differs).map_or(len, |last| last + 1);
    if let Some(bytes) = second.get(from..to) {
        out(StreamItem::Conflict { offset: offset.saturating_add(from as u64), bytes, at });
    }
}

/// Reports bytes that were sent twice, and cut once.
fn uncompared<'cap>(start: u64, end: u64, at: At, out: &mut impl FnMut(StreamItem<'cap>)) {
    if start < end {
        out(StreamItem::Uncompared { offset: start, len: end - start, at, cut: true });
    }
}

/// `wanted`, but at most `len`.
fn clamp(wanted: u64, len: usize) -> usize {
    usize::try_from(wanted).map_or(len, |wanted| wanted.min(len))
}
