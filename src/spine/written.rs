//! Facts written down by the walk: each event of a session, as a fact of its own.

use std::collections::BTreeSet;
use std::ops::Range;

use hashbrown::HashMap;

use super::findings::Opaque as Found;
use super::{Shared, Spine};
use crate::Error;
use crate::capture::{CaptureSet, Spill};
use crate::ends::{At, ConnectionId, Direction, FlowKey, FrameId, Protocol, Span, Timestamp, Transport};
use crate::facts::{
    Answer, Block, BlockId, Body, Connection, Doubt, Eager, Facts, Hashes, Heard, Journal, Opaque, Place, Reason,
    Receiver, Run, SPILL, Scope, Second,
};
use crate::limits::{FRONT_BYTES, HASHES_BYTES};
use crate::oddity::{Bound, Oddity, Sink};
use crate::options::Options;
use crate::session::{Answer as Answered, Served, Session, SessionEvent};
use crate::stream::StreamItem;
use crate::torrent::TorrentId;
use crate::wire::{HashRange, Run as Bytes};

/// The facts of a walk as far as it went.
#[derive(Debug)]
pub(super) struct Written<'run, 'cap> {
    captures: &'cap CaptureSet,
    spill: &'cap Spill,
    /// The ordinal of the frame that is read now, from 1.
    order: u64,
    facts: Facts,
    hashes: BTreeSet<[u8; 32]>,
    /// Bytes that they take.
    hash_bytes: usize,
    /// The first bytes of directions that are captured from their middle on, until their connection is over.
    fronts: HashMap<(ConnectionId, Direction), Vec<(Run, Timestamp)>, foldhash::quality::FixedState>,
    /// Who hashes meanwhile.
    eager: Option<Box<dyn Eager + 'run>>,
}

impl<'run, 'cap> Spine<'run, 'cap> {
    /// Says before the first frame who hashes meanwhile.
    pub(crate) fn hash_meanwhile(&mut self, eager: Box<dyn Eager + 'run>) {
        self.shared.written.eager = Some(eager);
    }

    /// Ends every flow, and gives what was written down.
    ///
    /// # Errors
    /// The first failure of the operating system.
    pub(crate) fn into_facts(mut self) -> Result<Facts, Error> {
        self.close_flows();
        let Shared { written, failure, mentions, metadata, .. } = self.shared;
        if let Some(failure) = failure {
            return Err(failure);
        }
        let mut clock_steps = self.clock.steps;
        clock_steps.sort_unstable();
        Ok(Facts {
            mentions: mentions.iter().map(|(named, mention)| (*named, *mention)).collect(),
            swarms: mentions.swarms.iter().map(|(swarm, said)| (*swarm, *said)).collect(),
            names: mentions.names.iter().map(|(called, mention)| (called.clone(), *mention)).collect(),
            metadata: metadata.finish(),
            clock_steps: clock_steps.iter().map(|at| at.frame).collect(),
            ..written.into_facts()?
        })
    }
}

impl<'cap> Shared<'_, 'cap> {
    /// Writes down what a session made known.
    pub(super) fn write(&mut self, session: &Session<'cap>, event: &SessionEvent<'cap>) {
        match self.written.event(session, event) {
            Ok(true) => {}
            Ok(false) => {
                let occurrence = Oddity::from(Bound::HashesFacts).within(session.span());
                self.anomalies.odd(occurrence.of(session.id));
            }
            Err(failure) => self.fail(Err(failure)),
        }
    }

    /// A block of a web server, which is written down as part of a body, is hashed meanwhile.
    pub(super) fn hear(
        &mut self,
        flow: FlowKey,
        from: Direction,
        torrent: TorrentId,
        block: &crate::wire::Block<'cap>,
    ) {
        let written = &mut self.written;
        let Some(info_hash) = self.torrents.torrent(torrent).wire_hashes().next() else { return };
        let receiver = Receiver { ip: flow.destination(from).ip, port: None };
        let runs: Vec<Run> = block.runs.iter().map(|run| written.run(run)).collect();
        let (piece, begin, len) = (block.piece, block.begin, block.len);
        let heard = Heard { info_hash, piece, begin, len, receiver, runs: &runs };
        let result = written.eager.as_mut().map_or(Ok(()), |eager| eager.block(&heard));
        self.fail(result);
    }

    /// Keeps the first bytes of a session that was captured from its middle on.
    pub(super) fn note_front(&mut self, session: &Session<'cap>, from: Direction, item: &StreamItem<'cap>) {
        if let StreamItem::Data { offset, bytes, at, .. } = *item
            && offset < FRONT_BYTES
            && !session.from_start
        {
            self.written.front((session.id, from), offset, bytes, at);
        }
    }

    /// Writes down a connection that is over.
    pub(super) fn write_connection(&mut self, session: &Session<'cap>, connection: Option<Connection>) {
        let result = self.written.connection(session, connection);
        self.fail(result);
    }
}

