//! Who sent which part of an info dictionary (BEP 9).

use std::collections::BTreeMap;

use super::Metadata;
use crate::ends::Span;
use crate::judge::Record;
use crate::metadata::{Rebuilt, Way};

/// The part of an info dictionary that somebody sent, of one that hashes to its info-hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MetadataPart {
    /// Index of each piece of 16 KiB, ascending; never empty.
    pub(super) pieces: Vec<u32>,
    /// How many pieces there are.
    pub(super) of: u64,
    /// The frames that carried them.
    pub(super) span: Span,
}

impl MetadataPart {
    /// Pieces of the info dictionary that went the way of these transfers while they were active; `None` where there
    /// are none.
    pub(super) fn of(dictionaries: &[&Rebuilt], records: &[&Record]) -> Option<Self> {
        let mut pieces: BTreeMap<u32, Span> = BTreeMap::new();
        let mut of = 0;
        // A hybrid has two info-hashes, and one dictionary.
        for rebuilt in dictionaries {
            of = rebuilt.pieces() as u64;
            for record in records {
                let key = &record.key;
                let way = Way { from: key.uploader, to: key.downloader, transport: key.transport };
                let place = rebuilt.contributors.binary_search_by_key(&way, |part| part.way);
                let part = place.ok().and_then(|place| rebuilt.contributors.get(place));
                if let (Some(part), Some(window)) = (part, record.span) {
                    let within =
                        |span: &Span| !span.first.precedes(window.first) && !window.last.precedes(span.last);
                    pieces.extend(part.pieces.iter().filter(|(_, span)| within(span)));
                }
            }
        }
        let span = pieces.values().copied().reduce(Span::join)?;
        Some(Self { pieces: pieces.into_keys().collect(), of, span })
    }

    /// Returns true for the whole dictionary (G3m).
    pub(super) fn is_whole(&self) -> bool {
        self.pieces.len() as u64 == self.of
    }
}

impl From<MetadataPart> for Metadata {
    fn from(part: MetadataPart) -> Self {
        Self { pieces: part.pieces, of: part.of, frames: part.span.into() }
    }
}
