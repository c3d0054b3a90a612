//! The pieces that one side claimed to have on one connection.

use serde::{Deserialize, Serialize};

use super::PieceSet;
use crate::ends::{At, Span};

/// Claims by bitfield, have, have_all and lt_donthave, not cut to any torrent.
///
/// # Invariants
/// - `haves` ascend by piece, each once; `withdrawn` ascends.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// have_all (BEP 6).
    pub all: Option<Span>,
    /// Bitfields (BEP 3): all of them together, with the frames of the first; then what each later one added, with its own.
    pub bitfields: Vec<(PieceSet, Span)>,
    /// Single claims (BEP 3 have): each piece, and the frame that claimed it first.
    pub haves: Vec<(u32, At)>,
    /// Single claims beyond as many as are kept with their frame, and the frames of all of these together.
    pub rest: Option<(PieceSet, Span)>,
    /// The first claim of any kind.
    pub first: Option<Span>,
    /// Pieces given up (BEP 54) and not claimed again.
    pub withdrawn: Vec<u32>,
    /// True if more pieces were given up than are kept one by one: then none is known to be there.
    pub forgotten: bool,
}

impl Claims {
    /// Returns true if have_all was sent.
    pub fn is_all(&self) -> bool {
        self.all.is_some()
    }

    /// The pieces claimed one by one, withdrawn ones too; see [`Self::is_all`] also.
    pub fn union(&self) -> PieceSet {
        let mut all = PieceSet::default();
        // What does not fit was told when it was claimed, but for a few chunks where both parts are nearly full.
        self.bitfields.iter().chain(&self.rest).for_each(|(pieces, _)| _ = all.union(pieces));
        self.haves.iter().for_each(|(piece, _)| _ = all.insert(*piece));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ends::{FrameId, Timestamp};

    #[test]
    fn all_that_was_claimed_is_one_set() {
        let at = At { time: Timestamp(0), frame: FrameId::new(0, 1) };
        let set = |pieces: &[u32]| {
            let mut set = PieceSet::default();
            pieces.iter().for_each(|piece| _ = set.insert(*piece));
            set
        };
        let span = Span::single(at);
        let claims = Claims {
            bitfields: vec![(set(&[1, 2]), span), (set(&[9]), span)],
            haves: vec![(2, at), (700, at)],
            rest: Some((set(&[5]), span)),
            ..Claims::default()
        };
        assert_eq!(claims.union(), set(&[1, 2, 5, 9, 700]));
        assert!(!claims.is_all());
    }
}
