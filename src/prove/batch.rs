//! Jobs to digests, many in one go: a pure function of the jobs, whatever engine hashes.

use peerproof_hash::{Engine, Message, chosen, engines};

use super::{Hashed, UnitJob};
use crate::Error;
use crate::facts::Digests;
use crate::torrent::merkle::{LEAF_BYTES, padding};
use crate::torrent::{Expected, PieceTree};

/// Hashes jobs, all of them together.
pub fn hashed(jobs: &[UnitJob<'_>]) -> Vec<Hashed> {
    hashed_by(engine(), jobs)
}

fn hashed_by(engine: &dyn Engine, jobs: &[UnitJob<'_>]) -> Vec<Hashed> {
    let known: Vec<bool> = jobs.iter().map(UnitJob::is_known).collect();
    let open = || jobs.iter().zip(&known).filter(|(_, known)| !**known).map(|(job, _)| job);
    let pieces: Vec<Message<'_>> = open().filter(|job| job.has_sha1()).map(|job| Message::new(&job.runs)).collect();
    let mut sha1 = engine.sha1(&pieces).into_iter();
    let cut = |job| UnitJob::in_leaves(job).map(|bytes| Message::cut(&job.runs, bytes.into(), LEAF_BYTES.into()));
    let leaves: Vec<Message<'_>> = open().filter_map(cut).flatten().collect();
    let mut leaves = engine.sha256(&leaves).into_iter();
    let hashed = jobs.iter().zip(known).map(|(job, known)| {
        let mut digests = Digests::default();
        if !known {
            digests.sha1 = if job.has_sha1() { sha1.next() } else { None };
            let count =
                job.in_leaves().map_or(0, |bytes| job.bytes().min(bytes.into()).div_ceil(LEAF_BYTES.into()));
            digests.leaves = leaves.by_ref().take(count as usize).collect();
        }
        if !known && !job.padded {
            // Here the bytes are in the processor's cache; for the spine they would have to come back.
            job.tell_trivial(&mut digests);
        }
        Hashed { digests, known }
    });
    hashed.collect()
}

impl UnitJob<'_> {
    /// Returns true if the unit has a SHA-1.
    pub fn has_sha1(&self) -> bool {
        matches!(self.expected, Expected::Sha1(_) | Expected::Both { .. })
    }

    /// How many bytes are expected to be cut into leaves; a leaf is one of those.
    pub fn in_leaves(&self) -> Option<u32> {
        self.tree().map(|tree| tree.content)
    }

    /// Tells whether all bytes have one value, and if not, which leaves have.
    fn tell_trivial(&self, digests: &mut Digests) {
        let first = self.runs.iter().find_map(|run| run.first());
        digests.trivial = self.runs.iter().all(|run| run.iter().all(|byte| Some(byte) == first));
        if digests.trivial {
            return;
        }
        let (mut at, mut leaf): (u32, Option<(u32, u8, bool)>) = (self.start, None);
        for run in &self.runs {
            let mut rest = *run;
            while let Some(first) = rest.first() {
                let number = at / LEAF_BYTES;
                let left = (LEAF_BYTES - at % LEAF_BYTES) as usize;
                let (part, behind) = rest.split_at_checked(left).unwrap_or((rest, &[]));
                (at, rest) = (at.saturating_add(part.len() as u32), behind);
                match &mut leaf {
                    Some((known, _, false)) if *known == number => {}
                    Some((known, value, same)) if *known == number => *same = part.iter().all(|byte| byte == value),
                    _ => {
                        note_trivial(leaf, digests);
                        leaf = Some((number, *first, part.iter().all(|byte| byte == first)));
                    }
                }
            }
        }
        note_trivial(leaf, digests);
    }
}

fn note_trivial(leaf: Option<(u32, u8, bool)>, digests: &mut Digests) {
    let Some((number, _, true)) = leaf else { return };
    match digests.trivial_leaves.last_mut() {
        Some(last) if last.end == number => last.end = number.saturating_add(1),
        _ => digests.trivial_leaves.push((number..number.saturating_add(1)).into()),
    }
}

impl UnitJob<'_> {
    /// Returns true if the unit's bytes are those of the copy that came with it.
    fn is_known(&self) -> bool {
        self.verified.as_ref().is_some_and(|verified| are_equal(&self.runs, verified))
    }

    /// The tree that its bytes must have; a leaf is a tree, too.
    fn tree(&self) -> Option<PieceTree> {
        match &self.expected {
            Expected::V2(tree) | Expected::Both { v2: tree, .. } => Some(*tree),
            // No bytes are no leaf.
            Expected::Leaf(root) => {
                let content = u32::try_from(self.bytes()).ok().filter(|bytes| *bytes > 0)?;
                Some(PieceTree { root: *root, content, width: 1 })
            }
            Expected::Sha1(_) | Expected::Unknown => None,
        }
    }
}

