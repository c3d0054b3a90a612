//! Blocks: some forty bytes each, and their runs.

use std::net::IpAddr;

use hashbrown::HashMap;

use super::{Clock, put, put_step, put_step32, runs, take, take_array, take_byte, take_step, take_step32, take32};
use crate::ends::{ConnectionId, Direction, Span};
use crate::facts::journal::Record;
use crate::facts::{Answer, Block, BlockId, Receiver, Run};
use crate::wire::Framing;

/// The blocks before, as far as the next one is written by reference to them.
#[derive(Debug, Default)]
pub struct Before {
    id: u64,
    order: u64,
    connection: u64,
    clock: Clock,
    runs: runs::Before,
    /// Of each direction of a connection that has blocks.
    streams: HashMap<(ConnectionId, Direction), Stream, foldhash::quality::FixedState>,
}

/// The block before in a direction of a connection.
#[derive(Clone, Copy, Debug, Default)]
struct Stream {
    piece: u32,
    /// Where the next block of the piece begins.
    begin: u32,
    len: u32,
    /// Where the payload of the next block begins.
    offset: u64,
    asked: Clock,
    advertised: Option<Span>,
    receiver: Option<Receiver>,
}

impl Before {
    fn stream(&mut self, connection: ConnectionId, from: Direction) -> Stream {
        if self.streams.len() > MOST_STREAMS {
            // Whoever reads forgets at the same place.
            self.streams.clear();
        }
        self.streams.get(&(connection, from)).copied().unwrap_or_default()
    }

    fn note(&mut self, block: &Block, asked: Clock) {
        self.id = block.id.0.wrapping_add(1);
        self.order = block.order;
        self.connection = block.connection.0;
        let stream = Stream {
            piece: block.piece,
            begin: block.begin.wrapping_add(block.len),
            len: block.len,
            offset: block.offset.wrapping_add(u64::from(block.len)).wrapping_add(HEADER),
            asked,
            advertised: block.advertised,
            receiver: Some(block.receiver),
        };
        self.streams.insert((block.connection, block.from), stream);
    }
}

impl Record for Block {
    type Before = Before;

    fn weight(&self) -> usize {
        size_of::<Self>() + self.runs.len() * size_of::<Run>()
    }

    fn write(&self, before: &mut Before, out: &mut Vec<u8>) {
        let stream = before.stream(self.connection, self.from);
        let answer = match self.answers {
            Answer::Unasked => 0,
            Answer::Request { acknowledged: false, .. } => ASKED,
            Answer::Request { acknowledged: true, .. } => ASKED_BEFORE,
            Answer::Cancelled { .. } => CANCELLED,
        };
        let set = [
            (self.from == Direction::HighToLow, DOWN),
            (self.captured_to == self.len, TO_ITS_END),
            (self.framing == Framing::Resynchronised, FOUND),
            (self.advertised == stream.advertised, SAME_CLAIM),
            (Some(self.receiver) == stream.receiver, SAME_RECEIVER),
            (self.reading > 0, REREAD),
        ];
        let flags = set.iter().filter(|(is, _)| *is).fold(answer, |flags, (_, flag)| flags | flag);
        out.push(flags);
        put_step(out, self.id.0, before.id);
        put_step(out, self.order, before.order);
        put_step(out, self.connection.0, before.connection);
        if flags & REREAD != 0 {
            out.push(self.reading);
        }
        put_step32(out, self.piece, stream.piece);
        put_step32(out, self.begin, stream.begin);
        put_step32(out, self.len, stream.len);
        if flags & TO_ITS_END == 0 {
            put(out, u64::from(self.captured_to));
        }
        put_step(out, self.offset, stream.offset);
        before.clock.put_span(out, self.span);
        let mut asked = stream.asked;
        match self.answers {
            Answer::Request { span, .. } | Answer::Cancelled { span } => asked.put_span(out, span),
            Answer::Unasked => {}
        }
        if flags & SAME_CLAIM == 0 {
            out.push(u8::from(self.advertised.is_some()));
            // From the block itself: it does not move what others are told by.
            let mut clock = before.clock;
            self.advertised.iter().for_each(|span| clock.put_span(out, *span));
        }
        if flags & SAME_RECEIVER == 0 {
            put_receiver(out, self.receiver);
        }
        before.runs.put(out, self.offset, &self.runs);
        before.note(self, asked);
    }

