//! Small swarms with fixed seeds: honest and bad blocks, whole and in part, several times, over TCP, uTP and HTTP; with and
//! without openings and handshakes, damaged in all ways that captures are.

use std::net::SocketAddr;
use std::sync::LazyLock;

use peerproof::{CaptureSet, Options, Torrents};

use crate::synth::capture::{LINK_ETHERNET, Order, Ticks, pcap};
use crate::synth::content::{Random, Recipe, Torrent, Version};
use crate::synth::log::decides_nothing;
use crate::synth::swarm::{Conn, Side, World};
use crate::synth::utp::UtpConn;
use crate::synth::wire;

/// One of each kind, and one that shares a file's bytes with another.
static TORRENTS: LazyLock<Vec<Torrent>> = LazyLock::new(|| {
    let shared = Random::new(99).bytes(3 * 16_384);
    vec![
        Recipe::single("one.bin", 4_096, 5 * 4_096 + 1_500, 1).v1(),
        Recipe::folder("two", 32_768, 2).file("a", 40_000).pad(25_536).file("b", 50_000).v1(),
        Recipe::folder("three", 32_768, 3).file("a", 70_000).file("b", 20_000).v2(),
        Recipe::folder("four", 32_768, 4).file("a", 60_000).file("b", 40_000).hybrid(),
        Recipe::folder("five", 16_384, 5).file_of("x", shared.clone()).file("y", 30_000).v1(),
        Recipe::folder("six", 16_384, 6).file_of("x", shared).file("z", 30_000).v1(),
    ]
});

enum Link {
    Tcp(Conn),
    Utp(UtpConn),
}

struct Player {
    random: Random,
    world: World,
    links: Vec<(Link, usize)>,
    webs: u16,
}

