//! Questions that framing leaves to the hash, and the answers.

/// A stretch that may be framed otherwise: the hash tells how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contest {
    /// The question.
    pub about: About,
    /// Where in the stream the search began, or the first of the messages begins.
    pub begun: u64,
    /// The answers, that of the framing that is read first; empty where it is read by a choice of them.
    pub places: Vec<Option<u64>>,
}

/// One answer to a [`Contest`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// As in [`Contest::about`].
    pub about: About,
    /// As in [`Contest::begun`].
    pub begun: u64,
    /// One of [`Contest::places`].
    pub place: Option<u64>,
}

/// Questions that framing leaves to the hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub enum About {
    /// Where the first message begins that a search found (T56).
    Search,
    /// Which header is none, where framing was lost behind it: one may be damaged or forged (T28, T64), and its message is
    /// searched for as behind a gap.
    Header,
}
