//! Transfers: which connections are one, in time, and what they prove together.

use std::collections::{BTreeMap, BTreeSet};

use super::attribute::{BOTH, Line, Lines};
use super::web::Served;
use crate::Limits;
use crate::ends::{ConnectionId, Direction, Span};
use crate::facts::{Connection, Facts};
use crate::ledger::{Handshakes, Record, SessionTimes, TorrentKey, TransferId, TransferKey, Unlisted};
use crate::oddity::{Bound, Oddity, Sink};
use crate::session::Encryption;
use crate::torrent::Torrents;

/// The transfers of a run, while they are made.
#[derive(Debug, Default)]
pub(super) struct Transfers {
    pub(super) records: Vec<Record>,
    pub(super) unlisted: Unlisted,
    /// The windows of each key, the latest last.
    windows: BTreeMap<TransferKey, Vec<(TransferId, Span)>>,
    /// Records made by connections without piece data: of given torrents, of others.
    silent: [usize; 2],
}

impl Transfers {
    /// Groups connections by their ends, torrent and time; after hours of silence and another peer_id there is another
    /// transfer (T41).
    pub(super) fn of(lines: &mut Lines, torrents: &Torrents, limits: &Limits, out: &mut dyn Sink) -> Self {
        let mut transfers = Self::default();
        let mut order: Vec<usize> = (0..lines.all.len()).collect();
        let key = |index: &usize| {
            lines.all.get(*index).map(|line| (line.span.first.time, line.span.first.frame, line.connection, *index))
        };
        order.sort_by_key(key);
        for index in order {
            let Some(line) = lines.all.get_mut(index).filter(|line| line.is_told()) else { continue };
            if !line.has_blocks && !transfers.lists(line, torrents, limits) {
                transfers.unlisted.add(line.flow, line.bytes, Some(line.span), line.torrents);
                out.odd(
                    Oddity::from(Bound::Rows).within(line.span).sent(line.flow, line.opener).of(line.connection),
                );
                continue;
            }
            for from in BOTH.into_iter().filter(|from| line.only.is_none_or(|only| only == *from)) {
                let id = transfers.join(line, from, limits);
                if let Some(place) = line.transfers.get_mut(from.index()) {
                    *place = Some(id);
                }
                if let Some(record) = transfers.records.get_mut(id.0 as usize) {
                    record.facts.peer_id(line.peer_ids.get(from.index()).copied().flatten());
                    record.facts.named_places.extend(line.place.1.then_some(line.place.0));
                }
            }
        }
        transfers
    }

    /// The transfer that a connection is of; a new one where there is none.
    fn join(&mut self, line: &Line, from: Direction, limits: &Limits) -> TransferId {
        let key = key(line, from);
        let known = self.window(&key, line, from, limits.window_silence_ns);
        let next = TransferId(self.records.len() as u32);
        let windows = self.windows.entry(key).or_default();
        match known.and_then(|known| windows.iter_mut().find(|(id, _)| *id == known)) {
            Some((id, span)) => {
                *span = span.join(line.span);
                *id
            }
            None => {
                windows.push((next, line.span));
                self.records.push(Record::new(key));
                next
            }
        }
    }

    /// The transfer of `key` that a connection goes on with, if it does: the latest one, unless hours and another peer_id lie
    /// between them; else one before it that it is near to in time.
    fn window(&self, key: &TransferKey, line: &Line, from: Direction, silence: i64) -> Option<TransferId> {
        let own = line.peer_ids.get(from.index()).copied().flatten();
        for (back, (id, span)) in self.windows.get(key)?.iter().rev().take(MOST_WINDOWS).enumerate() {
            let known = &self.records.get(id.0 as usize)?.facts.peer_ids;
            let same = || own.is_none_or(|own| known.is_empty() || known.contains(&own));
            if span.apart(line.span) <= silence || (back == 0 && same()) {
                return Some(*id);
            }
        }
        None
    }

    /// Whether a connection without piece data is listed: its transfers have rows, or there is room for them. Torrents
    /// that were not given take no more than half of the rows of those that were.
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

