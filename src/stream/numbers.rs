//! The numbers that a direction has on the wire: one connection has the same ones wherever it is captured.

use serde::{Deserialize, Serialize};

/// Numbers of the packets of one direction, as far as they were captured: sequence numbers of TCP (RFC 9293), or of uTP (BEP 29)
/// those of packets, 65,536 for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Numbers {
    /// The connection id in the packets of uTP; 0 of TCP.
    pub id: u16,
    /// The number of the first byte, or of the first packet.
    pub first: u32,
    /// How far it is from there to the number behind the last one: bytes, or packets times 65,536.
    pub len: u64,
}

impl Numbers {
    /// Returns true if both may be of one direction of one connection: they have numbers in common, or lie less than `apart` from
    /// one another.
    pub fn touch(&self, other: &Self, apart: u64) -> bool {
        let reaches = |one: &Self, other: &Self| {
            u64::from(other.first.wrapping_sub(one.first)) <= one.len.saturating_add(apart)
        };
        self.id == other.id && (reaches(self, other) || reaches(other, self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_touch_where_they_overlap_or_follow_one_another_also_where_they_wrap() {
        let of = |first: u32, len: u64| Numbers { id: 7, first, len };
        for shift in [0, 5_000, u32::MAX - 1_500] {
            let touch = |one: (u32, u64), other: (u32, u64), apart: u64| {
                let [one, other] = [one, other].map(|(first, len)| of(first.wrapping_add(shift), len));
                assert_eq!(one.touch(&other, apart), other.touch(&one, apart));
                one.touch(&other, apart)
            };
            assert!(touch((0, 1_000), (900, 5_000), 0), "in common");
            assert!(touch((0, 1_000), (1_000, 10), 0), "behind it");
            assert!(touch((0, 9_000), (400, 10), 0), "within it");
            assert!(!touch((0, 1_000), (1_100, 10), 50));
            assert!(touch((0, 1_000), (1_100, 10), 100));
            assert!(!touch((0, 1_000), (3_000_000_000, 10), 1 << 20), "far from it");
            assert!(touch((0, 1 << 33), (3_000_000_000, 10), 0), "all numbers were used");
        }
        assert!(!of(0, 1_000).touch(&Numbers { id: 8, ..of(0, 1_000) }, 0), "another connection id");
    }
}
