//! Finding the next record after a damaged one.
//!
//! A capture may hold other captures as payload (somebody downloads one), so a few records in a row prove nothing:
//! they may be somebody else's, inside one frame. A place is believed only when the records from there chain over
//! more bytes than any frame holds, or exactly up to the end of the file, without a leap in time. A chain that the end
//! of the file cuts off proves nothing. Of two places so close that one frame may hold the first, the one whose time
//! fits to the last good record is taken. What that leaves is a foreign capture of the same minute that ends exactly
//! where the damaged frame ends.
//!
//! A place that the damaged record itself points to is another matter: a few records there are enough ([`leads`]).

use crate::limits::RESYNC_PLACES;

/// A record seen from its first bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct RecordSize {
    /// Bytes up to the next record; never 0.
    pub(super) len: usize,
    /// Its time in seconds; `None` where the record has none.
    pub(super) seconds: Option<i64>,
}

/// How the records of a format follow one another.
pub(super) trait Records {
    /// Knowledge that a chain of records gathers on its way.
    type Known: Copy;
    /// The knowledge with which a chain begins, at its first record.
    fn begin(&self) -> Self::Known;

    /// Returns true if a leap in time between two records breaks a chain.
    fn leap_breaks(&self) -> bool;

    /// Reads the record at the start of `rest`; `None` when it is not plausible.
    fn step(&self, known: &mut Self::Known, rest: &[u8]) -> Option<RecordSize>;

    /// The length of the damaged record at the start of `rest`, when what is sound of it leads to a sound one.
    fn cross(&self, known: &Self::Known, rest: &[u8]) -> Option<usize>;
}

/// The first of `starts` where records chain, or `None` when there is none up to the end of the file; `last` is the
/// time of the last good record, in seconds.
///
/// Takes time in proportion to the bytes that are passed over, whatever they hold: a chain that runs into an older one,
/// which led nowhere, is not followed again.
pub(super) fn find(
    bytes: &[u8],
    starts: impl Iterator<Item = usize>,
    last: Option<i64>,
    records: &impl Records,
) -> Option<usize> {
    let (mut dead, mut dead_far) = (Dead::default(), Dead::default());
    let mut far: Option<usize> = None;
    for start in starts {
        if far.is_some_and(|far| start - far >= MIN_SPAN) {
            break;
        }
        match chains(bytes, start, Time::Near(last), records, &mut dead) {
            Chain::Holds => return Some(start),
            // The clock may have been set: such a place is taken when no frame can hold both it and a better one.
            Chain::Far if far.is_none() => {
                far = (chains(bytes, start, Time::Any, records, &mut dead_far) == Chain::Holds).then_some(start);
            }
            Chain::Far | Chain::Breaks => {}
        }
    }
    far
}

/// The kind of bytes found at a place that a record points to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lead {
    /// Some records without a leap in time.
    Records,
    /// The end of the bytes, or fewer records and then the end.
    End,
    Nowhere,
}

/// Classifies the bytes at `start`, behind a record of the time `last` in seconds.
pub(super) fn leads<R: Records>(bytes: &[u8], start: usize, last: Option<i64>, records: &R) -> Lead {
    let (mut at, mut seconds, mut known) = (start, last, records.begin());
    let mut count = 0_u64;
    loop {
        if count >= MIN_RECORDS {
            return Lead::Records;
        }
        let Some(rest) = bytes.get(at..) else { return if count > 0 { Lead::End } else { Lead::Nowhere } };
        if rest.is_empty() {
            return Lead::End;
        }
        let len = if let Some(found) = records.step(&mut known, rest) {
            if records.leap_breaks() && leap(seconds, found.seconds) {
                return Lead::Nowhere;
            }
            seconds = found.seconds.or(seconds);
            count += 1;
            found.len
        } else if let Some(len) = records.cross(&known, rest).filter(|_| count > 0) {
            len
        } else {
            // A record header that is itself cut off by the end of the file.
            return if rest.len() < SHORTEST { Lead::End } else { Lead::Nowhere };
        };
        let Some(next) = at.checked_add(len) else { return Lead::Nowhere };
        at = next;
    }
}

