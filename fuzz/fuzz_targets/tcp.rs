//! TCP rebuilding against a stream whose content is known: whatever is lost, doubled, cut or reordered, the bytes
//! given out are those that were sent, and in place.
//!
//! Script: both initial sequence numbers, limits; then segments: control, place, acknowledgement, length.

#![no_main]

use libfuzzer_sys::fuzz_target;
use peerproof::Limits;
use peerproof::packet::{Checksum, Direction, Payload, TcpFlags, TcpSegment};
use peerproof::stream::{EndReason, Missing, StreamItem, StreamLimits, TcpConnection};
use shared::{Cursor, at, check_items, direction, run};

fuzz_target!(|data: &[u8]| {
    let mut input = Cursor(data);
    let bases = [input.u32(), input.u32()];
    let limits = if input.u8() & 1 == 0 { Limits::default() } else { run::tight() };
    let limits = StreamLimits::from(&limits);
    let models = [model(1), model(2)];
    let mut place = [0_u16; 2];
    let mut honest = true;
    let mut connection = TcpConnection::new(&limits);
    let mut out = Vec::new();
    let mut number = 0;
    while !input.is_empty() {
        number += 1;
        let control = input.u8();
        let way = direction(control);
        let index = way.index();
        let (base, other) = (bases[index], bases[1 - index]);
        let flags = TcpFlags { syn: control & 2 != 0, fin: control & 4 != 0, rst: control & 8 != 0 };
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
        if connection.is_replaced_by(way, &segment) {
            finish(connection, EndReason::Replaced, &mut out, &models, honest);
            connection = TcpConnection::new(&limits);
        }
        connection.push(at(number), way, &segment, &mut out);
    }
    finish(connection, EndReason::Open, &mut out, &models, honest);
});

fn finish<'a>(
    mut connection: TcpConnection<'a>,
    reason: EndReason,
    out: &mut Vec<(Direction, StreamItem<'a>)>,
    models: &'a [Vec<u8>; 2],
    honest: bool,
) {
    connection.close(reason, out);
    for way in [Direction::LowToHigh, Direction::HighToLow] {
        let items = || out.iter().filter(|(one, _)| *one == way).map(|(_, item)| *item);
        check_items(items(), true);
        if honest {
            in_place(items(), &models[way.index()]);
        }
    }
    out.clear();
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
