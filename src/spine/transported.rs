//! Facts of the transport about a connection that is over.

use std::collections::BTreeSet;

use crate::stream::{Numbers, Opening};

/// The facts that the transport knows of a connection.
#[derive(Clone, Debug, Default)]
pub(super) struct Transported {
    /// How it was opened.
    pub(super) opening: Opening,
    /// True if frames of the connection are in the capture more than once.
    pub(super) duplicates: bool,
    /// The initial sequence numbers of TCP, or what uTP has for it, the initiator's first, where both were captured.
    pub(super) initial: Option<[u64; 2]>,
    /// The numbers of each direction.
    pub(super) numbers: [Option<Numbers>; 2],
    /// The tunnels that it crossed.
    pub(super) paths: BTreeSet<String>,
    /// Payload bytes on the wire, by direction.
    pub(super) bytes: [u64; 2],
}