impl<'run, 'cap> Written<'run, 'cap> {
    pub(super) fn new(captures: &'cap CaptureSet, spill: &'cap Spill, options: &Options<'_>) -> Self {
        let limits = &options.limits;
        let (other, dir) = (limits.other_journal_memory(), options.spool_dir);
        let facts = Facts {
            connections: Journal::new(other, dir),
            blocks: Journal::new(limits.journal_memory, dir),
            bodies: Journal::new(other, dir),
            doubts: Journal::new(other, dir),
            ..Facts::default()
        };
        let (hashes, fronts) = (BTreeSet::new(), HashMap::default());
        Self { captures, spill, order: 0, facts, hashes, hash_bytes: 0, fronts, eager: None }
    }

    /// The next frame is read.
    pub(super) fn tick(&mut self) {
        self.order += 1;
    }

    /// Takes back whoever hashes, once all that was asked for is hashed.
    pub(super) fn end_hashing(&mut self) -> Result<(), Error> {
        if let Some(mut eager) = self.eager.take() {
            self.facts.copies = eager.finish()?;
        }
        Ok(())
    }

    pub(super) fn into_facts(mut self) -> Result<Facts, Error> {
        self.end_hashing()?;
        Ok(self.facts)
    }

    /// Something that a session made known. `false` where there was no room for it.
    pub(super) fn event(&mut self, session: &Session<'cap>, event: &SessionEvent<'cap>) -> Result<bool, Error> {
        match event {
            SessionEvent::Served(served) => self.block(session, served)?,
            SessionEvent::Conflict { from, offset, bytes, at } => {
                self.version(session.id, *from, *offset, bytes, *at)?;
            }
            SessionEvent::Doubt { from, stretch, reason } => {
                self.doubt(session.id, *from, stretch.clone(), *reason)?;
            }
            SessionEvent::Hashes { from, info_hash, range, hashes, span } => {
                return Ok(self.hashes(session, *from, *info_hash, (*range, hashes), *span));
            }
            // Of other framings only the chosen ones are written down. Oddities are counted by another; the rest is told with those of all other protocols, when the walk is over.
            SessionEvent::Odd(_)
            | SessionEvent::Contest { .. }
            | SessionEvent::OtherLength { .. }
            | SessionEvent::Metadata { .. }
            | SessionEvent::Named { .. } => {}
        }
        Ok(true)
    }

    fn block(&mut self, session: &Session<'cap>, served: &Served<'cap>) -> Result<(), Error> {
        let (from, block) = (served.from, &served.block);
        let (ip, port) = session.receiver(from);
        let block = Block {
            id: BlockId(self.facts.blocks.len()),
            order: self.order,
            connection: session.id,
            reading: 0,
            from,
            piece: block.piece,
            begin: block.begin,
            len: block.len,
            captured_to: block.captured_to,
            offset: block.offset,
            runs: block.runs.iter().map(|run| self.run(run)).collect(),
            span: block.span,
            framing: block.framing,
            answers: match served.answer {
                Answered::Solicited(span) => Answer::Request { span, acknowledged: served.acknowledges },
                Answered::Cancelled(span) => Answer::Cancelled { span },
                Answered::Unasked => Answer::Unasked,
            },
            advertised: served.advertised,
            receiver: Receiver { ip, port },
        };
        self.facts.blocks.push(&block)?;
        let [low, high] = session.info_hashes();
        let (own, other) = if from == Direction::LowToHigh { (low, high) } else { (high, low) };
        if let Some(eager) = &mut self.eager
            && let Some(info_hash) = own.or(other)
        {
            let Block { piece, begin, len, receiver, runs, .. } = &block;
            let (piece, begin, len, receiver) = (*piece, *begin, *len, *receiver);
            eager.block(&Heard { info_hash, piece, begin, len, receiver, runs })?;
        }
        if served.block.doubtful {
            self.doubt(session.id, from, block.stretch(), Reason::Damaged)?;
        }
        Ok(())
    }

    /// Bytes of a stream that was captured from its middle on: the first ones are kept.
    fn front(&mut self, (id, from): (ConnectionId, Direction), offset: u64, bytes: &'cap [u8], at: At) {
        let left = FRONT_BYTES.saturating_sub(offset).min(bytes.len() as u64) as usize;
        let start = u32::try_from(offset).unwrap_or(u32::MAX);
        let run =
            self.run(&Bytes { start, bytes: bytes.get(..left).unwrap_or(bytes), stream: offset, frame: at.frame });
        self.fronts.entry((id, from)).or_default().push((run, at.time));
    }

