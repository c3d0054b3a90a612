//! The `piece` messages of connections that several sets hold: which of them are one, and how far the clocks of the sets are apart.
//!
//! A message is known by what it says (piece, begin, length) and when: so it is in TCP and in uTP alike, whatever each capture
//! misses. Of each the reading counts that holds more of it; what only one reading holds counts, too.

use std::collections::BTreeMap;

use hashbrown::HashMap;

use super::twice::Reading;
use crate::capture::INPUTS_APART_NS;
use crate::ends::Span;
use crate::facts::{Block, BlockId};

/// A message in one reading of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Message {
    id: BlockId,
    key: Key,
    /// When its first and its last packet were captured.
    times: [i64; 2],
    /// Payload bytes.
    captured: u32,
    /// Set if its stretch of the stream is read in several ways.
    is_rival: bool,
}

/// Piece, begin and length.
type Key = (u32, u32, u32);

impl Message {
    pub(super) fn of(block: &Block) -> Self {
        let Span { first, last } = block.span;
        let captured = u32::try_from(block.captured()).unwrap_or(block.len);
        let (key, times) = ((block.piece, block.begin, block.len), [first.time.0, last.time.0]);
        Self { id: block.id, key, times, captured, is_rival: block.reading > 0 }
    }

    fn is_whole(&self) -> bool {
        self.captured == self.key.2
    }

    /// How far two are apart in time; at most 0 where they overlap.
    fn apart(&self, clock: i64, other: &Self, others: i64) -> i64 {
        let [first, last] = self.times.map(|time| time.saturating_add(clock));
        let [from, to] = other.times.map(|time| time.saturating_add(others));
        from.saturating_sub(last).max(first.saturating_sub(to))
    }
}

/// Nanoseconds that bring the times of each set to those of the first one that it shares a connection with, directly or through
/// others; 0 where it shares none.
pub(super) fn clocks(groups: &[Vec<Reading>], sets: usize) -> Vec<i64> {
    // By pairs of sets, the lesser first: how far the first is before the second.
    let mut between: BTreeMap<(usize, usize), Vec<i64>> = BTreeMap::new();
    for group in groups {
        for (place, one) in group.iter().enumerate() {
            // One that stands far behind is known by those between them.
            for other in group.iter().skip(place + 1).take(NEIGHBOURS).filter(|other| other.set != one.set) {
                let (one, other) = if one.set < other.set { (one, other) } else { (other, one) };
                between.entry((one.set, other.set)).or_default().extend(ahead(one, other));
            }
        }
    }
    let mut near: BTreeMap<usize, Vec<(usize, i64)>> = BTreeMap::new();
    for ((one, other), mut all) in between {
        all.sort_unstable();
        if let Some(middle) = all.get(all.len() / 2) {
            near.entry(one).or_default().push((other, *middle));
            near.entry(other).or_default().push((one, middle.saturating_neg()));
        }
    }
    let mut clocks: Vec<Option<i64>> = vec![None; sets];
    for first in 0..sets {
        let mut open = vec![(first, 0_i64)];
        while let Some((set, clock)) = open.pop() {
            let Some(own) = clocks.get_mut(set).filter(|own| own.is_none()) else { continue };
            *own = Some(clock);
            let others = near.get(&set).into_iter().flatten().rev();
            open.extend(others.map(|(other, ahead)| (*other, clock.saturating_add(*ahead))));
        }
    }
    clocks.into_iter().map(Option::unwrap_or_default).collect()
}

/// By how much one reading is before another one: at the handshakes and messages that both hold once.
fn ahead(one: &Reading, other: &Reading) -> Vec<i64> {
    let sides = |reading: &Reading| {
        let peer = reading.connection.peer();
        peer.map(|peer| [0, 1].map(|at| peer.sides.get(at).and_then(|side| side.handshake))).unwrap_or_default()
    };
    let greeted = sides(one).into_iter().zip(sides(other));
    let greeted = greeted.filter_map(|(one, other)| Some((one?.span.first.time.0, other?.span.first.time.0)));
    let mut all: Vec<(i64, i64)> = greeted.collect();
    for (own, others) in one.messages.iter().zip(&other.messages) {
        let others = once(others);
        let common = once(own).into_iter().filter_map(|(key, time)| Some((time?, (*others.get(&key)?)?)));
        all.extend(common);
    }
    all.into_iter().map(|(one, other)| one.saturating_sub(other)).collect()
}

/// When each message came of which there is one.
fn once(all: &[Message]) -> HashMap<Key, Option<i64>, foldhash::quality::FixedState> {
    let mut once: HashMap<Key, Option<i64>, _> = HashMap::default();
    for Message { key, times: [_, last], .. } in all {
        once.entry(*key).and_modify(|known| *known = None).or_insert(Some(*last));
    }
    once
}

