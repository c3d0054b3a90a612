//! Each special case of uTP, then random traffic against an obviously correct slow model.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};

use super::*;
use crate::stream::checked::{at, bytes, check};
use crate::stream::{GapCause, Missing};

mod acks;
mod cut;
mod model;
mod openings;
mod resent;

const A: Direction = Direction::LowToHigh;
const B: Direction = Direction::HighToLow;
const LIMITS: StreamLimits =
    StreamLimits { pending_segments: 4_096, history_segments: 1_024, acked_hole_wait_ns: 2_000_000_000, holes: 64 };
const ID: u16 = 500;

/// A flow with a frame counter; A opens with id 500, so A sends with 501 and B with 500.
struct Run {
    flow: UtpFlow<'static>,
    frame: u64,
    out: Vec<(UtpId, Direction, StreamItem<'static>)>,
}

impl Run {
    fn new(limits: &StreamLimits) -> Self {
        Self { flow: UtpFlow::new(limits), frame: 0, out: Vec::new() }
    }

    /// SYN number 9, answer number 70: A's data starts with 10.
    fn opened() -> Self {
        let mut run = Self::new(&LIMITS);
        run.send(A, PacketKind::Syn, 9, 0, b"");
        run.send(B, PacketKind::State, 70, 9, b"");
        run
    }

    fn raw(&mut self, direction: Direction, datagram: Vec<u8>, wire_len: usize) -> UtpVerdict {
        self.frame += 1;
        let payload = Payload { bytes: datagram.leak(), wire_len: wire_len as u32 };
        self.flow.push(at(self.frame), direction, &payload, false, &mut self.out)
    }

    fn send(&mut self, direction: Direction, kind: PacketKind, seq: u16, ack: u16, bytes: &[u8]) -> UtpVerdict {
        let datagram = self.datagram(direction, kind, seq, ack, None, bytes);
        let len = datagram.len();
        self.raw(direction, datagram, len)
    }

    fn data(&mut self, seq: u16, bytes: &[u8]) -> UtpVerdict {
        self.send(A, PacketKind::Data, seq, 69, bytes)
    }

    fn ack(&mut self, ack: u16, selective: Option<&[u8]>) -> UtpVerdict {
        let datagram = self.datagram(B, PacketKind::State, 70, ack, selective, b"");
        let len = datagram.len();
        self.raw(B, datagram, len)
    }

    fn datagram(
        &self,
        direction: Direction,
        kind: PacketKind,
        seq: u16,
        ack: u16,
        selective: Option<&[u8]>,
        bytes: &[u8],
    ) -> Vec<u8> {
        let kind_bits = match kind {
            PacketKind::Data => 0x01,
            PacketKind::Fin => 0x11,
            PacketKind::State => 0x21,
            PacketKind::Reset => 0x31,
            PacketKind::Syn => 0x41,
        };
        let id = if direction == A && kind != PacketKind::Syn { ID + 1 } else { ID };
        let mut datagram = vec![kind_bits, u8::from(selective.is_some())];
        datagram.extend(id.to_be_bytes());
        datagram.extend(((self.frame as u32 + 1) * 1_000).to_be_bytes());
        datagram.extend([0; 8]);
        datagram.extend(seq.to_be_bytes());
        datagram.extend(ack.to_be_bytes());
        if let Some(bits) = selective {
            datagram.extend([0, bits.len() as u8]);
            datagram.extend(bits);
        }
        datagram.extend(bytes);
        datagram
    }

    fn items(&self, id: u32, direction: Direction) -> Vec<StreamItem<'static>> {
        self.out.iter().filter(|item| (item.0, item.1) == (UtpId(id), direction)).map(|item| item.2).collect()
    }

    fn close(&mut self) -> Vec<StreamItem<'static>> {
        self.flow.close(EndReason::Open, &mut self.out);
        for id in 0..4 {
            check(self.items(id, A));
            check(self.items(id, B));
        }
        self.items(0, A)
    }
}

fn gaps(items: &[StreamItem<'_>]) -> Vec<(u64, Missing, GapCause)> {
    let gap = |item: &StreamItem<'_>| match *item {
        StreamItem::Gap { offset, missing, cause, .. } => Some((offset, missing, cause)),
        _ => None,
    };
    items.iter().filter_map(gap).collect()
}

