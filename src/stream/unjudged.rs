//! Packets whose acknowledgements cannot be judged yet, as nothing is known of the numbers of the other end.
//!
//! Where that stays so, as one direction alone was captured, these acknowledgements are all that tells of its numbers. Nobody
//! takes back what he acknowledged: of packets that contradict each other the fewer are not of who sent the rest.

use std::cmp::Reverse;

use super::path::{Noted, Number, Place};
use crate::limits::UNJUDGED_PACKETS;

/// The packets of one direction, in runs that acknowledge about the same; without any it allocates nothing.
///
/// # Invariants
/// - At most [`UNJUDGED_PACKETS`] runs, so that the bits of [`Run::against`] suffice.
#[derive(Clone, Debug)]
pub(super) struct Unjudged<N, P> {
    runs: Vec<Run<N, P>>,
    /// The run of the packet before.
    latest: Option<usize>,
    /// A number that was acknowledged of late, and its place among all: numbers wrap.
    about: Option<(N, i64)>,
}

/// A packet, as far as it tells of the numbers of the other end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent<N, P> {
    /// The first and the last place that it takes.
    pub(super) places: (P, P),
    /// True if it carries data.
    pub(super) data: bool,
    /// True if it opens the connection: what it acknowledges is where the other end begins.
    pub(super) opens: bool,
    /// The number that it acknowledges.
    pub(super) ack: Option<N>,
}

/// Packets that acknowledge about the same.
#[derive(Clone, Copy, Debug)]
struct Run<N, P> {
    /// The highest number.
    ack: Option<N>,
    /// The places of the lowest and the highest number among all; `None` without any, or for packets that are too many to be
    /// kept apart.
    acks: Option<(i64, i64)>,
    /// The lowest place of all.
    first: P,
    /// The first and the last place of those with data.
    places: Option<(P, P)>,
    packets: u32,
    /// By bit, the runs of which a packet stands before one of these, although it acknowledges more.
    against: u64,
}

impl<N, P> Default for Unjudged<N, P> {
    fn default() -> Self {
        Self { runs: Vec::new(), latest: None, about: None }
    }
}

impl<N: Number, P: Place> Unjudged<N, P> {
    pub(super) fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// Notes a packet.
    #[cold]
    pub(super) fn note(&mut self, sent: &Sent<N, P>) -> Noted<P> {
        let Sent { places: (first, last), data, opens, ack } = *sent;
        let before = self.latest;
        let behind = before.and_then(|before| self.runs.get(before)?.places).map(|(_, last)| last);
        let at = ack.map(|ack| self.about.map_or(0, |(about, at)| at.saturating_add(ack.away(about))));
        let largest = self.largest();
        let Some(index) = self.run_of(at, largest, first) else { return Noted::WithOthers };
        self.latest = Some(index);
        if largest.is_none_or(|largest| largest == index) {
            self.about = ack.zip(at);
        }
        let mut against = 0;
        for (other, run) in self.runs.iter().enumerate().filter(|(other, _)| *other != index) {
            if at.zip(run.acks).is_some_and(|(at, (lowest, _))| at < lowest) && first.away(run.first) >= 0 {
                against |= 1_u64 << other;
            }
        }
        let Some(run) = self.runs.get_mut(index) else { return Noted::WithOthers };
        run.against |= against;
        run.packets = run.packets.saturating_add(if opens { OPENS } else { 1 });
        if let Some((_, highest)) = &mut run.acks
            && let Some(at) = at.filter(|at| at >= highest)
        {
            (*highest, run.ack) = (at, ack);
        }
        if first.away(run.first) < 0 {
            run.first = first;
        }
        if !data {
            return Noted::WithOthers;
        }
        let alone = before != Some(index) || run.places.is_none();
        run.places = match run.places {
            Some((from, to)) => {
                Some((if first.away(from) < 0 { first } else { from }, if last.away(to) > 0 { last } else { to }))
            }
            None => Some((first, last)),
        };
        if alone { Noted::Alone { behind } } else { Noted::WithOthers }
    }

