//! pcap: both byte orders, microseconds and nanoseconds, and Kuznetzov's modified records.
//!
//! Source: draft-ietf-opsawg-pcap; the modified format is that of libpcap patches of 1999 (24-byte record headers).
//! pcap-parser reads what it reads rightly; big-endian modified files, swapped lengths and FCS bits are read here.

mod variants;

use pcap_parser::{parse_pcap_frame, parse_pcap_frame_be, parse_pcap_frame_modified, parse_pcap_header};

use self::variants::ANOTHER;
use super::mapped::load_ahead;
use super::resync::{self, Lead, Records, Step};
use super::track::Track;
use super::{Frame, Interface, LinkType};
use crate::Error;
use crate::ends::Timestamp;
use crate::oddity::Sink;

/// How the records of one file are laid out.
#[derive(Clone, Debug)]
pub(super) struct PcapReader {
    big_endian: bool,
    /// Bytes of a record's header: 16, or more in the files of some systems.
    header_len: usize,
    lengths: Lengths,
    /// Nanoseconds in one unit of the fraction: 1 or 1,000.
    unit_ns: i64,
    /// The longest record taken without a look at the one after it, in bytes.
    usual: usize,
    link: LinkType,
    fcs_len: u8,
    snaplen: u32,
    /// Sound records that state fewer bytes on the wire than they hold, up to [`LOOSE`]: then the writer does that.
    odd: u8,
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
        let mut reader = Self {
            big_endian,
            header_len: if modified { 24 } else { 16 },
            lengths,
            unit_ns,
            usual: USUAL_RECORD.max(snaplen as usize),
            link: LinkType((network & 0xFFFF) as u16),
            fcs_len: (fcs_words as u8) * 2,
            snaplen: fields.snaplen,
            odd: 0,
        };
        reader.header_len = reader.layout_of(track.rest(), if modified { &[24, 28] } else { &[16, 24, 20] });
        Ok(reader)
    }

    /// The one interface of the file, with the frames read from it.
    pub(super) fn interface(&self, frames: u64) -> Interface {
        Interface {
            link_type: self.link,
            snaplen: self.snaplen,
            name: None,
            filter: None,
            frames,
            ticks_per_second: if self.unit_ns == 1 { 1_000_000_000 } else { 1_000_000 },
            offset_seconds: 0,
        }
    }

    /// The next frame, or `None` at the end of the file.
    #[inline]
    pub(super) fn next<'cap>(
        &mut self,
        track: &mut Track<'cap>,
        out: &mut dyn Sink,
    ) -> Result<Option<Frame<'cap>>, Error> {
        loop {
            track.refill();
            let rest = track.rest();
            let Some(record) = self.record(rest) else {
                if track.settle(out)? {
                    continue;
                }
                return self.end(track, out);
            };
            if self.doubtful(&record) {
                if self.is_another(rest) {
                    track.damaged(out, track.at, HEADER_LEN, ANOTHER.to_owned(), "a record of one capture")?;
                    track.advance(HEADER_LEN);
                    continue;
                }
                match self.belief(&record, track) {
                    Lead::Records => {}
                    // Whether it is sound shows in what follows.
                    _ if track.settle(out)? => continue,
                    Lead::End => {}
                    Lead::Nowhere => {
                        self.skip(track, &record, out)?;
                        continue;
                    }
                }
                self.odd = self.odd.saturating_add(u8::from(record.captured > record.wire)).min(LOOSE);
            }
            let Some(exact) = rest.get(..record.len) else {
                if track.settle(out)? {
                    continue;
                }
                if record.captured as usize > USUAL_RECORD {
                    // A length that is not sound, or else nothing is found behind it.
                    self.skip(track, &record, out)?;
                    continue;
                }
                return self.cut(track, &record, out);
            };
            track.advance(record.len);
            let rest = track.rest();
            // The header of the next record was loaded while the one before was read.
            let next = self.record(rest).map_or(0, |next| next.len);
            load_ahead(rest.get(next..).unwrap_or_default());
            // A page that is not known yet takes longer than one frame does; most records of a transfer are alike.
            load_ahead(rest.get(next.saturating_add(next.max(record.len))..).unwrap_or_default());
            let at = track.number(Timestamp(record.seconds * 1_000_000_000 + record.fraction * self.unit_ns));
            if at.time.0 == 0 {
                track.timeless(out);
            }
            let bytes = self.payload(exact);
            let wire_len = record.wire.max(bytes.len() as u32);
            return Ok(Some(Frame {
                at,
                link: self.link,
                bytes,
                wire_len,
                fcs_len: self.fcs_len,
                interface: 0,
                damaged: false,
            }));
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
        self.header_len
    }

    /// The captured bytes of a record of exactly the right length.
    #[inline]
    fn payload<'cap>(&self, exact: &'cap [u8]) -> &'cap [u8] {
        let parsed = match (self.lengths, self.big_endian, self.header_len) {
            (Lengths::Standard, false, 16) => parse_pcap_frame(exact),
            (Lengths::Standard, true, 16) => parse_pcap_frame_be(exact),
            (Lengths::Standard, false, 24) => parse_pcap_frame_modified(exact),
            _ => return exact.get(self.header_len()..).unwrap_or_default(),
        };
        parsed.map_or(&[], |(_, block)| block.data)
    }

    /// Returns true if a record has to be looked at more closely before it is taken.
    #[inline]
    fn doubtful(&self, record: &Record) -> bool {
        let captured = record.captured as usize;
        captured == 0 || captured > self.usual || (record.captured > record.wire && self.odd < LOOSE)
    }

    /// Judges a doubtful record by the records that follow it.
    #[cold]
    fn belief(&self, record: &Record, track: &Track<'_>) -> Lead {
        if record.captured == 0 {
            // A file system that lost its tail gives zeros: no capture program writes a record that is all zero.
            let zero = record.wire == 0 && record.seconds == 0 && record.fraction == 0;
            return if zero { Lead::Nowhere } else { Lead::Records };
        }
        if record.captured as usize > MAX_RECORD {
            return Lead::Nowhere;
        }
        // A file may be silent for days wherever it is not damaged.
        let chain = Chain { reader: self, loose: true, leap_breaks: false };
        resync::leads(track.rest(), record.len, None, &chain)
    }

    #[cold]
    fn skip(&self, track: &mut Track<'_>, record: &Record, out: &mut dyn Sink) -> Result<(), Error> {
        let (start, last) = (track.at, seconds(track));
        let chain = Chain { reader: self, loose: self.odd >= LOOSE, leap_breaks: true };
        // The length on the wire may be sound where the captured length is not, and then leads to the next record.
        let by_wire = start.saturating_add(self.header_len()).saturating_add(record.wire as usize);
        let by_wire = Some(by_wire)
            .filter(|at| record.wire > 0 && resync::leads(track.bytes, *at, last, &chain) != Lead::Nowhere);
        let next = by_wire.or_else(|| resync::find(track.bytes, start + 1..track.bytes.len(), last, &chain));
        let next = next.unwrap_or(track.bytes.len());
        let found = format!("a record of {} bytes captured of {}", record.captured, record.wire);
        let expected = format!("a record of at most {} bytes", self.usual);
        track.damaged(out, start, next - start, found, &expected)?;
        track.advance(next - start);
        Ok(())
    }

    #[cold]
    fn end<'cap>(&self, track: &mut Track<'cap>, out: &mut dyn Sink) -> Result<Option<Frame<'cap>>, Error> {
        let left = track.rest().len();
        if left > 0 {
            let found = format!("the end of the file after {left} bytes");
            track.damaged(out, track.at, left, found, "a whole record header")?;
            track.advance(left);
        }
        Ok(None)
    }

    #[cold]
    fn cut<'cap>(
        &self,
        track: &mut Track<'cap>,
        record: &Record,
        out: &mut dyn Sink,
    ) -> Result<Option<Frame<'cap>>, Error> {
        let left = track.rest().len();
        let found = format!("the end of the file after {left} bytes");
        let expected = format!("a record of {} bytes", record.len);
        track.damaged(out, track.at, left, found, &expected)?;
        track.advance(left);
        Ok(None)
    }
}

