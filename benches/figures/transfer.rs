//! One long transfer of noise from a seeder to a leecher, in every dialect.

use std::io;
use std::path::Path;

use rc4::{KeyInit, Rc4, StreamCipher};
use sha1::{Digest, Sha1};

use super::captures::Case;
use super::content::{Noise, Torrent, Version};
use super::flow::{BLOCK, Flow, Link, SEGMENT, UTP_SEGMENT};
use super::pcap::Pcap;

/// Protocols of the peers.
#[derive(Clone, Copy, Debug)]
pub struct Dialect {
    pub link: Link,
    pub version: Version,
    /// Set for a transfer inside RC4 (MSE), with the secret given.
    pub encrypted: bool,
    /// Bytes of the seeder's stream in a packet.
    pub segment: usize,
}

impl Dialect {
    pub const TCP: Self = Self { link: Link::Tcp, version: Version::V1, encrypted: false, segment: SEGMENT };
    pub const UTP: Self = Self { link: Link::Utp, segment: UTP_SEGMENT, ..Self::TCP };
    pub const V2: Self = Self { version: Version::V2, ..Self::TCP };
    pub const RC4: Self = Self { encrypted: true, ..Self::TCP };
}

/// Handshakes, bitfield, 64 requests ahead, blocks of 16 KiB, an acknowledgement for every second packet. `piece` divides
/// `payload`, and is a multiple of 16 KiB.
pub fn transfer(dir: &Path, name: &str, payload: u64, piece: u64, dialect: Dialect) -> io::Result<Case> {
    let pieces = payload / piece;
    let torrent = Torrent::make(dir, name, payload, piece, dialect.version)?;
    let hello = |id: &[u8; 20]| [b"\x13BitTorrent protocol\0\0\0\0\0\0\0\0", &torrent.info_hash[..], id].concat();
    let capture = dir.join(format!("{name}.pcap"));
    let mut flow = Flow::new(Pcap::create(&capture)?, dialect.link, dialect.segment);
    flow.open()?;
    let mut secrets = None;
    if dialect.encrypted {
        encrypt(&mut flow, &torrent.info_hash)?;
        let path = dir.join(format!("{name}.secrets"));
        std::fs::write(&path, SECRET.map(|byte| format!("{byte:02x}")).concat())?;
        secrets = Some(path);
    }
    flow.ask(&hello(b"-XX0001-leechleech00"))?;
    flow.send(&hello(b"-XX0001-seedseedsee0"))?;
    flow.send(&[&(pieces.div_ceil(8) as u32 + 1).to_be_bytes()[..], &[5]].concat())?;
    let mut bits = vec![0xFF; pieces.div_ceil(8) as usize];
    if !pieces.is_multiple_of(8) {
        *bits.last_mut().expect("there are pieces") = 0xFF << (8 - pieces % 8);
    }
    flow.send(&bits)?;
    flow.flush()?;
    flow.ask(&[0, 0, 0, 1, 2])?;
    flow.send(&[0, 0, 0, 1, 1])?;
    flow.flush()?;

    let blocks = payload / BLOCK;
    let request = |block: u64| {
        let (index, begin) = ((block * BLOCK / piece) as u32, (block * BLOCK % piece) as u32);
        [&[0, 0, 0, 13, 6][..], &index.to_be_bytes(), &begin.to_be_bytes(), &(BLOCK as u32).to_be_bytes()].concat()
    };
    for block in 0..blocks.min(AHEAD) {
        flow.ask(&request(block))?;
    }
    let (mut noise, mut bytes) = (Noise::default(), [0; BLOCK as usize]);
    for block in 0..blocks {
        noise.fill(&mut bytes);
        let place = block * BLOCK;
        let (index, begin) = ((place / piece) as u32, (place % piece) as u32);
        flow.send(
            &[&(BLOCK as u32 + 9).to_be_bytes()[..], &[7], &index.to_be_bytes(), &begin.to_be_bytes()].concat(),
        )?;
        flow.send(&bytes)?;
        if block + AHEAD < blocks {
            flow.ask(&request(block + AHEAD))?;
        }
    }
    flow.flush()?;
    flow.close()?;
    let (frames, bytes) = flow.finish()?;
    Ok(Case { capture, torrent: torrent.file, secrets, payload, piece, frames, bytes })
}

/// The handshake of Message Stream Encryption without padding; both public keys are any numbers, as the secret is given.
fn encrypt(flow: &mut Flow, skey: &[u8; 20]) -> io::Result<()> {
    let cipher = |label: &[u8]| {
        let mut cipher = Rc4::new_from_slice(&sha1(&[label, &SECRET, skey])).expect("RC4 takes such a key");
        cipher.apply_keystream(&mut [0; 1_024]);
        cipher
    };
    let (mut leecher, mut seeder) = (cipher(b"keyA"), cipher(b"keyB"));
    let mut key = [0; 96];
    let mut noise = Noise::default();
    noise.fill(&mut key);
    flow.ask(&key)?;
    noise.fill(&mut key);
    flow.send(&key)?;
    flow.flush()?;
    // The verification constant, crypto_provide, no PadC, no IA.
    let mut offer = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0];
    leecher.apply_keystream(&mut offer);
    let named = sha1(&[b"req2", skey]).into_iter().zip(sha1(&[b"req3", &SECRET])).map(|(one, other)| one ^ other);
    flow.ask(&[&sha1(&[b"req1", &SECRET])[..], &named.collect::<Vec<_>>(), &offer].concat())?;
    // The verification constant, crypto_select, no PadD.
    let mut answer = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0];
    seeder.apply_keystream(&mut answer);
    flow.send(&answer)?;
    flow.flush()?;
    flow.seal([leecher, seeder]);
    Ok(())
}

fn sha1(parts: &[&[u8]]) -> [u8; 20] {
    Sha1::digest(parts.concat()).into()
}

/// Requests that are always open.
const AHEAD: u64 = 64;
const SECRET: [u8; 96] = [0x5A; 96];
