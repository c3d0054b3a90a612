//! Two contents with one SHA-1: T23, with the published collision of 2017 (Stevens et al., shattered.io).

use peerproof::anomaly::Kind;
use peerproof::ends::Transport;
use peerproof::evidence::{Bytes, Grade};
use peerproof::oddity::{Oddity, Unit};
use sha1::{Digest, Sha1};
use sha2::Sha256;

use super::*;
use crate::synth::run::{analyze, transfer};
use crate::synth::utp::UtpConn;

#[test]
fn t23_two_contents_with_one_sha1_are_both_shown() {
    let tail = Recipe::single("tail", SMALL, SMALL as usize - 320, 23).v1().content;
    let [one, two] = [FIRST, SECOND].map(|end| [hex(PREFIX), hex(end), tail.clone()].concat());
    assert!(one != two && Sha1::digest(&one) == Sha1::digest(&two));
    let torrent = Recipe::folder("f", SMALL, 23).file_of("a", one.clone()).file("b", 20_000).v1();
    let mut world = World::new();
    for (seeder, bytes) in [(S, &one), (S2, &two)] {
        let conn = join(&mut world, &torrent, M, seeder);
        world.send(conn, Side::A, &wire::request(0, 0, SMALL));
        world.deliver(conn, Side::B, 0, 0, bytes, true);
    }
    let evidence = analyze(&world, &torrent);
    let tally = evidence.anomalies.tally(Kind::Sha1Collision).expect("the collision is reported");
    assert_eq!(tally.count, 1);
    let sha256 = Box::new([&one, &two].map(|bytes| Sha256::digest(bytes).into()));
    assert_eq!(tally.examples[0].oddity, Oddity::Collision { unit: Unit { piece: 0, leaf: None }, sha256 });
    for seeder in [S, S2] {
        assert_eq!(transfer(&evidence, seeder, M).bytes.refuted, 0);
    }
}

#[test]
fn t23_one_sender_of_both_contents_is_credited_with_both_and_the_rest_is_repeated() {
    let tail = Recipe::single("tail", SMALL, SMALL as usize - 320, 23).v1().content;
    let [one, two] = [FIRST, SECOND].map(|end| [hex(PREFIX), hex(end), tail.clone()].concat());
    let torrent = Recipe::folder("f", SMALL, 23).file_of("a", one.clone()).file("b", 20_000).v1();
    let (small, all) = (u64::from(SMALL), 4 * u64::from(SMALL));
    let truth = Bytes { verified: 2 * small, sole: 2 * small, repeated: 2 * small, ..clean(all) };
    for transport in [Transport::Tcp, Transport::Utp] {
        let mut world = World::new();
        let contents = [&one, &two, &one, &two];
        match transport {
            Transport::Utp => {
                let mut conn = UtpConn::open(&mut world, address(M), address(S), 4_711, [1, 500]);
                conn.join(&mut world, &torrent, [id(1), id(2)]);
                for bytes in contents {
                    conn.send(&mut world, 0, &wire::request(0, 0, SMALL));
                    conn.deliver(&mut world, 1, 0, 0, bytes, true);
                }
            }
            _ => {
                let conn = join(&mut world, &torrent, M, S);
                for bytes in contents {
                    world.send(conn, Side::A, &wire::request(0, 0, SMALL));
                    world.deliver(conn, Side::B, 0, 0, bytes, true);
                }
            }
        }
        let evidence = analyze(&world, &torrent);
        let seeder = transfer(&evidence, S, M);
        assert_eq!(seeder.bytes, truth);
        assert_eq!(
            (seeder.pieces_verified, seeder.pieces_sole, seeder.grade),
            (1, 1, Grade::G9),
            "all of the file a"
        );
        assert!(seeder.files.iter().all(|file| file.verified_bytes <= small), "{:?}", seeder.files);
        assert_eq!(evidence.anomalies.tally(Kind::Sha1Collision).map(|tally| tally.count), Some(1));
    }
}

fn hex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).expect("ASCII"));
    digits.map(|pair| u8::from_str_radix(pair, 16).expect("hex")).collect()
}

const PREFIX: &str = "255044462d312e330a25e2e3cfd30a0a0a312030206f626a0a3c3c2f5769647468203220\
    3020522f4865696768742033203020522f547970652034203020522f537562747970652035203020522f46696c74657220\
    36203020522f436f6c6f7253706163652037203020522f4c656e6774682038203020522f42697473506572436f6d706f6e\
    656e7420383e3e0a73747265616d0affd8fffe00245348412d3120697320646561642121212121852fec092339759c39b1\
    a1c63c4c97e1fffe01";
const FIRST: &str = "7f46dc93a6b67e013b029aaa1db2560b45ca67d688c7f84b8c4c791fe02b3df614f86db1690901c5\
    6b45c1530afedfb76038e972722fe7ad728f0e4904e046c230570fe9d41398abe12ef5bc942be33542a4802d98b5d70f2a\
    332ec37fac3514e74ddc0f2cc1a874cd0c78305a21566461309789606bd0bf3f98cda8044629a1";
const SECOND: &str = "7346dc9166b67e118f029ab621b2560ff9ca67cca8c7f85ba84c79030c2b3de218f86db3a90901d\
    5df45c14f26fedfb3dc38e96ac22fe7bd728f0e45bce046d23c570feb141398bb552ef5a0a82be331fea48037b8b5d71f0\
    e332edf93ac3500eb4ddc0decc1a864790c782c76215660dd309791d06bd0af3f98cda4bc4629b1";
