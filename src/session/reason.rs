//! Reasons for which bytes of a stream are in doubt.

use crate::stream::Unaccepted;
use crate::words::words;

words! {
    /// Why something is in doubt.
    pub enum Reason {
        /// A frame that carried it has a checksum that was tested and is wrong, or is damaged, or fragments of its datagram
        /// disagree.
        Damaged = "damaged",
        /// It was sent again with other bytes.
        OtherVersion = "other-version",
        /// It was sent again, too late to be compared.
        NotCompared = "not-compared",
        /// It was sent again, and the snap length cut one of the copies.
        Cut = "cut",
        /// uTP numbers packets, not bytes: where the bytes belong is not sure.
        PlaceUnsure = "place-unsure",
        /// Framing was lost before it and found again by a search.
        FramingFound = "framing-found",
        /// No handshake was captured, or two versions of one that differ: its torrent is only likely.
        TorrentLikely = "torrent-likely",
        /// An HTTP header that says what the bytes are was, or may have been, sent in two versions.
        HeaderTwice = "header-twice",
        /// Where in a torrent an HTTP answer belongs is a guess.
        PlaceGuessed = "place-guessed",
        /// Nothing shows that a web server has the torrent at the place where it was asked.
        PlaceNotShown = "place-not-shown",
        /// More doubts than are kept one by one.
        Bound = "bound",
        /// The padding that a SHA-1 covers may not be zeros.
        PaddingNotZero = "padding-not-zero",
        /// One half of a hybrid torrent is known, and the bytes may be of the other.
        HalfUnknown = "half-unknown",
        /// The sender never acknowledged anything that the receiver, who was captured, sent.
        NotConfirmed = "not-confirmed",
        /// The receiver, captured and going on, never acknowledged it.
        NeverAcknowledged = "never-acknowledged",
        /// Its segment acknowledges what was never sent.
        ImpossibleAck = "impossible-ack",
        /// Later packets of its sender, to the last one, stand before it, although they acknowledge more: it did not know of
        /// these bytes.
        Contradicted = "contradicted",
        /// Its connection has several paths (RFC 8684): what went on others may belong between its bytes.
        Multipath = "multipath",
        /// Its checksums could not be tested: a frame of it is cut by the snap length, the captures are not at hand, or its frames
        /// are in the captures of several sets.
        NotTested = "not-tested",
    }
}

impl From<Unaccepted> for Reason {
    fn from(why: Unaccepted) -> Self {
        match why {
            Unaccepted::Impossible => Self::ImpossibleAck,
            Unaccepted::Never => Self::NeverAcknowledged,
            Unaccepted::Contradicted => Self::Contradicted,
        }
    }
}
