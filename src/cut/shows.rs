//! Evidence that each packet of a cut shows, for its comment.

use std::collections::{BTreeMap, BTreeSet};

use super::alone::Origin;
use super::frames::FrameKind;
use super::{Own, is_of};
use crate::capture::{CaptureSet, Frame};
use crate::ends::{FrameId, Frames};
use crate::evidence::{Evidence, Grade};
use crate::judge::Class;

/// The comments of a cut.
#[derive(Debug)]
pub(super) struct Shows<'o> {
    /// On the whole.
    pub(super) whole: String,
    /// Where the frames stood before.
    pub(super) origin: &'o Origin,
    /// Bytes of blocks by their place in the inputs, ascending.
    blocks: Vec<Shown>,
    /// Blocks that lie in no input in one piece, by frame.
    derived: BTreeMap<FrameId, (u32, Class)>,
    /// Rungs and requests, by frame.
    marks: BTreeMap<FrameId, Marks>,
    /// Of each transfer, piece and class, how far the comments have come in the piece.
    told: BTreeMap<(u64, u32, Class), u64>,
    /// Transfer, piece and class that a comment named last.
    named: Option<(u64, u32, Class)>,
    /// The frame that was asked for last, as it stood before.
    last: Option<FrameId>,
}

/// Evidence of a frame beside blocks.
#[derive(Debug, Default)]
struct Marks {
    requests: BTreeSet<u32>,
    advertises: BTreeSet<u32>,
    rungs: BTreeSet<Grade>,
}

impl Marks {
    fn words(&self) -> impl Iterator<Item = String> {
        let of =
            |what: &str, pieces: &BTreeSet<u32>| (!pieces.is_empty()).then(|| format!("{what} {}", listed(pieces)));
        let pieces = [of("request of", &self.requests), of("advertises", &self.advertises)];
        let rungs = self.rungs.iter().map(|grade| format!("{} {}", grade.name(), grade.meaning()));
        pieces.into_iter().flatten().chain(rungs)
    }
}

/// `piece 7`, or `pieces 0-5, 7 and 12 more`.
fn listed(pieces: &BTreeSet<u32>) -> String {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for piece in pieces {
        match ranges.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(*piece) => *last = *piece,
            _ => ranges.push((*piece, *piece)),
        }
    }
    let shown = ranges.iter().take(MOST_MARKS);
    let more: usize = ranges.iter().skip(MOST_MARKS).map(|(first, last)| (last - first) as usize + 1).sum();
    let words =
        shown.map(|(first, last)| if first == last { first.to_string() } else { format!("{first}-{last}") });
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{} {}{more}", if pieces.len() == 1 { "piece" } else { "pieces" }, words.collect::<Vec<_>>().join(", "))
}

/// Bytes of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Shown {
    input: u16,
    offset: u64,
    end: u64,
    transfer: u64,
    piece: u32,
    start: u32,
    class: Class,
}

impl<'o> Shows<'o> {
    pub(super) fn of(evidence: &Evidence, own: &Own, subjects: &[usize], origin: &'o Origin) -> Self {
        let mut whole = String::from("Cut by peerproof. The comment of a packet begins with the frame that it was");
        for (at, (name, digest)) in origin.named.iter().enumerate() {
            let digest = digest.map(|digest| format!(", SHA-256 {digest}")).unwrap_or_default();
            let before = if origin.named.len() > 1 { format!("\n{at}: ") } else { " in ".to_owned() };
            whole.push_str(&format!("{before}{name}{digest}"));
        }
        whole.push_str("\nand says what it shows; bytes without a piece: of the piece, and as those, that were named last; +: more of the block of 16 KiB that was named last. No comment: the same, in the next frame.");
        let (mut blocks, mut derived) = (Vec::new(), BTreeMap::new());
        let mut marks: BTreeMap<FrameId, Marks> = BTreeMap::new();
        let mut mark = |frames: Frames, add: &dyn Fn(&mut Marks)| {
            let first = FrameId::new(frames.file, frames.first);
            let last = FrameId::new(frames.last_file.unwrap_or(frames.file), frames.last);
            [first, last].iter().for_each(|frame| add(marks.entry(*frame).or_default()));
        };
        for row in &own.rows {
            let Some(piece) = row.piece else { continue };
            blocks.extend(row.runs.iter().map(|run| Shown {
                input: run.input,
                offset: run.offset,
                end: run.offset.saturating_add(run.len),
                transfer: row.transfer,
                piece,
                start: run.start,
                class: row.class,
            }));
            if row.derived_bytes > 0 {
                let frames = row
                    .frames
                    .iter()
                    .flat_map(|range| (range.first..=range.last).map(|number| FrameId::new(range.file, number)));
                frames.for_each(|frame| _ = derived.insert(frame, (piece, row.class)));
            }
            if let Some(frames) = row.requested {
                mark(frames, &|marks| _ = marks.requests.insert(piece));
            }
            if let Some(frames) = row.advertised {
                mark(frames, &|marks| _ = marks.advertises.insert(piece));
            }
        }
        let of_peer = evidence.transfers.iter().filter(|transfer| is_of(transfer, subjects));
        let rungs = subjects.iter().filter_map(|at| evidence.subjects.get(*at)).flat_map(|subject| &subject.rungs);
        for rung in rungs.chain(of_peer.flat_map(|transfer| &transfer.rungs)).filter(|rung| rung.grade <= Grade::G5)
        {
            mark(rung.frames, &|marks| _ = marks.rungs.insert(rung.grade));
        }
        blocks.sort_unstable();
        Self { whole, origin, blocks, derived, marks, told: BTreeMap::new(), named: None, last: None }
    }

