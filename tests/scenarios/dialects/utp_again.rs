//! uTP packets and ids that are used again: nobody is accused of bytes whose place is not certain.

use peerproof::evidence::{Flag, Grade};

use super::*;
use crate::synth::run::{analyze, transfer};
use crate::synth::utp::{Kind as Type, UtpConn};

fn opened(world: &mut World, torrent: &Torrent) -> UtpConn {
    let mut conn = UtpConn::open(world, address(M), address(S), 4_711, [1, 1]);
    conn.join(world, torrent, [id(1), id(2)]);
    conn
}

#[test]
fn packets_numbered_anew_while_one_waits_accuse_nobody() {
    // Blocks of one packet each, so that the place of one is not the place of the next.
    let torrent = Recipe::single("small.bin", SMALL, 4 * SMALL as usize, 91).v1();
    for cut in [300, 700, 1_013] {
        let mut world = World::new();
        let mut conn = opened(&mut world, &torrent);
        conn.fetch(&mut world, &torrent, 0);
        let blocks = torrent.blocks_of(1, 1_000);
        blocks.iter().for_each(|(begin, len)| conn.send(&mut world, 0, &wire::request(1, *begin, *len)));
        conn.acks = false;
        let messages: Vec<Vec<u8>> =
            blocks.iter().map(|(begin, len)| wire::piece(1, *begin, torrent.block(1, *begin, *len))).collect();
        let stream = messages.concat();
        // The first packet is lost in front of the tap, the second one waits for it. Then all goes out again from the
        // first number on, in other packets.
        let number = conn.next(1);
        let first = world.packets.len();
        conn.packet(&mut world, 1, Type::Data, &stream[..1_013]);
        conn.packet(&mut world, 1, Type::Data, &stream[1_013..2_026]);
        world.packets.remove(first);
        conn.again(&mut world, 1, number, &stream[..cut]);
        conn.again(&mut world, 1, number.wrapping_add(1), &stream[cut..1_013.max(cut + 400)]);
        let mut at = 1_013.max(cut + 400);
        while at < stream.len() {
            let to = stream.len().min(at + 1_013);
            conn.packet(&mut world, 1, Type::Data, &stream[at..to]);
            at = to;
        }
        conn.acks = true;
        conn.state(&mut world, 0);
        (2..4).for_each(|piece| conn.fetch(&mut world, &torrent, piece));
        let evidence = analyze(&world, &torrent);
        nobody_refuted(&evidence);
        assert!(transfer(&evidence, S, M).bytes.verified >= u64::from(SMALL), "{cut}");
    }
}

#[test]
fn a_foreign_packet_under_a_number_to_come_accuses_nobody() {
    let torrent = four_pieces();
    let mut world = World::new();
    let mut conn = opened(&mut world, &torrent);
    conn.fetch(&mut world, &torrent, 0);
    // Somebody else's datagram with the ids of the stream, eight packets ahead of it: within the next block.
    let number = conn.next(1).wrapping_add(8);
    conn.again(&mut world, 1, number, &[0x5a; 1_382]);
    (1..4).for_each(|piece| conn.fetch(&mut world, &torrent, piece));
    let evidence = analyze(&world, &torrent);
    nobody_refuted(&evidence);
    assert!(transfer(&evidence, S, M).bytes.verified >= 2 * u64::from(SMALL), "{:#?}", evidence.transfers[0].bytes);
}

