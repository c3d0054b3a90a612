//! Judging: from facts and torrents to a class for every served byte.
//!
//! Everything is known when it begins, so no decision is revised. The order is fixed, and nothing in a step reads what a
//! later one, or another item of the same step, decides:
//!
//! | step | finds |
//! |---|---|
//! | names | of which torrent each connection speaks, by its handshakes; where HTTP bodies belong |
//! | hashes | the trees of v2 torrents, by `hashes` messages, then by whole files |
//! | contents | which byte strings in the captures hash right, whoever sent them |
//! | choice | the torrent of each connection without a handshake |
//! | transfers | which connections are one edge, and what they prove together |
//! | places | which web servers are shown to have the torrent; what is damaged of what speaks against somebody |
//! | classes | of every share, with the reason |
//!
//! The judge holds no bytes: it knows where they lie, and [`Ask`]s. It goes piece by piece, over a journal that was sorted
//! once.

mod ask;
mod attribute;
mod choose;
mod content;
mod contents;
mod contests;
mod doubt;
mod files;
mod judged;
mod log;
mod measure;
mod parts;
mod piece;
mod ranges;
mod rank;
mod record;
mod rows;
mod share;
mod small_vec;
mod timeline;
mod times;
mod transfers;
mod trees;
mod unit;
mod unlisted;
mod ways;
mod web;

#[cfg(test)]
pub(crate) mod tests;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

pub use ask::{Ask, Suspect};
pub use attribute::Unjudged;
use attribute::{BOTH, Line, Lines};
use choose::{Fit, Matcher, Signs};
pub use content::Content;
pub use contents::{Attempt, Contents, Note, State};
pub use contests::{Contests, Tally};
pub use doubt::{Against, Bench, Doubts, PieceDoubt};
pub use judged::{Found, Judged};
use log::{Log, Logged};
pub use measure::{Credit, Cut, Matched, Measure, Receiver, Unit};
pub use parts::{Parts, Slice};
pub use piece::{OfUnit, Piece};
pub use ranges::RangeSet;
pub use rank::{proven, rank};
pub use record::{Counts, Handshakes, Merged, Record, Refuted, TorrentKey, TransferFacts, TransferId, TransferKey};
pub use rows::Row;
pub use share::{Carrier, Share};
pub use small_vec::SmallVec;
pub use timeline::{Axis, Timeline};
pub use times::{Burst, SessionTimes, Times};
use transfers::Transfers;
pub use trees::teach;
pub use unit::{Class, Ground, Outcome, Ruling, Why, classes};
pub use unlisted::Unlisted;

use crate::ends::{ConnectionId, Direction};
use crate::facts::{Block, BlockId, Facts, Reason, Sorted};
use crate::oddity::{Bound, Occurrence, Oddity, Sink};
use crate::torrent::{Torrent, TorrentId, Torrents};
use crate::wire::Framing;
use crate::{Error, Limits};

/// Receivers of what is told while facts are judged.
pub struct Told<'a> {
    /// Whatever is odd, in no particular order.
    pub odd: &'a mut dyn Sink,
    /// Stretches that may be framed otherwise: their bytes that are verified, and that were asked for, are counted.
    pub contests: &'a mut Contests,
    /// Contributions of each unit, in no particular order, where they are asked for.
    pub rows: Option<&'a mut Vec<Row>>,
}

