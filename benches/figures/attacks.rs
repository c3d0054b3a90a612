//! Captures that were made to take memory or time: rows of a byte each, addresses that peers name, descriptions of torrents,
//! connections on one pair of ports, selective acknowledgements of packets that never came.

use std::io;
use std::path::Path;

use sha1::{Digest, Sha1};

use super::captures::{Case, finish, no_info};
use super::content::Noise;
use super::pcap::{ACK, FIN, Pcap, SYN, Way};

/// Of which torrent bytes are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// Of the one that is given.
    Given,
    /// Of another one.
    Other,
}

/// Peers that serve one byte each.
pub fn crumbs(dir: &Path, peers: u32, of: Of) -> io::Result<Case> {
    let capture = dir.join("crumbs.pcap");
    let mut pcap = Pcap::create(&capture)?;
    let hash = match of {
        Of::Given => Sha1::digest(no_info()).into(),
        Of::Other => [7; 20],
    };
    for peer in 0..peers {
        let block = message(7, &[&[0; 4][..], &(peer % 1_000).to_be_bytes(), &[7]].concat());
        pcap.tcp(from(peer), 1_000, 2_000, ACK, &[hello(hash, peer), block].concat())?;
    }
    finish(pcap, dir, capture)
}

/// One connection on which blocks of a byte each come, of every second byte of a piece of 16 MiB of a torrent that is given,
/// in no order.
pub fn dust(dir: &Path, blocks: u32) -> io::Result<Case> {
    let info =
        [&b"d6:lengthi16777216e4:name4:dust12:piece lengthi16777216e6:pieces20:"[..], &[1; 20], b"e"].concat();
    let torrent = dir.join("dust.torrent");
    std::fs::write(&torrent, [&b"d4:info"[..], &info, b"e"].concat())?;
    let capture = dir.join("dust.pcap");
    let mut pcap = Pcap::create(&capture)?;
    let mut place = begin(&mut pcap, Sha1::digest(&info).into())?;
    let stream: Vec<u8> = (0..blocks)
        .flat_map(|n| {
            let begin = n.wrapping_mul(0x9E37_79B1) % (1 << 23) * 2;
            message(7, &[&[0; 4][..], &begin.to_be_bytes(), &[7]].concat())
        })
        .collect();
    for part in stream.chunks(1_448) {
        pcap.tcp(BACK, place, 1_200, ACK, part)?;
        place = place.wrapping_add(part.len() as u32);
    }
    Ok(Case { torrent, ..finish(pcap, dir, capture)? })
}

/// Connections of one pair of hosts on which `spare` pieces are asked for that never come.
pub fn spare(dir: &Path, connections: u32, spare: u32) -> io::Result<Case> {
    let capture = dir.join("spare.pcap");
    let mut pcap = Pcap::create(&capture)?;
    let asked: Vec<u8> = (0..spare)
        .flat_map(|n| message(6, &[&n.to_be_bytes()[..], &[0; 4], &16_384_u32.to_be_bytes()].concat()))
        .collect();
    for number in 0..connections {
        let peer = from(number);
        let back = (peer.2, peer.3, peer.0, peer.1);
        pcap.tcp(peer, 1_000, 2_000, ACK, &hello([7; 20], number))?;
        let hello = hello([7; 20], u32::MAX);
        pcap.tcp(back, 2_000, 1_068, ACK, &hello)?;
        let mut place = 2_000 + hello.len() as u32;
        for part in asked.chunks(1_448) {
            pcap.tcp(back, place, 1_068, ACK, part)?;
            place = place.wrapping_add(part.len() as u32);
        }
    }
    finish(pcap, dir, capture)
}

/// One stream of blocks whose segments of `len` bytes come in groups of `group`, the first of each behind all others.
pub fn shuffled(dir: &Path, bytes: u64, len: usize, group: usize) -> io::Result<Case> {
    let capture = dir.join("shuffled.pcap");
    let mut pcap = Pcap::create(&capture)?;
    let mut place = begin(&mut pcap, [7; 20])?;
    let block = message(7, &[&[0; 8][..], &[7; 16_384]].concat());
    let stream = block.repeat(bytes as usize / block.len());
    for group in stream.chunks(len * group) {
        let segments: Vec<(u32, &[u8])> = group
            .chunks(len)
            .map(|part| {
                let own = place;
                place = place.wrapping_add(part.len() as u32);
                (own, part)
            })
            .collect();
        for (place, part) in segments.iter().skip(1).chain(segments.first()) {
            pcap.tcp(BACK, *place, 1_200, ACK, part)?;
        }
    }
    finish(pcap, dir, capture)
}

