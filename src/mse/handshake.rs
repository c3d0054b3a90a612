//! The encrypted part of the MSE handshake, read with a secret.

use super::keys::{self, Cipher};
use super::{Candidates, FIXED_LEN, HASHES_LEN, KEY_LEN, MAX_FIRST, MAX_PAD, Secrets, VC_LEN};

/// How far something was read.
#[derive(Debug)]
pub(super) enum Step<T> {
    /// It ends behind what is there.
    More,
    /// It is whole.
    Found(T),
    /// The bytes cannot be it; the reason in plain words.
    No(&'static str),
}

/// A secret and a torrent that fit a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fit {
    /// Index of the secret.
    pub secret: usize,
    /// Where HASH('req1', S) stands in the initiator's stream.
    pub place: usize,
    /// The info-hash.
    pub skey: [u8; 20],
}

/// The initiator's message of step 3.
#[derive(Debug)]
pub(super) struct Opening {
    /// The methods offered: bit 0 plaintext, bit 1 RC4.
    pub provide: u32,
    /// Where IA begins in the stream.
    pub start: u64,
    /// Bytes of IA.
    pub len: u64,
    /// The keystream at `start`.
    pub cipher: Cipher,
}

/// The responder's message of step 4.
#[derive(Debug)]
pub(super) struct Answer {
    /// The method selected.
    pub select: u32,
    /// Where the peer wire begins in the stream.
    pub start: u64,
    /// The keystream at `start`.
    pub cipher: Cipher,
}

/// HASH('req1', S) of any secret within PadA's window, at `from` or behind it: its place, and the secret's index.
pub(super) fn find_req1(head: &[u8], from: usize, secrets: &Secrets) -> Option<(usize, usize)> {
    let places = head.get(from..)?.windows(20).take((MAX_FIRST + 1).saturating_sub(from));
    places.zip(from..).find_map(|(window, place)| {
        let hash = <&[u8; 20]>::try_from(window).ok()?;
        secrets.find(hash).map(|secret| (place, secret))
    })
}

/// The info-hash that the 20 bytes behind HASH('req1', S) name; [`Step::No`] when it is none of the candidates.
pub(super) fn find_skey(
    head: &[u8],
    place: usize,
    secret: &[u8; KEY_LEN],
    candidates: &Candidates<'_>,
) -> Step<[u8; 20]> {
    let Some(named) = head.get(place + 20..).and_then(<[u8]>::first_chunk::<20>) else { return Step::More };
    match candidates.find_skey(named, secret) {
        Some(skey) => Step::Found(skey),
        None => Step::No("none of the given torrents is its SKEY"),
    }
}

/// Reads step 3 behind the two hashes.
pub(super) fn opening(head: &[u8], fit: &Fit, secret: &[u8; KEY_LEN]) -> Step<Opening> {
    let place = fit.place + HASHES_LEN;
    let mut cipher = Cipher::new(keys::key(b"keyA", secret, &fit.skey));
    let (provide, pad) = match fixed(head, place, &mut cipher) {
        Step::Found(fields) => fields,
        Step::More => return Step::More,
        Step::No(reason) => return Step::No(reason),
    };
    cipher.skip(pad as u64);
    let at = place + FIXED_LEN + pad;
    let Some(mut len) = head.get(at..).and_then(<[u8]>::first_chunk::<2>).copied() else { return Step::More };
    cipher.apply(&mut len);
    Step::Found(Opening { provide, start: at as u64 + 2, len: u16::from_be_bytes(len).into(), cipher })
}

/// A secret and a torrent whose verification constant stands in the responder's stream, from `from` on, and step 4
/// behind it: for a stream whose other direction does not tell. A place that fits by chance fits once in 2^64.
pub(super) fn find_answer(head: &[u8], from: usize, candidates: &Candidates<'_>) -> Option<(Fit, Answer)> {
    head.get(from..).filter(|rest| rest.len() >= FIXED_LEN)?;
    let window = head.get(from..head.len().min(MAX_FIRST + VC_LEN))?;
    window.array_windows().find_map(|bytes| {
        let fit = candidates.find_constant(bytes)?;
        match answer(head, from, &fit, candidates.secrets().secret(fit.secret)?) {
            Step::Found(answer) if matches!(answer.select, PLAINTEXT | RC4) => Some((fit, answer)),
            _ => None,
        }
    })
}

/// Finds and reads step 4 in the responder's stream, from `from` on.
pub(super) fn answer(head: &[u8], from: usize, fit: &Fit, secret: &[u8; KEY_LEN]) -> Step<Answer> {
    let cipher = Cipher::new(keys::key(b"keyB", secret, &fit.skey));
    let mut wanted = [0; VC_LEN];
    cipher.at(0).apply(&mut wanted);
    let window = head.get(from..head.len().min(MAX_FIRST + VC_LEN)).unwrap_or_default();
    let Some(place) = window.windows(VC_LEN).position(|bytes| bytes == wanted) else {
        return if head.len() < MAX_FIRST + VC_LEN {
            Step::More
        } else {
            Step::No("the responder's verification constant is not in its window")
        };
    };
    let (place, mut cipher) = (from + place, cipher);
    match fixed(head, place, &mut cipher) {
        Step::Found((select, pad)) => {
            cipher.skip(pad as u64);
            Step::Found(Answer { select, start: (place + FIXED_LEN + pad) as u64, cipher })
        }
        Step::More => Step::More,
        Step::No(reason) => Step::No(reason),
    }
}

/// VC, crypto_provide or crypto_select, and the length of the padding, at `place`.
fn fixed(head: &[u8], place: usize, cipher: &mut Cipher) -> Step<(u32, usize)> {
    let Some(mut bytes) = head.get(place..).and_then(<[u8]>::first_chunk::<FIXED_LEN>).copied() else {
        return Step::More;
    };
    cipher.apply(&mut bytes);
    let [vc @ .., a, b, c, d, high, low] = bytes;
    let pad = usize::from(u16::from_be_bytes([high, low]));
    if vc != [0; VC_LEN] {
        Step::No("the verification constant does not decrypt to zeros")
    } else if pad > MAX_PAD {
        Step::No("the padding is longer than 512 bytes")
    } else {
        Step::Found((u32::from_be_bytes([a, b, c, d]), pad))
    }
}

/// crypto_provide and crypto_select: the peer wire in clear.
pub(super) const PLAINTEXT: u32 = 1;
/// crypto_provide and crypto_select: the peer wire in RC4.
pub(super) const RC4: u32 = 2;
