//! What lies between the last known end of a message and the next header that was found, when a gap of known length
//! swallowed the headers between: most likely answers to the oldest requests, in order.
//!
//! An explanation is a guess that fits to the byte. The hash decides whether it is right; blocks framed so refute
//! nobody.

use super::header::{Header, MAX_HEADER, PIECE, PIECE_FIXED};
use super::window::Chunk;
use super::{Block, BlockRef, Framing, Run};
use crate::ends::{At, Span};

/// Everything that a search passed over since framing was lost.
///
/// # Invariants
/// - The chunks ascend without overlap, none begins before `from`, and no captured byte between is left out.
/// - At most [`MAX_CHUNKS`] of them.
#[derive(Debug)]
pub(super) struct Stretch<'cap> {
    /// Where a message begins for certain.
    from: u64,
    /// Where the stream went on behind the last gap or chunk.
    reached: u64,
    /// Where framing was lost.
    at: At,
    chunks: Vec<Chunk<'cap>>,
}

impl<'cap> Stretch<'cap> {
    /// A stretch from the message border at stream offset `from`; framing was lost at `at`.
    pub fn new(from: u64, at: At) -> Self {
        Self { from, reached: from, at, chunks: Vec::new() }
    }

    /// Adds what was passed over; `false` when it is too much to be kept.
    pub fn push(&mut self, chunk: Chunk<'cap>) -> bool {
        self.reach(chunk.end());
        self.chunks.push(chunk);
        self.chunks.len() <= MAX_CHUNKS
    }

    /// Notes that a gap ends at the stream offset `end`.
    pub fn reach(&mut self, end: u64) {
        self.reached = self.reached.max(end);
    }

    /// The furthest stream offset noted so far.
    pub fn reached(&self) -> u64 {
        self.reached
    }

    /// The stretch up to the stream offset `end` as whole `piece` messages that answer consecutive `requests`, which
    /// come oldest first, and perhaps other messages behind them that are captured whole. Of several explanations the
    /// one without other messages, then the one that starts with the oldest request; `None` when none fits.
    pub fn explain(&self, end: u64, requests: &[BlockRef]) -> Option<Explanation<'cap>> {
        let total = end.checked_sub(self.from)?;
        let fits = |(run, rest): &(&[BlockRef], u64)| *rest == 0 && self.allows(run);
        let fits_before = |(run, rest): &(&[BlockRef], u64)| {
            let tail = end.saturating_sub(*rest);
            (1..=MAX_TAIL).contains(rest) && self.is_chatter(tail, end) && self.allows(run)
        };
        let (run, rest) = runs(requests, total).find(fits).or_else(|| runs(requests, total).find(fits_before))?;
        let tail = end.saturating_sub(rest);
        Some(Explanation {
            blocks: self.blocks(run),
            tail: self.within(tail, end).map(|chunk| chunk.from(tail)).collect(),
        })
    }

    /// Whether messages other than `piece`, captured whole, fill `start..end`.
    fn is_chatter(&self, mut start: u64, end: u64) -> bool {
        let mut bytes = Vec::new();
        for chunk in self.within(start, end) {
            if chunk.from(start).offset != start {
                return false;
            }
            bytes.extend_from_slice(chunk.from(start).bytes);
            start = chunk.end();
        }
        let mut rest = bytes.get(..).filter(|_| start == end).unwrap_or_default();
        while let Some(header) = Header::read(rest) {
            let whole = rest.get(4 + header.len() as usize..);
            match (header, whole) {
                (Header::Other { .. }, Some(after))
                    if header.is_plausible(MAX_TAIL as u32) && !after.is_empty() =>
                {
                    rest = after
                }
                (Header::Other { .. }, Some(_)) => return header.is_plausible(MAX_TAIL as u32),
                _ => return false,
            }
        }
        false
    }

    /// Whether every captured byte where `run` puts a header is that of the header.
    fn allows(&self, run: &[BlockRef]) -> bool {
        let mut start = self.from;
        run.iter().all(|request| {
            let header = header(*request);
            let end = start.saturating_add(MAX_HEADER as u64);
            let same = self.within(start, end).all(|chunk| {
                let own = chunk.bytes.iter().skip(start.saturating_sub(chunk.offset) as usize);
                own.zip(header.iter().skip(chunk.offset.saturating_sub(start) as usize))
                    .all(|(own, due)| own == due)
            });
            start = start.saturating_add(size(*request));
            same
        })
    }

    fn blocks(&self, run: &[BlockRef]) -> Vec<Block<'cap>> {
        let mut start = self.from;
        let block = |request: &BlockRef| {
            let BlockRef { piece, begin, length } = *request;
            let offset = start.saturating_add(MAX_HEADER as u64);
            let end = start.saturating_add(size(*request));
            let mut span = None;
            let mut doubtful = false;
            let mut runs = Vec::new();
            for chunk in self.within(start, end) {
                span.get_or_insert(Span::single(chunk.at)).cover(chunk.at);
                doubtful |= chunk.doubtful;
                let from = offset.saturating_sub(chunk.offset);
                let to = end.min(chunk.end()).saturating_sub(chunk.offset);
                let bytes = chunk.bytes.get(from as usize..to as usize).unwrap_or_default();
                if !bytes.is_empty() {
                    let (stream, frame) = (chunk.offset.max(offset), chunk.at.frame);
                    runs.push(Run { start: chunk.offset.saturating_sub(offset) as u32, bytes, stream, frame });
                }
            }
            start = end;
            let span = span.unwrap_or(Span::single(self.at));
            let framing = Framing::Resynchronised;
            let block =
                Block { piece, begin, len: length, runs, captured_to: length, offset, span, framing, doubtful };
            block.check();
            block
        };
        run.iter().map(block).collect()
    }

    /// The chunks with a byte in `start..end`.
    fn within(&self, start: u64, end: u64) -> impl Iterator<Item = &Chunk<'cap>> {
        let first = self.chunks.partition_point(|chunk| chunk.end() <= start);
        self.chunks.iter().skip(first).take_while(move |chunk| chunk.offset < end)
    }
}

