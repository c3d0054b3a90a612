//! Records in the order in which the walk wrote them, compact, and spooled to disk beyond what memory may hold.

use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use crate::Error;
use crate::capture::Spool;

/// Facts of one kind, of which there are as many as messages in the captures. Written once, in the order of the walk; read
/// as often as is asked.
///
/// # Invariants
/// - At most `memory` bytes, and one record, are held in memory; all before them are in an unlinked file.
/// - What is encoded reads back: it was written by [`push`](Self::push), or read once in
///   `from_encoded`.
#[derive(Debug)]
pub struct Journal<R: Record> {
    spool: Option<Spool>,
    buffer: Vec<u8>,
    /// `None` of one that was read: it is found again where more is to be written.
    before: Option<R::Before>,
    records: u64,
    memory: usize,
    spool_dir: Option<PathBuf>,
}

/// A fact that a [`Journal`] can hold.
pub trait Record: Sized {
    /// State of the records before one that is written or read.
    type Before: Default + std::fmt::Debug;

    /// Bytes that it takes in memory, about.
    fn weight(&self) -> usize;

    /// Appends its encoding.
    fn write(&self, before: &mut Self::Before, out: &mut Vec<u8>);

    /// Takes a record off the front; `None` where there is none.
    fn read(before: &mut Self::Before, from: &mut &[u8]) -> Option<Self>;
}

impl<R: Record> Default for Journal<R> {
    /// Without a bound on memory.
    fn default() -> Self {
        Self {
            spool: None,
            buffer: Vec::new(),
            before: Some(R::Before::default()),
            records: 0,
            memory: usize::MAX,
            spool_dir: None,
        }
    }
}

impl<R: Record> Journal<R> {
    /// An empty one, which holds at most `memory` bytes in memory, and the rest in a file in `spool_dir`, or in the system's
    /// directory for temporary files.
    pub fn new(memory: usize, spool_dir: Option<&Path>) -> Self {
        Self { memory, spool_dir: spool_dir.map(Path::to_path_buf), ..Self::default() }
    }

    /// Adds a record at the end.
    ///
    /// # Errors
    /// [`Error::Io`] when there is no room to spool it.
    pub fn push(&mut self, record: &R) -> Result<(), Error> {
        let mut before = self.before.take().unwrap_or_else(|| self.read_all());
        record.write(&mut before, &mut self.buffer);
        self.before = Some(before);
        self.records += 1;
        if self.buffer.len() > self.memory {
            let spool = match &mut self.spool {
                Some(spool) => spool,
                None => self.spool.insert(Spool::new(self.spool_dir.as_deref())?),
            };
            spool.append(&self.buffer)?;
            self.buffer.clear();
        }
        Ok(())
    }

    /// How many records there are.
    pub fn len(&self) -> u64 {
        self.records
    }

    /// Returns true if there is no record.
    pub fn is_empty(&self) -> bool {
        self.records == 0
    }

    /// Bytes that they take, encoded.
    pub fn bytes(&self) -> u64 {
        self.encoded().iter().map(|part| part.len() as u64).sum()
    }

    /// The records, in the order in which they were written.
    pub fn iter(&self) -> Iter<'_, R> {
        let [first, rest] = self.encoded();
        Iter { rest, ..Iter::of(first, self.spool.as_ref()) }
    }

    /// The encoding of all records, one part behind the other.
    pub(super) fn encoded(&self) -> [&[u8]; 2] {
        [self.spool.as_ref().map_or(&[], Spool::bytes), &self.buffer]
    }

    /// The journal of `records` records with this encoding; `None` where it is not one.
    pub(super) fn from_encoded(records: u64, bytes: &[u8]) -> Option<Self> {
        let (mut before, mut from) = (R::Before::default(), bytes);
        for _ in 0..records {
            R::read(&mut before, &mut from)?;
        }
        // Rationale: there may be thousands, and hardly any is ever written to again.
        from.is_empty().then(|| Self { buffer: bytes.to_vec(), records, before: None, ..Self::default() })
    }

    /// Reads all records: the state in which the next one is written.
    fn read_all(&self) -> R::Before {
        let mut all = self.iter();
        all.by_ref().for_each(drop);
        all.before
    }
}

impl<R: Record + PartialEq> PartialEq for Journal<R> {
    fn eq(&self, other: &Self) -> bool {
        self.records == other.records && self.iter().eq(other.iter())
    }
}

impl<R: Record + Eq> Eq for Journal<R> {}

impl<R: Record> FromIterator<R> for Journal<R> {
    fn from_iter<I: IntoIterator<Item = R>>(records: I) -> Self {
        let (mut journal, mut before) = (Self::default(), R::Before::default());
        for record in records {
            record.write(&mut before, &mut journal.buffer);
            journal.records += 1;
        }
        journal.before = Some(before);
        journal
    }
}

