//! The whole pipeline: any bytes as captures, given or any torrents. The figures must balance, and two threads must
//! find what one does.
//!
//! Script: options, torrents given; where asked for, a torrent file; one to three captures, the last one the rest.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::{Corpus, fuzz_target};
use peerproof::{Limits, Secrets, Torrents};
use shared::{Cursor, run, torrents};

fuzz_target!(|data: &[u8]| -> Corpus {
    let mut input = Cursor(data);
    let (options, mask) = (input.u8(), input.u8());
    let limits = if options & 4 == 0 { Limits::default() } else { run::tight() };
    let torrents = if options & 8 == 0 {
        torrents::given(mask)
    } else {
        let file = input.block().to_vec();
        let Ok(torrents) = Torrents::from_bytes(vec![("input".into(), file)]) else { return Corpus::Reject };
        torrents
    };
    let mut captures: Vec<Vec<u8>> = (0..(options >> 4 & 3).min(2)).map(|_| input.block().to_vec()).collect();
    captures.push(input.0.to_vec());
    // What is compressed goes over the disk: another question, and slow.
    if !captures.iter().all(|bytes| MAGICS.iter().any(|magic| bytes.starts_with(magic))) {
        return Corpus::Reject;
    }
    run::evidence(&captures, &torrents, &NONE, &limits, run::policy(options));
    Corpus::Keep
});

const MAGICS: [&[u8]; 5] = [
    &[0xa1, 0xb2, 0xc3, 0xd4],
    &[0xd4, 0xc3, 0xb2, 0xa1],
    &[0xa1, 0xb2, 0x3c, 0x4d],
    &[0x4d, 0x3c, 0xb2, 0xa1],
    &[0x0a, 0x0d, 0x0d, 0x0a],
];
static NONE: LazyLock<Secrets> = LazyLock::new(Secrets::default);
