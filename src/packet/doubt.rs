//! Doubt about a packet whatever its checksum says, and the use that is made of a packet in doubt.
//!
//! No network card leaves the checksum of a fragmented packet to be filled in, and the identification that tells
//! fragments apart returns after 65,536 datagrams (RFC 4963). So what was put together from fragments is tested under
//! every policy: two halves that never belonged together must not be held against who sent one of them.
//!
//! Of a frame that the capture marks as damaged, what a checksum still vouches for is used, and held against nobody:
//! the damage may be in a header or trailer around it. The rest is left out, as a receiver does.

use super::Checksum;
use crate::ends::Span;
use crate::oddity::Oddity;

/// The evidence against a packet before its checksum is tested.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Doubt {
    /// The sign that the frame is damaged.
    pub damaged: Option<Damage>,
    /// From the first to the last of the fragments that it was put together from.
    pub joined: Option<Span>,
}

/// The sign by which a frame counts as damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Damage {
    /// The capture says so.
    Marked,
    /// The checksum of an IPv4 header in it is wrong, where nearly all others are right.
    Header,
}

/// The decision on a packet in doubt.
#[derive(Debug)]
pub(super) struct Verdict {
    /// The checksum result under which the packet is used; `None` when the packet is left out.
    pub checksum: Option<Checksum>,
    /// The oddity that is told of the packet.
    pub told: Option<Oddity>,
}

impl Doubt {
    /// Nothing is known against it.
    #[inline]
    pub fn is_none(&self) -> bool {
        self.damaged.is_none() && self.joined.is_none()
    }

    /// Decides on a packet whose checksum, tested under any policy, is `tested`.
    ///
    /// Where checksums say nothing, `silent`, a wrong one says nothing of fragments: what they make is used, and held
    /// against nobody.
    pub fn verdict(&self, tested: Checksum, silent: bool) -> Verdict {
        if self.joined.is_some() && tested == Checksum::Bad && silent {
            return Verdict { checksum: Some(Checksum::Bad), told: None };
        }
        match (self.mismatch(tested), self.damaged) {
            (Some(oddity), _) => Verdict { checksum: None, told: Some(oddity) },
            (None, Some(damage)) => damage.verdict(tested),
            (None, None) => Verdict { checksum: Some(tested), told: None },
        }
    }

    /// Why the fragments cannot be shown to belong together.
    fn mismatch(&self, tested: Checksum) -> Option<Oddity> {
        let span = self.joined?;
        let apart = span.first.time.0.abs_diff(span.last.time.0);
        match tested {
            Checksum::Bad => Some(Oddity::Mismatched { untested_ns: None }),
            Checksum::Unchecked | Checksum::Partial if apart > UNTESTED_NS => {
                Some(Oddity::Mismatched { untested_ns: Some(apart) })
            }
            Checksum::Unchecked | Checksum::Partial | Checksum::Good => None,
        }
    }
}

impl Damage {
    fn verdict(self, tested: Checksum) -> Verdict {
        let (checksum, matches) = match tested {
            Checksum::Good => (Some(Checksum::Bad), Some(true)),
            Checksum::Bad => (None, Some(false)),
            Checksum::Unchecked | Checksum::Partial => (None, None),
        };
        let oddity = match self {
            Self::Marked => Oddity::DamagedFrame { matches },
            Self::Header => Oddity::DamagedHeader { matches },
        };
        Verdict { checksum, told: Some(oddity) }
    }
}

// Rationale: fragments leave their sender back to back, and the paths of a network differ by less; to return sooner an
// identification needs 65,536 datagrams a second between two addresses.
const UNTESTED_NS: u64 = 1_000_000_000;