    /// A second version of bytes of a stream.
    pub(super) fn version(
        &mut self,
        id: ConnectionId,
        from: Direction,
        offset: u64,
        bytes: &'cap [u8],
        at: At,
    ) -> Result<(), Error> {
        let scope = Scope::Stretch(id, from, offset..offset.saturating_add(bytes.len() as u64));
        let run = self.run(&Bytes { start: 0, bytes, stream: offset, frame: at.frame });
        let second = Second { run, time: at.time };
        self.facts.doubts.push(&Doubt { scope, reason: Reason::OtherVersion, second: Some(second) })
    }

    pub(super) fn doubt(
        &mut self,
        id: ConnectionId,
        from: Direction,
        stretch: Range<u64>,
        reason: Reason,
    ) -> Result<(), Error> {
        self.facts.doubts.push(&Doubt { scope: Scope::Stretch(id, from, stretch), reason, second: None })
    }

    /// All that goes this way is in doubt.
    pub(super) fn distrust(&mut self, id: ConnectionId, from: Direction, reason: Reason) -> Result<(), Error> {
        self.facts.doubts.push(&Doubt { scope: Scope::Direction(id, from), reason, second: None })
    }

    /// The ordinal of the frame that is read now.
    pub(super) fn order(&self) -> u64 {
        self.order
    }

    /// A stretch of an HTTP body.
    pub(super) fn body(&mut self, body: &Body) -> Result<(), Error> {
        self.facts.bodies.push(body)
    }

    /// A `hashes` message; the same one is kept once. `false` where there is no room for it.
    fn hashes(
        &mut self,
        session: &Session<'_>,
        from: Direction,
        info_hash: Option<[u8; 20]>,
        (range, hashes): (HashRange, &[u8]),
        span: Span,
    ) -> bool {
        let digest = crate::prove::sha256(&[format!("{info_hash:?} {range:?}").as_bytes(), hashes]);
        if self.hashes.contains(&digest) {
            return true;
        }
        let bytes = hashes.len() + size_of::<Hashes>() + digest.len();
        let room = self.hash_bytes + bytes <= HASHES_BYTES;
        if room {
            self.hash_bytes += bytes;
            self.hashes.insert(digest);
            let (connection, hashes) = (session.id, hashes.to_vec());
            self.facts.hashes.push(Hashes { connection, from, info_hash, range, hashes, span });
        }
        room
    }

    /// A conversation that could not be read.
    pub(super) fn unread(&mut self, found: &Found, span: Span) {
        let Found { a, b, transport, basis, a_to_b, b_to_a, .. } = found;
        let protocol = if *transport == Transport::Utp { Protocol::Udp } else { Protocol::Tcp };
        // `a` is the lesser endpoint.
        let (flow, _) = FlowKey::new(*a, *b, protocol);
        let (transport, basis, bytes) = (*transport, basis.clone(), [*a_to_b, *b_to_a]);
        self.facts.opaque.push(Opaque { flow, transport, basis, bytes, span });
    }

    /// A connection is over.
    pub(super) fn connection(
        &mut self,
        session: &Session<'_>,
        connection: Option<Connection>,
    ) -> Result<(), Error> {
        let both = [Direction::LowToHigh, Direction::HighToLow];
        let fronts = both.map(|from| self.fronts.remove(&(session.id, from)));
        let Some(mut connection) = connection else { return Ok(()) };
        for (stream, front) in connection.streams.iter_mut().zip(fronts) {
            stream.front = front.unwrap_or_default();
        }
        let handshake_twice = both.into_iter().any(|from| session.side(from).handshake_twice);
        for from in both.into_iter().filter(|_| session.has_blocks()) {
            let doubts = [
                (connection.is_unconfirmed(from), Reason::NotConfirmed),
                (session.multipath, Reason::Multipath),
                (handshake_twice, Reason::TorrentLikely),
            ];
            for (_, reason) in doubts.into_iter().filter(|(applies, _)| *applies) {
                self.distrust(session.id, from, reason)?;
            }
        }
        self.connection_of(&connection)
    }

    /// Writes a connection down as a fact.
    pub(super) fn connection_of(&mut self, connection: &Connection) -> Result<(), Error> {
        self.facts.connections.push(connection)
    }

    pub(super) fn run(&self, run: &Bytes<'cap>) -> Run {
        let len = u32::try_from(run.bytes.len()).unwrap_or(u32::MAX);
        Run {
            start: run.start,
            len,
            stream: run.stream,
            place: self.place(run.frame, run.bytes),
            frame: run.frame,
            head: 0,
        }
    }

    /// Where bytes that `frame` carried lie: in its input, or in the spill.
    fn place(&self, frame: FrameId, bytes: &[u8]) -> Place {
        let file = frame.file();
        if let Some(offset) = self.captures.offset_of(file, bytes) {
            return Place { store: file, offset };
        }
        let offset = self.spill.offset_of(bytes);
        debug_assert!(offset.is_some(), "bytes that a frame carried lie in its input or in the spill");
        Place { store: SPILL, offset: offset.unwrap_or(u64::MAX) }
    }
}
