//! What leaves bytes in doubt: they may be verified, and they speak against nobody.

use peerproof::Limits;
use peerproof::anomaly::Kind;
use peerproof::evidence::{Bytes, Evidence, Grade};

use super::*;
use crate::synth::content::BLOCK;
use crate::synth::run::{Run, analyze, transfer};
use crate::synth::utp::UtpConn;

/// Runs with streams that remember eight segments.
fn forgetful(world: &World, torrent: &Torrent) -> Evidence {
    let limits = Limits { stream_history_segments: 8, ..Limits::default() };
    Run::new().capture(world.pcap()).torrent(torrent).limits(limits).evidence()
}

#[test]
fn a_retransmission_too_late_to_compare_leaves_the_first_copy_in_doubt() {
    let torrent = two_block_pieces();
    for repaired in [true, false] {
        let mut world = World::new();
        let conn = join(&mut world, &torrent, M, S);
        world.bad_piece(conn, Side::B, &torrent, 0, 0, SMALL);
        let place = world.ledger[0].offset + u64::from(SMALL) / 2 - 10;
        world.piece(conn, Side::B, &torrent, 0, SMALL, SMALL);
        world.bad_piece(conn, Side::B, &torrent, 1, 0, SMALL);
        world.piece(conn, Side::B, &torrent, 1, SMALL, SMALL);
        if repaired {
            world.retransmit(conn, Side::B, place, torrent.block(0, SMALL / 2 - 10, 100));
        }
        let evidence = forgetful(&world, &torrent);
        let bytes = transfer(&evidence, S, M).bytes;
        let piece = 2 * u64::from(SMALL);
        let (refuted, unproven) = if repaired { (piece, piece) } else { (2 * piece, 0) };
        assert_eq!((bytes.refuted, bytes.unproven), (refuted, unproven), "{repaired}");
        assert_eq!(evidence.anomalies.tally(Kind::OverlapUncompared).is_some(), repaired);
    }
}

#[test]
fn a_utp_packet_sent_again_too_late_leaves_all_before_in_doubt() {
    let torrent = two_block_pieces();
    let mut world = World::new();
    let mut conn = UtpConn::open(&mut world, address(M), address(S), 4_711, [1, 500]);
    conn.send(&mut world, 0, &wire::handshake(torrent.info_hash, id(1)));
    conn.send(&mut world, 1, &wire::handshake(torrent.info_hash, id(2)));
    let first = conn.next(1);
    let mut bad = torrent.block(0, 0, SMALL).to_vec();
    bad[700] ^= 0x10;
    conn.deliver(&mut world, 1, 0, 0, &bad, false);
    conn.deliver(&mut world, 1, 0, SMALL, torrent.block(0, SMALL, SMALL), true);
    let message = wire::piece(0, 0, torrent.block(0, 0, SMALL));
    conn.again(&mut world, 1, first, &message[..conn.mtu]);
    // What comes later is not what came again.
    let mut bad = torrent.block(1, 0, SMALL).to_vec();
    bad[700] ^= 0x10;
    conn.deliver(&mut world, 1, 1, 0, &bad, false);
    conn.deliver(&mut world, 1, 1, SMALL, torrent.block(1, SMALL, SMALL), true);
    let evidence = forgetful(&world, &torrent);
    let bytes = transfer(&evidence, S, M).bytes;
    let piece = 2 * u64::from(SMALL);
    assert_eq!((bytes.refuted, bytes.unproven), (piece, piece));
}
