//! Info dictionaries rebuilt from `ut_metadata` (BEP 9), over all connections of a run.
//!
//! Anybody can send anything under an info-hash, so contents that differ are kept side by side, and what is rebuilt
//! counts only when the whole hashes to the info-hash: by SHA-1, or by SHA-256 cut to 20 bytes (BEP 52).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::ends::{Endpoint, Span, Transport};
use crate::limits::{
    INFO_BYTES, METADATA_ATTEMPTS, METADATA_BYTES, METADATA_CONTRIBUTIONS, METADATA_HASH_BYTES,
    METADATA_HASHED_BYTES, METADATA_MIXED_BYTES, METADATA_SENDERS, METADATA_SIZES, METADATA_VARIANTS,
    METADATA_WRONG,
};

/// Pieces of info dictionaries, by the info-hash that they were sent under.
///
/// # Invariants
/// - Everything in [`finish`](Self::finish)'s `rebuilt` hashes to its info-hash.
/// - At most 64 MiB for each info-hash and 64 MiB in all, of which each info-hash takes one KiB at least; 4 contents of a
///   piece, or 64 of as many senders, and 64 sizes for each. What is not whole makes room: first that of which nothing came
///   for longest, so that invented info-hashes push out one another, and nothing that is whole.
#[derive(Debug, Default)]
pub struct MetadataStore {
    assemblies: BTreeMap<[u8; 20], Assembly>,
    /// Info-hashes whose dictionary is not whole, by the last message for each.
    waiting: BTreeMap<u64, [u8; 20]>,
    messages: u64,
    fresh: BTreeSet<[u8; 20]>,
    /// Bytes of all contents and whole dictionaries, with what each info-hash takes.
    bytes: usize,
    /// Entries of `contributors` in all.
    contributions: usize,
    wrong: Vec<WrongPiece>,
    counts: MetadataCounts,
}

/// Which way a piece went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct Way {
    /// Who sent it.
    pub from: Endpoint,
    /// To whom.
    pub to: Endpoint,
    /// How.
    pub transport: Transport,
}

/// The pieces of a rebuilt info dictionary that went one way.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Contribution {
    /// Who sent them to whom.
    pub way: Way,
    /// Index of each, and the frames that carried it first.
    pub pieces: BTreeMap<u32, Span>,
}

impl Contribution {
    /// The frames of all its pieces.
    pub fn span(&self) -> Option<Span> {
        self.pieces.values().copied().reduce(Span::join)
    }
}

/// The outcome for a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// Kept; more is needed.
    Kept,
    /// Equal content was known; its sender is a contributor too.
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
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Rebuilt {
    /// The info-hash as on the wire: SHA-1, or SHA-256 cut to 20 bytes.
    pub info_hash: [u8; 20],
    /// The bencoded info dictionary.
    pub info: Arc<[u8]>,
    /// Who sent which pieces of it that are right; one entry for each way, sorted.
    pub contributors: Vec<Contribution>,
    /// Who sent every piece of it, to whomever, and in which frames; sorted.
    pub whole_from: Vec<(Endpoint, Span)>,
}

impl Rebuilt {
    /// How many pieces it has.
    pub fn pieces(&self) -> usize {
        self.info.len().div_ceil(PIECE_BYTES)
    }
}

/// A piece that differs from the info dictionary it was sent for.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct MetadataCounts {
    /// Pieces that differ from a rebuilt info dictionary; the first 1,000 are named.
    pub wrong: u64,
    /// Whole dictionaries that did not hash to the info-hash.
    pub mismatches: u64,
    /// Pieces that no client can mean.
    pub malformed: u64,
    /// Pieces not kept, info-hashes let go, senders not named or combinations not tried, because of a bound.
    pub limited: u64,
}

/// All that a run's metadata messages gave.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
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

/// The knowledge of one info dictionary.
#[derive(Debug, Default)]
struct Assembly {
    sizes: BTreeSet<u64>,
    pieces: BTreeMap<u32, Vec<Variant>>,
    bytes: usize,
    /// The last message for it, by number.
    last: u64,
    /// Bytes hashed in vain.
    hashed: u64,
    /// The dictionary itself, once it is known.
    info: Option<Arc<[u8]>>,
    contributors: BTreeMap<Way, BTreeMap<u32, Span>>,
}