#[test]
fn of_two_packets_of_one_number_the_hash_tells_which_is_the_senders_whatever_their_lengths() {
    let recipe = || Recipe::single("small.bin", 2 * SMALL, 8 * SMALL as usize, 92);
    for (torrent, ends) in [
        (recipe().v1(), [M, S]),
        (recipe().v2(), ["[2001:db8::10]:50001", "[2001:db8::1]:6881"]),
        (recipe().hybrid(), [M, S]),
    ] {
        // Ahead of the sender's packet by so many numbers, or behind it; two of them in one connection.
        for (away, second) in [(2, None), (5, None), (-1, None), (-4, None), (5, Some(-2)), (-3, Some(7))] {
            for len in [333, 1_395] {
                let mut world = World::new();
                let mut conn = UtpConn::open(&mut world, address(ends[0]), address(ends[1]), 4_711, [1, 500]);
                conn.join(&mut world, &torrent, [id(1), id(2)]);
                for piece in 0..4 {
                    let foreign = [Some(away).filter(|_| piece == 1), second.filter(|_| piece == 2)];
                    for (begin, block_len) in torrent.blocks(piece) {
                        conn.send(&mut world, 0, &wire::request(piece, begin, block_len));
                        if begin > 0 {
                            for away in foreign.into_iter().flatten() {
                                let number = conn.next(1).wrapping_add_signed(away);
                                conn.again(&mut world, 1, number, &[0x5a; 1_400][..len]);
                            }
                        }
                        conn.deliver(&mut world, 1, piece, begin, torrent.block(piece, begin, block_len), true);
                    }
                }
                let evidence = analyze(&world, &torrent);
                let name = format!("{} {away} {second:?} {len}", ends[0]);
                let row = transfer(&evidence, ends[1], ends[0]);
                assert_eq!((row.bytes, row.grade), (clean(sent(&world)), Grade::G9), "{name}");
                assert!(row.flags.contains(&Flag::OverlapConflict), "{name}");
            }
        }
    }
}

#[test]
fn a_forged_handshake_before_the_real_one_hides_no_seeder() {
    let torrent = Recipe::single("small.bin", 2 * SMALL, 8 * SMALL as usize, 93).v1();
    for later in [false, true] {
        let mut world = World::new();
        let mut conn = UtpConn::open(&mut world, address(M), address(S), 4_711, [1, 500]);
        let mut other = torrent.info_hash;
        other[8] ^= 1;
        let forged = [wire::handshake(other, id(2)), vec![0; 5]].concat();
        conn.send(&mut world, 0, &wire::handshake(torrent.info_hash, id(1)));
        let number = conn.next(1);
        if !later {
            conn.again(&mut world, 1, number, &forged);
        }
        conn.send(&mut world, 1, &wire::handshake(torrent.info_hash, id(2)));
        if later {
            conn.again(&mut world, 1, number, &forged);
        }
        conn.send(&mut world, 1, &[wire::have_all(), wire::unchoke()].concat());
        for piece in 0..4 {
            // Another one within the blocks.
            if piece == 2 {
                conn.again(&mut world, 1, conn.next(1).wrapping_add(3), &[0x5a; 1_000]);
            }
            conn.fetch(&mut world, &torrent, piece);
        }
        let evidence = analyze(&world, &torrent);
        nobody_refuted(&evidence);
        let row = transfer(&evidence, S, M);
        assert!(row.grade >= Grade::G8 && row.bytes.verified >= u64::from(4 * SMALL), "{later}: {row:#?}");
    }
}

#[test]
fn a_connection_with_the_ids_and_the_first_number_of_the_one_before_is_another_one() {
    // BEP 29 lets every connection begin with number 1.
    let torrent = four_pieces();
    for reset in [false, true] {
        let mut world = World::new();
        let mut conn = opened(&mut world, &torrent);
        (0..2).for_each(|piece| conn.fetch(&mut world, &torrent, piece));
        if reset {
            conn.reset(&mut world, 0);
        } else {
            conn.close(&mut world, 0, &[]);
            conn.close(&mut world, 1, &[]);
        }
        world.pass(3_000_000_000);
        let mut again = opened(&mut world, &torrent);
        (2..4).for_each(|piece| again.fetch(&mut world, &torrent, piece));
        let evidence = analyze(&world, &torrent);
        let seeder = transfer(&evidence, S, M);
        assert_eq!(
            (seeder.bytes, seeder.grade, seeder.connections),
            (clean(sent(&world)), Grade::G9, 2),
            "{reset}"
        );
    }
}

