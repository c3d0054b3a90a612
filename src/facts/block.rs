//! One `piece` message, whole or partial.

use std::net::IpAddr;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::Run;
use crate::ends::{ConnectionId, Direction, Span};
use crate::wire::Framing;

/// The number of a block in the journal, in the order in which blocks were written, from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct BlockId(pub u64);

/// The payload of one `piece` message (BEP 3, id 7), as far as the captures hold it. Not checked against any torrent.
///
/// # Invariants
/// - Runs and holes tile `0..captured_to`; `sum(runs) + sum(holes) == captured_to <= len`.
/// - `captured_to < len` only where the stream ended, or lost sync, inside the message.
/// - `id` ascends with `order`; of one connection and direction, both ascend with `offset` but for what a search found
///   late.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// Its number.
    pub id: BlockId,
    /// The ordinal, in the walk, of the frame at which it was complete, cut or given up; from 1, over all inputs.
    pub order: u64,
    /// The connection that carried it.
    pub connection: ConnectionId,
    /// Which reading of the stretch it is of: 0 is the first one.
    pub reading: u8,
    /// Who sent it.
    pub from: Direction,
    /// Piece index as sent.
    pub piece: u32,
    /// Offset within the piece as sent, in bytes.
    pub begin: u32,
    /// Payload length that the length prefix states, in bytes.
    pub len: u32,
    /// Bytes of payload that runs and holes of known length account for.
    pub captured_to: u32,
    /// Place of the first payload byte in the stream; the 13 bytes of length, id, index and begin stand before it.
    pub offset: u64,
    /// The captured bytes, in order.
    pub runs: Vec<Run>,
    /// The frames that carried it, header included.
    pub span: Span,
    /// How its header was found.
    pub framing: Framing,
    /// The request that it answers.
    pub answers: Answer,
    /// Where its sender had advertised the piece, as known when the block was read; `None` where it had not, or had
    /// withdrawn it.
    pub advertised: Option<Span>,
    /// Who receives it, as known when the block was read.
    pub receiver: Receiver,
}

impl Block {
    /// Captured payload bytes.
    pub fn captured(&self) -> u64 {
        self.runs.iter().map(|run| u64::from(run.len)).sum()
    }

    /// Payload bytes that were sent and are not captured, as far as framing shows them.
    pub fn lost(&self) -> u64 {
        u64::from(self.captured_to).saturating_sub(self.captured())
    }

    /// Returns true if every byte that the length prefix states is captured.
    pub fn is_whole(&self) -> bool {
        self.captured() == u64::from(self.len)
    }

    /// The stretch of the stream that says what it is: header and payload.
    pub fn stretch(&self) -> Range<u64> {
        let end = self.runs.last().map_or(self.offset.saturating_add(u64::from(self.len)), |run| {
            run.stream.saturating_add(u64::from(self.len.saturating_sub(run.start)))
        });
        self.offset.saturating_sub(HEADER)..end.max(self.offset)
    }
}

/// The request that a block answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Answer {
    /// A request that was captured and not cancelled.
    Request {
        /// The first of its requests that was not answered yet.
        span: Span,
        /// Set if the block's first packet acknowledges the request: it was sent after it, whatever the times say.
        acknowledged: bool,
    },
    /// A request that was cancelled before the block was sent.
    Cancelled {
        /// That request.
        span: Span,
    },
    /// No request in the captures.
    Unasked,
}

/// Who receives a block: an address, and the port by which several clients behind it are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Receiver {
    /// The receiver's address.
    pub ip: IpAddr,
    /// The port on which it accepts connections: declared (BEP 10 `p`), else the one at which it accepted this one;
    /// `None` where neither is known.
    pub port: Option<u16>,
}

// Rationale: BEP 3: length, id, index and begin stand before the payload.
const HEADER: u64 = 13;
