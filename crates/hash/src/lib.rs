//! SHA-1 and SHA-256 of many messages at once.
//!
//! One stream of either hash is a chain of steps that each wait for the one before, so it leaves most of a core idle.
//! Pieces of a torrent are independent messages of equal length: an [`Engine`] works on several of them in the same
//! instructions.
//!
//! ```text
//! Message (slices) --Cursor--> blocks of every lane --Kernel--> states --> digests
//! ```
//!
//! | engine | what it needs | messages at a time |
//! |---|---|---|
//! | `avx512` | AVX-512F and BW | 16 in vectors; what is left over as `shani` or `portable` |
//! | `shani` | the SHA extensions of x86-64 | 3 that take turns |
//! | `avx2` | AVX2 | 8 in vectors |
//! | `armv8` | the SHA-2 extension of ARMv8 | 3 that take turns |
//! | `neon` | an ARMv8 processor | 4 in vectors |
//! | `portable` | nothing | 1 |
//!
//! [`chosen`] is the fastest engine that this processor has, or the one that the environment names. Every engine gives
//! the same digests; one that fails known answers on this machine is never offered.
//!
//! A message is a list of slices and is read where it lies: only blocks that straddle slices are copied, a few hundred
//! bytes at a time.
//!
//! # `unsafe`
//!
//! It stands in the modules of the vector engines alone, and in `load_ahead`. Each instruction set has a token that is made
//! only where the processor has it; every `unsafe` block rests on a token, or on the bounds of a slice.

#![deny(missing_docs, rustdoc::broken_intra_doc_links, clippy::undocumented_unsafe_blocks)]
#![deny(unsafe_op_in_unsafe_fn)]

mod cursor;
mod engine;
mod load_ahead;
mod message;
mod scalar;
mod turns;
mod vector;

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod neon;

pub use engine::{Engine, Unavailable, VARIABLE, chosen, engines};
pub use message::Message;

/// Bytes that both hashes take at a time (FIPS 180-4).
const BLOCK: usize = 64;

/// One of them.
type Block = [u8; BLOCK];

/// Words of the state of SHA-1.
const SHA1: usize = 5;

/// Words of the state of SHA-256.
const SHA256: usize = 8;

/// The state of SHA-1 before the first block (FIPS 180-4, section 5.3.1).
const SHA1_INITIAL: [u32; SHA1] = [0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476, 0xC3D2_E1F0];

/// The state of SHA-256 before the first block (FIPS 180-4, section 5.3.3).
const SHA256_INITIAL: [u32; SHA256] =
    [0x6A09_E667, 0xBB67_AE85, 0x3C6E_F372, 0xA54F_F53A, 0x510E_527F, 0x9B05_688C, 0x1F83_D9AB, 0x5BE0_CD19];