/// Judges facts by the torrents that are given.
///
/// # Errors
/// [`Error::Io`] when there is no room to sort the blocks, and those of [`Ask::damaged`].
pub fn judge<'t>(
    facts: &Facts,
    given: &'t Torrents,
    limits: &Limits,
    spool_dir: Option<&Path>,
    ask: &mut dyn Ask,
    told: Told<'_>,
) -> Result<Judged<'t>, Error> {
    let mut lines = Lines::of(facts, given, limits, spool_dir)?;
    let Told { odd, contests, rows } = told;
    let log = Log::new(facts.copies.iter(), |copy| copy.piece, limits.journal_memory / 4, spool_dir)?;
    let ask: &mut dyn Ask = &mut Logged::new(&log, ask, &facts.bases);
    let web = web::serve(facts, given, &mut lines, Some(ask), odd);
    // Lines of web servers go by numbers of their own.
    let webs: BTreeSet<ConnectionId> =
        lines.all.iter().filter(|line| line.only.is_some()).map(|line| line.connection).collect();
    let is_asked = |id: ConnectionId| webs.contains(&id) || lines.index(id).is_some();
    let mut doubts = Doubts::of(&facts.doubts, is_asked, odd);
    // What is said between ends that do not speak of one torrent says nothing of either.
    for line in lines.all.iter().filter(|line| line.torrents[0] != line.torrents[1]) {
        BOTH.iter().for_each(|from| doubts.of_direction(line.connection, *from, Reason::NotConfirmed));
    }
    let blocks = facts.blocks.iter().chain(web.blocks.iter().cloned());
    let blocks = Blocks(Sorted::new(blocks, order, limits.journal_memory, spool_dir)?);
    let mut torrents = trees::teach(facts, given, odd).map_or(Cow::Borrowed(given), Cow::Owned);
    if let Some(taught) = layers(&torrents, &lines, &blocks, ask, odd) {
        torrents = Cow::Owned(taught);
    }
    choose(&mut lines, given, &torrents, &doubts, &blocks, ask);
    note_unnamed(&lines, given, odd);
    let transfers = Transfers::of(&mut lines, given, limits, odd);
    let hearing = Hearing {
        lines: &lines,
        given,
        torrents: &torrents,
        doubts,
        transfers,
        units: BTreeMap::new(),
        axis: Axis::of(&facts.inputs),
        told: Told { odd, contests, rows },
    };
    let Hearing { mut transfers, units, told, .. } = hearing.run(&blocks, ask)?;
    let proven = proven(&transfers.records, units.values().flatten().flat_map(|(_, found)| found.credits.iter()));
    rank(&mut transfers.records, &proven, limits);
    transfers.merge(facts, &lines, &web, given, limits, told.odd);
    let Transfers { records, unlisted, .. } = transfers;
    Ok(Judged { records, units, unlisted, unjudged: lines.unjudged, axis: Axis::of(&facts.inputs), torrents })
}

/// Counts what facts hold, and decides nothing: whatever was served is unproven.
///
/// # Errors
/// [`Error::Io`] when there is no room to sort the connections.
pub fn count<'t>(
    facts: &Facts,
    given: &'t Torrents,
    limits: &Limits,
    spool_dir: Option<&Path>,
    odd: &mut dyn Sink,
) -> Result<Judged<'t>, Error> {
    let mut lines = Lines::of(facts, given, limits, spool_dir)?;
    let web = web::serve(facts, given, &mut lines, None, odd);
    let torrents = trees::teach(facts, given, odd).map_or(Cow::Borrowed(given), Cow::Owned);
    let mut transfers = Transfers::of(&mut lines, given, limits, odd);
    let mut served = Acknowledgeable::default();
    for block in facts.blocks.iter().chain(web.blocks.iter().cloned()) {
        let Some((_, line)) = lines.get(block.connection) else { continue };
        note_unconfirmed(&block, line, odd);
        if let Some(record) = transfers.weigh(&block, line, &mut served) {
            record.counts.unproven += block.captured();
        }
    }
    transfers.acknowledge(&lines, &served);
    rank(&mut transfers.records, &[], limits);
    transfers.merge(facts, &lines, &web, given, limits, odd);
    let Transfers { records, unlisted, .. } = transfers;
    let axis = Axis::of(&facts.inputs);
    Ok(Judged { records, units: BTreeMap::new(), unlisted, unjudged: lines.unjudged, axis, torrents })
}

/// Served bytes of each connection and transfer, of which its receiver's transport may acknowledge some.
type Acknowledgeable = BTreeMap<(ConnectionId, TransferId), u64>;

/// All blocks by piece, and of each piece in order of arrival.
struct Blocks(Sorted<Block, (u32, u64, BlockId)>);

fn order(block: &Block) -> (u32, u64, BlockId) {
    (block.piece, block.order, block.id)
}

impl Blocks {
    /// The blocks of each piece number.
    fn pieces(&self) -> impl Iterator<Item = Vec<Block>> {
        let mut blocks = self.0.iter().map(|(_, block)| block).peekable();
        std::iter::from_fn(move || {
            let first = blocks.next()?;
            let mut piece = vec![first];
            while let Some(block) =
                blocks.next_if(|block| piece.first().is_some_and(|first| first.piece == block.piece))
            {
                piece.push(block);
            }
            Some(piece)
        })
    }
}

/// Tells of a block of a connection that nothing confirms to be BitTorrent.
fn note_unconfirmed(block: &Block, line: &Line, out: &mut dyn Sink) {
    if !line.is_told() {
        let oddity = Oddity::UnconfirmedBlock { piece: block.piece, len: block.len };
        out.odd(of_block(oddity, block, line));
    }
}

