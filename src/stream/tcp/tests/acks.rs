//! Acknowledgements that stand before their bytes, that name what was never sent, or that never come.

use super::*;

fn unaccepted(items: &[StreamItem<'_>]) -> Vec<(u64, u64)> {
    let unaccepted = |item: &StreamItem<'_>| match *item {
        StreamItem::Unaccepted { offset, len, .. } => Some((offset, len)),
        _ => None,
    };
    items.iter().filter_map(unaccepted).collect()
}

fn acked(items: &[StreamItem<'_>]) -> Option<u64> {
    let acked = items.iter().filter_map(|item| match *item {
        StreamItem::Acked { upto, .. } => Some(upto),
        _ => None,
    });
    acked.max()
}

/// SYN and SYN-ACK: the bytes of A begin with number 1,000, those of B with 5,000.
fn both<'cap>() -> Run<'cap> {
    let mut run = Run::opened();
    run.push(B, TcpSegment { ack: Some(1_000), ..syn(4_999) }).push(A, from_a(1_000, b""));
    run
}

fn from_a(seq: u32, bytes: &[u8]) -> TcpSegment<'_> {
    TcpSegment { ack: Some(5_000), ..segment(seq, bytes) }
}

fn from_b(ack: u32) -> TcpSegment<'static> {
    TcpSegment { ack: Some(ack), ..segment(5_000, b"") }
}

/// With bytes of its own: it comes after those without.
fn more_from_b(ack: u32) -> TcpSegment<'static> {
    TcpSegment { ack: Some(ack), ..segment(5_000, b"more") }
}

#[test]
fn an_acknowledgement_before_its_bytes_counts_within_the_tolerance_unless_a_later_one_falls_behind() {
    for (frame, later, upto) in [
        (10, None, Some(4)),
        (2_100, None, None),
        (10, Some(more_from_b(1_002)), Some(2)),
        (10, Some(more_from_b(1_004)), Some(4)),
        // Perhaps it was sent before.
        (10, Some(from_b(1_002)), Some(4)),
    ] {
        let mut run = both();
        run.push(B, from_b(1_004));
        run.frame = frame;
        run.push(A, from_a(1_000, b"abcd"));
        later.into_iter().for_each(|later| _ = run.push(B, later));
        let items = run.close();
        assert_eq!((acked(&items), bytes(items.clone())), (upto, b"abcd".to_vec()), "{frame} {upto:?}");
    }
}

#[test]
fn what_a_later_acknowledgement_takes_back_is_no_gap() {
    let mut run = both();
    run.push(B, from_b(3_001_000)).push(A, from_a(1_000, b"abcd")).push(B, more_from_b(1_002));
    let items = run.close();
    assert_eq!((acked(&items), gaps(&items)), (Some(2), vec![]));
}

#[test]
fn bytes_that_a_receiver_who_goes_on_never_acknowledges_are_not_accepted() {
    let mut run = both();
    run.push(A, from_a(1_000, b"abcd")).push(B, from_b(1_004)).push(A, from_a(1_004, b"efgh"));
    assert_eq!(unaccepted(&run.close()), [], "it said nothing since");
    let mut run = both();
    run.push(A, from_a(1_000, b"abcd")).push(B, from_b(1_004)).push(A, from_a(1_004, b"efgh"));
    run.push(B, from_b(1_004)).push(A, from_a(1_008, b"ij"));
    assert_eq!(unaccepted(&run.close()), [(4, 4)]);
}

#[test]
fn a_segment_that_acknowledges_what_was_never_sent_is_not_accepted() {
    for (ack, expected) in [
        (Some(5_000), vec![]),
        (Some(4_999), vec![(0, 4)]),
        (Some(5_001), vec![]),
        (Some(5_500), vec![(0, 4)]),
        (Some(900_000_000), vec![(0, 4)]),
        (None, vec![(0, 4)]),
    ] {
        let mut run = both();
        run.push(A, TcpSegment { ack, ..segment(1_000, b"abcd") });
        assert_eq!(unaccepted(&run.close()), expected, "{ack:?}");
    }
}

#[test]
fn a_segment_that_waits_for_what_it_acknowledges_is_accepted_once_that_comes() {
    let mut run = both();
    run.push(A, TcpSegment { ack: Some(5_004), ..segment(1_000, b"abcd") });
    run.push(B, TcpSegment { ack: Some(1_000), ..segment(5_000, b"ask.") }).push(B, from_b(1_004));
    assert_eq!(unaccepted(&run.close()), []);
}

#[test]
fn only_what_the_other_end_used_confirms_the_return_path() {
    for (ack, confirmed) in [(5_000, true), (4_923, false), (5_001, false), (3_000_000_000, false)] {
        let mut run = Run::opened();
        run.push(B, TcpSegment { ack: Some(1_000), ..syn(4_999) });
        run.push(A, TcpSegment { ack: Some(ack), ..segment(1_000, b"abcd") });
        // The number of a reset is that of the segment that it answers.
        run.push(B, TcpSegment { flags: TcpFlags { rst: true, ..TcpFlags::default() }, ..segment(ack, b"") });
        let opening = run.connection.opening();
        assert_eq!((opening.confirmed, opening.ack.is_some()), ([confirmed, true], confirmed), "{ack}");
    }
}

#[test]
fn another_fin_behind_one_that_was_acknowledged_is_no_doubt_about_bytes() {
    let mut run = both();
    run.push(A, TcpSegment { flags: TcpFlags { fin: true, ..TcpFlags::default() }, ..from_a(1_000, b"abcd") });
    run.push(B, from_b(1_005));
    run.push(A, TcpSegment { flags: TcpFlags { fin: true, ..TcpFlags::default() }, ..from_a(1_009, b"") });
    let items = run.close();
    assert_eq!((bytes(items.clone()), unaccepted(&items)), (b"abcd".to_vec(), vec![]));
}
