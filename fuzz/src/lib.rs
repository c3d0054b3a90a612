//! Shared parts of the fuzz targets: reading a script from arbitrary bytes, and checking the invariants of every stage.
//!
//! Scripts are read byte by byte, without a derived format, so that `seeds` can write them from the fixtures.

pub mod hearsay;
mod link;
pub mod run;
pub mod swarm;
mod synth;
pub mod torrents;

use std::cell::{Cell, OnceCell};

use peerproof::Error;
use peerproof::ends::{At, Direction, FrameId, Timestamp};
use peerproof::stages::packet::Store;
use peerproof::stages::stream::{EndReason, GapCause, Missing, StreamItem};

/// Reads a script; numbers are big-endian, and what is missing at the end is zero.
#[derive(Clone, Copy, Debug)]
pub struct Cursor<'a>(pub &'a [u8]);

impl<'a> Cursor<'a> {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next `len` bytes, or what is left.
    pub fn take(&mut self, len: usize) -> &'a [u8] {
        let (head, tail) = self.0.split_at(len.min(self.0.len()));
        self.0 = tail;
        head
    }

    /// The next byte.
    pub fn u8(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or(0)
    }

    /// The next two bytes.
    pub fn u16(&mut self) -> u16 {
        u16::from(self.u8()) << 8 | u16::from(self.u8())
    }

    /// The next four bytes.
    pub fn u32(&mut self) -> u32 {
        u32::from(self.u16()) << 16 | u32::from(self.u16())
    }

    /// A length of two bytes, and so many bytes.
    pub fn block(&mut self) -> &'a [u8] {
        let len = usize::from(self.u16());
        self.take(len)
    }
}

/// Frame `number`, one millisecond after the one before.
pub fn at(number: u64) -> At {
    At { time: Timestamp(number as i64 * 1_000_000), frame: FrameId::new(0, number.max(1)) }
}

/// The direction that a bit stands for.
pub fn direction(bit: u8) -> Direction {
    if bit & 1 == 0 { Direction::LowToHigh } else { Direction::HighToLow }
}

/// Bytes that live as long as the store, without `unsafe` and without a file.
#[derive(Debug)]
pub struct Arena {
    slots: Vec<OnceCell<Box<[u8]>>>,
    next: Cell<usize>,
}

impl Arena {
    pub fn new(slots: usize) -> Self {
        Self { slots: (0..slots).map(|_| OnceCell::new()).collect(), next: Cell::new(0) }
    }
}

impl<'a> Store<'a> for &'a Arena {
    fn store(&self, parts: &[&[u8]]) -> Result<&'a [u8], Error> {
        let slot = self.slots.get(self.next.get()).ok_or_else(|| Error::Usage("the arena is full".to_owned()))?;
        self.next.set(self.next.get() + 1);
        Ok(slot.get_or_init(|| parts.concat().into_boxed_slice()))
    }
}

