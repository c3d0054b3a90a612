//! HTTP webseeds (BEP 17, 19): framing, ranges, multipart and chunked bodies, and their place in a torrent.
//!
//! Script: the direction of the requests; then the items of `shared::items`.

#![no_main]

use libfuzzer_sys::fuzz_target;
use peerproof::Limits;
use peerproof::stages::stream::StreamItem;
use peerproof::stages::webseed::{HttpExchange, WebEvent, identify, sniff};
use shared::{Cursor, check_items, direction, items, run, torrents};

fuzz_target!(|data: &[u8]| {
    let mut input = Cursor(data);
    let options = input.u8();
    let limits = if options & 2 == 0 { Limits::default() } else { run::tight() };
    let client = direction(options);
    let mut exchange = HttpExchange::new(client, &limits);
    let (mut out, mut captured) = (Vec::new(), 0_u64);
    let items = items(&mut input);
    for way in 0..2 {
        check_items(items.iter().filter(|(one, _)| one.index() == way).map(|(_, item)| *item), true);
    }
    for (way, item) in &items {
        if let StreamItem::Data { bytes, .. } = item {
            sniff(bytes);
            captured += if *way == client { 0 } else { bytes.len() as u64 };
        }
        exchange.push(*way, item, &mut out);
    }
    exchange.close(&mut out);
    let (mut end, mut held) = (0, 0_u64);
    for event in &out {
        let WebEvent::Body(part) = event else { continue };
        assert!(part.offset >= end, "a part that goes back: {part:?}");
        end = part.offset + u64::from(part.len);
        assert!((1..=65_536).contains(&part.len), "{part:?}");
        let mut from = 0;
        for slice in &part.slices {
            assert!(slice.start >= from && !slice.bytes.is_empty(), "{part:?}");
            from = slice.start + slice.bytes.len() as u32;
            held += slice.bytes.len() as u64;
        }
        assert!(from <= part.len && part.first_byte.checked_add(u64::from(part.len)).is_some(), "{part:?}");
        for candidate in identify(part.request.as_deref(), part.total, &torrents::GIVEN) {
            let torrent = torrents::GIVEN.torrent(candidate.torrent);
            for block in candidate.blocks(torrent, part) {
                assert!(torrent.place(block.piece, block.begin, block.len).is_ok(), "{block:?}");
                let mut from = 0;
                for run in &block.runs {
                    assert!(run.start >= from && !run.bytes.is_empty(), "{block:?}");
                    from = run.start + run.bytes.len() as u32;
                }
                assert!(from <= block.captured_to && block.captured_to <= block.len, "{block:?}");
            }
        }
    }
    assert!(held <= captured, "more body than bytes");
});
