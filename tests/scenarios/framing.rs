//! T56: content that holds what looks like messages, at the same place in every block.

use peerproof::ends::Transport;

use super::*;
use crate::synth::content::Random;
use crate::synth::run::{address, analyze, transfer};
use crate::synth::utp::UtpConn;

const PIECES: u32 = 12;

/// Random bytes with false headers of `piece` messages at these places of every block.
fn imitating(places: &[usize], seed: u64) -> Vec<u8> {
    let mut content = Random::new(seed).bytes((PIECES * SMALL) as usize);
    for (number, block) in content.chunks_mut(SMALL as usize).enumerate() {
        for place in places {
            let header = wire::piece((number as u32 + 5) % PIECES, 0, &[]);
            block[*place..place + 13].copy_from_slice(&header[..13]);
            block[*place..place + 4].copy_from_slice(&(SMALL + 9).to_be_bytes());
        }
    }
    content
}

/// M fetches all of `torrent` from S; the packets from S with the header of a block in the middle are missing, or all that
/// comes before that block.
fn fetched(torrent: &Torrent, ends: [&str; 2], transport: Transport, middle: bool) -> World {
    fetched_without(4, torrent, ends, transport, middle)
}

/// Fetches without the frame of the block of this number, from 1.
fn fetched_without(
    missing: usize,
    torrent: &Torrent,
    [a, b]: [&str; 2],
    transport: Transport,
    middle: bool,
) -> World {
    let mut world = World::new();
    if transport == Transport::Utp {
        let mut conn = UtpConn::open(&mut world, address(a), address(b), 4_711, [1, 500]);
        conn.join(&mut world, torrent, [id(1), id(2)]);
        for piece in 0..torrent.pieces() {
            for (begin, len) in torrent.blocks(piece) {
                conn.send(&mut world, 0, &wire::request(piece, begin, len));
                let from = world.packets.len();
                conn.deliver(&mut world, 1, piece, begin, torrent.block(piece, begin, len), true);
                if world.ledger.len() == missing {
                    if middle {
                        world.packets.drain(..from + 1)
                    } else {
                        world.packets.drain(from..from + 1)
                    };
                }
            }
        }
    } else {
        let conn = join(&mut world, torrent, a, b);
        fetch_all(&mut world, conn, torrent);
        let header = world.ledger[missing - 1].offset - 13;
        let at = world.packets.iter().position(|packet| packet.holds(conn, Side::B, header)).expect("it was sent");
        if middle {
            world.packets.drain(..at + 1)
        } else {
            world.packets.drain(at..at + 1)
        };
    }
    world
}

#[test]
fn t56_the_framing_that_the_hash_confirms_wins() {
    let ends = [[M, S], ["[2001:db8::10]:50001", "[2001:db8::1]:6881"]];
    for (number, places) in [vec![5_000], vec![1_500, 9_000], vec![SMALL as usize - 14]].into_iter().enumerate() {
        let content = imitating(&places, 56 + number as u64);
        let recipe = || Recipe::folder("f", SMALL, 56).file_of("a", content.clone());
        let torrents = [recipe().v1(), recipe().v2(), recipe().hybrid()];
        for (torrent, transport, middle, one_way) in torrents.iter().flat_map(|torrent| {
            [
                (torrent, Transport::Tcp, false, false),
                (torrent, Transport::Utp, false, false),
                (torrent, Transport::Tcp, true, false),
                (torrent, Transport::Utp, true, false),
                (torrent, Transport::Tcp, false, true),
            ]
        }) {
            let ends = ends[number % 2];
            let mut world = fetched(torrent, ends, transport, middle);
            if one_way {
                world.packets.retain(|packet| packet.from == address(ends[1]));
            }
            let evidence = analyze(&world, torrent);
            let bytes = transfer(&evidence, ends[1], ends[0]).bytes;
            let whole = u64::from(SMALL) * if middle { u64::from(PIECES) - 5 } else { u64::from(PIECES) - 2 };
            assert!(bytes.verified >= whole, "{places:?} {transport:?} {middle} {one_way}: {bytes:?}");
            assert_eq!((bytes.refuted, bytes.disputed), (0, 0), "{places:?} {transport:?} {middle} {one_way}");
        }
    }
}

