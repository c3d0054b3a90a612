//! Segments that are not what they seem: keep-alives with a byte, and SYNs that nobody sent.

use super::*;

#[test]
fn a_keep_alive_behind_what_the_capture_missed_is_no_data() {
    for acked in [true, false] {
        let mut run = Run::opened();
        run.push(A, segment(1000, b"ab"));
        if acked {
            run.push(B, ack(1005));
        }
        run.push(A, segment(1004, b"?")).push(A, segment(1004, b"?")).push(A, segment(1005, b"fg"));
        let items = run.close();
        assert_eq!(bytes(items.clone()), b"abfg");
        let cause = if acked { GapCause::Acknowledged } else { GapCause::Unseen };
        assert_eq!(gaps(&items), [(2, 2, cause), (4, 1, cause)]);
    }
}

#[test]
fn a_lone_byte_is_data_when_the_hole_before_it_fills() {
    let mut run = Run::opened();
    run.push(A, segment(1002, b"c")).push(A, segment(1000, b"ab"));
    let items = run.close();
    assert_eq!((bytes(items.clone()), gaps(&items)), (b"abc".to_vec(), vec![]));
}

#[test]
fn a_byte_that_comes_long_after_its_acknowledgement_is_a_keep_alive() {
    for (frame, expected) in [(1_000, &b"abc"[..]), (3_000, b"ab")] {
        let mut run = Run::opened();
        run.push(A, segment(1000, b"ab")).push(B, ack(1003));
        run.frame = frame;
        run.push(A, segment(1002, b"c"));
        assert_eq!(bytes(run.close()), expected);
    }
}

/// A connection in which both sides sent: A from 1000, B from 2000, two bytes each.
fn both_ways() -> Run<'static> {
    let mut run = Run::opened();
    run.push(B, TcpSegment { ack: Some(1000), ..syn(1999) });
    run.push(A, segment(1000, b"ab")).push(B, segment(2000, b"xy"));
    run
}

#[test]
fn a_syn_that_nothing_follows_does_not_end_a_connection() {
    let answer = TcpSegment { ack: Some(777), ..syn(1 << 30) };
    for (direction, forged) in [(A, syn(1 << 30)), (B, syn(70_000)), (B, answer), (A, answer)] {
        let mut run = both_ways();
        assert!(!run.is_replaced_by(direction, &forged));
        run.push(direction, forged);
        for (way, next) in [(A, segment(1002, b"cd")), (B, TcpSegment { ack: Some(1004), ..segment(2002, b"zz") })]
        {
            assert!(!run.is_replaced_by(way, &next), "{forged:?}");
            run.push(way, next);
        }
        assert_eq!(bytes(run.close()), b"abcd");
        assert_eq!(bytes(run.items(B)), b"xyzz");
        assert_eq!(
            run.items(direction).iter().filter(|item| matches!(item, StreamItem::OutOfWindow { .. })).count(),
            1
        );
    }
}

#[test]
fn a_syn_that_is_answered_begins_another_connection() {
    // Both far from the old numbers and near them.
    for isn in [1 << 30, 70_000] {
        let answer = TcpSegment { ack: Some(isn + 1), ..syn(3 << 30) };
        let later = TcpSegment { ack: Some(isn + 4), ..segment((3 << 30) + 1, b"") };
        for answer in [answer, later] {
            let mut run = both_ways();
            assert!(!run.is_replaced_by(A, &syn(isn)));
            run.push(A, syn(isn)).push(A, segment(isn + 1, b"new"));
            let numbers = |packets: Vec<(At, Direction, TcpSegment<'_>)>| {
                packets.iter().map(|(at, way, segment)| (*at, *way, segment.seq)).collect::<Vec<_>>()
            };
            let first = run.connection.replaced_by(B, &answer).map(numbers);
            assert_eq!(first, Some(vec![(at(5), A, isn), (at(6), A, isn + 1)]));
        }
        // Only the answer was captured, and what follows that.
        let mut run = both_ways();
        run.push(B, answer).push(B, segment((3 << 30) + 1, b"new"));
        assert!(run.is_replaced_by(A, &TcpSegment { ack: Some((3 << 30) + 1), ..segment(isn + 1, b"new") }));
    }
}

#[test]
fn an_opening_and_a_handshake_that_the_other_end_never_answers_are_kept_apart() {
    for isn in [1 << 30, 70_000] {
        let mut run = both_ways();
        let forged = |seq, bytes| TcpSegment { ack: Some(5 << 28), ..segment(seq, bytes) };
        for segment in [syn(isn), forged(isn + 1, b""), forged(isn + 1, b"hello"), forged(isn + 6, b"you")] {
            assert!(!run.is_replaced_by(A, &segment));
            run.push(A, segment);
        }
        run.push(A, TcpSegment { ack: Some(2002), ..segment(1002, b"cd") });
        let more = TcpSegment { ack: Some(1004), ..segment(2002, b"zz") };
        assert!(!run.is_replaced_by(B, &more));
        run.push(B, more);
        assert!(run.connection.take_challenger().is_empty(), "it came to nothing");
        assert_eq!((bytes(run.close()), bytes(run.items(B))), (b"abcd".to_vec(), b"xyzz".to_vec()));
        let told = |item: &StreamItem<'_>| if let StreamItem::OutOfWindow { len, .. } = item { *len } else { 0 };
        assert_eq!(run.items(A).iter().map(told).sum::<u64>(), 8);
    }
}

#[test]
fn where_the_old_connection_does_not_go_on_an_unanswered_opening_begins_another_one() {
    let mut run = both_ways();
    run.push(A, syn(1 << 30)).push(A, segment((1 << 30) + 1, b"new"));
    assert_eq!(run.connection.take_challenger().len(), 2);
    // Without the other direction, the next SYN or enough of it tells.
    let mut run = Run::opened();
    run.push(A, segment(1000, b"ab")).push(A, syn(1 << 30)).push(A, segment((1 << 30) + 1, b"new"));
    assert_eq!(run.connection.replaced_by(A, &syn(3 << 30)).map(|packets| packets.len()), Some(2));
    let mut run = Run::opened();
    run.push(A, segment(1000, b"ab")).push(A, syn(1 << 30));
    let mut sent = 0;
    while !run.is_replaced_by(A, &segment((1 << 30) + 1 + 2 * sent, b"--")) {
        run.push(A, segment((1 << 30) + 1 + 2 * sent, b"--"));
        sent += 1;
        assert!(sent < 100);
    }
}

#[test]
fn an_rst_with_a_number_that_its_receiver_ignores_ends_nothing() {
    for (seq, ends) in [(1002, true), (1003, false), (1001, false), (2_000, false)] {
        let mut run = both_ways();
        run.push(A, rst(seq));
        assert_eq!((run.connection.is_over(), run.connection.is_settled()), (ends, ends), "{seq}");
        // Whoever goes on was not reset, even if it only acknowledges.
        run.push(B, segment(2002, b"zz")).push(A, TcpSegment { ack: Some(2004), ..segment(1002, b"") });
        assert!(!run.connection.is_over());
    }
}
