//! Each special case of TCP, then random traffic against an obviously correct slow model.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};

use super::*;
use crate::packet::{Checksum, Payload, TcpFlags};
use crate::stream::checked::{at, bytes, check};
use crate::stream::{GapCause, Missing};

mod acks;
mod cut;
mod model;
mod strange;

const A: Direction = Direction::LowToHigh;
const B: Direction = Direction::HighToLow;
const LIMITS: StreamLimits =
    StreamLimits { pending_segments: 4_096, history_segments: 1_024, acked_hole_wait_ns: 2_000_000_000, holes: 64 };

/// A connection with a frame counter.
struct Run<'cap> {
    connection: TcpConnection<'cap>,
    frame: u64,
    out: Vec<(Direction, StreamItem<'cap>)>,
}

fn segment(seq: u32, bytes: &[u8]) -> TcpSegment<'_> {
    TcpSegment {
        seq,
        ack: None,
        flags: TcpFlags::default(),
        payload: Payload { bytes, wire_len: bytes.len() as u32 },
        checksum: Checksum::Unchecked,
    }
}

fn syn(seq: u32) -> TcpSegment<'static> {
    TcpSegment { flags: TcpFlags { syn: true, ..TcpFlags::default() }, ..segment(seq, b"") }
}

fn fin(seq: u32, bytes: &[u8]) -> TcpSegment<'_> {
    TcpSegment { flags: TcpFlags { fin: true, ..TcpFlags::default() }, ..segment(seq, bytes) }
}

fn rst(seq: u32) -> TcpSegment<'static> {
    TcpSegment { flags: TcpFlags { rst: true, ..TcpFlags::default() }, ..segment(seq, b"") }
}

fn ack(ack: u32) -> TcpSegment<'static> {
    TcpSegment { ack: Some(ack), ..segment(0, b"") }
}

fn cut(seq: u32, bytes: &[u8], wire_len: u32) -> TcpSegment<'_> {
    TcpSegment { payload: Payload { bytes, wire_len }, ..segment(seq, b"") }
}

impl<'cap> Run<'cap> {
    fn new(limits: &StreamLimits) -> Self {
        Self { connection: TcpConnection::new(limits), frame: 0, out: Vec::new() }
    }

    /// A run whose direction A begins with a SYN, so that offset 0 is sequence number 1000.
    fn opened() -> Self {
        let mut run = Self::new(&LIMITS);
        run.push(A, syn(999));
        run
    }

    fn push(&mut self, direction: Direction, segment: TcpSegment<'cap>) -> &mut Self {
        self.frame += 1;
        self.connection.push(at(self.frame), direction, &segment, &mut self.out);
        self
    }

    fn items(&self, direction: Direction) -> Vec<StreamItem<'cap>> {
        self.out.iter().filter(|(of, _)| *of == direction).map(|(_, item)| *item).collect()
    }

    /// Returns true if the connection is over with this segment, and another one begins.
    fn is_replaced_by(&mut self, direction: Direction, segment: &TcpSegment<'cap>) -> bool {
        self.connection.replaced_by(direction, segment).is_some()
    }

    fn close(&mut self) -> Vec<StreamItem<'cap>> {
        self.connection.close(EndReason::Open, &mut self.out);
        check(self.items(A));
        check(self.items(B));
        self.items(A)
    }

    fn reason(&mut self) -> EndReason {
        match self.close().last() {
            Some(StreamItem::End { reason, .. }) => *reason,
            other => panic!("ends with {other:?}"),
        }
    }
}

fn gaps(items: &[StreamItem<'_>]) -> Vec<(u64, u64, GapCause)> {
    let gap = |item: &StreamItem<'_>| match *item {
        StreamItem::Gap { offset, missing: Missing::Bytes(len), cause, .. } => Some((offset, len, cause)),
        _ => None,
    };
    items.iter().filter_map(gap).collect()
}

fn conflicts<'cap>(items: &[StreamItem<'cap>]) -> Vec<(u64, &'cap [u8])> {
    let conflict = |item: &StreamItem<'cap>| match *item {
        StreamItem::Conflict { offset, bytes, .. } => Some((offset, bytes)),
        _ => None,
    };
    items.iter().filter_map(conflict).collect()
}

