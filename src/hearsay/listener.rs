//! UDP trackers, the DHT and local service discovery, datagram by datagram: who asked whom, who was issued which secret.

use std::hash::BuildHasher;
use std::net::IpAddr;

use super::compact::PeerList;
use super::recent::Recent;
use super::{Counts, Doubts, Named, Swarm, Via, announce_of, dht, http_tracker, lsd, udp_tracker};
use crate::ends::{At, Endpoint, Span, Timestamp};
use crate::limits::{HEARSAY_MARKS, SCRAPES_PART};
use crate::oddity::{Bound, Forgotten, MentionFault, Oddity, Said};

/// A UDP datagram.
#[derive(Clone, Copy, Debug)]
pub struct Datagram<'a> {
    /// Its source.
    pub from: Endpoint,
    /// Its destination.
    pub to: Endpoint,
    /// The captured part of the payload.
    pub bytes: &'a [u8],
    /// Payload bytes on the wire; `bytes.len() <= wire_len`.
    pub wire_len: u32,
    /// The frame.
    pub at: At,
    /// Equal for two captures of one frame.
    pub fingerprint: u32,
    /// True if the datagram's checksum was tested and is wrong.
    pub doubtful: bool,
}

/// A statement that a datagram makes about addresses or swarms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remark {
    /// An address is named or announced.
    Mention {
        /// Who, by whom, and how far it reaches.
        named: Named,
        /// The frames that show it, those that confirm it included.
        shown: Span,
    },
    /// Something is said of a whole swarm.
    Swarm {
        /// Of which, by whom.
        swarm: Swarm,
        /// The figures.
        counts: Counts,
    },
    /// Something was odd; the packet is in no other remark if it is a double.
    Odd(Oddity),
}

/// Listens to all datagrams of a run.
///
/// # Invariants
/// - Memory is bounded: three tables of `most` entries of at most 270 bytes beside their addresses, one of a sixteenth of
///   that of at most 1,500 bytes each, and one of 50 bytes each where there are several inputs.
#[derive(Debug)]
pub struct Listener {
    /// Requests that an answer may name.
    asked: Recent<Asked, (Timestamp, [u8; 20])>,
    /// Swarms that a tracker was asked for.
    scraped: Recent<Asked, Scraped>,
    /// Connection ids, tokens and the ids that HTTP trackers issue: to which address issued, and in which frame; `None` once another one got the same.
    issued: Recent<Issued, Option<(IpAddr, At)>>,
    /// Who sent what may be the answer to a connect request that was not captured, and to whom.
    answered: Recent<(Endpoint, Endpoint), Timestamp>,
    marks: [Option<(u64, Timestamp)>; HEARSAY_MARKS],
    next_mark: usize,
    /// The frames of what was said, where another input may hold it, too.
    said: Option<Recent<u64, At>>,
}

/// When a tracker was asked for swarms, and for which.
type Scraped = (Timestamp, Box<[[u8; 20]]>);

/// A request.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Asked {
    from: Endpoint,
    to: Endpoint,
    id: Id,
}

/// How an answer names its request.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Id {
    Connect(u32),
    Announce(u32),
    Scrape(u32),
    Dht(Box<[u8]>),
}

/// A secret that only who receives at an address can know.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Issued {
    by: Endpoint,
    secret: Box<[u8]>,
}

/// Returns true if a datagram may be of interest to a [`Listener`]; costs a few comparisons.
#[inline]
pub fn looks_like(bytes: &[u8], wire_len: u32) -> bool {
    match bytes.first() {
        Some(b'd') if dht::looks_like(bytes) => true,
        Some(b'B') if bytes.starts_with(LSD) => true,
        _ => udp_tracker::looks_like(bytes, wire_len),
    }
}