/// Which times the first record of a chain may have.
#[derive(Clone, Copy, Debug)]
enum Time {
    /// One that fits to that of the last good record.
    Near(Option<i64>),
    /// Any; the end of the file alone does not make up for it.
    Any,
}

/// The outcome of following records from a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Chain {
    /// Long enough, or up to the end of the file.
    Holds,
    Breaks,
    /// Its first time does not fit.
    Far,
}

fn chains<R: Records>(bytes: &[u8], start: usize, time: Time, records: &R, dead: &mut Dead) -> Chain {
    let (mut at, mut seconds, mut known) = (start, None, records.begin());
    let mut count = 0_u64;
    loop {
        if at - start >= MIN_SPAN && count >= MIN_RECORDS {
            return Chain::Holds;
        }
        // Cut off by the end of the file: the longest frame may hold as much of another capture.
        let Some(rest) = bytes.get(at..) else { return Chain::Breaks };
        if rest.is_empty() {
            let enough = count > 0 && matches!(time, Time::Near(_));
            return if enough { Chain::Holds } else { Chain::Breaks };
        }
        if dead.holds(at, start) {
            return Chain::Breaks;
        }
        let Some(found) = records.step(&mut known, rest) else {
            let Some(len) = records.cross(&known, rest).filter(|_| count > 0) else { return Chain::Breaks };
            let Some(next) = at.checked_add(len) else { return Chain::Breaks };
            at = next;
            continue;
        };
        if seconds.is_none()
            && let (Time::Near(Some(last)), Some(first)) = (time, found.seconds)
            && !near(last, first)
        {
            return Chain::Far;
        }
        if records.leap_breaks() && leap(seconds, found.seconds) {
            return Chain::Breaks;
        }
        // A chain with fewer records may have failed for that alone, and one that joins it may have more.
        if count >= MIN_RECORDS {
            dead.add(at, start);
        }
        seconds = found.seconds.or(seconds);
        count += 1;
        let Some(next) = at.checked_add(found.len) else { return Chain::Breaks };
        at = next;
    }
}

/// Returns true if a record of the time `first` may follow one of the time `last`, both in seconds.
fn near(last: i64, first: i64) -> bool {
    (-MAX_BACK_SECONDS..=MAX_SILENCE_SECONDS).contains(&first.saturating_sub(last))
}

fn leap(before: Option<i64>, now: Option<i64>) -> bool {
    before.zip(now).is_some_and(|(before, now)| i64::abs_diff(before, now) > MAX_STEP_SECONDS)
}

/// Where earlier chains of one search passed: all of them failed, and before they were long enough, so one that begins
/// behind them and joins them fails too.
///
/// # Invariants
/// - A place counts only while it lies less than [`RESYNC_PLACES`] bytes behind the start of the chain.
#[derive(Debug, Default)]
struct Dead {
    /// Offsets by their remainder; made when the first chain is longer than a few records.
    places: Vec<usize>,
}

impl Dead {
    /// Returns true if an earlier chain passed `at`, for a chain from `start`.
    #[inline]
    fn holds(&self, at: usize, start: usize) -> bool {
        at - start < RESYNC_PLACES && self.places.get(at % RESYNC_PLACES) == Some(&at)
    }

    /// Remembers that a chain from `start` passes `at`.
    fn add(&mut self, at: usize, start: usize) {
        if at - start >= RESYNC_PLACES {
            return;
        }
        if self.places.is_empty() {
            self.places = vec![usize::MAX; RESYNC_PLACES];
        }
        if let Some(place) = self.places.get_mut(at % RESYNC_PLACES) {
            *place = at;
        }
    }
}

