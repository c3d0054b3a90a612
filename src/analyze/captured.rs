//! The captures, as the judge asks them: the only place where bytes that facts name are read.

use std::ops::Range;

use super::source::Source;
use crate::Error;
use crate::anomaly::Anomalies;
use crate::capture::{CaptureSet, Spill};
use crate::ends::{At, Span};
use crate::facts::{CopyRange, Digests, Place, Reason, SPILL};
use crate::judge::{Ask, Parts, Slice, Suspect};
use crate::judge::{Content, Measure};
use crate::oddity::{Oddity, Sink};
use crate::options::Options;
use crate::prove::{self, UnitJob};
use crate::spine;
use crate::torrent::Expected;

/// Captures, with what was derived from them while they were read.
#[derive(Debug)]
pub struct Captured<'cap, 'run> {
    pub(super) bytes: Bytes<'cap>,
    options: &'run Options<'run>,
    /// Bytes that were touched since memory was given back.
    touched: u64,
    /// How often something was hashed.
    pub(crate) hashed: u64,
    /// Oddities of frames that were looked at again.
    pub(crate) anomalies: Anomalies,
    /// Units of which sums were noted, and are not worked out yet.
    noted: Vec<UnitJob<'cap>>,
    /// Their bytes.
    noted_bytes: u64,
    /// Of those before them.
    sums: Vec<([u8; 20], [u8; 32])>,
}

impl<'cap, 'run> Captured<'cap, 'run> {
    /// The captures that facts name, and the spill of the walk that wrote them.
    pub fn new(captures: &'cap CaptureSet, spill: &'cap Spill, options: &'run Options<'run>) -> Self {
        Self::of(Bytes::Walk { captures, spill }, options)
    }

    /// The captures of several sets, whose first inputs are `bases`.
    pub(super) fn of_sets(sources: &'cap [Source], bases: &'cap [u16], options: &'run Options<'run>) -> Self {
        Self::of(Bytes::Sets { sources, bases }, options)
    }

    fn of(bytes: Bytes<'cap>, options: &'run Options<'run>) -> Self {
        let (anomalies, noted, sums) = (Anomalies::default(), Vec::new(), Vec::new());
        Self { bytes, options, touched: 0, hashed: 0, anomalies, noted, noted_bytes: 0, sums }
    }

    /// Bytes were touched, anywhere: they are not needed again, and from time to time their memory is given back.
    fn touch(&mut self, bytes: u64) {
        self.touched += bytes;
        if self.touched >= self.bytes.room(self.options.window) {
            self.touched = 0;
            self.release();
        }
    }

    /// The sums of all contents that were noted, in their order.
    pub(super) fn take_sums(&mut self) -> Vec<([u8; 20], [u8; 32])> {
        self.sum_noted();
        std::mem::take(&mut self.sums)
    }

    fn sum_noted(&mut self) {
        let noted = std::mem::take(&mut self.noted);
        let sums = self.summed(&noted);
        self.sums.extend(sums);
        self.noted_bytes = 0;
    }

    /// A verified unit, as far as its hash covers it.
    fn unit(&mut self, content: &Parts, measure: &Measure) -> Option<UnitJob<'cap>> {
        // The sums decide nothing: what is not at hand for them is not missed.
        if !content.slices().iter().all(|slice| self.bytes.holds(slice)) {
            return None;
        }
        self.touch(content.bytes());
        let mut job = measure.job(&self.bytes.content(content))?;
        if let Expected::V2(tree) = measure.expected {
            cut(&mut job.runs, tree.content);
        }
        Some(job)
    }

    /// SHA-1 and SHA-256 of verified units; an attack on the SHA-1 is told.
    fn summed(&mut self, units: &[UnitJob<'_>]) -> Vec<([u8; 20], [u8; 32])> {
        let sums = prove::sums(units);
        for (unit, (sha1, sha256)) in units.iter().zip(&sums) {
            debug_assert_eq!(*sha1, prove::sha1(&unit.runs));
            if self.options.sha1_collision_check && unit.has_sha1() && prove::is_collision_attack(&unit.runs) {
                self.anomalies.odd(Oddity::CollisionAttack { sha256: Box::new(*sha256) }.seen());
            }
        }
        sums
    }

    /// Gives the memory of the captures back.
    pub(super) fn release(&self) {
        self.bytes.release();
    }
}

