//! Hashing the open pieces of several parts in groups, each where there is a core for it.

use std::ops::Range;
use std::str::FromStr;

use super::captured::Captured;
use crate::Error;
use crate::anomaly::ByFrame;
use crate::ends::Span;
use crate::facts::{Copy, Digests, Reason};
use crate::judge::{self, Ask, Contests, Measure, Parts, Suspect, judge};
use crate::options::Options;
use crate::part::Walked;
use crate::prove;
use crate::torrent::Torrent;

/// A group of pieces, each of a torrent: SHA-256 over the info-hash (that of v1, where the torrent has one) and the number of
/// the piece as four bytes, big-endian, tells the group by its first eight bytes, big-endian, modulo `of`.
///
/// # Invariants
/// - `number < of`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Group {
    number: u32,
    of: u32,
}

impl Group {
    /// `None` where there is no such group.
    pub fn new(number: u32, of: u32) -> Option<Self> {
        (number < of).then_some(Self { number, of })
    }

    fn holds(self, torrent: &Torrent, piece: u32) -> bool {
        let (v1, v2) = (torrent.info_hash_v1(), torrent.info_hash_v2());
        let info_hash = v1.as_ref().map(|hash| &hash[..]).or(v2.as_ref().map(|hash| &hash[..])).unwrap_or_default();
        let digest = prove::sha256(&[info_hash, &piece.to_be_bytes()]);
        let first = digest.first_chunk().copied().map_or(0, u64::from_be_bytes);
        first % u64::from(self.of) == u64::from(self.number)
    }
}

impl FromStr for Group {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = text.split_once('/').and_then(|(number, of)| {
            let (number, of): (u32, u32) = (number.parse().ok()?, of.parse().ok()?);
            Self::new(number.checked_sub(1)?, of)
        });
        parsed.ok_or_else(|| "write K/N for the Kth of N groups of pieces, such as 1/8".to_owned())
    }
}

/// Hashes what the judge asks for of the pieces of a group. What comes of the judging is let go.
pub(super) fn hash(
    walked: &Walked,
    bases: &[u16],
    known: &crate::torrent::Torrents,
    options: &Options<'_>,
    group: Group,
    captured: &mut Captured<'_, '_>,
) -> Result<Vec<Copy>, Error> {
    let mut ask = Grouped { captured, group, bases, piece: None, copies: Vec::new() };
    let told = judge::Told { odd: &mut ByFrame::default(), contests: &mut Contests::default(), rows: None };
    judge(&walked.facts, known, &options.limits, options.spool_dir, &mut ask, told)?;
    let mut copies = ask.copies;
    copies.sort_unstable();
    copies.dedup();
    Ok(copies)
}

/// Asks for the pieces of one group only; of others it answers as if nothing were known, and reads no byte.
struct Grouped<'a, 'cap, 'run> {
    captured: &'a mut Captured<'cap, 'run>,
    group: Group,
    bases: &'a [u16],
    /// The number of the piece whose turn it is, where it is of the group.
    piece: Option<u32>,
    copies: Vec<Copy>,
}

impl Ask for Grouped<'_, '_, '_> {
    fn turn(&mut self, piece: u32, torrent: Option<&Torrent>) {
        self.piece = torrent.filter(|torrent| self.group.holds(torrent, piece)).map(|_| piece);
        self.captured.turn(piece, torrent);
    }

    fn digests(&mut self, copy: &Parts, measure: &Measure) -> Digests {
        let Some(piece) = self.piece else { return Digests::default() };
        let digests = self.captured.digests(copy, measure);
        // Of bytes that are not at hand nothing is told.
        if digests != Digests::default() {
            self.copies.push(Copy {
                piece,
                content: copy.name_among(self.bases),
                same_as: None,
                range: measure.range.clone().into(),
                in_leaves: measure.in_leaves(),
                digests: digests.clone(),
            });
        }
        digests
    }

    fn sums(&mut self, _: &Parts, _: &Measure) -> Option<([u8; 20], [u8; 32])> {
        None
    }

    fn same(&mut self, one: &Parts, other: &Parts, range: Range<u32>) -> bool {
        self.piece.is_some() && self.captured.same(one, other, range)
    }

    fn is_trivial(&mut self, parts: &Parts) -> bool {
        self.piece.is_some() && self.captured.is_trivial(parts)
    }

    fn non_zero(&mut self, parts: &Parts) -> u64 {
        self.piece.map_or(0, |_| self.captured.non_zero(parts))
    }

    fn has_frames(&mut self, _: Span) -> bool {
        // What may be said of anybody is not asked here.
        false
    }

    fn damaged(&mut self, suspects: &[Suspect]) -> Result<Vec<Option<Reason>>, Error> {
        Ok(vec![None; suspects.len()])
    }
}

#[cfg(test)]
mod tests {
    use sha2::Digest;

    use super::*;
    use crate::torrent::{Source, sample};

    fn sample_sha256(bytes: &[u8]) -> [u8; 32] {
        sha2::Sha256::digest(bytes).into()
    }

    fn groups(of: u32) -> Vec<Group> {
        (1..=of).map(|number| format!("{number}/{of}").parse().expect("a group")).collect()
    }

    fn group_of(torrent: &Torrent, piece: u32, of: u32) -> usize {
        let held: Vec<usize> =
            groups(of).iter().enumerate().filter(|(_, it)| it.holds(torrent, piece)).map(|(at, _)| at).collect();
        assert_eq!(held.len(), 1, "piece {piece} of {of} groups");
        held[0]
    }

    #[test]
    fn each_piece_of_each_torrent_is_of_one_group_and_those_of_one_number_are_of_several() {
        let torrent = |info: Vec<u8>| Torrent::from_info(info, Source::Capture).expect("valid");
        let single = |name: &str| {
            torrent(sample::dict([
                ("length", sample::int(50_000)),
                ("name", sample::string(name)),
                ("piece length", sample::int(32_768)),
                ("pieces", sample::sha1_pieces(&sample::content(50_000, 6), 32_768)),
            ]))
        };
        let torrents: Vec<Torrent> = (0..16).map(|number| single(&format!("{number}.bin"))).collect();
        for of in 1..5 {
            let first: std::collections::BTreeSet<usize> =
                torrents.iter().map(|torrent| group_of(torrent, 0, of)).collect();
            assert_eq!(first.len(), of as usize, "the first pieces of 16 torrents are spread over {of} groups");
            let own: std::collections::BTreeSet<usize> =
                (0..32).map(|piece| group_of(&torrents[0], piece, of)).collect();
            assert_eq!(own.len(), of as usize, "and the pieces of one");
        }
    }

    #[test]
    fn the_group_of_a_piece_is_told_by_the_info_hash_and_its_number_for_anybody_to_compute() {
        let torrent = Torrent::from_info(sample::single_v1(), Source::Capture).expect("valid");
        for piece in [0_u32, 1, 300] {
            let info_hash = torrent.info_hash_v1().expect("v1");
            let digest = sample_sha256(&[&info_hash[..], &piece.to_be_bytes()].concat());
            let number = u64::from_be_bytes(digest[..8].try_into().expect("eight")) % 7;
            assert_eq!(group_of(&torrent, piece, 7) as u64, number);
        }
    }

    #[test]
    fn what_names_no_group_is_refused() {
        for text in ["0/3", "4/3", "1", "1/0", "a/b", "-1/2"] {
            assert!(text.parse::<Group>().is_err(), "{text}");
        }
    }
}
