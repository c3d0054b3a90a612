//! Block by block: what a peer sent of each piece, of which class, asked for and sent in which frames; and the filters that
//! select exactly those frames.

use std::collections::{BTreeMap, BTreeSet};

use crate::ends::Frames;
use crate::evidence::{Class, Piece, Standard};
use crate::report::text::grouped;

/// Bytes of one unit, class and reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Block {
    /// `4`, `4, leaf 2`; `-` where the captures do not show in which block they are.
    pub(super) piece: String,
    /// The bytes of the piece, first and last of each stretch; none where they are in no input in one piece.
    pub(super) stretches: Vec<(u64, u64)>,
    pub(super) bytes: u64,
    pub(super) class: Class,
    /// The frames in which they were asked for, where all of them were, ascending.
    pub(super) asked: Vec<Frames>,
    /// The frames that carried them, ascending.
    pub(super) frames: Vec<Frames>,
}

/// The blocks of the transfers for which `is_own` holds, by piece and place.
pub(super) fn blocks(pieces: &[Piece], is_own: impl Fn(u64) -> bool) -> Vec<Block> {
    let mut own: Vec<&Piece> = pieces.iter().filter(|piece| is_own(piece.transfer)).collect();
    let start = |piece: &Piece| piece.runs.first().map(|run| run.start);
    own.sort_by_key(|piece| (piece.piece.is_none(), piece.piece, piece.leaf, start(piece), piece.class));
    own.into_iter().map(Block::of).collect()
}

impl Block {
    fn of(piece: &Piece) -> Self {
        let mut stretches: Vec<(u64, u64)> = Vec::new();
        for run in piece.runs.iter().filter(|run| run.len > 0) {
            let (first, end) = (u64::from(run.start), u64::from(run.start).saturating_add(run.len));
            match stretches.last_mut() {
                Some(last) if last.1 + 1 == first => last.1 = end - 1,
                _ => stretches.push((first, end - 1)),
            }
        }
        // What lies in no input is no part of a stretch: then there is none to be named.
        if piece.derived_bytes > 0 {
            stretches.clear();
        }
        Self {
            piece: match (piece.piece, piece.leaf) {
                (None, _) => "-".to_owned(),
                (Some(number), None) => grouped(number.into()),
                (Some(number), Some(leaf)) => format!("{}, leaf {}", grouped(number.into()), grouped(leaf.into())),
            },
            stretches,
            bytes: piece.bytes,
            class: piece.class,
            asked: asked(piece),
            frames: piece.frames.clone(),
        }
    }

    /// `0-49,151`; the first few stretches.
    pub(super) fn place(&self) -> String {
        let stretch = |(first, last): &(u64, u64)| format!("{}-{}", grouped(*first), grouped(*last));
        let shown: Vec<String> = self.stretches.iter().take(MOST_STRETCHES).map(stretch).collect();
        match (shown.is_empty(), self.stretches.len() > MOST_STRETCHES) {
            (true, _) => "-".to_owned(),
            (false, false) => shown.join(", "),
            (false, true) => format!("{}, ...", shown.join(", ")),
        }
    }
}

/// How many frames these are, and from which to which, where they are more than a few.
fn summed(frames: &[Frames]) -> Option<(u64, Frames)> {
    let (first, last) = (frames.first()?, frames.last()?);
    let count = frames.iter().map(|frames| frames.last - frames.first + 1).sum();
    let other = (last.file != first.file).then_some(last.file);
    let all = Frames { file: first.file, first: first.first, last: last.last, last_file: other };
    (frames.len() > MOST_FRAMES).then_some((count, all))
}

/// `83, 85-90`, each as `cite` has it; `8 frames, 83-128` of many; `none` of none.
pub(super) fn cited(frames: &[Frames], none: &str, cite: impl Fn(Frames) -> String) -> String {
    match summed(frames) {
        Some((count, all)) => format!("{} frames, {}", grouped(count), cite(all)),
        None if frames.is_empty() => none.to_owned(),
        None => frames.iter().map(|frames| cite(*frames)).collect::<Vec<_>>().join(", "),
    }
}

