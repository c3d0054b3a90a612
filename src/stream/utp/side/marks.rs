//! Places in the stream that are asked for when a direction is over: the history does not reach back to them by then.

use super::UtpSide;
use crate::stream::{StreamItem, Unaccepted};

/// Numbers of packets, and where the packets begin once they were delivered; as few as
/// [`ReturnPath`](crate::stream::path::ReturnPath) keeps kinds of acknowledgements apart.
#[derive(Debug, Default)]
pub(super) struct Marks {
    /// Numbers that were not delivered yet.
    open: Vec<u64>,
    /// Numbers and offsets.
    placed: Vec<(u64, u64)>,
}

impl Marks {
    /// Notes that the packet `seq` begins at `offset`.
    #[inline]
    pub(super) fn place(&mut self, seq: u64, offset: u64) {
        if !self.open.is_empty() && self.open.iter().any(|open| *open <= seq) {
            self.open.retain(|open| *open > seq);
            self.placed.push((seq, offset));
        }
    }
}

impl UtpSide<'_> {
    /// Remembers where the packet `seq` begins, which is about to come, or came.
    #[cold]
    pub(in super::super) fn mark(&mut self, seq: u64) {
        if !self.has_begun() || self.next.is_none_or(|next| seq >= next) {
            self.marks.open.push(seq);
        } else if let Some(delivered) = self.delivered(seq) {
            self.marks.placed.push((seq, delivered.offset));
        }
    }

    /// Says what speaks against the packets `first..=last`: all that may be of them, where it is not known any more where they
    /// stand.
    #[cold]
    pub(super) fn doubt<'any>(
        &self,
        first: u64,
        last: u64,
        why: Unaccepted,
        emit: &mut impl FnMut(StreamItem<'any>),
    ) {
        let placed = self.marks.placed.iter();
        let before = placed.clone().filter(|(seq, _)| *seq <= first).max_by_key(|(seq, _)| *seq);
        let behind = placed.filter(|(seq, _)| *seq > last).min_by_key(|(seq, _)| *seq);
        let known = |seq: u64| self.delivered(seq).map(|delivered| delivered.offset);
        let from = known(first).or(before.map(|(_, offset)| *offset)).unwrap_or(0);
        let to = known(last + 1).or(behind.map(|(_, offset)| *offset)).unwrap_or(self.offset);
        if let Some(len) = to.checked_sub(from).filter(|len| *len > 0) {
            emit(StreamItem::Unaccepted { offset: from, len, why });
        }
    }
}
