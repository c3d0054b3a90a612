//! A journal in another order: sorted once, in bounded memory.

use std::collections::BinaryHeap;
use std::ops::Range;
use std::path::Path;

use super::journal::{Iter, Record};
use crate::Error;
use crate::capture::Spool;

/// The records of a [`Journal`](super::Journal) by a key; those with one key stay in the order in which they were written.
///
/// It is an external merge sort: as many records as memory may hold are sorted and spooled, and what came of that is
/// merged while it is read.
///
/// # Invariants
/// - Each part is in order; those that are spooled lie in one file, one behind the other.
#[derive(Debug)]
pub struct Sorted<R, K> {
    spool: Option<Spool>,
    /// The encoding of each part that is spooled, as a range of the file.
    parts: Vec<Range<usize>>,
    /// That of the last part.
    last: Vec<u8>,
    key: fn(&R) -> K,
}

/// A record at the front of a part; the greatest is the one that comes first.
struct Front<R, K> {
    key: K,
    part: usize,
    record: R,
}

impl<R: Record, K: Ord> Sorted<R, K> {
    /// Sorts `records`, with at most about `memory` bytes of them in memory at a time.
    ///
    /// # Errors
    /// [`Error::Io`] when there is no room to spool them.
    pub fn new(
        records: impl Iterator<Item = R>,
        key: fn(&R) -> K,
        memory: usize,
        spool_dir: Option<&Path>,
    ) -> Result<Self, Error> {
        let mut sorted = Self { spool: None, parts: Vec::new(), last: Vec::new(), key };
        let (mut held, mut weight) = (Vec::new(), 0);
        for record in records {
            weight += record.weight();
            held.push(record);
            if weight > memory {
                let part = sorted.encode(&mut held);
                let spool = match &mut sorted.spool {
                    Some(spool) => spool,
                    None => sorted.spool.insert(Spool::new(spool_dir)?),
                };
                let start = spool.bytes().len();
                spool.append(&part)?;
                sorted.parts.push(start..start + part.len());
                weight = 0;
            }
        }
        sorted.last = sorted.encode(&mut held);
        Ok(sorted)
    }

    fn encode(&self, held: &mut Vec<R>) -> Vec<u8> {
        // Rationale: a record takes hundreds of bytes and is moved once.
        held.sort_by_cached_key(self.key);
        let (mut before, mut part) = (R::Before::default(), Vec::new());
        held.drain(..).for_each(|record| record.write(&mut before, &mut part));
        part
    }

    /// The records, in their order.
    pub fn iter(&self) -> impl Iterator<Item = (K, R)> {
        let spool = self.spool.as_ref();
        let spooled = spool.map_or(&[][..], Spool::bytes);
        let spooled = self.parts.iter().map(|part| Iter::of(spooled.get(part.clone()).unwrap_or_default(), spool));
        let mut parts: Vec<Iter<'_, R>> = spooled.chain([Iter::of(&self.last, None)]).collect();
        let mut fronts: BinaryHeap<Front<R, K>> = BinaryHeap::new();
        let key = self.key;
        let front = move |parts: &mut [Iter<'_, R>], part: usize| {
            let record = parts.get_mut(part)?.next()?;
            Some(Front { key: key(&record), part, record })
        };
        fronts.extend((0..parts.len()).filter_map(|part| front(&mut parts, part)));
        std::iter::from_fn(move || {
            let first = fronts.pop()?;
            fronts.extend(front(&mut parts, first.part));
            Some((first.key, first.record))
        })
    }
}

impl<R, K: Ord> Ord for Front<R, K> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        other.key.cmp(&self.key).then(other.part.cmp(&self.part))
    }
}

impl<R, K: Ord> PartialOrd for Front<R, K> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<R, K: Ord> PartialEq for Front<R, K> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<R, K: Ord> Eq for Front<R, K> {}
