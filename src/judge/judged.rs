//! The judged transfers with their figures, and, of each unit, the credits for the bytes that are the torrent's.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::{Axis, Credit, Matched, RangeSet, Record, SmallVec, TorrentKey, Unit, Unjudged, Unlisted, proven};
use crate::torrent::{Torrent, Torrents};

/// All that follows from the facts of a run.
#[derive(Debug)]
pub struct Judged<'run> {
    /// The transfers; a [`TransferId`](super::TransferId) is an index into these.
    pub records: Vec<Record>,
    /// Facts of the units of each torrent that was given or rebuilt, ascending by unit.
    pub units: BTreeMap<TorrentKey, Vec<(Unit, Found)>>,
    /// Connections without piece data for which there were no rows left.
    pub unlisted: Unlisted,
    /// Traffic of further connections with piece data, which were not judged.
    pub unjudged: Unjudged,
    /// The axis of the records' timelines.
    pub axis: Axis,
    /// The torrents, with the hashes of their trees that the captures prove (BEP 52).
    pub torrents: Cow<'run, Torrents>,
}

/// Facts of one unit.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Set if a copy of the unit was verified.
    pub verified: bool,
    /// By which hashes.
    pub matched: Matched,
    /// Set if the verified content is of one byte value only.
    pub trivial: bool,
    /// The leaves of the verified content that are, by number; see [`Self::is_trivial`].
    pub trivial_leaves: Option<Box<RangeSet>>,
    /// The verified bytes of each transfer.
    pub credits: SmallVec<Credit>,
}

impl Found {
    /// Returns true if the verified content of a leaf is of one byte value only.
    pub fn is_trivial(&self, leaf: u32) -> bool {
        self.trivial
            || self.trivial_leaves.as_ref().is_some_and(|leaves| leaves.covers(&(leaf..leaf.saturating_add(1))))
    }
}

impl Judged<'_> {
    /// Bytes by transfer that are verified, or that something speaks against.
    fn proven(&self) -> Vec<u64> {
        let credits = self.units.values().flatten().flat_map(|(_, found)| found.credits.iter());
        proven(&self.records, credits)
    }

    /// Verified bytes by transfer.
    pub fn verified(&self) -> Vec<u64> {
        let of = |(proven, record): (u64, &Record)| proven - record.counts.refuted - record.counts.disputed;
        self.proven().into_iter().zip(&self.records).map(of).collect()
    }

    /// The torrent of a key, where it was given or rebuilt.
    pub fn given(&self, key: TorrentKey) -> Option<&Torrent> {
        match key {
            TorrentKey::Given(id) => Some(self.torrents.torrent(id)),
            TorrentKey::NotGiven(_) | TorrentKey::Unknown => None,
        }
    }
}
