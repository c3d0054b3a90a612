//! The scenarios of the evidence contract (T01 to T51, over TCP and uTP): each builds a capture, and the exact
//! figures expected come from what the generator knows it sent.

mod absence;
mod attribution;
mod audit;
mod blind;
mod claims;
mod collision;
mod content;
mod cuts;
mod damage;
mod dialects;
mod doubts;
mod forged;
mod framing;
mod hearsay;
mod holes;
mod hostile;
mod identity;
mod late;
mod midstream;
mod mixes;
mod others;
mod paths;
mod return_path;
mod snaplen;
mod swarm;
mod taps;
mod transport;
mod utp;
mod versions;

use peerproof::evidence::Bytes;

use crate::synth::content::{Recipe, Torrent};
use crate::synth::run::address;
use crate::synth::swarm::{Conn, Packet, Sent, Side, World};
use crate::synth::wire;

/// Downloads.
const M: &str = "81.2.69.10:50001";
const S: &str = "93.184.16.1:6881";
const S2: &str = "93.184.16.2:6881";
const S3: &str = "93.184.16.3:6881";

/// 16 KiB: one block is one piece.
const SMALL: u32 = 16_384;

/// Four pieces of one block each, the last one short.
fn four_pieces() -> Torrent {
    Recipe::single("four.bin", SMALL, 3 * SMALL as usize + 5_000, 4).v1()
}

/// Four pieces of two blocks each.
fn two_block_pieces() -> Torrent {
    Recipe::single("two.bin", 2 * SMALL, 8 * SMALL as usize, 8).v1()
}

fn id(number: u32) -> [u8; 20] {
    wire::peer_id("-XX0001-", number)
}

/// `a` opens to `b`, both shake hands; `b` has everything and unchokes.
fn join(world: &mut World, torrent: &Torrent, a: &str, b: &str) -> Conn {
    join_as(world, torrent, a, b, [id(1), id(2)])
}

fn join_as(world: &mut World, torrent: &Torrent, a: &str, b: &str, ids: [[u8; 20]; 2]) -> Conn {
    let conn = world.meet(address(a), address(b), torrent.info_hash, ids);
    world.send(conn, Side::B, &wire::bitfield_full(torrent.pieces()));
    world.send(conn, Side::A, &wire::interested());
    world.send(conn, Side::B, &wire::unchoke());
    conn
}

/// M fetches all of `torrent` from S over one connection.
fn one_seeder(torrent: &Torrent) -> (World, Conn) {
    let mut world = World::new();
    let conn = join(&mut world, torrent, M, S);
    fetch_all(&mut world, conn, torrent);
    (world, conn)
}

fn fetch_all(world: &mut World, conn: Conn, torrent: &Torrent) {
    (0..torrent.pieces()).for_each(|piece| world.fetch(conn, Side::B, torrent, piece));
}

/// `len` bytes of which everything good can be said.
fn clean(len: u64) -> Bytes {
    Bytes { served: len, verified: len, sole: len, acknowledged: len, solicited: len, ..Bytes::default() }
}

/// Payload that the ledger says was sent.
fn sent(world: &World) -> u64 {
    world.ledger.iter().map(|sent| u64::from(sent.len)).sum()
}

/// Payload bytes of one message that the packets still hold; no byte twice.
fn held(world: &World, sent: &Sent) -> u64 {
    let (from, to) = (sent.offset, sent.offset + u64::from(sent.len));
    let mut ranges: Vec<(u64, u64)> = world
        .packets
        .iter()
        .filter(|packet| packet.is_data(sent.conn, sent.side))
        .filter_map(|packet| Some((packet.offset()?, packet.offset()? + captured(packet))))
        .map(|(start, end)| (start.max(from), end.min(to)))
        .collect();
    ranges.sort_unstable();
    let mut at = from;
    let mut sum = 0;
    for (start, end) in ranges {
        sum += end.saturating_sub(start.max(at));
        at = at.max(end);
    }
    sum
}

/// Payload bytes of a packet that the snap length leaves: behind Ethernet, IPv4 and TCP without options.
fn captured(packet: &Packet) -> u64 {
    packet.payload().len().min(packet.snaplen.saturating_sub(14 + 20 + 20)) as u64
}
