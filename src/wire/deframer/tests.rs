//! Framing against streams whose content is known.

use proptest::prelude::*;

use super::*;
use crate::ends::{FrameId, Timestamp};
use crate::stream::{EndReason, GapCause};
use crate::wire::BlockRef;
use crate::wire::handshake::HANDSHAKE;
use crate::wire::message::encode;

mod lost_headers;
mod rifts;

struct Requests(Vec<BlockRef>);

impl Expectation for Requests {
    fn awaits(&self, block: BlockRef) -> bool {
        self.0.contains(&block)
    }

    fn any(&self) -> bool {
        !self.0.is_empty()
    }
}

/// A stream under construction: cuts and gaps become items.
#[derive(Default)]
struct Feed<'a> {
    items: Vec<StreamItem<'a>>,
    offset: u64,
}

impl<'a> Feed<'a> {
    fn at(&self) -> At {
        let number = self.items.len() as u64 + 1;
        At { time: Timestamp(number as i64), frame: FrameId::new(0, number) }
    }

    fn data(&mut self, bytes: &'a [u8]) {
        if !bytes.is_empty() {
            let at = self.at();
            self.items.push(StreamItem::Data { offset: self.offset, bytes, at, doubtful: false });
            self.offset += bytes.len() as u64;
        }
    }

    fn gap(&mut self, missing: Missing) {
        let at = self.at();
        self.items.push(StreamItem::Gap { offset: self.offset, missing, cause: GapCause::Unseen, at });
        if let Missing::Bytes(count) = missing {
            self.offset += count;
        }
    }

    fn run(mut self, start: Start, expected: &dyn Expectation, limits: &Limits) -> Vec<PeerEvent<'a>> {
        let at = self.at();
        self.items.push(StreamItem::End { reason: EndReason::Finished, at });
        let mut out = Vec::new();
        let mut deframer = Deframer::new(start, limits);
        for item in &self.items {
            deframer.push(item, expected, &mut out);
            assert!(deframer.queue.is_empty());
        }
        deframer.close(&mut out);
        out
    }
}

fn handshake() -> Vec<u8> {
    [&HANDSHAKE[..], &[0, 0, 0, 0, 0, 0x10, 0, 5], &[0xaa; 20], b"-lt2080-abcdefghijkl"].concat()
}

/// Payload without any zero, so that no header hides in it.
fn payload(len: usize, seed: u8) -> Vec<u8> {
    (0..len).map(|n| (n as u8 ^ seed) | 0x20).collect()
}

/// A handshake, one message of every kind, blocks of several lengths, an unknown id.
fn session() -> Vec<u8> {
    let mut stream = handshake();
    for message in encode::every() {
        stream.extend(encode::message(&message));
    }
    stream.extend(encode::piece(1, 0, &payload(64, 1)));
    stream.extend(encode::frame(250, b"nobody knows"));
    stream.extend(encode::piece(1, 64, &[]));
    stream.extend(encode::frame(7, b"short"));
    stream.extend(encode::frame(4, b"not a have"));
    stream.extend(encode::piece(2, 16_384, &payload(100, 2)));
    stream
}

/// An event in words, without frames and without the cuts of its runs.
fn plain(events: &[PeerEvent<'_>]) -> Vec<String> {
    let event = |event: &PeerEvent<'_>| match event {
        PeerEvent::Handshake(handshake) => format!("{:?} {:?}", handshake.info_hash, handshake.peer_id),
        PeerEvent::CutHandshake { .. } => "a cut handshake".into(),
        PeerEvent::CutRequest { piece, begin, .. } => format!("a cut request {piece} {begin}"),
        PeerEvent::Message { message, .. } => format!("{message:?}"),
        PeerEvent::Block(block) => {
            let bytes: Vec<u8> = block.runs.iter().flat_map(|run| run.bytes).copied().collect();
            let Block { piece, begin, len, captured_to, offset, framing, .. } = block;
            format!("block {piece} {begin} {len} {captured_to} @{offset} {framing:?} {bytes:?}")
        }
        PeerEvent::LostSync { .. } => "lost".into(),
        PeerEvent::Contest(contest) => format!("{contest:?}"),
        PeerEvent::Resynchronised { skipped, .. } => format!("found after {skipped}"),
        PeerEvent::GaveUp { skipped, .. } => format!("gave up after {skipped}"),
        PeerEvent::Unframed { skipped, .. } => format!("ended after {skipped}"),
        PeerEvent::CutBlock { len, captured, .. } => format!("a cut block {len} {captured}"),
        PeerEvent::Unknown { id, len, reason, .. } => format!("unknown {id} {len} {reason:?}"),
    };
    events.iter().map(event).collect()
}

