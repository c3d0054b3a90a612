//! One connection in several sets: recognised by its ends and the numbers of its packets, and never summed twice.
//!
//! Each `piece` message counts once, as the reading shows it that holds more of it; what only one reading holds is not left out.
//! Bytes of one message are not put together of several readings.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::hash::BuildHasher;

use super::Part;
use super::messages::{Chosen, Message, choose, clocks};
use super::moved::{By, Moved};
use crate::ends::{ConnectionId, Direction, Span, Transport};
use crate::facts::{Application, Block, BlockId, Body, Claims, Connection, Doubt, Head, Scope, SetId};
use crate::limits::{CLOCKS_APART_NS, TRANSLATED_SIDES};
use crate::oddity::{self, Leg, Occurrence, Oddity};
use crate::spine::SameConnection;

/// Connections that several sets hold.
#[derive(Debug, Default)]
pub(super) struct Twice {
    fates: BTreeMap<(usize, ConnectionId), Fate>,
    /// Each of them, put together, by the reading that stands for it.
    whole: BTreeMap<(usize, ConnectionId), Connection>,
    /// Claims of both sides of those that a reading does not hold from their beginning on.
    claims: BTreeMap<ConnectionId, [Claims; 2]>,
    /// By set: messages that another reading stands for, sorted.
    dropped: Vec<Vec<BlockId>>,
    /// That they were recognised.
    pub(super) told: Vec<Occurrence>,
    /// Both sides of an address translation, each in a set of its own.
    pub(super) legs: Vec<SameConnection>,
}

/// The fate of one reading of a connection that two sets hold.
#[derive(Clone, Copy, Debug)]
struct Fate {
    /// The connection that it counts as, numbered among all sets.
    id: ConnectionId,
    /// Bytes by which its places in the stream are numbered on: of uTP they differ from one capture to another.
    places: u64,
    /// Set for a web server's connection if this reading is the one that counts.
    is_web: Option<bool>,
}

/// One reading.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) set: usize,
    pub(super) connection: Connection,
    /// Its `piece` messages, by direction.
    pub(super) messages: [Vec<Message>; 2],
    /// Captured payload bytes and packets, by direction.
    weight: [(u64, u64); 2],
}

impl Reading {
    fn of(set: usize, connection: Connection) -> Self {
        Self { set, connection, messages: [Vec::new(), Vec::new()], weight: [(0, 0); 2] }
    }
}

impl Twice {
    /// Looks for them; `by` numbers the sets on, and learns how far their clocks are apart.
    pub(super) fn of(sets: &[(SetId, Part)], by: &mut [By]) -> Self {
        let readings = candidates(sets);
        let (legs, told) = legs(&readings, by);
        let mut groups: Vec<Vec<Reading>> = Vec::new();
        let mut open: BTreeMap<_, Vec<usize>> = BTreeMap::new();
        for reading in readings {
            let key = (reading.connection.flow, reading.connection.transport);
            let known = open.entry(key).or_default();
            let is_of =
                |other: &Reading| other.set != reading.set && is_same(&other.connection, &reading.connection);
            let same =
                known.iter().copied().find(|at| groups.get(*at).is_some_and(|group| group.iter().any(is_of)));
            match same.and_then(|at| groups.get_mut(at)) {
                Some(group) => group.push(reading),
                None => {
                    known.push(groups.len());
                    groups.push(vec![reading]);
                }
            }
        }
        groups.retain(|group| group.len() > 1);
        weigh(&mut groups, sets);
        for (by, clock) in by.iter_mut().zip(clocks(&groups, sets.len())) {
            by.clock = clock;
        }
        let mut twice = Self { legs, told, dropped: vec![Vec::new(); sets.len()], ..Self::default() };
        groups.iter().for_each(|group| twice.add(group, sets, by));
        twice.dropped.iter_mut().for_each(|dropped| dropped.sort_unstable());
        twice
    }

