//! By which port each sender is named: the one that it declared (BEP 10 `p`), or the one that its packets came from.
//!
//! The port that a peer declares is hearsay about itself. It is not taken where the packets show better: at the port
//! that its connections came from it was seen accepting others, or the declared one was in use by what is shown to be
//! another client, or declared by several that are told apart. Else anybody could lay what he sends upon a neighbour
//! behind the same address. Where bytes differ from the torrent, no word joins what came from two ports, as anybody learns
//! a peer_id who meets its owner: neither are they laid upon a neighbour, nor is a neighbour drawn to them (T61).

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use crate::ends::{Endpoint, Span};
use crate::judge::{Record, TorrentKey};
use crate::wire::client_name;

/// The port of the sender of one transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Port {
    /// By which the report names it.
    pub(super) named: u16,
    /// On which it accepts connections, as far as is known.
    pub(super) listens: Option<u16>,
    /// The declared port where another client, or one that is not known, was seen.
    pub(super) disclaimed: Option<u16>,
}

/// An endpoint in the packets, without a long silence in between.
#[derive(Debug)]
struct Seen<'a> {
    time: RangeInclusive<i64>,
    peer_ids: BTreeSet<&'a [u8; 20]>,
    /// Set if the endpoint accepted a connection.
    answered: bool,
    /// Set if the endpoint sent piece data.
    served: bool,
    /// Set if it sent bytes that differ from the torrent.
    refuted: bool,
}

impl Seen<'_> {
    /// Returns true if another client than that of `record` was seen, or one that sent something and that nothing tells
    /// of. Another peer_id alone says nothing, as libtorrent has one for each connection (T42); but where one of both has
    /// bytes that differ from the torrent, what both sent is not taken for one's by mere word.
    fn is_foreign(&self, record: &Record) -> bool {
        if record.counts.served > 0 && (self.refuted || is_refuted(record)) {
            return true;
        }
        let peer_ids = &record.peer_ids;
        if self.peer_ids.is_empty() {
            return self.served;
        }
        if peer_ids.iter().any(|id| self.peer_ids.contains(id)) {
            return false;
        }
        let own: BTreeSet<_> = peer_ids.iter().filter_map(software).collect();
        let theirs: BTreeSet<_> = self.peer_ids.iter().filter_map(|id| software(id)).collect();
        !own.is_empty() && !theirs.is_empty() && own.is_disjoint(&theirs)
    }
}

fn is_refuted(record: &Record) -> bool {
    record.counts.refuted > 0
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
            let peer_ids = record.peer_ids.iter().collect();
            let answered = record.facts.opened_by_downloader > 0;
            let (served, refuted) = (record.counts.served > 0, is_refuted(record));
            let key = (record.key.uploader, record.key.torrent);
            seen.entry(key).or_default().push(Seen { time: time(span), peer_ids, answered, served, refuted });
        }
    }
    seen.values_mut().for_each(|windows| join(windows, silence_ns));
    let declarations = Declared::of(records, silence_ns);
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
                match there.any(|seen| seen.is_foreign(record)) || declarations.by_several(record, port) {
                    true => Port { disclaimed: Some(port), ..known },
                    false => Port { named: port, listens: Some(port), disclaimed: None },
                }
            }
        }
    };
    records.iter().map(port_of).collect()
}

/// Those who declared a port, without a long silence in between.
#[derive(Debug)]
struct Declaration {
    time: RangeInclusive<i64>,
    /// Their makes of client.
    makes: BTreeSet<String>,
    /// The ports that they sent piece data from.
    from: BTreeSet<u16>,
    /// Set if one of them sent bytes that differ from the torrent.
    refuted: bool,
}

/// Which clients declared each port, without a long silence in between.
struct Declared {
    by: BTreeMap<(Endpoint, TorrentKey), Vec<Declaration>>,
    silence_ns: i64,
}

