//! From what was verified of each piece to figures per transfer and subject.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::columns::Columns;
use super::ladder::keep_earlier;
use crate::ends::{Hex, Span};
use crate::evidence::{PieceState, Standard, VerifiedPiece};
use crate::judge::{Credit, Measure, RangeSet, Receiver, TorrentKey, TransferId, Unit};
use crate::judge::{Found as Book, Judged};
use crate::torrent::merkle::LEAF_BYTES;
use crate::torrent::{Expected, PieceIndex, Torrent};

/// Verified bytes of one transfer, or of one subject.
#[derive(Clone, Debug, Default)]
pub(super) struct Proven {
    /// Verified bytes, each served byte once.
    pub(super) verified: u64,
    /// The part of it in pieces that came from the subject entirely.
    pub(super) sole: u64,
    pub(super) pieces_verified: u64,
    pub(super) pieces_sole: u64,
    /// Different bytes of each file. What of a subject's is whole is with its clients, see [`Proofs::clients`].
    pub(super) files: Files,
    /// Of a subject: where in the torrent its different bytes are.
    pub(super) columns: Columns,
    /// The first piece with a verified byte.
    pub(super) first_part: Option<Span>,
    /// The first piece that came from it alone.
    pub(super) first_sole: Option<Span>,
    pub(super) standard: Option<Met>,
    /// True if a unit of it is of one byte value, and not short.
    trivial: bool,
    /// True if a unit of it is of one byte value; and if one is not.
    values: [bool; 2],
    pub(super) boomerang: bool,
    /// Of a transfer: what was verified of each piece.
    pub(super) pieces: Vec<VerifiedPiece>,
}

/// Verified bytes of each file of a torrent, by its number.
pub(super) type Files = BTreeMap<usize, FileBytes>;

/// Verified bytes of one file.
#[derive(Clone, Copy, Debug)]
pub(super) struct FileBytes {
    /// Different bytes of it.
    pub(super) bytes: u64,
    /// The part of them that is what the SHA-1 says, and what the tree says: the halves of a hybrid torrent may describe
    /// other bytes, and then no file is made of both.
    by_half: [u64; 2],
    /// The frames of the units that they are in.
    pub(super) span: Span,
}

impl FileBytes {
    /// Returns true if these are all bytes of a file of `size`, in one version of it.
    pub(super) fn is_whole(&self, size: u64) -> bool {
        self.by_half.contains(&size)
    }
}

/// Verified bytes of one torrent.
#[derive(Clone, Debug, Default)]
pub(super) struct Unique {
    pub(super) bytes: u64,
    pub(super) pieces: u64,
    pub(super) files: BTreeMap<usize, u64>,
    pub(super) columns: Columns,
    /// Pieces with a verified byte; of every other one nothing is verified.
    pub(super) states: BTreeMap<u32, PieceState>,
}

/// All that was verified.
#[derive(Debug, Default)]
pub(super) struct Proofs {
    /// Of those that are shown.
    pub(super) transfers: Vec<Option<Box<Proven>>>,
    pub(super) subjects: Vec<Proven>,
    /// By [`Parties::client`]: files are whole only within one.
    pub(super) clients: Vec<Option<Box<Files>>>,
    pub(super) torrents: BTreeMap<TorrentKey, Unique>,
}

/// Which subject sends, and which receives, in each transfer.
#[derive(Debug, Default)]
pub(super) struct Parties {
    pub(super) uploader: Vec<usize>,
    /// Which client beyond doubt sends: a number for all transfers of a subject with a peer_id in common.
    pub(super) sender: Vec<usize>,
    /// Which client sends, as in `sender`, where all peer_ids of a subject on one port are one client's.
    pub(super) client: Vec<usize>,
    /// The addresses of both ends.
    pub(super) addresses: Vec<(IpAddr, IpAddr)>,
    /// `None` where nothing that the receiver sent is known.
    pub(super) downloader: Vec<Option<usize>>,
}

