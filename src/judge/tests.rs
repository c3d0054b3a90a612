//! Tables: these shares, these doubts, this class, this reason.

mod rules;
pub(crate) mod stage;
mod table;
mod whole;

use proptest::prelude::*;

use super::doubt::Against;
use super::unit::Why::{
    DiffersFromVerified, EqualsVerified, FailedAlone, FailedTogether, Hash, InDoubt, Incomplete, NotKnown,
    SecondVersion, SentBefore,
};
use super::unit::{Class, Why};
use super::*;
use crate::ends::{Direction, Transport};
use crate::facts::{Doubt, Scope};
use crate::judge::Matched;
use crate::prove::{Half, Verdict};
use crate::torrent::Expected;
use crate::wire::Framing;
use table::{BLOCK, GOOD, Table, bad, good};

const VERIFIED: (Class, Why) = (Class::Verified, Hash);
const EQUAL: (Class, Why) = (Class::Verified, EqualsVerified);
const AGAIN: (Class, Why) = (Class::Repeated, SentBefore);
const DIFFERS: (Class, Why) = (Class::Refuted, DiffersFromVerified);
const ALONE: (Class, Why) = (Class::Refuted, FailedAlone);
const TOGETHER: (Class, Why) = (Class::Disputed, FailedTogether);
const OPEN: (Class, Why) = (Class::Unproven, Incomplete);

fn doubted(reason: Reason) -> (Class, Why) {
    (Class::Unproven, InDoubt(reason))
}

#[test]
fn a_copy_that_hashes_right_verifies_all_of_its_blocks() {
    let mut table = Table::new(2);
    table.send(0, [good(0), good(1)]);
    table.send(1, [good(2), good(3)]);
    assert_eq!(table.rulings(), [[VERIFIED]; 4].concat());
    assert_eq!(table.credited(), [(0, 2 * BLOCK), (1, 2 * BLOCK)]);
}

#[test]
fn a_unit_that_is_never_complete_stays_unproven() {
    let mut table = Table::new(1);
    table.send(0, [good(0), bad(1), good(2)]);
    assert_eq!(table.rulings(), [OPEN; 3]);
}

#[test]
fn a_block_is_verified_by_a_copy_that_another_one_sent_before_or_after() {
    for swapped in [false, true] {
        let mut table = Table::new(2);
        let (whole, part) =
            (|table: &mut Table| table.send(0, (0..4).map(good)), |table: &mut Table| table.send(1, [good(2)]));
        if swapped {
            part(&mut table);
            table.to(1, 9);
            whole(&mut table);
        } else {
            whole(&mut table);
            part(&mut table);
        }
        let rulings = table.rulings();
        let of_part = if swapped { rulings[0] } else { rulings[4] };
        assert_eq!(of_part.0, Class::Verified, "{swapped}: {rulings:?}");
        assert_eq!(table.credited(), [(0, 4 * BLOCK), (1, BLOCK)]);
    }
}

#[test]
fn a_part_of_a_block_that_equals_a_verified_copy_is_verified() {
    let mut table = Table::new(2);
    table.send(0, (0..4).map(good));
    table.send_part(1, 2, 5);
    assert_eq!(table.rulings()[4], EQUAL);
}

#[test]
fn all_blocks_of_a_failed_copy_from_one_sender_are_refuted() {
    let mut table = Table::new(1);
    table.send(0, [good(0), bad(1), good(2), good(3)]);
    assert_eq!(table.rulings(), [ALONE; 4]);
}

#[test]
fn a_failed_copy_of_a_piece_of_which_more_was_sent_than_is_judged_accuses_nobody() {
    let mut table = Table::new(2);
    table.piece.unjudged = true;
    table.send(0, [good(0), bad(1), good(2), good(3)]);
    assert_eq!(table.rulings(), [doubted(Reason::Bound); 4]);
    // What differs from a copy that is right is another matter.
    table.send(1, (0..4).map(good));
    assert_eq!(table.rulings()[..4], [EQUAL, DIFFERS, EQUAL, EQUAL]);
}

