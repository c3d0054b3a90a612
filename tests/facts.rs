//! Facts of every recording: they read back, stay within their promise, name the bytes where they lie, and hold what the
//! report counts.

use std::collections::{BTreeMap, BTreeSet};

use peerproof::stages::facts::{Block, Connection, Facts, Head, SPILL};
use peerproof::stages::prove;
use peerproof::{CaptureSet, OpenOptions, Options, Secrets, Torrent, Torrents};
use serde_json::Value;

use crate::fixture::{self, Fixture, list, number, text};

fn opened(case: &Fixture, capture: &str) -> CaptureSet {
    CaptureSet::open(&[case.path(capture)], &OpenOptions::default()).expect("the capture opens")
}

fn torrent(case: &Fixture) -> Torrent {
    let name = case.torrent();
    Torrent::parse(&name, &case.read(&name)).expect("a torrent")
}

fn facts(case: &Fixture, captures: &CaptureSet, change: impl FnOnce(&mut Options<'_>)) -> Facts {
    let mut keys = Torrents::default();
    if !case.torrent().starts_with("magnet:") {
        keys.add(torrent(case));
    }
    let secrets = case.path("secrets.txt").exists().then(|| case.read("secrets.txt"));
    let secrets = secrets.map(|text| Secrets::parse("secrets.txt", &text).expect("secrets")).unwrap_or_default();
    let mut options = Options { secrets: &secrets, ..Options::default() };
    change(&mut options);
    peerproof::facts(captures, &keys, &options).expect("facts")
}

fn written(facts: &Facts) -> Vec<u8> {
    let mut bytes = Vec::new();
    facts.write(&mut bytes).expect("memory has room");
    bytes
}

#[test]
fn every_recordings_facts_read_back_into_equal_values_and_equal_bytes() {
    for case in fixture::all() {
        for capture in case.captures() {
            let facts = facts(&case, &opened(&case, capture), |_| {});
            // The walk does not write HTTP down.
            let told = facts.connections.len() + facts.opaque.len() as u64;
            assert!(told > 0 || case.name.starts_with("webseed"), "{}: nothing was written down", case.name);
            let bytes = written(&facts);
            let read = Facts::read("facts", &bytes).expect("they read back");
            assert!(read == facts && written(&read) == bytes, "{}", case.name);
            assert!(Facts::read("facts", &bytes[..bytes.len() - 1]).is_err(), "{}: cut off", case.name);
        }
    }
}

#[test]
fn a_head_says_what_its_connection_does_and_what_nobody_wants_is_passed_over() {
    for case in fixture::all() {
        let Some(capture) = case.captures().first().copied() else { continue };
        let facts = facts(&case, &opened(&case, capture), |_| {});
        let all: Vec<Connection> = facts.connections.iter().collect();
        let heads: Vec<Head> = facts.connections.heads().collect();
        assert_eq!(heads.len(), all.len(), "{}", case.name);
        for (head, connection) in heads.iter().zip(&all) {
            let said = (head.id, head.flow, head.transport, head.initial, head.is_web);
            let web = connection.web().is_some();
            assert_eq!(said, (connection.id, connection.flow, connection.transport, connection.initial, web));
            let hashes = connection.peer().map_or([None; 2], |peer| peer.info_hashes());
            let blocks = connection.peer().is_some_and(|peer| peer.has_blocks());
            let differs = matches!(hashes, [Some(one), Some(other)] if one != other);
            assert_eq!((head.has_blocks, head.is_named, head.differs), (blocks, hashes != [None; 2], differs));
        }
        for one in &all {
            assert!(facts.connections.choose(|head| head.id == one.id).eq([one.clone()]), "{}", case.name);
        }
        assert!(facts.connections.choose(|_| true).eq(all));
    }
}

#[test]
fn a_block_takes_fifty_bytes_at_most_and_a_run_eight() {
    let (mut bytes, mut most) = (0, 0);
    for case in fixture::all() {
        let facts = facts(&case, &opened(&case, "capture.pcap"), |_| {});
        let runs: usize = facts.blocks.iter().map(|block| block.runs.len()).sum();
        let promised = 50 * facts.blocks.len() + 8 * runs as u64;
        assert!(
            facts.blocks.bytes() <= promised,
            "{}: {} bytes, {promised} promised",
            case.name,
            facts.blocks.bytes()
        );
        (bytes, most) = (bytes + facts.blocks.bytes(), most + promised);
    }
    println!("{bytes} bytes of {most} promised, over all recordings");
}

#[test]
fn facts_do_not_depend_on_what_is_held_in_memory() {
    for name in ["plain-transfer", "mse-utp-secrets", "three-peers"] {
        let case = fixture::named(name);
        let captures = opened(&case, "capture.pcap");
        let all = facts(&case, &captures, |_| {});
        let few = facts(&case, &captures, |options| {
            (options.limits.journal_memory, options.window) = (4_096, 1 << 16);
        });
        assert!(all == few && written(&all) == written(&few), "{name}");
    }
}

#[test]
fn blocks_hold_what_the_report_says_was_served() {
    for case in fixture::all() {
        let facts = facts(&case, &opened(&case, "capture.pcap"), |_| {});
        let peers =
            facts.connections.iter().filter(|connection| connection.peer().is_some_and(|peer| peer.is_peer_wire()));
        let mut sums = [0, 0];
        let mut note = |connection: &peerproof::stages::facts::Connection| {
            // Of blocks whose headers are not captured only the sum is known.
            for side in connection.peer().iter().flat_map(|peer| &peer.sides) {
                sums = [sums[0] + side.unplaced.served, sums[1] + side.unplaced.lost];
            }
            connection.id
        };
        let peers: BTreeSet<_> = peers.map(|connection| note(&connection)).collect();
        for block in facts.blocks.iter().filter(|block| peers.contains(&block.connection)) {
            sums = [sums[0] + block.captured(), sums[1] + block.lost()];
        }
        let report: Value = serde_json::from_slice(&case.read("report.json")).expect("JSON");
        let transfers = list(&report["transfers"]).iter().filter(|row| text(&row["transport"]) != "http");
        let mut told = [0, 0];
        for row in transfers {
            told = [told[0] + number(&row["served_bytes"]), told[1] + number(&row["lost_bytes"])];
        }
        assert_eq!(sums, told, "{}: served and lost", case.name);
    }
}

#[test]
fn a_piece_put_together_from_the_places_of_its_blocks_hashes_right() {
    for name in ["plain-transfer", "utp-clean", "ipv6", "multi-file"] {
        let case = fixture::named(name);
        let (captures, torrent) = (opened(&case, "capture.pcap"), torrent(&case));
        let facts = facts(&case, &captures, |_| {});
        let mut pieces: BTreeMap<u32, BTreeMap<u32, Block>> = BTreeMap::new();
        for block in facts.blocks.iter().filter(|block| block.is_whole()) {
            pieces.entry(block.piece).or_default().entry(block.begin).or_insert(block);
        }
        let mut right = 0;
        for (number, blocks) in pieces {
            let runs: Option<Vec<&[u8]>> = blocks
                .values()
                .flat_map(|block| &block.runs)
                .map(|run| {
                    assert_ne!(run.place.store, SPILL, "{name}: nothing is derived");
                    captures.bytes_at(run.place.store, run.place.offset, run.len)
                })
                .collect();
            let runs = runs.expect("every run is in the capture");
            let piece = torrent.piece(number).expect("a piece of the torrent");
            if let peerproof::stages::torrent::Expected::Sha1(expected) = torrent.expected(piece) {
                right += u32::from(prove::sha1(&runs) == expected);
            }
        }
        assert_eq!(right, torrent.piece_count(), "{name}: pieces that hash right");
    }
}