impl Listener {
    /// A listener that remembers `most` requests, and as many secrets.
    pub fn new(most: usize) -> Self {
        Self {
            asked: Recent::new(most),
            scraped: Recent::new(most / SCRAPES_PART),
            issued: Recent::new(most),
            answered: Recent::new(most),
            marks: [None; HEARSAY_MARKS],
            next_mark: 0,
            said: None,
        }
    }

    /// Says that there are several inputs, of which more than one may hold the same packet; of the last `most`, copies
    /// are told.
    pub fn expect_copies(&mut self, most: usize) {
        self.said = Some(Recent::new(most));
    }

    /// Takes the next datagram that [`looks_like`] one of these protocols.
    pub fn push(&mut self, datagram: &Datagram<'_>, out: &mut Vec<Remark>) {
        let already = out.len();
        match datagram.bytes.first() {
            Some(b'd') if dht::looks_like(datagram.bytes) => self.dht(datagram, out),
            Some(b'B') if datagram.bytes.starts_with(LSD) => lsd(datagram, out),
            _ => self.tracker(datagram, out),
        }
        // Only what says something is compared: a flood that says nothing costs no hashing.
        if out.len() > already && self.is_double(datagram) {
            out.truncate(already);
            out.push(Remark::Odd(Oddity::DoubleDatagram));
        }
    }

    fn tracker(&mut self, datagram: &Datagram<'_>, out: &mut Vec<Remark>) {
        let Datagram { from, to, bytes, wire_len, at, .. } = *datagram;
        match udp_tracker::Response::parse(bytes, wire_len, to.ip) {
            Some(udp_tracker::Response::Connect { transaction, connection_id }) => {
                if self.asked.find(&Asked { from: to, to: from, id: Id::Connect(transaction) }).is_some() {
                    self.issue(from, to, &connection_id, at, out);
                } else if let Some(gone) = self.answered.put((from, to), at.time) {
                    forget(gone, at, ANSWER_NS, out);
                }
                return;
            }
            Some(udp_tracker::Response::Announce(list)) => {
                let asked = self.asked.find(&Asked { from: to, to: from, id: Id::Announce(list.transaction) });
                if let Some((_, info_hash)) = asked {
                    let counts = Counts {
                        seeders: Some(list.seeders.into()),
                        leechers: Some(list.leechers.into()),
                        downloads: None,
                    };
                    let swarm = Swarm { info_hash: *info_hash, by: from, via: Via::UdpTracker };
                    out.push(Remark::Swarm { swarm, counts });
                    return listed(datagram, list.peers, Some(*info_hash), Via::UdpTracker, out);
                }
                if self.answered.find(&(from, to)).is_some() && list.plausible() {
                    return listed(datagram, list.peers, None, Via::UdpTracker, out);
                }
            }
            Some(udp_tracker::Response::Scrape { transaction, counts, exact }) => {
                let asked = Asked { from: to, to: from, id: Id::Scrape(transaction) };
                if let Some((_, hashes)) = self.scraped.find(&asked) {
                    if !exact || counts.len() > hashes.len() {
                        out.push(odd(MentionFault::Unreadable(Said("a scrape's answer of another length")), 1));
                    }
                    let said = hashes.iter().zip(counts);
                    return out.extend(said.map(|(info_hash, counts)| {
                        let swarm = Swarm { info_hash: *info_hash, by: from, via: Via::UdpScrape };
                        Remark::Swarm { swarm, counts }
                    }));
                }
            }
            Some(udp_tracker::Response::Error { .. }) | None => {}
        }
        match udp_tracker::Request::parse(bytes, wire_len) {
            Some(udp_tracker::Request::Connect { transaction }) => {
                self.ask(datagram, Id::Connect(transaction), [0; 20], out);
            }
            Some(udp_tracker::Request::Announce(announce)) => self.announce(datagram, &announce, out),
            // Nobody is named by asking; and what echoes no id that was issued to it may be anything.
            Some(udp_tracker::Request::Scrape { connection_id, transaction, info_hashes })
                if self.shown(datagram, &connection_id).is_some() =>
            {
                let asked = Asked { from, to, id: Id::Scrape(transaction) };
                if let Some((gone, _)) = self.scraped.put(asked, (at.time, info_hashes.into())) {
                    forget(gone, at, ANSWER_NS, out);
                }
            }
            Some(udp_tracker::Request::Scrape { .. }) | None => {}
        }
    }