#[test]
fn a_syn_sent_again_opens_nothing_new() {
    let torrent = four_pieces();
    let mut world = World::new();
    let mut conn = opened(&mut world, &torrent);
    let syn = world.packets[0].payload().to_vec();
    // Sent again by its sender, with its clock of then, and late on the way.
    let mut late = syn.clone();
    late[4..8].copy_from_slice(&((world.now / 1_000) as u32).to_be_bytes());
    for (piece, syn) in [(0, syn), (1, late)] {
        conn.fetch(&mut world, &torrent, piece);
        world.datagram(address(M), address(S), &syn);
    }
    conn.fetch(&mut world, &torrent, 2);
    let evidence = analyze(&world, &torrent);
    let seeder = transfer(&evidence, S, M);
    assert_eq!((seeder.bytes, seeder.connections), (clean(sent(&world)), 1));
}

#[test]
fn a_reset_with_other_ids_or_forged_in_passing_ends_nothing() {
    use crate::synth::utp::header;
    let torrent = four_pieces();
    let mut world = World::new();
    let mut conn = opened(&mut world, &torrent);
    conn.fetch(&mut world, &torrent, 0);
    for id in [4_711, 4_712, 9, 0] {
        for (from, to) in [(S, M), (M, S)] {
            world.datagram(address(from), address(to), &header(Type::Reset, 0, id, world.now, 77, 77));
            world.datagram(address(from), address(to), &header(Type::Fin, 0, id ^ 0x4000, world.now, 77, 77));
        }
    }
    (1..4).for_each(|piece| conn.fetch(&mut world, &torrent, piece));
    let evidence = analyze(&world, &torrent);
    let seeder = transfer(&evidence, S, M);
    assert_eq!((seeder.bytes, seeder.grade), (clean(sent(&world)), Grade::G9));
}

#[test]
fn data_behind_a_fin_and_a_fin_ahead_of_data_lose_nothing() {
    let torrent = four_pieces();
    let mut world = World::new();
    let mut conn = opened(&mut world, &torrent);
    conn.fetch(&mut world, &torrent, 0);
    // A FIN under a number to come, and one in its turn, before the stream goes on.
    conn.packet(&mut world, 1, Type::Fin, &[]);
    (1..4).for_each(|piece| conn.fetch(&mut world, &torrent, piece));
    let evidence = analyze(&world, &torrent);
    assert_eq!(transfer(&evidence, S, M).bytes, clean(sent(&world)));
}

#[test]
fn a_fin_under_a_number_of_data_ends_nothing_and_hides_no_byte() {
    let torrent = four_pieces();
    for back in [1_u16, 2, 5, 9] {
        let mut world = World::new();
        let mut conn = opened(&mut world, &torrent);
        conn.fetch(&mut world, &torrent, 0);
        // Nobody sent it whose name it bears: the stream goes on where it was.
        let next = conn.next(1);
        conn.rewind(1, next.wrapping_sub(back));
        conn.packet(&mut world, 1, Type::Fin, &[]);
        conn.rewind(1, next);
        (1..4).for_each(|piece| conn.fetch(&mut world, &torrent, piece));
        let evidence = analyze(&world, &torrent);
        let row = transfer(&evidence, S, M);
        assert_eq!((row.bytes, row.grade), (clean(sent(&world)), Grade::G9), "{back} numbers back");
    }
}

