//! Trackers over UDP (BEP 15, 41), HTTP (BEP 3, 7, 23, 48) and WebSockets: who is named, and who is confirmed.
//!
//! Script: a byte of options; with bit 0 set, the target of a request and the body of an answer, each with its length;
//! else datagrams of `shared::hearsay`.

#![no_main]

use libfuzzer_sys::fuzz_target;
use peerproof::stages::hearsay::http_tracker::{Announce, Answer, Scrape, Scraped};
use peerproof::stages::hearsay::socket_tracker::Message;
use shared::{Cursor, hearsay};

fuzz_target!(|data: &[u8]| {
    let mut input = Cursor(data);
    let options = input.u8();
    if options & 1 == 0 {
        return hearsay::listen(&mut input, options);
    }
    let target = input.block();
    if let Ok(Some(announce)) = Announce::parse(target) {
        hearsay::check_list(&announce.named);
        assert!(target.len() >= 20 + "?info_hash=&port=0".len(), "an announce of nothing");
    }
    let body = input.block();
    let _ = Scrape::parse(target);
    if let Ok(Some(scraped)) = Scraped::parse(body) {
        assert!(
            scraped.swarms.is_sorted_by_key(|(info_hash, _)| *info_hash) && scraped.swarms.len() * 20 <= body.len(),
            "more swarms than bytes"
        );
    }
    if let Ok(Some(Message::Announce { named, .. })) = Message::parse(body) {
        hearsay::check_list(&named);
    }
    if let Ok(Some(answer)) = Answer::parse(body) {
        hearsay::check_list(&answer.peers);
        // The shortest entry of a list is 6 bytes, compact.
        assert!(answer.peers.peers.len() * 6 <= body.len(), "more addresses than bytes");
    }
});
