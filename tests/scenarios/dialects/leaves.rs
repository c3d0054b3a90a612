//! v2 and hybrid torrents (BEP 52): leaves proven by `hashes` messages, both hashes, padding.

use peerproof::anomaly::Kind;
use peerproof::evidence::{Bytes, Grade};
use peerproof::{Error, Torrents};

use super::*;
use crate::synth::run::{Run, analyze, by_file, subject, transfer};

/// Two pieces of four leaves.
fn eight_leaves() -> Torrent {
    Recipe::single("leaves.bin", 4 * SMALL, 8 * SMALL as usize, 52).v2()
}

const LEAF: u64 = SMALL as u64;

/// S sends everything; the leaf at `bad` of piece 0 is wrong. `messages` go before or after the blocks.
fn with_hashes(torrent: &Torrent, bad: Option<u32>, messages: &[Vec<u8>], before: bool) -> World {
    let mut world = World::new();
    let conn = join(&mut world, torrent, M, S);
    let tell = |world: &mut World| messages.iter().for_each(|message| world.send(conn, Side::B, message));
    if before {
        tell(&mut world);
    }
    for piece in 0..torrent.pieces() {
        for (begin, len) in torrent.blocks(piece) {
            world.send(conn, Side::A, &wire::request(piece, begin, len));
            if piece == 0 && bad == Some(begin / SMALL) {
                world.bad_piece(conn, Side::B, torrent, piece, begin, len);
            } else {
                world.piece(conn, Side::B, torrent, piece, begin, len);
            }
        }
    }
    if !before {
        tell(&mut world);
    }
    world
}

/// The leaves of piece 0, which the piece layer of the torrent proves.
fn leaves_of_the_first_piece(torrent: &Torrent) -> Vec<u8> {
    wire::hashes(torrent.root(0), 0, 0, &torrent.layer(0, 0)[..4], &[])
}

#[test]
fn t16_hashes_messages_turn_a_bad_piece_into_good_and_bad_leaves() {
    let torrent = eight_leaves();
    let all = 8 * LEAF;
    for before in [true, false] {
        let world = with_hashes(&torrent, Some(2), &[leaves_of_the_first_piece(&torrent)], before);
        let evidence = analyze(&world, &torrent);
        let seeder = transfer(&evidence, S, M);
        let expected = Bytes { verified: all - LEAF, sole: all - LEAF, refuted: LEAF, ..clean(all) };
        assert_eq!((seeder.bytes, seeder.grade), (expected, Grade::G8), "{before}");
        assert!(rung_reached(&seeder.rungs, Grade::GX));
        assert_eq!((odd(&evidence, Kind::WrongHashes), seeder.pieces_refuted), (0, 1));
    }
    // Without them the whole piece is the unit.
    let evidence = analyze(&with_hashes(&torrent, Some(2), &[], true), &torrent);
    let expected = Bytes { verified: all / 2, sole: all / 2, refuted: all / 2, ..clean(all) };
    assert_eq!((transfer(&evidence, S, M).bytes, transfer(&evidence, S, M).grade), (expected, Grade::G8));
}

#[test]
fn t16_two_senders_of_one_piece_are_told_apart_by_leaf() {
    let torrent = eight_leaves();
    let mut world = World::new();
    let ends = [S, S2].map(|end| join(&mut world, &torrent, M, end));
    world.send(ends[0], Side::A, &wire::hash_request(21, torrent.root(0), 0, 0, 4, 0));
    world.send(ends[0], Side::B, &leaves_of_the_first_piece(&torrent));
    for leaf in 0..4 {
        let conn = ends[leaf as usize % 2];
        world.send(conn, Side::A, &wire::request(0, leaf * SMALL, SMALL));
        if leaf == 3 {
            world.bad_piece(conn, Side::B, &torrent, 0, leaf * SMALL, SMALL);
        } else {
            world.piece(conn, Side::B, &torrent, 0, leaf * SMALL, SMALL);
        }
    }
    let evidence = analyze(&world, &torrent);
    let (good, bad) = (transfer(&evidence, S, M), transfer(&evidence, S2, M));
    assert_eq!((good.bytes, good.grade), (clean(2 * LEAF), Grade::G8));
    assert_eq!(bad.bytes, Bytes { verified: LEAF, sole: LEAF, refuted: LEAF, ..clean(2 * LEAF) });
    assert_eq!(good.standard.map(|standard| (standard.piece, standard.leaf)), Some((0, Some(0))));
}

