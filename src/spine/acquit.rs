//! The checksums of what would be refuted: one flipped bit in a frame must not make anybody a sender of bad bytes.
//!
//! They are not tested in the walk, which would touch every byte twice, and in many captures they are all wrong: the
//! sender's network card was to complete them, or addresses were made anonymous. So the frames of accused blocks are read
//! once more, with their neighbours: where most of those are right, a wrong one is damage. A frame that the snap length cut
//! cannot be tested: what it holds refutes nobody either.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use super::superseded::{Sums, read_again, sent_again};
use crate::Error;
use crate::capture::{CaptureSet, Frames, INPUTS_APART_NS};
use crate::ends::{At, Direction, FlowKey, FrameId, Span};
use crate::judge::Suspect;
use crate::limits::{CUT_FRAMES, WHOLE_FRAMES};
use crate::oddity::{Oddity, Sink};
use crate::options::{ChecksumPolicy, Options};
use crate::packet::{Checksum, Packet, TransportLayer};
use crate::session::Reason;

/// The checksum results of one direction's frames.
#[derive(Debug, Default)]
struct Tested {
    sums: Sums,
    /// Frames with a wrong checksum on which blocks may rest.
    wrong: Vec<At>,
    /// Those that the snap length cut, by their packets.
    cut: BTreeMap<u64, FrameId>,
    /// The packets of some before that are whole.
    whole: BTreeSet<u64>,
    /// The times of `wrong` by input, in order, on the clock by which the inputs are merged.
    times: BTreeMap<u16, Vec<i64>>,
}

/// Of each of `accused`, the reason for which it is in doubt: it rests on a frame with a wrong checksum, among others of their
/// direction that are right, or on one that is cut.
///
/// # Errors
/// Those of reading the captures.
pub(crate) fn damaged(
    captures: &CaptureSet,
    accused: &[Suspect],
    options: &Options<'_>,
    anomalies: &mut dyn Sink,
) -> Result<Vec<Option<Reason>>, Error> {
    if accused.is_empty() {
        return Ok(Vec::new());
    }
    let read = captures.frames();
    let stretches = Stretches::of(accused, &read);
    let mut tested: BTreeMap<(FlowKey, Direction), Tested> =
        accused.iter().map(|one| ((one.flow, one.from), Tested::default())).collect();
    let is_near = |at: At, frames: &Frames<'_>| stretches.holds(at, frames);
    read_again(captures, options, is_near, |packet| note(packet, &mut tested))?;
    // Where they were tested in the walk, it knows.
    let mut wrong = BTreeMap::new();
    if options.checksums == ChecksumPolicy::Ignore {
        wrong.extend(tested.iter().map(|(way, tested)| (*way, tested.sums.damaged().cloned().collect::<Vec<_>>())));
    }
    sent_again(captures, options, &mut wrong, |packet| packet.transport.checksum() == Checksum::Good)?;
    for ((flow, from), tested) in &mut tested {
        // Where another one has its bytes, the walk passes over it.
        let wrong = wrong.remove(&(*flow, *from)).unwrap_or_default();
        tested.wrong = wrong.iter().filter(|wrong| !wrong.is_idle()).map(|wrong| wrong.at).collect();
        tested.sort(&read);
        for at in &tested.wrong {
            anomalies.odd(Oddity::Acquitted.at(*at).sent(*flow, *from));
        }
    }
    let reason = |one: &Suspect| {
        let tested = tested.get(&(one.flow, one.from))?;
        if tested.may_carry(&one.span, &read) {
            return Some(Reason::Damaged);
        }
        tested.is_cut(&one.span).then_some(Reason::NotTested)
    };
    Ok(accused.iter().map(reason).collect())
}

impl Tested {
    /// Notes a frame with payload that is whole, or cut. What one tap cut and another one has whole is whole.
    fn packet(&mut self, packet: u64, frame: FrameId, is_cut: bool) {
        if !is_cut {
            self.cut.remove(&packet);
            if self.whole.len() >= WHOLE_FRAMES {
                self.whole.clear();
            }
            self.whole.insert(packet);
        } else if !self.whole.contains(&packet) && self.cut.len() < CUT_FRAMES {
            self.cut.insert(packet, frame);
        }
    }

    /// Puts the wrong ones in order, of frames and of times.
    fn sort(&mut self, frames: &Frames<'_>) {
        self.wrong.sort_unstable_by_key(|at| at.frame);
        for at in &self.wrong {
            self.times.entry(at.frame.file()).or_default().push(merged(at, frames));
        }
        self.times.values_mut().for_each(|times| times.sort_unstable());
    }

