//! The hash engines of this machine: the same digests as the `sha1` and `sha2` crates, for messages of any lengths, cut
//! anywhere.
//!
//! Script: messages of slices, each with a byte that says whether it ends its message, and its length.

#![no_main]

use libfuzzer_sys::fuzz_target;
use peerproof_hash::{Message, engines};
use sha2::Digest;
use shared::Cursor;

fuzz_target!(|data: &[u8]| {
    let mut input = Cursor(data);
    let (mut messages, mut runs) = (Vec::new(), Vec::new());
    while !input.is_empty() {
        let ends = input.u8() & 1 == 1;
        runs.push(input.block());
        if ends || input.is_empty() {
            messages.push(std::mem::take(&mut runs));
        }
    }
    let whole: Vec<Vec<u8>> = messages.iter().map(|runs| runs.concat()).collect();
    let sha1: Vec<[u8; 20]> = whole.iter().map(|bytes| sha1::Sha1::digest(bytes).into()).collect();
    let sha256: Vec<[u8; 32]> = whole.iter().map(|bytes| sha2::Sha256::digest(bytes).into()).collect();
    let messages: Vec<Message<'_>> = messages.iter().map(|runs| Message::new(runs)).collect();
    for engine in engines() {
        assert!(engine.sha1(&messages) == sha1, "{} differs", engine.name());
        assert!(engine.sha256(&messages) == sha256, "{} differs", engine.name());
    }
});
