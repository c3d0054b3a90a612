//! What one side claimed to have, and where.

use std::collections::BTreeSet;

use crate::provenance::{At, Span};

/// The pieces that a peer advertised by bitfield, have, have_all, have_none and lt_donthave.
///
/// A later bitfield adds to what was claimed before (aria2 sends it again in mid-session, T11).
#[derive(Clone, Debug, Default)]
pub struct Advertised {
    all: Option<Span>,
    bits: Vec<u8>,
    bits_span: Option<Span>,
    /// What later bitfields added, each time with its frames; the last one stands for all beyond [`BITFIELDS`].
    added: Vec<(Vec<u8>, Span)>,
    added_full: bool,
    /// Single claims in order of arrival, the first [`EXACT_HAVES`] of them with their frame.
    haves: Vec<(u32, At)>,
    /// Claims beyond those, as bits, with the frames of all of them together.
    rest: Vec<u8>,
    rest_span: Option<Span>,
    first: Option<Span>,
    /// Pieces given up since (BEP 54), and not claimed again.
    withdrawn: BTreeSet<u32>,
    /// Whether more were given up than are remembered one by one: then nothing is known to be there.
    forgotten: bool,
}

impl Advertised {
    /// A bitfield (BEP 3, id 5).
    pub fn bitfield(&mut self, bits: &[u8], span: Span) {
        if self.bits.len() < bits.len() {
            self.bits.resize(bits.len(), 0);
        }
        if self.bits_span.is_none() {
            self.bits_span = Some(span);
        } else {
            let new: Vec<u8> = self.bits.iter().zip(bits).map(|(have, claim)| claim & !have).collect();
            self.add(new, span);
        }
        self.bits.iter_mut().zip(bits).for_each(|(have, claim)| *have |= claim);
        if bits.iter().any(|byte| *byte != 0) {
            self.first.get_or_insert(span);
        }
    }

    /// Keeps what a later bitfield added, so that its own frames are cited for it.
    fn add(&mut self, new: Vec<u8>, span: Span) {
        if new.iter().all(|byte| *byte == 0) {
            return;
        }
        match self.added.last_mut().filter(|_| self.added_full) {
            Some((bits, frames)) => {
                if bits.len() < new.len() {
                    bits.resize(new.len(), 0);
                }
                bits.iter_mut().zip(&new).for_each(|(have, claim)| *have |= claim);
                *frames = frames.join(span);
            }
            None => self.added.push((new, span)),
        }
        self.added_full = self.added.len() >= BITFIELDS;
    }

    /// have (BEP 3, id 4).
    pub fn have(&mut self, piece: u32, span: Span) {
        self.withdrawn.remove(&piece);
        self.first.get_or_insert(span);
        if self.haves.len() < EXACT_HAVES {
            self.haves.push((piece, span.first));
            return;
        }
        let byte = piece as usize / 8;
        if byte >= MOST_BITS / 8 {
            return;
        }
        if self.rest.len() <= byte {
            self.rest.resize(byte + 1, 0);
        }
        self.rest[byte] |= 0x80 >> (piece % 8);
        let rest = self.rest_span.get_or_insert(span);
        *rest = rest.join(span);
    }

    /// have_all (BEP 6, id 14).
    pub fn have_all(&mut self, span: Span) {
        self.all.get_or_insert(span);
        self.first.get_or_insert(span);
    }

    /// lt_donthave (BEP 54): the piece is not there any more.
    pub fn dont_have(&mut self, piece: u32) {
        if self.withdrawn.len() < EXACT_HAVES {
            self.withdrawn.insert(piece);
        } else {
            self.forgotten |= !self.withdrawn.contains(&piece);
        }
    }

    /// Whether it gave up more pieces than are remembered: it is not known which it still has.
    pub fn forgot(&self) -> bool {
        self.forgotten
    }

    /// Where `piece` was first advertised, if it was and was not withdrawn since.
    pub fn since(&self, piece: u32) -> Option<Span> {
        if self.forgotten || self.withdrawn.contains(&piece) {
            return None;
        }
        self.all
            .or_else(|| self.added.iter().find(|(bits, _)| bit(bits, piece)).map(|(_, span)| *span))
            .or_else(|| bit(&self.bits, piece).then_some(self.bits_span).flatten())
            .or_else(|| self.haves.iter().find(|(have, _)| *have == piece).map(|(_, at)| Span::single(*at)))
            .or_else(|| bit(&self.rest, piece).then_some(self.rest_span).flatten())
    }

    /// The first claim to have any piece.
    pub fn first(&self) -> Option<Span> {
        self.first
    }

    /// Whether have_all was sent.
    pub fn is_all(&self) -> bool {
        self.all.is_some()
    }

    /// The pieces claimed one by one, as a bitfield; see [`is_all`](Self::is_all) too.
    pub fn union(&self) -> Vec<u8> {
        let mut bits = self.bits.clone();
        let mut set = |piece: u32| {
            let byte = piece as usize / 8;
            if byte < MOST_BITS / 8 {
                if bits.len() <= byte {
                    bits.resize(byte + 1, 0);
                }
                bits[byte] |= 0x80 >> (piece % 8);
            }
        };
        self.haves.iter().for_each(|(piece, _)| set(*piece));
        (0..self.rest.len() as u32 * 8).filter(|piece| bit(&self.rest, *piece)).for_each(&mut set);
        bits
    }
}

fn bit(bits: &[u8], piece: u32) -> bool {
    bits.get(piece as usize / 8).is_some_and(|byte| byte & (0x80 >> (piece % 8)) != 0)
}

// Rationale: aria2 sends a second one; each may be as long as the first.
const BITFIELDS: usize = 4;
// Rationale: 24 bytes each, so 96 KiB for one side; a search through them stays below the cost of a block.
const EXACT_HAVES: usize = 4_096;
// Rationale: the piece count that a bitfield at the message limit can hold; a have beyond it is nobody's piece.
const MOST_BITS: usize = 1 << 27;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provenance::{FrameId, Timestamp};

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
        assert_eq!(advertised.union(), vec![0b1001_0000]);
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
        assert_eq!(advertised.union().iter().map(|byte| byte.count_ones()).sum::<u32>(), 10_000);
    }
}