    fn add(&mut self, group: &[Reading], sets: &[(SetId, Part)], by: &[By]) {
        let Some(first) = group.first() else { return };
        let by_of = |reading: &Reading| by.get(reading.set).copied().unwrap_or_default();
        let id = |reading: &Reading| sets.get(reading.set).map(|(id, _)| *id);
        // By direction, the readings that hold more of it first.
        let ranked = [0, 1].map(|direction| {
            let mut ranked: Vec<usize> = (0..group.len()).collect();
            ranked.sort_by_cached_key(|at| {
                let reading = group.get(*at);
                Reverse(
                    reading
                        .map(|it| (it.weight.get(direction).copied(), Reverse(id(it)), Reverse(it.connection.id))),
                )
            });
            ranked
        });
        let mut winners = [&ranked[0], &ranked[1]].map(|ranked| ranked.first().copied().unwrap_or(0));
        let web = match &first.connection.content {
            Application::Web(web) => Some(web.server.index()),
            Application::Peer(_) => None,
        };
        if let Some(server) = web {
            // Only its answers count, and requests are numbered with them.
            winners = [winners.get(server).copied().unwrap_or(0); 2];
        }
        let mut whole = first.connection.clone().moved(&by_of(first));
        let is_begun = group.iter().all(|reading| reading.connection.from_start);
        for (at, reading) in group.iter().enumerate() {
            let is_web = web.map(|_| winners.contains(&at));
            let fate = Fate { id: whole.id, places: (at as u64).saturating_mul(PLACES), is_web };
            self.fates.insert((reading.set, reading.connection.id), fate);
            if at > 0 {
                let other = reading.connection.clone().moved(&by_of(reading));
                let oddity = Oddity::SeenTwice { transport: whole.transport, spans: [whole.span, other.span] };
                self.told.push(oddity.within(other.span).between(whole.flow).of(whole.id));
                join(&mut whole, other, winners.map(|winner| winner == at));
            }
        }
        for (direction, ranked) in ranked.iter().enumerate() {
            let ordered: Vec<&Reading> = ranked.iter().filter_map(|at| group.get(*at)).collect();
            let mut messages: Vec<(&[Message], i64)> = Vec::with_capacity(ordered.len());
            for reading in &ordered {
                let own = reading.messages.get(direction).map(Vec::as_slice).unwrap_or_default();
                messages.push((own, by_of(reading).clock));
            }
            let Chosen { dropped, more, added } = choose(&messages);
            for (reading, dropped) in ordered.iter().zip(dropped) {
                self.dropped.get_mut(reading.set).into_iter().for_each(|all| all.extend(&dropped));
            }
            if let Application::Peer(peer) = &mut whole.content
                && let Some(side) = peer.sides.get_mut(direction)
            {
                let [complete, partial] = more;
                side.piece_messages = side.piece_messages.saturating_add_signed(complete);
                side.partial_messages = side.partial_messages.saturating_add_signed(partial);
                // Payload of which one reading does not know the block may be that of a block that another one knows.
                let held = side.unplaced.served.min(added);
                side.unplaced.served -= held;
                side.unplaced.lost = side.unplaced.lost.saturating_sub(added - held);
            }
        }
        if let Some(peer) = whole.peer().filter(|_| !is_begun) {
            self.claims.insert(whole.id, [&peer.sides[0], &peer.sides[1]].map(|side| side.claims.clone()));
        }
        self.whole.insert((first.set, first.connection.id), whole);
    }

    /// A connection of a set as it counts among all: `None` where another reading stands for it.
    pub(super) fn connection(&mut self, set: usize, connection: Connection, by: &By) -> Option<Connection> {
        if !self.fates.contains_key(&(set, connection.id)) {
            return Some(connection.moved(by));
        }
        self.whole.remove(&(set, connection.id))
    }

    /// A block of a set as it counts among all: `None` where another reading stands for it.
    pub(super) fn block(&self, set: usize, block: Block, by: &By) -> Option<Block> {
        let fate = self.fates.get(&(set, block.connection));
        if fate.is_some() && self.dropped.get(set).is_some_and(|dropped| dropped.binary_search(&block.id).is_ok()) {
            return None;
        }
        let mut block = block.moved(by);
        if let Some(Fate { id, places, .. }) = fate {
            block.connection = *id;
            block.offset = block.offset.saturating_add(*places);
            block.runs.iter_mut().for_each(|run| run.stream = run.stream.saturating_add(*places));
            // It was claimed in what another set holds of the connection.
            let claims = self.claims.get(id).and_then(|claims| claims.get(block.from.index()));
            let claimed = claims.and_then(|claims| claims.since(block.piece));
            block.advertised = block.advertised.or(claimed.filter(|span| !block.span.first.precedes(span.last)));
        }
        Some(block)
    }

