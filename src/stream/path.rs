//! The return path: whether the packets of an end show that it received what the other end sent.
//!
//! Anybody can send packets with another's source address, but who does so without seeing the answers does not know the
//! numbers in them. An end is *confirmed* when it acknowledges a number that the other end used. A packet whose
//! acknowledgement no packet of the other end can have caused is not that of who really received them.

use super::stands::Stands;
use super::unjudged::{Sent, Unjudged};
use crate::ends::{At, Direction};

/// The place of a packet in the numbers of its direction.
pub(super) trait Place: Copy {
    /// How far it is from `other`, in the half of the number space around that where it wraps.
    fn away(self, other: Self) -> i64;
}

/// A number of a packet, which wraps.
pub(super) trait Number: Place {
    /// No window is larger.
    const REACH: i64;
    /// A number that is further from all that a direction used is not of that direction.
    const NEAR: i64;
    /// Acknowledgements that follow one another differ by less.
    const STEP: i64;
    /// So far before what its sender sends next a packet without data may stand.
    const PROBE: i64;
}

impl Place for u32 {
    fn away(self, other: Self) -> i64 {
        i64::from(self.wrapping_sub(other) as i32)
    }
}

impl Number for u32 {
    // Rationale: RFC 7323, section 2.3: no window exceeds 2^30 bytes.
    const REACH: i64 = 1 << 30;
    // Rationale: more than the windows that BitTorrent clients use; a random number falls within it once in 128.
    const NEAR: i64 = 16 << 20;
    // Rationale: some hundred requests, which is what a peer sends between two packets that it receives.
    const STEP: i64 = 4_096;
    // Rationale: RFC 9293, section 3.8.4: who asks whether the other end is there does so by one number before the next.
    const PROBE: i64 = 1;
}

impl Place for u16 {
    fn away(self, other: Self) -> i64 {
        i64::from(self.wrapping_sub(other) as i16)
    }
}

impl Number for u16 {
    // Rationale: as many packets as a window of uTP holds at most; garbage is as near once in 8.
    const REACH: i64 = 8_192;
    // Rationale: a whole window may be unacknowledged.
    const NEAR: i64 = 4_096;
    // Rationale: a peer sends few packets between two that it receives.
    const STEP: i64 = 16;
    // Rationale: a packet without data has the number of the last one with data in some clients, of the next one in others.
    const PROBE: i64 = 0;
}

/// The number of a packet of uTP, unwrapped.
impl Place for u64 {
    fn away(self, other: Self) -> i64 {
        self.wrapping_sub(other) as i64
    }
}

/// How a packet was noted whose acknowledgement cannot be judged yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Noted<P> {
    /// It can be judged.
    Judged,
    /// With the packets before it: they acknowledge about the same.
    WithOthers,
    /// As the first of others; `behind` the last place of those before it, if there were any.
    Alone {
        /// The last place before.
        behind: Option<P>,
    },
}

/// The evidence that the acknowledgement of a packet gives about its sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ack {
    /// It names a number that the other end used, or may have used before the capture began.
    Fits,
    /// It names one that the other end had not used by then.
    Ahead,
    /// It names one that the other end can never have used, or none.
    Impossible,
}

/// The evidence that each direction of a connection gives of having received the other one; `P` is the place of a packet
/// in its direction.
#[derive(Clone, Debug)]
pub(super) struct ReturnPath<N, P = N> {
    used: [Used<N>; 2],
    /// Packets of each direction that came before any of the other one, with their acknowledgements, until that used what they
    /// name: small while there are none, and of neighbours one.
    unjudged: [Option<Box<Unjudged<N, P>>>; 2],
    /// How far each direction knows that it sent, once one sent data.
    stands: Option<Box<[Stands<N, P>; 2]>>,
    /// The latest acknowledgement that named nothing known, and when.
    named: [Option<(N, At)>; 2],
    /// True if packets of the direction acknowledge a number that the other one used.
    pub(super) confirmed: [bool; 2],
    /// True if a packet of the direction was captured.
    pub(super) present: [bool; 2],
}

