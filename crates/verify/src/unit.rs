//! One piece: its rows' bytes are read, put together and hashed, and the class of each row is found again.

use std::collections::BTreeMap;

use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::capture::Capture;
use crate::rows::Row;
use crate::torrent::{Expected, LEAF, Torrent};
use crate::{Checked, Fault, differs, hex};

/// The bytes that a row names, each run with its place in the piece.
struct Read<'r> {
    row: &'r Row,
    runs: Vec<(u32, Vec<u8>)>,
}

/// Bytes of a piece, where they are known.
#[derive(Clone, Debug)]
struct Content(Vec<Option<u8>>);

impl Content {
    fn of(len: u32) -> Self {
        Self(vec![None; len as usize])
    }

    /// Adds a run where nothing is known yet. Gives the first place where it differs from what is known.
    fn add(&mut self, start: u32, bytes: &[u8]) -> Option<u32> {
        let mut first = None;
        for (at, byte) in (start..).zip(bytes) {
            match self.0.get_mut(at as usize) {
                Some(Some(known)) if known != byte => first = first.or(Some(at)),
                Some(known) => *known = Some(*byte),
                None => {}
            }
        }
        first
    }

    /// All of the range from `from` to `to`, once padding is zeros; `None` while a byte of it is not known.
    fn whole(&self, from: u32, to: u32, pads: &[(u32, u32)]) -> Option<Vec<u8>> {
        let zero = |at: u32| pads.iter().any(|(first, end)| *first <= at && at < *end).then_some(0);
        let known = self.0.get(from as usize..to as usize)?;
        (from..).zip(known).map(|(at, byte)| byte.or_else(|| zero(at))).collect()
    }
}

/// Checks the rows of one piece.
pub(crate) fn check(
    torrent: Option<&Torrent>,
    piece: Option<u32>,
    rows: &[&Row],
    captures: &mut [(usize, Capture)],
    checked: &mut Checked,
) -> Result<(), Fault> {
    let mut reads = Vec::new();
    for row in rows {
        reads.push(Read { row, runs: read(row, captures, checked)? });
    }
    let Some(expected) = torrent.zip(piece).and_then(|(torrent, piece)| torrent.piece(piece)) else {
        for row in rows {
            let open =
                row.class == "repeated" || (row.class == "unproven" && (piece.is_none() || is_open(&row.reason)));
            if !open {
                return differs(place(row), said(row), "the case has no torrent with that piece");
            }
            unseen(checked, "of no known block, or in torrents that the case does not hold", row.bytes);
        }
        return Ok(());
    };
    // What was verified, by the hash that the rows state: of a torrent whose hashes collide there may be two contents.
    let mut contents: BTreeMap<Option<&str>, Content> = BTreeMap::new();
    for read in reads.iter().filter(|read| read.row.class == "verified") {
        let key =
            read.row.leaf.is_none().then(|| read.row.sums.as_ref().map(|(_, sha256)| sha256.as_str())).flatten();
        let content = contents.entry(key).or_insert_with(|| Content::of(expected.len));
        for (start, bytes) in &read.runs {
            if let Some(at) = content.add(*start, bytes) {
                return differs(
                    place(read.row),
                    said(read.row),
                    format!("two verified versions of byte {at} of the piece"),
                );
            }
        }
    }
    let proven = verified(&expected, &contents, &reads, checked)?;
    for read in &reads {
        match read.row.class.as_str() {
            "verified" => {}
            "refuted" => refuted(&expected, read, &reads, &proven, checked)?,
            "repeated" => repeated(read, &reads, checked)?,
            "disputed" | "unproven" => undecided(&expected, read, &reads, checked)?,
            "pad" => checked.bytes += read.row.bytes,
            other => return differs(place(read.row), other, "no class of evidence.md"),
        }
    }
    Ok(())
}

/// Reads what a row names, and compares the frames and ends with what it says.
fn read(row: &Row, captures: &mut [(usize, Capture)], checked: &mut Checked) -> Result<Vec<(u32, Vec<u8>)>, Fault> {
    let named: u64 = row.runs.iter().map(|run| u64::from(run.len)).sum();
    // Payload of which no block is known has no place in a piece, and its row names no runs.
    if row.piece.is_some() && named + row.derived != row.bytes {
        return differs(place(row), said(row), format!("runs of {named} bytes, and {} derived ones", row.derived));
    }
    let mut runs = Vec::new();
    for run in &row.runs {
        let Some((_, capture)) = captures.iter_mut().find(|(input, _)| *input == run.input) else {
            return differs(place(row), format!("bytes of input {}", run.input), "no such capture");
        };
        let Some(bytes) = capture.bytes(run.offset, run.len as usize).map(<[u8]>::to_vec) else {
            return differs(place(row), format!("{} bytes at {}", run.len, run.offset), "the capture ends before");
        };
        frames(row, run.input, run.offset, u64::from(run.len), capture, checked)?;
        runs.push((run.start, bytes));
    }
    if row.derived > 0 {
        unseen(checked, "reassembled from fragments, decrypted or decompressed on the way", row.derived);
    }
    Ok(runs)
}

