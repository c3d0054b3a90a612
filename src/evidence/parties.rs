//! Who the transfers are of: subjects by address, port, transport, torrent and time window.

use std::collections::{BTreeMap, BTreeSet};

use super::credit::Parties;
use super::ports::Port;
use crate::ends::Transport;
use crate::ends::{Endpoint, Span};
use crate::judge::{Record, TorrentKey, TransferId, TransferKey};

/// The transfers of one subject: same address, port, transport, torrent and time window.
pub(super) type Group = Vec<TransferId>;

/// Which transfers make up each subject.
pub(super) fn subjects_of(records: &[Record], ports: &[Port], silence_ns: i64) -> Vec<Group> {
    let mut keyed: BTreeMap<(Endpoint, Transport, TorrentKey), Vec<(Span, TransferId)>> = BTreeMap::new();
    for (index, (record, port)) in
        records.iter().zip(ports).enumerate().filter(|(_, (record, _))| record.is_shown())
    {
        let endpoint = Endpoint { ip: record.key.uploader.ip, port: port.named };
        if let Some(span) = record.span.or(record.served_span) {
            let key = (endpoint, record.key.transport, record.key.torrent);
            keyed.entry(key).or_default().push((span, TransferId(index as u32)));
        }
    }
    let mut groups: Vec<Group> = Vec::new();
    for (_, mut transfers) in keyed {
        transfers.sort_by_key(|(span, id)| (span.first, *id));
        let mut last: Option<(i64, BTreeSet<[u8; 20]>)> = None;
        for (span, id) in transfers {
            let ids = records.get(id.0 as usize).map_or(&[][..], |record| &record.peer_ids);
            let another = last.as_ref().is_some_and(|(end, known)| {
                span.first.time.0.saturating_sub(*end) > silence_ns
                    && !known.is_empty()
                    && !ids.is_empty()
                    && !ids.iter().any(|id| known.contains(id))
            });
            match groups.last_mut() {
                Some(group) if !another && last.is_some() => group.push(id),
                _ => groups.push(vec![id]),
            }
            let (end, mut known) = last.filter(|_| !another).unwrap_or((i64::MIN, BTreeSet::new()));
            known.extend(ids);
            last = Some((end.max(span.last.time.0), known));
        }
    }
    groups
}

/// Which subject sends, and which receives, in each transfer.
pub(super) fn parties_of(records: &[Record], groups: &[Group]) -> Parties {
    let mut uploader = vec![usize::MAX; records.len()];
    for (subject, group) in groups.iter().enumerate() {
        for id in group {
            if let Some(place) = uploader.get_mut(id.0 as usize) {
                *place = subject;
            }
        }
    }
    let by_key = windows(records, |record| (!record.left_out).then_some(record.key));
    // Blocks that were let go before the torrent of their connection was known have no other direction of their own.
    let by_ends = windows(records, |record| record.is_shown().then(|| ends(record.key)));
    let downloader = records
        .iter()
        .map(|record| {
            let mut key = record.key;
            std::mem::swap(&mut key.uploader, &mut key.downloader);
            // What has no row has no other end.
            let span = record.span.or(record.served_span).filter(|_| record.is_shown());
            let time = span?.first.time.0;
            // The window of the other direction that is nearest in time.
            let subject = |windows: Option<&Vec<(i64, usize)>>| {
                let index = nearest(windows?, time)?;
                uploader.get(index).copied().filter(|subject| *subject != usize::MAX)
            };
            subject(by_key.get(&key)).or_else(|| subject(by_ends.get(&ends(key))))
        })
        .collect();
    let sender = senders_of(records, groups);
    let client = clients_of(records, groups);
    let addresses = records.iter().map(|record| (record.key.uploader.ip, record.key.downloader.ip)).collect();
    Parties { uploader, sender, client, addresses, downloader }
}

