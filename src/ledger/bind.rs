//! Conversations without a handshake: the torrent is the one whose hash matches (T33).
//!
//! Their blocks are held. When blocks held for one receiver make up a whole piece of a given torrent and its hash
//! matches, the connections that sent them are about that torrent, and their blocks go into its books, unless another
//! given torrent has the same piece: then the next pieces tell. At the end, blocks still held are compared with verified
//! pieces; where several torrents fit, none is named. Pieces of one byte value decide nothing: many torrents have the
//! same.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::{Book, Content, Conversation, Ledger, Measure, RangeSet, Receiver, TorrentKey, Unit};
use crate::anomaly::{Anomalies, Example, Kind};
use crate::packet::Direction;
use crate::prove::{Prover, Verdict};
use crate::session::{ConnectionId, Served, Session};
use crate::torrent::{Expected, PieceIndex, Placed, TorrentId};

/// A block that waits for its torrent to be known.
#[derive(Debug)]
pub(super) struct Held<'cap> {
    conversation: Conversation,
    served: Served<'cap>,
}

/// Pieces put together from held blocks.
#[derive(Debug, Default)]
pub(super) struct Probe {
    pieces: BTreeMap<(TorrentId, Receiver, u32), Candidate>,
    /// What the parts of all of them weigh, in slices.
    parts: usize,
}

#[derive(Debug, Default)]
struct Candidate {
    covered: RangeSet,
    /// Connection and the number of the block that it holds.
    parts: Vec<(ConnectionId, usize)>,
}

impl<'run, 'cap> Ledger<'run, 'cap> {
    /// Holds a block of an unknown torrent, and binds connections where a piece made of held blocks matches.
    pub(super) fn probe(
        &mut self,
        conversation: Conversation,
        served: Served<'cap>,
        sure: bool,
        prover: &Prover<'cap>,
        anomalies: &mut Anomalies,
    ) {
        let id = conversation.id;
        let weight = weight(&served);
        let known = self.torrents.iter().any(|torrent| torrent.piece_count() > 0);
        let full = self.open_slices + weight > self.limits.open_slices;
        if full {
            anomalies.limit("open_slices", u64::from(served.block.len), || Example {
                span: Some(served.block.span),
                flow: String::new(),
                detail: "open_slices: a block of an unknown torrent could not be held until its torrent is known"
                    .to_owned(),
            });
        }
        let connection = self.connections.entry(id).or_default();
        connection.sure |= sure;
        if full || (!known && sure) {
            let held = connection.let_go();
            self.release(held, TorrentKey::Unknown, prover, anomalies);
            return self.place(&conversation, TorrentKey::Unknown, served, prover, anomalies);
        }
        self.open_slices += weight;
        let (receiver, from) = (conversation.receivers[served.from.index()], served.from);
        let (piece, begin, len) = (served.block.piece, served.block.begin, served.block.len);
        let (span, flow) = (served.block.span, crate::session::arrow(conversation.flow, from));
        let ranges = Content::of_block(begin, served.block.runs.clone()).ranges();
        let index = connection.next_held();
        connection.held.push(Held { conversation, served });
        if let (true, Some(torrent)) = (connection.sure, connection.likely) {
            return self.bind(id, torrent, prover, anomalies);
        }
        if connection.probes >= MOST_PROBES {
            if connection.probes == MOST_PROBES {
                connection.probes += 1;
                anomalies.limit("probes", 1, || Example {
                    span: Some(span),
                    flow,
                    detail: format!(
                        "probes: {MOST_PROBES} pieces with bytes of this connection match no given torrent; its other \
                         blocks are only compared with verified pieces, at the end"
                    ),
                });
            }
            return;
        }
        if self.probe.parts >= self.limits.open_slices {
            self.probe = Probe::default();
            anomalies.limit("open_slices", 1, || Example {
                span: Some(span),
                flow,
                detail: "open_slices: pieces of unknown torrents that were put together are begun anew".to_owned(),
            });
        }
        debug_assert_eq!(connection.held(index).map(|held| held.served.from), Some(from));
        for (torrent, placed) in self.candidates(piece, begin, len) {
            let candidate = self.probe.pieces.entry((torrent, receiver, piece)).or_default();
            if ranges.iter().any(|range| candidate.covered.intersects(&range)) {
                continue;
            }
            ranges.iter().for_each(|range| candidate.covered.insert(range));
            candidate.parts.push((id, index));
            self.probe.parts += PART_WEIGHT;
            if let Some(parts) = self.complete(torrent, receiver, placed)
                && let Some(content) = self.matches(torrent, placed, &parts)
            {
                let alone = !self.has_rival(torrent, placed.piece, &content, true);
                for id in self.telling(&parts) {
                    match self.connections.get_mut(&id) {
                        Some(connection) if !alone => {
                            connection.matched.insert(torrent);
                        }
                        // It may still turn out to be something else that holds messages.
                        Some(connection) if !connection.sure => connection.likely = Some(torrent),
                        _ => self.bind(id, torrent, prover, anomalies),
                    }
                }
                if alone {
                    return;
                }
            }
        }
    }

