//! No absence is stated over what could not be read (T62), and what passed unseen is counted (T32, T59): over TCP and uTP.

use std::net::SocketAddr;

use peerproof::evidence::{Evidence, Flag, Grade, OpaqueKind};

use super::*;
use crate::synth::frame::Flags;
use crate::synth::run::{Run, analyze, subject, transfer};
use crate::synth::utp::UtpConn;

/// M fetches the torrent from S, over TCP or uTP.
fn fetched(torrent: &Torrent, utp: bool) -> World {
    if !utp {
        return one_seeder(torrent).0;
    }
    let mut world = World::new();
    let mut conn = UtpConn::open(&mut world, address(M), address(S), 700, [9_000, 20]);
    conn.join(&mut world, torrent, [id(1), id(2)]);
    (0..torrent.pieces()).for_each(|piece| conn.fetch(&mut world, torrent, piece));
    world
}

/// Bytes of the peer wire in a packet.
fn carried(packet: &Packet, utp: bool) -> usize {
    packet.payload().len().saturating_sub(if utp { 20 } else { 0 })
}

fn sent_by(packet: &Packet, end: &str) -> bool {
    packet.from == address(end)
}

/// What is said of a torrent that nothing shows.
fn said(world: &World, torrent: &Torrent) -> String {
    Run::new().capture(world.pcap()).torrent(torrent).json(1, 64 << 20)
}

#[test]
fn t62_no_absence_is_stated_over_a_connection_that_could_have_carried_the_torrent_unread() {
    let torrent = four_pieces();
    for utp in [false, true] {
        let whole = fetched(&torrent, utp);
        let (last, kinds) = (whole.packets.len() / 2, ["beginning", "nothing was captured", "begun before"]);
        // Every packet with much of the peer wire in it; every packet with any of it; the first half.
        for (kind, wanted) in kinds.into_iter().enumerate() {
            let mut world = whole.clone();
            match kind {
                0 => {
                    let mut first = [true; 2];
                    world.packets.retain(|packet| {
                        let side = usize::from(sent_by(packet, S));
                        let opens = carried(packet, utp) > 0 && std::mem::take(&mut first[side]);
                        !opens && carried(packet, utp) < 1_000
                    });
                }
                1 if utp => continue,
                1 => drop(world.drop(|packet| carried(packet, utp) > 0)),
                _ => {
                    world.packets.drain(..last);
                    world.drop(|packet| carried(packet, utp) > 0 && !sent_by(packet, S));
                    world.packets.truncate(8);
                }
            }
            let json = said(&world, &torrent);
            assert!(!json.contains("No peer of the torrent"), "{utp} {wanted}: {json}");
            assert!(!json.contains("There is no BitTorrent peer connection"), "{utp} {wanted}");
            assert!(kind == 0 || json.contains(wanted), "{utp} {wanted}: {json}");
        }
    }
}

#[test]
fn t62_connections_that_were_read_and_are_of_something_else_hide_no_torrent() {
    let torrent = four_pieces();
    let mut world = World::new();
    for (client, bytes) in
        [("81.2.69.10:40000", &b"SSH-2.0-x\r\n"[..]), ("81.2.69.10:40001", b"EHLO a.example\r\n")]
    {
        let conn = world.conn(address(client), address("93.184.16.9:2222"));
        world.open(conn);
        world.send(conn, Side::B, b"220 ready, all of it in words\r\n");
        world.send(conn, Side::A, bytes);
        world.close(conn, Side::A);
        world.close(conn, Side::B);
    }
    let never = world.conn(address("81.2.69.10:40002"), address("93.184.16.9:2223"));
    world.open(never);
    world.close(never, Side::A);
    world.close(never, Side::B);
    let json = said(&world, &torrent);
    assert!(json.contains("No peer of the torrent") && json.contains("There is no BitTorrent peer connection"));
}

/// What S sent, by the generator, and what the evidence has of it.
fn passed(evidence: &Evidence) -> (u64, u64) {
    let bytes = transfer(evidence, S, M).bytes;
    (bytes.served, bytes.lost)
}