    fn announce(&mut self, datagram: &Datagram<'_>, announce: &udp_tracker::Announce<'_>, out: &mut Vec<Remark>) {
        let info_hash = announce.info_hash;
        let shown = self.shown(datagram, &announce.connection_id);
        if shown.is_none() && !announce.plausible() {
            return;
        }
        self.ask(datagram, Id::Announce(announce.transaction), info_hash, out);
        if !announce.exact {
            out.push(odd(MentionFault::Unreadable(Said("options of an announce that cannot be read")), 1));
        }
        let mut named = http_tracker::named_in(&announce.url.concat(), announce.port);
        if announce.ip.is_some() {
            // The field stays 32 bits wide under IPv6, where it means nothing (BEP 15).
            if datagram.from.ip.is_ipv4() {
                named.join(std::iter::once(udp_tracker::other_name(announce)).collect());
            } else {
                out.push(odd(MentionFault::OtherFamily, 1));
            }
        }
        announced(datagram, (Via::UdpAnnounce, info_hash, announce.port), &named, shown, out);
    }

    fn dht(&mut self, datagram: &Datagram<'_>, out: &mut Vec<Remark>) {
        let Datagram { from, to, at, .. } = *datagram;
        match dht::Message::parse(datagram.bytes) {
            Ok(None) => {}
            Err(reason) => out.push(odd(MentionFault::Unreadable(Said(reason)), 1)),
            Ok(Some(dht::Message::GetPeers { transaction, info_hash })) => {
                self.ask(datagram, Id::Dht(transaction), info_hash, out);
            }
            Ok(Some(dht::Message::AnnouncePeer { info_hash, port, token })) => {
                let shown = self.shown(datagram, &token);
                let port = port.unwrap_or(from.port);
                announced(datagram, (Via::DhtAnnounce, info_hash, port), &PeerList::default(), shown, out);
            }
            Ok(Some(dht::Message::Sample { info_hashes })) => {
                out.extend(info_hashes.into_iter().map(|info_hash| {
                    let swarm = Swarm { info_hash, by: from, via: Via::DhtSample };
                    Remark::Swarm { swarm, counts: Counts::default() }
                }));
            }
            Ok(Some(dht::Message::Answer { transaction, token, values, counts })) => {
                let asked = self.asked.find(&Asked { from: to, to: from, id: Id::Dht(transaction) });
                let info_hash = asked.map(|(_, info_hash)| *info_hash);
                if let Some(info_hash) = info_hash.filter(|_| !counts.is_empty()) {
                    let swarm = Swarm { info_hash, by: from, via: Via::DhtScrape };
                    out.push(Remark::Swarm { swarm, counts });
                }
                // Without its query, an answer for peers is known by its token.
                if info_hash.is_some() || token.is_some() {
                    listed(datagram, values, info_hash, Via::Dht, out);
                }
                if let Some(token) = token {
                    self.issue(from, to, &token, at, out);
                }
            }
        }
    }

    /// Remembers a request.
    fn ask(&mut self, datagram: &Datagram<'_>, id: Id, info_hash: [u8; 20], out: &mut Vec<Remark>) {
        if matches!(&id, Id::Dht(id) if id.len() > MAX_SECRET) {
            return out.push(forgotten(Forgotten::LongTransaction));
        }
        let asked = Asked { from: datagram.from, to: datagram.to, id };
        if let Some((gone, _)) = self.asked.put(asked, (datagram.at.time, info_hash)) {
            forget(gone, datagram.at, ANSWER_NS, out);
        }
    }

