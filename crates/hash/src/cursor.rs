//! The blocks of a message, padding included, in the order in which they are hashed.

use std::slice::Iter;

use crate::load_ahead::load_ahead;
use crate::{BLOCK, Block, Message};

/// The rest of a message.
///
/// # Invariants
/// - `run.len() <= left`.
/// - `blocks` is what `left` bytes and the padding fill; it is 0 only at the end.
#[derive(Clone, Debug)]
pub(crate) struct Cursor<'a> {
    /// The rest of the slice that is being read.
    run: &'a [u8],
    /// The slices that follow it.
    runs: Iter<'a, &'a [u8]>,
    /// Bytes of the message that were not read.
    left: u64,
    /// Blocks that were not read.
    blocks: u64,
    /// Bytes of the whole message.
    len: u64,
    /// True once the one bit after the message was read.
    marked: bool,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(message: &Message<'a>) -> Self {
        let Message { runs, skip, len } = *message;
        let mut runs = runs.iter();
        let run = runs.next().map_or(&[][..], |run| run.get(skip..).unwrap_or_default());
        let run = run.get(..usize::try_from(len).unwrap_or(usize::MAX)).unwrap_or(run);
        // FIPS 180-4, section 5.1.1: a one bit, zeros, the length in 64 bits.
        Self { run, runs, left: len, blocks: (len + 9).div_ceil(BLOCK as u64), len, marked: false }
    }

    /// Blocks that are left.
    pub(crate) fn blocks(&self) -> u64 {
        self.blocks
    }

    /// The next blocks, as many as `stage` has: where they lie, or gathered there. There must be so many.
    #[inline]
    pub(crate) fn take<'s>(&mut self, stage: &'s mut [Block]) -> &'s [Block]
    where
        'a: 's,
    {
        let bytes = stage.len() * BLOCK;
        match self.run.split_at_checked(bytes) {
            Some((now, later)) => {
                self.run = later;
                self.left -= bytes as u64;
                self.blocks -= stage.len() as u64;
                load_ahead(later, bytes);
                now.as_chunks().0
            }
            None => {
                self.gather(stage);
                stage
            }
        }
    }

    /// Fills `stage` from as many slices as it takes, and with the padding.
    #[inline(never)]
    fn gather(&mut self, stage: &mut [Block]) {
        self.blocks -= stage.len() as u64;
        let mut room = stage.as_flattened_mut();
        while !room.is_empty() {
            if self.run.is_empty() {
                let Some(run) = self.runs.next().filter(|_| self.left > 0) else { break };
                self.run = run.get(..usize::try_from(self.left).unwrap_or(usize::MAX)).unwrap_or(run);
                continue;
            }
            let (now, later) = self.run.split_at(self.run.len().min(room.len()));
            let (here, rest) = room.split_at_mut(now.len());
            here.copy_from_slice(now);
            self.left -= now.len() as u64;
            (self.run, room) = (later, rest);
        }
        load_ahead(self.run, BLOCK * 2);
        if room.is_empty() {
            return;
        }
        room.fill(0);
        if !self.marked
            && let Some(first) = room.first_mut()
        {
            *first = 0x80;
            self.marked = true;
        }
        if self.blocks == 0
            && let Some(bits) = room.last_chunk_mut::<8>()
        {
            *bits = (self.len * 8).to_be_bytes();
        }
    }
}