/// Stream bytes that the events stand for, holes inside messages included.
fn extent(events: &[PeerEvent<'_>]) -> u64 {
    let of = |event: &PeerEvent<'_>| match event {
        PeerEvent::Handshake(_) | PeerEvent::CutHandshake { .. } => 68,
        PeerEvent::CutRequest { .. } => 17,
        PeerEvent::Message { message, .. } => encode::message(message).len() as u64,
        PeerEvent::Block(block) => 13 + u64::from(block.captured_to),
        PeerEvent::Resynchronised { skipped, .. }
        | PeerEvent::GaveUp { skipped, .. }
        | PeerEvent::Unframed { skipped, .. } => *skipped,
        PeerEvent::LostSync { .. } | PeerEvent::Contest(_) => 0,
        PeerEvent::Unknown { len, .. } if *len > Limits::default().message_bytes => 0,
        PeerEvent::Unknown { len, .. } | PeerEvent::CutBlock { len, .. } => 4 + u64::from(*len),
    };
    events.iter().map(of).sum()
}

fn blocks<'e, 'a>(events: &'e [PeerEvent<'a>]) -> Vec<&'e Block<'a>> {
    let block = |event: &'e PeerEvent<'a>| match event {
        PeerEvent::Block(block) => Some(block),
        _ => None,
    };
    events.iter().filter_map(block).collect()
}

fn whole(stream: &[u8], start: Start) -> Vec<PeerEvent<'_>> {
    let mut feed = Feed::default();
    feed.data(stream);
    feed.run(start, &Nothing, &Limits::default())
}

