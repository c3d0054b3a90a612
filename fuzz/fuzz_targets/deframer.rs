//! One direction of the peer wire: every captured byte in exactly one event, and the same events however the stream
//! was cut.
//!
//! Script: start, expectation and limits; then the items of `shared::items`, both directions taken for one.

#![no_main]

use libfuzzer_sys::fuzz_target;
use peerproof::Limits;
use peerproof::stages::stream::{EndReason, StreamItem};
use peerproof::stages::wire::{
    Block, BlockRef, Deframer, Expectation, Handshake, Message, PeerEvent, Start, UnknownReason,
};
use shared::{Cursor, at, items, run};

fuzz_target!(|data: &[u8]| {
    let mut input = Cursor(data);
    let options = input.u8();
    let start = if options & 1 == 0 { Start::Handshake } else { Start::MidStream };
    let limits = if options & 2 == 0 { Limits::default() } else { run::tight() };
    let expected = Requests(options >> 2 & 3);
    let mut gap = false;
    let (mut one_way, mut next) = (Vec::new(), 0);
    for (_, mut item) in items(&mut input) {
        match &mut item {
            StreamItem::Data { offset, bytes, .. } => {
                *offset = next;
                next += bytes.len() as u64;
            }
            StreamItem::Gap { offset, missing, .. } => {
                gap = true;
                *offset = next;
                if let peerproof::stages::stream::Missing::Bytes(len) = missing {
                    next += *len;
                }
            }
            // Nothing follows the end; it comes last below.
            _ => continue,
        }
        one_way.push(item);
    }
    one_way.push(StreamItem::End { reason: EndReason::Finished, at: at(one_way.len() as u64 + 1) });
    let events = frame(&one_way, start, &limits, &expected);
    for event in &events {
        if let PeerEvent::Block(block) = event {
            check_block(block);
        }
    }
    // Tight limits are reached item by item: where, depends on the cuts.
    if gap || options & 2 != 0 || one_way.len() > 1_000 {
        return;
    }
    let sum: u64 = events.iter().map(|event| extent(event, &limits)).sum();
    // The name and padding in front of an Azureus message stand in no event.
    if may_be_azureus(&one_way) {
        assert!(sum <= next, "{events:?}");
    } else {
        assert_eq!(sum, next, "{events:?}");
    }
    let finely = frame(&cut(&one_way, next), start, &limits, &expected);
    // Other framings are told where their search is over, which is not at the same event.
    let [whole, finely] = [events, finely].map(|events| {
        let mut events: Vec<_> = events.iter().map(plain).collect();
        events.sort_by_key(|event| event.starts_with("Contest").then(|| event.clone()));
        events
    });
    assert!(whole == finely, "cut finely it is something else:\n{whole:#?}\n{finely:#?}");
});

fn frame<'a>(items: &[StreamItem<'a>], start: Start, limits: &Limits, expected: &Requests) -> Vec<PeerEvent<'a>> {
    let mut deframer = Deframer::new(start, limits);
    let mut out = Vec::new();
    items.iter().for_each(|item| deframer.push(item, expected, &mut out));
    deframer.close(&mut out);
    let before = out.len();
    deframer.close(&mut out);
    assert_eq!(before, out.len(), "closing twice gives nothing more");
    out
}

/// Cut as finely as a search allows before it decides for want of room (4,096 slices): byte by byte if it can be.
fn cut<'a>(items: &[StreamItem<'a>], bytes: u64) -> Vec<StreamItem<'a>> {
    let size = bytes as usize / 2_000 + 1;
    let mut out = Vec::new();
    for item in items {
        match *item {
            StreamItem::Data { offset, bytes, at, doubtful } => {
                let chunks = bytes.chunks(size).zip((offset..).step_by(size));
                out.extend(chunks.map(|(bytes, offset)| StreamItem::Data { offset, bytes, at, doubtful }));
            }
            other => out.push(other),
        }
    }
    out
}

/// The runs and holes tile `0..captured_to`.
fn check_block(block: &Block<'_>) {
    let mut end = 0;
    for run in &block.runs {
        assert!(run.start >= end && !run.bytes.is_empty(), "{block:?}");
        end = run.start + run.bytes.len() as u32;
    }
    assert!(end <= block.captured_to && block.captured_to <= block.len, "{block:?}");
}

