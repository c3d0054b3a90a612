//! Findings of fuzzing (see `fuzz/`), each as the smallest capture that shows it.

use peerproof::Limits;
use peerproof::evidence::Grade;

use crate::synth::content::{Recipe, Torrent};
use crate::synth::run::{Run, address, sums};
use crate::synth::swarm::{Conn, Side, World};
use crate::synth::wire;

const UPLOADER: &str = "93.184.16.1:6881";
const DOWNLOADER: &str = "81.2.69.10:50001";

/// Four pieces, the last one shorter, and two peers who speak in small segments.
fn four_pieces() -> (Torrent, World, Conn) {
    let torrent = Recipe::single("four.bin", 16_384, 3 * 16_384 + 5_000, 4).v1();
    let mut world = World::new().segments_of(200);
    let ids = [wire::peer_id("-XX0001-", 1), wire::peer_id("-XX0001-", 2)];
    let conn = world.meet(address(DOWNLOADER), address(UPLOADER), torrent.info_hash, ids);
    (torrent, world, conn)
}

#[test]
fn blocks_before_the_one_that_tells_their_torrent_are_in_its_row_however_little_is_held() {
    let (torrent, mut world, conn) = four_pieces();
    // A block of 82 slices, more than are held while the capture is read, and then a whole piece of 25.
    world.fetch(conn, Side::B, &torrent, 0);
    world.fetch(conn, Side::B, &torrent, 3);
    world.begin_at(conn, Side::B, world.ledger[0].offset - 13);
    let limits = Limits { open_slices: 60, ..Limits::default() };
    let evidence = Run::new().capture(world.pcap()).torrent(&torrent).limits(limits).evidence();
    let row = sums(&evidence, &torrent);
    assert_eq!((row.bytes.served, row.bytes.verified, row.unique), (21_384, 21_384, 21_384), "{row:#?}");
    assert!(evidence.transfers.iter().all(|row| row.info_hash.is_some()), "{:#?}", evidence.transfers);
}

#[test]
fn a_piece_is_put_together_whatever_comes_between_its_blocks() {
    let torrent = Recipe::single("one.bin", 4_096, 3 * 4_096, 1).v1();
    let mut world = World::new();
    let ids = [wire::peer_id("-XX0001-", 1), wire::peer_id("-XX0001-", 2)];
    let conn = world.meet(address(DOWNLOADER), address(UPLOADER), torrent.info_hash, ids);
    // The fourth block is one more than are held while the capture is read; the fifth completes the piece.
    for (piece, begin) in [(0, 0), (0, 1_024), (0, 2_048), (1, 0), (0, 3_072)] {
        world.piece(conn, Side::B, &torrent, piece, begin, 1_024);
    }
    world.begin_at(conn, Side::B, world.ledger[0].offset - 13);
    let limits = Limits { open_slices: 60, ..Limits::default() };
    let evidence = Run::new().capture(world.pcap()).torrent(&torrent).limits(limits).evidence();
    let served: u64 = evidence.transfers.iter().map(|row| row.bytes.served).sum();
    let verified: u64 = evidence.transfers.iter().map(|row| row.bytes.verified).sum();
    assert_eq!((served, verified), (5_120, 4_096), "{:#?}", evidence.transfers);
}

#[test]
fn what_comes_before_its_torrent_is_known_is_received_by_the_other_end() {
    let (torrent, mut world, conn) = four_pieces();
    world.fetch(conn, Side::B, &torrent, 0);
    // The other end serves, too, so it has a row.
    world.fetch(conn, Side::A, &torrent, 3);
    world.fetch(conn, Side::B, &torrent, 3);
    world.begin_at(conn, Side::B, world.ledger[0].offset - 13);
    let limits = Limits { open_slices: 60, ..Limits::default() };
    let evidence = Run::new().capture(world.pcap()).torrent(&torrent).limits(limits).evidence();
    let served: u64 = evidence.transfers.iter().map(|row| row.bytes.served).sum();
    let received: u64 = evidence.subjects.iter().map(|row| row.received_bytes).sum();
    assert!(evidence.transfers.iter().all(|row| row.info_hash.is_some()), "{evidence:#?}");
    assert_eq!((served, received), (16_384 + 2 * 5_000, 16_384 + 2 * 5_000), "{:#?}", evidence.subjects);
}

#[test]
fn blocks_before_a_handshake_are_in_the_row_of_its_torrent() {
    let torrent = Recipe::single("one.bin", 4_096, 3 * 4_096, 1).v1();
    let mut world = World::new();
    let conn = world.conn(address(DOWNLOADER), address(UPLOADER));
    // The taps' clocks are apart: the handshake of who asked comes behind the answers.
    for begin in [0, 1_024] {
        world.piece(conn, Side::B, &torrent, 0, begin, 1_024);
    }
    world.send(conn, Side::A, &wire::handshake([7; 20], wire::peer_id("-XX0001-", 1)));
    let limits = Limits { open_slices: 1, ..Limits::default() };
    let evidence = Run::new().capture(world.pcap()).torrent(&torrent).limits(limits).evidence();
    let of: Vec<_> = evidence.transfers.iter().filter(|row| row.bytes.served > 0).collect();
    assert_eq!(of.len(), 1, "{evidence:#?}");
    assert_eq!(
        (of[0].info_hash.as_ref().map(|hash| hash.0.as_slice()), of[0].bytes.unproven),
        (Some(&[7; 20][..]), 2_048)
    );
    assert!(of[0].bytes.verified == 0 && of[0].grade <= Grade::G6, "{evidence:#?}");
}