#[test]
fn a_session_is_read_message_by_message() {
    let stream = session();
    let events = whole(&stream, Start::Handshake);
    let messages: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            PeerEvent::Message { message, .. } => Some(message.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(messages, encode::every());
    assert_eq!(extent(&events), stream.len() as u64);
    assert_eq!(blocks(&events).iter().map(|block| block.len).collect::<Vec<_>>(), [64, 0, 100]);
    assert!(blocks(&events).iter().all(|block| block.framing == Framing::InSync));
    let said = plain(&events);
    for unknown in ["unknown 250 13 Id", "unknown 7 6 Body", "unknown 4 11 Body"] {
        assert!(said.iter().any(|event| event == unknown), "{unknown}");
    }
}

#[test]
fn a_stream_split_at_any_point_or_into_single_bytes_reads_the_same() {
    let stream = session();
    let expected = plain(&whole(&stream, Start::Handshake));
    for cut in 1..stream.len() {
        let mut feed = Feed::default();
        feed.data(&stream[..cut]);
        feed.data(&stream[cut..]);
        assert_eq!(plain(&feed.run(Start::Handshake, &Nothing, &Limits::default())), expected, "cut at {cut}");
    }
    for size in 1..20 {
        let mut feed = Feed::default();
        stream.chunks(size).for_each(|chunk| feed.data(chunk));
        assert_eq!(plain(&feed.run(Start::Handshake, &Nothing, &Limits::default())), expected, "cut to {size}");
    }
}

#[test]
fn a_stream_that_ends_anywhere_accounts_for_every_byte() {
    let stream = session();
    for end in 0..stream.len() {
        assert_eq!(extent(&whole(&stream[..end], Start::Handshake)), end as u64, "cut off at {end}");
        assert_eq!(extent(&whole(&stream[end..], Start::MidStream)), (stream.len() - end) as u64, "from {end}");
    }
}

#[test]
fn a_gap_inside_a_block_keeps_sync() {
    let stream = [encode::piece(1, 0, &payload(100, 1)), encode::piece(1, 100, &payload(50, 2))].concat();
    let stream = [handshake(), stream].concat();
    for end in 68 + 14..=68 + 113 {
        let mut feed = Feed::default();
        feed.data(&stream[..68 + 13]);
        feed.gap(Missing::Bytes(end as u64 - 81));
        feed.data(&stream[end..]);
        let events = feed.run(Start::Handshake, &Nothing, &Limits::default());
        let blocks = blocks(&events);
        assert_eq!(blocks.len(), 2);
        assert_eq!((blocks[0].captured_to, blocks[1].captured_to), (100, 50));
        assert_eq!(blocks[0].runs.iter().map(|run| run.bytes.len()).sum::<usize>(), 181 - end);
        assert_eq!(blocks[1].framing, Framing::InSync);
        assert_eq!(extent(&events), stream.len() as u64);
    }
}

#[test]
fn a_gap_anywhere_costs_no_block_that_it_does_not_touch_when_they_were_requested() {
    let mut stream = handshake();
    let mut places = Vec::new();
    let mut requests = Vec::new();
    for n in 0..6 {
        stream.extend(encode::message(&Message::Have { piece: n }));
        places.push((stream.len(), stream.len() + 13 + 40));
        requests.push(BlockRef { piece: n, begin: n * 40, length: 40 });
        stream.extend(encode::piece(n, n * 40, &payload(40, n as u8)));
    }
    let requests = Requests(requests);
    for start in 68..stream.len() {
        for len in [1, 3, 12, 60] {
            for known in [true, false] {
                let end = (start + len).min(stream.len());
                let mut feed = Feed::default();
                feed.data(&stream[..start]);
                feed.gap(if known { Missing::Bytes((end - start) as u64) } else { Missing::Unknown });
                feed.data(&stream[end..]);
                let held = (stream.len() - (end - start)) as u64;
                let events = feed.run(Start::Handshake, &requests, &Limits::default());
                let found = blocks(&events);
                for (n, (from, to)) in places.iter().enumerate() {
                    if end <= *from || start >= *to {
                        let found = found.iter().any(|block| block.piece == n as u32 && block.captured_to == 40);
                        assert!(found, "block {n}, gap {start}..{end}, known {known}: {:?}", plain(&events));
                    }
                }
                let extent = extent(&events);
                let most = held + if known { (end - start) as u64 } else { 0 };
                assert!((held..=most).contains(&extent), "gap {start}..{end} known {known}: {extent} of {held}");
            }
        }
    }
}

#[test]
fn a_gap_over_any_header_costs_no_other_standard_block_even_when_no_request_was_seen() {
    let noisy = |n: u32| (0..16_384_u32).map(|k| ((k * k + n) >> 3) as u8 & 0x0f).collect::<Vec<_>>();
    let stream = [handshake(), (0..4).flat_map(|n| encode::piece(n, 16_384 * n, &noisy(n))).collect()].concat();
    let second = 68 + 16_397;
    for start in second - 20..second + 16 {
        for len in [1, 4, 30, 16_397] {
            for known in [true, false] {
                let end = start + len;
                let mut feed = Feed::default();
                stream[..start].chunks(1_448).for_each(|chunk| feed.data(chunk));
                feed.gap(if known { Missing::Bytes(len as u64) } else { Missing::Unknown });
                stream[end..].chunks(1_448).for_each(|chunk| feed.data(chunk));
                let events = feed.run(Start::Handshake, &Nothing, &Limits::default());
                for n in 0..4_usize {
                    let (from, to) = (68 + n * 16_397, 68 + (n + 1) * 16_397);
                    if end <= from || start >= to {
                        let whole = |block: &&Block<'_>| {
                            block.piece == n as u32
                                && block.runs.iter().map(|run| run.bytes.len()).sum::<usize>() == 16_384
                        };
                        assert!(blocks(&events).iter().any(whole), "block {n}, gap {start}..{end}, known {known}");
                    }
                }
            }
        }
    }
}

#[test]
fn a_block_cites_its_frames_and_a_doubtful_one_marks_it() {
    let stream = [handshake(), encode::piece(0, 0, &payload(100, 0)), encode::piece(0, 100, b"x")].concat();
    let mut feed = Feed::default();
    stream.chunks(40).for_each(|chunk| feed.data(chunk));
    if let StreamItem::Data { doubtful, .. } = &mut feed.items[3] {
        *doubtful = true;
    }
    let events = feed.run(Start::Handshake, &Nothing, &Limits::default());
    let blocks = blocks(&events);
    assert_eq!((blocks[0].span.first.frame.number(), blocks[0].span.last.frame.number()), (2, 5));
    assert_eq!((blocks[0].doubtful, blocks[1].doubtful), (true, false));
    assert_eq!((blocks[0].offset, blocks[0].runs.len()), (81, 3));
}