/// The records of a file as the search for the next good one wants them: stricter than in the normal course.
struct Chain<'a> {
    reader: &'a PcapReader,
    /// True if records that state fewer bytes on the wire than they hold are plausible.
    loose: bool,
    leap_breaks: bool,
}

impl Chain<'_> {
    fn sound(&self, rest: &[u8]) -> Option<Record> {
        self.reader.record(rest).filter(|record| {
            record.captured > 0
                && (record.captured <= record.wire || self.loose)
                && record.captured as usize <= self.reader.usual
                && record.wire as usize <= MAX_RECORD
                && record.fraction * self.reader.unit_ns < 1_000_000_000
        })
    }
}

impl Records for Chain<'_> {
    type Known = ();

    fn begin(&self) {}

    fn leap_breaks(&self) -> bool {
        self.leap_breaks
    }

    fn step(&self, (): &mut (), rest: &[u8]) -> Option<Step> {
        self.sound(rest).map(|record| Step { len: record.len, seconds: Some(record.seconds) })
    }

    fn cross(&self, (): &(), rest: &[u8]) -> Option<usize> {
        let record = self.reader.record(rest)?;
        let leads_on = |captured: &u32| {
            let next = rest.get(self.reader.header_len()..).and_then(|data| data.get(*captured as usize..));
            next.is_some_and(|next| next.is_empty() || self.sound(next).is_some())
        };
        let captured = [record.captured, record.wire]
            .into_iter()
            .find(|captured| *captured > 0 && *captured as usize <= self.reader.usual && leads_on(captured))?;
        Some(self.reader.header_len() + captured as usize)
    }
}

