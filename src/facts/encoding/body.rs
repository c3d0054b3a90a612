//! Bodies of HTTP answers.

use super::{Clock, put, put_step, runs, take, take_byte, take_step, take32};
use crate::ends::{ConnectionId, Timestamp};
use crate::facts::journal::Record;
use crate::facts::{Body, Run};
use crate::wire::Framing;

/// The body before, to which the next one is written by reference.
#[derive(Debug, Default)]
pub struct Before {
    order: u64,
    connection: u64,
    request: u64,
    first_byte: u64,
    total: u64,
    offset: u64,
    time: u64,
    clock: Clock,
    runs: runs::Before,
}

impl Record for Body {
    type Before = Before;

    fn weight(&self) -> usize {
        size_of::<Self>() + self.runs.len() * size_of::<Run>()
    }

    fn write(&self, before: &mut Before, out: &mut Vec<u8>) {
        let request = self.request.map_or(0, |request| u64::from(request) + 1);
        let set = [(self.framing == Framing::Resynchronised, FOUND), (self.total.is_some(), SIZED)];
        out.push(set.iter().filter(|(is, _)| *is).fold(0, |flags, (_, flag)| flags | flag));
        put_step(out, self.order, before.order);
        put_step(out, self.connection.0, before.connection);
        put_step(out, request, before.request);
        put(out, u64::from(self.status));
        put_step(out, self.first_byte, before.first_byte);
        let total = self.total.unwrap_or(before.total);
        if self.total.is_some() {
            put_step(out, total, before.total);
        }
        put(out, u64::from(self.len));
        put_step(out, self.offset, before.offset);
        before.clock.put_span(out, self.span);
        before.runs.put(out, self.offset, &self.runs);
        for time in &self.times {
            put_step(out, time.0 as u64, before.time);
            before.time = time.0 as u64;
        }
        before.note(self, request, total);
    }

    fn read(before: &mut Before, from: &mut &[u8]) -> Option<Self> {
        let flags = take_byte(from)?;
        let order = take_step(from, before.order)?;
        let connection = ConnectionId(take_step(from, before.connection)?);
        let request = take_step(from, before.request)?;
        let status = u16::try_from(take(from)?).ok()?;
        let first_byte = take_step(from, before.first_byte)?;
        let total = if flags & SIZED == 0 { None } else { Some(take_step(from, before.total)?) };
        let len = take32(from)?;
        let offset = take_step(from, before.offset)?;
        let span = before.clock.take_span(from)?;
        let runs = before.runs.take(from, offset)?;
        let mut times = Vec::with_capacity(runs.len());
        for _ in &runs {
            before.time = take_step(from, before.time)?;
            times.push(Timestamp(before.time as i64));
        }
        let framing = if flags & FOUND == 0 { Framing::InSync } else { Framing::Resynchronised };
        let number = match request {
            0 => None,
            request => Some(u32::try_from(request - 1).ok()?),
        };
        let body = Self {
            connection,
            order,
            request: number,
            status,
            first_byte,
            total,
            runs,
            times,
            len,
            offset,
            span,
            framing,
        };
        before.note(&body, request, total.unwrap_or(before.total));
        Some(body)
    }
}

impl Before {
    fn note(&mut self, body: &Body, request: u64, total: u64) {
        let len = u64::from(body.len);
        (self.order, self.connection, self.request, self.total) = (body.order, body.connection.0, request, total);
        (self.first_byte, self.offset) = (body.first_byte.wrapping_add(len), body.offset.wrapping_add(len));
    }
}

const FOUND: u8 = 1;
const SIZED: u8 = 1 << 1;
