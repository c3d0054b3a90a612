//! Info dictionaries rebuilt from `ut_metadata` (BEP 9), over all connections of a run.
//!
//! Anybody can send anything under an info-hash, so contents that differ are kept side by side, and what is rebuilt
//! counts only when the whole hashes to the info-hash: by SHA-1, or by SHA-256 cut to 20 bytes (BEP 52).

use std::collections::{BTreeMap, BTreeSet};

use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::packet::Endpoint;
use crate::provenance::Span;

/// Pieces of info dictionaries, by the info-hash that they were sent under.
///
/// # Invariants
/// - Everything in [`finish`](Self::finish)'s `rebuilt` hashes to its info-hash.
/// - At most 1,000 info-hashes, 64 MiB for each and 256 MiB in all; 4 contents of a piece and 64 sizes for each.
#[derive(Debug, Default)]
pub struct MetadataStore {
    assemblies: BTreeMap<[u8; 20], Assembly>,
    fresh: BTreeSet<[u8; 20]>,
    bytes: usize,
    wrong: Vec<WrongPiece>,
    counts: MetadataCounts,
}

/// What became of a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// Kept; more is needed.
    Kept,
    /// The same content was known; its sender is a contributor too.
    Known,
    /// It completed the info dictionary: see [`MetadataStore::complete`].
    Completed,
    /// It differs from the info dictionary, which is known.
    Wrong,
    /// Empty, longer than 16 KiB, or beyond 64 MiB: no client can mean it.
    Malformed,
    /// A bound was reached; not kept.
    Limit,
}

/// An info dictionary that hashes to its info-hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rebuilt {
    /// The info-hash as on the wire: SHA-1, or SHA-256 cut to 20 bytes.
    pub info_hash: [u8; 20],
    /// The bencoded info dictionary.
    pub info: Vec<u8>,
    /// Who sent a piece of it that is right, and in which frames; one entry for each endpoint, sorted.
    pub contributors: Vec<(Endpoint, Span)>,
    /// Those of them who sent every piece of it; sorted.
    pub whole_from: Vec<(Endpoint, Span)>,
}

/// A piece that differs from the info dictionary it was sent for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrongPiece {
    /// The info-hash it was sent under.
    pub info_hash: [u8; 20],
    /// Index of the piece of 16 KiB.
    pub piece: u32,
    /// Who sent it.
    pub from: Endpoint,
    /// The frames that carried it.
    pub span: Span,
}

/// How often something went wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MetadataCounts {
    /// Pieces that differ from a rebuilt info dictionary; the first 1,000 are named.
    pub wrong: u64,
    /// Whole dictionaries that did not hash to the info-hash.
    pub mismatches: u64,
    /// Pieces that no client can mean.
    pub malformed: u64,
    /// Pieces not kept, senders not named or combinations not tried, because of a bound.
    pub limited: u64,
}

/// All that a run's metadata messages gave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Harvest {
    /// Sorted by info-hash.
    pub rebuilt: Vec<Rebuilt>,
    /// In the order in which they were found wrong.
    pub wrong: Vec<WrongPiece>,
    /// Info-hashes of which pieces were seen, but no whole that matches; sorted.
    pub unfinished: Vec<[u8; 20]>,
    /// The totals.
    pub counts: MetadataCounts,
}

/// What is known of one info dictionary.
#[derive(Debug, Default)]
struct Assembly {
    sizes: BTreeSet<u64>,
    pieces: BTreeMap<u32, Vec<Variant>>,
    bytes: usize,
    /// Bytes hashed in vain.
    hashed: u64,
    /// The dictionary itself, once it is known.
    info: Option<Vec<u8>>,
    contributors: BTreeMap<Endpoint, Contribution>,
}

/// What one endpoint sent of a dictionary.
#[derive(Debug)]
struct Contribution {
    span: Span,
    pieces: BTreeSet<u32>,
}

/// One content of a piece, and who sent it.
#[derive(Debug)]
struct Variant {
    bytes: Vec<u8>,
    from: BTreeMap<Endpoint, Span>,
}