fn of_block(oddity: Oddity, block: &Block, line: &Line) -> Occurrence {
    oddity.within(block.span).sent(line.flow, block.from).of(line.connection)
}

/// Tells of connections of BitTorrent whose torrent nothing told.
fn note_unnamed(lines: &Lines, given: &Torrents, out: &mut dyn Sink) {
    let can_be_told = given.iter().any(|torrent| torrent.piece_count() > 0);
    let open = lines.all.iter().filter(|line| line.is_open() && line.has_block && line.is_told());
    let unnamed = open.filter(|line| line.torrents == [TorrentKey::Unknown; 2] && (can_be_told || !line.is_sure));
    for line in unnamed {
        let occurrence = Oddity::NoTorrent { ambiguous: line.several }.within(line.span);
        out.odd(occurrence.sent(line.flow, Direction::LowToHigh).of(line.connection));
    }
}

/// The torrents with the piece layers that blocks prove.
fn layers(
    torrents: &Torrents,
    lines: &Lines,
    blocks: &Blocks,
    ask: &mut dyn Ask,
    odd: &mut dyn Sink,
) -> Option<Torrents> {
    let open = trees::open_pieces(torrents);
    if open.is_empty() {
        return None;
    }
    let mut shares: BTreeMap<(TorrentId, u32), Vec<Share>> = BTreeMap::new();
    for block in blocks.pieces().flatten() {
        let Some((index, line)) = lines.get(block.connection) else { continue };
        let TorrentKey::Given(id) = line.torrent(block.from) else { continue };
        let torrent = torrents.torrent(id);
        let Ok(placed) = torrent.place(block.piece, block.begin, block.len) else { continue };
        if open.contains(&(id, block.piece)) && block.captured() > 0 {
            let mut share = Share::of(&block, &line.carrier(block.from, index));
            share.without(&torrent.pads(placed.piece).collect());
            shares.entry((id, block.piece)).or_default().push(share);
        }
    }
    trees::learn_layers(torrents, &shares, ask, odd)
}

/// Chooses the torrents of connections that no handshake names.
fn choose(
    lines: &mut Lines,
    given: &Torrents,
    torrents: &Torrents,
    doubts: &Doubts,
    blocks: &Blocks,
    ask: &mut dyn Ask,
) {
    if !lines.all.iter().any(|line| line.is_open() && line.has_blocks) {
        return;
    }
    let mut signs: BTreeMap<usize, Signs> = BTreeMap::new();
    let matcher = Matcher { lines, given, torrents, bench: Bench { doubts, records: &[] } };
    for piece in blocks.pieces() {
        ask.turn(piece.first().map_or(0, |first| first.piece), None);
        matcher.piece(&piece, &mut signs, ask);
    }
    for (index, signs) in signs {
        let Some(line) = lines.all.get_mut(index).filter(|line| !line.is_content) else { continue };
        match signs.fit() {
            Fit::One(torrent) => line.torrents = [TorrentKey::Given(torrent); 2],
            Fit::Several => line.several = true,
            Fit::None => {}
        }
    }
}

/// The last steps: every block in its place, and its class.
struct Hearing<'a> {
    lines: &'a Lines,
    given: &'a Torrents,
    torrents: &'a Torrents,
    doubts: Doubts,
    transfers: Transfers,
    units: BTreeMap<TorrentKey, Vec<(Unit, Found)>>,
    axis: Axis,
    told: Told<'a>,
}