    fn largest(&self) -> Option<usize> {
        (0..self.runs.len()).min_by_key(|index| Reverse(self.runs.get(*index).map(|run| run.packets)))
    }

    /// The run of a packet: the largest one or the latest one, whichever it goes on from by less, or a new one.
    fn run_of(&mut self, at: Option<i64>, largest: Option<usize>, first: P) -> Option<usize> {
        let goes_on = |index: &usize| {
            self.runs.get(*index).is_some_and(|run| match (run.acks, at) {
                (Some((lowest, highest)), Some(at)) => (lowest..=highest.saturating_add(N::STEP)).contains(&at),
                (acks, at) => acks.is_none() && at.is_none(),
            })
        };
        let step = |index: &usize| {
            let highest = self.runs.get(*index).and_then(|run| run.acks).map(|(_, highest)| highest);
            at.zip(highest).map(|(at, highest)| at.saturating_sub(highest).max(0))
        };
        let known = [largest, self.latest].into_iter().flatten().filter(goes_on).min_by_key(step);
        if known.is_some() {
            return known;
        }
        if self.runs.len() >= UNJUDGED_PACKETS {
            self.join();
        }
        if self.runs.len() < UNJUDGED_PACKETS {
            let acks = at.map(|at| (at, at));
            self.runs.push(Run { ack: None, acks, first, places: None, packets: 0, against: 0 });
        } else if let Some(last) = self.runs.last_mut() {
            // Whoever sends more kinds of acknowledgements than are kept is in doubt as a whole.
            (last.ack, last.acks) = (None, None);
        }
        self.runs.len().checked_sub(1)
    }

    /// Makes one run of two where a third goes on from both.
    fn join(&mut self) {
        let ascends = |one: &Run<N, P>, next: &Run<N, P>| {
            one.acks.zip(next.acks).is_some_and(|((_, highest), (lowest, _))| lowest > highest)
        };
        let mut joined: Vec<Run<N, P>> = Vec::new();
        for (index, run) in self.runs.iter().enumerate() {
            let goes_on = self.runs.get(index + 1).is_some_and(|next| ascends(run, next));
            match joined.last_mut().filter(|last| goes_on && ascends(last, run)) {
                Some(last) => {
                    last.ack = run.ack;
                    last.acks = last.acks.zip(run.acks).map(|((lowest, _), (_, highest))| (lowest, highest));
                    last.places = match (last.places, run.places) {
                        (Some((from, _)), Some((_, to))) => Some((from, to)),
                        (one, other) => one.or(other),
                    };
                    last.packets = last.packets.saturating_add(run.packets);
                }
                None => joined.push(Run { against: 0, ..*run }),
            }
        }
        (self.runs, self.latest) = (joined, None);
        let largest = self.largest().and_then(|largest| self.runs.get(largest));
        if let Some((Some(ack), Some((_, highest)))) = largest.map(|run| (run.ack, run.acks)) {
            self.about = Some((ack, highest));
        }
    }

    /// Lets go of packets whose highest acknowledgement `fits`.
    #[cold]
    pub(super) fn acquit(&mut self, fits: impl Fn(Option<N>) -> bool) {
        self.runs.retain(|run| !fits(run.ack));
        self.runs.iter_mut().for_each(|run| run.against = 0);
        self.latest = None;
    }

    /// The places of the packets with data that are left.
    pub(super) fn places(self) -> Vec<(P, P)> {
        self.runs.into_iter().filter_map(|run| run.places).collect()
    }

