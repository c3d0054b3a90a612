//! One damaged frame accuses nobody, invents nobody, and costs no more than a missing one (T64).

use std::collections::BTreeSet;

use peerproof::evidence::Evidence;

use super::return_path::connection;
use super::*;
use crate::synth::capture::{self, LINK_ETHERNET, Order, Record, Ticks};
use crate::synth::frame::Sum;
use crate::synth::hearsay;
use crate::synth::run::Run;
use crate::synth::utp::UtpConn;

const M6: &str = "[2001:db8::20]:50001";
const S6: &str = "[2001:db8::7]:6881";

fn torrents() -> [Torrent; 3] {
    let recipe = || Recipe::single("r.bin", 2 * SMALL, 8 * SMALL as usize, 21);
    [recipe().v1(), recipe().v2(), recipe().hybrid()]
}

fn read(records: &[Record], torrent: &Torrent) -> Evidence {
    let file = capture::pcap(records, LINK_ETHERNET, Order::Little, Ticks::Nanos);
    Run::new().capture(file).torrent(torrent).once(1, 64 << 20).expect("the run can go on")
}

fn flipped(records: &[Record], frame: usize, byte: usize, bit: u8) -> Vec<Record> {
    let mut records = records.to_vec();
    let byte = byte % records[frame].bytes.len();
    records[frame].bytes[byte] ^= 1 << bit;
    records
}

fn without(records: &[Record], frame: usize) -> Vec<Record> {
    let mut records = records.to_vec();
    records.remove(frame);
    records
}

fn ends(evidence: &Evidence) -> BTreeSet<String> {
    let subjects = evidence.subjects.iter().map(|subject| subject.endpoint.to_string());
    subjects.chain(evidence.mentions.iter().map(|mention| mention.subject.to_string())).collect()
}

fn verified(evidence: &Evidence) -> u64 {
    evidence.transfers.iter().map(|row| row.bytes.verified).sum()
}

/// The frames of a connection, and who has a row or a mention in them.
struct Undamaged {
    name: String,
    records: Vec<Record>,
    all: BTreeSet<String>,
}

/// Connections over both transports and both families.
fn undamaged(torrent: &Torrent) -> impl Iterator<Item = Undamaged> {
    [([S, M], false), ([S, M], true), ([S6, M6], false), ([S6, M6], true)].into_iter().map(|(pair, utp)| {
        let mut world = World::new();
        connection(&mut world, torrent, pair, utp, true);
        let records = world.records();
        Undamaged { name: format!("{utp} {pair:?}"), all: ends(&read(&records, torrent)), records }
    })
}

/// Where a frame is hit: bytes of the headers behind Ethernet, and of the payload.
const PLACES: [usize; 24] =
    [12, 15, 16, 19, 20, 21, 22, 23, 24, 26, 27, 29, 30, 31, 33, 40, 42, 44, 46, 50, 56, 60, 66, 300];

#[test]
fn t64_whichever_frame_is_hit_nobody_is_invented_or_refuted_and_no_more_is_lost_than_with_the_frame() {
    for (number, torrent) in torrents().iter().enumerate() {
        for Undamaged { name, records, all } in undamaged(torrent) {
            for (frame, place) in (0..records.len())
                .flat_map(|frame| (0..2).map(move |round| (frame, frame * 5 + round * 7 + number)))
            {
                let (byte, bit) = (14 + PLACES[place % PLACES.len()], (place % 8) as u8);
                let hit = read(&flipped(&records, frame, byte, bit), torrent);
                let name = format!("{name} frame {frame} byte {byte} bit {bit}");
                assert!(ends(&hit).is_subset(&all), "{name}: {:?}", ends(&hit));
                assert_eq!(hit.subjects.iter().map(|subject| subject.bytes.refuted).sum::<u64>(), 0, "{name}");
                let least = verified(&read(&without(&records, frame), torrent));
                assert!(verified(&hit) >= least, "{name}: {} of {least}", verified(&hit));
            }
        }
    }
}

