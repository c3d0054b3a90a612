//! Message Stream Encryption as both ends write it, around any peer wire.
//!
//! The public keys are random numbers below P and the shared secret is given: what a listener sees is the same.

use sha1::{Digest, Sha1};

use super::content::Random;

/// How one connection is encrypted.
#[derive(Clone, Copy, Debug)]
pub struct Mse {
    pub skey: [u8; 20],
    /// The Diffie-Hellman secret S.
    pub secret: [u8; 96],
    /// PadA, PadB, PadC, PadD.
    pub pads: [usize; 4],
    /// Methods that the initiator offers: bit 0 plaintext, bit 1 RC4.
    pub provide: u32,
    /// 1: plaintext, 2: RC4.
    pub select: u32,
    pub seed: u64,
}

/// Both ciphers of a connection after the handshake; what selected plaintext goes out as it is.
#[derive(Clone, Debug)]
pub struct Sealed {
    ciphers: Option<[Rc4; 2]>,
}

impl Mse {
    pub fn new(skey: [u8; 20], seed: u64) -> Self {
        let secret = Random::new(seed + 7_000).bytes(96).try_into().expect("96 bytes");
        Self { skey, secret, pads: [123, 0, 17, 301], provide: 3, select: 2, seed }
    }

    /// One line of a secrets file.
    pub fn line(&self) -> String {
        self.secret.iter().map(|byte| format!("{byte:02x}")).collect::<String>() + "\n"
    }

    /// The four flights of the handshake (end 0 opened), with `ia` as the initiator's first bytes, and the ciphers
    /// for what follows.
    pub fn open(&self, ia: &[u8]) -> (Vec<(usize, Vec<u8>)>, Sealed) {
        let mut random = Random::new(self.seed + 1);
        let mut key = |pad: usize| {
            let mut bytes = random.bytes(96 + pad);
            // Below P, which begins with 0xff.
            bytes[0] &= 0x7f;
            bytes
        };
        let [pad_a, pad_b, pad_c, pad_d] = self.pads;
        let (first, second) = (key(pad_a), key(pad_b));
        let mut a = Rc4::new(&sha1(&[b"keyA", &self.secret, &self.skey]));
        let mut b = Rc4::new(&sha1(&[b"keyB", &self.secret, &self.skey]));
        let named: Vec<u8> = sha1(&[b"req2", &self.skey])
            .iter()
            .zip(sha1(&[b"req3", &self.secret]))
            .map(|(one, other)| one ^ other)
            .collect();
        let mut offer = [
            [0; 8].as_slice(),
            &self.provide.to_be_bytes(),
            &(pad_c as u16).to_be_bytes(),
            &random.bytes(pad_c),
            &(ia.len() as u16).to_be_bytes(),
            ia,
        ]
        .concat();
        a.apply(&mut offer);
        let pad = random.bytes(pad_d);
        let mut answer =
            [[0; 8].as_slice(), &self.select.to_be_bytes(), &(pad_d as u16).to_be_bytes(), &pad].concat();
        b.apply(&mut answer);
        let third = [sha1(&[b"req1", &self.secret]).to_vec(), named, offer].concat();
        let sealed = Sealed { ciphers: (self.select == 2).then_some([a, b]) };
        (vec![(0, first), (1, second), (0, third), (1, answer)], sealed)
    }
}

impl Sealed {
    /// Seals `bytes` as `end` sends them, which must be passed in the order of the stream.
    pub fn seal(&mut self, end: usize, bytes: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        if let Some(ciphers) = &mut self.ciphers {
            ciphers[end].apply(&mut bytes);
        }
        bytes
    }
}

/// RC4 with the first 1,024 bytes of the key stream left out.
#[derive(Clone, Debug)]
struct Rc4 {
    state: [u8; 256],
    i: u8,
    j: u8,
}

impl Rc4 {
    fn new(key: &[u8]) -> Self {
        let mut state: [u8; 256] = std::array::from_fn(|n| n as u8);
        let mut j = 0_u8;
        for i in 0..256 {
            j = j.wrapping_add(state[i]).wrapping_add(key[i % key.len()]);
            state.swap(i, usize::from(j));
        }
        let mut cipher = Self { state, i: 0, j: 0 };
        cipher.apply(&mut [0; 1_024]);
        cipher
    }

    fn apply(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            self.i = self.i.wrapping_add(1);
            let a = self.state[usize::from(self.i)];
            self.j = self.j.wrapping_add(a);
            let b = self.state[usize::from(self.j)];
            self.state.swap(usize::from(self.i), usize::from(self.j));
            *byte ^= self.state[usize::from(a.wrapping_add(b))];
        }
    }
}

fn sha1(parts: &[&[u8]]) -> [u8; 20] {
    Sha1::digest(parts.concat()).into()
}
