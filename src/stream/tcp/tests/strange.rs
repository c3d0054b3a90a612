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
        assert!(!run.connection.is_replaced_by(direction, &forged));
        run.push(direction, forged);
        for (way, next) in [(A, segment(1002, b"cd")), (B, TcpSegment { ack: Some(1004), ..segment(2002, b"zz") })]
        {
            assert!(!run.connection.is_replaced_by(way, &next), "{forged:?}");
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
fn a_syn_that_is_answered_or_gone_on_from_begins_another_connection() {
    // Both far from the old numbers and near them.
    for isn in [1 << 30, 70_000] {
        let answer = TcpSegment { ack: Some(isn + 1), ..syn(3 << 30) };
        let first = segment(isn + 1, b"new");
        for (way, next) in [(B, answer), (A, first)] {
            let mut run = both_ways();
            assert!(!run.connection.is_replaced_by(A, &syn(isn)));
            run.push(A, syn(isn));
            assert!(run.connection.is_replaced_by(way, &next));
            let opened_by = run.connection.opened_by(way, &next).map(|(at, way, syn)| (at, way, syn.seq));
            assert_eq!(opened_by, Some((at(5), A, isn)));
        }
        // Only the answer was captured, and what follows that.
        let mut run = both_ways();
        run.push(B, answer);
        assert!(run.connection.is_replaced_by(A, &first));
        assert!(run.connection.is_replaced_by(B, &segment((3 << 30) + 1, b"new")));
    }
}
