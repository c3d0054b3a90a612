//! What a search passed over, read as the answers to the requests that fit it.

use super::{Deframer, State};
use crate::wire::header::{Header, MAX_HEADER};
use crate::wire::resync::Expectation;
use crate::wire::stretch::{Explanation, MAX_REQUESTS};
use crate::wire::{Block, BlockRef, Framing, PeerEvent};

impl<'cap> Deframer<'cap> {
    /// Tries to read what the search passed over, up to the stream offset `end`, as answers to requests. Messages
    /// behind them go back into the window.
    pub(super) fn explain(&mut self, end: u64, expected: &dyn Expectation, out: &mut Vec<PeerEvent<'cap>>) -> bool {
        let Some(stretch) = self.stretch.take() else {
            return false;
        };
        let mut requests = self.unanswered(expected, out);
        let mut buffer = [0; MAX_HEADER];
        let (filled, _) = self.window.peek(end, &mut buffer);
        if let Some(Header::Piece { piece, begin, payload }) = buffer.get(..filled).and_then(Header::read) {
            // What comes before this block was asked for before it. Where its own request was not seen, others were
            // not either, and those that were seen would put wrong names on the blocks.
            let own = BlockRef { piece, begin, length: payload };
            requests.truncate(requests.iter().position(|request| *request == own).unwrap_or(0));
        }
        let Some(Explanation { blocks, tail }) = stretch.explain(end, &requests) else {
            return false;
        };
        out.extend(blocks.into_iter().map(PeerEvent::Block));
        self.window.prepend(tail);
        true
    }

    /// Requests that may be answered next, the oldest first; `out` holds what was read since `expected` was last
    /// brought up to date.
    pub(super) fn unanswered(&self, expected: &dyn Expectation, out: &[PeerEvent<'cap>]) -> Vec<BlockRef> {
        let mut answered: Vec<(u32, u32)> = out.iter().filter_map(answer).collect();
        answered.sort_unstable();
        let mut requests = expected.in_order(MAX_REQUESTS);
        requests.retain(|BlockRef { piece, begin, length }| {
            let fits =
                Header::Piece { piece: *piece, begin: *begin, payload: *length }.is_plausible(self.message_bytes);
            fits && *length > 0 && answered.binary_search(&(*piece, *begin)).is_err()
        });
        requests
    }

    /// The same at the end of the stream, where no header was found any more.
    pub(super) fn explain_the_end(&mut self, expected: &dyn Expectation, out: &mut Vec<PeerEvent<'cap>>) -> bool {
        let mut chunks = Vec::new();
        let rest = self.window.drop_before(u64::MAX, |chunk| chunks.push(chunk));
        let whole =
            self.stretch.as_mut().is_some_and(|stretch| chunks.into_iter().all(|chunk| stretch.push(chunk)));
        let end = self.stretch.as_ref().map_or(0, |stretch| stretch.reached());
        if whole && self.explain(end, expected, out) {
            out.extend(self.window.first().map(|first| PeerEvent::Resynchronised { skipped: 0, at: first.at }));
            self.state = State::Header;
            self.framing = Framing::Resynchronised;
            self.window.replay(&mut self.queue);
            return true;
        }
        if let State::Search(search) = &mut self.state {
            search.skipped += rest;
        }
        false
    }
}

/// The place of the block that an event is about.
fn answer(event: &PeerEvent<'_>) -> Option<(u32, u32)> {
    match event {
        PeerEvent::Block(Block { piece, begin, .. }) => Some((*piece, *begin)),
        _ => None,
    }
}