    fn read(before: &mut Before, from: &mut &[u8]) -> Option<Self> {
        let flags = take_byte(from)?;
        let has = |flag: u8| flags & flag != 0;
        let direction = if has(DOWN) { Direction::HighToLow } else { Direction::LowToHigh };
        let id = BlockId(take_step(from, before.id)?);
        let order = take_step(from, before.order)?;
        let connection = ConnectionId(take_step(from, before.connection)?);
        let stream = before.stream(connection, direction);
        let reading = if has(REREAD) { take_byte(from)? } else { 0 };
        let piece = take_step32(from, stream.piece)?;
        let begin = take_step32(from, stream.begin)?;
        let len = take_step32(from, stream.len)?;
        let captured_to = if has(TO_ITS_END) { len } else { take32(from)? };
        let offset = take_step(from, stream.offset)?;
        let span = before.clock.take_span(from)?;
        let mut asked = stream.asked;
        let answers = match flags & ANSWER {
            ASKED => Answer::Request { span: asked.take_span(from)?, acknowledged: false },
            ASKED_BEFORE => Answer::Request { span: asked.take_span(from)?, acknowledged: true },
            CANCELLED => Answer::Cancelled { span: asked.take_span(from)? },
            _ => Answer::Unasked,
        };
        let advertised = if has(SAME_CLAIM) {
            stream.advertised
        } else {
            let mut clock = before.clock;
            if take_byte(from)? == 0 { None } else { Some(clock.take_span(from)?) }
        };
        let receiver = if has(SAME_RECEIVER) { stream.receiver? } else { take_receiver(from)? };
        let runs = before.runs.take(from, offset)?;
        let framing = if has(FOUND) { Framing::Resynchronised } else { Framing::InSync };
        let block = Self {
            id,
            order,
            connection,
            reading,
            from: direction,
            piece,
            begin,
            len,
            captured_to,
            offset,
            runs,
            span,
            framing,
            answers,
            advertised,
            receiver,
        };
        before.note(&block, asked);
        Some(block)
    }
}

fn put_receiver(out: &mut Vec<u8>, receiver: Receiver) {
    let port = receiver.port.map_or(0, |port| u64::from(port) + 1);
    match receiver.ip {
        IpAddr::V4(ip) => {
            out.push(4);
            out.extend(ip.octets());
        }
        IpAddr::V6(ip) => {
            out.push(6);
            out.extend(ip.octets());
        }
    }
    put(out, port);
}

fn take_receiver(from: &mut &[u8]) -> Option<Receiver> {
    let ip = match take_byte(from)? {
        4 => IpAddr::from(take_array::<4>(from)?),
        6 => IpAddr::from(take_array::<16>(from)?),
        _ => return None,
    };
    let port = match take(from)? {
        0 => None,
        port => Some(u16::try_from(port - 1).ok()?),
    };
    Some(Receiver { ip, port })
}

/// The request that a block answers, in two bits.
const ANSWER: u8 = 0b11;
const ASKED: u8 = 1;
const ASKED_BEFORE: u8 = 2;
const CANCELLED: u8 = 3;
const DOWN: u8 = 1 << 2;
const TO_ITS_END: u8 = 1 << 3;
const FOUND: u8 = 1 << 4;
const SAME_CLAIM: u8 = 1 << 5;
const SAME_RECEIVER: u8 = 1 << 6;
const REREAD: u8 = 1 << 7;
// Rationale: BEP 3: the header of the next block stands between two blocks.
const HEADER: u64 = 13;
// Rationale: some 150 bytes each, for every part of a journal that is read or written at one time; more peers do not serve at one
// time, and a block that does not find its stream takes some twenty bytes more.
const MOST_STREAMS: usize = 1 << 12;
