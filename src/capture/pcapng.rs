//! pcapng: sections of either byte order, several interfaces, every time resolution, statistics.
//!
//! Source: draft-ietf-opsawg-pcapng. Blocks are framed here by both of their lengths, so that a damaged one does not
//! hide those behind it.

mod interface;
mod options;

use std::collections::BTreeMap;

use self::interface::{InterfaceState, Interfaces};
use self::options::{Endian, Options};
use super::pcap::MAX_RECORD;
use super::resync::{self, Step};
use super::track::Track;
use super::{Frame, Interface};
use crate::Error;
use crate::anomaly::{Anomalies, Kind};
use crate::provenance::Timestamp;

/// Reads one pcapng file block by block.
#[derive(Debug)]
pub(super) struct PcapngReader {
    endian: Endian,
    interfaces: Interfaces,
    /// The interfaces that the report lists, over all sections.
    pub(super) listed: Vec<Interface>,
    drops: Drops,
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
        Ok(Self { endian, interfaces: Interfaces::default(), listed: Vec::new(), drops: Drops::default() })
    }

    /// Packets that the capturing program says it dropped.
    pub(super) fn dropped(&self) -> Option<u64> {
        self.drops.total()
    }

    /// The next frame, or `None` at the end of the file.
    #[inline]
    pub(super) fn next<'cap>(
        &mut self,
        track: &mut Track<'cap>,
        anomalies: &mut Anomalies,
    ) -> Result<Option<Frame<'cap>>, Error> {
        loop {
            let start = track.at;
            let rest = track.rest();
            if rest.is_empty() {
                return Ok(None);
            }
            let Some((kind, block)) = self.block(rest) else {
                self.skip(track, anomalies)?;
                continue;
            };
            track.advance(block.len());
            let body = block.get(8..block.len() - 4).unwrap_or_default();
            let read = match kind {
                ENHANCED_PACKET => self.enhanced(body),
                SIMPLE_PACKET => self.simple(body),
                PACKET => self.packet(body),
                _ => {
                    self.other(track, kind, block, body, start, anomalies)?;
                    continue;
                }
            };
            match read {
                Ok(packet) => return Ok(Some(self.frame(track, &packet, anomalies))),
                Err(found) => {
                    // The block keeps its number, as it does in Wireshark.
                    track.frames += 1;
                    track.damaged(
                        anomalies,
                        start,
                        block.len(),
                        found,
                        "a packet block that agrees with itself",
                    )?;
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
        if len < BLOCK_MIN || len % 4 != 0 {
            return None;
        }
        let block = rest.get(..len)?;
        (endian.u32(block, len - 4)? as usize == len).then_some((kind, block))
    }

    #[inline]
    fn frame<'cap>(
        &mut self,
        track: &mut Track<'cap>,
        packet: &Packet<'cap>,
        anomalies: &mut Anomalies,
    ) -> Frame<'cap> {
        let (time, odd) = match packet.ticks {
            Some(ticks) => packet.interface.time(ticks),
            None => (track.last_time.map_or(0, |time| time.0), true),
        };
        let at = track.number(Timestamp(time));
        if odd {
            track.note(anomalies, Kind::BadTimestamp, 1, || match packet.ticks {
                Some(_) => "the time is outside the years 1677 to 2262; the nearest one is used".to_owned(),
                None => "a simple packet block has no time; the one of the frame before it is used".to_owned(),
            });
        }
        if packet.drops > 0 {
            self.drops.packets = Some(self.drops.packets.unwrap_or(0).saturating_add(packet.drops));
        }
        let wire_len = packet.wire.max(packet.bytes.len() as u32);
        Frame { at, link: packet.interface.link, bytes: packet.bytes, wire_len, fcs_len: packet.fcs_len }
    }

    #[inline]
    fn enhanced<'cap>(&self, body: &'cap [u8]) -> Result<Packet<'cap>, String> {
        let endian = self.endian;
        let (Some(id), Some(high), Some(low), Some(captured), Some(wire)) = (
            endian.u32(body, 0),
            endian.u32(body, 4),
            endian.u32(body, 8),
            endian.u32(body, 12),
            endian.u32(body, 16),
        ) else {
            return Err(format!("an enhanced packet block with a body of {} bytes", body.len()));
        };
        let ticks = Some(u64::from(high) << 32 | u64::from(low));
        let mut packet = self.payload(body, 20, id, captured, wire, ticks)?;
        for (code, value) in self.options(body, captured) {
            match code {
                PACKET_FLAGS => packet.flags(endian.u32(value, 0)),
                EPB_DROPCOUNT => packet.drops = endian.u64(value, 0).unwrap_or(0),
                _ => {}
            }
        }
        Ok(packet)
    }

    fn packet<'cap>(&self, body: &'cap [u8]) -> Result<Packet<'cap>, String> {
        let endian = self.endian;
        let (Some(id), Some(drops), Some(high), Some(low), Some(captured), Some(wire)) = (
            endian.u16(body, 0),
            endian.u16(body, 2),
            endian.u32(body, 4),
            endian.u32(body, 8),
            endian.u32(body, 12),
            endian.u32(body, 16),
        ) else {
            return Err(format!("a packet block with a body of {} bytes", body.len()));
        };
        let ticks = Some(u64::from(high) << 32 | u64::from(low));
        let mut packet = self.payload(body, 20, u32::from(id), captured, wire, ticks)?;
        packet.drops = if drops == DROPS_UNKNOWN { 0 } else { u64::from(drops) };
        for (code, value) in self.options(body, captured) {
            if code == PACKET_FLAGS {
                packet.flags(endian.u32(value, 0));
            }
        }
        Ok(packet)
    }

    fn simple<'cap>(&self, body: &'cap [u8]) -> Result<Packet<'cap>, String> {
        let Some(wire) = self.endian.u32(body, 0) else {
            return Err(format!("a simple packet block with a body of {} bytes", body.len()));
        };
        let snaplen = match self.interfaces.find(0) {
            Some(interface) if interface.snaplen > 0 => interface.snaplen,
            _ => u32::MAX,
        };
        // Without a snap length in the way, the block holds the whole packet: a shorter one is damaged. Some writers
        // cut below the stated snap length and leave only the block's length to tell.
        let room = (body.len() - 4) as u32;
        self.payload(body, 4, 0, wire.min(snaplen).min(room), wire, None)
    }

    #[inline]
    fn payload<'cap>(
        &self,
        body: &'cap [u8],
        fixed: usize,
        id: u32,
        captured: u32,
        wire: u32,
        ticks: Option<u64>,
    ) -> Result<Packet<'cap>, String> {
        let Some(interface) = self.interfaces.find(id).copied() else {
            return Err(format!("a packet of interface {id} of {}", self.interfaces.count()));
        };
        let bytes = body.get(fixed..).and_then(|data| data.get(..captured as usize));
        let Some(bytes) = bytes else {
            return Err(format!("{captured} captured bytes in a packet block with a body of {} bytes", body.len()));
        };
        Ok(Packet { interface, ticks, bytes, wire, drops: 0, fcs_len: interface.fcs_len })
    }

    #[inline]
    fn options<'cap>(&self, body: &'cap [u8], captured: u32) -> Options<'cap> {
        let offset = (captured as usize).next_multiple_of(4).saturating_add(20);
        Options::new(body.get(offset..).unwrap_or_default(), self.endian)
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
        anomalies: &mut Anomalies,
    ) -> Result<(), Error> {
        match kind {
            SECTION => {
                if let Some((endian, _)) = section(block) {
                    self.endian = endian;
                }
                self.interfaces = Interfaces::default();
                self.drops.close();
            }
            INTERFACE => {
                let read = InterfaceState::read(body, self.endian);
                if read.is_none() {
                    let found = format!("an interface description with a body of {} bytes", body.len());
                    track.damaged(anomalies, start, block.len(), found, "at least 8 bytes")?;
                }
                let (state, shown) = read.unzip();
                if !self.interfaces.push(state) {
                    track.note(anomalies, Kind::LimitReached, 1, || {
                        "too many different interfaces in one section: packets of this one are not read".to_owned()
                    });
                }
                if self.listed.len() < MAX_LISTED {
                    self.listed.extend(shown);
                } else {
                    track.note(anomalies, Kind::LimitReached, 1, || {
                        format!("more than {MAX_LISTED} interfaces: this one is read but not listed")
                    });
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
            kind if NUMBERED.contains(&kind) => track.frames += 1,
            _ => {}
        }
        Ok(())
    }

    /// Goes on behind a block that is cut off or whose lengths are not sound.
    #[cold]
    fn skip(&self, track: &mut Track<'_>, anomalies: &mut Anomalies) -> Result<(), Error> {
        let start = track.at;
        let rest = track.rest();
        let step = |rest: &[u8]| self.step(rest);
        let stated = self.endian.u32(rest, 4).map(|len| len as usize);
        let (next, found, expected) = match stated {
            None => {
                (track.bytes.len(), format!("the end of the file after {} bytes", rest.len()), "a block header")
            }
            Some(len) if len > rest.len() && self.step(rest).is_some() => {
                let found = format!("the end of the file after {} bytes of a block of {len}", rest.len());
                (track.bytes.len(), found, "a whole block")
            }
            Some(len) => {
                let next = resync::find(track.bytes, start + 1, step).unwrap_or(track.bytes.len());
                (next, format!("a block of {len} bytes"), "a block with two equal lengths that fits the file")
            }
        };
        track.damaged(anomalies, start, next - start, found, expected)?;
        track.advance(next - start);
        Ok(())
    }

    /// A block as the search for the next good one wants it: of a known type, with lengths that agree.
    fn step(&self, rest: &[u8]) -> Option<Step> {
        let section_header = rest.first_chunk() == Some(&SECTION_BYTES);
        let endian = if section_header { section(rest)?.0 } else { self.endian };
        let kind = endian.u32(rest, 0)?;
        let len = endian.u32(rest, 4)? as usize;
        let min = match kind {
            SECTION => SECTION_MIN,
            INTERFACE => 20,
            SIMPLE_PACKET => 16,
            PACKET | ENHANCED_PACKET => 32,
            STATISTICS => 24,
            _ if KNOWN.contains(&kind) => BLOCK_MIN,
            _ => return None,
        };
        if len < min || len % 4 != 0 || len > MAX_RECORD {
            return None;
        }
        if let Some(block) = rest.get(..len)
            && endian.u32(block, len - 4)? as usize != len
        {
            return None;
        }
        if matches!(kind, PACKET | ENHANCED_PACKET)
            && let Some(captured) = endian.u32(rest, 20)
            && (captured as usize > len - min || len - min - captured as usize > MAX_OPTIONS)
        {
            return None;
        }
        Some(Step { len, seconds: None })
    }
}

/// Whether `bytes` begin as a pcapng file does.
pub(super) fn is_pcapng(bytes: &[u8]) -> bool {
    bytes.first_chunk() == Some(&SECTION_BYTES)
}

/// Byte order and length of the section header block that `bytes` begin with.
fn section(bytes: &[u8]) -> Option<(Endian, usize)> {
    let endian = [Endian::Little, Endian::Big].into_iter().find(|e| e.u32(bytes, 8) == Some(BYTE_ORDER_MAGIC))?;
    let len = endian.u32(bytes, 4)? as usize;
    (len >= SECTION_MIN && len.is_multiple_of(4)).then_some((endian, len))
}

/// A packet block, read.
#[derive(Debug)]
struct Packet<'cap> {
    interface: InterfaceState,
    /// In units of the interface; `None` where the block has no time.
    ticks: Option<u64>,
    bytes: &'cap [u8],
    wire: u32,
    /// Packets lost since the one before, as the block says.
    drops: u64,
    fcs_len: u8,
}

