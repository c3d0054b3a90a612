//! Hostile input that makes a scan of a list for each of its items: a hundred thousand items, and every byte in its class.
//! The time that they take is measured by benches/.

use peerproof::Limits;
use peerproof::anomaly::Kind;
use peerproof::evidence::Evidence;
use peerproof::oddity::Bound;

use crate::synth::content::{Recipe, Torrent};
use crate::synth::run::{Run, address, check, transfer};
use crate::synth::swarm::{Acks, Conn, Side, World};
use crate::synth::wire;

const M: &str = "81.2.69.10:50001";
const S: &str = "93.184.16.1:6881";

#[test]
fn a_piece_in_blocks_of_one_byte_in_the_worst_order_is_verified() {
    // Fewer than below: a build that is not optimised tests the set of ranges itself at each step.
    let size = PIECE / 4;
    let torrent = Recipe::single("one.bin", size, size as usize, 4).v1();
    let (mut world, conn) = met(&torrent);
    let places = (0..size).step_by(2).chain((0..size).skip(1).step_by(2));
    let blocks: Vec<u8> = places.flat_map(|begin| byte(&torrent, begin)).collect();
    world.send(conn, Side::B, &blocks);
    let evidence = decided(world, &torrent, Limits::default());
    assert_eq!(transfer(&evidence, S, M).bytes.verified, u64::from(size));
}

#[test]
fn a_piece_in_blocks_of_one_byte_from_its_end_sent_twice_and_never_whole_is_decided() {
    let torrent = one_piece();
    let (mut world, conn) = met(&torrent);
    let blocks: Vec<u8> =
        (1..PIECE).rev().chain((1..PIECE).rev()).flat_map(|begin| byte(&torrent, begin)).collect();
    world.send(conn, Side::B, &blocks);
    let evidence = decided(world, &torrent, Limits::default());
    let bytes = transfer(&evidence, S, M).bytes;
    assert_eq!((bytes.unproven, bytes.repeated), (u64::from(PIECE) - 1, u64::from(PIECE) - 1));
}

#[test]
fn one_byte_sent_a_hundred_thousand_times_is_decided() {
    let torrent = one_piece();
    let (mut world, conn) = met(&torrent);
    let blocks: Vec<u8> = (0..100_000).flat_map(|_| byte(&torrent, 7)).collect();
    world.send(conn, Side::B, &blocks);
    world.fetch(conn, Side::B, &torrent, 0);
    let evidence = decided(world, &torrent, Limits::default());
    let bytes = transfer(&evidence, S, M).bytes;
    assert_eq!((bytes.verified, bytes.repeated), (u64::from(PIECE), 100_000));
}

#[test]
fn a_hundred_thousand_pieces_of_a_torrent_that_was_not_given_are_unproven() {
    let torrent = one_piece();
    let mut world = World::new().segments_of(16_000).acking(Acks::EverySend);
    let ids = [wire::peer_id("-XX0001-", 1), wire::peer_id("-XX0001-", 2)];
    let conn = world.meet(address(M), address(S), [0xee; 20], ids);
    let blocks: Vec<u8> = (0..100_000).flat_map(|piece| wire::piece(piece, 0, &[1])).collect();
    world.send(conn, Side::B, &blocks);
    let limits = Limits { open_slices: 1_000, ..Limits::default() };
    let evidence = decided(world, &torrent, limits);
    assert_eq!(transfer(&evidence, S, M).bytes.unproven, 100_000);
}

#[test]
fn haves_and_requests_by_the_hundred_thousand_cost_a_block_nothing() {
    let torrent = one_piece();
    let (mut world, conn) = met(&torrent);
    let haves: Vec<u8> = (0..100_000_u32).flat_map(|n| wire::have(n.wrapping_mul(0x9E37_79B9))).collect();
    world.send(conn, Side::B, &haves);
    let requests: Vec<u8> = (0..100_000).flat_map(|n| wire::request(n, 0, 1)).collect();
    world.send(conn, Side::A, &requests);
    let blocks: Vec<u8> = (0..50_000).flat_map(|begin| byte(&torrent, begin)).collect();
    world.send(conn, Side::B, &blocks);
    let evidence = decided(world, &torrent, Limits { requests: 0, ..Limits::default() });
    let told = evidence.anomalies.tally(Kind::LimitReached).expect("limits are told");
    for bound in [Bound::AdvertisedPieces, Bound::OutstandingRequests] {
        assert!(told.examples.iter().any(|example| example.oddity == bound.into()), "{bound:?} {told:?}");
    }
}

const PIECE: u32 = 65_536;

fn one_piece() -> Torrent {
    Recipe::single("one.bin", PIECE, PIECE as usize, 4).v1()
}

fn byte(torrent: &Torrent, begin: u32) -> Vec<u8> {
    wire::piece(0, begin, &torrent.content[begin as usize..=begin as usize])
}

/// M and S, who has everything and agreed to send.
fn met(torrent: &Torrent) -> (World, Conn) {
    let mut world = World::new().segments_of(16_000).acking(Acks::EverySend);
    let ids = [wire::peer_id("-XX0001-", 1), wire::peer_id("-XX0001-", 2)];
    let conn = world.meet(address(M), address(S), torrent.info_hash, ids);
    world.send(conn, Side::B, &wire::bitfield_full(torrent.pieces()));
    world.send(conn, Side::B, &wire::unchoke());
    (world, conn)
}

fn decided(world: World, torrent: &Torrent, limits: Limits) -> Evidence {
    let run = Run::new().capture(world.pcap()).torrent(torrent).limits(limits);
    let evidence = run.once(1, 1 << 20).expect("the run can go on");
    check(&evidence);
    evidence
}
