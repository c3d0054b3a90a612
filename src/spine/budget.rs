//! The budget that the streams of a run share: slices that were delivered, slices that wait, and marks by which
//! copies are recognised.

use crate::Limits;
use crate::limits::{LEAST_HISTORY, LEAST_WAITING};
use crate::stream::StreamLimits;

/// How much each direction of a stream may hold, given what all of them do.
#[derive(Debug)]
pub(super) struct StreamBudget {
    /// The bounds of a direction while there are few streams.
    most: StreamLimits,
    /// The bounds of a direction now.
    now: StreamLimits,
    /// How many packets it may remember now, to recognise their copies.
    copies: usize,
    history_slices: usize,
    waiting_slices: usize,
    copy_marks: usize,
    holes: usize,
    /// True if packets may be there twice, and longer the second time.
    longer_copies: bool,
    /// Streams that are read.
    streams: usize,
    /// Slices that wait in them.
    waiting: usize,
}

impl StreamBudget {
    pub(super) fn new(limits: &Limits) -> Self {
        let most = StreamLimits::from(limits);
        let &Limits { history_slices, waiting_slices, copy_marks, late_segments, .. } = limits;
        Self {
            most,
            now: most,
            copies: copy_marks,
            history_slices,
            waiting_slices,
            copy_marks,
            holes: late_segments,
            longer_copies: false,
            streams: 0,
            waiting: 0,
        }
    }

    /// Says that packets may be there twice, and longer the second time.
    pub(super) fn expect_longer_copies(&mut self) {
        self.longer_copies = true;
    }

    /// Returns true if a longer copy is waited for where the snap length cut a packet: not before holes are given
    /// up early for it.
    #[inline]
    pub(super) fn awaits_longer_copies(&self) -> bool {
        self.longer_copies && self.waiting < self.waiting_slices / 2
    }

    /// The bounds of each direction now.
    #[inline]
    pub(super) fn now(&self) -> &StreamLimits {
        &self.now
    }

    /// How many packets each direction may remember now, to recognise their copies.
    #[inline]
    pub(super) fn copies(&self) -> usize {
        self.copies
    }

    /// A stream begins to be read.
    pub(super) fn begin(&mut self) {
        self.streams += 1;
        self.share();
    }

    /// A stream is not read any more.
    pub(super) fn end(&mut self) {
        self.streams = self.streams.saturating_sub(1);
        self.share();
    }

    /// Where `before` slices of a flow waited, `now` do.
    #[inline]
    pub(super) fn wait(&mut self, before: &mut usize, now: usize) {
        if *before != now {
            self.waiting = (self.waiting + now).saturating_sub(*before);
            *before = now;
            self.share();
        }
    }

    fn share(&mut self) {
        let directions = (2 * self.streams).max(1);
        self.copies = self.copy_marks / directions;
        let share = u32::try_from(self.history_slices / directions).unwrap_or(u32::MAX);
        self.now.history_segments = share.max(LEAST_HISTORY).min(self.most.history_segments);
        self.now.holes = u32::try_from(self.holes / directions).unwrap_or(u32::MAX).max(LEAST_HISTORY);
        let crowded = self.waiting >= self.waiting_slices;
        self.now.pending_segments =
            if crowded { self.most.pending_segments.min(LEAST_WAITING) } else { self.most.pending_segments };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        Limits { history_slices: 8_000, waiting_slices: 1_000, copy_marks: 20_000, ..Limits::default() }
    }

    #[test]
    fn what_is_kept_is_shared_by_all_streams_down_to_a_few_slices() {
        let mut budget = StreamBudget::new(&limits());
        let mut kept = vec![budget.now().history_segments];
        for _ in 0..400 {
            budget.begin();
            kept.push(budget.now().history_segments);
        }
        assert_eq!(
            [kept[0], kept[1], kept[3], kept[4], kept[100], kept[400]],
            [1_024, 1_024, 1_024, 1_000, 40, 16]
        );
        (0..300).for_each(|_| budget.end());
        assert_eq!((budget.now().history_segments, budget.copies()), (40, 100));
        assert_eq!(budget.now().pending_segments, 16_384);
    }

    #[test]
    fn where_many_slices_wait_a_direction_may_add_few() {
        let mut budget = StreamBudget::new(&limits());
        let [mut one, mut other] = [0, 0];
        budget.wait(&mut one, 600);
        budget.wait(&mut other, 399);
        assert_eq!(budget.now().pending_segments, 16_384);
        budget.wait(&mut other, 400);
        assert_eq!((one, other, budget.now().pending_segments), (600, 400, 8));
        budget.wait(&mut one, 0);
        assert_eq!((one, budget.waiting, budget.now().pending_segments), (0, 400, 16_384));
    }
}
