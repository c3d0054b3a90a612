//! Transfers: which connections are one, in time, and what they prove together.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::BuildHasher;

use hashbrown::HashTable;

use super::attribute::{BOTH, Line, Lines, SortedLines, key_of};
use super::share::requested;
use super::web::Served;
use super::{Handshakes, Record, SessionTimes, TorrentKey, TransferId, TransferKey, Unlisted};
use crate::Limits;
use crate::ends::{ConnectionId, Direction};
use crate::facts::{Block, Connection, Facts, Head, Plain};
use crate::limits::PEER_WINDOWS;
use crate::oddity::{Bound, Oddity, Sink};
use crate::session::Encryption;
use crate::torrent::Torrents;

/// The transfers of a run, while they are made.
#[derive(Debug, Default)]
pub(super) struct Transfers {
    pub(super) records: Vec<Record>,
    pub(super) unlisted: Unlisted,
    /// The latest window of each key.
    latest: HashTable<TransferId>,
    /// By record: the window of its key before it.
    earlier: Vec<Option<TransferId>>,
    /// Records made by connections without piece data: of given torrents, of others.
    silent: [usize; 2],
}

impl Transfers {
    /// Groups connections by their ends, torrent and time; after hours of silence and another peer_id there is another
    /// transfer (T41). Of those without piece data only they are kept in `lines` that are listed.
    pub(super) fn of(lines: &mut Lines, torrents: &Torrents, limits: &Limits, out: &mut dyn Sink) -> Self {
        let mut own: Vec<usize> = (0..lines.all.len()).collect();
        own.sort_by_key(|index| lines.all.get(*index).map(Line::order));
        let sorted = lines.silent.take();
        let mut silent = sorted.iter().flat_map(SortedLines::iter).peekable();
        let mut transfers = Self::default();
        // Never copied to make room: there may be as many.
        transfers.records.reserve(2 * own.len());
        let mut own = own.into_iter().peekable();
        loop {
            let next = own.peek().and_then(|index| lines.all.get(*index)).map(Line::order);
            let earlier = silent.next_if(|(order, _)| next.is_none_or(|next| *order < next));
            if let Some((_, Plain(mut line))) = earlier {
                if transfers.add(&mut line, torrents, limits, out) {
                    lines.add(line.connection, line);
                }
            } else if let Some(line) = own.next().and_then(|index| lines.all.get_mut(index)) {
                transfers.add(line, torrents, limits, out);
            } else {
                break;
            }
        }
        (transfers.latest, transfers.earlier) = (HashTable::new(), Vec::new());
        transfers
    }

    /// Adds a connection, in order of time; whether it is listed.
    fn add(&mut self, line: &mut Line, torrents: &Torrents, limits: &Limits, out: &mut dyn Sink) -> bool {
        if !line.is_told() {
            return false;
        }
        if !line.has_blocks && !self.lists(line, torrents, limits) {
            self.unlisted.add(line.flow, line.bytes, Some(line.span), line.torrents);
            out.odd(Oddity::from(Bound::Rows).within(line.span).sent(line.flow, line.opener).of(line.connection));
            return false;
        }
        for from in BOTH.into_iter().filter(|from| line.only.is_none_or(|only| only == *from)) {
            let id = self.join(line, from, limits);
            if let Some(place) = line.transfers.get_mut(from.index()) {
                *place = Some(id);
            }
            if let Some(record) = self.records.get_mut(id.0 as usize) {
                record.span = Some(record.span.map_or(line.span, |span| span.join(line.span)));
                record.peer_id(line.peer_ids.get(from.index()).copied().flatten());
                if line.place.1 {
                    record.facts.named_places.insert(line.place.0);
                }
                record.add_unplaced(line.unplaced.get(from.index()).copied().unwrap_or_default());
            }
        }
        true
    }

    /// The transfer that a connection is of; a new one where there is none.
    fn join(&mut self, line: &Line, from: Direction, limits: &Limits) -> TransferId {
        let key = key(line, from);
        if let Some(known) = self.window(&key, line, from, limits.window_silence_ns) {
            return known;
        }
        let next = TransferId(self.records.len() as u32);
        let Self { records, latest, earlier, .. } = self;
        let key_of = |id: &TransferId| records.get(id.0 as usize).map(|record| &record.key);
        match latest.find_mut(hash(&key), |id| key_of(id) == Some(&key)) {
            Some(id) => earlier.push(Some(std::mem::replace(id, next))),
            None => {
                latest.insert_unique(hash(&key), next, |id| key_of(id).map_or(0, hash));
                earlier.push(None);
            }
        }
        self.records.push(Record::new(key));
        next
    }

