//! Message Stream Encryption (MSE, also called PE): recognise it, and decrypt it with supplied secrets.
//!
//! A filter between [`stream`](crate::stream) and session, the same for TCP and uTP. Source: the Vuze wiki's "Message
//! Stream Encryption", checked against what clients send. `A` opened the connection, `B` answers:
//!
//! ```text
//! 1  A -> B   Ya (96)  PadA (0..=512)
//! 2  B -> A   Yb (96)  PadB (0..=512)
//! 3  A -> B   HASH('req1', S) (20)  HASH('req2', SKEY) ^ HASH('req3', S) (20)
//!             RC4A[ VC (8 zeros)  crypto_provide (4)  len(PadC) (2)  PadC (0..=512)  len(IA) (2)  IA ]
//! 4  B -> A   RC4B[ VC (8 zeros)  crypto_select (4)  len(PadD) (2)  PadD (0..=512) ]  then the peer wire
//! 5  A -> B   the peer wire
//! ```
//!
//! `S` is the Diffie-Hellman secret, `SKEY` the info-hash. `IA` is the beginning of `A`'s peer wire and always RC4;
//! what follows is RC4 or clear, as `B` selected.

mod allowance;
mod candidates;
mod classify;
mod filter;
mod handshake;
mod head;
mod keys;
#[cfg(test)]
mod recorded;
mod secrets;
mod side;
#[cfg(test)]
mod tests;

pub use allowance::Pool;
pub use candidates::Candidates;
pub use filter::MseFilter;
pub use secrets::Secrets;

/// The encryption of a connection, as far as it could be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MseOutcome {
    /// Not enough was seen; items are held.
    Undecided,
    /// Not MSE, or too little of it is in the capture to say so: all items are passed through unchanged.
    NotMse,
    /// Taken for MSE with RC4, and not readable; nothing but [`End`](crate::stream::StreamItem::End) is passed on.
    Opaque {
        /// The basis of the outcome, in plain words. Without a fitting secret it is a classification, not a proof.
        basis: String,
    },
    /// MSE that selected plaintext: the clear part is passed on, and `IA` when a secret fits.
    Plaintext,
    /// MSE with RC4, decrypted: HASH('req1', S), the info-hash and the verification constant all matched.
    Rc4 {
        /// Index of the secret in [`Secrets`], from 0.
        secret: usize,
    },
    /// A secret and a torrent fit the two hashes, but what follows does not decrypt to what must stand there;
    /// nothing is passed on.
    WrongSecret {
        /// Index of the secret in [`Secrets`], from 0.
        secret: usize,
        /// The field that did not fit, in plain words.
        basis: String,
    },
}

/// Bytes of a public key Y and of the secret S: the prime has 768 bits.
const KEY_LEN: usize = 96;
/// The longest of PadA, PadB, PadC and PadD, in bytes.
const MAX_PAD: usize = 512;
/// Where the part behind Y and its padding begins at the latest.
const MAX_FIRST: usize = KEY_LEN + MAX_PAD;
/// Bytes of HASH('req1', S) and of the xored hashes that name the torrent.
const HASHES_LEN: usize = 40;
/// Bytes of VC, crypto_provide or crypto_select, and the length of the padding.
const FIXED_LEN: usize = 14;
/// Bytes of VC, the verification constant.
const VC_LEN: usize = 8;
/// The least that `A` sends in step 3: PadC and IA may be empty.
const MIN_SECOND: usize = HASHES_LEN + FIXED_LEN + 2;
