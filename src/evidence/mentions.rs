//! Mentions under the hash by which the report speaks of their torrent.

use std::net::IpAddr;

use super::{Flag, HostName, InputFacts, Mention, NameSource, Swarm, is_private};
use crate::ends::InfoHash;
use crate::hearsay::{self, Counts, Mentions, Named, Names, Swarms};

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

/// Counts of whole swarms, sorted as mentions are. `hash` is of any torrent, whether it is in the report or not.
pub(super) fn of_swarms(swarms: Swarms, hash: impl Fn([u8; 20]) -> Option<InfoHash>) -> Vec<Swarm> {
    type Said = (Option<InfoHash>, hearsay::Swarm, (Counts, hearsay::Mention));
    let mut rows: Vec<Said> =
        swarms.into_iter().map(|(swarm, said)| (hash(swarm.info_hash), swarm, said)).collect();
    rows.sort_by(|one, other| (&one.0, one.1.by, one.1.via).cmp(&(&other.0, other.1.by, other.1.via)));
    rows.dedup_by(|later, first| {
        let same = (&later.0, later.1.by, later.1.via) == (&first.0, first.1.by, first.1.via);
        if same {
            first.2.0.join(later.2.0);
            first.2.1.join(&later.2.1);
        }
        same
    });
    let row = |(info_hash, swarm, (counts, mention)): Said| Swarm {
        info_hash,
        by: swarm.by,
        via: swarm.via,
        seeders: counts.seeders,
        leechers: counts.leechers,
        downloads: counts.downloads,
        count: mention.count,
        first_time: mention.span.first.time,
        last_time: mention.span.last.time,
        frames: mention.first.into(),
    };
    rows.into_iter().map(row).collect()
}

/// The names of hosts, in answers and in name records, by address.
pub(super) fn named_in(names: Names, inputs: &[InputFacts]) -> Vec<(IpAddr, HostName)> {
    let answered = names.into_iter().map(|(called, mention)| {
        let row = HostName {
            name: called.name,
            source: called.source,
            by: Some(called.by),
            input: None,
            count: mention.count,
            first_time: Some(mention.span.first.time),
            last_time: Some(mention.span.last.time),
            frames: Some(mention.first.into()),
        };
        (called.address, row)
    });
    let recorded = (0_u16..).zip(inputs).flat_map(|(input, facts)| {
        facts.names.iter().map(move |(address, name)| {
            let row = HostName {
                name: name.clone(),
                source: NameSource::NameRecords,
                by: None,
                input: Some(input),
                count: 0,
                first_time: None,
                last_time: None,
                frames: None,
            };
            (*address, row)
        })
    });
    let mut all: Vec<(IpAddr, HostName)> = answered.chain(recorded).collect();
    all.sort_by(|(one, a), (other, b)| {
        (one, &a.name, a.source, a.by, a.input).cmp(&(other, &b.name, b.source, b.by, b.input))
    });
    all
}

/// A mention with the hash by which the report speaks of its torrent.
type Row = (Option<InfoHash>, Named, hearsay::Mention);
