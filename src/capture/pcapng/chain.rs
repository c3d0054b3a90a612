//! How blocks follow one another, for the search for the next good one.

use super::interface::InterfaceState;
use super::options::Endian;
use super::{
    BLOCK_MIN, ENHANCED_PACKET, INTERFACE, PACKET, PcapngReader, SECTION, SECTION_MIN, SIMPLE_PACKET, STATISTICS,
    is_pcapng, section,
};
use crate::capture::pcap::MAX_RECORD;
use crate::capture::resync::{Records, Step};

/// State of the search for the next good block: byte order and interfaces of the section that the search is in.
#[derive(Clone, Copy, Debug)]
pub(in crate::capture) struct Known {
    endian: Endian,
    /// Where the section began within the chain: what is known of its interfaces.
    section: Option<First>,
    begun: bool,
}

/// The interface with the number 0 of a section; most sections have no other.
#[derive(Clone, Copy, Debug)]
enum First {
    Expected,
    Read(InterfaceState),
    Unreadable,
}

/// Blocks as the search for the next good one wants them: of a known type, with lengths that agree.
impl Records for PcapngReader {
    type Known = Known;
    fn begin(&self) -> Known {
        Known { endian: self.endian, section: None, begun: false }
    }

    fn leap_breaks(&self) -> bool {
        // Interfaces of one section may have clocks of their own.
        false
    }

    fn step(&self, known: &mut Known, rest: &[u8]) -> Option<Step> {
        let new = if is_pcapng(rest) { Some(section(rest)?.0) } else { None };
        let endian = new.unwrap_or(known.endian);
        let kind = endian.u32(rest, 0)?;
        let len = endian.u32(rest, 4)? as usize;
        let min = match kind {
            SECTION => SECTION_MIN,
            INTERFACE => 20,
            SIMPLE_PACKET => 16,
            PACKET | ENHANCED_PACKET => 32,
            STATISTICS => 24,
            _ if KNOWN.contains(&kind) => BLOCK_MIN,
            // A chain goes on over a type of somebody's own, but none begins with it.
            _ if known.begun && len <= rest.len() => BLOCK_MIN,
            _ => return None,
        };
        if len < min || !len.is_multiple_of(4) || len > MAX_RECORD {
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
        if new.is_some() {
            (known.endian, known.section) = (endian, Some(First::Expected));
        } else if let (INTERFACE, Some(first @ First::Expected)) = (kind, &mut known.section) {
            let body = rest.get(8..len - 4).unwrap_or_default();
            *first = InterfaceState::read(body, endian).map_or(First::Unreadable, |(state, _)| First::Read(state));
        }
        known.begun = true;
        Some(Step { len, seconds: self.seconds(known, kind, rest) })
    }

    fn cross(&self, known: &Known, rest: &[u8]) -> Option<usize> {
        let mut ends = ends(rest, known.endian, FEW_OPTIONS);
        ends.find(|end| {
            let next = rest.get(*end..);
            next.is_some_and(|next| next.is_empty() || self.step(&mut { *known }, next).is_some())
        })
    }
}

impl PcapngReader {
    /// The time of a packet block, where its interface is known.
    fn seconds(&self, known: &Known, kind: u32, rest: &[u8]) -> Option<i64> {
        let endian = known.endian;
        let id = match kind {
            ENHANCED_PACKET => endian.u32(rest, 8)?,
            PACKET => u32::from(endian.u16(rest, 8)?),
            _ => return None,
        };
        let ticks = u64::from(endian.u32(rest, 12)?) << 32 | u64::from(endian.u32(rest, 16)?);
        let interface = match known.section {
            None => *self.interfaces.find(id)?,
            Some(First::Read(first)) if id == 0 => first,
            Some(_) => return None,
        };
        (ticks > 0).then(|| interface.time(ticks).0.div_euclid(1_000_000_000))
    }
}

/// Where the captured bytes of a packet block end, when the file holds them all and they fit a frame: no block is
/// looked for before that, as what looks like one would be payload.
pub(super) fn captured_end(rest: &[u8], endian: Endian) -> Option<usize> {
    let kind = endian.u32(rest, 0)?;
    let captured = endian.u32(rest, 20).filter(|_| matches!(kind, PACKET | ENHANCED_PACKET))?;
    let wire = endian.u32(rest, 24).filter(|wire| captured <= *wire)?;
    let end = 28_usize.checked_add(captured as usize)?;
    (wire as usize <= MAX_RECORD && end <= rest.len()).then_some(end)
}

/// Where a packet block ends by one of its two lengths, of which the other is not sound; `most` bytes of options are
/// looked through for the one at its end.
pub(super) fn ends(rest: &[u8], endian: Endian, most: usize) -> impl Iterator<Item = usize> {
    let options = captured_end(rest, endian).map(|end| end.next_multiple_of(4));
    let from = options.unwrap_or(usize::MAX);
    let first = endian.u32(rest, 4).map(|len| len as usize);
    let first = first.filter(|len| {
        len.is_multiple_of(4) && *len <= rest.len() && (4..=MAX_OPTIONS).contains(&len.saturating_sub(from))
    });
    let last = (from..from.saturating_add(most)).step_by(4).map(|at| at.saturating_add(4));
    let last = last.take_while(|end| *end <= rest.len());
    let last = last.filter(move |end| endian.u32(rest, *end - 4).is_some_and(|len| len as usize == *end));
    first.into_iter().chain(last)
}

/// Types that the search for the next block believes in, beside those above: name resolution, IRIG, ARINC, journal,
/// decryption secrets, process events, custom.
const KNOWN: [u32; 8] = [4, 7, 8, 9, 10, 0x8000_0001, 0xBAD, 0x4000_0BAD];
// Rationale: more options than any writer adds to a packet; only the search for the next block asks.
const MAX_OPTIONS: usize = 128 << 10;
// Rationale: comments and hashes; a damaged block with more behind its packet is found again all the same, if later.
pub(super) const MAX_TRAILER: usize = 4 << 10;
// Rationale: the options that programs write without being asked: flags, drop count, packet id, queue.
const FEW_OPTIONS: usize = 64;

#[cfg(test)]
mod tests {
    use super::super::super::sample::{BE, LE, Order, read_one};