#[test]
fn a_failed_copy_of_several_senders_accuses_nobody() {
    let mut table = Table::new(2);
    table.send(0, [good(0), good(1)]);
    table.send(1, [bad(2), good(3)]);
    assert_eq!(table.rulings(), [TOGETHER; 4]);
}

#[test]
fn a_later_copy_tells_whose_block_was_bad() {
    let mut table = Table::new(3);
    table.send(0, [good(0), good(1)]);
    table.send(1, [bad(2), good(3)]);
    table.send(2, (0..4).map(good));
    let rulings = table.rulings();
    assert_eq!(rulings[..4], [EQUAL, EQUAL, DIFFERS, EQUAL]);
    assert_eq!(rulings[4..], [VERIFIED; 4]);
}

#[test]
fn two_bad_copies_of_two_senders_hold_the_unit_between_them() {
    let mut table = Table::new(2);
    table.send(0, [bad(0), good(1), good(2), good(3)]);
    table.send(1, [good(0), good(1), good(2), bad(3)]);
    let rulings = table.rulings();
    assert_eq!(rulings, [DIFFERS, EQUAL, EQUAL, EQUAL, EQUAL, EQUAL, EQUAL, DIFFERS]);
}

#[test]
fn versions_whose_borders_differ_are_put_together() {
    let mut table = Table::new(2);
    // Half of the second block is bad from one, the third block from the other.
    table.send(0, [good(0)]);
    table.send_bytes(0, 16, &[9; 8]);
    table.send(0, [good(2)]);
    table.send(1, [good(1), bad(2), good(3)]);
    assert_eq!(table.rulings(), [EQUAL, DIFFERS, EQUAL, EQUAL, DIFFERS, EQUAL]);
    assert_eq!(table.credited(), [(0, 2 * BLOCK), (1, 2 * BLOCK)]);
}

#[test]
fn a_copy_in_other_blocks_is_found_behind_what_others_sent_elsewhere() {
    let mut table = Table::new(4);
    table.send(3, [bad(0)]);
    table.to(3, 9);
    table.send(0, [good(0), good(1), good(2)]);
    table.send(1, [bad(3)]);
    table.send_bytes(2, 48, &GOOD[48..56]);
    table.send_bytes(2, 56, &GOOD[56..]);
    table.send(1, [bad(3)]);
    assert_eq!(table.rulings(), [DIFFERS, EQUAL, EQUAL, EQUAL, DIFFERS, EQUAL, EQUAL, AGAIN]);
}

/// Parts of the unit, so many of them, each good from one of two senders alone; what the second sends is of `second`.
fn two_copies(table: &mut Table, parts: usize, second: usize) {
    let len = GOOD.len() / parts;
    for (sender, odd) in [(0, 0), (second, 1)] {
        for (number, part) in GOOD.chunks(len).enumerate() {
            let mut bytes = part.to_vec();
            bytes[0] ^= u8::from(number % 2 == odd);
            table.send_bytes(sender, (number * len) as u32, &bytes);
        }
    }
}

#[test]
fn two_whole_copies_are_mixed_as_far_as_the_bound_and_beyond_it_each_failed_alone_and_the_bound_is_told() {
    for (parts, is_tried) in [(2, true), (4, true), (8, false), (16, false)] {
        let mut table = Table::new(2);
        two_copies(&mut table, parts, 1);
        let contents = table.contents();
        let rulings = table.rulings_of(&contents);
        if is_tried {
            let expected = [[DIFFERS, EQUAL], [EQUAL, DIFFERS]].map(|pair| pair.repeat(parts / 2)).concat();
            assert_eq!(rulings, expected, "{parts} parts");
        } else {
            // Each sent a whole copy alone, and it failed: that does not hang on what another one sent.
            assert_eq!(rulings, vec![ALONE; 2 * parts], "{parts} parts");
            assert!(contents.crowded, "{parts} parts: it is told");
        }
        // One sender alone cannot hide behind many versions.
        let mut table = Table::new(1);
        two_copies(&mut table, parts, 0);
        let refuted = table.rulings().iter().filter(|(class, _)| *class == Class::Refuted).count();
        assert_eq!(refuted, if is_tried { parts } else { 2 * parts }, "{parts} parts");
    }
}