#[test]
fn a_middle_of_a_stream_is_read_from_its_first_whole_block_without_any_request() {
    let mut stream = payload(500, 9);
    for n in 0..3 {
        stream.extend(encode::piece(n, 16_384 * n, &payload(16_384, n as u8)));
    }
    stream.extend(encode::piece(9, 0, &payload(33, 4)));
    for size in [1, 7, 1_448, 65_536] {
        let mut feed = Feed::default();
        stream.chunks(size).for_each(|chunk| feed.data(chunk));
        let events = feed.run(Start::MidStream, &Nothing, &Limits::default());
        assert!(matches!(events.first(), Some(PeerEvent::Resynchronised { skipped: 500, .. })));
        assert_eq!(blocks(&events).len(), 4);
        assert!(blocks(&events).iter().all(|block| block.framing == Framing::Resynchronised));
        assert_eq!(extent(&events), stream.len() as u64);
    }
}

#[test]
fn a_handshake_behind_something_else_is_content() {
    let stream = [payload(600, 3), session()].concat();
    for start in [Start::Handshake, Start::MidStream] {
        for size in [1, 5, 100, 4_000] {
            let mut feed = Feed::default();
            stream.chunks(size).for_each(|chunk| feed.data(chunk));
            let events = feed.run(start, &Nothing, &Limits::default());
            assert!(!events.iter().any(|event| matches!(event, PeerEvent::Handshake(_))), "{start:?} {size}");
            assert!(blocks(&events).iter().all(|block| block.framing == Framing::Resynchronised));
            assert_eq!(extent(&events), stream.len() as u64);
        }
    }
}

#[test]
fn a_handshake_is_believed_as_the_first_bytes_that_were_captured() {
    let stream = session();
    for (size, lost) in [(1, 0), (5, 0), (100, 900), (4_000, 900)] {
        let mut feed = Feed::default();
        if lost > 0 {
            feed.gap(Missing::Bytes(lost));
        }
        stream.chunks(size).for_each(|chunk| feed.data(chunk));
        let events = feed.run(Start::MidStream, &Nothing, &Limits::default());
        assert!(events.iter().any(|event| matches!(event, PeerEvent::Handshake(_))), "{size} {lost}");
        assert_eq!(extent(&events), stream.len() as u64);
    }
}

#[test]
fn a_length_of_4_gib_is_not_believed_and_swallows_nothing() {
    let mut stream = handshake();
    stream.extend([0xff, 0xff, 0xff, 0xff, 7, 1, 2, 3, 4]);
    stream.extend(encode::piece(1, 0, &payload(16_384, 1)));
    for cut in 60..100 {
        let mut feed = Feed::default();
        feed.data(&stream[..cut]);
        feed.data(&stream[cut..]);
        let events = feed.run(Start::Handshake, &Nothing, &Limits::default());
        assert_eq!(blocks(&events).len(), 1, "cut at {cut}: {:?}", plain(&events).len());
        assert!(events.iter().any(|e| matches!(e, PeerEvent::Unknown { reason: UnknownReason::Length, .. })));
        assert_eq!(extent(&events), stream.len() as u64);
    }
}

#[test]
fn blocks_of_any_usual_length_are_read() {
    for len in [1, 16_384, 32_768, 131_072, 1 << 20] {
        let stream = [handshake(), encode::piece(0, 0, &payload(len, 0)), encode::piece(0, 5, b"x")].concat();
        let mut feed = Feed::default();
        stream.chunks(1_448).for_each(|chunk| feed.data(chunk));
        let events = feed.run(Start::Handshake, &Nothing, &Limits::default());
        assert_eq!(blocks(&events).iter().map(|block| block.captured_to as usize).collect::<Vec<_>>(), [len, 1]);
    }
}

#[test]
fn a_fruitless_search_ends_at_its_bound_and_still_counts() {
    let junk = payload(10_000, 5);
    let limits = Limits { resync_bytes: 3_000, ..Limits::default() };
    let mut feed = Feed::default();
    junk.chunks(1_000).for_each(|chunk| feed.data(chunk));
    let events = feed.run(Start::MidStream, &Nothing, &limits);
    assert_eq!(plain(&events), ["gave up after 4000", "gave up after 6000"]);
}

