//! From what was verified of each piece to figures per transfer and subject.

use std::collections::BTreeMap;

use super::ladder::keep_earlier;
use crate::evidence::Standard;
use crate::ledger::{Credit, Ledger, Measure, RangeSet, Receiver, TorrentKey, TransferId, Unit, UnitBook};
use crate::provenance::Span;
use crate::torrent::merkle::LEAF_BYTES;
use crate::torrent::{Expected, PieceIndex, Torrent};

/// What was verified of one transfer, or of one subject.
#[derive(Clone, Debug, Default)]
pub(super) struct Proven {
    /// Verified bytes, each served byte once.
    pub(super) verified: u64,
    /// The part of it in pieces that came from the subject entirely.
    pub(super) sole: u64,
    pub(super) pieces_verified: u64,
    pub(super) pieces_sole: u64,
    /// Different bytes of each file.
    pub(super) files: BTreeMap<usize, u64>,
    /// The first piece with a verified byte.
    pub(super) first_part: Option<Span>,
    /// The first piece that came from it alone.
    pub(super) first_sole: Option<Span>,
    /// All of its verified frames.
    pub(super) span: Option<Span>,
    pub(super) standard: Option<Standard>,
    pub(super) trivial: bool,
    pub(super) boomerang: bool,
}

/// What was verified of one torrent.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Unique {
    pub(super) bytes: u64,
    pub(super) pieces: u64,
}

/// All that was verified.
#[derive(Debug, Default)]
pub(super) struct Proofs {
    pub(super) transfers: Vec<Proven>,
    pub(super) subjects: Vec<Proven>,
    pub(super) torrents: BTreeMap<TorrentKey, Unique>,
}

/// Which subject sends, and which receives, in each transfer.
#[derive(Debug, Default)]
pub(super) struct Parties {
    pub(super) uploader: Vec<usize>,
    /// Which client beyond doubt sends: a number for all transfers of a subject with a peer_id in common.
    pub(super) sender: Vec<usize>,
    /// `None` where nothing that the receiver sent is known.
    pub(super) downloader: Vec<Option<usize>>,
}