/// Every byte of a run lies in a frame that the row cites, whose ends are those of the row.
fn frames(
    row: &Row,
    input: usize,
    offset: u64,
    len: u64,
    capture: &mut Capture,
    checked: &mut Checked,
) -> Result<(), Fault> {
    let (mut at, end) = (offset, offset + len);
    while at < end {
        let Some(frame) = capture.frame(at, 1) else {
            if capture.is_whole {
                return differs(place(row), format!("bytes at {at}"), "they are in no frame");
            }
            unseen(checked, "behind damage, where this program finds no frames", end - at);
            return Ok(());
        };
        if !row.frames.iter().any(|(file, first, last)| *file == input && *first <= frame && frame <= *last) {
            return differs(
                place(row),
                format!("frames {:?}", row.frames),
                format!("byte {at} lies in frame {frame}"),
            );
        }
        // The rest of the frame.
        let mut step = end - at;
        while step > 1 && capture.frame(at, step) != Some(frame) {
            step /= 2;
        }
        match capture.ends(frame) {
            Some(ends) if ends.from.to_string() == row.uploader && ends.to.to_string() == row.downloader => {}
            // What is in a tunnel has other ends outside; TCP carries no tunnel that is read.
            Some(ends) if ends.is_tcp && row.transport != "utp" => {
                let found = format!("frame {frame} goes from {} to {}", ends.from, ends.to);
                return differs(place(row), format!("{} -> {}", row.uploader, row.downloader), found);
            }
            _ => unseen(checked, "whose sender is not looked at, in tunnels or other link layers", step),
        }
        at += step;
    }
    Ok(())
}

/// Contents that hash to what the torrent says; what cannot be put together is counted.
fn verified<'c>(
    expected: &Expected,
    contents: &'c BTreeMap<Option<&str>, Content>,
    reads: &[Read<'_>],
    checked: &mut Checked,
) -> Result<Vec<&'c Content>, Fault> {
    let mut proven = Vec::new();
    for (key, content) in contents {
        let of_content: Vec<&Read<'_>> = reads
            .iter()
            .filter(|read| {
                let own =
                    read.row.leaf.is_none().then(|| read.row.sums.as_ref().map(|(_, sum)| sum.as_str())).flatten();
                read.row.class == "verified" && own == *key
            })
            .collect();
        let bytes: u64 = of_content.iter().map(|read| read.row.bytes).sum();
        let derived = of_content.iter().any(|read| read.row.derived > 0);
        if let Some(whole) = content.whole(0, expected.len, &expected.pads) {
            let right = expected.matches(&whole);
            if let (Some(false), Some(first)) = (right, of_content.first()) {
                return differs(
                    place(first.row),
                    said(first.row),
                    "all verified bytes of the piece together do not match its hash",
                );
            }
            for read in of_content.iter().filter(|read| read.row.leaf.is_none()) {
                let found = (hex(&Sha1::digest(&whole)), hex(&Sha256::digest(&whole)));
                if read.row.sums.as_ref().is_some_and(|stated| *stated != found) {
                    return differs(place(read.row), format!("SHA-256 {:?}", read.row.sums), format!("{found:?}"));
                }
            }
            if right.is_some() {
                checked.bytes += bytes;
                proven.push(content);
                continue;
            }
        }
        // Leaves that the case proves by `hashes` messages: they hash to what it states of them.
        for read in &of_content {
            let (Some(leaf), Some((_, stated))) = (read.row.leaf, &read.row.sums) else { continue };
            let from = leaf.saturating_mul(LEAF);
            let ends =
                (1..=expected.len.div_ceil(LEAF)).map(|count| from.saturating_add(count * LEAF).min(expected.len));
            let fits = ends.filter(|end| *end > from).any(|end| {
                content.whole(from, end, &expected.pads).is_some_and(|bytes| hex(&Sha256::digest(bytes)) == *stated)
            });
            if !fits && !derived {
                return differs(place(read.row), format!("SHA-256 {stated}"), "its bytes hash to another one");
            }
        }
        if !of_content.is_empty() {
            let why =
                if derived { "verified together with derived bytes" } else { "verified by hashes that peers sent" };
            unseen(checked, why, bytes);
            proven.push(content);
        }
    }
    Ok(proven)
}

