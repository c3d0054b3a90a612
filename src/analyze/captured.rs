//! The captures, as the judge asks them: the only place where bytes that facts name are read.

use std::ops::Range;

use crate::Error;
use crate::anomaly::Anomalies;
use crate::capture::{CaptureSet, Spill};
use crate::facts::{CopyRange, Digests, SPILL};
use crate::judge::{Ask, Parts, Slice, Suspect};
use crate::judge::{Content, Measure, RangeSet};
use crate::oddity::{Oddity, Sink};
use crate::options::Options;
use crate::prove;
use crate::spine;
use crate::torrent::Expected;

/// Captures, with what was derived from them while they were read.
#[derive(Debug)]
pub struct Captured<'cap, 'run> {
    captures: &'cap CaptureSet,
    pub(super) bytes: Bytes<'cap>,
    options: &'run Options<'run>,
    /// Bytes that were touched since memory was given back.
    touched: u64,
    /// How often something was hashed.
    pub(crate) hashed: u64,
    /// What was odd about frames that were looked at again.
    pub(crate) anomalies: Anomalies,
}

impl<'cap, 'run> Captured<'cap, 'run> {
    /// The captures that facts name, and the spill of the walk that wrote them.
    pub fn new(captures: &'cap CaptureSet, spill: &'cap Spill, options: &'run Options<'run>) -> Self {
        Self {
            captures,
            bytes: Bytes { captures, spill },
            options,
            touched: 0,
            hashed: 0,
            anomalies: Anomalies::default(),
        }
    }

    /// Bytes were touched, anywhere: they are not needed again, and from time to time their memory is given back.
    fn touch(&mut self, bytes: u64) {
        self.touched += bytes;
        if self.touched >= self.captures.room(self.options.window) {
            self.touched = 0;
            self.release();
        }
    }

    /// Gives the memory of the captures back.
    pub(super) fn release(&self) {
        self.captures.release();
    }
}

/// The bytes that facts name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bytes<'cap> {
    pub(super) captures: &'cap CaptureSet,
    pub(super) spill: &'cap Spill,
}

impl<'cap> Bytes<'cap> {
    /// The bytes of a slice; `None` never, of facts that were written about these captures.
    pub(super) fn slice(&self, slice: &Slice) -> Option<&'cap [u8]> {
        let bytes = match slice.place.store {
            SPILL => self.spill.bytes_at(slice.place.offset, slice.len),
            store => self.captures.bytes_at(store, slice.place.offset, slice.len),
        };
        debug_assert!(bytes.is_some(), "facts name bytes that are there: {slice:?}");
        bytes
    }

    pub(super) fn content(&self, parts: &Parts) -> Content<'cap> {
        let mut content = Content::default();
        for slice in parts.slices() {
            if let Some(bytes) = self.slice(slice) {
                content.absorb(&Content::of_slice(slice.start, bytes));
            }
        }
        content
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
        self.touch(content.bytes());
        let job = measure.job(&self.bytes.content(content))?;
        let mut runs = job.runs;
        if let Expected::V2(tree) = measure.expected {
            cut(&mut runs, tree.content);
        }
        let sums = (prove::sha1(&runs), prove::sha256(&runs));
        let is_v1 = matches!(measure.expected, Expected::Sha1(_) | Expected::Both { .. });
        if self.options.sha1_collision_check && is_v1 && prove::is_collision_attack(&runs) {
            self.anomalies.odd(Oddity::CollisionAttack { sha256: Box::new(sums.1) }.seen());
        }
        Some(sums)
    }

    fn same(&mut self, one: &Parts, other: &Parts, range: Range<u32>) -> bool {
        self.touch(2 * range.len() as u64);
        let ranges = RangeSet::from_iter([range.clone()]);
        self.bytes.content(&one.cut(&ranges)).agrees(&self.bytes.content(&other.cut(&ranges)), range)
    }

    fn is_trivial(&mut self, parts: &Parts) -> bool {
        self.touch(PAGE);
        self.bytes.content(parts).is_trivial()
    }

    fn non_zero(&mut self, parts: &Parts) -> u64 {
        self.touch(parts.bytes());
        let content = self.bytes.content(parts);
        let bytes = parts.slices().iter().flat_map(|slice| content.within(slice.range()).collect::<Vec<_>>());
        bytes.map(|(_, bytes)| bytes.iter().filter(|byte| **byte != 0).count() as u64).sum()
    }

    fn damaged(&mut self, suspects: &[Suspect]) -> Result<Vec<bool>, Error> {
        spine::damaged(self.captures, suspects, self.options, &mut self.anomalies)
    }
}

// Rationale: where bytes differ, the first ones do.
const PAGE: u64 = 4_096;

/// Whether all bytes have one value, and if not, which leaves do.
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
