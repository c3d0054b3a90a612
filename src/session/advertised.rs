//! The pieces that one side advertised, and in which frames.

use std::collections::BTreeSet;

use hashbrown::HashMap;

use super::{Claims, PieceSet};
use crate::ends::{At, Span};
use crate::limits::{ADVERTISED_BITFIELDS, ADVERTISED_HAVES};

/// The pieces that a peer advertised by bitfield, have, have_all, have_none and lt_donthave.
///
/// A later bitfield adds to what was claimed before (aria2 sends it again in mid-session, T11). Memory follows what was
/// claimed, not the numbers of the pieces; nothing is held while nothing was.
#[derive(Clone, Debug, Default)]
pub struct Advertised(Option<Box<Live>>);

#[derive(Clone, Debug, Default)]
struct Live {
    all: Option<Span>,
    bits: PieceSet,
    bits_span: Option<Span>,
    /// The pieces that each later bitfield added, with its frames; the last entry stands for all beyond
    /// [`ADVERTISED_BITFIELDS`].
    added: Vec<(PieceSet, Span)>,
    /// The first of each single claim, for the first [`ADVERTISED_HAVES`] pieces.
    haves: HashMap<u32, At, foldhash::quality::FixedState>,
    /// Claims beyond those, with the frames of all of them together.
    rest: PieceSet,
    rest_span: Option<Span>,
    first: Option<Span>,
    /// Pieces given up since (BEP 54), and not claimed again.
    withdrawn: BTreeSet<u32>,
    /// True if more pieces were given up than are remembered one by one: then none is known to be there.
    forgotten: bool,
    /// Notes that claims were not kept because the bound was reached.
    crowded: Crowded,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Crowded {
    #[default]
    Never,
    Untold,
    Told,
}

impl Advertised {
    /// A bitfield (BEP 3, id 5).
    pub fn bitfield(&mut self, bits: &[u8], span: Span) {
        if bits.iter().all(|byte| *byte == 0) {
            return;
        }
        let claims = self.live();
        if claims.bits_span.is_none() {
            claims.bits_span = Some(span);
        } else {
            let new = claims.bits.missing_of(bits);
            claims.add(new, span);
        }
        let kept = claims.bits.insert_bits(bits);
        claims.keep(kept);
        claims.first.get_or_insert(span);
    }

    /// have (BEP 3, id 4).
    pub fn have(&mut self, piece: u32, span: Span) {
        let claims = self.live();
        claims.withdrawn.remove(&piece);
        claims.first.get_or_insert(span);
        if claims.haves.len() < ADVERTISED_HAVES || claims.haves.contains_key(&piece) {
            claims.haves.entry(piece).or_insert(span.first);
            return;
        }
        let kept = claims.rest.insert(piece);
        claims.keep(kept);
        let rest = claims.rest_span.get_or_insert(span);
        *rest = rest.join(span);
    }

    /// have_all (BEP 6, id 14).
    pub fn have_all(&mut self, span: Span) {
        let claims = self.live();
        claims.all.get_or_insert(span);
        claims.first.get_or_insert(span);
    }

    /// lt_donthave (BEP 54): the piece is not there any more.
    pub fn dont_have(&mut self, piece: u32) {
        let claims = self.live();
        if claims.withdrawn.len() < ADVERTISED_HAVES {
            claims.withdrawn.insert(piece);
        } else {
            claims.forgotten |= !claims.withdrawn.contains(&piece);
        }
    }

    /// Returns true if the side gave up more pieces than are remembered: those that it still has are not known.
    pub fn forgot(&self) -> bool {
        self.0.as_ref().is_some_and(|claims| claims.forgotten)
    }

    /// Returns true, once, after claims were not kept because the bound was reached.
    pub(super) fn take_crowded(&mut self) -> bool {
        let Some(claims) = self.0.as_mut().filter(|claims| claims.crowded == Crowded::Untold) else { return false };
        claims.crowded = Crowded::Told;
        true
    }