// Not derived: that would ask for `P: Default`.
impl<N: Number, P> Default for ReturnPath<N, P> {
    fn default() -> Self {
        Self {
            used: [Used::default(); 2],
            unjudged: [None, None],
            stands: None,
            named: [None; 2],
            confirmed: [false; 2],
            present: [false; 2],
        }
    }
}

/// The numbers that one direction used: those in which most of its packets agree, and others from far away. One packet tells
/// nothing against many, whichever came first: anybody can send one.
#[derive(Clone, Copy, Debug)]
struct Used<N> {
    most: Numbers<N>,
    rival: Numbers<N>,
}

/// Numbers that belong together: the highest, and how many before it.
#[derive(Clone, Copy, Debug)]
struct Numbers<N> {
    highest: Option<N>,
    before: i64,
    /// True if the first captured number is the first of all.
    begun: bool,
    packets: u32,
}

impl<N> Default for Numbers<N> {
    fn default() -> Self {
        Self { highest: None, before: 0, begun: false, packets: 0 }
    }
}

impl<N> Default for Used<N> {
    fn default() -> Self {
        Self { most: Numbers::default(), rival: Numbers::default() }
    }
}

impl<N: Number> Used<N> {
    #[inline]
    fn note(&mut self, (first, last, begins): (N, N, bool), reach: i64) {
        if !self.most.take(first, last, begins, reach) {
            self.note_rival(first, last, begins, reach);
        }
    }

    #[cold]
    fn note_rival(&mut self, first: N, last: N, begins: bool, reach: i64) {
        if !self.rival.take(first, last, begins, reach) {
            self.rival = Numbers::default();
            _ = self.rival.take(first, last, begins, reach);
        }
        if self.rival.packets > self.most.packets {
            std::mem::swap(&mut self.most, &mut self.rival);
        }
    }

    /// Returns true if most packets agree, and more than one: anybody can send one.
    #[inline]
    fn is_known(&self) -> bool {
        self.most.packets > self.rival.packets.max(1)
    }

    fn holds(&self, number: N) -> bool {
        self.most.highest.is_some_and(|highest| (0..=self.most.before).contains(&highest.away(number)))
    }
}

impl<N: Number> Numbers<N> {
    /// Takes the numbers of a packet, if they belong to the others: are no more than `reach` from the highest.
    #[inline]
    fn take(&mut self, first: N, last: N, begins: bool, reach: i64) -> bool {
        let Some(highest) = self.highest else {
            *self = Self { highest: Some(last), before: last.away(first), begun: begins, packets: 1 };
            return true;
        };
        let step = last.away(highest);
        if step > reach || step < -reach {
            return false;
        }
        self.packets = self.packets.saturating_add(1);
        self.begun |= begins;
        if step > 0 {
            (self.highest, self.before) = (Some(last), self.before + step);
        }
        let before = self.highest.map_or(0, |highest| highest.away(first));
        self.before = self.before.max(before).min(N::REACH);
        true
    }
}

impl<N: Number, P: Place> ReturnPath<N, P> {
    /// A packet of `direction` came that uses the numbers `first..=last`, unless it is a reset, and acknowledges `ack`: where
    /// that is impossible, the numbers show nothing. `begins`: nothing came before `first`. An acknowledgement that stands before what it names counts for `tolerance`
    /// nanoseconds.
    #[inline]
    pub(super) fn packet(
        &mut self,
        direction: Direction,
        at: At,
        used: Option<(N, N, bool)>,
        ack: Option<N>,
        tolerance: i64,
    ) {
        let (own, other) = (direction.index(), direction.reverse().index());
        self.present[own] = true;
        let blind = ack.is_some() && self.judge(direction, ack) == Ack::Impossible;
        if let Some(used) = used.filter(|(.., begins)| *begins || !blind) {
            // What the other end may have caused may follow a gap of the capture.
            let reach = if self.used[other].is_known() { N::REACH } else { N::NEAR };
            self.used[own].note(used, reach);
            if self.unjudged[other].is_some() {
                self.acquit(direction.reverse());
            }
        }
        if let Some(ack) = ack.filter(|_| !self.confirmed[own]) {
            self.confirmed[own] = self.used[other].holds(ack);
            self.named[own] = Some((ack, at));
        }
        if let Some((ack, since)) = self.named[other].filter(|_| !self.confirmed[other]) {
            let soon = at.time.0.saturating_sub(since.time.0) <= tolerance;
            self.confirmed[other] = soon && self.used[own].holds(ack);
        }
    }

