//! Transfers: from one endpoint to another for one torrent, the running figures and facts.

use std::collections::{BTreeMap, BTreeSet};

use std::ops::{Deref, DerefMut};
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use super::{SessionTimes, SmallVec, Timeline, Times};
use crate::ends::{Direction, Endpoint, Sightings, Span, Transport};
use crate::facts::{Claims, Connection, Peer};
use crate::limits::{SUBJECT_PEER_IDS, SUBJECT_SESSIONS};
use crate::session::{Encryption, PieceSet, Unplaced};
use crate::torrent::TorrentId;

/// Index of a transfer in order of first appearance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TransferId(pub u32);

/// Which torrent a conversation is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum TorrentKey {
    /// One of the given torrents.
    Given(TorrentId),
    /// A torrent of which only the handshakes' info-hash is known.
    NotGiven([u8; 20]),
    /// No handshake was captured, and no hash matched.
    Unknown,
}

/// The identity of a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TransferKey {
    /// Who sent, as observed.
    pub uploader: Endpoint,
    /// Who received, as observed.
    pub downloader: Endpoint,
    /// How.
    pub transport: Transport,
    /// For which torrent.
    pub torrent: TorrentKey,
}

/// Counts that grow as blocks arrive and are decided.
///
/// The verified figures are not here: they are summed from the credits of the pieces, once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Captured payload bytes.
    pub served: u64,
    /// Payload bytes that were sent but not captured.
    pub lost: u64,
    /// Captured payload bytes in padding.
    pub pad: u64,
    /// Carried before by this transfer.
    pub repeated: u64,
    /// Shown to differ.
    pub refuted: u64,
    /// In failed units of several subjects.
    pub disputed: u64,
    /// Decided by nothing.
    pub unproven: u64,
    /// Answering an uncancelled request.
    pub solicited: u64,
    /// Confirmed by the receiver's transport.
    pub acknowledged: u64,
}

/// A transfer as it grows.
///
/// There may be as many as connections, and most of them have no row in the end: what is only known of some has no room of
/// its own in all.
#[derive(Clone, Debug)]
pub struct Record {
    /// Identity of the transfer.
    pub key: TransferKey,
    /// The figures.
    pub counts: Counts,
    /// The frames of served payload.
    pub served_span: Option<Span>,
    /// Refuted bytes, where there are any.
    pub refuted: Option<Box<Refuted>>,
    /// The uploader's peer_ids, sorted.
    pub peer_ids: SmallVec<[u8; 20]>,
    /// First and last packet of its connections.
    pub span: Option<Span>,
    /// Its payload by time.
    pub times: Times,
    /// Its payload by class, on the axis of all transfers.
    pub timeline: Timeline,
    /// Served bytes of which the captures do not show in which blocks they are.
    pub unplaced: u64,
    /// Facts of its connections; of those that have no row, none.
    pub facts: Merged,
    /// Set if the transfer has no row, as there are so many: see [`Limits::served_rows`](crate::Limits::served_rows).
    pub left_out: bool,
}

/// Refuted bytes of a transfer.
#[derive(Clone, Debug, Default)]
pub struct Refuted {
    /// The frames of that payload.
    pub span: Option<Span>,
    /// Pieces with a refuted byte.
    pub pieces: BTreeSet<u32>,
}

/// The facts of a transfer, which take no room while nothing is known.
#[derive(Clone, Debug, Default)]
pub struct Merged(Option<Box<TransferFacts>>);

impl Deref for Merged {
    type Target = TransferFacts;

    fn deref(&self) -> &TransferFacts {
        static NOTHING: LazyLock<TransferFacts> = LazyLock::new(TransferFacts::default);
        self.0.as_deref().unwrap_or(&NOTHING)
    }
}

impl DerefMut for Merged {
    fn deref_mut(&mut self) -> &mut TransferFacts {
        self.0.get_or_insert_default()
    }
}