#[test]
fn whoever_sends_a_whole_bad_copy_does_not_hide_behind_the_good_blocks_that_another_one_sent_elsewhere() {
    let mut table = Table::new(2);
    let parts = || GOOD.chunks(4).enumerate();
    parts().for_each(|(place, part)| {
        table.send_bytes(0, (place * 4) as u32, &part.iter().map(|byte| byte ^ 1).collect::<Vec<_>>())
    });
    table.to(1, 9);
    parts().skip(1).for_each(|(place, part)| table.send_bytes(1, (place * 4) as u32, part));
    let rulings = table.rulings();
    assert_eq!(rulings[..16], [ALONE; 16]);
    assert_eq!(rulings[16..], [doubted(Reason::Bound); 15], "a mix that was not tried may hold them");
}

#[test]
fn where_few_places_of_many_are_bad_in_the_first_copy_the_mix_is_found_whatever_the_bound() {
    for wrong in 0..16 {
        let mut table = Table::new(2);
        let is_bad = |sender: usize, place: usize| (place == wrong) == (sender == 0);
        for (sender, (place, part)) in
            (0..2).flat_map(|sender| GOOD.chunks(4).enumerate().map(move |it| (sender, it)))
        {
            let mut bytes = part.to_vec();
            bytes[1] ^= u8::from(is_bad(sender, place));
            table.send_bytes(sender, (place * 4) as u32, &bytes);
        }
        let rulings = table.rulings();
        let of = |sender: usize, place: usize| if is_bad(sender, place) { DIFFERS } else { EQUAL };
        assert!((0..32).all(|it| rulings[it] == of(it / 16, it % 16)), "{wrong}: {rulings:?}");
    }
}

#[test]
fn a_second_version_over_two_first_ones_is_told_apart_place_by_place() {
    let mut table = Table::new(1);
    // The end of the second block came first from a stranger, its middle after the genuine one.
    let mut sent = good(1).1;
    sent[12..].fill(9);
    table.send(0, [good(0), (1, sent), good(2), good(3)]);
    table.second_part(1, 6, &[9; 6]);
    table.second_part(1, 12, &good(1).1[12..]);
    let rulings = table.rulings();
    assert_eq!(rulings, [EQUAL, (Class::Verified, SecondVersion), EQUAL, EQUAL]);
    assert_eq!(table.credited(), [(0, 4 * BLOCK)]);
    let contents = table.contents();
    let doubts = Doubts::of(table.doubts.clone(), |_| true, &mut Vec::new());
    let ranges = std::iter::once(16..32).collect();
    let right = contents.right(0, &table.shares[1], &doubts, &ranges, &mut table.shelf).expect("it was sent");
    assert!(table.shelf.same(&right, &contents.references[0], 16..32), "its row names the bytes that are right");
}

#[test]
fn two_connections_are_one_sender_only_with_one_endpoint_and_one_peer_id() {
    for (peer_ids, port, expected) in [([1, 1], 0, ALONE), ([1, 2], 0, TOGETHER), ([1, 1], 1, TOGETHER)] {
        let mut table = Table::new(2);
        table.records[1].key.uploader.port = table.records[0].key.uploader.port + port;
        for (record, id) in table.records.iter_mut().zip(peer_ids) {
            record.peer_ids = SmallVec::One([id; 20]);
        }
        table.send(0, [good(0), bad(1)]);
        table.send(1, [good(2), good(3)]);
        assert_eq!(table.rulings(), [expected; 4], "{peer_ids:?}, port {port}");
    }
}

