//! Facts of several capture sets: united without a look at them, and settled once before they are judged.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use sha2::{Digest, Sha256};

use super::{Copy, Facts, Journal};
use crate::Error;
use crate::ends::Timestamp;

/// A capture set and how it was read: SHA-256 over the digests of its inputs, in their order, and the options.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SetId(pub [u8; 32]);

impl SetId {
    /// The set of which `facts` are, read with `options`; `None` where an input was not hashed.
    pub fn of(facts: &Facts, options: &str) -> Option<Self> {
        let mut hasher = Sha256::new();
        for input in &facts.inputs {
            hasher.update(input.sha256?);
        }
        hasher.update(options.as_bytes());
        Some(Self(hasher.finalize().into()))
    }
}

/// Facts by their set.
///
/// # Invariants
/// - What was added is kept as it is: a union is associative, commutative and idempotent, as that of any sets.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Sets {
    /// By set, and by the SHA-256 of their encoding: of one set there may be several readings, with other keys.
    readings: BTreeMap<(SetId, [u8; 32]), Facts>,
}

impl Sets {
    /// Adds the facts of a set.
    pub fn add(&mut self, id: SetId, facts: Facts) {
        self.readings.insert((id, digest(&facts)), facts);
    }

    /// Adds all that `other` holds.
    pub fn unite(&mut self, other: Self) {
        self.readings.extend(other.readings);
    }

    /// How many readings there are.
    pub fn len(&self) -> usize {
        self.readings.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.readings.is_empty()
    }

    /// The facts to be judged, each set once, by the time of their first frame and then by their set. Of several readings
    /// of one set that with more keys counts, and takes over what the others hashed of the same blocks. A set whose inputs
    /// another one holds is left out.
    ///
    /// # Errors
    /// [`Error::Usage`] for sets that share inputs otherwise, or hold the same inputs and were read with other options.
    pub fn settle(self) -> Result<Vec<Facts>, Error> {
        let mut sets: BTreeMap<SetId, Facts> = BTreeMap::new();
        for ((id, _), facts) in self.readings {
            let settled = match sets.remove(&id) {
                Some(known) if known.keys.len() >= facts.keys.len() => with_copies(known, &facts),
                Some(known) => with_copies(facts, &known),
                None => facts,
            };
            sets.insert(id, settled);
        }
        let inputs = |facts: &Facts| -> BTreeSet<[u8; 32]> {
            facts.inputs.iter().filter_map(|input| input.sha256).collect()
        };
        let held: Vec<(SetId, BTreeSet<[u8; 32]>)> = sets.iter().map(|(id, facts)| (*id, inputs(facts))).collect();
        for (place, (one, own)) in held.iter().enumerate() {
            for (other, theirs) in held.iter().skip(place + 1).filter(|(_, theirs)| !theirs.is_disjoint(own)) {
                if own == theirs || !(own.is_subset(theirs) || theirs.is_subset(own)) {
                    return Err(clash([one, other].map(|id| sets.get(id)), own == theirs));
                }
            }
        }
        let within =
            |own: &BTreeSet<[u8; 32]>| held.iter().any(|(_, theirs)| own != theirs && own.is_subset(theirs));
        for (id, own) in &held {
            if within(own) {
                sets.remove(id);
            }
        }
        let mut settled: Vec<(Option<Timestamp>, SetId, Facts)> =
            sets.into_iter().map(|(id, facts)| (first_time(&facts), id, facts)).collect();
        settled.sort_by_key(|(time, id, _)| (time.is_none(), *time, *id));
        Ok(settled.into_iter().map(|(_, _, facts)| facts).collect())
    }
}

/// What `other` hashed of the same blocks, too: sorted, each once.
fn with_copies(mut facts: Facts, other: &Facts) -> Facts {
    // With other keys there may be other blocks, and a copy names blocks by their number.
    if facts.blocks == other.blocks {
        let all: BTreeSet<Copy> = facts.copies.iter().chain(other.copies.iter()).collect();
        facts.copies = all.into_iter().collect::<Journal<Copy>>();
    }
    facts
}

fn first_time(facts: &Facts) -> Option<Timestamp> {
    facts.inputs.iter().filter_map(|input| input.first_time).min()
}

fn clash(sets: [Option<&Facts>; 2], same: bool) -> Error {
    let [one, other] = sets.map(|facts| {
        let names = facts.iter().flat_map(|facts| facts.inputs.iter().map(|input| input.name.as_str()));
        names.collect::<Vec<_>>().join(", ")
    });
    let why = if same { "were read with different options" } else { "share some captures, and not all" };
    Error::Usage(format!("the facts of {one} and those of {other} {why}"))
}

