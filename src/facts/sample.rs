//! Facts to test with: made by a small generator, so that every field takes all kinds of values.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Answer, Block, BlockId, Body, Place, Receiver, Run, SPILL};
use crate::ends::{At, ConnectionId, Direction, FrameId, Span, Timestamp};
use crate::wire::Framing;

/// Random numbers, equal for equal seeds (xorshift).
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    pub(crate) fn next(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below.max(1)
    }

    /// An integer of any size.
    fn any(&mut self) -> u64 {
        let shift = self.next(64);
        self.next(u64::MAX) >> shift
    }

    fn any32(&mut self) -> u32 {
        self.any() as u32
    }

    fn frame(&mut self) -> FrameId {
        FrameId::new(self.next(3) as u16, self.any() % (1 << 48) + 1)
    }

    fn at(&mut self) -> At {
        At { time: Timestamp(self.any() as i64), frame: self.frame() }
    }

    fn span(&mut self) -> Span {
        Span { first: self.at(), last: self.at() }
    }

    fn framing(&mut self) -> Framing {
        if self.next(2) == 0 { Framing::InSync } else { Framing::Resynchronised }
    }

    fn runs(&mut self) -> Vec<Run> {
        let count = self.next(5);
        (0..count)
            .map(|_| {
                let store = if self.next(3) == 0 { SPILL } else { self.next(2) as u16 };
                Run {
                    start: self.any32(),
                    len: self.any32().max(1),
                    stream: self.any(),
                    place: Place { store, offset: self.any() },
                    frame: self.frame(),
                    head: self.next(256) as u8,
                }
            })
            .collect()
    }
}

/// Blocks of which one has nothing to do with the other.
pub(crate) fn strange_blocks(seed: u64, count: usize) -> Vec<Block> {
    let mut numbers = Numbers(seed | 1);
    let numbers = &mut numbers;
    (0..count)
        .map(|_| Block {
            id: BlockId(numbers.any()),
            order: numbers.any(),
            connection: ConnectionId(numbers.next(4)),
            reading: numbers.next(2) as u8,
            from: if numbers.next(2) == 0 { Direction::LowToHigh } else { Direction::HighToLow },
            piece: numbers.any32(),
            begin: numbers.any32(),
            len: numbers.any32(),
            captured_to: numbers.any32(),
            offset: numbers.any(),
            runs: numbers.runs(),
            span: numbers.span(),
            framing: numbers.framing(),
            answers: match numbers.next(4) {
                0 => Answer::Unasked,
                1 => Answer::Cancelled { span: numbers.span() },
                acknowledged => Answer::Request { span: numbers.span(), acknowledged: acknowledged == 2 },
            },
            advertised: (numbers.next(3) > 0).then(|| numbers.span()),
            receiver: Receiver {
                ip: match numbers.next(3) {
                    0 => IpAddr::V6(Ipv6Addr::from_bits(u128::from(numbers.any()) << 40)),
                    _ => IpAddr::V4(Ipv4Addr::from_bits(numbers.any32())),
                },
                port: (numbers.next(2) == 0).then(|| numbers.any() as u16),
            },
        })
        .collect()
}

/// Bodies of which one has nothing to do with the other.
pub(crate) fn strange_bodies(seed: u64, count: usize) -> Vec<Body> {
    let mut numbers = Numbers(seed | 1);
    let numbers = &mut numbers;
    (0..count)
        .map(|_| {
            let runs = numbers.runs();
            let times = runs.iter().map(|_| Timestamp(numbers.any() as i64)).collect();
            Body {
                connection: ConnectionId(numbers.any()),
                order: numbers.any(),
                request: (numbers.next(2) == 0).then(|| numbers.any32()),
                status: numbers.any() as u16,
                first_byte: numbers.any(),
                total: (numbers.next(2) == 0).then(|| numbers.any()),
                runs,
                times,
                len: numbers.any32(),
                offset: numbers.any(),
                span: numbers.span(),
                framing: numbers.framing(),
            }
        })
        .collect()
}

/// Blocks of 16 KiB as two flows of full segments carry them, one after the other.
pub(crate) fn blocks(count: usize) -> Vec<Block> {
    let (mut frame, mut place) = (0, 24);
    let mut offsets = [68; 2];
    let at = |frame: u64| At {
        time: Timestamp(1_700_000_000_000_000_000 + frame as i64 * 118_377),
        frame: FrameId::new(0, frame),
    };
    (0..count as u64)
        .map(|number| {
            let flow = number as usize % 2;
            let offset = offsets[flow] + 13;
            offsets[flow] = offset + 16_384;
            let (begin, first) = ((number / 2 % 16) as u32 * 16_384, frame + 1);
            let runs = (0..16_384_u32).step_by(1_448).map(|start| {
                frame += 1;
                place += 16 + 66 + 1_448;
                let len = (16_384 - start).min(1_448);
                let place = Place { store: 0, offset: place };
                Run {
                    start,
                    len,
                    stream: offset + u64::from(start),
                    place,
                    frame: FrameId::new(0, frame),
                    head: 52,
                }
            });
            let runs = runs.collect();
            let asked = Span::single(at(first.saturating_sub(200).max(1)));
            Block {
                id: BlockId(number),
                order: frame,
                connection: ConnectionId(1 + flow as u64),
                reading: 0,
                from: Direction::LowToHigh,
                piece: (number / 32) as u32,
                begin,
                len: 16_384,
                captured_to: 16_384,
                offset,
                runs,
                span: Span { first: at(first), last: at(frame) },
                framing: Framing::InSync,
                answers: Answer::Request { span: asked, acknowledged: false },
                advertised: Some(Span::single(at(3))),
                receiver: Receiver { ip: Ipv4Addr::new(192, 0, 2, 7).into(), port: Some(6881) },
            }
        })
        .collect()
}
