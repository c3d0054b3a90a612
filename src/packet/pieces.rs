//! The fragments of one datagram: where each byte belongs, and which are still missing.

use super::cut::Cut;
use crate::limits::DATAGRAM_FRAGMENTS;

/// Stretches of one datagram, kept in order of arrival and listed in order of place.
///
/// # Invariants
/// - `parts` is ascending and without overlap; `covered` is the sum of their lengths on the wire.
/// - No part ends beyond `total`, once that is known.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    parts: Vec<Part>,
    data: Vec<u8>,
    covered: usize,
    total: Option<usize>,
}

/// `start..end` on the wire, of which `len` bytes were captured, at `at` in the data.
#[derive(Clone, Copy, Debug)]
struct Part {
    start: usize,
    end: usize,
    at: usize,
    len: usize,
}

/// The effect of a fragment on its datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Added {
    /// Something that was missing.
    New,
    /// Nothing: all of it was there already.
    Repeat,
    /// It contradicts what was there, in content or in the datagram's length.
    Conflict,
    /// The datagram has too many parts; it was not taken.
    TooMany,
}

impl Pieces {
    /// Takes the part at `offset`; `more` is false for the last one of the datagram.
    pub fn add(&mut self, offset: usize, payload: Cut<'_>, more: bool) -> Added {
        let end = offset + payload.wire;
        if self.parts.len() >= DATAGRAM_FRAGMENTS {
            return Added::TooMany;
        }
        let reach = self.parts.last().map_or(0, |part| part.end);
        let contradicts = match (self.total, more) {
            (Some(total), true) => end > total,
            (Some(total), false) => end != total,
            (None, true) => false,
            (None, false) => reach > end,
        };
        if contradicts {
            return Added::Conflict;
        }
        if !more {
            self.total = Some(end);
        }
        let (mut outcome, mut cursor) = (Added::Repeat, offset);
        let mut index = self.parts.partition_point(|part| part.end <= offset);
        while cursor < end {
            match self.parts.get(index).copied() {
                Some(part) if part.start <= cursor => {
                    let upto = part.end.min(end);
                    if !self.agrees(part, offset, payload.bytes, cursor, upto) {
                        outcome = Added::Conflict;
                    }
                    cursor = upto;
                }
                next => {
                    let upto = next.map_or(end, |part| part.start.min(end));
                    let bytes = window(payload.bytes, offset, cursor, upto);
                    let part = Part { start: cursor, end: upto, at: self.data.len(), len: bytes.len() };
                    self.data.extend_from_slice(bytes);
                    self.parts.insert(index, part);
                    self.covered += upto - cursor;
                    cursor = upto;
                    if outcome == Added::Repeat {
                        outcome = Added::New;
                    }
                }
            }
            index += 1;
        }
        self.check();
        outcome
    }

    /// Returns true if every byte of this fragment is there already, with equal content.
    pub fn holds(&self, offset: usize, payload: Cut<'_>, more: bool) -> bool {
        let end = offset + payload.wire;
        if self.total.is_none_or(|total| if more { end > total } else { end != total }) {
            return false;
        }
        let first = self.parts.partition_point(|part| part.end <= offset);
        let mut cursor = offset;
        for part in self.parts.iter().skip(first) {
            if cursor >= end || part.start > cursor {
                break;
            }
            let upto = part.end.min(end);
            if !self.agrees(*part, offset, payload.bytes, cursor, upto) {
                return false;
            }
            cursor = upto;
        }
        cursor >= end
    }

    /// Returns true if `part` and `bytes` (which begin at `offset`) agree on what both hold of `from..to`.
    fn agrees(&self, part: Part, offset: usize, bytes: &[u8], from: usize, to: usize) -> bool {
        let held = self.data.get(part.at..part.at + part.len).unwrap_or(&[]);
        let ours = window(held, part.start, from, to);
        let theirs = window(bytes, offset, from, to);
        ours.iter().zip(theirs).all(|(a, b)| a == b)
    }

