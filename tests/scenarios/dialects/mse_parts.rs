//! MSE of which the capture holds a part, or of which the ends disagree.

use peerproof::ends::Transport;
use peerproof::evidence::{Bytes, Encryption, Flag, Grade};

use super::mse::{over, run, sealed, talk};
use super::*;
use crate::synth::mse::Mse;
use crate::synth::run::transfer;

#[test]
fn metadata_behind_rc4_is_found_for_a_magnet_link_with_its_secret() {
    let torrent = two_block_pieces();
    let mut talk = talk(&torrent);
    talk.insert(2, (0, wire::extended_hello(&[("ut_metadata", 2)], "")));
    talk.insert(3, (1, wire::metadata(2, 0, &torrent.info)));
    let hash: String = torrent.info_hash.iter().map(|byte| format!("{byte:02x}")).collect();
    let magnet = format!("magnet:?xt=urn:btih:{hash}");
    for transport in [Transport::Tcp, Transport::Utp] {
        let mse = Mse::new(torrent.info_hash, 50);
        let world = over(transport, &sealed(&mse, talk.clone(), true));
        let secrets = mse.line();
        let evidence = Run::new().capture(world.pcap()).metainfo(magnet.as_str()).secrets(&secrets).evidence();
        let seeder = transfer(&evidence, S, M);
        assert_eq!((seeder.bytes, seeder.grade), (clean(torrent.content.len() as u64), Grade::G9));
        assert!(rung_reached(&seeder.rungs, Grade::G3m) && seeder.flags.contains(&Flag::DecryptedWithSecret));
    }
}

#[test]
fn a_capture_that_begins_within_the_key_exchange_is_decrypted_with_the_secret() {
    let torrent = two_block_pieces();
    for pads in [[0; 4], [500, 400, 300, 200]] {
        let mse = Mse { pads, ..Mse::new(torrent.info_hash, 51) };
        let flights = sealed(&mse, talk(&torrent), true);
        let whole = over(Transport::Tcp, &flights);
        // Packets of the opening: three, then each flight in one segment and its ACK.
        for first in [3, 5, 7] {
            let mut world = whole.clone();
            world.packets.drain(..first);
            let evidence = run(&world, &torrent, &mse.line());
            let seeder = transfer(&evidence, S, M);
            assert_eq!(seeder.bytes, clean(torrent.content.len() as u64), "{first} {pads:?}");
            assert_eq!((seeder.encryption, seeder.grade), (Encryption::MseRc4, Grade::G9));
        }
    }
}

#[test]
fn the_responders_side_alone_is_decrypted_with_the_secret() {
    let torrent = two_block_pieces();
    for transport in [Transport::Tcp, Transport::Utp] {
        for opened in [true, false] {
            for select in [1, 2] {
                let mse = Mse { select, ..Mse::new(torrent.info_hash, 52) };
                let mut world = over(transport, &sealed(&mse, talk(&torrent), true));
                if !opened {
                    world.packets.drain(..3);
                }
                world.drop(|packet| packet.from == address(M));
                let evidence = run(&world, &torrent, &mse.line());
                let seeder = transfer(&evidence, S, M);
                let expected = Bytes { acknowledged: 0, solicited: 0, ..clean(torrent.content.len() as u64) };
                assert_eq!(seeder.bytes, expected, "{transport:?} {opened} {select}");
                assert!(
                    seeder.flags.contains(&Flag::OneSided) && seeder.flags.contains(&Flag::DecryptedWithSecret)
                );
                assert!(!seeder.flags.contains(&Flag::Unsolicited));
                assert_eq!(seeder.standard, None);
            }
        }
    }
}

#[test]
fn the_responders_side_alone_is_decrypted_among_many_secrets_and_torrents() {
    let torrent = two_block_pieces();
    let mse = Mse::new(torrent.info_hash, 52);
    let mut world = over(Transport::Tcp, &sealed(&mse, talk(&torrent), true));
    world.packets.drain(..3);
    world.drop(|packet| packet.from == address(M));
    let lines: String = (1_000..1_110).map(|seed| Mse::new([0; 20], seed).line()).collect();
    let magnets: Vec<_> = (1..100).map(|n| format!("magnet:?xt=urn:btih:{n:040x}")).collect();
    let mut run = Run::new().capture(world.pcap());
    run = magnets.iter().fold(run, |run, magnet| run.metainfo(magnet.as_str()));
    let lines = lines + &mse.line();
    let evidence = run.torrent(&torrent).secrets(&lines).evidence();
    assert_eq!(transfer(&evidence, S, M).bytes.verified, torrent.content.len() as u64);
}

