//! Two directions of one peer connection: what was asked, advertised and served.
//!
//! A [`Session`] takes the stream items of one connection and gives [`SessionEvent`]s. It matches blocks with the
//! requests of the other side and with what the sender advertised before, and keeps the facts from which the rungs
//! of the ladder are made. It knows no torrent: whether a block fits is the judge's question.

mod advertised;
mod claims;
mod delivery;
mod extended;
mod kind;
mod outstanding;
mod pieces;
mod reason;
mod side;
mod unplaced;

use std::ops::Range;

pub use advertised::Advertised;
pub use claims::Claims;
pub(crate) use delivery::Delivery;
use outstanding::Outstanding;
pub use outstanding::{Answer, RequestBudget};
pub use pieces::PieceSet;
pub use reason::Reason;
use side::SessionSide;
pub use side::{Ending, Hole, SideFacts};
pub use unplaced::Unplaced;

use crate::Limits;
use crate::ends::{At, ConnectionId, Direction, Endpoint, FlowKey, FrameId, Sightings, Span, Transport};
use crate::oddity::{Bound, GapKind, Lost, Occurrence, Oddity};
use crate::stream::{EndReason, GapCause, Missing, Numbers, StreamItem};
use crate::wire::{Block, BlockRef, Chosen, Contest, HashRange, Message, PeerEvent, Start};
use crate::words::words;

words! {
    /// The protection of the peer wire.
    pub enum Encryption {
        /// Plain from the first byte.
        None = "none",
        /// An MSE handshake that selected plaintext.
        MsePlaintext = "mse-plaintext",
        /// MSE with RC4, decrypted with a supplied secret.
        MseRc4 = "mse-rc4",
    }
}

/// An event of a session, in capture order.
#[derive(Debug)]
pub enum SessionEvent<'cap> {
    /// Payload went from one side to the other.
    Served(Served<'cap>),
    /// A stretch of the stream was sent again with other bytes.
    Conflict {
        /// Who sent both versions.
        from: Direction,
        /// Place of the first byte in the stream.
        offset: u64,
        /// The second version.
        bytes: &'cap [u8],
        /// The frame of the second version.
        at: At,
    },
    /// A stretch of the stream was sent again, too late to be compared; or it holds a block behind which there is no
    /// message; or the receiver perhaps never took it.
    Doubt {
        /// Who sent it.
        from: Direction,
        /// Where it lies in the stream; for uTP, where it may lie.
        stretch: Range<u64>,
        /// Why it is in doubt.
        reason: Reason,
    },
    /// A stretch may be framed otherwise: the hash tells how (T28, T56, T64).
    Contest {
        /// Who sent it.
        from: Direction,
        /// The ways.
        contest: Contest,
    },
    /// Two packets of one number carry other bytes in another length: the hash tells which is the sender's.
    OtherLength {
        /// Who sent them, or seems to have.
        from: Direction,
        /// Place of their first byte in the stream.
        offset: u64,
        /// Their frames, in the order of the captures.
        frames: [FrameId; 2],
    },
    /// A piece of the torrent's info dictionary (BEP 9); not checked against its hash.
    Metadata {
        /// Who sent it.
        from: Direction,
        /// The torrent, as the handshakes name it.
        info_hash: Option<[u8; 20]>,
        /// Index of the metadata piece.
        piece: u32,
        /// Bytes of the whole info dictionary, as the sender says.
        total_size: Option<u32>,
        /// The bytes.
        payload: Vec<u8>,
        /// The frames that carried it.
        span: Span,
    },
    /// Hashes of a v2 torrent's tree (BEP 52); not checked against its root.
    Hashes {
        /// Who sent them.
        from: Direction,
        /// The torrent, as the handshakes name it.
        info_hash: Option<[u8; 20]>,
        /// Which hashes.
        range: HashRange,
        /// The hashes, then the uncle hashes.
        hashes: Vec<u8>,
        /// The frames that carried them.
        span: Span,
    },
    /// Something was odd.
    Odd(Occurrence),
    /// A peer named another one.
    Named {
        /// Who named it.
        from: Direction,
        /// How.
        naming: Naming,
        /// The torrent, as the message or the handshakes name it.
        info_hash: Option<[u8; 20]>,
        /// Whom.
        subject: Endpoint,
        /// The frames that carried it.
        span: Span,
    },
}

