//! Contributions of every unit to the figures, with the frames and bytes that show them: an expert defends a sum with
//! them.

use std::collections::BTreeMap;
use std::ops::Range;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Bytes, Evidence, Transfer};
use crate::ends::{Endpoint, FrameId, Frames, Hex, InfoHash, Span, Transport};
use crate::facts::{Reason, SPILL};
use crate::judge::TorrentKey;
use crate::judge::{Class, Ground, Judged, Row, Slice};

/// Bytes of one unit that one end sent to another, of one class for one reason. The rows of a transfer add up to its figures:
/// each served byte is in exactly one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Piece {
    /// The torrent; `None` where it is unknown.
    pub info_hash: Option<InfoHash>,
    /// The piece, as numbered on the wire; `None` of payload of which the captures do not show in which block it is.
    pub piece: Option<u32>,
    /// The leaf of the piece, or the first of several, where leaves are the unit (v2); left out elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leaf: Option<u32>,
    /// Who sent, as observed.
    pub uploader: Endpoint,
    /// Who received, as observed.
    pub downloader: Endpoint,
    /// How.
    pub transport: Transport,
    /// Index of the transfer in the report's transfers.
    pub transfer: u64,
    /// The class of the bytes.
    pub class: Class,
    /// Why they are of it.
    pub reason: Ground,
    /// Of bytes in doubt, why they are; left out elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doubt: Option<Reason>,
    /// How many.
    pub bytes: u64,
    /// The frames that carried them: ranges without a frame between, ascending.
    pub frames: Vec<Frames>,
    /// The frames in which they were requested before, where all of them were; left out elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested: Option<Frames>,
    /// The frames of those requests alone, where they are more than one: ranges without a frame between, ascending; left out elsewhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requested_frames: Vec<Frames>,
    /// The frames in which the uploader had advertised the piece before; left out elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advertised: Option<Frames>,
    /// Where they lie in the inputs, in order of their place in the piece.
    pub runs: Vec<InputRun>,
    /// Those of them that are in no input in one piece: reassembled from fragments, or decrypted.
    pub derived_bytes: u64,
    /// SHA-1 of the whole unit, v1 padding as zeros, where its content was verified; left out elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha1: Option<Hex<20>>,
    /// SHA-256 of the same bytes; left out elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Hex<32>>,
}

/// Contiguous bytes of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InputRun {
    /// Index into `inputs`.
    pub input: u16,
    /// Offset of the first byte in the decompressed content.
    pub offset: u64,
    /// How many bytes.
    pub len: u64,
    /// Place of the first byte in the piece.
    pub start: u32,
}

/// Contributions of every unit to the figures of a report's transfers. There may be millions: each [`Piece`] is made when it is asked
/// for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pieces {
    transfers: Vec<Rows>,
    rows: Vec<Row>,
    /// SHA-1 and SHA-256 of contents, by the number that rows have.
    sums: Vec<([u8; 20], [u8; 32])>,
    /// Places in `rows`, by transfer, then by unit.
    order: Vec<u32>,
}

/// Rows of a transfer.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Rows {
    info_hash: Option<InfoHash>,
    uploader: Endpoint,
    downloader: Endpoint,
    transport: Transport,
    /// Index of the transfer in the report's transfers.
    transfer: u64,
    /// Place of its rows in the order of all.
    order: Range<usize>,
    /// Bytes of which the captures do not show in which block they are.
    unplaced: u64,
}

impl Pieces {
    /// Contributions to the figures, sorted by transfer, then by unit.
    pub fn iter(&self) -> impl Iterator<Item = Piece> + '_ {
        self.transfers.iter().flat_map(|transfer| {
            let order = self.order.get(transfer.order.clone()).unwrap_or_default().iter();
            let rows = order.filter_map(|&at| self.rows.get(at as usize));
            rows.map(|row| transfer.piece(row, &self.sums)).chain(transfer.unplaced())
        })
    }
}

