//! What each packet of a cut shows, as its comment says it.

use std::collections::BTreeMap;

use super::frames::Kind;
use super::{Own, is_of};
use crate::capture::{CaptureSet, Frame};
use crate::ends::{FrameId, Frames};
use crate::evidence::{Evidence, Grade};
use crate::judge::Class;

/// The comments of a cut.
#[derive(Debug)]
pub(super) struct Shows {
    /// On the whole.
    pub(super) whole: String,
    names: Vec<String>,
    /// Bytes of blocks by their place in the inputs, ascending.
    blocks: Vec<Shown>,
    /// Blocks that lie in no input in one piece, by frame.
    derived: BTreeMap<FrameId, (u32, Class)>,
    /// Rungs and requests, by frame.
    marks: BTreeMap<FrameId, Vec<String>>,
}

/// Bytes of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Shown {
    input: u16,
    offset: u64,
    end: u64,
    piece: u32,
    start: u32,
    class: Class,
}

impl Shows {
    pub(super) fn of(evidence: &Evidence, own: &Own<'_>, subjects: &[usize]) -> Self {
        let names: Vec<String> = evidence.captures.iter().map(|capture| capture.name.clone()).collect();
        let mut whole = String::from(
            "Cut by peerproof. Each packet's comment names the file and frame that it was, and what it shows.",
        );
        for (capture, name) in evidence.captures.iter().zip(&names) {
            let digest = capture.sha256.map(|digest| format!(", SHA-256 {}", crate::ends::Hex(digest)));
            whole.push_str(&format!("\n{name}{}", digest.unwrap_or_default()));
        }
        let (mut blocks, mut derived) = (Vec::new(), BTreeMap::new());
        let mut marks: BTreeMap<FrameId, Vec<String>> = BTreeMap::new();
        let mut mark = |frames: Frames, words: String| {
            let first = FrameId::new(frames.file, frames.first);
            let last = FrameId::new(frames.last_file.unwrap_or(frames.file), frames.last);
            for frame in [Some(first), (last != first).then_some(last)].into_iter().flatten() {
                let all = marks.entry(frame).or_default();
                if all.len() < MOST_MARKS && !all.contains(&words) {
                    all.push(words.clone());
                }
            }
        };
        for row in &own.rows {
            let Some(piece) = row.piece else { continue };
            blocks.extend(row.runs.iter().map(|run| Shown {
                input: run.input,
                offset: run.offset,
                end: run.offset.saturating_add(run.len),
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
                mark(frames, format!("request of piece {piece}"));
            }
            if let Some(frames) = row.advertised {
                mark(frames, format!("advertises piece {piece}"));
            }
        }
        let of_peer = evidence.transfers.iter().filter(|transfer| is_of(transfer, subjects));
        let rungs = subjects.iter().filter_map(|at| evidence.subjects.get(*at)).flat_map(|subject| &subject.rungs);
        for rung in rungs.chain(of_peer.flat_map(|transfer| &transfer.rungs)).filter(|rung| rung.grade <= Grade::G5)
        {
            mark(rung.frames, format!("{} {}", rung.grade.name(), rung.grade.meaning()));
        }
        blocks.sort_unstable();
        Self { whole, names, blocks, derived, marks }
    }

    /// What a frame shows.
    pub(super) fn of_frame(&self, captures: &CaptureSet, frame: &Frame<'_>, kind: Kind) -> String {
        let at = frame.at.frame;
        let name = self.names.get(usize::from(at.file())).map_or("", String::as_str);
        let mut parts: Vec<String> = Vec::new();
        if let Some(offset) = captures.offset_of(at.file(), frame.bytes) {
            let end = offset.saturating_add(frame.bytes.len() as u64);
            // Those of one input do not overlap, so that they are in the order of their ends too.
            let first = self.blocks.partition_point(|shown| (shown.input, shown.end) <= (at.file(), offset));
            let within =
                self.blocks.iter().skip(first).take_while(|shown| (shown.input, shown.offset) < (at.file(), end));
            let mut joined: Vec<(u32, Class, u64, u64)> = Vec::new();
            for shown in within {
                let (from, to) = (shown.offset.max(offset), shown.end.min(end));
                let start = u64::from(shown.start) + (from - shown.offset);
                let next = start + (to - from);
                match joined.last_mut() {
                    Some((piece, class, _, last))
                        if (*piece, *class, *last) == (shown.piece, shown.class, start) =>
                    {
                        *last = next;
                    }
                    _ => joined.push((shown.piece, shown.class, start, next)),
                }
            }
            let words = |(piece, class, start, next): &(u32, Class, u64, u64)| {
                format!("piece {piece}, {start}-{}, {}", next - 1, class.name())
            };
            parts.extend(joined.iter().take(MOST_MARKS).map(words));
        }
        if parts.is_empty()
            && let Some((piece, class)) = self.derived.get(&at)
        {
            parts.push(format!("of piece {piece}, {}", class.name()));
        }
        parts.extend(self.marks.get(&at).into_iter().flatten().cloned());
        if parts.is_empty() {
            parts.extend(match kind {
                Kind::Opens => Some("opens the connection".to_owned()),
                Kind::Closes => Some("closes the connection".to_owned()),
                Kind::Fragment => Some("a fragment".to_owned()),
                // That is what nearly all others are, and it can be seen.
                Kind::Acknowledges | Kind::Carries => None,
            });
        }
        let place = format!("{name}:{}", at.number());
        if parts.is_empty() { place } else { format!("{place} {}", parts.join("; ")) }
    }
}

// Rationale: a comment is read at a glance.
const MOST_MARKS: usize = 6;
