//! Faults of the network and of the capture: T25 to T34.

use peerproof::anomaly::Kind;
use peerproof::evidence::{Bytes, Flag, Grade};
use peerproof::{ChecksumPolicy, Limits};

use super::*;
use crate::synth::content::Random;
use crate::synth::frame::{Flags, Sum};
use crate::synth::run::{Run, analyze, sums, transfer};
use crate::synth::swarm::Acks;

#[test]
fn t25_reordering_leaves_the_ledger_as_it_is() {
    let torrent = two_block_pieces();
    for seed in 1..4 {
        let mut world = World::new().acking(Acks::EverySend);
        let conn = join(&mut world, &torrent, M, S);
        fetch_all(&mut world, conn, &torrent);
        let mut random = Random::new(seed);
        world.swap(|index| index > 10 && random.below(4) == 0);
        assert_eq!(transfer(&analyze(&world, &torrent), S, M).bytes, clean(sent(&world)), "seed {seed}");
    }
}

#[test]
fn t25_a_retransmission_of_a_lost_segment_closes_the_hole() {
    let torrent = two_block_pieces();
    let mut world = World::new().acking(Acks::EverySend);
    let conn = join(&mut world, &torrent, M, S);
    world.fetch(conn, Side::B, &torrent, 0);
    let lost = world.ledger[0].offset + 5_000;
    let from = world.packets.iter().position(|packet| packet.holds(conn, Side::B, lost)).expect("it was sent");
    let last = world.ledger[0].offset + u64::from(SMALL) - 1;
    let to = world.packets.iter().position(|packet| packet.holds(conn, Side::B, last)).expect("it was sent");
    world.shift(from, to);
    let seeder = analyze(&world, &torrent);
    let seeder = transfer(&seeder, S, M);
    assert_eq!((seeder.bytes, seeder.grade), (clean(sent(&world)), Grade::G8));
    assert!(seeder.flags.is_empty(), "{:?}", seeder.flags);
}

#[test]
fn t25_a_segment_sent_twice_is_served_once() {
    let torrent = two_block_pieces();
    let (mut world, conn) = one_seeder(&torrent);
    let again = world.ledger[2].offset;
    world.retransmit(conn, Side::B, again, &torrent.block(1, 0, SMALL)[..3_000]);
    let evidence = analyze(&world, &torrent);
    assert_eq!(transfer(&evidence, S, M).bytes, clean(sent(&world)));
    assert!(evidence.anomalies.tally(Kind::OverlapConflict).is_none());
}

#[test]
fn t25_a_hole_given_up_because_too_much_waits_behind_it_is_told_as_a_limit() {
    let torrent = two_block_pieces();
    let mut world = World::new().acking(Acks::Never);
    let conn = join(&mut world, &torrent, M, S);
    fetch_all(&mut world, conn, &torrent);
    let middle = world.ledger[0].offset + 5_000;
    assert_eq!(world.drop(|packet| packet.holds(conn, Side::B, middle)), 1);
    for (bound, told) in [(4, true), (4_096, false)] {
        let limits = Limits { stream_pending_segments: bound, ..Limits::default() };
        let evidence = Run::new().capture(world.pcap()).torrent(&torrent).limits(limits).evidence();
        assert_eq!(evidence.anomalies.tally(Kind::LimitReached).is_some(), told, "{bound} segments");
        assert!(evidence.anomalies.tally(Kind::Gap).is_some());
    }
}

