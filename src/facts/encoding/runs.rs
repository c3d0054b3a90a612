//! Runs: some four bytes each where a flow has the wire for itself, some seven among hundreds of flows.

use super::{frame, of_frame, put, put_step, put_step32, take, take_byte, take_step, take_step32};
use crate::facts::{Place, Run};

/// The run before, of whatever body, to which the next one is written by reference.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Before {
    store: u16,
    /// The place behind its last byte.
    end: u64,
    len: u32,
    frame: u64,
    head: u8,
}

impl Before {
    /// Appends the runs of a body that begins at `offset` of its stream.
    pub(super) fn put(&mut self, out: &mut Vec<u8>, offset: u64, runs: &[Run]) {
        put(out, runs.len() as u64);
        let mut end = 0;
        for run in runs {
            let frame = of_frame(run.frame);
            let stream = offset.wrapping_add(u64::from(run.start));
            let same = [
                (run.start == end, TOUCHES),
                (run.stream == stream, IN_STEP),
                (run.place.store == self.store, SAME_STORE),
                (run.len == self.len, SAME_LEN),
                (run.head == self.head, SAME_HEAD),
                (frame == self.frame.wrapping_add(1), NEXT_FRAME),
            ];
            let flags = same.iter().filter(|(is, _)| *is).fold(0, |flags, (_, flag)| flags | flag);
            out.push(flags);
            if flags & TOUCHES == 0 {
                put_step32(out, run.start, end);
            }
            if flags & IN_STEP == 0 {
                put_step(out, run.stream, stream);
            }
            if flags & SAME_STORE == 0 {
                put(out, u64::from(run.place.store));
            }
            if flags & SAME_LEN == 0 {
                put_step32(out, run.len, self.len);
            }
            if flags & SAME_HEAD == 0 {
                out.push(run.head);
            }
            if flags & NEXT_FRAME == 0 {
                put_step(out, frame, self.frame);
            }
            put_step(out, run.place.offset, self.end);
            end = run.end();
            let behind = run.place.offset.wrapping_add(u64::from(run.len));
            *self = Self { store: run.place.store, end: behind, len: run.len, frame, head: run.head };
        }
    }

    /// Takes what [`put`](Self::put) appended.
    pub(super) fn take(&mut self, from: &mut &[u8], offset: u64) -> Option<Vec<Run>> {
        let count = usize::try_from(take(from)?).ok()?;
        // Each takes two bytes at least: a false count asks for no more room than there are bytes.
        let mut runs = Vec::with_capacity(count.min(from.len()));
        let mut end = 0;
        for _ in 0..count {
            let flags = take_byte(from)?;
            let has = |flag: u8| flags & flag != 0;
            let start = if has(TOUCHES) { end } else { take_step32(from, end)? };
            let stream = offset.wrapping_add(u64::from(start));
            let stream = if has(IN_STEP) { stream } else { take_step(from, stream)? };
            let store = if has(SAME_STORE) { self.store } else { u16::try_from(take(from)?).ok()? };
            let len = if has(SAME_LEN) { self.len } else { take_step32(from, self.len)? };
            let head = if has(SAME_HEAD) { self.head } else { take_byte(from)? };
            let number = if has(NEXT_FRAME) { self.frame.wrapping_add(1) } else { take_step(from, self.frame)? };
            let offset = take_step(from, self.end)?;
            let run = Run { start, len, stream, place: Place { store, offset }, frame: frame(number)?, head };
            end = run.end();
            *self = Self { store, end: offset.wrapping_add(u64::from(len)), len, frame: number, head };
            runs.push(run);
        }
        Some(runs)
    }
}

const TOUCHES: u8 = 1;
const IN_STEP: u8 = 1 << 1;
const SAME_STORE: u8 = 1 << 2;
const SAME_LEN: u8 = 1 << 3;
const SAME_HEAD: u8 = 1 << 4;
const NEXT_FRAME: u8 = 1 << 5;
