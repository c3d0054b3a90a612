//! Both hashes over vectors: word `n` of every vector belongs to message `n` (FIPS 180-4, section 6).

use std::fmt;

use crate::engine::Kernel;
use crate::{Block, SHA1, SHA256};

/// The token of an instruction set with vectors of `N` words: whoever has one may use it.
///
/// Everything but the last two is inlined into those, which are compiled for the instruction set.
pub(crate) trait Vector<const N: usize>: Copy + fmt::Debug + Send + Sync {
    /// `N` words.
    type V: Copy;

    fn load(self, words: &[u32; N]) -> Self::V;
    fn store(self, vector: Self::V) -> [u32; N];
    fn splat(self, word: u32) -> Self::V;
    fn add(self, a: Self::V, b: Self::V) -> Self::V;
    fn xor(self, a: Self::V, b: Self::V) -> Self::V;
    fn xor3(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// Bits of `b` where `a` has ones, else of `c`.
    fn choose(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// Bits that at least two have.
    fn majority(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// Rotates by `LEFT` bits to the left, which is `RIGHT` to the right: `LEFT + RIGHT == 32`.
    fn rotate<const LEFT: i32, const RIGHT: i32>(self, a: Self::V) -> Self::V;
    fn shift_right<const BITS: i32>(self, a: Self::V) -> Self::V;
    /// The words of a block of each message.
    fn words(self, blocks: [&Block; N]) -> [Self::V; 16];

    /// [`sha1`] for this instruction set.
    fn enter_sha1(self, states: &mut [[u32; N]; SHA1], blocks: [&[Block]; N]);
    /// [`sha256`] for this instruction set.
    fn enter_sha256(self, states: &mut [[u32; N]; SHA256], blocks: [&[Block]; N]);
}

/// Hashes `N` messages in vectors.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Vectors<T, const N: usize>(pub(crate) T);

/// The states of `N` messages: word by word, as vectors hold them.
#[derive(Debug)]
#[repr(align(64))]
pub(crate) struct States<const W: usize, const N: usize>([[u32; N]; W]);

impl<const W: usize, const N: usize> Default for States<W, N> {
    fn default() -> Self {
        Self([[0; N]; W])
    }
}

impl<const W: usize, const N: usize> States<W, N> {
    fn put(&mut self, lane: usize, state: &[u32; W]) {
        for (words, word) in self.0.iter_mut().zip(state) {
            if let Some(here) = words.get_mut(lane) {
                *here = *word;
            }
        }
    }

    fn get(&self, lane: usize) -> [u32; W] {
        self.0.map(|words| words.get(lane).copied().unwrap_or(0))
    }
}

impl<T: Vector<N>, const N: usize> Kernel<SHA1> for Vectors<T, N> {
    const LANES: usize = N;
    type States = States<SHA1, N>;

    fn put(states: &mut Self::States, lane: usize, state: &[u32; SHA1]) {
        states.put(lane, state);
    }

    fn get(states: &Self::States, lane: usize) -> [u32; SHA1] {
        states.get(lane)
    }

    #[inline]
    fn compress(self, states: &mut Self::States, blocks: &[&[Block]]) {
        let blocks = blocks.try_into().expect("a kernel is given as many slices of blocks as it has lanes");
        self.0.enter_sha1(&mut states.0, blocks);
    }
}

impl<T: Vector<N>, const N: usize> Kernel<SHA256> for Vectors<T, N> {
    const LANES: usize = N;
    type States = States<SHA256, N>;

    fn put(states: &mut Self::States, lane: usize, state: &[u32; SHA256]) {
        states.put(lane, state);
    }

    fn get(states: &Self::States, lane: usize) -> [u32; SHA256] {
        states.get(lane)
    }

    #[inline]
    fn compress(self, states: &mut Self::States, blocks: &[&[Block]]) {
        let blocks = blocks.try_into().expect("a kernel is given as many slices of blocks as it has lanes");
        self.0.enter_sha256(&mut states.0, blocks);
    }
}

/// The block `number` of each message; `None` behind the end of any.
#[inline(always)]
fn row<'a, const N: usize>(blocks: &[&'a [Block]; N], number: usize) -> Option<[&'a Block; N]> {
    let mut row = [const { &[0; crate::BLOCK] }; N];
    for (to, from) in row.iter_mut().zip(blocks) {
        *to = from.get(number)?;
    }
    Some(row)
}

/// Repeats a step for each number, each time with a constant: what is indexed by it stays in registers.
macro_rules! steps {
    ($step:ident: $($number:literal)*) => { $($step!($number);)* };
}

/// Takes as many blocks of each message as all have (section 6.1.2).
#[inline(always)]
pub(crate) fn sha1<T: Vector<N>, const N: usize>(t: T, states: &mut [[u32; N]; SHA1], blocks: [&[Block]; N]) {
    let [a0, b0, c0, d0, e0] = states;
    let (mut a0, mut b0, mut c0, mut d0, mut e0) = (t.load(a0), t.load(b0), t.load(c0), t.load(d0), t.load(e0));
    let mut number = 0;
    while let Some(row) = row(&blocks, number) {
        number += 1;
        let mut w = t.words(row);
        let (mut a, mut b, mut c, mut d, mut e) = (a0, b0, c0, d0, e0);
        let mut k = t.splat(0x5A82_7999);
        macro_rules! round {
            ($mix:expr, $n:literal) => {
                let sum = t.add(t.add(e, k), w[$n & 15]);
                let sum = t.add(t.add(sum, $mix), t.rotate::<5, 27>(a));
                (a, b, c, d, e) = (sum, a, t.rotate::<30, 2>(b), c, d);
            };
        }
        macro_rules! schedule {
            ($n:literal) => {
                let mixed = t.xor3(w[($n + 13) & 15], w[($n + 8) & 15], w[($n + 2) & 15]);
                w[$n & 15] = t.rotate::<1, 31>(t.xor(mixed, w[$n & 15]));
            };
        }
        macro_rules! first {
            ($n:literal) => {
                round!(t.choose(b, c, d), $n);
            };
        }
        macro_rules! choose {
            ($n:literal) => {
                schedule!($n);
                round!(t.choose(b, c, d), $n);
            };
        }
        macro_rules! parity {
            ($n:literal) => {
                schedule!($n);
                round!(t.xor3(b, c, d), $n);
            };
        }
        macro_rules! majority {
            ($n:literal) => {
                schedule!($n);
                round!(t.majority(b, c, d), $n);
            };
        }
        steps!(first: 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
        steps!(choose: 16 17 18 19);
        k = t.splat(0x6ED9_EBA1);
        steps!(parity: 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36 37 38 39);
        k = t.splat(0x8F1B_BCDC);
        steps!(majority: 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59);
        k = t.splat(0xCA62_C1D6);
        steps!(parity: 60 61 62 63 64 65 66 67 68 69 70 71 72 73 74 75 76 77 78 79);
        (a0, b0, c0) = (t.add(a0, a), t.add(b0, b), t.add(c0, c));
        (d0, e0) = (t.add(d0, d), t.add(e0, e));
    }
    *states = [t.store(a0), t.store(b0), t.store(c0), t.store(d0), t.store(e0)];
}

/// Takes as many blocks of each message as all have (section 6.2.2).
#[inline(always)]
pub(crate) fn sha256<T: Vector<N>, const N: usize>(t: T, states: &mut [[u32; N]; SHA256], blocks: [&[Block]; N]) {
    let [a0, b0, c0, d0, e0, f0, g0, h0] = states;
    let (mut a0, mut b0, mut c0, mut d0) = (t.load(a0), t.load(b0), t.load(c0), t.load(d0));
    let (mut e0, mut f0, mut g0, mut h0) = (t.load(e0), t.load(f0), t.load(g0), t.load(h0));
    let mut number = 0;
    while let Some(row) = row(&blocks, number) {
        number += 1;
        let mut w = t.words(row);
        let (mut a, mut b, mut c, mut d) = (a0, b0, c0, d0);
        let (mut e, mut f, mut g, mut h) = (e0, f0, g0, h0);
        macro_rules! round {
            ($n:literal) => {
                let sum = t.add(t.add(h, t.splat(K[$n])), w[$n & 15]);
                let turned = t.xor3(t.rotate::<26, 6>(e), t.rotate::<21, 11>(e), t.rotate::<7, 25>(e));
                let sum = t.add(t.add(sum, t.choose(e, f, g)), turned);
                let turned = t.xor3(t.rotate::<30, 2>(a), t.rotate::<19, 13>(a), t.rotate::<10, 22>(a));
                let other = t.add(t.majority(a, b, c), turned);
                (a, b, c, d, e, f, g, h) = (t.add(sum, other), a, b, c, t.add(d, sum), e, f, g);
            };
        }
        macro_rules! later {
            ($n:literal) => {
                let (one, two) = (w[($n + 1) & 15], w[($n + 14) & 15]);
                let one = t.xor3(t.rotate::<25, 7>(one), t.rotate::<14, 18>(one), t.shift_right::<3>(one));
                let two = t.xor3(t.rotate::<15, 17>(two), t.rotate::<13, 19>(two), t.shift_right::<10>(two));
                w[$n & 15] = t.add(t.add(w[$n & 15], w[($n + 9) & 15]), t.add(one, two));
                round!($n);
            };
        }
        steps!(round: 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
        steps!(later: 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31);
        steps!(later: 32 33 34 35 36 37 38 39 40 41 42 43 44 45 46 47);
        steps!(later: 48 49 50 51 52 53 54 55 56 57 58 59 60 61 62 63);
        (a0, b0, c0, d0) = (t.add(a0, a), t.add(b0, b), t.add(c0, c), t.add(d0, d));
        (e0, f0, g0, h0) = (t.add(e0, e), t.add(f0, f), t.add(g0, g), t.add(h0, h));
    }
    *states =
        [t.store(a0), t.store(b0), t.store(c0), t.store(d0), t.store(e0), t.store(f0), t.store(g0), t.store(h0)];
}

/// The constants of SHA-256 (section 4.2.2).
#[rustfmt::skip]
const K: [u32; 64] = [
    0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5, 0x3956_c25b, 0x59f1_11f1, 0x923f_82a4, 0xab1c_5ed5,
    0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3, 0x72be_5d74, 0x80de_b1fe, 0x9bdc_06a7, 0xc19b_f174,
    0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc, 0x2de9_2c6f, 0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da,
    0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7, 0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967,
    0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc, 0x5338_0d13, 0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85,
    0xa2bf_e8a1, 0xa81a_664b, 0xc24b_8b70, 0xc76c_51a3, 0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070,
    0x19a4_c116, 0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5, 0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3,
    0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208, 0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7, 0xc671_78f2,
];
