//! Job to proof: hashes over slices, on all cores. The only threads of the crate.
//!
//! A proof is a pure function of its job, so the order in which jobs run changes nothing. The spine asks for
//! results in the order in which it submitted the jobs, and at points that depend on the jobs alone, so everything
//! it concludes is the same for any number of threads.

mod lanes;

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Condvar, Mutex, MutexGuard};

use sha1::{Digest, Sha1};

use crate::torrent::merkle::{LEAF_BYTES, root};
use crate::torrent::{Expected, PieceTree};

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
    /// What the unit must hash to.
    pub expected: Expected,
}

/// What a proof found.
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

/// What was found of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proof {
    /// Whether the bytes are the torrent's.
    pub verdict: Verdict,
    /// Whether they all have one value, of a leaf; `None` for other units, whose runs hold padding too.
    pub trivial: Option<bool>,
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
    /// Hashes the runs and compares.
    pub fn prove(&self) -> Verdict {
        match &self.expected {
            Expected::Sha1(expected) => Verdict::of(sha1(&self.runs) == *expected),
            Expected::V2(tree) => Verdict::of(merkle_root(&self.runs, tree) == tree.root),
            // Either hash makes the bytes the torrent's own. Both are computed: that only one matches must not pass
            // in silence, and SHA-1 alone proves no leaf.
            Expected::Both { sha1: expected, v2 } => {
                match (sha1(&self.runs) == *expected, merkle_root(&self.runs, v2) == v2.root) {
                    (true, true) => Verdict::Match,
                    (true, false) => Verdict::Half(Half::V1),
                    (false, true) => Verdict::Half(Half::V2),
                    (false, false) => Verdict::Mismatch,
                }
            }
            Expected::Leaf(expected) => Verdict::of(sha256(&self.runs) == *expected),
            Expected::Unknown => Verdict::Mismatch,
        }
    }

    /// How it is hashed together with others.
    fn method(&self) -> Method {
        match &self.expected {
            Expected::Sha1(_) => Method::Sha1,
            Expected::Leaf(_) => Method::Leaf,
            Expected::V2(_) | Expected::Both { .. } | Expected::Unknown => Method::Alone,
        }
    }

    /// Whether all bytes of a leaf have one value.
    fn is_trivial(&self) -> Option<bool> {
        let Expected::Leaf(_) = self.expected else { return None };
        let mut bytes = self.runs.iter().copied().flatten();
        let first = bytes.next();
        Some(bytes.all(|byte| Some(byte) == first))
    }

    fn bytes(&self) -> u64 {
        self.runs.iter().map(|run| run.len() as u64).sum()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Method {
    Sha1,
    Leaf,
    Alone,
}

/// Proves jobs, as many of them together as fill a core: three units take about twice as long as one.
#[doc(hidden)]
pub fn together(jobs: &[UnitJob<'_>]) -> Vec<Verdict> {
    let mut verdicts: Vec<Verdict> = Vec::with_capacity(jobs.len());
    for group in jobs.chunk_by(|one, other| one.method() == other.method()) {
        match group.first().map(UnitJob::method) {
            Some(Method::Sha1) => prove_lanes::<lanes::Sha1>(group, Expected::Sha1, &mut verdicts),
            Some(Method::Leaf) => prove_lanes::<lanes::Sha256>(group, Expected::Leaf, &mut verdicts),
            Some(Method::Alone) | None => verdicts.extend(group.iter().map(UnitJob::prove)),
        }
    }
    verdicts
}

/// Proves jobs that are hashed the same way.
fn prove_lanes<H: lanes::Hash>(
    jobs: &[UnitJob<'_>],
    found: fn(H::Digest) -> Expected,
    verdicts: &mut Vec<Verdict>,
) {
    for jobs in jobs.chunks(LANES) {
        if let [alone] = jobs {
            verdicts.push(alone.prove());
            continue;
        }
        let digests = lanes::hash::<H>(jobs.iter().map(|job| job.runs.as_slice()));
        verdicts.extend(jobs.iter().zip(digests).map(|(job, digest)| Verdict::of(job.expected == found(digest))));
    }
}

impl Verdict {
    fn of(matches: bool) -> Self {
        if matches { Self::Match } else { Self::Mismatch }
    }
}

/// The root over the leaves of a v2 piece (BEP 52); padding behind the content is not hashed.
fn merkle_root(runs: &[&[u8]], tree: &PieceTree) -> [u8; 32] {
    let count = tree.content.div_ceil(LEAF_BYTES) as usize;
    let (mut leaves, mut leaf) = (Vec::with_capacity(count), Vec::new());
    let (mut left, mut room) = (tree.content as usize, LEAF_BYTES.min(tree.content) as usize);
    for run in runs {
        let mut run = *run;
        while !run.is_empty() && left > 0 {
            let (now, later) = run.split_at(run.len().min(room));
            leaf.push(now);
            (room, left, run) = (room - now.len(), left - now.len(), later);
            if room == 0 {
                let next = Vec::with_capacity(leaf.len());
                leaves.push(std::mem::replace(&mut leaf, next));
                room = left.min(LEAF_BYTES as usize);
            }
        }
    }
    let mut hashes = Vec::with_capacity(count);
    for leaves in leaves.chunks(LANES) {
        hashes.extend(lanes::hash::<lanes::Sha256>(leaves.iter().map(Vec::as_slice)));
    }
    root(&hashes, tree.width)
}

/// The root over the leaves of `content` bytes in pieces of `piece_length` (BEP 52); what the runs hold behind the
/// content is not hashed.
pub fn piece_root(runs: &[&[u8]], content: u32, piece_length: u32) -> [u8; 32] {
    merkle_root(runs, &PieceTree { root: [0; 32], content, width: piece_length / LEAF_BYTES })
}

/// SHA-1 of the concatenated runs.
pub fn sha1(runs: &[&[u8]]) -> [u8; 20] {
    let mut hasher = Sha1::new();
    runs.iter().for_each(|run| hasher.update(run));
    hasher.finalize().into()
}

/// SHA-256 of the concatenated runs.
pub fn sha256(runs: &[&[u8]]) -> [u8; 32] {
    let mut hasher = sha2::Sha256::new();
    runs.iter().for_each(|run| hasher.update(run));
    hasher.finalize().into()
}

/// Runs `spine` on this thread with a prover that owns `threads - 1` more.
///
/// `threads` counts the spine, which helps with proofs when it would have to wait; 0 is taken as 1.
pub fn with_prover<'cap, T>(threads: usize, spine: impl FnOnce(&Prover<'cap>) -> T) -> T {
    with_prover_by(threads, together, spine)
}

/// The same with another way to prove: the benches measure everything but the hashing.
#[doc(hidden)]
pub fn with_prover_by<'cap, T>(
    threads: usize,
    prove: fn(&[UnitJob<'_>]) -> Vec<Verdict>,
    spine: impl FnOnce(&Prover<'cap>) -> T,
) -> T {
    let prover = Prover { threads: threads.max(1), prove, state: Mutex::default(), changed: Condvar::new() };
    std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(|| prover.work());
        }
        let result = catch_unwind(AssertUnwindSafe(|| spine(&prover)));
        prover.stop();
        result.unwrap_or_else(|panic| resume_unwind(panic))
    })
}

