//! Blocks to units, units to jobs, and what follows from their proofs.
//!
//! Every captured payload byte enters here once, through [`Ledger::serve`], and leaves in exactly one class of
//! evidence.md: padding and misplaced bytes at once, verified ones when the hash of their piece is known, all others
//! in [`Ledger::finish`], which compares what is left with verified copies.
//!
//! Results of jobs are taken in order of submission and a fixed number of bytes behind the spine
//! (`LAG`), so every step is a function of the captures alone.

mod accused;
mod bind;
mod book;
mod compare;
mod content;
mod contests;
mod conversation;
mod count;
mod decide;
mod doubt;
mod few;
mod layers;
mod learn;
mod padding;
mod ranges;
mod teach;
mod times;
mod transfer;
mod unit;
mod unlisted;
mod web;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Range;

use hashbrown::HashMap;

pub use accused::Accused;
pub use book::Book;
pub use content::Content;
pub use contests::Contests;
pub use few::Few;
pub use ranges::RangeSet;
pub use times::{Burst, SessionTimes, Times};
pub use transfer::{Counts, Facts, Handshakes, Record, TorrentKey, TransferId, TransferKey};
pub use unit::{Attempt, Credit, Cut, Matched, Measure, Receiver, Share, State, Unit, UnitBook};
pub use unlisted::Unlisted;
pub use web::WebConnection;

use crate::Limits;
use crate::ends::{At, ConnectionId, Direction, Span, Transport};
use crate::oddity::{Bound, Oddity, Open, Sink};
use crate::prove::{JobId, Prover, UnitJob, Verdict};
use crate::session::{Answer, Served, Session};
use crate::torrent::{Torrent, Torrents};
use crate::wire::Framing;
use conversation::{Connection, Conversation};
use doubt::{Conflict, OfBlock};
use learn::FIRST;

/// The books of a run.
#[derive(Debug)]
pub struct Ledger<'run, 'cap> {
    torrents: &'run Torrents,
    /// Whether hashes were learned since the first block.
    taught: bool,
    limits: &'run Limits,
    records: Vec<Record>,
    /// Records made by connections without piece data: of given torrents, of others.
    silent: [usize; 2],
    unlisted: Unlisted,
    /// Bytes left for the pieces that are advertised in all records.
    advertised_room: usize,
    /// The latest transfer of each key: after hours of silence there may be another one.
    windows: HashMap<TransferKey, TransferId, foldhash::quality::FixedState>,
    books: BTreeMap<TorrentKey, Book<'cap>>,
    connections: HashMap<ConnectionId, Connection<'cap>, foldhash::quality::FixedState>,
    /// Connections that ended before it was known which torrent they are about, with the tunnels that they
    /// crossed.
    undecided: BTreeMap<ConnectionId, Box<(Session<'cap>, BTreeSet<String>)>>,
    probe: bind::Probe,
    conflicts: decide::Conflicts<'cap>,
    /// Stretches that may be framed otherwise.
    pub contests: Contests,
    pending: VecDeque<Pending>,
    pending_bytes: u64,
    next_seq: u64,
    /// Units with shares, in the order in which they began to have some; others may be left over.
    open: VecDeque<(TorrentKey, Unit)>,
    /// How long `open` may grow before it is searched for those.
    sweep_at: usize,
    open_slices: usize,
    /// Slices of padding that is not zero.
    padding_slices: usize,
    references: VecDeque<(TorrentKey, Unit)>,
    reference_slices: usize,
}

#[derive(Debug)]
struct Pending {
    job: JobId,
    torrent: TorrentKey,
    unit: Unit,
    /// Where it stood in its book.
    place: u32,
    bytes: u64,
}

impl<'run, 'cap> Ledger<'run, 'cap> {
    /// Empty books.
    pub fn new(torrents: &'run Torrents, limits: &'run Limits) -> Self {
        Self {
            torrents,
            taught: false,
            limits,
            records: Vec::new(),
            silent: [0; 2],
            unlisted: Unlisted::default(),
            advertised_room: limits.advertised_bytes,
            windows: HashMap::default(),
            books: BTreeMap::new(),
            connections: HashMap::default(),
            undecided: BTreeMap::new(),
            probe: bind::Probe::default(),
            conflicts: BTreeMap::new(),
            contests: Contests::default(),
            pending: VecDeque::new(),
            pending_bytes: 0,
            next_seq: 0,
            open: VecDeque::new(),
            sweep_at: LEAST_SWEEP,
            open_slices: 0,
            padding_slices: 0,
            references: VecDeque::new(),
            reference_slices: 0,
        }
    }