impl Proofs {
    pub(super) fn of(ledger: &Ledger<'_, '_>, parties: &Parties, subjects: usize) -> Self {
        let mut proofs = Self {
            transfers: vec![Proven::default(); ledger.records().len()],
            subjects: vec![Proven::default(); subjects],
            torrents: BTreeMap::new(),
        };
        for (key, book) in ledger.books() {
            let Some(torrent) = ledger.given(key) else { continue };
            let mut units: Vec<(Unit, &UnitBook<'_>)> = book.iter().map(|(unit, book)| (*unit, book)).collect();
            units.sort_unstable_by_key(|(unit, _)| *unit);
            for piece in units.chunk_by(|(one, _), (other, _)| one.piece == other.piece) {
                proofs.piece(key, torrent, piece, parties);
            }
        }
        proofs
    }

    /// Counts the units of one piece.
    fn piece(&mut self, key: TorrentKey, torrent: &Torrent, units: &[(Unit, &UnitBook<'_>)], parties: &Parties) {
        let Some(index) = units.first().and_then(|(unit, _)| torrent.piece(unit.piece)) else { return };
        let pads: u64 = torrent.pads(index).map(|pad| u64::from(pad.end - pad.start)).sum();
        let content = u64::from(torrent.piece_size(index)) - pads;
        let mut whole = 0;
        // Bytes of the piece that each transfer's subject, and each subject, sent in units of its own.
        let mut tally = Tally::default();
        for (unit, book) in units {
            let Some(measure) = Measure::of(torrent, *unit) else { continue };
            if book.verified {
                whole += measure.content();
            }
            let all: RangeSet = book.credits.iter().flat_map(|credit| credit.ranges.iter()).collect();
            self.torrents.entry(key).or_default().bytes += all.total();
            match leaves(torrent, *unit, book) {
                Some(leaves) => leaves.for_each(|(leaf, content, credits)| {
                    self.unit(torrent, index, leaf, content, book, &credits, parties, &mut tally);
                }),
                None => {
                    self.unit(torrent, index, *unit, measure.content(), book, &book.credits, parties, &mut tally);
                }
            }
        }
        self.torrents.entry(key).or_default().pieces += u64::from(whole == content);
        for (transfer, sole) in tally.transfers {
            if let Some(proven) = self.transfers.get_mut(transfer.0 as usize) {
                proven.pieces_verified += 1;
                proven.pieces_sole += u64::from(sole == content);
            }
        }
        for (subject, sole) in tally.subjects {
            if let Some(proven) = self.subjects.get_mut(subject) {
                proven.pieces_verified += 1;
                proven.pieces_sole += u64::from(sole.values().any(|bytes| *bytes == content));
            }
        }
    }

    #[expect(clippy::too_many_arguments, reason = "one call; the arguments are what the caller just computed")]
    fn unit(
        &mut self,
        torrent: &Torrent,
        piece: PieceIndex,
        unit: Unit,
        content: u64,
        book: &UnitBook<'_>,
        credits: &[Credit],
        parties: &Parties,
        tally: &mut Tally,
    ) {
        let sender_of = |credit: &Credit| parties.sender.get(credit.transfer.0 as usize).copied();
        let subject_of = |credit: &Credit| parties.uploader.get(credit.transfer.0 as usize).copied();
        // One client of one subject to one receiver: all bytes of the unit, or not.
        let mut groups: BTreeMap<(Option<usize>, Edge), Vec<&Credit>> = BTreeMap::new();
        for credit in credits.iter().filter(|credit| !credit.ranges.is_empty()) {
            let edge = Edge { sender: sender_of(credit), receiver: credit.receiver };
            groups.entry((subject_of(credit), edge)).or_default().push(credit);
        }
        let earlier = Earlier::of(&book.credits, parties);
        let mut of_subject: BTreeMap<usize, RangeSet> = BTreeMap::new();
        for ((subject, edge), group) in &groups {
            let together: RangeSet = group.iter().flat_map(|credit| credit.ranges.iter()).collect();
            let sole = together.total() == content;
            let standard = sole.then(|| standard(unit, group)).flatten().filter(|_| !book.trivial);
            let span = group.iter().map(|credit| credit.span).reduce(Span::join).filter(|_| sole);
            for credit in group {
                let boomerang = earlier.boomerang(credit, parties);
                let finding = Finding {
                    credit,
                    sole: span,
                    standard,
                    trivial: book.trivial && content >= LEAST_TRIVIAL,
                    boomerang,
                };
                if let Some(proven) = self.transfers.get_mut(credit.transfer.0 as usize) {
                    proven.add(&finding);
                    proven.file_bytes(torrent, piece, &credit.ranges);
                    *tally.transfers.entry(credit.transfer).or_default() += if sole { content } else { 0 };
                }
                if let Some(proven) = subject.and_then(|subject| self.subjects.get_mut(subject)) {
                    proven.add(&finding);
                }
            }
            if let Some(subject) = subject {
                let sums = tally.subjects.entry(*subject).or_default();
                *sums.entry(*edge).or_default() += if sole { content } else { 0 };
                let ranges = of_subject.entry(*subject).or_default();
                together.iter().for_each(|range| ranges.insert(range));
            }
        }
        for (subject, ranges) in of_subject {
            if let Some(proven) = self.subjects.get_mut(subject) {
                proven.file_bytes(torrent, piece, &ranges);
            }
        }
    }
}

/// The leaves of a v2 piece that was verified whole, or of a part of one, each with its content and the credits within
/// it; `None` for every other unit. What matches its tree proves each of its leaves (BEP 52), so each is a unit of its
/// own; a SHA-1 that matches proves none.
///
/// A credit's frames are those of all its blocks in the piece: more than the leaf's, never fewer.
fn leaves<'a>(
    torrent: &'a Torrent,
    unit: Unit,
    book: &'a UnitBook<'_>,
) -> Option<impl Iterator<Item = (Unit, u64, Vec<Credit>)> + use<'a>> {
    let measure = Measure::of(torrent, unit)?;
    let by_tree = matches!(measure.expected, Expected::V2(_) | Expected::Both { .. }) && book.matched.by_tree();
    if !book.verified || !by_tree {
        return None;
    }
    let mut content: RangeSet = RangeSet::from_iter([measure.range.clone()]);
    measure.pads.iter().for_each(|pad| content.remove(pad));
    let all = measure.range.start / LEAF_BYTES..measure.range.end.div_ceil(LEAF_BYTES);
    Some(all.map(move |leaf| {
        let range = leaf.saturating_mul(LEAF_BYTES)..leaf.saturating_add(1).saturating_mul(LEAF_BYTES);
        let within = |ranges: &RangeSet| ranges.within(&range).collect::<RangeSet>();
        let credits = book.credits.iter().map(|credit| Credit { ranges: within(&credit.ranges), ..credit.clone() });
        (Unit { leaf: Some(leaf), ..unit }, within(&content).total(), credits.collect())
    }))
}

/// Bytes of one piece in units that came from one client of a subject to one receiver entirely.
#[derive(Debug, Default)]
struct Tally {
    transfers: BTreeMap<TransferId, u64>,
    subjects: BTreeMap<usize, BTreeMap<Edge, u64>>,
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
    standard: Option<Standard>,
    trivial: bool,
    boomerang: bool,
}

impl Proven {
    fn add(&mut self, finding: &Finding<'_>) {
        let (bytes, span) = (finding.credit.ranges.total(), finding.credit.span);
        self.verified += bytes;
        if finding.sole.is_some() {
            self.sole += bytes;
        }
        keep_earlier(&mut self.first_part, Some(span));
        keep_earlier(&mut self.first_sole, finding.sole);
        self.span = Some(self.span.map_or(span, |known| known.join(span)));
        keep_standard(&mut self.standard, finding.standard);
        self.trivial |= finding.trivial;
        self.boomerang |= finding.boomerang;
    }

