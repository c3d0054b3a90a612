//! What carries a session, and what protects it.

use crate::words::words;

/// How payload was carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Carrier {
    /// Peer wire over TCP (BEP 3).
    Tcp,
    /// Peer wire over uTP (BEP 29).
    Utp,
    /// An HTTP webseed (BEP 17, BEP 19).
    Http,
}

impl Carrier {
    /// `tcp`, `utp` or `http`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Utp => "utp",
            Self::Http => "http",
        }
    }
}

words! {
    /// What protects the peer wire.
    pub enum Encryption {
        /// Plain from the first byte.
        None = "none",
        /// An MSE handshake that selected plaintext.
        MsePlaintext = "mse-plaintext",
        /// MSE with RC4, decrypted with a supplied secret.
        MseRc4 = "mse-rc4",
    }
}