impl Player {
    fn below(&mut self, bound: usize) -> usize {
        self.random.below(bound as u64) as usize
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn open(&mut self) {
        let torrent = self.below(TORRENTS.len());
        let number = self.links.len();
        let (a, b) = (self.below(3), self.below(3));
        let b = if a == b { (b + 1) % 3 } else { b };
        // Two connections at once on one pair of sockets: no host does that.
        let ends = [address(a, 50_000 + number as u16), address(b, 6_881)];
        let with_handshakes = self.chance(75);
        let ids = [0, 1].map(|end| wire::peer_id("-XX0001-", (number * 2 + end) as u32 % 5));
        let shakes = ids.map(|id| wire::handshake(TORRENTS[torrent].info_hash, id));
        let link = if self.chance(60) {
            let conn = self.world.conn(ends[0], ends[1]);
            if self.chance(85) {
                self.world.open(conn);
            }
            Link::Tcp(conn)
        } else {
            let id = 100 + number as u16 * 7;
            Link::Utp(UtpConn::open(&mut self.world, ends[0], ends[1], id, [id, 60_000]))
        };
        self.links.push((link, torrent));
        if with_handshakes {
            let one_side = self.chance(10);
            self.send(number, 0, &shakes[0]);
            if !one_side {
                self.send(number, 1, &shakes[1]);
            }
            if self.chance(20) {
                let port = 6_881 + self.below(2) as u16;
                self.send(number, 0, &wire::extended_hello(&[("ut_pex", 1)], ""));
                self.send(number, 0, &wire::extended_handshake(Some(port), "Synth"));
            }
        }
        for end in 0..2 {
            if self.chance(60) {
                let pieces = TORRENTS[torrent].pieces();
                self.send(number, end, &wire::bitfield_full(pieces));
                self.send(number, end, &wire::unchoke());
            }
        }
    }

    fn send(&mut self, link: usize, end: usize, bytes: &[u8]) {
        let side = if end == 0 { Side::A } else { Side::B };
        match &mut self.links[link].0 {
            Link::Tcp(conn) => self.world.send(*conn, side, bytes),
            Link::Utp(utp) => utp.send(&mut self.world, end, bytes),
        }
    }

    fn step(&mut self) {
        let link = self.below(self.links.len());
        let end = usize::from(self.chance(75));
        let torrent = &TORRENTS[self.links[link].1];
        let piece = self.below(torrent.pieces() as usize) as u32;
        let size = if torrent.piece_length < 16_384 { 1_024 } else { 16_384 };
        match self.below(10) {
            0..6 => {
                let (bad, asked, both) = (self.chance(15), self.chance(80), self.chance(90));
                let blocks = torrent.blocks_of(piece, size);
                let spoilt = self.below(blocks.len());
                for (number, (begin, len)) in blocks.into_iter().enumerate() {
                    if !both && number % 2 == 0 {
                        continue;
                    }
                    let is_bad = bad && number == spoilt;
                    self.block(link, end, (piece, begin, len), asked, is_bad);
                }
            }
            6 => {
                let blocks = torrent.blocks_of(piece, size);
                let (begin, len) = blocks[self.below(blocks.len())];
                let (asked, bad) = (self.chance(60), self.chance(30));
                let cut = if self.chance(30) { 1 + self.below(len as usize) as u32 } else { len };
                self.block(link, end, (piece, begin, cut), asked, bad);
            }
            7 => self.again(link, end),
            8 => self.web(),
            _ => {
                if torrent.version != Version::V1 && self.chance(50) {
                    for file in (0..torrent.files.len()).filter(|file| !torrent.files[*file].pad) {
                        let message = wire::hashes(torrent.root(file), 0, 0, &torrent.layer(file, 0), &[]);
                        self.send(link, end, &message);
                    }
                } else {
                    self.world.pass(1_000_000_000 * (1 + self.random.below(9_000) as i64));
                }
            }
        }
    }

    fn block(&mut self, link: usize, end: usize, (piece, begin, len): (u32, u32, u32), asked: bool, bad: bool) {
        let torrent = &TORRENTS[self.links[link].1];
        if asked {
            self.send(link, 1 - end, &wire::request(piece, begin, len));
        }
        let mut bytes = torrent.block(piece, begin, len).to_vec();
        if bad {
            let middle = self.below(bytes.len());
            // Padding that is not zero speaks against a torrent, and then it matters what came before.
            if bytes[middle] != 0 {
                bytes[middle] ^= 0x40;
            }
        }
        self.send(link, end, &wire::piece(piece, begin, &bytes));
    }

    /// A part of what was sent comes once more, perhaps with other bytes.
    fn again(&mut self, link: usize, end: usize) {
        let Link::Tcp(conn) = self.links[link].0 else { return };
        let side = if end == 0 { Side::A } else { Side::B };
        let sent: Vec<usize> =
            (0..self.world.packets.len()).filter(|at| self.world.packets[*at].is_data(conn, side)).collect();
        if sent.is_empty() {
            return;
        }
        let at = sent[self.below(sent.len())];
        let packet = self.world.packets[at].clone();
        let mut bytes = packet.payload().to_vec();
        if self.chance(50) {
            let at = self.below(bytes.len());
            bytes[at] ^= 1;
        }
        self.world.retransmit(conn, side, packet.offset().unwrap_or(0), &bytes);
    }

    /// One request to a web server, and its answer.
    fn web(&mut self) {
        let torrent = &TORRENTS[self.below(2)];
        let files: Vec<usize> = (0..torrent.files.len()).filter(|file| !torrent.files[*file].pad).collect();
        let file = &torrent.files[files[self.below(files.len())]];
        let folder = if torrent.files.len() == 1 { String::new() } else { "/two".to_owned() };
        let from = self.below(file.bytes.len());
        let to = (from + 1 + self.below(40_000)).min(file.bytes.len());
        self.webs += 1;
        let conn = self.world.conn(address(self.webs as usize % 3, 40_000 + self.webs), address(5, 80));
        self.world.open(conn);
        let range = format!("Range: bytes={from}-{}", to - 1);
        let request = format!("GET {folder}/{} HTTP/1.1\r\nHost: seed.example\r\n{range}\r\n\r\n", file.name);
        self.world.send(conn, Side::A, request.as_bytes());
        let mut body = file.bytes[from..to].to_vec();
        if self.chance(25) {
            let at = self.below(body.len());
            body[at] ^= 0x20;
        }
        let head = format!(
            "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {from}-{}/{}\r\nContent-Length: {}\r\n\r\n",
            to - 1,
            file.bytes.len(),
            body.len()
        );
        self.world.send(conn, Side::B, &[head.as_bytes(), &body].concat());
    }

    fn damage(&mut self) {
        let count = self.world.packets.len();
        let at = self.below(count);
        match self.below(8) {
            0..3 => drop(self.world.packets.remove(at)),
            3 => {
                let packet = self.world.packets[at].clone();
                self.world.packets.insert(at + 1, packet);
            }
            4 => self.world.swap(|index| index == at),
            5 => self.world.packets[at].snaplen = 60 + at % 600,
            6 => {
                let to = (at + 1 + self.below(12)).min(count - 1);
                self.world.shift(at, to);
            }
            _ => drop(self.world.packets.drain(..at / 8)),
        }
    }
}

fn address(host: usize, port: u16) -> SocketAddr {
    SocketAddr::from(([93, 184, 16, host as u8 + 1], port))
}

/// The swarm of a seed.
fn swarm(seed: u64) -> [u64; 3] {
    let mut random = Random::new(seed);
    let mss = 300 + random.below(1_200) as usize;
    let mut player = Player { random, world: World::new().segments_of(mss), links: Vec::new(), webs: 0 };
    (0..1 + player.below(4)).for_each(|_| player.open());
    (0..4 + player.below(20)).for_each(|_| player.step());
    if player.chance(60) {
        (0..1 + player.below(6)).for_each(|_| player.damage());
    }
    let mut torrents = Vec::new();
    for (index, torrent) in TORRENTS.iter().enumerate() {
        if player.chance(85) {
            torrents.push((format!("{index}.torrent"), torrent.metainfo.clone()));
        }
    }
    let torrents = Torrents::from_bytes(torrents).expect("torrents of the generator");
    let bytes = pcap(&player.world.records(), LINK_ETHERNET, Order::Little, Ticks::Nanos);
    let captures = CaptureSet::from_bytes(vec![("0.pcap".to_owned(), bytes)]).expect("a capture of the generator");
    let options = Options { threads: 1, digest: false, ..Options::default() };
    decides_nothing(&captures, &torrents, &options, &format!("seed {seed}"))
}

#[test]
fn what_was_hashed_while_random_swarms_were_read_decides_nothing() {
    let seeds = std::env::var("PEERPROOF_SWARMS").ok().and_then(|count| count.parse().ok()).unwrap_or(SWARMS);
    let hashed: u64 = (1..=seeds).map(|seed| swarm(seed)[2]).sum();
    assert!(hashed > 2 * seeds, "hardly a unit was ever complete: {hashed}");
}

// Rationale: some five seconds in a build for tests; `PEERPROOF_SWARMS` asks for more.
const SWARMS: u64 = 300;