impl Proofs {
    pub(super) fn of(judged: &Judged<'_>, parties: &Parties, subjects: usize) -> Self {
        let mut proofs = Self {
            transfers: of_shown(judged),
            subjects: vec![Proven::default(); subjects],
            clients: of_shown(judged),
            torrents: BTreeMap::new(),
        };
        let mut refuted: BTreeMap<TorrentKey, BTreeSet<u32>> = BTreeMap::new();
        for record in judged.records.iter().filter(|record| record.counts.refuted > 0) {
            refuted.entry(record.key.torrent).or_default().extend(record.refuted_pieces());
        }
        let mut tally = Tally::default();
        for (key, units) in &judged.units {
            let (key, Some(torrent)) = (*key, judged.given(*key)) else { continue };
            let mut unique = Unique::default();
            for units in units.chunk_by(|(one, _), (other, _)| one.piece == other.piece) {
                let piece = units.first().and_then(|(unit, _)| Piece::of(torrent, unit.piece, refuted.get(&key)));
                if let Some(piece) = piece {
                    proofs.piece(&piece, units, parties, &mut tally, &mut unique);
                }
            }
            proofs.torrents.insert(key, unique);
        }
        proofs
    }

    /// The verified pieces of a record, which are then known no longer.
    pub(super) fn take_pieces(&mut self, record: usize) -> Vec<VerifiedPiece> {
        let proven = slot(&mut self.transfers, record);
        let mut pieces = proven.map(|proven| std::mem::take(&mut proven.pieces)).unwrap_or_default();
        pieces.shrink_to_fit();
        pieces
    }

    /// Counts the units of one piece; `tally` is empty before and after.
    fn piece(
        &mut self,
        piece: &Piece<'_>,
        units: &[(Unit, Book)],
        parties: &Parties,
        tally: &mut Tally,
        unique: &mut Unique,
    ) {
        let (mut whole, before) = (0, unique.bytes);
        for (unit, book) in units {
            let Some(measure) = Measure::padded(piece.torrent, *unit, &piece.pads) else { continue };
            let content = measure.content();
            // What has no row is not counted: see `Record::is_shown`.
            let shown = |credit: &&Credit| {
                parties.uploader.get(credit.transfer.0 as usize).is_some_and(|subject| *subject != usize::MAX)
            };
            if book.verified && book.credits.iter().any(|credit| shown(&credit)) {
                whole += content;
            }
            let all: RangeSet = book.credits.iter().filter(shown).flat_map(|credit| credit.ranges.iter()).collect();
            unique.bytes += all.total();
            for (file, range) in all.iter().flat_map(|range| piece.torrent.files_in(piece.index, range)) {
                *unique.files.entry(file).or_default() += range.end - range.start;
                unique.columns.add(piece.torrent, file, range);
            }
            // What a part of a tree proves says nothing of the SHA-1.
            let part = unit.leaf.is_some() && piece.torrent.info_hash_v1().is_some();
            let halves = if part { [false, true] } else { book.matched.halves() };
            match piece.leaves(&measure, book) {
                Some(leaves) => leaves.for_each(|(unit, content, credits)| {
                    let one_value = unit.leaf.is_some_and(|leaf| book.is_trivial(leaf));
                    self.unit(piece, &Found { unit, content, one_value, halves }, &credits, book, parties, tally);
                }),
                None => {
                    let found = Found { unit: *unit, content, one_value: book.trivial, halves };
                    self.unit(piece, &found, &book.credits, book, parties, tally);
                }
            }
        }
        unique.pieces += u64::from(whole == piece.content);
        let state = if whole == piece.content { PieceState::Verified } else { PieceState::Part };
        if whole == piece.content || unique.bytes > before {
            unique.states.insert(piece.index.number(), state);
        }
        tally.transfers.sort_unstable();
        for units in tally.transfers.chunk_by(|(one, _), (other, _)| one == other) {
            if let Some(proven) = units.first().and_then(|(id, _)| slot(&mut self.transfers, id.0 as usize)) {
                proven.pieces_verified += 1;
                proven.pieces_sole += u64::from(units.iter().map(|(_, sole)| sole).sum::<u64>() == piece.content);
            }
        }
        tally.subjects.sort_unstable();
        for units in tally.subjects.chunk_by(|(one, ..), (other, ..)| one == other) {
            if let Some(proven) = units.first().and_then(|(subject, ..)| self.subjects.get_mut(*subject)) {
                let mut edges = units.chunk_by(|(_, one, _), (_, other, _)| one == other);
                let sole = |units: &[(_, _, u64)]| units.iter().map(|(.., sole)| sole).sum::<u64>();
                proven.pieces_verified += 1;
                proven.pieces_sole += u64::from(edges.any(|units| sole(units) == piece.content));
            }
        }
        tally.transfers.clear();
        tally.subjects.clear();
    }