#[test]
fn numbers_that_wrap_with_a_loss_on_the_seam_cost_one_block() {
    let torrent = two_block_pieces();
    let mut world = World::new();
    let mut conn = UtpConn::open(&mut world, address(M), address(S), 65_535, [65_533, 65_520]);
    conn.join(&mut world, &torrent, [id(1), id(2)]);
    for piece in 0..torrent.pieces() {
        for (begin, len) in torrent.blocks(piece) {
            conn.send(&mut world, 0, &wire::request(piece, begin, len));
        }
    }
    let start = world.packets.len();
    for piece in 0..torrent.pieces() {
        for (begin, len) in torrent.blocks(piece) {
            conn.deliver(&mut world, 1, piece, begin, torrent.block(piece, begin, len), true);
        }
    }
    let seam = (start..world.packets.len())
        .find(|at| {
            let payload = world.packets[*at].payload();
            payload.len() > 1_000 && payload[16..18] == [0, 0]
        })
        .expect("the numbers wrap");
    world.packets.remove(seam);
    let evidence = analyze(&world, &torrent);
    nobody_refuted(&evidence);
    let bytes = transfer(&evidence, S, M).bytes;
    assert_eq!(bytes.verified, sent(&world) - 2 * u64::from(SMALL), "{bytes:#?}");
}

/// An honest seeder whose packets get lost in front of the tap and behind it, come twice, late, or cut anew.
fn troubled(seed: u64, recut: bool) -> (Torrent, World) {
    let mut random = crate::synth::content::Random::new(seed);
    let torrent = Recipe::single("t.bin", 2 * SMALL, 9 * SMALL as usize - 321, 92).v1();
    let mut world = World::new();
    let first = [random.below(65_536) as u16, random.below(65_536) as u16];
    let mut conn = UtpConn::open(&mut world, address(M), address(S), random.below(65_536) as u16, first);
    conn.join(&mut world, &torrent, [id(1), id(2)]);
    let size = [1_000, 4_096, SMALL][random.below(3) as usize];
    let mut stream = Vec::new();
    for piece in 0..torrent.pieces() {
        for (begin, len) in torrent.blocks_of(piece, size) {
            conn.send(&mut world, 0, &wire::request(piece, begin, len));
            stream.extend(wire::piece(piece, begin, torrent.block(piece, begin, len)));
        }
    }
    conn.acks = false;
    let (mut at, start) = (0, world.packets.len());
    // Where each packet of the last few began, by its number.
    let mut sent: Vec<(u16, usize)> = Vec::new();
    while at < stream.len() {
        let len = (200 + random.below(1_200) as usize).min(stream.len() - at);
        sent.push((conn.next(1), at));
        conn.packet(&mut world, 1, Type::Data, &stream[at..at + len]);
        at += len;
        if random.below(12) == 0 {
            let back = sent.len() - 1 - random.below(sent.len().min(4) as u64) as usize;
            let (number, from) = sent[back];
            if recut {
                // All from there on goes out again, in other packets under the same numbers.
                let (mut again, mut place) = (number, from);
                while again != conn.next(1) && place < at {
                    let len = (100 + random.below(1_300) as usize).min(at - place);
                    sent[back + again.wrapping_sub(number) as usize].1 = place;
                    conn.again(&mut world, 1, again, &stream[place..place + len]);
                    (again, place) = (again.wrapping_add(1), place + len);
                }
                sent.truncate(back + again.wrapping_sub(number) as usize);
                if again != conn.next(1) {
                    // Fewer packets than before: the next number is one that was used.
                    conn.rewind(1, again);
                }
                at = place;
            } else {
                let end = sent.get(back + 1).map_or(at, |(_, end)| *end);
                conn.again(&mut world, 1, number, &stream[from..end]);
            }
        }
        if random.below(6) == 0 {
            conn.state(&mut world, 0);
        }
    }
    let mut index = start;
    while index < world.packets.len() {
        match random.below(60) {
            0 => _ = world.packets.remove(index),
            1 => world.packets.insert(index, world.packets[index].clone()),
            2 => {
                let to = (index + 1 + random.below(6) as usize).min(world.packets.len() - 1);
                world.shift(index, to);
            }
            _ => {}
        }
        index += 1;
    }
    (torrent, world)
}

