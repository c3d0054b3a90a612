//! pcapng: sections of either byte order, several interfaces, every time resolution, statistics.
//!
//! Source: draft-ietf-opsawg-pcapng. Blocks are framed here by both of their lengths, so that a damaged one does not
//! hide those behind it.

mod chain;
mod drops;
mod interface;
mod names;
mod options;
mod packet;
mod unused;

use std::collections::BTreeMap;

use self::chain::{MAX_TRAILER, captured_end, ends};
use self::drops::Drops;
use self::interface::{InterfaceState, Interfaces};
use self::names::NameRecords;
use self::options::{Endian, Options};
use self::packet::Packet;
use self::unused::Unused;
use super::mapped::load_ahead;
use super::pcap::USUAL_RECORD;
use super::resync::{self, Lead, Records};
use super::track::Track;
use super::{Frame, Interface};
use crate::Error;
use crate::ends::Timestamp;
use crate::limits::LISTED_INTERFACES;
use crate::oddity::{BadTime, Bound, Oddity, Sink};

/// Reads one pcapng file block by block.
#[derive(Clone, Debug)]
pub(super) struct PcapngReader {
    endian: Endian,
    interfaces: Interfaces,
    /// The interfaces that the report lists, over all sections.
    pub(super) listed: Vec<Interface>,
    /// Interfaces of the sections before this one: the place in `listed` of the section's first.
    before: usize,
    drops: Drops,
    /// Blocks that hold no packet and were passed over.
    unused: Unused,
    names: NameRecords,
}

impl PcapngReader {
    /// Reads the first section header and leaves `track` behind it.
    pub(super) fn new(track: &mut Track<'_>) -> Result<Self, Error> {
        let Some((endian, len)) = section(track.bytes) else {
            let short = track.bytes.len() < SECTION_MIN;
            let found = match short {
                true => format!("the end of the file after {} bytes", track.bytes.len()),
                false => "a section header with an impossible length or byte-order magic".to_owned(),
            };
            let at = if short { track.bytes.len() } else { 0 };
            return Err(track.malformed(at, found, "a pcapng section header block"));
        };
        if len > track.bytes.len() {
            let found = format!("the end of the file after {} bytes", track.bytes.len());
            return Err(track.malformed(track.bytes.len(), found, "a whole pcapng section header block"));
        }
        let major = endian.u16(track.bytes, 12);
        if major != Some(1) {
            let found = format!("pcapng version {}", major.unwrap_or_default());
            return Err(track.malformed(12, found, "pcapng version 1"));
        }
        track.advance(len);
        Ok(Self {
            endian,
            interfaces: Interfaces::default(),
            listed: Vec::new(),
            before: 0,
            drops: Drops::default(),
            unused: Unused::default(),
            names: NameRecords::default(),
        })
    }

    /// Packets that the capturing program says it dropped.
    pub(super) fn dropped(&self) -> Option<u64> {
        self.drops.total()
    }

    /// Blocks that hold no packet and were passed over, by kind.
    pub(super) fn unused_blocks(&self) -> BTreeMap<String, u64> {
        self.unused.named()
    }

