//! Stretches: the bytes between the last known end of a message and the next header that was found, when a gap
//! swallowed the headers between, or hides how much of a message is missing: the rest of that message, and most
//! likely answers to the oldest requests, in order.
//!
//! A gap of known length is explained to the byte. Of one of unknown length, which uTP has, only the number of its packets
//! is known: what lies behind it ends where the next header begins, and is placed from there backwards. An explanation is
//! a guess that fits; the hash decides whether it is right, and blocks framed so refute nobody, but for the one that is
//! [sure](Explanation::sure).

mod placed;

use std::ops::RangeInclusive;

use super::header::{Header, PIECE_HEADER};
use super::window::Chunk;
use super::{Block, BlockRef};
use crate::ends::At;
use crate::limits::{EXPLAINING_STARTS, GAP_PACKETS, STRETCH_CHUNKS, STRETCH_RIFTS};
use crate::stream::GapCause;
use placed::Placed;

/// Everything that a search passed over since framing was lost.
///
/// # Invariants
/// - The chunks ascend without overlap, none begins before `from`, and no captured byte between is left out, unless it is
///   full.
/// - At most [`STRETCH_CHUNKS`] of them, and [`STRETCH_RIFTS`] gaps of unknown length.
/// - `rest` is above 0 only where there are rifts.
#[derive(Debug)]
pub(super) struct Stretch<'cap> {
    /// The block that was begun before it, and goes on in it.
    open: Option<Block<'cap>>,
    /// Bytes of the message that was begun before it which were still to come.
    rest: u64,
    /// Where it begins: at a message border, or within the message that goes on.
    from: u64,
    /// Where the stream went on behind the last gap or chunk.
    reached: u64,
    /// Where framing was lost.
    at: At,
    chunks: Vec<Chunk<'cap>>,
    /// Gaps of unknown length, in order.
    rifts: Vec<Rift>,
    /// Bytes at its beginning that were captured and are not what they should be: those of a header.
    denied: u64,
    /// Bytes in gaps of known length of which nothing but what follows tells.
    unseen: u64,
    /// True if the stretch is longer than can be kept: then it is only measured.
    full: bool,
}

/// A gap of unknown length.
#[derive(Clone, Copy, Debug)]
struct Rift {
    /// Where it stands in the stream; what follows it has the same place.
    offset: u64,
    /// How many packets it hides; 1 or more.
    packets: u64,
    /// How many of them nothing but what follows tells of.
    unseen: u64,
    /// Payload bytes of the packet before it.
    before: u64,
}

/// The message behind a stretch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// The answer to the request with this index among those that wait.
    Answer(usize),
    /// A block that nobody was seen to ask for.
    Unasked,
    /// Any other message.
    Message,
    /// Nothing: the stream ends.
    End,
}

impl<'cap> Stretch<'cap> {
    /// A stretch from the message border at stream offset `from`; framing was lost at `at`.
    pub fn new(from: u64, at: At) -> Self {
        let (chunks, rifts) = (Vec::new(), Vec::new());
        Self { open: None, rest: 0, from, reached: from, at, chunks, rifts, denied: 0, unseen: 0, full: false }
    }

    /// One that begins with a header that is none, where that of a `piece` message may have been.
    pub fn behind_header(from: u64, at: At) -> Self {
        Self { denied: PIECE_HEADER as u64, ..Self::new(from, at) }
    }

    /// One that begins at a gap in a message of which `rest` bytes were still to come.
    pub fn within(open: Option<Block<'cap>>, rest: u64, from: u64, at: At) -> Self {
        Self { open, rest, ..Self::new(from, at) }
    }

    /// Adds what was passed over.
    pub fn push(&mut self, chunk: Chunk<'cap>) {
        self.reach(chunk.end());
        self.full |= self.chunks.len() >= STRETCH_CHUNKS;
        if self.full {
            self.chunks = Vec::new();
        } else {
            self.chunks.push(chunk);
        }
    }

    /// Notes that what is known of the stream reaches to `end`.
    pub fn reach(&mut self, end: u64) {
        self.reached = self.reached.max(end);
    }