    /// Whether another given torrent has `content`, a verified piece of `torrent`, in the same place; `doubtful` is for
    /// those of which that is not known.
    fn has_rival(&self, torrent: TorrentId, piece: PieceIndex, content: &Content<'cap>, doubtful: bool) -> bool {
        let others = self.torrents.ids().filter(|other| *other != torrent);
        let (own, unit) = (self.torrents.torrent(torrent), Unit { piece: piece.number(), leaf: None });
        let Some(measure) = Measure::of(own, unit) else { return false };
        others.map(|other| self.torrents.torrent(other)).any(|other| {
            let Some(theirs) = Measure::of(other, unit) else { return false };
            let fits = |range: Range<u32>| other.place(unit.piece, range.start, range.end - range.start).is_ok();
            if !content.ranges().iter().all(fits) {
                return false;
            }
            let job = if theirs.range == measure.range { theirs.job(content) } else { None };
            match (measure.expected, theirs.expected, job) {
                (Expected::Sha1(one), Expected::Sha1(other), Some(_)) => one == other,
                (_, _, Some(job)) => job.prove() != Verdict::Mismatch,
                // Of another piece length, only what begins at its start may have the same bytes here.
                (_, _, None) => doubtful && (unit.piece == 0 || own.piece_length() == other.piece_length()),
            }
        })
    }

    /// The given torrents in which such a block has a place.
    fn candidates(&self, piece: u32, begin: u32, len: u32) -> Vec<(TorrentId, Placed)> {
        self.torrents
            .ids()
            .filter_map(|id| Some((id, self.torrents.torrent(id).place(piece, begin, len).ok()?)))
            .collect()
    }

    /// The parts of a candidate, if they make up the whole piece; it starts anew then.
    fn complete(
        &mut self,
        torrent: TorrentId,
        receiver: Receiver,
        placed: Placed,
    ) -> Option<Vec<(ConnectionId, usize)>> {
        let given = self.torrents.torrent(torrent);
        let key = (torrent, receiver, placed.piece.number());
        let candidate = self.probe.pieces.get_mut(&key)?;
        let mut covered = candidate.covered.clone();
        given.pads(placed.piece).for_each(|pad| covered.insert(pad));
        if !covered.covers(&(0..given.piece_size(placed.piece))) {
            return None;
        }
        let parts = self.probe.pieces.remove(&key).map(|candidate| candidate.parts)?;
        self.probe.parts = self.probe.parts.saturating_sub(parts.len() * PART_WEIGHT);
        Some(parts)
    }

