//! uTP beside other traffic, and as the wild sends it.

use peerproof::anomaly::Kind;
use peerproof::ends::Transport;
use peerproof::evidence::{Bytes, Flag, Grade};

use super::*;
use crate::synth::run::{analyze, transfer};
use crate::synth::utp::{Kind as Type, UtpConn};

const MTU: usize = 1_382;

fn opened(world: &mut World, torrent: &Torrent, id_of_stream: u16) -> UtpConn {
    let mut conn = UtpConn::open(world, address(M), address(S), id_of_stream, [100, 900]);
    conn.join(world, torrent, [id(1), id(2)]);
    conn
}

fn fetched(world: &mut World, torrent: &Torrent) -> UtpConn {
    let mut conn = opened(world, torrent, 4_711);
    (0..torrent.pieces()).for_each(|piece| conn.fetch(world, torrent, piece));
    conn
}

/// Datagrams of DHT (BEP 5) and of a tracker (BEP 15) between the same two sockets.
fn chatter(world: &mut World, round: u32) {
    let (m, s) = (address(M), address(S));
    world.datagram(m, s, b"d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe");
    world.datagram(s, m, b"d1:rd2:id20:mnopqrstuvwxyz123456e1:t2:aa1:y1:re");
    let announce = [&[0, 0, 4, 0x17, 0x27, 0x10, 0x19, 0x80][..], &[0, 0, 0, 0], &round.to_be_bytes()].concat();
    world.datagram(m, s, &announce);
    world.datagram(s, m, &[&[0, 0, 0, 0][..], &round.to_be_bytes(), &[7; 8]].concat());
    let full = [&[7; 8][..], &[0, 0, 0, 1], &round.to_be_bytes(), &[3; 86]].concat();
    world.datagram(m, s, &full);
}

#[test]
fn two_streams_on_one_four_tuple_beside_dht_and_tracker_are_two_transfers() {
    let one = two_block_pieces();
    let other = Recipe::single("other.bin", SMALL, 5 * SMALL as usize - 77, 90).v1();
    let mut world = World::new();
    chatter(&mut world, 0);
    let mut first = opened(&mut world, &one, 100);
    chatter(&mut world, 1);
    // The other one is opened from the other end.
    let mut second = UtpConn::open(&mut world, address(S), address(M), 60_000, [65_530, 7]);
    second.join(&mut world, &other, [id(3), id(4)]);
    for piece in 0..5 {
        if piece < one.pieces() {
            first.fetch(&mut world, &one, piece);
        }
        chatter(&mut world, 2 + piece);
        second.fetch(&mut world, &other, piece);
    }
    let evidence = Run::new().capture(world.pcap()).torrent(&one).torrent(&other).evidence();
    let len = |torrent: &Torrent| torrent.content.len() as u64;
    for (torrent, from) in [(&one, S), (&other, M)] {
        let rows = of_torrent(&evidence, torrent);
        let served: Vec<_> = rows.iter().filter(|row| row.bytes.served > 0).collect();
        assert_eq!(served.len(), 1, "{rows:#?}");
        assert_eq!(served[0].uploader.to_string(), from);
        assert_eq!((served[0].bytes, served[0].grade), (clean(len(torrent)), Grade::G9));
    }
    assert_eq!((evidence.quality.utp_flows, evidence.quality.udp_flows), (2, 1));
}

#[test]
fn a_fin_with_data_ends_the_last_block() {
    let torrent = four_pieces();
    let mut world = World::new();
    let mut conn = opened(&mut world, &torrent, 4_711);
    (0..3).for_each(|piece| conn.fetch(&mut world, &torrent, piece));
    let len = torrent.piece_len(3);
    conn.send(&mut world, 0, &wire::request(3, 0, len));
    conn.promise(&mut world, 1, 3, 0, len, true);
    let message = wire::piece(3, 0, torrent.piece(3));
    let (most, rest) = message.split_at(message.len() - 900);
    conn.send(&mut world, 1, most);
    conn.close(&mut world, 1, rest);
    conn.close(&mut world, 0, &[]);
    let evidence = analyze(&world, &torrent);
    let seeder = transfer(&evidence, S, M);
    assert_eq!((seeder.bytes, seeder.grade), (clean(sent(&world)), Grade::G9));
    assert_eq!((seeder.piece_messages, seeder.partial_messages), (4, 0));
}

