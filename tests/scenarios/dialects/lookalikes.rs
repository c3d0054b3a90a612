//! T36: datagrams that look like uTP, and are not.

use peerproof::evidence::Evidence;

use super::*;
use crate::synth::content::Random;
use crate::synth::run::analyze;

const CLIENT: &str = "81.2.69.10:40000";
const SERVER: &str = "93.184.16.9:53";

fn quiet(world: &World) -> Evidence {
    let evidence = analyze(world, &four_pieces());
    assert_eq!(evidence.transfers.len(), 0, "{:#?}", evidence.transfers);
    assert_eq!(evidence.subjects.len(), 0, "{:#?}", evidence.subjects);
    assert_eq!(evidence.quality.utp_flows, 0);
    evidence
}

#[test]
fn t36_a_dns_query_shaped_as_a_syn_and_its_answer_are_no_session() {
    let mut world = World::new();
    let (client, server) = (address(CLIENT), address(SERVER));
    // Transaction id 0x4100: a SYN of version 1 without extensions; the answers carry the same id.
    let query = [&[0x41, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0][..], b"\x07example\x03com\0\0\x01\0\x01"].concat();
    let mut answer = query.clone();
    answer[2..4].copy_from_slice(&[0x81, 0x80]);
    answer[7] = 1;
    answer.extend_from_slice(&[0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 93, 184, 16, 1]);
    for _ in 0..20 {
        world.datagram(client, server, &query);
        world.datagram(server, client, &answer);
    }
    quiet(&world);
}

#[test]
fn t36_dtls_quic_and_games_are_no_session() {
    let mut world = World::new();
    let (client, server) = (address(CLIENT), address("93.184.16.9:443"));
    let mut random = Random::new(36);
    for n in 0..200_u16 {
        for (from, to) in [(client, server), (server, client)] {
            // DTLS 1.2 application data; QUIC short and long headers.
            let dtls = [&[0x17, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0][..], &n.to_be_bytes(), &[0, 64], &random.bytes(64)];
            world.datagram(from, to, &dtls.concat());
            world.datagram(from, to, &[&[0x41, 0][..], &random.bytes(1_100)].concat());
            world.datagram(from, to, &[&[0xc3, 0, 0, 0, 1, 8][..], &random.bytes(1_200)].concat());
            // A game: type, flags, channel, clock in milliseconds, then state; numbered by one.
            let mut game = vec![0x01, 0x00, 0x00, 0x07];
            game.extend_from_slice(&(u32::from(n) * 33).to_le_bytes());
            game.extend_from_slice(&random.bytes(8));
            game.extend_from_slice(&n.to_le_bytes());
            game.extend_from_slice(&n.wrapping_sub(1).to_le_bytes());
            game.extend_from_slice(&random.bytes(40));
            world.datagram(from, to, &game);
        }
    }
    quiet(&world);
}

#[test]
fn t36_random_datagrams_with_the_first_bytes_of_utp_are_no_session() {
    let mut random = Random::new(3_636);
    for kind in [0x01_u8, 0x11, 0x21, 0x31, 0x41] {
        let mut world = World::new();
        for n in 0..400 {
            let (from, to) = if n % 2 == 0 { (CLIENT, SERVER) } else { (SERVER, CLIENT) };
            let body = [&[kind, 0, 0x12, 0x34][..], &random.bytes(300)].concat();
            world.datagram(address(from), address(to), &body);
        }
        quiet(&world);
    }
}

#[test]
fn t36_a_syn_that_only_data_answers_is_no_session() {
    use crate::synth::utp::{Kind, header};
    let mut world = World::new();
    let (client, server) = (address(CLIENT), address(SERVER));
    world.datagram(client, server, &header(Kind::Syn, 0, 77, world.now, 1, 0));
    world.datagram(server, client, &header(Kind::Data, 0, 77, world.now, 500, 1));
    world.datagram(client, server, &header(Kind::Syn, 0, 77, world.now, 1, 0));
    world.datagram(server, client, &header(Kind::Reset, 0, 77, world.now, 500, 1));
    // An answer that acknowledges another number, and one for another connection.
    world.datagram(server, client, &header(Kind::State, 0, 77, world.now, 500, 9));
    world.datagram(server, client, &header(Kind::State, 0, 99, world.now, 500, 1));
    quiet(&world);
}
