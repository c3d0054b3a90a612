//! uTP over one UDP 4-tuple: packets built from a script, and datagrams of any bytes among them; or an honest sender
//! whose bytes are known, with every kind of loss.
//!
//! Script: limits and mode; then datagrams: control, and either the fields of a header or all bytes. Of the honest
//! sender: its first number; then control, which packet, and what the control asks for.

#![no_main]

use std::collections::BTreeSet;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use peerproof::Limits;
use peerproof::ends::Direction;
use peerproof::stages::packet::Payload;
use peerproof::stages::stream::utp::UtpFlow;
use peerproof::stages::stream::{EndReason, Missing, StreamItem, StreamLimits};
use shared::{Cursor, at, check_items, direction, run};

fuzz_target!(|data: &[u8]| {
    let mut input = Cursor(data);
    let mode = input.u8();
    let limits = if mode & 1 == 0 { Limits::default() } else { run::tight() };
    if mode & 2 != 0 {
        return honest(&mut input, &StreamLimits::from(&limits));
    }
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

/// The packets of one sender, lost, doubled, reordered and cut at will, and acknowledged at will: what comes out are
/// its bytes in their order, and where some are missing there is a gap.
fn honest(input: &mut Cursor<'_>, limits: &StreamLimits) {
    let isn = input.u16();
    let number = |packet: usize| isn.wrapping_add(1 + packet as u16);
    let mut current = 0_usize;
    let mut datagrams = vec![(0, header(4, 100, isn, 0), 20), (1, header(2, 100, 7, isn), 20)];
    while !input.is_empty() {
        let control = input.u8();
        current = current.saturating_add_signed(isize::from(input.u8() as i8)).min(PACKETS - 1);
        let (from, datagram, wire_len) = match control & 7 {
            // A cumulative acknowledgement, perhaps with a selective one.
            5 => (1, header(2, 100, 7, number(current)), 20),
            6 => {
                let mut datagram = header(2, 100, 7, number(current));
                datagram[1] = 1;
                let mask = input.take(usize::from(control >> 3 & 3) + 1);
                datagram.extend([0, mask.len() as u8]);
                datagram.extend(mask);
                let len = datagram.len();
                (1, datagram, len)
            }
            7 => (0, header(1, 101, number(PACKETS), 6), 20),
            kind => {
                let payload = content(current);
                let kept = if kind == 4 { usize::from(input.u8()) % (payload.len() + 1) } else { payload.len() };
                let datagram = [header(0, 101, number(current), 6), payload[..kept].to_vec()].concat();
                (0, datagram, 20 + payload.len())
            }
        };
        datagrams.push((from, datagram, wire_len));
    }
    let mut flow = UtpFlow::new(limits);
    let mut out = Vec::new();
    for ((from, bytes, wire_len), frame) in datagrams.iter().zip(1..) {
        let payload = Payload { bytes, wire_len: *wire_len as u32 };
        flow.push(at(frame), direction(*from), &payload, false, &mut out);
    }
    flow.close(EndReason::Open, &mut out);
    for way in [Direction::LowToHigh, Direction::HighToLow] {
        check_items(out.iter().filter(|row| row.1 == way).map(|row| row.2), true);
    }
    in_order(out.iter().filter(|row| row.1 == Direction::LowToHigh).map(|row| row.2));
}

fn in_order<'a>(items: impl Iterator<Item = StreamItem<'a>>) {
    // Where the next byte is from: exactly, or behind a packet that is missing and was to come at this place.
    let (mut place, mut known) = (0, true);
    for item in items {
        match item {
            StreamItem::Data { bytes, .. } => {
                if !known {
                    let next = STARTS[usize::from(bytes[0])];
                    assert!(next > place, "nothing is missing before the byte {next} of the sender");
                    (place, known) = (next, true);
                }
                assert_eq!(STREAM.get(place..place + bytes.len()), Some(bytes), "other bytes than at {place}");
                place += bytes.len();
            }
            StreamItem::Gap { missing: Missing::Bytes(bytes), .. } if known => place += bytes as usize,
            StreamItem::Gap { missing: Missing::Bytes(_), .. } => {}
            StreamItem::Gap { .. } => known = false,
            StreamItem::Conflict { .. } => panic!("a conflict that nobody made: {item:?}"),
            StreamItem::OutOfWindow { .. } => panic!("nothing is far away: {item:?}"),
            _ => {}
        }
    }
}

/// The payload of a packet: its first byte names it.
fn content(packet: usize) -> Vec<u8> {
    let rest = (0..packet * 37 % 61).map(|n| (packet * 151 + n * 89 + ((n * n) >> 3)) as u8);
    [packet as u8].into_iter().chain(rest).collect()
}

/// A header of a given kind; the clock is that of a sender who sends steadily.
fn header(kind: u8, id: u16, seq: u16, ack: u16) -> Vec<u8> {
    let mut out = vec![kind << 4 | 1, 0];
    out.extend(id.to_be_bytes());
    out.extend([0; 12]);
    out.extend(seq.to_be_bytes());
    out.extend(ack.to_be_bytes());
    out
}

const PACKETS: usize = 128;
/// The payloads of all packets, and where each begins.
static STREAM: LazyLock<Vec<u8>> = LazyLock::new(|| (0..PACKETS).flat_map(content).collect());
static STARTS: LazyLock<Vec<usize>> = LazyLock::new(|| {
    let lengths = (0..PACKETS).map(|packet| content(packet).len());
    lengths.scan(0, |end, len| Some(std::mem::replace(end, *end + len))).collect()
});