/// The bytes that facts name.
#[derive(Clone, Copy, Debug)]
pub(super) enum Bytes<'cap> {
    /// Of facts that were written in this run.
    Walk {
        /// The captures.
        captures: &'cap CaptureSet,
        /// The bytes that were derived from them.
        spill: &'cap Spill,
    },
    /// Of facts that were put together of several sets.
    Sets {
        /// The captures at hand, one source a set.
        sources: &'cap [Source],
        /// The first input of each.
        bases: &'cap [u16],
    },
}

impl<'cap> Bytes<'cap> {
    /// The captures that are open.
    fn captures(self) -> impl Iterator<Item = &'cap CaptureSet> {
        let (one, several) = match self {
            Self::Walk { captures, .. } => (Some(captures), &[][..]),
            Self::Sets { sources, .. } => (None, sources),
        };
        one.into_iter().chain(several.iter().filter_map(Source::open_captures))
    }

    /// Gives back the memory of what was touched.
    pub(super) fn release(self) {
        self.captures().for_each(CaptureSet::release);
    }

    /// Bytes that may be touched before it is worth to give memory back.
    pub(super) fn room(self, window: u64) -> u64 {
        self.captures().map(|captures| captures.room(window)).max().unwrap_or(window)
    }

    /// The bytes of a slice; `None` where they are not at hand, which they are of facts that were written in this run.
    pub(super) fn slice(&self, slice: &Slice) -> Option<&'cap [u8]> {
        let bytes = self.at(slice.place, slice.len);
        debug_assert!(
            bytes.is_some() || matches!(self, Self::Sets { .. }),
            "facts name bytes that are there: {slice:?}"
        );
        bytes
    }

    /// Returns true if a slice is at hand, as far as is known without a look at the captures.
    fn holds(&self, slice: &Slice) -> bool {
        match *self {
            Self::Walk { .. } => true,
            Self::Sets { sources, bases } => {
                let (number, place) = slice.place.of_set(bases);
                sources.get(number).is_some_and(|source| source.holds(place, slice.len))
            }
        }
    }

    /// The bytes at `place`.
    pub(super) fn at(&self, place: Place, len: u32) -> Option<&'cap [u8]> {
        match *self {
            Self::Walk { spill, .. } if place.store == SPILL => spill.bytes_at(place.offset, len),
            Self::Walk { captures, .. } => captures.bytes_at(place.store, place.offset, len),
            Self::Sets { sources, bases } => {
                let (number, place) = place.of_set(bases);
                sources.get(number)?.bytes_at(place, len)
            }
        }
    }

    pub(super) fn content(&self, parts: &Parts) -> Content<'cap> {
        let mut content = Content::with_room(parts.slices().len());
        for slice in parts.slices() {
            if let Some(bytes) = self.slice(slice) {
                content.push(slice.start, bytes);
            }
        }
        content
    }

    /// The parts of a content within `range`.
    fn content_within(&self, parts: &Parts, range: &Range<u32>) -> Content<'cap> {
        let mut content = Content::default();
        for slice in parts.within(range) {
            if let Some(bytes) = self.slice(&slice) {
                content.push(slice.start, bytes);
            }
        }
        content
    }

    /// Of each suspect, the reason for which it is in doubt.
    fn damaged(
        self,
        suspects: &[Suspect],
        options: &Options<'_>,
        out: &mut dyn Sink,
    ) -> Result<Vec<Option<Reason>>, Error> {
        let (sources, bases) = match self {
            Self::Walk { captures, .. } => return spine::damaged(captures, suspects, options, out),
            Self::Sets { sources, bases } => (sources, bases),
        };
        let mut damaged = vec![None; suspects.len()];
        for (number, (source, base)) in sources.iter().zip(bases).enumerate() {
            let of_set = |suspect: &Suspect| set_of(suspect.span, bases) == Some(number);
            let own: Vec<usize> = (0..).zip(suspects).filter(|(_, it)| of_set(it)).map(|(at, _)| at).collect();
            if own.is_empty() {
                continue;
            }
            let Some(captures) = source.captures() else { continue };
            let local = |at: At| At { frame: at.frame.ahead(*base), ..at };
            let there = |span: Span| Span { first: local(span.first), last: local(span.last) };
            let there: Vec<Suspect> = own
                .iter()
                .filter_map(|at| suspects.get(*at))
                .map(|suspect| Suspect { span: there(suspect.span), ..*suspect })
                .collect();
            let mut odd = Vec::new();
            let found = spine::damaged(captures, &there, options, &mut odd)?;
            own.iter().zip(found).for_each(|(at, found)| {
                damaged.get_mut(*at).into_iter().for_each(|damaged| *damaged = found);
            });
            for mut occurrence in odd {
                occurrence.span = occurrence.span.map(|span| Span {
                    first: At { frame: span.first.frame.behind(*base), ..span.first },
                    last: At { frame: span.last.frame.behind(*base), ..span.last },
                });
                out.odd(occurrence);
            }
        }
        Ok(damaged)
    }
}

