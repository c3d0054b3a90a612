//! A bounded table: what was put in first goes first.

use std::collections::VecDeque;
use std::hash::Hash;

use hashbrown::HashMap;

/// Values by key, at most `most` of them.
///
/// # Invariants
/// - At most `most` values, and at most `2 * most + 1` entries in the queue.
/// - Each value has the queue entry with its own serial; other entries are of keys put in again.
#[derive(Debug)]
pub(super) struct Recent<K, V> {
    values: HashMap<K, (u64, V), foldhash::quality::FixedState>,
    queue: VecDeque<(u64, K)>,
    next: u64,
    most: usize,
}

impl<K: Clone + Eq + Hash, V> Recent<K, V> {
    /// An empty table for `most` values, at least 1.
    pub fn new(most: usize) -> Self {
        Self { values: HashMap::default(), queue: VecDeque::new(), next: 0, most: most.max(1) }
    }

    /// The value of `key`.
    pub fn find(&self, key: &K) -> Option<&V> {
        self.values.get(key).map(|(_, value)| value)
    }

    /// Puts a value in, in place of the one that `key` had. Gives the oldest one, where it had to go to make room.
    pub fn put(&mut self, key: K, value: V) -> Option<V> {
        self.next += 1;
        self.values.insert(key.clone(), (self.next, value));
        self.queue.push_back((self.next, key));
        if self.queue.len() > 2 * self.most + 1 {
            let values = &self.values;
            self.queue.retain(|(serial, key)| values.get(key).is_some_and(|(own, _)| own == serial));
        }
        if self.values.len() <= self.most {
            return None;
        }
        while let Some((serial, key)) = self.queue.pop_front() {
            if self.values.get(&key).is_some_and(|(own, _)| *own == serial) {
                return self.values.remove(&key).map(|(_, value)| value);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_one_put_in_first_goes_first(keys in prop::collection::vec(0..9_u8, 0..300)) {
            let mut table = Recent::new(4);
            let mut model: VecDeque<(u8, usize)> = VecDeque::new();
            for (value, key) in keys.into_iter().enumerate() {
                model.retain(|(other, _)| *other != key);
                model.push_back((key, value));
                let gone = if model.len() > 4 { model.pop_front() } else { None };
                prop_assert_eq!(table.put(key, value), gone.map(|(_, value)| value));
                prop_assert!(table.queue.len() <= 9 && table.values.len() <= 4);
                for key in 0..9 {
                    let expected = model.iter().find(|(other, _)| *other == key).map(|(_, value)| value);
                    prop_assert_eq!(table.find(&key), expected);
                }
            }
        }
    }
}