#[test]
fn t66_a_peer_stream_in_the_content_is_left_again_where_the_hash_says_so() {
    let other = Recipe::single("other.bin", SMALL, 5 * SMALL as usize, 67).v1();
    let blocks = |piece: u32| wire::piece(piece, 0, other.block(piece, 0, SMALL));
    let inside =
        [wire::handshake(other.info_hash, id(9)), wire::have_all(), (0..5).flat_map(blocks).collect()].concat();
    for (at, ends) in [(5_000, [M, S]), (9_000, ["[2001:db8::10]:50001", "[2001:db8::1]:6881"])] {
        let mut content = Random::new(66).bytes((PIECES * SMALL) as usize);
        content[at..at + inside.len()].copy_from_slice(&inside);
        let recipe = || Recipe::folder("f", SMALL, 66).file_of("a", content.clone());
        for (torrent, transport) in [
            (recipe().v1(), Transport::Tcp),
            (recipe().v1(), Transport::Utp),
            (recipe().v2(), Transport::Tcp),
            (recipe().hybrid(), Transport::Utp),
        ] {
            let world = fetched_without(1, &torrent, ends, transport, false);
            let evidence = analyze(&world, &torrent);
            let bytes = transfer(&evidence, ends[1], ends[0]).bytes;
            assert!(bytes.verified >= u64::from(SMALL) * u64::from(PIECES - 2), "{at} {transport:?}: {bytes:?}");
            assert_eq!((bytes.refuted, bytes.disputed, evidence.subjects.len()), (0, 0, 2), "{at} {transport:?}");
        }
    }
}

/// S serves four pieces of two blocks to M, and a message that is none behind the first; `bad` ones have a wrong byte.
fn shielded(torrent: &Torrent, [m, s]: [&str; 2], utp: bool, bad: &[u32]) -> World {
    let mut world = World::new();
    let garbage = [0xff; 40];
    let block = |piece: u32, begin: u32, len: u32| {
        let mut block = torrent.block(piece, begin, len).to_vec();
        block[99] ^= u8::from(bad.contains(&piece));
        block
    };
    if utp {
        let mut conn = UtpConn::open(&mut world, address(m), address(s), 4_711, [1, 500]);
        conn.join(&mut world, torrent, [id(1), id(2)]);
        for piece in 0..torrent.pieces() {
            for (begin, len) in torrent.blocks(piece) {
                conn.send(&mut world, 0, &wire::request(piece, begin, len));
                conn.deliver(&mut world, 1, piece, begin, &block(piece, begin, len), !bad.contains(&piece));
            }
            if piece == 0 {
                conn.send(&mut world, 1, &garbage);
            }
        }
        conn.send(&mut world, 1, &wire::have(0));
        conn.send(&mut world, 1, &wire::have(1));
        return world;
    }
    let conn = join(&mut world, torrent, m, s);
    for piece in 0..torrent.pieces() {
        for (begin, len) in torrent.blocks(piece) {
            world.send(conn, Side::A, &wire::request(piece, begin, len));
            world.deliver(conn, Side::B, piece, begin, &block(piece, begin, len), !bad.contains(&piece));
        }
        if piece == 0 {
            world.send(conn, Side::B, &garbage);
        }
    }
    world
}

#[test]
fn framing_that_was_found_again_is_sure_behind_what_the_hash_confirms() {
    let two = 2 * u64::from(SMALL);
    let recipe = || Recipe::single("two.bin", 2 * SMALL, 8 * SMALL as usize, 8);
    for (torrent, utp) in
        [(recipe().v1(), false), (recipe().v2(), true), (recipe().hybrid(), false), (recipe().v1(), true)]
    {
        for ends in [[M, S], ["[2001:db8::10]:50001", "[2001:db8::1]:6881"]] {
            // What stands before the first piece that confirms it refutes nobody.
            for (bad, refuted) in [(&[3][..], two), (&[2, 3], 2 * two), (&[1, 3], two), (&[1, 2, 3], 0)] {
                let evidence = analyze(&shielded(&torrent, ends, utp, bad), &torrent);
                let row = transfer(&evidence, ends[1], ends[0]).bytes;
                let verified = (4 - bad.len() as u64) * two;
                let unproven = 4 * two - verified - refuted;
                let found = (row.served, row.verified, row.refuted, row.unproven);
                assert_eq!(found, (4 * two, verified, refuted, unproven), "{utp} {bad:?}");
            }
        }
    }
}
