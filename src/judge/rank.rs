//! Which transfers with piece data have rows, where there are more than a report holds: whom the torrents and hashes
//! confirm, then whoever served most. A flood of connections that serve a byte each hides nobody behind it.

use std::cmp::Reverse;

use hashbrown::HashMap;

use super::{Credit, Merged, Record, SmallVec, Times, TorrentKey, TransferKey};
use crate::Limits;
use crate::ends::{Endpoint, Transport};

/// Leaves rows to those transfers with the most proven bytes, then the most served ones; both directions between two ends
/// stand together. Of equal ones the first to begin stay. `proven` is by transfer.
pub fn rank(records: &mut [Record], proven: &[u64], limits: &Limits) {
    let stay = chosen(records, proven, limits);
    for (record, stays) in records.iter_mut().zip(stay) {
        if !stays {
            record.left_out = true;
            // Of what has no row, the figures are enough.
            (record.facts, record.refuted) = (Merged::default(), None);
            (record.times, record.peer_ids) = (Times::default(), SmallVec::None);
        }
    }
}

/// Proven bytes by transfer: those that are verified, and what something speaks against.
pub fn proven<'c>(records: &[Record], credits: impl Iterator<Item = &'c Credit>) -> Vec<u64> {
    let mut proven: Vec<u64> =
        records.iter().map(|record| record.counts.refuted + record.counts.disputed).collect();
    for credit in credits {
        if let Some(sum) = proven.get_mut(credit.transfer.0 as usize) {
            *sum += credit.ranges.total();
        }
    }
    proven
}

/// Chooses the records that have a row: true for each that stays.
fn chosen(records: &[Record], proven: &[u64], limits: &Limits) -> Vec<bool> {
    let mut stay = vec![true; records.len()];
    if records.len() <= limits.served_rows {
        return stay;
    }
    let candidates = || (0..).zip(records).filter(|(_, record)| !record.left_out);
    // Proven bytes, bytes, and the first of the records.
    let mut weights: HashMap<_, (u64, u64, usize), foldhash::quality::FixedState> = HashMap::default();
    for (index, record) in candidates() {
        let bytes = record.counts.served + record.counts.lost;
        let proven = proven.get(index).copied().unwrap_or(0);
        if bytes > 0 {
            let weight = weights.entry(ends(&record.key)).or_insert((0, 0, index));
            *weight = (weight.0 + proven, weight.1 + bytes, weight.2);
        }
    }
    let weight = |record: &Record| weights.get(&ends(&record.key)).copied();
    let mut leave = |index: usize| stay.get_mut(index).into_iter().for_each(|stays| *stays = false);
    let (mut busy, mut silent) = (Vec::new(), Vec::new());
    for (index, record) in candidates() {
        match weight(record) {
            Some((proven, bytes, first)) => busy.push((Reverse((proven, bytes)), first, index)),
            None => silent.push(index),
        }
    }
    busy.sort_unstable();
    let mut room = limits.served_rows;
    for pair in busy.chunk_by(|one, other| (one.0, one.1) == (other.0, other.1)) {
        match room.checked_sub(pair.len()) {
            Some(left) => room = left,
            None => pair.iter().for_each(|(.., index)| leave(*index)),
        }
    }
    silent.into_iter().skip(limits.rows).for_each(leave);
    stay
}

/// The ends of a transfer, equal for both of its directions.
fn ends(key: &TransferKey) -> (Endpoint, Endpoint, Transport, TorrentKey) {
    let (uploader, downloader) = (key.uploader, key.downloader);
    (uploader.min(downloader), uploader.max(downloader), key.transport, key.torrent)
}
