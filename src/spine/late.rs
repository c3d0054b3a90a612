//! Packets that stand in the captures behind their place: a first reading notes them, and where each would have been in
//! time; a second one reads them there (T58, T60).

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::superseded::{Strange, Superseded};
use super::{Shared, Spine};
use crate::Error;
use crate::capture::CaptureSet;
use crate::ends::{At, FlowKey, FrameId, Span};
use crate::oddity::{Bound, Oddity, Sink};
use crate::packet::Packet;
use crate::stream::{Due, FilledHole, StreamItem, Unaccepted};

/// The late packets of the whole run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Latecomers<'cap> {
    /// True in a reading that reads late packets where they belong; else they are noted.
    second: bool,
    /// By flow, the frame before which it is due, its place there and its own frame.
    due: BTreeMap<(FlowKey, FrameId, i64, FrameId), Packet<'cap>>,
    /// How many are noted, in the flows too.
    noted: usize,
    /// Late packets beyond the bound: bytes, and where they are.
    dropped: Option<(u64, Span)>,
    /// Frames that were read already; whether in doubt.
    read: BTreeMap<FrameId, bool>,
    /// Flows of which something is due or was.
    flows: BTreeSet<FlowKey>,
    /// Flows in which a first reading found what a damaged frame may have caused.
    pub(super) strange: Strange,
    /// Frames that are passed over, of these flows.
    superseded: Superseded,
}

/// The late packets of one flow, in a first reading.
#[derive(Debug, Default)]
pub(super) struct Late<'cap>(Vec<(Due, Packet<'cap>)>);

impl<'cap> Spine<'_, 'cap> {
    /// Ends every flow.
    pub(crate) fn end_flows(&mut self) {
        while let Some((_, flow)) = self.flows.evict() {
            flow.close(&mut self.shared);
        }
    }

    /// Packets that came late, and those that are in doubt, where another reading of the captures is worth while for it; every flow ended.
    ///
    /// # Errors
    /// Those of reading the captures.
    pub(crate) fn late(&mut self, captures: &CaptureSet) -> Result<Option<Latecomers<'cap>>, Error> {
        let late = &mut self.shared.late;
        if late.second || self.shared.failure.is_some() {
            return Ok(None);
        }
        let superseded = late.strange.superseded(captures, self.shared.options)?;
        if late.due.is_empty() && superseded.is_empty() {
            return Ok(None);
        }
        // All is written down once more.
        let ended = self.shared.written.end_hashing();
        self.shared.fail(ended);
        let late = std::mem::take(&mut self.shared.late);
        let flows = late.due.keys().map(|(flow, ..)| *flow).collect();
        // What was strange is looked into.
        Ok(Some(Latecomers { second: true, flows, superseded, strange: Strange::default(), ..late }))
    }

    /// Says before the first frame what came late in a first reading.
    pub(crate) fn expect_late(&mut self, late: Latecomers<'cap>) {
        if let Some((bytes, span)) = late.dropped {
            self.shared.anomalies.odd(Oddity::from(Bound::LateSegments { bytes }).within(span));
        }
        self.shared.late = late;
    }
}

impl<'cap> Late<'cap> {
    /// Notes a packet where it came late.
    #[cold]
    pub(super) fn note(&mut self, found: FilledHole, packet: &Packet<'cap>, shared: &mut Shared<'_, 'cap>) {
        let late = &mut shared.late;
        match found {
            FilledHole::Due(due) if !late.second && late.noted < shared.options.limits.late_segments => {
                late.noted += 1;
                self.0.push((due, *packet));
            }
            FilledHole::Nothing => {}
            FilledHole::Due(_) | FilledHole::Forgotten => {
                let (bytes, at) = (packet.transport.payload().bytes.len() as u64, packet.at);
                if late.second {
                    return;
                }
                let (all, span) = late.dropped.get_or_insert((0, Span::single(at)));
                *all += bytes;
                span.cover(at);
            }
        }
    }

    /// Returns true if a late packet belongs to the beginning of its direction, without which it is not known what
    /// a connection carries.
    pub(super) fn has_beginning(&self) -> bool {
        self.0.iter().any(|(due, _)| due.place < BEGINNING)
    }