#[test]
fn t25_sequence_numbers_wrap() {
    let torrent = two_block_pieces();
    for first in [[u32::MAX - 30, u32::MAX - 20_000], [u32::MAX, u32::MAX], [7, u32::MAX - 100_000]] {
        let mut world = World::new();
        let conn = world.conn_at(address(M), address(S), first);
        world.open(conn);
        world.send(conn, Side::A, &wire::handshake(torrent.info_hash, id(1)));
        world.send(conn, Side::B, &wire::handshake(torrent.info_hash, id(2)));
        world.send(conn, Side::B, &wire::have_all());
        world.send(conn, Side::B, &wire::unchoke());
        fetch_all(&mut world, conn, &torrent);
        world.close(conn, Side::A);
        let evidence = analyze(&world, &torrent);
        let seeder = transfer(&evidence, S, M);
        assert_eq!((seeder.bytes, seeder.grade), (clean(sent(&world)), Grade::G9), "{first:?}");
    }
}

#[test]
fn t26_a_gap_inside_a_block_costs_that_block_only() {
    let torrent = four_pieces();
    let (mut world, conn) = one_seeder(&torrent);
    let middle = world.ledger[1].offset + 8_000;
    assert_eq!(world.drop(|packet| packet.holds(conn, Side::B, middle)), 1);
    let evidence = analyze(&world, &torrent);
    let seeder = transfer(&evidence, S, M);
    let (len, kept) = (sent(&world), held(&world, &world.ledger[1]));
    let hole = u64::from(SMALL) - kept;
    assert_eq!(hole, 1_460, "one segment");
    let verified = len - u64::from(SMALL);
    let expected = Bytes { lost: hole, verified, sole: verified, unproven: kept, ..clean(len - hole) };
    assert_eq!((seeder.bytes, seeder.piece_messages, seeder.partial_messages), (expected, 3, 1));
    assert!(seeder.flags.contains(&Flag::GapInRange));
    assert_eq!((seeder.grade, seeder.pieces_verified), (Grade::G8, 3));
}

#[test]
fn t27_a_gap_over_a_length_prefix_does_not_hide_what_follows() {
    let torrent = four_pieces();
    let (mut world, conn) = one_seeder(&torrent);
    let header = world.ledger[1].offset - 1;
    assert_eq!(world.drop(|packet| packet.holds(conn, Side::B, header)), 1);
    let evidence = analyze(&world, &torrent);
    let seeder = transfer(&evidence, S, M);
    assert_eq!(seeder.bytes.verified, sent(&world) - u64::from(SMALL));
    assert_eq!((seeder.bytes.refuted, seeder.bytes.disputed), (0, 0));
    assert!(seeder.flags.contains(&Flag::Resynchronised));
}

#[test]
fn t28_other_bytes_in_a_retransmission_are_reported() {
    let torrent = four_pieces();
    let (mut world, conn) = one_seeder(&torrent);
    let at = world.ledger[3].offset + 100;
    world.retransmit(conn, Side::B, at, &[0xee; 500]);
    let evidence = analyze(&world, &torrent);
    let seeder = transfer(&evidence, S, M);
    assert!(seeder.flags.contains(&Flag::OverlapConflict));
    assert_eq!((seeder.bytes.served, seeder.bytes.refuted), (sent(&world), 0));
    assert!(evidence.anomalies.tally(Kind::OverlapConflict).is_some());
}

#[test]
fn t28_a_first_copy_that_another_contradicts_accuses_nobody() {
    let torrent = four_pieces();
    let mut world = World::new();
    let conn = join(&mut world, &torrent, M, S);
    world.send(conn, Side::A, &wire::request(0, 0, SMALL));
    world.bad_piece(conn, Side::B, &torrent, 0, 0, SMALL);
    let at = world.ledger[0].offset + u64::from(SMALL) / 2 - 100;
    let middle = SMALL / 2 - 100;
    world.retransmit(conn, Side::B, at, torrent.block(0, middle, 500));
    let evidence = analyze(&world, &torrent);
    let seeder = transfer(&evidence, S, M);
    assert!(seeder.flags.contains(&Flag::OverlapConflict));
    assert_eq!((seeder.bytes.served, seeder.bytes.refuted), (u64::from(SMALL), 0));
}

