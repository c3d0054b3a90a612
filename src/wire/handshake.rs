//! The 68-byte handshake (BEP 3): a fixed prefix, eight reserved bytes, info-hash, peer_id.

use super::Handshake;
use crate::ends::Span;

/// What the first bytes of a direction are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sniff {
    /// They begin with the 20 fixed bytes of a BEP 3 handshake.
    Handshake,
    /// They may become one.
    NeedMore,
    /// They are something else.
    Other,
}

/// Tells whether a direction that begins with `prefix` begins with a handshake (BEP 3).
pub fn sniff(prefix: &[u8]) -> Sniff {
    if prefix.starts_with(&HANDSHAKE) {
        Sniff::Handshake
    } else if HANDSHAKE.starts_with(prefix) {
        Sniff::NeedMore
    } else {
        Sniff::Other
    }
}

impl Handshake {
    /// Reads the fields of a handshake whose prefix was checked.
    pub(super) fn read(bytes: &[u8; HANDSHAKE_LEN], span: Span) -> Self {
        let mut handshake = Self { reserved: [0; 8], info_hash: [0; 20], peer_id: [0; 20], span };
        let fields = bytes.iter().skip(HANDSHAKE.len());
        let places = handshake.reserved.iter_mut().chain(&mut handshake.info_hash).chain(&mut handshake.peer_id);
        places.zip(fields).for_each(|(place, byte)| *place = *byte);
        handshake
    }
}

/// The first 20 bytes of a handshake (BEP 3).
pub const HANDSHAKE: [u8; 20] = *b"\x13BitTorrent protocol";
/// Bytes of a handshake (BEP 3).
pub(super) const HANDSHAKE_LEN: usize = 68;
