//! Blocks in their place, with who sent them and what came before.

use std::ops::Range;

use super::Parts;
use super::{RangeSet, Receiver, TransferId};
use crate::ends::{ConnectionId, Direction, Span};
use crate::facts::{Answer, Block, BlockId};
use crate::wire::Framing;

/// A block, or the part of one in a unit.
#[derive(Clone, Debug)]
pub struct Share {
    /// The block.
    pub id: BlockId,
    /// Who sent it to whom.
    pub transfer: TransferId,
    /// Who receives it.
    pub receiver: Receiver,
    /// Place of the block's first byte within the piece, as sent.
    pub begin: u32,
    /// Its captured bytes, without padding.
    pub parts: Parts,
    /// Ranges that the parts cover.
    pub ranges: RangeSet,
    /// Set if the captures hold the whole block.
    pub whole: bool,
    /// Its frames.
    pub span: Span,
    /// The request that it answers.
    pub requested: Option<Span>,
    /// Where the sender had advertised the piece before.
    pub advertised: Option<Span>,
    /// The connection and direction, and the block's place in that stream.
    pub stream: (ConnectionId, Direction, Range<u64>),
    /// Where it was asked for, of a web server; 0 for peers.
    pub place: u64,
    /// How its framing was found; of a web server, how its place was.
    pub framing: Framing,
    /// Set if a handshake, or a request to a web server, names the torrent: else that torrent is only likely.
    pub named: bool,
    /// Set if the share may be of the other half of a hybrid torrent.
    pub half_unknown: bool,
}

/// A line of communication, as far as the shares on it need it.
#[derive(Clone, Copy, Debug)]
pub struct Carrier {
    /// Who sent to whom.
    pub transfer: TransferId,
    /// Who receives.
    pub receiver: Receiver,
    /// The connection whose streams and doubts count.
    pub connection: ConnectionId,
    /// As in [`Share::place`].
    pub place: u64,
    /// As in [`Share::named`].
    pub named: bool,
    /// Set if nothing shows that the sender received anything, or the two ends speak of different torrents: then it answers
    /// no request, and advertised nothing.
    pub unheard: bool,
}

impl Share {
    /// A block as it was sent, padding included.
    pub fn of(block: &Block, carrier: &Carrier) -> Self {
        // Whoever does not see the requests cannot have answered them.
        let requested = requested(block).filter(|_| !carrier.unheard);
        let parts = Parts::of_block(block.begin, &block.runs);
        Self {
            id: block.id,
            transfer: carrier.transfer,
            receiver: carrier.receiver,
            begin: block.begin,
            ranges: parts.ranges(),
            parts,
            whole: block.is_whole(),
            span: block.span,
            requested,
            // It was said before the block, as both are of one stream.
            advertised: block.advertised.filter(|_| !carrier.unheard),
            stream: (carrier.connection, block.from, block.offset..block.stretch().end),
            place: carrier.place,
            framing: block.framing,
            named: carrier.named,
            half_unknown: false,
        }
    }

    /// The part of it within `range` of the piece, if there is any.
    pub fn part(&self, range: &Range<u32>) -> Option<Self> {
        let ranges: RangeSet = self.ranges.within(range).collect();
        (!ranges.is_empty()).then(|| Self { parts: self.parts.cut(&ranges), ranges, ..self.clone() })
    }

    /// Takes padding out; gives what of it was sent.
    pub fn without(&mut self, pads: &RangeSet) -> Parts {
        let padding: RangeSet = pads.iter().flat_map(|pad| self.ranges.within(&pad).collect::<Vec<_>>()).collect();
        let taken = self.parts.cut(&padding);
        padding.iter().for_each(|range| self.ranges.remove(range));
        if !padding.is_empty() {
            self.parts = self.parts.cut(&self.ranges);
        }
        taken
    }
}

/// The request that a block answers: one that was sent before it.
pub(super) fn requested(block: &Block) -> Option<Span> {
    match block.answers {
        Answer::Request { span, acknowledged } if acknowledged || !block.span.first.precedes(span.last) => {
            Some(span)
        }
        Answer::Request { .. } | Answer::Cancelled { .. } | Answer::Unasked => None,
    }
}
