//! Vectors of one word, which every processor has.

use crate::vector::{Vector, sha1, sha256};
use crate::{Block, SHA1, SHA256};

/// No instruction set at all.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scalar;

impl Vector<1> for Scalar {
    type V = u32;

    #[inline(always)]
    fn load(self, words: &[u32; 1]) -> u32 {
        let [word] = words;
        *word
    }

    #[inline(always)]
    fn store(self, vector: u32) -> [u32; 1] {
        [vector]
    }

    #[inline(always)]
    fn splat(self, word: u32) -> u32 {
        word
    }

    #[inline(always)]
    fn add(self, a: u32, b: u32) -> u32 {
        a.wrapping_add(b)
    }

    #[inline(always)]
    fn xor(self, a: u32, b: u32) -> u32 {
        a ^ b
    }

    #[inline(always)]
    fn xor3(self, a: u32, b: u32, c: u32) -> u32 {
        a ^ b ^ c
    }

    #[inline(always)]
    fn choose(self, a: u32, b: u32, c: u32) -> u32 {
        c ^ (a & (b ^ c))
    }

    #[inline(always)]
    fn majority(self, a: u32, b: u32, c: u32) -> u32 {
        (a & b) | (c & (a | b))
    }

    #[inline(always)]
    fn rotate<const LEFT: i32, const RIGHT: i32>(self, a: u32) -> u32 {
        a.rotate_left(LEFT as u32)
    }

    #[inline(always)]
    fn shift_right<const BITS: i32>(self, a: u32) -> u32 {
        a >> BITS
    }

    #[inline(always)]
    fn words(self, blocks: [&Block; 1]) -> [u32; 16] {
        let [block] = blocks;
        let mut words = [0; 16];
        for (word, bytes) in words.iter_mut().zip(block.as_chunks::<4>().0) {
            *word = u32::from_be_bytes(*bytes);
        }
        words
    }

    fn enter_sha1(self, states: &mut [[u32; 1]; SHA1], blocks: [&[Block]; 1]) {
        sha1(self, states, blocks);
    }

    fn enter_sha256(self, states: &mut [[u32; 1]; SHA256], blocks: [&[Block]; 1]) {
        sha256(self, states, blocks);
    }
}