#[test]
fn a_reset_in_mid_block_leaves_a_part_and_the_ids_can_be_used_again() {
    let torrent = two_block_pieces();
    let mut world = World::new();
    let mut conn = opened(&mut world, &torrent, 4_711);
    conn.fetch(&mut world, &torrent, 0);
    conn.send(&mut world, 0, &wire::request(1, 0, SMALL));
    conn.promise(&mut world, 1, 1, 0, SMALL, true);
    let part = &wire::piece(1, 0, torrent.block(1, 0, SMALL))[..3 * MTU];
    conn.send(&mut world, 1, part);
    conn.reset(&mut world, 0);
    world.pass(2_000_000_000);
    let mut again = UtpConn::open(&mut world, address(M), address(S), 4_711, [9_000, 44]);
    again.join(&mut world, &torrent, [id(1), id(2)]);
    again.fetch(&mut world, &torrent, 2);
    let evidence = analyze(&world, &torrent);
    let seeder = transfer(&evidence, S, M);
    let (whole, cut) = (4 * u64::from(SMALL), 3 * MTU as u64 - 13);
    let expected = Bytes { verified: whole, sole: whole, unproven: cut, ..clean(whole + cut) };
    // Whether a cut block answered its request cannot be asked of a header that is whole: it did.
    assert_eq!(seeder.bytes, expected);
    assert_eq!((seeder.piece_messages, seeder.partial_messages, seeder.connections), (4, 1, 2));
    assert_eq!(seeder.grade, Grade::G8);
}

#[test]
fn unknown_extensions_and_selective_acks_of_one_byte_change_nothing() {
    let torrent = two_block_pieces();
    let mut world = World::new();
    let mut conn = opened(&mut world, &torrent, 4_711);
    conn.acks = false;
    for piece in 0..torrent.pieces() {
        for (begin, len) in torrent.blocks(piece) {
            conn.extended(&mut world, 0, Type::Data, &[(2, &[0; 8])], &wire::request(piece, begin, len));
            conn.promise(&mut world, 1, piece, begin, len, true);
            let message = wire::piece(piece, begin, torrent.block(piece, begin, len));
            for (n, chunk) in message.chunks(1_000).enumerate() {
                let chain: &[(u8, &[u8])] = match n % 4 {
                    0 => &[(1, &[0]), (9, b"??"), (3, &[0, 0, 0, 1])],
                    1 => &[(200, b"")],
                    2 => &[(1, b"")],
                    _ => &[],
                };
                conn.extended(&mut world, 1, Type::Data, chain, chunk);
            }
            conn.extended(&mut world, 0, Type::State, &[(1, &[0])], b"");
        }
    }
    let evidence = analyze(&world, &torrent);
    let seeder = transfer(&evidence, S, M);
    assert_eq!((seeder.bytes, seeder.grade), (clean(sent(&world)), Grade::G9));
}

#[test]
fn a_selective_ack_confirms_exactly_its_packets() {
    let torrent = Recipe::single("one.bin", SMALL, SMALL as usize, 5).v1();
    let mut world = World::new();
    let mut conn = opened(&mut world, &torrent, 4_711);
    conn.send(&mut world, 0, &wire::request(0, 0, SMALL));
    conn.acks = false;
    let first = conn.next(1);
    conn.deliver(&mut world, 1, 0, 0, torrent.piece(0), true);
    // 12 packets. Confirmed: the first two, then the fourth (bit 0), the seventh (bit 3), and the twelfth (bit 8).
    conn.sack(&mut world, 0, first.wrapping_add(1), &[0b1001, 0b1]);
    let evidence = analyze(&world, &torrent);
    let last = (SMALL as usize + 13 - 11 * MTU) as u64;
    let acknowledged = 4 * MTU as u64 - 13 + last;
    let expected = Bytes { acknowledged, ..clean(u64::from(SMALL)) };
    assert_eq!(transfer(&evidence, S, M).bytes, expected);
}

#[test]
fn duplicate_datagrams_count_once() {
    let torrent = two_block_pieces();
    let mut world = World::new();
    fetched(&mut world, &torrent);
    world.double();
    let evidence = analyze(&world, &torrent);
    let seeder = transfer(&evidence, S, M);
    assert_eq!((seeder.bytes, seeder.grade), (clean(sent(&world)), Grade::G9));
}

