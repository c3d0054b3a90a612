//! A packet that waits for those before it.

use crate::packet::Payload;
use crate::provenance::At;

/// A packet whose turn has not come, or is about to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waiting<'cap> {
    pub(super) seq: u64,
    pub(super) payload: Payload<'cap>,
    pub(super) at: At,
    pub(super) doubtful: bool,
    /// Another content that came under the same number while it waits.
    pub(super) rival: Option<(Payload<'cap>, At)>,
    /// Payload bytes on the wire in its shortest copy.
    pub(super) shortest: u32,
}

impl<'cap> Waiting<'cap> {
    pub(super) fn new(seq: u64, payload: Payload<'cap>, at: At, doubtful: bool) -> Self {
        Self { seq, payload, at, doubtful, rival: None, shortest: payload.wire_len }
    }
}
