//! Gaps of which only the number of packets is known, against streams whose content is known.

use super::lost_headers::{Live, Scene};
use super::*;

/// Reads the stream of `scene` in packets of `size` bytes, without those that `lost` names.
fn read<'a>(scene: &'a Scene, size: usize, lost: &[usize]) -> Vec<PeerEvent<'a>> {
    let mut feed = Feed::default();
    let mut missing = 0;
    for (number, packet) in scene.stream.chunks(size).enumerate() {
        if lost.contains(&number) {
            missing += 1;
            continue;
        }
        if missing > 0 {
            feed.gap(Missing::Packets(missing));
            missing = 0;
        }
        feed.data(packet);
    }
    if missing > 0 {
        feed.gap(Missing::Packets(missing));
    }
    let at = feed.at();
    feed.items.push(StreamItem::End { reason: EndReason::Open, at });
    let mut deframer = Deframer::new(Start::Handshake, &Limits::default());
    let (mut events, mut out, mut live) = (Vec::new(), Vec::new(), Live(scene.asked.clone()));
    for item in &feed.items {
        deframer.push(item, &live, &mut out);
        for block in blocks(&out) {
            live.0.retain(|asked| (asked.piece, asked.begin) != (block.piece, block.begin));
        }
        events.append(&mut out);
    }
    events
}

/// No captured byte in two blocks, and each block in itself sound.
fn check(events: &[PeerEvent<'_>]) {
    let mut end = 0;
    for block in blocks(events) {
        block.check();
        for run in &block.runs {
            assert!(run.stream >= end, "{:?}", plain(events));
            end = run.stream + run.bytes.len() as u64;
            assert!(u64::from(run.start) + run.bytes.len() as u64 <= u64::from(block.captured_to));
        }
    }
}

#[test]
fn a_missing_packet_costs_its_own_bytes_wherever_it_was() {
    let scene = Scene::of([16_384, 16_384, 9_000, 16_384]);
    let count = scene.stream.len().div_ceil(1_000);
    for len in [1, 2, 3] {
        for first in 1..count - len {
            let lost: Vec<usize> = (first..first + len).collect();
            let events = read(&scene, 1_000, &lost);
            check(&events);
            let found = blocks(&events);
            assert_eq!(found.iter().map(|block| block.piece).collect::<Vec<_>>(), [0, 0, 1, 1], "{lost:?}");
            for (n, block) in found.iter().enumerate() {
                assert_eq!(block.captured_to, block.len, "{lost:?}");
                // Where it is, each byte is that of the stream.
                for run in &block.runs {
                    let from = scene.place(n) + 13 + run.start as usize;
                    assert_eq!(run.bytes, &scene.stream[from..from + run.bytes.len()], "{lost:?}, block {n}");
                }
            }
        }
    }
}

#[test]
fn a_hole_of_full_packets_in_one_block_leaves_framing_as_it_was() {
    let scene = Scene::of([16_384, 16_384, 16_384]);
    let sure = |lost: &[usize]| {
        let events = read(&scene, 1_000, lost);
        let lost = events.iter().any(|event| matches!(event, PeerEvent::LostSync { .. }));
        !lost && blocks(&events).iter().all(|block| block.framing == Framing::InSync)
    };
    assert!(sure(&[5]) && sure(&[20]) && sure(&[5, 6, 7]) && sure(&[5, 20]));
    // Two holes in one block; a head in the hole; nothing that follows.
    assert!(!sure(&[5, 8]) && !sure(&[16]) && !sure(&[40]));
}

proptest! {
    #[test]
    fn whatever_is_missing_no_byte_is_read_twice(
        lengths in prop::collection::vec(0..20_000_u32, 1..6),
        size in 20..3_000_usize,
        lost in prop::collection::vec(0..400_usize, 0..12),
        asked in 0..6_usize,
    ) {
        let mut scene = Scene::of(lengths);
        scene.asked.truncate(asked);
        check(&read(&scene, size, &lost));
    }
}