    /// The names that the file has for addresses.
    pub(super) fn names(&self) -> Vec<(std::net::IpAddr, String)> {
        self.names.all()
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
            let start = track.at;
            let rest = track.rest();
            let Some((kind, block)) = self.block(rest) else {
                // A block that is not there as a whole may still come.
                if track.settle(out)? {
                    continue;
                }
                if rest.is_empty() {
                    return Ok(None);
                }
                self.skip(track, out)?;
                continue;
            };
            track.advance(block.len());
            let rest = track.rest();
            // The header of the next block was loaded while the one before was read.
            let next = self.endian.u32(rest, 4).unwrap_or(0) as usize;
            load_ahead(rest.get(next..).unwrap_or_default());
            let body = block.get(8..block.len() - 4).unwrap_or_default();
            let read = match kind {
                ENHANCED_PACKET => Packet::enhanced(body, self.endian, &self.interfaces),
                SIMPLE_PACKET => Packet::simple(body, self.endian, &self.interfaces),
                PACKET => Packet::obsolete(body, self.endian, &self.interfaces),
                _ => {
                    self.other(track, kind, block, body, start, out)?;
                    continue;
                }
            };
            match read {
                Ok(packet) => return Ok(Some(self.frame(track, &packet, out))),
                Err(found) => {
                    // The block keeps its number, as it does in Wireshark.
                    track.frames += 1;
                    track.damaged(out, start, block.len(), found, "a packet block that agrees with itself")?;
                }
            }
        }
    }

    /// The type of the block at the start of `rest`, and exactly the block; `None` when its lengths are not sound.
    #[inline]
    fn block<'cap>(&self, rest: &'cap [u8]) -> Option<(u32, &'cap [u8])> {
        let endian = match rest.first_chunk()? {
            &SECTION_BYTES => section(rest)?.0,
            _ => self.endian,
        };
        let kind = endian.u32(rest, 0)?;
        let len = usize::try_from(endian.u32(rest, 4)?).ok()?;
        if len < BLOCK_MIN || !len.is_multiple_of(4) {
            return None;
        }
        let block = rest.get(..len)?;
        (endian.u32(block, len - 4)? as usize == len).then_some((kind, block))
    }

    #[inline]
    fn frame<'cap>(&mut self, track: &mut Track<'cap>, packet: &Packet<'cap>, out: &mut dyn Sink) -> Frame<'cap> {
        let (time, odd) = match packet.ticks {
            Some(ticks) => packet.interface.time(ticks),
            None => (track.last_time.map_or(0, |time| time.0), true),
        };
        let at = track.number(Timestamp(time));
        if odd {
            let time = if packet.ticks.is_some() { BadTime::OutOfRange } else { BadTime::Absent };
            track.note(out, Oddity::BadTime { input: track.file, time });
        }
        if time == 0 && packet.ticks.is_some() && !odd {
            track.timeless(out);
        }
        if packet.drops > 0 {
            self.drops.add(packet.drops);
        }
        if let Some(interface) = self.listed.get_mut(self.before.saturating_add(packet.id as usize)) {
            interface.frames += 1;
        }
        let wire_len = packet.wire.max(packet.bytes.len() as u32);
        let (link, bytes) = (packet.interface.link, packet.bytes);
        Frame { at, link, bytes, wire_len, fcs_len: packet.fcs_len, interface: packet.id, damaged: packet.damaged }
    }

    /// Blocks that carry no packet.
    #[cold]
    fn other(
        &mut self,
        track: &mut Track<'_>,
        kind: u32,
        block: &[u8],
        body: &[u8],
        start: usize,
        out: &mut dyn Sink,
    ) -> Result<(), Error> {
        match kind {
            SECTION => {
                if let Some((endian, _)) = section(block) {
                    self.endian = endian;
                }
                self.before = self.before.saturating_add(self.interfaces.count() as usize);
                self.interfaces = Interfaces::default();
                self.drops.close();
            }
            INTERFACE => {
                let read = InterfaceState::read(body, self.endian);
                if read.is_none() {
                    let found = format!("an interface description with a body of {} bytes", body.len());
                    track.damaged(out, start, block.len(), found, "at least 8 bytes")?;
                }
                let (state, shown) = read.unzip();
                if !self.interfaces.push(state) {
                    track.note(out, Bound::Interfaces { input: track.file });
                }
                if self.listed.len() < LISTED_INTERFACES {
                    self.listed.push(shown.unwrap_or_else(interface::unreadable));
                } else {
                    track.note(out, Bound::InterfacesListed { input: track.file, most: LISTED_INTERFACES });
                }
            }
            STATISTICS => {
                let id = self.endian.u32(body, 0).filter(|id| *id < self.interfaces.count());
                let dropped = Options::new(body.get(12..).unwrap_or_default(), self.endian)
                    .filter(|(code, _)| matches!(*code, ISB_IFDROP | ISB_OSDROP))
                    .filter_map(|(_, value)| self.endian.u64(value, 0))
                    .reduce(u64::saturating_add);
                if let (Some(id), Some(dropped)) = (id, dropped) {
                    self.drops.interface(id, dropped);
                }
            }
            NAMES => {
                let before = self.names.full;
                self.names.read(body, self.endian);
                self.unused.count(kind, body, self.endian);
                if self.names.full && !before {
                    track.note(out, Bound::NameRecords { input: track.file });
                }
            }
            kind => {
                // A block that is numbered as a frame has its number, whatever is in it.
                track.frames += u64::from(NUMBERED.contains(&kind));
                self.unused.count(kind, body, self.endian);
            }
        }
        Ok(())
    }

    /// Goes on behind a block that is cut off or whose lengths are not sound.
    #[cold]
    fn skip(&self, track: &mut Track<'_>, out: &mut dyn Sink) -> Result<(), Error> {
        let start = track.at;
        let rest = track.rest();
        let last = track.last_time.map(|time| time.0.div_euclid(1_000_000_000));
        let find = |starts: &mut dyn Iterator<Item = usize>| resync::find(track.bytes, starts, last, self);
        // A section that begins inside of the block: this one was cut off, and another file appended.
        let section = |end: usize| {
            if end > USUAL_RECORD {
                return None;
            }
            let begins = |at: &usize| track.bytes.get(*at..).is_some_and(is_pcapng);
            find(&mut (start + 1..start + end).filter(begins))
        };
        let stated = self.endian.u32(rest, 4).map(|len| len as usize);
        let (next, found, expected) = match stated {
            None => {
                (track.bytes.len(), format!("the end of the file after {} bytes", rest.len()), "a block header")
            }
            Some(len)
                if len > rest.len()
                    && self.step(&mut self.begin(), rest).is_some()
                    && captured_end(rest, self.endian).is_none() =>
            {
                let found = format!("the end of the file after {} bytes of a block of {len}", rest.len());
                (section(rest.len()).unwrap_or(track.bytes.len()), found, "a whole block")
            }
            Some(len) => {
                let captured = captured_end(rest, self.endian);
                let next = ends(rest, self.endian, MAX_TRAILER)
                    .map(|end| start + end)
                    .find(|at| resync::leads(track.bytes, *at, last, self) != Lead::Nowhere)
                    .or_else(|| captured.and_then(section))
                    .or_else(|| find(&mut (start + captured.unwrap_or(1)..track.bytes.len())));
                let found = format!("a block of {len} bytes");
                (next.unwrap_or(track.bytes.len()), found, "a block with two equal lengths that fits the file")
            }
        };
        track.damaged(out, start, next - start, found, expected)?;
        track.advance(next - start);
        Ok(())
    }
}