/// Messages of one direction that count.
#[derive(Debug, Default)]
pub(super) struct Chosen {
    /// By reading: those that another reading stands for.
    pub(super) dropped: Vec<Vec<BlockId>>,
    /// How many count beside those of the first reading, whole ones and others.
    pub(super) more: [i64; 2],
    /// Captured payload of those that the first reading does not have at all.
    pub(super) added: u64,
}

/// Of messages of one direction, by reading with its clock, the best first: each once.
pub(super) fn choose(readings: &[(&[Message], i64)]) -> Chosen {
    /// One that counts.
    struct Kept {
        message: Message,
        reading: usize,
        /// The last reading in which it was found.
        found: usize,
    }
    let mut chosen = Chosen { dropped: vec![Vec::new(); readings.len()], ..Chosen::default() };
    let mut kept: HashMap<Key, Vec<Kept>, foldhash::quality::FixedState> = HashMap::default();
    let count = |more: &mut [i64; 2], message: &Message, by: i64| {
        if let Some(count) = more.get_mut(usize::from(!message.is_whole())) {
            *count += by;
        }
    };
    // Which of the ways is right is chosen when all is judged, within one reading.
    let is_one = readings.iter().all(|(messages, _)| messages.iter().all(|message| !message.is_rival));
    for (reading, (messages, clock)) in readings.iter().enumerate() {
        if reading > 0 && !is_one {
            let all = messages.iter().map(|message| message.id);
            chosen.dropped.get_mut(reading).into_iter().for_each(|dropped| dropped.extend(all.clone()));
            continue;
        }
        for message in *messages {
            let all = kept.entry(message.key).or_default();
            let apart = |one: &Kept| {
                let clock_of = |reading: usize| readings.get(reading).map_or(0, |(_, clock)| *clock);
                message.apart(*clock, &one.message, clock_of(one.reading))
            };
            let open = all.iter_mut().filter(|one| one.found != reading && apart(one) <= INPUTS_APART_NS);
            let Some(known) = open.min_by_key(|one| apart(one)) else {
                all.push(Kept { message: *message, reading, found: reading });
                if reading > 0 {
                    count(&mut chosen.more, message, 1);
                    chosen.added += u64::from(message.captured);
                }
                continue;
            };
            known.found = reading;
            let (mut out, mut from) = (message.id, reading);
            if message.captured > known.message.captured {
                count(&mut chosen.more, &known.message, -1);
                count(&mut chosen.more, message, 1);
                (out, from) = (known.message.id, known.reading);
                (known.message, known.reading) = (*message, reading);
            }
            chosen.dropped.get_mut(from).into_iter().for_each(|dropped| dropped.push(out));
        }
    }
    chosen
}

// Rationale: of a connection that goes on over many sets, those next to one another tell their clocks.
const NEIGHBOURS: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    const MS: i64 = 1_000_000;

    fn message(id: u64, piece: u32, ms: i64, captured: u32) -> Message {
        Message { id: BlockId(id), key: (piece, 0, 16), times: [ms * MS, (ms + 1) * MS], captured, is_rival: false }
    }

    /// By reading those that do not count; how many more count than the first one has; and their bytes.
    fn chosen(readings: &[(&[Message], i64)]) -> (Vec<Vec<u64>>, [i64; 2], u64) {
        let Chosen { dropped, more, added } = choose(readings);
        (dropped.into_iter().map(|all| all.into_iter().map(|id| id.0).collect()).collect(), more, added)
    }

    #[test]
    fn of_each_message_the_reading_counts_that_holds_more_of_it_and_what_one_reading_holds_alone() {
        let one = [message(1, 1, 0, 16), message(2, 2, 10, 5), message(3, 3, 20, 16)];
        let other = [message(1, 1, 1, 16), message(2, 2, 11, 16), message(4, 4, 31, 16), message(5, 5, 41, 3)];
        let found = chosen(&[(&one, 0), (&other, 0)]);
        assert_eq!(found, (vec![vec![2], vec![1]], [2, 0], 19));
    }

    #[test]
    fn a_message_that_was_sent_twice_is_twice_in_each_reading_and_counts_twice() {
        let one = [message(1, 1, 0, 16), message(2, 1, 900, 16)];
        let other = [message(1, 1, 700, 16), message(2, 1, 1_600, 16)];
        assert_eq!(chosen(&[(&one, 0), (&other, -700 * MS)]), (vec![vec![], vec![1, 2]], [0, 0], 0));
        // A third one much later is another one.
        let third = [message(7, 1, 9_000, 16)];
        assert_eq!(chosen(&[(&one, 0), (&third, 0)]), (vec![vec![], vec![]], [1, 0], 16));
    }

    #[test]
    fn three_readings_of_one_message_are_one() {
        let all = [[message(1, 1, 0, 3)], [message(1, 1, 2, 9)], [message(1, 1, 4, 16)]];
        let readings: Vec<(&[Message], i64)> = all.iter().map(|one| (&one[..], 0)).collect();
        assert_eq!(chosen(&readings), (vec![vec![1], vec![1], vec![]], [1, -1], 0));
    }
}
