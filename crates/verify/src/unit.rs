//! One piece: its rows' bytes are read, put together and hashed, and the class of each row is found again.

use std::{collections::BTreeMap, collections::BTreeSet, net::SocketAddr};

use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::capture::Capture;
use crate::rows::Row;
use crate::torrent::{Expected, LEAF};
use crate::{Checked, Fault, differs, hex};

/// The bytes that a row names, each run with its place in the piece.
struct Read<'r> {
    row: &'r Row,
    runs: Vec<(usize, Vec<u8>)>,
}

/// Why bytes could not be judged again; `None` where they were, and are what the row says.
type Unseen = Option<&'static str>;

/// Checks the rows of one piece.
pub(crate) fn check(
    expected: Option<&Expected>,
    rows: &[&Row],
    captures: &mut BTreeMap<u64, Capture>,
    checked: &mut Checked,
) -> Result<(), Fault> {
    let mut reads = Vec::new();
    for row in rows {
        reads.push(Read { row, runs: read(row, captures, checked)? });
    }
    let unknown = || rows.iter().map(|row| of_no_piece(row)).collect();
    let judged = expected.map_or_else(unknown, |expected| judged(expected, &reads))?;
    for (row, unseen) in rows.iter().zip(judged) {
        match unseen {
            None => checked.bytes += row.bytes,
            Some(why) => *checked.unseen.entry(why).or_default() += row.bytes,
        }
    }
    Ok(())
}

/// Reads what a row names. Every byte lies in a frame that the row cites, whose ends are those of the row.
fn read(
    row: &Row,
    captures: &mut BTreeMap<u64, Capture>,
    checked: &mut Checked,
) -> Result<Vec<(usize, Vec<u8>)>, Fault> {
    let named = row.runs.iter().fold(row.derived, |sum, [_, _, len, _]| sum.saturating_add(*len));
    // Payload of which no block is known has no place in a piece, and its row names no runs.
    if row.piece.is_some() && named != row.bytes {
        return differs(place(row), said(row), format!("runs and derived bytes are {named}"));
    }
    let mut runs = Vec::new();
    for [input, offset, len, start] in &row.runs {
        let Some(capture) = captures.get_mut(input) else {
            return differs(place(row), format!("bytes of input {input}"), "no such capture");
        };
        let (mut at, end) = (*offset, offset.saturating_add(*len));
        while at < end {
            let Some((frame, left)) = capture.at(at) else {
                if capture.is_whole {
                    return differs(place(row), format!("bytes at {at}"), "they are in no frame");
                }
                *checked.unseen.entry("behind damage, where this program finds no frames").or_default() += end - at;
                break;
            };
            if !row.frames.iter().any(|[file, first, last]| file == input && *first <= frame && frame <= *last) {
                return differs(place(row), "these frames", format!("byte {at} lies in frame {frame}"));
            }
            let left = left.min(end - at);
            match capture.ends(frame) {
                Some((from, to, _)) if from == row.uploader && to == row.downloader => {}
                // What is in a tunnel has other ends outside; TCP carries no tunnel that is read.
                Some((from, to, true)) if row.transport != "utp" => {
                    let stated = format!("{} -> {}", row.uploader, row.downloader);
                    return differs(place(row), stated, format!("frame {frame} goes from {from} to {to}"));
                }
                _ => {
                    *checked
                        .unseen
                        .entry("whose sender is not looked at, in tunnels or other link layers")
                        .or_default() += left
                }
            }
            at += left;
        }
        let Some(bytes) = capture.bytes(*offset, *len) else {
            return differs(place(row), format!("{len} bytes at {offset}"), "the capture ends before");
        };
        runs.push((*start as usize, bytes));
    }
    Ok(runs)
}

/// A row of a piece of which nothing is known.
fn of_no_piece(row: &Row) -> Result<Unseen, Fault> {
    let is_open = row.piece.is_none() || matches!(row.reason.as_str(), "not-known" | "outside");
    if row.class == "repeated" || (row.class == "unproven" && is_open) {
        return Ok(Some("of no known block, or in torrents that the case does not hold"));
    }
    differs(place(row), said(row), "the case has no torrent with that piece")
}

