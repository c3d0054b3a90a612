//! RC4, as fast as one key stream can be: its own, as decrypting is what a run over such a capture waits for.

/// The key stream of one key.
pub(super) struct Rc4 {
    state: [u8; 256],
    i: u8,
    j: u8,
}

impl Rc4 {
    /// The key stream of `key`, 1 to 256 bytes, from its beginning.
    pub fn new(key: &[u8]) -> Self {
        let mut state = [0; 256];
        state.iter_mut().zip(0..=u8::MAX).for_each(|(entry, n)| *entry = n);
        let mut j = 0_u8;
        for (i, byte) in (0..state.len()).zip(key.iter().cycle()) {
            j = j.wrapping_add(state[i]).wrapping_add(*byte);
            state.swap(i, usize::from(j));
        }
        Self { state, i: 0, j: 0 }
    }

    /// Encrypts or decrypts `bytes` in place.
    pub fn apply(&mut self, bytes: &mut [u8]) {
        let Self { state, i, j } = self;
        let (mut at, mut other) = (*i, *j);
        let mut next = || {
            at = at.wrapping_add(1);
            let one = state[usize::from(at)];
            other = other.wrapping_add(one);
            let two = std::mem::replace(&mut state[usize::from(other)], one);
            state[usize::from(at)] = two;
            state[usize::from(one.wrapping_add(two))]
        };
        // Rationale: a word at a time is half as fast again as byte by byte.
        let (words, rest) = bytes.as_chunks_mut::<16>();
        for word in words {
            let mut key = [0; 16];
            key.iter_mut().for_each(|byte| *byte = next());
            *word = (u128::from_ne_bytes(*word) ^ u128::from_ne_bytes(key)).to_ne_bytes();
        }
        rest.iter_mut().for_each(|byte| *byte ^= next());
        (*i, *j) = (at, other);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rc4::{KeyInit, StreamCipher};

    use super::*;

    #[test]
    fn the_keystream_is_that_of_rfc_6229() {
        // 40-bit key 0102030405, offset 1024: 30 ab bc c7 c2 0b 01 60.
        let mut bytes = [0; 1_032];
        Rc4::new(&[1, 2, 3, 4, 5]).apply(&mut bytes);
        assert_eq!(bytes[1_024..], [0x30, 0xab, 0xbc, 0xc7, 0xc2, 0x0b, 0x01, 0x60]);
    }

    proptest! {
        #[test]
        fn it_agrees_with_another_implementation_however_it_is_cut(
            key in prop::collection::vec(any::<u8>(), 1..257),
            lens in prop::collection::vec(0..100_usize, 0..20),
        ) {
            let (mut own, mut other) = (Rc4::new(&key), rc4::Rc4::new_from_slice(&key).expect("1 to 256 bytes"));
            for len in lens {
                let (mut one, mut two) = (vec![7; len], vec![7; len]);
                own.apply(&mut one);
                other.apply_keystream(&mut two);
                prop_assert_eq!(one, two);
            }
        }
    }
}
