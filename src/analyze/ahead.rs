//! Frames that are read ahead of the walk, a batch at a time: by a thread that has nothing to hash, or by the walk itself
//! when there is no batch left. Which of them reads changes nothing: batches hold the frames in their order, with whatever
//! was odd about the records in front of the frame that came next.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard};

use crate::Error;
use crate::capture::{CaptureSet, Frame, Frames};
use crate::oddity::{Occurrence, Sink};
use crate::prove::Beside;

/// The frames of captures, in batches.
#[derive(Debug)]
pub(super) struct Ahead<'cap> {
    state: Mutex<State<'cap>>,
    /// Tells the walk of a batch that it waits for.
    changed: Condvar,
}

#[derive(Debug)]
struct State<'cap> {
    /// The frames that are still to come; `None` while some of them are read.
    reader: Option<Box<Reader<'cap>>>,
    ready: VecDeque<Batch<'cap>>,
    /// Batches that are done with, for their memory.
    spare: Vec<Batch<'cap>>,
    /// True while nothing may be read: the walk has to answer first what a batch ended with.
    held: bool,
    /// True while the walk waits.
    awaited: bool,
}

#[derive(Debug)]
struct Reader<'cap> {
    frames: Frames<'cap>,
    /// Bytes of capture in a window.
    window: u64,
    /// Where the window ends.
    release_at: u64,
}

/// Frames in a row.
#[derive(Debug, Default)]
pub(super) struct Batch<'cap> {
    pub(super) frames: Vec<Frame<'cap>>,
    /// Odd records: each with the number of the frame that it was met before.
    pub(super) odd: VecDeque<(usize, Occurrence)>,
    /// Bytes of capture read so far, where a window ends behind the last frame.
    pub(super) window: Option<u64>,
    pub(super) end: End<'cap>,
}

/// The end of a batch.
#[derive(Debug, Default)]
pub(super) enum End<'cap> {
    /// More frames.
    #[default]
    More,
    /// Frames of one more input, by its `file`, whose clock is not known.
    Begins(u16),
    /// Nothing: all was read.
    Over(Box<Frames<'cap>>),
    /// Frames that could not be read.
    Failed(Error),
}

impl<'cap> Ahead<'cap> {
    /// All frames of `captures`, in windows of `window` bytes: behind each, what was read long ago is given back.
    pub(super) fn new(captures: &'cap CaptureSet, window: u64) -> Self {
        let (mut frames, window) = (captures.frames(), window.max(1));
        frames.prefetch(window);
        let reader = Some(Box::new(Reader { frames, window, release_at: window }));
        let (ready, spare) = (VecDeque::new(), Vec::new());
        Self {
            state: Mutex::new(State { reader, ready, spare, held: false, awaited: false }),
            changed: Condvar::new(),
        }
    }

    /// The next batch, for which the one before is given back; and whether there is room for more.
    pub(super) fn next(&self, done: Batch<'cap>) -> (Batch<'cap>, bool) {
        let mut state = self.lock();
        state.spare.push(done);
        loop {
            if let Some(batch) = state.ready.pop_front() {
                return (batch, state.is_due() && state.ready.len() <= MOST_READY / 2);
            }
            if let Some(reader) = state.reader.take() {
                let batch = state.spare.pop().unwrap_or_default();
                drop(state);
                let (reader, batch) = reader.read(batch);
                let mut state = self.lock();
                state.put(reader, &batch);
                return (batch, state.is_due());
            }
            state.awaited = true;
            state = self.changed.wait(state).unwrap_or_else(std::sync::PoisonError::into_inner);
        }
    }

    /// Answers what a batch ended with, by the frames that are still to come.
    ///
    /// # Errors
    /// Those of `answer`.
    pub(super) fn answer(&self, answer: impl FnOnce(&mut Frames<'cap>) -> Result<(), Error>) -> Result<(), Error> {
        let mut state = self.lock();
        state.held = false;
        state.reader.as_mut().map_or(Ok(()), |reader| answer(&mut reader.frames))
    }

    fn lock(&self) -> MutexGuard<'_, State<'cap>> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl<'cap> State<'cap> {
    /// Returns true if a batch is to be read ahead. What would have to be waited for is not: a thread that waits hashes
    /// nothing.
    fn is_due(&self) -> bool {
        let is_there = self.reader.as_ref().is_some_and(|reader| reader.frames.are_there(BATCH_BYTES));
        is_there && !self.held && self.ready.len() < MOST_READY
    }

    /// Takes the frames back from whoever read `batch` of them.
    fn put(&mut self, reader: Option<Box<Reader<'cap>>>, batch: &Batch<'cap>) {
        self.reader = reader;
        self.held = matches!(batch.end, End::Begins(_));
    }
}

impl Beside for Ahead<'_> {
    fn is_due(&self) -> bool {
        self.lock().is_due()
    }

    fn step(&self) {
        let mut state = self.lock();
        if !state.is_due() {
            return;
        }
        let Some(reader) = state.reader.take() else { return };
        let batch = state.spare.pop().unwrap_or_default();
        drop(state);
        let (reader, batch) = reader.read(batch);
        let mut state = self.lock();
        state.put(reader, &batch);
        state.ready.push_back(batch);
        if std::mem::take(&mut state.awaited) {
            self.changed.notify_one();
        }
    }
}

impl<'cap> Reader<'cap> {
    /// Reads frames into `batch`, whose memory is used again; nothing is left to be read behind the last of them.
    fn read(mut self: Box<Self>, mut batch: Batch<'cap>) -> (Option<Box<Self>>, Batch<'cap>) {
        batch.frames.clear();
        batch.odd.clear();
        (batch.window, batch.end) = (None, End::More);
        match self.fill(&mut batch) {
            Ok(true) => (Some(self), batch),
            Ok(false) => (None, Batch { end: End::Over(Box::new(self.frames)), ..batch }),
            Err(error) => (None, Batch { end: End::Failed(error), ..batch }),
        }
    }

