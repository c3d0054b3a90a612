//! The header of a peer-wire message: length prefix and id (BEP 3), and what makes one plausible.

use super::{BlockRef, azureus};

/// The header of a message: length prefix, and id where there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Header {
    /// A length prefix of 0 (BEP 3).
    KeepAlive,
    /// A `piece` message of at least 9 bytes.
    Piece {
        /// Bytes of the header: 13, or more in the Azureus messaging protocol.
        size: u8,
        /// Piece index as sent.
        piece: u32,
        /// Offset within the piece as sent.
        begin: u32,
        /// Payload bytes.
        payload: u32,
    },
    /// Another message of the Azureus messaging protocol, whose name stands in what counts as its body: as of a message with
    /// the id 0, the header takes 5 bytes.
    Named {
        /// The length prefix.
        len: u32,
    },
    /// Any other message: the header takes 5 bytes.
    Other {
        /// The message id.
        id: u8,
        /// The length prefix, id included; at least 1.
        len: u32,
    },
}

impl Header {
    /// Reads the header at the start of `bytes`; `None` when it needs more of them.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let len = word(bytes, 0)?;
        if len == 0 {
            return Some(Self::KeepAlive);
        }
        let id = *bytes.get(4)?;
        let size = match id {
            PIECE if len >= PIECE_FIXED => PIECE_HEADER,
            0 if len > 1 => match azureus::sniff(bytes.get(4..)?, len) {
                azureus::Sniff::No => return Some(Self::Other { id: 0, len }),
                azureus::Sniff::Name => return Some(Self::Named { len }),
                azureus::Sniff::More => return None,
                azureus::Sniff::Piece(head) => 4 + head + PLACE,
            },
            id => return Some(Self::Other { id, len }),
        };
        let place = bytes.get(size - PLACE..)?;
        let payload = len - (size as u32 - 4);
        Some(Self::Piece { size: size as u8, piece: word(place, 0)?, begin: word(place, 4)?, payload })
    }

    /// Bytes that the header itself takes: 4, 5, or those of a `piece`.
    pub fn size(self) -> usize {
        match self {
            Self::KeepAlive => 4,
            Self::Named { .. } | Self::Other { .. } => 5,
            Self::Piece { size, .. } => usize::from(size),
        }
    }

    /// The length prefix.
    pub fn len(self) -> u32 {
        match self {
            Self::KeepAlive => 0,
            Self::Named { len } | Self::Other { len, .. } => len,
            Self::Piece { size, payload, .. } => payload.saturating_add(u32::from(size) - 4),
        }
    }

    /// The message id; 0 where there is none.
    pub fn id(self) -> u8 {
        match self {
            Self::KeepAlive | Self::Named { .. } => 0,
            Self::Other { id, .. } => id,
            Self::Piece { .. } => PIECE,
        }
    }

    /// Returns true if a client that follows the BEPs could have sent the header, with at most `max` bytes behind
    /// the prefix.
    pub fn is_plausible(self, max: u32) -> bool {
        match self {
            Self::KeepAlive => true,
            Self::Named { len } => len <= max,
            Self::Piece { piece, begin, payload, .. } => {
                payload.saturating_add(PIECE_FIXED) <= max && piece <= MAX_PIECE && begin <= MAX_BEGIN
            }
            Self::Other { id, len } => match id {
                0..=3 | 14 | 15 => len == 1,
                4 | 13 | 17 => len == 5,
                6 | 8 | 16 => len == 13,
                9 => len == 3,
                5 | 20 => (2..=max).contains(&len),
                21 | 23 => len == 49,
                22 => len >= 49 && len <= max && (len - 49).is_multiple_of(32),
                _ => false,
            },
        }
    }

    /// Returns true for a `piece` header as nearly every client sends them: whole 16 KiB blocks on 16 KiB
    /// boundaries.
    pub fn is_standard_block(self) -> bool {
        matches!(self, Self::Piece { begin, payload, .. }
            if payload > 0 && payload.is_multiple_of(BLOCK) && begin.is_multiple_of(BLOCK))
    }
}

/// The message that asks for a block (BEP 3, id 6).
pub(super) fn request(block: BlockRef) -> [u8; REQUEST_LEN] {
    let mut message = [0; REQUEST_LEN];
    let words = [REQUEST_LEN as u32 - 4, block.piece, block.begin, block.length];
    for (place, word) in [0, 5, 9, 13].into_iter().zip(words) {
        if let Some(field) = message.get_mut(place..place + 4) {
            field.copy_from_slice(&word.to_be_bytes());
        }
    }
    message[4] = REQUEST;
    message
}

/// The big-endian word at `at`.
pub(super) fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|word| u32::from_be_bytes(*word))
}

/// The id of `request` (BEP 3).
pub(super) const REQUEST: u8 = 6;
/// Bytes of a `request`.
pub(super) const REQUEST_LEN: usize = 17;
/// The id of `piece` (BEP 3).
pub(super) const PIECE: u8 = 7;
/// Bytes that a `piece` message's length prefix counts before the payload: id, index, begin.
pub(super) const PIECE_FIXED: u32 = 9;
/// The header of a `piece` message of BEP 3: length, id, index, begin.
pub(super) const PIECE_HEADER: usize = 13;
/// Index and begin, the last of a `piece` message's header.
const PLACE: usize = 8;
/// The longest header.
pub(super) const MAX_HEADER: usize = azureus::MAX_HEADER;
// Rationale: 2^28 pieces of 16 KiB are 4 TiB; indexes above come from misread bytes.
pub(super) const MAX_PIECE: u32 = 1 << 28;
// Rationale: clients make pieces of at most 128 MiB; 256 MiB leaves a factor of two.
pub(super) const MAX_BEGIN: u32 = 1 << 28;
/// The usual block length in bytes.
const BLOCK: u32 = 16_384;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_read_as_soon_as_its_bytes_are_there_and_not_before() {
        let piece = [0, 0, 0x40, 9, 7, 0, 0, 0, 5, 0, 0, 0x40, 0];
        for cut in 0..13 {
            assert_eq!(Header::read(&piece[..cut]), None);
        }
        let header = Header::read(&piece).expect("whole");
        assert_eq!(header, Header::Piece { size: 13, piece: 5, begin: 16_384, payload: 16_384 });
        assert!(header.is_standard_block() && header.size() == 13 && header.len() == 0x4009);
        assert_eq!(Header::read(&[0; 4]), Some(Header::KeepAlive));
        assert_eq!(Header::read(&[0, 0, 0, 8, 7]), Some(Header::Other { id: 7, len: 8 }));
    }

    #[test]
    fn fixed_messages_are_plausible_at_one_length_only() {
        for (id, len) in [(0, 1), (4, 5), (6, 13), (9, 3), (15, 1), (16, 13), (17, 5), (21, 49), (22, 81), (23, 49)]
        {
            assert!(Header::Other { id, len }.is_plausible(1 << 20));
            assert!(!Header::Other { id, len: len + 1 }.is_plausible(1 << 20), "id {id}");
        }
        assert!(!Header::Other { id: 250, len: 1 }.is_plausible(1 << 20));
    }
}
