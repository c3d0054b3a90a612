//! A packet that waits for those before it.

use std::ops::Range;

use crate::ends::At;
use crate::packet::Payload;
use crate::stream::StreamItem;

/// A packet whose turn has not come, or is about to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waiting<'cap> {
    pub(super) seq: u64,
    pub(super) payload: Payload<'cap>,
    pub(super) at: At,
    pub(super) doubtful: bool,
    /// Another content that came under the same number while it waits.
    pub(super) rival: Option<(Payload<'cap>, At)>,
    /// Payload bytes on the wire in its shortest copy.
    pub(super) shortest: u32,
    /// Bytes of the payload that one copy holds and the snap length cut from another one, and the frame of that which
    /// came later.
    pub(super) uncompared: Option<(u64, u64, At)>,
}

impl<'cap> Waiting<'cap> {
    pub(super) fn new(seq: u64, payload: Payload<'cap>, at: At, doubtful: bool) -> Self {
        Self { seq, payload, at, doubtful, rival: None, shortest: payload.wire_len, uncompared: None }
    }

    /// Notes what cannot be compared with `new`, another copy, and in the one of the two that stays.
    pub(super) fn doubt(&mut self, new: &mut Self) {
        let (one, other) = (&self.payload, &new.payload);
        let (short, long) = if one.bytes.len() < other.bytes.len() { (one, other) } else { (other, one) };
        let Range { start, end } = cut_from(short, long.bytes.len());
        if start < end {
            let (from, to) = self.uncompared.map_or((start, end), |(from, to, _)| (from.min(start), to.max(end)));
            self.uncompared = Some((from, to, new.at));
        }
        new.uncompared = self.uncompared;
    }

    /// The bytes noted, as far as `captured` bytes from `offset` on are in the stream.
    pub(super) fn uncompared<'any>(&self, offset: u64, captured: usize) -> Option<StreamItem<'any>> {
        let (from, to, at) = self.uncompared?;
        uncompared(offset, from..to.min(captured as u64), at)
    }
}

/// Where `copy` was cut, of the first `captured` bytes of its packet.
fn cut_from(copy: &Payload<'_>, captured: usize) -> Range<u64> {
    copy.bytes.len() as u64..(captured as u64).min(u64::from(copy.wire_len))
}

/// The part of a `copy` of `captured` bytes, from `offset` on, that cannot be compared, since the snap length cut
/// it.
pub(super) fn cut_over<'any>(offset: u64, captured: usize, copy: &Payload<'_>, at: At) -> Option<StreamItem<'any>> {
    uncompared(offset, cut_from(copy, captured), at)
}

fn uncompared<'any>(offset: u64, bytes: Range<u64>, at: At) -> Option<StreamItem<'any>> {
    let len = bytes.end.checked_sub(bytes.start).filter(|len| *len > 0)?;
    Some(StreamItem::Uncompared { offset: offset + bytes.start, len, at, cut: true })
}
