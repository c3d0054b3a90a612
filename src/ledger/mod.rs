//! Blocks to units, units to jobs, and what follows from their proofs.
//!
//! Every captured payload byte enters here once, through [`Ledger::serve`], and leaves in exactly one class of
//! evidence.md: padding and misplaced bytes at once, verified ones when the hash of their piece is known, all others
//! in [`Ledger::finish`], which compares what is left with verified copies.
//!
//! Results of jobs are taken in order of submission and a fixed number of bytes behind the spine
//! ([`LAG`]), so every step is a function of the captures alone.

mod bind;
mod content;
mod decide;
mod ranges;
mod transfer;
mod unit;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use hashbrown::HashMap;

pub use content::Content;
pub use ranges::RangeSet;
pub use transfer::{Counts, Facts, Handshakes, Record, TorrentKey, TransferId, TransferKey};
pub use unit::{Attempt, Credit, Measure, Receiver, Share, State, Unit, UnitBook};

use crate::Limits;
use crate::anomaly::{Anomalies, Example, Kind};
use crate::packet::{Direction, FlowKey};
use crate::prove::{JobId, Prover, Verdict, sha256};
use crate::provenance::{At, Span};
use crate::session::{Answer, Carrier, ConnectionId, Served, Session, arrow};
use crate::torrent::{Torrent, TorrentId, Torrents};
use crate::wire::Framing;
use bind::Held;

/// The books of a run.
#[derive(Debug)]
pub struct Ledger<'run, 'cap> {
    torrents: &'run Torrents,
    limits: &'run Limits,
    records: Vec<Record>,
    windows: HashMap<TransferKey, Vec<TransferId>, foldhash::quality::FixedState>,
    books: BTreeMap<TorrentKey, Book<'cap>>,
    connections: HashMap<ConnectionId, Connection<'cap>, foldhash::quality::FixedState>,
    /// Connections that ended before it was known which torrent they are about, in order of their end.
    undecided: Vec<Session<'cap>>,
    probe: bind::Probe,
    conflicts: BTreeMap<(ConnectionId, Direction), Vec<Conflict<'cap>>>,
    pending: VecDeque<Pending>,
    pending_bytes: u64,
    next_seq: u64,
    open: VecDeque<(TorrentKey, Unit)>,
    open_slices: usize,
    references: VecDeque<(TorrentKey, Unit)>,
    reference_slices: usize,
}

/// The units of one torrent.
pub type Book<'cap> = HashMap<Unit, UnitBook<'cap>, foldhash::quality::FixedState>;

/// What the ledger keeps of a live connection.
#[derive(Debug, Default)]
struct Connection<'cap> {
    bound: Option<TorrentId>,
    transfers: [Option<TransferId>; 2],
    held: Vec<Held<'cap>>,
    probes: u32,
}

/// A second version of a stretch of a stream.
#[derive(Debug)]
struct Conflict<'cap> {
    offset: u64,
    bytes: &'cap [u8],
}

#[derive(Debug)]
struct Pending {
    job: JobId,
    torrent: TorrentKey,
    unit: Unit,
    bytes: u64,
}

/// What identifies a conversation when a block is served.
#[derive(Clone, Debug)]
pub(crate) struct Conversation {
    id: ConnectionId,
    flow: FlowKey,
    carrier: Carrier,
    info_hashes: [Option<[u8; 20]>; 2],
    peer_ids: [Option<[u8; 20]>; 2],
    receivers: [Receiver; 2],
    began: At,
}

impl Conversation {
    fn of(session: &Session<'_>, at: At) -> Self {
        let directions = [Direction::LowToHigh, Direction::HighToLow];
        Self {
            id: session.id,
            flow: session.flow,
            carrier: session.carrier,
            info_hashes: session.info_hashes(),
            peer_ids: directions
                .map(|from| session.side(from).handshake.as_ref().map(|handshake| handshake.peer_id)),
            receivers: directions.map(|from| session.receiver(from)),
            began: session.span().map_or(at, |span| span.first),
        }
    }
}

impl<'run, 'cap> Ledger<'run, 'cap> {
    /// Empty books.
    pub fn new(torrents: &'run Torrents, limits: &'run Limits) -> Self {
        Self {
            torrents,
            limits,
            records: Vec::new(),
            windows: HashMap::default(),
            books: BTreeMap::new(),
            connections: HashMap::default(),
            undecided: Vec::new(),
            probe: bind::Probe::default(),
            conflicts: BTreeMap::new(),
            pending: VecDeque::new(),
            pending_bytes: 0,
            next_seq: 0,
            open: VecDeque::new(),
            open_slices: 0,
            references: VecDeque::new(),
            reference_slices: 0,
        }
    }