/// Of `records` about one in ten is hit, by one bit each: in the headers behind Ethernet, or anywhere.
fn hit_often(records: &[Record], seed: u64) -> Vec<Record> {
    let (mut records, mut state) = (records.to_vec(), seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut next = |below: usize| {
        // xorshift (Marsaglia 2003).
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as usize % below
    };
    for record in &mut records {
        if next(10) == 0 {
            let len = record.bytes.len() - 14;
            let within = if next(4) < 3 { len.min(80) } else { len };
            let byte = 14 + next(within);
            record.bytes[byte] ^= 1 << next(8);
        }
    }
    records
}

#[test]
fn t64_where_every_tenth_frame_is_hit_nobody_is_invented_or_refuted() {
    for (number, torrent) in torrents().iter().enumerate() {
        for Undamaged { name, records, all } in undamaged(torrent) {
            for seed in 0..ROUNDS {
                let hit = read(&hit_often(&records, seed * 3 + number as u64), torrent);
                let name = format!("{name} seed {seed}");
                assert!(ends(&hit).is_subset(&all), "{name}: {:?}", ends(&hit));
                assert_eq!(hit.subjects.iter().map(|subject| subject.bytes.refuted).sum::<u64>(), 0, "{name}");
            }
        }
    }
}

const ROUNDS: u64 = 40;

/// An exchange with a UDP tracker and with two DHT nodes, and a search in the neighbourhood.
fn hearsay_of(torrent: &Torrent, ipv6: bool) -> World {
    let at = |last: u16, port: u16| match ipv6 {
        true => address(&format!("[2001:db8::{last:x}]:{port}")),
        false => address(&format!("198.51.100.{last}:{port}")),
    };
    let (mut world, hash, peers) = (World::new(), torrent.info_hash, [at(77, 6_882), at(78, 6_883)]);
    hearsay::udp_tracker(&mut world, at(20, 6_881), at(200, 6_969), hash, &peers);
    for node in [30, 31, 32] {
        let name = [b'a', node as u8];
        world.datagram(at(20, 6_881), at(node, 6_881), &hearsay::get_peers(&name, hash));
        world.datagram(at(node, 6_881), at(20, 6_881), &hearsay::values(&name, b"tokn", &peers));
        world.datagram(at(20, 6_881), at(node, 6_881), &hearsay::announce_peer(hash, 6_881, b"tokn"));
    }
    world
}

#[test]
fn t64_a_damaged_datagram_names_nobody_new() {
    let torrent = four_pieces();
    for ipv6 in [false, true] {
        let records = hearsay_of(&torrent, ipv6).records();
        let all = ends(&read(&records, &torrent));
        assert_eq!(all.len(), 3, "{all:?}");
        for frame in 0..records.len() {
            for byte in (14 + 8)..records[frame].bytes.len() {
                let hit = read(&flipped(&records, frame, byte, (byte % 8) as u8), &torrent);
                assert!(ends(&hit).is_subset(&all), "frame {frame} byte {byte}: {:?}", ends(&hit));
            }
        }
    }
}

#[test]
fn t64_a_sum_that_looks_like_one_that_was_left_to_the_card_is_wrong_among_right_ones() {
    for torrent in torrents() {
        let mut world = World::new();
        connection(&mut world, &torrent, [S, M], false, true);
        let records = world.records();
        let mut hit = 0;
        for (frame, record) in records.iter().enumerate().filter(|(_, record)| record.bytes.len() > 1_000) {
            let mut damaged = records.to_vec();
            // One byte of the payload; then the sum of addresses, protocol and length alone, without the ones' complement.
            damaged[frame].bytes[300] ^= 4;
            let segment = record.bytes.len() - 34;
            let words =
                record.bytes[26..34].chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]])));
            let sum = words.sum::<u32>() + 6 + segment as u32;
            let folded = (sum & 0xffff) + (sum >> 16);
            damaged[frame].bytes[50..52].copy_from_slice(&(folded as u16).to_be_bytes());
            let evidence = read(&damaged, &torrent);
            let refuted: u64 = evidence.subjects.iter().map(|subject| subject.bytes.refuted).sum();
            assert_eq!(refuted, 0, "frame {frame}");
            hit += 1;
        }
        assert!(hit > 20, "{hit}");
    }
}

#[test]
fn t64_where_all_checksums_are_wrong_they_say_nothing() {
    for torrent in torrents() {
        for (pair, utp) in [([S, M], false), ([S, M], true), ([S6, M6], false), ([S6, M6], true)] {
            let mut world = World::new();
            connection(&mut world, &torrent, pair, utp, true);
            let right = read(&world.records(), &torrent);
            world.change(|_| true, |packet| packet.sum = Sum::Wrong);
            let mut records = world.records();
            for record in records.iter_mut().filter(|record| record.bytes[14] >> 4 == 4) {
                record.bytes[14 + 10] ^= 0x55;
            }
            let wrong = read(&records, &torrent);
            assert_eq!(format!("{:?}", right.transfers), format!("{:?}", wrong.transfers), "{utp} {pair:?}");
        }
    }
}