/// The time of the last good record.
fn seconds(track: &Track<'_>) -> Option<i64> {
    track.last_time.map(|time| time.0.div_euclid(1_000_000_000))
}

/// Tests `bytes` for the magic number of a pcap file.
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
pub(super) const USUAL_RECORD: usize = 256 << 10;
// Rationale: damage does not make as many sound records of that kind.
const LOOSE: u8 = 3;
// Rationale: the longest record that they write for any link (USB, D-Bus).
pub(super) const MAX_RECORD: usize = 128 << 20;

#[cfg(test)]
mod tests {
    use super::super::CaptureSet;
    use super::super::sample::{BE, LE, Order, read, read_one, strict_error};
    use crate::Error;
    use crate::anomaly::Kind;

    const MICRO: u32 = 0xA1B2_C3D4;
    const NANO: u32 = 0xA1B2_3C4D;
    const MODIFIED: u32 = 0xA1B2_CD34;

    fn records(order: Order, n: u32) -> Vec<u8> {
        (1..=n).flat_map(|i| order.record(1_000 + i, i, 100, &[i as u8; 60])).collect()
    }

    #[test]
    fn both_byte_orders_and_both_resolutions_give_the_same_frames() {
        for (order, magic, unit) in [(LE, MICRO, 1_000), (BE, MICRO, 1_000), (LE, NANO, 1), (BE, NANO, 1)] {
            let bytes =
                [order.pcap(magic, 1), order.record(5, 7, 60, b"abc"), order.record(6, 8, 3, b"def")].concat();
            let (frames, facts, damages) = read_one(&bytes).expect("sound");
            let expected = [
                (1, 5_000_000_000 + 7 * unit, b"abc".to_vec(), 60, 1, 0),
                (2, 6_000_000_000 + 8 * unit, b"def".to_vec(), 3, 1, 0),
            ];
            assert_eq!(frames, expected);
            assert_eq!((facts.format.as_str(), facts.frames, damages), ("pcap", 2, 0));
            assert_eq!((facts.interfaces[0].snaplen, facts.dropped_by_capture), (65_535, None));
        }
    }

    #[test]
    fn modified_records_have_eight_more_header_bytes_in_either_byte_order() {
        for order in [LE, BE] {
            let mut record = order.record(5, 7, 60, b"");
            record[8..12].copy_from_slice(&order.u32(3));
            let record = [record, vec![9; 8], b"abc".to_vec()].concat();
            let (frames, _, damages) =
                read_one(&[order.pcap(MODIFIED, 1), record.repeat(2)].concat()).expect("sound");
            assert_eq!(frames.len(), 2);
            assert_eq!((frames[1].2.as_slice(), frames[1].3, damages), (&b"abc"[..], 60, 0));
        }
    }

    #[test]
    fn fcs_bits_are_taken_out_of_the_link_type() {
        let link = 1 | 1 << 26 | 2 << 28;
        let (frames, ..) = read_one(&[LE.pcap(MICRO, link), LE.record(1, 0, 3, b"abc")].concat()).expect("sound");
        assert_eq!((frames[0].4, frames[0].5), (1, 4));
    }

    #[test]
    fn lengths_swapped_by_old_writers_are_read_the_right_way_round() {
        for minor in [2, 3] {
            let mut header = LE.pcap(MICRO, 1);
            header[6] = minor;
            let record = [LE.u32(1), LE.u32(0), LE.u32(60), LE.u32(3), b"abc".to_vec()].concat();
            let (frames, ..) = read_one(&[header, record.repeat(2)].concat()).expect("sound");
            assert_eq!((frames.len(), frames[1].2.as_slice(), frames[1].3), (2, &b"abc"[..], 60));
        }
    }

    #[test]
    fn a_wire_length_below_the_captured_one_is_raised() {
        let (frames, ..) = read_one(&[LE.pcap(MICRO, 1), LE.record(1, 0, 0, b"abc")].concat()).expect("sound");
        assert_eq!(frames[0].3, 3);
    }