#[test]
fn the_opening_names_the_initiator_and_its_three_frames() {
    let mut run = Run::opened();
    run.push(B, TcpSegment { ack: Some(1000), ..syn(4999) }).push(A, ack(5000)).push(A, segment(1000, b"x"));
    let opening = Opening {
        initiator: Some(A),
        syn: Some(at(1)),
        syn_ack: Some(at(2)),
        ack: Some(at(3)),
        confirmed: [true; 2],
        present: [true; 2],
        multipath: false,
    };
    assert_eq!(run.connection.opening(), opening);
    run.close();
}

#[test]
fn an_answer_to_another_syn_opens_nothing() {
    let mut run = Run::opened();
    run.push(B, TcpSegment { ack: Some(77), ..syn(4999) }).push(A, ack(5000));
    assert_eq!(run.connection.opening().syn_ack, None);
    assert_eq!(run.connection.opening().ack, None);
}

#[test]
fn sequence_numbers_wrap() {
    let mut run = Run::new(&LIMITS);
    run.push(A, syn(u32::MAX - 2)).push(A, segment(2, b"ef")).push(A, segment(u32::MAX - 1, b"abcd"));
    run.push(B, ack(4));
    let items = run.close();
    assert_eq!(bytes(items.clone()), b"abcdef");
    assert!(items.contains(&StreamItem::Acked { upto: 6, at: at(4) }));
    assert_eq!(gaps(&items), []);
}

#[test]
fn segments_reordered_at_the_start_of_the_capture_are_not_lost() {
    let mut run = Run::new(&LIMITS);
    run.push(A, segment(104, b"ef")).push(A, segment(100, b"abcd")).push(A, segment(106, b"gh"));
    assert_eq!(bytes(run.close()), b"abcdefgh");
}

#[test]
fn bytes_before_a_decided_start_are_late() {
    let mut run = Run::new(&LIMITS);
    run.push(A, segment(104, b"ef")).push(B, ack(106)).push(A, segment(100, b"abcdef"));
    let items = run.close();
    assert_eq!(bytes(items.clone()), b"ef");
    assert!(items.contains(&StreamItem::Late { offset: 0, bytes: b"abcd", at: at(3) }));
    assert_eq!(conflicts(&items), []);
}

#[test]
fn a_syn_captured_after_the_first_data_decides_the_start() {
    let mut run = Run::new(&LIMITS);
    run.push(A, segment(1002, b"cd"));
    assert!(!run.is_replaced_by(A, &syn(999)));
    run.push(A, syn(999)).push(A, segment(1000, b"ab"));
    assert_eq!(bytes(run.close()), b"abcd");
}

#[test]
fn syn_and_fin_may_carry_payload() {
    let mut run = Run::new(&LIMITS);
    run.push(A, TcpSegment { payload: Payload { bytes: b"ab", wire_len: 2 }, ..syn(999) });
    run.push(A, fin(1002, b"cd")).push(B, ack(1005));
    assert_eq!(run.reason(), EndReason::Finished);
    let items = run.items(A);
    assert_eq!(bytes(items.clone()), b"abcd");
    assert!(items.contains(&StreamItem::Acked { upto: 4, at: at(3) }), "the FIN is no byte");
    assert_eq!(gaps(&items), []);
}

#[test]
fn a_fin_out_of_order_waits_for_its_bytes() {
    let mut run = Run::opened();
    run.push(A, fin(1002, b"cd")).push(A, segment(1000, b"ab"));
    assert_eq!(run.reason(), EndReason::Finished);
    assert_eq!(bytes(run.items(A)), b"abcd");
}

#[test]
fn a_fin_behind_bytes_never_captured_leaves_a_gap() {
    let mut run = Run::opened();
    run.push(A, segment(1000, b"ab")).push(A, fin(1007, b""));
    assert_eq!(gaps(&run.close()), [(2, 5, GapCause::Unseen)]);
}

#[test]
fn bytes_behind_a_forged_fin_or_rst_are_delivered() {
    let mut run = Run::opened();
    run.push(A, fin(1000, b"")).push(A, rst(1000)).push(A, segment(1000, b"ab")).push(A, segment(1002, b"cd"));
    assert_eq!(run.reason(), EndReason::Open);
    assert_eq!(bytes(run.items(A)), b"abcd");
}

#[test]
fn a_fin_before_bytes_that_were_seen_is_none_whichever_came_first() {
    for order in [[0, 1, 2], [0, 2, 1], [2, 0, 1]] {
        let mut run = Run::opened();
        for segment in order.map(|index| [segment(1000, b"ab"), fin(1002, b"cd"), segment(1006, b"gh")][index]) {
            run.push(A, segment);
        }
        run.push(B, ack(1010));
        assert!(!run.connection.is_settled(), "{order:?}");
        let items = run.close();
        assert_eq!(gaps(&items), [(4, 2, GapCause::Acknowledged), (8, 2, GapCause::Acknowledged)], "{order:?}");
        assert!(matches!(items.last(), Some(StreamItem::End { reason: EndReason::Open, .. })), "{order:?}");
    }
}

