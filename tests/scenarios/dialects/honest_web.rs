//! An honest webseed beside another resource of the same name, captured badly: nobody is accused.

use super::*;
use crate::synth::content::Random;

const CLIENT: &str = "81.2.69.10:50001";
const SERVER: &str = "93.184.16.80:80";

struct Site<'a> {
    torrent: &'a Torrent,
    /// Another build under the same name, with a beginning in common.
    build: Vec<u8>,
}

impl Site<'_> {
    /// A request and its answer: of the torrent, of the other build, or of something else.
    fn exchange(&self, random: &mut Random) -> (Vec<u8>, Vec<u8>) {
        let total = self.torrent.content.len();
        let other = random.below(4) == 0;
        let (place, content) = if other { ("nightly", &self.build) } else { ("pub", &self.torrent.content) };
        let mut ranges: Vec<(usize, usize)> = (0..1 + random.below(3))
            .map(|_| {
                let first = random.below(total as u64) as usize;
                (first, (first + 1 + random.below(60_000) as usize).min(total) - 1)
            })
            .collect();
        let get = |fields: &str| format!("GET /{place}/web.bin HTTP/1.1\r\nHost: h\r\n{fields}\r\n").into_bytes();
        let asked = |ranges: &[(usize, usize)]| {
            ranges.iter().map(|(a, b)| format!("{a}-{b}")).collect::<Vec<_>>().join(",")
        };
        match random.below(6) {
            0 => {
                let mut answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
                for chunk in content.chunks(1_000 + random.below(20_000) as usize) {
                    answer.extend([format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat());
                }
                answer.extend_from_slice(b"0\r\n\r\n");
                (get(""), answer)
            }
            1 => {
                let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {total}\r\n\r\n");
                (get(""), [head.as_bytes(), content].concat())
            }
            2 => {
                let words = b"<html>HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nnot here</html>";
                let head = format!("HTTP/1.1 404 Not Found\r\nContent-Length: {}\r\n\r\n", words.len());
                (b"GET /no HTTP/1.1\r\nHost: h\r\n\r\n".to_vec(), [head.as_bytes(), words].concat())
            }
            3 => {
                let mut body = Vec::new();
                for (first, last) in &ranges {
                    let head = format!("\r\n--B\r\nContent-Range: bytes {first}-{last}/{total}\r\n\r\n");
                    body.extend([head.as_bytes(), &content[*first..=*last]].concat());
                }
                body.extend_from_slice(b"\r\n--B--\r\n");
                let head = format!(
                    "HTTP/1.1 206 Partial Content\r\nContent-Type: multipart/byteranges; boundary=B\r\n\
                     Content-Length: {}\r\n\r\n",
                    body.len()
                );
                (get(&format!("Range: bytes={}\r\n", asked(&ranges))), [head.as_bytes(), &body].concat())
            }
            _ => {
                ranges.truncate(1);
                let (first, last) = ranges[0];
                let head = format!(
                    "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {first}-{last}/{total}\r\n\
                     Content-Length: {}\r\n\r\n",
                    last + 1 - first
                );
                (
                    get(&format!("Range: bytes={}\r\n", asked(&ranges))),
                    [head.as_bytes(), &content[first..=last]].concat(),
                )
            }
        }
    }
}

fn troubled(seed: u64) -> (Torrent, World) {
    let mut random = Random::new(seed);
    let mut torrent = Recipe::single("web.bin", SMALL, 6 * SMALL as usize + 777, 93).v1();
    torrent.metainfo.pop();
    torrent.metainfo.extend_from_slice(b"8:url-list13:http://h/pub/e");
    let mut build = torrent.content.clone();
    build[random.below(3) as usize * SMALL as usize..].iter_mut().for_each(|byte| *byte ^= 0x11);
    let site = Site { torrent: &torrent, build };
    // Of a stretch that came twice, no copy gets lost: what only a forger sent looks like what the server did.
    let forged = random.below(2) == 0;
    let mut world = World::new();
    let conn = world.conn(address(CLIENT), address(SERVER));
    world.open(conn);
    for _ in 0..2 + random.below(4) {
        let burst: Vec<_> = (0..1 + random.below(3)).map(|_| site.exchange(&mut random)).collect();
        burst.iter().for_each(|(request, _)| world.send(conn, Side::A, request));
        for (_, answer) in &burst {
            let at = world.sent(conn, Side::B);
            world.send(conn, Side::B, answer);
            if forged && random.below(6) == 0 {
                // A stretch comes again with other bytes, from a middlebox.
                let from = random.below(answer.len() as u64 - 1) as usize;
                let to = (from + 1 + random.below(900) as usize).min(answer.len());
                let bytes: Vec<u8> = answer[from..to].iter().map(|byte| byte ^ 0x20).collect();
                world.retransmit(conn, Side::B, at + from as u64, &bytes);
                // Which of the two the tap saw first is chance.
                if random.below(2) == 0 {
                    let last = world.packets.len() - 1;
                    world.shift(last, last.saturating_sub(answer.len() / 700 + 2));
                }
            }
        }
    }
    if !forged && random.below(3) == 0 {
        world.packets.drain(..random.below(world.packets.len() as u64 / 2) as usize);
    }
    let mut index = 0;
    while index + 1 < world.packets.len() {
        match random.below(120) {
            0 if !forged => _ = world.packets.remove(index),
            1 => world.packets.insert(index, world.packets[index].clone()),
            2 => {
                let to = (index + 1 + random.below(6) as usize).min(world.packets.len() - 1);
                world.shift(index, to);
            }
            _ => {}
        }
        index += 1;
    }
    // The snap length cuts whatever came, the copies of a stretch too; of every second capture.
    let mut cuts = Random::new(seed ^ 0xc07);
    let odds = if seed.is_multiple_of(2) { 20 } else { u64::MAX };
    for packet in &mut world.packets {
        if cuts.below(odds) == 0 {
            packet.snaplen = 60 + cuts.below(900) as usize;
        }
    }
    (torrent, world)
}

#[test]
fn an_honest_webseed_in_any_trouble_is_not_accused() {
    let seeds: u64 = std::env::var("PEERPROOF_WEB_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(60);
    let mut verified = 0;
    for seed in 0..seeds {
        let (torrent, world) = troubled(seed);
        let evidence = Run::new().capture(world.pcap()).torrent(&torrent).once(1, 64 << 20).expect("it can go on");
        for transfer in &evidence.transfers {
            let accused = transfer.bytes.refuted + transfer.bytes.disputed;
            assert_eq!(accused, 0, "seed {seed}: {transfer:#?}");
            verified += transfer.bytes.verified;
        }
    }
    assert!(verified > 0);
}
