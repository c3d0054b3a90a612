//! Who named or announced whom: HTTP, UDP and WebSocket trackers, the DHT, local service discovery, peer exchange; and what
//! trackers and nodes say of whole swarms. Neither changes a figure or a grade of direct evidence (evidence.md, section 3).
//!
//! ```text
//! UDP datagram --looks_like--> Listener (requests asked, secrets issued) --> Remark::Mention | Remark::Swarm | Remark::Odd
//! HTTP request, answer --- http_tracker --> Announce | Answer | Scrape | Scraped
//! WebSocket message ----- socket_tracker --> Message
//! ut_pex, AZ_PEER_EXCHANGE, ut_holepunch ---------------------------------> Mentions
//! ```
//!
//! Who it was that named an address ([`Named::by`]): of a list, the endpoint that sent it (a tracker, a DHT node, a
//! peer). Of an announce, the announcer itself: the address that the packet came from, with the port that it
//! announces, so that an announce from many ports is one mention. What else an announce names is named by the same.

mod compact;
pub mod dht;
pub mod http_tracker;
mod listener;
pub mod lsd;
pub mod names;
mod recent;
pub mod socket_tracker;
mod swarms;
pub mod udp_tracker;

use std::collections::BTreeMap;

use crate::ends::{Endpoint, Span};
use crate::words::words;

pub use compact::PeerList;
pub use listener::{Datagram, Listener, Remark, looks_like};
pub use names::{Called, NameSource, Names};
pub use swarms::{Counts, Swarm, Swarms};

words! {
    /// The protocol by which an address was named.
    #[non_exhaustive]
    pub enum Via {
        /// `ut_pex` (BEP 11): `added` or `added6`. Its flags, "seed" too, are hearsay like the rest.
        Pex = "pex",
        /// `ut_holepunch` (BEP 55): a relay told one peer to connect to the other.
        Holepunch = "holepunch",
        /// The answer of an HTTP tracker (BEP 3, 7, 23).
        HttpTracker = "http-tracker",
        /// The answer of a UDP tracker (BEP 15).
        UdpTracker = "udp-tracker",
        /// `values` in the answer of a DHT node (BEP 5, 32).
        Dht = "dht",
        /// An announce to an HTTP tracker: the announcer itself, or an address in its parameters.
        HttpAnnounce = "http-announce",
        /// An announce to a UDP tracker: the announcer itself, or the address in its `ip` field.
        UdpAnnounce = "udp-announce",
        /// `announce_peer` (BEP 5): the announcer itself.
        DhtAnnounce = "dht-announce",
        /// Local service discovery (BEP 14): the announcer itself.
        Lsd = "lsd",
        /// `AZ_PEER_EXCHANGE` of the Azureus messaging protocol: `added` or `added6`.
        AzPex = "az-pex",
        /// An offer or answer that a WebSocket tracker passed on, with the addresses at which its maker may be reached.
        SocketTracker = "ws-tracker",
        /// An announce to a WebSocket tracker: the announcer itself, or an address in its own offers and answers.
        SocketAnnounce = "ws-announce",
        /// The answer of an HTTP tracker to a scrape (BEP 48): of a swarm, nobody in it.
        HttpScrape = "http-scrape",
        /// The answer of a UDP tracker to a scrape (BEP 15): of a swarm, nobody in it.
        UdpScrape = "udp-scrape",
        /// The answer of a WebSocket tracker to a scrape: of a swarm, nobody in it.
        SocketScrape = "ws-scrape",
        /// Filters in the answer of a DHT node (BEP 33): an estimate of a swarm, nobody in it.
        DhtScrape = "dht-scrape",
        /// `samples` in the answer of a DHT node (BEP 51): it says that it stores peers of a torrent, and not which.
        DhtSample = "dht-sample",
    }
}

words! {
    /// How far the packets of a mention reach: the rungs of the ladder below direct evidence.
    pub enum Standing {
        /// G0: somebody else listed the address.
        Named = "G0",
        /// G1a: a packet with this source address announced the info-hash.
        Announced = "G1a",
        /// G1b: the same, and the announcer holds what only a reply to its address could give.
        Confirmed = "G1b",
    }
}

/// Doubts about a mention; the words are flags of evidence.md.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct Doubts {
    /// `bad-checksum`: a packet of it has a wrong checksum.
    pub bad_checksum: bool,
    /// `one-sided`: a list whose request is not in the captures.
    pub one_sided: bool,
    /// `return-path-unconfirmed`: no packet shows that the announcer received anything.
    pub return_path_unconfirmed: bool,
}

impl Doubts {
    /// The flags in the report, sorted.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        let flags = [
            (self.bad_checksum, "bad-checksum"),
            (self.one_sided, "one-sided"),
            (self.return_path_unconfirmed, "return-path-unconfirmed"),
        ];
        flags.into_iter().filter_map(|(set, name)| set.then_some(name))
    }
}

/// The key of a mention: an address named by one party in one way is counted, not listed again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct Named {
    /// The address that was named.
    pub subject: Endpoint,
    /// The torrent in whose swarm, as handshakes and announces name it; `None` where what names it was not captured.
    pub info_hash: Option<[u8; 20]>,
    /// Who named it; an announcer itself.
    pub by: Endpoint,
    /// How.
    pub via: Via,
    /// How far its packets reach.
    pub standing: Standing,
    /// Doubts about the mention.
    pub doubts: Doubts,
}