    fn file_bytes(&mut self, torrent: &Torrent, piece: PieceIndex, ranges: &RangeSet) {
        for (file, range) in ranges.iter().flat_map(|range| torrent.files_in(piece, range)) {
            *self.files.entry(file).or_default() += range.end - range.start;
        }
    }
}

/// Whether one subject's share of a unit meets the standard: advertised before, requested before, served alone.
fn standard(unit: Unit, group: &[&Credit]) -> Option<Standard> {
    let join = |of: fn(&Credit) -> Option<Span>| {
        group.iter().map(|credit| of(credit)).collect::<Option<Vec<_>>>()?.into_iter().reduce(Span::join)
    };
    Some(Standard {
        piece: unit.piece,
        leaf: unit.leaf,
        advertised: join(|credit| credit.advertised)?,
        requested: join(|credit| credit.requested)?,
        served: join(|credit| Some(credit.span))?,
    })
}

fn keep_standard(known: &mut Option<Standard>, found: Option<Standard>) {
    if let Some(found) = found
        && known.is_none_or(|known| found.served.first.precedes(known.served.first))
    {
        *known = Some(found);
    }
}

/// When each subject first sent a unit to each other one.
struct Earlier(BTreeMap<(usize, usize), Span>);

impl Earlier {
    fn of(credits: &[Credit], parties: &Parties) -> Self {
        let mut first: BTreeMap<(usize, usize), Span> = BTreeMap::new();
        for credit in credits {
            if let Some(edge) = parties.edge(credit.transfer) {
                let known = first.entry(edge).or_insert(credit.span);
                if credit.span.first.precedes(known.first) {
                    *known = credit.span;
                }
            }
        }
        Self(first)
    }

    /// Whether the receiver had sent the same unit to the sender before (T24).
    fn boomerang(&self, credit: &Credit, parties: &Parties) -> bool {
        let Some((uploader, downloader)) = parties.edge(credit.transfer) else { return false };
        self.0.get(&(downloader, uploader)).is_some_and(|back| back.first.precedes(credit.span.first))
    }
}

impl Parties {
    /// The sending and the receiving subject of a transfer.
    fn edge(&self, transfer: TransferId) -> Option<(usize, usize)> {
        let index = transfer.0 as usize;
        Some((self.uploader.get(index).copied()?, self.downloader.get(index).copied().flatten()?))
    }
}

// Rationale: a last piece of a few bytes says nothing about the rest; from here on one value means padding or zeros.
const LEAST_TRIVIAL: u64 = 64;
