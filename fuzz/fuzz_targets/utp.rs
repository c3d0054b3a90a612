//! uTP over one UDP 4-tuple: packets built from a script, and datagrams of any bytes among them.
//!
//! Script: limits; then datagrams: control, and either the fields of a header or all bytes.

#![no_main]

use std::collections::BTreeSet;

use libfuzzer_sys::fuzz_target;
use peerproof::Limits;
use peerproof::packet::{Direction, Payload};
use peerproof::stream::utp::UtpFlow;
use peerproof::stream::{EndReason, StreamLimits};
use shared::{Cursor, at, check_items, direction, run};

fuzz_target!(|data: &[u8]| {
    let mut input = Cursor(data);
    let limits = if input.u8() & 1 == 0 { Limits::default() } else { run::tight() };
    let mut datagrams = Vec::new();
    let mut next = [input.u16(), input.u16()];
    while !input.is_empty() {
        let control = input.u8();
        let bytes = if control & 0x80 != 0 {
            input.block().to_vec()
        } else {
            packet(control, datagrams.len() as u32, &mut next, &mut input)
        };
        datagrams.push((control, bytes));
    }
    let mut flow = UtpFlow::new(&StreamLimits::from(&limits));
    let mut out = Vec::new();
    for ((control, bytes), number) in datagrams.iter().zip(1..) {
        let (kept, wire) =
            if control & 0x40 == 0 { (bytes.len(), bytes.len()) } else { (bytes.len() / 2, bytes.len()) };
        let payload = Payload { bytes: &bytes[..kept], wire_len: wire as u32 };
        flow.push(at(number), direction(*control), &payload, control & 0x20 != 0, &mut out);
    }
    flow.close(EndReason::Open, &mut out);
    let ids: BTreeSet<_> = out.iter().map(|(id, ..)| *id).collect();
    for id in ids {
        for way in [Direction::LowToHigh, Direction::HighToLow] {
            check_items(out.iter().filter(|row| (row.0, row.1) == (id, way)).map(|row| row.2), true);
        }
    }
});

/// A packet whose numbers are near those of the packets before.
fn packet(control: u8, clock: u32, next: &mut [u16; 2], input: &mut Cursor<'_>) -> Vec<u8> {
    let way = direction(control).index();
    let kind = control >> 1 & 7;
    let kind = if kind > 4 { 0 } else { kind };
    let sack = control & 0x10 != 0;
    let id = 100 + u16::from(input.u8() & 3) + u16::from(way as u8);
    let seq = next[way].wrapping_add_signed(i16::from(input.u8() as i8));
    let ack = next[1 - way].wrapping_add_signed(i16::from(input.u8() as i8)).wrapping_sub(1);
    let mut out = vec![kind << 4 | 1, u8::from(sack)];
    out.extend(id.to_be_bytes());
    out.extend(clock.wrapping_mul(1_000).to_be_bytes());
    out.extend([0; 8]);
    out.extend(seq.to_be_bytes());
    out.extend(ack.to_be_bytes());
    if sack {
        let mask = usize::from(input.u8() & 15);
        out.extend([0, mask as u8]);
        out.extend(input.take(mask));
    }
    if kind < 2 {
        let len = usize::from(input.u8());
        out.extend(input.take(len));
    }
    if matches!(kind, 0 | 1 | 4) {
        next[way] = seq.wrapping_add(1);
    }
    out
}
