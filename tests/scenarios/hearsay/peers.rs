//! `AZ_PEER_EXCHANGE` of the Azureus messaging protocol; and WebRTC, which could carry WebTorrent and cannot be read.

use peerproof::evidence::OpaqueKind;

use super::*;

#[test]
fn az_pex_names_addresses_of_both_families_and_changes_no_figure() {
    let torrent = four_pieces();
    for (from, to) in [(M, S), ("[2001:db8::1]:50001", "[2001:db8::2]:6881")] {
        let exchange = |payload: &[u8]| {
            let mut world = World::new().segments_of(19);
            let conn = world.meet(address(from), address(to), torrent.info_hash, [id(1), id(2)]);
            world.send(conn, Side::A, &wire::named("AZ_PEER_EXCHANGE", 0, payload));
            world.fetch(conn, Side::B, &torrent, 0);
            world.close(conn, Side::A);
            analyze(&world, &torrent)
        };
        let six: Vec<u8> = [&[0x20, 0x01, 0x0d, 0xb9][..], &[0; 11], &[7, 0x1a, 0xe3]].concat();
        let sound = [
            &b"d5:addedl6:\x5d\xb8\x10\x03\x1a\xe16:\x08\x08\x08\x08\x1a\xe2e9:added_HST2:\0\x006:added6l18:"[..],
            &six,
            b"e7:droppedl6:\x09\x09\x09\x09\x1a\xe2e8:infohash20:",
            &torrent.info_hash,
            b"e",
        ]
        .concat();
        let evidence = exchange(&sound);
        let expected = ["8.8.8.8:6882", "93.184.16.3:6881", "[2001:db9::7]:6883"];
        assert_eq!(told(&evidence), expected.map(|subject| format!("{subject} by {from} az-pex G0 x1")));
        assert_eq!(evidence.subjects.len(), 2, "who was only named is no subject");
        assert_eq!(odd(&evidence, Kind::BadMessage), 0);
        let clean = |evidence: &Evidence| transfer(evidence, to, from).bytes.verified;
        assert_eq!(clean(&evidence), u64::from(SMALL));
        let damaged = exchange(&sound[..sound.len() - 1]);
        assert!(told(&damaged).is_empty() && odd(&damaged, Kind::BadMessage) > 0);
        assert_eq!(clean(&damaged), u64::from(SMALL), "the messages behind it are read");
    }
}

/// A binding request of STUN, or its answer.
fn stun(answer: bool) -> Vec<u8> {
    let kind = if answer { [1, 1] } else { [0, 1] };
    [&kind[..], &[0, 12, 0x21, 0x12, 0xa4, 0x42], b"transaction!", &[0, 0x20, 0, 8, 0, 1, 1, 1, 2, 2, 2, 2]]
        .concat()
}

fn dtls(bytes: usize) -> Vec<u8> {
    [&[22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 1][..], &(bytes as u16).to_be_bytes(), &vec![7; bytes]].concat()
}

#[test]
fn stun_and_dtls_between_the_same_ends_could_carry_webtorrent_and_are_named() {
    let torrent = four_pieces();
    for (one, other) in [("81.2.69.10:50000", "93.184.16.1:50001"), ("[2001:db8::1]:50000", "[2001:db8::2]:50001")]
    {
        let (a, b) = (address(one), address(other));
        let mut world = World::new();
        world.datagram(a, b, &stun(false));
        world.datagram(b, a, &stun(true));
        world.datagram(a, b, &dtls(100));
        world.datagram(b, a, &dtls(300));
        let evidence = analyze(&world, &torrent);
        let [row] = &evidence.opaque[..] else { panic!("{:?}", evidence.opaque) };
        assert_eq!((row.kind, row.transport.name()), (OpaqueKind::WebRtc, "udp"));
        assert_eq!((row.a_to_b, row.b_to_a), (113, 313));
        assert_eq!((row.frames.first, row.frames.last), (1, 4));
        assert!(evidence.subjects.is_empty() && evidence.transfers.is_empty());
        // Neither alone is a connection of WebRTC.
        for kept in [[0, 1].as_slice(), &[2, 3]] {
            let mut part = World::new();
            for packet in kept {
                let packet = &world.packets[*packet];
                part.datagram(packet.from, packet.to, packet.payload());
            }
            assert!(analyze(&part, &torrent).opaque.is_empty());
        }
    }
}
