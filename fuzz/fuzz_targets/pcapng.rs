//! pcapng files: sections, interfaces, blocks and options.

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

const MAGICS: [&[u8]; 1] = [&[0x0a, 0x0d, 0x0d, 0x0a]];
