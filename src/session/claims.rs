//! The pieces that one side claimed to have on one connection.

use std::collections::BTreeMap;

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

    /// Where `piece` was claimed first, if it was and is not known to be given up since.
    pub fn since(&self, piece: u32) -> Option<Span> {
        if self.forgotten || self.withdrawn.contains(&piece) {
            return None;
        }
        let of_set = || self.bitfields.iter().chain(&self.rest).find(|(pieces, _)| pieces.contains(piece));
        let of_one = || self.haves.iter().find(|(own, _)| *own == piece);
        self.all.or_else(|| of_set().map(|(_, span)| *span)).or_else(|| of_one().map(|(_, at)| Span::single(*at)))
    }

    /// Adds what another capture holds of the claims of this side.
    pub fn join(&mut self, other: Self) {
        let Self { all, bitfields, haves, rest, first, withdrawn, forgotten } = other;
        let earliest = |one: Option<Span>, other: Option<Span>| {
            one.into_iter().chain(other).min_by_key(|span| span.first.time)
        };
        self.all = earliest(self.all, all);
        self.first = earliest(self.first, first);
        if self.bitfields.is_empty() {
            self.bitfields = bitfields;
        }
        let own = std::mem::take(&mut self.haves);
        let mut each: BTreeMap<u32, At> = BTreeMap::new();
        for (piece, at) in own.into_iter().chain(haves) {
            each.entry(piece)
                .and_modify(|known| *known = if at.time < known.time { at } else { *known })
                .or_insert(at);
        }
        self.haves = each.into_iter().collect();
        self.rest = self.rest.take().or(rest);
        self.withdrawn.extend(withdrawn);
        self.withdrawn.sort_unstable();
        self.withdrawn.dedup();
        self.forgotten |= forgotten;
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