    /// The transfer of `key` that a connection goes on with, if it does: the latest one, unless hours and another peer_id lie
    /// between them; else one before it that it is near to in time.
    fn window(&self, key: &TransferKey, line: &Line, from: Direction, silence: i64) -> Option<TransferId> {
        let own = line.peer_ids.get(from.index()).copied().flatten();
        let record = |id: &TransferId| self.records.get(id.0 as usize);
        let latest = self.latest.find(hash(key), |id| record(id).is_some_and(|record| record.key == *key));
        let windows = std::iter::successors(latest.copied(), |id| *self.earlier.get(id.0 as usize)?);
        for (back, id) in windows.take(PEER_WINDOWS).enumerate() {
            let record = record(&id)?;
            let same = || own.is_none_or(|own| record.peer_ids.is_empty() || record.peer_ids.contains(&own));
            let near = record.span.is_some_and(|span| span.apart(line.span) <= silence);
            if near || (back == 0 && same()) {
                return Some(id);
            }
        }
        None
    }

    /// Returns true if a connection without piece data is listed: its transfers have rows, or there is room for them.
    /// Torrents that were not given take no more than half of the rows of those that were.
    fn lists(&mut self, line: &Line, torrents: &Torrents, limits: &Limits) -> bool {
        let silence = limits.window_silence_ns;
        if BOTH.into_iter().any(|from| self.window(&key(line, from), line, from, silence).is_some()) {
            return true;
        }
        let given = line.torrents.iter().any(|torrent| matches!(torrent, TorrentKey::Given(_)));
        let rows = limits.rows;
        let of_others = if torrents.is_empty() { rows } else { rows / 2 };
        let [own, others] = &mut self.silent;
        let room = *own + *others + ROWS <= rows && (given || *others + ROWS <= of_others);
        if room {
            *(if given { own } else { others }) += ROWS;
        }
        room
    }

    /// Adds what the connections prove of the transfers that have rows, in the order in which they ended.
    pub(super) fn merge(
        &mut self,
        facts: &Facts,
        lines: &Lines,
        web: &Served,
        torrents: &Torrents,
        limits: &Limits,
        out: &mut dyn Sink,
    ) {
        let mut room = limits.advertised_bytes;
        let mut of_web: BTreeMap<ConnectionId, BTreeSet<TransferId>> = BTreeMap::new();
        for line in lines.all.iter().filter(|line| line.only.is_some()) {
            of_web.entry(line.connection).or_default().extend(line.transfers.iter().flatten());
        }
        let records = &self.records;
        let is_told = |id: &TransferId| records.get(id.0 as usize).is_some_and(|record| !record.left_out);
        // Of most of a flood nothing is told.
        let told: Vec<bool> = lines.all.iter().map(|line| line.transfers.iter().flatten().any(is_told)).collect();
        let of_line =
            |id: ConnectionId| lines.index(id).and_then(|index| told.get(index).copied()).unwrap_or(false);
        let wanted = |head: &Head| match head.is_web {
            true => of_web.contains_key(&head.id),
            false => head.differs || of_line(head.id),
        };
        for connection in facts.connections.choose(wanted) {
            for id in of_web.get(&connection.id).into_iter().flatten() {
                self.merge_web(&connection, *id, web);
            }
            let Some(peer) = connection.peer() else { continue };
            let equal = match peer.info_hashes() {
                [Some(one), Some(other)] if key_of(one, torrents) == key_of(other, torrents) => Handshakes::Agree,
                [Some(_), Some(_)] => Handshakes::Differ,
                _ => Handshakes::OneSide,
            };
            if equal == Handshakes::Differ {
                let span = peer.side(Direction::LowToHigh).handshake.map(|handshake| handshake.span);
                let occurrence = Oddity::InfoHashMismatch.within(span);
                out.odd(occurrence.sent(connection.flow, Direction::LowToHigh).of(connection.id));
            }
            let Some((_, line)) = lines.get(connection.id) else { continue };
            for from in BOTH {
                let told = |bound: Bound| {
                    Oddity::from(bound).within(connection.span).sent(connection.flow, from).of(connection.id)
                };
                let id = line.transfers.get(from.index()).copied().flatten();
                let record = id.and_then(|id| self.records.get_mut(id.0 as usize));
                let Some(record) = record.filter(|record| !record.left_out) else { continue };
                let peer_id = peer.side(from).handshake.and_then(|handshake| handshake.peer_id);
                if !(record.facts.merge(&connection, peer, from, equal) & record.peer_id(peer_id)) {
                    out.odd(told(Bound::Names));
                }
                if !connection.is_unconfirmed(from) && equal != Handshakes::Differ {
                    let pieces = match line.torrent(from) {
                        TorrentKey::Given(id) => Some(u64::from(torrents.torrent(id).piece_count())),
                        TorrentKey::NotGiven(_) | TorrentKey::Unknown => None,
                    };
                    let pieces = pieces.filter(|pieces| *pieces > 0);
                    if !record.facts.advertise(&peer.side(from).claims, pieces, &mut room) {
                        out.odd(told(Bound::AdvertisedBytes));
                    }
                }
            }
        }
    }

