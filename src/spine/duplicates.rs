//! Packets captured more than once: by a mirror port, on two interfaces, or at two taps of one link.

use std::collections::VecDeque;

use super::Shared;
use crate::ends::{At, Direction, FlowKey, Span};
use crate::limits::{CLOCKS_APART_NS, FLOW_COPY_MARKS};
use crate::oddity::{Oddity, Sink};
use crate::stream::StreamItem;

/// The last packets of one direction, to tell a packet that is captured again from one that is sent again.
///
/// # Invariants
/// - At most [`FLOW_COPY_MARKS`] packets are kept; with one tap, more than [`LEAST`] only once a packet came again whose original
///   was not kept.
#[derive(Clone, Debug)]
pub(super) struct Duplicates {
    kept: VecDeque<(u64, At)>,
    /// How many to keep.
    capacity: usize,
    /// Packets no longer kept: the oldest one kept has this number.
    gone: u64,
    /// The number of the packet of which a copy was found last: copies come in the order of the first ones.
    found: u64,
    /// The highest sequence number so far.
    highest: Option<u32>,
    /// Packets in a row that were not new by their number, and of which no original was found.
    missed: usize,
}

/// The key by which copies of a packet are recognised.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    /// Equal for two captures of one packet.
    pub(super) value: u64,
    /// True if `value` is another one when the sender sends the bytes again; else the time has to tell.
    pub(super) sure: bool,
    /// The sequence number in the upper bits: a packet ahead of all others is no copy.
    pub(super) number: u32,
}

impl Duplicates {
    /// With capacity for the copies of a second tap from the beginning, where there are several inputs or
    /// interfaces.
    pub(super) fn new(several_taps: bool) -> Self {
        Self {
            kept: VecDeque::new(),
            capacity: if several_taps { FLOW_COPY_MARKS } else { LEAST },
            gone: 0,
            found: 0,
            highest: None,
            missed: 0,
        }
    }

    /// Remembers a packet, among the last `most` or, without them, [`LEAST`]; where it was captured before, if it was.
    #[inline]
    pub(super) fn original(&mut self, mark: Mark, at: At, most: usize) -> Option<At> {
        let ahead = self.highest.is_none_or(|highest| mark.number.wrapping_sub(highest) as i32 > 0);
        if ahead {
            self.highest = Some(mark.number);
            self.missed = 0;
        } else if let Some(original) = self.find(mark, at) {
            self.missed = 0;
            return Some(original);
        } else {
            self.miss(mark.number);
        }
        while self.kept.len() >= self.capacity.min(most.max(LEAST)) {
            self.kept.pop_front();
            self.gone += 1;
        }
        self.kept.push_back((mark.value, at));
        None
    }

    fn find(&mut self, mark: Mark, at: At) -> Option<At> {
        let fits = |(value, first): &(u64, At)| {
            let most = if mark.sure || first.frame.file() != at.frame.file() { TAPS_APART_NS } else { DOUBLE_NS };
            *value == mark.value && at.time.0.saturating_sub(first.time.0).unsigned_abs() <= most
        };
        let next = self.found.saturating_add(1).checked_sub(self.gone).and_then(|next| usize::try_from(next).ok());
        let index = match next.filter(|next| self.kept.get(*next).is_some_and(fits)) {
            Some(next) => next,
            None => self.kept.iter().rposition(fits)?,
        };
        self.found = self.gone.saturating_add(index as u64);
        self.kept.get(index).map(|(_, first)| *first)
    }

    /// No original was found: it was sent again, came late, or is kept no longer.
    #[cold]
    fn miss(&mut self, number: u32) {
        self.missed += 1;
        if self.kept.len() >= self.capacity {
            self.capacity = FLOW_COPY_MARKS;
        }
        if self.missed > FLOW_COPY_MARKS {
            // The stream is elsewhere by now: what follows is new again.
            (self.highest, self.missed) = (Some(number), 0);
        }
    }
}

/// Returns true if `item` says that the bytes of frame `again` could not be compared with those sent before: of a
/// packet that is captured again, nothing was sent again.
pub(super) fn is_doubt_of(item: &StreamItem<'_>, again: At) -> bool {
    matches!(item, StreamItem::Uncompared { at, .. } if *at == again)
}