/// Facts of the connections of a transfer, merged.
#[derive(Clone, Debug, Default)]
pub struct TransferFacts {
    /// How many there were.
    pub connections: u32,
    /// Those of them in which nothing shows that the uploader received anything, though the other end was captured: what it
    /// claims there counts for nothing.
    pub unconfirmed: u32,
    /// Each of them, up to a bound; from there on the last one stands for all further ones.
    pub sessions: Vec<SessionTimes>,
    /// Opened by the uploader.
    pub opened_by_uploader: u32,
    /// Opened by the downloader.
    pub opened_by_downloader: u32,
    /// Their protection; the least of them.
    pub encryption: Option<Encryption>,
    /// Set if a supplied secret decrypted some of the transfer.
    pub decrypted: bool,
    /// How the info-hash begins that cut handshakes of its connections ask for, as far as it is known of all of them.
    pub info_hash_begins: Option<Vec<u8>>,
    /// The clients that the uploader named.
    pub named_clients: BTreeSet<String>,
    /// The port that the uploader declared.
    pub listen_port: Option<u16>,
    /// Both ends answered (G2).
    pub opening: Option<Span>,
    /// The uploader's handshake (G3).
    pub handshake: Option<Span>,
    /// The counterpart's handshake for the same torrent.
    pub counterpart: Option<Span>,
    /// A connection whose two handshakes name different torrents.
    pub mismatch: Option<Span>,
    /// A handshake that the other side, captured whole, never answered.
    pub unanswered: Option<Span>,
    /// The first claim to have a piece (G4).
    pub advertised: Option<Span>,
    /// The pieces claimed.
    pub advertised_pieces: PieceSet,
    /// How many were claimed on one connection, where not all of them are in `advertised_pieces`.
    pub advertised_least: u64,
    /// Set if all pieces were claimed at once.
    pub advertised_all: bool,
    /// The first unchoke or allowed_fast (G5).
    pub offered: Option<Span>,
    /// The first request of the downloader.
    pub asked: Option<Span>,
    /// Requests that the uploader rejected.
    pub rejected: u64,
    /// The first whole `piece` message (G6).
    pub first_piece: Option<Span>,
    /// `piece` messages whose whole body is in the capture.
    pub piece_messages: u64,
    /// `piece` messages of which bytes are missing.
    pub partial_messages: u64,
    /// Pieces that nobody asked for.
    pub unsolicited: u64,
    /// Extension messages (BEP 10) of the uploader by name.
    pub extension_messages: BTreeMap<String, u64>,
    /// Blocks sent although their request was cancelled.
    pub cancelled: u64,
    /// Connections without a handshake of the uploader.
    pub handshakes_missing: u32,
    /// Connections of which the capture holds one direction only.
    pub one_sided: u32,
    /// Stretches missing from the uploader's streams.
    pub gaps: u64,
    /// Bytes in those.
    pub gap_bytes: u64,
    /// The snap length cut some of it.
    pub snaplen: bool,
    /// A wrong checksum.
    pub bad_checksum: bool,
    /// Sent twice with different bytes.
    pub overlap_conflict: bool,
    /// Framing was lost and found again.
    pub resynchronised: bool,
    /// Frames are in the capture twice.
    pub duplicate_frames: bool,
    /// Where a webseed was asked for this torrent at a URL that the torrent lists (BEP 17, BEP 19). Elsewhere a file of the
    /// right name and size may be any file; another build of an image has its first pieces, too.
    pub named_places: BTreeSet<u64>,
    /// Where it was asked for bytes that are proven to be the torrent's. Whom a request names is the client's word: any
    /// server may have been asked for a URL that the torrent lists.
    pub proven_places: BTreeSet<u64>,
    /// The inputs that hold packets of its connections.
    pub seen: Sightings,
    /// The tunnels crossed.
    pub paths: BTreeSet<String>,
}

impl Record {
    /// Adds payload of blocks that are not known by piece: nothing decides it.
    pub(crate) fn add_unplaced(&mut self, unplaced: Unplaced) {
        self.counts.served += unplaced.served;
        self.counts.unproven += unplaced.served;
        self.unplaced += unplaced.served;
        self.counts.lost += unplaced.lost;
    }

    pub(crate) fn new(key: TransferKey) -> Self {
        Self {
            key,
            counts: Counts::default(),
            served_span: None,
            refuted: None,
            peer_ids: SmallVec::None,
            span: None,
            times: Times::default(),
            timeline: Timeline::default(),
            unplaced: 0,
            facts: Merged::default(),
            left_out: false,
        }
    }

    /// The port by which the report names the uploader: declared, else observed.
    pub fn subject_port(&self) -> u16 {
        self.facts.listen_port.unwrap_or(self.key.uploader.port)
    }

    /// The frames of refuted payload.
    pub fn refuted_span(&self) -> Option<Span> {
        self.refuted.as_ref()?.span
    }

    /// Pieces with a refuted byte.
    pub fn refuted_pieces(&self) -> impl ExactSizeIterator<Item = u32> {
        static NONE: BTreeSet<u32> = BTreeSet::new();
        self.refuted.as_ref().map_or(&NONE, |refuted| &refuted.pieces).iter().copied()
    }

    /// Adds a refuted share of a piece.
    pub(crate) fn refute(&mut self, piece: u32, span: Span) {
        let refuted = self.refuted.get_or_insert_default();
        refuted.pieces.insert(piece);
        refuted.span = Some(refuted.span.map_or(span, |known| known.join(span)));
    }