/// Tests `bytes` for the block type of a pcapng section header.
pub(super) fn is_pcapng(bytes: &[u8]) -> bool {
    bytes.first_chunk() == Some(&SECTION_BYTES)
}

/// Byte order and length of the section header block that `bytes` begin with.
fn section(bytes: &[u8]) -> Option<(Endian, usize)> {
    let endian = [Endian::Little, Endian::Big].into_iter().find(|e| e.u32(bytes, 8) == Some(BYTE_ORDER_MAGIC))?;
    let len = endian.u32(bytes, 4)? as usize;
    (len >= SECTION_MIN && len.is_multiple_of(4)).then_some((endian, len))
}

const SECTION_BYTES: [u8; 4] = [0x0A, 0x0D, 0x0D, 0x0A];
const BYTE_ORDER_MAGIC: u32 = 0x1A2B_3C4D;
const SECTION: u32 = 0x0A0D_0D0A;
const INTERFACE: u32 = 1;
const PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const NAMES: u32 = 4;
const STATISTICS: u32 = 5;
const ENHANCED_PACKET: u32 = 6;
/// Types without a packet that Wireshark numbers as frames: journal entries, custom blocks, system calls. Checked
/// with tshark 4.0.
const NUMBERED: [u32; 6] = [9, 0xBAD, 0x4000_0BAD, 0x204, 0x216, 0x221];
const ISB_IFDROP: u16 = 5;
const ISB_OSDROP: u16 = 7;
const BLOCK_MIN: usize = 12;
const SECTION_MIN: usize = 28;