/// A queue of jobs and their verdicts.
#[derive(Debug)]
pub struct Prover<'cap> {
    threads: usize,
    prove: fn(&[UnitJob<'_>]) -> Vec<Verdict>,
    state: Mutex<State<'cap>>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State<'cap> {
    /// The last of those that were submitted.
    queue: VecDeque<UnitJob<'cap>>,
    /// From the oldest job on whose verdict was not taken.
    slots: VecDeque<Slot<'cap>>,
    /// The number of the first of them.
    first: u64,
    bytes: u64,
    /// Bytes queued since a waiting thread was last woken.
    unannounced: u64,
    /// Threads that wait for a change.
    waiting: usize,
    stopped: bool,
}

/// How far a job is.
#[derive(Debug)]
enum Slot<'cap> {
    /// Queued, or being hashed.
    Waiting,
    /// Hashed. The runs are kept for the thread that made them: memory given back by another one costs both of them
    /// time.
    Done(Proof, Vec<&'cap [u8]>),
    /// Its verdict was taken.
    Taken,
}

impl<'cap> State<'cap> {
    fn slot(&mut self, id: JobId) -> Option<&mut Slot<'cap>> {
        self.slots.get_mut(usize::try_from(id.0.checked_sub(self.first)?).ok()?)
    }

    /// What was found of a job, once, and its runs.
    fn take(&mut self, id: JobId) -> Option<(Proof, Vec<&'cap [u8]>)> {
        let slot = self.slot(id).filter(|slot| matches!(slot, Slot::Done(..)))?;
        let taken = std::mem::replace(slot, Slot::Taken);
        while self.slots.pop_front_if(|slot| matches!(slot, Slot::Taken)).is_some() {
            self.first += 1;
        }
        match taken {
            Slot::Done(proof, runs) => Some((proof, runs)),
            Slot::Waiting | Slot::Taken => None,
        }
    }
}

impl<'cap> Prover<'cap> {
    /// Queues a job.
    pub fn submit(&self, job: UnitJob<'cap>) -> JobId {
        let mut state = self.lock();
        let id = JobId(state.first + state.slots.len() as u64);
        state.slots.push_back(Slot::Waiting);
        let bytes = job.bytes();
        state.bytes += bytes;
        state.unannounced += bytes;
        state.queue.push_back(job);
        let announce = state.waiting > 0 && state.unannounced >= ANNOUNCE;
        if announce {
            state.unannounced = 0;
        }
        drop(state);
        if announce {
            self.changed.notify_one();
        }
        id
    }

    /// The verdict of `id`, helping with the queue until it is there. A verdict can be taken once.
    pub fn verdict(&self, id: JobId) -> Verdict {
        self.proof(id).verdict
    }

    /// The same, with what else was seen of its bytes.
    pub fn proof(&self, id: JobId) -> Proof {
        let mut state = self.lock();
        loop {
            if let Some((proof, runs)) = state.take(id) {
                drop(state);
                drop(runs);
                return proof;
            }
            state = self.help(state);
        }
    }

    /// Bytes hashed or queued so far.
    pub fn bytes(&self) -> u64 {
        self.lock().bytes
    }

    fn work(&self) {
        let mut state = self.lock();
        while !state.stopped {
            state = self.help(state);
        }
    }

    /// Proves what is first in the queue, or waits for a change when nothing is.
    fn help<'lock>(&'lock self, mut state: MutexGuard<'lock, State<'cap>>) -> MutexGuard<'lock, State<'cap>> {
        // A fair share, so that the last jobs keep all threads busy.
        let most = state.queue.len().div_ceil(self.threads);
        let first = state.first + (state.slots.len() - state.queue.len()) as u64;
        let (mut jobs, mut bytes) = (Vec::new(), 0);
        while jobs.len() < most
            && (!jobs.len().is_multiple_of(LANES) || bytes < AT_ONCE)
            && let Some(job) = state.queue.pop_front()
        {
            bytes += job.bytes();
            jobs.push(job);
        }
        if jobs.is_empty() {
            state.unannounced = 0;
            state.waiting += 1;
            let mut state = self.changed.wait(state).unwrap_or_else(std::sync::PoisonError::into_inner);
            state.waiting -= 1;
            return state;
        }
        drop(state);
        let verdicts = (self.prove)(&jobs);
        // Here the bytes are in the processor's cache; for the spine they would have to come back.
        let seen = jobs.into_iter().zip(verdicts);
        let proofs: Vec<_> =
            seen.map(|(job, verdict)| (Proof { verdict, trivial: job.is_trivial() }, job.runs)).collect();
        let mut state = self.lock();
        for (number, (proof, runs)) in (first..).zip(proofs) {
            if let Some(slot) = state.slot(JobId(number)) {
                *slot = Slot::Done(proof, runs);
            }
        }
        if state.waiting > 0 {
            // A call of the system, even where nobody waits.
            self.changed.notify_all();
        }
        state
    }

    fn stop(&self) {
        self.lock().stopped = true;
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State<'cap>> {
        // A panicking prover thread ends the run through the scope; its lock state is still whole.
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

// Rationale: waking a thread costs as much as hashing a leaf; whoever asks for a verdict helps itself, so that nothing
// waits for the rest.
const ANNOUNCE: u64 = 256 << 10;
// Rationale: chains that fill a core. Where measured, in segments of 1,448 bytes, one to four of them hash 2.0, 3.3, 3.5,
// 3.4 GB/s with SHA-1, 1.9, 2.4, 2.6, 2.4 GB/s with SHA-256.
const LANES: usize = 3;
// Rationale: bytes of small units that are worth the lock and the wake-up around them.
const AT_ONCE: u64 = 256 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn jobs() -> Vec<UnitJob<'static>> {
        let abc = [
            0xa9, 0x99, 0x3e, 0x36, 0x47, 0x06, 0x81, 0x6a, 0xba, 0x3e, 0x25, 0x71, 0x78, 0x50, 0xc2, 0x6c, 0x9c,
            0xd0, 0xd8, 0x9d,
        ];
        (0..200)
            .map(|n| UnitJob {
                runs: if n % 3 == 0 { vec![b"a", b"b", b"c"] } else { vec![b"ab", b"x"] },
                expected: Expected::Sha1(abc),
            })
            .collect()
    }

    #[test]
    fn verdicts_are_the_same_for_any_number_of_threads() {
        for threads in [0, 1, 2, 8] {
            let verdicts = with_prover(threads, |prover| {
                let ids: Vec<_> = jobs().into_iter().map(|job| prover.submit(job)).collect();
                ids.into_iter().map(|id| prover.verdict(id)).collect::<Vec<_>>()
            });
            let expected = (0..200).map(|n| if n % 3 == 0 { Verdict::Match } else { Verdict::Mismatch });
            assert!(verdicts.into_iter().eq(expected), "{threads} threads");
        }
    }

    #[test]
    fn verdicts_may_be_taken_in_any_order() {
        with_prover(2, |prover| {
            let ids: Vec<_> = jobs().into_iter().map(|job| prover.submit(job)).collect();
            assert_eq!(prover.verdict(ids[3]), Verdict::Match);
            assert_eq!(prover.verdict(ids[0]), Verdict::Match);
            assert_eq!(prover.verdict(ids[1]), Verdict::Mismatch);
        });
    }
}
