//! Connections in the books: which torrent they are about, and which transfers they belong to.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::bind::Held;
use super::compare::Rivals;
use super::doubt::OfBlock;
use super::{Handshakes, Ledger, Receiver, Record, TorrentKey, TransferId, TransferKey};
use crate::ends::{At, ConnectionId, Direction, FlowKey, Span, Transport};
use crate::facts::Connection as Written;
use crate::oddity::{Bound, Oddity, Sink};
use crate::prove::Prover;
use crate::session::Session;
use crate::torrent::{TorrentId, Torrents};

/// What the ledger keeps of a live connection.
#[derive(Debug, Default)]
pub(super) struct Connection<'cap> {
    pub(super) bound: Option<TorrentId>,
    /// Whether its framing shows that it is the peer wire.
    pub(super) sure: bool,
    /// The torrent that a piece of it matches, while that is not shown.
    pub(super) likely: Option<TorrentId>,
    pub(super) transfers: [Option<TransferId>; 2],
    /// Captured payload bytes that went into each of these transfers.
    pub(super) served: [u64; 2],
    /// Who receives what each side sends, as it was known at the first block: a port declared in the middle of a piece
    /// makes nobody else of the receiver.
    pub(super) receivers: [Option<Receiver>; 2],
    /// The last blocks that each side sent.
    recent: [VecDeque<OfBlock>; 2],
    pub(super) held: Vec<Held<'cap>>,
    /// Blocks that were held before those: what is held is numbered from here on, and no number is used twice.
    let_go: usize,
    pub(super) probes: u32,
    /// Given torrents with a piece that it sent, and those that may have the same pieces.
    pub(super) matched: BTreeMap<TorrentId, Rivals>,
    /// Whether it ended with several torrents that it may be about.
    pub(super) ambiguous: bool,
}

impl<'cap> Connection<'cap> {
    /// Remembers a block among the last ones of its sender.
    pub(super) fn remember(&mut self, from: Direction, block: OfBlock) {
        let recent = &mut self.recent[from.index()];
        if recent.len() >= MOST_RECENT {
            recent.pop_front();
        }
        recent.push_back(block);
    }

    /// The block of `from` in which the byte at the stream offset `place` is, among the last ones.
    pub(super) fn block_at(&self, from: Direction, place: u64) -> Option<OfBlock> {
        self.recent[from.index()].iter().rev().find(|block| block.holds(place)).copied()
    }

    /// The number of the next block to be held.
    pub(super) fn next_held(&self) -> usize {
        self.let_go + self.held.len()
    }

    /// The blocks that are held, with their numbers.
    pub(super) fn numbered(&self) -> impl Iterator<Item = (usize, &Held<'cap>)> {
        (self.let_go..).zip(&self.held)
    }

    /// The block with this number, while it is held.
    pub(super) fn held(&self, number: usize) -> Option<&Held<'cap>> {
        self.held.get(number.checked_sub(self.let_go)?)
    }

    /// Everything that is held; it is no longer.
    pub(super) fn let_go(&mut self) -> Vec<Held<'cap>> {
        self.let_go += self.held.len();
        std::mem::take(&mut self.held)
    }
}

/// What identifies a conversation when a block is served.
#[derive(Clone, Debug)]
pub(crate) struct Conversation {
    pub(super) id: ConnectionId,
    pub(super) flow: FlowKey,
    pub(super) transport: Transport,
    pub(super) info_hashes: [Option<[u8; 20]>; 2],
    pub(super) peer_ids: [Option<[u8; 20]>; 2],
    /// By direction: see [`Session::is_unconfirmed`]; as known by then.
    pub(super) unconfirmed: [bool; 2],
    pub(super) receivers: [Receiver; 2],
    /// Its packets so far.
    pub(super) span: Span,
    /// Of a webseed, a number for where its bytes were asked for.
    pub(super) place: u64,
}

impl Conversation {
    pub(super) fn of(session: &Session<'_>, at: At) -> Self {
        let directions = [Direction::LowToHigh, Direction::HighToLow];
        Self {
            id: session.id,
            flow: session.flow,
            transport: session.transport,
            info_hashes: session.info_hashes(),
            peer_ids: directions
                .map(|from| session.side(from).handshake.as_ref().and_then(|handshake| handshake.peer_id)),
            unconfirmed: directions.map(|from| session.is_unconfirmed(from)),
            receivers: directions.map(|from| session.receiver(from)),
            span: session.span().unwrap_or(Span::single(at)),
            place: 0,
        }
    }
}

impl Conversation {
    fn key(&self, from: Direction, torrent: TorrentKey) -> TransferKey {
        TransferKey {
            uploader: self.flow.source(from),
            downloader: self.flow.destination(from),
            transport: self.transport,
            torrent,
        }
    }
}

