//! Message bodies and extension messages, borrowed and owned.
//!
//! Input: the message id, then the body.

#![no_main]

use std::borrow::Cow;

use libfuzzer_sys::fuzz_target;
use peerproof::stages::session::Advertised;
use peerproof::stages::wire::{
    AzureusPex, ExtendedHandshake, Holepunch, LtDontHave, Message, MetadataMessage, PexMessage, UnknownReason,
    client_name, printable,
};
use shared::{Cursor, at};

fuzz_target!(|data: &[u8]| {
    let mut input = Cursor(data);
    let id = input.u8();
    let body = input.0;
    let borrowed = Message::parse(id, Cow::Borrowed(body));
    assert_eq!(borrowed, Message::parse(id, Cow::Owned(body.to_vec())));
    assert_eq!(borrowed == Err(UnknownReason::Id), !Message::defines(id));
    let span = peerproof::ends::Span::single(at(1));
    let mut advertised = Advertised::default();
    match &borrowed {
        Ok(Message::Bitfield(bits)) => {
            advertised.bitfield(bits, span);
            for (index, byte) in bits.iter().enumerate().take(64) {
                let has = advertised.since(index as u32 * 8).is_some();
                assert_eq!(has, byte & 0x80 != 0, "bit of piece {}", index * 8);
            }
        }
        Ok(Message::Have { piece }) => advertised.have(*piece, span),
        _ => {}
    }
    advertised.dont_have(input.u32());
    advertised.union();
    if let Ok(handshake) = ExtendedHandshake::parse(body) {
        for name in ["ut_pex", "ut_metadata", "lt_donthave", "ut_holepunch"] {
            if let Some(id) = handshake.id_of(name) {
                assert!(handshake.name_of(id).is_some(), "{handshake:?}");
            }
        }
    }
    if let Ok(MetadataMessage::Data { payload, .. }) = MetadataMessage::parse(body) {
        assert!(body.ends_with(payload));
    }
    let _ = (PexMessage::parse(body), AzureusPex::parse(body), LtDontHave::parse(body), Holepunch::parse(body));
    if let Some(id) = body.first_chunk::<20>() {
        client_name(id);
    }
    let text = printable(body);
    assert!(!text.chars().any(char::is_control), "{text:?}");
});