    /// The content of these parts, where it is the torrent's.
    fn matches(
        &mut self,
        torrent: TorrentId,
        placed: Placed,
        parts: &[(ConnectionId, usize)],
    ) -> Option<Content<'cap>> {
        let given = self.torrents.torrent(torrent);
        let mut content = Content::default();
        for (id, index) in parts {
            let held = self.connections.get(id)?.held(*index)?;
            content.absorb(&Content::of_block(held.served.block.begin, held.served.block.runs.clone()));
        }
        let unit = Unit { piece: placed.piece.number(), leaf: None };
        let job = Measure::of(given, unit).and_then(|measure| measure.job(&content));
        if !content.is_trivial() && job.is_some_and(|job| job.prove() != Verdict::Mismatch) {
            return Some(content);
        }
        for (id, _) in parts {
            if let Some(connection) = self.connections.get_mut(id) {
                connection.probes += 1;
            }
        }
        None
    }

    /// The connections whose own bytes among `parts` tell the torrent: zeros that fit prove nothing about their sender.
    fn telling(&self, parts: &[(ConnectionId, usize)]) -> Vec<ConnectionId> {
        let mut sums: BTreeMap<ConnectionId, u64> = BTreeMap::new();
        for (id, index) in parts {
            let held = self.connections.get(id).and_then(|connection| connection.held(*index));
            let content =
                held.map(|held| Content::of_block(held.served.block.begin, held.served.block.runs.clone()));
            if let Some(content) = content.filter(|content| !content.is_trivial()) {
                *sums.entry(*id).or_default() += content.bytes();
            }
        }
        sums.into_iter().filter(|(_, bytes)| *bytes >= LEAST_AGREEMENT).map(|(id, _)| id).collect()
    }

    /// Decides that a connection is about `torrent`, and puts what it holds into the books.
    fn bind(&mut self, id: ConnectionId, torrent: TorrentId, prover: &Prover<'cap>, anomalies: &mut Anomalies) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        connection.bound = Some(torrent);
        let held = connection.let_go();
        // What could not be held until now stays of an unknown torrent, but it is shown: this is the peer wire.
        for transfer in connection.transfers.into_iter().flatten() {
            if let Some(record) = self.records.get_mut(transfer.0 as usize)
                && record.key.torrent == TorrentKey::Unknown
            {
                record.facts.connections += 1;
            }
        }
        self.release(held, TorrentKey::Given(torrent), prover, anomalies);
        if let Some(undecided) = self.undecided.remove(&id) {
            let (session, paths) = *undecided;
            self.merge(&session, &paths, anomalies);
        }
    }

    /// Decides the oldest of too many ended connections on what was seen so far.
    pub(super) fn decide_early(&mut self, prover: &Prover<'cap>, anomalies: &mut Anomalies) {
        while self.undecided.len() > self.limits.undecided {
            let Some((id, first)) = self.undecided.first_key_value() else { return };
            let (id, span, flow) = (*id, first.0.span(), first.0.flow);
            anomalies.limit("undecided", 1, || Example {
                span,
                flow: crate::session::arrow(flow, Direction::LowToHigh),
                detail: "undecided: the torrent of this ended connection was looked for only in what came before"
                    .to_owned(),
            });
            self.decide_held(id, prover, anomalies);
            if let Some(undecided) = self.undecided.remove(&id) {
                self.merge_unknown(&undecided, anomalies);
            }
            self.connections.remove(&id);
        }
    }

    fn release(
        &mut self,
        held: Vec<Held<'cap>>,
        torrent: TorrentKey,
        prover: &Prover<'cap>,
        anomalies: &mut Anomalies,
    ) {
        for Held { conversation, served } in held {
            self.open_slices = self.open_slices.saturating_sub(weight(&served));
            self.place(&conversation, torrent, served, prover, anomalies);
        }
    }

    /// Leaves out what looked like blocks in a stream of which nothing else shows that it is the peer wire.
    fn discard(&mut self, held: Vec<Held<'cap>>, anomalies: &mut Anomalies) {
        for Held { conversation, served } in held {
            self.open_slices = self.open_slices.saturating_sub(weight(&served));
            anomalies.note(Kind::UnconfirmedBlock, u64::from(served.block.len), || Example {
                span: Some(served.block.span),
                flow: crate::session::arrow(conversation.flow, served.from),
                detail: format!(
                    "{} bytes look like a block of piece {}, but no handshake, no request and no hash confirms it",
                    served.block.len, served.block.piece
                ),
            });
        }
    }

    /// At the end: compares what is still held with verified pieces; the rest is of an unknown torrent.
    pub(super) fn bind_by_comparison(&mut self, prover: &Prover<'cap>, anomalies: &mut Anomalies) {
        let mut ids: Vec<_> = self
            .connections
            .iter()
            .filter(|(_, connection)| !connection.held.is_empty())
            .map(|(id, _)| *id)
            .collect();
        ids.sort_unstable();
        for id in ids {
            self.decide_held(id, prover, anomalies);
        }
        for undecided in std::mem::take(&mut self.undecided).into_values() {
            self.merge_unknown(&undecided, anomalies);
        }
    }

    /// Decides of which torrent the blocks are that a connection holds, by what is verified so far.
    fn decide_held(&mut self, id: ConnectionId, prover: &Prover<'cap>, anomalies: &mut Anomalies) {
        let broken = self.undecided.get(&id).is_some_and(|undecided| undecided.0.is_broken());
        let likely = self.connections.get(&id).and_then(|connection| connection.likely);
        let fitting = match likely {
            _ if broken => Vec::new(),
            Some(torrent) => vec![torrent],
            None => self.compare(id),
        };
        if let [torrent] = *fitting {
            return self.bind(id, torrent, prover, anomalies);
        }
        let connection = self.connections.get_mut(&id);
        let held = connection.map_or_else(Vec::new, |connection| {
            connection.ambiguous = !fitting.is_empty();
            connection.let_go()
        });
        let known =
            !fitting.is_empty() || self.undecided.get(&id).is_some_and(|undecided| undecided.0.is_peer_wire());
        if known {
            self.release(held, TorrentKey::Unknown, prover, anomalies);
        } else {
            self.discard(held, anomalies);
        }
    }

    /// Ends a connection whose torrent nothing told.
    fn merge_unknown(&mut self, (session, paths): &(Session<'cap>, BTreeSet<String>), anomalies: &mut Anomalies) {
        let ambiguous = self.connections.get(&session.id).is_some_and(|connection| connection.ambiguous);
        if ambiguous || session.is_peer_wire() {
            let why = if ambiguous {
                "several given torrents have the pieces that they match: which one they are of is not known"
            } else {
                "no given torrent has a piece that they match"
            };
            anomalies.note(Kind::TorrentNotGiven, 1, || Example {
                span: session.span(),
                flow: crate::session::arrow(session.flow, Direction::LowToHigh),
                detail: format!("blocks without a handshake, and {why}"),
            });
            self.merge(session, paths, anomalies);
        }
    }

    /// The torrents that have a piece of this connection, or a verified copy that its held blocks agree with, and no copy
    /// that they differ from.
    fn compare(&self, id: ConnectionId) -> Vec<TorrentId> {
        let Some(connection) = self.connections.get(&id) else { return Vec::new() };
        let mut fitting = Vec::new();
        for torrent in self.torrents.ids() {
            let mut equal = BTreeMap::new();
            let differs = self.books.get(&TorrentKey::Given(torrent)).is_some_and(|book| {
                connection.held.iter().any(|held| self.differs(torrent, book, held, &mut equal))
            });
            let agrees = equal.values().sum::<u64>() >= LEAST_AGREEMENT;
            if !differs && (agrees || connection.matched.contains(&torrent)) {
                fitting.push(torrent);
            }
            // Of another torrent with the same pieces there may be no verified copy.
            if !differs && agrees && self.is_doubled(torrent, equal.keys().copied()) {
                fitting.push(torrent);
            }
        }
        fitting
    }

    /// Whether a held block is not what is verified of `torrent`; adds the bytes that are the same to those of its piece.
    fn differs(
        &self,
        torrent: TorrentId,
        book: &Book<'cap>,
        held: &Held<'cap>,
        equal: &mut BTreeMap<PieceIndex, u64>,
    ) -> bool {
        let block = &held.served.block;
        let content = Content::of_block(block.begin, block.runs.clone());
        let given = self.torrents.torrent(torrent);
        let Ok(placed) = given.place(block.piece, block.begin, block.len) else { return content.bytes() > 0 };
        let cut = self.cut(TorrentKey::Given(torrent), given, placed.piece);
        for unit in cut.units(given, placed.piece, &placed.range()) {
            let Some(known) = book.get(&unit).filter(|known| !known.trivial) else { continue };
            let Some(measure) = Measure::of(given, unit) else { continue };
            let mut ranges: RangeSet = content.ranges().within(&measure.range).collect();
            measure.pads.iter().for_each(|pad| ranges.remove(pad));
            if known.references.is_empty() || content.cut(&ranges).is_trivial() {
                continue;
            }
            let same = |reference: &Content<'_>| ranges.iter().all(|range| content.agrees(reference, range));
            if !known.references.iter().any(same) {
                return true;
            }
            *equal.entry(placed.piece).or_default() += ranges.total();
        }
        false
    }

    /// Whether another given torrent has all of these verified pieces of `torrent`.
    fn is_doubled(&self, torrent: TorrentId, pieces: impl Iterator<Item = PieceIndex>) -> bool {
        let Some(book) = self.books.get(&TorrentKey::Given(torrent)) else { return false };
        let given = self.torrents.torrent(torrent);
        let mut pieces = pieces.take(MOST_COMPARED);
        self.torrents.len() > 1
            && pieces.all(|piece| {
                let cut = self.cut(TorrentKey::Given(torrent), given, piece);
                let units = cut.units(given, piece, &(0..given.piece_size(piece)));
                let references: Vec<_> =
                    units.filter_map(|unit| book.get(&unit).and_then(|known| known.references.first())).collect();
                self.has_rival(torrent, piece, &Content::joined(references.into_iter()), false)
            })
    }
}

/// What a held block takes, in slices of [`Limits::open_slices`](crate::Limits::open_slices).
fn weight(served: &Served<'_>) -> usize {
    served.block.runs.len() + HELD_WEIGHT
}

// Rationale: a held block and its conversation, in slices of 24 bytes.
const HELD_WEIGHT: usize = 18;
// Rationale: 16 bytes, and of small pieces the map's entry too.
const PART_WEIGHT: usize = 2;
// Rationale: a connection whose pieces failed this often is not about any given torrent; it is compared at the end.
const MOST_PROBES: u32 = 4_096;
// Rationale: one block that is equal, byte for byte, and not of one value.
const LEAST_AGREEMENT: u64 = 1_024;
// Rationale: torrents that begin alike mostly differ sooner; each costs a hash for each of them.
const MOST_COMPARED: usize = 16;
