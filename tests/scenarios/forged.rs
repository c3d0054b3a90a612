//! Openings and ends that nobody sent whose name they bear (T65), and connections that begin as the one before (X60).

use peerproof::evidence::{Evidence, Grade};

use super::*;
use crate::synth::frame::Flags;
use crate::synth::run::{Run, analyze, transfer};
use crate::synth::swarm::Body;
use crate::synth::utp::{Kind as Type, UtpConn, header};

/// A packet with any numbers, as anybody can send one in the name of `side`.
fn forge(world: &mut World, conn: Conn, side: Side, flags: Flags, [seq, ack]: [u32; 2], payload: &[u8]) {
    // The acknowledgement that follows gives time, addresses and identification.
    world.ack(conn, side);
    let packet = world.packets.last_mut().expect("just sent");
    packet.body = Body::Tcp { seq, ack, flags, offset: u64::MAX / 2, payload: payload.to_vec() };
}

/// S serves four pieces to M, of which the last is bad; `interfere` does so between the second and the third.
fn with_interference(torrent: &Torrent, interfere: impl Fn(&mut World, Conn)) -> World {
    let mut world = World::new();
    let conn = join(&mut world, torrent, M, S);
    (0..2).for_each(|piece| world.fetch(conn, Side::B, torrent, piece));
    interfere(&mut world, conn);
    world.fetch(conn, Side::B, torrent, 2);
    for (begin, len) in torrent.blocks(3) {
        world.send(conn, Side::A, &wire::request(3, begin, len));
        world.bad_piece(conn, Side::B, torrent, 3, begin, len);
    }
    world
}

/// One connection, three good pieces, and the bad one laid upon S.
fn is_whole(evidence: &Evidence, what: &str) {
    let seeder = transfer(evidence, S, M);
    let good = 3 * 2 * u64::from(SMALL);
    let bytes = seeder.bytes;
    assert_eq!(
        (bytes.verified, bytes.refuted, bytes.unproven),
        (good, 2 * u64::from(SMALL), 0),
        "{what}: {bytes:?}"
    );
    assert_eq!((seeder.connections, seeder.grade, bytes.lost), (1, Grade::G8, 0), "{what}");
    assert!(seeder.standard.is_some(), "{what}");
}

#[test]
fn t65_what_a_stranger_sends_in_the_name_of_an_end_ends_no_tcp_connection() {
    let torrent = two_block_pieces();
    let hello = wire::handshake([7; 20], id(9));
    for side in [Side::A, Side::B] {
        // Far from the numbers in use, and within what the receiver's window may be.
        for near in [None, Some(1 << 16), Some(1 << 22)] {
            let numbers = |world: &World, conn: Conn| {
                let own = world.packets.iter().rev().find(|packet| (packet.conn, packet.side) == (conn, side));
                let Body::Tcp { seq, .. } = own.expect("it sent").body else { panic!("TCP") };
                near.map_or(0x5a5a_5a5a, |ahead| seq.wrapping_add(ahead))
            };
            for what in ["SYN", "SYN-ACK", "SYN, ACK and handshake", "RST", "RST and SYN", "FIN"] {
                let interfere = |world: &mut World, conn: Conn| {
                    let seq = numbers(world, conn);
                    let [next, other] = [seq.wrapping_add(1), 0x6b6b_6b6b];
                    match what {
                        "SYN" => forge(world, conn, side, Flags::SYN, [seq, 0], &[]),
                        "SYN-ACK" => forge(world, conn, side, Flags::SYN | Flags::ACK, [seq, other], &[]),
                        "RST" => forge(world, conn, side, Flags::RST, [seq, 0], &[]),
                        "FIN" => forge(world, conn, side, Flags::FIN | Flags::ACK, [seq, other], &[]),
                        "RST and SYN" => {
                            forge(world, conn, side, Flags::RST, [seq, 0], &[]);
                            forge(world, conn, side, Flags::SYN, [seq.wrapping_add(99), 0], &[]);
                        }
                        _ => {
                            forge(world, conn, side, Flags::SYN, [seq, 0], &[]);
                            forge(world, conn, side, Flags::ACK, [next, other], &[]);
                            forge(world, conn, side, Flags::ACK, [next, other], &hello);
                        }
                    }
                };
                let world = with_interference(&torrent, interfere);
                is_whole(&analyze(&world, &torrent), &format!("{what} of {side:?}, {near:?}"));
            }
        }
    }
}

