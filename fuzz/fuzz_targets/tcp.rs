//! TCP rebuilding against a stream whose content is known: whatever is lost, doubled, cut or reordered, the bytes
//! given out are those that were sent, and in place; and they are the same when every segment comes in two.
//!
//! Script: both initial sequence numbers, limits; then segments: control, place, acknowledgement, length.

#![no_main]

use libfuzzer_sys::fuzz_target;
use peerproof::Limits;
use peerproof::ends::Direction;
use peerproof::stages::packet::{Checksum, Payload, TcpFlags, TcpSegment};
use peerproof::stages::stream::{EndReason, GapCause, Missing, StreamItem, StreamLimits, TcpConnection};
use shared::{Cursor, at, check_items, direction, run};

fuzz_target!(|data: &[u8]| {
    let mut input = Cursor(data);
    let bases = [input.u32(), input.u32()];
    let tight = input.u8() & 1 != 0;
    let limits = StreamLimits::from(&if tight { run::tight() } else { Limits::default() });
    let models = [model(1), model(2)];
    let mut place = [0_u16; 2];
    let mut honest = true;
    let mut segments = Vec::new();
    while !input.is_empty() {
        let control = input.u8();
        let way = direction(control);
        let index = way.index();
        let (base, other) = (bases[index], bases[1 - index]);
        let (syn, fin, rst) = (control & 2 != 0, control & 4 != 0, control & 8 != 0);
        let flags = TcpFlags { syn, fin, rst, multipath: false };
        let [jump, foreign, cut] = [0x10, 0x20, 0x40].map(|bit| control & bit != 0);
        let step = input.u16() as i16;
        let end = models[index].len() as u16;
        let start = if flags.syn { 0 } else { place[index].saturating_add_signed(step).min(end) };
        let len = usize::from(input.u16()) & 0x0fff;
        let bytes: &[u8] = if foreign {
            input.take(len)
        } else {
            let from = usize::from(start);
            &models[index][from..(from + len).min(models[index].len())]
        };
        let seq =
            if jump { input.u32() } else { base.wrapping_add(u32::from(start)).wrapping_sub(u32::from(flags.syn)) };
        let ack = (control & 0x80 != 0).then(|| {
            let reach = u32::from(place[1 - index].saturating_add_signed(i16::from(input.u8() as i8)));
            other.wrapping_add(reach)
        });
        honest &= !(jump || foreign || flags.rst);
        place[index] = start.saturating_add(bytes.len() as u16);
        let (kept, beyond) = if cut { bytes.split_at(bytes.len() / 2) } else { (bytes, &bytes[..0]) };
        let payload = Payload { bytes: kept, wire_len: (kept.len() + beyond.len()) as u32 };
        let checksum = if control & 0x80 == 0 { Checksum::Unchecked } else { Checksum::Bad };
        let segment = TcpSegment { seq, ack, flags, payload, checksum };
        segments.push((way, segment));
    }
    let connections = rebuild(&segments, &limits);
    for items in connections.iter().flatten() {
        check_items(items.iter().copied(), true);
    }
    if !honest {
        return;
    }
    for connection in &connections {
        for (items, model) in connection.iter().zip(&models) {
            in_place(items.iter().copied(), model);
        }
    }
    // Limits and patience count segments, and the start of a stream without a SYN depends on the first three of them: as
    // that of a connection that takes another's place. What the snap length cut is a gap as soon as its turn has come,
    // unless another copy waits: half a copy may come too early.
    let captured = |segment: &TcpSegment<'_>| segment.payload.bytes.len() as u32 == segment.payload.wire_len;
    let opened = connections.len() == 1
        && segments.iter().all(|(_, segment)| captured(segment))
        && [Direction::LowToHigh, Direction::HighToLow]
            .iter()
            .all(|way| segments.iter().find(|(one, _)| one == way).is_none_or(|(_, first)| first.flags.syn));
    // Nor does an honest sender send anything behind its FIN: what is then believed depends on which came first.
    let end = |segment: &TcpSegment<'_>| {
        segment.seq.wrapping_add(u32::from(segment.flags.syn) + segment.payload.wire_len)
    };
    let finished = |(way, last): &(Direction, TcpSegment<'_>)| {
        let beyond = |segment: &TcpSegment<'_>| end(segment).wrapping_sub(end(last)) as i32 > 0;
        last.flags.fin && segments.iter().any(|(one, segment)| one == way && beyond(segment))
    };
    let opened = opened && !segments.iter().any(finished);
    let patient = segments.len() < 32 || segments.iter().all(|(_, segment)| segment.ack.is_none());
    if opened && patient && !tight && segments.len() < 1_000 {
        let halves: Vec<_> = segments.iter().flat_map(halves).collect();
        let finely = rebuild(&halves, &limits);
        let [whole, finely] = [connections, finely]
            .map(|connections| connections.iter().flatten().map(|items| stretches(items)).collect::<Vec<_>>());
        assert_eq!(whole, finely, "cut in two it is something else");
    }
});