#[test]
fn retransmissions_of_other_lengths_accuse_nobody_and_count_once() {
    let torrent = four_pieces();
    let mut world = World::new();
    let mut conn = opened(&mut world, &torrent, 4_711);
    conn.fetch(&mut world, &torrent, 0);
    conn.send(&mut world, 0, &wire::request(1, 0, SMALL));
    conn.promise(&mut world, 1, 1, 0, SMALL, true);
    let message = wire::piece(1, 0, torrent.piece(1));
    // The first packet is sent again longer, the next one shorter, as it was.
    let number = conn.next(1);
    conn.packet(&mut world, 1, Type::Data, &message[..500]);
    conn.again(&mut world, 1, number, &message[..1_200]);
    conn.send(&mut world, 1, &message[1_200..2_000]);
    conn.again(&mut world, 1, number, &message[..500]);
    conn.again(&mut world, 1, number.wrapping_add(1), &message[1_200..1_300]);
    conn.send(&mut world, 1, &message[2_000..]);
    (2..4).for_each(|piece| conn.fetch(&mut world, &torrent, piece));
    let evidence = analyze(&world, &torrent);
    let seeder = transfer(&evidence, S, M);
    let figures = Bytes { acknowledged: seeder.bytes.acknowledged, ..clean(sent(&world)) };
    assert_eq!((seeder.bytes, seeder.grade), (figures, Grade::G9));
}

#[test]
fn a_packet_split_when_sent_again_accuses_nobody() {
    let torrent = four_pieces();
    let mut world = World::new();
    let mut conn = opened(&mut world, &torrent, 4_711);
    conn.fetch(&mut world, &torrent, 0);
    conn.send(&mut world, 0, &wire::request(1, 0, SMALL));
    conn.promise(&mut world, 1, 1, 0, SMALL, true);
    let message = wire::piece(1, 0, torrent.piece(1));
    let number = conn.next(1);
    // Lost on the way behind the tap; then its bytes go out again in two packets, the first under the old number.
    conn.packet(&mut world, 1, Type::Data, &message[..1_300]);
    conn.again(&mut world, 1, number, &message[..700]);
    conn.packet(&mut world, 1, Type::Data, &message[700..1_300]);
    conn.state(&mut world, 0);
    conn.send(&mut world, 1, &message[1_300..]);
    (2..4).for_each(|piece| conn.fetch(&mut world, &torrent, piece));
    let evidence = analyze(&world, &torrent);
    nobody_refuted(&evidence);
    let seeder = transfer(&evidence, S, M);
    let others = sent(&world) - u64::from(SMALL);
    assert_eq!(seeder.bytes, clean(others + u64::from(SMALL)));
}

#[test]
fn a_stream_without_beginning_is_found_by_its_hashes() {
    let torrent = two_block_pieces();
    for keep_requests in [true, false] {
        let mut world = World::new();
        let mut conn = opened(&mut world, &torrent, 4_711);
        conn.fetch(&mut world, &torrent, 0);
        let start = world.packets.len();
        (1..4).for_each(|piece| conn.fetch(&mut world, &torrent, piece));
        world.packets.drain(..start);
        if !keep_requests {
            world.drop(|packet| packet.from == address(M));
        }
        let evidence = analyze(&world, &torrent);
        let seeder = transfer(&evidence, S, M);
        let whole = 6 * u64::from(SMALL);
        let mut expected = clean(whole);
        if !keep_requests {
            expected = Bytes { acknowledged: 0, solicited: 0, ..expected };
        }
        assert_eq!(seeder.bytes, expected, "{keep_requests}");
        assert_eq!((seeder.transport, seeder.grade), (Transport::Utp, Grade::G8), "{keep_requests}");
        assert!(seeder.flags.contains(&Flag::HandshakeNotCaptured));
        assert_eq!(seeder.standard, None, "what was not advertised in the capture does not meet the standard");
        assert!(!rung_reached(&seeder.rungs, Grade::G2) && !rung_reached(&seeder.rungs, Grade::G3));
    }
}