    /// Where `piece` was first advertised, if it was and was not withdrawn since.
    pub fn since(&self, piece: u32) -> Option<Span> {
        let claims = self.0.as_ref()?;
        if claims.forgotten || claims.withdrawn.contains(&piece) {
            return None;
        }
        claims
            .all
            .or_else(|| claims.added.iter().find(|(bits, _)| bits.contains(piece)).map(|(_, span)| *span))
            .or_else(|| claims.bits.contains(piece).then_some(claims.bits_span).flatten())
            .or_else(|| claims.haves.get(&piece).map(|at| Span::single(*at)))
            .or_else(|| claims.rest.contains(piece).then_some(claims.rest_span).flatten())
    }

    /// The first claim to have any piece.
    pub fn first(&self) -> Option<Span> {
        self.0.as_ref()?.first
    }

    /// Returns true if have_all was sent.
    pub fn is_all(&self) -> bool {
        self.0.as_ref().is_some_and(|claims| claims.all.is_some())
    }

    /// All that was claimed, to be kept.
    pub fn claims(&self) -> Claims {
        let Some(claims) = &self.0 else { return Claims::default() };
        // What later bitfields added is cited by their own frames.
        let first = claims.bits_span.map(|span| (claims.bits.clone(), span));
        let mut haves: Vec<_> = claims.haves.iter().map(|(piece, at)| (*piece, *at)).collect();
        haves.sort_unstable_by_key(|(piece, _)| *piece);
        Claims {
            all: claims.all,
            bitfields: first.into_iter().chain(claims.added.iter().cloned()).collect(),
            haves,
            rest: claims.rest_span.map(|span| (claims.rest.clone(), span)),
            first: claims.first,
            withdrawn: claims.withdrawn.iter().copied().collect(),
            forgotten: claims.forgotten,
        }
    }

    /// The pieces claimed one by one; see [`is_all`](Self::is_all) too.
    pub fn union(&self) -> PieceSet {
        let Some(claims) = &self.0 else { return PieceSet::default() };
        let mut all = claims.bits.clone();
        // What does not fit was told when it was claimed, but for a few chunks where both parts are nearly full.
        all.union(&claims.rest);
        let mut haves: Vec<u32> = claims.haves.keys().copied().collect();
        haves.sort_unstable();
        haves.into_iter().for_each(|piece| _ = all.insert(piece));
        all
    }

    /// Bytes that it takes beyond its own size.
    #[cfg(test)]
    fn weight(&self) -> usize {
        let Some(claims) = &self.0 else { return 0 };
        let added: usize = claims.added.iter().map(|(bits, _)| bits.weight()).sum();
        size_of::<Live>()
            + claims.bits.weight()
            + claims.rest.weight()
            + added
            + claims.haves.capacity() * size_of::<(u32, At)>()
            + claims.withdrawn.len() * size_of::<u64>()
    }

    fn live(&mut self) -> &mut Live {
        self.0.get_or_insert_default()
    }
}

impl Live {
    /// Keeps what a later bitfield added, so that its own frames are cited for it.
    fn add(&mut self, new: PieceSet, span: Span) {
        if new.is_empty() {
            return;
        }
        if self.added.len() < ADVERTISED_BITFIELDS {
            self.added.push((new, span));
        } else if let Some((bits, frames)) = self.added.last_mut() {
            let kept = bits.union(&new);
            *frames = frames.join(span);
            self.keep(kept);
        }
    }

