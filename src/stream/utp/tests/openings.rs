//! Openings in another order than they were sent, and with answers of strangers.

use super::*;

/// A sends `one`, B answers with `two` and `three` from number 70 on.
fn goes_on(run: &mut Run) {
    run.send(A, PacketKind::Data, 10, 69, b"one");
    run.send(B, PacketKind::Data, 70, 10, b"two");
    run.send(B, PacketKind::Data, 71, 10, b"three");
    run.send(A, PacketKind::State, 11, 71, b"");
    run.close();
    assert_eq!(bytes(run.items(0, A)), b"one");
    let items = run.items(0, B);
    assert_eq!((bytes(items.clone()), gaps(&items)), (b"twothree".to_vec(), vec![]));
}

#[test]
fn an_answer_that_stands_before_the_syn_answers_it() {
    let mut run = Run::new(&LIMITS);
    run.send(B, PacketKind::State, 70, 9, b"");
    run.send(A, PacketKind::Syn, 9, 0, b"");
    goes_on(&mut run);
    assert_eq!(run.flow.opening(UtpId(0)).and_then(|opening| opening.initiator), Some(A));
}

#[test]
fn of_two_answers_the_one_counts_that_the_initiator_acknowledges() {
    for (first, second) in [(30_000, 70), (70, 30_000)] {
        let mut run = Run::new(&LIMITS);
        run.send(A, PacketKind::Syn, 9, 0, b"");
        run.send(B, PacketKind::State, first, 9, b"");
        run.send(B, PacketKind::State, second, 9, b"");
        goes_on(&mut run);
    }
}

#[test]
fn four_packets_behind_a_state_of_the_first_ones_number_establish_a_lone_direction() {
    let mut run = Run::new(&LIMITS);
    run.send(B, PacketKind::State, 70, 9, b"");
    (70..74).for_each(|seq| _ = run.send(B, PacketKind::Data, seq, 9, b"ab"));
    run.close();
    assert_eq!(bytes(run.items(0, B)), b"abababab");
}

#[test]
fn what_was_sent_before_the_capture_began_may_be_acknowledged_in_the_first_packet_of_a_direction() {
    let mut run = Run::new(&LIMITS);
    run.send(A, PacketKind::Data, 10, 69, b"one");
    run.send(B, PacketKind::Data, 70, 10, b"two");
    run.send(B, PacketKind::Data, 71, 10, b"three");
    run.send(A, PacketKind::Data, 11, 71, b"four");
    run.send(A, PacketKind::Data, 12, 71, b"five");
    run.close();
    assert_eq!(bytes(run.items(0, A)), b"onefourfive");
}

#[test]
fn a_direction_begins_with_what_most_of_its_first_packets_agree_in() {
    for first in [569, 900, 30_000, 60_000, 3_000] {
        let mut run = Run::new(&LIMITS);
        run.send(B, PacketKind::Data, first, 40_000, b"nobody's");
        run.send(A, PacketKind::Data, 10, 69, b"one");
        (70..75).for_each(|seq| _ = run.send(B, PacketKind::Data, seq, 10, b"ab"));
        run.send(A, PacketKind::Data, 11, 74, b"two");
        run.send(A, PacketKind::Data, 12, 74, b"three");
        run.close();
        let items = run.items(0, B);
        assert_eq!((bytes(items.clone()), gaps(&items)), (b"ababababab".to_vec(), vec![]), "{first}");
    }
}