/// Returns true if both hold equal bytes, however they are cut.
fn are_equal(mut one: &[&[u8]], mut other: &[&[u8]]) -> bool {
    let (mut mine, mut theirs): (&[u8], &[u8]) = (&[], &[]);
    loop {
        let len = mine.len().min(theirs.len());
        let ((my_head, my_rest), (their_head, their_rest)) = (mine.split_at(len), theirs.split_at(len));
        if my_head != their_head {
            return false;
        }
        (mine, theirs) = (my_rest, their_rest);
        if mine.is_empty() {
            let Some((next, rest)) = one.split_first() else {
                return theirs.is_empty() && other.iter().all(|run| run.is_empty());
            };
            (mine, one) = (next, rest);
        }
        if theirs.is_empty() {
            let Some((next, rest)) = other.split_first() else {
                return mine.is_empty() && one.iter().all(|run| run.is_empty());
            };
            (theirs, other) = (next, rest);
        }
    }
}

/// The root over the leaves of each v2 piece (BEP 52); padding behind the content is not hashed.
fn roots(engine: &dyn Engine, trees: &[(&[&[u8]], PieceTree)]) -> Vec<[u8; 32]> {
    let leaves = trees.iter().flat_map(|(runs, tree)| Message::cut(runs, tree.content.into(), LEAF_BYTES.into()));
    let mut hashes = engine.sha256(&leaves.collect::<Vec<_>>()).into_iter();
    let counts = trees.iter().map(|(runs, tree)| {
        let held: u64 = runs.iter().map(|run| run.len() as u64).sum();
        held.min(tree.content.into()).div_ceil(LEAF_BYTES.into()) as usize
    });
    let mut layers: Vec<(Vec<[u8; 32]>, u32)> =
        counts.zip(trees).map(|(count, (_, tree))| (hashes.by_ref().take(count).collect(), tree.width)).collect();
    // A layer of all trees at a time. The first pair is what is above padding alone.
    let mut behind = padding(0);
    while layers.iter().any(|(_, width)| *width > 1) {
        let open = layers.iter().filter(|(_, width)| *width > 1);
        let pairs = open.flat_map(|(nodes, _)| nodes.chunks(2)).map(|pair| match pair {
            [left, right] => [*left, *right],
            [left, ..] => [*left, behind],
            [] => [behind, behind],
        });
        let pairs: Vec<[[u8; 32]; 2]> = std::iter::once([behind, behind]).chain(pairs).collect();
        let runs: Vec<[&[u8]; 1]> = pairs.iter().map(|pair| [pair.as_flattened()]).collect();
        let messages: Vec<Message<'_>> = runs.iter().map(|runs| Message::new(runs)).collect();
        let mut parents = engine.sha256(&messages).into_iter();
        behind = parents.next().unwrap_or(behind);
        for (nodes, width) in layers.iter_mut().filter(|(_, width)| *width > 1) {
            *nodes = parents.by_ref().take(nodes.len().div_ceil(2)).collect();
            *width /= 2;
        }
    }
    let widths = trees.iter().map(|(_, tree)| tree.width);
    let root = |(nodes, width): (&(Vec<[u8; 32]>, u32), u32)| {
        nodes.0.first().copied().unwrap_or_else(|| padding(width.max(1).ilog2()))
    };
    layers.iter().zip(widths).map(root).collect()
}

/// The root over the leaves of `content` bytes in pieces of `piece_length` (BEP 52); what the runs hold behind the
/// content is not hashed.
pub fn piece_root(runs: &[&[u8]], content: u32, piece_length: u32) -> [u8; 32] {
    let tree = PieceTree { root: [0; 32], content, width: piece_length / LEAF_BYTES };
    roots(engine(), &[(runs, tree)]).first().copied().unwrap_or_default()
}

/// The SHA-256 of each leaf of the first `content` bytes (BEP 52), in order; fewer where the runs hold less.
pub fn leaves(runs: &[&[u8]], content: u32) -> Vec<[u8; 32]> {
    engine().sha256(&Message::cut(runs, content.into(), LEAF_BYTES.into()).collect::<Vec<_>>())
}