    /// Remembers the id that an HTTP tracker issued to a client (`tracker id`).
    pub fn issue_id(&mut self, by: Endpoint, to: Endpoint, id: &[u8], at: At, out: &mut Vec<Remark>) {
        if id.len() >= MIN_SECRET {
            self.issue(by, to, &[TRACKER_ID, id].concat(), at, out);
        }
    }

    /// The frame in which an HTTP tracker issued the id that a client at `to` echoes (`trackerid`).
    pub fn issued_id(&self, by: Endpoint, to: Endpoint, id: &[u8]) -> Option<Span> {
        let issued = Issued { by, secret: [TRACKER_ID, id].concat().into() };
        let given = self.issued.find(&issued).copied().flatten();
        given.filter(|(known, _)| *known == to.ip).map(|(_, at)| Span::single(at))
    }

    /// Remembers a secret.
    fn issue(&mut self, by: Endpoint, to: Endpoint, secret: &[u8], at: At, out: &mut Vec<Remark>) {
        if secret.len() > MAX_SECRET {
            return out.push(forgotten(Forgotten::LongToken));
        }
        if secret.len() < MIN_SECRET {
            return;
        }
        let issued = Issued { by, secret: secret.into() };
        let (given, kept) = match self.issued.find(&issued) {
            // The first frame that shows it is enough, and is kept where a double follows.
            Some(None) => return,
            Some(Some((first, _))) if *first == to.ip => return,
            // What several addresses got is no secret of one of them.
            Some(Some((_, first))) => (None, first.time),
            None => (Some((to.ip, at)), at.time),
        };
        if let Some(gone) = self.issued.put(issued, given) {
            forget(gone.map_or(kept, |(_, at)| at.time), at, SECRET_NS, out);
        }
    }

    /// The frames of an announce: with the one that issued the secret that it echoes, if there is one.
    fn shown(&self, datagram: &Datagram<'_>, secret: &[u8]) -> Option<Span> {
        let issued = Issued { by: datagram.to, secret: secret.into() };
        let given = self.issued.find(&issued).copied().flatten();
        given
            .filter(|(to, _)| *to == datagram.from.ip)
            .map(|(_, at)| Span::single(at).join(Span::single(datagram.at)))
    }

    /// Returns true if an equal packet was seen just before; remembers this one.
    fn is_double(&mut self, datagram: &Datagram<'_>) -> bool {
        let whole = (datagram.fingerprint, datagram.from, datagram.to, datagram.bytes);
        let (mark, time) = (foldhash::quality::FixedState::default().hash_one(whole), datagram.at.time);
        let double =
            self.marks.iter().flatten().any(|(other, seen)| *other == mark && apart(time, *seen) <= DOUBLE_NS)
                || self.is_of_two_inputs(datagram, mark);
        if let Some(slot) = self.marks.get_mut(self.next_mark) {
            *slot = Some((mark, time));
        }
        self.next_mark = (self.next_mark + 1) % HEARSAY_MARKS;
        double
    }

    /// Returns true if another input has an equal packet; remembers this one if not. The clocks of inputs may
    /// differ by any time, but where no identification tells a packet from the same bytes sent again, it has to be
    /// less than that takes.
    fn is_of_two_inputs(&mut self, datagram: &Datagram<'_>, mark: u64) -> bool {
        let Some(said) = &mut self.said else { return false };
        let sure = datagram.fingerprint >> 16 > 0 && datagram.from.ip.is_ipv4();
        let copy = said.find(&mark).is_some_and(|first| {
            first.frame.file() != datagram.at.frame.file()
                && (sure || apart(datagram.at.time, first.time) <= UNSURE_NS)
        });
        if !copy {
            said.put(mark, datagram.at);
        }
        copy
    }
}