#[test]
fn an_rst_ends_both_directions() {
    let mut run = Run::opened();
    run.push(A, segment(1000, b"ab")).push(B, segment(5000, b"x")).push(B, rst(5001));
    assert!(run.connection.is_over());
    assert_eq!(run.reason(), EndReason::Reset);
    assert!(matches!(run.items(B).last(), Some(StreamItem::End { reason: EndReason::Reset, .. })));
}

#[test]
fn packets_from_far_away_are_ignored_and_said_to_be() {
    let mut run = Run::opened();
    run.push(A, segment(1000, b"ab")).push(A, rst(1000 + (1 << 31)));
    run.push(A, segment(1000 + (1 << 30) + 100, b"wild")).push(B, ack(1000 + (1 << 30) + 100));
    assert_eq!(run.reason(), EndReason::Open);
    let items = run.items(A);
    assert!(items.contains(&StreamItem::OutOfWindow { len: 0, at: at(3) }));
    assert!(items.contains(&StreamItem::OutOfWindow { len: 4, at: at(4) }));
    assert_eq!((bytes(items.clone()), gaps(&items)), (b"ab".to_vec(), vec![]));
}

#[test]
fn a_stream_that_is_elsewhere_after_a_pause_of_the_capture_goes_on() {
    for far in [1_u32 << 31, 3 << 30] {
        let mut run = Run::opened();
        run.push(A, segment(1000, b"ab")).push(A, segment(1003, b"dd"));
        for (n, bytes) in [b"ef", b"gh", b"ij", b"kl", b"mn"].iter().enumerate() {
            run.push(A, segment(far.wrapping_add(2 * n as u32), &bytes[..]));
            run.push(A, segment(far.wrapping_add(2 * n as u32), &bytes[..]));
        }
        run.push(B, ack(far.wrapping_add(10)));
        let items = run.close();
        assert_eq!(bytes(items.clone()), b"abddefghijklmn");
        assert_eq!(gaps(&items), [(2, 1, GapCause::Unseen)]);
        let unknown = |item: &StreamItem<'_>| matches!(item, StreamItem::Gap { missing: Missing::Unknown, .. });
        assert!(items.iter().any(unknown));
        assert!(items.contains(&StreamItem::Acked { upto: 15, at: at(14) }));
    }
}

#[test]
fn a_keep_alive_is_no_conflict() {
    let mut run = Run::opened();
    run.push(A, segment(1000, b"ab")).push(A, segment(1001, b"?")).push(A, segment(1001, b""));
    run.push(A, fin(1002, b"")).push(A, segment(1002, b"?"));
    assert_eq!(run.reason(), EndReason::Finished);
    let items = run.items(A);
    assert_eq!((bytes(items.clone()), conflicts(&items)), (b"ab".to_vec(), vec![]));
}

#[test]
fn a_fin_sent_again_with_the_last_byte_is_a_fin() {
    let mut run = Run::opened();
    run.push(A, segment(1000, b"ab")).push(A, fin(1001, b"b"));
    assert_eq!(run.reason(), EndReason::Finished);
    assert_eq!(bytes(run.items(A)), b"ab");
}

#[test]
fn a_zero_window_probe_is_data() {
    let mut run = Run::opened();
    run.push(A, segment(1000, b"ab")).push(A, segment(1002, b"c")).push(A, segment(1002, b"cde"));
    let items = run.close();
    assert_eq!((bytes(items.clone()), conflicts(&items)), (b"abcde".to_vec(), vec![]));
}

#[test]
fn the_first_copy_of_delivered_and_of_waiting_bytes_is_kept() {
    let mut run = Run::opened();
    run.push(A, segment(1000, b"abcd")).push(A, segment(1006, b"gh"));
    run.push(A, segment(1000, b"aXcX")).push(A, segment(1004, b"efgZij"));
    let items = run.close();
    assert_eq!(bytes(items.clone()), b"abcdefghij");
    assert_eq!(conflicts(&items), [(1, &b"XcX"[..]), (7, b"Z")]);
}