    fn unit(
        &mut self,
        piece: &Piece<'_>,
        found: &Found,
        credits: &[Credit],
        book: &Book,
        parties: &Parties,
        tally: &mut Tally,
    ) {
        let Found { unit, content, one_value, halves } = *found;
        let sender_of = |credit: &Credit| parties.sender.get(credit.transfer.0 as usize).copied();
        let subject_of = |credit: &Credit| parties.uploader.get(credit.transfer.0 as usize).copied();
        // One client of one subject to one receiver: all bytes of the unit, or not.
        let mut groups: Vec<(Option<usize>, Edge, &Credit)> = credits
            .iter()
            .filter(|credit| !credit.ranges.is_empty())
            .map(|credit| {
                (subject_of(credit), Edge { sender: sender_of(credit), receiver: credit.receiver }, credit)
            })
            .collect();
        groups.sort_by_key(|(subject, edge, _)| (*subject, *edge));
        let earlier = Earlier::of(&book.credits, parties);
        let mut edges: Vec<Edge> = groups.iter().map(|(_, edge, _)| *edge).collect();
        edges.dedup();
        let mut senders: BTreeMap<Receiver, u64> = BTreeMap::new();
        if edges.len() > 1 {
            edges.iter().for_each(|edge| *senders.entry(edge.receiver).or_default() += 1);
        }
        // Nobody else sent the same receiver any of it.
        let alone = |edge: &Edge| senders.get(&edge.receiver).is_none_or(|count| *count == 1);
        for of_subject in groups.chunk_by(|one, other| one.0 == other.0) {
            for group in of_subject.chunk_by(|one, other| one.1 == other.1) {
                let Some((subject, edge, _)) = group.first() else { continue };
                let group = || group.iter().map(|(.., credit)| *credit);
                let together: RangeSet = group().flat_map(|credit| credit.ranges.iter()).collect();
                let sole = together.total() == content;
                let boomerang = group().any(|credit| earlier.boomerang(credit, parties));
                let clean = !piece.contested && !boomerang && alone(edge);
                let standard = sole.then(|| standard(unit, clean, group())).flatten().filter(|_| !one_value);
                let span = group().map(|credit| credit.span).reduce(Span::join).filter(|_| sole);
                let own = if sole { content } else { 0 };
                for credit in group() {
                    let boomerang = earlier.boomerang(credit, parties);
                    let trivial = one_value && content >= LEAST_TRIVIAL;
                    let finding = Finding { credit, sole: span, standard, trivial, one_value, boomerang };
                    // Another content of the same place (T23) is no more of the piece, nor of its files.
                    let earlier =
                        |other: &&Credit| other.transfer == credit.transfer && other.version < credit.version;
                    let mut ranges = Cow::Borrowed(&credit.ranges);
                    let again = group().find(earlier).is_some();
                    if again {
                        let known = group().filter(earlier).flat_map(|other| other.ranges.iter());
                        let ranges = ranges.to_mut();
                        known.for_each(|range| ranges.remove(range));
                    }
                    if let Some(proven) = slot(&mut self.transfers, credit.transfer.0 as usize) {
                        proven.add(&finding);
                        proven.note_piece(unit.piece, &finding);
                        file_bytes(&mut proven.files, piece, &ranges, credit.span, halves);
                        tally.transfers.push((credit.transfer, if again { 0 } else { own }));
                    }
                    if let Some(proven) = subject.and_then(|subject| self.subjects.get_mut(subject)) {
                        proven.add(&finding);
                    }
                }
                tally.subjects.extend(subject.map(|subject| (subject, *edge, own)));
            }
            let all: RangeSet = of_subject.iter().flat_map(|(.., credit)| credit.ranges.iter()).collect();
            let span = of_subject.iter().map(|(.., credit)| credit.span).reduce(Span::join);
            let subject = of_subject.first().and_then(|(subject, ..)| *subject);
            if let Some((proven, span)) = subject.and_then(|subject| self.subjects.get_mut(subject)).zip(span) {
                file_bytes(&mut proven.files, piece, &all, span, halves);
                for (file, range) in all.iter().flat_map(|range| piece.torrent.files_in(piece.index, range)) {
                    proven.columns.add(piece.torrent, file, range);
                }
            }
            let client_of = |credit: &Credit| parties.client.get(credit.transfer.0 as usize).copied();
            let mut clients: Vec<(Option<usize>, &Credit)> =
                of_subject.iter().map(|(.., credit)| (client_of(credit), *credit)).collect();
            clients.sort_by_key(|(client, _)| *client);
            for of_client in clients.chunk_by(|one, other| one.0 == other.0) {
                let credits = || of_client.iter().map(|(_, credit)| *credit);
                let all: RangeSet = credits().flat_map(|credit| credit.ranges.iter()).collect();
                let span = credits().map(|credit| credit.span).reduce(Span::join);
                let client = of_client.first().and_then(|(client, _)| *client);
                if let Some((files, span)) = client.and_then(|client| slot(&mut self.clients, client)).zip(span) {
                    file_bytes(files, piece, &all, span, halves);
                }
            }
        }
    }
}

