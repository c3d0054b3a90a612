//! Inputs that follow the size of a bound: what is left out is told, and what the hashes confirm is not what is left out.

use std::net::SocketAddr;

use peerproof::Limits;
use peerproof::anomaly::Kind;
use peerproof::evidence::Evidence;
use peerproof::oddity::Oddity;

use crate::synth::content::{Random, Recipe, Torrent};
use crate::synth::run::{Run, address, check, transfer};
use crate::synth::swarm::{Side, World};
use crate::synth::utp::UtpConn;
use crate::synth::wire;

const M: &str = "81.2.69.10:50001";
const S: &str = "93.184.16.1:6881";

/// `M` fetches everything from `S`.
fn served(world: &mut World, torrent: &Torrent) {
    let ids = [wire::peer_id("-XX0001-", 1), wire::peer_id("-XX0001-", 2)];
    let conn = world.meet(address(M), address(S), torrent.info_hash, ids);
    world.send(conn, Side::B, &wire::bitfield_full(torrent.pieces()));
    world.send(conn, Side::B, &wire::unchoke());
    (0..torrent.pieces()).for_each(|piece| world.fetch(conn, Side::B, torrent, piece));
    world.close(conn, Side::A);
}

fn limit<'e>(evidence: &'e Evidence, bound: &str) -> Option<&'e Oddity> {
    let tally = evidence.anomalies.tally(Kind::LimitReached)?;
    tally.examples.iter().map(|example| &example.oddity).find(|oddity| oddity.bound() == Some(bound))
}

#[test]
fn spare_requests_do_not_take_the_standard_from_who_meets_it() {
    let torrent = Recipe::single("four.bin", 16_384, 54_152, 4).v1();
    for utp in [false, true] {
        let mut world = World::new();
        let ids = [wire::peer_id("-XX0001-", 1), wire::peer_id("-XX0001-", 2)];
        let asked = torrent.blocks(0).iter().map(|(begin, len)| wire::request(0, *begin, *len)).collect::<Vec<_>>();
        let spare: Vec<u8> = (0..17_000).flat_map(|n| wire::request(1 + n % 2, n * 16, 16_384)).collect();
        if utp {
            let mut conn = UtpConn::open(&mut world, address(M), address(S), 500, [1, 100]);
            conn.join(&mut world, &torrent, ids);
            conn.send(&mut world, 1, &[wire::bitfield_full(torrent.pieces()), wire::unchoke()].concat());
            conn.send(&mut world, 0, &[asked.concat(), spare].concat());
            for (begin, len) in torrent.blocks(0) {
                conn.deliver(&mut world, 1, 0, begin, torrent.block(0, begin, len), true);
            }
            conn.state(&mut world, 0);
        } else {
            let conn = world.meet(address(M), address(S), torrent.info_hash, ids);
            world.send(conn, Side::B, &[wire::bitfield_full(torrent.pieces()), wire::unchoke()].concat());
            world.send(conn, Side::A, &[asked.concat(), spare].concat());
            for (begin, len) in torrent.blocks(0) {
                world.piece(conn, Side::B, &torrent, 0, begin, len);
            }
            world.close(conn, Side::A);
        }
        let run = Run::new().capture(world.pcap()).torrent(&torrent);
        let evidence = run.once(1, 64 << 20).expect("the run can go on");
        check(&evidence);
        let row = transfer(&evidence, S, M);
        assert!(row.actionable && row.bytes.solicited == row.bytes.served, "uTP {utp}: {row:#?}");
        assert_eq!(limit(&evidence, "outstanding_requests"), None);

        // Without room for them it is told.
        let limits = Limits { requests: 100, ..Limits::default() };
        let evidence = run.limits(limits).once(1, 64 << 20).expect("the run can go on");
        assert!(!transfer(&evidence, S, M).actionable && limit(&evidence, "outstanding_requests").is_some());
    }
}

#[test]
fn invented_info_hashes_leave_room_for_the_torrent_that_is_whole() {
    let torrent = Recipe::single("four.bin", 16_384, 54_152, 4).v1();
    let mut world = World::new();
    let mut random = Random::new(7);
    let describe = |world: &mut World, n: u32, hash: [u8; 20], info: &[u8]| {
        let from = SocketAddr::from(([100, 0, (n >> 8) as u8, n as u8], 6_881));
        let ids = [wire::peer_id("-XX0001-", 1), wire::peer_id("-XX0001-", 1_000 + n)];
        let conn = world.meet(address(M), from, hash, ids);
        for side in [Side::A, Side::B] {
            world.send(conn, side, &wire::extended_hello(&[("ut_metadata", 2)], ""));
        }
        world.send(conn, Side::A, &wire::metadata_request(2, 0));
        world.send(conn, Side::B, &wire::metadata(2, 0, info));
        world.close(conn, Side::A);
    };
    for n in 0..1_100 {
        let hash = random.bytes(20);
        describe(&mut world, n, hash.try_into().expect("20 bytes"), b"d4:name3:fooe");
    }
    describe(&mut world, 5_000, torrent.info_hash, &torrent.info);
    served(&mut world, &torrent);
    let run = Run::new().capture(world.pcap());
    let found = run.found();
    assert_eq!((found.torrents.len(), found.metadata.unfinished.len(), found.is_limited()), (1, 1_100, false));
    let evidence = run.once(1, 64 << 20).expect("the run can go on");
    assert_eq!(transfer(&evidence, S, M).bytes.verified, torrent.content.len() as u64);
    assert_eq!(limit(&evidence, "metadata"), None);
}
