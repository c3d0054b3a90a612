//! Finding the next record after a damaged one.
//!
//! A capture may hold other captures as payload (somebody downloads one), so a few records in a row prove nothing:
//! they may be somebody else's, inside one frame. A place is believed only when the records from there chain over
//! more bytes than any frame holds, or up to the end of the file, without a leap in time. What that leaves is a
//! foreign capture of the same day that ends exactly where the damaged frame ends.

/// A record seen from its first bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    /// Bytes up to the next record; never 0.
    pub(super) len: usize,
    /// Its time in seconds; `None` where the record has none.
    pub(super) seconds: Option<i64>,
}

/// The first offset at or after `from` where records chain, or `None` when there is none up to the end of the file.
///
/// `step` reads the record at the start of a slice, and gives `None` when it is not plausible. Takes time in proportion
/// to the bytes that are passed over, whatever they hold: a chain that runs into an older one, which led nowhere, is
/// not followed again.
pub(super) fn find(bytes: &[u8], from: usize, step: impl Fn(&[u8]) -> Option<Step>) -> Option<usize> {
    let mut dead = Dead::default();
    (from..bytes.len()).find(|start| chains(bytes, *start, &step, &mut dead))
}

/// Whether records chain from `start` on.
pub(super) fn holds(bytes: &[u8], start: usize, step: impl Fn(&[u8]) -> Option<Step>) -> bool {
    chains(bytes, start, &step, &mut Dead::default())
}

/// As [`holds`], and also true at the very end of the file.
pub(super) fn holds_or_ends(bytes: &[u8], start: usize, step: impl Fn(&[u8]) -> Option<Step>) -> bool {
    start == bytes.len() || holds(bytes, start, step)
}

fn chains(bytes: &[u8], start: usize, step: &impl Fn(&[u8]) -> Option<Step>, dead: &mut Dead) -> bool {
    let mut at = start;
    let mut seconds = None;
    let mut records = 0_u64;
    loop {
        let Some(rest) = bytes.get(at..) else { return records >= MIN_RECORDS };
        if rest.is_empty() {
            return records > 0;
        }
        if at - start >= MIN_SPAN && records >= MIN_RECORDS {
            return true;
        }
        if dead.holds(at, start) {
            return false;
        }
        let Some(found) = step(rest) else {
            // A record header that is itself cut off by the end of the file.
            return rest.len() < SHORTEST && records >= MIN_RECORDS;
        };
        if let (Some(before), Some(now)) = (seconds, found.seconds)
            && i64::abs_diff(before, now) > MAX_STEP_SECONDS
        {
            return false;
        }
        // A chain with fewer records may have failed for that alone, and one that joins it may have more.
        if records >= MIN_RECORDS {
            dead.add(at, start);
        }
        seconds = found.seconds.or(seconds);
        records += 1;
        let Some(next) = at.checked_add(found.len) else { return false };
        at = next;
    }
}

/// Where earlier chains of one search passed: all of them failed, and before they were long enough, so one that begins
/// behind them and joins them fails too.
///
/// # Invariants
/// - A place counts only while it lies less than [`PLACES`] bytes behind the start of the chain.
#[derive(Debug, Default)]
struct Dead {
    /// Offsets by their remainder; made when the first chain is longer than a few records.
    places: Vec<usize>,
}

impl Dead {
    /// Whether an earlier chain passed `at`, for a chain from `start`.
    #[inline]
    fn holds(&self, at: usize, start: usize) -> bool {
        at - start < PLACES && self.places.get(at % PLACES) == Some(&at)
    }

    /// Remembers that a chain from `start` passes `at`.
    fn add(&mut self, at: usize, start: usize) {
        if at - start >= PLACES {
            return;
        }
        if self.places.is_empty() {
            self.places = vec![usize::MAX; PLACES];
        }
        if let Some(place) = self.places.get_mut(at % PLACES) {
            *place = at;
        }
    }
}

// Rationale: more than the longest frame that capture programs write (262,144 bytes), so that no chain inside one
// frame's payload is long enough.
const MIN_SPAN: usize = (256 << 10) + 64;
// Rationale: every place that a chain passes before it is long enough, but for the odd huge record at its end; 4 MiB.
const PLACES: usize = 512 << 10;
// Rationale: a few in a row, also where records are huge.
const MIN_RECORDS: u64 = 3;
// Rationale: a capture that is silent for longer than a day within 256 KiB is rarer than a wrong guess.
const MAX_STEP_SECONDS: u64 = 86_400;
// Rationale: the shortest record of either format is 12 bytes, the longest fixed header 28.
const SHORTEST: usize = 28;

#[cfg(test)]
mod tests {
    use super::*;

    /// Records of the form: `R`, then the length of the whole record.
    fn step(rest: &[u8]) -> Option<Step> {
        match rest {
            [b'R', len, ..] if *len >= 2 => Some(Step { len: usize::from(*len), seconds: None }),
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
            rest.first().filter(|len| **len > 0).map(|len| Step { len: usize::from(*len), seconds: None })
        };
        let stretch = [vec![3; 200_000], vec![0; 300]].concat();
        let bytes = [stretch.repeat(20), vec![200; 600_000]].concat();
        // The last stretch of zeros is passed over byte by byte; then the chain holds.
        assert_eq!(find(&bytes, 0, counted), Some(20 * 200_300));
        assert!(steps.get() < 6 * bytes.len() as u64, "{} steps", steps.get());
    }

    #[test]
    fn what_is_found_is_what_a_search_without_memory_finds() {
        let slow = |bytes: &[u8]| (0..bytes.len()).find(|start| holds(bytes, *start, step));
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
}