/// How a peer names another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Naming {
    /// `ut_pex` (BEP 11).
    Pex,
    /// `AZ_PEER_EXCHANGE` of the Azureus messaging protocol.
    AzPex,
    /// A relay told a peer to connect to it (BEP 55).
    Holepunch,
}

/// A block with what the capture shows before it.
#[derive(Debug)]
pub struct Served<'cap> {
    /// Who sent the payload.
    pub from: Direction,
    /// The payload; geometry still unchecked.
    pub block: Block<'cap>,
    /// The request that the block answers, if the other side had asked for it.
    pub answer: Answer,
    /// Where the sender advertised the piece before, if it did.
    pub advertised: Option<Span>,
    /// True if the block's first packet acknowledges the request: it was sent after it, whatever the times say.
    pub acknowledges: bool,
}

/// One peer connection.
#[derive(Debug)]
pub struct Session<'cap> {
    /// Its number.
    pub id: ConnectionId,
    /// Its addresses.
    pub flow: FlowKey,
    /// Its transport.
    pub transport: Transport,
    /// How many connections were on its ends before, or its number on its UDP flow.
    pub number: u32,
    /// Its protection.
    pub encryption: Encryption,
    /// True if a supplied secret decrypted some of the session: all of it, or a handshake in front of selected
    /// plaintext.
    pub decrypted: bool,
    /// Who opened it; `None` where the capture does not tell.
    pub initiator: Option<Direction>,
    /// The frames that show both ends answering (grade G2), where they are in the capture.
    pub opening: Option<Span>,
    /// By direction: whether its packets acknowledge what the other side sent (evidence.md, "Return path").
    pub confirmed: [bool; 2],
    /// By direction: whether the capture holds a packet of it.
    pub present: [bool; 2],
    /// True if both ends agreed to several paths, of which this is one (RFC 8684).
    pub multipath: bool,
    /// True if frames of the session are in the capture more than once.
    pub duplicate_frames: bool,
    /// The inputs that hold packets of it, told when it ends.
    pub seen: Sightings,
    /// True if the capture holds the session from its first byte on.
    pub from_start: bool,
    /// Payload bytes on the wire in both directions, those sent again included; known when it is over.
    pub bytes: u64,
    /// The initial sequence numbers of TCP, or what uTP has for it, the initiator's first; known when it is over, where both
    /// were captured.
    pub initial: Option<[u64; 2]>,
    /// The numbers of each direction on the wire; known when it is over.
    pub numbers: [Option<Numbers>; 2],
    sides: [SessionSide<'cap>; 2],
    events: Vec<PeerEvent<'cap>>,
    span: Option<Span>,
}

impl<'cap> Session<'cap> {
    /// A session whose streams begin as `start` says.
    pub fn new(id: ConnectionId, flow: FlowKey, transport: Transport, start: Start, limits: &Limits) -> Self {
        Self {
            id,
            flow,
            transport,
            number: 0,
            encryption: Encryption::None,
            decrypted: false,
            initiator: None,
            opening: None,
            confirmed: [false; 2],
            present: [false; 2],
            multipath: false,
            duplicate_frames: false,
            seen: Sightings::default(),
            from_start: matches!(start, Start::Handshake),
            bytes: 0,
            initial: None,
            numbers: [None; 2],
            sides: [SessionSide::new(start, limits), SessionSide::new(start, limits)],
            events: Vec::new(),
            span: None,
        }
    }

    /// Says before the first byte how a direction is to be framed, see [`Deframer::choose`](crate::wire::Deframer::choose).
    pub fn choose(&mut self, direction: Direction, chosen: Vec<Chosen>) {
        self.sides[direction.index()].deframer.choose(chosen);
    }