    /// Returns true if a wrong frame may carry what comes in `span`: it is between its frames, where one input holds these; in
    /// other inputs, it came at about that time.
    fn may_carry(&self, span: &Span, read: &Frames<'_>) -> bool {
        let (first, last) = frames(span);
        let own = Some(first.file()).filter(|file| *file == last.file());
        let next = self.wrong.partition_point(|at| at.frame < first);
        let is_between = self.wrong.get(next).is_some_and(|at| at.frame <= last);
        let around = around(span, read);
        let is_near = |times: &[i64]| {
            let next = times.partition_point(|time| time < around.start());
            times.get(next).is_some_and(|time| time <= around.end())
        };
        (own.is_some() && is_between) || self.times.iter().any(|(file, times)| Some(*file) != own && is_near(times))
    }

    /// Returns true if a frame between those of `span` is cut, in the same input.
    fn is_cut(&self, span: &Span) -> bool {
        let (first, last) = frames(span);
        let is_own = |frame: &FrameId| frame.file() == first.file() && (first..=last).contains(frame);
        self.cut.len() >= CUT_FRAMES || (first.file() == last.file() && self.cut.values().any(is_own))
    }
}

/// The first and the last frame of a span, by their numbers.
fn frames(Span { first, last }: &Span) -> (FrameId, FrameId) {
    (first.frame.min(last.frame), first.frame.max(last.frame))
}

/// The time of a frame on the clock by which the inputs are merged.
fn merged(at: &At, frames: &Frames<'_>) -> i64 {
    at.time.0.saturating_add(frames.clock(at.frame.file()))
}

/// The time of a span, as another tap may have it whose clock is not known.
fn around(Span { first, last }: &Span, frames: &Frames<'_>) -> RangeInclusive<i64> {
    let (first, last) = (merged(first, frames), merged(last, frames));
    first.min(last).saturating_sub(INPUTS_APART_NS)..=first.max(last).saturating_add(INPUTS_APART_NS)
}

fn note(packet: &Packet<'_>, tested: &mut BTreeMap<(FlowKey, Direction), Tested>) {
    let Some(tested) = tested.get_mut(&(packet.flow, packet.direction)) else { return };
    tested.sums.note(packet);
    let payload = packet.transport.payload();
    let number = match &packet.transport {
        TransportLayer::Tcp(segment) => u64::from(segment.seq),
        // The numbers in the header of uTP.
        TransportLayer::Udp(_) => {
            let number = payload.bytes.get(16..20).and_then(|four| <[u8; 4]>::try_from(four).ok());
            number.map_or(0, |four| u32::from_be_bytes(four).into())
        }
    };
    if payload.wire_len > 0 {
        let packet_number = number << 32 | u64::from(payload.wire_len);
        tested.packet(packet_number, packet.at.frame, payload.bytes.len() < payload.wire_len as usize);
    }
}

/// The frames of accused blocks and their neighbours: by input, and those of other inputs by time.
struct Stretches {
    frames: BTreeMap<u16, Vec<(u64, u64)>>,
    times: Vec<(i64, i64)>,
}

impl Stretches {
    fn of(accused: &[Suspect], read: &Frames<'_>) -> Self {
        let mut stretches: BTreeMap<u16, Vec<(u64, u64)>> = BTreeMap::new();
        for Span { first, last } in accused.iter().map(|one| one.span) {
            let mut add = |frame: FrameId, from: u64, to: u64| {
                stretches
                    .entry(frame.file())
                    .or_default()
                    .push((from.saturating_sub(AROUND), to.saturating_add(AROUND)));
            };
            let (first, last) = (first.frame, last.frame);
            if first.file() == last.file() {
                add(first, first.number().min(last.number()), first.number().max(last.number()));
            } else {
                add(first, first.number(), first.number());
                add(last, last.number(), last.number());
            }
        }
        stretches.values_mut().for_each(join);
        let times = accused.iter().map(|one| around(&one.span, read));
        let mut times = times.map(|around| (*around.start(), *around.end())).collect();
        join(&mut times);
        Self { frames: stretches, times }
    }

    fn holds(&self, at: At, read: &Frames<'_>) -> bool {
        let stretches = self.frames.get(&at.frame.file());
        stretches.is_some_and(|stretches| is_in(stretches, at.frame.number()))
            // Several inputs may have captured one connection.
            || ((self.frames.len() > 1 || stretches.is_none()) && is_in(&self.times, merged(&at, read)))
    }
}

/// Sorts ranges, first and last of each, and joins those that overlap.
pub(super) fn join<T: Ord + Copy>(ranges: &mut Vec<(T, T)>) {
    ranges.sort_unstable();
    let mut joined: Vec<(T, T)> = Vec::new();
    for (from, to) in ranges.drain(..) {
        match joined.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(to),
            _ => joined.push((from, to)),
        }
    }
    *ranges = joined;
}

/// Returns true if one of `ranges`, which are joined, holds `value`.
fn is_in<T: Ord>(ranges: &[(T, T)], value: T) -> bool {
    let next = ranges.partition_point(|(_, to)| *to < value);
    ranges.get(next).is_some_and(|(from, _)| *from <= value)
}

// Rationale: several dozen segments of a flow among as many others: enough to tell one damaged frame from checksums that are
// all wrong.
const AROUND: u64 = 512;
