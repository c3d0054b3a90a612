//! One connection in several sets: recognised by its ends and the numbers with which it began, and never summed twice.
//!
//! Of each direction the reading counts that holds more of it. They are not joined: of uTP the places in a stream differ from
//! one capture to another.

use std::collections::BTreeMap;
use std::hash::BuildHasher;

use super::Part;
use super::moved::{By, Moved};
use crate::ends::{ConnectionId, Direction, Span};
use crate::facts::{Application, Connection, Head, SetId};
use crate::limits::{CLOCKS_APART_NS, TRANSLATED_SIDES};
use crate::oddity::{self, Leg, Occurrence, Oddity};
use crate::spine::SameConnection;

/// Connections that several sets hold.
#[derive(Debug, Default)]
pub(super) struct Twice {
    fates: BTreeMap<(usize, ConnectionId), Fate>,
    /// Each of them, put together, by the reading that stands for it.
    whole: BTreeMap<(usize, ConnectionId), Connection>,
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
    /// Set for each direction whose bytes count.
    counts: [bool; 2],
}

/// One reading.
#[derive(Debug)]
struct Reading {
    set: usize,
    connection: Connection,
    /// Captured payload bytes and packets, by direction.
    weight: [(u64, u64); 2],
}

impl Twice {
    /// Looks for them; `by` numbers the sets on.
    pub(super) fn of(sets: &[(SetId, Part)], by: &[By]) -> Self {
        let readings = candidates(sets);
        let (legs, told) = legs(&readings, by);
        let mut groups: Vec<Vec<Reading>> = Vec::new();
        let mut open: BTreeMap<_, Vec<usize>> = BTreeMap::new();
        for reading in readings {
            let key = (reading.connection.flow, reading.connection.transport);
            let known = open.entry(key).or_default();
            let same = known.iter().copied().find(|at| {
                groups.get(*at).is_some_and(|group| {
                    group.iter().all(|other| other.set != reading.set)
                        && group.iter().any(|other| is_same(&other.connection, &reading.connection))
                })
            });
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
        let mut twice = Self { legs, told, ..Self::default() };
        groups.iter().for_each(|group| twice.add(group, sets, by));
        twice
    }

    fn add(&mut self, group: &[Reading], sets: &[(SetId, Part)], by: &[By]) {
        let Some(first) = group.first() else { return };
        let moved = |reading: &Reading| {
            let by = by.get(reading.set).copied().unwrap_or_default();
            reading.connection.clone().moved(&by)
        };
        let id = |set: usize| sets.get(set).map(|(id, _)| *id);
        let winner = |direction: usize| {
            let key =
                |reading: &&Reading| (reading.weight.get(direction).copied(), std::cmp::Reverse(id(reading.set)));
            group.iter().max_by_key(key).map_or(first.set, |reading| reading.set)
        };
        let mut winners = [winner(0), winner(1)];
        let mut whole = moved(first);
        if let Application::Web(web) = &first.connection.content {
            // Only its answers count, and requests are numbered with them.
            winners = [winners.get(web.server.index()).copied().unwrap_or(first.set); 2];
        }
        for reading in group {
            let other = moved(reading);
            let fate = Fate { id: whole.id, counts: winners.map(|winner| winner == reading.set) };
            self.fates.insert((reading.set, reading.connection.id), fate);
            if reading.set != first.set {
                let oddity = Oddity::SeenTwice { transport: whole.transport, spans: [whole.span, other.span] };
                self.told.push(oddity.within(other.span).between(whole.flow).of(whole.id));
                join(&mut whole, other, fate.counts);
            }
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

    /// The connection that something sent on `id` of a set counts for; `None` where it does not count.
    pub(super) fn sent(&self, set: usize, id: ConnectionId, from: Direction, by: &By) -> Option<ConnectionId> {
        match self.fates.get(&(set, id)) {
            None => Some(id.moved(by)),
            Some(fate) => fate.counts.get(from.index()).copied().unwrap_or(false).then_some(fate.id),
        }
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
        readings.extend(candidates.map(|connection| Reading { set, connection, weight: [(0, 0); 2] }));
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
    match (one.initial, other.initial) {
        (Some(one), Some(other)) => one == other,
        // Two ends have one connection of a kind at a time.
        _ => overlaps(one.span, other.span),
    }
}

fn overlaps(one: Span, other: Span) -> bool {
    one.apart(other) <= 0
}

/// Takes over what counts of another reading of a connection.
fn join(whole: &mut Connection, other: Connection, counts: [bool; 2]) {
    let Connection { opening, span, seen, paths, streams, content, initial, initiator, .. } = other;
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
    for ((own, theirs), counts) in whole.streams.iter_mut().zip(streams).zip(counts) {
        if counts {
            *own = theirs;
        }
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
            }
        }
        (own, theirs @ Application::Web(_)) if counts.contains(&true) => *own = theirs,
        _ => {}
    }
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
    let mut add = |set: usize, id: ConnectionId, index: usize, bytes: u64| {
        let reading = places.get(&(set, id)).and_then(|(group, at)| groups.get_mut(*group)?.get_mut(*at));
        if let Some(weight) = reading.and_then(|reading| reading.weight.get_mut(index)) {
            weight.0 += bytes;
        }
    };
    let concerned: std::collections::BTreeSet<usize> = places.keys().map(|(set, _)| *set).collect();
    for set in concerned {
        let Some((_, part)) = sets.get(set) else { continue };
        for block in &part.facts.blocks {
            add(set, block.connection, block.from.index(), block.captured());
        }
        for body in &part.facts.bodies {
            let bytes = body.runs.iter().map(|run| u64::from(run.len)).sum();
            // Only the server's direction counts.
            (0..2).for_each(|index| add(set, body.connection, index, bytes));
        }
    }
}