#[test]
fn a_hole_that_fills_is_no_gap() {
    let mut run = Run::opened();
    run.push(A, segment(1002, b"cd")).push(B, ack(1004)).push(A, segment(1000, b"ab"));
    let items = run.close();
    assert_eq!((bytes(items.clone()), gaps(&items)), (b"abcd".to_vec(), vec![]));
    assert!(items.contains(&StreamItem::Acked { upto: 4, at: at(3) }), "given out once it is delivered");
}

#[test]
fn an_acknowledged_hole_becomes_a_gap_after_the_wait_and_later_bytes_for_it_are_late() {
    let mut run = Run::opened();
    run.push(A, segment(1002, b"cd")).push(B, ack(1003));
    assert_eq!(gaps(&run.items(A)), []);
    run.frame += 2_100;
    run.push(B, ack(1004));
    assert_eq!(gaps(&run.items(A)), [(0, 2, GapCause::Acknowledged)]);
    run.push(A, segment(1000, b"abcd"));
    assert!(run.close().contains(&StreamItem::Late { offset: 0, bytes: b"ab", at: at(2_105) }));
}

#[test]
fn an_acknowledged_hole_becomes_a_gap_after_1024_segments() {
    let data = [b'x'; 100];
    let mut run = Run::opened();
    run.push(A, segment(1002, b"cd")).push(B, ack(1004));
    for seq in 0..1_020 {
        run.push(A, segment(1004 + seq, &data[..1]));
    }
    assert_eq!(gaps(&run.items(A)), []);
    (1_020..1_030).for_each(|seq| _ = run.push(A, segment(1004 + seq, &data[..1])));
    assert_eq!(gaps(&run.items(A)), [(0, 2, GapCause::Acknowledged)]);
    run.close();
}

#[test]
fn only_the_acknowledged_part_of_a_hole_is_called_acknowledged() {
    let mut run = Run::opened();
    run.push(A, segment(1010, b"kl")).push(B, ack(1004));
    assert_eq!(gaps(&run.close()), [(0, 4, GapCause::Acknowledged), (4, 6, GapCause::Unseen)]);
}

#[test]
fn the_bound_on_waiting_segments_gives_up_the_first_hole() {
    let mut run = Run::new(&StreamLimits { pending_segments: 2, ..LIMITS });
    run.push(A, syn(999)).push(A, segment(1001, b"bb")).push(A, segment(1004, b"d"));
    run.push(A, segment(1006, b"ff"));
    assert_eq!(gaps(&run.items(A)), [(0, 1, GapCause::Limit)]);
    assert_eq!(bytes(run.close()), b"bbff");
}

#[test]
fn acknowledged_bytes_never_captured_at_the_end_are_a_gap() {
    let mut run = Run::opened();
    run.push(A, segment(1000, b"ab")).push(B, ack(1500));
    assert_eq!(gaps(&run.close()), [(2, 498, GapCause::Acknowledged)]);
    let mut run = Run::opened();
    run.push(A, segment(1000, b"ab")).push(B, ack(1003));
    assert_eq!(gaps(&run.close()), [], "a FIN that was not captured");
}

#[test]
fn a_snap_length_cut_is_a_gap_at_once_unless_a_longer_copy_waits() {
    let mut run = Run::opened();
    run.push(A, cut(1000, b"ab", 4)).push(A, segment(1004, b"ef"));
    let items = run.close();
    assert_eq!((bytes(items.clone()), gaps(&items)), (b"abef".to_vec(), vec![(2, 2, GapCause::Snaplen)]));

    let mut run = Run::opened();
    run.push(A, cut(1002, b"c", 6)).push(A, segment(1004, b"ef")).push(A, segment(1000, b"ab"));
    let items = run.close();
    assert_eq!(bytes(items.clone()), b"abcef");
    assert_eq!(gaps(&items), [(3, 1, GapCause::Snaplen), (6, 2, GapCause::Snaplen)]);
}

#[test]
fn a_retransmission_older_than_the_history_is_uncompared() {
    let mut run = Run::new(&StreamLimits { history_segments: 1, ..LIMITS });
    run.push(A, syn(999))
        .push(A, segment(1000, b"ab"))
        .push(A, segment(1002, b"cd"))
        .push(A, segment(1000, b"XXXX"));
    let items = run.close();
    assert!(items.contains(&StreamItem::Uncompared { offset: 0, len: 2, at: at(4), cut: false }));
    assert_eq!(conflicts(&items), [(2, &b"XX"[..])]);
}

