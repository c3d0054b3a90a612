//! Other framings of what a search found: content may hold what looks like messages, at the same place in every block,
//! and only the hash tells which framing is right (T56).

use super::contest::{About, Contest};
use super::resync::{Candidate, Expectation, Search};
use super::window::{Chunk, Window};
use crate::limits::{RIVAL_HEADERS, RIVAL_STARTS, SEARCH_SLICES};

/// The searches for other framings that are not over, one for each framing that was found: also for one that was lost
/// again, where another counts all the more (T66).
#[derive(Debug, Default)]
pub(super) struct Rivals<'cap> {
    rivalries: Vec<Rivalry>,
    /// The bytes that one of the searches still looks at.
    window: Window<'cap>,
    /// The place up to which the stream was taken into the window.
    reached: u64,
    /// Where the last of them end or ended.
    ends: [u64; RIVAL_HEADERS],
}

impl<'cap> Rivals<'cap> {
    /// Looks for others than `found`, at which a search that `begun` at that place ended; `searched` holds the stream from
    /// there on.
    pub fn begin(&mut self, begun: u64, found: &Candidate, searched: &Window<'cap>, max: u32) {
        self.pass();
        if self.rivalries.is_empty() {
            self.window.clear();
            self.reached = found.offset;
        }
        if let Some(end) = self.ends.iter_mut().find(|end| **end <= found.offset) {
            let held = self.window.first().map_or(self.reached, |first| first.offset);
            let before = searched.chunks().filter_map(|chunk| chunk.within(found.offset, held)).collect();
            self.window.prepend(before);
            let rivalry = Rivalry::new(begun, found, max);
            *end = rivalry.end;
            self.rivalries.push(rivalry);
        }
    }

    /// The framing that was found last is read no longer.
    pub fn pass(&mut self) {
        self.rivalries.iter_mut().for_each(|rivalry| rivalry.over = true);
    }

    /// Takes the next bytes of the stream, or bytes that are read again.
    pub fn push(&mut self, chunk: Chunk<'cap>) {
        if !self.rivalries.is_empty() {
            let chunk = chunk.from(self.reached);
            self.reached = self.reached.max(chunk.end());
            self.window.push(chunk);
        }
    }

    /// A message of the framing that was found last begins here.
    pub fn note(&mut self, header: u64) {
        self.rivalries.iter_mut().filter(|rivalry| !rivalry.over).for_each(|rivalry| rivalry.own.push(header));
    }

    /// Looks on, and hands what was found to `tell` once that is over. `last` says that nothing contiguous follows.
    pub fn look(&mut self, last: bool, expected: &dyn Expectation, mut tell: impl FnMut(Contest)) {
        let Self { rivalries, window, .. } = self;
        let last = last || window.slices() > SEARCH_SLICES;
        rivalries.retain_mut(|rivalry| {
            let contest = rivalry.look(window, last, expected);
            let goes_on = contest.is_none();
            contest.into_iter().for_each(&mut tell);
            goes_on
        });
        let needed = rivalries.iter().map(|rivalry| rivalry.search.keep_from()).min();
        window.drop_before(needed.unwrap_or(u64::MAX), |_| ());
    }
}

/// A search for other places at which a message may begin, within the first message that was found.
#[derive(Debug)]
struct Rivalry {
    contest: Contest,
    /// Where messages of the framing that was found begin.
    own: Vec<u64>,
    /// True once the framing that was found is read no longer.
    over: bool,
    /// Nothing is looked for from here on.
    end: u64,
    search: Search,
}

impl Rivalry {
    fn new(begun: u64, found: &Candidate, max: u32) -> Self {
        Self {
            contest: Contest { about: About::Search, begun, places: vec![Some(found.offset)] },
            own: Vec::new(),
            over: false,
            end: found.next().max(found.offset.saturating_add(USUAL)),
            search: Search::new(found.offset.saturating_add(1), max),
        }
    }

    fn look(&mut self, window: &Window<'_>, last: bool, expected: &dyn Expectation) -> Option<Contest> {
        while let Some(candidate) = self.search.find(window, last, expected) {
            let places = &mut self.contest.places;
            if candidate.offset >= self.end || places.len() >= RIVAL_STARTS {
                return Some(self.contest.clone());
            }
            if !candidate.handshake && !self.own.contains(&candidate.offset) {
                places.push(Some(candidate.offset));
            }
            self.search.restart(candidate.offset.saturating_add(1));
        }
        let over = last || self.search.keep_from() >= self.end;
        over.then(|| self.contest.clone())
    }
}

// Rationale: a usual block with its header: what repeats with each block is within it.
const USUAL: u64 = (16 << 10) + 13;