    fn merge_web(&mut self, connection: &Connection, id: TransferId, web: &Served) {
        let record = self.records.get_mut(id.0 as usize).filter(|record| !record.left_out);
        let (Some(of), Some(record)) = (connection.web(), record) else { return };
        let unconfirmed = connection.is_unconfirmed(of.server);
        let facts = &mut record.facts;
        facts.connections += 1;
        facts.unconfirmed += u32::from(unconfirmed);
        let stream = connection.stream(of.server);
        facts.session(SessionTimes {
            first: connection.span.first.time,
            last: connection.span.last.time,
            is_whole: connection.opening.is_some() && stream.gaps == 0 && !stream.snaplen,
            is_unconfirmed: unconfirmed,
        });
        facts.opened_by_downloader += 1;
        facts.encryption = Some(Encryption::None);
        let first = web.first.get(&connection.id).copied();
        facts.first_piece = facts.first_piece.or(first.filter(|_| !unconfirmed));
        facts.merge_transport(connection, of.server);
    }

    /// Counts a block that a line carried, whatever it is worth; gives the record that it is of, where there is one.
    pub(super) fn weigh(
        &mut self,
        block: &Block,
        line: &Line,
        served: &mut BTreeMap<(ConnectionId, TransferId), u64>,
    ) -> Option<&mut Record> {
        let id = line.transfers.get(block.from.index()).copied().flatten()?;
        let record = self.records.get_mut(id.0 as usize)?;
        let captured = block.captured();
        record.counts.served += captured;
        record.counts.lost += block.lost();
        *served.entry((line.connection, id)).or_default() += captured;
        if requested(block).is_some() {
            record.counts.solicited += captured;
        }
        if captured > 0 {
            record.served_span = Some(record.served_span.map_or(block.span, |span| span.join(block.span)));
            record.times.add(block.span.first.time, block.span.last.time, captured);
        }
        Some(record)
    }

    /// Counts what receivers acknowledged; `served` is what went into each transfer on each connection, by its number in the
    /// facts.
    pub(super) fn acknowledge(&mut self, lines: &Lines, served: &BTreeMap<(ConnectionId, TransferId), u64>) {
        let connections: BTreeMap<ConnectionId, &Line> =
            lines.all.iter().filter(|line| line.has_blocks).map(|line| (line.connection, line)).collect();
        for (connection, line) in connections {
            let all = (connection, TransferId(0))..=(connection, TransferId(u32::MAX));
            let of: Vec<_> = served.range(all).collect();
            for (from, acknowledged) in BOTH.into_iter().zip(line.acknowledged) {
                let own = of.iter().filter(|((_, id), _)| {
                    let record = self.records.get(id.0 as usize);
                    record.is_some_and(|record| record.key.uploader == line.flow.source(from))
                });
                // A connection for several torrents: what was acknowledged of each is not told apart.
                if let [((_, id), served)] = own.collect::<Vec<_>>()[..]
                    && let Some(record) = self.records.get_mut(id.0 as usize)
                {
                    record.counts.acknowledged += acknowledged.min(**served);
                }
            }
        }
    }
}

fn hash(key: &TransferKey) -> u64 {
    foldhash::quality::FixedState::default().hash_one(key)
}

fn key(line: &Line, from: Direction) -> TransferKey {
    TransferKey {
        uploader: line.flow.source(from),
        downloader: line.flow.destination(from),
        transport: line.transport,
        torrent: line.torrent(from),
    }
}

// Rationale: a connection is two transfers, one for each direction.
const ROWS: usize = 2;

#[cfg(test)]
mod tests {
    use super::super::attribute::tests::line as any_line;
    use super::*;
    use crate::ends::{At, FrameId, Span, Timestamp, Transport};

    const HOUR: i64 = 3_600_000_000_000;