/// Bytes that were sent are served or lost, whatever the snap length, and a handshake that is cut off names its
/// info-hash where that is in the capture.
#[test]
fn t59_t62_a_handshake_that_is_cut_off_names_its_torrent_or_could_be_of_it() {
    for torrent in &torrents() {
        for (pair, utp) in [([S, M], false), ([S, M], true), ([S6, M6], false), ([S6, M6], true)] {
            // Ethernet, IP, and TCP or UDP with uTP.
            let headers = 14 + if pair[0] == S { 20 } else { 40 } + if utp { 28 } else { 20 };
            for held in [13, 30, 47, 48, 62, 67] {
                let mut world = World::new();
                connection(&mut world, torrent, pair, utp, true);
                world.snap(headers + held);
                let name = format!("{utp} {pair:?} {held}");
                let evidence =
                    Run::new().capture(world.pcap()).torrent(torrent).once(1, 64 << 20).expect("it goes on");
                let row = evidence.transfers.iter().find(|row| row.bytes.served + row.bytes.lost > 0).expect(&name);
                assert_eq!(row.bytes.served + row.bytes.lost, sent(&world), "{name}");
                assert!(row.flags.contains(&peerproof::evidence::Flag::TruncatedSnaplen), "{name}");
                assert_eq!(row.info_hash.is_some(), held >= 48, "{name} {row:#?}");
                if held >= 48 {
                    assert!(row.grade >= peerproof::evidence::Grade::G3, "{name} {:?}", row.grade);
                    continue;
                }
                let json = |torrent: &Torrent| Run::new().capture(world.pcap()).torrent(torrent).json(1, 64 << 20);
                let absent = |torrent: &Torrent| json(torrent).contains("No peer of the torrent");
                assert!(!absent(torrent), "{name}");
            }
        }
    }
}

/// S serves all of `torrent` in order, each block asked for before it; gives the frames that begin a message of S with payload,
/// and those that ask for one.
fn served(torrent: &Torrent, utp: bool) -> (World, Vec<usize>, Vec<usize>) {
    let (mut world, mut blocks, mut requests) = (World::new(), Vec::new(), Vec::new());
    let mut utp = utp.then(|| UtpConn::open(&mut world, address(M), address(S), 4_711, [1, 500]));
    let mut tcp = None;
    match &mut utp {
        Some(conn) => conn.join(&mut world, torrent, [id(1), id(2)]),
        None => tcp = Some(join(&mut world, torrent, M, S)),
    }
    for (piece, begin, len) in all_blocks(torrent) {
        let (request, bytes) = (wire::request(piece, begin, len), torrent.block(piece, begin, len));
        requests.push(world.packets.len());
        match (&mut utp, tcp) {
            (Some(conn), _) => conn.send(&mut world, 0, &request),
            (None, conn) => world.send(conn.expect("TCP"), Side::A, &request),
        }
        blocks.push(world.packets.len());
        match (&mut utp, tcp) {
            (Some(conn), _) => conn.deliver(&mut world, 1, piece, begin, bytes, true),
            (None, conn) => world.deliver(conn.expect("TCP"), Side::B, piece, begin, bytes, true),
        }
    }
    (world, blocks, requests)
}

/// Bytes that answer requests.
fn asked(evidence: &Evidence) -> u64 {
    evidence.transfers.iter().map(|row| row.bytes.solicited).sum()
}

fn all_blocks(torrent: &Torrent) -> impl Iterator<Item = (u32, u32, u32)> {
    (0..torrent.pieces())
        .flat_map(|piece| torrent.blocks(piece).into_iter().map(move |(begin, len)| (piece, begin, len)))
}

#[test]
fn t64_no_bit_of_the_header_of_a_message_costs_more_than_its_frame() {
    for torrent in &torrents() {
        for utp in [false, true] {
            let (world, blocks, requests) = served(torrent, utp);
            let (records, all) = (world.records(), sent(&world));
            // Behind Ethernet, IPv4, and TCP or UDP with uTP.
            let payload = 14 + 20 + if utp { 28 } else { 20 };
            for (frame, len) in
                [(blocks[2], 13), (blocks[3], 13), (*blocks.last().expect("one"), 13), (requests[2], 17)]
            {
                let missing = read(&without(&records, frame), torrent);
                let least = verified(&missing);
                for (byte, bit) in (0..len).flat_map(|byte| (0..8).map(move |bit| (byte, bit))) {
                    let hit = read(&flipped(&records, frame, payload + byte, bit), torrent);
                    let name = format!("uTP {utp} frame {frame} byte {byte} bit {bit}");
                    assert!(verified(&hit) >= least, "{name}: {} of {least}", verified(&hit));
                    let served: u64 = hit.transfers.iter().map(|row| row.bytes.served).sum();
                    assert!(served <= all, "{name}: {served} of {all}");
                    // A block under another name is in the place of that name: nothing but its request tells.
                    assert!(
                        byte >= 5 || asked(&hit) >= asked(&missing),
                        "{name}: {} of {}",
                        asked(&hit),
                        asked(&missing)
                    );
                    assert_eq!(hit.subjects.iter().map(|subject| subject.bytes.refuted).sum::<u64>(), 0, "{name}");
                }
            }
        }
    }
}

