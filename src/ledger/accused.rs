//! Before anybody is accused: the frames of what would be refuted or disputed are named, so that their checksums can be
//! tested, and what they show is taken back into the books.

use std::ops::Range;

use super::{Ledger, State, TorrentKey, Unit};
use crate::ends::{Direction, FlowKey, Protocol, Span, Transport};

/// A block, or a part of one, that something speaks against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accused {
    /// The flow that carried it.
    pub flow: FlowKey,
    /// Who sent it.
    pub from: Direction,
    /// Its frames, among others.
    pub span: Span,
    torrent: TorrentKey,
    unit: Unit,
    /// Its number in the order of arrival.
    seq: u64,
}

impl Ledger<'_, '_> {
    /// Everything that [`decide`](Self::decide) may hold against its sender: blocks in copies whose hash failed, and those
    /// that differ from every verified copy. Some of it will be found to be in doubt anyway.
    ///
    /// `read` is told how many bytes were compared.
    pub fn accused(&self, read: &mut dyn FnMut(u64)) -> Vec<Accused> {
        let mut accused = Vec::new();
        for (torrent, book) in self.books.iter().filter(|(key, _)| matches!(key, TorrentKey::Given(_))) {
            for (unit, book) in book.iter() {
                read(book.held());
                let failed = book.attempts.iter().filter(|attempt| attempt.state == State::Failed);
                let failed =
                    failed.flat_map(|attempt| attempt.shares.iter()).filter(|_| book.references.is_empty());
                let differ = book.shares().map(|(_, share)| share).filter(|share| {
                    let same = |range: Range<u32>| {
                        let mut references = book.references.iter();
                        references.any(|reference| share.content.agrees(reference, range.clone()))
                    };
                    !book.references.is_empty() && !share.ranges.iter().all(same)
                });
                for share in failed.chain(differ).filter(|share| !share.doubtful) {
                    let Some(record) = self.records.get(share.transfer.0 as usize) else { continue };
                    let protocol = match record.key.transport {
                        Transport::Utp => Protocol::Udp,
                        Transport::Tcp | Transport::Http => Protocol::Tcp,
                    };
                    let (flow, from) = FlowKey::new(record.key.uploader, record.key.downloader, protocol);
                    let (torrent, seq, span) = (*torrent, share.seq, share.span);
                    accused.push(Accused { flow, from, span, torrent, unit, seq });
                }
            }
        }
        accused.sort_unstable_by_key(|one| (one.seq, one.unit));
        accused
    }

    /// A frame of it is damaged: it speaks against nobody.
    pub fn acquit(&mut self, accused: &Accused) {
        let book = self.books.get_mut(&accused.torrent).and_then(|book| book.get_mut(&accused.unit));
        let Some(book) = book else { return };
        let loose = book.loose.iter_mut().map(|(_, share)| share);
        let shares = book.attempts.iter_mut().flat_map(|attempt| attempt.shares.iter_mut()).chain(loose);
        for share in shares.filter(|share| share.seq == accused.seq) {
            share.doubtful = true;
            if let Some(record) = self.records.get_mut(share.transfer.0 as usize) {
                record.facts.bad_checksum = true;
            }
        }
    }
}
