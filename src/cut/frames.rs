//! Which frames a cut keeps: one pass over the captures, by flow.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use hashbrown::{HashMap, HashSet};

use crate::Error;
use crate::anomaly::Anomalies;
use crate::capture::{CaptureSet, Spill};
use crate::ends::{Direction, FlowKey, FrameId, Frames};
use crate::options::Options;
use crate::packet::{Decoder, Packet, TransportLayer};
use crate::spine::Spilled;

/// Frames by number, as ranges.
#[derive(Clone, Debug, Default)]
pub(super) struct FrameSet(Vec<(FrameId, FrameId)>);

/// Flows and frames that a cut keeps.
#[derive(Clone, Debug, Default)]
pub(super) struct Plan {
    /// Every flow of which frames are kept.
    pub(super) flows: BTreeSet<FlowKey>,
    /// Frames that are kept in any case.
    pub(super) cited: FrameSet,
    /// Frames that hold nothing but blocks that are not asked for.
    pub(super) others: FrameSet,
    /// Set to leave out packets without blocks behind the first of a flow.
    pub(super) leaves_copies: bool,
    /// Set to keep only some of many acknowledgements.
    pub(super) thins: bool,
}

/// Kinds of frames that are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum FrameKind {
    /// A part of a datagram.
    Fragment,
    /// It confirms, and carries nothing.
    Acknowledges,
    /// It carries something.
    Carries,
    /// It ends a connection.
    Closes,
    /// It begins one.
    Opens,
}

impl FrameSet {
    /// The frames of all `ranges`.
    pub(super) fn of(ranges: impl IntoIterator<Item = Frames>) -> Self {
        let mut all: Vec<(FrameId, FrameId)> = ranges
            .into_iter()
            .flat_map(|range| {
                let (first, last) = (FrameId::new(range.file, range.first), FrameId::new(range.file, range.last));
                let other = range.last_file.map(|file| FrameId::new(file, range.last));
                match other {
                    // Two ends in two inputs.
                    Some(other) => [Some((first, first)), Some((other, other))],
                    None => [Some((first.min(last), first.max(last))), None],
                }
            })
            .flatten()
            .collect();
        all.sort_unstable();
        let mut joined: Vec<(FrameId, FrameId)> = Vec::new();
        for (first, last) in all {
            match joined.last_mut() {
                Some(before) if first <= before.1 => before.1 = before.1.max(last),
                _ => joined.push((first, last)),
            }
        }
        Self(joined)
    }

    /// Returns true if a frame is one that is kept.
    pub(super) fn holds(&self, frame: FrameId) -> bool {
        let next = self.0.partition_point(|(_, last)| *last < frame);
        self.0.get(next).is_some_and(|(first, _)| *first <= frame)
    }
}

/// Reads the captures once, and says what is kept of them.
pub(super) fn kept(
    captures: &CaptureSet,
    plan: &Plan,
    options: &Options<'_>,
) -> Result<BTreeMap<FrameId, FrameKind>, Error> {
    let mut kept = Kept {
        plan,
        frames: BTreeMap::new(),
        acks: HashMap::default(),
        opened: HashSet::default(),
        seen: HashSet::default(),
    };
    let options = Options { progress: None, ..options.clone() };
    for part in walked(captures, &options, &mut |packet| kept.take(packet))? {
        kept.frames.entry(part).or_insert(FrameKind::Fragment);
    }
    Ok(kept.end())
}

