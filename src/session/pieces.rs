//! Sets of pieces: memory follows what is in them, never the highest number named.

use crate::limits::ADVERTISED_CHUNKS;

/// Pieces by their number on the wire.
///
/// # Invariants
/// - Chunks ascend, none is empty, none is below `full`, the first is not `full` with all its pieces, and there are at most
///   `ADVERTISED_CHUNKS`.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct PieceSet {
    /// So many chunks from the first on have all their pieces, and take no room.
    full: u32,
    chunks: Vec<(u32, [u8; CHUNK_BYTES])>,
}

impl PieceSet {
    /// Adds a piece; `false` when there is no room for it.
    pub fn insert(&mut self, piece: u32) -> bool {
        let mut bits = [0; CHUNK_BYTES];
        if let Some(byte) = bits.get_mut((piece % CHUNK_PIECES / 8) as usize) {
            *byte = 0x80 >> (piece % 8);
        }
        self.merge(piece / CHUNK_PIECES, &bits)
    }

    /// Adds the pieces of a bitfield (BEP 3, most significant bit first); `false` when there is no room for all.
    pub fn insert_bits(&mut self, bits: &[u8]) -> bool {
        let mut all = true;
        for (number, bytes) in (0..).zip(bits.chunks(CHUNK_BYTES)) {
            let mut chunk = [0; CHUNK_BYTES];
            chunk.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
            all &= self.merge(number, &chunk);
        }
        all
    }

    /// Adds all of `other`; `false` when there is no room for all.
    pub fn union(&mut self, other: &Self) -> bool {
        if other.full > self.full {
            self.full = other.full;
            self.chunks.drain(..self.chunks.partition_point(|(number, _)| *number < other.full));
            self.absorb();
        }
        other.chunks.iter().fold(true, |all, (number, bits)| self.merge(*number, bits) && all)
    }

    /// The pieces of `bits`, a bitfield, that this set has not; as many as its bound allows.
    pub fn missing_of(&self, bits: &[u8]) -> Self {
        let mut missing = Self::default();
        for (number, bytes) in (0..).zip(bits.chunks(CHUNK_BYTES)) {
            let mut chunk = [0; CHUNK_BYTES];
            let known = self.chunk(number).unwrap_or(&[0; CHUNK_BYTES]);
            chunk.iter_mut().zip(bytes).zip(known).for_each(|((to, from), known)| *to = *from & !known);
            missing.merge(number, &chunk);
        }
        missing
    }

    /// Returns true if `piece` is in the set.
    pub fn contains(&self, piece: u32) -> bool {
        let byte = self.chunk(piece / CHUNK_PIECES).and_then(|bits| bits.get((piece % CHUNK_PIECES / 8) as usize));
        byte.is_some_and(|byte| byte & (0x80 >> (piece % 8)) != 0)
    }

    /// How many pieces with a number below `end` are in the set.
    pub fn count_below(&self, end: u64) -> u64 {
        let chunks = self.chunks.iter().flat_map(|(number, bits)| {
            let start = u64::from(*number) * u64::from(CHUNK_PIECES);
            bits.iter().zip(0..).map(move |(byte, at)| (*byte, start + 8 * at))
        });
        let counted = chunks.map(|(byte, first)| {
            let left = end.saturating_sub(first).min(8);
            (u32::from(byte) & (0xff00_u32 >> left) & 0xff).count_ones()
        });
        let full = (u64::from(self.full) * u64::from(CHUNK_PIECES)).min(end);
        full + counted.map(u64::from).sum::<u64>()
    }

    /// Returns true if the set has no piece.
    pub fn is_empty(&self) -> bool {
        self.full == 0 && self.chunks.is_empty()
    }

    /// Bytes that the set takes.
    pub fn weight(&self) -> usize {
        self.chunks.len() * size_of::<(u32, [u8; CHUNK_BYTES])>()
    }

    /// Takes out every piece from `end` on, and the room that it took.
    pub fn truncate(&mut self, end: u64) {
        let chunk = u64::from(CHUNK_PIECES);
        self.full = self.full.min(u32::try_from(end.div_ceil(chunk)).unwrap_or(u32::MAX));
        self.chunks.truncate(self.chunks.partition_point(|(number, _)| u64::from(*number) * chunk < end));
        self.chunks.shrink_to_fit();
    }

    fn chunk(&self, number: u32) -> Option<&[u8; CHUNK_BYTES]> {
        if number < self.full {
            return Some(&ALL);
        }
        let at = self.chunks.binary_search_by_key(&number, |(number, _)| *number).ok()?;
        self.chunks.get(at).map(|(_, bits)| bits)
    }