#[test]
fn what_was_sent_before_with_the_same_bytes_is_repeated_whatever_it_is_worth() {
    let mut table = Table::new(2);
    table.send(0, [good(0), good(0), bad(1), bad(1), good(1)]);
    // Another transfer repeats nothing of it.
    table.send(1, [good(0)]);
    assert_eq!(table.rulings(), [OPEN, AGAIN, OPEN, AGAIN, OPEN, OPEN]);
    let mut table = Table::new(1);
    table.send(0, (0..4).map(good));
    table.send(0, [good(3), bad(0), bad(0)]);
    assert_eq!(table.rulings()[4..], [AGAIN, DIFFERS, AGAIN]);
}

#[test]
fn a_block_that_is_bad_in_part_takes_nothing_from_those_that_repair_it() {
    let mut table = Table::new(1);
    table.send_bytes(0, 0, &[&GOOD[..BLOCK as usize], &[0; BLOCK as usize][..]].concat());
    table.send(0, [good(2), good(3)]);
    table.send(0, (0..4).map(good));
    let rulings = table.rulings();
    assert_eq!(rulings[0], DIFFERS);
    assert_eq!(table.credited(), [(0, 4 * BLOCK)]);
    assert_eq!(rulings.iter().filter(|ruling| **ruling == AGAIN).count(), 2, "{rulings:?}");
}

#[test]
fn bytes_in_doubt_verify_and_refute_nobody() {
    let all = [
        Reason::Damaged,
        Reason::OtherVersion,
        Reason::NotCompared,
        Reason::Cut,
        Reason::PlaceUnsure,
        Reason::NotConfirmed,
        Reason::NeverAcknowledged,
        Reason::ImpossibleAck,
        Reason::Contradicted,
        Reason::HeaderTwice,
    ];
    for reason in all {
        // A stretch, with the header of the block before it; a direction.
        for everywhere in [false, true] {
            let doubt = |table: &mut Table| match everywhere {
                true => table.doubts.push(Doubt {
                    scope: Scope::Direction(ConnectionId(1), Direction::LowToHigh),
                    reason,
                    second: None,
                }),
                false => table.doubt(1, 1, reason),
            };
            let mut table = Table::new(1);
            table.send(0, (0..4).map(good));
            doubt(&mut table);
            assert_eq!(table.rulings(), [VERIFIED; 4], "{reason:?} verifies");
            let mut table = Table::new(1);
            table.send(0, [good(0), bad(1), good(2), good(3)]);
            doubt(&mut table);
            // One share in doubt makes the failure nobody's.
            assert_eq!(table.rulings(), [doubted(reason); 4], "{reason:?} fails");
            let mut table = Table::new(2);
            table.send(0, [bad(1)]);
            table.send(1, (0..4).map(good));
            table.to(0, 9);
            if everywhere {
                doubt(&mut table)
            } else {
                table.doubt(1, 0, reason)
            }
            assert_eq!(table.rulings()[0], doubted(reason), "{reason:?} differs");
        }
    }
}

#[test]
fn a_doubt_reaches_the_header_of_a_block_and_not_its_neighbours() {
    let mut table = Table::new(2);
    table.send(0, [bad(0), bad(1), bad(2)]);
    table.to(0, 9);
    table.send(1, (0..4).map(good));
    let header = table.shares[1].stream.2.start - 13;
    let scope = Scope::Stretch(ConnectionId(1), Direction::LowToHigh, header..header + 13);
    table.doubts.push(Doubt { scope, reason: Reason::Cut, second: None });
    assert_eq!(table.rulings()[..3], [DIFFERS, doubted(Reason::Cut), DIFFERS]);
}

