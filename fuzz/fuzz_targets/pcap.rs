//! pcap files of every magic, byte order and resolution.

#![no_main]

use libfuzzer_sys::{Corpus, fuzz_target};
use shared::run::walk;

fuzz_target!(|data: &[u8]| -> Corpus {
    // Anything else is another target's: kept out of the corpus.
    if !MAGICS.iter().any(|magic| data.starts_with(magic)) {
        return Corpus::Reject;
    }
    walk(&[data]);
    Corpus::Keep
});

const MAGICS: [&[u8]; 6] = [
    &[0xa1, 0xb2, 0xc3, 0xd4],
    &[0xd4, 0xc3, 0xb2, 0xa1],
    &[0xa1, 0xb2, 0x3c, 0x4d],
    &[0x4d, 0x3c, 0xb2, 0xa1],
    &[0xa1, 0xb2, 0xcd, 0x34],
    &[0x34, 0xcd, 0xb2, 0xa1],
];
