//! Digests of copies that were hashed while the captures were read: with them, half of them or without them there is one report.

mod swarms;

use peerproof::{CaptureSet, OpenOptions, Options, Secrets, Torrent, Torrents};

use crate::fixture;
use crate::synth::content::Recipe;
use crate::synth::log::decides_nothing;
use crate::synth::run::{Run, address};
use crate::synth::swarm::{Side, World};
use crate::synth::wire;

#[test]
fn what_was_hashed_while_recordings_were_read_decides_nothing_and_saves_most_hashing() {
    let mut all = [0; 3];
    for case in fixture::all() {
        let name = case.torrent();
        let mut torrents = Torrents::default();
        let bytes = if name.starts_with("magnet:") { name.clone().into_bytes() } else { case.read(&name) };
        torrents.add(Torrent::parse(&name, &bytes).expect("a torrent"));
        let secrets = case.path("secrets.txt").exists().then(|| case.read("secrets.txt"));
        let secrets =
            secrets.map(|text| Secrets::parse("secrets.txt", &text).expect("secrets")).unwrap_or_default();
        let options = Options { secrets: &secrets, digest: false, ..Options::default() };
        for capture in case.captures() {
            let captures = CaptureSet::open(&[case.path(capture)], &OpenOptions::default()).expect("it opens");
            let hashed = decides_nothing(&captures, &torrents, &options, &format!("{}/{capture}", case.name));
            all.iter_mut().zip(hashed).for_each(|(all, hashed)| *all += hashed);
        }
    }
    let [with, half, without] = all;
    assert!(10 * with < without && with < half && half < without, "{all:?} copies were hashed by the judge");
}

#[test]
fn blocks_that_came_twice_to_many_receivers_keep_no_unit_from_being_hashed_while_it_is_read() {
    let torrent = Recipe::single("two.bin", 2_048, 2_048, 8).v1();
    let mut world = World::new();
    for number in 0..50_u16 {
        let (seeder, leecher) = (address("93.184.16.1:6881"), address(&format!("81.2.69.{}:50001", 10 + number)));
        let ids = [wire::peer_id("-XX0001-", u32::from(number) + 2), wire::peer_id("-XX0001-", 1)];
        let conn = world.meet(leecher, seeder, torrent.info_hash, ids);
        world.send(conn, Side::B, &wire::bitfield_full(torrent.pieces()));
        world.send(conn, Side::B, &wire::unchoke());
        for begin in [0, 1_024, 0] {
            world.send(conn, Side::A, &wire::request(0, begin, 1_024));
            world.piece(conn, Side::B, &torrent, 0, begin, 1_024);
        }
    }
    let [with, _, without] = Run::new().capture(world.pcap()).torrent(&torrent).hashed_by_the_judge();
    assert_eq!((with, without), (0, 50));
}