#[test]
fn wrong_hashes_are_named_and_change_nothing() {
    let torrent = eight_leaves();
    let (root, leaves) = (torrent.root(0), torrent.layer(0, 0));
    let mut forged = leaves.clone();
    forged[1][0] ^= 1;
    let wrong = [
        wire::hashes(root, 0, 0, &forged[..4], &[]),
        wire::hashes([9; 32], 0, 0, &leaves[..4], &[]),
        wire::hashes(root, 0, 64, &leaves[..4], &[]),
        wire::hashes(root, 0, 0, &leaves[..3], &[]),
        wire::hashes(root, 40, 0, &leaves[..4], &[]),
        wire::hashes(root, 0, 0, &leaves[..2], &[[7; 32]]),
        wire::hashes(root, 0, u32::MAX, &leaves[..1], &[]),
    ];
    for message in wrong {
        let world = with_hashes(&torrent, None, &[message], true);
        let evidence = analyze(&world, &torrent);
        let seeder = transfer(&evidence, S, M);
        assert_eq!((seeder.bytes, seeder.grade), (clean(8 * LEAF), Grade::G9));
        assert_eq!(odd(&evidence, Kind::WrongHashes), 1, "{:?}", evidence.anomalies);
    }
    // A lie that would refute an honest leaf, beside the truth.
    let lies = [wire::hashes(root, 0, 0, &forged[..4], &[]), leaves_of_the_first_piece(&torrent)];
    let evidence = analyze(&with_hashes(&torrent, None, &lies, true), &torrent);
    assert_eq!(transfer(&evidence, S, M).bytes, clean(8 * LEAF));
}

#[test]
fn leaves_of_half_a_piece_lose_no_byte_of_the_other_half() {
    let torrent = eight_leaves();
    let (root, leaves, pairs) = (torrent.root(0), torrent.layer(0, 0), torrent.layer(0, 1));
    let half = wire::hashes(root, 0, 0, &leaves[..2], &pairs[1..2]);
    for size in [SMALL, 2 * SMALL, 3 * SMALL, 4 * SMALL, 10_000] {
        for before in [true, false] {
            let mut world = World::new();
            let conn = join(&mut world, &torrent, M, S);
            if before {
                world.send(conn, Side::B, &half);
            }
            for (begin, len) in torrent.blocks_of(0, size) {
                world.send(conn, Side::A, &wire::request(0, begin, len));
                world.piece(conn, Side::B, &torrent, 0, begin, len);
            }
            if !before {
                world.send(conn, Side::B, &half);
            }
            let evidence = analyze(&world, &torrent);
            assert_eq!(transfer(&evidence, S, M).bytes, clean(4 * LEAF), "{size} {before}");
        }
    }
}