/// When the records of each key were active first, with their numbers; sorted.
fn windows<K: Ord>(records: &[Record], key: impl Fn(&Record) -> Option<K>) -> BTreeMap<K, Vec<(i64, usize)>> {
    let mut windows: BTreeMap<K, Vec<(i64, usize)>> = BTreeMap::new();
    for (index, record) in records.iter().enumerate() {
        if let (Some(key), Some(span)) = (key(record), record.span) {
            windows.entry(key).or_default().push((span.first.time.0, index));
        }
    }
    windows.values_mut().for_each(|windows| windows.sort_unstable());
    windows
}

fn ends(key: TransferKey) -> (Endpoint, Endpoint, Transport) {
    (key.uploader, key.downloader, key.transport)
}

/// Of windows sorted by their first time, the first one among those nearest to `time`.
fn nearest(windows: &[(i64, usize)], time: i64) -> Option<usize> {
    let at = windows.partition_point(|(first, _)| *first < time);
    // The nearest one before begins a row of windows of the same time.
    let before = windows.get(at.wrapping_sub(1)).map(|(first, _)| *first);
    let before = before.and_then(|first| windows.get(windows.partition_point(|(other, _)| *other < first)));
    let both = before.into_iter().chain(windows.get(at));
    both.min_by_key(|(first, index)| (first.abs_diff(time), *index)).map(|(_, index)| *index)
}

/// A number for each client that is surely one: what was sent from one address and port, or declared port, with a peer_id in
/// common. Behind one address several clients may declare the usual port, and one may follow another.
fn senders_of(records: &[Record], groups: &[Group]) -> Vec<usize> {
    let mut sender: Vec<usize> = (0..records.len()).collect();
    for group in groups {
        let mut by_id: BTreeMap<[u8; 20], usize> = BTreeMap::new();
        for index in group.iter().map(|id| id.0 as usize) {
            let Some(record) = records.get(index) else { continue };
            let ids = &record.peer_ids;
            let known = ids.iter().find_map(|id| by_id.get(id)).copied().unwrap_or(index);
            ids.iter().for_each(|id| _ = by_id.entry(*id).or_insert(known));
            if let Some(sender) = sender.get_mut(index) {
                *sender = known;
            }
        }
    }
    sender
}

/// A number for each client of a subject that may have a whole file: all that was sent from one port is one client's,
/// and so is what has a peer_id in common with it. What only declares the same port is not.
fn clients_of(records: &[Record], groups: &[Group]) -> Vec<usize> {
    let mut client: Vec<usize> = (0..records.len()).collect();
    for group in groups {
        let mut by_port: BTreeMap<u16, usize> = BTreeMap::new();
        let mut by_id: BTreeMap<[u8; 20], usize> = BTreeMap::new();
        for index in group.iter().map(|id| id.0 as usize) {
            let Some(record) = records.get(index) else { continue };
            let mut join = |known: usize| {
                let (one, other) = (root(&client, known), root(&client, index));
                client.get_mut(one.max(other)).into_iter().for_each(|later| *later = one.min(other));
            };
            join(*by_port.entry(record.key.uploader.port).or_insert(index));
            record.peer_ids.iter().for_each(|id| join(*by_id.entry(*id).or_insert(index)));
        }
    }
    (0..records.len()).map(|index| root(&client, index)).collect()
}

/// The first record that `index` leads to: each leads to an earlier one, or to itself.
fn root(client: &[usize], mut index: usize) -> usize {
    while let Some(earlier) = client.get(index).filter(|earlier| **earlier < index) {
        index = *earlier;
    }
    index
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_nearest_window_is_the_first_of_those_nearest(
            times in prop::collection::vec(-20_i64..20, 0..12), time in -25_i64..25,
        ) {
            let slow = times.iter().enumerate().min_by_key(|(_, first)| first.abs_diff(time)).map(|(index, _)| index);
            let mut windows: Vec<_> = times.iter().copied().zip(0..).collect();
            windows.sort_unstable();
            prop_assert_eq!(nearest(&windows, time), slow);
        }
    }
}
