//! The `piece` messages of connections that several sets hold: which of them are one, and how far the clocks of the sets are apart.
//!
//! A message is known by what it says (piece, begin, length), and by the sequence number of its first byte (TCP), or by when it was sent
//! (uTP, which numbers packets). Of each the reading counts that holds more of it; what only one reading holds counts, too, and where none holds all of
//! it, the bytes of all are put together.

use std::collections::BTreeMap;

use hashbrown::HashMap;

use super::twice::Reading;
use crate::capture::INPUTS_APART_NS;
use crate::ends::Span;
use crate::facts::{Block, BlockId, Numbers, Place, Run};

/// A message in one reading of a connection.
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) id: BlockId,
    key: Key,
    /// When its first and its last packet were captured.
    times: [i64; 2],
    /// Place in the stream of its first byte.
    pub(super) offset: u64,
    /// Payload bytes.
    captured: u32,
    /// Set if its stretch of the stream is read in several ways.
    is_rival: bool,
    /// Of one of which bytes are missing: those that are there.
    part: Option<Box<Held>>,
}

/// Bytes of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Held {
    /// Where they lie; sorted.
    pub(super) runs: Vec<Run>,
    /// The frames that carried them.
    pub(super) span: Span,
    /// Bytes that runs and holes account for.
    captured_to: u32,
}

/// Bytes that a message lacks in the reading that counts, and that another one holds.
#[derive(Debug)]
pub(super) struct Fill {
    /// The reading that counts, among those that were given.
    pub(super) reading: usize,
    /// The message there.
    pub(super) id: BlockId,
    /// The reading of which the bytes are.
    pub(super) from: usize,
    pub(super) runs: Vec<Run>,
    /// The frames that carried them, in that reading.
    pub(super) span: Span,
    /// Set if nothing is missing then.
    pub(super) is_whole: bool,
}

/// Piece, begin and length.
type Key = (u32, u32, u32);

impl Message {
    pub(super) fn of(block: &Block) -> Self {
        let Span { first, last } = block.span;
        let captured = u32::try_from(block.captured()).unwrap_or(block.len);
        let (key, times) = ((block.piece, block.begin, block.len), [first.time.0, last.time.0]);
        let held = || Held { runs: block.runs.clone(), span: block.span, captured_to: block.captured_to };
        let part = (captured < block.len).then(|| Box::new(held()));
        Self { id: block.id, key, times, offset: block.offset, captured, is_rival: block.reading > 0, part }
    }

    fn is_whole(&self) -> bool {
        self.captured == self.key.2
    }

    /// Of one that is cut where what was captured of its stream ends, at this place where that is known: how many bytes are there, and
    /// how many missing.
    pub(super) fn cut_at(&self, end: Option<u64>) -> Option<(u32, u32)> {
        let captured_to = self.part.as_ref()?.captured_to;
        let left = self.key.2.checked_sub(captured_to).filter(|left| *left > 0)?;
        let is_there = end.is_none_or(|end| self.offset.checked_add(u64::from(captured_to)) == Some(end));
        is_there.then_some((captured_to, left))
    }

    /// Returns true if a message would be whole with so many bytes more.
    pub(super) fn is_whole_with(&self, more: u32) -> bool {
        self.captured.saturating_add(more) == self.key.2
    }
}

/// The messages of one direction in one reading.
#[derive(Clone, Copy, Debug)]
pub(super) struct Read<'m> {
    pub(super) messages: &'m [Message],
    /// Nanoseconds to be added to its times.
    pub(super) clock: i64,
    /// The numbers of the direction, where they are known; set for TCP if they are those of bytes.
    pub(super) numbers: Option<Numbers>,
    pub(super) is_tcp: bool,
}

impl Read<'_> {
    /// How far a message is from one of another reading, as far as both may be one: in time, by the clocks of both; not at all by
    /// sequence numbers.
    fn apart(&self, message: &Message, other: &Self, others: &Message) -> Option<i64> {
        if let (Some(own), Some(theirs)) = (self.numbers, other.numbers) {
            let number = |numbers: Numbers, message: &Message| numbers.first.wrapping_add(message.offset as u32);
            if self.is_tcp {
                return (number(own, message) == number(theirs, others)).then_some(0);
            }
            // What one holds is behind all that the other one does.
            if !own.overlap(&theirs) {
                return None;
            }
        }
        let [first, last] = message.times.map(|time| time.saturating_add(self.clock));
        let [from, to] = others.times.map(|time| time.saturating_add(other.clock));
        Some(from.saturating_sub(last).max(first.saturating_sub(to))).filter(|apart| *apart <= INPUTS_APART_NS)
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
    /// Bytes that messages which count lack, and other readings of them hold.
    pub(super) fills: Vec<Fill>,
}