    /// Notes a packet of `direction`: while the numbers of the other end are not known, its acknowledgement is not judged.
    #[inline]
    pub(super) fn carries(&mut self, direction: Direction, sent: &Sent<N, P>) -> Noted<P> {
        if (sent.data || self.stands.is_some()) && self.judge(direction, sent.ack) == Ack::Fits {
            let [low, high] = &mut **self.stands.get_or_insert_default();
            (if direction == Direction::LowToHigh { low } else { high }).note(sent);
        }
        let other = &self.used[direction.reverse().index()];
        // Of one packet it is not known whose it is, unless two agree.
        let is_sure =
            other.is_known() || (other.most.packets > 0 && self.judge_by_all(direction, sent.ack) == Ack::Fits);
        if is_sure { Noted::Judged } else { self.unjudged[direction.index()].get_or_insert_default().note(sent) }
    }

    /// Gives back what it holds of packets that are not judged.
    pub(super) fn give_back(&mut self) {
        (self.unjudged, self.stands) = ([None, None], None);
    }

    /// Lets go of packets of `direction` whose acknowledgements name what the other end uses.
    #[cold]
    fn acquit(&mut self, direction: Direction) {
        let Some(mut unjudged) = self.unjudged[direction.index()].take() else { return };
        unjudged.acquit(|ack| self.judge_by_all(direction, ack) == Ack::Fits);
        self.unjudged[direction.index()] = Some(unjudged).filter(|unjudged| !unjudged.is_empty());
    }

    /// The places of the packets of `direction` that came before any of the other end, and whose acknowledgements name
    /// nothing that it ever used; where nothing of it was captured, by what the others acknowledge.
    pub(super) fn suspects(&mut self, direction: Direction) -> Vec<(P, P)> {
        let is_known = self.used[direction.reverse().index()].most.highest.is_some();
        if is_known {
            self.acquit(direction);
        }
        let unjudged = self.unjudged[direction.index()].take();
        unjudged
            .map_or_else(Vec::new, |unjudged| if is_known { unjudged.places() } else { unjudged.contradicting() })
    }

    /// The first and the last place of bytes of `direction` that its later packets do not know of.
    pub(super) fn contradicted(&self, direction: Direction) -> Option<(P, P)> {
        self.stands.as_deref()?.get(direction.index())?.contradicted()
    }

    /// Returns true if `direction` used `number`.
    pub(super) fn used(&self, direction: Direction, number: N) -> bool {
        self.used[direction.index()].holds(number)
    }

    /// Between which numbers a direction stands, at most: how far its last one is from its first one.
    pub(super) fn moved(&self) -> i64 {
        self.used.iter().map(|used| used.most.before).max().unwrap_or(0)
    }

    /// Judges the acknowledgement in a packet of `direction`. Numbers up to [`Number::NEAR`] before the first captured one may
    /// have been used before the capture began, until the direction acknowledges a captured one.
    #[inline]
    pub(super) fn judge(&self, direction: Direction, ack: Option<N>) -> Ack {
        let is_known = self.used[direction.reverse().index()].is_known();
        if is_known { self.judge_by_all(direction, ack) } else { Ack::Fits }
    }