impl Rows {
    fn piece(&self, row: &Row, sums: &[([u8; 20], [u8; 32])]) -> Piece {
        let sums = row.sums.and_then(|number| sums.get(number as usize));
        Piece {
            piece: Some(row.unit.piece),
            leaf: row.unit.leaf,
            reason: row.why.ground(),
            doubt: row.why.doubt(),
            frames: frames(&row.slices),
            requested: row.requested.map(Span::into),
            requested_frames: requests(row),
            advertised: row.advertised.map(Span::into),
            runs: runs(&row.slices),
            derived_bytes: derived(&row.slices),
            sha1: sums.map(|(sha1, _)| Hex(*sha1)),
            sha256: sums.map(|(_, sha256)| Hex(*sha256)),
            ..self.of_class(row.class, row.bytes)
        }
    }

    /// The row of the bytes without a block, where there are any.
    fn unplaced(&self) -> Option<Piece> {
        (self.unplaced > 0).then(|| self.of_class(Class::Unproven, self.unplaced))
    }

    /// Bytes of which nothing else is known.
    fn of_class(&self, class: Class, bytes: u64) -> Piece {
        Piece {
            info_hash: self.info_hash.clone(),
            piece: None,
            leaf: None,
            uploader: self.uploader,
            downloader: self.downloader,
            transport: self.transport,
            transfer: self.transfer,
            class,
            reason: Ground::Unplaced,
            doubt: None,
            bytes,
            frames: Vec::new(),
            requested: None,
            requested_frames: Vec::new(),
            advertised: None,
            derived_bytes: 0,
            runs: Vec::new(),
            sha1: None,
            sha256: None,
        }
    }
}

/// The rows of all transfers of `evidence`; and how many of its transfers are left out, as what was judged from the facts is not
/// what its figures say: a bound of the walk let some bytes go.
pub(crate) fn pieces(
    judged: &Judged<'_>,
    rows: Vec<Row>,
    sums: Vec<([u8; 20], [u8; 32])>,
    evidence: &Evidence,
) -> (Pieces, u64) {
    let at = |place: &u32| rows.get(*place as usize);
    let mut order: Vec<u32> = (0..).take(rows.len()).collect();
    order.sort_by_key(|place| at(place).map(|row| (row.transfer, row.unit, row.class, row.why)));
    let mut by_ends: BTreeMap<_, Vec<(u64, &Transfer)>> = BTreeMap::new();
    for (place, transfer) in (0..).zip(&evidence.transfers) {
        let key = (transfer.uploader, transfer.downloader, transfer.transport);
        by_ends.entry(key).or_default().push((place, transfer));
    }
    let mut places: BTreeMap<u64, Rows> = BTreeMap::new();
    let mut end = 0;
    for (id, record) in (0..).zip(&judged.records) {
        let own = order.get(end..).unwrap_or_default().iter().map_while(at).take_while(|row| row.transfer.0 == id);
        let (count, mut of_class) = by_class(own);
        let order = end..end + count;
        end = order.end;
        if count == 0 && record.unplaced == 0 {
            continue;
        }
        let frames = record.span.or(record.served_span).map(Frames::from);
        let info_hash = hash_of(judged, record.key.torrent);
        *of_class.entry(Class::Unproven).or_default() += record.unplaced;
        let key = (record.key.uploader, record.key.downloader, record.key.transport);
        let place = by_ends.get(&key).into_iter().flatten().find(|(_, transfer)| {
            transfer.info_hash == info_hash
                && Some(transfer.frames) == frames
                && of_class == classes(&transfer.bytes)
        });
        if let Some(&(place, transfer)) = place {
            let rows = Rows {
                info_hash: transfer.info_hash.clone(),
                uploader: transfer.uploader,
                downloader: transfer.downloader,
                transport: transfer.transport,
                transfer: place,
                order,
                unplaced: record.unplaced,
            };
            places.insert(place, rows);
        }
    }
    let served = (0..).zip(&evidence.transfers).filter(|(_, transfer)| transfer.bytes.served > 0);
    let left_out = served.filter(|(place, _)| !places.contains_key(place)).count() as u64;
    (Pieces { transfers: places.into_values().collect(), rows, sums, order }, left_out)
}

fn hash_of(judged: &Judged<'_>, key: TorrentKey) -> Option<InfoHash> {
    match key {
        TorrentKey::Given(id) => Some(judged.torrents.torrent(id).info_hash()),
        TorrentKey::NotGiven(hash) => Some(InfoHash(hash.to_vec())),
        TorrentKey::Unknown => None,
    }
}