impl Declared {
    fn of(records: &[Record], silence_ns: i64) -> Self {
        let mut by: BTreeMap<_, Vec<Declaration>> = BTreeMap::new();
        for record in records.iter().filter(|record| record.is_shown()) {
            if let (Some(port), Some(span)) = (record.facts.listen_port, record.active()) {
                let key = (Endpoint { port, ..record.key.uploader }, record.key.torrent);
                let from = (record.counts.served > 0).then_some(record.key.uploader.port).into_iter().collect();
                let (time, makes, refuted) = (time(span), makes(record), is_refuted(record));
                by.entry(key).or_default().push(Declaration { time, makes, from, refuted });
            }
        }
        for windows in by.values_mut() {
            windows.sort_by_key(|declaration| *declaration.time.start());
            let mut joined: Vec<Declaration> = Vec::new();
            for next in windows.drain(..) {
                match joined.last_mut() {
                    Some(last) if next.time.start().saturating_sub(*last.time.end()) <= silence_ns => {
                        last.time = *last.time.start()..=*last.time.end().max(next.time.end());
                        last.makes.extend(next.makes);
                        last.from.extend(next.from);
                        last.refuted |= next.refuted;
                    }
                    _ => joined.push(next),
                }
            }
            *windows = joined;
        }
        Self { by, silence_ns }
    }

    /// Returns true if clients of different makes declared `port` around the time of `record`, or if it sent piece data and so
    /// did others from other ports, and some of that differs from the torrent.
    fn by_several(&self, record: &Record, port: u16) -> bool {
        let key = (Endpoint { port, ..record.key.uploader }, record.key.torrent);
        let (Some(windows), Some(span)) = (self.by.get(&key), record.active()) else { return false };
        let end = time(span).end().saturating_add(self.silence_ns);
        let last = windows.partition_point(|declaration| *declaration.time.start() <= end);
        let served = record.counts.served > 0;
        let around = last.checked_sub(1).and_then(|index| windows.get(index));
        around.is_some_and(|all| all.makes.len() > 1 || (served && all.refuted && all.from.len() > 1))
    }
}

