//! Reasons for which bytes of a stream are in doubt.

use serde::{Deserialize, Serialize};

/// Why something is in doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Reason {
    /// A frame that carried it has a checksum that was tested and is wrong, or is damaged, or fragments of its datagram
    /// disagree.
    Damaged,
    /// It was sent again with other bytes.
    OtherVersion,
    /// It was sent again, too late to be compared.
    NotCompared,
    /// It was sent again, and the snap length cut one of the copies.
    Cut,
    /// uTP numbers packets, not bytes: where the bytes belong is not sure.
    PlaceUnsure,
    /// Framing was lost before it and found again by a search.
    FramingFound,
    /// No handshake was captured: its torrent is only likely.
    TorrentLikely,
    /// An HTTP header that says what the bytes are was, or may have been, sent in two versions.
    HeaderTwice,
    /// Where in a torrent an HTTP answer belongs is a guess.
    PlaceGuessed,
    /// Nothing shows that a web server has the torrent at the place where it was asked.
    PlaceNotShown,
    /// More doubts than are kept one by one.
    Bound,
    /// The padding that a SHA-1 covers may not be zeros.
    PaddingNotZero,
    /// One half of a hybrid torrent is known, and the bytes may be of the other.
    HalfUnknown,
    /// The sender never acknowledged anything that the receiver, who was captured, sent.
    NotConfirmed,
    /// The receiver, captured and going on, never acknowledged it.
    NeverAcknowledged,
    /// Its segment acknowledges what was never sent.
    ImpossibleAck,
    /// Its checksum was not tested, as the captures are not at hand.
    NotTested,
}