    fn merge(&mut self, number: u32, bits: &[u8; CHUNK_BYTES]) -> bool {
        if number < self.full || bits.iter().all(|byte| *byte == 0) {
            return true;
        }
        if number == self.full && *bits == ALL {
            self.full += 1;
            self.chunks.drain(..self.chunks.partition_point(|(known, _)| *known == number));
            self.absorb();
            return true;
        }
        // Rationale: bitfields, and mostly haves, come in ascending order.
        let last = self.chunks.last().map(|(last, _)| *last);
        let at = match last {
            Some(last) if last >= number => self.chunks.binary_search_by_key(&number, |(number, _)| *number),
            _ => Err(self.chunks.len()),
        };
        match at {
            Ok(at) => {
                if let Some((_, known)) = self.chunks.get_mut(at) {
                    known.iter_mut().zip(bits).for_each(|(known, bits)| *known |= bits);
                }
            }
            Err(_) if self.chunks.len() >= ADVERTISED_CHUNKS => return false,
            Err(at) => self.chunks.insert(at, (number, *bits)),
        }
        if number == self.full {
            self.absorb();
        }
        true
    }

    /// Takes chunks that became full, from the first on, into `full`.
    fn absorb(&mut self) {
        let run =
            (self.full..).zip(&self.chunks).take_while(|(next, (number, bits))| next == number && *bits == ALL);
        let run = run.count();
        self.chunks.drain(..run);
        self.full += run as u32;
    }
}

const ALL: [u8; CHUNK_BYTES] = [0xff; CHUNK_BYTES];
const CHUNK_BYTES: usize = 16;
const CHUNK_PIECES: u32 = 8 * CHUNK_BYTES as u32;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_set_of_pieces_is_a_set(
            pieces in prop::collection::vec(prop_oneof![0..600_u32, any::<u32>()], 0..80),
            bits in prop::collection::vec(prop_oneof![Just(0_u8), any::<u8>()], 0..70),
            end in 0..700_u64,
        ) {
            let (mut set, mut model) = (PieceSet::default(), BTreeSet::new());
            for piece in pieces {
                prop_assert!(set.insert(piece));
                model.insert(piece);
            }
            let claimed: BTreeSet<u32> =
                (0..bits.len() as u32 * 8).filter(|n| bits[*n as usize / 8] & (0x80 >> (n % 8)) != 0).collect();
            let missing = set.missing_of(&bits);
            let new: BTreeSet<u32> = claimed.difference(&model).copied().collect();
            prop_assert!((0..700).all(|piece| missing.contains(piece) == new.contains(&piece)));
            prop_assert!(set.insert_bits(&bits));
            model.extend(claimed);
            prop_assert!((0..700).all(|piece| set.contains(piece) == model.contains(&piece)));
            prop_assert_eq!(set.count_below(u64::MAX), model.len() as u64);
            prop_assert_eq!(set.count_below(end), model.iter().filter(|piece| u64::from(**piece) < end).count() as u64);
            prop_assert!(set.chunks.windows(2).all(|pair| pair[0].0 < pair[1].0));
            let mut both = missing.clone();
            prop_assert!(both.union(&set) && both == set);
            both.truncate(end);
            prop_assert_eq!(both.count_below(end), set.count_below(end));
        }
    }

    #[test]
    fn a_full_bitfield_of_any_length_takes_no_room() {
        let mut set = PieceSet::default();
        assert!(set.insert_bits(&vec![0xff; 300_000]) && set.insert_bits(&[0xff; 300_001][..300_000]));
        assert!(set.insert(2_400_000) && set.weight() < 100);
        assert_eq!((set.count_below(u64::MAX), set.count_below(2_097_153)), (2_400_001, 2_097_153));
        assert!(set.contains(0) && set.contains(2_399_999) && !set.contains(2_400_001));
        // In any order of its pieces, too.
        let mut other = PieceSet::default();
        (0..4_096).rev().for_each(|piece| assert!(other.insert(piece)));
        assert!(other.weight() == 0 && other.union(&set) && other == set);
        assert!(set.missing_of(&[0xff; 100]).is_empty());
        set.truncate(256);
        assert_eq!(set.count_below(u64::MAX), 256);
    }

    #[test]
    fn the_highest_piece_costs_no_more_than_any_other() {
        let mut set = PieceSet::default();
        assert!(set.insert(u32::MAX) && set.contains(u32::MAX) && !set.contains(u32::MAX - 1));
        assert_eq!(set.weight(), 20);
    }

    #[test]
    fn scattered_pieces_are_kept_up_to_the_bound_and_the_first_beyond_it_is_told() {
        let mut set = PieceSet::default();
        assert!((0..ADVERTISED_CHUNKS as u32).rev().all(|n| set.insert(n * CHUNK_PIECES)));
        assert!(set.insert(5) && !set.insert(u32::MAX) && !set.contains(u32::MAX));
    }
}
