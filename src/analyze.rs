//! The way through the stages, from captures to evidence.

use crate::capture::{CaptureSet, Spill};
use crate::evidence::Evidence;
use crate::ledger::Ledger;
use crate::packet::ChecksumPolicy;
use crate::prove::with_prover;
use crate::spine::Spine;
use crate::torrent::Torrents;
use crate::{Error, Limits, evidence};

/// What a run may be told.
pub struct Options<'a> {
    /// Threads for the whole run, the spine included; at least 1. Changes no figure.
    pub threads: usize,
    /// Bytes of capture after which read pages are given back to the system; at least 1. Changes no figure.
    pub window: u64,
    /// What to do with wrong checksums.
    pub checksums: ChecksumPolicy,
    /// Bounds.
    pub limits: Limits,
    /// Whether to hash the input files (SHA-256) for the report.
    pub digest: bool,
    /// Where reassembled datagrams go; the system's temporary directory by default.
    pub spool_dir: Option<&'a std::path::Path>,
    /// Called after each window with the bytes of capture read so far.
    pub progress: Option<&'a dyn Fn(u64)>,
}

impl Default for Options<'_> {
    fn default() -> Self {
        Self {
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            window: WINDOW,
            checksums: ChecksumPolicy::default(),
            limits: Limits::default(),
            digest: true,
            spool_dir: None,
            progress: None,
        }
    }
}

impl std::fmt::Debug for Options<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("threads", &self.threads)
            .field("window", &self.window)
            .field("checksums", &self.checksums)
            .field("limits", &self.limits)
            .field("digest", &self.digest)
            .finish_non_exhaustive()
    }
}

/// Reads captures once, front to back, and returns everything they prove.
///
/// # Errors
/// [`Error::Malformed`] for damage in a set opened as strict, [`Error::Changed`] when a capture changed while it was
/// read, [`Error::Io`] when the system refuses memory or files.
pub fn analyze(captures: &CaptureSet, torrents: &Torrents, options: &Options<'_>) -> Result<Evidence, Error> {
    std::thread::scope(|scope| {
        let digests = options.digest.then(|| scope.spawn(|| captures.digests()));
        let mut evidence = walk(captures, torrents, options)?;
        if let Some(digests) = digests {
            let digests = digests.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
            for (facts, digest) in evidence.captures.iter_mut().zip(digests) {
                facts.sha256 = Some(digest);
            }
        }
        Ok(evidence)
    })
}

/// Takes every frame through the spine, then makes the evidence.
fn walk(captures: &CaptureSet, torrents: &Torrents, options: &Options<'_>) -> Result<Evidence, Error> {
    let spill = Spill::new(options.spool_dir);
    with_prover(options.threads, |prover| {
        let ledger = Ledger::new(torrents, &options.limits);
        let mut spine = Spine::new(options, ledger, prover, &spill);
        let mut frames = captures.frames();
        let window = options.window.max(1);
        frames.prefetch(window);
        let mut release_at = window;
        while let Some(frame) = frames.next(spine.anomalies())? {
            spine.push(&frame)?;
            if frames.position() >= release_at {
                release_at = frames.position().saturating_add(window);
                frames.release(PROOFS_BEHIND);
                frames.prefetch(window);
                spill.release();
                if let Some(progress) = options.progress {
                    progress(frames.position());
                }
            }
        }
        let inputs = frames.finish()?;
        let (ledger, findings) = spine.finish();
        evidence::build(&ledger, findings, inputs, torrents, options.limits.window_silence_ns)
    })
}

// Rationale: twice what the ledger lets wait for a proof; pages given back before they are hashed are read twice, and
// then stay.
const PROOFS_BEHIND: u64 = 128 << 20;
// Rationale: large enough that giving pages back costs nothing, small enough to keep resident memory flat.
const WINDOW: u64 = 64 << 20;