/// One content of a piece, and who sent it.
#[derive(Debug)]
struct Variant {
    bytes: Vec<u8>,
    from: BTreeMap<Way, Span>,
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
        way: Way,
        span: Span,
    ) -> Stored {
        let stored = self.store(info_hash, piece, total_size, payload, way, span);
        match stored {
            Stored::Malformed => self.counts.malformed += 1,
            Stored::Limit => self.counts.limited += 1,
            Stored::Completed => {
                self.fresh.insert(info_hash);
            }
            Stored::Wrong => self.note_wrong(WrongPiece { info_hash, piece, from: way.from, span }),
            Stored::Kept | Stored::Known => {}
        }
        stored
    }

    /// The info dictionaries that were completed since the last call, sorted by info-hash, with the contributors so
    /// far.
    pub fn complete(&mut self) -> Vec<Rebuilt> {
        let fresh = std::mem::take(&mut self.fresh);
        fresh.iter().filter_map(|hash| self.assemblies.get(hash)?.clone_whole().rebuilt(*hash)).collect()
    }

    /// Everything, at the end of the run.
    pub fn finish(self) -> Harvest {
        let open = self.assemblies.iter().filter(|(_, assembly)| assembly.info.is_none());
        let unfinished = open.map(|(hash, _)| *hash).collect();
        let rebuilt = self.assemblies.into_iter().filter_map(|(hash, assembly)| assembly.rebuilt(hash)).collect();
        Harvest { rebuilt, wrong: self.wrong, unfinished, counts: self.counts }
    }

    fn store(
        &mut self,
        info_hash: [u8; 20],
        piece: u32,
        total_size: Option<u64>,
        payload: &[u8],
        way: Way,
        span: Span,
    ) -> Stored {
        let start = u64::from(piece) * PIECE_BYTES as u64;
        let end = start + payload.len() as u64;
        if payload.is_empty() || payload.len() > PIECE_BYTES || end > INFO_BYTES {
            return Stored::Malformed;
        }
        let new = !self.assemblies.contains_key(&info_hash);
        let full = !self.make_room(payload.len() + if new { METADATA_HASH_BYTES } else { 0 }, &info_hash);
        if new && full {
            return Stored::Limit;
        }
        self.bytes += if new { METADATA_HASH_BYTES } else { 0 };
        self.messages += 1;
        let assembly = self.assemblies.entry(info_hash).or_default();
        if assembly.info.is_none() {
            self.waiting.remove(&std::mem::replace(&mut assembly.last, self.messages));
            self.waiting.insert(self.messages, info_hash);
        }
        if let Some(info) = &assembly.info {
            if info.get(start as usize..end as usize) != Some(payload)
                || !is_piece(info.len(), piece, payload.len())
            {
                return Stored::Wrong;
            }
            return if contribute(&mut assembly.contributors, &mut self.contributions, way, piece, span) {
                Stored::Known
            } else {
                Stored::Limit
            };
        }
        // A short piece is the last one, and so states the size itself.
        let short = (payload.len() < PIECE_BYTES).then_some(end);
        let new_sizes = [total_size.filter(|size| *size >= end && *size <= INFO_BYTES), short];
        let mut limited = false;
        let mut added = Vec::new();
        let mut fresh = None;
        for size in new_sizes.into_iter().flatten() {
            if !assembly.sizes.contains(&size) {
                limited |= assembly.sizes.len() >= METADATA_SIZES;
                if assembly.sizes.len() < METADATA_SIZES && assembly.sizes.insert(size) {
                    added.push(size);
                }
            }
        }
        let variants = assembly.pieces.entry(piece).or_default();
        let mut known = false;
        if let Some(variant) = variants.iter_mut().find(|variant| variant.bytes == payload) {
            limited |= !credit(&mut variant.from, way, span);
            known = true;
        } else if full || !has_room(variants, way.from) || assembly.bytes + payload.len() > INFO_BYTES as usize {
            limited = true;
        } else {
            variants.push(Variant { bytes: payload.to_vec(), from: BTreeMap::from([(way, span)]) });
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
            self.bytes = (self.bytes + info.len()).saturating_sub(std::mem::take(&mut assembly.bytes));
            self.waiting.remove(&assembly.last);
            let wrong = assembly.settle(info_hash, info, &mut self.contributions);
            wrong.into_iter().for_each(|wrong| self.note_wrong(wrong));
            return Stored::Completed;
        }
        match (limited, known) {
            (true, _) => Stored::Limit,
            (false, true) => Stored::Known,
            (false, false) => Stored::Kept,
        }
    }

    /// Frees memory for `bytes` more, if need be in place of info-hashes other than `kept` that are not whole;
    /// returns true if the bound then allows them.
    fn make_room(&mut self, bytes: usize, kept: &[u8; 20]) -> bool {
        while self.bytes + bytes > METADATA_BYTES {
            let oldest = self.waiting.iter().find(|(_, hash)| *hash != kept).map(|(number, hash)| (*number, *hash));
            let Some((number, oldest)) = oldest else { return false };
            self.waiting.remove(&number);
            let gone = self.assemblies.remove(&oldest).unwrap_or_default();
            self.bytes = self.bytes.saturating_sub(gone.bytes + METADATA_HASH_BYTES);
            self.counts.limited += 1;
        }
        true
    }

    fn note_wrong(&mut self, wrong: WrongPiece) {
        self.counts.wrong += 1;
        if self.wrong.len() < METADATA_WRONG {
            self.wrong.push(wrong);
        }
    }
}

impl Assembly {
    /// A copy of the whole dictionary and its contributors, without the rest.
    fn clone_whole(&self) -> Self {
        Self { info: self.info.clone(), contributors: self.contributors.clone(), ..Self::default() }
    }