#[test]
fn the_initiators_side_alone_is_read_or_named() {
    let torrent = two_block_pieces();
    // The initiator seeds.
    let talk: Vec<_> = talk(&torrent).into_iter().map(|(end, bytes)| (1 - end, bytes)).collect();
    for (provide, readable) in [(2, true), (3, false)] {
        let mse = Mse { provide, ..Mse::new(torrent.info_hash, 53) };
        let mut own = talk.clone();
        own.swap(0, 1);
        let mut world = over(Transport::Tcp, &sealed(&mse, own, true));
        world.drop(|packet| packet.from == address(S));
        let evidence = run(&world, &torrent, &mse.line());
        nobody_refuted(&evidence);
        if readable {
            let seeder = transfer(&evidence, M, S);
            assert_eq!(seeder.bytes.verified, torrent.content.len() as u64);
            assert!(seeder.flags.contains(&Flag::OneSided) && !seeder.flags.contains(&Flag::Unsolicited));
        } else {
            assert_eq!(evidence.opaque.len(), 1);
            assert!(
                evidence.opaque[0].basis.contains("which of plaintext and RC4 was selected"),
                "{:?}",
                evidence.opaque
            );
        }
    }
}

#[test]
fn what_was_selected_counts_though_it_was_not_offered() {
    let torrent = two_block_pieces();
    for (provide, select) in [(1, 2), (2, 1), (3, 1), (3, 2), (u32::MAX, 2)] {
        let mse = Mse { provide, select, ..Mse::new(torrent.info_hash, 54) };
        let evidence = run(&over(Transport::Tcp, &sealed(&mse, talk(&torrent), true)), &torrent, &mse.line());
        assert_eq!(transfer(&evidence, S, M).bytes, clean(torrent.content.len() as u64), "{provide} {select}");
    }
    for select in [0, 3, 4, u32::MAX] {
        let mse = Mse { select, ..Mse::new(torrent.info_hash, 55) };
        let evidence = run(&over(Transport::Tcp, &sealed(&mse, talk(&torrent), true)), &torrent, &mse.line());
        assert!(evidence.transfers.is_empty() && evidence.opaque.len() == 1, "{select}");
        assert!(evidence.subjects.iter().all(|subject| subject.grade <= Grade::G2));
    }
}

#[test]
fn a_handshake_that_only_a_secret_shows_is_flagged_though_plaintext_was_selected() {
    let torrent = two_block_pieces();
    for transport in [Transport::Tcp, Transport::Utp] {
        let mse = Mse { select: 1, ..Mse::new(torrent.info_hash, 56) };
        let evidence = run(&over(transport, &sealed(&mse, talk(&torrent), true)), &torrent, &mse.line());
        let seeder = transfer(&evidence, S, M);
        assert_eq!(
            (seeder.bytes, seeder.encryption),
            (clean(torrent.content.len() as u64), Encryption::MsePlaintext)
        );
        assert!(seeder.flags.contains(&Flag::DecryptedWithSecret) && !seeder.flags.contains(&Flag::OneSided));
    }
}

#[test]
fn blocks_whose_requests_cannot_be_read_are_not_unsolicited() {
    let torrent = two_block_pieces();
    let mse = Mse::new(torrent.info_hash, 57);
    let flights = sealed(&mse, talk(&torrent), true);
    let mut world = over(Transport::Tcp, &flights);
    // The initiator's third flight, with HASH('req1', S), is not in the capture.
    let lost = flights[2].1.len();
    assert_eq!(world.drop(|packet| packet.from == address(M) && packet.payload().len() == lost), 1);
    let evidence = run(&world, &torrent, &mse.line());
    let seeder = transfer(&evidence, S, M);
    assert_eq!((seeder.bytes.verified, seeder.bytes.refuted), (torrent.content.len() as u64, 0));
    assert!(!seeder.flags.contains(&Flag::Unsolicited) && rung_reached(&seeder.rungs, Grade::G3), "{seeder:#?}");
}

#[test]
fn a_wrong_secret_costs_no_other_connection_anything() {
    let torrent = two_block_pieces();
    let (mse, clear) = (Mse::new(torrent.info_hash, 58), Mse { select: 1, ..Mse::new(torrent.info_hash, 59) });
    let mut world = over(Transport::Tcp, &sealed(&mse, talk(&torrent), true));
    let conn = world.conn(address(M), address(S2));
    world.open(conn);
    for (end, bytes) in sealed(&clear, talk(&torrent), true) {
        world.send(conn, if end == 0 { Side::A } else { Side::B }, &bytes);
    }
    let conn = join(&mut world, &torrent, M, S3);
    fetch_all(&mut world, conn, &torrent);
    let without = run(&world, &torrent, "");
    let with = run(&world, &torrent, &Mse::new(torrent.info_hash, 99).line());
    for seeder in [S2, S3] {
        let (one, other) = (transfer(&without, seeder, M), transfer(&with, seeder, M));
        assert_eq!((one.bytes, one.grade, &one.flags), (other.bytes, other.grade, &other.flags));
        assert_eq!(one.bytes.verified, torrent.content.len() as u64);
    }
    assert_eq!((without.opaque.len(), with.opaque.len()), (1, 1));
    assert_eq!(details(&with, Kind::UnusedSecret), ["the secret in line 1 fits no connection in the captures"]);
}

