//! Where checksums say something: nearly all of an interface are right, so that a wrong one is damage.
//!
//! In many captures they are all wrong: the sender's network card was to complete them, or addresses were made anonymous.
//! So they are counted, by interface and by the address that sent. Only what could do harm is tested while frames are
//! read: the headers of IPv4, packets that steer a stream or are small, the first packet of a flow. One flipped bit there
//! invents an address, or hides a connection.

use crate::limits::CHECKSUM_PLACES;
use std::net::IpAddr;

use super::Checksum;

/// Outcomes of one kind of checksum.
#[derive(Debug)]
pub(super) struct ChecksumTallies {
    interfaces: Box<[Counts; CHECKSUM_PLACES]>,
    /// By address, several of which may share a place.
    sources: Box<[Counts; CHECKSUM_PLACES]>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    right: u32,
    wrong: u32,
}

/// Where a packet was captured and who sent it, as places in [`ChecksumTallies`]: a `u8` is below [`CHECKSUM_PLACES`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Origin {
    interface: u8,
    source: u8,
}

impl Default for ChecksumTallies {
    fn default() -> Self {
        Self {
            interfaces: Box::new([Counts::default(); CHECKSUM_PLACES]),
            sources: Box::new([Counts::default(); CHECKSUM_PLACES]),
        }
    }
}

impl Origin {
    /// That of a packet of `source` in a frame of `interface` of input `file`; in a tunnel, others filled in the checksums.
    #[inline]
    pub(super) fn new(file: u16, interface: u32, tunnelled: bool, source: IpAddr) -> Self {
        let interface = (file as u8).wrapping_mul(16).wrapping_add(interface as u8) ^ (u8::from(tunnelled) << 7);
        let folded = match source {
            IpAddr::V4(address) => address.to_bits(),
            IpAddr::V6(address) => {
                let bits = address.to_bits();
                (bits ^ bits >> 32 ^ bits >> 64 ^ bits >> 96) as u32
            }
        };
        // Rationale: the golden ratio; neighbours get places apart.
        Self { interface, source: (folded.wrapping_mul(0x9e37_79b9) >> 24) as u8 }
    }
}

impl ChecksumTallies {
    /// Counts an outcome. Gives whether it is damage: wrong, where nearly all others are right.
    #[inline]
    pub(super) fn note(&mut self, origin: Origin, outcome: Checksum) -> bool {
        if matches!(outcome, Checksum::Unchecked | Checksum::Partial) {
            return false;
        }
        for counts in
            [&mut self.interfaces[usize::from(origin.interface)], &mut self.sources[usize::from(origin.source)]]
        {
            match outcome {
                Checksum::Good => counts.right = counts.right.saturating_add(1),
                _ => counts.wrong = counts.wrong.saturating_add(1),
            }
        }
        outcome == Checksum::Bad && self.is_damage(origin)
    }

    /// Returns true if a wrong checksum from `origin` is damage, as nearly all others from there are right.
    #[cold]
    fn is_damage(&self, origin: Origin) -> bool {
        let all = self.interfaces[usize::from(origin.interface)];
        let own = self.sources[usize::from(origin.source)];
        let nearly = |counts: Counts| counts.right >= FEWEST && counts.right / SHARE >= counts.wrong;
        // Of an address that sends wrong ones all the time they say nothing.
        nearly(all) && (own.wrong <= MOST_ALONE || nearly(own))
    }

    /// Returns true if checksums from `origin` say nothing, as most are wrong.
    pub(super) fn is_silent(&self, origin: Origin) -> bool {
        let all = self.interfaces[usize::from(origin.interface)];
        let own = self.sources[usize::from(origin.source)];
        let counts = if own.right.saturating_add(own.wrong) >= FEWEST { own } else { all };
        counts.wrong >= FEWEST && counts.wrong > counts.right
    }
}

// Rationale: a few tell that checksums are filled in at all.
const FEWEST: u32 = 4;
// Rationale: of a host whose card fills them in, half are wrong; damage is one in many.
const SHARE: u32 = 4;
// Rationale: a flow of this many frames, all wrong, says nothing of its address.
const MOST_ALONE: u32 = 8;

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(last: u8) -> Origin {
        Origin::new(0, 0, false, [192, 0, 2, last].into())
    }

    #[test]
    fn a_wrong_one_is_damage_only_among_right_ones() {
        let mut sums = ChecksumTallies::default();
        assert!(!sums.note(origin(1), Checksum::Bad), "nothing is known");
        for _ in 0..8 {
            assert!(!sums.note(origin(1), Checksum::Good));
        }
        assert!(sums.note(origin(1), Checksum::Bad));
        assert!(!sums.note(origin(1), Checksum::Unchecked));
        // Another interface, and what is inside of tunnels, is another matter.
        assert!(!sums.note(Origin::new(0, 1, false, [192, 0, 2, 1].into()), Checksum::Bad));
        assert!(!sums.note(Origin::new(0, 0, true, [192, 0, 2, 1].into()), Checksum::Bad));
    }

    #[test]
    fn where_many_are_wrong_they_say_nothing() {
        let mut sums = ChecksumTallies::default();
        for _ in 0..30 {
            sums.note(origin(1), Checksum::Good);
            sums.note(origin(2), Checksum::Bad);
        }
        assert!(!sums.note(origin(1), Checksum::Bad) && sums.is_silent(origin(2)) && !sums.is_silent(origin(1)));
        // Of one address among many, too.
        let mut sums = ChecksumTallies::default();
        for _ in 0..1_000 {
            sums.note(origin(1), Checksum::Good);
        }
        let damage: Vec<bool> = (0..10).map(|_| sums.note(origin(2), Checksum::Bad)).collect();
        assert_eq!(damage, [&[true; 8][..], &[false; 2]].concat());
    }
}