#[test]
fn t65_after_a_forged_rst_and_minutes_of_silence_the_connection_goes_on() {
    let torrent = two_block_pieces();
    let world = with_interference(&torrent, |world, conn| {
        forge(world, conn, Side::A, Flags::RST, [world_seq(world, conn).wrapping_add(50_000), 0], &[]);
        world.pass(100_000_000_000);
        // Another connection lets the time be noticed.
        let other = join(world, &torrent, "81.2.69.11:50001", S2);
        world.close(other, Side::A);
    });
    is_whole(&analyze(&world, &torrent), "RST and silence");
}

/// The number that M used last.
fn world_seq(world: &World, conn: Conn) -> u32 {
    let own = world.packets.iter().rev().find(|packet| (packet.conn, packet.side) == (conn, Side::A));
    let Body::Tcp { seq, .. } = own.expect("it sent").body else { panic!("TCP") };
    seq
}

#[test]
fn t65_a_forged_opening_hides_nothing_of_a_connection_of_which_one_direction_was_captured() {
    let torrent = two_block_pieces();
    let mut world = with_interference(&torrent, |world, conn| {
        forge(world, conn, Side::B, Flags::SYN, [0x5a5a_5a5a, 0], &[]);
        forge(world, conn, Side::B, Flags::ACK, [0x5a5a_5a5b, 0x6b6b_6b6b], &wire::handshake([7; 20], id(9)));
    });
    world.only(Conn(0), Side::B);
    let evidence = analyze(&world, &torrent);
    let seeder = transfer(&evidence, S, M);
    assert_eq!((seeder.bytes.verified, seeder.connections), (6 * u64::from(SMALL), 1));
}

#[test]
fn t65_what_a_stranger_sends_in_the_name_of_an_end_ends_no_utp_connection() {
    let torrent = two_block_pieces();
    let hello = wire::handshake([7; 20], id(9));
    for number in [1, 0x5555, 40_000] {
        for (end, reset) in [(0, false), (0, true), (1, true)] {
            let mut world = World::new();
            let mut conn = UtpConn::open(&mut world, address(M), address(S), 700, [1, 20_000]);
            conn.join(&mut world, &torrent, [id(1), id(2)]);
            (0..2).for_each(|piece| conn.fetch(&mut world, &torrent, piece));
            let ends = [address(M), address(S)];
            if reset {
                let packet = header(Type::Reset, 0, 700 + 1 - end as u16, world.now, 9, 9);
                world.datagram(ends[end], ends[1 - end], &packet);
            }
            if end == 0 {
                let syn = header(Type::Syn, 0, 700, world.now, number, 0);
                world.datagram(ends[0], ends[1], &syn);
                // Behind the number that the connection began with, it would be a second version of the handshake.
                if number > 1 {
                    let data = header(Type::Data, 0, 701, world.now, number.wrapping_add(1), 0x6b6b);
                    world.datagram(ends[0], ends[1], &[data, hello.clone()].concat());
                }
            }
            conn.fetch(&mut world, &torrent, 2);
            for (begin, len) in torrent.blocks(3) {
                conn.send(&mut world, 0, &wire::request(3, begin, len));
                let mut bytes = torrent.block(3, begin, len).to_vec();
                bytes[5] ^= 1;
                conn.deliver(&mut world, 1, 3, begin, &bytes, false);
            }
            // The end of the last block is certain with what follows it.
            conn.send(&mut world, 1, &wire::choke());
            is_whole(&analyze(&world, &torrent), &format!("{number}, RESET {reset} of end {end}"));
        }
    }
}