    /// Begins with the first frame again.
    pub(super) fn begin(&mut self) {
        self.told.clear();
        (self.named, self.last) = (None, None);
    }

    /// The comment of a frame; to be asked in the order of the frames.
    pub(super) fn of_frame(&mut self, captures: &CaptureSet, frame: &Frame<'_>, kind: FrameKind) -> String {
        let at = frame.at.frame;
        let (mut parts, mut goes_on) = (Vec::new(), false);
        if let Some(offset) = captures.offset_of(at.file(), frame.bytes) {
            let end = offset.saturating_add(frame.bytes.len() as u64);
            // Those of one input do not overlap, so that they are in the order of their ends too.
            let first = self.blocks.partition_point(|shown| (shown.input, shown.end) <= (at.file(), offset));
            let within =
                self.blocks.iter().skip(first).take_while(|shown| (shown.input, shown.offset) < (at.file(), end));
            let mut joined: Vec<((u64, u32, Class), u64, u64)> = Vec::new();
            for shown in within {
                let (from, to) = (shown.offset.max(offset), shown.end.min(end));
                let (key, start) =
                    ((shown.transfer, shown.piece, shown.class), u64::from(shown.start) + (from - shown.offset));
                match joined.last_mut() {
                    Some((known, _, last)) if (*known, *last) == (key, start) => *last = start + (to - from),
                    _ => joined.push((key, start, start + (to - from))),
                }
            }
            goes_on = !joined.is_empty();
            for (key, start, next) in &joined {
                // Whether the last byte before, and the last one here, are in one block.
                let is_one =
                    |told: u64| told == *start && told.saturating_sub(1) / BLOCK == next.saturating_sub(1) / BLOCK;
                goes_on &= self.told.insert(*key, *next).is_some_and(is_one);
            }
            let mut words = |(key, start, next): &((u64, u32, Class), u64, u64)| {
                let (known, (_, piece, class)) = (self.named.replace(*key), key);
                if known == Some(*key) {
                    format!("{start}-{}", next - 1)
                } else {
                    format!("piece {piece}, {start}-{}, {}", next - 1, class.name())
                }
            };
            if !goes_on {
                parts.extend(joined.iter().take(MOST_MARKS).map(&mut words));
            }
        }
        if parts.is_empty()
            && let Some((piece, class)) = self.derived.get(&at)
        {
            parts.push(format!("of piece {piece}, {}", class.name()));
            self.named = None;
        }
        if let Some(marks) = self.marks.get(&at) {
            parts.extend(marks.words());
            self.named = None;
        }
        if parts.is_empty() && !goes_on {
            // What the others do can be seen.
            parts.extend((kind == FrameKind::Fragment).then(|| "a fragment".to_owned()));
        }
        let was = self.origin.frame(at);
        let before = self.last.replace(was);
        let is_next =
            before.is_some_and(|before| (before.file(), before.number() + 1) == (was.file(), was.number()));
        if goes_on && is_next && parts.is_empty() {
            return String::new();
        }
        let file = if self.origin.named.len() > 1 { format!("{}:", was.file()) } else { String::new() };
        let place = format!("{file}{}{}", was.number(), if goes_on { "+" } else { "" });
        if parts.is_empty() { place } else { format!("{place} {}", parts.join("; ")) }
    }
}

// Rationale: a comment is read at a glance.
const MOST_MARKS: usize = 6;
/// Bytes that clients ask for at once.
const BLOCK: u64 = 16_384;
