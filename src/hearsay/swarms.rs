//! Sayings about whole swarms: how many peers a tracker counts, how many a node of the DHT estimates (BEP 33), and which
//! torrents it says that it stores peers of (BEP 51). They name nobody.

use std::collections::BTreeMap;

use super::{Mention, Via};
use crate::ends::{Endpoint, Span};

/// Who said something of which swarm, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct Swarm {
    /// The torrent, as the message names it.
    pub info_hash: [u8; 20],
    /// Who said it.
    pub by: Endpoint,
    /// How.
    pub via: Via,
}

/// The figures of a swarm, as said: counted by a tracker, estimated from filters of the DHT.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Counts {
    /// Peers that have everything.
    pub seeders: Option<u64>,
    /// Peers that do not.
    pub leechers: Option<u64>,
    /// Downloads that were completed.
    pub downloads: Option<u64>,
}

impl Counts {
    /// Returns true if no figure is known.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Keeps the greater of two sayings, figure by figure.
    pub fn join(&mut self, other: Self) {
        self.seeders = self.seeders.max(other.seeders);
        self.leechers = self.leechers.max(other.leechers);
        self.downloads = self.downloads.max(other.downloads);
    }
}

/// All sayings of a run.
///
/// # Invariants
/// - At most `most` different ones.
#[derive(Clone, Debug, Default)]
pub struct Swarms {
    said: BTreeMap<Swarm, (Counts, Mention)>,
    most: usize,
}

impl Swarms {
    /// Nothing said yet, and room for `most`.
    pub fn new(most: usize) -> Self {
        Self { said: BTreeMap::new(), most }
    }

    /// Counts a saying in `span`; `false` when it is a new one and there is no room.
    #[must_use]
    pub fn note(&mut self, swarm: Swarm, counts: Counts, span: Span) -> bool {
        let mention = Mention { count: 1, span, first: span };
        if let Some((known, before)) = self.said.get_mut(&swarm) {
            known.join(counts);
            before.join(&mention);
            return true;
        }
        let room = self.said.len() < self.most;
        if room {
            self.said.insert(swarm, (counts, mention));
        }
        room
    }

    /// The sayings, sorted.
    pub fn iter(&self) -> impl Iterator<Item = (&Swarm, &(Counts, Mention))> {
        self.said.iter()
    }
}

impl FromIterator<(Swarm, (Counts, Mention))> for Swarms {
    /// All of them; those of one swarm, by one and in one way, are one saying.
    fn from_iter<I: IntoIterator<Item = (Swarm, (Counts, Mention))>>(sayings: I) -> Self {
        let mut said: BTreeMap<Swarm, (Counts, Mention)> = BTreeMap::new();
        for (swarm, (counts, mention)) in sayings {
            match said.get_mut(&swarm) {
                Some((known, before)) => {
                    known.join(counts);
                    before.join(&mention);
                }
                None => {
                    said.insert(swarm, (counts, mention));
                }
            }
        }
        Self { most: said.len(), said }
    }
}

impl IntoIterator for Swarms {
    type Item = (Swarm, (Counts, Mention));
    type IntoIter = std::collections::btree_map::IntoIter<Swarm, (Counts, Mention)>;

    /// The sayings, sorted.
    fn into_iter(self) -> Self::IntoIter {
        self.said.into_iter()
    }
}

/// How many peers a filter of BEP 33 holds, about: the number with which as many of its 2,048 bits are 0.
///
/// Worked out with integers, so that it is the same on every machine.
pub(super) fn estimate(filter: &[u8; 256]) -> u64 {
    let zeros: u64 = filter.iter().map(|byte| u64::from(byte.count_zeros())).sum();
    // A full filter tells no more than one with a single 0 (BEP 33).
    let zeros = zeros.max(1) << FRACTION;
    // Each peer sets two bits: of the zeros, (1 - 1 / 2,048) twice are left.
    let (mut left, mut peers) = (BITS << FRACTION, 0);
    while left > zeros {
        let next = left - left / BITS;
        let next = next - next / BITS;
        // The nearer of two numbers.
        if next < zeros && zeros - next > left - zeros {
            break;
        }
        left = next;
        peers += 1;
    }
    peers
}

const BITS: u64 = 2_048;
// Rationale: 2,048 takes 11 bits; these leave room for the product.
const FRACTION: u32 = 40;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_worth_about_as_many_peers_as_were_put_into_it() {
        assert_eq!(estimate(&[0; 256]), 0);
        let mut one = [0; 256];
        (one[3], one[200]) = (1, 128);
        assert_eq!(estimate(&one), 1);
        // BEP 33: 256 IPv4 and 1,000 IPv6 addresses, estimated as 1224.9308.
        const TEST: &str = "F6C3F5EAA07FFD91BDE89F777F26FB2BFF37BDB8FB2BBAA2FD3DDDE7BACFFF75EE7CCBAEFE5E\
            EDB1FBFAFF67F6ABFF5E43DDBCA3FD9B9FFDF4FFD3E9DFF12D1BDF59DB53DBE9FA5B7FF3B8FDFCDE1AFB8BEDD7BE2F3EE71EBBBF\
            E93BCDEEFE148246C2BC5DBFF7E7EFDCF24FD8DC7ADFFD8FFFDFDDFFF7A4BBEEDF5CB95CE81FC7FCFF1FF4FFFFDFE5F7FDCBB7FD\
            79B3FA1FC77BFE07FFF905B7B7FFC7FEFEFFE0B8370BB0CD3F5B7F2BD93FEB4386CFDD6F7FD5BFAF2E9EBFFFFEECD67ADBF7C67F\
            17EFD5D75EBA6FFEBA7FFF47A91EB1BFBB53E8ABFB5762ABE8FF237279BFEFBFEEF5FFC5FEBFDFE5ADFFADFEE1FB737FFFFBFD9F\
            6AEFFEEE76B6FD8F72EF";
        let filter = data_encoding::HEXUPPER.decode(TEST.as_bytes()).expect("hexadecimal digits");
        assert_eq!(estimate(&filter.try_into().expect("256 bytes")), 1_225);
        assert!((7_000..8_000).contains(&estimate(&[255; 256])), "a full one tells its own bound");
    }

    #[test]
    fn the_greatest_figures_are_kept_and_what_does_not_fit_is_told() {
        use crate::ends::{At, FrameId, Timestamp};
        let span = |n: u64| Span::single(At { time: Timestamp(n as i64), frame: FrameId::new(0, n) });
        let by = Endpoint { ip: [192, 0, 2, 1].into(), port: 6969 };
        let of = |byte| Swarm { info_hash: [byte; 20], by, via: Via::HttpScrape };
        let counts = |seeders, leechers| Counts { seeders, leechers, downloads: None };
        let mut swarms = Swarms::new(1);
        assert!(swarms.note(of(1), counts(Some(5), None), span(1)));
        assert!(swarms.note(of(1), counts(Some(3), Some(2)), span(2)));
        assert!(!swarms.note(of(2), counts(None, None), span(3)), "no room");
        let told: Vec<_> = swarms.into_iter().map(|(_, (counts, mention))| (counts, mention.count)).collect();
        assert_eq!(told, [(counts(Some(5), Some(2)), 2)]);
    }
}
