//! Settings of a run, as every stage of it may ask them.

use std::sync::LazyLock;

use crate::Limits;
use crate::mse::Secrets;
pub use crate::packet::{ChecksumPolicy, UdpTunnel};

/// Settings of a run.
#[derive(Clone)]
pub struct Options<'a> {
    /// Threads for the whole run, the spine included; at least 1. Changes no figure.
    pub threads: usize,
    /// Bytes of capture after which read pages are given back to the system; at least 1. Changes no figure.
    pub window: u64,
    /// Policy for wrong checksums.
    pub checksums: ChecksumPolicy,
    /// Tunnels over UDP on ports besides those of the standards.
    pub tunnels: &'a [UdpTunnel],
    /// Bounds.
    pub limits: Limits,
    /// Diffie-Hellman secrets of MSE connections.
    pub secrets: &'a Secrets,
    /// Set to hash the input files (SHA-256) for the report.
    pub digest: bool,
    /// Set to make [`Evidence::pieces`](crate::evidence::Evidence::pieces): payload is then hashed twice.
    pub pieces: bool,
    /// Set to look at verified v1 pieces for the marks of a SHA-1 collision attack; [`Self::pieces`] goes with it.
    pub sha1_collision_check: bool,
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
            tunnels: &[],
            limits: Limits::default(),
            secrets: &NO_SECRETS,
            digest: true,
            pieces: false,
            sha1_collision_check: false,
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
            .field("tunnels", &self.tunnels)
            .field("limits", &self.limits)
            .field("digest", &self.digest)
            .field("pieces", &self.pieces)
            .finish_non_exhaustive()
    }
}

static NO_SECRETS: LazyLock<Secrets> = LazyLock::new(Secrets::default);

// Rationale: large enough that giving pages back costs nothing, small enough to keep resident memory flat.
const WINDOW: u64 = 64 << 20;