    /// The places of packets with data that acknowledge what none of the others does, by these alone: most packets that do not
    /// contradict each other tell which numbers the other end used.
    pub(super) fn contradicting(self) -> Vec<(P, P)> {
        let runs = &self.runs;
        let is_against = |one: usize, other: usize| runs.get(one).is_some_and(|run| run.against >> other & 1 == 1);
        let mut rest: Vec<(usize, (i64, i64))> =
            runs.iter().enumerate().filter_map(|(index, run)| Some((index, run.acks?))).collect();
        rest.sort_by_key(|(index, _)| Reverse(runs.get(*index).map(|run| run.packets)));
        let (mut used, mut accepted): (Option<(i64, i64)>, Vec<usize>) = (None, Vec::new());
        // The next largest that is near what the others acknowledge.
        while let Some(place) = rest.iter().position(|(index, (low, high))| {
            used.is_none_or(|(lowest, highest)| low - highest <= N::NEAR && lowest - high <= N::NEAR)
                && !accepted.iter().any(|other| is_against(*index, *other) || is_against(*other, *index))
        }) {
            let (index, (low, high)) = rest.remove(place);
            accepted.push(index);
            used = Some(used.map_or((low, high), |(lowest, highest)| (lowest.min(low), highest.max(high))));
        }
        let Some((lowest, highest)) = used else { return Vec::new() };
        let suspects = rest.iter().filter(|(_, (low, high))| *low < lowest || *high > highest);
        suspects.filter_map(|(index, _)| runs.get(*index)?.places).collect()
    }
}

// Rationale: more than any number of other packets: an opening is what a connection begins with.
const OPENS: u32 = 1 << 24;

const _: () = assert!(UNJUDGED_PACKETS <= u64::BITS as usize);

#[cfg(test)]
mod tests {
    use super::*;

    /// The places of those that the others contradict, of packets with data at 10, 20, 30 and so on.
    fn contradicting<N: Number>(acks: impl IntoIterator<Item = N>) -> Vec<u32> {
        let mut unjudged: Unjudged<N, u32> = Unjudged::default();
        for (place, ack) in (1..).zip(acks) {
            let sent = Sent { places: (10 * place, 10 * place + 9), data: true, opens: false, ack: Some(ack) };
            unjudged.note(&sent);
        }
        assert!(unjudged.runs.len() <= UNJUDGED_PACKETS);
        unjudged.contradicting().into_iter().flat_map(|(first, last)| (first / 10)..=(last / 10)).collect()
    }

    #[test]
    fn what_is_behind_or_ahead_of_what_most_packets_acknowledge_contradicts_them() {
        for (wrong, place) in [(90_000_000_u32, 4), (6_000, 4), (6, 4), (900_000_000, 1), (900_000_000, 2), (6, 2)]
        {
            let mut acks = vec![1_000_u32, 1_017, 1_034, 1_051, 1_068, 1_085];
            acks.insert(place, wrong);
            assert_eq!(contradicting(acks), [place as u32 + 1], "{wrong} at {place}");
        }
        assert_eq!(contradicting([1_000_u32, 1_017, 6, 6, 1_034, 1_051]), [3, 4]);
    }

    #[test]
    fn acknowledgements_that_grow_contradict_nothing_however_they_grow_and_wrap() {
        assert_eq!(
            contradicting((0..500_u32).map(|n| 4_290_000_000_u32.wrapping_add(n * 60_000))),
            Vec::<u32>::new()
        );
        assert_eq!(contradicting((0..9_000_u32).map(|n| (n * 40) as u16)), Vec::<u32>::new());
        // Captured out of order.
        assert_eq!(contradicting([1_000_u32, 1_034, 1_017, 50_000, 50_017, 50_034]), Vec::<u32>::new());
    }

    #[test]
    fn an_opening_counts_more_than_what_follows() {
        let mut unjudged: Unjudged<u32, u32> = Unjudged::default();
        let sent = |place: u32, ack: u32, opens: bool| Sent {
            places: (place, place + 9),
            data: !opens,
            opens,
            ack: Some(ack),
        };
        unjudged.note(&sent(0, 1_000, true));
        (1..9).for_each(|place| _ = unjudged.note(&sent(10 * place, 900, false)));
        assert_eq!(unjudged.contradicting(), [(10, 89)]);
    }
}