#[test]
fn what_the_responder_sent_may_be_captured_first_where_two_taps_have_clocks_apart() {
    let torrent = two_block_pieces();
    // One direction each, and the responder's clock is so slow that all of it comes first.
    let apart = |world: World, secrets: &str| {
        let [initiator, mut responder] = [M, S].map(|sender| {
            let mut tap = world.clone();
            tap.drop(|packet| packet.from != address(sender));
            tap
        });
        responder.packets.iter_mut().for_each(|packet| packet.time -= 10_000_000_000);
        let files = Run::new().capture(initiator.pcap()).capture(responder.pcap());
        files.torrent(&torrent).secrets(secrets).evidence()
    };
    let clear = apart(over(Transport::Tcp, &talk(&torrent)), "");
    let clear = transfer(&clear, S, M);
    assert_eq!(clear.bytes.verified, torrent.content.len() as u64);
    for (select, hidden) in [(1, true), (1, false), (2, true), (2, false)] {
        let mse = Mse { select, pads: [1, 511, 300, 20], ..Mse::new(torrent.info_hash, 58) };
        let evidence = apart(over(Transport::Tcp, &sealed(&mse, talk(&torrent), hidden)), &mse.line());
        let seeder = transfer(&evidence, S, M);
        let mut flags = seeder.flags.clone();
        flags.remove(&Flag::DecryptedWithSecret);
        // Nobody is said to have sent what was not asked for: the order of the two directions is not known.
        assert_eq!((&seeder.bytes, &flags), (&clear.bytes, &clear.flags), "{select} {hidden}");
        assert_eq!(seeder.unsolicited_messages, 0, "{select} {hidden}");
        assert!(evidence.opaque.is_empty() && details(&evidence, Kind::Unframed).is_empty(), "{select} {hidden}");
    }
}

#[test]
fn a_gap_out_of_proportion_behind_rc4_is_a_limit_that_is_named_and_costs_no_time() {
    let torrent = two_block_pieces();
    let mse = Mse::new(torrent.info_hash, 59);
    let flights = sealed(&mse, talk(&torrent), true);
    let mut world = over(Transport::Tcp, &flights);
    let end: usize = flights.iter().filter(|(end, _)| *end == 1).map(|(_, bytes)| bytes.len()).sum();
    world.retransmit(Conn(0), Side::B, end as u64 + (600 << 20), b"far away");
    let evidence = run(&world, &torrent, &mse.line());
    assert_eq!(transfer(&evidence, S, M).bytes.verified, torrent.content.len() as u64);
    assert_eq!((evidence.opaque.len(), evidence.opaque[0].b_to_a), (1, 8));
    let named = details(&evidence, Kind::LimitReached);
    assert!(named.len() == 1 && named[0].starts_with("keystream: "), "{named:?}");
}

/// `flights` without the packet that carries one of them.
fn without(transport: Transport, flights: &[(usize, Vec<u8>)], lost: usize) -> World {
    let before = over(transport, &flights[..lost]).packets.len();
    let mut world = over(transport, flights);
    let sent = world.packets[before..].iter().position(|packet| packet.payload().len() >= flights[lost].1.len());
    world.packets.remove(before + sent.expect("it was sent"));
    world
}

#[test]
fn a_lost_flight_of_the_handshake_costs_a_clear_peer_wire_nothing() {
    let torrent = two_block_pieces();
    for transport in [Transport::Tcp, Transport::Utp] {
        for (hidden, lost) in
            [(true, 0), (true, 1), (true, 2), (true, 3), (false, 0), (false, 1), (false, 2), (false, 3)]
        {
            let mse = Mse { select: 1, ..Mse::new(torrent.info_hash, 60) };
            let world = without(transport, &sealed(&mse, talk(&torrent), hidden), lost);
            let evidence = run(&world, &torrent, "");
            let seeder = transfer(&evidence, S, M);
            let all = torrent.content.len() as u64;
            assert_eq!((seeder.bytes.served, seeder.bytes.verified), (all, all), "{transport:?} {hidden} {lost}");
            assert!(!seeder.flags.contains(&Flag::Unsolicited) && evidence.opaque.is_empty());
            nobody_refuted(&evidence);
        }
    }
}

#[test]
fn the_responders_side_of_a_clear_peer_wire_is_read_without_the_initiators() {
    let torrent = two_block_pieces();
    let mse = Mse { select: 1, ..Mse::new(torrent.info_hash, 61) };
    let mut world = over(Transport::Tcp, &sealed(&mse, talk(&torrent), true));
    world.drop(|packet| packet.from == address(M));
    let evidence = run(&world, &torrent, "");
    let seeder = transfer(&evidence, S, M);
    assert_eq!(seeder.bytes.verified, torrent.content.len() as u64);
    nobody_refuted(&evidence);
}

#[test]
fn rc4_with_a_lost_answer_is_opaque() {
    let torrent = two_block_pieces();
    for hidden in [true, false] {
        let mse = Mse::new(torrent.info_hash, 62);
        let evidence = run(&without(Transport::Tcp, &sealed(&mse, talk(&torrent), hidden), 3), &torrent, "");
        assert!(evidence.transfers.is_empty(), "{:#?}", evidence.transfers);
        assert_eq!(evidence.opaque.len(), 1, "{hidden}");
    }
}
