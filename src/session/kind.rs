//! How sure it is that a connection is the peer wire.

use super::{Session, SideFacts, Unplaced, side};
use crate::ends::Direction;

impl Session<'_> {
    /// Returns true for a BitTorrent session: a handshake was seen, or, without one, blocks that answer requests of
    /// the other side or that follow one another without a break.
    pub fn is_peer_wire(&self) -> bool {
        self.is_confirmed()
            || (!self.is_broken() && self.sides.iter().any(|side| side.facts.piece_messages >= CHAINED_BLOCKS))
    }

    /// Returns true if the seeming messages are content of another protocol, such as a capture that is sent as a
    /// file: without a handshake, and without answers to requests of the other side, framing was lost where the
    /// capture has no gap, or found only behind more than any message holds.
    pub fn is_broken(&self) -> bool {
        !self.is_confirmed() && self.sides.iter().any(|side| side.facts.misframed >= side::BROKEN)
    }

    /// Returns true if blocks of `from` are those of a peer, as far as framing tells: they answer requests of the
    /// other side, or follow one another for long.
    pub fn is_sure(&self, from: Direction) -> bool {
        self.is_confirmed() || (self.side(from).held_sync && !self.is_broken())
    }

    pub(super) fn is_confirmed(&self) -> bool {
        let greeted = |facts: &SideFacts| facts.handshake.is_some() || facts.cut_handshake.is_some();
        self.sides.iter().any(|side| greeted(&side.facts) || side.facts.answered > 0)
    }

    /// `passed` bytes lie between two known ends of messages of `from`, of which `captured` are in the capture: mostly
    /// payload, if it serves blocks. `guessed`: framing had been searched for and found before.
    pub(super) fn pass_over(&mut self, from: Direction, captured: u64, passed: u64, guessed: bool) {
        let serves = self.serves(from);
        let facts = &mut self.sides[from.index()].facts;
        facts.unplaced.add(captured, passed, (facts.snaplen, serves, guessed));
    }

    /// Parts of blocks that `from` sent whose headers gaps hide; nothing where no block of it was asked for or
    /// seen.
    pub fn unplaced(&self, from: Direction) -> Unplaced {
        if self.serves(from) { self.side(from).unplaced } else { Unplaced::default() }
    }

    fn serves(&self, from: Direction) -> bool {
        let facts = self.side(from);
        self.side(from.reverse()).requested.is_some() || facts.piece_messages + facts.partial_messages > 0
    }

    /// Returns true if the stream of `from` stands within a message that has begun.
    pub(super) fn is_within_message(&self, from: Direction) -> bool {
        self.sides[from.index()].deframer.is_within()
    }
}

// Rationale: each found block already had to chain to a next header; three in a row by chance is beyond belief.
const CHAINED_BLOCKS: u64 = 3;