#[cfg(test)]
mod tests {
    use super::super::sample::{BE, LE, Order, read, read_one, strict_error};
    use super::*;
    use crate::anomaly::{Anomalies, Kind};
    use crate::capture::CaptureSet;

    fn file(order: Order, interface: &[u8], blocks: &[Vec<u8>]) -> Vec<u8> {
        [order.section(), order.interface(1, 65_535, interface), blocks.concat()].concat()
    }

    #[test]
    fn times_follow_resolution_and_offset_in_either_byte_order() {
        for order in [LE, BE] {
            for (resolution, ticks, ns) in
                [(6, 1_500_000, 1_500_000_000), (0x8A, 1_536, 1_500_000_000), (9, 77, 77)]
            {
                let offset = order.u64(-3_i64 as u64);
                let options = [order.option(9, &[resolution]), order.option(14, &offset)].concat();
                let (frames, ..) =
                    read_one(&file(order, &options, &[order.enhanced(0, ticks, 9, b"abc", &[])])).expect("sound");
                assert_eq!(frames, [(1, ns - 3_000_000_000, b"abc".to_vec(), 9, 1, 0)]);
            }
        }
    }

    #[test]
    fn sections_of_different_byte_order_have_their_own_interfaces() {
        let bytes = [
            file(LE, &LE.option(2, b"eth0"), &[LE.enhanced(0, 1, 3, b"abc", &[])]),
            file(BE, &[BE.option(2, b"tun0\0"), BE.option(11, b"\0tcp")].concat(), &[]),
            BE.interface(101, 0, &BE.option(13, &[4])),
            BE.enhanced(1, 2, 3, b"def", &[]),
            BE.enhanced(0, 3, 3, b"ghi", &BE.option(2, &BE.u32(2 << 5))),
        ]
        .concat();
        let (frames, facts, damages) = read_one(&bytes).expect("sound");
        assert_eq!(damages, 0);
        let seen: Vec<_> = frames.iter().map(|frame| (frame.0, frame.1, frame.4, frame.5)).collect();
        assert_eq!(seen, [(1, 1_000, 1, 0), (2, 2_000, 101, 4), (3, 3_000, 1, 2)]);
        let names: Vec<_> = facts.interfaces.iter().map(|interface| interface.name.as_deref()).collect();
        assert_eq!(names, [Some("eth0"), Some("tun0"), None]);
        assert_eq!(facts.interfaces[1].filter.as_deref(), Some("tcp"));
    }

    #[test]
    fn a_simple_packet_is_cut_by_the_snap_length_and_never_shows_padding() {
        let simple = |wire: u32, data: &[u8]| LE.block(3, &[LE.u32(wire), data.to_vec()].concat());
        let bytes = [LE.section(), LE.interface(1, 5, &[]), simple(3, b"abc"), simple(900, b"abcde")].concat();
        let (frames, ..) = read_one(&bytes).expect("sound");
        assert_eq!(frames, [(1, 0, b"abc".to_vec(), 3, 1, 0), (2, 0, b"abcde".to_vec(), 900, 1, 0)]);
        let set = CaptureSet::from_bytes(vec![("sample".to_owned(), bytes)]).expect("sound");
        let (_, _, anomalies) = read(&set).expect("sound");
        assert_eq!(anomalies.tally(Kind::BadTimestamp).map(|tally| tally.count), Some(2));
    }

