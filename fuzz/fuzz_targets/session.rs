//! Two directions of a peer connection: requests, answers, advertisements, extension messages.
//!
//! Script: start and limits; then the items of `shared::items`.

#![no_main]

use libfuzzer_sys::fuzz_target;
use peerproof::Limits;
use peerproof::anomaly::Anomalies;
use peerproof::packet::{Endpoint, FlowKey, Protocol};
use peerproof::session::{Carrier, ConnectionId, Session, SessionEvent};
use peerproof::stream::StreamItem;
use peerproof::wire::Start;
use shared::{Cursor, items, run};

fuzz_target!(|data: &[u8]| {
    let mut input = Cursor(data);
    let options = input.u8();
    let start = if options & 1 == 0 { Start::Handshake } else { Start::MidStream };
    let limits = if options & 2 == 0 { Limits::default() } else { run::tight() };
    let carrier = if options & 4 == 0 { Carrier::Tcp } else { Carrier::Utp };
    let ends = [(1, 1_000), (2, 6_881)].map(|(last, port)| Endpoint { ip: [192, 0, 2, last].into(), port });
    let (flow, _) = FlowKey::new(ends[0], ends[1], Protocol::Tcp);
    let mut session = Session::new(ConnectionId(1), flow, carrier, start, &limits);
    let (mut out, mut anomalies) = (Vec::new(), Anomalies::default());
    let mut data = [0_u64; 2];
    for (way, item) in items(&mut input) {
        if let StreamItem::Data { bytes, at, .. } = item {
            data[way.index()] += bytes.len() as u64;
            session.touch(way, at);
        }
        session.push(way, &item, &mut out, &mut anomalies);
    }
    session.close(&mut out, &mut anomalies);
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
    let _ = (session.is_peer_wire(), session.info_hashes(), session.span());
});