    #[test]
    fn a_file_cut_anywhere_gives_every_frame_before_the_cut() {
        let bytes = [LE.pcap(MICRO, 1), records(LE, 3)].concat();
        for cut in 0..bytes.len() {
            let read = read_one(&bytes[..cut]);
            if cut < 24 {
                assert!(matches!(read, Err(Error::Malformed { .. })), "cut at {cut}");
                continue;
            }
            let (frames, facts, damages) = read.expect("a whole header");
            assert_eq!(frames.len(), (cut - 24) / 76, "cut at {cut}");
            assert_eq!(damages, u64::from((cut - 24) % 76 != 0), "cut at {cut}");
            if let Some(damage) = facts.damage {
                assert!(damage.contains(&format!("at byte {}", 24 + frames.len() * 76)), "{damage}");
                assert!(strict_error(&bytes[..cut]).is_some());
            }
        }
    }

    #[test]
    fn frames_behind_an_impossible_length_are_found_again() {
        for order in [LE, BE] {
            let mut bytes = [order.pcap(MICRO, 1), records(order, 20)].concat();
            // The captured length of the third record, and for the second round that on the wire too.
            let at = 24 + 2 * 76 + 8;
            for range in [at..at + 4, at + 4..at + 8] {
                bytes[range].copy_from_slice(&[0xFF; 4]);
                let (frames, facts, damages) = read_one(&bytes).expect("readable");
                assert_eq!((frames.len(), damages), (19, 1), "{facts:?}");
                assert!(facts.damage.expect("told").contains("76 bytes not read"));
                assert_eq!(frames[2].2, [4; 60]);
                assert!(matches!(strict_error(&bytes), Some(Error::Malformed { offset: 176, .. })));
            }
        }
    }

    #[test]
    fn a_capture_inside_a_damaged_frame_is_not_taken_for_frames() {
        // Of another day, and broken off by the end of the frame.
        let inner = records(LE, 10)[..750].to_vec();
        let mut bytes = [
            LE.pcap(MICRO, 1),
            records(LE, 2),
            LE.record(2_000_000, 0, inner.len() as u32, &inner),
            LE.record(2_000_001, 0, 60, &[0xAA; 60]).repeat(6),
        ]
        .concat();
        let at = 24 + 2 * 76 + 8;
        bytes[at..at + 8].copy_from_slice(&[0xFF; 8]);
        let (frames, _, damages) = read_one(&bytes).expect("readable");
        assert_eq!((frames.len(), damages), (8, 1));
        assert!(frames.iter().skip(2).all(|frame| frame.2 == [0xAA; 60]));
    }

    #[test]
    fn frames_are_found_again_behind_bait_and_behind_a_long_stretch_of_zeros() {
        // Every fourth byte begins what looks like a record, over and over, and leads nowhere.
        let bait: Vec<u8> = [LE.u32(16).repeat(20_000), vec![0xEE; 8_192]].concat();
        for junk in [bait.repeat(12), vec![0; 4 << 20]] {
            let bytes = [LE.pcap(MICRO, 1), records(LE, 2), vec![0xFF; 40], junk, records(LE, 5_000)].concat();
            let (frames, _, damages) = read_one(&bytes).expect("readable");
            assert_eq!((frames.len(), damages), (5_002, 1));
        }
    }

    #[test]
    fn a_tail_of_zeros_is_damage_and_not_frames() {
        let bytes = [LE.pcap(MICRO, 1), records(LE, 3), vec![0; 10_000]].concat();
        let (frames, _, damages) = read_one(&bytes).expect("readable");
        assert_eq!((frames.len(), damages), (3, 1));
    }

    #[test]
    fn a_record_longer_than_usual_is_taken_when_the_next_one_follows() {
        let long = vec![1; 300 << 10];
        let bytes = [LE.pcap(MICRO, 189), LE.record(1, 0, long.len() as u32, &long), records(LE, 4)].concat();
        let (frames, _, damages) = read_one(&bytes).expect("sound");
        assert_eq!((frames.len(), frames[0].2.len(), damages), (5, 300 << 10, 0));
    }