    #[test]
    fn a_time_of_zero_is_no_time() {
        let bytes = file(LE, &[], &[LE.enhanced(0, 0, 3, b"abc", &[]), LE.enhanced(0, 1, 3, b"abc", &[])]);
        let set = CaptureSet::from_bytes(vec![("sample".to_owned(), bytes)]).expect("sound");
        let (frames, _, anomalies) = read(&set).expect("sound");
        assert_eq!(frames.len(), 2);
        assert_eq!(anomalies.tally(Kind::BadTimestamp).map(|tally| tally.count), Some(1));
    }

    #[test]
    fn the_old_packet_block_is_read_with_its_drop_count() {
        for order in [LE, BE] {
            let fixed: Vec<u8> = [0, 7, 3, 3].into_iter().flat_map(|word| order.u32(word)).collect();
            let packet = [order.u16(0), order.u16(11), fixed, b"abc".to_vec()].concat();
            let (frames, facts, _) = read_one(&file(order, &[], &[order.block(2, &packet)])).expect("sound");
            assert_eq!(frames, [(1, 7_000, b"abc".to_vec(), 3, 1, 0)]);
            assert_eq!(facts.dropped_by_capture, Some(11));
        }
    }

    #[test]
    fn errors_of_the_link_are_damage_where_they_leave_the_bytes_in_doubt() {
        let fixed = |order: Order| [0, 0, 7, 3, 3].into_iter().flat_map(move |word| order.u32(word));
        for (order, bit) in [LE, BE].into_iter().flat_map(|order| (0..32).map(move |bit| (order, bit))) {
            let flags = order.option(2, &order.u32(1 << bit));
            let enhanced = order.enhanced(0, 1, 3, b"abc", &flags);
            let body = [fixed(order).collect(), b"abc\0".to_vec(), flags].concat();
            let bytes = file(order, &[], &[enhanced, order.block(2, &body)]);
            let set = CaptureSet::from_bytes(vec![("sample".to_owned(), bytes)]).expect("sound");
            let (mut frames, mut anomalies) = (set.frames(), Anomalies::default());
            for _ in 0..2 {
                let frame = frames.next(&mut anomalies).expect("sound").expect("two frames");
                assert_eq!(frame.damaged, [24, 28, 29, 30, 31].contains(&bit), "bit {bit}");
            }
        }
    }

    #[test]
    fn drop_counts_are_the_last_of_each_interface_summed_over_sections() {
        let statistics = |dropped: u64| {
            LE.block(5, &[LE.u32(0), LE.u64(0), LE.option(5, &LE.u64(dropped)), LE.option(4, &LE.u64(99))].concat())
        };
        let bytes = [file(LE, &[], &[statistics(3), statistics(5)]), file(LE, &[], &[statistics(7)])].concat();
        assert_eq!(read_one(&bytes).expect("sound").1.dropped_by_capture, Some(12));
        let packet = LE.enhanced(0, 1, 3, b"abc", &LE.option(4, &LE.u64(6)));
        assert_eq!(read_one(&file(LE, &[], &[packet.repeat(2)])).expect("sound").1.dropped_by_capture, Some(12));
        assert_eq!(read_one(&file(LE, &[], &[])).expect("sound").1.dropped_by_capture, None);
    }

    #[test]
    fn other_blocks_are_skipped_and_numbered_as_wireshark_does() {
        let packet = LE.enhanced(0, 1, 3, b"abc", &[]);
        for (kind, number) in [(4, 2), (10, 2), (0x7777, 2), (0x8000_0001, 2), (9, 3), (0xBAD, 3), (0x204, 3)] {
            let blocks = [packet.clone(), LE.block(kind, b"somethin"), packet.clone()];
            let (frames, _, damages) = read_one(&file(LE, &[], &blocks)).expect("sound");
            assert_eq!((frames.len(), frames[1].0, damages), (2, number, 0), "block type {kind:#x}");
        }
    }