/// Judges the rows of a piece.
fn judged(expected: &Expected, reads: &[Read<'_>]) -> Result<Vec<Unseen>, Fault> {
    let verified = copies(reads, version, |_| Content::of(expected));
    let mut proofs = BTreeMap::new();
    for (version, copy) in &verified {
        proofs.insert(*version, proof(expected, copy)?);
    }
    // Leaves that failed stand beside those that were verified.
    let beside = |leaf: bool| verified.get(&None).filter(|_| leaf).map(|copy| copy.content.clone());
    let failed =
        copies(reads, attempt, |(_, leaf, _)| beside(leaf.is_some()).unwrap_or_else(|| Content::of(expected)));
    let matches = |copy: &Copy<'_>| copy.content.whole(0, expected.len).and_then(|whole| expected.matches(whole));
    let failed: BTreeMap<_, _> = failed.iter().map(|(key, copy)| (*key, (copy, matches(copy)))).collect();
    let judge = |read: &Read<'_>| {
        let row = read.row;
        let mut places = read.runs.iter().flat_map(|(start, run)| *start..start.saturating_add(run.len()));
        match (row.class.as_str(), row.reason.as_str()) {
            _ if row.derived > 0 => Ok(Some("reassembled from fragments, decrypted or decompressed on the way")),
            ("verified", _) => Ok(version(row).and_then(|version| *proofs.get(&version)?)),
            ("refuted", "differs-from-verified") => refuted(read, &verified),
            ("repeated", _) => repeated(read, reads),
            ("pad", _) | ("unproven", "outside") if places.all(|at| expected.is_pad(at as u64)) => Ok(None),
            (_, reason) => match attempt(row).and_then(|attempt| failed.get(&attempt)) {
                // Beside a verified copy of its leaf, nothing is told by the hash of all.
                Some((_, Some(true))) if reason != "in-doubt" => {
                    differs(place(row), said(row), "these bytes and those beside them match the hash of the piece")
                }
                Some((copy, Some(false))) if copy.content.differs(&read.runs) == Some(false) => Ok(None),
                Some((_, None)) if matches!(reason, "incomplete" | "in-doubt" | "not-known") => Ok(None),
                Some(_) => Ok(Some("in failed copies that lie in several rows")),
                None => differs(place(row), said(row), "no class of evidence.md, or no padding"),
            },
        }
    };
    reads.iter().map(judge).collect()
}

/// Of a verified row, the hash that it states: of a torrent whose hashes collide there may be two contents.
fn version(row: &Row) -> Option<Option<&str>> {
    let sums = row.sums.as_ref().filter(|_| row.leaf.is_none());
    (row.class == "verified").then(|| sums.map(|(_, sha256)| sha256.as_str()))
}

/// Of a row that failed by its hash or was never whole, what tells the copy that it is of.
fn attempt(row: &Row) -> Option<(&str, Option<u32>, Option<SocketAddr>)> {
    let alone = (row.class == "refuted").then_some(row.uploader);
    let is_one = matches!(row.class.as_str(), "refuted" | "disputed" | "unproven");
    (is_one && row.reason != "differs-from-verified").then_some((&row.class, row.leaf, alone))
}

/// Bytes of a piece, where they are known; padding is zeros.
#[derive(Clone)]
struct Content {
    bytes: Vec<u8>,
    known: Vec<bool>,
}

impl Content {
    fn of(expected: &Expected) -> Self {
        let len = expected.len as usize;
        let mut content = Self { bytes: vec![0; len], known: vec![false; len] };
        for (first, end) in &expected.pads {
            content.known.get_mut(*first as usize..*end as usize).into_iter().for_each(|pad| pad.fill(true));
        }
        content
    }

    /// Adds a run where nothing is known yet. Gives the first place that is known otherwise, or is none of the piece.
    fn add(&mut self, start: usize, run: &[u8]) -> Option<usize> {
        let range = start..start.saturating_add(run.len());
        let (Some(own), Some(known)) = (self.bytes.get_mut(range.clone()), self.known.get_mut(range)) else {
            return Some(start);
        };
        if known.iter().fold(true, |all, one| all & one) && own == run {
            return None;
        }
        let mut differs = None;
        for (at, ((own, known), byte)) in own.iter_mut().zip(known).zip(run).enumerate() {
            if *known && own != byte {
                differs = differs.or(Some(start + at));
            } else {
                (*own, *known) = (*byte, true);
            }
        }
        differs
    }

    /// The bytes from `from` to `to`; `None` while one of them is not known.
    fn whole(&self, from: u64, to: u64) -> Option<&[u8]> {
        let range = from as usize..to as usize;
        self.known.get(range.clone())?.iter().all(|known| *known).then(|| self.bytes.get(range))?
    }

    /// Returns true if runs differ from the known bytes; `None` where they do not, but not all bytes are known.
    fn differs(&self, runs: &[(usize, Vec<u8>)]) -> Option<bool> {
        let mut both = self.clone();
        let differs = runs.iter().any(|(start, run)| both.add(*start, run).is_some());
        (differs || both.known == self.known).then_some(differs)
    }
}

/// Rows that make up one copy of a unit.
struct Copy<'r> {
    content: Content,
    reads: Vec<&'r Read<'r>>,
    /// The first row that has a byte otherwise than one before it, and the place of the byte.
    clash: Option<(&'r Row, usize)>,
}