    /// Adds a peer_id of the uploader; `false` when there was no room for it.
    pub(crate) fn peer_id(&mut self, id: Option<[u8; 20]>) -> bool {
        let Some(id) = id else { return true };
        if self.peer_ids.contains(&id) {
            return true;
        }
        let room = self.peer_ids.len() < SUBJECT_PEER_IDS;
        if room {
            self.peer_ids.push(id);
            self.peer_ids.sort_unstable();
        }
        room
    }

    /// Returns true if a row may be made of the transfer: some time of it is known, and unless a torrent is known, more
    /// than one or two blocks that a search found in the middle of an unknown stream.
    pub fn is_shown(&self) -> bool {
        !self.left_out
            && self.span.or(self.served_span).is_some()
            && (self.key.torrent != TorrentKey::Unknown || self.facts.connections > 0)
            && !self.is_hidden_webseed()
    }

    /// Returns true if bytes from `place`, see [`TransferFacts::named_places`], that differ from the torrent speak
    /// against the uploader.
    pub fn is_answerable(&self, place: u64) -> bool {
        let (named, proven) = (&self.facts.named_places, &self.facts.proven_places);
        self.key.transport != Transport::Http || (named.contains(&place) && proven.contains(&place))
    }

    /// Returns true for a web server of which only a client's requests say that it serves this torrent.
    pub fn is_namesake(&self) -> bool {
        self.key.transport == Transport::Http && self.facts.proven_places.is_empty()
    }

    /// Returns true for such a server that the torrent does not even list: no webseed, as far as is known.
    pub fn is_hidden_webseed(&self) -> bool {
        self.is_namesake() && self.facts.named_places.is_empty()
    }

    /// When it was active, as far as is known: what is served counts before its connection is over.
    pub(crate) fn active(&self) -> Option<Span> {
        match (self.span, self.served_span) {
            (Some(known), Some(served)) => Some(known.join(served)),
            (known, served) => known.or(served),
        }
    }
}

impl TransferFacts {
    /// Adds one connection. The last one stands for all that there is no room for, and is not whole: nobody takes those for
    /// never seen.
    pub(crate) fn session(&mut self, times: SessionTimes) {
        let full = self.sessions.len() >= SUBJECT_SESSIONS;
        match self.sessions.last_mut().filter(|_| full) {
            Some(last) => {
                (last.first, last.last) = (last.first.min(times.first), last.last.max(times.last));
                last.is_whole = false;
            }
            None => self.sessions.push(times),
        }
    }

    /// Adds one connection of `peer`s, seen from the side that sends in `from`. `equal` tells whether both handshakes are for
    /// this torrent. `false` when there was no room for a name in it.
    pub(crate) fn merge(
        &mut self,
        connection: &Connection,
        peer: &Peer,
        from: Direction,
        equal: Handshakes,
    ) -> bool {
        let mut all = true;
        let (own, other) = (peer.side(from), peer.side(from.reverse()));
        let streams = [connection.stream(from), connection.stream(from.reverse())];
        let [own_sent_none, other_sent_none] = [from, from.reverse()].map(|from| connection.greeted_never(from));
        self.connections += 1;
        // In MSE that selected plaintext, who opened the connection has its handshake among what is encrypted; what is in
        // clear begins where MSE says.
        let is_within = connection.encryption == Encryption::MsePlaintext
            && !connection.decrypted
            && connection.initiator == Some(from)
            && streams[0].gaps == 0
            && !streams[0].snaplen;
        let begins = peer.info_hash_begins();
        match &mut self.info_hash_begins {
            Some(known) => {
                let common = known.iter().zip(begins).take_while(|(one, other)| one == other).count();
                known.truncate(common);
            }
            None => self.info_hash_begins = Some(begins.to_vec()),
        }
        match connection.initiator {
            Some(initiator) if initiator == from => self.opened_by_uploader += 1,
            Some(_) => self.opened_by_downloader += 1,
            None => {}
        }
        let unconfirmed = connection.is_unconfirmed(from);
        self.unconfirmed += u32::from(unconfirmed);
        // What is said between ends that do not speak of one torrent says nothing of either.
        let heard = !unconfirmed && equal != Handshakes::Differ;
        let encryption = connection.encryption;
        self.encryption = Some(self.encryption.map_or(encryption, |known| known.min(encryption)));
        self.decrypted |= connection.decrypted;
        if let Some(handshake) = &own.handshake {
            match equal {
                Handshakes::Differ => earliest(&mut self.mismatch, Some(handshake.span)),
                _ if unconfirmed => {}
                Handshakes::Agree => {
                    earliest(&mut self.handshake, Some(handshake.span));
                    earliest(&mut self.counterpart, other.handshake.as_ref().map(|handshake| handshake.span));
                }
                Handshakes::OneSide if other_sent_none => {
                    earliest(&mut self.unanswered, Some(handshake.span));
                }
                Handshakes::OneSide => earliest(&mut self.handshake, Some(handshake.span)),
            }
        } else if !own_sent_none && !is_within {
            self.handshakes_missing += 1;
        }
        all &= own.client.clone().is_none_or(|client| keep(&mut self.named_clients, client));
        if heard {
            self.listen_port = own.listen_port.or(self.listen_port);
            earliest(&mut self.advertised, own.claims.first);
            earliest(&mut self.offered, own.offered);
            earliest(&mut self.asked, other.requested);
            earliest(&mut self.first_piece, own.first_piece);
        }
        self.rejected += own.rejected;
        self.piece_messages += own.piece_messages;
        self.partial_messages += own.partial_messages;
        self.unsolicited += own.unsolicited;
        self.cancelled += own.cancelled;
        for (name, count) in &own.extension_messages {
            let room =
                self.extension_messages.len() < SUBJECT_PEER_IDS || self.extension_messages.contains_key(name);
            let name = if room { name } else { "unknown" };
            *self.extension_messages.entry(name.to_owned()).or_default() += count;
            all &= room;
        }
        // Without any handshake the flag `handshake-not-captured` says it.
        let one_handshake = own.handshake.is_some() != other.handshake.is_some();
        let one_side = one_handshake && !own_sent_none && !other_sent_none;
        self.one_sided += u32::from(streams.iter().any(|stream| stream.packets == 0) || one_side);
        self.resynchronised |= own.resynchronised && (!is_within || own.lost_sync > 1);
        self.session(session_of(connection, peer, from));
        self.merge_transport(connection, from) && all
    }

