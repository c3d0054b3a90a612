//! Packets of somebody who saw nothing of a connection, in its middle, or where one direction alone was captured (T52, T53, T65).

use peerproof::evidence::Transfer;

use super::return_path::connection;
use super::*;
use crate::synth::frame::Flags;
use crate::synth::run::{analyze, transfer};
use crate::synth::swarm::Body;

const ENDS: [[&str; 2]; 2] = [[S, M], ["[2001:db8::7]:6881", "[2001:db8::20]:50001"]];
const ALL: u64 = 4 * SMALL as u64;

fn torrents() -> [Torrent; 3] {
    let recipe = || Recipe::single("r.bin", 2 * SMALL, 8 * SMALL as usize, 21);
    [recipe().v1(), recipe().v2(), recipe().hybrid()]
}

/// Over both transports and both families; with the name of the variant.
fn variants() -> impl Iterator<Item = (Torrent, [&'static str; 2], bool, String)> {
    torrents().into_iter().enumerate().flat_map(|(n, torrent)| {
        ENDS.into_iter().flat_map(move |ends| [(ends, false), (ends, true)]).map(move |(ends, utp)| {
            let name = format!("{} {} torrent {n}", if utp { "uTP" } else { "TCP" }, ends[0]);
            (torrent.clone(), ends, utp, name)
        })
    })
}

/// Adds to the numbers of a packet: its own, and what it acknowledges.
fn shift(packet: &mut Packet, own: i64, other: i64) {
    match &mut packet.body {
        Body::Tcp { seq, ack, offset, .. } => {
            *seq = seq.wrapping_add(own as u32);
            *ack = ack.wrapping_add(other as u32);
            if own != 0 {
                *offset = u64::MAX / 2;
            }
        }
        Body::Udp { payload } => {
            for (at, by) in [(16, own), (18, other)] {
                let number = u16::from_be_bytes([payload[at], payload[at + 1]]).wrapping_add(by as u16);
                payload[at..at + 2].copy_from_slice(&number.to_be_bytes());
            }
        }
    }
}

/// The packets of one end with so much payload of its stream.
fn carriers(world: &World, from: &str, least: usize) -> Vec<usize> {
    let header = |packet: &Packet| if packet.offset().is_some() { 0 } else { 20 };
    let carries =
        |packet: &Packet| packet.from == address(from) && packet.payload().len() >= header(packet) + least;
    (0..world.packets.len()).filter(|at| carries(&world.packets[*at])).collect()
}

#[test]
fn t53_where_one_direction_alone_was_captured_an_acknowledgement_that_its_other_packets_contradict_refutes_nobody()
{
    for (torrent, ends, utp, name) in variants() {
        let mut world = World::new();
        connection(&mut world, &torrent, ends, utp, true);
        let sender = address(ends[0]);
        // Whole, and without its opening.
        for start in [0, if utp { 2 } else { 3 }] {
            let mut one = world.clone();
            one.packets.drain(..start);
            one.packets.retain(|packet| packet.from == sender);
            let data = carriers(&one, ends[0], 1_000);
            let far: &[i64] =
                if utp { &[-300, -20_000, 300, 20_000] } else { &[-4_000, -5_000_000, 30_000, 900_000_000] };
            for (place, by) in far.iter().flat_map(|by| [(data.len() - 14, *by), (data.len() - 2, *by), (30, *by)])
            {
                for row in [1, 5] {
                    let (mut forged, mut bad) = (one.clone(), one.clone());
                    for at in data.iter().skip(place).take(row) {
                        let last = |packet: &Packet| packet.payload().len() - 7;
                        for (world, by) in [(&mut forged, by), (&mut bad, 0)] {
                            let packet = &mut world.packets[*at];
                            let byte = last(packet);
                            shift(packet, 0, by);
                            match &mut packet.body {
                                Body::Tcp { payload, .. } | Body::Udp { payload } => payload[byte] ^= 4,
                            }
                        }
                    }
                    let name = format!("{name}, from {start}, {row} from {place} of {}, {by}", data.len());
                    let refuted = |world: &World| {
                        let bytes = transfer(&analyze(world, &torrent), ends[0], ends[1]).bytes;
                        assert_eq!(bytes.served, ALL, "{name}");
                        bytes.refuted
                    };
                    assert!(refuted(&bad) > 0, "{name}: with the acknowledgements of the sender it is");
                    assert_eq!(refuted(&forged), 0, "{name}");
                }
            }
        }
    }
}

/// What nobody's packet may change.
fn figures(row: &Transfer) -> String {
    format!("{:?} {:?} {:?} {:?}", row.bytes, row.grade, row.flags, row.standard.is_some())
}

#[test]
fn t54_t65_one_blind_packet_ahead_loses_nothing_and_shields_nothing() {
    for (torrent, ends, utp, name) in variants() {
        for good in [true, false] {
            let mut world = World::new();
            connection(&mut world, &torrent, ends, utp, good);
            let whole = figures(transfer(&analyze(&world, &torrent), ends[0], ends[1]));
            assert!(good || whole.contains(&format!("refuted: {ALL}")), "{name}: {whole}");
            let far: &[i64] = if utp {
                &[2, 40, 300, 1_000, 5_000, 20_000]
            } else {
                &[3_000, 70_000, 300_000, 5 << 20, 900_000_000]
            };
            for (end, ahead) in ends.iter().flat_map(|end| far.iter().map(move |ahead| (*end, *ahead))) {
                let own = carriers(&world, end, 1);
                for place in [own[own.len() / 2], own[own.len() - 1]] {
                    for finish in [false, true] {
                        let mut forged = world.clone();
                        let mut packet = world.packets[place].clone();
                        shift(&mut packet, ahead, if utp { -15_000 } else { 1_500_000_000 });
                        match &mut packet.body {
                            Body::Tcp { flags, payload, .. } if finish => {
                                *flags = *flags | Flags::FIN;
                                payload.clear();
                            }
                            Body::Udp { payload } if finish => {
                                payload[0] = 0x11;
                                payload.truncate(20);
                            }
                            _ => {}
                        }
                        forged.packets.insert(place + 1, packet);
                        let name = format!("{name} good {good}: {end} {ahead} ahead at {place}, FIN {finish}");
                        let evidence = analyze(&forged, &torrent);
                        assert_eq!(figures(transfer(&evidence, ends[0], ends[1])), whole, "{name}");
                    }
                }
            }
        }
    }
}

/// A world in which another version of a packet stands before it: other bytes of its stream from `from` on, and another
/// acknowledgement.
fn before(world: &mut World, place: usize, from: usize, bytes: &[u8], by: i64) {
    let mut packet = world.packets[place].clone();
    packet.id ^= 0x5555;
    shift(&mut packet, 0, by);
    let header = if packet.offset().is_some() { 0 } else { 20 };
    match &mut packet.body {
        Body::Tcp { payload, .. } | Body::Udp { payload } => {
            let version = payload[header + from..].iter_mut().zip(bytes);
            version.for_each(|(own, other)| *own = *other);
        }
    }
    world.packets.insert(place, packet);
}

#[test]
fn t53_a_version_without_doubt_goes_before_one_in_doubt_wherever_it_stands() {
    for (torrent, ends, utp, name) in variants() {
        for good in [true, false] {
            let mut world = World::new();
            connection(&mut world, &torrent, ends, utp, good);
            let whole = figures(transfer(&analyze(&world, &torrent), ends[0], ends[1]));
            for end in ends {
                let mut forged = world.clone();
                let own = carriers(&world, end, 1);
                let by = if utp { -15_000 } else { 1_500_000_000 };
                // The handshake, and the headers of messages.
                for at in own.iter().skip(1).rev() {
                    before(&mut forged, *at, 0, &[0, 0, 0, 9, 250, 1, 2, 3, 4, 5, 6, 7, 8], by);
                }
                // Of one packet of the other end it is not known whose it is: that of who opens is judged by nothing.
                if end != ends[0] {
                    before(&mut forged, own[0], 28, &[0x77; 20], by);
                }
                let evidence = analyze(&forged, &torrent);
                assert_eq!(figures(transfer(&evidence, ends[0], ends[1])), whole, "{name} good {good}: {end}");
            }
        }
    }
}

#[test]
fn t53_a_handshake_of_two_versions_refutes_nobody_and_the_hash_tells_whose_the_bytes_are() {
    for (torrent, ends, utp, name) in variants() {
        let other = Recipe::single("other.bin", 2 * SMALL, 8 * SMALL as usize, 22);
        let other = if torrent.info_hash == torrents()[1].info_hash { other.v2() } else { other.v1() };
        for good in [true, false] {
            let mut world = World::new();
            connection(&mut world, &torrent, ends, utp, good);
            let mut firsts = ends.map(|end| carriers(&world, end, 68)[0]);
            firsts.sort_unstable();
            for at in firsts.into_iter().rev() {
                before(&mut world, at, 28, &other.info_hash, 0);
            }
            let verified = if good { ALL } else { 0 };
            for given in [&torrent, &other] {
                let evidence = analyze(&world, given);
                let sum = |of: fn(&Transfer) -> u64| -> u64 { evidence.transfers.iter().map(of).sum() };
                let name = format!("{name} good {good}, given {}", given.info_hash == torrent.info_hash);
                assert_eq!(sum(|row| row.bytes.refuted), 0, "{name}");
                assert_eq!(sum(|row| row.bytes.served), ALL, "{name}");
                if given.info_hash == torrent.info_hash {
                    assert_eq!(sum(|row| row.bytes.verified), verified, "{name}");
                }
            }
        }
    }
}