/// SHA-1 and SHA-256 of units that hash right, all of them together.
pub fn sums(jobs: &[UnitJob<'_>]) -> Vec<([u8; 20], [u8; 32])> {
    let known = |job: &UnitJob<'_>| match job.expected {
        Expected::Sha1(sha1) => Some(sha1),
        Expected::Both { .. } | Expected::V2(_) | Expected::Leaf(_) | Expected::Unknown => None,
    };
    let open = jobs.iter().filter(|job| known(job).is_none());
    let open: Vec<Message<'_>> = open.map(|job| Message::new(&job.runs)).collect();
    let all: Vec<Message<'_>> = jobs.iter().map(|job| Message::new(&job.runs)).collect();
    let mut open = engine().sha1(&open).into_iter();
    let both = jobs.iter().zip(engine().sha256(&all));
    let both = both.map(|(job, sha256)| (known(job).or_else(|| open.next()).unwrap_or_default(), sha256));
    both.collect()
}

/// Returns true if bytes carry the marks of a SHA-1 collision attack: somebody made another content with the same
/// SHA-1.
pub fn is_collision_attack(runs: &[&[u8]]) -> bool {
    use sha1_checked::Digest;
    let mut hash = sha1_checked::Sha1::new();
    runs.iter().for_each(|run| hash.update(run));
    hash.try_finalize().has_collision()
}

/// SHA-1 of the concatenated runs.
pub fn sha1(runs: &[&[u8]]) -> [u8; 20] {
    engine().sha1(&[Message::new(runs)]).first().copied().unwrap_or_default()
}

/// SHA-256 of the concatenated runs.
pub fn sha256(runs: &[&[u8]]) -> [u8; 32] {
    engine().sha256(&[Message::new(runs)]).first().copied().unwrap_or_default()
}

/// Tells a name of an engine that this machine does not have; see [`peerproof_hash::VARIABLE`].
///
/// # Errors
/// [`Error::Usage`], with the names that it has.
pub(crate) fn check_engine() -> Result<(), Error> {
    chosen().map(drop).map_err(|unavailable| Error::Usage(unavailable.to_string()))
}