fn lsd(datagram: &Datagram<'_>, out: &mut Vec<Remark>) {
    let bad = |reason| odd(MentionFault::Unreadable(Said(reason)), 1);
    if !datagram.to.ip.is_multicast() {
        return out.push(bad("local service discovery that was not sent to a multicast group"));
    }
    let Some(search) = lsd::Search::parse(datagram.bytes) else {
        return out.push(bad("local service discovery that cannot be read"));
    };
    for info_hash in search.info_hashes {
        announced(datagram, (Via::Lsd, info_hash, search.port), &PeerList::default(), None, out);
    }
}

/// The remarks that an announce gives. `confirmed` are the frames that show that the announcer received something.
fn announced(
    datagram: &Datagram<'_>,
    announce: (Via, [u8; 20], u16),
    named: &PeerList,
    confirmed: Option<Span>,
    out: &mut Vec<Remark>,
) {
    let (via, info_hash, port) = announce;
    let (mentions, unusable) = announce_of(datagram.from, info_hash, port, named, via, confirmed.is_some());
    for mut named in mentions {
        named.doubts.bad_checksum = datagram.doubtful;
        // Another address is named by the announce alone.
        let of_itself = named.subject == named.by;
        let shown = confirmed.filter(|_| of_itself).unwrap_or(Span::single(datagram.at));
        out.push(Remark::Mention { named, shown });
    }
    unusable_entries(unusable, out);
}

/// The remarks that a list gives; without `info_hash` its request is not in the captures.
fn listed(datagram: &Datagram<'_>, list: PeerList, info_hash: Option<[u8; 20]>, via: Via, out: &mut Vec<Remark>) {
    let doubts = Doubts { bad_checksum: datagram.doubtful, one_sided: info_hash.is_none(), ..Doubts::default() };
    for subject in list.peers {
        let named = Named { doubts, ..Named::new(subject, info_hash, datagram.from, via) };
        out.push(Remark::Mention { named, shown: Span::single(datagram.at) });
    }
    unusable_entries(list.unusable, out);
}

fn unusable_entries(amount: u64, out: &mut Vec<Remark>) {
    if amount > 0 {
        out.push(odd(MentionFault::Unusable, amount));
    }
}

/// Notes that an entry of this time went to make room, where it could still have been of use: for `lifetime` ns.
fn forget(gone: Timestamp, at: At, lifetime: u64, out: &mut Vec<Remark>) {
    if apart(at.time, gone) <= lifetime {
        out.push(forgotten(Forgotten::Transaction));
    }
}

fn odd(fault: MentionFault, entries: u64) -> Remark {
    Remark::Odd(Oddity::Mention { fault, entries })
}

fn forgotten(what: Forgotten) -> Remark {
    Remark::Odd(Bound::Transactions(what).into())
}

fn apart(one: Timestamp, other: Timestamp) -> u64 {
    one.0.saturating_sub(other.0).unsigned_abs()
}

const LSD: &[u8] = b"BT-SEARCH";
/// Prefix of an HTTP tracker's id among the secrets.
const TRACKER_ID: &[u8] = b"tracker id:";
// Rationale: the shortest that clients in use issue (libtorrent's tokens); what is shorter can be guessed.
const MIN_SECRET: usize = 4;
/// Bytes of a secret or transaction id that are remembered.
// Rationale: connection ids have 8 bytes, tokens 4 to 20, transaction ids 2 to 4.
pub const MAX_SECRET: usize = 255;
// Rationale: as for TCP segments; no client sends the same request again so soon.
const DOUBLE_NS: u64 = 50_000_000;
// Rationale: trackers are asked again after 15 s (BEP 15), neighbours told again after a minute (BEP 14).
const UNSURE_NS: u64 = 10_000_000_000;
// Rationale: DHT clients give a query up after 20 s at most; trackers answer within 15 s, or are asked again (BEP 15).
const ANSWER_NS: u64 = 60_000_000_000;
// Rationale: nodes take tokens back for up to ten minutes (BEP 5), trackers connection ids for two (BEP 15).
const SECRET_NS: u64 = 600_000_000_000;

#[cfg(test)]
mod tests;
