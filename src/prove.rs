//! Job to digests: hashes over slices, on all cores. The only threads of the crate, but for those that read inputs.
//!
//! Digests are a pure function of their job, so the order in which jobs run changes nothing.
//!
//! What else is to be done ahead of the spine, they do first, a step at a time ([`Beside`]): the spine is what everything waits for.
//!
//! Jobs wait for company: one message of a hash leaves most of a core idle, and `peerproof_hash` works on many at once.
//! Nobody waits once a result is asked for.

mod batch;

use std::collections::VecDeque;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

pub(crate) use batch::check_engine;
pub use batch::{hashed, is_collision_attack, leaves, piece_root, sha1, sha256, sums};

use crate::facts::Digests;
use crate::torrent::Expected;

/// Names a job; ascending in order of submission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId(u64);

/// A unit whose bytes are all there, and what they should hash to.
///
/// # Invariants
/// - The runs concatenate to exactly the unit, padding included.
#[derive(Debug)]
pub struct UnitJob<'cap> {
    /// The bytes of the unit, in order.
    pub runs: Vec<&'cap [u8]>,
    /// Hashes that the unit must have.
    pub expected: Expected,
    /// A copy to compare it with, where there is one: equal bytes need not be hashed.
    pub verified: Option<Vec<&'cap [u8]>>,
    /// Offset of its first byte within the piece.
    pub start: u32,
    /// Set if there is padding in the runs.
    pub padded: bool,
}

/// The digests of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hashed {
    /// The hashes that are expected of it; nothing where it is [known](Self::known). Whether its bytes have one value is not
    /// told of a unit with padding.
    pub digests: Digests,
    /// Set if the bytes are those of the copy that came with the job.
    pub known: bool,
}

/// The verdict of a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The bytes are the torrent's.
    Match,
    /// They match one of the two hashes of a hybrid torrent: they are the torrent's, and its halves describe other
    /// bytes.
    Half(Half),
    /// They are not.
    Mismatch,
}

/// A half of a hybrid torrent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Half {
    /// The SHA-1 of the piece.
    V1,
    /// The tree of the file.
    V2,
}

impl UnitJob<'_> {
    fn bytes(&self) -> u64 {
        self.runs.iter().map(|run| run.len() as u64).sum()
    }
}

/// Work that the threads of a prover do beside hashing, a step at a time.
pub trait Beside: fmt::Debug + Send + Sync {
    /// Returns true if there is a step to be done now.
    fn is_due(&self) -> bool;

    /// Does a step, if there still is one.
    fn step(&self);
}

/// Runs `spine` on this thread with a prover that owns `threads - 1` more.
///
/// `threads` counts the spine, which helps with proofs when it would have to wait; 0 is taken as 1.
pub fn with_prover<'cap, T>(threads: usize, spine: impl FnOnce(&Prover<'cap>) -> T) -> T {
    with_prover_by(threads, hashed, Vec::new(), spine)
}

/// Proves with errands: long work that is begun first, each on a thread of its own as far as there are any besides the
/// spine's; a thread that is done with them proves. All of them are done, or [given up](Prover::give_up), at the end.
pub fn with_errands<'cap, T>(
    threads: usize,
    errands: Vec<Box<dyn FnOnce() + Send + 'cap>>,
    spine: impl FnOnce(&Prover<'cap>) -> T,
) -> T {
    with_prover_by(threads, hashed, errands, spine)
}

/// Proves by another `prove`: the benches measure everything but the hashing.
#[doc(hidden)]
pub fn with_prover_by<'cap, P: Send, T>(
    threads: usize,
    prove: fn(&[UnitJob<'_>]) -> Vec<P>,
    errands: Vec<Box<dyn FnOnce() + Send + 'cap>>,
    spine: impl FnOnce(&Prover<'cap, P>) -> T,
) -> T {
    let prover = Prover {
        threads: threads.max(1),
        lanes: batch::engine().lanes(),
        prove,
        state: Mutex::default(),
        changed: Condvar::new(),
        errands: Mutex::new(errands.into()),
    };
    std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(|| {
                prover.run_errands();
                prover.work();
            });
        }
        if prover.threads == 1 && !prover.errands().is_empty() {
            // Beside the one thread, so that they read the same bytes at about the same time.
            scope.spawn(|| prover.run_errands());
        }
        let result = catch_unwind(AssertUnwindSafe(|| spine(&prover)));
        prover.stop();
        if result.is_err() {
            prover.give_up();
        }
        prover.run_errands();
        result.unwrap_or_else(|panic| resume_unwind(panic))
    })
}