fn digest(facts: &Facts) -> [u8; 32] {
    struct Hashing(Sha256);

    impl io::Write for Hashing {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.update(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    let mut hashing = Hashing(Sha256::new());
    facts.write(&mut hashing).expect("a hasher takes all bytes");
    hashing.0.finalize().into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::facts::{ContentName, CopyRange, Digests, Input, Keys, sample};

    /// A set of captures that are named by their numbers, with some keys and copies.
    fn facts(inputs: &[u8], keys: u8, copies: &[u64]) -> Facts {
        let input = |number: &u8| Input {
            name: format!("{number}.pcap"),
            bytes: 24,
            sha256: Some([*number; 32]),
            frames: 0,
            first_time: Some(Timestamp(-i64::from(*number))),
            last_time: None,
        };
        let copy = |number: &u64| Copy {
            piece: *number as u32,
            content: ContentName([*number as u8; 16]),
            same_as: None,
            range: CopyRange { start: 0, end: 1 },
            in_leaves: 0,
            digests: Digests::default(),
        };
        Facts {
            inputs: inputs.iter().map(input).collect(),
            keys: Keys { info_hashes: (0..keys).map(|key| [key; 20]).collect(), ..Keys::default() },
            blocks: sample::blocks(2).into_iter().collect(),
            copies: copies.iter().map(copy).collect(),
            ..Facts::default()
        }
    }

    fn sets(members: &[(Vec<u8>, u8, Vec<u64>)]) -> Sets {
        let mut sets = Sets::default();
        for (inputs, keys, copies) in members {
            let facts = facts(inputs, *keys, copies);
            let id = SetId::of(&facts, "").expect("every input has a digest");
            sets.add(id, facts);
        }
        sets
    }

    fn members() -> impl Strategy<Value = Vec<(Vec<u8>, u8, Vec<u64>)>> {
        let inputs = prop::collection::btree_set(0..4_u8, 1..3).prop_map(|set| set.into_iter().collect());
        prop::collection::vec((inputs, 0..3_u8, prop::collection::vec(0..4_u64, 0..3)), 0..4)
    }

    proptest! {
        #[test]
        fn a_union_is_that_of_sets(one in members(), two in members(), three in members()) {
            let united = |parts: [Sets; 2]| {
                let [mut all, more] = parts;
                all.unite(more);
                all
            };
            let left = united([united([sets(&one), sets(&two)]), sets(&three)]);
            let right = united([sets(&one), united([sets(&two), sets(&three)])]);
            prop_assert_eq!(&left, &right, "associative");
            prop_assert_eq!(united([sets(&one), sets(&two)]), united([sets(&two), sets(&one)]), "commutative");
            prop_assert_eq!(united([sets(&one), sets(&one)]), sets(&one), "idempotent");
            // What comes of it depends on nothing but the union.
            prop_assert_eq!(left.settle().ok(), right.settle().ok());
        }
    }

    #[test]
    fn of_two_readings_that_with_more_keys_counts_and_knows_what_both_hashed() {
        let settled = sets(&[(vec![1], 0, vec![7, 2]), (vec![1], 2, vec![2, 5])]).settle().expect("one set");
        assert_eq!(settled, [facts(&[1], 2, &[2, 5, 7])]);
    }

    #[test]
    fn a_set_within_another_one_is_left_out_and_the_others_stand_by_their_time() {
        let members = [(vec![1], 0, vec![]), (vec![1, 2], 0, vec![]), (vec![3], 0, vec![]), (vec![2], 0, vec![])];
        let settled = sets(&members).settle().expect("nothing clashes");
        assert_eq!(settled, [facts(&[3], 0, &[]), facts(&[1, 2], 0, &[])]);
    }

    #[test]
    fn sets_that_share_captures_otherwise_are_refused_by_name() {
        let error = sets(&[(vec![1, 2], 0, vec![]), (vec![2, 3], 0, vec![])]).settle().expect_err("they overlap");
        assert!(
            error.to_string().contains("share some captures") && error.to_string().contains("3.pcap"),
            "{error}"
        );
        let mut other_options = sets(&[(vec![1], 0, vec![])]);
        let again = facts(&[1], 0, &[]);
        other_options.add(SetId::of(&again, "checksums tested").expect("digests"), again);
        let error = other_options.settle().expect_err("two readings with other options");
        assert!(error.to_string().contains("different options"), "{error}");
    }

    #[test]
    fn a_set_without_digests_has_no_name() {
        let mut facts = facts(&[1], 0, &[]);
        facts.inputs[0].sha256 = None;
        assert_eq!(SetId::of(&facts, ""), None);
    }
}