#[test]
fn t29_a_bad_checksum_is_treated_as_the_policy_says() {
    let torrent = four_pieces();
    let (mut world, conn) = one_seeder(&torrent);
    let middle = world.ledger[1].offset + 8_000;
    world.change(|packet| packet.holds(conn, Side::B, middle), |packet| packet.sum = Sum::Wrong);
    let run = Run::new().capture(world.pcap()).torrent(&torrent);
    let len = sent(&world);

    let ignored = run.clone().checksums(ChecksumPolicy::Ignore).evidence();
    assert_eq!(transfer(&ignored, S, M).bytes, clean(len));
    assert_eq!(ignored.quality.bad_checksums, None);

    let flagged = run.clone().checksums(ChecksumPolicy::Flag).evidence();
    assert_eq!(transfer(&flagged, S, M).bytes, clean(len));
    assert!(transfer(&flagged, S, M).flags.contains(&Flag::BadChecksum));
    assert_eq!(flagged.quality.bad_checksums, Some(1));

    let dropped = run.checksums(ChecksumPolicy::Drop).evidence();
    let bytes = transfer(&dropped, S, M).bytes;
    assert_eq!((bytes.served, bytes.lost), (len - 1_460, 1_460));
    assert_eq!(dropped.anomalies.tally(Kind::BadChecksum).map(|tally| tally.count), Some(1));
}

#[test]
fn t30_every_frame_twice_changes_no_count() {
    let torrent = two_block_pieces();
    let (mut world, _) = one_seeder(&torrent);
    world.double();
    let evidence = analyze(&world, &torrent);
    let seeder = transfer(&evidence, S, M);
    assert_eq!((seeder.bytes, seeder.grade), (clean(sent(&world)), Grade::G9));
    assert_eq!(seeder.piece_messages, world.ledger.len() as u64);
    assert!(seeder.flags.contains(&Flag::DuplicateFrames));
}

#[test]
fn t31_a_snap_length_shows_sizes_and_proves_nothing() {
    let torrent = four_pieces();
    let (mut world, _) = one_seeder(&torrent);
    world.snap(96);
    let evidence = analyze(&world, &torrent);
    let seeder = transfer(&evidence, S, M);
    let kept: u64 = world.ledger.iter().map(|sent| held(&world, sent)).sum();
    assert_eq!((seeder.bytes.served, seeder.bytes.lost), (kept, sent(&world) - kept));
    assert_eq!((seeder.bytes.verified, seeder.bytes.refuted), (0, 0));
    assert!(seeder.grade <= Grade::G6 && seeder.flags.contains(&Flag::TruncatedSnaplen));
}

#[test]
fn t32_one_direction_alone_still_counts() {
    let torrent = four_pieces();
    let (mut world, conn) = one_seeder(&torrent);
    world.only(conn, Side::B);
    let evidence = analyze(&world, &torrent);
    let seeder = transfer(&evidence, S, M);
    assert_eq!(seeder.bytes, Bytes { acknowledged: 0, solicited: 0, ..clean(sent(&world)) });
    assert!(seeder.flags.contains(&Flag::OneSided) && seeder.standard.is_none());
}

#[test]
fn t33_without_a_handshake_the_hash_names_the_torrent() {
    let torrent = two_block_pieces();
    let (mut world, conn) = one_seeder(&torrent);
    let start = world.ledger[2].offset - 13;
    world.begin_at(conn, Side::B, start);
    let kept: u64 = world.ledger[2..].iter().map(|sent| u64::from(sent.len)).sum();

    let evidence = analyze(&world, &torrent);
    let seeder = transfer(&evidence, S, M);
    assert_eq!((seeder.bytes.served, seeder.bytes.verified), (kept, kept));
    assert_eq!(seeder.info_hash.as_ref().map(|hash| hash.0.as_slice()), Some(torrent.info_hash.as_slice()));
    assert!(seeder.flags.contains(&Flag::HandshakeNotCaptured) && seeder.standard.is_none());

    let other = Recipe::single("other", SMALL, 100_000, 99).v1();
    let evidence = analyze(&world, &other);
    let seeder = transfer(&evidence, S, M);
    assert_eq!((seeder.bytes.served, seeder.bytes.unproven, seeder.info_hash.clone()), (kept, kept, None));
}

