//! The few slices that framing may need to look at again: a header that straddles segments, or the stretch that a
//! search for a header has not decided yet. Slices are kept, bytes are never copied.

use std::collections::VecDeque;

use crate::ends::At;
use crate::stream::{GapCause, Missing, StreamItem};

/// A slice of a stream and where it came from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chunk<'cap> {
    /// Place of the first byte in the stream.
    pub offset: u64,
    /// The bytes; never empty inside a [`Window`].
    pub bytes: &'cap [u8],
    /// The frame that carried them.
    pub at: At,
    /// True if that frame had a wrong checksum.
    pub doubtful: bool,
}

impl<'cap> Chunk<'cap> {
    /// Place of the first byte after the chunk.
    pub fn end(&self) -> u64 {
        self.offset.saturating_add(self.bytes.len() as u64)
    }

    /// The part of it at and behind the stream offset `start`.
    pub fn from(mut self, start: u64) -> Self {
        self.take(start.saturating_sub(self.offset).min(usize::MAX as u64) as usize);
        self
    }

    /// The part of it at and behind `start` and before `end`, unless that is empty.
    pub fn within(&self, start: u64, end: u64) -> Option<Self> {
        let mut part = self.from(start);
        part.bytes = part.take(end.saturating_sub(part.offset).min(usize::MAX as u64) as usize);
        part.offset = part.offset.saturating_sub(part.bytes.len() as u64);
        (!part.bytes.is_empty()).then_some(part)
    }

    /// Removes and returns the first `len` bytes, or all if there are fewer.
    pub fn take(&mut self, len: usize) -> &'cap [u8] {
        let (head, tail) = self.bytes.split_at(len.min(self.bytes.len()));
        self.bytes = tail;
        self.offset = self.offset.saturating_add(head.len() as u64);
        head
    }
}

/// Recent slices of a stream, in order; a step in their offsets is a gap of known length.
#[derive(Debug, Default)]
pub(super) struct Window<'cap> {
    chunks: VecDeque<Chunk<'cap>>,
    /// The gaps of known length before, between and behind them, in order.
    holes: VecDeque<Hole>,
}

/// A gap of known length.
#[derive(Clone, Copy, Debug)]
struct Hole {
    /// Where it ends.
    end: u64,
    cause: GapCause,
    /// The frame at which it showed.
    at: At,
}

/// Why a look into the window returned no more bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// The buffer is full.
    Filled,
    /// The window ends here; more may follow.
    End,
    /// A gap begins here.
    Hole,
}

impl<'cap> Window<'cap> {
    pub fn push(&mut self, chunk: Chunk<'cap>) {
        if !chunk.bytes.is_empty() {
            self.chunks.push_back(chunk);
        }
    }

    /// Notes that the stream is missing up to the stream offset `end`.
    pub fn skip(&mut self, end: u64, cause: GapCause, at: At) {
        if !self.chunks.is_empty() {
            self.holes.push_back(Hole { end, cause, at });
        }
    }

    /// Puts `chunks` in front of all others; they end where the window begins, or before.
    pub fn prepend(&mut self, chunks: Vec<Chunk<'cap>>) {
        chunks.into_iter().rev().for_each(|chunk| self.chunks.push_front(chunk));
    }

    pub fn clear(&mut self) {
        self.chunks.clear();
        self.holes.clear();
    }

    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// How many slices are held.
    pub fn slices(&self) -> usize {
        self.chunks.len()
    }

    pub fn first(&self) -> Option<&Chunk<'cap>> {
        self.chunks.front()
    }

    pub fn chunks(&self) -> impl Iterator<Item = &Chunk<'cap>> {
        self.chunks.iter()
    }

    pub fn chunk(&self, index: usize) -> Option<&Chunk<'cap>> {
        self.chunks.get(index)
    }

    /// Bytes held.
    pub fn bytes(&self) -> u64 {
        self.chunks.iter().map(|chunk| chunk.bytes.len() as u64).sum()
    }

    /// Returns true if a frame with a wrong checksum carried any of the window.
    pub fn doubtful(&self) -> bool {
        self.chunks.iter().any(|chunk| chunk.doubtful)
    }

    /// Index of the first chunk that ends behind `offset`.
    pub fn index_of(&self, offset: u64) -> usize {
        self.chunks.partition_point(|chunk| chunk.end() <= offset)
    }

    /// Place of the first byte after the window and what is missing behind it; `None` for an empty one.
    pub fn end(&self) -> Option<u64> {
        let end = self.held()?;
        Some(self.holes.back().map_or(end, |hole| hole.end.max(end)))
    }

    /// Place of the first byte after the last one that it holds.
    fn held(&self) -> Option<u64> {
        self.chunks.back().map(Chunk::end)
    }

    /// Copies what is contiguous from `offset` on into `buffer`; says how many bytes and why it stopped.
    pub fn peek(&self, offset: u64, buffer: &mut [u8]) -> (usize, Stop) {
        let mut filled = 0;
        for chunk in self.chunks.iter().skip(self.index_of(offset)) {
            let place = offset.saturating_add(filled as u64);
            let Some(skip) = place.checked_sub(chunk.offset) else {
                return (filled, Stop::Hole);
            };
            let from = chunk.bytes.get(skip as usize..).unwrap_or_default();
            let room = buffer.get_mut(filled..).unwrap_or_default();
            let count = from.len().min(room.len());
            for (to, byte) in room.iter_mut().zip(from) {
                *to = *byte;
            }
            filled += count;
            if filled == buffer.len() {
                return (filled, Stop::Filled);
            }
        }
        let reached = offset.saturating_add(filled as u64);
        let hidden = self.holes.back().is_some_and(|hole| hole.end > reached);
        (filled, if hidden { Stop::Hole } else { Stop::End })
    }

    /// Hands everything before `offset` to `passed`; returns how many bytes that were.
    pub fn drop_before(&mut self, offset: u64, mut passed: impl FnMut(Chunk<'cap>)) -> u64 {
        let mut dropped = 0;
        while let Some(first) = self.chunks.front_mut() {
            if first.offset >= offset {
                break;
            }
            let mut head = *first;
            head.bytes = first.take((offset - first.offset).min(usize::MAX as u64) as usize);
            dropped += head.bytes.len() as u64;
            passed(head);
            if first.bytes.is_empty() {
                self.chunks.pop_front();
            }
        }
        while self.holes.front().is_some_and(|hole| hole.end <= offset) {
            self.holes.pop_front();
        }
        dropped
    }

    /// Moves everything to the front of `queue`, gaps included, to be read again.
    pub fn replay(&mut self, queue: &mut VecDeque<StreamItem<'cap>>) {
        let mut next = self.end();
        while let Some(Chunk { offset, bytes, at, doubtful }) = self.chunks.pop_back() {
            let end = offset.saturating_add(bytes.len() as u64);
            if let Some(next) = next.filter(|next| *next > end) {
                let known = self.holes.pop_back().filter(|hole| hole.end == next);
                let Hole { cause, at, .. } = known.unwrap_or(Hole { end: next, cause: GapCause::Unseen, at });
                let missing = Missing::Bytes(next - end);
                queue.push_front(StreamItem::Gap { offset: end, missing, cause, at });
                while self.holes.pop_back_if(|hole| hole.end > end).is_some() {}
            }
            queue.push_front(StreamItem::Data { offset, bytes, at, doubtful });
            next = Some(offset);
        }
        self.holes.clear();
    }
}
