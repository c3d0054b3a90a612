//! From what was verified of each piece to figures per transfer and subject.

use std::collections::BTreeMap;

use super::ladder::keep_earlier;
use crate::evidence::Standard;
use crate::ledger::{Credit, Ledger, PieceBook, RangeSet, Record, TorrentKey, TransferId};
use crate::provenance::Span;
use crate::torrent::Torrent;

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
            let mut numbers: Vec<_> = book.keys().copied().collect();
            numbers.sort_unstable();
            for number in numbers {
                if let Some(piece) = book.get(&number) {
                    proofs.piece(key, torrent, number, piece, parties, ledger.records());
                }
            }
        }
        proofs
    }

    fn piece(
        &mut self,
        key: TorrentKey,
        torrent: &Torrent,
        number: u32,
        book: &PieceBook<'_>,
        parties: &Parties,
        records: &[Record],
    ) {
        let Some(index) = torrent.piece(number) else { return };
        let pads: u64 = torrent.pads(index).map(|pad| u64::from(pad.end - pad.start)).sum();
        let content = u64::from(torrent.piece_size(index)) - pads;
        let unique = self.torrents.entry(key).or_default();
        unique.pieces += u64::from(book.verified);
        let all: RangeSet = book.credits.iter().flat_map(|credit| credit.ranges.iter()).collect();
        unique.bytes += all.total();

        let subject_of = |credit: &Credit| parties.uploader.get(credit.transfer.0 as usize).copied();
        // One subject to one receiver: all bytes of the piece, or not.
        let mut groups: BTreeMap<(Option<usize>, crate::ledger::Receiver), Vec<&Credit>> = BTreeMap::new();
        for credit in book.credits.iter().filter(|credit| !credit.ranges.is_empty()) {
            groups.entry((subject_of(credit), credit.receiver)).or_default().push(credit);
        }
        let mut per_subject: BTreeMap<usize, Vec<(&Credit, bool)>> = BTreeMap::new();
        for ((subject, _), group) in &groups {
            let together: RangeSet = group.iter().flat_map(|credit| credit.ranges.iter()).collect();
            let sole = together.total() == content;
            let standard = sole.then(|| standard(number, group)).flatten().filter(|_| !book.trivial);
            let span = group.iter().map(|credit| credit.span).reduce(Span::join);
            for credit in group {
                let boomerang = boomerang(credit, &book.credits, parties);
                if let Some(proven) = self.transfers.get_mut(credit.transfer.0 as usize) {
                    proven.add(credit.ranges.total(), &[credit], sole.then_some(span).flatten(), standard);
                    proven.trivial |= book.trivial;
                    proven.boomerang |= boomerang;
                    proven.file_bytes(torrent, index, &credit.ranges);
                }
                if let Some(subject) = subject {
                    per_subject.entry(*subject).or_default().push((credit, sole));
                    if let Some(proven) = self.subjects.get_mut(*subject) {
                        proven.boomerang |= boomerang;
                        keep_standard(&mut proven.standard, standard);
                        keep_earlier(&mut proven.first_sole, sole.then_some(span).flatten());
                    }
                }
            }
        }
        debug_assert!(book.credits.iter().all(|credit| (credit.transfer.0 as usize) < records.len()));
        for (subject, credits) in per_subject {
            let Some(proven) = self.subjects.get_mut(subject) else { continue };
            let sole: u64 = credits.iter().filter(|(_, sole)| *sole).map(|(credit, _)| credit.ranges.total()).sum();
            let all: Vec<&Credit> = credits.iter().map(|(credit, _)| *credit).collect();
            proven.add(all.iter().map(|credit| credit.ranges.total()).sum(), &all, None, None);
            proven.sole += sole;
            proven.pieces_sole += u64::from(sole > 0);
            proven.trivial |= book.trivial;
            let together: RangeSet = all.iter().flat_map(|credit| credit.ranges.iter()).collect();
            proven.file_bytes(torrent, index, &together);
        }
    }
}

impl Proven {
    fn add(&mut self, verified: u64, credits: &[&Credit], sole: Option<Span>, standard: Option<Standard>) {
        self.verified += verified;
        self.pieces_verified += 1;
        for credit in credits {
            keep_earlier(&mut self.first_part, Some(credit.span));
            self.span = Some(self.span.map_or(credit.span, |span| span.join(credit.span)));
        }
        if sole.is_some() {
            self.sole += verified;
            self.pieces_sole += 1;
        }
        keep_earlier(&mut self.first_sole, sole);
        keep_standard(&mut self.standard, standard);
    }

    fn file_bytes(&mut self, torrent: &Torrent, piece: crate::torrent::PieceIndex, ranges: &RangeSet) {
        for (file, range) in ranges.iter().flat_map(|range| torrent.files_in(piece, range)) {
            *self.files.entry(file).or_default() += range.end - range.start;
        }
    }
}

/// Whether one subject's share of a piece meets the standard: advertised before, requested before, served alone.
fn standard(piece: u32, group: &[&Credit]) -> Option<Standard> {
    let join = |of: fn(&Credit) -> Option<Span>| {
        group.iter().map(|credit| of(credit)).collect::<Option<Vec<_>>>()?.into_iter().reduce(Span::join)
    };
    Some(Standard {
        piece,
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

/// Whether the receiver had sent the same piece to the sender before (T24).
fn boomerang(credit: &Credit, all: &[Credit], parties: &Parties) -> bool {
    let uploader = |id: TransferId| parties.uploader.get(id.0 as usize).copied();
    let downloader = |id: TransferId| parties.downloader.get(id.0 as usize).copied().flatten();
    let Some(receiver) = downloader(credit.transfer) else { return false };
    all.iter().any(|other| {
        uploader(other.transfer) == Some(receiver)
            && downloader(other.transfer) == uploader(credit.transfer)
            && other.span.first.precedes(credit.span.first)
    })
}
