//! One unit of one torrent, a piece or a leaf: its place, its hash, and whose bytes of it are verified.

use std::net::IpAddr;
use std::ops::Range;

use super::{Content, RangeSet, TransferId};
use crate::ends::Span;
use crate::prove::{Half, UnitJob, Verdict};
use crate::torrent::merkle::LEAF_BYTES;
use crate::torrent::{Expected, PieceIndex, Torrent};

/// The bytes that are verified at once: a whole piece, one 16 KiB leaf of a v2 piece whose leaf hashes are known (BEP
/// 52), or the few leaves under a node of its tree that is known while they are not.
///
/// Ordered by piece, then by leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Unit {
    /// The piece, as numbered on the wire.
    pub piece: u32,
    /// The leaf within the piece, or the first of several; `None` for the whole piece.
    pub leaf: Option<u32>,
}

impl Unit {
    /// Its bytes, or those of its first leaf, in a piece of `size` bytes; `None` when no piece has such a leaf.
    pub fn range(self, size: u32) -> Option<Range<u32>> {
        let Some(leaf) = self.leaf else { return Some(0..size) };
        let start = leaf.checked_mul(LEAF_BYTES)?.min(size);
        Some(start..start.saturating_add(LEAF_BYTES).min(size))
    }
}

impl From<Unit> for crate::oddity::Unit {
    fn from(Unit { piece, leaf }: Unit) -> Self {
        Self { piece, leaf }
    }
}

/// How a piece is cut into units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Not at all.
    Whole,
    /// Into its leaves, all of which are known.
    Leaves,
    /// Into the smallest parts of its tree that are known: leaves, or what a few leaves hash to together.
    Parts,
}

impl Cut {
    /// That of a piece of which no unit is known yet. A hybrid goes by pieces first: its halves may disagree, and either
    /// makes the bytes its own.
    pub fn first(torrent: &Torrent, piece: PieceIndex) -> Self {
        let by_leaf = torrent.info_hash_v1().is_none() && torrent.has_leaves(piece);
        if by_leaf { Self::Leaves } else { Self::Whole }
    }

    /// That of a piece that could not be verified whole.
    pub fn finest(torrent: &Torrent, piece: PieceIndex) -> Self {
        if torrent.has_parts(piece) { Self::Parts } else { Self::Whole }
    }

    /// Every unit of `piece` that has a byte in `range`.
    pub fn units<'t>(
        self,
        torrent: &'t Torrent,
        piece: PieceIndex,
        range: &Range<u32>,
    ) -> impl Iterator<Item = Unit> + use<'t> {
        let first = range.start / LEAF_BYTES;
        let leaves = if self == Self::Whole { first..first + 1 } else { first..range.end.div_ceil(LEAF_BYTES) };
        leaves.filter_map(move |leaf| {
            let begins = match self {
                Self::Whole => None,
                Self::Leaves => Some(leaf),
                Self::Parts => Some(torrent.part(piece, leaf).map_or(leaf, |(begins, _)| begins)),
            };
            // A part is named once, with the first of its leaves that is asked for.
            let named = leaf == first || begins.is_none_or(|begins| begins == leaf);
            named.then_some(Unit { piece: piece.number(), leaf: begins })
        })
    }
}

/// The place of a unit in its piece, and what it must hash to.
#[derive(Clone, Debug)]
pub struct Measure {
    /// Its bytes, in bytes of the piece.
    pub range: Range<u32>,
    /// The padding in it.
    pub pads: RangeSet,
    /// Its hash.
    pub expected: Expected,
}

impl Measure {
    /// The place and the hash of `unit`; `None` when the torrent has no such unit.
    pub fn of(torrent: &Torrent, unit: Unit) -> Option<Self> {
        Self::padded(torrent, unit, &torrent.pads(torrent.piece(unit.piece)?).collect())
    }

    /// The measure of a unit where the padding of its piece, `pads`, is known.
    pub(crate) fn padded(torrent: &Torrent, unit: Unit, pads: &RangeSet) -> Option<Self> {
        let piece = torrent.piece(unit.piece)?;
        let size = torrent.piece_size(piece);
        let (range, expected) = match unit.leaf {
            None => (0..size, torrent.expected(piece)),
            Some(leaf) => {
                let range = unit.range(size)?;
                match torrent.part(piece, leaf).filter(|(first, _)| *first == leaf) {
                    None => (range, Expected::Unknown),
                    Some((_, tree)) if tree.width == 1 => (range, Expected::Leaf(tree.root)),
                    Some((_, tree)) => {
                        let bytes = tree.width.saturating_mul(LEAF_BYTES);
                        (range.start..range.start.saturating_add(bytes).min(size), Expected::V2(tree))
                    }
                }
            }
        };
        let pads = pads.within(&range).collect();
        Some(Self { range, pads, expected })
    }