/// An empty one for each transfer that is shown: there may be many others.
fn of_shown<T: Default>(judged: &Judged<'_>) -> Vec<Option<Box<T>>> {
    judged.records.iter().map(|record| record.is_shown().then(Box::default)).collect()
}

fn slot<T>(of: &mut [Option<Box<T>>], index: usize) -> Option<&mut T> {
    of.get_mut(index)?.as_deref_mut()
}

/// A unit, or a leaf of one that was verified by its tree.
struct Found {
    unit: Unit,
    /// Bytes of it that are not padding.
    content: u64,
    /// Set if all bytes of the unit have one value.
    one_value: bool,
    /// See [`Matched::halves`](crate::judge::Matched::halves).
    halves: [bool; 2],
}

/// A piece of a torrent.
struct Piece<'a> {
    torrent: &'a Torrent,
    index: PieceIndex,
    size: u32,
    pads: RangeSet,
    /// Bytes of it that are not padding.
    content: u64,
    /// Set if bytes of the piece that differ were sent, by anyone.
    contested: bool,
}

impl<'a> Piece<'a> {
    fn of(torrent: &'a Torrent, number: u32, refuted: Option<&BTreeSet<u32>>) -> Option<Self> {
        let index = torrent.piece(number)?;
        let (size, pads) = (torrent.piece_size(index), torrent.pads(index).collect::<RangeSet>());
        let content = u64::from(size) - pads.total();
        let contested = refuted.is_some_and(|refuted| refuted.contains(&number));
        Some(Self { torrent, index, size, pads, content, contested })
    }

    /// The leaves of a v2 piece that was verified whole, or of a part of one, each with its content and the credits
    /// within it; `None` for every other unit. What matches its tree proves each of its leaves (BEP 52), so each is a
    /// unit of its own; a SHA-1 that matches proves none.
    ///
    /// A credit's frames are those of all its blocks in the piece: more than the leaf's, never fewer.
    fn leaves<'b>(
        &self,
        measure: &Measure,
        book: &'b Book,
    ) -> Option<impl Iterator<Item = (Unit, u64, Vec<Credit>)> + use<'b, '_, 'a>> {
        let by_tree = matches!(measure.expected, Expected::V2(_) | Expected::Both { .. }) && book.matched.by_tree();
        if !book.verified || !by_tree {
            return None;
        }
        let all = measure.range.start / LEAF_BYTES..measure.range.end.div_ceil(LEAF_BYTES);
        let leaves = all.map(|leaf| Unit { piece: self.index.number(), leaf: Some(leaf) });
        Some(leaves.filter_map(|leaf| {
            let range = leaf.range(self.size)?;
            let pads: u64 = self.pads.within(&range).map(|pad| u64::from(pad.end - pad.start)).sum();
            let credits = book.credits.iter().map(|credit| {
                let ranges = credit.ranges.within(&range).collect();
                Credit { ranges, ..credit.clone() }
            });
            Some((leaf, u64::from(range.end - range.start) - pads, credits.collect()))
        }))
    }
}