    #[test]
    fn any_single_damaged_byte_neither_panics_nor_hides_more_than_its_surroundings() {
        let bytes = [LE.pcap(MICRO, 1), records(LE, 12)].concat();
        for at in 24..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0xFF;
            let (frames, ..) = read_one(&damaged).expect("a whole header");
            assert!(frames.len() >= (at - 24) / 76, "byte {at}");
        }
    }

    #[test]
    fn a_time_of_zero_is_no_time() {
        let bytes = [LE.pcap(MICRO, 1), LE.record(0, 0, 3, b"abc").repeat(3), LE.record(0, 1, 3, b"abc")].concat();
        let set = CaptureSet::from_bytes(vec![("sample".to_owned(), bytes)]).expect("sound");
        let (frames, _, anomalies) = read(&set).expect("sound");
        assert_eq!((frames.len(), frames[3].1), (4, 1_000));
        assert_eq!(anomalies.tally(Kind::BadTimestamp).map(|tally| tally.count), Some(3));
    }

    /// A record whose two lengths are those given, whatever it holds.
    fn stating(seconds: u32, captured: u32, wire: u32, data: &[u8]) -> Vec<u8> {
        let mut record = LE.record(seconds, 0, wire, data);
        record[8..12].copy_from_slice(&LE.u32(captured));
        record
    }

    /// Records of 1,000 bytes that are no records of anything else.
    fn long(n: u32) -> Vec<u8> {
        (0..n).flat_map(|i| LE.record(1_000 + i / 100, 0, 1_000, &[0xAA; 1_000])).collect()
    }

    #[test]
    fn a_capture_inside_a_last_frame_that_is_damaged_and_cut_off_is_not_taken_for_frames() {
        // Of the same minute; its last record runs over the end of the file, or ends there.
        let inner = records(LE, 800);
        for (wire, cut) in [(inner.len() as u32, 30), (0xFFFF_FFFF, 30), (inner.len() as u32, 0)] {
            let damaged = stating(1_010, 0x7FFF_FFFF, wire, &inner);
            let mut bytes = [LE.pcap(MICRO, 1), long(300), damaged].concat();
            bytes.truncate(bytes.len() - cut);
            let (frames, _, damages) = read_one(&bytes).expect("readable");
            assert_eq!((frames.len(), damages), (300, 1), "wire {wire}, cut {cut}");
        }
        // Of another day, and up to the very end of the file.
        let late = [LE.record(2_000_000, 0, 1_000, &[0xAA; 1_000]), stating(2_000_000, u32::MAX, u32::MAX, &inner)];
        let (frames, ..) = read_one(&[LE.pcap(MICRO, 1), late.concat()].concat()).expect("readable");
        assert_eq!(frames.len(), 1);
    }

    #[test]
    fn damaged_records_close_to_each_other_cost_only_themselves() {
        let damaged = stating(1_003, 0x7FFF_FFFF, 1_000, &[0xAA; 1_000]);
        let lost = stating(1_003, 0x7FFF_FFFF, 0x7FFF_FFFF, &[0xAA; 1_000]);
        let some = long(100);
        // Lengths on the wire that lead on; then a chain that goes on over such records.
        for first in [&damaged, &lost] {
            let bytes = [LE.pcap(MICRO, 1), some.clone(), first.clone(), some.clone()].concat();
            let bytes = [bytes, [damaged.clone(), some.clone()].concat().repeat(5)].concat();
            let (frames, _, damages) = read_one(&bytes).expect("readable");
            assert_eq!((frames.len(), damages), (700, 6));
        }
    }

    #[test]
    fn a_captured_length_above_that_on_the_wire_is_believed_by_what_follows() {
        let some = long(300);
        for captured in [1_001, 1_016, 2_000, 100_000] {
            let damaged = stating(1_003, captured, 1_000, &[0xAA; 1_000]);
            for snaplen in [65_535, 64 << 20] {
                let mut bytes = [LE.pcap(MICRO, 1), some.clone(), damaged.clone(), some.clone()].concat();
                bytes[16..20].copy_from_slice(&LE.u32(snaplen));
                let (frames, facts, damages) = read_one(&bytes).expect("readable");
                assert_eq!((frames.len(), damages), (600, 1), "{captured}");
                assert!(facts.damage.expect("told").contains("at byte 304824: "));
            }
        }
        // A writer that states no lengths on the wire, also across days and damage.
        let odd: Vec<u8> = (0..600).flat_map(|i| LE.record(i * 90_000, 0, 0, &[0xAA; 1_000])).collect();
        let bytes = [LE.pcap(MICRO, 1), odd].concat();
        let (frames, _, damages) = read_one(&bytes).expect("sound");
        assert_eq!((frames.len(), damages), (600, 0));
        let bytes = [LE.pcap(MICRO, 1), LE.record(1_000, 0, 0, &[0xAA; 1_000]).repeat(600)].concat();
        let (frames, _, damages) =
            read_one(&[&bytes[..24 + 1_016 * 300], &[0xFF; 40], &bytes[24..]].concat()).expect("readable");
        assert_eq!((frames.len(), damages), (900, 1));
    }
}
