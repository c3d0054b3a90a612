//! The Azureus messaging protocol, in which Azureus, Vuze and BiglyBT talk to one another: the same figures as in the
//! messages of BEP 3.

use peerproof::anomaly::Kind;
use peerproof::evidence::{Bytes, Grade};

use super::*;
use crate::synth::run::{analyze, subject, transfer};
use crate::synth::utp::UtpConn;
use crate::synth::wire;

const M6: &str = "[2001:db8::20]:50001";
const S6: &str = "[2001:db8::7]:6881";

/// The two ends of a connection, whatever carries it.
enum Carrier {
    Tcp(Conn),
    Utp(Box<UtpConn>),
}

impl Carrier {
    fn send(&mut self, world: &mut World, end: usize, bytes: &[u8]) {
        match self {
            Self::Tcp(conn) => world.send(*conn, if end == 0 { Side::A } else { Side::B }, bytes),
            Self::Utp(conn) => conn.send(world, end, bytes),
        }
    }
}

/// A seeder serves all of a torrent; `padding` of the Azureus messaging protocol, or BEP 3.
fn exchange(torrent: &Torrent, pair: [&str; 2], utp: bool, mss: usize, padding: Option<u16>) -> World {
    let mut world = World::new().segments_of(mss);
    let [from, to] = pair.map(address);
    let mut carrier = if utp {
        let mut conn = UtpConn::open(&mut world, from, to, 4_711, [100, 900]);
        conn.mtu = mss;
        Carrier::Utp(Box::new(conn))
    } else {
        let conn = world.conn(from, to);
        world.open(conn);
        Carrier::Tcp(conn)
    };
    for (end, number) in [1, 2].into_iter().enumerate() {
        carrier.send(&mut world, end, &wire::handshake(torrent.info_hash, id(number)));
    }
    if let Some(padding) = padding {
        for end in [0, 1] {
            let hello = b"d6:client7:BiglyBT8:identity20:mnopqrstuvwxyz1234568:messagesle8:tcp_porti6999e7:version7:3.9.0.0e";
            carrier.send(&mut world, end, &wire::named("AZ_HANDSHAKE", padding, hello));
        }
    }
    let mut say = |end: usize, message: Vec<u8>| {
        let message = padding.map_or(message.clone(), |padding| wire::azureus(&message, padding));
        carrier.send(&mut world, end, &message);
    };
    say(1, wire::bitfield_full(torrent.pieces()));
    say(0, wire::interested());
    say(1, wire::unchoke());
    for piece in 0..torrent.pieces() {
        for (begin, len) in torrent.blocks(piece) {
            say(0, wire::request(piece, begin, len));
            say(1, wire::keepalive());
            say(1, wire::piece(piece, begin, torrent.block(piece, begin, len)));
        }
        say(0, wire::have(piece));
    }
    world
}

fn told(evidence: &Evidence, from: &str, to: &str) -> (Grade, bool, Bytes) {
    let seeder = subject(evidence, from);
    (seeder.grade, seeder.standard.is_some(), transfer(evidence, from, to).bytes)
}

#[test]
fn what_is_served_in_named_messages_is_served() {
    let recipe = || Recipe::single("az.bin", 2 * SMALL, 5 * SMALL as usize + 99, 77);
    for torrent in [recipe().v1(), recipe().v2(), recipe().hybrid()] {
        for (pair, utp) in [([M, S], false), ([M, S], true), ([M6, S6], false), ([M6, S6], true)] {
            let twin = analyze(&exchange(&torrent, pair, utp, 1_382, None), &torrent);
            let expected = told(&twin, pair[1], pair[0]);
            assert_eq!((expected.0, expected.1), (Grade::G9, true));
            for (padding, mss) in [(0, 1_382), (0, 19), (7, 1_382), (1, 23), (64, 101)] {
                let evidence = analyze(&exchange(&torrent, pair, utp, mss, Some(padding)), &torrent);
                let name = format!("{pair:?} {utp} {padding} {mss}");
                assert_eq!(told(&evidence, pair[1], pair[0]), expected, "{name}");
                assert_eq!(odd(&evidence, Kind::BadMessage), 0, "{name}");
                let seeder = subject(&evidence, pair[1]);
                assert!(seeder.clients.iter().any(|client| client == "BiglyBT 3.9.0.0"), "{:?}", seeder.clients);
            }
        }
    }
}

#[test]
fn a_gap_in_named_messages_costs_no_more_than_what_it_hides() {
    let torrent = Recipe::single("az.bin", SMALL, 8 * SMALL as usize, 78).v1();
    let whole = exchange(&torrent, [M, S], false, 1_382, Some(3));
    let data: Vec<usize> = (0..whole.packets.len())
        .filter(|index| whole.packets[*index].side == Side::B && whole.packets[*index].payload().len() == 1_382)
        .collect();
    for lost in data.iter().step_by(7) {
        let mut world = exchange(&torrent, [M, S], false, 1_382, Some(3));
        world.packets.remove(*lost);
        let evidence = analyze(&world, &torrent);
        let bytes = transfer(&evidence, S, M).bytes;
        let len = torrent.content.len() as u64;
        assert!(bytes.served + 2 * u64::from(SMALL) >= len, "{lost}: {bytes:?}");
        assert!(bytes.verified + 2 * u64::from(SMALL) >= len, "{lost}: {bytes:?}");
        nobody_refuted(&evidence);
    }
}

#[test]
fn named_messages_are_found_in_mid_stream() {
    let torrent = Recipe::single("az.bin", SMALL, 8 * SMALL as usize, 79).v1();
    let mut world = exchange(&torrent, [M, S], false, 1_382, Some(0));
    world.packets.drain(..30);
    let evidence = analyze(&world, &torrent);
    let bytes = transfer(&evidence, S, M).bytes;
    assert!(bytes.verified >= 6 * u64::from(SMALL), "{bytes:?}");
    nobody_refuted(&evidence);
}
