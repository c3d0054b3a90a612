//! How a transfer went in time: what a row's first and last time do not tell.

use serde::{Deserialize, Serialize};

use super::{Grade, SessionTimes, Times};
use crate::ends::Span;

/// The course of a transfer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Course {
    /// First and last packet, as far as known.
    pub span: Option<Span>,
    /// Its connections, up to a bound; from there on the last one stands for all further ones, and is not whole.
    pub sessions: Vec<SessionTimes>,
    /// Its payload by time.
    pub times: Times,
    /// Its verified pieces, by number.
    pub pieces: Vec<VerifiedPiece>,
    /// The rungs that it reached, each with the frames that first show it.
    pub rungs: Vec<(Grade, Span)>,
    /// The port that the uploader declared (BEP 10 `p`).
    pub declared_port: Option<u16>,
}

/// Verified bytes of one piece in one transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifiedPiece {
    /// The piece.
    pub piece: u32,
    /// Verified bytes of it.
    pub bytes: u64,
    /// The frames of the verified units.
    pub span: Span,
    /// The frames of the first unit of it that came from this transfer alone.
    pub sole: Option<Span>,
    /// Of such a unit: the frames of advertisement and request, where both came before it.
    pub asked: Option<(Span, Span)>,
}
