//! Packets that anybody could have sent with another's address: T52 to T54, over TCP and uTP, IPv4 and IPv6, v1, v2 and
//! hybrid.

use peerproof::evidence::{Bytes, Evidence, Flag, Grade};

use super::*;
use crate::synth::run::{Run, analyze, subject, transfer};
use crate::synth::swarm::Body;
use crate::synth::utp::{Kind, UtpConn};

const M6: &str = "[2001:db8::20]:50001";
const S6: &str = "[2001:db8::7]:6881";
/// The port from which the forger says that S connects.
const FORGED: &str = "93.184.16.1:40404";

fn torrents() -> [Torrent; 3] {
    let recipe = || Recipe::single("r.bin", 2 * SMALL, 8 * SMALL as usize, 21);
    [recipe().v1(), recipe().v2(), recipe().hybrid()]
}

/// Overwrites the acknowledgement of every packet from `at`: who sent them saw nothing.
fn blind(world: &mut World, from: usize, at: &str, tcp: impl Fn(u32) -> u32, utp: impl Fn(u16) -> u16) {
    let forger = address(at);
    for packet in world.packets.iter_mut().skip(from).filter(|packet| packet.from == forger) {
        match &mut packet.body {
            Body::Tcp { ack, flags, .. } if flags.has(crate::synth::frame::Flags::ACK) => *ack = tcp(*ack),
            Body::Tcp { .. } => {}
            // Not the answer to a SYN, whose number everybody knows.
            Body::Udp { payload } if payload.len() >= 20 => {
                let number = u16::from_be_bytes([payload[18], payload[19]]);
                payload[18..20].copy_from_slice(&utp(number).to_be_bytes());
            }
            Body::Udp { .. } => {}
        }
    }
}

/// A whole connection from `s` to `m`, over TCP or uTP: it has everything, is asked for two pieces and sends them.
pub(super) fn connection(world: &mut World, torrent: &Torrent, [s, m]: [&str; 2], utp: bool, good: bool) {
    if utp {
        let mut conn = UtpConn::open(world, address(s), address(m), 9_000, [1, 20_000]);
        conn.send(world, 0, &wire::handshake(torrent.info_hash, id(2)));
        conn.send(world, 1, &wire::handshake(torrent.info_hash, id(1)));
        conn.send(world, 0, &wire::bitfield_full(torrent.pieces()));
        conn.send(world, 0, &wire::unchoke());
        for (piece, begin) in [(0, 0), (0, SMALL), (1, 0), (1, SMALL)] {
            conn.send(world, 1, &wire::request(piece, begin, SMALL));
            let mut block = torrent.block(piece, begin, SMALL).to_vec();
            block[99] ^= u8::from(!good);
            conn.deliver(world, 0, piece, begin, &block, good);
        }
        conn.send(world, 1, &wire::have(0));
        conn.packet(world, 0, Kind::Fin, &[]);
        return;
    }
    let conn = world.meet(address(s), address(m), torrent.info_hash, [id(2), id(1)]);
    world.send(conn, Side::A, &wire::bitfield_full(torrent.pieces()));
    world.send(conn, Side::A, &wire::unchoke());
    for (piece, begin) in [(0, 0), (0, SMALL), (1, 0), (1, SMALL)] {
        world.send(conn, Side::B, &wire::request(piece, begin, SMALL));
        let mut block = torrent.block(piece, begin, SMALL).to_vec();
        block[99] ^= u8::from(!good);
        world.deliver(conn, Side::A, piece, begin, &block, good);
    }
    world.send(conn, Side::B, &wire::have(0));
}

const FOUR: u64 = 4 * SMALL as u64;

/// The standard and GX of every subject: whether any has them.
fn accused(evidence: &Evidence) -> bool {
    evidence.subjects.iter().any(|subject| subject.bytes.refuted > 0)
}

