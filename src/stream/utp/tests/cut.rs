//! Packets that were sent twice, and cut by the snap length once: nobody knows whether the copies are equal.

use std::collections::BTreeSet;

use super::*;

impl Run {
    /// A packet of `bytes`, of which the capture has the first `captured`.
    fn short(&mut self, seq: u16, bytes: &[u8], captured: usize) -> &mut Self {
        let datagram = self.datagram(A, PacketKind::Data, seq, 69, None, &bytes[..captured]);
        self.raw(A, datagram, 20 + bytes.len());
        self
    }
}

/// The places of bytes that could not be compared since a copy was cut.
fn uncompared(items: &[StreamItem<'_>]) -> BTreeSet<u64> {
    let places = |item: &StreamItem<'_>| match *item {
        StreamItem::Uncompared { offset, len, cut: true, .. } => offset..offset + len,
        _ => 0..0,
    };
    items.iter().flat_map(places).collect()
}

#[test]
fn what_the_snap_length_cut_from_a_packet_sent_again_is_uncompared() {
    let mut run = Run::opened();
    run.short(10, b"abcd", 4).short(11, b"efgh", 4).short(12, b"ijkl", 4);
    run.short(11, b"eXXX", 1).short(12, b"iXXX", 3).short(10, b"Xbcd", 2);
    assert_eq!(uncompared(&run.close()), [2, 3, 5, 6, 7, 11].into());
}

#[test]
fn what_the_snap_length_cut_from_one_copy_of_a_packet_that_waits_is_uncompared() {
    for captured in [[4, 1], [1, 4]] {
        for rival in [b"efgh", b"XfgX"] {
            let mut run = Run::opened();
            run.short(11, b"efgh", captured[0]).short(11, rival, captured[1]).short(10, b"abcd", 4);
            let items = run.close();
            let told = uncompared(&items);
            let data: BTreeSet<u64> = items
                .iter()
                .flat_map(|item| match item {
                    StreamItem::Data { offset, bytes, .. } => *offset..*offset + bytes.len() as u64,
                    _ => 0..0,
                })
                .collect();
            let expected: BTreeSet<u64> = data.intersection(&(5..8).collect()).copied().collect();
            assert_eq!(told, expected, "{captured:?} {rival:?}");
        }
    }
}

#[test]
fn a_packet_cut_within_the_rest_of_the_one_before_is_uncompared() {
    let all: Vec<u8> = (0..140_u8).map(|n| n.wrapping_mul(n).wrapping_mul(37) ^ n).collect();
    let mut run = Run::opened();
    run.short(10, &all, 140).short(10, &all[..70], 70).short(11, &all[70..], 40);
    assert_eq!(uncompared(&run.close()), (110..140).collect());
}

#[test]
fn a_cut_copy_of_a_packet_that_is_forgotten_is_uncompared() {
    let mut run = Run::new(&StreamLimits { history_segments: 2, ..LIMITS });
    run.send(A, PacketKind::Syn, 9, 0, b"");
    run.send(B, PacketKind::State, 70, 9, b"");
    run.short(10, b"abcd", 4).short(11, b"efgh", 4).short(12, b"ijkl", 4).short(10, b"abcd", 0);
    assert!(run.close().contains(&StreamItem::Uncompared { offset: 0, len: 4, at: at(6), cut: false }));
}

#[test]
fn a_snap_length_alone_and_the_same_packet_twice_leave_nothing_uncompared() {
    let mut run = Run::opened();
    for seq in [10, 10, 12, 12, 11, 11, 13, 10] {
        run.short(seq, b"abcd", 2);
    }
    let items = run.close();
    assert_eq!((bytes(items.clone()).len(), uncompared(&items)), (8, BTreeSet::new()));
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn bytes_that_one_copy_holds_and_another_one_lacks_are_uncompared_and_no_others(
        sequence in prop::collection::vec(sent(), 0..60),
        isn in any::<u16>(),
    ) {
        let mut run = Run::new(&LIMITS);
        run.send(A, PacketKind::Syn, isn, 0, b"");
        run.send(B, PacketKind::State, 70, isn, b"");
        // Of each number the fewest and the most bytes captured of one copy.
        let mut copies: BTreeMap<u16, (usize, usize)> = BTreeMap::new();
        for sent in &sequence {
            let mut bytes = content(sent.seq);
            bytes[0] ^= if sent.altered { 0xff } else { 0 };
            let captured = sent.captured.min(bytes.len());
            run.short(isn.wrapping_add(1).wrapping_add(sent.seq), &bytes, captured);
            let (least, most) = copies.entry(sent.seq).or_insert((captured, captured));
            (*least, *most) = (captured.min(*least), captured.max(*most));
        }
        let (mut both, mut place) = (BTreeSet::new(), 0);
        for (seq, (least, most)) in copies {
            both.extend(place + least as u64..place + most as u64);
            place += content(seq).len() as u64;
        }
        let items = run.close();
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