/// The frames in which all bytes of a row were asked for.
fn asked(piece: &Piece) -> Vec<Frames> {
    match piece.requested_frames.is_empty() {
        true => piece.requested.into_iter().collect(),
        false => piece.requested_frames.clone(),
    }
}

/// A unit that meets the standard of proof, as a report names it: the first and last of its frames.
#[derive(Clone, Copy, Debug)]
pub(super) struct Proof {
    pub(super) piece: u32,
    pub(super) leaf: Option<u32>,
    pub(super) advertised: Frames,
    pub(super) served: Frames,
}

impl From<&Standard> for Proof {
    fn from(standard: &Standard) -> Self {
        let Standard { piece, leaf, advertised, served, .. } = *standard;
        Self { piece, leaf, advertised, served }
    }
}

/// Exactly the frames of a proof, as in [`sets`]: of advertisement, requests and payload; none where no row is of its unit alone.
pub(super) fn proof(pieces: &[Piece], is_own: impl Fn(u64) -> bool, proof: &Proof) -> [Sets; 3] {
    let served = |piece: &&Piece| piece.frames.first().is_some_and(|frames| holds(&proof.served, frames));
    let is_of = |piece: &&Piece| {
        is_own(piece.transfer)
            && (piece.piece, piece.leaf, piece.class) == (Some(proof.piece), proof.leaf, Class::Verified)
            && piece.advertised.is_some_and(|advertised| holds(&proof.advertised, &advertised))
            && served(piece)
    };
    let rows: Vec<&Piece> = pieces.iter().filter(is_of).collect();
    let of = |frames: &dyn Fn(&Piece) -> Vec<Frames>| united(rows.iter().flat_map(|piece| frames(piece)));
    [
        of(&|piece| piece.advertised.into_iter().collect()),
        of(&|piece| asked(piece)),
        of(&|piece| piece.frames.clone()),
    ]
}

/// Returns true if `range` holds `other`.
fn holds(range: &Frames, other: &Frames) -> bool {
    let of_one = range.last_file.is_none() && other.last_file.is_none() && range.file == other.file;
    range == other || of_one && range.first <= other.first && other.last <= range.last
}

/// All sets as one; none where one of them is empty, so that a part of a proof is not shown as the whole.
pub(super) fn joined(sets: &[Sets; 3]) -> Sets {
    if sets.iter().any(Vec::is_empty) {
        return Sets::new();
    }
    let mut all: BTreeMap<u16, Vec<String>> = BTreeMap::new();
    sets.iter().flatten().for_each(|(file, set)| all.entry(*file).or_default().extend(set.iter().cloned()));
    all.into_iter().collect()
}

/// Of each input, numbers and ranges of frames as Wireshark's sets have them.
pub(super) type Sets = Vec<(u16, Vec<String>)>;

/// The pieces of a torrent of `count` pieces of which no block is among these, as stretches.
pub(super) fn without(pieces: &[Piece], is_own: impl Fn(u64) -> bool, count: u64) -> Vec<(u64, u64)> {
    let seen: BTreeSet<u64> = pieces
        .iter()
        .filter(|piece| is_own(piece.transfer))
        .filter_map(|piece| piece.piece.map(u64::from))
        .collect();
    let mut out = Vec::new();
    let mut next = 0;
    for piece in seen.into_iter().take_while(|piece| *piece < count).chain([count]) {
        if piece > next {
            out.push((next, piece - 1));
        }
        next = piece + 1;
    }
    out
}

