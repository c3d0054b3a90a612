//! The bytes that a search passed over, read as the message that went on in them and the answers to the requests
//! that fit them.

use super::{Deframer, WireState};
use crate::limits::EXPLAINING_REQUESTS;
use crate::wire::header::{Header, MAX_HEADER, PIECE_HEADER};
use crate::wire::resync::Expectation;
use crate::wire::stretch::{Explanation, Next};
use crate::wire::{Block, BlockRef, Framing, PeerEvent};

impl<'cap> Deframer<'cap> {
    /// The next message begins at the stream offset `end`, behind `skipped` bytes that the search passed over.
    pub(super) fn found(
        &mut self,
        end: u64,
        skipped: u64,
        handshake: bool,
        expected: &dyn Expectation,
        out: &mut Vec<PeerEvent<'cap>>,
    ) {
        let passed = self.stretch.as_ref().map_or(0, |stretch| stretch.total(end, true)).max(skipped);
        let unread = Unread { skipped, passed, sure: false };
        let Unread { skipped, passed, sure } = self.explain(end, false, expected, out).unwrap_or(unread);
        self.abandon(out);
        if !sure {
            out.extend(self.window.first().map(|first| PeerEvent::Resynchronised {
                skipped,
                passed,
                at: first.at,
            }));
            self.framing = Framing::Resynchronised;
        }
        self.state = if handshake { WireState::Handshake } else { WireState::Header };
        self.window.replay(&mut self.queue);
    }

    /// As [`explain`](Self::explain), at the end of the stream, where no header was found any more; returns true if
    /// a message was.
    pub(super) fn explain_the_end(&mut self, expected: &dyn Expectation, out: &mut Vec<PeerEvent<'cap>>) -> bool {
        self.pass_over(u64::MAX);
        let Some(end) = self.stretch.as_ref().map(|stretch| stretch.reached()) else { return false };
        let Some(Unread { skipped, passed, .. }) = self.explain(end, true, expected, out) else { return false };
        match (self.window.first().map(|first| first.at), self.last) {
            (Some(at), _) => out.push(PeerEvent::Resynchronised { skipped, passed, at }),
            (None, Some(at)) if passed > 0 => out.push(PeerEvent::Unframed { skipped, passed, at }),
            _ => {}
        }
        self.state = WireState::Header;
        self.framing = Framing::Resynchronised;
        self.window.replay(&mut self.queue);
        true
    }

    /// Tries to read what the search passed over, up to the stream offset `end`, as the rest of a message and answers to
    /// requests. Messages behind them go back into the window. `None` where nothing fits.
    fn explain(
        &mut self,
        end: u64,
        last: bool,
        expected: &dyn Expectation,
        out: &mut Vec<PeerEvent<'cap>>,
    ) -> Option<Unread> {
        let stretch = self.stretch.take()?;
        let open = stretch.open().map(|open| BlockRef { piece: open.piece, begin: open.begin, length: open.len });
        let mut requests = self.unanswered(expected, out);
        if let Some(open) = open {
            // Where its own request was not seen, others were not either.
            let asked = expected.awaits(open);
            requests.retain(|request| asked && (request.piece, request.begin) != (open.piece, open.begin));
        }
        let mut buffer = [0; MAX_HEADER];
        let (filled, _) = self.window.peek(end, &mut buffer);
        let next = match buffer.get(..filled).and_then(Header::read) {
            Some(Header::Piece { piece, begin, payload, .. }) => {
                // What comes before this block was asked for before it. Where its own request was not seen, others were
                // not either, and those that were seen would put wrong names on the blocks.
                let own = BlockRef { piece, begin, length: payload };
                let index = requests.iter().position(|request| *request == own);
                index.map_or(Next::Unasked, Next::Answer)
            }
            _ if last => Next::End,
            _ => Next::Message,
        };
        let Some(explanation) = stretch.explain(end, &requests, next, self.packet.1) else {
            self.stretch = Some(stretch);
            return None;
        };
        let Explanation { open, blocks, tail, unread, passed, sure } = explanation;
        if let Some(block) = open {
            out.push(PeerEvent::Block(block));
            let lost = PeerEvent::LostSync { at: stretch.into_open().0, gap: true };
            out.extend((!sure).then_some(lost));
        }
        out.extend(blocks.into_iter().map(PeerEvent::Block));
        self.window.prepend(tail);
        Some(Unread { skipped: unread, passed, sure })
    }

    /// Requests that may be answered next, the oldest first; `out` holds what was read since `expected` was last
    /// brought up to date.
    pub(super) fn unanswered(&self, expected: &dyn Expectation, out: &[PeerEvent<'cap>]) -> Vec<BlockRef> {
        let mut answered: Vec<(u32, u32)> = out.iter().filter_map(answer).collect();
        answered.sort_unstable();
        let mut requests = expected.in_order(EXPLAINING_REQUESTS);
        requests.retain(|BlockRef { piece, begin, length }| {
            let size = PIECE_HEADER as u8;
            let answer = Header::Piece { size, piece: *piece, begin: *begin, payload: *length };
            let fits = answer.is_plausible(self.message_bytes);
            fits && *length > 0 && answered.binary_search(&(*piece, *begin)).is_err()
        });
        requests
    }
}

/// The bytes of a passed-over stretch that are in no message.
struct Unread {
    /// Captured bytes.
    skipped: u64,
    /// Bytes captured or hidden by gaps.
    passed: u64,
    /// True if there is no other way to read the rest.
    sure: bool,
}

/// The place of the block that an event is about.
fn answer(event: &PeerEvent<'_>) -> Option<(u32, u32)> {
    match event {
        PeerEvent::Block(Block { piece, begin, .. }) => Some((*piece, *begin)),
        _ => None,
    }
}