#[test]
fn a_message_longer_than_the_scratch_is_skipped_by_its_length() {
    let limits = Limits { scratch_bytes: 50, ..Limits::default() };
    let stream = [handshake(), encode::frame(5, &[1; 60]), encode::frame(5, &[1; 50])].concat();
    let mut feed = Feed::default();
    stream.chunks(30).for_each(|chunk| feed.data(chunk));
    let said = plain(&feed.run(Start::Handshake, &Nothing, &limits));
    assert_eq!(said[1], "unknown 5 61 Length");
    assert!(said[2].starts_with("Bitfield"));
}

#[test]
fn the_first_bytes_tell_a_handshake() {
    let stream = handshake();
    assert_eq!(sniff(b""), Sniff::NeedMore);
    assert_eq!(sniff(&stream[..19]), Sniff::NeedMore);
    assert_eq!(sniff(&stream[..20]), Sniff::Handshake);
    assert_eq!(sniff(b"\x13BitTorrent Protocol"), Sniff::Other);
}

/// Bytes that resemble messages often enough to reach every branch.
fn noise() -> impl Strategy<Value = Vec<u8>> {
    let small = prop_oneof![Just(0_u8), Just(0), 0..30_u8, any::<u8>()];
    let bytes = prop::collection::vec(small, 0..60);
    let block = (0..3_u32, 0..4_u32, 0..80_usize)
        .prop_map(|(piece, begin, len)| encode::piece(piece, begin * 16_384, &payload(len, piece as u8)));
    let message = prop::sample::select(encode::every()).prop_map(|message| encode::message(&message));
    prop::collection::vec(prop_oneof![bytes, block, message, Just(session()), Just(handshake())], 0..12)
        .prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn anything_is_read_without_panic_and_every_byte_belongs_to_one_event(
        stream in noise(),
        cuts in prop::collection::vec((1..200_usize, 0..8_u8, 1..90_u64), 1..40),
        mid in any::<bool>(),
        asked in any::<bool>(),
    ) {
        let mut feed = Feed::default();
        let (mut rest, mut missing) = (&stream[..], 0);
        for (len, kind, gap) in cuts.into_iter().cycle().take(1_000) {
            let (head, tail) = rest.split_at(len.min(rest.len()));
            rest = tail;
            feed.data(head);
            match kind {
                0 => feed.gap(Missing::Unknown),
                1 => { feed.gap(Missing::Bytes(gap)); missing += gap; }
                _ => {}
            }
        }
        feed.data(rest);
        let requests = Requests(match asked {
            true => vec![BlockRef { piece: 1, begin: 16_384, length: 40 }],
            false => vec![],
        });
        let start = if mid { Start::MidStream } else { Start::Handshake };
        let events = feed.run(start, &requests, &Limits::default());
        blocks(&events).iter().for_each(|block| block.check());
        let extent = extent(&events);
        let held = stream.len() as u64;
        prop_assert!((held..=held + missing).contains(&extent), "{extent} of {held} + {missing}");
    }

    #[test]
    fn how_a_stream_is_cut_changes_nothing_even_while_searching(
        stream in noise(),
        sizes in prop::collection::vec(1..90_usize, 1..10),
        mid in any::<bool>(),
        asked in any::<bool>(),
    ) {
        let requests = Requests(match asked {
            true => vec![BlockRef { piece: 1, begin: 16_384, length: 40 }],
            false => vec![],
        });
        let start = if mid { Start::MidStream } else { Start::Handshake };
        let (mut one, mut many, mut rest) = (Feed::default(), Feed::default(), &stream[..]);
        one.data(&stream);
        for size in sizes.into_iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (head, tail) = rest.split_at(size.min(rest.len()));
            many.data(head);
            rest = tail;
        }
        let one = one.run(start, &requests, &Limits::default());
        let many = many.run(start, &requests, &Limits::default());
        // Other framings are told where their search is over, which is not at the same event.
        let apart = |events: &[PeerEvent<'_>]| -> (Vec<String>, Vec<String>) {
            let (mut contests, framed): (Vec<_>, Vec<_>) =
                plain(events).into_iter().partition(|event| event.starts_with("Contest"));
            contests.sort();
            (contests, framed)
        };
        let (one, many) = (apart(&one), apart(&many));
        prop_assert_eq!(&one.1, &many.1);
        prop_assert_eq!(one.0, many.0, "{:?}", one.1);
    }
}
