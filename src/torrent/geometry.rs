//! Where pieces, blocks, files and padding lie in a torrent's byte space.

use std::ops::Range;

use super::TorrentFile;
pub use crate::oddity::Misplaced;

/// A piece that its torrent has. Only [`Torrent::piece`](super::Torrent::piece) and
/// [`Torrent::place`](super::Torrent::place) make one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PieceIndex(u32);

impl PieceIndex {
    /// The index as it goes over the wire.
    pub fn number(self) -> u32 {
        self.0
    }
}

/// A block inside its torrent.
///
/// # Invariants
/// - `begin + len <= piece_size(piece)`, without overflow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Placed {
    /// The piece.
    pub piece: PieceIndex,
    /// Offset within the piece, in bytes.
    pub begin: u32,
    /// Length in bytes; may be 0.
    pub len: u32,
}

impl Placed {
    /// The bytes of the piece that it covers.
    pub fn range(&self) -> Range<u32> {
        self.begin..self.begin.saturating_add(self.len)
    }
}

/// Pieces and files of one torrent.
///
/// # Invariants
/// - `piece_length >= 1` where there is metadata; `pieces * piece_length` fits `u64`.
/// - Files ascend by offset and do not overlap. In a v1 layout they leave no gap; in a v2 layout each begins on a
///   piece boundary.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Geometry {
    pub piece_length: u32,
    pub pieces: u32,
    pub files: Vec<TorrentFile>,
    pub layout: Layout,
}

/// How files follow one another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Layout {
    /// Nothing is known but the info-hash.
    #[default]
    Unknown,
    /// One behind the other (BEP 3).
    V1,
    /// Each from the next piece boundary on (BEP 52); a piece counts in full, with padding behind the file's end.
    V2,
}

impl Geometry {
    pub fn piece(&self, raw: u32) -> Option<PieceIndex> {
        (raw < self.pieces).then_some(PieceIndex(raw))
    }

    pub fn piece_offset(&self, piece: PieceIndex) -> u64 {
        u64::from(piece.0) * u64::from(self.piece_length)
    }

    pub fn piece_size(&self, piece: PieceIndex) -> u32 {
        match self.layout {
            Layout::V2 => self.piece_length,
            Layout::V1 | Layout::Unknown => {
                let left = self.end().saturating_sub(self.piece_offset(piece));
                u32::try_from(left).unwrap_or(u32::MAX).min(self.piece_length)
            }
        }
    }

    pub fn place(&self, piece: u32, begin: u32, len: u32) -> Result<Placed, Misplaced> {
        if self.layout == Layout::Unknown {
            return Err(Misplaced::NoMetadata);
        }
        let Some(index) = self.piece(piece) else {
            return Err(Misplaced::NoSuchPiece { piece, pieces: self.pieces });
        };
        let size = self.piece_size(index);
        let end = u64::from(begin) + u64::from(len);
        if end > u64::from(size) {
            return Err(Misplaced::BeyondPiece { piece, end, size });
        }
        Ok(Placed { piece: index, begin, len })
    }

    /// The padding of the piece in ascending order; ranges within the piece.
    pub fn pads(&self, piece: PieceIndex) -> impl Iterator<Item = Range<u32>> {
        let base = self.piece_offset(piece);
        let size = self.piece_size(piece);
        let pad_files = self
            .overlapping(base..base + u64::from(size))
            .filter(|(_, file)| file.pad)
            .map(move |(_, file)| within(base, size, file.offset)..within(base, size, file.end()));
        let content =
            self.overlapping(base..base + u64::from(size)).map(|(_, file)| within(base, size, file.end())).max();
        let tail = match self.layout {
            Layout::V2 => Some(content.unwrap_or(0)..size).filter(|range| !range.is_empty()),
            Layout::V1 | Layout::Unknown => None,
        };
        pad_files.chain(tail)
    }

    /// Returns true if some padding of the piece is known by its name only.
    pub fn guesses_pads(&self, piece: PieceIndex) -> bool {
        let base = self.piece_offset(piece);
        self.overlapping(base..base + u64::from(self.piece_size(piece))).any(|(_, file)| file.pad_by_name)
    }

    /// The content under `range` of the piece, file by file; ranges within the file.
    pub fn files_in(&self, piece: PieceIndex, range: Range<u32>) -> impl Iterator<Item = (usize, Range<u64>)> {
        let base = self.piece_offset(piece);
        let size = self.piece_size(piece);
        let range = base + u64::from(range.start.min(size))..base + u64::from(range.end.min(size));
        self.overlapping(range.clone()).filter(|(_, file)| !file.pad).map(move |(index, file)| {
            let start = range.start.max(file.offset) - file.offset;
            (index, start..range.end.min(file.end()) - file.offset)
        })
    }