impl Packet<'_> {
    /// `epb_flags`: bits 5 to 8 are the FCS length in octets, 0 for unknown.
    fn flags(&mut self, flags: Option<u32>) {
        let octets = (flags.unwrap_or(0) >> 5 & 0xF) as u8;
        if octets > 0 {
            self.fcs_len = octets;
        }
    }
}

/// Packets dropped while capturing. Statistics count from the start of the capture, so the last ones stand.
#[derive(Debug, Default)]
struct Drops {
    by_interface: BTreeMap<u32, u64>,
    /// Of sections that have ended.
    closed: Option<u64>,
    /// Summed from the packet blocks.
    packets: Option<u64>,
}

impl Drops {
    fn interface(&mut self, id: u32, dropped: u64) {
        if self.by_interface.len() < MAX_STATISTICS || self.by_interface.contains_key(&id) {
            self.by_interface.insert(id, dropped);
        } else {
            // Without a place for the interface, a lower bound: what no later statistics can take back.
            self.closed = Some(self.closed.unwrap_or(0).max(dropped));
        }
    }

    fn close(&mut self) {
        self.closed = self.stated();
        self.by_interface.clear();
    }

    fn stated(&self) -> Option<u64> {
        self.by_interface.values().copied().chain(self.closed).reduce(u64::saturating_add)
    }