/// Numbers and stretches of them, the first few: `2, 3, 6-9 and 4 more`.
pub(super) fn stretches(all: &[(u64, u64)]) -> String {
    let one = |(first, last): &(u64, u64)| match first == last {
        true => grouped(*first),
        false => format!("{}-{}", grouped(*first), grouped(*last)),
    };
    let shown: Vec<String> = all.iter().take(MOST_PIECES).map(one).collect();
    match all.len().saturating_sub(MOST_PIECES) {
        0 => shown.join(", "),
        more => format!("{} and {} more stretches", shown.join(", "), grouped(more as u64)),
    }
}

/// The frames of these blocks that lie in each input, every one once: the input, and numbers and ranges as Wireshark's sets
/// have them.
pub(super) fn sets<'b>(blocks: impl IntoIterator<Item = &'b Block>) -> Sets {
    united(blocks.into_iter().flat_map(|block| block.frames.iter().copied()))
}

pub(super) fn united(frames: impl IntoIterator<Item = Frames>) -> Sets {
    // Of a range over two inputs, its ends.
    let ends = |frames: Frames| match frames.last_file {
        Some(last) => [Some((frames.file, frames.first, frames.first)), Some((last, frames.last, frames.last))],
        None => [Some((frames.file, frames.first, frames.last)), None],
    };
    let mut all: Vec<(u16, u64, u64)> = frames.into_iter().flat_map(ends).flatten().collect();
    all.sort_unstable();
    let mut out: Vec<(u16, Vec<(u64, u64)>)> = Vec::new();
    for (file, first, last) in all {
        match out.last_mut() {
            Some((known, ranges)) if *known == file => match ranges.last_mut() {
                Some(range) if first <= range.1.saturating_add(1) => range.1 = range.1.max(last),
                _ => ranges.push((first, last)),
            },
            _ => out.push((file, vec![(first, last)])),
        }
    }
    let text = |(first, last): (u64, u64)| match last - first {
        0 => first.to_string(),
        _ => format!("{first}..{last}"),
    };
    out.into_iter().map(|(file, ranges)| (file, ranges.into_iter().map(text).collect())).collect()
}

/// Display filters that select exactly these frames, as many as it takes, none of them longer than Wireshark's field takes.
pub(super) fn filters(set: &[String]) -> Vec<String> {
    let mut out = Vec::new();
    let mut filter = String::new();
    for frames in set {
        if !filter.is_empty() && filter.len() + frames.len() + 2 > MOST_FILTER {
            out.push(std::mem::take(&mut filter) + "}");
        }
        filter.push_str(if filter.is_empty() { "frame.number in {" } else { "," });
        filter.push_str(frames);
    }
    if !filter.is_empty() {
        out.push(filter + "}");
    }
    out
}