    /// How many bytes of it are hashed in leaves; 0 where its hashes ask for none.
    pub fn in_leaves(&self) -> u32 {
        match self.expected {
            Expected::V2(tree) => tree.content,
            Expected::Both { v2, .. } => v2.content,
            // The bytes of a leaf that are not padding.
            Expected::Leaf(_) => u32::try_from(self.content()).unwrap_or(u32::MAX),
            Expected::Sha1(_) | Expected::Unknown => 0,
        }
    }

    /// Bytes of it that are not padding.
    pub fn content(&self) -> u64 {
        u64::from(self.range.end - self.range.start) - self.pads.total()
    }

    /// The job that proves `content`; `None` where bytes are missing, or no hash is known.
    pub fn job<'cap>(&self, content: &Content<'cap>) -> Option<UnitJob<'cap>> {
        let runs = match self.expected {
            // Padding behind a file's end is no part of a leaf.
            Expected::Leaf(_) => {
                let mut range = RangeSet::from_iter([self.range.clone()]);
                self.pads.iter().for_each(|pad| range.remove(pad));
                content.whole(range.iter().next().unwrap_or(0..0), &RangeSet::default())?
            }
            Expected::Unknown => return None,
            _ => content.whole(self.range.clone(), &self.pads)?,
        };
        let padded = !matches!(self.expected, Expected::Leaf(_)) && !self.pads.is_empty();
        Some(UnitJob { runs, expected: self.expected, verified: None, start: self.range.start, padded })
    }
}

/// Who receives; see [`Session::receiver`](crate::session::Session::receiver).
pub type Receiver = (IpAddr, Option<u16>);

/// By which hashes the contents of a unit were verified.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Matched {
    /// By all that the torrent has.
    whole: bool,
    /// By the SHA-1 of a hybrid torrent alone.
    v1: bool,
    /// By the tree of a hybrid torrent alone.
    v2: bool,
}

impl Matched {
    /// Adds a verdict; whether it is a new one.
    pub(crate) fn note(&mut self, verdict: Verdict) -> bool {
        let flag = match verdict {
            Verdict::Match => &mut self.whole,
            Verdict::Half(Half::V1) => &mut self.v1,
            Verdict::Half(Half::V2) => &mut self.v2,
            Verdict::Mismatch => return false,
        };
        !std::mem::replace(flag, true)
    }

    /// Returns true if a content has the SHA-1 of the torrent.
    pub(crate) fn has_sha1(self) -> bool {
        self.whole || self.v1
    }

    /// The halves that the whole content matches: the SHA-1, and the tree, as far as the torrent has these. Where
    /// different contents matched one each, neither.
    pub fn halves(self) -> [bool; 2] {
        let both = self.v1 && self.v2;
        [!both && (self.whole || self.v1), !both && (self.whole || self.v2)]
    }

    /// Returns true if every content was verified by its tree, so that each of its leaves is too.
    pub fn by_tree(self) -> bool {
        !self.v1
    }

    /// Returns true if one half of a hybrid torrent is known and the other is not: bytes that differ from the known
    /// half may be of the other.
    pub fn half_open(self) -> bool {
        !self.whole && self.v1 != self.v2
    }
}

/// Verified bytes of one transfer and one content in the unit, each counted once.
#[derive(Clone, Debug)]
pub struct Credit {
    /// Whose.
    pub transfer: TransferId,
    /// Which of the contents that hash to the unit they are of, by its number in [`Contents::references`](super::Contents::references): 0, unless SHA-1
    /// collides (T23).
    pub version: usize,
    /// To whom.
    pub receiver: Receiver,
    /// Which bytes.
    pub ranges: RangeSet,
    /// The frames of them.
    pub span: Span,
    /// Where the piece was advertised before, while that holds for all of them.
    pub advertised: Option<Span>,
    /// Where they were requested before, while that holds for all of them.
    pub requested: Option<Span>,
}