#[test]
fn honest_packets_in_any_trouble_accuse_nobody() {
    let seeds: u64 = std::env::var("PEERPROOF_UTP_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(20);
    for seed in 0..seeds {
        for recut in [false, true] {
            let (torrent, world) = troubled(seed, recut);
            let evidence =
                Run::new().capture(world.pcap()).torrent(&torrent).once(1, 64 << 20).expect("it can go on");
            for transfer in &evidence.transfers {
                let accused = transfer.bytes.refuted + transfer.bytes.disputed;
                assert_eq!(accused, 0, "seed {seed}, cut anew: {recut}: {transfer:#?}");
            }
        }
    }
}

#[test]
fn a_packet_sent_again_with_less_in_it_that_the_capture_lost_accuses_nobody() {
    // What follows it in the block stands too far on, and the end of the block is not seen, or looks like keep-alives.
    let half = SMALL as usize;
    let zeros = |bytes: &mut [u8]| bytes[half - 1_000..].fill(0);
    for (cut, tail) in [(true, false), (false, true), (false, false)] {
        let mut content = Recipe::single("probe.bin", SMALL, 4 * half, 93).v1().content;
        content.chunks_mut(half).filter(|_| tail).for_each(zeros);
        let torrent = Recipe::folder("probe", SMALL, 93).file_of("probe.bin", content).v1();
        let mut world = World::new();
        let mut conn = opened(&mut world, &torrent);
        conn.fetch(&mut world, &torrent, 0);
        let before = world.packets.len();
        conn.send(&mut world, 0, &wire::request(1, 0, SMALL));
        let stream = wire::piece(1, 0, torrent.block(1, 0, SMALL));
        conn.packet(&mut world, 1, Type::Data, &stream[..1_400]);
        // A probe for the path's MTU that never arrived; of its number only the first 600 bytes did, unseen.
        conn.packet(&mut world, 1, Type::Data, &stream[1_400..2_800]);
        stream[2_000..].chunks(1_000).for_each(|packet| conn.packet(&mut world, 1, Type::Data, packet));
        if cut {
            world.packets.truncate(world.packets.len() - 3);
        }
        assert!(world.packets.len() > before + 12);
        (2..4).for_each(|piece| conn.fetch(&mut world, &torrent, piece));
        // Somebody else sends it whole, so that every byte can be compared.
        let other = join_as(&mut world, &torrent, "81.2.69.11:50001", S2, [id(3), id(4)]);
        fetch_all(&mut world, other, &torrent);
        let evidence = analyze(&world, &torrent);
        nobody_refuted(&evidence);
        assert!(transfer(&evidence, S, M).bytes.verified >= u64::from(SMALL), "{cut} {tail}");
        assert!(transfer(&evidence, S, M).bytes.unproven > 0, "{cut} {tail}");
    }
}

#[test]
fn a_connection_that_has_to_make_room_is_told_and_goes_on_as_another_one() {
    let torrent = four_pieces();
    let mut world = World::new();
    let open = |world: &mut World, number: u16| {
        let mut conn = UtpConn::open(world, address(M), address(S), number * 4, [1, 1]);
        conn.join(world, &torrent, [id(1), id(2)]);
        conn
    };
    let mut first = open(&mut world, 1);
    first.fetch(&mut world, &torrent, 0);
    (2..=65).for_each(|number| _ = open(&mut world, number));
    first.fetch(&mut world, &torrent, 1);
    let evidence = analyze(&world, &torrent);
    nobody_refuted(&evidence);
    let gaps = details(&evidence, Kind::Gap);
    assert!(gaps.iter().any(|gap| gap.contains("given up because")), "{gaps:?}");
    let verified: u64 = evidence.transfers.iter().map(|transfer| transfer.bytes.verified).sum();
    assert_eq!(verified, 2 * u64::from(SMALL), "{:#?}", evidence.transfers);
}