#[test]
fn shares_say_themselves_why_they_are_in_doubt() {
    type Change = fn(&mut Share);
    let changes: [(Change, Reason); 4] = [
        (|share| share.named = false, Reason::TorrentLikely),
        (|share| share.framing = Framing::Resynchronised, Reason::FramingFound),
        (|share| share.half_unknown = true, Reason::HalfUnknown),
        (
            |share| {
                share.framing = Framing::Resynchronised;
                share.place = 7;
            },
            Reason::PlaceGuessed,
        ),
    ];
    for (change, reason) in changes {
        let mut table = Table::new(1);
        table.send(0, [good(0), bad(1), good(2), good(3)]);
        table.shares.iter_mut().for_each(change);
        assert_eq!(table.rulings(), [doubted(reason); 4]);
        let mut table = Table::new(1);
        table.send(0, (0..4).map(good));
        table.shares.iter_mut().for_each(change);
        assert_eq!(table.rulings(), [VERIFIED; 4], "{reason:?}");
    }
}

#[test]
fn a_web_server_answers_for_its_bytes_only_where_it_is_listed_and_was_shown_to_have_the_torrent() {
    for (listed, shown) in [(false, false), (true, false), (false, true), (true, true)] {
        let mut table = Table::new(1);
        let record = &mut table.records[0];
        record.key.transport = Transport::Http;
        record.facts.named_places.extend(listed.then_some(7));
        record.facts.proven_places.extend(shown.then_some(7));
        table.send(0, [good(0), bad(1), good(2), good(3)]);
        table.shares.iter_mut().for_each(|share| share.place = 7);
        let expected = if listed && shown { ALONE } else { doubted(Reason::PlaceNotShown) };
        assert_eq!(table.rulings(), [expected; 4], "listed {listed}, shown {shown}");
    }
}

#[test]
fn padding_that_may_not_be_zeros_makes_a_failed_hash_nobodys_and_excuses_no_other_bytes() {
    let piece = PieceDoubt { padding: true, ..PieceDoubt::default() };
    let mut table = Table::new(1);
    table.piece = piece;
    table.send(0, [good(0), bad(1), good(2), good(3)]);
    assert_eq!(table.rulings(), [doubted(Reason::PaddingNotZero); 4]);
    let mut table = Table::new(2);
    table.piece = piece;
    table.send(0, [bad(1)]);
    table.to(0, 9);
    table.send(1, (0..4).map(good));
    assert_eq!(table.rulings()[0], DIFFERS);
}

#[test]
fn where_one_half_of_a_hybrid_is_known_what_differs_may_be_of_the_other() {
    let mut table = Table::new(2);
    table.send(0, (0..4).map(good));
    table.send(1, [bad(1)]);
    let mut contents = table.contents();
    contents.found.matched = Matched::default();
    contents.found.matched.note(Verdict::Half(Half::V1));
    assert_eq!(table.rulings_of(&contents)[4], doubted(Reason::HalfUnknown));
}

#[test]
fn of_two_versions_the_second_may_be_the_torrents() {
    let mut table = Table::new(1);
    table.send(0, [good(0), bad(1), good(2), good(3)]);
    table.second_version(1, good(1).1);
    let rulings = table.rulings();
    assert_eq!(rulings, [EQUAL, (Class::Verified, SecondVersion), EQUAL, EQUAL]);
    assert_eq!(table.credited(), [(0, 4 * BLOCK)]);
}

#[test]
fn of_two_versions_that_are_both_wrong_nobody_is_refuted() {
    let mut table = Table::new(1);
    table.send(0, [good(0), bad(1), good(2), good(3)]);
    table.second_version(1, vec![9; BLOCK as usize]);
    assert_eq!(table.rulings(), [doubted(Reason::OtherVersion); 4]);
}

#[test]
fn two_contents_with_one_sha_1_are_both_the_torrents() {
    let mut table = Table::new(2);
    table.shelf.collides = true;
    table.send(0, (0..4).map(good));
    table.send(1, [good(0), bad(1), good(2), good(3)]);
    assert_eq!(table.rulings(), [VERIFIED; 8]);
    assert_eq!(table.contents().references.len(), 2);
}

#[test]
fn of_a_torrent_that_is_not_known_only_repetition_is_told() {
    let mut table = Table::new(1);
    table.measure.expected = Expected::Unknown;
    table.known = false;
    table.send(0, [good(0), good(0), bad(0), good(1)]);
    let unknown = (Class::Unproven, NotKnown);
    assert_eq!(table.rulings(), [unknown, AGAIN, unknown, unknown]);
}

