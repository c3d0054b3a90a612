//! Where the parts of a stretch belong, once it is known, or guessed, how much each of its gaps hides.

use super::{Stretch, size};
use crate::ends::Span;
use crate::wire::header::PIECE_HEADER;
use crate::wire::window::Chunk;
use crate::wire::{Block, BlockRef, Framing, Run};

/// The chunks of a stretch, each with its place among the messages: bytes behind the beginning of the stretch, gaps of
/// unknown length counted in.
pub(super) struct Placed<'s, 'cap> {
    stretch: &'s Stretch<'cap>,
    /// Where each gap of unknown length begins, and how long it is.
    gaps: Vec<(u64, u64)>,
    chunks: Vec<(u64, Chunk<'cap>)>,
}

impl<'s, 'cap> Placed<'s, 'cap> {
    /// The chunks before the stream offset `end`; `sizes`: how long each gap of unknown length is.
    pub(super) fn new(stretch: &'s Stretch<'cap>, sizes: &[u64], end: u64) -> Self {
        let mut gaps = Vec::with_capacity(sizes.len());
        let mut chunks = Vec::with_capacity(stretch.chunks.len());
        let mut rifts = stretch.rifts.iter().zip(sizes).peekable();
        let mut hidden = 0_u64;
        for chunk in stretch.chunks.iter().take_while(|chunk| chunk.offset < end) {
            while let Some((rift, size)) = rifts.next_if(|(rift, _)| rift.offset <= chunk.offset) {
                gaps.push(((rift.offset - stretch.from).saturating_add(hidden), *size));
                hidden = hidden.saturating_add(*size);
            }
            let mut chunk = *chunk;
            let inside = end.saturating_sub(chunk.offset).min(chunk.bytes.len() as u64) as usize;
            chunk.bytes = chunk.bytes.get(..inside).unwrap_or_default();
            chunks.push(((chunk.offset - stretch.from).saturating_add(hidden), chunk));
        }
        for (rift, size) in rifts {
            gaps.push(((rift.offset - stretch.from).saturating_add(hidden), *size));
            hidden = hidden.saturating_add(*size);
        }
        Self { stretch, gaps, chunks }
    }

    /// Returns true if every captured byte where `run` puts a header is that of the header, but those that are known to be wrong.
    pub(super) fn allows(&self, run: &[BlockRef]) -> bool {
        let mut start = self.stretch.rest;
        run.iter().all(|request| {
            let header = request.answer();
            let end = start.saturating_add(PIECE_HEADER as u64);
            let from = start.max(self.stretch.denied);
            let same = self.within(from, end).all(|(place, chunk)| {
                let own = chunk.bytes.iter().skip(from.saturating_sub(*place) as usize);
                let due = header.iter().skip(from.max(*place).saturating_sub(start) as usize);
                own.zip(due).all(|(own, due)| own == due)
            });
            start = start.saturating_add(size(*request));
            same
        })
    }

    /// The block that goes on in it, as far as a stretch of `length` bytes holds it.
    pub(super) fn open(&self, length: u64) -> Option<Block<'cap>> {
        let mut block = self.stretch.open.clone()?;
        let rest = self.stretch.rest.min(length);
        self.fill(&mut block, 0, rest);
        Some(block)
    }

    /// The answers to `run`, as far as a stretch of `length` bytes holds them.
    pub(super) fn blocks(&self, run: &[BlockRef], length: u64) -> Vec<Block<'cap>> {
        let mut start = self.stretch.rest;
        let mut blocks = Vec::with_capacity(run.len());
        for request in run {
            let BlockRef { piece, begin, length: len } = *request;
            let payload = start.saturating_add(PIECE_HEADER as u64);
            if payload > length {
                break;
            }
            let end = start.saturating_add(size(*request)).min(length);
            let mut held = self.within(start, payload);
            let (first, doubtful) =
                held.next().map_or((self.stretch.at, false), |(_, chunk)| (chunk.at, chunk.doubtful));
            let mut block = Block {
                piece,
                begin,
                len,
                runs: Vec::new(),
                captured_to: 0,
                offset: self.stream(payload),
                span: Span::single(first),
                framing: Framing::Resynchronised,
                doubtful,
            };
            if self.within(start, payload).next().is_none()
                && let Some((_, chunk)) = self.within(payload, end).next()
            {
                block.span = Span::single(chunk.at);
            }
            self.fill(&mut block, payload, end);
            blocks.push(block);
            start = start.saturating_add(size(*request));
        }
        blocks
    }

    /// Adds what lies at `start..end` to what a block holds.
    fn fill(&self, block: &mut Block<'cap>, start: u64, end: u64) {
        for (place, chunk) in self.within(start, end) {
            let from = start.saturating_sub(*place);
            let to = end.saturating_sub(*place).min(chunk.bytes.len() as u64);
            let bytes = chunk.bytes.get(from as usize..to as usize).unwrap_or_default();
            block.span.cover(chunk.at);
            block.doubtful |= chunk.doubtful;
            if !bytes.is_empty() {
                let place = u64::from(block.captured_to).saturating_add(place.saturating_sub(start));
                let (stream, frame) = (chunk.offset.saturating_add(from), chunk.at.frame);
                block.runs.push(Run { start: u32::try_from(place).unwrap_or(u32::MAX), bytes, stream, frame });
            }
        }
        let len = u32::try_from(end.saturating_sub(start)).unwrap_or(u32::MAX);
        block.captured_to = block.captured_to.saturating_add(len).min(block.len);
        block.check();
    }

    /// The stream offset of a place.
    fn stream(&self, place: u64) -> u64 {
        let hidden = self
            .gaps
            .iter()
            .fold(0_u64, |sum, (start, len)| sum.saturating_add(place.saturating_sub(*start).min(*len)));
        self.stretch.from.saturating_add(place.saturating_sub(hidden))
    }

    /// The chunks with a byte at `start..end`.
    fn within(&self, start: u64, end: u64) -> impl Iterator<Item = &(u64, Chunk<'cap>)> {
        let behind = |(place, chunk): &(u64, Chunk<'cap>)| place.saturating_add(chunk.bytes.len() as u64) <= start;
        let first = self.chunks.partition_point(behind);
        self.chunks.iter().skip(first).take_while(move |(place, _)| *place < end)
    }
}