    /// The facts about the side that sends in `direction`.
    pub fn side(&self, direction: Direction) -> &SideFacts {
        &self.sides[direction.index()].facts
    }

    /// The info-hashes of the two handshakes, by direction.
    pub fn info_hashes(&self) -> [Option<[u8; 20]>; 2] {
        [Direction::LowToHigh, Direction::HighToLow]
            .map(|direction| self.side(direction).handshake.as_ref().map(|handshake| handshake.info_hash))
    }

    /// Who receives what is sent in `from`, told apart from other clients behind the same address by the port it
    /// accepts connections on, where that is known.
    pub fn receiver(&self, from: Direction) -> (std::net::IpAddr, Option<u16>) {
        let endpoint = self.flow.destination(from);
        let declared = self.side(from.reverse()).listen_port;
        let accepted = (self.initiator == Some(from)).then_some(endpoint.port);
        (endpoint.ip, declared.or(accepted))
    }

    /// Returns true if nothing shows that the sender of the packets of `from` received anything, though the other
    /// side was captured: then anybody may have sent them.
    pub fn is_unconfirmed(&self, from: Direction) -> bool {
        self.present == [true; 2] && self.confirmed.get(from.index()) == Some(&false)
    }

    /// Returns true if a side sent a block, or part of one, or a header of one.
    pub fn has_blocks(&self) -> bool {
        [Direction::LowToHigh, Direction::HighToLow].into_iter().any(|from| {
            let facts = self.side(from);
            facts.piece_messages + facts.partial_messages + self.unplaced(from).bytes() > 0
        })
    }

    /// First and last packet so far.
    pub fn span(&self) -> Option<Span> {
        self.span
    }

    /// Notes that a packet went in `direction`.
    pub fn touch(&mut self, direction: Direction, at: At) {
        self.span.get_or_insert(Span::single(at)).cover(at);
        self.sides[direction.index()].facts.packets += 1;
    }

    /// Counts packets that went in `direction` before it was known what they carry.
    pub fn count(&mut self, direction: Direction, packets: u64) {
        self.sides[direction.index()].facts.packets += packets;
    }

    /// Takes the next item of one direction.
    pub fn push(&mut self, direction: Direction, item: &StreamItem<'cap>, out: &mut Vec<SessionEvent<'cap>>) {
        match *item {
            StreamItem::Data { offset, bytes, doubtful, .. } => {
                let side = &mut self.sides[direction.index()];
                side.facts.bad_checksum |= doubtful;
                side.place = offset.saturating_add(bytes.len() as u64);
            }
            StreamItem::Gap { cause: GapCause::LastNumber, .. } if !self.is_within_message(direction) => return,
            StreamItem::Gap { offset, missing, cause, at } => {
                self.note_gap(direction, Hole { offset, missing, cause, at }, out)
            }
            StreamItem::Acked { upto, .. } => {
                let side = &mut self.sides[direction.index()];
                side.facts.acked_to = side.facts.acked_to.max(upto);
                side.delivery.acknowledge(upto);
            }
            StreamItem::AckedRange { from, to, .. } => {
                self.sides[direction.index()].delivery.acknowledge_range(from, to)
            }
            StreamItem::Late { offset, bytes, at } => {
                let len = bytes.len() as u64;
                self.sides[direction.index()].facts.late_bytes += len;
                out.push(self.odd(direction, Span::single(at), Oddity::Late { offset, len }));
            }
            StreamItem::Answers { at, upto } => self.sides[direction.index()].answers(at.frame, upto),
            StreamItem::Uncompared { offset, len, at, cut } => {
                // Of a uTP packet that was forgotten only the number is known: its place is anywhere before.
                let somewhere = self.transport == Transport::Utp && !cut;
                let oddity = Oddity::Uncompared { offset, len, placed: !somewhere, cut };
                out.push(self.odd(direction, Span::single(at), oddity));
                let start = if somewhere { 0 } else { offset };
                let reason = if cut { Reason::Cut } else { Reason::NotCompared };
                let stretch = start..offset.saturating_add(len);
                out.push(SessionEvent::Doubt { from: direction, stretch, reason });
            }
            StreamItem::Unaccepted { offset, len, why } => {
                let stretch = offset..offset.saturating_add(len);
                out.push(SessionEvent::Doubt { from: direction, stretch, reason: why.into() });
            }
            StreamItem::OtherLength { offset, frames } => {
                out.push(SessionEvent::OtherLength { from: direction, offset, frames });
            }
            StreamItem::OutOfWindow { len, at } => {
                out.push(self.odd(direction, Span::single(at), Oddity::OutOfWindow { len }));
            }
            StreamItem::Conflict { offset, bytes, at } => {
                self.sides[direction.index()].conflict(offset, bytes);
                let oddity = Oddity::OtherContent { offset, len: bytes.len() as u64 };
                out.push(self.odd(direction, Span::single(at), oddity));
                out.push(SessionEvent::Conflict { from: direction, offset, bytes, at });
            }
            _ => {}
        }
        let (sender, receiver) = both(&mut self.sides, direction);
        let more = sender.deframer.read(item, &receiver.outstanding, &mut self.events);
        if !self.events.is_empty() {
            self.drain(direction, out);
        }
        if more {
            self.go_on(direction, out);
        }
        if let StreamItem::End { reason, at } = item {
            let side = &mut self.sides[direction.index()];
            side.facts.end = Some(Ending { reason: *reason, at: *at });
            side.ended = matches!(reason, EndReason::Finished | EndReason::Reset);
        }
    }

