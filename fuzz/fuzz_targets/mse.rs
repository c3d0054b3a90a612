//! Message Stream Encryption: true handshakes under known secrets, cut and damaged at will, and any bytes.
//!
//! Script: mode; paddings, IA, selection (true handshakes); then cuts, or the items of `shared::items`.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use peerproof::Secrets;
use peerproof::ends::Direction;
use peerproof::stages::mse::{Candidates, MseFilter, MseOutcome, Pool};
use peerproof::stages::stream::{EndReason, GapCause, Missing, StreamItem};
use rc4::{KeyInit, Rc4, StreamCipher};
use sha1::{Digest, Sha1};
use shared::{Arena, Cursor, at, check_items, direction, items};

fuzz_target!(|data: &[u8]| {
    let mut input = Cursor(data);
    let mode = input.u8();
    if mode & 7 == 7 {
        let _ = Secrets::parse("input", input.0);
        return;
    }
    let secrets = if mode & 8 == 0 { &*SECRETS } else { &*NONE };
    let initiator = (mode & 16 == 0).then_some(Direction::LowToHigh);
    let made = if mode & 1 == 0 { Some(handshake(&mut input)) } else { None };
    let items = match &made {
        Some((wires, _)) => cut(wires, &mut input),
        None => items(&mut input),
    };
    let arena = Arena::new(4_096);
    let candidates = Candidates::new(secrets, vec![SKEY, [1; 20]]);
    let mut filter = MseFilter::new(initiator, &Pool::default());
    let mut out = Vec::new();
    for (way, item) in &items {
        if filter.push(*way, item, &candidates, &&arena, &mut out).is_err() {
            return;
        }
    }
    if filter.close(&candidates, &&arena, &mut out).is_err() {
        return;
    }
    if matches!(filter.outcome(), MseOutcome::NotMse) {
        out.extend(filter.take_held());
        assert_eq!(out, items, "what is no MSE passes unchanged");
    }
    assert!(!matches!(filter.outcome(), MseOutcome::Undecided));
    let gaps = items.iter().any(|(_, item)| matches!(item, StreamItem::Gap { .. }));
    // Below the number of items at which a decision is forced.
    let decidable = mode & 8 == 0 && initiator.is_some() && !gaps && items.len() < 1_000;
    if let Some((_, Some(clear))) = made.as_ref().filter(|_| decidable) {
        let read = matches!(filter.outcome(), MseOutcome::Rc4 { secret: 0 } | MseOutcome::Plaintext);
        assert!(read, "a whole handshake with its secret is {:?}", filter.outcome());
        for way in [Direction::LowToHigh, Direction::HighToLow] {
            let data = out.iter().filter(|(one, _)| *one == way).filter_map(|(_, item)| match item {
                StreamItem::Data { bytes, .. } => Some(*bytes),
                _ => None,
            });
            assert_eq!(&data.flatten().copied().collect::<Vec<_>>(), clear, "decrypted to something else");
        }
    }
    let captured = |way: Direction| {
        let bytes = items.iter().filter(|(one, _)| *one == way).map(|(_, item)| match item {
            StreamItem::Data { bytes, .. } => bytes.len() as u64,
            _ => 0,
        });
        bytes.sum::<u64>()
    };
    for way in [Direction::LowToHigh, Direction::HighToLow] {
        check_items(out.iter().filter(|(one, _)| *one == way).map(|(_, item)| *item), false);
        assert!(filter.opaque_bytes()[way.index()] <= captured(way), "more opaque bytes than bytes");
    }
});

