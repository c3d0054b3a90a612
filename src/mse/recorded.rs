//! Recordings of real clients, from the capture file to the blocks.

use std::collections::BTreeMap;
use std::path::Path;

use super::*;
use crate::anomaly::Anomalies;
use crate::capture::{CaptureSet, Spill};
use crate::ends::{Direction, FlowKey};
use crate::packet::{ChecksumPolicy, Decoder, Store, TransportLayer};
use crate::stream::{EndReason, StreamItem, StreamLimits, TcpConnection};
use crate::torrent::Torrents;
use crate::wire::{BlockRef, Deframer, Expectation, PeerEvent, Start};
use crate::{Error, Limits};

struct Spilled<'s>(&'s Spill);

impl<'s> Store<'s> for Spilled<'s> {
    fn store(&self, parts: &[&[u8]]) -> Result<&'s [u8], Error> {
        self.0.store(parts)
    }
}

struct NoRequests;

impl Expectation for NoRequests {
    fn awaits(&self, _: BlockRef) -> bool {
        false
    }

    fn any(&self) -> bool {
        false
    }
}

/// The outcome for the one peer connection of a recording.
struct Found {
    outcome: MseOutcome,
    /// Whole blocks and their bytes, by direction.
    blocks: [(usize, u64); 2],
    handshakes: usize,
    opaque: u64,
}

fn read(case: &str, torrent: &str, secrets: &Secrets) -> Found {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(case);
    read_folder(&folder, torrent, secrets)
}

fn read_folder(folder: &Path, torrent: &str, secrets: &Secrets) -> Found {
    let limits = Limits::default();
    let torrents = Torrents::open(&[folder.join(torrent)]).expect("a torrent");
    let hashes: Vec<[u8; 20]> = torrents.iter().flat_map(|torrent| torrent.wire_hashes()).collect();
    let capture = std::fs::read(folder.join("capture.pcap")).expect("a capture");
    let set = CaptureSet::from_bytes(vec![("capture.pcap".to_owned(), capture)]).expect("a capture");
    let spill = Spill::new(None);
    let (store, mut anomalies) = (Spilled(&spill), Anomalies::default());
    let mut decoder = Decoder::new(ChecksumPolicy::Ignore, &limits);
    let mut flows: BTreeMap<FlowKey, (TcpConnection<'_>, Vec<(Direction, StreamItem<'_>)>)> = BTreeMap::new();
    let mut frames = set.frames();
    while let Some(frame) = frames.next(&mut anomalies).expect("a readable capture") {
        let packet = decoder.decode(&frame, &store, &mut anomalies).expect("space");
        let Some(packet) = packet else { continue };
        let TransportLayer::Tcp(segment) = packet.transport else { continue };
        let (stream, items) = flows
            .entry(packet.flow)
            .or_insert_with(|| (TcpConnection::new(&StreamLimits::from(&limits)), Vec::new()));
        stream.push(packet.at, packet.direction, &segment, items);
    }
    let candidates = Candidates::new(secrets, hashes.clone());
    let mut found = None;
    for (mut stream, mut items) in flows.into_values() {
        stream.close(EndReason::Open, &mut items);
        let (mut filter, mut out) = (MseFilter::new(stream.opening().initiator, &Pool::default()), Vec::new());
        for (direction, item) in &items {
            filter.push(*direction, item, &candidates, &store, &mut out).expect("space");
        }
        filter.close(&candidates, &store, &mut out).expect("space");
        if *filter.outcome() == MseOutcome::NotMse {
            assert_eq!(out, items);
            continue;
        }
        let mut deframers = [Start::Handshake; 2].map(|start| Deframer::new(start, &limits));
        let mut blocks = [(0, 0); 2];
        let mut handshakes = 0;
        let mut events = Vec::new();
        for (direction, item) in &out {
            deframers[direction.index()].push(item, &NoRequests, &mut events);
            for event in events.drain(..) {
                match event {
                    PeerEvent::Block(block) if block.captured_to == block.len => {
                        let (count, bytes) = &mut blocks[direction.index()];
                        (*count, *bytes) = (*count + 1, *bytes + u64::from(block.len));
                    }
                    PeerEvent::Handshake(handshake) => {
                        assert!(hashes.contains(&handshake.info_hash));
                        handshakes += 1;
                    }
                    PeerEvent::Message { .. } | PeerEvent::Resynchronised { .. } => {}
                    other => panic!("{other:?}"),
                }
            }
        }
        let opaque = filter.opaque_bytes().iter().sum();
        assert!(found.is_none(), "one connection");
        found = Some(Found { outcome: filter.outcome().clone(), blocks, handshakes, opaque });
    }
    found.expect("one connection")
}

fn recorded(case: &str) -> Secrets {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(case).join("secrets.txt");
    Secrets::parse("secrets.txt", &std::fs::read(path).expect("secrets")).expect("well formed")
}

#[test]
fn the_recorded_secret_opens_its_connection() {
    let found = read("mse-rc4-secrets", "opened.torrent", &recorded("mse-rc4-secrets"));
    assert_eq!(found.outcome, MseOutcome::Rc4 { secret: 0 });
    let [a, b] = found.blocks;
    assert_eq!((a.0 + b.0, a.1 + b.1), (33, 524_289));
    assert_eq!((found.handshakes, found.opaque), (2, 0));
}

#[test]
fn a_secret_of_another_connection_opens_nothing() {
    for secrets in [Secrets::default(), recorded("mse-rc4-secrets")] {
        let found = read("mse-rc4", "hidden.torrent", &secrets);
        assert!(matches!(found.outcome, MseOutcome::Opaque { .. }), "{:?}", found.outcome);
        assert!(found.opaque > 120_001);
        assert_eq!((found.blocks, found.handshakes), ([(0, 0); 2], 0));
    }
}

#[test]
fn aria2_and_rtorrent_are_read_where_they_go_on_in_clear() {
    let found = read("mse-plaintext", "agreed.torrent", &Secrets::default());
    assert_eq!((found.outcome, found.handshakes), (MseOutcome::Plaintext, 2));
    let [a, b] = found.blocks;
    assert_eq!((a.0 + b.0, a.1 + b.1, found.opaque), (7, 100_001, 0));
}