// Rationale: more than the longest frame that capture programs write (262,144 bytes), so that no chain inside one
// frame's payload is long enough.
const MIN_SPAN: usize = (256 << 10) + 64;
// Rationale: a few in a row, also where records are huge.
const MIN_RECORDS: u64 = 3;
// Rationale: a capture that is silent for longer than a day within 256 KiB is rarer than a wrong guess.
const MAX_STEP_SECONDS: u64 = 86_400;
// Rationale: frames of several queues are out of order by less than a second; a capture that somebody downloads was
// taken, and closed, before the frames that carry it.
const MAX_BACK_SECONDS: i64 = 60;
// Rationale: a capture without a frame for a month is rarer than a wrong guess.
const MAX_SILENCE_SECONDS: i64 = 31 * 86_400;
// Rationale: the shortest record of either format is 12 bytes, the longest fixed header 28.
const SHORTEST: usize = 28;

#[cfg(test)]
mod tests {
    use super::*;

    /// Records as a closure reads them.
    struct By<F>(F);

    impl<F: Fn(&[u8]) -> Option<RecordSize>> Records for By<F> {
        type Known = ();

        fn begin(&self) {}

        fn leap_breaks(&self) -> bool {
            true
        }

        fn step(&self, (): &mut (), rest: &[u8]) -> Option<RecordSize> {
            self.0(rest)
        }

        fn cross(&self, (): &(), rest: &[u8]) -> Option<usize> {
            matches!(rest, [b'X', ..]).then_some(200)
        }
    }

    /// The first place from `from` on where records chain; the last good one was of the second 5,000.
    fn find(bytes: &[u8], from: usize, step: impl Fn(&[u8]) -> Option<RecordSize>) -> Option<usize> {
        super::find(bytes, from..bytes.len(), Some(5_000), &By(step))
    }

    /// Records of the form: `R`, then the length of the whole record, then whether it has a time, and that in minutes.
    fn step(rest: &[u8]) -> Option<RecordSize> {
        match rest {
            [b'R', len, 1, minutes, ..] if *len >= 2 => {
                Some(RecordSize { len: usize::from(*len), seconds: Some(i64::from(*minutes) * 60) })
            }
            [b'R', len, ..] if *len >= 2 => Some(RecordSize { len: usize::from(*len), seconds: None }),
            _ => None,
        }
    }

    fn records(n: usize) -> Vec<u8> {
        let mut record = [0; 200];
        (record[0], record[1]) = (b'R', 200);
        record.repeat(n)
    }

    #[test]
    fn a_chain_up_to_the_end_of_the_file_is_believed() {
        let bytes = [vec![1; 77], records(5)].concat();
        assert_eq!(find(&bytes, 0, step), Some(77));
    }

    #[test]
    fn a_chain_that_breaks_off_is_a_payload_and_is_passed_over() {
        let bytes = [vec![1; 77], records(300), vec![1; 50], records(5)].concat();
        assert_eq!(find(&bytes, 0, step), Some(77 + 60_000 + 50));
    }

    #[test]
    fn a_long_chain_is_believed_without_reaching_the_end() {
        let bytes = [vec![1; 77], records(2_000), vec![1; 50]].concat();
        assert_eq!(find(&bytes, 0, step), Some(77));
    }

    #[test]
    fn nothing_is_found_where_nothing_is() {
        assert_eq!(find(&[0; 1_000], 0, step), None);
        assert_eq!(find(&[], 0, step), None);
    }

    #[test]
    fn a_search_through_chains_that_lead_nowhere_takes_time_in_proportion_to_the_bytes() {
        // At every byte something looks like a record, and every chain of them ends before it is long enough.
        let steps = std::cell::Cell::new(0_u64);
        let counted = |rest: &[u8]| {
            steps.set(steps.get() + 1);
            rest.first().filter(|len| **len > 0).map(|len| RecordSize { len: usize::from(*len), seconds: None })
        };
        let stretch = [vec![3; 200_000], vec![0; 300]].concat();
        let bytes = [stretch.repeat(20), vec![200; 600_000]].concat();
        // The last stretch of zeros is passed over byte by byte; then the chain holds.
        assert_eq!(find(&bytes, 0, counted), Some(20 * 200_300));
        assert!(steps.get() < 6 * bytes.len() as u64, "{} steps", steps.get());
    }