/// A queue of jobs, and what was found of each.
pub struct Prover<'cap, P = Hashed> {
    threads: usize,
    /// Messages that the engine hashes at once.
    lanes: usize,
    prove: fn(&[UnitJob<'_>]) -> Vec<P>,
    state: Mutex<State<'cap, P>>,
    changed: Condvar,
    /// Those that nobody began.
    errands: Mutex<VecDeque<Box<dyn FnOnce() + Send + 'cap>>>,
}

impl<P> fmt::Debug for Prover<'_, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prover").field("threads", &self.threads).finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct State<'cap, P> {
    /// The last of those that were submitted.
    queue: VecDeque<UnitJob<'cap>>,
    /// Their bytes.
    queued: u64,
    /// From the oldest job on whose verdict was not taken.
    slots: VecDeque<Slot<'cap, P>>,
    /// The number of the first of them.
    first: u64,
    /// Bytes of all that was submitted.
    bytes: u64,
    /// Bytes queued since a waiting thread was last woken.
    unannounced: u64,
    /// Done by threads other than the spine's before they hash what nobody waits for.
    beside: Option<Arc<dyn Beside + 'cap>>,
    /// Threads that wait for a change.
    waiting: usize,
    /// Set if a result is waited for: jobs that are queued have no time to wait for company.
    asked: bool,
    stopped: bool,
}

/// How far a job is.
#[derive(Debug)]
enum Slot<'cap, P> {
    /// Queued, or being hashed.
    Waiting,
    /// Hashed. The runs are kept for the thread that made them: memory given back by another one costs both of them
    /// time.
    Done(P, UnitJob<'cap>),
    /// Its verdict was taken.
    Taken,
}

impl<P> Default for State<'_, P> {
    fn default() -> Self {
        Self {
            queue: VecDeque::new(),
            queued: 0,
            slots: VecDeque::new(),
            first: 0,
            bytes: 0,
            unannounced: 0,
            beside: None,
            waiting: 0,
            asked: false,
            stopped: false,
        }
    }
}

impl<'cap, P> State<'cap, P> {
    fn slot(&mut self, id: JobId) -> Option<&mut Slot<'cap, P>> {
        self.slots.get_mut(usize::try_from(id.0.checked_sub(self.first)?).ok()?)
    }

    /// Takes the result of a job, once, with the job.
    fn take(&mut self, id: JobId) -> Option<(P, UnitJob<'cap>)> {
        let slot = self.slot(id).filter(|slot| matches!(slot, Slot::Done(..)))?;
        let taken = std::mem::replace(slot, Slot::Taken);
        while self.slots.pop_front_if(|slot| matches!(slot, Slot::Taken)).is_some() {
            self.first += 1;
        }
        match taken {
            Slot::Done(proof, job) => Some((proof, job)),
            Slot::Waiting | Slot::Taken => None,
        }
    }

    /// Bytes of the queue that are hashed in one go: as many jobs as the first one, in every lane.
    fn company(&self, lanes: usize) -> u64 {
        let first = self.queue.front().map_or(0, UnitJob::bytes);
        first.saturating_mul(lanes as u64).clamp(AT_ONCE, MOST_AT_ONCE)
    }
}

impl<'cap, P> Prover<'cap, P> {
    /// Queues a job.
    pub fn submit(&self, job: UnitJob<'cap>) -> JobId {
        let mut state = self.lock();
        let id = JobId(state.first + state.slots.len() as u64);
        state.slots.push_back(Slot::Waiting);
        let bytes = job.bytes();
        state.bytes += bytes;
        state.queued += bytes;
        state.unannounced += bytes;
        state.queue.push_back(job);
        let announce =
            state.waiting > 0 && state.unannounced >= AT_ONCE && state.queued >= state.company(self.lanes);
        if announce {
            state.unannounced = 0;
        }
        drop(state);
        if announce {
            self.changed.notify_one();
        }
        id
    }

