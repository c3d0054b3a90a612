//! Stretches that are read, against stretches that are known.

use super::*;
use crate::ends::{FrameId, Timestamp};

fn at(number: u64) -> At {
    At { time: Timestamp(0), frame: FrameId::new(0, number) }
}

fn request(piece: u32, length: u32) -> BlockRef {
    BlockRef { piece, begin: 0, length }
}

#[test]
fn the_oldest_run_of_requests_that_fits_to_the_byte_explains_it() {
    let stretch = Stretch::new(100, at(1));
    let requests = [request(1, 50), request(2, 10), request(3, 20), request(4, 20), request(5, 20)];
    let pieces = |len: u64| {
        let blocks = stretch.explain(100 + len, &requests, Next::End, 0)?.blocks;
        Some(blocks.iter().map(|block| block.piece).collect::<Vec<_>>())
    };
    assert_eq!(pieces(23 + 33), Some(vec![2, 3]));
    assert_eq!(pieces(33), Some(vec![3]), "not the fourth or fifth, that fit too");
    assert_eq!(pieces(63 + 23 + 33 + 33 + 33), Some(vec![1, 2, 3, 4, 5]));
    for none in [0, 1, 13, 34, 63 + 33, 1_000] {
        assert_eq!(pieces(none), None, "{none}");
    }
}

#[test]
fn captured_bytes_of_a_header_decide_between_requests() {
    let own = request(4, 20).answer();
    for cut in 1..13 {
        let mut stretch = Stretch::new(0, at(1));
        let (offset, bytes) = (cut as u64, &own[cut..]);
        stretch.push(Chunk { offset, bytes, at: at(2), doubtful: false });
        let requests = [request(3, 20), request(4, 20)];
        let piece = stretch.explain(33, &requests, Next::End, 0).map(|found| found.blocks[0].piece);
        assert_eq!(piece, Some(if cut < 9 { 4 } else { 3 }), "what is captured from {cut} on");
        assert!(stretch.explain(33, &[BlockRef { begin: 1, ..requests[1] }], Next::End, 0).is_none());
    }
}
