//! Of which file of which torrent a resource is, where its name and size fit several: the hash decides.

use std::collections::{BTreeMap, BTreeSet};

use super::ask::{Ask, verdict};
use super::attribute::Lines;
use super::web::{Resource, runs};
use super::{Cut, Measure, Parts, TorrentKey};
use crate::facts::{Body, Facts};
use crate::limits::NAMED_ALIKE;
use crate::oddity::{Bound, Oddity, Sink};
use crate::prove::Verdict;
use crate::torrent::{TorrentId, Torrents};
use crate::webseed::Candidate;

/// Parts of pieces, as different senders sent them.
type Pieces = BTreeMap<(TorrentId, u32), Vec<Parts>>;

/// Bytes of resources that may be several files, and of the pieces in which those files lie.
#[derive(Debug, Default)]
pub(super) struct Contested {
    bodies: BTreeMap<Resource, (Vec<Candidate>, Vec<Body>)>,
}

impl Contested {
    /// Notes a body of a resource that may be any of the `candidates`.
    pub(super) fn note(&mut self, resource: &Resource, candidates: &[Candidate], body: Body) {
        let held = self.bodies.entry(resource.clone()).or_insert_with(|| (candidates.to_vec(), Vec::new()));
        held.1.push(body);
    }

    /// The candidate of each resource of which most bytes are verified, as its index: the first among equals. Resources of
    /// which nothing is verified are left out.
    pub(super) fn decide(
        self,
        facts: &Facts,
        torrents: &Torrents,
        lines: &Lines,
        ask: &mut dyn Ask,
        out: &mut dyn Sink,
    ) -> BTreeMap<Resource, usize> {
        if self.bodies.is_empty() {
            return BTreeMap::new();
        }
        let mut tried: Vec<(Resource, usize, Pieces)> = Vec::new();
        for (resource, (candidates, bodies)) in self.bodies {
            if candidates.len() > NAMED_ALIKE {
                let bytes = bodies.iter().flat_map(|body| &body.runs).map(|run| u64::from(run.len)).sum();
                let bound = Oddity::from(Bound::WebFiles { most: NAMED_ALIKE, bytes });
                out.odd(bodies.first().map_or(bound.clone().seen(), |body| bound.within(body.span)));
            }
            for (index, candidate) in candidates.iter().enumerate().take(NAMED_ALIKE) {
                tried.push((resource.clone(), index, pieces(candidate, &bodies, torrents)));
            }
        }
        let wanted: BTreeSet<(TorrentId, u32)> =
            tried.iter().flat_map(|(.., pieces)| pieces.keys().copied()).collect();
        let others = of_peers(facts, torrents, lines, &wanted);
        let mut best: BTreeMap<Resource, (u64, usize)> = BTreeMap::new();
        for (resource, index, pieces) in tried {
            let verified = verified(&pieces, &others, torrents, ask);
            let known = best.entry(resource).or_default();
            if verified > known.0 {
                *known = (verified, index);
            }
        }
        let decided = best.into_iter().filter(|(_, (verified, _))| *verified > 0);
        decided.map(|(resource, (_, index))| (resource, index)).collect()
    }
}

/// Parts that bodies make of the torrent's pieces, if they are of the candidate's file.
fn pieces(candidate: &Candidate, bodies: &[Body], torrents: &Torrents) -> Pieces {
    let mut pieces = Pieces::new();
    let torrent = torrents.torrent(candidate.torrent);
    for body in bodies {
        for cell in candidate.cells(torrent, body.first_byte, body.len) {
            let (runs, _) = runs(body, cell.start, cell.len);
            let parts = Parts::of_block(cell.begin, &runs);
            if !parts.is_empty() {
                pieces.entry((candidate.torrent, cell.piece)).or_default().push(parts);
            }
        }
    }
    pieces
}

/// Parts of those pieces that peers sent: a file may end in the middle of one.
fn of_peers(facts: &Facts, torrents: &Torrents, lines: &Lines, wanted: &BTreeSet<(TorrentId, u32)>) -> Pieces {
    let mut pieces = Pieces::new();
    for block in &facts.blocks {
        let Some((_, line)) = lines.get(block.connection) else { continue };
        let TorrentKey::Given(id) = line.torrent(block.from) else { continue };
        let place = (id, block.piece);
        if wanted.contains(&place) && torrents.torrent(id).place(block.piece, block.begin, block.len).is_ok() {
            pieces.entry(place).or_default().push(Parts::of_block(block.begin, &block.runs));
        }
    }
    pieces
}

/// Bytes of units that the parts of a file make whole, with others where they do not suffice, and that match.
fn verified(pieces: &Pieces, others: &Pieces, torrents: &Torrents, ask: &mut dyn Ask) -> u64 {
    let mut bytes = 0;
    for (place @ (id, number), own) in pieces {
        let torrent = torrents.torrent(*id);
        let Some(piece) = torrent.piece(*number) else { continue };
        let all = Parts::layered(own.iter().chain(others.get(place).into_iter().flatten()));
        for unit in Cut::first(torrent, piece).units(torrent, piece, &all.extent()) {
            let Some(measure) = Measure::of(torrent, unit) else { continue };
            let mut sent = own.iter().flat_map(|parts| parts.within(&measure.range));
            if sent.next().is_none() || !all.cover(&measure.range, &measure.pads) || ask.is_trivial(&all) {
                continue;
            }
            if verdict(&measure.expected, &ask.digests(&all, &measure)) != Verdict::Mismatch {
                bytes += u64::from(measure.range.end - measure.range.start);
            }
        }
    }
    bytes
}
