//! Frames in doubt, which cost no more than missing ones (T53, T64): a link that flips bits makes its receiver drop a frame, and
//! the sender send it again; a flipped number puts bytes where they never were; and anybody can send a packet just before the
//! true one.
//!
//! Checksums are not tested in the walk. Flows in which it found what a damaged frame may have caused - two versions of some
//! bytes, a hole, a packet from elsewhere - are read once more, and tested. Where nearly all of a direction are right, the
//! captures are read again without the frames that are not. So are they without packets whose acknowledgement is impossible,
//! where all of their bytes came in others: a version without doubt goes before one in doubt, wherever it stands.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use super::spilled::Spilled;
use crate::Error;
use crate::anomaly::Anomalies;
use crate::capture::{CaptureSet, Frames, Spill};
use crate::ends::{At, Direction, FlowKey, FrameId};
use crate::limits::{STRANGE_FLOWS, SUSPECT_FRAMES, WRONG_CHECKSUMS};
use crate::options::{ChecksumPolicy, Options};
use crate::packet::{Checksum, Decoder, Packet, TransportLayer};
use crate::stream::{StreamItem, utp};

/// The flows in which something is strange; all flows beyond a bound.
#[derive(Clone, Debug, Default)]
pub(super) struct Strange {
    flows: BTreeSet<FlowKey>,
    all: bool,
    /// Frames in doubt of these flows.
    suspects: BTreeSet<(FrameId, FlowKey)>,
}

/// Frames that are passed over, of these flows; set if they are damaged, else other frames have their bytes.
pub(super) type Superseded = BTreeMap<(FrameId, FlowKey), bool>;

impl Strange {
    /// Notes something strange in a flow.
    #[cold]
    pub(super) fn note(&mut self, flow: FlowKey, item: &StreamItem<'_>) {
        // Of more, what is in doubt stays so.
        if let StreamItem::Suspect { at } | StreamItem::Data { at, .. } = item
            && self.suspects.len() < SUSPECT_FRAMES
        {
            self.suspects.insert((at.frame, flow));
        }
        // Bytes of a frame in doubt alone are kept, as the policy says, unless others have them too.
        let is_data = matches!(item, StreamItem::Data { .. });
        if !is_data && !self.all && self.flows.insert(flow) {
            self.all = self.flows.len() > STRANGE_FLOWS;
        }
    }

    /// The frames of these flows that are passed over.
    ///
    /// # Errors
    /// Those of reading the captures.
    pub(super) fn superseded(&self, captures: &CaptureSet, options: &Options<'_>) -> Result<Superseded, Error> {
        let mut superseded = BTreeMap::new();
        // Dropped frames are in no version.
        let tested = options.checksums != ChecksumPolicy::Drop;
        if self.suspects.is_empty() && (self.flows.is_empty() || !tested) {
            return Ok(superseded);
        }
        let mut sums: BTreeMap<(FlowKey, Direction), Sums> = BTreeMap::new();
        let mut suspects: BTreeMap<(FlowKey, Direction), Vec<Wrong>> = BTreeMap::new();
        let is_suspect = |packet: &Packet<'_>| self.suspects.contains(&(packet.at.frame, packet.flow));
        read_again(captures, options, every, |packet| {
            let way = (packet.flow, packet.direction);
            if tested && (self.all || self.flows.contains(&packet.flow)) {
                sums.entry(way).or_default().note(packet);
            }
            if is_suspect(packet) {
                suspects.entry(way).or_default().push(Wrong::new(packet));
            }
        })?;
        let is_sure = |packet: &Packet<'_>| packet.transport.checksum() != Checksum::Bad && !is_suspect(packet);
        sent_again(captures, options, &mut suspects, is_sure)?;
        for ((flow, _), all) in &suspects {
            superseded
                .extend(all.iter().filter(|one| one.came_otherwise()).map(|one| ((one.at.frame, *flow), false)));
        }
        for ((flow, _), sums) in &sums {
            superseded.extend(sums.lone().map(|at| ((at.frame, *flow), true)));
        }
        Ok(superseded)
    }
}

/// The checksums of one direction.
#[derive(Debug, Default)]
pub(super) struct Sums {
    right: u64,
    /// Frames with a wrong one, in the order of the walk.
    wrong: Vec<Wrong>,
    /// How many there were beyond those.
    more: u64,
    /// Frames with one that was left to a network card, in the same order: among many right ones, anybody may have sent them.
    partial: Vec<Wrong>,
    /// The bytes of the longest packet with a right one.
    longest: u32,
}