/// Letters of a display filter that Wireshark's field takes without trouble.
pub(super) const MOST_FILTER: usize = 1_000;
// Rationale: a cell of a table.
const MOST_STRETCHES: usize = 2;
const MOST_FRAMES: usize = 3;
const MOST_PIECES: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::InputRun;

    fn piece(number: u32, class: Class, runs: &[(u32, u64)], frames: &[(u64, u64)]) -> Piece {
        Piece {
            piece: Some(number),
            class,
            bytes: runs.iter().map(|run| run.1).sum(),
            frames: frames
                .iter()
                .map(|(first, last)| Frames { file: 0, first: *first, last: *last, last_file: None })
                .collect(),
            runs: runs
                .iter()
                .map(|(start, len)| InputRun { input: 0, offset: 9, len: *len, start: *start })
                .collect(),
            derived_bytes: 0,
            info_hash: None,
            leaf: None,
            uploader: "192.0.2.1:6881".parse().expect("an endpoint"),
            downloader: "192.0.2.2:6881".parse().expect("an endpoint"),
            transport: crate::ends::Transport::Tcp,
            transfer: 0,
            reason: crate::evidence::Ground::Hash,
            doubt: None,
            requested: None,
            requested_frames: Vec::new(),
            advertised: None,
            sha1: None,
            sha256: None,
        }
    }

    #[test]
    fn blocks_stand_by_piece_and_place_with_their_stretches() {
        let rows = [
            piece(4, Class::Refuted, &[(49_152, 16_384)], &[(143, 143), (166, 166)]),
            piece(0, Class::Verified, &[(0, 10), (10, 6), (32, 8)], &[(83, 83), (85, 85), (90, 91), (99, 99)]),
            piece(4, Class::Verified, &[(32_768, 16_384)], &[(141, 141), (143, 143)]),
        ];
        let all = blocks(&rows, |_| true);
        let shown: Vec<_> = all.iter().map(|block| (block.piece.as_str(), block.place(), block.bytes)).collect();
        assert_eq!(
            shown,
            [
                ("0", "0-15, 32-39".to_owned(), 24),
                ("4", "32,768-49,151".to_owned(), 16_384),
                ("4", "49,152-65,535".to_owned(), 16_384)
            ]
        );
        assert_eq!(
            summed(&all[0].frames).map(|(count, frames)| (count, frames.first, frames.last)),
            Some((5, 83, 99))
        );
        assert_eq!(summed(&all[1].frames), None);
        assert_eq!(sets(&all), [(0, ["83", "85", "90..91", "99", "141", "143", "166"].map(String::from).to_vec())]);
        assert_eq!(stretches(&without(&rows, |_| true, 8)), "1-3, 5-7");
        assert_eq!(without(&rows, |_| false, 2), [(0, 1)]);
        assert!(blocks(&rows, |_| false).is_empty());
    }

    #[test]
    fn the_filter_of_a_proof_has_its_frames_and_no_others() {
        let frames = |first, last| Frames { file: 0, first, last, last_file: None };
        let of = |number, class, own: &[(u64, u64)], asked: &[(u64, u64)]| {
            let requested = asked.first().zip(asked.last()).map(|(first, last)| frames(first.0, last.1));
            Piece {
                advertised: Some(frames(78, 78)),
                requested,
                requested_frames: asked.iter().filter(|_| asked.len() > 1).map(|(a, b)| frames(*a, *b)).collect(),
                ..piece(number, class, &[(0, 16_384)], own)
            }
        };
        let rows = [
            of(4, Class::Verified, &[(148, 148), (150, 154), (198, 198)], &[(99, 99), (187, 187)]),
            of(4, Class::Repeated, &[(201, 201)], &[(199, 199)]),
            of(5, Class::Verified, &[(160, 161)], &[(120, 120)]),
        ];
        let standard = |piece, served| Proof { piece, leaf: None, advertised: frames(78, 78), served };
        let set = |frames: &[&str]| vec![(0, frames.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>())];
        assert_eq!(
            proof(&rows, |_| true, &standard(4, frames(148, 198))),
            [set(&["78"]), set(&["99", "187"]), set(&["148", "150..154", "198"])]
        );
        assert_eq!(
            proof(&rows, |_| true, &standard(5, frames(160, 161))),
            [set(&["78"]), set(&["120"]), set(&["160..161"])]
        );
        assert!(proof(&rows, |_| false, &standard(4, frames(148, 198))).iter().all(Vec::is_empty));
        let all = blocks(&rows[..1], |_| true);
        assert_eq!(cited(&all[0].asked, "-", |frames| frames.first.to_string()), "99, 187");
    }

    #[test]
    fn filters_select_every_frame_once_and_none_is_too_long() {
        let set: Vec<String> = (0..1_000_u64).map(|n| (n * 3 + 1_000_000).to_string()).collect();
        let all = filters(&set);
        assert!(all.len() > 1 && all.iter().all(|filter| filter.len() <= MOST_FILTER), "{}", all.len());
        let inner = |filter: &String| {
            let inner = filter.strip_prefix("frame.number in {").and_then(|rest| rest.strip_suffix('}'));
            inner.expect("whole").split(',').map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(all.iter().flat_map(inner).collect::<Vec<_>>(), set);
        assert!(filters(&[]).is_empty());
    }
}
