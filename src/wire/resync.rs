//! Finding framing again: a search for a plausible header, confirmed by the requests of the other direction or by
//! the headers that follow it. A wrong guess is harmless, the hash decides; a missed header loses bytes.
//!
//! One candidate is examined at a time, in stream order, and the search never runs ahead of it: every byte is
//! searched once, whatever the candidates turn out to be.

use crate::limits::SEARCH_SLICES;
use memchr::{memchr, memchr2};

use super::BlockRef;
use super::handshake::{HANDSHAKE, HANDSHAKE_LEN};
use super::header::{self, Header, MAX_BEGIN, MAX_HEADER, MAX_PIECE, PIECE, PIECE_FIXED, REQUEST_LEN};
use super::window::{Stop, Window};

/// The unanswered requests of the counterpart to this direction.
pub trait Expectation {
    /// Returns true if exactly this block was requested and has not been answered.
    fn awaits(&self, block: BlockRef) -> bool;
    /// Returns true if any request is unanswered.
    fn any(&self) -> bool;
    /// The only request that is unanswered whose answer begins with these bytes of a `piece` message.
    fn answered_by(&self, begins: &[u8]) -> Option<BlockRef> {
        let _ = begins;
        None
    }
    /// At most `most` requests that are unanswered and not cancelled, the oldest first; none where too few requests
    /// were seen for their order to tell what is answered next. Only asked when a gap hid a header.
    fn in_order(&self, most: usize) -> Vec<BlockRef> {
        let _ = most;
        Vec::new()
    }
}

/// No request is known.
pub(super) struct Nothing;

impl Expectation for Nothing {
    fn awaits(&self, _: BlockRef) -> bool {
        false
    }

    fn any(&self) -> bool {
        false
    }
}

/// The expectation where the stream ends: no header can be confirmed by a second one any more.
pub(super) struct AtEnd<'e>(pub &'e dyn Expectation);

impl Expectation for AtEnd<'_> {
    fn awaits(&self, block: BlockRef) -> bool {
        self.0.awaits(block)
    }

    fn any(&self) -> bool {
        false
    }

    fn answered_by(&self, begins: &[u8]) -> Option<BlockRef> {
        self.0.answered_by(begins)
    }

    fn in_order(&self, most: usize) -> Vec<BlockRef> {
        self.0.in_order(most)
    }
}

/// A search in progress.
#[derive(Debug)]
pub(super) struct Search {
    /// Where the search goes on; nothing before it can be a header.
    from: u64,
    /// Where it began.
    begun: u64,
    /// Bytes given up so far.
    pub skipped: u64,
    /// A header that waits for those behind it.
    pending: Option<Candidate>,
    /// Where a handshake may begin: at the first byte of a side that was captured.
    pub handshake: Option<u64>,
    /// The longest message believed, in bytes of its length prefix.
    max: u32,
}

/// A place where a message may begin.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    /// Place of its first byte.
    pub offset: u64,
    /// True if a handshake begins there.
    pub handshake: bool,
    /// Place of the next header.
    next: u64,
    /// How many headers must follow it in a row.
    chain: u8,
    /// True if the candidate convinces where the stream behind it cannot be seen.
    standard: bool,
}

impl Candidate {
    /// Place of the next header.
    pub fn next(&self) -> u64 {
        self.next
    }
}

enum Acceptance {
    Accept,
    Wait,
    Reject,
}

enum Class {
    Header(Header),
    /// A header of which a gap hides the end.
    Cut,
    Handshake,
    More,
    Nothing,
}

impl Search {
    /// A search from the stream offset `from`, for messages of at most `max` bytes.
    pub fn new(from: u64, max: u32) -> Self {
        Self { from, begun: from, skipped: 0, pending: None, handshake: None, max }
    }

    /// Where it began.
    pub fn begun(&self) -> u64 {
        self.begun
    }

    /// Passes over what stands before the stream offset `start`, where the first message is known to be.
    pub fn begin_at(&mut self, start: u64) {
        self.from = self.from.max(start);
    }

    /// Everything before this offset is of no use any more.
    pub fn keep_from(&self) -> u64 {
        self.pending.map_or(self.from, |candidate| candidate.offset)
    }

    /// Returns true if a candidate waits for more of the stream.
    pub fn waits(&self) -> bool {
        self.pending.is_some()
    }

    /// Goes on behind a gap of unknown length.
    pub fn restart(&mut self, from: u64) {
        (self.from, self.begun) = (from, from);
        self.pending = None;
    }