#[test]
fn t52_a_connection_forged_blind_says_nothing_of_its_address() {
    for torrent in torrents() {
        for (ends, utp) in [([FORGED, M], false), ([FORGED, M], true), ([S6, M6], false), ([S6, M6], true)] {
            for (good, behind) in
                [(true, 77_000_u32), (false, 77_000), (false, 500_000_000), (false, 0_u32.wrapping_sub(99_000))]
            {
                let mut world = World::new();
                connection(&mut world, &torrent, ends, utp, good);
                blind(
                    &mut world,
                    0,
                    ends[0],
                    |ack| ack.wrapping_sub(behind),
                    |ack| ack.wrapping_sub(behind as u16 | 1),
                );
                let evidence = analyze(&world, &torrent);
                let row = transfer(&evidence, ends[0], ends[1]);
                let subject = subject(&evidence, ends[0]);
                let (verified, unproven) = if good { (FOUR, 0) } else { (0, FOUR) };
                let expected = Bytes { served: FOUR, verified, sole: verified, unproven, ..row.bytes };
                assert_eq!(row.bytes, expected, "{utp} {good} {behind}");
                assert!(subject.flags.contains(&Flag::ReturnPathUnconfirmed) && !accused(&evidence));
                assert!(subject.standard.is_none() && row.standard.is_none());
                assert!(good || subject.grade <= Grade::G2, "{:?}", subject.grade);
                // The other end answered, and shows it.
                assert!(!transfer(&evidence, ends[1], ends[0]).flags.contains(&Flag::ReturnPathUnconfirmed));
            }
        }
    }
}

#[test]
fn an_honest_connection_of_either_transport_is_confirmed() {
    for torrent in torrents() {
        for (ends, utp) in [([FORGED, M], false), ([FORGED, M], true), ([S6, M6], true)] {
            let mut world = World::new();
            connection(&mut world, &torrent, ends, utp, true);
            let evidence = analyze(&world, &torrent);
            let row = transfer(&evidence, ends[0], ends[1]);
            assert_eq!(row.bytes, clean(FOUR));
            assert!(
                row.standard.is_some() && evidence.transfers.iter().all(|row| row.flags.is_empty()),
                "{row:#?}"
            );
            // From its middle on, too.
            for start in [5, 30] {
                let mut rest = world.clone();
                rest.packets.drain(..start);
                let evidence = Run::new().capture(rest.pcap()).torrent(&torrent).evidence();
                let flagged =
                    |row: &peerproof::evidence::Transfer| row.flags.contains(&Flag::ReturnPathUnconfirmed);
                assert!(!evidence.transfers.iter().any(flagged), "{:#?}", evidence.transfers);
            }
        }
    }
}

#[test]
fn t52_a_real_connection_beside_a_forged_one_is_untouched() {
    for torrent in torrents() {
        for utp in [false, true] {
            let (mut world, _) = one_seeder(&torrent);
            let real = sent(&world);
            let start = world.packets.len();
            connection(&mut world, &torrent, [FORGED, M], utp, false);
            blind(&mut world, start, FORGED, |ack| ack ^ 0x4000_0000, |ack| ack ^ 0x4000);
            let evidence = analyze(&world, &torrent);
            let row = transfer(&evidence, S, M);
            assert_eq!((row.bytes, row.grade), (clean(real), Grade::G9));
            assert!(row.flags.is_empty() && row.standard.is_some() && !accused(&evidence));
        }
    }
}