    /// The files with a byte in `range` of the byte space, in order.
    fn overlapping(&self, range: Range<u64>) -> impl Iterator<Item = (usize, &TorrentFile)> {
        let first = self.files.partition_point(|file| file.end() <= range.start);
        let files = self.files.iter().enumerate().skip(first);
        files.take_while(move |(_, file)| file.offset < range.end).filter(|(_, file)| file.size > 0)
    }

    /// Length of the byte space.
    fn end(&self) -> u64 {
        self.files.last().map_or(0, TorrentFile::end)
    }
}

/// The place `offset` of the byte space within a piece of `size` bytes at `base`, cut to the piece.
fn within(base: u64, size: u32, offset: u64) -> u32 {
    u32::try_from(offset.saturating_sub(base)).unwrap_or(u32::MAX).min(size)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn file(size: u64, pad: bool, offset: u64) -> TorrentFile {
        let (path, shown) = ("f".to_owned(), "f".to_owned());
        TorrentFile { path, shown, size, pad, pad_by_name: false, offset, pieces_root: None }
    }

    fn v1(piece_length: u32, sizes: &[(u64, bool)]) -> Geometry {
        let mut offset = 0;
        let mut files = Vec::new();
        for (size, pad) in sizes {
            files.push(file(*size, *pad, offset));
            offset += size;
        }
        let pieces = u32::try_from(offset.div_ceil(u64::from(piece_length))).expect("small");
        Geometry { piece_length, pieces, files, layout: Layout::V1 }
    }

    #[test]
    fn a_piece_across_files_splits_into_exact_ranges() {
        let geometry = v1(16, &[(10, false), (0, false), (3, false), (30, false)]);
        assert_eq!(geometry.pieces, 3);
        let piece = geometry.piece(0).expect("exists");
        let found: Vec<_> = geometry.files_in(piece, 8..16).collect();
        assert_eq!(found, [(0, 8..10), (2, 0..3), (3, 0..3)]);
        let last = geometry.piece(2).expect("exists");
        assert_eq!((geometry.piece_size(last), geometry.piece_offset(last)), (11, 32));
        assert_eq!(geometry.piece(3), None);
    }

    #[test]
    fn blocks_outside_say_why() {
        let geometry = v1(16, &[(20, false)]);
        assert!(geometry.place(1, 0, 4).is_ok());
        assert_eq!(geometry.place(2, 0, 1), Err(Misplaced::NoSuchPiece { piece: 2, pieces: 2 }));
        let beyond = geometry.place(1, 0, 5).expect_err("too long");
        assert_eq!(beyond, Misplaced::BeyondPiece { piece: 1, end: 5, size: 4 });
        assert_eq!(
            geometry.place(0, u32::MAX, u32::MAX),
            Err(Misplaced::BeyondPiece { piece: 0, end: 2 * u64::from(u32::MAX), size: 16 })
        );
        assert_eq!(Geometry::default().place(0, 0, 1), Err(Misplaced::NoMetadata));
    }

    #[test]
    fn padding_is_a_pad_file_in_v1_and_the_rest_of_the_piece_in_v2() {
        let pads =
            |geometry: &Geometry, piece| geometry.pads(geometry.piece(piece).expect("exists")).collect::<Vec<_>>();
        let geometry = v1(16, &[(10, false), (6, true), (4, false)]);
        assert_eq!(pads(&geometry, 0), vec![10..16]);
        assert_eq!(pads(&geometry, 1), vec![]);
        let files = vec![file(20, false, 0), file(0, false, 32), file(16, false, 32)];
        let geometry = Geometry { piece_length: 16, pieces: 3, files, layout: Layout::V2 };
        assert_eq!(pads(&geometry, 0), vec![]);
        assert_eq!(pads(&geometry, 1), vec![4..16]);
        assert_eq!(pads(&geometry, 2), vec![]);
        let piece = geometry.piece(1).expect("exists");
        assert_eq!(geometry.files_in(piece, 0..16).collect::<Vec<_>>(), [(0, 16..20)]);
    }

    proptest! {
        #[test]
        fn content_and_padding_tile_every_piece(
            piece_length in 1..40_u32,
            sizes in proptest::collection::vec((0..50_u64, any::<bool>()), 0..12),
        ) {
            let geometry = v1(piece_length, &sizes);
            let mut sums = vec![0_u64; sizes.len()];
            for raw in 0..geometry.pieces {
                let piece = geometry.piece(raw).expect("exists");
                let size = geometry.piece_size(piece);
                let mut covered = 0;
                for (index, range) in geometry.files_in(piece, 0..size) {
                    sums[index] += range.end - range.start;
                    covered += range.end - range.start;
                }
                covered += geometry.pads(piece).map(|pad| u64::from(pad.end - pad.start)).sum::<u64>();
                prop_assert_eq!(covered, u64::from(size));
            }
            for (sum, (size, pad)) in sums.iter().zip(&sizes) {
                prop_assert_eq!(*sum, if *pad { 0 } else { *size });
            }
        }
    }
}