    /// Notes a gap of known length that ends at the stream offset `end`.
    pub fn skip(&mut self, end: u64, cause: GapCause) {
        if is_unseen(cause) {
            self.unseen = self.unseen.saturating_add(end.saturating_sub(self.reached));
        }
        self.reach(end);
    }

    /// Notes that `packets` packets are missing behind one with `before` bytes.
    pub fn tear(&mut self, offset: u64, packets: u64, cause: GapCause, before: u64) {
        self.full |= self.rifts.len() >= STRETCH_RIFTS;
        let unseen = if is_unseen(cause) { packets } else { 0 };
        match self.rifts.last_mut() {
            Some(last) if self.full || last.offset == offset => {
                last.packets = last.packets.saturating_add(packets);
                last.unseen = last.unseen.saturating_add(unseen);
            }
            _ => self.rifts.push(Rift { offset, packets, unseen, before }),
        }
    }

    /// How long it is up to the stream offset `end`, as far as known: of gaps of unknown length, where packets are full.
    /// Where nothing follows, a gap that only a packet behind it shows may be none: anybody can send one.
    pub fn total(&self, end: u64, followed: bool) -> u64 {
        let (mut packets, mut known) = (self.packets(), end.saturating_sub(self.from));
        if !followed {
            packets -= self.rifts.iter().fold(0, |sum, rift| sum + rift.unseen).min(packets);
            known = known.saturating_sub(self.unseen);
        }
        let packet = self.packet().unwrap_or(if followed { 0 } else { FULL_PACKET });
        known.saturating_add(packets.saturating_mul(packet))
    }

    /// How many packets are missing.
    fn packets(&self) -> u64 {
        self.rifts.iter().fold(0, |sum, rift| sum.saturating_add(rift.packets))
    }

    /// The furthest stream offset noted so far.
    pub fn reached(&self) -> u64 {
        self.reached
    }

    /// Where framing was lost.
    pub fn at(&self) -> At {
        self.at
    }