#[test]
fn a_whole_block_takes_the_place_of_the_part_that_a_broken_connection_left() {
    let mut table = Table::new(1);
    table.send_part(0, 0, 5);
    table.send(0, (0..4).map(good));
    let rulings = table.rulings();
    assert_eq!(rulings[0].0, Class::Verified);
    assert_eq!(table.credited(), [(0, 4 * BLOCK)]);
}

#[test]
fn what_speaks_against_a_share_is_asked_in_one_place() {
    let table = {
        let mut table = Table::new(1);
        table.send(0, [good(0)]);
        table
    };
    let doubts = Doubts::default();
    let bench = Bench { doubts: &doubts, records: &table.records };
    let share = &table.shares[0];
    let (padding, half_open) = (
        PieceDoubt { padding: true, ..PieceDoubt::default() },
        PieceDoubt { half_open: true, ..PieceDoubt::default() },
    );
    assert_eq!(bench.refutes(share, Against::Differs, &padding), Ok(()));
    assert_eq!(bench.refutes(share, Against::Failed, &padding), Err(Reason::PaddingNotZero));
    assert_eq!(bench.refutes(share, Against::Differs, &half_open), Err(Reason::HalfUnknown));
    assert_eq!(bench.refutes(share, Against::Failed, &half_open), Ok(()));
}

#[test]
fn too_many_versions_of_a_direction_put_all_of_it_in_doubt() {
    let mut table = Table::new(1);
    table.send(0, [good(0)]);
    let scope =
        |number: u64| Scope::Stretch(ConnectionId(1), Direction::LowToHigh, 90_000 + number..90_001 + number);
    let doubt = |number| Doubt { scope: scope(number), reason: Reason::OtherVersion, second: None };
    let mut told = Vec::new();
    assert_eq!(Doubts::of((0..1_024).map(doubt), |_| true, &mut told).about(&table.shares[0]), None);
    assert!(told.is_empty());
    assert_eq!(Doubts::of((0..1_026).map(doubt), |_| true, &mut told).about(&table.shares[0]), Some(Reason::Bound));
    assert_eq!(told.len(), 1, "the bound is told once");
}

proptest! {
    /// The accounting identity, where it is made: every captured byte is in exactly one class, of every sender; what is
    /// verified is credited once; who sent nothing wrong is not refuted.
    #[test]
    fn every_byte_is_in_exactly_one_class(
        blocks in prop::collection::vec((0..3_usize, 0..4_u32, 0..3_u8, 1..=BLOCK as u32), 0..24),
    ) {
        let mut table = Table::new(3);
        for (sender, block, kind, len) in &blocks {
            match kind {
                0 => table.send(*sender, [good(*block)]),
                1 => table.send(*sender, [bad(*block)]),
                _ => table.send_part(*sender, *block, *len),
            }
        }
        let contents = table.contents();
        let outcome = table.outcome(&contents);
        let (mut sums, mut verified) = (vec![0; table.shares.len()], vec![0; 3]);
        for ruling in &outcome.rulings {
            sums[ruling.share] += ruling.ranges.total();
            let sender = table.shares[ruling.share].transfer.0 as usize;
            verified[sender] += if ruling.class == Class::Verified { ruling.ranges.total() } else { 0 };
            let wrong = blocks.iter().any(|(who, _, kind, _)| *who == sender && *kind == 1);
            prop_assert!(ruling.class != Class::Refuted || wrong, "{ruling:?}");
        }
        let expected: Vec<u64> = table.shares.iter().map(|share| share.ranges.total()).collect();
        prop_assert_eq!(sums, expected);
        let mut credited = vec![0; 3];
        outcome.credits.iter().for_each(|credit| credited[credit.transfer.0 as usize] += credit.ranges.total());
        prop_assert_eq!(verified, credited);
    }
}