impl<'j, R: Record> IntoIterator for &'j Journal<R> {
    type Item = R;
    type IntoIter = Iter<'j, R>;

    fn into_iter(self) -> Iter<'j, R> {
        self.iter()
    }
}

/// The records of a [`Journal`], one after the other.
#[derive(Debug)]
pub struct Iter<'j, R: Record> {
    from: &'j [u8],
    rest: &'j [u8],
    before: R::Before,
    /// Where `from` lies, if it is in a file, and how far its memory was given back.
    spool: Option<(&'j Spool, usize)>,
    of: PhantomData<R>,
}

impl<'j, R: Record> Iter<'j, R> {
    /// The records with this encoding, which lies in `spool`, where there is one.
    pub(super) fn of(bytes: &'j [u8], spool: Option<&'j Spool>) -> Self {
        let begin = |spool: &'j Spool| (spool, bytes.as_ptr().addr().saturating_sub(spool.bytes().as_ptr().addr()));
        Self { from: bytes, rest: &[], before: R::Before::default(), spool: spool.map(begin), of: PhantomData }
    }
}

impl<R: Record> Iter<'_, R> {
    /// Takes a record off the front as `read` does it.
    pub(super) fn advance<T>(&mut self, read: impl FnOnce(&mut &[u8]) -> Option<T>) -> Option<T> {
        self.take(|_, from| read(from))
    }

    fn take<T>(&mut self, read: impl FnOnce(&mut R::Before, &mut &[u8]) -> Option<T>) -> Option<T> {
        if self.from.is_empty() {
            self.from = std::mem::take(&mut self.rest);
            self.spool = None;
        }
        if self.from.is_empty() {
            return None;
        }
        let record = read(&mut self.before, &mut self.from);
        debug_assert!(record.is_some(), "what a journal holds reads back");
        if let Some((spool, released)) = &mut self.spool {
            *released = spool.release_before(*released, self.from);
        }
        record
    }
}

impl<R: Record> Iterator for Iter<'_, R> {
    type Item = R;

    fn next(&mut self) -> Option<R> {
        self.take(R::read)
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;
    use crate::facts::{Block, Sorted};

    #[test]
    fn what_is_spooled_reads_back_behind_what_is_in_memory() {
        let blocks = sample::blocks(3_000);
        let mut journal = Journal::new(1_000, None);
        blocks.iter().for_each(|block| journal.push(block).expect("room"));
        assert!(journal.spool.is_some() && journal.buffer.len() <= 1_000);
        assert_eq!(journal.len(), 3_000);
        assert_eq!(journal.iter().collect::<Vec<_>>(), blocks);
        assert_eq!(journal, blocks.into_iter().collect(), "wherever they are");
    }

    #[test]
    fn journals_differ_where_a_record_does() {
        let journal = |count: usize| sample::blocks(count).into_iter().collect::<Journal<Block>>();
        assert_eq!(journal(9), journal(9));
        assert_ne!(journal(9), journal(8));
        let mut other = sample::blocks(9);
        other[4].reading = 1;
        assert_ne!(journal(9), other.into_iter().collect());
    }

    #[test]
    fn blocks_in_another_order_are_those_of_a_stable_sort() {
        let blocks = sample::blocks(2_000);
        let key = |block: &Block| block.piece;
        let mut expected = blocks.clone();
        expected.sort_by_key(key);
        for memory in [0, 5_000, usize::MAX] {
            let sorted = Sorted::new(blocks.iter().cloned(), key, memory, None).expect("room");
            let found: Vec<_> = sorted.iter().map(|(_, block)| block).collect();
            assert!(found == expected, "with {memory} bytes");
        }
    }

    #[test]
    fn one_that_was_read_is_written_on() {
        let blocks = sample::blocks(40);
        let first: Journal<Block> = blocks[..20].iter().cloned().collect();
        let [_, bytes] = first.encoded();
        let mut read = Journal::from_encoded(20, bytes).expect("a journal");
        blocks[20..].iter().for_each(|block| read.push(block).expect("room"));
        assert_eq!(read.encoded(), blocks.into_iter().collect::<Journal<Block>>().encoded());
    }

    #[test]
    fn what_is_no_journal_is_refused() {
        let journal: Journal<Block> = sample::blocks(20).into_iter().collect();
        let [_, bytes] = journal.encoded();
        assert!(Journal::<Block>::from_encoded(20, bytes).is_some_and(|read| read == journal));
        assert!(Journal::<Block>::from_encoded(19, bytes).is_none(), "something is left");
        assert!(Journal::<Block>::from_encoded(21, bytes).is_none(), "one is missing");
        for len in 0..bytes.len() {
            assert!(Journal::<Block>::from_encoded(20, &bytes[..len]).is_none(), "{len} bytes");
        }
    }
}