#[test]
fn what_d_answers_with_a_reset_is_not_confirmed_by_the_number_in_it() {
    let torrent = two_block_pieces();
    let mut world = World::new();
    connection(&mut world, &torrent, [FORGED, M], false, false);
    blind(&mut world, 0, FORGED, |ack| ack ^ 0x4000_0000, |ack| ack);
    let forged: Vec<_> = world.packets.iter().filter(|packet| packet.from == address(FORGED)).cloned().collect();
    // A host that knows no such connection answers each segment with the number that it acknowledges.
    let resets = forged.iter().map(|packet| {
        let mut reset = packet.clone();
        (reset.from, reset.to, reset.side) = (packet.to, packet.from, packet.side.other());
        if let (Body::Tcp { seq, ack, flags, payload, offset }, Body::Tcp { ack: named, .. }) =
            (&mut reset.body, &packet.body)
        {
            (*seq, *ack, *offset) = (*named, 0, 0);
            *flags = crate::synth::frame::Flags::RST;
            payload.clear();
        }
        reset
    });
    world.packets = forged.iter().cloned().zip(resets).flat_map(|(one, other)| [one, other]).collect();
    let evidence = analyze(&world, &torrent);
    assert!(subject(&evidence, FORGED).flags.contains(&Flag::ReturnPathUnconfirmed) && !accused(&evidence));
}

/// A real connection in which somebody else's bad piece stands in sequence, and what M acknowledges of it.
fn injected(torrent: &Torrent, utp: bool, ack: Option<u32>, goes_on: bool) -> Evidence {
    let mut world = World::new();
    if utp {
        let mut conn = UtpConn::open(&mut world, address(M), address(S), 4_711, [1, 500]);
        conn.join(&mut world, torrent, [id(1), id(2)]);
        conn.fetch(&mut world, torrent, 0);
        conn.acks = false;
        let start = world.packets.len();
        let seen = conn.next(1);
        for begin in [0, SMALL] {
            let mut block = torrent.block(1, begin, SMALL).to_vec();
            block[7] ^= 1;
            conn.deliver(&mut world, 1, 1, begin, &block, false);
        }
        if ack.is_some() {
            blind(&mut world, start, S, |ack| ack, |ack| ack ^ 0x2000);
            // M took them, as far as its acknowledgements go.
            conn.state(&mut world, 0);
        }
        if goes_on {
            let next = world.packets.len();
            conn.send(&mut world, 0, &wire::have(0));
            conn.send(&mut world, 0, &wire::have(0));
            blind(&mut world, next, M, |ack| ack, |_| seen.wrapping_sub(1));
        }
        return analyze(&world, torrent);
    }
    let conn = join(&mut world, torrent, M, S);
    world.fetch(conn, Side::B, torrent, 0);
    let before = world.sent(conn, Side::B);
    world.acks = crate::synth::swarm::Acks::Never;
    let start = world.packets.len();
    for begin in [0, SMALL] {
        world.bad_piece(conn, Side::B, torrent, 1, begin, SMALL);
    }
    if let Some(ack) = ack {
        blind(&mut world, start, S, |number| number.wrapping_add(ack), |ack| ack);
        world.acks = crate::synth::swarm::Acks::EverySegment;
        world.ack(conn, Side::A);
    }
    if goes_on {
        world.pass(2_500_000_000);
        world.send(conn, Side::A, &wire::have(0));
        world.send(conn, Side::A, &wire::have(0));
    }
    assert!(before > 0);
    analyze(&world, torrent)
}

#[test]
fn t53_bytes_that_the_receiver_never_acknowledges_or_that_answer_what_it_never_sent_refute_nobody() {
    let two = 2 * u64::from(SMALL);
    for torrent in torrents() {
        for utp in [false, true] {
            for (ack, goes_on) in
                [(None, true), (Some(500_000_000), false), (Some(0_u32.wrapping_sub(500_000_000)), false)]
            {
                let evidence = injected(&torrent, utp, ack, goes_on);
                let bytes = transfer(&evidence, S, M).bytes;
                assert_eq!((bytes.verified, bytes.refuted, bytes.unproven), (two, 0, two), "{utp} {ack:?}");
                if ack.is_none() {
                    assert_eq!(bytes.acknowledged, two);
                }
                assert!(transfer(&evidence, S, M).standard.is_some());
            }
        }
    }
}

