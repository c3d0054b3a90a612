//! Later packets of a sender, and how far it had sent by what they say.
//!
//! A packet without data has the number of what its sender sends next, or of what it sent last. Whoever acknowledges more than he
//! did with his furthest bytes, and stands before these, does not know of them: somebody else sent them in his name. What is
//! sent again has old numbers, too, but carries data.

use super::path::{Number, Place};
use super::unjudged::Sent;

/// The furthest bytes of a direction, and the packets behind them that stand before them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stands<N, P> {
    /// The last place of the furthest bytes, and what their packet acknowledges.
    furthest: Option<(P, N)>,
    /// The lowest place of packets that do not know of those.
    before: Option<P>,
}

// Not derived: that would ask for defaults of both.
impl<N, P> Default for Stands<N, P> {
    fn default() -> Self {
        Self { furthest: None, before: None }
    }
}

impl<N: Number, P: Place> Stands<N, P> {
    /// Notes a packet. Of two, that one is the later which acknowledges more, in whatever order they were captured.
    #[inline]
    pub(super) fn note(&mut self, sent: &Sent<N, P>) {
        let Sent { places: (first, last), data, opens: false, ack: Some(ack) } = *sent else { return };
        let ahead = self.furthest.is_none_or(|(end, _)| last.away(end) > 0);
        let Some((end, acknowledged)) = self.furthest.filter(|_| !(data && ahead)) else {
            if data {
                *self = Self { furthest: Some((last, ack)), before: None };
            }
            return;
        };
        if data {
            // Whoever sends it again knows of it.
            self.before = self.before.filter(|before| last.away(*before) <= N::PROBE);
        } else if first.away(end) < -N::PROBE && ack.away(acknowledged) > 0 {
            self.before = self.before.filter(|before| before.away(first) <= 0).or(Some(first));
        }
    }

    /// The first and the last place of the bytes that their sender does not know of, now that nothing follows.
    pub(super) fn contradicted(&self) -> Option<(P, P)> {
        Some((self.before?, self.furthest?.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The places that are contradicted after these packets: first number, length, acknowledgement.
    fn after(packets: &[(u32, u32, u32)]) -> Option<(u32, u32)> {
        let mut stands = Stands::<u32, u32>::default();
        for (first, len, ack) in packets {
            let places = (*first, first.wrapping_add(*len));
            stands.note(&Sent { places, data: *len > 0, opens: false, ack: Some(*ack) });
        }
        stands.contradicted()
    }

    #[test]
    fn a_later_packet_that_stands_before_bytes_contradicts_them_until_their_sender_goes_on() {
        let sent = [(100, 50, 7), (150, 80, 8), (230, 20, 8)];
        let with = |more: &[(u32, u32, u32)]| after(&[&sent[..], more].concat());
        assert_eq!(with(&[(150, 0, 9)]), Some((150, 250)));
        assert_eq!(with(&[(150, 0, 9), (170, 0, 10), (250, 0, 3)]), Some((150, 250)));
        assert_eq!(with(&[(250, 0, 9)]), None, "it stands behind them");
        assert_eq!(with(&[(150, 0, 8)]), None, "it may have been sent before them");
        assert_eq!(with(&[(249, 0, 9)]), None, "it asks whether the other end is there");
        assert_eq!(with(&[(150, 80, 9)]), None, "it is sent again");
        assert_eq!(with(&[(150, 0, 9), (250, 9, 9)]), None, "the sender went on");
        assert_eq!(with(&[(150, 0, 9), (150, 80, 9)]), None, "the sender sent them again");
        assert_eq!(after(&[(150, 0, 9)]), None);
    }

    #[test]
    fn numbers_that_wrap_are_as_near_as_others() {
        assert_eq!(after(&[(u32::MAX - 9, 20, u32::MAX), (u32::MAX - 9, 0, 3)]), Some((u32::MAX - 9, 10)));
    }

    #[test]
    fn of_packets_that_are_numbered_one_without_data_may_have_the_number_of_the_last_or_of_the_next() {
        let after = |number: u64| {
            let mut stands = Stands::<u16, u64>::default();
            for (number, data, ack) in [(70_000, true, 65_535), (70_001, true, 65_535), (number, false, 2)] {
                stands.note(&Sent { places: (number, number), data, opens: false, ack: Some(ack) });
            }
            stands.contradicted()
        };
        assert_eq!((after(70_002), after(70_001)), (None, None));
        assert_eq!(after(70_000), Some((70_000, 70_001)));
    }
}