    /// The head of a file with an interface that counts nanoseconds, and one that does not.
    fn head(order: Order) -> Vec<u8> {
        [order.section(), order.interface(1, 0, &order.option(9, &[9])), order.interface(147, 0, &[])].concat()
    }

    /// Packets of 1,000 bytes from `second` on, a hundred of them in each second.
    fn packets(order: Order, second: u64, n: u64) -> Vec<u8> {
        let time = |i: u64| (second + i / 100) * 1_000_000_000;
        (0..n).flat_map(|i| order.enhanced(0, time(i), 1_000, &[0xAA; 1_000], &order.option(1, b"text"))).collect()
    }

    fn damaged(order: Order, second: u64, data: &[u8]) -> Vec<u8> {
        let mut block =
            order.enhanced(0, second * 1_000_000_000, data.len() as u32, data, &order.option(1, b"text"));
        block[4..8].copy_from_slice(&order.u32(0x7FFF_FFFF));
        block
    }

    #[test]
    fn a_capture_inside_a_last_block_that_is_damaged_and_cut_off_is_not_taken_for_frames() {
        let inner = [head(LE), packets(LE, 1_000, 50)].concat();
        for (skipped, cut) in [(0, 0), (0, 30), (0, 2_000), (head(LE).len(), 2_000)] {
            let mut bytes = [head(LE), packets(LE, 1_000, 50), damaged(LE, 1_001, &inner[skipped..])].concat();
            bytes.truncate(bytes.len() - cut);
            let (frames, _, damages) = read_one(&bytes).expect("readable");
            assert_eq!((frames.len(), damages), (50, 1), "{skipped} {cut}");
            // With an end of it that is not known either.
            let at = head(LE).len() + packets(LE, 1_000, 50).len();
            bytes[at + 20..at + 28].fill(0xFF);
            let (frames, _, damages) = read_one(&bytes).expect("readable");
            assert_eq!((frames.len(), damages), (50, 1), "{skipped} {cut}, without lengths");
        }
    }

    #[test]
    fn a_capture_of_an_earlier_time_that_ends_with_the_file_is_not_taken_for_frames() {
        let inner = [head(LE), packets(LE, 1_000, 50)].concat();
        for skipped in [0, head(LE).len()] {
            let mut last = damaged(LE, 5_000, &inner[skipped..]);
            last[20..28].fill(0xFF);
            last.truncate(28 + inner.len() - skipped);
            let bytes = [head(LE), packets(LE, 5_000, 50), last].concat();
            let (frames, ..) = read_one(&bytes).expect("readable");
            assert_eq!(frames.len(), 50, "{skipped}");
        }
    }

    #[test]
    fn damaged_blocks_close_to_each_other_cost_only_themselves() {
        for order in [LE, BE] {
            let mut lost = damaged(order, 1_000, &[0xAA; 1_000]);
            lost[20..28].fill(0xFF);
            for first in [damaged(order, 1_000, &[0xAA; 1_000]), lost] {
                let some = packets(order, 1_000, 100);
                let behind = [damaged(order, 1_000, &[0xAA; 1_000]), some.clone()].concat().repeat(5);
                let (frames, _, damages) =
                    read_one(&[head(order), some.clone(), first, some, behind].concat()).expect("readable");
                assert_eq!((frames.len(), damages), (700, 6));
            }
        }
    }

    #[test]
    fn a_section_behind_one_that_is_cut_off_is_found_in_either_byte_order() {
        for (first, second) in [(LE, LE), (LE, BE), (BE, LE)] {
            let start = [head(first), packets(first, 1_000, 5)].concat();
            for resolution in [6, 9] {
                let unit = if resolution == 6 { 1_000_000 } else { 1_000_000_000 };
                let packet = |n: u64| second.enhanced(0, (1_002 + n) * unit, 1_000, &[0xBB; 1_000], &[]);
                let interface = second.interface(1, 0, &second.option(9, &[resolution]));
                let own = second.block(0x1234_5678, b"somebody's");
                for count in [2, 400] {
                    let rest = (0..count).flat_map(&packet).collect();
                    let behind = [second.section(), interface.clone(), own.clone(), rest].concat();
                    for cut in [4, 8, 20, 900, 1_020, 1_030, 1_039] {
                        let bytes = [&start[..start.len() - cut], &behind].concat();
                        let (frames, _, damages) = read_one(&bytes).expect("readable");
                        let found: Vec<_> = frames.iter().skip(4).map(|frame| frame.1 / 1_000_000_000).collect();
                        let expected: Vec<_> = (1_002..1_002 + count as i64).collect();
                        assert_eq!((found, damages), (expected, 1), "cut {cut}, {count} behind");
                    }
                }
            }
        }
    }
}
