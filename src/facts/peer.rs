//! The peer wire of one connection: what the messages of both sides say.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ends::{Direction, Span};
use crate::session::{Claims, Unplaced};

/// The content of a connection that carries the peer wire (BEP 3), or what may be it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peer {
    /// The two sides, by the [`Direction::index`] in which they send.
    pub sides: [Side; 2],
}

/// Messages of one side.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Side {
    /// Its handshake (BEP 3).
    pub handshake: Option<Handshake>,
    /// A handshake of which a gap hides the info-hash, or a part of it.
    pub cut_handshake: Option<CutHandshake>,
    /// Blocks whose headers gaps hide.
    pub unplaced: Unplaced,
    /// The port on which it accepts connections, as it declared (BEP 10 `p`); never 0.
    pub listen_port: Option<u16>,
    /// The client that it named (BEP 10 `v`).
    pub client: Option<String>,
    /// Its extension messages (BEP 10) by name; `unknown` where the other side's extension handshake was not captured.
    pub extension_messages: BTreeMap<String, u64>,
    /// The pieces that it claimed to have.
    pub claims: Claims,
    /// Its first unchoke or allowed_fast.
    pub offered: Option<Span>,
    /// Its first request.
    pub requested: Option<Span>,
    /// Requests of the other side that it rejected (BEP 6).
    pub rejected: u64,
    /// Its `piece` messages whose whole body is in the captures.
    pub piece_messages: u64,
    /// Its `piece` messages of which bytes are missing.
    pub partial_messages: u64,
    /// The first whole `piece` message with payload.
    pub first_piece: Option<Span>,
    /// Blocks that answer a request captured before, cancelled ones too.
    pub answered: u64,
    /// Blocks sent after their request was cancelled.
    pub cancelled: u64,
    /// Blocks that nobody asked for, where the captures hold both directions without a gap.
    pub unsolicited: u64,
    /// How often framing was lost.
    pub lost_sync: u64,
    /// How much speaks against this being the peer wire: see [`Peer::is_broken`].
    pub misframed: u32,
    /// Set if framing held for so long that no file that happens to hold messages does so.
    pub held_sync: bool,
    /// Set if framing was lost and found again.
    pub resynchronised: bool,
}

/// A handshake (BEP 3): 68 bytes, the fixed prefix left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Handshake {
    /// The eight reserved bytes.
    pub reserved: [u8; 8],
    /// The info-hash that it asks for; for a v2 torrent the SHA-256 cut to 20 bytes (BEP 52).
    pub info_hash: [u8; 20],
    /// The peer_id by which it goes on this connection.
    pub peer_id: Option<[u8; 20]>,
    /// The frames that carried it.
    pub span: Span,
}

/// A handshake (BEP 3) of which the captures hold no more than the beginning.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CutHandshake {
    /// The first bytes of its info-hash, fewer than 20.
    pub begins: Vec<u8>,
    /// The frames that carried it.
    pub span: Span,
}

impl Peer {
    /// The side that sends in `direction`.
    pub fn side(&self, direction: Direction) -> &Side {
        &self.sides[direction.index()]
    }

    /// The info-hashes of the two handshakes, by direction.
    pub fn info_hashes(&self) -> [Option<[u8; 20]>; 2] {
        [&self.sides[0], &self.sides[1]].map(|side| side.handshake.map(|handshake| handshake.info_hash))
    }

    /// How the info-hash begins that a cut handshake asks for, where none is whole; empty where that is not known.
    pub fn info_hash_begins(&self) -> &[u8] {
        let known = |side: &'_ Side| side.handshake.is_some();
        if self.sides.iter().any(known) {
            return &[];
        }
        let [one, other] = [&self.sides[0], &self.sides[1]]
            .map(|side| side.cut_handshake.as_ref().map_or(&[][..], |handshake| &handshake.begins));
        match (one.starts_with(other), other.starts_with(one)) {
            (true, _) => one,
            (false, true) => other,
            // Of two torrents: of neither is it known.
            (false, false) => &[],
        }
    }

    /// The peer_ids of the two handshakes, by direction.
    pub fn peer_ids(&self) -> [Option<[u8; 20]>; 2] {
        [&self.sides[0], &self.sides[1]].map(|side| side.handshake.and_then(|handshake| handshake.peer_id))
    }

    /// Returns true if the two handshakes are one, to the peer_id.
    pub fn is_echo(&self) -> bool {
        let told = |side: &Side| side.handshake.map(|it| (it.reserved, it.info_hash, it.peer_id));
        let [one, other] = [told(&self.sides[0]), told(&self.sides[1])];
        one.is_some_and(|(.., peer_id)| peer_id.is_some()) && one == other
    }

    /// Returns true if a side sent a block, or part of one, or a header of one.
    pub fn has_blocks(&self) -> bool {
        self.sides.iter().any(|side| side.piece_messages + side.partial_messages + side.unplaced.bytes() > 0)
    }

    /// Returns true for BitTorrent: a handshake was captured, or, without one, blocks that answer requests of the other
    /// side or that follow one another without a break.
    pub fn is_peer_wire(&self) -> bool {
        self.is_confirmed()
            || (!self.is_broken() && self.sides.iter().any(|side| side.piece_messages >= CHAINED_BLOCKS))
    }

    /// Returns true if bytes that look like messages are content of something else, such as a capture that is sent as a
    /// file: without a handshake, and without answers to requests of the other side, framing was lost where the
    /// captures have no gap, or found only behind more than any message holds.
    pub fn is_broken(&self) -> bool {
        !self.is_confirmed() && self.sides.iter().any(|side| side.misframed >= BROKEN)
    }

    /// Returns true if blocks of `from` are those of a peer, as far as framing tells: they answer requests of the other
    /// side, or follow one another for long.
    pub fn is_sure(&self, from: Direction) -> bool {
        self.is_confirmed() || (self.side(from).held_sync && !self.is_broken())
    }

    fn is_confirmed(&self) -> bool {
        let greeted = |side: &Side| side.handshake.is_some() || side.cut_handshake.is_some();
        self.sides.iter().any(|side| greeted(side) || side.answered > 0)
    }
}

// Rationale: each found block already had to chain to a next header; three in a row by chance is beyond belief.
const CHAINED_BLOCKS: u64 = 3;
// Rationale: so much misframed is no peer wire: a false header found in payload is one.
const BROKEN: u32 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_looks_like_messages_is_no_peer_wire() {
        let with = |side: Side| Peer { sides: [side, Side::default()] };
        assert!(!Peer::default().is_peer_wire());
        assert!(!with(Side { piece_messages: 2, ..Side::default() }).is_peer_wire());
        assert!(with(Side { piece_messages: 3, ..Side::default() }).is_peer_wire());
        assert!(!with(Side { piece_messages: 3, misframed: 2, ..Side::default() }).is_peer_wire());
        assert!(with(Side { answered: 1, misframed: 2, ..Side::default() }).is_peer_wire());
    }

    #[test]
    fn blocks_are_surely_a_peers_where_framing_held_for_long_or_a_request_is_answered() {
        let sure = |side: Side| Peer { sides: [Side::default(), side] }.is_sure(Direction::HighToLow);
        assert!(!sure(Side { piece_messages: 9, ..Side::default() }));
        assert!(sure(Side { held_sync: true, ..Side::default() }));
        assert!(!sure(Side { held_sync: true, misframed: 2, ..Side::default() }));
        assert!(sure(Side { answered: 1, ..Side::default() }));
    }
}