/// Parts of descriptions of torrents that hash to nothing: `hashes` of them, of `len` bytes each.
pub fn invented(dir: &Path, hashes: u32, len: usize) -> io::Result<Case> {
    let capture = dir.join("invented.pcap");
    let mut pcap = Pcap::create(&capture)?;
    let part = vec![b'x'; len];
    for number in 0..hashes {
        let mut place = begin(&mut pcap, Sha1::digest(number.to_be_bytes()).into())?;
        let head = format!("\x02d8:msg_typei1e5:piecei0e10:total_sizei{len}ee");
        place = say(&mut pcap, place, &message(20, &[head.as_bytes(), &part].concat()))?;
        pcap.tcp(BACK, place, 1_000, FIN | ACK, &[])?;
    }
    finish(pcap, dir, capture)
}

/// Flows of noise without their beginning, and `secrets` that open none of them.
pub fn locked(dir: &Path, flows: u32, secrets: u32) -> io::Result<Case> {
    let capture = dir.join("locked.pcap");
    let mut pcap = Pcap::create(&capture)?;
    let (mut noise, mut bytes) = (Noise::default(), vec![0; 1_448]);
    for number in 0..flows {
        let to = from(number);
        let back = (to.2, to.3, to.0, to.1);
        noise.fill(&mut bytes);
        pcap.tcp(to, 1_000, 2_000, ACK, &bytes)?;
        noise.fill(&mut bytes);
        pcap.tcp(back, 2_000, 2_448, ACK, &bytes)?;
    }
    let (path, mut lines) = (dir.join("secrets"), String::new());
    for _ in 0..secrets {
        let mut secret = [0; 96];
        noise.fill(&mut secret);
        secret.iter().for_each(|byte| lines.push_str(&format!("{byte:02x}")));
        lines.push('\n');
    }
    std::fs::write(&path, lines)?;
    Ok(Case { secrets: Some(path), ..finish(pcap, dir, capture)? })
}

/// One peer that names `addresses` of others.
pub fn named(dir: &Path, addresses: u32) -> io::Result<Case> {
    let capture = dir.join("named.pcap");
    let mut pcap = Pcap::create(&capture)?;
    let mut place = begin(&mut pcap, [7; 20])?;
    let mut told = 0;
    while told < addresses {
        let list: Vec<u8> =
            (told..told + 200).flat_map(|n| [&n.to_be_bytes()[..], &[0x1a, 0xe1]].concat()).collect();
        told += 200;
        let message = message(20, &[&b"\x01d5:added1200:"[..], &list, b"e"].concat());
        place = say(&mut pcap, place, &message)?;
    }
    finish(pcap, dir, capture)
}

/// Descriptions of torrents, of `len` bytes each, until `bytes` are there: of many pieces, or of many files.
pub fn described(dir: &Path, bytes: u64, len: usize, files: bool) -> io::Result<Case> {
    let capture = dir.join("described.pcap");
    let mut pcap = Pcap::create(&capture)?;
    for number in 0..bytes / len as u64 {
        let info = if files {
            let file = b"d6:lengthi1e4:pathl1:aee";
            let list = file.repeat(len / file.len());
            let begin = format!("d5:filesl{}", String::from_utf8_lossy(&list));
            let pieces = vec![number as u8; 20 * (len / file.len()).div_ceil(1 << 20)];
            let end = format!("e4:name8:{number:08}12:piece lengthi1048576e6:pieces{}:", pieces.len());
            [begin.as_bytes(), end.as_bytes(), &pieces, b"e"].concat()
        } else {
            let pieces = vec![number as u8; len / 20 * 20];
            let size = pieces.len() / 20 * 65_536;
            let begin =
                format!("d6:lengthi{size}e4:name8:{number:08}12:piece lengthi65536e6:pieces{}:", pieces.len());
            [begin.as_bytes(), &pieces, b"e"].concat()
        };
        let mut place = begin(&mut pcap, Sha1::digest(&info).into())?;
        for (piece, part) in info.chunks(16_384).enumerate() {
            let head = format!("\x02d8:msg_typei1e5:piecei{piece}e10:total_sizei{}ee", info.len());
            place = say(&mut pcap, place, &message(20, &[head.as_bytes(), part].concat()))?;
        }
        pcap.tcp(BACK, place, 1_000, FIN | ACK, &[])?;
    }
    finish(pcap, dir, capture)
}