/// The items of both directions, of each connection.
fn rebuild<'a>(segments: &[(Direction, TcpSegment<'a>)], limits: &StreamLimits) -> Vec<[Vec<StreamItem<'a>>; 2]> {
    let (mut connection, mut out, mut connections) = (TcpConnection::new(limits), Vec::new(), Vec::new());
    let mut finish = |mut connection: TcpConnection<'a>, reason, out: &mut Vec<(Direction, StreamItem<'a>)>| {
        connection.close(reason, out);
        let mut sides = [Vec::new(), Vec::new()];
        out.drain(..).for_each(|(way, item)| sides[way.index()].push(item));
        connections.push(sides);
    };
    for ((way, segment), number) in segments.iter().zip(1..) {
        if let Some(first) = connection.replaced_by(*way, segment) {
            finish(connection, EndReason::Replaced, &mut out);
            connection = TcpConnection::new(limits);
            for (at, way, segment) in first {
                connection.push(at, way, &segment, &mut out);
            }
        }
        connection.push(at(number), *way, segment, &mut out);
    }
    finish(connection, EndReason::Open, &mut out);
    connections
}

/// A segment as two, the first half of its captured bytes in one of its own. One byte may be a keep-alive: it stays.
fn halves<'a>((way, segment): &(Direction, TcpSegment<'a>)) -> Vec<(Direction, TcpSegment<'a>)> {
    let Payload { bytes, wire_len } = segment.payload;
    let middle = bytes.len() / 2;
    if middle < 2 || segment.flags.rst {
        return vec![(*way, *segment)];
    }
    let (first, second) = bytes.split_at(middle);
    let rest = wire_len - middle as u32;
    let TcpFlags { syn, fin, .. } = segment.flags;
    vec![
        (
            *way,
            TcpSegment {
                flags: TcpFlags { fin: false, ..segment.flags },
                payload: Payload { bytes: first, wire_len: middle as u32 },
                ..*segment
            },
        ),
        (
            *way,
            TcpSegment {
                seq: segment.seq.wrapping_add(u32::from(syn) + middle as u32),
                flags: TcpFlags { syn: false, fin, ..segment.flags },
                payload: Payload { bytes: second, wire_len: rest },
                ..*segment
            },
        ),
    ]
}

/// Where bytes and gaps are, and how far it is acknowledged, whatever the segments were.
fn stretches(items: &[StreamItem<'_>]) -> (Vec<(Option<GapCause>, u64, u64)>, u64) {
    let (mut out, mut acked): (Vec<(_, u64, u64)>, _) = (Vec::new(), 0);
    for item in items {
        let (kind, from, to) = match *item {
            StreamItem::Data { offset, bytes, .. } => (None, offset, offset + bytes.len() as u64),
            StreamItem::Gap { offset, missing: Missing::Bytes(len), cause, .. } => {
                (Some(cause), offset, offset + len)
            }
            StreamItem::Acked { upto, .. } => {
                acked = upto;
                continue;
            }
            _ => continue,
        };
        match out.last_mut() {
            Some((last, _, end)) if *last == kind && *end == from => *end = to,
            _ => out.push((kind, from, to)),
        }
    }
    (out, acked)
}

/// Every slice lies in the model as far from its beginning as in the stream.
fn in_place<'a>(items: impl Iterator<Item = StreamItem<'a>>, model: &'a [u8]) {
    let mut origin = None;
    for item in items {
        match item {
            StreamItem::Data { offset, bytes, .. } => {
                let place = (bytes.as_ptr() as u64).wrapping_sub(model.as_ptr() as u64);
                assert!(place + bytes.len() as u64 <= model.len() as u64, "bytes from elsewhere");
                let from = place.wrapping_sub(offset);
                assert_eq!(*origin.get_or_insert(from), from, "bytes at {offset} are not in their place");
            }
            StreamItem::Conflict { offset, .. } => panic!("a conflict at {offset} that nobody made"),
            StreamItem::Gap { missing: Missing::Unknown, .. } => origin = None,
            _ => {}
        }
    }
}

/// 32 KiB without a repetition.
fn model(seed: u32) -> Vec<u8> {
    (0..8_192_u32)
        .flat_map(|word| (word.wrapping_add(seed << 16)).wrapping_mul(0x9e37_79b1).to_be_bytes())
        .collect()
}
