//! `hashes` messages (BEP 52, id 22): parts of v2 Merkle trees, believed only where they prove themselves.

use serde::{Deserialize, Serialize};

use crate::ends::{ConnectionId, Direction, Span};
use crate::wire::HashRange;

/// One `hashes` message, the same one kept once. It names its file by `range.pieces_root`, so it counts without a handshake
/// too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hashes {
    /// The connection that carried it first.
    pub connection: ConnectionId,
    /// Who sent it.
    pub from: Direction,
    /// The torrent, as the handshakes of the connection name it.
    pub info_hash: Option<[u8; 20]>,
    /// Which hashes.
    pub range: HashRange,
    /// The hashes, then the uncle hashes, of 32 bytes each.
    pub hashes: Vec<u8>,
    /// The frames that carried it.
    pub span: Span,
}
