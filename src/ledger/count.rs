//! Blocks that are counted and not kept: for a run that says what the captures hold, and proves nothing.

use super::conversation::Conversation;
use super::{Ledger, TorrentKey};
use crate::ends::{ConnectionId, FlowKey};
use crate::session::{Answer, Served, Session};
use crate::torrent::TorrentId;

impl<'cap> Ledger<'_, 'cap> {
    /// Counts a block that was served on `session`: `served`, `lost` and `solicited` as [`Ledger::serve`] does, and all
    /// of it `unproven`.
    pub fn count(&mut self, session: &Session<'cap>, served: &Served<'cap>) {
        let conversation = Conversation::of(session, served.block.span.first);
        let torrent = self.torrent_of(&conversation, served.from);
        self.count_block(&conversation, torrent, served);
    }

    /// The same for a block of a webseed, see [`Ledger::serve_web`].
    pub fn count_web(&mut self, id: ConnectionId, flow: FlowKey, torrent: TorrentId, served: &Served<'cap>) {
        let conversation = Conversation::of_web(id, flow, served.block.span.first, 0);
        self.count_block(&conversation, TorrentKey::Given(torrent), served);
        self.connections.remove(&id);
    }

    fn count_block(&mut self, conversation: &Conversation, torrent: TorrentKey, served: &Served<'cap>) {
        let id = self.transfer(conversation, served.from, torrent);
        let Some(record) = self.records.get_mut(id.0 as usize) else { return };
        let block = &served.block;
        let captured: u64 = block.runs.iter().map(|run| run.bytes.len() as u64).sum();
        record.counts.served += captured;
        record.counts.unproven += captured;
        record.counts.lost += u64::from(block.captured_to) - captured;
        if let Answer::Solicited(_) = served.answer {
            record.counts.solicited += captured;
        }
        if captured > 0 {
            record.served_span = Some(record.served_span.map_or(block.span, |span| span.join(block.span)));
        }
    }
}
