//! The DHT (BEP 5, 32) and local discovery (BEP 14): messages from any bytes, and conversations.
//!
//! Script: a byte of options; with bit 0 set, one datagram; else datagrams of `shared::hearsay`.

#![no_main]

use libfuzzer_sys::fuzz_target;
use peerproof::stages::hearsay::dht::Message;
use peerproof::stages::hearsay::lsd::Search;
use shared::{Cursor, hearsay};

fuzz_target!(|data: &[u8]| {
    let mut input = Cursor(data);
    let options = input.u8();
    if options & 1 == 0 {
        return hearsay::listen(&mut input, options);
    }
    match Message::parse(input.0) {
        Ok(Some(Message::Answer { values, token, counts, .. })) => {
            hearsay::check_list(&values);
            assert!(token.is_some() || !values.is_empty() || !counts.is_empty(), "an answer that says nothing");
        }
        Ok(Some(Message::Sample { info_hashes })) => {
            assert!(!info_hashes.is_empty() && info_hashes.is_sorted() && info_hashes.len() * 20 <= input.0.len());
        }
        Ok(Some(Message::AnnouncePeer { info_hash, .. } | Message::GetPeers { info_hash, .. })) => {
            assert!(input.0.windows(20).any(|bytes| bytes == info_hash), "a hash that is not in the datagram");
        }
        Ok(None) | Err(_) => {}
    }
    if let Some(search) = Search::parse(input.0) {
        assert!(search.port != 0 && !search.info_hashes.is_empty());
    }
});