    /// The flow is over; `wanted` where its content is of interest.
    pub(super) fn end(self, flow: FlowKey, wanted: bool, shared: &mut Shared<'_, 'cap>) {
        if !wanted {
            shared.late.noted -= self.0.len();
            return;
        }
        let (before_all, within): (Vec<_>, Vec<_>) = self.0.into_iter().partition(|(due, _)| due.place < 0);
        let noted = before_all.len();
        let beginning = beginning(before_all);
        shared.late.noted -= noted - beginning.len();
        for (Due { before, place, .. }, packet) in within.into_iter().chain(beginning) {
            shared.late.due.insert((flow, before, place, packet.at.frame), packet);
        }
    }
}

/// Of packets from before the beginning of their directions those that lead up to it: what is sent again from long before is
/// no beginning. They are due before the first of what follows, both directions as they stand in the file, and each in
/// the order of its places.
fn beginning<'cap>(mut packets: Vec<(Due, Packet<'cap>)>) -> Vec<(Due, Packet<'cap>)> {
    let side = |(due, packet): &(Due, Packet<'cap>)| (due.before, packet.direction);
    // By direction of a connection, the last ones first.
    packets.sort_by_key(|one| (side(one), Reverse(one.0.behind)));
    let mut order = Vec::with_capacity(packets.len());
    for packets in packets.chunk_by(|one, other| side(one) == side(other)) {
        let mut from = 0;
        let leads = packets.iter().filter(|(due, _)| {
            let leads = due.behind >= from - due.near;
            if leads {
                from = from.min(due.place);
            }
            leads
        });
        let mut leads: Vec<_> = leads.copied().collect();
        leads.sort_by_key(|(due, _)| due.place);
        let mut last = None;
        order.extend(leads.into_iter().map(|(due, packet)| {
            last = last.max(Some(packet.at.frame));
            (last, due, packet)
        }));
    }
    let Some(before) = order.iter().map(|(_, due, _)| due.before).min() else { return Vec::new() };
    order.sort_by_key(|(last, ..)| *last);
    (i64::MIN..).zip(order).map(|(place, (_, due, packet))| (Due { before, place, ..due }, packet)).collect()
}

impl<'cap> Latecomers<'cap> {
    /// Returns true if a late packet of the flow is due.
    pub(super) fn expects(&self, flow: FlowKey) -> bool {
        !self.flows.is_empty() && self.flows.contains(&flow)
    }

    /// Why a packet is passed over; `None` of one that is not.
    #[inline]
    pub(super) fn superseded(&self, packet: &Packet<'_>) -> Option<Oddity> {
        let why = |damaged: &bool| match damaged {
            true => Oddity::Acquitted,
            false => Oddity::Superseded { len: u64::from(packet.transport.payload().wire_len) },
        };
        if self.superseded.is_empty() {
            None
        } else {
            self.superseded.get(&(packet.at.frame, packet.flow)).map(why)
        }
    }

    /// Returns true if a frame was read where it belongs.
    pub(super) fn was_read(&self, frame: FrameId) -> bool {
        self.read.contains_key(&frame)
    }

    /// Takes the late packets that are due before a packet of the flow, with the time of that packet where their
    /// own is later; in doubt where that is more than the tolerance.
    #[cold]
    pub(super) fn before(&mut self, flow: FlowKey, next: At, tolerance_ns: i64) -> Vec<Packet<'cap>> {
        let (first, last) = (FrameId::new(0, 1), FrameId::new(u16::MAX, LAST_FRAME));
        let due = (flow, next.frame, i64::MIN, first)..=(flow, next.frame, i64::MAX, last);
        let keys: Vec<_> = self.due.range(due).map(|(key, _)| *key).collect();
        let mut packets: Vec<Packet<'cap>> = keys.iter().filter_map(|key| self.due.remove(key)).collect();
        for packet in &mut packets {
            // What the receiver acknowledged there before may have been other bytes.
            let late = packet.at.time.0.saturating_sub(next.time.0);
            self.read.insert(packet.at.frame, late > tolerance_ns);
            packet.at.time = packet.at.time.min(next.time);
        }
        packets
    }

    /// The doubt about bytes that came later than their acknowledgement was waited for.
    pub(super) fn doubt(&self, item: &StreamItem<'cap>) -> Option<StreamItem<'cap>> {
        let StreamItem::Data { offset, bytes, at, .. } = *item else { return None };
        let doubt = StreamItem::Unaccepted { offset, len: bytes.len() as u64, why: Unaccepted::Never };
        self.read.get(&at.frame).filter(|late| **late).map(|_| doubt)
    }
}

// Rationale: two handshakes of MSE with the longest padding, or an HTTP request.
const BEGINNING: i64 = 2_048;
// Rationale: the highest number of a frame.
const LAST_FRAME: u64 = (1 << 48) - 1;