/// Of messages of one direction, by reading, the best first: each once.
pub(super) fn choose(readings: &[Read<'_>]) -> Chosen {
    /// One that counts.
    struct Kept<'m> {
        message: &'m Message,
        reading: usize,
        /// The last reading in which it was found.
        found: usize,
        /// Others, of which bytes are missing as well.
        others: Vec<(usize, &'m Held)>,
    }
    let mut chosen = Chosen { dropped: vec![Vec::new(); readings.len()], ..Chosen::default() };
    let mut kept: HashMap<Key, Vec<Kept<'_>>, foldhash::quality::FixedState> = HashMap::default();
    let count = |more: &mut [i64; 2], message: &Message, by: i64| {
        if let Some(count) = more.get_mut(usize::from(!message.is_whole())) {
            *count += by;
        }
    };
    // Which of the ways is right is chosen when all is judged, within one reading.
    let is_one = readings.iter().all(|read| read.messages.iter().all(|message| !message.is_rival));
    for (reading, read) in readings.iter().enumerate() {
        if reading > 0 && !is_one {
            let all = read.messages.iter().map(|message| message.id);
            chosen.dropped.get_mut(reading).into_iter().for_each(|dropped| dropped.extend(all.clone()));
            continue;
        }
        for message in read.messages {
            let all = kept.entry(message.key).or_default();
            let apart = |one: &Kept<'_>| {
                let other = readings.get(one.reading).filter(|_| one.found != reading)?;
                read.apart(message, other, one.message)
            };
            let open = all.iter_mut().filter_map(|one| Some((apart(one)?, one)));
            let Some((_, known)) = open.min_by_key(|(apart, _)| *apart) else {
                all.push(Kept { message, reading, found: reading, others: Vec::new() });
                if reading > 0 {
                    count(&mut chosen.more, message, 1);
                    chosen.added += u64::from(message.captured);
                }
                continue;
            };
            known.found = reading;
            let (mut out, mut from) = (message, reading);
            if message.captured > known.message.captured {
                count(&mut chosen.more, known.message, -1);
                count(&mut chosen.more, message, 1);
                (out, from) = (known.message, known.reading);
                (known.message, known.reading) = (message, reading);
            }
            known.others.extend(out.part.as_ref().map(|part| (from, &**part)));
            chosen.dropped.get_mut(from).into_iter().for_each(|dropped| dropped.push(out.id));
        }
    }
    for Kept { message, reading, others, .. } in kept.into_values().flatten() {
        let Some(part) = &message.part else { continue };
        let (mut runs, mut captured) = (part.runs.clone(), message.captured);
        for (from, other) in others {
            let more = lacking(&runs, &other.runs);
            if more.is_empty() {
                continue;
            }
            captured += more.iter().map(|run| run.len).sum::<u32>();
            runs.extend(&more);
            runs.sort_unstable_by_key(|run| run.start);
            let is_whole = captured == message.key.2;
            chosen.fills.push(Fill { reading, id: message.id, from, runs: more, span: other.span, is_whole });
        }
    }
    chosen
}

/// The parts of `others` at places where `own` has no byte; both are sorted.
fn lacking(own: &[Run], others: &[Run]) -> Vec<Run> {
    let mut lacking = Vec::new();
    for run in others {
        let end = run.start.saturating_add(run.len);
        let mut at = run.start;
        let mut add = |from: u32, to: u32| {
            if from < to {
                let skip = u64::from(from - run.start);
                let place = Place { offset: run.place.offset + skip, ..run.place };
                lacking.push(Run { start: from, len: to - from, stream: run.stream + skip, place, ..*run });
            }
        };
        for known in own.iter().filter(|known| known.start < end) {
            add(at, known.start.min(end));
            at = at.max(known.start.saturating_add(known.len));
        }
        add(at, end);
    }
    lacking
}

