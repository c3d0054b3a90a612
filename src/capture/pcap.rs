//! pcap: both byte orders, microseconds and nanoseconds, and Kuznetzov's modified records.
//!
//! Source: draft-ietf-opsawg-pcap; the modified format is that of libpcap patches of 1999 (24-byte record headers).
//! pcap-parser reads what it reads rightly; big-endian modified files, swapped lengths and FCS bits are read here.

use pcap_parser::{parse_pcap_frame, parse_pcap_frame_be, parse_pcap_frame_modified, parse_pcap_header};

use super::resync::{self, Step};
use super::track::Track;
use super::{Frame, Interface, LinkType};
use crate::Error;
use crate::anomaly::Anomalies;
use crate::provenance::Timestamp;

/// How the records of one file are laid out.
#[derive(Clone, Debug)]
pub(super) struct PcapReader {
    big_endian: bool,
    modified: bool,
    lengths: Lengths,
    /// Nanoseconds in one unit of the fraction: 1 or 1,000.
    unit_ns: i64,
    /// The longest record taken without a look at the one after it, in bytes.
    usual: usize,
    link: LinkType,
    fcs_len: u8,
    snaplen: u32,
}

impl PcapReader {
    /// Reads the file header and leaves `track` behind it.
    pub(super) fn new(track: &mut Track<'_>) -> Result<Self, Error> {
        let bytes = track.bytes;
        let Some(header) = bytes.first_chunk::<HEADER_LEN>() else {
            let found = format!("the end of the file after {} bytes", bytes.len());
            return Err(track.malformed(bytes.len(), found, "a pcap file header of 24 bytes"));
        };
        let Some((big_endian, modified, unit_ns)) = layout(header) else {
            return Err(track.malformed(0, "an unknown magic number".to_owned(), "a pcap magic number"));
        };
        // Big-endian modified headers differ from plain ones in the magic number only.
        let mut plain = *header;
        if big_endian && modified {
            plain[..4].copy_from_slice(&MAGIC_BIG_ENDIAN);
        }
        let Ok((_, fields)) = parse_pcap_header(&plain) else {
            return Err(track.malformed(0, "an unreadable header".to_owned(), "a pcap file header"));
        };
        let network = fields.network.0 as u32;
        let fcs_words = if network & FCS_PRESENT != 0 { network >> 28 } else { 0 };
        let lengths = match (fields.version_major, fields.version_minor) {
            (2, 0..3) | (543, 0) => Lengths::Swapped,
            (2, 3) => Lengths::PerhapsSwapped,
            _ => Lengths::Standard,
        };
        let snaplen = if fields.snaplen as usize <= MAX_RECORD { fields.snaplen } else { 0 };
        track.advance(HEADER_LEN);
        Ok(Self {
            big_endian,
            modified,
            lengths,
            unit_ns,
            usual: USUAL_RECORD.max(snaplen as usize),
            link: LinkType((network & 0xFFFF) as u16),
            fcs_len: (fcs_words as u8) * 2,
            snaplen: fields.snaplen,
        })
    }

    /// The one interface of the file.
    pub(super) fn interface(&self) -> Interface {
        Interface { link_type: self.link, snaplen: self.snaplen, name: None, filter: None }
    }