impl Ask for Captured<'_, '_> {
    fn digests(&mut self, copy: &Parts, measure: &Measure) -> Digests {
        let content = self.bytes.content(copy);
        let Some(job) = measure.job(&content) else { return Digests::default() };
        self.hashed += 1;
        self.touch(copy.bytes());
        let hashed = prove::hashed(std::slice::from_ref(&job)).pop();
        let mut digests = hashed.map(|hashed| hashed.digests).unwrap_or_default();
        if job.padded {
            tell_trivial(&content, &mut digests);
        }
        digests
    }

    fn sums(&mut self, content: &Parts, measure: &Measure) -> Option<([u8; 20], [u8; 32])> {
        let job = self.unit(content, measure)?;
        self.summed(&[job]).pop()
    }

    fn note_sums(&mut self, content: &Parts, measure: &Measure) -> Option<u32> {
        let job = self.unit(content, measure)?;
        let number = u32::try_from(self.sums.len() + self.noted.len()).ok()?;
        self.noted.push(job);
        self.noted_bytes += content.bytes();
        if self.noted_bytes >= NOTED_BYTES || self.noted.len() >= NOTED {
            self.sum_noted();
        }
        Some(number)
    }

    fn same(&mut self, one: &Parts, other: &Parts, range: Range<u32>) -> bool {
        self.touch(2 * range.len() as u64);
        let [one, other] = [one, other].map(|parts| self.bytes.content_within(parts, &range));
        one.agrees(&other, range)
    }

    fn is_trivial(&mut self, parts: &Parts) -> bool {
        self.touch(PAGE);
        let content = self.bytes.content(parts);
        // Of bytes that are not at hand nothing is said.
        content.is_trivial() && (parts.is_empty() || content.bytes() > 0)
    }

    fn non_zero(&mut self, parts: &Parts) -> u64 {
        self.touch(parts.bytes());
        let content = self.bytes.content(parts);
        let bytes = parts.slices().iter().flat_map(|slice| content.within(slice.range()).collect::<Vec<_>>());
        bytes.map(|(_, bytes)| bytes.iter().filter(|byte| **byte != 0).count() as u64).sum()
    }

    fn has_frames(&mut self, span: Span) -> bool {
        let Bytes::Sets { sources, bases } = self.bytes else { return true };
        let source = set_of(span, bases).and_then(|number| sources.get(number));
        let has = source.is_some_and(|source| source.captures().is_some());
        source.filter(|_| !has).into_iter().for_each(|source| source.missed.set(true));
        has
    }

    fn damaged(&mut self, suspects: &[Suspect]) -> Result<Vec<Option<Reason>>, Error> {
        self.bytes.damaged(suspects, self.options, &mut self.anomalies)
    }
}

/// Of which set the frames of `span` are, by the first input of each.
fn set_of(span: Span, bases: &[u16]) -> Option<usize> {
    let file = span.first.frame.file();
    bases.partition_point(|base| *base <= file).checked_sub(1)
}

// Rationale: enough messages for every lane, of pieces of 1 MiB, too; bytes that are read again when they are hashed.
const NOTED_BYTES: u64 = 16 << 20;
// Rationale: units of 16 KiB fill that; of smaller ones their lists of slices take the room.
const NOTED: usize = 1 << 10;
// Rationale: where bytes differ, the first ones do.
const PAGE: u64 = 4_096;

/// Tells whether all bytes have one value, and if not, which leaves have.
pub(super) fn tell_trivial(content: &Content<'_>, digests: &mut Digests) {
    digests.trivial = content.is_trivial();
    if !digests.trivial {
        digests.trivial_leaves = content.trivial_leaves().iter().map(CopyRange::from).collect();
    }
}

/// Leaves the first `len` bytes: what lies beyond a file's end in v2 is no part of what its hash covers.
fn cut(runs: &mut Vec<&[u8]>, len: u32) {
    let mut left = len as usize;
    for run in runs.iter_mut() {
        *run = run.get(..left).unwrap_or(run);
        left -= run.len();
    }
    runs.retain(|run| !run.is_empty());
}