#[test]
fn x60_a_connection_with_the_initial_number_of_the_one_before_is_another_one() {
    let (torrent, other) = (two_block_pieces(), Recipe::single("o", 2 * SMALL, 4 * SMALL as usize, 77).v1());
    for (reset, pause, answered) in [
        (false, 100_000_000_000, 5_000),
        (false, 50_000_000, 5_000),
        (true, 1_000_000_000, 9),
        (true, 90_000_000_000, 9),
    ] {
        let mut world = World::new();
        for (torrent, number) in [(&torrent, 5_000), (&other, answered)] {
            let conn = world.conn_at(address(M), address(S), [1_000, number]);
            world.open(conn);
            world.send(conn, Side::A, &wire::handshake(torrent.info_hash, id(1)));
            world.send(conn, Side::B, &wire::handshake(torrent.info_hash, id(2)));
            world.send(conn, Side::B, &wire::bitfield_full(torrent.pieces()));
            world.send(conn, Side::B, &wire::unchoke());
            fetch_all(&mut world, conn, torrent);
            if reset {
                world.reset(conn, Side::A);
            } else {
                world.close(conn, Side::A);
            }
            world.pass(pause);
        }
        let evidence = Run::new().capture(world.pcap()).torrent(&torrent).torrent(&other).evidence();
        assert_eq!(evidence.transfers.iter().filter(|transfer| transfer.bytes.served > 0).count(), 2);
        assert_eq!(evidence.transfers.iter().map(|transfer| transfer.bytes.verified).sum::<u64>(), sent(&world));
    }
}

#[test]
fn t54_t65_one_blind_packet_with_numbers_far_ahead_loses_nothing() {
    let torrent = two_block_pieces();
    for ahead in [1_000_000_000, 20 << 20] {
        for blind in [true, false] {
            // An acknowledgement in the name of the receiver, of bytes that nobody sent, and a FIN in that of the sender.
            let acknowledge = |world: &mut World, conn: Conn| {
                let own = world_seq(world, conn);
                let seq = if blind { own ^ 0x5a5a_5a5a } else { own };
                let sent = 77_777_777_u32.wrapping_add(ahead);
                forge(world, conn, Side::A, Flags::ACK, [seq, sent], &[]);
            };
            let finish = |world: &mut World, conn: Conn| {
                let seq = 77_777_777_u32.wrapping_add(ahead);
                forge(world, conn, Side::B, Flags::FIN | Flags::ACK, [seq, world_seq(world, conn)], &[]);
            };
            for (what, interfere) in [("ACK", &acknowledge as &dyn Fn(&mut World, Conn)), ("FIN", &finish)] {
                let mut world = with_interference(&torrent, interfere);
                is_whole(&analyze(&world, &torrent), &format!("{what} {ahead} blind {blind} in the middle"));
                interfere(&mut world, Conn(0));
                let evidence = analyze(&world, &torrent);
                is_whole(&evidence, &format!("{what} {ahead} blind {blind} twice, and at the end"));
                let seeder = transfer(&evidence, S, M);
                assert!(!seeder.flags.contains(&peerproof::evidence::Flag::GapInRange), "{:?}", seeder.flags);
            }
        }
    }
}

#[test]
fn t65_a_forged_answer_to_the_syn_before_the_genuine_one_hides_nothing() {
    let torrent = two_block_pieces();
    for (from, to, side) in [(M, S, Side::B), (S, M, Side::A)] {
        let mut world = World::new();
        let conn = join_by(&mut world, &torrent, from, to, side);
        (0..3).for_each(|piece| world.fetch(conn, side, &torrent, piece));
        world.close(conn, Side::A);
        let mut forged = world.packets[1].clone();
        if let Body::Tcp { seq, .. } = &mut forged.body {
            *seq ^= 0x5a5a_5a5a;
        }
        world.packets.insert(1, forged);
        let bytes = transfer(&analyze(&world, &torrent), S, M).bytes;
        assert_eq!((bytes.verified, bytes.lost), (3 * 2 * u64::from(SMALL), 0), "{from}: {bytes:?}");
    }
}

/// A connection that `from` opens, over which `side` has everything and lets the other one ask.
fn join_by(world: &mut World, torrent: &Torrent, from: &str, to: &str, side: Side) -> Conn {
    let conn = world.meet(address(from), address(to), torrent.info_hash, [id(1), id(2)]);
    world.send(conn, side, &wire::bitfield_full(torrent.pieces()));
    world.send(conn, side.other(), &wire::interested());
    world.send(conn, side, &wire::unchoke());
    conn
}

