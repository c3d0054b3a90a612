//! Conversations without a handshake: the torrent is the one whose hash matches (T33).
//!
//! Their blocks are held. When blocks held for one receiver make up a whole piece of a given torrent and its hash
//! matches, the connections that sent them are about that torrent, and their blocks go into its books, unless another
//! given torrent may have the same piece: then the next pieces tell (see [`super::compare`]). At the end, blocks still held
//! are put together with pieces that were begun, and compared with verified ones; where several torrents fit, none is
//! named. Pieces of one byte value decide nothing: many torrents have the same.

use std::collections::{BTreeMap, BTreeSet};

use super::compare::{Fit, Rivals};
use super::{Content, Conversation, Ledger, Measure, RangeSet, Receiver, TorrentKey, Unit};
use crate::ends::{ConnectionId, Direction};
use crate::oddity::{Bound, Oddity, Open, Sink};
use crate::prove::{Prover, Verdict};
use crate::session::{Served, Session};
use crate::torrent::{Placed, TorrentId};

/// A block that waits for its torrent to be known.
#[derive(Debug)]
pub(super) struct Held<'cap> {
    conversation: Conversation,
    pub(super) served: Served<'cap>,
}

impl<'cap> Held<'cap> {
    /// Its captured bytes.
    pub(super) fn content(&self) -> Content<'cap> {
        Content::of_block(self.served.block.begin, self.served.block.runs.clone())
    }
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
        anomalies: &mut dyn Sink,
    ) {
        let id = conversation.id;
        let weight = weight(&served);
        let known = self.torrents.iter().any(|torrent| torrent.piece_count() > 0);
        let full = self.open_slices + weight > self.limits.open_slices;
        if full {
            let bound = Bound::OpenSlices(Open::Unknown { bytes: u64::from(served.block.len) });
            anomalies.odd(Oddity::from(bound).within(served.block.span).of(id));
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
        let (span, flow) = (served.block.span, conversation.flow);
        let ranges = Content::of_block(begin, served.block.runs.clone()).ranges();
        let index = connection.next_held();
        connection.held.push(Held { conversation, served });
        if let (true, Some(torrent)) = (connection.sure, connection.likely) {
            return self.bind(id, torrent, prover, anomalies);
        }
        if connection.probes >= MOST_PROBES {
            if connection.probes == MOST_PROBES {
                connection.probes += 1;
                let bound = Bound::Probes { most: MOST_PROBES };
                anomalies.odd(Oddity::from(bound).within(span).sent(flow, from).of(id));
            }
            return;
        }
        if self.probe.parts >= self.limits.open_slices {
            self.probe = Probe::default();
            let bound = Bound::OpenSlices(Open::BegunAnew);
            anomalies.odd(Oddity::from(bound).within(span).sent(flow, from).of(id));
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
                for (id, own) in self.telling(&parts) {
                    let rivals = self.rivals(torrent, placed.piece, &content, &own);
                    self.note_match(id, torrent, &rivals, prover, anomalies);
                }
                if self.connections.get(&id).is_none_or(|connection| connection.held.is_empty()) {
                    return;
                }
            }
        }
    }

    /// A piece of `torrent` that a connection sent matches, and `rivals` may have the same one. Without any, over all such
    /// pieces, the connection is about that torrent.
    pub(super) fn note_match(
        &mut self,
        id: ConnectionId,
        torrent: TorrentId,
        rivals: &Rivals,
        prover: &Prover<'cap>,
        anomalies: &mut dyn Sink,
    ) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let known = connection.matched.entry(torrent).or_insert_with(|| rivals.clone());
        known.retain(|rival| rivals.contains(rival));
        let alone = known.is_empty();
        if !alone || !self.has_room_for(torrent, id) {
            return;
        }
        match self.connections.get_mut(&id) {
            // It may still turn out to be something else that holds messages.
            Some(connection) if !connection.sure => connection.likely = Some(torrent),
            _ => self.bind(id, torrent, prover, anomalies),
        }
    }

    /// The given torrents in which such a block has a place.
    pub(super) fn candidates(&self, piece: u32, begin: u32, len: u32) -> Vec<(TorrentId, Placed)> {
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
            content.absorb(&held.content());
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

    /// The connections whose own bytes among `parts` tell the torrent, with those: zeros that fit prove nothing about their
    /// sender.
    pub(super) fn telling(&self, parts: &[(ConnectionId, usize)]) -> Vec<(ConnectionId, RangeSet)> {
        let mut sums: BTreeMap<ConnectionId, (u64, RangeSet)> = BTreeMap::new();
        for (id, index) in parts {
            let held = self.connections.get(id).and_then(|connection| connection.held(*index));
            if let Some(content) = held.map(Held::content) {
                let (sum, own) = sums.entry(*id).or_default();
                *sum += if content.is_trivial() { 0 } else { content.bytes() };
                content.ranges().iter().for_each(|range| own.insert(range));
            }
        }
        let telling = sums.into_iter().filter(|(_, (bytes, _))| *bytes >= LEAST_AGREEMENT);
        telling.map(|(id, (_, own))| (id, own)).collect()
    }

    /// Decides that a connection is about `torrent`, and puts what it holds into the books.
    fn bind(&mut self, id: ConnectionId, torrent: TorrentId, prover: &Prover<'cap>, anomalies: &mut dyn Sink) {
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
    pub(super) fn decide_early(&mut self, prover: &Prover<'cap>, anomalies: &mut dyn Sink) {
        while self.undecided.len() > self.limits.undecided {
            let Some((id, first)) = self.undecided.first_key_value() else { return };
            let (id, span, flow) = (*id, first.0.span(), first.0.flow);
            let occurrence = Oddity::from(Bound::Undecided).within(span);
            anomalies.odd(occurrence.sent(flow, Direction::LowToHigh).of(id));
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
        anomalies: &mut dyn Sink,
    ) {
        for Held { conversation, served } in held {
            self.open_slices = self.open_slices.saturating_sub(weight(&served));
            self.place(&conversation, torrent, served, prover, anomalies);
        }
    }

    /// Leaves out what looked like blocks in a stream of which nothing else shows that it is the peer wire.
    fn discard(&mut self, held: Vec<Held<'cap>>, anomalies: &mut dyn Sink) {
        for Held { conversation, served } in held {
            self.open_slices = self.open_slices.saturating_sub(weight(&served));
            let oddity = Oddity::UnconfirmedBlock { piece: served.block.piece, len: served.block.len };
            let occurrence = oddity.within(served.block.span).sent(conversation.flow, served.from);
            anomalies.odd(occurrence.of(conversation.id));
        }
    }

    /// At the end: compares what is still held with verified pieces; the rest is of an unknown torrent.
    pub(super) fn bind_by_comparison(&mut self, prover: &Prover<'cap>, anomalies: &mut dyn Sink) {
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
    fn decide_held(&mut self, id: ConnectionId, prover: &Prover<'cap>, anomalies: &mut dyn Sink) {
        let broken = self.undecided.get(&id).is_some_and(|undecided| undecided.0.is_broken());
        let likely = self.connections.get(&id).and_then(|connection| connection.likely);
        let fit = match likely {
            _ if broken => Fit::None,
            Some(torrent) => Fit::One(torrent),
            None => self.compare(id),
        };
        if let Fit::One(torrent) = fit {
            return self.bind(id, torrent, prover, anomalies);
        }
        let connection = self.connections.get_mut(&id);
        let held = connection.map_or_else(Vec::new, |connection| {
            connection.ambiguous = fit == Fit::Several;
            connection.let_go()
        });
        let known =
            fit == Fit::Several || self.undecided.get(&id).is_some_and(|undecided| undecided.0.is_peer_wire());
        if known {
            self.release(held, TorrentKey::Unknown, prover, anomalies);
        } else {
            self.discard(held, anomalies);
        }
    }

    /// Ends a connection whose torrent nothing told.
    fn merge_unknown(&mut self, (session, paths): &(Session<'cap>, BTreeSet<String>), anomalies: &mut dyn Sink) {
        let ambiguous = self.connections.get(&session.id).is_some_and(|connection| connection.ambiguous);
        if ambiguous || session.is_peer_wire() {
            let occurrence = Oddity::NoTorrent { ambiguous }.within(session.span());
            anomalies.odd(occurrence.sent(session.flow, Direction::LowToHigh).of(session.id));
            self.merge(session, paths, anomalies);
        }
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
pub(super) const LEAST_AGREEMENT: u64 = 1_024;