    fn total(&self) -> Option<u64> {
        self.stated().max(self.packets)
    }
}

const SECTION_BYTES: [u8; 4] = [0x0A, 0x0D, 0x0D, 0x0A];
const BYTE_ORDER_MAGIC: u32 = 0x1A2B_3C4D;
const SECTION: u32 = 0x0A0D_0D0A;
const INTERFACE: u32 = 1;
const PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const STATISTICS: u32 = 5;
const ENHANCED_PACKET: u32 = 6;
/// Types that the search for the next block believes in, beside those above: name resolution, IRIG, ARINC, journal,
/// decryption secrets, process events, custom.
const KNOWN: [u32; 8] = [4, 7, 8, 9, 10, 0x8000_0001, 0xBAD, 0x4000_0BAD];
/// Types without a packet that Wireshark numbers as frames: journal entries, custom blocks, system calls. Checked
/// with tshark 4.0.
const NUMBERED: [u32; 6] = [9, 0xBAD, 0x4000_0BAD, 0x204, 0x216, 0x221];
const PACKET_FLAGS: u16 = 2;
const EPB_DROPCOUNT: u16 = 4;
const ISB_IFDROP: u16 = 5;
const ISB_OSDROP: u16 = 7;
const DROPS_UNKNOWN: u16 = 0xFFFF;
const BLOCK_MIN: usize = 12;
const SECTION_MIN: usize = 28;
// Rationale: more options than any writer adds to a packet; only the search for the next block asks.
const MAX_OPTIONS: usize = 128 << 10;
// Rationale: what a person can read; the report stays small.
const MAX_LISTED: usize = 1_000;
// Rationale: 24 MiB; real captures have fewer than a hundred interfaces.
const MAX_STATISTICS: usize = 1 << 20;
