//! The beginning of each direction, gathered until the connection is understood, and what can be read from it.

use super::handshake::{self, Answer, Fit, Opening, Step};
use super::{Candidates, FIXED_LEN, KEY_LEN, MAX_FIRST, MAX_PAD, Secrets};

/// The beginning of one direction.
#[derive(Debug, Default)]
pub(super) struct Head {
    pub bytes: Vec<u8>,
    /// Nothing can be added: a gap follows, or the direction is over.
    pub ended: bool,
    /// Before this place no secret's HASH('req1', S) begins.
    sought: usize,
}

impl Head {
    /// Returns true if nothing will be added to the beginning.
    pub fn is_final(&self) -> bool {
        self.ended || self.bytes.len() >= HEAD_BYTES
    }

    /// HASH('req1', S) of a secret, not before `from`: its place, and the secret's index. Each place is looked at once,
    /// however often it is asked while bytes are added.
    pub fn find_secret(&mut self, from: usize, secrets: &Secrets) -> Option<(usize, usize)> {
        let found = handshake::find_req1(&self.bytes, from.max(self.sought), secrets);
        if found.is_none() {
            self.sought = self.bytes.len().saturating_sub(HASH_LEN - 1);
        }
        found
    }
}

/// How far a connection was read with a secret.
pub(super) struct Keyed {
    pub fit: Fit,
    /// True if one of the given torrents is the SKEY.
    pub named: bool,
    /// The two messages as far as they were read, or the reason why they cannot be.
    pub found: Step<(Opening, Option<Answer>)>,
}

/// Reads both sides with the secret whose hash stands at `place` in the initiator's stream; step 4 is looked for from
/// `from` on in the other.
pub(super) fn keyed(
    first: &Head,
    second: &Head,
    from: usize,
    place: usize,
    secret: usize,
    candidates: &Candidates<'_>,
) -> Keyed {
    let mut keyed = Keyed { fit: Fit { secret, place, skey: [0; 20] }, named: false, found: Step::More };
    let cut_off = "its handshake is not whole in the capture";
    let Some(s) = candidates.secrets().secret(secret) else { return keyed };
    match handshake::find_skey(&first.bytes, place, s, candidates) {
        Step::Found(skey) => (keyed.fit.skey, keyed.named) = (skey, true),
        Step::More => {
            if first.is_final() {
                keyed.found = Step::No(cut_off);
            }
            return keyed;
        }
        Step::No(reason) => {
            keyed.found = Step::No(reason);
            return keyed;
        }
    }
    let opening = match handshake::opening(&first.bytes, &keyed.fit, s) {
        Step::Found(opening) => opening,
        Step::More => {
            if first.is_final() {
                (keyed.named, keyed.found) = (false, Step::No(cut_off));
            }
            return keyed;
        }
        Step::No(reason) => {
            keyed.found = Step::No(reason);
            return keyed;
        }
    };
    keyed.found = match handshake::answer(&second.bytes, from, &keyed.fit, s) {
        Step::Found(answer) => Step::Found((opening, Some(answer))),
        Step::More if second.is_final() => Step::Found((opening, None)),
        Step::More => Step::More,
        Step::No(reason) => Step::No(reason),
    };
    keyed
}

/// Where a clear handshake stands in `head`, from `from` on.
pub(super) fn clear_handshake(head: &Head, from: usize) -> Step<u64> {
    let window = head.bytes.get(from..).unwrap_or_default();
    match window.windows(HANDSHAKE.len()).position(|bytes| bytes == HANDSHAKE) {
        Some(place) => Step::Found((from + place) as u64),
        None if head.ended || head.bytes.len() >= LAST_CLEAR + HANDSHAKE.len() => Step::No("no clear handshake"),
        None => Step::More,
    }
}

/// Searches `bytes` for the header of a message (BEP 3) that peers send early and often: at random, one connection
/// in 10^5 shows one.
pub(super) fn shows_message(bytes: &[u8]) -> bool {
    // Rationale: choke, unchoke, interested, not_interested; have; request and cancel; a piece with the usual block.
    bytes.windows(5).any(|header| {
        matches!(header, [0, 0, 0, 1, 0..=3] | [0, 0, 0, 5, 4] | [0, 0, 0, 13, 6 | 8] | [0, 0, 0x40, 9, 7])
    })
}

/// Bytes of HASH('req1', S).
const HASH_LEN: usize = 20;
/// How a handshake begins (BEP 3).
const HANDSHAKE: [u8; 20] = *b"\x13BitTorrent protocol";
/// Where the responder's peer wire begins at the earliest, and at the latest.
pub(super) const FIRST_CLEAR: usize = KEY_LEN + FIXED_LEN;
const LAST_CLEAR: usize = MAX_FIRST + FIXED_LEN + MAX_PAD;
// Rationale: the initiator's handshake without IA ends at byte 1,176 at the latest; the responder's, with the
// beginning of a clear handshake, at 1,154.
pub(super) const HEAD_BYTES: usize = 1_200;

#[cfg(test)]
mod tests {
    use super::super::keys;
    use super::*;

    #[test]
    fn a_secret_is_found_wherever_bytes_are_added_and_no_place_is_looked_at_twice() {
        let secrets = Secrets::parse("s", "ab".repeat(KEY_LEN).as_bytes()).expect("well formed");
        let hash = keys::sha1(&[b"req1", &[0xab; KEY_LEN]]);
        let stream: Vec<u8> = [&[7; 300][..], &hash, &[9; 80]].concat();
        for step in 1..50 {
            let mut head = Head::default();
            let mut found = None;
            for bytes in stream.chunks(step) {
                head.bytes.extend_from_slice(bytes);
                found = found.or_else(|| head.find_secret(KEY_LEN, &secrets));
                assert!(found.is_some() || head.sought + HASH_LEN > head.bytes.len());
            }
            assert_eq!(found, Some((300, 0)), "{step} bytes at a time");
        }
    }
}