    /// A stretch of a web server's answer as it counts among all: `None` where another reading stands for it.
    pub(super) fn body(&self, set: usize, body: Body, by: &By) -> Option<Body> {
        let fate = self.fates.get(&(set, body.connection));
        let mut body = body.moved(by);
        if let Some(Fate { id, is_web, .. }) = fate {
            body.connection = *id;
            return Some(body).filter(|_| *is_web == Some(true));
        }
        Some(body)
    }

    /// A doubt of a set as it counts among all: `None` where it is about what does not count.
    pub(super) fn doubt(&self, set: usize, doubt: Doubt, by: &By) -> Option<Doubt> {
        let own = match &doubt.scope {
            Scope::Stretch(id, ..) | Scope::Direction(id, _) => self.fates.get(&(set, *id)),
            Scope::Share(_) | Scope::Piece(..) => None,
        };
        let mut doubt = doubt.moved(by);
        let Some(Fate { id, places, is_web }) = own else { return Some(doubt) };
        match (&mut doubt.scope, is_web) {
            (_, Some(false)) => return None,
            (Scope::Stretch(of, ..) | Scope::Direction(of, _), Some(true)) => *of = *id,
            (Scope::Stretch(of, _, stretch), None) => {
                *of = *id;
                *stretch = stretch.start.saturating_add(*places)..stretch.end.saturating_add(*places);
            }
            // Of this reading all is in doubt, and not of the others.
            (Scope::Direction(_, from), None) => {
                doubt.scope = Scope::Stretch(*id, *from, *places..places.saturating_add(PLACES));
            }
            (Scope::Share(_) | Scope::Piece(..), _) => {}
        }
        Some(doubt)
    }
}

/// Readings of connections whose ends, or the numbers with which they began, occur in several sets; in the order of the sets.
fn candidates(sets: &[(SetId, Part)]) -> Vec<Reading> {
    let hasher = foldhash::quality::FixedState::default();
    let hashed = |head: &Head| {
        let ends = hasher.hash_one((head.flow, head.transport));
        [Some(ends), head.initial.map(|initial| hasher.hash_one((initial, head.transport)))]
    };
    // Rationale: 32 bytes a connection; the connections themselves are read again, those few that may be one.
    let mut all: Vec<(u64, u32, bool)> = Vec::new();
    for (set, (_, part)) in (0..).zip(sets) {
        for head in part.facts.connections.heads() {
            let [ends, numbers] = hashed(&head);
            all.extend(ends.map(|hash| (hash, set, true)));
            all.extend(numbers.map(|hash| (hash, set, false)));
        }
    }
    all.sort_unstable();
    all.dedup();
    let several = all.chunk_by(|one, other| one.0 == other.0).filter(|group| group.len() > 1);
    // The numbers of more sides than are told say nothing: whoever begins all connections with the same ones has as many.
    let tells =
        |group: &[(u64, u32, bool)]| group.iter().any(|(.., ends)| *ends) || group.len() <= TRANSLATED_SIDES;
    let several = several.filter(|group| tells(group));
    let several: Vec<u64> = several.filter_map(|group| Some(group.first()?.0)).collect();
    drop(all);
    if several.is_empty() {
        return Vec::new();
    }
    let mut readings = Vec::new();
    for (set, (_, part)) in sets.iter().enumerate() {
        let is_candidate =
            |head: &Head| hashed(head).iter().flatten().any(|hash| several.binary_search(hash).is_ok());
        let candidates = part.facts.connections.choose(is_candidate);
        readings.extend(candidates.map(|connection| Reading::of(set, connection)));
    }
    readings
}

/// Connections between different addresses that are one, each side in a set of its own: told as those of one set are. As
/// there, their bytes are in rows of their own.
fn legs(readings: &[Reading], by: &[By]) -> (Vec<SameConnection>, Vec<Occurrence>) {
    let mut by_numbers: BTreeMap<[u64; 2], Vec<&Reading>> = BTreeMap::new();
    for reading in readings {
        reading.connection.initial.iter().for_each(|initial| by_numbers.entry(*initial).or_default().push(reading));
    }
    let (mut same, mut told) = (Vec::new(), Vec::new());
    for sides in by_numbers.values().filter(|sides| sides.len() <= TRANSLATED_SIDES) {
        for (place, leg) in sides.iter().enumerate() {
            for other in sides.iter().take(place).filter(|other| are_sides(other, leg)) {
                let moved = |reading: &Reading| {
                    let by = by.get(reading.set).copied().unwrap_or_default();
                    reading.connection.span.moved(&by)
                };
                let ends = |reading: &Reading| {
                    let Connection { flow, initiator, .. } = &reading.connection;
                    let opener = initiator.unwrap_or(Direction::LowToHigh);
                    [flow.source(opener), flow.destination(opener)]
                };
                let (legs, spans) = ([ends(other), ends(leg)], [moved(other), moved(leg)]);
                let transport = leg.connection.transport;
                same.push(SameConnection { transport, legs, spans });
                let side = |reading: &Reading| Leg { ends: ends(reading), span: moved(reading) };
                let legs = [side(other), side(leg)];
                let found = oddity::SameConnection { legs, transport, handshakes: true };
                let [from, to] = ends(other);
                told.push(Oddity::SameConnection(Box::new(found)).within(moved(other)).towards(from, to));
            }
        }
    }
    (same, told)
}