#[test]
fn t54_an_acknowledgement_before_its_bytes_confirms_nothing_when_later_ones_fall_behind() {
    let torrent = two_block_pieces();
    for utp in [false, true] {
        let mut world = World::new();
        if utp {
            let mut conn = UtpConn::open(&mut world, address(M), address(S), 4_711, [1, 500]);
            conn.join(&mut world, &torrent, [id(1), id(2)]);
            conn.acks = false;
            let next = conn.next(1);
            conn.sack(&mut world, 0, next.wrapping_add(60), &[0xff; 4]);
            conn.deliver(&mut world, 1, 0, 0, torrent.block(0, 0, SMALL), true);
            conn.deliver(&mut world, 1, 0, SMALL, torrent.block(0, SMALL, SMALL), true);
            let start = world.packets.len();
            conn.send(&mut world, 0, &wire::have(3));
            blind(&mut world, start, M, |ack| ack, |_| next.wrapping_sub(1));
        } else {
            let conn = join(&mut world, &torrent, M, S);
            world.acks = crate::synth::swarm::Acks::Never;
            let start = world.packets.len();
            world.ack(conn, Side::A);
            blind(&mut world, start, M, |ack| ack.wrapping_add(3_000_000), |ack| ack);
            world.piece(conn, Side::B, &torrent, 0, 0, SMALL);
            world.piece(conn, Side::B, &torrent, 0, SMALL, SMALL);
            world.send(conn, Side::A, &wire::have(3));
        }
        let evidence = analyze(&world, &torrent);
        let bytes = transfer(&evidence, S, M).bytes;
        assert_eq!((bytes.acknowledged, bytes.lost, bytes.verified), (0, 0, 2 * u64::from(SMALL)), "{utp}");
    }
}

/// A packet with numbers out of the air in the name of either end, before all others.
fn before_all(world: &World, number: u32, from: &str, flags: crate::synth::frame::Flags, len: usize) -> World {
    let mut world = world.clone();
    let own = |packet: &&Packet| packet.from == address(from);
    let mut packet = world.packets.iter().find(own).expect("it sends").clone();
    packet.time = world.packets[0].time - 1_000_000;
    packet.body = match packet.body {
        Body::Tcp { .. } => {
            Body::Tcp { seq: number, ack: number ^ 0x1234_5678, flags, offset: 0, payload: vec![0x5a; len] }
        }
        Body::Udp { mut payload } => {
            payload.truncate(20);
            payload[16..18].copy_from_slice(&(number as u16).to_be_bytes());
            payload[18..20].copy_from_slice(&(number as u16 ^ 0x5a5a).to_be_bytes());
            payload[0] = if len > 0 { 0x01 } else { 0x21 };
            payload.extend(vec![0x5a; len]);
            Body::Udp { payload }
        }
    };
    world.packets.insert(0, packet);
    world
}

/// Far from what the connections use, in the number spaces of both transports.
const NUMBERS: [u32; 3] = [3_100_060_000, 1_800_012_345, 900_033_000];

#[test]
fn one_blind_packet_before_a_connection_from_its_middle_takes_nothing_of_it() {
    use crate::synth::frame::Flags;
    for torrent in torrents() {
        for (ends, utp) in [([FORGED, M], false), ([FORGED, M], true), ([S6, M6], false), ([S6, M6], true)] {
            let mut world = World::new();
            connection(&mut world, &torrent, ends, utp, true);
            // Without the opening.
            world.packets.drain(..if utp { 2 } else { 3 });
            let whole = analyze(&world, &torrent);
            let expected = transfer(&whole, ends[0], ends[1]);
            assert!(expected.standard.is_some() && expected.bytes.verified == FOUR, "{:?}", expected.bytes);
            for from in ends {
                for (flags, len, number) in [
                    (Flags::ACK, 0),
                    (Flags::SYN, 0),
                    (Flags::SYN | Flags::ACK, 0),
                    (Flags::RST, 0),
                    (Flags::FIN | Flags::ACK, 0),
                    (Flags::ACK, 700),
                    (Flags::ACK, 1),
                ]
                .into_iter()
                .flat_map(|(flags, len)| NUMBERS.map(|number| (flags, len, number)))
                {
                    let evidence = Run::new().capture(before_all(&world, number, from, flags, len).pcap());
                    let evidence = evidence.torrent(&torrent).once(1, 64 << 20).expect("the run can go on");
                    let row = transfer(&evidence, ends[0], ends[1]);
                    let name = format!("{utp} {from} {flags:?} {len} {number}: {:?} {:?}", row.bytes, row.flags);
                    assert_eq!((row.bytes.verified, row.bytes.refuted, row.bytes.lost), (FOUR, 0, 0), "{name}");
                    assert!(!row.flags.contains(&Flag::ReturnPathUnconfirmed), "{name}");
                    assert!(row.standard.is_some(), "{name}");
                }
            }
        }
    }
}

