//! The invariants of [`StreamItem`], checked on the output of every test.

use super::{Missing, StreamItem};
use crate::ends::{At, FrameId, Timestamp};

/// Frame `number`, one millisecond after the one before.
pub(super) fn at(number: u64) -> At {
    At { time: Timestamp(number as i64 * 1_000_000), frame: FrameId::new(0, number) }
}

/// Checks the items of one direction.
pub(super) fn check<'cap>(items: impl IntoIterator<Item = StreamItem<'cap>>) {
    let (mut next, mut acked, mut uncompared, mut ended) = (0, 0, 0, false);
    for item in items {
        assert!(!ended, "{item:?} follows the end");
        match item {
            StreamItem::Data { offset, bytes, .. } => {
                assert_eq!(offset, next, "data is not contiguous");
                assert!(!bytes.is_empty(), "empty data");
                next += bytes.len() as u64;
            }
            StreamItem::Gap { offset, missing, .. } => {
                assert_eq!(offset, next, "a gap is not contiguous");
                if let Missing::Bytes(len) = missing {
                    assert!(len > 0, "empty gap");
                    next += len;
                }
            }
            StreamItem::Acked { upto, .. } => {
                assert!(acked < upto && upto <= next, "acked {upto} after {acked}, delivered {next}");
                acked = upto;
            }
            StreamItem::AckedRange { from, to, .. } => assert!(from < to && to <= next, "{from}..{to} of {next}"),
            StreamItem::Conflict { offset, bytes, .. } => {
                assert!(!bytes.is_empty(), "empty conflict at {offset}");
            }
            StreamItem::Late { offset, bytes, .. } => {
                assert!(!bytes.is_empty() && offset <= next, "late data is not late");
            }
            StreamItem::Uncompared { offset, len, cut, .. } => {
                // What was cut may lie over bytes that wait.
                assert!(len > 0 && (cut || offset + len <= next));
                uncompared = uncompared.max(offset + len);
            }
            StreamItem::Unaccepted { len, .. } => assert!(len > 0),
            StreamItem::OtherLength { offset, .. } => assert!(offset <= next, "{offset} of {next}"),
            StreamItem::OutOfWindow { .. } | StreamItem::Answers { .. } | StreamItem::Suspect { .. } => {}
            StreamItem::End { .. } => {
                assert!(uncompared <= next, "{uncompared} was never delivered, {next} was");
                ended = true;
            }
        }
    }
}

/// The delivered bytes in order, gaps left out.
pub(super) fn bytes<'cap>(items: impl IntoIterator<Item = StreamItem<'cap>>) -> Vec<u8> {
    let data = items.into_iter().filter_map(|item| match item {
        StreamItem::Data { bytes, .. } => Some(bytes),
        _ => None,
    });
    data.flatten().copied().collect()
}
