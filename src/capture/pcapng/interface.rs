//! The interfaces of one section: what turns a packet's number and ticks into a link type and a time.

use super::options::{Endian, Options};
use crate::capture::{Interface, LinkType};
use crate::limits::{INTERFACE_PLACES, INTERFACE_RUNS, INTERFACE_TEXT_BYTES};

/// The fields of an interface description that its packets need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct InterfaceState {
    pub(super) link: LinkType,
    /// Bytes; 0 for no limit.
    pub(super) snaplen: u32,
    pub(super) fcs_len: u8,
    /// `if_tsresol` as written: bit 7 chooses powers of 2, the rest is the negative exponent.
    resolution: u8,
    /// `if_tsoffset` in seconds.
    offset: i64,
}

impl InterfaceState {
    /// Reads the body of an interface description block; `None` when its fixed part is not whole.
    ///
    /// Options are read as far as they are sound. The second value is what the report lists.
    pub(super) fn read(body: &[u8], endian: Endian) -> Option<(Self, Interface)> {
        let link = LinkType(endian.u16(body, 0)?);
        let snaplen = endian.u32(body, 4)?;
        let mut state = Self { link, snaplen, fcs_len: 0, resolution: MICROSECONDS, offset: 0 };
        let mut shown = Interface {
            link_type: link,
            snaplen,
            name: None,
            filter: None,
            frames: 0,
            ticks_per_second: 0,
            offset_seconds: 0,
        };
        for (code, value) in Options::new(body.get(8..).unwrap_or_default(), endian) {
            match (code, value) {
                (IF_NAME, name) => shown.name = Some(text(name)),
                (IF_TSRESOL, [resolution, ..]) => state.resolution = *resolution,
                (IF_FILTER, [0, filter @ ..]) => shown.filter = Some(text(filter)),
                (IF_FILTER, [1, program @ ..]) => {
                    shown.filter = Some(format!("(BPF program of {} instructions)", program.len() / 8));
                }
                (IF_FCSLEN, [len, ..]) => state.fcs_len = fcs_bytes(*len),
                (IF_TSOFFSET, offset) => state.offset = endian.u64(offset, 0).map_or(0, |n| n as i64),
                _ => {}
            }
        }
        (shown.ticks_per_second, shown.offset_seconds) = (state.ticks_per_second(), state.offset);
        Some((state, shown))
    }

    /// Units of its times in a second, at most 2^64 - 1.
    fn ticks_per_second(&self) -> u64 {
        let base: u64 = if self.resolution & 0x80 != 0 { 2 } else { 10 };
        base.saturating_pow(u32::from(self.resolution & 0x7F))
    }

    /// The time of `ticks` in ns, and whether it had to be brought into range.
    #[inline]
    pub(super) fn time(&self, ticks: u64) -> (i64, bool) {
        let exponent = u32::from(self.resolution & 0x7F);
        let ticks_ns = u128::from(ticks) * 1_000_000_000;
        let ns = if self.resolution == MICROSECONDS {
            u128::from(ticks) * 1_000
        } else if self.resolution == NANOSECONDS {
            u128::from(ticks)
        } else if self.resolution & 0x80 != 0 {
            ticks_ns >> exponent
        } else {
            // A power of ten beyond u128 is beyond any 64-bit tick count: the time is 0.
            10_u128.checked_pow(exponent).map_or(0, |units| ticks_ns / units)
        };
        // `ns < 2^94` and `|offset| < 2^63`: nothing here can overflow an i128.
        let ns = ns as i128 + i128::from(self.offset) * 1_000_000_000;
        let clamped = ns.clamp(i128::from(i64::MIN), i128::from(i64::MAX));
        (clamped as i64, clamped != ns)
    }
}

/// All interfaces of a section by number; a run of equal ones costs one entry.
#[derive(Clone, Debug, Default)]
pub(super) struct Interfaces {
    /// The number of the first of a run of equal interfaces, ascending, and their state.
    runs: Vec<(u32, InterfaceState)>,
    /// The run of each interface, for the first [`INTERFACE_PLACES`] of them; empty while there is one run.
    places: Vec<u32>,
    /// Interfaces defined so far, also the unreadable ones.
    count: u32,
    /// Interfaces from this number on were not kept.
    lost_from: Option<u32>,
}

impl Interfaces {
    /// Numbers the next interface; `None` for one that cannot be read. False when there was no room for it.
    pub(super) fn push(&mut self, state: Option<InterfaceState>) -> bool {
        let id = self.count;
        self.count = self.count.saturating_add(1);
        let state = state.unwrap_or(UNREADABLE);
        if self.lost_from.is_some() {
            return false;
        }
        if self.runs.last().is_none_or(|(_, last)| *last != state) {
            if self.runs.len() >= INTERFACE_RUNS {
                self.lost_from = Some(id);
                return false;
            }
            if self.runs.len() == 1 {
                self.places.resize((id as usize).min(INTERFACE_PLACES), 0);
            }
            self.runs.push((id, state));
        }
        if self.runs.len() > 1 && self.places.len() < INTERFACE_PLACES {
            // At most `INTERFACE_RUNS` of them.
            self.places.push(self.runs.len() as u32 - 1);
        }
        true
    }