    /// The transfers, by [`TransferId`].
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// Connections without piece data for which there were no rows left.
    pub fn unlisted(&self) -> &Unlisted {
        &self.unlisted
    }

    /// Transfers, what is known of the units of each torrent, connections without a row, and the torrents.
    pub fn into_parts(self) -> (Vec<Record>, BTreeMap<TorrentKey, Book<'cap>>, Unlisted, &'run Torrents) {
        (self.records, self.books, self.unlisted, self.torrents)
    }

    /// The torrents that were spoken of, with what is known of their units.
    pub(super) fn books(&self) -> impl Iterator<Item = (TorrentKey, &Book<'cap>)> {
        self.books.iter().map(|(key, book)| (*key, book))
    }

    /// A block was served on `session`.
    pub fn serve(
        &mut self,
        session: &Session<'cap>,
        served: Served<'cap>,
        prover: &Prover<'cap>,
        anomalies: &mut dyn Sink,
    ) {
        let conversation = Conversation::of(session, served.block.span.first);
        match self.torrent_of(&conversation, served.from) {
            TorrentKey::Unknown => {
                let sure = session.is_sure(served.from);
                self.probe(conversation, served, sure, prover, anomalies);
            }
            torrent => self.place(&conversation, torrent, served, prover, anomalies),
        }
    }

    /// A stretch of a stream was sent again with other bytes.
    pub fn conflict(
        &mut self,
        id: ConnectionId,
        from: Direction,
        offset: u64,
        bytes: &'cap [u8],
        at: At,
        anomalies: &mut dyn Sink,
    ) {
        let recent = self.connections.get(&id).and_then(|connection| connection.block_at(from, offset));
        let doubts = self.conflicts.entry((id, from)).or_default();
        if !doubts.conflict(Conflict { offset, bytes, at, of: recent }) {
            let bytes = bytes.len() as u64;
            let bound = Bound::ConflictingVersions { bytes, most: doubt::MOST_CONFLICTS };
            anomalies.odd(Oddity::from(bound).at(at).of(id));
        }
    }

    /// A stretch of a stream was sent again, too late to say whether with the same bytes: the copy that was read may be
    /// the one that never arrived whole.
    pub fn doubt(&mut self, id: ConnectionId, from: Direction, stretch: Range<u64>) {
        self.conflicts.entry((id, from)).or_default().doubt(stretch);
    }

    /// Bytes that say what others are, such as a header, were sent in two versions: nothing in this direction speaks
    /// against its sender.
    pub fn distrust(&mut self, id: ConnectionId, from: Direction) {
        self.conflicts.entry((id, from)).or_default().everywhere = true;
    }

