//! SHA-1 of several units at once on one core.
//!
//! Each step of SHA-1 waits for the one before, so one unit leaves most of a core idle. Here the units take turns,
//! block by block: the processor works on all of them at the same time, without a thread or an instruction more.

use sha1::block_api::compress;

/// One unit on its way.
#[derive(Debug)]
pub(super) struct Lane<'a> {
    state: [u32; 5],
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

impl<'a> Lane<'a> {
    /// A unit whose runs concatenate to its bytes.
    pub(super) fn new(runs: &'a [&'a [u8]]) -> Self {
        Self { state: INITIAL, runs: runs.iter(), run: &[], held: [0; BLOCK], filled: 0, hashed: 0 }
    }

    /// Hashes the next whole block; `false` when there is none.
    #[inline]
    fn step(&mut self) -> bool {
        let block = match self.run.split_first_chunk::<BLOCK>() {
            Some((block, rest)) => {
                self.run = rest;
                block
            }
            None if self.gather() => &self.held,
            None => return false,
        };
        compress(&mut self.state, std::slice::from_ref(block));
        self.hashed += BLOCK as u64;
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
    fn finish(mut self) -> [u8; 20] {
        let bits = (self.hashed + self.filled as u64) * 8;
        let mut tail = [0; 2 * BLOCK];
        let len = if self.filled < BLOCK - 8 { BLOCK } else { 2 * BLOCK };
        for (to, from) in tail.iter_mut().zip(self.held.iter().take(self.filled).chain(&[0x80])) {
            *to = *from;
        }
        for (to, from) in tail.iter_mut().take(len).rev().zip(bits.to_be_bytes().iter().rev()) {
            *to = *from;
        }
        let (blocks, _) = tail.as_chunks::<BLOCK>();
        blocks.iter().take(len / BLOCK).for_each(|block| compress(&mut self.state, std::slice::from_ref(block)));
        let mut digest = [0; 20];
        for (to, word) in digest.as_chunks_mut::<4>().0.iter_mut().zip(self.state) {
            *to = word.to_be_bytes();
        }
        digest
    }
}

/// SHA-1 of each unit.
pub(super) fn sha1(mut lanes: Vec<Lane<'_>>) -> Vec<[u8; 20]> {
    // Without short-circuit: every lane takes its turn.
    while lanes.iter_mut().fold(false, |any, lane| lane.step() | any) {}
    lanes.into_iter().map(Lane::finish).collect()
}

/// Bytes that SHA-1 takes at a time.
const BLOCK: usize = 64;
/// FIPS 180-4, section 5.3.1.
const INITIAL: [u32; 5] = [0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476, 0xC3D2_E1F0];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sha1::{Digest, Sha1};

    use super::*;

    proptest! {
        #[test]
        fn units_cut_anywhere_hash_as_they_do_alone(
            units in prop::collection::vec(prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..8), 3)
        ) {
            let runs: Vec<Vec<&[u8]>> = units.iter().map(|unit| unit.iter().map(Vec::as_slice).collect()).collect();
            let [one, two, three] = runs.as_slice() else { return Ok(()) };
            let digests = sha1(vec![Lane::new(one), Lane::new(two), Lane::new(three)]);
            for (digest, unit) in digests.iter().zip(&units) {
                prop_assert_eq!(*digest, <[u8; 20]>::from(Sha1::digest(unit.concat())));
            }
        }
    }

    #[test]
    fn every_length_around_a_block_is_padded_rightly() {
        let bytes = [0x5A; 200];
        for len in 0..bytes.len() {
            let runs = [&bytes[..len / 3], &bytes[len / 3..len]];
            assert_eq!(
                sha1(vec![Lane::new(&runs)]),
                [<[u8; 20]>::from(Sha1::digest(&bytes[..len]))],
                "{len} bytes"
            );
        }
    }
}
