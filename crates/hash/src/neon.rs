//! Vectors of four words: NEON.
//!
//! # SAFETY contract
//!
//! A [`Neon`] is made by [`Neon::detect`] alone, where the processor has NEON: its methods may use its instructions.

#![allow(unsafe_code)]

use std::arch::aarch64::*;

use crate::vector::{Vector, sha1, sha256};
use crate::{Block, SHA1, SHA256};

/// The processor has NEON.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Neon(());

impl Neon {
    pub(crate) fn detect() -> Option<Self> {
        std::arch::is_aarch64_feature_detected!("neon").then_some(Self(()))
    }
}

#[target_feature(enable = "neon")]
fn compiled_sha1(token: Neon, states: &mut [[u32; 4]; SHA1], blocks: [&[Block]; 4]) {
    sha1(token, states, blocks);
}

#[target_feature(enable = "neon")]
fn compiled_sha256(token: Neon, states: &mut [[u32; 4]; SHA256], blocks: [&[Block]; 4]) {
    sha256(token, states, blocks);
}

/// Words of each message as vectors of one word of all: rows become columns.
#[inline(always)]
fn transpose(_: Neon, [a, b, c, d]: [uint32x4_t; 4]) -> [uint32x4_t; 4] {
    // SAFETY: the module's contract: there is a token.
    unsafe {
        let even = (vreinterpretq_u64_u32(vtrn1q_u32(a, b)), vreinterpretq_u64_u32(vtrn1q_u32(c, d)));
        let odd = (vreinterpretq_u64_u32(vtrn2q_u32(a, b)), vreinterpretq_u64_u32(vtrn2q_u32(c, d)));
        [
            vreinterpretq_u32_u64(vtrn1q_u64(even.0, even.1)),
            vreinterpretq_u32_u64(vtrn1q_u64(odd.0, odd.1)),
            vreinterpretq_u32_u64(vtrn2q_u64(even.0, even.1)),
            vreinterpretq_u32_u64(vtrn2q_u64(odd.0, odd.1)),
        ]
    }
}

impl Vector<4> for Neon {
    type V = uint32x4_t;

    #[inline(always)]
    fn load(self, words: &[u32; 4]) -> uint32x4_t {
        // SAFETY: the module's contract; 16 bytes are behind the reference.
        unsafe { vld1q_u32(words.as_ptr()) }
    }

    #[inline(always)]
    fn store(self, vector: uint32x4_t) -> [u32; 4] {
        let mut words = [0; 4];
        // SAFETY: the module's contract; `words` has room for 16 bytes.
        unsafe { vst1q_u32(words.as_mut_ptr(), vector) };
        words
    }

    #[inline(always)]
    fn splat(self, word: u32) -> uint32x4_t {
        // SAFETY: the module's contract.
        unsafe { vdupq_n_u32(word) }
    }

    #[inline(always)]
    fn add(self, a: uint32x4_t, b: uint32x4_t) -> uint32x4_t {
        // SAFETY: the module's contract.
        unsafe { vaddq_u32(a, b) }
    }

    #[inline(always)]
    fn xor(self, a: uint32x4_t, b: uint32x4_t) -> uint32x4_t {
        // SAFETY: the module's contract.
        unsafe { veorq_u32(a, b) }
    }

    #[inline(always)]
    fn xor3(self, a: uint32x4_t, b: uint32x4_t, c: uint32x4_t) -> uint32x4_t {
        self.xor(self.xor(a, b), c)
    }

    #[inline(always)]
    fn choose(self, a: uint32x4_t, b: uint32x4_t, c: uint32x4_t) -> uint32x4_t {
        // SAFETY: the module's contract.
        unsafe { vbslq_u32(a, b, c) }
    }

    #[inline(always)]
    fn majority(self, a: uint32x4_t, b: uint32x4_t, c: uint32x4_t) -> uint32x4_t {
        // Where two agree, theirs; else the third decides.
        self.choose(self.xor(a, b), c, b)
    }

    #[inline(always)]
    fn rotate<const LEFT: i32, const RIGHT: i32>(self, a: uint32x4_t) -> uint32x4_t {
        // SAFETY: the module's contract.
        unsafe { vsriq_n_u32::<RIGHT>(vshlq_n_u32::<LEFT>(a), a) }
    }

    #[inline(always)]
    fn shift_right<const BITS: i32>(self, a: uint32x4_t) -> uint32x4_t {
        // SAFETY: the module's contract.
        unsafe { vshrq_n_u32::<BITS>(a) }
    }

    #[inline(always)]
    fn words(self, blocks: [&Block; 4]) -> [uint32x4_t; 16] {
        let mut words = [self.splat(0); 16];
        for (quarter, words) in words.as_chunks_mut::<4>().0.iter_mut().enumerate() {
            let mut rows = [self.splat(0); 4];
            for (row, block) in rows.iter_mut().zip(blocks) {
                // SAFETY: the module's contract; a block has four quarters of 16 bytes.
                *row = unsafe { vreinterpretq_u32_u8(vrev32q_u8(vld1q_u8(block.as_ptr().add(16 * quarter)))) };
            }
            *words = transpose(self, rows);
        }
        words
    }

    fn enter_sha1(self, states: &mut [[u32; 4]; SHA1], blocks: [&[Block]; 4]) {
        // SAFETY: the module's contract: the feature is there.
        unsafe { compiled_sha1(self, states, blocks) }
    }

    fn enter_sha256(self, states: &mut [[u32; 4]; SHA256], blocks: [&[Block]; 4]) {
        // SAFETY: the module's contract: the feature is there.
        unsafe { compiled_sha256(self, states, blocks) }
    }
}
