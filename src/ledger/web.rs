//! Webseeds in the books: HTTP servers send blocks, but speak no peer wire.

use std::collections::BTreeSet;

use super::{Conversation, Ledger, Record, SessionTimes, Share, TorrentKey};
use crate::ends::{At, ConnectionId, Direction, FlowKey, Sightings, Span, Transport};
use crate::oddity::Sink;
use crate::prove::Prover;
use crate::session::{Encryption, Served};
use crate::torrent::TorrentId;

/// What a finished HTTP connection adds to the transfers on it.
#[derive(Clone, Debug)]
pub struct WebConnection {
    /// Its number.
    pub id: ConnectionId,
    /// Its addresses.
    pub flow: FlowKey,
    /// The direction of the responses.
    pub server: Direction,
    /// The torrents of which the server sent bytes.
    pub torrents: BTreeSet<TorrentId>,
    /// The frames that show both ends answering.
    pub opening: Option<Span>,
    /// Whether nothing shows that the server received anything, though the client was captured.
    pub unconfirmed: bool,
    /// First and last packet.
    pub span: Span,
    /// The inputs that hold packets of it.
    pub seen: Sightings,
    /// The first whole block.
    pub first_block: Option<Span>,
    /// Whether a stretch of the responses was sent twice with different bytes.
    pub overlap_conflict: bool,
    /// Whether a packet with a wrong checksum carried some of them.
    pub bad_checksum: bool,
    /// Whether the snap length cut some of them.
    pub snaplen: bool,
    /// Stretches missing from the responses.
    pub gaps: u64,
    /// Bytes in those, where known.
    pub gap_bytes: u64,
    /// Whether frames are in the capture twice.
    pub duplicate_frames: bool,
    /// Captured bytes of blocks that the client's transport acknowledged.
    pub acknowledged: u64,
    /// The tunnels crossed.
    pub paths: BTreeSet<String>,
}

impl<'cap> Ledger<'_, 'cap> {
    /// A webseed served a block of `torrent`, asked for at `place`, a number that is not 0. `named`: see
    /// [`Facts::named_places`](super::Facts::named_places).
    #[expect(clippy::too_many_arguments, reason = "what a session would hold")]
    pub fn serve_web(
        &mut self,
        id: ConnectionId,
        flow: FlowKey,
        torrent: TorrentId,
        served: Served<'cap>,
        place: u64,
        named: bool,
        prover: &Prover<'cap>,
        anomalies: &mut dyn Sink,
    ) {
        let conversation = Conversation::of_web(id, flow, served.block.span.first, place);
        let transfer = self.transfer(&conversation, served.from, TorrentKey::Given(torrent));
        if let Some(record) = self.records.get_mut(transfer.0 as usize) {
            record.facts.named_places.extend(named.then_some(place));
        }
        self.place(&conversation, TorrentKey::Given(torrent), served, prover, anomalies);
        // One HTTP connection may serve several torrents.
        self.connections.remove(&id);
    }

    /// An HTTP connection is over.
    pub fn close_web(&mut self, web: WebConnection) {
        let conversation = Conversation::of_web(web.id, web.flow, web.span.first, 0);
        for torrent in &web.torrents {
            let id = self.transfer(&conversation, web.server, TorrentKey::Given(*torrent));
            self.connections.remove(&web.id);
            let Some(record) = self.records.get_mut(id.0 as usize) else { continue };
            let facts = &mut record.facts;
            facts.connections += 1;
            facts.unconfirmed += u32::from(web.unconfirmed);
            facts.session(SessionTimes {
                first: web.span.first.time,
                last: web.span.last.time,
                is_whole: web.opening.is_some() && web.gaps == 0 && !web.snaplen,
                is_unconfirmed: web.unconfirmed,
            });
            facts.opened_by_downloader += 1;
            facts.encryption = Some(Encryption::None);
            facts.opening = facts.opening.or(web.opening);
            facts.first_piece = facts.first_piece.or(web.first_block.filter(|_| !web.unconfirmed));
            facts.overlap_conflict |= web.overlap_conflict;
            facts.bad_checksum |= web.bad_checksum;
            facts.snaplen |= web.snaplen;
            facts.gaps += web.gaps;
            facts.gap_bytes += web.gap_bytes;
            facts.duplicate_frames |= web.duplicate_frames;
            facts.span = Some(facts.span.map_or(web.span, |known| known.join(web.span)));
            facts.seen.join(&web.seen);
            facts.paths.extend(web.paths.iter().cloned());
            // A connection for several torrents: what was acknowledged of each is not told apart.
            record.counts.acknowledged += if web.torrents.len() == 1 { web.acknowledged } else { 0 };
        }
    }
}

impl Record {
    /// `share` is proven to be the torrent's. That shows what the server has, unless a client can have picked a place in
    /// the torrent that is like what any server answers.
    pub(super) fn note_proven(&mut self, share: &Share<'_>) {
        if self.key.transport == Transport::Http
            && share.ranges.total() >= LEAST_PROOF
            && !self.facts.proven_places.contains(&share.place)
            && !share.content.is_trivial()
        {
            self.facts.proven_places.insert(share.place);
        }
    }
}

impl Conversation {
    pub(super) fn of_web(id: ConnectionId, flow: FlowKey, began: At, place: u64) -> Self {
        Self {
            id,
            flow,
            transport: Transport::Http,
            info_hashes: [None; 2],
            unconfirmed: [false; 2],
            peer_ids: [None; 2],
            receivers: [(flow.high.ip, None), (flow.low.ip, None)],
            span: Span::single(began),
            place,
        }
    }
}

// Rationale: of a given page of 64 bytes, no torrent of any size has a copy by chance; of "OK" each has.
const LEAST_PROOF: u64 = 64;