    /// Puts a block of a known conversation into the books.
    fn place(
        &mut self,
        conversation: &Conversation,
        torrent: TorrentKey,
        served: Served<'cap>,
        prover: &Prover<'cap>,
        anomalies: &mut dyn Sink,
    ) {
        let from = served.from;
        let transfer = self.transfer(conversation, from, torrent);
        let Served { block, answer, advertised, acknowledges, .. } = served;
        let captured: u64 = block.runs.iter().map(|run| run.bytes.len() as u64).sum();
        let lost = u64::from(block.captured_to) - captured;
        let whole = captured == u64::from(block.len);
        let requested = match answer {
            Answer::Solicited(span) => Some(span),
            Answer::Cancelled(_) | Answer::Unasked => None,
        };
        // A block that waited behind a hole is read after messages that were sent later than it.
        let before = |span: &Span| !block.span.first.precedes(span.last);
        // Of two taps the clocks may differ: between their files, the order of one stream tells more than times.
        let said = |span: &Span| span.last.frame.file() != block.span.first.frame.file() || before(span);
        let (requested, advertised) =
            (requested.filter(|span| acknowledges || before(span)), advertised.filter(said));
        let Some(record) = self.records.get_mut(transfer.0 as usize) else { return };
        record.counts.served += captured;
        record.counts.lost += lost;
        let mut receiver = conversation.receivers[from.index()];
        if let Some(connection) = self.connections.get_mut(&conversation.id) {
            connection.served[from.index()] += captured;
            receiver = *connection.receivers[from.index()].get_or_insert(receiver);
            let (piece, begin, len, offset) = (block.piece, block.begin, block.len, block.offset);
            let recent = OfBlock { transfer, piece, begin, len, offset };
            connection.remember(from, recent);
            if let Some(doubts) = self.conflicts.get_mut(&(conversation.id, from)) {
                doubts.tell(recent);
            }
        }
        if requested.is_some() {
            record.counts.solicited += captured;
        }
        // Whoever does not see the requests cannot have answered them.
        let confirmed = !conversation.unconfirmed[from.index()];
        let (requested, advertised) = (requested.filter(|_| confirmed), advertised.filter(|_| confirmed));
        if captured == 0 {
            return;
        }
        record.served_span = Some(record.served_span.map_or(block.span, |span| span.join(block.span)));
        record.times.add(block.span.first.time, block.span.last.time, captured);

        let seq = self.next_seq;
        self.next_seq += 1;
        let stream = (conversation.id, from, block.stretch());
        // Without a handshake the torrent is only likely: another one may begin with the same pieces.
        let named =
            conversation.info_hashes.iter().any(Option::is_some) || conversation.transport == Transport::Http;
        let doubtful = block.doubtful || block.framing == Framing::Resynchronised || !named;
        let (number, begin, span) = (block.piece, block.begin, block.span);
        let placed = match torrent {
            TorrentKey::Given(id) => {
                let given = self.torrents.torrent(id);
                match given.place(number, begin, block.len) {
                    Ok(placed) => Some((given, placed)),
                    Err(misplaced) => {
                        record.counts.unproven += captured;
                        let oddity = Oddity::BlockOutside { place: misplaced, captured };
                        let occurrence = oddity.within(span).sent(conversation.flow, from);
                        anomalies.odd(occurrence.of(conversation.id));
                        return;
                    }
                }
            }
            // No piece is that long, and its bytes have no place to be compared at.
            TorrentKey::NotGiven(_) | TorrentKey::Unknown if begin.checked_add(block.len).is_none() => {
                record.counts.unproven += captured;
                let oddity = Oddity::BlockTooLong { piece: number, begin, len: block.len, captured };
                anomalies.odd(oddity.within(span).sent(conversation.flow, from).of(conversation.id));
                return;
            }
            TorrentKey::NotGiven(_) | TorrentKey::Unknown => None,
        };
        let mut content = Content::of_block(begin, block.runs);
        let mut ranges = content.ranges();
        let pads: RangeSet = placed.iter().flat_map(|(given, placed)| given.pads(placed.piece)).collect();
        if let Some((given, placed)) = placed
            && !pads.is_empty()
        {
            let padding = padding::take(&mut content, &mut ranges, &pads, span, anomalies);
            record.counts.pad += padding.bytes;
            let odd = padding.odd.unwrap_or_default();
            // Only a SHA-1 is of the padding, too.
            if given.info_hash_v1().is_some() && (odd.len() > 0 || given.guesses_pads(placed.piece)) {
                let unit = Unit { piece: number, leaf: None };
                let (_, book) = self.books.entry(torrent).or_default().entry(unit);
                let room = (self.limits.open_slices / PADDING_PART).saturating_sub(self.padding_slices);
                self.padding_slices += book.doubt_padding(odd, room);
            }
        }
        if ranges.is_empty() {
            return;
        }
        let share = Share {
            seq,
            transfer,
            begin,
            content,
            ranges,
            whole,
            span,
            requested,
            advertised,
            stream,
            place: conversation.place,
            doubtful,
        };
        match placed {
            Some((given, placed)) => {
                let block = placed.range();
                for unit in self.cut(torrent, given, placed.piece).units(given, placed.piece, &block) {
                    let Some(measure) = Measure::padded(given, unit, &pads) else { continue };
                    // Rationale: a block is mostly within one unit, and then moves whole.
                    if measure.range.start <= block.start && block.end <= measure.range.end {
                        self.enter(torrent, unit, share, receiver, Some(&measure), prover, anomalies);
                        break;
                    }
                    if let Some(part) = share.part(&measure.range) {
                        self.enter(torrent, unit, part, receiver, Some(&measure), prover, anomalies);
                    }
                }
            }
            None => {
                self.enter(torrent, Unit { piece: number, leaf: None }, share, receiver, None, prover, anomalies);
            }
        }
        self.keep_within_limits(anomalies);
    }

