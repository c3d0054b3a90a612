//! Conversations whose content could not be read.

use serde::{Deserialize, Serialize};

use crate::ends::{FlowKey, Span, Transport};

/// A conversation whose content, or a part of it, could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opaque {
    /// Its two ends.
    pub flow: FlowKey,
    /// How it was carried.
    pub transport: Transport,
    /// On what it rests that it is MSE with RC4: one plain sentence.
    pub basis: String,
    /// Payload bytes that could not be read, by direction.
    pub bytes: [u64; 2],
    /// Its frames.
    pub span: Span,
}
