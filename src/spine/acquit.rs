//! The checksums of what would be refuted: one flipped bit in a frame must not make anybody a sender of bad bytes.
//!
//! They are not tested in the walk, which would touch every byte twice, and in many captures they are all wrong: the
//! sender's network card was to complete them, or addresses were made anonymous. So the frames of accused blocks are read
//! once more, with their neighbours: where most of those are right, a wrong one is damage.

use std::collections::BTreeMap;

use super::spilled::Spilled;
use crate::Error;
use crate::anomaly::Anomalies;
use crate::capture::{CaptureSet, Spill};
use crate::ends::{At, Direction, FlowKey, FrameId, Span};
use crate::judge::Suspect;
use crate::limits::WRONG_CHECKSUMS;
use crate::oddity::{Oddity, Sink};
use crate::options::{ChecksumPolicy, Options};
use crate::packet::{Checksum, Decoder, Packet, TransportLayer};

/// The checksum results of one direction's frames.
#[derive(Debug, Default)]
struct Tested {
    right: u64,
    /// Those with a wrong checksum, in the order of the walk.
    wrong: Vec<At>,
    /// How many there were beyond those.
    more: u64,
}

/// Of each of `accused`, whether it rests on a frame with a wrong checksum, among others of their direction that are right.
///
/// # Errors
/// Those of reading the captures.
pub(crate) fn damaged(
    captures: &CaptureSet,
    accused: &[Suspect],
    options: &Options<'_>,
    anomalies: &mut dyn Sink,
) -> Result<Vec<bool>, Error> {
    if accused.is_empty() || options.checksums != ChecksumPolicy::Ignore {
        return Ok(vec![false; accused.len()]);
    }
    let frames = Stretches::of(accused);
    let mut tested: BTreeMap<(FlowKey, Direction), Tested> =
        accused.iter().map(|one| ((one.flow, one.from), Tested::default())).collect();
    let (spill, mut untold) = (Spill::new(options.spool_dir), Anomalies::default());
    let decoder = Decoder::new(ChecksumPolicy::Flag, &options.limits).with_tunnels(options.tunnels);
    let mut decoder = decoder.reading_damage();
    let (mut read, store) = (captures.frames(), Spilled(&spill));
    let window = options.window.max(1);
    let mut release_at = window;
    while let Some(frame) = read.next(&mut untold)? {
        if read.position() >= release_at {
            release_at = read.position().saturating_add(window);
            read.release(0);
        }
        if !frames.holds(frame.at.frame) {
            continue;
        }
        let mut decoded = decoder.decode(&frame, &store, &mut untold)?;
        loop {
            if let Some(packet) = decoded {
                note(&packet, &mut tested);
                let inside = if packet.also_tunnel { decoder.inside(&packet, &store, &mut untold)? } else { None };
                inside.iter().for_each(|packet| note(packet, &mut tested));
            }
            if !decoder.has_more() {
                break;
            }
            decoded = decoder.decode_more(&frame, &store, &mut untold)?;
        }
    }
    tested.retain(|_, tested| tested.right > tested.wrong.len() as u64 + tested.more);
    for ((flow, from), tested) in &mut tested {
        tested.wrong.sort_unstable_by_key(|at| at.frame);
        for at in &tested.wrong {
            anomalies.odd(Oddity::Acquitted.at(*at).sent(*flow, *from));
        }
    }
    let is_damaged = |one: &Suspect| {
        let wrong = tested.get(&(one.flow, one.from)).map_or(&[][..], |tested| &tested.wrong);
        let (first, last) = (one.span.first.frame, one.span.last.frame);
        let (first, last) = (first.min(last), first.max(last));
        let next = wrong.partition_point(|at| at.frame < first);
        wrong.get(next).is_some_and(|at| at.frame <= last)
    };
    Ok(accused.iter().map(is_damaged).collect())
}

fn note(packet: &Packet<'_>, tested: &mut BTreeMap<(FlowKey, Direction), Tested>) {
    let Some(tested) = tested.get_mut(&(packet.flow, packet.direction)) else { return };
    let checksum = match &packet.transport {
        TransportLayer::Tcp(segment) => segment.checksum,
        TransportLayer::Udp(datagram) => datagram.checksum,
    };
    match checksum {
        Checksum::Good => tested.right += 1,
        Checksum::Bad | Checksum::Partial if tested.wrong.len() < WRONG_CHECKSUMS => tested.wrong.push(packet.at),
        Checksum::Bad | Checksum::Partial => tested.more += 1,
        Checksum::Unchecked => {}
    }
}

/// The frames of accused blocks and their neighbours, by input.
struct Stretches(BTreeMap<u16, Vec<(u64, u64)>>);

impl Stretches {
    fn of(accused: &[Suspect]) -> Self {
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
        for stretches in stretches.values_mut() {
            stretches.sort_unstable();
            let mut joined: Vec<(u64, u64)> = Vec::new();
            for (from, to) in stretches.drain(..) {
                match joined.last_mut() {
                    Some(last) if from <= last.1 => last.1 = last.1.max(to),
                    _ => joined.push((from, to)),
                }
            }
            *stretches = joined;
        }
        Self(stretches)
    }

    fn holds(&self, frame: FrameId) -> bool {
        let Some(stretches) = self.0.get(&frame.file()) else { return false };
        let next = stretches.partition_point(|(_, to)| *to < frame.number());
        stretches.get(next).is_some_and(|(from, _)| *from <= frame.number())
    }
}

// Rationale: several dozen segments of a flow among as many others: enough to tell one damaged frame from checksums that are
// all wrong.
const AROUND: u64 = 512;