impl Named {
    /// G0, without doubts.
    pub fn new(subject: Endpoint, info_hash: Option<[u8; 20]>, by: Endpoint, via: Via) -> Self {
        Self { subject, info_hash, by, via, standing: Standing::Named, doubts: Doubts::default() }
    }

    /// A packet in which `subject` announced itself: G1b, where `confirmed`.
    pub fn announced(subject: Endpoint, info_hash: [u8; 20], via: Via, confirmed: bool) -> Self {
        Self {
            standing: if confirmed { Standing::Confirmed } else { Standing::Announced },
            doubts: Doubts { return_path_unconfirmed: !confirmed, ..Doubts::default() },
            ..Self::new(subject, Some(info_hash), subject, via)
        }
    }
}

/// The mentions of an announce that came from `from`: the announcer with the port that it announces, and, named by
/// it, the other addresses that it asks to be listed under. The second figure counts what names no endpoint.
pub fn announce_of(
    from: Endpoint,
    info_hash: [u8; 20],
    port: u16,
    named: &PeerList,
    via: Via,
    confirmed: bool,
) -> (Vec<Named>, u64) {
    let own = compact::endpoint(from.ip, port);
    let by = own.unwrap_or(from);
    let others = named.peers.iter().filter(|other| **other != by);
    let mut mentions: Vec<_> =
        own.map(|own| Named::announced(own, info_hash, via, confirmed)).into_iter().collect();
    mentions.extend(others.map(|other| Named::new(*other, Some(info_hash), by, via)));
    (mentions, named.unusable + u64::from(own.is_none()))
}

/// How often and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Mention {
    /// Messages.
    pub count: u64,
    /// The first and the last of them.
    pub span: Span,
    /// The frames that show the first, those that confirm it included.
    pub first: Span,
}

impl Mention {
    /// Adds what another one counted.
    pub fn join(&mut self, other: &Self) {
        if other.span.first.precedes(self.span.first) {
            self.first = other.first;
        }
        self.count += other.count;
        self.span = self.span.join(other.span);
    }
}

/// All mentions of a run.
///
/// # Invariants
/// - At most `most` different ones; what does not fit is counted.
#[derive(Clone, Debug, Default)]
pub struct Mentions {
    named: BTreeMap<Named, Mention>,
    most: usize,
    /// Counts of whole swarms, outside the bound on those who are named.
    pub swarms: Swarms,
    /// Names of hosts, which take none either.
    pub names: Names,
}

impl Mentions {
    /// No mentions yet, and room for `most`.
    pub fn new(most: usize) -> Self {
        Self { named: BTreeMap::new(), most, swarms: Swarms::new(most), names: Names::default() }
    }

    /// Counts a mention in `span`, which the frames `shown` show; `false` when it is a new one and there is no room.
    #[must_use]
    pub fn note(&mut self, named: Named, span: Span, shown: Span) -> bool {
        if let Some(mention) = self.named.get_mut(&named) {
            mention.join(&Mention { count: 1, span, first: shown });
            return true;
        }
        if self.named.len() >= self.most {
            return false;
        }
        self.named.insert(named, Mention { count: 1, span, first: shown });
        true
    }

    /// The mentions, sorted.
    pub fn iter(&self) -> impl Iterator<Item = (&Named, &Mention)> {
        self.named.iter()
    }

    /// Different ones.
    pub fn len(&self) -> usize {
        self.named.len()
    }

    /// Returns true if there is no mention.
    pub fn is_empty(&self) -> bool {
        self.named.is_empty()
    }
}

impl FromIterator<(Named, Mention)> for Mentions {
    fn from_iter<I: IntoIterator<Item = (Named, Mention)>>(mentions: I) -> Self {
        let named: BTreeMap<_, _> = mentions.into_iter().collect();
        Self { most: named.len(), named, swarms: Swarms::default(), names: Names::default() }
    }
}

impl IntoIterator for Mentions {
    type Item = (Named, Mention);
    type IntoIter = std::collections::btree_map::IntoIter<Named, Mention>;

    /// The mentions, sorted; each is given back as it is taken.
    fn into_iter(self) -> Self::IntoIter {
        self.named.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;
    use crate::ends::{At, FrameId, Timestamp};

    fn named(last: u8) -> Named {
        let end = |last| Endpoint { ip: IpAddr::V4(Ipv4Addr::new(192, 0, 2, last)), port: 6881 };
        Named::new(end(last), Some([1; 20]), end(200), Via::Pex)
    }

    fn span(n: u64) -> Span {
        Span::single(At { time: Timestamp(n as i64), frame: FrameId::new(0, n) })
    }

    #[test]
    fn the_same_mention_is_counted_and_another_one_is_listed() {
        let mut mentions = Mentions::new(2);
        assert!(
            mentions.note(named(1), span(5), span(5))
                && mentions.note(named(2), span(6), span(6))
                && mentions.note(named(1), span(7), span(7))
        );
        assert!(!mentions.note(named(3), span(8), span(8)), "no room");
        let listed: Vec<_> = mentions.iter().map(|(named, mention)| (named.subject.ip, mention.count)).collect();
        assert_eq!(listed, [(named(1).subject.ip, 2), (named(2).subject.ip, 1)]);
    }
}