    /// Ends both directions; a message that was never finished is given as far as it went.
    pub fn close(&mut self, out: &mut Vec<SessionEvent<'cap>>) {
        for direction in [Direction::LowToHigh, Direction::HighToLow] {
            self.sides[direction.index()].deframer.end();
            self.go_on(direction, out);
            let placed = self.transport != Transport::Utp;
            let side = &mut self.sides[direction.index()];
            if !side.ended && !side.is_followed() {
                // More of it may have been sent: of the last block only the number of its bytes is known.
                let stretch = side.unconfirmed(placed).filter(|stretch| !side.has_arrived(stretch));
                out.extend(stretch.map(|stretch| unsure(direction, stretch)));
            }
            side.settle();
            if side.delivery.take_understated() {
                out.push(self.odd(direction, self.span, Bound::Acknowledged));
            }
        }
    }

    /// Reads on where framing was lost: a search goes by the requests that are unanswered by then.
    #[cold]
    fn go_on(&mut self, direction: Direction, out: &mut Vec<SessionEvent<'cap>>) {
        let mut more = true;
        while more {
            let (sender, receiver) = both(&mut self.sides, direction);
            more = sender.deframer.go_on(&receiver.outstanding, &mut self.events);
            self.drain(direction, out);
        }
    }

    fn note_gap(&mut self, direction: Direction, hole: Hole, out: &mut Vec<SessionEvent<'cap>>) {
        let Hole { offset, missing, cause, at } = hole;
        self.sides[direction.index()].facts.note_hole(hole);
        self.sides[direction.index()].tear();
        let cause = match cause {
            // The cut frames themselves were counted when they were decoded.
            GapCause::Snaplen => return,
            GapCause::Acknowledged | GapCause::LastNumber => GapKind::Acknowledged,
            GapCause::Unseen => GapKind::Unseen,
            GapCause::Limit => GapKind::Limit,
        };
        let lost = match missing {
            Missing::Bytes(bytes) => Lost::Bytes(bytes),
            Missing::Packets(packets) => Lost::Packets(packets),
            Missing::Unknown => Lost::Unknown,
        };
        out.push(self.odd(direction, Span::single(at), Oddity::Gap { offset, lost, cause }));
        if cause == GapKind::Limit {
            out.push(self.odd(direction, Span::single(at), Bound::Streams { offset, lost }));
        }
    }