#[test]
fn a_bad_leaf_in_a_piece_of_which_half_the_leaves_are_known_costs_the_known_half_nothing() {
    let torrent = eight_leaves();
    let (root, leaves, pairs) = (torrent.root(0), torrent.layer(0, 0), torrent.layer(0, 1));
    let half = wire::hashes(root, 0, 0, &leaves[..2], &pairs[1..2]);
    for size in [SMALL, 2 * SMALL, 3 * SMALL, 4 * SMALL, 10_000] {
        for bad in 0..4 {
            let mut world = World::new();
            let conn = join(&mut world, &torrent, M, S);
            world.send(conn, Side::B, &half);
            for (begin, len) in torrent.blocks_of(0, size) {
                let mut bytes = torrent.block(0, begin, len).to_vec();
                let place = (bad * SMALL + 5).checked_sub(begin).filter(|place| *place < len);
                place.into_iter().for_each(|place| bytes[place as usize] ^= 1);
                world.send(conn, Side::A, &wire::request(0, begin, len));
                world.deliver(conn, Side::B, 0, begin, &bytes, place.is_none());
            }
            let bytes = transfer(&analyze(&world, &torrent), S, M).bytes;
            // Leaves 2 and 3 are known as a pair only, and stand or fall together.
            let (verified, refuted) = if bad < 2 { (3 * LEAF, LEAF) } else { (2 * LEAF, 2 * LEAF) };
            assert_eq!(
                (bytes.served, bytes.verified, bytes.refuted),
                (4 * LEAF, verified, refuted),
                "{size} {bad}"
            );
        }
    }
}

#[test]
fn hashes_of_pairs_tell_the_good_pair_from_the_bad_one() {
    let torrent = eight_leaves();
    let pairs = wire::hashes(torrent.root(0), 1, 0, &torrent.layer(0, 1)[..2], &torrent.layer(0, 2)[1..2]);
    for before in [true, false] {
        let evidence = analyze(&with_hashes(&torrent, Some(2), std::slice::from_ref(&pairs), before), &torrent);
        let seeder = transfer(&evidence, S, M);
        let (all, bad) = (8 * LEAF, 2 * LEAF);
        let expected = Bytes { verified: all - bad, sole: all - bad, refuted: bad, ..clean(all) };
        assert_eq!((seeder.bytes, seeder.grade, seeder.pieces_refuted), (expected, Grade::G8, 1), "{before}");
    }
}

#[test]
fn a_pair_that_hashes_to_its_node_proves_both_its_leaves() {
    let torrent = eight_leaves();
    let pairs = wire::hashes(torrent.root(0), 1, 0, &torrent.layer(0, 1)[..2], &torrent.layer(0, 2)[1..2]);
    let mut world = World::new();
    let ends = [S, S2].map(|end| join(&mut world, &torrent, M, end));
    world.send(ends[0], Side::B, &pairs);
    for leaf in 0..4 {
        let conn = ends[leaf as usize % 2];
        world.send(conn, Side::A, &wire::request(0, leaf * SMALL, SMALL));
        if leaf == 3 {
            world.bad_piece(conn, Side::B, &torrent, 0, leaf * SMALL, SMALL);
        } else {
            world.piece(conn, Side::B, &torrent, 0, leaf * SMALL, SMALL);
        }
    }
    let evidence = analyze(&world, &torrent);
    let (good, bad) = (transfer(&evidence, S, M), transfer(&evidence, S2, M));
    // Of the second pair, nothing tells whose leaf is bad.
    let expected = Bytes { verified: LEAF, sole: LEAF, disputed: LEAF, ..clean(2 * LEAF) };
    assert_eq!((good.bytes, bad.bytes), (expected, expected));
    assert_eq!((good.grade, bad.grade), (Grade::G8, Grade::G8));
    assert_eq!(good.standard.map(|standard| (standard.piece, standard.leaf)), Some((0, Some(0))));
    assert_eq!(bad.standard.map(|standard| (standard.piece, standard.leaf)), Some((0, Some(1))));
}