impl Sums {
    pub(super) fn note(&mut self, packet: &Packet<'_>) {
        match packet.transport.checksum() {
            Checksum::Good => {
                self.right += 1;
                self.longest = self.longest.max(packet.transport.payload().wire_len);
            }
            Checksum::Bad if self.wrong.len() < WRONG_CHECKSUMS => self.wrong.push(Wrong::new(packet)),
            Checksum::Bad => self.more += 1,
            Checksum::Partial if self.partial.len() < WRONG_CHECKSUMS => self.partial.push(Wrong::new(packet)),
            Checksum::Partial | Checksum::Unchecked => {}
        }
    }

    /// The wrong frames that are damaged or masked, as others of their direction are right. A packet that is longer than all
    /// of those, and than a frame, was put together by a network card.
    pub(super) fn damaged(&self) -> impl Iterator<Item = &Wrong> {
        let is_told = self.right > self.wrong() || self.right >= FEWEST;
        let wrong = self.wrong.iter().filter(move |wrong| is_told && wrong.len <= self.longest.max(FRAME));
        let few = self.right / SHARE >= self.partial.len() as u64;
        wrong.chain(self.partial.iter().filter(move |_| few))
    }

    /// Those with a wrong sum that are few among many: a receiver dropped them.
    fn lone(&self) -> impl Iterator<Item = At> {
        let nearly = self.right / SHARE >= self.wrong();
        self.wrong.iter().filter(move |wrong| nearly && wrong.len <= self.longest).map(|wrong| wrong.at)
    }

    fn wrong(&self) -> u64 {
        self.wrong.len() as u64 + self.more
    }
}

/// A frame with a wrong checksum.
#[derive(Clone, Debug)]
pub(super) struct Wrong {
    /// Its place.
    pub(super) at: At,
    /// The bytes of its packet.
    len: u32,
    part: Option<Part>,
    /// The ranges of its bytes that came again in frames with a right one, in order.
    again: Vec<(u32, u32)>,
    /// True if a right one stands right before or behind it.
    fits: bool,
}

/// The bytes of a packet, as the sender numbers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// Of TCP: the number of the first, and how many.
    Bytes { first: u32, len: u32 },
    /// Of uTP: the connection and the number of the packet, and how many bytes it has.
    Packet { id: u16, number: u16, len: u32 },
}

impl Part {
    fn of(packet: &Packet<'_>) -> Option<Self> {
        Some(match &packet.transport {
            TransportLayer::Tcp(segment) => Self::Bytes {
                first: segment.seq.wrapping_add(u32::from(segment.flags.syn)),
                len: segment.payload.wire_len,
            },
            TransportLayer::Udp(datagram) => {
                let packet = utp::Packet::parse(&datagram.payload).ok()?;
                Self::Packet { id: packet.connection_id, number: packet.seq_nr, len: packet.payload.wire_len }
            }
        })
    }
}

impl Wrong {
    fn new(packet: &Packet<'_>) -> Self {
        Self {
            at: packet.at,
            len: packet.transport.payload().wire_len,
            part: Part::of(packet),
            again: Vec::new(),
            fits: false,
        }
    }

    /// Returns true if no block rests on it: all of its bytes came again, or they belong nowhere.
    pub(super) fn is_idle(&self) -> bool {
        let came_again = match self.part {
            Some(Part::Packet { len, .. }) => self.again.contains(&(0, len)),
            Some(Part::Bytes { .. }) | None => self.came_otherwise(),
        };
        came_again || (self.part.is_some() && !self.fits)
    }

    /// Returns true if others have its bytes, or its number.
    fn came_otherwise(&self) -> bool {
        match self.part {
            Some(Part::Bytes { len, .. }) => self.again.first() == Some(&(0, len)),
            Some(Part::Packet { .. }) => !self.again.is_empty(),
            None => false,
        }
    }

    /// Compares its place with that of a frame with a right checksum.
    fn compare(&mut self, at: At, part: Part) {
        if at.time.0.abs_diff(self.at.time.0) > AGAIN_NS {
            return;
        }
        match (self.part, part) {
            (Some(Part::Bytes { first, len }), Part::Bytes { first: other, len: held }) => {
                let from = i64::from(other.wrapping_sub(first) as i32);
                let to = from + i64::from(held);
                self.fits |= from == i64::from(len) || to == 0;
                let (start, end) = (from.max(0), to.min(i64::from(len)));
                if start < end {
                    self.again.push((start as u32, end as u32));
                    super::acquit::join(&mut self.again);
                }
            }
            (Some(Part::Packet { id, number, .. }), Part::Packet { id: of, number: other, len: held })
                if id == of =>
            {
                self.fits |= matches!(other.wrapping_sub(number), 1 | u16::MAX);
                if other == number && held > 0 {
                    self.again.push((0, held));
                }
            }
            _ => {}
        }
    }
}