#[test]
fn t52_forged_data_before_the_answer_to_the_forged_syn_refutes_nobody() {
    let torrent = two_block_pieces();
    for moved in 1..12 {
        let mut world = World::new();
        let conn = join_by(&mut world, &torrent, S, M, Side::A);
        for (begin, len) in torrent.blocks(0) {
            world.send(conn, Side::B, &wire::request(0, begin, len));
            world.bad_piece(conn, Side::A, &torrent, 0, begin, len);
        }
        for packet in world.packets.iter_mut().filter(|packet| packet.side == Side::A) {
            if let Body::Tcp { ack, flags, .. } = &mut packet.body
                && flags.has(Flags::ACK)
            {
                *ack = 12_345;
            }
        }
        let answer = world.packets.remove(1);
        world.packets.insert(1 + moved, answer);
        let evidence = analyze(&world, &torrent);
        let refuted: u64 = evidence.subjects.iter().map(|subject| subject.bytes.refuted).sum();
        assert_eq!(refuted, 0, "{moved}");
        let victim = evidence.subjects.iter().find(|subject| subject.endpoint.to_string() == S).expect("a row");
        assert!(victim.standard.is_none() && !victim.actionable, "{moved}: {:?}", victim.flags);
    }
}

#[test]
fn t53_t68_a_forged_segment_that_stands_before_all_of_the_other_tap_is_held_against_nobody() {
    let torrent = two_block_pieces();
    for away in [-90_000_i64, 70_000, 1 << 31, -12_345_678] {
        let mut world = World::new();
        let conn = join_by(&mut world, &torrent, M, S, Side::B);
        (0..2).for_each(|piece| world.fetch(conn, Side::B, &torrent, piece));
        // One segment is not the sender's, and no other copy of it was captured.
        let forged = world.packets.iter_mut().filter(|packet| packet.payload().len() > 1_000).nth(9).expect("data");
        if let Body::Tcp { ack, payload, .. } = &mut forged.body {
            *ack = ack.wrapping_add(away as u32);
            payload[300] ^= 1;
        }
        // The tap of S runs ahead.
        let (ahead, behind): (Vec<_>, Vec<_>) =
            world.packets.iter().cloned().partition(|packet| packet.side == Side::B);
        let (mut one, mut other) = (world.clone(), world);
        (one.packets, other.packets) = (ahead, behind);
        for packet in &mut one.packets {
            packet.time -= 1_000_000_000;
        }
        let evidence = Run::new().capture(one.pcap()).capture(other.pcap()).torrent(&torrent).evidence();
        let bytes = transfer(&evidence, S, M).bytes;
        assert_eq!((bytes.refuted, bytes.lost), (0, 0), "{away}: {bytes:?}");
        assert!(bytes.verified >= 2 * u64::from(SMALL), "{away}: {bytes:?}");
    }
}

/// The numbers of the last packet of `side`: the next one that it sends, and the one that it acknowledges.
fn numbers(world: &World, side: Side) -> [u32; 2] {
    let own = world.packets.iter().rev().find(|packet| packet.side == side).expect("it sent");
    let Body::Tcp { seq, ack, payload, .. } = &own.body else { panic!("TCP") };
    [seq.wrapping_add(payload.len() as u32), *ack]
}

#[test]
fn t52_t54_a_blind_segment_far_ahead_loses_and_doubles_nothing_whatever_it_holds() {
    let torrent = two_block_pieces();
    let bad = [wire::handshake(torrent.info_hash, id(7)), wire::piece(3, 0, &[9; 900])].concat();
    for ahead in [1_u32 << 29, (1 << 30) - 5, 20 << 20] {
        for payload in [&bad[..], b"x"] {
            let interfere = |world: &mut World, conn: Conn| {
                let [seq, ack] = numbers(world, Side::B);
                let blind = [seq.wrapping_add(ahead), ack.wrapping_add(1 << 30)];
                forge(world, conn, Side::B, Flags::ACK, blind, payload);
            };
            let world = with_interference(&torrent, interfere);
            is_whole(&analyze(&world, &torrent), &format!("{ahead}"));
            // And with a second tap, whose clock is behind and who does not have it.
            let mut second = with_interference(&torrent, |world, conn| world.ack(conn, Side::B));
            second.packets.iter_mut().for_each(|packet| packet.time -= 900_000_000);
            let evidence = Run::new().capture(world.pcap()).capture(second.pcap()).torrent(&torrent).evidence();
            let bytes = transfer(&evidence, S, M).bytes;
            let sums = (bytes.verified, bytes.refuted, bytes.repeated, bytes.lost);
            assert_eq!(sums, (6 * u64::from(SMALL), 2 * u64::from(SMALL), 0, 0), "{ahead}, two taps: {bytes:?}");
        }
    }
}