    /// Turns the deframer's events into facts and session events.
    fn drain(&mut self, direction: Direction, out: &mut Vec<SessionEvent<'cap>>) {
        let mut events = std::mem::take(&mut self.events);
        let placed = self.transport != Transport::Utp;
        for event in events.drain(..) {
            match event {
                PeerEvent::Block(block) => {
                    let stretch = block.stretch();
                    let cut = block.captured_to < block.len;
                    if self.sides[direction.index()].take_found(block.framing) {
                        // What follows is framed by it: that is as sure as the hash of any of it makes it.
                        let reason = Reason::FramingFound;
                        out.push(SessionEvent::Doubt { from: direction, stretch: stretch.clone(), reason });
                    }
                    self.confirm_request(direction.reverse(), &block, out);
                    let served = self.serve(direction, block, out);
                    out.push(SessionEvent::Served(served));
                    if cut && !placed && !self.sides[direction.index()].has_arrived(&stretch) {
                        out.push(unsure(direction, stretch));
                    }
                }
                PeerEvent::Message { message: Message::Extended { id, body }, span } => {
                    self.sides[direction.index()].confirmed(placed);
                    self.extended(direction, id, &body, span, out);
                }
                PeerEvent::Message { message: Message::Azureus { kind, body }, span } => {
                    self.sides[direction.index()].confirmed(placed);
                    self.azureus(direction, kind, &body, span, out);
                }
                PeerEvent::Message { message: Message::Hashes { range, hashes }, span } => {
                    self.sides[direction.index()].confirmed(placed);
                    let [low, high] = self.info_hashes();
                    let info_hash = low.or(high);
                    let hashes = hashes.into_owned();
                    out.push(SessionEvent::Hashes { from: direction, info_hash, range, hashes, span });
                }
                PeerEvent::Message { message, span } => {
                    let (sender, receiver) = both(&mut self.sides, direction);
                    match message {
                        Message::RejectRequest(block) => receiver.outstanding.reject(block),
                        Message::Choke => receiver.outstanding.choke(),
                        _ => {}
                    }
                    let stretch = sender.message(message, span, placed);
                    out.extend(stretch.map(|stretch| unsure(direction, stretch)));
                    if sender.facts.advertised.take_crowded() {
                        out.push(self.odd(direction, span, Bound::AdvertisedPieces));
                    }
                }
                PeerEvent::Handshake(handshake) => {
                    self.initiator.get_or_insert(direction);
                    self.sides[direction.index()].greet(handshake);
                }
                PeerEvent::CutHandshake { begins, span } => {
                    self.sides[direction.index()].facts.cut_handshake.get_or_insert((begins, span));
                }
                PeerEvent::CutRequest { piece, begin, span } => {
                    self.sides[direction.index()].cut_request(piece, begin, span, placed);
                }
                PeerEvent::CutBlock { len, captured, span } => {
                    self.sides[direction.index()].cut_block(len, captured);
                    let stretch = self.sides[direction.index()].unconfirmed(placed);
                    out.extend(stretch.map(|stretch| unsure(direction, stretch)));
                    let (id, reason) = (7, crate::wire::UnknownReason::Incomplete);
                    out.push(self.odd(direction, span, Oddity::Message { id, len, reason }));
                }
                PeerEvent::LostSync { gap, .. } => {
                    let stretch = self.sides[direction.index()].lose_sync(gap, placed);
                    out.extend(stretch.map(|stretch| unsure(direction, stretch)));
                }
                PeerEvent::Resynchronised { skipped, passed, at } => {
                    let guessed = self.sides[direction.index()].facts.resynchronised;
                    self.sides[direction.index()].find_sync(skipped);
                    self.pass_over(direction, skipped, passed, guessed);
                    out.push(self.odd(direction, Span::single(at), Oddity::Resynchronised { skipped }));
                }
                PeerEvent::GaveUp { skipped, at } => {
                    out.push(self.odd(direction, Span::single(at), Bound::ResyncBytes { skipped }));
                }
                PeerEvent::Contest(contest) => out.push(SessionEvent::Contest { from: direction, contest }),
                PeerEvent::Unframed { skipped, passed, at } => {
                    let guessed = self.sides[direction.index()].facts.resynchronised;
                    self.pass_over(direction, skipped, passed, guessed);
                    let stretch = self.sides[direction.index()].unconfirmed(placed);
                    out.extend(stretch.map(|stretch| unsure(direction, stretch)));
                    if skipped > 0 {
                        out.push(self.odd(direction, Span::single(at), Oddity::Unframed { skipped }));
                    }
                }
                PeerEvent::Unknown { id, len, reason, span } => {
                    let stretch = self.sides[direction.index()].unknown((id, len), reason, span, placed);
                    out.extend(stretch.map(|stretch| unsure(direction, stretch)));
                    out.push(self.odd(direction, span, Oddity::Message { id, len, reason }));
                }
            }
        }
        // Rationale: most connections say little, and many are held at once; those that serve keep their room.
        if self.sides.iter().any(|side| side.facts.piece_messages > 0) {
            self.events = events;
        }
    }