#[test]
fn a_piece_that_was_verified_whole_is_not_counted_again_by_its_leaves() {
    let torrent = eight_leaves();
    let told = wire::hashes(torrent.root(0), 0, 0, &torrent.layer(0, 0), &[]);
    for (piece, blocks) in [(0, 0..4), (0, 1..3)] {
        let mut world = World::new();
        // Its torrent is known at the end only, when there are leaves; but the piece was verified whole by then.
        let middle = world.meet(address("81.2.69.11:50001"), address(S), torrent.info_hash, [id(1), id(2)]);
        for block in blocks.clone() {
            world.send(middle, Side::A, &wire::request(piece, block * SMALL, SMALL));
            world.piece(middle, Side::B, &torrent, piece, block * SMALL, SMALL);
        }
        world.begin_at(middle, Side::B, world.ledger[0].offset - 13);
        let conn = join(&mut world, &torrent, M, S);
        world.fetch(conn, Side::B, &torrent, piece);
        world.send(conn, Side::B, &told);
        let evidence = analyze(&world, &torrent);
        let (count, size) = (LEAF * blocks.len() as u64, 4 * LEAF);
        let again = transfer(&evidence, S, "81.2.69.11:50001");
        assert_eq!((again.bytes.verified, again.bytes.sole, again.grade), (count, count, Grade::G8));
        assert_eq!(by_file(&evidence, again), [(0, count)]);
        let seeder = subject(&evidence, S);
        assert_eq!((seeder.bytes.verified, seeder.grade, seeder.pieces_verified), (size + count, Grade::G8, 1));
        assert_eq!((evidence.torrents[0].unique, evidence.torrents[0].pieces_verified), (size, 1));
    }
}

#[test]
fn leaves_of_half_a_piece_do_not_keep_a_magnet_link_from_verifying_the_whole() {
    let torrent = eight_leaves();
    let (root, leaves, pairs) = (torrent.root(0), torrent.layer(0, 0), torrent.layer(0, 1));
    let hash: String = torrent.info_hash_v2.expect("v2").iter().map(|byte| format!("{byte:02x}")).collect();
    for bad in [None, Some(1)] {
        let mut world = World::new();
        let conn = join(&mut world, &torrent, M, S);
        world.send(conn, Side::A, &wire::extended_hello(&[("ut_metadata", 2)], ""));
        world.send(conn, Side::B, &wire::metadata(2, 0, &torrent.info));
        world.send(conn, Side::B, &wire::hashes(root, 2, 0, &torrent.layer(0, 2), &[]));
        world.send(conn, Side::B, &wire::hashes(root, 0, 0, &leaves[..2], &pairs[1..2]));
        for (begin, len) in torrent.blocks(0) {
            world.send(conn, Side::A, &wire::request(0, begin, len));
            if bad == Some(begin / SMALL) {
                world.bad_piece(conn, Side::B, &torrent, 0, begin, len);
            } else {
                world.piece(conn, Side::B, &torrent, 0, begin, len);
            }
        }
        let magnet = format!("magnet:?xt=urn:btmh:1220{hash}");
        let evidence = Run::new().capture(world.pcap()).metainfo(magnet.as_str()).evidence();
        let expected = match bad {
            None => clean(4 * LEAF),
            // Leaves 2 and 3 are known as a pair.
            Some(_) => Bytes { verified: 3 * LEAF, sole: 3 * LEAF, refuted: LEAF, ..clean(4 * LEAF) },
        };
        assert_eq!(transfer(&evidence, S, M).bytes, expected);
    }
}

#[test]
fn t18_one_connection_with_both_hashes_is_one_torrent() {
    let torrent = Recipe::single("both.bin", SMALL, 3 * SMALL as usize, 18).hybrid();
    let v2: [u8; 20] = torrent.info_hash_v2.expect("hybrid")[..20].try_into().expect("20 bytes");
    for hashes in [[torrent.info_hash, v2], [v2, torrent.info_hash]] {
        let mut world = World::new();
        let conn = world.conn(address(M), address(S));
        world.open(conn);
        world.send(conn, Side::A, &wire::handshake(hashes[0], id(1)));
        world.send(conn, Side::B, &wire::handshake(hashes[1], id(2)));
        world.send(conn, Side::B, &wire::have_all());
        world.send(conn, Side::B, &wire::unchoke());
        fetch_all(&mut world, conn, &torrent);
        let evidence = analyze(&world, &torrent);
        let seeder = transfer(&evidence, S, M);
        assert_eq!((seeder.bytes, seeder.grade), (clean(sent(&world)), Grade::G9));
        assert!(rung_reached(&subject(&evidence, M).rungs, Grade::G3));
        assert_eq!((evidence.torrents.len(), odd(&evidence, Kind::InfoHashMismatch)), (1, 0));
    }
}

