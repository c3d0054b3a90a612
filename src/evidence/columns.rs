//! Where in a torrent bytes are: sums over equal columns of its byte space, and pieces in runs.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::evidence::{PieceRange, PieceState, Units};
use crate::torrent::Torrent;
use crate::torrent::merkle::LEAF_BYTES;

/// Bytes in each column; of a torrent with few bytes there are few columns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Columns(Vec<u64>);

impl Columns {
    /// Adds a range of a file.
    pub(super) fn add(&mut self, torrent: &Torrent, file: usize, range: Range<u64>) {
        let space = space(torrent);
        let start = torrent.file_range(file).start;
        if self.0.is_empty() {
            self.0 = vec![0; count(space)];
        }
        let count = self.0.len() as u64;
        let (mut at, end) = (start.saturating_add(range.start), start.saturating_add(range.end).min(space));
        while at < end {
            let column = u64::try_from(u128::from(at) * u128::from(count) / u128::from(space)).unwrap_or(u64::MAX);
            // The first byte of the next column, so that every byte is in the column that its place gives.
            let next = (u128::from(column + 1) * u128::from(space)).div_ceil(u128::from(count));
            let next = u64::try_from(next).unwrap_or(u64::MAX).clamp(at + 1, end.max(at + 1));
            if let Some(sum) = usize::try_from(column).ok().and_then(|column| self.0.get_mut(column)) {
                *sum += next.min(end) - at;
            }
            at = next;
        }
    }

    /// The sums; as many zeros where there is none.
    pub(super) fn sums(&self, torrent: &Torrent) -> Vec<u64> {
        if self.0.is_empty() { vec![0; count(space(torrent))] } else { self.0.clone() }
    }
}

/// The length of the byte space: the content with its padding.
pub(super) fn space(torrent: &Torrent) -> u64 {
    let end = torrent.files().last().map_or(0, crate::torrent::TorrentFile::end);
    end.max(torrent.size())
}

/// All pieces of a torrent, in runs of one state.
pub(super) fn runs(count: u32, states: &BTreeMap<u32, PieceState>) -> Vec<Units> {
    let mut runs: Vec<Units> = Vec::new();
    let mut add = |first: u32, last: u32, state: PieceState| match runs.last_mut() {
        Some(run) if run.state == state => run.last = last,
        _ => runs.push(Units { first, last, state }),
    };
    let mut next = 0;
    for (piece, state) in states {
        if *piece > next {
            add(next, piece - 1, PieceState::Unseen);
        }
        add(*piece, *piece, *state);
        next = piece + 1;
    }
    if next < count {
        add(next, count - 1, PieceState::Unseen);
    }
    runs
}

/// Ascending numbers as ranges.
pub(super) fn ranges(pieces: impl IntoIterator<Item = u32>) -> Vec<PieceRange> {
    let mut ranges: Vec<PieceRange> = Vec::new();
    for piece in pieces {
        match ranges.last_mut() {
            Some(range) if range.last.checked_add(1) == Some(piece) => range.last = piece,
            _ => ranges.push(PieceRange { first: piece, last: piece }),
        }
    }
    ranges
}

fn count(space: u64) -> usize {
    usize::try_from(space.div_ceil(u64::from(LEAF_BYTES))).map_or(MOST, |blocks| blocks.min(MOST))
}

// Rationale: what a picture as wide as a page can show apart.
const MOST: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_piece_is_in_one_run() {
        let states = BTreeMap::from([(1, PieceState::Verified), (2, PieceState::Verified), (4, PieceState::Part)]);
        let found: Vec<_> = runs(6, &states).into_iter().map(|run| (run.first, run.last, run.state)).collect();
        use PieceState::{Part, Unseen, Verified};
        assert_eq!(found, [(0, 0, Unseen), (1, 2, Verified), (3, 3, Unseen), (4, 4, Part), (5, 5, Unseen)]);
        assert_eq!(runs(0, &BTreeMap::new()), []);
    }
}
