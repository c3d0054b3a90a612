//! Facts of several capture sets: united without a look at them, and settled once before they are judged.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use sha2::{Digest, Sha256};

use super::{Copy, Facts, Journal};
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

/// The facts of a set, with whatever goes with them.
pub trait Reading {
    /// The facts.
    fn facts(&self) -> &Facts;

    /// The facts, to be added to.
    fn facts_mut(&mut self) -> &mut Facts;

    /// Bytes of payload that go with them.
    fn carried(&self) -> u64 {
        0
    }

    /// The captures: the SHA-256 of each, decompressed, where that is known.
    fn captures(&self) -> BTreeSet<[u8; 32]> {
        self.facts().inputs.iter().filter_map(|input| input.sha256).collect()
    }

    /// Returns true if both are known to have been read with the same options.
    fn is_read_as(&self, _other: &Self) -> bool {
        false
    }
}

impl Reading for Facts {
    fn facts(&self) -> &Facts {
        self
    }

    fn facts_mut(&mut self) -> &mut Facts {
        self
    }
}

/// Facts by their set.
///
/// # Invariants
/// - What was added is kept as it is: a union is associative, commutative and idempotent, as that of any sets.
#[derive(Debug, PartialEq, Eq)]
pub struct Sets<R = Facts> {
    /// By set, and by the SHA-256 of their encoding: of one set there may be several readings, with other keys.
    readings: BTreeMap<(SetId, [u8; 32]), R>,
}

/// Readings of several sets that are to be judged.
#[derive(Debug, PartialEq, Eq)]
pub struct Settled<R> {
    /// Each set once, by the time of its first frame and then by its name.
    pub sets: Vec<(SetId, R)>,
    /// Those that do not fit together, each with the reason.
    pub refused: Vec<(R, String)>,
}

impl<R> Default for Sets<R> {
    fn default() -> Self {
        Self { readings: BTreeMap::new() }
    }
}

impl<R: Reading> Sets<R> {
    /// Adds the facts of a set.
    pub fn add(&mut self, id: SetId, reading: R) {
        self.readings.insert((id, digest(&reading)), reading);
    }

    /// Adds all that `other` holds.
    pub fn unite(&mut self, other: Self) {
        self.readings.extend(other.readings);
    }

    /// How many readings there are.
    pub fn len(&self) -> usize {
        self.readings.len()
    }

    /// Returns true if there is no set.
    pub fn is_empty(&self) -> bool {
        self.readings.is_empty()
    }

    /// The facts to be judged. Of several readings of one set that with more keys counts, and takes over what the others
    /// hashed of the same blocks. Sets that hold the same inputs and were read with other options are refused, and those
    /// that share some inputs where neither holds all of the other's. Of the rest, a set whose inputs another one holds is
    /// left out; of two that hold the same ones, compressed otherwise, one is.
    pub fn settle(self) -> Settled<R> {
        let mut sets: BTreeMap<SetId, R> = BTreeMap::new();
        for ((id, _), reading) in self.readings {
            let settled = match sets.remove(&id) {
                Some(known) if weight(&known) >= weight(&reading) => with_copies(known, &reading),
                Some(known) => with_copies(reading, &known),
                None => reading,
            };
            sets.insert(id, settled);
        }
        let held: Vec<(SetId, BTreeSet<[u8; 32]>)> =
            sets.iter().map(|(id, reading)| (*id, reading.captures())).collect();
        let alike = |one: &SetId, other: &SetId| {
            sets.get(one).zip(sets.get(other)).is_some_and(|(one, other)| one.is_read_as(other))
        };
        let mut holders: BTreeMap<[u8; 32], Vec<usize>> = BTreeMap::new();
        for (place, (_, own)) in held.iter().enumerate() {
            own.iter().for_each(|input| holders.entry(*input).or_default().push(place));
        }
        let mut clashes: BTreeMap<SetId, (SetId, bool)> = BTreeMap::new();
        let mut within: Vec<(SetId, SetId)> = Vec::new();
        let pairs: BTreeSet<(usize, usize)> = holders
            .values()
            .flat_map(|all| all.iter().flat_map(|one| all.iter().map(|other| (*one, *other))))
            .filter(|(one, other)| one < other)
            .collect();
        for (one, other) in pairs {
            let (Some((one, own)), Some((other, theirs))) = (held.get(one), held.get(other)) else { continue };
            match (own.is_subset(theirs), theirs.is_subset(own)) {
                (true, false) => within.push((*one, *other)),
                (false, true) => within.push((*other, *one)),
                (true, true) if alike(one, other) => {
                    let of = |id: &SetId| (sets.get(id).map(weight), std::cmp::Reverse(*id));
                    let is_first = of(one) > of(other);
                    within.push(if is_first { (*other, *one) } else { (*one, *other) });
                }
                (same, _) => {
                    clashes.entry(*one).or_insert((*other, same));
                    clashes.entry(*other).or_insert((*one, same));
                }
            }
        }
        let names: BTreeMap<SetId, String> =
            clashes.keys().filter_map(|id| Some((*id, names(sets.get(id)?.facts())))).collect();
        let mut refused = Vec::new();
        for (id, (other, same)) in &clashes {
            let other = names.get(other).cloned().unwrap_or_default();
            let why = if *same {
                format!("the same captures were read with other options in another part ({other})")
            } else {
                format!("it shares some captures, and not all, with another part ({other})")
            };
            refused.extend(sets.remove(id).map(|reading| (reading, why)));
        }
        for (id, _) in within.iter().filter(|(_, holder)| !clashes.contains_key(holder)) {
            sets.remove(id);
        }
        let mut sets: Vec<(SetId, R)> = sets.into_iter().collect();
        sets.sort_by_cached_key(|(id, reading)| {
            let time = first_time(reading.facts());
            (time.is_none(), time, *id)
        });
        Settled { sets, refused }
    }
}