/// S serves three good pieces to M; the last block is bad, and every later packet of S stands before it, if `stands`.
fn hijacked(torrent: &Torrent, [m, s]: [&str; 2], utp: bool, stands: bool) -> World {
    let mut world = World::new();
    let last = torrent.pieces() - 1;
    let blocks = torrent.blocks(last);
    let bad = |(begin, len): (u32, u32)| {
        let mut block = torrent.block(last, begin, len).to_vec();
        block[99] ^= 1;
        block
    };
    let from;
    if utp {
        let mut conn = UtpConn::open(&mut world, address(m), address(s), 9_000, [1, 20_000]);
        conn.join(&mut world, torrent, [id(1), id(2)]);
        (0..last).for_each(|piece| conn.fetch(&mut world, torrent, piece));
        blocks.iter().for_each(|(begin, len)| conn.send(&mut world, 0, &wire::request(last, *begin, *len)));
        let number = conn.next(1);
        blocks.iter().for_each(|at| conn.deliver(&mut world, 1, last, at.0, &bad(*at), false));
        from = world.packets.len();
        (0..3).for_each(|piece| conn.send(&mut world, 0, &wire::have(piece)));
        for packet in world.packets.iter_mut().skip(from).filter(|packet| stands && packet.from == address(s)) {
            if let Body::Udp { payload } = &mut packet.body {
                payload[16..18].copy_from_slice(&number.to_be_bytes());
            }
        }
        return world;
    }
    let conn = join(&mut world, torrent, m, s);
    (0..last).for_each(|piece| world.fetch(conn, Side::B, torrent, piece));
    blocks.iter().for_each(|(begin, len)| world.send(conn, Side::A, &wire::request(last, *begin, *len)));
    let bytes: u32 = blocks.iter().map(|(_, len)| len + 13).sum();
    blocks.iter().for_each(|at| world.deliver(conn, Side::B, last, at.0, &bad(*at), false));
    from = world.packets.len();
    (0..3).for_each(|piece| world.send(conn, Side::A, &wire::have(piece)));
    for packet in world.packets.iter_mut().skip(from).filter(|packet| stands && packet.from == address(s)) {
        if let Body::Tcp { seq, .. } = &mut packet.body {
            *seq = seq.wrapping_sub(bytes);
        }
    }
    world
}

#[test]
fn bytes_that_their_senders_later_packets_do_not_know_of_are_held_against_nobody() {
    for torrent in torrents() {
        for (ends, utp) in [([M, S], false), ([M, S], true), ([M6, S6], false), ([M6, S6], true)] {
            for stands in [true, false] {
                let evidence = analyze(&hijacked(&torrent, ends, utp, stands), &torrent);
                let row = transfer(&evidence, ends[1], ends[0]).bytes;
                let two = 2 * u64::from(SMALL);
                let expected = if stands { (0, two) } else { (two, 0) };
                assert_eq!((row.verified, (row.refuted, row.unproven)), (3 * two, expected), "{utp}: {row:?}");
            }
        }
    }
}
