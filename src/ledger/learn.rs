//! What a unit's verified contents are, and that there is more than one (T23).

use super::unit::Matched;
use super::{Content, Measure, Unit, UnitBook};
use crate::ends::Span;
use crate::oddity::{Oddity, Sink};
use crate::prove::{Half, Proof, Verdict, sha256};
use crate::torrent::Expected;

/// What came of a new verified content.
pub(super) struct Learned {
    /// It is the first one.
    pub(super) first: bool,
    /// Slices of it that were not kept.
    pub(super) dropped: usize,
}

/// The number of the verified content that others are compared with first.
pub(super) const FIRST: usize = 0;

impl<'cap> UnitBook<'cap> {
    /// Keeps a verified content to compare others with. A second, different content with the same SHA-1 is kept too,
    /// and told (T23). So is that the halves of a hybrid torrent describe other bytes. `by_leaf` tells whether the
    /// torrent has leaves (BEP 52).
    pub(super) fn learn(
        &mut self,
        content: Content<'cap>,
        proof: Proof,
        unit: Unit,
        by_leaf: bool,
        span: Option<Span>,
        anomalies: &mut dyn Sink,
    ) -> Learned {
        let version = self.version_of(&content);
        self.learn_as(version, content, proof, unit, by_leaf, span, anomalies)
    }

    /// The bytes of its [first](FIRST) verified content, to compare a copy with before that is hashed. Of a hybrid every copy
    /// is hashed both ways: one may match a half that another one does not.
    pub(super) fn verified_copy(&self, measure: &Measure) -> Option<Vec<&'cap [u8]>> {
        let whole = self.matched.is_whole() && !matches!(measure.expected, Expected::Both { .. });
        let reference = self.references.first().filter(|_| whole)?;
        measure.job(reference).map(|job| job.runs)
    }

    /// The number of the verified content that `content` is; that of the next one where it is none of them.
    pub(super) fn version_of(&self, content: &Content<'cap>) -> usize {
        if self.references.is_empty() {
            return 0;
        }
        let ranges = content.ranges();
        let same = |known: &Content<'cap>| ranges.iter().all(|range| known.agrees(content, range));
        self.references.iter().position(same).unwrap_or(self.references.len())
    }

    /// As [`Self::learn`], where it is known which content it is.
    #[expect(clippy::too_many_arguments, reason = "one more than learn has, which the caller knows")]
    pub(super) fn learn_as(
        &mut self,
        version: usize,
        content: Content<'cap>,
        proof: Proof,
        unit: Unit,
        by_leaf: bool,
        span: Option<Span>,
        anomalies: &mut dyn Sink,
    ) -> Learned {
        let (before, verdict) = (self.matched, proof.verdict);
        if self.matched.note(verdict)
            && let Verdict::Half(half) = verdict
        {
            anomalies.odd(Oddity::HalfMatch { unit: unit.into(), v1: half == Half::V1 }.within(span));
        }
        let slices = content.len();
        let first = !self.verified;
        self.verified = true;
        if self.references_dropped {
            return Learned { first: false, dropped: slices };
        }
        if let Some(reference) = self.references.first() {
            if version < self.references.len() {
                return Learned { first: false, dropped: slices };
            }
            let ranges = content.ranges();
            let mut now = Matched::default();
            now.note(verdict);
            let same_sha1 = before.has_sha1() && now.has_sha1();
            let digest = |content: &Content<'cap>| {
                let runs: Vec<_> =
                    ranges.iter().flat_map(|range| content.within(range)).map(|(_, bytes)| bytes).collect();
                sha256(&runs)
            };
            if same_sha1 {
                let sha256 = Box::new([digest(reference), digest(&content)]);
                anomalies.odd(Oddity::Collision { unit: unit.into(), sha256 }.seen());
            }
        } else {
            self.trivial = proof.trivial.unwrap_or_else(|| content.is_trivial());
            if by_leaf && !self.trivial {
                let leaves = content.trivial_leaves();
                self.trivial_leaves = (!leaves.is_empty()).then(|| Box::new(leaves));
            }
        }
        self.references.push(content);
        Learned { first, dropped: 0 }
    }
}
