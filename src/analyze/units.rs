//! Hashing the open pieces of several parts in groups, each where there is a core for it.

use std::ops::Range;
use std::str::FromStr;

use super::captured::Captured;
use crate::Error;
use crate::anomaly::ByFrame;
use crate::facts::{Copy, Digests};
use crate::judge::{self, Ask, Contests, Measure, Parts, Suspect, judge};
use crate::options::Options;
use crate::part::Walked;
use crate::session::Reason;

/// Every `of`th piece, from the number `number` on: the pieces of all torrents are shared out by their numbers.
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

    fn holds(self, piece: u32) -> bool {
        piece % self.of == self.number
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
    /// The piece whose turn it is, where it is of the group.
    piece: Option<u32>,
    copies: Vec<Copy>,
}

impl Ask for Grouped<'_, '_, '_> {
    fn turn(&mut self, piece: u32) {
        self.piece = Some(piece).filter(|piece| self.group.holds(*piece));
        self.captured.turn(piece);
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

    fn damaged(&mut self, suspects: &[Suspect]) -> Result<Vec<Option<Reason>>, Error> {
        Ok(vec![None; suspects.len()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_piece_is_of_one_group() {
        for of in 1..5 {
            let groups: Vec<Group> =
                (1..=of).map(|number| format!("{number}/{of}").parse().expect("a group")).collect();
            assert!((0..20).all(|piece| groups.iter().filter(|group| group.holds(piece)).count() == 1));
        }
        for text in ["0/3", "4/3", "1", "1/0", "a/b", "-1/2"] {
            assert!(text.parse::<Group>().is_err(), "{text}");
        }
    }
}