/// Of two readings of one set, the greater one counts.
fn weight(reading: &impl Reading) -> (usize, u64) {
    (reading.facts().keys.len(), reading.carried())
}

/// Adds digests that `other` has of the reading's blocks: sorted, each once.
fn with_copies<R: Reading>(mut reading: R, other: &R) -> R {
    // With other keys there may be other blocks, and a copy names blocks by their number.
    let (facts, others) = (reading.facts_mut(), other.facts());
    if facts.blocks == others.blocks && facts.copies != others.copies {
        let all: BTreeSet<Copy> = facts.copies.iter().chain(others.copies.iter()).collect();
        facts.copies = all.into_iter().collect::<Journal<Copy>>();
    }
    reading
}

fn first_time(facts: &Facts) -> Option<Timestamp> {
    facts.inputs.iter().filter_map(|input| input.first_time).min()
}

fn names(facts: &Facts) -> String {
    facts.inputs.iter().map(|input| input.name.as_str()).collect::<Vec<_>>().join(", ")
}

fn digest(reading: &impl Reading) -> [u8; 32] {
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
    reading.facts().write(&mut hashing).expect("a hasher takes all bytes");
    hashing.0.update(reading.carried().to_le_bytes());
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
            prop_assert_eq!(left.settle(), right.settle());
        }
    }

    /// The sets that are judged, and why others are refused.
    fn settled(sets: Sets) -> (Vec<Facts>, Vec<String>) {
        let Settled { sets, refused } = sets.settle();
        (sets.into_iter().map(|(_, facts)| facts).collect(), refused.into_iter().map(|(_, why)| why).collect())
    }

    #[test]
    fn of_two_readings_that_with_more_keys_counts_and_knows_what_both_hashed() {
        let (settled, _) = settled(sets(&[(vec![1], 0, vec![7, 2]), (vec![1], 2, vec![2, 5])]));
        assert_eq!(settled, [facts(&[1], 2, &[2, 5, 7])]);
    }

    #[test]
    fn a_set_within_another_one_is_left_out_and_the_others_stand_by_their_time() {
        let members = [(vec![1], 0, vec![]), (vec![1, 2], 0, vec![]), (vec![3], 0, vec![]), (vec![2], 0, vec![])];
        let settled = settled(sets(&members));
        assert_eq!(settled, (vec![facts(&[3], 0, &[]), facts(&[1, 2], 0, &[])], Vec::new()));
    }

    #[test]
    fn sets_that_share_captures_otherwise_are_refused_by_name_and_the_others_stay() {
        let members =
            [(vec![1, 2], 0, vec![]), (vec![2, 3], 0, vec![]), (vec![4], 0, vec![]), (vec![2], 0, vec![])];
        let (left, why) = settled(sets(&members));
        // What only those hold that are refused is not lost with them.
        assert_eq!(left, [facts(&[4], 0, &[]), facts(&[2], 0, &[])]);
        assert!(why.len() == 2 && why.iter().all(|why| why.contains("shares some captures")), "{why:?}");
        assert!(why.iter().any(|why| why.contains("3.pcap")), "{why:?}");
        let mut other_options = sets(&[(vec![1], 0, vec![]), (vec![3], 0, vec![])]);
        let again = facts(&[1], 0, &[]);
        other_options.add(SetId::of(&again, "checksums tested").expect("digests"), again);
        let (left, why) = settled(other_options);
        assert_eq!(left, [facts(&[3], 0, &[])]);
        assert!(why.len() == 2 && why.iter().all(|why| why.contains("other options")), "{why:?}");
    }

    #[test]
    fn a_set_without_digests_has_no_name() {
        let mut facts = facts(&[1], 0, &[]);
        facts.inputs[0].sha256 = None;
        assert_eq!(SetId::of(&facts, ""), None);
    }
}