    /// The next frame, or `None` at the end of the file.
    #[inline]
    pub(super) fn next<'cap>(
        &mut self,
        track: &mut Track<'cap>,
        anomalies: &mut Anomalies,
    ) -> Result<Option<Frame<'cap>>, Error> {
        loop {
            let rest = track.rest();
            let Some(record) = self.record(rest) else {
                return self.end(track, anomalies);
            };
            if !self.believable(&record, rest) {
                self.skip(track, &record, anomalies)?;
                continue;
            }
            let Some(exact) = rest.get(..record.len) else {
                return self.cut(track, &record, anomalies);
            };
            track.advance(record.len);
            let at = track.number(Timestamp(record.seconds * 1_000_000_000 + record.fraction * self.unit_ns));
            let bytes = self.payload(exact);
            let wire_len = record.wire.max(bytes.len() as u32);
            return Ok(Some(Frame { at, link: self.link, bytes, wire_len, fcs_len: self.fcs_len }));
        }
    }

    #[inline]
    fn record(&self, rest: &[u8]) -> Option<Record> {
        let fields = rest.first_chunk::<16>().filter(|_| rest.len() >= self.header_len())?;
        let (words, _) = fields.as_chunks::<4>();
        let [seconds, fraction, captured, wire] = *words else { return None };
        let word = |bytes| if self.big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) };
        let (mut captured, mut wire) = (word(captured), word(wire));
        if self.lengths == Lengths::Swapped || (self.lengths == Lengths::PerhapsSwapped && captured > wire) {
            std::mem::swap(&mut captured, &mut wire);
        }
        Some(Record {
            seconds: i64::from(word(seconds)),
            fraction: i64::from(word(fraction)),
            captured,
            wire,
            len: self.header_len().saturating_add(captured as usize),
        })
    }

    #[inline]
    fn header_len(&self) -> usize {
        if self.modified { 24 } else { 16 }
    }

    /// The captured bytes of a record of exactly the right length.
    #[inline]
    fn payload<'cap>(&self, exact: &'cap [u8]) -> &'cap [u8] {
        let parsed = match (self.lengths, self.big_endian, self.modified) {
            (Lengths::Standard, false, false) => parse_pcap_frame(exact),
            (Lengths::Standard, true, false) => parse_pcap_frame_be(exact),
            (Lengths::Standard, false, true) => parse_pcap_frame_modified(exact),
            _ => return exact.get(self.header_len()..).unwrap_or_default(),
        };
        parsed.map_or(&[], |(_, block)| block.data)
    }

    #[inline]
    fn believable(&self, record: &Record, rest: &[u8]) -> bool {
        let captured = record.captured as usize;
        if captured == 0 {
            // A file system that lost its tail gives zeros: no capture program writes a record that is all zero.
            return record.wire != 0 || record.seconds != 0 || record.fraction != 0;
        }
        captured <= self.usual
            || (captured <= MAX_RECORD
                && record.len <= rest.len()
                && resync::holds(rest, record.len, |r| self.step(r)))
            || (captured <= MAX_RECORD && record.len == rest.len())
    }

    /// A record as the search for the next good one wants it: stricter than in the normal course.
    fn step(&self, rest: &[u8]) -> Option<Step> {
        let record = self.record(rest)?;
        let sound = record.captured > 0
            && record.captured <= record.wire
            && record.captured as usize <= self.usual
            && record.wire as usize <= MAX_RECORD
            && record.fraction * self.unit_ns < 1_000_000_000;
        sound.then_some(Step { len: record.len, seconds: Some(record.seconds) })
    }

    #[cold]
    fn skip(&self, track: &mut Track<'_>, record: &Record, anomalies: &mut Anomalies) -> Result<(), Error> {
        let start = track.at;
        // The length on the wire may be sound where the captured length is not, and then leads to the next record.
        let by_wire = start.saturating_add(self.header_len()).saturating_add(record.wire as usize);
        let by_wire = Some(by_wire).filter(|at| {
            record.wire > 0 && *at <= track.bytes.len() && resync::holds_or_ends(track.bytes, *at, |r| self.step(r))
        });
        let next = by_wire.or_else(|| resync::find(track.bytes, start + 1, |rest| self.step(rest)));
        let next = next.unwrap_or(track.bytes.len());
        let found = format!("a record of {} bytes captured of {}", record.captured, record.wire);
        let expected = format!("a record of at most {} bytes", self.usual);
        track.damaged(anomalies, start, next - start, found, &expected)?;
        track.advance(next - start);
        Ok(())
    }

    #[cold]
    fn end<'cap>(&self, track: &mut Track<'cap>, anomalies: &mut Anomalies) -> Result<Option<Frame<'cap>>, Error> {
        let left = track.rest().len();
        if left > 0 {
            let found = format!("the end of the file after {left} bytes");
            track.damaged(anomalies, track.at, left, found, "a whole record header")?;
            track.advance(left);
        }
        Ok(None)
    }

    #[cold]
    fn cut<'cap>(
        &self,
        track: &mut Track<'cap>,
        record: &Record,
        anomalies: &mut Anomalies,
    ) -> Result<Option<Frame<'cap>>, Error> {
        let left = track.rest().len();
        let found = format!("the end of the file after {left} bytes");
        let expected = format!("a record of {} bytes", record.len);
        track.damaged(anomalies, track.at, left, found, &expected)?;
        track.advance(left);
        Ok(None)
    }
}

/// Whether `bytes` begin as a pcap file does.
pub(super) fn is_pcap(bytes: &[u8]) -> bool {
    layout(bytes).is_some()
}

/// Big-endian, modified, nanoseconds in one unit of the fraction.
fn layout(bytes: &[u8]) -> Option<(bool, bool, i64)> {
    let magic = *bytes.first_chunk::<4>()?;
    for (big_endian, word) in [(false, u32::from_le_bytes(magic)), (true, u32::from_be_bytes(magic))] {
        match word {
            0xA1B2_C3D4 => return Some((big_endian, false, 1_000)),
            0xA1B2_3C4D => return Some((big_endian, false, 1)),
            0xA1B2_CD34 => return Some((big_endian, true, 1_000)),
            _ => {}
        }
    }
    None
}

/// A record header, with the length of the whole record.
#[derive(Clone, Copy, Debug)]
struct Record {
    seconds: i64,
    fraction: i64,
    captured: u32,
    wire: u32,
    len: usize,
}

/// Which of the two lengths of a record comes first: old versions of libpcap did not agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lengths {
    Standard,
    Swapped,
    PerhapsSwapped,
}

const HEADER_LEN: usize = 24;
const MAGIC_BIG_ENDIAN: [u8; 4] = [0xA1, 0xB2, 0xC3, 0xD4];
/// The bit of the link type that says that the top four bits count 16-bit words of FCS.
const FCS_PRESENT: u32 = 1 << 26;
// Rationale: the longest record that capture programs write for network links.
const USUAL_RECORD: usize = 256 << 10;
// Rationale: the longest record that they write for any link (USB, D-Bus).
pub(super) const MAX_RECORD: usize = 128 << 20;