/// Returns true if two readings of different sets are both sides of an address translation: begun with the same
/// numbers, for the same torrent, by the same peers, at one time.
fn are_sides(one: &Reading, other: &Reading) -> bool {
    let (Some(peer), Some(others)) = (one.connection.peer(), other.connection.peer()) else { return false };
    let turned = |reading: &Reading, [low, high]: [Option<[u8; 20]>; 2]| match reading.connection.initiator {
        Some(Direction::HighToLow) => [high, low],
        _ => [low, high],
    };
    let [ids, other_ids] = [turned(one, peer.peer_ids()), turned(other, others.peer_ids())];
    let [hashes, other_hashes] = [turned(one, peer.info_hashes()), turned(other, others.info_hashes())];
    let fits = |one: [Option<[u8; 20]>; 2], other: [Option<[u8; 20]>; 2]| {
        let pairs = || one.into_iter().zip(other);
        pairs().any(|(one, other)| one.is_some() && one == other)
            && pairs().all(|(one, other)| one.is_none() || other.is_none() || one == other)
    };
    one.set != other.set
        && one.connection.flow != other.connection.flow
        && one.connection.transport == other.connection.transport
        && fits(hashes, other_hashes)
        && fits(ids, other_ids)
        && one.connection.span.apart(other.connection.span) <= CLOCKS_APART_NS
}

/// Returns true if two readings of different sets are of one connection.
fn is_same(one: &Connection, other: &Connection) -> bool {
    if one.flow != other.flow || one.transport != other.transport {
        return false;
    }
    match (&one.content, &other.content) {
        (Application::Peer(one), Application::Peer(other)) => {
            let agree =
                |one: Option<[u8; 20]>, other: Option<[u8; 20]>| one.is_none() || other.is_none() || one == other;
            let pairs = |one: [Option<[u8; 20]>; 2], other: [Option<[u8; 20]>; 2]| {
                one.into_iter().zip(other).all(|(one, other)| agree(one, other))
            };
            if !pairs(one.info_hashes(), other.info_hashes()) || !pairs(one.peer_ids(), other.peer_ids()) {
                return false;
            }
        }
        (Application::Web(one), Application::Web(other)) if one.server == other.server => {}
        _ => return false,
    }
    if let (Some(own), Some(others)) = (one.initial, other.initial)
        && (own == others || one.transport != Transport::Utp)
    {
        // Of uTP it may be another copy of the ST_SYN, or of what answers it, that each holds.
        return own == others;
    }
    let apart = one.span.apart(other.span);
    let mut numbers = one.numbers.iter().zip(&other.numbers).filter_map(|(one, other)| one.zip(*other)).peekable();
    match numbers.peek() {
        Some(_) => apart <= QUIET_NS && numbers.all(|(one, other)| one.touch(&other, MISSED)),
        // Two ends have one connection of a kind at a time.
        None => apart <= 0,
    }
}