    /// Returns true if the candidate that waits is this `request`, which then waits no longer for the headers
    /// behind it.
    pub fn confirm(&mut self, request: BlockRef, window: &Window<'_>) -> bool {
        let Some(candidate) = &mut self.pending else { return false };
        let mut bytes = [0; REQUEST_LEN];
        window.peek(candidate.offset, &mut bytes);
        let same = bytes == header::request(request);
        if same {
            candidate.chain = 0;
        }
        same
    }

    /// Searches on; `last` says that nothing contiguous follows the window.
    pub fn find(&mut self, window: &Window<'_>, last: bool, expected: &dyn Expectation) -> Option<Candidate> {
        loop {
            let candidate = match self.pending.take() {
                Some(candidate) => candidate,
                None => self.next(window, last, expected)?,
            };
            match self.verdict(candidate, window, last) {
                Acceptance::Accept => return Some(candidate),
                Acceptance::Reject => self.from = candidate.offset.saturating_add(1),
                Acceptance::Wait => {
                    self.pending = Some(candidate);
                    return None;
                }
            }
        }
    }

    fn verdict(&self, candidate: Candidate, window: &Window<'_>, last: bool) -> Acceptance {
        let unseen = if candidate.standard { Acceptance::Accept } else { Acceptance::Reject };
        let mut place = candidate.next;
        let mut chain = candidate.chain;
        let mut keep_alives = 0;
        while chain > 0 {
            let mut buffer = [0; MAX_HEADER];
            let (filled, stop) = window.peek(place, &mut buffer);
            match buffer.get(..filled).and_then(Header::read) {
                Some(Header::KeepAlive) if keep_alives == MAX_KEEP_ALIVES => return Acceptance::Reject,
                Some(Header::KeepAlive) => keep_alives += 1,
                Some(header) if header.is_plausible(self.max.min(MAX_CHAINED)) => chain -= 1,
                Some(_) => return Acceptance::Reject,
                // A message that ends exactly where the stream does was framed rightly.
                None if last && filled == 0 && window.end() == Some(place) => return Acceptance::Accept,
                None if last || stop == Stop::Hole || window.slices() > SEARCH_SLICES => return unseen,
                None => return Acceptance::Wait,
            }
            let len = buffer.first_chunk().map_or(0, |len| u32::from_be_bytes(*len));
            place = place.saturating_add(4 + u64::from(len));
        }
        Acceptance::Accept
    }

    /// The next place that looks like a header, or `None` at the end of what can be decided now.
    fn next(&mut self, window: &Window<'_>, last: bool, expected: &dyn Expectation) -> Option<Candidate> {
        let mut index = window.index_of(self.from);
        while let Some(chunk) = window.chunk(index) {
            let mut at = self.from.saturating_sub(chunk.offset) as usize;
            while let Some(rest) = chunk.bytes.get(at..) {
                let due = self.handshake.is_some_and(|place| chunk.offset.saturating_add(at as u64) <= place);
                let Some(found) = (if due { memchr2(0, HANDSHAKE[0], rest) } else { memchr(0, rest) }) else {
                    break;
                };
                let rest = rest.get(found..).unwrap_or_default();
                at += found;
                let offset = chunk.offset.saturating_add(at as u64);
                if let [0, 3..=u8::MAX, ..] = rest {
                    at += 1;
                    continue;
                }
                let passed = match rest {
                    [0, _, _, _, 0, 1..=u8::MAX, ..] | [0, _, _, _, 0, 0, 1..=u8::MAX, ..] => true,
                    [0, _, _, _, id, ..] => !is_searched(*id),
                    _ => false,
                };
                if passed && !matches!(rest, [0, 0, 0, 0, ..]) {
                    at += 1;
                    continue;
                }
                if let [0, 0, 0, 0, tail @ ..] = rest {
                    // No message but keep-alive begins with four zeros: on to the end of the run.
                    at += zeros(tail) + 1;
                    continue;
                }
                let class = if rest.len() >= MAX_HEADER {
                    self.classify(offset, rest)
                } else {
                    let mut buffer = [0; MAX_HEADER];
                    let (filled, stop) = window.peek(offset, &mut buffer);
                    let seen = buffer.get(..filled).unwrap_or_default();
                    match self.classify(offset, seen) {
                        Class::More if stop == Stop::Hole && at == 0 => cut_header(seen),
                        Class::More if last || stop == Stop::Hole => Class::Nothing,
                        class => class,
                    }
                };
                match class {
                    Class::Nothing => at += 1,
                    Class::More => {
                        self.from = offset;
                        return None;
                    }
                    Class::Handshake => {
                        let next = offset.saturating_add(HANDSHAKE_LEN as u64);
                        return Some(Candidate { offset, handshake: true, next, chain: 0, standard: true });
                    }
                    Class::Header(header) => return Some(candidate(offset, header, expected)),
                    Class::Cut => {
                        let next = offset.saturating_add(4 + u64::from(STANDARD_LEN));
                        return Some(Candidate { offset, handshake: false, next, chain: 0, standard: true });
                    }
                }
            }
            self.from = chunk.end();
            index += 1;
        }
        None
    }

