//! Bytes that were sent twice, and cut by the snap length once: nobody knows whether the copies are equal.

use std::collections::BTreeSet;

use super::*;

/// The places of bytes that could not be compared since a copy was cut.
fn uncompared(items: &[StreamItem<'_>]) -> BTreeSet<u64> {
    let places = |item: &StreamItem<'_>| match *item {
        StreamItem::Uncompared { offset, len, cut: true, .. } => offset..offset + len,
        _ => 0..0,
    };
    items.iter().flat_map(places).collect()
}

#[test]
fn what_the_snap_length_cut_from_a_copy_of_delivered_bytes_is_uncompared() {
    let mut run = Run::opened();
    run.push(A, segment(1000, b"abcd")).push(A, segment(1004, b"efgh")).push(A, cut(1001, b"b", 5));
    assert_eq!(uncompared(&run.close()), (2..6).collect());
}

#[test]
fn what_the_snap_length_cut_from_a_copy_of_waiting_bytes_is_uncompared() {
    let mut run = Run::opened();
    run.push(A, segment(1002, b"cdef")).push(A, cut(1001, b"b", 7)).push(A, segment(1000, b"a"));
    let items = run.close();
    assert_eq!((bytes(items.clone()), gaps(&items)), (b"abcdef".to_vec(), vec![(6, 2, GapCause::Snaplen)]));
    assert_eq!(uncompared(&items), (2..6).collect());
}

#[test]
fn waiting_bytes_whose_first_copy_was_cut_are_uncompared() {
    let mut run = Run::opened();
    run.push(A, cut(1001, b"b", 4)).push(A, segment(1001, b"bcd")).push(A, segment(1000, b"a"));
    let items = run.close();
    assert_eq!(bytes(items.clone()), b"abcd");
    assert_eq!(uncompared(&items), (2..4).collect());
}

#[test]
fn a_copy_cut_beyond_what_is_remembered_is_uncompared() {
    for history_segments in [0, 1] {
        let mut run = Run::new(&StreamLimits { history_segments, ..LIMITS });
        run.push(A, syn(999)).push(A, segment(1000, b"ab")).push(A, cut(1002, b"c", 3)).push(A, cut(1000, b"", 4));
        let expected = if history_segments == 0 { 0..4 } else { 0..3 };
        assert!(uncompared(&run.close()).is_superset(&expected.collect()), "{history_segments}");
    }
}

#[test]
fn a_snap_length_alone_and_the_same_packet_twice_leave_nothing_uncompared() {
    let mut run = Run::opened();
    for seq in [1000, 1000, 1008, 1008, 1004, 1004, 1012, 1000] {
        run.push(A, cut(seq, b"ab", 4));
    }
    let items = run.close();
    assert_eq!((bytes(items.clone()).len(), uncompared(&items)), (8, BTreeSet::new()));
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn bytes_that_one_copy_holds_and_another_one_lacks_are_uncompared_and_no_others(
        sequence in prop::collection::vec(sent(true), 0..40),
        isn in any::<u32>(),
    ) {
        let original: Vec<u8> = (0..240).map(|n| n as u8).collect();
        let altered: Vec<u8> = original.iter().map(|byte| byte ^ 0x80).collect();
        let mut run = Run::new(&LIMITS);
        run.push(A, syn(isn));
        let (mut captured, mut lacking, mut end) = (BTreeSet::new(), BTreeSet::new(), 0);
        for sent in &sequence {
            let source = if sent.altered { &altered } else { &original };
            let seq = isn.wrapping_add(1).wrapping_add(sent.start as u32);
            run.push(A, cut(seq, &source[sent.start..][..sent.captured], sent.len as u32));
            if sent.len > 1 || sent.start + 1 != end {
                let places = sent.start as u64..(sent.start + sent.len) as u64;
                let (kept, lost): (Vec<u64>, Vec<u64>) =
                    places.partition(|place| *place < (sent.start + sent.captured) as u64);
                captured.extend(kept);
                lacking.extend(lost);
            }
            end = end.max(sent.start + sent.len);
        }
        let items = run.close();
        let both: BTreeSet<u64> = captured.intersection(&lacking).copied().collect();
        let told = uncompared(&items);
        prop_assert!(told.is_subset(&both), "{:?} beyond {:?}", told, both);
        for item in &items {
            if let StreamItem::Data { offset, bytes, .. } = item {
                let data: BTreeSet<u64> = (*offset..*offset + bytes.len() as u64).collect();
                let missed: Vec<_> = data.intersection(&both).filter(|place| !told.contains(place)).collect();
                prop_assert!(missed.is_empty(), "{:?} in {:?}", missed, item);
            }
        }
    }
}
