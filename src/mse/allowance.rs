//! How much keystream may be made only to be thrown away.
//!
//! RC4 cannot seek: the keystream of missing bytes is made all the same, and that of bytes sent again is made once more.
//! A few packets can ask for gigabytes of that, so it has to stay in proportion to what the captures hold.

use crate::limits::{KEYSTREAM_AHEAD_BYTES, KEYSTREAM_EARNED, KEYSTREAM_RUN_BYTES};
use std::cell::Cell;
use std::rc::Rc;

/// Keystream that the connections of a run may throw away together beyond what each has earned, in bytes.
#[derive(Clone, Debug)]
pub struct Pool(Rc<Cell<u64>>);

impl Default for Pool {
    fn default() -> Self {
        Self::of(KEYSTREAM_RUN_BYTES)
    }
}

impl Pool {
    pub(super) fn of(bytes: u64) -> Self {
        Self(Rc::new(Cell::new(bytes)))
    }
}

/// The keystream that one direction may throw away, in bytes.
#[derive(Debug)]
pub(super) struct Allowance {
    earned: u64,
    /// Bytes that the direction may still draw from the pool.
    ahead: u64,
    pool: Pool,
}

impl Allowance {
    pub fn new(pool: &Pool) -> Self {
        Self { earned: 0, ahead: KEYSTREAM_AHEAD_BYTES, pool: pool.clone() }
    }

    /// Notes that `bytes` captured bytes were decrypted.
    pub fn earn(&mut self, bytes: usize) {
        self.earned = self.earned.saturating_add((bytes as u64).saturating_mul(KEYSTREAM_EARNED));
    }

    /// Takes `bytes` of keystream, or nothing where they are too many.
    pub fn take(&mut self, bytes: u64) -> bool {
        let earned = self.earned.min(bytes);
        let drawn = bytes - earned;
        let Some(left) = self.pool.0.get().checked_sub(drawn).filter(|_| drawn <= self.ahead) else { return false };
        self.pool.0.set(left);
        self.earned -= earned;
        self.ahead -= drawn;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_earned_is_spent_before_the_pool_and_nothing_is_taken_in_part() {
        let pool = Pool::of(100);
        let (mut first, mut second) = (Allowance::new(&pool), Allowance::new(&pool));
        first.earn(10);
        assert!(first.take(40) && !first.take(101) && first.take(60));
        assert!(!second.take(41) && second.take(40) && !second.take(1));
        second.earn(1);
        assert!(second.take(KEYSTREAM_EARNED) && !second.take(1) && second.take(0));
    }

    #[test]
    fn one_direction_cannot_empty_the_pool() {
        let pool = Pool::default();
        let (mut greedy, mut other) = (Allowance::new(&pool), Allowance::new(&pool));
        assert!(!greedy.take(KEYSTREAM_AHEAD_BYTES + 1) && greedy.take(KEYSTREAM_AHEAD_BYTES) && !greedy.take(1));
        assert!(other.take(KEYSTREAM_AHEAD_BYTES));
    }

    #[test]
    fn many_directions_cost_no_more_than_the_run_may_and_what_they_hold_allows() {
        let pool = Pool::default();
        let mut made = 0;
        for _ in 0..1_000 {
            let mut one = Allowance::new(&pool);
            one.earn(1_000);
            made += (0..100).filter(|_| one.take(16 << 20)).count() as u64 * (16 << 20);
        }
        assert!(made <= KEYSTREAM_RUN_BYTES + 1_000 * 1_000 * KEYSTREAM_EARNED, "{made}");
    }
}
