//! Figures over uTP, equal to those over TCP: T25.

use peerproof::ends::Transport;
use peerproof::evidence::{Bytes, Grade};

use super::*;
use crate::synth::run::{analyze, transfer};
use crate::synth::utp::UtpConn;

#[test]
fn t25_utp_numbers_wrap() {
    let torrent = two_block_pieces();
    for first in [[65_534, 65_530], [1, 65_535], [65_535, 1]] {
        let mut world = World::new();
        seed(&mut world, &torrent, first);
        let evidence = analyze(&world, &torrent);
        let seeder = transfer(&evidence, S, M);
        assert_eq!((seeder.transport, seeder.grade), (Transport::Utp, Grade::G9), "{first:?}");
        assert_eq!(seeder.bytes, clean(sent(&world)), "{first:?}");
    }
}

#[test]
fn t25_utp_reordering_with_selective_acks_leaves_the_ledger_as_it_is() {
    let torrent = two_block_pieces();
    let mut world = World::new();
    let mut conn = seed(&mut world, &torrent, [100, 65_500]);
    conn.acks = false;
    conn.send(&mut world, 0, &wire::request(0, 0, SMALL));
    let (start, next) = (world.packets.len(), conn.next(1));
    conn.deliver(&mut world, 1, 0, 0, torrent.block(0, 0, SMALL), true);
    let end = world.packets.len() - 1;
    world.shift(start + 2, end);
    conn.sack(&mut world, 0, next.wrapping_add(1), &[0x0f, 0, 0, 0]);
    conn.state(&mut world, 0);
    let evidence = analyze(&world, &torrent);
    let block = u64::from(SMALL);
    let once = sent(&world) - block;
    let expected = Bytes { verified: once, sole: once, repeated: block, ..clean(sent(&world)) };
    assert_eq!(transfer(&evidence, S, M).bytes, expected);
}

#[test]
fn a_utp_packet_that_is_lost_costs_its_block_and_no_other() {
    let torrent = four_pieces();
    let mut world = World::new();
    seed(&mut world, &torrent, [5, 6]);
    let largest = world.packets.iter().map(|packet| packet.payload().len()).max().expect("packets were sent");
    let full: Vec<usize> =
        (0..world.packets.len()).filter(|index| world.packets[*index].payload().len() == largest).collect();
    world.packets.remove(full[4]);
    let evidence = analyze(&world, &torrent);
    let bytes = transfer(&evidence, S, M).bytes;
    assert_eq!(bytes.verified, sent(&world) - u64::from(SMALL));
    assert_eq!((bytes.refuted, bytes.disputed), (0, 0));
    // What was taken out, by the numbers around it.
    let quality = &evidence.quality;
    assert_eq!((quality.gaps, quality.gap_packets, quality.gap_bytes), (1, 1, 0));
}

/// M opens to S and fetches everything.
fn seed(world: &mut World, torrent: &Torrent, first: [u16; 2]) -> UtpConn {
    let mut conn = UtpConn::open(world, address(M), address(S), 4_711, first);
    conn.send(world, 0, &wire::handshake(torrent.info_hash, id(1)));
    conn.send(world, 1, &wire::handshake(torrent.info_hash, id(2)));
    conn.send(world, 1, &wire::bitfield_full(torrent.pieces()));
    conn.send(world, 0, &wire::interested());
    conn.send(world, 1, &wire::unchoke());
    for piece in 0..torrent.pieces() {
        for (begin, len) in torrent.blocks(piece) {
            conn.send(world, 0, &wire::request(piece, begin, len));
            conn.deliver(world, 1, piece, begin, torrent.block(piece, begin, len), true);
        }
    }
    conn
}

#[test]
fn t34_messages_that_are_not_understood_shield_no_bad_block() {
    let recipe = || Recipe::single("r.bin", 2 * SMALL, 6 * SMALL as usize, 34);
    let strange: [&[u8]; 5] = [
        &wire::message(250, &[7; 5]),
        &wire::message(250, &[]),
        &wire::message(4, &[0; 9]),
        &[wire::message(99, &[1; 3_000]), wire::message(250, &[2; 40])].concat(),
        &wire::message(20, &[7, b'x', 1, 2]),
    ];
    for (torrent, strange) in [recipe().v1(), recipe().v2(), recipe().hybrid()]
        .iter()
        .flat_map(|torrent| strange.into_iter().map(move |strange| (torrent, strange)))
    {
        for (end, one_sided) in ["open", "FIN", "RESET"].into_iter().flat_map(|end| [(end, false), (end, true)]) {
            let mut world = World::new();
            let mut conn = UtpConn::open(&mut world, address(M), address(S), 5_000, [1, 500]);
            conn.join(&mut world, torrent, [id(1), id(2)]);
            for (piece, (begin, len)) in
                (0..3).flat_map(|piece| torrent.blocks(piece).into_iter().map(move |it| (piece, it)))
            {
                let mut bytes = torrent.block(piece, begin, len).to_vec();
                bytes[9_000] ^= 1;
                conn.send(&mut world, 0, &wire::request(piece, begin, len));
                conn.deliver(&mut world, 1, piece, begin, &bytes, false);
                conn.send(&mut world, 1, strange);
            }
            match end {
                "FIN" => conn.close(&mut world, 1, &[]),
                "RESET" => conn.reset(&mut world, 1),
                _ => {}
            }
            if one_sided {
                world.packets.retain(|packet| packet.from == address(S));
            }
            let bytes = transfer(&analyze(&world, torrent), S, M).bytes;
            let all = 6 * u64::from(SMALL);
            // Of a direction that alone was captured nothing shows that its last bytes arrived.
            let least = if one_sided && end == "open" { 4 * u64::from(SMALL) } else { all };
            let name = format!("{strange:?} {end} {one_sided} {bytes:?}");
            assert!(bytes.served == all && bytes.refuted >= least && bytes.verified == 0, "{name}");
        }
    }
}