/// Both directions with a SYN, bytes, and a FIN that the other one confirmed.
fn over<'cap>() -> Run<'cap> {
    let mut run = Run::opened();
    run.push(B, TcpSegment { ack: Some(1000), ..syn(1999) }).push(A, segment(1000, b"abcd"));
    run.push(B, TcpSegment { ack: Some(1004), ..fin(2000, b"xy") });
    run.push(A, TcpSegment { ack: Some(2003), ..fin(1004, b"") });
    run
}

#[test]
fn a_connection_is_settled_when_both_ends_are_confirmed_and_nothing_waits() {
    let mut run = over();
    assert!(run.connection.is_over() && !run.connection.is_settled());
    run.push(B, ack(1005));
    assert!(run.connection.is_settled());
    run.push(A, segment(1006, b"z"));
    assert!(!run.connection.is_settled(), "a byte behind a FIN disproves it");
    let mut run = Run::opened();
    run.push(A, segment(1000, b"ab")).push(B, rst(0));
    assert!(run.connection.is_settled());
    run.push(A, segment(1003, b"d"));
    assert!(!run.connection.is_settled(), "a byte waits behind a hole");
}

#[test]
fn after_the_end_only_what_was_not_there_before_is_another_connection() {
    let ended = over().connection.ended();
    for (direction, segment, expected) in [
        (A, segment(1000, b"abcd"), Leftover::Repeated(4)),
        (A, segment(1002, b"cd"), Leftover::Repeated(2)),
        (A, fin(1004, b""), Leftover::Nothing),
        (A, ack(2003), Leftover::Nothing),
        (A, rst(70_000), Leftover::Nothing),
        (A, syn(999), Leftover::Again),
        (A, syn(70_000), Leftover::Beyond),
        (A, segment(1003, b"d"), Leftover::Nothing),
        (A, segment(1002, b"cde"), Leftover::Beyond),
        (A, segment(1 << 30, b"x"), Leftover::Beyond),
        (B, segment(2000, b"xy"), Leftover::Repeated(2)),
        (B, syn(1999), Leftover::Again),
        (B, segment(2002, b"zz"), Leftover::Beyond),
    ] {
        assert_eq!(ended.judge(direction, &segment), expected, "{direction:?} {segment:?}");
    }
}

#[test]
fn another_initial_sequence_number_is_another_connection() {
    let mut run = Run::opened();
    run.push(A, segment(1000, b"ab"));
    assert!(!run.is_replaced_by(A, &syn(999)));
    assert!(!run.is_replaced_by(A, &syn(70_000)), "not before it is answered");
    assert!(!run.is_replaced_by(A, &segment(1 << 30, b"x")));
    run.push(A, rst(1002));
    assert!(run.is_replaced_by(A, &segment(1 << 30, b"x")));
    run.connection.close(EndReason::Replaced, &mut run.out);
    // Of a SYN that nobody answered nothing is lost with another one.
    let mut run = Run::opened();
    assert!(run.is_replaced_by(A, &syn(70_000)));
}

#[test]
fn an_idle_connection_is_small() {
    assert!(size_of::<TcpConnection<'_>>() <= 1_024, "{}", size_of::<TcpConnection<'_>>());
}

/// Which bytes a random segment covers, how many of them were captured, and whether they were altered.
#[derive(Clone, Debug)]
struct Sent {
    start: usize,
    len: usize,
    captured: usize,
    altered: bool,
    acked: Option<usize>,
}

fn sent(cuts: bool) -> impl Strategy<Value = Sent> {
    (0..200_usize, 1..40_usize, 0..80_usize, 0..8_u8, prop::option::weighted(0.2, 0..240_usize)).prop_map(
        move |(start, len, captured, altered, acked)| Sent {
            start,
            len,
            captured: if cuts { captured.min(len) } else { len },
            altered: altered == 0,
            acked: acked.filter(|_| cuts),
        },
    )
}

