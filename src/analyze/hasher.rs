//! Copies of pieces, hashed on all cores while the captures are read and their bytes are warm. What comes of it decides
//! nothing: the judge hashes for itself whatever was left out here.

use std::collections::VecDeque;
use std::ops::Range;

use hashbrown::HashMap;

use super::captured::{Bytes, tell_trivial};
use crate::ends::ConnectionId;
use crate::facts::{Block, ContentName, Copy, Digests, Eager, Facts, Heard, Journal, Receiver};
use crate::judge::Parts;
use crate::judge::{Cut, Measure, RangeSet, Unit};
use crate::options::Options;
use crate::prove::{Hashed, JobId, Prover, UnitJob};
use crate::torrent::{Expected, TorrentId, Torrents};
use crate::{Error, Limits};

/// Puts blocks together to copies of units, one for each receiver, and sends those that are complete to be hashed.
#[derive(Debug)]
pub(super) struct Hasher<'run, 'cap> {
    torrents: &'run Torrents,
    bytes: Bytes<'cap>,
    prover: &'run Prover<'cap>,
    limits: &'run Limits,
    /// The open copies of each unit, the oldest first.
    open: HashMap<Key, Vec<OpenCopy>, foldhash::quality::FixedState>,
    /// The units of open copies, in the order in which they were begun, among others.
    begun: VecDeque<Key>,
    /// How long `begun` may grow before it is searched for those that are not open.
    sweep_at: usize,
    /// Slices of open copies.
    slices: usize,
    /// The first copy of each unit, as far as there was room: others may have the same bytes.
    firsts: HashMap<Key, First<'cap>, foldhash::quality::FixedState>,
    /// Slices of those.
    first_slices: usize,
    pending: VecDeque<Pending>,
    pending_bytes: u64,
    log: Journal<Copy>,
}

type Key = (TorrentId, Unit);

#[derive(Debug)]
struct OpenCopy {
    receiver: Receiver,
    covered: RangeSet,
    parts: Vec<Parts>,
    slices: usize,
}

#[derive(Debug)]
struct First<'cap> {
    name: ContentName,
    runs: Vec<&'cap [u8]>,
    /// Once it is hashed.
    digests: Option<Digests>,
}

#[derive(Debug)]
struct Pending {
    job: JobId,
    key: Key,
    name: ContentName,
    range: Range<u32>,
    in_leaves: u32,
    /// Of a unit with padding, whether its bytes have one value.
    trivial: Option<Digests>,
    bytes: u64,
}

impl<'run, 'cap> Hasher<'run, 'cap> {
    pub(super) fn new(
        torrents: &'run Torrents,
        bytes: Bytes<'cap>,
        prover: &'run Prover<'cap>,
        options: &'run Options<'run>,
    ) -> Self {
        Self {
            torrents,
            bytes,
            prover,
            limits: &options.limits,
            open: HashMap::default(),
            begun: VecDeque::new(),
            sweep_at: LEAST_SWEEP,
            slices: 0,
            firsts: HashMap::default(),
            first_slices: 0,
            pending: VecDeque::new(),
            pending_bytes: 0,
            log: Journal::new(options.limits.other_journal_memory(), options.spool_dir),
        }
    }

    /// Adds a part of a unit to the copy of its receiver that has room for it.
    fn enter(&mut self, key: Key, receiver: Receiver, part: Parts, measure: &Measure) -> Result<(), Error> {
        if measure.expected == Expected::Unknown || part.is_empty() {
            return Ok(());
        }
        let (ranges, weight) = (part.ranges(), part.slices().len() + COPY_WEIGHT);
        if ranges.total() == measure.content() {
            return self.submit(key, &part, measure);
        }
        let copies = self.open.entry(key).or_default();
        if copies.is_empty() {
            self.begun.push_back(key);
        }
        let has_room = |copy: &OpenCopy| {
            copy.receiver == receiver && !ranges.iter().any(|range| copy.covered.intersects(&range))
        };
        let at = match copies.iter().position(has_room) {
            Some(at) => at,
            None => {
                if copies.len() >= MOST_COPIES {
                    // Blocks that were sent twice begin copies that are never complete.
                    self.slices -= copies.remove(0).slices;
                }
                copies.push(OpenCopy { receiver, covered: RangeSet::default(), parts: Vec::new(), slices: 0 });
                copies.len() - 1
            }
        };
        let Some(copy) = copies.get_mut(at) else { return Ok(()) };
        ranges.iter().for_each(|range| copy.covered.insert(range));
        copy.parts.push(part);
        copy.slices += weight;
        self.slices += weight;
        if copy.covered.total() == measure.content() {
            let copy = copies.remove(at);
            self.slices -= copy.slices;
            if copies.is_empty() {
                self.open.remove(&key);
            }
            self.submit(key, &Parts::joined(copy.parts), measure)?;
        }
        self.keep_within_limits();
        Ok(())
    }

