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

/// The first offset at or after `from` where records chain, or `None` when none is found within the bounds.
///
/// `step` reads the record at the start of a slice, and gives `None` when it is not plausible.
pub(super) fn find(bytes: &[u8], from: usize, step: impl Fn(&[u8]) -> Option<Step>) -> Option<usize> {
    let mut budget = STEP_BUDGET;
    let end = bytes.len().min(from.saturating_add(SEARCH_BYTES));
    (from..end).find(|start| chains(bytes, *start, &step, &mut budget))
}

/// Whether records chain from `start` on.
pub(super) fn holds(bytes: &[u8], start: usize, step: impl Fn(&[u8]) -> Option<Step>) -> bool {
    chains(bytes, start, &step, &mut STEP_BUDGET.clone())
}

/// As [`holds`], and also true at the very end of the file.
pub(super) fn holds_or_ends(bytes: &[u8], start: usize, step: impl Fn(&[u8]) -> Option<Step>) -> bool {
    start == bytes.len() || holds(bytes, start, step)
}

fn chains(bytes: &[u8], start: usize, step: &impl Fn(&[u8]) -> Option<Step>, budget: &mut u64) -> bool {
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
        if *budget == 0 {
            return false;
        }
        *budget -= 1;
        let Some(found) = step(rest) else {
            // A record header that is itself cut off by the end of the file.
            return rest.len() < SHORTEST && records >= MIN_RECORDS;
        };
        if let (Some(before), Some(now)) = (seconds, found.seconds)
            && i64::abs_diff(before, now) > MAX_STEP_SECONDS
        {
            return false;
        }
        seconds = found.seconds.or(seconds);
        records += 1;
        let Some(next) = at.checked_add(found.len) else { return false };
        at = next;
    }
}

// Rationale: more than the longest frame that capture programs write (262,144 bytes), so that no chain inside one
// frame's payload is long enough.
const MIN_SPAN: usize = (256 << 10) + 64;
// Rationale: a few in a row, also where records are huge.
const MIN_RECORDS: u64 = 3;
// Rationale: a capture that is silent for longer than a day within 256 KiB is rarer than a wrong guess.
const MAX_STEP_SECONDS: u64 = 86_400;
// Rationale: a bad stretch of a disk is far smaller; scanning this much takes well under a second.
const SEARCH_BYTES: usize = 64 << 20;
// Rationale: bounds the work that a hostile file can ask for to well under a second per damaged place.
const STEP_BUDGET: u64 = 4 << 20;
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
}
