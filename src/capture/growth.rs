//! An input that a thread of its own decompresses into a temporary file while it is read.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;

use crate::Error;

/// Facts about an input that was read to its end.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// The compression around it, outermost first, each with a `+` behind it; empty for none.
    pub(super) layers: String,
    /// Size in bytes as given.
    pub(super) size: u64,
    /// Damage of the compressed stream.
    pub(super) damage: Option<String>,
    /// SHA-256 of the bytes as given, where it was computed on the way.
    pub(super) digest: Option<[u8; 32]>,
}

/// How far the thread has come.
#[derive(Debug, Default)]
pub(super) struct Growth {
    ended: OnceLock<Result<Outcome, Error>>,
    /// Held while a step is announced, so that nobody begins to wait just after it.
    step: Mutex<()>,
    grown: Condvar,
}

impl Growth {
    /// An input that is there as a whole.
    pub(super) fn whole(outcome: Outcome) -> Self {
        Self { ended: OnceLock::from(Ok(outcome)), ..Self::default() }
    }

    /// Lets a thread do `work`, which gets told when nobody waits for it any more ([`Worker::is_wanted`]).
    pub(super) fn start(
        name: &str,
        work: impl FnOnce(&Worker) -> Result<Outcome, Error> + Send + 'static,
    ) -> Result<Arc<Self>, Error> {
        let growth = Arc::new(Self::default());
        let worker = Worker(Arc::clone(&growth), name.to_owned());
        let started = thread::Builder::new().name("spool".to_owned()).spawn(move || {
            let result = work(&worker);
            worker.0.end(result);
        });
        let failed = |source| Error::Io { name: name.to_owned(), action: "start a thread to read", source };
        started.map(|_| growth).map_err(failed)
    }

    /// Waits until `enough` or the end; the answer is whether it is the end.
    pub(super) fn wait(&self, enough: impl Fn() -> bool) -> bool {
        let mut step = self.step();
        while self.ended.get().is_none() {
            if enough() {
                return false;
            }
            step = self.grown.wait(step).unwrap_or_else(PoisonError::into_inner);
        }
        true
    }

    /// Waits for the end.
    ///
    /// # Errors
    /// A copy of the error that kept the thread from reading on.
    pub(super) fn outcome(&self) -> Result<&Outcome, Error> {
        self.wait(|| false);
        match self.ended.get() {
            Some(Ok(outcome)) => Ok(outcome),
            Some(Err(error)) => Err(again(error)),
            None => Err(early("an input")),
        }
    }

    fn step(&self) -> MutexGuard<'_, ()> {
        self.step.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self, result: Result<Outcome, Error>) {
        let step = self.step();
        // The first one counts: the guard of a thread that panicked comes last.
        let _ = self.ended.set(result);
        drop(step);
        self.grown.notify_all();
    }
}

/// The thread's end of it.
pub(super) struct Worker(Arc<Growth>, String);

impl Worker {
    /// Tells whoever waits that there is more.
    pub(super) fn grown(&self) {
        drop(self.0.step());
        self.0.grown.notify_all();
    }

    /// Returns true while anybody still holds the input.
    pub(super) fn is_wanted(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }
}

impl Drop for Worker {
    /// Nobody waits for a thread that ended without a word.
    fn drop(&mut self) {
        self.0.end(Err(early(&self.1)));
    }
}

fn early(name: &str) -> Error {
    let source = std::io::Error::other("the thread that reads it ended early");
    Error::Io { name: name.to_owned(), action: "spool", source }
}

/// A copy of `error` (not `Clone`): who reads the input and who hashes it both ask for one.
fn again(error: &Error) -> Error {
    match error {
        Error::Io { name, action, source } => {
            let source = std::io::Error::new(source.kind(), source.to_string());
            Error::Io { name: name.clone(), action, source }
        }
        Error::Malformed { name, offset, found, expected } => Error::Malformed {
            name: name.clone(),
            offset: *offset,
            found: found.clone(),
            expected: expected.clone(),
        },
        other => Error::Usage(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn waiting_ends_with_enough_or_with_the_end() {
        let count = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&count);
        let growth = Growth::start("x", move |worker| {
            for _ in 0..1_000 {
                counted.fetch_add(1, Ordering::Release);
                worker.grown();
            }
            Ok(Outcome { size: 7, ..Outcome::default() })
        })
        .expect("a thread");
        let reached = |least| count.load(Ordering::Acquire) >= least;
        growth.wait(|| reached(500));
        assert!(reached(500));
        assert!(growth.wait(|| false) && reached(1_000));
        assert_eq!(growth.outcome().expect("it ended").size, 7);
    }

    #[test]
    fn a_thread_that_fails_or_panics_leaves_nobody_waiting() {
        let failing = |_: &Worker| Err(Error::Usage("no".to_owned()));
        assert!(matches!(Growth::start("x", failing).expect("a thread").outcome(), Err(Error::Usage(_))));
        let growth = Growth::start("name", |_| panic!("on purpose")).expect("a thread");
        let error = growth.outcome().expect_err("it ended early").to_string();
        assert!(error.contains("name") && error.contains("ended early"), "{error}");
    }

    #[test]
    fn a_thread_is_told_that_nobody_wants_its_work() {
        let (send, receive) = std::sync::mpsc::channel();
        let growth = Growth::start("x", move |worker| {
            while worker.is_wanted() {
                thread::yield_now();
            }
            let _ = send.send(());
            Ok(Outcome::default())
        });
        drop(growth);
        assert_eq!(receive.recv(), Ok(()));
    }
}
