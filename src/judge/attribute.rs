//! Names: of which torrent each connection speaks, by its handshakes, and what else is known of it before its blocks are
//! looked at.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::path::Path;

use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

use super::Carrier;
use super::{Receiver, TorrentKey, TransferId};
use crate::ends::{ConnectionId, Direction, FlowKey, FrameId, Span, Timestamp, Transport};
use crate::facts::{Connection, Facts, Plain, Sorted, Unplaced};
use crate::limits::JUDGED_TRANSFERS;
use crate::torrent::{Torrent, TorrentId, Torrents};
use crate::{Error, Limits};

/// A connection, or what a web server sent of one torrent on one, from one place.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Line {
    /// The connection whose streams carried it.
    pub(super) connection: ConnectionId,
    pub(super) flow: FlowKey,
    pub(super) transport: Transport,
    /// Of which torrent each direction speaks.
    pub(super) torrents: [TorrentKey; 2],
    /// Set if a handshake, or a request to a web server, names the torrent.
    pub(super) named: bool,
    /// How the info-hash begins that a cut handshake asks for, as far as it is known.
    pub(super) begins: Vec<u8>,
    pub(super) peer_ids: [Option<[u8; 20]>; 2],
    /// By direction: see [`Connection::is_unconfirmed`].
    pub(super) unconfirmed: [bool; 2],
    pub(super) span: Span,
    pub(super) has_blocks: bool,
    /// Set if a block of the connection was written down.
    pub(super) has_block: bool,
    /// Set if a side sent messages that are a peer's beyond doubt.
    pub(super) is_sure: bool,
    /// Who opened it, as far as is known.
    pub(super) opener: Direction,
    /// See [`Connection::is_content`].
    pub(super) is_content: bool,
    pub(super) is_peer_wire: bool,
    /// Payload bytes on the wire.
    pub(super) bytes: u64,
    /// By direction: payload bytes of blocks that the receiver's transport acknowledged.
    pub(super) acknowledged: [u64; 2],
    /// By direction: see [`Side::unplaced`](crate::facts::Side::unplaced).
    pub(super) unplaced: [Unplaced; 2],
    /// The only direction of which it speaks, of a web server.
    pub(super) only: Option<Direction>,
    /// Several torrents may be meant.
    pub(super) several: bool,
    /// Of a web server, a number for where its bytes were asked for, and whether the torrent lists that place; else 0.
    pub(super) place: (u64, bool),
    /// Who receives what each side sends, as it was known at the first block: a port declared in the middle of a piece
    /// makes nobody else of the receiver.
    pub(super) receivers: [Option<Receiver>; 2],
    /// The transfers of both directions; none for what has no row.
    #[serde(skip)]
    pub(super) transfers: [Option<TransferId>; 2],
}

/// By time, and of one connection in the order in which lines were made.
pub(super) type LineOrder = (Timestamp, FrameId, ConnectionId);

/// Lines in the order of time, those in memory apart.
pub(super) type SortedLines = Sorted<Plain<Line>, LineOrder>;

/// All lines, by the number under which blocks know them.
#[derive(Debug, Default)]
pub(super) struct Lines {
    pub(super) all: Vec<Line>,
    index: HashMap<ConnectionId, usize, foldhash::quality::FixedState>,
    /// A number that no connection of the captures has.
    pub(super) unused: u64,
    /// The connections to web servers, whose lines are made when bodies are placed.
    pub(super) webs: Vec<Connection>,
    /// Those of BitTorrent on which there are no blocks: there may be any number of them.
    pub(super) silent: Option<SortedLines>,
    /// Traffic of connections that are not judged.
    pub(super) unjudged: Unjudged,
    /// The pieces of which blocks were sent on those.
    pub(super) unjudged_pieces: BTreeSet<u32>,
}

/// Connections with piece data beyond as many as are judged: those on which least was sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unjudged {
    /// How many there were.
    pub connections: u64,
    /// Captured payload bytes of their blocks.
    pub served: u64,
    /// Payload bytes of blocks that were sent on them and not captured.
    pub lost: u64,
    /// Their first and last packet.
    pub span: Option<Span>,
}

impl Unjudged {
    fn add(&mut self, line: &Line) {
        self.connections += 1;
        self.served += line.unplaced.iter().map(|unplaced| unplaced.served).sum::<u64>();
        self.lost += line.unplaced.iter().map(|unplaced| unplaced.lost).sum::<u64>();
        self.span = Some(self.span.map_or(line.span, |span| span.join(line.span)));
    }
}

