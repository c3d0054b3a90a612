//! T58, T60: what stands in the file behind its place counts, wherever it stands.

use peerproof::Limits;
use peerproof::anomaly::Kind;
use peerproof::ends::Transport;
use peerproof::evidence::{Bytes, Evidence, Flag, Grade, Transfer};

use super::*;
use crate::synth::content::Random;
use crate::synth::run::{Run, address, analyze, transfer};
use crate::synth::utp::UtpConn;

const ENDS: [[&str; 2]; 2] = [[M, S], ["[2001:db8::10]:50001", "[2001:db8::1]:6881"]];
const SECOND: i64 = 1_000_000_000;

/// M fetches all of `torrent` from S, a packet each millisecond; with FINs where `closed`.
fn fetched(torrent: &Torrent, [a, b]: [&str; 2], transport: Transport, closed: bool) -> World {
    let mut world = World::new();
    world.step = 1_000_000;
    if transport == Transport::Utp {
        let mut conn = UtpConn::open(&mut world, address(a), address(b), 4_711, [1, 65_500]);
        conn.join(&mut world, torrent, [id(1), id(2)]);
        (0..torrent.pieces()).for_each(|piece| conn.fetch(&mut world, torrent, piece));
        if closed {
            conn.close(&mut world, 1, &[]);
            conn.close(&mut world, 0, &[]);
        }
    } else {
        let conn = join(&mut world, torrent, a, b);
        fetch_all(&mut world, conn, torrent);
        if closed {
            world.close(conn, Side::A);
        }
    }
    world
}

fn torrents() -> [Torrent; 3] {
    let recipe = |seed| Recipe::single("late.bin", 2 * SMALL, 20 * SMALL as usize + 7_000, seed);
    [recipe(1).v1(), recipe(2).v2(), recipe(3).hybrid()]
}

/// Takes the packets at these places out, and puts them back `behind` packets and nanoseconds later; in the order given.
fn put_off(world: &World, places: &[usize], behind: usize, ns: i64) -> World {
    let mut late = world.clone();
    let mut moved = Vec::new();
    let mut sorted = places.to_vec();
    sorted.sort_unstable();
    for place in sorted.iter().rev() {
        moved.push((*place, late.packets.remove(*place)));
    }
    moved.reverse();
    for (place, mut packet) in moved {
        packet.time += ns;
        let time = packet.time;
        let at = (place + behind).min(late.packets.len());
        // The clock goes forward.
        let at = late
            .packets
            .iter()
            .position(|other| other.time > time)
            .map_or(late.packets.len(), |first| first.max(at));
        if let Some(before) = at.checked_sub(1).and_then(|before| late.packets.get(before)) {
            packet.time = packet.time.max(before.time);
        }
        late.packets.insert(at, packet);
    }
    late
}

/// The packets of one side with payload of its stream.
fn carriers(world: &World, from: &str) -> Vec<usize> {
    let least = |packet: &Packet| if packet.offset().is_some() { 1 } else { 21 };
    let carries = |packet: &Packet| packet.from == address(from) && packet.payload().len() >= least(packet);
    (0..world.packets.len()).filter(|at| carries(&world.packets[*at])).collect()
}

/// Figures that must not depend on the order of the file.
fn ledger(evidence: &Evidence, [a, b]: [&str; 2]) -> String {
    let row = |from: &str, to: &str| {
        let row: &Transfer = transfer(evidence, from, to);
        format!(
            "{:?} {:?} {:?} {:?} {} {}",
            row.bytes,
            row.grade,
            row.flags,
            row.files.len(),
            row.pieces_sole,
            row.piece_messages
        )
    };
    let bounds = evidence.anomalies.tally(Kind::LimitReached);
    format!("{} {} {bounds:?}", row(a, b), row(b, a))
}