    /// The block that goes on in it, as far as it came before.
    pub fn open(&self) -> Option<&Block<'cap>> {
        self.open.as_ref()
    }

    /// Where framing was lost, and the block that goes on in it.
    pub fn into_open(self) -> (At, Option<Block<'cap>>) {
        (self.at, self.open)
    }

    /// The stretch up to the stream offset `end` as the rest of the message that goes on in it, and whole `piece` messages
    /// that answer consecutive `requests`, which come oldest first; perhaps other messages behind them that are captured
    /// whole. `None` when nothing fits. `largest`: payload bytes of the largest packet so far.
    pub fn explain(&self, end: u64, requests: &[BlockRef], next: Next, largest: u64) -> Option<Explanation<'cap>> {
        if self.full {
            return None;
        }
        let before = match next {
            Next::Answer(index) => requests.get(..index).unwrap_or_default(),
            Next::Unasked => &[],
            Next::Message | Next::End => requests,
        };
        if self.rifts.is_empty() {
            return self.explain_exactly(end, before);
        }
        self.explain_rifts(end, before, next, largest)
    }

    /// Of several explanations the one without other messages, then the one that starts with the oldest request.
    fn explain_exactly(&self, end: u64, requests: &[BlockRef]) -> Option<Explanation<'cap>> {
        let total = end.checked_sub(self.from)?;
        let placed = Placed::new(self, &[], end);
        let fits = |(run, rest): &(&[BlockRef], u64)| *rest == 0 && placed.allows(run);
        let rows = chatter(&self.last_run(end));
        let fits_before = |(run, rest): &(&[BlockRef], u64)| {
            rows.binary_search(&end.saturating_sub(*rest)).is_ok() && placed.allows(run)
        };
        let (run, rest) = runs(requests, total).find(fits).or_else(|| runs(requests, total).find(fits_before))?;
        let tail = end.saturating_sub(rest);
        let (blocks, tail) = (placed.blocks(run, u64::MAX), self.tail(tail, end));
        Some(Explanation { open: None, blocks, tail, unread: 0, passed: 0, sure: false })
    }

    /// Of gaps of unknown length the number of packets bounds what they hide.
    fn explain_rifts(
        &self,
        end: u64,
        requests: &[BlockRef],
        next: Next,
        largest: u64,
    ) -> Option<Explanation<'cap>> {
        if next == Next::End && largest == 0 && requests.len() > EXPLAINING_STARTS {
            // Of a direction of which nothing was captured more was answered than is tried: it is measured.
            return None;
        }
        let tail = chatter(&self.last_run(end)).first().map_or(end, |start| *start);
        let known = tail.checked_sub(self.from)?;
        let packets = self.packets();
        // The last number of a direction may be that of a FIN.
        let at_end = next == Next::End && self.rifts.last().is_some_and(|rift| rift.offset == end);
        let least = packets.saturating_sub(u64::from(at_end)).max(1);
        let most = packets.saturating_mul(largest.max(USUAL_PACKET));
        let packet = self.packet().unwrap_or(if largest == 0 { FULL_PACKET } else { largest });
        let full = packets.saturating_mul(packet);
        let likely = known.saturating_add(least.saturating_mul(packet));
        for run in self.candidates(requests, next, likely, packet) {
            let total = run.iter().fold(self.rest, |sum, request| sum.saturating_add(size(*request)));
            let Some(mut missing) = total.checked_sub(known).filter(|missing| *missing >= least) else { continue };
            let mut cut = false;
            if missing > most {
                if next != Next::End {
                    continue;
                }
                // The stream ends within the last of them.
                (missing, cut) = (full.clamp(least, missing - 1), true);
            }
            if total == 0 {
                continue;
            }
            let length = known.saturating_add(missing);
            for sizes in self.sizes(missing, run, packet) {
                let placed = Placed::new(self, &sizes, tail);
                if !placed.allows(run) {
                    continue;
                }
                // A packet that was sent again with less in it, unseen, moves what follows: then the sum is another one.
                let sure = missing == full
                    && self.rifts.len() == 1
                    && next == Next::Answer(0)
                    && tail == end
                    && self.open.is_some();
                let length = if cut { length } else { u64::MAX };
                return Some(Explanation {
                    open: placed.open(length),
                    blocks: placed.blocks(run, length),
                    tail: self.tail(tail, end),
                    unread: 0,
                    passed: 0,
                    sure,
                });
            }
        }
        self.give_up_rest(end, tail, next, known, least..=most)
    }

    /// The explanation that is sure when nothing fits: the block before the gap ends in it, if more lies behind
    /// than the block lacks. The gaps hide so many bytes as `hidden` allows.
    fn give_up_rest(
        &self,
        end: u64,
        tail: u64,
        next: Next,
        known: u64,
        hidden: RangeInclusive<u64>,
    ) -> Option<Explanation<'cap>> {
        let (least, most) = hidden.into_inner();
        if self.rest >= known.saturating_add(least) || self.rest > most || (self.open.is_none() && tail == end) {
            return None;
        }
        let open = self.open.clone().map(|mut open| {
            open.captured_to = open.len;
            open
        });
        let unread =
            self.chunks.iter().filter(|chunk| chunk.offset < tail).map(|chunk| chunk.bytes.len() as u64).sum();
        let passed = self.total(tail, next != Next::End).saturating_sub(self.rest).max(unread);
        Some(Explanation { open, blocks: Vec::new(), tail: self.tail(tail, end), unread, passed, sure: false })
    }

    /// Which requests were perhaps answered in it, the likeliest first. With full packets, of `packet` bytes, it would be
    /// `full` bytes long.
    fn candidates<'r>(&self, requests: &'r [BlockRef], next: Next, full: u64, packet: u64) -> Vec<&'r [BlockRef]> {
        let all = requests.len();
        let most = all.min(EXPLAINING_STARTS);
        match next {
            Next::Answer(_) => {
                let last = (0..=most).filter(|len| *len != all).filter_map(|len| requests.get(all - len..));
                std::iter::once(requests).chain(last).collect()
            }
            Next::Unasked => vec![&[]],
            Next::Message | Next::End => {
                // As many as fit; and where a packet and more for each message would be over, the beginning of another.
                let mut likely = 0;
                let mut total = self.rest;
                for (index, request) in requests.iter().enumerate().take(most) {
                    let over = full.saturating_sub(total);
                    let more = total.saturating_add(size(*request));
                    if more > full && (next == Next::Message || over < packet.saturating_mul(index as u64 + 1)) {
                        break;
                    }
                    (likely, total) = (index + 1, more);
                    if more > full {
                        break;
                    }
                }
                let others = (0..=most).filter(|len| *len != likely);
                std::iter::once(likely).chain(others).filter_map(|len| requests.get(..len)).collect()
            }
        }
    }

    /// How large the packets beside the first gap are.
    fn packet(&self) -> Option<u64> {
        let rift = self.rifts.first()?;
        let after = self.chunks.iter().find(|chunk| chunk.offset >= rift.offset);
        let after = after.map_or(0, |chunk| chunk.bytes.len() as u64);
        Some(rift.before.max(after)).filter(|len| *len > 0)
    }

    /// How much each gap perhaps hides of `missing` bytes, the likeliest first: packets are full, but those that end a
    /// message may be short.
    fn sizes(&self, missing: u64, run: &[BlockRef], packet: u64) -> Vec<Vec<u64>> {
        if self.rifts.len() == 1 {
            return vec![vec![missing]];
        }
        let mut ends = vec![self.rest];
        for request in run {
            ends.push(ends.last().map_or(0, |end| end.saturating_add(size(*request))));
        }
        let mut hidden = 0;
        let mut short = Vec::new();
        for rift in &self.rifts {
            let start = (rift.offset - self.from).saturating_add(hidden);
            let mut at = start;
            for _ in 0..rift.packets.min(GAP_PACKETS) {
                let end = ends.iter().find(|end| **end > at).map_or(u64::MAX, |end| *end);
                at = at.saturating_add(packet).min(end);
            }
            short.push(at - start);
            hidden += at - start;
        }
        let full: Vec<u64> = self.rifts.iter().map(|rift| rift.packets.saturating_mul(packet)).collect();
        let packets = self.packets().max(1);
        let share = |rift: &Rift| (u128::from(missing) * u128::from(rift.packets) / u128::from(packets)) as u64;
        let even: Vec<u64> = self.rifts.iter().map(share).collect();
        // What is over goes to the last one, or to the first.
        let over = |sizes: &Vec<u64>, last: bool| {
            let sum = sizes.iter().fold(0_u64, |sum, size| sum.saturating_add(*size));
            let mut sizes = sizes.clone();
            let index = if last { sizes.len() - 1 } else { 0 };
            let place = sizes.get_mut(index)?;
            *place = place.saturating_add(missing).checked_sub(sum)?;
            Some(sizes)
        };
        let exact = [&short, &full].into_iter().filter(|sizes| sizes.iter().sum::<u64>() == missing).cloned();
        let near = [(&full, true), (&full, false), (&even, true), (&even, false)];
        exact.chain(near.into_iter().filter_map(|(sizes, last)| over(sizes, last))).collect()
    }

    /// The chunks of the last part without a gap that ends at `end`.
    fn last_run(&self, end: u64) -> Vec<Chunk<'cap>> {
        let torn = self.rifts.last().map_or(0, |rift| rift.offset);
        let mut next = end;
        let mut run: Vec<Chunk<'cap>> = Vec::new();
        for chunk in self.chunks.iter().rev() {
            if chunk.end() != next || chunk.offset < torn || end - next > MAX_CHATTER {
                break;
            }
            run.push(*chunk);
            next = chunk.offset;
        }
        run.reverse();
        run
    }

    /// The chunks in `start..end`, cut to it.
    fn tail(&self, start: u64, end: u64) -> Vec<Chunk<'cap>> {
        self.between(start, end).map(|chunk| chunk.from(start)).collect()
    }

    /// The chunks with a byte in `start..end`.
    fn between(&self, start: u64, end: u64) -> impl Iterator<Item = &Chunk<'cap>> {
        let first = self.chunks.partition_point(|chunk| chunk.end() <= start);
        self.chunks.iter().skip(first).take_while(move |chunk| chunk.offset < end)
    }
}