    /// The transfers, by [`TransferId`].
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// The torrents that were spoken of, with what is known of their units.
    pub fn books(&self) -> impl Iterator<Item = (TorrentKey, &Book<'cap>)> {
        self.books.iter().map(|(key, book)| (*key, book))
    }

    /// A block was served on `session`.
    pub fn serve(
        &mut self,
        session: &Session<'cap>,
        served: Served<'cap>,
        prover: &Prover<'cap>,
        anomalies: &mut Anomalies,
    ) {
        let conversation = Conversation::of(session, served.block.span.first);
        match self.torrent_of(&conversation, served.from) {
            TorrentKey::Unknown => self.probe(conversation, served, prover, anomalies),
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
        anomalies: &mut Anomalies,
    ) {
        let list = self.conflicts.entry((id, from)).or_default();
        if list.len() < MOST_CONFLICTS {
            list.push(Conflict { offset, bytes });
        } else if list.len() == MOST_CONFLICTS {
            list.push(Conflict { offset, bytes: &[] });
            anomalies.note(Kind::LimitReached, bytes.len() as u64, || Example {
                span: Some(Span::single(at)),
                flow: String::new(),
                detail: format!(
                    "conflicting versions: only the first {MOST_CONFLICTS} of this direction are tried"
                ),
            });
        }
    }

    /// A session is over; `paths` are the tunnels that it crossed.
    pub fn close(&mut self, session: Session<'cap>, paths: BTreeSet<String>, anomalies: &mut Anomalies) {
        let holds = self.connections.get(&session.id).is_some_and(|connection| !connection.held.is_empty());
        let handshakes = session.info_hashes().iter().flatten().count();
        let bound = self.connections.get(&session.id).is_some_and(|connection| connection.bound.is_some());
        if holds && !bound {
            self.undecided.push(session);
        } else if handshakes > 0 || bound || session.is_peer_wire() {
            self.merge(&session, &paths, anomalies);
        }
    }

    fn merge(&mut self, session: &Session<'cap>, paths: &BTreeSet<String>, anomalies: &mut Anomalies) {
        let at = session.span().map(|span| span.first);
        let Some(at) = at else { return };
        let conversation = Conversation::of(session, at);
        let keys = [Direction::LowToHigh, Direction::HighToLow].map(|from| self.torrent_of(&conversation, from));
        let equal = match conversation.info_hashes {
            [Some(_), Some(_)] if keys[0] == keys[1] => Handshakes::Agree,
            [Some(_), Some(_)] => Handshakes::Differ,
            _ => Handshakes::OneSide,
        };
        if equal == Handshakes::Differ {
            anomalies.note(Kind::InfoHashMismatch, 1, || Example {
                span: session.side(Direction::LowToHigh).handshake.as_ref().map(|handshake| handshake.span),
                flow: arrow(session.flow, Direction::LowToHigh),
                detail: "the two handshakes of this connection name different info-hashes".to_owned(),
            });
        }
        for (from, torrent) in [Direction::LowToHigh, Direction::HighToLow].into_iter().zip(keys) {
            let id = self.transfer(&conversation, from, torrent);
            if let Some(record) = self.records.get_mut(id.0 as usize) {
                record.facts.merge(session, from, equal, paths);
                record.counts.acknowledged += session.side(from).acknowledged;
            }
        }
        self.connections.remove(&session.id);
    }

    /// Which torrent the side that sends in `from` speaks of.
    fn torrent_of(&self, conversation: &Conversation, from: Direction) -> TorrentKey {
        let [low, high] = conversation.info_hashes;
        let (own, other) = match from {
            Direction::LowToHigh => (low, high),
            Direction::HighToLow => (high, low),
        };
        match own.or(other) {
            Some(hash) => self.torrents.find(&hash).map_or(TorrentKey::NotGiven(hash), TorrentKey::Given),
            None => {
                let bound = self.connections.get(&conversation.id).and_then(|connection| connection.bound);
                bound.map_or(TorrentKey::Unknown, TorrentKey::Given)
            }
        }
    }

    /// The transfer that a conversation belongs to; a new one after hours of silence and another peer_id (T41).
    fn transfer(&mut self, conversation: &Conversation, from: Direction, torrent: TorrentKey) -> TransferId {
        let connection = self.connections.entry(conversation.id).or_default();
        if let Some(id) = connection.transfers[from.index()] {
            return id;
        }
        let key = TransferKey {
            uploader: conversation.flow.source(from),
            downloader: conversation.flow.destination(from),
            carrier: conversation.carrier,
            torrent,
        };
        let windows = self.windows.entry(key).or_default();
        let latest = windows.last().and_then(|id| Some((*id, self.records.get(id.0 as usize)?)));
        let reused = latest.filter(|(_, record)| {
            let silence = record.last_time().map_or(0, |last| conversation.began.time.0.saturating_sub(last.0));
            let same = conversation.peer_ids[from.index()]
                .is_none_or(|id| record.facts.peer_ids.is_empty() || record.facts.peer_ids.contains(&id));
            silence <= self.limits.window_silence_ns || same
        });
        let id = match reused {
            Some((id, _)) => id,
            None => {
                let id = TransferId(self.records.len() as u32);
                self.records.push(Record::new(key));
                windows.push(id);
                id
            }
        };
        connection.transfers[from.index()] = Some(id);
        id
    }

    /// Puts a block of a known conversation into the books.
    fn place(
        &mut self,
        conversation: &Conversation,
        torrent: TorrentKey,
        served: Served<'cap>,
        prover: &Prover<'cap>,
        anomalies: &mut Anomalies,
    ) {
        let from = served.from;
        let transfer = self.transfer(conversation, from, torrent);
        let Served { block, answer, advertised, .. } = served;
        let captured: u64 = block.runs.iter().map(|run| run.bytes.len() as u64).sum();
        let lost = u64::from(block.captured_to) - captured;
        let whole = captured == u64::from(block.len);
        let requested = match answer {
            Answer::Solicited(span) => Some(span),
            Answer::Cancelled(_) | Answer::Unasked => None,
        };
        let Some(record) = self.records.get_mut(transfer.0 as usize) else { return };
        record.counts.served += captured;
        record.counts.lost += lost;
        if requested.is_some() {
            record.counts.solicited += captured;
        }
        if captured == 0 {
            return;
        }
        record.served_span = Some(record.served_span.map_or(block.span, |span| span.join(block.span)));

        let seq = self.next_seq;
        self.next_seq += 1;
        let stream = (conversation.id, from, block.offset..block.offset.saturating_add(u64::from(block.len)));
        let doubtful = block.doubtful || block.framing == Framing::Resynchronised;
        let (number, begin, span) = (block.piece, block.begin, block.span);
        let placed = match torrent {
            TorrentKey::Given(id) => {
                let given = self.torrents.torrent(id);
                match given.place(number, begin, block.len) {
                    Ok(placed) => Some((given, placed)),
                    Err(misplaced) => {
                        record.counts.unproven += captured;
                        anomalies.note(Kind::BlockOutsideTorrent, captured, || Example {
                            span: Some(span),
                            flow: arrow(conversation.flow, from),
                            detail: misplaced.to_string(),
                        });
                        return;
                    }
                }
            }
            TorrentKey::NotGiven(_) | TorrentKey::Unknown => None,
        };
        let mut content = Content::of_block(begin, block.runs);
        let mut ranges = content.ranges();
        if let Some((given, placed)) = &placed {
            let pads: RangeSet = given.pads(placed.piece).collect();
            if !pads.is_empty() {
                record.counts.pad += take_padding(&mut content, &mut ranges, &pads, span, anomalies);
            }
        }
        if ranges.is_empty() {
            return;
        }
        let share =
            Share { seq, transfer, begin, content, ranges, whole, span, requested, advertised, stream, doubtful };
        let receiver = conversation.receivers[from.index()];
        match placed {
            Some((given, placed)) => {
                let units = Measure::units(given, placed.piece, &placed.range());
                for unit in &units {
                    let Some(measure) = Measure::of(given, *unit) else { continue };
                    // Rationale: a block is mostly within one unit, and then moves whole.
                    if units.len() == 1 {
                        self.enter(torrent, *unit, share, receiver, Some(&measure), prover, anomalies);
                        break;
                    }
                    if let Some(part) = share.part(&measure.range) {
                        self.enter(torrent, *unit, part, receiver, Some(&measure), prover, anomalies);
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
        anomalies: &mut Anomalies,
    ) {
        let book = self.books.entry(torrent).or_default().entry(unit).or_default();
        if book.attempts.is_empty() && book.loose.is_empty() {
            self.open.push_back((torrent, unit));
        }
        self.open_slices += share.content.len();
        let Some(measure) = measure else {
            book.loose.push((receiver, share));
            return;
        };
        let Some(index) = book.add(share, receiver, measure.content()) else { return };
        let Some(attempt) = book.attempts.get_mut(index) else { return };
        let Some(job) = measure.job(&attempt.content()) else { return };
        let job = prover.submit(job);
        attempt.state = State::Hashing(job);
        let bytes = measure.content();
        self.pending.push_back(Pending { job, torrent, unit, bytes });
        self.pending_bytes += bytes;
        while self.pending_bytes > LAG {
            self.settle_next(prover, anomalies);
        }
    }

    /// Takes the oldest result.
    fn settle_next(&mut self, prover: &Prover<'cap>, anomalies: &mut Anomalies) {
        let Some(pending) = self.pending.pop_front() else {
            self.pending_bytes = 0;
            return;
        };
        self.pending_bytes -= pending.bytes;
        let verdict = prover.verdict(pending.job);
        let Some(book) = self.books.get_mut(&pending.torrent).and_then(|book| book.get_mut(&pending.unit)) else {
            return;
        };
        let hashing = |attempt: &Attempt<'_>| attempt.state == State::Hashing(pending.job);
        let Some(index) = book.attempts.iter().position(hashing) else { return };
        if verdict == Verdict::Mismatch {
            if let Some(attempt) = book.attempts.get_mut(index) {
                attempt.state = State::Failed;
            }
            return;
        }
        let mut attempt = book.attempts.remove(index);
        let content = attempt.content();
        self.open_slices -= attempt.shares.iter().map(|share| share.content.len()).sum::<usize>();
        attempt.shares.sort_by_key(|share| share.seq);
        for share in &attempt.shares {
            decide::verify(book, share, attempt.receiver, &mut self.records);
        }
        self.reference_slices += content.len();
        let kept = book.learn(content, pending.unit, anomalies);
        self.reference_slices -= kept.dropped;
        if kept.first {
            self.references.push_back((pending.torrent, pending.unit));
        }
    }

    /// Drops the oldest references and decides the oldest open pieces when there are too many slices.
    fn keep_within_limits(&mut self, anomalies: &mut Anomalies) {
        while self.reference_slices > self.limits.reference_slices {
            let Some((torrent, unit)) = self.references.pop_front() else { break };
            if let Some(book) = self.books.get_mut(&torrent).and_then(|book| book.get_mut(&unit)) {
                self.reference_slices -= book.references.iter().map(Content::len).sum::<usize>();
                book.references = Vec::new();
                book.references_dropped = true;
            }
        }
        while self.open_slices > self.limits.open_slices {
            let Some((torrent, unit)) = self.open.pop_front() else { break };
            let Some(book) = self.books.get_mut(&torrent).and_then(|book| book.get_mut(&unit)) else { continue };
            let before = book.open_slices();
            let undecided = decide::decide(book, unit, &mut self.records, &self.conflicts, anomalies);
            let freed = before - book.open_slices();
            self.open_slices -= freed;
            if undecided > 0 {
                anomalies.note(Kind::LimitReached, undecided, || Example {
                    span: None,
                    flow: String::new(),
                    detail: format!(
                        "open_slices: {undecided} bytes of {unit} were left unproven before the end of the capture"
                    ),
                });
            }
        }
    }

    /// The torrents of the run.
    pub fn torrents(&self) -> &'run Torrents {
        self.torrents
    }

    /// Goes on with torrents of which more hashes are known: what was not verified is entered again, by unit.
    pub fn teach(&mut self, torrents: &'run Torrents, prover: &Prover<'cap>, anomalies: &mut Anomalies) {
        self.settle_all(prover, anomalies);
        self.torrents = torrents;
        let mut again = Vec::new();
        for (torrent, book) in &mut self.books {
            let TorrentKey::Given(id) = torrent else { continue };
            let given = torrents.torrent(*id);
            if given.info_hash_v2().is_none() {
                continue;
            }
            let mut units: Vec<_> = book.iter().filter(|(_, unit)| !unit.verified).map(|(unit, _)| *unit).collect();
            units.sort_unstable();
            for unit in units {
                if let Some(mut old) = book.remove(&unit) {
                    self.open_slices -= old.open_slices();
                    again.extend(
                        old.take_shares().into_iter().map(|(receiver, share, _)| (*torrent, unit, receiver, share)),
                    );
                }
            }
        }
        again.sort_by_key(|(_, _, _, share)| share.seq);
        for (torrent, unit, receiver, share) in again {
            let Some(given) = self.given(torrent) else { continue };
            let Some(piece) = given.piece(unit.piece) else { continue };
            let bounds = share.ranges.iter().map(|range| range.start).min()
                ..share.ranges.iter().map(|range| range.end).max();
            let (Some(start), Some(end)) = (bounds.start, bounds.end) else { continue };
            for unit in Measure::units(given, piece, &(start..end)) {
                let Some(measure) = Measure::of(given, unit) else { continue };
                if let Some(part) = share.part(&measure.range) {
                    self.enter(torrent, unit, part, receiver, Some(&measure), prover, anomalies);
                }
            }
        }
    }

    /// Decides everything that is left; nothing may be served afterwards.
    pub fn finish(&mut self, prover: &Prover<'cap>, anomalies: &mut Anomalies) {
        self.settle_all(prover, anomalies);
        self.bind_by_comparison(prover, anomalies);
        self.settle_all(prover, anomalies);
        self.retry(prover, anomalies);
        let mut keys: Vec<_> =
            self.books.iter().flat_map(|(torrent, book)| book.keys().map(|unit| (*torrent, *unit))).collect();
        keys.sort_unstable();
        for (torrent, unit) in keys {
            let Some(book) = self.books.get_mut(&torrent).and_then(|book| book.get_mut(&unit)) else { continue };
            let dropped = book.references_dropped;
            let undecided = decide::decide(book, unit, &mut self.records, &self.conflicts, anomalies);
            if undecided > 0 && dropped {
                anomalies.note(Kind::LimitReached, undecided, || Example {
                    span: None,
                    flow: String::new(),
                    detail: format!(
                        "reference_slices: {undecided} bytes of {unit} could not be compared with its verified copy"
                    ),
                });
            }
        }
    }

    fn settle_all(&mut self, prover: &Prover<'cap>, anomalies: &mut Anomalies) {
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

/// What came of a new verified content.
struct Learned {
    /// It is the first one.
    first: bool,
    /// Slices of it that were not kept.
    dropped: usize,
}

impl<'cap> UnitBook<'cap> {
    /// Keeps a verified content to compare others with. A second, different content with the same SHA-1 is kept too,
    /// and told (T23).
    fn learn(&mut self, content: Content<'cap>, unit: Unit, anomalies: &mut Anomalies) -> Learned {
        let slices = content.len();
        let ranges: Vec<_> = content.ranges().iter().collect();
        let known =
            |reference: &Content<'cap>| ranges.iter().all(|range| reference.agrees(&content, range.clone()));
        let first = !self.verified;
        self.verified = true;
        if self.references_dropped || self.references.iter().any(known) {
            return Learned { first: false, dropped: slices };
        }
        if let Some(reference) = self.references.first() {
            let digest = |content: &Content<'cap>| {
                let runs: Vec<_> =
                    ranges.iter().flat_map(|range| content.within(range.clone())).map(|(_, bytes)| bytes).collect();
                sha256(&runs).iter().map(|byte| format!("{byte:02x}")).collect::<String>()
            };
            anomalies.note(Kind::Sha1Collision, 1, || Example {
                span: None,
                flow: String::new(),
                detail: format!(
                    "{unit}: two different contents with the same SHA-1; their SHA-256 are {} and {}",
                    digest(reference),
                    digest(&content)
                ),
            });
        } else {
            self.trivial = content.is_trivial();
        }
        self.references.push(content);
        Learned { first, dropped: 0 }
    }
}

/// Takes padding out of a block; gives the bytes taken.
fn take_padding(
    content: &mut Content<'_>,
    ranges: &mut RangeSet,
    pads: &RangeSet,
    span: Span,
    anomalies: &mut Anomalies,
) -> u64 {
    let mut padding = RangeSet::default();
    pads.iter().for_each(|pad| ranges.within(&pad).for_each(|range| padding.insert(range)));
    let non_zero: u64 = padding
        .iter()
        .flat_map(|range| content.within(range))
        .map(|(_, bytes)| bytes.iter().filter(|byte| **byte != 0).count() as u64)
        .sum();
    if non_zero > 0 {
        anomalies.note(Kind::NonZeroPadding, non_zero, || Example {
            span: Some(span),
            flow: String::new(),
            detail: format!("{non_zero} bytes of padding are not zero"),
        });
    }
    padding.iter().for_each(|range| ranges.remove(range));
    if !padding.is_empty() {
        *content = content.cut(ranges);
    }
    padding.total()
}

// Rationale: far enough behind the spine that workers never starve, near enough that little is in flight.
const LAG: u64 = 64 << 20;
// Rationale: a connection with more conflicting stretches is not evidence of anything.
const MOST_CONFLICTS: usize = 1_024;