impl Line {
    /// The line of a connection of the peer wire, or what may be it.
    pub(super) fn of(connection: &Connection, torrents: &Torrents) -> Option<Self> {
        let peer = connection.peer()?;
        // Whatever a handshake names that is content, it speaks for nobody.
        let is_content = connection.is_content();
        let [low, high] = if is_content { [None; 2] } else { peer.info_hashes() };
        let begins: &[u8] = if is_content { &[] } else { peer.info_hash_begins() };
        let key = |hash: Option<[u8; 20]>| hash.map_or(TorrentKey::Unknown, |hash| key_of(hash, torrents));
        Some(Self {
            connection: connection.id,
            flow: connection.flow,
            transport: connection.transport,
            torrents: [key(low.or(high)), key(high.or(low))],
            named: low.or(high).is_some(),
            begins: begins.to_vec(),
            peer_ids: peer.peer_ids(),
            unconfirmed: BOTH.map(|from| connection.is_unconfirmed(from)),
            span: connection.span,
            has_blocks: peer.has_blocks(),
            has_block: false,
            is_sure: !is_content && BOTH.iter().any(|from| peer.is_sure(*from)),
            opener: connection.initiator.unwrap_or(Direction::LowToHigh),
            is_content,
            is_peer_wire: !is_content && peer.is_peer_wire(),
            bytes: connection.bytes,
            acknowledged: BOTH.map(|from| connection.stream(from).acknowledged),
            unplaced: BOTH.map(|from| peer.side(from).unplaced),
            only: None,
            several: false,
            place: (0, false),
            receivers: [None; 2],
            transfers: [None; 2],
        })
    }

    /// The line of a web server that sent `torrent`.
    pub(super) fn of_web(connection: &Connection, torrent: TorrentId, place: (u64, bool)) -> Self {
        let key = TorrentKey::Given(torrent);
        Self {
            connection: connection.id,
            flow: connection.flow,
            transport: Transport::Http,
            torrents: [key; 2],
            named: true,
            begins: Vec::new(),
            peer_ids: [None; 2],
            unconfirmed: BOTH.map(|from| connection.is_unconfirmed(from)),
            span: connection.span,
            has_blocks: true,
            has_block: true,
            is_sure: true,
            opener: connection.initiator.unwrap_or(Direction::LowToHigh),
            is_content: false,
            is_peer_wire: true,
            bytes: connection.bytes,
            acknowledged: BOTH.map(|from| connection.stream(from).acknowledged),
            unplaced: [Unplaced::default(); 2],
            only: connection.web().map(|web| web.server),
            several: false,
            place,
            receivers: [Some((connection.flow.high.ip, None)), Some((connection.flow.low.ip, None))],
            transfers: [None; 2],
        }
    }

    pub(super) fn order(&self) -> LineOrder {
        (self.span.first.time, self.span.first.frame, self.connection)
    }

    /// Returns true if the torrent of the connection is to be told by the blocks that it carried.
    pub(super) fn is_open(&self) -> bool {
        !self.named
    }

    /// Returns true if a cut handshake leaves it open that the connection is of this torrent.
    pub(super) fn may_be_of(&self, torrent: &Torrent) -> bool {
        torrent.wire_hashes().any(|hash| hash.starts_with(&self.begins))
    }

    /// Returns true if the connection has a row: it is BitTorrent beyond doubt.
    pub(super) fn is_told(&self) -> bool {
        self.named || self.several || self.torrents != [TorrentKey::Unknown; 2] || self.is_peer_wire
    }

    pub(super) fn torrent(&self, from: Direction) -> TorrentKey {
        let [low, high] = self.torrents;
        match from {
            Direction::LowToHigh => low,
            Direction::HighToLow => high,
        }
    }

    /// Facts of the connection that its shares need. Before transfers are made, each direction stands for one of its
    /// own: `index` is that of the line.
    pub(super) fn carrier(&self, from: Direction, index: usize) -> Carrier {
        let own = TransferId((2 * index + from.index()) as u32);
        let unknown = (self.flow.destination(from).ip, None);
        let receiver = self.receivers.get(from.index()).copied().flatten().unwrap_or(unknown);
        Carrier {
            transfer: self.transfers.get(from.index()).copied().flatten().unwrap_or(own),
            receiver,
            connection: self.connection,
            place: self.place.0,
            named: self.named,
            // Where the ends do not speak of one torrent, what one says is no claim to have pieces of it, and what the other
            // asks for is none of it (T12).
            unheard: self.unconfirmed.get(from.index()).copied().unwrap_or(false)
                || self.torrents[0] != self.torrents[1],
        }
    }
}

/// Of which torrent an info-hash on the wire is.
pub(super) fn key_of(hash: [u8; 20], torrents: &Torrents) -> TorrentKey {
    torrents.find(&hash).map_or(TorrentKey::NotGiven(hash), TorrentKey::Given)
}

