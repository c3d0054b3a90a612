//! The log of what was hashed while the captures were read: with it nothing is hashed a second time, and nothing is decided.

use std::collections::HashMap;
use std::fmt;
use std::iter::Peekable;
use std::ops::Range;

use super::Measure;
use super::ask::{Ask, Suspect};
use super::parts::Parts;
use crate::Error;
use crate::ends::Span;
use crate::facts::{ContentName, Copy, CopyRange, Digests, Sorted};
use crate::session::Reason;
use crate::torrent::{Expected, Torrent};

/// The digests of copies, by piece.
pub(super) type Log = Sorted<Copy, u32>;

/// Whoever has the bytes, asked only for what the log does not tell.
///
/// # Invariants
/// - Every answer is the one that `other` would give.
pub(super) struct Logged<'a> {
    log: &'a Log,
    rest: Peekable<Box<dyn Iterator<Item = (u32, Copy)> + 'a>>,
    /// The piece whose copies are at hand.
    piece: Option<u32>,
    copies: HashMap<ContentName, Vec<Copy>, foldhash::quality::FixedState>,
    other: &'a mut dyn Ask,
    /// As in [`Facts::bases`](crate::facts::Facts::bases).
    bases: &'a [u16],
    /// The bytes that were tried last, and those that they were compared with, each with its name: both are asked for again at
    /// once.
    named: [Option<(Parts, ContentName)>; 2],
}

/// The role of bytes that are named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// They are tried.
    Tried,
    /// Tried bytes are compared with them.
    Reference,
}

impl fmt::Debug for Logged<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Logged").field("piece", &self.piece).finish_non_exhaustive()
    }
}

impl<'a> Logged<'a> {
    pub(super) fn new(log: &'a Log, other: &'a mut dyn Ask, bases: &'a [u16]) -> Self {
        Self { log, rest: begin(log), piece: None, copies: HashMap::default(), other, bases, named: [None, None] }
    }

    /// The name of bytes; those that were named last in either role are remembered.
    fn name(&mut self, role: Role, parts: &Parts) -> ContentName {
        let known = self.named.iter().flatten().find(|(known, _)| known == parts);
        if let Some((_, name)) = known {
            return *name;
        }
        let name = parts.name_among(self.bases);
        let [tried, reference] = &mut self.named;
        let place = match role {
            Role::Tried => tried,
            Role::Reference => reference,
        };
        *place = Some((parts.clone(), name));
        name
    }

    /// Names of equal bytes have one class.
    fn class(&self, name: ContentName) -> Option<ContentName> {
        self.copies.get(&name)?.first().map(|copy| copy.same_as.unwrap_or(name))
    }
}

fn begin(log: &Log) -> Peekable<Box<dyn Iterator<Item = (u32, Copy)> + '_>> {
    let all: Box<dyn Iterator<Item = (u32, Copy)>> = Box::new(log.iter());
    all.peekable()
}

impl Ask for Logged<'_> {
    fn turn(&mut self, piece: u32, torrent: Option<&Torrent>) {
        self.other.turn(piece, torrent);
        if self.piece == Some(piece) {
            return;
        }
        if self.piece.is_some_and(|known| known > piece) {
            self.rest = begin(self.log);
        }
        self.piece = Some(piece);
        self.copies.clear();
        while let Some((number, copy)) = self.rest.next_if(|(number, _)| *number <= piece) {
            if number == piece {
                self.copies.entry(copy.content).or_default().push(copy);
            }
        }
    }

    fn digests(&mut self, copy: &Parts, measure: &Measure) -> Digests {
        if !self.copies.is_empty() {
            let name = self.name(Role::Tried, copy);
            let known = self.copies.get(&name).and_then(|known| known.iter().find(|known| is_of(known, measure)));
            if let Some(known) = known {
                return known.digests.clone();
            }
        }
        self.other.digests(copy, measure)
    }

    fn sums(&mut self, content: &Parts, measure: &Measure) -> Option<([u8; 20], [u8; 32])> {
        self.other.sums(content, measure)
    }

    fn note_sums(&mut self, content: &Parts, measure: &Measure) -> Option<u32> {
        self.other.note_sums(content, measure)
    }

    fn same(&mut self, one: &Parts, other: &Parts, range: Range<u32>) -> bool {
        if self.copies.len() > 1 && one.extent() == range && other.extent() == range {
            let name = self.name(Role::Tried, one);
            if let Some(class) = self.class(name) {
                let name = self.name(Role::Reference, other);
                if self.class(name) == Some(class) {
                    return true;
                }
            }
        }
        self.other.same(one, other, range)
    }

    fn is_trivial(&mut self, parts: &Parts) -> bool {
        self.other.is_trivial(parts)
    }

    fn non_zero(&mut self, parts: &Parts) -> u64 {
        self.other.non_zero(parts)
    }

    fn has_frames(&mut self, span: Span) -> bool {
        self.other.has_frames(span)
    }

    fn damaged(&mut self, suspects: &[Suspect]) -> Result<Vec<Option<Reason>>, Error> {
        self.other.damaged(suspects)
    }
}

/// Returns true if a copy was hashed as the unit of `measure`, by all hashes of that unit.
fn is_of(copy: &Copy, measure: &Measure) -> bool {
    let (sha1, in_leaves) = match measure.expected {
        Expected::Sha1(_) | Expected::Both { .. } => (true, measure.in_leaves()),
        Expected::V2(_) | Expected::Leaf(_) => (false, measure.in_leaves()),
        Expected::Unknown => return false,
    };
    copy.range == CopyRange::from(measure.range.clone())
        && copy.digests.sha1.is_some() >= sha1
        && (in_leaves == 0 || copy.in_leaves == in_leaves)
}
