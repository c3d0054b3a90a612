//! The figures of a row: how many payload bytes, by class. Each is one line in one table, from which its field, its name
//! in the report, its column, its sum and its place in the accounting identity are made.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A figure of [`Bytes`].
#[derive(Clone, Copy, Debug)]
pub struct Figure {
    /// Its field in report.json, and its column in the tables.
    pub name: &'static str,
    /// Its place in the accounting identity.
    pub place: Place,
    /// Its value in a row.
    pub of: fn(&Bytes) -> u64,
    at: fn(&mut Bytes) -> &mut u64,
}

/// The place of a figure in the accounting identity (evidence.md, section 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The sum of all classes.
    Sum,
    /// Every byte of the sum is in exactly one class.
    Class,
    /// At most the sum.
    PartOfSum,
    /// At most the verified class.
    PartOfVerified,
    /// Not in the sum.
    Apart,
}

macro_rules! figures {
    ($($(#[doc = $doc:literal])+ $field:ident = $name:literal: $place:ident,)+) => {
        /// Payload bytes by class (evidence.md, section 1).
        ///
        /// # Invariants
        /// - The identity: `served == pad + repeated + verified + refuted + disputed + unproven`.
        /// - `sole <= verified`, `acknowledged <= served`, `solicited <= served`.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        pub struct Bytes {
            $($(#[doc = $doc])+ #[serde(rename = $name)] pub $field: u64,)+
        }

        impl Bytes {
            /// Every figure, in the order of the report.
            pub const FIGURES: &[Figure] = &[$(Figure {
                name: $name,
                place: Place::$place,
                of: |bytes| bytes.$field,
                at: |bytes| &mut bytes.$field,
            },)+];
        }
    };
}

figures! {
    /// Payload bytes of `piece` messages that the capture holds.
    served = "served_bytes": Sum,
    /// Payload bytes that the framing proves were sent but that the capture does not hold.
    lost = "lost_bytes": Apart,
    /// Already carried by the same transfer at the same place with the same content.
    repeated = "repeated_bytes": Class,
    /// Shown to be the torrent's own bytes.
    verified = "verified_bytes": Class,
    /// The part of `verified` in units that came from one subject entirely.
    sole = "sole_bytes": PartOfVerified,
    /// Shown to differ from the torrent's bytes.
    refuted = "refuted_bytes": Class,
    /// In failed units of several subjects, with nothing that tells whose bytes were bad.
    disputed = "disputed_bytes": Class,
    /// In units that nothing decides.
    unproven = "unproven_bytes": Class,
    /// In padding.
    pad = "pad_bytes": Class,
    /// Confirmed by the downloader's own acknowledgements.
    acknowledged = "acknowledged_bytes": PartOfSum,
    /// Answering a request seen before.
    solicited = "solicited_bytes": PartOfSum,
}

impl Bytes {
    /// Adds each figure of `other`.
    pub fn add(&mut self, other: &Self) {
        for figure in Self::FIGURES {
            *(figure.at)(self) += (figure.of)(other);
        }
    }

    /// Returns true if the identity of evidence.md holds.
    pub fn balanced(&self) -> bool {
        let classes = Self::FIGURES.iter().filter(|figure| figure.place == Place::Class);
        let sum = classes.map(|figure| u128::from((figure.of)(self))).sum::<u128>();
        let fits = |figure: &Figure| match figure.place {
            Place::Sum => u128::from((figure.of)(self)) == sum,
            Place::PartOfSum => u128::from((figure.of)(self)) <= sum,
            Place::PartOfVerified => (figure.of)(self) <= self.verified,
            Place::Class | Place::Apart => true,
        };
        Self::FIGURES.iter().all(fits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_identity_fails_when_a_byte_is_in_no_class_or_in_two() {
        let whole = Bytes {
            served: 21,
            pad: 1,
            repeated: 2,
            verified: 3,
            refuted: 4,
            disputed: 5,
            unproven: 6,
            sole: 3,
            acknowledged: 21,
            solicited: 21,
            lost: 99,
        };
        assert!(whole.balanced() && Bytes::default().balanced());
        for figure in Bytes::FIGURES.iter().filter(|figure| figure.place != Place::Apart) {
            let mut more = whole;
            *(figure.at)(&mut more) += 1;
            assert!(!more.balanced(), "{}", figure.name);
        }
        let mut twice = whole;
        twice.add(&whole);
        assert!(Bytes::FIGURES.iter().all(|figure| (figure.of)(&twice) == 2 * (figure.of)(&whole)));
    }
}
