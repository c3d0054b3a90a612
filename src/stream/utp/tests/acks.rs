//! Acknowledgements that stand before their packets, that name what was never sent, or that never come.

use super::*;

fn unaccepted(items: &[StreamItem<'_>]) -> Vec<(u64, u64)> {
    let unaccepted = |item: &StreamItem<'_>| match *item {
        StreamItem::Unaccepted { offset, len, .. } => Some((offset, len)),
        _ => None,
    };
    items.iter().filter_map(unaccepted).collect()
}

/// Every byte that is said to be acknowledged.
fn acked(items: &[StreamItem<'_>]) -> Vec<u64> {
    let mut acked = std::collections::BTreeSet::new();
    for item in items {
        match *item {
            StreamItem::Acked { upto, .. } => acked.extend(0..upto),
            StreamItem::AckedRange { from, to, .. } => acked.extend(from..to),
            _ => {}
        }
    }
    acked.into_iter().collect()
}

#[test]
fn an_acknowledgement_before_its_packet_counts_within_the_tolerance_unless_a_later_one_falls_behind() {
    for (frame, later, upto) in [(10, None, 4), (2_100, None, 0), (10, Some(10), 2), (10, Some(11), 4)] {
        let mut run = Run::opened();
        run.ack(11, None);
        run.frame = frame;
        run.data(10, b"ab");
        run.data(11, b"cd");
        later.into_iter().for_each(|later| _ = run.ack(later, None));
        assert_eq!(acked(&run.close()), (0..upto).collect::<Vec<_>>(), "{frame} {later:?}");
    }
}

#[test]
fn a_selective_acknowledgement_before_its_packet_counts_unless_it_is_late_or_taken_back() {
    for (frame, later, expected) in [
        (10, None, vec![2, 3]),
        (2_100, None, vec![]),
        (10, Some(None), vec![]),
        (10, Some(Some(&[1_u8][..])), vec![2, 3]),
    ] {
        let mut run = Run::opened();
        run.ack(9, Some(&[1]));
        run.frame = frame;
        run.data(10, b"ab");
        run.data(11, b"cd");
        later.into_iter().for_each(|later| _ = run.ack(9, later));
        assert_eq!(acked(&run.close()), expected, "{frame} {later:?}");
    }
}

#[test]
fn packets_that_a_receiver_who_goes_on_never_acknowledges_are_not_accepted() {
    let mut run = Run::opened();
    run.data(10, b"ab");
    run.ack(10, None);
    run.data(11, b"cd");
    assert_eq!(unaccepted(&run.close()), [], "it said nothing since");
    let mut run = Run::opened();
    run.data(10, b"ab");
    run.ack(10, None);
    run.data(11, b"cd");
    run.ack(10, None);
    run.data(12, b"ef");
    assert_eq!(unaccepted(&run.close()), [(2, 2)]);
}

#[test]
fn a_packet_that_acknowledges_what_was_never_sent_is_not_accepted() {
    for (ack, expected) in
        [(69, vec![]), (70, vec![]), (68, vec![(2, 2)]), (900, vec![(2, 2)]), (30_000, vec![(2, 2)])]
    {
        for order in [[11, 12], [12, 11]] {
            let mut run = Run::opened();
            run.data(10, b"ab");
            for seq in order {
                let ack = if seq == 11 { ack } else { 69 };
                run.send(A, PacketKind::Data, seq, ack, b"xy");
            }
            assert_eq!(unaccepted(&run.close()), expected, "{ack} {order:?}");
        }
    }
}

#[test]
fn only_what_the_other_end_used_confirms_the_return_path() {
    for (ack, confirmed) in [(69, true), (70, true), (68, false), (71, false), (30_000, false)] {
        let mut run = Run::opened();
        run.send(A, PacketKind::Data, 10, ack, b"ab");
        // What a reset acknowledges shows nothing.
        run.send(A, PacketKind::Reset, 11, 69, b"");
        let opening = run.flow.opening(UtpId(0)).expect("a connection");
        assert_eq!((opening.confirmed, opening.ack.is_some()), ([confirmed, true], confirmed), "{ack}");
    }
}
