//! Many versions of the blocks of one piece, of several senders or in several packets: the hash finds the mix that is right
//! (T14, T28, T69), whatever the borders of the versions, and what was not tried accuses nobody.

use peerproof::anomaly::Kind;
use peerproof::evidence::Evidence;

use super::*;
use crate::synth::frame::Flags;
use crate::synth::run::{analyze, transfer};
use crate::synth::swarm::Body;
use crate::synth::utp::UtpConn;

const HALF: u32 = SMALL / 2;
/// A third way to receive, on another host.
const OTHER: &str = "81.2.69.77:50009";

/// Two pieces of four blocks.
fn torrents() -> [Torrent; 3] {
    let recipe = || Recipe::single("m.bin", 4 * SMALL, 8 * SMALL as usize, 69);
    [recipe().v1(), recipe().v2(), recipe().hybrid()]
}

/// A connection over either transport; end 1 serves.
enum Link {
    Tcp(Conn),
    Utp(Box<UtpConn>),
}

fn link(world: &mut World, torrent: &Torrent, [a, b]: [&str; 2], utp: bool, number: u32) -> Link {
    let ids = [id(100 + number), id(200 + number)];
    if !utp {
        return Link::Tcp(join_as(world, torrent, a, b, ids));
    }
    let mut conn = UtpConn::open(world, address(a), address(b), 4_000 + 7 * number as u16, [1, 500]);
    conn.join(world, torrent, ids);
    Link::Utp(Box::new(conn))
}

impl Link {
    /// Asks for a block of piece 0 and sends it, right or with a wrong byte.
    fn send(&mut self, world: &mut World, torrent: &Torrent, (begin, len): (u32, u32), good: bool) {
        let mut bytes = torrent.block(0, begin, len).to_vec();
        bytes[len as usize / 2] ^= if good { 0 } else { 0x40 };
        let request = wire::request(0, begin, len);
        match self {
            Self::Tcp(conn) => {
                world.send(*conn, Side::A, &request);
                world.deliver(*conn, Side::B, 0, begin, &bytes, good);
            }
            Self::Utp(conn) => {
                conn.send(world, 0, &request);
                conn.deliver(world, 1, 0, begin, &bytes, good);
            }
        }
    }
}

/// Sends of one swarm: the number of the sender and what of piece 0 it sends, right or wrong.
type Sent = (usize, (u32, u32), bool);

/// Each sender has a connection of its own; the last one of them to another receiver, where `apart`.
fn swarm(torrent: &Torrent, utp: bool, senders: usize, apart: bool, sent: &[Sent]) -> Evidence {
    let mut world = World::new();
    let to = |sender: usize| if apart && sender + 1 == senders { OTHER.to_owned() } else { own(sender) };
    let mut links: Vec<Link> =
        (0..senders).map(|it| link(&mut world, torrent, [&to(it), &from(it)], utp, it as u32)).collect();
    sent.iter().for_each(|(sender, place, good)| links[*sender].send(&mut world, torrent, *place, *good));
    analyze(&world, torrent)
}

fn own(sender: usize) -> String {
    format!("81.2.69.10:5000{sender}")
}

fn from(sender: usize) -> String {
    format!("93.184.16.{}:6881", sender + 1)
}

/// Verified, refuted, disputed, unproven and repeated bytes.
fn classes(evidence: &Evidence, sender: usize, to: &str) -> [u64; 5] {
    let bytes = transfer(evidence, &from(sender), to).bytes;
    [bytes.verified, bytes.refuted, bytes.disputed, bytes.unproven, bytes.repeated]
}

fn each(test: impl Fn(&Torrent, bool, &str)) {
    for (name, torrent) in ["v1", "v2", "hybrid"].into_iter().zip(&torrents()) {
        for utp in [false, true] {
            test(torrent, utp, &format!("{name}, {}", if utp { "uTP" } else { "TCP" }));
        }
    }
}

const BLOCKS: [(u32, u32); 4] = [(0, SMALL), (SMALL, SMALL), (2 * SMALL, SMALL), (3 * SMALL, SMALL)];
const B: u64 = SMALL as u64;