impl Lines {
    /// The connections of the peer wire, or what may be it.
    ///
    /// # Errors
    /// [`Error::Io`] when there is no room to sort those without blocks.
    pub(super) fn of(
        facts: &Facts,
        torrents: &Torrents,
        limits: &Limits,
        spool_dir: Option<&Path>,
    ) -> Result<Self, Error> {
        let mut lines = Self { unused: 1, ..Self::default() };
        let silent = facts.connections.iter().filter_map(|connection| lines.enter(connection, torrents)).map(Plain);
        let sorted = Sorted::new(silent, |line| line.0.order(), limits.other_journal_memory(), spool_dir)?;
        lines.silent = Some(sorted);
        lines.leave(JUDGED_TRANSFERS);
        lines.index = (0..).zip(&lines.all).map(|(index, line)| (line.connection, index)).collect();
        for block in &facts.blocks {
            let Some(line) = lines.get_mut(block.connection) else {
                lines.unjudged.served += block.captured();
                lines.unjudged.lost += block.lost();
                lines.unjudged_pieces.insert(block.piece);
                continue;
            };
            line.has_block = true;
            if block.captured() > 0
                && let Some(receiver) = line.receivers.get_mut(block.from.index())
            {
                receiver.get_or_insert((block.receiver.ip, block.receiver.port));
            }
        }
        Ok(lines)
    }

    /// Adds a connection; gives its line back where it is one of BitTorrent without blocks.
    fn enter(&mut self, connection: Connection, torrents: &Torrents) -> Option<Line> {
        self.unused = self.unused.max(connection.id.0 + 1);
        if connection.web().is_some() {
            self.webs.push(connection);
            return None;
        }
        let line = Line::of(&connection, torrents)?;
        if !line.has_blocks {
            // Nothing that comes later names it.
            return Some(line).filter(Line::is_told);
        }
        self.all.push(line);
        if self.all.len() > JUDGED_TRANSFERS + JUDGED_TRANSFERS / 4 {
            self.leave(JUDGED_TRANSFERS);
        }
        None
    }

    /// Leaves the `most` lines on which most was sent; of equal ones the first.
    fn leave(&mut self, most: usize) {
        if self.all.len() > most {
            self.all.sort_by_cached_key(|line| (Reverse(line.bytes), line.order()));
            self.all.drain(most..).for_each(|line| self.unjudged.add(&line));
        }
    }

    pub(super) fn add(&mut self, id: ConnectionId, line: Line) {
        self.index.insert(id, self.all.len());
        self.all.push(line);
    }

    pub(super) fn index(&self, id: ConnectionId) -> Option<usize> {
        self.index.get(&id).copied()
    }

    pub(super) fn get(&self, id: ConnectionId) -> Option<(usize, &Line)> {
        let index = self.index(id)?;
        Some((index, self.all.get(index)?))
    }

    fn get_mut(&mut self, id: ConnectionId) -> Option<&mut Line> {
        let index = self.index(id)?;
        self.all.get_mut(index)
    }
}

/// A stable number for a text; never 0.
pub(super) fn number_of(text: &str) -> u64 {
    let digest = crate::prove::sha256(&[text.as_bytes()]);
    digest.first_chunk().map_or(1, |bytes| u64::from_le_bytes(*bytes)).max(1)
}

pub(super) const BOTH: [Direction; 2] = [Direction::LowToHigh, Direction::HighToLow];

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::ends::{At, Endpoint, Protocol};

    /// A connection between two hosts with so many payload bytes on the wire.
    pub(in crate::judge) fn line(number: u64, bytes: u64) -> Line {
        let endpoint = |host: u8, port: u16| Endpoint { ip: [192, 0, 2, host].into(), port };
        let (flow, _) = FlowKey::new(endpoint(1, 50_000), endpoint(2, 6_881), Protocol::Tcp);
        let at = At { time: Timestamp(number as i64), frame: FrameId::new(0, number) };
        Line {
            connection: ConnectionId(number),
            flow,
            transport: Transport::Tcp,
            torrents: [TorrentKey::NotGiven([7; 20]); 2],
            named: true,
            begins: Vec::new(),
            peer_ids: [None; 2],
            unconfirmed: [false; 2],
            span: Span::single(at),
            has_blocks: true,
            has_block: true,
            is_sure: true,
            opener: Direction::LowToHigh,
            is_content: false,
            is_peer_wire: true,
            bytes,
            acknowledged: [0; 2],
            unplaced: [Unplaced::default(); 2],
            only: None,
            several: false,
            place: (0, false),
            receivers: [None; 2],
            transfers: [None; 2],
        }
    }

    #[test]
    fn beyond_the_bound_those_stay_on_which_most_was_sent_and_the_others_are_summed() {
        let mut lines = Lines::default();
        let unplaced = Unplaced { served: 3, lost: 4 };
        let sizes = [5, 90, 5, 7, 5];
        lines.all.extend(
            (1..)
                .zip(sizes)
                .map(|(number, bytes)| Line { unplaced: [unplaced, Unplaced::default()], ..line(number, bytes) }),
        );
        lines.leave(5);
        assert_eq!((lines.all.len(), lines.unjudged), (5, Unjudged::default()));
        lines.leave(3);
        let stay: Vec<u64> = lines.all.iter().map(|line| line.connection.0).collect();
        assert_eq!(stay, [2, 4, 1], "of equal ones the first");
        let span = line(3, 0).span.join(line(5, 0).span);
        assert_eq!(lines.unjudged, Unjudged { connections: 2, served: 6, lost: 8, span: Some(span) });
    }
}
