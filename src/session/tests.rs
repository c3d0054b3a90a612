//! Both directions of a session, pushed item by item.

use super::*;
use crate::ends::{FrameId, Protocol, Timestamp};
use crate::wire::Framing;

const A: Direction = Direction::LowToHigh;
const B: Direction = Direction::HighToLow;

fn at(number: u64) -> At {
    At { time: Timestamp(number as i64), frame: FrameId::new(0, number) }
}

/// The blocks that were served, with how they were framed, where the parts of each direction come in turn.
fn served(parts: &[(Direction, &[u8])]) -> Vec<(u32, Answer, Framing)> {
    let ends = [(1, 1_000), (2, 6_881)].map(|(last, port)| Endpoint { ip: [192, 0, 2, last].into(), port });
    let (flow, _) = FlowKey::new(ends[0], ends[1], Protocol::Tcp);
    let mut session = Session::new(ConnectionId(1), flow, Transport::Tcp, Start::MidStream, &Limits::default());
    let (mut out, mut offsets) = (Vec::new(), [0; 2]);
    for ((direction, bytes), number) in parts.iter().zip(1..) {
        let offset = offsets[direction.index()];
        offsets[direction.index()] += bytes.len() as u64;
        let item = StreamItem::Data { offset, bytes, at: at(number), doubtful: false };
        session.push(*direction, &item, &mut out);
    }
    session.close(&mut out);
    let block = |event: &SessionEvent<'_>| match event {
        SessionEvent::Served(one) => Some((one.block.piece, one.answer, one.block.framing)),
        _ => None,
    };
    out.iter().filter_map(block).collect()
}

/// A `request`, or the beginning of the `piece` message that answers it.
fn message(len: u32, id: u8, piece: u32, length: Option<u32>) -> Vec<u8> {
    let length = length.map(u32::to_be_bytes).unwrap_or_default();
    let length = if id == 6 { length.as_slice() } else { &[] };
    [&len.to_be_bytes()[..], &[id], &piece.to_be_bytes(), &[0; 4], length].concat()
}

#[test]
fn a_search_goes_by_the_requests_that_are_unanswered_where_it_stands() {
    let request = [message(5, 4, 0, None)[..9].to_vec(), message(13, 6, 7, Some(100))].concat();
    let block = [message(109, 7, 7, None), vec![0xaa; 100]].concat();
    // An impossible length behind the answer, and then what looks like the same answer once more, but nothing chains.
    let noise = [0xff; 40];
    let stream = [&block[..], &noise, &block, &noise].concat();
    let solicited = Answer::Solicited(Span::single(at(1)));
    for cuts in [vec![], vec![block.len()], vec![60, block.len() + 20], vec![block.len() + 45]] {
        let mut parts = vec![(B, request.as_slice())];
        let (mut from, mut rest) = (0, stream.as_slice());
        for cut in cuts.iter().copied().chain([stream.len()]) {
            let (part, behind) = rest.split_at(cut - from);
            parts.push((A, part));
            (from, rest) = (cut, behind);
        }
        assert_eq!(served(&parts), [(7, solicited, Framing::Resynchronised)], "cut at {cuts:?}");
    }
}

#[test]
fn a_handshake_of_two_versions_names_no_torrent_whichever_part_of_it_came_first() {
    let ends = [(1, 1_000), (2, 6_881)].map(|(last, port)| Endpoint { ip: [192, 0, 2, last].into(), port });
    let (flow, _) = FlowKey::new(ends[0], ends[1], Protocol::Tcp);
    let hello = [&crate::wire::HANDSHAKE[..], &[0; 8], &[5; 20], &[6; 20]].concat();
    for (offset, other, twice) in
        [(28, [7; 20], true), (40, [7; 20], true), (28, [5; 20], false), (48, [7; 20], false)]
    {
        for parts in [[60, 8], [30, 38]] {
            let mut session =
                Session::new(ConnectionId(1), flow, Transport::Tcp, Start::Handshake, &Limits::default());
            let (mut out, mut place) = (Vec::new(), 0);
            for (number, len) in (1..).zip(parts) {
                let item = StreamItem::Data {
                    offset: place as u64,
                    bytes: &hello[place..place + len],
                    at: at(number),
                    doubtful: false,
                };
                session.push(A, &item, &mut out);
                if number == 1 {
                    session.push(A, &StreamItem::Conflict { offset, bytes: &other, at: at(9) }, &mut out);
                }
                place += len;
            }
            let side = session.side(A);
            assert_eq!((side.handshake.is_none(), side.handshake_twice), (twice, twice), "{offset} {parts:?}");
            assert_eq!(side.cut_handshake.is_some(), twice, "{offset} {parts:?}");
        }
    }
}