#[test]
fn t32_t59_what_the_receiver_acknowledged_is_lost_where_the_sender_was_not_captured() {
    let torrent = two_block_pieces();
    for utp in [false, true] {
        let mut world = fetched(&torrent, utp);
        world.drop(|packet| sent_by(packet, S));
        let evidence = analyze(&world, &torrent);
        let (served, lost) = passed(&evidence);
        assert_eq!(served, 0, "{utp}");
        assert!(lost.abs_diff(sent(&world)) * 200 <= sent(&world), "{utp}: {lost} of {}", sent(&world));
        assert!(transfer(&evidence, S, M).flags.contains(&Flag::GapInRange), "{utp}");
        assert_eq!(subject(&evidence, M).grade, Grade::G3, "{utp}");
    }
}

#[test]
fn t32_a_direction_of_which_the_beginning_is_missing_has_lost_that() {
    let torrent = two_block_pieces();
    for utp in [false, true] {
        let mut world = fetched(&torrent, utp);
        let own: Vec<usize> = (0..world.packets.len()).filter(|at| sent_by(&world.packets[*at], S)).collect();
        let from = own[own.len() * 3 / 4];
        let mut at = 0;
        world.packets.retain(|packet| {
            at += 1;
            !sent_by(packet, S) || at > from
        });
        let evidence = analyze(&world, &torrent);
        let (served, lost) = passed(&evidence);
        assert!(
            served > 0 && (served + lost).abs_diff(sent(&world)) * 200 <= sent(&world),
            "{utp}: {served} {lost}"
        );
        let (seeder, receiver) = (transfer(&evidence, S, M), subject(&evidence, M));
        assert!(seeder.flags.contains(&Flag::GapInRange) && seeder.flags.contains(&Flag::HandshakeNotCaptured));
        assert!(receiver.grade == Grade::G3 && receiver.flags.contains(&Flag::OneSided), "{utp}");
        assert_eq!(seeder.bytes.refuted, 0, "{utp}");
    }
}

#[test]
fn t32_a_receiver_alone_from_its_middle_on_shows_what_went_since() {
    let torrent = two_block_pieces();
    let mut world = fetched(&torrent, false);
    let half = world.packets.len() / 2;
    world.packets.drain(..half);
    let since: u64 =
        world.packets.iter().filter(|packet| sent_by(packet, S)).map(|p| p.payload().len() as u64).sum();
    world.drop(|packet| sent_by(packet, S));
    let evidence = analyze(&world, &torrent);
    let lost: u64 = evidence.transfers.iter().map(|row| row.bytes.lost).sum();
    assert!(evidence.transfers.is_empty() || lost.abs_diff(since) * 50 <= since, "{lost} of {since}");
}

#[test]
fn a_port_pair_used_again_for_another_torrent_is_another_connection_though_its_syns_are_missing() {
    let (first, second) = (two_block_pieces(), Recipe::single("again.bin", SMALL, 6 * SMALL as usize, 77).v1());
    for jump in [9_000_000, 300_000, -9_000_000_i64, -200_000] {
        let (a, b) = (address(M), address(S));
        let mut world = World::new();
        let starts = [500_000_000_u32, 900_000_000];
        let fetch = |world: &mut World, torrent: &Torrent, numbers: [u32; 2]| {
            let conn = world.conn_at(a, b, numbers);
            world.open(conn);
            world.send(conn, Side::A, &wire::handshake(torrent.info_hash, id(1)));
            world.send(conn, Side::B, &wire::handshake(torrent.info_hash, id(2)));
            world.send(conn, Side::B, &wire::bitfield_full(torrent.pieces()));
            world.send(conn, Side::A, &wire::interested());
            world.send(conn, Side::B, &wire::unchoke());
            fetch_all(world, conn, torrent);
            world.close(conn, Side::A);
            world.close(conn, Side::B);
            conn
        };
        fetch(&mut world, &first, starts);
        let moved = starts.map(|start| start.wrapping_add(jump as i32 as u32));
        let again = fetch(&mut world, &second, moved);
        world.drop(|packet| packet.conn == again && packet.flags().has(Flags::SYN));
        let run = Run::new().capture(world.pcap()).torrent(&first).torrent(&second);
        let evidence = run.evidence();
        for torrent in [&first, &second] {
            let of = |row: &&peerproof::evidence::Transfer| {
                row.uploader.to_string() == S
                    && row.info_hash.as_ref().is_some_and(|hash| hash.0.as_slice() == torrent.info_hash.as_slice())
            };
            let row = evidence.transfers.iter().find(of).unwrap_or_else(|| panic!("{jump}: no row"));
            let len: u64 =
                (0..torrent.pieces()).flat_map(|p| torrent.blocks(p)).map(|(_, len)| u64::from(len)).sum();
            assert_eq!((row.bytes.verified, row.bytes.lost), (len, 0), "{jump}");
            assert!(row.actionable, "{jump}");
        }
    }
}