/// Takes over what counts of another reading of a connection.
fn join(whole: &mut Connection, other: Connection, counts: [bool; 2]) {
    let Connection { opening, span, seen, paths, streams, content, initial, initiator, numbers, .. } = other;
    let is_later = whole.span.apart(span) > 0;
    whole.opening = whole.opening.or(opening);
    whole.span = whole.span.join(span);
    whole.seen.join(&seen);
    whole.paths.extend(paths);
    whole.duplicate_frames |= other.duplicate_frames;
    whole.from_start |= other.from_start;
    whole.bytes = whole.bytes.max(other.bytes);
    whole.initial = whole.initial.or(initial);
    whole.initiator = whole.initiator.or(initiator);
    if other.decrypted && !whole.decrypted {
        (whole.decrypted, whole.encryption) = (true, other.encryption);
    }
    for ((own, other), counts) in whole.numbers.iter_mut().zip(numbers).zip(counts) {
        *own = if counts { other.or(*own) } else { own.or(other) };
    }
    for ((own, mut theirs), counts) in whole.streams.iter_mut().zip(streams).zip(counts) {
        if counts {
            std::mem::swap(own, &mut theirs);
        }
        own.acknowledged = match is_later {
            true => own.acknowledged.saturating_add(theirs.acknowledged),
            false => own.acknowledged.max(theirs.acknowledged),
        };
        // Nothing that another capture lacks speaks against it.
        own.confirmed = match (own.confirmed, theirs.confirmed) {
            (Some(own), Some(theirs)) => Some(own || theirs),
            (own, theirs) => own.or(theirs),
        };
    }
    match (&mut whole.content, content) {
        (Application::Peer(own), Application::Peer(theirs)) => {
            for ((own, mut theirs), counts) in own.sides.iter_mut().zip(theirs.sides).zip(counts) {
                if counts {
                    std::mem::swap(own, &mut theirs);
                }
                // What it says of itself holds wherever it was captured.
                own.handshake = own.handshake.or(theirs.handshake);
                own.listen_port = own.listen_port.or(theirs.listen_port);
                own.client = own.client.take().or(theirs.client);
                own.claims.join(theirs.claims);
                own.offered = earliest(own.offered, theirs.offered);
                own.requested = earliest(own.requested, theirs.requested);
                own.first_piece = earliest(own.first_piece, theirs.first_piece);
            }
        }
        (own, theirs @ Application::Web(_)) if counts.contains(&true) => *own = theirs,
        _ => {}
    }
}

fn earliest(one: Option<Span>, other: Option<Span>) -> Option<Span> {
    one.into_iter().chain(other).min_by_key(|span| span.first.time)
}

/// Counts what each reading holds of its connection.
fn weigh(groups: &mut [Vec<Reading>], sets: &[(SetId, Part)]) {
    let mut places: BTreeMap<(usize, ConnectionId), (usize, usize)> = BTreeMap::new();
    for (group, readings) in groups.iter_mut().enumerate() {
        for (at, reading) in readings.iter_mut().enumerate() {
            places.insert((reading.set, reading.connection.id), (group, at));
            let unplaced = |index: usize| {
                let side = reading.connection.peer().and_then(|peer| peer.sides.get(index));
                side.map_or(0, |side| side.unplaced.served)
            };
            let unplaced = [unplaced(0), unplaced(1)];
            for ((weight, stream), unplaced) in
                reading.weight.iter_mut().zip(&reading.connection.streams).zip(unplaced)
            {
                *weight = (unplaced, stream.packets);
            }
        }
    }
    let mut add = |set: usize, id: ConnectionId, index: usize, bytes: u64, message: Option<Message>| {
        let reading = places.get(&(set, id)).and_then(|(group, at)| groups.get_mut(*group)?.get_mut(*at));
        let Some(reading) = reading else { return };
        reading.weight.get_mut(index).into_iter().for_each(|weight| weight.0 += bytes);
        reading.messages.get_mut(index).into_iter().for_each(|messages| messages.extend(message));
    };
    let concerned: std::collections::BTreeSet<usize> = places.keys().map(|(set, _)| *set).collect();
    for set in concerned {
        let Some((_, part)) = sets.get(set) else { continue };
        for block in &part.facts.blocks {
            let message = Some(Message::of(&block));
            add(set, block.connection, block.from.index(), block.captured(), message);
        }
        for body in &part.facts.bodies {
            let bytes = body.runs.iter().map(|run| u64::from(run.len)).sum();
            // Only the server's direction counts.
            (0..2).for_each(|index| add(set, body.connection, index, bytes, None));
        }
    }
}

// Rationale: the stream of a connection is shorter by far, and 65,535 readings fit above it.
const PLACES: u64 = 1 << 47;
// Rationale: a peer that has nothing to say says so every two minutes, and clocks differ by a few seconds.
const QUIET_NS: i64 = 150_000_000_000;
// Rationale: what a capture misses where it begins or ends: 1 MiB of TCP, 16 packets of uTP.
const MISSED: u64 = 1 << 20;