/// How many rows there are, and their bytes by class.
fn by_class<'r>(rows: impl Iterator<Item = &'r Row>) -> (usize, BTreeMap<Class, u64>) {
    let mut sums: BTreeMap<Class, u64> = Class::ALL.iter().map(|class| (*class, 0)).collect();
    let count = rows.map(|row| *sums.entry(row.class).or_default() += row.bytes).count();
    (count, sums)
}

fn classes(bytes: &Bytes) -> BTreeMap<Class, u64> {
    [
        (Class::Pad, bytes.pad),
        (Class::Repeated, bytes.repeated),
        (Class::Verified, bytes.verified),
        (Class::Refuted, bytes.refuted),
        (Class::Disputed, bytes.disputed),
        (Class::Unproven, bytes.unproven),
    ]
    .into()
}

/// Their frames as ranges without a frame between, ascending.
fn frames(slices: &[Slice]) -> Vec<Frames> {
    ranges(slices.iter().map(|slice| slice.frame).collect())
}

/// The frames of the requests of a row, where all of it was requested, and in more than one frame.
fn requests(row: &Row) -> Vec<Frames> {
    let spans = match &row.requested {
        Some(_) if !row.requests.is_empty() => &row.requests[..],
        only => only.as_slice(),
    };
    let frames = ranges(spans.iter().flat_map(|span| [span.first.frame, span.last.frame]).collect());
    match frames.as_slice() {
        [only] if only.first == only.last => Vec::new(),
        _ => frames,
    }
}

fn ranges(mut all: Vec<FrameId>) -> Vec<Frames> {
    all.sort_unstable();
    let mut ranges: Vec<Frames> = Vec::new();
    for frame in all {
        let (file, number) = (frame.file(), frame.number());
        match ranges.last_mut() {
            Some(last) if last.file == file && number <= last.last.saturating_add(1) => last.last = number,
            _ => ranges.push(Frames { file, first: number, last: number, last_file: None }),
        }
    }
    ranges
}

fn derived(slices: &[Slice]) -> u64 {
    slices.iter().filter(|slice| slice.place.store == SPILL).map(|slice| u64::from(slice.len)).sum()
}

/// Where they lie in the inputs, joined where they touch.
fn runs(slices: &[Slice]) -> Vec<InputRun> {
    let mut slices: Vec<&Slice> = slices.iter().filter(|slice| slice.place.store != SPILL).collect();
    slices.sort_by_key(|slice| (slice.start, slice.place));
    let mut runs: Vec<InputRun> = Vec::new();
    for slice in slices {
        let (input, offset, len) = (slice.place.store, slice.place.offset, u64::from(slice.len));
        match runs.last_mut() {
            Some(last)
                if last.input == input
                    && last.offset + last.len == offset
                    && u64::from(last.start) + last.len == u64::from(slice.start) =>
            {
                last.len += len;
            }
            _ => runs.push(InputRun { input, offset, len, start: slice.start }),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Place;

    fn slice(start: u32, len: u32, store: u16, offset: u64, frame: u64) -> Slice {
        Slice { start, len, place: Place { store, offset }, frame: FrameId::new(store.min(1), frame) }
    }

    #[test]
    fn frames_are_ranges_and_runs_are_joined_where_they_touch() {
        let slices = vec![
            slice(8, 4, 0, 200, 7),
            slice(0, 4, 0, 100, 5),
            slice(4, 4, 0, 104, 6),
            slice(12, 4, SPILL, 0, 9),
            slice(16, 4, 1, 300, 7),
        ];
        let range = |file, first, last| Frames { file, first, last, last_file: None };
        assert_eq!(frames(&slices), [range(0, 5, 7), range(1, 7, 7), range(1, 9, 9)]);
        assert_eq!(derived(&slices), 4);
        let run = |input, offset, len, start| InputRun { input, offset, len, start };
        assert_eq!(runs(&slices), [run(0, 100, 8, 0), run(0, 200, 4, 8), run(1, 300, 4, 16)]);
    }
}