#[test]
fn a_last_block_filled_up_with_zeros_is_padding() {
    // Two files, each with a short last leaf: v2 pieces begin anew with each file.
    let torrent = Recipe::folder("pads", 2 * SMALL, 53).file("a", 2 * SMALL as usize + 100).file("b", 30_000).v2();
    let mut world = World::new();
    let conn = join(&mut world, &torrent, M, S);
    let mut pads = 0;
    for piece in 0..torrent.pieces() {
        for begin in [0, SMALL] {
            let start = (piece * 2 * SMALL + begin) as usize;
            let mut bytes: Vec<u8> = torrent.content.iter().skip(start).take(SMALL as usize).copied().collect();
            bytes.resize(SMALL as usize, 0);
            if (piece, begin) == (1, SMALL) {
                continue; // Beyond the file's end altogether.
            }
            pads += match (piece, begin) {
                (1, 0) => LEAF - 100,
                (2, SMALL) => 2 * LEAF - 30_000,
                _ => 0,
            };
            world.send(conn, Side::A, &wire::request(piece, begin, SMALL));
            world.deliver(conn, Side::B, piece, begin, &bytes, true);
        }
    }
    let evidence = analyze(&world, &torrent);
    let seeder = transfer(&evidence, S, M);
    let content = 2 * LEAF + 100 + 30_000;
    assert_eq!(sent(&world), content + pads);
    let expected = Bytes { verified: content, sole: content, pad: pads, ..clean(content + pads) };
    assert_eq!((seeder.bytes, seeder.grade), (expected, Grade::G9));
    assert_eq!(odd(&evidence, Kind::NonZeroPadding), 0);
}

#[test]
fn padding_that_is_not_zero_is_an_anomaly_and_refutes_nothing() {
    let torrent = Recipe::single("pad.bin", SMALL, 20_000, 54).v2();
    let mut world = World::new();
    let conn = join(&mut world, &torrent, M, S);
    world.fetch(conn, Side::B, &torrent, 0);
    let mut last = torrent.piece(1).to_vec();
    let content = last.len();
    last.resize(SMALL as usize, 0);
    last[content + 7] = 1;
    last[SMALL as usize - 1] = 2;
    world.send(conn, Side::A, &wire::request(1, 0, SMALL));
    world.deliver(conn, Side::B, 1, 0, &last, true);
    let evidence = analyze(&world, &torrent);
    let seeder = transfer(&evidence, S, M);
    let pad = LEAF - content as u64;
    assert_eq!(seeder.bytes, Bytes { verified: 20_000, sole: 20_000, pad, ..clean(2 * LEAF) });
    assert_eq!(
        evidence.anomalies.tally(Kind::NonZeroPadding).map(|tally| (tally.count, tally.amount)),
        Some((1, 2))
    );
    nobody_refuted(&evidence);
}

#[test]
fn torrents_that_contradict_themselves_are_refused_by_name() {
    let refused = |bytes: Vec<u8>| match Torrents::from_bytes(vec![("bad.torrent".to_owned(), bytes)]) {
        Err(error @ Error::Malformed { .. }) => error.to_string(),
        other => panic!("{other:?}"),
    };
    let v2 = eight_leaves();
    let place = |bytes: &[u8], what: &[u8]| {
        bytes.windows(what.len()).position(|window| window == what).expect("it is there") + what.len()
    };
    // A piece layer that does not hash to its root.
    let mut wrong = v2.metainfo.clone();
    let at = wrong.len() - 10;
    wrong[at] ^= 1;
    assert!(refused(wrong).contains("leaves.bin"));
    // A hybrid whose halves name other sizes.
    let hybrid = Recipe::single("h.bin", SMALL, 3 * SMALL as usize, 55).hybrid();
    let mut bytes = hybrid.metainfo.clone();
    let at = place(&bytes, b"6:lengthi49152e12:meta") - b"2e12:meta".len();
    bytes[at] = b'1';
    let message = refused(bytes);
    assert!(message.contains("h.bin") || message.contains("length"), "{message}");
}