/// Bytes that speak against their sender: they differ from what was verified, or the copy that they make up fails.
fn refuted(
    expected: &Expected,
    read: &Read<'_>,
    reads: &[Read<'_>],
    proven: &[&Content],
    checked: &mut Checked,
) -> Result<(), Fault> {
    if read.row.derived > 0 {
        return Ok(());
    }
    if read.row.reason == "differs-from-verified" {
        let differs_from = |content: &&Content| {
            read.runs.iter().any(|(start, bytes)| {
                (*start..).zip(bytes).any(|(at, byte)| {
                    content.0.get(at as usize).copied().flatten().is_some_and(|known| known != *byte)
                })
            })
        };
        // Some of the content may be known from elsewhere: what equals all that is known here is not shown to differ.
        let known = |content: &&Content| {
            read.runs.iter().all(|(start, bytes)| {
                content.whole(*start, start.saturating_add(bytes.len() as u32), &expected.pads).is_some()
            })
        };
        return match proven.iter().find(|content| known(content)) {
            Some(content) if !differs_from(content) => {
                differs(place(read.row), said(read.row), "its bytes equal the verified ones")
            }
            Some(_) => confirmed(checked, read.row.bytes),
            None if proven.iter().any(differs_from) => confirmed(checked, read.row.bytes),
            None => unseen_ok(checked, "refuted against bytes that are not all in one input", read.row.bytes),
        };
    }
    let together = |other: &&Read<'_>| {
        other.row.class == "refuted" && other.row.reason == read.row.reason && other.row.leaf == read.row.leaf
    };
    fails(expected, read, reads.iter().filter(together), checked)
}

/// Bytes of failed or incomplete pieces: together they must not hash right.
fn undecided(expected: &Expected, read: &Read<'_>, reads: &[Read<'_>], checked: &mut Checked) -> Result<(), Fault> {
    if read.row.derived > 0 || read.row.reason == "outside" {
        return Ok(());
    }
    fails(
        expected,
        read,
        reads.iter().filter(|other| other.row.class == read.row.class && other.row.leaf == read.row.leaf),
        checked,
    )
}

/// The copy that these rows make up is not whole, or does not match.
fn fails<'r>(
    expected: &Expected,
    read: &Read<'_>,
    copies: impl Iterator<Item = &'r Read<'r>>,
    checked: &mut Checked,
) -> Result<(), Fault> {
    let mut content = Content::of(expected.len);
    for copy in copies {
        copy.runs.iter().for_each(|(start, bytes)| _ = content.add(*start, bytes));
    }
    match content.whole(0, expected.len, &expected.pads).and_then(|whole| expected.matches(&whole)) {
        Some(true) => differs(
            place(read.row),
            said(read.row),
            "its bytes, with those of the others, match the hash of the piece",
        ),
        Some(false) => confirmed(checked, read.row.bytes),
        None if matches!(read.row.reason.as_str(), "incomplete" | "in-doubt" | "not-known") => {
            confirmed(checked, read.row.bytes)
        }
        None => unseen_ok(checked, "in failed copies that lie in several rows", read.row.bytes),
    }
}

/// The same transfer sent these bytes before.
fn repeated(read: &Read<'_>, reads: &[Read<'_>], checked: &mut Checked) -> Result<(), Fault> {
    if read.row.derived > 0 {
        return Ok(());
    }
    let others: Vec<&Read<'_>> = reads
        .iter()
        .filter(|other| other.row.transfer == read.row.transfer && other.row.class != "repeated")
        .collect();
    if others.iter().any(|other| other.row.derived > 0) {
        return unseen_ok(checked, "repeated, where derived bytes were sent before", read.row.bytes);
    }
    for (start, bytes) in &read.runs {
        let there = (*start..).zip(bytes).all(|(at, byte)| {
            others
                .iter()
                .flat_map(|other| &other.runs)
                .any(|(from, own)| at.checked_sub(*from).and_then(|index| own.get(index as usize)) == Some(byte))
        });
        if !there {
            return differs(place(read.row), said(read.row), "the transfer has no equal bytes at the same place");
        }
    }
    confirmed(checked, read.row.bytes)
}

/// Whether nothing was decided for want of a torrent.
fn is_open(reason: &str) -> bool {
    matches!(reason, "not-known" | "outside")
}

fn confirmed(checked: &mut Checked, bytes: u64) -> Result<(), Fault> {
    checked.bytes += bytes;
    Ok(())
}

fn unseen(checked: &mut Checked, why: &'static str, bytes: u64) {
    *checked.unseen.entry(why).or_default() += bytes;
}

fn unseen_ok(checked: &mut Checked, why: &'static str, bytes: u64) -> Result<(), Fault> {
    unseen(checked, why, bytes);
    Ok(())
}

fn place(row: &Row) -> String {
    let leaf = row.leaf.map(|leaf| format!(", leaf {leaf}")).unwrap_or_default();
    let bytes =
        match row.runs.first().zip(row.runs.iter().map(|run| u64::from(run.start) + u64::from(run.len)).max()) {
            Some((first, end)) => {
                format!(", {}-{}, at byte {} of input {}", first.start, end - 1, first.offset, first.input)
            }
            None => String::new(),
        };
    let frames: Vec<String> = row
        .frames
        .iter()
        .take(8)
        .map(|(_, first, last)| if first == last { first.to_string() } else { format!("{first}..{last}") })
        .collect();
    let piece = row.piece.map_or_else(|| "no known piece".to_owned(), |piece| format!("piece {piece}"));
    format!("{piece}{leaf}{bytes}, from {}, frame.number in {{{}}}", row.uploader, frames.join(","))
}

fn said(row: &Row) -> String {
    format!("{} ({}), {} bytes", row.class, row.reason, row.bytes)
}
