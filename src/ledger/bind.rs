//! Conversations without a handshake: the torrent is the one whose hash matches (T33).
//!
//! Their blocks are held. When blocks held for one receiver make up a whole piece of a given torrent and its hash
//! matches, the connections that sent them are about that torrent, and their blocks go into its books. At the end,
//! blocks still held are compared with verified pieces. Pieces of one byte value decide nothing: many torrents
//! have the same.

use std::collections::BTreeMap;

use super::conversation::Connection;
use super::{Content, Conversation, Ledger, Measure, RangeSet, Receiver, TorrentKey, Unit};
use crate::anomaly::{Anomalies, Example, Kind};
use crate::prove::{Prover, Verdict};
use crate::session::{ConnectionId, Served};
use crate::torrent::{Placed, TorrentId};

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
        is_peer_wire: bool,
        prover: &Prover<'cap>,
        anomalies: &mut Anomalies,
    ) {
        let id = conversation.id;
        let slices = served.block.runs.len();
        let known = self.torrents.iter().any(|torrent| torrent.piece_count() > 0);
        let full = self.open_slices + slices > self.limits.open_slices;
        if full {
            anomalies.note(Kind::LimitReached, u64::from(served.block.len), || Example {
                span: Some(served.block.span),
                flow: String::new(),
                detail: "open_slices: a block of an unknown torrent could not be held until its torrent is known"
                    .to_owned(),
            });
        }
        let connection = self.connections.entry(id).or_default();
        if full || (!known && is_peer_wire) {
            let held = connection.let_go();
            self.release(held, TorrentKey::Unknown, prover, anomalies);
            return self.place(&conversation, TorrentKey::Unknown, served, prover, anomalies);
        }
        self.open_slices += slices;
        let (receiver, from) = (conversation.receivers[served.from.index()], served.from);
        let (piece, begin, len) = (served.block.piece, served.block.begin, served.block.len);
        let ranges = Content::of_block(begin, served.block.runs.clone()).ranges();
        let index = connection.next_held();
        connection.held.push(Held { conversation, served });
        if connection.probes >= MOST_PROBES {
            return;
        }
        debug_assert_eq!(connection.held(index).map(|held| held.served.from), Some(from));
        for (torrent, placed) in self.candidates(piece, begin, len) {
            let candidate = self.probe.pieces.entry((torrent, receiver, piece)).or_default();
            if ranges.iter().any(|range| candidate.covered.intersects(&range)) {
                continue;
            }
            ranges.iter().for_each(|range| candidate.covered.insert(range));
            candidate.parts.push((id, index));
            if let Some(parts) = self.complete(torrent, receiver, placed)
                && self.matches(torrent, placed, &parts)
            {
                for id in self.telling(&parts) {
                    self.bind(id, torrent, prover, anomalies);
                }
                return;
            }
        }
    }

    /// The given torrents in which such a block has a place.
    fn candidates(&self, piece: u32, begin: u32, len: u32) -> Vec<(TorrentId, Placed)> {
        (0..self.torrents.len() as u32)
            .map(TorrentId)
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
        self.probe.pieces.remove(&key).map(|candidate| candidate.parts)
    }

    fn matches(&mut self, torrent: TorrentId, placed: Placed, parts: &[(ConnectionId, usize)]) -> bool {
        let given = self.torrents.torrent(torrent);
        let mut content = Content::default();
        for (id, index) in parts {
            let Some(connection) = self.connections.get_mut(id) else { return false };
            connection.probes += 1;
            let Some(held) = connection.held(*index) else { return false };
            content.absorb(&Content::of_block(held.served.block.begin, held.served.block.runs.clone()));
        }
        let unit = Unit { piece: placed.piece.number(), leaf: None };
        let job = Measure::of(given, unit).and_then(|measure| measure.job(&content));
        !content.is_trivial() && job.is_some_and(|job| job.prove() != Verdict::Mismatch)
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
        if let Some((session, paths)) = self.undecided.remove(&id) {
            self.merge(&session, &paths, anomalies);
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
            self.open_slices = self.open_slices.saturating_sub(served.block.runs.len());
            self.place(&conversation, torrent, served, prover, anomalies);
        }
    }

    /// Leaves out what looked like blocks in a stream of which nothing else shows that it is the peer wire.
    fn discard(&mut self, held: Vec<Held<'cap>>, anomalies: &mut Anomalies) {
        for Held { conversation, served } in held {
            self.open_slices = self.open_slices.saturating_sub(served.block.runs.len());
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
            let found = self.compare(id);
            match found {
                Some(torrent) => self.bind(id, torrent, prover, anomalies),
                None => {
                    let held = self.connections.get_mut(&id).map(Connection::let_go);
                    let held = held.unwrap_or_default();
                    if self.undecided.get(&id).is_some_and(|(session, _)| session.is_peer_wire()) {
                        self.release(held, TorrentKey::Unknown, prover, anomalies);
                    } else {
                        self.discard(held, anomalies);
                    }
                }
            }
        }
        for (session, paths) in std::mem::take(&mut self.undecided).into_values() {
            if session.is_peer_wire() {
                anomalies.note(Kind::TorrentNotGiven, 1, || Example {
                    span: session.span(),
                    flow: crate::session::arrow(session.flow, crate::packet::Direction::LowToHigh),
                    detail: "blocks without a handshake, and no given torrent has a piece that they match"
                        .to_owned(),
                });
                self.merge(&session, &paths, anomalies);
            }
        }
    }

    /// The only torrent that agrees with every held block that it has a verified copy of.
    fn compare(&self, id: ConnectionId) -> Option<TorrentId> {
        let connection = self.connections.get(&id)?;
        let mut found = None;
        for torrent in (0..self.torrents.len() as u32).map(TorrentId) {
            let Some(book) = self.books.get(&TorrentKey::Given(torrent)) else { continue };
            let (mut equal, mut differ) = (0_u64, 0_u64);
            for held in &connection.held {
                let block = &held.served.block;
                let content = Content::of_block(block.begin, block.runs.clone());
                let given = self.torrents.torrent(torrent);
                let Ok(placed) = given.place(block.piece, block.begin, block.len) else {
                    differ += content.bytes();
                    continue;
                };
                for unit in Measure::units(given, placed.piece, &placed.range()) {
                    let Some(known) = book.get(&unit).filter(|known| !known.trivial) else { continue };
                    let Some(measure) = Measure::of(given, unit) else { continue };
                    let mut ranges: RangeSet = content.ranges().within(&measure.range).collect();
                    measure.pads.iter().for_each(|pad| ranges.remove(pad));
                    if known.references.is_empty() || content.cut(&ranges).is_trivial() {
                        continue;
                    }
                    let same =
                        |reference: &Content<'_>| ranges.iter().all(|range| content.agrees(reference, range));
                    let agrees = known.references.iter().any(same);
                    if agrees { equal += ranges.total() } else { differ += ranges.total() }
                }
            }
            if equal >= LEAST_AGREEMENT && differ == 0 && found.replace(torrent).is_some() {
                return None;
            }
        }
        found
    }
}

// Rationale: a connection whose pieces failed this often is not about any given torrent; it is compared at the end.
const MOST_PROBES: u32 = 4_096;
// Rationale: one block that is equal, byte for byte, and not of one value.
const LEAST_AGREEMENT: u64 = 1_024;