    /// Enters a share into the book of its unit; a complete attempt is sent to be hashed.
    #[expect(clippy::too_many_arguments, reason = "one call; the arguments are what the caller just computed")]
    fn enter(
        &mut self,
        torrent: TorrentKey,
        unit: Unit,
        share: Share<'cap>,
        receiver: Receiver,
        measure: Option<&Measure>,
        prover: &Prover<'cap>,
        anomalies: &mut dyn Sink,
    ) {
        let (place, book) = self.books.entry(torrent).or_default().entry(unit);
        if book.attempts.is_empty() && book.loose.is_empty() {
            self.open.push_back((torrent, unit));
        }
        self.open_slices += share.weight();
        let Some(measure) = measure else {
            book.loose.push((receiver, share));
            return;
        };
        let Some(index) = book.add(share, receiver, measure.content()) else { return };
        let verified = book.verified_copy(measure);
        let Some(attempt) = book.attempts.get_mut(index) else { return };
        let Some(job) = measure.job(&attempt.content()) else { return };
        let job = prover.submit(UnitJob { verified, ..job });
        attempt.state = State::Hashing(job);
        let bytes = measure.content();
        self.pending.push_back(Pending { job, torrent, unit, place, bytes });
        self.pending_bytes += bytes;
        while self.pending_bytes > LAG || self.pending.len() > MOST_PENDING {
            self.settle_next(prover, anomalies);
        }
    }

    /// Takes the oldest result.
    fn settle_next(&mut self, prover: &Prover<'cap>, anomalies: &mut dyn Sink) {
        let Some(pending) = self.pending.pop_front() else {
            self.pending_bytes = 0;
            return;
        };
        self.pending_bytes -= pending.bytes;
        let proof = prover.proof(pending.job);
        let Some(book) =
            self.books.get_mut(&pending.torrent).and_then(|book| book.get_mut_near(pending.place, &pending.unit))
        else {
            return;
        };
        if proof.verdict == Verdict::Mismatch {
            let hashing = |attempt: &&mut Attempt<'_>| attempt.state == State::Hashing(pending.job);
            if let Some(attempt) = book.attempts.iter_mut().find(hashing) {
                attempt.state = State::Failed;
            }
            return;
        }
        let Some(mut attempt) = book.take_attempt(pending.job) else { return };
        self.open_slices -= attempt.shares.iter().map(Share::weight).sum::<usize>();
        attempt.shares.sort_by_key(|share| share.seq);
        let span = attempt.shares.iter().map(|share| share.span).reduce(Span::join);
        let content = attempt.content();
        let version = if proof.known { FIRST } else { book.version_of(&content) };
        attempt.shares.iter().for_each(|share| self.contests.note(share));
        decide::verify(book, version, &attempt.shares, &content, attempt.receiver, &mut self.records);
        let content = match content {
            Cow::Owned(content) => content,
            Cow::Borrowed(_) => attempt.into_content(),
        };
        self.reference_slices += content.len();
        let by_leaf = has_leaves(self.torrents, pending.torrent);
        let kept = book.learn_as(version, content, proof, pending.unit, by_leaf, span, anomalies);
        self.reference_slices -= kept.dropped;
        if kept.first {
            self.references.push_back((pending.torrent, pending.unit));
        }
    }

