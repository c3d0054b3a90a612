//! Files that are not what their first 24 bytes say: longer record headers under the same magic number, and two captures
//! joined into one file.

use super::{Chain, HEADER_LEN, PcapReader, layout};

impl PcapReader {
    /// The length of record headers, of `lengths`, with which the first records follow one another: some systems wrote longer
    /// ones under the same magic number (Kuznetzov's patches in SuSE 6.3 and Red Hat 6.1, Nokia's firewalls).
    pub(super) fn layout_of(&self, rest: &[u8], lengths: &[usize]) -> usize {
        let count = |header_len: &usize| {
            let reader = Self { header_len: *header_len, ..self.clone() };
            let chain = Chain { reader: &reader, loose: false, leap_breaks: true };
            let (mut at, mut sound) = (0, 0);
            while let Some(record) =
                rest.get(at..).and_then(|rest| chain.sound(rest)).filter(|_| sound < FIRST_RECORDS)
            {
                at = at.saturating_add(record.len);
                sound += usize::from(at <= rest.len());
            }
            (sound, sound >= FIRST_RECORDS || at == rest.len())
        };
        let usual = lengths.first().copied().unwrap_or(16);
        let best = lengths.iter().copied().rev().max_by_key(|header_len| count(header_len)).unwrap_or(usual);
        // Where two records follow one another as usual, what comes is damage. It looks like nothing at all; a file that is cut behind its first record, like one of the usual kind.
        let ((found, whole), (known, _)) = (count(&best), count(&usual));
        if whole && known < 2 && found > known { best } else { usual }
    }

    /// Tests `rest` for a file header like that of this file: two captures were joined into one file.
    #[cold]
    pub(super) fn is_another(&self, rest: &[u8]) -> bool {
        let word =
            |bytes: [u8; 4]| if self.big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) };
        let Some(header) = rest.first_chunk::<HEADER_LEN>() else { return false };
        let (words, _) = header.as_chunks::<4>();
        let same = layout(header)
            .is_some_and(|(big_endian, _, unit_ns)| (big_endian, unit_ns) == (self.big_endian, self.unit_ns));
        same && words.last().is_some_and(|network| word(*network) & 0xffff == u32::from(self.link.0))
    }
}

// Rationale: by chance two records in a row do not fit.
const FIRST_RECORDS: usize = 4;
pub(super) const ANOTHER: &str = "the header of another capture, which begins here and is read as well";

#[cfg(test)]
mod tests {
    use crate::capture::sample::{BE, LE, Order, read_one};

    const MICRO: u32 = 0xa1b2_c3d4;
    const MODIFIED: u32 = 0xa1b2_cd34;

    fn records(order: Order, more: usize, count: u32) -> Vec<u8> {
        let record = |number| {
            let mut record = order.record(1_700_000_000 + number, 7, 60, b"");
            record[8..12].copy_from_slice(&order.u32(58));
            [record, vec![0xee; more], vec![number as u8 | 1; 58]].concat()
        };
        (0..count).flat_map(record).collect()
    }

    #[test]
    fn longer_record_headers_are_known_by_what_follows() {
        for order in [LE, BE] {
            for (magic, more) in [(MICRO, 0), (MICRO, 4), (MICRO, 8), (MODIFIED, 8), (MODIFIED, 12)] {
                for count in [2, 3, 9] {
                    let bytes = [order.pcap(magic, 1), records(order, more, count)].concat();
                    let (frames, _, damages) = read_one(&bytes).expect("sound");
                    assert_eq!((frames.len(), damages), (count as usize, 0), "{magic:x} {more} {count}");
                    assert!(frames.iter().all(|frame| frame.2.len() == 58 && frame.2[0] & 1 == 1));
                }
            }
        }
    }

    #[test]
    fn a_capture_behind_another_in_one_file_is_read_and_named() {
        for order in [LE, BE] {
            let one = [order.pcap(MICRO, 1), records(order, 0, 3)].concat();
            let (frames, facts, damages) = read_one(&[one.clone(), one.clone()].concat()).expect("sound");
            assert_eq!((frames.len(), damages), (6, 1));
            let told = facts.damage.expect("told");
            assert!(
                told.contains("the header of another capture") && told.contains(&one.len().to_string()),
                "{told}"
            );
        }
    }
}