/// Connections on one pair of ports, each closed before the next.
pub fn one_pair(dir: &Path, connections: u32) -> io::Result<Case> {
    let capture = dir.join("pair.pcap");
    let mut pcap = Pcap::create(&capture)?;
    for number in 0..connections {
        let (own, other) = (number.wrapping_mul(0x9E37_79B1), number.wrapping_mul(0x85EB_CA6B));
        let hello = hello([7; 20], number);
        let len = hello.len() as u32;
        pcap.tcp(THERE, own, 0, SYN, &[])?;
        pcap.tcp(BACK, other, own.wrapping_add(1), SYN | ACK, &[])?;
        pcap.tcp(THERE, own.wrapping_add(1), other.wrapping_add(1), ACK, &hello)?;
        pcap.tcp(BACK, other.wrapping_add(1), own.wrapping_add(1 + len), ACK, &hello)?;
        let (sent, told) = (own.wrapping_add(1 + len), other.wrapping_add(1 + len));
        pcap.tcp(THERE, sent, told, FIN | ACK, &[])?;
        pcap.tcp(BACK, told, sent.wrapping_add(1), FIN | ACK, &[])?;
        pcap.tcp(THERE, sent.wrapping_add(1), told.wrapping_add(1), ACK, &[])?;
    }
    finish(pcap, dir, capture)
}

/// uTP packets that acknowledge 2,016 others each, of which none came.
pub fn acknowledged(dir: &Path, packets: u32) -> io::Result<Case> {
    let capture = dir.join("acknowledged.pcap");
    let mut pcap = Pcap::create(&capture)?;
    pcap.udp(THERE, &utp(4, 500, 1, 0, None))?;
    pcap.udp(BACK, &utp(2, 500, 100, 1, None))?;
    let hello = hello([7; 20], 1);
    pcap.udp(THERE, &[utp(0, 501, 2, 99, None), hello.clone()].concat())?;
    pcap.udp(BACK, &[utp(0, 500, 100, 2, None), hello].concat())?;
    for number in 0..packets {
        let mask = [number as u8 | 1, 0x55 << (number % 2)].repeat(126);
        pcap.udp(THERE, &utp(2, 501, 3, 100, Some(&mask)))?;
    }
    finish(pcap, dir, capture)
}

/// Handshakes for as many torrents.
pub fn torrents(dir: &Path, torrents: u32) -> io::Result<Case> {
    let capture = dir.join("torrents.pcap");
    let mut pcap = Pcap::create(&capture)?;
    for number in 0..torrents {
        let hash = Sha1::digest(number.to_be_bytes()).into();
        pcap.tcp(from(number), 1_000, 2_000, ACK, &hello(hash, number))?;
    }
    finish(pcap, dir, capture)
}

/// A connection that knows `ut_pex` as 1 and `ut_metadata` as 2; where it goes on.
fn begin(pcap: &mut Pcap, hash: [u8; 20]) -> io::Result<u32> {
    pcap.tcp(THERE, 999, 0, SYN, &[])?;
    pcap.tcp(BACK, 1_999, 1_000, SYN | ACK, &[])?;
    let known = message(20, b"\0d1:md11:ut_metadatai2e6:ut_pexi1eee");
    let own = [hello(hash, 1), known.clone()].concat();
    pcap.tcp(THERE, 1_000, 2_000, ACK, &own)?;
    say(pcap, 2_000, &[hello(hash, 2), known].concat())
}

/// The server says something; where it goes on.
fn say(pcap: &mut Pcap, mut place: u32, bytes: &[u8]) -> io::Result<u32> {
    for part in bytes.chunks(1_448) {
        pcap.tcp(BACK, place, 1_200, ACK, part)?;
        place = place.wrapping_add(part.len() as u32);
    }
    Ok(place)
}

fn hello(hash: [u8; 20], id: u32) -> Vec<u8> {
    let id = format!("-XX0001-{id:012}");
    [b"\x13BitTorrent protocol\0\0\0\0\0\x10\0\0", &hash[..], id.as_bytes()].concat()
}

fn message(id: u8, body: &[u8]) -> Vec<u8> {
    [&(1 + body.len() as u32).to_be_bytes()[..], &[id], body].concat()
}

fn utp(kind: u8, connection: u16, number: u16, ack: u16, mask: Option<&[u8]>) -> Vec<u8> {
    let mut packet = vec![kind << 4 | 1, u8::from(mask.is_some())];
    packet.extend_from_slice(&connection.to_be_bytes());
    packet.extend_from_slice(&[0, 0, 0, 1, 0, 0, 0, 9, 0, 16, 0, 0]);
    packet.extend_from_slice(&number.to_be_bytes());
    packet.extend_from_slice(&ack.to_be_bytes());
    if let Some(mask) = mask {
        packet.extend_from_slice(&[0, mask.len() as u8]);
        packet.extend_from_slice(mask);
    }
    packet
}

fn from(peer: u32) -> Way {
    let [_, a, b, c] = peer.to_be_bytes();
    ([20, a, b, c], 6_881, [192, 0, 2, 1], 40_000)
}

const THERE: Way = ([10, 0, 0, 1], 40_000, [192, 0, 2, 1], 6_881);
const BACK: Way = ([192, 0, 2, 1], 6_881, [10, 0, 0, 1], 40_000);