#[test]
fn t69_versions_whose_borders_differ_are_put_together() {
    each(|torrent, utp, name| {
        // Half of the second block is bad from one, the third block from the other.
        let sent = [
            (0, BLOCKS[0], true),
            (0, (SMALL, HALF), false),
            (0, BLOCKS[2], true),
            (1, BLOCKS[1], true),
            (1, BLOCKS[2], false),
            (1, BLOCKS[3], true),
        ];
        let evidence = swarm(torrent, utp, 2, false, &sent);
        assert_eq!(classes(&evidence, 0, &own(0)), [2 * B, B / 2, 0, 0, 0], "{name}");
        assert_eq!(classes(&evidence, 1, &own(1)), [2 * B, B, 0, 0, 0], "{name}");
    });
}

#[test]
fn t69_a_bad_block_for_another_receiver_hides_no_copy_that_is_whole() {
    each(|torrent, utp, name| {
        let sent = [
            (4, BLOCKS[0], false),
            (0, BLOCKS[0], true),
            (0, BLOCKS[1], true),
            (1, BLOCKS[2], true),
            (1, BLOCKS[3], false),
            (2, (3 * SMALL, HALF), true),
            (2, (3 * SMALL + HALF, HALF), true),
            (1, BLOCKS[3], false),
        ];
        let evidence = swarm(torrent, utp, 5, true, &sent);
        assert_eq!(classes(&evidence, 0, &own(0)), [2 * B, 0, 0, 0, 0], "{name}");
        assert_eq!(classes(&evidence, 1, &own(1)), [B, B, 0, 0, B], "{name}");
        assert_eq!(classes(&evidence, 2, &own(2)), [B, 0, 0, 0, 0], "{name}");
        assert_eq!(classes(&evidence, 4, OTHER), [0, B, 0, 0, 0], "{name}");
    });
}

/// Two senders of whole copies of the piece in blocks of `len` bytes, each of which is good from one of them alone.
fn two_copies(torrent: &Torrent, utp: bool, len: u32) -> Evidence {
    let blocks = torrent.blocks_of(0, len);
    let sent: Vec<Sent> = (0..2)
        .flat_map(|sender| {
            blocks.iter().enumerate().map(move |(number, place)| (sender, *place, number % 2 == sender))
        })
        .collect();
    swarm(torrent, utp, 2, false, &sent)
}

#[test]
fn t69_sixteen_mixes_of_two_whole_copies_and_more_are_tried() {
    each(|torrent, utp, name| {
        let evidence = two_copies(torrent, utp, SMALL);
        for sender in 0..2 {
            assert_eq!(classes(&evidence, sender, &own(sender)), [2 * B, 2 * B, 0, 0, 0], "{name}");
        }
        assert!(evidence.anomalies.tally(Kind::LimitReached).is_none(), "{name}");
    });
}

#[test]
fn t69_where_not_all_mixes_are_tried_the_bound_is_told_and_each_whole_copy_failed_alone() {
    // Of leaves there are no more than four places.
    each(|torrent, utp, name| {
        let evidence = two_copies(torrent, utp, SMALL / 4);
        for sender in 0..2 {
            let [verified, refuted, disputed, unproven, _] = classes(&evidence, sender, &own(sender));
            if verified > 0 {
                assert_eq!([verified, refuted, disputed, unproven], [2 * B, 2 * B, 0, 0], "{name}");
            } else {
                assert_eq!([refuted, disputed, unproven], [4 * B, 0, 0], "{name}");
                assert!(evidence.anomalies.tally(Kind::LimitReached).is_some(), "{name}");
            }
        }
    });
}

#[test]
fn t13_one_sender_of_many_versions_of_a_piece_is_refuted() {
    each(|torrent, utp, name| {
        let blocks = torrent.blocks_of(0, SMALL / 4);
        let mut sent: Vec<Sent> = blocks.iter().map(|place| (0, *place, false)).collect();
        sent.extend(blocks.iter().enumerate().map(|(number, place)| (0, *place, number > 0)));
        let evidence = swarm(torrent, utp, 1, false, &sent);
        let [verified, refuted, disputed, unproven, repeated] = classes(&evidence, 0, &own(0));
        // What was bad twice is repeated; beside leaves that verify, the others differ.
        assert_eq!([disputed, unproven, repeated], [0, 0, B / 4], "{name}");
        assert!(refuted >= 4 * B && verified + refuted == 8 * B - B / 4, "{name}: {verified} {refuted}");
    });
}