/// The copies that rows of equal keys make up, each on top of what `begin` gives.
fn copies<'r, K: Ord>(
    reads: &'r [Read<'r>],
    key: fn(&'r Row) -> Option<K>,
    begin: impl Fn(&K) -> Content,
) -> BTreeMap<K, Copy<'r>> {
    let mut copies = BTreeMap::new();
    for read in reads {
        let Some(key) = key(read.row) else { continue };
        let new = |key: &K| Copy { content: begin(key), reads: Vec::new(), clash: None };
        let copy = copies.entry(key).or_insert_with_key(new);
        for (start, run) in &read.runs {
            let clash = copy.content.add(*start, run).map(|at| (read.row, at));
            copy.clash = copy.clash.or(clash);
        }
        copy.reads.push(read);
    }
    copies
}

/// Compares the hash of a content with the torrent's, and that of its parts with the rows'. The result is the bytes
/// without a hash.
fn proof(expected: &Expected, copy: &Copy<'_>) -> Result<Unseen, Fault> {
    if let Some((row, at)) = copy.clash {
        return differs(place(row), said(row), format!("two verified versions of byte {at} of the piece"));
    }
    let whole = copy.content.whole(0, expected.len);
    let matches = whole.and_then(|whole| expected.matches(whole));
    let is_derived = copy.reads.iter().any(|read| read.row.derived > 0);
    let mut done = BTreeSet::new();
    for row in copy.reads.iter().map(|read| read.row) {
        if matches == Some(false) {
            return differs(place(row), said(row), "all verified bytes of the piece do not match its hash");
        }
        let Some(stated) = row.sums.as_ref().filter(|stated| done.insert((row.leaf, *stated))) else { continue };
        let is_sum = |unit: &[u8]| (hex(&Sha1::digest(unit)), hex(&Sha256::digest(unit))) == *stated;
        let is_right = match row.leaf {
            None => whole.is_none_or(is_sum),
            // Of one leaf, or of all below a node of the tree.
            Some(leaf) => (0..=16).any(|level| {
                let from = u64::from(leaf) * LEAF;
                let to = (from + (LEAF << level)).min(expected.len);
                from < to && copy.content.whole(from, to).is_some_and(is_sum)
            }),
        };
        if !is_right && !is_derived {
            return differs(place(row), format!("SHA-1 and SHA-256 {stated:?}"), "its bytes have others");
        }
    }
    Ok(match (matches, is_derived) {
        (Some(true), _) => None,
        (_, true) => Some("verified together with derived bytes"),
        _ => Some("verified by hashes that peers sent"),
    })
}

/// Bytes that differ from everything that was verified of their piece.
fn refuted(read: &Read<'_>, verified: &BTreeMap<Option<&str>, Copy<'_>>) -> Result<Unseen, Fault> {
    let found: Vec<_> = verified.values().map(|copy| copy.content.differs(&read.runs)).collect();
    if found.contains(&Some(false)) {
        return differs(place(read.row), said(read.row), "its bytes equal the verified ones");
    }
    let is_shown = !found.is_empty() && !found.contains(&None);
    Ok((!is_shown).then_some("refuted against bytes that are not all in one input"))
}

/// Bytes that the same transfer sent before.
fn repeated(read: &Read<'_>, reads: &[Read<'_>]) -> Result<Unseen, Fault> {
    let is_other = |row: &Row| row.transfer == read.row.transfer && row.class != "repeated";
    let others = || reads.iter().filter(|other| is_other(other.row));
    if others().any(|other| other.row.derived > 0) {
        return Ok(Some("repeated, where derived bytes were sent before"));
    }
    for (start, run) in &read.runs {
        let is_near = |(from, own): &&(usize, Vec<u8>)| *from < start + run.len() && *start < from + own.len();
        let near: Vec<_> = others().flat_map(|other| other.runs.iter().filter(is_near)).collect();
        let is_there = |(at, byte): (usize, &u8)| {
            near.iter().any(|(from, own)| at.checked_sub(*from).and_then(|at| own.get(at)) == Some(byte))
        };
        if !(*start..).zip(run).all(is_there) {
            return differs(place(read.row), said(read.row), "the transfer has no equal bytes at the same place");
        }
    }
    Ok(None)
}

/// `piece 17, leaf 2, 32768-49151, at byte 5012 of input 0, from 192.0.2.7:6881, frame.number in {12..31}`.
fn place(row: &Row) -> String {
    let mut place = row.piece.map_or("no known piece".to_owned(), |piece| format!("piece {piece}"));
    place.extend(row.leaf.map(|leaf| format!(", leaf {leaf}")));
    if let (Some([input, offset, _, first]), Some([_, _, len, last])) = (row.runs.first(), row.runs.last()) {
        let last = last.saturating_add(*len).saturating_sub(1);
        place += &format!(", {first}-{last}, at byte {offset} of input {input}");
    }
    let frames = row.frames.iter().take(8).map(|[_, first, last]| format!("{first}..{last}"));
    let frames = frames.collect::<Vec<_>>().join(",");
    format!("{place}, from {}, frame.number in {{{frames}}}", row.uploader)
}

fn said(row: &Row) -> String {
    format!("{} ({}), {} bytes", row.class, row.reason, row.bytes)
}