/// Bytes of the units of one piece that were sent, and of those that came from one client of a subject to one receiver
/// entirely.
#[derive(Debug, Default)]
struct Tally {
    transfers: Vec<(TransferId, u64)>,
    subjects: Vec<(usize, Edge, u64)>,
}

/// One client of a subject, and whom it sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Edge {
    sender: Option<usize>,
    receiver: Receiver,
}

/// A credit with what follows from its unit.
struct Finding<'a> {
    credit: &'a Credit,
    /// The frames of the whole unit, when it came from the subject alone.
    sole: Option<Span>,
    standard: Option<Met>,
    trivial: bool,
    one_value: bool,
    boomerang: bool,
}

impl Proven {
    /// Returns true if some of it is of one byte value, which anybody could send: a short last unit says nothing of the
    /// others, unless there is none.
    pub(super) fn is_trivial(&self) -> bool {
        self.trivial || self.values == [true, false]
    }

    fn add(&mut self, finding: &Finding<'_>) {
        let (bytes, span) = (finding.credit.ranges.total(), finding.credit.span);
        self.verified += bytes;
        if finding.sole.is_some() {
            self.sole += bytes;
        }
        keep_earlier(&mut self.first_part, Some(span));
        keep_earlier(&mut self.first_sole, finding.sole);
        keep_standard(&mut self.standard, finding.standard);
        self.trivial |= finding.trivial;
        self.values[usize::from(!finding.one_value)] = true;
        self.boomerang |= finding.boomerang;
    }
}

impl Proven {
    /// Adds to what is known of a piece; pieces come in order of their numbers.
    fn note_piece(&mut self, piece: u32, finding: &Finding<'_>) {
        let (bytes, span) = (finding.credit.ranges.total(), finding.credit.span);
        let asked = finding.standard.map(|met| (met.advertised, met.requested));
        match self.pieces.last_mut().filter(|known| known.piece == piece) {
            Some(known) => {
                known.bytes += bytes;
                known.span = known.span.join(span);
                keep_earlier(&mut known.sole, finding.sole);
                known.asked = known.asked.or(asked);
            }
            None => self.pieces.push(VerifiedPiece { piece, bytes, span, sole: finding.sole, asked }),
        }
    }
}

/// Adds verified `ranges` of `piece` to the files that they are of; `halves` tells by which hashes.
fn file_bytes(files: &mut Files, piece: &Piece<'_>, ranges: &RangeSet, span: Span, halves: [bool; 2]) {
    for (file, range) in ranges.iter().flat_map(|range| piece.torrent.files_in(piece.index, range)) {
        let known = files.entry(file).or_insert(FileBytes { bytes: 0, by_half: [0; 2], span });
        let bytes = range.end - range.start;
        known.bytes += bytes;
        known.by_half.iter_mut().zip(halves).for_each(|(sum, is_of)| *sum += if is_of { bytes } else { 0 });
        known.span = known.span.join(span);
    }
}

/// Finds out if one subject's share of a unit meets the standard: advertised before, requested before, served alone.
fn standard<'a>(unit: Unit, clean: bool, group: impl Iterator<Item = &'a Credit> + Clone) -> Option<Met> {
    let join = |of: fn(&Credit) -> Option<Span>| {
        let mut spans = group.clone().map(of);
        let first = spans.next()??;
        spans.try_fold(first, |joined, span| Some(joined.join(span?)))
    };
    Some(Met {
        piece: unit.piece,
        leaf: unit.leaf,
        clean,
        advertised: join(|credit| credit.advertised)?,
        requested: join(|credit| credit.requested)?,
        served: join(|credit| Some(credit.span))?,
    })
}