    /// Drops the oldest open copies when there are too many slices.
    fn keep_within_limits(&mut self) {
        if self.begun.len() > self.sweep_at {
            let open = &self.open;
            self.begun.retain(|key| open.contains_key(key));
            self.sweep_at = LEAST_SWEEP.max(2 * self.begun.len());
        }
        while self.slices > self.limits.open_slices {
            let Some(key) = self.begun.pop_front() else { return };
            self.slices -= self.open.remove(&key).iter().flatten().map(|copy| copy.slices).sum::<usize>();
        }
    }

    fn submit(&mut self, key: Key, copy: &Parts, measure: &Measure) -> Result<(), Error> {
        let content = self.bytes.content(copy);
        let Some(job) = measure.job(&content) else { return Ok(()) };
        let (name, in_leaves) = (copy.name(), job.in_leaves().unwrap_or(0));
        let trivial = job.padded.then(|| {
            let mut digests = Digests::default();
            tell_trivial(&content, &mut digests);
            digests
        });
        let first = self.firsts.get(&key).map(|first| first.runs.clone());
        if first.is_none() && self.first_slices < MOST_FIRST_SLICES {
            self.first_slices += job.runs.len() + FIRST_WEIGHT;
            self.firsts.insert(key, First { name, runs: job.runs.clone(), digests: None });
        }
        let bytes = measure.content();
        let job = self.prover.submit(UnitJob { verified: first, ..job });
        self.pending.push_back(Pending { job, key, name, range: measure.range.clone(), in_leaves, trivial, bytes });
        self.pending_bytes += bytes;
        while self.pending_bytes > LAG || self.pending.len() > MOST_PENDING {
            self.settle()?;
        }
        Ok(())
    }

    /// Takes the oldest result.
    fn settle(&mut self) -> Result<(), Error> {
        let Some(Pending { job, key, name, range, in_leaves, trivial, bytes }) = self.pending.pop_front() else {
            return Ok(());
        };
        self.pending_bytes -= bytes;
        let Hashed { mut digests, known } = self.prover.proof(job);
        if let Some(trivial) = trivial {
            digests.trivial = trivial.trivial;
            digests.trivial_leaves = trivial.trivial_leaves;
        }
        let mut same_as = None;
        if let Some(first) = self.firsts.get_mut(&key) {
            if known {
                let Some(of_first) = &first.digests else { return Ok(()) };
                digests.clone_from(of_first);
                same_as = Some(first.name);
            } else if first.name == name {
                first.digests = Some(digests.clone());
            }
        }
        let (piece, range) = (key.1.piece, range.into());
        self.log.push(&Copy { piece, content: name, same_as, range, in_leaves, digests })
    }
}

