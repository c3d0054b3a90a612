//! Other framings of what a search found: content may hold what looks like messages, at the same place in every block,
//! and only the hash tells which framing is right (T56).

use super::deframer::Contest;
use super::resync::{Candidate, Expectation, Search};
use super::window::{Chunk, Window};

/// A search for other places at which a message may begin, within the first message that was found.
#[derive(Debug)]
pub(super) struct Rivals<'cap> {
    contest: Contest,
    /// Where messages of the framing that was found begin.
    own: Vec<u64>,
    /// Nothing is looked for from here on.
    end: u64,
    search: Search,
    window: Window<'cap>,
}

impl<'cap> Rivals<'cap> {
    /// A search that `begun` at that place found `found`.
    pub fn new(begun: u64, found: &Candidate, max: u32) -> Self {
        Self {
            contest: Contest { begun, starts: vec![found.offset] },
            own: Vec::new(),
            end: found.next().max(found.offset.saturating_add(USUAL)),
            search: Search::new(found.offset.saturating_add(1), max),
            window: Window::default(),
        }
    }

    /// Takes the next bytes of the stream.
    pub fn push(&mut self, chunk: Chunk<'cap>) {
        self.window.push(chunk);
    }

    /// A message of the framing that was found begins here.
    pub fn note(&mut self, header: u64) {
        self.own.push(header);
    }

    /// Looks on; what was found once that is over. `last` says that nothing contiguous follows.
    pub fn look(&mut self, last: bool, expected: &dyn Expectation) -> Option<Contest> {
        while let Some(candidate) = self.search.find(&self.window, last, expected) {
            let starts = &mut self.contest.starts;
            if candidate.offset >= self.end || starts.len() >= MOST_STARTS {
                return Some(self.contest.clone());
            }
            if !candidate.handshake && !self.own.contains(&candidate.offset) {
                starts.push(candidate.offset);
            }
            self.search.restart(candidate.offset.saturating_add(1));
        }
        self.window.drop_before(self.search.keep_from(), |_| ());
        let over = last || self.search.keep_from() >= self.end || self.window.slices() > MOST_SLICES;
        over.then(|| self.contest.clone())
    }
}

// Rationale: a usual block with its header: what repeats with each block is within it.
const USUAL: u64 = (16 << 10) + 13;
// Rationale: each is a reading of the captures.
const MOST_STARTS: usize = 4;
// Rationale: the longest block in segments of usual length, twice.
const MOST_SLICES: usize = 1_024;