/// An event in words, without frames and without the cuts of its runs.
fn plain(event: &PeerEvent<'_>) -> String {
    match event {
        PeerEvent::Handshake(Handshake { info_hash, peer_id, .. }) => format!("{info_hash:?} {peer_id:?}"),
        PeerEvent::CutHandshake { .. } => "a cut handshake".into(),
        PeerEvent::CutRequest { piece, begin, .. } => format!("a cut request {piece} {begin}"),
        PeerEvent::Message { message, .. } => format!("{message:?}"),
        PeerEvent::Block(block) => {
            let bytes: Vec<u8> = block.runs.iter().flat_map(|run| run.bytes).copied().collect();
            let Block { piece, begin, len, captured_to, offset, framing, .. } = block;
            format!("block {piece} {begin} {len} {captured_to} @{offset} {framing:?} {bytes:?}")
        }
        PeerEvent::LostSync { .. } => "lost".into(),
        PeerEvent::Contest(contest) => format!("{contest:?}"),
        PeerEvent::Resynchronised { skipped, .. } => format!("found after {skipped}"),
        PeerEvent::GaveUp { skipped, .. } => format!("gave up after {skipped}"),
        PeerEvent::Unframed { skipped, .. } => format!("ended after {skipped}"),
        PeerEvent::CutBlock { len, captured, .. } => format!("a cut block {len} {captured}"),
        PeerEvent::Unknown { id, len, reason, .. } => format!("unknown {id} {len} {reason:?}"),
    }
}

/// Returns true if a name of the Azureus messaging protocol may stand in the stream.
fn may_be_azureus(items: &[StreamItem<'_>]) -> bool {
    let data = items.iter().map(|item| if let StreamItem::Data { bytes, .. } = item { *bytes } else { &[] });
    let bytes: Vec<u8> = data.flatten().copied().collect();
    bytes.windows(3).any(|name| name == b"BT_" || name == b"AZ_")
}

/// Stream bytes that an event stands for, where there was no gap; of an Azureus message, at least so many.
fn extent(event: &PeerEvent<'_>, limits: &Limits) -> u64 {
    match event {
        PeerEvent::Handshake(_) | PeerEvent::CutHandshake { .. } => 68,
        PeerEvent::CutRequest { .. } => 17,
        PeerEvent::Message { message, .. } => match message {
            Message::KeepAlive => 4,
            Message::Choke
            | Message::Unchoke
            | Message::Interested
            | Message::NotInterested
            | Message::HaveAll
            | Message::HaveNone => 5,
            Message::Have { .. } | Message::SuggestPiece { .. } | Message::AllowedFast { .. } => 9,
            Message::Bitfield(bits) => 5 + bits.len() as u64,
            Message::Request(_) | Message::Cancel(_) | Message::RejectRequest(_) => 17,
            Message::Port(_) => 7,
            Message::Extended { body, .. } => 6 + body.len() as u64,
            Message::Azureus { body, .. } => 4 + body.len() as u64,
            Message::HashRequest { .. } => 5 + 48,
            Message::Hashes { hashes, .. } => 5 + 48 + hashes.len() as u64,
        },
        PeerEvent::Contest(_) => 0,
        PeerEvent::Block(block) => 13 + u64::from(block.captured_to),
        PeerEvent::Resynchronised { skipped, .. }
        | PeerEvent::GaveUp { skipped, .. }
        | PeerEvent::Unframed { skipped, .. } => *skipped,
        PeerEvent::LostSync { .. } => 0,
        // A length that is not believed belongs to what is skipped.
        PeerEvent::Unknown { len, reason: UnknownReason::Length, .. } if *len > limits.message_bytes => 0,
        PeerEvent::Unknown { len, .. } | PeerEvent::CutBlock { len, .. } => {
            assert!(*len <= limits.message_bytes, "{event:?}");
            4 + u64::from(*len)
        }
    }
}

/// Which blocks are said to be awaited.
struct Requests(u8);

impl Expectation for Requests {
    fn awaits(&self, block: BlockRef) -> bool {
        match self.0 {
            1 => block.begin == 0,
            2 => block.length == 16_384,
            3 => block.piece < 4,
            _ => false,
        }
    }

    fn any(&self) -> bool {
        self.0 != 0
    }
}
