//! Mentions under the hash by which the report speaks of their torrent.

use super::{Flag, Mention, is_private};
use crate::ends::InfoHash;
use crate::hearsay::{self, Mentions, Named};

/// All mentions, sorted; those of one torrent's two hashes (BEP 52: v1 and v2) are one.
pub(super) fn by_torrent(mentions: Mentions, hash: impl Fn([u8; 20]) -> Option<InfoHash>) -> Vec<Mention> {
    fn key((info_hash, named, _): &Row) -> impl Ord {
        (named.subject, info_hash, named.by, named.via, named.standing, named.doubts)
    }
    let mut rows: Vec<Row> = Vec::with_capacity(mentions.len());
    rows.extend(mentions.into_iter().map(|(named, mention)| (named.info_hash.and_then(&hash), named, mention)));
    rows.sort_by(|one, other| key(one).cmp(&key(other)));
    rows.dedup_by(|later, first| {
        let same = key(later) == key(first);
        if same {
            first.2.join(&later.2);
        }
        same
    });
    let row = |(info_hash, named, mention): Row| Mention {
        subject: named.subject,
        info_hash,
        by: named.by,
        via: named.via,
        grade: named.standing,
        flags: [
            (Flag::BadChecksum, named.doubts.bad_checksum),
            (Flag::OneSided, named.doubts.one_sided),
            (Flag::PrivateAddress, is_private(named.subject.ip)),
            (Flag::ReturnPathUnconfirmed, named.doubts.return_path_unconfirmed),
        ]
        .into_iter()
        .filter_map(|(flag, set)| set.then_some(flag))
        .collect(),
        count: mention.count,
        first_time: mention.span.first.time,
        last_time: mention.span.last.time,
        frames: mention.first.into(),
    };
    rows.into_iter().map(row).collect()
}

/// A mention with the hash by which the report speaks of its torrent.
type Row = (Option<InfoHash>, Named, hearsay::Mention);