impl<'cap> Ledger<'_, 'cap> {
    /// A session is over; `paths` are the tunnels that it crossed.
    pub fn close(
        &mut self,
        session: Session<'cap>,
        paths: BTreeSet<String>,
        prover: &Prover<'cap>,
        anomalies: &mut dyn Sink,
    ) {
        let holds = self.connections.get(&session.id).is_some_and(|connection| !connection.held.is_empty());
        let handshakes = session.info_hashes().iter().flatten().count();
        let bound = self.connections.get(&session.id).is_some_and(|connection| connection.bound.is_some());
        if !session.has_blocks() {
            // Other versions are of use only where there is something that they are versions of.
            [Direction::LowToHigh, Direction::HighToLow]
                .into_iter()
                .for_each(|from| _ = self.conflicts.remove(&(session.id, from)));
        }
        for from in [Direction::LowToHigh, Direction::HighToLow] {
            if session.has_blocks() && (session.is_unconfirmed(from) || self.differ(session.info_hashes())) {
                self.distrust(session.id, from);
            }
        }
        if holds && !bound {
            self.undecided.insert(session.id, Box::new((session, paths)));
            self.decide_early(prover, anomalies);
        } else if handshakes > 0 || bound || session.is_peer_wire() {
            self.merge(&session, &paths, anomalies);
        } else {
            self.connections.remove(&session.id);
        }
    }

    /// Whether two handshakes name different torrents.
    fn differ(&self, info_hashes: [Option<[u8; 20]>; 2]) -> bool {
        match info_hashes {
            [Some(one), Some(other)] => one != other && self.key_of(one) != self.key_of(other),
            _ => false,
        }
    }

    fn key_of(&self, hash: [u8; 20]) -> TorrentKey {
        self.torrents.find(&hash).map_or(TorrentKey::NotGiven(hash), TorrentKey::Given)
    }

    pub(super) fn merge(&mut self, session: &Session<'cap>, paths: &BTreeSet<String>, anomalies: &mut dyn Sink) {
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
            let span = session.side(Direction::LowToHigh).handshake.as_ref().map(|handshake| handshake.span);
            let occurrence = Oddity::InfoHashMismatch.within(span);
            anomalies.odd(occurrence.sent(session.flow, Direction::LowToHigh).of(session.id));
        }
        if !session.has_blocks() && !self.lists(&conversation, keys) {
            self.unlisted.add(session.flow, session.bytes, session.span(), keys);
            let opener = session.initiator.unwrap_or(Direction::LowToHigh);
            let occurrence = Oddity::from(Bound::Rows).within(session.span());
            anomalies.odd(occurrence.sent(session.flow, opener).of(session.id));
            self.connections.remove(&session.id);
            return;
        }
        let written = Written::of(session, paths);
        let Some((written, peer)) = written.as_ref().and_then(|written| Some(written).zip(written.peer())) else {
            return;
        };
        for (from, torrent) in [Direction::LowToHigh, Direction::HighToLow].into_iter().zip(keys) {
            let id = self.transfer(&conversation, from, torrent);
            if let Some(record) = self.records.get_mut(id.0 as usize) {
                if !record.facts.merge(written, peer, from, equal) {
                    let occurrence = Oddity::from(Bound::Names).within(session.span());
                    anomalies.odd(occurrence.sent(session.flow, from).of(session.id));
                }
                let room = &mut self.advertised_room;
                if !session.is_unconfirmed(from)
                    && equal != Handshakes::Differ
                    && !record.facts.advertise(&peer.side(from).claims, pieces_of(self.torrents, torrent), room)
                {
                    let occurrence = Oddity::from(Bound::AdvertisedBytes).within(session.span());
                    anomalies.odd(occurrence.sent(session.flow, from).of(session.id));
                }
                // What was entered before its torrent was known is in another transfer.
                let entered =
                    self.connections.get(&session.id).map_or(0, |connection| connection.served[from.index()]);
                record.add_unplaced(peer.side(from).unplaced);
                record.counts.acknowledged += session.side(from).acknowledged.min(entered);
            }
        }
        self.connections.remove(&session.id);
    }

    /// Whether a connection without piece data is listed: its transfers have rows, or there is room for them. Torrents
    /// that were not given take no more than half of the rows of those that were.
    fn lists(&mut self, conversation: &Conversation, torrents: [TorrentKey; 2]) -> bool {
        let known = self.connections.get(&conversation.id);
        if known.is_some_and(|connection| connection.transfers.iter().any(Option::is_some)) {
            return true;
        }
        let directions = [Direction::LowToHigh, Direction::HighToLow];
        if directions.into_iter().zip(torrents).any(|(from, torrent)| {
            let key = conversation.key(from, torrent);
            self.window(&key, conversation, from).is_some()
        }) {
            return true;
        }
        let given = torrents.iter().any(|torrent| matches!(torrent, TorrentKey::Given(_)));
        let rows = self.limits.rows;
        let of_others = if self.torrents.is_empty() { rows } else { rows / 2 };
        let [own, others] = &mut self.silent;
        let room = *own + *others + ROWS <= rows && (given || *others + ROWS <= of_others);
        if room {
            *(if given { own } else { others }) += ROWS;
        }
        room
    }

    /// Which torrent the side that sends in `from` speaks of.
    pub(super) fn torrent_of(&self, conversation: &Conversation, from: Direction) -> TorrentKey {
        let [low, high] = conversation.info_hashes;
        let (own, other) = match from {
            Direction::LowToHigh => (low, high),
            Direction::HighToLow => (high, low),
        };
        match own.or(other) {
            Some(hash) => self.key_of(hash),
            None => {
                let bound = self.connections.get(&conversation.id).and_then(|connection| connection.bound);
                bound.map_or(TorrentKey::Unknown, TorrentKey::Given)
            }
        }
    }

    /// The transfer that a conversation belongs to; a new one after hours of silence and another peer_id (T41).
    pub(super) fn transfer(
        &mut self,
        conversation: &Conversation,
        from: Direction,
        torrent: TorrentKey,
    ) -> TransferId {
        let connection = self.connections.entry(conversation.id).or_default();
        if let Some(id) = connection.transfers[from.index()]
            && self.records.get(id.0 as usize).is_some_and(|record| record.key.torrent == torrent)
        {
            return id;
        }
        let key = conversation.key(from, torrent);
        let id = self.window(&key, conversation, from).unwrap_or_else(|| self.begin_window(key, conversation));
        if let Some(record) = self.records.get_mut(id.0 as usize) {
            // Known before the connection is over: on one UDP flow the next one may begin first.
            record.facts.peer_id(conversation.peer_ids[from.index()]);
        }
        let connection = self.connections.entry(conversation.id).or_default();
        connection.transfers[from.index()] = Some(id);
        connection.served[from.index()] = 0;
        id
    }

    /// A new transfer of `key`, in order of time among its windows.
    fn begin_window(&mut self, key: TransferKey, conversation: &Conversation) -> TransferId {
        let id = TransferId(self.records.len() as u32);
        let mut record = Record::new(key);
        let latest = self.windows.get(&key).copied();
        let known = latest.and_then(|latest| self.records.get_mut(latest.0 as usize));
        match known.filter(|known| known.active().is_some_and(|span| conversation.span.last.precedes(span.first))) {
            Some(later) => record.earlier = later.earlier.replace(id),
            None => {
                record.earlier = latest;
                self.windows.insert(key, id);
            }
        }
        self.records.push(record);
        id
    }

    /// The transfer of `key` that a conversation goes on with, if it does: the latest one, unless hours and another
    /// peer_id lie between them; else one before it that it is near to in time. Those are asked for by connections
    /// whose end was told late, as on one UDP flow.
    fn window(&self, key: &TransferKey, conversation: &Conversation, from: Direction) -> Option<TransferId> {
        let silence = self.limits.window_silence_ns;
        let latest = *self.windows.get(key)?;
        let mut id = latest;
        for _ in 0..MOST_WINDOWS {
            let record = self.records.get(id.0 as usize)?;
            let near = record.active().is_none_or(|span| span.apart(conversation.span) <= silence);
            let same = || {
                conversation.peer_ids[from.index()]
                    .is_none_or(|id| record.facts.peer_ids.is_empty() || record.facts.peer_ids.contains(&id))
            };
            if near || id == latest && same() {
                return Some(id);
            }
            id = record.earlier?;
        }
        None
    }
}

/// How many pieces a torrent has, where that is known.
fn pieces_of(torrents: &Torrents, torrent: TorrentKey) -> Option<u64> {
    match torrent {
        TorrentKey::Given(id) => Some(u64::from(torrents.torrent(id).piece_count())).filter(|pieces| *pieces > 0),
        TorrentKey::NotGiven(_) | TorrentKey::Unknown => None,
    }
}

// Rationale: as many blocks of 16 KiB as the segments that a stream keeps to compare those sent again with.
const MOST_RECENT: usize = 128;
// Rationale: a connection is two transfers, one for each direction.
const ROWS: usize = 2;
// Rationale: more silences of hours than a capture of a week has; the search is done for each connection.
const MOST_WINDOWS: usize = 64;
