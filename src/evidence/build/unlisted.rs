//! Sums over traffic that is in no row, because a bound was reached, and the oddities that tell so.

use crate::ends::InfoHash;
use crate::evidence::{Summed, Unlisted, UnlistedTorrent};
use crate::judge::{Judged, Record, TorrentKey};
use crate::oddity::{Bound, Occurrence, Oddity};

/// The transfers with piece data that have no row, and the word about them that no other limit may hide.
pub(super) fn summed(judged: &Judged<'_>) -> Option<(Summed, Occurrence)> {
    let left = || judged.records.iter().filter(|record| record.left_out);
    let unjudged = judged.unjudged;
    let span = left().filter_map(Record::active).chain(unjudged.span).reduce(|one, other| one.join(other))?;
    let verified = judged.verified().into_iter().zip(&judged.records).filter(|(_, record)| record.left_out);
    let summed = Summed {
        // A connection is two of them.
        transfers: left().count() as u64 + 2 * unjudged.connections,
        served_bytes: left().map(|record| record.counts.served).sum::<u64>() + unjudged.served,
        verified_bytes: verified.map(|(bytes, _)| bytes).sum(),
        lost_bytes: left().map(|record| record.counts.lost).sum::<u64>() + unjudged.lost,
        first_time: span.first.time,
        last_time: span.last.time,
        frames: span.into(),
    };
    let Summed { transfers, served_bytes, verified_bytes, .. } = summed;
    let bound = Bound::ServedRows { transfers, served_bytes, verified_bytes };
    Some((summed, Oddity::from(bound).within(span)))
}

/// The connections without rows, and the word about them that no other limit may hide.
pub(super) fn unlisted(
    found: &crate::judge::Unlisted,
    hash: &dyn Fn(TorrentKey) -> Option<InfoHash>,
) -> Option<(Unlisted, Occurrence)> {
    let span = found.span.filter(|_| found.connections > 0)?;
    let (endpoints, more_endpoints) = found.endpoints();
    let (connections, bytes) = (found.connections, found.bytes);
    let bound = Bound::RowsInAll { connections, endpoints, more_endpoints, bytes };
    let in_all = Oddity::from(bound).within(span);
    let each = found.torrents.iter();
    let each = each.map(|(key, count)| UnlistedTorrent { info_hash: hash(*key), connections: *count });
    let mut torrents: Vec<_> = each.collect();
    torrents.sort_by(|one, other| {
        (one.info_hash.is_none(), &one.info_hash).cmp(&(other.info_hash.is_none(), &other.info_hash))
    });
    let unlisted = Unlisted {
        connections: found.connections,
        endpoints,
        more_endpoints,
        bytes: found.bytes,
        first_time: span.first.time,
        last_time: span.last.time,
        frames: span.into(),
        torrents,
        other_torrents: found.other_torrents,
    };
    Some((unlisted, in_all))
}