    fn classify(&self, offset: u64, bytes: &[u8]) -> Class {
        if bytes.first() == HANDSHAKE.first() {
            return match bytes.get(..HANDSHAKE.len()) {
                _ if self.handshake != Some(offset) => Class::Nothing,
                Some(prefix) if prefix == HANDSHAKE => Class::Handshake,
                None if HANDSHAKE.starts_with(bytes) => Class::More,
                _ => Class::Nothing,
            };
        }
        if matches!(bytes, [_, 3..=u8::MAX, ..]) {
            return Class::Nothing;
        }
        let Some(header) = Header::read(bytes) else {
            return Class::More;
        };
        let sane = |places: usize| {
            // Index, and begin where there is one, behind length and id.
            let fields = bytes.get(5..5 + places)?;
            let (index, begin) = (header::word(fields, 0)?, header::word(fields, 4));
            Some(index <= MAX_PIECE && begin.is_none_or(|begin| begin <= MAX_BEGIN))
        };
        let plausible = match header {
            Header::Piece { .. } | Header::Named { .. } => Some(header.is_plausible(self.max.min(MAX_CANDIDATE))),
            Header::Other { id: 4 | 13 | 17, len: 5 } => sane(4),
            Header::Other { id: 6 | 8 | 16, len: 13 } => sane(8),
            // Every extension message but the shortest is a dictionary (BEP 10).
            Header::Other { id: 20, len: 3..=MAX_EXTENDED } => bytes.get(6).map(|first| *first == b'd'),
            _ => Some(false),
        };
        match plausible {
            Some(true) => Class::Header(header),
            Some(false) => Class::Nothing,
            None => Class::More,
        }
    }
}

/// The beginning of a header that begins a packet, behind which a gap begins: that of a block of the usual length says
/// enough.
fn cut_header(seen: &[u8]) -> Class {
    let [a, b, c, d] = STANDARD_LEN.to_be_bytes();
    if seen.starts_with(&[a, b, c, d, PIECE]) { Class::Cut } else { Class::Nothing }
}

fn candidate(offset: u64, header: Header, expected: &dyn Expectation) -> Candidate {
    let next = offset.saturating_add(4 + u64::from(header.len()));
    let awaited = match header {
        Header::Piece { piece, begin, payload, .. } => expected.awaits(BlockRef { piece, begin, length: payload }),
        _ => false,
    };
    let doubted = matches!(header, Header::Piece { .. }) && expected.any();
    let chain = if awaited { 0 } else { 1 + u8::from(doubted) };
    Candidate { offset, handshake: false, next, chain, standard: awaited || header.is_standard_block() }
}

/// Returns true if a search may end at a message with this id: one whose first bytes say much.
fn is_searched(id: u8) -> bool {
    matches!(id, 0 | 4 | 6..=8 | 13 | 16 | 17 | 20)
}

/// How many bytes `bytes` starts with that are zero.
fn zeros(bytes: &[u8]) -> usize {
    let (wide, _) = bytes.as_chunks::<32>();
    let skip = wide.iter().take_while(|chunk| **chunk == [0; 32]).count() * 32;
    skip + bytes.iter().skip(skip).take_while(|byte| **byte == 0).count()
}

/// The length prefix of a block of 16 KiB.
const STANDARD_LEN: u32 = (16 << 10) + PIECE_FIXED;
// Rationale: 128 KiB is the largest block that clients ask for; the scan relies on the second byte being 0 to 2.
const MAX_CANDIDATE: u32 = (128 << 10) + 9;
// Rationale: metadata comes in 16 KiB pieces behind a short dictionary.
const MAX_EXTENDED: u32 = 1 << 16;
// Rationale: a bitfield of 8 million pieces or a 1 MiB block; anything longer is likelier misread.
const MAX_CHAINED: u32 = (1 << 20) + 9;
// Rationale: one is sent after two minutes of silence; a longer row of zeros is payload.
const MAX_KEEP_ALIVES: u32 = 4;