    /// Interfaces defined so far.
    pub(super) fn count(&self) -> u32 {
        self.count
    }

    /// The interface with the number `id`.
    #[inline]
    pub(super) fn find(&self, id: u32) -> Option<&InterfaceState> {
        if id >= self.count || self.lost_from.is_some_and(|lost| id >= lost) {
            return None;
        }
        let run = match self.places.get(id as usize) {
            Some(run) => *run as usize,
            None if self.runs.len() == 1 => 0,
            None => self.runs.partition_point(|(first, _)| *first <= id).checked_sub(1)?,
        };
        let (_, state) = self.runs.get(run)?;
        (*state != UNREADABLE).then_some(state)
    }
}

/// The report's row for an interface description that cannot be read.
pub(super) fn unreadable() -> Interface {
    let name = Some("(not readable)".to_owned());
    Interface {
        link_type: LinkType(u16::MAX),
        snaplen: 0,
        name,
        filter: None,
        frames: 0,
        ticks_per_second: 1_000_000,
        offset_seconds: 0,
    }
}

/// Octets of FCS; the text of the standard once said bits, and some writers took it by its word.
fn fcs_bytes(len: u8) -> u8 {
    if len > 15 { len / 8 } else { len }
}

/// A string option for the report, without a terminating NUL, bounded. Bytes that are no UTF-8 are escaped, so that
/// different names look different.
fn text(value: &[u8]) -> String {
    let value = value.split(|byte| *byte == 0).next().unwrap_or_default();
    let mut shown = String::new();
    for chunk in value.get(..INTERFACE_TEXT_BYTES).unwrap_or(value).utf8_chunks() {
        shown.push_str(chunk.valid());
        chunk.invalid().iter().for_each(|byte| shown.push_str(&format!("\\x{{{byte:x}}}")));
    }
    if value.len() > INTERFACE_TEXT_BYTES { shown + "…" } else { shown }
}

/// Stands for a description that could not be read, so that the numbers after it stay right.
const UNREADABLE: InterfaceState = InterfaceState {
    link: LinkType(u16::MAX),
    snaplen: u32::MAX,
    fcs_len: u8::MAX,
    resolution: u8::MAX,
    offset: -1,
};
const MICROSECONDS: u8 = 6;
const NANOSECONDS: u8 = 9;
const IF_NAME: u16 = 2;
const IF_TSRESOL: u16 = 9;
const IF_FILTER: u16 = 11;
const IF_FCSLEN: u16 = 13;
const IF_TSOFFSET: u16 = 14;

#[cfg(test)]
mod tests {
    use super::*;

    fn state(resolution: u8, offset: i64) -> InterfaceState {
        InterfaceState { link: LinkType(1), snaplen: 0, fcs_len: 0, resolution, offset }
    }

    #[test]
    fn ticks_are_read_at_every_resolution() {
        for (resolution, ticks, ns) in [
            (0, 3, 3_000_000_000),
            (3, 1_500, 1_500_000_000),
            (6, 1_500_001, 1_500_001_000),
            (9, 1_500_000_001, 1_500_000_001),
            (12, 1_500_000_000_999, 1_500_000_000),
            (127, u64::MAX, 0),
            (0x80, 3, 3_000_000_000),
            (0x80 | 1, 3, 1_500_000_000),
            (0x80 | 32, (3 << 32) + (1 << 31), 3_500_000_000),
            (0x80 | 127, u64::MAX, 0),
        ] {
            assert_eq!(state(resolution, 0).time(ticks), (ns, false), "if_tsresol {resolution}");
            assert_eq!(state(resolution, -5).time(ticks), (ns - 5_000_000_000, false), "if_tsresol {resolution}");
        }
    }

    #[test]
    fn a_time_out_of_range_is_brought_into_it_and_said() {
        assert_eq!(state(0, 0).time(u64::MAX), (i64::MAX, true));
        assert_eq!(state(9, i64::MIN).time(0), (i64::MIN, true));
        assert_eq!(state(0, i64::MAX).time(u64::MAX), (i64::MAX, true));
    }

    #[test]
    fn a_million_equal_interfaces_cost_one_entry() {
        let mut interfaces = Interfaces::default();
        for _ in 0..1_000_000 {
            assert!(interfaces.push(Some(state(6, 0))));
        }
        assert!(interfaces.push(Some(state(9, 0))));
        assert_eq!((interfaces.count(), interfaces.runs.len()), (1_000_001, 2));
        for _ in 0..100_000 {
            assert!(interfaces.push(Some(state(6, 0))));
        }
        assert_eq!(interfaces.find(1_000_001), Some(&state(6, 0)));
        assert_eq!(interfaces.find(1_099_999), Some(&state(6, 0)), "beyond the places");
        assert_eq!(interfaces.find(999_999), Some(&state(6, 0)));
        assert_eq!(interfaces.find(1_000_000), Some(&state(9, 0)));
        assert_eq!(interfaces.find(1_100_001), None);
    }

    #[test]
    fn an_unreadable_interface_keeps_its_number_to_itself() {
        let mut interfaces = Interfaces::default();
        interfaces.push(None);
        interfaces.push(Some(state(6, 0)));
        assert_eq!((interfaces.find(0), interfaces.find(1)), (None, Some(&state(6, 0))));
    }
}