#[test]
fn t53_what_stands_behind_an_acknowledged_fin_refutes_nobody() {
    let torrent = two_block_pieces();
    for more in 1..4 {
        let mut world = World::new();
        let conn = join_by(&mut world, &torrent, M, S, Side::B);
        (0..3).for_each(|piece| world.fetch(conn, Side::B, &torrent, piece));
        world.close(conn, Side::B);
        let [own, ack] = numbers(&world, Side::A);
        for block in 0..more {
            let seq = ack.wrapping_sub(1).wrapping_add(block * (13 + SMALL));
            let bad = wire::piece(3, block % 2 * SMALL, &vec![9; SMALL as usize]);
            forge(&mut world, conn, Side::B, Flags::ACK, [seq, own], &bad);
        }
        let bytes = transfer(&analyze(&world, &torrent), S, M).bytes;
        assert_eq!((bytes.verified, bytes.refuted), (6 * u64::from(SMALL), 0), "{more}: {bytes:?}");
    }
}

#[test]
fn t53_utp_data_under_the_number_of_a_fin_refutes_nobody() {
    let torrent = Recipe::single("short.bin", 2 * SMALL, 6 * SMALL as usize + 900, 3).v1();
    for before in [true, false] {
        for away in [0_u16, 20_000] {
            let mut world = World::new();
            let mut conn = UtpConn::open(&mut world, address(M), address(S), 700, [1, 20_000]);
            conn.join(&mut world, &torrent, [id(1), id(2)]);
            (0..3).for_each(|piece| conn.fetch(&mut world, &torrent, piece));
            let (number, ack) = (conn.next(1), conn.next(0).wrapping_sub(1));
            let fin = header(Type::Fin, 0, 700, world.now, number, ack);
            let data = header(Type::Data, 0, 700, world.now, number, ack.wrapping_sub(away));
            let data = [data, wire::piece(3, 0, &[9; 900])].concat();
            for packet in if before { [&data[..], &fin[..]] } else { [&fin[..], &data[..]] } {
                world.datagram(address(S), address(M), packet);
                world.pass(1_000_000);
            }
            let state = header(Type::State, 0, 701, world.now, ack.wrapping_add(1), number);
            world.datagram(address(M), address(S), &state);
            let bytes = transfer(&analyze(&world, &torrent), S, M).bytes;
            assert_eq!((bytes.verified, bytes.refuted), (6 * u64::from(SMALL), 0), "{before} {away}: {bytes:?}");
        }
    }
}

/// Two taps of a connection over uTP, each with one direction, the second one far behind the first.
fn two_taps(world: &World, ends: [&str; 2], first: usize) -> Run {
    let (ahead, behind): (Vec<_>, Vec<_>) =
        world.packets.iter().cloned().partition(|packet| packet.from == address(ends[first]));
    let (mut one, mut other) = (world.clone(), world.clone());
    (one.packets, other.packets) = (ahead, behind);
    one.packets.iter_mut().for_each(|packet| packet.time -= 1_000_000_000_000);
    Run::new().capture(one.pcap()).capture(other.pcap())
}

