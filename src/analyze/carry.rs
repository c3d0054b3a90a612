//! Payload that a part carries: of blocks whose units no hash decided yet.

use std::collections::BTreeSet;
use std::ops::Range;

use super::captured::{Bytes, Captured};
use super::{complete, described};
use crate::Error;
use crate::anomaly::ByFrame;
use crate::capture::{CaptureSet, Spill};
use crate::facts::{ContentName, Copy, CopyRange, Digests, Journal, Place, Reason};
use crate::judge::{self, Ask, Class, Contests, Measure, Parts, Suspect, Why, judge};
use crate::options::Options;
use crate::part::{Carried, Part};
use crate::torrent::{Torrent, Torrents};

/// Lets `part` carry what is open: all payload where the torrents do not decide anything, else that of pieces in which
/// something is decided by no hash. What is hashed on the way is added to what the part knows.
pub(super) fn carry(
    part: &mut Part,
    captures: &CaptureSet,
    spill: &Spill,
    torrents: &Torrents,
    options: &Options<'_>,
) -> Result<(), Error> {
    let found = if complete(torrents) {
        None
    } else {
        let (found, _) = described(&part.facts.metadata.rebuilt, &part.facts);
        let mut known = torrents.clone();
        found.iter().for_each(|torrent| _ = known.add(torrent.clone()));
        Some(known)
    };
    let torrents = found.as_ref().unwrap_or(torrents);
    let mut rows = Vec::new();
    let mut ask = Noting { ask: Captured::new(captures, spill, options), piece: 0, copies: Vec::new() };
    let told =
        judge::Told { odd: &mut ByFrame::default(), contests: &mut Contests::default(), rows: Some(&mut rows) };
    let judged = judge(&part.facts, torrents, &options.limits, options.spool_dir, &mut ask, told)?;
    let key = |row: &judge::Row| judged.records.get(row.transfer.0 as usize).map(|record| record.key.torrent);
    let is_closed =
        |row: &judge::Row| row.class == Class::Pad || (row.class == Class::Verified && row.why == Why::Hash);
    // Compared with what is open in any torrent that has a piece of this number.
    let open: BTreeSet<u32> =
        rows.iter().filter(|row| !is_closed(row) || key(row).is_none()).map(|row| row.unit.piece).collect();
    let named: BTreeSet<Place> = rows.iter().flat_map(|row| row.slices.iter()).map(|slice| slice.place).collect();
    let mut places: Vec<(Place, u32)> = rows
        .iter()
        .filter(|row| open.contains(&row.unit.piece))
        .flat_map(|row| row.slices.iter().map(|slice| (slice.place, slice.len)))
        .collect();
    // What has no row now may have one with other torrents.
    for block in &part.facts.blocks {
        if open.contains(&block.piece) || block.runs.iter().any(|run| !named.contains(&run.place)) {
            places.extend(block.runs.iter().map(|run| (run.place, run.len)));
        }
    }
    for body in &part.facts.bodies {
        places.extend(body.runs.iter().filter(|run| !named.contains(&run.place)).map(|run| (run.place, run.len)));
    }
    // What a message holds that begins in another set.
    for connection in &part.facts.connections {
        let fronts = connection.streams.iter().flat_map(|stream| &stream.front);
        places.extend(fronts.map(|(run, _)| (run.place, run.len)));
    }
    let seconds = part.facts.doubts.iter().filter_map(|doubt| doubt.second);
    places.extend(seconds.map(|second| (second.run.place, second.run.len)));
    let mut copies: BTreeSet<Copy> = part.facts.copies.iter().collect();
    copies.extend(ask.copies);
    part.facts.copies = copies.into_iter().collect::<Journal<Copy>>();
    let bytes = Bytes::Walk { captures, spill };
    part.carried = Carried::of(places, |place, len| bytes.at(place, len))?;
    Ok(())
}

/// Notes what is hashed.
#[derive(Debug)]
struct Noting<'cap, 'run> {
    ask: Captured<'cap, 'run>,
    piece: u32,
    copies: Vec<Copy>,
}

impl Ask for Noting<'_, '_> {
    fn turn(&mut self, piece: u32, _: Option<&Torrent>) {
        self.piece = piece;
    }

    fn digests(&mut self, copy: &Parts, measure: &Measure) -> Digests {
        let digests = self.ask.digests(copy, measure);
        let content: ContentName = copy.name();
        let range = CopyRange::from(measure.range.clone());
        self.copies.push(Copy {
            piece: self.piece,
            content,
            same_as: None,
            range,
            in_leaves: measure.in_leaves(),
            digests: digests.clone(),
        });
        digests
    }

    fn sums(&mut self, content: &Parts, measure: &Measure) -> Option<([u8; 20], [u8; 32])> {
        self.ask.sums(content, measure)
    }

    fn same(&mut self, one: &Parts, other: &Parts, range: Range<u32>) -> bool {
        self.ask.same(one, other, range)
    }

    fn is_trivial(&mut self, parts: &Parts) -> bool {
        self.ask.is_trivial(parts)
    }

    fn non_zero(&mut self, parts: &Parts) -> u64 {
        self.ask.non_zero(parts)
    }

    fn damaged(&mut self, suspects: &[Suspect]) -> Result<Vec<Option<Reason>>, Error> {
        self.ask.damaged(suspects)
    }
}