/// A unit that meets the standard of proof; as in [`Standard`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Met {
    piece: u32,
    leaf: Option<u32>,
    /// Set if its receiver had the unit from nobody else, nobody sent bytes of the piece that differ, and it was not
    /// sent back.
    clean: bool,
    advertised: Span,
    requested: Span,
    served: Span,
}

impl Met {
    /// The standard as the report has it, with the hash that its bytes match where `torrent` has one of the unit
    /// itself.
    pub(super) fn standard(self, torrent: Option<&Torrent>) -> Standard {
        let piece = torrent.and_then(|torrent| Some((torrent, torrent.piece(self.piece)?)));
        let (sha1, sha256) = match (piece, self.leaf) {
            (Some((torrent, piece)), Some(leaf)) => (None, torrent.leaf(piece, leaf)),
            (Some((torrent, piece)), None) => match torrent.expected(piece) {
                Expected::Sha1(sha1) | Expected::Both { sha1, .. } => (Some(sha1), None),
                Expected::V2(_) | Expected::Leaf(_) | Expected::Unknown => (None, None),
            },
            (None, _) => (None, None),
        };
        Standard {
            piece: self.piece,
            leaf: self.leaf,
            advertised: self.advertised.into(),
            requested: self.requested.into(),
            served: self.served.into(),
            sha1: sha1.map(Hex),
            sha256: sha256.map(Hex),
        }
    }
}

/// Keeps the one that is shown first: a clean one before others, then the one that was complete first.
fn keep_standard(known: &mut Option<Met>, found: Option<Met>) {
    let is_better = |found: &Met, known: &Met| match (found.clean, known.clean) {
        (true, false) => true,
        (false, true) => false,
        _ => found.served.last.precedes(known.served.last),
    };
    if let Some(found) = found
        && known.is_none_or(|known| is_better(&found, &known))
    {
        *known = Some(found);
    }
}

/// When each end first sent a unit to each other one.
struct Earlier(BTreeMap<Ends, Span>);

/// Who sends to whom. By address: who connects from another port, or over another transport, is no stranger. Where both
/// ends have one address, only subjects tell them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Ends {
    Addresses(IpAddr, IpAddr),
    Subjects(usize, usize),
}

impl Ends {
    fn reverse(self) -> Self {
        match self {
            Self::Addresses(uploader, downloader) => Self::Addresses(downloader, uploader),
            Self::Subjects(uploader, downloader) => Self::Subjects(downloader, uploader),
        }
    }
}

impl Earlier {
    fn of(credits: &[Credit], parties: &Parties) -> Self {
        let mut first: BTreeMap<Ends, Span> = BTreeMap::new();
        // Nothing comes before the only one.
        for credit in credits.iter().filter(|_| credits.len() > 1) {
            if let Some(ends) = parties.ends(credit.transfer) {
                let known = first.entry(ends).or_insert(credit.span);
                if credit.span.first.precedes(known.first) {
                    *known = credit.span;
                }
            }
        }
        Self(first)
    }

    /// Returns true if the receiver had sent the unit to the sender before (T24).
    fn boomerang(&self, credit: &Credit, parties: &Parties) -> bool {
        let back = parties.ends(credit.transfer).and_then(|ends| self.0.get(&ends.reverse()));
        back.is_some_and(|back| back.first.precedes(credit.span.first))
    }
}

impl Parties {
    fn ends(&self, transfer: TransferId) -> Option<Ends> {
        let index = transfer.0 as usize;
        let (uploader, downloader) = *self.addresses.get(index)?;
        if uploader != downloader {
            return Some(Ends::Addresses(uploader, downloader));
        }
        Some(Ends::Subjects(self.uploader.get(index).copied()?, self.downloader.get(index).copied().flatten()?))
    }
}

// Rationale: a last piece of a few bytes says nothing about the rest; from here on one value means padding or zeros.
const LEAST_TRIVIAL: u64 = 64;