    /// The proof of `id`, helping with the queue until it is there. It can be taken once.
    pub fn proof(&self, id: JobId) -> P {
        let mut state = self.lock();
        loop {
            if let Some((proof, job)) = state.take(id) {
                state.asked = false;
                drop(state);
                drop(job);
                return proof;
            }
            state.asked = true;
            state = self.help(state);
        }
    }

    /// Has threads other than this one do `work` until they are told of other work, or of none.
    pub fn beside(&self, work: Option<Arc<dyn Beside + 'cap>>) {
        self.lock().beside = work;
        self.wake();
    }

    /// Tells a thread that has nothing to do that a step of the work beside is due.
    pub fn wake(&self) {
        if self.lock().waiting > 0 {
            self.changed.notify_one();
        }
    }

    /// Bytes hashed or queued so far.
    pub fn bytes(&self) -> u64 {
        self.lock().bytes
    }

    /// Errands that were not begun never are: the run has failed.
    pub fn give_up(&self) {
        self.errands().clear();
    }

    fn run_errands(&self) {
        loop {
            let Some(errand) = self.errands().pop_front() else { return };
            errand();
        }
    }

    fn errands(&self) -> MutexGuard<'_, VecDeque<Box<dyn FnOnce() + Send + 'cap>>> {
        self.errands.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn work(&self) {
        let mut state = self.lock();
        while !state.stopped {
            let beside = state.beside.as_ref().filter(|beside| !state.asked && beside.is_due()).cloned();
            state = if let Some(beside) = beside {
                drop(state);
                beside.step();
                drop(beside);
                self.lock()
            } else if state.asked || state.queued >= state.company(self.lanes) {
                self.help(state)
            } else {
                self.wait(state)
            };
        }
    }

    /// Proves what is first in the queue, or waits for a change when nothing is.
    fn help<'lock>(&'lock self, mut state: MutexGuard<'lock, State<'cap, P>>) -> MutexGuard<'lock, State<'cap, P>> {
        // A fair share, so that the last jobs keep all threads busy; as many as there are lanes, as fewer take as long.
        let most = state.queue.len().div_ceil(self.threads).next_multiple_of(self.lanes);
        let first = state.first + (state.slots.len() - state.queue.len()) as u64;
        let company = state.company(self.lanes);
        let (mut jobs, mut bytes) = (Vec::new(), 0);
        while jobs.len() < most
            && bytes < company
            && let Some(job) = state.queue.pop_front()
        {
            bytes += job.bytes();
            jobs.push(job);
        }
        state.queued -= bytes;
        if jobs.is_empty() {
            return self.wait(state);
        }
        let others = state.asked && state.waiting > 0 && state.queued >= AT_ONCE;
        drop(state);
        if others {
            self.changed.notify_one();
        }
        let proofs = (self.prove)(&jobs);
        let mut state = self.lock();
        for ((number, job), proof) in (first..).zip(jobs).zip(proofs) {
            if let Some(slot) = state.slot(JobId(number)) {
                *slot = Slot::Done(proof, job);
            }
        }
        if state.waiting > 0 && state.asked {
            // A call of the system, even where nobody waits.
            self.changed.notify_all();
        }
        state
    }

