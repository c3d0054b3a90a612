//! Secrets and torrents as candidates for a connection, found by what each pair would make the ends send.
//!
//! Trying every secret with every torrent on every connection would take as long as there are connections; here each
//! pair is computed once for a run, and a connection looks up the bytes that it holds.

use crate::limits::SECRET_PAIRS;
use std::cell::OnceCell;

use hashbrown::HashMap;

use super::handshake::Fit;
use super::keys::{self, Cipher};
use super::{KEY_LEN, Secrets, VC_LEN};

/// The secrets and the info-hashes that may be the key of a connection.
#[derive(Debug)]
pub struct Candidates<'a> {
    secrets: &'a Secrets,
    info_hashes: Vec<[u8; 20]>,
    /// HASH('req2', SKEY) of each info-hash, with its index; made when the first secret fits.
    req2: OnceCell<HashMap<[u8; 20], u32, foldhash::quality::FixedState>>,
    /// The responder's encrypted verification constant under each pair, with the index of the pair; made when the
    /// first connection asks.
    constants: OnceCell<HashMap<[u8; VC_LEN], u32, foldhash::quality::FixedState>>,
    /// Pairs that may be computed.
    most: usize,
}

impl<'a> Candidates<'a> {
    /// Each of `secrets` with each of `info_hashes`: the wire info-hashes of the given torrents (v2 ones cut to 20
    /// bytes), the candidates for SKEY.
    pub fn new(secrets: &'a Secrets, mut info_hashes: Vec<[u8; 20]>) -> Self {
        info_hashes.sort_unstable();
        info_hashes.dedup();
        let (req2, constants) = (OnceCell::new(), OnceCell::new());
        Self { secrets, info_hashes, req2, constants, most: SECRET_PAIRS }
    }

    #[cfg(test)]
    pub(super) fn at_most(mut self, pairs: usize) -> Self {
        self.most = pairs;
        self
    }

    /// The secrets.
    pub fn secrets(&self) -> &'a Secrets {
        self.secrets
    }

    /// Returns true if every secret is tried with every info-hash where only the responder's direction tells.
    pub fn are_complete(&self) -> bool {
        self.secrets.len().saturating_mul(self.info_hashes.len()) <= self.most
    }

    /// The info-hash that `named` is, the 20 bytes behind HASH('req1', S), where it is one of the candidates.
    pub(super) fn find_skey(&self, named: &[u8; 20], secret: &[u8; KEY_LEN]) -> Option<[u8; 20]> {
        let req2 = self.req2.get_or_init(|| {
            let hashed = |(skey, index): (&[u8; 20], u32)| (keys::sha1(&[b"req2", skey]), index);
            self.info_hashes.iter().zip(0..).map(hashed).collect()
        });
        let mut hash = keys::sha1(&[b"req3", secret]);
        hash.iter_mut().zip(named).for_each(|(byte, named)| *byte ^= named);
        self.info_hashes.get(*req2.get(&hash)? as usize).copied()
    }

    /// The secret and the info-hash under which the verification constant is encrypted to `bytes` in the responder's
    /// direction.
    pub(super) fn find_constant(&self, bytes: &[u8; VC_LEN]) -> Option<Fit> {
        let torrents = self.info_hashes.len();
        let constants = self.constants.get_or_init(|| {
            let pairs = self.secrets.len().saturating_mul(torrents).min(self.most);
            let constant = |pair: u32| Some((constant(&self.pair(pair)?, self.secrets)?, pair));
            let mut made = HashMap::with_capacity_and_hasher(pairs, Default::default());
            made.extend((0..pairs as u32).filter_map(constant));
            made
        });
        self.pair(*constants.get(bytes)?)
    }

    /// Pair number `pair`: the torrents of the first secret come first.
    fn pair(&self, pair: u32) -> Option<Fit> {
        let torrents = self.info_hashes.len();
        let secret = (pair as usize).checked_div(torrents)?;
        let skey = *self.info_hashes.get((pair as usize).checked_rem(torrents)?)?;
        Some(Fit { secret, place: 0, skey })
    }
}

/// The verification constant as the responder sends it under `fit`.
fn constant(fit: &Fit, secrets: &Secrets) -> Option<[u8; VC_LEN]> {
    let mut constant = [0; VC_LEN];
    Cipher::new(keys::key(b"keyB", secrets.secret(fit.secret)?, &fit.skey)).apply(&mut constant);
    Some(constant)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_is_found_by_its_constant_and_none_beyond_the_bound() {
        let text: String = (0..7).map(|n| format!("{n:02x}").repeat(96) + "\n").collect();
        let secrets = Secrets::parse("s", text.as_bytes()).expect("well formed");
        let hashes: Vec<[u8; 20]> = (0..5).map(|n| [n; 20]).collect();
        let all = Candidates::new(&secrets, [hashes.clone(), hashes.clone()].concat());
        let some = Candidates::new(&secrets, hashes.clone()).at_most(12);
        assert!(all.are_complete() && !some.are_complete());
        for secret in 0..7 {
            for (place, skey) in hashes.iter().enumerate() {
                let fit = Fit { secret, place: 0, skey: *skey };
                let bytes = constant(&fit, &secrets).expect("a secret");
                let found = |of: &Candidates<'_>| of.find_constant(&bytes).map(|fit| (fit.secret, fit.skey));
                assert_eq!(found(&all), Some((secret, *skey)));
                assert_eq!(found(&some).is_some(), secret * 5 + place < 12);
            }
        }
    }

    #[test]
    fn nothing_is_found_without_secrets_or_without_torrents() {
        let none = Secrets::default();
        assert!(Candidates::new(&none, vec![[1; 20]]).find_constant(&[0; 8]).is_none());
        let one = Secrets::parse("s", "ab".repeat(96).as_bytes()).expect("well formed");
        assert!(Candidates::new(&one, Vec::new()).find_constant(&[0; 8]).is_none());
        assert!(Candidates::new(&one, Vec::new()).find_skey(&[0; 20], &[0xab; 96]).is_none());
    }
}
