//! Vectors of sixteen words: AVX-512.
//!
//! # SAFETY contract
//!
//! An [`Avx512`] is made by [`Avx512::detect`] alone, where the processor has AVX-512F and AVX-512BW: its methods may use
//! the instructions of both.

#![allow(unsafe_code)]

use std::arch::x86_64::*;

use crate::vector::{Vector, sha1, sha256};
use crate::{Block, SHA1, SHA256};

/// The processor has AVX-512F and AVX-512BW.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Avx512(());

impl Avx512 {
    pub(crate) fn detect() -> Option<Self> {
        (is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw")).then_some(Self(()))
    }
}

#[target_feature(enable = "avx512f,avx512bw")]
fn compiled_sha1(token: Avx512, states: &mut [[u32; 16]; SHA1], blocks: [&[Block]; 16]) {
    sha1(token, states, blocks);
}

#[target_feature(enable = "avx512f,avx512bw")]
fn compiled_sha256(token: Avx512, states: &mut [[u32; 16]; SHA256], blocks: [&[Block]; 16]) {
    sha256(token, states, blocks);
}

/// Words of each message as vectors of one word of all: rows become columns.
#[inline(always)]
fn transpose(_: Avx512, rows: [__m512i; 16]) -> [__m512i; 16] {
    let (mut pairs, mut fours, mut words) = (rows, rows, rows);
    // SAFETY: the module's contract: there is a token.
    unsafe {
        for n in 0..8 {
            pairs[2 * n] = _mm512_unpacklo_epi32(rows[2 * n], rows[2 * n + 1]);
            pairs[2 * n + 1] = _mm512_unpackhi_epi32(rows[2 * n], rows[2 * n + 1]);
        }
        // Word 4 q + j of rows 4 i to 4 i + 3 in quarter q of vector 4 i + j.
        for n in 0..4 {
            fours[4 * n] = _mm512_unpacklo_epi64(pairs[4 * n], pairs[4 * n + 2]);
            fours[4 * n + 1] = _mm512_unpackhi_epi64(pairs[4 * n], pairs[4 * n + 2]);
            fours[4 * n + 2] = _mm512_unpacklo_epi64(pairs[4 * n + 1], pairs[4 * n + 3]);
            fours[4 * n + 3] = _mm512_unpackhi_epi64(pairs[4 * n + 1], pairs[4 * n + 3]);
        }
        for n in 0..4 {
            let even = _mm512_shuffle_i32x4::<0x88>(fours[n], fours[4 + n]);
            let odd = _mm512_shuffle_i32x4::<0xDD>(fours[n], fours[4 + n]);
            let even_too = _mm512_shuffle_i32x4::<0x88>(fours[8 + n], fours[12 + n]);
            let odd_too = _mm512_shuffle_i32x4::<0xDD>(fours[8 + n], fours[12 + n]);
            words[n] = _mm512_shuffle_i32x4::<0x88>(even, even_too);
            words[4 + n] = _mm512_shuffle_i32x4::<0x88>(odd, odd_too);
            words[8 + n] = _mm512_shuffle_i32x4::<0xDD>(even, even_too);
            words[12 + n] = _mm512_shuffle_i32x4::<0xDD>(odd, odd_too);
        }
    }
    words
}

impl Vector<16> for Avx512 {
    type V = __m512i;

    #[inline(always)]
    fn load(self, words: &[u32; 16]) -> __m512i {
        // SAFETY: the module's contract; 64 bytes are behind the reference, at any alignment.
        unsafe { _mm512_loadu_si512(words.as_ptr().cast()) }
    }

    #[inline(always)]
    fn store(self, vector: __m512i) -> [u32; 16] {
        let mut words = [0; 16];
        // SAFETY: the module's contract; `words` has room for 64 bytes, at any alignment.
        unsafe { _mm512_storeu_si512(words.as_mut_ptr().cast(), vector) };
        words
    }

    #[inline(always)]
    fn splat(self, word: u32) -> __m512i {
        // SAFETY: the module's contract.
        unsafe { _mm512_set1_epi32(word.cast_signed()) }
    }

    #[inline(always)]
    fn add(self, a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: the module's contract.
        unsafe { _mm512_add_epi32(a, b) }
    }

    #[inline(always)]
    fn xor(self, a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: the module's contract.
        unsafe { _mm512_xor_si512(a, b) }
    }

    #[inline(always)]
    fn xor3(self, a: __m512i, b: __m512i, c: __m512i) -> __m512i {
        // SAFETY: the module's contract.
        unsafe { _mm512_ternarylogic_epi32::<0x96>(a, b, c) }
    }

    #[inline(always)]
    fn choose(self, a: __m512i, b: __m512i, c: __m512i) -> __m512i {
        // SAFETY: the module's contract.
        unsafe { _mm512_ternarylogic_epi32::<0xCA>(a, b, c) }
    }

    #[inline(always)]
    fn majority(self, a: __m512i, b: __m512i, c: __m512i) -> __m512i {
        // SAFETY: the module's contract.
        unsafe { _mm512_ternarylogic_epi32::<0xE8>(a, b, c) }
    }

    #[inline(always)]
    fn rotate<const LEFT: i32, const RIGHT: i32>(self, a: __m512i) -> __m512i {
        // SAFETY: the module's contract.
        unsafe { _mm512_rol_epi32::<LEFT>(a) }
    }

    #[inline(always)]
    fn shift_right<const BITS: i32>(self, a: __m512i) -> __m512i {
        // SAFETY: the module's contract.
        unsafe { _mm512_srl_epi32(a, _mm_cvtsi32_si128(BITS)) }
    }

    #[inline(always)]
    fn words(self, blocks: [&Block; 16]) -> [__m512i; 16] {
        let mut rows = [self.splat(0); 16];
        for (row, block) in rows.iter_mut().zip(blocks) {
            // SAFETY: the module's contract; a block has 64 bytes, at any alignment.
            *row = unsafe {
                let swap = _mm512_set4_epi32(0x0C0D_0E0F, 0x0809_0A0B, 0x0405_0607, 0x0001_0203);
                _mm512_shuffle_epi8(_mm512_loadu_si512(block.as_ptr().cast()), swap)
            };
        }
        transpose(self, rows)
    }

    fn enter_sha1(self, states: &mut [[u32; 16]; SHA1], blocks: [&[Block]; 16]) {
        // SAFETY: the module's contract: the features are there.
        unsafe { compiled_sha1(self, states, blocks) }
    }

    fn enter_sha256(self, states: &mut [[u32; 16]; SHA256], blocks: [&[Block]; 16]) {
        // SAFETY: the module's contract: the features are there.
        unsafe { compiled_sha256(self, states, blocks) }
    }
}