#[test]
fn t33_an_opening_of_which_only_the_syn_is_left_hides_no_block() {
    let torrent = four_pieces();
    let (mut world, conn) = one_seeder(&torrent);
    // The seeder's SYN-ACK and handshake are missing: its first captured bytes are a bitfield.
    let handshake = |packet: &Packet| packet.payload().starts_with(b"\x13Bit");
    let lost = world.drop(|packet| {
        packet.conn == conn && packet.side == Side::B && (packet.flags().has(Flags::SYN) || handshake(packet))
    });
    assert_eq!(lost, 2);
    let evidence = analyze(&world, &torrent);
    let bytes = transfer(&evidence, S, M).bytes;
    assert_eq!((bytes.served, bytes.verified), (sent(&world), sent(&world)));
}

#[test]
fn t34_other_block_sizes_and_unknown_messages_keep_sync() {
    let torrent = Recipe::single("big", 131_072, 3 * 131_072, 34).v1();
    let mut world = World::new();
    let conn = join(&mut world, &torrent, M, S);
    for (piece, size) in [(0, 32_768), (1, 131_072), (2, 16_384)] {
        for (begin, len) in torrent.blocks_of(piece, size) {
            world.send(conn, Side::A, &wire::request(piece, begin, len));
            world.piece(conn, Side::B, &torrent, piece, begin, len);
            world.send(conn, Side::B, &wire::message(250, &[9; 77]));
            world.send(conn, Side::B, &wire::hash_request(21, [3; 32], 0, 0, 2, 1));
            world.send(conn, Side::B, &wire::hashes([3; 32], 0, 0, &[[4; 32]; 2], &[[5; 32]]));
            world.send(conn, Side::B, &wire::hash_request(23, [3; 32], 0, 0, 2, 1));
            world.send(conn, Side::B, &wire::keepalive());
        }
    }
    let evidence = analyze(&world, &torrent);
    assert_eq!(transfer(&evidence, S, M).bytes, clean(sent(&world)));
    let unknown = evidence.anomalies.tally(Kind::UnknownMessage).map(|tally| tally.count);
    assert_eq!(unknown, Some(world.ledger.len() as u64));
    assert_eq!(sums(&evidence, &torrent).pieces_verified, 3);
}

#[test]
fn t35_offload_segments_and_ipv6_give_the_same_ledger() {
    let torrent = two_block_pieces();
    let mut world = World::new().segments_of(65_535 - 40);
    let conn = join(&mut world, &torrent, M, S);
    fetch_all(&mut world, conn, &torrent);
    assert_eq!(transfer(&analyze(&world, &torrent), S, M).bytes, clean(sent(&world)));

    let (a, b) = ("[2001:db8::1]:50001", "[2001:db8::2]:6881");
    let mut world = World::new();
    let conn = join(&mut world, &torrent, a, b);
    fetch_all(&mut world, conn, &torrent);
    assert_eq!(transfer(&analyze(&world, &torrent), b, a).bytes, clean(sent(&world)));
}

#[test]
fn a_segmentation_of_any_size_gives_the_same_ledger() {
    let torrent = four_pieces();
    for mss in [1, 3, 13, 67, 536, 8_960] {
        let mut world = World::new().segments_of(mss).acking(Acks::EverySend);
        let conn = join(&mut world, &torrent, M, S);
        world.fetch(conn, Side::B, &torrent, 3);
        world.fetch(conn, Side::B, &torrent, 1);
        assert_eq!(transfer(&analyze(&world, &torrent), S, M).bytes, clean(sent(&world)), "mss {mss}");
    }
}