/// The messages that a stretch is read as.
pub(super) struct Explanation<'cap> {
    /// The block that went on in it.
    pub open: Option<Block<'cap>>,
    /// The answers, in order.
    pub blocks: Vec<Block<'cap>>,
    /// The chunks behind the answers: whole messages of other kinds, to be read again.
    pub tail: Vec<Chunk<'cap>>,
    /// Captured bytes in none of them.
    pub unread: u64,
    /// Bytes in no message, captured or hidden by gaps, as far as known.
    pub passed: u64,
    /// True if no other explanation fits: a single gap of packets as full as those beside it lies in the block, and
    /// the message behind it answers the next request.
    pub sure: bool,
}

/// Where a row of whole messages other than `piece` may begin that ends where `run` does, which has no gap; ascending.
/// Keep-alives begin none: content is full of zeros.
fn chatter(run: &[Chunk<'_>]) -> Vec<u64> {
    let Some(first) = run.first().map(|chunk| chunk.offset) else { return Vec::new() };
    let bytes: Vec<u8> = run.iter().flat_map(|chunk| chunk.bytes).copied().collect();
    let mut begins = vec![false; bytes.len()];
    begins.push(true);
    let mut rows = Vec::new();
    for at in (bytes.len().saturating_sub(MAX_CHATTER as usize)..bytes.len()).rev() {
        let Some(header) = bytes.get(at..).and_then(Header::read) else { continue };
        let next = at + 4 + header.len() as usize;
        let is_message = !matches!(header, Header::Piece { .. }) && header.is_plausible(MAX_CHATTER as u32);
        if is_message && begins.get(next) == Some(&true) {
            begins.get_mut(at).into_iter().for_each(|begin| *begin = true);
            if header != Header::KeepAlive {
                rows.push(first.saturating_add(at as u64));
            }
        }
    }
    rows.reverse();
    rows
}

/// For each of the oldest `requests` the longest run from there on whose answers take no more than `total` bytes, and
/// what they leave over; none is empty.
fn runs(requests: &[BlockRef], total: u64) -> impl Iterator<Item = (&[BlockRef], u64)> {
    let (mut sum, mut next) = (0_u64, 0);
    let run = move |(first, oldest): (usize, &BlockRef)| {
        if next <= first {
            (sum, next) = (0, first);
        }
        while let Some(more) =
            requests.get(next).map(|next| sum.saturating_add(size(*next))).filter(|more| *more <= total)
        {
            sum = more;
            next += 1;
        }
        let run = requests.get(first..next).filter(|run| !run.is_empty()).map(|run| (run, total - sum));
        sum = sum.saturating_sub(run.map_or(0, |_| size(*oldest)));
        run
    };
    requests.iter().enumerate().take(EXPLAINING_STARTS).filter_map(run)
}

/// Returns true if nothing but the data behind the gap shows that bytes are missing.
fn is_unseen(cause: GapCause) -> bool {
    matches!(cause, GapCause::Unseen | GapCause::Limit)
}

/// Bytes of the `piece` message that answers `request`.
fn size(request: BlockRef) -> u64 {
    PIECE_HEADER as u64 + u64::from(request.length)
}

// Rationale: a row of messages that ends at the byte where the next one begins does not come about by chance; the longest
// are peer lists and hashes.
const MAX_CHATTER: u64 = 4_096;
// Rationale: what clients put into a packet over an Ethernet, IPv4 and IPv6; of use where none of the direction was captured.
const FULL_PACKET: u64 = 1_400;
// Rationale: an Ethernet frame's; larger packets are believed where there are such.
const USUAL_PACKET: u64 = 1_500;

#[cfg(test)]
mod tests;
