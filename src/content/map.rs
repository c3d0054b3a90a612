//! The map beside a file: which of its bytes were verified, from whom, in which frames; and its holes.

use std::fmt::Write;
use std::ops::Range;

use serde::Serialize;

use crate::ends::{Endpoint, FrameId, Frames, InfoHash, Transport};
use crate::report::{counted, escaped, grouped};

/// A stretch of a file that one end sent to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stretch {
    /// Offset of the first byte in the file.
    pub start: u64,
    /// Offset of the byte behind the last one.
    pub end: u64,
    /// Who sent, as observed.
    pub uploader: Endpoint,
    /// Who received, as observed.
    pub downloader: Endpoint,
    /// How.
    pub transport: Transport,
    /// The frames that carried it: ranges without a frame between.
    pub frames: Vec<Frames>,
}

/// Bytes of a file that nothing verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Hole {
    /// Offset of the first byte.
    pub start: u64,
    /// Offset of the byte behind the last one.
    pub end: u64,
}

/// A capture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Input {
    pub(super) name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sha256: Option<String>,
}

/// All of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Map<'m> {
    pub(super) schema: &'static str,
    pub(super) info_hash: InfoHash,
    /// As in the torrent, what is not safe to print escaped.
    pub(super) path: &'m str,
    /// As it was written, below the directory.
    pub(super) written: &'m str,
    pub(super) size: u64,
    pub(super) verified_bytes: u64,
    pub(super) complete: bool,
    pub(super) holes: &'m [Hole],
    pub(super) verified: &'m [Stretch],
    pub(super) inputs: &'m [Input],
}

impl Stretch {
    /// Takes bytes that follow; `false` where they do not, or are another's.
    pub(super) fn goes_on(&mut self, next: &Self) -> bool {
        let one =
            (self.uploader, self.downloader, self.transport) == (next.uploader, next.downloader, next.transport);
        let follows = one && self.end == next.start;
        if follows {
            self.end = next.end;
            for frames in &next.frames {
                add(&mut self.frames, *frames);
            }
        }
        follows
    }
}

/// A frame as a range.
pub(super) fn of_frame(frame: FrameId) -> Frames {
    Frames { file: frame.file(), first: frame.number(), last: frame.number(), last_file: None }
}

fn add(all: &mut Vec<Frames>, next: Frames) {
    match all.last_mut() {
        Some(last)
            if last.file == next.file && last.first <= next.first && next.first <= last.last.saturating_add(1) =>
        {
            last.last = last.last.max(next.last);
        }
        _ => all.push(next),
    }
}

/// The holes between verified ranges of a file.
pub(super) fn holes(verified: impl Iterator<Item = Range<u64>>, size: u64) -> Vec<Hole> {
    let (mut holes, mut at) = (Vec::new(), 0);
    for range in verified {
        if at < range.start {
            holes.push(Hole { start: at, end: range.start });
        }
        at = at.max(range.end);
    }
    if at < size {
        holes.push(Hole { start: at, end: size });
    }
    holes
}

impl Map<'_> {
    /// For programs.
    pub(super) fn json(&self) -> serde_json::Result<Vec<u8>> {
        let mut text = serde_json::to_vec_pretty(self)?;
        text.push(b'\n');
        Ok(text)
    }

    /// For people.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{}\n  torrent {}\n  {} of {} verified{}",
            escaped(self.path),
            self.info_hash,
            grouped(self.verified_bytes),
            counted(self.size, "byte"),
            if self.complete { ": complete" } else { "; a hole is zeros here, or the file ends before it" }
        );
        for (at, input) in self.inputs.iter().enumerate() {
            let digest = input.sha256.as_deref().map(|digest| format!(", SHA-256 {digest}")).unwrap_or_default();
            let _ = writeln!(text, "  file {at}: {}{digest}", escaped(&input.name));
        }
        let _ = writeln!(text, "\nholes");
        for hole in self.holes {
            let _ = writeln!(text, "  {}-{}", grouped(hole.start), grouped(hole.end - 1));
        }
        if self.holes.is_empty() {
            let _ = writeln!(text, "  none");
        }
        let _ = writeln!(text, "\nverified, first to last byte, from whom, frames of file");
        for stretch in self.verified {
            let Stretch { start, end, uploader, downloader, transport, frames } = stretch;
            let shown: Vec<String> = frames.iter().take(SHOWN).map(frame).collect();
            let more =
                if frames.len() > SHOWN { format!(", {} more", frames.len() - SHOWN) } else { String::new() };
            let _ = writeln!(
                text,
                "  {}-{}  {uploader} -> {downloader} ({})  {}{more}",
                grouped(*start),
                grouped(*end - 1),
                transport.name(),
                shown.join(", ")
            );
        }
        text
    }
}

fn frame(frames: &Frames) -> String {
    if frames.first == frames.last {
        format!("{}:{}", frames.file, frames.first)
    } else {
        format!("{}:{}-{}", frames.file, frames.first, frames.last)
    }
}

pub(super) const SCHEMA: &str = "peerproof/content/1";
// Rationale: a line of a terminal; the JSON has all of them.
const SHOWN: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_are_all_that_is_not_verified() {
        let hole = |start, end| Hole { start, end };
        assert_eq!(holes([2..4, 4..6, 5..8].into_iter(), 10), [hole(0, 2), hole(8, 10)]);
        assert_eq!((holes(std::iter::once(0..10), 10), holes(std::iter::empty(), 0)), (vec![], vec![]));
        assert_eq!(holes(std::iter::empty(), 3), [hole(0, 3)]);
    }
}