impl MetadataStore {
    /// Takes the payload of a `data` message: piece `piece` of what was asked under `info_hash`, `total_size` as the
    /// message or the extended handshake states it, in bytes.
    pub fn push(
        &mut self,
        info_hash: [u8; 20],
        piece: u32,
        total_size: Option<u64>,
        payload: &[u8],
        from: Endpoint,
        span: Span,
    ) -> Stored {
        let stored = self.store(info_hash, piece, total_size, payload, from, span);
        match stored {
            Stored::Malformed => self.counts.malformed += 1,
            Stored::Limit => self.counts.limited += 1,
            Stored::Completed => {
                self.fresh.insert(info_hash);
            }
            Stored::Wrong => self.note_wrong(WrongPiece { info_hash, piece, from, span }),
            Stored::Kept | Stored::Known => {}
        }
        stored
    }

    /// The info dictionaries that were completed since the last call, sorted by info-hash, with the contributors so
    /// far.
    pub fn complete(&mut self) -> Vec<Rebuilt> {
        let fresh = std::mem::take(&mut self.fresh);
        fresh.iter().filter_map(|hash| self.assemblies.get(hash)?.rebuilt(*hash)).collect()
    }

    /// Everything, at the end of the run.
    pub fn finish(self) -> Harvest {
        let rebuilt = self.assemblies.iter().filter_map(|(hash, assembly)| assembly.rebuilt(*hash)).collect();
        let open = self.assemblies.iter().filter(|(_, assembly)| assembly.info.is_none());
        let unfinished = open.map(|(hash, _)| *hash).collect();
        Harvest { rebuilt, wrong: self.wrong, unfinished, counts: self.counts }
    }

    fn store(
        &mut self,
        info_hash: [u8; 20],
        piece: u32,
        total_size: Option<u64>,
        payload: &[u8],
        from: Endpoint,
        span: Span,
    ) -> Stored {
        let start = u64::from(piece) * PIECE_BYTES as u64;
        let end = start + payload.len() as u64;
        if payload.is_empty() || payload.len() > PIECE_BYTES || end > MAX_INFO {
            return Stored::Malformed;
        }
        if !self.assemblies.contains_key(&info_hash) && self.assemblies.len() >= MAX_INFO_HASHES {
            return Stored::Limit;
        }
        let full = self.bytes + payload.len() > MAX_BYTES;
        let assembly = self.assemblies.entry(info_hash).or_default();
        if let Some(info) = &assembly.info {
            if info.get(start as usize..end as usize) != Some(payload)
                || !is_piece(info.len(), piece, payload.len())
            {
                return Stored::Wrong;
            }
            return if contribute(&mut assembly.contributors, from, piece, span) {
                Stored::Known
            } else {
                Stored::Limit
            };
        }
        // A short piece is the last one, and so states the size itself.
        let short = (payload.len() < PIECE_BYTES).then_some(end);
        let new_sizes = [total_size.filter(|size| *size >= end && *size <= MAX_INFO), short];
        let mut limited = false;
        let mut added = Vec::new();
        let mut fresh = None;
        for size in new_sizes.into_iter().flatten() {
            if !assembly.sizes.contains(&size) {
                limited |= assembly.sizes.len() >= MAX_SIZES;
                if assembly.sizes.len() < MAX_SIZES && assembly.sizes.insert(size) {
                    added.push(size);
                }
            }
        }
        let variants = assembly.pieces.entry(piece).or_default();
        let mut known = false;
        if let Some(variant) = variants.iter_mut().find(|variant| variant.bytes == payload) {
            limited |= !credit(&mut variant.from, from, span);
            known = true;
        } else if full || variants.len() >= MAX_VARIANTS || assembly.bytes + payload.len() > MAX_INFO as usize {
            limited = true;
        } else {
            variants.push(Variant { bytes: payload.to_vec(), from: BTreeMap::from([(from, span)]) });
            assembly.bytes += payload.len();
            self.bytes += payload.len();
            fresh = Some((piece, variants.len() - 1));
        }
        let mut hashed = assembly.hashed;
        let news = fresh.is_some() || !added.is_empty();
        let solved =
            news.then(|| assembly.solve(&info_hash, fresh, &added, &mut hashed, &mut self.counts)).flatten();
        assembly.hashed = hashed;
        if let Some(info) = solved {
            let wrong = assembly.settle(info_hash, info);
            self.bytes = self.bytes.saturating_sub(std::mem::take(&mut assembly.bytes));
            wrong.into_iter().for_each(|wrong| self.note_wrong(wrong));
            return Stored::Completed;
        }
        match (limited, known) {
            (true, _) => Stored::Limit,
            (false, true) => Stored::Known,
            (false, false) => Stored::Kept,
        }
    }