/// Notes that the packet of frame `original` was captured again.
#[cold]
pub(super) fn note(original: At, again: At, flow: FlowKey, direction: Direction, shared: &mut Shared<'_, '_>) {
    if original.frame.file() != again.frame.file() {
        shared.tallies.taps.note(original, again);
    }
    let oddity = Oddity::DoubleFrame { first: original.frame, again: again.frame };
    let span = Span::single(original).join(Span::single(again));
    shared.anomalies.odd(oddity.within(span).sent(flow, direction));
}

// Rationale: duplicates of SPAN ports and of `-i any` follow within a few packets; 384 bytes.
const LEAST: usize = 16;
// Rationale: less than the shortest retransmission timeout in use (200 ms), so that a retransmission is none.
const DOUBLE_NS: u64 = 50_000_000;
// Rationale: days later it is another packet.
const TAPS_APART_NS: u64 = CLOCKS_APART_NS.unsigned_abs();

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ends::{FrameId, Timestamp};

    fn at(file: u16, frame: u64, ms: i64) -> At {
        At { time: Timestamp(ms * 1_000_000), frame: FrameId::new(file, frame) }
    }

    fn mark(number: u32, sure: bool) -> Mark {
        Mark { value: u64::from(number), sure, number }
    }

    #[test]
    fn a_copy_is_found_with_its_original_and_a_third_one_with_the_first() {
        let mut duplicates = Duplicates::new(false);
        assert_eq!(duplicates.original(mark(7, true), at(0, 1, 0), FLOW_COPY_MARKS), None);
        for frame in [2, 3] {
            assert_eq!(duplicates.original(mark(7, true), at(0, frame, 0), FLOW_COPY_MARKS), Some(at(0, 1, 0)));
        }
    }

    #[test]
    fn what_may_have_been_sent_again_counts_as_a_copy_only_for_a_moment_or_in_another_file() {
        let mut duplicates = Duplicates::new(false);
        duplicates.original(mark(7, false), at(0, 1, 0), FLOW_COPY_MARKS);
        assert_eq!(duplicates.original(mark(7, false), at(0, 2, 200), FLOW_COPY_MARKS), None);
        assert!(duplicates.original(mark(7, false), at(0, 3, 210), FLOW_COPY_MARKS).is_some());
        assert!(duplicates.original(mark(7, false), at(1, 1, 900), FLOW_COPY_MARKS).is_some());
    }

    #[test]
    fn what_comes_again_more_than_a_minute_later_is_no_copy() {
        for (file, sure) in [(0, true), (1, true), (1, false)] {
            let mut duplicates = Duplicates::new(true);
            duplicates.original(mark(7, sure), at(0, 1, 0), FLOW_COPY_MARKS);
            assert_eq!(
                duplicates.original(mark(7, sure), at(file, 2, 60_001), FLOW_COPY_MARKS),
                None,
                "{file} {sure}"
            );
            assert!(duplicates.original(mark(7, sure), at(file, 3, 60_010), FLOW_COPY_MARKS).is_some());
        }
    }

    #[test]
    fn copies_far_behind_are_found_once_the_capacity_has_grown_and_it_stays_bounded() {
        for behind in [4, 300, 5_000] {
            let (mut duplicates, mut found) = (Duplicates::new(false), 0);
            for n in 0..20_000_u32 {
                duplicates.original(mark(n, true), at(0, u64::from(n) + 1, 0), FLOW_COPY_MARKS);
                if let Some(copy) = n.checked_sub(behind) {
                    let original =
                        duplicates.original(mark(copy, true), at(1, u64::from(copy) + 1, 0), FLOW_COPY_MARKS);
                    assert!(original.is_none_or(|original| original == at(0, u64::from(copy) + 1, 0)));
                    found += u32::from(original.is_some());
                }
            }
            let expected = if behind < 1_000 { 19_000..20_000 } else { 0..1 };
            assert!(expected.contains(&found), "{behind}: {found}");
            assert!(duplicates.kept.len() <= FLOW_COPY_MARKS);
        }
    }

    #[test]
    fn a_stream_that_jumps_back_is_taken_as_new_again() {
        let mut duplicates = Duplicates::new(false);
        duplicates.original(mark(1 << 30, true), at(0, 1, 0), FLOW_COPY_MARKS);
        for n in 0..2_000 {
            assert_eq!(duplicates.original(mark(n, true), at(0, u64::from(n) + 2, 0), FLOW_COPY_MARKS), None);
        }
        assert_eq!(duplicates.highest, Some(1_999));
    }
}
