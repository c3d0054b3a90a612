//! Questions to the captures: the judge holds no bytes.

use std::ops::Range;

use super::Measure;
use super::Parts;
use crate::Error;
use crate::ends::{Direction, FlowKey, Span};
use crate::facts::Digests;
use crate::prove::{Half, Verdict};
use crate::session::Reason;
use crate::torrent::merkle::root;
use crate::torrent::{Expected, Torrent};

/// Whoever has the bytes that facts name. Each answer is a function of the question and the captures, so that their order
/// changes nothing.
pub trait Ask {
    /// The judge turns to a piece of `torrent`; without one, to the pieces of this number of all torrents, known or not. A
    /// hint: no answer depends on it.
    fn turn(&mut self, _piece: u32, _torrent: Option<&Torrent>) {}

    /// Digests of `copy` as the unit of `measure`, padding as zeros, as far as that unit's hashes ask for them: the
    /// copy holds all of it.
    fn digests(&mut self, copy: &Parts, measure: &Measure) -> Digests;

    /// SHA-1 and SHA-256 of the unit of `measure`, of which `content` is all but padding and hashes right; `None` where bytes are
    /// missing.
    fn sums(&mut self, content: &Parts, measure: &Measure) -> Option<([u8; 20], [u8; 32])>;

    /// Notes that [`sums`](Self::sums) of the content are wanted in the end: they are worked out many at a time. Gives their number
    /// among all that were noted; `None` where bytes are missing, or nobody wants them.
    fn note_sums(&mut self, _content: &Parts, _measure: &Measure) -> Option<u32> {
        None
    }

    /// Returns true if both copies hold all of `range`, with equal bytes.
    fn same(&mut self, one: &Parts, other: &Parts, range: Range<u32>) -> bool;

    /// Returns true if all bytes of `parts` have one value; of none, too.
    fn is_trivial(&mut self, parts: &Parts) -> bool;

    /// Bytes of `parts` that are not zero.
    fn non_zero(&mut self, parts: &Parts) -> u64;

    /// Returns true if the frames of `span` can be looked at. Where not, nothing is known of damage in them, and
    /// [`damaged`](Self::damaged) need not be asked.
    fn has_frames(&mut self, _span: Span) -> bool {
        true
    }

    /// Of each suspect, the reason for which it is in doubt: it rests on a damaged frame, one with a wrong checksum among others
    /// of its direction with right ones, or on one whose checksum cannot be tested.
    ///
    /// # Errors
    /// Those of reading the captures.
    fn damaged(&mut self, suspects: &[Suspect]) -> Result<Vec<Option<Reason>>, Error>;
}

/// Frames of a direction that something speaks against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Suspect {
    /// The flow that carried them.
    pub flow: FlowKey,
    /// Who sent them.
    pub from: Direction,
    /// The frames, among others.
    pub span: Span,
}

/// Compares digests with the hashes that a unit must have.
pub(super) fn verdict(expected: &Expected, digests: &Digests) -> Verdict {
    let is_sha1 = |expected: &[u8; 20]| digests.sha1 == Some(*expected);
    let matches = match expected {
        Expected::Sha1(sha1) => is_sha1(sha1),
        Expected::V2(tree) => root(&digests.leaves, tree.width) == tree.root,
        Expected::Both { sha1, v2 } => {
            return match (is_sha1(sha1), root(&digests.leaves, v2.width) == v2.root) {
                (true, true) => Verdict::Match,
                (true, false) => Verdict::Half(Half::V1),
                (false, true) => Verdict::Half(Half::V2),
                (false, false) => Verdict::Mismatch,
            };
        }
        Expected::Leaf(leaf) => digests.leaves.first() == Some(leaf),
        Expected::Unknown => false,
    };
    if matches { Verdict::Match } else { Verdict::Mismatch }
}
