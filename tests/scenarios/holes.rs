//! uTP packets that the capture missed: packets are numbered, and not bytes, so that how much is missing follows from the
//! lengths of messages (T26, T55); and the end of a direction (T57).

use peerproof::evidence::{Evidence, Grade};

use super::*;
use crate::synth::content::Random;
use crate::synth::run::{Run, transfer};
use crate::synth::utp::UtpConn;

const SIX: [&str; 2] = ["[2001:db8::20]:50001", "[2001:db8::7]:6881"];
const FOUR: [&str; 2] = [M, S];

/// A fetch of M from S over uTP, with the place in the stream of S of each packet's payload.
struct Scene {
    world: World,
    torrent: Torrent,
    ends: [&'static str; 2],
    /// Index of a packet of S with data, the place of its payload in the stream, and the length.
    packets: Vec<(usize, u64, u64)>,
}

impl Scene {
    /// Packets of the given sizes, again and again. `packed`: packets are filled across the ends of messages; else each
    /// message begins with a packet.
    fn new(torrent: &Torrent, ends: [&'static str; 2], sizes: &[usize], packed: bool) -> Self {
        let mut world = World::new();
        let mut conn = UtpConn::open(&mut world, address(ends[0]), address(ends[1]), 4_711, [1, 65_500]);
        conn.join(&mut world, torrent, [id(1), id(2)]);
        let mut size = sizes.iter().copied().cycle();
        for piece in 0..torrent.pieces() {
            let blocks = torrent.blocks(piece);
            let asked: Vec<u8> =
                blocks.iter().flat_map(|(begin, len)| wire::request(piece, *begin, *len)).collect();
            conn.send(&mut world, 0, &asked);
            let mut rest = Vec::new();
            for (index, (begin, len)) in blocks.iter().enumerate() {
                conn.promise(&mut world, 1, piece, *begin, *len, true);
                world.ledger.last_mut().expect("a block").offset += rest.len() as u64;
                rest.extend(wire::piece(piece, *begin, torrent.block(piece, *begin, *len)));
                while !rest.is_empty() {
                    let next = size.next().expect("sizes without an end");
                    if packed && next > rest.len() && index + 1 < blocks.len() {
                        break;
                    }
                    let chunk: Vec<u8> = rest.drain(..next.min(rest.len())).collect();
                    conn.mtu = chunk.len();
                    conn.send(&mut world, 1, &chunk);
                }
            }
        }
        conn.mtu = 1_382;
        conn.send(&mut world, 0, &wire::have(0));
        let mut scene = Self { world, torrent: torrent.clone(), ends, packets: Vec::new() };
        let mut offset = 0;
        for (index, packet) in scene.world.packets.iter().enumerate() {
            let (header, data) = packet.payload().split_at(20);
            if packet.from == address(ends[1]) && header[0] >> 4 == 0 {
                scene.packets.push((index, offset, data.len() as u64));
                offset += data.len() as u64;
            }
        }
        scene
    }

    /// Packets with payload of blocks: the first few carry other messages.
    fn full(&self) -> std::ops::Range<usize> {
        3..self.packets.len()
    }

    /// Without the packets of S with data that `missed` names.
    fn without(&self, missed: &[usize]) -> Evidence {
        let gone: Vec<usize> = missed.iter().map(|index| self.packets[*index].0).collect();
        let mut world = self.world.clone();
        let mut index = 0;
        world.packets.retain(|_| {
            index += 1;
            !gone.contains(&(index - 1))
        });
        let run = Run::new().capture(world.pcap()).torrent(&self.torrent);
        run.once(1, 64 << 20).expect("the run can go on")
    }

    /// Payload of blocks in these packets of S.
    fn payload(&self, missed: &[usize]) -> u64 {
        let own = || self.world.ledger.iter().filter(|sent| sent.uploader == address(self.ends[1]));
        let blocks = || own().map(|sent| (sent.offset, sent.offset + u64::from(sent.len)));
        let of = |index: &usize| {
            let (_, offset, len) = self.packets[*index];
            blocks().map(|(from, to)| to.min(offset + len).saturating_sub(from.max(offset))).sum::<u64>()
        };
        missed.iter().map(of).sum()
    }

    /// Every captured byte of a block is served, every other is lost, and nobody is accused.
    #[track_caller]
    fn assert_counted(&self, missed: &[usize], name: &str) {
        let evidence = self.without(missed);
        let bytes = transfer(&evidence, self.ends[1], self.ends[0]).bytes;
        let lost = self.payload(missed);
        assert_eq!((bytes.served, bytes.lost), (sent(&self.world) - lost, lost), "{name}: {missed:?}");
        assert_eq!((bytes.refuted, bytes.disputed), (0, 0), "{name}: {missed:?}");
        // Blocks that lack nothing are verified as without a gap; of a v1 piece all must be there.
        let whole = |piece: u32| {
            let (from, to) = self.extent(piece);
            missed.iter().all(|index| {
                let (_, offset, len) = self.packets[*index];
                offset + len <= from || offset >= to
            })
        };
        let pieces = (0..self.torrent.pieces()).filter(|piece| whole(*piece));
        let verified: u64 = pieces.map(|piece| u64::from(self.torrent.piece_len(piece))).sum();
        assert!(bytes.verified >= verified, "{name}: {missed:?}, {} of {verified}", bytes.verified);
    }

    /// Where the messages of a piece stand in the stream of S.
    fn extent(&self, piece: u32) -> (u64, u64) {
        let blocks = || self.world.ledger.iter().filter(|sent| sent.piece == piece);
        let from = blocks().map(|sent| sent.offset - 13).min().expect("a block");
        (from, blocks().map(|sent| sent.offset + u64::from(sent.len)).max().expect("a block"))
    }
}

fn recipe() -> Recipe {
    Recipe::single("holes.bin", 3 * SMALL, 9 * SMALL as usize + 9_000, 55)
}

fn every_version(of: impl Fn() -> Recipe) -> [(Torrent, &'static str); 3] {
    [(of().v1(), "v1"), (of().v2(), "v2"), (of().hybrid(), "hybrid")]
}

/// Pieces of a power of two, as v2 asks.
fn pieces_of_two() -> Recipe {
    Recipe::single("holes.bin", 2 * SMALL, 6 * SMALL as usize + 9_000, 55)
}

#[test]
fn t55_each_missing_utp_packet_costs_its_own_payload() {
    for (torrent, version) in every_version(pieces_of_two) {
        for (ends, packed) in [(FOUR, false), (SIX, true)] {
            let scene = Scene::new(&torrent, ends, &[1_380], packed);
            // Heads, middles and ends of messages; a step that meets all of them in turn.
            for index in scene.full().step_by(if version == "v1" { 1 } else { 5 }) {
                scene.assert_counted(&[index], &format!("{version}, packed: {packed}"));
            }
        }
    }
}

#[test]
fn t55_rows_of_missing_utp_packets_cost_their_own_payload() {
    for (torrent, sizes) in [(recipe().v1(), [1_380, 1_380]), (recipe().v1(), [1_200, 900])] {
        for packed in [false, true] {
            let scene = Scene::new(&torrent, FOUR, &sizes, packed);
            for len in [2, 5, 11] {
                for first in scene.full().step_by(7) {
                    let missed: Vec<usize> = (first..(first + len).min(scene.packets.len())).collect();
                    scene.assert_counted(&missed, &format!("{sizes:?}, packed: {packed}"));
                }
            }
        }
    }
}

#[test]
fn t55_several_holes_in_one_block_cost_their_own_payload() {
    for (torrent, version) in every_version(pieces_of_two) {
        for sizes in [&[1_380][..], &[1_380, 900, 1_210, 640]] {
            let scene = Scene::new(&torrent, SIX, sizes, false);
            let first =
                scene.packets.iter().position(|(_, offset, _)| *offset > scene.extent(0).0).expect("a block");
            for missed in [[2, 4, 6], [1, 5, 7], [3, 4, 8], [0, 1, 6]] {
                let missed = missed.map(|place| first + place);
                scene.assert_counted(&missed, &format!("{version} {sizes:?}"));
            }
        }
    }
}

#[test]
fn t55_one_packet_in_a_hundred_missing() {
    let torrent = Recipe::single("long.bin", 4 * SMALL, 100 * SMALL as usize + 777, 5).v1();
    for (seed, packed) in [(1, false), (2, true), (3, true)] {
        let scene = Scene::new(&torrent, FOUR, &[1_380], packed);
        let mut random = Random::new(seed);
        let missed: Vec<usize> = scene.full().filter(|_| random.below(100) == 0).collect();
        assert!(missed.len() > 5, "{}", missed.len());
        let evidence = scene.without(&missed);
        let bytes = transfer(&evidence, S, M).bytes;
        let (all, lost) = (sent(&scene.world), scene.payload(&missed));
        assert!(bytes.served * 100 >= (all - lost) * 99, "{} of {}", bytes.served, all - lost);
        assert!((bytes.served + bytes.lost).abs_diff(all) * 200 <= all, "{bytes:?} of {all}");
        assert_eq!((bytes.refuted, bytes.disputed), (0, 0));
    }
}

#[test]
fn t55_what_another_peer_sent_whole_verifies_what_lies_beside_a_hole() {
    for (torrent, version) in every_version(pieces_of_two) {
        let mut scene = Scene::new(&torrent, FOUR, &[1_380], false);
        let mut conn = UtpConn::open(&mut scene.world, address(M), address(S2), 9_000, [1, 500]);
        conn.join(&mut scene.world, &torrent, [id(1), id(3)]);
        conn.fetch(&mut scene.world, &torrent, 0);
        conn.fetch(&mut scene.world, &torrent, 1);
        for index in [7, 16, 20, 33] {
            let lost = scene.payload(&[index]);
            let bytes = transfer(&scene.without(&[index]), S, M).bytes;
            let all: u64 = scene
                .world
                .ledger
                .iter()
                .filter(|sent| sent.uploader == address(S))
                .map(|sent| u64::from(sent.len))
                .sum();
            assert_eq!((bytes.verified, bytes.lost, bytes.refuted), (all - lost, lost, 0), "{version} {index}");
        }
    }
}

#[test]
fn t55_a_packet_that_was_sent_again_in_time_is_no_hole() {
    let torrent = recipe().v1();
    let scene = Scene::new(&torrent, FOUR, &[1_380], true);
    let (from, ..) = scene.packets[9];
    let (to, ..) = scene.packets[14];
    let mut world = scene.world.clone();
    world.shift(from, to);
    let evidence = Run::new().capture(world.pcap()).torrent(&torrent).evidence();
    let bytes = transfer(&evidence, S, M).bytes;
    assert_eq!(bytes, clean(sent(&world)));
}

#[test]
fn a_hole_within_a_block_takes_no_proof_from_the_others() {
    // A bad piece far behind a block with a hole: framing was never in question.
    let torrent = recipe().v1();
    let scene = Scene::new(&torrent, FOUR, &[1_380], false);
    let mut world = scene.world.clone();
    let (from, _) = scene.extent(2);
    let place =
        scene.packets.iter().find(|(_, offset, len)| *offset <= from + 9_000 && from + 9_000 < offset + len);
    let crate::synth::swarm::Body::Udp { payload } = &mut world.packets[place.expect("a packet").0].body else {
        panic!("a datagram")
    };
    payload[700] ^= 0x10;
    world.packets.remove(scene.packets[8].0);
    let bytes = transfer(&Run::new().capture(world.pcap()).torrent(&torrent).evidence(), S, M).bytes;
    assert_eq!((bytes.refuted, bytes.lost), (u64::from(3 * SMALL), 1_380));
    // The head of a message is in the hole: the next one was found by a search, and refutes nobody.
    let mut world = scene.world.clone();
    let crate::synth::swarm::Body::Udp { payload } = &mut world.packets[place.expect("a packet").0].body else {
        panic!("a datagram")
    };
    payload[700] ^= 0x10;
    let (head, _) = scene.extent(1);
    let head = scene.packets.iter().find(|(_, offset, _)| *offset == head).expect("a message begins a packet");
    world.packets.remove(head.0);
    let bytes = transfer(&Run::new().capture(world.pcap()).torrent(&torrent).evidence(), S, M).bytes;
    assert_eq!((bytes.refuted, bytes.lost), (0, 1_380 - 13));
}

/// M fetches two pieces; the last block is bad. `end` is called with its message.
fn last_block(
    torrent: &Torrent,
    ends: [&'static str; 2],
    end: impl Fn(&mut World, &mut UtpConn, &[u8]),
) -> Evidence {
    let mut world = World::new();
    let mut conn = UtpConn::open(&mut world, address(ends[0]), address(ends[1]), 4_711, [1, 500]);
    conn.join(&mut world, torrent, [id(1), id(2)]);
    conn.fetch(&mut world, torrent, 0);
    conn.send(&mut world, 0, &[wire::request(1, 0, SMALL), wire::request(1, SMALL, SMALL)].concat());
    conn.deliver(&mut world, 1, 1, 0, torrent.block(1, 0, SMALL), true);
    let mut bad = torrent.block(1, SMALL, SMALL).to_vec();
    bad[100] ^= 0x40;
    end(&mut world, &mut conn, &wire::piece(1, SMALL, &bad));
    Run::new().capture(world.pcap()).torrent(torrent).evidence()
}

#[test]
fn t57_the_last_block_of_an_open_utp_direction() {
    for (torrent, version) in every_version(pieces_of_two) {
        let wrong = u64::from(if version == "v1" { 2 * SMALL } else { SMALL });
        for ends in [FOUR, SIX] {
            let refuted = |end: &dyn Fn(&mut World, &mut UtpConn, &[u8])| {
                let evidence = last_block(&torrent, ends, end);
                let row = transfer(&evidence, ends[1], ends[0]);
                assert_eq!(row.rungs.iter().any(|rung| rung.grade == Grade::GX), row.bytes.refuted > 0);
                row.bytes.refuted
            };
            let acked = |world: &mut World, conn: &mut UtpConn, message: &[u8]| conn.send(world, 1, message);
            assert!(refuted(&acked) >= wrong, "{version}: an ST_STATE acknowledges it");
            let by_request = |world: &mut World, conn: &mut UtpConn, message: &[u8]| {
                conn.acks = false;
                conn.send(world, 1, message);
                conn.send(world, 0, &wire::request(2, 0, SMALL));
            };
            assert!(refuted(&by_request) >= wrong, "{version}: a request acknowledges it");
            let open = |world: &mut World, conn: &mut UtpConn, message: &[u8]| {
                conn.acks = false;
                conn.send(world, 1, message);
            };
            assert_eq!(refuted(&open), 0, "{version}: nothing acknowledges it");
            let more = |world: &mut World, conn: &mut UtpConn, message: &[u8]| {
                conn.send(world, 1, &[message, &[0x51, 0x99, 0x07]].concat());
            };
            assert_eq!(refuted(&more), 0, "{version}: it ends within its last packet");
            let torn = |world: &mut World, conn: &mut UtpConn, message: &[u8]| {
                let first = world.packets.len();
                conn.send(world, 1, message);
                world.packets.remove(first + 6);
            };
            assert_eq!(refuted(&torn), 0, "{version}: a packet of it is missing");
        }
    }
}

#[test]
fn t57_a_partial_bad_block_at_the_end_of_a_utp_direction() {
    for (torrent, version) in every_version(pieces_of_two) {
        for (ends, acks) in [(FOUR, true), (SIX, true), (FOUR, false)] {
            let mut world = World::new();
            let third = if ends == FOUR { S2 } else { "[2001:db8::9]:6881" };
            let mut other = UtpConn::open(&mut world, address(ends[0]), address(third), 9_000, [1, 500]);
            other.join(&mut world, &torrent, [id(1), id(3)]);
            other.fetch(&mut world, &torrent, 0);
            let mut conn = UtpConn::open(&mut world, address(ends[0]), address(ends[1]), 4_711, [1, 500]);
            conn.join(&mut world, &torrent, [id(1), id(2)]);
            conn.send(&mut world, 0, &wire::request(0, 0, SMALL));
            conn.acks = acks;
            let mut bad = torrent.block(0, 0, SMALL).to_vec();
            bad[100] ^= 0x40;
            conn.send(&mut world, 1, &wire::piece(0, 0, &bad)[..8_013]);
            let evidence = Run::new().capture(world.pcap()).torrent(&torrent).evidence();
            let bytes = transfer(&evidence, ends[1], ends[0]).bytes;
            let expected = if acks { (8_000, 0) } else { (0, 8_000) };
            assert_eq!((bytes.refuted, bytes.unproven), expected, "{version} {acks}");
        }
    }
}
