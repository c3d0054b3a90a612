//! The inputs of a capture set, as Facts name them.

use serde::{Deserialize, Serialize};

use crate::ends::Timestamp;

/// One input. Its place in [`Facts::inputs`](super::Facts::inputs) is the `file` of a [`FrameId`](crate::ends::FrameId)
/// and the `store` of a [`Place`](super::Place).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Input {
    /// File name without its directories, or `-` for standard input.
    pub name: String,
    /// Size in bytes as given: compressed, where it is.
    pub bytes: u64,
    /// SHA-256 of the bytes as given; `None` when not asked for, or not computed yet.
    pub sha256: Option<[u8; 32]>,
    /// Frames read.
    pub frames: u64,
    /// Time of the first frame in file order.
    pub first_time: Option<Timestamp>,
    /// Time of the last frame in file order.
    pub last_time: Option<Timestamp>,
}