    fn rebuilt(self, info_hash: [u8; 20]) -> Option<Rebuilt> {
        let info = self.info?;
        let count = info.len().div_ceil(PIECE_BYTES);
        let mut senders: BTreeMap<Endpoint, BTreeMap<u32, Span>> = BTreeMap::new();
        for (way, pieces) in &self.contributors {
            let sent = senders.entry(way.from).or_default();
            pieces.iter().for_each(|(piece, span)| {
                sent.entry(*piece).and_modify(|known| *known = known.join(*span)).or_insert(*span);
            });
        }
        let whole = senders.into_iter().filter(|(_, pieces)| pieces.len() == count);
        let all = self.contributors.into_iter().map(|(way, pieces)| Contribution { way, pieces });
        Some(Rebuilt {
            info_hash,
            info,
            contributors: all.collect(),
            whole_from: whole
                .filter_map(|(from, pieces)| Some((from, pieces.into_values().reduce(Span::join)?)))
                .collect(),
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
            choices.iter().flatten().for_each(|variant| senders.extend(variant.from.keys().map(|way| way.from)));
            // What one peer sent in whole, and all but what one peer sent, come first: one liar then costs a few
            // attempts, not a search.
            let pick = |sender: Endpoint, own: bool| {
                let place = |variants: &Vec<&Variant>| {
                    variants.iter().position(|one| if own { one.is_from(sender) } else { one.is_without(sender) })
                };
                choices.iter().map(place).collect::<Option<Vec<_>>>().map(|picks| (picks, METADATA_HASHED_BYTES))
            };
            let own = senders.iter().filter_map(|sender| pick(*sender, true));
            let without = senders.iter().filter_map(|sender| pick(*sender, false));
            let mixed = Combinations::of(&choices).map(|picks| (picks, METADATA_MIXED_BYTES));
            let mut tried = BTreeSet::new();
            for (picks, most) in own
                .take(METADATA_ATTEMPTS)
                .chain(without.take(METADATA_ATTEMPTS))
                .chain(mixed.take(METADATA_ATTEMPTS))
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
    fn settle(&mut self, info_hash: [u8; 20], info: Vec<u8>, contributions: &mut usize) -> Vec<WrongPiece> {
        let mut wrong = Vec::new();
        for (piece, variants) in std::mem::take(&mut self.pieces) {
            let right = info.chunks(PIECE_BYTES).nth(piece as usize);
            for variant in variants {
                if right == Some(variant.bytes.as_slice()) {
                    variant.from.into_iter().for_each(|(way, span)| {
                        contribute(&mut self.contributors, contributions, way, piece, span);
                    });
                } else {
                    let of = |(way, span): (Way, Span)| WrongPiece { info_hash, piece, from: way.from, span };
                    wrong.extend(variant.from.into_iter().map(of));
                }
            }
        }
        self.info = Some(info.into());
        wrong
    }
}

impl Variant {
    fn is_from(&self, sender: Endpoint) -> bool {
        self.from.keys().any(|way| way.from == sender)
    }

    /// Returns true if somebody else than `sender` sent it.
    fn is_without(&self, sender: Endpoint) -> bool {
        self.from.keys().any(|way| way.from != sender)
    }
}

/// Returns true if another content of a piece is kept: the first few from anybody, then one of each sender, so that
/// a liar who comes first leaves room for the truth.
fn has_room(variants: &[Variant], sender: Endpoint) -> bool {
    let new = !variants.iter().any(|variant| variant.is_from(sender));
    variants.len() < METADATA_VARIANTS || (new && variants.len() < METADATA_ATTEMPTS)
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

/// Returns true if a piece of `len` bytes can be piece `piece` of a dictionary of `size` bytes.
fn is_piece(size: usize, piece: u32, len: usize) -> bool {
    let start = piece as usize * PIECE_BYTES;
    size.checked_sub(start).is_some_and(|left| len == left.min(PIECE_BYTES))
}

/// Notes that a piece that is right went this way; `false` when there is no room for another way.
fn contribute(
    known: &mut BTreeMap<Way, BTreeMap<u32, Span>>,
    all: &mut usize,
    way: Way,
    piece: u32,
    span: Span,
) -> bool {
    let is_known = known.get(&way).map(|pieces| pieces.contains_key(&piece));
    let room = is_known == Some(true)
        || (*all < METADATA_CONTRIBUTIONS && (known.len() < METADATA_SENDERS || is_known.is_some()));
    if room && is_known != Some(true) {
        *all += 1;
        known.entry(way).or_default().insert(piece, span);
    }
    room
}

/// Adds a sender, unless there are too many.
fn credit(from: &mut BTreeMap<Way, Span>, way: Way, span: Span) -> bool {
    let room = from.len() < METADATA_SENDERS || from.contains_key(&way);
    if room {
        from.entry(way).or_insert(span);
    }
    room
}

fn hashes_to(info: &[u8], info_hash: &[u8; 20]) -> bool {
    Sha1::digest(info).as_slice() == info_hash || Sha256::digest(info).as_slice().starts_with(info_hash)
}

/// BEP 9: every piece but the last has so many bytes.
const PIECE_BYTES: usize = 16 << 10;

#[cfg(test)]
mod tests;
