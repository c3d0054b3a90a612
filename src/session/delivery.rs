//! Which captured payload the receiver's transport confirmed.

use std::collections::VecDeque;

/// Payload of one direction on its way.
///
/// # Invariants
/// - The waiting ranges ascend in order of arrival and are not empty; none ends before what is confirmed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Delivery {
    /// Stream ranges of captured payload that was not confirmed yet.
    waiting: VecDeque<(u64, u64)>,
    upto: u64,
    acknowledged: u64,
}

impl Delivery {
    /// Captured payload stands at `from..to` of the stream.
    pub(crate) fn payload(&mut self, from: u64, to: u64) {
        match self.waiting.back_mut() {
            Some(last) if last.1 == from => last.1 = to,
            _ => self.waiting.push_back((from, to)),
        }
    }

    /// All bytes before `upto` arrived.
    pub(crate) fn acknowledge(&mut self, upto: u64) {
        self.upto = self.upto.max(upto);
        self.settle();
    }

    /// The bytes `from..to` arrived, though some before them did not (selective acknowledgement).
    pub(crate) fn acknowledge_range(&mut self, from: u64, to: u64) {
        let mut kept = VecDeque::with_capacity(self.waiting.len());
        for (start, end) in self.waiting.drain(..) {
            let (low, high) = (start.max(from), end.min(to));
            if low >= high {
                kept.push_back((start, end));
                continue;
            }
            self.acknowledged += high - low;
            kept.extend([(start, low), (high, end)].into_iter().filter(|(start, end)| start < end));
        }
        self.waiting = kept;
    }

    /// Captured payload bytes that were confirmed so far.
    pub(crate) fn acknowledged(&mut self) -> u64 {
        self.settle();
        self.acknowledged
    }

    fn settle(&mut self) {
        while let Some((from, to)) = self.waiting.front_mut() {
            if *from >= self.upto {
                break;
            }
            let upto = self.upto.min(*to);
            self.acknowledged += upto - *from;
            *from = upto;
            if *from < *to {
                break;
            }
            self.waiting.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payload_is_confirmed_in_any_order_of_payload_and_acknowledgement() {
        let mut delivery = Delivery::default();
        delivery.acknowledge(50);
        delivery.payload(0, 100);
        delivery.payload(120, 140);
        assert_eq!(delivery.acknowledged(), 50);
        delivery.acknowledge_range(90, 130);
        assert_eq!(delivery.acknowledged(), 70);
        delivery.acknowledge(1_000);
        assert_eq!(delivery.acknowledged(), 120);
    }
}