#[test]
fn t64_two_damaged_headers_cost_no_more_than_their_frames() {
    let recipe = || Recipe::single("r.bin", 2 * SMALL, 24 * SMALL as usize, 64);
    for torrent in &[recipe().v1(), recipe().v2(), recipe().hybrid()] {
        for utp in [false, true] {
            let (world, blocks, _) = served(torrent, utp);
            let payload = 14 + 20 + if utp { 28 } else { 20 };
            for ((one, other), (byte, bit)) in [(2, 3), (2, 9), (4, 19), (5, 22)]
                .into_iter()
                .flat_map(|pair| [(1, 1), (1, 3), (2, 6), (2, 5), (3, 4)].map(|hit| (pair, hit)))
            {
                let (one, other) = (blocks[one], blocks[other]);
                let records =
                    flipped(&flipped(&world.records(), one, payload + byte, bit), other, payload + byte, bit);
                let least = verified(&read(&without(&without(&world.records(), other), one), torrent));
                let hit = read(&records, torrent);
                let name = format!("uTP {utp} frames {one} and {other} byte {byte} bit {bit}");
                assert!(verified(&hit) >= least, "{name}: {} of {least}", verified(&hit));
                assert_eq!(hit.subjects.iter().map(|subject| subject.bytes.refuted).sum::<u64>(), 0, "{name}");
            }
        }
    }
}

#[test]
fn t64_a_frame_that_was_damaged_before_both_taps_refutes_nobody_whatever_either_of_them_misses() {
    for (number, torrent) in torrents().iter().enumerate() {
        for Undamaged { name, records, .. } in undamaged(torrent) {
            let large: Vec<usize> = (0..records.len()).filter(|at| records[*at].bytes.len() > 1_000).collect();
            for (n, frame) in large.iter().copied().enumerate().skip(number).step_by(7) {
                let hit = flipped(&records, frame, records[frame].bytes.len() - 9, 3);
                let near =
                    [-9, -2, 1, 4, 11].map(|by: i64| (n as i64 + by).clamp(0, large.len() as i64 - 1) as usize);
                for missing in near.map(|at| large[at]).into_iter().filter(|missing| *missing != frame) {
                    for (at_first, ahead) in [(true, 1_000_000), (false, 1_000_000), (true, 3_000), (false, -3_000)]
                    {
                        let mut taps = [hit.clone(), hit.clone()];
                        taps[1].iter_mut().for_each(|record| record.time -= ahead);
                        taps[usize::from(!at_first)].remove(missing);
                        let [one, other] =
                            taps.map(|tap| capture::pcap(&tap, LINK_ETHERNET, Order::Little, Ticks::Nanos));
                        let run = Run::new().capture(one).capture(other).torrent(torrent);
                        let evidence = run.once(1, 64 << 20).expect("it goes on");
                        let refuted: u64 = evidence.subjects.iter().map(|subject| subject.bytes.refuted).sum();
                        assert_eq!(
                            refuted, 0,
                            "{name} frame {frame}, {missing} missing at the first {at_first}, {ahead}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn t64_where_no_hash_tells_the_requests_tell_which_header_is_damaged() {
    let torrent = Recipe::single("r.bin", 2 * SMALL, 12 * SMALL as usize, 65).v1();
    for utp in [false, true] {
        let (world, blocks, requests) = served(&torrent, utp);
        let (all, payload) = (sent(&world), 14 + 20 + if utp { 28 } else { 20 });
        let hits =
            [(blocks[3], 1, 3), (blocks[3], 2, 6), (blocks[3], 3, 2), (requests[3], 1, 2), (requests[3], 3, 5)];
        for (frame, byte, bit) in hits {
            let file = capture::pcap(
                &flipped(&world.records(), frame, payload + byte, bit),
                LINK_ETHERNET,
                Order::Little,
                Ticks::Nanos,
            );
            let evidence = Run::new().capture(file).once(1, 64 << 20).expect("the run can go on");
            let served: u64 = evidence.transfers.iter().map(|row| row.bytes.served).sum();
            let name = format!("uTP {utp} frame {frame} byte {byte} bit {bit}: {served} {}", asked(&evidence));
            assert!(served <= all && served + 2 * u64::from(SMALL) >= all, "{name}");
            assert!(asked(&evidence) + 2 * u64::from(SMALL) >= all, "{name}");
        }
    }
}