/// Both directions of a stream from a script of records, each a control byte, a length and (of data) the bytes.
/// They keep the invariants of [`StreamItem`]; both directions end.
pub fn items<'a>(input: &mut Cursor<'a>) -> Vec<(Direction, StreamItem<'a>)> {
    let mut out = Vec::new();
    let (mut next, mut acked, mut ended) = ([0_u64; 2], [0_u64; 2], [false; 2]);
    while !input.is_empty() {
        let control = input.u8();
        let way = direction(control);
        let len = u64::from(input.u16());
        let kind = control >> 1 & 0x0f;
        let bytes = if kind < 8 || kind == 13 { input.take(len as usize) } else { &[] };
        let at = at(out.len() as u64 + 1);
        let end = &mut next[way.index()];
        if ended[way.index()] {
            continue;
        }
        let gap = |missing, cause| StreamItem::Gap { offset: 0, missing, cause, at };
        let mut item = match kind {
            0..8 if bytes.is_empty() => continue,
            0..8 => StreamItem::Data { offset: *end, bytes, at, doubtful: control & 0x20 != 0 },
            8 => gap(Missing::Bytes(len.max(1)), GapCause::Unseen),
            9 => gap(Missing::Bytes(1 + (len << 14)), GapCause::Acknowledged),
            10 if control & 0x20 != 0 => gap(Missing::Packets(1 + (len >> 6)), GapCause::Unseen),
            10 => gap(Missing::Unknown, GapCause::Unseen),
            11 => {
                let upto = (acked[way.index()] + len).min(*end);
                if upto <= acked[way.index()] {
                    continue;
                }
                acked[way.index()] = upto;
                StreamItem::Acked { upto, at }
            }
            12 => {
                let (from, to) = (end.saturating_sub(len), end.saturating_sub(len / 2));
                if from >= to {
                    continue;
                }
                StreamItem::AckedRange { from, to, at }
            }
            13 if bytes.is_empty() => continue,
            13 if control & 0x20 != 0 => StreamItem::Late { offset: end.saturating_sub(len), bytes, at },
            13 => StreamItem::Conflict { offset: end.saturating_sub(len), bytes, at },
            14 if control & 0x20 != 0 && len & 1 == 1 => StreamItem::Suspect { at },
            14 if control & 0x20 != 0 => StreamItem::OutOfWindow { len, at },
            14 if *end > 0 => {
                StreamItem::Uncompared { offset: 0, len: len.clamp(1, *end), cut: control & 0x40 != 0, at }
            }
            14 => continue,
            _ => {
                ended[way.index()] = true;
                StreamItem::End { reason: if len & 1 == 0 { EndReason::Finished } else { EndReason::Reset }, at }
            }
        };
        match &mut item {
            StreamItem::Data { bytes, .. } => *end += bytes.len() as u64,
            StreamItem::Gap { offset, missing, .. } => {
                *offset = *end;
                if let Missing::Bytes(len) = missing {
                    *end += *len;
                }
            }
            _ => {}
        }
        out.push((way, item));
    }
    for way in [Direction::LowToHigh, Direction::HighToLow] {
        if !ended[way.index()] && out.iter().any(|(one, _)| *one == way) {
            out.push((way, StreamItem::End { reason: EndReason::Open, at: at(out.len() as u64 + 1) }));
        }
    }
    out
}

/// Checks the invariants of [`StreamItem`] in one direction; `whole`: nothing may be left out between items.
pub fn check_items<'a>(items: impl IntoIterator<Item = StreamItem<'a>>, whole: bool) {
    let (mut next, mut acked, mut ended) = (0_u64, 0, false);
    for item in items {
        assert!(!ended, "{item:?} follows the end");
        match item {
            StreamItem::Data { offset, bytes, .. } => {
                assert!(offset == next || (!whole && offset > next), "data at {offset} behind {next}");
                assert!(!bytes.is_empty(), "empty data");
                next = offset + bytes.len() as u64;
            }
            StreamItem::Gap { offset, missing, .. } => {
                assert!(offset == next || (!whole && offset > next), "a gap at {offset} behind {next}");
                next = offset;
                if let Missing::Bytes(len) = missing {
                    assert!(len > 0, "an empty gap");
                    next += len;
                }
            }
            StreamItem::Acked { upto, .. } => {
                assert!(!whole || (acked < upto && upto <= next), "acked {upto} after {acked}, delivered {next}");
                acked = upto;
            }
            StreamItem::AckedRange { from, to, .. } => assert!(from < to && (!whole || to <= next)),
            StreamItem::Conflict { bytes, .. } => assert!(!bytes.is_empty(), "an empty conflict"),
            StreamItem::Late { offset, bytes, .. } => {
                assert!(!bytes.is_empty() && (!whole || offset <= next), "late data that is not late");
            }
            // Where uTP packets were lost, its place is a guess, and it may be longer than what was delivered.
            // What was cut is also compared with bytes that wait.
            StreamItem::Uncompared { offset, len, cut, .. } => {
                assert!(len > 0 && (cut || !whole || offset <= next))
            }
            StreamItem::OtherLength { frames: [one, other], .. } => assert!(one <= other, "frames in order"),
            StreamItem::Unaccepted { len, .. } => assert!(len > 0, "nothing that was not accepted"),
            StreamItem::OutOfWindow { .. } | StreamItem::Answers { .. } | StreamItem::Suspect { .. } => {}
            StreamItem::End { .. } => ended = true,
        }
    }
}