#[test]
fn t60_one_segment_seconds_late_costs_nothing() {
    for (n, torrent) in torrents().into_iter().enumerate() {
        let each = |ends| [(ends, Transport::Tcp), (ends, Transport::Utp)];
        for (ends, transport) in ENDS.into_iter().flat_map(each).skip(n).step_by(n + 1) {
            let world = fetched(&torrent, ends, transport, false);
            let whole = ledger(&analyze(&world, &torrent), ends);
            let data = carriers(&world, ends[1]);
            let asks = carriers(&world, ends[0]);
            for places in
                [vec![data[30]], vec![data[40], data[41], data[47]], vec![asks[5]], vec![data[3], asks[4]]]
            {
                let late = put_off(&world, &places, 320, 5 * SECOND);
                let evidence = analyze(&late, &torrent);
                let found = ledger(&evidence, ends);
                assert_eq!(found, whole, "{ends:?} {transport:?} {places:?}");
                assert_eq!(evidence.quality.gaps, 0);
            }
        }
    }
}

#[test]
fn t60_the_beginning_may_be_what_is_late() {
    let [torrent, ..] = torrents();
    for (ends, transport) in ENDS.into_iter().flat_map(|ends| [(ends, Transport::Tcp), (ends, Transport::Utp)]) {
        let world = fetched(&torrent, ends, transport, false);
        let whole = ledger(&analyze(&world, &torrent), ends);
        let (data, asks) = (carriers(&world, ends[1]), carriers(&world, ends[0]));
        for places in [vec![data[0]], vec![asks[0]], vec![data[0], data[1], asks[0], asks[1]]] {
            let late = put_off(&world, &places, 320, 5 * SECOND);
            assert_eq!(ledger(&analyze(&late, &torrent), ends), whole, "{ends:?} {transport:?} {places:?}");
        }
    }
}

#[test]
fn t58_many_segments_far_behind_their_acknowledgements_cost_nothing() {
    for torrent in torrents() {
        for transport in [Transport::Tcp, Transport::Utp] {
            let ends = ENDS[0];
            let world = fetched(&torrent, ends, transport, true);
            let whole = ledger(&analyze(&world, &torrent), ends);
            for (seed, behind, ns) in [(1, 12, 12_000_000), (2, 300, 3 * SECOND), (3, 10_000, 90 * SECOND)] {
                let mut random = Random::new(seed);
                let mut places = carriers(&world, ends[1]);
                places.extend(carriers(&world, ends[0]));
                places.retain(|_| random.below(20) == 0);
                let late = put_off(&world, &places, behind, ns);
                let evidence = analyze(&late, &torrent);
                assert_eq!(ledger(&evidence, ends), whole, "{transport:?} {behind} {places:?}");
            }
        }
    }
}

#[test]
fn t60_a_capture_that_begins_in_the_middle_gets_its_late_segments_too() {
    let [torrent, ..] = torrents();
    for transport in [Transport::Tcp, Transport::Utp] {
        let ends = ENDS[0];
        let mut world = fetched(&torrent, ends, transport, false);
        let begin = carriers(&world, ends[1])[30];
        world.packets.drain(..begin);
        let whole = ledger(&analyze(&world, &torrent), ends);
        let data = carriers(&world, ends[1]);
        for places in [vec![data[0]], vec![data[0], data[2]], vec![data[50], data[60]]] {
            let late = put_off(&world, &places, 320, 5 * SECOND);
            assert_eq!(ledger(&analyze(&late, &torrent), ends), whole, "{transport:?} {places:?}");
        }
    }
}

