//! SHA-1 or SHA-256 of several units at once on one core.
//!
//! Each step of a hash waits for the one before, so one unit leaves most of a core idle. Here the units take turns,
//! a block or two each: the processor works on all of them at the same time, without a thread or an instruction more.

use sha1::block_api::compress;
use sha2::block_api::compress256;

/// The state of a hash that takes blocks of 64 bytes (FIPS 180-4).
pub(super) trait Hash: AsRef<[u32]> {
    /// What comes out.
    type Digest: Default + AsMut<[u8]>;
    /// Before the first block.
    const INITIAL: Self;
    /// Takes whole blocks.
    fn compress(&mut self, blocks: &[[u8; BLOCK]]);
}

/// SHA-1.
pub(super) type Sha1 = [u32; 5];

/// SHA-256.
pub(super) type Sha256 = [u32; 8];

impl Hash for Sha1 {
    type Digest = [u8; 20];
    // FIPS 180-4, section 5.3.1.
    const INITIAL: Self = [0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476, 0xC3D2_E1F0];

    #[inline]
    fn compress(&mut self, blocks: &[[u8; BLOCK]]) {
        compress(self, blocks);
    }
}

impl Hash for Sha256 {
    type Digest = [u8; 32];
    // FIPS 180-4, section 5.3.3.
    const INITIAL: Self =
        [0x6A09_E667, 0xBB67_AE85, 0x3C6E_F372, 0xA54F_F53A, 0x510E_527F, 0x9B05_688C, 0x1F83_D9AB, 0x5BE0_CD19];

    #[inline]
    fn compress(&mut self, blocks: &[[u8; BLOCK]]) {
        compress256(self, blocks);
    }
}

/// One unit on its way.
#[derive(Debug)]
pub(super) struct Lane<'a, H> {
    state: H,
    /// What follows `run`.
    runs: std::slice::Iter<'a, &'a [u8]>,
    /// What is left of the run that is being read.
    run: &'a [u8],
    /// A block that straddles runs.
    held: [u8; BLOCK],
    /// Bytes of `held` in use; a whole block has been hashed, less is what was left at the end.
    filled: usize,
    /// Bytes hashed in whole blocks.
    hashed: u64,
}

impl<'a, H: Hash> Lane<'a, H> {
    /// A unit whose runs concatenate to its bytes.
    pub(super) fn new(runs: &'a [&'a [u8]]) -> Self {
        Self { state: H::INITIAL, runs: runs.iter(), run: &[], held: [0; BLOCK], filled: 0, hashed: 0 }
    }

    /// Hashes the next whole blocks; `false` when there is none.
    #[inline]
    fn step(&mut self) -> bool {
        let blocks = if let Some((blocks, rest)) = self.run.split_first_chunk::<{ TURN * BLOCK }>() {
            self.run = rest;
            blocks.as_chunks().0
        } else if let Some((block, rest)) = self.run.split_first_chunk::<BLOCK>() {
            self.run = rest;
            std::slice::from_ref(block)
        } else if self.gather() {
            std::slice::from_ref(&self.held)
        } else {
            return false;
        };
        self.state.compress(blocks);
        self.hashed += (blocks.len() * BLOCK) as u64;
        true
    }

    /// Fills `held` from as many runs as it takes; `false` when they end first.
    fn gather(&mut self) -> bool {
        if self.filled == BLOCK {
            self.filled = 0;
        }
        loop {
            let len = self.run.len().min(BLOCK - self.filled);
            let (now, later) = self.run.split_at(len);
            if let Some(room) = self.held.get_mut(self.filled..self.filled + len) {
                room.copy_from_slice(now);
            }
            self.filled += len;
            self.run = later;
            if self.filled == BLOCK {
                return true;
            }
            match self.runs.next() {
                Some(run) => self.run = run,
                None => return false,
            }
        }
    }

    /// The digest, after the last whole block (FIPS 180-4, section 5.1.1: a one bit, zeros, the length in bits).
    fn finish(mut self) -> H::Digest {
        let bits = (self.hashed + self.filled as u64) * 8;
        let mut tail = [0; 2 * BLOCK];
        let len = if self.filled < BLOCK - 8 { BLOCK } else { 2 * BLOCK };
        for (to, from) in tail.iter_mut().zip(self.held.iter().take(self.filled).chain(&[0x80])) {
            *to = *from;
        }
        for (to, from) in tail.iter_mut().take(len).rev().zip(bits.to_be_bytes().iter().rev()) {
            *to = *from;
        }
        let (blocks, _) = tail.as_chunks();
        self.state.compress(blocks.get(..len / BLOCK).unwrap_or_default());
        let mut digest = H::Digest::default();
        for (to, word) in digest.as_mut().as_chunks_mut::<4>().0.iter_mut().zip(self.state.as_ref()) {
            *to = word.to_be_bytes();
        }
        digest
    }
}

/// The hash of each unit, given by its runs.
pub(super) fn hash<'a, H: Hash + 'a>(units: impl Iterator<Item = &'a [&'a [u8]]>) -> Vec<H::Digest> {
    let mut lanes: Vec<Lane<'_, H>> = units.map(Lane::new).collect();
    // Without short-circuit: every lane takes its turn.
    while lanes.iter_mut().fold(false, |any, lane| lane.step() | any) {}
    lanes.into_iter().map(Lane::finish).collect()
}

/// Bytes that a hash takes at a time.
const BLOCK: usize = 64;
// Rationale: one block of each unit in turn spends too much on the turns, more than two no longer overlap.
const TURN: usize = 2;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sha2::Digest;

    use super::*;

    proptest! {
        #[test]
        fn units_cut_anywhere_hash_as_they_do_alone(
            units in prop::collection::vec(prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..8), 3)
        ) {
            let runs: Vec<Vec<&[u8]>> = units.iter().map(|unit| unit.iter().map(Vec::as_slice).collect()).collect();
            let (one, two) = (hash::<Sha1>(runs.iter().map(Vec::as_slice)), hash::<Sha256>(runs.iter().map(Vec::as_slice)));
            for ((one, two), unit) in one.iter().zip(&two).zip(&units) {
                prop_assert_eq!(*one, <[u8; 20]>::from(sha1::Sha1::digest(unit.concat())));
                prop_assert_eq!(*two, <[u8; 32]>::from(sha2::Sha256::digest(unit.concat())));
            }
        }
    }

    #[test]
    fn every_length_around_a_block_is_padded_rightly() {
        let bytes = [0x5A; 200];
        for len in 0..bytes.len() {
            let runs = [&bytes[..len / 3], &bytes[len / 3..len]];
            let runs = || std::iter::once(runs.as_slice());
            let (one, two) = (sha1::Sha1::digest(&bytes[..len]), sha2::Sha256::digest(&bytes[..len]));
            assert_eq!(hash::<Sha1>(runs()), [<[u8; 20]>::from(one)], "{len} bytes");
            assert_eq!(hash::<Sha256>(runs()), [<[u8; 32]>::from(two)], "{len} bytes");
        }
    }
}