    fn keep(&mut self, kept: bool) {
        if !kept && self.crowded == Crowded::Never {
            self.crowded = Crowded::Untold;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ends::{FrameId, Timestamp};

    fn span(n: u64) -> Span {
        Span::single(At { time: Timestamp(n as i64), frame: FrameId::new(0, n) })
    }

    #[test]
    fn a_partial_bitfield_and_later_haves_unite_each_with_its_frame() {
        let mut advertised = Advertised::default();
        advertised.bitfield(&[0b1000_0000], span(1));
        advertised.have(3, span(2));
        assert_eq!(advertised.since(0), Some(span(1)));
        assert_eq!(advertised.since(3), Some(span(2)));
        assert_eq!(advertised.since(4), None);
        let union = advertised.union();
        assert!((0..9).all(|piece| union.contains(piece) == [0, 3].contains(&piece)));
    }

    #[test]
    fn a_withdrawn_piece_is_advertised_no_more_until_it_is_claimed_again() {
        let mut advertised = Advertised::default();
        advertised.have_all(span(1));
        advertised.dont_have(7);
        assert_eq!((advertised.since(7), advertised.since(8)), (None, Some(span(1))));
        advertised.have(7, span(3));
        assert!(advertised.since(7).is_some());
    }

    #[test]
    fn a_piece_that_only_a_later_bitfield_claims_is_cited_from_that_one() {
        let mut advertised = Advertised::default();
        for n in 0..8 {
            advertised.bitfield(&[0x80 >> n | 0x80], span(1 + n));
        }
        assert_eq!(advertised.since(0), Some(span(1)));
        assert_eq!(advertised.since(3), Some(span(4)));
        // Beyond the fourth addition their frames are joined.
        assert_eq!(advertised.since(7), Some(span(5).join(span(8))));
    }

    #[test]
    fn who_gives_up_more_pieces_than_are_remembered_advertises_none() {
        let mut advertised = Advertised::default();
        advertised.have_all(span(1));
        (0..4_096).for_each(|piece| advertised.dont_have(piece));
        assert!(!advertised.forgot() && advertised.since(4_096).is_some());
        advertised.dont_have(4_096);
        assert!(advertised.forgot() && advertised.since(4_096).is_none() && advertised.since(9_999).is_none());
    }

    #[test]
    fn an_empty_bitfield_claims_nothing() {
        let mut advertised = Advertised::default();
        advertised.bitfield(&[0, 0], span(1));
        assert_eq!(advertised.first(), None);
    }

    #[test]
    fn haves_beyond_the_exact_ones_are_still_known() {
        let mut advertised = Advertised::default();
        (0..10_000).for_each(|piece| advertised.have(piece, span(u64::from(piece) + 1)));
        assert_eq!(advertised.since(100), Some(span(101)));
        assert_eq!(advertised.since(9_999).map(|span| span.last.frame.number()), Some(10_000));
        assert_eq!(advertised.union().count_below(u64::MAX), 10_000);
    }

    #[test]
    fn a_have_of_the_highest_piece_costs_what_any_other_does() {
        let mut advertised = Advertised::default();
        for piece in [1 << 27, u32::MAX, u32::MAX - 1_000] {
            advertised.have(piece, span(1));
        }
        assert!(advertised.since(u32::MAX).is_some() && advertised.weight() < 2_000, "{}", advertised.weight());
        assert_eq!(advertised.union().count_below(u64::MAX), 3);
    }

    #[test]
    fn a_hundred_thousand_scattered_haves_are_bounded_quick_and_told() {
        let mut advertised = Advertised::default();
        for n in 0..100_000_u32 {
            advertised.have(n.wrapping_mul(0x9E37_79B9), span(u64::from(n) + 1));
            assert!(advertised.since(n.wrapping_mul(0x9E37_79B9)).is_some() || n > 16_384);
        }
        assert!(advertised.weight() < 1 << 20, "{}", advertised.weight());
        assert!(advertised.take_crowded() && !advertised.take_crowded());
    }

    #[test]
    fn a_have_sent_a_hundred_thousand_times_is_cited_from_the_first() {
        let mut advertised = Advertised::default();
        (0..100_000).for_each(|n| advertised.have(7, span(n + 1)));
        (0..5_000).for_each(|n| advertised.have(n, span(200_000)));
        assert_eq!(advertised.since(7), Some(span(1)));
    }
}
