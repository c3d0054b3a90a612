//! Mentions under the hash by which the report speaks of their torrent.

use std::collections::BTreeMap;

use super::{Flag, Mention, is_private};
use crate::ends::InfoHash;
use crate::hearsay::{self, Mentions, Named};

/// All mentions, sorted; those of one torrent's two hashes (BEP 52: v1 and v2) are one.
pub(super) fn by_torrent(mentions: &Mentions, hash: impl Fn([u8; 20]) -> Option<InfoHash>) -> Vec<Mention> {
    let mut merged: BTreeMap<_, (Named, hearsay::Mention)> = BTreeMap::new();
    for (named, mention) in mentions.iter() {
        let key =
            (named.subject, named.info_hash.and_then(&hash), named.by, named.via, named.standing, named.doubts);
        merged.entry(key).and_modify(|(_, first)| first.join(mention)).or_insert((*named, *mention));
    }
    let row =
        |((_, info_hash, ..), (named, mention)): ((_, Option<InfoHash>, _, _, _, _), (Named, hearsay::Mention))| {
            Mention {
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
            }
        };
    merged.into_iter().map(row).collect()
}
