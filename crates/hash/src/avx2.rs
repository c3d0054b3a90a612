//! Vectors of eight words: AVX2.
//!
//! # SAFETY contract
//!
//! An [`Avx2`] is made by [`Avx2::detect`] alone, where the processor has AVX2: its methods may use its instructions.

#![allow(unsafe_code)]

use std::arch::x86_64::*;

use crate::vector::{Vector, sha1, sha256};
use crate::{Block, SHA1, SHA256};

/// The processor has AVX2.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Avx2(());

impl Avx2 {
    pub(crate) fn detect() -> Option<Self> {
        is_x86_feature_detected!("avx2").then_some(Self(()))
    }
}

#[target_feature(enable = "avx2")]
fn compiled_sha1(token: Avx2, states: &mut [[u32; 8]; SHA1], blocks: [&[Block]; 8]) {
    sha1(token, states, blocks);
}

#[target_feature(enable = "avx2")]
fn compiled_sha256(token: Avx2, states: &mut [[u32; 8]; SHA256], blocks: [&[Block]; 8]) {
    sha256(token, states, blocks);
}

/// Words of each message as vectors of one word of all: rows become columns.
#[inline(always)]
fn transpose(_: Avx2, rows: [__m256i; 8]) -> [__m256i; 8] {
    let (mut pairs, mut fours, mut words) = (rows, rows, rows);
    // SAFETY: the module's contract: there is a token.
    unsafe {
        for n in 0..4 {
            pairs[2 * n] = _mm256_unpacklo_epi32(rows[2 * n], rows[2 * n + 1]);
            pairs[2 * n + 1] = _mm256_unpackhi_epi32(rows[2 * n], rows[2 * n + 1]);
        }
        // Word 4 h + j of rows 4 i to 4 i + 3 in half h of vector 4 i + j.
        for n in 0..2 {
            fours[4 * n] = _mm256_unpacklo_epi64(pairs[4 * n], pairs[4 * n + 2]);
            fours[4 * n + 1] = _mm256_unpackhi_epi64(pairs[4 * n], pairs[4 * n + 2]);
            fours[4 * n + 2] = _mm256_unpacklo_epi64(pairs[4 * n + 1], pairs[4 * n + 3]);
            fours[4 * n + 3] = _mm256_unpackhi_epi64(pairs[4 * n + 1], pairs[4 * n + 3]);
        }
        for n in 0..4 {
            words[n] = _mm256_permute2x128_si256::<0x20>(fours[n], fours[4 + n]);
            words[4 + n] = _mm256_permute2x128_si256::<0x31>(fours[n], fours[4 + n]);
        }
    }
    words
}

impl Vector<8> for Avx2 {
    type V = __m256i;

    #[inline(always)]
    fn load(self, words: &[u32; 8]) -> __m256i {
        // SAFETY: the module's contract; 32 bytes are behind the reference, at any alignment.
        unsafe { _mm256_loadu_si256(words.as_ptr().cast()) }
    }

    #[inline(always)]
    fn store(self, vector: __m256i) -> [u32; 8] {
        let mut words = [0; 8];
        // SAFETY: the module's contract; `words` has room for 32 bytes, at any alignment.
        unsafe { _mm256_storeu_si256(words.as_mut_ptr().cast(), vector) };
        words
    }

    #[inline(always)]
    fn splat(self, word: u32) -> __m256i {
        // SAFETY: the module's contract.
        unsafe { _mm256_set1_epi32(word.cast_signed()) }
    }

    #[inline(always)]
    fn add(self, a: __m256i, b: __m256i) -> __m256i {
        // SAFETY: the module's contract.
        unsafe { _mm256_add_epi32(a, b) }
    }

    #[inline(always)]
    fn xor(self, a: __m256i, b: __m256i) -> __m256i {
        // SAFETY: the module's contract.
        unsafe { _mm256_xor_si256(a, b) }
    }

    #[inline(always)]
    fn xor3(self, a: __m256i, b: __m256i, c: __m256i) -> __m256i {
        self.xor(self.xor(a, b), c)
    }

    #[inline(always)]
    fn choose(self, a: __m256i, b: __m256i, c: __m256i) -> __m256i {
        // SAFETY: the module's contract.
        unsafe { _mm256_xor_si256(c, _mm256_and_si256(a, _mm256_xor_si256(b, c))) }
    }

    #[inline(always)]
    fn majority(self, a: __m256i, b: __m256i, c: __m256i) -> __m256i {
        // SAFETY: the module's contract.
        unsafe { _mm256_or_si256(_mm256_and_si256(a, b), _mm256_and_si256(c, _mm256_or_si256(a, b))) }
    }

    #[inline(always)]
    fn rotate<const LEFT: i32, const RIGHT: i32>(self, a: __m256i) -> __m256i {
        // SAFETY: the module's contract.
        unsafe { _mm256_or_si256(_mm256_slli_epi32::<LEFT>(a), _mm256_srli_epi32::<RIGHT>(a)) }
    }

    #[inline(always)]
    fn shift_right<const BITS: i32>(self, a: __m256i) -> __m256i {
        // SAFETY: the module's contract.
        unsafe { _mm256_srli_epi32::<BITS>(a) }
    }

    #[inline(always)]
    fn words(self, blocks: [&Block; 8]) -> [__m256i; 16] {
        let (mut front, mut back) = ([self.splat(0); 8], [self.splat(0); 8]);
        for ((front, back), block) in front.iter_mut().zip(&mut back).zip(blocks) {
            // SAFETY: the module's contract; a block has 64 bytes, at any alignment.
            (*front, *back) = unsafe {
                let swap =
                    _mm256_broadcastsi128_si256(_mm_set_epi32(0x0C0D_0E0F, 0x0809_0A0B, 0x0405_0607, 0x0001_0203));
                let bytes: *const __m256i = block.as_ptr().cast();
                (
                    _mm256_shuffle_epi8(_mm256_loadu_si256(bytes), swap),
                    _mm256_shuffle_epi8(_mm256_loadu_si256(bytes.add(1)), swap),
                )
            };
        }
        let [a, b, c, d, e, f, g, h] = transpose(self, front);
        let [i, j, k, l, m, n, o, p] = transpose(self, back);
        [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p]
    }

    fn enter_sha1(self, states: &mut [[u32; 8]; SHA1], blocks: [&[Block]; 8]) {
        // SAFETY: the module's contract: the feature is there.
        unsafe { compiled_sha1(self, states, blocks) }
    }

    fn enter_sha256(self, states: &mut [[u32; 8]; SHA256], blocks: [&[Block]; 8]) {
        // SAFETY: the module's contract: the feature is there.
        unsafe { compiled_sha256(self, states, blocks) }
    }
}