impl Hearing<'_> {
    fn run(mut self, blocks: &Blocks, ask: &mut dyn Ask) -> Result<Self, Error> {
        let mut served = Acknowledgeable::default();
        // Of these something may speak against somebody, which others must not be asked before.
        let mut later: Vec<(TorrentKey, Piece)> = Vec::new();
        let mut accused: Vec<(BlockId, TransferId, Suspect)> = Vec::new();
        let mut blocks = blocks.0.iter().map(|(_, block)| block).peekable();
        while let Some(number) = blocks.peek().map(|first| first.piece) {
            ask.turn(number, None);
            // Not kept: there may be any number of one piece.
            let mut of_piece = std::iter::from_fn(|| blocks.next_if(|block| block.piece == number));
            for (key, piece) in self.piece(number, &mut of_piece, &mut served, ask) {
                ask.turn(number, self.torrent(key));
                let bench = Bench { doubts: &self.doubts, records: &self.transfers.records };
                let shown = piece.shown(ask);
                let of = piece.accused(&bench, ask);
                for share in &shown {
                    if share.place == 0 {
                        self.doubts.confirm_framing(share);
                    } else if let Some(record) = self.transfers.records.get_mut(share.transfer.0 as usize) {
                        record.facts.proven_places.insert(share.place);
                    }
                }
                // A web server may yet be shown to have the torrent, and framing that was found to be right.
                let mut waits = of.iter().any(|share| share.place > 0 || share.framing == Framing::Resynchronised);
                for share in of.iter().filter(|share| ask.has_frames(share.span)) {
                    waits = true;
                    accused.extend(self.suspect(share).map(|suspect| (share.id, share.transfer, suspect)));
                }
                // Rationale: of parts whose captures are not at hand that is every piece, and they need not be held.
                if waits {
                    later.push((key, piece));
                } else {
                    self.rule(key, &piece, ask);
                }
            }
        }
        accused.sort_by_key(|(id, ..)| *id);
        let suspects: Vec<Suspect> = accused.iter().map(|(.., suspect)| *suspect).collect();
        for ((id, transfer, _), reason) in accused.iter().zip(ask.damaged(&suspects)?) {
            let Some(reason) = reason else { continue };
            self.doubts.of_share(*id, reason);
            if let Some(record) = self.transfers.records.get_mut(transfer.0 as usize) {
                record.facts.bad_checksum |= reason == Reason::Damaged;
            }
        }
        for (key, piece) in later {
            ask.turn(piece.number, self.torrent(key));
            self.rule(key, &piece, ask);
        }
        self.transfers.acknowledge(self.lines, &served);
        self.units.values_mut().for_each(|units| units.sort_by_key(|(unit, _)| *unit));
        Ok(self)
    }

    fn torrent(&self, key: TorrentKey) -> Option<&Torrent> {
        match key {
            TorrentKey::Given(id) => Some(self.torrents.torrent(id)),
            TorrentKey::NotGiven(_) | TorrentKey::Unknown => None,
        }
    }

    fn suspect(&self, share: &Share) -> Option<Suspect> {
        let key = self.transfers.records.get(share.transfer.0 as usize)?.key;
        let protocol = match key.transport {
            crate::ends::Transport::Utp | crate::ends::Transport::Udp => crate::ends::Protocol::Udp,
            crate::ends::Transport::Tcp | crate::ends::Transport::Http => crate::ends::Protocol::Tcp,
        };
        let (flow, from) = crate::ends::FlowKey::new(key.uploader, key.downloader, protocol);
        Some(Suspect { flow, from, span: share.span })
    }

    /// The pieces of each torrent that these blocks, of one piece number, are of; what they weigh is counted.
    fn piece(
        &mut self,
        number: u32,
        blocks: &mut dyn Iterator<Item = Block>,
        served: &mut Acknowledgeable,
        ask: &mut dyn Ask,
    ) -> Vec<(TorrentKey, Piece)> {
        let mut shares: BTreeMap<TorrentKey, Vec<Share>> = BTreeMap::new();
        for block in blocks {
            let Some((index, line)) = self.lines.get(block.connection) else { continue };
            note_unconfirmed(&block, line, self.told.odd);
            let Some(record) = self.transfers.weigh(&block, line, served) else { continue };
            let captured = block.captured();
            if captured == 0 {
                continue;
            }
            let key = line.torrent(block.from);
            let (piece, begin, len) = (block.piece, block.begin, block.len);
            let misplaced = match key {
                TorrentKey::Given(id) => {
                    let place = self.torrents.torrent(id).place(piece, begin, len);
                    place.err().map(|place| Oddity::BlockOutside { place, captured })
                }
                // No piece is that long, and its bytes have no place to be compared at.
                TorrentKey::NotGiven(_) | TorrentKey::Unknown => {
                    let is_outside = begin.checked_add(len).is_none();
                    is_outside.then_some(Oddity::BlockTooLong { piece, begin, len, captured })
                }
            };
            let share = Share::of(&block, &line.carrier(block.from, index));
            if let Some(misplaced) = misplaced {
                record.counts.unproven += captured;
                record.timeline.add(self.axis, block.span.last.time, Class::Unproven, captured);
                self.told.odd.odd(of_block(misplaced, &block, line));
                self.told.rows.iter_mut().for_each(|rows| rows.push(Row::outside(&block, &share)));
            } else {
                shares.entry(key).or_default().push(share);
            }
        }
        let bench = Bench { doubts: &self.doubts, records: &self.transfers.records };
        let unjudged = self.lines.unjudged_pieces.contains(&number);
        let of = |(key, shares): (TorrentKey, Vec<Share>)| {
            let mut piece = match key {
                TorrentKey::Given(id) => {
                    let torrent = self.torrents.torrent(id);
                    let index = torrent.piece(number)?;
                    ask.turn(number, Some(torrent));
                    Piece::of(self.given.torrent(id), torrent, index, shares, &bench, ask)
                }
                TorrentKey::NotGiven(_) | TorrentKey::Unknown => Piece::unknown(number, shares),
            };
            piece.unjudged = unjudged;
            Some((key, piece))
        };
        shares.into_iter().filter_map(of).collect()
    }

    /// Gives every byte of a piece its class, and counts it.
    fn rule(&mut self, key: TorrentKey, piece: &Piece, ask: &mut dyn Ask) {
        for (share, padding) in &piece.pads {
            if let Some(record) = self.transfers.records.get_mut(share.transfer.0 as usize) {
                record.counts.pad += padding.bytes();
                record.timeline.add(self.axis, share.span.last.time, Class::Pad, padding.bytes());
            }
        }
        for (span, bytes) in &piece.odd_padding {
            self.told.odd.odd(Oddity::Padding { bytes: *bytes }.within(*span));
        }
        self.told.rows.iter_mut().for_each(|rows| rows::of_padding(piece, rows));
        for of in &piece.units {
            let bench = Bench { doubts: &self.doubts, records: &self.transfers.records };
            let outcome = piece.classes(of, &bench, ask);
            for ruling in &outcome.rulings {
                self.count(of, ruling);
            }
            self.note(of, &outcome, ask);
            self.told.rows.iter_mut().for_each(|rows| rows::of_unit(of, &outcome, &self.doubts, rows, ask));
            if matches!(key, TorrentKey::Given(_)) {
                let found = Found { credits: outcome.credits, ..of.contents.found.clone() };
                self.units.entry(key).or_default().push((of.unit, found));
            }
        }
    }

    /// Tells what is odd about a unit, and counts the bytes of stretches that may be framed otherwise.
    fn note(&mut self, of: &OfUnit, outcome: &Outcome, ask: &mut dyn Ask) {
        let unit = of.unit.into();
        for note in &of.contents.notes {
            self.told.odd.odd(match note {
                Note::Half { v1, span } => Oddity::HalfMatch { unit, v1: *v1 }.within(*span),
                Note::Collision(sha256) => Oddity::Collision { unit, sha256: Box::new(*sha256) }.seen(),
            });
        }
        if of.contents.crowded || outcome.crowded {
            // A copy that failed may be right but for one block of it, which a mix that was not tried would show.
            let undecided = |ruling: &&Ruling| match ruling.why {
                Why::FailedAlone => of.contents.untried,
                _ => matches!(ruling.class, Class::Disputed | Class::Unproven),
            };
            let undecided = outcome.rulings.iter().filter(undecided);
            let bytes: u64 = undecided.map(|ruling| RangeSet::total(&ruling.ranges)).sum();
            if bytes > 0 {
                self.told.odd.odd(Oddity::from(Bound::Copies { unit, bytes }).seen());
            }
        }
        for share in &of.shares {
            for (at, second) in self.doubts.second_versions(share) {
                if let Some(second) = of.right_version(&second, share, outcome, ask) {
                    self.told.odd.odd(Oddity::RightVersion { unit, second }.at(at));
                }
            }
        }
        if !self.told.contests.is_empty() {
            let right = outcome.right(&of.contents);
            for (index, share) in of.shares.iter().enumerate() {
                let ((id, from, range), bytes) = (&share.stream, RangeSet::total(&share.ranges));
                let counted = |counts: bool| if counts { bytes } else { 0 };
                let tally =
                    Tally { verified: counted(right.contains(&index)), asked: counted(share.requested.is_some()) };
                self.told.contests.count(*id, *from, range.start, tally);
            }
        }
    }

    fn count(&mut self, of: &OfUnit, ruling: &Ruling) {
        let Some(share) = of.shares.get(ruling.share) else { return };
        let Some(record) = self.transfers.records.get_mut(share.transfer.0 as usize) else { return };
        let bytes = RangeSet::total(&ruling.ranges);
        record.timeline.add(self.axis, share.span.last.time, ruling.class, bytes);
        match ruling.class {
            Class::Pad => record.counts.pad += bytes,
            Class::Repeated => record.counts.repeated += bytes,
            // The verified figures are summed from the credits, once.
            Class::Verified => {}
            Class::Refuted => {
                record.counts.refuted += bytes;
                record.refute(of.unit.piece, share.span);
            }
            Class::Disputed => record.counts.disputed += bytes,
            Class::Unproven => record.counts.unproven += bytes,
        }
    }
}
