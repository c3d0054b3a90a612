//! Connections without piece data beyond [`Limits::rows`](crate::Limits::rows): counted, not listed one by one.

use std::collections::BTreeMap;
use std::hash::BuildHasher;

use hashbrown::HashSet;

use super::TorrentKey;
use crate::ends::{Endpoint, FlowKey, Span};
use crate::limits::{UNLISTED_ENDPOINTS, UNLISTED_TORRENTS};

/// Counts of connections that have no row of their own.
#[derive(Clone, Debug, Default)]
pub struct Unlisted {
    /// How many there were.
    pub connections: u64,
    /// Payload bytes in them on the wire, those sent again included; none of it piece data.
    pub bytes: u64,
    /// The first and last packet.
    pub span: Option<Span>,
    /// How many there were of each torrent; for the first `limits::UNLISTED_TORRENTS` torrents.
    pub torrents: BTreeMap<TorrentKey, u64>,
    /// Connections of further torrents.
    pub other_torrents: u64,
    /// A hash of each endpoint, for the first [`UNLISTED_ENDPOINTS`].
    endpoints: HashSet<u64, foldhash::quality::FixedState>,
    more_endpoints: bool,
}

impl Unlisted {
    /// Counts a connection with these payload bytes on the wire.
    pub(crate) fn add(&mut self, flow: FlowKey, bytes: u64, span: Option<Span>, torrents: [TorrentKey; 2]) {
        self.connections += 1;
        self.bytes = self.bytes.saturating_add(bytes);
        self.span = match (self.span, span) {
            (Some(known), Some(span)) => Some(known.join(span)),
            (known, span) => known.or(span),
        };
        let [one, other] = torrents;
        for torrent in [Some(one), (other != one).then_some(other)].into_iter().flatten() {
            let room = matches!(torrent, TorrentKey::Given(_)) || self.torrents.len() < UNLISTED_TORRENTS;
            match self.torrents.get_mut(&torrent) {
                Some(count) => *count += 1,
                None if room => _ = self.torrents.insert(torrent, 1),
                None => self.other_torrents += 1,
            }
        }
        self.meet(flow.low);
        self.meet(flow.high);
    }

    /// Different endpoints on either end, and whether there were more than that.
    pub fn endpoints(&self) -> (u64, bool) {
        (self.endpoints.len() as u64, self.more_endpoints)
    }

    fn meet(&mut self, endpoint: Endpoint) {
        let hash = self.endpoints.hasher().hash_one(endpoint);
        if self.endpoints.len() < UNLISTED_ENDPOINTS {
            self.endpoints.insert(hash);
        } else {
            self.more_endpoints |= !self.endpoints.contains(&hash);
        }
    }
}
