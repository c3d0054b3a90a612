//! One connection seen on both sides of an address translation: two flows that carry the same bytes.

use std::collections::{BTreeMap, BTreeSet};

use super::findings::SameConnection;
use crate::ends::{Direction, Endpoint, FlowKey, Span, Transport};
use crate::limits::{CLOCKS_APART_NS, COMPARED_CONNECTIONS, TRANSLATED_SIDES};
use crate::oddity::{self, Bound, Occurrence, Oddity, Sink};
use crate::session::Session;
use crate::torrent::TorrentId;

/// The connections of peers and webseeds whose opening is in the captures, and those of them that are one.
#[derive(Debug, Default)]
pub(super) struct Translations {
    /// By the initial sequence numbers or, of uTP, what stands in the packets of the opening; the initiator's first.
    by_numbers: BTreeMap<[u64; 2], Vec<Observed>>,
    /// Connections in all of them.
    count: usize,
}

/// A connection as one side of a translation shows it.
#[derive(Clone, Debug)]
struct Observed {
    flow: FlowKey,
    transport: Transport,
    initiator: Direction,
    span: Span,
    about: About,
}

/// The content of a connection by which two sides of a translation are told to be one.
#[derive(Clone, Debug)]
enum About {
    /// Info-hash and peer_id of the two handshakes, the initiator's first.
    Handshakes([Option<Greeting>; 2]),
    /// The torrents of a webseed.
    Torrents(BTreeSet<TorrentId>),
}

/// The fields of a handshake by which a connection is recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Greeting {
    info_hash: [u8; 20],
    peer_id: Option<[u8; 20]>,
}

impl About {
    /// Returns true if the two agree, and differ in nothing that both have.
    fn fits(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Handshakes(these), Self::Handshakes(those)) => {
                let pairs = || these.iter().zip(those);
                pairs().any(|(one, other)| one.is_some() && one == other)
                    && pairs().all(|(one, other)| one.is_none() || other.is_none() || one == other)
            }
            (Self::Torrents(these), Self::Torrents(those)) => !these.is_disjoint(those),
            _ => false,
        }
    }
}

impl Translations {
    /// Takes a connection of peers that is over, with its initial sequence numbers.
    pub(super) fn note(&mut self, session: &Session<'_>, initial: [u64; 2], anomalies: &mut dyn Sink) {
        let (Some(initiator), Some(span)) = (session.initiator, session.span()) else { return };
        let handshakes = [initiator, initiator.reverse()].map(|from| {
            let handshake = session.side(from).handshake.as_ref()?;
            Some(Greeting { info_hash: handshake.info_hash, peer_id: handshake.peer_id })
        });
        if handshakes != [None, None] {
            let about = About::Handshakes(handshakes);
            self.add(
                Observed { flow: session.flow, transport: session.transport, initiator, span, about },
                initial,
                anomalies,
            );
        }
    }

    /// Takes one on which a webseed served, of which `client` is the direction of the requests.
    pub(super) fn note_web(
        &mut self,
        flow: FlowKey,
        client: Direction,
        span: Span,
        torrents: &BTreeSet<TorrentId>,
        initial: [u64; 2],
        anomalies: &mut dyn Sink,
    ) {
        if !torrents.is_empty() {
            let about = About::Torrents(torrents.clone());
            self.add(
                Observed { flow, transport: Transport::Http, initiator: client, span, about },
                initial,
                anomalies,
            );
        }
    }

    fn add(&mut self, connection: Observed, initial: [u64; 2], anomalies: &mut dyn Sink) {
        let known = self.by_numbers.entry(initial).or_default();
        if known.len() > TRANSLATED_SIDES {
            return;
        }
        if self.count < COMPARED_CONNECTIONS {
            self.count += 1;
            known.push(connection);
            return;
        }
        let oddity = Oddity::from(Bound::ConnectionsCompared { most: COMPARED_CONNECTIONS });
        anomalies.odd(oddity.within(connection.span).sent(connection.flow, connection.initiator));
    }

    /// The pairs that are one connection, in the order of their numbers. Where more begin alike than a connection has
    /// sides, their sender begins all of them so, and the numbers tell nothing.
    pub(super) fn finish(self, anomalies: &mut dyn Sink) -> Vec<SameConnection> {
        let mut same = Vec::new();
        for connections in self.by_numbers.values().filter(|known| known.len() <= TRANSLATED_SIDES) {
            for (place, one) in connections.iter().enumerate() {
                for other in connections.iter().take(place).filter(|other| other.is_same(one)) {
                    anomalies.odd(occurrence(other, one));
                    let transport = one.transport;
                    same.push(SameConnection {
                        transport,
                        legs: [other.ends(), one.ends()],
                        spans: [other.span, one.span],
                    });
                }
            }
        }
        same
    }
}

impl Observed {
    /// Returns true if both are one connection: on other addresses, with fitting content, at one time.
    fn is_same(&self, other: &Self) -> bool {
        self.flow != other.flow
            && self.transport == other.transport
            && self.about.fits(&other.about)
            && self.span.apart(other.span) <= CLOCKS_APART_NS
    }

    /// Who opened it, and to whom.
    fn ends(&self) -> [Endpoint; 2] {
        [self.flow.source(self.initiator), self.flow.destination(self.initiator)]
    }
}

fn occurrence(one: &Observed, other: &Observed) -> Occurrence {
    let leg = |side: &Observed| oddity::Leg { ends: side.ends(), span: side.span };
    let same = oddity::SameConnection {
        legs: [leg(one), leg(other)],
        transport: one.transport,
        handshakes: matches!(one.about, About::Handshakes(_)),
    };
    Oddity::SameConnection(Box::new(same)).within(one.span.join(other.span)).sent(one.flow, one.initiator)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::anomaly::{Anomalies, Kind};
    use crate::ends::{At, FrameId, Protocol, Timestamp};

    fn connection(port: u16) -> Observed {
        let end = |ip: [u8; 4], port| Endpoint { ip: ip.into(), port };
        let (flow, initiator) =
            FlowKey::new(end([192, 0, 2, 1], port), end([198, 51, 100, 7], 6881), Protocol::Tcp);
        let span = Span::single(At { time: Timestamp(0), frame: FrameId::new(0, u64::from(port)) });
        let about = About::Handshakes([Some(Greeting { info_hash: [7; 20], peer_id: Some([1; 20]) }), None]);
        Observed { flow, transport: Transport::Tcp, initiator, span, about }
    }

    #[test]
    fn a_sender_that_begins_all_its_connections_alike_makes_no_pairs() {
        for (count, pairs) in [(2, 1), (5, 10), (6, 0)] {
            let connections: Vec<_> = (1..=count).map(connection).collect();
            let all = Translations { count: connections.len(), by_numbers: [([1, 2], connections)].into() };
            let mut anomalies = Anomalies::default();
            assert_eq!(all.finish(&mut anomalies).len(), pairs, "{count}");
            assert_eq!(anomalies.tally(Kind::SameConnection).is_some(), pairs > 0);
        }
    }
}
