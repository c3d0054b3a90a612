//! Two directions of a peer connection: requests, answers, advertisements, extension messages.
//!
//! Script: start and limits; then the items of `shared::items`.

#![no_main]

use libfuzzer_sys::fuzz_target;
use peerproof::Limits;
use peerproof::ends::{ConnectionId, Direction, Endpoint, FlowKey, Protocol, Transport};
use peerproof::stages::session::{Served, Session, SessionEvent};
use peerproof::stages::stream::StreamItem;
use peerproof::stages::wire::Start;
use shared::{Cursor, items, run};

fuzz_target!(|data: &[u8]| {
    let mut input = Cursor(data);
    let options = input.u8();
    let start = if options & 1 == 0 { Start::Handshake } else { Start::MidStream };
    let limits = if options & 2 == 0 { Limits::default() } else { run::tight() };
    let transport = if options & 4 == 0 { Transport::Tcp } else { Transport::Utp };
    let items = items(&mut input);
    let mut data = [0_u64; 2];
    for (way, item) in &items {
        if let StreamItem::Data { bytes, .. } = item {
            data[way.index()] += bytes.len() as u64;
        }
    }
    let out = converse(&items, start, transport, &limits);
    let mut served = [0_u64; 2];
    for event in &out {
        if let SessionEvent::Served(one) = event {
            let held: u64 = one.block.runs.iter().map(|run| run.bytes.len() as u64).sum();
            assert!(held <= u64::from(one.block.captured_to) && one.block.captured_to <= one.block.len, "{one:?}");
            served[one.from.index()] += held;
        }
    }
    for way in 0..2 {
        assert!(served[way] <= data[way], "more payload than bytes");
    }
    // Tight limits are reached item by item: where, depends on the cuts.
    if options & 2 != 0 || items.len() > 1_000 {
        return;
    }
    let finely: Vec<_> = items.iter().flat_map(|(way, item)| halves(item).map(|item| (*way, item))).collect();
    let finely = converse(&finely, start, transport, &limits);
    // Which other framings are worth a second look depends on what was unanswered meanwhile.
    let [whole, finely] = [out, finely].map(|events| {
        let events = events.iter().filter(|event| !matches!(event, SessionEvent::Contest { .. }));
        events.map(plain).collect::<Vec<_>>()
    });
    assert!(whole == finely, "cut in two it is something else:\n{whole:#?}\n{finely:#?}");
});

fn converse<'a>(
    items: &[(Direction, StreamItem<'a>)],
    start: Start,
    transport: Transport,
    limits: &Limits,
) -> Vec<SessionEvent<'a>> {
    let ends = [(1, 1_000), (2, 6_881)].map(|(last, port)| Endpoint { ip: [192, 0, 2, last].into(), port });
    let (flow, _) = FlowKey::new(ends[0], ends[1], Protocol::Tcp);
    let mut session = Session::new(ConnectionId(1), flow, transport, start, limits);
    let mut out = Vec::new();
    for (way, item) in items {
        if let StreamItem::Data { at, .. } = item {
            session.touch(*way, *at);
        }
        session.push(*way, item, &mut out);
    }
    session.close(&mut out);
    let _ = (session.is_peer_wire(), session.info_hashes(), session.span());
    out
}

/// Data in two halves; all else as it is.
fn halves<'a>(item: &StreamItem<'a>) -> impl Iterator<Item = StreamItem<'a>> {
    let parts = match *item {
        StreamItem::Data { offset, bytes, at, doubtful } if bytes.len() > 1 => {
            let (first, second) = bytes.split_at(bytes.len() / 2);
            let behind = offset + first.len() as u64;
            [
                Some(StreamItem::Data { offset, bytes: first, at, doubtful }),
                Some(StreamItem::Data { offset: behind, bytes: second, at, doubtful }),
            ]
        }
        other => [Some(other), None],
    };
    parts.into_iter().flatten()
}

/// An event in words, without the cuts of a block's runs.
fn plain(event: &SessionEvent<'_>) -> String {
    let SessionEvent::Served(one) = event else { return format!("{event:?}") };
    let Served { from, block, answer, advertised, acknowledges } = one;
    let bytes: Vec<_> = block.runs.iter().flat_map(|run| (run.start..).zip(run.bytes)).collect();
    let (piece, begin, len, held) = (block.piece, block.begin, block.len, block.captured_to);
    format!(
        "{from:?} {answer:?} {advertised:?} {acknowledges} {piece} {begin} {len} {held} {:?} {bytes:?}",
        block.framing
    )
}
