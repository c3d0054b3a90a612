//! The 68-byte handshake (BEP 3): a fixed prefix, eight reserved bytes, info-hash, peer_id.

use super::window::Window;
use super::{Handshake, PeerEvent};
use crate::ends::Span;

/// The reading of the first bytes of a direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandshakeSniff {
    /// They begin with the 20 fixed bytes of a BEP 3 handshake.
    Handshake,
    /// They may become one.
    NeedMore,
    /// They are something else.
    Other,
}

/// Tells whether a direction that begins with `prefix` begins with a handshake (BEP 3).
pub fn sniff(prefix: &[u8]) -> HandshakeSniff {
    if prefix.starts_with(&HANDSHAKE) {
        HandshakeSniff::Handshake
    } else if HANDSHAKE.starts_with(prefix) {
        HandshakeSniff::NeedMore
    } else {
        HandshakeSniff::Other
    }
}

/// Reads the fields of a handshake that begins at the stream offset `start`, and whose prefix was checked, as far as gaps
/// leave them.
pub(super) fn read<'cap>(window: &Window<'_>, start: u64, span: Span) -> PeerEvent<'cap> {
    let reserved = field(window, start.saturating_add(HANDSHAKE.len() as u64)).unwrap_or_default();
    match field(window, start.saturating_add(INFO_HASH)) {
        Some(info_hash) => {
            let peer_id = field(window, start.saturating_add(PEER_ID));
            PeerEvent::Handshake(Handshake { reserved, info_hash, peer_id, start, span })
        }
        None => {
            let mut bytes = [0; 20];
            let (filled, _) = window.peek(start.saturating_add(INFO_HASH), &mut bytes);
            PeerEvent::CutHandshake { begins: bytes.get(..filled).unwrap_or_default().to_vec(), span }
        }
    }
}

impl Handshake {
    /// Returns true if another version of bytes of the stream, from `offset` on, names another info-hash.
    pub fn differs_from(&self, offset: u64, version: &[u8]) -> bool {
        (self.start.saturating_add(INFO_HASH)..).zip(self.info_hash).any(|(place, byte)| {
            let index = place.checked_sub(offset).and_then(|index| usize::try_from(index).ok());
            index.and_then(|index| version.get(index)).is_some_and(|other| *other != byte)
        })
    }
}

fn field<const LEN: usize>(window: &Window<'_>, start: u64) -> Option<[u8; LEN]> {
    let mut bytes = [0; LEN];
    let (filled, _) = window.peek(start, &mut bytes);
    (filled == LEN).then_some(bytes)
}

/// The first 20 bytes of a handshake (BEP 3).
pub const HANDSHAKE: [u8; 20] = *b"\x13BitTorrent protocol";
/// Bytes of a handshake (BEP 3).
pub(super) const HANDSHAKE_LEN: usize = 68;
/// Where the info-hash begins in it.
const INFO_HASH: u64 = 28;
/// Where the peer_id begins in it.
const PEER_ID: u64 = 48;
