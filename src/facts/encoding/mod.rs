//! The compact encoding of facts: integers of variable length (LEB128), and differences to what was written before.
//!
//! Reading never trusts a length: whatever does not fit is `None`.

mod block;
mod body;
mod connection;
mod plain;
mod runs;
mod whole;

use crate::ends::{At, FrameId, Span, Timestamp};
pub use connection::Head;
pub use plain::Plain;

/// Appends an integer: seven bits a byte, the lowest first.
fn put(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Takes an integer.
#[inline]
fn take(from: &mut &[u8]) -> Option<u64> {
    // Rationale: nearly all have one byte or two.
    match *from {
        [first, rest @ ..] if *first < 0x80 => {
            *from = rest;
            Some(u64::from(*first))
        }
        [first, second, rest @ ..] if *second < 0x80 => {
            *from = rest;
            Some(u64::from(*first & 0x7f) | u64::from(*second) << 7)
        }
        _ => take_long(from),
    }
}

/// Takes an integer of any length.
fn take_long(from: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = u64::from(take_byte(from)?);
        // The tenth byte has room for one bit.
        if shift == 63 && byte > 1 {
            return None;
        }
        value |= (byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

fn take_byte(from: &mut &[u8]) -> Option<u8> {
    let (first, rest) = from.split_first()?;
    *from = rest;
    Some(*first)
}

fn take_array<const N: usize>(from: &mut &[u8]) -> Option<[u8; N]> {
    let (first, rest) = from.split_first_chunk()?;
    *from = rest;
    Some(*first)
}

/// Appends a difference, small ones of either sign in few bytes.
fn put_step(out: &mut Vec<u8>, value: u64, before: u64) {
    let step = value.wrapping_sub(before) as i64;
    put(out, (step << 1 ^ step >> 63) as u64);
}

/// Takes a difference, and gives what differs by it from `before`.
fn take_step(from: &mut &[u8], before: u64) -> Option<u64> {
    let step = take(from)?;
    Some(before.wrapping_add(step >> 1 ^ (step & 1).wrapping_neg()))
}

fn put_step32(out: &mut Vec<u8>, value: u32, before: u32) {
    put_step(out, u64::from(value), u64::from(before));
}

fn take_step32(from: &mut &[u8], before: u32) -> Option<u32> {
    u32::try_from(take_step(from, u64::from(before))?).ok()
}

fn take32(from: &mut &[u8]) -> Option<u32> {
    u32::try_from(take(from)?).ok()
}

fn of_frame(frame: FrameId) -> u64 {
    u64::from(frame.file()) << FRAME_BITS | frame.number()
}

fn frame(value: u64) -> Option<FrameId> {
    let number = value & ((1 << FRAME_BITS) - 1);
    (number > 0).then(|| FrameId::new((value >> FRAME_BITS) as u16, number))
}

// Rationale: as a frame id has them, so that neighbours differ by 1.
const FRAME_BITS: u32 = 48;

/// The frame and time that were written last.
#[derive(Clone, Copy, Debug, Default)]
struct Clock {
    time: u64,
    frame: u64,
}

impl Clock {
    fn put(&mut self, out: &mut Vec<u8>, at: At) {
        let (time, frame) = (at.time.0 as u64, of_frame(at.frame));
        put_step(out, frame, self.frame);
        put_step(out, time, self.time);
        *self = Self { time, frame };
    }

    fn take(&mut self, from: &mut &[u8]) -> Option<At> {
        self.frame = take_step(from, self.frame)?;
        self.time = take_step(from, self.time)?;
        Some(At { time: Timestamp(self.time as i64), frame: frame(self.frame)? })
    }

    fn put_span(&mut self, out: &mut Vec<u8>, span: Span) {
        self.put(out, span.first);
        self.put(out, span.last);
    }

    fn take_span(&mut self, from: &mut &[u8]) -> Option<Span> {
        Some(Span { first: self.take(from)?, last: self.take(from)? })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::facts::sample;
    use crate::facts::{Block, Body, Journal};

    proptest! {
        #[test]
        fn every_block_and_every_body_reads_back(seed: u64, count in 0..12_usize) {
            let (blocks, bodies) = (sample::strange_blocks(seed, count), sample::strange_bodies(seed, count));
            prop_assert_eq!(blocks.iter().cloned().collect::<Journal<Block>>().iter().collect::<Vec<_>>(), blocks);
            prop_assert_eq!(bodies.iter().cloned().collect::<Journal<Body>>().iter().collect::<Vec<_>>(), bodies);
        }

        #[test]
        fn bytes_that_are_no_block_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = Journal::<Block>::from_encoded(3, &bytes);
            let _ = Journal::<Body>::from_encoded(3, &bytes);
            let _ = crate::facts::Facts::read("facts", &bytes);
        }

        #[test]
        fn every_integer_and_every_step_reads_back(value: u64, before: u64, number: u32, earlier: u32) {
            let mut out = Vec::new();
            put(&mut out, value);
            put_step(&mut out, value, before);
            put_step32(&mut out, number, earlier);
            let from = &mut out.as_slice();
            prop_assert_eq!(take(from), Some(value));
            prop_assert_eq!(take_step(from, before), Some(value));
            prop_assert_eq!(take_step32(from, earlier), Some(number));
            prop_assert!(from.is_empty());
        }

        #[test]
        fn no_bytes_are_read_beyond_their_end(bytes in prop::collection::vec(any::<u8>(), 0..12)) {
            let from = &mut bytes.as_slice();
            while take(from).is_some() {}
        }
    }

    #[test]
    fn a_block_takes_fifty_bytes_and_its_runs_eight_each_at_most() {
        let blocks = sample::blocks(5_000);
        let runs: usize = blocks.iter().map(|block| block.runs.len()).sum();
        let journal: Journal<Block> = blocks.into_iter().collect();
        assert!(journal.bytes() <= 50 * 5_000 + 8 * runs as u64, "{} bytes", journal.bytes());
        assert!(
            journal.bytes() <= 40 * 5_000 + 5 * runs as u64,
            "{} bytes, with the wire to themselves",
            journal.bytes()
        );
    }

    #[test]
    fn small_steps_take_one_byte() {
        for (value, before) in [(5, 5), (5, 68), (100, 37)] {
            let mut out = Vec::new();
            put_step(&mut out, value, before);
            assert_eq!(out.len(), 1, "from {before} to {value}");
        }
        assert_eq!(take(&mut [0xff; 10].as_slice()), None, "more than 64 bits");
    }
}