/// The streams of both ends of a true handshake, with a little peer wire behind it, the same in both; and that peer
/// wire, where both ends keep to the rules and their secret is known.
fn handshake(input: &mut Cursor<'_>) -> ([Vec<u8>; 2], Option<Vec<u8>>) {
    let options = input.u8();
    let pads: [usize; 4] = std::array::from_fn(|_| usize::from(input.u16()) % 513);
    let select = [1_u32, 2, 2, u32::from(options)][usize::from(options & 3)];
    let skey = if options & 4 == 0 { SKEY } else { [9; 20] };
    let clear = [b"\x13BitTorrent protocol".as_slice(), &[0; 8], &skey, &[b'p'; 20], &[0, 0, 0, 1, 2]].concat();
    let ia = usize::from(input.u8()).min(clear.len());
    let noise = |len: usize, seed: u8| {
        let mut bytes = vec![0; len];
        cipher(b"pads", &[seed; 20]).apply_keystream(&mut bytes);
        bytes
    };
    let mut ciphers = [b"keyA", b"keyB"].map(|label| {
        let mut cipher = cipher(label, &skey);
        cipher.apply_keystream(&mut [0; 1_024]);
        cipher
    });
    let word = |value: u32| value.to_be_bytes().to_vec();
    let pad = |len: usize| [(len as u16).to_be_bytes().to_vec(), vec![0; len]].concat();
    let names =
        sha1(&[b"req2", &skey]).iter().zip(sha1(&[b"req3", &SECRET])).map(|(a, b)| a ^ b).collect::<Vec<_>>();
    let provide = if options & 8 == 0 { 3 } else { u32::from(options) };
    let ia_len = (ia as u16).to_be_bytes().to_vec();
    let sealed_a = [vec![0; 8], word(provide), pad(pads[2]), ia_len, clear[..ia].to_vec()].concat();
    let sealed_b = [vec![0; 8], word(select), pad(pads[3])].concat();
    let mut wires = [[noise(96, 1), noise(pads[0], 2)].concat(), [noise(96, 3), noise(pads[1], 4)].concat()];
    wires[0].extend(sha1(&[b"req1", &SECRET]));
    wires[0].extend(names);
    for (wire, (cipher, (mut sealed, mut rest))) in
        wires.iter_mut().zip(ciphers.iter_mut().zip([(sealed_a, clear[ia..].to_vec()), (sealed_b, clear.clone())]))
    {
        cipher.apply_keystream(&mut sealed);
        wire.extend(sealed);
        if select == 2 {
            cipher.apply_keystream(&mut rest);
        }
        wire.extend(rest);
    }
    let lawful = options & 3 != 3 && options & 12 == 0;
    (wires, lawful.then_some(clear))
}

/// Cuts both streams as the script says: lengths, gaps and changed bytes; what it leaves follows whole.
fn cut<'a>(wires: &'a [Vec<u8>; 2], input: &mut Cursor<'_>) -> Vec<(Direction, StreamItem<'a>)> {
    let mut rest = [wires[0].as_slice(), wires[1].as_slice()];
    let (mut next, mut out) = ([0_u64; 2], Vec::new());
    while rest.iter().any(|rest| !rest.is_empty()) {
        let control = if input.is_empty() { u8::from(rest[0].is_empty()) } else { input.u8() };
        let way = direction(control);
        let len = if input.is_empty() { usize::MAX } else { usize::from(input.u8()) + 1 };
        let len = len.min(rest[way.index()].len());
        if len == 0 {
            continue;
        }
        let (bytes, behind) = rest[way.index()].split_at(len);
        rest[way.index()] = behind;
        let (offset, at) = (next[way.index()], at(out.len() as u64 + 1));
        let item = match control >> 4 {
            15 => StreamItem::Gap { offset, missing: Missing::Bytes(len as u64), cause: GapCause::Unseen, at },
            14 => StreamItem::Gap { offset, missing: Missing::Unknown, cause: GapCause::Unseen, at },
            _ => StreamItem::Data { offset, bytes, at, doubtful: false },
        };
        next[way.index()] += if control >> 4 == 14 { 0 } else { len as u64 };
        out.push((way, item));
    }
    for way in [Direction::LowToHigh, Direction::HighToLow] {
        out.push((way, StreamItem::End { reason: EndReason::Open, at: at(out.len() as u64 + 1) }));
    }
    out
}

fn cipher(label: &[u8; 4], skey: &[u8; 20]) -> Rc4 {
    Rc4::new_from_slice(&sha1(&[label, &SECRET, skey])).expect("RC4 takes 20 bytes")
}

fn sha1(parts: &[&[u8]]) -> [u8; 20] {
    Sha1::digest(parts.concat()).into()
}

const SKEY: [u8; 20] = [0x5a; 20];
const SECRET: [u8; 96] = [0x77; 96];
static SECRETS: LazyLock<Secrets> =
    LazyLock::new(|| Secrets::parse("s", "77".repeat(96).as_bytes()).expect("96 bytes of hex"));
static NONE: LazyLock<Secrets> = LazyLock::new(Secrets::default);