/// Hashes what was not hashed while the captures were read, and adds it to the log of the facts: what was sent of torrents that
/// only the captures themselves described (`found`), and what connections sent that no handshake names, as if it were of each
/// torrent that has room for it.
pub(super) fn of_rest<'cap>(
    facts: &mut Facts,
    torrents: &Torrents,
    found: &Torrents,
    bytes: Bytes<'cap>,
    prover: &Prover<'cap>,
    options: &Options<'_>,
) -> Result<(), Error> {
    let all = torrents.len() <= MOST_TRIED;
    // The torrent of each direction.
    let blocks = facts.connections.choose(|head| head.has_blocks && (!head.is_named || !found.is_empty()));
    let rest = blocks.filter_map(|connection| {
        let peer = connection.peer().filter(|peer| peer.has_blocks() && !connection.is_content())?;
        let [low, high] = peer.info_hashes();
        let named = [low.or(high), high.or(low)];
        let is_found = named.iter().flatten().any(|hash| found.find(hash).is_some());
        (is_found || (all && named == [None; 2])).then_some((connection.id, named))
    });
    let rest: HashMap<ConnectionId, _, foldhash::quality::FixedState> = rest.collect();
    if rest.is_empty() {
        return Ok(());
    }
    let mut hasher = Hasher::new(torrents, bytes, prover, options);
    let mut touched = 0;
    for block in &facts.blocks {
        let Some(named) = rest.get(&block.connection) else { continue };
        let Block { piece, begin, len, receiver, runs, .. } = &block;
        let (piece, begin, len, receiver) = (*piece, *begin, *len, *receiver);
        match named.get(block.from.index()).copied().flatten() {
            Some(info_hash) if found.find(&info_hash).is_some() => {
                hasher.enter_block(&Heard { info_hash, piece, begin, len, receiver, runs }, false)?;
            }
            Some(_) => {}
            None => {
                for info_hash in torrents.iter().filter_map(|torrent| torrent.wire_hashes().next()) {
                    hasher.enter_block(&Heard { info_hash, piece, begin, len, receiver, runs }, true)?;
                }
            }
        }
        touched += block.captured();
        if touched >= bytes.room(options.window) {
            touched = 0;
            bytes.release();
        }
    }
    for copy in &hasher.finish()? {
        facts.copies.push(&copy)?;
    }
    Ok(())
}

impl Hasher<'_, '_> {
    /// Adds a block to the copies that it is of; with `whole` to that of its piece in any case.
    fn enter_block(&mut self, block: &Heard<'_>, whole: bool) -> Result<(), Error> {
        let Some(id) = self.torrents.find(&block.info_hash) else { return Ok(()) };
        let torrent = self.torrents.torrent(id);
        let Ok(placed) = torrent.place(block.piece, block.begin, block.len) else { return Ok(()) };
        let mut parts = Parts::of_block(block.begin, block.runs);
        let pads: RangeSet = torrent.pads(placed.piece).collect();
        if !pads.is_empty() {
            let mut ranges = parts.ranges();
            pads.iter().for_each(|pad| ranges.remove(pad));
            parts = parts.cut(&ranges);
        }
        let block_range = placed.range();
        let cut = Cut::first(torrent, placed.piece);
        if whole && cut != Cut::Whole {
            let unit = Unit { piece: block.piece, leaf: None };
            if let Some(measure) = Measure::padded(torrent, unit, &pads) {
                self.enter((id, unit), block.receiver, parts.clone(), &measure)?;
            }
        }
        for unit in cut.units(torrent, placed.piece, &block_range) {
            let Some(measure) = Measure::padded(torrent, unit, &pads) else { continue };
            // Rationale: a block is mostly within one unit, and then moves whole.
            if measure.range.start <= block_range.start && block_range.end <= measure.range.end {
                return self.enter((id, unit), block.receiver, parts, &measure);
            }
            let part = parts.cut(&RangeSet::from_iter([measure.range.clone()]));
            self.enter((id, unit), block.receiver, part, &measure)?;
        }
        Ok(())
    }
}

impl Eager for Hasher<'_, '_> {
    fn block(&mut self, block: &Heard<'_>) -> Result<(), Error> {
        self.enter_block(block, false)
    }

    fn finish(&mut self) -> Result<Journal<Copy>, Error> {
        while !self.pending.is_empty() {
            self.settle()?;
        }
        Ok(std::mem::take(&mut self.log))
    }
}

// Rationale: each is hashed for on its own; with more, the judge hashes what it asks for.
const MOST_TRIED: usize = 8;
// Rationale: far enough behind the spine that workers never starve, near enough that little is in flight.
const LAG: u64 = 64 << 20;
// Rationale: of small units so many that what is known of them stays in the processor's cache until they are settled.
const MOST_PENDING: usize = 1_024;
// Rationale: more receivers than get one unit at a time in most captures, few enough to look through for each block; the judge
// hashes what is left out.
const MOST_COPIES: usize = 32;
// Rationale: a part in its copy, in slices of 40 bytes.
const COPY_WEIGHT: usize = 4;
// Rationale: a first copy without its slices, in slices of 16 bytes.
const FIRST_WEIGHT: usize = 16;
// Rationale: 16 bytes each; those without room are hashed, which costs time and no figure.
const MOST_FIRST_SLICES: usize = 1 << 20;
// Rationale: 2 MB of units that were open once.
const LEAST_SWEEP: usize = 1 << 16;
