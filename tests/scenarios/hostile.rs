//! Damaged and hostile input: T50, T51.

use peerproof::anomaly::Kind;

use super::*;
use crate::synth::content::Random;
use crate::synth::run::{Run, analyze, transfer};

#[test]
fn t50_a_cut_last_record_is_reported_and_the_rest_is_used() {
    let torrent = four_pieces();
    let (world, _) = one_seeder(&torrent);
    let mut bytes = world.pcap();
    bytes.truncate(bytes.len() - 7);
    let evidence = Run::new().capture(bytes).torrent(&torrent).evidence();
    assert_eq!(transfer(&evidence, S, M).bytes.verified, sent(&world), "the last record is an ACK");
    assert!(evidence.anomalies.tally(Kind::DamagedCapture).is_some());
}

#[test]
fn what_is_no_capture_is_an_error() {
    for bytes in [b"".to_vec(), b"hello world, this is text".to_vec(), vec![0; 1_000]] {
        assert!(Run::new().capture(bytes).once(1, 1 << 20).is_err());
    }
}

#[test]
fn t51_a_length_of_4_gib_hides_no_other_peer() {
    let torrent = four_pieces();
    let mut world = World::new();
    let bad = join(&mut world, &torrent, M, S2);
    world.send(bad, Side::B, &[0xff, 0xff, 0xff, 0xff, 7, 0, 0, 0, 0, 0, 0, 0, 0]);
    world.send(bad, Side::B, &[1; 5_000]);
    let good = join(&mut world, &torrent, M, S);
    let start = world.ledger.len();
    fetch_all(&mut world, good, &torrent);
    let len: u64 = world.ledger[start..].iter().map(|sent| u64::from(sent.len)).sum();
    assert_eq!(transfer(&analyze(&world, &torrent), S, M).bytes, clean(len));
}

#[test]
fn t51_flipped_bytes_neither_panic_nor_verify_what_is_wrong() {
    let torrent = four_pieces();
    let (world, _) = one_seeder(&torrent);
    let clean = world.pcap();
    for seed in 0..40 {
        let mut random = Random::new(seed);
        let mut bytes = clean.clone();
        for _ in 0..1 + random.below(20) {
            let at = 24 + random.below(bytes.len() as u64 - 24) as usize;
            bytes[at] = random.next() as u8;
        }
        let Ok(evidence) = Run::new().capture(bytes).torrent(&torrent).once(2, 1 << 20) else { continue };
        for row in &evidence.torrents {
            assert!(row.bytes.balanced(), "seed {seed}: {row:#?}");
            assert!(row.unique <= torrent.content.len() as u64, "seed {seed}: {row:#?}");
        }
    }
}