// Rationale: of a connection that goes on over many sets, those next to one another tell their clocks.
const NEIGHBOURS: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ends::{At, FrameId, Timestamp};

    const MS: i64 = 1_000_000;

    fn message(id: u64, piece: u32, ms: i64, captured: u32) -> Message {
        Message {
            id: BlockId(id),
            key: (piece, 0, 16),
            times: [ms * MS, (ms + 1) * MS],
            offset: id,
            captured,
            is_rival: false,
            part: None,
        }
    }

    fn read(messages: &[Message], clock: i64) -> Read<'_> {
        Read { messages, clock, numbers: None, is_tcp: false }
    }

    /// By reading those that do not count; how many more count than the first one has; and their bytes.
    fn chosen(readings: &[(&[Message], i64)]) -> (Vec<Vec<u64>>, [i64; 2], u64) {
        let readings: Vec<Read<'_>> = readings.iter().map(|(messages, clock)| read(messages, *clock)).collect();
        let Chosen { dropped, more, added, .. } = choose(&readings);
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

    #[test]
    fn what_one_reading_of_a_message_lacks_and_another_one_holds_is_put_together() {
        let run = |start: u32, len: u32, offset: u64| Run {
            start,
            len,
            stream: u64::from(start),
            place: Place { store: 0, offset },
            frame: FrameId::new(0, 1),
            head: 0,
        };
        let of = |runs: &[Run]| -> Vec<(u32, u32, u64)> {
            runs.iter().map(|run| (run.start, run.len, run.place.offset)).collect()
        };
        let (own, other) = ([run(0, 4, 100), run(8, 4, 200)], [run(2, 8, 500), run(12, 4, 600)]);
        assert_eq!(of(&lacking(&own, &other)), [(4, 4, 502), (12, 4, 600)]);
        assert_eq!(of(&lacking(&other, &own)), [(0, 2, 100), (10, 2, 202)]);
        assert_eq!(of(&lacking(&own, &own)), []);
        let at = At { time: Timestamp(0), frame: FrameId::new(0, 1) };
        let part = |id: u64, runs: &[Run]| {
            let captured = runs.iter().map(|run| run.len).sum();
            let held = Held { runs: runs.to_vec(), span: Span::single(at), captured_to: 16 };
            Message { part: Some(Box::new(held)), ..message(id, 1, 0, captured) }
        };
        let (own, other) = ([part(1, &own)], [part(2, &other)]);
        let Chosen { dropped, fills, .. } = choose(&[read(&own, 0), read(&other, 0)]);
        assert_eq!(dropped, [vec![BlockId(1)], vec![]], "the other one holds more");
        let [fill] = fills.as_slice() else { panic!("{fills:?}") };
        assert_eq!((fill.reading, fill.id, fill.from, fill.is_whole), (1, BlockId(2), 0, true));
        assert_eq!(of(&fill.runs), [(0, 2, 100), (10, 2, 202)]);
    }

    /// How many of two readings of a message do not count: when the second one begins, and its numbers; the first has 1,000 to 1,899.
    fn doubles(is_tcp: bool, ms: i64, (first, len): (u32, u64)) -> usize {
        let (one, other) = ([message(500, 1, 0, 16)], [message(40, 1, ms, 16)]);
        let numbers = |first: u32, len: u64| Some(Numbers { id: 0, first, len });
        let one = Read { numbers: numbers(1_000, 900), is_tcp, ..read(&one, 0) };
        let other = Read { numbers: numbers(first, len), is_tcp, ..read(&other, 0) };
        choose(&[one, other]).dropped.concat().len()
    }

    #[test]
    fn messages_of_tcp_are_known_by_their_numbers() {
        assert_eq!(doubles(true, 3_000, (1_460, 900)), 1, "one place, whatever the clocks say");
        assert_eq!(doubles(true, 0, (1_461, 900)), 0, "sent again");
    }

    #[test]
    fn messages_of_utp_are_known_by_their_times_where_one_capture_does_not_end_before_the_other_begins() {
        assert_eq!(doubles(false, 1_000, (1_460, 900)), 1);
        assert_eq!(doubles(false, 3_000, (1_460, 900)), 0, "three seconds later");
        assert_eq!(doubles(false, 1_000, (1_900, 900)), 0, "behind all of the first one");
    }
}
