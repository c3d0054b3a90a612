//! By which port each sender is named: the one that it declared (BEP 10 `p`), or the one that its packets came from.
//!
//! What a peer declares is hearsay about itself. It is not taken where the packets show better: at the port that its
//! connections came from it was seen accepting others, or the declared one was in use by what is shown to be another
//! client. Else anybody could lay what he sends upon a neighbour behind the same address.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use crate::ends::{Endpoint, Span};
use crate::ledger::{Record, TorrentKey};

/// The port of the sender of one transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Port {
    /// By which the report names it.
    pub(super) named: u16,
    /// On which it accepts connections, as far as is known.
    pub(super) listens: Option<u16>,
    /// What it declared although another client, or one that is not known, was seen there.
    pub(super) disclaimed: Option<u16>,
}

/// An endpoint in the packets, without a long silence in between.
#[derive(Debug)]
struct Seen<'a> {
    time: RangeInclusive<i64>,
    peer_ids: BTreeSet<&'a [u8; 20]>,
    /// Whether it accepted a connection.
    answered: bool,
    /// Whether it sent piece data.
    served: bool,
}

impl Seen<'_> {
    /// Whether another client than that of `record` was seen, or one that sent something and that nothing tells of.
    /// Another peer_id alone says nothing, as libtorrent has one for each connection (T42); but bytes that differ from the
    /// torrent are not laid upon an endpoint by mere word.
    fn is_foreign(&self, record: &Record) -> bool {
        let peer_ids = &record.facts.peer_ids;
        if self.peer_ids.is_empty() {
            return self.served || record.counts.refuted > 0;
        }
        if peer_ids.iter().any(|id| self.peer_ids.contains(id)) {
            return false;
        }
        let own: BTreeSet<_> = peer_ids.iter().filter_map(software).collect();
        let theirs: BTreeSet<_> = self.peer_ids.iter().filter_map(|id| software(id)).collect();
        let differ = !own.is_empty() && !theirs.is_empty() && own.is_disjoint(&theirs);
        differ || record.counts.refuted > 0
    }
}

/// The two letters of the client in a peer_id of Azureus style (BEP 20), such as `-qB4500-`; its version may change.
fn software(peer_id: &[u8; 20]) -> Option<[u8; 2]> {
    match *peer_id {
        [b'-', a, b, _, _, _, _, b'-', ..] => Some([a, b]),
        _ => None,
    }
}

/// The port of the sender of each record.
pub(super) fn ports_of(records: &[Record], silence_ns: i64) -> Vec<Port> {
    let mut seen: BTreeMap<(Endpoint, TorrentKey), Vec<Seen<'_>>> = BTreeMap::new();
    for record in records.iter().filter(|record| record.is_shown()) {
        if let Some(span) = record.active() {
            let peer_ids = record.facts.peer_ids.iter().collect();
            let answered = record.facts.opened_by_downloader > 0;
            let served = record.counts.served > 0;
            let key = (record.key.uploader, record.key.torrent);
            seen.entry(key).or_default().push(Seen { time: time(span), peer_ids, answered, served });
        }
    }
    seen.values_mut().for_each(|windows| join(windows, silence_ns));
    let around = |endpoint: Endpoint, record: &Record| {
        let windows = seen.get(&(endpoint, record.key.torrent)).map_or(&[][..], Vec::as_slice);
        record.active().into_iter().flat_map(move |span| near(windows, time(span), silence_ns))
    };
    let port_of = |record: &Record| {
        let observed = record.key.uploader;
        let accepts = around(observed, record).any(|seen| seen.answered);
        let declared = record.facts.listen_port.filter(|port| *port != observed.port);
        let known = Port { named: observed.port, listens: accepts.then_some(observed.port), disclaimed: None };
        match declared {
            _ if accepts => known,
            None => Port { listens: record.facts.listen_port, ..known },
            Some(port) => {
                let mut there = around(Endpoint { port, ..observed }, record);
                match there.any(|seen| seen.is_foreign(record)) {
                    true => Port { disclaimed: Some(port), ..known },
                    false => Port { named: port, listens: Some(port), disclaimed: None },
                }
            }
        }
    };
    records.iter().map(port_of).collect()
}

/// From when to when, also where the clock went backwards.
fn time(span: Span) -> RangeInclusive<i64> {
    let (first, last) = (span.first.time.0, span.last.time.0);
    first.min(last)..=first.max(last)
}

/// Joins what no long silence parts; sorted by time afterwards, each more than the silence behind the one before.
fn join(windows: &mut Vec<Seen<'_>>, silence_ns: i64) {
    windows.sort_by_key(|seen| *seen.time.start());
    let mut joined: Vec<Seen<'_>> = Vec::new();
    for seen in windows.drain(..) {
        match joined.last_mut() {
            Some(last) if seen.time.start().saturating_sub(*last.time.end()) <= silence_ns => {
                last.time = *last.time.start()..=*last.time.end().max(seen.time.end());
                last.peer_ids.extend(seen.peer_ids);
                last.answered |= seen.answered;
                last.served |= seen.served;
            }
            _ => joined.push(seen),
        }
    }
    *windows = joined;
}

/// Those of `windows` that no long silence parts from `time`.
fn near<'w, 'a>(
    windows: &'w [Seen<'a>],
    time: RangeInclusive<i64>,
    silence_ns: i64,
) -> impl Iterator<Item = &'w Seen<'a>> {
    let (from, to) = (time.start().saturating_sub(silence_ns), time.end().saturating_add(silence_ns));
    let begin = windows.partition_point(|seen| *seen.time.end() < from);
    windows.iter().skip(begin).take_while(move |seen| *seen.time.start() <= to)
}
