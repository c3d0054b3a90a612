//! T37 to T39: Message Stream Encryption, with and without its secret, over TCP and uTP.

use peerproof::anomaly::Kind;
use peerproof::ends::Transport;
use peerproof::evidence::{Encryption, Evidence, Flag, Grade, Transfer};
use peerproof::{Error, Secrets};

use super::*;
use crate::synth::mse::Mse;
use crate::synth::run::transfer;
use crate::synth::utp::UtpConn;

/// Messages of both ends, in turn: the end, and its bytes. End 1 seeds.
pub(super) fn talk(torrent: &Torrent) -> Vec<(usize, Vec<u8>)> {
    let mut talk = vec![
        (0, wire::handshake(torrent.info_hash, id(1))),
        (1, wire::handshake(torrent.info_hash, id(2))),
        (1, wire::bitfield_full(torrent.pieces())),
        (0, wire::interested()),
        (1, wire::unchoke()),
    ];
    for piece in 0..torrent.pieces() {
        for (begin, len) in torrent.blocks(piece) {
            talk.push((0, wire::request(piece, begin, len)));
            talk.push((1, wire::piece(piece, begin, torrent.block(piece, begin, len))));
        }
    }
    talk
}

/// Messages of both ends behind MSE. `hidden`: the initiator's handshake goes into IA.
pub(super) fn sealed(mse: &Mse, talk: Vec<(usize, Vec<u8>)>, hidden: bool) -> Vec<(usize, Vec<u8>)> {
    let mut talk = talk.into_iter();
    let (ia, next) = match (hidden, talk.next()) {
        (true, Some((_, first))) => (first, None),
        (_, first) => (Vec::new(), first),
    };
    let (mut flights, mut cipher) = mse.open(&ia);
    flights.extend(next.into_iter().chain(talk).map(|(end, bytes)| (end, cipher.seal(end, &bytes))));
    flights
}

pub(super) fn over(transport: Transport, flights: &[(usize, Vec<u8>)]) -> World {
    let mut world = World::new();
    if transport == Transport::Utp {
        let mut conn = UtpConn::open(&mut world, address(M), address(S), 9, [1, 1]);
        flights.iter().for_each(|(end, bytes)| conn.send(&mut world, *end, bytes));
    } else {
        let conn = world.conn(address(M), address(S));
        world.open(conn);
        for (end, bytes) in flights {
            world.send(conn, if *end == 0 { Side::A } else { Side::B }, bytes);
        }
    }
    world
}

pub(super) fn run(world: &World, torrent: &Torrent, secrets: &str) -> Evidence {
    Run::new().capture(world.pcap()).torrent(torrent).secrets(secrets).evidence()
}

/// Everything of a transfer that encryption must not change.
fn ledger(transfer: &Transfer) -> String {
    let grades: Vec<_> = transfer.rungs.iter().map(|rung| rung.grade).collect();
    let standard = transfer.standard.map(|standard| (standard.piece, standard.leaf));
    let mut flags = transfer.flags.clone();
    flags.remove(&Flag::DecryptedWithSecret);
    format!(
        "{:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?}",
        transfer.bytes,
        grades,
        standard,
        flags,
        (transfer.pieces_verified, transfer.pieces_sole, transfer.pieces_advertised, transfer.piece_messages),
        transfer.files,
        transfer.uploader_peer_ids,
        transfer.initiator,
    )
}

fn opaque_alone(evidence: &Evidence, flights: &[(usize, Vec<u8>)], transport: Transport) {
    let total = |end: usize| -> u64 {
        flights.iter().filter(|(of, _)| *of == end).map(|(_, bytes)| bytes.len() as u64).sum()
    };
    assert_eq!(evidence.opaque.len(), 1);
    let opaque = &evidence.opaque[0];
    assert_eq!((opaque.kind.name(), opaque.transport), ("mse-rc4", transport));
    assert_eq!((opaque.a.to_string(), opaque.b.to_string()), (M.to_owned(), S.to_owned()));
    assert_eq!((opaque.a_to_b, opaque.b_to_a), (total(0), total(1)));
    assert!(evidence.transfers.is_empty(), "{:#?}", evidence.transfers);
    assert!(evidence.subjects.iter().all(|subject| subject.grade <= Grade::G2));
}

#[test]
fn t37_rc4_without_its_secret_is_opaque_and_grades_nobody() {
    let torrent = two_block_pieces();
    for transport in [Transport::Tcp, Transport::Utp] {
        for hidden in [true, false] {
            let mse = Mse::new(torrent.info_hash, 37);
            let flights = sealed(&mse, talk(&torrent), hidden);
            let evidence = run(&over(transport, &flights), &torrent, "");
            opaque_alone(&evidence, &flights, transport);
        }
    }
}