    /// Adds what lies below the content of a connection, where the uploader sends in `from`. `false` as for
    /// [`merge`](Self::merge).
    pub(crate) fn merge_transport(&mut self, connection: &Connection, from: Direction) -> bool {
        let stream = connection.stream(from);
        earliest(&mut self.opening, connection.opening);
        self.gaps += stream.gaps;
        self.gap_bytes += stream.gap_bytes;
        self.snaplen |= stream.snaplen;
        self.bad_checksum |= stream.bad_checksum;
        self.overlap_conflict |= stream.overlap_conflict;
        self.duplicate_frames |= connection.duplicate_frames;
        self.seen.join(&connection.seen);
        let kept = connection.paths.iter().filter(|path| keep(&mut self.paths, (*path).clone())).count();
        kept == connection.paths.len()
    }

    /// Adds what a side claimed to have; `pieces` is how many its torrent has, where that is known. `false` when there
    /// is no `room`, in bytes, for more than the number of them.
    pub(crate) fn advertise(&mut self, claims: &Claims, pieces: Option<u64>, room: &mut usize) -> bool {
        self.advertised_all |= claims.is_all();
        let mut claimed = claims.union();
        if let Some(pieces) = pieces {
            claimed.truncate(pieces);
        }
        if claimed.is_empty() {
            return true;
        }
        let before = self.advertised_pieces.weight();
        if claimed.weight() > *room {
            self.advertised_least = self.advertised_least.max(claimed.count_below(pieces.unwrap_or(u64::MAX)));
            return false;
        }
        let all = self.advertised_pieces.union(&claimed);
        // Chunks that became full take no room any more.
        *room = room.saturating_add(before).saturating_sub(self.advertised_pieces.weight());
        all
    }
}

/// Adds a name; `false` when there is no room for it.
fn keep<T: Ord>(names: &mut BTreeSet<T>, name: T) -> bool {
    let room = names.len() < SUBJECT_PEER_IDS || names.contains(&name);
    if room {
        names.insert(name);
    }
    room
}

/// How the two handshakes of a connection stand to one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handshakes {
    /// Both were captured and are for one torrent.
    Agree,
    /// Both were captured and are for different torrents.
    Differ,
    /// At most one was captured.
    OneSide,
}

fn session_of(connection: &Connection, peer: &Peer, from: Direction) -> SessionTimes {
    let directions = [Direction::LowToHigh, Direction::HighToLow];
    let whole = directions.into_iter().all(|from| {
        let (stream, side) = (connection.stream(from), peer.side(from));
        stream.packets > 0 && stream.gaps == 0 && !stream.snaplen && !side.resynchronised && side.lost_sync == 0
    });
    let is_whole = connection.opening.is_some() && connection.from_start && whole;
    SessionTimes {
        first: connection.span.first.time,
        last: connection.span.last.time,
        is_whole,
        is_unconfirmed: connection.is_unconfirmed(from),
    }
}

fn earliest(known: &mut Option<Span>, found: Option<Span>) {
    if let Some(found) = found {
        *known = Some(known.map_or(found, |known| if found.first.precedes(known.first) { found } else { known }));
    }
}