    fn note_wrong(&mut self, wrong: WrongPiece) {
        self.counts.wrong += 1;
        if self.wrong.len() < MAX_WRONG {
            self.wrong.push(wrong);
        }
    }
}

impl Assembly {
    fn rebuilt(&self, info_hash: [u8; 20]) -> Option<Rebuilt> {
        let info = self.info.clone()?;
        let pieces = info.len().div_ceil(PIECE_BYTES);
        let all = self.contributors.iter().map(|(from, part)| (*from, part.span));
        let whole = self.contributors.iter().filter(|(_, part)| part.pieces.len() == pieces);
        Some(Rebuilt {
            info_hash,
            info,
            contributors: all.collect(),
            whole_from: whole.map(|(from, part)| (*from, part.span)).collect(),
        })
    }

    /// Looks for contents that together hash to the info-hash. For a size that was known before, only what contains
    /// the `fresh` content (a piece and its place among the piece's variants) is new.
    fn solve(
        &self,
        info_hash: &[u8; 20],
        fresh: Option<(u32, usize)>,
        new_sizes: &[u64],
        hashed: &mut u64,
        counts: &mut MetadataCounts,
    ) -> Option<Vec<u8>> {
        for size in &self.sizes {
            let fresh = fresh.filter(|_| !new_sizes.contains(size));
            let Some(choices) = self.choices(*size, fresh) else { continue };
            let mut senders = BTreeSet::new();
            choices.iter().flatten().for_each(|variant| senders.extend(variant.from.keys().copied()));
            // What one peer sent in whole, and all but what one peer sent, come first: one liar then costs a few
            // attempts, not a search.
            let pick = |sender: Endpoint, own: bool| {
                let place = |variants: &Vec<&Variant>| {
                    variants
                        .iter()
                        .position(|one| if own { one.from.contains_key(&sender) } else { one.is_without(sender) })
                };
                choices.iter().map(place).collect::<Option<Vec<_>>>().map(|picks| (picks, MAX_HASHED))
            };
            let own = senders.iter().filter_map(|sender| pick(*sender, true));
            let without = senders.iter().filter_map(|sender| pick(*sender, false));
            let mixed = Combinations::of(&choices).map(|picks| (picks, MAX_MIXED));
            let mut tried = BTreeSet::new();
            for (picks, most) in
                own.take(MAX_ATTEMPTS).chain(without.take(MAX_ATTEMPTS)).chain(mixed.take(MAX_ATTEMPTS))
            {
                if tried.contains(&picks) {
                    continue;
                }
                if *hashed + size > most {
                    counts.limited += 1;
                    break;
                }
                let parts = choices.iter().zip(&picks).filter_map(|(variants, pick)| variants.get(*pick));
                let info: Vec<u8> = parts.flat_map(|variant| variant.bytes.iter().copied()).collect();
                if hashes_to(&info, info_hash) {
                    return Some(info);
                }
                tried.insert(picks);
                *hashed += size;
                counts.mismatches += 1;
            }
        }
        None
    }