    #[test]
    fn a_packet_longer_than_its_block_hides_nothing_behind_it() {
        let good = LE.enhanced(0, 1, 3, b"abc", &[]);
        let mut bad = good.clone();
        bad[20..24].copy_from_slice(&LE.u32(5_000));
        let bytes = file(LE, &[], &[good.clone(), bad, good]);
        let (frames, facts, damages) = read_one(&bytes).expect("readable");
        assert_eq!((frames.len(), frames[1].0, damages), (2, 3, 1));
        assert!(facts.damage.expect("told").contains("5000 captured bytes"));
        assert!(strict_error(&bytes).is_some());
    }

    #[test]
    fn a_malformed_interface_keeps_the_numbers_of_the_others() {
        let blocks = [
            LE.block(1, b"abcd"),
            LE.interface(101, 0, &[]),
            LE.enhanced(2, 1, 3, b"abc", &[]),
            LE.enhanced(1, 1, 3, b"abc", &[]),
        ];
        let (frames, _, damages) = read_one(&file(LE, &[], &blocks)).expect("readable");
        assert_eq!((frames.len(), frames[0].4, damages), (1, 101, 2));
    }

    #[test]
    fn a_file_cut_anywhere_gives_every_frame_before_the_cut() {
        for order in [LE, BE] {
            let head = file(order, &order.option(2, b"eth0"), &[]);
            let packet = order.enhanced(0, 1, 30, &[1; 30], &order.option(1, b"a comment"));
            let bytes = [head.clone(), packet.repeat(3)].concat();
            for cut in 0..bytes.len() {
                let read = read_one(&bytes[..cut]);
                if cut < 28 {
                    assert!(matches!(read, Err(Error::Malformed { .. })), "cut at {cut}");
                    continue;
                }
                let (frames, _, damages) = read.expect("a whole section header");
                let into = cut.saturating_sub(head.len());
                assert_eq!(frames.len(), into / packet.len(), "cut at {cut}");
                let whole = cut == 28 || (cut >= head.len() && into % packet.len() == 0);
                assert_eq!(damages, u64::from(!whole), "cut at {cut}");
            }
        }
    }

    #[test]
    fn frames_behind_a_block_with_an_impossible_length_are_found_again() {
        for order in [LE, BE] {
            let packet = order.enhanced(0, 1, 60, &[1; 60], &[]);
            let head = file(order, &[], &[]);
            for wrong in [0, 3, 13, 0xFFFF_FFFF, 64, 4_096] {
                let mut bytes = [head.clone(), packet.repeat(8)].concat();
                let at = head.len() + 2 * packet.len();
                bytes[at + 4..at + 8].copy_from_slice(&order.u32(wrong));
                let (frames, facts, damages) = read_one(&bytes).expect("readable");
                assert_eq!((frames.len(), damages), (7, 1), "length {wrong}");
                assert!(facts.damage.expect("told").contains(&format!("at byte {at}")));
                assert!(strict_error(&bytes).is_some());
            }
        }
    }

    #[test]
    fn any_single_damaged_byte_neither_panics_nor_hides_what_came_before() {
        let packet = LE.enhanced(0, 1, 30, &[1; 30], &LE.option(4, &LE.u64(1)));
        let head = file(LE, &LE.option(9, &[9]), &[]);
        let bytes = [head.clone(), packet.repeat(6)].concat();
        for at in 12..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0xFF;
            if let Ok((frames, ..)) = read_one(&damaged) {
                assert!(at < head.len() || frames.len() >= (at - head.len()) / packet.len(), "byte {at}");
            }
        }
    }

    #[test]
    fn many_interfaces_are_read_but_not_all_listed() {
        let interfaces = LE.interface(1, 0, &[]).repeat(100_000);
        let bytes = [LE.section(), interfaces, LE.enhanced(99_999, 1, 3, b"abc", &[])].concat();
        let set = CaptureSet::from_bytes(vec![("sample".to_owned(), bytes)]).expect("sound");
        let (frames, facts, anomalies) = read(&set).expect("sound");
        assert_eq!((frames.len(), facts[0].interfaces.len()), (1, LISTED_INTERFACES));
        assert_eq!(anomalies.tally(Kind::LimitReached).map(|tally| tally.count), Some(99_000));
    }
}