    /// Reads the request of `direction` that `block` answers, where it waited for what confirms that it is one.
    fn confirm_request(&mut self, direction: Direction, block: &Block<'cap>, out: &mut Vec<SessionEvent<'cap>>) {
        let request = BlockRef { piece: block.piece, begin: block.begin, length: block.len };
        if self.sides[direction.index()].deframer.confirm(request, &mut self.events) {
            self.drain(direction, out);
            self.go_on(direction, out);
        }
    }

    fn serve(
        &mut self,
        direction: Direction,
        block: Block<'cap>,
        out: &mut Vec<SessionEvent<'cap>>,
    ) -> Served<'cap> {
        let (sender, receiver) = both(&mut self.sides, direction);
        let answered = sender.answered(block.span.first.frame);
        let asked = receiver.outstanding.place(block.piece, block.begin);
        let acknowledges = answered.zip(asked).is_some_and(|(upto, place)| place <= upto);
        let answer = receiver.outstanding.answer(block.piece, block.begin, block.len);
        let placed = self.transport != Transport::Utp;
        let stretch = sender.block(&block, &answer, placed);
        out.extend(stretch.map(|stretch| unsure(direction, stretch)));
        // Rationale: only where the capture holds both directions whole can "never requested" be said.
        let whole = self.from_start
            && receiver.facts.gaps == 0
            && answered.is_none_or(|upto| upto <= receiver.place)
            && receiver.facts.packets > 0
            && sender.facts.gaps == 0
            && receiver.facts.lost_sync == 0
            && sender.facts.lost_sync == 0
            && !receiver.outstanding.overflowed();
        if answer == Answer::Unasked && whole {
            sender.facts.unsolicited += 1;
        }
        let advertised = sender.facts.advertised.since(block.piece);
        if receiver.outstanding.take_overflow() {
            out.push(self.odd(direction.reverse(), block.span, Bound::OutstandingRequests));
        }
        Served { from: direction, block, answer, advertised, acknowledges }
    }

    /// Something odd in `direction`.
    #[cold]
    fn odd(
        &self,
        direction: Direction,
        span: impl Into<Option<Span>>,
        oddity: impl Into<Oddity>,
    ) -> SessionEvent<'cap> {
        let occurrence = oddity.into().within(span);
        SessionEvent::Odd(occurrence.sent(self.flow, direction).of(self.id))
    }
}

/// Where packets are numbered, and not bytes: the place of these bytes is not sure.
fn unsure<'cap>(from: Direction, stretch: Range<u64>) -> SessionEvent<'cap> {
    SessionEvent::Doubt { from, stretch, reason: Reason::PlaceUnsure }
}

/// The side that sends in `direction`, and the other one.
fn both<'s, 'cap>(
    sides: &'s mut [SessionSide<'cap>; 2],
    direction: Direction,
) -> (&'s mut SessionSide<'cap>, &'s mut SessionSide<'cap>) {
    let [low, high] = sides;
    match direction {
        Direction::LowToHigh => (low, high),
        Direction::HighToLow => (high, low),
    }
}

#[cfg(test)]
mod tests;