    /// The contents of every piece that fit a dictionary of `size` bytes; `None` if a piece has none, or
    /// if the `fresh` one is not among them.
    fn choices(&self, size: u64, fresh: Option<(u32, usize)>) -> Option<Vec<Vec<&Variant>>> {
        let size = usize::try_from(size).ok()?;
        let count = u32::try_from(size.div_ceil(PIECE_BYTES)).ok()?;
        let fitting = |piece: u32| {
            let variants = self.pieces.get(&piece)?.iter().enumerate();
            let wanted = |place: usize| fresh.is_none_or(|(fresh, only)| fresh != piece || only == place);
            let fits = |(place, one): &(usize, &Variant)| wanted(*place) && is_piece(size, piece, one.bytes.len());
            let fitting: Vec<_> = variants.filter(fits).map(|(_, variant)| variant).collect();
            (!fitting.is_empty()).then_some(fitting)
        };
        if fresh.is_some_and(|(piece, _)| piece >= count) {
            return None;
        }
        (0..count).map(fitting).collect()
    }

    /// Keeps the dictionary and who sent it; returns what differs from it.
    fn settle(&mut self, info_hash: [u8; 20], info: Vec<u8>) -> Vec<WrongPiece> {
        let mut wrong = Vec::new();
        for (piece, variants) in std::mem::take(&mut self.pieces) {
            let right = info.chunks(PIECE_BYTES).nth(piece as usize);
            for variant in variants {
                if right == Some(variant.bytes.as_slice()) {
                    variant.from.into_iter().for_each(|(from, span)| {
                        contribute(&mut self.contributors, from, piece, span);
                    });
                } else {
                    let of = |(from, span)| WrongPiece { info_hash, piece, from, span };
                    wrong.extend(variant.from.into_iter().map(of));
                }
            }
        }
        self.info = Some(info);
        wrong
    }
}

impl Variant {
    /// Whether somebody else sent it.
    fn is_without(&self, sender: Endpoint) -> bool {
        self.from.keys().any(|from| *from != sender)
    }
}

/// Every way to pick one content for each piece.
struct Combinations {
    counts: Vec<usize>,
    next: Option<Vec<usize>>,
}

impl Combinations {
    fn of(choices: &[Vec<&Variant>]) -> Self {
        Self { counts: choices.iter().map(Vec::len).collect(), next: Some(vec![0; choices.len()]) }
    }
}

impl Iterator for Combinations {
    type Item = Vec<usize>;

    fn next(&mut self) -> Option<Vec<usize>> {
        let picks = self.next.take()?;
        let mut after = picks.clone();
        for (pick, count) in after.iter_mut().zip(&self.counts) {
            *pick += 1;
            if *pick < *count {
                self.next = Some(after);
                break;
            }
            *pick = 0;
        }
        Some(picks)
    }
}

/// Whether a piece of `len` bytes can be piece `piece` of a dictionary of `size` bytes.
fn is_piece(size: usize, piece: u32, len: usize) -> bool {
    let start = piece as usize * PIECE_BYTES;
    size.checked_sub(start).is_some_and(|left| len == left.min(PIECE_BYTES))
}

/// Notes that an endpoint sent a piece that is right; `false` when there is no room for another endpoint.
fn contribute(known: &mut BTreeMap<Endpoint, Contribution>, from: Endpoint, piece: u32, span: Span) -> bool {
    if let Some(part) = known.get_mut(&from) {
        part.span = part.span.join(span);
        part.pieces.insert(piece);
        return true;
    }
    let room = known.len() < MAX_SENDERS;
    if room {
        known.insert(from, Contribution { span, pieces: BTreeSet::from([piece]) });
    }
    room
}

/// Adds a sender, unless there are too many.
fn credit(from: &mut BTreeMap<Endpoint, Span>, endpoint: Endpoint, span: Span) -> bool {
    if let Some(known) = from.get_mut(&endpoint) {
        *known = known.join(span);
        return true;
    }
    let room = from.len() < MAX_SENDERS;
    if room {
        from.insert(endpoint, span);
    }
    room
}

fn hashes_to(info: &[u8], info_hash: &[u8; 20]) -> bool {
    Sha1::digest(info).as_slice() == info_hash || Sha256::digest(info).as_slice().starts_with(info_hash)
}