    /// As [`Self::judge`], also where one packet is all that was captured of the other end.
    fn judge_by_all(&self, direction: Direction, ack: Option<N>) -> Ack {
        let other = &self.used[direction.reverse().index()].most;
        let Some(highest) = other.highest else { return Ack::Fits };
        let Some(ack) = ack else { return Ack::Impossible };
        let back = highest.away(ack);
        let is_known = other.begun || self.confirmed[direction.index()];
        let oldest = if is_known { other.before } else { other.before + N::NEAR };
        match back {
            // A lone number is far more often a FIN that was not captured.
            back if (-1..=oldest).contains(&back) => Ack::Fits,
            back if (-N::NEAR..0).contains(&back) => Ack::Ahead,
            _ => Ack::Impossible,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::checked::at;
    use super::*;

    const S: Direction = Direction::LowToHigh;
    const D: Direction = Direction::HighToLow;
    const SECOND: i64 = 1_000_000_000;

    /// A connection whose receiver used the numbers 1,000 to 2,000.
    fn path(begins: bool) -> ReturnPath<u32> {
        let mut path = ReturnPath::default();
        path.packet(D, at(1), Some((1_000, 1_500, begins)), None, SECOND);
        path.packet(D, at(2), Some((1_400, 2_000, false)), None, SECOND);
        path
    }

    #[test]
    fn only_a_number_that_the_other_end_used_confirms() {
        for (ack, confirmed) in [(1_000, true), (2_000, true), (999, false), (2_001, false), (3_000_000_000, false)]
        {
            let mut path = path(true);
            path.packet(S, at(3), Some((7, 7, false)), Some(ack), SECOND);
            assert_eq!(path.confirmed[S.index()], confirmed, "{ack}");
            assert!(!path.confirmed[D.index()]);
        }
    }

    #[test]
    fn an_acknowledgement_before_what_it_names_confirms_within_the_tolerance() {
        for (frame, confirmed) in [(1_000, true), (1_004, false)] {
            let mut path = path(true);
            path.packet(S, at(3), Some((7, 7, false)), Some(2_100), SECOND);
            path.packet(D, at(frame), Some((2_000, 2_100, false)), None, SECOND);
            assert_eq!(path.confirmed[S.index()], confirmed, "{frame}");
        }
    }

    #[test]
    fn what_was_never_used_is_impossible_and_what_comes_next_is_ahead() {
        let near = u32::NEAR as u32;
        let table = [
            (true, Some(1_000), Ack::Fits),
            (true, Some(2_001), Ack::Fits),
            (true, Some(2_002), Ack::Ahead),
            (true, Some(2_000 + near), Ack::Ahead),
            (true, Some(2_001 + near), Ack::Impossible),
            (true, Some(999), Ack::Impossible),
            (false, Some(999), Ack::Fits),
            (false, Some(1_000_u32.wrapping_sub(near)), Ack::Fits),
            (false, Some(999_u32.wrapping_sub(near)), Ack::Impossible),
            (true, None, Ack::Impossible),
        ];
        for (begins, ack, judged) in table {
            assert_eq!(path(begins).judge(S, ack), judged, "{begins} {ack:?}");
        }
        assert_eq!(ReturnPath::<u32>::default().judge(S, Some(5)), Ack::Fits);
    }

    #[test]
    fn a_packet_with_an_impossible_acknowledgement_shows_no_number_of_its_end() {
        for ahead in [200_000_000, 5_000_u32.wrapping_neg(), 20 << 20] {
            let mut path = path(true);
            (0..2).for_each(|_| path.packet(S, at(3), Some((7, 7, true)), Some(2_000), SECOND));
            let blind = 2_000_u32.wrapping_add(ahead);
            path.packet(D, at(4), Some((blind, blind + 9, false)), Some(900_000_000), SECOND);
            assert!(!path.used(D, blind), "{ahead}");
            assert_ne!(path.judge(S, Some(blind)), Ack::Fits, "{ahead}");
            path.packet(D, at(5), Some((2_001, 2_100, false)), Some(7), SECOND);
            assert!(path.used(D, 2_100));
        }
    }

    #[test]
    fn old_acknowledgements_fit_only_until_a_captured_number_was_acknowledged() {
        let mut path = path(false);
        assert_eq!(path.judge(S, Some(900)), Ack::Fits);
        path.packet(S, at(3), Some((7, 7, false)), Some(1_400), SECOND);
        assert_eq!((path.judge(S, Some(900)), path.judge(S, Some(1_100))), (Ack::Impossible, Ack::Fits));
    }

    /// A packet with data.
    fn sent<N, P>(places: (P, P), ack: Option<N>) -> Sent<N, P> {
        Sent { places, data: true, opens: false, ack }
    }

    #[test]
    fn what_came_before_the_other_end_is_judged_at_the_end() {
        let mut path: ReturnPath<u32> = ReturnPath::default();
        for (first, ack) in
            [(10, Some(1_000)), (20, Some(1_100)), (30, Some(90_000_000)), (40, Some(1_200)), (50, None)]
        {
            path.carries(S, &sent((first, first + 9), ack));
        }
        assert_eq!(path.clone().suspects(S), [(30, 39)], "nothing is known of the other end but by the others");
        path.packet(D, at(9), Some((1_000, 1_500, true)), None, SECOND);
        path.packet(D, at(9), Some((1_500, 2_000, false)), None, SECOND);
        assert_eq!(path.carries(S, &sent((60, 69), Some(7))), Noted::Judged);
        assert_eq!(path.suspects(S), [(30, 39), (50, 59)]);
        assert_eq!(path.suspects(S), []);
    }

    #[test]
    fn what_the_other_end_used_long_before_its_last_number_acquits() {
        let mut path: ReturnPath<u16, u64> = ReturnPath::default();
        let mut carries = |number, ack| path.carries(S, &sent((number, number), Some(ack)));
        assert_eq!(carries(70_000, 5), Noted::Alone { behind: None });
        assert_eq!(carries(70_001, 9), Noted::WithOthers);
        assert_eq!(carries(70_002, 31_000), Noted::Alone { behind: Some(70_001) });
        assert_eq!(carries(140_000, 20), Noted::Alone { behind: Some(70_002) });
        for number in 1..30_000 {
            path.packet(D, at(9), Some((number, number, number == 1)), None, SECOND);
        }
        assert_eq!(path.suspects(S), [(70_002, 70_002)]);
    }

    #[test]
    fn one_packet_from_far_away_tells_nothing_against_many_whichever_came_first() {
        for first in [true, false] {
            let mut path: ReturnPath<u32> = ReturnPath::default();
            let blind = |path: &mut ReturnPath<u32>| path.packet(D, at(1), Some((9, 9, true)), None, SECOND);
            if first {
                blind(&mut path);
            }
            (0..3).for_each(|n| {
                path.packet(D, at(2), Some((3_000_000_000 + n, 3_000_000_000 + n, false)), None, SECOND)
            });
            if !first {
                blind(&mut path);
            }
            path.packet(S, at(3), None, Some(9), SECOND);
            assert!(!path.confirmed[S.index()], "{first}");
            path.packet(S, at(4), None, Some(3_000_000_001), SECOND);
            assert!(path.confirmed[S.index()], "{first}");
        }
    }

    #[test]
    fn numbers_wrap() {
        let mut path: ReturnPath<u16> = ReturnPath::default();
        path.packet(D, at(1), Some((65_530, 65_530, true)), None, SECOND);
        for number in 65_531..65_536 + 20_000_u32 {
            let number = number as u16;
            path.packet(D, at(2), Some((number, number, false)), None, SECOND);
        }
        assert!(path.used(D, 19_999) && path.used(D, 19_999 - 8_192) && !path.used(D, 65_530));
        assert!(!path.used(D, 20_000));
    }
}