    /// A connection from the first host to the second one at an hour, on which the second one is this peer.
    fn line(number: u64, hour: i64, peer_id: Option<u8>) -> Line {
        let at = At { time: Timestamp(hour * HOUR), frame: FrameId::new(0, number) };
        Line { peer_ids: [None, peer_id.map(|id| [id; 20])], span: Span::single(at), ..any_line(number, 100) }
    }

    /// The transfer of the second host on each line, and how many connections got no row.
    fn transfers(mut lines: Vec<Line>, rows: usize) -> (Vec<Option<u32>>, u64) {
        let limits = Limits { rows, ..Limits::default() };
        let mut transfers = Transfers::default();
        let mut order: Vec<usize> = (0..lines.len()).collect();
        order.sort_by_key(|index| (lines[*index].span.first.time, lines[*index].span.first.frame));
        for index in order {
            transfers.add(&mut lines[index], &Torrents::default(), &limits, &mut Vec::new());
        }
        let of = |line: &Line| line.transfers[Direction::HighToLow.index()].map(|id| id.0);
        (lines.iter().map(of).collect(), transfers.unlisted.connections)
    }

    fn same(lines: Vec<Line>) -> Vec<bool> {
        let (ids, _) = transfers(lines, 100);
        ids.windows(2).map(|pair| pair[0] == pair[1]).collect()
    }

    #[test]
    fn hours_of_silence_and_another_client_make_another_transfer() {
        assert_eq!(same(vec![line(1, 0, Some(1)), line(2, 0, Some(2))]), [true], "near in time");
        assert_eq!(same(vec![line(1, 0, Some(1)), line(2, 9, Some(2))]), [false], "hours, another client");
        assert_eq!(same(vec![line(1, 0, Some(1)), line(2, 9, Some(1))]), [true], "hours, one client");
        assert_eq!(
            same(vec![line(1, 0, Some(1)), line(2, 9, None)]),
            [true],
            "hours, and who it is was not captured"
        );
        assert_eq!(
            same(vec![line(1, 0, None), line(2, 9, Some(2))]),
            [true],
            "hours, and who it was was not captured"
        );
    }

    #[test]
    fn windows_do_not_depend_on_the_order_in_which_connections_ended() {
        let hours = [(1, 0, 1), (2, 9, 2), (3, 9, 2), (4, 0, 1)];
        let lines = || hours.map(|(number, hour, peer)| line(number, hour, Some(peer))).to_vec();
        let (ids, _) = transfers(lines(), 100);
        assert_eq!((ids[0], ids[1]), (ids[3], ids[2]));
        assert_ne!(ids[0], ids[1]);
        let (mut reversed, _) = transfers(lines().into_iter().rev().collect(), 100);
        reversed.reverse();
        assert_eq!(ids, reversed);
    }

    #[test]
    fn another_torrent_or_transport_is_another_transfer() {
        let torrent = Line { torrents: [TorrentKey::NotGiven([8; 20]); 2], ..line(2, 0, None) };
        assert_eq!(same(vec![line(1, 0, None), torrent]), [false]);
        let transport = Line { transport: Transport::Utp, ..line(2, 0, None) };
        assert_eq!(same(vec![line(1, 0, None), transport]), [false]);
    }

    #[test]
    fn connections_without_piece_data_have_rows_while_there_is_room() {
        let silent = |number: u64| Line {
            has_blocks: false,
            torrents: [TorrentKey::NotGiven([number as u8; 20]); 2],
            ..line(number, 0, None)
        };
        let (ids, unlisted) = transfers(vec![silent(1), silent(2), silent(3), line(4, 0, None)], 4);
        assert_eq!(ids.iter().map(Option::is_some).collect::<Vec<_>>(), [true, true, false, true]);
        assert_eq!(unlisted, 1);
        // Those of a transfer that has a row are told with it.
        let (ids, unlisted) = transfers(vec![silent(1), silent(2), Line { ..silent(1) }], 4);
        assert_eq!((ids.iter().flatten().count(), unlisted), (3, 0));
    }

    #[test]
    fn what_nothing_shows_to_be_bittorrent_has_no_transfer() {
        let unknown = |is_peer_wire| Line {
            named: false,
            torrents: [TorrentKey::Unknown; 2],
            is_peer_wire,
            ..line(1, 0, None)
        };
        assert_eq!(transfers(vec![unknown(false)], 100).0, [None]);
        assert!(transfers(vec![unknown(true)], 100).0[0].is_some());
        let several = Line { several: true, ..unknown(false) };
        assert!(transfers(vec![several], 100).0[0].is_some());
    }
}
