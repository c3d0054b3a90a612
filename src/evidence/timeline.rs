//! When a subject served bytes, by class: what its part of a page draws.

use std::cmp::Reverse;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Subject;
use crate::ends::Timestamp;
use crate::judge::{self, Axis, Class};
use crate::limits::TIMELINES;

/// Served bytes by time, in bins of equal length; a block counts in the bin of its last byte.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Timeline {
    /// Where bin 0 begins: at the first frame of the captures.
    pub start: Timestamp,
    /// Nanoseconds of a bin: 96 reach to the last frame.
    pub bin_ns: u64,
    /// The bins with any byte, ascending.
    pub bins: Vec<Bin>,
}

/// The bytes of one bin by class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Bin {
    /// Its number, 0 to 95.
    pub bin: u8,
    /// As in the subject's row, each left out where 0.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub verified: u64,
    /// As above.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub refuted: u64,
    /// As above.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub disputed: u64,
    /// As above.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unproven: u64,
    /// As above.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub repeated: u64,
    /// As above.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub pad: u64,
}

impl Timeline {
    /// `None` where nothing was served.
    pub(super) fn of(axis: Axis, times: &judge::Timeline) -> Option<Self> {
        let mut bins: Vec<Bin> = Vec::new();
        for (number, class, bytes) in times.iter() {
            if bins.last().is_none_or(|last| last.bin != number) {
                bins.push(Bin { bin: number, ..Bin::default() });
            }
            let Some(bin) = bins.last_mut() else { continue };
            *match class {
                Class::Verified => &mut bin.verified,
                Class::Refuted => &mut bin.refuted,
                Class::Disputed => &mut bin.disputed,
                Class::Unproven => &mut bin.unproven,
                Class::Repeated => &mut bin.repeated,
                Class::Pad => &mut bin.pad,
            } += bytes;
        }
        (!bins.is_empty()).then_some(Self { start: axis.start, bin_ns: axis.bin_ns, bins })
    }
}

/// Leaves the timelines of the first [`TIMELINES`] alone.
pub(super) fn bound(subjects: &mut [Subject]) {
    let mut order: Vec<usize> = (0..subjects.len()).collect();
    order.sort_by_key(|at| {
        let rank = |of: &Subject| Reverse((of.actionable, of.grade, of.bytes.verified, of.bytes.served));
        subjects.get(*at).map(rank)
    });
    for at in order.into_iter().skip(TIMELINES) {
        subjects.get_mut(at).into_iter().for_each(|subject| subject.timeline = None);
    }
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}