/// Reads the captures once, and gives every packet to `take`, which says whether it is wanted; gives the frames of the fragments that
/// wanted ones were put together from.
pub(super) fn walked(
    captures: &CaptureSet,
    options: &Options<'_>,
    take: &mut dyn FnMut(&Packet<'_>) -> bool,
) -> Result<Vec<FrameId>, Error> {
    let (spill, mut untold) = (Spill::new(options.spool_dir), Anomalies::default());
    let mut decoder =
        Decoder::new(options.checksums, &options.limits).with_tunnels(options.tunnels).reading_damage();
    let (mut frames, store) = (captures.frames(), Spilled(&spill));
    let window = options.window.max(1);
    let mut release_at = window;
    // Parts of datagrams that are not whole yet, and those of wanted ones.
    let (mut parts, mut wanted_parts) = (VecDeque::new(), Vec::new());
    while let Some(frame) = frames.next(&mut untold)? {
        if frames.position() >= release_at {
            release_at = frames.position().saturating_add(window);
            frames.release(0);
            spill.release();
            options.progress.iter().for_each(|progress| progress(frames.position()));
        }
        let before = decoder.counts();
        let (at, mut wanted) = (frame.at.frame, false);
        decoder.each(&frame, &store, &mut untold, &mut |packet| wanted |= take(packet))?;
        let after = decoder.counts();
        if after.fragments > before.fragments {
            parts.push_back(at);
            if parts.len() > MOST_PARTS {
                parts.pop_front();
            }
            if wanted && after.reassembled > before.reassembled {
                wanted_parts.extend(parts.drain(..));
            }
        }
    }
    Ok(wanted_parts)
}

struct Kept<'p> {
    plan: &'p Plan,
    frames: BTreeMap<FrameId, FrameKind>,
    /// Of each direction, how many acknowledgements there were, and the last one that is not kept.
    acks: HashMap<(FlowKey, Direction), (u64, Option<FrameId>), foldhash::quality::FixedState>,
    /// Directions that are past their opening, which may be long: blocks of them were kept, or it was not captured.
    opened: HashSet<(FlowKey, Direction), foldhash::quality::FixedState>,
    /// Directions of which a packet was seen.
    seen: HashSet<(FlowKey, Direction), foldhash::quality::FixedState>,
}

impl Kept<'_> {
    /// Returns true if the packet is of a flow that is kept.
    fn take(&mut self, packet: &Packet<'_>) -> bool {
        if !self.plan.flows.contains(&packet.flow) {
            return false;
        }
        let frame = packet.at.frame;
        let kind = match &packet.transport {
            TransportLayer::Tcp(segment) if segment.flags.syn => FrameKind::Opens,
            TransportLayer::Tcp(segment) if segment.flags.fin || segment.flags.rst => FrameKind::Closes,
            TransportLayer::Tcp(segment) if segment.payload.wire_len == 0 => FrameKind::Acknowledges,
            TransportLayer::Tcp(_) | TransportLayer::Udp(_) => FrameKind::Carries,
        };
        let cited = self.plan.cited.holds(frame);
        let (bytes, way) = (packet.transport.payload().wire_len, (packet.flow, packet.direction));
        let is_tcp = matches!(packet.transport, TransportLayer::Tcp(_));
        let goes_on = self.seen.insert(way) && is_tcp && kind != FrameKind::Opens;
        if goes_on || (cited && bytes >= MANY) {
            self.opened.insert(way);
        }
        // Behind the opening, much that no block is made of: sent again, captured twice, or of a block whose beginning was not captured.
        let again = self.plan.leaves_copies && bytes >= MANY && self.opened.contains(&way);
        if !cited && kind == FrameKind::Carries && (again || self.plan.others.holds(frame)) {
            return false;
        }
        if !cited && kind == FrameKind::Acknowledges && self.plan.thins {
            let (count, last) = self.acks.entry((packet.flow, packet.direction)).or_default();
            *count += 1;
            if *count > FIRST_ACKS && !count.is_multiple_of(EVERY) {
                *last = Some(frame);
                return true;
            }
            *last = None;
        }
        let known = self.frames.entry(frame).or_insert(kind);
        *known = (*known).max(kind);
        true
    }

    fn end(mut self) -> BTreeMap<FrameId, FrameKind> {
        for (_, last) in self.acks.into_values() {
            if let Some(frame) = last {
                self.frames.entry(frame).or_insert(FrameKind::Acknowledges);
            }
        }
        self.frames
    }
}

// Rationale: longer than the messages that stand between blocks; shorter than the last segments of blocks of 16 KiB in any MTU.
const MANY: u32 = 256;
// Rationale: the opening, and the first answer, whose times may matter.
const FIRST_ACKS: u64 = 2;
// Rationale: each confirms all before it; of a download of full segments one in 64 is a thousandth of the bytes.
const EVERY: u64 = 64;
// Rationale: datagrams of 64 KiB have 45 parts; some may be on their way at once.
const MOST_PARTS: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_holds_its_ranges_and_the_two_ends_of_one_over_two_inputs() {
        let range = |file, first, last, last_file| Frames { file, first, last, last_file };
        let set = FrameSet::of([range(0, 5, 9, None), range(0, 7, 12, None), range(1, 3, 8, Some(2))]);
        let held = |file, number| set.holds(FrameId::new(file, number));
        assert!(held(0, 5) && held(0, 12) && !held(0, 4) && !held(0, 13));
        assert!(held(1, 3) && held(2, 8) && !held(1, 8) && !held(2, 3));
    }
}