/// What a stretch holds.
pub(super) struct Explanation<'cap> {
    /// The answers, in order.
    pub blocks: Vec<Block<'cap>>,
    /// What follows them: whole messages of other kinds, to be read again.
    pub tail: Vec<Chunk<'cap>>,
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
    requests.iter().enumerate().take(MAX_STARTS).filter_map(run)
}

/// Bytes of the `piece` message that answers `request`.
fn size(request: BlockRef) -> u64 {
    MAX_HEADER as u64 + u64::from(request.length)
}

/// The header of the `piece` message that answers `request`.
pub(super) fn header(request: BlockRef) -> [u8; MAX_HEADER] {
    let [a, b, c, d] = request.length.saturating_add(PIECE_FIXED).to_be_bytes();
    let [e, f, g, h] = request.piece.to_be_bytes();
    let [i, j, k, l] = request.begin.to_be_bytes();
    [a, b, c, d, PIECE, e, f, g, h, i, j, k, l]
}

/// How many requests an explanation is tried with.
// Rationale: clients keep at most some hundred requests under way (libtorrent 500); more explain no single gap.
pub(super) const MAX_REQUESTS: usize = 512;
// Rationale: the oldest requests may have been answered where nobody saw it; beyond a pipeline's worth it is a guess.
const MAX_STARTS: usize = 64;
// Rationale: a few haves, a choke, an extension message; more is likelier payload.
const MAX_TAIL: u64 = 512;
// Rationale: 5.7 MiB in full segments, 230 KiB of bookkeeping; as many as a search holds itself.
const MAX_CHUNKS: usize = 4_096;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ends::{FrameId, Timestamp};

    fn at(number: u64) -> At {
        At { time: Timestamp(0), frame: FrameId::new(0, number) }
    }

    fn request(piece: u32, length: u32) -> BlockRef {
        BlockRef { piece, begin: 0, length }
    }

    #[test]
    fn the_oldest_run_of_requests_that_fits_to_the_byte_explains_it() {
        let stretch = Stretch::new(100, at(1));
        let requests = [request(1, 50), request(2, 10), request(3, 20), request(4, 20), request(5, 20)];
        let pieces = |len: u64| {
            let blocks = stretch.explain(100 + len, &requests)?.blocks;
            Some(blocks.iter().map(|block| block.piece).collect::<Vec<_>>())
        };
        assert_eq!(pieces(23 + 33), Some(vec![2, 3]));
        assert_eq!(pieces(33), Some(vec![3]), "not the fourth or fifth, that fit too");
        assert_eq!(pieces(63 + 23 + 33 + 33 + 33), Some(vec![1, 2, 3, 4, 5]));
        for none in [0, 1, 13, 34, 63 + 33, 1_000] {
            assert_eq!(pieces(none), None, "{none}");
        }
    }

    #[test]
    fn captured_bytes_of_a_header_decide_between_requests() {
        let own = header(request(4, 20));
        for cut in 1..13 {
            let mut stretch = Stretch::new(0, at(1));
            let (offset, bytes) = (cut as u64, &own[cut..]);
            assert!(stretch.push(Chunk { offset, bytes, at: at(2), doubtful: false }));
            let requests = [request(3, 20), request(4, 20)];
            let piece = stretch.explain(33, &requests).map(|found| found.blocks[0].piece);
            assert_eq!(piece, Some(if cut < 9 { 4 } else { 3 }), "what is captured from {cut} on");
            assert!(stretch.explain(33, &[BlockRef { begin: 1, ..requests[1] }]).is_none());
        }
    }
}