/// The places of single bytes that are told as gaps since they stand directly behind one, see [`side`].
fn lone_bytes(items: &[StreamItem<'_>]) -> Vec<usize> {
    let all = gaps(items);
    let behind = |offset: u64| all.iter().any(|(from, len, _)| from + len == offset);
    all.iter().filter(|(from, len, _)| *len == 1 && behind(*from)).map(|(from, ..)| *from as usize).collect()
}

fn config() -> Config {
    Config { cases: 2_000, rng_seed: RngSeed::Fixed(0x5eed), failure_persistence: None, ..Config::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn every_byte_is_the_first_copy_and_every_difference_is_reported(
        sequence in prop::collection::vec(sent(false), 0..40),
        isn in any::<u32>(),
    ) {
        let original: Vec<u8> = (0..240).map(|n| n as u8).collect();
        let altered: Vec<u8> = original.iter().map(|byte| byte ^ 0x80).collect();
        let mut run = Run::new(&LIMITS);
        run.push(A, syn(isn));
        let mut model: BTreeMap<usize, u8> = BTreeMap::new();
        let mut different = BTreeMap::new();
        let origin = isn.wrapping_add(1);
        for sent in &sequence {
            let source = if sent.altered { &altered } else { &original };
            let end = model.last_key_value().map_or(0, |(last, _)| last + 1);
            let keep_alive = sent.len == 1 && sent.start + 1 == end;
            run.push(A, segment(origin.wrapping_add(sent.start as u32), &source[sent.start..][..sent.len]));
            for (place, byte) in source.iter().enumerate().skip(sent.start).take(sent.len) {
                if model.entry(place).or_insert(*byte) != byte && !keep_alive {
                    different.insert((run.frame, place), *byte);
                }
            }
        }
        let items = run.close();
        let mut seen = BTreeMap::new();
        let mut reported = BTreeMap::new();
        for place in lone_bytes(&items) {
            model.remove(&place);
            different.retain(|(_, there), _| *there != place);
        }
        for item in items {
            match item {
                StreamItem::Data { offset, bytes, .. } => {
                    seen.extend(bytes.iter().enumerate().map(|(n, byte)| (offset as usize + n, *byte)));
                }
                StreamItem::Conflict { offset, bytes, at } => {
                    for (n, byte) in bytes.iter().enumerate() {
                        let place = offset as usize + n;
                        if model.get(&place).is_some_and(|first| first != byte) {
                            reported.insert((at.frame.number(), place), *byte);
                        }
                    }
                }
                StreamItem::Gap { cause, .. } => prop_assert_eq!(cause, GapCause::Unseen),
                StreamItem::Acked { .. } | StreamItem::End { .. } => {}
                other => prop_assert!(false, "unexpected {:?}", other),
            }
        }
        prop_assert_eq!(seen, model);
        prop_assert_eq!(reported, different);
    }

    #[test]
    fn no_captured_byte_is_lost_whatever_is_cut_acknowledged_or_bounded(
        sequence in prop::collection::vec(sent(true), 0..60),
        isn in any::<u32>(),
        opened in any::<bool>(),
        pending_segments in 0..6_u32,
        history_segments in prop::sample::select(vec![0_u32, 3, 1_000]),
    ) {
        let original: Vec<u8> = (0..240).map(|n| n as u8).collect();
        let mut run =
            Run::new(&StreamLimits { pending_segments, history_segments, acked_hole_wait_ns: 5_000_000, ..LIMITS });
        if opened {
            run.push(A, syn(isn));
        }
        let origin = isn.wrapping_add(1);
        let mut captured = [false; 240];
        let mut end = 0;
        for sent in &sequence {
            if let Some(acked) = sent.acked {
                run.push(B, ack(origin.wrapping_add(acked as u32)));
            }
            let bytes = &original[sent.start..][..sent.captured];
            run.push(A, cut(origin.wrapping_add(sent.start as u32), bytes, sent.len as u32));
            if !(sent.len == 1 && sent.start + 1 == end) {
                captured[sent.start..][..sent.captured].fill(true);
            }
            end = end.max(sent.start + sent.len);
        }
        let items = run.close();
        let mut seen = [false; 240];
        let mut uncompared = false;
        let first = items.iter().find_map(|item| match item {
            StreamItem::Data { offset, bytes, .. } => bytes.first().map(|byte| usize::from(*byte) - *offset as usize),
            _ => None,
        });
        for place in lone_bytes(&items) {
            captured[place + first.unwrap_or(end - 1 - place)] = false;
        }
        for item in items {
            match item {
                StreamItem::Data { bytes, .. } | StreamItem::Late { bytes, .. } => {
                    bytes.iter().for_each(|byte| seen[usize::from(*byte)] = true);
                }
                StreamItem::Conflict { .. } => prop_assert!(false, "nothing was altered"),
                StreamItem::Uncompared { cut, .. } => uncompared |= !cut,
                _ => {}
            }
        }
        for place in 0..240 {
            prop_assert!(!captured[place] || seen[place] || uncompared, "byte {} is lost", place);
        }
    }
}