#[test]
fn a_lost_packet_is_told_by_what_was_acknowledged() {
    let torrent = four_pieces();
    for (acks, words) in [(true, "acknowledged by the receiver"), (false, "not known to have arrived")] {
        let mut world = World::new();
        let mut conn = opened(&mut world, &torrent, 4_711);
        conn.fetch(&mut world, &torrent, 0);
        for piece in 1..4 {
            conn.send(&mut world, 0, &wire::request(piece, 0, torrent.piece_len(piece)));
        }
        conn.acks = acks;
        let start = world.packets.len();
        for piece in 1..4 {
            conn.deliver(&mut world, 1, piece, 0, torrent.piece(piece), true);
        }
        // The fifth packet of the first block.
        let data: Vec<usize> =
            (start..world.packets.len()).filter(|at| world.packets[*at].payload().len() == MTU + 20).collect();
        world.packets.remove(data[4]);
        let evidence = analyze(&world, &torrent);
        let seeder = transfer(&evidence, S, M);
        let (whole, held) = (sent(&world) - u64::from(SMALL), u64::from(SMALL) - MTU as u64);
        let bytes = seeder.bytes;
        assert_eq!((bytes.verified, bytes.sole, bytes.refuted), (whole, whole, 0), "{words}: {bytes:#?}");
        assert_eq!((bytes.unproven, bytes.served), (held, whole + held), "{words}: {bytes:#?}");
        assert_eq!(bytes.lost, MTU as u64, "{words}");
        assert_eq!(bytes.solicited, bytes.served, "{words}");
        assert_eq!(seeder.grade, Grade::G8, "{words}");
        assert!(seeder.flags.contains(&Flag::GapInRange) && !seeder.flags.contains(&Flag::Resynchronised));
        let gaps = details(&evidence, Kind::Gap);
        assert_eq!(gaps.len(), 1, "{gaps:?}");
        assert!(gaps[0].starts_with("the payload of 1 packet ") && gaps[0].contains(words), "{gaps:?}");
        nobody_refuted(&evidence);
    }
}

#[test]
fn utp_over_ipv6_gives_the_same_figures() {
    let torrent = two_block_pieces();
    let (m, s) = ("[2a02:c7c::10]:50001", "[2a01:4f8::1]:6881");
    let mut world = World::new();
    let mut conn = UtpConn::open(&mut world, address(m), address(s), 1, [65_535, 65_535]);
    conn.join(&mut world, &torrent, [id(1), id(2)]);
    (0..torrent.pieces()).for_each(|piece| conn.fetch(&mut world, &torrent, piece));
    let evidence = analyze(&world, &torrent);
    let seeder = transfer(&evidence, s, m);
    assert_eq!((seeder.bytes, seeder.grade), (clean(sent(&world)), Grade::G9));
    assert!(seeder.standard.is_some());
}

#[test]
fn packets_numbered_anew_when_sent_again_accuse_nobody() {
    let torrent = four_pieces();
    for cuts in [[700, 1_300, 2_000, 3_000], [200, 1_300, 1_400, 3_100], [1_299, 1_300, 1_301, 16_000]] {
        let mut world = World::new();
        let mut conn = opened(&mut world, &torrent, 4_711);
        conn.fetch(&mut world, &torrent, 0);
        (1..4).for_each(|piece| conn.send(&mut world, 0, &wire::request(piece, 0, torrent.piece_len(piece))));
        let number = conn.next(1);
        conn.promise(&mut world, 1, 1, 0, SMALL, true);
        let message = wire::piece(1, 0, torrent.piece(1));
        // Two packets that get lost behind the tap, then the same bytes in other packets from the same number on.
        conn.packet(&mut world, 1, Type::Data, &message[..1_300]);
        conn.packet(&mut world, 1, Type::Data, &message[1_300..2_600]);
        conn.again(&mut world, 1, number, &message[..cuts[0]]);
        conn.again(&mut world, 1, number.wrapping_add(1), &message[cuts[0]..cuts[1]]);
        conn.packet(&mut world, 1, Type::Data, &message[cuts[1]..cuts[2]]);
        conn.packet(&mut world, 1, Type::Data, &message[cuts[2]..cuts[3]]);
        conn.packet(&mut world, 1, Type::Data, &message[cuts[3]..]);
        conn.state(&mut world, 0);
        (2..4).for_each(|piece| conn.deliver(&mut world, 1, piece, 0, torrent.piece(piece), true));
        let evidence = analyze(&world, &torrent);
        nobody_refuted(&evidence);
        let others = sent(&world) - u64::from(SMALL);
        assert!(transfer(&evidence, S, M).bytes.verified >= others, "{cuts:?} {:#?}", evidence.transfers[0].bytes);
    }
}