/// The wrong frames of a direction, by their numbers.
#[derive(Default)]
struct ByNumber {
    places: BTreeMap<u32, Vec<usize>>,
    /// The most bytes that one of them has.
    longest: u32,
}

impl ByNumber {
    fn new(wrong: &[Wrong]) -> Self {
        let mut all = Self::default();
        for (place, wrong) in wrong.iter().enumerate() {
            let number = match wrong.part {
                Some(Part::Bytes { first, len }) => {
                    all.longest = all.longest.max(len);
                    first
                }
                Some(Part::Packet { id, number, .. }) => u32::from(id) << 16 | u32::from(number),
                None => continue,
            };
            all.places.entry(number).or_default().push(place);
        }
        all
    }

    /// Those that stand at a part, right before it or right behind it.
    fn near(&self, part: Part) -> impl Iterator<Item = usize> {
        let ranges = match part {
            Part::Bytes { first, len } => around(first.wrapping_sub(self.longest), first.wrapping_add(len)),
            Part::Packet { id, number, .. } => {
                let own = u32::from(id) << 16;
                let [before, behind] =
                    [number.wrapping_sub(1), number.wrapping_add(1)].map(|near| own | u32::from(near));
                match before < behind {
                    true => [before..=behind, NONE],
                    false => [before..=own | 0xffff, own..=behind],
                }
            }
        };
        ranges
            .into_iter()
            .filter(|range| !range.is_empty())
            .flat_map(|range| self.places.range(range))
            .flat_map(|(_, all)| all)
            .copied()
    }
}

/// The numbers from one to another one, which may be past the highest.
fn around(from: u32, to: u32) -> [RangeInclusive<u32>; 2] {
    if from <= to { [from..=to, NONE] } else { [from..=u32::MAX, 0..=to] }
}

/// Looks for the bytes of wrong frames in frames that are `right`.
///
/// # Errors
/// Those of reading the captures.
pub(super) fn sent_again(
    captures: &CaptureSet,
    options: &Options<'_>,
    wrong: &mut BTreeMap<(FlowKey, Direction), Vec<Wrong>>,
    right: impl Fn(&Packet<'_>) -> bool,
) -> Result<(), Error> {
    let numbers: BTreeMap<_, _> = wrong.iter().map(|(way, wrong)| (*way, ByNumber::new(wrong))).collect();
    if numbers.values().all(|numbers| numbers.places.is_empty()) {
        return Ok(());
    }
    read_again(captures, options, every, |packet| {
        let way = (packet.flow, packet.direction);
        if let (Some(numbers), Some(wrong)) = (numbers.get(&way), wrong.get_mut(&way))
            && right(packet)
            && let Some(part) = Part::of(packet)
        {
            for place in numbers.near(part) {
                wrong[place].compare(packet.at, part);
            }
        }
    })
}

/// Reads the captures once more, with their checksums, as far as `wanted` accepts the frames.
///
/// # Errors
/// Those of reading the captures.
pub(super) fn read_again(
    captures: &CaptureSet,
    options: &Options<'_>,
    mut wanted: impl FnMut(At, &Frames<'_>) -> bool,
    mut take: impl FnMut(&Packet<'_>),
) -> Result<(), Error> {
    let mut frames = captures.frames();
    let (spill, mut untold) = (Spill::new(options.spool_dir), Anomalies::default());
    let decoder = Decoder::new(ChecksumPolicy::Flag, &options.limits).with_tunnels(options.tunnels);
    let mut decoder = decoder.reading_damage();
    let store = Spilled(&spill);
    let window = options.window.max(1);
    let mut release_at = window;
    while let Some(frame) = frames.next(&mut untold)? {
        if frames.position() >= release_at {
            release_at = frames.position().saturating_add(window);
            frames.release(0);
        }
        if wanted(frame.at, &frames) {
            decoder.each(&frame, &store, &mut untold, &mut take)?;
        }
    }
    Ok(())
}

/// Accepts all frames.
fn every(_: At, _: &Frames<'_>) -> bool {
    true
}

// Rationale: sums that are right by chance are one in 65,536.
const FEWEST: u64 = 4;
// Rationale: the payload of the longest frame of Ethernet.
const FRAME: u32 = 1_500;
// Rationale: damage is one in many; where a card fills checksums in, or puts packets together, half are wrong.
const SHARE: u64 = 8;
// Rationale: what a link damages is sent again within some timeouts; numbers of uTP come again after 65,536 packets.
const AGAIN_NS: u64 = 20_000_000_000;

/// No number.
#[expect(clippy::reversed_empty_ranges, reason = "it is meant to be empty")]
const NONE: RangeInclusive<u32> = 1..=0;