#[test]
fn late_bytes_that_are_wrong_speak_against_nobody_and_the_bound_is_told() {
    let torrent = two_block_pieces();
    for transport in [Transport::Tcp, Transport::Utp] {
        let mut world = World::new();
        world.step = 1_000_000;
        let bad = |piece| (torrent.block(piece, 0, SMALL).iter().map(|byte| byte ^ 0x20)).collect::<Vec<_>>();
        if transport == Transport::Utp {
            let mut conn = UtpConn::open(&mut world, address(M), address(S), 4_711, [1, 500]);
            conn.join(&mut world, &torrent, [id(1), id(2)]);
            conn.send(&mut world, 0, &wire::request(0, 0, SMALL));
            conn.deliver(&mut world, 1, 0, 0, &bad(0), false);
            (0..4).for_each(|piece| conn.fetch(&mut world, &torrent, piece));
            conn.close(&mut world, 1, &[]);
        } else {
            let conn = join(&mut world, &torrent, M, S);
            world.send(conn, Side::A, &wire::request(0, 0, SMALL));
            world.deliver(conn, Side::B, 0, 0, &bad(0), false);
            (0..4).for_each(|piece| world.fetch(conn, Side::B, &torrent, piece));
        }
        let in_order = analyze(&world, &torrent);
        assert_eq!(transfer(&in_order, S, M).bytes.refuted, u64::from(SMALL));
        let data = carriers(&world, S);
        let late = put_off(&world, &data[6..9], 200, 5 * SECOND);
        let bytes = transfer(&analyze(&late, &torrent), S, M).bytes;
        assert_eq!((bytes.served, bytes.refuted, bytes.unproven), (sent(&world), 0, u64::from(SMALL)));
        let limits = Limits { late_segments: 1, ..Limits::default() };
        let evidence = Run::new().capture(late.pcap()).torrent(&torrent).limits(limits).evidence();
        assert!(transfer(&evidence, S, M).bytes.served < sent(&world));
        let told = evidence.anomalies.tally(Kind::LimitReached).expect("a bound");
        assert!(format!("{told:?}").contains("LateSegments"), "{told:?}");
    }
}

#[test]
fn a_segment_that_was_lost_and_sent_again_far_later_fills_its_hole_and_other_copies_are_compared() {
    let torrent = two_block_pieces();
    for history in [8, 1_024] {
        let mut world = World::new();
        world.step = 1_000_000;
        let conn = join(&mut world, &torrent, M, S);
        fetch_all(&mut world, conn, &torrent);
        let whole = world.clone();
        let data = carriers(&world, S);
        let place = world.packets[data[20]].offset().expect("TCP");
        let bytes = world.packets[data[20]].payload().to_vec();
        world.packets.remove(data[20]);
        world.pass(9 * SECOND);
        world.retransmit(conn, Side::B, place, &bytes);
        world.retransmit(conn, Side::B, place, &bytes);
        let limits = Limits { stream_history_segments: history, ..Limits::default() };
        let run =
            |world: &World| Run::new().capture(world.pcap()).torrent(&torrent).limits(limits.clone()).evidence();
        let (found, expected) = (run(&world), run(&whole));
        let rows = [&found, &expected].map(|evidence| transfer(evidence, S, M).clone());
        assert_eq!(rows[0].bytes, Bytes { ..rows[1].bytes });
        assert_eq!((rows[0].grade, rows[0].flags.contains(&Flag::GapInRange)), (Grade::G9, false));
    }
}

#[test]
fn t60_the_second_part_of_a_connection_may_stand_first_in_the_file() {
    for (n, torrent) in torrents().into_iter().enumerate() {
        let each = |ends| [(ends, Transport::Tcp), (ends, Transport::Utp)];
        for (ends, transport) in ENDS.into_iter().flat_map(each) {
            for closed in [true, false] {
                let world = fetched(&torrent, ends, transport, closed);
                let whole = analyze(&world, &torrent);
                let expected = transfer(&whole, ends[1], ends[0]);
                for part in [3, 5, 8, 9] {
                    let mut turned = world.clone();
                    turned.packets.rotate_left(world.packets.len() * part / 10);
                    let evidence = analyze(&turned, &torrent);
                    let row = transfer(&evidence, ends[1], ends[0]);
                    let name = format!("{ends:?} {transport:?} torrent {n}, closed {closed}, {part} of 10");
                    assert_eq!(row.bytes, expected.bytes, "{name}");
                    assert_eq!((row.grade, row.standard.is_some()), (expected.grade, true), "{name}");
                }
            }
        }
    }
}