    #[test]
    fn what_is_found_is_what_a_search_without_memory_finds() {
        let follow = |bytes: &[u8], start| chains(bytes, start, Time::Near(None), &By(step), &mut Dead::default());
        let slow = |bytes: &[u8]| (0..bytes.len()).find(|start| follow(bytes, *start) == Chain::Holds);
        let mut state = 1_u32;
        for round in 0..3 {
            let mut bytes = Vec::new();
            while bytes.len() < 700_000 {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let junk = (state >> 20) as usize % 6;
                bytes.extend(std::iter::repeat_n(b'R', junk));
                bytes.extend(records((state >> 8) as usize % (200 + round * 600)));
            }
            bytes.truncate(700_000 - (state >> 25) as usize);
            assert_eq!(find(&bytes, 1, step), slow(&bytes[1..]).map(|at| at + 1), "round {round}");
        }
    }

    fn timed(n: usize, minutes: u8) -> Vec<u8> {
        let mut record = [0; 200];
        record[..4].copy_from_slice(&[b'R', 200, 1, minutes]);
        record.repeat(n)
    }

    #[test]
    fn a_short_chain_that_the_end_of_the_file_cuts_off_proves_nothing() {
        let bytes = [vec![1; 77], records(6)].concat();
        assert_eq!(find(&bytes[..bytes.len() - 3], 0, step), None);
        assert_eq!(find(&bytes[..bytes.len() - 199], 0, step), None);
        let long = [vec![1; 77], records(2_000)].concat();
        assert_eq!(find(&long[..long.len() - 3], 0, step), Some(77));
    }

    #[test]
    fn a_short_chain_up_to_the_end_of_the_file_has_to_fit_in_time() {
        for (minutes, fits) in [(83, true), (82, false), (85, true), (0, false)] {
            let bytes = [vec![1; 77], timed(5, minutes)].concat();
            assert_eq!(find(&bytes, 0, step).is_some(), fits, "{minutes}");
        }
    }

    #[test]
    fn records_of_an_earlier_time_that_join_the_capture_are_somebody_elses() {
        let bytes = [vec![1; 77], timed(90, 20), timed(3_000, 84), vec![1; 9]].concat();
        assert_eq!(find(&bytes, 0, step), Some(77 + 90 * 200));
        // The same where they join it less than a frame before the end.
        let bytes = [vec![1; 77], timed(90, 20), timed(300, 84)].concat();
        assert_eq!(find(&bytes, 0, step), Some(77 + 90 * 200));
    }

    #[test]
    fn a_clock_that_was_set_back_hides_nothing_but_the_end_of_the_file() {
        let bytes = [vec![1; 77], timed(3_000, 20), vec![1; 9]].concat();
        assert_eq!(find(&bytes, 0, step), Some(77));
    }

    #[test]
    fn a_chain_goes_on_behind_a_damaged_record_that_leads_on() {
        let mut bytes = [vec![1; 77], records(700), vec![1; 50]].concat();
        assert_eq!(find(&bytes, 0, step), None);
        bytes.splice(77 + 140_000..77 + 140_000, [vec![b'X'; 200], records(700)].concat());
        assert_eq!(find(&bytes, 0, step), Some(77));
    }

    #[test]
    fn a_few_records_are_enough_where_a_record_points_to() {
        let lead = |bytes: &[u8], last| leads(bytes, 77, last, &By(step));
        let bytes = [vec![1; 77], timed(3, 84), vec![1; 50]].concat();
        assert_eq!(lead(&bytes, Some(5_000)), Lead::Records);
        assert_eq!(lead(&bytes, Some(500_000)), Lead::Nowhere);
        assert_eq!(lead(&bytes[..77 + 300], None), Lead::End);
        assert_eq!(lead(&bytes[..77], None), Lead::End);
        assert_eq!(lead(&bytes[..76], None), Lead::Nowhere);
        assert_eq!(lead(&[vec![1; 77], timed(2, 84), vec![1; 50]].concat(), None), Lead::Nowhere);
    }
}