#[test]
fn t38_selected_plaintext_is_read_from_where_the_clear_begins() {
    let torrent = two_block_pieces();
    for transport in [Transport::Tcp, Transport::Utp] {
        let clear = run(&over(transport, &talk(&torrent)), &torrent, "");
        for hidden in [true, false] {
            let mse = Mse { select: 1, ..Mse::new(torrent.info_hash, 38) };
            let evidence = run(&over(transport, &sealed(&mse, talk(&torrent), hidden)), &torrent, "");
            let (seeder, twin) = (transfer(&evidence, S, M), transfer(&clear, S, M));
            assert_eq!(seeder.encryption, Encryption::MsePlaintext);
            // Where the handshake is hidden, the first request is confirmed by its answer.
            assert_eq!((seeder.bytes, seeder.grade), (clean(torrent.content.len() as u64), Grade::G9));
            assert_eq!(twin.bytes, seeder.bytes);
            assert!(seeder.standard.is_some() && !seeder.flags.contains(&Flag::Unsolicited));
            // The initiator's handshake is in IA, behind RC4.
            assert_eq!(seeder.flags.contains(&Flag::OneSided), hidden);
            assert!(!seeder.flags.contains(&Flag::DecryptedWithSecret));
            assert!(evidence.opaque.is_empty());
        }
    }
}

#[test]
fn t39_rc4_with_its_secret_is_the_clear_twin() {
    let torrent = two_block_pieces();
    for transport in [Transport::Tcp, Transport::Utp] {
        let clear = run(&over(transport, &talk(&torrent)), &torrent, "");
        for (hidden, pads) in [(true, [0; 4]), (false, [512; 4]), (true, [1, 511, 300, 20])] {
            let mse = Mse { pads, ..Mse::new(torrent.info_hash, 39) };
            let secrets = format!("# of another connection\n{}{}", Mse::new([0; 20], 1).line(), mse.line());
            let evidence = run(&over(transport, &sealed(&mse, talk(&torrent), hidden)), &torrent, &secrets);
            for (from, to) in [(S, M), (M, S)] {
                let (sealed, twin) = (transfer(&evidence, from, to), transfer(&clear, from, to));
                assert_eq!(ledger(sealed), ledger(twin), "{transport:?} {pads:?}");
                assert!(sealed.flags.contains(&Flag::DecryptedWithSecret));
                assert!(!twin.flags.contains(&Flag::DecryptedWithSecret));
                assert_eq!(sealed.encryption, Encryption::MseRc4);
            }
            assert_eq!(transfer(&evidence, S, M).bytes, clean(torrent.content.len() as u64));
            let opaque: u64 = evidence.opaque.iter().map(|opaque| opaque.a_to_b + opaque.b_to_a).sum();
            assert_eq!(opaque, 0);
            let unused = details(&evidence, Kind::UnusedSecret);
            assert_eq!(unused, ["the secret in line 2 fits no connection in the captures"]);
        }
    }
}

#[test]
fn t39_bad_blocks_behind_rc4_are_refuted_as_in_clear() {
    let torrent = four_pieces();
    let mut talk = talk(&torrent);
    let last = talk.len() - 1;
    talk[last].1[500] ^= 1;
    let mse = Mse::new(torrent.info_hash, 40);
    let clear = run(&over(Transport::Tcp, &talk), &torrent, "");
    let evidence = run(&over(Transport::Tcp, &sealed(&mse, talk, true)), &torrent, &mse.line());
    assert_eq!(ledger(transfer(&evidence, S, M)), ledger(transfer(&clear, S, M)));
    assert_eq!(transfer(&evidence, S, M).bytes.refuted, 5_000);
}

#[test]
fn t39_a_wrong_secret_is_named_and_nothing_is_graded() {
    let torrent = two_block_pieces();
    for transport in [Transport::Tcp, Transport::Utp] {
        let flights = sealed(&Mse::new(torrent.info_hash, 41), talk(&torrent), true);
        let world = over(transport, &flights);
        let evidence = run(&world, &torrent, &Mse::new(torrent.info_hash, 42).line());
        opaque_alone(&evidence, &flights, transport);
        assert_eq!(odd(&evidence, Kind::UnusedSecret) + odd(&evidence, Kind::WrongSecret), 1);
        // The right secret without the torrent that is its key.
        let other = Recipe::single("other", SMALL, 99, 1).v1();
        let evidence = run(&world, &other, &Mse::new(torrent.info_hash, 41).line());
        opaque_alone(&evidence, &flights, transport);
        assert_eq!(evidence.opaque[0].basis, "a secret fits, but none of the given torrents is its SKEY");
    }
}