    fn wait<'lock>(&'lock self, mut state: MutexGuard<'lock, State<'cap, P>>) -> MutexGuard<'lock, State<'cap, P>> {
        state.unannounced = 0;
        state.waiting += 1;
        let mut state = self.changed.wait(state).unwrap_or_else(std::sync::PoisonError::into_inner);
        state.waiting -= 1;
        state
    }

    fn stop(&self) {
        self.lock().stopped = true;
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State<'cap, P>> {
        // A panicking prover thread ends the run through the scope; its lock state is still whole.
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

// Rationale: waking a thread and taking the lock cost as much as hashing a leaf.
const AT_ONCE: u64 = 256 << 10;
// Rationale: pieces of 1 MiB in sixteen lanes. Larger ones are hashed fewer at once, rather than further behind the spine.
const MOST_AT_ONCE: u64 = 16 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn jobs() -> Vec<UnitJob<'static>> {
        (0..200)
            .map(|n| UnitJob {
                runs: if n % 3 == 0 { vec![b"a", b"b", b"c"] } else { vec![b"ab", b"x"] },
                expected: Expected::Sha1([0; 20]),
                verified: None,
                start: 0,
                padded: false,
            })
            .collect()
    }

    #[test]
    fn digests_are_the_same_for_any_number_of_threads() {
        for threads in [0, 1, 2, 8] {
            let digests = with_prover(threads, |prover| {
                let ids: Vec<_> = jobs().into_iter().map(|job| prover.submit(job)).collect();
                ids.into_iter().map(|id| prover.proof(id).digests.sha1).collect::<Vec<_>>()
            });
            let expected = (0..200).map(|n| Some(if n % 3 == 0 { sha1(&[b"abc"]) } else { sha1(&[b"abx"]) }));
            assert!(digests.into_iter().eq(expected), "{threads} threads");
        }
    }

    #[test]
    fn digests_may_be_taken_in_any_order() {
        with_prover(2, |prover| {
            let ids: Vec<_> = jobs().into_iter().map(|job| prover.submit(job)).collect();
            let sha1 = |id| prover.proof(id).digests.sha1;
            assert_eq!(sha1(ids[3]), Some(super::sha1(&[b"abc"])));
            assert_eq!(sha1(ids[0]), Some(super::sha1(&[b"abc"])));
            assert_eq!(sha1(ids[1]), Some(super::sha1(&[b"abx"])));
        });
    }

    #[test]
    fn errands_are_done_once_whatever_the_number_of_threads_unless_given_up() {
        use std::sync::atomic::{AtomicU32, Ordering};
        for threads in [1, 2, 8] {
            let done: Vec<AtomicU32> = (0..5).map(|_| AtomicU32::new(0)).collect();
            let errands = || {
                let each = done.iter().map(|done| -> Box<dyn FnOnce() + Send + '_> {
                    Box::new(|| _ = done.fetch_add(1, Ordering::Relaxed))
                });
                each.collect::<Vec<_>>()
            };
            let digests = with_errands(threads, errands(), |prover| {
                let ids: Vec<_> = jobs().into_iter().map(|job| prover.submit(job)).collect();
                prover.proof(ids[0]).digests
            });
            assert_eq!(digests.sha1, Some(sha1(&[b"abc"])));
            assert!(done.iter().all(|done| done.load(Ordering::Relaxed) == 1), "{threads} threads");
            with_errands(threads, errands(), Prover::give_up);
            assert!(done.iter().all(|done| done.load(Ordering::Relaxed) <= 2), "{threads} threads");
        }
    }

    /// Work of ten steps, by threads other than the one named.
    #[derive(Debug)]
    struct Steps(std::thread::ThreadId, Mutex<u32>);

    impl Beside for Steps {
        fn is_due(&self) -> bool {
            self.1.lock().is_ok_and(|done| *done < 10)
        }

        fn step(&self) {
            assert_ne!(std::thread::current().id(), self.0, "the spine has its own work");
            self.1.lock().into_iter().for_each(|mut done| *done += 1);
        }
    }

    #[test]
    fn work_beside_is_done_by_the_other_threads_and_hashes_are_found_all_the_same() {
        for threads in [1, 2, 8] {
            let steps = Arc::new(Steps(std::thread::current().id(), Mutex::default()));
            with_prover(threads, |prover| {
                prover.beside(Some(Arc::clone(&steps) as Arc<dyn Beside>));
                let ids: Vec<_> = jobs().into_iter().map(|job| prover.submit(job)).collect();
                assert!(ids.into_iter().all(|id| prover.proof(id).digests.sha1.is_some()));
                while threads > 1 && steps.is_due() {
                    prover.wake();
                    std::thread::yield_now();
                }
                prover.beside(None);
            });
            let done = steps.1.lock().map_or(0, |done| *done);
            assert!(if threads > 1 { done >= 10 } else { done == 0 }, "{done} steps by {threads} threads");
        }
    }
}
