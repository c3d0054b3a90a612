//! Info dictionaries rebuilt from pieces: right ones, wrong ones, any bytes, in any order and of any size.
//!
//! Script: pieces: control, index, size, sender, length and (where it is no true piece) bytes.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use peerproof::ends::{Endpoint, Span, Transport};
use peerproof::stages::metadata::{MetadataStore, Way};
use sha1::Digest;
use shared::{Cursor, at};

fuzz_target!(|data: &[u8]| {
    let mut input = Cursor(data);
    let mut store = MetadataStore::default();
    let mut number = 0;
    while !input.is_empty() {
        number += 1;
        let control = input.u8();
        let info = &INFOS[usize::from(control & 1)];
        let hash = if control & 0x10 == 0 { hash(info) } else { [control; 20] };
        let piece = u32::from(input.u8());
        let piece = if piece == 255 { input.u32() } else { piece & 7 };
        let size = match control >> 1 & 3 {
            0 => None,
            1 => Some(info.len() as u64),
            2 => Some(u64::from(input.u16())),
            _ => Some(u64::MAX - u64::from(input.u8())),
        };
        let peer = |n: u8| Endpoint { ip: [192, 0, 2, n].into(), port: 6_881 };
        let ends = input.u8();
        let way = Way { from: peer(ends & 3), to: peer(8 | ends >> 7), transport: Transport::Tcp };
        let payload = if control & 8 == 0 {
            let chunk = info.chunks(16_384).nth(piece as usize).unwrap_or_default();
            chunk.to_vec()
        } else {
            // Long pieces need few bytes of script.
            let (len, bytes) = (usize::from(input.u16()), input.take(4));
            bytes.iter().copied().cycle().take(if bytes.is_empty() { 0 } else { len & 0x7fff }).collect()
        };
        store.push(hash, piece, size, &payload, way, Span::single(at(number)));
        if control & 0x80 != 0 {
            for rebuilt in store.complete() {
                assert_eq!(self::hash(&rebuilt.info), rebuilt.info_hash);
            }
        }
    }
    let harvest = store.finish();
    for rebuilt in &harvest.rebuilt {
        assert_eq!(hash(&rebuilt.info), rebuilt.info_hash);
        assert!(!rebuilt.contributors.is_empty());
        let sent = |from| rebuilt.contributors.iter().any(|part| part.way.from == from && part.span().is_some());
        assert!(rebuilt.whole_from.iter().all(|(from, _)| sent(*from)), "{rebuilt:?}");
        assert!(!harvest.unfinished.contains(&rebuilt.info_hash));
    }
});

fn hash(info: &[u8]) -> [u8; 20] {
    sha1::Sha1::digest(info).into()
}

/// One of three pieces, one of one.
static INFOS: LazyLock<[Vec<u8>; 2]> = LazyLock::new(|| {
    let text = |len: usize| (0..len).map(|at| (at * 7 + at / 251) as u8).collect();
    [text(2 * 16_384 + 1_000), text(700)]
});