fn reason(items: &[StreamItem<'_>]) -> Option<EndReason> {
    match items.last() {
        Some(StreamItem::End { reason, .. }) => Some(*reason),
        _ => None,
    }
}

#[test]
fn an_answered_syn_establishes_and_the_opening_is_kept() {
    let mut run = Run::new(&LIMITS);
    assert_eq!(run.send(A, PacketKind::Syn, 9, 0, b""), UtpVerdict::Pending);
    assert_eq!(run.send(B, PacketKind::State, 70, 9, b""), UtpVerdict::Part(UtpId(0)));
    run.data(10, b"ab");
    run.data(11, b"cd");
    let opening = Opening {
        initiator: Some(A),
        syn: Some(at(1)),
        syn_ack: Some(at(2)),
        ack: Some(at(3)),
        confirmed: [true; 2],
        present: [true; 2],
        multipath: false,
    };
    assert_eq!(bytes(run.close()), b"abcd");
    assert_eq!(run.flow.opening(UtpId(0)), Some(opening));
}

#[test]
fn a_dns_query_shaped_as_a_syn_makes_no_session() {
    let mut run = Run::new(&LIMITS);
    run.send(A, PacketKind::Syn, 9, 0, b"query");
    run.send(B, PacketKind::Syn, 9, 0, b"answer");
    run.send(B, PacketKind::State, 70, 8, b"");
    assert!(run.close().is_empty() && run.out.is_empty());
}

#[test]
fn a_hundred_equal_look_alikes_make_no_session() {
    let mut run = Run::new(&LIMITS);
    for n in 0..100_u16 {
        let verdict = run.send(A, PacketKind::Data, n.wrapping_mul(7_919), n.wrapping_mul(31_337), b"game");
        assert_eq!(verdict, UtpVerdict::Pending);
        let verdict = run.send(B, PacketKind::Data, 3, n.wrapping_mul(12_345), b"game");
        assert_eq!(verdict, UtpVerdict::Pending);
    }
    run.close();
    assert!(run.out.is_empty());
}

#[test]
fn a_capture_begun_mid_stream_loses_nothing_in_both_directions() {
    let mut run = Run::new(&LIMITS);
    run.send(A, PacketKind::Data, 10, 69, b"ab");
    run.send(B, PacketKind::State, 70, 10, b"");
    run.send(A, PacketKind::Data, 11, 69, b"cd");
    run.send(B, PacketKind::Data, 70, 11, b"xy");
    run.send(A, PacketKind::State, 12, 70, b"");
    let items = run.close();
    assert_eq!(bytes(items), b"abcd");
    assert_eq!(bytes(run.items(0, B)), b"xy");
}

#[test]
fn one_direction_alone_is_established_by_a_run_of_four() {
    let mut run = Run::new(&LIMITS);
    for (seq, bytes) in [(65_534, b"ab"), (65_535, b"cd"), (0, b"ef")] {
        assert_eq!(run.data(seq, bytes), UtpVerdict::Pending);
    }
    assert_eq!(run.data(1, b"gh"), UtpVerdict::Part(UtpId(0)));
    assert_eq!(bytes(run.close()), b"abcdefgh");
}

#[test]
fn numbers_wrap_and_reordering_is_undone() {
    let mut run = Run::new(&LIMITS);
    run.send(A, PacketKind::Syn, 65_533, 0, b"");
    run.send(B, PacketKind::State, 70, 65_533, b"");
    for (seq, bytes) in [(0, b"ef"), (65_535, b"cd"), (65_534, b"ab"), (1, b"gh"), (0, b"ef")] {
        run.data(seq, bytes);
    }
    let items = run.close();
    assert_eq!((bytes(items.clone()), gaps(&items)), (b"abcdefgh".to_vec(), vec![]));
}

#[test]
fn many_laps_of_the_numbers_keep_their_order() {
    let mut run = Run::opened();
    for seq in 10..200_000_u32 {
        run.data(seq as u16, &[seq as u8]);
    }
    let items = run.close();
    assert_eq!((bytes(items.clone()).len(), gaps(&items)), (199_990, vec![]));
}

#[test]
fn acknowledgements_become_offsets() {
    let mut run = Run::opened();
    run.data(10, b"abc");
    run.data(11, b"de");
    run.ack(10, None);
    run.ack(11, None);
    let items = run.close();
    assert!(items.contains(&StreamItem::Acked { upto: 3, at: at(5) }));
    assert!(items.contains(&StreamItem::Acked { upto: 5, at: at(6) }));
}

#[test]
fn a_selective_ack_of_one_byte_confirms_ranges_once() {
    let mut run = Run::opened();
    for (seq, bytes) in [(10, b"ab"), (11, b"cd"), (12, b"ef")] {
        run.data(seq, bytes);
    }
    run.ack(10, Some(&[0b1]));
    run.ack(10, Some(&[0b1]));
    let items = run.close();
    let ranges: Vec<_> = items.iter().filter(|item| matches!(item, StreamItem::AckedRange { .. })).collect();
    assert_eq!(ranges, [&StreamItem::AckedRange { from: 4, to: 6, at: at(6) }]);
}

#[test]
fn a_lost_packet_is_a_gap_of_one_packet_and_its_cause_is_told() {
    let mut run = Run::opened();
    run.data(10, b"ab");
    run.data(12, b"ef");
    run.data(14, b"ij");
    run.ack(11, None);
    let items = run.close();
    assert_eq!(bytes(items.clone()), b"abefij");
    let expected = [(2, Missing::Packets(1), GapCause::Acknowledged), (4, Missing::Packets(1), GapCause::Unseen)];
    assert_eq!(gaps(&items), expected);
}

#[test]
fn a_packet_confirmed_by_selective_ack_only_is_acknowledged() {
    let mut run = Run::opened();
    run.data(10, b"ab");
    run.data(13, b"gh");
    run.ack(10, Some(&[0b1, 0, 0, 0]));
    let expected = [(2, Missing::Packets(1), GapCause::Unseen), (2, Missing::Packets(1), GapCause::Acknowledged)];
    assert_eq!(gaps(&run.close()), expected);
}

#[test]
fn an_acknowledged_hole_is_given_up_after_the_wait_and_its_packet_is_late() {
    let mut run = Run::opened();
    run.data(11, b"cd");
    run.ack(11, None);
    run.frame += 2_100;
    run.ack(11, None);
    assert_eq!(gaps(&run.items(0, A)), [(0, Missing::Packets(1), GapCause::Acknowledged)]);
    run.data(10, b"ab");
    assert!(run.close().contains(&StreamItem::Late { offset: 0, bytes: b"ab", at: at(2_106) }));
}

#[test]
fn a_stream_that_is_elsewhere_after_a_pause_of_the_capture_goes_on() {
    let mut run = Run::opened();
    run.data(10, b"ab");
    run.data(9_000 + 10_000, b"??");
    for (seq, bytes) in [(30_000, b"cd"), (30_001, b"ef"), (30_001, b"ef"), (30_002, b"gh"), (30_003, b"ij")] {
        run.data(seq, bytes);
    }
    run.data(30_004, b"kl");
    run.ack(30_004, None);
    let items = run.close();
    assert_eq!(bytes(items.clone()), b"abcdefghijkl");
    assert_eq!(gaps(&items), [(2, Missing::Unknown, GapCause::Unseen)]);
    assert!(items.contains(&StreamItem::OutOfWindow { len: 2, at: at(4) }));
    assert!(items.contains(&StreamItem::Acked { upto: 12, at: at(11) }));
}

#[test]
fn a_fin_may_carry_data_and_ends_the_direction() {
    let mut run = Run::opened();
    run.data(10, b"ab");
    run.send(A, PacketKind::Fin, 11, 69, b"cd");
    run.ack(11, None);
    let items = run.close();
    assert_eq!((bytes(items.clone()), reason(&items)), (b"abcd".to_vec(), Some(EndReason::Finished)));
    assert_eq!(gaps(&items), []);
}

#[test]
fn a_reset_ends_both_directions() {
    let mut run = Run::opened();
    run.data(10, b"ab");
    run.send(B, PacketKind::Reset, 70, 10, b"");
    assert_eq!(reason(&run.close()), Some(EndReason::Reset));
    assert_eq!(reason(&run.items(0, B)), Some(EndReason::Reset));
}

#[test]
fn another_syn_with_the_same_id_that_is_answered_replaces_the_connection() {
    let mut run = Run::opened();
    run.data(10, b"ab");
    assert_eq!(run.send(A, PacketKind::Syn, 9_000, 0, b""), UtpVerdict::Pending);
    assert_eq!(reason(&run.items(0, A)), None);
    assert_eq!(run.send(B, PacketKind::State, 7, 9_000, b""), UtpVerdict::Part(UtpId(1)));
    assert_eq!(reason(&run.items(0, A)), Some(EndReason::Replaced));
    run.data(9_001, b"new");
    run.close();
    assert_eq!(bytes(run.items(1, A)), b"new");
}

#[test]
fn other_bytes_under_the_same_number_are_a_conflict() {
    let mut run = Run::opened();
    run.data(10, b"abcd");
    run.data(10, b"aXcd");
    let items = run.close();
    assert!(items.contains(&StreamItem::Conflict { offset: 1, bytes: b"X", at: at(4) }));
    assert_eq!(bytes(items), b"abcd");
}

#[test]
fn a_longer_copy_extends_the_last_packet_and_is_late_for_an_older_one() {
    let mut run = Run::opened();
    run.data(10, b"ab");
    run.data(10, b"abcd");
    run.data(11, b"ef");
    run.data(10, b"abcdXX");
    run.data(10, b"ab");
    let items = run.close();
    assert!(items.contains(&StreamItem::Late { offset: 4, bytes: b"XX", at: at(6) }));
    assert_eq!(bytes(items), b"abcdef");
}

#[test]
fn a_snap_length_cut_has_a_known_length() {
    let mut run = Run::opened();
    let datagram = run.datagram(A, PacketKind::Data, 10, 69, None, b"ab");
    run.raw(A, datagram, 20 + 5);
    run.data(11, b"fg");
    let items = run.close();
    assert_eq!(gaps(&items), [(2, Missing::Bytes(3), GapCause::Snaplen)]);
    assert!(items.contains(&StreamItem::Data { offset: 5, bytes: b"fg", at: at(4), doubtful: false }));
}

#[test]
fn the_answer_to_a_syn_may_or_may_not_use_up_a_number() {
    for (first_ack, first_data) in [(69, 70), (70, 71)] {
        let mut run = Run::opened();
        run.send(A, PacketKind::Data, 10, first_ack, b"ab");
        run.send(B, PacketKind::Data, first_data, 10, b"xy");
        run.close();
        let items = run.items(0, B);
        assert_eq!((bytes(items.clone()), gaps(&items)), (b"xy".to_vec(), vec![]), "{first_ack}");
    }
}

#[test]
fn two_connections_of_one_flow_are_kept_apart_from_each_other_and_from_dht() {
    let mut run = Run::opened();
    run.data(10, b"ab");
    let mut other = run.datagram(B, PacketKind::Syn, 40, 0, None, b"");
    other[2..4].copy_from_slice(&9_000_u16.to_be_bytes());
    assert_eq!(run.raw(B, other, 20), UtpVerdict::Pending);
    let mut answer = run.datagram(A, PacketKind::State, 1, 40, None, b"");
    answer[2..4].copy_from_slice(&9_000_u16.to_be_bytes());
    assert_eq!(run.raw(A, answer, 20), UtpVerdict::Part(UtpId(1)));
    assert_eq!(run.raw(A, b"d1:ad2:id20:aaaaaaaaaaaaaaaaaaaae".to_vec(), 33), UtpVerdict::NotUtp(NotUtp::Version));
    run.data(11, b"cd");
    assert_eq!(bytes(run.close()), b"abcd");
}

#[test]
fn candidates_and_connections_are_bounded() {
    let mut run = Run::new(&LIMITS);
    for id in 0..300_u16 {
        let mut syn = run.datagram(A, PacketKind::Syn, 9, 0, None, b"");
        syn[2..4].copy_from_slice(&(id * 10).to_be_bytes());
        run.raw(A, syn, 20);
        if id >= 100 {
            let mut answer = run.datagram(B, PacketKind::State, 1, 9, None, b"");
            answer[2..4].copy_from_slice(&(id * 10).to_be_bytes());
            run.raw(B, answer, 20);
        }
    }
    assert!(run.flow.connections.len() <= UTP_CONNECTIONS + UTP_CANDIDATES);
    run.close();
    let ends = run.out.iter().filter(|item| matches!(item.2, StreamItem::End { .. })).count();
    assert_eq!(ends, 400, "both directions of each connection end, even when closed to make room");
}

#[derive(Clone, Debug)]
struct Sent {
    seq: u16,
    altered: bool,
    captured: usize,
    acked: Option<u16>,
}

fn sent() -> impl Strategy<Value = Sent> {
    (0..30_u16, 0..8_u8, 0..30_usize, prop::option::weighted(0.2, 0..31_u16))
        .prop_map(|(seq, altered, captured, acked)| Sent { seq, altered: altered == 0, captured, acked })
}

/// The payload of packet `seq`: 1 to 9 bytes that occur nowhere else.
fn content(seq: u16) -> Vec<u8> {
    (0..1 + (seq * 5) % 9).map(|n| ((seq << 3) + n) as u8 ^ (n as u8) << 5).collect()
}

fn config() -> Config {
    Config { cases: 1_000, rng_seed: RngSeed::Fixed(0x5eed), failure_persistence: None, ..Config::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn packets_come_out_once_in_order_with_the_first_copy(
        sequence in prop::collection::vec(sent(), 0..60),
        isn in any::<u16>(),
    ) {
        let mut run = Run::new(&LIMITS);
        run.send(A, PacketKind::Syn, isn, 0, b"");
        run.send(B, PacketKind::State, 70, isn, b"");
        let mut model: BTreeMap<u16, (Vec<u8>, bool)> = BTreeMap::new();
        let mut conflicts = 0;
        for sent in &sequence {
            let mut bytes = content(sent.seq);
            if sent.altered {
                bytes[0] ^= 0xff;
            }
            run.data(isn.wrapping_add(1).wrapping_add(sent.seq), &bytes);
            let first = &model.entry(sent.seq).or_insert((bytes, sent.altered)).1;
            conflicts += usize::from(*first != sent.altered);
        }
        let items = run.close();
        let expected: Vec<u8> = model.values().flat_map(|(bytes, _)| bytes.clone()).collect();
        prop_assert_eq!(bytes(items.clone()), expected);
        let seqs: Vec<u16> = model.keys().copied().collect();
        let holes = usize::from(seqs.first().is_some_and(|first| *first > 0))
            + seqs.windows(2).filter(|pair| pair[1] > pair[0] + 1).count();
        prop_assert_eq!(gaps(&items).len(), holes);
        prop_assert_eq!(
            items.iter().filter(|item| matches!(item, StreamItem::Conflict { .. })).count(),
            conflicts
        );
    }

    #[test]
    fn no_captured_byte_is_lost_whatever_is_cut_acknowledged_or_bounded(
        sequence in prop::collection::vec(sent(), 0..60),
        isn in any::<u16>(),
        pending_segments in 0..6_u32,
    ) {
        let mut run = Run::new(&StreamLimits { pending_segments, acked_hole_wait_ns: 5_000_000, ..LIMITS });
        run.send(A, PacketKind::Syn, isn, 0, b"");
        run.send(B, PacketKind::State, 70, isn, b"");
        let mut longest: BTreeMap<u16, usize> = BTreeMap::new();
        for sent in &sequence {
            if let Some(acked) = sent.acked {
                run.ack(isn.wrapping_add(acked), Some(&[sent.captured as u8]));
            }
            let bytes = content(sent.seq);
            let captured = sent.captured.min(bytes.len());
            let seq = isn.wrapping_add(1).wrapping_add(sent.seq);
            let datagram = run.datagram(A, PacketKind::Data, seq, 69, None, &bytes[..captured]);
            run.raw(A, datagram, 20 + bytes.len());
            let longest = longest.entry(sent.seq).or_default();
            *longest = captured.max(*longest);
        }
        let mut seen = 0;
        let mut late = 0;
        for item in run.close() {
            match item {
                StreamItem::Data { bytes, .. } => seen += bytes.len(),
                StreamItem::Late { bytes, .. } => late += bytes.len(),
                StreamItem::Conflict { .. } | StreamItem::Uncompared { cut: false, .. } => {
                    prop_assert!(false, "nothing was altered or forgotten");
                }
                _ => {}
            }
        }
        let captured: usize = longest.values().sum();
        prop_assert!(seen <= captured && captured <= seen + late, "{} of {} and {}", captured, seen, late);
    }
}

/// Conflicts and gaps of A's stream, by offset.
fn doubts(run: &Run) -> Vec<(&'static str, u64)> {
    let doubt = |(_, direction, item): &(UtpId, Direction, StreamItem<'static>)| match item {
        StreamItem::Conflict { offset, .. } if *direction == A => Some(("conflict", *offset)),
        StreamItem::Gap { offset, .. } if *direction == A => Some(("gap", *offset)),
        _ => None,
    };
    run.out.iter().filter_map(doubt).collect()
}

#[test]
fn a_conflict_in_a_packet_that_waits_is_reported_at_its_place() {
    let mut run = Run::opened();
    run.data(10, b"aaaa");
    run.data(13, b"XXXX");
    run.data(13, b"dddd");
    run.data(11, b"bbbb");
    run.data(12, b"cccc");
    assert_eq!(doubts(&run), [("conflict", 12)]);
    // Of another length, it says that what follows was numbered anew.
    let mut run = Run::opened();
    run.data(10, b"aaaa");
    run.data(12, b"XXXX");
    run.data(12, b"cc");
    run.data(11, b"bbbb");
    run.data(13, b"dddd");
    assert_eq!(doubts(&run), [("conflict", 8), ("gap", 12)]);
}

#[test]
fn what_answers_a_packet_that_never_came_says_so() {
    let mut run = Run::opened();
    run.send(B, PacketKind::Data, 70, 9, b"hi");
    run.send(A, PacketKind::Data, 10, 71, b"reply");
    let items = run.close();
    let answers = StreamItem::Answers { at: at(4), upto: u64::MAX };
    assert!(items.starts_with(&[answers]), "{items:?}");
    // Nor is it said that it answers what came before the packet that is missing.
    let mut run = Run::opened();
    run.send(B, PacketKind::Data, 70, 9, b"hi");
    run.send(A, PacketKind::Data, 10, 71, b"reply");
    run.send(B, PacketKind::Data, 72, 10, b"ho");
    let items = run.close();
    assert!(items.starts_with(&[StreamItem::Answers { at: at(4), upto: 3 }]), "{items:?}");
}

#[test]
fn what_waits_for_a_packet_of_the_other_direction_is_not_missing() {
    let mut run = Run::opened();
    run.send(B, PacketKind::Data, 70, 9, b"hi");
    run.send(A, PacketKind::Data, 10, 71, b"one");
    run.send(A, PacketKind::Data, 11, 71, b"two");
    run.send(A, PacketKind::Fin, 12, 71, b"");
    run.ack(12, None);
    run.frame += 1_500;
    run.ack(12, None);
    run.frame += 1_500;
    run.ack(12, None);
    let items = run.close();
    assert_eq!((bytes(items.clone()), gaps(&items)), (b"onetwo".to_vec(), vec![]));
}

#[test]
fn the_first_packets_of_a_direction_do_not_wait_for_the_other_one() {
    let mut run = Run::new(&LIMITS);
    run.send(A, PacketKind::Syn, 9, 0, b"");
    for (seq, bytes) in (70..).zip([b"ab", b"cd", b"ef", b"gh", b"ij"]) {
        run.send(B, PacketKind::Data, seq, 14, bytes);
    }
    run.send(B, PacketKind::Fin, 75, 14, b"");
    run.send(A, PacketKind::State, 15, 75, b"");
    run.close();
    let items = run.items(0, B);
    assert_eq!((bytes(items.clone()), gaps(&items)), (b"abcdefghij".to_vec(), vec![]));
}

#[test]
fn what_was_sent_again_and_waits_behind_later_packets_is_not_missing() {
    let mut run = Run::opened();
    // 10 is lost for good; 13 comes behind 15, and all wait for what they acknowledge of B.
    run.send(B, PacketKind::Data, 70, 9, b"hi");
    run.send(A, PacketKind::Data, 11, 70, b"one");
    for (seq, bytes) in [(12, b"two"), (14, b"for"), (15, b"fiv"), (13, b"thr"), (16, b"six")] {
        run.send(A, PacketKind::Data, seq, 71, bytes);
    }
    run.ack(16, None);
    for _ in 0..4 {
        run.frame += 1_200;
        run.ack(16, None);
    }
    let items = run.close();
    let gap = (0, Missing::Packets(1), GapCause::Acknowledged);
    assert_eq!((bytes(items.clone()), gaps(&items)), (b"onetwothrforfivsix".to_vec(), vec![gap]));
}
