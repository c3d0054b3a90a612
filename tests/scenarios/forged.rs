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
