//! The wrong torrent: torrents were given, and no connection is of one of them, but of others.

use std::collections::BTreeSet;

use super::{Document, Torrent};
use crate::ends::InfoHash;
use crate::torrent::Source;

/// Torrents that were asked about and have no peer in the captures, and the torrents that have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Instead<'d> {
    /// The torrents that were given.
    pub(crate) given: Vec<&'d Torrent>,
    /// The torrents that the captures name; empty where one that was given is among them, or where none is named.
    pub(crate) named: Vec<&'d Torrent>,
}

impl<'d> Instead<'d> {
    pub(crate) fn of(document: &'d Document) -> Self {
        let is_given = |torrent: &&Torrent| matches!(torrent.source, Some(Source::File | Source::Magnet));
        let (given, named): (Vec<&Torrent>, Vec<&Torrent>) = document.torrents.iter().partition(is_given);
        let asked: BTreeSet<&InfoHash> = given.iter().map(|torrent| &torrent.info_hash).collect();
        let unlisted = document.unlisted.iter().flat_map(|unlisted| &unlisted.torrents);
        let mut spoken = document
            .transfers
            .iter()
            .filter_map(|transfer| transfer.info_hash.as_ref())
            .chain(unlisted.filter_map(|torrent| torrent.info_hash.as_ref()));
        let is_right = document.subjects.is_empty()
            || given.is_empty()
            || document.shown.is_some()
            || spoken.any(|info_hash| asked.contains(info_hash));
        Self { given, named: if is_right { Vec::new() } else { named } }
    }

    /// `give its torrent file with -t`, where one that is named was not described either.
    pub(crate) fn remedy(&self) -> &'static str {
        match (self.named.iter().any(|torrent| torrent.source.is_none()), self.named.len()) {
            (false, _) => "",
            (true, 1) => ": give its torrent file with -t",
            (true, _) => ": give their torrent files with -t",
        }
    }
}