    /// Returns false if there are no more frames behind those that it adds.
    fn fill(&mut self, batch: &mut Batch<'cap>) -> Result<bool, Error> {
        let from = self.frames.position();
        while batch.frames.len() < BATCH {
            let mut odd = Noted { before: batch.frames.len(), odd: &mut batch.odd };
            if let Some(file) = self.frames.begins(&mut odd)? {
                batch.end = End::Begins(file);
                break;
            }
            let Some(frame) = self.frames.next(&mut odd)? else { return Ok(false) };
            batch.frames.push(frame);
            let position = self.frames.position();
            if position >= self.release_at {
                self.release_at = position.saturating_add(self.window);
                self.frames.release(PROOFS_BEHIND);
                self.frames.prefetch(self.window);
                batch.window = Some(position);
                break;
            }
            if position.saturating_sub(from) >= BATCH_BYTES {
                break;
            }
        }
        Ok(true)
    }
}

/// Oddities on their way to the walk.
struct Noted<'batch> {
    before: usize,
    odd: &'batch mut VecDeque<(usize, Occurrence)>,
}

impl Sink for Noted<'_> {
    fn odd(&mut self, occurrence: Occurrence) {
        self.odd.push_back((self.before, occurrence));
    }
}

// Rationale: a tenth of a millisecond of the walk, so that taking the locks costs nothing; 16 KB, which stay in a cache.
const BATCH: usize = 256;
// Rationale: of frames of 64 KiB as much as of 256 usual ones, within a factor of three.
const BATCH_BYTES: u64 = 1 << 20;
// Rationale: a millisecond and more of the walk, as long as a thread hashes pieces before it looks again; at most 16 MiB of capture.
const MOST_READY: usize = 16;
// Rationale: twice what the hasher lets wait; pages given back before they are hashed are read twice, and
// then stay.
const PROOFS_BEHIND: u64 = 128 << 20;

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    /// A capture of so many frames of 100 bytes, every 300th without a time.
    fn capture(frames: u32) -> CaptureSet {
        let words = |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>();
        let mut bytes = words(&[0xA1B2_C3D4, 0x0004_0002, 0, 0, 65_535, 1]);
        for number in 1..=frames {
            let seconds = if number % 300 == 0 { 0 } else { 1_700_000_000 + number };
            bytes.extend(words(&[seconds, 0, 100, 100]));
            bytes.extend([number as u8; 100]);
        }
        CaptureSet::from_bytes(vec![("a.pcap".to_owned(), bytes)]).expect("a capture")
    }

    /// All that a walk is given: the numbers of frames, 0 for something odd; and where windows end.
    fn walked(ahead: &Ahead<'_>) -> (Vec<u64>, Vec<u64>) {
        let (mut batch, mut seen, mut windows) = (Batch::default(), Vec::new(), Vec::new());
        loop {
            (batch, _) = ahead.next(batch);
            for (number, frame) in batch.frames.iter().enumerate() {
                while batch.odd.pop_front_if(|(before, _)| *before <= number).is_some() {
                    seen.push(0);
                }
                seen.push(frame.at.frame.number());
            }
            seen.extend(batch.odd.drain(..).map(|_| 0));
            windows.extend(batch.window);
            match std::mem::take(&mut batch.end) {
                End::More => {}
                End::Over(frames) => {
                    let facts = frames.finish().expect("nothing changed");
                    assert_eq!(Some(&facts[0].frames), seen.iter().max());
                    return (seen, windows);
                }
                end => panic!("{end:?}"),
            }
        }
    }

    #[test]
    fn frames_come_in_order_with_their_oddities_whoever_reads_them() {
        let count = 3 * BATCH as u32 + 7;
        let set = capture(count);
        for window in [1, 10_000, u64::MAX] {
            let alone = walked(&Ahead::new(&set, window));
            assert!(alone.0.iter().copied().filter(|number| *number > 0).eq(1..=u64::from(count)));
            assert_eq!(alone.0.iter().filter(|number| **number == 0).count(), 2, "two frames without a time");
            assert_eq!(alone.1.is_empty(), window == u64::MAX);
            for _ in 0..20 {
                let (ahead, done) = (Ahead::new(&set, window), AtomicBool::new(false));
                let both = std::thread::scope(|scope| {
                    scope.spawn(|| {
                        while !done.load(Ordering::Relaxed) {
                            ahead.step();
                        }
                    });
                    let both = walked(&ahead);
                    done.store(true, Ordering::Relaxed);
                    both
                });
                assert_eq!(both, alone, "windows of {window} bytes");
            }
        }
    }

    #[test]
    fn no_more_is_read_ahead_than_a_few_batches_and_nothing_while_the_walk_has_to_answer() {
        let set = capture((MOST_READY + 5) as u32 * BATCH as u32);
        let ahead = Ahead::new(&set, u64::MAX);
        (0..2 * MOST_READY).for_each(|_| ahead.step());
        assert!(!Beside::is_due(&ahead));
        assert_eq!(ahead.lock().ready.len(), MOST_READY);
        let (batch, _) = ahead.next(Batch::default());
        assert_eq!(batch.frames.len(), BATCH);
        assert!(Beside::is_due(&ahead));
        ahead.lock().held = true;
        assert!(!Beside::is_due(&ahead));
        let mut position = 0;
        let answer = |frames: &mut Frames<'_>| {
            position = frames.position();
            Ok(())
        };
        ahead.answer(answer).expect("nothing fails");
        assert!(position > 0);
        assert!(Beside::is_due(&ahead));
    }
}