#[test]
fn a_forged_segment_behind_both_fins_opens_no_connection_and_takes_nothing() {
    let torrent = two_block_pieces();
    let (mut world, conn) = one_seeder(&torrent);
    world.close(conn, Side::A);
    world.close(conn, Side::B);
    let last = world.packets.iter().rev().find(|packet| packet.is_data(conn, Side::B)).cloned().expect("data");
    let crate::synth::swarm::Body::Tcp { seq, ack, .. } = last.body else { panic!("TCP") };
    let greeting = wire::handshake([9; 20], id(3));
    for away in [5_000, 400_000_u32] {
        let mut forged = last.clone();
        forged.body = crate::synth::swarm::Body::Tcp {
            seq: seq.wrapping_add(away),
            ack,
            flags: Flags::ACK,
            offset: 0,
            payload: greeting.clone(),
        };
        forged.time = world.now + i64::from(away);
        world.packets.push(forged);
    }
    let evidence = analyze(&world, &torrent);
    assert_eq!(transfer(&evidence, S, M).bytes, clean(sent(&world)));
    assert_eq!(evidence.transfers.len(), 2, "no other torrent");
}

/// A Client Hello that asks for `name`.
fn hello(name: &str) -> Vec<u8> {
    let one = [&[0][..], &(name.len() as u16).to_be_bytes(), name.as_bytes()].concat();
    let list = [&(one.len() as u16).to_be_bytes()[..], &one].concat();
    let extensions = [&[0, 0][..], &(list.len() as u16).to_be_bytes(), &list].concat();
    let body =
        [&[3, 3][..], &[7; 32], &[0, 0, 2, 0x13, 1, 1, 0], &(extensions.len() as u16).to_be_bytes(), &extensions]
            .concat();
    let message = [&[1, 0][..], &(body.len() as u16).to_be_bytes(), &body].concat();
    [&[0x16, 3, 1][..], &(message.len() as u16).to_be_bytes(), &message].concat()
}

#[test]
fn t62_tls_that_names_an_info_hash_is_a_connection_of_that_torrent_that_nobody_can_read() {
    let (torrent, other) = (four_pieces(), two_block_pieces());
    let hex: String = torrent.info_hash.iter().map(|byte| format!("{byte:02x}")).collect();
    for (utp, size) in [(false, 1_460), (false, 60), (true, 1_400)] {
        let mut world = World::new().segments_of(size);
        let ends: [SocketAddr; 2] = [address(M), address(S)];
        if utp {
            let mut conn = UtpConn::open(&mut world, ends[0], ends[1], 700, [9_000, 20]);
            conn.send(&mut world, 0, &hello(&hex));
            conn.send(&mut world, 1, &[0x17, 3, 3, 0, 200].repeat(900));
        } else {
            let conn = world.conn(ends[0], ends[1]);
            world.open(conn);
            world.send(conn, Side::A, &hello(&hex));
            world.send(conn, Side::B, &[0x17, 3, 3, 0, 200].repeat(900));
        }
        let evidence = analyze(&world, &torrent);
        assert!(evidence.transfers.is_empty() && evidence.subjects.is_empty());
        let [row] = evidence.opaque.as_slice() else { panic!("{:?}", evidence.opaque) };
        assert_eq!(row.kind, OpaqueKind::Tls);
        assert_eq!(row.info_hash.as_ref().map(ToString::to_string), Some(hex.clone()));
        let json = said(&world, &torrent);
        assert!(!json.contains("No peer of the torrent"), "{json}");
        assert!(json.contains("1 connection names the info-hash of the torrent"), "{json}");
        // Of another torrent it is none.
        assert!(said(&world, &other).contains("No peer of the torrent"));
    }
}

#[test]
fn t32_a_long_transfer_over_utp_of_which_the_receiver_alone_was_captured_is_measured_by_its_packets() {
    let torrent = Recipe::single("long.bin", 4 * SMALL, 120 * SMALL as usize, 12).v1();
    let mut world = fetched(&torrent, true);
    world.drop(|packet| sent_by(packet, S));
    let (served, lost) = passed(&analyze(&world, &torrent));
    assert!(served == 0 && lost.abs_diff(sent(&world)) * 20 <= sent(&world), "{lost} of {}", sent(&world));
}