/// BEP 9: every piece but the last has so many bytes.
const PIECE_BYTES: usize = 16 << 10;
// Rationale: a dictionary of 64 MiB names 3 million pieces; clients refuse more than 4 to 32 MiB.
const MAX_INFO: u64 = 64 << 20;
// Rationale: dictionaries have some 100 KiB; a thousand of them fit, a flood of them does not fill the memory.
const MAX_BYTES: usize = 256 << 20;
// Rationale: a crawler's capture holds hundreds.
const MAX_INFO_HASHES: usize = 1_000;
// Rationale: the truth, and three liars that differ from one another.
const MAX_VARIANTS: usize = 4;
// Rationale: a liar about the size costs nothing until its pieces are there.
const MAX_SIZES: usize = 64;
// Rationale: peers that serve one dictionary in one capture; each costs 100 bytes.
const MAX_SENDERS: usize = 10_000;
// Rationale: three pieces with four contents each, or as many peers.
const MAX_ATTEMPTS: usize = 64;
// Rationale: a few seconds of hashing for one info-hash that liars fill; a dictionary of 1 MiB never gets there.
const MAX_HASHED: u64 = 4 << 30;
// Rationale: blind search gets the lesser part of that, so that it never starves the attempts with a reason.
const MAX_MIXED: u64 = 256 << 20;
// Rationale: enough to look at; the count goes on.
const MAX_WRONG: usize = 1_000;

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use proptest::prelude::*;

    use super::*;
    use crate::provenance::{At, FrameId, Timestamp};

    fn peer(n: u8) -> Endpoint {
        Endpoint { ip: IpAddr::V4(Ipv4Addr::new(192, 0, 2, n)), port: 6881 }
    }

    fn span(number: u64) -> Span {
        Span::single(At { time: Timestamp(number as i64), frame: FrameId::new(0, number) })
    }

    fn info(len: usize) -> Vec<u8> {
        (0..len).map(|n| (n * 31 % 251) as u8).collect()
    }

    fn sha1(info: &[u8]) -> [u8; 20] {
        Sha1::digest(info).into()
    }

    fn push(store: &mut MetadataStore, hash: [u8; 20], piece: u32, bytes: &[u8], from: u8) -> Stored {
        store.push(hash, piece, None, bytes, peer(from), span(u64::from(piece) + 1))
    }

    #[test]
    fn pieces_of_several_peers_make_one_dictionary() {
        let info = info(40_000);
        let sha256: [u8; 32] = Sha256::digest(&info).into();
        let cut: [u8; 20] = *sha256.first_chunk().expect("32 bytes");
        for hash in [sha1(&info), cut] {
            let mut store = MetadataStore::default();
            assert_eq!(push(&mut store, hash, 2, &info[32_768..], 1), Stored::Kept);
            assert_eq!(push(&mut store, hash, 0, &info[..16_384], 2), Stored::Kept);
            assert_eq!(push(&mut store, hash, 0, &info[..16_384], 3), Stored::Known);
            assert!(store.complete().is_empty());
            assert_eq!(push(&mut store, hash, 1, &info[16_384..32_768], 1), Stored::Completed);
            assert_eq!(push(&mut store, hash, 1, &info[16_384..32_768], 4), Stored::Known);
            let contributors: Vec<_> = [1, 2, 3, 4].map(peer).to_vec();
            let rebuilt = store.complete();
            assert_eq!((rebuilt.len(), &rebuilt[0].info), (1, &info));
            assert!(store.complete().is_empty());
            let harvest = store.finish();
            let from: Vec<_> = harvest.rebuilt[0].contributors.iter().map(|(from, _)| *from).collect();
            assert_eq!((from, harvest.wrong.len(), harvest.unfinished.len()), (contributors, 0, 0));
        }
    }

    #[test]
    fn a_poisoned_piece_is_named_when_the_right_one_comes() {
        let info = info(40_000);
        let hash = sha1(&info);
        let mut store = MetadataStore::default();
        push(&mut store, hash, 0, &info[..16_384], 1);
        push(&mut store, hash, 2, &info[32_768..], 1);
        assert_eq!(push(&mut store, hash, 1, &[7; 16_384], 66), Stored::Kept);
        assert_eq!(store.counts.mismatches, 1);
        assert_eq!(push(&mut store, hash, 1, &info[16_384..32_768], 2), Stored::Completed);
        assert_eq!(push(&mut store, hash, 0, &[8; 16_384], 67), Stored::Wrong);
        let harvest = store.finish();
        assert_eq!(harvest.rebuilt[0].info, info);
        let from: Vec<_> = harvest.rebuilt[0].contributors.iter().map(|(from, _)| *from).collect();
        assert_eq!(from, [peer(1), peer(2)]);
        let wrong: Vec<_> = harvest.wrong.iter().map(|wrong| (wrong.piece, wrong.from)).collect();
        assert_eq!((wrong, harvest.counts.wrong), (vec![(1, peer(66)), (0, peer(67))], 2));
    }

    #[test]
    fn a_liar_about_every_piece_and_the_size_does_not_hide_the_truth() {
        let info = info(50 * PIECE_BYTES);
        let hash = sha1(&info);
        let mut store = MetadataStore::default();
        for piece in 0..50 {
            store.push(hash, piece, Some(49 * 16_384 + 5), &[piece as u8; PIECE_BYTES], peer(66), span(1));
        }
        for (piece, bytes) in (0..).zip(info.chunks(PIECE_BYTES)) {
            store.push(hash, piece, Some(info.len() as u64), bytes, peer(1 + piece as u8 % 2), span(2));
        }
        let harvest = store.finish();
        assert_eq!(harvest.rebuilt[0].contributors, [(peer(1), span(2)), (peer(2), span(2))]);
        assert_eq!(harvest.counts.wrong, 50);
    }

    #[test]
    fn what_never_matches_is_unfinished() {
        let mut store = MetadataStore::default();
        assert_eq!(push(&mut store, [9; 20], 0, b"d4:name1:ae", 1), Stored::Kept);
        let harvest = store.finish();
        assert_eq!((harvest.rebuilt.len(), harvest.unfinished, harvest.counts.mismatches), (0, vec![[9; 20]], 1));
    }

    #[test]
    fn bounds_are_told() {
        let mut store = MetadataStore::default();
        assert_eq!(push(&mut store, [1; 20], 0, &[], 1), Stored::Malformed);
        assert_eq!(push(&mut store, [1; 20], 0, &[0; 16_385], 1), Stored::Malformed);
        assert_eq!(push(&mut store, [1; 20], u32::MAX, &[0; 16_384], 1), Stored::Malformed);
        for fill in 0..4 {
            assert_eq!(push(&mut store, [1; 20], 0, &[fill; 16_384], fill), Stored::Kept);
        }
        assert_eq!(push(&mut store, [1; 20], 0, &[4; 16_384], 4), Stored::Limit);
        for n in 0..999_u32 {
            let mut hash = [2; 20];
            hash[..4].copy_from_slice(&n.to_be_bytes());
            assert_eq!(push(&mut store, hash, 1, &[4; 16_384], 4), Stored::Kept);
        }
        assert_eq!(push(&mut store, [3; 20], 0, &[4; 16_384], 4), Stored::Limit);
        assert_eq!((store.counts.malformed, store.counts.limited), (3, 2));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn only_the_truth_is_rebuilt(
            len in 1..50_000_usize,
            steps in proptest::collection::vec((0..5_u32, any::<bool>(), 0..4_u8, proptest::option::of(any::<u64>())), 0..40),
        ) {
            let info = info(len);
            let hash = sha1(&info);
            let mut store = MetadataStore::default();
            let mut seen = BTreeSet::new();
            for (piece, lie, from, size) in steps {
                let Some(truth) = info.chunks(PIECE_BYTES).nth(piece as usize) else { continue };
                let mut bytes = truth.to_vec();
                if lie { bytes[0] ^= 1 } else { seen.insert(piece); }
                store.push(hash, piece, size.map(|size| size % 70_000).or(Some(len as u64)), &bytes, peer(from), span(1));
            }
            let harvest = store.finish();
            prop_assert!(harvest.rebuilt.iter().all(|rebuilt| rebuilt.info == info));
            if !harvest.rebuilt.is_empty() {
                prop_assert_eq!(seen.len(), len.div_ceil(PIECE_BYTES));
            }
        }
    }
}