    /// Returns true if the first byte of the datagram has a place.
    pub fn has_start(&self) -> bool {
        self.parts.first().is_some_and(|part| part.start == 0)
    }

    /// Returns true if the datagram has all its bytes on the wire.
    pub fn is_complete(&self) -> bool {
        self.total == Some(self.covered)
    }

    /// Bytes on the wire that have their place.
    pub fn covered(&self) -> usize {
        self.covered
    }

    /// Length of the datagram, once its last fragment was seen.
    pub fn total(&self) -> Option<usize> {
        self.total
    }

    /// Memory held, in bytes.
    pub fn cost(&self) -> usize {
        self.data.len() + self.parts.len() * size_of::<Part>()
    }

    /// The captured bytes from the start up to the first that is missing.
    pub fn prefix(&self) -> Vec<&[u8]> {
        let mut slices = Vec::with_capacity(self.parts.len());
        for part in &self.parts {
            slices.push(self.data.get(part.at..part.at + part.len).unwrap_or(&[]));
            if part.len < part.end - part.start {
                break;
            }
        }
        slices
    }

    /// Forgets the datagram and keeps the memory.
    pub fn clear(&mut self) {
        self.parts.clear();
        self.data.clear();
        (self.covered, self.total) = (0, None);
    }

    fn check(&self) {
        debug_assert!(self.parts.windows(2).all(|pair| pair[0].end <= pair[1].start), "parts overlap");
        debug_assert_eq!(self.parts.iter().map(|part| part.end - part.start).sum::<usize>(), self.covered);
    }
}

/// The bytes of `from..to`, as far as `bytes`, which begin at `start`, reach.
fn window(bytes: &[u8], start: usize, from: usize, to: usize) -> &[u8] {
    let to = to.saturating_sub(start).min(bytes.len());
    bytes.get(from.saturating_sub(start).min(to)..to).unwrap_or(&[])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// The slow model: one slot per byte, the first copy stays.
        #[test]
        fn pieces_agree_with_a_byte_map(
            parts in prop::collection::vec((0_usize..12, 1_usize..5, any::<bool>(), any::<u8>(), 0_usize..40), 1..24),
        ) {
            let mut pieces = Pieces::default();
            let mut map: Vec<Option<Option<u8>>> = vec![None; 256];
            let mut total = None;
            for (unit, units, more, fill, captured) in parts {
                let (offset, wire) = (unit * 8, units * 8);
                let end = offset + wire;
                let bytes: Vec<u8> = (0..wire.min(captured)).map(|n| fill.wrapping_add((n / 8) as u8)).collect();
                let added = pieces.add(offset, Cut::new(&bytes, wire), more);
                let reach = map.iter().rposition(Option::is_some).map_or(0, |last| last + 1);
                let contradicts = match (total, more) {
                    (Some(total), true) => end > total,
                    (Some(total), false) => end != total,
                    (None, true) => false,
                    (None, false) => reach > end,
                };
                if contradicts {
                    prop_assert_eq!(added, Added::Conflict);
                    continue;
                }
                if !more {
                    total = Some(end);
                }
                let mut expected = Added::Repeat;
                for n in 0..wire {
                    let byte = bytes.get(n).copied();
                    match map[offset + n] {
                        None => {
                            map[offset + n] = Some(byte);
                            if expected == Added::Repeat {
                                expected = Added::New;
                            }
                        }
                        Some(Some(old)) if byte.is_some_and(|new| new != old) => expected = Added::Conflict,
                        Some(_) => {}
                    }
                }
                prop_assert_eq!(added, expected);
                prop_assert_eq!(pieces.covered(), map.iter().flatten().count());
                let prefix: Vec<u8> = map.iter().map_while(|slot| slot.flatten()).collect();
                if pieces.is_complete() {
                    prop_assert_eq!(pieces.prefix().concat(), prefix);
                }
            }
        }
    }
}