#[test]
fn a_lost_segment_behind_rc4_costs_its_block_alone() {
    let torrent = four_pieces();
    let mse = Mse::new(torrent.info_hash, 43);
    let mut world = over(Transport::Tcp, &sealed(&mse, talk(&torrent), true));
    let full: Vec<usize> =
        (0..world.packets.len()).filter(|at| world.packets[*at].payload().len() == world.mss).collect();
    world.packets.remove(full[3]);
    let evidence = run(&world, &torrent, &mse.line());
    let seeder = transfer(&evidence, S, M);
    let (all, block) = (torrent.content.len() as u64, u64::from(SMALL));
    assert_eq!((seeder.bytes.verified, seeder.bytes.lost, seeder.bytes.refuted), (all - block, 1_460, 0));
    assert_eq!((seeder.bytes.served, seeder.bytes.unproven), (all - 1_460, block - 1_460));
    assert_eq!(seeder.grade, Grade::G8);
}

#[test]
fn a_lost_utp_packet_behind_rc4_makes_the_rest_opaque_and_refutes_nothing() {
    let torrent = four_pieces();
    let mse = Mse::new(torrent.info_hash, 44);
    let mut world = over(Transport::Utp, &sealed(&mse, talk(&torrent), true));
    let full: Vec<usize> =
        (0..world.packets.len()).filter(|at| world.packets[*at].payload().len() == 1_402).collect();
    world.packets.remove(full[14]);
    let evidence = run(&world, &torrent, &mse.line());
    nobody_refuted(&evidence);
    let seeder = transfer(&evidence, S, M);
    assert_eq!(seeder.bytes.verified, u64::from(SMALL), "the block before the loss");
    assert_eq!(evidence.opaque.len(), 1);
    // The fourth packet of the second of four messages is missing.
    let rest = (3 * 13 + 2 * SMALL + 5_000 - 4 * 1_382).into();
    assert_eq!((evidence.opaque[0].a_to_b, evidence.opaque[0].b_to_a), (0, rest));
}

#[test]
fn a_malformed_secrets_file_is_refused_with_its_place() {
    let good = Mse::new([0; 20], 1).line();
    for (text, at, found) in [
        (format!("{good}# note\nxyz\n"), 200, "`x` in line 3"),
        (format!("{}\n", &good[..190]), 0, "190 hexadecimal digits in line 1"),
        (format!("{good}{good}0{good}"), 386, "193 hexadecimal digits in line 3"),
        ("\u{feff}".to_owned() + &good, 0, "`\\xef` in line 1"),
    ] {
        match Secrets::parse("s", text.as_bytes()) {
            Err(Error::Malformed { offset, found: what, .. }) => assert_eq!((offset, what.as_str()), (at, found)),
            other => panic!("{text:?}: {other:?}"),
        }
    }
}

#[test]
fn what_only_lacks_structure_is_not_taken_for_bittorrent_on_a_port_of_other_services() {
    let torrent = two_block_pieces();
    for (port, expected) in
        [(443, "unrecognised"), (5_222, "unrecognised"), (8_388, "unrecognised"), (6_881, "mse-rc4")]
    {
        let (mse, server) = (Mse::new(torrent.info_hash, 37), format!("93.184.16.1:{port}"));
        let flights = sealed(&mse, talk(&torrent), true);
        let mut world = World::new();
        let conn = world.conn(address(M), address(&server));
        world.open(conn);
        for (end, bytes) in &flights {
            world.send(conn, if *end == 0 { Side::A } else { Side::B }, bytes);
        }
        let evidence = run(&world, &torrent, "");
        assert_eq!(evidence.opaque[0].kind.name(), expected, "{port}");
        let text = Run::new().capture(world.pcap()).torrent(&torrent).json(1, 64 << 20);
        assert_eq!(text.contains("encrypted BitTorrent"), expected == "mse-rc4", "{port}");
        // A list that names the server speaks for it.
        let peers = [address(&server)];
        crate::synth::hearsay::udp_tracker(
            &mut world,
            address(M),
            address("93.184.16.9:6969"),
            torrent.info_hash,
            &peers,
        );
        assert_eq!(run(&world, &torrent, "").opaque[0].kind.name(), "mse-rc4", "{port}");
    }
}
