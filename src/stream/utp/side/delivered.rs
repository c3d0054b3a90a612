//! A packet that was delivered, and where the next one begins.

use super::UtpSide;
use crate::ends::{At, FrameId};
use crate::packet::Payload;
use crate::stream::StreamItem;
use crate::stream::reorder::compare;

/// A packet that was delivered, or given up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Delivered<'cap> {
    pub(super) seq: u64,
    /// Where it begins; before the end of the packet before it when that was sent again shorter.
    pub(super) offset: u64,
    /// The bytes from there on; more than `len` when the packet before it has sent more.
    pub(super) bytes: &'cap [u8],
    /// Payload bytes on the wire, captured or not.
    pub(super) len: u32,
    /// Payload bytes on the wire of its shortest copy: the next packet may begin behind that.
    pub(super) shortest: u32,
    /// The frame that carried it; of a packet given up, the one at which that showed.
    pub(super) frame: FrameId,
    pub(super) captured: bool,
    pub(super) sacked: bool,
}

impl Delivered<'_> {
    pub(super) fn end(&self) -> u64 {
        self.offset + u64::from(self.len)
    }

    /// Tells of another packet of its number, with other bytes in another length.
    pub(super) fn other_length<'any>(&self, at: At) -> StreamItem<'any> {
        let frames = [self.frame.min(at.frame), self.frame.max(at.frame)];
        StreamItem::OtherLength { offset: self.offset, frames }
    }

    /// Compares it with a packet of its number that is not the sender's.
    pub(super) fn differs<'cap>(&self, other: &Payload<'cap>, at: At, emit: &mut impl FnMut(StreamItem<'cap>)) {
        compare(self.offset, self.bytes, other.bytes, at, emit);
        if self.captured {
            emit(self.other_length(at));
        }
    }

    /// Where the next packet begins if it was sent last in its shortest copy.
    fn shortest_end(&self) -> u64 {
        self.offset + u64::from(self.shortest)
    }
}

impl<'cap> UtpSide<'cap> {
    /// As [`end_of`](Self::end_of); of a packet given up, beyond its place; of one that never came, beyond all.
    pub(in super::super) fn answered_upto(&self, seq: u64) -> Option<u64> {
        if self.next.is_none_or(|next| seq > next) {
            return Some(u64::MAX);
        }
        let last = self.delivered(seq.checked_sub(1)?)?;
        Some(last.end() + u64::from(!last.captured))
    }
}

/// Where a packet begins.
pub(super) enum Begin<'cap> {
    /// Behind all that came.
    Behind,
    /// Here, before the end of what came, of which these are the bytes from here on.
    Within(u64, &'cap [u8]),
    /// Behind it or within it.
    Unclear,
}

impl<'cap> Delivered<'cap> {
    /// Where the packet with the next number begins, if the stream has come to `end`: an MTU probe that did not arrive
    /// is sent again shorter, and the rest of it under the next number (BEP 29 forbids it, but it happens).
    ///
    /// `at_once`: whether the next packet came too soon for anything to be sent again before it.
    pub(super) fn next_begins(&self, end: u64, next: &Payload<'cap>, at_once: bool) -> Begin<'cap> {
        if !self.captured || next.wire_len == 0 {
            return Begin::Behind;
        }
        let from = self.shortest_end();
        if let Some(missing) = end.checked_sub(from).filter(|missing| *missing > 0) {
            let start = usize::try_from(self.shortest).map_or(self.bytes.len(), |len| len.min(self.bytes.len()));
            let (_, known) = self.bytes.split_at(start);
            let common = known.len().min(next.bytes.len());
            let (first, _) = next.bytes.split_at(common);
            if known.starts_with(first) {
                let all_known = known.len() as u64 == missing;
                let certain = all_known && common >= LEAST_RESENT && !is_constant(first);
                return if certain { Begin::Within(from, known) } else { Begin::Unclear };
            }
        }
        if !at_once && self.seems_to_end_with_start_of(next.bytes) { Begin::Unclear } else { Begin::Behind }
    }

    /// Returns true if `next` may begin within this packet, though no shorter copy of it was captured. Content that
    /// repeats itself does not count where it just goes on.
    fn seems_to_end_with_start_of(&self, next: &[u8]) -> bool {
        // The first bytes that differ, since runs of one byte are everywhere.
        let Some(change) = next.iter().position(|byte| Some(byte) != next.first()) else { return false };
        let skip = (change + 1).saturating_sub(LEAST_RESENT);
        let Some(sign) = next.get(skip..skip + LEAST_RESENT) else { return false };
        let starts = memchr::memmem::find_iter(self.bytes, sign).filter_map(|place| place.checked_sub(skip));
        let overlaps = |start: &usize| {
            *start > 0
                && self.bytes.get(*start..).is_some_and(|rest| {
                    let common = rest.len().min(next.len());
                    rest.get(..common) == next.get(..common)
                })
        };
        let mut starts = starts.filter(overlaps);
        let Some(first) = starts.next() else { return false };
        let overlap = self.bytes.len() - first;
        match starts.next() {
            Some(second) => {
                let period = self.bytes.len().checked_sub(second - first).and_then(|from| self.bytes.get(from..));
                let common = period.map_or(0, |period| period.len().min(next.len()));
                period.and_then(|period| period.get(..common)) != next.get(..common)
            }
            // It repeats itself after as many bytes.
            None if self.bytes.get(..first).is_some_and(|start| {
                first >= LEAST_RESENT && !is_constant(start) && self.bytes.get(overlap..) == Some(start)
            }) =>
            {
                false
            }
            None if overlap >= next.len() => next.len() >= LEAST_WITHIN,
            None => {
                let on = next.get(overlap..).unwrap_or_default();
                let on = on.get(..skip + LEAST_RESENT).unwrap_or(on);
                is_constant(on) || !next.starts_with(on)
            }
        }
    }
}

/// Returns true if all bytes are equal.
fn is_constant(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| Some(byte) == bytes.first())
}

// Rationale: so many bytes that are not all the same agree by chance once in 2^100.
const LEAST_RESENT: usize = 16;

// Rationale: less than the shortest round trip over a path whose largest packet is not known, and whoever sends a packet
// again has waited for one at least.
pub(super) const SENT_AGAIN_NS: u64 = 1_000_000;

// Rationale: three requests and more; one of 17 bytes may well be sent twice.
const LEAST_WITHIN: usize = 64;