    /// Drops the oldest references and decides the oldest open pieces when there are too many slices.
    fn keep_within_limits(&mut self, anomalies: &mut dyn Sink) {
        while self.reference_slices > self.limits.reference_slices {
            let Some((torrent, unit)) = self.references.pop_front() else { break };
            if let Some(book) = self.books.get_mut(&torrent).and_then(|book| book.get_mut(&unit)) {
                self.reference_slices -= book.references.iter().map(Content::len).sum::<usize>();
                book.references = Few::None;
                book.references_dropped = true;
            }
        }
        self.sweep();
        while self.open_slices > self.limits.open_slices {
            let Some((torrent, unit)) = self.open.pop_front() else { break };
            let Some(book) = self.books.get_mut(&torrent).and_then(|book| book.get_mut(&unit)) else { continue };
            let before = book.open_slices();
            let undecided = decide::decide(book, unit, &mut self.records, &self.conflicts, &mut self.contests);
            let freed = before - book.open_slices();
            self.open_slices -= freed;
            if book.is_bare()
                && let Some(books) = self.books.get_mut(&torrent)
            {
                books.forget(&unit);
            }
            if undecided > 0 {
                let open = Open::Undecided { unit: unit.into(), bytes: undecided };
                anomalies.odd(Oddity::from(Bound::OpenSlices(open)).seen());
            }
        }
    }

    /// Takes units without shares out of those that are open, once they may be most of them.
    fn sweep(&mut self) {
        if self.open.len() > self.sweep_at {
            let books = &self.books;
            self.open.retain(|(torrent, unit)| {
                books
                    .get(torrent)
                    .and_then(|book| book.get(unit))
                    .is_some_and(|book| book.shares().next().is_some())
            });
            self.sweep_at = LEAST_SWEEP.max(2 * self.open.len());
        }
    }

    /// The torrents of the run.
    pub fn torrents(&self) -> &'run Torrents {
        self.torrents
    }

    /// Tries everything that may still verify what is left, before [`decide`](Self::decide); nothing may be served
    /// afterwards.
    pub fn finish(&mut self, prover: &Prover<'cap>, anomalies: &mut dyn Sink) {
        self.settle_all(prover, anomalies);
        if self.bind_by_completion(prover, anomalies) {
            self.settle_all(prover, anomalies);
            self.retry(prover, anomalies);
        }
        self.bind_by_comparison(prover, anomalies);
        self.settle_all(prover, anomalies);
        self.retry(prover, anomalies);
    }

    /// Decides everything that is left.
    ///
    /// `read` is told how many bytes were compared.
    pub fn decide(&mut self, read: &mut dyn FnMut(u64), anomalies: &mut dyn Sink) {
        let mut keys = Vec::new();
        for (torrent, book) in &self.books {
            let held = book.iter().filter(|(_, book)| book.shares().next().is_some());
            keys.extend(held.map(|(unit, _)| (*torrent, unit)));
        }
        keys.sort_unstable();
        for (torrent, unit) in keys {
            let Some(book) = self.books.get_mut(&torrent).and_then(|book| book.get_mut(&unit)) else { continue };
            read(book.held());
            let (dropped, crowded) = (book.references_dropped, book.crowded);
            let undecided = decide::decide(book, unit, &mut self.records, &self.conflicts, &mut self.contests);
            let (unit, bytes) = (unit.into(), undecided);
            if undecided > 0 && dropped {
                anomalies.odd(Oddity::from(Bound::ReferenceSlices { unit, bytes }).seen());
            } else if undecided > 0 && crowded {
                anomalies.odd(Oddity::from(Bound::Copies { unit, bytes }).seen());
            }
        }
        self.tell_versions(anomalies);
    }

    fn settle_all(&mut self, prover: &Prover<'cap>, anomalies: &mut dyn Sink) {
        while !self.pending.is_empty() {
            self.settle_next(prover, anomalies);
        }
    }

    /// The torrent of a key, where it was given.
    pub fn given(&self, key: TorrentKey) -> Option<&'run Torrent> {
        match key {
            TorrentKey::Given(id) => Some(self.torrents.torrent(id)),
            TorrentKey::NotGiven(_) | TorrentKey::Unknown => None,
        }
    }
}

/// Whether a torrent is known to have leaves (BEP 52).
fn has_leaves(torrents: &Torrents, key: TorrentKey) -> bool {
    matches!(key, TorrentKey::Given(id) if torrents.torrent(id).info_hash_v2().is_some())
}

// Rationale: far enough behind the spine that workers never starve, near enough that little is in flight.
const LAG: u64 = 64 << 20;
// Rationale: of small units so many that what is known of them stays in the processor's cache until they are settled.
const MOST_PENDING: usize = 1_024;
// Rationale: padding that is not zero is rare, and must not take the room of content.
const PADDING_PART: usize = 8;
// Rationale: 2 MB of units that were open once.
const LEAST_SWEEP: usize = 1 << 16;
