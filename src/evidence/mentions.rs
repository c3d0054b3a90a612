//! Mentions under the hash by which the report speaks of their torrent.

use std::collections::BTreeMap;

use crate::ends::InfoHash;
use crate::hearsay::{Mention, Mentions, Named};

/// All mentions, sorted; those of one torrent's two hashes (BEP 52: v1 and v2) are one.
pub(super) fn by_torrent(
    mentions: &Mentions,
    hash: impl Fn([u8; 20]) -> Option<InfoHash>,
) -> Vec<(Named, Option<InfoHash>, Mention)> {
    let mut merged: BTreeMap<_, (Named, Mention)> = BTreeMap::new();
    for (named, mention) in mentions.iter() {
        let key =
            (named.subject, named.info_hash.and_then(&hash), named.by, named.via, named.standing, named.doubts);
        merged.entry(key).and_modify(|(_, first)| first.join(mention)).or_insert((*named, *mention));
    }
    merged.into_iter().map(|((_, hash, ..), (named, mention))| (named, hash, mention)).collect()
}
