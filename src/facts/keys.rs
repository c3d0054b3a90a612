//! The keys with which captures are read.

use serde::{Deserialize, Serialize};

/// All that a walk is told of torrents: with which secrets and info-hashes MSE may be opened. Connections say what was
/// opened.
///
/// # Invariants
/// - `info_hashes` are sorted, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keys {
    /// SHA-256 of each Diffie-Hellman secret, in the order in which they were given: enough to tell two sets of keys apart,
    /// and no use for decrypting anything.
    pub secrets: Vec<[u8; 32]>,
    /// The info-hashes that MSE may use as its SKEY.
    pub info_hashes: Vec<[u8; 20]>,
}

impl Keys {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.secrets.len() + self.info_hashes.len()
    }

    /// Returns true if there is no key.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