    /// Adds what the connections prove, in the order in which they ended.
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
        for connection in &facts.connections {
            for id in of_web.get(&connection.id).into_iter().flatten() {
                self.merge_web(&connection, *id, web);
            }
            let (Some((_, line)), Some(peer)) = (lines.get(connection.id), connection.peer()) else { continue };
            let equal = match peer.info_hashes() {
                [Some(_), Some(_)] if line.torrents[0] == line.torrents[1] => Handshakes::Agree,
                [Some(_), Some(_)] => Handshakes::Differ,
                _ => Handshakes::OneSide,
            };
            if equal == Handshakes::Differ {
                let span = peer.side(Direction::LowToHigh).handshake.map(|handshake| handshake.span);
                let occurrence = Oddity::InfoHashMismatch.within(span);
                out.odd(occurrence.sent(connection.flow, Direction::LowToHigh).of(connection.id));
            }
            for from in BOTH {
                let told = |bound: Bound| {
                    Oddity::from(bound).within(connection.span).sent(connection.flow, from).of(connection.id)
                };
                let id = line.transfers.get(from.index()).copied().flatten();
                let Some(record) = id.and_then(|id| self.records.get_mut(id.0 as usize)) else { continue };
                if !record.facts.merge(&connection, peer, from, equal) {
                    out.odd(told(Bound::Names));
                }
                record.add_unplaced(peer.side(from).unplaced);
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
        let (Some(of), Some(record)) = (connection.web(), self.records.get_mut(id.0 as usize)) else { return };
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

    /// Counts what receivers acknowledged; `served` is what went into each transfer on each connection, by its number in the
    /// facts.
    pub(super) fn acknowledge(&mut self, facts: &Facts, served: &BTreeMap<(ConnectionId, TransferId), u64>) {
        for connection in &facts.connections {
            let all = (connection.id, TransferId(0))..=(connection.id, TransferId(u32::MAX));
            let of: Vec<_> = served.range(all).collect();
            for from in BOTH {
                let acknowledged = connection.stream(from).acknowledged;
                let own = of.iter().filter(|((_, id), _)| {
                    let record = self.records.get(id.0 as usize);
                    record.is_some_and(|record| record.key.uploader == connection.source(from))
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
// Rationale: more silences of hours than a capture of a week has; the search is done for each connection.
const MOST_WINDOWS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ends::{At, Endpoint, FlowKey, FrameId, Protocol, Timestamp, Transport};

    const HOUR: i64 = 3_600_000_000_000;

    fn endpoint(host: u8, port: u16) -> Endpoint {
        Endpoint { ip: [192, 0, 2, host].into(), port }
    }

    /// A connection from the first host to the second one at an hour, on which the second one is this peer.
    fn line(number: u64, hour: i64, peer_id: Option<u8>) -> Line {
        let (flow, _) = FlowKey::new(endpoint(1, 50_000), endpoint(2, 6_881), Protocol::Tcp);
        let at = At { time: Timestamp(hour * HOUR), frame: FrameId::new(0, number) };
        Line {
            connection: ConnectionId(number),
            flow,
            transport: Transport::Tcp,
            torrents: [TorrentKey::NotGiven([7; 20]); 2],
            named: true,
            peer_ids: [None, peer_id.map(|id| [id; 20])],
            unconfirmed: [false; 2],
            span: Span::single(at),
            has_blocks: true,
            has_block: true,
            is_sure: true,
            opener: Direction::LowToHigh,
            is_broken: false,
            is_peer_wire: true,
            bytes: 100,
            only: None,
            several: false,
            place: (0, false),
            receivers: [None; 2],
            transfers: [None; 2],
        }
    }

    /// The transfer of the second host on each line, and how many connections got no row.
    fn transfers(lines: Vec<Line>, rows: usize) -> (Vec<Option<u32>>, u64) {
        let mut all = Lines::default();
        lines.into_iter().for_each(|line| all.add(line.connection, line));
        let limits = Limits { rows, ..Limits::default() };
        let transfers = Transfers::of(&mut all, &Torrents::default(), &limits, &mut Vec::new());
        let of = |line: &Line| line.transfers[Direction::HighToLow.index()].map(|id| id.0);
        (all.all.iter().map(of).collect(), transfers.unlisted.connections)
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