/// The makes of client that the uploader of a record used, as it named them or as its peer_ids stand for: without their
/// versions, which may change.
fn makes(record: &Record) -> BTreeSet<String> {
    let named = &record.facts.named_clients;
    let make = |name: String| {
        let word = name.split(|letter: char| !letter.is_alphabetic()).find(|word| !word.is_empty());
        word.map(str::to_lowercase)
    };
    match named.is_empty() {
        true => record.peer_ids.iter().filter_map(client_name).filter_map(make).collect(),
        false => named.iter().cloned().filter_map(make).collect(),
    }
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
                last.refuted |= seen.refuted;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ends::{At, FrameId, Timestamp, Transport};
    use crate::judge::{Counts, TransferKey};

    const SILENCE: i64 = 3_600;

    fn end(port: u16) -> Endpoint {
        Endpoint { ip: [192, 0, 2, 7].into(), port }
    }

    /// Traffic from a port of one address at a time, and the port that the client declared.
    #[derive(Clone, Copy)]
    struct Case {
        port: u16,
        declares: Option<u16>,
        client: &'static [u8; 20],
        at: i64,
        accepts: bool,
        served: u64,
        refuted: u64,
    }

    const QB: &[u8; 20] = b"-qB4500-000000000001";
    const QB_AGAIN: &[u8; 20] = b"-qB4510-000000000002";
    const UT: &[u8; 20] = b"-UT3550-000000000003";
    const CASE: Case =
        Case { port: 50_000, declares: Some(6_881), client: QB, at: 0, accepts: false, served: 9, refuted: 0 };

    fn record(case: &Case) -> Record {
        let downloader = Endpoint { ip: [198, 51, 100, 1].into(), port: 6_889 };
        let (uploader, torrent) = (end(case.port), TorrentKey::NotGiven([7; 20]));
        let mut record = Record::new(TransferKey { uploader, downloader, transport: Transport::Tcp, torrent });
        record.counts = Counts { served: case.served, refuted: case.refuted, ..Counts::default() };
        record.span = Some(Span::single(At { time: Timestamp(case.at), frame: FrameId::new(0, 1) }));
        record.peer_id(Some(*case.client));
        record.facts.connections = 1;
        record.facts.listen_port = case.declares;
        if case.accepts {
            record.facts.opened_by_downloader = 1;
        } else {
            record.facts.opened_by_uploader = 1;
        }
        record
    }

    /// By which port each is named, and what of a declaration is not taken.
    fn ports(cases: &[Case]) -> Vec<(u16, Option<u16>)> {
        let records: Vec<Record> = cases.iter().map(record).collect();
        ports_of(&records, SILENCE).iter().map(|port| (port.named, port.disclaimed)).collect()
    }

    #[test]
    fn a_declared_port_names_who_declares_it_while_nothing_speaks_against_it() {
        assert_eq!(ports(&[CASE]), [(6_881, None)]);
        assert_eq!(ports(&[Case { declares: None, ..CASE }]), [(50_000, None)]);
        // Where it was seen accepting connections, that is its port.
        assert_eq!(ports(&[Case { accepts: true, ..CASE }]), [(50_000, None)]);
        // The same client there, by its peer_id, or by what it is (T42).
        let there = Case { port: 6_881, accepts: true, ..CASE };
        assert_eq!(ports(&[CASE, there])[0], (6_881, None));
        assert_eq!(ports(&[CASE, Case { port: 6_881, accepts: true, client: QB_AGAIN, ..CASE }])[0], (6_881, None));
    }

    #[test]
    fn what_another_client_has_is_not_laid_upon_it() {
        // T61: another client is at the declared port, or declares it, too.
        let there = Case { port: 6_881, accepts: true, client: UT, ..CASE };
        assert_eq!(ports(&[CASE, there])[0], (50_000, Some(6_881)));
        let silent = Case { declares: None, port: 6_881, accepts: true, client: UT, ..CASE };
        assert_eq!(ports(&[CASE, silent])[0], (50_000, Some(6_881)), "though it declares nothing itself");
        let other = Case { port: 50_001, client: UT, ..CASE };
        assert_eq!(ports(&[CASE, other]), [(50_000, Some(6_881)), (50_001, Some(6_881))]);
        // Bytes that differ are laid upon no endpoint by mere word, if another peer_id is there.
        let corrupt = Case { refuted: 4, ..CASE };
        let there = Case { port: 6_881, accepts: true, client: QB_AGAIN, ..CASE };
        assert_eq!(ports(&[corrupt, there])[0], (50_000, Some(6_881)));
    }

    #[test]
    fn t61_no_word_joins_what_came_from_two_ports_where_bytes_differ() {
        const DIALS: Case = Case { port: 50_001, client: QB_AGAIN, ..CASE };
        const ACCEPTS: Case = Case { port: 6_881, accepts: true, ..DIALS };
        // At the declared port, or only declared by the other; also by who declares nothing, or has the same peer_id.
        let others = [
            DIALS,
            Case { client: QB, ..DIALS },
            ACCEPTS,
            Case { client: QB, ..ACCEPTS },
            Case { declares: None, ..ACCEPTS },
            Case { accepts: false, declares: None, ..ACCEPTS },
        ];
        for other in others {
            assert_eq!(ports(&[CASE, other]), [(6_881, None); 2], "nothing differs");
            let own = (other.port, (other.port != 6_881).then_some(6_881));
            for [one, two] in [[4, 0], [0, 4], [4, 4]] {
                let cases = [Case { refuted: one, ..CASE }, Case { refuted: two, ..other }];
                assert_eq!(ports(&cases), [(50_000, Some(6_881)), own], "{one} {two}");
            }
        }
        // Of three that declare it, one is refuted: no two of them are one row.
        let third = Case { port: 50_002, ..CASE };
        let apart = [(50_000, Some(6_881)), (50_001, Some(6_881)), (50_002, Some(6_881))];
        assert_eq!(ports(&[CASE, Case { refuted: 4, ..DIALS }, third]), apart);
        // Who sent nothing is accused of nothing.
        let silent = Case { served: 0, ..CASE };
        assert_eq!(ports(&[silent, Case { refuted: 4, ..ACCEPTS }])[0], (6_881, None));
        assert_eq!(ports(&[silent, Case { refuted: 4, ..DIALS }]), [(6_881, None); 2]);
        // From one port it is one client, and what it did hours before says nothing.
        let corrupt = Case { refuted: 4, ..CASE };
        assert_eq!(ports(&[corrupt, Case { client: QB_AGAIN, ..CASE }]), [(6_881, None); 2]);
        assert_eq!(ports(&[corrupt, Case { at: 2 * SILENCE, ..DIALS }]), [(6_881, None); 2]);
    }

    #[test]
    fn what_was_there_hours_before_says_nothing() {
        let before = Case { port: 6_881, accepts: true, client: UT, at: -2 * SILENCE, ..CASE };
        assert_eq!(ports(&[CASE, before])[0], (6_881, None));
        let declared = Case { port: 50_001, client: UT, at: 2 * SILENCE, ..CASE };
        assert_eq!(ports(&[CASE, declared]), [(6_881, None), (6_881, None)]);
        let near = Case { port: 6_881, accepts: true, client: UT, at: -SILENCE, ..CASE };
        assert_eq!(ports(&[CASE, near])[0], (50_000, Some(6_881)));
    }
}