/// The engine of this process.
pub(super) fn engine() -> &'static dyn Engine {
    // Whoever reads captures was told before.
    chosen().unwrap_or_else(|_| engines().next().expect("the portable engine is everywhere"))
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;
    use crate::torrent::merkle::root;

    fn bytes(len: usize) -> Vec<u8> {
        (0..len as u32).map(|n| (n.wrapping_mul(0x9E37_79B9) >> 13) as u8).collect()
    }

    #[test]
    fn every_engine_gives_one_result_for_jobs_of_all_kinds_and_lengths() {
        let bytes = bytes(300_000);
        let (mut jobs, mut expected) = (Vec::new(), Vec::new());
        for n in 0..40 {
            let (start, len) = (n * 700, [1, 16_384, 16_385, 65_536, 100_000][n % 5]);
            let range = start..start + len;
            let sha1 = <[u8; 20]>::from(sha1::Sha1::digest(&bytes[range.clone()]));
            let leaves: Vec<[u8; 32]> =
                bytes[range.clone()].chunks(16_384).map(|leaf| Sha256::digest(leaf).into()).collect();
            let width = (len as u32).div_ceil(16_384).next_power_of_two();
            let v2 = PieceTree { root: [0; 32], content: len as u32, width };
            let mut add = |kind: Expected, sha1: Option<[u8; 20]>, leaves: &[[u8; 32]]| {
                let runs = bytes[range.clone()].chunks(1_448).collect();
                jobs.push(UnitJob { runs, expected: kind, verified: None, start: 0, padded: true });
                expected.push(Hashed {
                    digests: Digests { sha1, leaves: leaves.to_vec(), ..Digests::default() },
                    known: false,
                });
            };
            add(Expected::Sha1([0; 20]), Some(sha1), &[]);
            add(Expected::V2(v2), None, &leaves);
            add(Expected::Both { sha1: [0; 20], v2 }, Some(sha1), &leaves);
            add(Expected::Unknown, None, &[]);
            if len <= 16_384 {
                add(Expected::Leaf([0; 32]), None, &leaves);
            }
        }
        for engine in engines() {
            assert!(hashed_by(engine, &jobs) == expected, "{}", engine.name());
        }
    }

    #[test]
    fn a_copy_is_compared_and_hashed_where_it_differs() {
        let bytes = bytes(70_000);
        let digest = <[u8; 20]>::from(sha1::Sha1::digest(&bytes));
        let job = |verified: &[&'static [u8]]| UnitJob {
            runs: bytes.chunks(1_448).map(|run| &*run.to_vec().leak()).collect(),
            expected: Expected::Sha1([0; 20]),
            verified: Some(verified.to_vec()),
            start: 0,
            padded: false,
        };
        let copy: &'static [u8] = bytes.clone().leak();
        let mut other = bytes.clone();
        other[69_999] ^= 1;
        let found = |job: UnitJob<'_>| hashed(&[job]).pop().map(|hashed| (hashed.digests.sha1, hashed.known));
        assert_eq!(found(job(&[&copy[..9], &[], &copy[9..], &[]])), Some((None, true)));
        for differs in [&*other.leak(), &copy[1..], &copy[..69_999], &[]] {
            assert_eq!(found(job(&[differs])), Some((Some(digest), false)));
        }
    }

    #[test]
    fn a_tree_is_as_wide_as_its_piece_also_where_little_of_it_is_content() {
        let bytes = bytes(3 * 16_384 + 5);
        for content in [0, 1, 16_384, 16_385, 3 * 16_384, 3 * 16_384 + 5] {
            for width in [4, 8, 64] {
                let leaves = bytes[..content].chunks(16_384).map(|leaf| Sha256::digest(leaf).into());
                let expected = root(&leaves.collect::<Vec<_>>(), width);
                let runs: Vec<&[u8]> = bytes.chunks(1_000).collect();
                assert_eq!(piece_root(&runs, content as u32, width * 16_384), expected, "{content} of {width}");
            }
        }
    }

    #[test]
    fn it_is_told_which_leaves_have_one_value_however_their_bytes_are_cut() {
        static LEAF: [u8; 16_384] = [7; 16_384];
        let told = |start: u32, runs: Vec<&'static [u8]>| {
            let job = UnitJob { runs, expected: Expected::Sha1([0; 20]), verified: None, start, padded: false };
            let digests = hashed(&[job]).remove(0).digests;
            let leaves = digests.trivial_leaves.iter().map(|leaves| (leaves.start, leaves.end)).collect::<Vec<_>>();
            (digests.trivial, leaves)
        };
        assert_eq!(told(0, vec![b"ab", &LEAF, &LEAF, b"c"]), (false, vec![(1, 2)]));
        assert_eq!(told(16_384, vec![&LEAF[..9], &LEAF[9..], b"z"]), (false, vec![(1, 3)]));
        assert_eq!(told(16_384, vec![&LEAF, &LEAF]), (true, vec![]));
    }

    #[test]
    fn two_contents_made_to_have_one_sha1_are_told_and_others_are_not() {
        // The first 320 bytes of the two files of shattered.io: 192 that they share, then two blocks each.
        let bytes = |hex: &str| -> Vec<u8> {
            let pair = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex");
            (0..hex.len()).step_by(2).map(pair).collect()
        };
        let [one, other] = [ONE, OTHER].map(|blocks| [bytes(HEAD), bytes(blocks)].concat());
        assert_eq!(sha1(&[&one]), sha1(&[&other]));
        assert_ne!(sha256(&[&one]), sha256(&[&other]));
        for content in [&one, &other] {
            assert!(is_collision_attack(&[&content[..100], &content[100..]]));
            assert!(!is_collision_attack(&[&content[..192]]));
        }
    }

    const HEAD: &str = "255044462d312e330a25e2e3cfd30a0a0a312030206f626a0a3c3c2f57696474682032203020522f4865696768742033\
         203020522f547970652034203020522f537562747970652035203020522f46696c7465722036203020522f436f6c6f72\
         53706163652037203020522f4c656e6774682038203020522f42697473506572436f6d706f6e656e7420383e3e0a7374\
         7265616d0affd8fffe00245348412d3120697320646561642121212121852fec092339759c39b1a1c63c4c97e1fffe01";
    const ONE: &str = "7346dc9166b67e118f029ab621b2560ff9ca67cca8c7f85ba84c79030c2b3de218f86db3a90901d5df45c14f26fedfb3\
         dc38e96ac22fe7bd728f0e45bce046d23c570feb141398bb552ef5a0a82be331fea48037b8b5d71f0e332edf93ac3500\
         eb4ddc0decc1a864790c782c76215660dd309791d06bd0af3f98cda4bc4629b1";
    const OTHER: &str = "7f46dc93a6b67e013b029aaa1db2560b45ca67d688c7f84b8c4c791fe02b3df614f86db1690901c56b45c1530afedfb7\
         6038e972722fe7ad728f0e4904e046c230570fe9d41398abe12ef5bc942be33542a4802d98b5d70f2a332ec37fac3514\
         e74ddc0f2cc1a874cd0c78305a21566461309789606bd0bf3f98cda8044629a1";
}