/// S sends all of `torrent`; a stranger's segment of `len` bytes covers its stream from `at` bytes into the packet `number`
/// of it, before or behind that packet in the file.
fn overlapped(torrent: &Torrent, number: usize, at: usize, len: usize, before: bool) -> World {
    let mut world = World::new();
    let conn = join(&mut world, torrent, M, S);
    fetch_all(&mut world, conn, torrent);
    let data = |packet: &Packet| packet.is_data(conn, Side::B) && packet.payload().len() > 1_000;
    let own = world.packets.iter().enumerate().filter(|(_, packet)| data(packet)).nth(number);
    let (index, mut forged) = own.map(|(index, packet)| (index, packet.clone())).expect("it was sent");
    if let Body::Tcp { seq, ack, offset, flags, payload } = &mut forged.body {
        *seq = seq.wrapping_add(at as u32);
        *offset += at as u64;
        *ack = ack.wrapping_add(1 << 30);
        *flags = Flags::ACK | Flags::PSH;
        *payload = crate::synth::content::Random::new(len as u64).bytes(len);
    }
    world.packets.insert(index + usize::from(!before), forged);
    world
}

#[test]
fn t28_a_segment_over_the_end_of_one_and_the_beginning_of_the_next_hides_nothing() {
    for (name, torrent) in ["v1", "v2", "hybrid"].into_iter().zip(&torrents()) {
        // Over the end of a segment and the beginning of the next, or over three.
        // The last two over the header of the next message.
        let places = [
            (2, 100, 1_809),
            (3, 1_000, 600),
            (2, 1_400, 3_000),
            (5, 700, 4_500),
            (10, 1_000, 1_600),
            (21, 9, 2_500),
        ];
        for (number, at, len) in places {
            for before in [false, true] {
                let name = format!("{name}, packet {number}, {len} bytes, before {before}");
                let evidence = analyze(&overlapped(torrent, number, at, len, before), torrent);
                let row = transfer(&evidence, S, M);
                let bytes = row.bytes;
                assert_eq!((bytes.verified, bytes.refuted, bytes.unproven), (8 * B, 0, 0), "{name}: {bytes:?}");
                // One that acknowledges what nobody sent, ahead of all that came, is no version: it is left out, and told.
                let is_left_out = evidence.anomalies.tally(Kind::OutOfWindow).is_some();
                assert!(row.flags.contains(&peerproof::evidence::Flag::OverlapConflict) || is_left_out, "{name}");
            }
        }
    }
}

#[test]
fn t28_a_utp_packet_with_other_bytes_that_came_first_hides_nothing() {
    let recipe = || Recipe::single("u.bin", 4 * SMALL, 8 * SMALL as usize, 28);
    for (name, torrent) in
        ["v1", "v2", "hybrid"].into_iter().zip(&[recipe().v1(), recipe().v2(), recipe().hybrid()])
    {
        // The first packet of a block, with its header; one in the midst of it.
        for packet in [0, 4] {
            let mut world = World::new();
            let mut conn = UtpConn::open(&mut world, address(M), address(S), 4_711, [1, 500]);
            conn.join(&mut world, torrent, [id(1), id(2)]);
            conn.fetch(&mut world, torrent, 0);
            let from = world.packets.len();
            conn.fetch(&mut world, torrent, 1);
            let data = |packet: &Packet| packet.from == address(S) && packet.payload().len() > 1_000;
            let own = world.packets.iter().enumerate().skip(from).filter(|(_, packet)| data(packet)).nth(packet);
            let (index, mut forged) = own.map(|(index, packet)| (index, packet.clone())).expect("it was sent");
            if let Body::Udp { payload } = &mut forged.body {
                let noise = crate::synth::content::Random::new(7).bytes(payload.len() - 20);
                payload[20..].copy_from_slice(&noise);
                // It acknowledges what was never sent.
                payload[18..20].copy_from_slice(&[0x70, 0]);
            }
            world.packets.insert(index, forged);
            let bytes = transfer(&analyze(&world, torrent), S, M).bytes;
            assert_eq!((bytes.verified, bytes.refuted), (8 * B, 0), "{name}, packet {packet}: {bytes:?}");
        }
    }
}