#[test]
fn a_hybrid_whose_halves_describe_other_bytes_refutes_neither() {
    // Single file of four pieces of two leaves; the v1 hash of piece 0, or the v2 root, is of something else.
    let honest = || Recipe::single("h.bin", 2 * SMALL, 4 * SMALL as usize, 56);
    let other = Recipe::single("h.bin", 2 * SMALL, 4 * SMALL as usize, 57).hybrid();
    let good = honest().hybrid();
    let swap = |from: &[u8], to: &[u8]| {
        let at = good.info.windows(from.len()).position(|window| window == from).expect("it is there");
        [&good.info[..at], to, &good.info[at + from.len()..]].concat()
    };
    let sha1 = |torrent: &Torrent| {
        use sha1::Digest;
        sha1::Sha1::digest(torrent.piece(0)).to_vec()
    };
    for info in [swap(&sha1(&good), &sha1(&other)), swap(&good.root(0), &other.root(0))] {
        use sha1::Digest;
        let v2_of_other = info.windows(32).any(|window| window == other.root(0));
        let torrent = Torrent { info_hash: sha1::Sha1::digest(&info).into(), info, ..good.clone() };
        let leaves = if v2_of_other { &other } else { &good };
        let mut world = World::new();
        let conn = join(&mut world, &torrent, M, S);
        world.send(conn, Side::A, &wire::extended_hello(&[("ut_metadata", 2)], ""));
        world.send(conn, Side::B, &wire::metadata(2, 0, &torrent.info));
        world.send(conn, Side::B, &wire::hashes(leaves.root(0), 0, 0, &leaves.layer(0, 0), &[]));
        fetch_all(&mut world, conn, &torrent);
        let evidence = Run::new().capture(world.pcap()).evidence();
        assert_eq!(transfer(&evidence, S, M).bytes, clean(sent(&world)));
    }
}

#[test]
fn a_hashes_message_clears_no_liar_of_a_hybrid() {
    let torrent = Recipe::single("h.bin", 4 * SMALL, 8 * SMALL as usize, 66).hybrid();
    for told in [false, true] {
        let mut world = World::new();
        let (honest, liar) =
            (join(&mut world, &torrent, M, S), join_as(&mut world, &torrent, M, S2, [id(1), id(3)]));
        for begin in 0..3 {
            world.send(honest, Side::A, &wire::request(0, begin * SMALL, SMALL));
            world.piece(honest, Side::B, &torrent, 0, begin * SMALL, SMALL);
        }
        world.send(liar, Side::A, &wire::request(0, 3 * SMALL, SMALL));
        world.bad_piece(liar, Side::B, &torrent, 0, 3 * SMALL, SMALL);
        world.send(honest, Side::A, &wire::request(0, 3 * SMALL, SMALL));
        world.piece(honest, Side::B, &torrent, 0, 3 * SMALL, SMALL);
        if told {
            world.send(liar, Side::B, &wire::hashes(torrent.root(0), 0, 0, &torrent.layer(0, 0), &[]));
        }
        let evidence = analyze(&world, &torrent);
        assert_eq!(transfer(&evidence, S, M).bytes.verified, 4 * LEAF, "{told}");
        assert_eq!(transfer(&evidence, S2, M).bytes.refuted, LEAF, "{told}");
    }
}