#[test]
fn t53_t68_a_forged_utp_packet_that_stands_before_all_of_the_other_tap_is_held_against_nobody() {
    let recipe = || Recipe::single("two.bin", 2 * SMALL, 40 * SMALL as usize, 8);
    for (torrent, version) in [(recipe().v1(), "v1"), (recipe().v2(), "v2"), (recipe().hybrid(), "hybrid")] {
        for ends in [[M, S], ["[2001:db8::20]:50001", "[2001:db8::7]:6881"]] {
            for away in [-20_000_i16, 700, 20_000, -70] {
                for opener in [0, 1] {
                    let mut world = World::new();
                    let (from, to) = (address(ends[opener]), address(ends[1 - opener]));
                    let mut conn = UtpConn::open(&mut world, from, to, 4_711, [100, 65_300]);
                    let [asks, serves] = [opener, 1 - opener];
                    conn.send(&mut world, asks, &wire::handshake(torrent.info_hash, id(1)));
                    conn.send(&mut world, serves, &wire::handshake(torrent.info_hash, id(2)));
                    conn.send(&mut world, serves, &wire::bitfield_full(torrent.pieces()));
                    conn.send(&mut world, asks, &wire::interested());
                    conn.send(&mut world, serves, &wire::unchoke());
                    for piece in 0..torrent.pieces() {
                        for (begin, len) in torrent.blocks(piece) {
                            conn.send(&mut world, asks, &wire::request(piece, begin, len));
                            let block = torrent.block(piece, begin, len);
                            conn.deliver(&mut world, serves, piece, begin, block, true);
                        }
                    }
                    let own =
                        |packet: &&mut Packet| packet.from == address(ends[1]) && packet.payload().len() > 1_000;
                    let forged = world.packets.iter_mut().filter(own).nth(20).expect("data");
                    if let Body::Udp { payload } = &mut forged.body {
                        let ack = u16::from_be_bytes([payload[18], payload[19]]).wrapping_add(away as u16);
                        payload[18..20].copy_from_slice(&ack.to_be_bytes());
                        payload[500] ^= 1;
                    }
                    let evidence = two_taps(&world, ends, 1).torrent(&torrent).evidence();
                    let refuted: u64 = evidence.subjects.iter().map(|subject| subject.bytes.refuted).sum();
                    let bytes = transfer(&evidence, ends[1], ends[0]).bytes;
                    let name = format!("{version} {} {away} {opener}: {bytes:?}", ends[0]);
                    assert_eq!((refuted, bytes.lost), (0, 0), "{name}");
                    assert!(bytes.verified >= sent(&world) - 2 * u64::from(SMALL), "{name}");
                }
            }
        }
    }
}

#[test]
fn t54_t65_one_blind_utp_acknowledgement_far_ahead_loses_nothing() {
    let torrent = two_block_pieces();
    for ends in [[M, S], ["[2001:db8::20]:50001", "[2001:db8::7]:6881"]] {
        // By the number of its sender, and how far ahead it is; the middle and the end of the connection.
        for (own, ahead) in [(0x5a5a, 700), (0x5a5a, 5_000), (0, 1_500), (0, 5_000), (0, 20_000), (0, 700)] {
            for again in [false, true] {
                let mut world = World::new();
                let mut conn = UtpConn::open(&mut world, address(ends[0]), address(ends[1]), 4_711, [100, 500]);
                conn.join(&mut world, &torrent, [id(1), id(2)]);
                let blind = |world: &mut World, conn: &UtpConn, last: bool| {
                    if !last || own != 0 || ahead > 1_024 {
                        let (seq, ack) = (conn.next(0) ^ own, conn.next(1).wrapping_add(ahead));
                        // Its clock is as well guessed as its numbers.
                        let packet = header(Type::State, 0, 4_712, world.now ^ (1 << 40), seq, ack);
                        world.datagram(address(ends[0]), address(ends[1]), &packet);
                    }
                };
                (0..2).for_each(|piece| conn.fetch(&mut world, &torrent, piece));
                blind(&mut world, &conn, false);
                world.pass(2_500_000_000);
                (2..torrent.pieces()).for_each(|piece| conn.fetch(&mut world, &torrent, piece));
                if again {
                    blind(&mut world, &conn, true);
                }
                let evidence = analyze(&world, &torrent);
                let seeder = transfer(&evidence, ends[1], ends[0]);
                let name = format!("{} {own} {ahead} {again}: {:?} {:?}", ends[0], seeder.bytes, seeder.flags);
                assert_eq!(seeder.bytes, clean(sent(&world)), "{name}");
                assert!(seeder.flags.is_empty() && seeder.standard.is_some(), "{name}");
            }
        }
    }
}
